//! What a change of policies means: which access it grants, which it revokes.

mod assume;
mod compare;
mod paths;
mod reasons;
mod undescribed;

use super::decide::Analysis;
use super::request::Target;
use super::symbolic::describe::Access;
use super::symbolic::routes::Target as Place;
use super::symbolic::witness::{RequestJson, ToJson};
use crate::order::order;
use crate::text::to_json;
use compare::Comparer;
use serde::Serialize;

pub use undescribed::Object;

/// What a change means.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// Proven: every request gets the same answer.
    pub equivalent: bool,
    /// Requests that were denied and are allowed.
    pub granted: Vec<Change>,
    /// Requests that were allowed and are denied.
    pub revoked: Vec<Change>,
    /// Where an answer depends on something that the input does not say, and may have changed.
    pub unknown: Vec<Unknown>,
    /// What could not be compared.
    pub not_compared: Vec<NotCompared>,
    /// What was assumed, each one sentence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assumed: Vec<String>,
}

/// Access that is granted or revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The target.
    pub to: ToJson,
    /// Targets of which the very same holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also_to: Vec<ToJson>,
    /// How the requests come to it: `waypoint`, `service` or `pod`.
    pub via: &'static str,
    /// Which requests.
    #[serde(flatten)]
    pub access: Access,
    /// The same as a sentence.
    pub text: String,
    /// The policies whose change is the reason.
    pub policies: Vec<Responsible>,
    /// What else is: a setting, an application that joins or leaves the mesh.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Objects that the input does not have, and that the witness needs: a pod or Service like those
    /// that the policies are for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<Object>,
    /// One of the requests, as `explain` reads it.
    pub witness: Json,
}

/// A policy that is a reason for a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Responsible {
    /// `NAMESPACE/NAME`
    pub policy: String,
    /// `added`, `removed` or `changed`.
    pub change: &'static str,
}

/// Where an answer depends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unknown {
    /// The target.
    pub to: ToJson,
    /// One sentence.
    pub text: String,
    /// Objects that the input does not have, and that the witness needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<Object>,
    /// A request of which the answer depends.
    pub witness: Json,
}

/// A target that could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotCompared {
    /// The target.
    pub to: ToJson,
    /// One lower-case sentence.
    pub why: String,
    /// What to do about it.
    pub help: &'static str,
}

/// A request, for its place in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Json(pub RequestJson);

/// Which requests a comparison is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Among {
    /// All that there may be.
    #[default]
    All,
    /// Those of clients that the input describes and of clients without identity, with methods in
    /// common use: those of RFC 9110, and PATCH.
    Described,
}

/// Compares two meshes.
pub fn diff(old: &Analysis, new: &Analysis) -> Diff {
    diff_among(old, new, Among::All)
}

/// Compares what two meshes say of some requests.
pub fn diff_among(old: &Analysis, new: &Analysis, among: Among) -> Diff {
    if !assume::is_silent(&old.mesh, &new.mesh) {
        return compare(old, new, among);
    }
    let on = |analysis: &Analysis| Analysis::new(assume::with_sidecars(&analysis.mesh));
    let mut found = compare(&on(old), &on(new), among);
    found.assumed.push(assume::TEXT.to_owned());
    found
}

fn compare(old: &Analysis, new: &Analysis, among: Among) -> Diff {
    let mut comparer = Comparer::new(old, new, among);
    for (target, before, after) in targets(old, new) {
        let text = target_text(&target);
        comparer.compare(&target, &text, before, after);
    }
    let (known, asked) = (comparer.old.clients.known, comparer.old.among);
    let mut found = comparer.found;
    let (likes, left_out) = undescribed::likes(old, new);
    found.equivalent &= left_out.is_empty();
    found.not_compared.extend(left_out);
    if !likes.is_empty() {
        let with = |analysis: &Analysis| Analysis::new(undescribed::with(&analysis.mesh, &likes));
        let (old, new) = (with(old), with(new));
        let mut comparer = Comparer::new(&old, &new, among);
        // Who is made up is nobody's client.
        comparer.old.clients.known = known;
        comparer.old.among = asked.clone();
        comparer.new.among = asked;
        for like in &likes {
            let place = |analysis: &Analysis| match &like.target {
                Target::Service { namespace, name } => {
                    analysis.points.service(namespace, name).map(Place::Service)
                }
                Target::Pod { namespace, name } => {
                    let at = analysis.points.workload(&analysis.mesh, namespace, name);
                    at.map(Place::Workload)
                }
            };
            let known = (comparer.found.granted.len(), comparer.found.revoked.len());
            let unknown = comparer.found.unknown.len();
            comparer.compare(&like.target, &like.text, place(&old), place(&new));
            let Diff {
                granted, revoked, ..
            } = &mut comparer.found;
            for (list, known) in [(granted, known.0), (revoked, known.1)] {
                for change in list.iter_mut().skip(known) {
                    change.given = like.objects(change.witness.0.port());
                }
            }
            for open in comparer.found.unknown.iter_mut().skip(unknown) {
                open.given = like.objects(open.witness.0.port());
            }
        }
        let more = comparer.found;
        found.equivalent &= more.equivalent;
        found.granted.extend(more.granted);
        found.revoked.extend(more.revoked);
        found.unknown.extend(more.unknown);
        found.not_compared.extend(more.not_compared);
    }
    found.granted = gathered(found.granted);
    found.revoked = gathered(found.revoked);
    found
}

impl Diff {
    /// As JSON text.
    pub fn json(&self) -> String {
        to_json(self).unwrap_or_default()
    }
}

/// Every Service and workload of either mesh, by name, with its place in each.
fn targets(old: &Analysis, new: &Analysis) -> Vec<(Target, Option<Place>, Option<Place>)> {
    let mut named: Vec<(bool, &str, &str, bool, usize)> = Vec::new();
    for (is_new, analysis) in [(false, old), (true, new)] {
        for (at, one) in analysis.mesh.services.iter().enumerate() {
            named.push((false, &one.namespace, &one.name, is_new, at));
        }
        for (at, one) in analysis.mesh.workloads.iter().enumerate() {
            named.push((true, &one.namespace, &one.name, is_new, at));
        }
    }
    crate::order::sort(&mut named);
    let mut found: Vec<(Target, Option<Place>, Option<Place>)> = Vec::new();
    let mut last = None;
    for (is_pod, namespace, name, is_new, at) in named {
        let place = if is_pod {
            Place::Workload(at)
        } else {
            Place::Service(at)
        };
        if last != Some((is_pod, namespace, name)) {
            let (namespace, name) = (namespace.to_owned(), name.to_owned());
            let target = if is_pod {
                Target::Pod { namespace, name }
            } else {
                Target::Service { namespace, name }
            };
            found.push((target, None, None));
        }
        last = Some((is_pod, namespace, name));
        if let Some((_, before, after)) = found.last_mut() {
            let slot = if is_new { after } else { before };
            // Of two of one name the first counts, as for `decide`.
            slot.get_or_insert(place);
        }
    }
    found
}

/// Changes that differ only in the target are one: what is allowed, and why.
fn gathered(mut changes: Vec<Change>) -> Vec<Change> {
    let key = |one: &Change| {
        (
            one.via,
            one.access.clone(),
            one.policies.clone(),
            one.reasons.clone(),
            kind(&one.to),
        )
    };
    let keys: Vec<_> = changes.iter().map(key).collect();
    let order = order(keys.len(), &|left, right| {
        keys.get(left).cmp(&keys.get(right))
    });
    let mut kept: Vec<(usize, Change)> = Vec::new();
    for at in order {
        let Some(change) = changes.get_mut(at) else {
            continue;
        };
        match kept.last_mut() {
            Some((_, before)) if key(before) == key(change) => {
                before.also_to.push(change.to.clone());
            }
            _ => kept.push((at, change.clone())),
        }
    }
    // In the order of their targets.
    crate::order::sort_by(&mut kept, |left, right| left.0.cmp(&right.0));
    kept.into_iter().map(|(_, change)| change).collect()
}

fn kind(to: &ToJson) -> bool {
    matches!(to, ToJson::Pod(_))
}

/// A target in a sentence.
pub fn target_text(target: &Target) -> String {
    match target {
        Target::Service { namespace, name } => format!("service {namespace}/{name}"),
        Target::Pod { namespace, name } => format!("pod {namespace}/{name}"),
    }
}
