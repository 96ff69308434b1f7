//! Whether the states that writing a change goes through are safe.
//!
//! A change is written in phases with a barrier between them; within a phase writes go out
//! together, or one by one. Every state in between is some subset of a phase's writes. Whether any of
//! them can do harm is asked of all at once: each policy that is written may be there or not. Where
//! that does not settle it, subsets are looked at: all of a few writes, of many those that are most
//! likely to show it.

mod writes;

use super::decide::Analysis;
use super::diff::{Json, target_text};
use super::request::Target;
use super::symbolic::region::Region;
use super::symbolic::routes::{Cell, Target as Place};
use super::symbolic::solve::{
    Gap, PointForm, Presence, Side, SolvedForm, TargetForm, points, space,
};
use super::symbolic::space::{Example, Space};
use super::symbolic::strings::TooComplex;
use super::symbolic::verdict::Verdict;
use super::symbolic::witness::{self, RequestJson, ToJson};
use crate::istio::policy::{Action, AuthorizationPolicy};
use crate::mesh::Mesh;
use crate::text::to_json;
use serde::Serialize;
use writes::{Plan, Step};

/// Of no more writes to one target than these is every subset looked at.
const MAX_SUBSETS: usize = 6;

/// One write.
#[derive(Debug, Clone)]
pub enum Write {
    /// Creates a policy, or replaces the one of its name.
    Put(Box<AuthorizationPolicy>),
    /// Takes a policy out.
    Delete {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// Writes between two barriers.
#[derive(Debug, Clone, Default)]
pub struct Phase {
    /// What it is called.
    pub title: String,
    /// They go out one by one, in this order; otherwise together.
    pub one_by_one: bool,
    /// The writes.
    pub writes: Vec<Write>,
}

/// What is wrong with a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Harm {
    /// It allows what neither the old nor the new policies allow.
    Exposes,
    /// Whether it does cannot be told.
    Unproven,
    /// It denies what both allow.
    Interrupts,
}

/// A state that does harm.
#[derive(Debug, Clone, Serialize)]
pub struct Moment {
    /// What harm.
    pub harm: Harm,
    /// The target.
    pub to: ToJson,
    /// When, in words.
    pub when: String,
    /// One sentence.
    pub text: String,
    /// A request that shows it, as `explain` reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<Json>,
}

/// What is known about the states of a change.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Safety {
    /// Proven: no state allows what neither the old nor the new policies allow.
    pub safe: bool,
    /// States that do harm, the first of each kind for each target.
    pub moments: Vec<Moment>,
}

impl Safety {
    /// As JSON text.
    pub fn json(&self) -> String {
        to_json(self).unwrap_or_default()
    }
}

/// Examines the states of a change. The mesh has the old policies; the new ones are what all
/// writes leave.
pub fn prove(mesh: &Mesh, phases: &[Phase]) -> Safety {
    let mut mesh = mesh.clone();
    let mut plan = Plan::of(&mut mesh, phases);
    let analysis = Analysis::new(mesh);
    plan.loads = (0u32..)
        .zip(&analysis.points.held)
        .any(|(number, held)| held.unloadable.is_some() && plan.writes_any(&[number]));
    let side = Side::new(&analysis);
    let mut safety = Safety {
        safe: true,
        ..Safety::default()
    };
    let services = (0..analysis.mesh.services.len()).map(Place::Service);
    let workloads = (0..analysis.mesh.workloads.len()).map(Place::Workload);
    // What was found out about ways to a target holds for every target with such ways.
    let mut known: Vec<Known<'_>> = Vec::new();
    for place in services.chain(workloads) {
        let Some(target) = named(&analysis.mesh, place) else {
            continue;
        };
        let cells = side.cells(place);
        let mut points = cells.iter().flat_map(|cell| cell.chains.iter().flatten());
        let is_concerned = plan.touches(&cells) || plan.loads && points.any(|point| point.stale);
        if !is_concerned {
            continue;
        }
        if !known.iter().any(|(ways, _)| *ways == cells) {
            let found = examine(&side, &plan, &cells);
            if let Err(gap) = &found {
                side.note(gap);
            }
            if known.len() >= ALIKE {
                known.clear();
            }
            known.push((cells.clone(), found));
        }
        let found = known.iter().rfind(|(ways, _)| *ways == cells);
        let moments: Vec<Moment> = match found.map(|(_, found)| found) {
            Some(Ok(found)) => found
                .iter()
                .map(|one| one.moment(&target, &analysis.mesh.settings.trust_domain))
                .collect(),
            Some(Err(gap)) => vec![Moment {
                harm: Harm::Unproven,
                to: ToJson::from(&target),
                when: String::new(),
                text: format!(
                    "the states of {} are not proven: {}",
                    target_text(&target),
                    gap.message()
                ),
                witness: None,
            }],
            None => Vec::new(),
        };
        safety.safe &= moments.iter().all(|one| one.harm == Harm::Interrupts);
        safety.moments.extend(moments);
    }
    safety
}

/// The ways to a target, and what was found out about them.
type Known<'a> = (Vec<Cell<'a>>, Result<Vec<Found>, Gap>);

/// The ways to a target are compared with so many others, so that many different ones cost no more
/// than their number.
const ALIKE: usize = 16;

fn named(mesh: &Mesh, place: Place) -> Option<Target> {
    Some(match place {
        Place::Service(at) => {
            let one = mesh.services.get(at)?;
            Target::Service {
                namespace: one.namespace.clone(),
                name: one.name.clone(),
            }
        }
        Place::Workload(at) => {
            let one = mesh.workloads.get(at)?;
            Target::Pod {
                namespace: one.namespace.clone(),
                name: one.name.clone(),
            }
        }
    })
}

impl Write {
    /// `NAMESPACE/NAME` of the policy.
    fn id(&self) -> String {
        match self {
            Write::Put(policy) => policy.id(),
            Write::Delete { namespace, name } => format!("{namespace}/{name}"),
        }
    }
}

/// What is wrong at some moment, of whichever target.
struct Found {
    harm: Harm,
    when: String,
    /// What the answer depends on, where it is not known.
    unknown: &'static str,
    example: Example,
}

/// Why nothing is proven where [`Point::stale`](super::symbolic::routes::Point::stale).
const STALE: &str = "what one of its proxies enforces is not known: Envoy refuses a policy and keeps the \
     configuration before, or a gateway's listener may carry other than HTTP";
/// Why nothing is proven where too much is perhaps.
const PERHAPS: &str = "of too many policies the input does not say whether they are there";

struct Examiner {
    form: SolvedForm,
    /// The versions at the target, in ascending order; a state says of each whether it is there.
    versions: Vec<usize>,
    space: Space,
    /// Denied by the old and the new policies alike.
    closed: Region,
    /// Allowed by both.
    open: Region,
    found: Vec<Found>,
}

fn examine<'a>(side: &Side<'a>, plan: &Plan, cells: &[Cell<'a>]) -> Result<Vec<Found>, Gap> {
    let form = side.form(cells);
    let loads = |point: &PointForm| plan.loads || plan.writes_any(&point.held);
    if points(&form).any(|point| point.stale && loads(point)) {
        return Err(Gap::Unsupported(STALE));
    }
    let (has_unknown, many) = (form.has_unknown(), form.many_ways());
    let mut found = examine_form(side, plan, form)?;
    let opens = |one: &Found| one.harm != Harm::Interrupts;
    if !(has_unknown || many > 1) || found.iter().any(opens) {
        return Ok(found);
    }
    // Neither policies allow it on the way that it takes, if something is so that the input does not say;
    // and a state does.
    let all = side.form_with_unsaid(cells);
    if all.has_unknown() {
        return Err(Gap::Unsupported(PERHAPS));
    }
    for way in 0..many {
        let more = examine_form(side, plan, all.only_way(way))?;
        if let Some(one) = more.into_iter().find(opens) {
            found.push(Found {
                harm: Harm::Unproven,
                ..one
            });
            break;
        }
    }
    Ok(found)
}

fn examine_form(side: &Side<'_>, plan: &Plan, form: TargetForm) -> Result<Vec<Found>, Gap> {
    let mut here: Vec<usize> = points(&form)
        .flat_map(|point| point.held.iter().map(|number| *number as usize))
        .collect();
    crate::order::sort(&mut here);
    here.dedup();
    let phases = plan.concerning(&here);
    if phases.is_empty() {
        return Ok(Vec::new());
    }
    let mut solved = space(side, &[&form], &[], &[])?;
    let mut state = plan.first(&here);
    let form = form.solve(&mut solved)?;
    let old = verdict(&form, &mut solved, &here, &state)?;
    let new = verdict(&form, &mut solved, &here, &plan.last(&here))?;
    let mut examiner = Examiner {
        form,
        versions: here,
        closed: solved.regions.and(old.denied, new.denied)?,
        open: solved.regions.and(old.allowed, new.allowed)?,
        space: solved,
        found: Vec::new(),
    };
    for (title, one_by_one, steps) in phases {
        if one_by_one {
            for step in steps {
                examiner.apply(&mut state, &[step]);
                examiner.look(&state, title, &[step])?;
            }
            continue;
        }
        let doubt = examiner.doubt(&state, &steps)?;
        if !doubt.is_empty() {
            for subset in subsets(&steps) {
                let mut between = state.clone();
                examiner.apply(&mut between, &subset);
                examiner.look(&between, title, &subset)?;
            }
            if steps.len() > MAX_SUBSETS {
                examiner.leave_open(&doubt, title);
            }
        }
        examiner.apply(&mut state, &steps);
    }
    Ok(examiner.found)
}

/// The verdict where only some versions are there.
fn verdict(
    form: &SolvedForm,
    space: &mut Space,
    versions: &[usize],
    state: &[Presence],
) -> Result<Verdict, TooComplex> {
    form.verdict(space, &|number| {
        let at = versions.binary_search(&(number as usize));
        let found = at.ok().and_then(|at| state.get(at));
        found.copied().unwrap_or(Presence::There)
    })
}

/// The subsets of writes whose states are looked at.
fn subsets<'s>(steps: &[&'s Step]) -> Vec<Vec<&'s Step>> {
    let many = steps.len();
    if many <= MAX_SUBSETS {
        let pick = |mask: usize| {
            let chosen = steps
                .iter()
                .enumerate()
                .filter(|(at, _)| mask >> at & 1 == 1);
            chosen.map(|(_, step)| *step).collect()
        };
        return (1..1usize << many).map(pick).collect();
    }
    let mut found = vec![steps.to_vec()];
    // What opens without what closes, and the other way round.
    for opens in [true, false] {
        let kind = |step: &&&Step| {
            let adds = step.put.is_some();
            step.out.is_some() && adds || (adds == (step.action == Action::Allow)) == opens
        };
        found.push(steps.iter().filter(kind).copied().collect());
    }
    // The first ALLOW of a target closes it, and the last that goes opens it.
    for (at, step) in steps.iter().enumerate() {
        let mut but = steps.to_vec();
        but.remove(at);
        found.push(but);
        found.push(vec![step]);
    }
    found
}

/// Requests that some state of a phase may expose, or interrupt.
struct Doubt {
    exposed: Region,
    cut: Region,
}

impl Doubt {
    fn is_empty(&self) -> bool {
        self.exposed.is_none() && self.cut.is_none()
    }
}

impl Examiner {
    fn apply(&self, state: &mut [Presence], steps: &[&Step]) {
        for step in steps {
            self.mark(state, step.out, Presence::Gone);
            self.mark(state, step.put, Presence::There);
        }
    }

    fn mark(&self, state: &mut [Presence], version: Option<usize>, presence: Presence) {
        let at = version.and_then(|version| self.versions.binary_search(&version).ok());
        if let Some(slot) = at.and_then(|at| state.get_mut(at)) {
            *slot = presence;
        }
    }

    /// What writes that go out together may do, in whichever order.
    fn doubt(&mut self, state: &[Presence], steps: &[&Step]) -> Result<Doubt, TooComplex> {
        let mut any = state.to_vec();
        for step in steps {
            self.mark(&mut any, step.out, Presence::Perhaps);
            self.mark(&mut any, step.put, Presence::Perhaps);
        }
        let all = verdict(&self.form, &mut self.space, &self.versions, &any)?;
        let regions = &mut self.space.regions;
        Ok(Doubt {
            exposed: regions.minus(self.closed, all.denied)?,
            cut: regions.minus(self.open, all.allowed)?,
        })
    }

    /// Says of a phase whose subsets are too many that it may expose something, where none of those
    /// that were looked at does.
    fn leave_open(&mut self, doubt: &Doubt, title: &str) {
        if self.found.iter().any(|one| one.harm != Harm::Interrupts) {
            return;
        }
        if let Some(example) = self.space.example(doubt.exposed) {
            self.found.push(Found {
                harm: Harm::Unproven,
                when: format!("{title}: in between"),
                unknown: "the order in which they are made, and there are too many orders",
                example,
            });
        }
    }

    fn look(&mut self, state: &[Presence], title: &str, steps: &[&Step]) -> Result<(), TooComplex> {
        let now = verdict(&self.form, &mut self.space, &self.versions, state)?;
        let regions = &mut self.space.regions;
        let exposed = regions.and(now.allowed, self.closed)?;
        let maybe = regions.minus(self.closed, now.denied)?;
        let maybe = regions.minus(maybe, exposed)?;
        let cut = regions.and(now.denied, self.open)?;
        for (harm, region) in [
            (Harm::Exposes, exposed),
            (Harm::Unproven, maybe),
            (Harm::Interrupts, cut),
        ] {
            if region.is_none() || self.found.iter().any(|one| one.harm == harm) {
                continue;
            }
            let Some(example) = self.space.example(region) else {
                continue;
            };
            let mut writes: Vec<&str> = steps
                .iter()
                .take(3)
                .map(|step| step.text.as_str())
                .collect();
            if steps.len() > 3 {
                writes.push("…");
            }
            self.found.push(Found {
                harm,
                when: format!("{title}: after {}", writes.join(", ")),
                unknown: "what the input does not say",
                example,
            });
        }
        Ok(())
    }
}

impl Found {
    fn moment(&self, target: &Target, trust_domain: &str) -> Moment {
        let request = witness::request(trust_domain, target, &self.example);
        let to = target_text(target);
        let text = match self.harm {
            Harm::Exposes => {
                format!("{to} is open to requests that neither the old nor the new policies allow")
            }
            Harm::Unproven => format!(
                "whether {to} is open to more than the old and the new policies allow depends on {}",
                self.unknown
            ),
            Harm::Interrupts => {
                format!("{to} is closed to requests that both the old and the new policies allow")
            }
        };
        Moment {
            harm: self.harm,
            to: ToJson::from(target),
            when: self.when.clone(),
            text,
            witness: Some(Json(RequestJson::from(&request))),
        }
    }
}
