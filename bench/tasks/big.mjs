// A million relations, which no string can hold as policies: the text is taken in parts, and dropped. V8 has no floor here.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeInput } from "../input.mjs";
import { answer, exponent, figure, inRoot } from "../measure.mjs";
import { digits } from "../report.mjs";

const NATIVE = "target/release/examples/compile";
const WASM = "wasm in Node, in parts";
const RUST = "native Rust, in parts";

/** @type {import("../measure.mjs").Task} */
export const task = {
  name: "big",
  unit: "ms",
  sized: "relations",
  title: "Compiling n relations, the text in parts",
  needs: [NATIVE],
  async run({ quick, runs, progress }) {
    const sizes = quick ? [1000, 2000] : [100_000, 1_000_000];
    const folder = mkdtempSync(join(tmpdir(), "mesh-policy-bench-"));
    /** @type {import("../measure.mjs").Figure[]} */
    const figures = [];
    let share = NaN;
    try {
      const files = [join(folder, "bundle.json"), join(folder, "charm.json")];
      for (const size of sizes) {
        const { bundle, charm } = makeInput(size, "json");
        writeFileSync(files[0] ?? "", bundle);
        writeFileSync(files[1] ?? "", charm);
        const wasm = answer(process.execPath, [inRoot("bench/compile_worker.mjs"), "parts", ...files, String(runs), "0"]);
        const native = answer(inRoot(NATIVE), [...files, String(runs), "0", "parts"]);
        if (wasm.output !== native.output) throw new Error(`native and wasm differ at ${size} relations`);
        for (const [who, { times, peak, wasmMemory }] of /** @type {const} */ ([[RUST, native], [WASM, wasm]])) {
          /** @type {Record<string, string>} */
          const more = { "output MiB": digits(wasm.bytes / 2 ** 20), "peak MiB": digits(peak / 2 ** 20) };
          if (wasmMemory) {
            share = wasmMemory / (bundle.length + charm.length + wasm.bytes);
            more["wasm MiB"] = digits(wasmMemory / 2 ** 20);
            more["÷ input + output"] = digits(share);
          }
          figures.push({ what: "JSON", size, who, runs: times, more });
        }
        progress(`${size.toLocaleString("en")} relations`);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    const [small = 0, large = 0] = sizes;
    const of = (/** @type {number} */ size) => figure(figures, "JSON", size, WASM);
    return {
      figures,
      expected: [
        { what: `wasm's memory, times input and output, ${large.toLocaleString("en")} relations`, bound: "at most", limit: 3, found: share },
        { what: "wasm's time grows with n to the power of", bound: "at most", limit: 1.1, found: exponent(of(small), of(large)) },
      ],
    };
  },
};
