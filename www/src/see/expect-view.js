// Expectations about who may reach what, green and red, while one types.
/** @import { Expected, Fate } from "../work/core.js" */
/** @import { Workspace, OpenFile } from "../workspace.js" */
import { counted, el, prose, shown } from "../dom.js";

const SHOWN = 300;
const FIRST = `# Who shall, and who shall not, reach what. \`from\` takes NAMESPACE/APPLICATION, NAMESPACE/*, inside, outside and any.
- name: nobody else reaches it
  expect: deny
  from: [any]
  except: [MODEL/CLIENT]
  to: MODEL/TARGET
`;

export class ExpectView {
  #asked = 0;
  #last = "";

  /**
   * @param {HTMLElement} root
   * @param {Workspace} workspace
   * @param {{ check: () => Promise<Expected>, goTo: (file: OpenFile, line: number, column: number) => void, ask: (witness: NonNullable<Fate["witness"]>) => void, counted: (failed: number) => void }} actions
   */
  constructor(root, workspace, actions) {
    this.workspace = workspace;
    this.actions = actions;
    this.list = el("div", { class: "changes", "aria-live": "polite" });
    root.append(el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Expectations" }, this.list));
  }

  async show() {
    const asked = ++this.#asked;
    if (this.workspace.files.every(({ kind, text }) => kind !== "expectations" || text.trim() === "")) {
      this.#last = "";
      this.actions.counted(0);
      this.list.replaceChildren(
        el("p", {}, "Say who shall, and who shall not, reach what, as ", el("code", {}, "mesh-policy test"), " reads it, and see at once whether it holds for every request."),
        this.workspace.readOnly
          ? el("p")
          : el(
              "p",
              { class: "buttons" },
              el("button", { type: "button", onclick: () => this.workspace.add([{ name: "expectations.yaml", kind: "expectations", model: "", text: FIRST }]) }, "Begin a file of expectations"),
            ),
      );
      return;
    }
    try {
      const expected = await this.actions.check();
      if (asked !== this.#asked) return;
      const text = JSON.stringify(expected);
      if (text === this.#last) return;
      this.#last = text;
      this.#render(expected);
    } catch (error) {
      if (asked !== this.#asked || (error instanceof Error && error.name === "Superseded")) return;
      this.#last = "";
      this.list.replaceChildren(el("p", { class: "quiet-text" }, ...prose(error instanceof Error ? error.message : String(error))));
    }
  }

  /** @param {Expected} expected */
  #render({ passed, failed, results, untouched, diagnostics }) {
    this.actions.counted(failed);
    this.list.replaceChildren(
      ...diagnostics.map(({ message, help, place }) =>
        el("p", { class: "failure" }, place ? this.#place(place.file, place.line) : null, " ", ...prose(message), help ? el("span", { class: "quiet-text" }, " ", ...prose(help)) : null),
      ),
      el("p", { class: "same" }, failed === 0 ? `${counted(passed, "expectation holds", "expectations hold")}.` : `${failed} of ${counted(passed + failed, "expectation", "expectations")} ${failed === 1 ? "does" : "do"} not hold.`),
      el("ul", {}, ...[...results].sort((a, b) => Number(a.pass) - Number(b.pass)).slice(0, SHOWN).map((result) => this.#result(result))),
      ...(untouched.length > 0
        ? [el("details", { class: "assumed" }, el("summary", {}, `${counted(untouched.length, "policy", "policies")} that no expectation touches`), el("ul", {}, ...untouched.slice(0, SHOWN).map((id) => el("li", {}, el("code", {}, shown(id, 300))))))]
        : []),
    );
  }

  /** @param {Fate} result */
  #result({ name, file, line, pass, why, witness }) {
    return el(
      "li",
      { class: pass ? "holds" : "fails" },
      el("span", { class: "sign", "aria-hidden": "true" }, pass ? "✓" : "✕"),
      el(
        "div",
        {},
        el("p", {}, el("span", { class: "unseen" }, pass ? "holds: " : "does not hold: "), shown(name, 300), " ", this.#place(file, line)),
        why ? el("p", { class: "quiet-text" }, ...prose(why)) : null,
        witness
          ? el("p", { class: "witness" }, el("code", {}, shown(JSON.stringify(witness), 300)), el("button", { type: "button", class: "link", onclick: () => this.actions.ask(witness) }, "ask"))
          : null,
      ),
    );
  }

  /** @param {string} id @param {number} line */
  #place(id, line) {
    const file = this.workspace.byId(id);
    return file ? el("button", { type: "button", class: "link", onclick: () => this.actions.goTo(file, line, 1) }, `${shown(file.name, 60)}:${line}`) : null;
  }
}
