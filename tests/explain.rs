//! What is told of an answer: in sentences, and as a trace.

mod common;

use common::{analysis, policy, request, trace};
use serde_json::{Value, json};

const SHOP: &str = "
{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: wp}}}
---
{kind: Namespace, apiVersion: v1, metadata: {name: out}}
---
{kind: Service, apiVersion: v1, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}}
---
{kind: Pod, apiVersion: v1, metadata: {name: web-0, namespace: shop, labels: {app: web}}, spec: {serviceAccountName: web}}
---
{kind: Pod, apiVersion: v1, metadata: {name: api-0, namespace: shop, labels: {app: api}}, spec: {serviceAccountName: api}}
---
{kind: Pod, apiVersion: v1, metadata: {name: batch-0, namespace: out, labels: {app: batch}}, spec: {serviceAccountName: batch}}
---
{kind: Gateway, apiVersion: gateway.networking.k8s.io/v1, metadata: {name: wp, namespace: shop}, spec: {gatewayClassName: istio-waypoint}, status: {addresses: [{value: 10.9.9.9}]}}
";
const SETTINGS: &str =
    "{rootNamespace: istio-system, trustDomain: cluster.local, autoAllowWaypoint: false}";

fn explain(policies: &str, settings: &str, changes: &Value) -> String {
    analysis(&format!("{SHOP}{policies}"), settings).explain(&request(changes))
}

const WEB: &str = "targetRefs: [{kind: Service, group: '', name: web}]";
const PODS: &str = "selector: {matchLabels: {app: web}}";

#[test]
fn in_sentences() {
    let get = policy(
        "p",
        &format!("{{{WEB}, rules: [{{to: [{{operation: {{methods: [GET]}}}}]}}]}}"),
    );
    let nobody = policy("p", &format!("{{{PODS}}}"));
    let past = "
besides, to the pods' own address, past the waypoint: allowed
  1. ztunnel shop/web-0 sees cluster.local/ns/shop/sa/api on port 8080
     allowed: no policy is attached here
";
    for (policies, changes, expected) in [
        (
            &get,
            json!({}),
            format!(
                "allowed: shop/api to send GET /a to the Service shop/web, port 80

through the waypoint: allowed
  1. waypoint shop/wp sees cluster.local/ns/shop/sa/api on port 80
     allowed: ALLOW policy `shop/p` (rules[0]) matches
  2. ztunnel shop/web-0 sees cluster.local/ns/shop/sa/wp on port 8080
     allowed: no policy is attached here
{past}"
            ),
        ),
        (
            &get,
            json!({"method": "PUT", "port": null}),
            "denied: shop/api to send PUT /a to the Service shop/web

through the waypoint: denied
  1. waypoint shop/wp sees cluster.local/ns/shop/sa/api
     denied: the one ALLOW policy attached here does not match; the nearest is rules[0] of `shop/p`: the method is `PUT`, not `GET`
  2. ztunnel shop/web-0 is not reached

besides, to the pods' own address, past the waypoint: allowed
  1. ztunnel shop/web-0 sees cluster.local/ns/shop/sa/api
     allowed: no policy is attached here
"
            .to_owned(),
        ),
        (
            &get,
            json!({"method": null, "path": null}),
            format!(
                "it depends: shop/api to send a request to the Service shop/web, port 80
  on the request's method, which was not given

through the waypoint: it depends
  1. waypoint shop/wp sees cluster.local/ns/shop/sa/api on port 80
     it depends on the request's method, which was not given
  2. ztunnel shop/web-0 sees cluster.local/ns/shop/sa/wp on port 8080
     allowed: no policy is attached here
{past}"
            ),
        ),
        (
            &nobody,
            json!({"to": {"pod": "shop/web-0"}, "from": {"namespace": "out", "serviceAccount": "batch"}}),
            "denied: out/batch to send GET /a to the pod shop/web-0, port 80
  the client's pods are known to be outside the mesh, so nobody can tell who it is

to the pod's own address: denied
  1. ztunnel shop/web-0 sees a client without identity on port 80
     denied: the one ALLOW policy attached here does not match: `shop/p` has no rules, so it allows nothing
"
            .to_owned(),
        ),
        (
            &nobody,
            json!({"port": 81, "from": null}),
            "denied: a client outside the mesh to send GET /a to the Service shop/web, port 81

straight to the Service's pods, with no waypoint between: denied
  the Service has no such port

besides, to the pods' own address, past the waypoint: denied
  1. ztunnel shop/web-0 sees a client without identity on port 81
     denied: the one ALLOW policy attached here does not match: `shop/p` has no rules, so it allows nothing
"
            .to_owned(),
        ),
        (
            &nobody,
            json!({"to": {"pod": "out/batch-0"}}),
            "allowed: shop/api to send GET /a to the pod out/batch-0, port 80

to the pod's own address: allowed
  nobody enforces anything here: the pods are outside the mesh
"
            .to_owned(),
        ),
        (
            &get,
            json!({"layer": "waypoint", "to": {"service": "shop/none"}}),
            "allowed: shop/api to send GET /a to the Service shop/none, port 80

at the one layer that was asked: allowed
  1. waypoint the waypoint of shop/none sees cluster.local/ns/shop/sa/api on port 80
     allowed: no policy is attached here
"
            .to_owned(),
        ),
        (
            &get,
            json!({"layer": "ztunnel", "to": {"pod": "shop/none"}}),
            "allowed: shop/api to send GET /a to the pod shop/none, port 80

at the one layer that was asked: allowed
  1. ztunnel pods behind shop/none sees cluster.local/ns/shop/sa/api on port 80
     allowed: no policy is attached here
"
            .to_owned(),
        ),
        (
            &get,
            json!({"to": {"service": "shop/none"}}),
            "it depends: shop/api to send GET /a to the Service shop/none, port 80
  on what the target is: the input does not describe it
"
            .to_owned(),
        ),
    ] {
        assert_eq!(explain(policies, SETTINGS, &changes), expected);
    }
}

#[test]
fn what_is_assumed() {
    let settings = [
        "the root namespace is `istio-system`",
        "the trust domain is `cluster.local`",
        "istiod does not add an ALLOW policy for waypoints",
    ];
    let unusable = |why: &str| format!("{why}, so that requests go past it");
    let pod = |labels: &str| {
        format!(
            "---\n{{kind: Pod, apiVersion: v1, metadata: {{name: own, namespace: shop, labels: {{{labels}}}}}, spec: {{}}}}\n"
        )
    };
    let service = |labels: &str| {
        format!(
            "---\n{{kind: Service, apiVersion: v1, metadata: {{name: own, namespace: shop, labels: {{{labels}}}}}, spec: {{ports: [{{port: 80}}]}}}}\n"
        )
    };
    let to_pod = json!({"to": {"pod": "shop/own"}});
    let to_service = json!({"to": {"service": "shop/own"}});
    for (more, settings_text, changes, expected) in [
        (String::new(), SETTINGS, json!({}), vec![]),
        (
            String::new(),
            "",
            json!({}),
            settings.map(str::to_owned).to_vec(),
        ),
        (
            String::new(),
            "{rootNamespace: r, trustDomain: t}",
            json!({}),
            vec!["istiod does not add an ALLOW policy for waypoints".into()],
        ),
        (
            String::new(),
            SETTINGS,
            json!({"from": {"namespace": "far", "serviceAccount": "x"}}),
            vec!["a pod that runs as far/x is on the mesh: the input has none".into()],
        ),
        (
            String::new(),
            SETTINGS,
            json!({"from": {"namespace": "far", "serviceAccount": "x"}, "layer": "ztunnel"}),
            vec![],
        ),
        // A waypoint for Services takes no requests to pods, and none was promised to them.
        (pod("a: b"), SETTINGS, to_pod.clone(), vec![]),
        (
            pod("istio.io/use-waypoint: wp"),
            SETTINGS,
            to_pod,
            vec![unusable("the waypoint `shop/wp` takes no requests to pods")],
        ),
        (
            service("istio.io/use-waypoint: nobody"),
            SETTINGS,
            to_service,
            vec![unusable("the waypoint `shop/nobody` is not there")],
        ),
    ] {
        let analysis = analysis(&format!("{SHOP}{more}"), settings_text);
        let trace = trace(&analysis, &changes);
        assert_eq!(trace["assumed"], json!(expected), "{changes}");
        let list: String = expected.iter().map(|text| format!("  {text}\n")).collect();
        let list = if list.is_empty() {
            list
        } else {
            format!("\nassumed:\n{list}")
        };
        let told = analysis.explain(&request(&changes));
        assert_eq!(
            told.find("\nassumed:")
                .map_or("", |at| told.get(at..).unwrap_or_default()),
            list
        );
    }
    let silent = SHOP
        .replace(
            "labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: wp}",
            "labels: {}",
        )
        .replace(
            "{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {}}}\n---\n",
            "",
        );
    let told = analysis(&silent, SETTINGS).explain(&request(&json!({})));
    assert!(
        told.ends_with(
            "\nassumed:\n  no waypoint is used: the input has no Namespace `shop`, whose labels may name one\n\
             \x20 pods are in the ambient mesh where the input does not say\n"
        ),
        "{told}"
    );
}

#[test]
fn why_a_layer_answers_so() {
    let strict = "---\n{kind: PeerAuthentication, apiVersion: security.istio.io/v1, metadata: {name: s, namespace: shop}, spec: {mtls: {mode: STRICT}}}\n";
    let deny = |name: &str, method: &str| {
        policy(name, &format!("{{{WEB}, action: DENY, rules: [{{}}, {{to: [{{operation: {{methods: [{method}]}}}}]}}]}}").replace("{}, ", ""))
    };
    let allow = |name: &str, operation: &str| {
        policy(
            name,
            &format!("{{{WEB}, rules: [{{to: [{{operation: {{{operation}}}}}]}}]}}"),
        )
    };
    let source = |name: &str, source: &str| {
        policy(
            name,
            &format!("{{{WEB}, rules: [{{from: [{{source: {{{source}}}}}]}}]}}"),
        )
    };
    let header = |key: &str| {
        policy(
            "p",
            &format!(
                "{{{WEB}, rules: [{{when: [{{key: 'request.headers[{key}]', values: [x]}}]}}]}}"
            ),
        )
    };
    let misses = |rest: &str| {
        format!(
            "the one ALLOW policy attached here does not match; the nearest is rules[0] of `shop/p`: {rest}"
        )
    };
    let many = (1..=8).map(|at| format!("M{at}")).collect::<Vec<_>>();
    let nobody = || json!({"from": null, "layer": "waypoint"});
    for (policies, changes, why) in [
        (strict.to_owned(), json!({"from": null}), "a PeerAuthentication demands mutual TLS, and the client has no identity".to_owned()),
        (deny("p", "GET"), json!({}), "DENY policy `shop/p` (rules[0]) matches".into()),
        (deny("p", "PUT"), json!({}), "the one DENY policy attached here does not match, and no ALLOW policy is attached".into()),
        (deny("p", "PUT") + &deny("q", "PUT"), json!({}), "none of 2 DENY policies matches, and no ALLOW policy is attached".into()),
        (allow("p", "methods: [GET]"), json!({"path": "no"}), "Envoy answers 400: the path is malformed".into()),
        (
            allow("q", "methods: [PUT], paths: [/b]") + &allow("p", "methods: [PUT]"),
            json!({}),
            "none of 2 ALLOW policies matches; the nearest is rules[0] of `shop/p`: the method is `GET`, not `PUT`".into(),
        ),
        // Of two as near the first.
        (
            allow("p", "methods: [PUT]") + &allow("q", "methods: [PUT]"),
            json!({}),
            "none of 2 ALLOW policies matches; the nearest is rules[0] of `shop/p`: the method is `GET`, not `PUT`".into(),
        ),
        (
            allow("p", &format!("methods: [{}], notPaths: [/a]", many[..7].join(", "))),
            json!({}),
            misses("the method is `GET`, not `M1` or `M2` or `M3` or `M4` or `M5` or `M6` or 1 more, and the path is `/a`, which the rule excludes by `/a`"),
        ),
        (
            allow("p", &format!("methods: [{}]", many[..6].join(", "))),
            json!({}),
            misses("the method is `GET`, not `M1` or `M2` or `M3` or `M4` or `M5` or `M6`"),
        ),
        (allow("p", "hosts: [x]"), json!({}), misses("the host is `web`, not `x`")),
        (allow("p", "paths: [/b]"), json!({"path": "/a?b=c"}), misses("the path is `/a`, not `/b`")),
        (allow("p", "ports: ['81']"), json!({}), misses("the port is `80`, not `81`")),
        (source("p", "namespaces: [x]"), json!({}), misses("the client namespace is `shop`, not `x`")),
        (source("p", "namespaces: [x]"), nobody(), misses("the client has no identity, not `x`")),
        (source("p", "serviceAccounts: [x]"), json!({}), misses("the client service account is `shop/api`, not `shop/x`")),
        (source("p", "ipBlocks: [10.0.0.0/8]"), json!({"sourceIp": "11.0.0.1"}), misses("the source address is `11.0.0.1`, not `10.0.0.0/8`")),
        (header("a"), json!({"headers": {"a": ["y", "z"], "b": "x"}}), misses("the header a is `y`, `z`, not `x`")),
        (header("a"), json!({}), misses("the request has no header a, not `x`")),
        (header(":path"), json!({"path": "/a?b"}), misses("the header :path is `/a?b`, not `x`")),
        (header(":method"), json!({}), misses("the header :method is `GET`, not `x`")),
        (header(":authority"), json!({}), misses("the header :authority is `web`, not `x`")),
    ] {
        let analysis = analysis(&format!("{SHOP}{policies}"), SETTINGS);
        let trace = trace(&analysis, &changes);
        assert_eq!(trace["ways"][0]["layers"][0]["why"], why, "{policies} {changes}");
    }
}

#[test]
fn what_a_trace_leaves_out() {
    let rule = |methods: &str| {
        format!("{{{WEB}, rules: [{{to: [{{operation: {{methods: [{methods}]}}}}]}}]}}")
    };
    let nearest = json!({
        "policy": "shop/p", "rule": 0,
        "misses": [{"field": "method", "expected": ["PUT", "POST"], "actual": "GET"}],
    });
    for (methods, changes, depends, nearest) in [
        ("GET", json!({}), Value::Null, Value::Null),
        ("'PUT', POST", json!({}), Value::Null, nearest),
        (
            "GET",
            json!({"method": null}),
            json!(["method-not-given"]),
            Value::Null,
        ),
    ] {
        let analysis = analysis(&format!("{SHOP}{}", policy("p", &rule(methods))), SETTINGS);
        let way = &trace(&analysis, &changes)["ways"][0];
        assert_eq!(
            way.get("depends").unwrap_or(&Value::Null),
            &depends,
            "{way}"
        );
        let layer = &way["layers"][0];
        assert_eq!(
            layer.get("depends").unwrap_or(&Value::Null),
            &depends,
            "{way}"
        );
        assert_eq!(
            layer.get("nearest").unwrap_or(&Value::Null),
            &nearest,
            "{way}"
        );
    }
    // What somebody wrote tells more than what istiod adds.
    let api = policy(
        "p",
        &format!("{{{PODS}, rules: [{{from: [{{source: {{principals: [x]}}}}]}}]}}"),
    );
    let analysis = analysis(&format!("{SHOP}{api}"), "autoAllowWaypoint: true");
    let answer = trace(&analysis, &json!({"to": {"pod": "shop/web-0"}}));
    assert_eq!(
        answer["ways"][0]["layers"][0]["nearest"]["policy"], "shop/p",
        "{answer}"
    );
}
