//! What `diff` says of requests by the ways that they take: ports of Services, waypoints, pods that nobody describes, addresses,
//! and what the input does not tell.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use common::{analysis, policy};
use mesh_policy::analysis::diff::diff;
use serde_json::Value;

/// Everything that changes from some policies to others: `+` what is granted, `-` what is revoked, `?` what may be.
fn changes(mesh: &str, settings: &str, old: &str, new: &str) -> Vec<String> {
    let side = |policies: &str| analysis(&format!("{mesh}{policies}"), settings);
    let found = diff(&side(old), &side(new));
    assert!(found.not_compared.is_empty(), "{}", found.json());
    let told: Value = serde_json::from_str(&found.json()).expect("JSON");
    let mut all = Vec::new();
    for (mark, list) in [("+", "granted"), ("-", "revoked"), ("?", "unknown")] {
        for one in told[list].as_array().expect("a list") {
            let text = one["text"].as_str().expect("a text");
            let text = text
                .replace(" may now ", ": ")
                .replace(" may no longer ", ": ");
            all.push(format!("{mark} {text}"));
        }
    }
    all
}

/// What comes with these rules of an ALLOW policy at `web`, where there was one that allows nothing.
fn granted(mesh: &str, settings: &str, rules: &str) -> Vec<String> {
    let one = |rules: &str| {
        let spec = format!("{{selector: {{matchLabels: {{app: web}}}}, rules: [{rules}]}}");
        policy("p", &spec)
    };
    let nothing = one("{from: [{source: {principals: [none]}}]}");
    changes(mesh, settings, &nothing, &one(rules))
}

const SIDECARS: &str = "
{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio-injection: enabled}}}
---
{kind: Pod, apiVersion: v1, metadata: {name: web-0, namespace: shop, labels: {app: web}}, spec: {serviceAccountName: web}, status: {podIP: 10.0.0.7}}
---
{kind: Pod, apiVersion: v1, metadata: {name: db-0, namespace: shop, labels: {app: db}}, spec: {serviceAccountName: db}}
---
{kind: Namespace, apiVersion: v1, metadata: {name: off}}
---
{kind: Pod, apiVersion: v1, metadata: {name: old-0, namespace: off, labels: {app: old}}, spec: {serviceAccountName: old}}
---
{kind: Service, apiVersion: v1, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{name: http, port: 80}, {name: http-m, port: 9090}]}}
";

const ANYONE: &str = "anyone in or outside the mesh";

#[test]
fn ports_that_a_service_has() {
    let told = granted(SIDECARS, "", "{to: [{operation: {notPorts: ['80']}}]}");
    let expected = [
        format!("+ {ANYONE}: connect on port 9090 to service shop/web"),
        format!("+ {ANYONE}: connect on ports 1-79, 81-65535 to pod shop/web-0"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn nobody_has_the_identity_of_a_pod_outside_the_mesh() {
    let rule = "{from: [{source: {principals: [cluster.local/ns/off/sa/old]}}]}";
    assert!(granted(SIDECARS, "", rule).is_empty());
}

#[test]
fn the_address_of_the_destination() {
    let all = [
        format!("+ {ANYONE}: connect to service shop/web"),
        format!("+ {ANYONE}: connect to pod shop/web-0"),
    ];
    for (values, holds) in [
        ("values: [10.0.0.0/24]", true),
        ("values: [10.0.1.0/24]", false),
        ("notValues: [10.0.1.0/24]", true),
        ("notValues: [10.0.0.7]", false),
    ] {
        let rule = format!("{{when: [{{key: destination.ip, {values}}}]}}");
        let expected: &[String] = if holds { &all } else { &[] };
        assert_eq!(granted(SIDECARS, "", &rule), expected, "{values}");
    }
}

#[test]
fn the_address_of_the_destination_alone() {
    let deny = |ip: &str| {
        let spec = format!(
            "{{action: DENY, rules: [{{when: [{{key: destination.ip, values: [{ip}]}}]}}]}}"
        );
        changes(SIDECARS, "", "", &policy("p", &spec))
    };
    let expected = [
        format!("- {ANYONE}: connect to service shop/web"),
        format!("- {ANYONE}: connect to pod shop/web-0"),
        // The input does not tell its address.
        "? some answers for pod shop/db-0 depend on what the input does not say, and may have changed".to_owned(),
    ];
    assert_eq!(deny("10.0.0.7"), expected);
    assert_eq!(deny("10.0.0.8"), expected[2..]);
}

#[test]
fn what_is_not_solved_is_named() {
    let side = |text: &str| {
        let rule = format!(
            "{{from: [{{source: {{remoteIpBlocks: [10.0.0.0/8]}}}}], when: [{{key: 'request.headers[x-forwarded-for]', values: ['{text}']}}]}}"
        );
        let spec = format!("{{selector: {{matchLabels: {{app: web}}}}, rules: [{rule}]}}");
        analysis(&format!("{SIDECARS}{}", policy("p", &spec)), "")
    };
    // A part of the last entry, and all of it.
    for (text, solved) in [("*.8.8", false), ("*,10.8.8.8", true), ("10.8*", true)] {
        let found = diff(&side("10.9*"), &side(text));
        let why = "patterns of X-Forwarded-For that begin with `*`";
        assert_eq!(
            found.not_compared.is_empty(),
            solved,
            "{text} {}",
            found.json()
        );
        assert!(
            found
                .not_compared
                .iter()
                .all(|one| one.why.starts_with(why)),
            "{}",
            found.json()
        );
    }
}

#[test]
fn what_no_request_tells() {
    let depends = |target: &str| {
        format!(
            "? some answers for {target} depend on what the input does not say, and may have changed"
        )
    };
    let expected = [depends("service shop/web"), depends("pod shop/web-0")];
    for key in [":scheme", "x-request-id", "x-envoy-internal"] {
        let rule = format!("{{when: [{{key: 'request.headers[{key}]', values: [a]}}]}}");
        assert_eq!(granted(SIDECARS, "", &rule), expected, "{key}");
    }
}

#[test]
fn each_target_has_its_own_patterns() {
    let both = |web: &str, db: &str| -> String {
        let one = |app: &str, rule: &str| {
            let spec = format!("{{selector: {{matchLabels: {{app: {app}}}}}, rules: [{rule}]}}");
            policy(app, &spec)
        };
        one("web", web) + &one("db", db)
    };
    let none = "{from: [{source: {principals: [none]}}]}";
    let methods = |list: &str| format!("{{to: [{{operation: {{methods: [{list}]}}}}]}}");
    for (db, text) in [("GET, PUT", "GET or PUT"), ("PUT", "PUT"), ("GET", "GET")] {
        let new = both(&methods("GET"), &methods(db));
        let told = changes(SIDECARS, "", &both(none, none), &new);
        assert!(
            told.contains(&format!("+ {ANYONE}: send {text} to pod shop/db-0")),
            "{told:?}"
        );
        assert!(
            told.contains(&format!("+ {ANYONE}: send GET to pod shop/web-0")),
            "{told:?}"
        );
    }
    // Each is shown a request to itself.
    let other = "{to: [{operation: {notHosts: [x]}}]}";
    let side = |policies: String| analysis(&format!("{SIDECARS}{policies}"), "");
    let found = diff(&side(both(none, none)), &side(both(other, other)));
    let told: Value = serde_json::from_str(&found.json()).expect("JSON");
    for one in told["granted"].as_array().expect("a list") {
        let witness = &one["witness"];
        let to = witness["to"]["pod"]
            .as_str()
            .or(witness["to"]["service"].as_str());
        let (namespace, name) = to.and_then(|to| to.split_once('/')).expect("a target");
        assert_eq!(witness["host"], format!("{name}.{namespace}"));
    }
}

#[test]
fn a_trust_domain_that_reads_like_a_path() {
    for (namespace, who) in [
        // `/ns/ns/` is in `spiffe://ns/ns/…`, whatever follows.
        ("ns", "anyone in the mesh"),
        ("shop", "anyone in namespace shop"),
        ("sa", "clients like */ns/sa/*"),
    ] {
        let rule = format!("{{from: [{{source: {{namespaces: [{namespace}]}}}}]}}");
        let told = granted(SIDECARS, "trustDomain: ns", &rule);
        let expected = ["service shop/web", "pod shop/web-0"];
        let expected = expected.map(|to| format!("+ {who}: connect to {to}"));
        assert_eq!(told, expected, "{namespace}");
    }
}

/// ztunnel holds a namespace's pattern against the namespace alone.
#[test]
fn patterns_of_namespaces_at_ztunnel() {
    let mesh = SIDECARS.replace(
        "istio-injection: enabled",
        "istio.io/dataplane-mode: ambient",
    );
    for (namespace, who) in [
        ("cos", "anyone in namespace cos"),
        ("c*", "clients like cluster.local/ns/c*/sa/*"),
        ("*s", "clients like cluster.local/ns/*s/sa/*"),
    ] {
        let rule = format!("{{from: [{{source: {{namespaces: ['{namespace}']}}}}]}}");
        let told = granted(&mesh, "", &rule);
        let expected = ["service shop/web", "pod shop/web-0"];
        let expected = expected.map(|to| format!("+ {who}: connect to {to}"));
        assert_eq!(told, expected, "{namespace}");
    }
}

#[test]
fn pods_that_nobody_describes() {
    let service = "{kind: Service, apiVersion: v1, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{name: http, port: 80}]}}\n";
    // Behind a ServiceEntry is nothing that enforces.
    let entry = "{kind: ServiceEntry, apiVersion: networking.istio.io/v1, metadata: {name: web, namespace: shop}, spec: {hosts: [a.example], ports: [{name: http, number: 80, protocol: HTTP}]}}\n";
    let deny = policy(
        "p",
        "{action: DENY, rules: [{to: [{operation: {methods: [PUT], ports: ['80']}}]}]}",
    );
    for (mesh, plane, expected) in [
        (service, "none", &[][..]),
        // ztunnel sees no methods.
        (
            service,
            "ambient",
            &[
                "connect to service shop/web",
                "connect on port 80 to pods of shop",
            ],
        ),
        (
            service,
            "sidecar",
            &[
                "send PUT to service shop/web",
                "send PUT on port 80 to pods of shop",
            ],
        ),
        (entry, "none", &[]),
        (entry, "ambient", &["connect on port 80 to pods of shop"]),
        (entry, "sidecar", &["send PUT on port 80 to pods of shop"]),
    ] {
        let told = changes(mesh, &format!("dataPlane: {plane}"), "", &deny);
        let expected = expected.iter().map(|what| format!("- {ANYONE}: {what}"));
        assert_eq!(told, expected.collect::<Vec<_>>(), "{plane} {mesh}");
    }
}

/// With a waypoint and an ingress gateway; `web` is labelled as its data plane wants, its Service at will.
fn ambient(pod: &str, service: &str) -> String {
    format!("
{{kind: Namespace, apiVersion: v1, metadata: {{name: shop, labels: {{istio.io/dataplane-mode: ambient, istio.io/use-waypoint: way}}}}}}
---
{{kind: Pod, apiVersion: v1, metadata: {{name: web-0, namespace: shop, labels: {{app: web, {pod}}}}}, spec: {{serviceAccountName: web}}, status: {{podIP: 10.0.0.7}}}}
---
{{kind: Pod, apiVersion: v1, metadata: {{name: front-0, namespace: shop, labels: {{gateway.networking.k8s.io/gateway-name: front}}}}, spec: {{serviceAccountName: front}}}}
---
{{kind: Pod, apiVersion: v1, metadata: {{name: way-0, namespace: shop, labels: {{gateway.networking.k8s.io/gateway-name: way}}}}, spec: {{serviceAccountName: way}}, status: {{podIP: 10.0.0.9}}}}
---
{{kind: Gateway, apiVersion: gateway.networking.k8s.io/v1, metadata: {{name: way, namespace: shop}}, spec: {{gatewayClassName: istio-waypoint}}, status: {{addresses: [{{value: 10.9.9.9}}]}}}}
---
{{kind: Gateway, apiVersion: gateway.networking.k8s.io/v1, metadata: {{name: front, namespace: shop}}, spec: {{gatewayClassName: istio, listeners: [{{name: all, port: 80, protocol: HTTP}}]}}}}
---
{{kind: Service, apiVersion: v1, metadata: {{name: web, namespace: shop, labels: {{{service}}}}}, spec: {{clusterIP: 10.8.0.1, selector: {{app: web}}, ports: [{{name: http, port: 80}}]}}}}
")
}

const PLAIN: &str = "plain: 'yes'";

#[test]
fn an_ingress_gateway_and_the_waypoint() {
    let deny = policy(
        "p",
        "{targetRefs: [{kind: Service, group: '', name: web}], action: DENY, rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/front]}}]}]}",
    );
    for (label, expected) in [
        (PLAIN, &[][..]),
        ("istio.io/ingress-use-waypoint: 'false'", &[]),
        (
            "istio.io/ingress-use-waypoint: 'true'",
            &["- shop/front: connect to service shop/web, through its waypoint"],
        ),
    ] {
        let told = changes(&ambient(PLAIN, label), "", "", &deny);
        assert_eq!(told, expected, "{label}");
    }
}

#[test]
fn a_waypoint_sees_the_address_of_the_service() {
    let deny = |ip: &str| {
        let spec = format!(
            "{{targetRefs: [{{kind: Service, group: '', name: web}}], action: DENY, rules: [{{when: [{{key: destination.ip, values: [{ip}]}}]}}]}}"
        );
        changes(&ambient(PLAIN, PLAIN), "", "", &policy("p", &spec))
    };
    let all = "- anyone in the mesh except shop/front and shop/way: connect to service shop/web, through its waypoint";
    assert_eq!(deny("10.8.0.1"), [all]);
    assert!(deny("10.0.0.7").is_empty());
}

#[test]
fn what_a_sidecar_sees_behind_a_waypoint() {
    let mesh = ambient("sidecar.istio.io/inject: 'true'", PLAIN);
    let through = "- anyone in the mesh except shop/front, shop/way and shop/web: connect";
    let end = "to service shop/web, through its waypoint";
    for (source, expected) in [
        // The address of the waypoint's pod, and the client's own word.
        ("ipBlocks: [10.0.0.9]", Some("")),
        ("ipBlocks: [10.0.0.8]", None),
        (
            "remoteIpBlocks: [10.5.0.0/16]",
            Some(", with header x-forwarded-for: last entry 10.5.0.0/16"),
        ),
        (
            "notRemoteIpBlocks: [10.5.0.0/16]",
            Some(", without header x-forwarded-for: last entry 10.5.0.0/16"),
        ),
        (
            "remoteIpBlocks: [10.0.0.8/31]",
            Some(
                ", without header x-forwarded-for: last entry 0.0.0.0-10.0.0.7, last entry 10.0.0.10-255.255.255.255 or last entry ::/0",
            ),
        ),
    ] {
        let spec = format!(
            "{{selector: {{matchLabels: {{app: web}}}}, action: DENY, rules: [{{from: [{{source: {{{source}}}}}]}}]}}"
        );
        let told = changes(&mesh, "", "", &policy("p", &spec));
        let found: Vec<&String> = told.iter().filter(|one| one.ends_with(end)).collect();
        let expected = expected.map(|what| format!("{through}{what} {end}"));
        assert_eq!(found, expected.iter().collect::<Vec<_>>(), "{source}");
    }
}
