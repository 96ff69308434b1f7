//! What tests of answers need: a mesh, policies, requests.

#![allow(dead_code, reason = "each test needs a part")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may end so"
)]

use mesh_policy::analysis::Analysis;
use mesh_policy::analysis::request::Request;
use mesh_policy::compile::Source;
use mesh_policy::mesh::input::{MeshInput, read_mesh};
use serde_json::{Value, json};

/// The analysis of manifests, none of which is wrong in itself, under settings.
#[track_caller]
pub fn analysis(manifests: &str, settings: &str) -> Analysis {
    let (mesh, diagnostics) = read_mesh(&MeshInput {
        manifests: vec![Source::new("mesh.yaml", manifests)],
        settings: vec![Source::new("settings.yaml", settings)],
        ..MeshInput::default()
    });
    assert!(
        diagnostics.iter().all(|one| !one.bad_input),
        "{diagnostics:?}"
    );
    Analysis::new(mesh)
}

/// The document of an AuthorizationPolicy in `shop`, with the mark before it.
pub fn policy(name: &str, spec: &str) -> String {
    format!(
        "---\n{{kind: AuthorizationPolicy, apiVersion: security.istio.io/v1, metadata: {{name: {name}, namespace: shop}}, spec: {spec}}}\n"
    )
}

/// A GET of `/a` by `shop/api` to `shop/web`, with changes.
pub fn request(changes: &Value) -> Request {
    let mut request = json!({
        "from": {"namespace": "shop", "serviceAccount": "api"}, "to": {"service": "shop/web"},
        "port": 80, "method": "GET", "path": "/a", "host": "web",
    });
    for (key, value) in changes.as_object().expect("an object") {
        request[key] = value.clone();
    }
    Request::read(&request.to_string()).expect("a request")
}

/// The whole answer to such a request.
pub fn trace(analysis: &Analysis, changes: &Value) -> Value {
    serde_json::from_str(&analysis.trace_json(&request(changes))).expect("an answer")
}
