// Programs that talk to a cluster, with a core of their own: an input that the editor's core fails on stops no apply.
import init, { Program, compile } from "../../../pkg/mesh_policy.js";
import wasm from "../../../pkg/mesh_policy_bg.wasm?url";
import { drive } from "./drive.js";
/** @import { Input } from "../work/core.js" */
/** @import { ManagedPolicies, AuthorizationPolicy } from "../../../pkg/mesh_policy.js" */
/** @import { End } from "./drive.js" */

/** What the last plan was made of: nothing else is applied. @type {{ managers: ManagedPolicies[], unmanaged: AuthorizationPolicy[] } | undefined} */
let planned;
let stopped = false;

const ready = init({ module_or_path: wasm });

/** @param {string} path */
async function get(path) {
  const response = await fetch(location.origin + path, { headers: { accept: "application/json" }, credentials: "omit", redirect: "error", cache: "no-store", signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${path} answers ${response.status}`);
  return response.json();
}

const acts = {
  /** Which cluster it is. */
  async connect() {
    const version = await get("/version");
    if (typeof version?.gitVersion !== "string") throw new Error("/version is no API server's");
    // The namespace that every cluster has tells clusters apart; not everybody may read it.
    const system = await get("/api/v1/namespaces/kube-system").catch(() => undefined);
    return { version: version.gitVersion, uid: String(system?.metadata?.uid ?? "") };
  },

  /** @param {Input} input */
  async plan(input) {
    planned = undefined;
    const compilation = compile(input);
    try {
      if (compilation.badInput) throw new Error("the files cannot be read: see the problems");
      planned = JSON.parse(compilation.managed());
    } finally {
      compilation.free();
    }
    return run(true);
  },

  apply: () => run(false),

  /** What decides about access in the cluster, as a JSON List. */
  async read() {
    stopped = false;
    const end = await drive(Program.readMesh({}), { stopped: () => stopped, progress: (progress) => postMessage({ progress: { title: "the mesh", ...progress } }) });
    if ("failed" in end) throw new Error(end.failed.diagnostic.message);
    return { text: `${JSON.stringify(JSON.parse(end.done.manifests ?? "null"), null, 2)}\n`, unknown: end.done.unknown.map(({ kind, namespace, name, why }) => `${[kind, namespace, name].filter(Boolean).join(" ")}: ${why}`) };
  },

  stop() {
    stopped = true;
  },
};

/** @param {boolean} plan */
async function run(plan) {
  if (!planned) throw new Error("nothing was compared yet");
  const { managers, unmanaged } = planned;
  // Applied once: what comes next is compared again first.
  if (!plan) planned = undefined;
  stopped = false;
  /** @type {{ title: string, end: End }[]} */
  const runs = [];
  for (const { appName, modelName, labels, policies, conditional } of managers) {
    if (stopped) break;
    const title = `${appName} of ${modelName}`;
    const program = Program.reconcilePolicies({
      appName,
      modelName,
      labels,
      fieldManager: appName,
      policies: [],
      rawPolicies: policies,
      keep: conditional.map(({ metadata: { namespace, name } }) => ({ namespace, name })),
      force: false,
      plan,
    });
    const end = await drive(program, { stopped: () => stopped, progress: (progress) => postMessage({ progress: { title, ...progress } }) });
    runs.push({ title, end });
    if ("failed" in end) break;
  }
  /** @param {AuthorizationPolicy} policy */
  const id = ({ metadata }) => `${metadata.namespace}/${metadata.name}`;
  return {
    runs,
    untried: managers.slice(runs.length).map(({ appName, modelName }) => `${appName} of ${modelName}`),
    own: unmanaged.map(id),
    conditional: managers.flatMap((manager) => manager.conditional.map(id)),
  };
}

addEventListener("message", async ({ data: { id, op, argument } }) => {
  try {
    await ready;
    postMessage({ id, answer: await acts[/** @type {keyof typeof acts} */ (op)](argument) });
  } catch (error) {
    postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
