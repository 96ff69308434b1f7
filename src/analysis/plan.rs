//! A plan, as programs tell it, as the phases that are proven safe.

use super::safety::{Phase, Write};
use crate::istio::policy::read_policy;
use crate::text::{Node, TextError, parse_json};
use std::sync::Arc;

/// The phase whose writes to one target go out one by one; see `kube::order`.
const UPDATES: &str = "updates";

/// Reads the changes of plans, JSON as in `done.changes` of a program that was started with `plan`: those of one phase that
/// follow each other become one phase. Changes of other kinds than AuthorizationPolicy are passed by.
pub fn read_plan(changes: &str) -> Result<Vec<Phase>, TextError> {
    let document = parse_json(changes)?;
    let file: Arc<str> = "".into();
    let mut phases: Vec<Phase> = Vec::new();
    for change in document.root.as_array().unwrap_or_default() {
        let text = |key: &str| change.get(key).and_then(Node::as_str).unwrap_or_default();
        if text("kind") != "AuthorizationPolicy" {
            continue;
        }
        let write = if text("action") == "delete" {
            Write::Delete {
                namespace: text("namespace").to_owned(),
                name: text("name").to_owned(),
            }
        } else {
            let body = change
                .get("request")
                .and_then(|request| request.get("body"))
                .and_then(Node::as_str)
                .unwrap_or_default();
            let body = parse_json(body)?;
            Write::Put(Box::new(read_policy(&file, &body.root, text("namespace"))))
        };
        let title = text("phase");
        match phases.last_mut() {
            Some(last) if last.title == title => last.writes.push(write),
            _ => phases.push(Phase {
                title: title.to_owned(),
                one_by_one: title == UPDATES,
                writes: vec![write],
            }),
        }
    }
    Ok(phases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_phases_in_order() {
        let body = r#"{\"kind\":\"AuthorizationPolicy\",\"metadata\":{\"name\":\"a\",\"namespace\":\"m\"},\"spec\":{\"rules\":[{}]}}"#;
        let changes = format!(
            r#"[{{"action":"create","kind":"AuthorizationPolicy","namespace":"m","name":"a","phase":"new","request":{{"body":"{body}"}}}},
               {{"action":"update","kind":"AuthorizationPolicy","namespace":"m","name":"b","phase":"updates","request":{{"body":"{body}"}}}},
               {{"action":"delete","kind":"AuthorizationPolicy","namespace":"m","name":"c","phase":"old"}},
               {{"action":"delete","kind":"AuthorizationPolicy","namespace":"m","name":"d","phase":"old"}}]"#
        );
        let phases = read_plan(&changes).expect("it reads");
        let told: Vec<(&str, bool, usize)> = phases
            .iter()
            .map(|phase| (phase.title.as_str(), phase.one_by_one, phase.writes.len()))
            .collect();
        assert_eq!(
            told,
            [("new", false, 1), ("updates", true, 1), ("old", false, 2)]
        );
        let first = phases.first().and_then(|phase| phase.writes.first());
        assert!(matches!(first, Some(Write::Put(policy)) if policy.rules.len() == 1));
    }
}
