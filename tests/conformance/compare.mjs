// Whether our answer to a request is the library's answer.

import { member, readJson, textOf } from "./json-text.mjs";

/** @typedef {import("./json-text.mjs").Json} Json */
/** @typedef {{ path: string, why: string }} Difference */
/**
 * @typedef {{ result: "equal" }
 *   | { result: "allowed", tag: string }
 *   | ({ result: "different" } & Difference)} Verdict
 */

// A request with one of these tags may be refused, clearly: see README.md.
export const REFUSABLE_TAGS = ["bigint", "unicode-version"];

// Members of `ok` that are answers themselves: {"ok": …} or {"error": …}.
/** @type {Record<string, string[]>} */
const ANSWERS_INSIDE = { consumer_databag: ["mesh_type", "labels"], provider: ["mesh_info"] };

/**
 * Compares two answers to one request.
 *
 * @param {{ op: string, tags: string[] }} request
 * @param {string} expected what the library answered, one line of JSON
 * @param {string} actual what we answered, one line of JSON
 * @returns {Verdict}
 */
export function compareAnswers(request, expected, actual) {
  /** @type {Json} */
  let ours;
  try {
    ours = readJson(actual);
  } catch (error) {
    return { result: "different", path: "", why: `our answer is no JSON: ${error}` };
  }
  let theirs = readJson(expected);
  if (request.op === "consumer_databag" && !member(ours, "calls") && !member(ours, "state")) {
    if (failedInCluster(theirs) && isPlainRefusal(ours)) {
      return { result: "allowed", tag: "cluster" };
    }
    theirs = withoutCluster(theirs);
  }
  const inside = ANSWERS_INSIDE[request.op] ?? [];
  const difference = compareOutcomes(theirs, ours, "", inside);
  if (difference === null) return { result: "equal" };
  const tags = REFUSABLE_TAGS.filter((tag) => request.tags.includes(tag));
  const refused = inside.filter((name) => isPlainRefusal(member(member(ours, "ok"), name)));
  if (tags.length > 0 && refused.length > 0) {
    // What was refused aside, the rest has to agree.
    const rest = [theirs, ours].map((answer) => without(answer, refused));
    const remaining = compareOutcomes(rest[0], rest[1], "", inside);
    if (remaining === null) return { result: "allowed", tag: tags.join("+") };
  }
  if (tags.length > 0 && isRefusal(ours)) return { result: "allowed", tag: tags.join("+") };
  return { result: "different", ...difference };
}

/**
 * The cluster made the library fail, so that it did not come to the databags. What a consumer
 * makes of a cluster is compared by `reconcile_labels`; ours answers for the databags alone.
 *
 * @param {Json} answer
 */
function failedInCluster(answer) {
  const calls = member(answer, "calls");
  return Boolean(member(answer, "error")) && calls?.kind === "array" && calls.items.length > 0;
}

/** @param {Json} answer @returns {Json} */
function withoutCluster(answer) {
  if (answer.kind !== "object") return answer;
  const entries = answer.entries.filter(([name]) => name !== "calls" && name !== "state");
  return { ...answer, entries };
}

/**
 * @param {Json} answer
 * @param {string[]} names of members of `ok` to leave out
 * @returns {Json}
 */
function without(answer, names) {
  if (answer.kind !== "object") return answer;
  /** @type {[string, Json][]} */
  const entries = answer.entries.map(([name, value]) => {
    if (name !== "ok" || value.kind !== "object") return [name, value];
    const kept = value.entries.filter(([inner]) => !names.includes(inner));
    return [name, { ...value, entries: kept }];
  });
  return { ...answer, entries };
}

/**
 * The refusal of a databag says its code alone.
 *
 * @param {Json | undefined} answer
 */
function isPlainRefusal(answer) {
  return (
    answer?.kind === "object" &&
    answer.entries.length === 1 &&
    Boolean(textOf(member(answer, "refused")))
  );
}

/**
 * A refusal is an error of type `Refused` that says why, and nothing else.
 *
 * @param {Json} answer
 */
function isRefusal(answer) {
  if (isPlainRefusal(answer)) return true;
  const error = member(answer, "error");
  return (
    answer.kind === "object" &&
    answer.entries.length === 1 &&
    textOf(member(error, "type")) === "Refused" &&
    Boolean(textOf(member(error, "message")))
  );
}

/**
 * @param {Json} expected
 * @param {Json} actual
 * @param {string} path
 * @param {string[]} [answersInside]
 * @returns {Difference | null}
 */
function compareOutcomes(expected, actual, path, answersInside = []) {
  const kinds = [expected, actual].map(outcomeOf);
  if (kinds[0] === undefined) {
    throw new Error(`the recorded answer has not exactly one of ok and error (${path || "top"})`);
  }
  // Where the library raises, a plain refusal says as much.
  if (kinds[0] === "error" && isPlainRefusal(actual)) return null;
  if (kinds[0] !== kinds[1]) {
    return { path, why: `expected ${kinds[0]}, got ${kinds[1] ?? "neither, or both"}` };
  }
  if (expected.kind !== "object" || actual.kind !== "object") throw new Error("unreachable");
  const names = expected.entries.map(([name]) => name);
  const ourNames = actual.entries.map(([name]) => name);
  // The order of ok, calls and state beside one another means nothing.
  if (names.toSorted().join() !== ourNames.toSorted().join()) {
    return { path, why: `expected the keys ${names}, got ${ourNames}` };
  }
  for (const [name, value] of expected.entries) {
    const ours = /** @type {Json} */ (member(actual, name));
    const difference =
      name === "error"
        ? compareErrors(value, ours, `${path}.error`)
        : name === "ok" && answersInside.length > 0
          ? compareValues(value, ours, `${path}.ok`, answersInside)
          : compareValues(value, ours, `${path}.${name}`);
    if (difference) return difference;
  }
  return null;
}

/** @param {Json} answer @returns {"ok" | "error" | undefined} */
function outcomeOf(answer) {
  const [ok, error] = [member(answer, "ok"), member(answer, "error")];
  if ((ok === undefined) === (error === undefined)) return undefined;
  return ok === undefined ? "error" : "ok";
}

/**
 * Errors agree in type and, where the library lists validation errors, in the type and place of
 * each. Texts belong to Python.
 *
 * @param {Json} expected
 * @param {Json} actual
 * @param {string} path
 * @returns {Difference | null}
 */
function compareErrors(expected, actual, path) {
  const [type, ourType] = [expected, actual].map((error) => textOf(member(error, "type")));
  if (type !== ourType) {
    return { path: `${path}.type`, why: `expected \`${type}\`, got \`${ourType}\`` };
  }
  const errors = member(expected, "errors");
  if (errors?.kind !== "array") return null;
  const ours = member(actual, "errors");
  if (ours?.kind !== "array") return { path: `${path}.errors`, why: "there is no such list" };
  const [list, ourList] = [errors, ours].map((each) => each.items.map(typeAndPlace));
  const at = list.findIndex((each, index) => each !== ourList[index]);
  if (at >= 0) {
    const [wanted, got] = [list[at], ourList[at] ?? "nothing"];
    return { path: `${path}.errors[${at}]`, why: `expected ${wanted}, got ${got}` };
  }
  if (ourList.length > list.length) {
    const why = `expected ${list.length} errors, got ${ourList.length}`;
    return { path: `${path}.errors[${list.length}]`, why };
  }
  return null;
}

/** @param {Json} error */
function typeAndPlace(error) {
  const place = member(error, "loc");
  const steps = place?.kind === "array" ? place.items.map(step).join(", ") : "no list";
  return `${textOf(member(error, "type"))} [${steps}]`;
}

/** @param {Json} json */
function step(json) {
  if (json.kind === "string") return JSON.stringify(json.value);
  return json.kind === "number" ? json.text : json.kind;
}

/**
 * @param {Json} expected
 * @param {Json} actual
 * @param {string} path
 * @param {string[]} [answersInside] keys that hold answers
 * @returns {Difference | null}
 */
export function compareValues(expected, actual, path, answersInside = []) {
  const different = { path, why: `expected ${shown(expected)}, got ${shown(actual)}` };
  if (expected.kind === "object" && actual.kind === "object") {
    const [keys, ourKeys] = [expected, actual].map(({ entries }) => entries.map(([key]) => key));
    if (JSON.stringify(keys) !== JSON.stringify(ourKeys)) {
      const [wanted, got] = [keys, ourKeys].map((each) => JSON.stringify(each));
      return { path, why: `expected the keys ${wanted}, got ${got}` };
    }
    for (const [index, [key, value]] of expected.entries.entries()) {
      const ours = actual.entries[index][1];
      const compare = answersInside.includes(key) ? compareOutcomes : compareValues;
      const difference = compare(value, ours, `${path}.${key}`);
      if (difference) return difference;
    }
    return null;
  }
  if (expected.kind === "array" && actual.kind === "array") {
    for (const [index, value] of expected.items.entries()) {
      if (index >= actual.items.length) break;
      const difference = compareValues(value, actual.items[index], `${path}[${index}]`);
      if (difference) return difference;
    }
    if (expected.items.length === actual.items.length) return null;
    return { path, why: `expected ${expected.items.length} items, got ${actual.items.length}` };
  }
  if (expected.kind === "string" && actual.kind === "string") {
    return expected.value === actual.value ? null : different;
  }
  if (expected.kind === "number" && actual.kind === "number") {
    return sameNumber(expected.text, actual.text) ? null : different;
  }
  if (expected.kind === "literal" && actual.kind === "literal") {
    return expected.text === actual.text ? null : different;
  }
  return different;
}

/**
 * Integers agree digit by digit. Floats agree as floats, however they are written (1e15 and
 * 1000000000000000.0); an integer and a float never do, for Python reads them as different types.
 *
 * @param {string} expected
 * @param {string} actual
 */
function sameNumber(expected, actual) {
  if (expected === actual) return true;
  const float = /[.eE]/;
  const finite = /[0-9]$/;
  if (!finite.test(expected) || !finite.test(actual)) return false;
  if (!float.test(expected) || !float.test(actual)) return false;
  return Object.is(Number(expected), Number(actual));
}

/** @param {Json} json */
function shown(json) {
  if (json.kind === "string") {
    const text = JSON.stringify(json.value);
    return text.length > 400 ? `${text.slice(0, 400)}…` : text;
  }
  if (json.kind === "number" || json.kind === "literal") return json.text.slice(0, 400);
  return json.kind === "array" ? `a list of ${json.items.length}` : "an object";
}
