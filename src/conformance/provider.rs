//! `provider`

use super::hook::{Situation, inner, json, whole};
use super::{Failure, field, text_field};
use crate::juju::provider::{
    MESH_RELATION_NAME, MeshInfoError, databag, mesh_info, updates_relations,
};
use crate::model::validate_service_mesh_provider_app_data;
use crate::text::{Member, Node, Object, Position, Value};
use std::borrow::Cow;

pub(super) fn provider(request: &Object<'_>) -> Result<String, Failure> {
    whole(answer(request))
}

fn answer(request: &Object<'_>) -> Result<String, Failure> {
    let labels = field(request, "labels")?;
    let endpoint = match request.get("mesh_relation_name") {
        Some(_) => text_field(request, "mesh_relation_name")?,
        None => MESH_RELATION_NAME,
    };
    let relations = field(request, "relations")?;
    let mut situation = Situation::read(request, [(endpoint, relations)].into_iter())?;

    if updates_relations(&situation.unit, endpoint) {
        let mut members = vec![member("labels", labels.clone())];
        members.push(member(
            "mesh_type",
            request.get("mesh_type").cloned().unwrap_or(Node {
                at: Position::default(),
                value: Value::String(Cow::Borrowed("istio")),
            }),
        ));
        let data = validate_service_mesh_provider_app_data(&Node {
            at: Position::default(),
            value: Value::Object(Object { members }),
        })?;
        let ids: Vec<i64> = situation.unit.related(endpoint).map(|r| r.id).collect();
        for id in ids {
            situation.write(id, &databag(&data));
        }
    }
    let info = mesh_info(&situation.unit, endpoint)
        .map_err(|error| match error {
            MeshInfoError::Json(error) => super::unreadable(error, "JSONDecodeError"),
            MeshInfoError::Validation(errors) => errors.into(),
            MeshInfoError::NotIterable(kind) => Failure::type_error(format!("{kind} has no items")),
        })
        .and_then(|policies| json(&policies));
    Ok(format!(
        "{{\"databags\":{},\"mesh_info\":{}}}",
        situation.databags()?,
        inner(info)
    ))
}

fn member<'a>(key: &'static str, value: Node<'a>) -> Member<'a> {
    Member {
        key: Cow::Borrowed(key),
        at: Position::default(),
        value,
    }
}
