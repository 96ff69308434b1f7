//! `mesh-policy explain --requests`, native: the same answers without Node.
//!
//!     cargo run --release --example explain -- --manifests F [--settings F] --requests F

use mesh_policy::analysis::Analysis;
use mesh_policy::compile::Source;
use mesh_policy::mesh::input::{MeshInput, read_mesh};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let read = |option: &str| -> Result<Vec<(String, Vec<u8>)>, std::io::Error> {
        let values = arguments.iter().zip(arguments.iter().skip(1));
        values
            .filter(|(name, _)| *name == option)
            .map(|(_, file)| Ok((file.clone(), std::fs::read(file)?)))
            .collect()
    };
    let (manifests, settings) = (read("--manifests")?, read("--settings")?);
    let (mesh, diagnostics) = read_mesh(&MeshInput {
        manifests: manifests.iter().map(source).collect(),
        settings: settings.iter().map(source).collect(),
        ..MeshInput::default()
    });
    if let Some(wrong) = diagnostics.iter().find(|one| one.bad_input) {
        return Err(wrong.message.clone().into());
    }
    let analysis = Analysis::new(mesh);
    for refusal in analysis.refusals() {
        eprintln!("{}", refusal.message);
    }
    for (_, lines) in read("--requests")? {
        print!("{}", analysis.ask(std::str::from_utf8(&lines)?));
    }
    Ok(())
}

fn source((file, bytes): &(String, Vec<u8>)) -> Source<'_> {
    Source::new(file, bytes)
}
