// What the tests of policies on a cluster have in common: wishes, managers, and what is really there.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

import { KubernetesClient, PolicyResourceManager } from "../../host/kubernetes.js";
import { beaconLabels } from "../../host/index.js";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/**
 * @typedef {import("./start.mjs").Cluster} Cluster
 * @typedef {import("../../pkg/mesh_policy.js").MeshPolicy} MeshPolicy
 */

/**
 * @param {string} namespace
 */
export const collection = (namespace) =>
  `/apis/security.istio.io/v1/namespaces/${namespace}/authorizationpolicies`;

/**
 * One client application may reach one server.
 *
 * @param {string} namespace
 * @param {string} source
 * @param {{ port?: number, target?: string, path?: string }} [more]
 * @returns {MeshPolicy}
 */
export const meshPolicy = (namespace, source, { port = 8080, target = "server", path = "/api" } = {}) => ({
  source_namespace: namespace,
  source_app_name: source,
  target_namespace: namespace,
  target_app_name: target,
  target_selector_labels: null,
  target_service: null,
  target_type: "app",
  endpoints: [{ hosts: null, ports: [port], methods: ["GET"], paths: [path] }],
});

/**
 * @param {string} namespace
 * @param {number} count
 * @param {{ targets?: number }} [more] how many servers they are spread over
 */
export const meshPolicies = (namespace, count, { targets = 1 } = {}) =>
  Array.from({ length: count }, (_, index) =>
    meshPolicy(namespace, `client-${index}`, { target: targets === 1 ? "server" : `server-${index % targets}` }),
  );

/**
 * A manager as the beacon of the model `namespace` has it, and the client under it.
 *
 * @param {Cluster} cluster
 * @param {string} namespace
 * @param {object} [more]
 * @param {string} [more.app]
 * @param {string} [more.kubeconfig] Default: the admin's.
 * @param {string} [more.fieldManager]
 * @param {import("../../host/kubernetes.js").Client} [more.client]
 * @param {(request: import("../../host/kubernetes.js").KubeRequest) => void} [more.onRequest]
 */
export function beacon(cluster, namespace, { app = "beacon", kubeconfig, fieldManager, client, onRequest } = {}) {
  const lightkubeClient = client ?? new KubernetesClient({ kubeconfig: kubeconfig ?? cluster.kubeconfig });
  const labels = beaconLabels({ appName: app, modelName: namespace });
  const manager = new PolicyResourceManager({
    charm: { app: { name: app }, model: { name: namespace } },
    lightkubeClient,
    labels,
    ...(fieldManager === undefined ? {} : { fieldManager }),
    ...(onRequest === undefined ? {} : { onRequest }),
  });
  return { manager, labels, close: () => lightkubeClient.close?.() };
}

/**
 * @param {Cluster} cluster
 * @param {string} namespace
 * @param {Record<string, string>} [labels]
 * @returns {Promise<any[]>}
 */
export async function existing(cluster, namespace, labels = {}) {
  const selector = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const query = `?labelSelector=${encodeURIComponent(selector.join(","))}`;
  const { json, status, text } = await cluster.request("GET", `${collection(namespace)}${query}`);
  if (status !== 200) throw new Error(text);
  return json.items;
}

/** What must not have changed when nothing was written. @param {any[]} items */
export const versions = (items) =>
  Object.fromEntries(items.map(({ metadata }) => [metadata.name, `${metadata.uid} ${metadata.resourceVersion}`]));

/** @param {any[]} items */
export const specs = (items) => Object.fromEntries(items.map(({ metadata, spec }) => [metadata.name, spec]));

/**
 * Runs the command line to its end.
 *
 * @param {string[]} args
 * @param {{ stdin?: string, env?: NodeJS.ProcessEnv, during?: (child: import("node:child_process").ChildProcess) => Promise<void> }} [options]
 * @returns {Promise<{ code: number | null, signal: NodeJS.Signals | null, stdout: string, stderr: string, ms: number }>}
 */
export function cli(args, { stdin = "", env = process.env, during } = {}) {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [`${ROOT}host/cli.js`, ...args], { cwd: ROOT, env, stdio: ["pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (part) => (stdout += part));
    child.stderr.setEncoding("utf8").on("data", (part) => (stderr += part));
    child.stdin.on("error", () => {});
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr, ms: performance.now() - started }));
    child.stdin.end(stdin);
    during?.(child).catch((error) => {
      child.kill("SIGKILL");
      reject(error);
    });
  });
}
