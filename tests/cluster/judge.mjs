// Istio as a judge: what istiod thinks of policies, and what it would have a
// waypoint or sidecar enforce. No cluster is needed, only the binary.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { BINARY, build } from "./programs.mjs";

/**
 * @typedef {object} Question These policies are all there are: what does this proxy enforce?
 * @property {object[]} policies AuthorizationPolicies; without a namespace they are in `default`.
 * @property {"waypoint" | "sidecar" | "gateway" | "ztunnel"} proxy
 * @property {Workload} [workload] A ztunnel needs none.
 * @property {{ rootNamespace?: string, trustDomain?: string, trustDomainAliases?: string[] }} [settings]
 *   Default: Istio's (`istio-system`, `cluster.local`, none).
 *
 * @typedef {object} Workload
 * @property {string} namespace Of the sidecar's pod, or of the waypoint.
 * @property {Record<string, string>} [labels] Of the pod.
 * @property {string | { name: string, namespace?: string, serviceEntry?: boolean }} [service]
 *   Of a waypoint's listeners, the one for this Service. A sidecar has no use for it.
 * @property {string} [gateway] The Gateway that the waypoint or gateway is an instance of. A waypoint must have it.
 *
 * @typedef {object} Verdict
 * @property {string} name
 * @property {string} namespace
 * @property {boolean} ok Whether Istio's webhook would admit it; only then it has an effect.
 * @property {string} [error]
 * @property {string} [warning]
 *
 * @typedef {object} Filter As Envoy's configuration has it, proto field names.
 * @property {string} name
 * @property {any} typed_config
 *
 * @typedef {object} Judgement
 * @property {Verdict[]} validation In the order of the policies.
 * @property {Filter[]} filters For the HTTP connection manager, in order.
 * @property {Filter[]} tcpFilters For a TCP filter chain, in order.
 * @property {Authorization[]} [authorizations] For a ztunnel: all that istiod sends; left out when that is nothing.
 *
 * @typedef {object} Authorization
 * @property {any} authorization istio.security.Authorization, proto field names; what is not set is left out.
 * @property {Record<string, string> | null} selector `null`: istiod attaches it to no pod by labels.
 * @property {string} [warning] What istiod writes into the policy's status.
 *
 * @typedef {object} Judge
 * @property {(question: Question) => Promise<Judgement>} ask As many at a time as
 *   you like. Throws where the question itself is wrong.
 * @property {() => Promise<void>} close
 */

/** @returns {Promise<Judge>} */
export async function openJudge() {
  await build();
  const child = spawn(BINARY, ["istio-judge"], { stdio: ["pipe", "pipe", "pipe"] });
  /** @type {Map<number, { resolve: (judgement: Judgement) => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  // A forgotten close() keeps nobody from ending; an open question does.
  const all = [child, ...[child.stdin, child.stdout, child.stderr].map(socket)];
  const settle = () => all.forEach((one) => (waiting.size > 0 ? one.ref() : one.unref()));
  settle();
  let next = 0;
  let log = "";
  // Istio's own log, of interest only when the judge fails.
  child.stderr.setEncoding("utf8").on("data", (part) => (log = (log + part).slice(-4000)));
  child.stdin.on("error", () => {});
  /** @type {Promise<void>} */
  const ended = new Promise((resolve) => {
    const end = (/** @type {unknown} */ why) => {
      for (const { reject } of waiting.values()) {
        reject(new Error(`the judge ended (${why}): ${log}`));
      }
      waiting.clear();
      resolve();
    };
    child.once("close", (code, signal) => end(signal ?? `code ${code}`));
    child.once("error", end);
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { id, error, ...judgement } = JSON.parse(line);
    const asked = waiting.get(id);
    waiting.delete(id);
    settle();
    if (error === undefined) asked?.resolve(judgement);
    else asked?.reject(new Error(`the judge: ${error}`));
  });
  return {
    ask: (question) =>
      new Promise((resolve, reject) => {
        if (child.exitCode !== null || child.signalCode !== null || child.stdin.writableEnded) {
          reject(new Error(`the judge is closed: ${log}`));
          return;
        }
        const id = next++;
        waiting.set(id, { resolve, reject });
        settle();
        child.stdin.write(`${JSON.stringify({ ...question, id })}\n`);
      }),
    close: async () => {
      for (const one of all) one.ref();
      child.stdin.end();
      await ended;
    },
  };
}

/**
 * Pipes of a child are sockets, though their types do not say so.
 * @param {unknown} pipe
 */
const socket = (pipe) => /** @type {import("node:net").Socket} */ (pipe);
