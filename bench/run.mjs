// Compares the compiler with the Python library, plain JavaScript, native Rust and the floor.
//
//     node bench/run.mjs [--sizes 10,1000] [--runs 5] [--seconds 1] [--full]
//
// Every implementation gets the same files in a process of its own; nothing is printed unless
// all of them made the same policies. Python is skipped at 100,000 and above without --full.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem, type } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeInput } from "./input.mjs";

/**
 * @typedef {{ times: number[], peak: number, wasmMemory?: number, output?: string,
 *   databag?: string, wire?: string, policies?: number }} Measured
 * @typedef {{ name: string, measured: Measured }} Row
 */

const SLOW_PYTHON = 100_000;
const root = fileURLToPath(new URL("..", import.meta.url));
const { values: options } = parseArgs({
  options: {
    sizes: { type: "string", default: "10,100,1000,10000,100000" },
    runs: { type: "string", default: "5" },
    seconds: { type: "string", default: "1" },
    full: { type: "boolean", default: false },
  },
});
const sizes = options.sizes.split(",").map(Number);
if (!sizes.every((size) => Number.isSafeInteger(size) && size > 0) || !(Number(options.runs) >= 5)) {
  console.error("--sizes takes whole numbers above 0, separated by commas; --runs at least 5");
  process.exit(2);
}

const native = join(root, "target/release/examples/bench");
const python = join(root, ".tools/venv/bin/python");
for (const needed of [native, python]) {
  if (existsSync(needed)) continue;
  console.error(`${needed} is missing; \`make bench\` builds what is needed`);
  process.exit(2);
}

/** @param {string} program @param {string[]} args @returns {Measured} */
function measure(program, args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error ?? stderr}`);
  return JSON.parse(stdout);
}

/** @param {number[]} times */
function median(times) {
  const sorted = times.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}

/** @param {number} value */
const digits = (value) => value.toFixed(value < 1 ? 3 : value < 100 ? 2 : 0);
/** @param {number} bytes */
const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(bytes < 100 * 2 ** 20 ? 1 : 0);

/** @param {number} size @param {"json" | "yaml"} format @param {string} folder */
function compare(size, format, folder) {
  const { bundle, charm } = makeInput(size, format);
  const [bundleFile, charmFile, outputFile] = [
    join(folder, `bundle.${format}`),
    join(folder, `charm.${format}`),
    join(folder, "output.json"),
  ];
  writeFileSync(bundleFile, bundle);
  writeFileSync(charmFile, charm);
  const common = [bundleFile, charmFile, options.runs, options.seconds];
  /** @param {string} kind @param {string[]} [args] */
  const worker = (kind, args = common) =>
    measure(process.execPath, [join(root, "bench/worker.mjs"), kind, ...args, outputFile]);

  /** @type {Row[]} */
  const rows = [];
  const wasm = worker("wasm");
  if (wasm.policies !== size) throw new Error(`${wasm.policies} policies of ${size} relations`);
  // The floor of YAML is that of the same input as JSON: V8 reads no YAML.
  const json = makeInput(size, "json");
  writeFileSync(join(folder, "floor.bundle.json"), json.bundle);
  writeFileSync(join(folder, "floor.charm.json"), json.charm);
  const floorFiles = [join(folder, "floor.bundle.json"), join(folder, "floor.charm.json")];
  rows.push({ name: "floor", measured: worker("floor", [...floorFiles, ...common.slice(2)]) });
  rows.push({ name: "native Rust", measured: measure(native, common) });
  rows.push({ name: "wasm in Node", measured: wasm });
  if (format === "json") rows.push({ name: "plain JavaScript", measured: worker("plain") });
  if (size < SLOW_PYTHON || options.full)
    rows.push({
      name: "Python library",
      measured: measure(python, [join(root, "bench/python_compile.py"), ...common]),
    });
  for (const { name, measured } of rows)
    for (const part of /** @type {const} */ (["output", "databag", "wire"]))
      if (measured[part] !== undefined && measured[part] !== wasm[part])
        throw new Error(`${name} and wasm differ in ${part} at ${size} relations as ${format}`);
  return rows;
}

const version = measure(python, [
  "-c",
  "import json,platform,pydantic;print(json.dumps(f'Python {platform.python_version()}, pydantic {pydantic.VERSION}'))",
]);
const processors = cpus();
console.log(
  `${processors.length} × ${processors[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
    `${type()} ${release()}; Node ${process.versions.node} (V8 ${process.versions.v8}), ${version}\n`,
);
console.log("| n | input | | runs | first ms | min ms | median ms | max ms | × floor | Python ÷ it | µs per relation | peak MiB | wasm MiB |");
console.log("|--:|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
const folder = mkdtempSync(join(tmpdir(), "mesh-policy-bench-"));
try {
  for (const size of sizes) {
    for (const format of /** @type {const} */ (["json", "yaml"])) {
      const rows = compare(size, format, folder);
      // The fastest run is what the work takes; what the others take above it is the machine's other work.
      /** @param {string} wanted */
      const fastest = (wanted) =>
        Math.min(...(rows.find(({ name }) => name === wanted)?.measured.times ?? [NaN]));
      for (const { name, measured } of rows) {
        const { times, peak, wasmMemory } = measured;
        const least = Math.min(...times);
        const ratio = fastest("Python library") / least;
        const cells = [
          size.toLocaleString("en"),
          format.toUpperCase(),
          name,
          times.length,
          digits(times[0] ?? NaN),
          digits(least),
          digits(median(times)),
          digits(Math.max(...times)),
          (least / fastest("floor")).toFixed(2),
          Number.isNaN(ratio) ? "–" : ratio.toFixed(1),
          digits((least * 1000) / size),
          mebibytes(peak),
          wasmMemory ? mebibytes(wasmMemory) : "",
        ];
        console.log(`| ${cells.join(" | ")} |`);
      }
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
