// Looks the dependencies that are shipped up in the databases of known vulnerabilities.
//
//   node tools/audit.mjs      0: none is known; 1: some are, listed; 75: no database can be reached
//
// `npm audit` asks the registry, `cargo deny` fetches RustSec's database. Both are services that a mirror of a registry may not
// have, and what cannot be asked must not look like a clean answer.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { ROOT } from "./lib/toolchain.mjs";

const UNREACHED = 75;
const MOST_MS = 120_000;

/** @typedef {'clean' | 'found' | 'not reached'} Answer */

/** @param {string} program @param {string[]} args */
function run(program, args) {
  const env = { ...process.env, GIT_TERMINAL_PROMPT: "0" };
  const { stdout, stderr, status } = spawnSync(program, args, { cwd: ROOT, env, encoding: "utf8", timeout: MOST_MS, maxBuffer: 1 << 28 });
  return { stdout: stdout ?? "", stderr: stderr ?? "", status };
}

/** @returns {Answer} */
function npm() {
  const { stdout } = run("npm", ["audit", "--omit=dev", "--json"]);
  let report;
  try {
    report = JSON.parse(stdout);
  } catch {
    return "not reached";
  }
  const known = report.metadata?.vulnerabilities;
  if (typeof known?.total !== "number") return "not reached";
  for (const [name, { severity, range }] of Object.entries(report.vulnerabilities ?? {})) console.log(`npm: ${name} ${range}: ${severity}`);
  return known.total > 0 ? "found" : "clean";
}

/** @returns {Answer} */
function crates() {
  const ours = path.join(ROOT, ".tools/bin/cargo-deny");
  const { stderr, status } = run(existsSync(ours) ? ours : "cargo-deny", ["check", "advisories"]);
  if (status === 0) return "clean";
  if (status === null || /failed to (fetch|load|open) advisory database|failed to clone/.test(stderr)) return "not reached";
  console.log(stderr.trim());
  return "found";
}

/** @type {[string, Answer][]} */
const answers = [
  ["npm audit", npm()],
  ["cargo deny check advisories", crates()],
];
for (const [name, answer] of answers) {
  const texts = { clean: "nothing is known", found: "see above", "not reached": "skipped: its database cannot be reached from here" };
  console.log(`${name}: ${texts[answer]}`);
}
if (answers.some(([, answer]) => answer === "found")) process.exitCode = 1;
else if (answers.every(([, answer]) => answer === "not reached")) process.exitCode = UNREACHED;
