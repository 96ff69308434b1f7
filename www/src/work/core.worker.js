// The core, away from the page: typing never waits for it.
import init, { compile } from "../../../pkg/mesh_policy.js";
import wasm from "../../../pkg/mesh_policy_bg.wasm?url";
import { readPolicies } from "./policies.js";

/** @import { Input, Compiled } from "./core.js" */

const answers = {
  /**
   * @param {Input} input
   * @returns {Compiled}
   */
  compile(input) {
    const started = performance.now();
    const compilation = compile(input);
    try {
      const policies = readPolicies(compilation.authorizationPolicies, compilation.origins, compilation.yaml());
      return {
        policies,
        findings: compilation.diagnostics,
        meshPolicies: compilation.meshPolicies.length,
        dropped: compilation.dropped,
        badInput: compilation.badInput,
        took: performance.now() - started,
      };
    } finally {
      compilation.free();
    }
  },
};

const ready = init({ module_or_path: wasm });
ready.then(
  () => postMessage({ ready: true }),
  (error) => postMessage({ ready: false, error: String(error) }),
);

addEventListener("message", async ({ data: { id, op, argument } }) => {
  try {
    await ready;
    const answer = answers[/** @type {keyof typeof answers} */ (op)](argument);
    postMessage({ id, answer });
  } catch (error) {
    // Bad input is answered by diagnostics: what the core throws is a fault of its own.
    postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
