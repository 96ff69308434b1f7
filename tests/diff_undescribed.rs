//! What `diff` says of pods and Services that policies are for and that the input does not describe.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use common::{analysis, policy};
use mesh_policy::analysis::diff::diff;
use serde_json::Value;

fn spec(attached: &str, method: &str) -> String {
    let rules = format!("rules: [{{to: [{{operation: {{methods: [{method}]}}}}]}}]");
    format!("{{{attached}{rules}}}")
}

fn told(settings: &str, old: &str, new: &str) -> Value {
    let found = diff(&analysis(old, settings), &analysis(new, settings));
    serde_json::from_str(&found.json()).expect("JSON")
}

/// Where something is granted, and the objects that come with it; `and NAME` for targets of which the same holds.
fn granted(told: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = told["granted"].as_array().expect("a list").iter();
    list.map(|one| {
        let mut all = text(&one["text"]);
        all = all
            .split_once(" to ")
            .map(|(_, place)| place.to_owned())
            .expect("a place");
        for object in one["given"].as_array().into_iter().flatten() {
            let name = &object["metadata"];
            all.push_str(&format!(
                ", {} {}/{}",
                text(&object["kind"]),
                text(&name["namespace"]),
                text(&name["name"])
            ));
        }
        for other in one["alsoTo"].as_array().into_iter().flatten() {
            all.push_str(&format!(", and {}", text(&other["pod"])));
        }
        all
    })
    .collect()
}

fn gateway(namespace: &str, name: &str) -> String {
    format!(
        "---\n{{kind: Gateway, apiVersion: gateway.networking.k8s.io/v1, metadata: {{name: {name}, namespace: {namespace}}}, spec: {{gatewayClassName: istio-waypoint}}, status: {{addresses: [{{value: 10.9.9.9}}]}}}}\n"
    )
}

fn service(namespace: &str, name: &str) -> String {
    format!(
        "---\n{{kind: Service, apiVersion: v1, metadata: {{name: {name}, namespace: {namespace}}}, spec: {{ports: [{{name: http, port: 80}}]}}}}\n"
    )
}

fn pod(namespace: &str, name: &str, app: &str) -> String {
    format!(
        "---\n{{kind: Pod, apiVersion: v1, metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {app}}}}}}}\n"
    )
}

fn in_root(text: &str) -> String {
    text.replace("namespace: shop", "namespace: istio-system")
}

/// A policy that allows GET, and then PUT as well, beside what there is.
#[track_caller]
fn check(
    settings: &str,
    around: &str,
    edit: impl Fn(String) -> String,
    attached: &str,
    expected: &[&str],
) {
    let side = |methods: &str| format!("{around}{}", edit(policy("p", &spec(attached, methods))));
    let told = told(settings, &side("GET"), &side("GET, PUT"));
    assert_eq!(granted(&told), expected, "{around} {attached}");
    assert_eq!(told["equivalent"], expected.is_empty(), "{told}");
    assert_eq!(told["notCompared"], Value::Array(Vec::new()), "{told}");
}

#[test]
fn services_behind_waypoints() {
    let of_service = "targetRefs: [{kind: Service, group: '', name: web}], ";
    let of_gateway = "targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: way}], ";
    let of_class = "targetRefs: [{kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint}], ";
    let (shop, same) = (
        "service shop/web, through its waypoint, Service shop/web, Pod shop/web",
        String::from,
    );
    let (any, made) = (
        "any service behind gateway shop/way, through its waypoint",
        "Service shop/any-service, Pod shop/any-service",
    );
    for (around, attached, expected) in [
        (
            String::new(),
            of_service,
            vec![format!("{shop}, Gateway shop/waypoint")],
        ),
        // One that is described and has no waypoint has nobody who enforces the policy.
        (service("shop", "web"), of_service, vec![]),
        (
            service("far", "web") + &service("shop", "else"),
            of_service,
            vec![format!("{shop}, Gateway shop/waypoint")],
        ),
        // Names that are taken, here and elsewhere.
        (
            gateway("shop", "waypoint")
                + &gateway("shop", "waypoint-1")
                + &gateway("far", "waypoint-2"),
            of_service,
            vec![format!("{shop}, Gateway shop/waypoint-2")],
        ),
        (
            gateway("far", "waypoint") + &gateway("shop", "else"),
            of_service,
            vec![format!("{shop}, Gateway shop/waypoint")],
        ),
        (
            String::new(),
            of_gateway,
            vec![format!("{any}, {made}, Gateway shop/way")],
        ),
        (
            gateway("shop", "way"),
            of_gateway,
            vec![format!("{any}, {made}")],
        ),
        (
            gateway("far", "way") + &gateway("shop", "else"),
            of_gateway,
            vec![format!("{any}, {made}, Gateway shop/way")],
        ),
        (
            service("shop", "any-service") + &service("far", "any-service-1"),
            of_gateway,
            vec![format!(
                "{any}, Service shop/any-service-1, Pod shop/any-service-1, Gateway shop/way"
            )],
        ),
    ] {
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check("", &around, same, attached, &expected);
    }
    check(
        "",
        "",
        |text| in_root(&text),
        of_class,
        &[
            "any service with a waypoint, through its waypoint, Service istio-system/any-service, Pod istio-system/any-service, Gateway istio-system/waypoint",
        ],
    );
}

const SIDECARS: &str = "dataPlane: sidecar";
const WEB: &str = "selector: {matchLabels: {app: web}}, ";

/// Another policy, that stays as it is.
fn beside(labels: &str) -> String {
    policy(
        "q",
        &spec(
            &format!("selector: {{matchLabels: {{{labels}}}}}, "),
            "HEAD",
        ),
    )
}

#[test]
fn pods_that_policies_select() {
    let web = "pods of shop with app=web, Pod shop/pod-web";
    for (around, attached, expected) in [
        (String::new(), WEB, &[web][..]),
        (String::new(), "", &["pods of shop, Pod shop/pod-any"]),
        // Names that are taken, here and elsewhere.
        (
            pod("shop", "pod-web", "x")
                + &pod("shop", "pod-web-1", "x")
                + &pod("far", "pod-web-2", "x"),
            WEB,
            &["pods of shop with app=web, Pod shop/pod-web-2"],
        ),
        (
            pod("far", "pod-web", "x") + &pod("shop", "pod-webb", "x"),
            WEB,
            &[web],
        ),
        // Labels that can meet, that cannot, and that do.
        (
            beside("tier: a"),
            WEB,
            &["pods of shop with app=web, Pod shop/pod-web, and shop/pod-web-a"],
        ),
        (beside("app: b"), WEB, &[web]),
        (
            beside("app: web, tier: a"),
            WEB,
            &["pods of shop with app=web, tier=a, Pod shop/pod-web-a, and shop/pod-web"],
        ),
        (
            beside("tier: a"),
            "",
            &["other pods of shop, Pod shop/pod-any, and shop/pod-a"],
        ),
        (
            in_root(&beside("tier: a")),
            WEB,
            &["pods of shop with app=web, Pod shop/pod-web, and shop/pod-web-a"],
        ),
        (
            beside("app: web, tier: a"),
            "selector: {matchLabels: {app: web, zone: b}}, ",
            &["pods of shop with app=web, zone=b, Pod shop/pod-web-b, and shop/pod-web-a-b"],
        ),
        // A pod that is there is compared itself.
        (pod("shop", "x", "web"), WEB, &["pod shop/x"]),
    ] {
        check(SIDECARS, &around, String::from, attached, expected);
    }
}

#[test]
fn policies_of_the_root_namespace_are_for_all() {
    let root = |text: String| in_root(&text);
    check(
        SIDECARS,
        &beside("tier: a"),
        root,
        "",
        &[
            "pods of namespaces without policies of their own, Pod any-other-namespace/pod-any, and shop/pod-any, and shop/pod-a",
        ],
    );
    check(
        SIDECARS,
        &beside("tier: a"),
        root,
        WEB,
        &[
            "pods of namespaces without policies of their own with app=web, Pod any-other-namespace/pod-web, and shop/pod-web, and shop/pod-web-a, and istio-system/pod-web",
        ],
    );
}

#[test]
fn what_enforces_nothing_changes_nothing() {
    let dry = |text: String| {
        text.replace(
            "namespace: shop",
            "namespace: shop, annotations: {istio.io/dry-run: 'true'}",
        )
    };
    check(SIDECARS, "", dry, WEB, &[]);
    check(
        SIDECARS,
        "",
        String::from,
        &format!("{WEB}action: AUDIT, "),
        &[],
    );
    let refused = |text: String| text.replace("{operation", "{operation: {}}, {operation");
    check(SIDECARS, "", refused, WEB, &[]);
    // ztunnel sees no methods.
    check("dataPlane: ambient", "", String::from, WEB, &[]);
}

fn of(name: &str, spec: &str) -> String {
    format!(
        "---\n{{kind: AuthorizationPolicy, apiVersion: security.istio.io/v1, metadata: {{name: {name}, namespace: shop}}, spec: {spec}}}\n"
    )
}

/// What is made up for one policy hides nothing that is made up for another, or that another is for.
#[test]
fn made_up_objects_have_names_of_their_own() {
    let target = |kind: &str, group: &str, name: &str| {
        format!("targetRefs: [{{kind: {kind}, group: '{group}', name: {name}}}]")
    };
    let gateway = |name: &str| target("Gateway", "gateway.networking.k8s.io", name);
    let class = target(
        "GatewayClass",
        "gateway.networking.k8s.io",
        "istio-waypoint",
    );
    let all = [
        ("a", gateway("east"), true),
        ("b", gateway("west"), true),
        ("c", gateway("waypoint"), true),
        (
            "d",
            target("Service", "''", "any-service").replace("''''", "''"),
            true,
        ),
        ("e", class, false),
    ];
    let (mut old, mut new) = (String::new(), String::new());
    for (name, target, in_shop) in &all {
        let namespace = if *in_shop { "shop" } else { "istio-system" };
        for (side, rules) in [
            (&mut old, "[]"),
            (&mut new, "[{to: [{operation: {methods: [GET]}}]}]"),
        ] {
            let text = of(name, &format!("{{{target}, rules: {rules}}}"));
            side.push_str(&text.replace("namespace: shop", &format!("namespace: {namespace}")));
        }
    }
    let told = told("{}", &old, &new);
    let mut policies: Vec<String> = Vec::new();
    let mut services: Vec<String> = Vec::new();
    for change in told["granted"].as_array().expect("a list") {
        assert_eq!(change["alsoTo"], Value::Null, "{told}");
        services.push(change["to"]["service"].to_string());
        for policy in change["policies"].as_array().expect("a list") {
            policies.push(policy["policy"].to_string());
        }
    }
    policies.sort();
    // The one for the class concerns all of them.
    policies.dedup();
    assert_eq!(
        policies,
        ["istio-system/e", "shop/a", "shop/b", "shop/c", "shop/d"].map(|id| format!("\"{id}\"")),
        "{told}"
    );
    services.sort();
    services.dedup();
    assert_eq!(services.len(), 5, "{told}");
}

/// No Service is behind a gateway that is no waypoint; what its pods do is compared.
#[test]
fn a_gateway_without_pods() {
    for (class, expected) in [
        ("istio", vec!["gateway shop/edge, Pod shop/pod-edge"]),
        ("nginx", vec![]),
        (
            "istio-waypoint",
            vec![
                "any service behind gateway shop/edge, through its waypoint, Service shop/any-service, Pod shop/any-service",
            ],
        ),
    ] {
        let listener = "{name: http, port: 80, protocol: HTTP}";
        let mesh = gateway("shop", "edge").replace(
            "gatewayClassName: istio-waypoint",
            &format!("gatewayClassName: {class}, listeners: [{listener}]"),
        );
        let target = "targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: edge}]";
        let side = |rules: &str| mesh.clone() + &of("p", &format!("{{{target}, rules: {rules}}}"));
        let told = told(
            "{}",
            &side("[]"),
            &side("[{to: [{operation: {methods: [GET]}}]}]"),
        );
        assert_eq!(granted(&told), expected, "{told}");
        assert_eq!(told["equivalent"], false, "{told}");
        let left_out = told["notCompared"].as_array().map(Vec::len);
        assert_eq!(left_out, Some(usize::from(class == "nginx")), "{told}");
    }
}

/// A gateway's own pods are what policies are for: no other is made up.
#[test]
fn a_gateway_with_pods() {
    let pod = "---\n{kind: Pod, apiVersion: v1, metadata: {name: edge-0, namespace: shop, labels: {gateway.networking.k8s.io/gateway-name: edge, gateway.istio.io/managed: istio.io-gateway-controller, istio.io/dataplane-mode: none}}}\n";
    for class in ["istio", "own"] {
        let mesh = gateway("shop", "edge").replace(
            "gatewayClassName: istio-waypoint",
            &format!(
                "gatewayClassName: {class}, listeners: [{{name: http, port: 80, protocol: HTTP}}]"
            ),
        ) + pod;
        let target = "targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: edge}]";
        let side = |rules: &str| mesh.clone() + &of("p", &format!("{{{target}, rules: {rules}}}"));
        let told = told(
            "{}",
            &side("[]"),
            &side("[{to: [{operation: {methods: [GET]}}]}]"),
        );
        assert_eq!(granted(&told), ["pod shop/edge-0"], "{told}");
        assert_eq!(
            told["granted"][0]["alsoTo"],
            serde_json::Value::Null,
            "{told}"
        );
    }
}

/// A selector that asks for a gateway's pods means pods whose Envoy sees HTTP, whether or not the gateway is there.
#[test]
fn pods_of_gateways_that_policies_select() {
    let selector = "selector: {matchLabels: {gateway.networking.k8s.io/gateway-name: edge}}, ";
    let text = "pods of shop with gateway.networking.k8s.io/gateway-name=edge";
    let of_class = |class: &str| {
        let spec = format!(
            "gatewayClassName: {class}, listeners: [{{name: http, port: 80, protocol: HTTP}}]"
        );
        gateway("shop", "edge").replace("gatewayClassName: istio-waypoint", &spec)
    };
    let (described, made) = (
        format!("{text}, Pod shop/pod-edge"),
        format!("{text}, Pod shop/pod-edge, Gateway shop/edge"),
    );
    for (mesh, expected) in [
        (String::new(), vec![made.as_str()]),
        (of_class("istio"), vec![described.as_str()]),
        (of_class("nginx"), vec![]),
        // Istio ignores selectors there.
        (gateway("shop", "edge"), vec![]),
    ] {
        let told = told(
            "{}",
            &(mesh.clone() + &policy("p", &spec(selector, "GET"))),
            &(mesh.clone() + &policy("p", &spec(selector, "GET, PUT"))),
        );
        assert_eq!(granted(&told), expected, "{told}");
        let left_out = told["notCompared"].as_array().map(Vec::len);
        assert_eq!(
            left_out,
            Some(usize::from(mesh.contains("nginx"))),
            "{told}"
        );
    }
}
