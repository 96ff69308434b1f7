// The configuration of an Envoy that judges policy sets: see envoy.mjs.

import path from "node:path";

/**
 * @typedef {import("./types.mjs").Context} Context
 * @typedef {import("../cluster/judge.mjs").Filter} Filter
 *
 * @typedef {object} Routed
 * @property {number} index
 * @property {Context} context
 * @property {Filter[]} filters Those that decide.
 * @property {Filter[]} custom Those that say whether an external authorizer is asked.
 */

/** The header that says which set a request is for. */
export const MARKER = "x-mesh-policy-set";
/** At a waypoint, the header that says who the client is. */
export const PEER = "x-mesh-policy-peer";
/** The header with the client's token. */
export const TOKEN = "x-mesh-policy-token";

const RBAC = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
const PER_ROUTE = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute";

/**
 * @param {Context} context
 * @param {{ namespace: string, serviceAccount: string }} from
 */
export const spiffe = ({ settings }, { namespace, serviceAccount }) =>
  `spiffe://${settings.trustDomain}/ns/${namespace}/sa/${serviceAccount}`;

/** What sets can share a listener. @param {Context} context */
export const listenerName = ({ layer, settings }) => `${layer} ${settings.pathNormalization}`;

/**
 * @param {string} folder Holds the certificates; takes the socket `admin`.
 * @param {readonly Routed[]} sets
 * @param {string | null} keys Those that tokens are signed with, as a JWKS, where there are tokens.
 */
export function configuration(folder, sets, keys) {
  const names = [...new Set(sets.map(({ context }) => listenerName(context)))];
  return {
    admin: { address: { pipe: { path: path.join(folder, "admin") } } },
    static_resources: {
      listeners: names.map((name) =>
        listener(
          folder,
          name,
          sets.filter(({ context }) => listenerName(context) === name),
          keys,
        ),
      ),
    },
  };
}

/**
 * @param {string} folder
 * @param {string} name
 * @param {readonly Routed[]} sets
 * @param {string | null} keys
 */
function listener(folder, name, sets, keys) {
  const first = sets[0]?.context;
  if (!first) throw new Error("a listener without a set");
  const filters = [
    { name: "envoy.filters.network.http_connection_manager", typed_config: manager(first, sets, keys) },
  ];
  return {
    name,
    address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
    listener_filters: [
      {
        name: "envoy.filters.listener.proxy_protocol",
        typed_config: {
          "@type":
            "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
        },
      },
      {
        name: "envoy.filters.listener.tls_inspector",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
        },
      },
    ],
    filter_chains: [
      { filter_chain_match: { transport_protocol: "tls" }, transport_socket: tls(folder), filters },
      { filter_chain_match: { transport_protocol: "raw_buffer" }, filters },
    ],
  };
}

/** @param {string} folder */
function tls(folder) {
  const file = (/** @type {string} */ name) => ({ filename: path.join(folder, name) });
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
      common_tls_context: {
        tls_certificates: [{ certificate_chain: file("server.crt"), private_key: file("server.key") }],
        validation_context: { trusted_ca: file("ca.crt") },
      },
    },
  };
}

/**
 * @param {Context} context
 * @param {readonly Routed[]} sets
 * @param {string | null} keys
 */
function manager({ layer, settings }, sets, keys) {
  const most = Math.max(0, ...sets.flatMap((set) => [set.filters.length, set.custom.length]));
  const places = Array.from({ length: most }, (_, i) => `rbac.${i}`);
  const normalization = settings.pathNormalization;
  return {
    "@type":
      "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    stat_prefix: "judge",
    codec_type: "HTTP1",
    // As HTTP/2 would have it.
    http_protocol_options: { allow_custom_methods: true },
    // Whose address is the client's. A gateway stands at the edge, with no proxy before it that it trusts unless told.
    use_remote_address: layer === "gateway",
    // As istiod does it, by mesh configuration.
    normalize_path: normalization !== "NONE",
    merge_slashes: normalization.endsWith("MERGE_SLASHES"),
    path_with_escaped_slashes_action:
      normalization === "DECODE_AND_MERGE_SLASHES" ? "UNESCAPE_AND_FORWARD" : "KEEP_UNCHANGED",
    http_filters: [
      ...(layer === "waypoint" ? [FILTER_STATE] : []),
      ...(keys ? [tokens(keys)] : []),
      ...places.map((name) => ({ name, typed_config: { "@type": RBAC } })),
      {
        name: "envoy.filters.http.router",
        typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
      },
    ],
    route_config: {
      name: "sets",
      virtual_hosts: [
        {
          name: "sets",
          domains: ["*"],
          routes: sets.flatMap(({ index, filters, custom }) => [
            route(String(index), filters),
            ...(custom.length > 0 ? [route(`${index}c`, custom)] : []),
          ]),
        },
      ],
    },
  };
}

/**
 * Policies at a waypoint look at nothing but this for the client's identity. There the listener that ends the tunnel puts it, from
 * the client's certificate; here a header does, which saves thousands of handshakes.
 */
const FILTER_STATE = {
  name: "envoy.filters.http.set_filter_state",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
    on_request_headers: [
      {
        object_key: "io.istio.peer_principal",
        factory_key: "envoy.string",
        format_string: { text_format_source: { inline_string: `%REQ(${PEER})%` } },
      },
    ],
  },
};

/**
 * As a RequestAuthentication would have it that takes tokens of any issuer.
 * @param {string} keys
 */
const tokens = (keys) => ({
  name: "envoy.filters.http.jwt_authn",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
    providers: {
      any: {
        local_jwks: { inline_string: keys },
        payload_in_metadata: "payload",
        from_headers: [{ name: TOKEN }],
        forward: true,
      },
    },
    rules: [
      {
        match: { prefix: "/" },
        requires: { requires_any: { requirements: [{ provider_name: "any" }, { allow_missing: {} }] } },
      },
    ],
  },
});

/**
 * @param {string} marker
 * @param {readonly Filter[]} filters
 */
const route = (marker, filters) => ({
  match: { prefix: "/", headers: [{ name: MARKER, string_match: { exact: marker } }] },
  direct_response: { status: 200 },
  typed_per_filter_config: Object.fromEntries(
    filters.map(({ typed_config: { "@type": _, ...rbac } }, i) => [`rbac.${i}`, { "@type": PER_ROUTE, rbac }]),
  ),
});
