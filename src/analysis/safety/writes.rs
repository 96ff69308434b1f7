//! The writes of a change by the versions of policies that they take out and put in.

use super::{Phase, Write};
use crate::analysis::symbolic::routes::Cell;
use crate::analysis::symbolic::solve::Presence;
use crate::istio::policy::{Action, AuthorizationPolicy};
use crate::map::Map;
use crate::mesh::Mesh;

/// A write by the versions of policies that it takes out and puts in: places in the mesh.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) out: Option<usize>,
    pub(super) put: Option<usize>,
    pub(super) action: Action,
    pub(super) text: String,
}

/// All versions of all policies are in one mesh; a state says which of them are there.
pub(super) struct Plan {
    /// How many versions there are before any write.
    old: usize,
    phases: Vec<(String, bool, Vec<Step>)>,
    /// Which versions are there in the end.
    last: Vec<bool>,
    /// Which step takes a version out or puts it in, by phase and place; in ascending order.
    writes: Vec<(usize, usize, usize)>,
    /// One of the policies that are written is one for which Envoy refuses its configuration.
    pub(super) loads: bool,
}

impl Plan {
    pub(super) fn of(mesh: &mut Mesh, phases: &[Phase]) -> Plan {
        let old = mesh.policies.len();
        let mut there = vec![true; old];
        // The newest version of each name.
        let known: Vec<String> = mesh.policies.iter().map(AuthorizationPolicy::id).collect();
        let ids: Vec<String> = phases
            .iter()
            .flat_map(|phase| &phase.writes)
            .map(Write::id)
            .collect();
        let mut newest: Map<'_, usize> = Map::new();
        for (at, id) in known.iter().enumerate() {
            newest.insert(id, at);
        }
        let mut ids = ids.iter();
        let mut made = Vec::with_capacity(phases.len());
        for phase in phases {
            let mut steps = Vec::with_capacity(phase.writes.len());
            for write in &phase.writes {
                let id = ids.next().map_or("", String::as_str);
                let current = newest.get(id).copied();
                let out = current.filter(|at| there.get(*at) == Some(&true));
                if let Some(flag) = out.and_then(|at| there.get_mut(at)) {
                    *flag = false;
                }
                let mut action = out
                    .and_then(|at| mesh.policies.get(at))
                    .map_or(Action::Allow, |policy| policy.action);
                let put = match write {
                    Write::Put(policy) => {
                        action = policy.action;
                        let at = mesh.policies.len();
                        mesh.policies.push((**policy).clone());
                        there.push(true);
                        newest.insert(id, at);
                        Some(at)
                    }
                    Write::Delete { .. } => None,
                };
                let verb = match (out, put) {
                    (None, Some(_)) => "creating",
                    (Some(_), Some(_)) => "updating",
                    (_, None) => "deleting",
                };
                steps.push(Step {
                    out,
                    put,
                    action,
                    text: format!("{verb} {} {id}", action.name()),
                });
            }
            made.push((phase.title.clone(), phase.one_by_one, steps));
        }
        let mut writes = Vec::new();
        for (phase, (_, _, steps)) in made.iter().enumerate() {
            for (place, step) in steps.iter().enumerate() {
                let versions = step.out.into_iter().chain(step.put);
                writes.extend(versions.map(|version| (version, phase, place)));
            }
        }
        crate::order::sort(&mut writes);
        Plan {
            old,
            phases: made,
            last: there,
            writes,
            loads: false,
        }
    }
}

impl Plan {
    /// Whether a write concerns a policy on these ways.
    pub(super) fn touches(&self, cells: &[Cell<'_>]) -> bool {
        let mut points = cells.iter().flat_map(|cell| cell.chains.iter().flatten());
        points.any(|point| {
            let mut here = point.attached.iter();
            here.any(|one| self.writes_any(&[one.policy]))
        })
    }

    /// Whether a write concerns one of these policies.
    pub(super) fn writes_any(&self, versions: &[u32]) -> bool {
        let mut versions = versions.iter();
        versions.any(|version| self.writes_of(*version as usize).next().is_some())
    }

    /// The steps that take a version out or put it in, by phase and place.
    fn writes_of(&self, version: usize) -> impl Iterator<Item = (usize, usize)> {
        let from = self.writes.partition_point(|(other, ..)| *other < version);
        let writes = self.writes.get(from..).unwrap_or_default().iter();
        writes
            .take_while(move |(other, ..)| *other == version)
            .map(|(_, phase, place)| (*phase, *place))
    }

    /// The steps that concern these versions, each phase's together, in their order.
    pub(super) fn concerning(&self, versions: &[usize]) -> Vec<(&str, bool, Vec<&Step>)> {
        let mut places: Vec<(usize, usize)> = Vec::new();
        for version in versions {
            places.extend(self.writes_of(*version));
        }
        crate::order::sort(&mut places);
        places.dedup();
        let mut found: Vec<(&str, bool, Vec<&Step>)> = Vec::new();
        let mut last = None;
        for (phase, place) in places {
            let Some((title, one_by_one, steps)) = self.phases.get(phase) else {
                continue;
            };
            if last != Some(phase) {
                found.push((title, *one_by_one, Vec::new()));
                last = Some(phase);
            }
            if let Some((_, _, list)) = found.last_mut() {
                list.extend(steps.get(place));
            }
        }
        found
    }

    /// Those of these versions that are there before any write; what istiod adds always is.
    pub(super) fn first(&self, versions: &[usize]) -> Vec<Presence> {
        let many = self.last.len();
        let is_there = |at: &usize| presence(*at < self.old || *at >= many);
        versions.iter().map(is_there).collect()
    }

    /// Those that are there in the end.
    pub(super) fn last(&self, versions: &[usize]) -> Vec<Presence> {
        let is_there = |at: &usize| presence(self.last.get(*at).copied().unwrap_or(true));
        versions.iter().map(is_there).collect()
    }
}

fn presence(is_there: bool) -> Presence {
    if is_there {
        Presence::There
    } else {
        Presence::Gone
    }
}
