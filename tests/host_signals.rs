//! What a host can tell a program beside answers: requests that never left, policies that are to stay.

#![expect(clippy::panic, reason = "a test fails by panicking")]

use mesh_policy::kube::{
    KubeAnswer, KubeRequest, KubeResponse, NoAnswer, Program, ProgramKind, Step,
};

const POLICIES: &str = r#"[
  {"metadata": {"namespace": "m", "name": "a"}, "spec": {"selector": {"matchLabels": {"app": "a"}}}},
  {"metadata": {"namespace": "m", "name": "b"}, "spec": {"selector": {"matchLabels": {"app": "b"}}}},
  {"metadata": {"namespace": "m", "name": "c"}, "spec": {"selector": {"matchLabels": {"app": "c"}}}}
]"#;

fn reconcile(more: &str) -> Program {
    let options = format!(
        r#"{{"appName": "app", "modelName": "m", "labels": {{"l": "1"}}, "fieldManager": "app", {more}}}"#
    );
    Program::start(ProgramKind::ReconcilePolicies, &options)
}

fn requests(program: &Program) -> Vec<KubeRequest> {
    match program.step() {
        Step::Requests(requests, _) => requests.clone(),
        step => panic!("{step:?}"),
    }
}

fn answer(id: u32, body: &str) -> KubeResponse {
    let answer = Ok(KubeAnswer {
        status: 200,
        body: body.to_owned(),
    });
    KubeResponse {
        id,
        answer,
        message: String::new(),
    }
}

/// Answers the LIST with these items, as they would be stored.
fn list(program: &mut Program, items: &str) {
    let [request] = &requests(program)[..] else {
        panic!("one page")
    };
    let body =
        format!(r#"{{"apiVersion": "v1", "kind": "List", "metadata": {{}}, "items": [{items}]}}"#);
    program.resume(vec![answer(request.id, &body)]);
}

fn stored(name: &str) -> String {
    format!(
        r#"{{"metadata": {{"namespace": "m", "name": "{name}", "uid": "u-{name}", "resourceVersion": "1", "labels": {{"l": "1"}}}},
            "spec": {{"selector": {{"matchLabels": {{"app": "other"}}}}}}}}"#
    )
}

#[test]
fn what_never_left_is_neither_done_nor_unknown() {
    let mut program = reconcile(&format!(r#""rawPolicies": {POLICIES}"#));
    list(&mut program, "");
    let out = requests(&program);
    assert_eq!(out.len(), 3);
    let lost = |id, answer| KubeResponse {
        id,
        answer: Err(answer),
        message: "interrupted".to_owned(),
    };
    let step = program.resume(vec![
        answer(out[0].id, &stored("a")),
        lost(out[1].id, NoAnswer::NotSent),
        lost(out[2].id, NoAnswer::NotSent),
    ]);
    let Step::Failed(failure) = step else {
        panic!("{step:?}")
    };
    assert_eq!(failure.changes.len(), 1);
    assert_eq!(failure.unresolved, []);
    assert!(
        failure
            .diagnostic
            .message
            .contains("it was not sent: interrupted")
    );

    // The same in the middle of a connection that breaks is unknown.
    let mut program = reconcile(&format!(r#""rawPolicies": {POLICIES}"#));
    list(&mut program, "");
    let out = requests(&program);
    let lost = |id, answer| KubeResponse {
        id,
        answer: Err(answer),
        message: String::new(),
    };
    let step = program.resume(vec![
        lost(out[0].id, NoAnswer::Connection),
        lost(out[1].id, NoAnswer::Timeout),
        lost(out[2].id, NoAnswer::NotSent),
    ]);
    let Step::Failed(failure) = step else {
        panic!("{step:?}")
    };
    assert_eq!((failure.changes.len(), failure.unresolved.len()), (0, 2));
}

#[test]
fn not_sent_crosses_the_boundary() {
    let mut program = reconcile(r#""rawPolicies": []"#);
    let [request] = &requests(&program)[..] else {
        panic!("one page")
    };
    let text = program.resume_json(&format!(
        r#"[{{"id": {}, "error": "not-sent", "message": "interrupted"}}]"#,
        request.id
    ));
    assert!(
        text.contains(r#""failed""#) && text.contains("interrupted"),
        "{text}"
    );
}

#[test]
fn what_is_kept_is_neither_made_nor_changed_nor_deleted() {
    // `a` is wanted and missing, `b` wanted and different, `d` not wanted: all kept. `c` is wanted.
    let keep = r#"[{"namespace": "m", "name": "d"}, {"namespace": "m", "name": "a"}, {"namespace": "m", "name": "b"}]"#;
    let mut program = reconcile(&format!(r#""rawPolicies": {POLICIES}, "keep": {keep}"#));
    list(&mut program, &[stored("b"), stored("d")].join(","));
    let out = requests(&program);
    assert_eq!(out.len(), 1);
    assert!(out[0].path.ends_with("/authorizationpolicies/c"));
    let step = program.resume(vec![answer(out[0].id, &stored("c"))]);
    let Step::Done(outcome) = step else {
        panic!("{step:?}")
    };
    assert_eq!((outcome.unchanged, outcome.changes.len()), (2, 1));

    // Of the same name elsewhere nothing is kept.
    let elsewhere = r#"[{"namespace": "n", "name": "d"}]"#;
    let mut program = reconcile(&format!(r#""rawPolicies": [], "keep": {elsewhere}"#));
    list(&mut program, &stored("d"));
    assert_eq!(requests(&program)[0].method, "DELETE");
}

#[test]
fn a_wrong_list_of_what_to_keep_sends_nothing() {
    for keep in ["1", "[1]", r#"[{"name": "x"}]"#] {
        let program = reconcile(&format!(r#""rawPolicies": [], "keep": {keep}"#));
        let Step::Failed(failure) = program.step() else {
            panic!("{keep}")
        };
        assert_eq!(failure.diagnostic.code, "wrong-option");
    }
}

#[test]
fn without_pruning_nothing_is_deleted() {
    let mut program = reconcile(&format!(r#""rawPolicies": {POLICIES}, "prune": false"#));
    list(&mut program, &[stored("b"), stored("d")].join(","));
    let out = requests(&program);
    let all: Vec<_> = out.iter().map(|request| request.method).collect();
    assert_eq!(all, ["PATCH", "PATCH"]);
    let mut program = reconcile(r#""rawPolicies": [], "prune": false"#);
    list(&mut program, &stored("d"));
    assert!(matches!(program.step(), Step::Done(outcome) if outcome.changes.is_empty()));
}
