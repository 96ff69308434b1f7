// Ours and the Python library against one API server: requests and time for a first apply, an unchanged set, one change.
//
//   node bench/cluster.mjs [--size 1000] [--rounds 3]
//
// Times are worth little while other work runs on the machine: the load is printed, and the processor's time (client and
// server together), which suffers less.

import { readFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { parseArgs } from "node:util";

import { openLibrary } from "../tests/cluster/library.mjs";
import { startCluster } from "../tests/cluster/start.mjs";
import { beacon, existing, meshPolicies, meshPolicy, specs } from "../tests/cluster/wishes.mjs";

const { values } = parseArgs({ options: { size: { type: "string", default: "1000" }, rounds: { type: "string", default: "3" } } });
const [size, rounds] = [Number(values.size), Number(values.rounds)];
if (!(size > 1 && rounds > 0)) {
  console.error("error: --size and --rounds are numbers above 1 and 0");
  process.exit(2);
}

const STEPS = /** @type {const} */ (["first apply", "unchanged", "one changed", "delete"]);
/** @typedef {(typeof STEPS)[number]} Step */

const cluster = await startCluster({ requestLog: true });
const library = openLibrary();

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

/** @typedef {{ ms: number, cpu: number, requests: number }} Result */

/**
 * @param {() => Promise<number>} work gives its own time in ms
 * @returns {Promise<Result>}
 */
async function measure(work) {
  const earlier = (await cluster.requestLog()).length;
  const before = processorTime();
  const ms = await work();
  const cpu = processorTime() - before;
  return { ms, cpu, requests: (await cluster.requestLog()).length - earlier };
}

/**
 * @param {() => Promise<unknown>} work
 */
async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** @type {Record<"ours" | "library", Record<string, Result[]>>} */
const results = { ours: {}, library: {} };

try {
  // Both start with a connection that stands and a kind that the server has storage for.
  for (let round = -1; round < rounds; round++) {
    const count = round < 0 ? 2 : size;
    const namespaces = { ours: await cluster.createNamespace("ours"), library: await cluster.createNamespace("library") };
    const mine = beacon(cluster, namespaces.ours);
    const theirs = beacon(cluster, namespaces.library);
    theirs.close();
    /** @type {Record<Step, (namespace: string) => import("../pkg/mesh_policy.js").MeshPolicy[]>} */
    const wishes = {
      "first apply": (namespace) => meshPolicies(namespace, count),
      unchanged: (namespace) => meshPolicies(namespace, count),
      "one changed": (namespace) => [...meshPolicies(namespace, count - 1), meshPolicy(namespace, `client-${count - 1}`, { port: 9090 })],
      delete: () => [],
    };
    for (const step of STEPS) {
      const ours = () => measure(() => timed(() => mine.manager.reconcile(wishes[step](namespaces.ours), "istio")));
      const python = () =>
        measure(async () => {
          const { ms, error } = await library.ask({
            action: "reconcile",
            kubeconfig: cluster.kubeconfig,
            app_name: "beacon",
            model_name: namespaces.library,
            labels: theirs.labels,
            policies: wishes[step](namespaces.library),
          });
          if (error) throw new Error(error);
          return ms;
        });
      // Who goes first takes turns.
      /** @type {[("ours" | "library"), () => Promise<Result>][]} */
      const both = [["ours", ours], ["library", python]];
      if (round % 2 !== 0) both.reverse();
      for (const [who, run] of both) {
        const result = await run();
        if (round >= 0) (results[who][step] ??= []).push(result);
      }
      const same = async (/** @type {"ours" | "library"} */ who) =>
        Object.values(specs(await existing(cluster, namespaces[who]))).map((spec) => JSON.stringify(spec).replaceAll(namespaces[who], "NS")).sort().join("\n");
      if ((await same("ours")) !== (await same("library"))) throw new Error(`after "${step}", the two clusters differ`);
    }
    mine.close();
  }
} finally {
  await library.close();
  await cluster.stop();
}

/** @param {number[]} numbers */
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
const ms = (/** @type {number} */ value) => (value < 100 ? value.toFixed(1) : value.toFixed(0));

const load = loadavg().map((one) => one.toFixed(1)).join(", ");
console.log(`\n${size} policies, ${rounds} rounds, median (smallest to largest); ${availableParallelism()} processors, load average ${load}\n`);
console.log("| | requests, ours | requests, Python | fewer | ms, ours | ms, Python | faster | processor ms, ours | processor ms, Python |");
console.log("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
/** @type {Record<string, { fewer: number, faster: number }>} */
const ratios = {};
for (const step of STEPS) {
  const [mine, theirs] = [results.ours[step] ?? [], results.library[step] ?? []];
  const cell = (/** @type {{ ms: number }[]} */ runs) => {
    const times = runs.map((run) => run.ms);
    return `${ms(median(times))} (${ms(Math.min(...times))} to ${ms(Math.max(...times))})`;
  };
  const requests = (/** @type {Result[]} */ runs) => median(runs.map((run) => run.requests));
  const cpu = (/** @type {Result[]} */ runs) => median(runs.map((run) => run.cpu)).toFixed(0);
  const fewer = requests(theirs) / requests(mine);
  const faster = median(theirs.map((run) => run.ms)) / median(mine.map((run) => run.ms));
  ratios[step] = { fewer, faster };
  console.log(
    `| ${step} | ${requests(mine)} | ${requests(theirs)} | ${fewer.toFixed(1)} × | ${cell(mine)} | ${cell(theirs)} | ${faster.toFixed(1)} × | ${cpu(mine)} | ${cpu(theirs)} |`,
  );
}
const [fewer, faster] = [ratios["unchanged"]?.fewer ?? 0, ratios["first apply"]?.faster ?? 0];
console.log(`\nunchanged: ${fewer.toFixed(0)} times fewer requests (expected: at least 50); first apply: ${faster.toFixed(1)} times as fast (expected: at least 3)`);
if (size >= 1000 && (fewer < 50 || faster < 3)) process.exitCode = 1;
