//! What `diff` says of policies whose targets the input does not describe, of meshes with other
//! settings, and of applications that join or leave the mesh.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use mesh_policy::analysis::diff::{Change, Diff, diff};
use mesh_policy::analysis::{Analysis, Request, Verdict};
use mesh_policy::compile::Source;
use mesh_policy::mesh::input::{MeshInput, read_mesh};
use serde_json::{Value, json};

fn analysis(text: &str) -> Analysis {
    with_settings(text, "{}")
}

fn with_settings(text: &str, settings: &str) -> Analysis {
    let (mesh, _) = read_mesh(&MeshInput {
        manifests: vec![Source::new("mesh.yaml", text)],
        settings: vec![Source::new("settings.yaml", settings)],
        ..MeshInput::default()
    });
    Analysis::new(mesh)
}

/// Policies of namespace `shop` as one manifest; each is its `spec`.
fn policies(specs: &[Value]) -> String {
    list(specs.iter().enumerate().map(|(at, spec)| {
        json!({
            "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
            "metadata": {"name": format!("p-{at}"), "namespace": "shop"}, "spec": spec,
        })
    }))
}

fn list(items: impl Iterator<Item = Value>) -> String {
    let items: Vec<Value> = items.collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

/// Every witness is denied by the one side and allowed by the other, with the objects that it comes
/// with.
fn replay(found: &Diff, old: &str, new: &str, settings: &str) {
    let check = |changes: &[Change], first: &str, second: &str| {
        for change in changes {
            let given = serde_json::to_value(&change.given).expect("objects");
            let given = list(given.as_array().expect("a list").iter().cloned());
            let line = serde_json::to_string(&change.witness).expect("a request");
            let request = Request::read(&line).expect(&line);
            let ask = |side: &str| {
                let text = format!("{side}\n---\n{given}");
                with_settings(&text, settings).decide(&request).verdict
            };
            let answers = (ask(first), ask(second));
            assert_eq!(
                answers,
                (Verdict::Denied, Verdict::Allowed),
                "{line} {given}"
            );
        }
    };
    check(&found.granted, old, new);
    check(&found.revoked, new, old);
}

fn compared(old: &[Value], new: &[Value]) -> Diff {
    let (old, new) = (policies(old), policies(new));
    let found = diff(&analysis(&old), &analysis(&new));
    assert!(found.not_compared.is_empty(), "{}", found.json());
    replay(&found, &old, &new, "{}");
    let back = diff(&analysis(&new), &analysis(&old));
    assert_eq!(found.granted.len(), back.revoked.len());
    assert_eq!(found.revoked.len(), back.granted.len());
    found
}

fn texts(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|change| change.text.as_str()).collect()
}

fn rule(port: &str) -> Value {
    json!({"to": [{"operation": {"ports": [port]}}]})
}

#[test]
fn policies_alone_are_compared() {
    let web = |rules: Value| json!({"selector": {"matchLabels": {"app": "web"}}, "rules": rules});
    let found = compared(&[web(json!([rule("80")]))], &[web(json!([rule("81")]))]);
    assert!(!found.equivalent);
    assert_eq!(
        texts(&found.granted),
        ["anyone in or outside the mesh may now connect on port 81 to pods of shop with app=web"]
    );
    assert_eq!(found.revoked.len(), 1);
    // One policy as two, in another order.
    let both = web(json!([rule("80"), rule("81")]));
    let found = compared(
        &[both],
        &[web(json!([rule("81")])), web(json!([rule("80")]))],
    );
    assert!(found.equivalent, "{}", found.json());
    // The same of a whole namespace, one rule written as what it is not.
    let port = |list: Value| json!({"rules": [{"to": [{"operation": list}]}]});
    let all = |key: &str, ports: Value| {
        let mut one = serde_json::Map::new();
        one.insert(key.to_owned(), ports);
        port(json!(one))
    };
    let found = compared(
        &[all("ports", json!(["80"]))],
        &[json!({"action": "DENY", "rules": [{"to": [{"operation": {"notPorts": ["80"]}}]}]})],
    );
    assert!(found.equivalent, "{}", found.json());
    assert_eq!(found.assumed.len(), 1);
}

#[test]
fn selectors_that_can_meet_are_compared_together() {
    let of = |key: &str, action: &str, rules: Value| {
        let mut labels = serde_json::Map::new();
        labels.insert(key.to_owned(), json!("x"));
        json!({"selector": {"matchLabels": labels}, "action": action, "rules": rules})
    };
    // An ALLOW for tier=x opens port 81, except where another closes it.
    let deny = of("app", "DENY", json!([rule("81")]));
    let found = compared(
        &[deny.clone(), of("tier", "ALLOW", json!([rule("80")]))],
        &[deny, of("tier", "ALLOW", json!([rule("80"), rule("81")]))],
    );
    assert_eq!(
        texts(&found.granted),
        ["anyone in or outside the mesh may now connect on port 81 to pods of shop with tier=x"]
    );
    assert!(found.revoked.is_empty());
}

#[test]
fn policies_that_look_at_http_are_those_of_sidecars() {
    let of = |operations: Value| json!({"selector": {"matchLabels": {"app": "web"}}, "rules": [{"to": operations}]});
    let found = compared(
        &[of(json!([{"operation": {"methods": ["GET"]}}]))],
        &[of(
            json!([{"operation": {"methods": ["GET"], "paths": ["/a*"]}}, {"operation": {"methods": ["GET"], "notPaths": ["/a*"]}}]),
        )],
    );
    assert!(found.equivalent, "{}", found.json());
    assert_eq!(found.assumed.len(), 1);
    let found = compared(
        &[of(json!([{"operation": {"methods": ["GET"]}}]))],
        &[of(json!([{"operation": {"methods": ["GET", "POST"]}}]))],
    );
    assert_eq!(
        texts(&found.granted),
        ["anyone in or outside the mesh may now send POST to pods of shop with app=web"]
    );
}

#[test]
fn pods_in_a_namespace_without_labels_are_compared() {
    let around = [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0", "namespace": "shop", "labels": {"app": "web"}}, "spec": {"serviceAccountName": "web"}}),
    ];
    let side = |path: &str| {
        let policy = policies(&[json!({"rules": [{"to": [{"operation": {"paths": [path]}}]}]})]);
        format!("{policy}\n---\n{}", list(around.iter().cloned()))
    };
    let found = diff(&analysis(&side("/a")), &analysis(&side("/b")));
    assert_eq!(
        (found.granted.len(), found.revoked.len()),
        (1, 1),
        "{}",
        found.json()
    );
    replay(&found, &side("/a"), &side("/b"), "{}");
    // Where a label says that they are outside, they are.
    let out = side("/a").replace(
        r#""app":"web""#,
        r#""app":"web","sidecar.istio.io/inject":"false""#,
    );
    let found = diff(&analysis(&out), &analysis(&out.replace("/a", "/b")));
    assert!(found.assumed.is_empty());
    assert!(
        found.granted.is_empty() && found.revoked.is_empty(),
        "{}",
        found.json()
    );
}

#[test]
fn services_behind_waypoints_that_are_not_described_are_compared() {
    let refs = |kind: &str, group: &str, name: &str, method: &str| {
        json!({
            "targetRefs": [{"kind": kind, "group": group, "name": name}],
            "rules": [{"to": [{"operation": {"methods": [method]}}]}],
        })
    };
    for (kind, group, text) in [
        ("Service", "", "service shop/web"),
        (
            "Gateway",
            "gateway.networking.k8s.io",
            "any service behind gateway shop/web",
        ),
    ] {
        let found = compared(
            &[refs(kind, group, "web", "GET")],
            &[refs(kind, group, "web", "P*")],
        );
        let expected =
            format!("anyone in the mesh may now send P* to {text}, through its waypoint");
        assert_eq!(texts(&found.granted), [expected], "{}", found.json());
        assert_eq!(found.revoked.len(), 1);
    }
}

#[test]
fn policies_of_known_pods_are_compared() {
    let pods = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}\n---\n\
                apiVersion: v1\nkind: Pod\nmetadata: {name: web-0, namespace: shop, labels: {app: web}}\nspec: {serviceAccountName: web}\n";
    let side = |port: &str| {
        let policy = policies(&[
            json!({"selector": {"matchLabels": {"app": "web"}}, "rules": [rule(port)]}),
        ]);
        analysis(&format!("{policy}\n{pods}"))
    };
    let found = diff(&side("80"), &side("81"));
    assert!(
        found.not_compared.is_empty() && !found.equivalent,
        "{found:?}"
    );
    assert_eq!((found.granted.len(), found.revoked.len()), (1, 1));
}

/// `web` asks `db`, which lets it in by name.
fn two(web: &str, db: &str) -> String {
    let pod = |name: &str, mode: &str| {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("{name}-0"), "namespace": "shop", "labels": {"app": name, "istio.io/dataplane-mode": mode}},
            "spec": {"serviceAccountName": name},
        })
    };
    let policy = policies(&[json!({
        "selector": {"matchLabels": {"app": "db"}},
        "rules": [{"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/web"]}}]}],
    })]);
    format!(
        "{policy}\n---\n{}",
        list([pod("web", web), pod("db", db)].into_iter())
    )
}

#[test]
fn who_leaves_the_mesh_loses_its_identity_or_its_guard() {
    let (inside, left) = (two("ambient", "ambient"), two("none", "ambient"));
    let found = diff(&analysis(&inside), &analysis(&left));
    assert!(found.granted.is_empty(), "{}", found.json());
    assert_eq!(
        texts(&found.revoked),
        ["shop/web may no longer connect to pod shop/db-0"]
    );
    let change = found.revoked.first().expect("a change");
    assert_eq!(change.reasons, ["shop/web leaves the mesh"]);
    replay(&found, &inside, &left, "{}");
    let found = diff(&analysis(&left), &analysis(&inside));
    let change = found.granted.first().expect("a change");
    assert_eq!(change.reasons, ["shop/web joins the mesh"]);
    // The server: whatever was denied is allowed.
    let open = two("ambient", "none");
    let found = diff(&analysis(&inside), &analysis(&open));
    assert!(found.revoked.is_empty(), "{}", found.json());
    let change = found.granted.first().expect("a change");
    assert_eq!(change.reasons, ["shop/db-0 leaves the mesh"]);
    replay(&found, &inside, &open, "{}");
}

#[test]
fn trust_domains_that_differ_are_compared() {
    let side = |principal: &str| {
        let policy =
            policies(&[json!({"rules": [{"from": [{"source": {"principals": [principal]}}]}]})]);
        format!("{policy}\n---\n{}", list([json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "db-0", "namespace": "shop", "labels": {"istio.io/dataplane-mode": "ambient"}},
        })].into_iter()))
    };
    let ask = |old: &str, new: &str| {
        diff(
            &with_settings(&side(old), "trustDomain: old"),
            &with_settings(&side(new), "trustDomain: new"),
        )
    };
    let found = ask("old/ns/shop/sa/web", "new/ns/shop/sa/web");
    assert!(found.equivalent, "{}", found.json());
    let found = ask("*/ns/shop/sa/web", "*/ns/shop/sa/web");
    assert!(found.equivalent, "{}", found.json());
    let found = ask("old/ns/shop/sa/web", "old/ns/shop/sa/web");
    assert_eq!(
        texts(&found.revoked),
        ["shop/web may no longer connect to pod shop/db-0"]
    );
    let change = found.revoked.first().expect("a change");
    assert_eq!(
        change.reasons,
        ["the setting trustDomain changes from old to new"]
    );
}

fn policy_in(namespace: &str, port: &str) -> Value {
    json!({
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": {"name": "p", "namespace": namespace},
        "spec": {"rules": [{"to": [{"operation": {"ports": [port]}}]}]},
    })
}

/// However many namespaces there are, one that changes is found; and what there is no room for is named.
#[test]
fn no_namespace_is_left_out_silently() {
    let side = |changed: usize| {
        let port = |at: usize| if at + changed >= 600 { "443" } else { "80" };
        let all = (0..600).map(|at| policy_in(&format!("space-{at:03}"), port(at)));
        analysis(&list(all))
    };
    let found = diff(&side(0), &side(1));
    assert_eq!((found.granted.len(), found.revoked.len()), (1, 1));
    assert!(found.not_compared.is_empty());
    let found = diff(&side(0), &side(450));
    let compared = found.granted.iter().map(|one| 1 + one.also_to.len());
    assert_eq!(compared.sum::<usize>() + found.not_compared.len(), 450);
    assert_eq!(found.not_compared.len(), 50);
}

/// However many applications leave the mesh, none is taken for a client of neither side.
#[test]
fn no_application_that_leaves_is_left_out() {
    let side = |plane: &str| {
        let db = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "db", "namespace": "shop", "labels":
            {"app": "db", "istio.io/dataplane-mode": "ambient"}}});
        let policy = json!({"kind": "AuthorizationPolicy", "apiVersion": "security.istio.io/v1",
            "metadata": {"name": "db", "namespace": "shop"}, "spec": {"selector": {"matchLabels": {"app": "db"}},
            "rules": [{"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/client-519"]}}]}]}});
        let clients = (0..520).map(|at| json!({"kind": "Pod", "apiVersion": "v1",
            "metadata": {"name": format!("client-{at:03}"), "namespace": "shop", "labels": {"istio.io/dataplane-mode": plane}},
            "spec": {"serviceAccountName": format!("client-{at:03}")}}));
        analysis(&list(clients.chain([db, policy])))
    };
    let (old, new) = (side("ambient"), side("none"));
    let found = diff(&old, &new);
    let to_db = found
        .revoked
        .iter()
        .filter(|one| one.text.contains("shop/client-519"));
    assert_eq!(to_db.count(), 1, "{:?}", texts(&found.revoked));
}

/// The proxy keeps what it had before, on all its ports, also where the policy at fault enforces nothing.
#[test]
fn nothing_is_claimed_of_a_sidecar_whose_configuration_envoy_refuses() {
    let pod = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0", "namespace": "shop",
        "labels": {"sidecar.istio.io/inject": "true"}}, "spec": {"serviceAccountName": "web"}}"#;
    let rule = |path: &str| json!([{"to": [{"operation": {"paths": [path]}}]}]);
    let ports = |one: &str| json!({"rules": [{"to": [{"operation": {"ports": [one]}}]}]});
    for action in ["AUDIT", "DENY"] {
        let side = |port: &str, path: &str| {
            let refused = json!({"action": action, "rules": rule(path)});
            analysis(&format!(
                "{}\n---\n{pod}",
                policies(&[ports(port), refused])
            ))
        };
        let sound = diff(&side("80", "/{*}/a"), &side("443", "/{*}/a"));
        assert_eq!((sound.granted.len(), sound.revoked.len()), (1, 1));
        let (old, new) = (side("80", "/{*}//"), side("443", "/{*}//"));
        let found = diff(&old, &new);
        assert_eq!((&found.granted[..], &found.revoked[..]), (&[][..], &[][..]));
        let request = r#"{"to": {"pod": "shop/web-0"}, "port": 443, "path": "/"}"#;
        let request = Request::read(request).expect("a request");
        assert_eq!(old.decide(&request).verdict, Verdict::Depends);
    }
}

#[test]
fn path_normalisations_that_differ_are_compared() {
    let side = |path: &str, mode: &str| {
        let policy = policies(&[
            json!({"action": "DENY", "rules": [{"to": [{"operation": {"paths": [path]}}]}]}),
        ]);
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0", "namespace": "shop", "labels": {"sidecar.istio.io/inject": "true"}},
        });
        let text = format!("{policy}\n---\n{}", list([pod].into_iter()));
        with_settings(&text, &format!("pathNormalization: {mode}"))
    };
    for (old, new) in [
        ("BASE", "NONE"),
        ("MERGE_SLASHES", "BASE"),
        ("DECODE_AND_MERGE_SLASHES", "MERGE_SLASHES"),
    ] {
        let (before, after) = (side("/a/b", old), side("/a/b", new));
        let found = diff(&before, &after);
        assert!(!found.equivalent && !found.not_compared.is_empty());
        let change = found
            .granted
            .first()
            .unwrap_or_else(|| panic!("{old} {new} {}", found.json()));
        let line = serde_json::to_string(&change.witness).expect("a request");
        let request = Request::read(&line).expect(&line);
        assert_eq!(before.decide(&request).verdict, Verdict::Denied, "{line}");
        assert_eq!(after.decide(&request).verdict, Verdict::Allowed, "{line}");
        assert!(
            change
                .reasons
                .first()
                .is_some_and(|one| one.contains("pathNormalization"))
        );
    }
    // All paths, or none: no normalisation makes a difference.
    let found = diff(&side("/*", "BASE"), &side("*", "NONE"));
    assert!(found.equivalent, "{}", found.json());
}

/// What is no printable character of ASCII is in headers as well, as Envoy takes them, and anything in
/// claims. Each was called equivalent to what it is not.
#[test]
fn values_of_any_characters() {
    let mesh = "{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio-injection: enabled}}}
---
{kind: Pod, apiVersion: v1, metadata: {name: web-0, namespace: shop, labels: {app: web}}}
---
";
    let side = |key: &str, values: &[&str]| {
        let rules = match values {
            [] => json!([]),
            values => json!([{"when": [{"key": key, "values": values}]}]),
        };
        format!("{mesh}{}", policies(&[json!({"rules": rules})]))
    };
    let header = "request.headers[x-name]";
    let claim = "request.auth.claims[name]";
    for (key, values) in [
        (header, vec!["é"]),
        (header, vec!["é*", "*è"]),
        (header, vec!["a\tb"]),
        (header, vec!["日*本"]),
        (claim, vec!["é", "e"]),
        (claim, vec![" a"]),
        (claim, vec!["a\nb*"]),
    ] {
        let (none, some) = (side(key, &[]), side(key, &values));
        let found = diff(&analysis(&none), &analysis(&some));
        assert!(
            !found.granted.is_empty(),
            "{key} {values:?}: {}",
            found.json()
        );
        replay(&found, &none, &some, "{}");
        let found = diff(&analysis(&some), &analysis(&side(key, &["*"])));
        assert!(
            !found.granted.is_empty(),
            "{key} {values:?}: {}",
            found.json()
        );
    }
    // What no request has is no difference.
    for (key, value) in [(header, "a\nb"), (header, "a\t"), ("connection.sni", "é")] {
        let found = diff(&analysis(&side(key, &[])), &analysis(&side(key, &[value])));
        assert!(found.equivalent, "{key} {value:?}: {}", found.json());
    }
}
