// The cluster behind `kubectl proxy`: what these files would change there, and changing it, once somebody says so.
/** @import { Workspace } from "../workspace.js" */
/** @import { End } from "./drive.js" */
/** @import { KubeChange } from "../../../pkg/mesh_policy.js" */
import { counted, el, prose, shown } from "../dom.js";
import { startWorker } from "../work/trusted.js";
import url from "./cluster.worker.js?worker&url";

/**
 * @typedef {{ version: string, uid: string }} Cluster
 * @typedef {{ runs: { title: string, end: End }[], untried: string[], own: string[], conditional: string[] }} Result
 */

const SIGNS = { create: "+", update: "~", delete: "−" };
const SHOWN = 300;

export class ClusterView {
  /** @type {Worker | undefined} */
  #worker;
  /** @type {Map<number, { resolve: (answer: any) => void, reject: (error: Error) => void }>} */
  #waiting = new Map();
  #next = 1;
  /** @type {Cluster | undefined} */
  #cluster;
  /** What the plan in sight was made of. @type {string | undefined} */
  #planned;
  #busy = false;

  /**
   * @param {HTMLElement} root
   * @param {Workspace} workspace
   * @param {(text: string) => Promise<void>} openMesh opens what was read, in place of what is edited, which is kept
   */
  constructor(root, workspace, openMesh) {
    this.workspace = workspace;
    this.openMesh = openMesh;
    this.head = el("header", { class: "cluster-head" });
    this.body = el("div", { class: "cluster-body", "aria-live": "polite" });
    this.dialog = el("dialog", { "aria-labelledby": "apply-title" });
    root.append(el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Cluster" }, this.head, this.body), this.dialog);
    for (const event of ["edited", "files"]) workspace.addEventListener(event, () => this.#changed());
    this.#begin();
  }

  #begin() {
    this.head.replaceChildren();
    if (self !== top) {
      this.body.replaceChildren(el("p", {}, "This page is inside another one. From there it talks to no cluster."));
      return;
    }
    this.body.replaceChildren(
      el("p", {}, "Served by ", el("code", {}, "kubectl proxy"), ", this page compares what is edited with the cluster that your kubeconfig names, and applies the difference when you say so."),
      el("pre", { class: "yaml" }, el("span", { class: "line" }, "kubectl proxy --www=www/dist\n"), el("span", { class: "line" }, "open http://127.0.0.1:8001/static/\n")),
      el("p", { class: "buttons" }, el("button", { type: "button", class: "primary", onclick: () => void this.#connect() }, "Connect")),
    );
  }

  /**
   * @param {string} op
   * @param {unknown} [argument]
   * @returns {Promise<any>}
   */
  #ask(op, argument) {
    const worker = (this.#worker ??= this.#start());
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ id, op, argument });
    });
  }

  #start() {
    const worker = startWorker(url, "cluster");
    worker.addEventListener("message", ({ data: { id, answer, error, progress } }) => {
      if (progress) {
        this.#progress(progress);
        return;
      }
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(answer);
      else waiting?.reject(new Error(error));
    });
    return worker;
  }

  async #connect() {
    if (self !== top) return;
    this.body.replaceChildren(el("p", { class: "quiet-text" }, "Asking for the API server's version …"));
    try {
      this.#cluster = await this.#ask("connect");
    } catch (error) {
      this.#begin();
      this.body.append(el("p", { class: "failure" }, `There is no API server behind ${location.origin}: ${shown(message(error), 200)}.`));
      return;
    }
    this.head.replaceChildren(el("h2", {}, this.#name()), el("p", { class: "quiet-text" }, "Only read so far."));
    this.#offer();
  }

  /** @returns {string} the cluster, as people tell it from another */
  #name() {
    const { version = "", uid = "" } = this.#cluster ?? {};
    return `${location.host}, ${shown(version, 40)}${uid ? `, ${shown(uid, 60)}` : ""}`;
  }

  /** @param {...Node} before */
  #offer(...before) {
    this.body.replaceChildren(
      ...before,
      el("p", { class: "buttons" }, el("button", { type: "button", class: before.length === 0 ? "primary" : "", onclick: () => void this.#plan() }, before.length === 0 ? "Compare with the cluster" : "Compare again"),
        el("button", { type: "button", onclick: () => void this.#read() }, "Open the live mesh"),
      ),
    );
  }

  #changed() {
    if (this.#planned === undefined || this.#busy || this.#planned === JSON.stringify(this.workspace.input())) return;
    this.#planned = undefined;
    this.#offer(el("p", {}, "The files have changed since they were compared."));
  }

  async #plan() {
    if (this.workspace.readOnly) {
      this.#offer(el("p", { class: "failure" }, "A link brought these files: import them first."));
      return;
    }
    const input = this.workspace.input();
    this.#work("Reading the cluster …");
    try {
      const result = await this.#ask("plan", input);
      this.#busy = false;
      this.#planned = JSON.stringify(input);
      this.#showPlan(result);
      this.#changed();
    } catch (error) {
      this.#failed(error);
    }
  }

  async #read() {
    if (self !== top) return;
    this.#planned = undefined;
    this.#work("Reading the mesh …");
    try {
      /** @type {{ text: string, unknown: string[] }} */
      const { text, unknown } = await this.#ask("read");
      await this.openMesh(text);
      this.#busy = false;
      this.#offer(
        el("p", {}, "The live mesh is open as a file: the graph, the table and the policies show it, and Ask answers about it. What was edited before is kept as a draft."),
        ...unknown.slice(0, 50).map((what) => el("p", { class: "failure" }, "Not known: ", ...prose(what))),
      );
    } catch (error) {
      this.#failed(error);
    }
  }

  /** @param {string} text */
  #work(text) {
    this.#busy = true;
    this.bar = el("progress", { "aria-label": "Progress" });
    this.phase = el("p", { class: "quiet-text" }, text);
    const stop = el(
      "button",
      {
        type: "button",
        onclick: () => {
          stop.disabled = true;
          void this.#ask("stop");
        },
      },
      "Stop",
    );
    this.body.replaceChildren(this.phase, this.bar, el("p", { class: "buttons" }, stop));
  }

  /** @param {{ title: string, phase: string, done: number, total: number }} progress */
  #progress({ title, phase, done, total }) {
    if (!this.bar || !this.phase) return;
    this.phase.textContent = `${shown(title, 80)}: ${shown(phase, 80)}${total > 0 ? ` ${done}/${total}` : ""}`;
    if (total > 0) {
      this.bar.max = total;
      this.bar.value = done;
    }
  }

  /** @param {unknown} error */
  #failed(error) {
    this.#busy = false;
    this.#offer(el("p", { class: "failure" }, ...prose(message(error))));
  }

  /** @param {Result} result */
  #showPlan(result) {
    const changes = result.runs.flatMap(({ end }) => ("done" in end ? end.done.changes : []));
    const unchanged = result.runs.reduce((sum, { end }) => sum + ("done" in end ? end.done.unchanged : 0), 0);
    const failures = failuresOf(result);
    if (result.runs.length === 0 && failures.length === 0) {
      this.#offer(el("p", {}, "No beacon manages policies in these files: there is nothing to compare."), ...notes(result));
      return;
    }
    const parts = [
      el("p", { class: "plan-summary" }, changes.length === 0 && failures.length === 0 ? `The cluster is as these files say: ${counted(unchanged, "policy", "policies")}.` : `${countsText(changes, "to create", "to update", "to delete")}, ${unchanged} unchanged.`),
      ...failures,
      ...changeList(changes),
      ...notes(result),
    ];
    this.#offer(...parts);
    if (changes.length > 0 && failures.length === 0)
      this.body.lastElementChild?.prepend(el("button", { type: "button", class: "primary", onclick: () => this.#confirm(changes) }, `Apply ${counted(changes.length, "change")} …`));
  }

  /** @param {KubeChange[]} changes */
  #confirm(changes) {
    this.dialog.replaceChildren(
      el("h2", { id: "apply-title" }, "Apply to this cluster?"),
      el("p", { class: "cluster-name" }, el("code", {}, this.#name())),
      el("p", {}, `${countsText(changes, "policies will be created", "updated", "deleted")}. What was read from the cluster is read again first.`),
      el(
        "p",
        { class: "end buttons" },
        el("button", { type: "button", autofocus: true, onclick: () => this.dialog.close() }, "Cancel"),
        el(
          "button",
          {
            type: "button",
            class: "primary",
            onclick: () => {
              this.dialog.close();
              void this.#apply();
            },
          },
          `Apply ${counted(changes.length, "change")}`,
        ),
      ),
    );
    this.dialog.showModal();
  }

  async #apply() {
    if (self !== top || this.workspace.readOnly || this.#planned === undefined) return;
    this.#planned = undefined;
    this.#work("Applying …");
    this.body.append(el("p", { class: "quiet-text" }, "This page may be closed at any moment: compare and apply again to go on."));
    this.head.querySelector("p")?.remove();
    try {
      /** @type {Result} */
      const result = await this.#ask("apply");
      this.#busy = false;
      const changes = result.runs.flatMap(({ end }) => ("done" in end ? end.done.changes : end.failed.changes));
      this.#offer(
        el("p", { class: "plan-summary" }, `Done: ${countsText(changes, "created", "updated", "deleted")}.`),
        ...failuresOf(result),
        ...changeList(changes),
      );
    } catch (error) {
      this.#failed(error);
    }
  }
}

/** @param {unknown} error */
const message = (error) => (error instanceof Error ? error.message : String(error));

/** @param {KubeChange[]} changes @param {string} create @param {string} update @param {string} gone */
function countsText(changes, create, update, gone) {
  const n = (/** @type {string} */ action) => changes.filter((change) => change.action === action).length;
  return `${n("create")} ${create}, ${n("update")} ${update}, ${n("delete")} ${gone}`;
}

/** @param {Result} result */
function failuresOf({ runs, untried }) {
  const failures = runs.flatMap(({ title, end }) => {
    if (!("failed" in end)) return [];
    const { diagnostic, unresolved } = end.failed;
    return [
      el("p", { class: "failure" }, `${shown(title, 80)}: `, ...prose(diagnostic.message), diagnostic.help ? el("span", { class: "quiet-text" }, " ", ...prose(diagnostic.help)) : null),
      ...unresolved.map(({ action, namespace, name }) => el("p", { class: "failure" }, `Not known whether done: ${action} ${shown(namespace)}/${shown(name)}`)),
    ];
  });
  return [...failures, ...untried.map((title) => el("p", { class: "failure" }, `${shown(title, 80)}: not tried`))];
}

/** @param {KubeChange[]} changes */
function changeList(changes) {
  /** @type {Map<string, KubeChange[]>} */
  const phases = new Map();
  for (const change of changes.slice(0, SHOWN)) phases.set(change.phase, [...(phases.get(change.phase) ?? []), change]);
  const parts = [...phases].map(([phase, list]) =>
    el(
      "section",
      { class: "phase" },
      el("h3", {}, shown(phase, 80)),
      el(
        "ul",
        {},
        ...list.map(({ action, namespace, name, why }) =>
          el(
            "li",
            { class: action },
            el("span", { class: "sign", "aria-hidden": "true" }, SIGNS[action]),
            el("span", {}, el("span", { class: "unseen" }, `${action} `), el("code", {}, `${shown(namespace, 80)}/${shown(name, 300)}`), el("span", { class: "quiet-text" }, " ", ...prose(why))),
          ),
        ),
      ),
    ),
  );
  if (changes.length > SHOWN) parts.push(el("section", {}, `and ${changes.length - SHOWN} more`));
  return parts;
}

/** @param {Result} result */
function notes({ own, conditional }) {
  const parts = [
    ...own.map((id) => el("li", {}, el("code", {}, shown(id, 300)), " is left alone: a charm makes it itself")),
    ...conditional.map((id) => el("li", {}, el("code", {}, shown(id, 300)), " is neither made nor deleted: its condition is not known")),
  ];
  return parts.length > 0 ? [el("ul", { class: "cluster-notes" }, ...parts.slice(0, 50))] : [];
}
