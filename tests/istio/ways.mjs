// What the whole way of a request decides: an ingress gateway, a pod's ztunnel or sidecar, or a waypoint and then the pod.

import { isIP } from "node:net";

import { question, replayAll } from "./envoy.mjs";
import { decide } from "./ztunnel.mjs";

/**
 * @typedef {import("./types.mjs").Context} Context
 * @typedef {import("./types.mjs").Policy} Policy
 * @typedef {import("./types.mjs").Request} Request
 * @typedef {import("./types.mjs").Verdict} Verdict
 * @typedef {import("../cluster/judge.mjs").Authorization} Authorization
 * @typedef {import("../cluster/judge.mjs").Judge} Judge
 *
 * @typedef {object} Asked
 * @property {Request} request
 * @property {any[]} [given] Kubernetes objects that the request is about, where it is not about the context's target.
 *
 * @typedef {object} Mesh
 * @property {Context} context
 * @property {Policy[]} policies
 * @property {Asked[]} asked
 *
 * @typedef {Verdict | "refused" | "unsent" | "no request"} Outcome `refused`: Envoy does not take the configuration; `unsent`: it
 *   cannot be asked.
 *
 * @typedef {object} Place Where a request goes.
 * @property {Context} context
 * @property {boolean} alone There is nothing behind the waypoint.
 */

/**
 * @param {Judge} judge
 * @param {readonly Mesh[]} meshes
 * @returns {Promise<Outcome[][]>} In the order of what is asked.
 */
export async function outcomes(judge, meshes) {
  /** @type {Map<string, { place: Place, policies: Policy[], requests: Request[], at: [number, number][] }>} */
  const all = new Map();
  meshes.forEach(({ context, policies, asked }, i) =>
    asked.forEach(({ request, given = [] }, k) => {
      const place = placeOf(context, given);
      const key = JSON.stringify([i, place.context.layer, place.context.target]);
      const one = all.get(key) ?? { place, policies, requests: [], at: [] };
      all.set(key, one);
      one.requests.push(request);
      one.at.push([i, k]);
    }),
  );
  const cases = [...all.values()];
  const found = await Promise.all([envoy(judge, cases), Promise.all(cases.map((one) => l4(judge, one)))]);
  /** @type {Outcome[][]} */
  const results = meshes.map(() => []);
  cases.forEach(({ place, policies, requests, at }, i) =>
    requests.forEach((request, k) => {
      const [first, second] = [found[0].get(request)?.get(i) ?? "allowed", atPod(found[1][i], place, request)];
      const [mesh = 0, question = 0] = at[k] ?? [];
      const list = results[mesh];
      if (list) list[question] = isSendable(place.context, policies, request) ? both(first, second) : "unsent";
    }),
  );
  return results;
}

/**
 * @param {Context} context
 * @param {any[]} given
 * @returns {Place}
 */
function placeOf(context, given) {
  const service = given.find(({ kind }) => kind === "Service");
  const pod = given.find(({ kind }) => kind === "Pod");
  if (service) {
    const { namespace, name, labels } = service.metadata;
    const target = { namespace, app: name, labels: {}, ip: "10.96.0.98", gateway: labels["istio.io/use-waypoint"] };
    return { context: { ...context, layer: "waypoint", target }, alone: true };
  }
  if (!pod) return { context, alone: false };
  const { namespace, name, labels } = pod.metadata;
  const gateway = labels["gateway.networking.k8s.io/gateway-name"];
  const target = { namespace, app: name, labels, ip: "10.0.0.98", ...(gateway ? { gateway } : {}) };
  if (gateway) return { context: { ...context, layer: "gateway", target }, alone: false };
  // Of other namespaces the mesh does not say what carries their pods.
  const layer = context.layer === "sidecar" && namespace === context.target.namespace ? "sidecar" : "ztunnel";
  return { context: { ...context, layer, target }, alone: false };
}

/**
 * Whether a request meets an Envoy on its way.
 * @param {Context} context
 * @param {Request} request
 */
const throughEnvoy = ({ layer }, { to, from }) =>
  layer === "sidecar" || layer === "gateway" || (layer === "waypoint" && "service" in to && from !== null);

/**
 * @param {Judge} judge
 * @param {{ place: Place, policies: Policy[], requests: Request[] }[]} cases
 * @returns {Promise<Map<Request, Map<number, Outcome>>>} By request and case.
 */
async function envoy(judge, cases) {
  const sent = cases.flatMap(({ place: { context }, policies, requests }, i) => {
    const through = requests.filter((request) => throughEnvoy(context, request));
    return through.length > 0 ? [{ i, context, policies, requests: through }] : [];
  });
  const replays = sent.length > 0 ? await replayAll(judge, sent) : [];
  /** @type {Map<Request, Map<number, Outcome>>} */
  const found = new Map();
  replays.forEach(({ answers }, n) => {
    const { i = 0, requests = [] } = sent[n] ?? {};
    requests.forEach((request, k) => {
      const outcome = answers ? (answers[k]?.verdict ?? "no request") : "refused";
      found.set(request, (found.get(request) ?? new Map()).set(i, outcome));
    });
  });
  return found;
}

/**
 * @param {Outcome} one
 * @param {Verdict} other
 * @returns {Outcome}
 */
function both(one, other) {
  if (one === "refused" || one === "no request") return one;
  if (one === "denied" || other === "denied") return "denied";
  return one === "allowed" ? other : one;
}

/**
 * The PROXY protocol knows one family of addresses at a time: a policy that looks at both ends cannot be asked with two.
 * @param {Context} context
 * @param {Policy[]} policies
 * @param {Request} request
 */
const isSendable = (context, policies, request) =>
  isIP(request.sourceIp) === isIP(context.target.ip) ||
  !throughEnvoy(context, request) ||
  !JSON.stringify(policies).includes("destination.ip");

/**
 * What istiod sends to ztunnels.
 * @param {Judge} judge
 * @param {{ place: Place, policies: Policy[] }} one
 */
async function l4(judge, { place: { context, alone }, policies }) {
  if (context.layer === "sidecar" || context.layer === "gateway" || alone) return undefined;
  const asked = { context: { ...context, layer: /** @type {const} */ ("ztunnel") }, policies, requests: [] };
  return (await judge.ask(question(asked))).authorizations ?? [];
}

// Where a waypoint's own address matters, the answer depends on it: no pod of it is described.
const WAYPOINT_IPS = ["10.0.0.5", "127.0.0.2", "127.0.0.6", "192.168.1.77", "2001:db8::1"];

/**
 * The pod's ztunnel, if it has one.
 * @param {Authorization[] | undefined} authorizations
 * @param {Place} place
 * @param {Request} request
 * @returns {Verdict}
 */
function atPod(authorizations, { context }, request) {
  if (authorizations === undefined) return "allowed";
  if (context.layer === "ztunnel") return decide(authorizations, context, request);
  const { target } = context;
  const at = { ...context, target: { ...target, ip: "10.0.0.99" } };
  if (!throughEnvoy(context, request)) return decide(authorizations, at, request);
  const from = { namespace: target.namespace, serviceAccount: "waypoint" };
  const answers = WAYPOINT_IPS.map((sourceIp) => decide(authorizations, at, { ...request, from, sourceIp }));
  return answers.every((answer) => answer === answers[0]) ? (answers[0] ?? "depends") : "depends";
}
