/** @import { NewFile } from "../workspace.js" */

/**
 * An example as the page opens it.
 * @param {Record<string, unknown>} bundles text by path
 * @param {Record<string, unknown>} charms text by path
 * @param {(name: string) => string} model of a bundle, by the file's name
 * @returns {NewFile[]}
 */
export function files(bundles, charms, model) {
  /** @param {string} path */
  const base = (path) => path.slice(path.lastIndexOf("/") + 1);
  return [
    ...Object.entries(bundles).sort(([a], [b]) => a.length - b.length).map(([path, text]) => ({
      name: base(path),
      kind: /** @type {const} */ ("bundle"),
      model: model(base(path)),
      text: String(text),
    })),
    ...Object.entries(charms).map(([path, text]) => ({
      name: base(path),
      kind: /** @type {const} */ ("charm"),
      model: "",
      text: String(text),
    })),
  ];
}
