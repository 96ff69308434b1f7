// Everything that must hold before a change goes in, the fast checks first.
//
//   node tools/test.mjs                 all stages (`make test`)
//   node tools/test.mjs --fast          those of the inner loop (`make check`)
//   node tools/test.mjs NAME...         only these
//   node tools/test.mjs --list          their names
//   --keep-going                        do not stop at the first failure
//
// A stage is skipped only while the files that it would run do not exist, and a skip is counted and named.

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { StageFailure, runStages } from "./lib/stages.mjs";
import { ROOT, TARGET, wasmEnvironment } from "./lib/toolchain.mjs";

/** How many random requests are put to the Python library and to us. */
const LIVE_REQUESTS = 5000;

/** How many random inputs the entry points get that take text. */
const FUZZ_INPUTS = 500_000;

/** What `make demo` may take in a clean clone. */
const DEMO_SECONDS = 60;

/** @type {NodeJS.ProcessEnv} */
const native = { ...process.env };
// The native binaries are looked for in target/.
delete native.CARGO_TARGET_DIR;

/** The stages' output goes through a pipe: programs cannot see for themselves whether there is a terminal. */
const color = process.stdout.isTTY ? "always" : "never";
native.CARGO_TERM_COLOR = color;

/** @param {string} name */
const inRoot = (name) => path.join(ROOT, name);

/**
 * Why a stage has nothing to run: the first of these files that does not exist.
 * @param {...string} names
 */
const needs =
  (...names) =>
  () => {
    const missing = names.find((name) => !existsSync(inRoot(name)));
    return missing ? `${missing} is not there yet` : null;
  };

/**
 * The test files under a folder. Node's runner takes a folder in one version and a pattern in another; files in all.
 * @param {string} folder
 * @returns {string[]}
 */
function testFiles(folder) {
  if (!existsSync(inRoot(folder))) return [];
  return readdirSync(inRoot(folder), { withFileTypes: true })
    .flatMap((entry) => {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return entry.name === "node_modules" ? [] : testFiles(name);
      return /\.test\.m?js$/.test(entry.name) ? [name] : [];
    })
    .sort();
}

/**
 * @param {string} name
 * @param {string} folder
 * @param {Partial<import('./lib/stages.mjs').Stage>} [more]
 * @returns {import('./lib/stages.mjs').Stage}
 */
const nodeTests = (name, folder, more) => ({
  name,
  skip: () => (testFiles(folder).length === 0 ? `no *.test.mjs in ${folder}/ yet` : null),
  run: async (run) => {
    const output = await run(
      process.execPath,
      ["--test", "--test-reporter=spec", ...testFiles(folder)],
      { env: native },
    );
    const ran = Number(/^ℹ pass (\d+)$/m.exec(output)?.[1] ?? 0);
    if (ran === 0) throw new StageFailure(`no test of ${folder}/ ran`);
  },
  ...more,
});

/**
 * The integration tests that are meant for a browser, as cargo names them.
 * @returns {string[]}
 */
function browserTests() {
  if (!existsSync(inRoot("tests"))) return [];
  return readdirSync(inRoot("tests"), { withFileTypes: true }).flatMap((entry) => {
    const file = entry.isDirectory() ? `tests/${entry.name}/main.rs` : `tests/${entry.name}`;
    if (!file.endsWith(".rs") || !existsSync(inRoot(file))) return [];
    if (!readFileSync(inRoot(file), "utf8").includes("wasm_bindgen_test")) return [];
    return [entry.isDirectory() ? entry.name : entry.name.slice(0, -".rs".length)];
  });
}

/**
 * @param {'native' | 'wasm'} responder
 * @returns {import('./lib/stages.mjs').Stage}
 */
const recorded = (responder) => ({
  name: `conformance, recorded, ${responder}`,
  skip: needs(
    "tests/conformance/run.mjs",
    responder === "native" ? "examples/conformance.rs" : "pkg/mesh_policy_bg.wasm",
  ),
  run: async (run) => {
    if (responder === "native") {
      await run("cargo", ["build", "--locked", "--release", "--example", "conformance"], {
        env: native,
      });
    }
    const command = ["tests/conformance/run.mjs", "--responder", responder, "--corpus"];
    await run(process.execPath, [...command, "tests/conformance/corpus.jsonl.gz"], { env: native });
    // Hostile requests were recorded for the functions alone.
    const functions = "validate,build_mesh_policies,istio_policies,default_labels";
    const hostile = "tests/conformance/hostile.jsonl.gz";
    await run(process.execPath, [...command, hostile, "--ops", functions], { env: native });
  },
});

/** The `rust-version` of Cargo.toml. */
const OLDEST_RUST = /^rust-version = "(.+)"$/m.exec(readFileSync(inRoot("Cargo.toml"), "utf8"))?.[1] ?? "";

/** Installs the oldest Rust that we name, where Rust's server answers. */
function noOldestRust() {
  const args = ["toolchain", "install", OLDEST_RUST, "--profile", "minimal", "--no-self-update"];
  const { status } = spawnSync("rustup", args, { stdio: "ignore", timeout: 120_000 });
  return status === 0 ? null : `Rust ${OLDEST_RUST} cannot be installed here`;
}

/** @param {import('./lib/stages.mjs').Run} run */
async function demo(run) {
  const folder = mkdtempSync(path.join(tmpdir(), "mesh-policy-demo-"));
  try {
    const status = spawnSync("git", ["status", "--porcelain", "--untracked-files=no"], {
      cwd: ROOT,
      encoding: "utf8",
    });
    if (status.stdout) console.log("note: what is not committed is not in the clone");
    const clone = path.join(folder, "clone");
    await run("git", ["clone", "--quiet", ROOT, clone]);
    // It must not need Rust: whoever calls these is told so.
    const traps = path.join(folder, "traps");
    mkdirSync(traps);
    for (const name of ["cargo", "rustc", "rustup", "wasm-pack"]) {
      writeFileSync(
        path.join(traps, name),
        `#!/bin/sh\necho "the demo called ${name}" >&2\nexit 97\n`,
      );
      chmodSync(path.join(traps, name), 0o755);
    }
    /** @type {NodeJS.ProcessEnv} */
    const env = { ...process.env, PATH: `${traps}${path.delimiter}${process.env.PATH}` };
    // The clone is a project of its own: nothing of the surrounding `make` or `npm` may reach it.
    for (const name of Object.keys(env)) {
      if (/^(npm_(config|package|lifecycle)_|MAKE|MFLAGS)/.test(name)) delete env[name];
    }
    await run(process.execPath, ["tools/check-pkg.mjs"], { cwd: clone, env });
    const start = Date.now();
    const output = await run("make", ["demo"], { cwd: clone, env });
    const seconds = (Date.now() - start) / 1000;
    if (!/^kind: AuthorizationPolicy$/m.test(output))
      throw new StageFailure("`make demo` printed no AuthorizationPolicy");
    if (!output.includes("make page"))
      throw new StageFailure("`make demo` does not say how to open the page");
    if (seconds > DEMO_SECONDS)
      throw new StageFailure(`\`make demo\` took ${seconds.toFixed(0)} s, over ${DEMO_SECONDS} s`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @type {import('./lib/stages.mjs').Stage[]} */
const stages = [
  {
    name: "set-up for checks",
    fast: true,
    run: async (run) => void (await run("tools/setup.sh", ["rust", "node"])),
  },
  {
    name: "format",
    fast: true,
    run: async (run) =>
      void (await run("cargo", ["fmt", "--check", "--", "--color", color], { env: native })),
  },
  {
    name: "clippy, native",
    fast: true,
    run: async (run) =>
      void (await run("cargo", ["clippy", "--locked", "--all-targets", "--", "-D", "warnings"], {
        env: native,
      })),
  },
  {
    name: "types",
    fast: true,
    skip: needs("tsconfig.json"),
    run: async (run) => void (await run(inRoot("node_modules/.bin/tsc"), ["-p", "tsconfig.json"])),
  },
  {
    name: "cargo test",
    fast: true,
    run: async (run) => {
      const output = await run("cargo", ["test", "--locked"], { env: native });
      const ran = [...output.matchAll(/^test result: ok\. (\d+) passed/gm)].reduce(
        (sum, found) => sum + Number(found[1]),
        0,
      );
      if (ran === 0) throw new StageFailure("no Rust test ran");
      console.log(`${ran} Rust tests passed`);
    },
  },
  {
    name: "the oldest Rust",
    skip: noOldestRust,
    run: async (run) =>
      void (await run("cargo", [`+${OLDEST_RUST}`, "check", "--locked", "--lib"], {
        env: { ...native, CARGO_TARGET_DIR: inRoot("target/oldest") },
      })),
  },
  nodeTests("conformance, its own tests", "tests/conformance", { fast: true }),
  {
    name: "pkg is fresh",
    skip: needs("src/wasm.rs"),
    run: async (run) => void (await run(process.execPath, ["tools/check-pkg.mjs"])),
  },
  nodeTests("node tests", "tests/node"),
  {
    name: "set-up for wasm, Python, Envoy and browser",
    minutes: 30,
    run: async (run) =>
      void (await run("tools/setup.sh", ["wasm", "python", "envoy", "browser"])),
  },
  {
    name: "clippy, wasm32",
    run: async (run) =>
      void (await run(
        "cargo",
        ["clippy", "--locked", "--lib", "--target", TARGET, "--", "-D", "warnings"],
        {
          env: wasmEnvironment(),
        },
      )),
  },
  {
    name: "licences and sources of the crates",
    minutes: 20,
    run: async (run) => {
      await run("tools/setup.sh", ["deny"]);
      await run(inRoot(".tools/bin/cargo-deny"), ["check", "bans", "licenses", "sources"], { env: native });
    },
  },
  {
    name: "known vulnerabilities",
    skip: () =>
      spawnSync(process.execPath, [inRoot("tools/audit.mjs")], { env: native }).status === 75
        ? "no database of vulnerabilities can be reached from here"
        : null,
    run: async (run) => void (await run(process.execPath, ["tools/audit.mjs"], { env: native })),
  },
  {
    name: "pkg is what a build gives",
    skip: needs("src/wasm.rs"),
    run: async (run) => void (await run(process.execPath, ["tools/build-pkg.mjs", "--check"])),
  },
  recorded("native"),
  recorded("wasm"),
  {
    name: "conformance, live",
    minutes: 20,
    skip: needs("tests/conformance/run.mjs", "examples/conformance.rs", "tests/oracle/oracle.py"),
    run: async (run) =>
      void (await run(
        process.execPath,
        [
          "tests/conformance/run.mjs",
          "--responder",
          "native",
          "--live",
          "--count",
          String(LIVE_REQUESTS),
        ],
        { env: native },
      )),
  },
  {
    name: "every fault at every step",
    minutes: 20,
    skip: needs("tests/faults/main.rs", "tests/oracle/faults_upstream.py"),
    run: async (run) => {
      // Optimised, it tries all combinations; `cargo test` only some.
      const args = ["test", "--locked", "--release", "--test", "faults", "--", "--nocapture"];
      const ours = await run("cargo", args, { env: native });
      const python = inRoot(".tools/venv/bin/python");
      const theirs = await run(python, ["tests/oracle/faults_upstream.py"], { env: native });
      const counts = `${ours}\n${theirs}`.split("\n").filter((line) => line.includes(" runs interrupted "));
      if (counts.length < 5) throw new StageFailure("some of the programs were not run");
      for (const line of counts) console.log(line);
    },
  },
  {
    name: "laws of the exact engine",
    minutes: 20,
    skip: needs("tests/laws/main.rs"),
    run: async (run) => {
      // Optimised, it tries 100,000 cases of a fresh seed; `cargo test` fewer.
      const args = ["test", "--locked", "--release", "--test", "laws", "--", "--nocapture"];
      const output = await run("cargo", args, { env: native });
      const cases = /^(\d+) cases in/m.exec(output);
      if (!cases || Number(cases[1]) < 100_000) throw new StageFailure("fewer than 100,000 cases were tried");
      console.log(`MESH_POLICY_SEED=${/^MESH_POLICY_SEED=(\d+)/m.exec(output)?.[1]}: ${cases[0]}`);
    },
  },
  {
    name: "wasm in a browser",
    skip: () => (browserTests().length === 0 ? "no tests/*.rs with wasm_bindgen_test yet" : null),
    run: async (run) => {
      // Without this variable the run for Chrome runs nothing, and is green.
      const env = { ...wasmEnvironment(), WASM_BINDGEN_USE_BROWSER: "1" };
      const tests = browserTests().flatMap((name) => ["--test", name]);
      const args = [
        "test",
        "--headless",
        "--chrome",
        "--mode",
        "no-install",
        ".",
        "--locked",
        ...tests,
      ];
      const output = await run("wasm-pack", args, { env });
      const ran = [...output.matchAll(/test result: ok\. (\d+) passed/g)].reduce(
        (sum, found) => sum + Number(found[1]),
        0,
      );
      if (ran === 0) throw new StageFailure("no test ran in the browser");
      console.log(`${ran} tests passed in the browser`);
    },
  },
  nodeTests("page tests", "tests/page"),
  nodeTests("package tests", "tests/package"),
  {
    name: "fuzz",
    minutes: 10,
    run: async (run) => {
      const fuzz = { cwd: inRoot("fuzz"), env: native };
      await run("cargo", ["clippy", "--locked", "--all-targets", "--", "-D", "warnings"], fuzz);
      const limits = ["--count", String(FUZZ_INPUTS), "--seconds", "300"];
      await run("cargo", ["run", "--locked", "--release", "--quiet", "--", ...limits], fuzz);
    },
  },
  nodeTests("cluster tests", "tests/cluster", { minutes: 30 }),
  nodeTests("Juju tests", "tests/juju", { minutes: 20 }),
  nodeTests("against Istio and Envoy, its own tests", "tests/istio"),
  {
    name: "against Istio and Envoy",
    skip: needs("tests/istio/run.mjs", "host/commands/explain.js"),
    run: async (run) =>
      void (await run(process.execPath, ["tests/istio/run.mjs"], { env: native })),
  },
  {
    name: "changes against Istio and Envoy",
    skip: needs("tests/istio/diffs.mjs"),
    run: async (run) =>
      void (await run(process.execPath, ["tests/istio/diffs.mjs"], { env: native })),
  },
  nodeTests("a peer's verdicts", "tests/peer"),
  {
    name: "demo in a clean clone",
    skip: needs(".git", "host/cli.js", "examples/bookinfo/bundle.yaml"),
    run: demo,
  },
];

const args = process.argv.slice(2);
const names = args.filter((arg) => !arg.startsWith("--"));
const unknown = [
  ...names.filter((name) => !stages.some((stage) => stage.name === name)),
  ...args.filter(
    (arg) => arg.startsWith("--") && !["--fast", "--list", "--keep-going"].includes(arg),
  ),
];
if (unknown.length > 0) {
  console.error(
    `error: unknown: ${unknown.join(", ")}; \`node tools/test.mjs --list\` shows the stages`,
  );
  process.exit(2);
}
if (args.includes("--list")) {
  for (const stage of stages) console.log(stage.fast ? `${stage.name}  (fast)` : stage.name);
} else {
  const chosen = stages.filter(
    (stage) =>
      (!args.includes("--fast") || stage.fast) &&
      (names.length === 0 || names.includes(stage.name)),
  );
  process.exitCode = (await runStages(chosen, args.includes("--keep-going"))) ? 0 : 1;
}
