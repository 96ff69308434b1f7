//! Policies as enforcement points hold them, whoever wrote them.

use super::envoy::{self, Context};
use super::points::Layer;
use super::rules::{Clause, Effect, Entry, Field, Match, Part, Pattern, Policy, Rule};
use super::verdict::Doubts;
use super::ztunnel;
use crate::mesh::{Mesh, PeerAuthentication};

/// Where an attached policy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An AuthorizationPolicy, by its place in the mesh.
    Written(usize),
    /// What istiod adds for a waypoint, by its Gateway's place in the mesh.
    AutoAllow(usize),
    /// What the charm of an application may ask for whose file is missing.
    Undeclared,
    /// A PeerAuthentication that demands mutual TLS.
    Strict,
}

/// A policy in the forms that enforcement points hold.
#[derive(Debug, Clone)]
pub struct Held {
    /// Where it comes from.
    pub origin: Origin,
    /// `NAMESPACE/NAME`
    pub id: String,
    /// What is in doubt about its being there at all.
    pub doubts: Doubts,
    /// What of it makes Envoy refuse the configuration that it becomes, even where it enforces nothing.
    pub unloadable: Option<String>,
    /// At ztunnel.
    pub ztunnel: Option<Policy>,
    /// At Envoy, on a port that speaks HTTP.
    pub http: Option<Policy>,
    /// At Envoy, on a port that speaks TCP.
    pub tcp: Option<Policy>,
}

impl Held {
    /// In the form that a layer holds; `None` where it enforces nothing there.
    pub fn at(&self, layer: Layer, tcp: bool) -> Option<&Policy> {
        match (layer, tcp) {
            (Layer::Ztunnel, _) => self.ztunnel.as_ref(),
            (_, false) => self.http.as_ref(),
            (_, true) => self.tcp.as_ref(),
        }
    }
}

/// All policies of a mesh in their forms: those that are written, in the order of the mesh, then what
/// istiod adds for each Gateway, and at last those of PeerAuthentications: one for all that demand mutual
/// TLS, and one for each that sets modes by port.
pub(super) fn hold(mesh: &Mesh, is_refused: impl Fn(usize) -> bool) -> Vec<Held> {
    let mut held = Vec::with_capacity(mesh.policies.len() + mesh.gateways.len() + 1);
    let settings = &mesh.settings;
    let context = |tcp| Context {
        trust_domain: &settings.trust_domain,
        aliases: &settings.trust_domain_aliases,
        tcp,
    };
    for (at, policy) in mesh.policies.iter().enumerate() {
        let refused = is_refused(at);
        let form = |tcp| {
            (!refused)
                .then(|| envoy::convert(policy, context(tcp)))
                .flatten()
        };
        let http = form(false);
        // What enforces nothing is part of the configuration all the same.
        let unloadable = match &http {
            Some(http) => http.unloadable.clone(),
            None => envoy::unloadable(policy, context(false)),
        };
        held.push(Held {
            origin: Origin::Written(at),
            id: policy.id(),
            doubts: if policy.when.is_some() {
                Doubts::CONDITIONAL
            } else {
                Doubts::NONE
            },
            unloadable,
            ztunnel: (!refused).then(|| ztunnel::convert(policy)).flatten(),
            http,
            tcp: form(true),
        });
    }
    // With `PILOT_AUTO_ALLOW_WAYPOINT_POLICY` every workload behind a waypoint gets one ALLOW
    // for that waypoint's identity: an ALLOW policy like any other.
    for (at, gateway) in mesh.gateways.iter().enumerate() {
        let principals = gateway.service_accounts.iter().map(|account| {
            Pattern::Exact(format!(
                "{}/ns/{}/sa/{account}",
                settings.trust_domain, gateway.namespace
            ))
        });
        let policy = single(Effect::Allow, principals.collect(), Vec::new());
        held.push(Held {
            origin: Origin::AutoAllow(at),
            id: format!(
                "{}/istio_allow_waypoint_{}_{}",
                gateway.namespace, gateway.namespace, gateway.name
            ),
            doubts: Doubts::NONE,
            unloadable: None,
            ztunnel: Some(policy),
            http: None,
            tcp: None,
        });
    }
    // Nobody knows what an application asks for whose charm's file is missing: perhaps a policy that
    // matches a request, perhaps one that does not, perhaps none.
    if !mesh.undeclared.is_empty() {
        let any = Rule {
            index: 0,
            clauses: Vec::new(),
            ignored: Vec::new(),
        };
        for rules in [vec![any], Vec::new()] {
            let policy = Policy {
                effect: Effect::Allow,
                rules,
                asks: None,
                dropped: Vec::new(),
                unloadable: None,
            };
            held.push(Held {
                origin: Origin::Undeclared,
                id: "policies that are not known".into(),
                doubts: Doubts::UNDECLARED,
                unloadable: None,
                ztunnel: Some(policy.clone()),
                http: Some(policy.clone()),
                tcp: Some(policy),
            });
        }
    }
    // PeerAuthentication STRICT is one more DENY at the pod for clients without identity.
    let strict = single(Effect::Deny, Vec::new(), vec![Pattern::NotEmpty]);
    let strict = |id: String| Held {
        origin: Origin::Strict,
        id,
        doubts: Doubts::NONE,
        unloadable: None,
        ztunnel: Some(strict.clone()),
        http: Some(strict.clone()),
        tcp: Some(strict.clone()),
    };
    let root = &settings.root_namespace;
    held.push(strict(format!("{root}/istio_converted_static_strict")));
    for peer in by_port(mesh) {
        let (namespace, name) = (&peer.namespace, &peer.name);
        // Other modes by port are another policy.
        let modes = peer.ports.iter();
        let mut modes: Vec<String> = modes
            .map(|(port, mode)| format!("{port}: {mode:?}"))
            .collect();
        crate::order::sort(&mut modes);
        let id = format!("{namespace}/converted_peer_authentication_{name}");
        held.push(strict(format!("{id} ({})", modes.join(", "))));
    }
    held
}

/// PeerAuthentications that set modes by port.
pub(super) fn by_port(mesh: &Mesh) -> impl Iterator<Item = &PeerAuthentication> {
    let peers = mesh.peer_authentications.iter();
    peers.filter(|peer| !peer.ports.is_empty())
}

/// A policy of one rule with one match on the client's identity.
fn single(effect: Effect, values: Vec<Pattern>, not_values: Vec<Pattern>) -> Policy {
    Policy {
        effect,
        rules: vec![Rule {
            index: 0,
            clauses: vec![Clause {
                part: Part::From,
                entries: vec![Entry {
                    index: 0,
                    matches: vec![Match {
                        field: Field::Principal,
                        values,
                        not_values,
                    }],
                }],
            }],
            ignored: Vec::new(),
        }],
        asks: None,
        dropped: Vec::new(),
        unloadable: None,
    }
}
