//! Which ways lead to a target, who is asked on each, and what of it is told.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failing test panics"
)]

mod common;

use common::{analysis, policy, request, trace};
use serde_json::{Value, json};

/// A namespace of the ambient mesh whose Services use the waypoint `wp`.
const SHOP: &str = "
{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: wp}}}
---
{kind: Service, apiVersion: v1, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}}
---
{kind: Pod, apiVersion: v1, metadata: {name: web-0, namespace: shop, labels: {app: web}}, spec: {serviceAccountName: web}}
---
{kind: Pod, apiVersion: v1, metadata: {name: api-0, namespace: shop, labels: {app: api}}, spec: {serviceAccountName: api}}
";

/// Labels of pods that are not on the mesh, and of those that have a proxy of their own.
const OUTSIDE: &str = "istio.io/dataplane-mode: none";
const SIDECAR: &str = "sidecar.istio.io/status: injected";

/// Refuses every request to a namespace's pods, or to those of `app: web`.
const DENY_ALL: &str = "{}";
const DENY_WEB: &str = "{selector: {matchLabels: {app: web}}}";

/// Enforces nothing, and becomes a configuration that Envoy refuses.
const UNLOADABLE: &str = "{targetRefs: [{kind: Service, group: '', name: other}], action: AUDIT, rules: [{to: [{operation: {paths: ['/{*}//']}}]}]}";

fn gateway(name: &str, waypoint_for: &str, status: &str) -> String {
    format!(
        "---\n{{kind: Gateway, apiVersion: gateway.networking.k8s.io/v1, metadata: {{name: {name}, namespace: shop, labels: {{istio.io/waypoint-for: {waypoint_for}}}}}, spec: {{gatewayClassName: istio-waypoint}}, {status}}}\n"
    )
}

/// A Gateway that is there and answers.
fn waypoint(name: &str, waypoint_for: &str) -> String {
    gateway(
        name,
        waypoint_for,
        "status: {addresses: [{value: 10.9.9.9}]}",
    )
}

/// A Gateway of which nobody says whether it answers.
fn uncertain(name: &str, waypoint_for: &str) -> String {
    gateway(name, waypoint_for, "")
}

/// A pod that runs as `batch`.
fn pod(name: &str, labels: &str) -> String {
    format!(
        "---\n{{kind: Pod, apiVersion: v1, metadata: {{name: {name}, namespace: shop, labels: {{{labels}}}}}, spec: {{serviceAccountName: batch}}}}\n"
    )
}

fn service(name: &str, labels: &str, spec: &str) -> String {
    format!(
        "---\n{{kind: Service, apiVersion: v1, metadata: {{name: {name}, namespace: shop, labels: {{{labels}}}}}, spec: {spec}}}\n"
    )
}

/// An AuthorizationPolicy that targets something, and allows everything.
fn targeting(name: &str, kind: &str, target: &str) -> String {
    let group = match kind {
        "Gateway" => "gateway.networking.k8s.io",
        _ => "''",
    };
    let target = format!("{{kind: {kind}, group: {group}, name: {target}}}");
    policy(name, &format!("{{targetRefs: [{target}], rules: [{{}}]}}"))
}

/// Each way that was asked for, as `VIA LAYER VERDICT, LAYER VERDICT`.
fn ways(answer: &Value) -> Vec<String> {
    let ways = answer["ways"].as_array().expect("ways").iter();
    let ways = ways.filter(|way| way["asked"] == true).map(|way| {
        let layers = way["layers"].as_array().expect("layers").iter();
        let layers = layers.map(|layer| format!("{} {}", layer["layer"], layer["verdict"]));
        let layers = layers.collect::<Vec<_>>().join(", ");
        format!("{} {layers}", way["via"]).replace('"', "")
    });
    ways.collect()
}

/// The policies that each layer of the first way considered, with what is in doubt about them.
fn considered(answer: &Value) -> Vec<String> {
    let layers = answer["ways"][0]["layers"].as_array().expect("layers");
    let layers = layers.iter().map(|layer| {
        let policies = layer["considered"].as_array().expect("policies").iter();
        let policies = policies.map(|one| match &one["depends"][0] {
            Value::Null => one["policy"].to_string(),
            code => format!("{} {code}", one["policy"]),
        });
        let text = policies.collect::<Vec<_>>().join(", ");
        text.replace('"', "").replace("shop/", "")
    });
    layers.collect()
}

#[track_caller]
fn goes(manifests: &str, settings: &str, changes: Value, verdict: &str, expected: &[&str]) {
    let answer = trace(&analysis(manifests, settings), &changes);
    assert_eq!(answer["verdict"], verdict, "{answer}");
    assert_eq!(ways(&answer), expected, "{answer}");
}

#[test]
fn a_client_is_carried_as_any_of_its_pods_or_as_the_settings_say() {
    let shop = format!("{SHOP}{}", waypoint("wp", "service"));
    let through = "waypoint waypoint allowed, ztunnel allowed";
    let past = "service ztunnel allowed";
    // Of several pods one that is on the mesh tells, wherever it stands.
    for (first, second, expected, outside) in [
        ("a: b", "a: b", through, Value::Null),
        (OUTSIDE, "a: b", through, Value::Null),
        ("a: b", OUTSIDE, through, Value::Null),
        (OUTSIDE, OUTSIDE, past, json!(true)),
    ] {
        let mesh = format!("{shop}{}{}", pod("batch-0", first), pod("batch-1", second));
        let from = json!({"from": {"namespace": "shop", "serviceAccount": "batch"}});
        let answer = trace(&analysis(&mesh, ""), &from);
        assert_eq!(ways(&answer), [expected], "{first}, {second}: {answer}");
        assert_eq!(answer["clientOutsideMesh"], outside, "{answer}");
    }
    for (settings, expected, outside) in [
        ("", through, Value::Null),
        ("dataPlane: ambient", through, Value::Null),
        ("dataPlane: sidecar", past, Value::Null),
        ("dataPlane: none", past, json!(true)),
    ] {
        let from = json!({"from": {"namespace": "far", "serviceAccount": "batch"}});
        let answer = trace(&analysis(&shop, settings), &from);
        assert_eq!(ways(&answer), [expected], "{settings}: {answer}");
        assert_eq!(answer["clientOutsideMesh"], outside, "{answer}");
    }
}

#[test]
fn ways_alike_are_told_once_and_all_others_are_told() {
    let shop = |more: &str| format!("{SHOP}{more}{}", policy("p", DENY_WEB));
    let web = "app: web";
    let outside = format!("app: web, {OUTSIDE}");
    let through = waypoint("wp", "service");
    let maybe = uncertain("wp", "service");
    let headless = service("all", "", "{clusterIP: None, selector: {app: web}}");
    let pods = |second: &str| pod("web-1", second);
    let to_all = || json!({"to": {"service": "shop/all"}, "port": 8080});
    for (mesh, changes, verdict, expected) in [
        (
            shop(&pods(web)),
            json!({}),
            "denied",
            &["service ztunnel denied"][..],
        ),
        (
            shop(&pods(&outside)),
            json!({}),
            "depends",
            &["service ztunnel denied", "service "],
        ),
        (
            shop(&(pods(web) + &through)),
            json!({}),
            "denied",
            &["waypoint waypoint allowed, ztunnel denied"],
        ),
        (
            shop(&(pods(&outside) + &through)),
            json!({}),
            "depends",
            &[
                "waypoint waypoint allowed, ztunnel denied",
                "waypoint waypoint allowed",
            ],
        ),
        (
            shop(&(pods(web) + &maybe)),
            json!({}),
            "denied",
            &[
                "waypoint waypoint allowed, ztunnel denied",
                "service ztunnel denied",
            ],
        ),
        (
            shop(&(pods(web) + &headless)),
            to_all(),
            "denied",
            &["pod ztunnel denied"],
        ),
        (
            shop(&(pods(&outside) + &headless)),
            to_all(),
            "depends",
            &["pod ztunnel denied", "pod "],
        ),
    ] {
        let depends = match verdict {
            "depends" => json!(["pods-differ"]),
            _ => json!([]),
        };
        let answer = trace(&analysis(&mesh, ""), &changes);
        assert_eq!(answer["verdict"], verdict, "{answer}");
        assert_eq!(answer["depends"], depends, "{answer}");
        assert_eq!(ways(&answer), expected, "{answer}");
    }
}

#[test]
fn what_is_not_described_is_taken_to_be_as_the_settings_say() {
    let closed = policy("p", DENY_ALL);
    let web = service("bare", "", "{selector: {app: bare}, ports: [{port: 80}]}");
    let entry = "---\n{kind: ServiceEntry, apiVersion: networking.istio.io/v1, metadata: {name: bare, namespace: shop}, spec: {hosts: [bare.shop], ports: [{number: 80, name: http, protocol: HTTP}]}}\n";
    for (target, settings, verdict, expected) in [
        (web.as_str(), "", "denied", "service ztunnel denied"),
        (
            &web,
            "dataPlane: sidecar",
            "denied",
            "service sidecar denied",
        ),
        (&web, "dataPlane: none", "allowed", "service "),
        (entry, "", "allowed", "service "),
        (entry, "dataPlane: sidecar", "allowed", "service "),
    ] {
        let mesh = format!("{SHOP}{target}{closed}");
        let to = json!({"to": {"service": "shop/bare"}});
        goes(&mesh, settings, to, verdict, &[expected]);
    }
}

#[test]
fn one_layer_is_asked_of_every_pod_that_may_be_meant() {
    let second = |labels: &str| {
        let (pod, policy) = (
            pod("web-1", labels),
            policy("p", "{selector: {matchLabels: {tier: inner}}}"),
        );
        format!("{SHOP}{pod}{policy}")
    };
    let at = |layer: &str| json!({"layer": layer});
    let inner = "app: web, tier: inner";
    goes(
        &second("app: web"),
        "",
        at("ztunnel"),
        "allowed",
        &["layer ztunnel allowed"],
    );
    goes(
        &second(inner),
        "",
        at("ztunnel"),
        "depends",
        &["layer ztunnel allowed, ztunnel denied"],
    );
    let answer = trace(&analysis(&second(inner), ""), &at("ztunnel"));
    assert_eq!(answer["depends"], json!(["pods-differ"]), "{answer}");
}

#[test]
fn one_configuration_that_envoy_refuses_leaves_the_whole_waypoint_in_doubt() {
    let other = |gateway: &str| {
        service(
            "other",
            &format!("istio.io/use-waypoint: {gateway}"),
            "{selector: {app: api}, ports: [{port: 80}]}",
        )
    };
    for (gateway, depends) in [
        ("wp", json!(["envoy-refuses-configuration"])),
        ("wp2", json!([])),
    ] {
        let waypoints = waypoint("wp", "all") + &waypoint("wp2", "all");
        let analysis = analysis(
            &format!(
                "{SHOP}{waypoints}{}{}",
                other(gateway),
                policy("u", UNLOADABLE)
            ),
            "",
        );
        for changes in [
            json!({}),
            json!({"layer": "waypoint"}),
            json!({"to": {"pod": "shop/web-0"}}),
            json!({"to": {"pod": "shop/web-0"}, "layer": "waypoint"}),
        ] {
            let answer = trace(&analysis, &changes);
            assert_eq!(answer["depends"], depends, "{gateway}, {changes}: {answer}");
        }
    }
}

#[test]
fn a_trace_tells_what_each_layer_considered_and_nothing_else() {
    let policies = [
        targeting("for-web", "Service", "web"),
        targeting("for-wp", "Gateway", "wp"),
        targeting("for-other", "Gateway", "other"),
        policy(
            "selects-web",
            "{selector: {matchLabels: {app: web}}, rules: [{}]}",
        ),
        policy(
            "selects-api",
            "{selector: {matchLabels: {app: api}}, rules: [{}]}",
        ),
        policy("selects-none", "{rules: [{}]}"),
    ];
    let analysis = analysis(
        &format!("{SHOP}{}{}", waypoint("wp", "all"), policies.concat()),
        "",
    );
    for (changes, expected) in [
        (
            json!({}),
            &["for-web, for-wp", "selects-none, selects-web"][..],
        ),
        (
            json!({"to": {"pod": "shop/web-0"}}),
            &["for-wp", "selects-none, selects-web"],
        ),
        (
            json!({"to": {"service": "shop/unknown"}, "layer": "waypoint"}),
            &["for-wp unknown-target, for-other unknown-target"],
        ),
        (
            json!({"to": {"pod": "shop/unknown"}, "layer": "ztunnel"}),
            &["selects-none, selects-web unknown-workload, selects-api unknown-workload"],
        ),
    ] {
        let answer = trace(&analysis, &changes);
        assert_eq!(considered(&answer), expected, "{changes}: {answer}");
    }
}

#[test]
fn every_waypoint_of_a_pod_is_let_in_by_the_policy_that_istiod_adds() {
    let services = service(
        "second",
        "istio.io/use-waypoint: wp2",
        "{selector: {app: web}, ports: [{port: 80}]}",
    );
    let waypoints = [("wp", "service"), ("wp2", "service"), ("own", "workload")]
        .map(|(name, kind)| waypoint(name, kind))
        .concat();
    let labelled = SHOP.replace(
        "labels: {app: web}",
        "labels: {app: web, istio.io/use-waypoint: own}",
    );
    let mesh = format!(
        "{labelled}{services}{waypoints}{}",
        policy("for-api", "{selector: {matchLabels: {app: api}}}")
    );
    let through = "waypoint waypoint allowed, ztunnel allowed";
    for changes in [
        json!({}),
        json!({"to": {"service": "shop/second"}}),
        json!({"to": {"pod": "shop/web-0"}}),
    ] {
        goes(
            &mesh,
            "autoAllowWaypoint: true",
            changes,
            "allowed",
            &[through],
        );
    }
    // Nobody else is.
    let from = json!({"from": null, "to": {"pod": "shop/web-0"}});
    goes(
        &mesh,
        "autoAllowWaypoint: true",
        from,
        "denied",
        &["pod ztunnel denied"],
    );
}

#[test]
fn selectors_and_pods_without_labels() {
    let closed = policy("p", DENY_WEB);
    for (annotations, verdict, layer) in
        [("", "denied", "ztunnel"), (SIDECAR, "allowed", "sidecar")]
    {
        let bare = format!(
            "---\n{{kind: Pod, apiVersion: v1, metadata: {{name: bare, namespace: shop, annotations: {{{annotations}}}}}}}\n"
        );
        let mesh = format!("{SHOP}{bare}{closed}");
        let to = json!({"to": {"pod": "shop/bare"}});
        goes(&mesh, "", to, verdict, &[&format!("pod {layer} {verdict}")]);
    }
}

#[test]
fn a_batch_of_verdicts_says_what_each_answer_says() {
    let closed = policy("p", DENY_WEB);
    let analysis = analysis(&format!("{SHOP}{}{closed}", uncertain("wp", "service")), "");
    let requests = [
        json!({}),
        json!({"to": {"pod": "shop/api-0"}}),
        json!({"to": {"service": "shop/unknown"}}),
        json!({"layer": "waypoint"}),
        json!({"layer": "ztunnel"}),
    ]
    .map(|changes| request(&changes));
    let one_by_one = requests.iter().map(|one| analysis.decide(one).verdict);
    let one_by_one: Vec<_> = one_by_one.collect();
    let names: Vec<_> = one_by_one.iter().map(|one| one.name()).collect();
    assert_eq!(names, ["denied", "allowed", "depends", "allowed", "denied"]);
    assert_eq!(analysis.verdicts(&requests), one_by_one);
}

#[test]
fn what_cannot_be_seen_on_a_tcp_port() {
    let database = service(
        "database",
        "",
        "{selector: {app: web}, ports: [{port: 5432, name: tcp-sql}]}",
    );
    let to = || json!({"to": {"service": "shop/database"}, "port": 5432});
    for (part, seen) in [
        ("to: [{operation: {hosts: ['*']}}]", false),
        ("to: [{operation: {methods: ['*']}}]", false),
        ("to: [{operation: {paths: ['*']}}]", false),
        ("from: [{source: {requestPrincipals: ['*']}}]", false),
        ("when: [{key: 'request.headers[a]', values: ['*']}]", false),
        ("to: [{operation: {ports: ['5432']}}]", true),
        ("from: [{source: {namespaces: [shop]}}]", true),
    ] {
        let of = |action: &str| {
            let target = "targetRefs: [{kind: Service, group: '', name: database}]";
            let policy = policy(
                "p",
                &format!("{{{target}, action: {action}, rules: [{{{part}}}]}}"),
            );
            format!("{SHOP}{}{database}{policy}", waypoint("wp", "service"))
        };
        // A rule that allows is left out whole; one that denies loses what cannot be seen.
        let (allowed, layers) = match seen {
            true => ("allowed", "waypoint waypoint allowed, ztunnel allowed"),
            false => ("denied", "waypoint waypoint denied, ztunnel allowed"),
        };
        goes(&of("ALLOW"), "", to(), allowed, &[layers]);
        let denied = "waypoint waypoint denied, ztunnel allowed";
        goes(&of("DENY"), "", to(), "denied", &[denied]);
    }
}

#[test]
fn mutual_tls_at_one_port() {
    let peer = |whole: &str, port: &str| {
        let spec = format!(
            "{{selector: {{matchLabels: {{app: web}}}}, mtls: {{mode: {whole}}}, portLevelMtls: {{8080: {{mode: {port}}}}}}}"
        );
        format!(
            "---\n{{kind: PeerAuthentication, apiVersion: security.istio.io/v1, metadata: {{name: p, namespace: shop}}, spec: {spec}}}\n"
        )
    };
    for (whole, port, verdict, depends) in [
        (
            "PERMISSIVE",
            "STRICT",
            "depends",
            json!(["port-level-mtls"]),
        ),
        ("PERMISSIVE", "DISABLE", "allowed", json!([])),
        ("PERMISSIVE", "UNSET", "allowed", json!([])),
        ("STRICT", "STRICT", "denied", json!([])),
        ("STRICT", "UNSET", "denied", json!([])),
        (
            "STRICT",
            "PERMISSIVE",
            "depends",
            json!(["port-level-mtls"]),
        ),
    ] {
        let changes = json!({"from": null, "to": {"pod": "shop/web-0"}, "port": 8080});
        let answer = trace(
            &analysis(&format!("{SHOP}{}", peer(whole, port)), ""),
            &changes,
        );
        assert_eq!(
            (&answer["verdict"], &answer["depends"]),
            (&json!(verdict), &depends),
            "{whole} {port}"
        );
    }
}

#[test]
fn what_a_sidecar_makes_of_a_request() {
    let pods = "---\n{kind: Pod, apiVersion: v1, metadata: {name: db-0, namespace: shop, labels: {app: db}, annotations: {sidecar.istio.io/status: injected}}, spec: {}}\n";
    let database = service(
        "db",
        "",
        "{selector: {app: db}, ports: [{port: 5432, name: tcp-sql}, {port: 80, name: http}]}",
    );
    let get = policy(
        "p",
        "{selector: {matchLabels: {app: db}}, rules: [{to: [{operation: {methods: [GET]}}]}]}",
    );
    let mesh = format!("{SHOP}{pods}{database}{get}");
    // By the Services before it a pod knows which of its ports speak TCP, where nothing of HTTP is seen.
    for (port, path, verdict) in [
        (80, "/a", "allowed"),
        (5432, "/a", "denied"),
        (80, "a", "denied"),
    ] {
        let to = json!({"to": {"pod": "shop/db-0"}, "port": port, "path": path});
        goes(&mesh, "", to, verdict, &[&format!("pod sidecar {verdict}")]);
    }
    let everything = format!("{SHOP}{pods}{database}");
    for (target, port, layer, verdict) in [
        ("db-0", 80, "sidecar", "denied"),
        ("db-0", 5432, "sidecar", "allowed"),
        ("web-0", 80, "ztunnel", "allowed"),
    ] {
        let to =
            json!({"to": {"pod": format!("shop/{target}")}, "port": port, "path": "malformed"});
        goes(
            &everything,
            "",
            to,
            verdict,
            &[&format!("pod {layer} {verdict}")],
        );
    }
}
