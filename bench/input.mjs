// The measured input: n client applications, each related to one server on the mesh.

const POLICIES = [
  {
    kind: "app",
    relation: "data",
    endpoints: [
      { ports: [8080], methods: ["GET", "POST"], paths: ["/api/v1/*", "/data"] },
      { hosts: ["example.com"], ports: [9090], methods: ["GET"], paths: ["/metrics"] },
    ],
  },
];

const CHARM = {
  charm: "server",
  provides: { data: { interface: "data" } },
  requires: { "service-mesh": { interface: "service_mesh" } },
  policies: POLICIES,
};

const CHARM_YAML = `charm: server
provides:
  data:
    interface: data
requires:
  service-mesh:
    interface: service_mesh
policies:
- kind: app
  relation: data
  endpoints:
  - ports: [8080]
    methods: [GET, POST]
    paths: [/api/v1/*, /data]
  - hosts: [example.com]
    ports: [9090]
    methods: [GET]
    paths: [/metrics]
`;

/**
 * @param {number} size
 * @param {"json" | "yaml"} format
 * @returns {{ bundle: string, charm: string }}
 */
export function makeInput(size, format) {
  /** @type {Record<string, { charm: string }>} */
  const applications = { server: { charm: "server" }, beacon: { charm: "istio-beacon-k8s" } };
  const relations = [["server:service-mesh", "beacon:service-mesh"]];
  for (let index = 0; index < size; index++) {
    applications[`client-${index}`] = { charm: "client" };
    relations.push([`client-${index}:data`, "server:data"]);
  }
  if (format === "json")
    return { bundle: JSON.stringify({ applications, relations }), charm: JSON.stringify(CHARM) };
  // Block style, as `juju export-bundle` writes it.
  const lines = ["applications:"];
  for (const [name, { charm }] of Object.entries(applications))
    lines.push(`  ${name}:`, `    charm: ${charm}`);
  lines.push("relations:");
  for (const [one, other] of relations) lines.push(`- - ${one}`, `  - ${other}`);
  return { bundle: `${lines.join("\n")}\n`, charm: CHARM_YAML };
}
