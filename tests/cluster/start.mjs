// A real API server for tests: kube-apiserver and etcd on loopback, Istio's and
// the Gateway API's CRDs, and Istio's own validation webhook. No controllers
// run, so no pods appear: tests create the objects that they need.
//
// With KUBECONFIG_TEST set, the same interface over a user's own cluster.

import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";

import { auditArguments, readAuditLog, writeAuditPolicy } from "./audit.mjs";
import { client, kubeconfigText, kubectlWith, run } from "./client.mjs";
import {
  applyCRDs,
  createNamespace,
  judged,
  must,
  namespace,
  webhookConfiguration,
} from "./contents.mjs";
import { useCluster } from "./existing.mjs";
import { freePorts, launch, removeFolder, tail, until, whenWeEnd } from "./processes.mjs";
import { BINARY, build, programs } from "./programs.mjs";

/**
 * @typedef {"etcd" | "apiserver" | "webhook"} Part
 *
 * @typedef {object} Subject The least-privilege user as a RoleBinding names it.
 * @property {"User" | "ServiceAccount"} kind
 * @property {string} name
 * @property {string} [namespace] For a ServiceAccount.
 * @property {string} [apiGroup] For a User.
 *
 * @typedef {object} Cluster
 * @property {"own" | "existing"} kind `existing`: it came from KUBECONFIG_TEST.
 * @property {string} server `https://127.0.0.1:PORT`, no slash at the end.
 * @property {string} url The same.
 * @property {string | undefined} ca PEM; undefined only where an existing
 *   cluster's certificate is one that the system trusts.
 * @property {string | undefined} caFile The same, as a file.
 * @property {string} adminToken May do everything.
 * @property {string} userToken May do nothing until a role says so.
 * @property {Subject} user
 * @property {string} kubeconfig The admin's, as a file.
 * @property {string} userKubeconfig
 * @property {string} dir Logs and data; gone after stop().
 * @property {string | undefined} webhook Whose validation judges what is
 *   written; undefined when nobody's does (an existing cluster without istiod).
 * @property {Record<string, number>} milliseconds How long each step of the start took.
 * @property {import("./client.mjs").Request} request As the admin unless `token` says otherwise.
 * @property {(args: string[], stdin?: string) => Promise<import("./client.mjs").Output>} kubectl
 *   As the admin. Never throws for a failure of kubectl: look at `code`.
 * @property {(prefix: string) => Promise<string>} createNamespace With a name
 *   that nobody else has. On an existing cluster, stop() deletes it.
 * @property {() => Promise<import("./audit.mjs").Logged[]>} requestLog All
 *   requests so far, in the order of their arrival, as the server saw them.
 *   Needs `startCluster({ requestLog: true })`.
 * @property {(part: Part) => number} pid
 * @property {(part: Part, signal?: NodeJS.Signals) => Promise<void>} kill
 *   Default SIGKILL; returns when it is dead. SIGSTOP and SIGCONT return at once.
 * @property {(part: Part) => Promise<void>} restart Kills it if it lives, starts
 *   it again on the same port and data, and waits until it serves.
 * @property {() => Promise<void>} stop Leaves no process and no file behind.
 *
 * @typedef {object} Options
 * @property {string} [dir] Where to make the temporary folder. Default: the system's.
 * @property {boolean} [requestLog] Keep a log of requests, for `requestLog()`.
 */

const ADMIN = "mesh-cluster-admin";
/** The least-privilege user: no groups, no roles. */
const USER = "mesh-policy";

/**
 * Starts a cluster and returns when it serves, judges and can be written to.
 *
 * @param {Options} [options]
 * @returns {Promise<Cluster>}
 */
export async function startCluster(options = {}) {
  const existing = process.env.KUBECONFIG_TEST;
  if (existing) return useCluster(existing, options.dir);

  await build();
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOwn(options);
    } catch (error) {
      // Between finding a free port and using it, another took it.
      if (attempt === 3 || !String(error).includes("address already in use")) throw error;
    }
  }
}

/**
 * @param {Options} options
 * @returns {Promise<Cluster>}
 */
async function startOwn(options) {
  const dir = mkdtempSync(join(resolve(options.dir ?? tmpdir()), "mesh-cluster-"));
  /** @type {Map<Part, import("./processes.mjs").Running>} */
  const running = new Map();
  const endNow = () => {
    for (const one of running.values()) one.kill();
    removeFolder(dir);
  };
  const withdraw = whenWeEnd(endNow);
  try {
    return await startIn(dir, running, withdraw, options);
  } catch (error) {
    for (const one of running.values()) one.kill();
    await Promise.all([...running.values()].map((one) => one.exited()));
    withdraw();
    removeFolder(dir);
    throw error;
  }
}

/**
 * @param {string} dir
 * @param {Map<Part, import("./processes.mjs").Running>} running
 * @param {() => void} withdraw
 * @param {Options} options
 * @returns {Promise<Cluster>}
 */
async function startIn(dir, running, withdraw, options) {
  const clock = stopwatch();
  const certs = join(dir, "certs");
  const crds = join(dir, "crds");
  for (const [part, target] of [
    ["certs", certs],
    ["crds", crds],
  ]) {
    const made = await run([BINARY, /** @type {string} */ (part), /** @type {string} */ (target)]);
    if (made.code !== 0) throw new Error(`mesh-cluster ${part}: ${made.stderr}`);
  }
  const caFile = join(certs, "tls.crt");
  const ca = readFileSync(caFile, "utf8");
  const adminToken = randomBytes(24).toString("hex");
  const userToken = randomBytes(24).toString("hex");
  const tokens = join(dir, "tokens.csv");
  writeFileSync(
    tokens,
    `${adminToken},${ADMIN},${ADMIN},system:masters\n${userToken},${USER},${USER}\n`,
    { mode: 0o600 },
  );
  if (options.requestLog) writeAuditPolicy(dir);

  const [etcdPort, peerPort, port, webhookPort] = /** @type {[number, number, number, number]} */ (
    await freePorts(4)
  );
  const etcd = `http://127.0.0.1:${etcdPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  const server = `https://127.0.0.1:${port}`;
  const webhookUrl = `https://127.0.0.1:${webhookPort}/validate`;
  const tls = [
    `--tls-cert-file=${caFile}`,
    `--tls-private-key-file=${join(certs, "tls.key")}`,
  ];
  const found = programs();
  /** @type {Record<Part, string[]>} */
  const commands = {
    etcd: [
      ...found.etcd,
      `--data-dir=${join(dir, "etcd")}`,
      "--unsafe-no-fsync",
      "--log-level=warn",
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
    ],
    apiserver: [
      ...found.apiserver,
      `--etcd-servers=${etcd}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      `--secure-port=${port}`,
      ...tls,
      `--cert-dir=${join(dir, "run")}`,
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-signing-key-file=${join(certs, "sa.key")}`,
      `--service-account-key-file=${join(certs, "sa.key")}`,
      "--service-cluster-ip-range=10.0.0.0/24",
      `--token-auth-file=${tokens}`,
      "--authorization-mode=RBAC",
      "--anonymous-auth=true",
      "--disable-admission-plugins=ServiceAccount",
      "--endpoint-reconciler-type=none",
      "--enable-priority-and-fairness=false",
      ...(options.requestLog ? auditArguments(dir) : []),
    ],
    webhook: [...found.webhook, ...tls, `--port=${webhookPort}`],
  };
  /** @param {Part} part */
  const start = (part) => {
    // The webhook is always our own binary, so it can be the one that removes
    // the folder when we are killed.
    running.set(part, launch(part, commands[part], { dir, remove: part === "webhook" }));
  };
  /** @param {Part} part */
  const get = (part) => /** @type {import("./processes.mjs").Running} */ (running.get(part));

  const { request, close } = client({ server, ca, token: () => adminToken });
  /**
   * As until(), but a process that has ended is not waited for.
   * @type {<T>(what: string, ask: () => Promise<T | undefined>) => Promise<T>}
   */
  const watch = (what, ask) =>
    until(
      what,
      async () => {
        for (const one of running.values()) {
          if (!one.alive()) throw new Error(`${one.name} ended:\n${tail(one.log)}`);
        }
        return ask().catch(() => undefined);
      },
      { last: () => `${basename(get("apiserver").log)}:\n${tail(get("apiserver").log)}` },
    );
  const ready = () =>
    watch("the API server is ready", async () =>
      (await request("GET", "/readyz")).status === 200 ? true : undefined,
    );
  const judging = () => watch("Istio's webhook judges", () => judged(request));

  // All at once: the API server waits for etcd by itself.
  start("etcd");
  start("webhook");
  start("apiserver");
  clock.lap("processes");
  await ready();
  clock.lap("ready");
  await applyCRDs(request, watch, crds);
  clock.lap("crds");
  await must(request("POST", "/api/v1/namespaces", { body: namespace("istio-system") }));
  await must(
    request("POST", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", {
      body: webhookConfiguration(webhookUrl, ca),
    }),
  );
  await judging();
  clock.lap("webhook");

  const access = { server, "certificate-authority-data": Buffer.from(ca).toString("base64") };
  const kubeconfig = join(dir, "admin.kubeconfig");
  const userKubeconfig = join(dir, "mesh-policy.kubeconfig");
  writeFileSync(kubeconfig, kubeconfigText(access, ADMIN, adminToken), { mode: 0o600 });
  writeFileSync(userKubeconfig, kubeconfigText(access, USER, userToken), { mode: 0o600 });
  mkdirSync(join(dir, "kubectl"));

  /** @type {Promise<void> | undefined} */
  let stopped;
  return {
    kind: "own",
    server,
    url: server,
    ca,
    caFile,
    adminToken,
    userToken,
    user: { kind: "User", name: USER, apiGroup: "rbac.authorization.k8s.io" },
    kubeconfig,
    userKubeconfig,
    dir,
    webhook: "Istio's own webhook",
    milliseconds: clock.laps,
    request,
    kubectl: kubectlWith(found.kubectl, kubeconfig, join(dir, "kubectl")),
    createNamespace: (prefix) => createNamespace(request, prefix),
    requestLog: () => {
      if (options.requestLog) return readAuditLog(dir);
      throw new Error("no log of requests: start with startCluster({ requestLog: true })");
    },
    pid: (part) => get(part).pid,
    kill: async (part, signal = "SIGKILL") => {
      get(part).kill(signal);
      if (signal !== "SIGSTOP" && signal !== "SIGCONT") await get(part).exited();
    },
    restart: async (part) => {
      get(part).kill();
      await get(part).exited();
      start(part);
      await ready();
      await judging();
    },
    stop: () =>
      (stopped ??= (async () => {
        close();
        // Killed, not asked: the API server's own good-bye takes seconds, and
        // the data goes with the folder anyway.
        for (const one of running.values()) one.kill();
        await Promise.all([...running.values()].map((one) => one.exited()));
        withdraw();
        removeFolder(dir);
      })()),
  };
}

function stopwatch() {
  let last = performance.now();
  /** @type {Record<string, number>} */
  const laps = {};
  return {
    laps,
    /** @param {string} name */
    lap(name) {
      const now = performance.now();
      laps[name] = Math.round(now - last);
      last = now;
    },
  };
}
