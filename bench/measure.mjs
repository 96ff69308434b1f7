// What all tasks have in common: what a figure is, its middle and its ends, and how a program is run.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * One subject at one size.
 * @typedef {object} Figure
 * @property {string} what What is done, such as `JSON` or `first apply`.
 * @property {number} size How many relations, policies …; 0 where there is no size.
 * @property {string} who `mesh-policy`, a rival or the floor.
 * @property {number[]} runs One number a run, in the unit of the task.
 * @property {string} [than] Whom its ratio is to, at the same size of the same.
 * @property {Record<string, string>} [more] Further columns.
 *
 * What was hoped for.
 * @typedef {object} Expected
 * @property {string} what
 * @property {"at least" | "at most"} bound
 * @property {number} limit
 * @property {number} found
 *
 * @typedef {object} Result
 * @property {Figure[]} figures
 * @property {Expected[]} expected
 *
 * @typedef {object} Options
 * @property {boolean} quick Small sizes: does it run?
 * @property {number} runs
 * @property {(line: string) => void} progress
 *
 * @typedef {object} Task
 * @property {string} name What `--only` calls it.
 * @property {string} unit
 * @property {string} sized What a size counts.
 * @property {string} title Of the plot.
 * @property {string[]} needs Files without which it cannot run.
 * @property {(options: Options) => Promise<Result>} run
 */

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** @param {string} name */
export const inRoot = (name) => join(ROOT, name);

/** @param {number[]} numbers */
export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}

/** How many times as long one figure takes as another. @param {Figure} one @param {Figure} other */
export const ratio = (one, other) => median(one.runs) / median(other.runs);

/**
 * The one figure of a subject.
 * @param {Figure[]} figures
 * @param {string} what @param {number} size @param {string} who
 */
export function figure(figures, what, size, who) {
  const found = figures.find((one) => one.what === what && one.size === size && one.who === who);
  if (!found) throw new Error(`nothing was measured of ${who}, ${what}, at ${size}`);
  return found;
}

/**
 * The exponent by which time grows with size: 1 is linear, 2 quadratic.
 * @param {Figure} small @param {Figure} large
 */
export const exponent = (small, large) => Math.log(ratio(large, small)) / Math.log(large.size / small.size);

/** What takes longer hangs, in ms. */
const LONGEST = 300_000;

// Where this is set, Node reads all those certificates before anything else: 35 ms that no benchmark is about.
delete process.env.NODE_EXTRA_CA_CERTS;

/** @param {string} program @param {string[]} args @param {number[]} [fine] exit codes that are no failure */
export function output(program, args, fine = [0]) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: ROOT, encoding: "utf8", maxBuffer: 1 << 28, timeout: LONGEST });
  if (error || status === null || !fine.includes(status)) {
    throw new Error(`\`${program} ${args.join(" ")}\` failed: ${error ?? stderr}`);
  }
  return stdout;
}

/** What a worker prints. @param {string} program @param {string[]} args */
export const answer = (program, args) => JSON.parse(output(program, args));

/**
 * Whole processes, taking turns, so that what disturbs one disturbs the others.
 * @param {[string, string[]][]} programs
 * @param {number} runs
 */
export function inTurns(programs, runs) {
  const all = programs.map(() => ({ times: /** @type {number[]} */ ([]), out: "" }));
  for (let run = 0; run < runs; run++) {
    programs.forEach(([program, args], at) => {
      const start = performance.now();
      const out = output(program, args, [0, 1]);
      const took = performance.now() - start;
      const one = all[at];
      if (!one) return;
      one.times.push(took);
      one.out = out;
    });
  }
  return all;
}

/** @param {Task} task */
export const missing = (task) => task.needs.find((name) => !existsSync(inRoot(name)));
