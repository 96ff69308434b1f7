//! A charm's hook as a host passes it across the boundary: JSON text in, JSON text out. What it leads to is in `tests/consumer.rs`
//! and `tests/ownership.rs`.

use mesh_policy::juju::request::{consumer, provider};
use serde_json::{Value, json};

/// Joins objects; what is `null` in the second is left out.
fn with(base: &Value, changes: &Value) -> Value {
    let mut all = base.as_object().cloned().unwrap_or_default();
    for (key, value) in changes.as_object().into_iter().flatten() {
        match value {
            Value::Null => all.remove(key),
            value => all.insert(key.clone(), value.clone()),
        };
    }
    Value::Object(all)
}

/// A leading unit of `api`, with a mesh that speaks, on the event of relation 1.
fn unit(event: &str) -> Value {
    json!({
        "app": "api", "model": "shop", "leader": true, "event": {"name": event, "relationId": 1},
        "relations": [
            {"endpoint": "service-mesh", "id": 1, "app": "beacon", "remote": {"labels": "{\"a\":\"b\"}", "mesh_type": "\"istio\""}},
            {"endpoint": "http", "id": 2, "app": "web", "crossModel": false, "remote": {}},
        ],
    })
}

fn options() -> Value {
    json!({
        "meshRelationName": "service-mesh", "crossModelMeshRequiresName": "require-cmr-mesh",
        "crossModelMeshProvidesName": "provide-cmr-mesh", "policies": [{"kind": "unit", "relation": "http", "ports": [80]}],
    })
}

fn asked(respond: fn(&str) -> String, todo: &str, unit: &Value, options: &Value) -> Value {
    let request = json!({"do": todo, "unit": unit, "options": options});
    serde_json::from_str(&respond(&request.to_string())).unwrap_or_default()
}

/// The actions of an answer, by name.
fn actions(answer: &Value) -> Vec<&str> {
    let actions = answer["actions"].as_array().into_iter().flatten();
    actions.filter_map(|one| one["action"].as_str()).collect()
}

#[test]
fn a_consumer() {
    let run = asked(consumer, "run", &unit("relation_changed"), &options());
    assert_eq!(
        run,
        json!({
            "actions": [{
                "action": "reconcile-labels", "appName": "api", "namespace": "shop",
                "labelConfigmapName": "juju-service-mesh-api-labels", "labels": {"a": "b"},
            }],
            "diagnostics": [], "enabled": true, "labels": {"a": "b"}, "meshType": "istio",
        })
    );
    for (event, changes, expected) in [
        ("relation_created", json!({}), &["set-app-data"][..]),
        ("relation_broken", json!({}), &["remove-labels"]),
        (
            "relation_changed",
            json!({"autoJoin": true}),
            &["reconcile-labels"],
        ),
        ("relation_changed", json!({"autoJoin": false}), &[]),
    ] {
        let answer = asked(consumer, "run", &unit(event), &with(&options(), &changes));
        assert_eq!(actions(&answer), expected, "{event} {changes}");
    }
    let written = asked(consumer, "update", &unit("config_changed"), &options());
    assert_eq!(written["actions"][0]["relationId"], 1);
    let policies = written["actions"][0]["data"]["policies"]
        .as_str()
        .unwrap_or_default();
    assert!(
        policies.contains(r#""source_app_name": "web""#),
        "{policies}"
    );
    let seen = asked(consumer, "inspect", &unit("relation_changed"), &options());
    assert_eq!((actions(&seen), &seen["enabled"]), (vec![], &json!(true)));
    let follower = with(&unit("relation_created"), &json!({"leader": false}));
    assert_eq!(
        actions(&asked(consumer, "run", &follower, &options())),
        [""; 0]
    );
    let endpoints = asked(consumer, "endpoints", &unit("x"), &options());
    assert_eq!(
        endpoints,
        json!({
            "endpoints": ["http", "provide-cmr-mesh", "require-cmr-mesh", "service-mesh"],
            "read": ["service-mesh", "provide-cmr-mesh"],
        })
    );
    // Who is known to live in another model has to say who it is.
    let mut far = unit("relation_created");
    far["relations"][1]["crossModel"] = json!(true);
    let answer = asked(consumer, "update", &far, &options());
    assert_eq!(answer["diagnostics"][0]["code"], "cross-model-without-cmr");
    let mut unreadable = unit("relation_changed");
    unreadable["relations"][0]["unreadable"] = json!("no permission");
    let answer = asked(consumer, "run", &unreadable, &options());
    assert_eq!(answer["diagnostics"][0]["code"], "invalid-databag");
}

#[test]
fn a_consumer_by_its_charm_file() {
    let of = |text: &str| json!({"charm": {"file": "charm.yaml", "text": text}});
    let charm = |more: &str| {
        of(&format!(
            "{{charm: api, provides: {{http: http}}, requires: {{service-mesh: service_mesh}}, policies: [{{kind: unit, relation: http, ports: [80]}}{more}}}"
        ))
    };
    let update = |options: &Value| asked(consumer, "update", &unit("x"), options);
    for (more, codes) in [
        ("]", &[][..]),
        (", {kind: unit, relation: http, when: always}]", &[]),
        (
            ", {kind: unit, relation: http, when: it rains}]",
            &["conditional-policy"],
        ),
    ] {
        let answer = update(&charm(more));
        let told = answer["diagnostics"].as_array().into_iter().flatten();
        let told: Vec<_> = told.filter_map(|one| one["code"].as_str()).collect();
        assert_eq!(
            (actions(&answer), told),
            (vec!["set-app-data"], codes.to_vec()),
            "{answer}"
        );
    }
    for (more, expected) in [
        ("]", &["reconcile-labels"][..]),
        (
            "], mesh: {arguments: {auto_join: true}}",
            &["reconcile-labels"],
        ),
        ("], mesh: {arguments: {auto_join: false}}", &[]),
    ] {
        let answer = asked(consumer, "run", &unit("relation_changed"), &charm(more));
        assert_eq!(actions(&answer), expected, "{more}");
    }
    let renamed = "], mesh: {arguments: {mesh_relation_name: m, cross_model_mesh_requires_name: r, cross_model_mesh_provides_name: p}}";
    let endpoints = asked(consumer, "endpoints", &unit("x"), &charm(renamed));
    assert_eq!(endpoints["endpoints"], json!(["http", "m", "p", "r"]));
    for (text, code) in [
        ("", "wrong-shape"),
        ("{", "malformed-yaml"),
        ("[]", "wrong-shape"),
        ("{charm: api, provides: []}", "wrong-shape"),
        (
            "{charm: api, policies: [{kind: unit, relation: http}]}",
            "policy-on-undeclared-endpoint",
        ),
    ] {
        let error = update(&of(text))["error"]["code"].clone();
        assert_eq!(error, code, "{text}");
    }
}

#[test]
fn a_provider() {
    let options = json!({"labels": {"a": "b"}, "meshType": "istio"});
    let data = json!({"labels": "{\"a\": \"b\"}", "mesh_type": "\"istio\""});
    let write = json!({"actions": [{"action": "set-app-data", "relationId": 1, "data": data}]});
    let nothing = json!({"actions": []});
    let renamed = with(&options, &json!({"meshRelationName": "http"}));
    let elsewhere = json!({"actions": [{"action": "set-app-data", "relationId": 2, "data": data}]});
    for (todo, event, options, expected) in [
        ("run", "relation_created", &options, &write),
        ("run", "config_changed", &options, &write),
        ("run", "relation_changed", &options, &nothing),
        ("update", "relation_changed", &options, &write),
        ("run", "relation_created", &renamed, &nothing),
        ("update", "relation_created", &renamed, &elsewhere),
    ] {
        assert_eq!(
            &asked(provider, todo, &unit(event), options),
            expected,
            "{todo} {event}"
        );
    }
    let policy = |target: &str| {
        format!(
            r#"{{"source_namespace":"shop","source_app_name":"web","target_namespace":"shop","target_app_name":"{target}"}}"#
        )
    };
    let says = |policies: &str| {
        let mut unit = unit("x");
        unit["relations"][0]["app"] = json!("api");
        unit["relations"][0]["remote"] = json!({"policies": policies});
        unit
    };
    let both = says(&format!("[{},{}]", policy("api"), policy("other")));
    let targets = |answer: &Value| -> Vec<String> {
        let policies = answer["policies"].as_array().into_iter().flatten();
        policies
            .filter_map(|one| Some(one["target_app_name"].as_str()?.to_owned()))
            .collect()
    };
    assert_eq!(
        targets(&asked(provider, "info", &both, &json!({}))),
        ["api", "other"]
    );
    for (ownership, kept) in [("enforce", &["api"][..]), ("report", &["api", "other"])] {
        let options = json!({"ownership": ownership, "applications": ["idle"]});
        let answer = asked(provider, "checkedInfo", &both, &options);
        assert_eq!(targets(&answer), kept, "{ownership}");
        assert_eq!(answer["diagnostics"][0]["code"], "target-not-owned");
    }
    for (policies, code) in [
        ("{", "malformed-json"),
        ("[{}]", "invalid-policy"),
        ("{\"a\":1}", "invalid-policy"),
        ("\"a\"", "invalid-policy"),
        ("1", "invalid-databag"),
    ] {
        let answer = asked(provider, "info", &says(policies), &json!({}));
        assert_eq!(answer["error"]["code"], code, "{policies}");
    }
    assert_eq!(
        asked(provider, "info", &says("\"\""), &json!({})),
        json!({"policies": []})
    );
}

#[test]
fn what_a_host_may_get_wrong() {
    let wrong = |respond: fn(&str) -> String, request: &Value| -> String {
        let answer: Value =
            serde_json::from_str(&respond(&request.to_string())).unwrap_or_default();
        let error = &answer["error"];
        format!(
            "{}: {}",
            error["code"].as_str().unwrap_or("-"),
            error["message"].as_str().unwrap_or("-")
        )
    };
    let fine = json!({"do": "run", "unit": unit("x"), "options": options()});
    assert_eq!(wrong(consumer, &fine), "-: -");
    let in_unit = |changes: Value| with(&fine, &json!({"unit": with(&unit("x"), &changes)}));
    let in_options = |changes: Value| with(&fine, &json!({"options": with(&options(), &changes)}));
    for (request, message) in [
        (json!(1), "`unit` is missing"),
        (
            with(&fine, &json!({"options": null})),
            "`options` is missing",
        ),
        (with(&fine, &json!({"do": null})), "`do` is missing"),
        (with(&fine, &json!({"do": 1})), "`do` must be text"),
        (
            with(&fine, &json!({"do": "dance"})),
            "there is nothing called `dance`",
        ),
        (in_unit(json!({"app": null})), "`app` is missing"),
        (in_unit(json!({"model": 1})), "`model` must be text"),
        (in_unit(json!({"event": {}})), "`name` is missing"),
        (
            in_unit(json!({"relations": {}})),
            "`relations` must be a list",
        ),
        (
            in_unit(json!({"relations": [{"endpoint": "a"}]})),
            "`id` must be a number",
        ),
        (
            in_unit(json!({"relations": [{"endpoint": "a", "id": "1"}]})),
            "`id` must be a number",
        ),
        (
            in_options(json!({"policies": null})),
            "`policies` is missing",
        ),
        (
            in_options(json!({"policies": [{"relation": "a"}]})),
            "`kind` is missing",
        ),
        (
            in_options(json!({"policies": [{"kind": "a"}]})),
            "`kind` must be `app`, `unit` or `policy`",
        ),
        (
            in_options(json!({"meshRelationName": null})),
            "`meshRelationName` is missing",
        ),
    ] {
        assert_eq!(
            wrong(consumer, &request),
            format!("wrong-shape: {message}"),
            "{request}"
        );
    }
    let metadata = |text: &str| in_options(json!({"metadata": text}));
    for text in [
        "provides: {http: {}}",
        "requires: {http: {}}",
        "peers: {http: {}}",
    ] {
        assert_eq!(wrong(consumer, &metadata(text)), "-: -", "{text}");
    }
    for text in ["{}", "provides: {}", "else: {http: {}}", ""] {
        let expected = "policy-on-undeclared-endpoint: a policy is on `http`, which the charm does not declare";
        assert_eq!(wrong(consumer, &metadata(text)), expected, "{text}");
    }
    let invalid = in_options(json!({"policies": [{"kind": "unit"}]}));
    assert!(wrong(consumer, &invalid).starts_with("invalid-policy: `relation` "));
    for (todo, options, message) in [
        ("dance", json!({}), "there is nothing called `dance`"),
        ("run", json!({"meshType": "istio"}), "`labels` is missing"),
        ("run", json!({"labels": {}}), "`meshType` is missing"),
        (
            "checkedInfo",
            json!({"ownership": "maybe"}),
            "`ownership` must be `enforce` or `report`",
        ),
        (
            "checkedInfo",
            json!({"ownership": "enforce"}),
            "`applications` is missing",
        ),
    ] {
        let request = json!({"do": todo, "unit": unit("x"), "options": options});
        assert_eq!(
            wrong(provider, &request),
            format!("wrong-shape: {message}"),
            "{request}"
        );
    }
}
