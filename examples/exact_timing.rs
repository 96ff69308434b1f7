//! Times of the exact engine, native: reading, reach, diff. `exact_timing OLD NEW` takes two files
//! of manifests.

use mesh_policy::analysis::Analysis;
use mesh_policy::analysis::diff::diff;
use mesh_policy::analysis::reach::reach;
use mesh_policy::compile::Source;
use mesh_policy::mesh::input::{MeshInput, read_mesh};
use std::time::Instant;

fn main() {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let mut sides = Vec::new();
    for file in &files {
        let bytes = std::fs::read(file).unwrap_or_default();
        let start = Instant::now();
        let (mesh, diagnostics) = read_mesh(&MeshInput {
            manifests: vec![Source {
                file,
                bytes: &bytes,
                model: None,
                overlay: false,
            }],
            ..MeshInput::default()
        });
        let read = start.elapsed();
        let start = Instant::now();
        let analysis = Analysis::new(mesh);
        println!(
            "{file}: read {read:?}, {} diagnostics, prepared {:?}",
            diagnostics.len(),
            start.elapsed()
        );
        let start = Instant::now();
        let found = reach(&analysis);
        println!("reach: {} rows, {:?}", found.rows.len(), start.elapsed());
        let start = Instant::now();
        println!("json: {} bytes, {:?}", found.json().len(), start.elapsed());
        sides.push(analysis);
    }
    if let [old, new] = sides.as_slice() {
        let start = Instant::now();
        let found = diff(old, new);
        println!(
            "diff: {} granted, {} revoked, {} not compared, {:?}",
            found.granted.len(),
            found.revoked.len(),
            found.not_compared.len(),
            start.elapsed()
        );
    }
}
