//! Who is who among the clients of a mesh.

use super::condition::{Condition, Field, Values};
use super::glob::Glob;
use super::lower;
use crate::analysis::decide::Analysis;
use crate::analysis::rules;
use crate::analysis::sender::Sender;

/// Who is who among the clients.
#[derive(Debug, Clone)]
pub struct Clients {
    /// What clients are of which the input says nothing.
    default: Sender,
    /// Those who are something else and have an identity.
    special: Vec<(String, Sender)>,
    /// Identities that no client has, in ascending order.
    pub absent: Vec<String>,
    /// Identities that clients have in a mesh that this one is compared with, and here not: they come as
    /// if from outside. In ascending order.
    pub gone: Vec<String>,
    /// Identities of workloads in the mesh, in the order of the input.
    pub known: Vec<String>,
    /// Some policy looks at the address of the destination, which is another for each pod.
    pub(super) by_destination: bool,
}

// === impl Clients ===

impl Clients {
    /// Sorts out the clients of a mesh.
    pub fn of(analysis: &Analysis) -> Clients {
        Clients::in_domain(analysis, &analysis.mesh.settings.trust_domain)
    }

    /// The same, with identities written as if of another trust domain.
    pub fn in_domain(analysis: &Analysis, domain: &str) -> Clients {
        let mesh = &analysis.mesh;
        let default = Sender::unknown(&mesh.settings);
        let mut accounts: Vec<(&str, &str, usize)> = Vec::with_capacity(mesh.workloads.len());
        for (at, workload) in mesh.workloads.iter().enumerate() {
            accounts.push((&workload.namespace, &workload.service_account, at));
        }
        crate::order::sort(&mut accounts);
        let mut clients = Clients {
            default,
            special: Vec::new(),
            absent: Vec::new(),
            gone: Vec::new(),
            known: Vec::new(),
            by_destination: looks_at_destination(analysis),
        };
        let mut rest = accounts.as_slice();
        while let Some((namespace, account, _)) = rest.first() {
            let many = rest.partition_point(|(n, a, _)| (n, a) <= (namespace, account));
            let (group, tail) = rest.split_at_checked(many).unwrap_or((rest, &[]));
            rest = tail;
            let workloads = group
                .iter()
                .filter_map(|(_, _, at)| mesh.workloads.get(*at));
            let sender = Sender::of_account(workloads).unwrap_or(default);
            let identity = format!("{domain}/ns/{namespace}/sa/{account}");
            if sender == Sender::Outside {
                clients.absent.push(identity);
                continue;
            }
            if sender != default {
                clients.special.push((identity.clone(), sender));
            }
            clients.known.push(identity);
        }
        crate::order::sort(&mut clients.absent);
        if default == Sender::Outside {
            // Whoever is not known to be inside comes as if from outside.
            clients.absent.clear();
        }
        clients
    }

    /// Clients that come without identity.
    pub fn outside(&self) -> Condition {
        let is =
            |identity: &String| Condition::Is(Field::Client, Values::Glob(Glob::exact(identity)));
        if self.default == Sender::Outside {
            let inside = self.special.iter().map(|(identity, _)| is(identity));
            return lower::any(inside.collect()).negate();
        }
        let mut all = vec![Condition::Is(Field::Client, Values::NoIdentity)];
        all.extend(self.gone.iter().map(is));
        lower::any(all)
    }

    /// Clients with an identity that are carried so.
    pub(super) fn inside(&self, fits: impl Fn(Sender) -> bool) -> Condition {
        let some = |wanted: bool| {
            let exact = self
                .special
                .iter()
                .filter(|(_, sender)| fits(*sender) == wanted)
                .map(|(identity, _)| {
                    Condition::Is(Field::Client, Values::Glob(Glob::exact(identity)))
                });
            lower::any(exact.collect())
        };
        if self.default == Sender::Outside || !fits(self.default) {
            return some(true);
        }
        lower::all(vec![self.outside().negate(), some(false).negate()])
    }
}

/// Whether any policy looks at the address of the destination.
fn looks_at_destination(analysis: &Analysis) -> bool {
    let held = analysis.points.held.iter();
    let policies = held.flat_map(|one| [&one.ztunnel, &one.http, &one.tcp]);
    let rules = policies.flatten().flat_map(|policy| &policy.rules);
    let clauses = rules.flat_map(|rule| &rule.clauses);
    let entries = clauses.flat_map(|clause| &clause.entries);
    let mut matches = entries.flat_map(|entry| &entry.matches);
    matches.any(|one| one.field == rules::Field::DestinationIp)
}
