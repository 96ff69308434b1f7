//! Rules that make no difference, told with their place and their weight, and nothing where something is not known.

mod common;

use common::{analysis, policy};
use mesh_policy::analysis::exact_lints::exact_lints;
use mesh_policy::diagnostic::Severity::{Note, Warning};

const PODS: &str = "
{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio-injection: enabled}}}
---
{kind: Pod, apiVersion: v1, metadata: {name: web-0, namespace: shop, labels: {app: web}}}
---
{kind: Pod, apiVersion: v1, metadata: {name: db-0, namespace: shop, labels: {app: db}}}
";

fn rules(action: &str, name: &str, app: &str, rules: &[&str]) -> String {
    let mut selector = String::new();
    if !app.is_empty() {
        selector = format!("selector: {{matchLabels: {{app: {app}}}}}, ");
    }
    policy(
        name,
        &format!(
            "{{{selector}action: {action}, rules: [{}]}}",
            rules.join(", ")
        ),
    )
}

/// Codes, with which of the policy's rules they are about, from 0.
fn found(policies: &[String]) -> Vec<String> {
    let text = format!("{PODS}{}", policies.concat());
    let analysis = analysis(&text, "");
    let found = exact_lints(&analysis);
    found
        .iter()
        .map(|one| {
            let place = one.place.as_ref().map(|place| (place.line, place.column));
            let mut about = String::from("?");
            for policy in &analysis.mesh.policies {
                for (at, rule) in policy.rules.iter().enumerate() {
                    if place == Some((rule.at.line, rule.at.column)) {
                        about = format!("{} {at}", policy.name);
                    }
                }
                if place == Some((policy.at.line, policy.at.column)) {
                    about.clone_from(&policy.name);
                }
            }
            let severity = match one.severity {
                Warning => "warning",
                Note => "note",
                _ => "error",
            };
            format!("{severity} {}: {about}", one.code)
        })
        .collect()
}

const GET: &str = "{to: [{operation: {methods: [GET]}}]}";
const GET_A: &str = "{to: [{operation: {methods: [GET], paths: [/a]}}]}";
const PUT: &str = "{to: [{operation: {methods: [PUT]}}]}";
const NEVER: &str = "{to: [{operation: {paths: [/x/../y]}}]}";

#[test]
fn what_is_said_has_its_weight() {
    for (policies, expected) in [
        (vec![rules("ALLOW", "p", "web", &[GET, PUT])], &[][..]),
        // What is said twice does no harm; the first of two alike is needed.
        (
            vec![rules("ALLOW", "p", "web", &[GET, GET_A, GET])],
            &["note redundant-rule: p 1", "note redundant-rule: p 2"],
        ),
        (
            vec![rules("DENY", "p", "web", &[GET_A, GET])],
            &["note redundant-rule: p 0"],
        ),
        (
            vec![rules("ALLOW", "p", "web", &[NEVER, GET])],
            &["warning unreachable-rule: p 0"],
        ),
        (
            vec![
                rules("ALLOW", "p", "web", &[GET_A, PUT]),
                rules("DENY", "d", "web", &[GET]),
            ],
            &["warning shadowed-rule: p 0"],
        ),
        (
            vec![rules("ALLOW", "p", "web", &[NEVER])],
            &["warning grants-nothing: p"],
        ),
        // The same in two policies: the second says it again.
        (
            vec![
                rules("ALLOW", "p", "web", &[GET]),
                rules("ALLOW", "q", "web", &[GET_A, PUT]),
            ],
            &["note redundant-rule: q 0"],
        ),
        // A rule that nobody needs at one target, and somebody at another.
        (
            vec![
                rules("ALLOW", "p", "web", &[GET]),
                rules("ALLOW", "q", "", &[GET_A]),
            ],
            &[],
        ),
        // Who is asked instead does not allow.
        (
            vec![
                rules("CUSTOM, provider: {name: x}", "c", "web", &[GET]),
                rules("ALLOW", "p", "web", &[GET_A, GET]),
            ],
            &["note redundant-rule: p 0"],
        ),
    ] {
        assert_eq!(found(&policies), expected, "{}", policies.concat());
    }
}

#[test]
fn nothing_is_said_of_policies_of_which_something_is_not_known() {
    let twice = rules("ALLOW", "p", "", &[GET, GET_A]);
    let told = ["note redundant-rule: p 1"];
    assert_eq!(found(std::slice::from_ref(&twice)), told);
    // It may not be there at all.
    let perhaps = twice.replace(
        "namespace: shop",
        "namespace: shop, annotations: {mesh-policy/when: config x=y}",
    );
    assert!(found(&[perhaps]).is_empty());
    // The Envoy of one of its pods keeps what it had before.
    let stale = rules(
        "DENY",
        "s",
        "web",
        &["{to: [{operation: {paths: ['/{*}//']}}]}"],
    );
    assert!(found(&[twice.clone(), stale]).is_empty());
    // One of its pods is not solved.
    let mixed = "{from: [{source: {remoteIpBlocks: [10.0.0.0/8]}}], when: [{key: 'request.headers[x-forwarded-for]', values: ['*.8.8']}]}";
    let unsolved = rules("ALLOW", "u", "web", &[mixed]);
    assert!(found(&[twice.clone(), unsolved]).is_empty());
    // Another pod of its own is.
    let other = rules("ALLOW", "o", "db", &[GET_A]);
    assert_eq!(
        found(&[rules("ALLOW", "p", "web", &[GET, GET_A]), other]),
        told
    );
}
