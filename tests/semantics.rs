//! One question for each sentence that the analysis follows: who enforces what, on which way, and what
//! a policy becomes there.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failing test panics"
)]

mod common;

use mesh_policy::analysis::Analysis;
use serde_json::{Value, json};

/// Two applications of one namespace behind a waypoint; `{ready}` and `{for}` are filled in.
const MESH: &str = "
{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: wp}}}
---
{kind: Namespace, apiVersion: v1, metadata: {name: out}}
---
{kind: Service, apiVersion: v1, metadata: {name: web, namespace: shop}, spec: {clusterIP: 10.0.0.1, selector: {app: web}, ports: [{port: 80, name: http, targetPort: 8080}, {port: 5432, name: tcp-db}]}}
---
{kind: Service, apiVersion: v1, metadata: {name: web-endpoints, namespace: shop}, spec: {clusterIP: None, selector: {app: web}}}
---
{kind: Pod, apiVersion: v1, metadata: {name: web-0, namespace: shop, labels: {app: web}}, spec: {serviceAccountName: web}, status: {podIP: 10.1.0.1}}
---
{kind: Pod, apiVersion: v1, metadata: {name: api-0, namespace: shop, labels: {app: api}}, spec: {serviceAccountName: api}, status: {podIP: 10.1.0.2}}
---
{kind: Pod, apiVersion: v1, metadata: {name: batch-0, namespace: out, labels: {app: batch}}, spec: {serviceAccountName: batch}}
---
{kind: Pod, apiVersion: v1, metadata: {name: gw-0, namespace: shop, labels: {gateway.networking.k8s.io/gateway-name: ingress}}, spec: {serviceAccountName: ingress-istio}}
---
{kind: Gateway, apiVersion: gateway.networking.k8s.io/v1, metadata: {name: wp, namespace: shop, labels: {istio.io/waypoint-for: '{for}'}}, spec: {gatewayClassName: istio-waypoint}, {ready}}
";
const READY: &str = "status: {addresses: [{value: 10.9.9.9}]}";

struct World {
    mesh: String,
    settings: String,
}

impl World {
    fn new(policies: &str) -> World {
        World::with(policies, "service", READY)
    }

    fn with(policies: &str, waypoint_for: &str, ready: &str) -> World {
        let mesh = MESH
            .replace("{for}", waypoint_for)
            .replace("{ready}", ready);
        World {
            mesh: format!("{mesh}---\n{policies}"),
            settings: String::new(),
        }
    }

    fn settings(mut self, settings: &str) -> World {
        self.settings = settings.to_owned();
        self
    }

    fn analysis(&self) -> Analysis {
        common::analysis(&self.mesh, &self.settings)
    }

    fn ask(&self, request: &Value) -> Value {
        serde_json::from_str(&self.analysis().ask(&request.to_string())).expect("an answer")
    }

    /// Asks for a GET of `/a` from `shop/api`, with changes.
    #[track_caller]
    fn expect(&self, changes: Value, verdict: &str, depends: &[&str]) -> Value {
        let mut request = json!({
            "from": {"namespace": "shop", "serviceAccount": "api"},
            "to": {"service": "shop/web"}, "port": 80, "method": "GET", "path": "/a", "host": "web",
        });
        for (key, value) in changes.as_object().expect("an object") {
            request[key] = value.clone();
        }
        let answer = self.ask(&request);
        assert_eq!(answer["verdict"], verdict, "{answer}");
        assert_eq!(answer["depends"], json!(depends), "{answer}");
        answer
    }
}

/// A policy in `shop`, or in another namespace by `NAMESPACE/NAME`.
fn policy(name: &str, spec: &str) -> String {
    let (namespace, name) = name.split_once('/').unwrap_or(("shop", name));
    format!(
        "{{kind: AuthorizationPolicy, apiVersion: security.istio.io/v1, metadata: {{name: {name}, namespace: {namespace}}}, spec: {spec}}}\n---\n"
    )
}

fn pod() -> Value {
    json!({"to": {"pod": "shop/web-0"}, "port": 8080})
}

#[test]
fn attachment() {
    let web = "kind: Service, group: '', name: web";
    for (name, spec, service, direct) in [
        (
            "p",
            "{selector: {matchLabels: {app: web}}}",
            "denied",
            "denied",
        ),
        (
            "p",
            "{selector: {matchLabels: {app: api}}}",
            "allowed",
            "allowed",
        ),
        // `selector: {}` attaches to nothing in ambient.
        ("p", "{selector: {}}", "allowed", "allowed"),
        ("p", "{selector: {matchLabels: {}}}", "denied", "denied"),
        ("p", "{}", "denied", "denied"),
        ("other/p", "{}", "allowed", "allowed"),
        ("istio-system/p", "{}", "denied", "denied"),
        (
            "istio-system/p",
            "{selector: {matchLabels: {app: web}}}",
            "denied",
            "denied",
        ),
        // `targetRefs` policies are not applied at all to a pod's own address.
        (
            "p",
            &format!("{{targetRefs: [{{{web}}}]}}"),
            "denied",
            "allowed",
        ),
        (
            "p",
            "{targetRefs: [{kind: Service, group: core, name: web}]}",
            "denied",
            "allowed",
        ),
        (
            "p",
            &format!("{{targetRef: {{{web}}}}}"),
            "denied",
            "allowed",
        ),
        (
            "other/p",
            &format!("{{targetRefs: [{{{web}}}]}}"),
            "allowed",
            "allowed",
        ),
        (
            "p",
            "{targetRefs: [{kind: ServiceEntry, group: networking.istio.io, name: web}]}",
            "allowed",
            "allowed",
        ),
        (
            "p",
            "{targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: wp}]}",
            "denied",
            "allowed",
        ),
        (
            "other/p",
            "{targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: wp}]}",
            "allowed",
            "allowed",
        ),
        (
            "istio-system/p",
            "{targetRefs: [{kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint}]}",
            "denied",
            "allowed",
        ),
        (
            "p",
            "{targetRefs: [{kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint}]}",
            "allowed",
            "allowed",
        ),
        (
            "istio-system/p",
            "{targetRefs: [{kind: GatewayClass, group: gateway.networking.k8s.io, name: istio}]}",
            "allowed",
            "allowed",
        ),
    ] {
        let world = World::new(&policy(name, spec));
        world.expect(json!({}), service, &[]);
        world.expect(pod(), direct, &[]);
    }
}

#[test]
fn waypoints() {
    let l7 = policy("p", "{targetRefs: [{kind: Service, name: web, group: ''}]}");
    // Both the waypoint and the pod must allow it; the pod sees the waypoint.
    let pods = policy(
        "q",
        "{selector: {matchLabels: {app: web}}, rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/wp]}}], to: [{operation: {ports: ['8080']}}]}]}",
    );
    let world = World::new(&pods);
    let answer = world.expect(json!({}), "allowed", &[]);
    assert_eq!(answer["ways"][0]["via"], "waypoint");
    world.expect(pod(), "denied", &[]);
    // Absent or not ready: straight to the pod.
    for ready in ["status: {}", "status: {addresses: []}"] {
        let world = World::with(&l7, "service", ready);
        assert_eq!(
            world.expect(json!({}), "allowed", &[])["ways"][0]["via"],
            "service"
        );
    }
    World::with(&l7, "service", "x: 1").expect(
        json!({}),
        "depends",
        &["waypoint-may-not-be-ready"],
    );
    let absent = World::new(&l7)
        .mesh
        .replace("use-waypoint: wp", "use-waypoint: other");
    World {
        mesh: absent,
        settings: String::new(),
    }
    .expect(json!({}), "allowed", &[]);
    let none = World::new(&l7).mesh.replace(
        "name: web, namespace: shop}",
        "name: web, namespace: shop, labels: {istio.io/use-waypoint: none}}",
    );
    World {
        mesh: none,
        settings: String::new(),
    }
    .expect(json!({}), "allowed", &[]);
    // `waypoint-for` must fit; with `workload` or `all`, pods' own addresses go through it too.
    World::with(&l7, "workload", READY).expect(json!({}), "allowed", &[]);
    World::with(&l7, "none", READY).expect(json!({}), "allowed", &[]);
    let gateway = policy(
        "g",
        "{targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: wp}]}",
    );
    for (kind, verdict) in [
        ("service", "allowed"),
        ("workload", "denied"),
        ("all", "denied"),
    ] {
        World::with(&gateway, kind, READY).expect(pod(), verdict, &[]);
    }
    // A headless Service resolves to pods.
    World::new(&l7).expect(
        json!({"to": {"service": "shop/web-endpoints"}, "port": 8080}),
        "allowed",
        &[],
    );
    // An ingress gateway passes waypoints by unless the Service says otherwise.
    let ingress = json!({"from": {"namespace": "shop", "serviceAccount": "ingress-istio"}});
    World::new(&l7).expect(ingress.clone(), "allowed", &[]);
    let told = World::new(&l7).mesh.replace(
        "name: web, namespace: shop}",
        "name: web, namespace: shop, labels: {istio.io/ingress-use-waypoint: 'true'}}",
    );
    World {
        mesh: told,
        settings: String::new(),
    }
    .expect(ingress, "denied", &[]);
    // The listener's `allowedRoutes` admit the namespace, by default its own only.
    let far = "{kind: Namespace, apiVersion: v1, metadata: {name: far, labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: wp, istio.io/use-waypoint-namespace: shop}}}\n---\n{kind: Service, apiVersion: v1, metadata: {name: db, namespace: far}, spec: {selector: {app: db}, ports: [{port: 80}]}}\n---\n";
    let closed = policy(
        "far/p",
        "{targetRefs: [{kind: Service, name: db, group: ''}]}",
    );
    let ask = json!({"to": {"service": "far/db"}});
    World::new(&format!("{far}{closed}")).expect(ask.clone(), "allowed", &[]);
    let mut open = World::new(&format!("{far}{closed}"));
    open.mesh = open.mesh.replace("gatewayClassName: istio-waypoint}", "gatewayClassName: istio-waypoint, listeners: [{name: mesh, port: 15008, protocol: HBONE, allowedRoutes: {namespaces: {from: All}}}]}");
    open.expect(ask, "denied", &[]);
}

#[test]
fn outside_the_mesh() {
    let deny = policy(
        "p",
        "{action: DENY, rules: [{from: [{source: {notPrincipals: ['*']}}]}]}",
    );
    for from in [
        json!(null),
        json!({"namespace": "out", "serviceAccount": "batch"}),
    ] {
        let answer = World::new(&deny).expect(json!({"from": from}), "denied", &[]);
        assert_eq!(answer["ways"][0]["via"], "service");
        assert_eq!(
            answer["clientOutsideMesh"],
            if from.is_null() {
                json!(null)
            } else {
                json!(true)
            }
        );
    }
    World::new(&deny).expect(json!({}), "allowed", &[]);
    // A destination outside the mesh enforces nothing.
    let all = policy("istio-system/p", "{}");
    World::new(&all).expect(json!({"to": {"pod": "out/batch-0"}}), "allowed", &[]);
    World::new("").expect(
        json!({"to": {"service": "shop/none"}}),
        "depends",
        &["unknown-target"],
    );
    World::new("").expect(json!({"port": 81}), "denied", &[]);
}

#[test]
fn at_ztunnel() {
    let at = |spec: &str| {
        World::new(&policy(
            "p",
            &format!("{{selector: {{matchLabels: {{app: web}}}}, {spec}}}"),
        ))
    };
    for (spec, verdict) in [
        // An ALLOW rule with any layer 7 field is dropped whole; the policy still counts.
        ("rules: [{to: [{operation: {methods: [GET]}}]}]", "denied"),
        (
            "rules: [{to: [{operation: {methods: [GET]}}]}, {}]",
            "allowed",
        ),
        (
            "rules: [{when: [{key: source.serviceAccount, values: [api]}]}]",
            "denied",
        ),
        // In a DENY rule it is taken out: wider than written.
        (
            "action: DENY, rules: [{to: [{operation: {ports: ['8080'], methods: [POST]}}]}]",
            "denied",
        ),
        // A clause whose entries are all empty never matches.
        (
            "action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]",
            "allowed",
        ),
        (
            "action: DENY, rules: [{from: [{source: {namespaces: [shop]}}], to: [{operation: {paths: [/a]}}]}]",
            "allowed",
        ),
        (
            "action: DENY, rules: [{from: [{source: {namespaces: [shop]}}], when: [{key: 'request.headers[x]', values: [y]}]}]",
            "allowed",
        ),
        (
            "rules: [{from: [{source: {trustDomains: [cluster.local]}}]}]",
            "denied",
        ),
        (
            "rules: [{from: [{source: {namespaces: ['sh*']}}]}]",
            "allowed",
        ),
        (
            "rules: [{from: [{source: {namespaces: ['*a']}}]}]",
            "denied",
        ),
        (
            "rules: [{from: [{source: {serviceAccounts: [api]}}]}]",
            "allowed",
        ),
        (
            "rules: [{from: [{source: {serviceAccounts: [other/api]}}]}]",
            "denied",
        ),
        (
            "rules: [{from: [{source: {ipBlocks: [10.1.0.0/24]}}]}]",
            "allowed",
        ),
        (
            "rules: [{when: [{key: destination.ip, values: [10.1.0.1]}]}]",
            "allowed",
        ),
        ("rules: [{}]", "allowed"),
        ("action: AUDIT, rules: [{}]", "allowed"),
    ] {
        at(spec).expect(pod(), verdict, &[]);
    }
    // ztunnel expands no trust-domain aliases; Envoy does.
    let old = "rules: [{from: [{source: {principals: [old/ns/shop/sa/api]}}]}]";
    let aliases = "trustDomainAliases: [old]";
    at(old).settings(aliases).expect(pod(), "denied", &[]);
    World::new(&policy(
        "p",
        &format!("{{targetRefs: [{{kind: Service, group: '', name: web}}], {old}}}"),
    ))
    .settings(aliases)
    .expect(json!({}), "allowed", &[]);
}

#[test]
fn at_the_waypoint() {
    let at = |spec: &str| {
        World::new(&policy(
            "p",
            &format!("{{targetRefs: [{{kind: Service, group: '', name: web}}], {spec}}}"),
        ))
    };
    for (spec, verdict, depends) in [
        (
            "rules: [{to: [{operation: {ports: ['80'], paths: ['/a*'], methods: [GET]}}]}]",
            "allowed",
            &[] as &[&str],
        ),
        // A waypoint sees the Service's port.
        (
            "rules: [{to: [{operation: {ports: ['8080']}}]}]",
            "denied",
            &[],
        ),
        (
            "action: CUSTOM, provider: {name: x}, rules: [{}]",
            "depends",
            &["custom-policy"],
        ),
        (
            "action: CUSTOM, provider: {name: x}, rules: [{to: [{operation: {paths: [/b]}}]}]",
            "allowed",
            &[],
        ),
        (
            "rules: [{when: [{key: source.ip, values: [10.1.0.2]}]}]",
            "allowed",
            &[],
        ),
        (
            "rules: [{when: [{key: destination.ip, values: [10.0.0.1]}]}]",
            "allowed",
            &[],
        ),
        (
            "rules: [{to: [{operation: {paths: ['{*}']}}]}]",
            "depends",
            &["envoy-refuses-configuration"],
        ),
    ] {
        at(spec).expect(json!({}), verdict, depends);
    }
    // A proxy that refuses its configuration does so whatever else is in it, AUDIT included.
    let audit = at("action: AUDIT, rules: [{to: [{operation: {paths: ['/{*}//']}}]}]").mesh;
    let deny = policy(
        "a",
        "{targetRefs: [{kind: Service, group: '', name: web}], action: DENY, rules: [{}]}",
    );
    World {
        mesh: format!("{audit}{deny}"),
        settings: String::new(),
    }
    .expect(json!({}), "depends", &["envoy-refuses-configuration"]);
    // DENY or ALLOW refuse whatever an external service says.
    let both = "action: CUSTOM, provider: {name: x}, rules: [{}]";
    let two = format!(
        "{}{}",
        at(both).mesh,
        policy("q", "{targetRefs: [{kind: Service, group: '', name: web}]}")
    );
    World {
        mesh: two,
        settings: String::new(),
    }
    .expect(json!({}), "denied", &[]);
    // On a TCP port an L7 ALLOW rule is dropped, and L7 fields of a DENY rule are dropped.
    let tcp = || json!({"port": 5432, "method": null, "path": null, "host": null});
    at("rules: [{to: [{operation: {methods: [GET]}}]}]").expect(tcp(), "denied", &[]);
    at("action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]").expect(tcp(), "denied", &[]);
    // What was not given is not guessed.
    let asks = "rules: [{to: [{operation: {methods: [GET], paths: [/a], hosts: [web]}}]}]";
    at(asks).expect(json!({"method": null}), "depends", &["method-not-given"]);
    at(asks).expect(
        json!({"method": null, "path": null, "host": null}),
        "depends",
        &["method-not-given", "path-not-given", "host-not-given"],
    );
    at(asks).expect(json!({"method": "PUT", "path": null}), "denied", &[]);
    at("rules: [{from: [{source: {ipBlocks: [10.0.0.0/8]}}]}]").expect(
        json!({"from": {"namespace": "x", "serviceAccount": "y"}}),
        "depends",
        &["source-address-not-given"],
    );
}

#[test]
fn dry_run_refused_and_conditional() {
    let annotated = |key: &str, value: &str| {
        policy("p", "{}").replace(
            "namespace: shop}",
            &format!("namespace: shop, annotations: {{{key}: '{value}'}}}}"),
        )
    };
    World::new(&annotated("istio.io/dry-run", "true")).expect(json!({}), "allowed", &[]);
    World::new(&annotated("istio.io/dry-run", "F")).expect(json!({}), "denied", &[]);
    World::new(&annotated("mesh-policy/when", "it rains")).expect(
        json!({}),
        "depends",
        &["conditional-policy"],
    );
    // A policy that Istio refuses is reported and not applied.
    let refused = World::new(&annotated("istio.io/dry-run", "maybe"));
    refused.expect(json!({}), "allowed", &[]);
    assert_eq!(refused.analysis().refusals().len(), 1);
}

#[test]
fn auto_allow() {
    let world = || World::new("").settings("autoAllowWaypoint: true");
    // An ALLOW policy like any other: from then on everyone else is denied at the pod.
    world().expect(json!({}), "allowed", &[]);
    world().expect(pod(), "denied", &[]);
    World::new("").expect(pod(), "allowed", &[]);
    world().expect(
        json!({"to": {"pod": "shop/api-0"}, "port": 8080}),
        "allowed",
        &[],
    );
}

#[test]
fn mutual_tls() {
    let peer = |namespace: &str, created: &str, spec: &str| {
        format!(
            "{{kind: PeerAuthentication, apiVersion: security.istio.io/v1, metadata: {{name: a{created}, namespace: {namespace}, creationTimestamp: '2026-01-0{created}T00:00:00Z'}}, spec: {spec}}}\n---\n"
        )
    };
    let strict = "{mtls: {mode: STRICT}}";
    let open = "{mtls: {mode: PERMISSIVE}}";
    let of_web =
        |mode: &str| format!("{{selector: {{matchLabels: {{app: web}}}}, mtls: {{mode: {mode}}}}}");
    let outside = || json!({"from": null, "to": {"pod": "shop/web-0"}, "port": 8080});
    for (peers, verdict) in [
        (peer("istio-system", "1", strict), "denied"),
        (peer("shop", "1", strict), "denied"),
        (peer("other", "1", strict), "allowed"),
        (peer("shop", "1", &of_web("STRICT")), "denied"),
        (
            peer("istio-system", "1", strict) + &peer("shop", "1", open),
            "allowed",
        ),
        (
            peer("istio-system", "1", strict) + &peer("shop", "1", "{mtls: {mode: UNSET}}"),
            "denied",
        ),
        (
            peer("shop", "1", strict) + &peer("shop", "2", &of_web("DISABLE")),
            "allowed",
        ),
        // The oldest of a kind.
        (
            peer("shop", "2", strict) + &peer("shop", "1", open),
            "allowed",
        ),
        // In the root namespace a selector does not count.
        (peer("istio-system", "1", &of_web("STRICT")), "allowed"),
    ] {
        World::new(&peers).expect(outside(), verdict, &[]);
        World::new(&peers).expect(pod(), "allowed", &[]);
    }
    let ports = "{selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: DISABLE}}}";
    World::new(&peer("shop", "1", ports)).expect(outside(), "depends", &["port-level-mtls"]);
    World::new(&peer("shop", "1", ports)).expect(pod(), "allowed", &[]);
}

#[test]
fn the_nearest_rule_and_the_field_that_did_not_match() {
    let rules = "{targetRefs: [{kind: Service, group: '', name: web}], rules: [
        {from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}], to: [{operation: {methods: [PUT]}}]},
        {from: [{source: {principals: [cluster.local/ns/shop/sa/api]}}], to: [{operation: {methods: [GET], paths: [/b, /c]}}]}]}";
    let answer = World::new(&policy("p", rules)).expect(json!({}), "denied", &[]);
    assert_eq!(
        answer["ways"][0]["layers"][0]["why"],
        "the one ALLOW policy attached here does not match; the nearest is rules[1] of `shop/p`: the path is `/a`, not `/b` or `/c`"
    );
}

#[test]
fn requests_that_cannot_be_read_are_answered_by_an_error() {
    for request in [
        json!({"id": 1}),
        json!({"id": 1, "to": {"service": "web"}}),
        json!({"id": 1, "to": {"service": "shop/web"}, "port": 70000}),
        json!({"id": 1, "to": {"service": "shop/web"}, "from": {"namespace": "shop"}}),
        json!({"id": 1, "to": {"service": "shop/web"}, "layer": "kernel"}),
        json!({"id": 1, "to": {"service": "shop/web"}, "sourceIp": "here"}),
        json!({"id": 1, "to": {"service": "shop/web"}, "verb": "GET"}),
        json!({"id": 1, "to": {"service": "shop/web"}, "method": 1}),
        json!({"id": 1, "to": {"service": "shop/web"}, "headers": {"a": 1}}),
        json!({"id": 1, "to": {"service": "shop/web"}, "from": {"namespace": "", "serviceAccount": "a"}}),
        json!({"id": 1, "to": {"service": "shop/web"}, "from": {"namespace": "a", "serviceAccount": "a".repeat(1025)}}),
        json!({"id": 1, "to": {"pod": "shop/a/b"}}),
        json!({"id": 1, "to": {"pod": "/a"}}),
    ] {
        let answer = World::new("").ask(&request);
        assert_eq!(answer["id"], 1);
        assert!(answer["error"].is_string(), "{answer}");
    }
}
