//! The texts that cross the boundary, and a small writer of JSON.

use super::{
    Change, Failure, KubeAnswer, KubeRequest, KubeResponse, NoAnswer, Outcome, Remark, Step,
};
use crate::diagnostic::{Diagnostic, Severity};
use crate::text::{Node, Value, parse_json, push_string};
use std::fmt::Write;

// Writing to a `String` cannot fail; `let _ = write!(…)` below relies on it.

/// Appends a value. The reader has bounded its depth.
pub(super) fn value(out: &mut String, node: &Value<'_>) {
    match node {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Int(number) => {
            let _ = write!(out, "{number}");
        }
        Value::BigInt(text) => out.push_str(text),
        Value::Float(number) if number.is_finite() => {
            let _ = write!(out, "{number:?}");
        }
        Value::Float(_) => out.push_str("null"),
        Value::String(text) => push_string(out, text),
        Value::Array(nodes) => list(out, nodes, |out, node| value(out, &node.value)),
        Value::Object(object) => {
            out.push('{');
            for (at, member) in object.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                key(out, &member.key);
                value(out, &member.value.value);
            }
            out.push('}');
        }
    }
}

/// Appends `"key":`.
pub(super) fn key(out: &mut String, name: &str) {
    push_string(out, name);
    out.push(':');
}

/// Appends `"key":"text"`.
pub(super) fn field(out: &mut String, name: &str, text: &str) {
    key(out, name);
    push_string(out, text);
}

fn list<T>(out: &mut String, items: &[T], mut write: impl FnMut(&mut String, &T)) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

/// The text of a step, as `src/kube/mod.rs` describes it.
pub(super) fn step(step: &Step) -> String {
    let mut out = String::new();
    match step {
        Step::Requests(requests, progress) => {
            out.push_str("{\"requests\":");
            list(&mut out, requests, request);
            out.push_str(",\"progress\":{");
            field(&mut out, "phase", progress.phase);
            let _ = write!(
                out,
                ",\"done\":{},\"total\":{}}}}}",
                progress.done, progress.total
            );
        }
        Step::Done(outcome) => {
            out.push_str("{\"done\":");
            done(&mut out, outcome);
            out.push('}');
        }
        Step::Failed(failure) => {
            out.push_str("{\"failed\":");
            failed(&mut out, failure);
            out.push('}');
        }
    }
    out
}

fn request(out: &mut String, request: &KubeRequest) {
    let _ = write!(out, "{{\"id\":{},", request.id);
    field(out, "method", request.method);
    out.push(',');
    field(out, "path", &request.path);
    out.push_str(",\"query\":{");
    for (at, (name, text)) in request.query.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        field(out, name, text);
    }
    out.push('}');
    for (name, text) in [
        ("contentType", request.content_type),
        ("body", request.body.as_deref()),
    ] {
        if let Some(text) = text {
            out.push(',');
            field(out, name, text);
        }
    }
    out.push(',');
    field(out, "why", &request.why);
    out.push_str(if request.retry_safe {
        ",\"retrySafe\":true}"
    } else {
        ",\"retrySafe\":false}"
    });
}

fn done(out: &mut String, outcome: &Outcome) {
    let _ = write!(out, "{{\"unchanged\":{},\"changes\":", outcome.unchanged);
    list(out, &outcome.changes, change);
    out.push_str(",\"restarts\":");
    list(out, &outcome.restarts, remark);
    out.push_str(",\"unknown\":");
    list(out, &outcome.unknown, remark);
    if let Some(manifests) = &outcome.manifests {
        out.push(',');
        field(out, "manifests", manifests);
    }
    diagnostics(out, &outcome.diagnostics);
}

fn failed(out: &mut String, failure: &Failure) {
    out.push_str("{\"diagnostic\":");
    diagnostic(out, &failure.diagnostic);
    out.push_str(",\"changes\":");
    list(out, &failure.changes, change);
    out.push_str(",\"unresolved\":");
    list(out, &failure.unresolved, change);
    diagnostics(out, &failure.diagnostics);
}

/// Ends the object with its diagnostics.
fn diagnostics(out: &mut String, all: &[Diagnostic]) {
    let dropped = all.iter().filter(|diagnostic| diagnostic.dropped).count();
    let _ = write!(out, ",\"dropped\":{dropped},\"diagnostics\":");
    list(out, all, diagnostic);
    out.push('}');
}

fn diagnostic(out: &mut String, diagnostic: &Diagnostic) {
    out.push('{');
    field(out, "code", diagnostic.code);
    out.push(',');
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    field(out, "severity", severity);
    out.push(',');
    field(out, "message", &diagnostic.message);
    if let Some(help) = &diagnostic.help {
        out.push(',');
        field(out, "help", help);
    }
    out.push('}');
}

fn change(out: &mut String, change: &Change) {
    out.push('{');
    for (name, text) in [
        ("action", change.action),
        ("kind", change.kind),
        ("namespace", &change.namespace),
        ("name", &change.name),
        ("phase", change.phase),
        ("why", &change.why),
    ] {
        if name != "action" {
            out.push(',');
        }
        field(out, name, text);
    }
    if let Some(planned) = &change.request {
        out.push_str(",\"request\":");
        request(out, planned);
    }
    out.push('}');
}

fn remark(out: &mut String, remark: &Remark) {
    out.push('{');
    field(out, "kind", remark.kind);
    for (name, text) in [("namespace", &remark.namespace), ("name", &remark.name)] {
        if !text.is_empty() {
            out.push(',');
            field(out, name, text);
        }
    }
    out.push(',');
    field(out, "why", &remark.why);
    out.push('}');
}

/// Reads answers as a host writes them; `None` where they are written otherwise.
pub(super) fn responses(text: &str) -> Option<Vec<KubeResponse>> {
    let document = parse_json(text).ok()?;
    document.root.as_array()?.iter().map(response).collect()
}

fn response(node: &Node<'_>) -> Option<KubeResponse> {
    let number = |key: &str| match node.get(key).map(|node| &node.value) {
        Some(Value::Int(number)) => Some(*number),
        _ => None,
    };
    let text = |key: &str| node.get(key).and_then(Node::as_str);
    let answer = match text("error") {
        Some("timeout") => Err(NoAnswer::Timeout),
        Some("connection") => Err(NoAnswer::Connection),
        Some("not-sent") => Err(NoAnswer::NotSent),
        Some(_) => return None,
        None => Ok(KubeAnswer {
            status: u16::try_from(number("status")?).ok()?,
            body: text("body")?.to_owned(),
        }),
    };
    Some(KubeResponse {
        id: u32::try_from(number("id")?).ok()?,
        answer,
        message: text("message").unwrap_or_default().to_owned(),
    })
}
