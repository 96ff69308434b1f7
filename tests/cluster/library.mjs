// The published Python library on a real API server: one process, asked a line at a time.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Where `tools/setup.sh python` puts it. */
const PYTHON = process.env.MESH_POLICY_PYTHON ?? `${ROOT}.tools/venv/bin/python`;

/**
 * @typedef {object} Question See library.py.
 * @property {"reconcile" | "delete" | "labels"} action
 * @property {string} kubeconfig
 * @property {string} app_name
 * @property {string} model_name
 * @property {Record<string, string> | null} labels
 * @property {string} [field_manager]
 * @property {object[]} [policies]
 * @property {object[]} [raw_policies]
 * @property {boolean} [force]
 * @property {string} [configmap]
 * @property {string} [client_namespace]
 *
 * @typedef {{ ms: number, error?: string }} Reply
 */

export function openLibrary() {
  if (!existsSync(PYTHON)) {
    throw new Error(`the Python library is not installed at ${PYTHON}: run \`tools/setup.sh python\``);
  }
  const child = spawn(PYTHON, [`${ROOT}tests/cluster/library.py`], { stdio: ["pipe", "pipe", "pipe"] });
  /** @type {{ resolve: (reply: Reply) => void, reject: (error: Error) => void }[]} */
  const waiting = [];
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (part) => (stderr = (stderr + part).slice(-4000)));
  child.stdin.on("error", () => {});
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.resolve(JSON.parse(line)));
  /** @type {Promise<void>} */
  const ended = new Promise((resolve) => {
    child.once("close", (code) => {
      for (const { reject } of waiting) reject(new Error(`library.py ended with ${code}: ${stderr}`));
      resolve();
    });
  });
  return {
    pid: child.pid ?? 0,
    /**
     * @param {Question} question
     * @returns {Promise<Reply>}
     */
    ask: (question) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        child.stdin.write(`${JSON.stringify(question)}\n`);
      }),
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
