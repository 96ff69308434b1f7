// What is asked of a whole mesh: who may reach whom, all lints, what a change means, and whether a plan is safe; beside the
// time that reading the same manifests takes, in wasm and in native Rust.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answer, exponent, figure, inRoot, ratio } from "../measure.mjs";
import { makeChanges, makeMesh } from "../mesh_input.mjs";

/** @typedef {import("../measure.mjs").Figure} Figure */

const NATIVE = "target/release/examples/mesh";
const WASM = "wasm in Node";
const READ = "reading";

/** @type {import("../measure.mjs").Task} */
export const task = {
  name: "mesh",
  unit: "ms",
  sized: "policies",
  title: "Questions about a whole mesh of n policies",
  needs: [NATIVE],
  run,
};

/** @param {import("../measure.mjs").Options} options @returns {Promise<import("../measure.mjs").Result>} */
async function run({ quick, runs, progress }) {
  const sizes = quick ? [100, 200] : [100, 1000, 10_000];
  const folder = mkdtempSync(join(tmpdir(), "mesh-policy-bench-"));
  /** @type {Figure[]} */
  const figures = [];
  try {
    for (const size of sizes) {
      /** @type {("JSON" | "YAML")[]} */
      const formats = size === sizes.at(-1) ? ["JSON", "YAML"] : ["JSON"];
      for (const format of formats) {
        const [old, changed, plan] = ["old", "new", "plan"].map((name) => join(folder, name));
        if (!old || !changed || !plan) throw new Error("three names");
        writeFileSync(old, makeMesh(size, format, false));
        writeFileSync(changed, makeMesh(size, format, true));
        writeFileSync(plan, JSON.stringify(makeChanges(size)));
        const wasm = answer(process.execPath, [inRoot("bench/mesh_worker.mjs"), old, changed, plan, String(runs)]);
        const native = answer(inRoot(NATIVE), [old, changed, plan, String(runs)]);
        for (const [who, times] of /** @type {const} */ ([[WASM, wasm], ["native Rust", { ...native, read: sum(native.read, native.ready) }]])) {
          // Only reading differs between the two notations.
          figures.push({ what: `${READ} ${format}`, size, who, runs: times.read });
          if (format === "YAML") continue;
          for (const [what, name] of [["reach", "reach"], ["all lints", "lint"], ["diff", "diff"], ["proof", "prove"]])
            if (what && name && times[name]) figures.push({ what, size, who, runs: times[name] });
        }
        progress(`${size.toLocaleString("en")} policies as ${format}`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const [small, large] = quick ? [100, 200] : [1000, 10_000];
  const of = (/** @type {string} */ what, /** @type {number} */ size, who = WASM) => figure(figures, what, size, who);
  const n = large.toLocaleString("en");
  return {
    figures: figures.sort((a, b) => a.what.localeCompare(b.what)),
    expected: [
      { what: `reach, times reading the same as JSON, ${n} policies, wasm`, bound: "at most", limit: 2, found: ratio(of("reach", large), of(`${READ} JSON`, large)) },
      { what: "the same in native Rust", bound: "at most", limit: 2, found: ratio(of("reach", large, "native Rust"), of(`${READ} JSON`, large, "native Rust")) },
      { what: "reach, times reading the same as YAML, wasm", bound: "at most", limit: 2, found: ratio(of("reach", large), of(`${READ} YAML`, large)) },
      { what: `diff grows with n to the power of (${small.toLocaleString("en")} to ${n}, wasm)`, bound: "at most", limit: 1.1, found: exponent(of("diff", small), of("diff", large)) },
      { what: "lints grow with n to the power of", bound: "at most", limit: 1.1, found: exponent(of("all lints", small), of("all lints", large)) },
      { what: "the proof of a plan grows with n to the power of", bound: "at most", limit: 1.1, found: exponent(of("proof", small), of("proof", large)) },
    ],
  };
}

/** @param {number[]} one @param {number[]} other */
const sum = (one, other) => one.map((value, at) => value + (other[at] ?? 0));
