//! What is sent about a policy: the manifest that is applied, and the options of its deletion.

use super::options::{Labels, is_addressable};
use super::{code, json};
use crate::diagnostic::{self, Diagnostic};
use crate::istio::{API_VERSION, AuthorizationPolicy, KIND};
use crate::text::{Node, Object, to_json};

/// A policy as it is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) namespace: String,
    pub(super) name: String,
    /// JSON text.
    pub(super) body: String,
}

/// The manifest of a policy that was built from a MeshPolicy.
pub(super) fn built(policy: AuthorizationPolicy, labels: &Labels) -> Result<Manifest, Diagnostic> {
    let mut body = begin(&policy.namespace, &policy.name, None, labels);
    body.push_str("},\"spec\":");
    // Only an integer that no format can hold fails to be written, and a built policy has none.
    body.push_str(&to_json(&policy.spec).unwrap_or_default());
    body.push('}');
    addressable(Manifest {
        namespace: policy.namespace,
        name: policy.name,
        body,
    })
}

/// The manifest of a policy that was given as one.
pub(super) fn raw(
    node: &Node<'_>,
    default_namespace: &str,
    labels: &Labels,
) -> Result<Manifest, Diagnostic> {
    let wrong = |what: &str| {
        Diagnostic::error(code::INVALID_RAW_POLICY, format!("a raw policy {what}")).dropped()
    };
    let object = node.as_object().ok_or_else(|| wrong("is no object"))?;
    if let Some(kind) = object.get("kind").and_then(Node::as_str)
        && kind != KIND
    {
        return Err(
            wrong(&format!("is of kind `{kind}`")).help("only AuthorizationPolicies are managed")
        );
    }
    if let Some(version) = object.get("apiVersion").and_then(Node::as_str)
        && !version.starts_with("security.istio.io/")
    {
        return Err(
            wrong(&format!("has the apiVersion `{version}`")).help("write `security.istio.io/v1`")
        );
    }
    let metadata = object
        .get("metadata")
        .and_then(Node::as_object)
        .ok_or_else(|| wrong("has no `metadata`"))?;
    let text = |key: &str| {
        let text = metadata.get(key).and_then(Node::as_str);
        text.filter(|text| !text.is_empty())
    };
    let name = text("name").ok_or_else(|| wrong("has no `metadata.name`"))?;
    let namespace = text("namespace").unwrap_or(default_namespace);
    let mut body = begin(namespace, name, Some(metadata), labels);
    body.push('}');
    for member in object.iter() {
        // The status is the server's.
        if !["apiVersion", "kind", "metadata", "status"].contains(&member.key.as_ref()) {
            body.push(',');
            json::key(&mut body, &member.key);
            json::value(&mut body, &member.value.value);
        }
    }
    body.push('}');
    addressable(Manifest {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        body,
    })
}

fn addressable(manifest: Manifest) -> Result<Manifest, Diagnostic> {
    let Manifest {
        namespace, name, ..
    } = &manifest;
    // An empty namespace leads nowhere, and the API server says so.
    let namespace_fits = namespace.is_empty() || is_addressable(namespace);
    if !namespace_fits || !is_addressable(name) {
        let name = super::answer::one_line(if namespace_fits { name } else { namespace });
        let message = format!("`{name}` is no name of an object: its policy is left out");
        return Err(Diagnostic::error(diagnostic::code::INVALID_NAME, message).dropped());
    }
    Ok(manifest)
}

/// The text up to the end of the metadata, which is left open.
fn begin(namespace: &str, name: &str, given: Option<&Object<'_>>, labels: &Labels) -> String {
    let mut body = String::from("{");
    json::field(&mut body, "apiVersion", API_VERSION);
    body.push(',');
    json::field(&mut body, "kind", KIND);
    body.push_str(",\"metadata\":{");
    json::field(&mut body, "name", name);
    body.push(',');
    json::field(&mut body, "namespace", namespace);
    let raw_labels = given.and_then(|metadata| metadata.get("labels"));
    let raw_labels = raw_labels.and_then(Node::as_object);
    let mut parts = Vec::new();
    for member in raw_labels.into_iter().flat_map(|labels| labels.iter()) {
        if !labels.iter().any(|(key, _)| *key == member.key) {
            let mut text = String::new();
            json::key(&mut text, &member.key);
            json::value(&mut text, &member.value.value);
            parts.push(text);
        }
    }
    for (key, value) in labels {
        // A key alone can be asked for, not given.
        if let Some(value) = value {
            parts.push(labelled(key, value));
        }
    }
    body.push_str(",\"labels\":{");
    body.push_str(&parts.join(","));
    body.push('}');
    for key in ["annotations", "finalizers", "ownerReferences"] {
        let given = given.and_then(|metadata| metadata.get(key));
        if let Some(node) = given.filter(|node| !node.is_null()) {
            body.push(',');
            json::key(&mut body, key);
            json::value(&mut body, &node.value);
        }
    }
    body
}

fn labelled(key: &str, value: &str) -> String {
    let mut text = String::new();
    json::field(&mut text, key, value);
    text
}

/// The options of a deletion that hits the object that was seen, and no other.
pub(super) fn delete_options(uid: Option<&str>, version: Option<&str>) -> String {
    let mut body =
        String::from("{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"preconditions\":{");
    let mut is_first = true;
    for (key, text) in [("uid", uid), ("resourceVersion", version)] {
        if let Some(text) = text {
            if !is_first {
                body.push(',');
            }
            is_first = false;
            json::field(&mut body, key, text);
        }
    }
    body.push_str("}}");
    body
}
