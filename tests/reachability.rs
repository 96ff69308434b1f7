//! Requests that upstream's own tests and tutorials send through real meshes, with what they got
//! (tests/data/ATTRIBUTION.md): `explain` answers the same from the bundles alone.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a failing test panics"
)]

use mesh_policy::analysis::Analysis;
use mesh_policy::compile::{Input, Source};
use mesh_policy::mesh::input::{MeshInput, read_mesh};
use mesh_policy::text::{Node, parse_yaml};
use serde_json::{Value, json};
use std::fs;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");

fn bundle_of<'a>(model: &'a str, text: &'a str) -> Source<'a> {
    Source {
        model: Some(model),
        ..Source::new("bundle.yaml", text)
    }
}

fn overlay_of(text: &str) -> Source<'_> {
    Source {
        overlay: true,
        ..Source::new("overlay.yaml", text)
    }
}

/// The mesh of bundles, given as (model, text), with an overlay and settings.
fn analysis(bundles: &[(&str, &str)], overlay: &str, settings: &str) -> Analysis {
    let bundles = bundles.iter();
    let mut files: Vec<Source<'_>> = bundles
        .map(|(model, text)| bundle_of(model, text))
        .collect();
    if !overlay.is_empty() {
        files.push(overlay_of(overlay));
    }
    let charms = fs::read_dir(format!("{DATA}/charms")).expect("charms");
    let charms: Vec<String> = charms
        .map(|entry| fs::read_to_string(entry.expect("a charm").path()).expect("a charm"))
        .collect();
    let charms = charms.iter().map(|text| Source::new("charm.yaml", text));
    let (mesh, diagnostics) = read_mesh(&MeshInput {
        files,
        juju: Input {
            charms: charms.collect(),
            ..Input::default()
        },
        settings: vec![Source::new("settings.yaml", settings)],
        ..MeshInput::default()
    });
    assert!(
        diagnostics.iter().all(|one| !one.bad_input),
        "{diagnostics:?}"
    );
    Analysis::new(mesh)
}

fn bundle(name: &str) -> String {
    fs::read_to_string(format!("{DATA}/bundles/{name}.yaml")).expect(name)
}

fn text(node: &Node<'_>, key: &str) -> String {
    let text = node.get(key).and_then(Node::scalar_text);
    text.unwrap_or_else(|| panic!("no {key}")).into_owned()
}

fn list<'n>(node: &'n Node<'_>, key: &str) -> &'n [Node<'n>] {
    node.get(key).and_then(Node::as_array).expect("a list")
}

/// The question of a row: `MODEL/APP/UNIT` or `APP/UNIT`, and a URL as a pod would resolve it.
fn question(row: &Node<'_>, model: &str) -> Value {
    let source = text(row, "source");
    let parts: Vec<&str> = source.split('/').collect();
    let (namespace, account) = match parts.as_slice() {
        [model, app, _] => (*model, *app),
        [app, _] => (model, *app),
        _ => panic!("{source}"),
    };
    let url = text(row, "url").replace("{model}", model);
    let rest = url.strip_prefix("http://").expect("http");
    let (authority, path) = rest.split_once('/').expect("a path");
    let (host, port) = authority.split_once(':').expect("a port");
    let labels: Vec<&str> = host
        .trim_end_matches(".svc.cluster.local")
        .split('.')
        .collect();
    let to = match labels.as_slice() {
        [service] => json!({"service": format!("{model}/{service}")}),
        [service, model] => json!({"service": format!("{model}/{service}")}),
        [pod, _, model] => json!({"pod": format!("{model}/{pod}")}),
        _ => panic!("{host}"),
    };
    json!({
        "from": {"namespace": namespace, "serviceAccount": account},
        "to": to,
        "port": port.parse::<u16>().expect("a port"),
        "method": text(row, "method"),
        "path": format!("/{path}"),
        "host": authority,
    })
}

fn ask(analysis: &Analysis, question: &Value) -> Value {
    serde_json::from_str(&analysis.ask(&question.to_string())).expect("an answer")
}

/// Checks rows; says how many.
fn check(analysis: &Analysis, rows: &[Node<'_>], model: &str) -> usize {
    for row in rows {
        let question = question(row, model);
        let answer = ask(analysis, &question);
        let outcome = text(row, "outcome");
        let expected = match outcome.as_str() {
            "200" | "allowed" => "allowed",
            "403" | "refused" | "denied" => "denied",
            other => panic!("{other}"),
        };
        assert_eq!(answer["verdict"], expected, "{question}\n{answer}");
        let layers = answer["ways"][0]["layers"].as_array().expect("layers");
        let denying = layers.iter().find(|layer| layer["verdict"] == "denied");
        // 403 is a waypoint's answer; ztunnel closes the connection.
        match outcome.as_str() {
            "403" => assert_eq!(denying.expect("a layer")["layer"], "waypoint"),
            "refused" => assert_eq!(denying.expect("a layer")["layer"], "ztunnel"),
            _ => {}
        }
    }
    rows.len()
}

#[test]
fn itest_beacon() {
    let table = fs::read_to_string(format!(
        "{DATA}/reachability/itest-beacon-reachability.yaml"
    ))
    .expect("table");
    let documents = parse_yaml(&table).expect("reads");
    let root = &documents[0].root;
    let bundle = bundle("itest-beacon");
    let model = "beacon-itest";
    let mut rows = 0;
    for variant in list(root, "variants") {
        let on_mesh = text(variant, "beacon_model_on_mesh");
        let join = text(variant, "auto_join_mesh");
        let mut overlay = format!(
            "applications:\n  istio-beacon-k8s: {{options: {{model-on-mesh: {on_mesh}}}}}\n"
        );
        for app in [
            "receiver1",
            "sender1",
            "sender2",
            "sender3",
            "sender-scaled",
        ] {
            overlay.push_str(&format!(
                "  {app}: {{options: {{auto-join-mesh: {join}}}}}\n"
            ));
        }
        let analysis = analysis(&[(model, &bundle)], &overlay, "");
        rows += check(&analysis, list(variant, "requests"), model);
    }
    assert_eq!(rows, 24);
    for row in list(root, "peer_policy") {
        let peers = text(row, "config_peer_communication");
        let overlay = format!(
            "applications: {{sender-scaled: {{options: {{peer-communication: {peers}}}}}}}"
        );
        // The charm's peer policy exists only while its option says so; the charm file does not.
        let analysis = analysis_with_peer_policy(&bundle, &overlay, peers == "true");
        check(&analysis, std::slice::from_ref(row), model);
    }
    let operator = root.get("modeloperator").expect("modeloperator");
    let overlay = format!(
        "applications: {{istio-beacon-k8s: {{options: {{model-on-mesh: {}}}}}}}",
        text(operator, "beacon_model_on_mesh")
    );
    let analysis = analysis(&[(model, &bundle)], &overlay, "");
    let answer = ask(
        &analysis,
        &json!({"from": null, "to": {"service": "beacon-itest/modeloperator"}, "port": 17071}),
    );
    assert_eq!(answer["verdict"], "allowed", "{answer}");
    assert_eq!(
        answer["ways"][0]["layers"][0]["policy"],
        "beacon-itest/istio-beacon-k8s-beacon-itest-policy-all-sources-modeloperator"
    );
}

/// With the option off, the tester charm declares no policy on its peer relation.
fn analysis_with_peer_policy(bundle: &str, overlay: &str, peers: bool) -> Analysis {
    let bundle = if peers {
        bundle.to_owned()
    } else {
        bundle.replace(
            "sender-scaled:\n    charm: service-mesh-tester",
            "sender-scaled:\n    charm: silent-tester",
        )
    };
    let tester =
        fs::read_to_string(format!("{DATA}/charms/service-mesh-tester.yaml")).expect("charm");
    let at = tester
        .find("- kind: unit\n  relation: peers")
        .expect("the peer policy");
    let end = tester.find("config_defaults").expect("defaults");
    let silent = format!("{}{}", &tester[..at], &tester[end..])
        .replace("charm: service-mesh-tester", "charm: silent-tester");
    let beacon = fs::read_to_string(format!("{DATA}/charms/istio-beacon-k8s.yaml")).expect("charm");
    let (mesh, _) = read_mesh(&MeshInput {
        files: vec![bundle_of("beacon-itest", &bundle), overlay_of(overlay)],
        juju: Input {
            charms: [tester, silent, beacon]
                .iter()
                .map(|text| Source::new("charm.yaml", text))
                .collect(),
            ..Input::default()
        },
        ..MeshInput::default()
    });
    Analysis::new(mesh)
}

#[test]
fn bookinfo() {
    let table = fs::read_to_string(format!("{DATA}/reachability/bookinfo-reachability.yaml"))
        .expect("table");
    let documents = parse_yaml(&table).expect("reads");
    let root = &documents[0].root;
    let whole = bundle("bookinfo");
    let without = |words: &[&str]| -> String {
        let kept = whole.lines().filter(|line| {
            !(line.contains(":service-mesh'") && words.iter().any(|word| line.contains(word)))
        });
        kept.collect::<Vec<_>>().join("\n")
    };
    let off = analysis(&[("bookinfo", &without(&[""]))], "", "");
    assert_eq!(check(&off, list(root, "before_mesh"), "bookinfo"), 4);
    let some = analysis(&[("bookinfo", &without(&["productpage"]))], "", "");
    for service in ["bookinfo-details-k8s", "bookinfo-reviews-k8s"] {
        let answer = ask(
            &some,
            &json!({
                "from": {"namespace": "bookinfo", "serviceAccount": "bookinfo-productpage-k8s"},
                "to": {"service": format!("bookinfo/{service}")},
                "port": 9080, "method": "GET", "path": "/health",
            }),
        );
        assert_eq!(answer["verdict"], "denied", "{answer}");
        assert_eq!(answer["clientOutsideMesh"], true, "{answer}");
    }
    let all = analysis(&[("bookinfo", &whole)], "", "");
    assert_eq!(check(&all, list(root, "all_on_mesh"), "bookinfo"), 4);
}

#[test]
fn bookinfo_terraform() {
    let table = fs::read_to_string(format!(
        "{DATA}/reachability/bookinfo-terraform-reachability.yaml"
    ))
    .expect("table");
    let documents = parse_yaml(&table).expect("reads");
    let rows = list(&documents[0].root, "requests");
    let whole = bundle("bookinfo-terraform");
    let on = analysis(&[("bookinfo", &whole)], "", "");
    assert_eq!(check(&on, rows, "bookinfo"), 3);
    let off: Vec<&str> = whole
        .lines()
        .filter(|line| !line.contains("service-mesh"))
        .collect();
    let off = analysis(&[("bookinfo", &off.join("\n"))], "", "");
    assert_eq!(check(&off, rows, "bookinfo"), 3);
}

#[test]
fn bookinfo_across_models() {
    let table = fs::read_to_string(format!(
        "{DATA}/reachability/bookinfo-cmr-reachability.yaml"
    ))
    .expect("table");
    let documents = parse_yaml(&table).expect("reads");
    let rows = list(&documents[0].root, "requests");
    let (consumer, provider) = (
        bundle("bookinfo-cmr-consumer"),
        bundle("bookinfo-cmr-provider"),
    );
    let models = [
        ("bookinfo", consumer.as_str()),
        ("bookinfo-2", provider.as_str()),
    ];
    assert_eq!(check(&analysis(&models, "", ""), rows, "bookinfo"), 4);
}

/// [IK] `test_hardened_mode` and `test_auto_allow_waypoint_policy`: without any policy, 403 when
/// hardened, 200 when not; direct to the pod, refused with auto-allow, 200 without.
#[test]
fn hardened_mode_and_auto_allow() {
    let bundle =
        bundle("itest-beacon").replace("- ['receiver1:inbound', 'sender1:outbound']\n", "");
    let bundle = bundle.replace("- ['receiver1:inbound-unit', 'sender2:outbound']\n", "");
    let ask = |settings: &str, to: Value| {
        let analysis = analysis(&[("beacon-itest", &bundle)], "", settings);
        let question = json!({
            "from": {"namespace": "beacon-itest", "serviceAccount": "sender1"},
            "to": to, "port": 8080, "method": "GET", "path": "/foo",
        });
        ask(&analysis, &question)
    };
    let service = || json!({"service": "beacon-itest/receiver1"});
    let pod = || json!({"pod": "beacon-itest/receiver1-0"});
    let hardened = ask("hardenedMode: true", service());
    assert_eq!(hardened["verdict"], "denied");
    let layer = &hardened["ways"][0]["layers"][0];
    assert_eq!(layer["layer"], "waypoint");
    assert!(
        layer["why"]
            .as_str()
            .expect("why")
            .contains("allow-nothing-waypoint"),
        "{layer}"
    );
    assert_eq!(ask("hardenedMode: false", service())["verdict"], "allowed");
    // `receiver1` has a policy for its peers of its own, so another application is asked.
    let open = |settings: &str| {
        let bundle = bundle.replace("charm: service-mesh-tester", "charm: bookinfo-ratings-k8s");
        let analysis = analysis(&[("beacon-itest", &bundle)], "", settings);
        let question = json!({
            "from": {"namespace": "beacon-itest", "serviceAccount": "sender1"},
            "to": pod(), "port": 8080, "method": "GET", "path": "/foo",
        });
        serde_json::from_str::<Value>(&analysis.ask(&question.to_string())).expect("an answer")
    };
    assert_eq!(open("autoAllowWaypoint: true")["verdict"], "denied");
    assert_eq!(open("autoAllowWaypoint: false")["verdict"], "allowed");
}
