//! What `consumer_databag` and `provider` have in common: a unit in a hook, and its databags.

use super::{Failure, is_truthy, object_field, text_field, unreadable};
use crate::juju::consumer::Raised;
use crate::juju::hook::{Event, Relation, Unit};
use crate::juju::mesh_policies::BuildError;
use crate::model::serialize_pairs;
use crate::text::{Node, Object, Value, to_json};
use serde::{Serialize, Serializer};

/// Events that are about no relation, as far as they come up.
const EVENTS: [&str; 10] = [
    "install",
    "start",
    "stop",
    "remove",
    "update_status",
    "config_changed",
    "upgrade_charm",
    "leader_elected",
    "pre_series_upgrade",
    "post_series_upgrade",
];
const RELATION_EVENTS: [&str; 5] = [
    "relation_created",
    "relation_joined",
    "relation_changed",
    "relation_departed",
    "relation_broken",
];

type Texts<'n> = Vec<(&'n str, &'n str)>;
type Pairs = Vec<(String, String)>;

/// The unit of a request, and what its own databags hold.
pub(super) struct Situation<'n> {
    pub(super) unit: Unit<'n>,
    /// By endpoint and relation.
    databags: Vec<(&'n str, i64, Pairs)>,
}

impl<'n> Situation<'n> {
    /// `related` are endpoints and the relations over them, in the order in which a charm sees them.
    pub(super) fn read(
        request: &'n Object<'_>,
        related: impl Iterator<Item = (&'n str, &'n Node<'n>)>,
    ) -> Result<Self, Failure> {
        let mut relations = Vec::new();
        let mut databags = Vec::new();
        for (endpoint, nodes) in related {
            for node in super::iterable(nodes, endpoint)? {
                let relation = node
                    .as_object()
                    .ok_or_else(|| Failure::bad_request("a relation must be an object"))?;
                let id = match relation.get("id").map(|id| &id.value) {
                    Some(Value::Int(id)) => *id,
                    _ => {
                        return Err(Failure::bad_request(
                            "a relation needs a number as its `id`",
                        ));
                    }
                };
                let own = databag(relation, "local")?;
                let own = own.iter().map(|(k, v)| (k.to_string(), v.to_string()));
                databags.push((endpoint, id, own.collect()));
                relations.push(Relation {
                    endpoint,
                    id,
                    app: Some(text_field(relation, "app")?),
                    remote: databag(relation, "remote")?,
                    ..Relation::default()
                });
            }
        }
        let event = object_field(request, "event")?;
        let name = text_field(event, "name")?;
        let relation_id = match event.get("relation_id").map(|id| &id.value) {
            None => None,
            Some(Value::Int(id)) if relations.iter().any(|relation| relation.id == *id) => {
                Some(*id)
            }
            Some(_) => return Err(Failure::bad_request("there is no such relation")),
        };
        let known: &[&str] = match relation_id {
            Some(_) => &RELATION_EVENTS,
            None => &EVENTS,
        };
        if !known.contains(&name) {
            return Err(Failure::bad_request(format!("unknown event `{name}`")));
        }
        let unit = Unit {
            app: text_field(request, "app")?,
            model: text_field(request, "model")?,
            leader: request
                .get("leader")
                .is_none_or(|leader| is_truthy(&leader.value)),
            event: Event { name, relation_id },
            relations,
        };
        crate::order::sort_by(&mut databags, |(one, id, _), (other, other_id, _)| {
            (one, id).cmp(&(other, other_id))
        });
        Ok(Situation { unit, databags })
    }

    /// Writes into an own databag.
    pub(super) fn write(&mut self, relation_id: i64, data: &[(String, String)]) {
        let databag = self
            .databags
            .iter_mut()
            .find(|(_, id, _)| *id == relation_id);
        let Some((_, _, databag)) = databag else {
            return;
        };
        for (key, value) in data {
            match databag.iter_mut().find(|(known, _)| known == key) {
                Some((_, old)) => old.clone_from(value),
                None => databag.push((key.clone(), value.clone())),
            }
        }
    }

    /// Own databags by endpoint and relation, as JSON text.
    pub(super) fn databags(&self) -> Result<String, Failure> {
        let mut text = String::from("{");
        let mut last = None;
        for (endpoint, id, databag) in &self.databags {
            match last {
                Some(known) if known == endpoint => text.push(','),
                _ => {
                    text.push_str(if last.is_some() { "}," } else { "" });
                    text.push_str(&json(endpoint)?);
                    text.push_str(":{");
                    last = Some(endpoint);
                }
            }
            text.push_str(&format!("\"{id}\":{}", json(&Own(databag))?));
        }
        text.push_str(if last.is_some() { "}}" } else { "}" });
        Ok(text)
    }
}

struct Own<'s>(&'s Pairs);

impl Serialize for Own<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_pairs(self.0, serializer)
    }
}

fn databag<'n>(relation: &'n Object<'_>, key: &str) -> Result<Texts<'n>, Failure> {
    let Some(node) = relation.get(key) else {
        return Ok(Vec::new());
    };
    let text = |node: &'n Node<'_>| node.as_str();
    let pairs = node.as_object().and_then(|object| {
        let pairs = object
            .iter()
            .map(|member| Some((member.key.as_ref(), text(&member.value)?)));
        pairs.collect::<Option<Texts<'n>>>()
    });
    pairs.ok_or_else(|| Failure::bad_request("a databag must map texts to texts"))
}

impl From<Raised> for Failure {
    fn from(raised: Raised) -> Self {
        match raised {
            Raised::TooManyRelatedApps => Failure::Error(
                "TooManyRelatedAppsError",
                "there is more than one relation".to_owned(),
            ),
            Raised::Json(error) => unreadable(error, "JSONDecodeError"),
            Raised::Validation(errors) => errors.into(),
            Raised::Build(BuildError::UnknownRelation(name)) => Failure::Error("KeyError", name),
            Raised::Build(BuildError::Invalid(message)) => {
                Failure::Error("ValidationError", message)
            }
        }
    }
}

/// An answer inside an answer: `{"ok": …}`, `{"error": …}`, or `{"refused": CODE}` where the library
/// could answer and we cannot.
pub(super) fn inner(result: Result<String, Failure>) -> String {
    match result {
        Ok(json) => format!("{{\"ok\":{json}}}"),
        Err(Failure::Refused(code, _)) => format!("{{\"refused\":\"{code}\"}}"),
        // Failures hold nothing but texts and small numbers.
        Err(failure) => {
            let error = to_json(&failure).unwrap_or_default();
            format!("{{\"error\":{error}}}")
        }
    }
}

/// A refusal of the whole request has the same form as one inside an answer.
pub(super) fn whole(result: Result<String, Failure>) -> Result<String, Failure> {
    match result {
        Err(refused @ Failure::Refused(..)) => Err(Failure::Whole(inner(Err(refused)))),
        other => other,
    }
}

pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, Failure> {
    Ok(to_json(value)?)
}
