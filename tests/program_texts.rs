//! The texts that cross the boundary to a host: options, raw policies, what is sent of them, steps as JSON.

#[path = "common/programs.rs"]
mod programs;

use mesh_policy::kube::{Program, ProgramKind, Step, code};
use programs::{MANAGER, accepted, answer, done, failed, one, query, reconcile, requests};
use serde_json::{Value, json};

/// What is wrong with options; nothing where the program begins.
fn wrong(kind: ProgramKind, options: &str) -> Option<String> {
    match Program::start(kind, options).step() {
        Step::Failed(failure) => Some(failure.diagnostic.message.clone()),
        _ => None,
    }
}

#[test]
fn every_option_says_what_it_takes() {
    use ProgramKind::{DeletePolicies, ReadMesh, ReconcileCharmLabels, ReconcilePolicies};
    let of_labels = r#"{"appName":"a","namespace":"m","labels":{}}"#;
    let of_policies = r#"{"appName":"a","modelName":"m","labels":{"a":"b"}}"#;
    for (kind, base, option, message) in [
        (
            ReconcileCharmLabels,
            of_labels,
            ("appName", json!(null)),
            Some("is missing"),
        ),
        (
            ReconcileCharmLabels,
            of_labels,
            ("appName", json!("")),
            Some("must be text that is not empty"),
        ),
        (
            ReconcileCharmLabels,
            of_labels,
            ("appName", json!("a/b")),
            Some("is no name of an object"),
        ),
        (
            ReconcileCharmLabels,
            of_labels,
            ("appName", json!("a\u{7}")),
            Some("is no name of an object"),
        ),
        (
            ReconcileCharmLabels,
            of_labels,
            ("namespace", json!("..")),
            Some("is no name of an object"),
        ),
        (
            ReconcileCharmLabels,
            of_labels,
            ("labelConfigmapName", json!(".")),
            Some("is no name of an object"),
        ),
        (
            ReconcileCharmLabels,
            of_labels,
            ("labelConfigmapName", json!("...")),
            None,
        ),
        (
            ReconcileCharmLabels,
            of_labels,
            ("labels", json!(null)),
            Some("is missing"),
        ),
        (
            ReconcileCharmLabels,
            of_labels,
            ("labels", json!([])),
            Some("must be an object"),
        ),
        (
            ReconcileCharmLabels,
            of_labels,
            ("labels", json!({"a": true})),
            Some("must have texts as values"),
        ),
        (
            ReconcileCharmLabels,
            of_labels,
            ("labels", json!({"a": null})),
            None,
        ),
        (
            ReconcileCharmLabels,
            of_labels,
            ("plan", json!(1)),
            Some("must be true or false"),
        ),
        (ReconcileCharmLabels, of_labels, ("plan", json!(null)), None),
        (
            ReconcilePolicies,
            of_policies,
            ("modelName", json!(1)),
            Some("must be text that is not empty"),
        ),
        (
            ReconcilePolicies,
            of_policies,
            ("policies", json!({})),
            Some("must be a list"),
        ),
        (
            ReconcilePolicies,
            of_policies,
            ("pageSize", json!(0)),
            Some("must be a positive integer"),
        ),
        (
            ReconcilePolicies,
            of_policies,
            ("pageSize", json!("1")),
            Some("must be a positive integer"),
        ),
        (ReconcilePolicies, of_policies, ("pageSize", json!(1)), None),
        (
            ReconcilePolicies,
            of_policies,
            ("keep", json!([{"namespace": "a"}])),
            Some("must be a list of objects with `namespace` and `name`"),
        ),
        (DeletePolicies, of_policies, ("keep", json!(1)), None),
        (
            ReadMesh,
            "{}",
            ("namespaces", json!(["a/b"])),
            Some("must be a list of names"),
        ),
        (
            ReadMesh,
            "{}",
            ("namespaces", json!([1])),
            Some("must be a list of names"),
        ),
        (
            ReadMesh,
            "{}",
            ("rootNamespace", json!("a/b")),
            Some("is no name of an object"),
        ),
    ] {
        let mut options: Value = serde_json::from_str(base).expect("JSON");
        let (name, value) = option;
        options[name] = value;
        let expected = message.map(|message| format!("the option `{name}` {message}"));
        assert_eq!(wrong(kind, &options.to_string()), expected, "{options}");
    }
}

#[test]
fn labels_that_select() {
    for (labels, expected) in [
        (
            r#"{"a.b/c-d_e":"f.g-h_i","k":null,"l":""}"#,
            Some("a.b/c-d_e=f.g-h_i,k,l="),
        ),
        (r#"{"":"a"}"#, None),
        (r#"{"a b":"c"}"#, None),
        (r#"{"a":"b/c"}"#, None),
        (r#"{"a":"b,c"}"#, None),
        (r#"{"a=b":"c"}"#, None),
    ] {
        let options = format!(r#"{{"appName":"a","modelName":"m","labels":{labels}}}"#);
        let program = Program::start(ProgramKind::DeletePolicies, &options);
        let selector = match program.step() {
            Step::Failed(failure) => {
                assert_eq!(failure.diagnostic.code, code::INVALID_LABEL);
                None
            }
            step => query(&one(step), "labelSelector"),
        };
        assert_eq!(selector.as_deref(), expected, "{labels}");
    }
}

#[test]
fn raw_policies_that_cannot_be_sent() {
    for (policy, message) in [
        ("1", "a raw policy is no object"),
        ("{}", "a raw policy has no `metadata`"),
        (r#"{"metadata":{}}"#, "a raw policy has no `metadata.name`"),
        (
            r#"{"metadata":{"name":""}}"#,
            "a raw policy has no `metadata.name`",
        ),
        (
            r#"{"kind":"Pod","metadata":{"name":"p"}}"#,
            "a raw policy is of kind `Pod`",
        ),
        (
            r#"{"apiVersion":"v1","metadata":{"name":"p"}}"#,
            "a raw policy has the apiVersion `v1`",
        ),
        (
            r#"{"metadata":{"name":"a/b"}}"#,
            "`a/b` is no name of an object: its policy is left out",
        ),
        (
            r#"{"metadata":{"name":"p","namespace":".."}}"#,
            "`..` is no name of an object: its policy is left out",
        ),
    ] {
        // It is left out; or, where that was asked for, nothing is done.
        let mut program = reconcile(&format!("\"rawPolicies\":[{policy}]"));
        let list = one(program.step());
        program.resume(vec![answer(&list, 200, r#"{"items":[]}"#)]);
        let outcome = done(program.step());
        let told: Vec<_> = outcome
            .diagnostics
            .iter()
            .map(|one| (one.message.as_str(), one.dropped))
            .collect();
        assert_eq!(
            (told, outcome.changes.len()),
            (vec![(message, true)], 0),
            "{policy}"
        );
        let program = reconcile(&format!("\"rawPolicies\":[{policy}],\"allOrNothing\":true"));
        assert_eq!(failed(program.step()).diagnostic.message, message);
    }
}

#[test]
fn what_is_sent_of_a_raw_policy() {
    let policy = json!({
        "apiVersion": "security.istio.io/v1beta1", "kind": "AuthorizationPolicy", "status": {"a": 1},
        "metadata": {
            "name": "p", "labels": {"by": "else", "more": "x"}, "annotations": {"a": "b"},
            "finalizers": null, "ownerReferences": [], "uid": "u",
        },
        "spec": {
            "text": "a\"\\\n\u{1}é", "list": [1, -2, 1.5, 1e300, true, false, null, {}], "big": 123_456_789_012_345_678_u64,
        },
    });
    let options = MANAGER.replace(
        r#"{"by":"beacon"}"#,
        r#"{"by":"beacon","with":"this","bare":null}"#,
    );
    let options = format!("{{{options},\"rawPolicies\":[{policy}]}}");
    let mut program = Program::start(ProgramKind::ReconcilePolicies, &options);
    let list = one(program.step());
    program.resume(vec![answer(&list, 200, r#"{"items":[]}"#)]);
    let apply = one(program.step());
    // Without a namespace it goes into the model's.
    assert_eq!(
        apply.path,
        "/apis/security.istio.io/v1/namespaces/m/authorizationpolicies/p"
    );
    let sent: Value = serde_json::from_str(apply.body.as_deref().expect("a body")).expect("JSON");
    let expected = json!({
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": {
            "name": "p", "namespace": "m", "labels": {"more": "x", "by": "beacon", "with": "this"},
            "annotations": {"a": "b"}, "ownerReferences": [],
        },
        "spec": policy["spec"],
    });
    assert_eq!(sent, expected);
}

#[test]
fn steps_as_json() {
    let policy = r#"{"metadata":{"name":"p","namespace":"n"},"spec":{}}"#;
    let read = |text: String| -> Value { serde_json::from_str(&text).expect("JSON") };
    let written = |rest: &str| {
        let mut program = reconcile(&format!("\"rawPolicies\":[{policy},1]{rest}"));
        program.resume_json(r#"[{"id":1,"status":200,"body":"{\"items\":[]}"}]"#);
        program
    };
    let change = json!({
        "action": "create", "kind": "AuthorizationPolicy", "namespace": "n", "name": "p",
        "phase": "new ALLOW policies", "why": "it is wanted and does not exist",
    });
    let dropped = json!({"code": "invalid-raw-policy", "severity": "error", "message": "a raw policy is no object"});
    let request = json!({
        "id": 2, "method": "PATCH", "path": "/apis/security.istio.io/v1/namespaces/n/authorizationpolicies/p",
        "query": {"fieldManager": "beacon", "force": "false"}, "contentType": "application/apply-patch+yaml",
        "body": "{\"apiVersion\":\"security.istio.io/v1\",\"kind\":\"AuthorizationPolicy\",\"metadata\":{\"name\":\"p\",\
                 \"namespace\":\"n\",\"labels\":{\"by\":\"beacon\"}},\"spec\":{}}",
        "why": "it is wanted and does not exist", "retrySafe": true,
    });
    let mut program = written("");
    let progress = json!({"phase": "new ALLOW policies", "done": 0, "total": 1});
    assert_eq!(
        read(program.step_json()),
        json!({"requests": [request], "progress": progress})
    );
    let apply = one(program.step());
    let end = accepted(&apply);
    program.resume(vec![end]);
    let end = json!({
        "unchanged": 0, "changes": [change], "restarts": [], "unknown": [], "dropped": 1, "diagnostics": [dropped],
    });
    assert_eq!(read(program.step_json()), json!({"done": end}));
    // A plan shows what would be sent, without a number.
    let mut planned = request.clone();
    planned["id"] = json!(0);
    let step = read(written(",\"plan\":true").step_json());
    assert_eq!(step["done"]["changes"][0]["request"], planned);
    let mut program = written("");
    program.resume_json(r#"[{"id":2,"status":500,"body":"{\"message\":\"ouch\"}"}]"#);
    let step = read(program.step_json());
    let failed = &step["failed"];
    assert_eq!(failed["diagnostic"]["code"], "kubernetes-unavailable");
    assert_eq!(
        failed["diagnostic"]["help"],
        "run again later; nothing that was done is undone"
    );
    assert_eq!(
        (&failed["changes"], &failed["unresolved"]),
        (&json!([]), &json!([change]))
    );
    assert_eq!(failed["dropped"], 1);
    let severities: Vec<_> = failed["diagnostics"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["severity"])
        .collect();
    assert_eq!(severities, ["warning", "error"]);
}

#[test]
fn answers_as_json() {
    for (answers, told) in [
        (
            r#"[{"id":1,"error":"timeout","message":"30 s"}]"#,
            "no answer came in time: 30 s",
        ),
        (
            r#"[{"id":1,"error":"connection"}]"#,
            "the connection failed",
        ),
        (r#"[{"id":1,"error":"not-sent"}]"#, "it was not sent"),
        (
            r#"[{"id":1,"status":500,"body":""}]"#,
            "the API server gives no reason (status 500)",
        ),
    ] {
        let mut program = reconcile("\"policies\":[]");
        program.resume_json(answers);
        let expected = format!("cannot list AuthorizationPolicy: {told}");
        assert_eq!(failed(program.step()).diagnostic.message, expected);
    }
    // What is none leaves all in doubt that is on the way.
    for answers in [
        "",
        "{}",
        "[1]",
        r#"[{"id":1}]"#,
        r#"[{"id":1,"status":200}]"#,
        r#"[{"id":1,"status":70000,"body":""}]"#,
        r#"[{"id":-1,"status":200,"body":""}]"#,
        r#"[{"id":1,"error":"else"}]"#,
        r#"[{"status":200,"body":""}]"#,
    ] {
        let mut program = reconcile("\"policies\":[]");
        program.resume_json(answers);
        let message = "cannot list AuthorizationPolicy: the connection failed: the host handed back something else than answers";
        assert_eq!(
            failed(program.step()).diagnostic.message,
            message,
            "{answers}"
        );
    }
}

#[test]
fn ledgers() {
    for (data, expected) in [
        // Of names alone nobody knows the values; all of them are ours.
        (r#"{"labels":"[\"old\"]"}"#, Ok("removes `old`")),
        (r#"{"labels":"{\"old\": 1}"}"#, Ok("removes `old`")),
        (r#"{"labels":"\"old\""}"#, Ok("")),
        (
            r#"{"labels":"1"}"#,
            Err("there is no JSON object under `labels`"),
        ),
        (
            r#"{"labels":"[1]"}"#,
            Err("there are other things than names under `labels`"),
        ),
        (r#"{"labels":"{"}"#, Err("there is no JSON under `labels`")),
        (r#"{"labels":1}"#, Err("there are data, but no `labels`,")),
        (r#"{"else":"{}"}"#, Err("there are data, but no `labels`,")),
        ("{}", Ok("")),
    ] {
        let options = r#"{"appName":"api","namespace":"m","labels":{},"plan":true}"#;
        let mut program = Program::start(ProgramKind::ReconcileCharmLabels, options);
        let asked = requests(program.step());
        let name = |at: usize| {
            asked
                .get(at)
                .and_then(|one| one.path.rsplit('/').next())
                .expect("a name")
        };
        let map = format!(r#"{{"metadata":{{"name":"{}"}},"data":{data}}}"#, name(0));
        let pods = r#"{"metadata":{"name":"api"},"spec":{"template":{"metadata":{"labels":{"old":1,"other":null}}}}}"#;
        let bodies = [map.as_str(), pods, r#"{"metadata":{"name":"api"}}"#];
        program.resume(
            asked
                .iter()
                .zip(bodies)
                .map(|(one, body)| answer(one, 200, body))
                .collect(),
        );
        match expected {
            Ok(why) => {
                let outcome = done(program.step());
                let change = outcome.changes.iter().find(|one| one.kind == "StatefulSet");
                assert_eq!(change.map_or("", |one| one.why.as_str()), why, "{data}");
            }
            Err(what) => {
                let diagnostic = &failed(program.step()).diagnostic;
                let expected = format!("{what} in ConfigMap `m/{}`; nothing was written", name(0));
                assert_eq!(
                    (diagnostic.code, &diagnostic.message),
                    (code::INVALID_LEDGER, &expected)
                );
            }
        }
    }
}
