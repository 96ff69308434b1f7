// Random meshes: policies, what they are enforced by, and requests. The same seed gives the same.

import { peerAuthentications } from "./peer-authentication.mjs";
import { policySet } from "./policies.mjs";
import { random } from "./random.mjs";
import { requests } from "./requests.mjs";
import { EDGE, PORTS, ROOT, SOURCE_IPS } from "./vocabulary.mjs";

/**
 * @typedef {import("./random.mjs").Random} Random
 * @typedef {import("./types.mjs").Context} Context
 * @typedef {import("./types.mjs").Layer} Layer
 * @typedef {import("./types.mjs").Set} Set
 */

/**
 * @param {number} seed
 * @param {Layer} layer
 * @param {number} count Requests.
 * @returns {Set}
 */
export function generate(seed, layer, count) {
  const r = random(seed);
  const context = contextOf(r, layer);
  const policies = policySet(r, context);
  return { seed, context, policies, requests: requests(r, context, policies, count) };
}

/**
 * @param {Random} r
 * @param {Layer} layer
 * @returns {Context}
 */
function contextOf(r, layer) {
  const l4 = layer === "ztunnel";
  /** @type {Context} */
  const context = {
    layer,
    target: {
      namespace: "shop",
      app: "web",
      labels: { app: "web", tier: r.pick(["back", "front"]) },
      ip: r.pick(["10.96.0.10", "127.0.0.4"]),
      // The others are Istio's own gateways.
      ...(layer === "gateway" && r.chance(0.6) ? { gateway: EDGE } : {}),
    },
    settings: {
      rootNamespace: r.weighted([
        [8, ROOT],
        [1, "roots"],
      ]),
      ...r.weighted([
        [8, { trustDomain: "cluster.local", trustDomainAliases: [] }],
        [1, { trustDomain: "td.example", trustDomainAliases: [] }],
        [1, { trustDomain: "td.example", trustDomainAliases: ["old.td", "cluster.local"] }],
        [0.5, { trustDomain: "cluster.local", trustDomainAliases: ["old.td"] }],
      ]),
      pathNormalization: r.weighted([
        [4, "BASE"],
        [1, "NONE"],
        [1, "MERGE_SLASHES"],
        [1, "DECODE_AND_MERGE_SLASHES"],
      ]),
    },
    sourceIps: l4 ? [...SOURCE_IPS, "10.0.0.5", "192.168.1.77", "2001:db8::1", "::1"] : SOURCE_IPS,
  };
  if (l4) context.peerAuthentications = peerAuthentications(r, context);
  return context;
}

/**
 * The mesh of a set as Kubernetes objects, save its policies.
 * @param {Context} context
 * @returns {object[]}
 */
export function objects({ layer, target, settings, peerAuthentications = [] }) {
  const { namespace, app, ip, gateway } = target;
  const ports = [...PORTS, 80, 65535].map((port) => ({ name: `http-${port}`, port, targetPort: port }));
  const mode =
    layer === "sidecar" ? { "istio-injection": "enabled" } : { "istio.io/dataplane-mode": "ambient" };
  const waypoint = layer === "waypoint";
  const podIp = waypoint ? "10.0.0.99" : ip;
  const classic = layer === "gateway" && gateway === undefined;
  const labels =
    gateway !== undefined && !waypoint
      ? { ...target.labels, "gateway.networking.k8s.io/gateway-name": gateway, "istio.io/dataplane-mode": "none" }
      : target.labels;
  const gatewayOf = (/** @type {string | undefined} */ name, /** @type {string} */ gatewayClassName, /** @type {object[]} */ listeners) => ({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "Gateway",
    metadata: { name, namespace },
    spec: { gatewayClassName, listeners },
  });
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels: mode } },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: {
        name: app,
        namespace,
        labels: waypoint ? { "istio.io/use-waypoint": "waypoint" } : {},
      },
      spec: { selector: { app }, ports, clusterIP: waypoint ? ip : "10.96.0.99" },
    },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: `${app}-0`, namespace, labels },
      spec: {
        serviceAccountName: app,
        containers: [
          { name: app, image: app },
          ...(layer === "sidecar" ? [{ name: "istio-proxy", image: "proxyv2" }] : []),
          ...(classic ? [{ name: "istio-proxy", image: "proxyv2", args: ["proxy", "router"] }] : []),
        ],
      },
      status: { phase: "Running", podIP: podIp, podIPs: [{ ip: podIp }] },
    },
    ...peerAuthentications,
    ...(waypoint
      ? [
          {
            ...gatewayOf("waypoint", "istio-waypoint", [{ name: "mesh", port: 15008, protocol: "HBONE" }]),
            status: { addresses: [{ type: "IPAddress", value: "10.96.0.77" }] },
          },
        ]
      : []),
    ...(classic
      ? [
          {
            apiVersion: "networking.istio.io/v1",
            kind: "Gateway",
            metadata: { name: EDGE, namespace: "pay" },
            spec: {
              selector: { app },
              servers: ports.map(({ name, port }) => ({ port: { number: port, name, protocol: "HTTP" }, hosts: ["*"] })),
            },
          },
        ]
      : []),
    ...(layer === "gateway" && !classic
      ? [gatewayOf(gateway, "istio", ports.map(({ name, port }) => ({ name, port, protocol: "HTTP" })))]
      : []),
  ];
}
