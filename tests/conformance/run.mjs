// Holds our answers against those of the published Python library. See README.md.

import { randomInt } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { compareAnswers } from "./compare.mjs";
import { CLUSTER_OPS, endState, hasFaults, hasTwins } from "./end-state.mjs";
import { member, readJson, textOf } from "./json-text.mjs";
import { linesOf, pythonWithLibrary, responder, ROOT, Stop } from "./programs.mjs";

// What the responders answer so far. The oracle knows more; see its README.
const OPS = [
  "validate",
  "build_mesh_policies",
  "consumer_databag",
  "provider",
  "istio_policies",
  "default_labels",
  ...CLUSTER_OPS,
];

// Of more than this many differences, the rest is only counted.
const SHOWN = 20;
const SHOWN_LENGTH = 6000;

class UsageError extends Stop {}

const USAGE = `usage: node tests/conformance/run.mjs --responder native|wasm|FILE SOURCE [OPTION …]

source, one of
  --corpus FILE       recorded requests and answers, JSON lines, perhaps gzipped
  --live              new random requests; the Python library answers as well
    --count N         how many (5000); half of them hostile
    --seed S          the same seed gives the same requests; random unless given, always printed
    --hostile         all of them hostile
    --python FILE     a Python that has the library (.tools/venv/bin/python)
options
  --ops a,b           only these operations (${OPS.join(",")})
  --differences FILE  where those that differ are written (.cache/conformance/differences.jsonl)
  --help`;

/**
 * A request and what the library answers, both as they were written.
 *
 * @typedef {{ request: string, expected: string, op: string, model: string, tags: string[] }} Pair
 */

/** @param {string} request @param {string} expected @returns {Pair} */
function pairOf(request, expected) {
  const json = readJson(request);
  const tags = member(json, "tags");
  const tagTexts = tags?.kind === "array" ? tags.items.map((tag) => textOf(tag) ?? "") : [];
  return {
    request,
    expected,
    op: textOf(member(json, "op")) ?? "",
    model: textOf(member(json, "model") ?? member(json, "helper")) ?? "",
    tags: tagTexts,
  };
}

/** @param {string} file @returns {Pair[]} */
function recorded(file) {
  let bytes;
  try {
    bytes = readFileSync(file);
    if (file.endsWith(".gz")) bytes = gunzipSync(bytes);
  } catch (error) {
    throw new Stop(`cannot read \`${file}\`: ${/** @type {Error} */ (error).message}`);
  }
  const lines = bytes.toString("utf8").split("\n").filter(Boolean);
  return lines.map((line, index) => {
    try {
      const json = readJson(line);
      const [request, response] = [member(json, "request"), member(json, "response")];
      if (!request || !response) throw new Error("request or response is missing");
      const [text, expected] = [request, response].map(({ start, end }) => line.slice(start, end));
      return pairOf(text, expected);
    } catch (error) {
      const why = /** @type {Error} */ (error).message;
      throw new Stop(`\`${file}\`, line ${index + 1}: ${why}`);
    }
  });
}

/**
 * @param {{ count: number, seed: number, hostile: boolean, ops: string[], python: string }} live
 * @returns {Promise<Pair[]>}
 */
async function fresh({ count, seed, hostile, ops, python }) {
  const halves = hostile
    ? [{ size: count, more: ["--hostile"] }]
    : [
        { size: Math.ceil(count / 2), more: [] },
        { size: Math.floor(count / 2), more: ["--hostile"] },
      ];
  /** @type {string[]} */
  const requests = [];
  for (const { size, more } of halves) {
    const args = ["--seed", String(seed), "--count", String(size), "--ops", ops.join(","), ...more];
    requests.push(...(await answersOf(python, "generate.py", args, "", size)));
  }
  const input = `${requests.join("\n")}\n`;
  const expected = await answersOf(python, "oracle.py", [], input, requests.length);
  return requests.map((request, index) => pairOf(request, expected[index]));
}

/**
 * @param {string} python
 * @param {string} script
 * @param {string[]} args
 * @param {string} input
 * @param {number} count
 */
async function answersOf(python, script, args, input, count) {
  const program = { command: python, args: [join(ROOT, "tests/oracle", script), ...args] };
  const { lines, failure } = await linesOf(program, input);
  if (failure !== null) throw new Stop(failure);
  if (lines.length !== count) {
    throw new Stop(`${script} wrote ${lines.length} lines instead of ${count}`);
  }
  return lines;
}

/** Counts, by a name, in the order in which the names came up. */
class Tally {
  /** @type {Map<string, number>} */
  #counts = new Map();
  /** @param {string} name */
  add(name) {
    this.#counts.set(name, this.of(name) + 1);
  }
  /** @param {string} name */
  of(name) {
    return this.#counts.get(name) ?? 0;
  }
  get total() {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }
  toString() {
    return [...this.#counts].map(([name, count]) => `${name} ${count}`).join(", ");
  }
}

/** @param {Pair[]} pairs @param {(request: string) => boolean} leaves @param {string} why */
function withoutCluster(pairs, leaves, why) {
  const kept = pairs.filter(({ op, request }) => !CLUSTER_OPS.includes(op) || !leaves(request));
  if (kept.length < pairs.length) console.log(`passed over ${pairs.length - kept.length} requests ${why}`);
  return kept;
}

/** @param {Pair} pair @param {string} answer */
function verdictOn(pair, answer) {
  if (!CLUSTER_OPS.includes(pair.op)) return compareAnswers(pair, pair.expected, answer);
  let ours = answer;
  try {
    ours = endState(pair.request, answer, false);
  } catch {
    // No JSON, and the comparison will say so.
  }
  return compareAnswers(pair, endState(pair.request, pair.expected, true), ours);
}

/** @param {string} text */
function cut(text) {
  if (text.length <= SHOWN_LENGTH) return text;
  return `${text.slice(0, SHOWN_LENGTH)}… (${text.length} characters)`;
}

/**
 * Compares every answer, prints what differs and a last line of counts.
 *
 * @param {Pair[]} pairs
 * @param {string[]} answers
 * @param {string} again how to make the same requests once more
 * @param {string} file where to write what differs
 * @returns {boolean} whether nothing differed
 */
function report(pairs, answers, again, file) {
  const compared = new Tally();
  const allowed = new Tally();
  const kinds = new Tally();
  /** @type {string[]} */
  const different = [];
  for (const [index, pair] of pairs.entries()) {
    const answer = answers[index];
    if (answer === undefined) break;
    compared.add(pair.op);
    const verdict = verdictOn(pair, answer);
    if (verdict.result === "equal") continue;
    if (verdict.result === "allowed") {
      allowed.add(verdict.tag);
      continue;
    }
    kinds.add([pair.op, pair.model].filter(Boolean).join(" "));
    different.push(`{"request":${pair.request},"response":${pair.expected}}\n`);
    if (different.length > SHOWN) continue;
    console.log(`\n--- difference ${different.length}: ${verdict.path || "the answer"}: ${verdict.why}`);
    console.log(`request  ${cut(pair.request)}`);
    console.log(`expected ${cut(pair.expected)}`);
    console.log(`got      ${cut(answer)}`);
  }
  if (different.length > 0) {
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, different.join(""));
    console.log(`\n${different.length} differences: ${kinds}`);
    console.log(`the same requests again: ${again}`);
    console.log(`only those that differ: --corpus ${relative(process.cwd(), file)}`);
  }
  const equal = compared.total - allowed.total - different.length;
  console.log(
    `compared ${compared.total} (${compared}): ${equal} equal, ` +
      `${allowed.total} allowed to be refused${allowed.total ? ` (${allowed})` : ""}, ` +
      `${different.length} different`,
  );
  return different.length === 0;
}

async function main() {
  const { values: given } = parseArgs({
    options: {
      corpus: { type: "string" },
      live: { type: "boolean", default: false },
      count: { type: "string" },
      seed: { type: "string" },
      hostile: { type: "boolean", default: false },
      python: { type: "string" },
      ops: { type: "string" },
      responder: { type: "string" },
      differences: {
        type: "string",
        default: join(ROOT, ".cache/conformance/differences.jsonl"),
      },
      help: { type: "boolean", default: false },
    },
  });
  if (given.help) {
    console.log(USAGE);
    return true;
  }
  if (given.responder === undefined) throw new UsageError("--responder is missing");
  if ((given.corpus === undefined) === !given.live) {
    throw new UsageError("give one of --corpus and --live");
  }
  for (const name of /** @type {const} */ (["count", "seed", "hostile"])) {
    if (given[name] && !given.live) throw new UsageError(`--${name} goes with --live`);
  }
  const ops = given.ops?.split(",") ?? OPS;
  const isPython = given.live || given.responder.endsWith(".py");
  const python = isPython ? pythonWithLibrary(given.python) : "";
  const program = responder(given.responder, python);

  const name = `--responder ${given.responder} --ops ${ops}`;
  let pairs;
  let again;
  if (given.corpus !== undefined) {
    pairs = recorded(given.corpus).filter(({ op }) => ops.includes(op));
    again = `--corpus ${given.corpus} ${name}`;
  } else {
    const count = whole("count", given.count ?? "5000");
    const seed = given.seed === undefined ? randomInt(2 ** 32) : whole("seed", given.seed);
    again = `--live --seed ${seed} --count ${count}${given.hostile ? " --hostile" : ""} ${name}`;
    console.log(`seed ${seed}: ${count} requests${given.hostile ? ", hostile" : ", half hostile"}`);
    pairs = await fresh({ count, seed, hostile: given.hostile, ops, python });
  }
  pairs = withoutCluster(pairs, hasFaults, "with faults: tests/faults.rs is about these");
  pairs = withoutCluster(pairs, hasTwins, "with raw policies of one name: the fake API server differs from a real one");
  const absent = ops.filter((op) => pairs.every((pair) => pair.op !== op));
  // Of few live requests, an operation may happen to get none.
  if (pairs.length === 0 || (absent.length > 0 && (!given.live || pairs.length >= 500))) {
    throw new Stop(`there are no requests of ${absent.join(", ")}`);
  }

  const input = pairs.map(({ request }) => `${request}\n`).join("");
  const { lines, failure } = await linesOf(program, input);
  const agree = report(pairs, lines, `node tests/conformance/run.mjs ${again}`, given.differences);
  if (lines.length === pairs.length && failure === null) return agree;
  console.log(`FAILED: ${lines.length} answers to ${pairs.length} requests`);
  if (lines.length < pairs.length) {
    console.log(`the first without an answer: ${cut(pairs[lines.length].request)}`);
  }
  if (failure !== null) console.log(failure);
  console.log(`again: node tests/conformance/run.mjs ${again}`);
  return false;
}

/** @param {string} option @param {string} text */
function whole(option, text) {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new UsageError(`--${option} takes a whole number, not \`${text}\``);
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
  const usage = error instanceof UsageError || code?.startsWith("ERR_PARSE_ARGS");
  if (!usage && !(error instanceof Stop)) throw error;
  console.error(`conformance: ${message}${usage ? `\n\n${USAGE}` : ""}`);
  process.exitCode = 2;
}
