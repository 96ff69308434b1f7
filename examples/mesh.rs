//! Times what is asked of a whole mesh, native, for `bench/tasks`: `mesh OLD NEW RUNS`, two files of manifests.
//!
//! Prints one JSON object: milliseconds of each run to read OLD, to make it ready, for reach, lints, and diff to NEW.

use mesh_policy::analysis::Analysis;
use mesh_policy::analysis::diff::diff;
use mesh_policy::analysis::lint::lint;
use mesh_policy::analysis::reach::reach;
use mesh_policy::compile::Source;
use mesh_policy::mesh::Mesh;
use mesh_policy::mesh::input::{MeshInput, read_mesh};
use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("mesh OLD NEW RUNS");
    let (old, new) = (next()?, next()?);
    let runs: usize = next()?.parse()?;
    let (old_bytes, new_bytes) = (std::fs::read(&old)?, std::fs::read(&new)?);
    let other = Analysis::new(read(&new, &new_bytes));
    let mut times: [(&str, Vec<f64>); 5] =
        ["read", "ready", "reach", "lint", "diff"].map(|name| (name, Vec::new()));
    for _ in 0..runs {
        let mut measured = Vec::new();
        let start = Instant::now();
        let mesh = read(&old, &old_bytes);
        measured.push(start.elapsed());
        let start = Instant::now();
        let analysis = Analysis::new(mesh);
        measured.push(start.elapsed());
        let start = Instant::now();
        reach(&analysis).json();
        measured.push(start.elapsed());
        let start = Instant::now();
        lint(&analysis);
        measured.push(start.elapsed());
        let start = Instant::now();
        let found = diff(&analysis, &other);
        measured.push(start.elapsed());
        if !found.not_compared.is_empty() {
            return Err("something was not compared".into());
        }
        for ((_, list), took) in times.iter_mut().zip(measured) {
            list.push(took.as_secs_f64() * 1000.0);
        }
    }
    let times: serde_json::Map<String, serde_json::Value> = times
        .into_iter()
        .map(|(name, list)| (name.to_owned(), list.into()))
        .collect();
    println!("{}", serde_json::Value::Object(times));
    Ok(())
}

fn read(file: &str, bytes: &[u8]) -> Mesh {
    let (mesh, _) = read_mesh(&MeshInput {
        manifests: vec![Source::new(file, bytes)],
        ..MeshInput::default()
    });
    mesh
}
