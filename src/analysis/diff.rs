//! What a change of policies means: which access it grants, which it revokes.

use super::decide::{Analysis, Via};
use super::lint::fingerprint;
use super::points::Origin;
use super::request::Target;
use super::rules::Effect;
use super::symbolic::describe::Access;
use super::symbolic::region::Region;
use super::symbolic::routes::{Cell, Target as Place};
use super::symbolic::solve::{Gap, Side, TargetForm, all_present, matched, points, space};
use super::symbolic::space::Space;
use super::symbolic::strings::TooComplex;
use super::symbolic::verdict::Verdict;
use super::symbolic::witness::{self, RequestJson, ToJson};
use crate::istio::policy::Action;
use crate::order::order;
use crate::text::to_json;
use serde::Serialize;

/// No more descriptions than this are made of what is granted, or revoked, at one target.
const MAX_PARTS: usize = 24;

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
}

/// Access that is granted or revoked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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

// Descriptions are sorted by what they say; their witnesses follow from it.
impl PartialOrd for Json {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Json {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

/// Compares two meshes.
pub fn diff(old: &Analysis, new: &Analysis) -> Diff {
    let mut comparer = Comparer {
        old: Side::new(old),
        new: Side::new(new),
        found: Diff {
            equivalent: true,
            ..Diff::default()
        },
    };
    // Identities of clients outside the mesh on one side say nothing about policies.
    let absent = std::mem::take(&mut comparer.new.clients.absent);
    comparer.old.clients.absent.extend(absent);
    crate::order::sort(&mut comparer.old.clients.absent);
    comparer.old.clients.absent.dedup();
    for (target, before, after) in targets(old, new) {
        if let Err(gap) = comparer.target(&target, before, after) {
            comparer.old.note(&gap);
            comparer.found.equivalent = false;
            comparer.found.not_compared.push(NotCompared {
                to: ToJson::from(&target),
                why: gap.message(),
                help: "narrow it: compare fewer policies on this target, or write them with fewer \
                       overlapping patterns",
            });
        }
    }
    let mut found = comparer.found;
    let nowhere = changed_nowhere(old, new);
    found.equivalent &= nowhere.is_empty();
    found.not_compared.extend(nowhere);
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

/// Policies that differ and that apply to nothing the input describes: what their change means
/// cannot be told.
fn changed_nowhere(old: &Analysis, new: &Analysis) -> Vec<NotCompared> {
    let mut texts: Vec<(String, bool, usize)> = Vec::new();
    for (is_new, analysis) in [(false, old), (true, new)] {
        for (at, policy) in analysis.mesh.policies.iter().enumerate() {
            texts.push((fingerprint(policy), is_new, at));
        }
    }
    crate::order::sort(&mut texts);
    let (attached_old, attached_new) = (attached(old), attached(new));
    let mut found: Vec<NotCompared> = Vec::new();
    for same in texts.chunk_by(|left, right| left.0 == right.0) {
        let is_in = |side: bool| same.iter().any(|(_, is_new, _)| *is_new == side);
        if is_in(false) && is_in(true) {
            continue;
        }
        let Some((_, is_new, at)) = same.first() else {
            continue;
        };
        let (analysis, attached) = if *is_new {
            (new, &attached_new)
        } else {
            (old, &attached_old)
        };
        let is_refused = analysis
            .points
            .refused
            .get(*at)
            .is_some_and(|why| !why.is_empty());
        let Some(policy) =
            analysis.mesh.policies.get(*at).filter(|policy| {
                !is_refused && !policy.is_dry_run() && policy.action != Action::Audit
            })
        else {
            continue;
        };
        if attached.get(*at).copied().unwrap_or_default() {
            continue;
        }
        let to = match policy
            .targets()
            .iter()
            .find(|target| target.kind == "Service")
        {
            Some(target) => ToJson::Service(format!("{}/{}", policy.namespace, target.name)),
            None => ToJson::Pod(format!("{}/*", policy.namespace)),
        };
        found.push(NotCompared {
            to,
            why: format!(
                "the input describes nothing that the policy `{}` applies to",
                crate::juju::charm::clip(&policy.id())
            ),
            help: "give the namespaces, workloads and Services by `--manifests`",
        });
    }
    found
}

/// For each policy of a mesh, whether it is attached to anything.
fn attached(analysis: &Analysis) -> Vec<bool> {
    let points = &analysis.points;
    let mut found = vec![false; analysis.mesh.policies.len()];
    let all = [&points.workloads, &points.services, &points.gateways];
    for one in all.into_iter().flatten().flatten() {
        let origin = points.held.get(one.policy as usize).map(|held| held.origin);
        if let Some(Origin::Written(at)) = origin
            && let Some(flag) = found.get_mut(at)
        {
            *flag = true;
        }
    }
    found
}

/// Changes that differ only in the target are one.
fn gathered(mut changes: Vec<Change>) -> Vec<Change> {
    let key = |one: &Change| {
        (
            one.via,
            one.access.clone(),
            one.policies.clone(),
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

struct Comparer<'a> {
    old: Side<'a>,
    new: Side<'a>,
    found: Diff,
}

/// Both sides of one target.
struct Both<'t> {
    target: &'t Target,
    old: TargetForm,
    new: TargetForm,
    space: Space,
    /// What is granted or revoked is described apart for each of these.
    differing: Vec<Differing>,
}

/// A policy that is not the same on both sides.
struct Differing {
    responsible: Responsible,
    /// The requests that it matches on one side and not on the other, as far as that may be.
    region: Region,
    /// It is an ALLOW policy where there was none before, or is none after: its being there alone
    /// changes answers.
    alone: bool,
}

impl<'a> Comparer<'a> {
    fn target(
        &mut self,
        target: &Target,
        before: Option<Place>,
        after: Option<Place>,
    ) -> Result<(), Gap> {
        let cells = |side: &Side<'a>, place: Option<Place>| -> Vec<Cell<'a>> {
            place.map_or_else(Vec::new, |place| side.cells(place))
        };
        let (old_cells, new_cells) = (cells(&self.old, before), cells(&self.new, after));
        if self.old.same(&old_cells, &self.new, &new_cells) {
            return Ok(());
        }
        let settings = |side: &Side<'a>| &side.analysis.mesh.settings;
        if settings(&self.old).trust_domain != settings(&self.new).trust_domain {
            return Err(Gap::Unsupported("the trust domains differ".to_owned()));
        }
        if settings(&self.old).path_normalization != settings(&self.new).path_normalization {
            return Err(Gap::Unsupported(
                "paths are normalised differently".to_owned(),
            ));
        }
        let (old, new) = (self.old.form(&old_cells)?, self.new.form(&new_cells)?);
        let host = host(target);
        let mut solved = space(&self.old, &[&old, &new], &[], &[&host])?;
        let x = old.verdict(&mut solved, &all_present)?;
        let y = new.verdict(&mut solved, &all_present)?;
        let mut both = Both {
            target,
            old,
            new,
            space: solved,
            differing: Vec::new(),
        };
        both.differing = self.differing(&mut both)?;
        let granted = both.space.regions.and(x.denied, y.allowed)?;
        let revoked = both.space.regions.and(x.allowed, y.denied)?;
        let trust_domain = settings(&self.old).trust_domain.clone();
        let granted = both.changes(granted, true, &trust_domain)?;
        let revoked = both.changes(revoked, false, &trust_domain)?;
        self.found.equivalent &= granted.is_empty() && revoked.is_empty();
        self.found.granted.extend(granted);
        self.found.revoked.extend(revoked);
        if let Some(unknown) = both.unknown(x, y, &trust_domain)? {
            self.found.equivalent = false;
            self.found.unknown.push(unknown);
        }
        Ok(())
    }

    /// The policies that are not the same on both sides.
    fn differing(&self, both: &mut Both<'_>) -> Result<Vec<Differing>, TooComplex> {
        let before = named(&self.old, &both.old);
        let after = named(&self.new, &both.new);
        let mut names: Vec<&str> = before
            .iter()
            .chain(&after)
            .map(|(name, ..)| *name)
            .collect();
        crate::order::sort(&mut names);
        names.dedup();
        let mut found = Vec::new();
        for name in names {
            let of = |list: &[(&'a str, u32, Effect)]| {
                let at = list.iter().find(|(other, ..)| *other == name);
                at.map(|(_, number, effect)| (*number, *effect))
            };
            let (old, new) = (of(&before), of(&after));
            let form = |side: &Side<'a>, number: u32| {
                let held = side.held(number)?;
                Some((&held.ztunnel, &held.http, &held.tcp, held.doubts))
            };
            let change = match (old, new) {
                (None, _) => "added",
                (_, None) => "removed",
                (Some((old, _)), Some((new, _)))
                    if form(&self.old, old) == form(&self.new, new) =>
                {
                    continue;
                }
                _ => "changed",
            };
            let matched = |form: &TargetForm, space: &mut Space, number: Option<(u32, Effect)>| {
                number.map_or(Ok(Region::NONE), |(number, _)| matched(form, space, number))
            };
            let x = matched(&both.old, &mut both.space, old)?;
            let y = matched(&both.new, &mut both.space, new)?;
            let regions = &mut both.space.regions;
            let (gone, come) = (regions.minus(x, y)?, regions.minus(y, x)?);
            let is_allow = |one: Option<(u32, Effect)>| matches!(one, Some((_, Effect::Allow)));
            found.push(Differing {
                responsible: Responsible {
                    policy: name.to_owned(),
                    change,
                },
                region: regions.or(gone, come)?,
                alone: is_allow(old) && !has_allow_at_each(&both.new)
                    || is_allow(new) && !has_allow_at_each(&both.old),
            });
        }
        Ok(found)
    }
}

/// The policies of a form: name, place, what they do. Those that istiod adds are no reasons.
fn named<'s>(side: &Side<'s>, form: &TargetForm) -> Vec<(&'s str, u32, Effect)> {
    let mut found = Vec::new();
    for point in points(form) {
        for (policy, number) in point.policies.iter().zip(&point.held) {
            if let Some(held) = side.held(*number)
                && !matches!(held.origin, Origin::AutoAllow(_))
            {
                found.push((held.id.as_str(), *number, policy.effect));
            }
        }
    }
    crate::order::sort(&mut found);
    found.dedup();
    found
}

fn has_allow_at_each(form: &TargetForm) -> bool {
    points(form).all(|point| point.policies.iter().any(|one| one.effect == Effect::Allow))
}

/// The name by which a plain request would call the target.
fn host(target: &Target) -> String {
    let (Target::Service { namespace, name } | Target::Pod { namespace, name }) = target;
    format!("{name}.{namespace}")
}

/// A target in a sentence.
pub fn target_text(target: &Target) -> String {
    match target {
        Target::Service { namespace, name } => format!("service {namespace}/{name}"),
        Target::Pod { namespace, name } => format!("pod {namespace}/{name}"),
    }
}

impl Both<'_> {
    fn changes(
        &mut self,
        region: Region,
        granted: bool,
        trust_domain: &str,
    ) -> Result<Vec<Change>, TooComplex> {
        let mut found = Vec::new();
        if region.is_none() {
            return Ok(found);
        }
        let mut left = region;
        for via in [Via::Waypoint, Via::Service, Via::Pod] {
            let form = if granted { &self.new } else { &self.old };
            let mut guards = Vec::new();
            for cell in form.cells.iter().filter(|cell| cell.via == via) {
                guards.push(self.space.holds(&cell.guard)?.surely);
            }
            let guard = self.space.regions.any(&guards)?;
            let here = self.space.regions.and(left, guard)?;
            left = self.space.regions.minus(left, guard)?;
            if here.is_none() {
                continue;
            }
            let (parts, complete) = self.space.describe(here, MAX_PARTS);
            for (cube, access) in parts {
                let sets: Vec<(u32, &[u32])> = cube
                    .iter()
                    .map(|(level, set)| (*level, set.as_slice()))
                    .collect();
                let part = self.space.regions.cube(&sets)?;
                found.extend(self.change(part, access, via, granted, trust_domain)?);
            }
            if !complete && let Some(last) = found.last_mut() {
                last.text.push_str(", and more of the same");
            }
        }
        Ok(found)
    }

    fn change(
        &mut self,
        region: Region,
        access: Access,
        via: Via,
        granted: bool,
        trust_domain: &str,
    ) -> Result<Option<Change>, TooComplex> {
        let Some(example) = self.space.example(region) else {
            return Ok(None);
        };
        let mut policies = Vec::new();
        for one in &self.differing {
            if one.alone || !self.space.regions.and(one.region, region)?.is_none() {
                policies.push(one.responsible.clone());
            }
        }
        if policies.is_empty() {
            policies.extend(self.differing.iter().map(|one| one.responsible.clone()));
        }
        let text = format!(
            "{} {} {} to {}{}",
            access.clients_text(),
            if granted { "may now" } else { "may no longer" },
            access.request_text(),
            target_text(self.target),
            match via {
                Via::Waypoint => ", through its waypoint",
                _ => "",
            }
        );
        let request = witness::request(trust_domain, self.target, &example);
        Ok(Some(Change {
            to: ToJson::from(self.target),
            also_to: Vec::new(),
            via: via.name(),
            access,
            text,
            policies,
            witness: Json(RequestJson::from(&request)),
        }))
    }

    /// Where something is not known and may have changed: the answer was, or is, known on one side
    /// only; or a policy that changed may match.
    fn unknown(
        &mut self,
        x: Verdict,
        y: Verdict,
        trust_domain: &str,
    ) -> Result<Option<Unknown>, TooComplex> {
        let regions = &mut self.space.regions;
        let known = |regions: &mut super::symbolic::region::Regions, verdict: Verdict| {
            regions.or(verdict.allowed, verdict.denied)
        };
        let (known_old, known_new) = (known(regions, x)?, known(regions, y)?);
        let (lost, won) = (
            regions.minus(known_old, known_new)?,
            regions.minus(known_new, known_old)?,
        );
        let mut open = regions.or(lost, won)?;
        if open.is_none() {
            let neither = regions.not(known_old)?;
            let changed: Vec<Region> = self.differing.iter().map(|one| one.region).collect();
            let changed = regions.any(&changed)?;
            open = regions.and(neither, changed)?;
        }
        let Some(example) = self.space.example(open) else {
            return Ok(None);
        };
        let request = witness::request(trust_domain, self.target, &example);
        Ok(Some(Unknown {
            to: ToJson::from(self.target),
            text: format!(
                "some answers for {} depend on what the input does not say, and may have changed",
                target_text(self.target)
            ),
            witness: Json(RequestJson::from(&request)),
        }))
    }
}
