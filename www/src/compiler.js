// The one door to the core.
import init, { compile } from "../../pkg/mesh_policy.js";
import wasm from "../../pkg/mesh_policy_bg.wasm?url";
import { splitDocuments } from "./documents.js";

/**
 * @typedef {object} Finding a diagnostic, its place counted in the editor's text
 * @property {string} code
 * @property {"error" | "warning" | "note"} severity
 * @property {string} message
 * @property {string | undefined} help
 * @property {{ editor: "bundle" | "charms" | undefined, file: string, line: number, column: number } | undefined} place
 *
 * @typedef {object} Result
 * @property {string} yaml
 * @property {number} policies how many AuthorizationPolicies
 * @property {Finding[]} findings
 * @property {boolean} dropped a diagnostic dropped a policy
 * @property {boolean} badInput the input could not be read
 */

const BUNDLE = "bundle.yaml";
const CHARMS = "charms.yaml";

/** @returns {Promise<unknown>} settled when `compileTexts` may be called */
export const ready = () => init({ module_or_path: wasm });

/**
 * @param {{ bundle: string, charms: string, model: string }} input
 * @returns {Result}
 */
export function compileTexts({ bundle, charms, model }) {
  // Each document is a file of its own to the compiler, so that an error in one does not hide the others.
  const documents = new Map(splitDocuments(charms).map((d, i) => [`${CHARMS}#${i + 1}`, d]));
  const compilation = compile({
    bundles: bundle.trim() === "" ? [] : [{ file: BUNDLE, text: bundle, ...(model && { model }) }],
    charms: Array.from(documents, ([file, { text }]) => ({ file, text })),
  });
  try {
    return {
      yaml: compilation.yaml(),
      policies: JSON.parse(compilation.json()).authorizationPolicies.length,
      findings: compilation.diagnostics.map(({ code, severity, message, help, place }) => ({
        code,
        severity,
        message,
        help,
        place: place && located(place),
      })),
      dropped: compilation.dropped,
      badInput: compilation.badInput,
    };
  } finally {
    compilation.free();
  }

  /**
   * @param {{ file: string, line: number, column: number }} place
   * @returns {NonNullable<Finding["place"]>}
   */
  function located({ file, line, column }) {
    const document = documents.get(file);
    if (document) return { editor: "charms", file: CHARMS, line: line + document.before, column };
    return { editor: file === BUNDLE ? "bundle" : undefined, file, line, column };
  }
}
