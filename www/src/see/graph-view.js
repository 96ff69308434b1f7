// The graph: who is given access to whom. Boxes are applications, arrows go from who asks to who is asked.
/** @import { Access } from "./access.js" */
/** @import { Party, Policy } from "../work/policies.js" */
/** @import { Placed } from "../work/layout.js" */
import { counted, download, el, shown, svg } from "../dom.js";
import { Layout } from "../work/layout.js";
import { partyId } from "../work/policies.js";
import { arrow, curve, loop } from "./drawing.js";
import { exportSvg } from "./export.js";
import { whatOf } from "./policies-view.js";
import { Viewport } from "./viewport.js";

const ROW = 30;
/** Letters of a name that a box shows. */
const LETTERS = 30;

/** @typedef {{ id: string, party: Party, label: string, width: number }} Box */

export class GraphView {
  /** @type {Access[]} */
  #accesses = [];
  /** @type {Policy[]} */
  #policies = [];
  /** @type {Map<string, Box>} */
  #boxes = new Map();
  /** @type {Map<string, SVGGElement>} */
  #nodes = new Map();
  /** @type {Map<string, SVGGElement>} */
  #edges = new Map();
  /** @type {Placed | undefined} */
  #placed;
  /** What the picture, or the one being made, is of. */
  #signature = "";
  /** @type {string | undefined} a box or an arrow */
  #selected;
  /** @type {string | undefined} the box that is shown with its neighbours alone */
  #alone;
  #layout = new Layout();
  #measure = document.createElement("canvas").getContext("2d");

  /**
   * @param {HTMLElement} root
   * @param {(policies: number[], why: string) => void} openPolicies
   * @param {(access: Access) => void} ask
   */
  constructor(root, openPolicies, ask) {
    this.ask = ask;
    this.root = root;
    this.openPolicies = openPolicies;
    this.names = el("datalist", { id: "names" });
    this.search = el("input", {
      type: "search",
      list: "names",
      placeholder: "Find an application …",
      "aria-label": "Find an application in the graph",
      spellcheck: "false",
      oninput: () => this.#searched(false),
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key === "Enter") this.#searched(true);
      },
    });
    this.stage = svg("g", { class: "stage" });
    this.picture = svg("svg", { class: "graph", role: "group", "aria-label": "Graph of accesses", "aria-describedby": "graph-keys" }, this.stage);
    this.viewport = new Viewport(this.picture, this.stage);
    this.drawer = el("aside", { class: "drawer", hidden: true, "aria-label": "Selection" });
    this.status = el("p", { class: "graph-status", role: "status" });
    this.back = el("button", { type: "button", class: "chip", hidden: true, onclick: () => this.#isolate(undefined) });
    /** @param {string} label @param {string} text @param {() => void} act */
    const tool = (label, text, act) => el("button", { type: "button", class: "quiet tool", "aria-label": label, title: label, onclick: act }, text);
    root.append(
      el(
        "div",
        { class: "bar" },
        this.search,
        this.names,
        this.back,
        el("span", { class: "gap" }),
        tool("Zoom out (−)", "−", () => this.viewport.zoom(1 / 1.3)),
        tool("Zoom in (+)", "+", () => this.viewport.zoom(1.3)),
        tool("Fit into view (0)", "Fit", () => this.viewport.fit()),
        tool("Export as SVG", "SVG", () => this.#export()),
      ),
      el(
        "div",
        { class: "canvas" },
        this.picture,
        this.status,
        legend(),
        el(
          "p",
          { class: "unseen", id: "graph-keys" },
          "Arrow keys go from box to box, Enter selects one, plus and minus zoom, zero fits, Shift and arrow keys move the picture. The table holds the same.",
        ),
      ),
      this.drawer,
    );
    this.picture.addEventListener("click", (event) => this.#clicked(event));
    this.picture.addEventListener("keydown", (event) => this.#key(event));
    this.drawer.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.select(undefined);
    });
    new ResizeObserver(() => {
      this.viewport.resized();
      if (this.#placed) this.#arrange();
    }).observe(this.picture);
  }

  /**
   * @param {Access[]} accesses
   * @param {Policy[]} policies
   */
  show(accesses, policies) {
    this.#policies = policies;
    this.#accesses = accesses;
    this.#arrange();
    if (this.#selected) this.#describe();
  }

  /** The boxes and arrows there are, placed anew where they are others than before. */
  #arrange() {
    const id = this.#alone;
    let visible = this.#accesses;
    if (id !== undefined) {
      visible = visible.filter(({ source, target }) => partyId(source) === id || partyId(target) === id);
      if (visible.length === 0) {
        this.#isolate(undefined);
        return;
      }
    }
    // The whole view counts, so that an opened drawer moves nothing.
    const { clientWidth: width, clientHeight: height } = this.root;
    const frame = { width: Math.max(width, 100), height: Math.max(height - 120, 100) };
    const signature = `${Math.round(frame.width / 400)} ${Math.round(frame.height / 400)}\n${visible.map((access) => access.id).join("\n")}`;
    if (signature === this.#signature) return;
    this.#signature = signature;
    /** @type {Map<string, Box>} */
    const boxes = new Map();
    for (const access of visible) for (const party of [access.source, access.target]) if (!boxes.has(partyId(party))) boxes.set(partyId(party), this.#box(party));
    if (boxes.size === 0) {
      this.#boxes = boxes;
      this.#placed = undefined;
      this.select(undefined);
      this.#draw();
      return;
    }
    if (boxes.size > 60) this.status.textContent = `Laying out ${counted(boxes.size, "box", "boxes")} …`;
    this.#layout
      .place({
        frame,
        nodes: [...boxes.values()].map(({ id, width, party }) => ({ id, width, height: ROW, group: party.namespace })),
        edges: visible.map((access) => ({ id: access.id, from: partyId(access.source), to: partyId(access.target) })),
      })
      .then(
        (placed) => {
          if (signature !== this.#signature) return;
          this.#boxes = boxes;
          this.#placed = placed;
          this.#draw();
        },
        (error) => {
          this.#signature = "";
          this.status.textContent = `The graph could not be laid out: ${error.message}. The table holds the same.`;
        },
      );
  }

  /** @param {Party} party @returns {Box} */
  #box(party) {
    // Of a label's key the part behind the slash tells most.
    const label = middle(shown(party.kind === "pods" ? party.name.replace(/[\w.-]+\//g, "") : party.name, 300), LETTERS);
    if (this.#measure) this.#measure.font = "500 13px system-ui, sans-serif";
    const width = Math.ceil(this.#measure?.measureText(label).width ?? label.length * 7) + 24;
    return { id: partyId(party), party, label, width };
  }

  #draw() {
    const placed = this.#placed;
    const kept = document.activeElement?.closest?.(".node")?.getAttribute("data-id");
    this.#nodes.clear();
    this.#edges.clear();
    this.status.textContent = placed ? "" : "Nobody is given access to anything.";
    const named = [...this.#boxes.values()].map(({ party }) => party.name);
    this.names.replaceChildren(...[...new Set(named)].sort().slice(0, 500).map((name) => el("option", { value: shown(name) })));
    if (!placed) {
      this.stage.replaceChildren();
      return;
    }
    const layers = { groups: svg("g"), edges: svg("g"), nodes: svg("g") };
    for (const { id, x, y, width, height } of placed.groups) {
      layers.groups.append(
        svg("g", { class: "group" }, svg("rect", { x, y: y - 18, width, height: height + 18, rx: 10 }), svg("text", { x: x + 12, y: y - 2 }, middle(shown(id), 40))),
      );
    }
    const by = new Map(this.#accesses.map((access) => [access.id, access]));
    const places = new Map(placed.nodes.map((node) => [node.id, node]));
    /** @type {Map<string, number>} */
    const loops = new Map();
    const own = [...by.values()].flatMap(({ id, source, target }) => {
      const at = partyId(source);
      const place = at === partyId(target) ? places.get(at) : undefined;
      if (!place) return [];
      loops.set(at, (loops.get(at) ?? 0) + 1);
      return [{ id, points: loop(place, this.#boxes.get(at)?.width ?? 0, ROW, loops.get(at) ?? 1) }];
    });
    for (const { id, points } of [...placed.edges, ...own]) {
      const access = by.get(id);
      if (!access || points.length < 2) continue;
      const path = curve(points);
      const edge = svg(
        "g",
        { class: `edge ${access.layer} ${access.verdict}`, "data-id": id },
        svg("path", { class: "hit", d: path }),
        svg("path", { class: "line", d: path }),
        svg("path", { class: "head", d: arrow(points, access) }),
        svg("title", {}, `${shown(access.source.name, 80)} → ${shown(access.target.name, 80)}, ${access.layer}`),
      );
      this.#edges.set(id, edge);
      layers.edges.append(edge);
    }
    for (const { id, x, y } of placed.nodes) {
      const box = this.#boxes.get(id);
      if (!box) continue;
      const { party, width, label } = box;
      const full = shown(party.name, 300);
      const node = svg(
        "g",
        {
          class: `node ${party.kind}`,
          "data-id": id,
          transform: `translate(${x - width / 2} ${y - ROW / 2})`,
          role: "button",
          tabindex: -1,
          "aria-label": `${full}${party.namespace ? ` in ${shown(party.namespace)}` : ""}`,
        },
        svg("rect", { width, height: ROW, rx: party.kind === "anyone" || party.kind === "other" ? ROW / 2 : 6 }),
        svg("text", { x: width / 2, y: ROW / 2 }, label),
        label === full ? null : svg("title", {}, full),
      );
      this.#nodes.set(id, node);
      layers.nodes.append(node);
    }
    this.stage.replaceChildren(layers.groups, layers.edges, layers.nodes);
    const first = this.#nodes.get(kept ?? "") ?? [...this.#nodes.values()][0];
    first?.setAttribute("tabindex", "0");
    if (kept) first?.focus({ preventScroll: true });
    this.viewport.size(placed.width, placed.height);
    if (this.#selected && !this.#nodes.has(this.#selected) && !this.#edges.has(this.#selected)) this.select(undefined);
    else this.#light();
  }

  /** @param {Event} event */
  #clicked(event) {
    if (this.viewport.dragged) return;
    const hit = event.target instanceof Element ? event.target.closest("[data-id]") : null;
    this.select(hit?.getAttribute("data-id") ?? undefined);
  }

  /**
   * @param {string | undefined} id of a box or an arrow
   */
  select(id) {
    this.#selected = id;
    this.#light();
    this.#describe();
  }

  /** What belongs to the selection is lit, the rest steps back. */
  #light() {
    const id = this.#selected;
    /** @type {Set<string>} */
    const lit = new Set();
    if (id !== undefined) {
      lit.add(id);
      for (const access of this.#accesses) {
        const [from, to] = [partyId(access.source), partyId(access.target)];
        if (access.id !== id && from !== id && to !== id) continue;
        for (const part of [access.id, from, to]) lit.add(part);
      }
    }
    this.picture.classList.toggle("focused", lit.size > 0);
    for (const [key, element] of [...this.#nodes, ...this.#edges]) {
      element.classList.toggle("lit", lit.has(key));
      element.classList.toggle("selected", key === id);
    }
    for (const [key, node] of this.#nodes) node.setAttribute("aria-pressed", String(key === id));
  }

  #describe() {
    const id = this.#selected;
    const box = id === undefined ? undefined : this.#boxes.get(id);
    const access = this.#accesses.find((a) => a.id === id);
    this.drawer.hidden = !box && !access;
    if (!box && !access) return;
    const close = el("button", { type: "button", class: "quiet close", "aria-label": "Close the selection", title: "Close (Escape)", onclick: () => this.select(undefined) }, "×");
    if (access) {
      this.drawer.replaceChildren(
        el("header", {}, el("h2", {}, shown(access.source.name, 60), " → ", shown(access.target.name, 60)), close),
        this.#rows("", [access], (a) => a.target),
      );
      return;
    }
    if (!box || id === undefined) return;
    const into = this.#accesses.filter(({ target }) => partyId(target) === id);
    const out = this.#accesses.filter(({ source }) => partyId(source) === id);
    const alone = this.#alone === id;
    this.drawer.replaceChildren(
      el(
        "header",
        {},
        el("h2", {}, shown(box.party.name, 80), box.party.namespace ? el("span", { class: "ns" }, shown(box.party.namespace, 40)) : null),
        el("button", { type: "button", class: "quiet", onclick: () => this.#isolate(alone ? undefined : id) }, alone ? "Show all again" : "Show only its neighbours"),
        close,
      ),
      el("div", { class: "columns" }, this.#rows("May be reached by", into, (a) => a.source), this.#rows("May reach", out, (a) => a.target)),
    );
  }

  /**
   * @param {string} title
   * @param {Access[]} accesses
   * @param {(access: Access) => Party} other
   */
  #rows(title, accesses, other) {
    return el(
      "section",
      {},
      title ? el("h3", {}, title) : null,
      accesses.length === 0 ? el("p", { class: "quiet-text" }, "nobody") : null,
      el(
        "ul",
        {},
        ...accesses.slice(0, 100).map((access) => {
          const party = other(access);
          const what = [...new Set(access.policies.flatMap((at) => (this.#policies[at] ? [whatOf(this.#policies[at])] : [])))].join("; ");
          const verdict = { allow: "", deny: "refused", conditional: "perhaps", custom: "asks another service" }[access.verdict];
          return el(
            "li",
            {},
            el("span", { class: `layer ${access.layer} ${access.verdict === "deny" ? "deny" : ""}` }, access.layer),
            el(
              "span",
              { class: "row" },
              title ? el("button", { type: "button", class: "link", onclick: () => this.#reveal(partyId(party)) }, shown(party.name, 60)) : null,
              el("span", { class: "what" }, verdict ? el("em", {}, `${verdict}: `) : null, shown(what, 200)),
            ),
            el(
              "span",
              { class: "links" },
              el(
                "button",
                { type: "button", class: "link", onclick: () => this.openPolicies(access.policies, `${shown(access.source.name, 30)} → ${shown(access.target.name, 30)}`) },
                counted(access.policies.length, "policy", "policies"),
              ),
              access.target.kind === "application" ? el("button", { type: "button", class: "link", onclick: () => this.ask(access) }, "ask") : null,
            ),
          );
        }),
      ),
    );
  }

  /** @param {string} id */
  #reveal(id) {
    this.select(id);
    const at = this.#placed?.nodes.find((node) => node.id === id);
    if (at) this.viewport.show(at.x, at.y);
  }

  /** @param {string | undefined} id */
  #isolate(id) {
    this.#alone = id;
    this.back.hidden = id === undefined;
    this.back.textContent = id === undefined ? "" : `only ${shown(this.#boxes.get(id)?.party.name ?? "", 30)} ×`;
    this.viewport.forget();
    this.#arrange();
    this.#describe();
  }

  /** @param {boolean} done */
  #searched(done) {
    const wanted = this.search.value.trim().toLowerCase();
    const found = wanted === "" ? [] : [...this.#boxes.values()].filter(({ party }) => shown(party.name).toLowerCase().includes(wanted));
    const exact = found.find(({ party }) => shown(party.name).toLowerCase() === wanted);
    const one = exact ?? (done || found.length === 1 ? found[0] : undefined);
    for (const [key, node] of this.#nodes) node.classList.toggle("found", found.some(({ id }) => id === key));
    if (one) this.#reveal(one.id);
    else if (done) this.status.textContent = `No application is called ${shown(wanted, 40)}.`;
    if (!done) this.status.textContent = "";
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { key } = event;
    const node = event.target instanceof Element ? event.target.closest(".node") : null;
    const id = node?.getAttribute("data-id") ?? undefined;
    const arrows = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] });
    const way = arrows[key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (way && event.shiftKey) this.viewport.move(-way[0] * 60, -way[1] * 60);
    else if (way && id !== undefined) this.#step(id, way);
    else if (key === "+" || key === "=") this.viewport.zoom(1.3);
    else if (key === "-") this.viewport.zoom(1 / 1.3);
    else if (key === "0") this.viewport.fit();
    else if (key === "Escape") this.select(undefined);
    else if ((key === "Enter" || key === " ") && id !== undefined) this.select(this.#selected === id ? undefined : id);
    else return;
    event.preventDefault();
  }

  /** To the nearest box in a direction. @param {string} id @param {[number, number]} way */
  #step(id, [dx, dy]) {
    const nodes = this.#placed?.nodes ?? [];
    const from = nodes.find((node) => node.id === id);
    if (!from) return;
    let best;
    let least = Infinity;
    for (const node of nodes) {
      const along = (node.x - from.x) * dx + (node.y - from.y) * dy;
      const beside = Math.abs((node.x - from.x) * dy) + Math.abs((node.y - from.y) * dx);
      if (along < 4 || along + beside * 2 >= least) continue;
      least = along + beside * 2;
      best = node;
    }
    const element = best && this.#nodes.get(best.id);
    if (!best || !element) return;
    for (const node of this.#nodes.values()) node.setAttribute("tabindex", "-1");
    element.setAttribute("tabindex", "0");
    element.focus({ preventScroll: true });
    this.viewport.show(best.x, best.y, true);
  }

  #export() {
    if (this.#placed) download("mesh.svg", "image/svg+xml", exportSvg(this.stage, this.#placed));
  }
}

function legend() {
  /** @param {string} kind @param {string} text @param {string} title */
  const entry = (kind, text, title) => {
    const points = [
      { x: 1, y: 6 },
      { x: 27, y: 6 },
    ];
    const [layer = "L7", verdict = "allow"] = kind.split(" ");
    const access = /** @type {Access} */ ({ layer, verdict });
    return el(
      "li",
      { title },
      svg("svg", { width: 28, height: 12, "aria-hidden": "true" }, svg("g", { class: `edge ${kind}` }, svg("path", { class: "line", d: curve(points) }), svg("path", { class: "head", d: arrow(points, access) }))),
      text,
    );
  };
  return el(
    "ul",
    { class: "legend", "aria-label": "Legend" },
    entry("L7 allow", "L7, at a waypoint", "By methods, paths, hosts and ports"),
    entry("L4 allow", "L4, at the pods", "By ports alone"),
    entry("L7 conditional", "only under a condition", "The input does not decide it"),
    entry("L7 deny", "refused", "A policy that refuses"),
  );
}

/** A long name by its beginning and end. @param {string} text @param {number} letters */
export function middle(text, letters) {
  if (text.length <= letters) return text;
  const tail = Math.floor(letters * 0.4);
  return `${text.slice(0, letters - tail - 1)}…${text.slice(-tail)}`;
}
