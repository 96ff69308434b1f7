//! What is wrong with policies, or dangerous: said before anything is applied.
//!
//! Each finding is sure. What the input does not tell is no finding, or a note that says "cannot
//! verify". `docs/lints.md` explains every code.

mod access;
pub mod code;
mod enforcement;
mod expected;
mod known;
mod names;
mod sets;
mod values;

use super::decide::Analysis;
use super::exact_lints::exact_lints;
use crate::diagnostic::{Diagnostic, Severity, bound};
use crate::istio::policy::AuthorizationPolicy;
use crate::juju::charm::clip;
use crate::mesh::{DataPlane, Mesh, Workload};
use crate::text::Position;
pub use expected::expectations;
use known::Known;

/// All findings: `input`, what reading told, and what is found in the policies.
pub fn report(analysis: &Analysis, input: &[Diagnostic]) -> Vec<Diagnostic> {
    let told = |one: &&Diagnostic| one.code != code::REFUSED;
    let mut all: Vec<Diagnostic> = input.iter().filter(told).cloned().collect();
    all.extend(lint(analysis));
    // What is wrong twice in one declaration is compiled twice into one policy.
    all.dedup();
    bound(&mut all);
    all
}

/// All findings about the policies of a mesh, in the order of the policies.
pub fn lint(analysis: &Analysis) -> Vec<Diagnostic> {
    let mut found = analysis.mesh.lints.clone();
    let known = Known::new(&analysis.mesh);
    for (at, policy) in analysis.mesh.policies.iter().enumerate() {
        let mut linter = Linter {
            analysis,
            known: &known,
            policy,
            pods: known.pods(&analysis.mesh, &analysis.points, policy),
            found: &mut found,
        };
        let refused = linter.refused(at);
        linter.unknown_fields();
        linter.values();
        if !refused {
            linter.enforcement(at);
            linter.names();
            linter.rules();
        }
    }
    sets::lint(&analysis.mesh, &mut found);
    access::lint(analysis, &mut found);
    found.extend(exact_lints(analysis));
    found
}

/// The findings about one policy.
struct Linter<'a> {
    analysis: &'a Analysis,
    known: &'a Known,
    policy: &'a AuthorizationPolicy,
    /// The workloads that it is for by its selector.
    pods: Vec<usize>,
    found: &'a mut Vec<Diagnostic>,
}

impl<'a> Linter<'a> {
    fn mesh(&self) -> &'a Mesh {
        &self.analysis.mesh
    }

    /// The workloads that the policy is for by its selector.
    fn pods(&self) -> impl Iterator<Item = (usize, &'a Workload)> {
        let workloads = &self.mesh().workloads;
        let pods = self.pods.iter();
        pods.filter_map(|at| Some((*at, workloads.get(*at)?)))
    }

    fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        at: Position,
        message: String,
        help: &str,
    ) {
        let diagnostic = placed(new(severity, code, message), self.policy, at);
        self.found.push(diagnostic.help(help));
    }

    fn error(&mut self, code: &'static str, at: Position, message: String, help: &str) {
        self.add(Severity::Error, code, at, message, help);
    }

    fn warn(&mut self, code: &'static str, at: Position, message: String, help: &str) {
        self.add(Severity::Warning, code, at, message, help);
    }

    fn note(&mut self, code: &'static str, at: Position, message: String, help: &str) {
        self.add(Severity::Note, code, at, message, help);
    }

    /// What Istio's webhook says; whether it refuses the policy.
    fn refused(&mut self, at: usize) -> bool {
        let refusals = self.analysis.points.refused.get(at);
        for refusal in refusals.into_iter().flatten() {
            self.error(
                code::REFUSED,
                refusal.at,
                format!(
                    "Istio refuses the policy `{}`: {}",
                    name(self.policy),
                    refusal.message
                ),
                // A charm writes a port as a number.
                match self.policy.declared {
                    Some(_) => refusal.help.trim_end_matches(", as a string"),
                    None => refusal.help,
                },
            );
        }
        refusals.is_some_and(|found| !found.is_empty())
    }

    fn unknown_fields(&mut self) {
        for field in &self.policy.unknown_fields {
            self.error(
                code::UNKNOWN_FIELD,
                field.at,
                format!("{}, so Istio drops it and reads the rest", field.message),
                field.help,
            );
        }
    }
}

fn new(severity: Severity, code: &'static str, message: String) -> Diagnostic {
    match severity {
        Severity::Error => Diagnostic::error(code, message),
        Severity::Warning => Diagnostic::warning(code, message),
        Severity::Note => Diagnostic::note(code, message),
    }
}

/// Puts a finding where the policy is written, or where it is declared.
pub(super) fn placed(
    diagnostic: Diagnostic,
    policy: &AuthorizationPolicy,
    at: Position,
) -> Diagnostic {
    match &policy.declared {
        Some(place) => Diagnostic {
            place: Some(place.clone()),
            ..diagnostic
        },
        None if policy.file.is_empty() => diagnostic,
        None => diagnostic.at(&policy.file, at),
    }
}

/// How findings call a policy.
fn name(policy: &AuthorizationPolicy) -> String {
    clip(&policy.id())
}

/// Who carries the traffic of some workloads.
#[derive(Debug, Clone, Copy, Default)]
struct Planes {
    ambient: bool,
    sidecar: bool,
    /// Of some the input does not say.
    unknown: bool,
    /// There is a workload at all.
    any: bool,
}

impl Planes {
    fn of(planes: impl Iterator<Item = Option<DataPlane>>) -> Planes {
        let mut all = Planes::default();
        for plane in planes {
            all.any = true;
            match plane {
                Some(DataPlane::Ambient) => all.ambient = true,
                Some(DataPlane::Sidecar) => all.sidecar = true,
                Some(DataPlane::None) => {}
                None => all.unknown = true,
            }
        }
        all
    }
}
