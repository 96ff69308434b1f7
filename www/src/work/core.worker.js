// The core, away from the page: typing never waits for it.
import init, { analyse, compile } from "../../../pkg/mesh_policy.js";
import wasm from "../../../pkg/mesh_policy_bg.wasm?url";
import { readPolicies, readPolicy } from "./policies.js";
import { seen } from "./reach.js";

/** @import { Answer, Difference, Expected, Input, Compiled, Question, Suggestion } from "./core.js" */
/** @import { Policy } from "./policies.js" */
/** @import { Overview, Seen } from "./reach.js" */
/** @import { MeshAnalysis } from "../../../pkg/mesh_policy.js" */

/** The input of the last compilation, its policies, and its mesh once somebody has asked about it. @type {{ input: Input, policies?: Policy[], mesh?: MeshAnalysis, overview?: Overview }} */
let last = { input: { bundles: [], charms: [], databags: [], manifests: [], expectations: [] } };

/** What the last compilation is compared with. @type {{ input: Input, mesh?: MeshAnalysis } | undefined} */
let baseline;

/** @param {{ input: Input, mesh?: MeshAnalysis }} of */
function mesh(of) {
  const mesh = (of.mesh ??= analyse(of.input));
  if (mesh.badInput) throw new Error("the input cannot be read: see the problems");
  return mesh;
}

const answers = {
  /** After a new start: what questions are about. @param {Input} input */
  input(input) {
    last = { input };
  },

  /**
   * @param {Input} input
   * @returns {Compiled}
   */
  compile(input) {
    const started = performance.now();
    last.mesh?.free();
    last = { input };
    const compilation = compile(input);
    try {
      // One text and its parsing are several times as fast as objects made one by one across the boundary.
      const { authorizationPolicies, diagnostics } = JSON.parse(compilation.json());
      const policies = readPolicies(authorizationPolicies, compilation.origins, compilation.yaml());
      const live = input.manifests.length > 0 ? manifests() : { policies: [], findings: [], badInput: false };
      last.policies = [...policies, ...live.policies];
      return {
        policies: last.policies,
        findings: [...diagnostics, ...live.findings],
        dropped: compilation.dropped,
        badInput: compilation.badInput || live.badInput,
        took: performance.now() - started,
      };
    } finally {
      compilation.free();
    }
  },

  /** @returns {Expected} */
  check() {
    const checked = mesh(last).test({ expectations: last.input.expectations });
    try {
      return { ...JSON.parse(checked.json()), diagnostics: checked.diagnostics };
    } finally {
      checked.free();
    }
  },

  /** @returns {Seen} applications, and who may reach whom */
  see: () => seen(overview(), last.policies ?? []),

  lint: () => mesh(last).lint(),

  /** @param {Input} input */
  baseline(input) {
    baseline?.mesh?.free();
    baseline = { input };
  },

  /** @returns {Difference} */
  compare() {
    if (!baseline) throw new Error("there is no baseline yet");
    return JSON.parse(mesh(baseline).diffTo(mesh(last)));
  },

  /**
   * @param {Question} question
   * @returns {Answer}
   */
  ask(question) {
    const request = JSON.stringify(question);
    const answer = JSON.parse(mesh(last).trace(request));
    // What it depends on stands as sentences in the explanation, below its first line.
    const [, reasons = ""] = answer.verdict === "depends" ? (/^it depends: .*\n([^]*?)\n\n/.exec(mesh(last).explain(request)) ?? []) : [];
    return { ...answer, reasons: reasons.split("\n").map((line) => line.trim()).filter(Boolean) };
  },

  /**
   * @param {Question} question
   * @returns {Suggestion | undefined}
   */
  suggest(question) {
    const found = mesh(last).suggest(last.input, JSON.stringify(question));
    return found === undefined ? undefined : JSON.parse(found);
  },
};

/** @returns {Overview} */
const overview = () => (last.overview ??= JSON.parse(mesh(last).overview()));

/** What manifests hold, and what is wrong with them: the analysis reads them, the compiler does not. */
function manifests() {
  const { input } = last;
  const read = (last.mesh ??= analyse(input));
  const files = new Set(input.manifests.map(({ file }) => file));
  return {
    policies: read.badInput ? [] : written(overview()),
    findings: read.diagnostics.filter(({ place }) => place && files.has(place.file)),
    badInput: read.badInput,
  };
}

/** @param {Overview} overview @returns {Policy[]} */
function written({ policies, attached, applications }) {
  const to = new Map(attached.map(({ policy, to }) => [policy, to]));
  return policies.map(({ file, line, column, json, yaml }) => {
    const policy = readPolicy(JSON.parse(json), { declared: { file, line, column } }, yaml);
    // Labels are said by the name of what has them, where that is known.
    const named = policy.targets.every(({ kind }) => kind === "pods") ? to.get(`${policy.namespace}/${policy.name}`) : undefined;
    return named ? { ...policy, targets: named.flatMap((at) => applications[at] ?? []).map(({ kind, namespace, name }) => ({ kind, namespace, name })) } : policy;
  });
}

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
    // What is wrong with the input is a diagnostic, what is wrong with a question an error; a trap is a fault of the core.
    postMessage({ id, error: error instanceof Error ? error.message : String(error), trap: error instanceof WebAssembly.RuntimeError });
  }
});
