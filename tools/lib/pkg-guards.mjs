// What wasm-bindgen's glue does not ask of arguments. A number where text is expected is written past the end of what was
// allocated for it, and the module traps; so the glue looks first. (Its own `--debug` looks at everything, several times.)

/** Each function, and what stands before the rest of it. @type {[string, string][]} */
const GUARDS = [
  [
    "function passStringToWasm0(arg, malloc, realloc) {",
    "if (typeof arg !== 'string') throw new TypeError(`expected a string, not ${arg === null ? 'null' : typeof arg}`);",
  ],
  [
    "function passArray8ToWasm0(arg, malloc) {",
    "if (!(arg instanceof Uint8Array) && !Array.isArray(arg)) throw new TypeError('expected a Uint8Array');\n    arg = Uint8Array.from(arg);",
  ],
];

/** It throws for a revoked proxy, through the module and past whatever that has borrowed. */
const IS_ARRAY = "const ret = Array.isArray(arg0);";
const IS_ARRAY_SURELY = "let ret = false;\n            try { ret = Array.isArray(arg0); } catch {}";

/**
 * The glue with its guards.
 * @param {string} glue
 */
export function guarded(glue) {
  for (const [head, guard] of GUARDS) {
    if (glue.split(head).length !== 2) throw new Error(`the glue has not one \`${head}\``);
    glue = glue.replace(head, () => `${head}\n    ${guard}`);
  }
  if (glue.split(IS_ARRAY).length !== 2) throw new Error(`the glue has not one \`${IS_ARRAY}\``);
  return glue.replace(IS_ARRAY, IS_ARRAY_SURELY);
}
