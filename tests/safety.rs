//! What is said of the states that a change goes through: those that expose or interrupt something, by which writes, and that
//! nothing is claimed of writes that are too many to be looked at in every order.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use common::{analysis, policy};
use mesh_policy::analysis::safety::{Harm, Phase, Safety, Write, prove};
use mesh_policy::mesh::Mesh;
use serde_json::Value;

const PODS: &str = "
{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}
---
{kind: Pod, apiVersion: v1, metadata: {name: web-0, namespace: shop, labels: {app: web}}}
---
{kind: Pod, apiVersion: v1, metadata: {name: db-0, namespace: shop, labels: {app: db}}}
";

/// A policy of one rule, with its name: these service accounts, at the pods of an application.
fn of(app: &str, action: &str, name: &str, accounts: &[&str]) -> String {
    let principals: Vec<String> = accounts
        .iter()
        .map(|account| format!("cluster.local/ns/shop/sa/{account}"))
        .collect();
    let spec = format!(
        "{{selector: {{matchLabels: {{app: {app}}}}}, action: {action}, rules: [{{from: [{{source: {{principals: [{}]}}}}]}}]}}",
        principals.join(", ")
    );
    policy(name, &spec)
}

fn allow(name: &str, accounts: &[&str]) -> String {
    of("web", "ALLOW", name, accounts)
}

fn deny(name: &str, accounts: &[&str]) -> String {
    of("web", "DENY", name, accounts)
}

/// One that denies whoever comes.
fn close(name: &str) -> String {
    policy(
        name,
        "{selector: {matchLabels: {app: web}}, action: DENY, rules: [{}]}",
    )
}

fn mesh(policies: &[String]) -> Mesh {
    analysis(&format!("{PODS}{}", policies.concat()), "").mesh
}

fn put(text: String) -> Write {
    let policies = mesh(&[text]).policies;
    Write::Put(Box::new(policies.into_iter().next().expect("one")))
}

fn delete(name: &str) -> Write {
    Write::Delete {
        namespace: "shop".into(),
        name: name.into(),
    }
}

fn phase(title: &str, writes: Vec<Write>) -> Phase {
    Phase {
        title: title.into(),
        one_by_one: false,
        writes,
    }
}

/// What is said of writes that go out together.
fn together(old: &[String], writes: Vec<Write>) -> Safety {
    prove(&mesh(old), &[phase("now", writes)])
}

/// The harm of each moment and when it is.
fn moments(safety: &Safety) -> Vec<(Harm, &str)> {
    let found = safety.moments.iter();
    found.map(|one| (one.harm, one.when.as_str())).collect()
}

#[test]
fn every_state_of_a_few_writes_is_looked_at() {
    let old = [allow("a1", &["x"]), allow("a2", &["x"])];
    let found = together(
        &old,
        vec![
            delete("a1"),
            delete("a2"),
            put(allow("b1", &["x"])),
            put(close("n1")),
        ],
    );
    // Whoever comes gets in when both are gone and nothing else is there yet.
    let when = "now: after deleting ALLOW shop/a1, deleting ALLOW shop/a2";
    assert_eq!(moments(&found), [(Harm::Exposes, when)]);
    assert!(!found.safe);
    let told: Value = serde_json::from_str(&found.json()).expect("JSON");
    assert_eq!(told["safe"], false);
    assert_eq!(told["moments"][0]["harm"], "exposes");
    assert_eq!(told["moments"][0]["to"]["pod"], "shop/web-0");
    assert!(told["moments"][0]["witness"].is_object(), "{told}");
}

#[test]
fn of_many_writes_nothing_is_claimed_that_was_not_looked_at() {
    // As above, with more that closes: the state that exposes is none of those that are looked at.
    let old = [allow("a1", &["x"]), allow("a2", &["x"])];
    let mut writes = vec![delete("a1"), delete("a2"), put(allow("b1", &["x"]))];
    writes.extend(["n1", "n2", "n3", "n4"].map(|name| put(close(name))));
    let found = together(&old, writes);
    assert_eq!(moments(&found), [(Harm::Unproven, "now: in between")]);
    assert!(!found.safe);
    let moment = found.moments.first().expect("one");
    assert!(moment.text.contains("too many orders"), "{}", moment.text);
    assert!(moment.witness.is_some());
}

/// An update has the one version or the other; where all states are looked at, that is proven.
#[test]
fn a_policy_that_is_updated_is_there_all_the_time() {
    let update = || vec![put(allow("a", &["y"]))];
    let more = |many: usize| -> Vec<Write> {
        let names = ["n1", "n2", "n3", "n4", "n5", "n6"].into_iter().take(many);
        names.map(|name| put(deny(name, &["z"]))).collect()
    };
    let old = [allow("a", &["x"])];
    for (many, expected) in [(0, None), (5, None), (6, Some(Harm::Unproven))] {
        let found = together(&old, [update(), more(many)].concat());
        let harm: Vec<Harm> = found.moments.iter().map(|one| one.harm).collect();
        assert_eq!(
            harm,
            expected.into_iter().collect::<Vec<_>>(),
            "{}",
            found.json()
        );
    }
}

#[test]
fn many_writes_of_a_kind_are_proven() {
    let names = ["p1", "p2", "p3", "p4", "p5", "p6", "p7"];
    let each = |make: &dyn Fn(&str) -> String| names.map(make).to_vec();
    let puts = |make: &dyn Fn(&str) -> String| each(make).into_iter().map(put).collect();
    let deletes = || names.map(delete).to_vec();
    let some = |name: &str| allow(name, &[name]);
    let none = |name: &str| deny(name, &[name]);
    for (old, writes) in [
        (vec![allow("c", &["x"])], puts(&some)),
        (vec![], puts(&none)),
        (vec![allow("c", &["x"])], puts(&none)),
        ([each(&some), vec![allow("c", &["x"])]].concat(), deletes()),
        (each(&none), deletes()),
    ] {
        let found = together(&old, writes);
        assert!(found.safe && found.moments.is_empty(), "{}", found.json());
    }
}

#[test]
fn what_opens_comes_before_what_closes() {
    let old = [deny("d1", &["y"]), deny("d2", &["y"]), deny("u", &["y"])];
    let mut writes = vec![delete("d1"), delete("d2"), put(deny("u", &["z"]))];
    writes.extend(["n1", "n2", "n3", "n4"].map(|name| put(deny(name, &["y"]))));
    let found = together(&old, writes);
    let when = "now: after deleting DENY shop/d1, deleting DENY shop/d2, updating DENY shop/u";
    assert_eq!(moments(&found), [(Harm::Exposes, when)]);
}

#[test]
fn what_closes_comes_before_what_opens() {
    let old = [
        allow("c", &["z"]),
        allow("a1", &["x"]),
        allow("a2", &["x"]),
        allow("u", &["x"]),
    ];
    let mut writes = vec![delete("a1"), delete("a2"), put(allow("u", &["z"]))];
    writes.extend(["b1", "b2", "b3", "b4"].map(|name| put(allow(name, &["x"]))));
    let found = together(&old, writes);
    let when = "now: after deleting ALLOW shop/a1, deleting ALLOW shop/a2, updating ALLOW shop/u";
    assert_eq!(moments(&found), [(Harm::Interrupts, when)]);
    // Nobody gets in who should not.
    assert!(found.safe);
}

#[test]
fn the_first_that_closes_a_target_and_the_last_that_is_left() {
    // Each account is let in by two of them.
    let (names, accounts) = (
        ["p1", "p2", "p3", "p4", "p5", "p6", "p7"],
        ["x1", "x2", "x3", "x4", "x5", "x6", "x7", "x1"],
    );
    let pairs: Vec<String> = names
        .iter()
        .zip(accounts.windows(2))
        .map(|(name, pair)| allow(name, pair))
        .collect();
    let found = together(&[], pairs.iter().cloned().map(put).collect());
    let when = "now: after creating ALLOW shop/p1";
    assert_eq!(moments(&found), [(Harm::Interrupts, when)]);
    let found = together(&pairs, names.map(delete).to_vec());
    let when =
        "now: after deleting ALLOW shop/p2, deleting ALLOW shop/p3, deleting ALLOW shop/p4, …";
    assert_eq!(moments(&found), [(Harm::Interrupts, when)]);
}

#[test]
fn each_harm_is_told_once_for_each_target() {
    let old = [allow("a", &["x"]), allow("c", &["z"])];
    let phases = [
        phase("one", vec![delete("a")]),
        phase("two", vec![delete("c")]),
        phase(
            "three",
            vec![put(allow("a", &["x"])), put(allow("c", &["z"]))],
        ),
    ];
    let found = prove(&mesh(&old), &phases);
    assert_eq!(
        moments(&found),
        [
            (Harm::Interrupts, "one: after deleting ALLOW shop/a"),
            (Harm::Exposes, "two: after deleting ALLOW shop/c"),
        ]
    );
}

#[test]
fn every_target_is_looked_at() {
    let db = |name: &str| of("db", "ALLOW", name, &["x"]);
    let old = [allow("a", &["x"]), db("d")];
    let phases = [
        phase("one", vec![delete("d"), put(allow("b", &["x"]))]),
        phase("two", vec![delete("a"), put(db("e"))]),
    ];
    let found = prove(&mesh(&old), &phases);
    let when = "one: after deleting ALLOW shop/d";
    assert_eq!(moments(&found), [(Harm::Exposes, when)]);
    let told: Value = serde_json::from_str(&found.json()).expect("JSON");
    assert_eq!(told["moments"][0]["to"]["pod"], "shop/db-0");
}

#[test]
fn writes_one_by_one_have_no_other_states() {
    // In this order nothing is exposed; in another it would be.
    let old = [allow("a", &["x"])];
    let writes = || vec![put(allow("b", &["x"])), delete("a")];
    let mut phase = phase("now", writes());
    assert!(!prove(&mesh(&old), std::slice::from_ref(&phase)).safe);
    phase.one_by_one = true;
    let found = prove(&mesh(&old), &[phase]);
    assert!(found.safe && found.moments.is_empty(), "{}", found.json());
}
