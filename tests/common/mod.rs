//! What several tests need.

use mesh_policy::analysis::Analysis;
use mesh_policy::compile::Source;
use mesh_policy::mesh::input::{MeshInput, read_mesh};

fn source<'a>(file: &'a str, text: &'a str) -> Source<'a> {
    Source {
        file,
        bytes: text.as_bytes(),
        model: None,
        overlay: false,
    }
}

/// The analysis of manifests, none of which is wrong in itself, under settings.
#[track_caller]
pub fn analysis(manifests: &str, settings: &str) -> Analysis {
    let (mesh, diagnostics) = read_mesh(&MeshInput {
        manifests: vec![source("mesh.yaml", manifests)],
        settings: vec![source("settings.yaml", settings)],
        ..MeshInput::default()
    });
    assert!(
        diagnostics.iter().all(|one| !one.bad_input),
        "{diagnostics:?}"
    );
    Analysis::new(mesh)
}
