//! Names in policies that lead nowhere: hosts and ports of Services, identities where nobody has one.

mod common;

use common::{analysis, policy};
use mesh_policy::analysis::Analysis;
use mesh_policy::analysis::lint::{code, lint};
use mesh_policy::diagnostic::Place;
use mesh_policy::mesh::Mesh;

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
fn ports_of_several_pods_and_services() {
    // Of these pods the one before the last listens on 80 itself.
    let pod = |name: &str, port: u16| {
        format!(
            "---\n{{kind: Pod, apiVersion: v1, metadata: {{name: {name}, namespace: shop, labels: {{app: web, of: {name}}}}}, spec: {{containers: [{{name: c, ports: [{{name: http, containerPort: {port}}}]}}]}}}}\n"
        )
    };
    let service = |name: &str, port: &str, target: &str| {
        format!(
            "---\n{{kind: Service, apiVersion: v1, metadata: {{name: {name}, namespace: shop}}, spec: {{selector: {{app: web}}, ports: [{{port: {port}, targetPort: {target}}}]}}}}\n"
        )
    };
    let said = |more: &str| -> Vec<String> {
        let spec =
            "{selector: {matchLabels: {app: web}}, rules: [{to: [{operation: {ports: ['80']}}]}]}";
        let text = format!(
            "{{kind: Namespace, apiVersion: v1, metadata: {{name: shop}}}}\n{more}{}",
            policy("p", spec)
        );
        let found = lint(&analysis(&text, ""));
        let found = found
            .into_iter()
            .filter(|one| one.code == code::UNKNOWN_PORT);
        found.map(|one| one.message).collect()
    };
    let leads = |service: &str, target: u16| {
        vec![format!(
            "`80` is the port of the Service `{service}`; its pods listen on `{target}`"
        )]
    };
    let (a, b) = (pod("a", 8080), pod("b", 80));
    let web = service("web", "80", "8080");
    assert_eq!(said(&format!("{a}{web}")), leads("web", 8080));
    // One of the pods listens there itself, whichever.
    assert!(said(&format!("{a}{b}{web}")).is_empty());
    assert!(said(&format!("{b}{a}{web}")).is_empty());
    // By the name of a port, of several.
    let two = a.replace("ports: [", "ports: [{name: more, containerPort: 9090}, ");
    let named = service("web", "80", "http");
    assert_eq!(said(&format!("{two}{named}")), leads("web", 8080));
    // Some Service leads there.
    let right = service("right", "8000", "80");
    assert!(said(&format!("{a}{web}{right}")).is_empty());
    assert!(said(&format!("{a}{right}{web}")).is_empty());
    // A Service whose port has a name that the pod does not know could lead anywhere.
    let unknown = service("unknown", "8000", "nobody");
    assert!(said(&format!("{a}{web}{unknown}")).is_empty());
    // Of several that lead elsewhere the last is named, whichever pod comes last.
    let (last, first) = (
        service("last", "80", "9090"),
        service("first", "80", "8080"),
    );
    let own = |text: &str, of: &str| {
        text.replace("selector: {app: web}", &format!("selector: {{of: {of}}}"))
    };
    let c = pod("c", 8080);
    assert_eq!(said(&format!("{a}{first}{last}")), leads("last", 9090));
    let crossed = format!("{a}{c}{}{}", own(&first, "c"), own(&last, "a"));
    assert_eq!(said(&crossed), leads("last", 9090));
}

#[test]
fn labels_that_no_pod_has() {
    let text = format!(
        "{SHOP}{}",
        policy("p", "{selector: {matchLabels: {app: no, tier: front}}}")
    );
    let mut mesh = analysis(&text, "").mesh;
    let said = |mesh: &Mesh| -> Vec<(&'static str, String)> {
        let found = lint(&Analysis::new(mesh.clone()));
        let about = found
            .into_iter()
            .filter(|one| one.message.contains("has the labels"));
        about.map(|one| (one.code, one.message)).collect()
    };
    let labels = "no workload of `shop` has the labels `app=no`, `tier=front`";
    assert_eq!(said(&mesh), [(code::NO_WORKLOAD, labels.to_owned())]);
    // Charms give their pods labels while they run; the application's name they all have.
    let mut declared = |selector: &[(&str, &str)]| -> Vec<&'static str> {
        for policy in &mut mesh.policies {
            policy.declared = Some(Place {
                file: "charm.yaml".into(),
                line: 1,
                column: 1,
            });
            let labels = selector
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()));
            policy.selector = Some(labels.collect());
        }
        said(&mesh).into_iter().map(|(code, _)| code).collect()
    };
    let name = ("app.kubernetes.io/name", "no");
    assert_eq!(declared(&[("app", "no")]), [code::CANNOT_VERIFY]);
    assert_eq!(declared(&[name, ("app", "no")]), [code::CANNOT_VERIFY]);
    assert_eq!(declared(&[name]), [code::NO_WORKLOAD]);
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

/// Whatever the input describes.
#[test]
fn names_that_nobody_can_have() {
    let source = |part: &str| format!("from: [{{source: {{{part}}}}}]");
    for (rule, code) in [
        (source("namespaces: [shop, Shop]"), code::UNKNOWN_NAMESPACE),
        (source("namespaces: ['shop ']"), code::UNKNOWN_NAMESPACE),
        (source("notNamespaces: [sh_op]"), code::UNKNOWN_NAMESPACE),
        (
            source("namespaces: [\"shop\u{200b}\"]"),
            code::UNKNOWN_NAMESPACE,
        ),
        (
            "when: [{key: source.namespace, values: [Far]}]".into(),
            code::UNKNOWN_NAMESPACE,
        ),
        (
            "when: [{key: source.namespace, notValues: [nowhere]}]".into(),
            code::UNKNOWN_NAMESPACE,
        ),
        (
            source("principals: [cluster.local/ns/Far/sa/x]"),
            code::UNKNOWN_SERVICE_ACCOUNT,
        ),
        (
            source("principals: [cluster.local/ns//sa/x]"),
            code::UNKNOWN_SERVICE_ACCOUNT,
        ),
        // The first letter is Cyrillic.
        (
            source("principals: [cluster.local/ns/far/sa/\u{441}lient]"),
            code::UNKNOWN_SERVICE_ACCOUNT,
        ),
        (
            source("notPrincipals: ['cluster.local/ns/far/sa/x ']"),
            code::UNKNOWN_SERVICE_ACCOUNT,
        ),
        (
            source("serviceAccounts: [far/X]"),
            code::UNKNOWN_SERVICE_ACCOUNT,
        ),
        (
            "when: [{key: source.principal, values: [cluster.local/ns/far/sa/X]}]".into(),
            code::UNKNOWN_SERVICE_ACCOUNT,
        ),
        (source("principals: ['{{x}}']"), code::ODD_PRINCIPAL),
        (source("principals: ['a b']"), code::ODD_PRINCIPAL),
        (source("principals: [clié]"), code::ODD_PRINCIPAL),
    ] {
        assert_eq!(found(code, "", &rule), 1, "{rule}");
    }
    for rule in [
        source("namespaces: [shop, sh*, '*', '*-op']"),
        source(
            "principals: [spire-agent, 'example.com:project.svc.id.goog', '*/far/*', 'cluster.local/ns/*']",
        ),
        source("principals: [cluster.local/ns/far/sa/x.y-0]"),
        source("serviceAccounts: [far/x, x]"),
    ] {
        for code in [code::UNKNOWN_NAMESPACE, code::ODD_PRINCIPAL] {
            assert_eq!(found(code, "", &rule), 0, "{rule}");
        }
    }
}
