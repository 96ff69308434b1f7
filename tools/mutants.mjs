// Mutants: small faults put into the core, one at a time; a test must fail for each.
//
//   node tools/mutants.mjs [FILE]...      default: the files of RISK below; the end is written into docs/mutants.md
//   node tools/mutants.mjs --summary      only that
//
// `cargo mutants` says which there are (.cargo/mutants.toml leaves out what no test should hold). Building each by itself would
// take days, so all of a run are woven into one build of a copy of the tree, each behind a switch (tools/mutants/); what
// cannot be woven is counted as such, and `cargo mutants -F NAME` tries it alone.
// Results are kept in .cache/mutants/results.json. While a file is the same a run goes on where it was: who was caught in it by a
// test that is still the same stays caught, and who was missed meets only the tests that are new. `rm` it to begin anew.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "./lib/toolchain.mjs";

const WORK = path.join(ROOT, ".cache/mutants");
const TREE = path.join(WORK, "tree");
const RESULTS = path.join(WORK, "results.json");
const PAGE = path.join(ROOT, "docs/mutants.md");
/** What is between them in the page is written here, the rest by hand. */
const MARKS = ["<!-- results, by node tools/mutants.mjs --summary -->", "<!-- end of results -->"];
/** What `cargo test` runs for a mutant. */
const TESTS = JSON.parse(/^additional_cargo_test_args = (.*)$/m.exec(readFileSync(path.join(ROOT, ".cargo/mutants.toml"), "utf8"))?.[1] ?? "[]");
/** Which of them can notice a fault in a folder at all: the others would only take time. */
const CONCERNED = {
  "src/analysis/safety.rs": "mesh_policy safety unsaid faults limits laws".split(" "),
  "src/analysis/plan.rs": "mesh_policy faults limits laws".split(" "),
  "src/analysis/reach.rs": "mesh_policy reach reachability limits laws".split(" "),
  "src/analysis/diff": "mesh_policy described described_ways diff diff_reasons diff_undescribed diff_unknown unsaid found_outside limits laws".split(" "),
  "src/analysis/exact_lints.rs": "mesh_policy exact_lints lint limits laws".split(" "),
  "src/analysis/expect": "mesh_policy expect input reachability diff_unknown limits".split(" "),
  "src/analysis/symbolic/": "mesh_policy string_classes described described_ways diff diff_reasons diff_undescribed diff_unknown unsaid found_outside expect reach reachability safety lint limits faults laws".split(" "),
  "src/analysis/": "mesh_policy semantics conditions ways gateways explain overview probes reachability lint lint_names lint_values lint_enforcement lint_rules diff expect found_outside limits laws".split(" "),
  "src/istio/": "mesh_policy semantics refusals probes lint kube input output limits library".split(" "),
  "src/juju/": "mesh_policy origins relations consumer deployment databags charm_lints hooks ownership input lint reachability limits library".split(" "),
  "src/kube/": "mesh_policy host_signals charm_labels policy_writes program_texts kube limits faults".split(" "),
};
/** The laws draw the same meshes for every mutant, and more than `cargo test` does: who is caught once stays so. */
const LAWS = { MESH_POLICY_SEED: "1", MESH_POLICY_CASES: "10000" };
/** How much longer than without a mutant a test may take. */
const PATIENCE = { factor: 5, seconds: 10 };

/** @param {string} folder @param {string} names */
const filesOf = (folder, names) => names.split(" ").map((name) => `src/${folder}/${name}.rs`);

/** By what a fault would do: wrong verdicts first, then wrong writes, then wrong reading. */
const RISK = [
  ...filesOf("analysis", "matching points held ways sender decide envoy ztunnel path binding asker index headers rules verdict request trace answer"),
  ...filesOf("analysis", "safety plan reach overview lint/access lint/enforcement lint/known lint/mod lint/names lint/sets lint/values"),
  ...filesOf("analysis/symbolic", "region strings solve lower routes universe axis intern glob forwarded intervals clients condition space verdict example describe witness"),
  ...filesOf("analysis", "diff/compare diff/undescribed diff/assume diff/paths diff/reasons diff expect expectation exact_lints"),
  ...filesOf("kube", "labels policies delivery order compare answer ledger manifest list options read_mesh json mod"),
  ...filesOf("juju", "consumer ownership relations mesh_policies deployment charm bundle databags provider hook template when request lint"),
  ...filesOf("istio", "validation build policy manifest address serialize"),
];

/** @typedef {{ id: number, name: string, file: string, start: number, end: number, broken?: boolean }} Woven */
/**
 * `by`: the test that caught it; `met`: the tests that it met, by name, and what they were; `source`: what its file was.
 * @typedef {{ name: string, file: string, outcome: 'caught' | 'missed' | 'timeout' | 'does not compile' | 'not woven', by?: string,
 *   met: Record<string, string>, source: string }} Result
 */

/** @param {string} message @returns {never} */
function fail(message) {
  console.error(`error: ${message}`);
  process.exit(2);
}

process.env.PATH = [path.join(ROOT, ".tools/bin"), process.env.PATH].join(path.delimiter);

/** @param {string} program @param {string[]} args @param {import('node:child_process').SpawnSyncOptions} [options] */
function output(program, args, options) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: ROOT, maxBuffer: 1 << 30, encoding: "utf8", ...options });
  if (status !== 0) fail(`\`${program} ${args.slice(0, 6).join(" ")}\` failed:\n${String(stderr).slice(-3000)}`);
  return String(stdout);
}

/** The tracked files, as they are now. */
function copyTree() {
  rmSync(TREE, { recursive: true, force: true });
  const files = output("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).split("\0");
  for (const file of files) {
    if (/^(Cargo|src\/|tests\/|examples\/|docs\/|fuzz\/seeds\/|README)/.test(file) && existsSync(path.join(ROOT, file))) {
      cpSync(path.join(ROOT, file), path.join(TREE, file));
    }
  }
}

/** @param {string[]} paths */
function digest(...paths) {
  const hash = createHash("sha256");
  for (const file of output("git", ["ls-files", "--cached", "--others", "--exclude-standard", ...paths]).split("\n").filter((name) => name !== "")) {
    if (existsSync(path.join(ROOT, file))) hash.update(`${file}\0`).update(readFileSync(path.join(ROOT, file)));
  }
  return hash.digest("hex").slice(0, 12);
}

/** What a test is, beside the core. @param {string} name */
function testDigest(name) {
  if (name === "mesh_policy") return digest("src");
  const own = [`tests/${name}.rs`, `tests/${name}`];
  const text = own.map((file) => path.join(ROOT, file)).filter((file) => file.endsWith(".rs") && existsSync(file)).map((file) => readFileSync(file, "utf8"));
  const read = ["common", "data", "conformance"].filter((folder) => text.some((one) => one.includes(folder)));
  return digest(...own, ...read.map((folder) => `tests/${folder}`));
}

/** A mutant may be wrong in a way that the compiler would refuse: it is to fail when it is run. */
const native = { ...process.env, CARGO_TARGET_DIR: path.join(WORK, "target"), CARGO_INCREMENTAL: "1", RUSTFLAGS: "-Awarnings -Aarithmetic_overflow -Aunconditional_panic" };

/**
 * Weaves, and leaves out what does not compile.
 * @param {string[]} files
 */
function weave(files) {
  const list = path.join(WORK, "list.json");
  writeFileSync(list, output("cargo", ["mutants", "--list", "--json", ...files.flatMap((file) => ["-f", file])]));
  const weaver = path.join(WORK, "target/release/mesh-policy-mutants");
  output("cargo", ["build", "--locked", "--release", "--manifest-path", "tools/mutants/Cargo.toml"], { env: native });
  /** @type {Set<number>} */
  const without = new Set();
  for (;;) {
    copyTree();
    /** @type {Woven[]} */
    const woven = JSON.parse(output(weaver, [list, TREE, ...[...without].map(String)]));
    const { stdout } = spawnSync("cargo", ["check", "--lib", "--message-format=json", "--quiet"], { cwd: TREE, env: native, maxBuffer: 1 << 30, encoding: "utf8" });
    const known = without.size;
    for (const line of stdout.split("\n").filter((text) => text.startsWith("{"))) {
      const { reason, message } = JSON.parse(line);
      if (reason !== "compiler-message" || message.level !== "error" || message.spans.length === 0) continue;
      const span = message.spans.find((/** @type {any} */ one) => one.is_primary);
      const around = woven.filter(({ file, start, end }) => file === span.file_name && start <= span.byte_start && span.byte_start < end);
      const innermost = around.sort((a, b) => a.end - a.start - (b.end - b.start))[0];
      // What is made to return something else is told of what it returned before.
      const before = woven.filter(({ file, end }) => file === span.file_name && end > 0 && end <= span.byte_start).sort((a, b) => b.end - a.end)[0];
      const one = innermost ?? before;
      if (!one) fail(`the woven tree does not compile:\n${message.rendered}`);
      without.add(one.id);
    }
    console.log(`${woven.length} mutants, ${woven.filter(({ end }) => end > 0).length} woven, ${without.size} of the others do not compile so`);
    if (without.size === known) return woven.map((one) => ({ ...one, broken: without.has(one.id) }));
  }
}

/** Builds the tests. @returns {string[]} */
function build() {
  const args = ["test", "--no-run", "--message-format=json", "--quiet", "--config", "profile.test.opt-level=1", "--config", "profile.test.debug=0", ...TESTS];
  const lines = output("cargo", args, { cwd: TREE, env: native }).split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => JSON.parse(line)).flatMap(({ executable, profile }) => (executable && profile?.test ? [executable] : []));
}

/**
 * @param {string} binary
 * @param {number | undefined} mutant
 * @param {number} milliseconds
 * @returns {Promise<{ outcome: 'passed' | 'failed' | 'timeout', took: number, text: string }>}
 */
function run(binary, mutant, milliseconds) {
  return new Promise((resolve) => {
    const began = Date.now();
    const env = { ...process.env, CARGO_MANIFEST_DIR: TREE, ...LAWS, ...(mutant === undefined ? {} : { MUTANT: String(mutant) }) };
    // A test that fails by a stack overflow, or takes all memory, fails too.
    const child = spawn("bash", ["-c", 'ulimit -v 4000000; exec "$@"', "bash", binary, "--quiet"], { cwd: TREE, env, stdio: ["ignore", "pipe", "ignore"] });
    let text = "";
    let late = false;
    child.stdout.on("data", (chunk) => (text = (text + chunk).slice(-20_000)));
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, milliseconds);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ outcome: late ? "timeout" : code === 0 ? "passed" : "failed", took: Date.now() - began, text });
    });
  });
}

/** @param {string} binary */
const testName = (binary) => path.basename(binary).replace(/-[0-9a-f]{16}$/, "");

/** What the page says of a file: a row of its table, and the mutants that are missed and not explained. */
/** @typedef {{ row: string, open: string[] }} Told */

/**
 * Reads what the page says of files.
 * @param {string} written
 * @returns {Map<string, Told>}
 */
function told(written) {
  /** @type {Map<string, Told>} */
  const files = new Map();
  let file = "";
  for (const line of written.split("\n")) {
    const row = /^\| `(src\/[^`]+)` \|/.exec(line);
    if (row) files.set(row[1], { row: line, open: [] });
    file = /^`(src\/[^`]+)`:$/.exec(line)?.[1] ?? file;
    if (line.startsWith("- `")) files.get(file)?.open.push(line);
  }
  return files;
}

/**
 * Writes what was found into the page; files that were not run here stay as they are there.
 * @param {Record<string, Result>} results
 */
function summary(results) {
  const page = readFileSync(PAGE, "utf8");
  const [start, end] = MARKS.map((mark) => page.indexOf(mark));
  if (start < 0 || end < start) fail(`docs/mutants.md has no \`${MARKS[0]}\` before a \`${MARKS[1]}\``);
  const before = page.slice(0, start + MARKS[0].length);
  const after = page.slice(end);
  // Names are written in a table, where `|` has a backslash before it; `…` stands for any text, so that one row is for all of
  // a kind.
  const rows = [...after.matchAll(/^\| `(src\/.+?)` \| /gm)].map(([, name]) => name.replaceAll("\\|", "|"));
  const explained = rows.map((name) => {
    const parts = name.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return { name, is: new RegExp(`^${parts.join(".*")}$`) };
  });
  const files = told(page.slice(start, end));
  /** @type {Map<string, Result[]>} */
  const run = new Map();
  for (const result of Object.values(results)) run.set(result.file, [...(run.get(result.file) ?? []), result]);
  for (const [file, all] of run) {
    const count = (/** @type {string[]} */ ...outcomes) => all.filter(({ outcome }) => outcomes.includes(outcome)).length;
    const missed = all.filter(({ outcome }) => outcome === "missed").map(({ name }) => name);
    const open = missed.filter((name) => !explained.some(({ is }) => is.test(name)));
    // Of a file that has changed since, the page says what it was.
    const now = digest(file);
    if (files.has(file) && all.some(({ source }) => source !== now)) continue;
    const as = output("git", ["log", "-1", "--format=%h", "--", file]).trim();
    const cells = [count("caught"), count("timeout"), missed.length - open.length, open.length, count("does not compile", "not woven"), as];
    files.set(file, { row: `| \`${file}\` | ${cells.join(" | ")} |`, open: open.map((name) => `- \`${name.slice(file.length + 1)}\``) });
    for (const { name, is } of explained) {
      if (name.startsWith(`${file}:`) && !missed.some((one) => is.test(one))) console.log(`explained, and not missed: ${name}`);
    }
  }
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  const sums = [2, 3, 4, 5, 6].map((at) => sorted.reduce((sum, [, { row }]) => sum + Number(row.split("|")[at]), 0));
  const open = sorted.filter(([, told]) => told.open.length > 0);
  const lines = [
    "",
    "",
    `Last run on ${statSync(RESULTS).mtime.toISOString().slice(0, 10)}.`,
    "",
    "| file | caught | time-out | missed, explained | missed, open | not tried | as of |",
    "|---|---|---|---|---|---|---|",
    ...sorted.map(([, { row }]) => row),
    `| together | ${sums.join(" | ")} | |`,
    "",
    open.length > 0 ? "Open, by line and column:" : "Nothing is open.",
    "",
    ...open.flatMap(([file, told]) => [`\`${file}\`:`, "", ...told.open, ""]),
  ];
  writeFileSync(PAGE, `${before}${lines.join("\n")}\n${after}`);
  console.log(lines.filter((line) => /^(\||-|`)/.test(line)).join("\n"));
}

/** @param {string[]} files */
async function main(files) {
  mkdirSync(WORK, { recursive: true });
  /** @type {Record<string, Result>} */
  const results = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, "utf8")) : {};
  if (files[0] === "--summary") return summary(results);
  if (spawnSync("cargo", ["mutants", "--version"]).status !== 0) fail("there is no cargo-mutants: `tools/setup.sh mutants` installs it");
  const chosen = files.length > 0 ? files : RISK;
  const woven = weave(chosen);
  const known = new Set(woven.map(({ name }) => name));
  for (const { name, file } of Object.values(results)) if (chosen.includes(file) && !known.has(name)) delete results[name];
  const binaries = build();
  /** @type {Map<string, number>} */
  const usual = new Map();
  /** @type {Map<string, string>} */
  const now = new Map();
  for (const binary of binaries) {
    const { outcome, took, text } = await run(binary, undefined, 600_000);
    if (outcome !== "passed") fail(`${testName(binary)} fails without a mutant:\n${text}`);
    usual.set(binary, took);
    now.set(testName(binary), testDigest(testName(binary)));
  }
  binaries.sort((a, b) => (usual.get(a) ?? 0) - (usual.get(b) ?? 0));
  console.log(binaries.map((binary) => `${testName(binary)}: ${usual.get(binary)} ms`).join(", "));
  let done = 0;
  const sources = new Map(chosen.map((file) => [file, digest(file)]));
  for (const { id, name, file, end, broken } of woven) {
    done += 1;
    const before = results[name];
    const source = sources.get(file) ?? "";
    const met = before?.source === source ? before.met : {};
    if (before?.by && met[before.by] === now.get(before.by)) continue;
    /** @type {Result} */
    let result = { name, file, outcome: broken ? "does not compile" : end > 0 ? "missed" : "not woven", met: {}, source };
    // The one that caught it last time is likely to again.
    const order = [...binaries].sort((a, b) => Number(testName(b) === before?.by) - Number(testName(a) === before?.by));
    const concerned = Object.entries(CONCERNED).find(([folder]) => file.startsWith(folder))?.[1];
    for (const binary of end > 0 ? order : []) {
      const test = testName(binary);
      if (concerned && !concerned.includes(test)) continue;
      const what = now.get(test) ?? "";
      result.met[test] = what;
      if (met[test] === what) continue;
      const most = (usual.get(binary) ?? 0) * PATIENCE.factor + PATIENCE.seconds * 1000;
      const { outcome } = await run(binary, id, most);
      if (outcome === "passed") continue;
      result = { ...result, outcome: outcome === "failed" ? "caught" : "timeout", by: test };
      break;
    }
    results[name] = result;
    writeFileSync(RESULTS, JSON.stringify(results, null, 1));
    if (result.outcome === "missed" || result.outcome === "timeout") console.log(`${done}/${woven.length} ${result.outcome}: ${name}`);
  }
  summary(results);
}

await main(process.argv.slice(2));
