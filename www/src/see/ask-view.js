// "May this client send this request to that target?", answered while it is typed.
/** @import { Policy, Party } from "../work/policies.js" */
/** @import { Access } from "./access.js" */
/** @import { Answer, Way, Layer, Question } from "../work/core.js" */
/** @import { Workspace, OpenFile } from "../workspace.js" */
import { counted, el, prose, shown } from "../dom.js";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
const OUTSIDE = "anyone outside the mesh";
/** What a list of suggestions may hold. */
const MOST = 500;

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

  /**
   * @param {HTMLElement} root
   * @param {Workspace} workspace
   * @param {{ ask: (question: Question) => Promise<Answer>, goTo: (file: OpenFile, line: number, column: number) => void, openPolicies: (policies: number[], why: string) => void }} actions
   */
  constructor(root, workspace, { ask, goTo, openPolicies }) {
    this.workspace = workspace;
    this.ask = ask;
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
    root.append(el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Question and answer" }, this.form, this.answer));
  }

  /** @param {Policy[]} policies */
  show(policies) {
    this.#policies = policies;
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
    this.#names = [...names].sort();
    /** @param {Iterable<unknown>} values */
    const options = (values) => [...values].slice(0, MOST).map((value) => el("option", { value: shown(String(value), 300) }));
    this.names.replaceChildren(...options(this.#names));
    this.clients.replaceChildren(...options([...this.#names, OUTSIDE]));
    this.paths.replaceChildren(...options([...paths].sort()));
    this.ports.replaceChildren(...options(ports));
    // A first question, so that nobody begins before empty fields.
    const first = policies.find(({ layer, action, operations }) => layer === "L7" && action === "ALLOW" && operations[0]?.paths.length) ?? policies[0];
    const untouched = !this.#begun || (!this.from.value && !this.to.value) || !this.#names.includes(this.#resolve(this.to.value));
    if (first && untouched && document.activeElement?.closest?.("form") !== this.form) this.#fill(first);
    this.#last = "";
    void this.#answer();
  }

  /**
   * Asks what an arrow says.
   * @param {Access} access
   */
  about(access) {
    const policy = this.#policies[access.policies[0] ?? -1];
    if (policy) this.#fill(policy, access.source, access.target);
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
      this.answer.replaceChildren(el("p", { class: "quiet-text" }, "Name a client and a target: applications are suggested."));
      return;
    }
    const asked = ++this.#asked;
    try {
      const answer = await this.ask(question);
      if (asked !== this.#asked) return;
      const text = JSON.stringify(answer);
      if (text === this.#last) return;
      this.#last = text;
      this.#render(answer);
    } catch (error) {
      if (asked !== this.#asked || (error instanceof Error && error.name === "Superseded")) return;
      this.#last = "";
      this.answer.replaceChildren(el("p", { class: "quiet-text" }, ...prose(error instanceof Error ? error.message : String(error))));
    }
  }

  /** @param {Answer} answer */
  #render({ verdict, reasons, ways, assumed, clientOutsideMesh }) {
    const { mark, said } = VERDICTS[verdict];
    this.answer.replaceChildren(
      el("p", { class: `verdict ${verdict}` }, el("span", { class: "mark", "aria-hidden": "true" }, mark), said),
      ...(reasons.length > 0 ? [el("ul", { class: "reasons" }, ...reasons.map((reason) => el("li", {}, ...prose(reason))))] : []),
      ...(clientOutsideMesh ? [el("p", { class: "quiet-text" }, "The client is outside the mesh, so it has no identity.")] : []),
      ...ways.map((way) => this.#way(way)),
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

/** @param {Party} party */
const idOf = ({ namespace, name }) => `${namespace}/${name}`;
