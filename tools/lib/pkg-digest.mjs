// What pkg/ was made of, so that a stale one is noticed without a Rust compiler.
//
// pkg/ is committed: the first command of a new user needs Node alone. The price is that it can fall behind the sources;
// pkg/digest.json holds the hashes of both, and `tools/check-pkg.mjs` compares them.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { ROOT } from "./toolchain.mjs";

export const PKG = path.join(ROOT, "pkg");
export const DIGEST = "digest.json";

/**
 * @typedef {object} Digest
 * @property {string} sources  sha256 over the sources' paths and contents
 * @property {Record<string, string>} sourceFiles  sha256 of each source file, by its path
 * @property {Record<string, string>} profile  cargo's profiles, rustc's and wasm-opt's flags, as Cargo.toml has them
 * @property {Record<string, string | null>} tools  versions of what made it
 * @property {Record<string, string>} files  sha256 of each file of pkg/, by its name
 */

/** @param {string | Uint8Array} content */
const sha256 = (content) => createHash("sha256").update(content).digest("hex");

/**
 * All files under a folder, as sorted paths with forward slashes.
 * @param {string} folder
 * @param {string} [prefix]
 * @returns {string[]}
 */
function filesUnder(folder, prefix = "") {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) =>
      entry.isDirectory()
        ? filesUnder(path.join(folder, entry.name), `${prefix}${entry.name}/`)
        : [`${prefix}${entry.name}`],
    )
    .sort();
}

/** The hash of each file that the wasm is built from, and one over all. */
export function sourceDigest() {
  const names = [...filesUnder(path.join(ROOT, "src"), "src/"), "Cargo.toml", "Cargo.lock", "tools/lib/pkg-guards.mjs"].sort();
  /** @type {Record<string, string>} */
  const sourceFiles = {};
  for (const name of names) sourceFiles[name] = sha256(readFileSync(path.join(ROOT, name)));
  const sources = sha256(names.map((name) => `${sourceFiles[name]}  ${name}\n`).join(""));
  return { sources, sourceFiles };
}

/**
 * The hash of each file of a built package, its digest left out.
 * @param {string} folder
 */
export function fileHashes(folder) {
  /** @type {Record<string, string>} */
  const files = {};
  for (const name of filesUnder(folder)) {
    if (name !== DIGEST) files[name] = sha256(readFileSync(path.join(folder, name)));
  }
  return files;
}

/** What cargo's profiles, rustc's flags and wasm-pack's are in Cargo.toml, by section and key. */
export function profile() {
  /** @type {Record<string, string>} */
  const found = {};
  let section = "";
  for (const line of readFileSync(path.join(ROOT, "Cargo.toml"), "utf8").split("\n")) {
    section = /^\[(.+)\]$/.exec(line.trim())?.[1] ?? section;
    const [, key, value] = /^([\w-]+) = (.+)$/.exec(line.trim()) ?? [];
    if (
      key &&
      value &&
      (section === "profile.release" ||
        section.startsWith("profile.wasm") ||
        section.startsWith("package.metadata.wasm"))
    ) {
      found[`${section}.${key}`] = value;
    }
  }
  return found;
}

/** @returns {Digest | null} the digest that is in pkg/, `null` without one */
export function recordedDigest() {
  const file = path.join(PKG, DIGEST);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : null;
}

/**
 * The names whose values differ between two tables, those that only one of them has included.
 * @param {Record<string, unknown>} left
 * @param {Record<string, unknown>} right
 */
export function unlike(left, right) {
  return [...new Set([...Object.keys(left), ...Object.keys(right)])]
    .filter((name) => left[name] !== right[name])
    .sort();
}

/**
 * At most three names, and how many more there are.
 * @param {string[]} names
 */
export function few(names) {
  return names.slice(0, 3).join(", ") + (names.length > 3 ? ` and ${names.length - 3} more` : "");
}
