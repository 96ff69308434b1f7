// Holds what `mesh-policy diff` says of random changes against Istio and a real Envoy, and against a plain evaluator of L4.
// See README.md.

import { openJudge } from "../cluster/judge.mjs";
import { differ } from "./engine.mjs";
import { member } from "./members.mjs";
import { readOptions } from "./options.mjs";
import { ofSide, pair } from "./pairs.mjs";
import { random } from "./random.mjs";
import { shrink } from "./shrink.mjs";
import { outcomes } from "./ways.mjs";

/**
 * @typedef {import("./engine.mjs").Difference} Difference
 * @typedef {import("./engine.mjs").Change} Change
 * @typedef {import("./pairs.mjs").Pair} Pair
 * @typedef {import("./pairs.mjs").Side} Side
 * @typedef {import("./types.mjs").Layer} Layer
 * @typedef {import("./types.mjs").Policy} Policy
 * @typedef {import("./types.mjs").Request} Request
 * @typedef {import("../cluster/judge.mjs").Judge} Judge
 *
 * @typedef {object} Asked A pair, what the diff says of it, and the requests that are put to both of its sides.
 * @property {Pair} pair
 * @property {Difference} difference
 * @property {Question[]} questions
 *
 * @typedef {object} Question
 * @property {Request} request
 * @property {"granted" | "revoked" | null} claim What the diff says of it; `null`: it is a random one.
 * @property {Change} [change]
 *
 * @typedef {object} Verdicts
 * @property {import("./ways.mjs").Outcome[]} old In the order of the questions.
 * @property {import("./ways.mjs").Outcome[]} new
 *
 * @typedef {object} Failure
 * @property {Pair} pair
 * @property {string} kind
 * @property {Question} question
 * @property {(import("./ways.mjs").Outcome | undefined)[]} verdicts
 * @property {Difference} difference
 */

const USAGE = `usage: node tests/istio/diffs.mjs [OPTION …]

  --seed N         of the first pair; the next ones count on from it; random unless given, always printed
  --pairs N        at a waypoint and a sidecar together (160), and half of one's at an ingress gateway; 20 random requests each
  --l4-pairs N     at a ztunnel (800), 20 random requests each
  --layer LAYER    only waypoint, sidecar, gateway or ztunnel
  --no-shrink      show failures as they are
  --help`;

const REQUESTS = 20;
// So many witnesses of a pair are put to both sides, each with another request of the same description.
const WITNESSES = 12;
const SHOWN = 8;
// Envoy's configuration for so many pairs at a time.
const BATCH = 60;

const SIDES = /** @type {const} */ (["old", "new"]);

/** @param {readonly string[]} args */
async function main(args) {
  const options = readOptions(args, USAGE, { name: "pairs", envoy: 160, ztunnel: 800 });
  if (!options) return 0;
  const { seed, chosen } = options;
  const diff = await differ();
  const judge = await openJudge();
  let failed = 0;
  try {
    for (const [layer, count] of chosen) {
      const found = await compare(judge, diff, layer, seed, count);
      failed += found.length;
      const distinct = [...new Map(found.map((one) => [one.pair.seed, one])).values()].slice(0, SHOWN);
      for (const one of distinct) {
        console.log(report(options.shrink ? await smallest(judge, diff, one) : one, one.pair.seed));
      }
    }
  } finally {
    await judge.close();
  }
  if (failed === 0) return 0;
  console.log(`${failed} failures`);
  return 1;
}

/**
 * @param {Judge} judge
 * @param {import("./engine.mjs").Differ} diff
 * @param {Layer} layer
 * @param {number} seed
 * @param {number} count
 * @returns {Promise<Failure[]>}
 */
async function compare(judge, diff, layer, seed, count) {
  const started = performance.now();
  /** @type {Failure[]} */
  const found = [];
  /** @type {Record<string, number>} */
  const counts = {
    equivalent: 0,
    granted: 0,
    revoked: 0,
    unknown: 0,
    "not compared": 0,
    confirmed: 0,
    "that could not be sent": 0,
    "random requests that differ": 0,
    "pairs that Envoy refuses": 0,
  };
  for (let at = 0; at < count; at += BATCH) {
    const many = Math.min(BATCH, count - at);
    const asked = Array.from({ length: many }, (_, i) => ask(diff, pair(seed + at + i, layer, REQUESTS)));
    const verdicts = await judgeAll(judge, asked);
    asked.forEach((one, i) => {
      const judged = verdicts[i];
      if (!judged) return;
      found.push(...failures(one, judged, counts));
      const { equivalent, granted, revoked, unknown, notCompared } = one.difference;
      counts["equivalent"] += Number(equivalent);
      counts["granted"] += granted.length;
      counts["revoked"] += revoked.length;
      counts["unknown"] += unknown.length;
      counts["not compared"] += notCompared.length;
      counts["pairs that Envoy refuses"] += Number([...judged.old, ...judged.new].includes("refused"));
    });
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  // Nothing found would be no comparison.
  if (count >= 20 && !(counts["confirmed"] && counts["random requests that differ"])) {
    throw new Error(`nothing was compared at a ${layer}`);
  }
  const text = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  console.log(`${layer}: ${count} pairs, ${text.join(", ")}; ${found.length} failures; ${seconds} s`);
  return found;
}

/** @param {Pair} pair @param {Side} side */
const sideOf = ({ contexts, policies }, side) => ({ context: contexts[side], policies: ofSide(policies, side) });

/**
 * @param {import("./engine.mjs").Differ} diff
 * @param {Pair} pair
 * @returns {Asked}
 */
function ask(diff, pair) {
  const { contexts, requests, seed } = pair;
  const difference = diff(sideOf(pair, "old"), sideOf(pair, "new"));
  /** @type {Question[]} */
  const claims = /** @type {const} */ (["granted", "revoked"]).flatMap((claim) =>
    difference[claim].map((change, i) => {
      // Where no address is given, any will do.
      const sourceIp = change.witness.sourceIp ?? contexts.old.sourceIps[0] ?? "";
      return { claim, change, request: { ...change.witness, id: `${claim} ${i}`, sourceIp } };
    }),
  );
  const r = random(seed);
  const chosen = r.some(claims, WITNESSES, WITNESSES);
  // Clients are written as of the old mesh.
  const { trustDomain } = contexts.old.settings;
  const members = chosen.flatMap((one) =>
    one.change ? [{ ...one, request: member(r, one.change, one.request, trustDomain) }] : [],
  );
  return {
    pair,
    difference,
    questions: [...chosen, ...members, ...requests.map((request) => ({ request, claim: null }))],
  };
}

/**
 * @param {Asked} asked
 * @param {Verdicts} verdicts
 * @param {Record<string, number>} counts
 * @returns {Failure[]}
 */
function failures({ pair, difference, questions }, verdicts, counts) {
  /** @type {Failure[]} */
  const found = [];
  questions.forEach((question, i) => {
    const { claim, request } = question;
    const [before, after] = [verdicts.old[i], verdicts.new[i]];
    const fail = (/** @type {string} */ kind) =>
      found.push({ pair, kind, question, verdicts: [before, after], difference });
    if (claim) {
      const has = (/** @type {import("./ways.mjs").Outcome} */ outcome) => before === outcome || after === outcome;
      // Who knows what a proxy does that keeps its old configuration?
      if (has("refused")) fail(`${claim} where Envoy refuses the configuration`);
      else if (has("unsent")) counts["that could not be sent"]++;
      else if (has("no request")) fail(`${claim}, by what is no request`);
      else if (claim === "granted" ? before === "denied" && after === "allowed" : before === "allowed" && after === "denied") {
        counts["confirmed"]++;
      } else fail(`${claim}, and it is not`);
      return;
    }
    if (!differs(before, after)) return;
    counts["random requests that differ"]++;
    const changes = difference[after === "allowed" ? "granted" : "revoked"];
    const same = (/** @type {import("./engine.mjs").To} */ to) => JSON.stringify(to) === JSON.stringify(request.to);
    const covered =
      changes.some(({ to, alsoTo = [] }) => [to, ...alsoTo].some(same)) ||
      difference.unknown.some(({ to }) => same(to)) ||
      difference.notCompared.some(({ to }) => same(to));
    if (difference.equivalent || !covered) fail(`${after === "allowed" ? "granted" : "revoked"}, and the diff does not say so`);
  });
  return found;
}

/** @param {string | undefined} before @param {string | undefined} after */
const differs = (before, after) => before === "allowed" && after === "denied" || before === "denied" && after === "allowed";

/**
 * @param {Judge} judge
 * @param {readonly Asked[]} all
 * @returns {Promise<Verdicts[]>}
 */
async function judgeAll(judge, all) {
  const meshes = all.flatMap(({ pair, questions }) => {
    const asked = questions.map(({ request, change }) => ({ request, given: change?.given }));
    return SIDES.map((side) => ({ ...sideOf(pair, side), asked }));
  });
  const found = await outcomes(judge, meshes);
  return all.map((_, i) => ({ old: found[2 * i] ?? [], new: found[2 * i + 1] ?? [] }));
}

/**
 * @param {Judge} judge
 * @param {import("./engine.mjs").Differ} diff
 * @param {Failure} failure
 * @returns {Promise<Failure>}
 */
async function smallest(judge, diff, failure) {
  let last = failure;
  const { request, claim } = failure.question;
  const requests = claim ? [] : [request];
  await shrink(failure.pair.policies, async (candidates) => {
    const asked = candidates.map((policies) => ask(diff, { ...failure.pair, policies, requests }));
    const verdicts = await judgeAll(judge, asked);
    for (const [i, one] of asked.entries()) {
      const judged = verdicts[i];
      const same = judged && failures(one, judged, {}).find(({ kind }) => kind === failure.kind);
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
 * @param {Failure} failure
 * @param {number} seed
 */
function report({ pair, kind, question, verdicts, difference }, seed) {
  const { layer, target } = pair.contexts.old;
  const lines = SIDES.flatMap((side) => {
    const { context, policies } = sideOf(pair, side);
    const { trustDomain, trustDomainAliases, rootNamespace, pathNormalization } = context.settings;
    return [
      `${side}: ${[trustDomain, ...trustDomainAliases].join(" = ")}, root ${rootNamespace}, ${pathNormalization}`,
      ...[...(context.peerAuthentications ?? []), ...policies].map((one) => `    ${JSON.stringify(one)}`),
    ];
  });
  return [
    "",
    `failure at a ${layer}: ${kind}`,
    `target: ${target.namespace}/${target.app}, ${target.ip}, labels ${JSON.stringify(target.labels)}`,
    ...lines,
    `request: ${JSON.stringify(question.request)}`,
    `verdicts: ${verdicts[0]}, then ${verdicts[1]}`,
    ...(question.change?.given ? [`about: ${JSON.stringify(question.change.given)}`] : []),
    `diff: ${question.change ? question.change.text : JSON.stringify(difference)}`,
    `again: node tests/istio/diffs.mjs --layer ${layer} --seed ${seed} --pairs 2 --l4-pairs 1`,
  ].join("\n");
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error);
  process.exitCode = 2;
}
