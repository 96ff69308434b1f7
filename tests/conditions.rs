//! What each condition of a rule matches at a waypoint, and the nearest request that it does not:
//! Istio's documentation of conditions, and `pilot/pkg/security/authz/model`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use mesh_policy::analysis::envoy::template;
use serde_json::{Value, json};

fn policy(name: &str, spec: &Value) -> String {
    let mut spec = spec.clone();
    if spec.get("selector").is_none() {
        spec["targetRefs"] = json!([{"kind": "Service", "group": "", "name": "web"}]);
    }
    json!({
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": {"name": name, "namespace": "shop"}, "spec": spec,
    })
    .to_string()
}

/// The answer of one enforcement point to a request of `shop/api`, with changes.
fn ask(policies: &[Value], settings: &Value, changes: &Value) -> Value {
    let texts: Vec<String> = (0..)
        .zip(policies)
        .map(|(at, spec)| policy(&format!("p{at}"), spec))
        .collect();
    let (manifests, settings) = (texts.join("\n---\n"), settings.to_string());
    let analysis = common::analysis(&manifests, &settings);
    assert_eq!(analysis.refusals(), [], "{manifests}");
    let mut request = json!({
        "from": {"namespace": "shop", "serviceAccount": "api"}, "to": {"service": "shop/web"},
        "layer": "waypoint", "port": 8080, "method": "GET", "path": "/a", "host": "web",
        "sourceIp": "10.1.0.2", "destinationIp": "10.0.0.1",
    });
    for (key, value) in changes.as_object().expect("an object") {
        request[key] = value.clone();
    }
    serde_json::from_str(&analysis.ask(&request.to_string())).expect("an answer")
}

#[track_caller]
fn holds(rule: &Value, settings: &Value, changes: &Value, verdict: &str) {
    let answer = ask(&[json!({"rules": [rule]})], settings, changes);
    assert_eq!(answer["verdict"], verdict, "{rule} of {changes}: {answer}");
}

#[test]
fn every_attribute() {
    let account = |namespace: &str, name: &str| json!({"from": {"namespace": namespace, "serviceAccount": name}});
    let claims = |claims: Value| json!({"claims": claims});
    let user = |issuer: &str, subject: &str| claims(json!({"iss": [issuer], "sub": [subject]}));
    let nothing = json!({});
    for (key, value, yes, no) in [
        (
            "source.ip",
            "10.1.0.0/24",
            nothing.clone(),
            json!({"sourceIp": "10.1.1.2"}),
        ),
        (
            "remote.ip",
            "10.1.0.0/24",
            nothing.clone(),
            json!({"sourceIp": "10.1.1.2"}),
        ),
        (
            "destination.ip",
            "10.0.0.1",
            nothing.clone(),
            json!({"destinationIp": "10.0.0.2"}),
        ),
        (
            "destination.port",
            "8080",
            nothing.clone(),
            json!({"port": 8081}),
        ),
        (
            "connection.sni",
            "*.shop",
            json!({"sni": "web.shop"}),
            json!({"sni": "web.out"}),
        ),
        (
            "connection.sni",
            "*",
            json!({"sni": "web.shop"}),
            nothing.clone(),
        ),
        (
            "source.namespace",
            "shop",
            nothing.clone(),
            account("shop2", "api"),
        ),
        (
            "source.namespace",
            "s*",
            nothing.clone(),
            account("out", "api"),
        ),
        (
            "source.serviceAccount",
            "api",
            nothing.clone(),
            account("shop", "web"),
        ),
        (
            "source.serviceAccount",
            "shop/api",
            nothing.clone(),
            account("out", "api"),
        ),
        (
            "source.principal",
            "cluster.local/ns/shop/sa/api",
            nothing.clone(),
            account("shop", "web"),
        ),
        (
            "source.principal",
            "*/sa/api",
            nothing.clone(),
            account("shop", "web"),
        ),
        (
            "source.trustDomain",
            "cluster.local",
            nothing.clone(),
            json!({"from": null}),
        ),
        (
            "request.headers[X-Env]",
            "dev*",
            json!({"headers": {"x-env": ["dev1"]}}),
            json!({"headers": {"x-env": ["prod"]}}),
        ),
        (
            "request.headers[X-Env]",
            "*",
            json!({"headers": {"x-env": [""]}}),
            nothing.clone(),
        ),
        (
            "request.auth.audiences",
            "a*",
            claims(json!({"aud": ["b", "a1"]})),
            claims(json!({"azp": ["a1"]})),
        ),
        (
            "request.auth.presenter",
            "a*",
            claims(json!({"azp": ["a1"]})),
            claims(json!({"aud": ["a1"]})),
        ),
        (
            "request.auth.claims[groups]",
            "admin",
            claims(json!({"groups": ["dev", "admin"]})),
            claims(json!({"groups": ["dev"]})),
        ),
        (
            "request.auth.principal",
            "https://i/u",
            user("https://i", "u"),
            user("https://i", "v"),
        ),
        (
            "request.auth.principal",
            "https://i/*",
            user("https://i", "u"),
            user("https://j", "u"),
        ),
        (
            "request.auth.principal",
            "*",
            user("https://i", "u"),
            nothing.clone(),
        ),
        (
            "request.auth.principal",
            "*/u",
            user("https://i", "u"),
            user("https://i", "v"),
        ),
        (
            "request.auth.principal",
            "*i/u",
            user("https://i", "u"),
            user("https://j", "u"),
        ),
        (
            "request.auth.principal",
            "https://i/u*",
            user("https://i", "u1"),
            user("https://i", "v"),
        ),
        (
            "request.auth.principal",
            "https://i/u*",
            user("https://i", "u1"),
            user("https://j", "u1"),
        ),
        (
            "source.namespace",
            "s*o",
            account("solo", "api"),
            nothing.clone(),
        ),
        (
            "source.namespace",
            "s*ho*op",
            account("shohop", "api"),
            nothing.clone(),
        ),
        (
            "request.auth.claims[a][b]",
            "x",
            claims(json!({"a.b": ["x"]})),
            claims(json!({"a": ["x"], "b": ["x"]})),
        ),
    ] {
        let rule = json!({"when": [{"key": key, "values": [value]}]});
        holds(&rule, &json!({}), &yes, "allowed");
        holds(&rule, &json!({}), &no, "denied");
        let rule = json!({"when": [{"key": key, "notValues": [value]}]});
        holds(&rule, &json!({}), &yes, "denied");
        holds(&rule, &json!({}), &no, "allowed");
    }
}

#[test]
fn what_only_another_filter_could_set_is_not_there() {
    let key = "experimental.envoy.filters.network.mysql_proxy[db.table]";
    let rule = |list: &str| json!({"when": [{"key": key, list: ["[update]"]}]});
    holds(&rule("values"), &json!({}), &json!({}), "denied");
    holds(&rule("notValues"), &json!({}), &json!({}), "allowed");
}

#[test]
fn all_that_is_missing_is_named() {
    let rules = json!([
        {"when": [{"key": "source.ip", "values": ["10.1.0.0/24"]}]},
        {"when": [{"key": "destination.ip", "values": ["10.0.0.1"]}]},
    ]);
    let missing = |changes: Value| {
        let answer = ask(&[json!({"rules": rules})], &json!({}), &changes);
        answer["depends"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(
        missing(json!({"sourceIp": null, "destinationIp": "10.0.0.2"})),
        1
    );
    assert_eq!(missing(json!({"sourceIp": null, "destinationIp": null})), 2);
}

#[test]
fn values_of_a_repeated_header() {
    let headers = |value: Value| json!({"headers": {"Accept": value, "x-env": ["a", "b"]}});
    let rule = |key: &str, value: &str| json!({"when": [{"key": format!("request.headers[{key}]"), "values": [value]}]});
    for (key, value, sent, verdict) in [
        // Envoy keeps one value of some, and each of the others.
        ("accept", "a,b", json!(["a", "b"]), "allowed"),
        ("accept", "a", json!(["a", "b"]), "denied"),
        ("accept", "a", json!(["a"]), "allowed"),
        ("accept", "a", json!(" a\t"), "allowed"),
        ("x-env", "b", json!("c"), "allowed"),
        ("x-env", "a,b", json!("c"), "denied"),
    ] {
        holds(&rule(key, value), &json!({}), &headers(sent), verdict);
    }
}

#[test]
fn what_is_not_said_of_a_request_is_not_guessed() {
    let operation = |key: &str, value: &str| json!({"to": [{"operation": {key: [value]}}]});
    for (rule, changes, code) in [
        (
            operation("ports", "80"),
            json!({"port": null}),
            "port-not-given",
        ),
        (
            operation("methods", "GET"),
            json!({"method": null}),
            "method-not-given",
        ),
        (
            operation("paths", "/a"),
            json!({"path": null}),
            "path-not-given",
        ),
        (
            operation("hosts", "web"),
            json!({"host": null}),
            "host-not-given",
        ),
        (
            json!({"to": [{"operation": {"methods": ["G*"], "notMethods": ["GET"]}}]}),
            json!({"method": null}),
            "method-not-given",
        ),
    ] {
        let answer = ask(&[json!({"rules": [rule]})], &json!({}), &changes);
        assert_eq!(answer["depends"], json!([code]), "{answer}");
    }
}

#[test]
fn who_has_no_identity_has_no_name() {
    for value in [
        "cluster.local/ns/shop/sa/api",
        "*/sa/api",
        "cluster.local/*",
    ] {
        let rule = json!({"from": [{"source": {"principals": [value]}}]});
        holds(&rule, &json!({}), &json!({"from": null}), "denied");
    }
}

#[test]
fn the_longest_template_has_256_bytes_without_its_braces() {
    let of = |many: usize| template(&format!("/{{*}}/{}", "a".repeat(many)));
    assert!(of(253).is_some());
    assert!(of(254).is_none());
}

#[test]
fn trust_domains_and_their_aliases() {
    let settings = json!({"trustDomain": "new", "trustDomainAliases": ["old", "*.wide", "pre*"]});
    let of = |key: &str, value: &str| match key {
        "principals" => json!({"from": [{"source": {"principals": [value]}}]}),
        _ => json!({"when": [{"key": key, "values": [value]}]}),
    };
    // A client has the mesh's own domain.
    for (key, value, verdict) in [
        ("principals", "new/ns/shop/sa/api", "allowed"),
        ("principals", "old/ns/shop/sa/api", "allowed"),
        ("principals", "cluster.local/ns/shop/sa/api", "allowed"),
        ("principals", "a.wide/ns/shop/sa/api", "allowed"),
        ("principals", "prefix/ns/shop/sa/api", "allowed"),
        ("principals", "*ld/ns/shop/sa/api", "allowed"),
        ("principals", "*ew/ns/shop/sa/api", "allowed"),
        ("principals", "older/ns/shop/sa/api", "denied"),
        ("principals", "else/ns/shop/sa/api", "denied"),
        ("source.trustDomain", "new", "allowed"),
        ("source.trustDomain", "old", "allowed"),
        ("source.trustDomain", "n*", "allowed"),
        ("source.trustDomain", "*w", "allowed"),
        ("source.trustDomain", "else", "denied"),
        ("source.trustDomain", "ne", "denied"),
    ] {
        holds(&of(key, value), &settings, &json!({}), verdict);
    }
    for (value, verdict) in [
        ("cluster.local/ns/shop/sa/api", "allowed"),
        ("new/ns/shop/sa/api", "denied"),
    ] {
        holds(&of("principals", value), &json!({}), &json!({}), verdict);
    }
}

#[test]
fn the_first_policy_that_matches_is_named() {
    let all = json!({"rules": [{}]});
    let none = json!({"rules": [{"to": [{"operation": {"methods": ["PUT"]}}]}]});
    let answer = ask(&[none, all.clone(), all], &json!({}), &json!({}));
    assert_eq!(
        answer["ways"][0]["layers"][0]["policy"], "shop/p1",
        "{answer}"
    );
}

#[test]
fn a_template_that_envoy_refuses_is_no_matter_for_ztunnel() {
    let refused = json!({"selector": {"matchLabels": {}}, "rules": [{"to": [{"operation": {"paths": ["/{*}//"]}}]}]});
    let sidecar = ask(
        std::slice::from_ref(&refused),
        &json!({}),
        &json!({"layer": "sidecar"}),
    );
    assert_eq!(
        sidecar["depends"],
        json!(["envoy-refuses-configuration"]),
        "{sidecar}"
    );
    let ztunnel = ask(&[refused], &json!({}), &json!({"layer": "ztunnel"}));
    assert_eq!(
        (&ztunnel["verdict"], &ztunnel["depends"]),
        (&json!("denied"), &json!([])),
        "{ztunnel}"
    );
}

#[test]
fn headers_that_the_proxy_sets_depend() {
    for (name, code) in [
        (":scheme", "scheme-not-given"),
        ("x-request-id", "header-of-the-proxy"),
        ("x-envoy-any", "header-of-the-proxy"),
    ] {
        let rule = json!({"when": [{"key": format!("request.headers[{name}]"), "values": ["a"]}]});
        let answer = ask(&[json!({"rules": [rule]})], &json!({}), &json!({}));
        assert_eq!(answer["depends"], json!([code]), "{answer}");
    }
}

#[test]
fn what_becomes_the_root_is_the_root() {
    let rule = json!({"to": [{"operation": {"paths": ["/"]}}]});
    for mode in ["BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"] {
        let settings = json!({"pathNormalization": mode});
        holds(&rule, &settings, &json!({"path": "/a/.."}), "allowed");
        holds(&rule, &settings, &json!({"path": "/a/../b"}), "denied");
    }
}

#[test]
fn what_ztunnel_knows() {
    for (key, value, no) in [
        ("source.ip", "10.1.0.0/24", json!({"sourceIp": "10.1.1.2"})),
        (
            "source.namespace",
            "shop",
            json!({"from": {"namespace": "out", "serviceAccount": "api"}}),
        ),
        (
            "source.principal",
            "cluster.local/ns/shop/sa/api",
            json!({"from": null}),
        ),
        ("destination.port", "8080", json!({"port": 8081})),
    ] {
        let rules = json!([{"when": [{"key": key, "values": [value]}]}]);
        let spec = [json!({"selector": {"matchLabels": {}}, "rules": rules})];
        let mut no = no;
        no["layer"] = json!("ztunnel");
        let answer = ask(&spec, &json!({}), &json!({"layer": "ztunnel"}));
        assert_eq!(answer["verdict"], "allowed", "{key}: {answer}");
        let answer = ask(&spec, &json!({}), &no);
        assert_eq!(answer["verdict"], "denied", "{key}: {answer}");
    }
}
