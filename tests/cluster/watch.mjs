// A watch on a namespace's AuthorizationPolicies: every change, in the order in which the API server made it.

import { Agent, request } from "node:https";

import { collection } from "./wishes.mjs";

/**
 * @typedef {object} Gap A time in which a target that had an ALLOW policy had none.
 * @property {string} target
 * @property {number} ms Infinity when it never got one again.
 */

/**
 * @param {import("./start.mjs").Cluster} cluster
 * @param {string} namespace
 */
export async function watchTargets(cluster, namespace) {
  const listed = await cluster.request("GET", collection(namespace));
  /** @type {Map<string, string[]>} the targets of each policy */
  const policies = new Map();
  /** @param {any} item */
  const targets = ({ spec }) =>
    (spec.action ?? "ALLOW") !== "ALLOW"
      ? []
      : [...(spec.targetRefs ?? []).map((/** @type {any} */ ref) => `${ref.kind}/${ref.name}`), ...(spec.selector ? [JSON.stringify(spec.selector)] : [])];
  for (const item of listed.json.items) policies.set(item.metadata.name, targets(item));
  const covered = () => new Set([...policies.values()].flat());

  /** @type {Gap[]} */
  const gaps = [];
  /** @type {Map<string, number>} */
  const open = new Map();
  let events = 0;
  let text = "";
  const agent = new Agent({ ...(cluster.ca === undefined ? {} : { ca: cluster.ca }) });
  /** @type {Error | undefined} */
  let broken;
  const outgoing = request(
    `${cluster.server}${collection(namespace)}?watch=1&allowWatchBookmarks=true&resourceVersion=${listed.json.metadata.resourceVersion}`,
    { agent, headers: { Authorization: `Bearer ${cluster.adminToken}`, Accept: "application/json" } },
  );
  /** @type {() => void} */
  let arrived = () => {};
  outgoing.once("error", (error) => (broken = error));
  /** @type {Promise<void>} */
  const opened = new Promise((resolve, reject) => {
    outgoing.once("error", reject);
    outgoing.once("response", (incoming) => {
      resolve();
      incoming.setEncoding("utf8").on("data", (part) => {
        text += part;
        for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
          event(JSON.parse(text.slice(0, end)));
          text = text.slice(end + 1);
        }
        arrived();
      });
      incoming.on("error", () => {});
    });
  });

  /** @param {{ type: string, object: any }} event */
  function event({ type, object }) {
    if (type === "ERROR") broken = new Error(object.message);
    if (!["ADDED", "MODIFIED", "DELETED"].includes(type)) return;
    events++;
    const before = covered();
    if (type === "DELETED") policies.delete(object.metadata.name);
    else policies.set(object.metadata.name, targets(object));
    const after = covered();
    for (const target of before) if (!after.has(target)) open.set(target, performance.now());
    for (const [target, since] of open) {
      if (!after.has(target)) continue;
      gaps.push({ target, ms: performance.now() - since });
      open.delete(target);
    }
  }

  outgoing.end();
  await opened;
  return {
    /**
     * Ends the watch once it has seen so many changes, and says what it saw.
     * @param {number} expected
     */
    finish: async (expected) => {
      const end = performance.now() + 20_000;
      while (events < expected && broken === undefined && performance.now() < end) {
        await new Promise((resolve) => {
          arrived = () => resolve(undefined);
          setTimeout(resolve, 100);
        });
      }
      outgoing.destroy();
      agent.destroy();
      if (broken) throw broken;
      return { events, gaps: [...gaps, ...[...open.keys()].map((target) => ({ target, ms: Infinity }))] };
    },
  };
}
