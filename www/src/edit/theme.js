/** The editor's own style sheet: its colours are the page's, which reach into the shadow root. */
export function editorTheme() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
:host { display: block; position: relative; min-height: 0; height: 100%; }
.box { position: absolute; inset: 0; }
.cm-editor { height: 100%; background: var(--paper); color: var(--ink); font-size: var(--code-size); }
.cm-editor.cm-focused { outline: none; }
.cm-editor .cm-scroller { font-family: var(--mono); line-height: 1.6; overscroll-behavior: contain; }
.cm-editor .cm-content { padding: 0.5rem 0 40vh; caret-color: var(--accent); }
.cm-editor .cm-line { padding: 0 1rem 0 0.4rem; }
.cm-editor .cm-gutters { background: var(--paper); color: var(--faint); border: 0; padding-left: 0.35rem; }
.cm-editor .cm-lineNumbers .cm-gutterElement { min-width: 2.2em; padding: 0 0.2em; font-variant-numeric: tabular-nums; }
.cm-editor .cm-foldGutter .cm-gutterElement { padding: 0 0.25em; cursor: pointer; }
.cm-editor .cm-activeLine, .cm-editor .cm-activeLineGutter { background: transparent; }
.cm-editor.cm-focused .cm-activeLine, .cm-editor.cm-focused .cm-activeLineGutter { background: var(--line-ground); }
.cm-editor.cm-focused .cm-activeLineGutter { color: var(--ink); }
.cm-editor .cm-cursor { border-left: 2px solid var(--accent); }
.cm-editor .cm-selectionBackground, .cm-editor.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground { background: var(--selection); }
.cm-editor .cm-matchingBracket, .cm-editor.cm-focused .cm-matchingBracket { background: var(--selection); outline: 1px solid var(--rule); }
.cm-editor .cm-selectionMatch { background: var(--match); }
.cm-editor .cm-searchMatch { background: var(--match); outline: 1px solid var(--rule); }
.cm-editor .cm-foldPlaceholder { background: var(--tint); border: 1px solid var(--rule); color: var(--quiet); padding: 0 0.4em; }
.cm-editor .cm-specialChar { color: var(--error); font-weight: 600; }
.tok-comment { color: var(--quiet); }
.tok-key { color: var(--key); }
.tok-string { color: var(--string); }
.tok-value { color: var(--value); }
.cm-editor .cm-lintRange { background-image: none; padding: 0; text-decoration: underline 1.5px; text-underline-offset: 3px; text-decoration-skip-ink: none; }
.cm-editor .cm-lintRange-error { background-image: none; text-decoration-style: wavy; text-decoration-color: var(--error); }
.cm-editor .cm-lintRange-warning { background-image: none; text-decoration-style: wavy; text-decoration-color: var(--warning); }
.cm-editor .cm-lintRange-info { background-image: none; text-decoration-style: dotted; text-decoration-color: var(--note); }
.cm-editor .cm-lintRange-active { background-image: none; background: var(--match); }
.cm-editor .cm-lintPoint::after { display: none; }
.cm-editor .cm-gutters-after { border: 0; padding: 0; }
.cm-mades .cm-gutterElement { padding: 0 0.5rem 0 0.2rem; }
.cm-made { appearance: none; padding: 0 0.45em; border: 0; border-radius: 4px; background: transparent; color: var(--accent); font: inherit; font-family: var(--sans); line-height: 1.5; cursor: pointer; font-variant-numeric: tabular-nums; white-space: nowrap; }
.cm-made:hover { background: var(--accent-ground); }
.cm-tooltip.cm-tooltip { background: var(--raised); color: var(--ink); border: 1px solid var(--rule); border-radius: 7px; box-shadow: var(--lift); font-family: var(--sans); font-size: 0.8125rem; line-height: 1.45; overflow: hidden; max-width: min(34rem, 92vw); }
.cm-tooltip.cm-tooltip-autocomplete > ul { font-family: var(--mono); font-size: var(--code-size); max-height: 15em; }
.cm-tooltip.cm-tooltip-autocomplete > ul > li { padding: 0.15em 0.7em; line-height: 1.5; }
.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected] { background: var(--accent); color: var(--on-accent); }
.cm-completionDetail { font-family: var(--sans); font-style: normal; font-size: 0.9em; opacity: 0.85; margin-left: 1.2em; }
.cm-completionMatchedText { text-decoration: none; font-weight: 700; }
.cm-diagnostic.cm-diagnostic { border-left-width: 3px; padding: 0.5rem 0.75rem; }
.cm-diagnostic-error.cm-diagnostic-error { border-left-color: var(--error); }
.cm-diagnostic-warning.cm-diagnostic-warning { border-left-color: var(--warning); }
.cm-diagnostic-info.cm-diagnostic-info { border-left-color: var(--note); }
.cm-diagnosticAction.cm-diagnosticAction { margin: 0.4rem 0.5rem 0 0; padding: 0.15rem 0.6rem; border: 1px solid var(--accent); border-radius: 5px; background: transparent; color: var(--accent); font: inherit; cursor: pointer; }
.cm-diagnosticAction.cm-diagnosticAction:hover { background: var(--accent); color: var(--on-accent); }
.finding .help { color: var(--quiet); margin-top: 0.2rem; }
.finding .code { color: var(--quiet); font-family: var(--mono); font-size: 0.9em; margin-top: 0.2rem; }
.finding code { font-family: var(--mono); font-size: 0.95em; }
.cm-panels.cm-panels { background: var(--tint); color: var(--ink); border-color: var(--rule); font-family: var(--sans); }
.cm-panel.cm-search { padding: 0.4rem 2rem 0.4rem 0.6rem; }
.cm-panel.cm-search label { font-size: 0.8125rem; }
.cm-textfield.cm-textfield { background: var(--paper); color: var(--ink); border: 1px solid var(--control); border-radius: 5px; font-size: 0.8125rem; padding: 0.15rem 0.4rem; }
.cm-button.cm-button { background: var(--paper); background-image: none; color: var(--ink); border: 1px solid var(--control); border-radius: 5px; font-size: 0.8125rem; padding: 0.15rem 0.6rem; }
.cm-panel.cm-panel button[name="close"] { color: var(--ink); font-size: 1.1rem; padding: 0 0.4rem; cursor: pointer; }
.cm-panel.cm-panel-lint ul [aria-selected] { background: var(--line-ground); color: inherit; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.cm-content:focus-visible { outline: none; }
`);
  return sheet;
}
