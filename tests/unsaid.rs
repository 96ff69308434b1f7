//! What `diff` and the proof of a plan say where the answer depends on what the input does not say: that
//! something else is not said before and after, that a way may or may not be taken, that a policy is
//! perhaps there. Of each, that nothing is called equivalent or safe, and that the like of it is.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use common::{analysis, policy};
use mesh_policy::analysis::Analysis;
use mesh_policy::analysis::diff::diff;
use mesh_policy::analysis::safety::{Harm, Phase, Write, prove};
use serde_json::{Value, json};

const PODS: &str = "
{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}
---
{kind: Pod, apiVersion: v1, metadata: {name: web-0, namespace: shop, labels: {app: web}}, spec: {serviceAccountName: web}}
";

fn service(more: &str, port: &str) -> String {
    format!(
        "---\n{{kind: Service, apiVersion: v1, metadata: {{name: web, namespace: shop{more}}}, spec: {{selector: {{app: web}}, ports: [{{port: 80, name: http{port}}}]}}}}\n"
    )
}

/// The waypoint of a name, and whether the input says that it is ready.
fn waypoint(name: &str, ready: bool) -> String {
    let status = if ready {
        ", status: {addresses: [{value: 10.9.9.9}]}"
    } else {
        ""
    };
    format!(
        "---\n{{kind: Gateway, apiVersion: gateway.networking.k8s.io/v1, metadata: {{name: {name}, namespace: shop}}, spec: {{gatewayClassName: istio-waypoint, listeners: [{{name: mesh, port: 15008, protocol: HBONE}}]}}{status}}}\n"
    )
}

fn bound(name: &str) -> String {
    service(&format!(", labels: {{istio.io/use-waypoint: {name}}}"), "")
}

/// At the pods of the application.
fn at_pods(action: &str, rules: &str) -> String {
    format!("{{selector: {{matchLabels: {{app: web}}}}, action: {action}, rules: {rules}}}")
}

fn at_service(action: &str, rules: &str) -> String {
    format!(
        "{{targetRefs: [{{kind: Service, group: '', name: web}}], action: {action}, rules: {rules}}}"
    )
}

/// How the Service fares: `same`, `unknown`, or what is granted and revoked.
#[track_caller]
fn compared(old: &[String], new: &[String], target: &Value) -> &'static str {
    let mesh = |parts: &[String]| analysis(&format!("{PODS}{}", parts.concat()), "");
    let (old, new) = (mesh(old), mesh(new));
    let mut found = Vec::new();
    // What changed one way has changed the other way as well.
    for (old, new) in [(&old, &new), (&new, &old)] {
        let diff = diff(old, new);
        let told: Value = serde_json::from_str(&diff.json()).expect("JSON");
        let is_told = |list: &str| {
            let list = told[list].as_array().expect("a list");
            list.iter().any(|one| one["to"] == *target)
        };
        found.push(if is_told("granted") || is_told("revoked") {
            "changed"
        } else if is_told("unknown") {
            "unknown"
        } else {
            "same"
        });
        if found.contains(&"unknown") || found.contains(&"changed") {
            assert!(!diff.equivalent, "{told}");
        }
    }
    assert_eq!(found[0], found[1]);
    found[0]
}

fn web() -> Value {
    json!({"service": "shop/web"})
}

/// What each of two rules leaves open, both together do not. `explain` does not see that they meet; so the
/// change is not told as one that is known.
#[test]
fn what_is_known_of_two_rules_together_is_no_less() {
    let rule = |list: &str| format!("{{when: [{{key: destination.ip, {list}: [10.0.0.1]}}]}}");
    let all = |rules: &[String]| policy("p", &at_pods("ALLOW", &format!("[{}]", rules.join(", "))));
    let either = all(&[rule("values"), rule("notValues")]);
    let pod = json!({"pod": "shop/web-0"});
    let none = policy("p", "{selector: {matchLabels: {app: web}}}");
    assert_eq!(
        compared(std::slice::from_ref(&either), &[none], &pod),
        "unknown"
    );
    let turned = all(&[rule("notValues"), rule("values")]);
    assert_eq!(compared(&[either], &[turned], &pod), "same");
}

#[test]
fn another_port_of_no_number_is_another_question() {
    let by_port = policy(
        "p",
        &at_pods("ALLOW", "[{to: [{operation: {ports: ['8080']}}]}]"),
    );
    let named = |name: &str| service("", &format!(", targetPort: {name}"));
    let (http, admin) = (
        [by_port.clone(), named("http")],
        [by_port.clone(), named("admin")],
    );
    assert_eq!(compared(&http, &admin, &web()), "unknown");
    assert_eq!(compared(&http, &http, &web()), "same");
    // Another pod may have another port of that name.
    let other = "---\n{kind: Pod, apiVersion: v1, metadata: {name: web-1, namespace: shop, labels: {app: web}}, spec: {serviceAccountName: web}}\n".to_owned();
    let more = [by_port, named("http"), other];
    assert_eq!(compared(&http, &more, &web()), "unknown");
}

#[test]
fn another_waypoint_has_another_address() {
    let by_peer = policy(
        "p",
        &at_pods("ALLOW", "[{from: [{source: {ipBlocks: [10.0.0.5]}}]}]"),
    );
    let through = |name: &str| {
        [
            by_peer.clone(),
            waypoint("one", true),
            waypoint("two", true),
            bound(name),
        ]
    };
    assert_eq!(
        compared(&through("one"), &through("two"), &web()),
        "unknown"
    );
    assert_eq!(compared(&through("one"), &through("one"), &web()), "same");
}

#[test]
fn a_service_and_its_pods_have_addresses_of_their_own() {
    let when = "[{when: [{key: destination.ip, values: [10.0.0.1]}]}]";
    let mesh = |first: &str| {
        [
            policy("first", first),
            policy("second", &at_pods("DENY", when)),
            waypoint("one", true),
            bound("one"),
        ]
    };
    let (some, none) = (at_service("ALLOW", when), at_service("DENY", "[{}]"));
    // Where both had the same address, nobody would come through before either.
    let pod = at_pods("DENY", "[{from: [{source: {notNamespaces: [shop]}}]}]");
    let with = |first: &str| [mesh(first).to_vec(), vec![policy("third", &pod)]].concat();
    assert_eq!(compared(&with(&some), &with(&none), &web()), "unknown");
}

#[test]
fn other_addresses_of_two_families_are_other_questions() {
    let by_address = policy(
        "p",
        &at_pods(
            "ALLOW",
            "[{when: [{key: destination.ip, values: [10.0.0.1]}]}]",
        ),
    );
    let pod = |ip: &str| {
        [
            by_address.clone(),
            format!(
                "---\n{{kind: Pod, apiVersion: v1, metadata: {{name: more-0, namespace: shop, labels: {{app: web}}}}, status: {{podIPs: [{{ip: {ip}}}, {{ip: 'fd00::1'}}]}}}}\n"
            ),
        ]
    };
    let target = json!({"pod": "shop/more-0"});
    assert_eq!(
        compared(&pod("10.0.0.1"), &pod("10.0.0.2"), &target),
        "unknown"
    );
    assert_eq!(
        compared(&pod("10.0.0.1"), &pod("10.0.0.1"), &target),
        "same"
    );
}

#[test]
fn modes_of_other_ports_are_others() {
    let peer = |modes: &str| {
        [format!(
            "---\n{{kind: PeerAuthentication, apiVersion: security.istio.io/v1, metadata: {{name: x, namespace: shop}}, spec: {{selector: {{matchLabels: {{app: web}}}}, portLevelMtls: {modes}}}}}\n"
        )]
    };
    let pod = json!({"pod": "shop/web-0"});
    let (one, two) = (
        peer("{8080: {mode: STRICT}}"),
        peer("{9090: {mode: STRICT}}"),
    );
    assert_eq!(compared(&one, &two, &pod), "unknown");
    let both = peer("{8080: {mode: STRICT}, 9090: {mode: STRICT}}");
    assert_eq!(compared(&one, &both, &pod), "unknown");
    let turned = peer("{9090: {mode: STRICT}, 8080: {mode: STRICT}}");
    assert_eq!(compared(&both, &turned, &pod), "same");
}

/// Through the waypoint, if it is ready, or past it: the one was open and the other closed, and now the
/// other way round.
#[test]
fn ways_that_change_places_are_a_change() {
    let rules = "[{from: [{source: {principals: [cluster.local/ns/shop/sa/one]}}], to: [{operation: {ports: ['8080']}}]}, \
        {from: [{source: {notPrincipals: [cluster.local/ns/shop/sa/one]}}], to: [{operation: {ports: ['9090']}}]}]";
    let mesh = |port: &str| {
        [
            policy("p", &at_pods("ALLOW", rules)),
            // The waypoint's own requests, which are known before and after, take no part.
            policy(
                "q",
                &at_pods(
                    "DENY",
                    "[{from: [{source: {principals: [cluster.local/ns/shop/sa/web], notPrincipals: [cluster.local/ns/shop/sa/*]}}]}]",
                ),
            ),
            waypoint("one", false),
            service(
                ", labels: {istio.io/use-waypoint: one}",
                &format!(", targetPort: {port}"),
            ),
        ]
    };
    let mut meshes = Vec::new();
    for port in ["8080", "9090"] {
        meshes.push(analysis(&format!("{PODS}{}", mesh(port).concat()), ""));
    }
    let found = diff(&meshes[0], &meshes[1]);
    let told: Value = serde_json::from_str(&found.json()).expect("JSON");
    let unknown = told["unknown"].as_array().expect("a list");
    let from: Vec<&Value> = unknown.iter().map(|one| &one["witness"]["from"]).collect();
    assert_eq!(from.len(), 1, "{told}");
    assert_ne!(from[0]["serviceAccount"], "one", "{told}");
}

/// Nobody knows whether the pods behind the Service have the labels.
#[test]
fn policies_that_are_perhaps_there_change_answers() {
    let of = |name: &str, labels: &str, namespace: &str| {
        policy(
            name,
            &format!(
                "{{selector: {{matchLabels: {labels}}}, rules: [{{from: [{{source: {{namespaces: [{namespace}]}}}}]}}]}}"
            ),
        )
    };
    let other = "---\n{kind: Service, apiVersion: v1, metadata: {name: other, namespace: shop}, spec: {selector: {app: other}, ports: [{port: 80, name: http}]}}\n".to_owned();
    let target = json!({"service": "shop/other"});
    let one = of("one", "{tier: a}", "a");
    let old = [other.clone(), one.clone()];
    // The second admits nobody else: where it alone is there, all others are no longer admitted.
    let new = [other.clone(), one.clone(), of("two", "{tier: b}", "a")];
    assert_eq!(compared(&old, &new, &target), "unknown");
    let renamed = [other.clone(), of("three", "{tier: a}", "a")];
    assert_eq!(compared(&old, &renamed, &target), "same");
    let moved = [other.clone(), of("one", "{tier: b}", "a")];
    assert_eq!(compared(&old, &moved, &target), "unknown");
    let none = [other.clone()];
    assert_eq!(compared(&old, &none, &target), "unknown");
    // Of many, whatever depends may have changed; and what changed not at all has not.
    let many = |count: usize| -> Vec<String> {
        let all = (0..count).map(|at| of(&format!("p{at}"), &format!("{{tier: t{at}}}"), "a"));
        all.chain([other.clone()]).collect()
    };
    assert_eq!(compared(&many(9), &many(10), &target), "unknown");
    assert_eq!(compared(&many(9), &many(9), &target), "same");
}

fn put(text: &str) -> Write {
    let mut policies = analysis(text, "").mesh.policies;
    Write::Put(Box::new(policies.pop().expect("one")))
}

fn delete(name: &str) -> Write {
    Write::Delete {
        namespace: "shop".into(),
        name: name.into(),
    }
}

/// The harm of writes one by one, at the Service.
fn harm(old: &[String], writes: Vec<Write>) -> Option<Harm> {
    let mesh = analysis(&format!("{PODS}{}", old.concat()), "").mesh;
    let phases = [Phase {
        title: "now".into(),
        one_by_one: true,
        writes,
    }];
    let found = prove(&mesh, &phases);
    let told: Value = serde_json::from_str(&found.json()).expect("JSON");
    let moments = found.moments.iter();
    let mut here =
        moments.filter(|one| one.harm != Harm::Interrupts && one.text.contains("service shop/"));
    let first = here.next().map(|one| one.harm);
    assert!(!found.safe || first.is_none(), "{told}");
    first
}

fn closing(name: &str) -> String {
    policy(name, &at_service("DENY", "[{}]"))
}

#[test]
fn a_waypoint_that_may_be_ready_is_proven_as_well() {
    for (ready, expected) in [(true, Harm::Exposes), (false, Harm::Unproven)] {
        let mesh = [waypoint("one", ready), bound("one"), closing("old")];
        let unsafe_order = vec![delete("old"), put(&closing("new"))];
        assert_eq!(harm(&mesh, unsafe_order), Some(expected));
        let safe_order = vec![put(&closing("new")), delete("old")];
        assert_eq!(harm(&mesh, safe_order), None);
    }
}

#[test]
fn a_policy_that_is_perhaps_there_is_proven_as_well() {
    let closing = |name: &str| {
        policy(
            name,
            "{selector: {matchLabels: {tier: a}}, action: DENY, rules: [{}]}",
        )
    };
    let other = "---\n{kind: Service, apiVersion: v1, metadata: {name: other, namespace: shop}, spec: {selector: {app: other}, ports: [{port: 80, name: http}]}}\n".to_owned();
    let mesh = [other, closing("old")];
    let unsafe_order = || vec![delete("old"), put(&closing("new"))];
    assert_eq!(harm(&mesh, unsafe_order()), Some(Harm::Unproven));
    let safe_order = || vec![put(&closing("new")), delete("old")];
    assert_eq!(harm(&mesh, safe_order()), None);
    // Of too many nothing is proven.
    let more = (0..9).map(|at| {
        policy(
            &format!("p{at}"),
            &format!("{{selector: {{matchLabels: {{tier: t{at}}}}}, action: DENY, rules: [{{}}]}}"),
        )
    });
    let mesh: Vec<String> = mesh.into_iter().chain(more).collect();
    assert_eq!(harm(&mesh, unsafe_order()), Some(Harm::Unproven));
    assert_eq!(harm(&mesh, safe_order()), Some(Harm::Unproven));
}

/// Envoy does not load what has the bad one: nobody knows what it does meanwhile.
#[test]
fn a_proxy_that_keeps_what_it_had_is_not_proven() {
    let bad = policy(
        "bad",
        &at_service("DENY", "[{to: [{operation: {paths: ['{*}']}}]}]"),
    );
    let refused = analysis(&format!("{PODS}{}{bad}", bound("one")), "");
    assert!(
        refused
            .points
            .held
            .iter()
            .any(|one| one.unloadable.is_some()),
        "Istio accepts it, Envoy does not"
    );
    let mesh = [waypoint("one", true), bound("one"), closing("old")];
    assert_eq!(harm(&mesh, vec![put(&bad)]), Some(Harm::Unproven));
    let with = [mesh.as_slice(), std::slice::from_ref(&bad)].concat();
    assert_eq!(harm(&with, vec![delete("bad")]), Some(Harm::Unproven));
    assert_eq!(
        harm(&with, vec![put(&closing("new"))]),
        Some(Harm::Unproven)
    );
    // Writes elsewhere let it take what it was given.
    let elsewhere = "---\n{kind: Service, apiVersion: v1, metadata: {name: api, namespace: shop, labels: {istio.io/use-waypoint: one}}, spec: {selector: {app: api}, ports: [{port: 80, name: http}]}}\n".to_owned();
    let bad_there = bad.replace("name: web", "name: api");
    let with = [mesh.as_slice(), &[elsewhere, bad_there]].concat();
    assert_eq!(harm(&with, vec![delete("bad")]), Some(Harm::Unproven));
}

/// Each path asks another question, and the two sides make different paths of what is sent.
#[test]
fn paths_that_are_made_different_ask_different_questions() {
    let pod = "{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio-injection: enabled}}}
---
{kind: Pod, apiVersion: v1, metadata: {name: web-0, namespace: shop, labels: {app: web}}}
";
    let rule = |list: &str, id: &str| {
        format!(
            "{{to: [{{operation: {{{list}: [/a*]}}}}], when: [{{key: 'request.headers[x-request-id]', values: [{id}]}}]}}"
        )
    };
    let rules = [rule("paths", "one"), rule("notPaths", "two")].join(", ");
    let side = |mode: &str| {
        let text = format!(
            "{pod}{}",
            policy("p", &at_pods("ALLOW", &format!("[{rules}]")))
        );
        analysis(&text, &format!("pathNormalization: {mode}"))
    };
    let found = diff(&side("NONE"), &side("BASE"));
    assert!(!found.equivalent, "{}", found.json());
    assert!(diff(&side("BASE"), &side("BASE")).equivalent);
}

/// Of an application whose charm file is missing, policies may be there that match, or none that does.
#[test]
fn policies_that_nobody_knows_may_match_or_not() {
    let side = |policies: &[String]| {
        let text = format!(
            "{PODS}{}{}{}",
            waypoint("one", true),
            bound("one"),
            policies.concat()
        );
        let mut mesh = analysis(&text, "").mesh;
        mesh.undeclared = vec![("shop".to_owned(), "web".to_owned())];
        Analysis::new(mesh)
    };
    let named = |name: &str, rules: &str| policy(name, &at_service("ALLOW", rules));
    let get = "[{to: [{operation: {methods: [GET]}}]}]";
    for (old, new, same) in [
        (vec![], vec![named("all", "[{}]")], false),
        (vec![], vec![named("get", get)], false),
        (
            vec![named("get", get)],
            vec![named("get", get), named("again", get)],
            true,
        ),
    ] {
        for (old, new) in [(&old, &new), (&new, &old)] {
            let found = diff(&side(old), &side(new));
            assert_eq!(found.equivalent, same, "{}", found.json());
        }
    }
}

/// Another service may answer otherwise.
#[test]
fn a_policy_that_asks_another_service_is_another() {
    let asks = |name: &str, provider: &str| {
        let spec = format!(
            "{{targetRefs: [{{kind: Service, group: '', name: web}}], action: CUSTOM, provider: {{name: {provider}}}, rules: [{{to: [{{operation: {{methods: [GET]}}}}]}}]}}"
        );
        [waypoint("one", true), bound("one"), policy(name, &spec)]
    };
    assert_eq!(
        compared(&asks("p", "opa"), &asks("p", "other"), &web()),
        "unknown"
    );
    assert_eq!(
        compared(&asks("p", "opa"), &asks("p", "opa"), &web()),
        "same"
    );
    assert_eq!(
        compared(&asks("p", "opa"), &asks("q", "opa"), &web()),
        "same"
    );
    // In between nobody is asked, whom the service refuses all the same.
    let new = |provider: &str| put(&asks("q", provider)[2]);
    let harm = |writes: Vec<Write>| harm(&asks("p", "opa"), writes);
    for provider in ["opa", "other"] {
        let unsafe_order = vec![delete("p"), new(provider)];
        assert_eq!(harm(unsafe_order), Some(Harm::Unproven));
        assert_eq!(harm(vec![new(provider), delete("p")]), None);
    }
}
