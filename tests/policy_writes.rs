//! In which order a manager's policies are written, what a refusal holds back, and what is said of it. That no target is
//! open in between, whatever fails, is in `tests/faults`.

#![expect(clippy::expect_used, clippy::panic, reason = "a failing test panics")]

#[path = "common/programs.rs"]
mod programs;

use mesh_policy::diagnostic::Diagnostic;
use mesh_policy::kube::{KubeRequest, KubeResponse, NoAnswer, Program, ProgramKind, Step, code};
use programs::{
    MANAGER, accepted, answer, done, failed, one, query, raw, raws, reconcile, requests,
};

/// A policy, written `NAME ACTION TARGET+TARGET`; what is live differs from what is wanted in a rule.
fn object(text: &str, is_live: bool) -> String {
    let [name, action, targets] = text.split(' ').collect::<Vec<_>>()[..] else {
        panic!("`{text}` is no policy");
    };
    let (action, annotations) = match action {
        "dry" => ("ALLOW", r#""istio.io/dry-run":"true""#),
        action => (action, ""),
    };
    let targets = targets.split('+');
    let targets = targets.map(|target| format!(r#"{{"kind":"Service","name":"{target}"}}"#));
    let targets = targets.collect::<Vec<_>>().join(",");
    let (more, rules) = match is_live {
        true => (r#","uid":"u","resourceVersion":"1""#, r#"[{"when":[]}]"#),
        false => ("", "[{}]"),
    };
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"n","labels":{{"by":"beacon"}},"annotations":{{{annotations}}}{more}}},
        "spec":{{"action":"{action}","targetRefs":[{targets}],"rules":{rules}}}}}"#
    )
}

fn objects(policies: &[&str], is_live: bool) -> String {
    let all = policies.iter().map(|text| object(text, is_live));
    all.collect::<Vec<_>>().join(",")
}

/// A program that has read what is live.
fn with(live: &[&str], wanted: &[&str], more: &str) -> Program {
    let mut program = reconcile(&format!(
        "\"rawPolicies\":[{}]{more}",
        objects(wanted, false)
    ));
    let list = one(program.step());
    let body = format!(r#"{{"items":[{}]}}"#, objects(live, true));
    program.resume(vec![answer(&list, 200, &body)]);
    program
}

fn codes(diagnostics: &[Diagnostic]) -> Vec<&'static str> {
    diagnostics.iter().map(|one| one.code).collect()
}

/// The name of the object that a request is about.
fn name(request: &KubeRequest) -> &str {
    request.path.rsplit('/').next().expect("a path")
}

/// Drives a program to its end; those of `refused` are answered by a status. The names of what was sent, in order.
fn drive(program: &mut Program, refused: &[(&str, u16)]) -> Vec<String> {
    let mut sent = Vec::new();
    while let Step::Requests(asked, _) = program.step().clone() {
        let responses = asked.iter().map(|request| {
            let status = refused.iter().find(|(known, _)| *known == name(request));
            match status {
                Some((_, status)) => answer(request, *status, "{}"),
                None => accepted(request),
            }
        });
        let responses = responses.collect();
        sent.extend(asked.iter().map(|request| name(request).to_owned()));
        program.resume(responses);
    }
    sent
}

#[test]
fn the_order_of_a_plan() {
    for (live, wanted, expected) in [
        (
            &["old-allow ALLOW a", "old-deny DENY a", "same ALLOW b"][..],
            &["new-allow ALLOW a", "new-deny DENY a", "same ALLOW b"][..],
            "new-deny new-allow same old-allow old-deny",
        ),
        // Both that come are there before the one that leaves.
        (
            &["1 ALLOW a", "2 ALLOW b", "3 ALLOW c"],
            &["1 ALLOW d", "2 ALLOW a", "3 ALLOW a"],
            "2 3 1",
        ),
        // What denies as before goes with the others, what denies less after them.
        (
            &["1 DENY a", "2 ALLOW a"],
            &["1 DENY a", "2 ALLOW a"],
            "1 2",
        ),
        (
            &["1 DENY a", "2 ALLOW a"],
            &["1 DENY b", "2 ALLOW a"],
            "2 1",
        ),
        (
            &["1 DENY a", "2 ALLOW a"],
            &["1 ALLOW a", "2 ALLOW a"],
            "2 1",
        ),
        (
            &["1 DENY a", "2 ALLOW a"],
            &["1 CUSTOM a", "2 ALLOW a"],
            "1 2",
        ),
        (
            &["1 ALLOW a", "2 ALLOW a"],
            &["1 DENY a", "2 ALLOW a"],
            "2 1",
        ),
        // What only looks on covers nothing.
        (
            &["1 ALLOW a", "2 ALLOW b"],
            &["1 dry a", "2 ALLOW b"],
            "2 1",
        ),
        (
            &["1 ALLOW a", "2 ALLOW b"],
            &["1 AUDIT a", "2 ALLOW b"],
            "2 1",
        ),
        (
            &["1 dry a", "2 ALLOW b"],
            &["1 ALLOW a", "2 ALLOW b"],
            "1 2",
        ),
    ] {
        let program = with(live, wanted, ",\"plan\":true");
        let outcome = done(program.step());
        let names: Vec<_> = outcome
            .changes
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(names.join(" "), expected, "{live:?} {wanted:?}");
        assert_eq!(codes(&outcome.diagnostics), [""; 0], "{live:?} {wanted:?}");
    }
}

#[test]
fn policies_that_swap_their_targets() {
    let (live, wanted) = (["1 ALLOW a", "2 ALLOW b"], ["1 ALLOW b", "2 ALLOW a"]);
    let program = with(&live, &wanted, ",\"plan\":true");
    let told = &done(program.step()).diagnostics;
    let messages: Vec<_> = told.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(
        messages,
        ["while `n/1` is updated, `n/Service/a` has no ALLOW policy for a moment, and is open"]
    );
    assert_eq!(codes(told), [code::UNCOVERED_TARGET]);
    // Not where another one stays, or comes before.
    for (more_live, more_wanted) in [
        (Some("3 ALLOW a"), Some("3 ALLOW a")),
        (Some("3 ALLOW a+c"), Some("3 ALLOW a+c")),
        (None, Some("3 ALLOW a")),
    ] {
        let live = [&live[..], more_live.as_slice()].concat();
        let wanted = [&wanted[..], more_wanted.as_slice()].concat();
        let program = with(&live, &wanted, ",\"plan\":true");
        assert_eq!(
            done(program.step()).diagnostics,
            [],
            "{more_live:?} {more_wanted:?}"
        );
    }
}

#[test]
fn what_a_refusal_holds_back() {
    let held = |count: usize| {
        format!(
            "{count} changes were held back, because without what was refused they might open a target"
        )
    };
    for (live, wanted, refused, sent, told) in [
        // Without a DENY policy that was to come nothing opens any more.
        (
            &["old ALLOW a"][..],
            &["new ALLOW b", "no DENY c"][..],
            "no",
            "no",
            &[held(2)][..],
        ),
        // Without another one nothing is uncovered, but for what others are known to cover.
        (
            &["old ALLOW a", "was DENY b"],
            &["no ALLOW a", "yes ALLOW c"],
            "no",
            "no yes",
            &[held(2)],
        ),
        (
            &[
                "1-old ALLOW z",
                "2-old ALLOW m",
                "3-old ALLOW a",
                "4-old ALLOW b",
            ],
            &[
                "1-new ALLOW z",
                "2-new ALLOW m",
                "3-new ALLOW a",
                "no ALLOW q",
            ],
            "no",
            "1-new 2-new 3-new no 1-old 2-old 3-old",
            &[held(1)],
        ),
        (
            &["old ALLOW a", "stays ALLOW a"],
            &["no ALLOW q", "stays ALLOW a"],
            "no",
            "no stays old",
            &[],
        ),
        // Those that wait for one another wait on.
        (
            &["1 ALLOW a", "2 ALLOW a+b", "3 ALLOW b", "4 ALLOW c"],
            &["1 ALLOW a", "2 ALLOW a+b", "3 ALLOW b", "4 ALLOW c"],
            "1",
            "1 4",
            &[held(2)],
        ),
    ] {
        let mut program = with(live, wanted, "");
        let names = drive(&mut program, &[(refused, 422)]);
        assert_eq!(names.join(" "), sent, "{live:?} {wanted:?}");
        let failure = failed(program.step());
        assert_eq!(failure.diagnostic.code, code::REFUSED);
        let messages: Vec<_> = failure
            .diagnostics
            .iter()
            .map(|one| one.message.clone())
            .collect();
        assert_eq!(messages, told, "{live:?} {wanted:?}");
        assert_eq!(failure.changes.len(), names.len() - 1);
        assert_eq!(failure.unresolved, []);
    }
}

#[test]
fn refusals_of_one_policy_and_of_all() {
    let webhook = r#"{"message":"admission webhook \"x\" denied it"}"#;
    for (status, body, code, message, goes_on, may_have_worked) in [
        (
            400,
            "{}",
            code::REFUSED,
            "the API server gives no reason",
            true,
            false,
        ),
        (
            401,
            "{}",
            code::FORBIDDEN,
            "the API server gives no reason",
            false,
            false,
        ),
        (
            403,
            r#"{"message":"no right"}"#,
            code::FORBIDDEN,
            "no right",
            true,
            false,
        ),
        (
            403,
            webhook,
            code::REFUSED,
            "admission webhook \"x\" denied it",
            true,
            false,
        ),
        (
            404,
            "{}",
            code::NOT_FOUND,
            "the API server gives no reason",
            true,
            false,
        ),
        (
            408,
            "{}",
            code::UNAVAILABLE,
            "the API server gives no reason",
            false,
            false,
        ),
        (
            409,
            r#"{"message":"busy"}"#,
            code::CONFLICT,
            "busy",
            true,
            false,
        ),
        (
            422,
            "not JSON",
            code::REFUSED,
            "the API server gives no reason",
            true,
            false,
        ),
        (
            429,
            "{}",
            code::UNAVAILABLE,
            "the API server gives no reason",
            false,
            false,
        ),
        (
            499,
            "{}",
            code::REFUSED,
            "the API server gives no reason",
            false,
            false,
        ),
        (
            500,
            r#"{"message":"ouch"}"#,
            code::UNAVAILABLE,
            "ouch",
            false,
            true,
        ),
        (
            503,
            "",
            code::UNAVAILABLE,
            "the API server gives no reason",
            false,
            true,
        ),
    ] {
        // One more than may be on the way at once, each in a namespace of its own.
        let names: Vec<_> = (0..17)
            .map(|at| raw(&format!("p{at}"), "a").replace("\"n\"", &format!("\"n{at}\"")))
            .collect();
        let mut program = reconcile(&format!("\"rawPolicies\":[{}]", names.join(",")));
        let list = one(program.step());
        program.resume(vec![answer(&list, 200, r#"{"items":[]}"#)]);
        let mut out = requests(program.step());
        let first = out.remove(0);
        program.resume(vec![answer(&first, status, body)]);
        let last = requests(program.step());
        assert_eq!(last.len(), usize::from(goes_on), "{status}");
        out.extend(last);
        program.resume(out.iter().map(accepted).collect());
        let failure = failed(program.step());
        assert_eq!(failure.diagnostic.code, code, "{status} {body}");
        let expected =
            format!("cannot apply AuthorizationPolicy `n0/p0`: {message} (status {status})");
        assert_eq!(failure.diagnostic.message, expected);
        assert_eq!(
            failure.unresolved.len(),
            usize::from(may_have_worked),
            "{status}"
        );
        assert_eq!(
            failure.changes.len(),
            if goes_on { 16 } else { 15 },
            "{status}"
        );
        let stopped = "2 of 17 changes are not made, or not for certain";
        let rest: Vec<_> = failure
            .diagnostics
            .iter()
            .map(|one| one.message.as_str())
            .collect();
        assert_eq!(rest, vec![stopped; usize::from(!goes_on)], "{status}");
    }
}

#[test]
fn conflicts() {
    let cause = |field: &str, manager: &str| {
        format!(
            r#"{{"reason":"FieldManagerConflict","field":"{field}","message":"conflict with \"{manager}\" using v1"}}"#
        )
    };
    let told = |live: &[&str], status: u16, causes: &[String]| {
        let mut program = with(live, &["p ALLOW a"], "");
        let write = one(program.step());
        let body = format!(
            r#"{{"message":"busy","details":{{"causes":[{}]}}}}"#,
            causes.join(",")
        );
        program.resume(vec![answer(&write, status, &body)]);
        let diagnostic = &failed(program.step()).diagnostic;
        let message = diagnostic
            .message
            .trim_start_matches("cannot apply AuthorizationPolicy `n/p`: ");
        let (message, _) = message.rsplit_once(" (").expect("a status");
        (
            message.to_owned(),
            diagnostic.help.clone().unwrap_or_default(),
        )
    };
    let live = &["p ALLOW a"][..];
    let other = r#"{"reason":"Other","field":"z","message":"no"}"#.to_owned();
    let both = [cause("a", "me"), other.clone(), cause("b", "you")];
    let (message, help) = told(live, 409, &both);
    assert_eq!(message, "`a` is managed by `me`, `b` is managed by `you`");
    assert!(
        help.starts_with("look at what the other writer wants"),
        "{help}"
    );
    // What is new to us and there all the same is somebody else's.
    let (_, help) = told(&[], 409, &both);
    assert!(help.starts_with("an object of this name exists"), "{help}");
    assert_eq!(told(live, 409, &[other]).0, "busy");
    assert_eq!(told(live, 422, &both).0, "busy");
    assert!(
        !told(&[], 422, &both)
            .1
            .starts_with("an object of this name")
    );
    // `` `FIELD` is managed by `me` `` has 600 characters, and one more.
    for (length, last) in [(579, "`b` is managed by `you`"), (580, "…")] {
        let many = [
            cause(&"f".repeat(length), "me"),
            cause("b", "you"),
            cause("c", "you"),
        ];
        let (message, _) = told(live, 409, &many);
        let parts: Vec<_> = message.split(", ").collect();
        assert_eq!(parts[1], last, "{length}");
        assert_eq!(message.matches('…').count(), 1);
    }
}

#[test]
fn what_others_say_is_cut() {
    let told = |said: &str| {
        let mut program = with(&[], &["p ALLOW a"], "");
        let write = one(program.step());
        program.resume(vec![answer(
            &write,
            400,
            &format!(r#"{{"message":"{said}"}}"#),
        )]);
        let message = failed(program.step()).diagnostic.message.clone();
        let (_, message) = message.split_once("`: ").expect("a message");
        let (message, _) = message.rsplit_once(" (").expect("a status");
        message.to_owned()
    };
    let long = "é".repeat(600);
    for (said, expected) in [
        ("no", "no".to_owned()),
        // Characters that move a cursor, of one byte and of two.
        ("a\\u0007b\u{85}c", "a b c".to_owned()),
        (&long, long.clone()),
        (&format!("{long}x"), format!("{long}…")),
    ] {
        assert_eq!(told(said), expected);
    }
}

#[test]
fn of_many_failures_the_first_are_told() {
    for (failures, told, more) in [
        (99, 99, None),
        (100, 100, None),
        (101, 100, Some("1 more changes failed like these")),
        (103, 100, Some("3 more changes failed like these")),
    ] {
        let names: Vec<String> = (0..failures).map(|at| format!("p{at}")).collect();
        let refused: Vec<_> = names.iter().map(|name| (name.as_str(), 422)).collect();
        let mut program = reconcile(&raws(failures, |at| format!("t{at}")));
        let list = one(program.step());
        program.resume(vec![answer(&list, 200, r#"{"items":[]}"#)]);
        assert_eq!(drive(&mut program, &refused).len(), failures);
        let failure = failed(program.step());
        let rest = failure.diagnostics.get(told - 1);
        assert_eq!(rest.map(|one| one.message.as_str()), more, "{failures}");
        assert_eq!(
            failure.diagnostics.len(),
            told - 1 + usize::from(more.is_some())
        );
    }
    // Those that never left have the reason of the first, those that did have their own.
    let lost = |request: &KubeRequest, why: NoAnswer| KubeResponse {
        id: request.id,
        answer: Err(why),
        message: String::new(),
    };
    use NoAnswer::{NotSent, Timeout};
    for (answers, told) in [
        ([Timeout, Timeout, Timeout], 3),
        ([Timeout, NotSent, NotSent], 1),
        ([NotSent, NotSent, NotSent], 1),
        ([NotSent, NotSent, Timeout], 2),
    ] {
        let mut program = with(&[], &["1 ALLOW a", "2 ALLOW b", "3 ALLOW c"], "");
        let out = requests(program.step());
        let answers = out
            .iter()
            .zip(answers)
            .map(|(request, why)| lost(request, why));
        program.resume(answers.collect());
        let failure = failed(program.step());
        let all = codes(&failure.diagnostics);
        assert_eq!(failure.diagnostic.code, code::UNREACHABLE);
        assert_eq!(
            all.iter().filter(|one| **one == code::UNREACHABLE).count(),
            told - 1
        );
    }
}

#[test]
fn options_and_what_they_change() {
    let deletion = |more: &str| {
        let mut program =
            Program::start(ProgramKind::DeletePolicies, &format!("{{{MANAGER}{more}}}"));
        let list = one(program.step());
        let body = format!(r#"{{"items":[{}]}}"#, object("p ALLOW a", true));
        program.resume(vec![answer(&list, 200, &body)]);
        program
    };
    for (more, may_be_gone) in [("", true), (",\"ignoreMissing\":false", false)] {
        let mut program = deletion(more);
        let delete = one(program.step());
        assert_eq!((delete.method, delete.retry_safe), ("DELETE", may_be_gone));
        assert_eq!(query(&delete, "fieldManager"), None);
        program.resume(vec![answer(&delete, 404, "{}")]);
        assert_eq!(matches!(program.step(), Step::Done(_)), may_be_gone);
    }
    let program = with(
        &[],
        &["p ALLOW a"],
        ",\"dryRun\":true,\"meshType\":\"istio\"",
    );
    let apply = one(program.step());
    assert!(apply.retry_safe);
    assert_eq!(query(&apply, "dryRun").as_deref(), Some("All"));
    let other = reconcile("\"policies\":[],\"meshType\":\"linkerd\"");
    assert_eq!(failed(other.step()).diagnostic.code, code::WRONG_OPTION);
    // Only who applies something needs a name.
    let nameless = |wanted: &str| {
        let options = r#"{"appName":"a","modelName":"m","labels":{"by":"beacon"},"rawPolicies":["#;
        let program = Program::start(
            ProgramKind::ReconcilePolicies,
            &format!("{options}{wanted}]}}"),
        );
        match program.step() {
            Step::Failed(failure) => Some(failure.diagnostic.code),
            _ => None,
        }
    };
    assert_eq!(nameless(""), None);
    assert_eq!(
        nameless(&object("p ALLOW a", false)),
        Some(code::WRONG_OPTION)
    );
}

#[test]
fn what_is_wanted_twice_or_elsewhere() {
    let said = |wanted: &[&str], more: &str| {
        let program = with(&[], wanted, &format!(",\"plan\":true{more}"));
        let outcome = done(program.step()).clone();
        let told = outcome.diagnostics.into_iter().map(|one| one.message);
        (outcome.changes.len(), told.collect::<Vec<_>>())
    };
    let twice = "there are two different policies `n/p`: the last one is taken".to_owned();
    assert_eq!(said(&["p ALLOW a", "p ALLOW a"], ""), (1, vec![]));
    assert_eq!(said(&["p ALLOW a", "p ALLOW b"], ""), (1, vec![twice]));
    let three = &["p ALLOW a", "q ALLOW a", "r ALLOW a"];
    let outside = "3 policies are outside of namespace `far` and left alone".to_owned();
    assert_eq!(said(three, ",\"namespace\":\"far\""), (0, vec![outside]));
    assert_eq!(said(three, ",\"namespace\":\"n\""), (3, vec![]));
}
