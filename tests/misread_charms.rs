//! Bundles and charm files that must be refused, not read as something else.

use mesh_policy::compile::{Input, Source, compile};
use mesh_policy::mesh::input::{MeshInput, read_mesh};

const BUNDLE: &str = "
applications:
  web: {charm: web-k8s}
  db: {charm: web-k8s}
  beacon: {charm: istio-beacon-k8s}
relations:
- [web:service-mesh, beacon:service-mesh]
- [db:service-mesh, beacon:service-mesh]
- [web:ask, db:answer]
";
const CHARM: &str = "
charm: web-k8s
provides: {answer: {interface: http}}
requires: {ask: {interface: http}, service-mesh: {interface: service_mesh}}
mesh: {service_mesh_consumer: true, arguments: {mesh_relation_name: service-mesh}}
policies: [{kind: app, relation: answer, endpoints: [{ports: [80]}]}]
";
const BEACON: &str = "
charm: istio-beacon-k8s
provides: {service-mesh: {interface: service_mesh}}
mesh: {service_mesh_consumer: false}
";

/// What is said of a bundle and a charm file: codes, `bad` where they cannot be used, and messages.
fn compiled(bundle: &str, charm: &str) -> Vec<String> {
    let compilation = compile(&Input {
        bundles: vec![Source {
            model: Some("shop"),
            ..Source::new("b.yaml", bundle)
        }],
        charms: vec![Source::new("c.yaml", charm), Source::new("d.yaml", BEACON)],
        ..Input::default()
    });
    let told = compilation.diagnostics.iter().map(|one| {
        let bad = if one.bad_input { " bad" } else { "" };
        format!("{}{bad}: {}", one.code, one.message)
    });
    told.collect()
}

#[track_caller]
fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replace(from, to)
}

#[test]
fn bundles_that_juju_refuses() {
    assert_eq!(compiled(BUNDLE, CHARM), [""; 0]);
    let ask = "[web:ask, db:answer]";
    let web = "web: {charm: web-k8s}";
    for (from, to, expected) in [
        (
            ask,
            "[web:ask, web:answer]",
            "relation-to-itself bad: `web` is related to itself",
        ),
        (
            ask,
            "[web:ask, db:answer]\n- [db:answer, web:ask]",
            "repeated-relation: this relation is written twice",
        ),
        (
            web,
            "web: {scale: 1}",
            "wrong-shape bad: the application `web` has no `charm`",
        ),
        (
            web,
            "web: {charm: 5}",
            "wrong-shape bad: `charm` must be the name of a charm",
        ),
        (
            web,
            "web: {charm: web-k8s, options: {a: [1]}}",
            "wrong-shape bad: the option `a` must be text, a number or a boolean, not a list",
        ),
        (
            web,
            "web: {charm: web-k8s, offers: {o: {endpoints: answer}}}",
            "wrong-shape bad: the offer `o` has no list of `endpoints`",
        ),
        (
            web,
            "web: {charm: web-k8s, offers: {o: {endpoints: [5]}}}",
            "wrong-shape bad: the offer `o` has no list of `endpoints`",
        ),
        (
            web,
            "web: {charm: web-k8s, option: {a: 1}}",
            "misspelled-key: the key `option` is not known and is ignored",
        ),
        (
            web,
            "web: {charm: web-k8s, scale: -1}",
            "wrong-shape bad: `scale` must be a number of units, not `-1`",
        ),
        (
            web,
            "web: {charm: web-k8s, num_units: many}",
            "wrong-shape bad: `num_units` must be a number of units, not `many`",
        ),
        (
            web,
            "web: {charm: web-k8s, num_units: 99999999999999999999}",
            "wrong-shape bad: `num_units` must be a number of units, not `99999999999999999999`",
        ),
        (
            web,
            "web: {charm: web-k8s, offers: {o: {endpoints: [nope]}}}",
            "undeclared-endpoint: the offer `o` has `nope`, which the charm `web-k8s` does not declare",
        ),
        (
            "\nrelations:",
            "\nservices: {other: {charm: x}}\nrelations:",
            "wrong-shape bad: a bundle has `applications` or `services`, not both",
        ),
        (
            "\nrelations:",
            "\nsaas: {far: {url: a/b/c.d}}\nrelations:",
            "invalid-saas-url: `a/b/c.d` is no offer's URL",
        ),
        (
            "\nrelations:",
            "\nrelation: []\nrelations:",
            "misspelled-key: the key `relation` is not known and is ignored",
        ),
    ] {
        let said = compiled(&changed(BUNDLE, from, to), CHARM);
        assert!(said.iter().any(|one| one == expected), "{to}: {said:?}");
    }
    let both = format!("{BUNDLE}saas: {{web: {{url: admin/far.web}}}}\n");
    let said = compiled(&both, CHARM);
    assert!(
        said.iter()
            .any(|one| one.starts_with("duplicate-key bad: ")),
        "{said:?}"
    );
    // What Juju knows and is not read here.
    let more = changed(
        BUNDLE,
        web,
        "web: {charm: web-k8s, channel: edge, num_units: 0, scale: 1, trust: true, expose: true, options: {a: null, b: 1}, constraints: arch=amd64, offers: {o: {endpoints: [ask, juju-info], acl: {admin: admin}}}}",
    );
    assert_eq!(compiled(&more, CHARM), [""; 0]);
}

#[test]
fn charm_files_that_would_be_misread() {
    for (from, to, expected) in [
        (
            "relation: answer,",
            "relation: answer, when: 5,",
            "wrong-shape bad: `when` must be text, not an integer",
        ),
        (
            "relation: answer,",
            "relation: answer, when: '',",
            "wrong-shape bad: `when` must be text, not an empty string",
        ),
        (
            "ports: [80]",
            "ports: [80], verbs: [GET]",
            "unknown-key: the key `verbs` is not known and is ignored",
        ),
        (
            "kind: app,",
            "kind: app, model: far,",
            "unknown-key: the key `model` is not known and is ignored",
        ),
        (
            "service_mesh_consumer: true",
            "service_mesh_consumer: 'no'",
            "wrong-shape bad: `service_mesh_consumer` must be true or false, not a string",
        ),
        (
            "service_mesh_consumer: true",
            "consumer: true",
            "unknown-key: the key `consumer` is not known and is ignored",
        ),
        (
            "mesh_relation_name: service-mesh",
            "mesh_relation_name: 5",
            "wrong-shape bad: `mesh_relation_name` must be text, not an integer",
        ),
        (
            "mesh_relation_name: service-mesh",
            "mesh_relation: x",
            "unknown-key: the key `mesh_relation` is not known and is ignored",
        ),
        (
            "arguments: {mesh_relation_name: service-mesh}",
            "arguments: 5",
            "wrong-shape bad: `arguments` must be a mapping, not an integer",
        ),
        (
            "answer: {interface: http}",
            "answer: {interface: 5}",
            "wrong-shape bad: `interface` must be text, not an integer",
        ),
        (
            "answer: {interface: http}",
            "answer: [http]",
            "wrong-shape bad: `answer` must be a mapping with `interface`, not a list",
        ),
        (
            "ask: {interface: http}",
            "answer: {interface: sql}",
            "duplicate-key bad: the endpoint `answer` is declared twice",
        ),
        (
            "charm: web-k8s",
            "charm: ''",
            "wrong-shape bad: `charm` must be a name, not an empty string",
        ),
        (
            "charm: web-k8s",
            "charm: web-k8s\nconfig_defaults: {a: [1]}",
            "wrong-shape bad: `a` must be text, a number or a boolean, not a list",
        ),
        (
            "mesh_relation_name: service-mesh",
            "mesh_relation_name: service_mesh",
            "undeclared-endpoint: `mesh_relation_name` is `service_mesh`, which the charm does not declare",
        ),
        (
            "mesh_relation_name: service-mesh",
            "cross_model_mesh_provides_name: answers",
            "undeclared-endpoint: `cross_model_mesh_provides_name` is `answers`, which the charm does not declare",
        ),
        (
            "mesh_relation_name: service-mesh",
            "auto_join: 5",
            "wrong-shape bad: `auto_join` must be true, false or `config KEY`, not an integer",
        ),
        (
            "charm: web-k8s",
            "charm: web-k8s\nraw_policies: [{name: p, spec: [{}]}]",
            "invalid-policy: the `name` of a raw policy must be text, and its `spec` a mapping",
        ),
        (
            "charm: web-k8s",
            "charm: web-k8s\nraw_policies: [{name: p, sepc: {}}]",
            "misspelled-key: the key `sepc` is not known and is ignored",
        ),
        (
            "charm: web-k8s",
            "charm: web-k8s\nraw_policies: [{metadata: {name: p}, spec: {}}]",
            "unknown-key: the key `metadata` is not known and is ignored",
        ),
        (
            "charm: web-k8s",
            "charm: web-k8s\ninternal_mesh_policies: [{kind: app, source: web}]",
            "unknown-key: the key `source` is not known and is ignored",
        ),
        (
            "charm: web-k8s",
            "charm: web-k8s\nraw_policies: [{name: p, when: 5}]",
            "wrong-shape bad: `when` must be text, not an integer",
        ),
    ] {
        let said = compiled(BUNDLE, &changed(CHARM, from, to));
        assert!(said.iter().any(|one| one == expected), "{to}: {said:?}");
    }
    for (from, to, expected) in [
        (
            "ports: [80]",
            "ports: [true]",
            "invalid-policy: a port must be a number, not a boolean",
        ),
        (
            "relation: answer,",
            "relation: answer, service: 'a b',",
            "invalid-name: `a b` is no name of a Service",
        ),
        (
            "relation: answer,",
            "relation: answer, service: '*',",
            "invalid-name: `*` is no name of a Service",
        ),
    ] {
        let said = compiled(BUNDLE, &changed(CHARM, from, to));
        assert_eq!(said, [expected], "{to}");
    }
    let whole = changed(
        CHARM,
        "mesh: {service_mesh_consumer: true, arguments: {mesh_relation_name: service-mesh}}",
        "mesh: true",
    );
    let said = compiled(BUNDLE, &whole);
    assert!(
        said.contains(&"wrong-shape bad: `mesh` must be a mapping, not a boolean".to_owned()),
        "{said:?}"
    );
    for (from, to) in [
        (
            "relation: answer,",
            "relation: answer, relation_side: provides, when: null,",
        ),
        (
            "charm: web-k8s",
            "charm: web-k8s\nnotes: [a]\nsource: x\nsummary: a charm\nconfig_defaults: {a: null, b: 1, c: true}",
        ),
        (
            "answer: {interface: http}",
            "answer: {interface: http, optional: true, limit: 1}",
        ),
        (
            "ports: [80]",
            "ports: [80, '81', 82.0], methods: null, hosts: []",
        ),
        ("ask: {interface: http}", "ask: http"),
        (
            "arguments: {mesh_relation_name: service-mesh}",
            "arguments: null",
        ),
    ] {
        assert_eq!(compiled(BUNDLE, &changed(CHARM, from, to)), [""; 0], "{to}");
    }
}

#[test]
fn a_bundle_that_relates_nobody_to_its_beacon() {
    let (applications, _) = BUNDLE.split_once("relations:").expect("relations");
    for relations in ["", "relations: null\n", "relations: []\n"] {
        let said = compiled(&format!("{applications}{relations}"), CHARM);
        let none = "no-mesh: no application of the model `shop` is related to a mesh";
        assert_eq!(said, [none], "{relations}");
    }
}

#[test]
fn files_that_hold_nothing() {
    let said = compiled(BUNDLE, "# nothing\n");
    assert!(
        said.contains(&"nothing-to-read: this file describes no charm".to_owned()),
        "{said:?}"
    );
    for (text, expected) in [
        ("", "nothing-to-read"),
        ("[]", "nothing-to-read"),
        ("null", "wrong-shape"),
        ("{}", "wrong-shape"),
    ] {
        let compilation = compile(&Input {
            databags: vec![Source::new("d.json", text)],
            ..Input::default()
        });
        let codes: Vec<&str> = compilation.diagnostics.iter().map(|one| one.code).collect();
        assert!(codes.contains(&expected), "{text}: {codes:?}");
    }
}

/// What to write instead is said with what is wrong, at the value itself.
#[test]
fn what_to_write_instead() {
    let policies = "policies: [{kind: app, relation: answer, endpoints: [{ports: [80]}]}]";
    for (from, to, expected) in [
        ("ports: [80]", "ports: 80", "6:62 write `[80]`"),
        (
            "ports: [80]",
            "ports: [www]",
            "6:63 write a number from 1 to 65535",
        ),
        (
            "ports: [80]",
            "ports: [80, 80800]",
            "6:67 write a port from 1 to 65535",
        ),
        ("ports: [80]", "methods: [get]", "6:65 write `GET`"),
        ("ports: [80]", "methods: GET", "6:64 write `[GET]`"),
        ("ports: [80]", "methods: [fetch]", "6:65 "),
        (
            "[{ports: [80]}]",
            "{ports: [80]}",
            "6:53 write it as an entry of a list, after a dash: `- …`",
        ),
        ("consumer: true", "consumer: yes", "5:31 write `true`"),
        ("consumer: true", "consumer: off", "5:31 write `false`"),
        ("consumer: true", "consumer: maybe", "5:31 "),
        ("relation: answer, ", "", "6:12 "),
        (
            policies,
            &policies.replace("policies", "policy"),
            "6:1 write `policies`",
        ),
        (
            policies,
            &policies.replace("policies", "Policies"),
            "6:1 write `policies`",
        ),
    ] {
        let charm = changed(CHARM, from, to);
        let compilation = compile(&Input {
            bundles: vec![Source {
                model: Some("shop"),
                ..Source::new("b.yaml", BUNDLE)
            }],
            charms: vec![Source::new("c.yaml", &charm), Source::new("d.yaml", BEACON)],
            ..Input::default()
        });
        let told = compilation.diagnostics.first().map(|one| {
            let (line, column) = one.place.as_ref().map_or((0, 0), |at| (at.line, at.column));
            let help = one.help.as_deref().unwrap_or_default();
            format!("{line}:{column} {help}")
        });
        assert_eq!(
            told.as_deref(),
            Some(expected),
            "{to}: {:?}",
            compilation.diagnostics
        );
    }
    let without = compiled(BUNDLE, &changed(CHARM, "relation: answer, ", ""));
    assert_eq!(without, ["invalid-policy: `relation` is missing"]);
}

/// A file that is given as another kind is told from one that is nothing.
#[test]
fn files_given_as_something_else() {
    let objects = "{kind: Pod, apiVersion: v1, metadata: {name: a}}";
    let expectations = "[{name: a, expect: deny, to: a/b}]";
    let charmcraft = "{name: web-k8s, requires: {ask: {interface: http}}}";
    for (text, expected) in [
        (
            CHARM,
            "this is a charm file, not a bundle: give it by `--charms`",
        ),
        (
            charmcraft,
            "this is a charm file, not a bundle: give it by `--charms`",
        ),
        (
            expectations,
            "this is a file of expectations, not a bundle: give it to `mesh-policy test`",
        ),
        (
            objects,
            "this is a Kubernetes object, not a bundle: give it by `--manifests`, to a command that takes them",
        ),
        (
            "{name: web}",
            "this is no bundle: it has no `applications`: give a bundle as `juju export-bundle` prints it",
        ),
    ] {
        let compilation = compile(&Input {
            bundles: vec![Source::new("b.yaml", text)],
            ..Input::default()
        });
        let told = compilation.diagnostics.first().map(|one| {
            format!(
                "{}: {}",
                one.message,
                one.help.as_deref().unwrap_or_default()
            )
        });
        assert_eq!(told.as_deref(), Some(expected));
    }
    let input = MeshInput {
        files: vec![Source::new("c.yaml", CHARM)],
        manifests: vec![Source::new("b.yaml", BUNDLE)],
        ..MeshInput::default()
    };
    let (_, told) = read_mesh(&input);
    let told: Vec<&str> = told.iter().map(|one| one.message.as_str()).collect();
    let expected = [
        "this is a charm file, not a Kubernetes object",
        "this is a bundle, not a Kubernetes object",
    ];
    assert_eq!(told, expected);
}

/// What the files of real charms say besides, and what they leave out.
#[test]
fn less_and_more_than_the_charm() {
    for (part, instead) in [
        (
            "mesh_relation_name: service-mesh",
            "mesh_relation_name: service-mesh, cross_model_mesh_requires_name: require-cmr-mesh, cross_model_mesh_provides_name: provide-cmr-mesh",
        ),
        (
            "policies:",
            "raw_policies: [{name: p, spec: {rules: [{}]}, when: always, made_by: a library of charms}]\nnotes: [n]\nsource: {repo: r}\npolicies:",
        ),
    ] {
        let found = compiled(BUNDLE, &CHARM.replace(part, instead));
        assert_eq!(found, compiled(BUNDLE, CHARM), "{instead}");
    }
}
