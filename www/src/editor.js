import { offsetOf } from "./documents.js";

/**
 * A plain textarea with line numbers beside it. It stays a textarea: undo, spelling of the platform's keys, screen
 * readers and touch work as everywhere, and Tab leaves it.
 */
export class Editor {
  /** More marks than anybody reads would only cost time. */
  static MARKS = 300;

  #lines = 1;

  /**
   * @param {string} id
   * @param {() => void} changed called on every change by the user
   */
  constructor(id, changed) {
    const area = document.getElementById(id);
    const gutter = area?.previousElementSibling;
    if (!(area instanceof HTMLTextAreaElement) || !(gutter instanceof HTMLPreElement))
      throw new Error(`the page has no editor #${id}`);
    /** @readonly */
    this.area = area;
    /** @readonly */
    this.gutter = gutter;
    this.numbers = document.createTextNode("1");
    gutter.replaceChildren(this.numbers);
    area.addEventListener("input", () => {
      this.#number();
      changed();
    });
    area.addEventListener("scroll", () => this.#follow(), { passive: true });
  }

  get text() {
    return this.area.value;
  }

  set text(text) {
    this.area.value = text;
    this.area.setSelectionRange(0, 0);
    this.area.scrollTop = 0;
    this.area.scrollLeft = 0;
    this.#number();
  }

  #number() {
    const text = this.area.value;
    let lines = 1;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
    if (lines !== this.#lines) {
      this.#lines = lines;
      // One line more than there are, so that the gutter can follow the text past its scroll bar.
      this.numbers.data = `${Array.from({ length: lines }, (_, i) => i + 1).join("\n")}\n\n`;
    }
    this.#follow();
  }

  #follow() {
    this.gutter.scrollTop = this.area.scrollTop;
  }

  /**
   * Marks lines in the gutter; the worst one of a line is seen.
   * @param {{ line: number, severity: string }[]} places
   */
  mark(places) {
    const worst = new Map();
    for (const rank of ["note", "warning", "error"])
      for (const place of places) if (place.severity === rank) worst.set(place.line, rank);
    const marks = [...worst].slice(0, Editor.MARKS).map(([line, severity]) => {
      const mark = document.createElement("span");
      mark.className = `mark ${severity}`;
      mark.style.top = `calc(0.5rem + ${line - 1} * var(--row))`;
      return mark;
    });
    this.gutter.replaceChildren(this.numbers, ...marks);
    this.#follow();
  }

  /**
   * Puts the caret there, in sight.
   * @param {number} line
   * @param {number} column
   */
  goTo(line, column) {
    const offset = offsetOf(this.area.value, line, column);
    this.area.focus({ preventScroll: true });
    this.area.setSelectionRange(offset, offset);
    const row = parseFloat(getComputedStyle(this.area).lineHeight);
    this.area.scrollTop = Math.max(0, (line - 1) * row - this.area.clientHeight / 3);
    this.area.scrollLeft = 0;
    this.area.scrollIntoView({ block: "nearest" });
  }
}
