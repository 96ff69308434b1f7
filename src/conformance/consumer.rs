//! `consumer_databag`

use super::build::charm_policy;
use super::hook::{Situation, inner, json, whole};
use super::reconcile::charm_labels;
use super::{Failure, is_truthy, object_field};
use crate::juju::consumer::{Consumer, Step, cmr_data};
use crate::juju::mesh_policies::databag;
use crate::model::{CharmPolicy, Data};
use crate::text::{Node, Object, Value};

const OPTIONS: [&str; 4] = [
    "mesh_relation_name",
    "cross_model_mesh_requires_name",
    "cross_model_mesh_provides_name",
    "auto_join",
];

pub(super) fn consumer_databag(request: &Object<'_>) -> Result<String, Failure> {
    whole(answer(request))
}

fn answer(request: &Object<'_>) -> Result<String, Failure> {
    let specs = match request.get("policies") {
        Some(node) => super::iterable(node, "policies")?,
        None => &[],
    };
    let relations = object_field(request, "relations")?;
    let related = relations
        .iter()
        .map(|member| (member.key.as_ref(), &member.value));
    let mut situation = Situation::read(request, related)?;
    let policies: Vec<CharmPolicy> = specs.iter().map(charm_policy).collect::<Result<_, _>>()?;
    let options = match request.get("options") {
        Some(_) => Some(object_field(request, "options")?),
        None => None,
    };
    let consumer = consumer(options, &policies)?;
    consumer.relation(&situation.unit)?;
    let undeclared = texts(request, "undeclared");
    let mut named = policies.iter().map(CharmPolicy::relation);
    if let Some(name) = named.find(|name| undeclared.contains(name)) {
        let message = format!("`{name}` is not declared");
        return Err(Failure::Error("AttributeError", message));
    }

    for step in consumer.steps(&situation.unit) {
        match step {
            Step::UpdateLabels => {
                let told = consumer.app_data(&situation.unit)?;
                let labels = told.map(|data| data.labels).unwrap_or_default();
                put_labels(request, &situation, labels, false)?;
            }
            Step::RemoveLabels => put_labels(request, &situation, Vec::new(), true)?,
            Step::SendCmrData => {
                let data = [("cmr_data".to_owned(), cmr_data(&situation.unit))];
                let id = situation.unit.event.relation_id.unwrap_or_default();
                situation.write(id, &data);
            }
            Step::UpdateServiceMesh => {
                let id = consumer.relation(&situation.unit)?.map(|found| found.id);
                let policies = consumer.mesh_policies(&situation.unit)?;
                if let (Some(id), Some(policies)) = (id, policies) {
                    situation.write(id, &[("policies".to_owned(), databag(&policies))]);
                }
            }
        }
    }

    let app_data = |pick: fn(Option<Data>, Option<&'static str>) -> Result<String, Failure>| {
        let told = consumer
            .app_data(&situation.unit)
            .map_err(Failure::from)
            .and_then(|data| {
                let mesh_type = data.as_ref().map(|data| data.mesh_type.as_str());
                pick(data.map(|data| Data::Map(data.labels)), mesh_type)
            });
        inner(told)
    };
    let labels = app_data(|labels, _| json(&labels.unwrap_or(Data::Map(Vec::new()))));
    let mesh_type = app_data(|_, mesh_type| json(&mesh_type));
    Ok(format!(
        "{{\"databags\":{},\"enabled\":{},\"mesh_type\":{mesh_type},\"labels\":{labels}}}",
        situation.databags()?,
        consumer.enabled(&situation.unit)?,
    ))
}

/// Fails where the library does. What becomes of the labels is told by `reconcile_labels`.
fn put_labels(
    request: &Object<'_>,
    situation: &Situation<'_>,
    labels: Vec<(String, String)>,
    and_forget: bool,
) -> Result<(), Failure> {
    let (app, model) = (situation.unit.app, situation.unit.model);
    if !has_faults(request) {
        return charm_labels(request, app, model, &Data::Map(labels));
    }
    // Our program sends other requests, so that it meets other faults. Where the library meets
    // one, there is nothing to compare.
    let objects = request.get("cluster").and_then(Node::as_array);
    let objects = objects.unwrap_or_default();
    let has_ledger = objects
        .iter()
        .any(|object| object.get("kind").and_then(Node::as_str) == Some("ConfigMap"));
    let calls = 4 + i64::from(!has_ledger) + i64::from(and_forget);
    let faults = request.get("faults").and_then(Node::as_array);
    let meets = |fault: &Node<'_>| match fault.get("call").map(|call| &call.value) {
        // A ledger that is not there is not found anyway.
        Some(Value::Int(0)) if !has_ledger && is_not_found(fault) => false,
        Some(Value::Int(call)) => *call < calls,
        _ => true,
    };
    if faults.unwrap_or_default().iter().any(meets) {
        let message = "a fault of the cluster comes in between".to_owned();
        return Err(Failure::Refused("faults", message));
    }
    Ok(())
}

fn is_not_found(fault: &Node<'_>) -> bool {
    fault.get("status").map(|status| &status.value) == Some(&Value::Int(404))
        && fault.get("json").is_none()
}

fn has_faults(request: &Object<'_>) -> bool {
    request
        .get("faults")
        .is_some_and(|faults| is_truthy(&faults.value))
}

fn consumer<'n>(
    options: Option<&'n Object<'_>>,
    policies: &'n [CharmPolicy],
) -> Result<Consumer<'n>, Failure> {
    let mut consumer = Consumer {
        policies,
        ..Consumer::default()
    };
    let Some(options) = options else {
        return Ok(consumer);
    };
    for member in options.iter() {
        let name = member.key.as_ref();
        if !OPTIONS.contains(&name) {
            return Err(Failure::type_error(format!("there is no option `{name}`")));
        }
        if name == "auto_join" {
            consumer.auto_join = is_truthy(&member.value.value);
            continue;
        }
        let text = super::text_field(options, name)?;
        match name {
            "mesh_relation_name" => consumer.mesh_relation_name = text,
            "cross_model_mesh_requires_name" => consumer.cross_model_mesh_requires_name = text,
            _ => consumer.cross_model_mesh_provides_name = text,
        }
    }
    Ok(consumer)
}

fn texts<'n>(request: &'n Object<'_>, name: &str) -> Vec<&'n str> {
    let nodes = request.get(name).and_then(Node::as_array);
    let nodes = nodes.unwrap_or_default().iter();
    nodes.filter_map(Node::as_str).collect()
}
