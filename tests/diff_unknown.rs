//! What `diff` and the proof of a plan say of changes of policies that look at what the input does not
//! say: a header that proxies set themselves, the address before a gateway, a pod's own address.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use mesh_policy::analysis::Analysis;
use mesh_policy::analysis::diff::{Diff, diff};
use mesh_policy::analysis::safety::{Harm, Phase, Write, prove};
use mesh_policy::compile::Source;
use mesh_policy::mesh::input::{MeshInput, read_mesh};
use serde_json::{Value, json};

const MESH: &str = r#"
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {gatewayClassName: istio, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: v1
kind: Pod
metadata: {name: edge-0, namespace: shop, labels: {app: edge, gateway.networking.k8s.io/gateway-name: edge, istio.io/dataplane-mode: none}}
spec: {serviceAccountName: edge-istio}
---
apiVersion: v1
kind: Pod
metadata: {name: side-0, namespace: shop, labels: {app: side, istio.io/dataplane-mode: none}}
spec: {serviceAccountName: side, containers: [{name: side, image: side}, {name: istio-proxy, image: proxyv2}]}
"#;

type Named<'a> = (&'a str, Value);

fn mesh(policies: &[Named<'_>]) -> Analysis {
    let mut text = MESH.to_owned();
    for (name, spec) in policies {
        let policy = json!({"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
            "metadata": {"name": name, "namespace": "shop"}, "spec": spec});
        text.push_str(&format!("---\n{policy}\n"));
    }
    let (mesh, diagnostics) = read_mesh(&MeshInput {
        manifests: vec![Source::new("mesh.yaml", &text)],
        ..MeshInput::default()
    });
    assert_eq!(diagnostics, []);
    Analysis::new(mesh)
}

fn compared(old: &[Named<'_>], new: &[Named<'_>]) -> Diff {
    let found = diff(&mesh(old), &mesh(new));
    assert!(found.not_compared.is_empty(), "{}", found.json());
    found
}

/// Of the application's pod.
fn unknown(found: &Diff, app: &str) -> bool {
    let all: Value = serde_json::from_str(&found.json()).expect("JSON");
    let all = all["unknown"].as_array().cloned().unwrap_or_default();
    let pod = json!({"pod": format!("shop/{app}-0")});
    assert_eq!(
        found.equivalent,
        all.is_empty() && found.granted.is_empty() && found.revoked.is_empty()
    );
    all.iter().any(|one| one["to"] == pod)
}

fn spec(app: &str, action: &str, rules: Value) -> Value {
    json!({"selector": {"matchLabels": {"app": app}}, "action": action, "rules": rules})
}

const UNKNOWN: [(&str, &str, [&str; 2]); 5] = [
    ("edge", "remote.ip", ["10.0.0.0/8", "11.0.0.0/8"]),
    (
        "edge",
        "request.headers[x-forwarded-for]",
        ["10.0.0.1", "11.0.0.1"],
    ),
    ("edge", "request.headers[x-request-id]", ["a", "b"]),
    ("side", "request.headers[x-request-id]", ["a", "b*"]),
    ("side", "destination.ip", ["10.0.0.0/8", "11.0.0.0/8"]),
];

#[test]
fn a_change_of_what_cannot_be_known_is_no_equivalence() {
    for (app, key, [one, other]) in UNKNOWN {
        for action in ["ALLOW", "DENY"] {
            let when = |list: &str, value: &str| {
                let mut condition = json!({"key": key});
                condition[list] = json!([value]);
                vec![("p", spec(app, action, json!([{"when": [condition]}])))]
            };
            for (old, new) in [
                (when("values", one), when("values", other)),
                (when("values", one), when("notValues", one)),
                (when("values", one), vec![]),
            ] {
                for (old, new) in [(&old, &new), (&new, &old)] {
                    let found = compared(old, new);
                    assert!(unknown(&found, app), "{old:?} {new:?} {}", found.json());
                    assert!(found.granted.is_empty(), "{}", found.json());
                    assert!(found.revoked.is_empty(), "{}", found.json());
                }
            }
        }
    }
}

#[test]
fn the_same_question_has_the_same_answer() {
    for (app, key, [one, other]) in UNKNOWN {
        for action in ["ALLOW", "DENY"] {
            let rule = |values: &[&str]| json!({"when": [{"key": key, "values": values}]});
            let named = |name, rules: &[Value]| (name, spec(app, action, json!(rules)));
            let both = [named("p", &[rule(&[one, other])])];
            let other_order = [named("p", &[rule(&[other, one])])];
            let apart = [named("p", &[rule(&[one]), rule(&[other])])];
            let in_two = [named("p", &[rule(&[one])]), named("q", &[rule(&[other])])];
            let renamed = [named("r", &[rule(&[one, other])])];
            for new in [&other_order[..], &apart, &in_two, &renamed] {
                let found = compared(&both, new);
                assert!(found.equivalent, "{new:?} {}", found.json());
            }
        }
    }
}

/// What changes beside it is told, and it alone.
#[test]
fn what_is_known_is_granted_or_revoked() {
    for (app, key, [one, _]) in UNKNOWN {
        let maybe = json!({"when": [{"key": key, "values": [one]}]});
        let get = json!({"to": [{"operation": {"methods": ["GET"]}}]});
        let old = [("p", spec(app, "DENY", json!([maybe, get])))];
        let found = compared(&old, &[("p", spec(app, "DENY", json!([get])))]);
        assert!(unknown(&found, app), "{}", found.json());
        let found = compared(&old, &[("p", spec(app, "DENY", json!([{}])))]);
        assert!(unknown(&found, app), "{}", found.json());
        let all = [("p", spec(app, "DENY", json!([get])))];
        let found = compared(&all, &[("p", spec(app, "DENY", json!([{}])))]);
        assert!(!unknown(&found, app), "{}", found.json());
        assert!(!found.revoked.is_empty(), "{}", found.json());
    }
}

/// Between the two ALLOW policies, if the old one goes first, everything is allowed.
#[test]
fn a_state_that_may_be_open_is_not_proven() {
    for (app, key, [one, other]) in UNKNOWN {
        let rule = |value: &str| json!([{"when": [{"key": key, "values": [value]}]}]);
        let old = mesh(&[("old", spec(app, "ALLOW", rule(one)))]);
        let new = mesh(&[("new", spec(app, "ALLOW", rule(other)))]);
        let put = new.mesh.policies.iter();
        let put = put.map(|one| Write::Put(Box::new(one.clone()))).collect();
        let gone = vec![Write::Delete {
            namespace: "shop".into(),
            name: "old".into(),
        }];
        let phase = |title: &str, writes: Vec<Write>| Phase {
            title: title.into(),
            one_by_one: true,
            writes,
        };
        let mut phases = vec![phase("new policies", put), phase("old policies", gone)];
        let proof = prove(&old.mesh, &phases);
        assert!(proof.safe, "{key} {}", proof.json());
        phases.reverse();
        let proof = prove(&old.mesh, &phases);
        assert!(!proof.safe, "{key}");
        let harms: Vec<Harm> = proof.moments.iter().map(|one| one.harm).collect();
        assert_eq!(harms, [Harm::Unproven], "{key} {}", proof.json());
    }
}
