// Random changes: policy sets before and after, and requests. The same seed gives the same.

import { generate } from "./generate.mjs";
import { policySet } from "./policies.mjs";
import { random } from "./random.mjs";
import { requests } from "./requests.mjs";
import { parts } from "./shrink.mjs";
import { ROOT } from "./vocabulary.mjs";

/**
 * @typedef {import("./random.mjs").Random} Random
 * @typedef {import("./types.mjs").Context} Context
 * @typedef {import("./types.mjs").Layer} Layer
 * @typedef {import("./types.mjs").Policy} Policy
 * @typedef {import("./types.mjs").Request} Request
 *
 * @typedef {"old" | "new"} Side
 *
 * @typedef {object} Pair
 * @property {number} seed
 * @property {Record<Side, Context>} contexts The same, or with other settings or PeerAuthentications.
 * @property {Policy[]} policies Of both sides: a label says which a policy is of, if not of both.
 * @property {Request[]} requests
 */

// The label.
const SIDE = "side";

/**
 * @param {readonly Policy[]} policies
 * @param {Side} side
 * @returns {Policy[]}
 */
export const ofSide = (policies, side) =>
  policies
    .filter(({ metadata }) => (metadata.labels?.[SIDE] ?? side) === side)
    .map(({ metadata: { labels: _, ...metadata }, ...rest }) => ({ ...rest, metadata }));

/**
 * @param {number} seed
 * @param {Layer} layer
 * @param {number} count Requests.
 * @returns {Pair}
 */
export function pair(seed, layer, count) {
  const { context, policies: before } = generate(seed, layer, 0);
  const r = random(seed ^ 0x5bd1e995);
  const after = changed(r, context, before);
  const [from, to] = r.chance(0.5) ? [before, after] : [after, before];
  const policies = tagged(from, to);
  const other = otherwise(r, context);
  const [first, second] = r.chance(0.5) ? [context, other] : [other, context];
  const all = requests(r, context, policies, count);
  if (layer === "waypoint") {
    const { namespace, app } = context.target;
    // Past the waypoint, as well.
    for (const request of all.filter(() => r.chance(0.25))) {
      if (r.chance(0.5)) request.from = null;
      else request.to = { pod: `${namespace}/${app}-0` };
    }
  }
  // Who was asked is known by the target, not named in the request.
  const contexts = { old: first, new: second };
  return { seed, contexts, policies, requests: all.map(({ layer: _, ...rest }) => /** @type {Request} */ (rest)) };
}

/**
 * Seldom another setting, or no PeerAuthentication.
 * @param {Random} r
 * @param {Context} context
 * @returns {Context}
 */
function otherwise(r, context) {
  const settings = { ...context.settings };
  const changes = [
    () => (settings.pathNormalization = r.pick(["NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"])),
    () => (settings.trustDomainAliases = r.pick([[], ["old.td"], ["cluster.local", "old.td"]])),
    () => (settings.rootNamespace = r.pick([ROOT, "roots"])),
    () => (settings.trustDomain = r.pick(["cluster.local", "td.example"])),
  ];
  if (r.chance(0.15)) r.pick(changes)();
  const without = r.chance(0.15) ? { peerAuthentications: [] } : {};
  return { ...context, ...without, settings };
}

/**
 * @param {Policy[]} before
 * @param {Policy[]} after
 */
function tagged(before, after) {
  const text = (/** @type {Policy} */ policy) => JSON.stringify(policy);
  const [old, now] = [new Set(before.map(text)), new Set(after.map(text))];
  const label = (/** @type {Policy} */ policy, /** @type {Side} */ side) => ({
    ...policy,
    metadata: { ...policy.metadata, labels: { [SIDE]: side } },
  });
  return [
    ...before.map((policy) => (now.has(text(policy)) ? policy : label(policy, "old"))),
    ...after.filter((policy) => !old.has(text(policy))).map((policy) => label(policy, "new")),
  ];
}

/**
 * @param {Random} r
 * @param {Context} context
 * @param {Policy[]} before
 * @returns {Policy[]}
 */
function changed(r, context, before) {
  const after = structuredClone(before);
  const times = r.weighted([
    [5, 1],
    [3, 2],
    [1, 4],
  ]);
  for (let i = 0; i < times; i++) {
    const fresh = r.pick(policySet(r, context));
    const at = r.below(Math.max(1, after.length));
    const policy = after[at];
    if (!policy) {
      after.push(fresh);
      continue;
    }
    const { spec } = policy;
    const rules = Array.isArray(spec.rules) ? spec.rules : [];
    r.weighted([
      [3, () => takeOut(r, spec)],
      [4, () => exchange(r, spec, fresh.spec)],
      [2, () => (spec.rules = [...rules, ...(Array.isArray(fresh.spec.rules) ? fresh.spec.rules : [])])],
      [1, () => after.splice(at, 1)],
      [2, () => after.push({ ...fresh, metadata: { ...fresh.metadata, name: `q${i}` } })],
      [1, () => (spec.action = r.pick(["ALLOW", "DENY"]))],
      [1, () => negate(r, spec)],
      [0.5, () => (policy.metadata.annotations = { "istio.io/dry-run": r.pick(["true", "false"]) })],
      [1, () => (after[at] = { ...fresh, metadata: { ...fresh.metadata, name: policy.metadata.name } })],
      [0.5, () => after.reverse()],
    ])();
  }
  return after;
}

/** @param {Random} r @param {Record<string, any>} spec */
function takeOut(r, spec) {
  const smaller = parts(spec.rules, 0);
  if (smaller.length > 0) spec.rules = r.pick(smaller);
}

/**
 * Every list of strings in some rules, with the object and the key that hold it.
 * @param {any} value
 * @returns {{ holder: any, key: string }[]}
 */
function lists(value) {
  if (typeof value !== "object" || value === null) return [];
  return Object.keys(value).flatMap((key) =>
    Array.isArray(value[key]) && typeof value[key][0] === "string"
      ? [{ holder: value, key }]
      : lists(value[key]),
  );
}

/**
 * Puts a value of another policy's in, or in the place of one.
 * @param {Random} r
 * @param {Record<string, any>} spec
 * @param {Record<string, any>} other
 */
function exchange(r, spec, other) {
  const mine = lists(spec.rules);
  if (mine.length === 0) return;
  const { holder, key } = r.pick(mine);
  // Of the same kind, if there is one: else the value is of its own kind's making.
  const kind = ({ holder, key } = r.pick(mine)) => `${key.replace(/^not(.)/, (_, c) => c.toLowerCase())} ${holder.key ?? ""}`;
  const alike = [...lists(other.rules), ...mine].filter((one) => kind(one) === kind({ holder, key }));
  const source = r.pick(alike);
  const value = r.pick(source.holder[source.key]);
  if (r.chance(0.5)) holder[key] = [...holder[key], value];
  else holder[key][r.below(holder[key].length)] = value;
}

/** @param {Random} r @param {Record<string, any>} spec */
function negate(r, spec) {
  const mine = lists(spec.rules);
  if (mine.length === 0) return;
  const { holder, key } = r.pick(mine);
  const other = key.startsWith("not") ? key.replace(/^not(.)/, (_, c) => c.toLowerCase()) : `not${key[0]?.toUpperCase()}${key.slice(1)}`;
  if (other === "notServiceAccounts" || holder[other]) return;
  holder[other] = holder[key];
  delete holder[key];
}
