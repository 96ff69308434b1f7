//! Whether an object is as it should be, in all that this field manager says about it.

use crate::text::{Node, Object, Value};

/// Where an object first differs from the manifest that would be applied to it; `None` where
/// applying it would change nothing.
///
/// What others added is theirs, unless `metadata.managedFields` says that `manager` applied it
/// before: then applying the manifest would take it away. In `spec`, what is not known to be another's
/// counts as a difference.
pub(super) fn difference(manifest: &Node<'_>, live: &Node<'_>, manager: &str) -> Option<String> {
    let owned = owned_fields(live, manager);
    let metadata = manifest.get("metadata").and_then(Node::as_object);
    let live_metadata = live.get("metadata");
    let owned_metadata = owned.and_then(|fields| fields.get("f:metadata"));
    let nothing = Node::default();
    for key in ["labels", "annotations", "finalizers", "ownerReferences"] {
        let wanted = metadata
            .and_then(|metadata| metadata.get(key))
            .unwrap_or(&nothing);
        let found = live_metadata
            .and_then(|metadata| metadata.get(key))
            .unwrap_or(&nothing);
        let owned = owned_metadata.and_then(|fields| field(fields, key));
        // Of what nobody here speaks of, lists too are others'.
        if !wanted.is_null() || owned.is_some() {
            let extras = Extras::Others(owned);
            if let Some(path) = walk(wanted, found, extras, &format!("metadata.{key}")) {
                return Some(path);
            }
        }
    }
    let empty = Node {
        value: Value::Object(Object::default()),
        ..Node::default()
    };
    let spec = |node: &Node<'_>| node.get("spec").filter(|spec| !spec.is_null()).is_some();
    let wanted = manifest.get("spec").filter(|_| spec(manifest));
    let found = live.get("spec").filter(|_| spec(live));
    let extras = match owned {
        Some(fields) => Extras::Others(field(fields, "spec")),
        None => Extras::Ours,
    };
    walk(
        wanted.unwrap_or(&empty),
        found.unwrap_or(&empty),
        extras,
        "spec",
    )
}

/// `fieldsV1` of what the manager applied last.
fn owned_fields<'n, 'a>(live: &'n Node<'a>, manager: &str) -> Option<&'n Node<'a>> {
    let text = |entry: &Node<'_>, key: &str, value: &str| {
        entry.get(key).and_then(Node::as_str) == Some(value)
    };
    live.get("metadata")?
        .get("managedFields")?
        .as_array()?
        .iter()
        .find(|entry| {
            text(entry, "manager", manager)
                && text(entry, "operation", "Apply")
                && entry.get("subresource").is_none()
        })?
        .get("fieldsV1")
}

fn field<'n, 'a>(fields: &'n Node<'a>, key: &str) -> Option<&'n Node<'a>> {
    fields.get(&format!("f:{key}"))
}

/// Whose the fields are that the manifest does not have.
#[derive(Clone, Copy)]
enum Extras<'n, 'a> {
    /// Others', but for those that are listed.
    Others(Option<&'n Node<'a>>),
    /// They must not be there.
    Ours,
}

// The reader has bounded the depth.
fn walk(wanted: &Node<'_>, found: &Node<'_>, extras: Extras<'_, '_>, path: &str) -> Option<String> {
    let differs = || Some(format!("`{path}` differs"));
    let empty = Object::default();
    let (wanted, found) = match (&wanted.value, &found.value) {
        (Value::Object(wanted), Value::Object(found)) => (wanted, found),
        (Value::Null, Value::Object(found)) => (&empty, found),
        (Value::Object(wanted), Value::Null)
            if wanted.is_empty() && path.starts_with("metadata.") =>
        {
            return None;
        }
        _ => return if same(wanted, found) { None } else { differs() },
    };
    for member in wanted.iter().filter(|member| !member.value.is_null()) {
        let path = format!("{path}.{}", member.key);
        let Some(found) = found.get(&member.key) else {
            return Some(format!("`{path}` is missing"));
        };
        let extras = match extras {
            Extras::Others(fields) => {
                Extras::Others(fields.and_then(|fields| field(fields, &member.key)))
            }
            Extras::Ours => Extras::Ours,
        };
        if let Some(difference) = walk(&member.value, found, extras, &path) {
            return Some(difference);
        }
    }
    let is_wanted = |key: &str| wanted.get(key).is_some_and(|node| !node.is_null());
    for member in found.iter().filter(|member| !member.value.is_null()) {
        let is_ours = match extras {
            Extras::Others(fields) => fields.is_some_and(|f| field(f, &member.key).is_some()),
            Extras::Ours => true,
        };
        if is_ours && !is_wanted(&member.key) {
            return Some(format!("`{path}.{}` is not wanted any longer", member.key));
        }
    }
    None
}

/// Whether two values mean the same to Kubernetes: in objects, `null` is absence. Lists have no keys in
/// this API, so that they belong to one manager as a whole.
fn same(left: &Node<'_>, right: &Node<'_>) -> bool {
    match (&left.value, &right.value) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| same(l, r))
        }
        (Value::Object(left), Value::Object(right)) => within(left, right) && within(right, left),
        #[allow(clippy::cast_precision_loss)]
        (Value::Int(int), Value::Float(float)) | (Value::Float(float), Value::Int(int)) => {
            *int as f64 == *float
        }
        (left, right) => left == right,
    }
}

fn within(left: &Object<'_>, right: &Object<'_>) -> bool {
    left.iter()
        .filter(|member| !member.value.is_null())
        .all(|member| {
            right
                .get(&member.key)
                .is_some_and(|node| same(&member.value, node))
        })
}

#[cfg(test)]
mod tests {
    use super::difference;
    use crate::text::parse_json;

    fn told(manifest: &str, live: &str) -> Option<String> {
        let manifest = parse_json(manifest).expect("is JSON");
        let live = parse_json(live).expect("is JSON");
        difference(&manifest.root, &live.root, "me")
    }

    const MANIFEST: &str = r#"{"metadata":{"labels":{"a":"b"}},"spec":{"rules":[{"to":[]}]}}"#;

    #[test]
    fn what_others_add_is_theirs() {
        let live = r#"{"metadata":{"labels":{"z":"other","a":"b"},"annotations":{"seen":"yes"},
            "managedFields":[{"manager":"me","operation":"Apply","fieldsV1":
                {"f:metadata":{"f:labels":{"f:a":{}}},"f:spec":{"f:rules":{}}}}]},
            "spec":{"rules":[{"to":[]}],"action":"ALLOW"}}"#;
        assert_eq!(told(MANIFEST, live), None);
    }

    #[test]
    fn what_was_applied_before_goes() {
        let live = r#"{"metadata":{"labels":{"old":"mine","a":"b"},
            "managedFields":[{"manager":"me","operation":"Apply","fieldsV1":
                {"f:metadata":{"f:labels":{"f:a":{},"f:old":{}}},"f:spec":{"f:rules":{}}}}]},
            "spec":{"rules":[{"to":[]}]}}"#;
        let expected = "`metadata.labels.old` is not wanted any longer";
        assert_eq!(told(MANIFEST, live).as_deref(), Some(expected));
        let live = live.replace("\"old\":\"mine\",", "").replace(
            "\"rules\":[{\"to\":[]}]}",
            "\"rules\":[{\"to\":[]}],\"action\":\"DENY\"}",
        );
        assert_eq!(told(MANIFEST, &live), None);
        let live = live.replace("\"f:spec\":{", "\"f:spec\":{\"f:action\":{},");
        let expected = "`spec.action` is not wanted any longer";
        assert_eq!(told(MANIFEST, &live).as_deref(), Some(expected));
    }

    #[test]
    fn what_the_manager_applied_is_what_it_applied_to_the_object_itself() {
        for (manager, operation, more, expected) in [
            ("me", "Apply", "", None),
            (
                "me",
                "Update",
                "",
                Some("`spec.action` is not wanted any longer"),
            ),
            (
                "you",
                "Apply",
                "",
                Some("`spec.action` is not wanted any longer"),
            ),
            (
                "me",
                "Apply",
                r#""subresource":"status","#,
                Some("`spec.action` is not wanted any longer"),
            ),
        ] {
            let live = format!(
                r#"{{"metadata":{{"labels":{{"a":"b"}},"managedFields":[{{"manager":"{manager}",{more}
                "operation":"{operation}","fieldsV1":{{"f:spec":{{"f:rules":{{}}}}}}}}]}},
                "spec":{{"rules":[{{"to":[]}}],"action":"ALLOW"}}}}"#
            );
            assert_eq!(told(MANIFEST, &live).as_deref(), expected, "{live}");
        }
    }

    #[test]
    fn what_the_manifest_says_nothing_of() {
        let of = |finalizers: &str, owned: &str| {
            format!(
                r#"{{"metadata":{{"finalizers":{finalizers},"managedFields":[{{"manager":"me","operation":"Apply",
                "fieldsV1":{{"f:metadata":{{{owned}}}}}}}]}}}}"#
            )
        };
        let (ours, others) = (r#""f:finalizers":{}"#, "");
        let differs = Some("`metadata.finalizers` differs");
        for (wanted, found, owned, expected) in [
            ("null", r#"["a"]"#, others, None),
            ("null", r#"["a"]"#, ours, differs),
            (r#"["a"]"#, r#"["a"]"#, others, None),
            (r#"["a"]"#, r#"["a"]"#, ours, None),
            (r#"["a"]"#, r#"["b"]"#, others, differs),
            (r#"["a"]"#, "null", others, differs),
        ] {
            let manifest = format!(r#"{{"metadata":{{"finalizers":{wanted}}}}}"#);
            let live = of(found, owned);
            assert_eq!(
                told(&manifest, &live).as_deref(),
                expected,
                "{wanted} {live}"
            );
        }
        let live = of("null", r#""f:labels":{"f:mine":{}}"#)
            .replace("\"finalizers\":null", r#""labels":{"others":"x"}"#);
        assert_eq!(told("{}", &live), None);
        let expected = Some("`metadata.labels.mine` is not wanted any longer");
        let live = live.replace("others", "mine");
        assert_eq!(told("{}", &live).as_deref(), expected);
        let empty = r#"{"metadata":{"labels":{},"annotations":{}}}"#;
        assert_eq!(told(empty, r#"{"metadata":{}}"#), None);
        assert_eq!(
            told(empty, r#"{"metadata":{"labels":{"others":"x"}}}"#),
            None
        );
    }

    #[test]
    fn values_that_mean_the_same() {
        for (wanted, found, same) in [
            (r#"{"a":1}"#, r#"{"a":1.0}"#, true),
            (r#"{"a":1.0}"#, r#"{"a":1}"#, true),
            (r#"{"a":1}"#, r#"{"a":1.5}"#, false),
            (r#"{"a":1,"b":null}"#, r#"{"a":1}"#, true),
            (r#"{"a":1}"#, r#"{"a":1,"b":2}"#, false),
            (r#"{"a":1,"b":2}"#, r#"{"a":1}"#, false),
            (r#"{"a":1}"#, r#"{"a":"1"}"#, false),
        ] {
            let spec = |value: &str| format!(r#"{{"spec":{{"list":[{value}]}}}}"#);
            let expected = (!same).then_some("`spec.list` differs");
            let told = told(&spec(wanted), &spec(found));
            assert_eq!(told.as_deref(), expected, "{wanted} {found}");
        }
    }

    #[test]
    fn values_and_missing_fields() {
        for (live, expected) in [
            (
                r#"{"metadata":{"labels":{"a":"b"}},"spec":{"rules":[{"to":[]}]}}"#,
                None,
            ),
            (
                r#"{"metadata":{"labels":{"a":"b"}},"spec":{"rules":[{"to":[],"from":null}]}}"#,
                None,
            ),
            (
                r#"{"metadata":{"labels":{"a":"c"}},"spec":{"rules":[{"to":[]}]}}"#,
                Some("`metadata.labels.a` differs"),
            ),
            (
                r#"{"metadata":{},"spec":{"rules":[{"to":[]}]}}"#,
                Some("`metadata.labels` differs"),
            ),
            (
                r#"{"metadata":{"labels":{"a":"b"}},"spec":{"rules":[]}}"#,
                Some("`spec.rules` differs"),
            ),
            (
                r#"{"metadata":{"labels":{"a":"b"}}}"#,
                Some("`spec.rules` is missing"),
            ),
            (
                r#"{"metadata":{"labels":{"a":"b"}},"spec":{"rules":[{"to":[]}],"action":"DENY"}}"#,
                Some("`spec.action` is not wanted any longer"),
            ),
        ] {
            assert_eq!(told(MANIFEST, live).as_deref(), expected, "{live}");
        }
    }
}
