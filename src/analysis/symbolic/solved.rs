//! The policies at a target, solved, and what they let through.

use super::region::Region;
use super::solve::PointForm;
use super::space::{Holds, Space};
use super::strings::TooComplex;
use super::verdict::{Solved, Verdict, at_point, in_turn};
use crate::analysis::rules::Effect;

/// A target in one mesh, solved.
#[derive(Debug)]
pub struct SolvedForm {
    /// Whose requests, on which ports; and the points of each way.
    pub(super) cells: Vec<(Region, Vec<Vec<SolvedPoint>>)>,
}

/// What is answered on one of the ways that requests may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WayVerdict {
    /// It leads through a waypoint.
    pub waypoint: bool,
    /// The requests that may take it.
    pub taken: Region,
    /// Those of them that it allows.
    pub allowed: Region,
    /// Those that it denies.
    pub denied: Region,
}

#[derive(Debug)]
pub(super) struct SolvedPoint {
    /// With their places among [`crate::analysis::points::Points::held`].
    policies: Vec<(u32, Solved)>,
    stale: bool,
    waypoint: bool,
}

impl WayVerdict {
    /// Nobody takes it.
    pub const NOBODYS: WayVerdict = WayVerdict {
        waypoint: false,
        taken: Region::NONE,
        allowed: Region::NONE,
        denied: Region::NONE,
    };
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

    /// The verdict on each way apart: how requests are answered that get more than one answer.
    pub fn ways(&self, space: &mut Space) -> Result<Vec<WayVerdict>, TooComplex> {
        // By place, and whether it leads through a waypoint. Requests of other cells are others.
        let mut found: Vec<[Option<WayVerdict>; 2]> = Vec::new();
        for (guard, chains) in &self.cells {
            for (at, chain) in chains.iter().enumerate() {
                let one = of_way(chain, space, &all_present)?;
                let way = WayVerdict {
                    waypoint: chain.iter().any(|point| point.waypoint),
                    taken: *guard,
                    allowed: space.regions.and(one.allowed, *guard)?,
                    denied: space.regions.and(one.denied, *guard)?,
                };
                if at == found.len() {
                    found.push([None, None]);
                }
                let slots = found.get_mut(at);
                let slot = slots.and_then(|both| both.get_mut(usize::from(way.waypoint)));
                if let Some(slot) = slot {
                    *slot = Some(match *slot {
                        Some(known) => WayVerdict {
                            waypoint: way.waypoint,
                            taken: space.regions.or(known.taken, way.taken)?,
                            allowed: space.regions.or(known.allowed, way.allowed)?,
                            denied: space.regions.or(known.denied, way.denied)?,
                        },
                        None => way,
                    });
                }
            }
        }
        Ok(found.into_iter().flatten().flatten().collect())
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
        let way = of_way(chain, space, present)?;
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

fn of_way(
    chain: &[SolvedPoint],
    space: &mut Space,
    present: &dyn Fn(u32) -> Presence,
) -> Result<Verdict, TooComplex> {
    let mut points = Vec::with_capacity(chain.len());
    for point in chain {
        points.push(point.verdict(space, present)?);
    }
    in_turn(space, &points)
}

impl PointForm {
    pub(super) fn solve(&self, space: &mut Space) -> Result<SolvedPoint, TooComplex> {
        let mut policies = Vec::with_capacity(self.policies.len());
        for (policy, number) in self.policies.iter().zip(&self.held) {
            policies.push((*number, policy.solve(space)?));
        }
        Ok(SolvedPoint {
            policies,
            stale: self.stale,
            waypoint: self.waypoint,
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
                    exists: Holds {
                        surely: Region::NONE,
                        ..policy.exists
                    },
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
