//! Enforcement points: which policies are attached to which pod and which Service's waypoint.

use super::binding::{binding, strict, unsaid};
use super::index::Index;
use super::matching::Identity;
use super::verdict::Doubts;

pub use super::binding::Binding;
pub use super::held::{Held, Origin};
use super::held::{by_port, hold};
use crate::istio::validation::{Refusal, refusals};
use crate::mesh::manifests::GATEWAY_NAME;
use crate::mesh::{
    DataPlane, Gateway, Labels, Mesh, PeerAuthentication, Service, WAYPOINT_CLASS, Workload, label,
    selects,
};
use std::net::IpAddr;

/// Who enforces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// ztunnel at the pod, layer 4.
    Ztunnel,
    /// A waypoint, layer 7.
    Waypoint,
    /// Envoy in the pod, layer 7.
    Sidecar,
    /// The Envoy of an ingress gateway, layer 7.
    Gateway,
}

impl Layer {
    /// As written in requests and answers.
    pub fn name(self) -> &'static str {
        match self {
            Layer::Ztunnel => "ztunnel",
            Layer::Waypoint => "waypoint",
            Layer::Sidecar => "sidecar",
            Layer::Gateway => "gateway",
        }
    }
}

/// An ingress gateway of Istio as a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingress {
    /// What is attached.
    pub attached: Vec<Attached>,
    /// A listener carries other than HTTP.
    pub opaque: bool,
}

/// A policy at an enforcement point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attached {
    /// Its place among [`Points::held`].
    pub policy: u32,
    /// What is in doubt about its being attached.
    pub doubts: Doubts,
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
    /// What the Envoy of each workload that is an ingress gateway enforces; `None` for other workloads.
    pub ingress: Vec<Option<Ingress>>,
    /// The waypoint of each Service.
    pub service_waypoints: Vec<Binding>,
    /// The workloads behind each Service, those alike given once.
    pub backends: Vec<Vec<u32>>,
    /// The Services before each workload: `backends` the other way round.
    fronts: Vec<Vec<u32>>,
    /// What is attached to a gateway's own requests, for each Gateway.
    pub gateways: Vec<Vec<Attached>>,
    /// Who each Gateway's pods are.
    pub identities: Vec<Option<Identity>>,
    /// Where they come from, where there is one only.
    pub gateway_ips: Vec<Option<IpAddr>>,
    /// What Envoy refuses to load, for each Gateway.
    pub unloadable: Vec<bool>,
    /// Applications of which nobody knows what they ask for.
    undeclared: crate::map::Index<'static>,
    /// The policy of PeerAuthentications that demand mutual TLS; those of PeerAuthentications that set
    /// modes by port come after it.
    strict: u32,
    index: Index,
}

impl Points {
    /// Finds all enforcement points of a mesh.
    pub fn new(mesh: &Mesh) -> Points {
        let refused: Vec<Vec<Refusal>> = mesh.policies.iter().map(refusals).collect();
        let is_refused = |at: usize| refused.get(at).is_some_and(|found| !found.is_empty());
        let held = hold(mesh, is_refused);
        let index = Index::new(mesh, is_refused);
        let mut points = Points {
            strict: u32::try_from(held.len().saturating_sub(1 + by_port(mesh).count()))
                .unwrap_or(u32::MAX),
            held,
            refused,
            workloads: Vec::with_capacity(mesh.workloads.len()),
            workload_waypoints: Vec::with_capacity(mesh.workloads.len()),
            ingress: Vec::with_capacity(mesh.workloads.len()),
            services: Vec::with_capacity(mesh.services.len()),
            service_waypoints: Vec::with_capacity(mesh.services.len()),
            backends: Vec::with_capacity(mesh.services.len()),
            fronts: vec![Vec::new(); mesh.workloads.len()],
            gateways: Vec::with_capacity(mesh.gateways.len()),
            identities: mesh
                .gateways
                .iter()
                .map(|gateway| {
                    let account = gateway.service_accounts.first()?;
                    let domain = mesh.settings.trust_domain.as_str();
                    Some(Identity::new(domain, &gateway.namespace, account))
                })
                .collect(),
            gateway_ips: Vec::new(),
            unloadable: vec![false; mesh.gateways.len()],
            undeclared: crate::map::Index::default(),
            index,
        };
        for (namespace, name) in &mesh.undeclared {
            points.undeclared.add(format!("{namespace}/{name}"));
        }
        points.gateway_ips = mesh
            .gateways
            .iter()
            .map(|gateway| {
                let account = gateway.service_accounts.first()?;
                let mut pods = points.of_account(&gateway.namespace, account);
                let only = pods.next().filter(|_| pods.next().is_none())?;
                mesh.workloads.get(only)?.address()
            })
            .collect();
        points.attach_gateways(mesh);
        points.attach_services(mesh);
        points.attach_workloads(mesh);
        points.attach_ingress(mesh);
        points.find_unloadable();
        points
    }

    /// The Service of a name.
    pub fn service(&self, namespace: &str, name: &str) -> Option<usize> {
        self.index.services.find(&[namespace, name]).next()
    }

    /// What the input would have to say for a Service's waypoint to be known; `has_gateways` tells of which namespaces it
    /// has some.
    pub(super) fn unsaid_waypoint(
        &self,
        mesh: &Mesh,
        service: usize,
        has_gateways: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let service = mesh.services.get(service)?;
        let (labels, namespace) = (&service.labels, &service.namespace);
        unsaid(&self.index, mesh, labels, namespace, has_gateways)
    }

    /// The Gateway of a name.
    pub(super) fn gateway(&self, namespace: &str, name: &str) -> Option<usize> {
        self.index.gateways.find(&[namespace, name]).next()
    }

    /// The Services before a workload, in the order of the mesh, with their places.
    pub(super) fn before<'p>(
        &'p self,
        mesh: &'p Mesh,
        workload: usize,
    ) -> impl Iterator<Item = (usize, &'p Service)> {
        let fronts = self.fronts.get(workload).into_iter().flatten();
        fronts.filter_map(|at| Some((*at as usize, mesh.services.get(*at as usize)?)))
    }

    /// The workloads of a namespace with a label.
    pub(super) fn labelled<'p>(
        &'p self,
        namespace: &str,
        key: &str,
        value: &str,
    ) -> impl Iterator<Item = usize> + use<'p> {
        self.index.labelled.find(&[namespace, key, value])
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

    /// The policy for which an Envoy refuses its whole configuration, on all its ports, and keeps the
    /// one that it had before.
    pub fn unloadable_at<'a>(
        &self,
        layer: Layer,
        attached: &'a [Attached],
    ) -> Option<&'a Attached> {
        attached.iter().find(|one| {
            let held = self.held.get(one.policy as usize);
            layer != Layer::Ztunnel && held.is_some_and(|held| held.unloadable.is_some())
        })
    }

    #[inline(never)]
    fn attach(&self, at: usize, doubts: Doubts) -> Option<Attached> {
        let held = self.held.get(at)?;
        Some(Attached {
            policy: u32::try_from(at).ok()?,
            doubts: held.doubts | doubts,
        })
    }

    /// What an application may ask for at its own Service and pods whose charm's file is missing.
    fn unknown(&self, mesh: &Mesh, namespace: &str, name: &str) -> Vec<Attached> {
        if mesh.undeclared.is_empty()
            || self
                .undeclared
                .get(&format!("{namespace}/{name}"))
                .is_none()
        {
            return Vec::new();
        }
        let first = mesh.policies.len() + mesh.gateways.len();
        let both = [first, first + 1].into_iter();
        both.filter_map(|at| self.attach(at, Doubts::NONE))
            .collect()
    }

    /// Policies without selector: for their whole namespace, in the root namespace for the mesh.
    #[inline(never)]
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
    #[inline(never)]
    fn selecting(
        &self,
        mesh: &Mesh,
        namespace: &str,
        labels: &Labels,
        sidecar: bool,
    ) -> Vec<Attached> {
        let mut found: Vec<usize> = Vec::new();
        for space in spaces(namespace, &mesh.settings.root_namespace) {
            // istiod's filter by labels lets everything through to an ambient pod that has none.
            if labels.is_empty() && !sidecar {
                found.extend(self.index.by_selector.find(&[space]));
            }
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
    #[inline(never)]
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

    fn attach_gateways(&mut self, mesh: &Mesh) {
        for gateway in &mesh.gateways {
            let attached = self.targeting(mesh, None, Some(gateway));
            self.gateways.push(attached);
        }
    }

    fn attach_services(&mut self, mesh: &Mesh) {
        for (number, service) in (0u32..).zip(&mesh.services) {
            let managed = label(&service.labels, "gateway.istio.io/managed");
            let is_gateway = matches!(
                managed,
                Some("istio.io-mesh-controller" | "istio.io-eastwest-controller")
            );
            let binding = if is_gateway {
                Binding::None
            } else {
                binding(&self.index, mesh, &service.labels, &service.namespace, true)
            };
            let mut attached = match &binding {
                Binding::To(at, _) => self.targeting(mesh, Some(service), mesh.gateways.get(*at)),
                _ => self.targeting(mesh, Some(service), None),
            };
            attached.extend(self.unknown(mesh, &service.namespace, &service.name));
            let mut backends = Vec::new();
            if let Some(selector) = &service.selector
                && let Some((key, value)) = selector.first()
            {
                for at in self.index.labelled.find(&[&service.namespace, key, value]) {
                    if let (Some(workload), Ok(at)) = (mesh.workloads.get(at), u32::try_from(at))
                        && selects(selector, &workload.labels)
                    {
                        backends.push(at);
                        if let Some(list) = self.fronts.get_mut(at as usize) {
                            list.push(number);
                        }
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
        let mut spaces = crate::map::Index::default();
        let mut by_space: Vec<Vec<&PeerAuthentication>> = Vec::new();
        for peer in &mesh.peer_authentications {
            let at = spaces.get_or_insert(peer.namespace.as_str().into(), by_space.len());
            if at == by_space.len() {
                by_space.push(Vec::new());
            }
            if let Some(list) = by_space.get_mut(at) {
                list.push(peer);
            }
        }
        let peers = |namespace: &str| -> Vec<&PeerAuthentication> {
            let list = spaces.get(namespace).and_then(|at| by_space.get(at));
            list.cloned().unwrap_or_default()
        };
        let mut by_port: crate::map::Index<'static> = crate::map::Index::default();
        let of_peer = |peer: &PeerAuthentication| format!("{}/{}", peer.namespace, peer.name);
        for (after, peer) in (1..).zip(self::by_port(mesh)) {
            by_port.get_or_insert(of_peer(peer).into(), after);
        }
        for (workload, mut waypoints) in mesh.workloads.iter().zip(serving) {
            let sidecar = workload.data_plane == Some(DataPlane::Sidecar);
            let mut attached = self.wide(mesh, &workload.namespace);
            attached.extend(self.selecting(mesh, &workload.namespace, &workload.labels, sidecar));
            attached.extend(self.unknown(mesh, &workload.namespace, &workload.name));
            let own = binding(
                &self.index,
                mesh,
                &workload.labels,
                &workload.namespace,
                false,
            );
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
            if let Some((doubts, peer)) = strict(&mesh.settings.root_namespace, &peers, workload) {
                let own = peer.and_then(|peer| by_port.get(&of_peer(peer)));
                let after = u32::try_from(own.unwrap_or(0)).unwrap_or(0);
                attached.push(Attached {
                    policy: self.strict.saturating_add(after),
                    doubts,
                });
            }
            self.workloads.push(attached);
            self.workload_waypoints.push(own);
        }
    }

    /// Istio's gateways that are no waypoints: what references the Gateway that their pods' label names,
    /// of whatever class and whether it is there or not, and what selects their pods as if these had
    /// sidecars. No PeerAuthentication concerns their listeners. A Gateway of Istio's own is nothing that
    /// a policy can reference.
    /// Source: istio.io/istio `pilot/pkg/model/policyattachment.go`.
    fn attach_ingress(&mut self, mesh: &Mesh) {
        for workload in &mesh.workloads {
            let (namespace, labels) = (&workload.namespace, &workload.labels);
            let name = label(labels, GATEWAY_NAME);
            let gateway = name.and_then(|name| {
                let at = self.index.gateways.find(&[namespace, name]).next()?;
                mesh.gateways.get(at)
            });
            let managed = label(labels, "gateway.istio.io/managed");
            let is_gateway = workload.router
                || managed == Some("istio.io-gateway-controller")
                || gateway.is_some_and(Gateway::is_ingress);
            if !is_gateway || gateway.is_some_and(Gateway::is_waypoint) {
                self.ingress.push(None);
                continue;
            }
            let mut attached = self.wide(mesh, namespace);
            attached.extend(self.selecting(mesh, namespace, labels, true));
            if let Some(name) = name {
                for at in self.index.targeted.find(&[namespace, "Gateway", name]) {
                    attached.extend(self.attach(at, Doubts::NONE));
                }
            }
            let mut open = gateway.map(|one| one.opaque);
            if workload.router {
                for servers in mesh
                    .servers
                    .iter()
                    .filter(|one| selects(&one.selector, labels))
                {
                    open = Some(open.unwrap_or_default() || servers.opaque);
                }
            }
            self.ingress.push(Some(Ingress {
                attached,
                // Where no listener is known, what they carry is not.
                opaque: open.unwrap_or(true),
            }));
        }
    }

    /// A workload as an ingress gateway, if it is one.
    pub fn as_ingress(&self, workload: usize) -> Option<&Ingress> {
        self.ingress.get(workload)?.as_ref()
    }

    /// Who enforces at a workload's pods; an ingress gateway's own Envoy comes after it, or alone.
    pub fn layer(&self, at: usize, workload: &Workload) -> Option<Layer> {
        match workload.data_plane {
            Some(DataPlane::Ambient) => Some(Layer::Ztunnel),
            _ if self.as_ingress(at).is_some() => None,
            Some(DataPlane::None) => None,
            Some(DataPlane::Sidecar) => Some(Layer::Sidecar),
            None => Some(Layer::Ztunnel),
        }
    }

    /// What is attached where a layer is enforced at a workload.
    pub fn at_workload(&self, layer: Layer, workload: usize) -> Option<&[Attached]> {
        let attached = match layer {
            Layer::Gateway => &self.as_ingress(workload)?.attached,
            _ => self.workloads.get(workload)?,
        };
        Some(attached)
    }

    /// A waypoint has one configuration for all that it serves.
    fn find_unloadable(&mut self) {
        let is_bad = |attached| self.unloadable_at(Layer::Waypoint, attached).is_some();
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
