// "May this client send this request to that target?", answered while it is typed.
/** @import { Policy, Party } from "../work/policies.js" */
/** @import { Access, Application } from "../work/reach.js" */
/** @import { Answer, Way, Layer, Question, Suggestion } from "../work/core.js" */
/** @import { Workspace, OpenFile } from "../workspace.js" */
import { counted, el, prose, shown } from "../dom.js";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
const OUTSIDE = "anyone outside the mesh";
/** What a list of suggestions may hold. */
const MOST = 500;

/** After an answer, before what would allow the request is looked for: it costs several compilations. */
const PAUSE = 250;

/** @typedef {{ file: OpenFile, line: number, column: number, insert: string }} Insertion */

const VERDICTS = {
  allowed: { mark: "✓", said: "Yes" },
  denied: { mark: "✕", said: "No" },
  depends: { mark: "?", said: "It depends" },
};
const VIA = { waypoint: "Through the waypoint", pod: "To the pods' own address" };

export class AskView {
  /** @type {Policy[]} */
  #policies = [];
  /** Namespaced names, for suggestions and for names without their namespace. @type {string[]} */
  #names = [];
  #begun = false;
  #asked = 0;
  #last = "";
  /** The question that the answer is to. @type {Question | undefined} */
  #question;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #readOnly = false;
  #slow = false;

  /**
   * @param {HTMLElement} root
   * @param {Workspace} workspace
   * @param {{ ask: (question: Question) => Promise<Answer>, suggest: (question: Question) => Promise<Suggestion | undefined>, insert: (insertions: Insertion[]) => () => void, goTo: (file: OpenFile, line: number, column: number) => void, openPolicies: (policies: number[], why: string) => void }} actions
   */
  constructor(root, workspace, { ask, suggest, insert, goTo, openPolicies }) {
    this.workspace = workspace;
    this.ask = ask;
    this.suggest = suggest;
    this.insert = insert;
    this.goTo = goTo;
    this.openPolicies = openPolicies;
    const changed = () => void this.#answer();
    /** @param {string} name @param {string} label @param {Record<string, string | number | boolean>} more */
    const input = (name, label, more = {}) =>
      el("input", { type: "text", id: `ask-${name}`, "aria-label": label, spellcheck: "false", autocomplete: "off", autocapitalize: "off", oninput: changed, ...more });
    this.names = el("datalist", { id: "ask-names" });
    this.clients = el("datalist", { id: "ask-clients" });
    this.paths = el("datalist", { id: "ask-paths" });
    this.ports = el("datalist", { id: "ask-ports" });
    this.from = input("from", "Client", { list: "ask-clients", class: "who", placeholder: "model/application" });
    this.method = el("select", { "aria-label": "Method", oninput: changed }, ...METHODS.map((method) => el("option", {}, method)));
    this.path = input("path", "Path", { list: "ask-paths", class: "path", placeholder: "/path" });
    this.port = input("port", "Port", { list: "ask-ports", inputmode: "numeric", class: "port", placeholder: "port" });
    this.kind = el("select", { "aria-label": "What is connected to", oninput: changed }, el("option", { value: "service" }, "the Service"), el("option", { value: "pod" }, "the pods of"));
    this.to = input("to", "Target", { list: "ask-names", class: "who", placeholder: "model/application" });
    this.form = el(
      "form",
      { class: "question", "aria-label": "Question", onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
      el("div", {}, el("span", {}, "May"), this.from, el("span", {}, "send"), this.method, this.path),
      el("div", {}, el("span", {}, "on"), this.port, el("span", {}, "to"), this.kind, this.to, el("span", {}, "?")),
      this.clients,
      this.names,
      this.paths,
      this.ports,
    );
    this.answer = el("div", { class: "answer", "aria-live": "polite" });
    this.told = el("p", { class: "told", role: "status", hidden: true });
    this.advice = el("section", { class: "advice", "aria-label": "What would allow it", hidden: true });
    root.append(el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Question and answer" }, this.form, this.told, this.answer));
  }

  /**
   * @param {Policy[]} policies
   * @param {{ readOnly: boolean, slow: boolean }} state nothing can be inserted; there is much to compile
   */
  show(policies, { readOnly, slow }) {
    this.#policies = policies;
    this.#readOnly = readOnly;
    this.#slow = slow;
    /** @type {Set<string>} */
    const names = new Set();
    const paths = new Set();
    const ports = new Set();
    for (const { sources, targets, operations } of policies) {
      for (const party of [...sources, ...targets]) if (party.kind === "application") names.add(idOf(party));
      for (const operation of operations) {
        operation.paths.forEach((path) => paths.add(path));
        operation.ports.forEach((port) => ports.add(port));
      }
    }
    for (const name of this.#known) names.add(name);
    this.#names = [...names].sort();
    this.#offer();
    this.paths.replaceChildren(...options([...paths].sort()));
    this.ports.replaceChildren(...options(ports));
    // A first question, so that nobody begins before empty fields.
    const first = policies.find(({ layer, action, operations }) => layer === "L7" && action === "ALLOW" && operations[0]?.paths.length) ?? policies[0];
    const untouched = !this.#begun || (!this.from.value && !this.to.value) || !this.#names.includes(this.#resolve(this.to.value));
    if (first && untouched && document.activeElement?.closest?.("form") !== this.form) this.#fill(first);
    this.#last = "";
    void this.#answer();
  }

  /** @type {string[]} */
  #known = [];

  /** Applications that no policy speaks of can be asked about as well. @param {Application[]} applications */
  know(applications) {
    const known = applications.flatMap(({ party, service }) => (["application", "service", "gateway"].includes(party.kind) ? [service ?? idOf(party)] : []));
    if (known.join() === this.#known.join()) return;
    this.#known = known;
    this.#names = [...new Set([...this.#names, ...known])].sort();
    this.#offer();
    if (this.from.value && this.to.value) return;
    const [to = "", from = to] = known;
    this.from.value = from;
    this.to.value = to;
    this.path.value = "/";
    void this.#answer();
  }

  #offer() {
    this.names.replaceChildren(...options(this.#names));
    this.clients.replaceChildren(...options([...this.#names, OUTSIDE]));
  }

  /**
   * Asks what an arrow says.
   * @param {Access} access
   * @param {Application | undefined} source
   * @param {Application | undefined} target
   */
  about(access, source, target) {
    const policy = this.#policies[access.policies[0] ?? -1];
    if (policy) this.#fill(policy, access.source, access.target);
    else {
      this.path.value = "/";
      this.port.value = "";
    }
    this.#begun = true;
    this.from.value = source?.account ?? (access.source.kind === "application" ? idOf(access.source) : OUTSIDE);
    this.to.value = (access.layer === "L7" ? target?.service : undefined) ?? idOf(access.target);
    this.kind.value = access.layer === "L7" || access.target.kind === "service" ? "service" : "pod";
    void this.#answer();
    this.from.focus();
  }

  /**
   * Asks about a request.
   * @param {{ from: { namespace: string, serviceAccount: string } | null, to: Record<string, string>, port?: number, method?: string, path?: string }} request
   */
  request({ from, to, port, method, path }) {
    this.#begun = true;
    const [kind = "service", target = ""] = Object.entries(to)[0] ?? [];
    this.from.value = from ? `${from.namespace}/${from.serviceAccount}` : OUTSIDE;
    this.kind.value = kind;
    this.to.value = target;
    this.method.value = method ?? "GET";
    this.path.value = path ?? "";
    this.port.value = port === undefined ? "" : String(port);
    void this.#answer();
    this.from.focus();
  }

  /** @param {Policy} policy @param {Party | undefined} [source] @param {Party | undefined} [target] */
  #fill(policy, source = policy.sources[0], target = policy.targets[0]) {
    this.#begun = true;
    const [operation] = policy.operations;
    this.from.value = source?.kind === "application" ? idOf(source) : OUTSIDE;
    this.to.value = target ? idOf(target) : "";
    this.kind.value = policy.layer === "L4" ? "pod" : "service";
    this.method.value = operation?.methods[0] ?? "GET";
    this.path.value = (operation?.paths[0] ?? "/").replace(/\{\*\*?\}|\*/g, "x");
    this.port.value = operation?.ports[0] ?? "";
  }

  /** A name without its namespace is found, where there is one of it. @param {string} name */
  #resolve(name) {
    const text = name.trim();
    if (text === "" || text.includes("/")) return text;
    return this.#names.find((known) => known.endsWith(`/${text}`)) ?? `${this.#names[0]?.split("/")[0] ?? ""}/${text}`;
  }

  async #answer() {
    const [namespace = "", serviceAccount = ""] = this.#resolve(this.from.value).split("/", 2);
    const port = this.port.value.trim();
    /** @type {Question} */
    const question = {
      from: this.from.value.trim() === OUTSIDE ? null : { namespace, serviceAccount },
      to: { [this.kind.value]: this.#resolve(this.to.value) },
      method: this.method.value,
      ...(this.path.value.trim() && { path: this.path.value.trim() }),
      ...(port && { port: /^\d{1,9}$/.test(port) ? Number(port) : port }),
    };
    if (!this.from.value.trim() || !this.to.value.trim()) {
      this.#question = undefined;
      this.answer.replaceChildren(el("p", { class: "quiet-text" }, "Name a client and a target: applications are suggested."));
      return;
    }
    const asked = ++this.#asked;
    try {
      const answer = await this.ask(question);
      if (asked !== this.#asked) return;
      // What would allow it depends on the files as well: their texts count too.
      this.#question = question;
      clearTimeout(this.#timer);
      if (answer.verdict === "denied") this.#timer = setTimeout(() => this.#considerAdvice(question), PAUSE);
      const text = JSON.stringify(answer);
      if (text === this.#last) return;
      this.#last = text;
      this.#render(answer);
    } catch (error) {
      if (asked !== this.#asked || (error instanceof Error && error.name === "Superseded")) return;
      this.#last = "";
      clearTimeout(this.#timer);
      this.answer.replaceChildren(el("p", { class: "quiet-text" }, ...prose(error instanceof Error ? error.message : String(error))));
    }
  }

  /** In a large mesh each try takes its time: somebody has to want it. @param {Question} question */
  #considerAdvice(question) {
    if (!this.#slow) {
      void this.#advise(question);
      return;
    }
    const find = el("button", { type: "button", onclick: () => ((find.disabled = true), (find.textContent = "Looking for it …"), void this.#advise(question)) }, "Find what would allow it");
    this.advice.replaceChildren(el("p", {}, find));
    this.advice.hidden = false;
  }

  /** Looks for what would allow it. @param {Question} question */
  async #advise(question) {
    const texts = new Map(this.workspace.files.map((file) => [file.id, file.text]));
    try {
      const found = await this.suggest(question);
      if (question !== this.#question || !found) return;
      const edits = found.edits.flatMap((edit) => {
        const file = this.workspace.byId(edit.file);
        return file ? [{ ...edit, file }] : [];
      });
      this.advice.hidden = false;
      this.advice.replaceChildren(
        el("h2", {}, found.possible ? "To allow it" : "Nothing that is declared can allow it"),
        el("p", {}, ...prose(sentence(found.text))),
        ...edits.map(({ file, line, column, insert }) =>
          el(
            "figure",
            {},
            el("figcaption", {}, el("button", { type: "button", class: "link", onclick: () => this.goTo(file, line, column) }, `${shown(file.name, 60)}:${line}`)),
            el("pre", {}, ...added(insert).flatMap((text) => [el("span", { class: "line" }, el("span", { class: "plus", "aria-hidden": "true" }, "+ "), shown(text, 300)), "\n"])),
          ),
        ),
        ...(edits.length === 0
          ? []
          : this.#readOnly
            ? [el("p", { class: "quiet-text" }, "Import these files to change them.")]
            : [
                el("p", { class: "buttons" }, el("button", { type: "button", class: "primary", onclick: () => this.#insert(edits, texts) }, edits.length === 1 ? "Insert it" : "Insert both"), el("span", { class: "quiet-text" }, "It has been tried: with it, the answer is yes.")),
              ]),
      );
    } catch {
      // A newer question took its place; the answer stands without advice.
    }
  }

  /** @param {Insertion[]} edits @param {Map<string, string>} texts what they are meant for */
  #insert(edits, texts) {
    if (edits.some(({ file }) => file.text !== texts.get(file.id))) return;
    const undo = this.insert(edits);
    const names = [...new Set(edits.map(({ file }) => shown(file.name, 60)))].join(" and ");
    this.told.hidden = false;
    this.told.replaceChildren(
      `Inserted into ${names}. `,
      el("button", { type: "button", class: "link", onclick: () => (undo(), (this.told.hidden = true)) }, "Undo"),
      " ",
      el("button", { type: "button", class: "quiet small", "aria-label": "Close the message", onclick: () => (this.told.hidden = true) }, "×"),
    );
  }

  /** @param {Answer} answer */
  #render({ verdict, reasons, ways, assumed, clientOutsideMesh }) {
    const { mark, said } = VERDICTS[verdict];
    this.advice.hidden = true;
    this.answer.replaceChildren(
      el("p", { class: `verdict ${verdict}` }, el("span", { class: "mark", "aria-hidden": "true" }, mark), said),
      ...(reasons.length > 0 ? [el("ul", { class: "reasons" }, ...reasons.map((reason) => el("li", {}, ...prose(reason))))] : []),
      ...(clientOutsideMesh ? [el("p", { class: "quiet-text" }, "The client is outside the mesh, so it has no identity.")] : []),
      ...ways.filter(({ asked }) => asked).map((way) => this.#way(way)),
      ...(verdict === "denied" ? [this.advice] : []),
      ...ways.filter(({ asked }) => !asked).map((way) => this.#way(way)),
      ...(assumed.length > 0
        ? [el("details", { class: "assumed" }, el("summary", {}, counted(assumed.length, "assumption")), el("ul", {}, ...assumed.map((text) => el("li", {}, ...prose(text)))))]
        : []),
    );
  }

  /** @param {Way} way */
  #way({ via, asked, verdict, layers }) {
    const { mark } = VERDICTS[verdict];
    const stopped = layers.findIndex((layer) => layer.verdict === "denied");
    return el(
      "section",
      { class: `way ${asked ? "" : "beside"}` },
      el(
        "h2",
        {},
        el("span", { class: `mark ${verdict}`, "aria-hidden": "true" }, mark),
        `${VIA[/** @type {keyof typeof VIA} */ (via)] ?? shown(via)}: ${verdict === "depends" ? "it depends" : verdict}`,
        asked ? null : el("span", { class: "quiet-text" }, " besides what is asked"),
      ),
      el("ol", { class: "steps" }, ...layers.map((layer, at) => this.#layer(layer, stopped >= 0 && at > stopped))),
    );
  }

  /** @param {Layer} layer @param {boolean} unreached */
  #layer({ layer, at, client, port, verdict, why, policy, nearest, considered }, unreached) {
    const name = el("p", { class: "place" }, el("strong", {}, shown(layer)), " ", shown(at ?? "", 120));
    if (unreached) return el("li", { class: "unreached" }, name, el("p", { class: "quiet-text" }, "is not reached"));
    const sees = client ? `sees ${shown(client, 200)}${port === undefined ? "" : `, port ${port}`}` : `sees a client without identity${port === undefined ? "" : `, port ${port}`}`;
    const named = policy ?? nearest?.policy;
    return el(
      "li",
      { class: verdict },
      name,
      el("p", { class: "quiet-text" }, sees),
      nearest && nearest.misses.length > 0
        ? el(
            "div",
            { class: "nearest" },
            el("p", {}, counted(considered?.length ?? 1, "policy", "policies"), " here, and none allows it. The nearest differs in the"),
            el(
              "ul",
              {},
              ...nearest.misses.map(({ field, expected, excluded, actual }) =>
                el(
                  "li",
                  {},
                  el("span", { class: "field" }, shown(field)),
                  excluded ? ": it wants anything but " : ": it wants ",
                  ...list(expected ?? excluded ?? []),
                  actual === "" ? ", the request has none" : ", the request has ",
                  actual === "" ? null : el("code", {}, shown(actual, 120)),
                ),
              ),
            ),
          )
        : el("p", {}, ...prose(why)),
      named ? this.#policy(named) : null,
    );
  }

  /** Where a policy is, and where it was declared. @param {string} id */
  #policy(id) {
    const at = this.#policies.findIndex(({ namespace, name }) => `${namespace}/${name}` === id);
    const found = this.#policies[at];
    if (!found) return null;
    const place = found.origin.declared;
    const file = place && this.workspace.byId(place.file);
    return el(
      "p",
      { class: "by" },
      el("button", { type: "button", class: "link", onclick: () => this.openPolicies([at], shown(found.name, 40)) }, "the policy"),
      place && file ? el("span", {}, " declared at ", el("button", { type: "button", class: "link", onclick: () => this.goTo(file, place.line, place.column) }, `${shown(file.name, 60)}:${place.line}`)) : null,
    );
  }
}

/** @param {string[]} values */
const list = (values) => values.slice(0, 8).flatMap((value, i) => [...(i > 0 ? [document.createTextNode(i === values.length - 1 ? " or " : ", ")] : []), el("code", {}, shown(value, 120))]);

/** @param {Iterable<unknown>} values */
const options = (values) => [...values].slice(0, MOST).map((value) => el("option", { value: shown(String(value), 300) }));

/** @param {string} text */
const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

/** The lines of an insertion, as far to the left as they all go. @param {string} text */
function added(text) {
  const lines = text.replace(/^\n|\n$/g, "").split("\n");
  const least = Math.min(...lines.map((line) => /^ */.exec(line)?.[0].length ?? 0));
  return lines.map((line) => line.slice(least));
}

/** @param {Party} party */
const idOf = ({ namespace, name }) => `${namespace}/${name}`;
