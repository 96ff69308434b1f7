//! Objects that are given more than once. A cluster has one of each name: the one that was applied
//! last. What files say is meant to be applied, so it counts before what a cluster has.

use super::{Labels, Mesh};
use crate::diagnostic::{Diagnostic, code};
use crate::istio::fingerprint::fingerprint;
use crate::map::Index;
use crate::text::Position;

/// The name that hosts give to what they read from a cluster.
pub const LIVE: &str = "<cluster>";

/// Where each object that was read is in its list of the mesh, in files and in the cluster.
#[derive(Default)]
pub(super) struct Seen {
    files: Index<'static>,
    live: Index<'static>,
    /// A file and the cluster differ.
    both: bool,
}

/// Where policies are among [`Counts`].
const POLICIES: usize = 4;

/// How many objects there are of each kind: one that was read adds to one of them.
#[derive(PartialEq, Eq, Clone, Copy)]
pub(super) struct Counts([usize; 7]);

impl Counts {
    pub(super) fn of(mesh: &Mesh) -> Counts {
        Counts([
            mesh.namespaces.len(),
            mesh.workloads.len(),
            mesh.services.len(),
            mesh.gateways.len(),
            mesh.policies.len(),
            mesh.peer_authentications.len(),
            mesh.servers.len(),
        ])
    }
}

impl Seen {
    /// Notes the object that was read last. Where it was there before, one of the two is taken out.
    /// The result is where the object is that counts now, of the list that was added to.
    pub(super) fn note(
        &mut self,
        mesh: &mut Mesh,
        before: Counts,
        (kind, id): (&str, &str),
        (file, at): (&str, Position),
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let Counts(counts) = before;
        let Counts(now) = Counts::of(mesh);
        let Some(list) = now.iter().zip(counts).position(|(now, then)| *now > then) else {
            return;
        };
        let last = counts.get(list).copied().unwrap_or_default();
        // Conditional policies take turns.
        if list == POLICIES && mesh.policies.last().is_some_and(|one| one.when.is_some()) {
            return;
        }
        // Istio has Gateways of its own.
        let key = format!("{list} {kind} {id}");
        let is_live = file == LIVE;
        let (own, other) = if is_live {
            (&mut self.live, &self.files)
        } else {
            (&mut self.files, &self.live)
        };
        let (earlier, among_own) = match (own.get(&key), other.get(&key)) {
            (Some(at), _) => (at, true),
            (None, Some(at)) => (at, false),
            (None, None) => {
                own.get_or_insert(key.into(), last);
                return;
            }
        };
        own.get_or_insert(key.into(), earlier);
        // Of a file and the cluster the file counts, whichever was read first; where they say the same, the
        // cluster's has its addresses.
        let takes_last = |alike: bool| if among_own { !alike } else { is_live == alike };
        if settle(mesh, list, earlier, takes_last) {
            return;
        }
        if !among_own {
            self.both = true;
            return;
        }
        let diagnostic = if kind == "AuthorizationPolicy" {
            let text = format!(
                "there are two policies `{id}`: the cluster keeps the one that is applied last"
            );
            Diagnostic::error(code::SAME_NAME, text)
        } else {
            let text = format!("there are two `{kind}` of the name `{id}`: the last one counts");
            Diagnostic::warning(code::OBJECT_GIVEN_TWICE, text)
        };
        diagnostics.push(
            diagnostic
                .at(file, at)
                .help("rename one of them, or take one out"),
        );
    }

    /// What was decided without asking.
    pub(super) fn conclude(&self, mesh: &mut Mesh) {
        if self.both {
            mesh.assumptions.push(
                "what files say of an object counts before what the cluster has of it".into(),
            );
        }
    }
}

/// Takes out the last of a list or the earlier one that it stands for; whether both say the same.
fn settle(mesh: &mut Mesh, list: usize, at: usize, last: impl Fn(bool) -> bool) -> bool {
    let like = |a: &Labels, b: &Labels| a.len() == b.len() && a.iter().all(|one| b.contains(one));
    let optional = |a: &Option<Labels>, b: &Option<Labels>| match (a, b) {
        (Some(a), Some(b)) => like(a, b),
        (None, None) => true,
        _ => false,
    };
    match list {
        0 => one_of(&mut mesh.namespaces, at, last, |a, b| {
            like(&a.labels, &b.labels)
        }),
        1 => one_of(&mut mesh.workloads, at, last, |a, b| {
            like(&a.labels, &b.labels)
                && (&a.service_account, &a.ports, a.data_plane, a.router)
                    == (&b.service_account, &b.ports, b.data_plane, b.router)
        }),
        2 => one_of(&mut mesh.services, at, last, |a, b| {
            like(&a.labels, &b.labels)
                && optional(&a.selector, &b.selector)
                && (&a.ports, a.headless) == (&b.ports, b.headless)
        }),
        3 => one_of(&mut mesh.gateways, at, last, |a, b| {
            (&a.class, a.waypoint_for, &a.allowed, a.opaque)
                == (&b.class, b.waypoint_for, &b.allowed, b.opaque)
        }),
        POLICIES => one_of(&mut mesh.policies, at, last, |a, b| {
            fingerprint(a) == fingerprint(b)
        }),
        5 => one_of(&mut mesh.peer_authentications, at, last, |a, b| {
            optional(&a.selector, &b.selector) && (a.mode, &a.ports) == (b.mode, &b.ports)
        }),
        _ => one_of(&mut mesh.servers, at, last, |a, b| {
            like(&a.selector, &b.selector) && a.opaque == b.opaque
        }),
    }
}

/// Keeps one of the last and the one at a position; whether they are alike.
fn one_of<T>(
    all: &mut Vec<T>,
    at: usize,
    takes_last: impl Fn(bool) -> bool,
    alike: impl Fn(&T, &T) -> bool,
) -> bool {
    let (Some(last), Some(earlier)) = (all.pop(), all.get_mut(at)) else {
        return true;
    };
    let same = alike(earlier, &last);
    if takes_last(same) {
        *earlier = last;
    }
    same
}
