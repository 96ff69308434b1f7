// Decisions beside npm @cedar-policy/cedar-wasm (its pre-parsed, stateful way) on the same policies: one by one across the
// boundary, and in a batch; and in native Rust.
//
// A policy lets one client send GET and POST to one Service under one path; ten are on each Service, so that more policies
// mean more Services. The task fails unless both give the same verdicts on all requests.
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { analyse } from "../../host/index.js";
import { answer, figure, inRoot, median, ratio } from "../measure.mjs";

/** @typedef {import("../measure.mjs").Figure} Figure */

const NATIVE = "target/release/examples/decide";
const CALL = "one by one";
const BATCH = "in a batch";
const OURS = "wasm in Node";

/** @type {import("../measure.mjs").Task} */
export const task = {
  name: "decide",
  unit: "µs a decision",
  sized: "policies",
  title: "A decision among n policies",
  needs: [NATIVE],
  run,
};

/** @param {import("../measure.mjs").Options} options @returns {Promise<import("../measure.mjs").Result>} */
async function run({ quick, runs, progress }) {
  const sizes = quick ? [200, 400] : [200, 1000, 10_000];
  const seconds = quick ? 0.05 : 0.5;
  /** @type {Figure[]} */
  const figures = [];
  for (const size of sizes) {
    const { manifests, policies, requests } = input(size);
    const analysis = analyse({ manifests: [{ file: "mesh.json", text: JSON.stringify({ kind: "List", apiVersion: "v1", items: manifests }) }] });
    const parsed = cedar.preparsePolicySet(`p${size}`, { staticPolicies: policies });
    if (parsed.type !== "success") throw new Error(JSON.stringify(parsed));
    const asked = requests.map((request) => ({ line: JSON.stringify(request.ours), call: { ...request.cedar, preparsedPolicySetId: `p${size}` } }));

    let allowed = 0;
    // Cedar needs half a minute for all of them where policies are many.
    const compared = asked.slice(0, size > 1000 ? 200 : asked.length);
    for (const { line, call } of compared) {
      const mine = JSON.parse(analysis.ask(line)).verdict === "allowed";
      const theirs = verdict(cedar.statefulIsAuthorized(call));
      if (mine !== theirs) throw new Error(`not the same: ${line} is ${mine} to us`);
      allowed += Number(mine);
    }
    if (allowed === 0 || allowed === compared.length) throw new Error("the requests tell nothing apart");

    const batch = asked.map(({ line }) => line).join("\n");
    /** @type {[number[], number[], number[]]} */
    const [theirs, ours, together] = [[], [], []];
    // They take turns, so that what disturbs one disturbs the other.
    for (let at = 0; at < runs; at++) {
      theirs.push(perCall(asked, ({ call }) => cedar.statefulIsAuthorized(call), seconds));
      ours.push(perCall(asked, ({ line }) => analysis.ask(line), seconds));
      together.push(perCall([batch], (lines) => analysis.ask(lines), seconds) / asked.length);
    }
    analysis.free();
    const than = "Cedar in Node";
    figures.push({ what: CALL, size, who: than, runs: theirs });
    figures.push({ what: CALL, size, who: OURS, runs: ours, than });
    figures.push({ what: BATCH, size, who: OURS, runs: together });
    progress(`${size.toLocaleString("en")} policies`);
  }
  for (const size of sizes) {
    const { perSecond } = answer(inRoot(NATIVE), [String(size), String(runs), String(seconds)]);
    figures.push({ what: BATCH, size, who: "native Rust", runs: perSecond.map((/** @type {number} */ one) => 1e6 / one) });
  }
  const [least, most] = [sizes[0] ?? 0, sizes.at(-1) ?? 0];
  const ours = (/** @type {number} */ size) => figure(figures, CALL, size, OURS);
  return {
    figures: figures.sort((a, b) => (a.what === b.what ? 0 : a.what === CALL ? -1 : 1)),
    expected: [
      { what: `Cedar, times ours, ${least} policies`, bound: "at least", limit: 15, found: ratio(figure(figures, CALL, least, "Cedar in Node"), ours(least)) },
      { what: `a decision of ours at ${most.toLocaleString("en")} policies, times that at ${least}`, bound: "at most", limit: 1.5, found: ratio(ours(most), ours(least)) },
      { what: `decisions a second in native Rust, ${most.toLocaleString("en")} policies`, bound: "at least", limit: 1_000_000, found: 1e6 / median(figure(figures, BATCH, most, "native Rust").runs) },
    ],
  };
}

/**
 * Microseconds a call.
 * @template T
 * @param {T[]} items
 * @param {(item: T) => unknown} call
 * @param {number} seconds
 */
function perCall(items, call, seconds) {
  const some = items.slice(0, 200);
  const during = (/** @type {number} */ ms) => {
    const begun = performance.now();
    for (let calls = 0; ; ) {
      for (const item of some) {
        call(item);
        calls++;
        // The clock takes time as well.
        const took = calls % 8 === 0 || calls < 8 ? performance.now() - begun : 0;
        if (took > ms) return (took * 1000) / calls;
      }
    }
  };
  // To warm up.
  during(seconds * 200);
  return during(seconds * 1000);
}

/** @param {cedar.AuthorizationAnswer} answer */
function verdict(answer) {
  if (answer.type !== "success") throw new Error(JSON.stringify(answer));
  return answer.response.decision === "allow";
}

/** @param {number} size */
function input(size) {
  const services = Math.ceil(size / 10);
  /** @type {object[]} */
  const manifests = [];
  /** @type {Record<string, string>} */
  const policies = {};
  for (let at = 0; at < size; at++) {
    const name = `app${at % services}`;
    const client = Math.floor(at / services);
    manifests.push({
      apiVersion: "security.istio.io/v1",
      kind: "AuthorizationPolicy",
      metadata: { name: `p${at}`, namespace: "shop" },
      spec: {
        targetRefs: [{ kind: "Service", group: "", name }],
        rules: [{
          from: [{ source: { principals: [`cluster.local/ns/shop/sa/app${client}`] } }],
          to: [{ operation: { ports: ["8080"], methods: ["GET", "POST"], paths: [`/v${client}/*`, "/health"] } }],
        }],
      },
    });
    policies[`p${at}`] =
      `permit(principal == Account::"shop/app${client}", action in [Action::"GET", Action::"POST"], resource == Service::"shop/${name}")` +
      ` when { context.port == 8080 && (context.path like "/v${client}/*" || context.path == "/health") };`;
  }
  const requests = Array.from({ length: 1000 }, (_, at) => {
    const [client, method] = [`app${at % 7}`, ["GET", "POST", "DELETE"][at % 3] ?? ""];
    const [name, path] = [`app${at % Math.min(services, 10)}`, at % 5 === 0 ? "/health" : `/v${at % 7}/items/${at}`];
    return {
      ours: { from: { namespace: "shop", serviceAccount: client }, to: { service: `shop/${name}` }, port: 8080, method, path, layer: "waypoint" },
      cedar: {
        principal: { type: "Account", id: `shop/${client}` },
        action: { type: "Action", id: method },
        resource: { type: "Service", id: `shop/${name}` },
        context: { port: 8080, path },
        entities: [],
      },
    };
  });
  return { manifests, policies, requests };
}
