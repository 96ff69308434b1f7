// The types that the tests share; there is no code here.

/**
 * @typedef {"waypoint" | "sidecar" | "gateway" | "ztunnel"} Layer
 *
 * @typedef {object} Settings
 * @property {string} rootNamespace
 * @property {string} trustDomain
 * @property {string[]} trustDomainAliases
 * @property {"NONE" | "BASE" | "MERGE_SLASHES" | "DECODE_AND_MERGE_SLASHES"} pathNormalization
 *
 * @typedef {object} Target What requests go to: at a waypoint a Service, else a pod.
 * @property {string} namespace
 * @property {string} app The Service's name, and the pod's label `app`; the pod is `APP-0`.
 * @property {Record<string, string>} labels Of the pod.
 * @property {string} ip The address that requests are for, the Service's or the pod's.
 * @property {string} [gateway] A Service's waypoint, if not `waypoint`; the Gateway that the pod is of, if it is of one.
 *
 * @typedef {object} Context Where policies are enforced.
 * @property {Layer} layer
 * @property {Target} target
 * @property {Settings} settings
 * @property {readonly string[]} sourceIps What clients' addresses are.
 * @property {PeerAuthentication[]} [peerAuthentications] For a ztunnel.
 *
 * @typedef {object} PeerAuthentication
 * @property {string} apiVersion
 * @property {string} kind
 * @property {{ name: string, namespace: string, creationTimestamp: string }} metadata
 * @property {{ selector?: { matchLabels?: Record<string, string> }, mtls?: { mode: string } }} spec
 *
 * @typedef {object} Policy
 * @property {string} apiVersion
 * @property {string} kind
 * @property {{ name: string, namespace: string, annotations?: Record<string, string>, labels?: Record<string, string> }} metadata
 * @property {Record<string, any>} spec
 *
 * @typedef {object} Request As `mesh-policy explain --requests` takes them.
 * @property {string} id
 * @property {{ namespace: string, serviceAccount: string } | null} from
 * @property {string} sourceIp
 * @property {{ service: string } | { pod: string }} to
 * @property {number} port
 * @property {string} [method]
 * @property {string} [path] As it is sent: not normalised, with its query.
 * @property {string} [host]
 * @property {Record<string, string[]>} [headers]
 * @property {Record<string, string[]>} [claims] Of a valid token.
 * @property {string} [sni]
 * @property {Layer} [layer] None at an ingress gateway: who asks its pods asks it.
 *
 * @typedef {object} Set One mesh, and what is asked of it.
 * @property {number} seed
 * @property {Context} context
 * @property {Policy[]} policies
 * @property {Request[]} requests
 *
 * @typedef {"allowed" | "denied" | "depends"} Verdict
 */

export {};
