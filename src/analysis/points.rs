//! Enforcement points: which policies are attached to which pod and which Service's waypoint.

use super::envoy::{self, Context};
use super::rules::{Clause, Effect, Entry, Field, Match, Part, Pattern, Policy, Rule};
use super::verdict::Doubts;
use super::ztunnel;
use crate::istio::policy::AuthorizationPolicy;
use crate::istio::validation::{Refusal, refusals};
use crate::mesh::{
    AllowedRoutes, DataPlane, Gateway, Labels, Mesh, MutualTls, PeerAuthentication, Readiness,
    Service, WAYPOINT_CLASS, WaypointFor, Workload, label, selects,
};

/// Who enforces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// ztunnel at the pod, layer 4.
    Ztunnel,
    /// A waypoint, layer 7.
    Waypoint,
    /// Envoy in the pod, layer 7.
    Sidecar,
}

impl Layer {
    /// As written in requests and answers.
    pub fn name(self) -> &'static str {
        match self {
            Layer::Ztunnel => "ztunnel",
            Layer::Waypoint => "waypoint",
            Layer::Sidecar => "sidecar",
        }
    }
}

/// Where an attached policy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An AuthorizationPolicy, by its place in the mesh.
    Written(usize),
    /// What istiod adds for a waypoint, by its Gateway's place in the mesh.
    AutoAllow(usize),
    /// A PeerAuthentication that demands mutual TLS.
    Strict,
}

/// A policy in the forms that enforcement points hold.
#[derive(Debug, Clone)]
pub struct Held {
    /// Where it comes from.
    pub origin: Origin,
    /// `NAMESPACE/NAME`
    pub id: String,
    /// What is in doubt about its being there at all.
    pub doubts: Doubts,
    /// At ztunnel.
    pub ztunnel: Option<Policy>,
    /// At Envoy, on a port that speaks HTTP.
    pub http: Option<Policy>,
    /// At Envoy, on a port that speaks TCP.
    pub tcp: Option<Policy>,
}

impl Held {
    /// In the form that a layer holds; `None` where it enforces nothing there.
    pub fn at(&self, layer: Layer, tcp: bool) -> Option<&Policy> {
        match (layer, tcp) {
            (Layer::Ztunnel, _) => self.ztunnel.as_ref(),
            (_, false) => self.http.as_ref(),
            (_, true) => self.tcp.as_ref(),
        }
    }
}

/// A policy at an enforcement point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attached {
    /// Its place among [`Points::held`].
    pub policy: u32,
    /// What is in doubt about its being attached.
    pub doubts: Doubts,
}

/// How a Service or a pod is bound to a waypoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// It names none, or opts out.
    None,
    /// To a Gateway, by its place in the mesh, with what is in doubt about it.
    To(usize, Doubts),
    /// It names one that does not take its requests, for this reason.
    Unusable(String),
}

/// All enforcement points of a mesh.
#[derive(Debug)]
pub struct Points {
    /// Policies in all their forms: those of the mesh in its order, then those that istiod adds.
    pub held: Vec<Held>,
    /// Why Istio refuses a policy, by its place in the mesh; refused ones are attached nowhere.
    pub refused: Vec<Vec<Refusal>>,
    /// What is attached at each workload's pods, by its place in the mesh.
    pub workloads: Vec<Vec<Attached>>,
    /// The waypoint of each workload's own address.
    pub workload_waypoints: Vec<Binding>,
    /// What is attached at the waypoint of each Service.
    pub services: Vec<Vec<Attached>>,
    /// The waypoint of each Service.
    pub service_waypoints: Vec<Binding>,
    /// The workloads behind each Service, those alike given once.
    pub backends: Vec<Vec<u32>>,
    /// What is attached to a gateway's own requests, for each Gateway.
    pub gateways: Vec<Vec<Attached>>,
    /// What Envoy refuses to load, for each Gateway.
    pub unloadable: Vec<bool>,
    /// The policy of PeerAuthentications that demand mutual TLS.
    strict: u32,
    index: Index,
}

/// Lists of places by a key of up to three parts, sorted.
#[derive(Debug, Default)]
struct Table {
    rows: Vec<(String, u32)>,
}

#[derive(Debug, Default)]
struct Index {
    services: Table,
    workloads: Table,
    accounts: Table,
    /// Workloads by namespace and each of their labels.
    labelled: Table,
    /// Namespaces that the input describes.
    spaces: Table,
    gateways: Table,
    /// Policies for all pods of a namespace.
    wide: Table,
    /// Policies by namespace and the first label of their selector.
    selected: Table,
    /// Policies by namespace, kind and name of their targets.
    targeted: Table,
    /// Policies with a selector, by namespace.
    by_selector: Table,
}

const SEPARATOR: &str = "\0";

fn key(parts: &[&str]) -> String {
    parts.join(SEPARATOR)
}

impl Table {
    fn add(&mut self, parts: &[&str], at: usize) {
        if let Ok(at) = u32::try_from(at) {
            self.rows.push((key(parts), at));
        }
    }

    fn sort(&mut self) {
        crate::order::sort(&mut self.rows);
        self.rows.dedup();
    }

    fn find<'t>(&'t self, parts: &[&str]) -> impl Iterator<Item = usize> + use<'t> {
        // Compared part by part, so that a look-up allocates nothing.
        let compare = |row: &str| {
            let mut rest = row;
            for (at, part) in parts.iter().enumerate() {
                let (head, tail) = rest.split_once(SEPARATOR).unwrap_or((rest, ""));
                let last = at + 1 == parts.len();
                let head = if last { rest } else { head };
                match head.cmp(part) {
                    std::cmp::Ordering::Equal => rest = tail,
                    other => return other,
                }
            }
            std::cmp::Ordering::Equal
        };
        let from = self.rows.partition_point(|(row, _)| compare(row).is_lt());
        let count = self
            .rows
            .iter()
            .skip(from)
            .take_while(|(row, _)| compare(row).is_eq())
            .count();
        self.rows
            .iter()
            .skip(from)
            .take(count)
            .map(|(_, at)| *at as usize)
    }
}

impl Points {
    /// Finds all enforcement points of a mesh.
    pub fn new(mesh: &Mesh) -> Points {
        let mut points = Points {
            held: Vec::with_capacity(mesh.policies.len() + mesh.gateways.len() + 1),
            refused: mesh.policies.iter().map(refusals).collect(),
            workloads: Vec::with_capacity(mesh.workloads.len()),
            workload_waypoints: Vec::with_capacity(mesh.workloads.len()),
            services: Vec::with_capacity(mesh.services.len()),
            service_waypoints: Vec::with_capacity(mesh.services.len()),
            backends: Vec::with_capacity(mesh.services.len()),
            gateways: Vec::with_capacity(mesh.gateways.len()),
            unloadable: vec![false; mesh.gateways.len()],
            strict: 0,
            index: Index::default(),
        };
        points.hold(mesh);
        points.index(mesh);
        points.attach_gateways(mesh);
        points.attach_services(mesh);
        points.attach_workloads(mesh);
        points.find_unloadable();
        points
    }

    /// The Service of a name.
    pub fn service(&self, namespace: &str, name: &str) -> Option<usize> {
        self.index.services.find(&[namespace, name]).next()
    }

    /// The workload of a pod's name.
    pub fn workload(&self, mesh: &Mesh, namespace: &str, name: &str) -> Option<usize> {
        let exact = self.index.workloads.find(&[namespace, name]).next();
        // A pod of a template is named for it: `web-0`, `web-5d8c7-x2x`.
        exact.or_else(|| {
            let mut owner = name;
            while let Some((before, _)) = owner.rsplit_once('-') {
                owner = before;
                let found = self.index.workloads.find(&[namespace, owner]).next();
                if let Some(at) = found
                    && mesh.workloads.get(at).is_some_and(|one| one.is_named(name))
                {
                    return Some(at);
                }
            }
            None
        })
    }

    /// The workloads that run as a service account.
    pub fn of_account<'p>(
        &'p self,
        namespace: &str,
        name: &str,
    ) -> impl Iterator<Item = usize> + use<'p> {
        self.index.accounts.find(&[namespace, name])
    }

    /// What is attached at a pod of which only the namespace is known: policies with a selector may
    /// or may not be.
    pub fn unknown_workload(&self, mesh: &Mesh, namespace: &str) -> Vec<Attached> {
        let mut attached = self.wide(mesh, namespace);
        let root = mesh.settings.root_namespace.as_str();
        for space in spaces(namespace, root) {
            for at in self.index.by_selector.find(&[space]) {
                attached.extend(self.attach(at, Doubts::WORKLOAD));
            }
        }
        attached
    }

    /// What is attached at the waypoint of a Service that the input does not describe.
    pub fn unknown_service(&self, mesh: &Mesh, namespace: &str, name: &str) -> Vec<Attached> {
        let service = Service {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..Service::default()
        };
        let mut attached = self.targeting(mesh, Some(&service), None);
        // Its waypoint is not known, so what targets a Gateway of the namespace may be meant.
        for at in self.index.targeted.find(&[namespace, "Gateway"]) {
            attached.extend(self.attach(at, Doubts::TARGET));
        }
        attached
    }

    fn hold(&mut self, mesh: &Mesh) {
        let settings = &mesh.settings;
        let context = |tcp| Context {
            trust_domain: &settings.trust_domain,
            aliases: &settings.trust_domain_aliases,
            tcp,
        };
        for (at, policy) in mesh.policies.iter().enumerate() {
            let refused = self.refused.get(at).is_some_and(|found| !found.is_empty());
            let form = |tcp| {
                (!refused)
                    .then(|| envoy::convert(policy, context(tcp)))
                    .flatten()
            };
            self.held.push(Held {
                origin: Origin::Written(at),
                id: policy.id(),
                doubts: if policy.when.is_some() {
                    Doubts::CONDITIONAL
                } else {
                    Doubts::NONE
                },
                ztunnel: (!refused).then(|| ztunnel::convert(policy)).flatten(),
                http: form(false),
                tcp: form(true),
            });
        }
        // With `PILOT_AUTO_ALLOW_WAYPOINT_POLICY` every workload behind a waypoint gets one ALLOW
        // for that waypoint's identity: an ALLOW policy like any other.
        for (at, gateway) in mesh.gateways.iter().enumerate() {
            let principals = gateway.service_accounts.iter().map(|account| {
                Pattern::Exact(format!(
                    "{}/ns/{}/sa/{account}",
                    settings.trust_domain, gateway.namespace
                ))
            });
            let policy = single(Effect::Allow, principals.collect(), Vec::new());
            self.held.push(Held {
                origin: Origin::AutoAllow(at),
                id: format!(
                    "{}/istio_allow_waypoint_{}_{}",
                    gateway.namespace, gateway.namespace, gateway.name
                ),
                doubts: Doubts::NONE,
                ztunnel: Some(policy),
                http: None,
                tcp: None,
            });
        }
        // PeerAuthentication STRICT is one more DENY at the pod for clients without identity.
        let strict = single(Effect::Deny, Vec::new(), vec![Pattern::NotEmpty]);
        self.strict = u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        self.held.push(Held {
            origin: Origin::Strict,
            id: format!("{}/istio_converted_static_strict", settings.root_namespace),
            doubts: Doubts::NONE,
            ztunnel: Some(strict.clone()),
            http: Some(strict.clone()),
            tcp: Some(strict),
        });
    }

    fn index(&mut self, mesh: &Mesh) {
        let index = &mut self.index;
        for (at, service) in mesh.services.iter().enumerate() {
            index.services.add(&[&service.namespace, &service.name], at);
        }
        for (at, workload) in mesh.workloads.iter().enumerate() {
            let namespace = workload.namespace.as_str();
            index.workloads.add(&[namespace, &workload.name], at);
            index
                .accounts
                .add(&[namespace, &workload.service_account], at);
            for (key, value) in &workload.labels {
                index.labelled.add(&[namespace, key, value], at);
            }
        }
        for (at, namespace) in mesh.namespaces.iter().enumerate() {
            index.spaces.add(&[&namespace.name], at);
        }
        for (at, gateway) in mesh.gateways.iter().enumerate() {
            index.gateways.add(&[&gateway.namespace, &gateway.name], at);
        }
        for (at, policy) in mesh.policies.iter().enumerate() {
            let refused = self.refused.get(at).is_some_and(|found| !found.is_empty());
            if refused {
                continue;
            }
            let namespace = policy.namespace.as_str();
            for target in policy.targets() {
                // Group `core` is the empty one.
                let group = if target.group == "core" {
                    ""
                } else {
                    &target.group
                };
                let kind = match (group, target.kind.as_str()) {
                    ("", "Service") => "Service",
                    ("networking.istio.io", "ServiceEntry") => "ServiceEntry",
                    ("gateway.networking.k8s.io", "Gateway") => "Gateway",
                    ("gateway.networking.k8s.io", "GatewayClass") => "GatewayClass",
                    _ => continue,
                };
                index.targeted.add(&[namespace, kind, &target.name], at);
                if kind == "Gateway" {
                    index.targeted.add(&[namespace, kind], at);
                }
            }
            if !policy.targets().is_empty() {
                continue;
            }
            match policy.selector.as_deref() {
                None => index.wide.add(&[namespace], at),
                // `selector: {}` attaches to nothing in ambient, to the whole namespace for sidecars.
                Some([]) => index.selected.add(&[namespace, "", ""], at),
                Some([(key, value), ..]) => {
                    index.selected.add(&[namespace, key, value], at);
                    index.by_selector.add(&[namespace], at);
                }
            }
        }
        for table in [
            &mut index.services,
            &mut index.workloads,
            &mut index.accounts,
            &mut index.labelled,
            &mut index.spaces,
            &mut index.gateways,
            &mut index.wide,
            &mut index.selected,
            &mut index.targeted,
            &mut index.by_selector,
        ] {
            table.sort();
        }
    }

    fn attach(&self, at: usize, doubts: Doubts) -> Option<Attached> {
        let held = self.held.get(at)?;
        Some(Attached {
            policy: u32::try_from(at).ok()?,
            doubts: held.doubts | doubts,
        })
    }

    /// Policies without selector: for their whole namespace, in the root namespace for the mesh.
    fn wide(&self, mesh: &Mesh, namespace: &str) -> Vec<Attached> {
        let mut attached = Vec::new();
        for space in spaces(namespace, &mesh.settings.root_namespace) {
            for at in self.index.wide.find(&[space]) {
                attached.extend(self.attach(at, Doubts::NONE));
            }
        }
        attached
    }

    /// A root-namespace policy with a selector applies in every namespace.
    fn selecting(
        &self,
        mesh: &Mesh,
        namespace: &str,
        labels: &Labels,
        sidecar: bool,
    ) -> Vec<Attached> {
        let mut found: Vec<usize> = Vec::new();
        for space in spaces(namespace, &mesh.settings.root_namespace) {
            if sidecar {
                found.extend(self.index.selected.find(&[space, "", ""]));
            }
            for (key, value) in labels {
                found.extend(self.index.selected.find(&[space, key, value]).filter(|at| {
                    mesh.policies.get(*at).is_some_and(|policy| {
                        let selector = policy.selector.as_deref().unwrap_or_default();
                        selects(selector, labels)
                    })
                }));
            }
        }
        crate::order::sort(&mut found);
        found
            .into_iter()
            .filter_map(|at| self.attach(at, Doubts::NONE))
            .collect()
    }

    /// Policies that target a Service, its waypoint's Gateway, or the class of waypoints. Selectors
    /// are never applied at a waypoint.
    fn targeting(
        &self,
        mesh: &Mesh,
        service: Option<&Service>,
        gateway: Option<&Gateway>,
    ) -> Vec<Attached> {
        let targeted = &self.index.targeted;
        let mut found: Vec<usize> = Vec::new();
        if let Some(service) = service {
            // A ServiceEntry reference does not match a Service of that name.
            let kind = if service.entry {
                "ServiceEntry"
            } else {
                "Service"
            };
            found.extend(targeted.find(&[&service.namespace, kind, &service.name]));
        }
        if let Some(gateway) = gateway {
            // A Gateway `targetRef` counts only in the waypoint's own namespace.
            found.extend(targeted.find(&[&gateway.namespace, "Gateway", &gateway.name]));
        }
        if gateway.is_none_or(Gateway::is_waypoint) {
            // GatewayClass `istio-waypoint`, only from the root namespace.
            let root = mesh.settings.root_namespace.as_str();
            found.extend(targeted.find(&[root, "GatewayClass", WAYPOINT_CLASS]));
        }
        crate::order::sort(&mut found);
        found.dedup();
        found
            .into_iter()
            .filter_map(|at| self.attach(at, Doubts::NONE))
            .collect()
    }

    /// The waypoint that a Service's or a pod's labels name, else those of its namespace.
    /// Source: istio.io/istio `pilot/pkg/serviceregistry/ambient/waypoints.go`.
    fn binding(&self, mesh: &Mesh, labels: &Labels, namespace: &str, service: bool) -> Binding {
        let of_namespace = || {
            let at = self.index.spaces.find(&[namespace]).next()?;
            mesh.namespaces.get(at).map(|one| &one.labels)
        };
        let named = |labels: &Labels| -> Option<(String, String)> {
            let name = label(labels, "istio.io/use-waypoint")?;
            let space = label(labels, "istio.io/use-waypoint-namespace").unwrap_or(namespace);
            Some((space.to_owned(), name.to_owned()))
        };
        let (own, named) = match named(labels) {
            Some(found) => (true, Some(found)),
            None => (false, of_namespace().and_then(named)),
        };
        // `none` opts out.
        let Some((space, name)) = named.filter(|(_, name)| name != "none") else {
            return Binding::None;
        };
        let found = self.index.gateways.find(&[&space, &name]).next();
        let Some((at, gateway)) = found.and_then(|at| Some((at, mesh.gateways.get(at)?))) else {
            return Binding::Unusable(format!("the waypoint `{space}/{name}` is not there"));
        };
        let mut doubts = Doubts::NONE;
        match gateway.ready {
            Readiness::Ready => {}
            Readiness::NotReady => {
                return Binding::Unusable(format!("the waypoint `{space}/{name}` is not ready"));
            }
            Readiness::Unknown => doubts |= Doubts::READY,
        }
        let admitted = match &gateway.allowed {
            AllowedRoutes::All => true,
            AllowedRoutes::Same => gateway.namespace == namespace,
            AllowedRoutes::Selector(selector) => {
                selects(selector, of_namespace().map_or(&[], |labels| labels))
            }
            AllowedRoutes::Expressions => {
                doubts |= Doubts::ADMITTED;
                true
            }
        };
        if !admitted {
            return Binding::Unusable(format!(
                "the waypoint `{space}/{name}` does not admit the namespace `{namespace}`"
            ));
        }
        let fits = match gateway.waypoint_for {
            WaypointFor::All => true,
            WaypointFor::Service => service,
            WaypointFor::Workload => !service,
            WaypointFor::None => false,
        };
        if fits {
            Binding::To(at, doubts)
        } else if service || own {
            let what = if service { "Services" } else { "pods" };
            Binding::Unusable(format!(
                "the waypoint `{space}/{name}` takes no requests to {what}"
            ))
        } else {
            Binding::None
        }
    }

    fn attach_gateways(&mut self, mesh: &Mesh) {
        for gateway in &mesh.gateways {
            let attached = self.targeting(mesh, None, Some(gateway));
            self.gateways.push(attached);
        }
    }

    fn attach_services(&mut self, mesh: &Mesh) {
        for service in &mesh.services {
            let managed = label(&service.labels, "gateway.istio.io/managed");
            let is_gateway = matches!(
                managed,
                Some("istio.io-mesh-controller" | "istio.io-eastwest-controller")
            );
            let binding = if is_gateway {
                Binding::None
            } else {
                self.binding(mesh, &service.labels, &service.namespace, true)
            };
            let attached = match &binding {
                Binding::To(at, _) => self.targeting(mesh, Some(service), mesh.gateways.get(*at)),
                _ => self.targeting(mesh, Some(service), None),
            };
            let mut backends = Vec::new();
            if let Some(selector) = &service.selector
                && let Some((key, value)) = selector.first()
            {
                for at in self.index.labelled.find(&[&service.namespace, key, value]) {
                    if let (Some(workload), Ok(at)) = (mesh.workloads.get(at), u32::try_from(at))
                        && selects(selector, &workload.labels)
                    {
                        backends.push(at);
                    }
                }
            }
            self.services.push(attached);
            self.service_waypoints.push(binding);
            self.backends.push(backends);
        }
    }

    fn attach_workloads(&mut self, mesh: &Mesh) {
        // Which waypoints serve each workload, by way of its Services.
        let mut serving: Vec<Vec<(usize, Doubts)>> = vec![Vec::new(); mesh.workloads.len()];
        for (binding, backends) in self.service_waypoints.iter().zip(&self.backends) {
            let Binding::To(gateway, doubts) = binding else {
                continue;
            };
            for at in backends {
                if let Some(list) = serving.get_mut(*at as usize)
                    && list.iter().all(|(known, _)| known != gateway)
                {
                    list.push((*gateway, *doubts));
                }
            }
        }
        let mut peers: Vec<&PeerAuthentication> = mesh.peer_authentications.iter().collect();
        crate::order::sort_by(&mut peers, |left, right| {
            left.namespace.cmp(&right.namespace)
        });
        for (workload, mut waypoints) in mesh.workloads.iter().zip(serving) {
            let sidecar = workload.data_plane == Some(DataPlane::Sidecar);
            let mut attached = self.wide(mesh, &workload.namespace);
            attached.extend(self.selecting(mesh, &workload.namespace, &workload.labels, sidecar));
            let own = self.binding(mesh, &workload.labels, &workload.namespace, false);
            if let Binding::To(gateway, doubts) = own
                && waypoints.iter().all(|(known, _)| *known != gateway)
            {
                waypoints.push((gateway, doubts));
            }
            if mesh.settings.auto_allow_waypoint && !sidecar {
                for (gateway, doubts) in waypoints {
                    attached.extend(self.attach(mesh.policies.len() + gateway, doubts));
                }
            }
            if let Some(doubts) = strict(mesh, &peers, workload) {
                attached.push(Attached {
                    policy: self.strict,
                    doubts,
                });
            }
            self.workloads.push(attached);
            self.workload_waypoints.push(own);
        }
    }

    /// A waypoint has one configuration for all that it serves.
    fn find_unloadable(&mut self) {
        let is_bad = |attached: &[Attached]| {
            attached.iter().any(|one| {
                let policy = self.held.get(one.policy as usize);
                let policy = policy.and_then(|held| held.http.as_ref());
                policy.is_some_and(|policy| policy.unloadable.is_some())
            })
        };
        let mut found: Vec<bool> = self.gateways.iter().map(|one| is_bad(one)).collect();
        for (binding, attached) in self.service_waypoints.iter().zip(&self.services) {
            if let Binding::To(at, _) = binding
                && let Some(flag) = found.get_mut(*at)
            {
                *flag |= is_bad(attached);
            }
        }
        self.unloadable = found;
    }
}

/// A namespace, and the root namespace where it is another.
fn spaces<'a>(namespace: &'a str, root: &'a str) -> impl Iterator<Item = &'a str> {
    let root = (root != namespace).then_some(root);
    root.into_iter().chain(std::iter::once(namespace))
}

/// A policy of one rule with one match on the client's identity.
fn single(effect: Effect, values: Vec<Pattern>, not_values: Vec<Pattern>) -> Policy {
    Policy {
        effect,
        rules: vec![Rule {
            index: 0,
            clauses: vec![Clause {
                part: Part::From,
                entries: vec![Entry {
                    index: 0,
                    matches: vec![Match {
                        field: Field::Principal,
                        values,
                        not_values,
                    }],
                }],
            }],
            ignored: Vec::new(),
        }],
        dropped: Vec::new(),
        unloadable: None,
    }
}

/// Whether PeerAuthentications demand mutual TLS at a workload: `None` if not, else what is in doubt
/// about it. Workload over namespace over mesh, the oldest of a kind.
/// Source: istio.io/istio `pilot/pkg/serviceregistry/ambient/authorization.go`.
fn strict(
    mesh: &Mesh,
    by_namespace: &[&PeerAuthentication],
    workload: &Workload,
) -> Option<Doubts> {
    let root = mesh.settings.root_namespace.as_str();
    let oldest = |name: &str, of_workload: bool| {
        let mut found: Option<&PeerAuthentication> = None;
        let from = by_namespace.partition_point(|peer| peer.namespace.as_str() < name);
        let rest = by_namespace.iter().skip(from).copied();
        for peer in rest.take_while(|peer| peer.namespace == name) {
            let fits = match &peer.selector {
                Some(selector) => of_workload && selects(selector, &workload.labels),
                None => !of_workload,
            };
            if fits && found.is_none_or(|found| peer.created < found.created) {
                found = Some(peer);
            }
        }
        found
    };
    let namespace = workload.namespace.as_str();
    let for_mesh = oldest(root, false);
    let (for_namespace, for_workload) = if namespace == root {
        // In the root namespace those without selector are the mesh's, and selectors do not count.
        (None, None)
    } else {
        (oldest(namespace, false), oldest(namespace, true))
    };
    let mut demanded = false;
    for peer in [for_mesh, for_namespace, for_workload]
        .into_iter()
        .flatten()
    {
        match peer.mode {
            MutualTls::Unset => {}
            MutualTls::Strict => demanded = true,
            MutualTls::Permissive | MutualTls::Disable => demanded = false,
        }
    }
    // A port's mode that differs from the whole is in effect at that port.
    let differs = for_workload.is_some_and(|peer| {
        peer.ports.iter().any(|(_, mode)| match mode {
            MutualTls::Unset => false,
            MutualTls::Strict => !demanded,
            MutualTls::Permissive | MutualTls::Disable => demanded,
        })
    });
    match (differs, demanded) {
        (true, _) => Some(Doubts::PORT_LEVEL),
        (false, true) => Some(Doubts::NONE),
        (false, false) => None,
    }
}

/// Whether a policy is one that a trace should say is not enforced, and why.
pub fn not_enforced(policy: &AuthorizationPolicy) -> Option<&'static str> {
    use crate::istio::policy::Action;
    if policy.is_dry_run() {
        Some("its annotation `istio.io/dry-run` switches it off")
    } else if policy.action == Action::Audit {
        Some("AUDIT changes no answer")
    } else {
        None
    }
}
