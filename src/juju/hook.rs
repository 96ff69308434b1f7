//! What a unit of a charm sees while a hook runs, and what it is told to do.
//!
//! A host reads a [`Unit`] from Juju's hook tools and carries out [`Action`]s; nothing here keeps
//! anything from one hook to the next.

use super::charm::clip;
use crate::diagnostic::{Diagnostic, Place, code};
use crate::model::serialize_pairs;
use crate::text::{Document, Node, Position, parse_json};
use serde::Serialize;

/// Longest value of a databag that is read, in bytes.
pub const MAX_DATABAG: usize = 1 << 20;

/// A unit in one hook.
#[derive(Debug, Clone, Default)]
pub struct Unit<'a> {
    /// Its application.
    pub app: &'a str,
    /// The model, which is the namespace.
    pub model: &'a str,
    /// Whether it leads its application; only a leader may write application databags.
    pub leader: bool,
    /// What the hook is about.
    pub event: Event<'a>,
    /// All relations of the charm, in the order of `relation-ids`.
    pub relations: Vec<Relation<'a>>,
}

/// What a hook is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Event<'a> {
    /// Its name without the endpoint: `relation_created`, `upgrade_charm`.
    pub name: &'a str,
    /// The relation of a relation's event.
    pub relation_id: Option<i64>,
}

/// A relation as its near side sees it.
#[derive(Debug, Clone, Default)]
pub struct Relation<'a> {
    /// The charm's endpoint.
    pub endpoint: &'a str,
    /// Juju's number of the relation.
    pub id: i64,
    /// The application at the far side, as this model calls it.
    pub app: Option<&'a str>,
    /// Whether the far side lives in another model; `None` where nobody said so.
    pub cross_model: Option<bool>,
    /// The far application's databag.
    pub remote: Vec<(&'a str, &'a str)>,
    /// Why the far application's databag could not be read.
    pub unreadable: Option<&'a str>,
}

/// What a host must do, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(
    tag = "action",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Action {
    /// Write into the application's own databag, keeping its other keys (`relation-set --app`).
    SetAppData {
        /// The relation.
        relation_id: i64,
        /// Keys and values, in order.
        #[serde(serialize_with = "serialize_pairs")]
        data: Vec<(String, String)>,
    },
    /// Run `reconcile_charm_labels`.
    ReconcileLabels {
        /// The application, whose StatefulSet and Service have its name.
        app_name: String,
        /// Their namespace.
        namespace: String,
        /// The ConfigMap that remembers the labels.
        label_configmap_name: String,
        /// The labels that are wanted.
        #[serde(serialize_with = "serialize_pairs")]
        labels: Vec<(String, String)>,
    },
    /// Take all labels of the mesh off again, and then delete the ConfigMap that remembers them.
    RemoveLabels {
        /// The application.
        app_name: String,
        /// Its namespace.
        namespace: String,
        /// The ConfigMap.
        label_configmap_name: String,
    },
}

impl<'a> Unit<'a> {
    /// The relations of an endpoint, without the one that is breaking.
    pub fn related<'s>(
        &'s self,
        endpoint: &'s str,
    ) -> impl Iterator<Item = &'s Relation<'a>> + use<'s, 'a> {
        let broken = match self.event.name {
            "relation_broken" => self.event.relation_id,
            _ => None,
        };
        self.relations
            .iter()
            .filter(move |relation| relation.endpoint == endpoint && Some(relation.id) != broken)
    }

    /// The endpoint that the hook is about.
    pub fn event_endpoint(&self) -> Option<&'a str> {
        let id = self.event.relation_id?;
        let mut relations = self.relations.iter();
        relations
            .find(|relation| relation.id == id)
            .map(|relation| relation.endpoint)
    }
}

impl<'a> Relation<'a> {
    /// The value under a key of the far application's databag.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        let mut entries = self.remote.iter();
        entries
            .find(|(name, _)| *name == key)
            .map(|(_, value)| *value)
    }

    /// Whether the far side is known, or known by the name that Juju gives it, to live in another
    /// model: `remote-` and 32 hexadecimal digits.
    pub fn is_cross_model(&self) -> bool {
        self.cross_model
            .unwrap_or_else(|| self.app.is_some_and(is_remote_name))
    }

    /// A diagnostic about a key of the databag.
    pub(super) fn place(&self, diagnostic: Diagnostic, key: &str, at: Position) -> Diagnostic {
        let place = Place {
            file: format!("{}:{} {key}", self.endpoint, self.id),
            line: at.line,
            column: at.column,
        };
        Diagnostic {
            place: Some(place),
            ..diagnostic
        }
    }

    /// That the databag is set aside.
    pub(super) fn set_aside(&self, key: &str, at: Position, why: &str) -> Diagnostic {
        let message = format!(
            "the databag of `{}` is set aside: {why}",
            clip(self.app.unwrap_or_default())
        );
        self.place(
            Diagnostic::error(code::INVALID_DATABAG, message).dropped(),
            key,
            at,
        )
    }

    /// Reads a value of the far application's databag as JSON, within bounds; `None` where there
    /// is none. The error says that the databag is set aside, and why.
    pub(super) fn read(
        &self,
        key: &str,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<Option<Document<'a>>, Diagnostic> {
        let start = Position::new(1, 1);
        if let Some(why) = self.unreadable {
            return Err(self.set_aside(key, start, why));
        }
        let Some(text) = self.get(key) else {
            return Ok(None);
        };
        if text.len() > MAX_DATABAG {
            let mut refusal = self.set_aside(
                key,
                start,
                &format!("it has {} bytes, more than {MAX_DATABAG}", text.len()),
            );
            refusal.code = code::DATABAG_TOO_LARGE;
            return Err(refusal);
        }
        let document = parse_json(text).map_err(|error| {
            let why = format!("{} ({})", error.message, error.code);
            self.set_aside(key, error.at, &why)
        })?;
        // One is enough: a databag can hold as many as it has bytes.
        if let Some((at, name)) = document.duplicates.first() {
            let message = format!(
                "the key `{}` stands twice in the databag of `{}`; the last one counts",
                clip(name),
                clip(self.app.unwrap_or_default())
            );
            let warning = Diagnostic::warning(code::DUPLICATE_KEY, message);
            warnings.push(self.place(warning, key, *at));
        }
        Ok(Some(document))
    }
}

/// The endpoints that a charm's `metadata.yaml` or `charmcraft.yaml` declares.
pub fn declared_endpoints<'n>(metadata: &'n Node<'_>) -> Vec<&'n str> {
    ["provides", "requires", "peers"]
        .iter()
        .filter_map(|role| metadata.get(role).and_then(Node::as_object))
        .flat_map(|endpoints| endpoints.iter().map(|member| member.key.as_ref()))
        .collect()
}

/// The name that Juju gives to an application of another model that consumes an offer.
pub fn is_remote_name(name: &str) -> bool {
    name.strip_prefix("remote-").is_some_and(|digits| {
        digits.len() == 32
            && digits
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}
