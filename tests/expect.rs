//! What a failed expectation says: which requests speak against it, and because of which policies; how expectations are read,
//! and which policies they leave untouched.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use mesh_policy::analysis::Analysis;
use mesh_policy::analysis::expect::{Report, check};
use mesh_policy::analysis::expectation::{is_expectations, read_expectations};
use mesh_policy::analysis::lint;
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
    asked_of(MESH, expectations)
}

fn asked_of(mesh: &str, expectations: &str) -> Report {
    let (mesh, _) = read_mesh(&MeshInput {
        manifests: vec![Source::new("mesh.yaml", mesh)],
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

#[test]
fn policies_that_no_expectation_touches_are_named() {
    let to = |rest: &str| format!("- {{expect: deny, to: 'pod:shop/web-0', {rest}}}\n");
    let outside = to("from: [outside], method: PUT");
    for (expectations, untouched) in [
        // Clients without identity meet `closed` alone.
        (outside.clone(), &["shop/readers", "shop/far"][..]),
        (
            to("from: [cos/grafana], method: GET, path: /metrics"),
            &["shop/closed", "shop/far"],
        ),
        (to("from: [any]"), &["shop/far"]),
        (
            to("from: [any], port: 80, method: PUT"),
            &["shop/readers", "shop/closed", "shop/far"],
        ),
        (outside + &to("from: [cos/x], port: 9090"), &["shop/far"]),
    ] {
        // One that selects nothing that is there, one that no request meets, one that Istio refuses.
        let more = "
---
{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: far, namespace: shop}, spec: {selector: {matchLabels: {app: far}}, rules: [{}]}}
---
{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: never, namespace: shop}, spec: {action: DENY, rules: [{to: [{operation: {paths: [/x/../y]}}]}]}}
---
{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: refused, namespace: shop}, spec: {rules: [{to: [{operation: {}}]}]}}
";
        let report = asked_of(&format!("{MESH}{more}"), &expectations);
        assert_eq!(report.untouched, untouched, "{expectations}");
    }
}

#[test]
fn a_port_that_a_service_has_not_is_denied() {
    let service = "
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 9090}]}
";
    let mesh = format!("{MESH}{service}");
    for (expect, port, passes) in [
        ("allow", 7, false),
        ("deny", 7, true),
        ("allow", 9090, true),
        ("deny", 9090, false),
    ] {
        let text = format!(
            "- {{expect: {expect}, from: [cos/x], to: shop/web, port: {port}, method: GET, path: /a}}\n"
        );
        let report = asked_of(&mesh, &text);
        assert_eq!(report.passed == 1, passes, "{text} {}", report.json());
    }
    // Nobody is meant.
    let report = asked("- {expect: deny, from: [cos/x], except: [cos/*], to: 'pod:shop/web-0'}\n");
    let why = report.results.first().and_then(|one| one.why.as_deref());
    assert!(
        why.is_some_and(|why| why.starts_with("no request is meant")),
        "{why:?}"
    );
    // `mesh` is whoever has an identity.
    let report = asked(
        "- {expect: deny, from: [mesh], except: [cos/*, shop/*], to: 'pod:shop/web-0'}\n- {expect: deny, from: [mesh], to: 'pod:shop/web-0'}\n",
    );
    assert_eq!((report.passed, report.failed), (1, 1));
}

#[test]
fn what_is_written_wrong_is_refused() {
    for (rest, right) in [
        ("to: a/b, from: [cos/x]", true),
        ("to: a/b, from: cos/*", true),
        ("to: a/b, from: mesh", true),
        ("to: a/b, from: [Cos/x]", false),
        ("to: a/b, from: [cos/]", false),
        ("to: a/b, from: [/x]", false),
        ("to: a/b, from: [cos/x/y]", false),
        ("to: 'pod:a/b'", true),
        ("to: 'service:a/b'", true),
        ("to: 'else:a/b'", false),
        ("to: /b", false),
        ("to: a/", false),
        ("to: a/b/c", false),
        ("to: a/b, method: GET", true),
        ("to: a/b, method: ''", false),
        ("to: a/b, path: /x", true),
        ("to: a/b, path: x", false),
        ("to: a/b, port: 65535", true),
        ("to: a/b, port: 65536", false),
    ] {
        let text = format!("- {{expect: deny, {rest}}}\n");
        let mut diagnostics = Vec::new();
        let found = read_expectations("e.yaml", text.as_bytes(), &mut diagnostics);
        assert_eq!(
            (found.len() == 1, diagnostics.is_empty()),
            (right, right),
            "{text}"
        );
    }
}

#[test]
fn files_of_expectations_are_known_by_their_beginning() {
    let one = "- {expect: deny, to: a/b}\n";
    for (text, is) in [
        (one.to_owned(), true),
        (format!("\n\n{one}"), true),
        (format!("# a comment\n{one}"), true),
        (format!("---\n{one}"), true),
        (format!("# a\n\n---\n  # b\n{one}"), true),
        ("[{expect: deny, to: a/b}]".to_owned(), true),
        ("- {kind: Pod}\n".to_owned(), false),
        ("# a comment\n".to_owned(), false),
        (format!("kind: Pod\n---\n{one}"), false),
    ] {
        assert_eq!(is_expectations(text.as_bytes()), is, "{text:?}");
    }
}

/// They hold, or fail, whatever the policies are.
#[test]
fn expectations_of_nobody_are_told() {
    let more = "
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 80}, {port: 81}]}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: client, namespace: shop}}
";
    let (mesh, _) = read_mesh(&MeshInput {
        manifests: vec![Source::new("mesh.yaml", &format!("{MESH}{more}"))],
        ..MeshInput::default()
    });
    let analysis = Analysis::new(mesh);
    let told = |rest: &str| {
        let mut diagnostics = Vec::new();
        let text = format!("- {{expect: deny, {rest}}}\n");
        let list = read_expectations("e.yaml", text.as_bytes(), &mut diagnostics);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        let found = lint::expectations(&analysis, &list);
        let told = found.iter().map(|one| {
            assert!(one.place.is_some() && one.help.is_some());
            format!("{}: {}", one.code, one.message)
        });
        told.collect::<Vec<_>>()
    };
    for (rest, expected) in [
        (
            "to: shop/web, port: 8080",
            "unknown-port: the Service `web` has no port `8080`, so nothing reaches it there: it has 80, 81",
        ),
        (
            "to: shop/web, from: [shop/cleint]",
            "unknown-service-account: no workload of `shop` runs as `cleint`",
        ),
        (
            "to: shop/web, except: [shop/cleint]",
            "unknown-service-account: no workload of `shop` runs as `cleint`",
        ),
        (
            "to: shop/web, from: [cso/grafana]",
            "unknown-namespace: the input has no namespace `cso`",
        ),
        (
            "to: shop/web, from: cso/*",
            "unknown-namespace: the input has no namespace `cso`",
        ),
        (
            "to: shop/web, method: get",
            "odd-method: `get` is another method than `GET`: case counts",
        ),
        (
            "to: shop/web, method: GTE",
            "odd-method: `GTE` is no method of HTTP",
        ),
    ] {
        assert_eq!(told(rest), [expected], "{rest}");
    }
    for rest in [
        "to: shop/web, port: 81, method: GET, from: [shop/client, shop/*]",
        // Its namespace is not described, and a policy names it.
        "to: shop/web, from: [cos/grafana, cos/*, mesh, outside, any]",
        // What a pod listens on is not all said.
        "to: 'pod:shop/web-0', port: 9",
    ] {
        assert_eq!(told(rest), [""; 0], "{rest}");
    }
}

/// Each is about one port: the others cost nothing. It took minutes.
#[test]
fn a_service_with_thousands_of_ports() {
    let ports: Vec<String> = (1..=3000).map(|port| format!("{{port: {port}}}")).collect();
    let mesh = format!(
        "{MESH}---\n{{apiVersion: v1, kind: Service, metadata: {{name: web, namespace: shop}}, spec: {{selector: {{app: web}}, ports: [{}]}}}}\n",
        ports.join(", ")
    );
    let expectations: Vec<String> = (1..=200)
        .map(|at| {
            format!(
                "- {{expect: deny, from: [outside], to: shop/web, port: {}}}\n",
                at * 30
            )
        })
        .collect();
    let report = asked_of(&mesh, &expectations.concat());
    // Nobody outside is let in, and of half of the ports the Service has none.
    assert_eq!((report.passed, report.failed), (200, 0));
}
