//! An AuthorizationPolicy that was read, written again: what Istio takes of it, as JSON.

use super::policy::{AuthorizationPolicy, Entry, TargetRef, Text, WHEN_ANNOTATION};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Writes the object, without what Istio does not take.
#[derive(Debug, Clone, Copy)]
pub struct Manifest<'a>(pub &'a AuthorizationPolicy);

/// A mapping by a list of its entries; those that are `Nothing` are left out.
enum Json<'a> {
    Nothing,
    Text(&'a str),
    List(Vec<Json<'a>>),
    Map(Vec<(&'a str, Json<'a>)>),
}

// === impl Json ===

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Nothing => serializer.serialize_unit(),
            Json::Text(text) => serializer.serialize_str(text),
            Json::List(items) => serializer.collect_seq(items),
            Json::Map(members) => {
                let mut map = serializer.serialize_map(None)?;
                for (key, value) in members {
                    if !matches!(value, Json::Nothing) {
                        map.serialize_entry(key, value)?;
                    }
                }
                map.end()
            }
        }
    }
}

fn texts(values: &[Text]) -> Json<'_> {
    match values {
        [] => Json::Nothing,
        _ => Json::List(values.iter().map(|one| Json::Text(&one.text)).collect()),
    }
}

fn optional(text: Option<&str>) -> Json<'_> {
    match text {
        Some(text) if !text.is_empty() => Json::Text(text),
        _ => Json::Nothing,
    }
}

fn entries<'a>(list: &'a [Entry], key: &'static str) -> Json<'a> {
    let entry = |one: &'a Entry| {
        let lists = one.lists.as_ref().map_or(Json::Nothing, |lists| {
            let members = lists.iter();
            let member =
                |one: &'a super::policy::List| (one.attribute.key(one.negated), texts(&one.values));
            Json::Map(members.map(member).collect())
        });
        Json::Map(vec![(key, lists)])
    };
    match list {
        [] => Json::Nothing,
        _ => Json::List(list.iter().map(entry).collect()),
    }
}

fn reference(one: &TargetRef) -> Json<'_> {
    Json::Map(vec![
        ("group", Json::Text(&one.group)),
        ("kind", Json::Text(&one.kind)),
        ("name", Json::Text(&one.name)),
        ("namespace", optional(Some(&one.namespace))),
    ])
}

fn labels(pairs: &[(String, String)]) -> Json<'_> {
    let members = pairs.iter();
    Json::Map(
        members
            .map(|(key, value)| (key.as_str(), Json::Text(value)))
            .collect(),
    )
}

impl Serialize for Manifest<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let policy = self.0;
        let dry_run = policy.dry_run.as_ref().map(|one| one.text.as_str());
        let annotations = Json::Map(vec![
            (super::policy::DRY_RUN_ANNOTATION, optional(dry_run)),
            (WHEN_ANNOTATION, optional(policy.when.as_deref())),
        ]);
        let annotated = dry_run.is_some() || policy.when.is_some();
        let rule = |one| {
            let one: &super::policy::Rule = one;
            let condition = |one| {
                let one: &super::policy::Condition = one;
                Json::Map(vec![
                    ("key", Json::Text(&one.key.text)),
                    ("values", texts(&one.values)),
                    ("notValues", texts(&one.not_values)),
                ])
            };
            let conditions: Vec<Json<'_>> = one.when.iter().map(condition).collect();
            Json::Map(vec![
                ("from", entries(&one.from, "source")),
                ("to", entries(&one.to, "operation")),
                (
                    "when",
                    if conditions.is_empty() {
                        Json::Nothing
                    } else {
                        Json::List(conditions)
                    },
                ),
            ])
        };
        let rules: Vec<Json<'_>> = policy.rules.iter().map(rule).collect();
        let references = policy.targets().iter().map(reference).collect::<Vec<_>>();
        let provider = optional(policy.provider.as_deref());
        Json::Map(vec![
            ("apiVersion", Json::Text("security.istio.io/v1")),
            ("kind", Json::Text("AuthorizationPolicy")),
            (
                "metadata",
                Json::Map(vec![
                    ("name", Json::Text(&policy.name)),
                    ("namespace", Json::Text(&policy.namespace)),
                    (
                        "annotations",
                        if annotated {
                            annotations
                        } else {
                            Json::Nothing
                        },
                    ),
                ]),
            ),
            (
                "spec",
                Json::Map(vec![
                    ("action", Json::Text(policy.action.name())),
                    (
                        "provider",
                        match provider {
                            Json::Nothing => Json::Nothing,
                            name => Json::Map(vec![("name", name)]),
                        },
                    ),
                    (
                        "selector",
                        policy.selector.as_ref().map_or(Json::Nothing, |pairs| {
                            Json::Map(vec![("matchLabels", labels(pairs))])
                        }),
                    ),
                    (
                        "targetRefs",
                        if references.is_empty() {
                            Json::Nothing
                        } else {
                            Json::List(references)
                        },
                    ),
                    (
                        "rules",
                        if rules.is_empty() {
                            Json::Nothing
                        } else {
                            Json::List(rules)
                        },
                    ),
                ]),
            ),
        ])
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::Manifest;
    use crate::istio::policy::read_policy;
    use crate::text::{parse_json, parse_yaml, to_json};

    #[test]
    fn what_is_written_is_what_was_read() {
        let text = r#"
metadata: {name: a, namespace: b, annotations: {istio.io/dry-run: "false", mesh-policy/when: x}}
spec:
  action: CUSTOM
  provider: {name: outside}
  selector: {matchLabels: {app: web}}
  targetRefs: [{group: "", kind: Service, name: web}]
  rules:
  - from: [{source: {notPrincipals: [x], namespaces: [y, z]}}, {}]
    to: [{operation: {ports: ["80"], notPaths: [/x]}}]
    when: [{key: source.ip, values: [10.0.0.0/8], notValues: [10.0.0.1]}]
  - {}
"#;
        let documents = parse_yaml(text).unwrap();
        let root = &documents.first().unwrap().root;
        let read = read_policy(&"".into(), root, "default");
        let json = to_json(&Manifest(&read)).unwrap();
        let again = parse_json(&json).unwrap();
        let again = read_policy(&"".into(), &again.root, "default");
        assert_eq!(json, to_json(&Manifest(&again)).unwrap());
        assert_eq!(
            (again.rules.len(), again.action, again.selector),
            (2, read.action, read.selector)
        );
        for part in [
            "notPrincipals",
            "\"to\"",
            "notPaths",
            "notValues",
            "outside",
            "dry-run",
            "targetRefs",
        ] {
            assert!(json.contains(part), "{json}");
        }
    }
}
