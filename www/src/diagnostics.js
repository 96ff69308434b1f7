/** @import { Finding } from "./compiler.js" */

/** More than anybody reads; the rest is counted. */
const SHOWN = 300;

/**
 * The findings as items of a list. Whatever text they quote stays text.
 * @param {Finding[]} findings
 * @param {(place: NonNullable<Finding["place"]>) => void} goTo
 * @returns {HTMLLIElement[]}
 */
export function diagnosticItems(findings, goTo) {
  if (findings.length === 0) return [plain("Nothing to report.")];
  const items = findings.slice(0, SHOWN).map((finding) => {
    const item = document.createElement("li");
    item.append(entry(finding, goTo));
    return item;
  });
  if (findings.length > SHOWN) items.push(plain(`and ${findings.length - SHOWN} more`));
  return items;
}

/**
 * @param {Finding} finding
 * @param {(place: NonNullable<Finding["place"]>) => void} goTo
 */
function entry({ severity, code, message, help, place }, goTo) {
  const line = span("line", span(`badge ${severity}`, severity), span("code", code));
  if (place) line.append(span("place", `${place.file}:${place.line}:${place.column}`));
  const parts = [line, span("message", message)];
  if (help) parts.push(span("help", help));

  if (!place?.editor) {
    const box = document.createElement("div");
    box.className = "diagnostic";
    box.append(...parts);
    return box;
  }
  const button = document.createElement("button");
  button.type = "button";
  button.className = "diagnostic";
  button.title = "Go to this line";
  button.append(...parts);
  button.addEventListener("click", () => goTo(place));
  return button;
}

/** @param {string} text */
function plain(text) {
  const item = document.createElement("li");
  item.className = "plain";
  item.textContent = text;
  return item;
}

/**
 * @param {string} className
 * @param {...(string | Node)} content strings become text nodes
 */
function span(className, ...content) {
  const element = document.createElement("span");
  element.className = className;
  element.append(...content);
  return element;
}

/**
 * @param {Finding[]} findings
 * @returns {string} such as `2 errors, 1 note`
 */
export function countsOf(findings) {
  return ["error", "warning", "note"]
    .map((severity) => ({ severity, n: findings.filter((f) => f.severity === severity).length }))
    .filter(({ n }) => n > 0)
    .map(({ severity, n }) => `${n} ${severity}${n === 1 ? "" : "s"}`)
    .join(", ");
}
