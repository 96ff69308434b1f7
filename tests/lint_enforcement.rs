//! What lint says about who enforces a policy, and what it keeps to itself where somebody does or nothing is known.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use common::{analysis, policy};
use mesh_policy::analysis::Analysis;
use mesh_policy::analysis::lint::{code, lint, report};
use mesh_policy::diagnostic::Diagnostic;

/// A namespace whose pods are carried as `label` says, with a Service `web` that uses a waypoint.
fn shop(label: &str) -> String {
    format!(
        "
{{kind: Namespace, apiVersion: v1, metadata: {{name: shop, labels: {{{label}}}}}}}
---
{{kind: Pod, apiVersion: v1, metadata: {{name: web-0, namespace: shop, labels: {{app: web}}}}, spec: {{serviceAccountName: web}}}}
---
{{kind: Service, apiVersion: v1, metadata: {{name: web, namespace: shop, labels: {{istio.io/use-waypoint: way}}}}, spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}}}
---
{{kind: Gateway, apiVersion: gateway.networking.k8s.io/v1, metadata: {{name: way, namespace: shop}}, spec: {{gatewayClassName: istio-waypoint}}, status: {{addresses: [{{value: 10.0.0.9}}]}}}}
"
    )
}

const AMBIENT: &str = "istio.io/dataplane-mode: ambient";
const SIDECARS: &str = "istio-injection: enabled";
/// Pods of this namespace are outside the mesh.
const OUTSIDE: &str = "istio.io/dataplane-mode: none";

const GET: &str = "rules: [{to: [{operation: {methods: [GET]}}]}]";
const ANY_PORT: &str = "rules: [{to: [{operation: {ports: ['80']}}]}]";
/// Istio accepts it, Envoy does not.
const BAD_TEMPLATE: &str = "rules: [{to: [{operation: {paths: ['/{*}//']}}]}]";

const TO_SERVICE: &str = "targetRefs: [{kind: Service, group: '', name: web}]";

/// The findings of one code, in their order.
#[track_caller]
fn of(code: &str, manifests: &str) -> Vec<String> {
    told(code, &analysis(manifests, ""))
}

fn told(code: &str, analysis: &Analysis) -> Vec<String> {
    let found = lint(analysis).into_iter().filter(|one| one.code == code);
    found.map(|one| one.message).collect()
}

fn moved(policy: &str, namespace: &str) -> String {
    policy.replace("namespace: shop", &format!("namespace: {namespace}"))
}

#[test]
fn what_enforces_nothing() {
    let dry = |spec: &str| {
        policy("p", spec).replace(
            "namespace: shop",
            "namespace: shop, annotations: {istio.io/dry-run: 'true'}",
        )
    };
    let pods = format!("{{selector: {{matchLabels: {{app: web}}}}, {GET}}}");
    // Nobody misses what is dropped of it at ztunnel.
    let at_pods = |text: &str| format!("{}{text}", shop(AMBIENT));
    assert_eq!(
        of(code::ALLOW_DENIES_ALL, &at_pods(&policy("p", &pods))).len(),
        1
    );
    assert!(of(code::ALLOW_DENIES_ALL, &at_pods(&dry(&pods))).is_empty());
    let audit = policy("p", &pods.replace("rules", "action: AUDIT, rules"));
    assert!(of(code::ACTION_NOT_ENFORCED, &at_pods(&audit)).is_empty());
    // It is part of what Envoy loads, where there is an Envoy.
    for (label, attached, refuses) in [
        (AMBIENT, TO_SERVICE, true),
        (AMBIENT, "selector: {matchLabels: {app: web}}", false),
        (SIDECARS, "selector: {matchLabels: {app: web}}", true),
    ] {
        let spec = format!("{{{attached}, {BAD_TEMPLATE}}}");
        let text = format!("{}{}", shop(label), dry(&spec));
        let found = of(code::ENVOY_REFUSES, &text).len();
        assert_eq!(found == 1, refuses, "{label} {attached}");
    }
}

#[test]
fn who_enforces_at_pods_cannot_be_known() {
    let web = "selector: {matchLabels: {app: web}}";
    let lonely = "---\n{kind: Pod, apiVersion: v1, metadata: {name: web-0, namespace: shop, labels: {app: web}}}\n";
    let deny = "action: DENY, rules: [{to: [{operation: {methods: [GET], ports: ['80']}}]}]";
    for (mesh, rules, unknown) in [
        // No pod at all, or one of which nothing is said.
        (String::new(), GET, true),
        (lonely.to_owned(), GET, true),
        // Of this rule ztunnel drops nothing, and sees less.
        (lonely.to_owned(), deny, true),
        // All the same for ztunnel and a sidecar.
        (lonely.to_owned(), ANY_PORT, false),
        (shop(SIDECARS), GET, false),
        (shop(AMBIENT), GET, false),
        (shop(OUTSIDE), GET, false),
    ] {
        let text = format!("{mesh}{}", policy("p", &format!("{{{web}, {rules}}}")));
        let found = of(code::CANNOT_VERIFY, &text);
        let found = found.iter().filter(|one| one.contains("who enforces"));
        assert_eq!(found.count() == 1, unknown, "{text}");
    }
}

#[test]
fn selectors_without_labels() {
    let all = |spec: &str| format!("{}{}", shop(AMBIENT), policy("p", spec));
    assert_eq!(of(code::EMPTY_SELECTOR, &all("{selector: {}}")).len(), 1);
    // This one selects the whole namespace, with ztunnel too.
    let whole = all(&format!("{{selector: {{matchLabels: {{}}}}, {GET}}}"));
    assert!(of(code::EMPTY_SELECTOR, &whole).is_empty());
    assert_eq!(of(code::ALLOW_DENIES_ALL, &whole).len(), 1);
}

#[test]
fn policies_of_the_root_namespace_are_for_all_pods() {
    let free = policy("p", &format!("{{{GET}}}"));
    let web = policy(
        "p",
        &format!("{{selector: {{matchLabels: {{app: web}}}}, {GET}}}"),
    );
    let other = policy(
        "p",
        &format!("{{selector: {{matchLabels: {{app: no}}}}, {GET}}}"),
    );
    for (policy, namespace, drops, no_workload) in [
        (&free, "shop", 1, 0),
        (&free, "istio-system", 1, 0),
        (&free, "far", 0, 0),
        (&web, "shop", 1, 0),
        (&web, "istio-system", 1, 0),
        (&web, "far", 0, 0),
        (&other, "shop", 0, 1),
        (&other, "istio-system", 0, 1),
        // Of the pods there nothing is known.
        (&other, "far", 0, 0),
    ] {
        let text = format!("{}{}", shop(AMBIENT), moved(policy, namespace));
        let found = (
            of(code::ALLOW_DENIES_ALL, &text).len(),
            of(code::NO_WORKLOAD, &text).len(),
        );
        assert_eq!(found, (drops, no_workload), "{namespace} {policy}");
    }
    let none = of(code::CANNOT_VERIFY, &moved(&other, "istio-system"));
    assert!(
        none.iter()
            .any(|one| one.contains("a pod of `istio-system`")),
        "{none:?}"
    );
}

#[test]
fn the_class_of_waypoints() {
    let class = |name: &str| {
        policy(
            "p",
            &format!(
                "{{targetRefs: [{{kind: GatewayClass, group: gateway.networking.k8s.io, name: {name}}}], {GET}}}"
            ),
        )
    };
    for (class, namespace, found) in [
        (class("istio-waypoint"), "shop", 1),
        (class("istio-waypoint"), "istio-system", 0),
        // Nothing is said of classes that are not Istio's waypoints.
        (class("other"), "shop", 0),
        (class("other"), "istio-system", 0),
    ] {
        let text = format!("{}{}", shop(AMBIENT), moved(&class, namespace));
        let analysis = analysis(&text, "rootNamespace: istio-system");
        assert_eq!(told(code::NOT_ENFORCED, &analysis).len(), found, "{text}");
    }
}

#[test]
fn services_and_their_waypoints() {
    let target = policy("p", &format!("{{{TO_SERVICE}, {GET}}}"));
    let beside = |label: &str| {
        format!(
            "---\n{{kind: Pod, apiVersion: v1, metadata: {{name: web-1, namespace: shop, labels: {{app: web, {label}}}}}}}\n"
        )
    };
    let missing =
        shop(AMBIENT).replace("name: way, namespace: shop", "name: other, namespace: shop");
    let empty = shop(SIDECARS).replace("selector: {app: web}", "selector: {app: nobody}");
    for (mesh, expected) in [
        (shop(AMBIENT), None),
        (shop(SIDECARS), Some("have sidecars")),
        // Some pods are on ambient; and there may be pods that the input does not have.
        (
            format!(
                "{}{}",
                shop(SIDECARS),
                beside("sidecar.istio.io/inject: 'false', istio.io/dataplane-mode: ambient")
            ),
            None,
        ),
        (empty, None),
        (missing, Some("the waypoint `shop/way` is not there")),
        (
            shop(AMBIENT).replace(", labels: {istio.io/use-waypoint: way}", ""),
            Some("uses no waypoint"),
        ),
    ] {
        let found = of(code::NOT_ENFORCED, &format!("{mesh}{target}"));
        assert_eq!(
            found.len(),
            usize::from(expected.is_some()),
            "{mesh} {found:?}"
        );
        assert!(
            found
                .iter()
                .all(|one| one.contains(expected.unwrap_or_default())),
            "{found:?}"
        );
    }
}

#[test]
fn gateways_of_other_namespaces() {
    let to = |name: &str| {
        policy(
            "p",
            &format!(
                "{{targetRefs: [{{kind: Gateway, group: gateway.networking.k8s.io, name: {name}}}], {GET}}}"
            ),
        )
    };
    let more = "---\n{kind: Gateway, apiVersion: gateway.networking.k8s.io/v1, metadata: {name: front, namespace: edge}, spec: {gatewayClassName: istio-waypoint}}\n---\n{kind: Gateway, apiVersion: gateway.networking.k8s.io/v1, metadata: {name: last, namespace: end}, spec: {gatewayClassName: istio-waypoint}}\n";
    let codes = |policy: &str| -> Vec<String> {
        let text = format!("{}{more}{policy}", shop(AMBIENT));
        [
            code::NOT_ENFORCED,
            code::TARGET_NOT_FOUND,
            code::CANNOT_VERIFY,
        ]
        .iter()
        .flat_map(|code| of(code, &text))
        .collect()
    };
    let [found] = codes(&to("front")).try_into().expect("one");
    assert!(
        found.contains("the Gateway `front` is in `edge`"),
        "{found}"
    );
    assert!(codes(&to("way")).is_empty());
    // A namespace that has others, and one that has none.
    let [found] = codes(&to("wya")).try_into().expect("one");
    assert_eq!(found, "there is no Gateway `wya` in `shop`");
    let [found] = codes(&moved(&to("wya"), "far")).try_into().expect("one");
    assert!(
        found.starts_with("cannot verify that `far` has a Gateway"),
        "{found}"
    );
}

#[test]
fn pods_past_their_waypoint() {
    let guard = policy("guard", &format!("{{{TO_SERVICE}, {GET}}}"));
    let open = |mesh: &Analysis| told(code::POD_ADDRESS_OPEN, mesh).len();
    let mesh = shop(AMBIENT);
    assert_eq!(open(&analysis(&format!("{mesh}{guard}"), "")), 1);
    // The pods' own address leads through the waypoint too.
    let both = mesh
        .replace(
            "labels: {app: web}}",
            "labels: {app: web, istio.io/use-waypoint: way}}",
        )
        .replace(
            "metadata: {name: way, namespace: shop}",
            "metadata: {name: way, namespace: shop, labels: {istio.io/waypoint-for: all}}",
        );
    assert_eq!(open(&analysis(&format!("{both}{guard}"), "")), 0);
    // A policy that may not be there guards nothing for sure.
    let perhaps = analysis(&format!("{mesh}{guard}"), "");
    let mut perhaps = perhaps.mesh;
    for policy in &mut perhaps.policies {
        policy.when = Some("a condition".into());
    }
    assert_eq!(open(&Analysis::new(perhaps)), 0);
}

#[test]
fn services_open_through_their_waypoint() {
    let pods = |name: &str, from: &str| {
        let source = format!("from: [{{source: {{principals: ['{from}']}}}}]");
        policy(
            name,
            &format!("{{selector: {{matchLabels: {{app: web}}}}, rules: [{{{source}}}]}}"),
        )
    };
    let open = |manifests: &str, settings: &str| {
        told(
            code::SERVICE_OPEN,
            &analysis(&format!("{}{manifests}", shop(AMBIENT)), settings),
        )
        .len()
    };
    let client = pods("guard", "cluster.local/ns/shop/sa/client");
    let auto = "autoAllowWaypoint: true";
    assert_eq!(open(&client, auto), 1);
    // Without istiod's own policy the pods refuse the waypoint.
    assert_eq!(open(&client, ""), 0);
    // Somebody wrote what istiod would, and wants everybody to come through the waypoint.
    let way = pods("way", "cluster.local/ns/shop/sa/way");
    assert_eq!(open(&way, ""), 0);
    assert_eq!(open(&format!("{client}{way}"), ""), 1);
    assert_eq!(open(&pods("all", "*"), auto), 0);
    // Anything at the waypoint: it holds, or what it lets through is not known.
    for (action, rules) in [
        ("ALLOW", "[]"),
        ("ALLOW", "[{}]"),
        ("DENY", "[{to: [{operation: {methods: [PUT]}}]}]"),
    ] {
        let at = policy(
            "at",
            &format!("{{{TO_SERVICE}, action: {action}, rules: {rules}}}"),
        );
        assert_eq!(open(&format!("{client}{at}"), auto), 0, "{action} {rules}");
    }
    assert_eq!(
        open(&client, "{autoAllowWaypoint: true, hardenedMode: true}"),
        0
    );
    // A policy that may not be there guards nothing for sure.
    let mut perhaps = analysis(&format!("{}{client}", shop(AMBIENT)), auto).mesh;
    for policy in &mut perhaps.policies {
        policy.when = Some("a condition".into());
    }
    assert_eq!(told(code::SERVICE_OPEN, &Analysis::new(perhaps)).len(), 0);
}

#[test]
fn findings_about_policies_that_stand_in_no_file() {
    let same = moved(&policy("closed", "{}"), "istio-system");
    let analysis = analysis(&format!("{}{same}", shop(AMBIENT)), "hardenedMode: true");
    let found = lint(&analysis);
    let found = found.iter().find(|one| one.code == code::DUPLICATE_POLICY);
    assert_eq!(found.expect("one").place, None);
}

#[test]
fn a_report_says_each_refusal_once() {
    let refused = policy("p", "{rules: [{to: [{operation: {}}]}]}");
    let analysis = analysis(&format!("{}{refused}", shop(AMBIENT)), "");
    let input = [
        Diagnostic::error(code::REFUSED, "told already"),
        Diagnostic::warning("another", "of the input"),
    ];
    let found = report(&analysis, &input);
    let of = |code: &str| found.iter().filter(|one| one.code == code).count();
    assert_eq!((of("another"), of(code::REFUSED)), (1, 1), "{found:?}");
    assert!(found.iter().all(|one| one.message != "told already"));
}
