//! A mesh from Kubernetes objects, as manifests or as `kubectl get -o yaml` prints them.

use super::kinds::{self, Judged};
use super::repeated::{Counts, Seen};
use super::workloads::workload;
use super::{Labels, Mesh, MutualTls, Namespace, PeerAuthentication, WaypointFor, label};
use super::{gateways, mesh_config, services, shape};
use crate::compile::Source;
use crate::diagnostic::{Diagnostic, clip, code, repeated_keys};
use crate::istio::policy::{parse_bool, read_policy};
use crate::juju::kinds::misplaced;
use crate::names::{is_dns_label, is_dns_subdomain};
use crate::text::{Node, Position, decode_utf8, parse_any};
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

/// The label that names the Gateway whose instance a pod is.
pub const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
const NAMES: &str = "names have lower-case letters, digits and hyphens; the object is left out";
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
        seen: Seen::default(),
        unplaced: false,
        words: Vec::new(),
        mesh_config: None,
    };
    for source in sources {
        reader.file = source.file.into();
        match decode_utf8(source.bytes).and_then(parse_any) {
            Ok(mut documents) => {
                for document in &mut documents {
                    repeated_keys(source.file, document, reader.diagnostics);
                    reader.words = std::mem::take(&mut document.words);
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
    let (seen, unplaced) = (reader.seen, reader.unplaced);
    seen.conclude(mesh);
    if unplaced {
        let text = "what names no namespace is in `default`";
        mesh.assumptions.push(text.into());
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
    seen: Seen,
    /// Something names no namespace.
    unplaced: bool,
    /// Where booleans of kubectl's stand in the document.
    words: Vec<Position>,
    /// The last MeshConfig.
    mesh_config: Option<(String, mesh_config::Said)>,
}

impl Reader<'_, '_> {
    fn document(&mut self, root: &Node<'_>, lists: usize) {
        if root.is_null() {
            return;
        }
        let text = |key: &str| root.get(key).and_then(Node::as_str);
        let Some(kind) = text("kind") else {
            let (text, help) = misplaced(root, "a Kubernetes object").unwrap_or_else(|| {
                let text = "this is no Kubernetes object: it has no `kind`".to_owned();
                (text, "give manifests, or what `kubectl get -o yaml` prints")
            });
            self.refuse(root.at, text, help);
            return;
        };
        let version = text("apiVersion");
        let items = root.get("items").filter(|node| !node.is_null());
        if kind == "List"
            && let Some(node) = items.filter(|node| node.as_array().is_none())
        {
            let text = format!("`items` must be a list, not {}", node.kind());
            self.refuse(
                node.at,
                text,
                "write the objects as `- …`, one after the other",
            );
            return;
        }
        if let Some(items) = items.and_then(Node::as_array)
            && let Some(listed) = kind.strip_suffix("List")
        {
            if lists == 0 {
                let text = format!("lists stand within lists more than {MAX_LISTS} deep");
                let help = "write the objects of the inner list as documents of their own";
                self.refuse(root.at, text, help);
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

    fn refuse(&mut self, at: Position, text: String, help: &str) {
        let error = Diagnostic::error(code::WRONG_SHAPE, text).at(&self.file, at);
        self.diagnostics.push(error.help(help).bad_input());
    }

    fn object(&mut self, root: &Node<'_>, version: Option<&str>, kind: &str) {
        let (group, _) = kinds::split(version.unwrap_or_default());
        match kinds::judge(version, kind) {
            Judged::Read if self.is_named(root, kind) && self.is_shaped(root, group, kind) => {}
            Judged::Read | Judged::Other => return,
            Judged::Unknown(text, help) => return self.refuse(root.at, text, &help),
        }
        let is_placed = matches!(kind, "Namespace" | "GatewayClass");
        self.unplaced |= !is_placed && text_at(root, "namespace").is_none();
        let before = Counts::of(self.mesh);
        self.take(root, group, kind);
        if !has_name(root) {
            // Each is another one.
            return;
        }
        let id = match kind {
            "Namespace" => name(root),
            _ => format!("{}/{}", namespace(root), name(root)),
        };
        let (object, place) = ((kind, id.as_str()), (&*self.file, root.at));
        self.seen
            .note(self.mesh, before, object, place, self.diagnostics);
    }

    fn take(&mut self, root: &Node<'_>, group: &str, kind: &str) {
        match (group, kind) {
            ("", "Namespace") => self.mesh.namespaces.push(Namespace {
                name: name(root),
                labels: labels(root.get("metadata").and_then(|node| node.get("labels"))),
            }),
            ("", "Pod") => self.pod(root),
            ("", "Service") => self.mesh.services.push(services::service(root)),
            ("", "ServiceAccount") => {
                let (namespace, name) = (namespace(root), name(root));
                self.mesh.service_accounts.push((namespace, name));
            }
            ("", "ConfigMap") => {
                let settings = &mut self.mesh.settings;
                let last = &mut self.mesh_config;
                mesh_config::read_one(settings, last, root, &self.file, self.diagnostics);
            }
            ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
            | ("batch", "Job") => self.owner(root, root.get("spec")),
            ("batch", "CronJob") => self.owner(
                root,
                root.get("spec")
                    .and_then(|spec| spec.get("jobTemplate"))
                    .and_then(|job| job.get("spec")),
            ),
            ("gateway.networking.k8s.io", "Gateway") => {
                let (gateway, says) = gateways::gateway(root);
                if !says {
                    self.unlabelled.push(self.mesh.gateways.len());
                }
                self.mesh.gateways.push(gateway);
            }
            ("gateway.networking.k8s.io", "GatewayClass") => {
                let labels = labels(root.get("metadata").and_then(|node| node.get("labels")));
                if let Some(text) = label(&labels, "istio.io/waypoint-for") {
                    self.classes
                        .push((name(root), gateways::waypoint_for(text)));
                }
            }
            ("networking.istio.io", "Gateway") => {
                self.mesh.servers.push(gateways::servers(root.get("spec")));
            }
            ("networking.istio.io", "ServiceEntry") => {
                self.mesh.services.push(services::service_entry(root));
            }
            // Others that own pods, by a template of the same form.
            ("", "ReplicationController")
            | ("apps.openshift.io", "DeploymentConfig")
            | ("argoproj.io", "Rollout")
            | ("apps.kruise.io", "CloneSet" | "StatefulSet" | "DaemonSet") => {
                self.owner(root, root.get("spec"));
            }
            ("security.istio.io", "AuthorizationPolicy") => {
                let mut policy = read_policy(&self.file, root, "default");
                policy.name = name(root);
                self.mesh.policies.push(policy);
            }
            ("security.istio.io", "PeerAuthentication") => self.peer_authentication(root),
            _ => {}
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
        if !has_name(root)
            && let Some(start) = text_at(root, "generateName")
        {
            return self.is_named_later(root, kind, start);
        }
        let name: fn(&str) -> bool = if matches!(kind, "Namespace" | "Service") {
            is_dns_label
        } else {
            is_dns_subdomain
        };
        let checked = named("name", name).and_then(|()| named("namespace", is_dns_label));
        let Err((at, text)) = checked else {
            return true;
        };
        let error = Diagnostic::error(code::INVALID_NAME, text).at(&self.file, at);
        self.diagnostics.push(error.help(NAMES));
        false
    }

    /// Whether an object can do without the rest of its name, which the API server makes up.
    fn is_named_later(&mut self, root: &Node<'_>, kind: &str, start: &str) -> bool {
        let namespace = text_at(root, "namespace");
        let (text, help) = if matches!(kind, "Namespace" | "Service" | "Gateway") {
            (
                format!("what this {kind} is called is unknown: it has a `generateName` alone"),
                "write `metadata.name`: without it nothing can mean the object, which is left out",
            )
        } else if !is_dns_subdomain(&format!("{start}x")) || !namespace.is_none_or(is_dns_label) {
            (
                format!("`{}` begins no name that Kubernetes takes", clip(start)),
                NAMES,
            )
        } else {
            return true;
        };
        let error = Diagnostic::error(code::INVALID_NAME, text).at(&self.file, root.at);
        self.diagnostics.push(error.help(help));
        false
    }

    /// What the API server would not take must not be read as something else.
    fn is_shaped(&mut self, root: &Node<'_>, group: &str, kind: &str) -> bool {
        let report = shape::examine(root, group, kind, &self.words);
        for (at, word) in report.unquoted {
            let text =
                format!("`{word}` without quotes is a boolean to kubectl, which takes none here");
            let warning = Diagnostic::warning(code::WRONG_SHAPE, text).at(&self.file, at);
            self.diagnostics
                .push(warning.help(format!("write `\"{word}\"`")));
        }
        for (at, key, meant) in report.misspelled {
            let text = format!("the key `{}` is not known and is ignored", clip(&key));
            let warning = Diagnostic::warning(code::MISSPELLED_KEY, text).at(&self.file, at);
            let help = format!("write `{meant}`");
            self.diagnostics.push(warning.help(help));
        }
        let Some((at, text, help)) = report.wrong else {
            return true;
        };
        self.refuse(at, text, help);
        false
    }

    fn pod(&mut self, root: &Node<'_>) {
        let spec = root.get("spec");
        // Like a template's are the names that the API server makes up.
        let is_made_up = text_at(root, "name").is_none();
        let mut workload = workload(root, root, spec, is_made_up);
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

/// The name of an object, or how it begins where the API server makes up the rest.
pub(super) fn name(root: &Node<'_>) -> String {
    let name = text_at(root, "name").or_else(|| text_at(root, "generateName"));
    name.unwrap_or_default().to_owned()
}

fn has_name(root: &Node<'_>) -> bool {
    text_at(root, "name").is_some()
}

pub(super) fn namespace(root: &Node<'_>) -> String {
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
            // In Kubernetes `null` is as good as nothing, here an empty text.
            let text = member.value.scalar_text();
            let text = text.or(member.value.is_null().then_some(Cow::Borrowed("")))?;
            Some((member.key.to_string(), text.into_owned()))
        })
        .collect()
}

#[inline(never)]
pub(super) fn address(node: Option<&Node<'_>>) -> Option<IpAddr> {
    node?.as_str()?.parse().ok()
}

#[inline(never)]
pub(super) fn port_number(node: Option<&Node<'_>>) -> Option<u16> {
    shape::port(node?)
}
