//! Meshes: manifests and settings, and every question that is asked about them.

use crate::targets::{pieces, project, source};
use mesh_policy::analysis::diff::diff;
use mesh_policy::analysis::exact_lints::exact_lints;
use mesh_policy::analysis::expect::check;
use mesh_policy::analysis::expectation::{is_expectations, read_expectations};
use mesh_policy::analysis::lint::{expectations as lint_expectations, report};
use mesh_policy::analysis::reach::reach;
use mesh_policy::analysis::safety::{Phase, Write, prove};
use mesh_policy::analysis::{Analysis, Request};
use mesh_policy::compile::Source;
use mesh_policy::mesh::Mesh;
use mesh_policy::mesh::input::{MeshInput, read_mesh};
use mesh_policy::text::{parse_json, to_json};
use std::fs;
use std::hint::black_box;
use std::sync::OnceLock;

/// Asked of every mesh.
const REQUESTS: &str = include_str!("../seeds/requests.jsonl");
const SHOP: &[u8] = include_bytes!("../seeds/manifests/shop.yaml");

/// Manifests, and settings after a line of their own.
fn read(bytes: &[u8]) -> (Mesh, Vec<mesh_policy::diagnostic::Diagnostic>) {
    let (manifests, settings) = pieces(bytes, b"\n#SETTINGS\n");
    let settings = settings.map(|bytes| source("settings.yaml", bytes));
    read_mesh(&MeshInput {
        // With a model it would be taken for a bundle.
        files: vec![Source {
            model: None,
            ..source("mesh.yaml", manifests)
        }],
        settings: settings.into_iter().collect(),
        ..MeshInput::default()
    })
}

/// Reading, lint and requests.
pub fn mesh(bytes: &[u8]) {
    let (mesh, mut diagnostics) = read(bytes);
    let analysis = Analysis::new(mesh);
    diagnostics.extend(analysis.refusals());
    black_box(report(&analysis, &diagnostics));
    asked(&analysis, REQUESTS);
}

fn asked(analysis: &Analysis, lines: &str) {
    black_box(analysis.ask(lines));
    for line in lines.lines().take(20) {
        if let Ok(request) = Request::read(line) {
            black_box(analysis.explain(&request));
            black_box(analysis.trace_json(&request));
        }
    }
}

/// What the exact engine says about one mesh.
pub fn exact(bytes: &[u8]) {
    let analysis = Analysis::new(read(bytes).0);
    black_box(exact_lints(&analysis));
    black_box(reach(&analysis).json());
}

/// Two meshes, apart by a line of their own, and the way from one to the other.
pub fn change(bytes: &[u8]) {
    let (old, new) = pieces(bytes, b"\n#NEW\n");
    let (old, new) = (read(old).0, read(new.unwrap_or(SHOP)).0);
    let mut phases = [Phase::default(), Phase::default()];
    for policy in &new.policies {
        phases[0].writes.push(Write::Put(Box::new(policy.clone())));
    }
    for policy in &old.policies {
        phases[1].writes.push(Write::Delete {
            namespace: policy.namespace.clone(),
            name: policy.name.clone(),
        });
    }
    black_box(prove(&old, &phases).json());
    black_box(diff(&Analysis::new(old), &Analysis::new(new)).json());
}

fn shop() -> &'static Analysis {
    static SHOP_READ: OnceLock<Analysis> = OnceLock::new();
    SHOP_READ.get_or_init(|| {
        let mesh = read(SHOP).0;
        assert!(!mesh.policies.is_empty() && !mesh.workloads.is_empty());
        Analysis::new(mesh)
    })
}

pub fn requests(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        asked(shop(), text);
    }
}

pub fn expectations(bytes: &[u8]) {
    black_box(is_expectations(bytes));
    let mut diagnostics = Vec::new();
    let read = read_expectations("expectations.yaml", bytes, &mut diagnostics);
    black_box(check(shop(), &read).json());
    black_box(lint_expectations(shop(), &read));
}

// === seeds ===

pub fn meshes() -> Vec<Vec<u8>> {
    let folder = project().join("fuzz/seeds/manifests");
    let read = |name: &str| fs::read(folder.join(name)).expect("a seed");
    let settings = read("settings.yaml");
    shop();
    let mut all = vec![SHOP.to_vec(), read("sidecars.yaml")];
    all.extend(policies().iter().map(|one| {
        let apart: &[u8] = b"\n---\n";
        [SHOP, apart, one.as_bytes()].concat()
    }));
    for text in &mut all {
        text.extend_from_slice(b"\n#SETTINGS\n");
        text.extend_from_slice(&settings);
    }
    all
}

/// The policies of the probes that ask Istio itself.
fn policies() -> Vec<String> {
    let file = project().join("tests/istio/probes.jsonl");
    let text = fs::read_to_string(file).expect("the probes");
    let policy = |line: &str| {
        let document = parse_json(line).ok()?;
        to_json(document.root.get("policy")?).ok()
    };
    text.lines().filter_map(policy).collect()
}

pub fn changes() -> Vec<Vec<u8>> {
    let all = meshes();
    let next = all.iter().skip(1).chain(&all[..1]);
    let pairs = all.iter().zip(next);
    let joined = pairs.flat_map(|(old, new)| {
        [
            [&old[..], new].join(&b"\n#NEW\n"[..]),
            [&old[..], old].join(&b"\n#NEW\n"[..]),
        ]
    });
    joined.collect()
}

pub fn asked_requests() -> Vec<Vec<u8>> {
    vec![REQUESTS.as_bytes().to_vec()]
}

pub fn expected() -> Vec<Vec<u8>> {
    vec![include_bytes!("../seeds/expectations.yaml").to_vec()]
}
