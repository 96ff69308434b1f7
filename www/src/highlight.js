/** What of a YAML text gets a colour: a key, a quoted string, a comment. */
const TOKENS =
  /(?<key>^[ \t]*(?:- )*[^\s'"#:-][^:\n]*?(?=:(?:\s|$)))|(?<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\n]|'')*')|(?<comment>(?<=^|\s)#.*$)/gmu;

/** Longer texts stay plain. */
const LONGEST = 200_000;

/**
 * Colours the text of an element by the CSS Custom Highlight API: the element keeps one text node, and no markup is
 * made of the text. Where the browser has no such thing the text stays plain.
 * @param {HTMLElement} element
 */
export function highlightYaml(element) {
  if (typeof Highlight === "undefined" || !CSS.highlights) return;
  /** @type {Record<string, Range[]>} */
  const ranges = { key: [], string: [], comment: [] };
  const node = element.firstChild;
  if (node instanceof Text && node.data.length <= LONGEST) {
    for (const match of node.data.matchAll(TOKENS)) {
      const kind = Object.keys(ranges).find((name) => match.groups?.[name] !== undefined);
      if (!kind) continue;
      const range = document.createRange();
      range.setStart(node, match.index);
      range.setEnd(node, match.index + match[0].length);
      ranges[kind]?.push(range);
    }
  }
  for (const [kind, found] of Object.entries(ranges)) {
    CSS.highlights.set(`yaml-${kind}`, new Highlight(...found));
  }
}
