// Pairs of policy sets whose verdicts network-config-analyzer publishes, as facts written down anew: see README.md.

/**
 * @typedef {object} Policy
 * @property {string} [name]
 * @property {string} [namespace] `default` where none is given.
 * @property {string} [app] What it selects; all pods of the namespace where it is not given.
 * @property {"ALLOW" | "DENY"} [action]
 * @property {object[]} [rules]
 *
 * @typedef {"same" | "more" | "less" | "neither"} Verdict What the new set allows: the same as the old one, that and more, only a
 *   part of it, or neither contains the other.
 *
 * @typedef {object} Pair
 * @property {string} name
 * @property {string} source Which of its files and queries.
 * @property {"bookinfo" | "plain" | "boutique"} mesh
 * @property {Policy[]} old
 * @property {Policy[]} new
 * @property {Verdict | "not the same"} peer What it says; some of its queries ask for equivalence alone.
 * @property {Verdict} ours
 * @property {Verdict} [described] What `--only-described` says, if that is something else.
 * @property {string} [because] Why that is another: Istio does something else, or more counts than what is described.
 */

const sa = (/** @type {string} */ name) => `cluster.local/ns/default/sa/${name}`;
const page = sa("bookinfo-productpage");
const reviews = sa("bookinfo-reviews");
const source = (/** @type {object} */ fields) => [{ source: fields }];
const operation = (/** @type {object[]} */ ...all) => all.map((fields) => ({ operation: fields }));
const frompage = source({ principals: [page] });

/** A policy of one rule. @returns {Policy} */
const one = (/** @type {string} */ app, /** @type {object} */ rule, /** @type {"ALLOW" | "DENY"} */ action = "ALLOW") => ({
  app,
  action,
  rules: [rule],
});
/** @type {Policy} */
const nothing = { name: "allow-nothing" };
/** @type {Policy} */
const everything = { name: "allow-all", rules: [{}] };

const details = (/** @type {object} */ fields) => one("details", { from: frompage, to: operation(fields) });
const when = (/** @type {object} */ condition, /** @type {object} */ more = {}) => one("details", { when: [condition], ...more });
const principal = { key: "source.principal" };

const METHODS =
  "it knows nine methods; a request may have any (PROPFIND), and the two sets differ in one that is not among the nine";
const CLIENTS = "it asks about the clients that are described; another one may have such a name";

/** @type {Pair[]} */
const methods = [
  {
    name: "one method or another",
    source: "bookinfo-test-equiv-scheme: equiv-diff-methods",
    mesh: "bookinfo",
    old: [details({ methods: ["GET"] })],
    new: [details({ methods: ["PUT"] })],
    peer: "not the same",
    ours: "neither",
  },
  {
    name: "nothing, or something",
    source: "bookinfo-test-equiv-scheme: equiv-diff-methods-2",
    mesh: "bookinfo",
    old: [nothing],
    new: [details({ methods: ["GET"], ports: ["80"] })],
    peer: "not the same",
    ours: "more",
  },
  {
    name: "something, or nothing",
    source: "bookinfo-test-equiv-scheme: equiv-diff-methods-3",
    mesh: "bookinfo",
    old: [details({ methods: ["GET"], ports: ["80"] })],
    new: [{ app: "details" }],
    peer: "less",
    ours: "less",
  },
  {
    name: "one port or another",
    source: "bookinfo-test-equiv-scheme: equiv-diff-methods-4",
    mesh: "bookinfo",
    old: [details({ methods: ["GET"], ports: ["80"] })],
    new: [details({ methods: ["GET"], ports: ["8080"] })],
    peer: "not the same",
    ours: "neither",
  },
  {
    name: "all but those that end in T",
    source: "bookinfo-test-equiv-scheme: equiv-diff-methods-details-viewer",
    mesh: "bookinfo",
    old: [details({ notMethods: ["*T"] })],
    new: [details({ methods: ["*AD", "*E", "*S", "TRACE", "*CH"] })],
    peer: "same",
    ours: "less",
    because: METHODS,
    described: "same",
  },
  {
    name: "POST, PUT and PATCH",
    source: "bookinfo-test-equiv-scheme: equiv-diff-methods-reviews-viewer",
    mesh: "bookinfo",
    old: [one("reviews", { from: frompage, to: operation({ methods: ["GET", "P*"], notMethods: ["G*"] }) })],
    new: [one("reviews", { from: frompage, to: operation({ methods: ["*T", "*H"], notMethods: ["CONNECT", "*ET"] }) })],
    peer: "same",
    ours: "neither",
    because: METHODS,
    described: "same",
  },
  {
    name: "those that end in T, and one of two ways to say so",
    source: "bookinfo-test-equiv-scheme: equiv-diff-methods-ratings-viewer",
    mesh: "bookinfo",
    old: [one("ratings", { from: source({ principals: [reviews] }), to: operation({ methods: ["*T"], notMethods: ["G*"] }) })],
    new: [one("ratings", { from: source({ principals: [reviews] }), to: operation({ methods: ["POST", "PUT", "*CT"] }) })],
    peer: "same",
    ours: "neither",
    because: METHODS,
    described: "same",
  },
  {
    name: "every method, and each of them",
    source: "bookinfo-test-equiv-scheme: equiv-diff-methods-allow-all-methods",
    mesh: "bookinfo",
    old: [one("productpage", { from: source({ principals: [reviews] }), to: operation({ methods: ["*"] }) })],
    new: [
      one("productpage", {
        from: source({ principals: [reviews] }),
        to: operation({ methods: ["P*", "*T", "HEAD", "DELETE", "OPTIONS", "TRACE"] }),
      }),
    ],
    peer: "same",
    ours: "less",
    because: METHODS,
    described: "same",
  },
  {
    name: "a method that nobody has, and none",
    source: "bookinfo-test-equiv-scheme: equiv-diff-methods-allow-no-methods",
    mesh: "bookinfo",
    old: [one("productpage", { from: source({ principals: [sa("bookinfo-details")] }), to: operation({ methods: ["DUMMY"] }) })],
    new: [one("productpage", { from: source({ principals: [sa("bookinfo-details")] }), to: operation({ notMethods: ["*"] }) })],
    peer: "same",
    ours: "less",
    because: METHODS,
    described: "same",
  },
  {
    name: "every method, and no policy's limit",
    source: "bookinfo-test-equiv-scheme: istio-test-operation-regex-equiv1",
    mesh: "bookinfo",
    old: [one("details", { to: operation({ methods: ["*"] }) })],
    new: [everything],
    peer: "same",
    ours: "same",
  },
  {
    name: "every path, and no policy's limit",
    source: "bookinfo-test-equiv-scheme: istio-test-operation-regex-equiv2",
    mesh: "bookinfo",
    old: [one("details", { to: operation({ paths: ["*"] }) })],
    new: [everything],
    peer: "not the same",
    ours: "same",
    because: "a request has a path, and Istio's `*` matches every one",
  },
  {
    name: "two operations, cut in two ways",
    source: "bookinfo-test-equiv-scheme: equiv-test-properties-cubes",
    mesh: "bookinfo",
    old: [
      one("details", {
        from: frompage,
        to: operation({ methods: ["GET"], paths: ["/foo*"] }, { methods: ["PUT"], paths: ["/foo/bar*"] }),
      }),
    ],
    new: [
      one("details", {
        from: frompage,
        to: operation(
          { methods: ["GET"], paths: ["/foo*"], notPaths: ["/foo/bar*"] },
          { methods: ["PUT", "GET"], paths: ["/foo/bar*"] },
        ),
      }),
    ],
    peer: "same",
    ours: "same",
  },
];

/** @type {Pair[]} */
const identities = [
  {
    name: "a principal, and those that begin as it does",
    source: "bookinfo-test-equiv-scheme: equiv-test-principals-regex-match",
    mesh: "bookinfo",
    old: [one("details", { from: source({ principals: [sa("bookinfo-product*")] }) })],
    new: [one("details", { from: frompage })],
    peer: "same",
    ours: "less",
    because: CLIENTS,
    described: "same",
  },
  {
    name: "any namespace, and those that begin as the one that has pods",
    source: "bookinfo-test-equiv-scheme: equiv-test-ns-regex-match",
    mesh: "bookinfo",
    old: [one("details", { from: source({ namespaces: ["*"] }) })],
    new: [one("details", { from: source({ namespaces: ["d*"] }) })],
    peer: "same",
    ours: "less",
    because: CLIENTS,
    described: "same",
  },
  {
    name: "the namespace that has pods, and those that begin as it does",
    source: "bookinfo-test-equiv-scheme: equiv-test-ns-regex-match",
    mesh: "bookinfo",
    old: [one("details", { from: source({ namespaces: ["default"] }) })],
    new: [one("details", { from: source({ namespaces: ["d*"] }) })],
    peer: "same",
    ours: "more",
    because: CLIENTS,
    described: "same",
  },
  {
    name: "a principal as a source and as a condition",
    source: "bookinfo-test-scheme: equiv-test-1",
    mesh: "bookinfo",
    old: [one("details", { from: frompage }), nothing],
    new: [when({ ...principal, values: [page] }, { from: source({ namespaces: ["default"] }) }), nothing],
    peer: "same",
    ours: "same",
  },
  {
    name: "all but a principal as a source and as a condition",
    source: "bookinfo-test-scheme: equiv-test-2",
    mesh: "bookinfo",
    old: [one("details", { from: source({ notPrincipals: [page], namespaces: ["default"] }) }), nothing],
    new: [when({ ...principal, notValues: [page] }), nothing],
    peer: "same",
    ours: "more",
    because: "a condition on who is not the client is met by clients of other namespaces, and by those without identity",
  },
  {
    name: "a principal and not that principal",
    source: "bookinfo-test-scheme: equiv-test-3",
    mesh: "bookinfo",
    old: [one("details", { from: source({ principals: [page], notPrincipals: [page] }) }), nothing],
    new: [when({ ...principal, values: [page], notValues: [page] }), nothing],
    peer: "same",
    ours: "same",
  },
];

const both = [{ source: { namespaces: ["vendor-system", "default"] } }, { source: { ipBlocks: ["1.2.3.0/24", "2.2.2.2"] } }];
const port = { key: "destination.port", values: ["26257"] };
const ports = operation({ ports: ["26257", "30"] });
const skydive = (/** @type {object} */ rule, /** @type {"ALLOW" | "DENY"} */ action = "ALLOW") => one("skydive", rule, action);
const allowed = skydive({ from: both, to: ports, when: [port] });
const denied = skydive({ from: source({ ipBlocks: ["2.2.2.2"] }) }, "DENY");
/** @type {Policy} */
const vendors = { namespace: "vendor-system", action: "DENY", rules: [{ from: source({ notNamespaces: ["default"] }) }] };
const vendorsOnly = (/** @type {string[]} */ namespaces) =>
  ({ from: source({ namespaces }), to: ports, when: [port] });

/** @type {Policy[]} */
const istio2 = [
  skydive({
    from: [
      { source: { notNamespaces: ["vendor-system"] } },
      {
        source: {
          ipBlocks: ["1.2.3.0/24", "2.2.2.2", "3.3.3.3", "f200:8000::/32", "8f00::ffff", "1234::1000"],
          notIpBlocks: ["3.3.3.3", "1234::1000"],
        },
      },
    ],
    to: operation({ ports: ["26257", "30", "40", "50"], notPorts: ["40"] }),
    when: [{ key: "destination.port", notValues: ["26257"] }],
  }),
  nothing,
  { ...nothing, namespace: "kube-system" },
  { ...nothing, namespace: "vendor-system" },
];

/** @type {Pair[]} */
const addresses = [
  {
    name: "nothing allowed, and all denied",
    source: "testcase1-istio-scheme: equiv-test-1",
    mesh: "plain",
    old: [nothing],
    new: [{ action: "DENY", rules: [{}] }],
    peer: "same",
    ours: "same",
  },
  {
    name: "nothing allowed, written in two ways",
    source: "testcase1-istio-scheme: equiv-test-1",
    mesh: "plain",
    old: [{ ...nothing, action: "ALLOW" }],
    new: [nothing],
    peer: "same",
    ours: "same",
  },
  {
    name: "neither contains the other",
    source: "testcase1-istio-scheme: equiv-test-2, two-way-containment",
    mesh: "plain",
    old: [allowed, denied, vendors],
    new: istio2,
    peer: "not the same",
    ours: "neither",
  },
  {
    name: "a policy that allows all is none",
    source: "testcase1-istio-scheme: allow-all-vacuity",
    mesh: "plain",
    old: [],
    new: [everything],
    peer: "same",
    ours: "same",
  },
  {
    name: "a rule that another holds already",
    source: "testcase1-istio-scheme: redundancy-test",
    mesh: "plain",
    old: [{ app: "skydive", rules: [{ from: both, to: ports, when: [port] }, { from: both, to: operation({ ports: ["26257"] }) }] }],
    new: [skydive({ from: both, to: operation({ ports: ["26257"] }) })],
    peer: "same",
    ours: "same",
  },
  {
    name: "an ALLOW that a DENY leaves nothing of",
    source: "testcase1-istio-scheme: sanity-test-1",
    mesh: "plain",
    old: [allowed, { action: "DENY", rules: [{ from: both, to: operation({ ports: ["26257"] }) }] }],
    new: [{ app: "skydive" }, { action: "DENY", rules: [{ from: both, to: operation({ ports: ["26257"] }) }] }],
    peer: "same",
    ours: "same",
  },
  {
    name: "an ALLOW that two DENYs leave nothing of",
    source: "testcase1-istio-scheme: sanity-test-5",
    mesh: "plain",
    old: [
      allowed,
      { action: "DENY", rules: [{ from: both.slice(0, 1), to: operation({ ports: ["26257"] }) }] },
      { action: "DENY", rules: [{ from: both.slice(1), to: operation({ ports: ["26257"] }) }] },
    ],
    new: [
      { app: "skydive" },
      { action: "DENY", rules: [{ from: both.slice(0, 1), to: operation({ ports: ["26257"] }) }] },
      { action: "DENY", rules: [{ from: both.slice(1), to: operation({ ports: ["26257"] }) }] },
    ],
    peer: "same",
    ours: "same",
  },
  {
    name: "an ALLOW within another",
    source: "testcase1-istio-scheme: sanity-test-3",
    mesh: "plain",
    old: [skydive(vendorsOnly(["vendor-system", "default"])), skydive(vendorsOnly(["vendor-system"]))],
    new: [skydive(vendorsOnly(["vendor-system", "default"]))],
    peer: "same",
    ours: "same",
  },
  {
    name: "a DENY within another",
    source: "testcase1-istio-scheme: sanity-test-4",
    mesh: "plain",
    old: [skydive(vendorsOnly(["vendor-system", "default"]), "DENY"), skydive(vendorsOnly(["vendor-system"]), "DENY")],
    new: [skydive(vendorsOnly(["vendor-system", "default"]), "DENY")],
    peer: "same",
    ours: "same",
  },
  {
    name: "clients of a namespace with outside addresses are none",
    source: "testcase2-istio-scheme: istio3; testcase1-istio-scheme: sanity-test-2",
    mesh: "plain",
    old: [skydive({ from: source({ namespaces: ["vendor-system", "default"], ipBlocks: ["1.2.3.0/24", "2.2.2.2"] }), to: ports, when: [port] })],
    new: [{ app: "skydive" }],
    peer: "same",
    ours: "less",
    because: "to it, addresses are of clients outside; a pod has one as well",
  },
  {
    name: "a DENY of what is not allowed",
    source: "testcase2-istio-scheme: equiv-test-1",
    mesh: "plain",
    old: [
      {
        app: "skydive",
        action: "DENY",
        rules: [
          {
            from: source({ notNamespaces: ["kube-system", "kube-system-dummy-to-ignore", "vendor-system"] }),
            to: operation({ notPorts: ["26257"] }),
          },
          { from: [{ source: { notNamespaces: ["default"] } }, { source: { ipBlocks: ["0.0.0.0/0"] } }] },
        ],
      },
    ],
    new: [skydive(vendorsOnly(["default"]))],
    peer: "same",
    ours: "more",
    because: "to it, `0.0.0.0/0` is all clients outside; Istio denies every IPv4 address, pods' too",
  },
];

const grpc = (/** @type {string} */ app, /** @type {string[]} */ from, /** @type {string} */ number, /** @type {string[]} */ calls) => [
  one(app, {
    from: source({ principals: from.map(sa) }),
    to: operation({ paths: calls, methods: ["POST"], ...(number === "" ? {} : { ports: [number] }) }),
  }),
];
const l4 = (/** @type {string} */ app, /** @type {string[]} */ from, /** @type {string} */ number) => ({
  app,
  rules: from.map((name) => ({ from: source({ principals: [sa(name)] }), to: operation({ ports: [number] }) })),
});

/** @type {Pair[]} */
const boutique = [
  {
    name: "calls of a service, and its port",
    source: "online_boutique/connectivity-scheme: semantic_diff_online_boutique_new_input_vs_synth_res (paymentservice)",
    mesh: "boutique",
    old: grpc("paymentservice", ["checkoutservice"], "50051", ["/hipstershop.PaymentService/Charge"]),
    new: [l4("paymentservice", ["checkoutservice"], "50051")],
    peer: "more",
    ours: "more",
  },
  {
    name: "calls of a service on any port, and one port",
    source: "online_boutique/connectivity-scheme: semantic_diff_online_boutique_new_input_vs_synth_res (cartservice)",
    mesh: "boutique",
    old: grpc("cartservice", ["frontend", "checkoutservice"], "", [
      "/hipstershop.CartService/AddItem",
      "/hipstershop.CartService/GetCart",
      "/hipstershop.CartService/EmptyCart",
    ]),
    new: [l4("cartservice", ["checkoutservice", "frontend"], "7070")],
    peer: "not the same",
    ours: "neither",
  },
  {
    name: "one client, and nobody",
    source: "online_boutique/connectivity-scheme: semantic_diff_online_boutique_new_synth_res_vs_synth_with_baseline_res",
    mesh: "boutique",
    old: [l4("paymentservice", ["checkoutservice"], "50051")],
    new: [{ app: "paymentservice", rules: [] }],
    peer: "less",
    ours: "less",
  },
  {
    name: "no policy, and one that allows nothing",
    source: "online_boutique/connectivity-scheme: semantic_diff_online_boutique_new_input_vs_synth_res (loadgenerator)",
    mesh: "boutique",
    old: [],
    new: [{ app: "loadgenerator", rules: [] }],
    peer: "less",
    ours: "less",
  },
];

export const PAIRS = [...methods, ...identities, ...addresses, ...boutique];
