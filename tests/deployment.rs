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
    let source = |file, text| -> Source<'_> {
        Source {
            file,
            bytes: str::as_bytes(text),
            model: None,
            overlay: false,
        }
    };
    let bundles = bundles.iter().map(|(model, text)| Source {
        model: (!model.is_empty()).then_some(*model),
        ..source("shop.yaml", text)
    });
    compile(&Input {
        bundles: bundles.collect(),
        charms: vec![source("charms.yaml", charms)],
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
    let admitted = "shop/web > shop/api";
    let other = "---\n{charm: other, provides: {mesh: service_mesh, unsaid: null, else: x}, requires: {in: service_mesh, unsaid-in: null, service-mesh: x}, mesh: {}}";
    let unknown = "odd: {charm: unknown}, odder: {charm: unknown}, other: {charm: other}";
    for (relation, policies, codes) in [
        (JOINED, &[admitted][..], &[][..]),
        ("[api, beacon]", &[admitted], &[]),
        ("[beacon, api]", &[admitted], &[]),
        ("", &[], &[]),
        // By the interface, or by the name where the interface is not known.
        ("['api:service-mesh', 'other:mesh']", &[admitted], &[]),
        ("['api:service-mesh', 'other:unsaid']", &[admitted], &[]),
        (
            "['api:service-mesh', 'other:else']",
            &[],
            &["unlike-interfaces"],
        ),
        ("['api:service-mesh', 'odd:service-mesh']", &[admitted], &[]),
        ("['api:service-mesh', odd]", &[admitted], &[]),
        ("['api:service-mesh', 'odd:else']", &[], &[]),
        (
            "['api:http', 'beacon:service-mesh']",
            &[],
            &["unlike-interfaces"],
        ),
        ("['other:in', 'beacon:service-mesh']", &[], &[]),
        ("['other:unsaid-in', 'beacon:service-mesh']", &[], &[]),
        (
            "['other:service-mesh', 'beacon:service-mesh']",
            &[],
            &["unlike-interfaces"],
        ),
        (
            "['odd:service-mesh', 'beacon:service-mesh']",
            &[],
            &["charm-file-missing"],
        ),
        ("['odd:x', 'beacon:service-mesh']", &[], &[]),
        (
            "['odd:service-mesh', 'odder:service-mesh']",
            &[],
            &["charm-file-missing"],
        ),
        // One mesh each.
        (
            "['api:service-mesh', 'beacon:service-mesh'], ['api:service-mesh', 'other:mesh']",
            &[admitted],
            &["several-mesh-relations"],
        ),
        (
            "['web:service-mesh', 'beacon:service-mesh']",
            &[],
            &["mesh-relation-without-consumer"],
        ),
    ] {
        leads(
            &[("shop", &shop(unknown, relation))],
            other,
            policies,
            codes,
        );
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
        (&when("it rains"), options, &[web], &["conditional-policy"]),
    ] {
        let bundle = shop("asks: {charm: asks, options: {c: 2}}", mesh);
        leads(&[("shop", &bundle)], &asks(policy, more), policies, codes);
    }
    // Of a policy that nobody gets nothing is said.
    let alone = shop(
        "asks: {charm: asks}",
        "['asks:service-mesh', 'beacon:service-mesh']",
    );
    leads(&[("shop", &alone)], &asks(&when("it rains"), ""), &[], &[]);
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
            "{{applications: {{api: {{charm: api, offers: {{api: {{endpoints: [http]}}, who: {{endpoints: [provide-cmr-mesh]}}}}}}, beacon: {{charm: istio-beacon-k8s}}}}, saas: {{far-web: {{url: u/far.web}}}}, relations: [{joined}, {relations}]}}"
        )
    };
    let far = |relations: &str| {
        format!(
            "{{applications: {{web: {{charm: web, offers: {{web: {{endpoints: [http]}}}}}}}}, saas: {{api: {{url: u/near.api}}, who: {{url: u/near.who}}}}, relations: [{relations}]}}"
        )
    };
    let asks = "['web:http', 'api:http']";
    let says = "['web:require-cmr-mesh', 'who:provide-cmr-mesh']";
    let missing = "cross-model-without-cmr";
    let admitted = "far/web > near/api";
    for (there, here, policies, codes) in [
        (format!("{asks}, {says}"), "", &[admitted][..], &[][..]),
        (asks.to_owned(), "", &[], &[missing]),
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
