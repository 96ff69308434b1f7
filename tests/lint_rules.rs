//! What lint says of the rules of a policy side by side: one that admits anyone, and one rule that was written as two.

mod common;

use common::{analysis, policy};
use mesh_policy::analysis::lint::{code, lint};

const FROM: &str = "from: [{source: {namespaces: [shop]}}]";
const TO: &str = "to: [{operation: {ports: ['80']}}]";
const ELSE: &str = "to: [{operation: {ports: ['81']}}]";
const WHEN: &str = "when: [{key: source.ip, values: [10.0.0.1]}]";

/// Which of the codes is found in a policy of these rules.
fn found(metadata: &str, action: &str, rules: &[&[&str]]) -> Vec<&'static str> {
    let rules: Vec<String> = rules
        .iter()
        .map(|parts| format!("{{{}}}", parts.join(", ")))
        .collect();
    let text = policy(
        "p",
        &format!("{{action: {action}, rules: [{}]}}", rules.join(", ")),
    );
    let text = text.replace("namespace: shop", &format!("namespace: shop{metadata}"));
    lint(&analysis(&text, ""))
        .iter()
        .map(|one| one.code)
        .filter(|one| [code::SPLIT_RULE, code::ALLOWS_ANYONE].contains(one))
        .collect()
}

#[test]
fn rules_that_were_meant_as_one() {
    for (rules, split) in [
        (&[&[FROM][..], &[TO]][..], true),
        (&[&[TO], &[FROM]], true),
        // Either may well be meant where there is more.
        (&[&[FROM, WHEN], &[TO]], false),
        (&[&[FROM], &[TO, WHEN]], false),
        (&[&[FROM, TO], &[TO]], false),
        (&[&[FROM], &[FROM, TO]], false),
        (&[&[FROM], &[WHEN]], false),
        (&[&[TO], &[ELSE]], false),
        (&[&[FROM], &[TO], &[FROM, TO]], false),
        (&[&[FROM, TO]], false),
    ] {
        let expected: &[&str] = if split { &[code::SPLIT_RULE] } else { &[] };
        assert_eq!(found("", "ALLOW", rules), expected, "{rules:?}");
        assert!(found("", "DENY", rules).is_empty());
    }
}

#[test]
fn rules_that_admit_anyone() {
    for (metadata, action, rules, expected) in [
        ("", "ALLOW", &[&[][..]][..], &[code::ALLOWS_ANYONE][..]),
        ("", "ALLOW", &[&[FROM], &[]], &[code::ALLOWS_ANYONE]),
        ("", "ALLOW", &[&[WHEN]], &[]),
        // A DENY of everything closes.
        ("", "DENY", &[&[]], &[]),
        (
            ", annotations: {istio.io/dry-run: 'true'}",
            "ALLOW",
            &[&[]],
            &[],
        ),
    ] {
        assert_eq!(
            found(metadata, action, rules),
            expected,
            "{action} {rules:?}"
        );
    }
}
