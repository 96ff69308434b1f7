// The judge gives Istio's verdicts and filters, for waypoints and sidecars.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { openJudge } from "./judge.mjs";

/** @type {import("./judge.mjs").Judge} */
let judge;
before(async () => {
  judge = await openJudge();
});
after(() => judge?.close());

/**
 * @param {string} name
 * @param {object} spec
 * @param {string} [namespace]
 */
const policy = (name, spec, namespace = "shop") => ({
  apiVersion: "security.istio.io/v1",
  kind: "AuthorizationPolicy",
  metadata: { name, namespace },
  spec,
});
const web = { kind: "Service", group: "", name: "web" };
const from = [{ source: { principals: ["cluster.local/ns/shop/sa/api"] } }];
const to = [{ operation: { ports: ["80"], methods: ["GET"] } }];
const ofWeb = policy("web", { targetRefs: [web], rules: [{ from, to }] });
const ofPods = policy("pods", {
  selector: { matchLabels: { app: "web" } },
  action: "DENY",
  rules: [{ from, to }],
});

/** @type {import("./judge.mjs").Question} */
const waypoint = {
  policies: [ofWeb, ofPods],
  proxy: "waypoint",
  workload: { namespace: "shop", gateway: "waypoint", service: "web" },
};
/** @type {import("./judge.mjs").Question} */
const sidecar = {
  policies: [ofWeb, ofPods],
  proxy: "sidecar",
  workload: { namespace: "shop", labels: { app: "web" } },
};

/** @param {import("./judge.mjs").Filter[]} filters */
const rules = (filters) =>
  filters.map((filter) => {
    const { action = "ALLOW", policies = {} } = filter.typed_config.rules;
    return `${action} ${Object.keys(policies).join(" ")}`;
  });

test("a waypoint enforces what targets the Service, by filter state", async () => {
  const { validation, filters } = await judge.ask(waypoint);
  assert.deepEqual(validation, [
    { name: "web", namespace: "shop", ok: true },
    { name: "pods", namespace: "shop", ok: true },
  ]);
  assert.deepEqual(rules(filters), ["ALLOW ns[shop]-policy[web]-rule[0]"]);
  assert.equal(filters[0]?.name, "envoy.filters.http.rbac");
  assert.equal(
    filters[0]?.typed_config["@type"],
    "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
  );
  assert.match(JSON.stringify(filters), /"key":"io.istio.peer_principal"/);
});

test("a waypoint's listener for another Service has none of it", async () => {
  const workload = { namespace: "shop", gateway: "waypoint", service: "db" };
  assert.deepEqual((await judge.ask({ ...waypoint, workload })).filters, []);
  const elsewhere = { ...workload, service: { name: "web", namespace: "other" } };
  assert.deepEqual((await judge.ask({ ...waypoint, workload: elsewhere })).filters, []);
});

test("a waypoint enforces what targets its Gateway, and the root's for its class", async () => {
  const group = "gateway.networking.k8s.io";
  const policies = [
    policy("mine", { targetRefs: [{ kind: "Gateway", group, name: "waypoint" }], rules: [{ to }] }),
    policy("not-mine", { targetRefs: [{ kind: "Gateway", group, name: "w" }], rules: [{ to }] }),
    policy(
      "all",
      { targetRefs: [{ kind: "GatewayClass", group, name: "istio-waypoint" }], rules: [{ to }] },
      "roots",
    ),
  ];
  const settings = { rootNamespace: "roots" };
  assert.deepEqual(rules((await judge.ask({ ...waypoint, policies, settings })).filters), [
    "ALLOW ns[roots]-policy[all]-rule[0] ns[shop]-policy[mine]-rule[0]",
  ]);
  assert.deepEqual(rules((await judge.ask({ ...waypoint, policies })).filters), [
    "ALLOW ns[shop]-policy[mine]-rule[0]",
  ]);
});

test("a sidecar enforces what selects its pod, by the connection's identity", async () => {
  const { filters, tcpFilters } = await judge.ask(sidecar);
  assert.deepEqual(rules(filters), ["DENY ns[shop]-policy[pods]-rule[0]"]);
  assert.match(JSON.stringify(filters), /"authenticated"/);
  assert.doesNotMatch(JSON.stringify(filters), /filter_state/);
  // A DENY rule loses its L7 half on TCP, and so denies more.
  assert.deepEqual(rules(tcpFilters), ["DENY ns[shop]-policy[pods]-rule[0]"]);
  assert.match(JSON.stringify(filters), /":method"/);
  assert.doesNotMatch(JSON.stringify(tcpFilters), /":method"/);
  const workload = { namespace: "shop", labels: { app: "db" } };
  assert.deepEqual((await judge.ask({ ...sidecar, workload })).filters, []);
});

test("an ingress gateway enforces what references its Gateway, and what selects its pod", async () => {
  const gateway = { kind: "Gateway", group: "gateway.networking.k8s.io", name: "edge" };
  const cls = (/** @type {string} */ name) => ({ ...gateway, kind: "GatewayClass", name });
  const edge = { matchLabels: { app: "edge" } };
  const everyone = { rules: [{}] };
  const { filters } = await judge.ask({
    policies: [
      policy("own", { targetRefs: [gateway], ...everyone }),
      policy("another", { targetRefs: [{ ...gateway, name: "other" }], ...everyone }),
      policy("root-own", { targetRefs: [gateway], ...everyone }, "istio-system"),
      policy("class", { targetRefs: [cls("istio")], ...everyone }, "istio-system"),
      policy("waypoints", { targetRefs: [cls("istio-waypoint")], ...everyone }, "istio-system"),
      policy("service", { targetRefs: [{ ...web, name: "edge" }], ...everyone }),
      policy("selected", { selector: edge, ...everyone }),
      policy("root-selected", { selector: edge, ...everyone }, "istio-system"),
      policy("others", { selector: { matchLabels: { app: "web" } }, ...everyone }),
      policy("empty", { selector: { matchLabels: {} }, ...everyone }),
      policy("wide", everyone),
      policy("root-wide", everyone, "istio-system"),
      policy("elsewhere", everyone, "cos"),
    ],
    proxy: "gateway",
    workload: { namespace: "shop", labels: { app: "edge" }, gateway: "edge" },
  });
  const names = [...JSON.stringify(filters).matchAll(/ns\[([^\]]*)\]-policy\[([^\]]*)\]/g)].map(([, space, name]) => `${space}/${name}`);
  assert.deepEqual([...new Set(names)].sort(), [
    "istio-system/root-selected",
    "istio-system/root-wide",
    "shop/empty",
    "shop/own",
    "shop/selected",
    "shop/wide",
  ]);
});

test("aliases of the trust domain reach the filters", async () => {
  const settings = { trustDomain: "new.local", trustDomainAliases: ["cluster.local"] };
  const text = JSON.stringify((await judge.ask({ ...sidecar, settings })).filters);
  assert.match(text, /spiffe:\/\/new\.local\/ns\/shop\/sa\/api/);
  assert.match(text, /spiffe:\/\/cluster\.local\/ns\/shop\/sa\/api/);
});

test("one bad policy has its verdict and no effect; the others keep theirs", async () => {
  const policies = [
    policy("no-rules", { selector: { matchLabels: { app: "web" } }, action: "DENY" }),
    ofPods,
    { ...policy("extra", { rules: [{ to }] }), data: {} },
    { apiVersion: "v1", kind: "Service", metadata: { name: "web" } },
  ];
  const { validation, filters } = await judge.ask({ ...sidecar, policies });
  assert.deepEqual(
    validation.map(({ ok }) => ok),
    [false, true, false, false],
  );
  assert.match(validation[0]?.error ?? "", /DENY action without `rules`/);
  assert.match(validation[2]?.error ?? "", /unknown field "data"/);
  assert.match(validation[3]?.error ?? "", /not an AuthorizationPolicy/);
  assert.deepEqual(rules(filters), ["DENY ns[shop]-policy[pods]-rule[0]"]);
});

test("a misspelled field of a rule is dropped, which here lets everyone in", async () => {
  const policies = [policy("open", { rules: [{ form: [{ source: { principals: ["a"] } }] }] })];
  const { validation, filters } = await judge.ask({ ...sidecar, policies });
  assert.deepEqual(validation, [{ name: "open", namespace: "shop", ok: true }]);
  const [rule] = Object.values(filters[0]?.typed_config.rules.policies);
  assert.deepEqual(rule, {
    permissions: [{ and_rules: { rules: [{ any: true }] } }],
    principals: [{ and_ids: { ids: [{ any: true }] } }],
  });
});

test("a wrong question is refused, and the next one answered", async () => {
  const workload = { namespace: "shop", service: "web" };
  await assert.rejects(judge.ask({ ...waypoint, workload }), /`workload.gateway` is missing/);
  const misspelled = /** @type {any} */ ({ ...sidecar, polices: [] });
  await assert.rejects(judge.ask(misspelled), /unknown field "polices"/);
  assert.equal((await judge.ask(sidecar)).filters.length, 1);
});

test("questions asked together are answered each for itself", async () => {
  const started = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 2000 }, (_, i) =>
      judge.ask({ ...sidecar, policies: [policy(`p${i}`, { rules: [{ from, to }] })] }),
    ),
  );
  console.log(`2000 questions in ${Math.round(performance.now() - started)} ms`);
  answers.forEach(({ filters }, i) => {
    assert.deepEqual(rules(filters), [`ALLOW ns[shop]-policy[p${i}]-rule[0]`]);
  });
});

test("a closed judge says so", async () => {
  const other = await openJudge();
  await other.close();
  await assert.rejects(other.ask(sidecar), /the judge is closed/);
});

test("what istiod sends to ztunnels: rules without their L7 half, or none", async () => {
  const policies = [
    policy("denied", { action: "DENY", rules: [{ from, to }] }),
    policy("allowed", { selector: { matchLabels: { app: "web" } }, rules: [{ from, to }] }),
    policy("nobody", { selector: {}, rules: [{ from }] }),
    policy("at-waypoint", { targetRefs: [web], rules: [{ from }] }),
  ];
  const { authorizations = [] } = await judge.ask({ policies, proxy: "ztunnel" });
  const matches = [{ principals: [{ exact: "cluster.local/ns/shop/sa/api" }] }];
  assert.deepEqual(
    authorizations.map(({ authorization, selector }) => [
      authorization.name,
      authorization.groups ?? [],
      selector,
    ]),
    [
      ["allowed", [], { app: "web" }],
      [
        "denied",
        [{ rules: [{ matches: [{ destination_ports: [80] }] }, { matches }] }],
        null,
      ],
      ["nobody", [{ rules: [{ matches }] }], null],
    ],
  );
  assert.match(authorizations[1]?.warning ?? "", /does not support HTTP attributes/);
});
