// `plan`, `apply`, `delete` and `labels` as a user runs them, with no more rights than docs/cluster.md grants.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { makeInput } from "../../bench/input.mjs";
import { beaconLabels } from "../../host/index.js";
import { KubernetesClient, KubernetesError, readMesh } from "../../host/kubernetes.js";
import { until } from "./processes.mjs";
import { startCluster } from "./start.mjs";
import { ROOT, cli, collection, existing, versions } from "./wishes.mjs";

/** @type {import("./start.mjs").Cluster} */
let cluster;
/** @type {string} */
let dir;

before(async () => {
  cluster = await startCluster();
  dir = mkdtempSync(join(tmpdir(), "mesh-policy-commands-"));
});
after(async () => {
  await cluster?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** The roles that the docs grant. */
const roles = [...readFileSync(`${ROOT}docs/cluster.md`, "utf8").matchAll(/```yaml\n(apiVersion: rbac[^]*?)```/g)].map(([, yaml]) => yaml ?? "");

/**
 * Gives the user of the tests one of them.
 *
 * @param {number} which
 * @param {string} namespace
 * @param {string} [application]
 */
async function grant(which, namespace, application = "") {
  const role = (roles[which] ?? assert.fail("no such role")).replaceAll("NAMESPACE", namespace).replaceAll("APPLICATION", application);
  const kind = /^kind: (\w+)$/m.exec(role)?.[1] ?? "";
  // Cluster-wide names must not meet those of others.
  const name = `${/^ {2}name: (.+)$/m.exec(role)?.[1]}-${namespace}`;
  const applied = await cluster.kubectl(["apply", "-f", "-"], role.replace(/^ {2}name: .+$/m, `  name: ${name}`));
  assert.equal(applied.code, 0, applied.stderr);
  const bound = kind === "ClusterRole" ? "clusterrolebindings" : `namespaces/${namespace}/rolebindings`;
  const { status, text } = await cluster.request("POST", `/apis/rbac.authorization.k8s.io/v1/${bound}`, {
    body: { metadata: { name }, roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name }, subjects: [cluster.user] },
  });
  assert.equal(status, 201, text);
  return async () => {
    await cluster.request("DELETE", `/apis/rbac.authorization.k8s.io/v1/${bound}/${name}`);
    if (kind === "ClusterRole") await cluster.request("DELETE", `/apis/rbac.authorization.k8s.io/v1/clusterroles/${name}`);
  };
}

/** @param {string} namespace @param {string} path @param {string} [verb] */
const allowed = (namespace, path, verb = "GET") =>
  until("the role takes effect", async () => ((await cluster.request(verb, path, { token: cluster.userToken })).status === 403 ? undefined : true), { seconds: 10 });

/**
 * A bundle of clients of one server, as files.
 * @param {string} namespace
 * @param {number} size
 */
function bundle(namespace, size) {
  const { bundle: text, charm } = makeInput(size, "yaml");
  const files = { bundle: join(dir, `${namespace}-${size}.yaml`), charm: join(dir, "server.yaml") };
  writeFileSync(files.bundle, text);
  writeFileSync(files.charm, charm);
  return [`${namespace}=${files.bundle}`, "--charms", files.charm];
}

/** @param {string} namespace */
const labelsOf = (namespace) => beaconLabels({ appName: "beacon", modelName: namespace });

/** @param {string} [kubeconfig] */
const as = (kubeconfig = cluster.kubeconfig) => ["--kubeconfig", kubeconfig];

/** How many policies of the beacon there are. @param {string} namespace */
const there = async (namespace) => (await existing(cluster, namespace, labelsOf(namespace))).length;

/** How many policies there are at all, for who asks often. @param {string} namespace */
async function quickly(namespace) {
  const { json } = await cluster.request("GET", `${collection(namespace)}?limit=1`);
  return json.items.length + (json.metadata.remainingItemCount ?? 0);
}

describe("plan, apply, delete", () => {
  test("with the ClusterRole of the docs: plan, apply, plan again, change, delete", async () => {
    const namespace = await cluster.createNamespace("commands");
    const revoke = await grant(0, namespace);
    await allowed(namespace, "/apis/security.istio.io/v1/authorizationpolicies");
    const access = as(cluster.userKubeconfig);

    const planned = await cli(["plan", ...bundle(namespace, 3), ...access, "--exit-code"]);
    assert.equal(planned.code, 1, planned.stderr);
    assert.equal(await there(namespace), 0);
    const proven = await cli(["plan", ...bundle(namespace, 3), ...access, "--prove", "-o", "json"]);
    assert.equal(proven.code, 0, proven.stderr);
    const { safety } = JSON.parse(proven.stdout);
    assert.equal(typeof safety.safe, "boolean", proven.stdout);
    assert.ok(Array.isArray(safety.moments), proven.stdout);
    assert.ok(safety.safe || safety.moments.length > 0, "what is not safe has its moment named");
    assert.match(planned.stdout, /3 to create, 0 to update, 0 to delete, 0 unchanged/);
    assert.equal([...planned.stdout.matchAll(/^ +PATCH \/apis\/security\.istio\.io\/v1\/namespaces\//gm)].length, 3);

    const applied = await cli(["apply", ...bundle(namespace, 3), ...access, "--prove"]);
    assert.equal(applied.code, 0, applied.stderr);
    assert.match(applied.stdout, /^proven: no state in between/m);
    assert.match(applied.stdout, /3 created, 0 updated, 0 deleted, 0 unchanged/);
    const items = await existing(cluster, namespace, labelsOf(namespace));
    assert.equal(items.length, 3);
    assert.deepEqual(items[0].metadata.managedFields.map((/** @type {any} */ m) => [m.manager, m.operation]), [["beacon", "Apply"]]);

    const again = await cli(["plan", ...bundle(namespace, 3), ...access, "--exit-code"]);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stdout, /0 to create, 0 to update, 0 to delete, 3 unchanged/);

    const fewer = await cli(["apply", ...bundle(namespace, 2), ...access, "-o", "json"]);
    assert.equal(fewer.code, 0, fewer.stderr);
    const [run] = JSON.parse(fewer.stdout).runs;
    assert.deepEqual(run.done.changes.map((/** @type {any} */ change) => change.action), ["delete"]);
    assert.equal(run.done.unchanged, 2);

    const deleted = await cli(["delete", "--beacon", `${namespace}/beacon`, ...access]);
    assert.equal(deleted.code, 0, deleted.stderr);
    assert.match(deleted.stdout, /0 created, 0 updated, 2 deleted/);
    assert.equal(await there(namespace), 0);
    await revoke();
  });

  test("with the Role of the docs and --namespace", async () => {
    const [namespace, other] = [await cluster.createNamespace("commands"), await cluster.createNamespace("other")];
    await grant(1, namespace);
    await allowed(namespace, collection(namespace));
    const access = [...as(cluster.userKubeconfig), "--namespace", namespace];
    const applied = await cli(["apply", ...bundle(namespace, 2), ...bundle(other, 2), ...access]);
    assert.equal(applied.code, 0, applied.stderr);
    assert.equal(await there(namespace), 2);
    assert.equal(await there(other), 0);
    const deleted = await cli(["delete", ...bundle(namespace, 2), ...access]);
    assert.equal(deleted.code, 0, deleted.stderr);
    assert.equal(await there(namespace), 0);
    // Without --namespace it asks for all, and says what it may not do.
    const refused = await cli(["apply", ...bundle(namespace, 2), ...as(cluster.userKubeconfig)]);
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /error\[kubernetes-forbidden\]/);
    assert.match(refused.stderr, /list/);
    assert.match(refused.stderr, /authorizationpolicies/);
  });

  test("--dry-run=server writes nothing, and the webhook has its say", async (t) => {
    if (cluster.webhook === undefined) return t.skip("the cluster has no Istio webhook");
    const namespace = await cluster.createNamespace("dry");
    const dry = await cli(["apply", ...bundle(namespace, 3), ...as(), "--dry-run=server"]);
    assert.equal(dry.code, 0, dry.stderr);
    assert.match(dry.stdout, /3 would be created/);
    assert.equal(await there(namespace), 0);
  });

  test("what cannot work says so, with exit code 3 or 2", async () => {
    const namespace = await cluster.createNamespace("broken");
    const wish = bundle(namespace, 1);
    const config = JSON.parse(readFileSync(cluster.kubeconfig, "utf8"));
    const write = (/** @type {string} */ name, /** @type {(config: any) => void} */ change) => {
      const copy = structuredClone(config);
      change(copy);
      writeFileSync(join(dir, name), JSON.stringify(copy));
      return as(join(dir, name));
    };
    /** @type {[string, string[], number, RegExp][]} */
    const cases = [
      ["nobody listens", write("dead", (c) => (c.clusters[0].cluster.server = "https://127.0.0.1:1")), 3, /cannot be reached: nothing listens there/],
      ["a stranger", write("stranger", (c) => (c.users[0].user.token = "wrong")), 3, /401|unauthorized|credentials/i],
      ["another certificate", write("untrusted", (c) => delete c.clusters[0].cluster["certificate-authority-data"]), 3, /cannot be trusted/],
      ["no kubeconfig", as(join(dir, "none")), 2, /there is no such file/],
      ["no such context", [...as(), "--context", "none"], 2, /has no context `none`/],
    ];
    for (const [name, access, code, says] of cases) {
      const ended = await cli(["apply", ...wish, ...access]);
      assert.equal(ended.code, code, `${name}: ${ended.stderr}`);
      assert.match(ended.stderr, says, name);
      assert.doesNotMatch(ended.stderr, /fault of mesh-policy|\n {4}at /, name);
    }
    assert.equal(await there(namespace), 0);
  });

  test("a policy whose condition nobody knows is neither made nor deleted", async () => {
    const namespace = await cluster.createNamespace("conditional");
    const write = (/** @type {string} */ name, /** @type {string} */ text) => {
      writeFileSync(join(dir, name), text);
      return join(dir, name);
    };
    const file = write("shop.yaml", `
applications: {web: {charm: web}, api: {charm: api}, beacon: {charm: istio-beacon-k8s}}
relations: [[web:api, api:api], [api:service-mesh, beacon:service-mesh]]
`);
    const charm = (/** @type {string} */ when) =>
      write("api.yaml", `
charm: api
provides: {api: {interface: http}}
requires: {service-mesh: {interface: service_mesh}}
policies:
- {kind: app, relation: api, endpoints: [{ports: [8080]}]}
- {kind: app, relation: api, endpoints: [{ports: [9090]}]${when}}
`);
    const wish = (/** @type {string} */ when) => [`${namespace}=${file}`, "--charms", charm(when), ...as()];
    const unknown = ', when: "the moon is full"';
    const first = await cli(["apply", ...wish(unknown)]);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /neither made nor deleted: the input does not say whether `the moon is full` holds/);
    assert.equal(await there(namespace), 1);
    // Now it holds, and then nobody knows any more.
    assert.equal((await cli(["apply", ...wish("")])).code, 0);
    const items = await existing(cluster, namespace, labelsOf(namespace));
    assert.equal(items.length, 2);
    const planned = await cli(["plan", ...wish(unknown), "--exit-code"]);
    assert.equal(planned.code, 0, planned.stdout);
    assert.equal((await cli(["apply", ...wish(unknown)])).code, 0);
    assert.deepEqual(versions(await existing(cluster, namespace, labelsOf(namespace))), versions(items));
  });

  test("a policy that cannot be made is named; the others are applied, and nothing is deleted", async () => {
    const namespace = await cluster.createNamespace("dropped");
    const file = join(dir, "policies.json");
    const policy = (/** @type {string} */ source, /** @type {object} */ more) => ({
      source_namespace: namespace, source_app_name: source, target_namespace: namespace, target_app_name: "api",
      target_selector_labels: null, target_service: null, target_type: "unit", endpoints: [{ ports: [80] }], ...more,
    });
    const wish = (/** @type {object[]} */ ...policies) => {
      writeFileSync(file, JSON.stringify(policies));
      return ["--databags", `${namespace}=${file}`, ...as()];
    };
    const labels = beaconLabels({ appName: "istio-beacon-k8s", modelName: namespace });
    assert.equal((await cli(["apply", ...wish(policy("a", {}))])).code, 0);
    const http = { endpoints: [{ ports: [80], methods: ["GET"] }] };
    const ended = await cli(["apply", ...wish(policy("a", http), policy("b", {}))]);
    assert.equal(ended.code, 1, ended.stderr);
    assert.match(ended.stderr, /unit-policy-with-http/);
    assert.match(ended.stdout, /1 created, 0 updated, 0 deleted/);
    assert.equal((await existing(cluster, namespace, labels)).length, 2);
    assert.equal((await cli(["apply", ...wish(policy("b", {}))])).code, 0);
    assert.equal((await existing(cluster, namespace, labels)).length, 1);
  });

  test("a namespace that does not exist is named; the others' policies are applied", async () => {
    const namespace = await cluster.createNamespace("present");
    const ended = await cli(["apply", ...bundle("not-there-at-all", 2), ...bundle(namespace, 2), ...as()]);
    assert.equal(ended.code, 3);
    assert.match(ended.stderr, /not-there-at-all/);
    assert.equal(await there(namespace), 2);
  });
});

describe("a run that ends early", () => {
  const SIZE = 600;

  for (const [signal, at] of /** @type {[NodeJS.Signals, number][]} */ ([["SIGKILL", 1], ["SIGKILL", 150], ["SIGKILL", 400]])) {
    test(`${signal} after ${at} of ${SIZE} policies, then a rerun`, async () => {
      const namespace = await cluster.createNamespace("killed");
      // What was there before, and must go.
      await cli(["apply", ...bundle(namespace, 5), ...as()]);
      await cli(["apply", ...bundle(namespace, 0), ...as()]);
      const cut = await cli(["apply", ...bundle(namespace, SIZE), ...as()], {
        during: async (child) => {
          await until("some are made", async () => ((await quickly(namespace)) >= at ? true : undefined), { everyMs: 5 });
          child.kill(signal);
        },
      });
      assert.equal(cut.signal, signal);
      const between = await there(namespace);
      assert.ok(between < SIZE, "it was over before it was killed");
      const rerun = await cli(["apply", ...bundle(namespace, SIZE), ...as(), "-o", "json"]);
      assert.equal(rerun.code, 0, rerun.stderr);
      assert.ok(JSON.parse(rerun.stdout).runs[0].done.unchanged >= between);
      assert.equal(await there(namespace), SIZE);
      const unchanged = await cli(["plan", ...bundle(namespace, SIZE), ...as(), "--exit-code"]);
      assert.equal(unchanged.code, 0, unchanged.stdout);
    });
  }

  test("SIGINT: it waits for what is out, says what was done, exits with 130, and can be run again", async () => {
    const namespace = await cluster.createNamespace("interrupted");
    const cut = await cli(["apply", ...bundle(namespace, SIZE), ...as()], {
      during: async (child) => {
        await until("some are made", async () => ((await quickly(namespace)) >= 100 ? true : undefined), { everyMs: 5 });
        child.kill("SIGINT");
      },
    });
    assert.equal(cut.code, 130, cut.stderr);
    const done = Number(/done before: (\d+) created, 0 updated, 0 deleted/.exec(cut.stderr)?.[1]);
    assert.ok(done >= 100 && done < SIZE, cut.stderr);
    assert.doesNotMatch(cut.stderr, /not known/);
    assert.equal(await there(namespace), done);
    assert.equal((await cli(["apply", ...bundle(namespace, SIZE), ...as()])).code, 0);
    assert.equal(await there(namespace), SIZE);
  });
});

describe("labels", () => {
  /** @param {string} namespace */
  async function application(namespace) {
    const labels = { "app.kubernetes.io/name": "web" };
    const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } };
    for (const [path, body] of /** @type {const} */ ([
      [`/apis/apps/v1/namespaces/${namespace}/statefulsets`, { metadata: { name: "web" }, spec: { serviceName: "web", selector: { matchLabels: labels }, template } }],
      [`/api/v1/namespaces/${namespace}/services`, { metadata: { name: "web", labels: { foreign: "kept" } }, spec: { ports: [{ port: 80 }] } }],
    ])) {
      const made = await cluster.request("POST", path, { body });
      assert.equal(made.status, 201, made.text);
    }
  }

  /** @param {string} namespace */
  async function state(namespace) {
    const get = async (/** @type {string} */ path) => (await cluster.request("GET", path)).json;
    const [set, service, config] = [
      await get(`/apis/apps/v1/namespaces/${namespace}/statefulsets/web`),
      await get(`/api/v1/namespaces/${namespace}/services/web`),
      await get(`/api/v1/namespaces/${namespace}/configmaps/juju-service-mesh-web-labels`),
    ];
    return {
      pods: set.spec.template.metadata.labels,
      service: service.metadata.labels,
      ledger: config.kind === "ConfigMap" ? JSON.parse(config.data.labels) : undefined,
      versions: versions([set, service, ...(config.kind === "ConfigMap" ? [config] : [])]),
      generation: set.metadata.generation,
    };
  }

  test("with the Role of the docs: plan, set, unchanged, change, remove", async () => {
    const namespace = await cluster.createNamespace("labels");
    await application(namespace);
    await grant(2, namespace, "web");
    await allowed(namespace, `/api/v1/namespaces/${namespace}/services/web`);
    const run = (/** @type {string[]} */ ...args) => cli(["labels", "web", ...args, "--namespace", namespace, ...as(cluster.userKubeconfig)]);

    const planned = await run("a=1", "b=2", "--plan", "--exit-code");
    assert.equal(planned.code, 1, planned.stderr);
    assert.match(planned.stdout, new RegExp(`restarts the pods of StatefulSet ${namespace}/web`));
    assert.equal((await state(namespace)).ledger, undefined);

    const set = await run("a=1", "b=2");
    assert.equal(set.code, 0, set.stderr);
    const first = await state(namespace);
    const own = { "app.kubernetes.io/name": "web" };
    assert.deepEqual(first.pods, { ...own, a: "1", b: "2" });
    assert.deepEqual(first.service, { foreign: "kept", a: "1", b: "2" });
    assert.deepEqual(first.ledger, { a: "1", b: "2" });

    assert.equal((await run("a=1", "b=2")).code, 0);
    assert.deepEqual(await state(namespace), first);

    assert.equal((await run("b=3")).code, 0);
    const second = await state(namespace);
    assert.deepEqual([second.pods, second.service, second.ledger], [{ ...own, b: "3" }, { foreign: "kept", b: "3" }, { b: "3" }]);
    assert.equal(second.generation, first.generation + 1);

    const removed = await run("--remove");
    assert.equal(removed.code, 0, removed.stderr);
    const last = await state(namespace);
    assert.deepEqual([last.pods, last.service, last.ledger], [own, { foreign: "kept" }, undefined]);
    assert.equal((await run("--remove")).code, 0);
  });

  test("an application that is not there", async () => {
    const namespace = await cluster.createNamespace("labels");
    const ended = await cli(["labels", "none", "a=1", "--namespace", namespace, ...as()]);
    assert.equal(ended.code, 3);
    assert.match(ended.stderr, /none/);
  });

  test("wrong use", async () => {
    for (const args of [["web"], ["web", "a"], ["web", "a=1", "a=2"], ["web", "a=1", "--remove"]]) {
      assert.equal((await cli(["labels", ...args, ...as()])).code, 2, args.join(" "));
    }
  });
});

describe("reading a mesh", () => {
  test("with the ClusterRole of the docs, and without any right", async () => {
    const namespace = await cluster.createNamespace("read");
    await cli(["apply", ...bundle(namespace, 3), ...as()]);
    const client = new KubernetesClient({ kubeconfig: cluster.userKubeconfig });
    const failure = await readMesh({ client, namespaces: [namespace] }).catch((error) => error);
    assert.ok(failure instanceof KubernetesError ? failure.code === "kubernetes-forbidden" : failure.unknown.length > 0, String(failure));

    const revoke = await grant(3, namespace);
    await allowed(namespace, "/api/v1/namespaces");
    const { manifests, unknown } = await readMesh({ client, namespaces: [namespace] });
    /** @type {{ kind: string, metadata: { name: string, namespace?: string } }[]} */
    const items = JSON.parse(manifests).items;
    assert.equal(items.filter(({ kind }) => kind === "AuthorizationPolicy").length, 3);
    assert.ok(items.some(({ kind, metadata }) => kind === "Namespace" && metadata.name === namespace));
    assert.ok(items.every(({ metadata }) => [namespace, "istio-system", undefined].includes(metadata.namespace)));
    assert.doesNotMatch(JSON.stringify(unknown), /forbidden/i);
    assert.ok(JSON.parse((await readMesh({ client })).manifests).items.length >= items.length);
    client.close();
    await revoke();
  });
});

describe("without Istio", { skip: process.env.KUBECONFIG_TEST ? "KUBECONFIG_TEST is set: this takes Istio away" : false }, () => {
  test("apply says what is missing, delete has nothing to do", async () => {
    const namespace = await cluster.createNamespace("bare");
    const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/authorizationpolicies.security.istio.io";
    assert.equal((await cluster.request("DELETE", path)).status, 200);
    await until("the kind is gone", async () => ((await cluster.request("GET", collection(namespace))).status === 404 ? true : undefined));
    const applied = await cli(["apply", ...bundle(namespace, 1), ...as()]);
    assert.equal(applied.code, 3);
    assert.match(applied.stderr, /error\[missing-crd\]: the cluster does not know AuthorizationPolicy/);
    assert.match(applied.stderr, /help: install Istio/);
    const deleted = await cli(["delete", ...bundle(namespace, 1), ...as()]);
    assert.equal(deleted.code, 0, deleted.stderr);
  });
});
