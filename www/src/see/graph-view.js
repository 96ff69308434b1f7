// The graph: who may reach whom. Boxes are applications, arrows go from who asks to who is asked.
/** @import { Access, Application, Seen } from "../work/reach.js" */
/** @import { Party } from "../work/policies.js" */
/** @import { Placed } from "../work/layout.js" */
import { counted, download, el, prose, shown, svg } from "../dom.js";
import { Layout } from "../work/layout.js";
import { partyId } from "../work/policies.js";
import { arrow, curve, loop, padlock, round } from "./drawing.js";
import { exportSvg } from "./export.js";
import { VERDICTS, legend } from "./legend.js";
import { Viewport } from "./viewport.js";

const ROW = 30;
/** Letters of a name that a box shows. */
const LETTERS = 30;

/** Room for a sign before the name. */
const SIGN = 15;

/** @typedef {{ id: string, party: Party, label: string, width: number, application: Application | undefined }} Box */

export class GraphView {
  /** @type {Access[]} */
  #accesses = [];
  /** @type {Map<string, Application>} */
  #applications = new Map();
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
  /** What was drawn last. */
  #drawn = "";
  /** What boxes and arrows say that are pointed at. */
  #told = "";
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
    this.legend = el("ul", { class: "legend", "aria-label": "Legend" });
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
        this.legend,
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

  /** @param {Seen} seen */
  show({ applications, accesses }) {
    // A waypoint that forwards, and Juju's operators, are in every mesh: the table has them.
    this.#accesses = accesses.filter(({ own }) => !own);
    this.#applications = new Map(applications.filter(({ party }) => party.kind !== "operator").map((one) => [partyId(one.party), one]));
    this.#arrange();
    if (this.#selected) this.#describe();
    this.root.dataset.results = String(++this.#results);
  }

  /** How many results were shown, for those who measure. */
  #results = 0;

  /** The boxes and arrows there are, placed anew where they are others than before. */
  #arrange() {
    const id = this.#alone;
    let visible = this.#accesses;
    /** @type {Map<string, Party>} */
    const parties = new Map();
    if (id === undefined) for (const [key, { party }] of this.#applications) parties.set(key, party);
    else {
      visible = visible.filter(({ source, target }) => partyId(source) === id || partyId(target) === id);
      const own = this.#applications.get(id)?.party ?? visible[0]?.source;
      if (!own || (visible.length === 0 && !this.#applications.has(id))) {
        this.#isolate(undefined);
        return;
      }
      if (this.#applications.has(id)) parties.set(id, own);
    }
    for (const { source, target } of visible) for (const party of [source, target]) if (!parties.has(partyId(party))) parties.set(partyId(party), party);
    const signs = [...parties.keys()].map((key) => this.#sign(key)).join("");
    // The whole view counts, so that an opened drawer moves nothing.
    const { clientWidth: width, clientHeight: height } = this.root;
    const frame = { width: Math.max(width, 100), height: Math.max(height - 120, 100) };
    const signature = `${Math.round(frame.width / 400)} ${Math.round(frame.height / 400)}\n${signs}\n${[...parties.keys()].join("\n")}\n${visible.map((access) => access.id).join("\n")}`;
    const about = [...parties.keys()].map((key) => this.#applications.get(key)).map((one) => [one?.plane, one?.unknown, one?.open[0]?.who]);
    const told = JSON.stringify([visible.map(({ what }) => what), about]);
    const boxesOf = () => new Map([...parties].map(([key, party]) => [key, this.#box(party)]));
    if (signature === this.#signature) {
      // All stays where it is, and says something else.
      if (told !== this.#told && signature === this.#drawn) {
        this.#boxes = boxesOf();
        this.#draw();
      }
      this.#told = told;
      return;
    }
    this.#signature = signature;
    this.#told = told;
    const boxes = boxesOf();
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
          this.#drawn = signature;
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
    const id = partyId(party);
    const width = Math.ceil(this.#measure?.measureText(label).width ?? label.length * 7) + 24 + (this.#sign(id) ? SIGN : 0);
    return { id, party, label, width, application: this.#applications.get(id) };
  }

  /** What stands before a name: whether it is open, or not known. @param {string} id */
  #sign(id) {
    const application = this.#applications.get(id);
    return application?.unknown !== undefined ? "?" : application?.open.length ? "o" : "";
  }

  #draw() {
    const placed = this.#placed;
    const kept = document.activeElement?.closest?.(".node")?.getAttribute("data-id");
    this.#nodes.clear();
    this.#edges.clear();
    this.status.textContent = placed ? "" : "There is nothing to draw: the files name no application. Open a bundle and its charm files, drop them on the page, or begin with one of the examples.";
    this.legend.replaceChildren(...legend(this.#accesses, [...this.#boxes.values()]));
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
      const path = partyId(access.source) === partyId(access.target) ? round(points) : curve(points, placed.across);
      const edge = svg(
        "g",
        { class: `edge ${access.layer} ${access.verdict}`, "data-id": id },
        svg("path", { class: "hit", d: path }),
        svg("path", { class: "line", d: path }),
        svg("path", { class: "head", d: arrow(points, access) }),
        svg("title", {}, `${shown(access.source.name, 80)} → ${shown(access.target.name, 80)}, ${access.layer}${VERDICTS[access.verdict] && `, ${VERDICTS[access.verdict]}`}: ${shown(access.what.join("; "), 200)}`),
      );
      this.#edges.set(id, edge);
      layers.edges.append(edge);
    }
    for (const { id, x, y } of placed.nodes) {
      const box = this.#boxes.get(id);
      if (!box) continue;
      const { party, width, label, application } = box;
      const full = shown(party.name, 300);
      const sign = this.#sign(id);
      const about = [
        `${full}${party.namespace ? ` in ${shown(party.namespace)}` : ""}`,
        party.kind === "waypoint" ? "a waypoint" : party.kind === "gateway" ? "an ingress gateway" : "",
        application?.plane === "none" ? "outside the mesh" : "",
        application?.unknown !== undefined ? "not worked out" : "",
        ...(application?.open ?? []).slice(0, 1).map(({ who }) => `open to ${shown(who, 100)}`),
      ].filter(Boolean);
      const shift = sign ? SIGN / 2 : 0;
      const node = svg(
        "g",
        {
          class: `node ${party.kind}${sign === "o" ? " open" : sign ? " unclear" : ""}${application?.plane === "none" ? " outside" : ""}${application || party.kind !== "application" ? "" : " elsewhere"}`,
          "data-id": id,
          transform: `translate(${x - width / 2} ${y - ROW / 2})`,
          role: "button",
          tabindex: -1,
          "aria-label": about.join(", "),
        },
        party.kind === "waypoint"
          ? svg("path", { class: "shape", d: `M9 0 H${width - 9} L${width} ${ROW / 2} L${width - 9} ${ROW} H9 L0 ${ROW / 2} Z` })
          : svg("rect", { class: "shape", width, height: ROW, rx: party.kind === "anyone" || party.kind === "other" ? ROW / 2 : 6 }),
        sign === "o" ? svg("path", { class: "sign", d: padlock(10, ROW / 2) }) : null,
        sign === "?" ? svg("text", { class: "sign", x: 15, y: ROW / 2 }, "?") : null,
        svg("text", { x: width / 2 + shift, y: ROW / 2 }, label),
        label === full && about.length === 1 ? null : svg("title", {}, about.join(", ")),
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
      // A waypoint and those that it is in front of.
      const own = this.#applications.get(id);
      for (const [key, { waypoint, party }] of this.#applications) {
        const ahead = own?.party.kind === "waypoint" && waypoint === nameOf(own.party);
        if (ahead || (own?.waypoint !== undefined && party.kind === "waypoint" && nameOf(party) === own.waypoint)) lit.add(key);
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
      ...this.#facts(box),
      el(
        "div",
        { class: "columns" },
        this.#rows("May be reached by", into, (a) => a.source, box.application?.open.length ? "nobody else" : "nobody"),
        this.#rows("May reach", out, (a) => a.target, "nothing but what is open to all"),
      ),
    );
  }

  /** What is to be said of an application before its accesses. @param {Box} box */
  #facts({ party, application }) {
    if (!application) return party.kind === "application" ? [el("p", { class: "quiet-text" }, "These files only name it: it is not described here.")] : [];
    const { open, plane, waypoint, noWaypoint, unknown } = application;
    const ahead = party.kind === "waypoint" ? [...this.#applications.values()].filter((one) => one.waypoint === nameOf(party)) : [];
    return [
      ...open.map(({ who, layer, policies }) =>
        el(
          "p",
          { class: "open-to" },
          el("span", { class: `layer ${layer}` }, layer),
          " ",
          el("strong", {}, `${shown(who, 200)} may connect`),
          layer === "L7" ? " through its Service: " : ": ",
          policies.length > 0 ? this.#policiesLink(policies, shown(party.name, 30)) : "no policy keeps anyone out.",
        ),
      ),
      unknown === undefined ? null : el("p", { class: "unclear" }, "Not worked out: ", ...prose(unknown), "."),
      plane === "none" ? el("p", { class: "quiet-text" }, "Outside the mesh: nobody enforces anything at its pods, and as a client it has no identity.") : null,
      noWaypoint === undefined ? null : el("p", { class: "unclear" }, ...prose(noWaypoint), ", so requests go past it."),
      waypoint === undefined ? null : el("p", { class: "quiet-text" }, "Requests to its Service go through the waypoint ", el("code", {}, shown(waypoint, 120)), "."),
      party.kind === "waypoint" ? el("p", { class: "quiet-text" }, ahead.length > 0 ? `A waypoint: it takes the requests to ${ahead.slice(0, 40).map((one) => shown(one.party.name, 40)).join(", ")}.` : "A waypoint that no Service here uses.") : null,
    ].filter((node) => node !== null);
  }

  /** @param {number[]} policies @param {string} why */
  #policiesLink(policies, why) {
    return el("button", { type: "button", class: "link", onclick: () => this.openPolicies(policies, why) }, counted(policies.length, "policy", "policies"));
  }

  /**
   * @param {string} title
   * @param {Access[]} accesses
   * @param {(access: Access) => Party} other
   * @param {string} [none]
   */
  #rows(title, accesses, other, none = "nobody") {
    return el(
      "section",
      {},
      title ? el("h3", {}, title) : null,
      accesses.length === 0 ? el("p", { class: "quiet-text" }, none) : null,
      el(
        "ul",
        {},
        ...accesses.slice(0, 100).map((access) => {
          const party = other(access);
          const verdict = VERDICTS[access.verdict];
          return el(
            "li",
            {},
            el("span", { class: `layer ${access.layer} ${access.verdict}` }, access.layer),
            el(
              "span",
              { class: `row ${access.verdict}` },
              title ? el("button", { type: "button", class: "link", onclick: () => this.#reveal(partyId(party)) }, shown(party.name, 60)) : null,
              el("span", { class: "what" }, verdict ? el("em", {}, `${verdict}: `) : null, shown(access.what.join("; "), 300)),
            ),
            el(
              "span",
              { class: "links" },
              access.policies.length > 0 ? this.#policiesLink(access.policies, `${shown(access.source.name, 30)} → ${shown(access.target.name, 30)}`) : null,
              this.#applications.has(partyId(access.target)) ? el("button", { type: "button", class: "link", onclick: () => this.ask(access) }, "ask") : null,
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

/** @param {Party} party */
const nameOf = ({ namespace, name }) => `${namespace}/${name}`;

/** A long name by its beginning and end. @param {string} text @param {number} letters */
export function middle(text, letters) {
  if (text.length <= letters) return text;
  const tail = Math.floor(letters * 0.4);
  return `${text.slice(0, letters - tail - 1)}…${text.slice(-tail)}`;
}
