// Compares decisions with Cedar's, on the same policies: one by one across the boundary, and in a batch.
//
//     node bench/decide.mjs [--sizes 200,10000] [--seconds 2]
//
// A policy lets one client send GET and POST to one Service under one path; ten are on each Service, so that more policies
// mean more Services. Nothing is printed unless both give the same verdicts on all requests.
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { analyse } from "../host/index.js";

const { values } = parseArgs({
  options: { sizes: { type: "string", default: "200,10000" }, seconds: { type: "string", default: "2" } },
});
const sizes = values.sizes.split(",").map(Number);
const seconds = Number(values.seconds);
if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 100) || !(seconds > 0)) {
  console.error("--sizes takes whole numbers of at least 100, separated by commas; --seconds a number above 0");
  process.exit(2);
}

const version = JSON.parse(readFileSync(new URL("../node_modules/@cedar-policy/cedar-wasm/package.json", import.meta.url), "utf8")).version;
console.log(`node ${process.version}, ${cpus()[0]?.model ?? "unknown processor"}, @cedar-policy/cedar-wasm ${version}`);
console.log("policies  cedar, us a call  ours, us a call  times as fast  ours in a batch, us a request");
/** @type {number[]} */
const ours = [];
for (const size of sizes) {
  const { manifests, policies, requests } = input(size);
  const analysis = analyse({ manifests: [{ file: "mesh.json", text: JSON.stringify({ kind: "List", apiVersion: "v1", items: manifests }) }] });
  const parsed = cedar.preparsePolicySet(`p${size}`, { staticPolicies: policies });
  if (parsed.type !== "success") throw new Error(JSON.stringify(parsed));
  const asked = requests.map((request) => ({ line: JSON.stringify(request.ours), call: { ...request.cedar, preparsedPolicySetId: `p${size}` } }));

  let allowed = 0;
  for (const { line, call } of asked) {
    const mine = JSON.parse(analysis.ask(line)).verdict === "allowed";
    const theirs = verdict(cedar.statefulIsAuthorized(call));
    if (mine !== theirs) throw new Error(`not the same: ${line} is ${mine} to us`);
    allowed += Number(mine);
  }
  if (allowed === 0 || allowed === asked.length) throw new Error("the requests tell nothing apart");

  const byCedar = perCall(asked, ({ call }) => cedar.statefulIsAuthorized(call));
  const byUs = perCall(asked, ({ line }) => analysis.ask(line));
  const batch = asked.map(({ line }) => line).join("\n");
  const inBatch = perCall([batch], (lines) => analysis.ask(lines)) / asked.length;
  ours.push(byUs);
  const row = [size, byCedar.toFixed(1), byUs.toFixed(2), (byCedar / byUs).toFixed(0), inBatch.toFixed(2)];
  console.log(row.map((cell, at) => String(cell).padStart([8, 17, 16, 14, 30][at] ?? 0)).join(" "));
  analysis.free();
}
const [first, last] = [ours[0] ?? NaN, ours.at(-1) ?? NaN];
console.log(`from ${sizes[0]} to ${sizes.at(-1)} policies a decision of ours takes ${(last / first).toFixed(2)} times as long`);

/**
 * Microseconds a call.
 * @template T
 * @param {T[]} items
 * @param {(item: T) => unknown} call
 */
function perCall(items, call) {
  for (const item of items.slice(0, 100)) call(item);
  const begun = performance.now();
  let calls = 0;
  while (performance.now() - begun < seconds * 1000) {
    for (const item of items.slice(0, 200)) {
      call(item);
      calls++;
    }
  }
  return ((performance.now() - begun) * 1000) / calls;
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
