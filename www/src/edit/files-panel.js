// The open files, by kind; the one in front is current.
/** @import { Workspace, OpenFile, Kind } from "../workspace.js" */
/** @import { Diagnostic } from "../../../pkg/mesh_policy.js" */
import { counted, el, shown } from "../dom.js";
import { KINDS } from "../workspace.js";

/** What a narrow list may cut off. */
const ENDING = /\.(?:ya?ml|json)$/;

export class FilesPanel {
  /** @type {Map<string, Diagnostic[]>} */
  #findings = new Map();

  /**
   * @param {HTMLElement} list
   * @param {Workspace} workspace
   */
  constructor(list, workspace) {
    this.list = list;
    this.workspace = workspace;
    workspace.addEventListener("files", () => this.render());
    workspace.addEventListener("active", () => this.render());
    list.addEventListener("keydown", (event) => this.#move(event));
  }

  /** @param {Map<string, Diagnostic[]>} findings by file */
  mark(findings) {
    const of = (/** @type {Map<string, Diagnostic[]>} */ all) => this.workspace.files.map(({ id }) => worst(all.get(id))).join();
    const same = of(findings) === of(this.#findings);
    this.#findings = findings;
    if (!same) this.render();
  }

  render() {
    const { workspace } = this;
    const focused = this.list.contains(document.activeElement);
    this.list.replaceChildren(
      .../** @type {Kind[]} */ (Object.keys(KINDS)).flatMap((kind) => {
        const files = workspace.files.filter((file) => file.kind === kind);
        if (files.length === 0) return [];
        return [
          el("li", { class: "kind" }, KINDS[kind].many, files.length > 3 ? el("span", { class: "n" }, files.length) : null),
          ...files.map((file) => this.#item(file)),
        ];
      }),
    );
    const current = this.list.querySelector("[aria-current]");
    current?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (focused && current instanceof HTMLElement) current.focus();
  }

  /** @param {OpenFile} file */
  #item(file) {
    const { workspace } = this;
    const findings = this.#findings.get(file.id) ?? [];
    const severity = worst(findings);
    const name = shown(file.name || "unnamed", 60);
    const current = workspace.active === file;
    const several = file.model && workspace.files.filter(({ kind }) => kind === "bundle").length > 1;
    return el(
      "li",
      { class: "file" },
      el(
        "button",
        { type: "button", class: "open", "aria-current": current && "true", title: shown(file.name), onclick: () => workspace.activate(file) },
        el("bdi", { class: "stem" }, name.replace(ENDING, "")),
        several ? el("span", { class: "model" }, shown(file.model, 30)) : el("span", { class: "ending" }, ENDING.exec(name)?.[0] ?? ""),
        severity
          ? el("span", { class: `dot ${severity}` }, el("span", { class: "unseen" }, ` ${counted(findings.filter((f) => f.severity === severity).length, severity)}`))
          : null,
      ),
      workspace.readOnly
        ? null
        : el("button", { type: "button", class: "close", "aria-label": `Close ${name}`, title: "Close (Delete)", tabindex: -1, onclick: () => workspace.remove(file) }, "×"),
    );
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const { workspace } = this;
    if (event.key === "Delete" && !workspace.readOnly && workspace.active) {
      event.preventDefault();
      workspace.remove(workspace.active);
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1, ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const buttons = [...this.list.querySelectorAll("button.open")];
    const at = buttons.findIndex((button) => button === document.activeElement);
    const next = buttons[at + step];
    if (!(next instanceof HTMLElement)) return;
    event.preventDefault();
    next.click();
    const now = [...this.list.querySelectorAll("button.open")][at + step];
    if (now instanceof HTMLElement) now.focus();
  }
}

/** @param {Diagnostic[] | undefined} findings @returns {"error" | "warning" | undefined} notes are not worth a mark */
function worst(findings = []) {
  return /** @type {const} */ (["error", "warning"]).find((severity) => findings.some((f) => f.severity === severity));
}
