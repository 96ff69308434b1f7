//! What policies are together, and what the rules of one are.

use super::{Linter, code, name, new, placed};
use crate::diagnostic::{Diagnostic, Severity};
use crate::istio::fingerprint::fingerprint;
use crate::istio::policy::{Action, Entry, Rule};
use crate::mesh::Mesh;

impl Linter<'_> {
    /// Looks at the rules of one policy side by side.
    pub(super) fn rules(&mut self) {
        let policy = self.policy;
        if policy.action != Action::Allow || policy.is_dry_run() {
            return;
        }
        if let Some(rule) = policy.rules.iter().find(|rule| matches_everything(rule)) {
            self.warn(
                code::ALLOWS_ANYONE,
                rule.at,
                format!("`{}` allows anyone anything, so every other ALLOW policy of its target adds nothing", name(policy)),
                "say who may come in `from`, or what may be asked in `to`",
            );
            return;
        }
        // `- from: …` and `- to: …`, where one rule was meant.
        let only_from =
            |rule: &Rule| !is_free(&rule.from) && is_free(&rule.to) && rule.when.is_empty();
        let only_to =
            |rule: &Rule| is_free(&rule.from) && !is_free(&rule.to) && rule.when.is_empty();
        let from = policy.rules.iter().find(|rule| only_from(rule));
        let to = policy.rules.iter().find(|rule| only_to(rule));
        if let (Some(_), Some(to)) = (from, to)
            && policy.rules.len() == 2
        {
            self.warn(
                code::SPLIT_RULE,
                to.at,
                format!("`{}` has `from` in one rule and `to` in another: this rule admits anyone", name(policy)),
                "write both into one rule: `- from: […]` and under it `to: […]`, without a second dash",
            );
        }
    }
}

/// Whether entries restrict nothing.
fn is_free(entries: &[Entry]) -> bool {
    entries.is_empty()
        || entries
            .iter()
            .any(|entry| entry.lists.as_ref().is_some_and(Vec::is_empty))
}

fn matches_everything(rule: &Rule) -> bool {
    rule.from.is_empty() && rule.to.is_empty() && rule.when.is_empty()
}

/// Findings about policies together.
pub(super) fn lint(mesh: &Mesh, found: &mut Vec<Diagnostic>) {
    let mut by_name: Vec<(&str, &str, usize)> = Vec::new();
    let mut by_text: Vec<(String, usize)> = Vec::new();
    for (at, policy) in mesh.policies.iter().enumerate() {
        // Conditional policies take turns.
        if policy.when.is_none() {
            by_name.push((&policy.namespace, &policy.name, at));
            by_text.push((fingerprint(policy), at));
        }
    }
    crate::order::sort(&mut by_name);
    crate::order::sort(&mut by_text);
    let mut twice = Vec::new();
    for pair in by_name.windows(2) {
        if let [(space, one, first), (other_space, other, second)] = pair
            && space == other_space
            && one == other
            && !one.is_empty()
        {
            twice.push((*first, *second, true));
        }
    }
    for pair in by_text.windows(2) {
        if let [(text, first), (other, second)] = pair
            && text == other
        {
            twice.push((*first, *second, false));
        }
    }
    crate::order::sort(&mut twice);
    for (first, second, same_name) in twice {
        let (Some(first), Some(second)) = (mesh.policies.get(first), mesh.policies.get(second))
        else {
            continue;
        };
        let same_names = first.id() == second.id();
        // Two relations between the same applications ask for one policy twice.
        if same_names && fingerprint(first) == fingerprint(second) {
            continue;
        }
        let finding = if same_name {
            new(
                Severity::Error,
                code::SAME_NAME,
                format!(
                    "there are two policies `{}`: the cluster keeps the one that is applied last",
                    name(second)
                ),
            )
            .help("rename one of them")
        } else if same_names {
            continue;
        } else {
            new(
                Severity::Warning,
                code::DUPLICATE_POLICY,
                format!("`{}` says the same as `{}`", name(second), name(first)),
            )
            .help("keep one of them")
        };
        found.push(placed(finding, second, second.at));
    }
}
