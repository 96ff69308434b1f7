//! Comparing one target of two meshes.

use super::paths;
use super::reasons::Reasons;
use super::{Among, Change, Diff, Json, NotCompared, Responsible, Unknown};
use crate::analysis::decide::{Analysis, Via};
use crate::analysis::points::{Held, Origin};
use crate::analysis::request::Target;
use crate::analysis::rules::Effect;
use crate::analysis::symbolic::condition::{Condition, Field, Values};
use crate::analysis::symbolic::describe::{Access, Texts};
use crate::analysis::symbolic::glob::Glob;
use crate::analysis::symbolic::lower::{all, any};
use crate::analysis::symbolic::region::Region;
use crate::analysis::symbolic::routes::{Cell, Target as Place};
use crate::analysis::symbolic::solve::{
    Gap, Side, TargetForm, all_present, matched, points, space,
};
use crate::analysis::symbolic::solved::WayVerdict;
use crate::analysis::symbolic::space::Space;
use crate::analysis::symbolic::strings::TooComplex;
use crate::analysis::symbolic::verdict::Verdict;
use crate::analysis::symbolic::witness::{self, RequestJson, ToJson};
use crate::istio::fingerprint::fingerprint;

/// The methods of RFC 9110, and PATCH (RFC 5789).
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];
/// No more descriptions than this are made of what is granted, or revoked, at one target.
const MAX_PARTS: usize = 24;

/// Two meshes, target by target.
pub(super) struct Comparer<'a> {
    pub(super) old: Side<'a>,
    pub(super) new: Side<'a>,
    pub(super) reasons: Reasons,
    pub(super) found: Diff,
}

/// Both sides of one target.
pub(super) struct Both<'t> {
    pub(super) target: &'t Target,
    /// What it is called.
    text: &'t str,
    pub(super) old: TargetForm,
    pub(super) new: TargetForm,
    pub(super) space: Space,
    /// The trust domain that clients are written with.
    domain: &'t str,
    /// Why answers may change although no policy does.
    reasons: &'t Reasons,
    /// What is granted or revoked is described apart for each of these.
    pub(super) differing: Vec<Differing>,
}

/// A policy that is not the same on both sides.
pub(super) struct Differing {
    /// None where the policy is in both meshes and says the same: then it is for others on one side.
    responsible: Option<Responsible>,
    /// The requests that it matches on one side and not on the other, as far as that may be.
    region: Region,
    /// It is an ALLOW policy where there was none before, or is none after: its being there alone
    /// changes answers.
    alone: bool,
}

impl<'a> Comparer<'a> {
    /// Prepares two meshes. Clients are who they are by namespace and service account: where trust
    /// domains differ, those of the new mesh are written as if of the old one's.
    pub(super) fn new(old: &'a Analysis, new: &'a Analysis, among: Among) -> Self {
        let mut before = Side::new(old);
        let mut after = Side::in_domain(new, before.domain);
        if among == Among::Described {
            let described = described(&before.clients.known, &after.clients.known);
            before.among = described.clone();
            after.among = described;
        }
        let reasons = Reasons::of_change(&mut before, &mut after);
        // Paths that both sides leave as they are; the others come later.
        let paths = before.paths.max(after.paths);
        (before.paths, after.paths) = (paths, paths);
        Comparer {
            old: before,
            new: after,
            reasons,
            found: Diff {
                equivalent: true,
                ..Diff::default()
            },
        }
    }

    /// Compares a target and notes what cannot be compared.
    pub(super) fn compare(
        &mut self,
        target: &Target,
        text: &str,
        before: Option<Place>,
        after: Option<Place>,
    ) {
        if let Err(gap) = self.target(target, text, before, after) {
            self.old.note(&gap);
            self.found.equivalent = false;
            self.found.not_compared.push(NotCompared {
                to: ToJson::from(target),
                why: gap.message(),
                help: "narrow it: compare fewer policies on this target, or write them with fewer \
                       overlapping patterns",
            });
        }
    }

    fn target(
        &mut self,
        target: &Target,
        text: &str,
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
        let sides = (&self.old, &self.new);
        let forms = (self.old.form(&old_cells), self.new.form(&new_cells));
        let (mut both, x, y) = Both::solve(target, text, sides, forms, &[], &self.reasons)?;
        let granted = both.space.regions.and(x.denied, y.allowed)?;
        let revoked = both.space.regions.and(x.allowed, y.denied)?;
        let granted = both.changes(granted, true, None)?;
        let revoked = both.changes(revoked, false, None)?;
        self.found.equivalent &= granted.is_empty() && revoked.is_empty();
        self.found.granted.extend(granted);
        self.found.revoked.extend(revoked);
        let has_unknown = both.old.has_unknown() || both.new.has_unknown();
        let unknown = if has_unknown {
            let with_unsaid = || {
                let forms = (
                    self.old.form_with_unsaid(&old_cells),
                    self.new.form_with_unsaid(&new_cells),
                );
                let open = forms.0.has_unknown() || forms.1.has_unknown();
                let plain = (&both.old, &both.new);
                let more = [plain.0, plain.1];
                let (mut all, x, y) =
                    Both::solve(target, text, sides, forms, &more, &self.reasons)?;
                let before = plain.0.verdict(&mut all.space, &all_present)?;
                let after = plain.1.verdict(&mut all.space, &all_present)?;
                let settled = all.settled(before, after)?;
                Ok(all.unknown(x, y, settled, open)?)
            };
            match with_unsaid() {
                Err(Gap::TooComplex) => None,
                found => Some(found?),
            }
        } else {
            None
        };
        let unknown = match unknown {
            Some(found) => found,
            None => {
                let settled = both.settled(x, y)?;
                both.unknown(x, y, settled, has_unknown)?
            }
        };
        if let Some(unknown) = unknown {
            self.found.equivalent = false;
            self.found.unknown.push(unknown);
        }
        let found = paths::changes(&mut self.old, &self.new, &mut both)?;
        self.found.equivalent &= found.complete;
        self.found.granted.extend(found.granted);
        self.found.revoked.extend(found.revoked);
        if !found.complete {
            self.found.not_compared.push(NotCompared {
                to: ToJson::from(target),
                why: paths::text(&self.old, &self.new),
                help: "compare with one path normalisation, and the two normalisations apart",
            });
        }
        Ok(())
    }
}

/// Requests of clients that either side describes and of those without identity, with methods that
/// are in common use.
fn described(old: &[String], new: &[String]) -> Condition {
    let is = |field: Field, text: &str| Condition::Is(field, Values::Glob(Glob::exact(text)));
    let mut clients = vec![Condition::Is(Field::Client, Values::NoIdentity)];
    for identity in old.iter().chain(new) {
        clients.push(is(Field::Client, identity));
    }
    let methods = METHODS.iter().map(|method| is(Field::Method, method));
    all(vec![any(clients), any(methods.collect())])
}

/// The policies that are not the same on both sides.
pub(super) fn differing<'a>(
    before: &Side<'a>,
    after: &Side<'a>,
    both: &mut Both<'_>,
) -> Result<Vec<Differing>, TooComplex> {
    let old_names = named(before, &both.old);
    let new_names = named(after, &both.new);
    let mut names: Vec<&str> = old_names
        .iter()
        .chain(&new_names)
        .map(|(name, ..)| *name)
        .collect();
    crate::order::sort(&mut names);
    names.dedup();
    let mut found = Vec::new();
    for name in names {
        let of = |list: &[(&str, u32, Effect)]| {
            let at = list.iter().find(|(other, ..)| *other == name);
            at.map(|(_, number, effect)| (*number, *effect))
        };
        let (old, new) = (of(&old_names), of(&new_names));
        let form = |side: &Side<'a>, number: u32| {
            let held = side.held(number)?;
            Some((&held.ztunnel, &held.http, &held.tcp, held.doubts))
        };
        let same_elsewhere = |side: &Side<'a>, number: u32, other: &Side<'a>| {
            let mine = side.held(number).and_then(|held| says(side, held));
            mine.is_some() && mine == other.named(name).and_then(|held| says(other, held))
        };
        let change = match (old, new) {
            (None, Some((new, _))) if same_elsewhere(after, new, before) => "",
            (Some((old, _)), None) if same_elsewhere(before, old, after) => "",
            (None, _) => "added",
            (_, None) => "removed",
            (Some((old, _)), Some((new, _))) if form(before, old) == form(after, new) => {
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
        let (mut gone, mut come) = (regions.minus(x, y)?, regions.minus(y, x)?);
        let asks = |side: &Side<'a>, one: Option<(u32, Effect)>| {
            let policy = side.held(one?.0)?.http.as_ref()?;
            policy.asks.clone()
        };
        if asks(before, old) != asks(after, new) {
            // Another service may answer otherwise wherever it is asked.
            (gone, come) = (x, y);
        }
        let is_allow = |one: Option<(u32, Effect)>| matches!(one, Some((_, Effect::Allow)));
        found.push(Differing {
            responsible: (!change.is_empty()).then(|| Responsible {
                policy: name.to_owned(),
                change,
            }),
            region: regions.or(gone, come)?,
            alone: is_allow(old) && !has_allow_at_each(&both.new)
                || is_allow(new) && !has_allow_at_each(&both.old),
        });
    }
    Ok(found)
}

/// What a written policy says.
fn says(side: &Side<'_>, held: &Held) -> Option<String> {
    match held.origin {
        Origin::Written(at) => side.analysis.mesh.policies.get(at).map(fingerprint),
        _ => None,
    }
}

/// The policies of a form: name, place, what they do. Those that istiod adds are no reasons.
fn named<'s>(side: &Side<'s>, form: &TargetForm) -> Vec<(&'s str, u32, Effect)> {
    let mut found = Vec::new();
    for point in points(form) {
        for (policy, number) in point.policies.iter().zip(&point.held) {
            if let Some(held) = side.held(*number)
                && !matches!(held.origin, Origin::AutoAllow(_) | Origin::Undeclared)
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

impl<'t> Both<'t> {
    /// Both sides, and what they answer.
    fn solve<'a: 't>(
        target: &'t Target,
        text: &'t str,
        (before, after): (&Side<'a>, &Side<'a>),
        (old, new): (TargetForm, TargetForm),
        more: &[&TargetForm],
        reasons: &'t Reasons,
    ) -> Result<(Self, Verdict, Verdict), Gap> {
        let host = host(target);
        let forms: Vec<&TargetForm> = [&old, &new].iter().chain(more).copied().collect();
        let mut space = space(before, &forms, &[], &[&host])?;
        let x = old.verdict(&mut space, &all_present)?;
        let y = new.verdict(&mut space, &all_present)?;
        let mut both = Both {
            target,
            text,
            old,
            new,
            space,
            domain: before.domain,
            reasons,
            differing: Vec::new(),
        };
        both.differing = differing(before, after, &mut both)?;
        Ok((both, x, y))
    }

    /// A region as changes; of requests with one path, where that is given and the region is one of
    /// requests without.
    pub(super) fn changes(
        &mut self,
        region: Region,
        granted: bool,
        path: Option<&str>,
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
            for (cube, mut access) in parts {
                let sets: Vec<(u32, &[u32])> = cube
                    .iter()
                    .map(|(level, set)| (*level, set.as_slice()))
                    .collect();
                let part = self.space.regions.cube(&sets)?;
                if let Some(path) = path {
                    access.paths = Some(Texts {
                        any: vec![path.to_owned()],
                        ..Texts::default()
                    });
                }
                found.extend(self.change(part, access, via, granted, path)?);
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
        path: Option<&str>,
    ) -> Result<Option<Change>, TooComplex> {
        let Some(mut example) = self.space.example(region) else {
            return Ok(None);
        };
        if let Some(path) = path {
            example.path = Some(path.to_owned());
        }
        let mut policies = Vec::new();
        for one in &self.differing {
            if one.alone || !self.space.regions.and(one.region, region)?.is_none() {
                policies.extend(one.responsible.clone());
            }
        }
        if policies.is_empty() {
            policies.extend(
                self.differing
                    .iter()
                    .filter_map(|one| one.responsible.clone()),
            );
        }
        let reasons = self.reasons.of(self.target, &access, policies.is_empty());
        let text = format!(
            "{} {} {} to {}{}",
            access.clients_text(),
            if granted { "may now" } else { "may no longer" },
            access.request_text(),
            self.text,
            match via {
                Via::Waypoint => ", through its waypoint",
                _ => "",
            }
        );
        let request = witness::request(self.domain, self.target, &example);
        Ok(Some(Change {
            to: ToJson::from(self.target),
            also_to: Vec::new(),
            via: via.name(),
            access,
            text,
            policies,
            reasons,
            given: Vec::new(),
            witness: Json(RequestJson::from(&request)),
        }))
    }

    /// The requests that both sides answer for certain.
    fn settled(&mut self, x: Verdict, y: Verdict) -> Result<Region, TooComplex> {
        let regions = &mut self.space.regions;
        let before = regions.or(x.allowed, x.denied)?;
        let after = regions.or(y.allowed, y.denied)?;
        regions.and(before, after)
    }

    /// Where something is not known and may have changed: the answer was, or is, known on one side
    /// only; or it is another if something is so that the input does not say; or it depends on both
    /// sides, and a way answers otherwise or a policy that changed may match. Nothing is said of
    /// requests that are settled. Where not all that is unknown is a field, `open`, whatever depends may
    /// have changed.
    fn unknown(
        &mut self,
        x: Verdict,
        y: Verdict,
        settled: Region,
        open: bool,
    ) -> Result<Option<Unknown>, TooComplex> {
        let regions = &mut self.space.regions;
        let (known_old, known_new) = (
            regions.or(x.allowed, x.denied)?,
            regions.or(y.allowed, y.denied)?,
        );
        let changed = [
            regions.minus(known_old, known_new)?,
            regions.minus(known_new, known_old)?,
            regions.and(x.denied, y.allowed)?,
            regions.and(x.allowed, y.denied)?,
        ];
        let changed = regions.any(&changed)?;
        let mut found = regions.minus(changed, settled)?;
        if found.is_none() {
            let neither = regions.not(known_old)?;
            let changed: Vec<Region> = self.differing.iter().map(|one| one.region).collect();
            let changed = regions.any(&changed)?;
            found = regions.and(neither, changed)?;
            if found.is_none() && open {
                found = neither;
            }
            if found.is_none() && !neither.is_none() {
                let ways = self.other_ways()?;
                found = self.space.regions.and(neither, ways)?;
            }
        }
        let Some(example) = self.space.example(found) else {
            return Ok(None);
        };
        let request = witness::request(self.domain, self.target, &example);
        Ok(Some(Unknown {
            to: ToJson::from(self.target),
            text: format!(
                "some answers for {} depend on what the input does not say, and may have changed",
                self.text
            ),
            given: Vec::new(),
            witness: Json(RequestJson::from(&request)),
        }))
    }

    /// Requests that are answered otherwise on some way, whatever the order of the ways.
    fn other_ways(&mut self) -> Result<Region, TooComplex> {
        let old = self.old.solve(&mut self.space)?.ways(&mut self.space)?;
        let new = self.new.solve(&mut self.space)?.ways(&mut self.space)?;
        let sorted = |ways: &[WayVerdict]| {
            let mut ways = ways.to_vec();
            crate::order::sort(&mut ways);
            ways.dedup();
            ways
        };
        if sorted(&old) == sorted(&new) {
            return Ok(Region::NONE);
        }
        let none = WayVerdict::NOBODYS;
        let regions = &mut self.space.regions;
        let mut found = Vec::new();
        for at in 0..old.len().max(new.len()) {
            let (a, b) = (old.get(at).unwrap_or(&none), new.get(at).unwrap_or(&none));
            if a.waypoint != b.waypoint {
                found.push(regions.or(a.taken, b.taken)?);
            }
            for (a, b) in [
                (a.taken, b.taken),
                (a.allowed, b.allowed),
                (a.denied, b.denied),
            ] {
                found.push(regions.minus(a, b)?);
                found.push(regions.minus(b, a)?);
            }
        }
        regions.any(&found)
    }
}
