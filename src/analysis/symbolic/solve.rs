//! The verdict on every request to a target, as regions.

use super::axis::Partitions;
use super::forwarded;
use super::intervals::Range;
use super::lower::{self, View};
use super::region::{DEFAULT_WORK, Region};
use super::routes::{Cell, Clients, Point, Ports, Target, cells};
use super::space::{Condition, Setting, Space};
use super::strings::TooComplex;
use super::universe::PathMode;
use super::verdict::{Enforced, Solved, Verdict, at_point, in_turn};
use crate::analysis::decide::{Analysis, Via};
use crate::analysis::points::{Held, Layer};
use crate::analysis::rules::{Effect, Policy};
use crate::mesh::{PathNormalization, Settings};
use std::cell::Cell as Counter;

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
    pub fn form(&self, cells: &[Cell<'_>]) -> TargetForm {
        self.form_with(cells, false)
    }

    /// The same, where each thing that the input does not say is a field of its own: what two meshes
    /// do whatever it is can be compared so.
    pub fn form_with_unsaid(&self, cells: &[Cell<'_>]) -> TargetForm {
        self.form_with(cells, true)
    }

    fn form_with(&self, cells: &[Cell<'_>], unsaid: bool) -> TargetForm {
        let mut form = self.ways(cells);
        for (cell, form) in cells.iter().zip(&mut form.cells) {
            for (way, chain) in cell.chains.iter().enumerate() {
                let mut points = Vec::with_capacity(chain.len());
                for point in chain {
                    points.push(self.point(point, unsaid.then_some(way)));
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
    pub fn view(&self, point: &Point<'_>) -> View<'a> {
        View {
            trust_domain: &self.analysis.mesh.settings.trust_domain,
            domain: self.domain,
            presented: point.presented.clone(),
            port: point.port,
            peer: point.peer,
            destination: point.destination,
            forwarded_unknown: point.layer == Layer::Gateway,
            unsaid: None,
        }
    }

    fn point(&self, point: &Point<'_>, unsaid: Option<usize>) -> PointForm {
        let view = View {
            unsaid,
            ..self.view(point)
        };
        let mut form = PointForm {
            policies: Vec::new(),
            held: Vec::new(),
            stale: point.stale,
        };
        for (number, policy, conditional) in self.enforced(point) {
            form.policies.push(Enforced {
                effect: policy.effect,
                matches: lower::policy(&view, policy),
                conditional,
            });
            form.held.push(number);
        }
        form
    }

    /// The policies that a point enforces: place, policy, and whether its being there is in doubt.
    fn enforced<'p>(
        &'p self,
        point: &'p Point<'_>,
    ) -> impl Iterator<Item = (u32, &'p Policy, bool)> {
        let held = &self.analysis.points.held;
        point.attached.iter().filter_map(move |one| {
            let policy = held.get(one.policy as usize)?.at(point.layer, point.tcp)?;
            Some((one.policy, policy, !one.doubts.is_empty()))
        })
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

    /// What a point enforces: name, place, and whether its being there is in doubt.
    fn by_name<'p>(&'p self, point: &'p Point<'_>) -> Vec<(&'p str, u32, bool)> {
        let mut found: Vec<(&str, u32, bool)> = Vec::new();
        for (number, _, doubt) in self.enforced(point) {
            found.push((self.held(number).map_or("", |held| &held.id), number, doubt));
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
                all.extend(point.policies.iter().map(|policy| &policy.matches));
            }
        }
    }

    /// Whether a policy looks at something that the input does not say.
    pub fn has_unknown(&self) -> bool {
        let mut policies = points(self).flat_map(|point| &point.policies);
        policies.any(|policy| policy.matches.has_unknown())
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

/// A target in one mesh, solved.
#[derive(Debug)]
pub struct SolvedForm {
    /// Whose requests, on which ports; and the points of each way.
    cells: Vec<(Region, Vec<Vec<SolvedPoint>>)>,
}

#[derive(Debug)]
struct SolvedPoint {
    /// With their places among [`crate::analysis::points::Points::held`].
    policies: Vec<(u32, Solved)>,
    stale: bool,
}

impl SolvedForm {
    /// The verdict on every request, of the policies that `present` says are there.
    pub fn verdict(
        &self,
        space: &mut Space,
        present: &dyn Fn(u32) -> Presence,
    ) -> Result<Verdict, TooComplex> {
        let mut allowed = Vec::with_capacity(self.cells.len());
        let mut open = Vec::with_capacity(self.cells.len());
        for (guard, chains) in &self.cells {
            let verdict = of_ways(chains, space, present)?;
            allowed.push(space.regions.and(verdict.allowed, *guard)?);
            open.push(space.regions.minus(*guard, verdict.denied)?);
        }
        let open = space.regions.any(&open)?;
        Ok(Verdict {
            allowed: space.regions.any(&allowed)?,
            denied: space.regions.not(open)?,
        })
    }

    /// Whose requests each cell is for, and on which ports.
    pub fn guards(&self) -> impl Iterator<Item = Region> {
        self.cells.iter().map(|(guard, _)| *guard)
    }

    /// The policies of an effect, as they come first, and what each may match at any point.
    pub fn matching(
        &self,
        space: &mut Space,
        effect: Effect,
    ) -> Result<Vec<(u32, Region)>, TooComplex> {
        let mut found: Vec<(u32, Region)> = Vec::new();
        // By policy, where it is in `found`.
        let mut places: Vec<(u32, usize)> = Vec::new();
        for (guard, chains) in &self.cells {
            let policies = chains.iter().flatten().flat_map(|point| &point.policies);
            for (number, policy) in policies.filter(|(_, policy)| policy.effect == effect) {
                let here = space.regions.and(policy.holds.maybe, *guard)?;
                match places.binary_search_by(|(known, _)| known.cmp(number)) {
                    Ok(place) => {
                        let place = places.get(place).and_then(|(_, at)| found.get_mut(*at));
                        if let Some((_, region)) = place {
                            *region = space.regions.or(*region, here)?;
                        }
                    }
                    Err(place) => {
                        places.insert(place, (*number, found.len()));
                        found.push((*number, here));
                    }
                }
            }
        }
        Ok(found)
    }
}

/// Where the ways that a request may take differ, it depends.
fn of_ways(
    chains: &[Vec<SolvedPoint>],
    space: &mut Space,
    present: &dyn Fn(u32) -> Presence,
) -> Result<Verdict, TooComplex> {
    let mut whole: Option<Verdict> = None;
    for chain in chains {
        let mut points = Vec::with_capacity(chain.len());
        for point in chain {
            points.push(point.verdict(space, present)?);
        }
        let way = in_turn(space, &points)?;
        whole = Some(match whole {
            None => way,
            Some(other) => Verdict {
                allowed: space.regions.and(other.allowed, way.allowed)?,
                denied: space.regions.and(other.denied, way.denied)?,
            },
        });
    }
    Ok(whole.unwrap_or(Verdict::UNKNOWN))
}

impl PointForm {
    fn solve(&self, space: &mut Space) -> Result<SolvedPoint, TooComplex> {
        let mut policies = Vec::with_capacity(self.policies.len());
        for (policy, number) in self.policies.iter().zip(&self.held) {
            policies.push((*number, policy.solve(space)?));
        }
        Ok(SolvedPoint {
            policies,
            stale: self.stale,
        })
    }
}

impl SolvedPoint {
    fn verdict(
        &self,
        space: &mut Space,
        present: &dyn Fn(u32) -> Presence,
    ) -> Result<Verdict, TooComplex> {
        if self.stale {
            return Ok(Verdict::UNKNOWN);
        }
        let mut kept: Vec<Solved> = Vec::with_capacity(self.policies.len());
        for (number, policy) in &self.policies {
            match present(*number) {
                Presence::Gone => {}
                Presence::There => kept.push(*policy),
                Presence::Perhaps => kept.push(Solved {
                    conditional: true,
                    ..*policy
                }),
            }
        }
        at_point(space, &kept)
    }
}

/// Whether a policy is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is not.
    Gone,
    /// It is, as far as the input says so.
    There,
    /// Either; then the verdict holds for both.
    Perhaps,
}

/// Every policy is there.
pub fn all_present(_: u32) -> Presence {
    Presence::There
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
