//! Who may ask a provider for policies on what.

use mesh_policy::juju::hook::{Relation, Unit};
use mesh_policy::juju::ownership::{MeshInfo, Ownership, mesh_info};

const REMOTE: &str = "remote-0123456789abcdef0123456789abcdef";
const OTHER: &str = "remote-fedcba9876543210fedcba9876543210";

/// What one relation asks for, and whether its far side is said to live in another model.
struct Ask<'a> {
    app: &'a str,
    cross_model: Option<bool>,
    policies: String,
}

fn ask(app: &'static str, policies: &[String]) -> Ask<'static> {
    Ask {
        app,
        cross_model: None,
        policies: format!("[{}]", policies.join(",")),
    }
}

fn policy(namespace: &str, app: &str, more: &str) -> String {
    format!(
        r#"{{"source_namespace":"shop","source_app_name":"client","target_namespace":"{namespace}","target_app_name":"{app}"{more}}}"#
    )
}

fn info(asks: &[Ask<'_>], ownership: Ownership) -> MeshInfo {
    let relations = asks.iter().zip(1..).map(|(ask, id)| Relation {
        endpoint: "service-mesh",
        id,
        app: Some(ask.app),
        cross_model: ask.cross_model,
        remote: vec![("policies", ask.policies.as_str())],
        unreadable: None,
    });
    let unit = Unit {
        app: "beacon",
        model: "shop",
        leader: true,
        relations: relations.collect(),
        ..Unit::default()
    };
    mesh_info(&unit, "service-mesh", &["idle"], ownership)
}

/// The targets that are left, and the codes of what is wrong.
fn answer(asks: &[Ask<'_>]) -> (Vec<String>, Vec<&'static str>) {
    let info = info(asks, Ownership::Enforce);
    let targets = info.policies.iter().map(|policy| {
        let app = policy.target_app_name.as_deref().unwrap_or("-");
        format!("{}/{app}", policy.target_namespace)
    });
    (
        targets.collect(),
        info.diagnostics.iter().map(|d| d.code).collect(),
    )
}

#[test]
fn a_consumer_of_the_model_is_the_target_of_its_policies() {
    let ours = policy("shop", "web", "");
    assert_eq!(
        answer(&[ask("web", &[ours])]),
        (vec!["shop/web".into()], vec![])
    );
    for (other, code) in [
        (policy("shop", "db", ""), "target-not-owned"),
        (policy("far", "web", ""), "target-not-owned"),
        (policy("far", "db", ""), "target-not-owned"),
        (
            policy("shop", "", r#","target_service":"web""#),
            "target-not-owned",
        ),
        (
            policy("shop", "", r#","target_type":"unit""#),
            "target-not-owned",
        ),
        (
            policy(
                "shop",
                "",
                r#","target_type":"unit","target_selector_labels":{"a":"b"}"#,
            ),
            "selector-in-databag",
        ),
        (policy("shop", "*", ""), "invalid-name"),
        (
            policy("shop", "web", r#","target_service":"../x""#),
            "invalid-name",
        ),
        (
            policy("shop", "web", r#","target_type":"pod""#),
            "invalid-policy",
        ),
    ] {
        let asks = [ask("web", &[other.clone(), policy("shop", "web", "")])];
        assert_eq!(
            answer(&asks),
            (vec!["shop/web".into()], vec![code]),
            "{other}"
        );
    }
}

#[test]
fn a_service_may_have_another_name_unless_it_is_another_applications() {
    for (service, fits) in [
        ("web-primary", true),
        ("web", true),
        ("web-endpoints", true),
        ("db", false),
        ("db-endpoints", false),
        ("beacon", false),
        ("idle", false),
    ] {
        let more = format!(r#","target_service":"{service}""#);
        let asks = [ask("web", &[policy("shop", "web", &more)]), ask("db", &[])];
        assert_eq!(answer(&asks).0.len(), usize::from(fits), "{service}");
    }
}

#[test]
fn a_consumer_of_another_model_asks_for_nothing_in_this_one() {
    let fine = ask(REMOTE, &[policy("far", "web", "")]);
    assert_eq!(answer(&[fine]), (vec!["far/web".into()], vec![]));
    let reaching = ask(REMOTE, &[policy("shop", "web", "")]);
    assert_eq!(answer(&[reaching]), (vec![], vec!["target-not-owned"]));
    // A name of the consuming side's choice, where Juju says that it leads to another model.
    let mut named = ask("web", &[policy("shop", "web", "")]);
    named.cross_model = Some(true);
    assert_eq!(answer(&[named]).1, ["target-not-owned"]);
    // A name that only looks like Juju's.
    let lookalike = ask("remote-web", &[policy("far", "web", "")]);
    assert_eq!(answer(&[lookalike]).1, ["target-not-owned"]);
}

#[test]
fn who_asks_first_keeps_an_application_of_another_model() {
    let asks = [
        ask(REMOTE, &[policy("far", "web", "")]),
        ask(OTHER, &[policy("far", "web", ""), policy("far", "db", "")]),
    ];
    let expected = vec!["far/web".to_owned(), "far/db".to_owned()];
    assert_eq!(answer(&asks), (expected, vec!["target-claimed"]));
    let service = r#","target_service":"web-endpoints""#;
    let asks = [
        ask(REMOTE, &[policy("far", "web", "")]),
        ask(OTHER, &[policy("far", "db", service)]),
    ];
    assert_eq!(answer(&asks).1, ["target-not-owned"]);
}

#[test]
fn a_report_keeps_what_enforcement_leaves_out() {
    let asks = [ask(
        "web",
        &[policy("shop", "db", ""), policy("shop", "*", "")],
    )];
    let info = info(&asks, Ownership::Report);
    // What cannot be part of an identity is never compiled.
    assert_eq!(info.policies.len(), 1);
    let codes: Vec<_> = info
        .diagnostics
        .iter()
        .map(|d| (d.code, d.dropped))
        .collect();
    assert_eq!(codes, [("invalid-name", true), ("target-not-owned", false)]);
}

#[test]
fn a_databag_full_of_mistakes_is_told_in_a_few_words() {
    for (wrong, told) in [(1, 1), (5, 5), (6, 6), (2_000, 6)] {
        let asked = vec![policy("shop", "db", ""); wrong];
        let (targets, codes) =
            answer(&[ask("web", &asked), ask("db", &[policy("shop", "db", "")])]);
        assert_eq!(targets, ["shop/db"]);
        assert_eq!(codes.len(), told, "{wrong}");
    }
}

#[test]
fn the_cost_of_a_databag_is_linear() {
    // A thousand foreign consumers, each with a hundred targets of its own.
    let policies: Vec<Vec<String>> = (0..1_000)
        .map(|consumer| {
            (0..100)
                .map(|app| policy(&format!("model-{consumer}"), &format!("app-{app}"), ""))
                .collect()
        })
        .collect();
    let names: Vec<String> = (0..1_000).map(|id| format!("remote-{id:032x}")).collect();
    let asks: Vec<Ask<'_>> = names
        .iter()
        .zip(&policies)
        .map(|(app, policies)| Ask {
            app,
            cross_model: None,
            policies: format!("[{}]", policies.join(",")),
        })
        .collect();
    let start = std::time::Instant::now();
    let info = info(&asks, Ownership::Enforce);
    assert_eq!((info.policies.len(), info.diagnostics.len()), (100_000, 0));
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
