// What each part of the module costs: bytes of code by the part of the sources that they come from, before wasm-opt.
//
//   node tools/wasm-parts.mjs      after `make pkg`, whose build leaves the module with its names in target/
//
// A function counts where it was inlined. What is generic counts where it is written, not where it is used: a list of
// policies that grows is the standard library's.

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { ROOT, TARGET, wasmEnvironment } from "./lib/toolchain.mjs";

/** Sections of a module and of its names, as the specification numbers them. */
const SECTION = { custom: 0, import: 2, code: 10, data: 11 };
const FUNCTION_NAMES = 1;

/** Crates that are not ours. */
const DEPENDENCIES = ["saphyr_parser", "serde_core", "serde", "sha1", "sha2", "dlmalloc"];

const STANDARD = "the standard library";

/** Describes the door to wasm-bindgen, which then takes it out. */
const DESCRIPTION = /js_sys|wasm_bindgen|__wbindgen/;

/** A cursor over a module. */
class Reader {
  at = 0;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
  }

  byte() {
    return this.bytes[this.at++] ?? 0;
  }

  /** An unsigned number, seven bits a byte, the lowest first. */
  number() {
    for (let value = 0, unit = 1; ; unit *= 128) {
      const byte = this.byte();
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
  }

  part() {
    const length = this.number();
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  text() {
    return new TextDecoder().decode(this.part());
  }
}

/**
 * How many functions come from outside: they have the first numbers.
 * @param {Reader} reader
 */
function importedFunctions(reader) {
  let functions = 0;
  for (let left = reader.number(); left > 0; left--) {
    reader.text();
    reader.text();
    if (reader.byte() !== 0) throw new Error("something else than a function is imported");
    reader.number();
    functions++;
  }
  return functions;
}

/**
 * @param {Reader} reader
 * @param {Map<number, string>} names
 */
function readNames(reader, names) {
  while (reader.at < reader.bytes.length) {
    const kind = reader.byte();
    const part = new Reader(reader.part());
    if (kind !== FUNCTION_NAMES) continue;
    for (let left = part.number(); left > 0; left--) names.set(part.number(), part.text());
  }
}

/**
 * The part that a function belongs to: a crate, or a room of ours.
 * @param {string} name  as the compiler mangles it
 */
function partOf(name) {
  // `11mesh_policy8analysis…` where a function is named, `mesh_policy..analysis..…` where a type is.
  const ours = /mesh_policy(?:\.\.|(\d+))(\w+)/.exec(name);
  if (ours) return ours[2]?.slice(0, ours[1] ? Number(ours[1]) : undefined) ?? "";
  if (!name.startsWith("_")) return "wasm";
  return DEPENDENCIES.find((crate) => name.includes(crate)) ?? STANDARD;
}

const target = wasmEnvironment().CARGO_TARGET_DIR ?? path.join(ROOT, "target");
const file = path.join(target, TARGET, "wasm/mesh_policy.wasm");
if (!existsSync(file)) {
  console.error(`error: \`${file}\` is missing; run \`make pkg\``);
  process.exit(1);
}
const module = new Reader(readFileSync(file).subarray(8));
/** @type {number[]} */
const sizes = [];
/** @type {Map<number, string>} */
const names = new Map();
let imported = 0;
while (module.at < module.bytes.length) {
  const id = module.byte();
  const section = new Reader(module.part());
  if (id === SECTION.custom && section.text() === "name") readNames(section, names);
  else if (id === SECTION.import) imported = importedFunctions(section);
  else if (id === SECTION.code) for (let left = section.number(); left > 0; left--) sizes.push(section.part().length);
  else if (id === SECTION.data) {
    const { length } = section.bytes;
    console.log(`data: ${length.toLocaleString("en")} bytes, ${gzipSync(section.bytes, { level: 9 }).length.toLocaleString("en")} after gzip`);
  }
}
/** @type {Map<string, number>} */
const parts = new Map();
let all = 0;
for (const [at, size] of sizes.entries()) {
  const name = names.get(at + imported) ?? "";
  const part = partOf(name);
  if (part === STANDARD && DESCRIPTION.test(name)) continue;
  parts.set(part, (parts.get(part) ?? 0) + size);
  all += size;
}
console.log(`code: ${all.toLocaleString("en")} bytes`);
for (const [part, size] of [...parts].sort(([, left], [, right]) => right - left))
  console.log(`${part.padEnd(24)}${(size / 1000).toFixed(1).padStart(8)} kB${`${((size / all) * 100).toFixed(1)} %`.padStart(9)}`);
