//! One type for everything that can be wrong with an input, and the list of its codes.

use crate::text::{Document, Position, TextError};
use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something is wrong; see [`Diagnostic::dropped`] for whether a policy was lost by it.
    Error,
    /// Something is probably not what was meant.
    Warning,
    /// Something worth knowing, above all what was assumed or cannot be known.
    Note,
}

/// A place in an input file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file's name as the host gave it.
    pub file: String,
    /// 1-based line.
    pub line: u32,
    /// 1-based column in characters.
    pub column: u32,
}

/// Something that is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable identifier, one of [`code`].
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One lower-case sentence, user input in backticks.
    pub message: String,
    /// What to write or do instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// A policy was left out because of it.
    #[serde(skip)]
    pub dropped: bool,
    /// The input as a whole could not be used because of it.
    #[serde(skip)]
    pub bad_input: bool,
}

/// How many diagnostics are told of one input; the worst are kept where there are more.
pub const MOST_DIAGNOSTICS: usize = 10_000;

/// Bounds what is told: a small document can be wrong in a million places. Exit codes stay what they
/// were, because what is left out is summed up by one more diagnostic.
pub fn bound(diagnostics: &mut Vec<Diagnostic>) {
    let all = diagnostics.len();
    if all <= MOST_DIAGNOSTICS {
        return;
    }
    let mut left = MOST_DIAGNOSTICS;
    let [errors, warnings, notes] =
        [Severity::Error, Severity::Warning, Severity::Note].map(|severity| {
            let many = diagnostics
                .iter()
                .filter(|one| one.severity == severity)
                .count();
            let kept = many.min(left);
            left -= kept;
            (many, kept)
        });
    let severity = match (errors.0 > errors.1, warnings.0 > warnings.1) {
        (true, _) => Severity::Error,
        (_, true) => Severity::Warning,
        _ => Severity::Note,
    };
    let text = format!("there are {} more", all - MOST_DIAGNOSTICS);
    let mut more = Diagnostic::new(severity, code::MORE, text).help("correct these first");
    let (mut errors, mut warnings, mut notes) = (errors.1, warnings.1, notes.1);
    diagnostics.retain(|one| {
        let room = match one.severity {
            Severity::Error => &mut errors,
            Severity::Warning => &mut warnings,
            Severity::Note => &mut notes,
        };
        if *room > 0 {
            *room -= 1;
            return true;
        }
        more.dropped |= one.dropped;
        more.bad_input |= one.bad_input;
        false
    });
    diagnostics.push(more);
}

/// The codes of the compiler's diagnostics. Those of unreadable text (`malformed-yaml`,
/// `malformed-json`, `invalid-utf-8`, `nested-too-deeply`, `too-many-aliases`, `lone-surrogate`,
/// `input-too-large`) come from [`crate::text`].
pub mod code {
    /// The document is not what was asked for.
    pub const WRONG_SHAPE: &str = "wrong-shape";
    /// A model's name is needed and was not given.
    pub const MODEL_NAME_REQUIRED: &str = "model-name-required";
    /// The model's name was taken from the bundle or the file.
    pub const MODEL_NAME_ASSUMED: &str = "model-name-assumed";
    /// Two bundles were given for one model.
    pub const MODEL_GIVEN_TWICE: &str = "model-given-twice";
    /// A name is no DNS-1123 label, so that it cannot stand in a principal.
    pub const INVALID_NAME: &str = "invalid-name";
    /// A relation names an application that the bundle does not have.
    pub const UNKNOWN_APPLICATION: &str = "unknown-application";
    /// A relation names an endpoint that the charm file does not declare.
    pub const UNDECLARED_ENDPOINT: &str = "undeclared-endpoint";
    /// The two ends of a relation have different interfaces.
    pub const UNLIKE_INTERFACES: &str = "unlike-interfaces";
    /// A relation without endpoints could mean several.
    pub const AMBIGUOUS_RELATION: &str = "ambiguous-relation";
    /// A relation without endpoints fits no pair of endpoints.
    pub const UNRESOLVED_RELATION: &str = "unresolved-relation";
    /// An application is on the mesh and its charm's file was not given.
    pub const CHARM_FILE_MISSING: &str = "charm-file-missing";
    /// Two charm files describe one charm.
    pub const CHARM_GIVEN_TWICE: &str = "charm-given-twice";
    /// An application is related to a mesh and its charm is no consumer.
    pub const NO_CONSUMER: &str = "mesh-relation-without-consumer";
    /// An application is related to more than one mesh.
    pub const SEVERAL_MESHES: &str = "several-mesh-relations";
    /// A policy is on an endpoint that its charm does not declare.
    pub const POLICY_ON_UNDECLARED: &str = "policy-on-undeclared-endpoint";
    /// A policy's fields are not valid.
    pub const INVALID_POLICY: &str = "invalid-policy";
    /// A policy uses the deprecated kind `policy`.
    pub const DEPRECATED_POLICY: &str = "deprecated-policy";
    /// A unit policy asks for HTTP attributes and is not made.
    pub const L7_UNIT_POLICY: &str = "unit-policy-with-http";
    /// An endpoint without any field compiles to an operation that Istio refuses.
    pub const EMPTY_OPERATION: &str = "empty-operation";
    /// A port outside 1 to 65535.
    pub const INVALID_PORT: &str = "invalid-port";
    /// A cross-model relation has a policy and no `cross_model_mesh` relation beside it.
    pub const CROSS_MODEL_WITHOUT_CMR: &str = "cross-model-without-cmr";
    /// An offer has an endpoint with a policy and no `cross_model_mesh` endpoint.
    pub const OFFER_WITHOUT_CMR: &str = "offer-without-cmr";
    /// A `saas` URL cannot be read.
    pub const INVALID_SAAS_URL: &str = "invalid-saas-url";
    /// The model behind a `saas` URL was not given; its principal is assumed from the URL.
    pub const ASSUMED_PRINCIPAL: &str = "assumed-principal";
    /// An offer is not in the bundle that a `saas` URL names.
    pub const UNKNOWN_OFFER: &str = "unknown-offer";
    /// Who uses an offer is not in the input.
    pub const UNKNOWN_CONSUMER: &str = "unknown-consumer";
    /// A policy exists only under a condition that this input cannot decide.
    pub const CONDITIONAL_POLICY: &str = "conditional-policy";
    /// A policy is a template that this input cannot fill.
    pub const UNFILLED_TEMPLATE: &str = "unfilled-template";
    /// A key looks like a misspelling of one that is known.
    pub const MISSPELLED_KEY: &str = "misspelled-key";
    /// A key that has no meaning where it stands.
    pub const UNKNOWN_KEY: &str = "unknown-key";
    /// A relation relates an application to itself.
    pub const RELATION_TO_ITSELF: &str = "relation-to-itself";
    /// A relation is written twice.
    pub const REPEATED_RELATION: &str = "repeated-relation";
    /// What was made is longer than a string of the host can be.
    pub const OUTPUT_TOO_LARGE: &str = "output-too-large";
    /// A key stands twice in one mapping.
    pub const DUPLICATE_KEY: &str = "duplicate-key";
    /// Two objects of one kind and name say different things.
    pub const OBJECT_GIVEN_TWICE: &str = "object-given-twice";
    /// Two policies of one name and namespace say different things.
    pub const SAME_NAME: &str = "same-name";
    /// There is more than is told.
    pub const MORE: &str = "more-diagnostics";
    /// A file holds no document.
    pub const NOTHING_TO_READ: &str = "nothing-to-read";
    /// Charm files are given, and nothing that they are for.
    pub const UNUSED_CHARM_FILES: &str = "unused-charm-files";
    /// The bundle relates nothing to a mesh.
    pub const NO_MESH: &str = "no-mesh";
    /// A beacon is configured not to manage policies.
    pub const UNMANAGED: &str = "policies-not-managed";
    /// Istio's webhook refuses a policy, so it cannot be in a cluster.
    pub const REFUSED_POLICY: &str = "refused-policy";
    /// A databag cannot be used; other databags are.
    pub const INVALID_DATABAG: &str = "invalid-databag";
    /// A databag is longer than is read; other databags are.
    pub const DATABAG_TOO_LARGE: &str = "databag-too-large";
    /// A databag asks for a policy on a target that its sender does not own.
    pub const TARGET_NOT_OWNED: &str = "target-not-owned";
    /// A databag asks for a policy on a target that another sender asked for first.
    pub const TARGET_CLAIMED: &str = "target-claimed";
    /// A databag asks for a policy on pods by their labels.
    pub const SELECTOR_IN_DATABAG: &str = "selector-in-databag";
}

impl Diagnostic {
    fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Diagnostic {
            code,
            severity,
            message: message.into(),
            help: None,
            place: None,
            dropped: false,
            bad_input: false,
        }
    }

    /// Something is wrong.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// Something is probably not what was meant.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// Something worth knowing.
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    /// Text that could not be read.
    pub fn unreadable(file: &str, error: &TextError) -> Self {
        let unreadable = Self::error(error.code, error.message.clone())
            .at(file, error.at)
            .bad_input();
        match error.help {
            Some(help) => unreadable.help(help),
            None => unreadable,
        }
    }

    /// Adds what to write or do instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the place.
    #[must_use]
    pub fn at(mut self, file: &str, at: Position) -> Self {
        self.place = Some(Place {
            file: file.to_owned(),
            line: at.line,
            column: at.column,
        });
        self
    }

    /// Marks that a policy was left out because of it.
    #[must_use]
    pub fn dropped(mut self) -> Self {
        self.dropped = true;
        self
    }

    /// Marks that the input as a whole could not be used.
    #[must_use]
    pub fn bad_input(mut self) -> Self {
        self.bad_input = true;
        self
    }
}

/// Warns of keys that stand twice in one mapping.
pub fn repeated_keys(file: &str, document: &Document<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for (at, key) in &document.duplicates {
        let text = format!("the key `{}` stands twice; the last one counts", clip(key));
        diagnostics.push(Diagnostic::warning(code::DUPLICATE_KEY, text).at(file, *at));
    }
}

/// The same for what nobody but us reads: neither can be told to be meant, so none is used.
pub fn refuse_repeated_keys(
    file: &str,
    document: &Document<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for (at, key) in &document.duplicates {
        let text = format!("the key `{}` stands twice", clip(key));
        diagnostics.push(
            Diagnostic::error(code::DUPLICATE_KEY, text)
                .at(file, *at)
                .help("take one of the two out")
                .bad_input(),
        );
    }
}

/// User input for a message: long text is cut, so that a hostile name cannot fill the screen.
pub fn clip(text: &str) -> String {
    const LONGEST: usize = 80;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::{Diagnostic, MOST_DIAGNOSTICS, Severity, bound, code};

    #[test]
    fn what_is_left_out_keeps_its_consequences() {
        let note = Diagnostic::note("n", "n");
        let mut some = vec![note.clone(); MOST_DIAGNOSTICS];
        bound(&mut some);
        assert!(some.iter().all(|one| one.code == "n"));

        some.extend([
            Diagnostic::error("e", "e"),
            Diagnostic::warning("w", "w"),
            note.bad_input(),
        ]);
        bound(&mut some);
        assert_eq!(some.len(), MOST_DIAGNOSTICS + 1);
        let tail: Vec<&str> = some.iter().rev().take(4).map(|one| one.code).collect();
        assert_eq!(tail, [code::MORE, "w", "e", "n"]);
        let last = some.last().expect("the sum");
        assert_eq!(
            (last.severity, last.bad_input, last.dropped),
            (Severity::Note, true, false)
        );
        assert_eq!(last.message, "there are 3 more");

        let mut errors = vec![Diagnostic::error("e", "e").dropped(); MOST_DIAGNOSTICS + 1];
        bound(&mut errors);
        let last = errors.last().expect("the sum");
        assert_eq!(
            (last.severity, last.bad_input, last.dropped),
            (Severity::Error, false, true)
        );
    }
}
