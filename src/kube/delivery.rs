//! Making writes: phase after phase, many at once within a phase, and what an error holds back.

use super::answer::{Problem, accepted_object};
use super::options::path;
use super::order::{Attachment, PHASES, Write};
use super::{Change, KubeRequest, KubeResponse, MAX_IN_FLIGHT, Progress, code};
use crate::diagnostic::Diagnostic;
use crate::istio::KIND;

/// Where AuthorizationPolicies live.
pub(super) const ROOT: &str = "/apis/security.istio.io/v1";
pub(super) const PLURAL: &str = "authorizationpolicies";

const APPLY_PATCH: &str = "application/apply-patch+yaml";
const JSON: &str = "application/json";

/// Of more problems than these, the rest is only counted.
const MAX_PROBLEMS: usize = 100;

/// How requests are made.
#[derive(Debug, Clone, Default)]
pub(super) struct Manner {
    pub(super) field_manager: String,
    pub(super) force: bool,
    pub(super) is_dry_run: bool,
    pub(super) ignore_missing: bool,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Sent,
    Unresolved,
    Over,
}

/// Writes on their way.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    manner: Manner,
    writes: Vec<Write>,
    states: Vec<State>,
    /// The id of the first write's request.
    first_id: u32,
    phase: usize,
    /// The writes of this phase that need not wait, and how many of them were looked at.
    queue: Vec<usize>,
    head: usize,
    in_flight: usize,
    /// What was made, in order.
    made: Vec<usize>,
    /// Namespaces in which something was refused, and whether that was a DENY policy.
    refused: Vec<(String, bool)>,
    held_back: usize,
    /// Targets that some ALLOW policy is known to be attached to, and how many of them are sorted.
    covered: Vec<String>,
    is_sorted: bool,
    problems: Vec<Diagnostic>,
    /// Problems beyond those.
    untold: usize,
    is_stopped: bool,
}

impl Delivery {
    /// `writes` as [`super::order::arrange`] returns them; `covered` are targets of policies that are as
    /// they should be.
    pub(super) fn new(
        manner: Manner,
        writes: Vec<Write>,
        covered: Vec<String>,
        first_id: u32,
    ) -> Self {
        let mut delivery = Delivery {
            manner,
            states: vec![State::Waiting; writes.len()],
            writes,
            first_id,
            covered,
            ..Delivery::default()
        };
        delivery.fill_queue();
        delivery
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            phase: PHASES.get(self.phase).copied().unwrap_or_default(),
            done: self.made.len(),
            total: self.writes.len(),
        }
    }

    /// The next requests; `None` when nothing is left to do or to wait for.
    pub(super) fn next(&mut self) -> Option<Vec<KubeRequest>> {
        let mut requests = Vec::new();
        loop {
            while self.in_flight < MAX_IN_FLIGHT && !self.is_stopped {
                let Some(&at) = self.queue.get(self.head) else {
                    break;
                };
                self.head += 1;
                if self.is_held_back(at) {
                    self.hold_back(at);
                    continue;
                }
                self.in_flight += 1;
                self.set(at, State::Sent);
                let id = u32::try_from(at)
                    .unwrap_or(u32::MAX)
                    .saturating_add(self.first_id);
                requests.extend(self.writes.get(at).map(|write| self.request(write, id)));
            }
            if self.in_flight > 0 {
                return Some(requests);
            }
            if self.is_stopped || self.phase + 1 >= PHASES.len() {
                return None;
            }
            self.phase += 1;
            self.fill_queue();
        }
    }

    fn fill_queue(&mut self) {
        let phase = self.phase;
        let of_phase = self.writes.iter().enumerate();
        self.queue = of_phase
            .filter(|(_, write)| write.phase() == phase && write.waits == 0)
            .map(|(at, _)| at)
            .collect();
        self.head = 0;
    }

    fn set(&mut self, at: usize, state: State) {
        if let Some(place) = self.states.get_mut(at) {
            *place = state;
        }
    }

    // === answers ===

    pub(super) fn take(&mut self, response: &KubeResponse) {
        let Some(at) = response
            .id
            .checked_sub(self.first_id)
            .and_then(|at| usize::try_from(at).ok())
        else {
            return;
        };
        let Some(write) = self.writes.get(at) else {
            return;
        };
        if self.states.get(at) != Some(&State::Sent) {
            return;
        }
        self.in_flight = self.in_flight.saturating_sub(1);
        let is_delete = write.after.is_none();
        let ignored = is_delete && self.manner.ignore_missing;
        match accepted_object(response, &write.name) {
            Ok(_) => self.worked(at),
            Err(problem) if problem.status == Some(404) && ignored => self.worked(at),
            Err(problem) => self.failed(at, &problem),
        }
    }

    fn worked(&mut self, at: usize) {
        self.set(at, State::Over);
        self.made.push(at);
        let Some(write) = self.writes.get(at) else {
            return;
        };
        if let Some(after) = &write.after {
            self.covered.extend_from_slice(after.covers());
            self.is_sorted = false;
        }
        for next in write.blocks.clone() {
            if let Some(next_write) = self.writes.get_mut(next) {
                next_write.waits = next_write.waits.saturating_sub(1);
                if next_write.waits == 0 {
                    self.queue.push(next);
                }
            }
        }
    }

    fn failed(&mut self, at: usize, problem: &Problem) {
        let Some(write) = self.writes.get(at) else {
            return;
        };
        let mut diagnostic = problem.diagnostic(&write.doing());
        if write.before.is_none() && problem.status == Some(409) {
            diagnostic = diagnostic.help(
                "an object of this name exists and does not carry the labels of the managed policies: it is \
                 somebody else's. Rename the policy, or delete the object",
            );
        }
        // Those that stayed at home have the reason of the first.
        if !(self.is_stopped && problem.is_unsent()) {
            if self.problems.len() < MAX_PROBLEMS {
                self.problems.push(diagnostic);
            } else {
                self.untold += 1;
            }
        }
        if !problem.is_of_object() {
            self.is_stopped = true;
            let state = if problem.may_have_worked() {
                State::Unresolved
            } else {
                State::Waiting
            };
            return self.set(at, state);
        }
        let denies = |side: &Option<_>| side.as_ref().is_some_and(Attachment::denies);
        let is_deny = denies(&write.after);
        self.refused.push((write.namespace.clone(), is_deny));
        let blocked = write.blocks.clone();
        self.set(at, State::Over);
        blocked.into_iter().for_each(|next| self.hold_back(next));
    }

    // === what an error holds back ===

    /// Whether a write has to wait for another run, because something in its namespace was refused.
    ///
    /// Without a DENY policy that was to come, nothing may open any more. Without another policy,
    /// only what might uncover a target is held back.
    fn is_held_back(&mut self, at: usize) -> bool {
        let Some(write) = self.writes.get(at) else {
            return false;
        };
        let here = |(namespace, _): &&(String, bool)| *namespace == write.namespace;
        let mut refused = self.refused.iter().filter(here).peekable();
        if refused.peek().is_none() || self.phase == 0 {
            return false;
        }
        if refused.any(|(_, is_deny)| *is_deny) || write.undenies() {
            return true;
        }
        if !self.is_sorted {
            crate::order::sort(&mut self.covered);
            self.is_sorted = true;
        }
        write.losses().into_iter().any(|target| {
            self.covered
                .binary_search_by(|covered| covered.as_str().cmp(target))
                .is_err()
        })
    }

    /// Leaves a write for another run, and those that wait for it.
    fn hold_back(&mut self, at: usize) {
        let mut rest = vec![at];
        while let Some(at) = rest.pop() {
            if self.states.get(at) != Some(&State::Waiting) {
                continue;
            }
            self.set(at, State::Over);
            self.held_back += 1;
            if let Some(write) = self.writes.get(at) {
                rest.extend_from_slice(&write.blocks);
            }
        }
    }

    // === telling ===

    /// What is to be sent for a write.
    fn request(&self, write: &Write, id: u32) -> KubeRequest {
        let is_delete = write.after.is_none();
        let mut query = Vec::new();
        if !is_delete {
            query.push(("fieldManager", self.manner.field_manager.clone()));
            // What is new to us may be somebody else's: that is never taken over.
            let force = self.manner.force && write.before.is_some();
            query.push(("force", force.to_string()));
        }
        if self.manner.is_dry_run {
            query.push(("dryRun", "All".to_owned()));
        }
        let (method, content_type) = if is_delete {
            ("DELETE", JSON)
        } else {
            ("PATCH", APPLY_PATCH)
        };
        KubeRequest {
            id,
            method,
            path: path(ROOT, &["namespaces", &write.namespace, PLURAL, &write.name]),
            query,
            content_type: Some(content_type),
            body: Some(write.body.clone()),
            why: write.why.clone(),
            // Applying twice is applying once. A second deletion finds nothing, or by its
            // preconditions another object, which it leaves alone.
            retry_safe: !is_delete || self.manner.ignore_missing,
        }
    }

    fn change(&self, at: usize, with_request: bool) -> Option<Change> {
        let write = self.writes.get(at)?;
        Some(Change {
            action: write.action(),
            kind: KIND,
            namespace: write.namespace.clone(),
            name: write.name.clone(),
            phase: PHASES.get(write.phase()).copied().unwrap_or_default(),
            why: write.why.clone(),
            request: with_request.then(|| self.request(write, 0)),
        })
    }

    /// All writes, as a plan.
    pub(super) fn plan(&self) -> Vec<Change> {
        let all = 0..self.writes.len();
        all.filter_map(|at| self.change(at, true)).collect()
    }

    /// What was made, in order.
    pub(super) fn made(&self) -> Vec<Change> {
        let made = self.made.iter();
        made.filter_map(|&at| self.change(at, false)).collect()
    }

    /// What may have been made.
    pub(super) fn unresolved(&self) -> Vec<Change> {
        let states = self.states.iter().enumerate();
        states
            .filter(|(_, state)| matches!(state, State::Unresolved | State::Sent))
            .filter_map(|(at, _)| self.change(at, false))
            .collect()
    }

    /// What went wrong; empty when everything was made.
    pub(super) fn problems(&mut self) -> Vec<Diagnostic> {
        let mut problems = std::mem::take(&mut self.problems);
        if self.untold > 0 {
            let message = format!("{} more changes failed like these", self.untold);
            problems.push(Diagnostic::warning(code::INCOMPLETE, message));
        }
        if self.held_back > 0 {
            let message = format!(
                "{} changes were held back, because without what was refused they might open a target",
                self.held_back
            );
            let held_back = Diagnostic::warning(code::INCOMPLETE, message)
                .help("correct what was refused, and run again");
            problems.push(held_back);
        } else if self.is_stopped {
            let left = self.writes.len().saturating_sub(self.made.len());
            let message = format!(
                "{left} of {} changes are not made, or not for certain",
                self.writes.len()
            );
            problems.push(
                Diagnostic::warning(code::INCOMPLETE, message)
                    .help("run again: what was done is found, and the rest is made"),
            );
        }
        problems
    }
}
