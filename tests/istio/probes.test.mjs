// The recorded questions: our Envoy answers them as the one that was recorded, and so does mesh-policy.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { openJudge } from "../cluster/judge.mjs";
import { COMMAND, commandLine } from "./engine.mjs";
import { replay, replayAll } from "./envoy.mjs";

/**
 * @typedef {import("./types.mjs").Context} Context
 * @typedef {import("./types.mjs").Request} Request
 *
 * @typedef {object} Probe
 * @property {string} title
 * @property {"waypoint" | "sidecar"} layer
 * @property {Context["settings"]["pathNormalization"]} pathNormalization
 * @property {import("./types.mjs").Policy} policy
 * @property {(Omit<Request, "id" | "to" | "layer"> & { status: number })[]} requests
 */

/** @type {Probe[]} */
const probes = readFileSync(new URL("probes.jsonl", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line));

/** @param {Probe} probe */
function caseOf({ layer, pathNormalization, policy, requests }) {
  /** @type {Context} */
  const context = {
    layer,
    target: { namespace: "shop", app: "web", labels: { app: "web" }, ip: "127.0.1.1" },
    settings: {
      rootNamespace: "istio-system",
      trustDomain: "cluster.local",
      trustDomainAliases: [],
      pathNormalization,
    },
    sourceIps: [],
  };
  /** @type {Request["to"]} */
  const to = layer === "waypoint" ? { service: "shop/web" } : { pod: "shop/web-0" };
  return {
    context,
    policies: [policy],
    requests: requests.map(({ status: _, ...request }, i) => ({ ...request, id: String(i), to, layer })),
  };
}

/** @type {import("../cluster/judge.mjs").Judge} */
let judge;
before(async () => {
  judge = await openJudge();
});
after(() => judge?.close());

test("our Envoy answers as the recorded one", async () => {
  const answers = await replayAll(judge, probes.map(caseOf));
  probes.forEach(({ title, requests }, i) => {
    const statuses = answers[i]?.answers?.map(({ status }) => status);
    assert.deepEqual(statuses, requests.map(({ status }) => status), title);
  });
  assert.equal(probes.flatMap(({ requests }) => requests).length, 128);
});

const command = new URL("../../host/commands/explain.js", import.meta.url);
test("and so does mesh-policy", { skip: !existsSync(command) && "no `explain` yet" }, async () => {
  const explain = commandLine(COMMAND);
  for (const probe of probes) {
    const { answers } = await explain(caseOf(probe));
    probe.requests.forEach(({ status }, i) => {
      const expected = status === 200 ? "allowed" : status === 403 ? "denied" : undefined;
      const answer = answers.get(String(i));
      if (expected) assert.equal(answer?.verdict, expected, `${probe.title}, request ${i}`);
    });
  }
});

/** @type {Context} */
const waypoint = {
  layer: "waypoint",
  target: { namespace: "shop", app: "web", labels: {}, ip: "10.96.0.10" },
  settings: {
    rootNamespace: "istio-system",
    trustDomain: "cluster.local",
    trustDomainAliases: [],
    pathNormalization: "BASE",
  },
  sourceIps: [],
};
/** @param {string} name @param {object} spec */
const policy = (name, spec) => ({
  apiVersion: "security.istio.io/v1",
  kind: "AuthorizationPolicy",
  metadata: { name, namespace: "shop" },
  spec: { targetRefs: [{ kind: "Service", group: "", name: "web" }], ...spec },
});
/** @type {Omit<Request, "id">} */
const request = {
  from: { namespace: "shop", serviceAccount: "api" },
  sourceIp: "127.0.0.2",
  to: { service: "shop/web" },
  port: 80,
  method: "GET",
  path: "/",
  host: "web",
  layer: "waypoint",
};

test("CUSTOM depends where its rules match, unless DENY refuses", async () => {
  const policies = [
    policy("ask", {
      action: "CUSTOM",
      provider: { name: "opa" },
      rules: [{ to: [{ operation: { paths: ["/ask*"] } }] }],
    }),
    policy("never", { action: "DENY", rules: [{ to: [{ operation: { methods: ["PUT"] } }] }] }),
  ];
  const requests = [
    request,
    { ...request, path: "/ask" },
    { ...request, path: "/ask", method: "PUT" },
    { ...request, method: "N@N" },
  ];
  const { answers } = await replay(policies, requests, waypoint);
  assert.deepEqual(answers, [
    { status: 200, verdict: "allowed" },
    { status: 200, verdict: "depends" },
    { status: 403, verdict: "denied" },
    { status: 400, verdict: null },
  ]);
});

test("what Istio accepts and Envoy refuses costs only its own set", async () => {
  const paths = ["/{*}//", "/a", "{*}", "/{*}"];
  const cases = paths.map((path) => ({
    context: waypoint,
    policies: [policy("p", { rules: [{ to: [{ operation: { paths: [path] } }] }] })],
    requests: [{ ...request, path: "/a" }],
  }));
  const replays = await replayAll(judge, cases);
  assert.deepEqual(replays.map(({ validation }) => validation[0]?.ok), [true, true, true, true]);
  assert.deepEqual(
    replays.map(({ answers }) => answers?.[0]?.verdict ?? null),
    [null, "allowed", null, "allowed"],
  );
  assert.notEqual(replays[0]?.refusal ?? "", "");
});
