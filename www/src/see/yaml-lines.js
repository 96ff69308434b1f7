import { el, shown } from "../dom.js";

/** Longer texts stay plain. */
const LONGEST = 50_000;
const LINE = /^(\s*(?:- )*)(?:("[^"]*"|[^\s"'#][^:]*?)(:)(?=\s|$))?(\s*)(.*)$/;

/**
 * A YAML text as lines with their keys and values apart; nothing in it becomes markup.
 * @param {string} text
 * @param {(line: string, path: string) => (() => void) | undefined} follow what a click on a line does
 * @returns {Node[]}
 */
export function yamlLines(text, follow) {
  if (text.length > LONGEST) return [document.createTextNode(text)];
  let section = "";
  return text
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => {
      const [, lead = "", key, colon = "", space = "", value = ""] = LINE.exec(line) ?? [];
      // Where in the spec a line stands: below `from`, `to`, `selector` or `targetRefs`.
      if (/^\w/.test(line)) section = key ?? "";
      const named = key && /^(?:from|to|when|selector|targetRefs)$/.test(key) ? key : undefined;
      if (named) section = named;
      const act = follow(line, section);
      const parts = [
        lead,
        key !== undefined ? el("span", { class: "tok-key" }, shown(key, 500)) : null,
        colon + space,
        value ? el("span", { class: /^["']/.test(value) ? "tok-string" : "tok-plain" }, shown(value, 1000)) : null,
        "\n",
      ];
      return el("span", { class: act ? "line linked" : "line", ...(act && { onclick: act }) }, ...parts);
    });
}
