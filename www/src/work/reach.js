// Applications and the accesses between them: what the core says of who may reach whom, and which declared accesses it
// does not give. Nothing is decided here; what is declared is only looked up in what the core found.
/** @import { Policy, Party } from "./policies.js" */
import { partyId } from "./policies.js";

/**
 * @typedef {object} Access one arrow: a source, a target, and all that holds between them in one way
 * @property {string} id
 * @property {Party} source
 * @property {Party} target
 * @property {"L7" | "L4"} layer
 * @property {Verdict} verdict
 * @property {string[]} what each the end of "… may"
 * @property {number[]} policies
 * @property {boolean} own it belongs to the mesh's own parts: a waypoint that forwards, Juju's operators
 *
 * @typedef {"allow" | "conditional" | "deny" | "custom" | "void" | "refused" | "unknown"} Verdict
 *   `allow` and `conditional` are what the core finds; the others are declared: by a policy that denies or asks another
 *   service, by one without effect, by one that Istio refuses, for a target that could not be worked out
 *
 * @typedef {object} Application
 * @property {Party} party
 * @property {string} [plane] `ambient`, `sidecar` or `none`
 * @property {string} [waypoint] its waypoint, as `NAMESPACE/NAME`
 * @property {string} [noWaypoint] why the waypoint that it names does not take its requests
 * @property {string} [service] the first of its Services, as `NAMESPACE/NAME`
 * @property {string} [account] the service account of its pods, as `NAMESPACE/NAME`
 * @property {Open[]} open who may reach all of it, beyond single applications
 * @property {string} [unknown] why nothing exact can be said
 *
 * @typedef {{ who: string, layer: "L7" | "L4", policies: number[] }} Open
 * @typedef {{ applications: Application[], accesses: Access[] }} Seen
 *
 * @typedef {object} Overview what the core says, as `overview()` gives it
 * @property {{ namespace: string, name: string, kind: Party["kind"], plane?: string, accounts: string[], services: string[], waypoint?: string, noWaypoint?: string }[]} applications
 * @property {string[]} refused
 * @property {{ policy: string, to: number[] }[]} attached
 * @property {{ file: string, line: number, column: number, json: string, yaml: string }[]} policies
 * @property {Row[]} rows
 * @property {{ to: To, why: string }[]} notSolved
 *
 * @typedef {{ service?: string, pod?: string }} To
 * @typedef {{ any?: string[], except?: string[], examples?: string[] }} Texts
 *
 * @typedef {object} Row
 * @property {To} to
 * @property {To[]} [alsoTo]
 * @property {string} via
 * @property {boolean} depends
 * @property {{ inside?: Texts, outside: boolean }} [clients]
 * @property {unknown} [methods]
 * @property {unknown} [paths]
 * @property {unknown} [hosts]
 * @property {string} who
 * @property {string} what
 * @property {string[]} policies
 */

/**
 * @param {Overview} overview
 * @param {Policy[]} policies
 * @returns {Seen}
 */
export function seen({ applications: found, refused, attached = [], rows, notSolved }, policies) {
  /** @type {Map<string, Application>} */
  const applications = new Map();
  /** @type {Map<string, Application[]>} */
  const accounts = new Map();
  /** @type {Map<string, Application>} */
  const services = new Map();
  /** @type {Map<string, Application>} */
  const pods = new Map();
  const all = found.map(({ namespace, name, kind, accounts: runs, services: served, ...more }) => {
    /** @type {Party} */
    const party = { kind, namespace, name };
    const id = partyId(party);
    const application = applications.get(id) ?? { ...more, party, open: [] };
    applications.set(id, application);
    for (const account of runs) {
      application.account ??= `${namespace}/${account}`;
      const list = accounts.get(`${namespace}/${account}`) ?? [];
      if (!list.includes(application)) accounts.set(`${namespace}/${account}`, [...list, application]);
    }
    for (const service of served) {
      application.service ??= `${namespace}/${service}`;
      services.set(`${namespace}/${service}`, application);
    }
    if (kind !== "service") pods.set(`${namespace}/${name}`, application);
    return application;
  });
  const at = (/** @type {To} */ { service, pod }) => (service === undefined ? pods.get(pod ?? "") : services.get(service));
  const byId = new Map(policies.map(({ namespace, name }, at) => [`${namespace}/${name}`, at]));
  const numbers = (/** @type {string[]} */ ids) => ids.flatMap((id) => byId.get(id) ?? []);
  /** Applications that run as a service account, or it alone. @param {Party} party @returns {Party[]} */
  const runners = (party) => accounts.get(`${party.namespace}/${party.name}`)?.map(({ party }) => party) ?? [party];

  /** @type {Map<string, Access>} */
  const accesses = new Map();
  /** @param {Party} source @param {Party} target @param {"L7" | "L4"} layer @param {Verdict} verdict @param {string} what @param {number[]} by @param {boolean} [own] */
  const add = (source, target, layer, verdict, what, by, own = false) => {
    const id = [partyId(source), partyId(target), layer, verdict].join("\n\n");
    const access = accesses.get(id);
    if (!access) {
      accesses.set(id, { id, source, target, layer, verdict, what: [what], policies: [...new Set(by)], own });
      return;
    }
    if (!access.what.includes(what)) access.what.push(what);
    for (const policy of by) if (!access.policies.includes(policy)) access.policies.push(policy);
  };

  // Who reaches a target in some way, to tell whether what is declared comes true.
  /** @type {Map<string, Set<string>>} */
  const reached = new Map();
  /** @type {Set<string>} */
  const wide = new Set();
  for (const row of rows) {
    const { clients, depends, policies: ids, what, who } = row;
    const layer = row.via === "waypoint" || row.methods || row.paths || row.hosts ? "L7" : "L4";
    const by = numbers(ids);
    const sources = clientsOf(row).flatMap((party) => (party.kind === "application" ? runners(party) : [party]));
    for (const to of [row.to, ...(row.alsoTo ?? [])]) {
      const application = at(to);
      if (!application) continue;
      const target = application.party;
      const id = partyId(target);
      const own = target.kind === "operator";
      const set = reached.get(id) ?? new Set();
      reached.set(id, set);
      const inside = clients ? clients.inside : {};
      // Patterns, and some of which only examples are known, may mean anyone.
      if (inside && !(inside.any && !inside.examples && inside.any.every((text) => identity(text)))) wide.add(id);
      if (what === "connect" && !depends && inside && !inside.any && !inside.examples) {
        const plain = who.replace(/,$/, "");
        if (!application.open.some((one) => one.who === plain && one.layer === layer)) application.open.push({ who: plain, layer, policies: by });
        continue;
      }
      for (const source of sources) {
        set.add(partyId(source));
        add(source, target, layer, depends ? "conditional" : "allow", what, by, own || source.kind === "waypoint");
      }
    }
  }
  for (const { to, why } of notSolved) {
    const application = at(to);
    if (application) application.unknown ??= why;
  }

  const none = new Set(refused);
  const named = new Set(rows.flatMap(({ policies }) => policies));
  const to = new Map(attached.map(({ policy, to }) => [policy, to]));
  policies.forEach((policy, number) => {
    if (policy.action === "AUDIT") return;
    const id = `${policy.namespace}/${policy.name}`;
    const what = `${policy.operations.length === 0 ? "anything" : policy.operations.map(said).join("; ")}${policy.when === undefined ? "" : `, only if ${policy.when}`}`;
    /** @type {Party[]} */
    const targets = policy.targets.flatMap((party) => {
      const name = `${party.namespace}/${party.name}`;
      if (party.kind === "namespace") return [party];
      // istiod names the pods of an ingress gateway so.
      if (party.kind === "gateway") return [applications.get(partyId({ ...party, kind: "waypoint" }))?.party ?? pods.get(`${name}-istio`)?.party ?? party];
      return to.get(id)?.flatMap((at) => all[at]?.party ?? []) ?? [services.get(name)?.party ?? pods.get(name)?.party ?? party];
    });
    for (const source of policy.sources.flatMap((party) => (party.kind === "application" ? runners(party) : [party])))
      for (const target of targets) {
        const application = applications.get(partyId(target));
        if (none.has(id)) add(source, target, policy.layer, "refused", what, [number]);
        else if (policy.action !== "ALLOW") add(source, target, policy.layer, policy.action === "DENY" ? "deny" : "custom", what, [number]);
        else if (policy.when !== undefined) {
          if (!named.has(id)) add(source, target, policy.layer, "conditional", what, [number]);
        } else if (application?.unknown !== undefined) add(source, target, policy.layer, "unknown", what, [number]);
        else if (application && source.kind === "application" && !wide.has(partyId(target)) && !reached.get(partyId(target))?.has(partyId(source)))
          add(source, target, policy.layer, "void", what, [number]);
      }
  });
  return { applications: [...applications.values()], accesses: [...accesses.values()] };
}

/** @param {import("./policies.js").Operation} operation */
const said = ({ ports, methods, paths, hosts }) =>
  [methods.join(" or "), paths.join(" or "), hosts.length > 0 ? `host ${hosts.join(" or ")}` : "", ports.length > 0 ? `on port${ports.length === 1 ? "" : "s"} ${ports.join(", ")}` : ""]
    .filter(Boolean)
    .join(" ") || "anything";

/** @param {string} text `TRUSTDOMAIN/ns/NAMESPACE/sa/NAME` */
function identity(text) {
  const [, namespace, name] = /\/ns\/([^/*]+)\/sa\/([^/]+)$/.exec(text) ?? [];
  return namespace !== undefined && name !== undefined && (name === "*" || !name.includes("*")) ? { namespace, name } : undefined;
}

/** @param {Row} row @returns {Party[]} */
function clientsOf({ clients, who }) {
  if (!clients) return [{ kind: "anyone", namespace: "", name: "anyone" }];
  const { inside, outside } = clients;
  /** @type {Party[]} */
  const parties = [];
  if (inside?.any && !inside.except && !inside.examples)
    for (const text of inside.any) {
      const named = identity(text);
      if (!named) parties.push({ kind: "other", namespace: "", name: text });
      else if (named.name === "*") parties.push({ kind: "namespace", namespace: named.namespace, name: "every pod" });
      else parties.push({ kind: "application", ...named });
    }
  else if (inside) parties.push({ kind: "anyone", namespace: "", name: who.replace(/ and anyone outside the mesh$/, "").replace(/,$/, "") });
  if (outside) parties.push({ kind: "anyone", namespace: "", name: "anyone outside the mesh" });
  return parties;
}
