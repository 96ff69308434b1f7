//! What others' input and other judges have found: manifests as people have them for other tools, and witnesses that Envoy
//! says are no requests.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use mesh_policy::analysis::diff::{Diff, diff};
use mesh_policy::analysis::reach::reach;
use mesh_policy::analysis::{Analysis, Request};
use mesh_policy::compile::{Input, Source, compile};
use mesh_policy::diagnostic::Severity;
use mesh_policy::mesh::DataPlane;
use mesh_policy::mesh::input::{MeshInput, read_mesh};

fn analysis(texts: &[&str]) -> Analysis {
    let (mesh, diagnostics) = read_mesh(&MeshInput {
        manifests: texts
            .iter()
            .map(|text| Source::new("mesh.json", *text))
            .collect(),
        ..MeshInput::default()
    });
    assert_eq!(diagnostics, []);
    Analysis::new(mesh)
}

const NAMESPACES: &str =
    r#"{"kind":"NamespaceList","apiVersion":"v1","items":[{"metadata":{"name":"shop"}}]}"#;
const PODS: &str = r#"{"kind":"PodList","apiVersion":"v1","items":[
    {"metadata":{"name":"web-0","namespace":"shop","labels":{"app":"web"}},"spec":{"serviceAccountName":"web"}}]}"#;

fn policy(rule: &str) -> String {
    format!(
        r#"{{"apiVersion":"security.istio.io/v1","kind":"AuthorizationPolicyList","items":[
            {{"metadata":{{"name":"a","namespace":"shop"}},
              "spec":{{"selector":{{"matchLabels":{{"app":"web"}}}},"rules":[{rule}]}}}}]}}"#
    )
}

fn compared(old: &str, new: &str) -> Diff {
    let side = |rule: &str| analysis(&[NAMESPACES, PODS, &policy(rule)]);
    diff(&side(old), &side(new))
}

#[test]
fn lists_of_a_kind_leave_it_out_of_their_items() {
    let mesh = analysis(&[NAMESPACES, PODS, &policy("{}")]).mesh;
    let many = (
        mesh.namespaces.len(),
        mesh.workloads.len(),
        mesh.policies.len(),
    );
    assert_eq!(many, (1, 1, 1));
}

#[test]
fn where_nothing_speaks_of_a_mesh_pods_have_sidecars() {
    let rule = |method: &str| format!(r#"{{"to":[{{"operation":{{"methods":["{method}"]}}}}]}}"#);
    let found = compared(&rule("GET"), &rule("PUT"));
    assert_eq!((found.granted.len(), found.revoked.len()), (1, 1));
    assert!(compared(&rule("GET"), &rule("GET")).equivalent);

    let plane = |namespace: &str| {
        let mesh = analysis(&[namespace, PODS]).mesh;
        mesh.workloads.first().expect("a pod").data_plane
    };
    assert_eq!(plane(NAMESPACES), Some(DataPlane::Sidecar));
    let labelled = |labels: &str| {
        format!(
            r#"{{"kind":"Namespace","apiVersion":"v1","metadata":{{"name":"shop","labels":{labels}}}}}"#
        )
    };
    let ambient = labelled(r#"{"istio.io/dataplane-mode":"ambient"}"#);
    assert_eq!(plane(&ambient), Some(DataPlane::Ambient));
    let opted_out = labelled(r#"{"istio-injection":"disabled"}"#);
    assert_eq!(plane(&opted_out), Some(DataPlane::None));
}

/// RFC 7519: `iss` and `sub` are single strings. No token has two.
#[test]
fn a_token_has_one_issuer_and_one_subject() {
    let issuers = |list: &str| {
        format!(
            r#"{{"when":[{}]}}"#,
            list.split(' ')
                .map(|issuer| format!(
                    r#"{{"key":"request.auth.claims[iss]","values":["{issuer}"]}}"#
                ))
                .collect::<Vec<_>>()
                .join(",")
        )
    };
    // Both at once, or never: the same.
    let never = r#"{"from":[{"source":{"principals":["a"],"notPrincipals":["*"]}}]}"#;
    assert!(compared(&issuers("a b"), never).equivalent);
    assert!(!compared(&issuers("a"), never).equivalent);
}

/// RFC 9110: a header's name is a token.
#[test]
fn no_request_has_a_header_whose_name_is_none() {
    let condition =
        |key: &str| format!(r#"{{"when":[{{"key":"request.headers[{key}]","notValues":["x"]}}]}}"#);
    assert!(compared(&condition("a]b"), "{}").equivalent);
    assert!(!compared(&condition("a-b"), "{}").equivalent);
}

#[test]
fn of_several_pods_of_an_account_the_first_one_tells_how_they_are_carried() {
    let mesh = r#"{"kind":"List","apiVersion":"v1","items":[
        {"kind":"Namespace","apiVersion":"v1","metadata":{"name":"shop","labels":{"istio.io/dataplane-mode":"ambient"}}},
        {"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"shop","annotations":{"sidecar.istio.io/status":"{}"}},
         "spec":{"serviceAccountName":"c"}},
        {"kind":"Pod","apiVersion":"v1","metadata":{"name":"b","namespace":"shop"},"spec":{"serviceAccountName":"c"}},
        {"kind":"Service","apiVersion":"v1","metadata":{"name":"web","namespace":"shop","labels":{"istio.io/use-waypoint":"w"}},
         "spec":{"ports":[{"port":80}]}},
        {"kind":"Gateway","apiVersion":"gateway.networking.k8s.io/v1","metadata":{"name":"w","namespace":"shop"},
         "spec":{"gatewayClassName":"istio-waypoint"},"status":{"addresses":[{"value":"10.0.0.1"}]}}]}"#;
    let policy = r#"{"kind":"AuthorizationPolicy","apiVersion":"security.istio.io/v1",
        "metadata":{"name":"p","namespace":"shop"},
        "spec":{"targetRefs":[{"kind":"Service","group":"","name":"web"}],"action":"DENY",
                "rules":[{"from":[{"source":{"principals":["cluster.local/ns/shop/sa/c"]}}]}]}}"#;
    // With a sidecar it goes past the waypoint.
    assert!(diff(&analysis(&[mesh]), &analysis(&[mesh, policy])).equivalent);
    let request = r#"{"from":{"namespace":"shop","serviceAccount":"c"},"to":{"service":"shop/web"},"port":80}"#;
    let answer = analysis(&[mesh, policy]).ask(request);
    assert!(answer.contains(r#""verdict":"allowed""#), "{answer}");
}

/// Envoy takes any of these for a host; `web.shop:` begins many of them.
#[test]
fn a_host_with_any_port() {
    let hosts =
        |key: &str, list: &str| format!(r#"{{"to":[{{"operation":{{"{key}":[{list}]}}}}]}}"#);
    assert!(!compared("{}", &hosts("notHosts", r#""web.shop:*""#)).equivalent);
    assert!(!compared("{}", &hosts("notHosts", r#""web.shop:""#)).equivalent);
    assert!(!compared("{}", &hosts("notHosts", r#""*..shop""#)).equivalent);
    // No request has a space in its host.
    assert!(compared("{}", &hosts("notHosts", r#""web shop""#)).equivalent);
}

#[test]
fn no_connection_comes_from_an_unspecified_address() {
    let blocks = |list: &str| format!(r#"{{"from":[{{"source":{{"ipBlocks":[{list}]}}}}]}}"#);
    let all = blocks(r#""0.0.0.0/0","::/0""#);
    let found = compared(&all, &blocks(r#""0.0.0.0/0","2001:db8::1""#));
    let witness = found.json();
    assert!(
        !found.equivalent && !witness.contains(r#""sourceIp":"::""#),
        "{witness}"
    );
    assert!(compared(&blocks(r#""0.0.0.0","::""#), &blocks(r#""::""#)).equivalent);
}

const API: &str = "charm: api\nprovides: {api: {interface: http}}\nrequires: {service-mesh: {interface: service_mesh}}\nmesh: {service_mesh_consumer: true}\n";

/// A model whose applications `web` and `api` are on the mesh, with a charm file for `api` or an empty text.
fn model(api: &str, manifests: &str) -> (Analysis, Vec<&'static str>) {
    let bundle = "applications: {web: {charm: web}, api: {charm: api}, beacon: {charm: istio-beacon-k8s}}\n\
                  relations: [[web:api, api:api], [web:service-mesh, beacon:service-mesh], [api:service-mesh, beacon:service-mesh]]\n";
    let web = "charm: web\nrequires: {api: {interface: http}, service-mesh: {interface: service_mesh}}\nmesh: {service_mesh_consumer: true}\n";
    let mut input = MeshInput::default();
    input.juju.charms.push(Source::new("web.yaml", web));
    if !api.is_empty() {
        input.juju.charms.push(Source::new("api.yaml", api));
    }
    input.files.push(Source {
        model: Some("shop"),
        ..Source::new("bundle.yaml", bundle)
    });
    if !manifests.is_empty() {
        input.manifests.push(Source::new("m.yaml", manifests));
    }
    let (mesh, diagnostics) = read_mesh(&input);
    let codes = diagnostics.iter().map(|one| one.code).collect();
    (Analysis::new(mesh), codes)
}

const TO_API: &str = r#"{"from":{"namespace":"shop","serviceAccount":"web"},"to":{"service":"shop/api"},"port":80,"method":"GET","path":"/"}"#;

/// What a charm declares is in its file: without it nothing is known of its policies, and no answer is sure that they
/// could change.
#[test]
fn an_answer_about_a_charm_without_a_file_depends_on_it() {
    let request = Request::read(TO_API).expect("a request");
    let back = TO_API.replace(r#""serviceAccount":"web""#, r#""serviceAccount":"api""#);
    let back = back.replace("shop/api", "shop/web");
    let back = Request::read(&back).expect("a request");
    let (unknown, codes) = model("", "");
    // It is related to a mesh, so that there is no mesh is not said.
    assert_eq!(codes, ["charm-file-missing"]);
    let answer = unknown.trace_json(&request);
    let depends = r#""verdict":"depends","depends":["charm-file-missing"]"#;
    assert!(answer.contains(depends), "{answer}");
    assert!(!answer.contains("not known"), "{answer}");
    // A charm's own charmcraft.yaml has its endpoints, and no policies.
    let own = API.replace("charm: api", "name: api\ntype: charm");
    let own = own.replace("mesh: {service_mesh_consumer: true}\n", "");
    let (analysis, codes) = model(&own, "");
    assert_eq!(codes, ["charm-file-missing"]);
    assert!(analysis.trace_json(&request).contains(depends));
    // The policies of a target are its own charm's.
    let (described, codes) = model(API, "");
    assert_eq!(codes, [""; 0]);
    for (analysis, request) in [(&unknown, &back), (&described, &request)] {
        let answer = analysis.trace_json(request);
        assert!(!answer.contains("depends\":[\"charm"), "{answer}");
    }
}

/// What no policy of the charm can change stays sure.
#[test]
fn what_a_missing_charm_file_cannot_change_is_sure() {
    let policy = |action: &str| {
        format!(
            "{{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {{name: p, namespace: shop}}, spec: {{action: {action}, targetRefs: [{{group: '', kind: Service, name: api}}], rules: [{{to: [{{operation: {{methods: [GET]}}}}]}}]}}}}"
        )
    };
    for (action, get, post) in [
        ("ALLOW", "allowed", "depends"),
        ("DENY", "denied", "depends"),
    ] {
        let (analysis, _) = model("", &policy(action));
        for (method, verdict) in [("GET", get), ("POST", post)] {
            let text = TO_API.replace("GET", method);
            let request = Request::read(&text).expect("a request");
            let answer = analysis.decide(&request);
            assert_eq!(answer.verdict.name(), verdict, "{action} {method}");
        }
        // The exact engine says the same.
        let reach = reach(&analysis).json();
        let sure =
            reach.contains(r#""to":{"service":"shop/api"},"via":"waypoint","depends":false"#);
        assert_eq!(sure, action == "ALLOW", "{reach}");
        assert!(
            reach.contains(r#""to":{"service":"shop/api"},"via":"waypoint","depends":true"#),
            "{reach}"
        );
    }
}

/// samples/security/spire of Istio, CRDs as controller-gen writes them, and many a hand: lines within brackets and quotes
/// that begin no deeper than their key. YAML 1.2 forbids it, and nobody who reads manifests or bundles does.
#[test]
fn lines_within_brackets_and_quotes_begin_anywhere() {
    let rule = |paths: &str| {
        format!(
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata:\n  name: a\n  namespace: shop\n\
             \x20 annotations: {{why: \"because of\n  that\"}}\nspec:\n  rules:\n    - to:\n        - operation:\n            paths: {paths}\n"
        )
    };
    let multi_line = rule("[\n              \"/a\",\n              '/b/*',\n            ]");
    let one_line = rule("[/a, /b/*]");
    let (old, new) = (analysis(&[&one_line]), analysis(&[&multi_line]));
    assert_eq!(old.mesh.policies.len(), 1);
    assert!(diff(&old, &new).equivalent);
}

#[test]
fn a_template_is_told_by_its_braces() {
    let told = |text: &str| {
        let (_, diagnostics) = read_mesh(&MeshInput {
            manifests: vec![Source::new("a.yaml", text)],
            ..MeshInput::default()
        });
        let help = diagnostics.first().and_then(|one| one.help.clone());
        (
            help.unwrap_or_default().contains("template"),
            diagnostics.len(),
        )
    };
    assert_eq!(
        told("{{- if .Values.on }}\nkind: Pod\n{{- end }}\n"),
        (true, 1)
    );
    assert_eq!(
        told("kind: Pod\nmetadata: {name: {{ .Name }}}\n"),
        (true, 1)
    );
    assert_eq!(told("- a\nkind: Pod\n"), (false, 1));
}

/// Bundles of Open Source MANO and old ones of Kubeflow relate applications without their endpoints, most of them on no
/// mesh. Juju asks the charms.
#[test]
fn without_charm_files_relations_without_endpoints_are_no_error() {
    let bundle = "applications: {lcm: {charm: ch:osm-lcm}, mongo: {charm: ch:mongodb-k8s}}\nrelations: [[lcm, mongo]]\n";
    let source = Source {
        model: Some("osm"),
        ..Source::new("bundle.yaml", bundle)
    };
    let compiled = compile(&Input {
        bundles: vec![source],
        ..Input::default()
    });
    assert!(!compiled.dropped() && !compiled.bad_input());
    let severities: Vec<_> = compiled
        .diagnostics
        .iter()
        .map(|one| one.severity)
        .collect();
    assert!(!severities.contains(&Severity::Error), "{severities:?}");
}

/// juju/juju#19479: `juju export-bundle` in a model whose offer is used.
#[test]
fn an_export_names_those_who_use_an_offer_without_telling_who_they_are() {
    let offering = "saas:\n  remote-1aar40408f75328d83d8ee7bb6a23f14: {}\n\
        applications: {exporter: {charm: exporter}, beacon: {charm: istio-beacon-k8s}}\n\
        relations:\n- - exporter:target\n  - remote-1aar40408f75328d83d8ee7bb6a23f14:target\n\
        - [exporter:service-mesh, beacon:service-mesh]\n- [exporter:provide-cmr-mesh, remote-1aar40408f75328d83d8ee7bb6a23f14:require-cmr-mesh]\n\
        --- # overlay.yaml\napplications: {exporter: {offers: {metrics: {endpoints: [target, provide-cmr-mesh]}}}}\n";
    let using = "saas: {metrics: {url: 'admin/infra.metrics'}}\napplications: {scraper: {charm: scraper}}\n\
        relations: [[scraper:target, metrics:target], [scraper:require-cmr-mesh, metrics:provide-cmr-mesh]]\n";
    let charm = "charm: exporter\nprovides: {target: {interface: http}, provide-cmr-mesh: {interface: cross_model_mesh}}\n\
        requires: {service-mesh: {interface: service_mesh}}\npolicies: [{kind: unit, relation: target, ports: [9100]}]\n";
    let compiled = |bundles: &[(&'static str, &'static str)]| {
        let sources = bundles.iter().map(|(model, text)| Source {
            model: Some(model),
            ..Source::new("bundle.yaml", *text)
        });
        let compiled = compile(&Input {
            bundles: sources.collect(),
            charms: vec![Source::new("exporter.yaml", charm)],
            ..Input::default()
        });
        assert!(!compiled.bad_input() && !compiled.dropped());
        let codes: Vec<_> = compiled.diagnostics.iter().map(|one| one.code).collect();
        (compiled.mesh_policies.len(), codes)
    };
    assert_eq!(
        compiled(&[("infra", offering)]),
        (0, vec!["unknown-consumer"])
    );
    let (policies, codes) = compiled(&[("infra", offering), ("apps", using)]);
    assert!(
        policies == 1 && !codes.contains(&"unknown-consumer"),
        "{policies} {codes:?}"
    );
}

/// Manifests of an application alone: who set it up keeps the Namespace and its waypoint elsewhere, or made them by
/// `istioctl waypoint apply --enroll-namespace`.
#[test]
fn whether_a_waypoint_is_used_is_unknown_without_its_namespace() {
    let service = |labels: &str| {
        format!(
            r#"{{"kind":"Service","apiVersion":"v1","metadata":{{"name":"web","namespace":"shop","labels":{labels}}},"spec":{{"ports":[{{"port":80}}]}}}}"#
        )
    };
    let policy = r#"{"kind":"AuthorizationPolicy","apiVersion":"security.istio.io/v1","metadata":{"name":"p","namespace":"shop"},
        "spec":{"targetRefs":[{"kind":"Service","group":"","name":"web"}]}}"#;
    let labelled = r#"{"istio.io/use-waypoint":"w"}"#;
    let waypoint = |name: &str, takes: &str| {
        format!(
            r#"{{"kind":"Gateway","apiVersion":"gateway.networking.k8s.io/v1","metadata":{{"name":"{name}","namespace":"shop",
                "labels":{{"istio.io/waypoint-for":"{takes}"}}}},"spec":{{"gatewayClassName":"istio-waypoint"}}}}"#
        )
    };
    let found = |texts: &[&str]| {
        let found = mesh_policy::analysis::lint::lint(&analysis(texts));
        let sure = |code| ["not-enforced", "cannot-verify"].contains(&code);
        let mut found = found.into_iter().filter(|one| sure(one.code));
        let first = found
            .next()
            .map(|one| (one.code, one.help.unwrap_or_default()));
        first.unwrap_or_default()
    };
    let (plain, bound) = (service("{}"), service(labelled));
    assert_eq!(found(&[&plain, policy]).0, "cannot-verify");
    assert_eq!(found(&[&plain, policy, NAMESPACES]).0, "not-enforced");
    assert_eq!(found(&[&bound, policy]).0, "cannot-verify");
    assert_eq!(
        found(&[&bound, policy, &waypoint("other", "all")]).0,
        "not-enforced"
    );
    assert_eq!(found(&[&bound, policy, &waypoint("w", "all")]).0, "");
    // Seen in a Terraform module.
    let (code, help) = found(&[&bound, policy, &waypoint("w", "namespace")]);
    assert!(
        code == "not-enforced" && help.contains("istio.io/waypoint-for: service"),
        "{help}"
    );

    let request = r#"{"from":{"namespace":"shop","serviceAccount":"c"},"to":{"service":"shop/web"},"port":80}"#;
    let assumed = "no waypoint is used: the input has no Namespace `shop`";
    assert!(
        analysis(&[&plain, policy])
            .explain(&Request::read(request).expect("a request"))
            .contains(assumed)
    );
    let described = analysis(&[&plain, policy, NAMESPACES]);
    assert!(
        !described
            .explain(&Request::read(request).expect("a request"))
            .contains(assumed)
    );
}

/// Gateways as Helm's chart `gateway` and istioctl make them: their Envoys are no sidecars, TLS ends at them, and what they
/// listen to stands in Gateways of networking.istio.io.
#[test]
fn gateways_of_istios_own_api() {
    let pods = |pod: &str| {
        format!(
            r#"{{"kind":"Namespace","apiVersion":"v1","metadata":{{"name":"ingress"}}}}
---
{{"kind":"Deployment","apiVersion":"apps/v1","metadata":{{"name":"gw","namespace":"ingress"}},"spec":{{"template":{pod}}}}}
---
{{"kind":"Service","apiVersion":"v1","metadata":{{"name":"gw","namespace":"ingress"}},
  "spec":{{"selector":{{"istio":"ingress"}},"ports":[{{"name":"http2","port":80}},{{"name":"https","port":443}}]}}}}
---
{{"kind":"AuthorizationPolicy","apiVersion":"security.istio.io/v1","metadata":{{"name":"p","namespace":"ingress"}},
  "spec":{{"selector":{{"matchLabels":{{"istio":"ingress"}}}},"rules":[{{"to":[{{"operation":{{"methods":["GET"]}}}}]}}]}}}}"#
        )
    };
    let injected = r#"{"metadata":{"labels":{"istio":"ingress","sidecar.istio.io/inject":"true"},"annotations":{"inject.istio.io/templates":"gateway"}},
        "spec":{"containers":[{"name":"istio-proxy","image":"auto"}]}}"#;
    let written = r#"{"metadata":{"labels":{"istio":"ingress"}},"spec":{"containers":[{"name":"istio-proxy","args":["proxy","router"]}]}}"#;
    let sidecar = r#"{"metadata":{"labels":{"istio":"ingress","sidecar.istio.io/inject":"true"}},"spec":{"containers":[{"name":"app"}]}}"#;
    let gateway = |servers: &str| {
        format!(
            "\n---\n{{kind: Gateway, apiVersion: networking.istio.io/v1, metadata: {{name: g, namespace: apps}}, \
             spec: {{selector: {{istio: ingress}}, servers: [{servers}]}}}}\n"
        )
    };
    let https = "{port: {number: 443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: c}}, {port: {number: 80, protocol: HTTP}}";
    let passed = "{port: {number: 443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}}";
    let answer = |text: &str, method: &str| {
        let request = format!(
            r#"{{"from":null,"to":{{"service":"ingress/gw"}},"port":443,"method":"{method}","path":"/"}}"#
        );
        let request = Request::read(&request).expect("a request");
        analysis(&[text]).explain(&request)
    };
    for pod in [injected, written] {
        let described = pods(pod) + &gateway(https);
        assert!(
            answer(&described, "GET").starts_with("allowed"),
            "{}",
            answer(&described, "GET")
        );
        assert!(answer(&described, "PUT").starts_with("denied"));
        for text in [
            pods(pod),
            pods(pod) + &gateway(passed),
            described + &gateway(passed).replace("name: g,", "name: other,"),
        ] {
            let told = answer(&text, "GET");
            assert!(
                told.starts_with("it depends") && told.contains("which listener"),
                "{told}"
            );
        }
    }
    // A sidecar does not open what clients encrypt.
    assert!(answer(&(pods(sidecar) + &gateway(https)), "GET").starts_with("denied"));
}

/// Argo Rollouts and the like own pods as Deployments do.
#[test]
fn other_owners_of_pods() {
    let mesh = analysis(&[r#"{"kind":"List","apiVersion":"v1","items":[
        {"kind":"Rollout","apiVersion":"argoproj.io/v1alpha1","metadata":{"name":"web","namespace":"shop"},
         "spec":{"template":{"metadata":{"labels":{"app":"web"}},"spec":{"serviceAccountName":"web"}}}},
        {"kind":"DeploymentConfig","apiVersion":"apps.openshift.io/v1","metadata":{"name":"api","namespace":"shop"},
         "spec":{"template":{"metadata":{"labels":{"app":"api"}},"spec":{"serviceAccountName":"api"}}}},
        {"kind":"Rollout","apiVersion":"example.com/v1","metadata":{"name":"other","namespace":"shop"},"spec":{"template":{}}}]}"#])
    .mesh;
    let names: Vec<_> = mesh
        .workloads
        .iter()
        .map(|one| one.service_account.as_str())
        .collect();
    assert_eq!(names, ["web", "api"]);
}

/// Claims and ports without quotes, a method's list as one text: seen in many a tutorial. What is of the wrong type is not
/// called missing, and the help says what to write.
#[test]
fn values_of_the_wrong_type_are_there() {
    let refused = |spec: &str| {
        let text = format!(
            "kind: AuthorizationPolicy\napiVersion: security.istio.io/v1\nmetadata: {{name: p, namespace: shop}}\nspec: {spec}\n"
        );
        let found = mesh_policy::analysis::lint::lint(&analysis(&[&text])).into_iter();
        let found = found.filter(|one| one.code == "refused-policy");
        found
            .map(|one| one.help.unwrap_or_default())
            .collect::<Vec<_>>()
    };
    let quotes = ["put each value in quotes"];
    assert_eq!(
        refused("{rules: [{when: [{key: 'request.auth.claims[verified]', values: [true]}]}]}"),
        quotes
    );
    assert_eq!(
        refused("{rules: [{to: [{operation: {ports: [8080]}}]}]}"),
        quotes
    );
    let entries = ["begin each entry with `- `"];
    assert_eq!(
        refused("{rules: [{from: [{source: {namespaces: a}}]}]}"),
        entries
    );
    assert_eq!(
        refused("{rules: [{from: {source: {namespaces: [a]}}}]}"),
        entries
    );
    assert_eq!(
        refused("{action: allow}"),
        ["write ALLOW, DENY, AUDIT or CUSTOM"]
    );
}

/// An export may end in an empty overlay; `juju status --format yaml` has applications and is no bundle.
#[test]
fn what_juju_prints() {
    let read = |text: &'static str| {
        let bundles = vec![Source {
            model: Some("shop"),
            ..Source::new("bundle.yaml", text)
        }];
        let compiled = compile(&Input {
            bundles,
            ..Input::default()
        });
        let errors = compiled.diagnostics.into_iter();
        let errors = errors.filter(|one| one.severity == Severity::Error);
        errors
            .map(|one| one.help.unwrap_or_default())
            .collect::<Vec<_>>()
    };
    assert_eq!(read("applications: {web: {charm: web}}\n--- {}\n"), [""; 0]);
    let status = "model: {name: shop, type: caas, controller: k8s}\napplications: {web: {charm: web, scale: 1}}\n";
    assert_eq!(read(status), ["give what `juju export-bundle` prints"]);
}
