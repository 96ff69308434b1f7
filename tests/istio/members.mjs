// Requests of what a diff describes: a description is a product of sets, and every request in it must be granted, or revoked.

import * as words from "./vocabulary.mjs";

/**
 * @typedef {import("./random.mjs").Random} Random
 * @typedef {import("./types.mjs").Request} Request
 * @typedef {import("./engine.mjs").Change} Change
 *
 * @typedef {import("./engine.mjs").Texts} Texts
 */

const PORTS = [...words.PORTS, 80, 65535];

/**
 * The witness with other values where the description is understood and has others.
 * @param {Random} r
 * @param {Change} change
 * @param {Request} witness
 * @param {string} trustDomain
 * @returns {Request}
 */
export function member(r, { clients, ports, methods, paths, hosts }, witness, trustDomain) {
  const request = { ...witness };
  const from = r.chance(0.1) ? null : { namespace: r.pick(words.NAMESPACES), serviceAccount: r.pick(words.ACCOUNTS) };
  const named = from && `${trustDomain}/ns/${from.namespace}/sa/${from.serviceAccount}`;
  if (!clients || (named === null ? clients.outside : clients.inside && holds(clients.inside, named))) request.from = from;
  const port = r.pick(PORTS);
  if (!ports || ports.some((range) => within(range, port))) request.port = port;
  const method = words.plain.method(r);
  if (holds(methods ?? {}, method)) request.method = method;
  const path = words.plain.path(r);
  // As it is under every normalisation.
  if (!path.includes("//") && holds(paths ?? {}, path)) request.path = path;
  const host = words.plain.host(r).toLowerCase();
  if (holds(hosts ?? {}, host)) request.host = host;
  return request;
}

/**
 * Whether a text is surely in a set.
 * @param {Texts} texts
 * @param {string} text
 */
function holds({ any = [], except = [], examples = [] }, text) {
  if (examples.length > 0) return false;
  const known = [...any, ...except].every(isPlain);
  return known && (any.length === 0 || any.some((one) => matches(one, text))) && !except.some((one) => matches(one, text));
}

/** A pattern in which a star can only be a wildcard: elsewhere than at one end it may be meant as itself. @param {string} pattern */
const isPlain = (pattern) => /^\*?[^*{} ]*$|^[^*{} ]*\*$/.test(pattern);

/** @param {string} pattern @param {string} text */
function matches(pattern, text) {
  if (pattern.startsWith("*")) return text.endsWith(pattern.slice(1));
  return pattern.endsWith("*") ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

/** @param {string} range @param {number} port */
function within(range, port) {
  const [low = 0, high = low] = range.split("-").map(Number);
  return low <= port && port <= high;
}
