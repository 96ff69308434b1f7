//! Every limit of the core in docs/limits.md: what is just within it is taken, and what is beyond has its code.
//! Those of hosts are in tests/node/limits.test.mjs, those of conversations with a cluster in tests/kube.rs.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may end so"
)]

use mesh_policy::analysis::diff::diff;
use mesh_policy::analysis::lint::lint;
use mesh_policy::analysis::reach::{Reach, reach};
use mesh_policy::analysis::{Analysis, Request};
use mesh_policy::compile::{Compiled, Input, Source, compile};
use mesh_policy::diagnostic::Diagnostic;
use mesh_policy::labels::{LabelFormat, charm_kubernetes_label};
use mesh_policy::mesh::Mesh;
use mesh_policy::mesh::input::{MeshInput, read_mesh};
use mesh_policy::text::{MAX_ALIAS_NODES, MAX_DEPTH, parse_any, parse_json, parse_yaml};
use std::fmt::Write;

fn source<'a>(file: &'a str, text: &'a str) -> Source<'a> {
    Source {
        model: (file == "bundle.yaml").then_some("shop"),
        ..Source::new(file, text)
    }
}

fn read(manifests: &str) -> (Mesh, Vec<Diagnostic>) {
    read_mesh(&MeshInput {
        manifests: vec![source("mesh.yaml", manifests)],
        ..MeshInput::default()
    })
}

fn analysis(manifests: &str) -> Analysis {
    let (mesh, diagnostics) = read(manifests);
    assert!(
        diagnostics.iter().all(|one| !one.bad_input),
        "{diagnostics:?}"
    );
    Analysis::new(mesh)
}

// === what is read ===

#[test]
fn nesting() {
    let json = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let yaml = |depth: usize| "- ".repeat(depth) + "a";
    for (name, text) in [("JSON", json as fn(usize) -> String), ("YAML", yaml)] {
        assert!(parse_any(&text(MAX_DEPTH)).is_ok(), "{name}");
        let error = parse_any(&text(MAX_DEPTH + 1)).expect_err(name);
        assert_eq!(error.code, "nested-too-deeply", "{name}");
        let error = parse_any(&text(100_000)).expect_err(name);
        assert_eq!(error.code, "nested-too-deeply", "{name}");
    }
    assert_eq!(MAX_DEPTH, 200);
}

#[test]
fn aliases() {
    // A list and its 999 numbers, once for the anchor and once for each alias.
    let text = |aliases: usize| {
        let list = vec!["1"; 999].join(",");
        format!("a: &a [{list}]\nb: [{}]\n", vec!["*a"; aliases].join(","))
    };
    let within = MAX_ALIAS_NODES / 1000 - 1;
    assert!(parse_yaml(&text(within)).is_ok());
    let error = parse_yaml(&text(within + 1)).expect_err("too many");
    assert_eq!(error.code, "too-many-aliases");
    assert_eq!(MAX_ALIAS_NODES, 1_000_000);
}

#[test]
fn lists_within_lists() {
    let text = |depth: usize| {
        let object = r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n"}}"#;
        (0..depth).fold(object.to_owned(), |inner, _| {
            format!(r#"{{"apiVersion":"v1","kind":"List","items":[{inner}]}}"#)
        })
    };
    let (mesh, diagnostics) = read(&text(4));
    assert_eq!((mesh.namespaces.len(), diagnostics.len()), (1, 0));
    let (mesh, diagnostics) = read(&text(5));
    assert!(mesh.namespaces.is_empty());
    assert!(
        diagnostics
            .iter()
            .any(|one| one.code == "wrong-shape" && one.bad_input)
    );
}

// === names ===

fn shop(client: &str, server: &str) -> Compiled {
    let bundle = format!(
        "applications: {{{client}: {{charm: client}}, {server}: {{charm: server}}, beacon: {{charm: istio-beacon-k8s}}}}
relations: [['{client}:data', '{server}:data'], ['{server}:service-mesh', 'beacon:service-mesh']]
"
    );
    let charm = "charm: server
provides: {data: {interface: data}}
requires: {service-mesh: {interface: service_mesh}}
policies: [{kind: unit, relation: data, ports: [80]}]
";
    compile(&Input {
        bundles: vec![source("bundle.yaml", &bundle)],
        charms: vec![source("charm.yaml", charm)],
        databags: Vec::new(),
    })
}

#[test]
fn names_of_applications() {
    assert_eq!(shop(&"a".repeat(63), "b").authorization_policies.len(), 1);
    let beyond = shop(&"a".repeat(64), "b");
    let invalid = beyond
        .diagnostics
        .iter()
        .find(|one| one.code == "invalid-name");
    assert!(invalid.is_some_and(|one| one.bad_input));
    assert!(beyond.authorization_policies.is_empty());
    // What a message quotes is cut.
    let long = shop(&"a".repeat(500), "b");
    let message = &long.diagnostics[0].message;
    assert!(message.contains(&("a".repeat(80) + "…")) && !message.contains(&"a".repeat(81)));
}

#[test]
fn names_of_policies() {
    let long = |letter: &str| letter.repeat(200);
    let policy = mesh_policy::model::MeshPolicy {
        source_namespace: long("n"),
        source_app_name: long("s"),
        target_namespace: long("m"),
        target_app_name: Some(long("t")),
        target_selector_labels: None,
        target_service: None,
        target_type: mesh_policy::model::PolicyTargetType::App,
        endpoints: Vec::new().into(),
    };
    let name = mesh_policy::istio::policy_name("beacon", "shop", &policy);
    let parts: Vec<String> = ["s", "n", "t"].map(|letter| letter.repeat(30)).into();
    assert!(
        name.starts_with(&format!("beacon-shop-policy-{}-", parts.join("-"))),
        "{name}"
    );
    assert!(name.len() <= 253);
    let mut other = policy;
    other.target_namespace.push('x');
    assert_ne!(
        mesh_policy::istio::policy_name("beacon", "shop", &other),
        name
    );
}

#[test]
fn values_of_labels() {
    let label = |model: &str| {
        charm_kubernetes_label(model, "app", LabelFormat::default()).expect("is made")
    };
    assert_eq!(label(&"m".repeat(59)), format!("{}.app", "m".repeat(59)));
    assert_eq!(label(&"m".repeat(60)).len(), 63);
    assert_ne!(label(&"m".repeat(60)), label(&"m".repeat(61)));
}

#[test]
fn names_in_requests() {
    let request = |length: usize| {
        let line = format!(
            r#"{{"from":null,"to":{{"service":"shop/{}"}},"port":80}}"#,
            "s".repeat(length)
        );
        Request::read(&line)
    };
    assert!(request(253).is_ok());
    let (_, message) = request(254).expect_err("too long");
    assert!(message.contains("no name"), "{message}");
}

#[test]
fn digits_of_integers() {
    let policy = |digits: usize| {
        let text = format!(r#"{{"relation":"r","ports":["{}"]}}"#, "9".repeat(digits));
        let document = parse_json(&text).expect("is JSON");
        let errors =
            mesh_policy::model::validate_unit_policy(&document.root).expect_err("is no port");
        errors[0].kind
    };
    // As pydantic: what is too long is not read as a number at all.
    assert_ne!(policy(4300), policy(4301));
    assert_eq!(policy(4301), "int_parsing_size");
}

// === policies, as Istio limits them ===

fn refused(rule: &str) -> bool {
    let text = format!(
        "{MESH}---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: p, namespace: shop}}\nspec: {{targetRefs: [{{kind: Service, group: '', name: web}}], rules: [{rule}]}}\n"
    );
    lint(&analysis(&text))
        .iter()
        .any(|one| one.code == "refused-policy")
}

#[test]
fn what_istio_refuses() {
    let accounts = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("shop/a{at}")).collect();
        format!(
            "{{from: [{{source: {{serviceAccounts: [{}]}}}}]}}",
            names.join(",")
        )
    };
    assert!(!refused(&accounts(16)));
    assert!(refused(&accounts(17)));
    let account = |length: usize| {
        format!(
            "{{from: [{{source: {{serviceAccounts: ['{}']}}}}]}}",
            "a".repeat(length)
        )
    };
    assert!(!refused(&account(320)));
    assert!(refused(&account(321)));
}

#[test]
fn what_envoy_refuses() {
    let found = |length: usize| {
        let text = format!(
            "{MESH}---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: p, namespace: shop}}\nspec: {{targetRefs: [{{kind: Service, group: '', name: web}}], rules: [{{to: [{{operation: {{paths: ['/{}/{{*}}']}}}}]}}]}}\n",
            "a".repeat(length)
        );
        lint(&analysis(&text))
            .iter()
            .any(|one| one.message.contains("Envoy"))
    };
    // A slash before, a slash and a star after.
    assert!(!found(253));
    assert!(found(254));
}

// === the exact engine ===

const MESH: &str = "apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: way}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: way, namespace: shop}
spec: {gatewayClassName: istio-waypoint}
status: {addresses: [{value: 10.0.0.9}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: shop, labels: {app: web}}
spec: {serviceAccountName: web}
";

/// A mesh whose Service `web` has one policy with these rules.
fn guarded(rules: &str) -> Analysis {
    analysis(&format!(
        "{MESH}---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: p, namespace: shop}}\nspec: {{targetRefs: [{{kind: Service, group: '', name: web}}], rules: [{rules}]}}\n"
    ))
}

fn is_solved(found: &Reach) -> bool {
    for one in &found.not_solved {
        assert!(one.why.contains("too complex"), "{}", one.why);
    }
    found.not_solved.is_empty()
}

#[test]
fn fields_of_a_target() {
    let rules = |count: usize| {
        let conditions: Vec<String> = (0..count)
            .map(|at| format!("{{key: 'request.headers[x-{at}]', values: [a]}}"))
            .collect();
        format!("{{when: [{}]}}", conditions.join(","))
    };
    assert!(is_solved(&reach(&guarded(&rules(60)))));
    let beyond = guarded(&rules(201));
    assert!(!is_solved(&reach(&beyond)));
    // Nothing is claimed of what is not compared.
    let found = diff(&beyond, &guarded(&rules(202)));
    assert!(!found.equivalent);
    assert_eq!((found.granted.len(), found.revoked.len()), (0, 0));
    assert!(!found.not_compared.is_empty());
}

#[test]
fn classes_of_a_field() {
    // Each beginning can go with each end: as many classes as pairs.
    let rules = |count: usize| {
        let mut paths = Vec::new();
        for at in 0..count {
            paths.push(format!("'/{at}x*'"));
            paths.push(format!("'*x{at}y'"));
        }
        format!("{{to: [{{operation: {{paths: [{}]}}}}]}}", paths.join(","))
    };
    assert!(is_solved(&reach(&guarded(&rules(20)))));
    assert!(!is_solved(&reach(&guarded(&rules(150)))));
}

#[test]
fn descriptions_of_what_is_granted() {
    let rules = |count: usize| {
        let mut rules = String::new();
        for at in 0..count {
            let _ = write!(
                rules,
                "{{to: [{{operation: {{paths: [/p{at}], methods: [M{at}]}}}}]}},"
            );
        }
        rules
    };
    let rows = |count: usize| {
        let found = reach(&guarded(&rules(count)));
        let way: Vec<_> = found
            .rows
            .iter()
            .filter(|row| row.via == "waypoint")
            .collect();
        (
            way.len(),
            way.iter()
                .any(|row| row.what.ends_with("and more of the same")),
        )
    };
    assert_eq!(rows(40), (40, false));
    assert_eq!(rows(41), (40, true));
    let changes = |count: usize| {
        let found = diff(&guarded(""), &guarded(&rules(count)));
        let way: Vec<_> = found
            .granted
            .iter()
            .filter(|one| one.via == "waypoint")
            .collect();
        (
            way.len(),
            way.iter()
                .any(|one| one.text.ends_with("and more of the same")),
        )
    };
    assert_eq!(changes(24), (24, false));
    assert_eq!(changes(25), (24, true));
}

#[test]
fn aliases_of_a_trust_domain() {
    let config = |many: usize| {
        let aliases = vec!["a"; many].join(",");
        let text = format!(
            r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"istio","namespace":"istio-system"}},"data":{{"mesh":"trustDomainAliases: [{aliases}]"}}}}"#
        );
        let input = MeshInput {
            manifests: vec![Source::new("mesh.yaml", &text)],
            ..MeshInput::default()
        };
        read_mesh(&input).1.iter().any(|one| one.bad_input)
    };
    assert!(!config(1000));
    assert!(config(1001));
}
