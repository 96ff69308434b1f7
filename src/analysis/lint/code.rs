//! The codes of findings. A code never changes its meaning.

/// Istio's webhook refuses the policy.
pub const REFUSED: &str = crate::diagnostic::code::REFUSED_POLICY;
/// Istio does not know the field and drops it.
pub const UNKNOWN_FIELD: &str = "unknown-field";

/// A principal with `spiffe://` matches nobody.
pub const PRINCIPAL_WITH_SCHEME: &str = "principal-with-scheme";
/// A principal that no identity can have.
pub const ODD_PRINCIPAL: &str = "odd-principal";
/// A principal of a trust domain that is not the mesh's.
pub const FOREIGN_TRUST_DOMAIN: &str = "foreign-trust-domain";
/// A `*` that is neither at the start nor at the end is plain text.
pub const LITERAL_STAR: &str = "literal-star";
/// A namespace pattern that Envoy reads wider than it looks.
pub const WIDE_NAMESPACE: &str = "wide-namespace-pattern";
/// A host has characters that no `Host` header has.
pub const ODD_HOST: &str = "odd-host";
/// A host without port, where clients send one.
pub const HOST_WITHOUT_PORT: &str = "host-without-port";
/// Port 0.
pub const PORT_ZERO: &str = "port-zero";
/// A method that no request has.
pub const ODD_METHOD: &str = "odd-method";
/// A path that no request has.
pub const PATH_NEVER_MATCHES: &str = "path-never-matches";
/// A path rule that another spelling of the path slips past.
pub const PATH_BYPASS: &str = "path-bypass";
/// The address comes from a header.
pub const FORGEABLE_ADDRESS: &str = "forgeable-address";
/// A key of `when` that Istio does not understand.
pub const ODD_CONDITION: &str = "odd-condition-key";

/// A selector without labels.
pub const EMPTY_SELECTOR: &str = "empty-selector";
/// An ALLOW policy that allows nothing at ztunnel.
pub const ALLOW_DENIES_ALL: &str = "allow-denies-all";
/// A DENY rule that never fires at ztunnel.
pub const DENY_NEVER_FIRES: &str = "deny-never-fires";
/// A DENY rule that denies more at ztunnel than it says.
pub const DENY_WIDER: &str = "deny-wider-than-written";
/// A rule that istiod leaves out.
pub const RULE_DROPPED: &str = "rule-dropped";
/// A clause that ztunnel takes as never matching.
pub const NEVER_MATCHES: &str = "rule-never-matches";
/// The enforcement point does not support the action.
pub const ACTION_NOT_ENFORCED: &str = "action-not-enforced";
/// Envoy refuses the configuration that the policy becomes.
pub const ENVOY_REFUSES: &str = "envoy-refuses";
/// Nobody enforces the policy.
pub const NOT_ENFORCED: &str = "not-enforced";
/// Nothing is known of who enforces the policy.
pub const CANNOT_VERIFY: &str = "cannot-verify";

/// No workload has the selector's labels.
pub const NO_WORKLOAD: &str = "no-matching-workload";
/// The target is not there.
pub const TARGET_NOT_FOUND: &str = "target-not-found";
/// A namespace that is not there.
pub const UNKNOWN_NAMESPACE: &str = "unknown-namespace";
/// A service account that is not there.
pub const UNKNOWN_SERVICE_ACCOUNT: &str = "unknown-service-account";
/// A Service of the cluster that is not there.
pub const UNKNOWN_HOST: &str = "unknown-host";
/// A port that the target does not have.
pub const UNKNOWN_PORT: &str = "unknown-port";
/// The rule needs mutual TLS, which is switched off.
pub const NEEDS_MTLS: &str = "needs-mutual-tls";

/// One rule says who, another what: together they allow more than either was meant to.
pub const SPLIT_RULE: &str = "split-rule";
/// Anyone is allowed anything.
pub const ALLOWS_ANYONE: &str = "allows-anyone";
/// Two policies of one name.
pub const SAME_NAME: &str = "same-name";
/// Two policies that say the same.
pub const DUPLICATE_POLICY: &str = "duplicate-policy";
/// The target's pods can be reached past its waypoint.
pub const POD_ADDRESS_OPEN: &str = "pod-address-open";
/// The target's pods are guarded, and its Service is not.
pub const SERVICE_OPEN: &str = "service-open";
/// The target's pods refuse their own waypoint.
pub const WAYPOINT_SHUT_OUT: &str = "waypoint-shut-out";
