//! What lint says of single values, with the place that it points at, and of their nearest neighbours, of which it says
//! nothing.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use common::{analysis, policy};
use mesh_policy::analysis::lint::{code, lint};

const SHOP: &str = "
{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}
---
{kind: Service, apiVersion: v1, metadata: {name: web, namespace: shop, labels: {istio.io/use-waypoint: way}}, spec: {ports: [{port: 80}, {port: 443}, {port: 8080}]}}
---
{kind: Gateway, apiVersion: gateway.networking.k8s.io/v1, metadata: {name: way, namespace: shop}, spec: {gatewayClassName: istio-waypoint}}
";

/// Those that are about a value alone.
const CODES: [&str; 13] = [
    code::REFUSED,
    code::PRINCIPAL_WITH_SCHEME,
    code::ODD_PRINCIPAL,
    code::FOREIGN_TRUST_DOMAIN,
    code::CANNOT_VERIFY,
    code::LITERAL_STAR,
    code::WIDE_NAMESPACE,
    code::HOST_WITHOUT_PORT,
    code::ODD_METHOD,
    code::PATH_NEVER_MATCHES,
    code::PATH_BYPASS,
    code::FORGEABLE_ADDRESS,
    code::ODD_CONDITION,
];

/// What is found in a policy: `CODE at VALUE`, and the messages.
fn found(settings: &str, spec: &str) -> (Vec<String>, String) {
    let text = format!("{SHOP}{}", policy("p", spec));
    let lines: Vec<&str> = text.lines().collect();
    let (mut places, mut messages) = (Vec::new(), String::new());
    for one in lint(&analysis(&text, settings)) {
        if !CODES.contains(&one.code) {
            continue;
        }
        let place = one.place.expect("a place");
        let line = lines.get(place.line as usize - 1).expect("a line");
        let from: String = line.chars().skip(place.column as usize - 1).collect();
        let value = from.trim_start_matches('\'').split(['\'', ',', '}']);
        let value = value.into_iter().next().unwrap_or_default();
        places.push(format!("{} at {value}", one.code));
        messages.push_str(&one.message);
    }
    (places, messages)
}

/// A policy for the waypoint of `web`.
fn at_waypoint(rest: &str) -> String {
    format!("{{targetRefs: [{{kind: Service, group: '', name: web}}], {rest}}}")
}

#[track_caller]
fn says(settings: &str, spec: &str, expected: &[&str]) -> String {
    let (places, messages) = found(settings, spec);
    assert_eq!(places, expected, "{settings} {spec}");
    messages
}

#[test]
fn principals() {
    let mesh = "{trustDomain: mesh.example, trustDomainAliases: [old.example, older.example]}";
    for (principal, expected) in [
        ("cluster.local/ns/shop/sa/x", None),
        ("mesh.example/ns/shop/sa/x", None),
        ("old.example/ns/shop/sa/x", None),
        ("older.example/ns/shop/sa/x", None),
        (
            "other.example/ns/shop/sa/x",
            Some(code::FOREIGN_TRUST_DOMAIN),
        ),
        // What begins or ends with a star says no more than it shows.
        ("mesh.example/ns/shop/*", None),
        ("*/sa/x", None),
        ("*", None),
        ("mesh.example/ns/*/sa/x", Some(code::LITERAL_STAR)),
        // Almost an identity of a workload; identities of others may have any form.
        ("mesh.example/ns/shop", Some(code::ODD_PRINCIPAL)),
        ("shop/sa/x", Some(code::ODD_PRINCIPAL)),
        ("shop/x", Some(code::ODD_PRINCIPAL)),
        ("frontend", None),
        ("a/b/c", None),
        (
            "spiffe://mesh.example/ns/shop/sa/x",
            Some(code::PRINCIPAL_WITH_SCHEME),
        ),
    ] {
        let expected: Vec<String> = expected
            .iter()
            .map(|code| format!("{code} at {principal}"))
            .collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        for rule in [
            format!("{{from: [{{source: {{principals: ['{principal}']}}}}]}}"),
            format!("{{when: [{{key: source.principal, values: ['{principal}']}}]}}"),
            format!("{{when: [{{key: source.principal, notValues: ['{principal}']}}]}}"),
        ] {
            says(mesh, &at_waypoint(&format!("rules: [{rule}]")), &expected);
        }
    }
    // Where the settings do not say the trust domain, only that it cannot be known.
    let other = at_waypoint("rules: [{from: [{source: {principals: [o/ns/shop/sa/x]}}]}]");
    says("", &other, &["cannot-verify at o/ns/shop/sa/x]"]);
}

#[test]
fn namespaces() {
    for (namespace, wide, everyone) in [
        ("shop", false, false),
        ("*", false, false),
        ("*-prod", false, false),
        ("shop*", false, false),
        ("*a", true, true),
        ("*/sa", true, true),
        ("shop/x", true, false),
        ("*-prod/sa", true, false),
    ] {
        let place = format!("wide-namespace-pattern at {namespace}");
        let expected: &[&str] = if wide { &[&place] } else { &[] };
        for rule in [
            format!("from: [{{source: {{namespaces: ['{namespace}']}}}}]"),
            format!("when: [{{key: source.namespace, values: ['{namespace}']}}]"),
            format!("when: [{{key: source.namespace, notValues: ['{namespace}']}}]"),
        ] {
            let messages = says("", &at_waypoint(&format!("rules: [{{{rule}}}]")), expected);
            assert_eq!(messages.contains("every client"), everyone, "{namespace}");
            // At ztunnel the pattern is held against the namespace alone.
            says("", &format!("{{action: DENY, rules: [{{{rule}}}]}}"), &[]);
        }
    }
}

#[test]
fn hosts_and_the_ports_that_clients_send_with_them() {
    let only = &["host-without-port at web.shop"][..];
    for (hosts, ports, expected) in [
        ("hosts: ['web.shop']", "ports: ['8080']", only),
        ("hosts: ['web.shop']", "ports: ['8080', '9090']", only),
        // Clients leave out the port of their scheme, and here it may be that.
        ("hosts: ['web.shop']", "ports: ['80']", &[]),
        ("hosts: ['web.shop']", "ports: ['443']", &[]),
        ("hosts: ['web.shop']", "ports: ['8080', '80']", &[]),
        ("hosts: ['web.shop']", "notPorts: ['8080']", &[]),
        ("hosts: ['web.shop']", "methods: [GET]", &[]),
        // With the port, in this value or in one beside it.
        ("hosts: ['web.shop:8080']", "ports: ['8080']", &[]),
        ("hosts: ['web.shop*']", "ports: ['8080']", &[]),
        ("hosts: ['web.shop', 'web.shop:*']", "ports: ['8080']", &[]),
        (
            "hosts: ['web.shop', 'web.shop:8080']",
            "ports: ['8080']",
            &[],
        ),
        ("hosts: ['web.shop', 'web.shop*']", "ports: ['8080']", &[]),
        (
            "hosts: ['web.shop', 'web.shops']",
            "ports: ['8080']",
            &[
                "host-without-port at web.shop",
                "host-without-port at web.shops",
            ],
        ),
        // No port stands behind these colons.
        (
            "hosts: ['web.shop:']",
            "ports: ['8080']",
            &["host-without-port at web.shop:"],
        ),
        (
            "hosts: ['web.shop:http']",
            "ports: ['8080']",
            &["host-without-port at web.shop:http"],
        ),
        ("notHosts: ['web.shop']", "ports: ['8080']", &[]),
        (
            "hosts: ['web*shop']",
            "ports: ['8080']",
            &["literal-star at web*shop"],
        ),
    ] {
        let rule = format!("rules: [{{to: [{{operation: {{{hosts}, {ports}}}}}]}}]");
        says("", &at_waypoint(&rule), expected);
    }
}

#[test]
fn paths_that_another_spelling_slips_past() {
    let [plain, merged, decoded] = ["BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"]
        .map(|mode| format!("pathNormalization: {mode}"));
    for (path, mode, spelling) in [
        ("/a", &plain, Some("`//a`")),
        ("/a/b", &plain, Some("`//a/b`")),
        ("/a*", &plain, Some("`//a*`")),
        // Any spelling ends with it, and this is every path.
        ("*.js", &plain, None),
        ("*", &plain, None),
        ("/*", &plain, None),
        // Merged, a slash can only be hidden between two segments.
        ("/a", &merged, None),
        ("/a/b", &merged, Some("`/a%2Fb`")),
        ("/a/b/c", &merged, Some("`/a%2Fb/c`")),
        ("/a/b", &decoded, None),
    ] {
        let place = format!("path-bypass at {path}");
        let expected: &[&str] = if spelling.is_some() { &[&place] } else { &[] };
        for (action, key, refuses) in [
            ("DENY", "paths", true),
            ("DENY", "notPaths", false),
            ("ALLOW", "paths", false),
            ("ALLOW", "notPaths", true),
            ("AUDIT", "paths", false),
        ] {
            let rule = format!(
                "action: {action}, rules: [{{to: [{{operation: {{{key}: ['{path}']}}}}]}}]"
            );
            let expected = if refuses { expected } else { &[] };
            let messages = says(mode, &at_waypoint(&rule), expected);
            assert!(
                !refuses || messages.contains(spelling.unwrap_or_default()),
                "{messages}"
            );
        }
    }
}

#[test]
fn paths_that_are_never_asked_for() {
    for (path, matches) in [
        ("/a/../b", false),
        ("/a/./b", false),
        ("/a/..", false),
        ("/a/.", false),
        ("*/../b", false),
        ("*/..", false),
        // Something may follow.
        ("/a/..*", true),
        ("/a/.*", true),
        ("/a/../b*", false),
        // The same as what may be a part of a segment, but whole.
        ("/a/../b..*", false),
        ("/..a/b", true),
        ("*../a", true),
    ] {
        let place = format!("path-never-matches at {path}");
        let expected: &[&str] = if matches { &[] } else { &[&place] };
        let rule = format!("rules: [{{to: [{{operation: {{paths: ['{path}']}}}}]}}]");
        says("", &at_waypoint(&rule), expected);
    }
}

#[test]
fn keys_of_conditions() {
    for (key, expected) in [
        ("request.headers[x-env]", &[][..]),
        ("request.headers[x]", &[]),
        ("request.headers[[x]]", &[]),
        // Istio accepts it and does not understand it.
        (
            "request.headersX[x]",
            &["odd-condition-key at request.headersX[x]"],
        ),
        // What Istio refuses it does not accept.
        ("request.headersX", &["refused-policy at request.headersX"]),
        (
            "request.headers[]",
            &["refused-policy at request.headers[]"],
        ),
        (
            "request.headers[x",
            &["refused-policy at request.headers[x"],
        ),
        ("remote.ip", &["forgeable-address at remote.ip"]),
        ("source.ip", &[]),
    ] {
        let rule = format!("rules: [{{when: [{{key: '{key}', values: [10.0.0.1]}}]}}]");
        says("", &at_waypoint(&rule), expected);
    }
}
