import { el } from "./dom.js";

/** @typedef {{ label: string, about?: string, act: () => void } | undefined} Choice `undefined` is a line between choices */

/**
 * Makes a button open a menu, as the WAI-ARIA Authoring Practices describe one.
 * @param {HTMLButtonElement} button
 * @param {() => Choice[]} choices asked each time it opens
 */
export function menu(button, choices) {
  button.setAttribute("aria-haspopup", "menu");
  button.setAttribute("aria-expanded", "false");
  /** @type {HTMLElement | undefined} */
  let list;

  const close = (back = false) => {
    list?.remove();
    list = undefined;
    button.setAttribute("aria-expanded", "false");
    removeEventListener("pointerdown", outside, true);
    if (back) button.focus();
  };
  /** @param {Event} event */
  const outside = (event) => {
    if (event.target instanceof Node && !list?.contains(event.target) && !button.contains(event.target)) close();
  };
  const open = (last = false) => {
    const items = choices().map((choice) =>
      choice
        ? el(
            "button",
            {
              type: "button",
              role: "menuitem",
              tabindex: -1,
              onclick: () => {
                close(true);
                choice.act();
              },
            },
            choice.label,
            choice.about ? el("span", { class: "about" }, choice.about) : null,
          )
        : el("hr", {}),
    );
    list = el("div", { class: "menu", role: "menu", "aria-label": button.textContent ?? "", onkeydown: key, onfocusout: left }, ...items);
    button.after(list);
    button.setAttribute("aria-expanded", "true");
    addEventListener("pointerdown", outside, true);
    buttons().at(last ? -1 : 0)?.focus();
  };
  const buttons = () => [...(list?.querySelectorAll("button") ?? [])];
  /** @param {FocusEvent} event */
  const left = (event) => {
    if (list && event.relatedTarget instanceof Node && !list.contains(event.relatedTarget) && event.relatedTarget !== button) close();
  };
  /** @param {KeyboardEvent} event */
  const key = (event) => {
    const all = buttons();
    const at = all.findIndex((item) => item === document.activeElement);
    if (event.key === "Escape") close(true);
    else if (event.key === "ArrowDown") all[(at + 1) % all.length]?.focus();
    else if (event.key === "ArrowUp") all.at(at - 1)?.focus();
    else if (event.key === "Home") all[0]?.focus();
    else if (event.key === "End") all.at(-1)?.focus();
    else if (event.key === "Tab") return close();
    else return;
    event.preventDefault();
  };
  button.addEventListener("click", () => (list ? close() : open()));
  button.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    if (!list) open(event.key === "ArrowUp");
  });
}
