//! The side of a charm that provides a mesh: what the library's `ServiceMeshProvider` does.
//!
//! Everything here is faithful; [`super::ownership`] is what a hook needs.

use super::hook::{Action, Unit};
use crate::model::{
    Data, MeshPolicy, ServiceMeshProviderAppData, ValidationError, validate_mesh_policy,
};
use crate::python::json_dumps;
use crate::text::{Document, Node, TextError, Value, parse_json};

/// The endpoint's usual name.
pub const MESH_RELATION_NAME: &str = "service-mesh";

/// Whether the library updates its relations on the unit's event.
pub fn updates_relations(unit: &Unit<'_>, mesh_relation_name: &str) -> bool {
    unit.leader
        && match unit.event.name {
            "config_changed" => true,
            "relation_created" => unit.event_endpoint() == Some(mesh_relation_name),
            _ => false,
        }
}

/// What a provider writes into each of its databags, key by key.
pub fn databag(data: &ServiceMeshProviderAppData) -> Vec<(String, String)> {
    // Texts can always be written.
    let labels = json_dumps(&Data::Map(data.labels.clone())).unwrap_or_default();
    let mesh_type = json_dumps(&data.mesh_type).unwrap_or_default();
    vec![
        ("labels".to_owned(), labels),
        ("mesh_type".to_owned(), mesh_type),
    ]
}

/// `update_relations`: nothing unless the unit leads.
pub fn update_relations(
    unit: &Unit<'_>,
    mesh_relation_name: &str,
    data: &ServiceMeshProviderAppData,
) -> Vec<Action> {
    if !unit.leader {
        return Vec::new();
    }
    let data = databag(data);
    unit.related(mesh_relation_name)
        .map(|relation| Action::SetAppData {
            relation_id: relation.id,
            data: data.clone(),
        })
        .collect()
}

/// Where the library's `mesh_info` raises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MeshInfoError {
    /// A databag is no JSON.
    Json(TextError),
    /// A policy is not valid.
    Validation(Vec<ValidationError>),
    /// A databag holds something that has no items.
    NotIterable(&'static str),
}

/// `mesh_info`: the policies of all consumers, in the order of their relations.
pub fn mesh_info(
    unit: &Unit<'_>,
    mesh_relation_name: &str,
) -> Result<Vec<MeshPolicy>, MeshInfoError> {
    let mut policies = Vec::new();
    for relation in unit.related(mesh_relation_name) {
        let text = relation.get("policies").unwrap_or("[]");
        let document = parse_json(text).map_err(MeshInfoError::Json)?;
        for node in items(document)? {
            let policy = validate_mesh_policy(&node).map_err(MeshInfoError::Validation)?;
            policies.push(policy);
        }
    }
    Ok(policies)
}

/// What Python's `for` goes through.
fn items(document: Document<'_>) -> Result<Vec<Node<'_>>, MeshInfoError> {
    let at = document.root.at;
    let text = |value| Node {
        at,
        value: Value::String(value),
    };
    let kind = document.root.kind();
    Ok(match document.root.value {
        Value::Array(nodes) => nodes,
        Value::Object(object) => {
            let keys = object.members.into_iter().map(|member| text(member.key));
            keys.collect()
        }
        // Of many wrong items the first is enough to raise.
        Value::String(characters) if characters.is_empty() => Vec::new(),
        Value::String(characters) => vec![text(characters)],
        _ => return Err(MeshInfoError::NotIterable(kind)),
    })
}
