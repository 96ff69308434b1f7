// Times one implementation in a process of its own, so that none pays for another's garbage.
//
//     node bench/worker.mjs wasm|plain|floor BUNDLE CHARM RUNS SECONDS [OUTPUT]
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { compile, initSync } from "../pkg/mesh_policy.js";
import { plainCompile } from "./plain.mjs";

const [kind = "", bundleFile = "", charmFile = "", runs = "5", seconds = "1", outputFile = ""] =
  process.argv.slice(2);
const bundle = readFileSync(bundleFile, "utf8");
const charm = readFileSync(charmFile, "utf8");

/** @type {WebAssembly.Memory | undefined} */
let memory;
if (kind === "wasm") {
  const module = readFileSync(new URL("../pkg/mesh_policy_bg.wasm", import.meta.url));
  memory = initSync({ module }).memory;
}

function wasm() {
  const compilation = compile({
    bundles: [{ file: bundleFile, text: bundle, model: "model" }],
    charms: [{ file: charmFile, text: charm }],
  });
  const json = compilation.json();
  compilation.free();
  return json;
}

/** Parses all input and writes all output, with nothing in between. */
function floor() {
  JSON.parse(bundle);
  JSON.parse(charm);
  return JSON.stringify(output);
}

const output = kind === "floor" ? JSON.parse(readFileSync(outputFile, "utf8")) : undefined;
const action = { wasm, floor, plain: () => plainCompile(bundle, charm, "model") }[kind];
if (!action) throw new Error(`unknown implementation \`${kind}\``);

const times = [];
let result = "";
const deadline = performance.now() + Number(seconds) * 1000;
while (times.length < Number(runs) || (performance.now() < deadline && times.length < 2000)) {
  const start = performance.now();
  result = action();
  times.push(performance.now() - start);
}
const peak = process.resourceUsage().maxRSS * 1024;

/** @param {string} text */
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** @type {{ meshPolicies: unknown[], authorizationPolicies: any[] }} */
const compiled = JSON.parse(result);
// The library makes no apiVersion, kind and labels; its callers add them.
const wire = compiled.authorizationPolicies.map(({ metadata: { name, namespace }, spec }) =>
  JSON.stringify({ metadata: { name, namespace }, spec }),
);
process.stdout.write(
  JSON.stringify({
    times,
    peak,
    wasmMemory: memory?.buffer.byteLength ?? 0,
    policies: wire.length,
    output: sha256(result),
    databag: sha256(JSON.stringify(compiled.meshPolicies)),
    wire: sha256(wire.join("\n")),
  }),
);
if (kind === "wasm" && outputFile) writeFileSync(outputFile, result);
