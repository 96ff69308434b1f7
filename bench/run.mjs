// All benchmarks in one run, each beside its rival: `make bench`.
//
//     node bench/run.mjs [--only diff,reach] [--quick] [--runs 5]
//
// Figures, plots and what was expected go into docs/performance.md, each task's between its own markers; the raw numbers
// into .cache/bench/. `--quick` takes small sizes, to see that all of it runs, and writes to .cache/bench/ alone.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { ROOT, inRoot, median, missing, output } from "./measure.mjs";
import { plot } from "./plot.mjs";
import { between, expectedRows, expectedTable, figureTable, held, machine, replaceBetween } from "./report.mjs";

/** @typedef {import("./measure.mjs").Expected} Expected */
/** @typedef {import("./measure.mjs").Figure} Figure */
/** @typedef {import("./measure.mjs").Task} Task */

const NAMES = ["compile", "big", "decide", "mesh", "diff", "cluster", "start"];
const LEAST_RUNS = 5;
const PAGE = "docs/performance.md";
const RAW = ".cache/bench";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: NAMES.join(",") },
    quick: { type: "boolean", default: false },
    runs: { type: "string", default: String(LEAST_RUNS) },
  },
});
const wanted = values.only.split(",");
const runs = Number(values.runs);
const unknown = wanted.find((name) => !NAMES.includes(name));
if (unknown !== undefined) stop(`there is no benchmark \`${unknown}\`: write some of ${NAMES.join(",")}`);
if (!Number.isSafeInteger(runs) || runs < LEAST_RUNS) stop(`--runs takes a whole number of at least ${LEAST_RUNS}`);

/** @param {string} message @returns {never} */
function stop(message) {
  console.error(`error: ${message}`);
  process.exit(2);
}

/** @type {Task[]} */
const tasks = [];
for (const name of NAMES.filter((one) => wanted.includes(one))) {
  const { task } = /** @type {{ task: Task }} */ (await import(`./tasks/${name}.mjs`));
  const absent = missing(task);
  if (absent) stop(`${absent} is missing: \`make bench\` installs and builds what is needed`);
  tasks.push(task);
}

mkdirSync(inRoot(`${RAW}/plots`), { recursive: true });
mkdirSync(inRoot("docs/performance"), { recursive: true });
const page = readFileSync(inRoot(PAGE), "utf8");
for (const name of ["machine", "expected", ...NAMES]) between(page, name);
let written = page;
/** @type {Map<string, Expected[]>} */
const expected = new Map();
/** @type {string[]} */
const failed = [];
const begun = performance.now();

for (const task of tasks) {
  const start = performance.now();
  const seconds = () => `${((performance.now() - start) / 1000).toFixed(0)} s`;
  const load = loadavg()[0] ?? 0;
  console.log(`${task.name}: load average ${load.toFixed(1)}`);
  try {
    const result = await task.run({
      quick: values.quick,
      runs,
      progress: (line) => console.log(`  ${seconds().padStart(5)}  ${line}`),
    });
    expected.set(task.name, result.expected);
    const figures = figureTable(task, result.figures);
    const svg = plot({ title: task.title, across: task.sized, up: task.unit, series: series(result.figures) });
    const raw = { task: task.name, quick: values.quick, commit: commit(), load, ...result };
    writeFileSync(inRoot(`${RAW}/${task.name}.json`), `${JSON.stringify(raw, null, 1)}\n`);
    if (svg) writeFileSync(inRoot(values.quick ? `${RAW}/plots/${task.name}.svg` : `docs/performance/${task.name}.svg`), svg);
    const image = svg ? `\n\n![${task.title}](performance/${task.name}.svg)` : "";
    const when = `Load average before: ${load.toFixed(1)}; took ${seconds()}.`;
    written = replaceBetween(written, task.name, `${figures}${image}\n\n${when}`);
    console.log(`${figures}\n${expectedRows(task.name, result.expected).join("\n")}`);
  } catch (error) {
    failed.push(task.name);
    console.error(`error: ${task.name}: ${error instanceof Error ? error.message : String(error)}`);
  }
  console.log(`${task.name}: ${seconds()}\n`);
}

written = replaceBetween(written, "machine", `${machine()} Sources of commit ${commit()}.`);
written = replaceBetween(written, "expected", expectedTable(between(page, "expected"), expected, NAMES));
const target = values.quick ? `${RAW}/quick.md` : PAGE;
writeFileSync(inRoot(target), written);
const all = [...expected.values()].flat();
console.log(`${target} is written; ${all.filter(held).length} of ${all.length} expectations held; ${((performance.now() - begun) / 1000).toFixed(0)} s in all`);
if (failed.length > 0) stop(`these failed, and stand in the page as they were: ${failed.join(", ")}`);

/** @param {Figure[]} figures */
function series(figures) {
  /** @type {import("./plot.mjs").Series[]} */
  const found = [];
  for (const { what, who, size, runs: numbers } of figures) {
    let one = found.find((other) => other.who === who && other.what === what);
    if (!one) found.push((one = { who, what, points: [] }));
    one.points.push([size, median(numbers)]);
  }
  return found;
}

function commit() {
  const head = output("git", ["-C", ROOT, "rev-parse", "--short", "HEAD"]).trim();
  const changed = output("git", ["-C", ROOT, "status", "--porcelain", "--", "src", "host", "pkg", "bench", "examples"]).trim();
  return changed ? `${head}, changed` : head;
}
