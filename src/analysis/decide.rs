//! How one enforcement point decides.

use super::matching::{Seen, Truth, policy_matches};
use super::points::{Attached, Layer, Origin, Points};
use super::rules::Effect;
use super::verdict::{Doubts, Verdict};
use crate::mesh::Mesh;

pub use super::ways::{Answer, Step, Via, Way};

/// A mesh made ready to be asked, once for all requests.
#[derive(Debug)]
pub struct Analysis {
    /// What there is.
    pub mesh: Mesh,
    /// Who enforces what.
    pub points: Points,
}

/// Why an enforcement point answers as it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// No policy is attached that could refuse.
    NothingAttached,
    /// An ALLOW policy matches.
    Matched,
    /// A DENY policy matches.
    Refused,
    /// ALLOW policies are attached and none matches.
    NoMatch,
    /// It depends.
    Doubtful,
    /// Envoy answers 400 before it asks any policy.
    BadRequest,
    /// The Service has no such port.
    NoSuchPort,
}

/// What an enforcement point answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The answer.
    pub verdict: Verdict,
    /// What it depends on.
    pub doubts: Doubts,
    /// The deciding policy, by its place in [`Points::held`].
    pub policy: Option<u32>,
    /// Its rule.
    pub rule: Option<usize>,
    /// Why.
    pub why: Why,
}

impl Outcome {
    pub(super) fn certain(verdict: Verdict, why: Why) -> Outcome {
        Outcome {
            verdict,
            doubts: Doubts::NONE,
            policy: None,
            rule: None,
            why,
        }
    }

    pub(super) fn doubtful(doubts: Doubts) -> Outcome {
        Outcome {
            doubts,
            ..Outcome::certain(Verdict::Depends, Why::Doubtful)
        }
    }
}

impl Analysis {
    /// Makes a mesh ready. The costly part: everything is converted and attached here.
    pub fn new(mesh: Mesh) -> Analysis {
        let points = Points::new(&mesh);
        Analysis { mesh, points }
    }

    /// CUSTOM (an external service: the answer *depends*, unless DENY or ALLOW refuse anyway), then
    /// DENY (any match denies), then ALLOW: none attached → allowed; some attached → allowed only if
    /// one matches.
    pub fn evaluate(
        &self,
        layer: Layer,
        tcp: bool,
        attached: &[Attached],
        seen: &Seen<'_>,
    ) -> Outcome {
        if let Some(one) = self.points.unloadable_at(layer, attached) {
            return Outcome {
                policy: Some(one.policy),
                ..Outcome::doubtful(Doubts::UNLOADABLE | one.doubts)
            };
        }
        // Whose service is asked, and what whether it is depends on.
        let mut custom: Option<(u32, Doubts)> = None;
        let mut denied = Truth::No;
        let mut allowed = Truth::No;
        let mut certain_allow = false;
        // A policy that may not be there: one that matches counts only with what is in doubt.
        let mut doubtful_match = Doubts::NONE;
        let mut doubtful_miss = Doubts::NONE;
        let mut matched: Option<(u32, usize)> = None;
        // The first of those that may not be there and would decide.
        let mut perhaps: Option<u32> = None;
        for one in attached {
            let held = self.points.held.get(one.policy as usize);
            let Some(policy) = held.and_then(|held| held.at(layer, tcp)) else {
                continue;
            };
            let (truth, rule) = policy_matches(policy, seen);
            let sure = one.doubts.is_empty();
            let written = held.is_some_and(|held| matches!(held.origin, Origin::Written(_)));
            if !sure && written && perhaps.is_none() && truth != Truth::No {
                perhaps = Some(one.policy);
            }
            match policy.effect {
                Effect::Custom => {
                    let unsure = match truth {
                        Truth::No => continue,
                        Truth::Yes => one.doubts,
                        Truth::Unknown(doubts) => doubts | one.doubts,
                    };
                    custom = Some(match custom {
                        Some((policy, other)) if other.is_empty() => (policy, other),
                        Some((policy, other)) if !unsure.is_empty() => (policy, other | unsure),
                        _ => (one.policy, unsure),
                    });
                }
                Effect::Deny => {
                    if truth == Truth::Yes && sure {
                        return Outcome {
                            policy: Some(one.policy),
                            rule,
                            ..Outcome::certain(Verdict::Denied, Why::Refused)
                        };
                    }
                    denied = denied.or(match truth {
                        Truth::No => Truth::No,
                        Truth::Yes => Truth::Unknown(one.doubts),
                        Truth::Unknown(doubts) => Truth::Unknown(doubts | one.doubts),
                    });
                }
                Effect::Allow if sure => {
                    certain_allow = true;
                    if truth == Truth::Yes && matched.is_none() {
                        matched = rule.map(|rule| (one.policy, rule));
                    }
                    allowed = allowed.or(truth);
                }
                Effect::Allow => match truth {
                    // Where it is not there, it neither allows nor, as the only one, denies.
                    Truth::Yes => doubtful_match |= one.doubts,
                    Truth::No => doubtful_miss |= one.doubts,
                    Truth::Unknown(doubts) => {
                        doubtful_match |= one.doubts | doubts;
                        doubtful_miss |= one.doubts | doubts;
                    }
                },
            }
        }
        let allowed = match (certain_allow, allowed) {
            (true, Truth::Yes) => Truth::Yes,
            (true, other) if doubtful_match.is_empty() => other,
            (true, Truth::Unknown(doubts)) => Truth::Unknown(doubts | doubtful_match),
            (true, Truth::No) => Truth::Unknown(doubtful_match),
            (false, _) if doubtful_miss.is_empty() => Truth::Yes,
            (false, _) => Truth::Unknown(doubtful_miss | doubtful_match),
        };
        match (denied.negated().and(allowed), custom) {
            (Truth::No, _) => Outcome::certain(Verdict::Denied, Why::NoMatch),
            (Truth::Unknown(doubts), None) => Outcome {
                policy: perhaps,
                ..Outcome::doubtful(doubts)
            },
            (Truth::Unknown(doubts), Some((policy, unsure))) => Outcome {
                policy: Some(policy),
                ..Outcome::doubtful(doubts | unsure | Doubts::CUSTOM)
            },
            (Truth::Yes, Some((policy, unsure))) => Outcome {
                policy: Some(policy),
                ..Outcome::doubtful(unsure | Doubts::CUSTOM)
            },
            (Truth::Yes, None) => Outcome {
                policy: matched.map(|(policy, _)| policy),
                rule: matched.map(|(_, rule)| rule),
                ..Outcome::certain(
                    Verdict::Allowed,
                    if matched.is_some() {
                        Why::Matched
                    } else {
                        Why::NothingAttached
                    },
                )
            },
        }
    }
}
