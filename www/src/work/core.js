// The page's side of the core's worker: one question at a time, and only the newest of those that wait.
/** @import { Policy } from "./policies.js" */
/** @import { Seen } from "./reach.js" */
/** @import { Diagnostic, Source } from "../../../pkg/mesh_policy.js" */
import url from "./core.worker.js?worker&url";
import { startWorker } from "./trusted.js";

/**
 * @typedef {{ bundles: Source[], charms: Source[], databags: Source[], manifests: Source[], expectations: Source[] }} Input
 *
 * @typedef {object} Compiled
 * @property {Policy[]} policies
 * @property {Diagnostic[]} findings
 * @property {boolean} dropped a diagnostic dropped a policy
 * @property {boolean} badInput the input could not be used
 * @property {number} took milliseconds
 *
 * @typedef {object} Question a request, and who sends it
 * @property {{ namespace: string, serviceAccount: string } | null} from `null`: a client outside the mesh
 * @property {Record<string, string>} to
 * @property {string} [method]
 * @property {string} [path]
 * @property {number | string} [port]
 *
 * @typedef {"allowed" | "denied" | "depends"} Verdict
 *
 * @typedef {object} Answer
 * @property {Verdict} verdict
 * @property {string[]} reasons what it depends on
 * @property {boolean} [clientOutsideMesh]
 * @property {Way[]} ways
 * @property {string[]} assumed
 *
 * @typedef {object} Suggestion what to declare so that a denied request would be allowed
 * @property {boolean} possible
 * @property {string} text the change, or why there is none
 * @property {{ file: string, what: string, line: number, column: number, insert: string }[]} edits
 *
 * @typedef {object} Change
 * @property {string} [text]
 * @property {{ from: { namespace: string, serviceAccount: string } | null, to: Record<string, string>, port?: number, method?: string, path?: string }} [witness]
 *
 * @typedef {{ name: string, file: string, line: number, pass: boolean, why?: string, witness?: NonNullable<Change["witness"]> }} Fate of an expectation
 * @typedef {{ passed: number, failed: number, results: Fate[], untouched: string[], diagnostics: Diagnostic[] }} Expected
 *
 * @typedef {object} Difference
 * @property {boolean} equivalent
 * @property {Change[]} granted
 * @property {Change[]} revoked
 * @property {Change[]} unknown
 * @property {(string | { text?: string })[]} notCompared
 *
 * @typedef {{ via: string, asked: boolean, verdict: Verdict, layers: Layer[] }} Way
 *
 * @typedef {object} Layer
 * @property {string} layer
 * @property {Verdict} verdict
 * @property {string} why
 * @property {string} [at]
 * @property {string | null} [client]
 * @property {number} [port]
 * @property {string} [policy]
 * @property {{ policy: string }[]} [considered]
 * @property {{ policy: string, rule: number, misses: { field: string, expected?: string[], excluded?: string[], actual: string }[] }} [nearest]
 *
 * @typedef {{ id: number, op: string, argument: unknown, resolve: (answer: any) => void, reject: (error: Error) => void, sent: number }} Pending
 */

/** Where something newer waits, what has run this long is given up, in milliseconds. */
const PATIENCE = 3000;

/** A newer question of the same kind took its place. */
export class Superseded extends Error {
  /** @override */
  name = "Superseded";
}

export class Core {
  /** @type {Worker | undefined} */
  #worker;
  /** @type {Pending | undefined} */
  #asked;
  /** @type {Pending[]} */
  #waiting = [];
  #next = 1;
  #failures = 0;
  /** What questions are about. @type {Input | undefined} */
  #input;
  /** What it is compared with. @type {Input | undefined} */
  #baseline;
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
        question?.reject(new Error(data.error));
        // After a trap the module's memory may be in any state: begin with a new one.
        if (data.trap && ++this.#failures < 5) this.#start();
      }
      this.#go();
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.ready(event.message || "its worker did not start");
    });
    this.#worker = worker;
    if (this.#input) worker.postMessage({ id: 0, op: "input", argument: this.#input });
    if (this.#baseline) worker.postMessage({ id: 0, op: "baseline", argument: this.#baseline });
  }

  /**
   * @param {Input} input
   * @returns {Promise<Compiled>}
   */
  compile(input) {
    this.#input = input;
    return this.#ask("compile", input);
  }

  /**
   * Asks about the mesh of the last compilation.
   * @param {Question} question
   * @returns {Promise<Answer>}
   */
  ask(question) {
    return this.#ask("ask", question);
  }

  /**
   * What would have to be declared for a request that is denied.
   * @param {Question} question
   * @returns {Promise<Suggestion | undefined>}
   */
  suggest(question) {
    return this.#ask("suggest", question);
  }

  /** @returns {Promise<Seen>} the applications of the last compilation, and who may reach whom */
  see() {
    return this.#ask("see", undefined);
  }

  /**
   * What is wrong with the policies of the last compilation, beside what compiling them finds.
   * @returns {Promise<Diagnostic[]>}
   */
  lint() {
    return this.#ask("lint", undefined);
  }

  /** @param {Input} input is compared with from now on */
  baseline(input) {
    this.#baseline = input;
    return this.#ask("baseline", input);
  }

  /** @returns {Promise<Expected>} how the expectations of the last compilation's input fare */
  check() {
    return this.#ask("check", undefined);
  }

  /** @returns {Promise<Difference>} from the baseline to the last compilation */
  compare() {
    return this.#ask("compare", undefined);
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
