// Ours and the Python library against one API server: requests and time for a first apply, an unchanged set, one change, a
// deletion, each on a namespace of its own with the same policies, taking turns at going first.
import { readFileSync } from "node:fs";
import { openLibrary } from "../../tests/cluster/library.mjs";
import { startCluster } from "../../tests/cluster/start.mjs";
import { beacon, existing, meshPolicies, meshPolicy, specs } from "../../tests/cluster/wishes.mjs";
import { figure, median, ratio } from "../measure.mjs";

/** @typedef {import("../measure.mjs").Figure} Figure */

const STEPS = /** @type {const} */ (["first apply", "unchanged", "one changed", "delete"]);
/** @typedef {(typeof STEPS)[number]} Step */
/** @typedef {{ ms: number, cpu: number, requests: number }} Measured */

const LIBRARY = "Python library";
const OURS = "mesh-policy";

/** @type {import("../measure.mjs").Task} */
export const task = {
  name: "cluster",
  unit: "ms",
  sized: "policies",
  title: "Bringing n policies to an API server",
  needs: [".tools/venv/bin/python"],
  run,
};

/** @param {import("../measure.mjs").Options} options @returns {Promise<import("../measure.mjs").Result>} */
async function run({ quick, runs, progress }) {
  const sizes = quick ? [10, 20] : [100, 1000];
  const cluster = await startCluster({ requestLog: true });
  const library = openLibrary();
  progress("the API server runs");
  /** @type {Figure[]} */
  const figures = [];
  /** @type {Record<Step, number>} */
  const fewer = { "first apply": NaN, unchanged: NaN, "one changed": NaN, delete: NaN };

  /** The processor's time of the server and of both clients until now, in ms; NaN where the system does not tell. */
  function processorTime() {
    const pids = [process.pid, library.pid, ...(/** @type {const} */ (["apiserver", "etcd", "webhook"])).map(cluster.pid)];
    try {
      // In ticks of 10 ms, after the name in parentheses.
      return pids
        .map((pid) => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [])
        .reduce((sum, fields) => sum + 10 * (Number(fields[11]) + Number(fields[12])), 0);
    } catch {
      return NaN;
    }
  }

  /**
   * @param {() => Promise<number>} work gives its own time in ms
   * @returns {Promise<Measured>}
   */
  async function measure(work) {
    const earlier = (await cluster.requestLog()).length;
    const before = processorTime();
    const ms = await work();
    const cpu = processorTime() - before;
    return { ms, cpu, requests: (await cluster.requestLog()).length - earlier };
  }

  /** @param {number} count @param {number} round */
  async function compare(count, round) {
    const namespaces = { [OURS]: await cluster.createNamespace("ours"), [LIBRARY]: await cluster.createNamespace("library") };
    const [ourNamespace = "", theirNamespace = ""] = [namespaces[OURS], namespaces[LIBRARY]];
    const mine = beacon(cluster, ourNamespace);
    const theirs = beacon(cluster, theirNamespace);
    theirs.close();
    /** @type {Record<Step, (namespace: string) => import("../../pkg/mesh_policy.js").MeshPolicy[]>} */
    const wishes = {
      "first apply": (namespace) => meshPolicies(namespace, count),
      unchanged: (namespace) => meshPolicies(namespace, count),
      "one changed": (namespace) => [...meshPolicies(namespace, count - 1), meshPolicy(namespace, `client-${count - 1}`, { port: 9090 })],
      delete: () => [],
    };
    /** @type {[Step, string, Measured][]} */
    const found = [];
    for (const step of STEPS) {
      const ours = () =>
        measure(async () => {
          const start = performance.now();
          await mine.manager.reconcile(wishes[step](ourNamespace), "istio");
          return performance.now() - start;
        });
      const python = () =>
        measure(async () => {
          const { ms, error } = await library.ask({
            action: "reconcile",
            kubeconfig: cluster.kubeconfig,
            app_name: "beacon",
            model_name: theirNamespace,
            labels: theirs.labels,
            policies: wishes[step](theirNamespace),
          });
          if (error) throw new Error(error);
          return ms;
        });
      // Who goes first takes turns.
      /** @type {[string, () => Promise<Measured>][]} */
      const both = [[OURS, ours], [LIBRARY, python]];
      if (round % 2 !== 0) both.reverse();
      for (const [who, work] of both) found.push([step, who, await work()]);
      const same = async (/** @type {string} */ namespace) =>
        Object.values(specs(await existing(cluster, namespace))).map((spec) => JSON.stringify(spec).replaceAll(namespace, "NS")).sort().join("\n");
      if ((await same(ourNamespace)) !== (await same(theirNamespace))) throw new Error(`after "${step}", the two have made different policies`);
    }
    mine.close();
    return found;
  }

  try {
    // Both start with a connection that stands and a kind that the server has storage for.
    await compare(2, -1);
    for (const size of sizes) {
      /** @type {[Step, string, Measured][]} */
      const all = [];
      for (let round = 0; round < runs; round++) {
        all.push(...(await compare(size, round)));
        progress(`${size.toLocaleString("en")} policies, round ${round + 1} of ${runs}`);
      }
      for (const step of STEPS) {
        const of = (/** @type {string} */ who) => all.filter((one) => one[0] === step && one[1] === who).map((one) => one[2]);
        const requests = (/** @type {string} */ who) => median(of(who).map((one) => one.requests));
        fewer[step] = requests(LIBRARY) / requests(OURS);
        for (const who of [LIBRARY, OURS]) {
          const more = { requests: requests(who).toFixed(0), "processor ms": median(of(who).map((one) => one.cpu)).toFixed(0) };
          figures.push({ what: step, size, who, runs: of(who).map((one) => one.ms), more, ...(who === OURS ? { than: LIBRARY } : {}) });
        }
      }
    }
  } finally {
    await library.close();
    await cluster.stop();
  }
  const size = sizes.at(-1) ?? 0;
  const n = size.toLocaleString("en");
  return {
    figures,
    expected: [
      { what: `Python library's requests, times ours, ${n} unchanged`, bound: "at least", limit: 50, found: fewer.unchanged },
      { what: `Python library's time, times ours, first apply of ${n}`, bound: "at least", limit: 3, found: ratio(figure(figures, "first apply", size, LIBRARY), figure(figures, "first apply", size, OURS)) },
    ],
  };
}
