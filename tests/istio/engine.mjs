// What mesh-policy says: of many sets by the package, as the command line asks it; or by a command line, this or another.

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
 * @typedef {object} Explained
 * @property {Map<string, Explanation>} answers By the requests' ids.
 * @property {globalThis.Set<number> | null} refused Which policies it says Istio refuses; `null`: it was not asked.
 *
 * @typedef {(set: Omit<Set, "seed">) => Promise<Explained>} Engine
 *
 * @typedef {{ service: string } | { pod: string }} To
 *
 * @typedef {{ any?: string[], except?: string[], examples?: string[] }} Texts
 *
 * @typedef {object} Change
 * @property {To} to
 * @property {To[]} [alsoTo]
 * @property {any[]} [given] Kubernetes objects that were made up.
 * @property {{ inside?: Texts, outside: boolean }} [clients]
 * @property {string[]} [ports]
 * @property {Texts} [methods]
 * @property {Texts} [paths]
 * @property {Texts} [hosts]
 * @property {string} text
 * @property {Omit<import("./types.mjs").Request, "id" | "sourceIp"> & { sourceIp?: string }} witness
 *
 * @typedef {object} Difference What `mesh-policy diff -o json` prints.
 * @property {boolean} equivalent
 * @property {Change[]} granted
 * @property {Change[]} revoked
 * @property {{ to: To, text: string }[]} unknown
 * @property {{ to: To, why: string }[]} notCompared
 *
 * @typedef {import("./types.mjs").Context} Context
 * @typedef {import("./envoy.mjs").Case} Case
 * @typedef {(before: Omit<Case, "requests">, after: Omit<Case, "requests">) => Difference} Differ
 */

export const COMMAND = [process.execPath, fileURLToPath(new URL("../../host/cli.js", import.meta.url))];

// What it says of a policy that Istio refuses.
const REFUSED = "refused-policy";

/** How a mesh is given to the package. */
async function reader() {
  const { analyse } = await import("../../host/index.js");
  const manifest = (/** @type {unknown} */ object, /** @type {string} */ file) => ({
    file,
    text: JSON.stringify(object),
  });
  return (/** @type {Context} */ context, /** @type {readonly object[]} */ policies) => {
    const analysis = analyse({
      files: [],
      charms: [],
      databags: [],
      manifests: [
        ...objects(context).map((object, i) => manifest(object, `object ${i}`)),
        // A file for each policy: so a diagnostic's file says which one it means.
        ...policies.map((policy, i) => manifest(policy, `policy ${i}`)),
      ],
      settings: [manifest(context.settings, "settings")],
    });
    if (analysis.badInput) throw new Error(JSON.stringify(analysis.diagnostics));
    return analysis;
  };
}

/** @returns {Promise<Differ>} */
export async function differ() {
  const read = await reader();
  return (before, after) => {
    const [old, now] = [read(before.context, before.policies), read(after.context, after.policies)];
    try {
      return JSON.parse(old.diffTo(now));
    } finally {
      old.free();
      now.free();
    }
  };
}

/** @returns {Promise<Engine>} */
export async function library() {
  const read = await reader();
  return async ({ context, policies, requests }) => {
    const analysis = read(context, policies);
    try {
      const diagnostics = analysis.diagnostics;
      const refused = diagnostics.filter(({ code }) => code === REFUSED);
      return {
        answers: answersOf(analysis.ask(linesOf(requests)), requests),
        refused: new globalThis.Set(refused.map(({ place }) => Number(place?.file.slice("policy ".length)))),
      };
    } finally {
      analysis.free();
    }
  };
}

/**
 * @param {readonly string[]} command What answers as `mesh-policy` does.
 * @returns {Engine}
 */
export const commandLine = (command) => async (set) => {
  const folder = mkdtempSync(path.join(tmpdir(), "mesh-policy-engine-"));
  try {
    const file = (/** @type {string} */ name, /** @type {string} */ text) => {
      writeFileSync(path.join(folder, name), text);
      return path.join(folder, name);
    };
    const items = [...objects(set.context), ...set.policies];
    const output = await outputOf([
      ...command,
      "explain",
      ...["--manifests", file("mesh.json", JSON.stringify({ apiVersion: "v1", kind: "List", items }))],
      ...["--settings", file("settings.json", JSON.stringify(set.context.settings))],
      ...["--requests", file("requests.jsonl", linesOf(set.requests))],
      ...["--output", "jsonl"],
    ]);
    return { answers: answersOf(output, set.requests), refused: null };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** @param {Set["requests"]} requests */
const linesOf = (requests) => requests.map((one) => `${JSON.stringify(one)}\n`).join("");

/**
 * @param {string} output
 * @param {Set["requests"]} requests
 */
function answersOf(output, requests) {
  /** @type {Map<string, Explanation>} */
  const answers = new Map();
  for (const line of output.split("\n").filter((line) => line !== "")) {
    /** @type {Explanation} */
    const answer = JSON.parse(line);
    answers.set(answer.id, answer);
  }
  for (const { id } of requests) {
    if (!answers.has(id)) throw new Error(`request \`${id}\` was not answered: ${output.slice(0, 500)}`);
  }
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
