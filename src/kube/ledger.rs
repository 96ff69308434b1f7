//! The ledger of an application's labels: what is written under `data.labels`, and how it is read.

use crate::python;
use crate::text::{Node, Value, parse_json};

/// Labels and their values.
pub(super) type Pairs = Vec<(String, String)>;

/// Labels of an object. A value that is no text can be no wanted one.
pub(super) fn pairs(labels: Option<&Node<'_>>) -> Pairs {
    let labels = labels.and_then(Node::as_object);
    labels
        .into_iter()
        .flat_map(|labels| labels.iter())
        .filter(|member| !member.value.is_null())
        .map(|member| {
            let value = member.value.as_str().unwrap_or("\u{0}");
            (member.key.to_string(), value.to_owned())
        })
        .collect()
}

/// `data.labels` of the ConfigMap; `None` where it has no data at all.
pub(super) fn ledger_text(root: &Node<'_>) -> Result<Option<String>, &'static str> {
    let Some(data) = root.get("data").and_then(Node::as_object) else {
        return Ok(None);
    };
    if data.is_empty() {
        return Ok(None);
    }
    match data.get("labels").and_then(Node::as_str) {
        Some(text) => Ok(Some(text.to_owned())),
        None => Err("there are data, but no `labels`,"),
    }
}

/// The labels in a ledger: those of an object, or the names in a list.
pub(super) fn ledger_labels(text: &str) -> Result<Pairs, &'static str> {
    let document = parse_json(text).map_err(|_| "there is no JSON under `labels`")?;
    match &document.root.value {
        Value::Object(_) => Ok(document
            .root
            .as_object()
            .into_iter()
            .flat_map(|object| object.iter())
            .map(|member| {
                let value = member.value.as_str().unwrap_or_default();
                (member.key.to_string(), value.to_owned())
            })
            .collect()),
        Value::Array(nodes) => nodes
            .iter()
            .map(|node| node.as_str().map(|key| (key.to_owned(), String::new())))
            .collect::<Option<_>>()
            .ok_or("there are other things than names under `labels`"),
        // Python takes text for its characters; no label is called so.
        Value::String(_) => Ok(Pairs::new()),
        _ => Err("there is no JSON object under `labels`"),
    }
}

/// The text of a ledger, as Python's `json.dumps` writes it.
pub(super) fn ledger_of(labels: &Pairs) -> String {
    struct Ledger<'a>(&'a Pairs);
    impl serde::Serialize for Ledger<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            crate::model::serialize_pairs(self.0, serializer)
        }
    }
    // Texts can always be written.
    python::json_dumps(&Ledger(labels)).unwrap_or_default()
}
