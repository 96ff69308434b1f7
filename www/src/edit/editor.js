// The editor: CodeMirror in a shadow root, where its styles need no inline style sheet, and one state for each file.
/** @import { Diagnostic as Finding } from "../../../pkg/mesh_policy.js" */
/** @import { Diagnostic as Mark } from "@codemirror/lint" */
/** @import { Workspace, OpenFile } from "../workspace.js" */
/** @import { Fix } from "./fixes.js" */
import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { HighlightStyle, StreamLanguage, bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { yaml } from "@codemirror/legacy-modes/mode/yaml";
import { lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, openSearchPanel, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, RangeSet, StateEffect, StateField } from "@codemirror/state";
import {
  EditorView,
  GutterMarker,
  drawSelection,
  gutter,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  tooltips,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { counted, el, prose } from "../dom.js";
import { completionOf } from "./completion.js";
import { editorTheme } from "./theme.js";
import { offsetOf, wordAt } from "./places.js";

/** More marks than anybody reads would only cost time. */
const MARKS = 300;

/** Policies that come from a line of the file. @typedef {{ line: number, policies: number[] }} Made */

const colours = HighlightStyle.define([
  { tag: tags.comment, class: "tok-comment" },
  { tag: [tags.atom, tags.definition(tags.name), tags.propertyName], class: "tok-key" },
  { tag: tags.string, class: "tok-string" },
  { tag: [tags.number, tags.bool, tags.keyword], class: "tok-value" },
  { tag: tags.meta, class: "tok-comment" },
]);

/** @type {import("@codemirror/state").StateEffectType<{ made: Made[], open: (policies: number[]) => void }>} */
const setMade = StateEffect.define();

class MadeMarker extends GutterMarker {
  /** @param {Made} made @param {(policies: number[]) => void} open */
  constructor(made, open) {
    super();
    this.made = made;
    this.open = open;
  }

  /** @override @param {MadeMarker} other */
  eq(other) {
    return other.made.policies.join() === this.made.policies.join();
  }

  /** @override */
  toDOM() {
    const n = this.made.policies.length;
    return el(
      "button",
      {
        type: "button",
        class: "cm-made",
        title: `Show the ${counted(n, "policy", "policies")} that come from here (Alt-P)`,
        tabindex: -1,
        onmousedown: (/** @type {Event} */ e) => e.preventDefault(),
        onclick: () => this.open(this.made.policies),
      },
      `${n} →`,
    );
  }
}

const madeField = StateField.define({
  create: () => ({ markers: /** @type {RangeSet<GutterMarker>} */ (RangeSet.empty), made: /** @type {Made[]} */ ([]) }),
  update(value, transaction) {
    let { markers, made } = value;
    markers = markers.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(setMade)) continue;
      made = effect.value.made;
      const doc = transaction.state.doc;
      markers = RangeSet.of(
        made
          .filter(({ line }) => line <= doc.lines)
          .slice(0, 2000)
          .map((m) => new MadeMarker(m, effect.value.open).range(doc.line(m.line).from)),
        true,
      );
    }
    return { markers, made };
  },
  provide: (field) => gutter({ class: "cm-mades", side: "after", markers: (view) => view.state.field(field).markers }),
});

export class Editor {
  /** @type {Map<string, EditorState>} */
  #states = new Map();
  /** @type {OpenFile | undefined} */
  #file;
  #locked = new Compartment();
  #loading = false;

  /**
   * @param {HTMLElement} host
   * @param {Workspace} workspace
   * @param {{ fixes: (finding: Finding) => Fix[], openPolicies: (policies: number[]) => void, moved: (line: number) => void }} options
   */
  constructor(host, workspace, { fixes, openPolicies, moved }) {
    this.workspace = workspace;
    this.fixes = fixes;
    this.openPolicies = openPolicies;
    const root = host.attachShadow({ mode: "open" });
    const box = el("div", { class: "box" });
    root.append(box);
    root.adoptedStyleSheets = [editorTheme()];
    this.view = new EditorView({ parent: box, root, state: EditorState.create({}) });
    this.extensions = [
      lineNumbers(),
      foldGutter({ openText: "⌄", closedText: "›" }),
      highlightSpecialChars({ addSpecialChars: /[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g }),
      history(),
      drawSelection(),
      indentOnInput(),
      indentUnit.of("  "),
      bracketMatching(),
      closeBrackets(),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      highlightSelectionMatches(),
      search({ top: true }),
      StreamLanguage.define(yaml),
      syntaxHighlighting(colours),
      autocompletion({ override: [completionOf(workspace)], icons: false }),
      tooltips({ parent: box, position: "absolute" }),
      madeField,
      this.#locked.of([]),
      keymap.of([
        { key: "Tab", run: acceptCompletion },
        { key: "Alt-p", run: () => this.#openMade() },
        { key: "Mod-.", run: () => this.#fixHere() },
        ...closeBracketsKeymap,
        ...searchKeymap,
        ...historyKeymap,
        ...foldKeymap,
        ...completionKeymap,
        ...lintKeymap,
        ...defaultKeymap,
      ]),
      EditorView.contentAttributes.of({ "aria-label": "Text of the file", tabindex: "0", spellcheck: "false", autocapitalize: "off", autocorrect: "off", "aria-describedby": "keys" }),
      EditorView.updateListener.of((update) => {
        if (this.#loading || !this.#file) return;
        if (update.docChanged) workspace.change(this.#file, { text: update.state.doc.toString() });
        if (update.selectionSet || update.docChanged) moved(update.state.doc.lineAt(update.state.selection.main.head).number);
      }),
    ];
    workspace.addEventListener("active", () => this.#show());
    workspace.addEventListener("files", () => {
      for (const id of this.#states.keys()) if (!workspace.byId(id)) this.#states.delete(id);
      this.#show();
    });
  }

  #show() {
    const file = this.workspace.active;
    if (this.#file && this.workspace.byId(this.#file.id)) this.#states.set(this.#file.id, this.view.state);
    const same = this.#file === file;
    this.#file = file;
    this.#loading = true;
    if (!same) {
      this.view.setState(
        (file && this.#states.get(file.id)) ?? EditorState.create({ doc: file?.text ?? "", extensions: this.extensions }),
      );
    }
    const locked = this.workspace.readOnly || !file;
    this.view.dispatch({
      effects: this.#locked.reconfigure(locked ? [EditorState.readOnly.of(true), EditorView.editable.of(Boolean(file))] : []),
    });
    this.#loading = false;
    this.#marks();
  }

  /** @type {Map<string, Finding[]>} */
  #findings = new Map();
  /** @type {Map<string, Made[]>} */
  #made = new Map();

  /**
   * @param {Map<string, Finding[]>} findings by file
   * @param {Map<string, Made[]>} made by file
   */
  mark(findings, made) {
    this.#findings = findings;
    this.#made = made;
    this.#marks();
  }

  /** @type {{ text: string, doc: import("@codemirror/state").Text } | undefined} */
  #marked;

  #marks() {
    const file = this.#file;
    if (!file) return;
    const { state } = this.view;
    const { doc } = state;
    // Marks set anew close the tooltip that somebody reads.
    const text = JSON.stringify([file.id, this.workspace.readOnly, this.#findings.get(file.id), this.#made.get(file.id)]);
    if (this.#marked?.text === text && this.#marked.doc.eq(doc)) return;
    this.#marked = { text, doc };
    /** @type {Mark[]} */
    const marks = (this.#findings.get(file.id) ?? []).slice(0, MARKS).flatMap((finding) => {
      const { place, severity, message, help, code } = finding;
      if (!place || place.line > doc.lines) return [];
      const { from, to } = wordAt(doc, offsetOf(doc, place.line, place.column));
      return [
        {
          from,
          to,
          severity: severity === "note" ? "info" : severity,
          message,
          renderMessage: () =>
            el("div", { class: "finding" }, el("div", {}, ...prose(message)), help ? el("div", { class: "help" }, ...prose(help)) : null, el("div", { class: "code" }, code)),
          actions: this.workspace.readOnly ? [] : this.fixes(finding).map((fix) => ({ name: fix.label, apply: () => this.apply(file, fix) })),
        },
      ];
    });
    this.#loading = true;
    const before = state.field(madeField, false)?.made ?? [];
    const made = this.#made.get(file.id) ?? [];
    const changed = before.length !== made.length || before.some((m, i) => m.line !== made[i]?.line || m.policies.join() !== made[i]?.policies.join());
    this.view.dispatch(setDiagnostics(state, marks));
    if (changed) this.view.dispatch({ effects: setMade.of({ made, open: this.openPolicies }) });
    this.#loading = false;
  }

  /** The first fix of the problem on the caret's line. */
  #fixHere() {
    const file = this.#file;
    const { state } = this.view;
    const line = state.doc.lineAt(state.selection.main.head).number;
    if (!file || this.workspace.readOnly) return false;
    for (const finding of this.#findings.get(file.id) ?? []) {
      const fix = finding.place?.line === line && this.fixes(finding)[0];
      if (!fix) continue;
      this.apply(file, fix);
      return true;
    }
    return false;
  }

  #openMade() {
    const { state } = this.view;
    const line = state.doc.lineAt(state.selection.main.head).number;
    const made = madeAt(state.field(madeField, false)?.made ?? [], line);
    if (!made) return false;
    this.openPolicies(made.policies);
    return true;
  }

  /**
   * The text of a file as the editor holds it.
   * @param {OpenFile} file
   */
  docOf(file) {
    return file === this.#file ? this.view.state.doc : EditorState.create({ doc: file.text }).doc;
  }

  /**
   * @param {OpenFile} file
   * @param {Fix} fix
   */
  apply(file, fix) {
    fix.act?.();
    if (!fix.change) return;
    this.workspace.activate(file);
    this.view.dispatch({ changes: fix.change, selection: { anchor: fix.change.from + fix.change.insert.length }, scrollIntoView: true, userEvent: "input.fix" });
    this.view.focus();
  }

  /**
   * Puts the caret there, in sight.
   * @param {OpenFile} file
   * @param {number} line
   * @param {number} column
   */
  goTo(file, line, column) {
    this.workspace.activate(file);
    const offset = offsetOf(this.view.state.doc, line, column);
    this.view.dispatch({ selection: { anchor: offset }, effects: EditorView.scrollIntoView(offset, { y: "center" }) });
    this.view.focus();
  }

  find() {
    openSearchPanel(this.view);
  }
}

/**
 * The declaration that a line is part of.
 * @param {Made[]} made in the order of lines
 * @param {number} line
 */
export function madeAt(made, line) {
  return made.findLast((m) => m.line <= line && line - m.line < 40);
}
