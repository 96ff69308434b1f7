//! Databags as `juju show-unit` prints them, and MeshPolicies as JSON, in place of bundles.

use super::charm::{clip, describe};
use super::deployment::{Asked, Beacon};
use super::keys::misspelled_at;
use super::ownership::invalid_name;
use crate::diagnostic::{Diagnostic, code, repeated_keys};
use crate::model::{MeshPolicy, validate_mesh_policy};
use crate::names::{is_label_key, is_label_value};
use crate::text::{Document, Node, Position, parse_json};

/// What one beacon was asked.
#[derive(Debug)]
pub struct Databag<'a> {
    /// The beacon.
    pub beacon: Beacon,
    /// What its consumers ask; never conditional.
    pub policies: Vec<Asked<'a>>,
}

/// Reads `juju show-unit BEACON/0 --format json` (of one or several beacons), or a list of
/// MeshPolicies. A databag that cannot be used is set aside; the others count.
pub fn read_databags<'a>(
    file: &'a str,
    model: Option<&str>,
    documents: &[Document<'_>],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Databag<'a>> {
    let mut databags = Vec::new();
    if documents.is_empty() {
        nothing(file, "this file holds no databags", diagnostics);
    }
    for document in documents {
        let root = &document.root;
        repeated_keys(file, document, diagnostics);
        if let Some(policies) = root.as_array() {
            if policies.is_empty() {
                nothing(file, "this list holds no MeshPolicy", diagnostics);
            }
            let policies = validate(file, policies, None, diagnostics);
            databags.extend(databag(
                file,
                model,
                "istio-beacon-k8s",
                policies,
                root.at,
                diagnostics,
            ));
            continue;
        }
        let units = root
            .as_object()
            .map(|object| object.members.as_slice())
            .unwrap_or_default();
        let mut found = false;
        for member in units {
            let Some((application, _)) = member.key.split_once('/') else {
                continue;
            };
            let Some(relations) = member.value.get("relation-info").and_then(Node::as_array) else {
                continue;
            };
            found = true;
            let mut policies = Vec::new();
            let (before, mut asks) = (diagnostics.len(), false);
            for relation in relations {
                let data = relation.get("application-data");
                let bag = data.and_then(Node::as_object);
                let odd = match data {
                    None => Some(relation).filter(|node| node.as_object().is_none()),
                    Some(node) => Some(node).filter(|node| !node.is_null() && bag.is_none()),
                };
                if let Some(node) = odd {
                    let text = format!(
                        "a databag of `{}` is set aside: it must be a mapping, not {}",
                        clip(application),
                        node.kind()
                    );
                    let error = Diagnostic::error(code::INVALID_DATABAG, text).dropped();
                    diagnostics.push(error.at(file, node.at));
                }
                let Some(bag) = bag else {
                    continue;
                };
                let Some(text) = bag.get("policies") else {
                    misspelled_at(file, None, bag, &["policies"], diagnostics);
                    continue;
                };
                asks = true;
                let sender = sender(relation);
                policies.extend(one_databag(file, text, &sender, diagnostics));
            }
            if !asks && diagnostics.len() == before {
                let text = format!("no databag of `{}` asks for a policy", clip(&member.key));
                let note = Diagnostic::note(code::NOTHING_TO_READ, text);
                diagnostics.push(note.at(file, member.at));
            }
            databags.extend(databag(
                file,
                model,
                application,
                policies,
                member.at,
                diagnostics,
            ));
        }
        if !found {
            diagnostics.push(
                Diagnostic::error(code::WRONG_SHAPE, "this holds no databags")
                    .at(file, root.at)
                    .help("give what `juju show-unit BEACON/0 --format json` prints, or a list of MeshPolicies")
                    .bad_input(),
            );
        }
    }
    databags
}

fn nothing(file: &str, text: &str, diagnostics: &mut Vec<Diagnostic>) {
    let note = Diagnostic::note(code::NOTHING_TO_READ, text);
    diagnostics.push(note.at(file, Position::new(1, 1)));
}

/// The application at the far end, by its units; `show-unit` does not name it otherwise.
fn sender(relation: &Node<'_>) -> String {
    relation
        .get("related-units")
        .and_then(Node::as_object)
        .and_then(|units| units.members.first())
        .and_then(|member| member.key.split_once('/'))
        .map_or_else(
            || "an application without units".to_owned(),
            |(name, _)| format!("`{}`", clip(name)),
        )
}

fn one_databag<'a>(
    file: &'a str,
    text: &Node<'_>,
    sender: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Asked<'a>> {
    let mut refuse = |why: String| {
        diagnostics.push(
            Diagnostic::error(
                code::INVALID_DATABAG,
                format!("the databag of {sender} is set aside: {why}"),
            )
            .at(file, text.at)
            .dropped(),
        );
    };
    let Some(json) = text.as_str() else {
        refuse(format!("`policies` must be text, not {}", text.kind()));
        return Vec::new();
    };
    let document = match parse_json(json) {
        Ok(document) => document,
        Err(error) => {
            refuse(error.to_string());
            return Vec::new();
        }
    };
    let Some(policies) = document.root.as_array() else {
        refuse(format!(
            "`policies` must hold a list, not {}",
            document.root.kind()
        ));
        return Vec::new();
    };
    for (_, key) in &document.duplicates {
        diagnostics.push(
            Diagnostic::warning(
                code::DUPLICATE_KEY,
                format!(
                    "the key `{}` stands twice in the databag of {sender}; the last one counts",
                    clip(key)
                ),
            )
            .at(file, text.at),
        );
    }
    validate(file, policies, Some(text.at), diagnostics)
}

/// Validates policies and their names. `place` is where a databag stands whose text they are.
fn validate<'a>(
    file: &'a str,
    nodes: &[Node<'_>],
    place: Option<Position>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Asked<'a>> {
    let mut policies = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        match validate_mesh_policy(node) {
            Ok(policy) => {
                misspelled(file, node, place, diagnostics);
                if let Some(why) = impossible(&policy, node) {
                    diagnostics.push(
                        Diagnostic::error(code::INVALID_POLICY, format!("policy {at}: {why}"))
                            .at(file, place.unwrap_or(node.at))
                            .dropped(),
                    );
                    continue;
                }
                let empty = policy
                    .target_app_name
                    .as_ref()
                    .filter(|name| name.is_empty());
                match invalid_name(&policy).or(empty).cloned() {
                    None => policies.push(Asked {
                        policy,
                        condition: None,
                        declared: Some((file, place.unwrap_or(node.at))),
                        related: None,
                    }),
                    Some(name) => diagnostics.push(
                        Diagnostic::error(
                            code::INVALID_NAME,
                            format!("the name `{}` cannot be part of an identity", clip(&name)),
                        )
                        .at(file, place.unwrap_or(node.at))
                        .help("use lower-case letters, digits and hyphens, at most 63, no hyphen at either end")
                        .dropped(),
                    ),
                }
            }
            Err(errors) => diagnostics.extend(errors.iter().map(|error| {
                Diagnostic::error(
                    code::INVALID_POLICY,
                    format!("policy {at}: {}", describe(error)),
                )
                .at(file, place.unwrap_or(error.at))
                .dropped()
            })),
        }
    }
    policies
}

/// Fields that look misspelled: the library passes them by, and without `endpoints` a policy allows everything.
fn misspelled(
    file: &str,
    node: &Node<'_>,
    place: Option<Position>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if let Some(fields) = node.as_object() {
        misspelled_at(file, place, fields, &FIELDS, diagnostics);
    }
    let endpoints = node.get("endpoints").and_then(Node::as_array);
    for endpoint in endpoints.into_iter().flatten() {
        if let Some(fields) = endpoint.as_object() {
            misspelled_at(file, place, fields, &ENDPOINT_FIELDS, diagnostics);
        }
    }
}

const FIELDS: [&str; 8] = [
    "source_namespace",
    "source_app_name",
    "target_namespace",
    "target_app_name",
    "target_selector_labels",
    "target_service",
    "target_type",
    "endpoints",
];
const ENDPOINT_FIELDS: [&str; 4] = ["hosts", "ports", "methods", "paths"];

/// What the library takes and nobody can mean: `true` as port 1, labels that no pod has.
fn impossible(policy: &MeshPolicy, node: &Node<'_>) -> Option<String> {
    let endpoints = node.get("endpoints").and_then(Node::as_array);
    let mut ports = endpoints
        .into_iter()
        .flatten()
        .filter_map(|endpoint| endpoint.get("ports").and_then(Node::as_array))
        .flatten();
    if ports.any(|port| port.as_bool().is_some()) {
        return Some("a port must be a number, not a boolean".to_owned());
    }
    let mut labels = policy.target_selector_labels.iter().flatten();
    let (key, value) = labels.find(|(key, value)| !is_label_key(key) || !is_label_value(value))?;
    Some(format!(
        "no pod has the label `{}`",
        clip(&format!("{key}={value}"))
    ))
}

fn databag<'a>(
    file: &'a str,
    model: Option<&str>,
    application: &str,
    policies: Vec<Asked<'a>>,
    at: Position,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Databag<'a>> {
    let assumed = policies
        .first()
        .map(|asked| asked.policy.target_namespace.clone());
    let (name, from) = match (model, assumed) {
        (Some(model), _) => (model.to_owned(), "was given"),
        (None, Some(namespace)) => (namespace, "is the first policy's target namespace"),
        (None, None) => return None,
    };
    let said = if application == "istio-beacon-k8s" && at.line == 1 {
        "the beacon"
    } else {
        "the unit"
    };
    diagnostics.push(
        Diagnostic::note(
            code::MODEL_NAME_ASSUMED,
            format!(
                "{said} is taken to be `{}` of the model `{}`, which {from}",
                clip(application),
                clip(&name)
            ),
        )
        .at(file, at)
        .help(format!("write `MODEL={file}` to say which model it is")),
    );
    if !crate::names::is_dns_label(&name) || !crate::names::is_dns_label(application) {
        diagnostics.push(
            Diagnostic::error(
                code::INVALID_NAME,
                "the beacon's name or model cannot be part of a resource's name",
            )
            .at(file, at)
            .bad_input(),
        );
        return None;
    }
    Some(Databag {
        beacon: Beacon {
            model: name,
            application: application.to_owned(),
        },
        policies,
    })
}
