//! In which order policies are written, so that no target goes without cover in between.
//!
//! A target (a Service, some pods, a namespace) is open to everybody as soon as no ALLOW policy is
//! attached to it. So what is new comes before what goes, and what closes before what opens:
//! new DENY, new ALLOW, updates, old ALLOW, old DENY.

use crate::istio::KIND;
use crate::map::Map;
use crate::text::{Node, Value};

/// The phases, in order.
pub(super) const PHASES: [&str; 5] = [
    "new DENY policies",
    "new ALLOW policies",
    "updates",
    "old ALLOW policies",
    "old DENY policies",
];
pub(super) const UPDATES: usize = 2;

/// What a policy does to whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Attachment {
    effect: Effect,
    /// What it is attached to, each in one way of writing.
    targets: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Effect {
    /// Closes its targets to all whom no such policy lets in.
    #[default]
    Allow,
    /// Closes its targets to some (`DENY`), or asks somebody else (`CUSTOM`).
    Deny,
    /// Neither: `AUDIT`, or a dry run.
    None,
}

impl Attachment {
    /// Reads a manifest or a live object.
    pub(super) fn of(policy: &Node<'_>, namespace: &str) -> Self {
        let spec = policy.get("spec");
        let action = spec
            .and_then(|spec| spec.get("action"))
            .and_then(Node::as_str);
        let dry_run = policy
            .get("metadata")
            .and_then(|metadata| metadata.get("annotations"))
            .and_then(|annotations| annotations.get("istio.io/dry-run"))
            .and_then(Node::as_str);
        let effect = match action {
            // Go's ParseBool reads the annotation.
            _ if matches!(dry_run, Some("1" | "t" | "T" | "TRUE" | "true" | "True")) => {
                Effect::None
            }
            None | Some("" | "ALLOW") => Effect::Allow,
            Some("AUDIT") => Effect::None,
            Some(_) => Effect::Deny,
        };
        let mut targets = Vec::new();
        let field = |key: &str| {
            spec.and_then(|spec| spec.get(key))
                .filter(|node| !node.is_null())
        };
        let references = field("targetRefs")
            .and_then(Node::as_array)
            .unwrap_or_default();
        for reference in references.iter().chain(field("targetRef")) {
            let text = |key: &str| {
                reference
                    .get(key)
                    .and_then(Node::as_str)
                    .unwrap_or_default()
            };
            targets.push(format!("{namespace}/{}/{}", text("kind"), text("name")));
        }
        if targets.is_empty() {
            let mut target = namespace.to_owned();
            if let Some(selector) = field("selector") {
                let mut labels: Vec<String> = Vec::new();
                let found = selector.get("matchLabels").and_then(Node::as_object);
                for member in found.into_iter().flat_map(|labels| labels.iter()) {
                    if let Value::String(value) = &member.value.value {
                        labels.push(format!("{}={value}", member.key));
                    }
                }
                crate::order::sort(&mut labels);
                target.push('?');
                target.push_str(&labels.join(","));
            }
            targets.push(target);
        }
        crate::order::sort(&mut targets);
        targets.dedup();
        Attachment { effect, targets }
    }

    /// What is closed by it.
    pub(super) fn covers(&self) -> &[String] {
        match self.effect {
            Effect::Allow => &self.targets,
            _ => &[],
        }
    }

    /// Whether it refuses requests that ALLOW policies let through.
    pub(super) fn denies(&self) -> bool {
        self.effect == Effect::Deny
    }
}

/// A write that is to be made.
#[derive(Debug, Clone, Default)]
pub(super) struct Write {
    pub(super) namespace: String,
    pub(super) name: String,
    /// The manifest, or the options of the deletion.
    pub(super) body: String,
    pub(super) why: String,
    /// What the policy did; `None` when it is new.
    pub(super) before: Option<Attachment>,
    /// What it is to do; `None` when it goes.
    pub(super) after: Option<Attachment>,
    /// The writes that wait for this one.
    pub(super) blocks: Vec<usize>,
    /// How many writes this one waits for.
    pub(super) waits: usize,
}

impl Write {
    /// Which phase it belongs to.
    pub(super) fn phase(&self) -> usize {
        match (&self.before, &self.after) {
            (None, Some(after)) => usize::from(!after.denies()),
            (Some(before), None) => 3 + usize::from(before.denies()),
            _ => UPDATES,
        }
    }

    /// `create`, `update` or `delete`.
    pub(super) fn action(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "create",
            (_, None) => "delete",
            _ => "update",
        }
    }

    /// "apply AuthorizationPolicy `m/x`"
    pub(super) fn doing(&self) -> String {
        let verb = if self.after.is_none() {
            "delete"
        } else {
            "apply"
        };
        format!("{verb} {KIND} `{}/{}`", self.namespace, self.name)
    }

    /// What it no longer covers afterwards.
    pub(super) fn losses(&self) -> Vec<&str> {
        uncovered(self.before.as_ref(), self.after.as_ref())
    }

    /// What it covers afterwards and did not before.
    fn gains(&self) -> Vec<&str> {
        uncovered(self.after.as_ref(), self.before.as_ref())
    }

    /// Whether it takes away something that denies.
    pub(super) fn undenies(&self) -> bool {
        let denies = |side: &Option<Attachment>| side.as_ref().is_some_and(Attachment::denies);
        denies(&self.before)
            && (!denies(&self.after) || targets(&self.before) != targets(&self.after))
    }
}

fn targets(side: &Option<Attachment>) -> &[String] {
    side.as_ref().map_or(&[], |side| side.targets.as_slice())
}

/// What the one covers and the other does not.
fn uncovered<'a>(one: Option<&'a Attachment>, other: Option<&Attachment>) -> Vec<&'a str> {
    let other = other.map_or(&[][..], Attachment::covers);
    let one = one.map_or(&[][..], Attachment::covers);
    one.iter()
        .filter(|target| other.binary_search(target).is_err())
        .map(String::as_str)
        .collect()
}

/// Puts writes into the order in which they may be made, and links the updates of a target one
/// after the other. Returns the updates for which there is no good order: each moves to a target that
/// another leaves, in a circle.
pub(super) fn arrange(writes: Vec<Write>) -> (Vec<Write>, Vec<usize>) {
    let mut phases: [Vec<Write>; PHASES.len()] = Default::default();
    for write in writes {
        if let Some(phase) = phases.get_mut(write.phase()) {
            phase.push(write);
        }
    }
    let [.., updates, _, _] = &mut phases;
    let (order, mut circular) = order_of_updates(updates);
    let mut taken: Vec<Option<Write>> = std::mem::take(updates).into_iter().map(Some).collect();
    for at in order {
        updates.extend(taken.get_mut(at).and_then(Option::take));
    }
    link(updates);
    let mut arranged = Vec::new();
    for (phase, mut writes) in phases.into_iter().enumerate() {
        if phase == UPDATES {
            let offset = arranged.len();
            for write in &mut writes {
                write.blocks.iter_mut().for_each(|at| *at += offset);
            }
            circular.iter_mut().for_each(|at| *at += offset);
        }
        arranged.append(&mut writes);
    }
    (arranged, circular)
}

/// First those that uncover nothing; then each after those that cover what it leaves; last those
/// that deny less than before. The second list are places in the first.
fn order_of_updates(updates: &[Write]) -> (Vec<usize>, Vec<usize>) {
    let mut order = Vec::with_capacity(updates.len());
    let mut moving = Vec::new();
    let mut last = Vec::new();
    // For each target, how many moving updates are still to cover it, and which wait for that.
    let mut coming: Map<'_, usize> = Map::new();
    let mut waiting: Map<'_, Vec<usize>> = Map::new();
    for (at, update) in updates.iter().enumerate() {
        if !update.losses().is_empty() {
            moving.push(at);
            for target in update.gains() {
                if let Some(count) = coming.get_or_insert_with(target, || 0) {
                    *count += 1;
                }
            }
        } else if update.undenies() {
            last.push(at);
        } else {
            order.push(at);
        }
    }
    let mut open = vec![0_usize; updates.len()];
    for &at in &moving {
        let Some(update) = updates.get(at) else {
            continue;
        };
        for target in update.losses() {
            if coming.contains_key(target) {
                if let Some(open) = open.get_mut(at) {
                    *open += 1;
                }
                if let Some(list) = waiting.get_or_insert_with(target, Vec::new) {
                    list.push(at);
                }
            }
        }
    }
    let mut circular = Vec::new();
    let mut placed = vec![false; updates.len()];
    let is_free = |open: &[usize], at: usize| open.get(at) == Some(&0);
    let mut free: Vec<usize> = moving
        .iter()
        .copied()
        .filter(|&at| is_free(&open, at))
        .collect();
    free.reverse();
    let mut rest = moving.iter().copied();
    loop {
        let at = match free.pop() {
            Some(at) => at,
            // All that are left wait for one another.
            None => match rest.find(|&at| placed.get(at) == Some(&false)) {
                Some(at) => {
                    circular.push(order.len());
                    at
                }
                None => break,
            },
        };
        match placed.get_mut(at) {
            Some(placed) if !*placed => *placed = true,
            _ => continue,
        }
        order.push(at);
        let Some(update) = updates.get(at) else {
            continue;
        };
        for target in update.gains() {
            let left = coming.get(target).copied().unwrap_or(1).saturating_sub(1);
            coming.insert(target, left);
            if left > 0 {
                continue;
            }
            for &other in waiting.get(target).into_iter().flatten() {
                if let Some(count) = open.get_mut(other) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        free.push(other);
                    }
                }
            }
        }
    }
    order.append(&mut last);
    (order, circular)
}

/// Lets each update wait for the one before it at each of its targets.
fn link(updates: &mut [Write]) {
    let mut edges = Vec::new();
    {
        let mut latest: Map<'_, usize> = Map::new();
        for (at, update) in updates.iter().enumerate() {
            let mut earlier: Vec<usize> = Vec::new();
            for target in targets(&update.before).iter().chain(targets(&update.after)) {
                earlier.extend(latest.insert(target, at).filter(|&before| before != at));
            }
            crate::order::sort(&mut earlier);
            earlier.dedup();
            edges.extend(earlier.into_iter().map(|before| (before, at)));
        }
    }
    for (before, at) in edges {
        if let Some(write) = updates.get_mut(before) {
            write.blocks.push(at);
        }
        if let Some(write) = updates.get_mut(at) {
            write.waits += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attached(effect: Effect, targets: &[&str]) -> Option<Attachment> {
        Some(Attachment {
            effect,
            targets: targets.iter().map(|target| (*target).to_owned()).collect(),
        })
    }

    fn write(name: &str, before: Option<Attachment>, after: Option<Attachment>) -> Write {
        Write {
            name: name.to_owned(),
            before,
            after,
            ..Write::default()
        }
    }

    fn names(writes: Vec<Write>) -> (String, Vec<usize>) {
        let (writes, circular) = arrange(writes);
        let names: Vec<_> = writes.into_iter().map(|write| write.name).collect();
        (names.join(" "), circular)
    }

    use Effect::{Allow, Deny};

    #[test]
    fn what_is_new_comes_before_what_goes() {
        let writes = vec![
            write("old-deny", attached(Deny, &["a"]), None),
            write("old-allow", attached(Allow, &["a"]), None),
            write("update", attached(Allow, &["a"]), attached(Allow, &["a"])),
            write("new-allow", None, attached(Allow, &["a"])),
            write("new-deny", None, attached(Deny, &["a"])),
        ];
        let expected = "new-deny new-allow update old-allow old-deny";
        assert_eq!(names(writes), (expected.to_owned(), vec![]));
    }

    #[test]
    fn a_target_is_left_after_it_is_covered_again() {
        let writes = vec![
            write("a-to-b", attached(Allow, &["a"]), attached(Allow, &["b"])),
            write("c-to-a", attached(Allow, &["c"]), attached(Allow, &["a"])),
            write("d-to-c", attached(Allow, &["d"]), attached(Allow, &["c"])),
            write("undeny", attached(Deny, &["a"]), attached(Allow, &["a"])),
            write("same", attached(Allow, &["a"]), attached(Allow, &["a"])),
        ];
        let expected = "same d-to-c c-to-a a-to-b undeny";
        assert_eq!(names(writes), (expected.to_owned(), vec![]));
    }

    #[test]
    fn a_circle_is_told() {
        let writes = vec![
            write("new", None, attached(Allow, &["z"])),
            write("a-to-b", attached(Allow, &["a"]), attached(Allow, &["b"])),
            write("b-to-a", attached(Allow, &["b"]), attached(Allow, &["a"])),
        ];
        assert_eq!(names(writes), ("new a-to-b b-to-a".to_owned(), vec![1]));
    }

    #[test]
    fn updates_of_a_target_wait_for_one_another() {
        let same = |name: &str, targets: &[&str]| {
            write(name, attached(Allow, targets), attached(Allow, targets))
        };
        let writes = vec![
            write("new", None, attached(Allow, &["a"])),
            same("1", &["a"]),
            same("2", &["b"]),
            same("3", &["a", "b"]),
            same("4", &["a"]),
        ];
        let (writes, _) = arrange(writes);
        let linked: Vec<_> = writes
            .iter()
            .map(|w| (w.waits, w.blocks.as_slice()))
            .collect();
        let expected: [(usize, &[usize]); 5] =
            [(0, &[]), (0, &[3]), (0, &[3]), (2, &[4]), (1, &[])];
        assert_eq!(linked, expected);
    }
}
