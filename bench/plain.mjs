// What a JavaScript programmer would write without this project: no validation, no places, no
// diagnostics. It understands only what the benchmark's input holds.
import { createHash } from "node:crypto";

/**
 * @typedef {{ hosts?: string[], ports?: number[], methods?: string[], paths?: string[] }} Endpoint
 * @typedef {{ relation: string, endpoints: Endpoint[] }} AppPolicy
 * @typedef {{ charm: string, policies: AppPolicy[] }} Charm
 * @typedef {{ applications: Record<string, { charm: string }>, relations: [string, string][] }} Bundle
 */

const METHOD_NAMES = new Map([
  ["GET", "<Method.get: 'GET'>"],
  ["POST", "<Method.post: 'POST'>"],
]);

/** @param {string[] | undefined | null} list */
const pythonStrings = (list) => (list ? `[${list.map((text) => `'${text}'`).join(", ")}]` : "None");

/**
 * The text whose hash is in a resource's name: Python's `str()` of the MeshPolicy.
 * @param {ReturnType<typeof meshPolicy>} policy
 */
function pythonText(policy) {
  const endpoints = policy.endpoints.map(({ hosts, ports, methods, paths }) => {
    const names = methods ? `[${methods.map((name) => METHOD_NAMES.get(name)).join(", ")}]` : "None";
    const numbers = ports ? `[${ports.join(", ")}]` : "None";
    return `Endpoint(hosts=${pythonStrings(hosts)}, ports=${numbers}, methods=${names}, paths=${pythonStrings(paths)})`;
  });
  return (
    `source_namespace='${policy.source_namespace}' source_app_name='${policy.source_app_name}' ` +
    `target_namespace='${policy.target_namespace}' target_app_name='${policy.target_app_name}' ` +
    "target_selector_labels=None target_service=None " +
    `target_type=<PolicyTargetType.app: 'app'> endpoints=[${endpoints.join(", ")}]`
  );
}

/** @param {string} model @param {string} source @param {string} target @param {AppPolicy} policy */
function meshPolicy(model, source, target, policy) {
  return {
    source_namespace: model,
    source_app_name: source,
    target_namespace: model,
    target_app_name: target,
    target_selector_labels: null,
    target_service: null,
    target_type: "app",
    endpoints: policy.endpoints.map(({ hosts, ports, methods, paths }) => ({
      hosts: hosts ?? null,
      ports: ports ?? null,
      methods: methods ?? null,
      paths: paths ?? null,
    })),
  };
}

/** @param {string} model @param {string} beacon @param {ReturnType<typeof meshPolicy>} policy */
function authorizationPolicy(model, beacon, policy) {
  const hash = createHash("sha256").update(pythonText(policy)).digest("hex").slice(0, 8);
  const { source_app_name: source, source_namespace: namespace, target_app_name: target } = policy;
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: {
      name: `${beacon}-${model}-policy-${source}-${namespace}-${target}-${hash}`,
      namespace: policy.target_namespace,
      labels: {
        "app.kubernetes.io/instance": `${beacon}-${model}`,
        "kubernetes-resource-handler-scope": "istio-authorization-policy",
      },
    },
    spec: {
      targetRefs: [{ group: "", kind: "Service", name: target }],
      rules: [
        {
          from: [{ source: { principals: [`cluster.local/ns/${namespace}/sa/${source}`] } }],
          to: policy.endpoints.map(({ hosts, ports, methods, paths }) => ({
            operation: {
              ...(hosts && { hosts }),
              ...(ports && { ports: ports.map(String) }),
              ...(methods && { methods }),
              ...(paths && { paths }),
            },
          })),
        },
      ],
    },
  };
}

/**
 * @param {string} bundleText
 * @param {string} charmText
 * @param {string} model
 */
export function plainCompile(bundleText, charmText, model) {
  const bundle = /** @type {Bundle} */ (JSON.parse(bundleText));
  const charm = /** @type {Charm} */ (JSON.parse(charmText));
  const meshPolicies = [];
  let beacon = "";
  for (const [one, other] of bundle.relations) {
    const [source, sourceEndpoint] = one.split(":");
    const [target, endpoint] = other.split(":");
    if (source === undefined || target === undefined) continue;
    if (sourceEndpoint === "service-mesh") beacon = target;
    if (bundle.applications[target]?.charm !== charm.charm) continue;
    for (const policy of charm.policies)
      if (policy.relation === endpoint) meshPolicies.push(meshPolicy(model, source, target, policy));
  }
  // The databag's text is part of the output, so it is made once.
  const databag = JSON.stringify(meshPolicies);
  const authorizationPolicies = meshPolicies.map((policy) =>
    authorizationPolicy(model, beacon, policy),
  );
  return `{"meshPolicies":${databag},"authorizationPolicies":${JSON.stringify(authorizationPolicies)},"diagnostics":[]}`;
}
