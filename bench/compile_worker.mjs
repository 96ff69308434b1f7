// Times one implementation in a process of its own, so that none pays for another's garbage.
//
//     node bench/compile_worker.mjs wasm|parts|plain|floor BUNDLE CHARM RUNS SECONDS [OUTPUT]
//
// `wasm` writes its output into OUTPUT, from where `floor` takes what it writes again; `parts` drops each part.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { compile, initSync } from "../pkg/mesh_policy.js";
import { plainCompile } from "./plain.mjs";

const [kind = "", bundleFile = "", charmFile = "", runs = "5", seconds = "1", outputFile = ""] =
  process.argv.slice(2);
// Who reads a file for `parts` need not make a string of it.
const bundleBytes = readFileSync(bundleFile);
const bundle = kind === "parts" ? "" : bundleBytes.toString();
const charm = readFileSync(charmFile, "utf8");

/** @type {WebAssembly.Memory | undefined} */
let memory;
if (kind === "wasm" || kind === "parts") {
  const module = readFileSync(new URL("../pkg/mesh_policy_bg.wasm", import.meta.url));
  memory = initSync({ module }).memory;
}

/** @param {string | Uint8Array} text */
const compiled = (text) =>
  compile({
    bundles: [{ file: bundleFile, text, model: "model" }],
    charms: [{ file: charmFile, text: charm }],
  });

function wasm() {
  const compilation = compiled(bundle);
  const json = compilation.json();
  compilation.free();
  return json;
}

/** @param {(part: Uint8Array) => void} [take] */
function inParts(take) {
  const compilation = compiled(bundleBytes);
  const parts = compilation.parts("json");
  for (let part; (part = parts.read()); ) take?.(part);
  parts.free();
  compilation.free();
  return "";
}

/** Parses all input and writes all output, with nothing in between. */
function floor() {
  JSON.parse(bundle);
  JSON.parse(charm);
  return JSON.stringify(output);
}

const output = kind === "floor" ? JSON.parse(readFileSync(outputFile, "utf8")) : undefined;
const action = { wasm, floor, parts: () => inParts(), plain: () => plainCompile(bundle, charm, "model") }[kind];
if (!action) throw new Error(`unknown implementation \`${kind}\``);

const times = [];
let result = "";
const deadline = performance.now() + Number(seconds) * 1000;
while (times.length < Number(runs) || (performance.now() < deadline && times.length < 2000)) {
  const start = performance.now();
  result = action();
  times.push(performance.now() - start);
}
const common = { times, peak: process.resourceUsage().maxRSS * 1024, wasmMemory: memory?.buffer.byteLength ?? 0 };

/** @param {string} text */
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

if (kind === "parts") {
  const hash = createHash("sha256");
  let bytes = 0;
  inParts((part) => {
    hash.update(part);
    bytes += part.length;
  });
  process.stdout.write(JSON.stringify({ ...common, bytes, output: hash.digest("hex") }));
} else {
  /** @type {{ meshPolicies: unknown[], authorizationPolicies: any[] }} */
  const { meshPolicies, authorizationPolicies } = JSON.parse(result);
  // The library makes no apiVersion, kind and labels; its callers add them.
  const wire = authorizationPolicies.map(({ metadata: { name, namespace }, spec }) =>
    JSON.stringify({ metadata: { name, namespace }, spec }),
  );
  process.stdout.write(
    JSON.stringify({
      ...common,
      policies: wire.length,
      output: sha256(result),
      databag: sha256(JSON.stringify(meshPolicies)),
      wire: sha256(wire.join("\n")),
    }),
  );
  if (kind === "wasm" && outputFile) writeFileSync(outputFile, result);
}
