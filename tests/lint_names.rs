//! Names in policies that lead nowhere: hosts and ports of Services, identities where nobody has one.

mod common;

use common::{analysis, policy};
use mesh_policy::analysis::lint::{code, lint};

const SHOP: &str = "
{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}
---
{kind: Deployment, apiVersion: apps/v1, metadata: {name: web, namespace: shop}, spec: {template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: web, containers: [{name: c, ports: [{name: http, containerPort: 8080}, {name: more, containerPort: 9090}]}]}}}}
---
{kind: Service, apiVersion: v1, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}, {port: 90, targetPort: more}, {port: 9090, targetPort: 8080}]}}
---
{kind: Service, apiVersion: v1, metadata: {name: else, namespace: far}, spec: {selector: {app: web}, ports: [{port: 82, targetPort: 83}]}}
---
{kind: ServiceEntry, apiVersion: networking.istio.io/v1, metadata: {name: out, namespace: entries}, spec: {hosts: [out.example], ports: [{number: 80, name: http, protocol: HTTP}]}}
";

/// How often this is found, with what of `web`'s pods is said by `rule`.
fn found(of: &str, more: &str, rule: &str) -> usize {
    let spec = format!("{{selector: {{matchLabels: {{app: web}}}}, rules: [{{{rule}}}]}}");
    let analysis = analysis(&format!("{SHOP}{more}{}", policy("p", &spec)), "");
    lint(&analysis).iter().filter(|one| one.code == of).count()
}

#[test]
fn hosts() {
    for (host, unknown) in [
        ("web.shop.svc", 0),
        ("wab.shop.svc", 1),
        ("wab.shop.svc:80", 1),
        ("web.shop.svc.cluster.local", 0),
        ("wab.shop.svc.cluster.local", 1),
        // What is no name of a Service of the cluster, or of a namespace of which nothing is known.
        ("wab.shop", 0),
        ("wab.shop.example", 0),
        ("wab.shop.svc.else.local", 0),
        ("*.shop.svc", 0),
        ("wab.nowhere.svc", 0),
        ("wab.entries.svc", 0),
    ] {
        let rule = format!("to: [{{operation: {{hosts: ['{host}']}}}}]");
        assert_eq!(found(code::UNKNOWN_HOST, "", &rule), unknown, "{host}");
    }
}

#[test]
fn ports() {
    for (port, unknown) in [
        // Ports of the Service that are no ports of its pods.
        (80, 1),
        (90, 1),
        (8080, 0),
        // One of the Service's, and of the pods' own.
        (9090, 0),
        (7, 0),
        (82, 0),
    ] {
        let rule = format!("to: [{{operation: {{ports: ['{port}']}}}}]");
        assert_eq!(found(code::UNKNOWN_PORT, "", &rule), unknown, "{port}");
    }
}

#[test]
fn identities_without_mutual_tls() {
    let peer = |namespace: &str, spec: &str| {
        format!(
            "---\n{{kind: PeerAuthentication, apiVersion: security.istio.io/v1, metadata: {{name: off, namespace: {namespace}}}, spec: {spec}}}\n"
        )
    };
    let off = "{mtls: {mode: DISABLE}}";
    let (principals, ports) = (
        "from: [{source: {principals: [x]}}]",
        "to: [{operation: {ports: ['8080']}}]",
    );
    for (more, rule, needs) in [
        (peer("shop", off), principals, 1),
        (
            peer("shop", off),
            "from: [{source: {notNamespaces: [x]}}]",
            1,
        ),
        (
            peer("shop", off),
            "from: [{source: {ipBlocks: [10.0.0.0/8]}}]",
            0,
        ),
        (peer("shop", off), ports, 0),
        (peer("far", off), principals, 0),
        (peer("shop", "{mtls: {mode: STRICT}}"), principals, 0),
        (
            peer(
                "shop",
                "{selector: {matchLabels: {app: else}}, mtls: {mode: DISABLE}}",
            ),
            principals,
            0,
        ),
        (String::new(), principals, 0),
    ] {
        assert_eq!(found(code::NEEDS_MTLS, &more, rule), needs, "{more} {rule}");
    }
}
