//! Requests to an ingress gateway, whose Envoy enforces policies of its own. What is attached there was
//! asked of Istio itself: `tests/cluster/judge.test.mjs`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use mesh_policy::analysis::diff::diff;
use mesh_policy::analysis::lint::lint;
use mesh_policy::analysis::{Analysis, Request};
use mesh_policy::compile::Source;
use mesh_policy::mesh::input::{MeshInput, read_mesh};
use serde_json::{Value, json};

const MESH: &str = r#"
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {gatewayClassName: CLASS, listeners: [{name: http, port: 80, protocol: PROTOCOL}]}
---
apiVersion: v1
kind: Pod
metadata: {name: edge-0, namespace: shop, labels: {app: edge, gateway.networking.k8s.io/gateway-name: edge, istio.io/dataplane-mode: PLANE}}
spec: {serviceAccountName: edge-istio}
---
{apiVersion: v1, kind: Service, metadata: {name: edge, namespace: shop}, spec: {selector: {app: edge}, ports: [{port: 80, name: http}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web-0, namespace: shop}, spec: {serviceAccountName: web}}
"#;

const USUAL: [(&str, &str); 3] = [("CLASS", "istio"), ("PROTOCOL", "HTTP"), ("PLANE", "none")];

fn mesh(changes: &[(&str, &str)], policies: &[Value]) -> Analysis {
    let mut text = MESH.to_owned();
    for (name, value) in changes.iter().chain(&USUAL) {
        text = text.replace(name, value);
    }
    for policy in policies {
        text.push_str(&format!("---\n{policy}\n"));
    }
    let (mesh, diagnostics) = read_mesh(&MeshInput {
        manifests: vec![Source::new("mesh.yaml", &text)],
        ..MeshInput::default()
    });
    assert_eq!(diagnostics, []);
    Analysis::new(mesh)
}

fn policy(namespace: &str, spec: Value) -> Value {
    json!({"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": {"name": "p", "namespace": namespace}, "spec": spec})
}

fn reference(kind: &str, name: &str) -> Value {
    let group = if kind == "Service" {
        ""
    } else {
        "gateway.networking.k8s.io"
    };
    json!([{"kind": kind, "group": group, "name": name}])
}

/// The verdict and what it depends on, for the Service, which its pods' own address must share.
fn asked(mesh: &Analysis, changes: &Value) -> (String, Vec<String>) {
    let of = |target: Value| {
        let mut request = json!({"from": {"namespace": "shop", "serviceAccount": "web"}, "sourceIp": "10.1.2.3",
            "port": 80, "method": "GET", "path": "/", "host": "shop.example"});
        for part in [&target, changes] {
            for (key, value) in part.as_object().into_iter().flatten() {
                request[key] = value.clone();
            }
        }
        let request = Request::read(&request.to_string()).expect("a request");
        let answer: Value = serde_json::from_str(&mesh.trace_json(&request)).unwrap_or_default();
        let depends = answer["depends"].as_array().into_iter().flatten();
        let depends = depends
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        (
            answer["verdict"].as_str().unwrap_or_default().to_owned(),
            depends,
        )
    };
    let answer = of(json!({"to": {"service": "shop/edge"}}));
    assert_eq!(answer, of(json!({"to": {"pod": "shop/edge-0"}})));
    answer
}

fn verdict(changes: &[(&str, &str)], policies: &[Value], request: &Value) -> String {
    asked(&mesh(changes, policies), request).0
}

/// Each of these is an ALLOW of nothing.
#[test]
fn what_is_attached_to_a_gateway() {
    let any = json!({});
    assert_eq!(verdict(&[], &[], &any), "allowed");
    for (attached, namespace, spec) in [
        (
            true,
            "shop",
            json!({"targetRefs": reference("Gateway", "edge")}),
        ),
        (
            false,
            "shop",
            json!({"targetRefs": reference("Gateway", "other")}),
        ),
        (
            false,
            "istio-system",
            json!({"targetRefs": reference("Gateway", "edge")}),
        ),
        (
            false,
            "istio-system",
            json!({"targetRefs": reference("GatewayClass", "istio")}),
        ),
        (
            false,
            "istio-system",
            json!({"targetRefs": reference("GatewayClass", "istio-waypoint")}),
        ),
        (
            false,
            "shop",
            json!({"targetRefs": reference("Service", "edge")}),
        ),
        (
            true,
            "shop",
            json!({"selector": {"matchLabels": {"app": "edge"}}}),
        ),
        (
            true,
            "istio-system",
            json!({"selector": {"matchLabels": {"app": "edge"}}}),
        ),
        (
            false,
            "shop",
            json!({"selector": {"matchLabels": {"app": "web"}}}),
        ),
        (true, "shop", json!({"selector": {"matchLabels": {}}})),
        (true, "shop", json!({})),
        (true, "istio-system", json!({})),
        (false, "cos", json!({})),
    ] {
        let expected = if attached { "denied" } else { "allowed" };
        let policy = policy(namespace, spec);
        assert_eq!(
            verdict(&[], std::slice::from_ref(&policy), &any),
            expected,
            "{policy}"
        );
        // A gateway of somebody else's knows no AuthorizationPolicy.
        assert_eq!(verdict(&[("CLASS", "nginx")], &[policy], &any), "allowed");
    }
}

#[test]
fn what_a_gateway_sees() {
    let only = |rule: Value| {
        [policy(
            "shop",
            json!({"targetRefs": reference("Gateway", "edge"), "rules": [rule]}),
        )]
    };
    let get = only(json!({"to": [{"operation": {"methods": ["GET"]}}]}));
    assert_eq!(verdict(&[], &get, &json!({})), "allowed");
    assert_eq!(verdict(&[], &get, &json!({"method": "PUT"})), "denied");
    assert_eq!(verdict(&[], &get, &json!({"from": null})), "allowed");
    // Nobody's identity, whoever asks.
    let web = only(json!({"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/web"]}}]}));
    assert_eq!(verdict(&[], &web, &json!({})), "denied");
    let others =
        only(json!({"from": [{"source": {"notPrincipals": ["cluster.local/ns/shop/sa/web"]}}]}));
    assert_eq!(verdict(&[], &others, &json!({})), "allowed");
    let near = only(json!({"from": [{"source": {"ipBlocks": ["10.1.0.0/16"]}}]}));
    assert_eq!(verdict(&[], &near, &json!({})), "allowed");
    assert_eq!(
        verdict(&[], &near, &json!({"sourceIp": "10.2.0.1"})),
        "denied"
    );
    // Whose word counts for the address behind that is a setting of istiod's.
    let behind = only(json!({"from": [{"source": {"remoteIpBlocks": ["10.1.0.0/16"]}}]}));
    assert_eq!(
        asked(&mesh(&[], &behind), &json!({})),
        ("depends".into(), vec!["trusted-proxies".into()])
    );
    // Of two services one is surely asked: then nothing else is in doubt.
    let service = |name: &str, rule: Value| {
        json!({"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"action": "CUSTOM", "provider": {"name": "opa"}, "rules": [rule]}})
    };
    let maybe = service(
        "maybe",
        json!({"from": [{"source": {"remoteIpBlocks": ["10.1.0.0/16"]}}]}),
    );
    let surely = service("surely", json!({}));
    for (policies, depends) in [
        (
            vec![maybe.clone()],
            vec!["custom-policy", "trusted-proxies"],
        ),
        (vec![maybe.clone(), surely.clone()], vec!["custom-policy"]),
        (vec![surely, maybe], vec!["custom-policy"]),
    ] {
        let depends = depends.into_iter().map(str::to_owned).collect();
        assert_eq!(
            asked(&mesh(&[], &policies), &json!({})),
            ("depends".into(), depends)
        );
    }
    let header = only(
        json!({"when": [{"key": "request.headers[x-forwarded-for]", "values": ["10.1.2.3"]}]}),
    );
    let sent = json!({"headers": {"x-forwarded-for": ["10.1.2.3"]}});
    assert_eq!(
        asked(&mesh(&[], &header), &sent),
        ("depends".into(), vec!["header-of-the-proxy".into()])
    );
    // What a listener of another kind makes of conditions on HTTP is not looked into.
    for protocol in ["TCP", "TLS"] {
        let mesh = mesh(&[("PROTOCOL", protocol)], &get);
        assert_eq!(
            asked(&mesh, &json!({})),
            ("depends".into(), vec!["listener-not-http".into()])
        );
    }
    assert_eq!(verdict(&[("PROTOCOL", "TLS")], &[], &json!({})), "allowed");
    assert_eq!(
        verdict(&[("PROTOCOL", "HTTPS")], &get, &json!({"method": "PUT"})),
        "denied"
    );
}

#[test]
fn a_gateway_in_the_ambient_mesh_has_a_ztunnel_before_it() {
    let ambient = [("PLANE", "ambient")];
    let ports = policy(
        "shop",
        json!({"selector": {"matchLabels": {"app": "edge"}},
        "rules": [{"to": [{"operation": {"ports": ["81"]}}]}]}),
    );
    assert_eq!(verdict(&ambient, &[ports], &json!({})), "denied");
    let get = policy(
        "shop",
        json!({"targetRefs": reference("Gateway", "edge"),
        "rules": [{"to": [{"operation": {"methods": ["GET"]}}]}]}),
    );
    assert_eq!(
        verdict(&ambient, std::slice::from_ref(&get), &json!({})),
        "allowed"
    );
    assert_eq!(
        verdict(&ambient, &[get], &json!({"method": "PUT"})),
        "denied"
    );
}

#[test]
fn mutual_tls_that_is_demanded_of_pods_is_not_of_a_gateway() {
    let strict = json!({"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": "shop"}, "spec": {"mtls": {"mode": "STRICT"}}});
    assert_eq!(verdict(&[], &[strict], &json!({"from": null})), "allowed");
}

#[test]
fn a_change_at_a_gateway_is_a_change() {
    let side = |method: &str| {
        let rule = json!({"to": [{"operation": {"methods": [method]}}]});
        mesh(
            &[],
            &[policy(
                "shop",
                json!({"targetRefs": reference("Gateway", "edge"), "rules": [rule]}),
            )],
        )
    };
    let (old, new) = (side("GET"), side("PUT"));
    let found = diff(&old, &new);
    assert!(
        !found.granted.is_empty() && !found.revoked.is_empty(),
        "{}",
        found.json()
    );
    for change in &found.granted {
        let line = serde_json::to_string(&change.witness).unwrap_or_default();
        let request = Request::read(&line).expect("a request");
        let answers = (
            old.decide(&request).verdict.name(),
            new.decide(&request).verdict.name(),
        );
        assert_eq!(answers, ("denied", "allowed"), "{line}");
    }
}

/// What Envoy refuses is an error wherever an Envoy is given it, also where it would enforce nothing.
#[test]
fn templates_that_a_gateway_cannot_load_are_errors() {
    let rules = json!([{"to": [{"operation": {"paths": ["/{*}//"]}}]}]);
    let selector = json!({"matchLabels": {"app": "edge"}});
    for spec in [
        json!({"rules": rules, "selector": selector}),
        json!({"rules": rules, "selector": selector, "action": "AUDIT"}),
        json!({"rules": rules, "targetRefs": reference("Gateway", "edge")}),
        json!({"rules": rules, "targetRefs": reference("Gateway", "edge"), "action": "AUDIT"}),
    ] {
        let mesh = mesh(&[], &[policy("shop", spec.clone())]);
        let found = lint(&mesh);
        let codes: Vec<&str> = found.iter().map(|one| one.code).collect();
        assert!(codes.contains(&"envoy-refuses"), "{spec}: {codes:?}");
        let depends = asked(&mesh, &json!({})).1;
        assert_eq!(depends, ["envoy-refuses-configuration"], "{spec}");
    }
}

/// A gateway does not take a client's word for its address; what it lets through may.
#[test]
fn an_address_is_not_forged_at_a_gateway() {
    let rules = json!([{"from": [{"source": {"remoteIpBlocks": ["10.1.0.0/16"]}}]}, {"when": [{"key": "remote.ip", "values": ["10.1.0.0/16"]}]}]);
    let edge = json!({"matchLabels": {"app": "edge"}});
    for (found, spec) in [
        (
            0,
            json!({"rules": rules, "targetRefs": reference("Gateway", "edge")}),
        ),
        (0, json!({"rules": rules, "selector": edge})),
        (2, json!({"rules": rules})),
        (
            2,
            json!({"rules": rules, "targetRefs": reference("Service", "edge")}),
        ),
        (
            2,
            json!({"rules": rules, "targetRefs": reference("Gateway", "other")}),
        ),
        (
            2,
            json!({"rules": rules, "selector": {"matchLabels": {"app": "nobody"}}}),
        ),
    ] {
        let all = lint(&mesh(&[], &[policy("shop", spec.clone())]));
        let codes = all.iter().filter(|one| one.code == "forgeable-address");
        assert_eq!(codes.count(), found, "{spec}");
    }
}

const CLASSIC: &str = r#"
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: istio-ingress, labels: NAMESPACE}}
---
apiVersion: v1
kind: Pod
metadata: {name: gate-0, namespace: istio-ingress, labels: {istio: ingressgateway}, annotations: ANNOTATIONS}
spec:
  serviceAccountName: gate
  containers: [{name: istio-proxy, image: proxyv2, args: ARGS}]
---
{apiVersion: v1, kind: Pod, metadata: {name: web-0, namespace: shop, labels: {app: web}}, spec: {serviceAccountName: web}}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: site, namespace: shop}
spec: {selector: SELECTOR, servers: [{port: {number: 443, name: https, protocol: PROTOCOL}, tls: {mode: MODE}, hosts: ["*"]}]}
"#;

fn classic(changes: &[(&str, &str)], policies: &[Value]) -> Analysis {
    let usual = [
        ("NAMESPACE", "{}"),
        ("ANNOTATIONS", "{}"),
        ("ARGS", "[proxy, router, --domain, x]"),
        ("SELECTOR", "{istio: ingressgateway}"),
        ("PROTOCOL", "HTTPS"),
        ("MODE", "SIMPLE"),
    ];
    let mut text = CLASSIC.to_owned();
    for (name, value) in changes.iter().chain(&usual) {
        text = text.replace(name, value);
    }
    for policy in policies {
        text.push_str(&format!("---\n{policy}\n"));
    }
    let (mesh, diagnostics) = read_mesh(&MeshInput {
        manifests: vec![Source::new("mesh.yaml", &text)],
        ..MeshInput::default()
    });
    assert_eq!(diagnostics, []);
    Analysis::new(mesh)
}

fn at_gate(mesh: &Analysis, from: Value) -> (String, Value) {
    let request = json!({"from": from, "sourceIp": "10.1.2.3", "to": {"pod": "istio-ingress/gate-0"},
        "port": 443, "method": "GET", "path": "/", "host": "shop.example"});
    let request = Request::read(&request.to_string()).expect("a request");
    let answer: Value = serde_json::from_str(&mesh.trace_json(&request)).unwrap_or_default();
    let verdict = answer["verdict"].as_str().unwrap_or_default();
    (verdict.to_owned(), answer["depends"].clone())
}

/// Istio's own gateways, by the proxy's arguments or by what is injected: no identity reaches them, and
/// what they carry is what Istio's Gateways say.
#[test]
fn the_gateways_of_istio_itself() {
    let gate = json!({"matchLabels": {"istio": "ingressgateway"}});
    let rule = |rule: Value| {
        [policy(
            "istio-ingress",
            json!({"selector": gate, "rules": [rule]}),
        )]
    };
    let web = json!({"namespace": "shop", "serviceAccount": "web"});
    let get = rule(json!({"to": [{"operation": {"methods": ["GET"], "hosts": ["shop.example"]}}]}));
    let client = rule(json!({"from": [{"source": {"namespaces": ["shop"]}}]}));
    let depends = ("depends".to_owned(), json!(["listener-not-http"]));
    let injected = [
        ("ANNOTATIONS", "{inject.istio.io/templates: gateway}"),
        ("ARGS", "[]"),
    ];
    for changes in [
        &[][..],
        &injected,
        &[("SELECTOR", "{}")],
        &[("PROTOCOL", "HTTP"), ("MODE", "null")],
        &[("PROTOCOL", "grpc")],
        &[("NAMESPACE", "{istio.io/dataplane-mode: ambient}")],
        &[("NAMESPACE", "{istio-injection: enabled}")],
    ] {
        for from in [&web, &Value::Null] {
            let asked = |policies: &[Value]| at_gate(&classic(changes, policies), from.clone()).0;
            assert_eq!(asked(&get), "allowed", "{changes:?}");
            assert_eq!(asked(&client), "denied", "{changes:?}");
            assert_eq!(asked(&[]), "allowed", "{changes:?}");
        }
    }
    for changes in [
        &[("PROTOCOL", "TCP")][..],
        &[("PROTOCOL", "TLS")],
        &[("MODE", "PASSTHROUGH")],
        &[("MODE", "ISTIO_MUTUAL")],
        &[("MODE", "null")],
        // Nothing is known of what it opens.
        &[("SELECTOR", "{istio: another}")],
    ] {
        assert_eq!(
            at_gate(&classic(changes, &get), web.clone()),
            depends,
            "{changes:?}"
        );
        assert_eq!(at_gate(&classic(changes, &[]), web.clone()).0, "allowed");
    }
    // A sidecar, whose client is known.
    let sidecar = [("ARGS", "[proxy, sidecar]")];
    assert_eq!(at_gate(&classic(&sidecar, &client), web).0, "allowed");
}

/// It sends as a member of the mesh, by its service account.
#[test]
fn a_gateway_of_istio_itself_is_a_client_of_the_mesh() {
    let rules =
        json!([{"from": [{"source": {"principals": ["cluster.local/ns/istio-ingress/sa/gate"]}}]}]);
    let only = [policy(
        "shop",
        json!({"selector": {"matchLabels": {"app": "web"}}, "rules": rules}),
    )];
    let request = json!({"from": {"namespace": "istio-ingress", "serviceAccount": "gate"}, "to": {"pod": "shop/web-0"}, "port": 80});
    let request = Request::read(&request.to_string()).expect("a request");
    let answer = classic(&[], &only).decide(&request);
    assert_eq!(answer.verdict.name(), "allowed");
}

/// Istio looks at the label of the pods alone: neither the class nor the Gateway itself matters.
#[test]
fn the_label_of_pods_names_the_gateway_that_policies_reference() {
    let nothing = |namespace: &str, name: &str| {
        policy(namespace, json!({"targetRefs": reference("Gateway", name)}))
    };
    let gateway = |class: &str| {
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": "edge", "namespace": "istio-ingress"},
            "spec": {"gatewayClassName": class, "listeners": [{"name": "http", "port": 443, "protocol": "HTTP"}]}})
    };
    let pod = |labels: Value, args: &str| {
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "edge-0", "namespace": "istio-ingress", "labels": labels},
            "spec": {"containers": [{"name": "istio-proxy", "image": "proxyv2", "args": ["proxy", args]}]}})
    };
    let named = json!({"gateway.networking.k8s.io/gateway-name": "edge"});
    let managed = json!({"gateway.networking.k8s.io/gateway-name": "edge",
        "gateway.istio.io/managed": "istio.io-gateway-controller"});
    let asked = |objects: &[Value]| {
        let mesh = classic(&[], objects);
        let request = json!({"from": null, "sourceIp": "10.1.2.3", "to": {"pod": "istio-ingress/edge-0"},
            "port": 443, "method": "GET", "path": "/", "host": "shop.example"});
        let request = Request::read(&request.to_string()).expect("a request");
        mesh.decide(&request).verdict.name()
    };
    for (labels, args) in [(&named, "router"), (&managed, "router"), (&managed, "x")] {
        let pod = pod(labels.clone(), args);
        for class in ["istio", "own"] {
            let with = |policy| asked(&[gateway(class), pod.clone(), policy]);
            assert_eq!(
                with(nothing("istio-ingress", "edge")),
                "denied",
                "{pod} {class}"
            );
            assert_eq!(
                with(nothing("istio-ingress", "other")),
                "allowed",
                "{pod} {class}"
            );
            assert_eq!(
                with(nothing("istio-system", "edge")),
                "allowed",
                "{pod} {class}"
            );
        }
        // What listeners of a Gateway carry that the input does not have is not known.
        let alone = [pod.clone(), nothing("istio-ingress", "edge")];
        assert_eq!(asked(&alone), "depends", "{pod}");
        let other = [pod.clone(), nothing("istio-ingress", "other")];
        assert_eq!(asked(&other), "allowed", "{pod}");
    }
    // Waypoints are no gateways of this kind.
    let pod = pod(named, "waypoint");
    let policy = nothing("istio-ingress", "edge");
    assert_eq!(asked(&[gateway("istio-waypoint"), pod, policy]), "allowed");
}

/// Where a listener may carry something else, or ask clients for certificates, it is not told what
/// policies do there.
#[test]
fn what_listeners_carry() {
    let get = policy(
        "istio-ingress",
        json!({"rules": [{"to": [{"operation": {"methods": ["GET"]}}]}]}),
    );
    let listener = |more: Value| {
        let mut listener = json!({"name": "a", "port": 443, "protocol": "HTTPS"});
        for (key, value) in more.as_object().into_iter().flatten() {
            listener[key] = value.clone();
        }
        listener
    };
    let validation = json!({"validation": {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}]}});
    let terminated = json!({"tls": {"mode": "Terminate", "certificateRefs": [{"name": "cert"}]}});
    for (expected, spec) in [
        ("allowed", json!({"listeners": [listener(json!({}))]})),
        (
            "allowed",
            json!({"listeners": [listener(terminated.clone())]}),
        ),
        (
            "allowed",
            json!({"listeners": [listener(json!({"protocol": "HTTP"}))], "tls": {"frontend": {"default": validation}}}),
        ),
        (
            "allowed",
            json!({"listeners": [listener(terminated.clone())], "tls": {"backend": {}}}),
        ),
        (
            "allowed",
            json!({"listeners": [listener(terminated.clone())], "allowedListeners": {"namespaces": {"from": "None"}}}),
        ),
        (
            "depends",
            json!({"listeners": [listener(terminated.clone())], "allowedListeners": {"namespaces": {"from": "Same"}}}),
        ),
        (
            "depends",
            json!({"listeners": [listener(terminated.clone())], "tls": {"frontend": {"default": validation}}}),
        ),
        (
            "depends",
            json!({"listeners": [listener(terminated)], "tls": {"frontend": {"default": {}, "perPort": [{"port": 443, "tls": validation}]}}}),
        ),
        (
            "depends",
            json!({"listeners": [listener(json!({"tls": {"mode": "Passthrough"}}))]}),
        ),
        (
            "depends",
            json!({"listeners": [listener(json!({"tls": {"options": {"gateway.istio.io/tls-terminate-mode": "MUTUAL"}}}))]}),
        ),
        (
            "depends",
            json!({"listeners": [listener(json!({})), listener(json!({"protocol": "TLS"}))]}),
        ),
        ("depends", json!({"listeners": []})),
        ("depends", json!({})),
    ] {
        let gateway = json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": "gate", "namespace": "istio-ingress"}, "spec": {"gatewayClassName": "istio"}});
        let mut gateway = gateway;
        for (key, value) in spec.as_object().into_iter().flatten() {
            gateway["spec"][key] = value.clone();
        }
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "gate-0", "namespace": "istio-ingress",
            "labels": {"gateway.networking.k8s.io/gateway-name": "gate"}}});
        let mut text = String::new();
        for object in [&gateway, &pod, &get] {
            text.push_str(&format!("---\n{object}\n"));
        }
        let (mesh, diagnostics) = read_mesh(&MeshInput {
            manifests: vec![Source::new("mesh.yaml", &text)],
            ..MeshInput::default()
        });
        assert_eq!(diagnostics, [], "{gateway}");
        let (verdict, _) = at_gate(&Analysis::new(mesh), Value::Null);
        assert_eq!(verdict, expected, "{gateway}");
    }
}

/// A Gateway of Istio's that is given twice is there once.
#[test]
fn the_last_of_two_gateways_of_one_name_counts() {
    let nothing = policy(
        "istio-ingress",
        json!({"selector": {"matchLabels": {"istio": "ingressgateway"}}}),
    );
    let again = |mode: &str| {
        json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "site", "namespace": "shop"},
            "spec": {"selector": {"istio": "ingressgateway"}, "servers": [
                {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "tls": {"mode": mode}, "hosts": ["./*"]}]}})
    };
    for (first, second, expected) in [
        ("PASSTHROUGH", "SIMPLE", "denied"),
        ("SIMPLE", "PASSTHROUGH", "depends"),
        ("SIMPLE", "SIMPLE", "denied"),
    ] {
        let mut text = CLASSIC.to_owned();
        for (name, value) in [
            ("NAMESPACE", "{}"),
            ("ANNOTATIONS", "{}"),
            ("ARGS", "[proxy, router]"),
            ("SELECTOR", "{istio: ingressgateway}"),
            ("PROTOCOL", "HTTPS"),
            ("MODE", first),
        ] {
            text = text.replace(name, value);
        }
        for object in [&again(second), &nothing] {
            text.push_str(&format!("---\n{object}\n"));
        }
        let (mesh, diagnostics) = read_mesh(&MeshInput {
            manifests: vec![Source::new("mesh.yaml", &text)],
            ..MeshInput::default()
        });
        let codes: Vec<&str> = diagnostics.iter().map(|one| one.code).collect();
        let told = if first == second {
            vec![]
        } else {
            vec!["object-given-twice"]
        };
        assert_eq!(codes, told);
        let (verdict, _) = at_gate(&Analysis::new(mesh), Value::Null);
        assert_eq!(verdict, expected, "{first} {second}");
    }
}
