// The page's side of the core's worker: one question at a time, and only the newest of those that wait.
/** @import { Policy } from "./policies.js" */
/** @import { Diagnostic, Source } from "../../../pkg/mesh_policy.js" */
import url from "./core.worker.js?worker&url";
import { startWorker } from "./trusted.js";

/**
 * @typedef {{ bundles: Source[], charms: Source[], databags: Source[] }} Input
 *
 * @typedef {object} Compiled
 * @property {Policy[]} policies
 * @property {Diagnostic[]} findings
 * @property {number} meshPolicies
 * @property {boolean} dropped a diagnostic dropped a policy
 * @property {boolean} badInput the input could not be used
 * @property {number} took milliseconds
 *
 * @typedef {{ id: number, op: string, argument: unknown, resolve: (answer: any) => void, reject: (error: Error) => void, sent: number }} Question
 */

/** Where something newer waits, what has run this long is given up, in milliseconds. */
const PATIENCE = 3000;

/** A newer question of the same kind took its place. */
export class Superseded extends Error {}

export class Core {
  /** @type {Worker | undefined} */
  #worker;
  /** @type {Question | undefined} */
  #asked;
  /** @type {Question[]} */
  #waiting = [];
  #next = 1;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {(error?: string) => void} ready called once the core is there, or cannot be loaded */
  constructor(ready) {
    this.ready = ready;
    this.#start();
  }

  #start() {
    this.#worker?.terminate();
    const worker = startWorker(url, "core");
    worker.addEventListener("message", ({ data }) => {
      if (worker !== this.#worker) return;
      if (data.ready !== undefined) {
        this.ready(data.ready ? undefined : data.error);
        return;
      }
      const question = this.#asked;
      if (question?.id !== data.id) return;
      this.#asked = undefined;
      if (question && data.error === undefined) {
        this.#failures = 0;
        question.resolve(data.answer);
      } else {
        // After a trap the module's memory may be in any state: begin with a new one.
        question?.reject(new Error(data.error));
        if (++this.#failures < 5) this.#start();
      }
      this.#go();
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.ready(event.message || "its worker did not start");
    });
    this.#worker = worker;
  }

  /**
   * @param {Input} input
   * @returns {Promise<Compiled>}
   */
  compile(input) {
    return this.#ask("compile", input);
  }

  /**
   * @param {string} op
   * @param {unknown} argument
   * @returns {Promise<any>}
   */
  #ask(op, argument) {
    for (const old of this.#waiting.filter((q) => q.op === op)) old.reject(new Superseded());
    this.#waiting = this.#waiting.filter((q) => q.op !== op);
    const answer = new Promise((resolve, reject) => {
      this.#waiting.push({ id: this.#next++, op, argument, resolve, reject, sent: 0 });
    });
    this.#go();
    return answer;
  }

  #go() {
    clearTimeout(this.#timer);
    const asked = this.#asked;
    if (asked) {
      if (this.#waiting.length === 0) return;
      this.#timer = setTimeout(
        () => {
          asked.reject(new Superseded());
          this.#asked = undefined;
          this.#start();
          this.#go();
        },
        Math.max(0, asked.sent + PATIENCE - performance.now()),
      );
      return;
    }
    const next = this.#waiting.shift();
    if (!next) return;
    next.sent = performance.now();
    this.#asked = next;
    this.#worker?.postMessage({ id: next.id, op: next.op, argument: next.argument });
  }
}
