//! A mesh from Kubernetes objects, as manifests or as `kubectl get -o yaml` prints them.

use super::routers::{Routers, is_router};
use super::settings::{MOST_ALIASES, PathNormalization, strings};
use super::{
    AllowedRoutes, DataPlane, Gateway, Labels, Mesh, MutualTls, Namespace, PeerAuthentication,
    Protocol, Readiness, Routed, Service, ServicePort, TargetPort, WaypointFor, Workload, label,
};
use crate::compile::Source;
use crate::diagnostic::{Diagnostic, clip, code};
use crate::istio::policy::{parse_bool, read_policy};
use crate::names::{is_dns_label, is_dns_subdomain};
use crate::text::{Document, Node, Position, Value, decode_utf8, parse_any};
use std::net::IpAddr;
use std::sync::Arc;

/// The label that names the Gateway whose instance a pod is.
pub const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
/// The kinds that are read, with their groups.
const READ: [(&str, &str); 15] = [
    ("", "Namespace"),
    ("", "Pod"),
    ("", "Service"),
    ("", "ServiceAccount"),
    ("", "ConfigMap"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("apps", "ReplicaSet"),
    ("batch", "Job"),
    ("batch", "CronJob"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("networking.istio.io", "ServiceEntry"),
    ("security.istio.io", "AuthorizationPolicy"),
    ("security.istio.io", "PeerAuthentication"),
];
/// How deeply Lists may hold Lists.
const MAX_LISTS: usize = 4;

/// Reads manifests into a mesh: any number of objects, Lists among them. Objects of other kinds are
/// passed by.
pub fn read_manifests(mesh: &mut Mesh, sources: &[Source<'_>], diagnostics: &mut Vec<Diagnostic>) {
    let mut reader = Reader {
        mesh,
        diagnostics,
        file: "".into(),
        classes: Vec::new(),
        unlabelled: Vec::new(),
        routers: Routers::default(),
        unplaced: false,
    };
    for source in sources {
        reader.file = source.file.into();
        match decode_utf8(source.bytes).and_then(parse_any) {
            Ok(documents) => {
                for document in &documents {
                    reader.duplicates(document);
                    reader.document(&document.root, MAX_LISTS);
                }
                if documents.iter().all(|document| document.root.is_null()) {
                    let note = Diagnostic::note(code::NOTHING_TO_READ, "this file holds no object");
                    let at = Position::new(1, 1);
                    reader.diagnostics.push(note.at(source.file, at));
                }
            }
            Err(error) => reader
                .diagnostics
                .push(Diagnostic::unreadable(source.file, &error)),
        }
    }
    reader.apply_classes();
    reader.routers.apply(reader.mesh);
    if reader.unplaced {
        let text = "what names no namespace is in `default`";
        reader.mesh.assumptions.push(text.into());
    }
}

struct Reader<'m, 'd> {
    mesh: &'m mut Mesh,
    diagnostics: &'d mut Vec<Diagnostic>,
    file: Arc<str>,
    /// What GatewayClasses say their waypoints are for.
    classes: Vec<(String, WaypointFor)>,
    /// Gateways that do not say so themselves.
    unlabelled: Vec<usize>,
    /// Gateways of Istio's own API.
    routers: Routers,
    /// Something names no namespace.
    unplaced: bool,
}

impl Reader<'_, '_> {
    fn document(&mut self, root: &Node<'_>, lists: usize) {
        if root.is_null() {
            return;
        }
        let text = |key: &str| root.get(key).and_then(Node::as_str);
        let Some(kind) = text("kind") else {
            self.diagnostics.push(
                Diagnostic::error(
                    code::WRONG_SHAPE,
                    "this is no Kubernetes object: it has no `kind`",
                )
                .at(&self.file, root.at)
                .help("give manifests, or what `kubectl get -o yaml` prints")
                .bad_input(),
            );
            return;
        };
        let version = text("apiVersion").unwrap_or_default();
        if let Some(items) = root.get("items").and_then(Node::as_array)
            && let Some(listed) = kind.strip_suffix("List")
        {
            if lists == 0 {
                self.diagnostics.push(
                    Diagnostic::error(
                        code::WRONG_SHAPE,
                        format!("lists stand within lists more than {MAX_LISTS} deep"),
                    )
                    .at(&self.file, root.at)
                    .help("write the objects of the inner list as documents of their own")
                    .bad_input(),
                );
                return;
            }
            for item in items {
                // What an API server itself answers (a `PodList`) says of no item what it is.
                if listed.is_empty() || item.get("kind").is_some() {
                    self.document(item, lists - 1);
                } else {
                    self.object(item, version, listed);
                }
            }
            return;
        }
        self.object(root, version, kind);
    }

    fn object(&mut self, root: &Node<'_>, version: &str, kind: &str) {
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let known = READ.iter().find(|(_, one)| *one == kind);
        if let Some((known, _)) = known
            && group.is_empty()
            && (version.is_empty() || !known.is_empty() && !READ.contains(&("", kind)))
        {
            self.of_no_api(root, version, known, kind);
            return;
        }
        if READ.contains(&(group, kind)) {
            if !self.is_named(root, kind) {
                return;
            }
            self.unplaced |= kind != "Namespace" && text_at(root, "namespace").is_none();
        }
        match (group, kind) {
            ("", "Namespace") => self.mesh.namespaces.push(Namespace {
                name: name(root),
                labels: labels(root.get("metadata").and_then(|node| node.get("labels"))),
            }),
            ("", "Pod") => self.pod(root),
            ("", "Service") => self.service(root),
            ("", "ServiceAccount") => {
                let (namespace, name) = (namespace(root), name(root));
                self.mesh.service_accounts.push((namespace, name));
            }
            ("", "ConfigMap") => self.mesh_config(root),
            ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
            | ("batch", "Job") => self.owner(root, root.get("spec")),
            ("batch", "CronJob") => self.owner(
                root,
                root.get("spec")
                    .and_then(|spec| spec.get("jobTemplate"))
                    .and_then(|job| job.get("spec")),
            ),
            ("gateway.networking.k8s.io", "Gateway") => self.gateway(root),
            ("gateway.networking.k8s.io", "GatewayClass") => {
                let labels = labels(root.get("metadata").and_then(|node| node.get("labels")));
                if let Some(text) = label(&labels, "istio.io/waypoint-for") {
                    self.classes.push((name(root), waypoint_for(text)));
                }
            }
            ("networking.istio.io", "ServiceEntry") => self.service_entry(root),
            ("networking.istio.io", "Gateway") => self.routers.read(root),
            // Others that own pods, by a template of the same form.
            ("", "ReplicationController")
            | ("apps.openshift.io", "DeploymentConfig")
            | ("argoproj.io", "Rollout")
            | ("apps.kruise.io", "CloneSet" | "StatefulSet" | "DaemonSet") => {
                self.owner(root, root.get("spec"));
            }
            ("security.istio.io", "AuthorizationPolicy") => {
                let policy = read_policy(&self.file, root, "default");
                self.mesh.policies.push(policy);
            }
            ("security.istio.io", "PeerAuthentication") => self.peer_authentication(root),
            _ => {}
        }
    }

    /// No API server takes it, and nobody is helped when it is passed by without a word.
    #[inline(never)]
    fn of_no_api(&mut self, root: &Node<'_>, version: &str, group: &str, kind: &str) {
        let text = if version.is_empty() {
            format!("this {kind} has no `apiVersion`")
        } else {
            format!("`{}` has no {kind}", clip(version))
        };
        let slash = if group.is_empty() { "" } else { "/" };
        let error = Diagnostic::error(code::WRONG_SHAPE, text).at(&self.file, root.at);
        let help = format!("write `apiVersion: {group}{slash}v1`; the object is left out");
        self.diagnostics.push(error.help(help));
    }

    fn duplicates(&mut self, document: &Document<'_>) {
        for (at, key) in &document.duplicates {
            let text = format!("the key `{}` stands twice; the last one counts", clip(key));
            let warning = Diagnostic::warning(code::DUPLICATE_KEY, text);
            self.diagnostics.push(warning.at(&self.file, *at));
        }
    }

    /// What the API server would not take is in no mesh, and its name must not be taken for another.
    fn is_named(&mut self, root: &Node<'_>, kind: &str) -> bool {
        let metadata = root.get("metadata");
        let named =
            |key: &str, check: fn(&str) -> bool| match metadata.and_then(|node| node.get(key)) {
                Some(node) if !node.is_null() => match node.as_str() {
                    Some(text) if check(text) => Ok(()),
                    Some(text) => Err((
                        node.at,
                        format!("`{}` is no name that Kubernetes takes", clip(text)),
                    )),
                    None => Err((
                        node.at,
                        format!("`metadata.{key}` must be a name, not {}", node.kind()),
                    )),
                },
                _ if key == "namespace" => Ok(()),
                _ => Err((root.at, format!("this {kind} has no `metadata.name`"))),
            };
        let name: fn(&str) -> bool = if kind == "Namespace" {
            is_dns_label
        } else {
            is_dns_subdomain
        };
        let checked = named("name", name).and_then(|()| named("namespace", is_dns_label));
        let Err((at, text)) = checked else {
            return true;
        };
        let error = Diagnostic::error(code::INVALID_NAME, text).at(&self.file, at);
        self.diagnostics.push(
            error.help("names have lower-case letters, digits and hyphens; the object is left out"),
        );
        false
    }

    fn pod(&mut self, root: &Node<'_>) {
        let spec = root.get("spec");
        let mut workload = workload(root, root, spec, false);
        let status = root.get("status");
        {
            let ips = status.and_then(|status| status.get("podIPs"));
            for ip in ips.and_then(Node::as_array).unwrap_or_default() {
                workload.ips.extend(address(ip.get("ip")));
            }
        }
        if workload.ips.is_empty() {
            workload
                .ips
                .extend(address(status.and_then(|status| status.get("podIP"))));
        }
        // A pod that has ended takes no requests.
        let phase = status.and_then(|status| status.get("phase"));
        if !matches!(phase.and_then(Node::as_str), Some("Succeeded" | "Failed")) {
            self.mesh.workloads.push(workload);
        }
    }

    fn owner(&mut self, root: &Node<'_>, spec: Option<&Node<'_>>) {
        let metadata = root.get("metadata");
        let owned = metadata.and_then(|metadata| metadata.get("ownerReferences"));
        let Some(template) = spec.and_then(|spec| spec.get("template")) else {
            return;
        };
        let pod = template.get("spec");
        self.istiod(root, pod);
        // The owner's owner stands for the same pods.
        if owned.and_then(Node::as_array).is_none_or(<[_]>::is_empty) {
            let workload = workload(root, template, pod, true);
            self.mesh.workloads.push(workload);
        }
    }

    /// istiod's environment decides whether waypoints are allowed by themselves.
    fn istiod(&mut self, root: &Node<'_>, pod: Option<&Node<'_>>) {
        if !name(root).starts_with("istiod") {
            return;
        }
        let containers = pod.and_then(|pod| pod.get("containers"));
        for container in containers.and_then(Node::as_array).unwrap_or_default() {
            let env = container.get("env").and_then(Node::as_array);
            for variable in env.unwrap_or_default() {
                let name = variable.get("name").and_then(Node::as_str);
                let value = variable.get("value").and_then(Node::as_str);
                if name == Some("PILOT_AUTO_ALLOW_WAYPOINT_POLICY")
                    && let Some(on) = value.and_then(parse_bool)
                {
                    self.mesh.settings.auto_allow_waypoint = on;
                    self.mesh.settings.give("autoAllowWaypoint");
                }
            }
        }
    }

    /// MeshConfig is text in a ConfigMap.
    fn mesh_config(&mut self, root: &Node<'_>) {
        if !name(root).starts_with("istio") {
            return;
        }
        let Some(text) = root
            .get("data")
            .and_then(|data| data.get("mesh"))
            .and_then(Node::as_str)
        else {
            return;
        };
        let Ok(documents) = parse_any(text) else {
            self.diagnostics.push(
                Diagnostic::warning(code::WRONG_SHAPE, "this MeshConfig cannot be read")
                    .at(&self.file, root.at)
                    .help("Istio's defaults are assumed instead; correct `data.mesh`"),
            );
            return;
        };
        let settings = &mut self.mesh.settings;
        let config = documents.first().map(|document| &document.root);
        let get = |key: &str| config.and_then(|config| config.get(key));
        settings.root_namespace = match get("rootNamespace").and_then(Node::as_str) {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => namespace(root),
        };
        settings.give("rootNamespace");
        if let Some(domain) = get("trustDomain").and_then(Node::as_str)
            && !domain.is_empty()
        {
            settings.trust_domain = domain.to_owned();
        }
        settings.give("trustDomain");
        if let Some(aliases) = get("trustDomainAliases").and_then(strings) {
            if aliases.len() > MOST_ALIASES {
                self.diagnostics.push(
                    Diagnostic::error(
                        code::WRONG_SHAPE,
                        format!(
                            "this MeshConfig has {} aliases of its trust domain",
                            aliases.len()
                        ),
                    )
                    .at(&self.file, root.at)
                    .help("give a MeshConfig with 1,000 `trustDomainAliases` at most")
                    .bad_input(),
                );
                return;
            }
            settings.trust_domain_aliases = aliases;
        }
        settings.give("trustDomainAliases");
        let mode = get("pathNormalization")
            .and_then(|node| node.get("normalization"))
            .and_then(Node::as_str);
        if let Some(mode) = mode.and_then(PathNormalization::by_name) {
            settings.path_normalization = mode;
        }
        settings.give("pathNormalization");
    }

    fn service(&mut self, root: &Node<'_>) {
        let spec = root.get("spec");
        let get = |key: &str| spec.and_then(|spec| spec.get(key));
        let mut service = Service {
            namespace: namespace(root),
            name: name(root),
            labels: labels(root.get("metadata").and_then(|node| node.get("labels"))),
            selector: get("selector")
                .map(|node| labels(Some(node)))
                .filter(|labels| !labels.is_empty()),
            ports: Some(Vec::new()),
            headless: get("clusterIP").and_then(Node::as_str) == Some("None"),
            ips: Vec::new(),
            entry: false,
        };
        let one = std::iter::once(get("clusterIP")).flatten();
        let all = get("clusterIPs").and_then(Node::as_array);
        for ip in all.unwrap_or_default().iter().chain(one) {
            if let Some(ip) = address(Some(ip))
                && !service.ips.contains(&ip)
            {
                service.ips.push(ip);
            }
        }
        let mut ports = Vec::new();
        for node in get("ports").and_then(Node::as_array).unwrap_or_default() {
            let Some(port) = port_number(node.get("port")) else {
                continue;
            };
            let text = |key: &str| node.get(key).and_then(Node::as_str);
            let target = match node.get("targetPort").map(|node| &node.value) {
                Some(Value::Int(_)) => {
                    TargetPort::Number(port_number(node.get("targetPort")).unwrap_or(port))
                }
                Some(Value::String(text)) => match text.parse() {
                    Ok(number) => TargetPort::Number(number),
                    Err(_) => TargetPort::Name(text.to_string()),
                },
                _ => TargetPort::Number(port),
            };
            ports.push(ServicePort {
                port,
                target,
                protocol: protocol(port, text("name"), text("protocol"), text("appProtocol")),
            });
        }
        service.ports = Some(ports);
        self.mesh.services.push(service);
    }

    fn service_entry(&mut self, root: &Node<'_>) {
        let spec = root.get("spec");
        let get = |key: &str| spec.and_then(|spec| spec.get(key));
        let mut ports = Vec::new();
        for node in get("ports").and_then(Node::as_array).unwrap_or_default() {
            let Some(port) = port_number(node.get("number")) else {
                continue;
            };
            let protocol_name = node.get("protocol").and_then(Node::as_str);
            ports.push(ServicePort {
                port,
                target: TargetPort::Number(port_number(node.get("targetPort")).unwrap_or(port)),
                protocol: protocol(port, protocol_name, protocol_name, None),
            });
        }
        let addresses = get("addresses").and_then(Node::as_array);
        self.mesh.services.push(Service {
            namespace: namespace(root),
            name: name(root),
            labels: labels(root.get("metadata").and_then(|node| node.get("labels"))),
            selector: get("workloadSelector").map(|node| labels(node.get("labels"))),
            ports: Some(ports),
            headless: false,
            ips: addresses
                .unwrap_or_default()
                .iter()
                .filter_map(|node| address(Some(node)))
                .collect(),
            entry: true,
        });
    }

    fn gateway(&mut self, root: &Node<'_>) {
        let metadata = root.get("metadata");
        let labels = labels(metadata.and_then(|node| node.get("labels")));
        let spec = root.get("spec");
        let written = label(&labels, "istio.io/waypoint-for");
        if written.is_none() {
            self.unlabelled.push(self.mesh.gateways.len());
        }
        let addresses = root
            .get("status")
            .and_then(|status| status.get("addresses"));
        // Objects that come from a cluster have these; there, no address means not ready.
        let live = root.get("status").is_some()
            || metadata.is_some_and(|node| {
                ["uid", "resourceVersion", "creationTimestamp"]
                    .iter()
                    .any(|key| node.get(key).is_some())
            });
        let listeners = spec.and_then(|spec| spec.get("listeners"));
        let is_http = |listener: &Node<'_>| {
            let protocol = listener.get("protocol").and_then(Node::as_str);
            matches!(protocol, Some("HTTP" | "HTTPS"))
        };
        let listeners = listeners.and_then(Node::as_array).unwrap_or_default();
        self.mesh.gateways.push(Gateway {
            opaque: !listeners.iter().all(is_http),
            namespace: namespace(root),
            name: name(root),
            class: spec
                .and_then(|spec| spec.get("gatewayClassName"))
                .and_then(Node::as_str)
                .unwrap_or_default()
                .to_owned(),
            waypoint_for: written.map(waypoint_for).unwrap_or_default(),
            allowed: allowed_routes(spec),
            ready: match addresses.and_then(Node::as_array) {
                Some(list) if !list.is_empty() => Readiness::Ready,
                _ if live => Readiness::NotReady,
                _ => Readiness::Unknown,
            },
            service_accounts: Vec::new(),
        });
    }

    fn apply_classes(&mut self) {
        for at in &self.unlabelled {
            if let Some(gateway) = self.mesh.gateways.get_mut(*at)
                && let Some((_, what)) =
                    self.classes.iter().find(|(name, _)| *name == gateway.class)
            {
                gateway.waypoint_for = *what;
            }
        }
    }

    fn peer_authentication(&mut self, root: &Node<'_>) {
        let spec = root.get("spec");
        let get = |key: &str| spec.and_then(|spec| spec.get(key));
        let mode = |node: Option<&Node<'_>>| match node
            .and_then(|node| node.get("mode"))
            .and_then(Node::as_str)
        {
            Some("STRICT") => MutualTls::Strict,
            Some("PERMISSIVE") => MutualTls::Permissive,
            Some("DISABLE") => MutualTls::Disable,
            _ => MutualTls::Unset,
        };
        let ports = get("portLevelMtls").and_then(Node::as_object);
        let created = root
            .get("metadata")
            .and_then(|node| node.get("creationTimestamp"))
            .and_then(Node::as_str);
        self.mesh.peer_authentications.push(PeerAuthentication {
            file: Arc::clone(&self.file),
            at: root.at,
            namespace: namespace(root),
            name: name(root),
            created: created.unwrap_or_default().to_owned(),
            selector: get("selector")
                .map(|node| labels(node.get("matchLabels")))
                .filter(|labels| !labels.is_empty()),
            mode: mode(get("mtls")),
            ports: ports
                .into_iter()
                .flat_map(|object| object.iter())
                .filter_map(|member| Some((member.key.parse().ok()?, mode(Some(&member.value)))))
                .collect(),
        });
    }
}

fn name(root: &Node<'_>) -> String {
    text_at(root, "name").unwrap_or_default().to_owned()
}

fn namespace(root: &Node<'_>) -> String {
    text_at(root, "namespace").unwrap_or("default").to_owned()
}

fn text_at<'n>(root: &'n Node<'_>, key: &str) -> Option<&'n str> {
    root.get("metadata")
        .and_then(|metadata| metadata.get(key))
        .and_then(Node::as_str)
        .filter(|text| !text.is_empty())
}

/// Labels, or anything else that maps names to text.
#[inline(never)]
pub(super) fn labels(node: Option<&Node<'_>>) -> Labels {
    let object = node.and_then(Node::as_object);
    object
        .into_iter()
        .flat_map(|object| object.iter())
        .filter_map(|member| {
            let text = member.value.scalar_text()?;
            Some((member.key.to_string(), text.into_owned()))
        })
        .collect()
}

#[inline(never)]
fn address(node: Option<&Node<'_>>) -> Option<IpAddr> {
    node?.as_str()?.parse().ok()
}

#[inline(never)]
fn port_number(node: Option<&Node<'_>>) -> Option<u16> {
    match node?.value {
        Value::Int(number) => u16::try_from(number).ok(),
        _ => None,
    }
}

/// A pod (`root` is `described`), or an owner and its template.
#[inline(never)]
fn workload(
    root: &Node<'_>,
    described: &Node<'_>,
    spec: Option<&Node<'_>>,
    template: bool,
) -> Workload {
    let metadata = described.get("metadata");
    let annotations = labels(metadata.and_then(|node| node.get("annotations")));
    let get = |key: &str| spec.and_then(|spec| spec.get(key));
    let containers = || {
        ["containers", "initContainers"]
            .into_iter()
            .filter_map(get)
            .flat_map(|list| list.as_array().unwrap_or_default())
    };
    let mut ports = Vec::new();
    for port in containers().flat_map(|container| {
        let ports = container.get("ports").and_then(Node::as_array);
        ports.unwrap_or_default()
    }) {
        if let (Some(name), Some(number)) = (
            port.get("name").and_then(Node::as_str),
            port_number(port.get("containerPort")),
        ) {
            ports.push((name.to_owned(), number));
        }
    }
    let has_proxy = containers()
        .any(|container| container.get("name").and_then(Node::as_str) == Some("istio-proxy"));
    let is_gateway = metadata
        .and_then(|node| node.get("labels"))
        .is_some_and(|labels| labels.get(GATEWAY_NAME).is_some());
    let data_plane = if label(&annotations, "ambient.istio.io/redirection") == Some("enabled") {
        Some(DataPlane::Ambient)
    } else if (has_proxy || label(&annotations, "sidecar.istio.io/status").is_some()) && !is_gateway
    {
        Some(DataPlane::Sidecar)
    } else if get("hostNetwork").and_then(Node::as_bool) == Some(true) {
        // Pods on the node's own network cannot be redirected.
        Some(DataPlane::None)
    } else {
        None
    };
    let account = get("serviceAccountName").or(get("serviceAccount"));
    Workload {
        namespace: namespace(root),
        name: name(root),
        template,
        labels: labels(metadata.and_then(|node| node.get("labels"))),
        service_account: account
            .and_then(Node::as_str)
            .unwrap_or("default")
            .to_owned(),
        ips: Vec::new(),
        ports,
        data_plane,
        routed: is_router(&annotations, containers()).then_some(Routed::Opaque),
    }
}

fn waypoint_for(text: &str) -> WaypointFor {
    match text {
        "service" => WaypointFor::Service,
        "workload" => WaypointFor::Workload,
        "all" => WaypointFor::All,
        _ => WaypointFor::None,
    }
}

/// `allowedRoutes` of the HBONE listener; without one, only the Gateway's own namespace.
fn allowed_routes(spec: Option<&Node<'_>>) -> AllowedRoutes {
    let listeners = spec.and_then(|spec| spec.get("listeners"));
    let listener = listeners
        .and_then(Node::as_array)
        .unwrap_or_default()
        .iter()
        .find(|listener| {
            listener.get("protocol").and_then(Node::as_str) == Some("HBONE")
                && port_number(listener.get("port")) == Some(15008)
        });
    let namespaces = listener
        .and_then(|listener| listener.get("allowedRoutes"))
        .and_then(|routes| routes.get("namespaces"));
    match namespaces
        .and_then(|node| node.get("from"))
        .and_then(Node::as_str)
    {
        Some("All") => AllowedRoutes::All,
        Some("Selector") => {
            let selector = namespaces.and_then(|node| node.get("selector"));
            let expressions = selector.and_then(|node| node.get("matchExpressions"));
            if expressions
                .and_then(Node::as_array)
                .is_some_and(|list| !list.is_empty())
            {
                return AllowedRoutes::Expressions;
            }
            AllowedRoutes::Selector(labels(selector.and_then(|node| node.get("matchLabels"))))
        }
        _ => AllowedRoutes::Same,
    }
}

/// What a Service's port speaks: `appProtocol`, else the port name's first word; a few well-known
/// ports are TCP. Source: istio.io/istio `pkg/config/kube/conversion.go`.
fn protocol(port: u16, name: Option<&str>, transport: Option<&str>, app: Option<&str>) -> Protocol {
    if transport.is_some_and(|transport| transport.eq_ignore_ascii_case("udp")) {
        return Protocol::Udp;
    }
    match app {
        Some("kubernetes.io/h2c" | "kubernetes.io/ws") => return Protocol::Http,
        Some("kubernetes.io/wss") => return Protocol::Tcp,
        _ => {}
    }
    let text = app.or(name).unwrap_or_default().to_ascii_lowercase();
    let word = text.split('-').next().unwrap_or_default();
    match word {
        "http" | "http2" | "grpc" | "http_proxy" => Protocol::Http,
        "tcp" | "https" | "tls" | "mongo" | "redis" | "mysql" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ if matches!(port, 25 | 53 | 3306 | 27017) => Protocol::Tcp,
        _ => Protocol::Sniffed,
    }
}
