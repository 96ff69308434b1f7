//! What looks wrong in what charms declare, and what charms make themselves.

use mesh_policy::compile::{Compiled, Input, Source, compile};

/// A mesh, and one that reads metrics and asks.
const CHARMS: &str = "
{charm: istio-beacon-k8s, provides: {service-mesh: service_mesh}}
---
{charm: web, requires: {http: http, scrape: prometheus_scrape, into: ingress, from: kafka_client}, provides: {in: ingress, out: kafka_client}}
---
";

/// `own` is on the mesh, and related to `web` as the relation says.
fn compiled(charm: &str, relation: &str, more: &str) -> Compiled {
    let source = |file, text, model| -> Source<'_> {
        Source {
            model,
            ..Source::new(file, text)
        }
    };
    let bundle = format!(
        "{{applications: {{web: {{charm: web}}, own: {{charm: own}}, beacon: {{charm: istio-beacon-k8s}}, {more}}}, relations: [['own:service-mesh', 'beacon:service-mesh'], {relation}]}}"
    );
    let charms = format!("{CHARMS}{charm}");
    compile(&Input {
        bundles: vec![source("bundle.yaml", &bundle, Some("shop"))],
        charms: vec![source("charms.yaml", &charms, None)],
        databags: vec![],
    })
}

#[test]
fn declarations() {
    let charm = |policies: &str, more: &str| {
        format!(
            "{{charm: own, provides: {{http: http, out: kafka_client, in: ingress, metrics: prometheus_scrape}}, requires: {{service-mesh: service_mesh, from: kafka_client, into: ingress, ask: http}}, peers: {{peers: x}}, policies: [{policies}], mesh: {{}}, {more}}}"
        )
    };
    let unit = |relation: &str| format!("{{kind: unit, relation: {relation}}}");
    let app = |endpoint: &str| format!("{{kind: app, relation: http, endpoints: [{endpoint}]}}");
    let old = |endpoint: &str| format!("{{kind: policy, relation: http, endpoints: [{endpoint}]}}");
    let raw = "raw_policies: [{name: x, spec: {}}]";
    let internal =
        "internal_mesh_policies: [{kind: unit, source_app: '{app}', target_app: '{app}'}]";
    let (http, scrape) = ("['own:http', 'web:http']", "['own:metrics', 'web:scrape']");
    for (policy, more, relation, lints) in [
        (unit("http"), "", http, &[][..]),
        // The side that connects is not let in, it goes out.
        (
            unit("from"),
            "",
            "['own:from', 'web:out']",
            &["policy-on-wrong-side"],
        ),
        (unit("out"), "", "['own:out', 'web:from']", &[]),
        (
            unit("in"),
            "",
            "['own:in', 'web:into']",
            &["policy-on-wrong-side"],
        ),
        (unit("into"), "", "['own:into', 'web:in']", &[]),
        (unit("ask"), "", "['own:ask', 'web:http']", &[]),
        (unit("peers"), "", "", &["policy-on-peer-relation"]),
        (unit("http"), "", "", &["policy-without-relation"]),
        (
            unit("http") + ", " + &unit("http"),
            "",
            "",
            &["policy-without-relation"],
        ),
        (unit("nothing"), "", "", &[]),
        // An empty list of ports looks like none, and means all.
        (
            "{kind: unit, relation: http, ports: []}".into(),
            "",
            http,
            &["empty-port-list"],
        ),
        (
            "{kind: unit, relation: http, ports: [1]}".into(),
            "",
            http,
            &[],
        ),
        (
            app("{ports: [], methods: [GET]}"),
            "",
            http,
            &["empty-port-list"],
        ),
        (
            app("{ports: [], paths: [/a]}"),
            "",
            http,
            &["empty-port-list"],
        ),
        (
            app("{ports: [], hosts: [a]}"),
            "",
            http,
            &["empty-port-list"],
        ),
        (
            app("{ports: [], methods: [], hosts: [], paths: []}"),
            "",
            http,
            &[],
        ),
        (app("{ports: [1], methods: [GET]}"), "", http, &[]),
        (app("{methods: [GET]}"), "", http, &[]),
        (
            old("{ports: [], methods: [GET]}"),
            "",
            http,
            &["empty-port-list"],
        ),
        (old("{ports: [1], methods: [GET]}"), "", http, &[]),
        // Metrics that are related and that nobody may read.
        (String::new(), "", scrape, &["metrics-without-policy"]),
        (unit("metrics"), "", scrape, &[]),
        (String::new(), raw, scrape, &[]),
        (String::new(), internal, scrape, &[]),
        (String::new(), "", "", &[]),
    ] {
        let compiled = compiled(&charm(&policy, more), relation, "");
        let codes: Vec<_> = compiled.lints.iter().map(|one| one.code).collect();
        assert_eq!(codes, lints, "{policy} {more} {relation}");
    }
    // Not of what is on no mesh, and not where another model may relate it.
    let offered = "other: {charm: own, offers: {o: {endpoints: [http]}}}";
    let found = compiled(
        &charm(&unit("http"), ""),
        "['other:metrics', 'web:scrape']",
        offered,
    );
    assert_eq!(found.lints, []);
}

#[test]
fn policies_that_a_charm_makes_itself() {
    let made = |key: &str, policy: &str, mesh: bool| {
        let charm = format!(
            "{{charm: own, provides: {{cluster: own_cluster, http: http}}, requires: {{service-mesh: service_mesh}}, mesh: {{}}, {key}: [{policy}]}}\n---\n{{charm: worker, requires: {{cluster: own_cluster, http: http}}}}"
        );
        let charm = if mesh {
            charm
        } else {
            charm.replace("service_mesh}", "x}")
        };
        let relations = "['own:cluster', 'read:cluster'], ['own:cluster', 'write:cluster'], ['own:http', 'other:http']";
        let workers = "read: {charm: worker}, write: {charm: worker}, other: {charm: worker}";
        let compiled = compiled(&charm, relations, workers);
        let names = compiled
            .authorization_policies
            .iter()
            .map(|one| format!("{}/{}", one.namespace, one.name));
        let codes = compiled
            .diagnostics
            .iter()
            .map(|one| one.code)
            .filter(|code| *code != "unlike-interfaces");
        (names.collect::<Vec<_>>(), codes.collect::<Vec<_>>())
    };
    let raw = |policy: &str| made("raw_policies", policy, true);
    let all =
        |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    for (policy, names, codes) in [
        ("{name: x, spec: {}}", &["shop/x"][..], &[][..]),
        ("{name: x, namespace: far}", &["far/x"], &[]),
        (
            "{name: '{app}-of-{model}', spec: {}}",
            &["shop/own-of-shop"],
            &[],
        ),
        ("{name: '{coordinator}', spec: {}}", &["shop/own"], &[]),
        // For each worker, wherever it is named.
        (
            "{name: 'to-{each worker app}', spec: {}}",
            &["shop/to-read", "shop/to-write"],
            &[],
        ),
        (
            "{name: x, spec: {a: ['{each worker app}']}}",
            &["shop/x", "shop/x"],
            &[],
        ),
        (
            "{name: x, spec: {'{each worker app}': 1}}",
            &["shop/x", "shop/x"],
            &[],
        ),
        (
            "{name: x, spec: {a: {b: '{each worker app}'}}}",
            &["shop/x", "shop/x"],
            &[],
        ),
        // What the input does not say.
        ("{name: '{grafana}', spec: {}}", &[], &["unfilled-template"]),
        ("{spec: {}}", &[], &["unfilled-template"]),
        (
            "{name: x, when: it rains}",
            &["shop/x"],
            &["conditional-policy"],
        ),
        ("{name: x, when: always}", &["shop/x"], &[]),
        (
            "{name: x, when: config a=1 and service-mesh related}",
            &["shop/x"],
            &["conditional-policy"],
        ),
    ] {
        assert_eq!(raw(policy), (all(names), codes.to_vec()), "{policy}");
    }
    // A coordinator makes MeshPolicies while it is on a mesh, other policies always.
    let internal = "{kind: unit, source_app: '{each worker app}', target_app: '{app}', endpoints: [{ports: [80]}]}";
    assert_eq!(made("internal_mesh_policies", internal, true).0.len(), 2);
    assert_eq!(made("internal_mesh_policies", internal, false).0.len(), 0);
    assert_eq!(made("raw_policies", "{name: x}", false).0.len(), 1);
    for wrong in [
        "{kind: else, source_app: a, target_app: b}",
        "{kind: unit, target_app: b}",
        "{kind: app, source_app: a}",
        "{kind: app, source_app: a, target_app: b, endpoints: [{ports: [x]}]}",
        "{kind: unit, source_app: a, target_app: b, endpoints: [{methods: [GET]}]}",
    ] {
        let found = made("internal_mesh_policies", wrong, true);
        assert_eq!(found, (vec![], vec!["unfilled-template"]), "{wrong}");
    }
}
