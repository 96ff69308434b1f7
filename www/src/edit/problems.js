// Everything that the core found, each with its place and what one click puts right.
/** @import { Diagnostic } from "../../../pkg/mesh_policy.js" */
/** @import { OpenFile, Workspace } from "../workspace.js" */
/** @import { Fix } from "./fixes.js" */
import { counted, el, prose, shown } from "../dom.js";

/** More than anybody reads; the rest is counted. */
const SHOWN = 200;
const MARKS = { error: "✕", warning: "!", note: "i" };

export class Problems {
  #last = "";

  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} counts
   * @param {Workspace} workspace
   * @param {{ goTo: (file: OpenFile, line: number, column: number) => void, fixes: (finding: Diagnostic) => Fix[], apply: (file: OpenFile, fix: Fix) => void }} actions
   */
  constructor(list, counts, workspace, { goTo, fixes, apply }) {
    this.list = list;
    this.counts = counts;
    this.workspace = workspace;
    this.goTo = goTo;
    this.fixes = fixes;
    this.apply = apply;
  }

  /** @param {Diagnostic[]} findings */
  show(findings) {
    // The same findings again: whoever reads or tabs through them is not disturbed.
    const text = JSON.stringify([findings, this.workspace.readOnly, this.workspace.files.map(({ name }) => name)]);
    if (text === this.#last) return;
    this.#last = text;
    const rank = { error: 0, warning: 1, note: 2 };
    const sorted = [...findings].sort((a, b) => rank[a.severity] - rank[b.severity]);
    const items = sorted.slice(0, SHOWN).map((finding) => this.#item(finding));
    if (items.length === 0) items.push(el("li", { class: "none" }, "Nothing to report."));
    if (findings.length > SHOWN) items.push(el("li", { class: "none" }, `and ${(findings.length - SHOWN).toLocaleString("en")} more`));
    this.list.replaceChildren(...items);
    const parts = /** @type {const} */ (["error", "warning", "note"])
      .map((severity) => ({ severity, n: findings.filter((f) => f.severity === severity).length }))
      .filter(({ n }) => n > 0)
      .map(({ severity, n }) => el("span", { class: severity }, counted(n, severity)));
    this.counts.replaceChildren(...parts);
  }

  /** @param {Diagnostic} finding */
  #item(finding) {
    const { severity, code, message, help, place } = finding;
    const file = place && this.workspace.byId(place.file);
    const said = fileNames(this.workspace, message);
    const advice = help && fileNames(this.workspace, help);
    const fixes = file && !this.workspace.readOnly ? this.fixes(finding) : [];
    return el(
      "li",
      { class: `problem ${severity}` },
      el("span", { class: "mark", "aria-hidden": "true" }, MARKS[severity]),
      el(
        "div",
        { class: "said" },
        el("p", { class: "message" }, el("span", { class: "unseen" }, `${severity}: `), ...prose(said)),
        advice ? el("p", { class: "help" }, ...prose(advice)) : null,
        fixes.length > 0
          ? el(
              "p",
              { class: "fixes" },
              ...fixes.map((fix) => el("button", { type: "button", class: "fix", onclick: () => file && this.apply(file, fix) }, shown(fix.label, 80))),
            )
          : null,
      ),
      el(
        "div",
        { class: "where" },
        place && file
          ? el(
              "button",
              { type: "button", class: "link place", title: "Go to this place", onclick: () => this.goTo(file, place.line, place.column) },
              `${shown(file.name, 40)}:${place.line}`,
            )
          : null,
        el("span", { class: "code" }, code),
      ),
    );
  }
}

/**
 * The compiler calls files by what this page calls them inside.
 * @param {Workspace} workspace
 * @param {string} text
 */
export const fileNames = (workspace, text) =>
  text.replace(/`([^`]*=)?(f\d+)`/g, (all, model, id) => {
    const file = workspace.byId(id);
    return file ? `\`${model ?? ""}${file.name}\`` : all;
  });
