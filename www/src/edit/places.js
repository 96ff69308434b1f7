/** @import { Text } from "@codemirror/state" */

/**
 * Where a place that the core names lies in a text: lines count from 1, columns from 1 in characters.
 * @param {Text} doc
 * @param {number} line
 * @param {number} column
 * @returns {number} as the editor counts, in UTF-16 units
 */
export function offsetOf(doc, line, column) {
  const at = doc.line(Math.min(Math.max(1, line), doc.lines));
  // Without surrogates a character is one unit, and long lines cost nothing.
  const text = at.text;
  if (!/[\ud800-\udfff]/.test(text)) return at.from + Math.min(column - 1, text.length);
  let offset = 0;
  let left = column - 1;
  for (const character of text) {
    if (left-- <= 0) break;
    offset += character.length;
  }
  return at.from + offset;
}

/**
 * The word at a place: a quoted text, or all up to the next space, comma or bracket.
 * @param {Text} doc
 * @param {number} from
 * @returns {{ from: number, to: number, text: string }}
 */
export function wordAt(doc, from) {
  const line = doc.lineAt(from);
  const rest = line.text.slice(from - line.from, from - line.from + 300);
  const found = /^(?:"[^"]*"|'[^']*'|[^\s,[\]{}"']+|\S)/.exec(rest)?.[0] ?? "";
  const text = found.replace(/:$/, "") || found;
  return { from, to: from + text.length, text };
}
