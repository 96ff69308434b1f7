//! Each lint on the smallest input that has it, and on the nearest input that has not.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use mesh_policy::analysis::decide::Analysis;
use mesh_policy::analysis::exact_lints::{
    GRANTS_NOTHING, REDUNDANT_RULE, SHADOWED_RULE, UNREACHABLE_RULE,
};
use mesh_policy::analysis::lint::{code, lint};
use mesh_policy::compile::{Input, Source};
use mesh_policy::diagnostic::Severity;
use mesh_policy::mesh::input::{MeshInput, read_mesh};

/// An ambient namespace `shop` with a waypoint, a Service `web` that uses it, its pods and a client.
const SHOP: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec: {serviceAccountName: web, containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: client, namespace: shop}
spec:
  template:
    metadata: {labels: {app: client}}
    spec: {serviceAccountName: client, containers: [{name: c}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, labels: {istio.io/use-waypoint: way}}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: plain, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 81, targetPort: 8080}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: way, namespace: shop}
spec: {gatewayClassName: istio-waypoint, listeners: [{name: mesh, port: 15008, protocol: HBONE}]}
status: {addresses: [{value: 10.0.0.9}]}
"#;

/// What the exact engine finds beside most of what is tested here; it has a test of its own.
const EXACT: [&str; 4] = [
    GRANTS_NOTHING,
    REDUNDANT_RULE,
    SHADOWED_RULE,
    UNREACHABLE_RULE,
];

/// As `SHOP`, with sidecars.
fn sidecars() -> String {
    SHOP.replace(
        "istio.io/dataplane-mode: ambient",
        "istio-injection: enabled",
    )
}

fn codes(manifests: &str, settings: &str) -> Vec<&'static str> {
    let (mesh, diagnostics) = read_mesh(&MeshInput {
        files: Vec::new(),
        juju: Input::default(),
        manifests: vec![Source::new("mesh.yaml", manifests)],
        settings: if settings.is_empty() {
            Vec::new()
        } else {
            vec![Source::new("settings.yaml", settings)]
        },
    });
    assert!(
        diagnostics.iter().all(|one| !one.bad_input),
        "{diagnostics:?}"
    );
    // As the command shows them: what was found while reading, and after it.
    let mut found = diagnostics;
    found.extend(lint(&Analysis::new(mesh)));
    for one in &found {
        assert!(one.help.is_some(), "{one:?} says what to do");
        assert!(
            one.place.as_ref().is_some_and(|place| place.line > 0),
            "{one:?} has a place"
        );
    }
    let mut codes: Vec<&str> = found
        .iter()
        .map(|one| one.code)
        .filter(|code| !EXACT.contains(code))
        .collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// A policy of this name and spec, both in one line.
fn policy(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n"
    )
}

/// One policy on the pods of `web`, which lets the waypoint in as well.
fn on_pods(rules: &str) -> String {
    let waypoint = policy(
        "way",
        "{selector: {matchLabels: {app: web}}, rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/way]}}]}]}",
    );
    policy(
        "pods",
        &format!("{{selector: {{matchLabels: {{app: web}}}}, {rules}}}"),
    ) + &waypoint
}

/// One policy on the Service `web`; its pods let the waypoint in alone.
fn on_service(rules: &str) -> String {
    let waypoint = policy(
        "way",
        "{selector: {matchLabels: {app: web}}, rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/way]}}]}]}",
    );
    policy(
        "service",
        &format!("{{targetRefs: [{{kind: Service, group: '', name: web}}], {rules}}}"),
    ) + &waypoint
}

#[track_caller]
fn finds(policies: &str, expected: &[&str]) {
    assert_eq!(
        codes(&format!("{SHOP}{policies}"), ""),
        expected,
        "{policies}"
    );
}

#[test]
fn sound_policies_have_no_findings() {
    finds("", &[]);
    finds(
        &on_service(
            "rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/client]}}], to: [{operation: {ports: ['80'], methods: [GET], paths: [/api/*, '*.js', '/a/{*}/b', '*']}}]}]",
        ),
        &[],
    );
    finds(
        &on_pods(
            "rules: [{from: [{source: {namespaces: [shop]}}], to: [{operation: {ports: ['8080']}}]}]",
        ),
        &[],
    );
    finds(
        &on_pods("action: DENY, rules: [{from: [{source: {notNamespaces: [shop]}}]}]"),
        &[],
    );
    finds(
        &on_service(
            "rules: [{to: [{operation: {hosts: ['web.shop', 'web.shop:*'], ports: ['80']}}], from: [{source: {serviceAccounts: [client]}}]}]",
        ),
        &[],
    );
}

#[test]
fn what_istio_refuses_or_drops() {
    finds(
        &on_service("rules: [{to: [{operation: {}}]}]"),
        &[code::REFUSED],
    );
    finds(
        &on_service("rules: [{from: [{source: {principal: [x], namespaces: [shop]}}]}]"),
        &[code::UNKNOWN_FIELD],
    );
    finds(
        &on_service("rules: [{form: [{source: {namespaces: [shop]}}]}]"),
        &[code::ALLOWS_ANYONE, code::UNKNOWN_FIELD],
    );
}

#[test]
fn values() {
    let from = |source: &str| on_service(&format!("rules: [{{from: [{{source: {source}}}]}}]"));
    let to = |operation: &str| {
        on_service(&format!(
            "rules: [{{from: [{{source: {{namespaces: [shop]}}}}], to: [{{operation: {operation}}}]}}]"
        ))
    };
    finds(
        &from("{principals: ['spiffe://cluster.local/ns/shop/sa/client']}"),
        &[code::PRINCIPAL_WITH_SCHEME],
    );
    finds(&from("{principals: [shop/client]}"), &[code::ODD_PRINCIPAL]);
    finds(
        &from("{principals: [cluster.local/ns/*/sa/client]}"),
        &[code::LITERAL_STAR],
    );
    finds(&from("{namespaces: ['*a']}"), &[code::WIDE_NAMESPACE]);
    finds(&from("{namespaces: ['shop/sa']}"), &[code::WIDE_NAMESPACE]);
    finds(
        &from("{remoteIpBlocks: ['10.0.0.0/8']}"),
        &[code::FORGEABLE_ADDRESS],
    );
    finds(&to("{ports: ['0', '80']}"), &[code::PORT_ZERO]);
    finds(&to("{methods: [get]}"), &[code::ODD_METHOD]);
    finds(&to("{methods: [/shop.Web/Get]}"), &[code::ODD_METHOD]);
    finds(&to("{paths: [api]}"), &[code::PATH_NEVER_MATCHES]);
    finds(&to("{paths: ['/api?x=1']}"), &[code::PATH_NEVER_MATCHES]);
    finds(&to("{paths: ['/a b']}"), &[code::PATH_NEVER_MATCHES]);
    for host in ["http://web.shop", "web shop", "w\u{200b}eb", "*.shop/"] {
        let hosts = format!("{{hosts: [{host:?}]}}").replace("\\u{200b}", "\u{200b}");
        finds(&to(&hosts), &[code::ODD_HOST]);
    }
    for host in [
        "*.example.com",
        "Example.com:8080",
        "web_1.example.com",
        "[fd00::1]:80",
        "*",
    ] {
        finds(&to(&format!("{{hosts: ['{host}']}}")), &[]);
    }
    finds(&to("{notPaths: [/admin]}"), &[code::PATH_BYPASS]);
    finds(
        &on_service("action: DENY, rules: [{to: [{operation: {paths: [/admin*]}}]}]"),
        &[code::PATH_BYPASS],
    );
    finds(
        &on_service(
            "rules: [{from: [{source: {namespaces: [shop]}}], when: [{key: 'request.headersX[a]', values: [b]}]}]",
        ),
        &[code::ODD_CONDITION, code::RULE_DROPPED],
    );
    let foreign = from("{principals: [other.example/ns/shop/sa/client]}");
    assert_eq!(
        codes(&format!("{SHOP}{foreign}"), "trustDomain: cluster.local"),
        [code::FOREIGN_TRUST_DOMAIN]
    );
    finds(&foreign, &[code::CANNOT_VERIFY]);
    assert_eq!(
        codes(
            &format!("{SHOP}{}", to("{notPaths: [/admin/x]}")),
            "pathNormalization: DECODE_AND_MERGE_SLASHES"
        ),
        <[&str; 0]>::default()
    );
}

#[test]
fn what_is_left_at_ztunnel() {
    finds(
        &policy("a", "{selector: {}, rules: [{}]}"),
        &[code::ALLOWS_ANYONE, code::EMPTY_SELECTOR],
    );
    finds(
        &policy(
            "a",
            "{selector: {matchLabels: {app: client}}, rules: [{to: [{operation: {methods: [GET]}}]}]}",
        ),
        &[code::ALLOW_DENIES_ALL],
    );
    finds(
        &on_pods(
            "rules: [{from: [{source: {namespaces: [shop]}}]}, {to: [{operation: {paths: [/x]}}]}]",
        ),
        &[code::RULE_DROPPED, code::SPLIT_RULE],
    );
    finds(
        &on_pods("action: DENY, rules: [{to: [{operation: {methods: [POST]}}]}]"),
        &[code::DENY_NEVER_FIRES],
    );
    finds(
        &on_pods("action: DENY, rules: [{to: [{operation: {methods: [POST], ports: ['8080']}}]}]"),
        &[code::DENY_WIDER],
    );
    finds(
        &on_pods(
            "action: CUSTOM, provider: {name: x}, rules: [{to: [{operation: {ports: ['8080']}}]}]",
        ),
        &[code::ACTION_NOT_ENFORCED],
    );
    finds(
        &on_pods(
            "rules: [{from: [{source: {namespaces: [shop]}}]}, {from: [{source: {trustDomains: [x]}}]}]",
        ),
        &[code::NEVER_MATCHES],
    );
    // A sidecar sees methods.
    let pods = policy(
        "a",
        "{selector: {matchLabels: {app: client}}, rules: [{to: [{operation: {methods: [GET]}}], from: [{source: {namespaces: [shop]}}]}]}",
    );
    assert_eq!(
        codes(&format!("{}{pods}", sidecars()), ""),
        <[&str; 0]>::default()
    );
    // Nothing is known of the pods.
    assert_eq!(codes(&pods, ""), [code::CANNOT_VERIFY]);
}

#[test]
fn nobody_enforces() {
    finds(
        &policy(
            "a",
            "{targetRefs: [{kind: Service, group: '', name: plain}], rules: [{from: [{source: {namespaces: [shop]}}]}]}",
        ),
        &[code::NOT_ENFORCED],
    );
    finds(
        &policy(
            "a",
            "{targetRefs: [{kind: Service, group: '', name: wbe}], rules: [{from: [{source: {namespaces: [shop]}}]}]}",
        ),
        &[code::TARGET_NOT_FOUND],
    );
    finds(
        &policy(
            "a",
            "{targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: wya}], rules: [{from: [{source: {namespaces: [shop]}}]}]}",
        ),
        &[code::TARGET_NOT_FOUND],
    );
    let target = policy(
        "a",
        "{targetRefs: [{kind: Service, group: '', name: web}], rules: [{from: [{source: {namespaces: [shop]}}]}]}",
    );
    assert_eq!(
        codes(&format!("{}{target}", sidecars()), ""),
        [code::NOT_ENFORCED]
    );
    assert_eq!(codes(&target, ""), [code::CANNOT_VERIFY]);
    let class = policy(
        "a",
        "{targetRefs: [{kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint}], rules: [{from: [{source: {namespaces: [shop]}}]}]}",
    );
    assert_eq!(
        codes(&format!("{SHOP}{class}"), "rootNamespace: istio-system"),
        [code::NOT_ENFORCED]
    );
    finds(
        &on_service(
            "rules: [{from: [{source: {namespaces: [shop]}}], to: [{operation: {paths: ['/{*}//']}}]}]",
        ),
        &[code::ENVOY_REFUSES],
    );
}

#[test]
fn names_that_are_not_there() {
    finds(
        &policy(
            "a",
            "{selector: {matchLabels: {app: wbe}}, rules: [{from: [{source: {namespaces: [shop]}}]}]}",
        ),
        &[code::NO_WORKLOAD],
    );
    let from = |source: &str| on_service(&format!("rules: [{{from: [{{source: {source}}}]}}]"));
    finds(&from("{namespaces: [shpo]}"), &[code::UNKNOWN_NAMESPACE]);
    finds(
        &from("{principals: [cluster.local/ns/shop/sa/cleint]}"),
        &[code::UNKNOWN_SERVICE_ACCOUNT],
    );
    finds(
        &from("{serviceAccounts: [cleint]}"),
        &[code::UNKNOWN_SERVICE_ACCOUNT],
    );
    // Nothing is known of that namespace's accounts, nor of any.
    finds(&from("{principals: [cluster.local/ns/far/sa/any]}"), &[]);
    let to = |operation: &str| {
        on_service(&format!(
            "rules: [{{from: [{{source: {{namespaces: [shop]}}}}], to: [{{operation: {operation}}}]}}]"
        ))
    };
    finds(
        &to("{hosts: ['wbe.shop.svc.cluster.local']}"),
        &[code::UNKNOWN_HOST],
    );
    finds(&to("{hosts: [example.com]}"), &[]);
    finds(
        &to("{hosts: [web.shop], ports: ['8080']}"),
        &[code::HOST_WITHOUT_PORT, code::UNKNOWN_PORT],
    );
    finds(&to("{ports: ['8080']}"), &[code::UNKNOWN_PORT]);
    finds(
        &on_pods(
            "rules: [{from: [{source: {namespaces: [shop]}}], to: [{operation: {ports: ['80']}}]}]",
        ),
        &[code::UNKNOWN_PORT],
    );
    let off = "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: 'off', namespace: shop}\nspec: {mtls: {mode: DISABLE}}\n";
    let pods = policy(
        "a",
        "{selector: {matchLabels: {app: client}}, rules: [{from: [{source: {namespaces: [shop]}}]}]}",
    );
    assert_eq!(
        codes(&format!("{}{off}{pods}", sidecars()), ""),
        [code::NEEDS_MTLS]
    );
}

#[test]
fn policies_together() {
    let free = "{selector: {matchLabels: {app: client}}, rules: [{}]}";
    finds(&policy("a", free), &[code::ALLOWS_ANYONE]);
    let one = "{selector: {matchLabels: {app: client}}, rules: [{from: [{source: {namespaces: [shop]}}]}]}";
    let two = "{selector: {matchLabels: {app: client}}, rules: [{from: [{source: {serviceAccounts: [web]}}]}]}";
    finds(
        &(policy("a", one) + &policy("b", one)),
        &[code::DUPLICATE_POLICY],
    );
    finds(&(policy("a", one) + &policy("a", two)), &[code::SAME_NAME]);
    finds(&(policy("a", one) + &policy("b", two)), &[]);
    finds(
        &on_pods(
            "rules: [{from: [{source: {namespaces: [shop]}}]}, {to: [{operation: {ports: ['8080']}}]}]",
        ),
        &[code::SPLIT_RULE],
    );
}

#[test]
fn pods_behind_waypoints() {
    let service = policy(
        "service",
        "{targetRefs: [{kind: Service, group: '', name: web}], rules: [{from: [{source: {namespaces: [shop]}}]}]}",
    );
    finds(&service, &[code::POD_ADDRESS_OPEN]);
    assert_eq!(
        codes(&format!("{SHOP}{service}"), "autoAllowWaypoint: true"),
        <[&str; 0]>::default()
    );
    let pods = policy(
        "pods",
        "{selector: {matchLabels: {app: web}}, rules: [{from: [{source: {serviceAccounts: [client]}}]}]}",
    );
    finds(&pods, &[code::WAYPOINT_SHUT_OUT]);
    assert_eq!(
        codes(&format!("{SHOP}{pods}"), "autoAllowWaypoint: true"),
        [code::SERVICE_OPEN]
    );
    assert_eq!(
        codes(&format!("{SHOP}{pods}{service}"), "autoAllowWaypoint: true"),
        <[&str; 0]>::default()
    );
}

#[test]
fn every_code_is_explained() {
    let docs = std::fs::read_to_string("docs/lints.md").expect("docs/lints.md is there");
    let codes = std::fs::read_to_string("src/analysis/lint/code.rs").expect("the codes are there");
    let mut counted = 0;
    for line in codes.lines().filter(|line| line.starts_with("pub const")) {
        let Some(code) = line.split('"').nth(1) else {
            continue;
        };
        assert!(
            docs.contains(&format!("### {code}\n")),
            "docs/lints.md has no section `### {code}`"
        );
        counted += 1;
    }
    assert!(counted > 30, "{counted}");
    use mesh_policy::juju::lint as juju;
    for code in EXACT {
        assert!(
            docs.contains(&format!("### {code}\n")),
            "docs/lints.md has no section `### {code}`"
        );
    }
    for code in [
        juju::WRONG_SIDE,
        juju::EMPTY_PORTS,
        juju::METRICS_WITHOUT_POLICY,
        juju::UNRELATED_POLICY,
        juju::PEER_POLICY,
    ] {
        assert!(
            docs.contains(&format!("### {code}\n")),
            "docs/lints.md has no section `### {code}`"
        );
    }
}

/// (severity, code, message) of all findings of a bundle with charm files.
fn found(
    model: &'static str,
    bundle: &str,
    charms: &[(String, Vec<u8>)],
) -> Vec<(Severity, &'static str, String)> {
    let (mesh, diagnostics) = read_mesh(&MeshInput {
        juju: Input {
            bundles: vec![Source {
                model: Some(model),
                ..Source::new("bundle.yaml", bundle.as_bytes())
            }],
            charms: charms
                .iter()
                .map(|(file, text)| Source::new(file, text))
                .collect(),
            databags: Vec::new(),
        },
        ..MeshInput::default()
    });
    assert!(
        diagnostics.iter().all(|one| !one.bad_input),
        "{diagnostics:?}"
    );
    lint(&Analysis::new(mesh))
        .into_iter()
        .map(|one| (one.severity, one.code, one.message))
        .collect()
}

fn example(name: &'static str) -> Vec<(Severity, &'static str, String)> {
    let folder = format!("examples/{name}");
    let bundle = std::fs::read_to_string(format!("{folder}/bundle.yaml")).expect("the bundle");
    let mut charms: Vec<(String, Vec<u8>)> = std::fs::read_dir(format!("{folder}/charms"))
        .expect("charm files")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            (
                path.display().to_string(),
                std::fs::read(&path).expect("a charm file"),
            )
        })
        .collect();
    charms.sort();
    found(name, &bundle, &charms)
}

#[test]
fn real_bundles() {
    use mesh_policy::juju::lint as juju;
    let alarms = |found: &[(Severity, &'static str, String)]| -> Vec<String> {
        let alarming = found
            .iter()
            .filter(|(severity, ..)| *severity != Severity::Note);
        alarming
            .map(|(_, code, message)| format!("{code}: {message}"))
            .collect()
    };
    assert_eq!(
        alarms(&example("bookinfo")),
        <[&str; 0]>::default(),
        "bookinfo is sound"
    );
    // kubeflow's charms open their pods to anyone, and most of their metrics are not related.
    let kubeflow = example("kubeflow");
    for application in [
        "admission-webhook",
        "katib-controller",
        "kfp-profile-controller",
        "minio",
        "pvcviewer-operator",
    ] {
        assert!(
            kubeflow
                .iter()
                .any(|(_, code, message)| *code == code::ALLOWS_ANYONE
                    && message.contains(application)),
            "{application}"
        );
    }
    assert!(
        kubeflow
            .iter()
            .any(|(_, code, message)| *code == juju::UNRELATED_POLICY
                && message.contains("metrics-endpoint"))
    );
    assert_eq!(
        alarms(&example("cos")),
        <[&str; 0]>::default(),
        "what is wrong in COS is wrong in its bundle"
    );
    // Its workers join over the cluster relation, with the labels that their coordinators' policies select.
    let cos = example("cos");
    assert!(
        cos.iter()
            .all(|(_, code, _)| *code != code::CANNOT_VERIFY && *code != GRANTS_NOTHING),
        "{cos:?}"
    );
}

#[test]
fn declarations_of_charms() {
    use mesh_policy::juju::lint as juju;
    let bundle = "applications: {db: {charm: db}, vault: {charm: vault}, prom: {charm: prom}, beacon: {charm: istio-beacon-k8s}}\n\
                  relations: [[db:vault-kv, vault:vault-kv], [db:metrics, prom:scrape], [db:service-mesh, beacon:service-mesh], [prom:service-mesh, beacon:service-mesh]]\n";
    let charm = |policies: &str| {
        let text = format!(
            "charm: db\nprovides: {{database: {{interface: mongodb_client}}, metrics: {{interface: prometheus_scrape}}}}\n\
             requires: {{vault-kv: {{interface: vault-kv}}, service-mesh: {{interface: service_mesh}}}}\npeers: {{peers: {{interface: db-peers}}}}\n\
             mesh: {{service_mesh_consumer: true}}\npolicies: {policies}\n"
        );
        vec![("db.yaml".to_owned(), text.into_bytes())]
    };
    let codes = |policies: &str| -> Vec<&str> {
        found("m", bundle, &charm(policies))
            .into_iter()
            .map(|(_, code, _)| code)
            // Without a policy of the kind `app` the Service is open.
            .filter(|code| !EXACT.contains(code) && *code != code::SERVICE_OPEN)
            .collect()
    };
    let metrics = "{kind: unit, relation: metrics, ports: [9216]}";
    assert_eq!(codes(&format!("[{metrics}]")), <[&str; 0]>::default());
    assert_eq!(codes("[]"), [juju::METRICS_WITHOUT_POLICY]);
    assert_eq!(
        codes(&format!(
            "[{metrics}, {{kind: unit, relation: vault-kv, ports: [8200]}}]"
        )),
        [juju::WRONG_SIDE]
    );
    assert_eq!(
        codes(&format!(
            "[{metrics}, {{kind: unit, relation: database, ports: [27017]}}]"
        )),
        [juju::UNRELATED_POLICY]
    );
    assert_eq!(
        codes(&format!(
            "[{metrics}, {{kind: unit, relation: peers, ports: [27017]}}]"
        )),
        [juju::PEER_POLICY]
    );
    assert_eq!(
        codes("[{kind: unit, relation: metrics, ports: []}]"),
        [juju::EMPTY_PORTS]
    );
}
