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
    /// Whether it is there.
    pub exists: Condition,
}

/// The same, solved.
#[derive(Debug, Clone, Copy)]
pub struct Solved {
    /// What it does.
    pub effect: Effect,
    /// The requests that it matches.
    pub holds: Holds,
    /// The requests for which it is there: all, unless that depends on what the input does not say.
    pub exists: Holds,
}

impl Enforced {
    /// Finds the requests that it matches.
    pub fn solve(&self, space: &mut Space) -> Result<Solved, TooComplex> {
        Ok(Solved {
            effect: self.effect,
            holds: space.holds(&self.matches)?,
            exists: space.holds(&self.exists)?,
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
    let (mut certain, mut some) = (false, Region::NONE);
    for one in policies.iter().filter(|one| one.effect == Effect::Allow) {
        certain |= one.exists.surely == Region::ALL;
        some = space.regions.or(some, one.exists.surely)?;
    }
    let (mut surely, mut maybe) = (allow.surely, allow.maybe);
    if !certain {
        // There may be none.
        let each = matches_of_all(space, policies)?;
        surely = space.regions.or(surely, each)?;
        let none = space.regions.not(some)?;
        maybe = space.regions.or(maybe, none)?;
    }
    let open = space.regions.minus(surely, deny.maybe)?;
    let refused = space.regions.not(maybe)?;
    Ok(Verdict {
        allowed: space.regions.minus(open, custom.maybe)?,
        denied: space.regions.or(refused, deny.surely)?,
    })
}

/// A request that every ALLOW policy matches which may be there is allowed whichever of them are; so is
/// one when none is.
fn matches_of_all(space: &mut Space, policies: &[Solved]) -> Result<Region, TooComplex> {
    let mut all = Region::ALL;
    for one in policies.iter().filter(|one| one.effect == Effect::Allow) {
        let missed = space.regions.minus(one.exists.maybe, one.holds.surely)?;
        all = space.regions.minus(all, missed)?;
    }
    Ok(all)
}

/// The requests that some policy of an effect matches.
fn of_effect(space: &mut Space, policies: &[Solved], effect: Effect) -> Result<Holds, TooComplex> {
    let mut surely = Vec::new();
    let mut maybe = Vec::new();
    for one in policies.iter().filter(|one| one.effect == effect) {
        surely.push(space.regions.and(one.holds.surely, one.exists.surely)?);
        maybe.push(space.regions.and(one.holds.maybe, one.exists.maybe)?);
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
