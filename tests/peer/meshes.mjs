// The meshes of the pairs: what they are asked about, and no more.

const list = (/** @type {string} */ kind, /** @type {object[]} */ items) => ({ apiVersion: "v1", kind: `${kind}List`, items });

/**
 * @param {string} app
 * @param {string} account
 * @param {string} [version]
 */
const deployment = (app, account, version) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: version ? `${app}-${version}` : app, namespace: "default" },
  spec: {
    selector: { matchLabels: { app, ...(version && { version }) } },
    template: {
      metadata: { labels: { app, ...(version && { version }) } },
      spec: { serviceAccountName: account, containers: [{ name: "server", image: app }] },
    },
  },
});

/** @param {string} namespace @param {string} name @param {Record<string, string>} labels @param {string} podIP */
const pod = (namespace, name, labels, podIP) => ({
  metadata: { name, namespace, labels },
  spec: { containers: [{ name: "server", image: name }] },
  status: { phase: "Running", podIP },
});

/** @type {Record<"bookinfo" | "plain" | "boutique", object[]>} */
export const MESHES = {
  bookinfo: [
    {
      apiVersion: "v1",
      kind: "List",
      items: [
        { apiVersion: "v1", kind: "Namespace", metadata: { name: "default", labels: { "istio-injection": "enabled" } } },
        { apiVersion: "v1", kind: "Namespace", metadata: { name: "istio-system" } },
      ],
    },
    deployment("details", "bookinfo-details", "v1"),
    deployment("productpage", "bookinfo-productpage", "v1"),
    deployment("ratings", "bookinfo-ratings", "v1"),
    ...["v1", "v2", "v3"].map((version) => deployment("reviews", "bookinfo-reviews", version)),
  ],
  // As an API server lists them, and without a label that speaks of a mesh.
  plain: [
    list("Namespace", ["default", "vendor-system", "kube-system"].map((name) => ({ metadata: { name } }))),
    list("Pod", [
      pod("default", "skydive-agent", { app: "skydive" }, "10.1.0.1"),
      pod("default", "cognetive", { tier: "frontend" }, "10.1.0.2"),
      pod("kube-system", "dns", {}, "10.1.0.3"),
      pod("vendor-system", "certificates", {}, "10.1.0.4"),
    ]),
  ],
  boutique: [
    list("Namespace", [{ metadata: { name: "default" } }]),
    ...["frontend", "checkoutservice", "cartservice", "paymentservice", "loadgenerator"].map((app) => deployment(app, app)),
  ],
};
