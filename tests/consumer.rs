//! What a charm's hook leads to on the side that joins a mesh, beyond what the library answers (`tests/library.rs`): which
//! databags are set aside, and what is done all the same.

use mesh_policy::juju::consumer::{Consumer, Outcome};
use mesh_policy::juju::hook::{Action, Event, Relation, Unit};
use mesh_policy::model::{AppPolicy, CharmPolicy};

const REMOTE: &str = "remote-0123456789abcdef0123456789abcdef";
const LABELS: (&str, &str) = ("labels", r#"{"a":"b"}"#);
const KIND: (&str, &str) = ("mesh_type", r#""istio""#);

fn relation<'a>(
    endpoint: &'a str,
    id: i64,
    app: &'a str,
    remote: &[(&'a str, &'a str)],
) -> Relation<'a> {
    Relation {
        endpoint,
        id,
        app: (!app.is_empty()).then_some(app),
        remote: remote.to_vec(),
        ..Relation::default()
    }
}

/// A leading unit of `api` on an event of a relation.
fn unit<'a>(event: &'a str, id: i64, relations: &[Relation<'a>]) -> Unit<'a> {
    Unit {
        app: "api",
        model: "shop",
        leader: true,
        event: Event {
            name: event,
            relation_id: Some(id),
        },
        relations: relations.to_vec(),
    }
}

fn policy(relation: &str) -> CharmPolicy {
    CharmPolicy::App(AppPolicy {
        relation: relation.to_owned(),
        endpoints: [].into(),
        service: None,
    })
}

fn run(unit: &Unit<'_>) -> Outcome {
    let policies = [policy("http")];
    let consumer = Consumer {
        policies: &policies,
        ..Consumer::default()
    };
    consumer.run(unit)
}

/// The actions in a word each, the names of sources in what is written to the mesh, and the codes of what is wrong.
fn told(outcome: &Outcome) -> (Vec<&'static str>, Vec<String>, Vec<&'static str>) {
    let mut sources = Vec::new();
    let actions = outcome.actions.iter().map(|action| match action {
        Action::SetAppData { data, .. } => {
            for (key, text) in data {
                if key == "policies" {
                    let of = |part: &str| Some(part.split_once('"')?.0.to_owned());
                    sources.extend(text.split(r#""source_app_name": ""#).skip(1).filter_map(of));
                }
            }
            "write"
        }
        Action::ReconcileLabels { .. } => "label",
        Action::RemoveLabels { .. } => "remove labels",
    });
    let actions = actions.collect();
    let codes = outcome.diagnostics.iter().map(|one| one.code);
    (actions, sources, codes.collect())
}

#[test]
fn hooks_and_what_they_lead_to() {
    let relations = [
        relation("service-mesh", 1, "beacon", &[LABELS, KIND]),
        relation("http", 2, "web", &[]),
        relation("provide-cmr-mesh", 3, "web", &[]),
        relation("require-cmr-mesh", 4, "far", &[]),
    ];
    for (event, id, expected, followed) in [
        ("relation_created", 1, &["write"][..], &[][..]),
        ("relation_changed", 1, &["label"], &["label"]),
        ("relation_broken", 1, &["remove labels"], &[]),
        ("relation_created", 2, &["write"], &[]),
        ("relation_changed", 2, &[], &[]),
        ("relation_broken", 2, &["write"], &[]),
        ("relation_created", 3, &[], &[]),
        ("relation_changed", 3, &["write"], &[]),
        // The library leaves an application that is gone its access.
        ("relation_broken", 3, &["write"], &[]),
        ("relation_created", 4, &["write"], &[]),
        ("relation_broken", 4, &[], &[]),
        ("upgrade_charm", 9, &["write"], &[]),
        ("config_changed", 9, &[], &[]),
    ] {
        let mut unit = unit(event, id, &relations);
        assert_eq!(told(&run(&unit)).0, expected, "{event} of {id}");
        unit.leader = false;
        assert_eq!(
            told(&run(&unit)).0,
            followed,
            "{event} of {id}, not the leader"
        );
    }
    // A relation of the policies over which applications of other models tell who they are.
    let policies = [policy("provide-cmr-mesh")];
    let consumer = Consumer {
        policies: &policies,
        ..Consumer::default()
    };
    let broken = consumer.run(&unit("relation_broken", 3, &relations));
    assert_eq!(told(&broken).0, ["write"]);
}

#[test]
fn a_charm_may_write_its_policies_at_any_time() {
    let relations = [
        relation("service-mesh", 1, "beacon", &[]),
        relation("http", 2, "web", &[]),
    ];
    let policies = [policy("http")];
    let consumer = Consumer {
        policies: &policies,
        ..Consumer::default()
    };
    let mut unit = unit("config_changed", 9, &relations);
    let sources = vec!["web".to_owned()];
    assert_eq!(
        told(&consumer.update_service_mesh(&unit)),
        (vec!["write"], sources, vec![])
    );
    let seen = consumer.inspect(&unit);
    assert_eq!(told(&seen), (vec![], vec![], vec![]));
    assert!(seen.enabled);
    unit.leader = false;
    assert_eq!(
        told(&consumer.update_service_mesh(&unit)),
        (vec![], vec![], vec![])
    );
    unit.relations.remove(0);
    unit.leader = true;
    assert_eq!(
        told(&consumer.update_service_mesh(&unit)),
        (vec![], vec![], vec![])
    );
}

#[test]
fn what_the_mesh_says() {
    let endless = "[".repeat(100_000);
    let labels = Some(vec![("a".to_owned(), "b".to_owned())]);
    for (app, remote, unreadable, enabled, expected, actions, codes) in [
        (
            "beacon",
            &[LABELS, KIND][..],
            None,
            true,
            labels.clone(),
            &["label"][..],
            &[][..],
        ),
        (
            "beacon",
            &[LABELS, KIND, ("more", "{")],
            None,
            true,
            labels,
            &["label"],
            &[],
        ),
        // It says nothing yet: labels that are there are taken off.
        ("beacon", &[], None, true, None, &["label"], &[]),
        ("", &[LABELS, KIND], None, false, None, &["label"], &[]),
        // What cannot be read changes nothing.
        (
            "beacon",
            &[],
            Some("no permission"),
            true,
            None,
            &[],
            &["invalid-databag"],
        ),
        (
            "beacon",
            &[LABELS, ("mesh_type", "1")],
            None,
            true,
            None,
            &[],
            &["invalid-databag"],
        ),
        (
            "beacon",
            &[("labels", "{"), KIND],
            None,
            true,
            None,
            &[],
            &["invalid-databag"],
        ),
        (
            "beacon",
            &[("labels", &endless), KIND],
            None,
            true,
            None,
            &[],
            &["invalid-databag"],
        ),
        (
            "beacon",
            &[("labels", r#"{"a":1}"#), KIND],
            None,
            true,
            None,
            &[],
            &["invalid-databag"],
        ),
    ] {
        let mut mesh = relation("service-mesh", 1, app, remote);
        mesh.unreadable = unreadable;
        let outcome = run(&unit("relation_changed", 1, &[mesh]));
        assert_eq!(
            told(&outcome),
            (actions.to_vec(), vec![], codes.to_vec()),
            "{remote:?}"
        );
        assert_eq!(outcome.enabled, enabled, "{remote:?}");
        assert_eq!(
            outcome.app_data.map(|data| data.labels),
            expected,
            "{remote:?}"
        );
    }
    let two = [1, 2].map(|id| relation("service-mesh", id, "beacon", &[LABELS, KIND]));
    let outcome = run(&unit("relation_changed", 1, &two));
    assert_eq!(
        told(&outcome),
        (vec![], vec![], vec!["several-mesh-relations"])
    );
    // One of them is going.
    let outcome = run(&unit("relation_broken", 1, &two));
    assert_eq!(told(&outcome), (vec!["remove labels"], vec![], vec![]));
}

#[test]
fn who_other_models_applications_are() {
    let mesh = || relation("service-mesh", 1, "beacon", &[]);
    let named = r#"{"app_name":"shop-front","juju_model_name":"far"}"#;
    let forged = r#"{"app_name":"a/../b","juju_model_name":"far"}"#;
    let forged_model = r#"{"app_name":"front","juju_model_name":"*"}"#;
    for (app, cross_model, says, sources, codes) in [
        ("web", None, None, &["web"][..], &[][..]),
        ("web", Some(false), None, &["web"], &[]),
        (REMOTE, None, Some(named), &["shop-front"], &[]),
        ("web", Some(true), Some(named), &["shop-front"], &[]),
        ("web", None, Some(named), &["shop-front"], &[]),
        // Who does not say who it is has no access, nor who says what cannot be.
        (REMOTE, None, None, &[], &["cross-model-without-cmr"]),
        ("web", Some(true), None, &[], &["cross-model-without-cmr"]),
        ("Web_1", None, None, &[], &["cross-model-without-cmr"]),
        (REMOTE, None, Some(forged), &[], &["invalid-name"]),
        (REMOTE, None, Some(forged_model), &[], &["invalid-name"]),
        (REMOTE, None, Some("{}"), &[], &["invalid-databag"]),
        (REMOTE, None, Some("{"), &[], &["invalid-databag"]),
        ("web", None, Some("{"), &[], &["invalid-databag"]),
    ] {
        let mut asks = relation("http", 2, app, &[]);
        asks.cross_model = cross_model;
        let mut relations = vec![mesh(), asks];
        if let Some(text) = says {
            relations.push(relation("provide-cmr-mesh", 3, app, &[("cmr_data", text)]));
        }
        let outcome = run(&unit("relation_created", 2, &relations));
        let sources = sources.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(
            told(&outcome),
            (vec!["write"], sources, codes.to_vec()),
            "{app} {says:?}"
        );
    }
    // Each is told once, however many relations it has; one right word is enough.
    let many = [
        mesh(),
        relation("http", 2, REMOTE, &[]),
        relation("http", 3, REMOTE, &[]),
        relation("provide-cmr-mesh", 4, REMOTE, &[]),
    ];
    let codes = told(&run(&unit("relation_created", 2, &many))).2;
    assert_eq!(codes, ["cross-model-without-cmr"]);
    for order in [[named, "{"], ["{", named]] {
        let says = |id, text| relation("provide-cmr-mesh", id, REMOTE, &[("cmr_data", text)]);
        let [first, second] = order;
        let relations = [
            mesh(),
            relation("http", 2, REMOTE, &[]),
            says(3, first),
            says(4, second),
        ];
        let (_, sources, codes) = told(&run(&unit("relation_created", 2, &relations)));
        assert_eq!(
            (sources, codes),
            (vec!["shop-front".to_owned()], vec!["invalid-databag"])
        );
    }
}

#[test]
fn policies_that_no_charm_can_have() {
    let undeclared = [policy("http"), policy("grpc")];
    let consumer = Consumer {
        policies: &undeclared,
        ..Consumer::default()
    };
    assert_eq!(consumer.undeclared(&["http", "grpc", "x"]), None);
    assert_eq!(consumer.undeclared(&["http"]), Some("grpc"));
    assert_eq!(consumer.undeclared(&[]), Some("http"));
}
