// Holds what mesh-policy says against Istio and a real Envoy, and against a plain evaluator of L4. See README.md.

import { openJudge } from "../cluster/judge.mjs";
import { commandLine, library } from "./engine.mjs";
import { question, replayAll } from "./envoy.mjs";
import { generate } from "./generate.mjs";
import { readOptions } from "./options.mjs";
import { shrink } from "./shrink.mjs";
import { decide } from "./ztunnel.mjs";

/**
 * @typedef {import("./types.mjs").Layer} Layer
 * @typedef {import("./types.mjs").Policy} Policy
 * @typedef {import("./types.mjs").Set} Set
 * @typedef {import("./types.mjs").Verdict} Verdict
 * @typedef {import("./engine.mjs").Explanation} Explanation
 * @typedef {import("../cluster/judge.mjs").Judge} Judge
 *
 * @typedef {object} Judged
 * @property {(Verdict | null)[]} verdicts In the order of the requests; `null`: there is nothing to compare.
 * @property {import("../cluster/judge.mjs").Verdict[]} validation
 * @property {string} [refusal] What Envoy says of a configuration that it refuses.
 *
 * @typedef {object} Disagreement About a request, or whether Istio refuses a policy.
 * @property {Set} set
 * @property {number} at Which request or policy.
 * @property {string} expected
 * @property {Explanation | string} answer
 * @property {string} [reason] Istio's, for refusing.
 */

const USAGE = `usage: node tests/istio/run.mjs [OPTION …]

  --seed N         of the first set; the next ones count on from it; random unless given, always printed
  --sets N         at a waypoint and a sidecar together (240), and half of one's at an ingress gateway; 40 requests each
  --l4-sets N      at a ztunnel (600), 40 requests each
  --layer LAYER    only waypoint, sidecar, gateway or ztunnel
  --engine FILE    a Node script that answers as the command line does (host/cli.js)
  --no-shrink      show disagreements as they are
  --help`;

const REQUESTS = 40;
// Of more disagreements than this, the rest is only counted.
const SHOWN = 8;
// What is doubtful where Envoy may do either: which proxies before a gateway are trusted, and what becomes of some headers.
const EITHER = ["trusted-proxies", "header-of-the-proxy"];
// Envoy's configuration for so many sets at a time.
const BATCH = 120;

/** @param {readonly string[]} args */
async function main(args) {
  const options = readOptions(args, USAGE, { name: "sets", envoy: 240, ztunnel: 600 }, ["engine"]);
  if (!options) return 0;
  const { seed, chosen } = options;
  const engine = options.text("engine");
  const explain = engine ? commandLine([process.execPath, engine]) : await library();
  const judge = await openJudge();
  let disagreed = 0;
  try {
    for (const [layer, count] of chosen) {
      const sets = Array.from({ length: count }, (_, i) => generate(seed + i, layer, REQUESTS));
      const found = await compare(judge, explain, layer, sets);
      disagreed += found.length;
      for (const one of distinct(found)) {
        const shown = options.shrink ? await smallest(judge, explain, one) : one;
        console.log(report(shown, one.set.seed));
      }
    }
  } finally {
    await judge.close();
  }
  if (disagreed === 0) return 0;
  console.log(`${disagreed} disagreements`);
  return 1;
}

/**
 * @param {Judge} judge
 * @param {import("./engine.mjs").Engine} explain
 * @param {Layer} layer
 * @param {Set[]} sets
 * @returns {Promise<Disagreement[]>}
 */
async function compare(judge, explain, layer, sets) {
  const started = performance.now();
  /** @type {Disagreement[]} */
  const found = [];
  /** @type {Record<string, number>} */
  const counts = {
    policies: 0,
    "refused policies": 0,
    allowed: 0,
    denied: 0,
    depends: 0,
    "no request": 0,
    "sets that Envoy refuses": 0,
  };
  for (let at = 0; at < sets.length; at += BATCH) {
    const batch = sets.slice(at, at + BATCH);
    // Side by side: there are two cores, and either is slow.
    const [judged, answers] = await Promise.all([
      judgeAll(judge, batch),
      Promise.all(batch.map((set) => explain(set))),
    ]);
    batch.forEach((set, i) => {
      const one = judged[i];
      const explained = answers[i];
      if (!one || !explained) return;
      found.push(...disagreements(set, one, explained));
      for (const { ok } of one.validation) counts[ok ? "policies" : "refused policies"]++;
      if (one.refusal !== undefined) counts["sets that Envoy refuses"]++;
      else for (const verdict of one.verdicts) counts[verdict ?? "no request"]++;
    });
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  // Nothing but refusals would be no comparison.
  if (sets.length > 1 && counts["allowed"] === 0 && counts["denied"] === 0) {
    throw new Error(`nothing was compared at a ${layer}`);
  }
  const text = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  console.log(`${layer}: ${sets.length} sets, ${text.join(", ")}; ${found.length} disagreements; ${seconds} s`);
  return found;
}

/**
 * @param {Judge} judge
 * @param {Set[]} sets Of one layer.
 * @returns {Promise<Judged[]>}
 */
async function judgeAll(judge, sets) {
  if (sets[0]?.context.layer === "ztunnel") {
    return Promise.all(
      sets.map(async (set) => {
        const { validation, authorizations } = await judge.ask(question(set));
        return { validation, verdicts: set.requests.map((one) => decide(authorizations, set.context, one)) };
      }),
    );
  }
  const replays = await replayAll(judge, sets);
  return replays.map(({ validation, answers, refusal }, i) => ({
    validation,
    verdicts: sets[i]?.requests.map((_, k) => answers?.[k]?.verdict ?? null) ?? [],
    ...(refusal === undefined ? {} : { refusal }),
  }));
}

/**
 * @param {Set} set
 * @param {Judged} judged
 * @param {import("./engine.mjs").Explained} explained
 * @returns {Disagreement[]}
 */
function disagreements(set, { validation, verdicts, refusal }, { answers, refused }) {
  /** @type {Disagreement[]} */
  const found = [];
  validation.forEach(({ ok, error = "" }, at) => {
    if (refused === null || refused.has(at) === !ok) return;
    const [expected, answer] = ok ? ["admitted", "refused"] : ["refused", "admitted"];
    found.push({ set, at, expected, answer, reason: error });
  });
  set.requests.forEach(({ id }, at) => {
    const answer = answers.get(id);
    // Who knows what a proxy does that keeps its old configuration? What is no request is refused by any.
    const malformed = JSON.stringify(answer ?? null).includes("Envoy answers 400");
    const expected = refusal === undefined ? verdicts[at] : malformed ? "denied" : "depends";
    if (answer?.depends?.some((doubt) => EITHER.includes(doubt))) return;
    if (expected && answer && answer.verdict !== expected) found.push({ set, at, expected, answer });
  });
  return found;
}

/**
 * One of each set, and not too many.
 * @param {Disagreement[]} found
 */
const distinct = (found) => [...new Map(found.map((one) => [one.set.seed, one])).values()].slice(0, SHOWN);

/**
 * @param {Judge} judge
 * @param {import("./engine.mjs").Engine} explain
 * @param {Disagreement} one
 * @returns {Promise<Disagreement>}
 */
async function smallest(judge, explain, one) {
  const { set, at } = one;
  const ofPolicy = typeof one.answer === "string";
  const requests = ofPolicy ? [] : set.requests.slice(at, at + 1);
  const policies = ofPolicy ? set.policies.slice(at, at + 1) : set.policies;
  let last = one;
  await shrink(policies, async (candidates) => {
    const sets = candidates.map((policies) => ({ ...set, policies, requests }));
    const [judged, answers] = await Promise.all([
      judgeAll(judge, sets),
      Promise.all(sets.map((candidate) => explain(candidate))),
    ]);
    for (const [i, candidate] of sets.entries()) {
      const [verdicts, explained] = [judged[i], answers[i]];
      const found = verdicts && explained ? disagreements(candidate, verdicts, explained) : [];
      // The same one, not another that comes of taking too much out.
      const same = found.find(
        ({ expected, answer }) =>
          expected === one.expected && (typeof answer === "string") === ofPolicy,
      );
      if (same) {
        last = same;
        return i;
      }
    }
    return -1;
  });
  return last;
}

/**
 * @param {Disagreement} disagreement
 * @param {number} seed
 */
function report({ set, at, expected, answer, reason }, seed) {
  const { layer, target, settings, peerAuthentications = [] } = set.context;
  const again = `again: node tests/istio/run.mjs --layer ${layer} --seed ${seed} --sets 2 --l4-sets 1`;
  if (typeof answer === "string") {
    return [
      "",
      `disagreement on a policy: Istio says ${expected}, mesh-policy ${answer}`,
      JSON.stringify(set.policies[at]),
      ...(reason ? [reason] : []),
      again,
    ].join("\n");
  }
  const judge = layer === "ztunnel" ? "the plain evaluator" : "Envoy";
  const { trustDomain, trustDomainAliases, rootNamespace, pathNormalization } = settings;
  return [
    "",
    `disagreement at a ${layer}: ${judge} says ${expected}, mesh-policy ${answer.verdict}`,
    `settings: ${[trustDomain, ...trustDomainAliases].join(" = ")}, root ${rootNamespace}, ${pathNormalization}`,
    `target: ${target.namespace}/${target.app}, ${target.ip}, labels ${JSON.stringify(target.labels)}`,
    ...[...peerAuthentications, ...set.policies].map((policy) => JSON.stringify(policy)),
    `request: ${JSON.stringify(set.requests[at])}`,
    `answer: ${JSON.stringify(answer)}`,
    again,
  ].join("\n");
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error);
  process.exitCode = 2;
}
