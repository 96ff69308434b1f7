//! Large meshes take work in proportion to their size; how long, `make bench` tells.

use mesh_policy::analysis::Analysis;
use mesh_policy::analysis::diff::diff;
use mesh_policy::analysis::symbolic::routes::{Clients, Target, cells};
use mesh_policy::compile::Source;
use mesh_policy::mesh::input::{MeshInput, read_mesh};

fn analysis(text: &str) -> Analysis {
    let (mesh, diagnostics) = read_mesh(&MeshInput {
        manifests: vec![Source::new("mesh.yaml", text)],
        ..MeshInput::default()
    });
    assert!(
        diagnostics.iter().all(|one| !one.bad_input),
        "{diagnostics:?}"
    );
    Analysis::new(mesh)
}

fn object(version: &str, kind: &str, name: &str, rest: &str) -> String {
    format!(
        "---\n{{\"apiVersion\":\"{version}\",\"kind\":\"{kind}\",\"metadata\":{{\"namespace\":\"n\",\"name\":\"{name}\"{rest}}}\n"
    )
}

/// Pods that one Service of many selects, each with an address of its own.
fn pods(count: usize) -> String {
    let mut text = String::from(
        "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"n\",\"labels\":{\"istio.io/dataplane-mode\":\"ambient\"}}}\n",
    );
    for at in 0..count {
        let labels = r#","labels":{"app":"all"}},"spec":{"serviceAccountName":"s"},"#;
        let status = format!(
            "{labels}\"status\":{{\"podIP\":\"10.0.{}.{}\"}}",
            at / 256,
            at % 256
        );
        text.push_str(&object("v1", "Pod", &format!("p{at}"), &status));
        let selector = r#"},"spec":{"selector":{"app":"all"},"ports":[{"port":80}]}"#;
        text.push_str(&object("v1", "Service", &format!("s{at}"), selector));
    }
    text
}

fn policy(name: &str, rules: &str) -> String {
    let spec = format!(
        "}},\"spec\":{{\"selector\":{{\"matchLabels\":{{\"app\":\"all\"}}}},\"rules\":[{rules}]}}"
    );
    object("security.istio.io/v1", "AuthorizationPolicy", name, &spec)
}

#[test]
fn pods_that_are_alike_are_one_way() {
    let alike = pods(30) + &policy("a", r#"{"to":[{"operation":{"ports":["80"]}}]}"#);
    let ways = |text: &str| {
        let analysis = analysis(text);
        let found = cells(&analysis, &Clients::of(&analysis), Target::Service(0));
        assert!(!found.is_empty());
        found.iter().map(|cell| cell.chains.len()).max()
    };
    assert_eq!(ways(&alike), Some(1));
    // Where a policy looks at the address of the pod, each is a way of its own.
    let apart = r#"{"when":[{"key":"destination.ip","values":["10.0.0.1"]}]}"#;
    assert_eq!(ways(&(pods(30) + &policy("a", apart))), Some(30));
}

#[test]
fn a_change_of_one_policy_on_many_pods_is_compared() {
    let rest: String = (0..150)
        .map(|at| {
            let rule = format!(
                "{{\"to\":[{{\"operation\":{{\"ports\":[\"{}\"]}}}}]}}",
                at + 1
            );
            policy(&format!("a{at}"), &rule)
        })
        .collect();
    let old = pods(150) + &rest;
    let new = old.replace("\"a7\"", "\"b7\"");
    assert_ne!(old, new);
    // The engine bounds its own work and says what it left out: that it compares all of it is that the work is little.
    let found = diff(&analysis(&old), &analysis(&new));
    assert_eq!(found.not_compared, []);
    assert!(found.equivalent);
}
