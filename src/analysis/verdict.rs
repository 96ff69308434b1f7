//! Verdicts, and what they depend on.

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The request gets through.
    Allowed,
    /// It does not.
    Denied,
    /// It depends on what the doubts name.
    Depends,
}

impl Verdict {
    /// As written in answers.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Allowed => "allowed",
            Verdict::Denied => "denied",
            Verdict::Depends => "depends",
        }
    }
}

/// What an answer depends on: a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Doubts(u32);

/// Codes and sentences, by bit.
const DOUBTS: [(&str, &str); 20] = [
    (
        "method-not-given",
        "the request's method, which was not given",
    ),
    ("path-not-given", "the request's path, which was not given"),
    ("host-not-given", "the request's host, which was not given"),
    ("port-not-given", "the port, which is not known"),
    (
        "source-address-not-given",
        "the client's address, which was not given",
    ),
    (
        "destination-address-not-given",
        "the address that is connected to, which is not known",
    ),
    (
        "scheme-not-given",
        "the request's scheme, which is not known",
    ),
    (
        "custom-policy",
        "what the external service of a CUSTOM policy answers",
    ),
    (
        "conditional-policy",
        "a policy that exists only under a condition",
    ),
    (
        "unknown-workload",
        "the labels of pods that the input does not describe",
    ),
    (
        "waypoint-may-not-be-ready",
        "whether the waypoint is ready, which the input does not say",
    ),
    (
        "waypoint-may-not-admit",
        "whether the waypoint admits the namespace, which cannot be told",
    ),
    (
        "port-level-mtls",
        "a PeerAuthentication that sets modes by port",
    ),
    (
        "envoy-refuses-configuration",
        "the configuration that the proxy had before: Envoy refuses the one with this policy",
    ),
    (
        "pods-differ",
        "which pod takes the request: they do not answer alike",
    ),
    (
        "unknown-target",
        "what the target is: the input does not describe it",
    ),
    (
        "header-of-the-proxy",
        "a header that proxies set or take away themselves",
    ),
    (
        "trusted-proxies",
        "which proxies before the gateway are trusted, which the input does not say",
    ),
    (
        "listener-not-http",
        "which listener of the gateway takes the request, and whether that carries HTTP",
    ),
    (
        "charm-file-missing",
        "the policies that the target's charm asks for: its file is missing",
    ),
];

impl Doubts {
    /// Nothing is in doubt.
    pub const NONE: Doubts = Doubts(0);
    /// The method was not given.
    pub const METHOD: Doubts = Doubts(1);
    /// The path was not given.
    pub const PATH: Doubts = Doubts(1 << 1);
    /// The host was not given.
    pub const HOST: Doubts = Doubts(1 << 2);
    /// The port is not known.
    pub const PORT: Doubts = Doubts(1 << 3);
    /// The client's address was not given.
    pub const SOURCE_ADDRESS: Doubts = Doubts(1 << 4);
    /// The destination's address is not known.
    pub const DESTINATION_ADDRESS: Doubts = Doubts(1 << 5);
    /// The scheme is not known.
    pub const SCHEME: Doubts = Doubts(1 << 6);
    /// A CUSTOM policy asks an external service.
    pub const CUSTOM: Doubts = Doubts(1 << 7);
    /// A policy exists only under a condition.
    pub const CONDITIONAL: Doubts = Doubts(1 << 8);
    /// The labels of the target's pods are not known.
    pub const WORKLOAD: Doubts = Doubts(1 << 9);
    /// The waypoint may not be ready.
    pub const READY: Doubts = Doubts(1 << 10);
    /// The waypoint may not admit the namespace.
    pub const ADMITTED: Doubts = Doubts(1 << 11);
    /// Modes by port.
    pub const PORT_LEVEL: Doubts = Doubts(1 << 12);
    /// Envoy refuses the configuration.
    pub const UNLOADABLE: Doubts = Doubts(1 << 13);
    /// The pods behind a Service differ.
    pub const PODS: Doubts = Doubts(1 << 14);
    /// The target is not known.
    pub const TARGET: Doubts = Doubts(1 << 15);
    /// Proxies set the header, or take it away.
    pub const MANAGED_HEADER: Doubts = Doubts(1 << 16);
    /// Proxies before a gateway may be trusted with the client's address.
    pub const TRUSTED_PROXIES: Doubts = Doubts(1 << 17);
    /// A listener of a gateway carries other than HTTP.
    pub const LISTENER: Doubts = Doubts(1 << 18);
    /// The file of the target's charm is missing.
    pub const UNDECLARED: Doubts = Doubts(1 << 19);

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it has all of another's.
    pub fn has(self, other: Doubts) -> bool {
        self.0 & other.0 == other.0
    }

    /// Code and meaning of each.
    pub fn iter(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        DOUBTS
            .into_iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 >> bit & 1 == 1)
            .map(|(_, doubt)| doubt)
    }
}

impl std::ops::BitOr for Doubts {
    type Output = Doubts;
    fn bitor(self, other: Doubts) -> Doubts {
        Doubts(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Doubts {
    fn bitor_assign(&mut self, other: Doubts) {
        self.0 |= other.0;
    }
}
