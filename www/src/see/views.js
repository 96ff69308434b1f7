import { el } from "../dom.js";

/** The ways to see a result, as tabs; one that is not seen is not drawn. */
export class Views {
  /** @type {Map<string, { tab: HTMLButtonElement, panel: HTMLElement, count: HTMLElement }>} */
  #views = new Map();
  /** @type {Map<string, () => void>} what each has to draw when it is next seen */
  #due = new Map();
  current = "";

  /**
   * @param {HTMLElement} tabs
   * @param {HTMLElement} panels
   * @param {() => void} changed
   */
  constructor(tabs, panels, changed) {
    this.tabs = tabs;
    this.panels = panels;
    this.changed = changed;
    tabs.addEventListener("keydown", (event) => {
      const names = [...this.#views.keys()];
      const at = names.indexOf(this.current);
      const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      const name = names[(next + names.length) % names.length] ?? "";
      this.show(name);
      this.#views.get(name)?.tab.focus();
    });
    addEventListener("keydown", (event) => {
      if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const name = [...this.#views.keys()][Number(event.key) - 1];
      if (!name) return;
      event.preventDefault();
      this.show(name);
      this.#views.get(name)?.tab.focus();
    });
  }

  /**
   * @param {string} name
   * @param {string} title
   * @returns {HTMLElement} the panel
   */
  add(name, title) {
    const count = el("span", { class: "n" });
    const tab = el("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `view-${name}`, "aria-selected": "false", tabindex: -1, onclick: () => this.show(name) }, title, count);
    const panel = el("div", { role: "tabpanel", class: `view ${name}`, id: `view-${name}`, "aria-labelledby": `tab-${name}`, hidden: true });
    this.tabs.append(tab);
    this.panels.append(panel);
    this.#views.set(name, { tab, panel, count });
    if (this.#views.size === 1) this.show(name);
    return panel;
  }

  /** @param {string} name */
  show(name) {
    if (!this.#views.has(name)) return;
    this.current = name;
    for (const [key, { tab, panel }] of this.#views) {
      tab.setAttribute("aria-selected", String(key === name));
      tab.tabIndex = key === name ? 0 : -1;
      panel.hidden = key !== name;
    }
    this.refresh();
    this.changed();
  }

  /** @param {Record<string, () => void>} draw */
  update(draw) {
    for (const [name, act] of Object.entries(draw)) this.#due.set(name, act);
    this.refresh();
  }

  /** Draws what is seen and due. */
  refresh() {
    const panel = this.#views.get(this.current)?.panel;
    if (!panel || panel.getClientRects().length === 0) return;
    const draw = this.#due.get(this.current);
    this.#due.delete(this.current);
    draw?.();
  }

  /** @param {string} name @param {number} n */
  count(name, n) {
    const view = this.#views.get(name);
    if (view) view.count.textContent = n > 0 ? ` ${n.toLocaleString("en")}` : "";
  }
}
