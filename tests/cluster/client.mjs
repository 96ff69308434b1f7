// The least that tests need to talk to an API server: one request, and kubectl.

import { spawn } from "node:child_process";
import { Agent, request as httpsRequest } from "node:https";
import { setTimeout as delay } from "node:timers/promises";

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {string} text
 * @property {any} json The body parsed; undefined where it is not JSON.
 *
 * @typedef {object} RequestOptions
 * @property {string} [token] Default: the admin's.
 * @property {unknown} [body] A string goes as it is, anything else as JSON.
 * @property {string} [contentType] Default `application/json`.
 *
 * @typedef {(method: string, path: string, options?: RequestOptions) => Promise<Answer>} Request
 *
 * @typedef {object} Output
 * @property {number} code
 * @property {string} stdout
 * @property {string} stderr
 */

/**
 * @param {{ server: string, ca?: string | undefined, serverName?: string | undefined, token: () => string }} to
 * @returns {{ request: Request, close: () => void }}
 */
export function client({ server, ca, serverName, token }) {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 16,
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  });
  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} options
   * @returns {Promise<Answer & { retryAfter: string | undefined }>}
   */
  const once = (method, path, options) =>
      new Promise((resolve, reject) => {
        const body =
          options.body === undefined || typeof options.body === "string"
            ? options.body
            : JSON.stringify(options.body);
        const outgoing = httpsRequest(
          `${server}${path}`,
          {
            method,
            agent,
            timeout: 30_000,
            headers: {
              Accept: "application/json",
              Authorization: `Bearer ${options.token ?? token()}`,
              ...(body === undefined
                ? {}
                : {
                    "Content-Type": options.contentType ?? "application/json",
                    "Content-Length": Buffer.byteLength(body),
                  }),
            },
          },
          (incoming) => {
            let text = "";
            incoming.setEncoding("utf8");
            incoming.on("data", (part) => (text += part));
            incoming.once("error", reject);
            incoming.once("end", () => {
              let json;
              try {
                json = JSON.parse(text);
              } catch {
                // `/readyz` and the like answer in plain text.
              }
              const retryAfter = incoming.headers["retry-after"];
              resolve({ status: incoming.statusCode ?? 0, text, json, retryAfter });
            });
          },
        );
        outgoing.once("timeout", () => outgoing.destroy(new Error("no answer within 30 s")));
        outgoing.once("error", reject);
        outgoing.end(body);
      });
  return {
    // "429, Retry-After" is an API server's word that it did nothing yet: its storage for a kind
    // is still being made, which a busy machine can see after the CRD is established.
    request: async (method, path, options = {}) => {
      for (let tries = 0; ; tries += 1) {
        const { retryAfter, ...answer } = await once(method, path, options);
        const seconds = Number(retryAfter);
        if (answer.status !== 429 || !(seconds > 0) || tries === 30) return answer;
        await delay(Math.min(seconds, 5) * 1000);
      }
    },
    close: () => agent.destroy(),
  };
}

/**
 * Runs a program to its end.
 *
 * @param {string[]} command
 * @param {{ stdin?: string | undefined, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<Output>}
 */
export function run(command, { stdin = "", env = process.env } = {}) {
  const [program, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(/** @type {string} */ (program), args, {
      env,
      stdio: ["pipe", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (part) => (stdout += part));
    child.stderr.setEncoding("utf8").on("data", (part) => (stderr += part));
    // It may well end without having read what we send.
    child.stdin.on("error", () => {});
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
    child.stdin.end(stdin);
  });
}

/**
 * A kubeconfig with one user and one context, as JSON, which is YAML.
 *
 * @param {Record<string, unknown>} cluster
 * @param {string} user
 * @param {string} token
 */
export function kubeconfigText(cluster, user, token) {
  return JSON.stringify(
    {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "mesh-cluster", cluster }],
      users: [{ name: user, user: { token } }],
      contexts: [{ name: user, context: { cluster: "mesh-cluster", user } }],
      "current-context": user,
    },
    null,
    2,
  );
}

/**
 * `kubectl` that reads no settings but those given: no ~/.kube.
 *
 * @param {string[]} program
 * @param {string} kubeconfig
 * @param {string} cacheDir
 * @returns {(args: string[], stdin?: string) => Promise<Output>}
 */
export function kubectlWith(program, kubeconfig, cacheDir) {
  const env = { ...process.env, KUBECACHEDIR: cacheDir, KUBERC: "off", KUBECONFIG: kubeconfig };
  return (args, stdin) => run([...program, ...args], { stdin, env });
}
