// Times what is asked of a whole mesh, in wasm: `node bench/mesh_worker.mjs OLD NEW CHANGES RUNS`, files.
//
// Prints one JSON object: milliseconds of each run of the same as in examples/mesh.rs.
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { analyse } from "../host/index.js";

const [old = "", changed = "", plan = "", runs = "5"] = process.argv.slice(2);
const [oldText, changes] = [readFileSync(old), readFileSync(plan, "utf8")];
const other = analyse({ manifests: [{ file: changed, text: readFileSync(changed) }] });

/** @type {Record<string, number[]>} */
const times = {};
/**
 * @template T
 * @param {string} name @param {() => T} work @returns {T}
 */
function timed(name, work) {
  const start = performance.now();
  const result = work();
  (times[name] ??= []).push(performance.now() - start);
  return result;
}

for (let run = 0; run < Number(runs); run++) {
  const analysis = timed("read", () => analyse({ manifests: [{ file: old, text: oldText }] }));
  const reach = timed("reach", () => analysis.reach());
  timed("lint", () => analysis.lint());
  const found = timed("diff", () => analysis.diffTo(other));
  const proof = timed("prove", () => analysis.prove(changes));
  if (run === 0) {
    const { granted, notCompared } = JSON.parse(found);
    if (granted.length !== 1 || notCompared.length !== 0) throw new Error(`not one change: ${found.slice(0, 1000)}`);
    if (JSON.parse(reach).notSolved.length !== 0) throw new Error("reach left something out");
    if (!JSON.parse(proof).safe) throw new Error(`a change that only opens is not proven safe: ${proof.slice(0, 1000)}`);
  }
  analysis.free();
}
process.stdout.write(JSON.stringify(times));
