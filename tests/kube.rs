//! What programs say to a host and what they make of particular answers. What happens when something
//! goes wrong in between is in `tests/faults`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may end so"
)]

#[path = "common/programs.rs"]
mod programs;

use mesh_policy::kube::{KubeRequest, MAX_IN_FLIGHT, Program, ProgramKind, Step, code};
use mesh_policy::text::{Node, parse_json};
use programs::{
    accepted, answer, done, failed, listed, one, query, raw, raws, reconcile, requests,
};

#[test]
fn a_conflict_names_the_manager_and_the_field() {
    let mut program = reconcile(&format!("{},\"force\":false", raws(2, |_| "a".to_owned())));
    let list = one(program.step());
    program.resume(vec![answer(
        &list,
        200,
        &listed(2, "a").replace("\"rules\":[]", "\"rules\":[{}]"),
    )]);
    let first = one(program.step());
    assert_eq!(query(&first, "force").as_deref(), Some("false"));
    let conflict = r#"{"kind":"Status","code":409,"message":"Apply failed with 1 conflict","details":{"causes":[
        {"reason":"FieldManagerConflict","message":"conflict with \"kubectl-edit\" using security.istio.io/v1",
         "field":".spec.rules"}]}}"#;
    program.resume(vec![answer(&first, 409, conflict)]);
    let failure = failed(program.step());
    assert_eq!(failure.diagnostic.code, code::CONFLICT);
    let expected = "cannot apply AuthorizationPolicy `n/p0`: `.spec.rules` is managed by `kubectl-edit` (status 409)";
    assert_eq!(failure.diagnostic.message, expected);
    assert!(failure.unresolved.is_empty());
}

#[test]
fn only_what_is_ours_is_taken_over() {
    let mut program = reconcile(&raws(2, |_| "a".to_owned()));
    let list = one(program.step());
    assert_eq!(query(&list, "labelSelector").as_deref(), Some("by=beacon"));
    program.resume(vec![answer(&list, 200, &listed(1, "b"))]);
    let create = one(program.step());
    assert_eq!(query(&create, "force").as_deref(), Some("false"));
    assert_eq!(query(&create, "fieldManager").as_deref(), Some("beacon"));
    assert_eq!(create.content_type, Some("application/apply-patch+yaml"));
    program.resume(vec![accepted(&create)]);
    let update = one(program.step());
    assert_eq!(query(&update, "force").as_deref(), Some("true"));
    program.resume(vec![accepted(&update)]);
    let changes: Vec<_> = done(program.step())
        .changes
        .iter()
        .map(|c| (c.action, c.why.as_str()))
        .collect();
    assert_eq!(
        changes,
        [
            ("create", "it is wanted and does not exist"),
            ("update", "`spec.targetRefs` differs")
        ]
    );
}

#[test]
fn a_cluster_without_istio_is_told() {
    let mut program = reconcile(&raws(1, |_| "a".to_owned()));
    let list = one(program.step());
    program.resume(vec![answer(&list, 404, "404 page not found")]);
    assert_eq!(failed(program.step()).diagnostic.code, code::MISSING_CRD);
    // There is nothing to delete where nothing can be.
    let mut program = reconcile("\"policies\":[]");
    let list = one(program.step());
    program.resume(vec![answer(&list, 404, "404 page not found")]);
    assert_eq!(done(program.step()).changes, []);
}

#[test]
fn an_expired_list_is_read_again_and_not_for_ever() {
    let mut program = reconcile("\"policies\":[],\"pageSize\":1");
    for _ in 0..5 {
        let first = one(program.step());
        assert_eq!(query(&first, "continue"), None);
        let page = listed(1, "a").replacen('{', r#"{"metadata":{"continue":"token"},"#, 1);
        program.resume(vec![answer(&first, 200, &page)]);
        let second = one(program.step());
        assert_eq!(query(&second, "continue").as_deref(), Some("token"));
        program.resume(vec![answer(&second, 410, "{}")]);
    }
    assert_eq!(failed(program.step()).diagnostic.code, code::EXPIRED);

    let mut program = reconcile("\"policies\":[],\"pageSize\":1");
    let first = one(program.step());
    let page = listed(1, "a").replacen('{', r#"{"metadata":{"continue":"token"},"#, 1);
    program.resume(vec![answer(&first, 200, &page)]);
    let second = one(program.step());
    program.resume(vec![answer(&second, 410, "{}")]);
    let again = one(program.step());
    program.resume(vec![answer(&again, 200, &listed(2, "a"))]);
    assert_eq!(requests(program.step()).len(), 2);
}

#[test]
fn a_list_that_never_ends_is_given_up() {
    let full = listed(1, "a");
    // Nothing over and over is known at the second page.
    for (list, most) in [(full.as_str(), 10_000), (r#"{"items":[]}"#, 2)] {
        let mut program = reconcile("\"policies\":[]");
        let page = list.replacen('{', r#"{"metadata":{"continue":"token"},"#, 1);
        let mut pages = 0;
        while let Step::Requests(list, _) = program.step().clone() {
            program.resume(vec![answer(&list[0], 200, &page)]);
            pages += 1;
            assert!(pages <= most, "it goes on");
        }
        let found = &failed(program.step()).diagnostic;
        assert_eq!(found.code, code::ENDLESS);
        assert!(
            found
                .message
                .ends_with(&format!("did not end after {most} pages"))
        );
        assert_eq!(pages, most);
    }
}

#[test]
fn a_token_that_is_no_text_ends_no_list() {
    let mut program = reconcile("\"policies\":[]");
    let first = one(program.step());
    let page = listed(1, "a").replacen('{', r#"{"metadata":{"continue":5},"#, 1);
    program.resume(vec![answer(&first, 200, &page)]);
    assert_eq!(failed(program.step()).diagnostic.code, code::UNREADABLE);
}

#[test]
fn sixteen_at_a_time_and_phase_after_phase() {
    let mut program =
        reconcile(&raws(40, |at| format!("t{at}")).replace("\"name\":\"p", "\"name\":\"q"));
    let list = one(program.step());
    program.resume(vec![answer(&list, 200, &listed(40, "a"))]);
    let mut waiting = requests(program.step());
    assert_eq!(waiting.len(), MAX_IN_FLIGHT);
    let mut writes = 0;
    loop {
        assert!(waiting.len() <= MAX_IN_FLIGHT);
        // All creations are answered before the first deletion is asked for.
        let deletes = waiting
            .iter()
            .filter(|request| request.method == "DELETE")
            .count();
        assert!(deletes == 0 || deletes == waiting.len());
        assert_eq!(deletes > 0, writes >= 40, "after {writes}");
        let request = waiting.remove(waiting.len() / 2);
        writes += 1;
        match program.resume(vec![accepted(&request)]) {
            Step::Requests(more, progress) => {
                waiting.extend(more.iter().cloned());
                assert_eq!((progress.done, progress.total), (writes, 80));
            }
            step => {
                assert_eq!(done(step).changes.len(), 80);
                break;
            }
        }
    }
    assert_eq!((writes, waiting.len()), (80, 0));
}

#[test]
fn updates_of_one_target_go_one_at_a_time() {
    let update = |program: &mut Program| {
        let list = one(program.step());
        let body = listed(20, "a").replace("\"rules\":[]", "\"rules\":[{}]");
        program.resume(vec![answer(&list, 200, &body)]);
        requests(program.step()).len()
    };
    let mut program = reconcile(&raws(20, |_| "a".to_owned()));
    assert_eq!(update(&mut program), 1);
    let mut program = reconcile(&raws(20, |at| format!("t{at}")));
    // Each of them leaves the same target.
    assert_eq!(update(&mut program), 1);
}

#[test]
fn deletions_hit_what_was_seen() {
    let mut program = reconcile("\"policies\":[]");
    let list = one(program.step());
    program.resume(vec![answer(&list, 200, &listed(1, "a"))]);
    let delete = one(program.step());
    let body = parse_json(delete.body.as_deref().expect("has a body")).expect("is JSON");
    let precondition = |key: &str| body.root.get("preconditions")?.get(key)?.as_str();
    assert_eq!(
        (precondition("uid"), precondition("resourceVersion")),
        (Some("u"), Some("1"))
    );
    program.resume(vec![answer(&delete, 404, "{}")]);
    assert_eq!(done(program.step()).changes.len(), 1);
}

#[test]
fn without_labels_nothing_is_managed() {
    for labels in ["", ",\"labels\":null", ",\"labels\":{}"] {
        let options = format!(r#"{{"appName":"a","modelName":"m","fieldManager":"a"{labels}}}"#);
        for kind in [ProgramKind::ReconcilePolicies, ProgramKind::DeletePolicies] {
            let program = Program::start(kind, &options);
            assert_eq!(
                failed(program.step()).diagnostic.code,
                code::LABELS_REQUIRED
            );
        }
    }
    let options = r#"{"appName":"a","modelName":"m","labels":{"a":"b,c=d"}}"#;
    let program = Program::start(ProgramKind::DeletePolicies, options);
    assert_eq!(failed(program.step()).diagnostic.code, code::INVALID_LABEL);
}

#[test]
fn options_of_other_types_are_told() {
    for options in [
        "",
        "[]",
        "{}",
        r#"{"appName":1}"#,
        r#"{"appName":"a","namespace":"../x"}"#,
        r#"{"appName":"a","namespace":"m","labels":{"a":1}}"#,
        r#"{"appName":"a","namespace":"m","labels":{},"plan":"yes"}"#,
        r#"{"appName":"a","namespace":"m"}"#,
    ] {
        let program = Program::start(ProgramKind::ReconcileCharmLabels, options);
        assert_eq!(
            failed(program.step()).diagnostic.code,
            code::WRONG_OPTION,
            "{options}"
        );
    }
}

#[test]
fn a_namespace_limits_reading_and_writing() {
    let other = raw("far", "a").replace("\"namespace\":\"n\"", "\"namespace\":\"far\"");
    let rest = format!(
        "\"namespace\":\"n\",\"rawPolicies\":[{},{other}]",
        raw("near", "a")
    );
    let mut program = reconcile(&rest);
    let list = one(program.step());
    assert_eq!(
        list.path,
        "/apis/security.istio.io/v1/namespaces/n/authorizationpolicies"
    );
    program.resume(vec![answer(&list, 200, r#"{"items":null}"#)]);
    let create = one(program.step());
    assert!(create.path.ends_with("/near"));
    program.resume(vec![accepted(&create)]);
    let codes: Vec<_> = done(program.step())
        .diagnostics
        .iter()
        .map(|d| d.code)
        .collect();
    assert_eq!(codes, [code::OTHER_NAMESPACE]);
}

#[test]
fn names_are_encoded_in_paths_and_messages_are_one_line() {
    let rest = format!("\"rawPolicies\":[{}]", raw("a b%é", "a"));
    let mut program = reconcile(&rest);
    let list = one(program.step());
    program.resume(vec![answer(&list, 200, r#"{"items":[]}"#)]);
    let create = one(program.step());
    assert!(create.path.ends_with("/a%20b%25%C3%A9"), "{}", create.path);
    let body = r#"{"message":"no\n\u001b[31mgood"}"#;
    program.resume(vec![answer(&create, 422, body)]);
    let message = &failed(program.step()).diagnostic.message;
    assert_eq!(
        message,
        "cannot apply AuthorizationPolicy `n/a b%é`: no  [31mgood (status 422)"
    );
}

#[test]
fn what_the_host_says_twice_or_wrongly_does_no_harm() {
    let mut program = reconcile(&raws(3, |_| "a".to_owned()));
    let list = one(program.step());
    let empty = answer(&list, 200, r#"{"items":[]}"#);
    program.resume(vec![empty.clone(), empty.clone()]);
    assert_eq!(requests(program.step()).len(), 3);
    program.resume(vec![empty]);
    assert_eq!(requests(program.step()).len(), 0);
    let text = program.resume_json("not JSON");
    let step = parse_json(&text).expect("is JSON");
    let failure = step.root.get("failed").expect("failed");
    assert_eq!(
        failure
            .get("diagnostic")
            .and_then(|d| d.get("code")?.as_str()),
        Some(code::UNREACHABLE)
    );
    let unresolved = failure.get("unresolved").and_then(Node::as_array);
    assert_eq!(unresolved.map(<[_]>::len), Some(3));
    assert_eq!(program.step_json(), text);
}

#[test]
fn steps_and_answers_are_json() {
    let mut program = reconcile(&raws(1, |_| "a\\u0001\\\"".to_owned()));
    let step = program.step_json();
    let expected = concat!(
        r#"{"requests":[{"id":1,"method":"GET","path":"/apis/security.istio.io/v1/authorizationpolicies","#,
        r#""query":{"labelSelector":"by=beacon","limit":"500"},"#,
        r#""why":"to see which objects of kind AuthorizationPolicy there are","retrySafe":true}],"#,
        r#""progress":{"phase":"reading","done":0,"total":0}}"#
    );
    assert_eq!(step, expected);
    let step =
        program.resume_json(r#"[{"id":1,"status":200,"body":"{\"items\":[]}","retryAfter":1}]"#);
    let document = parse_json(&step).expect("is JSON");
    let requests = document
        .root
        .get("requests")
        .and_then(Node::as_array)
        .expect("is a list");
    let body = requests[0]
        .get("body")
        .and_then(Node::as_str)
        .expect("is text");
    let manifest = parse_json(body).expect("is JSON");
    let target = manifest
        .root
        .get("spec")
        .and_then(|spec| spec.get("targetRefs")?.as_array()?.first());
    assert_eq!(
        target.and_then(|target| target.get("name")?.as_str()),
        Some("a\u{1}\"")
    );
    let step = program.resume_json(r#"[{"id":2,"error":"timeout","message":"30 s"}]"#);
    assert!(step.contains("no answer came in time: 30 s"), "{step}");
}

#[test]
fn five_thousand_unchanged_policies_are_only_listed() {
    const COUNT: usize = 5_000;
    let mut program = reconcile(&raws(COUNT, |_| "a".to_owned()));
    let whole = listed(COUNT, "a");
    let document = parse_json(&whole).expect("is JSON");
    let items = document
        .root
        .get("items")
        .and_then(Node::as_array)
        .expect("is a list");
    let mut sent = 0;
    while let Step::Requests(..) = program.step() {
        let request = one(program.step());
        let page: Vec<String> = items
            .iter()
            .skip(sent * 500)
            .take(500)
            .map(|item| mesh_policy::text::to_json(item).expect("can be written"))
            .collect();
        sent += 1;
        let more = if sent * 500 < COUNT { "more" } else { "" };
        let body = format!(
            r#"{{"metadata":{{"continue":"{more}"}},"items":[{}]}}"#,
            page.join(",")
        );
        program.resume(vec![answer(&request, 200, &body)]);
    }
    let outcome = done(program.step());
    assert_eq!(
        (sent, outcome.unchanged, outcome.changes.len()),
        (10, COUNT, 0)
    );
}

#[test]
fn a_mesh_is_read_as_far_as_it_may_be() {
    let mut program = Program::start(ProgramKind::ReadMesh, "{}");
    let mut kinds = Vec::new();
    while let Step::Requests(..) = program.step() {
        let mut responses = Vec::new();
        for request in requests(program.step()) {
            let plural = request
                .path
                .rsplit('/')
                .next()
                .expect("has a name")
                .to_owned();
            let (status, body) = match plural.as_str() {
                "pods" => (403, r#"{"message":"pods is forbidden"}"#),
                "gateways" => (404, "404 page not found"),
                "istio" => (
                    200,
                    r#"{"kind":"ConfigMap","metadata":{"name":"istio"},"data":{"mesh":"a: b"}}"#,
                ),
                "services" if query(&request, "continue").is_none() => (
                    200,
                    r#"{"metadata":{"continue":"x"},"items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"a","managedFields":[1]},"spec":{"n":1.5,"managedFields":{}}}]}"#,
                ),
                _ => (
                    200,
                    r#"{"items":[{"metadata":{"name":"b","namespace":"n"}}]}"#,
                ),
            };
            kinds.push(plural);
            responses.push(answer(&request, status, body));
        }
        program.resume(responses);
    }
    assert_eq!(kinds.len(), 12);
    let outcome = done(program.step());
    let unknown: Vec<_> = outcome.unknown.iter().map(|remark| remark.kind).collect();
    assert_eq!(unknown, ["Pod", "Gateway", "Gateway"]);
    let text = outcome.manifests.as_deref().expect("was read");
    let list = parse_json(text).expect("is JSON");
    assert_eq!(list.root.get("kind").and_then(Node::as_str), Some("List"));
    let items = list
        .root
        .get("items")
        .and_then(Node::as_array)
        .expect("is a list");
    let told: Vec<_> = items
        .iter()
        .map(|item| item.get("kind").and_then(Node::as_str).expect("has a kind"))
        .collect();
    assert_eq!(
        told,
        [
            "Namespace",
            "Service",
            "Service",
            "ServiceAccount",
            "GatewayClass",
            "ServiceEntry",
            "AuthorizationPolicy",
            "PeerAuthentication",
            "ConfigMap"
        ]
    );
    assert!(text.contains(
        r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"},"spec":{"n":1.5,"managedFields":{}}}"#
    ));

    let options = r#"{"namespaces":["shop"],"rootNamespace":"mesh"}"#;
    let mut program = Program::start(ProgramKind::ReadMesh, options);
    let paths: Vec<String> = requests(program.step())
        .into_iter()
        .map(|request| request.path)
        .collect();
    assert_eq!(paths.len(), MAX_IN_FLIGHT);
    for path in [
        "/api/v1/namespaces/shop",
        "/api/v1/namespaces/mesh/pods",
        "/apis/gateway.networking.k8s.io/v1/gatewayclasses",
    ] {
        assert!(paths.iter().any(|known| known == path), "{path}: {paths:?}");
    }
    let first = requests(program.step()).remove(0);
    program.resume(vec![answer(&first, 503, "")]);
    assert_eq!(failed(program.step()).diagnostic.code, code::UNAVAILABLE);
}

#[test]
fn what_of_a_mesh_may_be_missing() {
    let whole = |request: &KubeRequest| match request.path.rsplit('/').next() {
        Some("istio") => answer(request, 200, r#"{"metadata":{"name":"istio"},"data":{}}"#),
        _ => answer(request, 200, r#"{"items":[]}"#),
    };
    for (plural, status, expected) in [
        ("pods", 403, Ok(("Pod", ""))),
        ("pods", 404, Err(code::NOT_FOUND)),
        ("pods", 500, Err(code::UNAVAILABLE)),
        (
            "gateway.networking.k8s.io/v1/gateways",
            403,
            Ok(("Gateway", "")),
        ),
        (
            "gateway.networking.k8s.io/v1/gateways",
            404,
            Ok(("Gateway", "")),
        ),
        (
            "gateway.networking.k8s.io/v1/gateways",
            500,
            Err(code::UNAVAILABLE),
        ),
        ("istio", 403, Ok(("ConfigMap", "istio"))),
        ("istio", 404, Ok(("ConfigMap", "istio"))),
        ("istio", 500, Err(code::UNAVAILABLE)),
    ] {
        let mut program = Program::start(ProgramKind::ReadMesh, "{}");
        let responses = requests(program.step()).into_iter().map(|request| {
            if request.path.ends_with(&format!("/{plural}")) {
                answer(&request, status, "{}")
            } else {
                whole(&request)
            }
        });
        program.resume(responses.collect());
        match expected {
            Ok((kind, name)) => {
                let unknown = done(program.step()).unknown.iter();
                let unknown: Vec<_> = unknown.map(|one| (one.kind, one.name.as_str())).collect();
                assert_eq!(unknown, [(kind, name)], "{plural} {status}");
                let text = program.step_json();
                let named = name.is_empty() || text.contains(r#","name":"istio","why":"#);
                assert!(named && text.contains(&format!(r#""unknown":[{{"kind":"{kind}","#)));
            }
            Err(code) => assert_eq!(failed(program.step()).diagnostic.code, code),
        }
    }
    // Of those that wait one goes out for each that is answered.
    let options = r#"{"namespaces":["shop"]}"#;
    let mut program = Program::start(ProgramKind::ReadMesh, options);
    let first = requests(program.step()).remove(0);
    let read = r#"{"metadata":{"name":"shop"}}"#;
    let Step::Requests(next, progress) = program.resume(vec![answer(&first, 200, read)]) else {
        panic!("it reads on");
    };
    assert_eq!((next.len(), progress.done, progress.total), (1, 1, 20));
}

/// An API server that lies: objects of another kind or namespace are not read as what was asked for.
#[test]
fn what_was_not_asked_for_is_not_read() {
    for (options, item) in [
        (r#"{}"#, ""),
        (
            r#"{}"#,
            r#"{"kind":"Secret","metadata":{"name":"b","namespace":"n"}}"#,
        ),
        (
            r#"{"namespaces":["shop"]}"#,
            r#"{"metadata":{"name":"b","namespace":"other"}}"#,
        ),
    ] {
        let mut program = Program::start(ProgramKind::ReadMesh, options);
        let body = format!(r#"{{"kind":"SecretList","items":[{item}]}}"#);
        let body = if item.is_empty() {
            body
        } else {
            body.replace("SecretList", "List")
        };
        let asked = requests(program.step());
        let lists = asked.iter().filter(|one| query(one, "limit").is_some());
        let responses = lists.map(|request| answer(request, 200, &body)).collect();
        program.resume(responses);
        let Step::Failed(failure) = program.step() else {
            panic!("{item} was read");
        };
        assert_eq!(failure.diagnostic.code, "kubernetes-unreadable-answer");
    }
}

/// Nor is a policy deleted that has not the labels of those that are managed.
#[test]
fn what_is_not_managed_is_not_deleted() {
    let options =
        r#"{"appName":"a","modelName":"m","labels":{"managed":"yes"},"ignoreMissing":true}"#;
    for (labels, deletes) in [
        (r#"{"managed":"yes"}"#, true),
        (r#"{"managed":"no"}"#, false),
        ("{}", false),
        ("null", false),
    ] {
        let mut program = Program::start(ProgramKind::DeletePolicies, options);
        let body = format!(
            r#"{{"items":[{{"metadata":{{"name":"b","namespace":"m","labels":{labels}}},"spec":{{}}}}]}}"#
        );
        let asked = requests(program.step());
        program.resume(vec![answer(&asked[0], 200, &body)]);
        match program.step() {
            Step::Requests(asked, _) => {
                assert!(deletes, "{labels}");
                assert!(asked.iter().all(|one| one.method == "DELETE"));
            }
            Step::Failed(failure) => {
                assert!(!deletes, "{labels}");
                assert_eq!(failure.diagnostic.code, "kubernetes-unreadable-answer");
            }
            Step::Done(_) => panic!("{labels}"),
        }
    }
}

/// A misspelled `namespace` would widen a run to the whole cluster.
#[test]
fn options_that_no_program_knows() {
    for (kind, options) in [
        (
            ProgramKind::DeletePolicies,
            r#"{"appName":"a","modelName":"m","labels":{"a":"b"},"namespcae":"shop"}"#,
        ),
        (
            ProgramKind::ReconcileCharmLabels,
            r#"{"appName":"a","namespace":"m","labels":{},"dryrun":true}"#,
        ),
        (ProgramKind::ReadMesh, r#"{"namespace":"shop"}"#),
    ] {
        let program = Program::start(kind, options);
        let Step::Failed(failure) = program.step() else {
            panic!("{options} was taken");
        };
        assert_eq!(failure.diagnostic.code, "wrong-option", "{options}");
        assert!(failure.diagnostic.help.is_some());
    }
}
