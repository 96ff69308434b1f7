// A mesh of n policies over n/10 applications: each a Service behind one waypoint with five ALLOW policies of clients,
// methods and paths there, and five of ports at its pods.

/** @param {number} size @param {boolean} changed whether one policy allows a method more */
function objects(size, changed) {
  /** @type {object[]} */
  const found = [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop", labels: { "istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "waypoint" } } },
    {
      apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", metadata: { name: "waypoint", namespace: "shop" },
      spec: { gatewayClassName: "istio-waypoint" }, status: { addresses: [{ value: "10.0.0.1" }] },
    },
  ];
  const apps = size / 10;
  for (let app = 0; app < apps; app++) {
    found.push(
      { apiVersion: "v1", kind: "Service", metadata: { name: `app${app}`, namespace: "shop" }, spec: { selector: { app: `app${app}` }, ports: [{ port: 8080, name: "http" }] } },
      { apiVersion: "v1", kind: "Pod", metadata: { name: `app${app}-0`, namespace: "shop", labels: { app: `app${app}` } }, spec: { serviceAccountName: `app${app}` } },
    );
  }
  for (let at = 0; at < size; at++) found.push(policy(at, apps, changed && at === size >> 1));
  return found;
}

/** @param {number} at @param {number} apps @param {boolean} changed */
function policy(at, apps, changed) {
  const [app, client, isWaypoint] = [at % apps, Math.floor(at / apps) % 5, Math.floor(at / apps) >= 5];
  const from = [{ source: { principals: [`cluster.local/ns/shop/sa/${isWaypoint && client === 4 ? "waypoint" : `app${client}`}`] } }];
  const operation = isWaypoint
    ? { ports: changed ? ["8080", "8081"] : ["8080"] }
    : { ports: ["8080"], methods: changed ? ["GET", "POST", "PUT"] : ["GET", "POST"], paths: [`/v${client}/*`, "/health"] };
  return {
    apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy", metadata: { name: `p${at}`, namespace: "shop" },
    spec: {
      ...(isWaypoint ? { selector: { matchLabels: { app: `app${app}` } } } : { targetRefs: [{ group: "", kind: "Service", name: `app${app}` }] }),
      rules: [{ from, to: [{ operation }] }],
    },
  };
}

/** @param {unknown} value @param {string} indent @returns {string} block style, as people write it */
function block(value, indent) {
  if (Array.isArray(value)) return value.map((one) => `${indent}- ${block(one, `${indent}  `).trimStart()}`).join("");
  if (typeof value === "object" && value !== null) {
    return Object.entries(value)
      .map(([key, inner]) => (typeof inner === "object" ? `${indent}${key}:\n${block(inner, `${indent}  `)}` : `${indent}${key}: ${JSON.stringify(inner)}\n`))
      .join("");
  }
  return `${indent}${JSON.stringify(value)}\n`;
}

/** @param {object[]} documents */
export const yaml = (documents) => documents.map((one) => `---\n${block(one, "")}`).join("");

/** @param {number} size @param {"JSON" | "YAML"} format @param {boolean} changed */
export function makeMesh(size, format, changed) {
  const items = objects(size, changed);
  return format === "YAML" ? yaml(items) : JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

/** A plan's changes that write every policy anew, one method or port wider. @param {number} size */
export function makeChanges(size) {
  return Array.from({ length: size }, (_, at) => ({
    kind: "AuthorizationPolicy", action: "update", phase: "updates", namespace: "shop", name: `p${at}`,
    request: { body: JSON.stringify(policy(at, size / 10, true)) },
  }));
}
