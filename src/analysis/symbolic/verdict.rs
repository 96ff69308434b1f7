//! What an enforcement point, and a chain of them, lets through.

use super::region::Region;
use super::space::{Condition, Holds, Space};
use super::strings::TooComplex;
use crate::analysis::rules::Effect;

/// A policy at an enforcement point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enforced {
    /// What it does.
    pub effect: Effect,
    /// When it matches.
    pub matches: Condition,
    /// It exists only under a condition that the input cannot decide.
    pub conditional: bool,
}

/// The same, solved.
#[derive(Debug, Clone, Copy)]
pub struct Solved {
    /// What it does.
    pub effect: Effect,
    /// The requests that it matches.
    pub holds: Holds,
    /// It exists only under a condition that the input cannot decide.
    pub conditional: bool,
}

impl Enforced {
    /// Finds the requests that it matches.
    pub fn solve(&self, space: &mut Space) -> Result<Solved, TooComplex> {
        Ok(Solved {
            effect: self.effect,
            holds: space.holds(&self.matches)?,
            conditional: self.conditional,
        })
    }
}

/// The requests that are certainly allowed, and those that are certainly denied. What is in
/// neither depends on something that the input does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Allowed, whatever else.
    pub allowed: Region,
    /// Denied, whatever else.
    pub denied: Region,
}

impl Verdict {
    /// Nothing enforces anything.
    pub const ALLOWED: Verdict = Verdict {
        allowed: Region::ALL,
        denied: Region::NONE,
    };
    /// Nothing gets there.
    pub const DENIED: Verdict = Verdict {
        allowed: Region::NONE,
        denied: Region::ALL,
    };
    /// Nothing is known.
    pub const UNKNOWN: Verdict = Verdict {
        allowed: Region::NONE,
        denied: Region::NONE,
    };
}

/// CUSTOM (an external service: the answer depends, unless DENY or ALLOW refuse anyway), then DENY
/// (any match denies), then ALLOW: none attached, allowed; some attached, allowed only if one
/// matches.
pub fn at_point(space: &mut Space, policies: &[Solved]) -> Result<Verdict, TooComplex> {
    let custom = of_effect(space, policies, Effect::Custom)?;
    let deny = of_effect(space, policies, Effect::Deny)?;
    let allow = of_effect(space, policies, Effect::Allow)?;
    let attached = |conditional: bool| {
        policies
            .iter()
            .any(|one| one.effect == Effect::Allow && one.conditional == conditional)
    };
    // Without any ALLOW policy that certainly exists, there may be none.
    let (surely, maybe) = match (attached(false), attached(true)) {
        (false, false) => (Region::ALL, Region::ALL),
        (false, true) => (matches_of_all(space, policies)?, Region::ALL),
        (true, _) => (allow.surely, allow.maybe),
    };
    let open = space.regions.minus(surely, deny.maybe)?;
    let refused = space.regions.not(maybe)?;
    Ok(Verdict {
        allowed: space.regions.minus(open, custom.maybe)?,
        denied: space.regions.or(refused, deny.surely)?,
    })
}

/// Where every ALLOW policy is conditional, a request that all of them match is allowed whichever
/// of them exist; so is one when none exists.
fn matches_of_all(space: &mut Space, policies: &[Solved]) -> Result<Region, TooComplex> {
    let mut all = Region::ALL;
    for one in policies.iter().filter(|one| one.effect == Effect::Allow) {
        all = space.regions.and(all, one.holds.surely)?;
    }
    Ok(all)
}

/// The requests that some policy of an effect matches.
fn of_effect(space: &mut Space, policies: &[Solved], effect: Effect) -> Result<Holds, TooComplex> {
    let mut surely = Vec::new();
    let mut maybe = Vec::new();
    for one in policies.iter().filter(|one| one.effect == effect) {
        if !one.conditional {
            surely.push(one.holds.surely);
        }
        maybe.push(one.holds.maybe);
    }
    Ok(Holds {
        surely: space.regions.any(&surely)?,
        maybe: space.regions.any(&maybe)?,
    })
}

/// A request that passes several points must be allowed by all.
pub fn in_turn(space: &mut Space, points: &[Verdict]) -> Result<Verdict, TooComplex> {
    let mut whole = Verdict::ALLOWED;
    for point in points {
        whole.allowed = space.regions.and(whole.allowed, point.allowed)?;
        whole.denied = space.regions.or(whole.denied, point.denied)?;
    }
    Ok(whole)
}

/// One verdict inside a region, another outside it.
pub fn either(
    space: &mut Space,
    inside: Region,
    then: Verdict,
    otherwise: Verdict,
) -> Result<Verdict, TooComplex> {
    let mut pick = |a: Region, b: Region| {
        let a = space.regions.and(a, inside)?;
        let b = space.regions.minus(b, inside)?;
        space.regions.or(a, b)
    };
    Ok(Verdict {
        allowed: pick(then.allowed, otherwise.allowed)?,
        denied: pick(then.denied, otherwise.denied)?,
    })
}
