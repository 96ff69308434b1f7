// The compiler beside the Python library, plain JavaScript, and the floor: V8's own reading of the input and writing of the
// output, with nothing in between. Every implementation gets the same files in a process of its own, and the task fails
// unless all of them made the same policies.
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeInput } from "../input.mjs";
import { answer, exponent, figure, inRoot, ratio } from "../measure.mjs";
import { digits } from "../report.mjs";

/**
 * @typedef {import("../measure.mjs").Figure} Figure
 * @typedef {{ times: number[], peak: number, wasmMemory?: number, output?: string, databag?: string, wire?: string, policies?: number }} Measured
 */

const PYTHON = ".tools/venv/bin/python";
const NATIVE = "target/release/examples/compile";
const WASM = "wasm in Node";
const LIBRARY = "Python library";

/** @type {import("../measure.mjs").Task} */
export const task = {
  name: "compile",
  unit: "ms",
  sized: "relations",
  title: "Compiling n relations",
  needs: [PYTHON, NATIVE],
  run,
};

/** @param {import("../measure.mjs").Options} options @returns {Promise<import("../measure.mjs").Result>} */
async function run({ quick, runs, progress }) {
  const sizes = quick ? [10, 100, 1000] : [10, 100, 1000, 10_000, 100_000];
  const folder = mkdtempSync(join(tmpdir(), "mesh-policy-bench-"));
  /** @type {Figure[]} */
  const figures = [];
  let share = NaN;
  try {
    for (const format of /** @type {const} */ (["JSON", "YAML"])) {
      for (const size of sizes) {
        const { rows, bytes } = compare(size, format, folder, String(runs), quick ? "0.1" : "1", progress);
        for (const [who, { times, peak, wasmMemory }] of rows) {
          /** @type {Record<string, string>} */
          const more = { "first ms": digits(times[0] ?? NaN), "peak MiB": digits(peak / 2 ** 20) };
          if (wasmMemory) {
            more["wasm MiB"] = digits(wasmMemory / 2 ** 20);
            more["÷ input + output"] = digits(wasmMemory / bytes);
            if (format === "JSON") share = wasmMemory / bytes;
          }
          figures.push({ what: format, size, who, runs: times, more, ...(who === "floor" ? {} : { than: "floor" }) });
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const [middle, largest] = quick ? [1000, 1000] : [10_000, 100_000];
  const json = (/** @type {number} */ size, /** @type {string} */ who) => figure(figures, "JSON", size, who);
  const n = middle.toLocaleString("en");
  return {
    figures,
    expected: [
      { what: `wasm, times the floor, ${n} as JSON`, bound: "at most", limit: 2, found: ratio(json(middle, WASM), json(middle, "floor")) },
      { what: "wasm, times the floor, expected when all is done", bound: "at most", limit: 1.3, found: ratio(json(middle, WASM), json(middle, "floor")) },
      { what: `Python library, times wasm, ${n} as JSON`, bound: "at least", limit: 30, found: ratio(json(middle, LIBRARY), json(middle, WASM)) },
      { what: `wasm's time grows with n to the power of (100 to ${largest.toLocaleString("en")}, JSON)`, bound: "at most", limit: 1.1, found: exponent(json(100, WASM), json(largest, WASM)) },
      { what: `wasm's memory, times input and output, ${largest.toLocaleString("en")} as JSON`, bound: "at most", limit: 3, found: share },
    ],
  };
}

/**
 * @param {number} size @param {"JSON" | "YAML"} format @param {string} folder @param {string} runs @param {string} seconds
 * @param {(line: string) => void} progress
 * @returns {{ rows: [string, Measured][], bytes: number }} bytes of input and output
 */
function compare(size, format, folder, runs, seconds, progress) {
  const extension = format === "JSON" ? "json" : "yaml";
  const { bundle, charm } = makeInput(size, extension);
  const at = (/** @type {string} */ name) => join(folder, name);
  const [bundleFile, charmFile, outputFile] = [at(`bundle.${extension}`), at(`charm.${extension}`), at("output.json")];
  writeFileSync(bundleFile, bundle);
  writeFileSync(charmFile, charm);
  // The floor of YAML is that of the same input as JSON: V8 reads no YAML.
  const json = makeInput(size, "json");
  writeFileSync(at("floor.bundle.json"), json.bundle);
  writeFileSync(at("floor.charm.json"), json.charm);
  const files = [bundleFile, charmFile];
  /** @param {string} kind @param {string[]} [input] @returns {Measured} */
  const worker = (kind, input = files) =>
    answer(process.execPath, [inRoot("bench/compile_worker.mjs"), kind, ...input, runs, seconds, outputFile]);

  // First, because it writes the output that the floor writes again.
  const wasm = worker("wasm");
  if (wasm.policies !== size) throw new Error(`${wasm.policies} policies of ${size} relations`);
  /** @type {[string, Measured][]} */
  const rows = [
    ["floor", worker("floor", [at("floor.bundle.json"), at("floor.charm.json")])],
    ["native Rust", answer(inRoot(NATIVE), [...files, runs, seconds])],
    [WASM, wasm],
  ];
  if (format === "JSON") rows.push(["plain JavaScript", worker("plain")]);
  rows.push([LIBRARY, answer(inRoot(PYTHON), [inRoot("bench/compile_library.py"), ...files, runs, seconds])]);
  for (const [name, measured] of rows)
    for (const part of /** @type {const} */ (["output", "databag", "wire"]))
      if (measured[part] !== undefined && measured[part] !== wasm[part])
        throw new Error(`${name} and wasm differ in ${part} at ${size} relations as ${format}`);
  progress(`${size.toLocaleString("en")} relations as ${format}`);
  return { rows, bytes: bundle.length + charm.length + statSync(outputFile).size };
}
