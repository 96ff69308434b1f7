//! What `reconcile_charm_labels` sends, says and counts, from what it finds. What becomes of faults is in `tests/faults`.

#[path = "common/programs.rs"]
mod programs;

use mesh_policy::kube::{KubeRequest, KubeResponse, Program, ProgramKind, Step, code};
use programs::{accepted, answer, done, failed, requests};

/// What an API server holds of an application: `data` of the ConfigMap, labels of pods and Service; `None` where an object is
/// missing.
#[derive(Clone, Copy)]
struct Cluster {
    ledger: Option<&'static str>,
    pods: Option<&'static str>,
    service: Option<&'static str>,
}

/// Nothing was ever labelled.
const FRESH: Cluster = Cluster {
    ledger: None,
    pods: Some("{}"),
    service: Some("{}"),
};

impl Cluster {
    fn read(&self, request: &KubeRequest) -> KubeResponse {
        let name = request.path.rsplit('/').next().unwrap_or_default();
        let (found, what) = if request.path.contains("/configmaps/") {
            (self.ledger, r#""resourceVersion":"7","uid":"u"},"data":"#)
        } else if request.path.contains("/statefulsets/") {
            (
                self.pods,
                r#""x":1},"spec":{"template":{"metadata":{"labels":"#,
            )
        } else {
            (self.service, r#""labels":"#)
        };
        let Some(found) = found else {
            return answer(request, 404, "{}");
        };
        let mut body = format!(r#"{{"metadata":{{"name":"{name}",{what}{found}"#);
        let open = body.matches('{').count() - body.matches('}').count();
        body.push_str(&"}".repeat(open));
        answer(request, 200, &body)
    }
}

fn start(kind: ProgramKind, rest: &str) -> Program {
    let options = format!(r#"{{"appName":"api","namespace":"m","fieldManager":"f"{rest}}}"#);
    Program::start(kind, &options)
}

fn reconcile(labels: &str) -> Program {
    start(
        ProgramKind::ReconcileCharmLabels,
        &format!(r#","labels":{labels}"#),
    )
}

fn remove() -> Program {
    start(ProgramKind::RemoveCharmLabels, "")
}

/// Drives a program to its end, with `write` for what is said to each write. All requests, as `METHOD NAME-OF-OBJECT`.
fn drive(
    program: &mut Program,
    cluster: Cluster,
    write: impl Fn(usize, &KubeRequest) -> KubeResponse,
) -> Vec<KubeRequest> {
    let mut sent: Vec<KubeRequest> = Vec::new();
    let mut writes = 0;
    while let Step::Requests(asked, progress) = program.step().clone() {
        assert!(sent.len() < 20, "it goes on");
        let reads = asked.iter().all(|request| request.method == "GET");
        assert_eq!(progress.done, writes, "{progress:?}");
        assert_eq!(progress.phase == "reading", reads, "{progress:?}");
        assert_eq!(progress.total == 0, reads, "{progress:?}");
        let responses = asked.iter().map(|request| match request.method {
            "GET" => cluster.read(request),
            _ => write(writes, request),
        });
        let responses = responses.collect();
        writes += usize::from(!reads);
        sent.extend(asked);
        program.resume(responses);
    }
    // No answer to one request can be taken for that to another.
    let mut ids: Vec<u32> = sent.iter().map(|request| request.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), ids.contains(&0)), (sent.len(), false));
    sent
}

fn takes(_: usize, request: &KubeRequest) -> KubeResponse {
    let mut named = request.clone();
    if request.method == "POST" {
        named.path.push_str("/juju-service-mesh-api-labels");
    }
    accepted(&named)
}

/// What is done, as `ACTION KIND in PHASE`, and how many objects stay as they are.
fn outcome(program: &Program) -> (Vec<String>, usize) {
    let outcome = done(program.step());
    let changes = outcome.changes.iter();
    let changes = changes.map(|one| format!("{} {} in {}", one.action, one.kind, one.phase));
    (changes.collect(), outcome.unchanged)
}

const CREATED: &str = "create ConfigMap in ledger widened";
const WIDENED: &str = "update ConfigMap in ledger widened";
const NARROWED: &str = "update ConfigMap in ledger narrowed";
const PODS: &str = "update StatefulSet in StatefulSet";
const SERVICE: &str = "update Service in Service";

#[test]
fn what_is_found_decides_what_is_written() {
    let with = |ledger, pods, service| Cluster {
        ledger: Some(ledger),
        pods: Some(pods),
        service: Some(service),
    };
    let (ours, other) = (r#"{"a":"b"}"#, r#"{"old":"1"}"#);
    let (known, before) = (
        r#"{"labels":"{\"a\": \"b\"}"}"#,
        r#"{"labels":"{\"old\": \"1\"}"}"#,
    );
    for (cluster, wanted, expected, unchanged) in [
        (FRESH, ours, &[CREATED, PODS, SERVICE][..], 0),
        (FRESH, "{}", &["create ConfigMap in ledger narrowed"], 2),
        (with(known, ours, ours), ours, &[], 3),
        (with(known, ours, "{}"), ours, &[SERVICE], 2),
        (with(known, ours, ours), "{}", &[PODS, SERVICE, NARROWED], 0),
        (
            with(before, other, other),
            ours,
            &[WIDENED, PODS, SERVICE, NARROWED],
            0,
        ),
        (with(before, ours, ours), ours, &[NARROWED], 2),
        // A ConfigMap without data is there all the same.
        (with("null", "{}", "{}"), ours, &[WIDENED, PODS, SERVICE], 0),
        (with("{}", ours, ours), ours, &[NARROWED], 2),
        (with("{}", "{}", "{}"), "{}", &[NARROWED], 2),
    ] {
        let mut program = reconcile(wanted);
        let sent = drive(&mut program, cluster, takes);
        let expected = expected.iter().map(|one| (*one).to_owned()).collect();
        assert_eq!(
            outcome(&program),
            (expected, unchanged),
            "{:?} {wanted}",
            cluster.ledger
        );
        for request in sent.iter().skip(3) {
            assert_eq!(request.query, [("fieldManager", "f".to_owned())]);
            assert_eq!(
                request.retry_safe,
                !request.path.contains("configmaps"),
                "{request:?}"
            );
        }
    }
}

#[test]
fn a_removal_ends_with_the_ledger() {
    let ours = Some(r#"{"a":"b","z":"other"}"#);
    let labelled = Cluster {
        ledger: Some(r#"{"labels":"{\"a\": \"b\"}"}"#),
        pods: ours,
        service: ours,
    };
    let gone = Cluster {
        pods: None,
        ..labelled
    };
    let deleted = "delete ConfigMap in ledger deleted";
    for (cluster, expected, reads, unchanged) in [
        (labelled, &[PODS, SERVICE, deleted][..], 3, 0),
        // What seems to be gone is asked for twice.
        (gone, &[SERVICE, deleted], 4, 0),
        (FRESH, &[], 3, 2),
    ] {
        let mut program = remove();
        let sent = drive(&mut program, cluster, takes);
        let expected: Vec<_> = expected.iter().map(|one| (*one).to_owned()).collect();
        assert_eq!(sent.len(), reads + expected.len());
        assert_eq!(outcome(&program), (expected, unchanged));
    }
    let mut program = remove();
    let sent = drive(&mut program, labelled, takes);
    assert_eq!(sent[3].why, "removes `a`");
    assert_eq!((sent[5].method, sent[5].query.len()), ("DELETE", 0));
    // Somebody else may have deleted it.
    let mut program = remove();
    drive(&mut program, labelled, |write, request| match write {
        2 => answer(request, 404, "{}"),
        _ => accepted(request),
    });
    assert_eq!(outcome(&program).0.len(), 3);
    // But nothing else may be missing, nor refuse.
    for (at, status) in [(0, 404), (1, 404), (2, 409), (2, 500)] {
        let mut program = remove();
        drive(&mut program, labelled, |write, request| {
            if write == at {
                answer(request, status, "{}")
            } else {
                accepted(request)
            }
        });
        let failure = failed(program.step());
        assert_eq!(
            (failure.changes.len(), failure.unresolved.len()),
            (at, usize::from(status >= 500))
        );
    }
}

#[test]
fn without_pods_or_service_nothing_is_written() {
    for (pods, service, missing) in [
        (None, Some("{}"), "StatefulSet `m/api`"),
        (Some("{}"), None, "Service `m/api`"),
    ] {
        let cluster = Cluster {
            pods,
            service,
            ..FRESH
        };
        let mut program = reconcile(r#"{"a":"b"}"#);
        assert_eq!(drive(&mut program, cluster, takes).len(), 3);
        let diagnostic = &failed(program.step()).diagnostic;
        assert_eq!(diagnostic.code, code::NOT_FOUND);
        assert_eq!(
            diagnostic.message,
            format!("there is no {missing}; nothing was written")
        );
    }
}

#[test]
fn what_is_told() {
    let mut program = reconcile(r#"{"a":"b","c":"d"}"#);
    let reads: Vec<_> = requests(program.step())
        .into_iter()
        .map(|one| one.why)
        .collect();
    assert_eq!(
        reads,
        [
            "to see which labels ConfigMap `m/juju-service-mesh-api-labels` has",
            "to see which labels StatefulSet `m/api` has",
            "to see which labels Service `m/api` has",
        ]
    );
    let before = Cluster {
        ledger: Some(r#"{"labels":"{\"a\": \"x\", \"old\": \"1\"}"}"#),
        pods: Some(r#"{"a":"b","old":"1"}"#),
        service: Some(r#"{"a":"b"}"#),
    };
    drive(&mut program, before, takes);
    let outcome = done(program.step());
    let why: Vec<_> = outcome.changes.iter().map(|one| one.why.as_str()).collect();
    assert_eq!(
        why,
        [
            "so that `c` can be taken away again, whatever happens",
            "sets `c`, removes `old`",
            "sets `c`",
            "it then names the labels that are set, and no others",
        ]
    );
    assert_eq!(outcome.restarts.len(), 1);
    assert_eq!(
        outcome.restarts[0].why,
        "a change of the pods' template replaces the pods: sets `c`, removes `old`"
    );
    let mut program = reconcile(r#"{"a":"b","c":"d"}"#);
    drive(&mut program, FRESH, takes);
    assert_eq!(done(program.step()).changes[1].why, "sets `a`, `c`");
    let mut program = reconcile(r#"{"a":"b","c":"d"}"#);
    drive(&mut program, FRESH, |_, request| {
        answer(request, 403, r#"{"message":"no"}"#)
    });
    assert_eq!(
        failed(program.step()).diagnostic.message,
        "cannot write ConfigMap `m/juju-service-mesh-api-labels`: no (status 403)"
    );
}
