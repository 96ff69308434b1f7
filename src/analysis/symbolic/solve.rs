//! The verdict on every request to a target, as regions.

use super::axis::Partitions;
use super::condition::Question;
use super::forwarded;
use super::intervals::Range;
use super::lower::{self, View};
use super::region::{DEFAULT_WORK, Region};
use super::routes::{Cell, Clients, Point, Ports, Target, cells};
pub use super::solved::{Presence, SolvedForm, all_present};
use super::space::{Condition, Setting, Space};
use super::strings::TooComplex;
use super::universe::PathMode;
use super::verdict::{Enforced, Verdict};
use crate::analysis::decide::{Analysis, Via};
use crate::analysis::points::{Attached, Held, Layer, Origin};
use crate::analysis::rules::{Effect, Policy};
use crate::analysis::verdict::Doubts;
use crate::map::Index;
use crate::mesh::{PathNormalization, Settings};
use std::cell::{Cell as Counter, OnceCell};

/// Why there is no exact answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// The work would be too much.
    TooComplex,
    /// A kind of condition that is not solved.
    Unsupported(&'static str),
}

impl From<TooComplex> for Gap {
    fn from(_: TooComplex) -> Gap {
        Gap::TooComplex
    }
}

impl Gap {
    /// One lower-case sentence.
    pub fn message(&self) -> String {
        match self {
            Gap::TooComplex => "too complex to be solved exactly".to_owned(),
            Gap::Unsupported(why) => (*why).to_owned(),
        }
    }
}

/// A mesh whose targets can be solved.
#[derive(Debug)]
pub struct Side<'a> {
    /// The mesh.
    pub analysis: &'a Analysis,
    /// Its clients.
    pub clients: Clients,
    /// The trust domain that clients are written with: the mesh's own, or that of a mesh that it is
    /// compared with.
    pub domain: &'a str,
    /// Which requests are asked about.
    pub among: Condition,
    /// Which paths there are.
    pub paths: PathMode,
    /// How many targets were too complex.
    given_up: Counter<u32>,
    /// What the classes of texts are, of the clients as they are when the first target is solved.
    partitions: Partitions,
    /// The policies by name.
    names: OnceCell<Index<'static>>,
}

/// A policy at a point, as a condition.
#[derive(Debug, Clone)]
pub struct PointForm {
    /// The policies, in the order in which they are asked.
    pub policies: Vec<Enforced>,
    /// Their places among [`crate::analysis::points::Points::held`].
    pub held: Vec<u32>,
    /// Nothing is known: Envoy refuses the configuration and keeps the one that it had before.
    pub stale: bool,
    /// It is a waypoint's.
    pub waypoint: bool,
}

/// A cell as conditions.
#[derive(Debug, Clone)]
pub struct CellForm {
    /// Whose requests, on which ports.
    pub guard: Condition,
    /// How they come.
    pub via: Via,
    /// The points of each way.
    pub chains: Vec<Vec<PointForm>>,
}

/// A target in one mesh as conditions. Of a target that is not there: no cells.
#[derive(Debug, Clone, Default)]
pub struct TargetForm {
    /// The cells; whatever is in none is denied.
    pub cells: Vec<CellForm>,
    /// The ports that requests can be sent to, in ascending order; all where empty.
    pub ports: Vec<Range>,
}

impl<'a> Side<'a> {
    /// Prepares a mesh.
    pub fn new(analysis: &'a Analysis) -> Self {
        Side::in_domain(analysis, &analysis.mesh.settings.trust_domain)
    }

    /// The same, with clients written as if of another trust domain: a client is who it is by its
    /// namespace and service account.
    pub fn in_domain(analysis: &'a Analysis, domain: &'a str) -> Self {
        Side {
            analysis,
            clients: Clients::in_domain(analysis, domain),
            domain,
            among: Condition::Always,
            paths: path_mode(&analysis.mesh.settings),
            given_up: Counter::new(0),
            partitions: Partitions::default(),
            names: OnceCell::new(),
        }
    }

    /// Takes notice of a target that was not solved.
    pub fn note(&self, gap: &Gap) {
        if matches!(gap, Gap::TooComplex) {
            self.given_up.set(self.given_up.get().saturating_add(1));
        }
    }

    /// What may be spent on a target: less and less after a few that were too complex, for hundreds
    /// of such would take minutes and be answered no better.
    fn work(&self) -> usize {
        let beyond = self.given_up.get().saturating_sub(PATIENCE);
        DEFAULT_WORK >> beyond.min(8)
    }

    /// The ways to a target.
    pub fn cells(&self, target: Target) -> Vec<Cell<'a>> {
        cells(self.analysis, &self.clients, target)
    }

    /// The ways to a target as conditions.
    pub fn form(&self, cells: &[Cell<'a>]) -> TargetForm {
        self.form_with(cells, false)
    }

    /// The same, where each thing that the input does not say is a field of its own: what two meshes
    /// do whatever it is can be compared so. Where it does not say of many policies whether they are
    /// there, that stays unknown.
    pub fn form_with_unsaid(&self, cells: &[Cell<'a>]) -> TargetForm {
        self.form_with(cells, true)
    }

    fn form_with(&self, cells: &[Cell<'a>], unsaid: bool) -> TargetForm {
        let mut form = self.ways(cells);
        let mut perhaps = unsaid.then(Vec::new);
        for (cell, form) in cells.iter().zip(&mut form.cells) {
            for chain in &cell.chains {
                let mut points = Vec::with_capacity(chain.len());
                for point in chain {
                    points.push(self.point(point, &mut perhaps));
                }
                form.chains.push(points);
            }
        }
        form
    }

    /// The same without the points on them.
    pub fn ways(&self, cells: &[Cell<'_>]) -> TargetForm {
        let mut form = TargetForm::default();
        let mut all_ports = false;
        for cell in cells {
            match cell.ports {
                Ports::Only(port) => form.ports.push(super::intervals::port(port)),
                Ports::AllBut(_) => all_ports = true,
            }
            form.cells.push(CellForm {
                guard: lower::all(vec![
                    cell.clients.clone(),
                    cell.ports.condition(),
                    self.among.clone(),
                ]),
                via: cell.via,
                chains: Vec::with_capacity(cell.chains.len()),
            });
        }
        crate::order::sort(&mut form.ports);
        form.ports.dedup();
        if all_ports {
            form.ports.clear();
        }
        form
    }

    /// What a point sees.
    pub fn view(&self, point: &Point<'a>) -> View<'a> {
        View {
            trust_domain: &self.analysis.mesh.settings.trust_domain,
            domain: self.domain,
            presented: point.presented.clone(),
            port: point.port,
            peer: point.peer,
            destination: point.destination,
            looker: point.layer.name(),
            forwarded_unknown: point.layer == Layer::Gateway,
            unsaid: false,
        }
    }

    /// `perhaps` are the questions so far whether a policy is there or a service refuses; none, where they
    /// are not asked.
    fn point(&self, point: &Point<'a>, perhaps: &mut Option<Vec<(Question, String)>>) -> PointForm {
        let view = View {
            unsaid: perhaps.is_some(),
            ..self.view(point)
        };
        let mut form = PointForm {
            policies: Vec::new(),
            held: Vec::new(),
            stale: point.stale,
            waypoint: point.layer == Layer::Waypoint,
        };
        for (one, policy) in self.enforced(point) {
            let mut enforced = Enforced {
                effect: policy.effect,
                matches: lower::policy(&view, policy),
                exists: match perhaps {
                    _ if one.doubts.is_empty() => Condition::Always,
                    None => Condition::Unknown,
                    Some(known) => {
                        let of = self.whether(one, point.layer);
                        ask(known, Question::Exists, of)
                    }
                },
            };
            if let (Effect::Custom, Some(known)) = (policy.effect, &mut *perhaps) {
                // Whom its service refuses it denies.
                let of = policy.asks.clone().unwrap_or_default();
                let refuses = ask(known, Question::Refuses, of);
                enforced.effect = Effect::Deny;
                enforced.exists = lower::all(vec![enforced.exists, refuses]);
            }
            form.policies.push(enforced);
            form.held.push(one.policy);
        }
        form
    }

    /// What a policy's being there depends on; nothing, where it is there for certain.
    fn whether(&self, one: &Attached, layer: Layer) -> String {
        let Some(held) = self.held(one.policy).filter(|_| !one.doubts.is_empty()) else {
            return String::new();
        };
        let policy = match held.origin {
            Origin::Written(at) => self.analysis.mesh.policies.get(at),
            _ => None,
        };
        let Some(policy) = policy else {
            // Of policies that nobody knows one that matches, one that does not, or both may be there.
            let rules = held.http.as_ref().map_or(0, |policy| policy.rules.len());
            return format!("{} {rules} {:?} {}", held.id, one.doubts, layer.name());
        };
        let mut labels = policy.selector.clone().unwrap_or_default();
        crate::order::sort(&mut labels);
        if one.doubts == Doubts::WORKLOAD {
            // Whether a selector fits pods that nobody describes is the same for all policies.
            return format!("{labels:?}");
        }
        format!("{} {labels:?} {:?} {:?}", held.id, policy.when, one.doubts)
    }

    /// The policies that a point enforces.
    fn enforced<'p>(
        &'p self,
        point: &'p Point<'_>,
    ) -> impl Iterator<Item = (&'p Attached, &'p Policy)> {
        let held = &self.analysis.points.held;
        point.attached.iter().filter_map(move |one| {
            let policy = held.get(one.policy as usize)?.at(point.layer, point.tcp)?;
            Some((one, policy))
        })
    }

    /// The policy of a name, attached or not.
    pub fn named(&self, id: &str) -> Option<&'a Held> {
        let names = self.names.get_or_init(|| {
            let mut names = Index::default();
            for (at, held) in self.analysis.points.held.iter().enumerate() {
                names.get_or_insert(held.id.clone().into(), at);
            }
            names
        });
        self.analysis.points.held.get(names.get(id)?)
    }

    /// What a policy is called.
    pub fn held(&self, number: u32) -> Option<&'a Held> {
        self.analysis.points.held.get(number as usize)
    }

    /// Whether a target's ways are the same in two meshes, policies included, whatever their order:
    /// then so are all answers.
    pub fn same(&self, mine: &[Cell<'_>], other: &Side<'_>, theirs: &[Cell<'_>]) -> bool {
        let settings = |side: &Side<'_>| {
            let settings = &side.analysis.mesh.settings;
            (settings.trust_domain.clone(), settings.path_normalization)
        };
        mine.len() == theirs.len()
            && settings(self) == settings(other)
            && mine.iter().zip(theirs).all(|(a, b)| {
                a.clients == b.clients
                    && a.ports == b.ports
                    && a.via == b.via
                    && self.same_chains(&a.chains, other, &b.chains)
            })
    }

    /// Pods are in the order of the input, which is not to matter.
    fn same_chains(
        &self,
        mine: &[Vec<Point<'_>>],
        other: &Side<'_>,
        theirs: &[Vec<Point<'_>>],
    ) -> bool {
        let same = |a: &[Point<'_>], b: &[Point<'_>]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.same_point(a, other, b))
        };
        let in_order = mine.len() == theirs.len()
            && mine
                .iter()
                .zip(theirs)
                .all(|(mine, theirs)| same(mine, theirs));
        let few = mine.len().max(theirs.len()) <= FEW_CHAINS;
        in_order
            || few
                && mine
                    .iter()
                    .all(|mine| theirs.iter().any(|one| same(mine, one)))
                && theirs
                    .iter()
                    .all(|theirs| mine.iter().any(|one| same(one, theirs)))
    }

    /// What a point enforces: name, place, and what its being there depends on.
    fn by_name<'p>(&'p self, point: &'p Point<'_>) -> Vec<(&'p str, u32, String)> {
        let mut found: Vec<(&str, u32, String)> = Vec::new();
        for (one, _) in self.enforced(point) {
            let id = self.held(one.policy).map_or("", |held| &held.id);
            found.push((id, one.policy, self.whether(one, point.layer)));
        }
        crate::order::sort(&mut found);
        found
    }

    fn same_point(&self, a: &Point<'_>, other: &Side<'_>, b: &Point<'_>) -> bool {
        if (a.layer, a.tcp, &a.presented, a.port) != (b.layer, b.tcp, &b.presented, b.port)
            || (a.peer, a.destination, a.stale) != (b.peer, b.destination, b.stale)
        {
            return false;
        }
        let (left, right) = (self.by_name(a), other.by_name(b));
        left.len() == right.len()
            && left.iter().zip(&right).all(|(x, y)| {
                let policy = |side: &Side<'a>, number| side.held(number)?.at(a.layer, a.tcp);
                let theirs = other.held(y.1).and_then(|held| held.at(b.layer, b.tcp));
                x.0 == y.0 && x.2 == y.2 && policy(self, x.1) == theirs
            })
    }
}

impl TargetForm {
    fn conditions<'f>(&'f self, all: &mut Vec<&'f Condition>) {
        for cell in &self.cells {
            all.push(&cell.guard);
            for point in cell.chains.iter().flatten() {
                for policy in &point.policies {
                    all.extend([&policy.matches, &policy.exists]);
                }
            }
        }
    }

    /// Whether a policy looks at something that the input does not say, is perhaps not there, or asks
    /// somebody else.
    pub fn has_unknown(&self) -> bool {
        let mut policies = points(self).flat_map(|point| &point.policies);
        policies.any(|policy| {
            let is_unknown = policy.matches.has_unknown() || policy.exists.has_unknown();
            is_unknown || policy.effect == Effect::Custom
        })
    }

    /// The same with one way for each cell that has so many.
    pub fn only_way(&self, way: usize) -> TargetForm {
        let mut cells = Vec::new();
        for cell in &self.cells {
            cells.extend(cell.chains.get(way).map(|chain| CellForm {
                guard: cell.guard.clone(),
                via: cell.via,
                chains: vec![chain.clone()],
            }));
        }
        TargetForm {
            cells,
            ports: self.ports.clone(),
        }
    }

    /// How many ways requests may take, at most.
    pub fn many_ways(&self) -> usize {
        let many = self.cells.iter().map(|cell| cell.chains.len());
        many.max().unwrap_or(0)
    }

    /// The verdict on every request, of the policies that `present` says are there.
    pub fn verdict(
        &self,
        space: &mut Space,
        present: &dyn Fn(u32) -> Presence,
    ) -> Result<Verdict, TooComplex> {
        self.solve(space)?.verdict(space, present)
    }

    /// Finds the requests that each policy matches, for many verdicts on some of them.
    pub fn solve(&self, space: &mut Space) -> Result<SolvedForm, TooComplex> {
        let mut cells = Vec::with_capacity(self.cells.len());
        for cell in &self.cells {
            let guard = space.holds(&cell.guard)?.surely;
            let mut chains = Vec::with_capacity(cell.chains.len());
            for chain in &cell.chains {
                let mut points = Vec::with_capacity(chain.len());
                for point in chain {
                    points.push(point.solve(space)?);
                }
                chains.push(points);
            }
            cells.push((guard, chains));
        }
        Ok(SolvedForm { cells })
    }
}

/// The points of all ways.
pub fn points(form: &TargetForm) -> impl Iterator<Item = &PointForm> {
    form.cells
        .iter()
        .flat_map(|cell| cell.chains.iter().flatten())
}

/// What a policy may match, at any point.
pub fn matched(form: &TargetForm, space: &mut Space, number: u32) -> Result<Region, TooComplex> {
    let mut found = Vec::new();
    for cell in &form.cells {
        let guard = space.holds(&cell.guard)?.surely;
        for point in cell.chains.iter().flatten() {
            for (policy, other) in point.policies.iter().zip(&point.held) {
                if *other == number {
                    let holds = space.holds(&policy.matches)?;
                    found.push(space.regions.and(holds.maybe, guard)?);
                }
            }
        }
    }
    space.regions.any(&found)
}

/// How paths are normalised, as the universe of paths has it.
pub fn path_mode(settings: &Settings) -> PathMode {
    match settings.path_normalization {
        PathNormalization::None => PathMode::None,
        PathNormalization::Base => PathMode::Base,
        PathNormalization::MergeSlashes => PathMode::MergeSlashes,
        PathNormalization::DecodeAndMergeSlashes => PathMode::DecodeAndMergeSlashes,
    }
}

/// So many ways are compared each with each.
const FEW_CHAINS: usize = 16;

/// One more question, unless there are too many.
fn ask(known: &mut Vec<(Question, String)>, what: Question, of: String) -> Condition {
    let question = (what.clone(), of.clone());
    if !known.contains(&question) {
        if known.len() == MAX_PERHAPS {
            return Condition::Unknown;
        }
        known.push(question);
    }
    lower::unsaid(what, of)
}

/// So many questions whether policies are there, and whom services refuse, are asked at once: each doubles what there is to know.
const MAX_PERHAPS: usize = 6;

/// So many targets may be too complex before less is spent on each.
const PATIENCE: u32 = 4;

/// The space of some forms of one target, with conditions of one's own.
pub fn space(
    side: &Side<'_>,
    forms: &[&TargetForm],
    more: &[&Condition],
    hosts: &[&str],
) -> Result<Space, Gap> {
    let mut conditions: Vec<&Condition> = more.to_vec();
    let mut ports: Vec<Range> = Vec::new();
    let mut all_ports = false;
    for form in forms {
        form.conditions(&mut conditions);
        all_ports |= form.ports.is_empty() && !form.cells.is_empty();
        ports.extend_from_slice(&form.ports);
    }
    crate::order::sort(&mut ports);
    ports.dedup();
    if all_ports {
        ports.clear();
    }
    let clients: Vec<&str> = side
        .clients
        .known
        .iter()
        .take(8)
        .map(String::as_str)
        .collect();
    let setting = Setting {
        ports: &ports,
        clients: &clients,
        absent: &side.clients.absent,
        hosts,
        known: Some(&side.partitions),
        work: side.work(),
        ..Setting::new(side.domain, side.paths)
    };
    if forwarded::is_mixed(&conditions) {
        return Err(Gap::Unsupported(forwarded::MIXED));
    }
    Ok(Space::new(&setting, &conditions)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::Mesh;

    #[test]
    fn less_is_spent_after_targets_that_were_too_complex() {
        let analysis = Analysis::new(Mesh::default());
        let side = Side::new(&analysis);
        for _ in 0..PATIENCE {
            assert_eq!(side.work(), DEFAULT_WORK);
            side.note(&Gap::Unsupported(""));
            side.note(&Gap::TooComplex);
        }
        assert_eq!(side.work(), DEFAULT_WORK);
        side.note(&Gap::TooComplex);
        assert_eq!(side.work(), DEFAULT_WORK / 2);
        for _ in 0..100 {
            side.note(&Gap::TooComplex);
        }
        assert_eq!(side.work(), DEFAULT_WORK / 256);
    }
}
