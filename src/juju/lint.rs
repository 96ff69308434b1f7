//! What looks wrong in what charms declare: nothing that a compilation fails for, and nothing that
//! follows from the compiled policies alone.

use super::charm::{Charm, Role, clip, ports};
use super::deployment::Deployment;
use super::relations::{Charms, Model, Relation, charm_at};
use crate::diagnostic::{Diagnostic, code};
use crate::map::Index;
use crate::model::{CharmPolicy, Endpoint};

/// A policy admits the side that is connected to.
pub const WRONG_SIDE: &str = "policy-on-wrong-side";
/// An empty list of ports, which restricts nothing.
pub const EMPTY_PORTS: &str = "empty-port-list";
/// Metrics that are related and that no policy lets be read.
pub const METRICS_WITHOUT_POLICY: &str = "metrics-without-policy";
/// A policy on an endpoint that nothing relates.
pub const UNRELATED_POLICY: &str = "policy-without-relation";
/// A policy between the units of one application.
pub const PEER_POLICY: &str = "policy-on-peer-relation";

/// Interfaces in which the requirer connects to the provider, as their specifications and charm
/// libraries have it.
const REQUIRER_CONNECTS: [&str; 13] = [
    "kafka_client",
    "ldap",
    "loki_push_api",
    "mongodb_client",
    "mysql_client",
    "object-storage",
    "opensearch_client",
    "postgresql_client",
    "prometheus_remote_write",
    "prometheus_scrape",
    "s3",
    "tracing",
    "vault-kv",
];
/// Interfaces in which the provider connects to the requirer.
const PROVIDER_CONNECTS: [&str; 2] = ["ingress", "ingress_per_unit"];

/// Looks at what charms declare, and at the relations that make it matter.
pub fn lint(
    models: &[Model<'_>],
    charms: &Charms<'_>,
    deployment: &Deployment<'_, '_>,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for charm in charms.values() {
        declarations(charm, &mut found);
    }
    let mut used = Index::default();
    let mut deployed = Index::default();
    let mut members = Index::default();
    for (model, name, _) in deployment.members() {
        members.add([model, name].join("/"));
    }
    let mut key = String::new();
    for model in models {
        for relation in &model.relations {
            for end in relation.ends.iter().filter(|end| !end.is_saas) {
                let Some((charm, endpoint)) =
                    charm_at(&model.bundle, charms, end).zip(end.endpoint)
                else {
                    continue;
                };
                note_use(&mut used, &mut key, charm.name, endpoint);
                if keeps_metrics_closed(charm, endpoint)
                    && members.contains(&[model.name.as_str(), end.name].join("/"))
                {
                    found.push(closed_metrics(end.name, endpoint, relation));
                }
            }
        }
        for application in model.bundle.applications.values() {
            let Some(charm) = charms.get(application.charm) else {
                continue;
            };
            deployed.add(charm.name);
            for (_, endpoints) in application.offers.values() {
                for endpoint in endpoints {
                    note_use(&mut used, &mut key, charm.name, endpoint);
                }
            }
        }
    }
    for charm in charms
        .values()
        .filter(|charm| deployed.contains(charm.name))
    {
        unrelated(charm, &used, &mut found);
    }
    found
}

fn declarations(charm: &Charm<'_>, found: &mut Vec<Diagnostic>) {
    for declared in &charm.policies {
        let relation = relation(&declared.policy);
        let endpoint = charm.endpoints.get(relation);
        let interface = endpoint
            .and_then(|one| one.interface.as_deref())
            .unwrap_or_default();
        let sides = match endpoint.map(|one| one.role) {
            Some(Role::Requirer) if REQUIRER_CONNECTS.contains(&interface) => {
                Some(("requirer", "provider"))
            }
            Some(Role::Provider) if PROVIDER_CONNECTS.contains(&interface) => {
                Some(("provider", "requirer"))
            }
            _ => None,
        };
        if let Some((from, to)) = sides {
            found.push(
                Diagnostic::warning(
                    WRONG_SIDE,
                    format!(
                        "the {from} of `{interface}` connects to the {to}, and this policy of `{}` admits the {to} to the {from}",
                        clip(charm.name)
                    ),
                )
                .at(charm.file, declared.at)
                .help(format!("declare the policy in the charm of the {to}")),
            );
        }
        if endpoint.is_some_and(|one| one.role == Role::Peer) {
            found.push(
                Diagnostic::note(
                    PEER_POLICY,
                    format!(
                        "the policy on the peer relation `{}` admits `{}` to itself",
                        clip(relation),
                        clip(charm.name)
                    ),
                )
                .at(charm.file, declared.at)
                .help("keep it if units talk to each other on these ports"),
            );
        }
        let no_ports = |ports: &Option<Vec<i64>>| ports.as_ref().is_some_and(Vec::is_empty);
        let restricts_otherwise = |one: &Endpoint| {
            [&one.hosts, &one.paths]
                .into_iter()
                .flatten()
                .any(|list| !list.is_empty())
                || one.methods.as_ref().is_some_and(|list| !list.is_empty())
        };
        let empty = match &declared.policy {
            CharmPolicy::App(policy) => policy
                .endpoints
                .iter()
                .any(|one| no_ports(&one.ports) && restricts_otherwise(one)),
            CharmPolicy::Deprecated(policy) => policy
                .endpoints
                .iter()
                .any(|one| no_ports(&one.ports) && restricts_otherwise(one)),
            CharmPolicy::Unit(policy) => no_ports(&policy.ports),
        };
        if empty {
            found.push(
                Diagnostic::warning(
                    EMPTY_PORTS,
                    format!("the empty list of ports in this policy of `{}` restricts nothing: every port is meant", clip(charm.name)),
                )
                .at(charm.file, declared.at)
                .help("name the ports, or leave the list out to say the same on purpose"),
            );
        }
    }
}

/// Notes that a charm's endpoint is used; `key` is room for its name, as most have been noted before.
fn note_use(used: &mut Index<'_>, key: &mut String, charm: &str, endpoint: &str) {
    key.clear();
    for part in [charm, "\0", endpoint] {
        key.push_str(part);
    }
    if !used.contains(key) {
        used.add(key.clone());
    }
}

/// Whether a charm offers metrics at an endpoint that, on a mesh, are not admitted: its pods take what
/// their waypoint and their unit policies admit, and a scrape goes to the pods.
fn keeps_metrics_closed(charm: &Charm<'_>, endpoint: &str) -> bool {
    let scraped = charm.endpoints.get(endpoint).is_some_and(|one| {
        one.role == Role::Provider && one.interface.as_deref() == Some("prometheus_scrape")
    });
    let admitted = charm
        .policies
        .iter()
        .any(|one| relation(&one.policy) == endpoint);
    let opens_itself = !charm.raw_policies.is_empty() || !charm.internal_mesh_policies.is_empty();
    scraped && charm.consumer && !admitted && !opens_itself
}

fn closed_metrics(name: &str, endpoint: &str, related: &Relation<'_>) -> Diagnostic {
    Diagnostic::warning(
        METRICS_WITHOUT_POLICY,
        format!("`{}` offers metrics at `{}`, and its charm has no policy that lets them be read over the mesh", clip(name), clip(endpoint)),
    )
    .at(related.file, related.at)
    .help(format!("add `{{kind: unit, relation: {}, ports: […]}}` to the charm's policies", clip(endpoint)))
}

fn unrelated(charm: &Charm<'_>, used: &Index<'_>, found: &mut Vec<Diagnostic>) {
    let mut told = Index::default();
    for declared in &charm.policies {
        let relation = relation(&declared.policy);
        let role = charm.endpoints.get(relation).map(|one| one.role);
        // Peers are always related, and an endpoint that is not declared has its own diagnostic.
        if matches!(role, None | Some(Role::Peer))
            || used.contains(&[charm.name, relation].join("\0"))
            || !told.add(relation)
        {
            continue;
        }
        found.push(
            Diagnostic::note(
                UNRELATED_POLICY,
                format!(
                    "nothing relates `{}` of `{}`, so its policies do nothing here",
                    clip(relation),
                    clip(charm.name)
                ),
            )
            .at(charm.file, declared.at)
            .help("relate the endpoint, if the deployment needs it"),
        );
    }
}

fn relation(policy: &CharmPolicy) -> &str {
    match policy {
        CharmPolicy::App(policy) => &policy.relation,
        CharmPolicy::Deprecated(policy) => &policy.relation,
        CharmPolicy::Unit(policy) => &policy.relation,
    }
}

/// Checks the policies of a charm that hold for every deployment.
pub fn check_charm(charm: &Charm<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for declared in &charm.policies {
        let (endpoints, own): (&[Endpoint], &[i64]) = match &declared.policy {
            CharmPolicy::App(policy) => (&policy.endpoints, &[]),
            CharmPolicy::Deprecated(policy) => (&policy.endpoints, &[]),
            CharmPolicy::Unit(policy) => (&[], policy.ports.as_deref().unwrap_or_default()),
        };
        let all_ports = endpoints
            .iter()
            .flat_map(|endpoint| endpoint.ports.iter().flatten())
            .chain(own);
        for (port, node) in all_ports.zip(ports(declared.node)) {
            if (1..=65535).contains(port) {
                continue;
            }
            diagnostics.push(
                Diagnostic::warning(code::INVALID_PORT, format!("`{port}` is no port"))
                    .at(charm.file, node.at)
                    .help("write a port from 1 to 65535"),
            );
        }
        let is_empty = |endpoint: &Endpoint| {
            endpoint.ports.as_ref().is_none_or(Vec::is_empty)
                && endpoint.hosts.as_ref().is_none_or(Vec::is_empty)
                && endpoint.methods.as_ref().is_none_or(Vec::is_empty)
                && endpoint.paths.as_ref().is_none_or(Vec::is_empty)
        };
        if endpoints.iter().any(is_empty) {
            diagnostics.push(
                Diagnostic::warning(
                    code::EMPTY_OPERATION,
                    "an endpoint without ports, hosts, methods and paths becomes an empty operation, which Istio refuses",
                )
                .at(charm.file, declared.at)
                .help("write `endpoints: []` to allow every operation, or name what is allowed"),
            );
        }
    }
}
