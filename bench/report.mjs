// Figures as tables of Markdown, and the page that they stand in: what a task measured is written between its markers, and
// what people wrote around them stays.
import { cpus, release, totalmem, type } from "node:os";
import { readFileSync } from "node:fs";
import { figure, inRoot, median, output, ratio } from "./measure.mjs";

/** @typedef {import("./measure.mjs").Figure} Figure */
/** @typedef {import("./measure.mjs").Expected} Expected */
/** @typedef {import("./measure.mjs").Result} Result */
/** @typedef {import("./measure.mjs").Task} Task */

/** @param {number} value */
export const digits = (value) =>
  value >= 1000 ? Math.round(value).toLocaleString("en") : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toPrecision(3);

/** @param {string[]} cells */
const row = (cells) => `| ${cells.join(" | ")} |`;

/** @param {string[]} head @param {number} texts columns of text, before those of numbers @param {string[][]} rows */
export function table(head, texts, rows) {
  const align = head.map((_, at) => (at < texts ? "---" : "--:"));
  return [row(head), `|${align.join("|")}|`, ...rows.map(row)].join("\n");
}

/** @param {Task} task @param {Figure[]} figures */
export function figureTable(task, figures) {
  const sized = figures.some((one) => one.size > 0);
  const more = [...new Set(figures.flatMap((one) => Object.keys(one.more ?? {})))];
  const compared = figures.some((one) => one.than);
  const unit = task.unit;
  const head = ["", "who", ...(sized ? [task.sized] : []), "runs", `min ${unit}`, `median ${unit}`, `max ${unit}`, ...(compared ? ["ratio"] : []), ...more];
  const rows = figures.map((one) => [
    one.what,
    one.who,
    ...(sized ? [one.size > 0 ? one.size.toLocaleString("en") : ""] : []),
    String(one.runs.length),
    digits(Math.min(...one.runs)),
    digits(median(one.runs)),
    digits(Math.max(...one.runs)),
    ...(compared ? [one.than ? compare(figures, one, one.than) : ""] : []),
    ...more.map((name) => one.more?.[name] ?? ""),
  ]);
  return table(head, 2, rows);
}

/** @param {Figure[]} figures @param {Figure} one @param {string} than */
function compare(figures, one, than) {
  const times = ratio(one, figure(figures, one.what, one.size, than));
  return times >= 1 ? `${digits(times)} × ${than}` : `${digits(1 / times)} × faster than ${than}`;
}

/** @param {Expected} one */
export const held = ({ bound, limit, found }) => (bound === "at least" ? found >= limit : found <= limit);

/** @param {string} task @param {Expected[]} expected */
export const expectedRows = (task, expected) =>
  expected.map((one) =>
    row([task, one.what, `${one.bound} ${one.limit.toLocaleString("en")}`, digits(one.found), held(one) ? "yes" : "**no**"]),
  );

const EXPECTED_HEAD = [row(["benchmark", "expected", "bound", "measured", "held"]), "|---|---|--:|--:|---|"];

/**
 * The table of what was expected, with the rows of tasks that were not run as they stood.
 * @param {string} before @param {Map<string, Expected[]>} run @param {string[]} order names of all tasks
 */
export function expectedTable(before, run, order) {
  const lines = before.split("\n");
  const rows = order.flatMap((task) => {
    const found = run.get(task);
    return found ? expectedRows(task, found) : lines.filter((line) => line.startsWith(`| ${task} |`));
  });
  return [...EXPECTED_HEAD, ...rows].join("\n");
}

/** @param {string} name */
const markers = (name) => [`<!-- bench: ${name} -->`, `<!-- end of bench: ${name} -->`];

/** What stands between the markers. @param {string} page @param {string} name */
export function between(page, name) {
  const [open = "", close = ""] = markers(name);
  const [start, end] = [page.indexOf(open), page.indexOf(close)];
  if (start < 0 || end < start) throw new Error(`docs/performance.md lacks \`${open}\` … \`${close}\``);
  return page.slice(start + open.length, end).trim();
}

/** @param {string} page @param {string} name @param {string} text */
export function replaceBetween(page, name, text) {
  between(page, name);
  const [open = "", close = ""] = markers(name);
  const start = page.indexOf(open) + open.length;
  return `${page.slice(0, start)}\n${text}\n${page.slice(page.indexOf(close))}`;
}

/** What the machine and the programs are. */
export function machine() {
  const processors = cpus();
  const name = processors[0]?.model.trim() ?? "unknown";
  const versions = [
    `Node ${process.versions.node} (V8 ${process.versions.v8})`,
    output("rustc", ["--version"]).trim().replace(/ \(.*/, ""),
    output(inRoot(".tools/venv/bin/python"), ["-c", "import platform, pydantic; print(f'Python {platform.python_version()}, pydantic {pydantic.VERSION}')"]).trim(),
    `@cedar-policy/cedar-wasm ${JSON.parse(readFileSync(inRoot("node_modules/@cedar-policy/cedar-wasm/package.json"), "utf8")).version}`,
    "network-config-analyzer 2.1.0",
  ];
  return `${processors.length} processors (${name}), ${Math.round(totalmem() / 2 ** 30)} GiB of memory, ${type()} ${release()}; ${versions.join(", ")}.`;
}
