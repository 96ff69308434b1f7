//! Lints that need the whole picture: rules that make no difference, whatever is requested.
//!
//! A rule is judged at every point where its policy is enforced, and reported only if the same holds
//! at all of them.

use super::decide::Analysis;
use super::lint::placed;
use super::points::Origin;
use super::rules::Effect;
use super::symbolic::lower;
use super::symbolic::region::Region;
use super::symbolic::routes::{Cell, Point, Target};
use super::symbolic::solve::{Gap, Side, space};
use super::symbolic::space::{Condition, Holds};
use crate::diagnostic::Diagnostic;
use crate::juju::charm::clip;

/// No request to any of its targets matches the rule.
pub const UNREACHABLE_RULE: &str = "unreachable-rule";
/// DENY policies refuse all that the rule allows.
pub const SHADOWED_RULE: &str = "shadowed-rule";
/// Other rules do all that the rule does.
pub const REDUNDANT_RULE: &str = "redundant-rule";
/// An ALLOW policy with rules lets nothing through.
pub const GRANTS_NOTHING: &str = "grants-nothing";

/// What holds of a rule at every point so far.
#[derive(Debug, Clone, Copy)]
struct Findings {
    met: bool,
    unreachable: bool,
    shadowed: bool,
    redundant: bool,
}

/// A rule at a point: whose it is, and what it matches.
struct RuleAt {
    policy: usize,
    rule: usize,
    effect: Effect,
    holds: Holds,
}

/// The same before it is solved.
struct RuleForm {
    policy: usize,
    rule: usize,
    effect: Effect,
    condition: Condition,
}

/// Finds rules that make no difference. Policies that the input cannot place, or that are too
/// complex, are passed by.
pub fn exact_lints(analysis: &Analysis) -> Vec<Diagnostic> {
    let mut linter = Linter {
        side: Side::new(analysis),
        found: analysis
            .mesh
            .policies
            .iter()
            .map(|policy| {
                let fresh = Findings {
                    met: false,
                    unreachable: true,
                    shadowed: true,
                    redundant: true,
                };
                vec![fresh; policy.rules.len()]
            })
            .collect(),
        unsure: vec![false; analysis.mesh.policies.len()],
    };
    let services = (0..analysis.mesh.services.len()).map(Target::Service);
    let workloads = (0..analysis.mesh.workloads.len()).map(Target::Workload);
    // What was found out about ways to a target holds for every target with such ways.
    let mut known: Vec<Vec<Cell<'_>>> = Vec::new();
    for target in services.chain(workloads) {
        let cells = linter.side.cells(target);
        if known.contains(&cells) {
            continue;
        }
        if let Err(gap) = linter.target(&cells) {
            linter.side.note(&gap);
            linter.give_up(&cells);
        }
        if known.len() >= ALIKE {
            known.clear();
        }
        known.push(cells);
    }
    linter.diagnostics()
}

/// The ways to a target are compared with so many others, so that many different ones cost no more
/// than their number.
const ALIKE: usize = 16;

struct Linter<'a> {
    side: Side<'a>,
    /// By policy and rule.
    found: Vec<Vec<Findings>>,
    /// Policies at a target that could not be solved.
    unsure: Vec<bool>,
}

impl Linter<'_> {
    fn target(&mut self, cells: &[Cell<'_>]) -> Result<(), Gap> {
        let form = self.side.ways(cells);
        // The rules of each point. Those that a policy's other rules make needless are in no
        // policy's condition, so the space must be told of them.
        let mut written: Vec<Vec<RuleForm>> = Vec::new();
        for point in cells.iter().flat_map(|cell| cell.chains.iter().flatten()) {
            written.push(self.rules(point)?);
        }
        let conditions: Vec<&Condition> = written
            .iter()
            .flatten()
            .map(|rule| &rule.condition)
            .collect();
        let mut solved = space(&self.side, &[&form], &conditions, &[])?;
        let mut written = written.iter();
        for (cell, form) in cells.iter().zip(&form.cells) {
            let guard = solved.holds(&form.guard)?.surely;
            for _ in cell.chains.iter().flatten() {
                let mut rules = Vec::new();
                for rule in written.next().into_iter().flatten() {
                    let mut holds = solved.holds(&rule.condition)?;
                    holds.surely = solved.regions.and(holds.surely, guard)?;
                    holds.maybe = solved.regions.and(holds.maybe, guard)?;
                    rules.push(RuleAt {
                        policy: rule.policy,
                        rule: rule.rule,
                        effect: rule.effect,
                        holds,
                    });
                }
                self.judge(&mut solved, &rules)?;
            }
        }
        Ok(())
    }

    /// The rules at a point that are there for certain.
    fn rules(&mut self, point: &Point<'_>) -> Result<Vec<RuleForm>, Gap> {
        let view = self.side.view(point);
        let mut rules: Vec<RuleForm> = Vec::new();
        for one in point.attached.iter() {
            let Some(held) = self.side.held(one.policy) else {
                continue;
            };
            let Some(policy) = held.at(point.layer, point.tcp) else {
                continue;
            };
            let Origin::Written(at) = held.origin else {
                continue;
            };
            if !one.doubts.is_empty() {
                self.doubt(at);
                continue;
            }
            for rule in &policy.rules {
                rules.push(RuleForm {
                    policy: at,
                    rule: rule.index,
                    effect: policy.effect,
                    condition: lower::rule(&view, rule),
                });
            }
        }
        if point.stale {
            for rule in rules.drain(..) {
                self.doubt(rule.policy);
            }
        }
        Ok(rules)
    }

    fn judge(
        &mut self,
        solved: &mut super::symbolic::space::Space,
        rules: &[RuleAt],
    ) -> Result<(), Gap> {
        let deny: Vec<Region> = rules
            .iter()
            .filter(|rule| rule.effect == Effect::Deny)
            .map(|rule| rule.holds.surely)
            .collect();
        let deny = solved.regions.any(&deny)?;
        // What the rules of an effect match that come before, and after, each.
        let mut before = Vec::with_capacity(rules.len());
        let mut after = vec![Region::NONE; rules.len()];
        let (mut allowed, mut denied) = (Region::NONE, Region::NONE);
        for rule in rules {
            let sum = match rule.effect {
                Effect::Allow => &mut allowed,
                Effect::Deny => &mut denied,
                Effect::Custom => {
                    before.push(Region::NONE);
                    continue;
                }
            };
            before.push(*sum);
            *sum = solved.regions.or(*sum, rule.holds.surely)?;
        }
        // Of rules that match the same, the first is needed: the later ones do not count.
        let mut known: Vec<(Effect, Region)> = Vec::new();
        let first: Vec<bool> = rules
            .iter()
            .map(|rule| {
                let key = (rule.effect, rule.holds.surely);
                match known.binary_search(&key) {
                    Ok(_) => false,
                    Err(at) => {
                        known.insert(at, key);
                        true
                    }
                }
            })
            .collect();
        (allowed, denied) = (Region::NONE, Region::NONE);
        for ((rule, first), slot) in rules.iter().zip(&first).zip(&mut after).rev() {
            let sum = match rule.effect {
                Effect::Allow => &mut allowed,
                Effect::Deny => &mut denied,
                Effect::Custom => continue,
            };
            *slot = *sum;
            if *first {
                *sum = solved.regions.or(*sum, rule.holds.surely)?;
            }
        }
        for (rule, (before, after)) in rules.iter().zip(before.into_iter().zip(after)) {
            let unreachable = rule.holds.maybe.is_none();
            let shadowed =
                rule.effect == Effect::Allow && solved.regions.within(rule.holds.maybe, deny)?;
            let others = solved.regions.or(before, after)?;
            let redundant =
                rule.effect != Effect::Custom && solved.regions.within(rule.holds.maybe, others)?;
            let slot = self.found.get_mut(rule.policy);
            if let Some(findings) = slot.and_then(|rules| rules.get_mut(rule.rule)) {
                findings.met = true;
                findings.unreachable &= unreachable;
                findings.shadowed &= shadowed;
                findings.redundant &= redundant;
            }
        }
        Ok(())
    }

    fn doubt(&mut self, policy: usize) {
        if let Some(flag) = self.unsure.get_mut(policy) {
            *flag = true;
        }
    }

    /// Nothing is said of policies at a target that could not be solved.
    fn give_up(&mut self, cells: &[Cell<'_>]) {
        for cell in cells {
            for point in cell.chains.iter().flatten() {
                for one in point.attached.iter() {
                    if let Some(Origin::Written(at)) =
                        self.side.held(one.policy).map(|held| held.origin)
                    {
                        self.doubt(at);
                    }
                }
            }
        }
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut diagnostics = Vec::new();
        let policies = self.side.analysis.mesh.policies.iter();
        for ((policy, rules), unsure) in policies.zip(&self.found).zip(&self.unsure) {
            if *unsure || !rules.iter().any(|rule| rule.met) {
                continue;
            }
            let id = clip(&policy.id());
            let allows = policy.action == crate::istio::policy::Action::Allow;
            // Rules that the conversions dropped were never met: they grant nothing either.
            let nothing = allows && rules.iter().all(|rule| rule.shadowed);
            if nothing {
                let message = format!("the ALLOW policy `{id}` lets no request through");
                // Charms do things while they run that no bundle tells, such as joining a mesh.
                let finding = if policy.declared.is_some() {
                    Diagnostic::note(
                        GRANTS_NOTHING,
                        format!("as far as the input tells, {message}"),
                    )
                } else {
                    Diagnostic::warning(GRANTS_NOTHING, message)
                };
                let finding = finding
                    .help("no request can meet its rules, or DENY policies refuse all that do; see `mesh-policy explain`");
                diagnostics.push(placed(finding, policy, policy.at));
                continue;
            }
            for (rule, findings) in policy.rules.iter().zip(rules) {
                if !findings.met {
                    continue;
                }
                let (code, message, help) = if findings.unreachable {
                    (
                        UNREACHABLE_RULE,
                        format!("no request to the targets of `{id}` matches this rule"),
                        "look for a path that normalisation never leaves, a port that the target \
                         has not, or values that exclude each other",
                    )
                } else if findings.shadowed {
                    (
                        SHADOWED_RULE,
                        format!("DENY policies refuse all that this rule of `{id}` allows"),
                        "take the rule out, or make the DENY policies narrower",
                    )
                } else if findings.redundant {
                    (
                        REDUNDANT_RULE,
                        format!("other rules already match all that this rule of `{id}` matches"),
                        "take it out: every answer stays the same",
                    )
                } else {
                    continue;
                };
                // What is said twice does no harm.
                let finding = if findings.unreachable || findings.shadowed {
                    Diagnostic::warning(code, message)
                } else {
                    Diagnostic::note(code, message)
                };
                diagnostics.push(placed(finding.help(help), policy, rule.at));
            }
        }
        diagnostics
    }
}
