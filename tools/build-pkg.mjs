// Builds pkg/ with wasm-pack, the same bytes in every folder, and records what it was made of.
//
//   node tools/build-pkg.mjs            builds and replaces pkg/
//   node tools/build-pkg.mjs --check    builds, and fails where the result is not what pkg/ holds

import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import {
  DIGEST,
  PKG,
  few,
  fileHashes,
  profile,
  recordedDigest,
  sourceDigest,
  unlike,
} from "./lib/pkg-digest.mjs";
import { guarded } from "./lib/pkg-guards.mjs";
import {
  ROOT,
  TARGET,
  reproducibleFlags,
  toolVersions,
  wasmEnvironment,
} from "./lib/toolchain.mjs";

/** What the wasm weighed on its way to a browser when it was last weighed, in bytes after gzip, and why that much. */
const SIZE_FILE = "tools/wasm-size.json";

/** By how much it may grow before somebody has to say why. */
const GROWTH = 1.05;

/** What wasm-pack adds and this package has better of its own. */
const UNWANTED = [
  ".gitignore",
  "package.json",
  "README.md",
  "LICENSE",
  "LICENSE-APACHE",
  "LICENSE-MIT",
];

const WASM = "mesh_policy_bg.wasm";

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(`error: ${message}`);
  process.exit(1);
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
function run(command, args, env) {
  const { error, status } = spawnSync(command, args, { cwd: ROOT, env, stdio: "inherit" });
  if (error)
    fail(`\`${command}\` does not start (${error.message}); run \`tools/setup.sh wasm node\``);
  if (status !== 0) fail(`\`${command} ${args[0] ?? ""}\` failed`);
}

const env = wasmEnvironment();
const tools = toolVersions(env);
const missing = Object.keys(tools).filter((name) => tools[name] === null);
if (missing.length > 0) fail(`missing: ${missing.join(", ")}; run \`tools/setup.sh wasm node\``);

const before = sourceDigest();

// The folders of the registries are named in the flags, so the crates must be there first.
run("cargo", ["fetch", "--locked", "--quiet", "--target", TARGET], env);
env.CARGO_ENCODED_RUSTFLAGS = reproducibleFlags(env);
delete env.RUSTFLAGS;

// Built beside pkg/ and moved over it at the end: who reads pkg/ meanwhile sees the old or the new one.
const work = path.join(ROOT, "target/pkg-build");
rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
run(
  "wasm-pack",
  [
    "build",
    "--target",
    "web",
    "--mode",
    "no-install",
    "--profile",
    "wasm",
    "--no-pack",
    "--out-dir",
    work,
    ".",
    "--",
    "--locked",
  ],
  env,
);
for (const name of UNWANTED) rmSync(path.join(work, name), { force: true });
const glue = path.join(work, "mesh_policy.js");
writeFileSync(glue, guarded(readFileSync(glue, "utf8")));

const after = sourceDigest();
if (before.sources !== after.sources) {
  fail(
    `sources changed during the build (${few(unlike(before.sourceFiles, after.sourceFiles))}); run it again`,
  );
}

const wasm = readFileSync(path.join(work, WASM));
for (const trace of [ROOT, homedir(), "registry/src"]) {
  if (wasm.includes(trace))
    fail(`\`${trace}\` is written into ${WASM}: it would differ between machines`);
}
const gzipped = gzipSync(wasm, { level: 9 }).length;
/** @type {{ gzipped: number, why: string }} */
const weighed = JSON.parse(readFileSync(path.join(ROOT, SIZE_FILE), "utf8"));
console.log(
  `${WASM}: ${wasm.length.toLocaleString("en")} bytes, ${gzipped.toLocaleString("en")} gzipped (recorded: ${weighed.gzipped.toLocaleString("en")})`,
);
if (gzipped > weighed.gzipped * GROWTH)
  fail(`${WASM} grew by more than 5 %; write its new size into ${SIZE_FILE}, and in one sentence why`);

const files = fileHashes(work);
if (process.argv.includes("--check")) {
  compare();
} else {
  writeFileSync(
    path.join(work, DIGEST),
    `${JSON.stringify({ ...after, profile: profile(), tools, files }, null, 2)}\n`,
  );
  replace();
  console.log(`pkg/ built: ${readdirSync(PKG).sort().join(", ")}`);
}

function replace() {
  const old = path.join(ROOT, "target/pkg-old");
  rmSync(old, { recursive: true, force: true });
  if (existsSync(PKG)) renameSync(PKG, old);
  renameSync(work, PKG);
  rmSync(old, { recursive: true, force: true });
}

function compare() {
  const recorded = recordedDigest();
  if (!recorded) fail("pkg/digest.json is missing; run `make pkg`");
  if (recorded.sources !== after.sources) fail("pkg/ is built from other sources; run `make pkg`");
  const different = unlike(recorded.files, files);
  const otherTools = unlike(recorded.tools, tools);
  if (different.length === 0) {
    console.log("the build gives pkg/ byte for byte");
  } else if (otherTools.length === 0) {
    fail(`the same sources and tools give other bytes in ${few(different)}; run \`make pkg\``);
  } else {
    // Another compiler may well make other bytes. Its build has passed, and the tests run on the committed one.
    console.log(
      `built; bytes not compared, for pkg/ was made with other tools: ${otherTools
        .map((name) => `${name} ${recorded.tools[name]} (here ${tools[name]})`)
        .join(", ")}`,
    );
  }
}
