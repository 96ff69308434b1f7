// Runs stages one after another: name, output as it comes, a sign of life, the time; stops at the first failure.

import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import path from "node:path";
import { ROOT } from "./toolchain.mjs";

/** After this many seconds without output, the runner says that it is still there. */
const SILENCE = 20;

/** What ends a stage, said in one line. */
export class StageFailure extends Error {}

/**
 * @typedef {object} Options
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string} [cwd]
 *
 * @typedef {(command: string, args: string[], options?: Options) => Promise<string>} Run
 *   runs a program to its end and returns what it printed; a status other than 0 is a `StageFailure`
 *
 * @typedef {object} Stage
 * @property {string} name
 * @property {boolean} [fast]  part of `make check`
 * @property {number} [minutes]  after which it is taken for a hang; 15 without
 * @property {() => string | null} [skip]  why there is nothing to run yet, `null` when there is
 * @property {(run: Run) => Promise<void>} run
 *
 * @typedef {{ name: string, state: 'passed' | 'failed' | 'skipped' | 'not run', seconds: number, note: string }} Result
 */

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/**
 * Ends a program and all that it has started.
 * @param {import('node:child_process').ChildProcess} child
 */
function end(child) {
  try {
    if (child.pid) process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.on(signal, () => {
    for (const child of running) end(child);
    process.exit(signal === "SIGINT" ? 130 : 143);
  });
}

/** @param {number} seconds */
export function duration(seconds) {
  return seconds < 60
    ? `${seconds.toFixed(1)} s`
    : `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, "0")} s`;
}

/**
 * @param {Stage} stage
 * @param {import('node:stream').Writable} log
 * @param {number} deadline  in milliseconds of `Date.now()`
 * @returns {Run}
 */
function runner(stage, log, deadline) {
  return (command, args, { env = process.env, cwd = ROOT } = {}) =>
    new Promise((resolve, reject) => {
      const shown = [path.basename(command), ...args].join(" ");
      const line = `$ ${shown.length > 200 ? `${shown.slice(0, 200)} …` : shown}\n`;
      process.stdout.write(line);
      log.write(line);
      const start = Date.now();
      let output = "";
      let lastWord = start;
      let late = false;
      // A group of its own, so that whatever it starts can be ended with it.
      const child = spawn(command, args, {
        cwd,
        env,
        stdio: ["ignore", "pipe", "pipe"],
        detached: true,
      });
      running.add(child);
      for (const [from, to] of /** @type {const} */ ([
        [child.stdout, process.stdout],
        [child.stderr, process.stderr],
      ])) {
        from.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
          lastWord = Date.now();
          output += text;
          to.write(text);
          log.write(text);
        });
      }
      const watch = setInterval(() => {
        const now = Date.now();
        if (now > deadline) {
          late = true;
          end(child);
        } else if (now - lastWord > SILENCE * 1000) {
          lastWord = now;
          process.stdout.write(
            `  … ${stage.name}: still running, ${duration((now - start) / 1000)}\n`,
          );
        }
      }, 1000);
      child.on("error", (error) => {
        clearInterval(watch);
        running.delete(child);
        reject(new StageFailure(`\`${command}\` does not start: ${error.message}`));
      });
      child.on("close", (status, signal) => {
        clearInterval(watch);
        running.delete(child);
        // What it left behind would hold ports and files that the next stage wants.
        end(child);
        if (late)
          reject(
            new StageFailure(
              `\`${shown}\` was ended: the stage took over ${stage.minutes ?? 15} minutes`,
            ),
          );
        else if (status !== 0)
          reject(new StageFailure(`\`${shown}\` ended with ${signal ?? `status ${status}`}`));
        else resolve(output);
      });
    });
}

/**
 * @param {Stage} stage
 * @returns {Promise<Result>}
 */
async function runStage(stage) {
  const { name } = stage;
  const reason = stage.skip?.() ?? null;
  if (reason) {
    console.log(`\n=== ${name}: skipped, ${reason}`);
    return { name, state: "skipped", seconds: 0, note: reason };
  }
  console.log(`\n=== ${name}`);
  const file = path.join(ROOT, ".cache/test", `${name.replace(/[^a-z0-9]+/gi, "-")}.log`);
  mkdirSync(path.dirname(file), { recursive: true });
  const log = createWriteStream(file);
  const start = Date.now();
  const seconds = () => (Date.now() - start) / 1000;
  try {
    await stage.run(runner(stage, log, start + (stage.minutes ?? 15) * 60_000));
    console.log(`=== ${name}: passed in ${duration(seconds())}`);
    return { name, state: "passed", seconds: seconds(), note: "" };
  } catch (error) {
    if (!(error instanceof StageFailure)) throw error;
    console.log(`=== ${name}: FAILED after ${duration(seconds())}: ${error.message}`);
    console.log(`    output above, and in ${path.relative(ROOT, file)}`);
    return { name, state: "failed", seconds: seconds(), note: error.message };
  } finally {
    log.end();
  }
}

/**
 * Runs them in order, prints the table of times and, as the last line, how many passed, failed and were skipped.
 * @param {Stage[]} stages
 * @param {boolean} keepGoing  go on after a failure
 * @returns {Promise<boolean>} whether none failed and at least one ran
 */
export async function runStages(stages, keepGoing) {
  /** @type {Result[]} */
  const results = [];
  for (const stage of stages) {
    const stopped = !keepGoing && results.some((result) => result.state === "failed");
    results.push(
      stopped
        ? { name: stage.name, state: "not run", seconds: 0, note: "" }
        : await runStage(stage),
    );
  }
  const width = Math.max(...stages.map((stage) => stage.name.length));
  console.log("\n--- stages");
  for (const { name, state, seconds, note } of results) {
    const time = state === "passed" || state === "failed" ? duration(seconds) : "";
    console.log(
      `${name.padEnd(width)}  ${state.padEnd(7)}  ${time.padStart(12)}${note && `  ${note}`}`,
    );
  }
  const total = results.reduce((sum, result) => sum + result.seconds, 0);
  console.log(`${"together".padEnd(width)}  ${"".padEnd(7)}  ${duration(total).padStart(12)}\n`);
  /** @param {Result['state']} state */
  const count = (state) => results.filter((result) => result.state === state).length;
  const skipped = count("skipped") > 0 ? `, ${count("skipped")} skipped` : "";
  console.log(`${count("passed")} passed, ${count("failed")} failed${skipped}`);
  return count("failed") === 0 && count("passed") > 0;
}
