//! What the input has, by name, so that the lints of a policy do not go through all of it.

use crate::analysis::index::Table;
use crate::analysis::points::Points;
use crate::istio::policy::AuthorizationPolicy;
use crate::mesh::{Mesh, MutualTls, Service, selects};

/// Names that policies use, and what has them.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Namespaces in which something is, described or not.
    spaces: Table,
    /// Service accounts that somebody runs as, by namespace and name.
    accounts: Table,
    /// Namespaces that have some.
    account_spaces: Table,
    /// Kinds of Services, by namespace.
    kinds: Table,
    /// Gateways by name, of whichever namespace.
    gateways: Table,
    /// Namespaces that have some.
    gateway_spaces: Table,
    /// Workloads by namespace.
    workloads: Table,
    /// Workloads by each of their labels, of whichever namespace.
    labelled: Table,
    /// PeerAuthentications that switch mutual TLS off for a namespace.
    plain: Table,
}

/// Where only whether there is something counts.
const SOME: usize = 0;

impl Known {
    /// Looks through a mesh once.
    pub(super) fn new(mesh: &Mesh) -> Known {
        let mut known = Known::default();
        for namespace in &mesh.namespaces {
            known.spaces.add(&[&namespace.name], SOME);
        }
        known.spaces.add(&[&mesh.settings.root_namespace], SOME);
        for (at, workload) in mesh.workloads.iter().enumerate() {
            let namespace = workload.namespace.as_str();
            known.spaces.add(&[namespace], SOME);
            known.account(namespace, &workload.service_account);
            known.workloads.add(&[namespace], at);
            for (key, value) in &workload.labels {
                known.labelled.add(&[key, value], at);
            }
        }
        for service in &mesh.services {
            let namespace = service.namespace.as_str();
            known.spaces.add(&[namespace], SOME);
            known.kinds.add(&[namespace, kind(service)], SOME);
        }
        for (namespace, account) in &mesh.service_accounts {
            known.account(namespace, account);
        }
        for (at, gateway) in mesh.gateways.iter().enumerate() {
            known.gateways.add(&[&gateway.name], at);
            known.gateway_spaces.add(&[&gateway.namespace], SOME);
            for account in &gateway.service_accounts {
                known.account(&gateway.namespace, account);
            }
        }
        for (at, peer) in mesh.peer_authentications.iter().enumerate() {
            if peer.mode == MutualTls::Disable && peer.selector.is_none() {
                known.plain.add(&[&peer.namespace], at);
            }
        }
        for table in [
            &mut known.spaces,
            &mut known.accounts,
            &mut known.account_spaces,
            &mut known.kinds,
            &mut known.gateways,
            &mut known.gateway_spaces,
            &mut known.workloads,
            &mut known.labelled,
            &mut known.plain,
        ] {
            table.sort();
        }
        known
    }

    fn account(&mut self, namespace: &str, account: &str) {
        self.account_spaces.add(&[namespace], SOME);
        self.accounts.add(&[namespace, account], SOME);
    }

    /// Whether the input knows of a namespace.
    pub(super) fn has_namespace(&self, namespace: &str) -> bool {
        has(&self.spaces, &[namespace])
    }

    /// Whether a namespace has service accounts, and not this one.
    pub(super) fn lacks_account(&self, namespace: &str, account: &str) -> bool {
        has(&self.account_spaces, &[namespace]) && !has(&self.accounts, &[namespace, account])
    }

    /// Whether a namespace has Services of a kind: `Service` or `ServiceEntry`.
    pub(super) fn has_services(&self, namespace: &str, kind: &str) -> bool {
        has(&self.kinds, &[namespace, kind])
    }

    /// The first Gateway of a name, of whichever namespace.
    pub(super) fn gateway(&self, name: &str) -> Option<usize> {
        self.gateways.find(&[name]).next()
    }

    /// Whether a namespace has a Gateway.
    pub(super) fn has_gateways(&self, namespace: &str) -> bool {
        has(&self.gateway_spaces, &[namespace])
    }

    /// The first PeerAuthentication that switches mutual TLS off for a namespace.
    pub(super) fn plain(&self, namespace: &str) -> Option<usize> {
        self.plain.find(&[namespace]).next()
    }

    /// Whether there are workloads that a policy without selector would be for.
    pub(super) fn has_workloads(&self, mesh: &Mesh, policy: &AuthorizationPolicy) -> bool {
        if is_everywhere(mesh, policy) {
            !mesh.workloads.is_empty()
        } else {
            has(&self.workloads, &[&policy.namespace])
        }
    }

    /// The workloads that a policy is for by its selector, in the order of the mesh; for none where the
    /// selector has no labels, which is another matter in every data plane.
    pub(super) fn pods(
        &self,
        mesh: &Mesh,
        points: &Points,
        policy: &AuthorizationPolicy,
    ) -> Vec<usize> {
        let everywhere = is_everywhere(mesh, policy);
        let namespace = policy.namespace.as_str();
        let selector = policy.selector.as_deref();
        match selector.filter(|_| !policy.empty_match_labels) {
            None if everywhere => (0..mesh.workloads.len()).collect(),
            None => self.workloads.find(&[namespace]).collect(),
            Some([]) => Vec::new(),
            Some(selector @ [(key, value), ..]) => {
                let mut found: Vec<usize> = if everywhere {
                    self.labelled.find(&[key, value]).collect()
                } else {
                    points.labelled(namespace, key, value).collect()
                };
                found.retain(|at| {
                    let workload = mesh.workloads.get(*at);
                    workload.is_some_and(|one| selects(selector, &one.labels))
                });
                found
            }
        }
    }
}

/// What a Service's kind is called in a reference.
pub(super) fn kind(service: &Service) -> &'static str {
    if service.entry {
        "ServiceEntry"
    } else {
        "Service"
    }
}

/// A policy of the root namespace is for all namespaces.
fn is_everywhere(mesh: &Mesh, policy: &AuthorizationPolicy) -> bool {
    policy.namespace == mesh.settings.root_namespace
}

fn has(table: &Table, parts: &[&str]) -> bool {
    table.find(parts).next().is_some()
}
