// Random sets of AuthorizationPolicies.

import * as words from "./vocabulary.mjs";
import { refusable } from "./refusable.mjs";

/**
 * @typedef {import("./random.mjs").Random} Random
 * @typedef {import("./types.mjs").Context} Context
 * @typedef {import("./types.mjs").Policy} Policy
 */

// What Go's ParseBool takes, and what it does not.
const DRY_RUN = ["true", "1", "t", "T", "TRUE", "True", "false", "0", "yes", "tRUE", ""];

const GATEWAY_GROUP = "gateway.networking.k8s.io";

/**
 * @param {Random} r
 * @param {Context} context
 * @returns {Policy[]}
 */
export function policySet(r, context) {
  const count = r.weighted([
    [2, 1],
    [3, 2],
    [3, 3],
    [2, 4],
    [1, 6],
  ]);
  return Array.from({ length: count }, (_, i) => policy(r, context, `p${i}`));
}

/**
 * @param {Random} r
 * @param {Context} context
 * @param {string} name
 * @returns {Policy}
 */
function policy(r, context, name) {
  const { rootNamespace } = context.settings;
  const ours = context.target.namespace;
  const namespace = r.weighted([
    [8, ours],
    [1.5, rootNamespace],
    [0.5, r.pick(words.NAMESPACES)],
  ]);
  const action = r.weighted([
    [4, "ALLOW"],
    [1, undefined],
    [4, "DENY"],
    [0.4, "AUDIT"],
    [0.7, "CUSTOM"],
  ]);
  const rules = Array.from(
    {
      length: r.weighted([
        [0.3, 0],
        [5, 1],
        [3, 2],
        [1, 3],
      ]),
    },
    () => rule(r, context, action === "CUSTOM"),
  );
  /** @type {Policy} */
  const made = {
    apiVersion: `security.istio.io/${r.pick(["v1", "v1", "v1beta1"])}`,
    kind: "AuthorizationPolicy",
    metadata: { name, namespace },
    spec: {
      ...attachment(r, context, namespace),
      ...(action === undefined ? {} : { action }),
      ...(action === "CUSTOM" ? { provider: { name: r.pick(["opa", "opa", "opa", "other"]) } } : {}),
      // A DENY or CUSTOM without rules is refused: seldom, but it happens.
      ...(rules.length > 0 || r.chance(0.2)
        ? { rules }
        : action === "DENY" || action === "CUSTOM"
          ? { rules: [{}] }
          : {}),
    },
  };
  if (r.chance(0.06)) made.metadata.annotations = { "istio.io/dry-run": r.pick(DRY_RUN) };
  if (r.chance(0.06)) refusable(r, made);
  return made;
}

/**
 * What the policy is attached to: mostly to what the requests go to.
 * @param {Random} r
 * @param {Context} context
 * @param {string} namespace
 */
function attachment(r, context, namespace) {
  const { layer, target } = context;
  const selector = () => ({
    selector: r.weighted([
      [6, { matchLabels: { app: target.app } }],
      [1, { matchLabels: { app: target.app, tier: "back" } }],
      [1, { matchLabels: { app: "other" } }],
      [0.5, { matchLabels: { app: target.app, absent: "x" } }],
      [0.5, {}],
      [0.3, { matchLabels: {} }],
    ]),
  });
  if (layer === "gateway") {
    const edge = { kind: "Gateway", group: GATEWAY_GROUP, name: words.EDGE };
    return r.weighted([
      [5, () => ({ targetRefs: [edge] })],
      [1, () => ({ targetRef: edge })],
      [0.5, () => ({ targetRefs: [{ ...edge, name: "other" }] })],
      [0.5, () => ({ targetRefs: [{ ...edge, name: "other" }, edge] })],
      [0.3, () => ({ targetRefs: [{ ...edge, namespace: "elsewhere" }] })],
      [0.5, () => ({ targetRefs: [{ ...edge, kind: "GatewayClass", name: r.pick(["istio", "istio-waypoint"]) }] })],
      [0.5, () => ({ targetRefs: [{ kind: "Service", group: "", name: target.app }] })],
      [0.5, () => ({ selector: { matchLabels: { "gateway.networking.k8s.io/gateway-name": words.EDGE } } })],
      [3, selector],
      [3, () => ({})],
    ])();
  }
  if (layer !== "waypoint") {
    return r.weighted([
      [5, selector],
      [3, () => ({})],
      [0.5, () => ({ targetRefs: [{ kind: "Service", group: "", name: target.app }] })],
    ])();
  }
  const service = { kind: "Service", group: "", name: target.app };
  const gateway = { kind: "Gateway", group: GATEWAY_GROUP, name: "waypoint" };
  const gatewayClass = { kind: "GatewayClass", group: GATEWAY_GROUP, name: "istio-waypoint" };
  if (namespace === context.settings.rootNamespace) {
    return r.weighted([
      [6, () => ({ targetRefs: [gatewayClass] })],
      [0.5, () => ({ targetRefs: [{ ...gatewayClass, name: "istio" }] })],
      [0.5, () => ({ targetRefs: [service] })],
      [1, () => ({})],
    ])();
  }
  return r.weighted([
    [8, () => ({ targetRefs: [service] })],
    [1, () => ({ targetRefs: [{ kind: "Service", name: target.app }] })],
    [1, () => ({ targetRefs: [{ ...service, group: "core" }] })],
    [1, () => ({ targetRef: service })],
    [0.5, () => ({ targetRef: { kind: "Service", name: target.app } })],
    [2, () => ({ targetRefs: [gateway] })],
    [0.3, () => ({ targetRefs: [{ ...gateway, name: "waypoint2" }] })],
    [0.5, () => ({ targetRefs: [{ ...service, name: "other" }] })],
    [1, () => ({ targetRefs: [{ ...service, name: "other" }, service] })],
    [0.3, () => ({ targetRefs: [{ ...service, namespace }] })],
    [0.3, () => ({ targetRefs: [{ ...service, namespace: "elsewhere" }] })],
    [0.4, () => ({ targetRefs: [{ kind: "ServiceEntry", group: "networking.istio.io", name: target.app }] })],
    [0.5, () => ({ targetRefs: [gatewayClass] })],
    [0.7, selector],
    [0.5, () => ({})],
  ])();
}

/**
 * @param {Random} r
 * @param {Context} context
 * @param {boolean} custom Only what a CUSTOM policy may have.
 */
function rule(r, context, custom) {
  if (r.chance(0.02)) return {};
  /** @type {Record<string, unknown>} */
  const made = {};
  if (r.chance(0.6)) made.from = entries(r, () => ({ source: source(r, context, custom) }));
  if (r.chance(0.6)) made.to = entries(r, () => ({ operation: operation(r, context) }));
  if (r.chance(0.4)) made.when = entries(r, () => condition(r, context, custom));
  return made;
}

/**
 * @template T
 * @param {Random} r
 * @param {() => T} one
 * @returns {T[]}
 */
const entries = (r, one) =>
  Array.from(
    {
      length: r.weighted([
        [5, 1],
        [3, 2],
        [0.5, 3],
      ]),
    },
    one,
  );

/**
 * Some of these fields, positive or negative, with one to three values each.
 * @param {Random} r
 * @param {readonly (readonly [number, string, () => string])[]} fields weight, name, value
 */
function some(r, fields) {
  /** @type {Record<string, string[]>} */
  const made = {};
  const count = r.weighted([
    [5, 1],
    [3, 2],
    [1, 3],
  ]);
  for (let i = 0; i < count; i++) {
    const [name, value] = r.weighted(fields.map(([weight, ...rest]) => [weight, rest]));
    const negative = r.chance(0.2);
    const key = negative ? `not${name[0]?.toUpperCase()}${name.slice(1)}` : name;
    made[key] = values(r, value);
    // An empty list beside other fields means nothing.
    if (r.chance(0.02)) made[r.pick(fields)[1]] ??= [];
  }
  return made;
}

/**
 * @param {Random} r
 * @param {() => string} value
 */
const values = (r, value) =>
  Array.from(
    {
      length: r.weighted([
        [5, 1],
        [3, 2],
        [1, 3],
      ]),
    },
    value,
  );

/**
 * @param {Random} r
 * @param {Context} context
 * @param {boolean} custom
 */
function source(r, context, custom) {
  const { trustDomain } = context.settings;
  const ip = () => words.ipBlock(r, context.sourceIps);
  /** @type {[number, string, () => string][]} */
  const addresses = [
    [1.5, "ipBlocks", ip],
    [httpOnly(context), "remoteIpBlocks", ip],
  ];
  if (custom) return some(r, addresses);
  // Service accounts go with neither namespaces nor principals.
  return r.chance(0.25)
    ? some(r, [[3, "serviceAccounts", () => words.serviceAccount(r)], ...addresses])
    : some(r, [
        [3, "principals", () => words.principal(r, trustDomain)],
        [3, "namespaces", () => words.namespaces(r)],
        [0.5, "trustDomains", () => words.trustDomain(r, trustDomain, false)],
        [0.3 * httpOnly(context), "requestPrincipals", () => r.pick(["*", "iss/sub", "iss/*", "*/sub"])],
        ...addresses,
      ]);
}

/**
 * At ztunnel a rule with HTTP fields is dropped or loses them: they are interesting, but not all the time.
 * @param {Context} context
 */
const httpOnly = (context) => (context.layer === "ztunnel" ? 0.2 : 1);

/**
 * @param {Random} r
 * @param {Context} context
 */
function operation(r, context) {
  const l7 = httpOnly(context);
  return some(r, [
    [2, "ports", () => words.port(r)],
    [2 * l7, "methods", () => words.method(r)],
    [4 * l7, "paths", () => words.path(r)],
    [2 * l7, "hosts", () => words.host(r)],
  ]);
}

/**
 * @param {Random} r
 * @param {Context} context
 * @param {boolean} custom
 */
function condition(r, context, custom) {
  const { trustDomain } = context.settings;
  const l7 = httpOnly(context);
  const identity = custom ? 0 : 1;
  const header = words.headerName(r);
  /** @type {[string, () => string]} */
  const [key, value] = r.weighted([
    [1, ["source.ip", () => words.ipBlock(r, context.sourceIps)]],
    [l7, ["remote.ip", () => words.ipBlock(r, context.sourceIps)]],
    [1, ["destination.ip", () => words.ipBlock(r, [context.target.ip, "10.0.0.1"])]],
    [1, ["destination.port", () => words.port(r)]],
    [identity, ["source.namespace", () => words.namespaces(r)]],
    [identity, ["source.principal", () => words.principal(r, trustDomain)]],
    [identity * l7, ["source.serviceAccount", () => words.serviceAccount(r)]],
    [identity * l7 * 0.7, ["source.trustDomain", () => words.trustDomain(r, trustDomain, true)]],
    [3 * l7, [`request.headers[${header}]`, () => words.headerValue(r, header)]],
    [0.5 * l7, [`request.headers[${r.pick([":path", "X-Forwarded-For", "cookie"])}]`, () => words.path(r)]],
    [0.4 * l7, [`request.headers[${r.pick(["host", "Host", ":authority"])}]`, () => words.host(r)]],
    [0.3 * l7, ["request.headers[:method]", () => words.method(r)]],
    [0.15 * l7, ["request.headersX[a]", () => "x"]],
    [0.15 * l7, ["request.headers[a]b]", () => "x"]],
    [0.3 * l7, ["connection.sni", () => words.host(r)]],
    [0.2 * l7, ["experimental.envoy.filters.a.b[c]", () => r.pick(["x", "[x]", "*"])]],
    [
      0.4 * l7 * identity,
      [
        `request.auth.${r.pick(["principal", "audiences", "presenter", "claims[iss]", "claims[a][b]"])}`,
        () => r.pick(["x", "*", "iss/sub", "x*"]),
      ],
    ],
  ]);
  /** @type {{ key: string, values?: string[], notValues?: string[] }} */
  const made = { key };
  const which = r.weighted([
    [8, "values"],
    [3, "notValues"],
    [1, "both"],
  ]);
  if (which !== "notValues") made.values = values(r, value);
  if (which !== "values") made.notValues = values(r, value);
  return made;
}
