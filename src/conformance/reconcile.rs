//! `reconcile_policies` and `reconcile_labels`: the programs of `kube`, driven against a cluster in
//! memory. Nothing goes wrong in it; what happens when something does is tested in `tests/faults.rs`.

use super::fake_cluster::{FakeCluster, address};
use super::{Failure, iterable, list_field, text_field};
use crate::diagnostic::Diagnostic;
use crate::kube::{KubeRequest, KubeResponse, Program, ProgramKind, Step, code};
use crate::model::{Data, validate_mesh_policy};
use crate::text::{Node, Object, to_json};
use serde::Serialize;

/// Answers to this many rounds of requests are enough for any program.
const MAX_ROUNDS: usize = 10_000;

pub(super) fn reconcile_policies(request: &Object<'_>) -> Result<String, Failure> {
    let mut options = Options::new();
    options.text("appName", text_field(request, "app_name")?)?;
    options.text("modelName", text_field(request, "model_name")?)?;
    let is_deletion = request.get("action").and_then(Node::as_str) == Some("delete");
    let mut raw = Vec::new();
    let mut refused = None;
    if let Some(node) = request.get("raw_policies") {
        for node in iterable(node, "raw_policies")? {
            match super::istio::raw_policy(node)? {
                Some(policy) => raw.push(policy),
                None if is_deletion => {}
                None => refused = Some(Failure::type_error("a raw policy is of another type")),
            }
        }
    }
    let mut cluster = cluster(request)?;
    if !is_deletion {
        let policies = list_field(request, "policies")?;
        for node in policies {
            if let Err(errors) = validate_mesh_policy(node) {
                refused = Some(Failure::from(errors));
                break;
            }
        }
        options.value("policies", &policies)?;
        if refused.is_none() && !policies.is_empty() {
            let mesh = request.get("mesh_type");
            if mesh.is_some_and(|node| node.as_str() != Some("istio")) {
                let message = "there is no such mesh type".to_owned();
                refused = Some(Failure::Error("ValueError", message));
            }
        }
    }
    if let Some(failure) = refused {
        return finished(Some(&failure), &[], &cluster);
    }
    options.value("rawPolicies", &raw)?;
    for (name, key) in [
        ("labels", "labels"),
        ("force", "force"),
        ("ignore_missing", "ignoreMissing"),
    ] {
        if let Some(node) = request.get(name) {
            options.value(key, node)?;
        }
    }
    options.manager(request)?;
    // The library applies nothing when it refuses a policy.
    options.value("allOrNothing", &true)?;
    let kind = if is_deletion {
        ProgramKind::DeletePolicies
    } else {
        ProgramKind::ReconcilePolicies
    };
    let (failed, calls) = drive(kind, &options.end(), &mut cluster);
    let failure = failed.map(|diagnostic| {
        let kind = match diagnostic.code {
            code::LABELS_REQUIRED | code::WRONG_OPTION => "ValueError",
            crate::diagnostic::code::L7_UNIT_POLICY => "AttributeError",
            // And it needs a field manager before it makes an address of a name.
            crate::diagnostic::code::INVALID_NAME
                if request.get("field_manager").is_some_and(Node::is_null) =>
            {
                "ValueError"
            }
            crate::diagnostic::code::INVALID_NAME => "InvalidURL",
            code::INVALID_RAW_POLICY => "TypeError",
            _ => "ApiError",
        };
        Failure::Error(kind, diagnostic.message)
    });
    finished(failure.as_ref(), &calls, &cluster)
}

pub(super) fn reconcile_labels(request: &Object<'_>) -> Result<String, Failure> {
    let mut options = Options::new();
    let app = text_field(request, "app_name")?;
    options.text("appName", app)?;
    let namespace = match request.get("client_namespace").and_then(Node::as_str) {
        Some(namespace) => namespace,
        None => text_field(request, "namespace")?,
    };
    options.text("namespace", namespace)?;
    for (name, key) in [
        ("labels", "labels"),
        ("label_configmap_name", "labelConfigmapName"),
    ] {
        if let Some(node) = request.get(name) {
            options.value(key, node)?;
        }
    }
    options.manager(request)?;
    let mut cluster = cluster(request)?;
    let (failed, calls) = drive(
        ProgramKind::ReconcileCharmLabels,
        &options.end(),
        &mut cluster,
    );
    finished(failed.map(labels_failure).as_ref(), &calls, &cluster)
}

/// Fails where a charm that puts these labels onto itself, in the cluster of the request, does.
pub(super) fn charm_labels(
    request: &Object<'_>,
    app: &str,
    namespace: &str,
    labels: &Data,
) -> Result<(), Failure> {
    let mut options = Options::new();
    options.text("appName", app)?;
    options.text("namespace", namespace)?;
    options.text("fieldManager", app)?;
    options.value("labels", labels)?;
    let mut cluster = cluster(request)?;
    let (failed, _) = drive(
        ProgramKind::ReconcileCharmLabels,
        &options.end(),
        &mut cluster,
    );
    failed.map_or(Ok(()), |diagnostic| Err(labels_failure(diagnostic)))
}

fn labels_failure(diagnostic: Diagnostic) -> Failure {
    let kind = match diagnostic.code {
        code::INVALID_LEDGER if diagnostic.message.starts_with("there are data") => "KeyError",
        code::INVALID_LEDGER if diagnostic.message.starts_with("there is no JSON under") => {
            "JSONDecodeError"
        }
        code::INVALID_LEDGER => "TypeError",
        _ => "ApiError",
    };
    Failure::Error(kind, diagnostic.message)
}

fn cluster(request: &Object<'_>) -> Result<FakeCluster, Failure> {
    let objects = match request.get("cluster") {
        Some(node) => iterable(node, "cluster")?,
        None => &[],
    };
    if request
        .get("faults")
        .is_some_and(|node| super::is_truthy(&node.value))
    {
        let message = "faults are not played here".to_owned();
        return Err(Failure::Refused("faults", message));
    }
    FakeCluster::of(objects).ok_or_else(|| Failure::bad_request("an object is not complete"))
}

/// JSON text of a program's options.
struct Options {
    text: String,
}

impl Options {
    fn new() -> Self {
        Options {
            text: "{".to_owned(),
        }
    }

    fn value<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), Failure> {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text.push('"');
        self.text.push_str(key);
        self.text.push_str("\":");
        self.text.push_str(&to_json(value)?);
        Ok(())
    }

    fn text(&mut self, key: &str, text: &str) -> Result<(), Failure> {
        self.value(key, text)
    }

    /// The application writes in its own name, unless the request says otherwise.
    fn manager(&mut self, request: &Object<'_>) -> Result<(), Failure> {
        match request.get("field_manager").map(Node::as_str) {
            Some(Some(manager)) => self.text("fieldManager", manager),
            Some(None) => Ok(()),
            None => self.text("fieldManager", text_field(request, "app_name")?),
        }
    }

    fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

/// Drives a program to its end; returns why it failed, and what it asked for.
fn drive(
    kind: ProgramKind,
    options: &str,
    cluster: &mut FakeCluster,
) -> (Option<Diagnostic>, Vec<KubeRequest>) {
    let mut program = Program::start(kind, options);
    let mut calls = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let requests = match program.step() {
            Step::Requests(requests, _) => requests.clone(),
            Step::Done(_) => return (None, calls),
            Step::Failed(failure) => {
                // The library meets this one before it looks at names.
                let is_first = |d: &&Diagnostic| d.code == crate::diagnostic::code::L7_UNIT_POLICY;
                let first = failure.diagnostics.iter().find(is_first);
                return (Some(first.unwrap_or(&failure.diagnostic).clone()), calls);
            }
        };
        let mut responses = Vec::with_capacity(requests.len());
        for request in requests {
            responses.push(KubeResponse {
                id: request.id,
                answer: Ok(cluster.answer(&request)),
                message: String::new(),
            });
            calls.push(request);
        }
        program.resume(responses);
    }
    let message = "the program does not end";
    (Some(Diagnostic::error(code::INCOMPLETE, message)), calls)
}

/// The whole answer, with what was asked for and what is in the cluster.
fn finished(
    failure: Option<&Failure>,
    calls: &[KubeRequest],
    cluster: &FakeCluster,
) -> Result<String, Failure> {
    let mut out = match failure {
        None => "{\"ok\":null".to_owned(),
        Some(failure) => format!("{{\"error\":{}", to_json(failure)?),
    };
    out.push_str(",\"calls\":[");
    for (at, call) in calls.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        let (_, namespace, name) = address(&call.path).unwrap_or_default();
        out.push_str("{\"method\":");
        out.push_str(&to_json(call.method)?);
        for (key, text) in [
            ("namespace", namespace.as_deref()),
            ("name", name.as_deref()),
            ("path", Some(call.path.as_str())),
            ("content_type", call.content_type),
        ] {
            if let Some(text) = text {
                out.push_str(",\"");
                out.push_str(key);
                out.push_str("\":");
                out.push_str(&to_json(text)?);
            }
        }
        out.push_str(",\"query\":{");
        for (at, (key, text)) in call.query.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(&to_json(key)?);
            out.push(':');
            out.push_str(&to_json(text)?);
        }
        out.push('}');
        if let Some(body) = &call.body {
            out.push_str(",\"body\":");
            out.push_str(body);
        }
        out.push('}');
    }
    out.push_str("],\"state\":[");
    for (at, object) in cluster.objects().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&to_json(object)?);
    }
    out.push_str("]}");
    Err(Failure::Whole(out))
}
