// The harness itself: it sees a wrong answer, says how to see it again, and what it compares with is right.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { openJudge } from "../cluster/judge.mjs";
import { generate } from "./generate.mjs";
import { shrink } from "./shrink.mjs";
import { decide } from "./ztunnel.mjs";

const RUN = fileURLToPath(new URL("run.mjs", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "mesh-policy-harness-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** @param {string[]} args @returns {Promise<{ code: number | null, output: string }>} */
const run = (...args) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [RUN, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (part) => (output += part));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });

test("a seed gives the same set, another seed another", () => {
  const text = (/** @type {number} */ seed) => JSON.stringify(generate(seed, "sidecar", 5));
  assert.equal(text(5), text(5));
  assert.notEqual(text(5), text(6));
});

test("a wrong engine is caught, and the command that is printed catches it again", async () => {
  const engine = path.join(folder, "always-allowed.mjs");
  writeFileSync(
    engine,
    `import { readFileSync } from "node:fs";
    const file = process.argv[process.argv.indexOf("--requests") + 1];
    for (const line of readFileSync(file, "utf8").split("\\n").filter(Boolean)) {
      console.log(JSON.stringify({ id: JSON.parse(line).id, verdict: "allowed", ways: [] }));
    }`,
  );
  const options = ["--engine", engine, "--no-shrink"];
  for (const [layer, judge] of [
    ["sidecar", "Envoy"],
    ["ztunnel", "the plain evaluator"],
  ]) {
    const first = await run("--layer", String(layer), "--sets", "12", "--l4-sets", "6", ...options);
    assert.equal(first.code, 1, first.output);
    assert.match(first.output, /^seed \d+$/m);
    assert.ok(first.output.includes(`${judge} says denied, mesh-policy allowed`), first.output);
    const [, again = ""] = /^again: node tests\/istio\/run\.mjs (.*)$/m.exec(first.output) ?? [];
    const second = await run(...again.split(" "), ...options);
    assert.equal(second.code, 1, second.output);
    const request = /^request: .*$/m;
    assert.equal(request.exec(second.output)?.[0], request.exec(first.output)?.[0]);
  }
});

test("shrinking leaves what is needed", async () => {
  const policies = [
    { name: "a", rules: [{}] },
    {
      name: "b",
      rules: [
        {
          from: [{ source: { namespaces: ["x", "y"] } }, { source: { namespaces: ["z"] } }],
          to: [{ operation: { ports: ["1"], paths: ["/a", "/b"] } }],
        },
        {},
      ],
    },
  ].map(({ name, rules }) => ({ apiVersion: "", kind: "", metadata: { name, namespace: "" }, spec: { rules } }));
  const smallest = await shrink(policies, async (candidates) =>
    candidates.findIndex((candidate) => JSON.stringify(candidate).includes('"/b"')),
  );
  assert.deepEqual(
    smallest.map(({ spec }) => spec.rules),
    [[{ to: [{ operation: { paths: ["/b"] } }] }]],
  );
});

test("the plain evaluator of L4 does what ztunnel is known to do", async () => {
  const judge = await openJudge();
  try {
    const { context } = generate(1, "ztunnel", 0);
    const settings = {
      ...context.settings,
      rootNamespace: "istio-system",
      trustDomain: "cluster.local",
      trustDomainAliases: [],
    };
    /** @param {object} rule @param {string} [action] @param {object} [more] */
    const policy = (rule, action = "ALLOW", more = {}) => ({
      apiVersion: "security.istio.io/v1",
      kind: "AuthorizationPolicy",
      metadata: { name: "p", namespace: "shop" },
      spec: { action, rules: [rule], ...more },
    });
    const api = { namespace: "shop", serviceAccount: "api" };
    const l7 = { to: [{ operation: { methods: ["GET"] } }] };
    const both = { to: [{ operation: { methods: ["GET"], ports: ["80"] } }] };
    const from = (/** @type {object} */ source) => ({ from: [{ source }] });
    /** @type {[string, object[], { namespace: string, serviceAccount: string } | null, "allowed" | "denied"][]} */
    const table = [
      ["no policy", [], null, "allowed"],
      ["an ALLOW with L7 fields denies all", [policy(l7)], api, "denied"],
      ["a DENY with nothing but L7 fields never fires", [policy(l7, "DENY")], api, "allowed"],
      ["a DENY loses its L7 fields", [policy(both, "DENY")], api, "denied"],
      ["an empty rule allows", [policy({})], null, "allowed"],
      ["trust domains alone are an empty match", [policy(from({ trustDomains: ["*"] }))], api, "denied"],
      ["a presence needs an identity", [policy(from({ principals: ["*"] }))], null, "denied"],
      ["a negation does not", [policy(from({ notPrincipals: ["*"] }))], null, "allowed"],
      ["a service account of the policy's namespace", [policy(from({ serviceAccounts: ["api"] }))], api, "allowed"],
      ["an IPv4-mapped block is IPv6", [policy(from({ ipBlocks: ["::ffff:10.0.0.5"] }))], api, "denied"],
      ["host bits do not matter", [policy(from({ ipBlocks: ["10.0.0.9/28"] }))], api, "allowed"],
      ["an empty selector attaches to nothing", [policy(l7, "ALLOW", { selector: {} })], api, "allowed"],
      [
        "a selector of the root namespace holds everywhere",
        [{ ...policy(l7), metadata: { name: "p", namespace: "istio-system" } }],
        api,
        "denied",
      ],
    ];
    for (const [title, policies, client, expected] of table) {
      const { validation, authorizations } = await judge.ask({ policies, proxy: "ztunnel" });
      assert.ok(validation.every(({ ok }) => ok), title);
      const request = { from: client, sourceIp: "10.0.0.5", port: 80 };
      const at = { ...context, settings, peerAuthentications: [] };
      assert.equal(decide(authorizations, at, request), expected, title);
    }
  } finally {
    await judge.close();
  }
});
