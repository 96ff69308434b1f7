// What the command line prints for people.

/** @typedef {import('../pkg/mesh_policy.js').Diagnostic} Diagnostic */

/** @param {NodeJS.WriteStream} stream */
function painter(stream) {
  const colour = stream.isTTY && !process.env.NO_COLOR;
  return (/** @type {number} */ code, /** @type {string} */ text) =>
    colour ? `\u001b[${code}m${text}\u001b[0m` : text;
}

/**
 * Control characters are shown as escapes, so that no input can steer the terminal. So is the first character of `##[`, by
 * which a line in the log of a GitHub workflow becomes a command wherever it stands.
 * @param {string} text
 */
export function printable(text) {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]|#(?=#\[)/gu, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

/**
 * JSON text in which characters that nobody sees, and that steer terminals, are written as escapes: what the core writes has
 * them so.
 * @param {unknown} value
 * @param {number} [space]
 */
export const json = (value, space) =>
  JSON.stringify(value, undefined, space).replace(/[\u0080-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]/g, (c) =>
    `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** A file's name at the begin of a line, where `::` would begin a command of a GitHub workflow. @param {string} file */
const leading = (file) => printable(file.trimStart().startsWith('::') ? `./${file}` : file);

/**
 * @param {Diagnostic[]} diagnostics
 * @param {NodeJS.WriteStream} stream
 */
export function renderDiagnostics(diagnostics, stream) {
  const paint = painter(stream);
  const colours = { error: 31, warning: 33, note: 36 };
  let out = '';
  for (const { severity, code, message, place, help } of diagnostics) {
    const where = place ? `${leading(place.file)}:${place.line}:${place.column}: ` : '';
    out += `${where}${paint(colours[severity], severity)}[${code}]: ${printable(message)}\n`;
    // What is called so where something is wrong is written as a dash.
    if (help) out += `  help: ${printable(help).replaceAll('=<stdin>', '=-')}\n`;
  }
  return out;
}
