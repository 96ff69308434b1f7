// Coverage-guided fuzzing of every entry point that takes text, by libFuzzer.
//
//   node tools/fuzz-coverage.mjs [--seconds N] [TARGET]...    default: 300 seconds for each target
//   node tools/fuzz-coverage.mjs --keep                       also make fuzz/corpus/ anew, as small as it gets
//
// Any Rust will do: the instrumentation is LLVM's, switched on by flags that stable knows, and the core is safe Rust, so
// that no sanitizer has anything to add. libFuzzer itself is C++ and needs a compiler for it.
// What it finds worth trying again stays in .cache/fuzz-corpus/, so each run goes on where the last one was.

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { ROOT } from "./lib/toolchain.mjs";

/** The corpus that is committed, in bytes: all targets together, and what one input may have. */
const MOST_KEPT = 300_000;
const LARGEST_KEPT = 4096;
/** And files of one target. */
const MOST_FILES = 100;

const CRATE = path.join(ROOT, "fuzz/coverage");
const CORPUS = path.join(ROOT, ".cache/fuzz-corpus");
const KEPT = path.join(ROOT, "fuzz/corpus");

/** @param {string} message @returns {never} */
function fail(message) {
  console.error(`error: ${message}`);
  process.exit(2);
}

/** @param {string} program @param {string[]} args */
const works = (program, args) => spawnSync(program, args, { stdio: "ignore" }).status === 0;

/** Builds the one program for all targets. */
function build() {
  if (!works("cargo", ["--version"])) fail("there is no cargo: run `make setup`, or install Rust 1.89 or later");
  const compiler = process.env.CXX ?? "c++";
  if (!works(compiler, ["--version"])) fail(`libFuzzer is C++ and \`${compiler}\` does not run: install g++ or clang, or set CXX`);
  const host = /^host: (.+)$/m.exec(spawnSync("rustc", ["-vV"], { encoding: "utf8" }).stdout)?.[1];
  if (!host) fail("rustc does not say which machine it builds for");
  const flags = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "--cfg=fuzzing",
  ];
  // With --target, build scripts are built without the flags.
  const args = ["build", "--locked", "--release", "--target", host];
  const { status } = spawnSync("cargo", args, {
    cwd: CRATE,
    stdio: "inherit",
    env: { ...process.env, RUSTFLAGS: flags.join(" "), CARGO_TARGET_DIR: path.join(CRATE, "target") },
  });
  if (status !== 0) fail("the fuzzer does not build");
  return path.join(CRATE, "target", host, "release/mesh-policy-fuzz-coverage");
}

/** @param {string} binary @param {string} target @param {string[]} args @param {Record<string, string>} [env] */
const fuzz = (binary, target, args, env) =>
  spawnSync(binary, [`-artifact_prefix=${path.join(CORPUS, "not-run-")}`, ...args], { encoding: "utf8", maxBuffer: 1 << 28, env: { ...process.env, FUZZ_TARGET: target, ...env } });

/** @param {string} folder */
const sizes = (folder) => readdirSync(folder).map((name) => ({ name, size: statSync(path.join(folder, name)).size }));

/** One target for some time. @param {string} binary @param {string} target @param {number} seconds */
function explore(binary, target, seconds) {
  const corpus = path.join(CORPUS, target);
  const seeds = path.join(CORPUS, `${target}.seeds`);
  const crashes = path.join(ROOT, "fuzz/crashes/");
  for (const folder of [corpus, seeds, crashes]) mkdirSync(folder, { recursive: true });
  fuzz(binary, target, [], { FUZZ_SEEDS: seeds });
  const kept = path.join(KEPT, target);
  const { stderr, status, signal } = fuzz(binary, target, [
    corpus,
    seeds,
    ...(existsSync(kept) ? [kept] : []),
    `-max_total_time=${seconds}`,
    `-artifact_prefix=${crashes}${target}-`,
    "-timeout=60",
    "-rss_limit_mb=2048",
    "-max_len=65536",
    "-print_final_stats=1",
  ]);
  const last = [...stderr.matchAll(/^#(\d+).*? cov: (\d+) ft: (\d+) corp: (\d+)/gm)].at(-1) ?? [];
  const inputs = /^stat::number_of_executed_units:\s+(\d+)/m.exec(stderr)?.[1] ?? last[1] ?? "0";
  const slowest = /^stat::slowest_unit_time_sec:\s+(\d+)/m.exec(stderr)?.[1] ?? "?";
  const peak = /^stat::peak_rss_mb:\s+(\d+)/m.exec(stderr)?.[1] ?? "?";
  console.log(
    `${target}: ${inputs} inputs, ${last[2] ?? 0} edges, ${last[3] ?? 0} features, ${last[4] ?? 0} kept, slowest ${slowest} s, ${peak} MB`,
  );
  if (status === 0) return true;
  const file = /Test unit written to (.+)$/m.exec(stderr)?.[1];
  const reason = /panicked at .+\n.+|SUMMARY: .+/.exec(stderr)?.[0] ?? signal ?? stderr.slice(-500);
  console.log(`FAILED ${target}: ${reason}`);
  if (file) console.log(`  repeat: cd fuzz && cargo run --release -- --target ${target} --input ${path.relative(path.join(ROOT, "fuzz"), file)}`);
  return false;
}

/** Small inputs that reach together what all of them reach. @param {string} binary @param {string} target @param {number} most */
function keep(binary, target, most) {
  const from = path.join(CORPUS, target);
  if (!existsSync(from)) return;
  const small = mkdtempSync(path.join(CORPUS, "small-"));
  const merged = mkdtempSync(path.join(CORPUS, "merged-"));
  for (const { name, size } of sizes(from)) {
    if (size <= LARGEST_KEPT) copyFileSync(path.join(from, name), path.join(small, name));
  }
  fuzz(binary, target, ["-merge=1", merged, small]);
  const to = path.join(KEPT, target);
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  let left = most;
  // By their names, which are digests: a fair choice of them.
  for (const { name, size } of sizes(merged).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (size > left || readdirSync(to).length >= MOST_FILES) continue;
    left -= size;
    copyFileSync(path.join(merged, name), path.join(to, name.slice(0, 16)));
  }
  for (const folder of [small, merged]) rmSync(folder, { recursive: true });
  console.log(`${target}: ${sizes(to).length} inputs kept, ${most - left} bytes`);
}

const args = process.argv.slice(2);
const at = args.indexOf("--seconds");
const seconds = at < 0 ? 300 : Number(args.splice(at, 2)[1]);
if (!Number.isInteger(seconds) || seconds < 1) fail("`--seconds` takes a number of seconds");
const keeps = args.includes("--keep");
mkdirSync(CORPUS, { recursive: true });
const binary = build();
const known = (/one of (.+)/.exec(fuzz(binary, "", ["-runs=0"]).stderr)?.[1] ?? "").split(", ");
const chosen = args.filter((name) => name !== "--keep");
for (const name of chosen) if (!known.includes(name)) fail(`there is no target \`${name}\`: ${known.join(", ")}`);

let failed = 0;
for (const target of chosen.length > 0 ? chosen : known) {
  if (!explore(binary, target, seconds)) failed += 1;
  if (keeps) keep(binary, target, Math.floor(MOST_KEPT / known.length));
}
process.exitCode = failed > 0 ? 1 : 0;
