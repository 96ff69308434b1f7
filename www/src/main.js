/// <reference types="vite/client" />
/** @import { Result } from "./compiler.js" */
import { compileTexts, ready } from "./compiler.js";
import { countsOf, diagnosticItems } from "./diagnostics.js";
import { Editor } from "./editor.js";
import { EXAMPLES } from "./examples/index.js";
import { highlightYaml } from "./highlight.js";

/** How long the text must rest before it is compiled, in milliseconds. */
const PAUSE = 100;

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function find(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page has no #${id}`);
  return element;
}

const model = find("model", HTMLInputElement);
const menu = find("example", HTMLSelectElement);
const status = find("status", HTMLElement);
const counts = find("counts", HTMLElement);
const notice = find("notice", HTMLElement);
const policies = find("policies", HTMLPreElement);
const list = find("diagnostics", HTMLUListElement);
const copy = find("copy", HTMLButtonElement);
const editors = { bundle: new Editor("bundle", edited), charms: new Editor("charms", edited) };

let loaded = false;
let yaml = "";
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

function edited() {
  menu.value = "";
  soon();
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(recompile, PAUSE);
}

function recompile() {
  clearTimeout(timer);
  if (!loaded) return;
  const started = performance.now();
  try {
    const result = compileTexts({
      bundle: editors.bundle.text,
      charms: editors.charms.text,
      model: model.value.trim(),
    });
    show(result, performance.now() - started);
  } catch (error) {
    // The compiler answers bad input with diagnostics; what it throws is a fault of its own.
    fail("The compiler failed on this input. This is a bug in mesh-policy; please report it.", error);
  }
}

/**
 * @param {Result} result
 * @param {number} took milliseconds
 */
function show(result, took) {
  yaml = result.policies > 0 ? result.yaml : "";
  policies.classList.toggle("empty", yaml === "");
  policies.textContent = yaml || "No AuthorizationPolicies come out of this input.";
  highlightYaml(policies);
  copy.disabled = yaml === "";

  const explained = result.badInput
    ? "The input could not be read: see the diagnostics."
    : result.dropped
      ? "Not every policy could be compiled: see the diagnostics."
      : "";
  notice.textContent = explained;
  notice.className = "notice";
  notice.hidden = explained === "";

  const found = countsOf(result.findings);
  list.replaceChildren(
    ...diagnosticItems(result.findings, ({ editor, line, column }) => {
      if (editor) editors[editor].goTo(line, column);
    }),
  );
  counts.textContent = found;
  for (const name of /** @type {const} */ (["bundle", "charms"])) {
    editors[name].mark(
      result.findings.flatMap(({ severity, place }) =>
        place?.editor === name ? [{ severity, line: place.line }] : [],
      ),
    );
  }
  const n = result.policies;
  status.textContent = `${n} ${n === 1 ? "policy" : "policies"} in ${took < 1 ? "under 1" : Math.round(took)} ms`;
}

/**
 * @param {string} message
 * @param {unknown} error
 */
function fail(message, error) {
  yaml = "";
  policies.textContent = "";
  list.replaceChildren();
  counts.textContent = "";
  copy.disabled = true;
  for (const editor of Object.values(editors)) editor.mark([]);
  notice.textContent = `${message} (${error instanceof Error ? error.message : String(error)})`;
  notice.className = "notice bug";
  notice.hidden = false;
  status.textContent = "";
}

/** @param {string} name */
async function open(name) {
  const example = EXAMPLES.find((e) => e.name === name);
  if (!example) return;
  try {
    const { default: text } = await example.load();
    // Another one was chosen, or something typed, while this one was loading.
    if (menu.value !== name) return;
    editors.bundle.text = text.bundle;
    editors.charms.text = text.charms;
    model.value = example.model;
    recompile();
  } catch (error) {
    menu.value = "";
    fail(`The example ${example.title} could not be loaded.`, error);
  }
}

menu.append(...EXAMPLES.map(({ name, title }) => new Option(title, name)));
menu.addEventListener("change", () => void open(menu.value));
model.addEventListener("input", soon);
copy.addEventListener("click", async () => {
  const said = copy.textContent;
  try {
    await navigator.clipboard.writeText(yaml);
    copy.textContent = "Copied";
  } catch {
    // Not allowed here: select it, so that the platform's own way of copying does it.
    getSelection()?.selectAllChildren(policies);
    copy.textContent = "Selected";
  }
  setTimeout(() => (copy.textContent = said), 1500);
});

// What a browser kept over a reload is the user's; an empty page begins with an example.
if (editors.bundle.text === "" && editors.charms.text === "") {
  menu.value = EXAMPLES[0]?.name ?? "";
  void open(menu.value);
} else {
  editors.bundle.text = editors.bundle.area.value;
  editors.charms.text = editors.charms.area.value;
}

ready().then(
  () => {
    loaded = true;
    recompile();
  },
  (error) => fail("The compiler could not be loaded. Reload the page to try again.", error),
);
