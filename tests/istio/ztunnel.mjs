// What a ztunnel decides: a second opinion, written plainly and on its own.
//
// The conversion of policies to L4 is istiod's own, run by the judge. Which of the results meet at a pod follows
// `buildWorkloadPolicies` (istio.io/istio, pilot/pkg/serviceregistry/ambient/workloads.go) and ztunnel's
// `ProxyState::assert_rbac` (src/state.rs); how one matches, `Authorization::matches` (src/rbac.rs).

import { BlockList, isIPv4 } from "node:net";

import { strict } from "./peer-authentication.mjs";

/**
 * @typedef {import("./types.mjs").Context} Context
 * @typedef {import("./types.mjs").Request} Request
 * @typedef {import("../cluster/judge.mjs").Authorization} Authorization
 *
 * @typedef {object} Connection
 * @property {{ trustDomain: string, namespace: string, serviceAccount: string } | null} identity
 * @property {string} sourceIp
 * @property {string} destinationIp
 * @property {number} port
 *
 * @typedef {{ exact?: string, prefix?: string, suffix?: string, presence?: object }} StringMatch
 * @typedef {{ address?: string, length?: number }} Address
 */

/**
 * @param {readonly Authorization[] | undefined} authorizations All that istiod sends.
 * @param {Context} context
 * @param {Pick<Request, "from" | "sourceIp" | "port">} request
 * @returns {"allowed" | "denied"}
 */
export function decide(authorizations = [], context, request) {
  const { trustDomain } = context.settings;
  /** @type {Connection} */
  const connection = {
    identity: request.from && { trustDomain, ...request.from },
    sourceIp: request.sourceIp,
    destinationIp: context.target.ip,
    port: request.port,
  };
  const attached = authorizations.filter((one) => attaches(one, context));
  const matching = attached.filter(({ authorization }) => matches(authorization, connection));
  const denies = (/** @type {Authorization} */ one) => one.authorization.action === "DENY";
  if (matching.some(denies)) return "denied";
  // istiod's `istio_converted_static_strict`: a DENY for who has no principal.
  if (connection.identity === null && strict(context)) return "denied";
  const anyAllow = attached.some((one) => !denies(one));
  return anyAllow && matching.length === 0 ? "denied" : "allowed";
}

/**
 * @param {Authorization} one
 * @param {Context} context
 */
function attaches({ authorization, selector }, { target, settings }) {
  // The scope GLOBAL is the enum's zero, which JSON leaves out.
  const scope = authorization.scope ?? "GLOBAL";
  if (scope === "GLOBAL") return true;
  if (scope === "NAMESPACE") return authorization.namespace === target.namespace;
  return (
    [settings.rootNamespace, target.namespace].includes(authorization.namespace) &&
    selector !== null &&
    Object.entries(selector).every(([key, value]) => target.labels[key] === value)
  );
}

/**
 * @param {any} authorization
 * @param {Connection} connection
 */
function matches(authorization, connection) {
  for (const rule of authorization.groups ?? []) {
    let all = true;
    for (const clause of rule.rules ?? []) {
      const matches = clause.matches ?? [];
      const any = matches.some((/** @type {any} */ one) => meets(one, connection));
      // A clause without entries matches; one whose entries are all empty does not.
      if (matches.length > 0 && !any) all = false;
    }
    if (all) return true;
  }
  return false;
}

/**
 * @param {any} entry
 * @param {Connection} connection
 */
function meets(entry, { identity, sourceIp, destinationIp, port }) {
  if (Object.values(entry).every((list) => list.length === 0)) return false;
  const id = identity && `${identity.trustDomain}/ns/${identity.namespace}/sa/${identity.serviceAccount}`;
  /** @type {[string, (value: any) => boolean][]} */
  const fields = [
    ["principals", (value) => id !== null && string(value, id)],
    ["namespaces", (value) => string(value, identity?.namespace ?? "")],
    [
      "service_accounts",
      (value) =>
        identity !== null &&
        value.namespace === identity.namespace &&
        value.serviceAccount === identity.serviceAccount,
    ],
    ["source_ips", (value) => contains(value, sourceIp)],
    ["destination_ips", (value) => contains(value, destinationIp)],
    ["destination_ports", (value) => value === port],
  ];
  return fields.every(([name, holds]) => {
    const [yes, no] = [entry[name] ?? [], entry[`not_${name}`] ?? []];
    return (yes.length === 0 || yes.some(holds)) && !no.some(holds);
  });
}

/**
 * @param {StringMatch} match
 * @param {string} text
 */
function string(match, text) {
  if (match.exact !== undefined) return text === match.exact;
  if (match.prefix !== undefined) return text.startsWith(match.prefix);
  if (match.suffix !== undefined) return text.endsWith(match.suffix);
  return match.presence !== undefined && text !== "";
}

/**
 * @param {Address} address
 * @param {string} ip
 */
function contains({ address = "", length = 0 }, ip) {
  const bytes = Buffer.from(address, "base64");
  const v4 = bytes.length === 4;
  // Node takes an IPv4-mapped address for IPv4; ztunnel does not.
  if (v4 !== isIPv4(ip)) return false;
  if (length === 0) return true;
  const words = Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  const block = new BlockList();
  const family = v4 ? "ipv4" : "ipv6";
  block.addSubnet(v4 ? [...bytes].join(".") : words.join(":"), length, family);
  return block.check(ip, family);
}
