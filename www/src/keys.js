import { el } from "./dom.js";

/** @type {[string, [string, string][]][]} */
const KEYS = [
  [
    "Editor",
    [
      ["Ctrl Space", "complete"],
      ["F8", "next problem"],
      ["Ctrl .", "fixes for the problem at the caret"],
      ["Alt P", "policies of the declaration at the caret"],
      ["Ctrl F", "find"],
      ["Ctrl ] and Ctrl [", "indent"],
      ["Tab", "leave the editor"],
    ],
  ],
  [
    "Graph",
    [
      ["Arrow keys", "from box to box"],
      ["Enter", "select a box"],
      ["+ − 0", "zoom, fit"],
      ["Shift and arrow keys", "move the picture"],
      ["Escape", "select nothing"],
    ],
  ],
  [
    "Everywhere",
    [
      ["Alt 1, 2, 3 …", "ways to see the result"],
      ["Delete", "close a file, in the list of files"],
    ],
  ],
];

/**
 * @param {HTMLButtonElement} button
 * @param {HTMLDialogElement} dialog
 */
export function keysDialog(button, dialog) {
  button.addEventListener("click", () => {
    dialog.replaceChildren(
      el("h2", { id: "keys-title" }, "Keys"),
      ...KEYS.map(([where, keys]) =>
        el("section", {}, el("h3", {}, where), el("dl", {}, ...keys.map(([key, what]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, what))))),
      ),
      el(
        "p",
        {},
        "This page compiles Juju bundles and charm files to Istio AuthorizationPolicies, in the browser. It asks no server anything, unless you connect it to a cluster; what is open is kept in this browser alone.",
      ),
      el("p", { class: "end" }, el("button", { type: "button", onclick: () => dialog.close() }, "Close")),
    );
    dialog.showModal();
  });
}
