// The AuthorizationPolicies: one line each, its YAML on demand, and the way back to the declaration.
/** @import { Policy, Party } from "../work/policies.js" */
/** @import { Workspace, OpenFile } from "../workspace.js" */
/** @import { Place } from "../../../pkg/mesh_policy.js" */
import { counted, el, shown } from "../dom.js";
import { operationText } from "../work/policies.js";
import { yamlLines } from "./yaml-lines.js";

/** Shown at once; more on demand. */
const PAGE = 150;

export class PoliciesView {
  /** @type {Policy[]} */
  #policies = [];
  /** @type {number[] | undefined} */
  #only;
  #filter = "";
  #limit = PAGE;
  /** @type {Map<string, { policy: string, item: HTMLLIElement, at: number }>} */
  #items = new Map();
  /** @type {Set<string>} */
  #open = new Set();
  /** @type {number[]} */
  #near = [];

  /**
   * @param {HTMLElement} root
   * @param {Workspace} workspace
   * @param {(file: OpenFile, line: number, column: number) => void} goTo
   */
  constructor(root, workspace, goTo) {
    this.workspace = workspace;
    this.goTo = goTo;
    this.filter = el("input", {
      type: "search",
      placeholder: "Filter by name, path, port …",
      "aria-label": "Filter policies",
      spellcheck: "false",
      oninput: () => {
        this.#filter = this.filter.value.trim().toLowerCase();
        this.#limit = PAGE;
        this.#render();
      },
    });
    this.all = el("button", { type: "button", class: "quiet", onclick: () => this.#toggleAll() }, "Expand all");
    this.chip = el("button", { type: "button", class: "chip", hidden: true, onclick: () => this.only(undefined) });
    this.list = el("ol", { class: "policies", "aria-label": "AuthorizationPolicies" });
    this.more = el("button", { type: "button", class: "quiet more", hidden: true, onclick: () => ((this.#limit += 500), this.#render()) });
    root.append(el("div", { class: "bar" }, this.filter, this.chip, el("span", { class: "gap" }), this.all), this.list, this.more);
  }

  /** @param {Policy[]} policies */
  show(policies) {
    if (this.#only && this.#policies.length !== policies.length) this.#only = undefined;
    this.#policies = policies;
    this.#render();
  }

  /**
   * Shows some policies alone, opened.
   * @param {number[] | undefined} only
   * @param {string} [why]
   */
  only(only, why = "") {
    this.#only = only;
    this.filter.value = this.#filter = "";
    this.chip.textContent = `${why || counted(only?.length ?? 0, "policy", "policies")} ×`;
    this.chip.setAttribute("aria-label", `Showing ${counted(only?.length ?? 0, "policy", "policies")}; show all`);
    for (const at of (only ?? []).slice(0, 10)) {
      const policy = this.#policies[at];
      if (policy) this.#open.add(keyOf(policy, at));
    }
    this.#render();
    this.list.querySelector("button")?.focus({ preventScroll: true });
    this.list.scrollTop = 0;
  }

  /** Marks the policies of the declaration at the caret. @param {number[]} near */
  near(near) {
    if (near.join() === this.#near.join()) return;
    this.#near = near;
    for (const { item, at } of this.#items.values()) item.classList.toggle("near", near.includes(at));
  }

  #render() {
    this.chip.hidden = this.#only === undefined;
    const words = this.#filter.split(/\s+/).filter(Boolean);
    const only = this.#only && new Set(this.#only);
    const found = this.#policies
      .map((policy, at) => ({ policy, at }))
      .filter(({ policy, at }) => (!only || only.has(at)) && words.every((word) => policy.yaml.toLowerCase().includes(word)));
    /** @type {Map<string, { policy: string, item: HTMLLIElement, at: number }>} */
    const items = new Map();
    const shownNow = found.slice(0, this.#limit).map(({ policy, at }) => {
      const key = keyOf(policy, at);
      const text = JSON.stringify(policy);
      const known = this.#items.get(key);
      const item = known?.policy === text ? known.item : this.#item(policy, key);
      items.set(key, { policy: text, item, at });
      item.classList.toggle("near", this.#near.includes(at));
      return item;
    });
    this.#items = items;
    if (shownNow.length === 0)
      shownNow.push(
        el("li", { class: "empty" }, this.#policies.length > 0 ? "No policy matches." : "No AuthorizationPolicies come out of this input."),
      );
    // Only what differs is touched, so that nobody loses the place while typing.
    const now = [...this.list.children];
    if (now.length !== shownNow.length || now.some((node, i) => node !== shownNow[i])) this.list.replaceChildren(...shownNow);
    const left = found.length - Math.min(found.length, this.#limit);
    this.more.hidden = left === 0;
    this.more.textContent = `Show ${left.toLocaleString("en")} more`;
  }

  #toggleAll() {
    const open = this.#open.size === 0;
    if (!open) this.#open.clear();
    else for (const key of this.#items.keys()) this.#open.add(key);
    this.all.textContent = open ? "Collapse all" : "Expand all";
    this.#items.clear();
    this.#render();
  }

  /** @param {Policy} policy @param {string} key */
  #item(policy, key) {
    const body = el("div", { class: "body", hidden: true });
    const head = el(
      "button",
      {
        type: "button",
        class: "head",
        "aria-expanded": "false",
        onclick: () => {
          if (this.#open.delete(key)) fold();
          else unfold();
        },
      },
      el("span", { class: `layer ${policy.layer} ${policy.action === "ALLOW" ? "" : "deny"}`, title: layerTitle(policy) }, policy.action === "ALLOW" ? policy.layer : policy.action),
      el("span", { class: "who" }, ...parties(policy.sources), el("span", { class: "arrow" }, " → "), ...parties(policy.targets)),
      el("span", { class: "what" }, shown(whatOf(policy), 160)),
      policy.when !== undefined ? el("span", { class: "when" }, "only if ", shown(policy.when, 120)) : null,
    );
    const unfold = () => {
      this.#open.add(key);
      head.setAttribute("aria-expanded", "true");
      const { declared, related } = policy.origin;
      const name = shown(policy.name, 300);
      body.replaceChildren(
        el("p", { class: "name" }, el("code", {}, name), copyButton(policy.yaml)),
        el("p", { class: "origin" }, this.#link("declared", declared), this.#link("related", related)),
        el(
          "pre",
          { class: "yaml", tabindex: 0, role: "region", "aria-label": `YAML of ${name}` },
          ...yamlLines(policy.yaml, (_, section) => {
            const place = section === "from" ? (related ?? declared) : ["to", "selector", "targetRefs", "when"].includes(section) ? declared : undefined;
            return place && (() => this.#follow(place));
          }),
        ),
      );
      body.hidden = false;
    };
    const fold = () => {
      head.setAttribute("aria-expanded", "false");
      body.hidden = true;
      body.replaceChildren();
    };
    if (this.#open.has(key)) unfold();
    return el("li", { class: "policy" }, head, body);
  }

  /** @param {Place} place */
  #follow(place) {
    // A click that ends a selection is no wish to leave.
    if (String(getSelection() ?? "") !== "") return;
    const file = this.workspace.byId(place.file);
    if (file) this.goTo(file, place.line, place.column);
  }

  /** @param {string} what @param {Place | undefined} place */
  #link(what, place) {
    const file = place && this.workspace.byId(place.file);
    if (!place || !file) return null;
    return el(
      "span",
      { class: "from" },
      `${what} at `,
      el("button", { type: "button", class: "link", onclick: () => this.goTo(file, place.line, place.column) }, `${shown(file.name, 60)}:${place.line}`),
    );
  }
}

/** @param {Policy} policy @param {number} at */
const keyOf = ({ namespace, name }, at) => `${namespace}/${name}#${at}`;

/** @param {Policy} policy */
const layerTitle = ({ layer, action }) =>
  `${action === "ALLOW" ? "" : `${action}, `}${layer === "L7" ? "enforced at a waypoint, by HTTP attributes" : "enforced at the pods, by ports"}`;

/** @param {Policy} policy */
export const whatOf = ({ operations }) => (operations.length === 0 ? "everything" : operations.map(operationText).join("; "));

/** @param {Party[]} list @returns {Node[]} */
export function parties(list) {
  const first = list.slice(0, 3).flatMap((party, i) => [
    ...(i > 0 ? [document.createTextNode(", ")] : []),
    el("span", { class: `party ${party.kind}`, title: shown(party.namespace ? `${party.name} in ${party.namespace}` : party.name) }, shown(party.name, 48)),
  ]);
  if (list.length === 0) return [el("span", { class: "party anyone" }, "nobody")];
  return list.length > 3 ? [...first, document.createTextNode(` and ${list.length - 3} more`)] : first;
}

/** @param {string} text */
function copyButton(text) {
  const button = el(
    "button",
    {
      type: "button",
      class: "quiet small",
      onclick: async () => {
        try {
          await navigator.clipboard.writeText(text);
          button.textContent = "Copied";
        } catch {
          // Not allowed here: select it, so that the platform's own way of copying does it.
          const pre = button.closest(".body")?.querySelector("pre");
          if (pre) getSelection()?.selectAllChildren(pre);
          button.textContent = "Selected";
        }
        setTimeout(() => (button.textContent = "Copy"), 1500);
      },
    },
    "Copy",
  );
  return button;
}
