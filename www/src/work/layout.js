// The page's side of the layout's worker: the newest graph counts, an older one that still runs is given up.
import url from "./layout.worker.js?worker&url";
import { startWorker } from "./trusted.js";

/**
 * @typedef {object} Graph
 * @property {{ id: string, width: number, height: number, group: string }[]} nodes
 * @property {{ id: string, from: string, to: string }[]} edges
 * @property {{ width: number, height: number }} frame what it is shown in
 *
 * @typedef {object} Placed
 * @property {number} width
 * @property {number} height
 * @property {boolean} across arrows go from left to right, not from top to bottom
 * @property {{ id: string, x: number, y: number }[]} nodes by their middle
 * @property {{ id: string, x: number, y: number, width: number, height: number }[]} groups by their corner
 * @property {{ id: string, points: { x: number, y: number }[] }[]} edges but those from a box to itself
 */

export class Layout {
  /** @type {Worker | undefined} */
  #worker;
  #id = 0;
  #busy = false;

  /**
   * @param {Graph} graph
   * @returns {Promise<Placed>} never settles when a newer graph comes first
   */
  place(graph) {
    if (this.#busy) {
      this.#worker?.terminate();
      this.#worker = undefined;
    }
    const worker = (this.#worker ??= startWorker(url, "layout"));
    const id = ++this.#id;
    this.#busy = true;
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => {
        if (data.id !== this.#id) return;
        this.#busy = false;
        if (data.error) reject(new Error(data.error));
        else resolve(data.placed);
      };
      worker.onerror = (event) => {
        event.preventDefault();
        this.#busy = false;
        this.#worker = undefined;
        reject(new Error(event.message || "the layout did not start"));
      };
      worker.postMessage({ id, graph });
    });
  }
}
