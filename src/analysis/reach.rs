//! Who may reach whom: every target's allowed requests, described.

use super::decide::{Analysis, Via};
use super::points::Origin;
use super::request::Target;
use super::rules::Effect;
use super::symbolic::describe::Access;
use super::symbolic::region::Region;
use super::symbolic::routes::{Cell, Target as Place};
use super::symbolic::solve::{Gap, Side, all_present, space};
use super::symbolic::witness::ToJson;
use crate::order::order;
use crate::text::to_json;
use serde::Serialize;

/// No more descriptions than this are made for one way to one target.
const MAX_PARTS: usize = 40;

/// Who may reach whom.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reach {
    /// Allowed requests, target by target: Services, then pods by their own addresses.
    pub rows: Vec<Row>,
    /// Targets without an exact answer.
    pub not_solved: Vec<NotSolved>,
}

/// Requests that are allowed, or may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The target.
    pub to: ToJson,
    /// Pods of which the very same holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also_to: Vec<ToJson>,
    /// How the requests come to it: `waypoint`, `service` or `pod`.
    pub via: &'static str,
    /// Whether they are allowed depends on something that the input does not say.
    pub depends: bool,
    /// Which requests.
    #[serde(flatten)]
    pub access: Access,
    /// Who, in words.
    pub who: String,
    /// What they may do, in words.
    pub what: String,
    /// The ALLOW policies that match some of them; none: nothing is needed.
    pub policies: Vec<String>,
}

/// A target without an exact answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotSolved {
    /// The target.
    pub to: ToJson,
    /// One lower-case sentence.
    pub why: String,
}

/// Finds all access in a mesh.
pub fn reach(analysis: &Analysis) -> Reach {
    let side = Side::new(analysis);
    let mut found = Reach::default();
    let mesh = &analysis.mesh;
    for (at, service) in mesh.services.iter().enumerate() {
        let target = Target::Service {
            namespace: service.namespace.clone(),
            name: service.name.clone(),
        };
        add(&side, &target, &side.cells(Place::Service(at)), &mut found);
    }
    // Pods that meet the same policies are one row with several targets.
    let mut seen: Vec<(Vec<Cell<'_>>, std::ops::Range<usize>)> = Vec::new();
    let attached: Vec<Vec<u32>> = (0..mesh.workloads.len())
        .map(|at| {
            let attached = analysis.points.workloads.get(at).into_iter().flatten();
            attached.map(|one| one.policy).collect()
        })
        .collect();
    let alike = order(attached.len(), &|left, right| {
        attached.get(left).cmp(&attached.get(right))
    });
    let mut last = None;
    for at in alike {
        let Some(workload) = mesh.workloads.get(at) else {
            continue;
        };
        let target = Target::Pod {
            namespace: workload.namespace.clone(),
            name: workload.name.clone(),
        };
        let cells = side.cells(Place::Workload(at));
        let policies = attached.get(at);
        // Only pods with the same policies attached can be alike; they are neighbours here.
        if last != policies {
            seen.clear();
        }
        last = policies;
        let alike = seen
            .iter()
            .find(|(known, _)| side.same(known, &side, &cells));
        if let Some((_, rows)) = alike {
            for row in found.rows.get_mut(rows.clone()).unwrap_or_default() {
                row.also_to.push(ToJson::from(&target));
            }
            continue;
        }
        let from = found.rows.len();
        add(&side, &target, &cells, &mut found);
        seen.push((cells, from..found.rows.len()));
    }
    found
}

impl Reach {
    /// As JSON text.
    pub fn json(&self) -> String {
        to_json(self).unwrap_or_default()
    }
}

fn add(side: &Side<'_>, target: &Target, cells: &[Cell<'_>], found: &mut Reach) {
    let from = found.rows.len();
    if let Err(gap) = rows(side, target, cells, &mut found.rows) {
        side.note(&gap);
        found.rows.truncate(from);
        found.not_solved.push(NotSolved {
            to: ToJson::from(target),
            why: gap.message(),
        });
    }
}

fn rows(
    side: &Side<'_>,
    target: &Target,
    cells: &[Cell<'_>],
    rows: &mut Vec<Row>,
) -> Result<(), Gap> {
    let form = side.form(cells);
    let mut solved = space(side, &[&form], &[], &[])?;
    let found = form.solve(&mut solved)?;
    let verdict = found.verdict(&mut solved, &all_present)?;
    let decided = solved.regions.or(verdict.allowed, verdict.denied)?;
    let open = solved.regions.not(decided)?;
    let (allows, matched): (Vec<u32>, Vec<Region>) = found
        .matching(&mut solved, Effect::Allow)?
        .into_iter()
        .unzip();
    for via in [Via::Waypoint, Via::Service, Via::Pod] {
        let guards = form.cells.iter().zip(found.guards());
        let guards: Vec<Region> = guards
            .filter(|(cell, _)| cell.via == via)
            .map(|(_, guard)| guard)
            .collect();
        let guard = solved.regions.any(&guards)?;
        for (region, depends) in [(verdict.allowed, false), (open, true)] {
            let here = solved.regions.and(region, guard)?;
            if here.is_none() {
                continue;
            }
            let (parts, complete) = solved.describe(here, MAX_PARTS);
            let mut made = Vec::with_capacity(parts.len());
            for (cube, access) in parts {
                let matching = solved.regions.meeting(&cube, &matched)?;
                let mut policies = Vec::new();
                for (number, matches) in allows.iter().zip(matching) {
                    if matches {
                        policies.extend(name(side, *number));
                    }
                }
                // Those that nobody knows have one name.
                policies.dedup();
                made.push((access, policies));
            }
            for (access, policies) in made {
                rows.push(row(target, via, depends, access, policies));
            }
            if !complete && let Some(row) = rows.last_mut() {
                row.what.push_str(", and more of the same");
            }
        }
    }
    Ok(())
}

fn row(target: &Target, via: Via, depends: bool, access: Access, policies: Vec<String>) -> Row {
    Row {
        to: ToJson::from(target),
        also_to: Vec::new(),
        via: via.name(),
        depends,
        // A sentence may set its subject off by a comma; a table has none.
        who: access.clients_text().trim_end_matches(',').to_owned(),
        what: access.request_text(),
        access,
        policies,
    }
}

fn name(side: &Side<'_>, number: u32) -> Option<String> {
    let held = side.held(number)?;
    (held.origin != Origin::Strict).then(|| held.id.clone())
}
