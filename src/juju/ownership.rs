//! `mesh_info` with checks: one consumer's databag never harms another consumer, and a consumer
//! asks for policies on what is its own.
//!
//! The rule of ownership. A consumer in the provider's model is the target of its policies, in
//! that model. A consumer in another model names no target in the provider's model, and who first
//! (by the relation's number) names an application keeps it. The Service may have another name,
//! unless that is another application's. Pods are never selected by labels.
//!
//! What a databag says of its *source* cannot be checked here; SECURITY.md says what follows.

use super::charm::{clip, describe};
use super::hook::{Relation, Unit};
use crate::diagnostic::{Diagnostic, code};
use crate::model::{MeshPolicy, validate_mesh_policy};
use crate::names::is_dns_label;
use crate::text::Position;

/// What is done with a policy on a target that its sender does not own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ownership {
    /// It is left out, and an error says so.
    #[default]
    Enforce,
    /// It is kept, and a warning says so.
    Report,
}

/// The policies that consumers ask for, and what is wrong with their databags.
#[derive(Debug, Clone, Default)]
pub struct MeshInfo {
    /// The policies, in the order of relations.
    pub policies: Vec<MeshPolicy>,
    /// What was set aside, and why.
    pub diagnostics: Vec<Diagnostic>,
}

/// How many wrong policies of one databag are told one by one.
const TOLD: usize = 5;

const KEY: &str = "policies";

/// `mesh_info`, databag by databag.
///
/// `applications` are names of applications in the provider's model beyond those that the unit's
/// relations show; no foreign policy may name their Services.
pub fn mesh_info(
    unit: &Unit<'_>,
    mesh_relation_name: &str,
    applications: &[&str],
    ownership: Ownership,
) -> MeshInfo {
    let mut info = MeshInfo::default();
    let mut asked: Vec<(&Relation<'_>, Vec<Asked>)> = Vec::new();
    for relation in unit.related(mesh_relation_name) {
        match read(relation, &mut info.diagnostics) {
            Ok(policies) => asked.push((relation, policies)),
            Err(refusal) => info.diagnostics.push(refusal),
        }
    }
    let owners = Owners::of(unit, &asked, applications);
    for (relation, policies) in asked {
        let mut told = Told::new(relation);
        for Asked { policy, at } in policies {
            if let Some((code, why)) = owners.objection(relation, &policy) {
                told.push(&mut info.diagnostics, code, at, &why, ownership);
                if ownership == Ownership::Enforce {
                    continue;
                }
            }
            info.policies.push(policy);
        }
        told.rest(&mut info.diagnostics);
    }
    info
}

/// A policy and where it stands in its databag.
struct Asked {
    policy: MeshPolicy,
    at: Position,
}

/// Reads the valid policies of one databag. The error says that it is set aside as a whole.
fn read(
    relation: &Relation<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Vec<Asked>, Diagnostic> {
    let Some(document) = relation.read(KEY, diagnostics)? else {
        return Ok(Vec::new());
    };
    let nodes = document.root.as_array().ok_or_else(|| {
        let why = format!("`{KEY}` must hold a list, not {}", document.root.kind());
        relation.set_aside(KEY, document.root.at, &why)
    })?;
    let mut asked = Vec::new();
    let mut told = Told::new(relation);
    for node in nodes {
        let at = node.at;
        let mut refuse =
            |code, why: &str| told.push(diagnostics, code, at, why, Ownership::Enforce);
        match validate_mesh_policy(node) {
            Err(errors) => {
                let why = errors.first().map(describe).unwrap_or_default();
                refuse(code::INVALID_POLICY, &why);
            }
            Ok(policy) => match invalid_name(&policy) {
                Some(name) => {
                    let why = format!("`{}` cannot be part of an identity", clip(name));
                    refuse(code::INVALID_NAME, &why);
                }
                None => asked.push(Asked { policy, at }),
            },
        }
    }
    told.rest(diagnostics);
    Ok(asked)
}

/// A name of a policy that cannot be one.
pub(super) fn invalid_name(policy: &MeshPolicy) -> Option<&String> {
    let optional = |name: &Option<String>| name.as_ref().is_some_and(|name| !name.is_empty());
    [&policy.target_app_name, &policy.target_service]
        .into_iter()
        .filter(|name| optional(name))
        .flatten()
        .chain([
            &policy.source_namespace,
            &policy.source_app_name,
            &policy.target_namespace,
        ])
        .find(|name| !is_dns_label(name))
}

/// Tells what is wrong with policies of one databag: the first few, then how many more.
struct Told<'r, 'a> {
    relation: &'r Relation<'a>,
    count: usize,
}

impl<'r, 'a> Told<'r, 'a> {
    fn new(relation: &'r Relation<'a>) -> Self {
        Told { relation, count: 0 }
    }

    fn push(
        &mut self,
        diagnostics: &mut Vec<Diagnostic>,
        code: &'static str,
        at: Position,
        why: &str,
        ownership: Ownership,
    ) {
        self.count += 1;
        if self.count > TOLD {
            return;
        }
        let sender = clip(self.relation.app.unwrap_or_default());
        let diagnostic = match ownership {
            Ownership::Enforce => {
                Diagnostic::error(code, format!("a policy of `{sender}` is left out: {why}"))
                    .dropped()
            }
            Ownership::Report => {
                Diagnostic::warning(code, format!("a policy of `{sender}` is kept, but {why}"))
            }
        };
        diagnostics.push(self.relation.place(diagnostic, KEY, at));
    }

    fn rest(&self, diagnostics: &mut Vec<Diagnostic>) {
        let Some(more) = self.count.checked_sub(TOLD).filter(|more| *more > 0) else {
            return;
        };
        let message = format!(
            "the same or similar is wrong with {more} more policies of `{}`",
            clip(self.relation.app.unwrap_or_default())
        );
        let diagnostic = Diagnostic::note(code::INVALID_DATABAG, message);
        diagnostics.push(self.relation.place(diagnostic, KEY, Position::new(1, 1)));
    }
}

/// Who owns which application.
struct Owners<'u> {
    model: &'u str,
    /// Names of applications in the provider's model, sorted.
    local: Vec<&'u str>,
    /// Namespace, application and the relation that first asked for it, sorted.
    claims: Vec<(String, String, i64)>,
}

impl<'u> Owners<'u> {
    fn of(
        unit: &Unit<'u>,
        asked: &[(&Relation<'_>, Vec<Asked>)],
        applications: &[&'u str],
    ) -> Self {
        let mut local: Vec<&str> = unit
            .relations
            .iter()
            .filter(|relation| !relation.is_cross_model())
            .filter_map(|relation| relation.app)
            .chain(applications.iter().copied())
            .chain([unit.app])
            .collect();
        crate::order::sort(&mut local);
        let mut claims = Vec::new();
        for (relation, policies) in asked {
            if !relation.is_cross_model() {
                continue;
            }
            for Asked { policy, .. } in policies {
                if let Some(app) = filled(&policy.target_app_name)
                    && policy.target_namespace != unit.model
                {
                    claims.push((policy.target_namespace.clone(), app.to_owned(), relation.id));
                }
            }
        }
        crate::order::sort(&mut claims);
        claims.dedup_by(|later, first| (&later.0, &later.1) == (&first.0, &first.1));
        Owners {
            model: unit.model,
            local,
            claims,
        }
    }

    /// The relation that owns an application of another model.
    fn claimant(&self, namespace: &str, app: &str) -> Option<i64> {
        let at = self
            .claims
            .binary_search_by(|(n, a, _)| (n.as_str(), a.as_str()).cmp(&(namespace, app)));
        self.claims.get(at.ok()?).map(|(_, _, id)| *id)
    }

    /// Why a policy is none that its sender may ask for.
    fn objection(
        &self,
        relation: &Relation<'_>,
        policy: &MeshPolicy,
    ) -> Option<(&'static str, String)> {
        let sender = relation.app.unwrap_or_default();
        let namespace = policy.target_namespace.as_str();
        let not_owned = |what: String| Some((code::TARGET_NOT_OWNED, what));
        if policy
            .target_selector_labels
            .as_ref()
            .is_some_and(|labels| !labels.is_empty())
        {
            let why = "it selects pods by labels, which could be anybody's".to_owned();
            return Some((code::SELECTOR_IN_DATABAG, why));
        }
        let Some(target) = filled(&policy.target_app_name) else {
            return not_owned("it names no application as its target".to_owned());
        };
        let service = filled(&policy.target_service).unwrap_or(target);
        // Juju makes a Service `APPLICATION` and a headless one beside it.
        let service_app = service.strip_suffix("-endpoints").unwrap_or(service);
        if !relation.is_cross_model() {
            if namespace != self.model {
                return not_owned(format!(
                    "its target is in `{namespace}`, and its sender in `{}`",
                    self.model
                ));
            }
            if target != sender {
                return not_owned(format!("its target is `{target}`"));
            }
            let is_foreign = |name: &str| name != target && self.local.binary_search(&name).is_ok();
            if is_foreign(service) || is_foreign(service_app) {
                return not_owned(format!("the Service `{service}` is another application's"));
            }
            return None;
        }
        if namespace == self.model {
            return not_owned(format!(
                "its target is in `{namespace}`, and its sender in another model"
            ));
        }
        let taken = |name: &str| {
            self.claimant(namespace, name)
                .filter(|owner| *owner != relation.id)
        };
        if let Some(owner) = taken(target) {
            let why = format!("relation {owner} asked first for `{target}` in `{namespace}`");
            return Some((code::TARGET_CLAIMED, why));
        }
        if taken(service).or_else(|| taken(service_app)).is_some() {
            return not_owned(format!("the Service `{service}` is another application's"));
        }
        None
    }
}

fn filled(name: &Option<String>) -> Option<&str> {
    name.as_deref().filter(|name| !name.is_empty())
}
