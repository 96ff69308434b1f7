//! Consumers and providers as JSON text in, JSON text out: what a host passes across the boundary
//! to JavaScript. Nothing is decided here.
//!
//! ```text
//! {"unit": {"app", "model", "leader", "event": {"name", "relationId"},
//!           "relations": [{"endpoint", "id", "app", "crossModel", "remote": {KEY: TEXT}, "unreadable"}]},
//!  "do": …, "options": {…}}
//! ```
//!
//! The answer to what cannot be done is `{"error": {"code", "message"}}`: the charm is wrong, not a
//! databag.

use super::charm::{describe, read_charm};
use super::consumer::Consumer;
use super::hook::{Event, Relation, Unit, declared_endpoints};
use super::ownership::{self, Ownership};
use super::provider::{self, MESH_RELATION_NAME, MeshInfoError};
use crate::diagnostic::{Diagnostic, code};
use crate::model::{
    CharmPolicy, Data, ServiceMeshProviderAppData, ValidationError, validate_charm_policy,
    validate_service_mesh_provider_app_data,
};
use crate::text::{
    Member, Node, Object, Position, TextError, Value, parse_any, parse_json, to_json,
};
use serde::Serialize;
use std::borrow::Cow;

/// Why a request has no answer.
struct Wrong {
    code: &'static str,
    message: String,
}

/// A consumer's hook. `do` is `run` (the event), `update` (`update_service_mesh`) or `inspect`
/// (nothing but `labels`, `meshType` and `enabled`), answered by
/// `{"actions", "diagnostics", "enabled", "labels", "meshType"}`; or `endpoints`, answered by
/// `{"endpoints", "read"}`: which relations the unit must hold, and of which the far databag.
///
/// `options` are the constructor's arguments and `metadata`, the text of the charm's
/// `metadata.yaml`; or `charm`, a charm file that says all of it.
pub fn consumer(request: &str) -> String {
    answer(request, consumer_answer)
}

/// A provider's hook. `do` is `run` (the event) or `update` (`update_relations`), answered by
/// `{"actions"}`; `info`, answered by `{"policies"}`; or `checkedInfo`, which takes
/// `options.ownership` (`enforce` or `report`) and `options.applications`, answered by
/// `{"policies", "diagnostics"}`.
pub fn provider(request: &str) -> String {
    answer(request, provider_answer)
}

fn answer(request: &str, respond: impl Fn(&Node<'_>) -> Result<String, Wrong>) -> String {
    let answer = parse_json(request)
        .map_err(Wrong::from)
        .and_then(|document| respond(&document.root));
    answer.unwrap_or_else(|wrong| {
        let (code, message) = (json(wrong.code), json(&wrong.message));
        format!("{{\"error\":{{\"code\":{code},\"message\":{message}}}}}")
    })
}

fn consumer_answer(request: &Node<'_>) -> Result<String, Wrong> {
    let unit = unit(get(request, "unit")?)?;
    let options = get(request, "options")?;
    if let Some(charm) = options.get("charm") {
        return charm_answer(request, &unit, charm);
    }
    let mut policies = Vec::new();
    for node in list(options, "policies")? {
        let policy = validate_charm_policy(text(node, "kind")?, node)
            .ok_or_else(|| shape("`kind` must be `app`, `unit` or `policy`"))?;
        policies.push(policy?);
    }
    let consumer = Consumer {
        mesh_relation_name: text(options, "meshRelationName")?,
        cross_model_mesh_requires_name: text(options, "crossModelMeshRequiresName")?,
        cross_model_mesh_provides_name: text(options, "crossModelMeshProvidesName")?,
        policies: &policies,
        auto_join: options.get("autoJoin").and_then(Node::as_bool) != Some(false),
    };
    if let Some(metadata) = options.get("metadata").and_then(Node::as_str) {
        let documents = parse_any(metadata)?;
        let endpoints = documents.first().map(|document| &document.root);
        declared(
            &consumer,
            &endpoints.map(declared_endpoints).unwrap_or_default(),
        )?;
    }
    outcome(request, &unit, &consumer, Vec::new())
}

/// A consumer as a charm file describes it: `{"file", "text"}`.
fn charm_answer(request: &Node<'_>, unit: &Unit<'_>, file: &Node<'_>) -> Result<String, Wrong> {
    let name = text(file, "file")?;
    let documents = parse_any(text(file, "text")?)?;
    let document = documents
        .first()
        .ok_or_else(|| shape("the charm file is empty"))?;
    let mut diagnostics = Vec::new();
    let charm = read_charm(name, document, &mut diagnostics);
    let (Some(charm), false) = (charm, diagnostics.iter().any(|d| d.bad_input)) else {
        let first = diagnostics.into_iter().find(|d| d.bad_input);
        return Err(first.map_or_else(|| shape("this is no charm file"), Wrong::from));
    };
    let mut policies = Vec::new();
    for declared in charm.policies {
        if declared.when.is_none_or(|when| when == "always") {
            policies.push(declared.policy);
            continue;
        }
        diagnostics.push(
            Diagnostic::error(
                code::CONDITIONAL_POLICY,
                "a hook makes no policy that has a condition",
            )
            .at(name, declared.at)
            .help("remove `when`, or use ServiceMeshConsumer with the policies that apply")
            .dropped(),
        );
    }
    let auto_join = document
        .root
        .get("mesh")
        .and_then(|mesh| mesh.get("arguments")?.get("auto_join")?.as_bool());
    let consumer = Consumer {
        mesh_relation_name: charm.mesh_relation_name,
        cross_model_mesh_requires_name: charm.cmr_requires_name,
        cross_model_mesh_provides_name: charm.cmr_provides_name,
        policies: &policies,
        auto_join: auto_join != Some(false),
    };
    declared(&consumer, &charm.endpoints.keys().collect::<Vec<_>>())?;
    outcome(request, unit, &consumer, diagnostics)
}

fn declared(consumer: &Consumer<'_>, endpoints: &[&str]) -> Result<(), Wrong> {
    consumer.undeclared(endpoints).map_or(Ok(()), |name| {
        Err(Wrong {
            code: code::POLICY_ON_UNDECLARED,
            message: format!("a policy is on `{name}`, which the charm does not declare"),
        })
    })
}

fn outcome(
    request: &Node<'_>,
    unit: &Unit<'_>,
    consumer: &Consumer<'_>,
    mut diagnostics: Vec<Diagnostic>,
) -> Result<String, Wrong> {
    let outcome = match text(request, "do")? {
        "run" => consumer.run(unit),
        "update" => consumer.update_service_mesh(unit),
        "inspect" => consumer.inspect(unit),
        "endpoints" => return Ok(endpoints(consumer)),
        other => return Err(shape(&format!("there is nothing called `{other}`"))),
    };
    diagnostics.extend(outcome.diagnostics);
    let mesh_type = json(&outcome.app_data.as_ref().map(|data| data.mesh_type));
    let labels = outcome.app_data.map(|data| data.labels).unwrap_or_default();
    Ok(format!(
        "{{\"actions\":{},\"diagnostics\":{},\"enabled\":{},\"labels\":{},\"meshType\":{mesh_type}}}",
        json(&outcome.actions),
        json(&diagnostics),
        outcome.enabled,
        json(&Data::Map(labels)),
    ))
}

/// The endpoints whose relations the consumer looks at, and those whose far databags it reads.
fn endpoints(consumer: &Consumer<'_>) -> String {
    let read = [
        consumer.mesh_relation_name,
        consumer.cross_model_mesh_provides_name,
    ];
    let mut all = vec![consumer.cross_model_mesh_requires_name];
    all.extend(consumer.policies.iter().map(CharmPolicy::relation));
    all.extend(read);
    crate::order::sort(&mut all);
    all.dedup();
    format!("{{\"endpoints\":{},\"read\":{}}}", json(&all), json(&read))
}

fn provider_answer(request: &Node<'_>) -> Result<String, Wrong> {
    let unit = unit(get(request, "unit")?)?;
    let options = get(request, "options")?;
    let endpoint = match options.get("meshRelationName").and_then(Node::as_str) {
        Some(name) => name,
        None => MESH_RELATION_NAME,
    };
    let todo = text(request, "do")?;
    match todo {
        "run" | "update" => {
            let data = provider_data(options)?;
            let actions = if todo == "update" || provider::updates_relations(&unit, endpoint) {
                provider::update_relations(&unit, endpoint, &data)
            } else {
                Vec::new()
            };
            Ok(format!("{{\"actions\":{}}}", json(&actions)))
        }
        "info" => {
            let policies = provider::mesh_info(&unit, endpoint)?;
            Ok(format!("{{\"policies\":{}}}", json(&policies)))
        }
        "checkedInfo" => {
            let ownership = match text(options, "ownership")? {
                "enforce" => Ownership::Enforce,
                "report" => Ownership::Report,
                _ => return Err(shape("`ownership` must be `enforce` or `report`")),
            };
            let applications = list(options, "applications")?.iter();
            let applications: Vec<&str> = applications.filter_map(Node::as_str).collect();
            let info = ownership::mesh_info(&unit, endpoint, &applications, ownership);
            Ok(format!(
                "{{\"policies\":{},\"diagnostics\":{}}}",
                json(&info.policies),
                json(&info.diagnostics)
            ))
        }
        other => Err(shape(&format!("there is nothing called `{other}`"))),
    }
}

fn provider_data(options: &Node<'_>) -> Result<ServiceMeshProviderAppData, Wrong> {
    let member = |key: &'static str, name: &str| {
        Ok::<_, Wrong>(Member {
            key: Cow::Borrowed(key),
            at: Position::default(),
            value: get(options, name)?.clone(),
        })
    };
    let members = vec![
        member("labels", "labels")?,
        member("mesh_type", "meshType")?,
    ];
    Ok(validate_service_mesh_provider_app_data(&Node {
        at: Position::default(),
        value: Value::Object(Object { members }),
    })?)
}

fn unit<'n>(node: &'n Node<'_>) -> Result<Unit<'n>, Wrong> {
    let event = get(node, "event")?;
    let mut relations = Vec::new();
    for relation in list(node, "relations")? {
        let remote = relation.get("remote").and_then(Node::as_object);
        let remote = remote.into_iter().flat_map(Object::iter);
        relations.push(Relation {
            endpoint: text(relation, "endpoint")?,
            id: number(relation, "id").ok_or_else(|| shape("`id` must be a number"))?,
            app: relation.get("app").and_then(Node::as_str),
            cross_model: relation.get("crossModel").and_then(Node::as_bool),
            remote: remote
                .filter_map(|member| Some((member.key.as_ref(), member.value.as_str()?)))
                .collect(),
            unreadable: relation.get("unreadable").and_then(Node::as_str),
        });
    }
    Ok(Unit {
        app: text(node, "app")?,
        model: text(node, "model")?,
        leader: node.get("leader").and_then(Node::as_bool) == Some(true),
        event: Event {
            name: text(event, "name")?,
            relation_id: number(event, "relationId"),
        },
        relations,
    })
}

// === fields ===

fn shape(message: &str) -> Wrong {
    Wrong {
        code: code::WRONG_SHAPE,
        message: message.to_owned(),
    }
}

fn get<'n, 'a>(node: &'n Node<'a>, key: &str) -> Result<&'n Node<'a>, Wrong> {
    node.get(key)
        .ok_or_else(|| shape(&format!("`{key}` is missing")))
}

fn text<'n>(node: &'n Node<'_>, key: &str) -> Result<&'n str, Wrong> {
    get(node, key)?
        .as_str()
        .ok_or_else(|| shape(&format!("`{key}` must be text")))
}

fn list<'n, 'a>(node: &'n Node<'a>, key: &str) -> Result<&'n [Node<'a>], Wrong> {
    get(node, key)?
        .as_array()
        .ok_or_else(|| shape(&format!("`{key}` must be a list")))
}

fn number(node: &Node<'_>, key: &str) -> Option<i64> {
    match node.get(key).map(|node| &node.value) {
        Some(Value::Int(value)) => Some(*value),
        _ => None,
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    // Texts, numbers and lists of them can always be written.
    to_json(value).unwrap_or_default()
}

// === impl Wrong ===

impl From<Diagnostic> for Wrong {
    fn from(diagnostic: Diagnostic) -> Self {
        Wrong {
            code: diagnostic.code,
            message: diagnostic.message,
        }
    }
}

impl From<TextError> for Wrong {
    fn from(error: TextError) -> Self {
        Wrong {
            code: error.code,
            message: error.to_string(),
        }
    }
}

impl From<Vec<ValidationError>> for Wrong {
    fn from(errors: Vec<ValidationError>) -> Self {
        Wrong {
            code: code::INVALID_POLICY,
            message: errors.first().map(describe).unwrap_or_default(),
        }
    }
}

impl From<MeshInfoError> for Wrong {
    fn from(error: MeshInfoError) -> Self {
        match error {
            MeshInfoError::NotIterable(kind) => Wrong {
                code: code::INVALID_DATABAG,
                message: format!("`policies` must hold a list, not {kind}"),
            },
            MeshInfoError::Json(error) => error.into(),
            MeshInfoError::Validation(errors) => errors.into(),
        }
    }
}
