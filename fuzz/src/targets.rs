//! The entry points that take text, and real documents to start from.

use crate::{growth, hooks, mesh};
use mesh_policy::compile::{Input, Source, compile};
use mesh_policy::conformance;
use mesh_policy::text::{decode_utf8, parse_any, parse_json};
use std::hint::black_box;
use std::path::Path;
use std::{fs, io::Read};

pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// What an input of 100 KB may take; smaller ones get as much.
    pub seconds: u64,
    /// An input makes documents of so many bytes, where it is not one itself.
    pub bytes: usize,
    /// It is run in one round of so many: what is slow must not starve the others.
    pub every: u64,
}

const fn target(name: &'static str, run: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>) -> Target {
    Target {
        name,
        run,
        seeds,
        seconds: 1,
        bytes: 0,
        every: 1,
    }
}

pub const TARGETS: [Target; 13] = [
    target("text", text, documents),
    target("bundle", bundle, bundles),
    target("charm", charm, charms),
    target("databags", databags, shown_units),
    target("requests", requests, recorded),
    target("mesh", mesh::mesh, mesh::meshes),
    target("exact", mesh::exact, mesh::meshes),
    target("change", mesh::change, mesh::changes),
    target("ask", mesh::requests, mesh::asked_requests),
    target("expectations", mesh::expectations, mesh::expected),
    target("cluster", hooks::cluster, hooks::conversations),
    target("hook", hooks::hook, hooks::hooks),
    Target {
        // The exact lints and the proof of a plan still take 5 s where hundreds of pods share
        // hundreds of policies; everything else keeps to a second.
        seconds: 6,
        bytes: 200_000,
        every: 256,
        ..target("growth", growth::growth, growth::shapes)
    },
];

const BUNDLE: &[u8] = include_bytes!("../../examples/bookinfo/bundle.yaml");

pub fn source<'a>(file: &'a str, bytes: &'a [u8]) -> Source<'a> {
    Source { model: Some("m"), ..Source::new(file, bytes) }
}

fn show(input: &Input<'_>) {
    let compiled = compile(input);
    black_box(compiled.yaml());
    black_box(compiled.json());
}

fn text(bytes: &[u8]) {
    if let Ok(text) = decode_utf8(bytes) {
        let _ = black_box(parse_json(text));
        let _ = black_box(parse_any(text));
    }
}

/// What is before and after the first line that divides.
pub fn pieces<'a>(bytes: &'a [u8], line: &[u8]) -> (&'a [u8], Option<&'a [u8]>) {
    let at = bytes.windows(line.len()).position(|window| window == line);
    match at {
        Some(at) => (&bytes[..at], Some(&bytes[at + line.len()..])),
        None => (bytes, None),
    }
}

/// A bundle and its charms in one text, apart by a line of its own.
fn bundle(bytes: &[u8]) {
    let (bundle, charms) = pieces(bytes, b"\n#CHARMS\n");
    show(&Input {
        bundles: vec![source("bundle.yaml", bundle)],
        charms: vec![source("charms.yaml", charms.unwrap_or_default())],
        ..Input::default()
    });
}

fn charm(bytes: &[u8]) {
    show(&Input {
        bundles: vec![source("bundle.yaml", BUNDLE)],
        charms: vec![source("charm.yaml", bytes)],
        ..Input::default()
    });
}

fn databags(bytes: &[u8]) {
    show(&Input {
        databags: vec![source("unit.json", bytes)],
        ..Input::default()
    });
}

fn requests(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        text.lines().take(50).for_each(|line| {
            black_box(conformance::answer(line));
        });
    }
}

pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("fuzz/ is in the project")
}

/// The YAML and JSON files under a folder.
fn files(folder: &str, of: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
    fn walk(folder: &Path, of: &dyn Fn(&str) -> bool, out: &mut Vec<Vec<u8>>) {
        let mut entries: Vec<_> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|e| e.path())
            .collect();
        entries.sort();
        for path in entries {
            let name = path.to_string_lossy();
            if path.is_dir() {
                walk(&path, of, out);
            } else if (name.ends_with(".yaml") || name.ends_with(".json")) && of(&name) {
                out.extend(fs::read(&path));
            }
        }
    }
    let mut out = Vec::new();
    walk(&project().join(folder), &of, &mut out);
    assert!(!out.is_empty(), "{folder} has documents");
    out
}

fn documents() -> Vec<Vec<u8>> {
    files("examples", |_| true)
}

fn charms() -> Vec<Vec<u8>> {
    files("examples", |name| name.contains("/charms/"))
}

fn bundles() -> Vec<Vec<u8>> {
    let charms = charms().join(&b"\n---\n"[..]);
    files("examples", |name| !name.contains("/charms/"))
        .into_iter()
        .map(|bundle| [&bundle[..], b"\n#CHARMS\n", &charms[..]].concat())
        .collect()
}

/// What `juju show-unit` prints, with policies as the library writes them.
fn shown_units() -> Vec<Vec<u8>> {
    let policies = br#"[{"source_namespace": "m", "source_app_name": "web", "target_namespace": "m", "target_app_name": "db", "target_selector_labels": null, "target_service": null, "target_type": "app", "endpoints": [{"hosts": ["db"], "ports": [5432], "methods": ["GET"], "paths": ["/a*"]}]}]"#;
    let escaped = String::from_utf8_lossy(policies).replace('"', "\\\"");
    let unit = format!(
        r#"{{"beacon/0": {{"relation-info": [{{"relation-id": 3, "endpoint": "service-mesh", "related-endpoint": "service-mesh", "application-data": {{"policies": "{escaped}"}}, "related-units": {{"web/0": {{"in-scope": true, "data": {{}}}}}}}}]}}}}"#
    );
    vec![policies.to_vec(), unit.into_bytes()]
}

/// Requests of the conformance tests, some to a text.
fn recorded() -> Vec<Vec<u8>> {
    let file = project().join("tests/conformance/corpus.jsonl.gz");
    let mut text = String::new();
    let child = std::process::Command::new("gzip")
        .arg("-dc")
        .arg(file)
        .stdout(std::process::Stdio::piped())
        .spawn();
    if let Some(mut out) = child.expect("gzip is there").stdout.take() {
        out.read_to_string(&mut text).expect("the corpus is UTF-8");
    }
    let lines: Vec<&str> = text.lines().step_by(7).collect();
    lines
        .chunks(3)
        .map(|some| some.join("\n").into_bytes())
        .collect()
}
