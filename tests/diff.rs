//! What `diff` says where the input does not tell what policies apply to.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use mesh_policy::analysis::Analysis;
use mesh_policy::analysis::diff::diff;
use mesh_policy::compile::Source;
use mesh_policy::mesh::input::{MeshInput, read_mesh};

fn analysis(text: &str) -> Analysis {
    let source = Source {
        file: "mesh.yaml",
        bytes: text.as_bytes(),
        model: None,
        overlay: false,
    };
    let (mesh, _) = read_mesh(&MeshInput {
        manifests: vec![source],
        ..MeshInput::default()
    });
    Analysis::new(mesh)
}

fn policy(port: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: a, namespace: shop}}\n\
         spec: {{selector: {{matchLabels: {{app: web}}}}, rules: [{{to: [{{operation: {{ports: ['{port}']}}}}]}}]}}\n"
    )
}

#[test]
fn policies_that_apply_to_nothing_known_are_not_called_equivalent() {
    let (old, new) = (analysis(&policy("80")), analysis(&policy("81")));
    let found = diff(&old, &new);
    assert!(!found.equivalent);
    assert_eq!(found.not_compared.len(), 2, "{found:?}");
    let why = &found.not_compared.first().expect("a reason").why;
    assert!(why.contains("`shop/a`"), "{why}");
    assert!(diff(&old, &old).equivalent, "nothing differs");
}

#[test]
fn policies_of_known_pods_are_compared() {
    let pods = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}\n---\n\
                apiVersion: v1\nkind: Pod\nmetadata: {name: web-0, namespace: shop, labels: {app: web}}\nspec: {serviceAccountName: web}\n";
    let (old, new) = (
        analysis(&(policy("80") + pods)),
        analysis(&(policy("81") + pods)),
    );
    let found = diff(&old, &new);
    assert!(
        found.not_compared.is_empty() && !found.equivalent,
        "{found:?}"
    );
    assert_eq!((found.granted.len(), found.revoked.len()), (1, 1));
}
