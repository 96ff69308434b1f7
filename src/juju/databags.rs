//! Databags as `juju show-unit` prints them, and MeshPolicies as JSON, in place of bundles.

use super::charm::{clip, describe};
use super::deployment::{Asked, Beacon};
use crate::diagnostic::{Diagnostic, code, repeated_keys};
use crate::model::validate_mesh_policy;
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
            for relation in relations {
                let Some(text) = relation
                    .get("application-data")
                    .and_then(|data| data.get("policies"))
                else {
                    continue;
                };
                let sender = sender(relation);
                policies.extend(one_databag(file, text, &sender, diagnostics));
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
                let names = [
                    Some(&policy.source_namespace),
                    Some(&policy.source_app_name),
                    Some(&policy.target_namespace),
                    policy.target_app_name.as_ref(),
                ];
                let invalid = names
                    .into_iter()
                    .flatten()
                    .find(|name| !crate::names::is_dns_label(name))
                    .cloned();
                match invalid {
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
