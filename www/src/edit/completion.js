// What may be written at the caret: applications, endpoints, methods, kinds, keys.
/** @import { CompletionContext, CompletionResult, Completion } from "@codemirror/autocomplete" */
/** @import { Workspace, OpenFile } from "../workspace.js" */
/** @import { Entry, CharmOutline } from "./outline.js" */
import { bundleOutline, charmOutline, outline, pathAbove } from "./outline.js";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];

/** @type {Record<string, Record<string, string>>} keys with what they are for */
const KEYS = {
  charm: {
    charm: "the charm's name",
    provides: "endpoints",
    requires: "endpoints",
    peers: "endpoints",
    mesh: "whether it joins a mesh, and how",
    policies: "who may reach it over which relation",
    config_defaults: "values of options",
    raw_policies: "AuthorizationPolicies that it makes itself",
    internal_mesh_policies: "MeshPolicies that it makes itself",
  },
  policies: { kind: "app or unit", relation: "an endpoint", endpoints: "of an app policy", ports: "of a unit policy", service: "another Service", when: "a condition" },
  endpoints: { ports: "a list", methods: "a list", paths: "a list", hosts: "a list" },
  mesh: { service_mesh_consumer: "it joins a mesh", arguments: "names of its endpoints" },
  endpoint: { interface: "what both ends must have in common", optional: "", limit: "" },
  bundle: { applications: "", relations: "", saas: "offers of other models", name: "", bundle: "kubernetes" },
  application: { charm: "", channel: "", scale: "", trust: "", options: "", offers: "", constraints: "" },
};

/** @type {WeakMap<OpenFile, { text: string, root: Entry }>} */
const outlines = new WeakMap();

/** @param {OpenFile} file */
export function outlineOf(file) {
  let known = outlines.get(file);
  if (known?.text !== file.text) outlines.set(file, (known = { text: file.text, root: outline(file.text) }));
  return known.root;
}

/** @param {Workspace} workspace @returns {CharmOutline[]} */
export const charmsOf = (workspace) =>
  workspace.files.filter(({ kind }) => kind === "charm").map((file) => charmOutline(outlineOf(file)));

/**
 * @param {Workspace} workspace
 * @returns {(context: CompletionContext) => CompletionResult | null}
 */
export function completionOf(workspace) {
  return (context) => {
    const file = workspace.active;
    if (!file) return null;
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    if (/(?:^|\s)#/.test(before) || before.length > 2000) return null;
    const word = /[\w./{}*-]*$/.exec(before)?.[0] ?? "";
    if (word === "" && !context.explicit && !/(?:[:,[]\s*|-\s+|:)$/.test(before)) return null;
    const from = context.pos - word.length;
    const found = file.kind === "charm" ? inCharm(file) : file.kind === "databag" ? [] : inBundle(file);
    return found.length > 0 ? { from, options: found, validFor: /^[\w./{}*-]*$/ } : null;

    /** The keys above, and the key on this line. @returns {{ path: string[], key: string | undefined, isItem: boolean, lines: number[] }} */
    function where() {
      const lead = /^(\s*)((?:-\s+)*)/.exec(before);
      const dashed = lead?.[2] !== "";
      const indent = (lead?.[1] ?? "").length + (dashed ? 1 : 0);
      const above = pathAbove((n) => context.state.doc.line(n).text, line.number, indent);
      const key = /^\s*(?:-\s+)*["']?([\w-]+)["']?\s*:\s/.exec(`${before} `)?.[1];
      // Inside braces the nearest key counts: `{ports: [`.
      const inner = [...before.matchAll(/([\w-]+)\s*:\s*\[?[^:{}\]]*$/g)].at(-1)?.[1];
      return { path: above.map(({ key }) => key), key: before.includes(":") ? (inner ?? key) : undefined, isItem: dashed, lines: above.map(({ line }) => line) };
    }

    /** @param {OpenFile} file @returns {Completion[]} */
    function inCharm(file) {
      const { path, key } = where();
      const own = charmOutline(outlineOf({ ...file, text: context.state.doc.toString() }));
      const parent = path.at(-1);
      const list = key ?? parent;
      if (key === "kind") return words(["app", "unit"], "enum", ["access to the Service, by HTTP attributes", "access to the pods, by ports"]);
      if (key === "relation") return own.endpoints.map(({ name, role, interface: i }) => ({ label: name, type: "variable", detail: `${role} ${i}` }));
      if (list === "methods") return words(METHODS, "constant");
      if (list === "ports") return words(seen(/ports:\s*\[([\d,\s]+)\]/g, /^\s*-\s+(\d{1,5})\s*$/gm), "constant");
      if (list === "paths") return words(seen(/paths:\s*\[([^\]\n]+)\]/g, /^\s*-\s+(\/\S*)\s*$/gm), "constant");
      if (key === "when") return words(["always", "service-mesh related", "config "], "keyword");
      if (key === "interface")
        return words([...new Set(charmsOf(workspace).flatMap((c) => c.endpoints.map((e) => e.interface)))].filter(Boolean), "type");
      if (key === "service_mesh_consumer" || key === "optional") return words(["true", "false"], "constant");
      if (key !== undefined) return [];
      if (path.length === 0) return keys("charm");
      if (parent === "endpoints") return keys("endpoints");
      if (parent === "policies" && path.length === 1) return keys("policies");
      if (parent === "mesh") return keys("mesh");
      if (path.length === 2 && ["provides", "requires", "peers"].includes(path[0] ?? "")) return keys("endpoint");
      return [];
    }

    /** @param {OpenFile} file @returns {Completion[]} */
    function inBundle(file) {
      const { path, key, lines } = where();
      const root = outlineOf({ ...file, text: context.state.doc.toString() });
      const bundle = bundleOutline(root);
      const charms = charmsOf(workspace);
      if (path[0] === "relations") return relation(bundle.applications, bundle.saas, charms, before);
      if (path[0] === "applications") {
        if (key === "charm") return words(charms.map(({ charm }) => charm).filter(Boolean), "class");
        if (key === "trust") return words(["true", "false"], "constant");
        if (path.includes("offers") && (path.at(-1) === "endpoints" || key === "endpoints")) {
          const charm = bundle.applications.find(({ name }) => name === path[1])?.charm;
          return (charms.find((c) => c.charm === charm)?.endpoints ?? [])
            .filter(({ role }) => role === "provides")
            .map(({ name, interface: i }) => ({ label: name, type: "variable", detail: i }));
        }
        if (path.length === 2 && key === undefined) return keys("application");
        return [];
      }
      return path.length === 0 && key === undefined && lines.length === 0 ? keys("bundle") : [];
    }

    /**
     * One end of a relation, by what stands at the other one.
     * @param {{ name: string, charm: string }[]} applications
     * @param {string[]} saas
     * @param {CharmOutline[]} charms
     * @param {string} before
     * @returns {Completion[]}
     */
    function relation(applications, saas, charms, before) {
      /** @param {string} name */
      const endpointsOf = (name) => charms.find(({ charm }) => charm === applications.find((a) => a.name === name)?.charm)?.endpoints ?? [];
      const [, application] = /(?:^|[\s,["'])([\w-]+):([\w-]*)$/.exec(before) ?? [];
      const other = otherEnd(before);
      const far = other ? endpointsOf(other.application).find(({ name }) => name === other.endpoint) : undefined;
      /** @param {{ role: string, interface: string }} near */
      const fits = (near) => far !== undefined && near.interface === far.interface && near.role !== far.role && near.interface !== "";
      if (application !== undefined)
        return endpointsOf(application)
          .filter(({ role }) => role !== "peers")
          .map((e) => ({ label: e.name, type: "variable", detail: `${e.role} ${e.interface}`, boost: fits(e) ? 50 : 0 }));
      return [
        ...applications.map(({ name }) => ({ label: name, type: "class", boost: endpointsOf(name).some(fits) ? 50 : 0 })),
        ...saas.map((name) => ({ label: name, type: "interface", detail: "saas" })),
      ];
    }

    /** The end that is written already: on this line, or on the line above. @param {string} before */
    function otherEnd(before) {
      const here = /\[\s*['"]?([\w-]+):([\w-]+)['"]?\s*,/.exec(before);
      const above = line.number > 1 ? context.state.doc.line(line.number - 1).text : "";
      const there = /^\s*-\s+-\s+['"]?([\w-]+):([\w-]+)/.exec(above);
      const found = here ?? (/^\s*-\s/.test(before) && !/^\s*-\s+-/.test(before) ? there : null);
      return found ? { application: found[1] ?? "", endpoint: found[2] ?? "" } : undefined;
    }

    /** @param {...RegExp} patterns @returns {string[]} */
    function seen(...patterns) {
      const values = new Set();
      for (const { text, kind } of workspace.files) {
        if (kind !== "charm" || text.length > 200_000) continue;
        for (const pattern of patterns)
          for (const match of text.matchAll(pattern))
            for (const value of (match[1] ?? "").split(",")) if (value.trim() && values.size < 200) values.add(value.trim());
      }
      return [...values].sort();
    }
  };
}

/** @param {string[]} labels @param {string} type @param {string[]} [details] @returns {Completion[]} */
const words = (labels, type, details = []) => labels.map((label, i) => ({ label, type, ...(details[i] && { detail: details[i] }) }));

/** @param {keyof typeof KEYS} place @returns {Completion[]} */
const keys = (place) =>
  Object.entries(KEYS[place] ?? {}).map(([label, detail]) => ({ label, type: "property", detail, apply: `${label}: ` }));
