// Child processes that never outlive us: not a failed test, not Ctrl-C, and
// not kill -9 either, since each child also watches the pipe that is its stdin
// and ends when the kernel closes it.

import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/**
 * @typedef {object} Running
 * @property {string} name
 * @property {number} pid Also the number of its process group.
 * @property {string} log The file with all that it printed.
 * @property {() => boolean} alive
 * @property {(signal?: NodeJS.Signals) => void} kill The whole group. Default SIGKILL.
 * @property {() => Promise<void>} exited
 */

/**
 * Starts a program in a group of its own, so that a Ctrl-C at the terminal
 * reaches us first, with its output in `DIR/NAME.log`.
 *
 * @param {string} name
 * @param {string[]} command
 * @param {{ dir: string, remove?: boolean }} options `remove`: this one removes
 *   `dir` should we die without doing so.
 * @returns {Running}
 */
export function launch(name, command, { dir, remove = false }) {
  const log = join(dir, `${name}.log`);
  const output = openSync(log, "a");
  const [program, ...args] = command;
  const child = spawn(/** @type {string} */ (program), args, {
    cwd: dir,
    detached: true,
    stdio: ["pipe", output, output],
    env: {
      ...process.env,
      MESH_CLUSTER_STDIN: "parent",
      MESH_CLUSTER_REMOVE: remove ? dir : "",
    },
  });
  closeSync(output);
  /** @type {Promise<void>} */
  const exited = new Promise((resolve, reject) => {
    child.once("exit", () => resolve());
    child.once("error", reject);
  });
  // Who waits for it sees the failure; nobody may be waiting yet.
  exited.catch(() => {});
  const pid = child.pid;
  if (pid === undefined) {
    throw new Error(`cannot start ${name}: ${program} is missing or cannot be executed`);
  }
  // A forgotten stop() must not keep a test file from ending: then the exit
  // handler below cleans up.
  child.unref();
  /** @type {import("node:net").Socket} */ (child.stdin).unref();
  const alive = () => child.exitCode === null && child.signalCode === null;
  return {
    name,
    pid,
    log,
    alive,
    kill: (signal = "SIGKILL") => {
      if (!alive()) return;
      try {
        process.kill(-pid, signal);
      } catch (error) {
        if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ESRCH") throw error;
      }
    },
    exited: async () => {
      if (!alive()) return;
      child.ref();
      await exited;
    },
  };
}

/**
 * The end of a log, for an error message.
 * @param {string} file
 * @param {number} [lines]
 */
export function tail(file, lines = 15) {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  } catch {
    return "(no log)";
  }
}

/**
 * Ports of 127.0.0.1 that are free now. They may be taken by the time they are
 * used, so callers must be ready to try again.
 *
 * @param {number} count
 * @returns {Promise<number[]>}
 */
export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        /** @type {Promise<number>} */ (
          new Promise((resolve, reject) => {
            server.once("error", reject);
            server.listen(0, "127.0.0.1", () => {
              resolve(/** @type {import("node:net").AddressInfo} */ (server.address()).port);
            });
          })
        ),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/**
 * Asks until the answer is not undefined.
 *
 * @template T
 * @param {string} what For the message when time is up.
 * @param {() => Promise<T | undefined>} ask
 * @param {{ seconds?: number, everyMs?: number, last?: () => string }} [options]
 * @returns {Promise<T>}
 */
export async function until(what, ask, { seconds = 60, everyMs = 50, last } = {}) {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) {
      throw new Error(`${what}: not within ${seconds} s${last ? `; ${last()}` : ""}`);
    }
    await delay(everyMs);
  }
}

/** @type {Set<() => void>} */
const cleanups = new Set();

const runCleanups = () => {
  for (const cleanup of cleanups) cleanup();
  cleanups.clear();
};

/** @type {NodeJS.Signals[]} */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/** @param {NodeJS.Signals} signal */
function onSignal(signal) {
  runCleanups();
  for (const name of SIGNALS) process.off(name, onSignal);
  // Nobody else wants to handle it: then let it do what it does by itself, so
  // that whoever started us sees how we ended.
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

/**
 * Runs `cleanup` however this process ends, unless withdrawn before. It must
 * be synchronous.
 *
 * @param {() => void} cleanup
 * @returns {() => void} withdraws it
 */
export function whenWeEnd(cleanup) {
  if (cleanups.size === 0) {
    process.on("exit", runCleanups);
    for (const signal of SIGNALS) process.on(signal, onSignal);
  }
  cleanups.add(cleanup);
  return () => {
    cleanups.delete(cleanup);
    if (cleanups.size > 0) return;
    process.off("exit", runCleanups);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}

/**
 * Removes a folder that a process just killed may still have been writing to.
 * @param {string} dir
 */
export function removeFolder(dir) {
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 25 });
}
