// What has to agree about operations on a cluster: what is in it at the end, not the way there.

import { member, readJson, textOf } from "./json-text.mjs";

/** @typedef {import("./json-text.mjs").Json} Json */

/** Operations whose programs write to a cluster in an order of their own. */
export const CLUSTER_OPS = ["reconcile_policies", "reconcile_labels"];

/**
 * Whether something goes wrong in a request's cluster. What is then left undone is not the same.
 *
 * @param {string} request
 */
export function hasFaults(request) {
  const faults = member(readJson(request), "faults");
  return faults?.kind === "array" && faults.items.length > 0;
}

/**
 * Whether two raw policies of a request have one name. The oracle's API server then keeps the labels of both,
 * where a real one takes away what the same field manager does not apply any more.
 *
 * @param {string} request
 */
export function hasTwins(request) {
  const raw = member(readJson(request), "raw_policies");
  const metadata = (raw?.kind === "array" ? raw.items : []).map((policy) => member(policy, "metadata"));
  const names = metadata.map((each) => each && nameOf(each));
  return new Set(names).size < names.length;
}

/**
 * An answer without the calls, the versions of objects and the order of keys. Of an error only its type
 * is left: the library has written something before it raises, we have not.
 *
 * @param {string} request
 * @param {string} answer
 * @param {boolean} isLibrary
 * @returns {string}
 */
export function endState(request, answer, isLibrary) {
  const json = readJson(answer);
  const error = member(json, "error");
  if (error) return `{"error":{"type":${JSON.stringify(textOf(member(error, "type")))}}}`;
  const state = member(json, "state");
  if (!state || !member(json, "ok")) return answer;
  const objects = state.kind === "array" ? state.items : [];
  const labels = isLibrary ? missingLabels(readJson(request)) : null;
  for (const object of objects) {
    const metadata = member(object, "metadata");
    if (metadata?.kind !== "object") continue;
    metadata.entries = metadata.entries.filter(([key]) => key !== "resourceVersion");
    if (labels?.names.has(nameOf(metadata))) addLabels(metadata, labels.entries);
  }
  return `{"ok":null,"state":${sorted(state)}}`;
}

/** @param {Json} metadata */
function nameOf(metadata) {
  return `${textOf(member(metadata, "namespace"))}/${textOf(member(metadata, "name"))}`;
}

/**
 * The library leaves the manager's labels out of raw policies whose metadata is a dict, and never finds them
 * again. We add them.
 *
 * @param {Json} request
 */
function missingLabels(request) {
  const labels = member(request, "labels");
  const raw = member(request, "raw_policies");
  const isDeletion = textOf(member(request, "action")) === "delete";
  /** @type {Set<string>} */
  const names = new Set();
  for (const policy of raw?.kind === "array" && !isDeletion ? raw.items : []) {
    const metadata = member(policy, "metadata");
    if (textOf(member(policy, "via")) !== "dict" || !metadata) continue;
    const namespace = textOf(member(metadata, "namespace")) ?? textOf(member(request, "model_name"));
    names.add(`${namespace}/${textOf(member(metadata, "name"))}`);
  }
  const entries = labels?.kind === "object" ? labels.entries : [];
  return { names, entries: entries.filter(([, value]) => value.kind === "string") };
}

/** @param {Extract<Json, { kind: "object" }>} metadata @param {[string, Json][]} added */
function addLabels(metadata, added) {
  let labels = member(metadata, "labels");
  if (labels?.kind !== "object") {
    labels = { kind: "object", entries: [], start: 0, end: 0 };
    metadata.entries.push(["labels", labels]);
  }
  const others = labels.entries.filter(([key]) => !added.some(([name]) => name === key));
  labels.entries = [...others, ...added];
}

/** @param {Json} json @returns {string} */
function sorted(json) {
  if (json.kind === "string") return JSON.stringify(json.value);
  if (json.kind === "array") return `[${json.items.map(sorted)}]`;
  if (json.kind !== "object") return json.text;
  const members = json.entries.toSorted(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([key, value]) => `${JSON.stringify(key)}:${sorted(value)}`)}}`;
}
