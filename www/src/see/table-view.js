// The accesses as a table, to read, sort and filter.
/** @import { Access, Seen } from "../work/reach.js" */
import { counted, el, shown } from "../dom.js";
import { VERDICTS } from "./legend.js";

const PAGE = 200;

/** @typedef {{ access: Access, source: string, target: string, layer: string, what: string, n: number }} Row */

/** @type {{ key: keyof Omit<Row, "access">, title: string }[]} */
const COLUMNS = [
  { key: "source", title: "From" },
  { key: "target", title: "To" },
  { key: "layer", title: "Layer" },
  { key: "what", title: "May" },
  { key: "n", title: "By" },
];

export class TableView {
  /** @type {Access[]} */
  #accesses = [];
  /** @type {Row[]} */
  #rows = [];
  #limit = PAGE;
  /** @type {{ key: keyof Omit<Row, "access">, down: boolean }} */
  #sort = { key: "source", down: false };

  /**
   * @param {HTMLElement} root
   * @param {(policies: number[], why: string) => void} openPolicies
   */
  constructor(root, openPolicies) {
    this.openPolicies = openPolicies;
    this.filter = el("input", { type: "search", placeholder: "Filter …", "aria-label": "Filter the table", spellcheck: "false", oninput: () => ((this.#limit = PAGE), this.#render()) });
    this.heads = COLUMNS.map(({ key, title }) =>
      el(
        "th",
        { scope: "col" },
        el(
          "button",
          {
            type: "button",
            onclick: () => {
              this.#sort = { key, down: this.#sort.key === key && !this.#sort.down };
              this.#render();
            },
          },
          title,
        ),
      ),
    );
    this.body = el("tbody");
    this.more = el("button", { type: "button", class: "quiet more", hidden: true, onclick: () => ((this.#limit += 1000), this.#render()) });
    this.own = el("input", { type: "checkbox", onchange: () => this.#take() });
    this.count = el("span", { class: "quiet-text", role: "status" });
    root.append(
      el(
        "div",
        { class: "bar" },
        this.filter,
        this.count,
        el("span", { class: "gap" }),
        el("label", { class: "check", title: "What waypoints forward, and Juju's own operators" }, this.own, " the mesh’s own parts"),
      ),
      el(
        "div",
        { class: "scroll", tabindex: 0, role: "region", "aria-label": "Accesses" },
        el("table", {}, el("thead", {}, el("tr", {}, ...this.heads)), this.body),
        this.more,
      ),
    );
  }

  /** @param {Seen} seen */
  show({ applications, accesses }) {
    this.#accesses = [
      ...applications.flatMap(({ party, open }) =>
        open.map(
          ({ who, layer, policies }) =>
            /** @type {Access} */ ({ id: "", source: { kind: "anyone", namespace: "", name: who }, target: party, layer, verdict: "allow", what: ["connect"], policies, own: party.kind === "operator" }),
        ),
      ),
      ...accesses,
    ];
    this.#take();
  }

  #take() {
    const all = this.own.checked;
    this.#rows = this.#accesses
      .filter(({ own }) => all || !own)
      .map((access) => ({
        access,
        // Those that hold for everybody come after those that name somebody.
        source: `${access.source.kind === "anyone" ? "\u{10ffff}" : ""}${nameOf(access.source)}`,
        target: nameOf(access.target),
        layer: access.layer,
        what: `${VERDICTS[access.verdict] && `${VERDICTS[access.verdict]}: `}${access.what.join("; ")}`,
        n: access.policies.length,
      }));
    this.#render();
  }

  #render() {
    const { key, down } = this.#sort;
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = this.#rows
      .filter((row) => words.every((word) => `${row.source} ${row.target} ${row.layer} ${row.what}`.toLowerCase().includes(word)))
      .sort((a, b) => (typeof a[key] === "number" ? Number(a[key]) - Number(b[key]) : String(a[key]) < String(b[key]) ? -1 : a[key] === b[key] ? 0 : 1));
    if (down) rows.reverse();
    COLUMNS.forEach((column, i) => {
      const head = this.heads[i];
      if (column.key === key) head?.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head?.removeAttribute("aria-sort");
    });
    // Where there is one namespace, it goes without saying.
    const several = new Set(this.#rows.flatMap(({ access }) => [access.source.namespace, access.target.namespace]).filter(Boolean)).size > 1;
    this.body.replaceChildren(
      ...rows.slice(0, this.#limit).map(({ access, what, n }) =>
        el(
          "tr",
          { class: access.verdict },
          el("td", {}, ...cell(access.source, several)),
          el("td", {}, ...cell(access.target, several)),
          el("td", {}, el("span", { class: `layer ${access.layer} ${access.verdict}` }, access.layer)),
          el("td", { class: "what" }, shown(what, 400)),
          el(
            "td",
            {},
            n > 0
              ? el(
                  "button",
                  { type: "button", class: "link", onclick: () => this.openPolicies(access.policies, `${shown(access.source.name, 30)} → ${shown(access.target.name, 30)}`) },
                  counted(n, "policy", "policies"),
                )
              : el("span", { class: "quiet-text" }, "no policy"),
          ),
        ),
      ),
      ...(rows.length === 0 ? [el("tr", {}, el("td", { class: "empty", colspan: COLUMNS.length }, this.#rows.length > 0 ? "Nothing matches." : "Nobody may reach anything: the files name no application that could."))] : []),
    );
    this.count.textContent = counted(rows.length, "access", "accesses");
    const left = rows.length - Math.min(rows.length, this.#limit);
    this.more.hidden = left === 0;
    this.more.textContent = `Show ${left.toLocaleString("en")} more`;
  }
}

/** @param {Access["source"]} party */
const nameOf = ({ namespace, name }) => `${name} ${namespace}`;

/** @param {Access["source"]} party @param {boolean} several namespaces */
const cell = ({ kind, namespace, name }, several) => [
  el("span", { class: `party ${kind}` }, shown(name, 60)),
  several && namespace ? el("span", { class: "ns" }, shown(namespace, 40)) : null,
];
