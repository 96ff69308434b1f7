//! Labels of a charm.

use crate::world::{End, FAULTS, Fault, Order, Random, STRIDE, cluster, drive, run, text};
use mesh_policy::conformance::fake_cluster::FakeCluster;
use mesh_policy::kube::ProgramKind;
use mesh_policy::text::{Node, parse_json};

const APP: &str = "app";
const FOREIGN: [(&str, &str); 2] = [("app.kubernetes.io/name", "app"), ("team", "shop")];

/// Wishes: keys that are shared, changed, new and gone.
const WISHES: [&str; 5] = [
    r#"{"mesh":"on","way":"a"}"#,
    r#"{"mesh":"on","way":"b","more":"yes"}"#,
    r#"{"other":"1"}"#,
    r#"{"way":"a","mesh":"on"}"#,
    "{}",
];

/// What a run wants: labels, or that all goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Labels(&'static str),
    Removal,
}

fn wishes() -> impl Iterator<Item = Wish> {
    WISHES.into_iter().map(Wish::Labels).chain([Wish::Removal])
}

fn start(wish: Wish) -> (ProgramKind, String) {
    let begin = r#"{"appName":"app","namespace":"m","fieldManager":"me""#;
    match wish {
        Wish::Labels(labels) => {
            let options = format!("{begin},\"labels\":{labels}}}");
            (ProgramKind::ReconcileCharmLabels, options)
        }
        Wish::Removal => (ProgramKind::RemoveCharmLabels, format!("{begin}}}")),
    }
}

/// The application as Juju makes it, and another beside it.
fn fresh() -> FakeCluster {
    let object = |kind: &str, name: &str| {
        let labels = r#"{"app.kubernetes.io/name":"app","team":"shop"}"#;
        format!(
            r#"{{"kind":"{kind}","metadata":{{"name":"{name}","namespace":"m","labels":{labels}}},
            "spec":{{"replicas":1,"template":{{"metadata":{{"labels":{labels}}}}}}}}}"#
        )
    };
    cluster(&format!(
        r#"[{},{},{},{},{{"kind":"ConfigMap","metadata":{{"name":"juju-service-mesh-other-labels",
        "namespace":"m"}},"data":{{"labels":"{{\"mesh\": \"on\"}}"}}}}]"#,
        object("StatefulSet", APP),
        object("Service", APP),
        object("StatefulSet", "other"),
        object("Service", "other"),
    ))
}

type Labels = Vec<(String, String)>;

fn labels_at(node: Option<&Node<'_>>) -> Labels {
    let labels = node
        .and_then(|node| node.get("metadata")?.get("labels"))
        .and_then(Node::as_object);
    let mut labels: Labels = labels
        .into_iter()
        .flat_map(|labels| labels.iter())
        .map(|member| {
            (
                member.key.to_string(),
                member.value.as_str().expect("is text").to_owned(),
            )
        })
        .collect();
    labels.sort();
    labels
}

struct Seen {
    stateful_set: Labels,
    service: Labels,
    /// `None` where there is no ConfigMap.
    ledger: Option<Labels>,
    others: Vec<String>,
}

fn see(cluster: &FakeCluster) -> Seen {
    let mut seen = Seen {
        stateful_set: Labels::new(),
        service: Labels::new(),
        ledger: None,
        others: Vec::new(),
    };
    for object in cluster.objects() {
        let kind = object
            .get("kind")
            .and_then(Node::as_str)
            .expect("has a kind");
        let name = object.get("metadata").and_then(|m| m.get("name")?.as_str());
        match (kind, name.expect("has a name")) {
            ("StatefulSet", APP) => {
                let template = object.get("spec").and_then(|spec| spec.get("template"));
                seen.stateful_set = labels_at(template);
                // Everything else of it stays.
                assert_eq!(labels_at(Some(object)), labels(FOREIGN));
            }
            ("Service", APP) => seen.service = labels_at(Some(object)),
            ("ConfigMap", "juju-service-mesh-app-labels") => {
                let text = object
                    .get("data")
                    .and_then(|data| data.get("labels")?.as_str());
                seen.ledger = Some(parsed(text.expect("is text")));
            }
            _ => seen.others.push(text(object)),
        }
    }
    seen
}

fn parsed(text: &str) -> Labels {
    let document = parse_json(text).expect("is JSON");
    let object = document.root.as_object().expect("is an object");
    let pairs = object.iter().map(|member| {
        (
            member.key.to_string(),
            member.value.as_str().expect("is text").to_owned(),
        )
    });
    let mut labels: Labels = pairs.collect();
    labels.sort();
    labels
}

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// At every moment, each label that is not foreign is in the ledger.
fn check_ledger(cluster: &FakeCluster, what: &str) {
    let seen = see(cluster);
    let ledger = seen.ledger.unwrap_or_default();
    for (key, _) in seen.stateful_set.iter().chain(&seen.service) {
        let is_foreign = FOREIGN.iter().any(|(foreign, _)| foreign == key);
        let is_known = ledger.iter().any(|(known, _)| known == key);
        assert!(is_foreign || is_known, "`{key}` is in no ledger: {what}");
    }
}

/// The end state that a wish asks for.
fn check_end(cluster: &FakeCluster, wish: Wish, others: &[String], what: &str) {
    let seen = see(cluster);
    let wanted = match wish {
        Wish::Labels(text) => parsed(text),
        Wish::Removal => Labels::new(),
    };
    let mut all = labels(FOREIGN);
    all.extend(wanted.iter().cloned());
    all.sort();
    assert_eq!(seen.stateful_set, all, "StatefulSet: {what}");
    assert_eq!(seen.service, all, "Service: {what}");
    let ledger = (wish != Wish::Removal).then_some(wanted);
    assert_eq!(seen.ledger, ledger, "ledger: {what}");
    assert_eq!(seen.others, others, "{what}");
}

#[test]
fn every_fault_at_every_step() {
    let others = see(&fresh()).others;
    let (mut runs, mut failed, mut died, mut combination) = (0, 0, 0, 0);
    for before in [None].into_iter().chain(wishes().map(Some)) {
        let mut initial = fresh();
        if let Some(before) = before {
            let (kind, options) = start(before);
            assert!(matches!(run(kind, &options, &mut initial).0, End::Done(_)));
            check_end(&initial, before, &others, "before");
        }
        for first in wishes() {
            let (kind, options) = start(first);
            let steps = run(kind, &options, &mut initial.clone()).1;
            for order in [Order::Forward, Order::Backward] {
                // Only what is read is asked for together.
                let steps = if matches!(order, Order::Forward) {
                    steps
                } else {
                    3
                };
                for (step, fault) in (0..steps).flat_map(|step| FAULTS.map(|fault| (step, fault))) {
                    combination += 1;
                    if combination % STRIDE != 0 {
                        continue;
                    }
                    let what =
                        format!("{before:?}, then {first:?} with {fault:?} at {step}, {order:?}");
                    let mut between = initial.clone();
                    let (end, _) = drive(
                        kind,
                        &options,
                        &mut between,
                        order,
                        |at, _| (at == step).then_some(fault),
                        |cluster| check_ledger(cluster, &what),
                    );
                    match end {
                        End::Failed(_) => failed += 1,
                        End::Died => died += 1,
                        End::Done(_) => {}
                    }
                    for second in wishes() {
                        let mut after = between.clone();
                        let (kind, options) = start(second);
                        let (end, _) = run(kind, &options, &mut after);
                        let what = format!("{what}, then {second:?}: {end:?}");
                        assert!(matches!(end, End::Done(_)), "{what}");
                        // Without a ledger there is nothing to remove.
                        check_end(&after, second, &others, &what);
                        runs += 1;
                    }
                }
            }
        }
    }
    println!(
        "labels: {runs} runs interrupted and run again ({failed} failures, {died} deaths first): 0 orphaned"
    );
    assert!(runs * STRIDE > 10000 && failed * STRIDE > 1000 && died * STRIDE > 100);
}

#[test]
fn many_faults_one_after_the_other() {
    let mut random = Random::new("labels");
    let all: Vec<Wish> = wishes().collect();
    let others = see(&fresh()).others;
    // Two false 404 in a row are believed: then something is really gone.
    let faults: Vec<Fault> = FAULTS
        .into_iter()
        .filter(|fault| *fault != Fault::Status(404))
        .collect();
    for round in 0..2_000 {
        let mut cluster = fresh();
        for _ in 0..random.below(6) + 1 {
            let (kind, options) = start(all[random.below(all.len())]);
            let what = format!("round {round}, {options}");
            let order = [Order::Forward, Order::Backward][random.below(2)];
            let fault = |_: usize, _: &_| {
                (random.below(4) == 0).then(|| faults[random.below(faults.len())])
            };
            drive(kind, &options, &mut cluster, order, fault, |cluster| {
                check_ledger(cluster, &what)
            });
        }
        let wish = all[random.below(all.len())];
        let (kind, options) = start(wish);
        let (end, _) = run(kind, &options, &mut cluster);
        check_end(&cluster, wish, &others, &format!("round {round}: {end:?}"));
    }
}

#[test]
fn a_false_404_while_removing_orphans_nothing() {
    for step in 0..3 {
        let mut cluster = fresh();
        let (kind, options) = start(Wish::Labels(WISHES[0]));
        run(kind, &options, &mut cluster);
        let (kind, options) = start(Wish::Removal);
        let fault = |at, _: &_| (at == step).then_some(Fault::Status(404));
        drive(
            kind,
            &options,
            &mut cluster,
            Order::Forward,
            fault,
            |cluster| {
                check_ledger(cluster, "a false 404");
            },
        );
    }
}

#[test]
fn what_is_right_is_not_written() {
    for wish in wishes() {
        let mut cluster = fresh();
        let (kind, options) = start(wish);
        run(kind, &options, &mut cluster);
        let (end, requests) = run(kind, &options, &mut cluster);
        let End::Done(outcome) = end else {
            panic!("{end:?}");
        };
        assert_eq!((requests, outcome.changes.len()), (3, 0), "{wish:?}");
        assert!(outcome.restarts.is_empty());
    }
}

#[test]
fn a_plan_writes_nothing_and_names_the_restarts() {
    let mut cluster = fresh();
    let (kind, options) = start(Wish::Labels(WISHES[0]));
    let options = options
        .replace('}', ",\"plan\":true}")
        .replacen(",\"plan\":true}", "}", 1);
    let before: Vec<String> = cluster.objects().map(text).collect();
    let (end, requests) = run(kind, &options, &mut cluster);
    let End::Done(outcome) = end else {
        panic!("{end:?}");
    };
    assert_eq!(requests, 3);
    assert_eq!(cluster.objects().map(text).collect::<Vec<_>>(), before);
    let phases: Vec<_> = outcome.changes.iter().map(|change| change.phase).collect();
    assert_eq!(phases, ["ledger widened", "StatefulSet", "Service"]);
    assert!(
        outcome
            .changes
            .iter()
            .all(|change| change.request.is_some())
    );
    assert_eq!(outcome.restarts.len(), 1);
    assert_eq!(outcome.restarts[0].name, APP);
}
