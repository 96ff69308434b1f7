// The API server's own log of requests: what reached it, not what a client
// believes to have sent.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/**
 * @typedef {object} Logged
 * @property {string} user
 * @property {string} verb As RBAC names it: get, list, watch, create, update, patch, delete, deletecollection.
 * @property {string} path With its query.
 * @property {string | undefined} resource
 * @property {string | undefined} namespace
 * @property {string | undefined} name
 * @property {string | undefined} userAgent
 * @property {string} at RFC 3339 with microseconds: when it arrived.
 * @property {number | undefined} code undefined while a watch is open, or when
 *   the server died before it answered.
 */

const LOG = "requests.jsonl";
const POLICY = "audit-policy.json";

/** @param {string} dir */
export function writeAuditPolicy(dir) {
  const policy = {
    apiVersion: "audit.k8s.io/v1",
    kind: "Policy",
    rules: [
      // What the server asks of itself, and what asks whether it lives.
      { level: "None", users: ["system:apiserver"] },
      { level: "None", nonResourceURLs: ["/readyz*", "/livez*", "/healthz*"] },
      { level: "Metadata", omitStages: ["ResponseStarted"] },
    ],
  };
  writeFileSync(join(dir, POLICY), JSON.stringify(policy));
}

/** @param {string} dir */
export const auditArguments = (dir) => [
  `--audit-policy-file=${join(dir, POLICY)}`,
  `--audit-log-path=${join(dir, LOG)}`,
  // A request is in the log before it is handled, so before its client can
  // have an answer.
  "--audit-log-mode=blocking",
  "--audit-log-maxsize=4096",
];

/**
 * @param {string} dir
 * @returns {Promise<Logged[]>}
 */
export async function readAuditLog(dir) {
  const end = performance.now() + 1000;
  for (;;) {
    const entries = parse(readFileSync(join(dir, LOG), "utf8"));
    // The answer's code is logged just after the answer has left.
    const open = entries.some(({ code, verb }) => code === undefined && verb !== "watch");
    if (!open || performance.now() > end) return entries;
    await delay(10);
  }
}

/**
 * @param {string} text
 * @returns {Logged[]}
 */
function parse(text) {
  /** @type {Map<string, Logged>} */
  const byId = new Map();
  // The last line may be half written.
  for (const line of text.slice(0, text.lastIndexOf("\n") + 1).split("\n")) {
    if (line === "") continue;
    const event = JSON.parse(line);
    const known = byId.get(event.auditID);
    if (known) {
      known.code = event.responseStatus?.code ?? known.code;
      continue;
    }
    byId.set(event.auditID, {
      user: event.user.username,
      verb: event.verb,
      path: event.requestURI,
      resource: event.objectRef?.resource,
      namespace: event.objectRef?.namespace,
      name: event.objectRef?.name,
      userAgent: event.userAgent,
      at: event.requestReceivedTimestamp,
      code: event.responseStatus?.code,
    });
  }
  return [...byId.values()].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}
