// Every policy of every example, before Istio's own webhook: it passes, or a diagnostic has said why not.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { after, before, test } from "node:test";

import { compile } from "../../host/index.js";
import { startCluster } from "./start.mjs";
import { ROOT, collection } from "./wishes.mjs";

/** @type {import("./start.mjs").Cluster} */
let cluster;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster?.stop());

/** The commands of examples/README.md name the input of each. */
const EXAMPLES = [...readFileSync(`${ROOT}examples/README.md`, "utf8").replaceAll("\\\n", " ").matchAll(/^ {4}npx mesh-policy compile (.*)$/gm)].map(
  ([, args = ""]) => args.trim().split(/\s+/),
);

/** @param {string} path */
const source = (path) => ({ file: path, text: readFileSync(`${ROOT}${path}`, "utf8") });

/** @param {string[]} args */
function input(args) {
  const at = args.indexOf("--charms");
  const folder = args[at + 1] ?? assert.fail("every example has charm files");
  return {
    bundles: args.slice(0, at).map((argument) => {
      const [model = "", path = ""] = argument.split("=");
      return { ...source(path), model };
    }),
    charms: readdirSync(`${ROOT}${folder}`).sort().map((name) => source(`${folder}/${name}`)),
  };
}

test("there are examples, and all folders with bundles are among them", () => {
  const named = new Set(EXAMPLES.map((args) => /examples\/([^/]+)\//.exec(args.join(" "))?.[1]));
  const folders = readdirSync(`${ROOT}examples`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(`${ROOT}examples/${entry.name}/charms`))
    .map(({ name }) => name);
  assert.ok(folders.length > 3);
  assert.deepEqual([...named].sort(), folders.sort());
});

for (const args of EXAMPLES) {
  test(args.filter((argument) => argument.includes("=")).join(" "), async (t) => {
    if (cluster.webhook === undefined) return t.skip("the cluster has no Istio webhook");
    const compilation = compile(input(args));
    const { authorizationPolicies: policies } = compilation;
    compilation.free();
    assert.ok(policies.length > 0);
    const namespace = await cluster.createNamespace("examples");
    /** @type {string[]} */
    const refused = [];
    for (const policy of policies) {
      // Where it is makes no difference to the webhook, and a cluster in use has namespaces of these names.
      const body = { ...policy, metadata: { ...policy.metadata, namespace } };
      const { status, text } = await cluster.request("POST", `${collection(namespace)}?dryRun=All`, { body });
      if (status !== 201) refused.push(`${policy.metadata.name}: ${text}`);
    }
    console.log(`${policies.length} policies, ${refused.length} refused`);
    assert.deepEqual(refused, []);
  });
}

test("what Istio's webhook refuses, a diagnostic has named before", async (t) => {
  if (cluster.webhook === undefined) return t.skip("the cluster has no Istio webhook");
  const namespace = await cluster.createNamespace("examples");
  const bundle = `
applications: {web: {charm: web}, api: {charm: api}, beacon: {charm: istio-beacon-k8s}}
relations: [[web:api, api:api], [api:service-mesh, beacon:service-mesh]]
`;
  let refused = 0;
  for (const endpoint of ["ports: [8080]", "ports: [0]", "ports: [-1]", "ports: [65536]", "", "methods: [GET]", "paths: [/a]"]) {
    const charm = `
charm: api
provides: {api: {interface: http}}
requires: {service-mesh: {interface: service_mesh}}
policies: [{kind: app, relation: api, endpoints: [{${endpoint}}]}]
`;
    const compilation = compile({ bundles: [{ file: "bundle.yaml", text: bundle, model: namespace }], charms: [{ file: "charm.yaml", text: charm }] });
    const { authorizationPolicies: policies, diagnostics } = compilation;
    compilation.free();
    const alarms = diagnostics.filter(({ severity, place }) => severity !== "note" && place?.file === "charm.yaml");
    for (const policy of policies) {
      const { status, text } = await cluster.request("POST", `${collection(namespace)}?dryRun=All`, { body: policy });
      if (status === 201) continue;
      refused++;
      assert.ok(alarms.length > 0, `{${endpoint}}: ${text}`);
    }
  }
  assert.ok(refused >= 3);
});
