//! Manifests that must be refused, not read as something else.

use mesh_policy::compile::Source;
use mesh_policy::diagnostic::Diagnostic;
use mesh_policy::mesh::Mesh;
use mesh_policy::mesh::input::{MeshInput, read_mesh};

/// What is said about manifests: codes, places and messages.
fn said(manifests: &str) -> Vec<String> {
    let (_, diagnostics) = read_mesh(&MeshInput {
        manifests: vec![Source::new("m.yaml", manifests)],
        ..MeshInput::default()
    });
    let told = diagnostics.iter().map(|one| {
        let place = one.place.as_ref();
        let (line, column) = place.map_or((0, 0), |place| (place.line, place.column));
        let bad = if one.bad_input { " bad" } else { "" };
        format!("{line}:{column} {}{bad}: {}", one.code, one.message)
    });
    told.collect()
}

#[test]
fn objects_that_nobody_would_read() {
    for (head, said_of_it) in [
        (
            "kind: AuthorizationPolicy",
            "this AuthorizationPolicy has no `apiVersion`",
        ),
        (
            "{kind: AuthorizationPolicy, apiVersion: v1",
            "Kubernetes knows no kind `AuthorizationPolicy` in `v1`",
        ),
        (
            "{kind: AuthorizationPolicy, apiVersion: security.istio.io/v9",
            "Kubernetes knows no kind `AuthorizationPolicy` in `security.istio.io/v9`",
        ),
        (
            "{kind: authorizationpolicy, apiVersion: security.istio.io/v1",
            "Kubernetes knows no kind `authorizationpolicy` in `security.istio.io/v1`",
        ),
        (
            "{kind: AuthorizationPolicy, apiVersion: security.istio.oi/v1",
            "Kubernetes knows no kind `AuthorizationPolicy` in `security.istio.oi/v1`",
        ),
        (
            "{kind: List, apiVersion: v1, items: {a: 1}",
            "`items` must be a list, not a mapping",
        ),
    ] {
        let head = head.trim_start_matches('{');
        let text = format!("{{{head}, metadata: {{name: p, namespace: shop}}, spec: {{}}}}");
        let found = said(&text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].contains(" wrong-shape bad: "), "{found:?}");
        assert!(found[0].ends_with(said_of_it), "{found:?}");
    }
}

/// A part of an object of a kind, in the place where it belongs.
fn object(kind: &str, part: &str) -> String {
    let api_version = match kind {
        "PeerAuthentication" | "AuthorizationPolicy" => "security.istio.io/v1",
        "ServiceEntry" => "networking.istio.io/v1",
        "Gateway" => "gateway.networking.k8s.io/v1",
        "Deployment" => "apps/v1",
        "CronJob" => "batch/v1",
        _ => "v1",
    };
    let named = if part.contains("name: o") {
        ""
    } else {
        "metadata: {name: o, namespace: shop}, "
    };
    format!("{{apiVersion: {api_version}, kind: {kind}, {named}{part}}}")
}

#[test]
fn values_of_another_type() {
    for (kind, part, message) in [
        (
            "Service",
            "spec: []",
            "`spec` must be a mapping, not a list",
        ),
        (
            "Service",
            "spec: {ports: [{port: '80'}]}",
            "`spec.ports[0].port` must be a number from 1 to 65535, not a string (`80`)",
        ),
        (
            "Service",
            "spec: {ports: [{port: 80}, {port: 0}]}",
            "`spec.ports[1].port` must be a number from 1 to 65535, not an integer (`0`)",
        ),
        (
            "Service",
            "spec: {ports: [{port: 65536}]}",
            "not an integer (`65536`)",
        ),
        (
            "Service",
            "spec: {ports: [{port: 1.5}]}",
            "not a number (`1.5`)",
        ),
        (
            "Service",
            "spec: {ports: [{port: .nan}]}",
            "not a number (`nan`)",
        ),
        (
            "Service",
            "spec: {ports: [{port: true}]}",
            "not a boolean (`true`)",
        ),
        (
            "Service",
            "spec: {ports: {port: 80}}",
            "`spec.ports` must be a list",
        ),
        (
            "Service",
            "spec: {ports: [80]}",
            "`spec.ports[0]` must be a mapping",
        ),
        (
            "Service",
            "spec: {ports: [{port: 80, targetPort: 70000}]}",
            "`spec.ports[0].targetPort` must be a port's number or name",
        ),
        (
            "Service",
            "spec: {ports: [{port: 80, protocol: tcp}]}",
            "`spec.ports[0].protocol` must be TCP or UDP or SCTP, not a string (`tcp`)",
        ),
        (
            "Service",
            "spec: {selector: [app]}",
            "`spec.selector` must be a mapping",
        ),
        (
            "Service",
            "spec: {selector: {app: 1}}",
            "`spec.selector.app` must be text",
        ),
        (
            "Namespace",
            "metadata: {name: o, labels: {istio.io/dataplane-mode: true}}",
            "`metadata.labels.istio.io/dataplane-mode` must be text, not a boolean (`true`)",
        ),
        (
            "AuthorizationPolicy",
            "metadata: {name: o, annotations: {istio.io/dry-run: true}}",
            "`metadata.annotations.istio.io/dry-run` must be text",
        ),
        (
            "Pod",
            "spec: {serviceAccountName: 5}",
            "`spec.serviceAccountName` must be text",
        ),
        (
            "Pod",
            "spec: {hostNetwork: 'true'}",
            "`spec.hostNetwork` must be true or false",
        ),
        (
            "Deployment",
            "spec: {template: {spec: {containers: [{env: [{name: A, value: 1}]}]}}}",
            "`spec.template.spec.containers[0].env[0].value` must be text",
        ),
        (
            "CronJob",
            "spec: {jobTemplate: {spec: {template: {metadata: {labels: []}}}}}",
            "`spec.jobTemplate.spec.template.metadata.labels` must be a mapping",
        ),
        (
            "PeerAuthentication",
            "spec: {mtls: {mode: strict}}",
            "`spec.mtls.mode` must be UNSET or DISABLE or PERMISSIVE or STRICT, not a string (`strict`)",
        ),
        (
            "PeerAuthentication",
            "spec: {portLevelMtls: {http: {mode: STRICT}}}",
            "`spec.portLevelMtls.http` names no port",
        ),
        (
            "Gateway",
            "spec: {listeners: [{allowedRoutes: {namespaces: {from: all}}}]}",
            "must be All or Selector or Same or None",
        ),
        (
            "ServiceEntry",
            "spec: {ports: [{number: '80'}]}",
            "`spec.ports[0].number` must be",
        ),
        (
            "ConfigMap",
            "data: {mesh: {rootNamespace: a}}",
            "`data.mesh` must be text",
        ),
    ] {
        let found = said(&object(kind, part));
        assert_eq!(found.len(), 1, "{part}: {found:?}");
        assert!(found[0].contains(" wrong-shape bad: "), "{found:?}");
        assert!(found[0].contains(message), "{found:?}");
    }
}

#[test]
fn fields_that_look_misspelled() {
    for (kind, part, wrong, right) in [
        (
            "AuthorizationPolicy",
            "sepc: {action: DENY}",
            "sepc",
            "spec",
        ),
        ("Service", "spec: {port: [{port: 80}]}", "port", "ports"),
        (
            "Service",
            "spec: {selectors: {app: web}}",
            "selectors",
            "selector",
        ),
        (
            "Namespace",
            "metadata: {name: o, label: {a: b}}",
            "label",
            "labels",
        ),
        (
            "PeerAuthentication",
            "spec: {mlts: {mode: STRICT}}",
            "mlts",
            "mtls",
        ),
        (
            "PeerAuthentication",
            "spec: {mtls: {mod: STRICT}}",
            "mod",
            "mode",
        ),
        (
            "Pod",
            "spec: {serviceaccountname: a}",
            "serviceaccountname",
            "serviceAccountName",
        ),
    ] {
        let (_, diagnostics) = read_mesh(&MeshInput {
            manifests: vec![Source::new("m.yaml", &object(kind, part))],
            ..MeshInput::default()
        });
        assert_eq!(diagnostics.len(), 1, "{part}: {diagnostics:?}");
        assert_eq!(diagnostics[0].code, "misspelled-key");
        assert!(diagnostics[0].message.contains(&format!("`{wrong}`")));
        assert_eq!(diagnostics[0].help, Some(format!("write `{right}`")));
    }
}

/// kubectl reads YAML as Go does: `yes` is no text, `0120` is 80.
#[test]
fn values_as_kubectl_reads_them() {
    for (kind, part, word) in [
        (
            "Namespace",
            "metadata: {name: o, labels: {app: yes}}",
            "yes",
        ),
        ("Pod", "metadata: {name: off, generateName: o-}", "off"),
        ("Pod", "spec: {serviceAccountName: On}", "On"),
        ("Service", "spec: {selector: {app: no}}", "no"),
        (
            "AuthorizationPolicy",
            "spec: {rules: [{to: [{operation: {paths: [on]}}]}]}",
            "on",
        ),
    ] {
        let (mesh, diagnostics) = mesh_of(&[("m.yaml", &object(kind, part))]);
        assert_eq!(diagnostics.len(), 1, "{part}: {diagnostics:?}");
        let message =
            format!("`{word}` without quotes is a boolean to kubectl, which takes none here");
        assert_eq!(diagnostics[0].message, message);
        assert_eq!(diagnostics[0].code, "wrong-shape");
        assert_eq!(diagnostics[0].help, Some(format!("write `\"{word}\"`")));
        // What is meant is plain enough to be used.
        assert_eq!(
            mesh.namespaces.len()
                + mesh.workloads.len()
                + mesh.services.len()
                + mesh.policies.len(),
            1
        );
    }
    for (labels, shown) in [
        ("{app: 0b11}", "an integer (`3`)"),
        ("{app: 0120}", "an integer (`80`)"),
        ("{app: True}", "a boolean (`true`)"),
    ] {
        let part = format!("metadata: {{name: o, labels: {labels}}}");
        let (_, diagnostics) = mesh_of(&[("m.yaml", &object("Namespace", &part))]);
        assert!(diagnostics[0].message.ends_with(shown), "{diagnostics:?}");
        assert_eq!(
            diagnostics[0].help.as_deref(),
            Some("put it in quotes: without them it is no text")
        );
    }
    for (port, number) in [
        ("0120", 80),
        ("0b11", 3),
        ("08", 8),
        ("0o17", 15),
        ("8_0", 80),
        ("1e3", 1000),
        ("0x50", 80),
    ] {
        let text = SERVICE.replace("port: 80", &format!("port: {port}"));
        let (mesh, diagnostics) = mesh_of(&[("m.yaml", &text)]);
        assert_eq!(diagnostics, [], "{port}");
        assert_eq!(ports(&mesh), [[number]], "{port}");
    }
    // In quotes a word is a word, and `y` is a name.
    for part in [
        "metadata: {name: o, labels: {app: 'yes'}}",
        "metadata: {name: o, labels: {app: \"0120\"}}",
        "metadata: {name: o, labels: {app: !!str no}}",
        "metadata: {name: o, labels: {on: y, n: x}}",
        "metadata: {name: o}, other: [yes, no]",
    ] {
        assert_eq!(said(&object("Namespace", part)), [""; 0], "{part}");
    }
}

#[test]
fn labels_that_no_object_has() {
    let long = "x".repeat(64);
    for (kind, part, message) in [
        (
            "Pod",
            "metadata: {name: o, labels: {app: 'web '}}",
            "`web ` is no value of a label",
        ),
        (
            "Pod",
            "metadata: {name: o, labels: {app: \"web\u{200b}\"}}",
            "is no value of a label",
        ),
        (
            "Pod",
            "metadata: {name: o, labels: {'a b': c}}",
            "`a b` is no name of a label",
        ),
        (
            "Pod",
            &format!("metadata: {{name: o, labels: {{app: {long}}}}}"),
            "is no value of a label",
        ),
        (
            "Service",
            "spec: {selector: {app: '*'}}",
            "`*` is no value of a label",
        ),
        (
            "Deployment",
            "spec: {template: {metadata: {labels: {app: a/b}}}}",
            "`a/b` is no value of a label",
        ),
    ] {
        let found = said(&object(kind, part));
        assert_eq!(found.len(), 1, "{part}: {found:?}");
        assert!(found[0].contains(" wrong-shape bad: "), "{found:?}");
        assert!(found[0].contains(message), "{found:?}");
    }
    let labels = "{a: null, b: '', app.kubernetes.io/name: A.b_c-1, helm.sh/chart: a-1.2_3}";
    assert_eq!(
        said(&object(
            "Pod",
            &format!("metadata: {{name: o, labels: {labels}}}")
        )),
        [""; 0]
    );
    // Annotations may say anything.
    assert_eq!(
        said(&object(
            "Pod",
            "metadata: {name: o, annotations: {a: 'b c, d'}}"
        )),
        [""; 0]
    );
}

/// `kubectl create` takes them, and no two of them are one.
#[test]
fn names_that_the_api_server_makes_up() {
    let policy = POLICY.replace("name: p", "generateName: p-");
    let deny = policy.replace("rules", "action: DENY, rules");
    let (mesh, diagnostics) = mesh_of(&[("a.yaml", &policy), ("b.yaml", &deny)]);
    assert_eq!(diagnostics, []);
    let names = mesh.policies.iter().map(|one| one.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["p-", "p-"]);
    let job = "{apiVersion: batch/v1, kind: Job, metadata: {generateName: j-}, spec: {template: {spec: {}}}}";
    assert_eq!(said(job), [""; 0]);
    for (text, message) in [
        (
            SERVICE.replace("name: web", "generateName: web-"),
            "what this Service is called is unknown: it has a `generateName` alone",
        ),
        (
            POLICY.replace("name: p", "generateName: 'P '"),
            "`P ` begins no name that Kubernetes takes",
        ),
        (
            POLICY.replace("name: p", "generateName: 5"),
            "this AuthorizationPolicy has no `metadata.name`",
        ),
    ] {
        let found = said(&text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains(" invalid-name: ") && found[0].ends_with(message),
            "{found:?}"
        );
    }
    // A pod of the cluster has both.
    let (mesh, _) = mesh_of(&[(
        "a.yaml",
        &object("Pod", "metadata: {name: o, generateName: x-}"),
    )]);
    assert_eq!(mesh.workloads[0].name, "o");
}

/// What an API server takes is read without a word.
#[test]
fn objects_that_are_odd_and_right() {
    for (kind, part) in [
        (
            "Service",
            "spec: {ports: [{port: 80.0, targetPort: http}], selector: null, clusterIP: None}",
        ),
        ("ServiceEntry", "spec: {addresses: [1.2.3.4, 2001:db8::]}"),
        // Kubernetes' defaults stand for these.
        (
            "Service",
            "spec: {ports: [{port: 80, targetPort: 0, protocol: ''}, {name: b, port: 81, targetPort: ''}]}",
        ),
        // YAML 1.1, which kubectl reads.
        ("Service", "spec: {ports: [{port: 8_080}]}"),
        ("Pod", "spec: {hostNetwork: yes}"),
        ("Pod", "spec: {hostNetwork: off}"),
        ("Service", "spec: null"),
        ("Service", "status: {}"),
        (
            "Service",
            "spec: {type: ExternalName, externalName: a.b, ports: []}",
        ),
        (
            "Pod",
            "spec: {containers: [{name: a, ports: [{containerPort: 8080, hostPort: 80}], env: [{name: A, valueFrom: {}}]}]}",
        ),
        (
            "Namespace",
            "metadata: {name: o, labels: {a: null, b: ''}, managedFields: [{manager: kubectl}], ownerReferences: []}",
        ),
        (
            "PeerAuthentication",
            "spec: {portLevelMtls: {8080: {mode: DISABLE}, '9090': {}}}",
        ),
        (
            "Gateway",
            "spec: {gatewayClassName: istio-waypoint, listeners: [{name: mesh, hostname: a, port: 15008, protocol: HBONE}], addresses: []}",
        ),
        (
            "ServiceEntry",
            "spec: {hosts: [a.b], addresses: [10.0.0.0/8], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}",
        ),
        ("List", "items: null"),
        ("AuthorizationPolicy", "spec: {rules: []}, status: {}"),
    ] {
        assert_eq!(said(&object(kind, part)), [""; 0], "{part}");
    }
    for other in [
        "{apiVersion: networking.istio.io/v1, kind: VirtualService, spec: 5}",
        "{apiVersion: policy.linkerd.io/v1alpha1, kind: AuthorizationPolicy, spec: {targetRef: {}}}",
        "{apiVersion: serving.knative.dev/v1, kind: Service}",
        "{apiVersion: example.com/v1, kind: AllowList, items: {a: 1}}",
    ] {
        assert_eq!(said(other), [""; 0], "{other}");
    }
}

const SERVICE: &str = "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {ports: [{port: 80}]}}";
const POLICY: &str = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: p, namespace: shop}, spec: {rules: [{}]}}";

#[test]
fn objects_that_are_given_twice() {
    for one in [SERVICE, POLICY] {
        assert_eq!(said(&format!("{one}\n---\n{one}\n")), [""; 0]);
    }
    let other = SERVICE.replace("80", "81");
    let text = format!("{SERVICE}\n---\n{other}\n");
    let found = said(&text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("3:1 object-given-twice: "),
        "{found:?}"
    );
    let (mesh, _) = mesh_of(&[("a.yaml", SERVICE), ("b.yaml", &other)]);
    assert_eq!(ports(&mesh), [[81]]);

    let deny = POLICY.replace("rules", "action: DENY, rules");
    let (mesh, diagnostics) = mesh_of(&[("a.yaml", POLICY), ("b.yaml", &deny)]);
    assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
    assert_eq!(diagnostics[0].code, "same-name");
    assert_eq!(mesh.policies.len(), 1);
    assert_eq!(mesh.policies[0].action.name(), "DENY");
}

/// What files say is meant to be applied.
#[test]
fn objects_in_files_and_in_the_cluster() {
    let other = SERVICE.replace("80", "81");
    for order in [
        [("<cluster>", SERVICE), ("a.yaml", other.as_str())],
        [("a.yaml", other.as_str()), ("<cluster>", SERVICE)],
    ] {
        let (mesh, diagnostics) = mesh_of(&order);
        assert_eq!(diagnostics, []);
        assert_eq!(ports(&mesh), [[81]]);
        assert!(
            mesh.assumptions
                .iter()
                .any(|one| one.contains("what files say"))
        );
    }
    let live = SERVICE.replace("spec: {", "spec: {clusterIP: 10.0.0.1, ");
    for order in [
        [("<cluster>", live.as_str()), ("a.yaml", SERVICE)],
        [("a.yaml", SERVICE), ("<cluster>", live.as_str())],
    ] {
        let (mesh, diagnostics) = mesh_of(&order);
        assert_eq!(diagnostics, []);
        assert_eq!(mesh.services.len(), 1);
        assert_eq!(mesh.services[0].ips.len(), 1);
        assert_eq!(mesh.assumptions, [""; 0]);
    }
}

fn mesh_of(files: &[(&str, &str)]) -> (Mesh, Vec<Diagnostic>) {
    let sources = files.iter().map(|(file, text)| Source::new(file, text));
    read_mesh(&MeshInput {
        manifests: sources.collect(),
        ..MeshInput::default()
    })
}

fn ports(mesh: &Mesh) -> Vec<Vec<u16>> {
    let ports = mesh.services.iter().map(|one| {
        let ports = one.ports.iter().flatten();
        ports.map(|port| port.port).collect()
    });
    ports.collect()
}

#[test]
fn values_of_mesh_config() {
    let config = |text: &str| {
        format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: istio, namespace: istio-system}}, data: {{mesh: '{text}'}}}}"
        )
    };
    for (text, part) in [
        ("rootNamespace: 5", "`rootNamespace` of this MeshConfig"),
        ("rootNamespace: Mesh", "`rootNamespace` of this MeshConfig"),
        ("trustDomain: a/b", "`trustDomain` of this MeshConfig"),
        (
            "trustDomainAliases: x",
            "`trustDomainAliases` of this MeshConfig",
        ),
        (
            "pathNormalization: {normalization: base}",
            "`pathNormalization` of this MeshConfig",
        ),
        (
            "pathNormalization: BASE",
            "`pathNormalization` of this MeshConfig",
        ),
        (
            "rootNamespce: a",
            "MeshConfig has no `rootNamespce`: `rootNamespace` may be meant",
        ),
        ("[1]", "this MeshConfig cannot be read"),
        ("{", "this MeshConfig cannot be read"),
    ] {
        let found = said(&config(text));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].contains(part), "{found:?}");
    }
    for text in [
        "",
        "rootNamespace: a\ntrustDomain: null\naccessLogFile: /dev/stdout\npathNormalization: {}",
        "pathNormalization: {normalization: DEFAULT}",
        "rootNamespace: \"\"\ntrustDomain: example.com:project.svc.id.goog",
    ] {
        assert_eq!(
            said(&config(&text.replace('\n', "\n\n"))),
            [""; 0],
            "{text}"
        );
    }
}

#[test]
fn mesh_configs_that_differ() {
    let config = |name: &str, text: &str| {
        format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, namespace: istio-system}}, data: {{mesh: '{text}'}}}}\n---\n"
        )
    };
    let one = config("istio", "trustDomain: a");
    for (other, told) in [
        (
            config("istio", "trustDomain: b"),
            "`istio-system/istio` and `istio-system/istio` hold MeshConfigs that differ: the last one counts",
        ),
        (
            config("istio-canary", "trustDomain: b"),
            "`istio-system/istio` and `istio-system/istio-canary` hold MeshConfigs that differ: the last one counts",
        ),
        (config("istio-canary", "trustDomain: a"), ""),
        (config("istio-sidecar-injector", ""), ""),
        (one.clone(), ""),
    ] {
        let other = other.replace("{mesh: ''}", "{values: ''}");
        let found = said(&format!("{one}{other}"));
        let expected: Vec<String> = [told]
            .into_iter()
            .filter(|one| !one.is_empty())
            .map(|one| format!("3:1 object-given-twice: {one}"))
            .collect();
        assert_eq!(found, expected, "{other}");
    }
}

/// Which of its addresses a client connects to, a block does not tell.
#[test]
fn blocks_of_addresses() {
    let entry =
        |addresses: &str| object("ServiceEntry", &format!("spec: {{addresses: {addresses}}}"));
    for (addresses, many) in [("[10.0.0.1]", 1), ("[10.0.0.1, 10.1.0.0/16]", 0)] {
        let (mesh, _) = mesh_of(&[("m.yaml", &entry(addresses))]);
        assert_eq!(mesh.services[0].ips.len(), many, "{addresses}");
    }
}

/// `kubectl create` takes them, and each time they are another object.
#[test]
fn pods_whose_names_the_api_server_makes_up() {
    let pod = |metadata: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{{metadata}, namespace: shop, labels: {{app: a}}}}, spec: {{}}}}"
        )
    };
    let job = "{apiVersion: batch/v1, kind: Job, metadata: {generateName: run-, namespace: shop}, spec: {template: {metadata: {labels: {app: b}}}}}";
    let text = [
        &pod("generateName: once-"),
        &pod("generateName: once-"),
        job,
    ]
    .map(|one| one.to_string())
    .join("\n---\n");
    let (mesh, diagnostics) = mesh_of(&[("a.yaml", &text)]);
    assert_eq!(diagnostics, []);
    let names: Vec<&str> = mesh.workloads.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["once", "once", "run"]);
    assert!(mesh.workloads[0].is_named("once-x7k2p"));
    for wrong in [
        "generateName: One-",
        "generateName: ''",
        "generateName: 5",
        "name: null",
    ] {
        let found = said(&pod(wrong));
        assert_eq!(found.len(), 1, "{wrong}: {found:?}");
        assert!(found[0].contains("invalid-name"), "{wrong}: {found:?}");
    }
}
