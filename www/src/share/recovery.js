// Keeps what is open, so that a crash or a closed tab loses nothing. Each tab has a draft of its own; a few are kept.
/** @import { NewFile } from "../workspace.js" */
import { KINDS } from "../workspace.js";

/** @typedef {{ time: number, files: NewFile[], active: number, view: string, isExample?: boolean }} Draft */

const PREFIX = "mesh-policy:draft:";
/** Drafts that are kept. */
const KEPT = 4;
/** In UTF-16 units: four of them fit into what browsers give an origin. */
const LARGEST = 600_000;

/** @param {() => void} action storage may be full, or closed to this page */
function attempt(action) {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

/** @param {string} key @returns {Draft | undefined} */
function read(key) {
  try {
    const draft = JSON.parse(localStorage.getItem(key) ?? "null");
    const isFile = (/** @type {any} */ f) =>
      ["name", "kind", "model", "text"].every((part) => typeof f?.[part] === "string") && Object.hasOwn(KINDS, f.kind);
    if (typeof draft?.time !== "number" || !Array.isArray(draft.files) || !draft.files.every(isFile)) return undefined;
    return { time: draft.time, files: draft.files, active: Number(draft.active) || 0, view: String(draft.view ?? ""), isExample: draft.isExample === true };
  } catch {
    return undefined;
  }
}

/** @returns {{ key: string, draft: Draft }[]} newest first */
function drafts() {
  /** @type {{ key: string, draft: Draft }[]} */
  const found = [];
  attempt(() => {
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith(PREFIX)) continue;
      const draft = read(key);
      if (draft) found.push({ key, draft });
    }
  });
  return found.sort((a, b) => b.draft.time - a.draft.time);
}

export class Recovery {
  #key = PREFIX + crypto.getRandomValues(new Uint32Array(2)).join("-");

  /**
   * Takes up the draft that this tab had, or else the newest that no other tab has open.
   * @returns {Promise<{ draft: Draft, sameTab: boolean } | undefined>}
   */
  async begin() {
    const own = sessionStorageItem();
    const candidates = [...(own ? [own] : []), ...drafts().map(({ key }) => key)];
    for (const key of candidates) {
      const draft = read(key);
      // After a reload, the page before this one may still be letting go of it.
      if (!draft || !(await this.#hold(key, key === own ? 800 : 0))) continue;
      this.#key = key;
      this.#mark();
      return { draft, sameTab: key === own };
    }
    await this.fresh();
    return undefined;
  }

  /** Leaves the draft as it is and begins another one. */
  async fresh() {
    this.#key = PREFIX + crypto.getRandomValues(new Uint32Array(2)).join("-");
    await this.#hold(this.#key);
    this.#mark();
  }

  /** @type {Set<string>} drafts that this tab holds */
  #held = new Set();

  /** @param {string} key @param {number} [patience] in milliseconds */
  async #hold(key, patience = 0) {
    if (!this.#held.has(key) && !(await hold(key, patience))) return false;
    this.#held.add(key);
    return true;
  }

  #mark() {
    attempt(() => sessionStorage.setItem("mesh-policy:tab", this.#key));
  }

  /**
   * @param {Omit<Draft, "time">} state
   * @returns {boolean} whether it is kept
   */
  keep(state) {
    const size = state.files.reduce((sum, { text, name, model }) => sum + text.length + name.length + model.length, 0);
    if (size > LARGEST) {
      attempt(() => localStorage.removeItem(this.#key));
      return false;
    }
    const text = JSON.stringify({ time: Date.now(), ...state });
    for (const { key } of drafts().filter(({ key }) => key !== this.#key).slice(KEPT - 1))
      attempt(() => localStorage.removeItem(key));
    return attempt(() => localStorage.setItem(this.#key, text));
  }
}

function sessionStorageItem() {
  try {
    const key = sessionStorage.getItem("mesh-policy:tab");
    return key?.startsWith(PREFIX) ? key : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Holds a draft for as long as this tab is open. Where the browser has no locks, drafts are shared.
 * @param {string} key
 * @param {number} patience how long to wait for it, in milliseconds
 * @returns {Promise<boolean>} whether it is held
 */
function hold(key, patience) {
  const locks = navigator.locks;
  if (!locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    locks
      .request(key, patience > 0 ? { signal: AbortSignal.timeout(patience) } : { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock && new Promise(() => {});
      })
      .catch(() => resolve(patience === 0));
  });
}
