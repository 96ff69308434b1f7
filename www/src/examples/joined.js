/**
 * An example as the editors hold it.
 * @param {Record<string, unknown>} bundles text by path
 * @param {Record<string, unknown>} charms text by path
 * @returns {{ bundle: string, charms: string }}
 */
export function joined(bundles, charms) {
  const files = Object.entries(charms)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, text]) => String(text).replace(/^---\s*\n/, "").trimEnd());
  return { bundle: Object.values(bundles).join(""), charms: `${files.join("\n---\n")}\n` };
}
