//! `istio_policies`

use super::{Failure, field, is_truthy, iterable, list_field, object_field, text_field};
use crate::istio::{AuthorizationPolicy, Metadata, build_policy_resources_istio};
use crate::model::{MeshPolicy, validate_mesh_policy};
use crate::python;
use crate::text::{Member, Node, Object, Value, to_json};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::borrow::Cow;

#[derive(Serialize)]
struct Answer<'a> {
    resources: Vec<Resource<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash_inputs: Option<Vec<String>>,
}

/// A resource as the library returns it, before its kind is known to Kubernetes.
enum Resource<'a> {
    Built(Option<AuthorizationPolicy>),
    Raw(Object<'a>),
}

impl Serialize for Resource<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Resource::Built(None) => serializer.serialize_none(),
            Resource::Built(Some(policy)) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("metadata", &Metadata(policy))?;
                map.serialize_entry("spec", &policy.spec)?;
                map.end()
            }
            Resource::Raw(object) => object.serialize(serializer),
        }
    }
}

pub(super) fn istio_policies(request: &Object<'_>) -> Result<String, Failure> {
    let app_name = text_field(request, "app_name")?;
    let model_name = text_field(request, "model_name")?;
    let raw_policies = match request.get("raw_policies") {
        Some(node) => iterable(node, "raw_policies")?,
        None => &[],
    };
    let raw: Vec<Option<Object<'_>>> = raw_policies
        .iter()
        .map(raw_policy)
        .collect::<Result<_, _>>()?;
    let policies: Vec<MeshPolicy> = list_field(request, "policies")?
        .iter()
        .map(validate_mesh_policy)
        .collect::<Result<_, _>>()?;
    if raw.iter().any(Option::is_none) {
        return Err(Failure::type_error("a raw policy is of another type"));
    }
    let mesh_type = request.get("mesh_type");
    if mesh_type.is_some_and(|node| node.as_str() != Some("istio")) {
        let message = "there is no such mesh type".to_owned();
        return Err(Failure::Error("ValueError", message));
    }
    let built = build_policy_resources_istio(app_name, model_name, &policies);
    let explain = request
        .get("explain")
        .is_some_and(|node| is_truthy(&node.value));
    Ok(to_json(&Answer {
        resources: built
            .into_iter()
            .map(Resource::Built)
            .chain(raw.into_iter().flatten().map(Resource::Raw))
            .collect(),
        hash_inputs: explain.then(|| {
            let text = |policy| {
                let mut text = String::new();
                python::write_mesh_policy(&mut text, policy);
                text
            };
            policies.iter().map(text).collect()
        }),
    })?)
}

/// A raw policy as it comes out again; `None` where it is of a type that the library refuses.
pub(super) fn raw_policy<'a>(node: &Node<'a>) -> Result<Option<Object<'a>>, Failure> {
    let Value::Object(given) = &node.value else {
        return Err(Failure::bad_request("a raw policy must be an object"));
    };
    let via = match given.get("via") {
        Some(node) => node.as_str(),
        None => Some("object"),
    };
    let mut content = given.clone();
    content.members.retain(|member| member.key != "via");
    match via {
        Some("dict") => return Ok(Some(content)),
        Some("plain") => return Ok(None),
        _ => {}
    }
    let metadata = kubernetes_object(object_field(&content, "metadata")?, OBJECT_META)?;
    match via {
        Some("object") => {
            for member in &mut content.members {
                if member.key == "metadata" {
                    member.value.value = Value::Object(metadata);
                    break;
                }
            }
            Ok(Some(content))
        }
        Some("configmap") => Ok(None),
        _ => Err(Failure::bad_request("there is no such `via`")),
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Integer,
    Bool,
    Object,
    Texts,
    Time,
    ManagedFields,
    OwnerReferences,
}

const OBJECT_META: &[(&str, Kind, bool)] = &[
    ("annotations", Kind::Object, false),
    ("creationTimestamp", Kind::Time, false),
    ("deletionGracePeriodSeconds", Kind::Integer, false),
    ("deletionTimestamp", Kind::Time, false),
    ("finalizers", Kind::Texts, false),
    ("generateName", Kind::Text, false),
    ("generation", Kind::Integer, false),
    ("labels", Kind::Object, false),
    ("managedFields", Kind::ManagedFields, false),
    ("name", Kind::Text, false),
    ("namespace", Kind::Text, false),
    ("ownerReferences", Kind::OwnerReferences, false),
    ("resourceVersion", Kind::Text, false),
    ("selfLink", Kind::Text, false),
    ("uid", Kind::Text, false),
];

const MANAGED_FIELDS_ENTRY: &[(&str, Kind, bool)] = &[
    ("apiVersion", Kind::Text, false),
    ("fieldsType", Kind::Text, false),
    ("fieldsV1", Kind::Object, false),
    ("manager", Kind::Text, false),
    ("operation", Kind::Text, false),
    ("subresource", Kind::Text, false),
    ("time", Kind::Time, false),
];

const OWNER_REFERENCE: &[(&str, Kind, bool)] = &[
    ("apiVersion", Kind::Text, true),
    ("kind", Kind::Text, true),
    ("name", Kind::Text, true),
    ("uid", Kind::Text, true),
    ("blockOwnerDeletion", Kind::Bool, false),
    ("controller", Kind::Bool, false),
];

/// Keeps the known fields in their order, without nulls; another type is a bad request.
fn kubernetes_object<'a>(
    given: &Object<'a>,
    fields: &[(&'static str, Kind, bool)],
) -> Result<Object<'a>, Failure> {
    let mut kept = Object::default();
    for (name, kind, is_required) in fields {
        if *is_required {
            field(given, name)?;
        }
        let Some(member) = given.member(name) else {
            continue;
        };
        if member.value.is_null() && !is_required {
            continue;
        }
        kept.members.push(Member {
            key: Cow::Borrowed(*name),
            at: member.at,
            value: kubernetes_value(&member.value, *kind, name)?,
        });
    }
    Ok(kept)
}

fn kubernetes_value<'a>(node: &Node<'a>, kind: Kind, name: &str) -> Result<Node<'a>, Failure> {
    let wrong = || Failure::bad_request(format!("`metadata` has a `{name}` of another type"));
    let fits = match (kind, &node.value) {
        (Kind::Text, Value::String(_))
        | (Kind::Integer, Value::Int(_) | Value::BigInt(_))
        | (Kind::Bool, Value::Bool(_))
        | (Kind::Object, Value::Object(_)) => true,
        (Kind::Texts, Value::Array(nodes)) => nodes.iter().all(|node| node.as_str().is_some()),
        (Kind::Time, Value::String(_)) => {
            let message = format!("times, as in `{name}`, are not normalised here");
            return Err(Failure::Refused("time", message));
        }
        (Kind::ManagedFields, Value::Array(nodes)) => {
            return kubernetes_list(node, nodes, MANAGED_FIELDS_ENTRY);
        }
        (Kind::OwnerReferences, Value::Array(nodes)) => {
            return kubernetes_list(node, nodes, OWNER_REFERENCE);
        }
        _ => false,
    };
    if fits { Ok(node.clone()) } else { Err(wrong()) }
}

fn kubernetes_list<'a>(
    list: &Node<'a>,
    nodes: &[Node<'a>],
    fields: &[(&'static str, Kind, bool)],
) -> Result<Node<'a>, Failure> {
    let mut kept = Vec::with_capacity(nodes.len());
    for node in nodes {
        let Value::Object(object) = &node.value else {
            return Err(Failure::bad_request(
                "`metadata` has a list of other things",
            ));
        };
        kept.push(Node {
            at: node.at,
            value: Value::Object(kubernetes_object(object, fields)?),
        });
    }
    Ok(Node {
        at: list.at,
        value: Value::Array(kept),
    })
}
