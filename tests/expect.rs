//! What a failed expectation says: which requests speak against it, and because of which policies.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use mesh_policy::analysis::Analysis;
use mesh_policy::analysis::expect::{Report, check};
use mesh_policy::analysis::expectation::read_expectations;
use mesh_policy::compile::Source;
use mesh_policy::mesh::input::{MeshInput, read_mesh};
use serde_json::{Value, json};

const MESH: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: shop, labels: {app: web}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: readers, namespace: shop}
spec:
  rules:
  - from: [{source: {principals: [cluster.local/ns/cos/sa/grafana]}}]
    to: [{operation: {methods: [GET]}}]
    when: [{key: 'request.headers[:path]', values: ['/metrics?*']}]
  - from: [{source: {namespaces: [cos]}}]
    to: [{operation: {ports: ['9090']}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: closed, namespace: shop}
spec:
  action: DENY
  rules:
  - to: [{operation: {ports: ['9090'], paths: ['/admin*']}}]
";

fn asked(expectations: &str) -> Report {
    let (mesh, _) = read_mesh(&MeshInput {
        manifests: vec![Source::new("mesh.yaml", MESH)],
        ..MeshInput::default()
    });
    let mut diagnostics = Vec::new();
    let list = read_expectations("e.yaml", expectations.as_bytes(), &mut diagnostics);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    check(&Analysis::new(mesh), &list)
}

#[test]
fn what_speaks_against_an_expectation_is_described() {
    let report = asked(
        "- {name: a, expect: deny, from: [any], except: [cos/grafana], to: 'pod:shop/web-0'}\n\
         - {name: b, expect: allow, from: [cos/grafana], to: 'pod:shop/web-0', port: 9090}\n\
         - {name: c, expect: deny, from: [outside], to: 'pod:shop/web-0'}\n",
    );
    assert_eq!((report.passed, report.failed), (1, 2));
    let report: Value = serde_json::from_str(&report.json()).expect("JSON");
    let against = |at: usize| {
        let found = report.pointer(&format!("/results/{at}/against"));
        found.cloned().unwrap_or_default()
    };
    assert_eq!(
        against(0),
        json!([{
            "via": "pod",
            "clients": {"inside": {"any": ["*/ns/cos/*"], "except": ["cluster.local/ns/cos/sa/grafana"]}, "outside": false},
            "ports": ["9090"],
            "paths": {"except": ["/admin*"]},
            "text": "anyone in namespace cos except cos/grafana may request anything but /admin* on port 9090",
            "policies": ["shop/readers"],
        }])
    );
    assert_eq!(
        report.pointer("/results/0/to"),
        Some(&json!({"pod": "shop/web-0"}))
    );
    assert_eq!(report.pointer("/results/1/expect"), Some(&json!("allow")));
    let denied = report.pointer("/results/1/against/0/text");
    let text = "cos/grafana may not request /admin* on port 9090";
    assert_eq!(denied, Some(&json!(text)));
    let policies = report.pointer("/results/1/against/0/policies");
    assert_eq!(policies, Some(&json!(["shop/closed"])));
    assert_eq!(against(2), Value::Null);
}
