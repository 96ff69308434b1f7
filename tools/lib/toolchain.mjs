// Where the tools of the wasm build are, what they are called with, and which versions they have.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const TARGET = "wasm32-unknown-unknown";

/**
 * The first line that a command prints, trimmed.
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
function ask(command, args, env = process.env) {
  return execFileSync(command, args, {
    cwd: ROOT,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
}

/**
 * The environment in which cargo finds the wasm32 target and wasm-pack its helpers.
 *
 * `.tools/wasm.env` is written by `tools/setup.sh` where the target is not rustup's own.
 * @returns {NodeJS.ProcessEnv}
 */
export function wasmEnvironment() {
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env };
  const file = path.join(ROOT, ".tools/wasm.env");
  if (existsSync(file)) {
    for (const line of readFileSync(file, "utf8").split("\n")) {
      const at = line.indexOf("=");
      if (at > 0) env[line.slice(0, at)] = line.slice(at + 1);
    }
    if (env.CARGO_TARGET_DIR) env.CARGO_TARGET_DIR = path.resolve(ROOT, env.CARGO_TARGET_DIR);
  }
  env.PATH = [path.join(ROOT, ".tools/bin"), path.join(ROOT, "node_modules/.bin"), env.PATH].join(
    path.delimiter,
  );
  return env;
}

/**
 * What makes a build the same in every folder and on every machine: no path of this one in it.
 *
 * Every registry's folder gets one name, so that neither a mirror's name nor a home folder shows in a panic message.
 * rustc takes the last prefix that matches: the special ones come last.
 * @param {NodeJS.ProcessEnv} env
 * @returns {string} the value of `CARGO_ENCODED_RUSTFLAGS`
 */
export function reproducibleFlags(env) {
  const sysroot = ask("rustc", ["--print", "sysroot"], env);
  const commit = /^commit-hash: ([0-9a-f]+)$/m.exec(ask("rustc", ["-vV"], env))?.[1] ?? "std";
  const cargoHome = env.CARGO_HOME ?? path.join(homedir(), ".cargo");
  const sources = path.join(cargoHome, "registry/src");
  const registries = existsSync(sources)
    ? readdirSync(sources).map((name) => path.join(sources, name))
    : [];
  /** @type {[string, string][]} */
  const prefixes = [
    [homedir(), "/home"],
    [cargoHome, "/cargo"],
    [sysroot, "/rust"],
    // With the component rust-src, rustc names the files of std that lie here; without it, this.
    [path.join(sysroot, "lib/rustlib/src/rust"), `/rustc/${commit}`],
    ...registries.map((folder) => /** @type {[string, string]} */ ([folder, "/deps"])),
    [ROOT, "/mesh-policy"],
  ];
  const remapped = prefixes.map(([from, to]) => `--remap-path-prefix=${from}=${to}`);
  return [...remapped, ...wasmFlags()].join("\x1f");
}

/**
 * What Cargo.toml says that rustc is called with for wasm32.
 * @returns {string[]}
 */
function wasmFlags() {
  const manifest = readFileSync(path.join(ROOT, "Cargo.toml"), "utf8");
  const flags = /^\[package\.metadata\.wasm\]\nrustflags = (\[.*\])$/m.exec(manifest)?.[1];
  if (!flags) throw new Error("Cargo.toml has no `rustflags` in `[package.metadata.wasm]`");
  return JSON.parse(flags);
}

/**
 * The version that a tool of the wasm build names, `null` where the tool is missing.
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @param {RegExp} pattern
 */
function version(command, args, env, pattern) {
  try {
    return pattern.exec(ask(command, args, env))?.[1] ?? null;
  } catch {
    return null;
  }
}

/**
 * The versions of all that decides the bytes of the build; `null` for what is not installed.
 * @param {NodeJS.ProcessEnv} env
 * @returns {Record<string, string | null>}
 */
export function toolVersions(env) {
  return {
    rustc: version("rustc", ["-V"], env, /^rustc (.+)$/m),
    "wasm-pack": version("wasm-pack", ["--version"], env, /(\d+\.\d+\.\d+)/),
    "wasm-bindgen": version("wasm-bindgen", ["--version"], env, /(\d+\.\d+\.\d+)/),
    binaryen: version("wasm-opt", ["--version"], env, /version (\d+)/),
  };
}
