//! Policies of a manager.

use crate::world::{End, FAULTS, Fault, Order, Random, STRIDE, cluster, drive, run, text};
use mesh_policy::analysis::plan::read_plan;
use mesh_policy::analysis::safety::{Harm, Moment, prove};
use mesh_policy::compile::Source;
use mesh_policy::conformance::fake_cluster::FakeCluster;
use mesh_policy::kube::{KubeRequest, ProgramKind, code};
use mesh_policy::mesh::input::{MeshInput, read_mesh};
use mesh_policy::text::Node;
use std::collections::BTreeSet;

const LABELS: &str = r#""labels":{"app.kubernetes.io/instance":"beacon-m","scope":"policies"}"#;

fn mesh_policy(source: &str, target: &str, port: u16) -> String {
    format!(
        r#"{{"source_namespace":"m","source_app_name":"{source}","target_namespace":"n",
        "target_app_name":"{target}","endpoints":[{{"ports":[{port}]}}]}}"#
    )
}

fn raw(name: &str, target: &str, action: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"n"}},"spec":{{"action":"{action}",
        "targetRefs":[{{"group":"","kind":"Service","name":"{target}"}}],
        "rules":[{{"to":[{{"operation":{{"ports":["80"]}}}}]}}]}}}}"#
    )
}

/// What a run wants.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wish {
    policies: Vec<String>,
    raw: Vec<String>,
}

fn wishes() -> [Wish; 5] {
    let first = Wish {
        policies: vec![
            mesh_policy("a", "t1", 80),
            mesh_policy("b", "t1", 80),
            mesh_policy("a", "t2", 80),
        ],
        raw: vec![
            raw("moving", "t3", "ALLOW"),
            raw("following", "t5", "ALLOW"),
            raw("deny", "t1", "DENY"),
            raw("turning", "t6", "DENY"),
        ],
    };
    let second = Wish {
        // The only policy of t2 gets another name, one of t1 goes.
        policies: vec![
            mesh_policy("a", "t1", 80),
            mesh_policy("a", "t2", 8080),
            mesh_policy("c", "t6", 80),
        ],
        raw: vec![
            // t3 is left by the one and taken by the other.
            raw("moving", "t4", "ALLOW"),
            raw("following", "t3", "ALLOW"),
            raw("other-deny", "t1", "DENY"),
            raw("turning", "t6", "ALLOW"),
        ],
    };
    let third = Wish {
        policies: vec![mesh_policy("a", "t2", 8080), mesh_policy("d", "t3", 1)],
        raw: vec![raw("deny", "t1", "ALLOW"), raw("turning", "t6", "AUDIT")],
    };
    let nothing = Wish {
        policies: Vec::new(),
        raw: Vec::new(),
    };
    [first.clone(), second, third, nothing, first]
}

fn start(wish: &Wish) -> (ProgramKind, String) {
    let options = format!(
        r#"{{"appName":"beacon","modelName":"m",{LABELS},"fieldManager":"beacon","pageSize":2,
        "policies":[{}],"rawPolicies":[{}]}}"#,
        wish.policies.join(","),
        wish.raw.join(",")
    );
    (ProgramKind::ReconcilePolicies, options)
}

/// A cluster with policies of others.
fn fresh() -> FakeCluster {
    let policy = |name: &str, labels: &str| {
        format!(
            r#"{{"kind":"AuthorizationPolicy","metadata":{{"name":"{name}","namespace":"n",
            "labels":{labels}}},"spec":{{"rules":[]}}}}"#
        )
    };
    cluster(&format!(
        "[{},{},{}]",
        policy("theirs", "{}"),
        policy(
            "of-another",
            r#"{"app.kubernetes.io/instance":"beacon-x","scope":"policies"}"#
        ),
        policy("half", r#"{"app.kubernetes.io/instance":"beacon-m"}"#),
    ))
}

fn is_ours(object: &Node<'_>) -> bool {
    let labels = object
        .get("metadata")
        .and_then(|metadata| metadata.get("labels"));
    let label = |key: &str| labels.and_then(|labels| labels.get(key)?.as_str());
    label("app.kubernetes.io/instance") == Some("beacon-m") && label("scope") == Some("policies")
}

/// The texts of all objects.
fn all(cluster: &FakeCluster) -> Vec<String> {
    cluster.objects().map(text).collect()
}

/// Which targets some policy of ours with this action is attached to.
fn covered(cluster: &FakeCluster, action: &str) -> BTreeSet<String> {
    let ours = cluster.objects().filter(|object| is_ours(object));
    let spec = ours.map(|object| object.get("spec").expect("has a spec"));
    spec.filter(|spec| {
        let found = spec.get("action").and_then(Node::as_str);
        found.unwrap_or("ALLOW") == action
    })
    .map(|spec| {
        serde_json::to_string(spec.get("targetRefs").expect("has a target"))
            .expect("can be written")
    })
    .collect()
}

/// What stays covered throughout: what is covered before and after.
struct Throughout {
    allow: BTreeSet<String>,
    deny: BTreeSet<String>,
}

impl Throughout {
    fn of(before: &FakeCluster, after: &FakeCluster) -> Self {
        let both = |action| {
            let (before, after) = (covered(before, action), covered(after, action));
            before.intersection(&after).cloned().collect()
        };
        Throughout {
            allow: both("ALLOW"),
            deny: both("DENY"),
        }
    }

    fn check(&self, cluster: &FakeCluster, what: &str) {
        let open: Vec<_> = self
            .allow
            .difference(&covered(cluster, "ALLOW"))
            .cloned()
            .collect();
        assert!(open.is_empty(), "without ALLOW: {open:?}: {what}");
        let open: Vec<_> = self
            .deny
            .difference(&covered(cluster, "DENY"))
            .cloned()
            .collect();
        assert!(open.is_empty(), "without DENY: {open:?}: {what}");
    }
}

/// The cluster after a wish, from nothing.
fn ideal(wish: &Wish) -> FakeCluster {
    let mut cluster = fresh();
    let (kind, options) = start(wish);
    let (end, _) = run(kind, &options, &mut cluster);
    assert!(matches!(end, End::Done(_)), "{end:?}");
    cluster
}

#[test]
fn every_fault_at_every_step() {
    let wishes = wishes();
    let ideals: Vec<FakeCluster> = wishes.iter().map(ideal).collect();
    let (mut runs, mut failed, mut died, mut combination) = (0, 0, 0, 0);
    for (before, initial) in ideals.iter().enumerate().take(4) {
        for (first, wish) in wishes.iter().enumerate().skip(1) {
            let (kind, options) = start(wish);
            let steps = run(kind, &options, &mut initial.clone()).1;
            let throughout = Throughout::of(initial, &ideals[first]);
            for order in [Order::Forward, Order::Backward] {
                for (step, fault) in (0..steps).flat_map(|step| FAULTS.map(|fault| (step, fault))) {
                    combination += 1;
                    if combination % STRIDE != 0 {
                        continue;
                    }
                    let what =
                        format!("{before}, then {first} with {fault:?} at {step}, {order:?}");
                    let mut between = initial.clone();
                    let (end, _) = drive(
                        kind,
                        &options,
                        &mut between,
                        order,
                        |at, _| (at == step).then_some(fault),
                        |cluster| throughout.check(cluster, &what),
                    );
                    match end {
                        End::Failed(_) => failed += 1,
                        End::Died => died += 1,
                        End::Done(_) => {}
                    }
                    for (second, wish) in wishes.iter().enumerate().skip(1) {
                        let mut after = between.clone();
                        let throughout = Throughout::of(&between, &ideals[second]);
                        let (kind, options) = start(wish);
                        let what = format!("{what}, then {second}");
                        let (end, _) = drive(
                            kind,
                            &options,
                            &mut after,
                            order,
                            |_, _| None,
                            |cluster| {
                                throughout.check(cluster, &what);
                            },
                        );
                        assert!(matches!(end, End::Done(_)), "{what}: {end:?}");
                        assert_eq!(all(&after), all(&ideals[second]), "{what}");
                        runs += 1;
                    }
                }
            }
        }
    }
    println!(
        "policies: {runs} runs interrupted and run again ({failed} failures, {died} deaths first): 0 orphaned"
    );
    assert!(runs * STRIDE > 5000 && failed * STRIDE > 1000 && died * STRIDE > 100);
}

#[test]
fn many_faults_one_after_the_other() {
    let mut random = Random::new("policies");
    let wishes = wishes();
    let ideals: Vec<FakeCluster> = wishes.iter().map(ideal).collect();
    for round in 0..500 {
        let mut cluster = fresh();
        for _ in 0..random.below(6) + 1 {
            let wish = random.below(wishes.len());
            let throughout = Throughout::of(&cluster, &ideals[wish]);
            let (kind, options) = start(&wishes[wish]);
            let order = [Order::Forward, Order::Backward][random.below(2)];
            let fault = |_: usize, _: &KubeRequest| {
                (random.below(6) == 0).then(|| FAULTS[random.below(FAULTS.len())])
            };
            let what = format!("round {round}");
            drive(kind, &options, &mut cluster, order, fault, |cluster| {
                throughout.check(cluster, &what)
            });
        }
        let wish = random.below(wishes.len());
        let (kind, options) = start(&wishes[wish]);
        let (end, _) = run(kind, &options, &mut cluster);
        assert_eq!(all(&cluster), all(&ideals[wish]), "round {round}: {end:?}");
    }
}

#[test]
fn deletion_takes_ours_and_nothing_else() {
    let mut runs = 0;
    let initial = ideal(&wishes()[0]);
    let nothing = fresh();
    let options = format!(r#"{{"appName":"beacon","modelName":"m",{LABELS},"pageSize":2}}"#);
    let steps = run(ProgramKind::DeletePolicies, &options, &mut initial.clone()).1;
    for (step, fault) in (0..steps).flat_map(|step| FAULTS.map(|fault| (step, fault))) {
        let mut cluster = initial.clone();
        let fault = |at, _: &KubeRequest| (at == step).then_some(fault);
        drive(
            ProgramKind::DeletePolicies,
            &options,
            &mut cluster,
            Order::Forward,
            fault,
            |_| {},
        );
        let (end, _) = run(ProgramKind::DeletePolicies, &options, &mut cluster);
        assert!(matches!(end, End::Done(_)), "{end:?}");
        assert_eq!(all(&cluster), all(&nothing), "{step}");
        runs += 1;
    }
    println!("deletion: {runs} runs interrupted and run again: 0 orphaned");
}

#[test]
fn what_is_right_is_only_listed() {
    for wish in wishes() {
        let mut cluster = ideal(&wish);
        let count = cluster.objects().count() - fresh().objects().count();
        let (kind, options) = start(&wish);
        let (end, requests) = run(kind, &options, &mut cluster);
        let End::Done(outcome) = end else {
            panic!("{end:?}");
        };
        assert_eq!((outcome.unchanged, outcome.changes.len()), (count, 0));
        // Pages of two.
        assert_eq!(requests, count.div_ceil(2).max(1));
    }
}

#[test]
fn one_change_is_one_write_and_one_delete() {
    let [mut wish, ..] = wishes();
    let mut cluster = ideal(&wish);
    wish.policies[0] = mesh_policy("a", "t1", 81);
    let (kind, options) = start(&wish);
    let (end, _) = run(kind, &options, &mut cluster);
    let End::Done(outcome) = end else {
        panic!("{end:?}");
    };
    let changes: Vec<_> = outcome
        .changes
        .iter()
        .map(|c| (c.action, c.phase))
        .collect();
    assert_eq!(
        changes,
        [
            ("create", "new ALLOW policies"),
            ("delete", "old ALLOW policies")
        ]
    );
}

/// Services behind a waypoint for all targets of the wishes.
fn targets() -> String {
    let mut items = vec![
        r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n","labels":
        {"istio.io/dataplane-mode":"ambient","istio.io/use-waypoint":"w"}}}"#
            .to_owned(),
        r#"{"apiVersion":"gateway.networking.k8s.io/v1","kind":"Gateway","metadata":{"name":"w","namespace":"n"},
        "spec":{"gatewayClassName":"istio-waypoint"},"status":{"addresses":[{"value":"10.0.0.9"}]}}"#
            .to_owned(),
    ];
    for number in 1..=6 {
        items.push(format!(
            r#"{{"apiVersion":"v1","kind":"Service","metadata":{{"name":"t{number}","namespace":"n"}},
            "spec":{{"ports":[{{"name":"http","port":80}},{{"name":"http-alt","port":8080}}]}}}}"#
        ));
    }
    format!(
        r#"{{"apiVersion":"v1","kind":"List","items":[{}]}}"#,
        items.join(",")
    )
}

/// Every plan is proven safe or has its moment named, with a request; one that deletes before it applies
/// is caught.
#[test]
fn plans_are_proven_and_swapped_ones_are_not() {
    let wishes = wishes();
    let (mut safe, mut caught) = (0, 0);
    for (before, wish) in wishes.iter().zip(wishes.iter().skip(1)) {
        let mut cluster = cluster("[]");
        let (kind, options) = start(before);
        run(kind, &options, &mut cluster);
        let items = format!(
            r#"{{"apiVersion":"v1","kind":"List","items":[{}]}}"#,
            all(&cluster).join(",")
        );
        let around = targets();
        let (mesh, _) = read_mesh(&MeshInput {
            manifests: vec![
                Source::new("policies", &items),
                Source::new("targets", &around),
            ],
            ..MeshInput::default()
        });
        let (kind, options) = start(wish);
        let plan = options.replacen('{', r#"{"plan":true,"#, 1);
        let (End::Done(planned), _) = run(kind, &plan, &mut cluster) else {
            panic!("the plan failed");
        };
        // As hosts are told them.
        let told = planned.changes.iter().map(|change| {
            serde_json::json!({
                "action": change.action, "kind": change.kind, "phase": change.phase,
                "namespace": change.namespace, "name": change.name,
                "request": {"body": change.request.as_ref().and_then(|one| one.body.as_deref())},
            })
        });
        let changes = serde_json::Value::from_iter(told).to_string();
        let mut phases = read_plan(&changes).expect("it reads");
        let proof = prove(&mesh, &phases);
        for moment in &proof.moments {
            assert!(
                !moment.when.is_empty() && moment.witness.is_some(),
                "{moment:?}"
            );
        }
        phases.reverse();
        let swapped = prove(&mesh, &phases);
        let exposed: Vec<&Moment> = swapped
            .moments
            .iter()
            .filter(|moment| moment.harm == Harm::Exposes && moment.when.contains("after deleting"))
            .collect();
        if proof.safe {
            safe += 1;
            caught += usize::from(!swapped.safe && !exposed.is_empty());
        }
    }
    assert!(safe > 1 && caught > 1, "{safe} safe, {caught} caught");
}

#[test]
fn a_plan_is_what_a_run_does() {
    let wishes = wishes();
    for (before, wish) in wishes.iter().zip(wishes.iter().skip(1)) {
        let mut cluster = ideal(before);
        let (kind, options) = start(wish);
        let plan = options.replacen('{', r#"{"plan":true,"#, 1);
        let untouched = all(&cluster);
        let (End::Done(planned), _) = run(kind, &plan, &mut cluster) else {
            panic!("the plan failed");
        };
        assert_eq!(all(&cluster), untouched);
        let mut requests = Vec::new();
        let (end, _) = drive(
            kind,
            &options,
            &mut cluster,
            Order::Forward,
            |_, request| {
                if request.method != "GET" {
                    requests.push((
                        request.path.clone(),
                        request.body.clone(),
                        request.query.clone(),
                    ));
                }
                None
            },
            |_| {},
        );
        let End::Done(done) = end else {
            panic!("{end:?}");
        };
        let mut planned_requests: Vec<_> = planned
            .changes
            .iter()
            .map(|change| change.request.clone().expect("is in a plan"))
            .map(|request| (request.path, request.body, request.query))
            .collect();
        // Those of a phase may overtake one another.
        planned_requests.sort();
        requests.sort();
        assert_eq!(planned_requests, requests);
        let told = |changes: &[mesh_policy::kube::Change]| {
            let told = changes
                .iter()
                .map(|c| (c.action, c.phase, c.name.clone(), c.why.clone()));
            let mut told: Vec<_> = told.collect();
            told.sort();
            told
        };
        assert_eq!(told(&planned.changes), told(&done.changes));
    }
}

#[test]
fn one_refusal_stops_no_other_policy_and_uncovers_nothing() {
    let [before, wish, ..] = wishes();
    let initial = ideal(&before);
    let refused = |name: &'static str| {
        move |_: usize, request: &KubeRequest| {
            let is_it = request.method == "PATCH" && request.path.contains(name);
            is_it.then_some(Fault::Status(422))
        }
    };
    for name in [
        "-a-m-t2-",
        "-c-m-t6-",
        "other-deny",
        "moving",
        "following",
        "turning",
    ] {
        let throughout = Throughout::of(&initial, &ideal(&wish));
        let mut cluster = initial.clone();
        let (kind, options) = start(&wish);
        let (end, _) = drive(
            kind,
            &options,
            &mut cluster,
            Order::Forward,
            refused(name),
            |cluster| {
                throughout.check(cluster, name);
            },
        );
        let End::Failed(failure) = end else {
            panic!("{end:?}");
        };
        assert_eq!(failure.diagnostic.code, code::REFUSED, "{name}");
        let (_, steps) = run(kind, &options, &mut cluster);
        assert!(steps > 0);
        assert_eq!(all(&cluster), all(&ideal(&wish)), "{name}");
    }
}

#[test]
fn what_cannot_be_made_is_left_out_and_the_rest_is_made() {
    let [wish, ..] = wishes();
    let mut bad = wish.clone();
    bad.policies.push(
        r#"{"source_namespace":"m","source_app_name":"a","target_namespace":"n","target_type":"unit",
        "target_app_name":"t","endpoints":[{"methods":["GET"]}]}"#
            .to_owned(),
    );
    bad.raw
        .push(r#"{"kind":"ConfigMap","metadata":{"name":"x"}}"#.to_owned());
    bad.raw
        .push(r#"{"metadata":{"name":"../x","namespace":"n"},"spec":{}}"#.to_owned());
    let (kind, options) = start(&bad);
    let mut cluster = fresh();
    let (end, _) = run(kind, &options, &mut cluster);
    let End::Done(outcome) = end else {
        panic!("{end:?}");
    };
    assert_eq!(all(&cluster), all(&ideal(&wish)));
    let codes: Vec<_> = outcome
        .diagnostics
        .iter()
        .map(|d| (d.code, d.dropped))
        .collect();
    assert_eq!(
        codes,
        [
            ("unit-policy-with-http", true),
            (code::INVALID_RAW_POLICY, true),
            ("invalid-name", true)
        ]
    );
    let strict = options.replacen('{', r#"{"allOrNothing":true,"#, 1);
    let mut cluster = fresh();
    let (end, requests) = run(kind, &strict, &mut cluster);
    assert!(matches!(end, End::Failed(_)), "{end:?}");
    assert_eq!(requests, 0);
}
