//! What there is to draw of a mesh: which boxes, and which policies are about few of them.

mod common;

use common::{analysis, policy};
use mesh_policy::analysis::overview::{Application, Overview};

const SPACE: &str = "{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}\n";

fn overview(more: &[String]) -> Overview {
    Overview::of(&analysis(&format!("{SPACE}{}", more.concat()), ""))
}

fn workload(name: &str, labels: &str) -> String {
    format!(
        "---\n{{kind: Deployment, apiVersion: apps/v1, metadata: {{name: {name}, namespace: shop}}, spec: {{template: {{metadata: {{labels: {{app: {name}, {labels}}}}}, spec: {{serviceAccountName: {name}}}}}}}}}\n"
    )
}

fn service(name: &str, labels: &str, spec: &str) -> String {
    format!(
        "---\n{{kind: Service, apiVersion: v1, metadata: {{name: {name}, namespace: shop, labels: {{{labels}}}}}, spec: {{{spec}, ports: [{{port: 80}}]}}}}\n"
    )
}

fn gateway(name: &str, namespace: &str, class: &str) -> String {
    format!(
        "---\n{{kind: Gateway, apiVersion: gateway.networking.k8s.io/v1, metadata: {{name: {name}, namespace: {namespace}}}, spec: {{gatewayClassName: {class}}}, status: {{addresses: [{{value: 10.0.0.9}}]}}}}\n"
    )
}

fn kinds(found: &Overview) -> Vec<String> {
    let all = found.applications.iter();
    let text =
        |one: &Application| format!("{} {} {}", one.kind, one.name, one.plane.unwrap_or("-"));
    all.map(text).collect()
}

#[test]
fn every_workload_is_of_a_kind() {
    let of = |label: &str, gateways: &[String]| {
        let pods = workload("one", label);
        kinds(&overview(&[vec![pods], gateways.to_vec()].concat()))
    };
    let named = "gateway.networking.k8s.io/gateway-name: way";
    let (here, there) = (
        gateway("way", "shop", "istio-waypoint"),
        gateway("way", "far", "istio-waypoint"),
    );
    let (other, ingress) = (
        gateway("other", "shop", "istio-waypoint"),
        gateway("way", "shop", "istio"),
    );
    for (label, gateways, expected) in [
        ("a: b", vec![], &["application one ambient"][..]),
        (
            "istio.io/dataplane-mode: none",
            vec![],
            &["application one none"],
        ),
        (
            "sidecar.istio.io/inject: 'true'",
            vec![],
            &["application one sidecar"],
        ),
        ("juju-modeloperator: x", vec![], &["operator one ambient"]),
        (named, vec![here.clone()], &["waypoint one ambient"]),
        (named, vec![ingress], &["gateway one ambient"]),
        // A waypoint without pods of its own is drawn by itself.
        (
            named,
            vec![there],
            &["gateway one ambient", "waypoint way -"],
        ),
        (
            named,
            vec![other],
            &["gateway one ambient", "waypoint other -"],
        ),
        (
            "a: b",
            vec![here],
            &["application one ambient", "waypoint way -"],
        ),
        (
            "a: b",
            vec![gateway("in", "shop", "istio")],
            &["application one ambient"],
        ),
    ] {
        assert_eq!(of(label, &gateways), expected, "{label} {gateways:?}");
    }
}

#[test]
fn a_service_is_its_one_workload_or_stands_alone() {
    let use_way = "istio.io/use-waypoint: way";
    let found = overview(&[
        workload("one", "tier: x"),
        workload("two", "tier: x"),
        service("first", "", "selector: {app: one}"),
        service("second", use_way, "selector: {app: one}"),
        service("both", use_way, "selector: {tier: x}"),
        service(
            "nobody",
            "istio.io/use-waypoint: gone",
            "selector: {app: zero}",
        ),
        service("heads", use_way, "clusterIP: None, selector: {app: two}"),
        gateway("way", "shop", "istio-waypoint"),
    ]);
    let seen: Vec<_> = found
        .applications
        .iter()
        .map(|one| {
            (
                one.name.as_str(),
                one.services.join(" "),
                one.waypoint.as_deref(),
                one.no_waypoint.is_some(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("one", "first second".to_owned(), Some("shop/way"), false),
            ("two", "heads".to_owned(), None, false),
            ("both", "both".to_owned(), Some("shop/way"), false),
            ("nobody", "nobody".to_owned(), None, true),
            ("way", String::new(), None, false),
        ]
    );
}

#[test]
fn policies_of_few_are_drawn_at_each_and_those_of_many_are_not() {
    for (many, drawn) in [(0, 0), (1, 1), (8, 8), (9, 0), (12, 0)] {
        let mut all: Vec<String> = (0..many)
            .map(|at| workload(&format!("w{at}"), "tier: x"))
            .collect();
        all.push(policy("p", "{selector: {matchLabels: {tier: x}}}"));
        let found = overview(&all);
        let to: Vec<_> = found
            .attached
            .iter()
            .flat_map(|one| one.to.iter().copied())
            .collect();
        assert_eq!(to, (0..drawn).collect::<Vec<_>>(), "{many}");
    }
    // Where a Service is its workload, a policy that is on both is on one.
    let target = "{targetRefs: [{kind: Service, group: '', name: one}, {kind: Service, group: '', name: more}]}";
    let found = overview(&[
        workload("one", "a: b"),
        service("one", "", "selector: {app: one}"),
        service("more", "", "selector: {app: one}"),
        policy("p", target),
    ]);
    let to: Vec<_> = found
        .attached
        .iter()
        .map(|one| (one.policy.as_str(), one.to.clone()))
        .collect();
    assert_eq!(to, [("shop/p", vec![0])]);
}
