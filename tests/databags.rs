//! Databags of beacons in place of bundles: `juju show-unit`, or lists of MeshPolicies.

use mesh_policy::compile::{Compiled, Input, Source, compile};
use serde_json::{Value, json};

fn compiled(model: Option<&str>, text: &str) -> Compiled {
    compile(&Input {
        databags: vec![Source {
            model,
            ..Source::new("unit.json", text)
        }],
        ..Input::default()
    })
}

fn policy(target: &str) -> Value {
    json!({"source_namespace": "far", "source_app_name": "web", "target_namespace": "shop", "target_app_name": target})
}

/// What `juju show-unit` prints of a beacon whose consumer `api` asks for policies, as the text of its databag.
fn shown(beacon: &str, policies: &str) -> Value {
    let relation = json!({
        "endpoint": "service-mesh", "related-units": {"api/0": {}}, "application-data": {"policies": policies},
    });
    json!({beacon: {"relation-info": [relation, {"endpoint": "else"}]}})
}

fn messages(compiled: &Compiled) -> Vec<&str> {
    let all = compiled.diagnostics.iter();
    all.map(|one| one.message.as_str()).collect()
}

const GIVEN: &str = "the unit is taken to be `beacon` of the model `shop`, which was given";

#[test]
fn who_is_asked_for_what() {
    let list = json!([policy("api"), policy("db")]).to_string();
    let first = "which is the first policy's target namespace";
    for (model, text, said, beacon) in [
        (
            Some("shop"),
            shown("beacon/0", &list).to_string(),
            GIVEN.to_owned(),
            "beacon",
        ),
        (
            None,
            shown("beacon/0", &list).to_string(),
            format!("the unit is taken to be `beacon` of the model `shop`, {first}"),
            "beacon",
        ),
        (
            None,
            list.clone(),
            format!("the beacon is taken to be `istio-beacon-k8s` of the model `shop`, {first}"),
            "istio-beacon-k8s",
        ),
        (
            None,
            format!("\n{list}"),
            format!("the unit is taken to be `istio-beacon-k8s` of the model `shop`, {first}"),
            "istio-beacon-k8s",
        ),
    ] {
        let compiled = compiled(model, &text);
        assert_eq!(messages(&compiled), [said], "{text}");
        let targets: Vec<_> = compiled
            .mesh_policies
            .iter()
            .filter_map(|one| one.target_app_name.as_deref())
            .collect();
        assert_eq!(targets, ["api", "db"]);
        assert_eq!(compiled.authorization_policies.len(), 2);
        let managers: Vec<_> = compiled
            .managers
            .iter()
            .map(|one| (one.application.as_str(), one.model.as_str()))
            .collect();
        assert_eq!(managers, [(beacon, "shop")]);
    }
}

#[test]
fn what_cannot_be_used() {
    let aside = |why: &str| format!("the databag of `api` is set aside: {why}");
    let twice = r#"[{"source_namespace":"far","source_namespace":"far","source_app_name":"web","target_namespace":"shop","target_app_name":"api"}]"#;
    let more = |key: &str, value: Value| {
        let mut policy = policy("api");
        if let Some(object) = policy.as_object_mut() {
            object.insert(key.to_owned(), value);
        }
        json!([policy]).to_string()
    };
    let no_name = |name: &str| format!("the name `{name}` cannot be part of an identity");
    for (policies, said, kept) in [
        ("[]".to_owned(), None, 0),
        ("{}".to_owned(), Some(aside("`policies` must hold a list, not a mapping")), 0),
        (twice.to_owned(), Some("the key `source_namespace` stands twice in the databag of `api`; the last one counts".to_owned()), 1),
        (more("source_namespace", json!("F")), Some(no_name("F")), 0),
        (more("source_app_name", json!("*")), Some(no_name("*")), 0),
        (more("target_namespace", json!("a/b")), Some(no_name("a/b")), 0),
        (more("target_app_name", json!("a_b")), Some(no_name("a_b")), 0),
        (more("target_service", json!("api-endpoints")), None, 1),
    ] {
        let compiled = compiled(Some("shop"), &shown("beacon/0", &policies).to_string());
        let said: Vec<_> = said.into_iter().chain([GIVEN.to_owned()]).collect();
        assert_eq!(messages(&compiled), said, "{policies}");
        assert_eq!(compiled.mesh_policies.len(), kept);
    }
    // The library's own words come after these.
    for (policies, start) in [
        ("{", aside("")),
        ("[1]", "policy 0: ".to_owned()),
        (
            &format!("[{}, {{}}]", policy("api")),
            "policy 1: ".to_owned(),
        ),
    ] {
        let compiled = compiled(Some("shop"), &shown("beacon/0", policies).to_string());
        let first = messages(&compiled).first().copied().unwrap_or_default();
        assert!(first.starts_with(&start), "{first}");
        assert!(compiled.dropped());
    }
    let mut lonely = shown("beacon/0", "{");
    for (units, sender) in [
        (json!({"web/3": {}, "x/0": {}}), "`web`"),
        (json!({}), "an application without units"),
    ] {
        if let Some(relation) = lonely.pointer_mut("/beacon~10/relation-info/0") {
            relation.as_object_mut().into_iter().for_each(|one| {
                one.insert("related-units".to_owned(), units.clone());
            });
        }
        let compiled = compiled(Some("shop"), &lonely.to_string());
        let first = messages(&compiled).first().copied().unwrap_or_default();
        assert!(
            first.starts_with(&format!("the databag of {sender} is set aside")),
            "{first}"
        );
    }
    let numbers = shown("beacon/0", "")
        .to_string()
        .replace("\"policies\":\"\"", "\"policies\":1");
    let numbers = compiled(Some("shop"), &numbers);
    assert_eq!(
        messages(&numbers),
        [
            aside("`policies` must be text, not an integer"),
            GIVEN.to_owned()
        ]
    );
}

#[test]
fn what_is_no_databag() {
    let list = json!([policy("api")]).to_string();
    let no_name = "the beacon's name or model cannot be part of a resource's name";
    let fits = shown("beacon/0", &list).to_string();
    for (model, text, said) in [
        (Some("shop"), "{}".to_owned(), "this holds no databags"),
        (Some("shop"), "1".to_owned(), "this holds no databags"),
        (
            Some("shop"),
            shown("beacon", &list).to_string(),
            "this holds no databags",
        ),
        (
            Some("shop"),
            r#"{"beacon/0": {"relation-info": {}}}"#.to_owned(),
            "this holds no databags",
        ),
        (Some("Shop"), fits.clone(), no_name),
        (Some("shop"), shown("B/0", &list).to_string(), no_name),
    ] {
        let compiled = compiled(model, &text);
        assert!(compiled.bad_input(), "{text}");
        assert_eq!(messages(&compiled).last(), Some(&said), "{text}");
        assert!(compiled.mesh_policies.is_empty());
    }
    // Nobody can say whose it is, and it asks for nothing.
    assert_eq!(
        messages(&compiled(None, &shown("beacon/0", "[]").to_string())),
        [""; 0]
    );
    assert!(!compiled(Some("shop"), &fits).bad_input());
}

/// What the library takes, passes by or does not see.
#[test]
fn databags_that_would_be_misread() {
    let one = |field: &str, value: Value| {
        let mut one = policy("api");
        one[field] = value;
        json!([one])
    };
    let told = |text: &str| {
        let compiled = compiled(Some("shop"), text);
        let all = compiled
            .diagnostics
            .iter()
            .map(|one| format!("{}: {}", one.code, one.message));
        let told: Vec<String> = all
            .filter(|one| !one.starts_with("model-name-assumed"))
            .collect();
        (compiled.authorization_policies.len(), told)
    };
    for (policies, made, expected) in [
        (
            one("endpoint", json!([{"ports": [80]}])),
            1,
            "misspelled-key: the key `endpoint` is not known and is ignored",
        ),
        (
            one("endpoints", json!([{"port": [80]}])),
            1,
            "misspelled-key: the key `port` is not known and is ignored",
        ),
        (
            one("endpoints", json!([{"ports": [80, true]}])),
            0,
            "invalid-policy: policy 0: a port must be a number, not a boolean",
        ),
        (
            one("target_service", json!("a b")),
            0,
            "invalid-name: the name `a b` cannot be part of an identity",
        ),
        (
            one("target_service", json!("*")),
            0,
            "invalid-name: the name `*` cannot be part of an identity",
        ),
        (
            json!([{"source_namespace": "far", "source_app_name": "web", "target_namespace": "shop", "target_type": "unit", "target_selector_labels": {"a b": "c"}}]),
            0,
            "invalid-policy: policy 0: no pod has the label `a b=c`",
        ),
    ] {
        let text = policies.to_string();
        for text in [text.clone(), shown("beacon/0", &text).to_string()] {
            let (count, all) = told(&text);
            assert_eq!(count, made, "{text}");
            assert!(all.iter().any(|one| one == expected), "{text}: {all:?}");
        }
    }
    let unit = |relation: Value| json!({"beacon/0": {"relation-info": [relation]}}).to_string();
    for (relation, expected) in [
        (
            json!(5),
            "invalid-databag: a databag of `beacon` is set aside: it must be a mapping, not an integer",
        ),
        (
            json!({"application-data": []}),
            "invalid-databag: a databag of `beacon` is set aside: it must be a mapping, not a list",
        ),
        (
            json!({"application-data": {"polices": "[]"}}),
            "misspelled-key: the key `polices` is not known and is ignored",
        ),
        (
            json!({"application-data": {}}),
            "nothing-to-read: no databag of `beacon/0` asks for a policy",
        ),
        (
            json!({"endpoint": "x", "application-data": null}),
            "nothing-to-read: no databag of `beacon/0` asks for a policy",
        ),
    ] {
        assert_eq!(told(&unit(relation)), (0, vec![expected.to_owned()]));
    }
    // What the library may say one day, and a selector as charms write it.
    let labels = json!({"app.kubernetes.io/name": "api"});
    let mut unit = json!({"source_namespace": "far", "source_app_name": "web", "target_namespace": "shop", "target_type": "unit", "target_selector_labels": labels});
    unit["mesh_type"] = json!("istio");
    assert_eq!(told(&json!([unit]).to_string()), (1, vec![]));
}
