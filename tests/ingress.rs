//! What an ingress charm makes beside what applications ask for: as its example file says it, which follows
//! canonical/service-mesh `charms/istio-ingress-k8s/src/charm.py`.

#![allow(clippy::expect_used, reason = "a test may end so")]

use mesh_policy::analysis::Analysis;
use mesh_policy::compile::{Compiled, Input, Source, compile};
use mesh_policy::mesh::input::{MeshInput, read_mesh};

const INGRESS: &str = include_str!("../examples/cos/charms/istio-ingress-k8s.yaml");

const CHARMS: &str = "
{charm: web, requires: {ingress: ingress, route: istio_ingress_route, service-mesh: service_mesh, auth: forward_auth}, mesh: {}}
---
{charm: auth, provides: {auth: forward_auth}}
---
{charm: istio-beacon-k8s, provides: {service-mesh: service_mesh}}
";

/// A model whose ingress stands for one of another model where it is `far`.
fn input<'a>(edge: &'a str, shop: &'a str) -> Input<'a> {
    let model = |file, text, model| Source {
        model: Some(model),
        ..Source::new(file, text)
    };
    let mut bundles = vec![model("edge.yaml", edge, "edge")];
    if !shop.is_empty() {
        bundles.push(model("shop.yaml", shop, "shop"));
    }
    Input {
        bundles,
        charms: vec![
            Source::new("charms.yaml", CHARMS),
            Source::new("ingress.yaml", INGRESS),
        ],
        databags: vec![],
    }
}

fn edge(options: &str, relations: &str) -> String {
    format!(
        "{{applications: {{blog: {{charm: web}}, shop: {{charm: web}}, auth: {{charm: auth}}, beacon: {{charm: istio-beacon-k8s}}, in: {{charm: istio-ingress-k8s, {options}}}}},
          relations: [['blog:service-mesh', 'beacon:service-mesh'], ['shop:service-mesh', 'beacon:service-mesh'], {relations}]}}"
    )
}

fn names(compiled: &Compiled) -> Vec<String> {
    let named = |policy: &mesh_policy::istio::AuthorizationPolicy| {
        let sure = if policy.annotations.is_empty() {
            ""
        } else {
            "?"
        };
        format!("{}/{}{sure}", policy.namespace, policy.name)
    };
    compiled.authorization_policies.iter().map(named).collect()
}

#[test]
fn what_its_relations_and_options_make() {
    let backends = "['in:ingress', 'blog:ingress'], ['in:istio-ingress-route', 'blog:route'], ['shop:ingress', 'in:ingress']";
    for (options, relations, expected) in [
        ("", "", &["edge/in-edge-external-traffic"][..]),
        (
            "",
            backends,
            &[
                "edge/blog-in-edge-l4?",
                "edge/shop-in-edge-l4?",
                "edge/in-edge-external-traffic",
            ],
        ),
        // Who is asked about requests is told in a databag, so this one is in doubt.
        (
            "",
            "['in:forward-auth', 'auth:auth']",
            &["edge/in-edge-external-traffic", "edge/ext-authz-in?"],
        ),
        // Applications of other models may use what is offered.
        (
            "offers: {in: {endpoints: [istio-request-auth]}}",
            "",
            &["edge/in-edge-external-traffic", "edge/deny-without-jwt-in?"],
        ),
    ] {
        let edge = edge(options, relations);
        let compiled = compile(&input(&edge, ""));
        assert_eq!(names(&compiled), expected, "{options} {relations}");
        // Of two backends one thing is said once.
        let conditional = compiled.diagnostics.iter();
        let conditional = conditional.filter(|one| one.code == "conditional-policy");
        assert!(conditional.count() <= 1, "{:?}", compiled.diagnostics);
    }
}

#[test]
fn the_addresses_of_an_option() {
    for (options, blocks) in [
        ("", "0.0.0.0/0"),
        (
            "options: {external-traffic-policy-cidrs: '10.0.0.0/8, 192.168.1.1'}",
            "10.0.0.0/8,192.168.1.1",
        ),
    ] {
        let edge = edge(options, "");
        let yaml = compile(&input(&edge, "")).yaml();
        let after = yaml.split("ipBlocks:").nth(1).unwrap_or_default();
        let listed = after
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- "));
        let listed: Vec<&str> = listed.map(|one| one.trim_matches('"')).collect();
        assert_eq!(listed.join(","), blocks, "{yaml}");
    }
}

#[test]
fn a_backend_of_another_model() {
    let edge = edge("offers: {in: {endpoints: [ingress]}}", "");
    let shop = "{saas: {in: {url: admin/edge.in}}, applications: {web: {charm: web}, beacon: {charm: istio-beacon-k8s}}, relations: [['web:ingress', 'in:ingress'], ['web:service-mesh', 'beacon:service-mesh']]}";
    let compiled = compile(&input(&edge, shop));
    assert!(
        names(&compiled).contains(&"shop/web-in-shop-l4?".to_owned()),
        "{:?}",
        names(&compiled)
    );
}

/// The gateway's pods are let in on ports that only databags name: nobody may say that they are refused.
#[test]
fn whether_the_gateway_reaches_a_backend_is_in_doubt() {
    let edge = edge("", "['in:ingress', 'blog:ingress']");
    let (mesh, _) = read_mesh(&MeshInput {
        juju: input(&edge, ""),
        ..MeshInput::default()
    });
    let analysis = Analysis::new(mesh);
    let mut answers = Vec::new();
    for (client, target) in [("in-istio", "blog"), ("in-istio", "shop"), ("in", "blog")] {
        let request = format!(
            "{{\"from\": {{\"namespace\": \"edge\", \"serviceAccount\": \"{client}\"}}, \"to\": {{\"pod\": \"edge/{target}\"}}, \"port\": 80}}"
        );
        let answer: serde_json::Value =
            serde_json::from_str(&analysis.ask(&request)).expect("an answer");
        answers.push(answer["verdict"].as_str().unwrap_or_default().to_owned());
        if (client, target) == ("in-istio", "blog") {
            assert_eq!(answer["depends"], serde_json::json!(["conditional-policy"]));
            let layer = answer.pointer("/ways/0/layers/0/policy").cloned();
            assert_eq!(layer, Some("edge/blog-in-edge-l4".into()), "{answer}");
        }
    }
    assert_eq!(answers, ["depends", "denied", "denied"]);
}
