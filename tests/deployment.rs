//! What bundles and charm files lead to: who is asked to admit whom, and what is said of what is wrong or not known.

use mesh_policy::compile::{Compiled, Input, Source, compile};

/// A mesh, one that asks, and one that admits whom it is related to.
const CHARMS: &str = "
{charm: istio-beacon-k8s, provides: {service-mesh: service_mesh}}
---
{charm: web, requires: {http: http, service-mesh: service_mesh, require-cmr-mesh: cross_model_mesh}}
---
{charm: api, provides: {http: http, provide-cmr-mesh: cross_model_mesh}, requires: {service-mesh: service_mesh}, policies: [{kind: unit, relation: http, ports: [80]}]}
";

fn compiled(bundles: &[(&str, &str)], charms: &str) -> Compiled {
    let bundles = bundles.iter().map(|(model, text)| Source {
        model: (!model.is_empty()).then_some(*model),
        ..Source::new("shop.yaml", text)
    });
    compile(&Input {
        bundles: bundles.collect(),
        charms: vec![Source::new("charms.yaml", charms)],
        databags: vec![],
    })
}

/// The policies, as `MODEL/SOURCE > MODEL/TARGET`, and the codes of what is said.
fn told(compiled: &Compiled) -> (Vec<String>, Vec<&'static str>) {
    let policies = compiled.mesh_policies.iter().map(|one| {
        let (space, name) = (&one.source_namespace, &one.source_app_name);
        let target = one.target_app_name.as_deref().unwrap_or("?");
        format!("{space}/{name} > {}/{target}", one.target_namespace)
    });
    let codes = compiled.diagnostics.iter().map(|one| one.code);
    (policies.collect(), codes.collect())
}

/// The applications that are on a mesh.
fn members(compiled: &Compiled) -> Vec<&str> {
    let all = compiled.applications.iter();
    let members = all.filter(|one| one.beacon.is_some());
    members.map(|one| one.name.as_str()).collect()
}

#[track_caller]
fn leads(bundles: &[(&str, &str)], charms: &str, policies: &[&str], codes: &[&str]) {
    let found = told(&compiled(bundles, &format!("{CHARMS}{charms}")));
    let policies = policies.iter().map(|one| (*one).to_owned()).collect();
    assert_eq!(found, (policies, codes.to_vec()), "{bundles:?} {charms}");
}

/// A bundle of `web` and `api`, related to each other, and a beacon.
fn shop(applications: &str, relations: &str) -> String {
    format!(
        "{{applications: {{web: {{charm: web}}, api: {{charm: api}}, beacon: {{charm: istio-beacon-k8s}}, {applications}}}, relations: [['web:http', 'api:http'], {relations}]}}"
    )
}

const JOINED: &str = "['api:service-mesh', 'beacon:service-mesh']";

#[test]
fn who_joins_a_mesh() {
    let other = "---\n{charm: other, provides: {mesh: service_mesh, unsaid: null, else: x}, requires: {in: service_mesh, unsaid-in: null, service-mesh: x}, mesh: {}}\n---\n{charm: bare, mesh: {}}\n---\n{charm: named, requires: {m: null}, mesh: {arguments: {mesh_relation_name: m}}}";
    let more = "odd: {charm: unknown}, odder: {charm: unknown}, other: {charm: other}, bare: {charm: bare}, named: {charm: named}";
    for (relation, joined, codes) in [
        (JOINED, &["api"][..], &[][..]),
        ("[api, beacon]", &["api"], &[]),
        ("[beacon, api]", &["api"], &[]),
        ("", &[], &[]),
        // By the interface, or by the name where the interface is not known.
        ("['api:service-mesh', 'other:mesh']", &["api"], &[]),
        ("['api:service-mesh', 'other:unsaid']", &["api"], &[]),
        (
            "['api:service-mesh', 'other:else']",
            &[],
            &["unlike-interfaces"],
        ),
        ("['api:service-mesh', 'odd:service-mesh']", &["api"], &[]),
        ("['api:service-mesh', odd]", &["api"], &[]),
        ("['api:service-mesh', 'odd:else']", &[], &[]),
        (
            "['api:http', 'beacon:service-mesh']",
            &[],
            &["unlike-interfaces"],
        ),
        ("['other:in', 'beacon:service-mesh']", &["other"], &[]),
        ("['other:unsaid-in', 'beacon:service-mesh']", &[], &[]),
        (
            "['other:service-mesh', 'beacon:service-mesh']",
            &[],
            &["unlike-interfaces"],
        ),
        ("['other:mesh', 'beacon:service-mesh']", &[], &[]),
        ("['named:m', 'beacon:service-mesh']", &["named"], &[]),
        (
            "['bare:service-mesh', 'beacon:service-mesh']",
            &["bare"],
            &["undeclared-endpoint"],
        ),
        (
            "['bare:else', 'beacon:service-mesh']",
            &[],
            &["undeclared-endpoint"],
        ),
        (
            "['odd:service-mesh', 'beacon:service-mesh']",
            &["odd"],
            &["charm-file-missing"],
        ),
        ("['odd:x', 'beacon:service-mesh']", &[], &[]),
        (
            "['odd:service-mesh', 'odder:service-mesh']",
            &["odd"],
            &["charm-file-missing"],
        ),
        // One mesh each.
        (
            "['api:service-mesh', 'beacon:service-mesh'], ['api:service-mesh', 'other:mesh']",
            &["api"],
            &["several-mesh-relations"],
        ),
        (
            "['web:service-mesh', 'beacon:service-mesh']",
            &["web"],
            &["mesh-relation-without-consumer"],
        ),
    ] {
        let compiled = compiled(
            &[("shop", &shop(more, relation))],
            &format!("{CHARMS}{other}"),
        );
        assert_eq!(members(&compiled), joined, "{relation}");
        let asks = joined.contains(&"api");
        let policies = vec!["shop/web > shop/api".to_owned(); usize::from(asks)];
        assert_eq!(told(&compiled), (policies, codes.to_vec()), "{relation}");
    }
}

#[test]
fn what_a_charm_asks_for() {
    let asks = |policy: &str, more: &str| {
        format!(
            "---\n{{charm: asks, provides: {{in: http, mesh: x}}, requires: {{service-mesh: service_mesh}}, peers: {{peers: gossip}}, policies: [{policy}], {more}}}"
        )
    };
    let mesh = "['asks:service-mesh', 'beacon:service-mesh'], ['asks:in', 'web:http']";
    let (web, itself) = ("shop/web > shop/asks", "shop/asks > shop/asks");
    let when = |when: &str| format!("{{kind: unit, relation: in, when: '{when}'}}");
    let options = "config_defaults: {a: 1, b: true}";
    for (policy, more, policies, codes) in [
        ("{kind: unit, relation: in}", "", &[web][..], &[][..]),
        ("{kind: app, relation: in, endpoints: []}", "", &[web], &[]),
        (
            "{kind: policy, relation: in, endpoints: []}",
            "",
            &[web],
            &["deprecated-policy"],
        ),
        (
            "{kind: unit, relation: peers, ports: [1]}",
            "",
            &[itself],
            &[],
        ),
        ("{kind: unit, relation: mesh}", "", &[], &[]),
        (
            "{kind: unit, relation: into}",
            "",
            &[],
            &["policy-on-undeclared-endpoint"],
        ),
        (
            "{kind: unit, relation: in}, {kind: unit, relation: peers}",
            "",
            &[web, itself],
            &[],
        ),
        ("{kind: else, relation: in}", "", &[], &["invalid-policy"]),
        ("{relation: in}", "", &[], &["invalid-policy"]),
        ("{kind: unit}", "", &[], &["invalid-policy"]),
        (
            "{kind: app, relation: in, endpoints: [{ports: [a]}]}",
            "",
            &[],
            &["invalid-policy"],
        ),
        (
            "{kind: unit, relation: in, port: [80]}",
            "",
            &[web],
            &["misspelled-key"],
        ),
        (
            "{kind: app, relation: in, endpoints: [{method: [GET], ports: [1]}]}",
            "",
            &[web],
            &["misspelled-key"],
        ),
        // What Istio refuses, or reads otherwise than is meant.
        (
            "{kind: unit, relation: in, ports: [1, 65535]}",
            "",
            &[web],
            &[],
        ),
        (
            "{kind: unit, relation: in, ports: [0, 65536]}",
            "",
            &[web],
            &["invalid-port"; 2],
        ),
        (
            "{kind: app, relation: in, endpoints: [{ports: [-1]}]}",
            "",
            &[web],
            &["invalid-port"],
        ),
        (
            "{kind: app, relation: in, endpoints: [{}]}",
            "",
            &[web],
            &["empty-operation"],
        ),
        (
            "{kind: app, relation: in, endpoints: [{ports: [], hosts: [], methods: [], paths: []}]}",
            "",
            &[web],
            &["empty-operation"],
        ),
        (
            "{kind: app, relation: in, endpoints: [{hosts: [a]}]}",
            "",
            &[web],
            &[],
        ),
        (
            "{kind: app, relation: in, endpoints: [{methods: [GET]}]}",
            "",
            &[web],
            &[],
        ),
        (
            "{kind: app, relation: in, endpoints: [{paths: [/a]}]}",
            "",
            &[web],
            &[],
        ),
        // Conditions: the bundle's options before the charm's defaults.
        (&when("always"), "", &[web], &[]),
        (&when("service-mesh related"), "", &[web], &[]),
        (&when("config a=1"), options, &[web], &[]),
        (&when("config a=2"), options, &[], &[]),
        (&when("config a=1 and b=true"), options, &[web], &[]),
        (&when("config a=1 and b=false"), options, &[], &[]),
        (&when("config c=2"), options, &[web], &[]),
        (&when("config c=1"), options, &[], &[]),
        (
            &when("config d=1"),
            options,
            &[web],
            &["conditional-policy"],
        ),
        (&when("config d=1 and config a=2"), options, &[], &[]),
        (
            &when("config a = 1"),
            options,
            &[web],
            &["conditional-policy"],
        ),
        (&when("config a"), options, &[web], &["conditional-policy"]),
        (
            &when("config a b=1"),
            options,
            &[web],
            &["conditional-policy"],
        ),
        (
            &when("config a=1 or so"),
            options,
            &[web],
            &["conditional-policy"],
        ),
        (&when("it rains"), options, &[web], &["conditional-policy"]),
    ] {
        let bundle = shop("asks: {charm: asks, options: {c: 2}}", mesh);
        leads(&[("shop", &bundle)], &asks(policy, more), policies, codes);
    }
    // Defaults that are published with a charm.
    for (charm, option, policies, codes) in [
        ("istio-k8s", "hardened-mode=false", &[web][..], &[][..]),
        ("istio-k8s", "hardened-mode=true", &[], &[]),
        ("istio-k8s", "auto-allow-waypoint-policy=true", &[web], &[]),
        ("istio-k8s", "else=true", &[web], &["conditional-policy"]),
        (
            "asks",
            "hardened-mode=false",
            &[web],
            &["conditional-policy"],
        ),
    ] {
        let file = asks(&when(&format!("config {option}")), "")
            .replace("charm: asks", &format!("charm: {charm}"));
        let bundle = shop(&format!("asks: {{charm: {charm}}}"), mesh);
        leads(&[("shop", &bundle)], &file, policies, codes);
    }
    // Of a policy that nobody gets nothing is said.
    let alone = shop(
        "asks: {charm: asks}",
        "['asks:service-mesh', 'beacon:service-mesh']",
    );
    leads(&[("shop", &alone)], &asks(&when("it rains"), ""), &[], &[]);
}

#[test]
fn what_to_write_instead() {
    let said = |endpoints: &str, policy: &str| {
        let charm =
            format!("{CHARMS}---\n{{charm: asks, {endpoints} mesh: {{}}, policies: [{policy}]}}");
        let bundle = shop(
            "asks: {charm: asks}",
            "['asks:service-mesh', 'beacon:service-mesh']",
        );
        let compiled = compiled(&[("shop", &bundle)], &charm);
        let last = compiled.diagnostics.last().cloned();
        last.map(|one| (one.message, one.help.unwrap_or_default()))
            .unwrap_or_default()
    };
    let on = |relation: &str| format!("{{kind: unit, relation: {relation}}}");
    let endpoints =
        "requires: {service-mesh: service_mesh, db: sql}, provides: {metrics-endpoint: x, in: y},";
    for (relation, names) in [
        ("metrics", "metrics-endpoint, in, service-mesh, db"),
        ("in-here", "in, metrics-endpoint, service-mesh, db"),
        ("db-else", "db, metrics-endpoint, in, service-mesh"),
        ("else", "metrics-endpoint, in, service-mesh, db"),
    ] {
        let message =
            format!("the charm `asks` has a policy on `{relation}`, which it does not declare");
        let help = format!("name one that it declares, such as {names}");
        assert_eq!(said(endpoints, &on(relation)), (message, help));
    }
    let (_, help) = said("", &on("in"));
    assert_eq!(
        help,
        "declare the endpoint under `provides`, `requires` or `peers`"
    );
    let (message, _) = said(
        endpoints,
        "{kind: app, relation: in, endpoints: [{ports: [a]}]}",
    );
    assert!(message.starts_with("`endpoints.0.ports.0`: "), "{message}");
}

#[test]
fn charm_files_that_say_something_else() {
    for (charm, codes) in [
        ("{charm: x}", &[][..]),
        ("{name: x}", &[]),
        (
            "{charm: x, provides: null, policies: null, config_defaults: null}",
            &[],
        ),
        ("{charm: x, notes: 1}", &[]),
        ("[]", &["wrong-shape"]),
        ("{}", &["wrong-shape"]),
        ("{charm: 1}", &["wrong-shape"]),
        ("{applications: {}, charm: x}", &["wrong-shape"]),
        ("{services: {}, charm: x}", &["wrong-shape"]),
        ("{charm: x, provides: []}", &["wrong-shape"]),
        ("{charm: x, policies: {}}", &["wrong-shape"]),
        ("{charm: x, policies: [1]}", &["wrong-shape"]),
        ("{charm: x, raw_policies: [1]}", &["wrong-shape"]),
        ("{charm: x, internal_mesh_policies: 1}", &["wrong-shape"]),
        ("{charm: x, config_defaults: []}", &["wrong-shape"]),
        ("{charm: x, provide: {}}", &["misspelled-key"]),
        ("{charm: x, Policies: []}", &["misspelled-key"]),
        ("{charm: x, raw-policies: []}", &["misspelled-key"]),
        ("{charm: x, charm: y}", &["duplicate-key"]),
        ("{charm: x}\n---\n{charm: x}", &["charm-given-twice"]),
    ] {
        let found = told(&compiled(
            &[("shop", &shop("", JOINED))],
            &format!("{CHARMS}---\n{charm}"),
        ));
        assert_eq!(found.1, codes, "{charm}");
    }
}

#[test]
fn bundles_that_say_something_else() {
    let fine = "applications: {api: {charm: api}}";
    let assumed = "model-name-assumed";
    for (model, bundle, codes) in [
        ("shop", format!("{{{fine}}}"), &["no-mesh"][..]),
        ("", format!("{{{fine}}}"), &[assumed, "no-mesh"]),
        ("", format!("{{name: mall, {fine}}}"), &[assumed, "no-mesh"]),
        (
            "",
            format!("{{{fine}, saas: {{a: {{url: u/far.offer}}}}}}"),
            &["model-name-required"],
        ),
        ("Shop", format!("{{{fine}}}"), &["invalid-name"]),
        ("shop", "{}".into(), &["wrong-shape"]),
        ("shop", "{applications: []}".into(), &["wrong-shape"]),
        ("shop", "{applications: {a: 1}}".into(), &["wrong-shape"]),
        (
            "shop",
            "{applications: {A: {charm: api}}}".into(),
            &["invalid-name"],
        ),
        (
            "shop",
            "{services: {a: {charm: api, options: []}}}".into(),
            &["wrong-shape"],
        ),
        (
            "shop",
            format!("{{{fine}, relations: {{}}}}"),
            &["wrong-shape"],
        ),
        (
            "shop",
            format!("{{{fine}, relations: [[api]]}}"),
            &["wrong-shape"],
        ),
        (
            "shop",
            format!("{{{fine}, relations: [[api, api, api]]}}"),
            &["wrong-shape"],
        ),
        (
            "shop",
            format!("{{{fine}, relations: [[api, 1]]}}"),
            &["wrong-shape"],
        ),
        (
            "shop",
            format!("{{{fine}, relations: [[api, nobody]]}}"),
            &["unknown-application", "no-mesh"],
        ),
        (
            "shop",
            format!("{{{fine}, {fine}}}"),
            &["duplicate-key", "no-mesh"],
        ),
        (
            "shop",
            format!("{{{fine}, saas: {{a: {{}}}}}}"),
            &["wrong-shape"],
        ),
        (
            "shop",
            format!("{{{fine}, saas: {{a: {{url: nothing}}}}}}"),
            &["invalid-saas-url", "no-mesh"],
        ),
        (
            "shop",
            format!("{{{fine}, saas: {{a: {{url: u/far.offer}}}}}}"),
            &["assumed-principal", "no-mesh"],
        ),
        (
            "shop",
            format!("{{{fine}, remote-applications: {{a: {{url: u/shop.offer}}}}}}"),
            &["unknown-offer", "no-mesh"],
        ),
        (
            "shop",
            format!("{{{fine}, saas: {{a: {{url: u/F.offer}}}}}}"),
            &["invalid-name"],
        ),
        (
            "shop",
            format!("{{{fine}, saas: {{a: {{url: u/far.O}}}}}}"),
            &["invalid-name"],
        ),
    ] {
        let found = told(&compiled(&[(model, &bundle)], CHARMS));
        assert_eq!(found.1, codes, "{bundle}");
    }
    let one = format!("{{{fine}}}");
    for (models, codes) in [
        (["a", "b"], &["no-mesh"; 2][..]),
        (["a", "a"], &["model-given-twice"]),
        (["a", ""], &["model-name-required"]),
        (["", ""], &["model-name-required"; 2]),
    ] {
        let found = told(&compiled(
            &models.map(|model| (model, one.as_str())),
            CHARMS,
        ));
        assert_eq!(found.1, codes, "{models:?}");
    }
}

#[test]
fn over_models() {
    let joined = "['api:service-mesh', 'beacon:service-mesh']";
    let near = |relations: &str| {
        format!(
            "{{applications: {{api: {{charm: api, offers: {{api: {{endpoints: [http]}}, who: {{endpoints: [provide-cmr-mesh]}}}}}}, else: {{charm: api, offers: {{else: {{endpoints: [provide-cmr-mesh]}}}}}}, beacon: {{charm: istio-beacon-k8s}}}}, saas: {{far-web: {{url: u/far.web}}}}, relations: [{joined}, {relations}]}}"
        )
    };
    let far = |relations: &str| {
        format!(
            "{{applications: {{web: {{charm: web, offers: {{web: {{endpoints: [http]}}}}}}}}, saas: {{api: {{url: u/near.api}}, who: {{url: u/near.who}}, else: {{url: u/near.else}}}}, relations: [{relations}]}}"
        )
    };
    let asks = "['web:http', 'api:http']";
    let says = "['web:require-cmr-mesh', 'who:provide-cmr-mesh']";
    let other_way = "['api:http', 'web:http'], ['who:provide-cmr-mesh', 'web:require-cmr-mesh']";
    let to_other = format!("{asks}, ['web:require-cmr-mesh', 'else:provide-cmr-mesh']");
    let missing = "cross-model-without-cmr";
    let admitted = "far/web > near/api";
    for (there, here, policies, codes) in [
        (format!("{asks}, {says}"), "", &[admitted][..], &[][..]),
        (other_way.to_owned(), "", &[admitted], &[]),
        (asks.to_owned(), "", &[], &[missing]),
        // It says who it is to another application of that model.
        (to_other, "", &[], &[missing]),
        (says.to_owned(), "", &[], &[]),
        (
            String::new(),
            "['api:http', 'far-web:http']",
            &[],
            &[missing],
        ),
        (
            String::new(),
            "['api:http', 'far-web:http'], ['api:provide-cmr-mesh', 'far-web:require-cmr-mesh']",
            &[admitted],
            &[],
        ),
    ] {
        leads(
            &[("near", &near(here)), ("far", &far(&there))],
            "",
            policies,
            codes,
        );
    }
}
