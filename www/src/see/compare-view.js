// What a change grants and what it revokes, against a baseline, while one types.
/** @import { Change, Difference, Input } from "../work/core.js" */
/** @import { Workspace } from "../workspace.js" */
import { counted, el, prose, shown } from "../dom.js";

const SHOWN = 200;

export class CompareView {
  #when = "";
  #asked = 0;
  #last = "";
  /** @type {Difference | undefined} */
  #difference;

  /**
   * @param {HTMLElement} root
   * @param {Workspace} workspace
   * @param {{ keep: (input: Input) => Promise<unknown>, compare: () => Promise<Difference>, ask: (change: Change) => void, open: () => Promise<Input | undefined>, counted: (n: number) => void }} actions
   */
  constructor(root, workspace, { keep, compare, ask, open, counted }) {
    this.workspace = workspace;
    this.actions = { keep, compare, ask, open, counted };
    this.told = el("p", { class: "quiet-text" });
    this.list = el("div", { class: "changes", "aria-live": "polite" });
    root.append(
      el(
        "div",
        { class: "bar" },
        this.told,
        el("span", { class: "gap" }),
        el("button", { type: "button", class: "quiet", onclick: () => void this.baseline(workspace.input(), "what you kept").then(() => this.show()) }, "Keep this as baseline"),
        el(
          "button",
          {
            type: "button",
            class: "quiet",
            onclick: async () => {
              const input = await open();
              if (input) void this.baseline(input, "the files you opened").then(() => this.show());
            },
          },
          "Open a baseline…",
        ),
      ),
      el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Changes of access" }, this.list),
    );
  }

  /**
   * @param {Input} input
   * @param {string} what
   */
  async baseline(input, what) {
    this.#when = `Compared with ${what} at ${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false })}`;
    this.told.textContent = this.#when;
    this.#last = "";
    await this.actions.keep(input);
  }

  async show() {
    if (this.#when === "") return;
    const asked = ++this.#asked;
    try {
      const difference = await this.actions.compare();
      if (asked !== this.#asked) return;
      const text = JSON.stringify(difference);
      if (text === this.#last) return;
      this.#last = text;
      this.#difference = difference;
      this.#render();
    } catch (error) {
      if (asked !== this.#asked || (error instanceof Error && error.name === "Superseded")) return;
      this.#last = "";
      this.list.replaceChildren(el("p", { class: "quiet-text" }, ...prose(error instanceof Error ? error.message : String(error))));
    }
  }

  #render() {
    const difference = this.#difference;
    if (!difference) return;
    const { equivalent, granted, revoked, unknown, notCompared } = difference;
    this.actions.counted(granted.length + revoked.length + unknown.length);
    this.list.replaceChildren(
      ...(equivalent ? [el("p", { class: "same" }, "Nobody may do anything more, and nobody anything less."), el("p", { class: "quiet-text" }, "Change a file: what that grants and what it revokes stands here, each with a request that shows it.")] : []),
      ...this.#part("Granted", "granted", granted),
      ...this.#part("Revoked", "revoked", revoked),
      ...this.#part("Not known", "unknown", unknown),
      ...(notCompared.length > 0
        ? [el("section", {}, el("h2", {}, "Not compared"), el("ul", {}, ...notCompared.slice(0, SHOWN).map((what) => el("li", {}, ...prose(typeof what === "string" ? what : (what?.text ?? JSON.stringify(what)))))))]
        : []),
    );
  }

  /** @param {string} title @param {string} kind @param {Change[]} changes */
  #part(title, kind, changes) {
    if (changes.length === 0) return [];
    const sign = { granted: "+", revoked: "−", unknown: "?" }[kind] ?? "";
    return [
      el(
        "section",
        { class: kind },
        el("h2", {}, title, el("span", { class: "quiet-text" }, ` ${counted(changes.length, "change")}`)),
        el(
          "ul",
          {},
          ...changes.slice(0, SHOWN).map((change) =>
            el(
              "li",
              {},
              el("span", { class: "sign", "aria-hidden": "true" }, sign),
              el("div", {}, el("p", {}, ...prose(change.text ?? "")), change.witness ? this.#witness(change) : null),
            ),
          ),
        ),
        changes.length > SHOWN ? el("p", { class: "quiet-text" }, `and ${changes.length - SHOWN} more`) : null,
      ),
    ];
  }

  /** A request that shows it. @param {Change} change */
  #witness(change) {
    const { witness } = change;
    if (!witness) return null;
    const { from, to, method, path, port } = witness;
    const client = from ? `${from.namespace}/${from.serviceAccount}` : "anyone outside the mesh";
    const target = Object.entries(to ?? {})[0]?.join(" ") ?? "";
    return el(
      "p",
      { class: "witness" },
      el("code", {}, shown([client, method, path, port === undefined ? "" : `:${port}`, "→", target].filter(Boolean).join(" "), 300)),
      el("button", { type: "button", class: "link", onclick: () => this.actions.ask(change) }, "ask"),
    );
  }
}
