// The cluster itself: it starts, judges as Istio does, forbids what no role
// allows, and leaves nothing behind however its owner ends.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { until } from "./processes.mjs";
import { BINARY } from "./programs.mjs";
import { startCluster } from "./start.mjs";

/** @type {import("./start.mjs").Part[]} */
const PARTS = ["etcd", "apiserver", "webhook"];
const SKIP_EXISTING = process.env.KUBECONFIG_TEST
  ? "KUBECONFIG_TEST is set: this needs a cluster of our own"
  : false;

/**
 * @param {string} name
 * @param {object} spec
 */
const policy = (name, spec) => ({
  apiVersion: "security.istio.io/v1",
  kind: "AuthorizationPolicy",
  metadata: { name },
  spec,
});

/** @param {string} namespace */
const policies = (namespace) =>
  `/apis/security.istio.io/v1/namespaces/${namespace}/authorizationpolicies`;

const from = [{ source: { principals: ["cluster.local/ns/a/sa/a"] } }];
const service = { kind: "Service", group: "", name: "web" };

/** What the CRD alone lets through, and a word of Istio's reason. */
const REFUSED = [
  {
    name: "a port that is no number",
    says: /bad port \(http\)/,
    spec: { targetRefs: [service], rules: [{ from, to: [{ operation: { ports: ["http"] } }] }] },
  },
  {
    name: "an empty operation",
    says: /`to.operation` must not be empty/,
    spec: { targetRefs: [service], rules: [{ from, to: [{ operation: {} }] }] },
  },
  {
    name: "a bad path template",
    says: /invalid or unsupported path/,
    spec: {
      targetRefs: [service],
      rules: [{ from, to: [{ operation: { paths: ["/a/{**}/{*}"] } }] }],
    },
  },
  {
    name: "DENY without rules",
    says: /DENY action without `rules`/,
    spec: { targetRefs: [service], action: "DENY" },
  },
  {
    name: "a target that is a Deployment",
    says: /targetRef must be to one of/,
    spec: { targetRefs: [{ kind: "Deployment", group: "apps", name: "web" }], rules: [{ from }] },
  },
];

/**
 * Whether a process is no more. A dead one that nobody waited for counts as gone.
 * @param {number} pid
 */
function gone(pid) {
  if (existsSync("/proc/self/stat")) {
    try {
      return / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
    } catch {
      return true;
    }
  }
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

/**
 * Resident memory in MB, where the system tells.
 * @param {number} pid
 */
function megabytes(pid) {
  try {
    const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return found ? Math.round(Number(found[1]) / 1024) : undefined;
  } catch {
    return undefined;
  }
}

/** @param {import("./start.mjs").Cluster} cluster */
const pids = (cluster) => PARTS.map((part) => cluster.pid(part));

describe("a cluster", () => {
  /** @type {import("./start.mjs").Cluster} */
  let cluster;
  /** @type {string} */
  let namespace;

  before(async () => {
    const started = performance.now();
    cluster = await startCluster({ requestLog: true });
    const steps = Object.entries(cluster.milliseconds).map(([step, ms]) => `${step} ${ms} ms`);
    console.log(
      `${cluster.kind} cluster ready in ${Math.round(performance.now() - started)} ms: ${steps.join(", ")}`,
    );
    namespace = await cluster.createNamespace("cluster-test");
  });
  after(() => cluster?.stop());

  test("serves and knows its version", async () => {
    const version = await cluster.request("GET", "/version");
    assert.equal(version.status, 200);
    assert.match(version.json.gitVersion, /^v1\.\d+/);
    console.log(`kube-apiserver ${version.json.gitVersion}, judge: ${cluster.webhook}`);
  });

  test("serves every kind that tests need", async () => {
    for (const path of [
      "/apis/security.istio.io/v1/authorizationpolicies",
      "/apis/security.istio.io/v1/peerauthentications",
      "/apis/gateway.networking.k8s.io/v1/gateways",
      "/apis/apps/v1/statefulsets",
      "/api/v1/services",
    ]) {
      assert.equal((await cluster.request("GET", path)).status, 200, path);
    }
  });

  test("accepts a good policy", async () => {
    const spec = {
      targetRefs: [service],
      action: "ALLOW",
      rules: [{ from, to: [{ operation: { ports: ["8080"], methods: ["GET"], paths: ["/a/{*}"] } }] }],
    };
    const made = await cluster.request("POST", policies(namespace), { body: policy("good", spec) });
    assert.equal(made.status, 201, made.text);
    const read = await cluster.request("GET", `${policies(namespace)}/good`);
    assert.deepEqual(read.json.spec, spec);
  });

  for (const { name, says, spec } of REFUSED) {
    test(`refuses ${name}, by Istio's word`, async (t) => {
      if (cluster.webhook === undefined) return t.skip("the cluster has no Istio webhook");
      const answer = await cluster.request("POST", policies(namespace), {
        body: policy("bad", spec),
      });
      assert.equal(answer.status, 400, answer.text);
      assert.match(answer.json.message, /^admission webhook ".*istio.*" denied the request/);
      assert.match(answer.json.message, says);
      const read = await cluster.request("GET", `${policies(namespace)}/bad`);
      assert.equal(read.status, 404);
    });
  }

  test("kubectl works, and hands on what it reads", async () => {
    const applied = await cluster.kubectl(
      ["apply", "--server-side", "--namespace", namespace, "-f", "-", "-o", "name"],
      JSON.stringify(policy("by-kubectl", { targetRefs: [service], rules: [{ from }] })),
    );
    assert.deepEqual(applied, {
      code: 0,
      stdout: "authorizationpolicy.security.istio.io/by-kubectl\n",
      stderr: "",
    });
    const missing = await cluster.kubectl(["get", "configmap", "none", "--namespace", namespace]);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /NotFound/);
  });

  test("the least-privilege user may do nothing until a role says so", async () => {
    const list = () =>
      cluster.request("GET", policies(namespace), { token: cluster.userToken });
    const refused = await list();
    assert.equal(refused.status, 403, refused.text);
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
    await cluster.request("POST", `${rbac}/roles`, {
      body: {
        metadata: { name: "reader" },
        rules: [
          { apiGroups: ["security.istio.io"], resources: ["authorizationpolicies"], verbs: ["list"] },
        ],
      },
    });
    const bound = await cluster.request("POST", `${rbac}/rolebindings`, {
      body: {
        metadata: { name: "reader" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reader" },
        subjects: [cluster.user],
      },
    });
    assert.equal(bound.status, 201, bound.text);
    // The authorizer learns of the binding by a watch.
    await until(
      "the role takes effect",
      async () => ((await list()).status === 200 ? true : undefined),
      { seconds: 10 },
    );
    const write = await cluster.request("POST", policies(namespace), {
      token: cluster.userToken,
      body: policy("not-allowed", { targetRefs: [service], rules: [{ from }] }),
    });
    assert.equal(write.status, 403, write.text);
  });

  test("a stranger is told to say who it is", async () => {
    const answer = await cluster.request("GET", policies(namespace), { token: "wrong" });
    assert.equal(answer.status, 401);
  });

  test("logs what reached it, with the answer's code", { skip: SKIP_EXISTING }, async () => {
    const earlier = (await cluster.requestLog()).length;
    await cluster.request("GET", `${policies(namespace)}?limit=5`);
    await cluster.request("DELETE", `${policies(namespace)}/none`);
    const seen = (await cluster.requestLog()).slice(earlier);
    assert.deepEqual(
      seen.map(({ user, verb, path, code }) => ({ user, verb, path, code })),
      [
        {
          user: "mesh-cluster-admin",
          verb: "list",
          path: `${policies(namespace)}?limit=5`,
          code: 200,
        },
        {
          user: "mesh-cluster-admin",
          verb: "delete",
          path: `${policies(namespace)}/none`,
          code: 404,
        },
      ],
    );
  });

  test("without its webhook nothing of Istio's is written", { skip: SKIP_EXISTING }, async () => {
    const body = policy("no-judge", { targetRefs: [service], rules: [{ from }] });
    await cluster.kill("webhook");
    const answer = await cluster.request("POST", policies(namespace), { body });
    assert.equal(answer.status, 500);
    assert.match(answer.text, /failed calling webhook/);
    await cluster.restart("webhook");
    assert.equal((await cluster.request("POST", policies(namespace), { body })).status, 201);
  });

  test("a restarted server and store keep what was written", { skip: SKIP_EXISTING }, async () => {
    const started = performance.now();
    const old = cluster.pid("apiserver");
    await cluster.restart("apiserver");
    assert.notEqual(cluster.pid("apiserver"), old);
    assert.ok(gone(old));
    const restarted = Math.round(performance.now() - started);
    await cluster.restart("etcd");
    const read = await until(
      "the server has found its store again",
      async () => {
        const answer = await cluster.request("GET", `${policies(namespace)}/good`);
        return answer.status < 500 ? answer : undefined;
      },
      { seconds: 30 },
    );
    assert.equal(read.status, 200, read.text);
    console.log(`apiserver restarted in ${restarted} ms`);
  });

  test("the memory it takes", { skip: SKIP_EXISTING }, async () => {
    const used = PARTS.map((part) => `${part} ${megabytes(cluster.pid(part)) ?? "?"} MB`);
    console.log(used.join(", "));
    assert.equal(pids(cluster).filter(gone).length, 0);
  });

  test("can be used as a cluster of the user's own", { skip: SKIP_EXISTING }, async () => {
    process.env.KUBECONFIG_TEST = cluster.kubeconfig;
    let theirs;
    try {
      theirs = await startCluster();
    } finally {
      delete process.env.KUBECONFIG_TEST;
    }
    try {
      assert.equal(theirs.kind, "existing");
      assert.equal(theirs.server, cluster.server);
      assert.equal(theirs.webhook, "the cluster's own webhook");
      const inside = await theirs.createNamespace("theirs");
      const body = policy("good", { targetRefs: [service], rules: [{ from }] });
      const made = await theirs.request("POST", policies(inside), { body });
      assert.equal(made.status, 201, made.text);
      const refused = await theirs.request("GET", policies(inside), { token: theirs.userToken });
      assert.equal(refused.status, 403);
      assert.match(refused.json.message, /system:serviceaccount:.*:mesh-policy/);
      await assert.rejects(theirs.kill("etcd"), /not ours/);
      assert.equal((await theirs.kubectl(["get", "namespace", inside])).code, 0);
      await theirs.stop();
      const left = await cluster.kubectl(["get", "namespace", inside, "-o", "json"]);
      // No controller here ever finishes the deletion; that it began is ours.
      assert.ok(JSON.parse(left.stdout).metadata.deletionTimestamp);
      const bindings = await cluster.kubectl(["get", "clusterrolebindings", "-o", "name"]);
      assert.doesNotMatch(bindings.stdout, /mesh-policy-test/);
      assert.ok(!existsSync(theirs.dir));
    } finally {
      await theirs.stop();
    }
  });
});

describe("leaves nothing behind", { skip: SKIP_EXISTING }, () => {
  /** @type {string} */
  let parent;
  before(() => {
    parent = mkdtempSync(join(tmpdir(), "mesh-cluster-test-"));
  });
  after(() => rmSync(parent, { recursive: true, force: true }));

  /**
   * @param {string} how
   * @param {number[]} all
   */
  async function nothingIsLeft(how, all) {
    await until(
      `${how} leaves nothing`,
      async () => (all.every(gone) && readdirSync(parent).length === 0 ? true : undefined),
      {
        seconds: 10,
        last: () =>
          `processes ${all.filter((pid) => !gone(pid)).join(", ") || "none"}, files ${readdirSync(parent).join(", ") || "none"}`,
      },
    );
  }

  test("stop()", async () => {
    const cluster = await startCluster({ dir: parent });
    const all = pids(cluster);
    assert.equal(all.filter(gone).length, 0);
    const started = performance.now();
    await Promise.all([cluster.stop(), cluster.stop()]);
    console.log(`stopped in ${Math.round(performance.now() - started)} ms`);
    assert.deepEqual(all.map(gone), [true, true, true]);
    assert.deepEqual(readdirSync(parent), []);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
      assert.equal(process.listenerCount(signal), 0, signal);
    }
  });

  /**
   * A process that starts a cluster and then does as told.
   * @param {string} then JavaScript
   */
  async function owner(then) {
    const code = `
      import { startCluster } from ${JSON.stringify(new URL("start.mjs", import.meta.url).href)};
      const cluster = await startCluster({ dir: ${JSON.stringify(parent)} });
      console.log(JSON.stringify(${JSON.stringify(PARTS)}.map(cluster.pid)));
      ${then}`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", code], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (part) => (stdout += part));
    child.stderr.on("data", (part) => (stderr += part));
    /** @type {Promise<{ code: number | null, signal: NodeJS.Signals | null }>} */
    const ended = new Promise((resolve) => {
      child.once("close", (code, signal) => resolve({ code, signal }));
    });
    /** @type {number[]} */
    const all = await until(
      "the owner's cluster starts",
      async () => {
        if (stdout.includes("\n")) return JSON.parse(stdout);
        if (child.exitCode !== null) throw new Error(`the owner failed: ${stderr}`);
        return undefined;
      },
      { seconds: 120 },
    );
    assert.equal(all.length, PARTS.length);
    return { child, ended, all, stderr: () => stderr };
  }

  const FOREVER = "setInterval(() => {}, 1000);";

  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGKILL"])) {
    test(`${signal} to its owner`, async () => {
      const { child, ended, all } = await owner(FOREVER);
      assert.equal(all.filter(gone).length, 0);
      child.kill(signal);
      assert.deepEqual(await ended, { code: null, signal });
      await nothingIsLeft(signal, all);
    });
  }

  test("an error that nobody catches", async () => {
    const { ended, all, stderr } = await owner('throw new Error("a test that fails");');
    assert.equal((await ended).code, 1);
    assert.match(stderr(), /a test that fails/);
    await nothingIsLeft("an error", all);
  });

  test("a forgotten stop() keeps nobody from ending", async () => {
    const { ended, all } = await owner("");
    assert.deepEqual(await ended, { code: 0, signal: null });
    await nothingIsLeft("a forgotten stop()", all);
  });

  test("the binaries of KUBEBUILDER_ASSETS take the parts", async () => {
    const assets = mkdtempSync(join(tmpdir(), "mesh-cluster-assets-"));
    for (const name of ["etcd", "kube-apiserver", "kubectl"]) {
      symlinkSync(BINARY, join(assets, name));
    }
    const theirs = process.env.KUBEBUILDER_ASSETS;
    process.env.KUBEBUILDER_ASSETS = assets;
    try {
      const { child, ended, all } = await owner(FOREVER);
      if (existsSync("/proc/self/cmdline")) {
        const server = readFileSync(`/proc/${all[1]}/cmdline`, "utf8").split("\0");
        assert.deepEqual(server.slice(1, 3), ["hold", join(assets, "kube-apiserver")]);
      }
      child.kill("SIGKILL");
      await ended;
      await nothingIsLeft("SIGKILL with foreign binaries", all);
      rmSync(join(assets, "kubectl"));
      await assert.rejects(startCluster(), /KUBEBUILDER_ASSETS=.* holds no kubectl/);
    } finally {
      if (theirs === undefined) delete process.env.KUBEBUILDER_ASSETS;
      else process.env.KUBEBUILDER_ASSETS = theirs;
      rmSync(assets, { recursive: true });
    }
  });
});
