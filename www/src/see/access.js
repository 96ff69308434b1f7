// Who is given access to whom by which policies: what the graph and the table show.
/** @import { Policy, Party } from "../work/policies.js" */
import { partyId } from "../work/policies.js";

/**
 * @typedef {object} Access one arrow: a source, a target, and all policies of one kind between them
 * @property {string} id
 * @property {Party} source
 * @property {Party} target
 * @property {"L7" | "L4"} layer
 * @property {"allow" | "deny" | "conditional" | "custom"} verdict
 * @property {number[]} policies
 */

/** @param {Policy} policy @returns {Access["verdict"]} */
function verdict({ action, when }) {
  if (when !== undefined) return "conditional";
  return action === "DENY" ? "deny" : action === "CUSTOM" ? "custom" : "allow";
}

/**
 * @param {Policy[]} policies
 * @returns {Access[]}
 */
export function accesses(policies) {
  /** @type {Map<string, Access>} */
  const found = new Map();
  policies.forEach((policy, at) => {
    if (policy.action === "AUDIT") return;
    for (const source of policy.sources)
      for (const target of policy.targets) {
        const how = verdict(policy);
        const id = [partyId(source), partyId(target), policy.layer, how].join("\n\n");
        const access = found.get(id);
        if (access) access.policies.push(at);
        else found.set(id, { id, source, target, layer: policy.layer, verdict: how, policies: [at] });
      }
  });
  return [...found.values()];
}
