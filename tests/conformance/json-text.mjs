// JSON as it was written: numbers keep their text and objects the order of their keys, both of
// which JSON.parse loses (8080.0 becomes 8080, integers lose digits beyond 2^53, and keys such as
// "2" and "1" are sorted).

/**
 * @typedef {{ kind: "string", value: string, start: number, end: number }
 *   | { kind: "number", text: string, start: number, end: number }
 *   | { kind: "literal", text: "null" | "true" | "false", start: number, end: number }
 *   | { kind: "array", items: Json[], start: number, end: number }
 *   | { kind: "object", entries: [string, Json][], start: number, end: number }} Json
 *
 * `start` and `end` are offsets into the text that was read.
 */

export class JsonTextError extends Error {}

const SPACE = /[ \t\n\r]*/y;
// Python writes the last three for floats without a JSON form.
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|NaN|-?Infinity/y;
const LITERAL = /null|true|false/y;
// A string, cut at anything that JSON forbids inside one.
const STRING = /"(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/y;

/**
 * Reads one JSON text.
 *
 * @param {string} text
 * @returns {Json}
 */
export function readJson(text) {
  let at = 0;

  /** @param {string} what @returns {never} */
  function fail(what) {
    const near = text.slice(at, at + 20);
    throw new JsonTextError(`${what} at offset ${at}${near ? `, near \`${near}\`` : ", the end"}`);
  }
  /** @param {RegExp} pattern */
  function match(pattern) {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  }
  /** @param {string} character */
  function next(character) {
    match(SPACE);
    if (text[at] !== character) return false;
    at += 1;
    return true;
  }
  function string() {
    const token = match(STRING);
    if (token === undefined) fail("no string");
    // A token alone is within what JSON.parse keeps exactly, lone surrogates included.
    return /** @type {string} */ (JSON.parse(token));
  }
  /** @returns {Json} */
  function value() {
    match(SPACE);
    const start = at;
    if (text[at] === '"') return { kind: "string", value: string(), start, end: at };
    if (next("[")) {
      /** @type {Json[]} */
      const items = [];
      if (!next("]")) {
        do items.push(value());
        while (next(","));
        if (!next("]")) fail("no `,` or `]`");
      }
      return { kind: "array", items, start, end: at };
    }
    if (next("{")) {
      /** @type {[string, Json][]} */
      const entries = [];
      if (!next("}")) {
        do {
          match(SPACE);
          const key = string();
          if (!next(":")) fail("no `:`");
          entries.push([key, value()]);
        } while (next(","));
        if (!next("}")) fail("no `,` or `}`");
      }
      return { kind: "object", entries, start, end: at };
    }
    const literal = match(LITERAL);
    if (literal !== undefined) {
      return { kind: "literal", text: /** @type {"null"} */ (literal), start, end: at };
    }
    const number = match(NUMBER);
    if (number !== undefined) return { kind: "number", text: number, start, end: at };
    fail("no value");
  }

  const result = value();
  match(SPACE);
  if (at !== text.length) fail("something after the value");
  return result;
}

/**
 * The value of a key, or undefined where there is no such key or no object. The last one counts,
 * as in Python.
 *
 * @param {Json | undefined} json
 * @param {string} key
 * @returns {Json | undefined}
 */
export function member(json, key) {
  if (json?.kind !== "object") return undefined;
  return json.entries.findLast(([name]) => name === key)?.[1];
}

/**
 * The content of a string, or undefined for everything else.
 *
 * @param {Json | undefined} json
 */
export function textOf(json) {
  return json?.kind === "string" ? json.value : undefined;
}
