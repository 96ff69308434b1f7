/// <reference types="vite/client" />
/** @import { Diagnostic } from "../../pkg/mesh_policy.js" */
/** @import { Compiled } from "./work/core.js" */
/** @import { Kind, OpenFile } from "./workspace.js" */
/** @import { Insertion } from "./see/ask-view.js" */
/** @import { Access, Seen } from "./work/reach.js" */
/** @import { Made } from "./edit/editor.js" */
/** @import { Party } from "./work/policies.js" */
import { ClusterView } from "./cluster/cluster-view.js";
import { counted, download, el, find, shown } from "./dom.js";
import { Editor, madeAt } from "./edit/editor.js";
import { FilesPanel } from "./edit/files-panel.js";
import { fixesOf } from "./edit/fixes.js";
import { choose, opening } from "./edit/opening.js";
import { offsetOf } from "./edit/places.js";
import { Problems } from "./edit/problems.js";
import { EXAMPLES } from "./examples/index.js";
import { keysDialog } from "./keys.js";
import { menu } from "./menu.js";
import { AskView } from "./see/ask-view.js";
import { ExpectView } from "./see/expect-view.js";
import { GraphView } from "./see/graph-view.js";
import { PoliciesView } from "./see/policies-view.js";
import { TableView } from "./see/table-view.js";
import { Views } from "./see/views.js";
import { Recovery } from "./share/recovery.js";
import { fromFragment, isShared, toFragment } from "./share/fragment.js";
import { CompareView } from "./see/compare-view.js";
import { Core, Superseded } from "./work/core.js";
import { partyId } from "./work/policies.js";
import { KINDS, Workspace } from "./workspace.js";

/** After the last change, before it is kept, in milliseconds. */
const PAUSE = 400;

const workspace = new Workspace();
const recovery = new Recovery();
const status = find("status", HTMLElement);
const notice = find("notice", HTMLElement);
const banner = find("banner", HTMLElement);

/** @param {OpenFile} file @param {number} line @param {number} column */
function goTo(file, line, column) {
  pane("edit");
  editor.goTo(file, line, column);
}
/** @param {Diagnostic} finding */
function fixes(finding) {
  const file = finding.place && workspace.byId(finding.place.file);
  return file ? fixesOf(finding, file, editor.docOf(file), workspace) : [];
}
/** @param {number[]} policies @param {string} [why] */
function openPolicies(policies, why) {
  pane("see");
  views.show("policies");
  policiesView.only(policies, why);
}
/** @param {Access} access */
async function askAbout(access) {
  views.show("ask");
  const applications = (await sight?.seen.catch(() => undefined))?.applications ?? [];
  /** @param {Party} party */
  const of = (party) => applications.find((one) => partyId(one.party) === partyId(party));
  askView.about(access, of(access.source), of(access.target));
}
/** What a suggestion adds, into the files. @param {Insertion[]} insertions @returns {() => void} puts it back */
function insert(insertions) {
  const files = [...new Set(insertions.map(({ file }) => file))];
  const before = new Map(files.map((file) => [file, file.text]));
  // From the end of a file on, so that places before it stay.
  for (const { file, line, column, insert } of insertions.toSorted((a, b) => b.line - a.line || b.column - a.column)) {
    const from = offsetOf(editor.docOf(file), line, column);
    editor.apply(file, { label: "", change: { from, to: from, insert } });
  }
  const after = new Map(files.map((file) => [file, file.text]));
  return () => {
    for (const file of files) {
      const doc = editor.docOf(file);
      if (workspace.byId(file.id) === file && file.text === after.get(file)) editor.apply(file, { label: "", change: { from: 0, to: doc.length, insert: before.get(file) ?? "" } });
    }
  };
}
/** On a narrow screen one of the two is seen. @param {"edit" | "see"} which */
function pane(which) {
  document.body.dataset.pane = which;
  for (const name of ["edit", "see"]) find(`show-${name}`, HTMLButtonElement).setAttribute("aria-pressed", String(name === which));
  views.refresh();
}

const editor = new Editor(find("editor", HTMLElement), workspace, { fixes, openPolicies, moved });
const filesPanel = new FilesPanel(find("files", HTMLUListElement), workspace);
const problems = new Problems(find("problems", HTMLUListElement), find("counts", HTMLElement), workspace, {
  goTo,
  fixes,
  apply: (file, fix) => editor.apply(file, fix),
});
const views = new Views(find("tabs", HTMLElement), find("panels", HTMLElement), keepSoon);
const graphView = new GraphView(views.add("graph", "Graph"), openPolicies, askAbout);
const tableView = new TableView(views.add("table", "Table"), openPolicies);
const policiesView = new PoliciesView(views.add("policies", "Policies"), workspace, goTo);
const askView = new AskView(views.add("ask", "Ask"), workspace, { ask: (question) => core.ask(question), suggest: (question) => core.suggest(question), insert, goTo, openPolicies });
const compareView = new CompareView(views.add("compare", "Compare"), workspace, {
  keep: (input) => core.baseline(input),
  compare: () => core.compare(),
  ask: ({ witness }) => {
    views.show("ask");
    if (witness) askView.request(witness);
  },
  open: openBaseline,
  counted: (n) => views.count("compare", n),
});
const expectView = new ExpectView(views.add("expect", "Expect"), workspace, {
  check: () => core.check(),
  goTo,
  ask: (witness) => {
    views.show("ask");
    askView.request(witness);
  },
  counted: (failed) => views.count("expect", failed),
});
new ClusterView(views.add("cluster", "Cluster"), workspace, async (text) => {
  await leave();
  ready = true;
  workspace.replace([{ name: "cluster.json", kind: "manifests", model: "", text }]);
});

/** @type {Compiled | undefined} the last result that the input gave */
let result;
/** @type {Map<string, Made[]>} */
let made = new Map();

const core = new Core((error) => {
  if (error) fail("The compiler could not be loaded. Reload the page to try again.", error);
});

async function compile() {
  try {
    show(await core.compile(workspace.input()));
  } catch (error) {
    if (error instanceof Superseded) return;
    fail("The compiler failed on this input. This is a bug in mesh-policy; please report it.", error);
  }
}

/** What lint found last, beside what compiling found. @type {Diagnostic[]} */
let lints = [];
/** @type {ReturnType<typeof setTimeout> | undefined} */
let lintTimer;

/** Lint reads the whole mesh: it waits until nobody types. @param {Compiled} compiled */
function lintSoon(compiled) {
  clearTimeout(lintTimer);
  lintTimer = setTimeout(async () => {
    try {
      const known = new Set(compiled.findings.map((finding) => JSON.stringify(finding)));
      lints = (await core.lint()).filter((finding) => !known.has(JSON.stringify(finding)));
      if (compiled === newest) showFindings(compiled);
    } catch {
      // Without it, what compiling found stays.
    }
  }, PAUSE);
}

/** Files in place of those of the same name: what is edited now is compared with them. */
async function openBaseline() {
  try {
    const chosen = await choose();
    if (chosen.length === 0) return undefined;
    const other = new Workspace();
    other.replace(workspace.snapshot());
    other.add(chosen.map((file) => ({ ...file, model: workspace.files.find(({ name, kind }) => name === file.name && kind === file.kind)?.model ?? file.model })));
    return other.input();
  } catch (error) {
    tell(`Not opened: ${error instanceof Error ? error.message : String(error)}.`);
    return undefined;
  }
}

/** @param {Compiled} compiled */
function showFindings(compiled) {
  const stale = compiled.badInput;
  const findings = stale ? compiled.findings : [...compiled.findings, ...lints];
  /** @type {Map<string, Diagnostic[]>} */
  const byFile = new Map();
  for (const finding of findings) {
    const file = finding.place?.file ?? "";
    const list = byFile.get(file);
    if (list) list.push(finding);
    else byFile.set(file, [finding]);
  }
  editor.mark(byFile, stale ? new Map() : made);
  filesPanel.mark(byFile);
  problems.show(findings);
}

/** @type {Compiled | undefined} */
let newest;

/** @param {Compiled} compiled */
function show(compiled) {
  const { badInput, dropped, took } = compiled;
  newest = compiled;
  const empty = workspace.files.every(({ text }) => text.trim() === "");
  const stale = badInput && !empty;
  if (!stale || !result) {
    result = compiled;
    made = declarations(compiled);
    views.update({ graph: drawGraph, table: drawTable, policies: () => policiesView.show(compiled.policies), ask: () => askOf(compiled), compare: () => void compareView.show(), expect: () => void expectView.show() });
    views.count("policies", compiled.policies.length);
  }
  showFindings(compiled);
  // In a large mesh it would keep the next result waiting.
  if (!badInput && took < 200) lintSoon(compiled);
  // The first input may be one, such as a link's.
  const last = result.badInput ? "" : ": this is the last that could";
  say(stale ? `The input cannot be read${last}. See the problems.` : "");
  document.body.classList.toggle("stale", stale);
  const n = result.policies.length;
  status.classList.toggle("less", dropped && !stale);
  status.textContent = stale ? "not current" : `${counted(n, "policy", "policies")}${dropped ? ", not all that are asked for," : ""} in ${took < 1 ? "under 1" : Math.round(took)} ms`;
}

function drawGraph() {
  void see((seen) => graphView.show(seen));
}
function drawTable() {
  void see((seen) => tableView.show(seen));
}

/** @param {Compiled} compiled */
function askOf({ policies }) {
  askView.show(policies, { readOnly: workspace.readOnly, slow: policies.length > 300 || workspace.size > 400_000 });
  void see(({ applications }) => askView.know(applications));
}

/** Who may reach whom, for the last input that could be read: asked once for each. @type {{ of: Compiled, seen: Promise<Seen> } | undefined} */
let sight;

/** @param {(seen: Seen) => void} draw */
async function see(draw) {
  const of = result;
  if (!of || of.badInput) return;
  try {
    if (sight?.of !== of) {
      // The core has an input by now that cannot be read, and can no longer be asked about this one.
      if (of !== newest) return;
      sight = { of, seen: core.see() };
    }
    const seen = await sight.seen;
    if (of === result) draw(seen);
  } catch (error) {
    if (sight?.of === of) sight = undefined;
    if (!(error instanceof Superseded) && of === newest) fail("Who may reach whom could not be worked out.", error);
  }
}

/** Which lines ask for which policies. @param {Compiled} compiled */
function declarations({ policies }) {
  /** @type {Map<string, Map<number, number[]>>} */
  const lines = new Map();
  policies.forEach(({ origin }, at) => {
    for (const place of [origin.declared, origin.related]) {
      if (!place) continue;
      const of = lines.get(place.file) ?? new Map();
      lines.set(place.file, of.set(place.line, [...(of.get(place.line) ?? []), at]));
    }
  });
  return new Map(
    [...lines].map(([file, of]) => [file, [...of].map(([line, policies]) => ({ line, policies })).sort((a, b) => a.line - b.line)]),
  );
}

/** The caret is on a line: its policies are marked. @param {number} line */
function moved(line) {
  const file = workspace.active;
  policiesView.near((file && madeAt(made.get(file.id) ?? [], line)?.policies) ?? []);
}

/** @param {string} text @param {"" | "bug"} [kind] */
function say(text, kind = "") {
  notice.textContent = text;
  notice.className = `notice ${kind}`;
  notice.hidden = text === "";
}

/** @param {string} message @param {unknown} error */
function fail(message, error) {
  say(`${message} (${shown(error instanceof Error ? error.message : String(error), 300)})`, "bug");
  status.textContent = "";
}

// What the file in front is called, and what it is.
const nameInput = find("file-name", HTMLInputElement);
const kindSelect = find("file-kind", HTMLSelectElement);
const modelInput = find("file-model", HTMLInputElement);
kindSelect.append(...Object.entries(KINDS).map(([kind, { one }]) => el("option", { value: kind }, one)));
nameInput.addEventListener("input", () => workspace.active && workspace.change(workspace.active, { name: nameInput.value.slice(0, 200) }));
kindSelect.addEventListener("change", () => workspace.active && workspace.change(workspace.active, { kind: /** @type {Kind} */ (kindSelect.value) }));
modelInput.addEventListener("input", () => workspace.active && workspace.change(workspace.active, { model: modelInput.value.slice(0, 200) }));
function describeActive() {
  const file = workspace.active;
  find("about", HTMLElement).hidden = !file;
  for (const control of [nameInput, kindSelect, modelInput]) control.disabled = !file || workspace.readOnly;
  if (!file) return;
  for (const [input, value] of /** @type {const} */ ([[nameInput, file.name], [modelInput, file.model]])) if (input.value !== value) input.value = value;
  kindSelect.value = file.kind;
  find("model-field", HTMLElement).hidden = !["bundle", "overlay", "databag"].includes(file.kind);
}

// Keeping.
let ready = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
function keepSoon() {
  clearTimeout(timer);
  timer = setTimeout(keep, PAUSE);
}
function keep() {
  clearTimeout(timer);
  if (!ready || workspace.readOnly) return;
  const kept = recovery.keep({ files: workspace.snapshot(), isExample: workspace.isExample, active: workspace.files.indexOf(/** @type {OpenFile} */ (workspace.active)), view: views.current });
  document.body.classList.toggle("unkept", !kept);
}
addEventListener("pagehide", keep);
document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && keep());

workspace.addEventListener("opened", () => {
  lints = [];
  // What is opened is what its changes are compared with, until somebody keeps something else.
  void compareView.baseline(workspace.input(), "what you opened");
  views.update({ compare: () => void compareView.show() });
});
workspace.addEventListener("edited", () => {
  void compile();
  keepSoon();
});
workspace.addEventListener("files", () => {
  if (ready && banner.dataset.about === "welcome") hideBanner();
  describeActive();
  void compile();
  keepSoon();
});
workspace.addEventListener("active", describeActive);

// The menus and buttons above.
menu(find("examples", HTMLButtonElement), () => EXAMPLES.map(({ name, title, about }) => ({ label: title, about, act: () => void openExample(name) })));
find("open", HTMLButtonElement).addEventListener("click", () => fileInput.click());
const fileInput = find("file-input", HTMLInputElement);
opening(workspace, {
  input: fileInput,
  failed: (error) => tell(`Not opened: ${error instanceof Error ? error.message : String(error)}.`),
  replaced: () => tell("Your files took the place of the example, which is still in the menu."),
});
menu(find("save", HTMLButtonElement), () => [
  ...(workspace.active
    ? [{ label: shown(workspace.active.name, 40), about: "the file in front", act: () => workspace.active && download(workspace.active.name, "application/yaml", workspace.active.text) }]
    : []),
  {
    label: "AuthorizationPolicies",
    about: "for kubectl apply -f -",
    act: () => result && download("authorization-policies.yaml", "application/yaml", result.policies.map(({ yaml }) => (yaml.startsWith("#") ? yaml : `---\n${yaml}`)).join("")),
  },
]);
find("share", HTMLButtonElement).addEventListener("click", () => void share());
find("add-bundle", HTMLButtonElement).addEventListener("click", () => addNew("bundle"));
find("add-charm", HTMLButtonElement).addEventListener("click", () => addNew("charm"));
find("show-edit", HTMLButtonElement).addEventListener("click", () => pane("edit"));
find("show-see", HTMLButtonElement).addEventListener("click", () => pane("see"));
keysDialog(find("help", HTMLButtonElement), find("keys-dialog", HTMLDialogElement));

/** @param {Kind} kind */
function addNew(kind) {
  const names = new Set(workspace.files.map(({ name }) => name));
  let name = `${kind}.yaml`;
  for (let n = 2; names.has(name); n++) name = `${kind}-${n}.yaml`;
  workspace.add([{ name, kind, model: "", text: "" }]);
  editor.view.focus();
}

/** @param {string} name */
async function openExample(name) {
  const example = EXAMPLES.find((e) => e.name === name);
  if (!example) return;
  try {
    const { default: files } = await example.load();
    await leave();
    workspace.replace(files, { isExample: true });
  } catch (error) {
    fail(`The example ${example.title} could not be loaded.`, error);
  }
}

/** What is open stays a draft of its own; what comes next is another. */
async function leave() {
  keep();
  if (ready) await recovery.fresh();
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  hideBanner();
}

/** @param {string} text @param {...Node} more */
function tell(text, ...more) {
  banner.replaceChildren(el("p", {}, text), ...more, el("button", { type: "button", class: "quiet", "aria-label": "Close the message", onclick: hideBanner }, "×"));
  banner.hidden = false;
  banner.dataset.about = "";
}
/** For those who are here for the first time. */
function welcome() {
  tell(
    "This is Bookinfo, an example. Drop your own bundle and charm files on the page, or open them:",
    el("button", { type: "button", onclick: () => fileInput.click() }, "Open files…"),
  );
  banner.dataset.about = "welcome";
}
function hideBanner() {
  banner.hidden = true;
  banner.replaceChildren();
}

async function share() {
  try {
    const fragment = await toFragment({ files: workspace.snapshot(), active: workspace.files.indexOf(/** @type {OpenFile} */ (workspace.active)), view: views.current });
    const link = new URL(fragment, location.href).href;
    const field = el("input", { type: "text", readonly: true, value: link, "aria-label": "Link to this workspace" });
    tell("Whoever has this link sees these files. It holds them itself: no server gets them.", field);
    field.select();
    try {
      await navigator.clipboard.writeText(link);
      banner.querySelector("p")?.append(" It is copied.");
    } catch {
      // Not allowed here: it is selected, to be copied by hand.
    }
  } catch (error) {
    tell(`No link: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

/** Opens what the address brings, to look at. Nothing of it is kept until somebody says so. */
async function openShared() {
  try {
    const { files, active, view } = await fromFragment(location.hash);
    keep();
    workspace.replace(files, { readOnly: true, active });
    views.show(view);
    banner.replaceChildren(
      el("p", {}, "A link brought these files. Look at them; nothing is kept or can be changed until you import them."),
      el("button", { type: "button", class: "primary", onclick: () => void importShared() }, "Import"),
      el("button", { type: "button", onclick: () => void discardShared() }, "Discard"),
    );
    banner.hidden = false;
    return true;
  } catch (error) {
    tell(`The link cannot be opened: ${error instanceof Error ? error.message : String(error)}.`);
    return false;
  }
}
async function importShared() {
  const files = workspace.snapshot();
  const active = workspace.files.indexOf(/** @type {OpenFile} */ (workspace.active));
  await leave();
  ready = true;
  workspace.replace(files, { active });
}
async function discardShared() {
  hideBanner();
  history.replaceState(null, "", location.pathname + location.search);
  await openOwn(true);
}
addEventListener("hashchange", () => {
  if (isShared(location.hash)) void openShared();
});

/** @param {boolean} [instead] of what a link brought */
async function openOwn(instead = false) {
  const kept = await recovery.begin();
  if (kept && kept.draft.files.length > 0) {
    workspace.replace(kept.draft.files, { active: kept.draft.active, isExample: kept.draft.isExample });
    views.show(kept.draft.view);
    if (!kept.sameTab) tell(`This is what you had open on ${new Date(kept.draft.time).toLocaleString()}.`);
  } else {
    const { default: files } = await /** @type {(typeof EXAMPLES)[0]} */ (EXAMPLES[0]).load();
    // Somebody may have typed, or opened something, in the meantime.
    if (instead || workspace.files.length === 0) {
      workspace.replace(files, { isExample: true });
      if (!instead && banner.hidden) welcome();
    }
  }
  ready = true;
}

if (!isShared(location.hash) || !(await openShared())) await openOwn();
