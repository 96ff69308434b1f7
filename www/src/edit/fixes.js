// What one click puts right: by a diagnostic's stable code, the text at its place, and what its help names.
/** @import { Diagnostic } from "../../../pkg/mesh_policy.js" */
/** @import { Text } from "@codemirror/state" */
/** @import { Workspace, OpenFile } from "../workspace.js" */
import { charmsOf, outlineOf } from "./completion.js";
import { bundleOutline, charmOutline } from "./outline.js";
import { offsetOf, wordAt } from "./places.js";

/**
 * @typedef {object} Fix
 * @property {string} label what the button says
 * @property {{ from: number, to: number, insert: string }} [change] in the diagnostic's file
 * @property {() => void} [act] something else than a change of the text
 */

const MOST = 3;

/** @param {string | undefined} help @returns {string[]} what it has in backticks */
const quoted = (help) => [...(help ?? "").matchAll(/`([^`]{1,200})`/g)].map(([, text]) => text ?? "");

/**
 * @param {Diagnostic} finding
 * @param {OpenFile} file where it is
 * @param {Text} doc that file's
 * @param {Workspace} workspace
 * @returns {Fix[]}
 */
export function fixesOf(finding, file, doc, workspace) {
  const { code, help, place } = finding;
  if (!place || place.line > doc.lines) return [];
  const at = offsetOf(doc, place.line, place.column);
  const word = wordAt(doc, at);
  /** @param {string} insert @param {{ from: number, to: number }} [range] @returns {Fix} */
  const write = (insert, range = word) => ({ label: `Write ${insert}`, change: { from: range.from, to: range.to, insert } });

  switch (code) {
    case "misspelled-key":
      return quoted(help).slice(0, 1).map((key) => write(key));
    case "deprecated-policy": {
      const kind = valueOf("kind");
      return kind ? [{ ...write("app", kind), label: "Write kind: app" }] : [];
    }
    case "ambiguous-relation": {
      const item = itemAt();
      if (!item) return [];
      const pairs = quoted(help);
      const fixes = [];
      for (let i = 0; i + 1 < pairs.length && fixes.length < MOST; i += 2)
        fixes.push({ label: `Relate ${pairs[i]} – ${pairs[i + 1]}`, change: { ...item, insert: `[${pairs[i]}, ${pairs[i + 1]}]` } });
      return fixes;
    }
    case "policy-on-undeclared-endpoint": {
      const relation = valueOf("relation");
      const declared = charmOutline(outlineOf(file)).endpoints.map(({ name }) => name);
      if (!relation) return [];
      return nearest(relation.text, declared).map((name) => write(name, relation));
    }
    case "unknown-application": {
      const { applications, saas } = bundleOutline(outlineOf(file));
      const [, name = "", rest = ""] = /^["']?([^:"']*)(.*)$/s.exec(word.text) ?? [];
      const quote = /^["']/.exec(word.text)?.[0] ?? "";
      return nearest(name, [...applications.map((a) => a.name), ...saas]).map((known) => write(`${quote}${known}${rest}`));
    }
    case "undeclared-endpoint": {
      const [, application = "", endpoint = "", end = ""] = /^["']?([^:"']*):([^"']*)(["']?)$/.exec(word.text) ?? [];
      const charm = bundleOutline(outlineOf(file)).applications.find(({ name }) => name === application)?.charm;
      const known = charmsOf(workspace).find((c) => c.charm === charm)?.endpoints.map(({ name }) => name) ?? [];
      return nearest(endpoint, known).map((name) => write(`${end}${application}:${name}${end}`));
    }
    case "model-name-required":
    case "model-name-assumed": {
      if (file.kind !== "bundle") return [];
      const own = /^name:\s*["']?([a-z0-9-]+)/m.exec(file.text)?.[1];
      const model = own ?? file.name.replace(/\..*$/, "").toLowerCase().replace(/[^a-z0-9-]+/g, "-");
      return model ? [{ label: `Call the model ${model}`, act: () => workspace.change(file, { model }) }] : [];
    }
    case "charm-file-missing": {
      const charm = quoted(finding.message).at(-1);
      if (!charm || !/^[a-z0-9-]+$/.test(charm)) return [];
      return [{ label: `Begin a file for ${charm}`, act: () => workspace.add([{ name: `${charm}.yaml`, kind: "charm", model: "", text: newCharm(charm) }]) }];
    }
    case "offer-without-cmr": {
      const endpoint = quoted(help)[0];
      const added = endpoint && afterKey("endpoints", endpoint);
      return added ? [added] : [];
    }
    default:
      return [];
  }

  /** The value of a key in the mapping at the place. @param {string} key */
  function valueOf(key) {
    const first = doc.lineAt(at);
    for (let n = first.number; n <= Math.min(doc.lines, first.number + 20); n++) {
      const line = doc.line(n);
      // The next item of the list is another policy.
      if (n > first.number && line.text.slice(0, at - first.from).includes("-")) return undefined;
      const start = n === first.number ? at - first.from : 0;
      const found = new RegExp(`(?:^|[\\s{,])${key}\\s*:\\s*`).exec(line.text.slice(start));
      if (found) return wordAt(doc, line.from + start + found.index + found[0].length);
    }
    return undefined;
  }

  /** The relation at the place, written in one or in two lines. */
  function itemAt() {
    const line = doc.lineAt(at);
    const column = at - line.from;
    const flow = /^\[[^\]]*\]/.exec(line.text.slice(column));
    if (flow) return { from: at, to: at + flow[0].length };
    if (line.number === doc.lines) return undefined;
    const next = doc.line(line.number + 1);
    return line.text.slice(column).startsWith("-") && next.text.slice(column).startsWith("-") ? { from: at, to: next.to } : undefined;
  }

  /** Adds an item to the list below a key under the place. @param {string} key @param {string} item @returns {Fix | undefined} */
  function afterKey(key, item) {
    const first = doc.lineAt(at);
    for (let n = first.number + 1; n <= Math.min(doc.lines, first.number + 6); n++) {
      const line = doc.line(n);
      if (line.text.trim() !== `${key}:`) continue;
      if (n === doc.lines) return undefined;
      const dash = /^(\s*)-\s/.exec(doc.line(n + 1).text);
      if (!dash) return undefined;
      return { label: `Add ${item}`, change: { from: line.to, to: line.to, insert: `\n${dash[1]}- ${item}` } };
    }
    return undefined;
  }
}

/** @param {string} charm */
const newCharm = (charm) => `charm: ${charm}
mesh:
  service_mesh_consumer: true
requires:
  service-mesh:
    interface: service_mesh
policies: []
`;

/**
 * The names most like a word, if any is like it.
 * @param {string} word
 * @param {string[]} names
 */
function nearest(word, names) {
  return names
    .slice(0, 2000)
    .map((name) => ({ name, distance: distance(word, name) }))
    .filter(({ name, distance }) => distance <= Math.max(2, Math.floor(name.length / 3)))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, MOST)
    .map(({ name }) => name);
}

/** Edits between two words, a swap of neighbours counted as one. @param {string} a @param {string} b */
function distance(a, b) {
  if (a.length > 64 || b.length > 64) return 99;
  /** @type {number[][]} */
  const rows = [Array.from({ length: b.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((rows[i - 1]?.[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (rows[i - 1]?.[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (rows[i - 2]?.[j - 2] ?? 0) + 1);
      row.push(best);
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] ?? 99;
}
