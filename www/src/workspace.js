// The files that are open, and which one is in front.
/** @import { Input } from "./work/core.js" */

/**
 * @typedef {"bundle" | "overlay" | "charm" | "databag" | "manifests" | "expectations"} Kind
 *
 * @typedef {object} OpenFile
 * @property {string} id stable while the page is open; also what the compiler calls the file
 * @property {string} name as the user knows it
 * @property {Kind} kind
 * @property {string} model of a bundle or databag; empty: not said
 * @property {string} text
 *
 * @typedef {Omit<OpenFile, "id">} NewFile
 */

/** @type {Record<Kind, { one: string, many: string }>} */
export const KINDS = {
  bundle: { one: "Bundle", many: "Bundles" },
  overlay: { one: "Overlay", many: "Overlays" },
  charm: { one: "Charm file", many: "Charm files" },
  databag: { one: "Databag", many: "Databags" },
  manifests: { one: "Manifests", many: "Manifests" },
  expectations: { one: "Expectations", many: "Expectations" },
};

/** Together no more than this, in UTF-16 units. */
export const LARGEST = 16 * 1024 * 1024;
export const MOST_FILES = 1000;

/**
 * What a file is, by the keys at its left margin.
 * @param {string} name
 * @param {string} text
 * @returns {Kind}
 */
export function kindOf(name, text) {
  const start = text.slice(0, 200_000);
  if (/^\s*\[|"relation-info"|"source_app_name"/.test(start)) return "databag";
  if (/^[-[\s{]*(?:expect|name)\s*:.*$[^]*?^[\s{-]*expect\s*:|^-\s*\{.*\bexpect\s*:/m.test(start.slice(0, 5000))) return "expectations";
  if (/^(?:apiVersion|kind)\s*:|^\s*\{\s*"(?:apiVersion|kind)"/m.test(start)) return "manifests";
  // A charm's own file has `name` in place of `charm`, as bundles have; no bundle has endpoints.
  if (/^(?:charm|provides|requires|peers)\s*:/m.test(start)) return "charm";
  if (/^(?:applications|services|bundle|saas|relations)\s*:/m.test(start)) return /overlay/i.test(name) ? "overlay" : "bundle";
  return /charm/i.test(name) ? "charm" : "bundle";
}

/** Fires `opened` when everything was replaced, `edited` when a text changed, `files` when more than a text did, `active` when another file came to the front. */
export class Workspace extends EventTarget {
  /** @type {OpenFile[]} */
  files = [];
  /** @type {OpenFile | undefined} */
  active;
  /** Set while a link's content is looked at and not imported. */
  readOnly = false;
  /** Files of an example that nobody has touched yet. @type {Set<OpenFile>} */
  #example = new Set();
  #next = 1;

  /**
   * Replaces everything.
   * @param {NewFile[]} files
   * @param {{ readOnly?: boolean, active?: number, isExample?: boolean }} [options]
   */
  replace(files, { readOnly = false, active = 0, isExample = false } = {}) {
    this.readOnly = readOnly;
    this.files = files.slice(0, MOST_FILES).map((file) => this.#open(file));
    this.#example = new Set(isExample ? this.files : []);
    this.active = this.files[active] ?? this.files[0];
    this.dispatchEvent(new Event("files"));
    this.dispatchEvent(new Event("active"));
    this.dispatchEvent(new Event("opened"));
  }

  /** Nothing but an example is open, as it came. */
  get isExample() {
    return this.files.length > 0 && this.files.every((file) => this.#example.has(file));
  }

  /** @param {NewFile} file @returns {OpenFile} */
  #open(file) {
    return { ...file, id: `f${this.#next++}` };
  }

  /**
   * Adds files; one of a name and kind that is open takes its place.
   * @param {NewFile[]} files
   */
  add(files) {
    this.#example.clear();
    /** @type {OpenFile | undefined} */
    let last;
    for (const file of files) {
      const same = this.files.findIndex((open) => open.name === file.name && open.kind === file.kind);
      last = this.#open(file);
      if (same >= 0) this.files.splice(same, 1, last);
      else if (this.files.length < MOST_FILES) this.files.push(last);
    }
    if (last) this.active = last;
    this.dispatchEvent(new Event("files"));
    this.dispatchEvent(new Event("active"));
  }

  /**
   * Opens somebody's own files: beside what is open, but what says what there is takes the place of an example that nobody
   * has touched.
   * @param {NewFile[]} files
   * @returns {boolean} whether an example made room
   */
  open(files) {
    const example = this.#example;
    const first = files.findIndex(({ kind }) => ["bundle", "databag", "manifests"].includes(kind));
    if (example.size > 0 && first >= 0) {
      const own = this.files.filter((file) => !example.has(file));
      this.replace([...own, ...files], { active: own.length + first });
      return true;
    }
    const count = this.files.length;
    const kept = new Set(example);
    this.add(files);
    // One that took the place of another changed the example.
    if (this.files.length === count + files.length) this.#example = kept;
    return false;
  }

  /** @param {OpenFile} file */
  remove(file) {
    this.#example.clear();
    const at = this.files.indexOf(file);
    if (at < 0) return;
    this.files.splice(at, 1);
    const was = this.active === file;
    if (was) this.active = this.files[Math.min(at, this.files.length - 1)];
    this.dispatchEvent(new Event("files"));
    if (was) this.dispatchEvent(new Event("active"));
  }

  /** @param {OpenFile} file */
  activate(file) {
    if (this.active === file) return;
    this.active = file;
    this.dispatchEvent(new Event("active"));
  }

  /**
   * @param {OpenFile} file
   * @param {Partial<NewFile>} change
   */
  change(file, change) {
    this.#example.clear();
    Object.assign(file, change);
    this.dispatchEvent(new Event(Object.keys(change).every((key) => key === "text") ? "edited" : "files"));
  }

  /** @param {string} id */
  byId(id) {
    return this.files.find((file) => file.id === id);
  }

  /** @returns {number} in UTF-16 units */
  get size() {
    return this.files.reduce((sum, { text }) => sum + text.length, 0);
  }

  /** @returns {NewFile[]} without what only this page knows */
  snapshot() {
    return this.files.map(({ name, kind, model, text }) => ({ name, kind, model, text }));
  }

  /** @returns {Input} */
  input() {
    /** @param {OpenFile} file */
    const source = ({ id, text, model, kind }) => ({
      file: id,
      text,
      ...(model.trim() && { model: model.trim() }),
      ...(kind === "overlay" && { overlay: true }),
    });
    const filled = this.files.filter(({ text }) => text.trim() !== "");
    const bundles = filled.filter(({ kind }) => kind === "bundle");
    const overlays = filled.filter(({ kind }) => kind === "overlay");
    return {
      // An overlay belongs to the bundle before it; with several bundles, to the one of its model.
      bundles: bundles.flatMap((bundle, at) => [
        source(bundle),
        ...overlays
          .filter(({ model }) => (model ? model === bundle.model : at === 0))
          .map((overlay) => ({ file: overlay.id, text: overlay.text, overlay: true })),
      ]),
      charms: filled.filter(({ kind }) => kind === "charm").map(source),
      databags: filled.filter(({ kind }) => kind === "databag").map(source),
      manifests: filled.filter(({ kind }) => kind === "manifests").map(source),
      expectations: filled.filter(({ kind }) => kind === "expectations").map(source),
    };
  }
}
