// The interface of start.mjs over a cluster that somebody already has. Nothing
// is installed into it: Istio and its CRDs must be there. What tests make lies
// in namespaces of their own, and stop() deletes those.

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { client, kubeconfigText, kubectlWith } from "./client.mjs";
import { createNamespace, judged } from "./contents.mjs";
import { removeFolder, until, whenWeEnd } from "./processes.mjs";
import { BINARY } from "./programs.mjs";

const NEEDED = [
  "authorizationpolicies.security.istio.io",
  "peerauthentications.security.istio.io",
  "gateways.gateway.networking.k8s.io",
];

/** No build is asked of who has a cluster: any kubectl will do. */
function findKubectl() {
  const assets = process.env.KUBEBUILDER_ASSETS;
  if (assets) return [join(assets, "kubectl")];
  return existsSync(BINARY) ? [BINARY, "kubectl"] : ["kubectl"];
}

/**
 * @param {string} path Of a kubeconfig whose current context may create cluster role bindings.
 * @param {string} [parent]
 * @returns {Promise<import("./start.mjs").Cluster>}
 */
export async function useCluster(path, parent) {
  const started = performance.now();
  const dir = mkdtempSync(join(resolve(parent ?? tmpdir()), "mesh-cluster-"));
  const program = findKubectl();
  const cache = join(dir, "kubectl");
  mkdirSync(cache);
  const asOwner = kubectlWith(program, path, cache);
  /** @type {(args: string[], stdin?: string) => Promise<string>} */
  const owner = async (args, stdin) => {
    const { code, stdout, stderr } = await asOwner(args, stdin);
    if (code !== 0) throw new Error(`KUBECONFIG_TEST: kubectl ${args[0]}: ${stderr.trim()}`);
    return stdout;
  };

  // One name for all that is ours there, so that nothing else can be meant.
  const home = `mesh-policy-test-${randomBytes(4).toString("hex")}`;
  const namespaces = [home];
  const leftovers = () => [
    ["delete", "clusterrolebinding", home, "--ignore-not-found", "--wait=false"],
    ["delete", "namespace", ...namespaces, "--ignore-not-found", "--wait=false"],
  ];
  const withdraw = whenWeEnd(() => {
    const [name, ...first] = /** @type {[string, ...string[]]} */ (program);
    for (const args of leftovers()) {
      spawnSync(name, [...first, `--kubeconfig=${path}`, ...args], { timeout: 20_000 });
    }
    removeFolder(dir);
  });
  const clear = async () => {
    for (const args of leftovers()) await asOwner(args);
    withdraw();
    removeFolder(dir);
  };

  try {
    const access = await readAccess(owner);
    await owner(["apply", "-f", "-"], JSON.stringify(accounts(home)));
    const [adminToken, userToken] = await Promise.all(
      ["admin", "mesh-policy"].map(async (name) =>
        (await owner(["create", "token", name, `--namespace=${home}`, "--duration=6h"])).trim(),
      ),
    );
    if (!adminToken || !userToken) throw new Error("KUBECONFIG_TEST: kubectl made no token");
    const { request, close } = client({
      server: access.server,
      ca: access.ca,
      serverName: access.serverName,
      token: () => adminToken,
    });
    await until(
      `the service account admin of ${home} may do everything`,
      async () => ((await request("GET", "/api/v1/namespaces")).status === 200 ? true : undefined),
      { seconds: 20 },
    );
    for (const name of NEEDED) {
      const crd = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
      if ((await request("GET", crd)).status !== 200) {
        throw new Error(`the cluster of KUBECONFIG_TEST has no CRD ${name}: install Istio first`);
      }
    }

    const kubeconfig = join(dir, "admin.kubeconfig");
    const userKubeconfig = join(dir, "mesh-policy.kubeconfig");
    writeFileSync(kubeconfig, kubeconfigText(access.entry, "admin", adminToken), { mode: 0o600 });
    writeFileSync(userKubeconfig, kubeconfigText(access.entry, "mesh-policy", userToken), {
      mode: 0o600,
    });
    const caFile = access.ca === undefined ? undefined : join(dir, "ca.crt");
    if (caFile !== undefined) writeFileSync(caFile, /** @type {string} */ (access.ca));
    const notOurs = () => {
      throw new Error("the cluster of KUBECONFIG_TEST is not ours to inspect, kill or restart");
    };
    /** @type {Promise<void> | undefined} */
    let stopped;
    return {
      kind: "existing",
      server: access.server,
      url: access.server,
      ca: access.ca,
      caFile,
      adminToken,
      userToken,
      user: { kind: "ServiceAccount", name: "mesh-policy", namespace: home },
      kubeconfig,
      userKubeconfig,
      dir,
      webhook: (await judged(request)) ? "the cluster's own webhook" : undefined,
      milliseconds: { connect: Math.round(performance.now() - started) },
      request,
      kubectl: kubectlWith(program, kubeconfig, cache),
      createNamespace: async (prefix) => {
        const name = await createNamespace(request, prefix);
        namespaces.push(name);
        return name;
      },
      requestLog: async () => notOurs(),
      pid: notOurs,
      kill: async () => notOurs(),
      restart: async () => notOurs(),
      stop: () => {
        close();
        return (stopped ??= clear());
      },
    };
  } catch (error) {
    await clear();
    throw error;
  }
}

/**
 * @param {(args: string[]) => Promise<string>} owner
 */
async function readAccess(owner) {
  const view = JSON.parse(
    await owner(["config", "view", "--raw", "--minify", "--flatten", "-o", "json"]),
  );
  /** @type {Record<string, any>} */
  const entry = view.clusters[0].cluster;
  const server = String(entry.server).replace(/\/+$/, "");
  if (!server.startsWith("https:")) {
    throw new Error(`KUBECONFIG_TEST: \`${server}\` is not https; tokens cannot be sent to it`);
  }
  if (entry["insecure-skip-tls-verify"]) {
    throw new Error("KUBECONFIG_TEST: tests need the cluster's certificate-authority");
  }
  /** @type {string | undefined} */
  const data = entry["certificate-authority-data"];
  /** @type {string | undefined} */
  const serverName = entry["tls-server-name"];
  return {
    entry,
    server,
    serverName,
    ca: data === undefined ? undefined : Buffer.from(data, "base64").toString("utf8"),
  };
}

/** @param {string} home */
const accounts = (home) => ({
  apiVersion: "v1",
  kind: "List",
  items: [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: home } },
    ...["admin", "mesh-policy"].map((name) => ({
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name, namespace: home },
    })),
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: home },
      roleRef: {
        apiGroup: "rbac.authorization.k8s.io",
        kind: "ClusterRole",
        name: "cluster-admin",
      },
      subjects: [{ kind: "ServiceAccount", name: "admin", namespace: home }],
    },
  ],
});
