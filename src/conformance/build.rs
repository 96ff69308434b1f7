//! `build_mesh_policies`

use super::{
    Failure, MAX_DIGITS, field, iterable, list_field, object_field, text_field, unreadable,
};
use crate::juju::mesh_policies::{
    BuildError, CmrRelation, RelatedApp, build_mesh_policies as build, databag,
    get_data_from_cmr_relation,
};
use crate::map::Map;
use crate::model::{
    self, CharmPolicy, CmrData, Loc, MeshPolicy, PolicyTargetType, ValidationError,
};
use crate::text::{Node, Object, Value, to_json};
use serde::{Serialize, Serializer};
use std::sync::Arc;

type Cmr = Vec<(String, CmrData)>;

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(serialize_with = "serialize_cmr")]
    cmr: &'a Cmr,
    policies: &'a [MeshPolicy],
    databag: String,
}

fn serialize_cmr<S: Serializer>(cmr: &&Cmr, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(cmr.iter().map(|(app, data)| (app, data)))
}

/// Applications related over each relation, as the request gives them.
type Relations<'n, 'a> = Map<'n, Vec<&'n Node<'a>>>;

pub(super) fn build_mesh_policies(request: &Object<'_>) -> Result<String, Failure> {
    let mut relations = Relations::new();
    for member in object_field(request, "relations")?.iter() {
        let apps = iterable(&member.value, &member.key)?
            .iter()
            .map(related_app);
        relations.insert(&member.key, apps.collect::<Result<_, _>>()?);
    }
    let cmr_relations = match request.get("cmr_relations") {
        Some(node) => iterable(node, "cmr_relations")?,
        None => &[],
    };
    for relation in cmr_relations {
        related_app(relation)?;
    }
    let specs = list_field(request, "policies")?;
    let target_app_name = field(request, "target_app_name")?;
    let target_namespace = field(request, "target_namespace")?;

    let policies: Vec<CharmPolicy> = specs.iter().map(charm_policy).collect::<Result<_, _>>()?;
    let cmr = cmr_data(cmr_relations)?;
    reject_other_types(
        &relations,
        &cmr,
        &policies,
        target_app_name,
        target_namespace,
    )?;
    let related: Map<'_, Vec<RelatedApp<'_>>> = relations
        .iter()
        .map(|(name, apps)| {
            (
                name,
                apps.iter()
                    .map(|node| RelatedApp { app: text(node) })
                    .collect(),
            )
        })
        .collect();
    let built = build(
        |name| related.get(name).map(Vec::as_slice),
        &cmr,
        &policies,
        target_app_name.as_str(),
        text(target_namespace),
    )
    .map_err(|error| match error {
        BuildError::UnknownRelation(name) => Failure::Error("KeyError", name),
        BuildError::Invalid(message) => value_error(message, target_app_name),
    })?;
    Ok(to_json(&Answer {
        cmr: &cmr,
        policies: &built,
        databag: databag(&built),
    })?)
}

fn text<'n>(node: &'n Node<'_>) -> &'n str {
    node.as_str().unwrap_or_default()
}

fn related_app<'n, 'a>(node: &'n Node<'a>) -> Result<&'n Node<'a>, Failure> {
    match &node.value {
        Value::Object(object) => field(object, "app"),
        _ => Err(Failure::bad_request("a relation must be an object")),
    }
}

pub(super) fn charm_policy(spec: &Node<'_>) -> Result<CharmPolicy, Failure> {
    let Value::Object(object) = &spec.value else {
        return Err(Failure::bad_request("a policy must be an object"));
    };
    let kind = text_field(object, "kind")?;
    if kind == "policy" && object.get("self").is_some() {
        return Err(Failure::type_error("`self` is given twice"));
    }
    match model::validate_charm_policy(kind, spec) {
        Some(policy) => Ok(policy?),
        None => Err(Failure::bad_request(format!("unknown kind `{kind}`"))),
    }
}

// === cmr_data ===

/// Reads the relations up to the first that the library fails on.
fn cmr_data(relations: &[Node<'_>]) -> Result<Cmr, Failure> {
    let mut readable = Vec::new();
    let mut failure = None;
    for relation in relations {
        match cmr_relation(relation) {
            Ok(relation) => readable.extend(relation),
            Err(found) => {
                failure = Some(found);
                break;
            }
        }
    }
    let cmr = get_data_from_cmr_relation(readable).map_err(|e| unreadable(e, "JSONDecodeError"))?;
    failure.map_or(Ok(cmr), Err)
}

fn cmr_relation<'n>(relation: &'n Node<'_>) -> Result<Option<CmrRelation<'n>>, Failure> {
    let key = "cmr_data";
    let not_a_mapping = || Failure::type_error("the databag is no mapping");
    let node = match relation.get("remote").map(|remote| &remote.value) {
        None => None,
        Some(Value::Object(remote)) => remote.get(key),
        Some(Value::Array(nodes)) if nodes.iter().all(|node| node.as_str() != Some(key)) => None,
        Some(Value::String(text)) if !text.contains(key) => None,
        Some(_) => return Err(not_a_mapping()),
    };
    let Some(node) = node else {
        return Ok(None);
    };
    let Some(text) = node.as_str() else {
        return Err(Failure::type_error("`cmr_data` must be text"));
    };
    if has_long_run_of_digits(text) {
        let message = format!("`cmr_data` has a number of more than {MAX_DIGITS} digits");
        return Err(Failure::Refused("integer-too-large", message));
    }
    let app = relation.get("app");
    let cmr_data = Some(text);
    if let Some(app) = app.and_then(Node::as_str) {
        return Ok(Some(CmrRelation { app, cmr_data }));
    }
    let stored = get_data_from_cmr_relation([CmrRelation { app: "", cmr_data }])
        .map_err(|error| unreadable(error, "JSONDecodeError"))?;
    if stored.is_empty() {
        return Ok(None);
    }
    match app.map(|app| &app.value) {
        Some(Value::Array(_) | Value::Object(_)) => {
            Err(Failure::type_error("a list or an object cannot be a key"))
        }
        _ => Err(Failure::Refused(
            "app-not-text",
            "the name of an application must be text".to_owned(),
        )),
    }
}

fn has_long_run_of_digits(text: &str) -> bool {
    text.len() > MAX_DIGITS
        && text
            .split(|character: char| !character.is_ascii_digit())
            .any(|run| run.len() > MAX_DIGITS)
}

// === what only Python's types allow ===

/// Names that are no text pass through the library until a mesh policy is made of them. Fails as
/// it does; where it does not, no such name is ever looked at.
fn reject_other_types(
    relations: &Relations<'_, '_>,
    cmr: &Cmr,
    policies: &[CharmPolicy],
    target_app_name: &Node<'_>,
    target_namespace: &Node<'_>,
) -> Result<(), Failure> {
    let is_text = |node: &Node<'_>| node.as_str().is_some();
    let targets_fit =
        is_text(target_namespace) && (is_text(target_app_name) || target_app_name.is_null());
    if targets_fit && relations.values().flatten().all(|app| is_text(app)) {
        return Ok(());
    }
    for policy in policies {
        let Some(apps) = relations.get(policy.relation()) else {
            let name = policy.relation().to_owned();
            return Err(Failure::Error("KeyError", name));
        };
        let (target_type, service) = match policy {
            CharmPolicy::App(policy) => (PolicyTargetType::App, policy.service.clone()),
            CharmPolicy::Deprecated(policy) => (PolicyTargetType::App, policy.service.clone()),
            CharmPolicy::Unit(_) => (PolicyTargetType::Unit, None),
        };
        for app in apps {
            if matches!(app.value, Value::Array(_) | Value::Object(_)) {
                return Err(Failure::type_error("a list or an object cannot be a key"));
            }
            let is_cmr = app
                .as_str()
                .is_some_and(|name| cmr.iter().any(|(known, _)| known == name));
            let checks = [
                ("source_namespace", is_cmr || is_text(target_namespace)),
                ("source_app_name", is_cmr || is_text(app)),
                ("target_namespace", is_text(target_namespace)),
                (
                    "target_app_name",
                    is_text(target_app_name) || target_app_name.is_null(),
                ),
            ];
            let errors: Vec<_> = checks
                .into_iter()
                .filter(|(_, fits)| !fits)
                .map(|(key, _)| ValidationError {
                    kind: "string_type",
                    loc: vec![Loc::Key(key.to_owned())],
                    message: "must be a string".to_owned(),
                    at: app.at,
                })
                .collect();
            if !errors.is_empty() {
                return Err(Failure::Validation(errors));
            }
            MeshPolicy {
                source_namespace: String::new(),
                source_app_name: String::new(),
                target_namespace: String::new(),
                target_app_name: target_app_name.as_str().map(str::to_owned),
                target_selector_labels: None,
                target_service: service.clone(),
                target_type,
                endpoints: Arc::new([]),
            }
            .validate()
            .map_err(|message| value_error(message, target_app_name))?;
        }
    }
    Ok(())
}

fn value_error(message: String, node: &Node<'_>) -> Failure {
    Failure::Validation(vec![ValidationError {
        kind: "value_error",
        loc: Vec::new(),
        message,
        at: node.at,
    }])
}
