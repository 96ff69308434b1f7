// What mesh-policy says, asked as a user asks it: `mesh-policy explain --requests FILE`.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { objects } from "./generate.mjs";

/**
 * @typedef {import("./types.mjs").Set} Set
 * @typedef {import("./types.mjs").Verdict} Verdict
 *
 * @typedef {object} Explanation A line of the answer.
 * @property {string} id
 * @property {Verdict} verdict
 * @property {string[]} [depends]
 * @property {unknown} ways
 *
 * @typedef {(set: Omit<Set, "seed">) => Promise<Map<string, Explanation>>} Engine By the requests' ids.
 */

const COMMAND = [process.execPath, fileURLToPath(new URL("../../host/cli.js", import.meta.url))];

// As many processes at a time.
const AT_ONCE = 2;

/**
 * @param {readonly string[]} [command] What answers as `mesh-policy` does.
 * @returns {{ explain: Engine, close: () => void }}
 */
export function openEngine(command = COMMAND) {
  const folder = mkdtempSync(path.join(tmpdir(), "mesh-policy-engine-"));
  let next = 0;
  let busy = 0;
  /** @type {(() => void)[]} */
  const waiting = [];
  return {
    close: () => rmSync(folder, { recursive: true, force: true }),
    explain: async (set) => {
      if (busy === AT_ONCE) await new Promise((resolve) => waiting.push(() => resolve(undefined)));
      else busy++;
      try {
        return await explain(command, path.join(folder, String(next++)), set);
      } finally {
        const waiter = waiting.shift();
        if (waiter) waiter();
        else busy--;
      }
    },
  };
}

/**
 * @param {readonly string[]} command
 * @param {string} stem
 * @param {Omit<Set, "seed">} set
 */
async function explain(command, stem, { context, policies, requests }) {
  const { settings } = context;
  const manifests = { apiVersion: "v1", kind: "List", items: [...objects(context), ...policies] };
  writeFileSync(`${stem}.manifests.json`, JSON.stringify(manifests));
  writeFileSync(`${stem}.settings.json`, JSON.stringify(settings));
  writeFileSync(`${stem}.requests.jsonl`, requests.map((one) => `${JSON.stringify(one)}\n`).join(""));
  const output = await outputOf([
    ...command,
    "explain",
    ...["--manifests", `${stem}.manifests.json`],
    ...["--settings", `${stem}.settings.json`],
    ...["--requests", `${stem}.requests.jsonl`],
    ...["--output", "jsonl"],
  ]);
  const lines = output.split("\n").filter((line) => line !== "");
  /** @type {Map<string, Explanation>} */
  const answers = new Map();
  for (const line of lines) {
    /** @type {Explanation} */
    const answer = JSON.parse(line);
    answers.set(answer.id, answer);
  }
  for (const { id } of requests) {
    if (!answers.has(id)) throw new Error(`mesh-policy explain did not answer request \`${id}\``);
  }
  for (const kind of ["manifests.json", "settings.json", "requests.jsonl"]) rmSync(`${stem}.${kind}`);
  return answers;
}

/** @param {readonly string[]} command @returns {Promise<string>} */
function outputOf([program = "", ...args]) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let [output, errors] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (part) => (output += part));
    child.stderr.setEncoding("utf8").on("data", (part) => (errors = (errors + part).slice(0, 4000)));
    child.once("error", reject);
    child.once("close", (code) => {
      // Findings (1) are no failure.
      if (code === 0 || code === 1) resolve(output);
      else reject(new Error(`\`${[program, ...args].join(" ")}\` ended with ${code}: ${errors}`));
    });
  });
}
