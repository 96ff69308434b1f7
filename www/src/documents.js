/**
 * Several YAML documents in one text, taken apart so that each can be told from the others, and put together again
 * where the compiler's answer names a place.
 *
 * @typedef {object} Document
 * @property {string} text the document, its own `---` line included
 * @property {number} before how many lines of the whole text come before it
 */

/**
 * @param {string} text
 * @returns {Document[]} the documents with anything in them
 */
export function splitDocuments(text) {
  /** @type {Document[]} */
  const documents = [];
  const lines = text.split("\n");
  let start = 0;
  for (let i = 0; i <= lines.length; i++) {
    // YAML 1.2, 9.1.2: a marker stands at the start of a line and white space or the line's end follows.
    const ends = i === lines.length || (i > start && /^---(?=\s|$)/.test(lines[i] ?? ""));
    if (!ends) continue;
    const own = lines.slice(start, i);
    if (own.some(holdsContent)) documents.push({ text: own.join("\n"), before: start });
    start = i;
  }
  return documents;
}

/** @param {string} line */
const holdsContent = (line) => !/^(?:---|\.\.\.)?\s*(?:#.*)?$/.test(line);

/**
 * Where a place that the compiler names lies in a text: lines count from 1, columns from 1 in characters.
 * @param {string} text
 * @param {number} line
 * @param {number} column
 * @returns {number} as textareas count, in UTF-16 units
 */
export function offsetOf(text, line, column) {
  let start = 0;
  for (let i = 1; i < line; i++) {
    const end = text.indexOf("\n", start);
    if (end < 0) break;
    start = end + 1;
  }
  const end = text.indexOf("\n", start);
  let offset = start;
  for (const character of text.slice(start, end < 0 ? text.length : end)) {
    if (--column <= 0) break;
    offset += character.length;
  }
  return offset;
}
