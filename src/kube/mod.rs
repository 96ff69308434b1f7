//! Conversations with a Kubernetes API server, as programs that a host drives.
//!
//! A program decides what is asked, in which order, and what an answer means; it opens no socket and
//! knows no time. A host sends what [`Step::Requests`] holds, as many at once as it likes, and hands
//! back each answer, alone or with others:
//!
//! ```text
//! step = program.step()
//! while step is Requests:
//!     send them
//!     step = program.resume(answers that have come, at least one)
//! ```
//!
//! A step may hold no request: the program then waits for answers to those handed out before. No
//! more than [`MAX_IN_FLIGHT`] are ever unanswered. A host may repeat a request whose `retry_safe` is
//! true, with the same id, before it hands an answer back; an answer of status 409 is never worth
//! repeating. A program that is dropped at any point, with requests in flight, leaves a cluster
//! from which a new run gets to the right state.
//!
//! # The text that crosses the boundary
//!
//! A step is one JSON object, one of
//!
//! ```json
//! {"requests": [{"id": 7, "method": "PATCH", "path": "/apis/…", "query": {"force": "true"},
//!   "contentType": "application/apply-patch+yaml", "body": "{…}", "why": "…", "retrySafe": true}],
//!  "progress": {"phase": "new ALLOW policies", "done": 3, "total": 40}}
//!
//! {"done": {"unchanged": 12,
//!   "changes": [{"action": "create", "kind": "AuthorizationPolicy", "namespace": "m", "name": "n",
//!     "phase": "new ALLOW policies", "why": "…", "request": {…}}],
//!   "restarts": [{"kind": "StatefulSet", "namespace": "m", "name": "app", "why": "…"}],
//!   "unknown": [{"kind": "Gateway", "why": "…"}], "manifests": "{…}",
//!   "dropped": 0, "diagnostics": []}}
//!
//! {"failed": {"diagnostic": {"code": "kubernetes-conflict", …},
//!   "changes": […], "unresolved": […], "dropped": 0, "diagnostics": []}}
//! ```
//!
//! `contentType` and `body` are left out together. `path` is percent-encoded, the values of `query`
//! are not. `request` of a change is there in a plan only, which has written nothing; `manifests` only
//! where a mesh was read: the text of a Kubernetes `List`. `unresolved` are changes whose effect nobody
//! knows: their requests were sent and not answered, or not in a way that tells.
//!
//! Answers are a JSON array of
//!
//! ```json
//! {"id": 7, "status": 200, "body": "{…}", "retryAfter": 1}
//! {"id": 7, "error": "timeout", "message": "…"}
//! ```
//!
//! where `error` is `timeout`, `connection` or `not-sent`, which says that the request cannot have taken
//! effect; and `retryAfter`, in seconds, may be left out.

mod answer;
mod compare;
mod delivery;
mod json;
mod labels;
mod ledger;
mod list;
mod manifest;
mod options;
mod order;
mod policies;
mod read_mesh;

use crate::diagnostic::Diagnostic;

/// How many requests of a program may be unanswered at a time.
pub const MAX_IN_FLIGHT: usize = 16;

/// The codes of the diagnostics of programs.
pub mod code {
    /// An option is missing or has another type.
    pub const WRONG_OPTION: &str = "wrong-option";
    /// No label tells which policies are managed; every policy of the cluster would be.
    pub const LABELS_REQUIRED: &str = "labels-required";
    /// A label has characters that labels may not have.
    pub const INVALID_LABEL: &str = "invalid-label";
    /// A raw policy is no AuthorizationPolicy, or cannot be addressed.
    pub const INVALID_RAW_POLICY: &str = "invalid-raw-policy";
    /// Two wanted policies have one name.
    pub const REPEATED_POLICY: &str = "repeated-policy";
    /// A wanted policy is outside the namespace that the run is limited to.
    pub const OTHER_NAMESPACE: &str = "other-namespace";
    /// No order of updates keeps each target covered throughout.
    pub const UNCOVERED_TARGET: &str = "uncovered-target";
    /// The ledger of labels, `data.labels` of the ConfigMap, cannot be read.
    pub const INVALID_LEDGER: &str = "invalid-ledger";
    /// The API server does not know the kind.
    pub const MISSING_CRD: &str = "missing-crd";
    /// An object or its namespace does not exist (404).
    pub const NOT_FOUND: &str = "kubernetes-not-found";
    /// Somebody else changed the object meanwhile, or manages one of its fields (409).
    pub const CONFLICT: &str = "kubernetes-conflict";
    /// The API server or one of its webhooks refuses the object (400, 403 by a webhook, 422).
    pub const REFUSED: &str = "kubernetes-refused";
    /// The caller may not do this (401, 403).
    pub const FORBIDDEN: &str = "kubernetes-forbidden";
    /// The API server is busy or broken (429, 5xx).
    pub const UNAVAILABLE: &str = "kubernetes-unavailable";
    /// No answer came in time, or the connection broke.
    pub const UNREACHABLE: &str = "kubernetes-unreachable";
    /// What came is no answer of an API server.
    pub const UNREADABLE: &str = "kubernetes-unreadable-answer";
    /// The list changed under the program's hands too often.
    pub const EXPIRED: &str = "kubernetes-list-expired";
    /// A list does not end.
    pub const ENDLESS: &str = "kubernetes-list-endless";
    /// Not everything could be done; other diagnostics say why.
    pub const INCOMPLETE: &str = "incomplete";
}

/// A request to the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeRequest {
    /// Unique within a program; 0 in a plan.
    pub id: u32,
    /// `GET`, `POST`, `PATCH` or `DELETE`.
    pub method: &'static str,
    /// The path, percent-encoded.
    pub path: String,
    /// The parameters, not encoded.
    pub query: Vec<(&'static str, String)>,
    /// The body's media type; `None` without a body.
    pub content_type: Option<&'static str>,
    /// The body, JSON text.
    pub body: Option<String>,
    /// Why it is sent: one lower-case phrase.
    pub why: String,
    /// Sent twice, it does what it does sent once.
    pub retry_safe: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// It did not come in time.
    Timeout,
    /// The connection could not be made, or broke.
    Connection,
    /// The request never left the host: it cannot have taken effect.
    NotSent,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeResponse {
    /// The request's.
    pub id: u32,
    /// The answer.
    pub answer: Result<KubeAnswer, NoAnswer>,
    /// What the host has to say to an error.
    pub message: String,
}

/// An answer of the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

/// Where a program stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Requests to send; none when the program waits for those it handed out before.
    Requests(Vec<KubeRequest>, Progress),
    /// It is over and did what was asked.
    Done(Outcome),
    /// It is over and did not.
    Failed(Failure),
}

/// How far a program has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// What it does just now.
    pub phase: &'static str,
    /// Changes that are made.
    pub done: usize,
    /// Changes to make, as far as is known; 0 before it is.
    pub total: usize,
}

/// One change of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `create`, `update` or `delete`.
    pub action: &'static str,
    /// The object's kind.
    pub kind: &'static str,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The phase it belongs to; those of a phase go out together, phases one after the other.
    pub phase: &'static str,
    /// Why.
    pub why: String,
    /// The request, in a plan.
    pub request: Option<KubeRequest>,
}

/// Something about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The object's kind.
    pub kind: &'static str,
    /// The object's namespace; empty where it has none, or all are meant.
    pub namespace: String,
    /// The object's name; empty where all are meant.
    pub name: String,
    /// What is to be said.
    pub why: String,
}

/// What a program did, or in a plan: would do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Objects that were as they should be.
    pub unchanged: usize,
    /// What was changed, in order.
    pub changes: Vec<Change>,
    /// Whose pods are restarted by it.
    pub restarts: Vec<Remark>,
    /// What could not be read and is therefore unknown.
    pub unknown: Vec<Remark>,
    /// What was read: the JSON text of a Kubernetes `List`.
    pub manifests: Option<String>,
    /// What is wrong with the input, assumed or unknown. Those with `dropped` left a policy out.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why a program stopped, and how far it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Why.
    pub diagnostic: Diagnostic,
    /// What was changed, in order.
    pub changes: Vec<Change>,
    /// What may have been changed.
    pub unresolved: Vec<Change>,
    /// What else is wrong.
    pub diagnostics: Vec<Diagnostic>,
}

/// A state machine that a host drives.
pub(crate) trait Conversation {
    /// The first step.
    fn start(&mut self) -> Step;
    /// The step after some answers.
    fn resume(&mut self, responses: Vec<KubeResponse>) -> Step;
}

/// A running program.
pub struct Program {
    conversation: Box<dyn Conversation + Send>,
    step: Step,
    /// The requests that are not answered yet.
    in_flight: Vec<u32>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

/// What programs there are; their options are described in `src/wasm/kube.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramKind {
    /// `PolicyResourceManager.reconcile`
    ReconcilePolicies,
    /// `PolicyResourceManager.delete`
    DeletePolicies,
    /// `reconcile_charm_labels`
    ReconcileCharmLabels,
    /// Takes all labels away again, and then the ConfigMap that remembers them.
    RemoveCharmLabels,
    /// Reads what decides about access.
    ReadMesh,
}

impl Program {
    /// Starts a program. `options` is a JSON object; what is wrong with it is a failed step.
    pub fn start(kind: ProgramKind, options: &str) -> Program {
        let mut program = Program {
            conversation: Box::new(Over),
            step: Step::Requests(Vec::new(), Progress::default()),
            in_flight: Vec::new(),
        };
        let step = match Self::conversation(kind, options) {
            Ok(conversation) => {
                program.conversation = conversation;
                program.conversation.start()
            }
            Err(diagnostic) => Step::Failed(Failure::before_anything(diagnostic)),
        };
        program.go(step);
        program
    }

    fn go(&mut self, step: Step) {
        if let Step::Requests(requests, _) = &step {
            self.in_flight
                .extend(requests.iter().map(|request| request.id));
        }
        self.step = step;
    }

    fn conversation(
        kind: ProgramKind,
        options: &str,
    ) -> Result<Box<dyn Conversation + Send>, Diagnostic> {
        let document = options::read(options)?;
        let options = options::Options::of(&document.root)?;
        options.only(match kind {
            ProgramKind::ReconcilePolicies | ProgramKind::DeletePolicies => &policies::OPTIONS,
            ProgramKind::ReconcileCharmLabels | ProgramKind::RemoveCharmLabels => &labels::OPTIONS,
            ProgramKind::ReadMesh => &read_mesh::OPTIONS,
        })?;
        Ok(match kind {
            ProgramKind::ReconcilePolicies => policies::start(&options, false)?,
            ProgramKind::DeletePolicies => policies::start(&options, true)?,
            ProgramKind::ReconcileCharmLabels => labels::start(&options, false)?,
            ProgramKind::RemoveCharmLabels => labels::start(&options, true)?,
            ProgramKind::ReadMesh => read_mesh::start(&options)?,
        })
    }

    /// Where it stands.
    pub fn step(&self) -> &Step {
        &self.step
    }

    /// Goes on with answers to some of the requests that it handed out; answers to others, or second
    /// ones, are passed over. A program that is over stays where it is.
    pub fn resume(&mut self, mut responses: Vec<KubeResponse>) -> &Step {
        if let Step::Requests(requests, _) = &mut self.step {
            requests.clear();
            let in_flight = &mut self.in_flight;
            responses.retain(|response| {
                let at = in_flight.iter().position(|id| *id == response.id);
                at.map(|at| in_flight.swap_remove(at)).is_some()
            });
            if !responses.is_empty() {
                let step = self.conversation.resume(responses);
                self.go(step);
            }
        }
        &self.step
    }

    /// [`Program::step`] as JSON text.
    pub fn step_json(&self) -> String {
        json::step(&self.step)
    }

    /// [`Program::resume`] with JSON texts. Where `responses` cannot be read, nobody knows what became of
    /// the requests that are out.
    pub fn resume_json(&mut self, responses: &str) -> String {
        let responses = json::responses(responses).unwrap_or_else(|| {
            let unanswered = self.in_flight.iter().map(|id| KubeResponse {
                id: *id,
                answer: Err(NoAnswer::Connection),
                message: "the host handed back something else than answers".to_owned(),
            });
            unanswered.collect()
        });
        self.resume(responses);
        self.step_json()
    }
}

/// A program that never began.
struct Over;

impl Conversation for Over {
    fn start(&mut self) -> Step {
        self.resume(Vec::new())
    }

    fn resume(&mut self, _: Vec<KubeResponse>) -> Step {
        Step::Done(Outcome::default())
    }
}

impl Failure {
    pub(crate) fn before_anything(diagnostic: Diagnostic) -> Self {
        Failure {
            diagnostic,
            changes: Vec::new(),
            unresolved: Vec::new(),
            diagnostics: Vec::new(),
        }
    }
}
