// The outline of a YAML text while it is being typed: keys by their indentation, whatever is broken between them. For
// completion and fixes only; what a text means is the core's to say.

/**
 * @typedef {object} Entry
 * @property {string} key empty for the item of a list
 * @property {string} value what stands behind the key on its line
 * @property {number} indent column of the key, from 0
 * @property {number} line from 1
 * @property {Entry[]} children
 */

/** Longer texts have no outline: it must cost nothing to type. */
const LONGEST = 1_000_000;
const DEEPEST = 60;

/** @param {string} text a scalar as written */
export function plain(text) {
  const trimmed = text.trim();
  const quoted = /^(?:'((?:[^']|'')*)'|"((?:[^"\\]|\\.)*)")/.exec(trimmed);
  if (quoted) return quoted[1]?.replaceAll("''", "'") ?? quoted[2] ?? "";
  return trimmed.replace(/(?:^|\s)#.*$/, "").trim();
}

/**
 * @param {string} text
 * @returns {Entry} the root; its children are the top-level keys
 */
export function outline(text) {
  /** @type {Entry} */
  const root = { key: "", value: "", indent: -1, line: 0, children: [] };
  if (text.length > LONGEST) return root;
  const open = [root];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = (lines[at] ?? "").slice(0, 1000);
    if (/^\s*(?:#|$)/.test(line) || /^(?:---|\.\.\.)/.test(line)) continue;
    let indent = line.length - line.trimStart().length;
    let rest = line.slice(indent);
    while (open.length > 1 && (open.at(-1)?.indent ?? -1) >= indent) open.pop();
    for (let depth = 0; /^-(?:\s|$)/.test(rest) && depth < 4; depth++) {
      const item = { key: "", value: plain(rest.slice(1)), indent, line: at + 1, children: [] };
      push(item);
      const inner = rest.slice(1).trimStart();
      indent += rest.length - inner.length;
      rest = inner;
    }
    const pair = /^("[^"]*"|'[^']*'|[^\s#:,[{][^:#]*?)\s*:(?:\s+(.*))?$/.exec(rest);
    if (pair) push({ key: plain(pair[1] ?? ""), value: plain(pair[2] ?? ""), indent, line: at + 1, children: [] });
  }
  return root;

  /** @param {Entry} entry */
  function push(entry) {
    // `a:` and the list below it may stand at the same column.
    while (open.length > 1 && (open.at(-1)?.indent ?? -1) >= entry.indent) {
      const top = /** @type {Entry} */ (open.at(-1));
      if (entry.key === "" && top.key !== "" && top.indent === entry.indent) break;
      open.pop();
    }
    open.at(-1)?.children.push(entry);
    if (open.length < DEEPEST) open.push(entry);
  }
}

/** @param {Entry | undefined} entry @param {...string} keys */
export function under(entry, ...keys) {
  for (const key of keys) entry = entry?.children.find((child) => child.key === key);
  return entry;
}

/**
 * The items of a list that is written `[a, b]` or below its key.
 * @param {Entry | undefined} entry
 * @returns {string[]}
 */
export function items(entry) {
  if (!entry) return [];
  const flow = /^\[(.*)\]?$/.exec(entry.value);
  if (flow) return (flow[1] ?? "").replace(/\]$/, "").split(",").map(plain).filter(Boolean);
  return entry.children.filter(({ key }) => key === "").map(({ value }) => value).filter(Boolean);
}

/**
 * @typedef {object} CharmOutline
 * @property {string} charm
 * @property {{ name: string, role: "provides" | "requires" | "peers", interface: string }[]} endpoints
 *
 * @typedef {object} BundleOutline
 * @property {{ name: string, charm: string }[]} applications
 * @property {string[]} saas
 */

/** @param {Entry} root @returns {CharmOutline} */
export function charmOutline(root) {
  return {
    charm: under(root, "charm")?.value ?? "",
    endpoints: /** @type {const} */ (["provides", "requires", "peers"]).flatMap((role) =>
      (under(root, role)?.children ?? []).map((entry) => ({
        name: entry.key,
        role,
        interface: under(entry, "interface")?.value ?? /interface:\s*([\w-]+)/.exec(entry.value)?.[1] ?? "",
      })),
    ),
  };
}

/** @param {Entry} root @returns {BundleOutline} */
export function bundleOutline(root) {
  return {
    applications: (under(root, "applications")?.children ?? []).map((entry) => ({
      name: entry.key,
      charm: under(entry, "charm")?.value ?? /charm:\s*([\w-]+)/.exec(entry.value)?.[1] ?? "",
    })),
    saas: (under(root, "saas")?.children ?? []).map(({ key }) => key),
  };
}

/**
 * The keys above a line, outermost first, by indentation alone.
 * @param {(line: number) => string} lineAt from 1
 * @param {number} line
 * @param {number} indent of what is being written
 * @returns {{ key: string, line: number, indent: number }[]}
 */
export function pathAbove(lineAt, line, indent) {
  /** @type {{ key: string, line: number, indent: number }[]} */
  const path = [];
  let limit = indent;
  for (let at = line - 1, seen = 0; at >= 1 && limit > 0 && seen < 5000; at--, seen++) {
    const text = lineAt(at);
    if (/^\s*(?:#|$)/.test(text)) continue;
    const found = /^(\s*)((?:-\s+)*)("[^"]*"|'[^']*'|[^\s#:,[{-][^:#]*?)\s*:(?:\s|$)/.exec(text);
    if (!found) continue;
    const column = (found[1] ?? "").length + (found[2] ?? "").length;
    if (column >= limit) continue;
    path.unshift({ key: plain(found[3] ?? ""), line: at, indent: column });
    // What stands at a list item's own column belongs to the list's key, which may be as far left as the dash.
    limit = found[2] ? (found[1] ?? "").length + 1 : column;
  }
  return path;
}
