//! Which policies, settings and moves `diff` names as the reason of a change, what it says of several targets at once, and what
//! it assumes.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use common::{analysis, policy};
use mesh_policy::analysis::diff::diff;
use mesh_policy::analysis::{Request, Verdict};
use serde_json::{Value, json};

fn pod(name: &str, labels: &str) -> String {
    format!(
        "---\n{{kind: Pod, apiVersion: v1, metadata: {{name: {name}, namespace: shop, labels: {{{labels}}}}}, spec: {{serviceAccountName: {name}}}}}\n"
    )
}

const SIDECARS: &str = "{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio-injection: enabled}}}\n";

/// One pod with a sidecar, `web`.
fn web() -> String {
    format!("{SIDECARS}{}", pod("web", "app: web"))
}

fn told_of(old: (&str, &str), new: (&str, &str)) -> Value {
    let found = diff(&analysis(old.0, old.1), &analysis(new.0, new.1));
    serde_json::from_str(&found.json()).expect("JSON")
}

/// The difference that policies make.
fn told(mesh: &str, old: &[String], new: &[String]) -> Value {
    let side = |policies: &[String]| format!("{mesh}{}", policies.concat());
    told_of((&side(old), ""), (&side(new), ""))
}

/// `WHAT: POLICY CHANGE, ...; REASON` of a list of changes.
fn reasons(told: &Value, list: &str) -> Vec<String> {
    let texts = |one: &Value, key: &str| -> Vec<String> {
        let list = one[key].as_array().cloned().unwrap_or_default();
        let text = |one: &Value| match one.as_str() {
            Some(text) => text.to_owned(),
            None => {
                let part = |key: &str| one[key].as_str().expect("a text").to_owned();
                format!("{} {}", part("policy"), part("change"))
            }
        };
        list.iter().map(text).collect()
    };
    let list = told[list].as_array().expect("a list").iter();
    list.map(|one| {
        let text = one["text"].as_str().expect("a text");
        let text = text.replace("anyone in or outside the mesh ", "");
        let text = text.replace("may now ", "").replace("may no longer ", "");
        let why = [texts(one, "policies"), texts(one, "reasons")].concat();
        format!("{text}: {}", why.join(", "))
    })
    .collect()
}

fn methods(action: &str, name: &str, methods: &str) -> String {
    policy(
        name,
        &format!(
            "{{action: {action}, rules: [{{to: [{{operation: {{methods: [{methods}]}}}}]}}]}}"
        ),
    )
}

fn allow(name: &str, list: &str) -> String {
    methods("ALLOW", name, list)
}

fn deny(name: &str, list: &str) -> String {
    methods("DENY", name, list)
}

#[test]
fn the_policies_whose_change_is_the_reason() {
    let pod = "pod shop/web";
    for (old, new, granted, revoked) in [
        // One changes, one stays, one is new.
        (
            vec![allow("a", "GET"), allow("b", "PUT")],
            vec![
                allow("a", "GET, POST"),
                allow("b", "PUT"),
                allow("c", "DELETE"),
            ],
            vec![format!(
                "send DELETE or POST to {pod}: shop/a changed, shop/c added"
            )],
            vec![],
        ),
        // Each for what it matches.
        (
            vec![allow("a", "GET"), allow("b", "PUT")],
            vec![
                allow("a", "GET, POST"),
                allow("b", "PUT"),
                policy("c", "{rules: [{to: [{operation: {paths: [/x]}}]}]}"),
            ],
            vec![
                format!("send POST to {pod}: shop/a changed, shop/c added"),
                format!("send anything but GET, POST or PUT with path /x to {pod}: shop/c added"),
            ],
            vec![],
        ),
        // What one takes away the other does not give back.
        (
            vec![allow("a", "GET, POST"), allow("b", "PUT")],
            vec![allow("b", "PUT")],
            vec![],
            vec![format!("send GET or POST to {pod}: shop/a removed")],
        ),
        (
            vec![allow("a", "GET, PUT"), deny("d", "PUT")],
            vec![allow("a", "GET, PUT")],
            vec![format!("send PUT to {pod}: shop/d removed")],
            vec![],
        ),
        (
            vec![
                allow("a", "GET, PUT"),
                policy(
                    "d",
                    "{action: DENY, rules: [{to: [{operation: {paths: [/x]}}]}]}",
                ),
            ],
            vec![allow("a", "GET, HEAD, PUT")],
            vec![
                format!("GET or PUT /x to {pod}: shop/d removed"),
                format!("send HEAD to {pod}: shop/a changed, shop/d removed"),
            ],
            vec![],
        ),
        // The first ALLOW policy closes whatever it does not match; what a DENY policy closes as well has two reasons.
        (
            vec![deny("d", "PUT")],
            vec![allow("a", "GET"), deny("d", "POST, PUT")],
            vec![],
            vec![format!(
                "send anything but GET or PUT to {pod}: shop/a added, shop/d changed"
            )],
        ),
        (
            vec![allow("a", "GET")],
            vec![],
            vec![format!("send anything but GET to {pod}: shop/a removed")],
            vec![],
        ),
    ] {
        let told = told(&web(), &old, &new);
        assert_eq!(reasons(&told, "granted"), granted, "{told}");
        assert_eq!(reasons(&told, "revoked"), revoked, "{told}");
        assert_eq!(told["unknown"], json!([]));
    }
}

#[test]
fn nothing_changes_where_no_answer_does() {
    let old = [allow("a", "GET"), allow("b", "PUT")];
    let new = [allow("c", "GET, PUT")];
    let told = told(&web(), &old, &new);
    assert_eq!(told["equivalent"], true, "{told}");
}

#[test]
fn an_answer_that_depends_may_have_changed() {
    let ask = |list: &str| {
        policy(
            "c",
            &format!(
                "{{action: CUSTOM, provider: {{name: x}}, rules: [{{to: [{{operation: {{methods: [{list}]}}}}]}}]}}"
            ),
        )
    };
    let text =
        "some answers for pod shop/web depend on what the input does not say, and may have changed";
    for (old, new, method) in [
        // Who is asked decides; of GET alone it is known what it was.
        (vec![], vec![ask("GET")], Some("GET")),
        (vec![ask("GET")], vec![], Some("GET")),
        (
            vec![ask("GET"), allow("a", "GET")],
            vec![ask("GET"), allow("a", "GET")],
            None,
        ),
    ] {
        let told = told(&web(), &old, &new);
        let unknown = told["unknown"].as_array().expect("a list");
        assert_eq!(unknown.len(), usize::from(method.is_some()), "{told}");
        for one in unknown {
            assert_eq!(one["text"], text);
            assert_eq!(one["witness"]["method"].as_str(), method);
        }
    }
    // A policy that changes where the answer depends on another all the same.
    let any = ask("'*'");
    let told = told(
        &web(),
        &[any.clone(), deny("d", "GET")],
        &[any, deny("d", "PUT")],
    );
    assert_eq!(told["unknown"].as_array().map(Vec::len), Some(1), "{told}");
}

#[test]
fn targets_of_which_the_same_holds_are_one_change() {
    let mesh = [
        web(),
        pod("db", "app: db"),
        pod("web-b", "app: web"),
        // Asked for by the Service's name, its pods answer themselves.
        "---\n{kind: Service, apiVersion: v1, metadata: {name: web, namespace: shop}, spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 80}]}}\n".to_owned(),
    ]
    .concat();
    let only = |list: &str| {
        policy(
            "a",
            &format!(
                "{{selector: {{matchLabels: {{app: web}}}}, rules: [{{to: [{{operation: {{methods: [{list}]}}}}]}}]}}"
            ),
        )
    };
    let told = told(&mesh, &[only("GET")], &[only("GET, PUT")]);
    let granted: Vec<(Value, Value)> = told["granted"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["to"].clone(), one["alsoTo"].clone()))
        .collect();
    assert_eq!(
        granted,
        [
            (json!({"service": "shop/web"}), Value::Null),
            (json!({"pod": "shop/web"}), json!([{"pod": "shop/web-b"}])),
        ],
        "{told}"
    );
}

#[test]
fn settings_are_named_where_no_policy_differs() {
    let ambient = "
{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: way}}}
---
{kind: Service, apiVersion: v1, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{name: http, port: 80}]}}
---
{kind: Gateway, apiVersion: gateway.networking.k8s.io/v1, metadata: {name: way, namespace: shop}, spec: {gatewayClassName: istio-waypoint}, status: {addresses: [{value: 10.9.9.9}]}}
";
    let closed = policy(
        "a",
        "{selector: {matchLabels: {app: web}}, rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/x]}}]}]}",
    );
    let other = closed.replace("sa/x", "sa/y");
    let mesh = |policy: &str| format!("{ambient}{}{policy}", pod("web", "app: web"));
    let ask = |old: &str, new: &str| {
        let (old, new) = (mesh(old), mesh(new));
        told_of(
            (&old, "autoAllowWaypoint: false"),
            (&new, "autoAllowWaypoint: true"),
        )
    };
    // What istiod adds of itself is no policy that somebody has changed.
    let setting = "the setting autoAllowWaypoint changes from false to true";
    let granted = reasons(&ask(&closed, &closed), "granted");
    assert!(
        !granted.is_empty()
            && granted
                .iter()
                .all(|one| one.ends_with(&format!(": {setting}"))),
        "{granted:?}"
    );
    // Where a policy is the reason, the setting is not named beside it.
    let told = ask(&closed, &other);
    for list in ["granted", "revoked"] {
        for one in reasons(&told, list) {
            assert!(one.ends_with(": shop/a changed"), "{one}");
        }
    }
    // Where nothing but the objects differs, that is said.
    let both = mesh(&closed);
    let gone = both.replace(", istio.io/use-waypoint: way", "");
    let granted = reasons(
        &told_of(
            (&gone, "autoAllowWaypoint: true"),
            (&both, "autoAllowWaypoint: true"),
        ),
        "granted",
    );
    assert!(
        granted
            .iter()
            .all(|one| one.ends_with(": its Service, its pods or its waypoint change")),
        "{granted:?}"
    );
}

#[test]
fn every_pod_that_moves_is_named() {
    let side = |mode: &str| {
        let labels = |app: &str| format!("app: {app}, istio.io/dataplane-mode: {mode}");
        let pods = ["a", "b", "c"].map(|name| pod(name, &labels(name)));
        let services = ["b", "c"].map(|name| format!("---\n{{kind: Service, apiVersion: v1, metadata: {{name: {name}, namespace: shop}}, spec: {{selector: {{app: {name}}}, ports: [{{name: http, port: 80}}]}}}}\n"));
        let closed = policy("p", "{rules: [{from: [{source: {principals: [nobody]}}]}]}");
        format!(
            "{{kind: Namespace, apiVersion: v1, metadata: {{name: shop}}}}\n{}{}{closed}",
            pods.concat(),
            services.concat()
        )
    };
    let told = told_of((&side("ambient"), ""), (&side("none"), ""));
    let mut granted = reasons(&told, "granted");
    granted.sort();
    // The policy is what it was: nobody enforces it any more.
    let leaves = |what: &str, why: &str| format!("connect to {what}: {why} the mesh");
    let expected = [
        leaves("pod shop/a", "shop/a leaves"),
        leaves("pod shop/b", "shop/b leaves"),
        leaves("pod shop/c", "shop/c leaves"),
        leaves("service shop/b", "pods of shop/b leave"),
        leaves("service shop/c", "pods of shop/c leave"),
    ];
    assert_eq!(granted, expected);
}

#[test]
fn what_is_assumed_where_nothing_says_who_enforces() {
    let closed = policy("a", "{rules: [{to: [{operation: {methods: [GET]}}]}]}");
    let waypoint = "---\n{kind: Gateway, apiVersion: gateway.networking.k8s.io/v1, metadata: {name: way, namespace: shop}, spec: {gatewayClassName: istio-waypoint}}\n";
    let service = "---\n{kind: Service, apiVersion: v1, metadata: {name: web, namespace: shop, labels: {istio.io/use-waypoint: none}}, spec: {ports: [{port: 80}]}}\n";
    let target = policy("t", "{targetRefs: [{kind: Service, group: '', name: web}]}");
    let space = "---\n{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio-injection: disabled}}}\n";
    let labelled = pod("web", "sidecar.istio.io/inject: 'false'");
    let plain = pod("web", "app: web");
    for (more, settings, assumed) in [
        ("", "", true),
        (&plain, "", true),
        // Each of these says something.
        ("", "dataPlane: ambient", false),
        ("", "hardenedMode: true", false),
        (waypoint, "", false),
        (service, "", false),
        (space, "", false),
        (&labelled, "", false),
        (&target, "", false),
    ] {
        let with = format!("{closed}{more}");
        for (old, new) in [
            (("", ""), (with.as_str(), settings)),
            ((with.as_str(), settings), ("", "")),
            ((with.as_str(), settings), (with.as_str(), settings)),
            ((closed.as_str(), ""), (with.as_str(), settings)),
            ((with.as_str(), settings), (closed.as_str(), "")),
        ] {
            let told = told_of(old, new);
            assert_eq!(
                told["assumed"].is_array(),
                assumed,
                "{old:?} {new:?} {told}"
            );
        }
    }
    // Without any policy there is nothing that anybody enforces.
    assert_eq!(told_of((&plain, ""), (&plain, ""))["assumed"], Value::Null);
}

#[test]
fn paths_that_are_normalised_differently() {
    let allow = policy(
        "a",
        "{rules: [{to: [{operation: {paths: ['/a/b', '/c//d']}}]}]}",
    );
    let mesh = format!("{}{allow}", web());
    let mode = |mode: &str| format!("pathNormalization: {mode}");
    // With slashes merged `/a//b` is read as `/a/b`, and nothing is read as `/c//d`.
    for (old, new) in [("BASE", "MERGE_SLASHES"), ("MERGE_SLASHES", "BASE")] {
        let told = told_of((&mesh, &mode(old)), (&mesh, &mode(new)));
        let why = told["notCompared"][0]["why"].as_str().expect("a reason");
        let start = format!("paths that the normalisations {old} and {new} make different");
        assert!(why.starts_with(&start), "{why}");
        for list in ["granted", "revoked"] {
            let [change] = reasons(&told, list).try_into().expect("one");
            let setting = format!("the setting pathNormalization changes from {old} to {new}");
            assert!(change.ends_with(&setting), "{change}");
            let path = told[list][0]["witness"]["path"].as_str().expect("a path");
            assert!(path.contains("//"), "{path}");
        }
    }
}

#[test]
fn paths_with_their_query_are_normalised_differently() {
    let rule = "{when: [{key: 'request.headers[:path]', values: ['/a/b?x*']}]}";
    let allow = policy("a", &format!("{{rules: [{rule}]}}"));
    let mesh = format!("{}{allow}", web());
    let mode = |mode: &str| format!("pathNormalization: {mode}");
    let told = told_of((&mesh, &mode("BASE")), (&mesh, &mode("MERGE_SLASHES")));
    let path = told["granted"][0]["witness"]["path"]
        .as_str()
        .expect("a path");
    assert!(path.contains("//") && path.contains("?x"), "{path}");
    assert_eq!(told["revoked"], json!([]));
}

/// The objects around the policies change; `web` and its Service, which are told by these words.
fn objects(pod: &str, service: &str) -> String {
    let mut text = format!(
        "{SIDECARS}---\n{{kind: Pod, apiVersion: v1, metadata: {{name: web, namespace: shop, labels: {{app: web}}}}, status: {{podIP: {pod}}}}}\n"
    );
    if !service.is_empty() {
        text.push_str(&format!("---\n{{kind: Service, apiVersion: v1, metadata: {{name: web, namespace: shop}}, spec: {{{service}selector: {{app: web}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}}}\n"));
    }
    text
}

#[test]
fn objects_that_change_change_answers() {
    let ports = policy(
        "a",
        "{rules: [{to: [{operation: {ports: ['8080', '9090']}}]}]}",
    );
    let address = policy(
        "a",
        "{rules: [{when: [{key: destination.ip, values: [10.0.0.7]}]}]}",
    );
    let plain = objects("10.0.0.7", "clusterIP: 10.8.0.1, ");
    let moved = objects("10.0.0.8", "clusterIP: 10.8.0.1, ");
    let other = plain.replace("targetPort: 8080", "targetPort: 8081");
    let headless = objects("10.0.0.7", "clusterIP: None, ");
    let gone = objects("10.0.0.7", "");
    let why = "its Service, its pods or its waypoint change";
    let all = format!("connect to service shop/web: {why}");
    for (policy, old, new, revoked) in [
        (&ports, &plain, &plain, vec![]),
        (&ports, &plain, &other, vec![all.clone()]),
        (
            &address,
            &plain,
            &moved,
            vec![all.clone(), format!("connect to pod shop/web: {why}")],
        ),
        // Asked by its name, a headless Service is its pods, on any port.
        (
            &ports,
            &headless,
            &plain,
            vec![format!(
                "connect on ports 8080, 9090 to service shop/web: {why}"
            )],
        ),
        (&ports, &plain, &gone, vec![all.clone()]),
    ] {
        let side = |around: &str| format!("{around}{policy}");
        let told = told_of((&side(old), ""), (&side(new), ""));
        assert_eq!(reasons(&told, "revoked"), revoked, "{old} {new} {told}");
    }
}

#[test]
fn a_policy_that_comes_under_a_condition() {
    let sure = allow("a", "GET");
    let perhaps = sure.replace(
        "namespace: shop",
        "namespace: shop, annotations: {mesh-policy/when: config x=y}",
    );
    for (old, new) in [(&sure, &perhaps), (&perhaps, &sure)] {
        let told = told(&web(), std::slice::from_ref(old), std::slice::from_ref(new));
        assert_eq!(told["unknown"].as_array().map(Vec::len), Some(1), "{told}");
        assert_eq!(
            (&told["granted"], &told["revoked"]),
            (&json!([]), &json!([]))
        );
    }
}

/// Beside paths, other things count as well.
#[test]
fn requests_whose_paths_are_normalised_differently_are_replayed() {
    let rule = "{from: [{source: {principals: [cluster.local/ns/shop/sa/x]}}], to: [{operation: {methods: [GET], ports: ['80'], paths: [/a/b]}}]}";
    let allow = policy("a", &format!("{{rules: [{rule}]}}"));
    let side = |mode: &str| {
        analysis(
            &format!("{}{allow}", web()),
            &format!("pathNormalization: {mode}"),
        )
    };
    let (old, new) = (side("BASE"), side("MERGE_SLASHES"));
    let found = diff(&old, &new);
    assert_eq!(
        (found.granted.len(), found.revoked.len()),
        (1, 0),
        "{}",
        found.json()
    );
    for change in &found.granted {
        let line = serde_json::to_string(&change.witness).expect("a request");
        let request = Request::read(&line).expect(&line);
        let answers = (old.decide(&request).verdict, new.decide(&request).verdict);
        assert_eq!(answers, (Verdict::Denied, Verdict::Allowed), "{line}");
    }
}
