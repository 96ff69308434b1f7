//! Documents that mean nothing are said to, each at its place.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use mesh_policy::analysis::expectation::read_expectations;
use mesh_policy::compile::{Input, Source, compile};
use mesh_policy::diagnostic::{Diagnostic, MOST_DIAGNOSTICS};
use mesh_policy::mesh::Mesh;
use mesh_policy::mesh::input::{MeshInput, read_mesh};

fn manifests(text: &str) -> (Mesh, Vec<Diagnostic>) {
    read_mesh(&MeshInput {
        manifests: vec![Source::new("m.yaml", text)],
        ..MeshInput::default()
    })
}

/// `FILE:LINE:COLUMN CODE` of each.
fn told(diagnostics: &[Diagnostic]) -> Vec<String> {
    let one = |one: &Diagnostic| {
        let place = one.place.as_ref().expect("a place");
        format!(
            "{}:{}:{} {}",
            place.file, place.line, place.column, one.code
        )
    };
    diagnostics.iter().map(one).collect()
}

fn policy(metadata: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {metadata}\nspec: {{}}\n"
    )
}

#[test]
fn objects_with_names_that_no_cluster_takes_are_left_out() {
    let long = format!("{{name: {}, namespace: n}}", "a".repeat(100_000));
    for (metadata, place) in [
        ("{name: '*', namespace: n}", "3:18"),
        ("{name: a/b, namespace: n}", "3:18"),
        ("{name: A, namespace: n}", "3:18"),
        (r#"{name: "a\0b", namespace: n}"#, "3:18"),
        (r#"{name: "a\u202eb", namespace: n}"#, "3:18"),
        (r#"{name: "a\r\nb", namespace: n}"#, "3:18"),
        ("{name: __proto__, namespace: n}", "3:18"),
        ("{name: 5, namespace: n}", "3:18"),
        ("{name: '', namespace: n}", "3:18"),
        ("{name: a, namespace: n.m}", "3:32"),
        ("{name: a, namespace: ''}", "3:32"),
        ("{name: a, namespace: [n]}", "3:32"),
        ("{namespace: n}", "1:1"),
        ("5", "1:1"),
        (&long, "3:18"),
    ] {
        let (mesh, diagnostics) = manifests(&policy(metadata));
        assert_eq!(
            told(&diagnostics),
            [format!("m.yaml:{place} invalid-name")],
            "{metadata:.60}"
        );
        assert!(diagnostics[0].message.chars().count() < 200);
        assert!(mesh.policies.is_empty(), "{metadata:.60}");
    }
    for metadata in [
        "{name: a.b-c.0, namespace: n}",
        "{name: a}",
        "{name: a, namespace: null}",
    ] {
        let (mesh, diagnostics) = manifests(&policy(metadata));
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        assert_eq!(mesh.policies.len(), 1);
    }
}

#[test]
fn a_namespace_is_a_label_and_other_kinds_need_no_name() {
    let namespace = |name| format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n");
    assert!(manifests(&namespace("a-b")).1.is_empty());
    assert_eq!(
        told(&manifests(&namespace("a.b")).1),
        ["m.yaml:3:18 invalid-name"]
    );
    let kustomization =
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n";
    assert!(manifests(kustomization).1.is_empty());
}

#[test]
fn a_key_that_stands_twice_warns_in_manifests() {
    let text =
        policy("{name: a, namespace: n}").replace("spec: {}", "spec: {action: DENY}\nspec: {}");
    assert_eq!(told(&manifests(&text).1), ["m.yaml:5:1 duplicate-key"]);
}

#[test]
fn text_in_another_encoding_is_told_to_be_saved() {
    for (bytes, help) in [
        (&b"\xff\xfek\0"[..], "this is UTF-16: save it as UTF-8"),
        (&b"\xfe\xff\0k"[..], "this is UTF-16: save it as UTF-8"),
        (&b"kind: \xe9"[..], "save it as UTF-8"),
    ] {
        let (_, diagnostics) = read_mesh(&MeshInput {
            manifests: vec![Source {
                bytes,
                ..Source::new("m.yaml", "")
            }],
            ..MeshInput::default()
        });
        assert_eq!(diagnostics.len(), 1);
        assert_eq!(diagnostics[0].code, "invalid-utf-8");
        assert_eq!(diagnostics[0].help.as_deref(), Some(help));
    }
}

#[test]
fn a_file_without_documents_is_told() {
    for text in ["", "# nothing\n", "---\n---\n", "~"] {
        assert_eq!(
            told(&manifests(text).1),
            ["m.yaml:1:1 nothing-to-read"],
            "{text:?}"
        );
    }
}

const BUNDLE: &str = "applications: {web: {charm: web}}\n";

fn compiled(overlay: &str, charms: &str) -> Vec<Diagnostic> {
    let overlay = Source {
        overlay: true,
        ..Source::new("over.yaml", overlay)
    };
    let base = Source {
        model: Some("shop"),
        ..Source::new("base.yaml", BUNDLE)
    };
    compile(&Input {
        bundles: vec![base, overlay],
        charms: if charms.is_empty() {
            Vec::new()
        } else {
            vec![Source::new("charms.yaml", charms)]
        },
        ..Input::default()
    })
    .diagnostics
}

#[test]
fn an_overlay_is_one_and_its_places_are_its_own() {
    let bad = |diagnostics: &[Diagnostic]| diagnostics.iter().any(|one| one.bad_input);
    for text in [
        "applications: {web: {scale: 2}}",
        "relations: []",
        "machines: {}",
        "variables: {a: 1}",
    ] {
        assert!(!bad(&compiled(text, "")), "{text}");
    }
    for text in ["kind: Service", "expectations: 5", "{}"] {
        let diagnostics = compiled(text, "");
        assert!(bad(&diagnostics), "{text}");
        assert!(
            told(&diagnostics).contains(&"over.yaml:1:1 wrong-shape".to_owned()),
            "{diagnostics:?}"
        );
    }
    let diagnostics = compiled("applications:\n  A*: {charm: a}\n", "");
    assert_eq!(told(&diagnostics), ["over.yaml:2:3 invalid-name"]);
    let diagnostics = compiled("saas:\n  db: {url: \"admin/M*.db\"}\n", "");
    assert_eq!(told(&diagnostics), ["over.yaml:2:3 invalid-name"]);
}

#[test]
fn a_bundle_is_no_charm_file() {
    let diagnostics = compiled("relations: []", "name: shop\napplications: {}\n");
    assert!(
        told(&diagnostics).contains(&"charms.yaml:1:1 wrong-shape".to_owned()),
        "{diagnostics:?}"
    );
}

#[test]
fn a_million_faults_are_bounded_and_still_make_the_input_bad() {
    let text = "---\n5\n".repeat(MOST_DIAGNOSTICS + 20_000);
    let (_, diagnostics) = manifests(&text);
    assert_eq!(diagnostics.len(), MOST_DIAGNOSTICS + 1);
    let last = diagnostics.last().expect("the sum");
    assert_eq!((last.code, last.bad_input), ("more-diagnostics", true));
    let databags = compile(&Input {
        databags: vec![Source::new("d.yaml", &text)],
        ..Input::default()
    });
    assert_eq!(databags.diagnostics.len(), MOST_DIAGNOSTICS + 1);
    assert!(databags.bad_input());
    let mut diagnostics = Vec::new();
    read_expectations("e.yaml", text.as_bytes(), &mut diagnostics);
    assert_eq!(diagnostics.len(), MOST_DIAGNOSTICS + 1);
}
