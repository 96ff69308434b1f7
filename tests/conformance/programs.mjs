// Runs the programs that answer requests: ours, and the oracle.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { extname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = resolve(fileURLToPath(import.meta.url), "../../..");

// Silence for longer than this is taken for a hang.
const IDLE_SECONDS = 120;

/** A reason to stop that needs no stack trace. */
export class Stop extends Error {}

/** @typedef {{ command: string, args: string[] }} Program */

/**
 * The program behind a name: `native`, `wasm`, or a file that speaks the protocol.
 *
 * @param {string} name
 * @param {string} python
 * @returns {Program}
 */
export function responder(name, python) {
  if (name === "native") {
    const command = join(ROOT, "target/release/examples/conformance");
    return { command: existing(command, "cargo build --release --example conformance"), args: [] };
  }
  if (name === "wasm") {
    existing(join(ROOT, "pkg/mesh_policy_bg.wasm"), "npm run build:wasm");
    return { command: process.execPath, args: [join(ROOT, "tests/conformance.mjs")] };
  }
  const file = existing(resolve(name), "");
  if (extname(file) === ".py") return { command: python, args: [file] };
  if ([".mjs", ".js"].includes(extname(file))) return { command: process.execPath, args: [file] };
  return { command: file, args: [] };
}

/**
 * The Python that has the library.
 *
 * @param {string | undefined} given
 */
export function pythonWithLibrary(given) {
  return given ?? existing(join(ROOT, ".tools/venv/bin/python"), "tools/setup.sh python");
}

/** @param {string} file @param {string} remedy */
function existing(file, remedy) {
  if (existsSync(file)) return file;
  const shown = relative(process.cwd(), file);
  throw new Stop(`there is no \`${shown}\`${remedy && `; \`${remedy}\` makes it`}`);
}

/**
 * Gives a program its input and collects the lines that it writes.
 *
 * @param {Program} program
 * @param {string} input
 * @returns {Promise<{ lines: string[], failure: string | null }>} `failure` tells how the program
 *   ended, unless it ended well; the lines up to there are returned all the same
 */
export function linesOf({ command, args }, input) {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ["pipe", "pipe", "pipe"] });
    /** @type {Buffer[]} */
    const output = [];
    let complaints = "";
    /** @type {string | null} */
    let failure = null;
    const giveUp = () => {
      failure = `said nothing for ${IDLE_SECONDS} s and was ended`;
      child.kill("SIGKILL");
    };
    const watch = setTimeout(giveUp, IDLE_SECONDS * 1000);
    child.stdout.on("data", (chunk) => {
      watch.refresh();
      output.push(chunk);
    });
    child.stderr.on("data", (chunk) => {
      complaints = (complaints + chunk).slice(-4000);
    });
    // A program that ends before it has read everything: its exit says so.
    child.stdin.on("error", () => {});
    child.on("error", (error) => {
      failure = String(error);
    });
    child.on("close", (status, signal) => {
      clearTimeout(watch);
      if (status !== 0) failure ??= `ended with ${signal ?? `status ${status}`}`;
      if (failure !== null) {
        failure = `${[command, ...args].join(" ")} ${failure}${complaints && `:\n${complaints}`}`;
      }
      let text = "";
      try {
        text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(output));
      } catch {
        failure ??= `${command} wrote bytes that are no UTF-8`;
      }
      // Not by readline, which also ends lines at U+2028, as JSON strings may hold it.
      const lines = text.split("\n");
      if (lines.at(-1) === "") lines.pop();
      done({ lines, failure });
    });
    child.stdin.end(input);
  });
}
