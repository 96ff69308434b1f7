// What a real Envoy answers, set up by Istio's own builder: any number of policy sets in one process.
//
// All sets of a kind share one listener. A route per set, told by a header that no policy names, carries the set's RBAC
// filters. The address and port that a request is for come by the PROXY protocol, so any will do; the client's are those of the
// connection itself, since `source.ip` looks at nothing else, and so lie in 127.0.0.0/8. Where a request has another, the set's
// filters are made to look at what the PROXY protocol says (`source_ip` in place of `direct_remote_ip`).

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { openJudge } from "../cluster/judge.mjs";
import { BINARY } from "../cluster/programs.mjs";
import { configuration, listenerName, spiffe } from "./envoy-config.mjs";
import { exchange } from "./exchange.mjs";
import { JWKS, token } from "./tokens.mjs";

/**
 * @typedef {import("./types.mjs").Context} Context
 * @typedef {import("./types.mjs").Policy} Policy
 * @typedef {import("./types.mjs").Request} Request
 * @typedef {import("./types.mjs").Verdict} Verdict
 * @typedef {import("../cluster/judge.mjs").Judge} Judge
 * @typedef {import("../cluster/judge.mjs").Filter} Filter
 * @typedef {import("../cluster/judge.mjs").Verdict} Validation
 *
 * @typedef {object} Case
 * @property {Context} context
 * @property {readonly object[]} policies
 * @property {readonly Omit<Request, "id">[]} requests
 *
 * @typedef {object} Replay
 * @property {Validation[]} validation Istio's, in the order of the policies.
 * @property {Answer[] | null} answers In the order of the requests; `null`: Envoy refuses the configuration.
 * @property {string} [refusal] What Envoy says then.
 *
 * @typedef {object} Answer
 * @property {number} status
 * @property {Verdict | null} verdict `null`: the request is none, whatever the policies.
 */

// istiod, which knows no external authorizer here, makes a CUSTOM policy a DENY by this name: so its rules are judged as well.
const CUSTOM_SUFFIX = "-deny-due-to-bad-CUSTOM-action";

/** The program, or why there is none. */
export function envoyProgram() {
  if (process.env.ENVOY) return process.env.ENVOY;
  const venv = fileURLToPath(new URL("../../.tools/envoy", import.meta.url));
  for (const version of ["3.10", "3.11", "3.12", "3.13", "3.14"]) {
    const file = path.join(venv, `lib/python${version}/site-packages/envoy/_bin/envoy`);
    if (existsSync(file)) return file;
  }
  throw new Error("there is no Envoy: run `tools/setup.sh envoy`, or set ENVOY to one");
}

/**
 * @param {readonly object[]} policies
 * @param {readonly Omit<Request, "id">[]} requests
 * @param {Context} context
 * @returns {Promise<Replay>}
 */
export async function replay(policies, requests, context) {
  const judge = await openJudge();
  try {
    const [answer] = await replayAll(judge, [{ policies, requests, context }]);
    if (!answer) throw new Error("no answer");
    return answer;
  } finally {
    await judge.close();
  }
}

/**
 * One Envoy for all; where it refuses the lot, the case at fault is found by halving and answered `null`.
 * @param {Judge} judge
 * @param {readonly Case[]} cases
 * @returns {Promise<Replay[]>}
 */
export async function replayAll(judge, cases) {
  const judged = await Promise.all(
    cases.map(async (one, index) => {
      const { validation, filters } = await judge.ask(question(one));
      return { ...one, index, validation, filters: filters.filter((f) => f.name.endsWith("rbac")) };
    }),
  );
  const folder = mkdtempSync(path.join(tmpdir(), "mesh-policy-envoy-"));
  try {
    const identities = await certificates(folder, cases);
    /** @type {Map<number, Pick<Replay, "answers" | "refusal">>} */
    const results = new Map();
    // Halving is for what nobody expects: whatever looks bad has an Envoy of its own.
    await run(folder, identities, judged.filter((one) => !suspect(one)), results);
    for (const one of judged.filter(suspect)) await run(folder, identities, [one], results);
    return judged.map(({ index, validation }) => {
      const result = results.get(index);
      return { validation, answers: null, ...result };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Whether a path template is one that Envoy may refuse.
 * @param {Judged} one
 */
const suspect = ({ filters }) =>
  [...JSON.stringify(filters).matchAll(/"path_template":"([^"]*)"/g)].some(
    ([, path = ""]) => !path.startsWith("/") || path.includes("//") || path.length > 256,
  );

/**
 * @param {Case} one
 * @returns {import("../cluster/judge.mjs").Question}
 */
export function question({ context: { layer, target, settings }, policies }) {
  const { rootNamespace, trustDomain, trustDomainAliases } = settings;
  return {
    policies: [...policies],
    proxy: layer,
    workload:
      layer === "waypoint"
        ? { namespace: target.namespace, gateway: target.gateway ?? "waypoint", service: target.app }
        : { namespace: target.namespace, labels: target.labels, ...(target.gateway ? { gateway: target.gateway } : {}) },
    settings: { rootNamespace, trustDomain, trustDomainAliases },
  };
}

/**
 * @typedef {Case & { index: number, validation: Validation[], filters: Filter[] }} Judged
 * @typedef {{ authority: string, of: Map<string, string> }} Identities The PEM text by SPIFFE URI.
 */

/**
 * @param {string} folder
 * @param {readonly Case[]} cases
 * @returns {Promise<Identities>}
 */
async function certificates(folder, cases) {
  const uris = new Set(
    cases.flatMap(({ context, requests }) =>
      context.layer === "sidecar" ? requests.flatMap(({ from }) => (from ? [spiffe(context, from)] : [])) : [],
    ),
  );
  const child = spawn(BINARY, ["identities", folder], { stdio: ["pipe", "inherit", "inherit"] });
  const ended = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  child.stdin.end([...uris].join("\n"));
  if ((await ended) !== 0) throw new Error("mesh-cluster identities failed; its output is above");
  const read = (/** @type {string} */ name) => readFileSync(path.join(folder, name), "utf8");
  return {
    authority: read("ca.crt"),
    of: new Map([...uris].map((uri, i) => [uri, read(`${i}.pem`)])),
  };
}

/**
 * @param {string} folder
 * @param {Identities} identities
 * @param {readonly Judged[]} judged
 * @param {Map<number, Pick<Replay, "answers" | "refusal">>} results
 */
async function run(folder, identities, judged, results) {
  if (judged.length === 0) return;
  const tokens = judged.some(({ requests }) => requests.some(({ claims }) => claims));
  const envoy = await start(folder, configuration(folder, judged.map(routed), tokens ? JWKS : null));
  if (typeof envoy === "string") {
    const [one, two] = judged;
    if (one && !two) {
      results.set(one.index, { answers: null, refusal: envoy });
      return;
    }
    const half = judged.length >> 1;
    await run(folder, identities, judged.slice(0, half), results);
    await run(folder, identities, judged.slice(half), results);
    return;
  }
  try {
    await send(envoy.ports, identities, judged, results);
  } finally {
    await envoy.stop();
  }
}

/**
 * A case's filters in two: those that decide, and those that find out whether CUSTOM would be asked.
 * @param {Judged} judged
 */
function routed({ index, context, filters: given, requests }) {
  const foreign = requests.some(({ sourceIp }) => !sourceIp.startsWith("127."));
  /** @type {Filter[]} */
  const filters = foreign
    ? JSON.parse(JSON.stringify(given).replaceAll('"direct_remote_ip":', '"source_ip":'))
    : given;
  const custom = filters.filter((filter) =>
    Object.keys(filter.typed_config.rules?.policies ?? {}).some((name) => name.endsWith(CUSTOM_SUFFIX)),
  );
  return { index, context, custom, filters: filters.filter((filter) => !custom.includes(filter)) };
}

/**
 * @param {string} folder
 * @param {object} config
 * @returns {Promise<{ ports: Map<string, number>, stop: () => Promise<void> } | string>} What Envoy says, if it refuses.
 */
async function start(folder, config) {
  const file = path.join(folder, "envoy.json");
  writeFileSync(file, JSON.stringify(config));
  const child = spawn(
    envoyProgram(),
    ["--config-path", file, "--disable-hot-restart", "--concurrency", "1", "--log-level", "error"],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (part) => (log = (log + part).slice(0, 4000)));
  const ended = new Promise((resolve) => {
    child.once("close", resolve);
    child.once("error", (error) => {
      log += error.message;
      resolve(undefined);
    });
  });
  let running = true;
  void ended.then(() => (running = false));
  while (running) {
    const ports = await listening(path.join(folder, "admin")).catch(() => null);
    if (ports) {
      return {
        ports,
        stop: async () => {
          kill();
          await ended;
          process.removeListener("exit", kill);
        },
      };
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  process.removeListener("exit", kill);
  return log || `Envoy ended with ${child.signalCode ?? child.exitCode}`;
}

/**
 * The listeners' ports, once all of them listen.
 * @param {string} socketPath
 * @returns {Promise<Map<string, number> | null>}
 */
function listening(socketPath) {
  const ask = (/** @type {string} */ path) =>
    /** @type {Promise<string>} */ (
      new Promise((resolve, reject) => {
        const sent = httpRequest({ socketPath, path }, (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (part) => (text += part));
          response.once("end", () => (response.statusCode === 200 ? resolve(text) : reject(new Error(text))));
        });
        sent.once("error", reject);
        sent.end();
      })
    );
  return ask("/ready")
    .then(() => ask("/listeners?format=json"))
    .then((text) => {
      /** @type {{ name: string, local_address: { socket_address: { port_value: number } } }[]} */
      const statuses = JSON.parse(text).listener_statuses ?? [];
      return new Map(statuses.map((one) => [one.name, one.local_address.socket_address.port_value]));
    });
}

/**
 * @param {Map<string, number>} ports
 * @param {Identities} identities
 * @param {readonly Judged[]} judged
 * @param {Map<number, Pick<Replay, "answers" | "refusal">>} results
 */
async function send(ports, identities, judged, results) {
  /** @type {Map<string, import("./exchange.mjs").Line>} */
  const lines = new Map();
  for (const one of judged) {
    const { context, index } = one;
    const hasCustom = routed(one).custom.length > 0;
    /** @type {Answer[]} */
    const answers = one.requests.map(() => ({ status: 0, verdict: null }));
    results.set(index, { answers });
    one.requests.forEach((request, i) => {
      const uri = request.from ? spiffe(context, request.from) : "";
      const listener = listenerName(context);
      const waypoint = context.layer === "waypoint";
      const { sni = "" } = request;
      // A waypoint's come by a header, and a gateway sees none.
      const certified = context.layer === "sidecar" ? uri : "";
      const key = [listener, certified, sni, request.sourceIp, context.target.ip, request.port].join(" ");
      const pem = identities.of.get(certified);
      const line = lines.get(key) ?? {
        port: ports.get(listener) ?? 0,
        sourceIp: request.sourceIp,
        destination: { ip: context.target.ip, port: request.port },
        // A sidecar takes plain text from who has no identity.
        tls: pem || sni ? { ca: identities.authority, pem, sni } : null,
        messages: [],
      };
      lines.set(key, line);
      const answer = /** @type {Answer} */ (answers[i]);
      const message = {
        ...request,
        peer: waypoint ? uri : "",
        token: request.claims ? token(request.claims) : null,
      };
      line.messages.push({
        ...message,
        marker: String(index),
        done: (status) => {
          answer.status = status;
          if (status === 403) answer.verdict = "denied";
          // Unless CUSTOM matches; the answer to that comes later on the same line.
          else if (status === 200) answer.verdict = "allowed";
        },
      });
      if (!hasCustom) return;
      line.messages.push({
        ...message,
        marker: `${index}c`,
        done: (status) => {
          if (status === 403 && answer.verdict === "allowed") answer.verdict = "depends";
        },
      });
    });
  }
  await exchange([...lines.values()]);
}
