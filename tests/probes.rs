//! Single-policy questions that were put to Istio's own builder and a real Envoy, with the status it
//! answered (tests/data/ATTRIBUTION.md): our enforcement points answer the same.

use mesh_policy::analysis::Analysis;
use mesh_policy::compile::Source;
use mesh_policy::mesh::input::{MeshInput, read_mesh};
use serde_json::{Value, json};

#[test]
fn every_probe() {
    let probes = include_str!("data/probes.jsonl");
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in probes.lines() {
        let probe: Value = serde_json::from_str(line).expect("a probe");
        count += 1;
        let manifest = probe["policy"].to_string();
        let settings = json!({"pathNormalization": probe["pathNormalization"]}).to_string();
        let (mesh, diagnostics) = read_mesh(&MeshInput {
            manifests: vec![Source::new("policy.json", &manifest)],
            settings: vec![Source::new("settings.json", &settings)],
            ..MeshInput::default()
        });
        assert_eq!(diagnostics, []);
        let analysis = Analysis::new(mesh);
        assert_eq!(analysis.refusals(), [], "{manifest}");
        let mut request = probe["request"].clone();
        let layer = probe["layer"].as_str().expect("a layer");
        request["to"] = json!({"service": request["to"]});
        request["layer"] = json!(layer);
        let answer: Value =
            serde_json::from_str(&analysis.ask(&request.to_string())).expect("an answer");
        let expected = if probe["status"] == 200 {
            "allowed"
        } else {
            "denied"
        };
        if answer["verdict"] != expected {
            wrong.push(format!("{line}\n  {answer}"));
        }
    }
    assert_eq!(count, 128);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Policies that Istio accepts and Envoy refuses: one in each file at least, and Istio takes them all.
#[test]
fn configurations_that_envoy_refused() {
    for (file, text) in [
        ("sidecar-74", include_str!("data/nack/sidecar-74.yaml")),
        ("waypoint-4", include_str!("data/nack/waypoint-4.yaml")),
        ("waypoint-26", include_str!("data/nack/waypoint-26.yaml")),
        ("waypoint-142", include_str!("data/nack/waypoint-142.yaml")),
        ("waypoint-177", include_str!("data/nack/waypoint-177.yaml")),
        ("waypoint-295", include_str!("data/nack/waypoint-295.yaml")),
    ] {
        let (mesh, _) = read_mesh(&MeshInput {
            manifests: vec![Source::new(file, text)],
            ..MeshInput::default()
        });
        let analysis = Analysis::new(mesh);
        let refused: Vec<&str> = analysis
            .points
            .held
            .iter()
            .filter(|held| held.unloadable.is_some())
            .map(|held| held.id.as_str())
            .collect();
        assert!(!refused.is_empty(), "{file}");
    }
}
