// What AuthorizationPolicies say, field by field, for the list, the table and the graph. What they mean together is the
// core's to say.
/** @import { AuthorizationPolicy, Origin } from "../../../pkg/mesh_policy.js" */

/**
 * @typedef {object} Party one end of an access
 * @property {"application" | "gateway" | "waypoint" | "operator" | "service" | "pods" | "namespace" | "anyone" | "other"} kind
 * @property {string} namespace empty where there is none
 * @property {string} name
 *
 * @typedef {object} Policy an AuthorizationPolicy, read
 * @property {string} name
 * @property {string} namespace
 * @property {"ALLOW" | "DENY" | "CUSTOM" | "AUDIT"} action
 * @property {"L7" | "L4"} layer where it is enforced: at a waypoint, or at the pods
 * @property {Party[]} sources
 * @property {Party[]} targets
 * @property {Operation[]} operations none: every one
 * @property {string | undefined} when the condition under which it exists
 * @property {Origin} origin
 * @property {string} yaml
 *
 * @typedef {{ ports: string[], methods: string[], paths: string[], hosts: string[] }} Operation
 */

/** More than any picture shows. */
const LISTED = 200;

/**
 * @param {AuthorizationPolicy[]} policies
 * @param {Origin[]} origins
 * @param {string} yaml all of them, as the core writes them
 * @returns {Policy[]}
 */
export function readPolicies(policies, origins, yaml) {
  const documents = yaml === "" ? [] : yaml.split(/^(?=---$|# Only under the condition)/m);
  return policies.map((policy, at) => readPolicy(policy, origins[at] ?? {}, documents.length === policies.length ? (documents[at] ?? "").replace(/^---\n/, "") : ""));
}

/**
 * @param {AuthorizationPolicy} policy
 * @param {Origin} origin
 * @param {string} yaml
 * @returns {Policy}
 */
export const readPolicy = (policy, origin, yaml) => ({ ...read(policy), origin, yaml });

/** @param {unknown} value @returns {Record<string, unknown>} */
const object = (value) =>
  typeof value === "object" && value !== null ? /** @type {Record<string, unknown>} */ (value) : {};
/** @param {unknown} value @returns {unknown[]} */
const list = (value) => (Array.isArray(value) ? value.slice(0, LISTED) : []);
/** @param {unknown} value @returns {string[]} */
const texts = (value) => list(value).map(String);

/** @param {AuthorizationPolicy} policy @returns {Omit<Policy, "origin" | "yaml">} */
function read({ metadata, spec }) {
  const { name, namespace, annotations = {} } = metadata;
  const rules = list(spec.rules).map(object);
  const selector = object(object(spec.selector).matchLabels);
  const references = [...list(spec.targetRefs), ...(spec.targetRef ? [spec.targetRef] : [])].map(object);
  const action = String(spec.action ?? "ALLOW");
  return {
    name,
    namespace,
    action: action === "DENY" || action === "CUSTOM" || action === "AUDIT" ? action : "ALLOW",
    layer: references.length > 0 ? "L7" : "L4",
    targets:
      references.length > 0
        ? references.map((r) => target(r, namespace))
        : [pods(selector, namespace)],
    sources: unique(rules.flatMap(sources)),
    operations: rules.flatMap((rule) => list(rule.to).map((to) => operation(object(object(to).operation)))),
    when: annotations["mesh-policy/when"],
  };
}

/** @param {Record<string, unknown>} reference @param {string} namespace @returns {Party} */
function target(reference, namespace) {
  const kind = String(reference.kind ?? "");
  const name = String(reference.name ?? "");
  if (kind === "Service") return { kind: "application", namespace, name };
  if (kind === "Gateway") return { kind: "gateway", namespace, name };
  return { kind: "other", namespace, name: `${kind} ${name}` };
}

/** @param {Record<string, unknown>} labels @param {string} namespace @returns {Party} */
function pods(labels, namespace) {
  const pairs = Object.entries(labels);
  const name = labels["app.kubernetes.io/name"];
  if (pairs.length === 0) return { kind: "namespace", namespace, name: "every pod" };
  if (pairs.length === 1 && typeof name === "string") return { kind: "application", namespace, name };
  return { kind: "pods", namespace, name: pairs.map(([key, value]) => `${key}=${String(value)}`).join(", ") };
}

/** @param {Record<string, unknown>} rule @returns {Party[]} */
function sources(rule) {
  const from = list(rule.from);
  if (from.length === 0) return [{ kind: "anyone", namespace: "", name: "anyone" }];
  return from.flatMap((entry) => {
    const source = object(object(entry).source);
    /** @type {Party[]} */
    const parties = texts(source.principals).map((principal) => {
      const [, namespace, name] = /^[^/]*\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(principal) ?? [];
      return namespace !== undefined && name !== undefined
        ? { kind: "application", namespace, name }
        : { kind: "other", namespace: "", name: principal };
    });
    parties.push(
      ...texts(source.namespaces).map((namespace) => /** @type {Party} */ ({ kind: "namespace", namespace, name: "every pod" })),
      ...texts(source.ipBlocks).map((block) => /** @type {Party} */ ({ kind: "other", namespace: "", name: block })),
      ...texts(source.remoteIpBlocks).map((block) => /** @type {Party} */ ({ kind: "other", namespace: "", name: block })),
    );
    if (parties.length > 0) return parties;
    const rest = Object.entries(source).map(([key, value]) => `${key}: ${texts(value).join(", ")}`);
    return [{ kind: "other", namespace: "", name: rest.join("; ") || "anyone" }];
  });
}

/** @param {Record<string, unknown>} written @returns {Operation} */
const operation = (written) => ({
  ports: texts(written.ports),
  methods: texts(written.methods),
  paths: texts(written.paths),
  hosts: texts(written.hosts),
});

/** @param {Party[]} parties */
function unique(parties) {
  const seen = new Set();
  return parties.filter((party) => {
    const id = partyId(party);
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}

/** @param {Party} party */
export const partyId = ({ kind, namespace, name }) => `${kind}\n${namespace}\n${name}`;

/**
 * What an operation allows, in one line: `GET /health, /details/* on 9080`.
 * @param {Operation} operation
 */
export function operationText({ ports, methods, paths, hosts }) {
  const parts = [
    methods.join(", "),
    paths.join(", "),
    hosts.length > 0 ? `at ${hosts.join(", ")}` : "",
    ports.length > 0 ? `on ${ports.join(", ")}` : "",
  ].filter((part) => part !== "");
  return parts.length > 0 ? parts.join(" ") : "everything";
}
