//! The ways to a target, for all requests at once.
//!
//! What [`crate::analysis::decide`] finds out about one request, in the same order: who carries the
//! client, which waypoint takes the request, which pods may answer it, what each enforcement point
//! sees. Requests that differ only in what policies look at share a cell.

pub use super::clients::Clients;

use super::lower::{Destination, Id, PeerSeen, PortSeen, Presented};
use super::space::{Condition, Field, Values};
use super::{intervals, lower};
use crate::analysis::decide::{Analysis, Via};
use crate::analysis::points::{Attached, Binding, Layer};
use crate::analysis::sender::Sender;
use crate::mesh::{DataPlane, Protocol, Service, TargetPort, label};
use std::borrow::Cow;
use std::net::IpAddr;

/// What is reached, by its place in the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A Service.
    Service(usize),
    /// A workload's pods, by their own addresses.
    Workload(usize),
}

/// A way is compared with so many before it, so that many different ones cost no more than their number.
const ALIKE: usize = 8;

/// The ports that a cell is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ports {
    /// This one.
    Only(u16),
    /// All but these.
    AllBut(Vec<u16>),
}

/// An enforcement point on a way, and what it sees.
#[derive(Debug, Clone, PartialEq)]
pub struct Point<'a> {
    /// Who enforces.
    pub layer: Layer,
    /// The port speaks TCP there.
    pub tcp: bool,
    /// What is attached.
    pub attached: Cow<'a, [Attached]>,
    /// The identity that it is presented.
    pub presented: Presented,
    /// The port that it sees.
    pub port: PortSeen<'a>,
    /// The peer that it sees.
    pub peer: PeerSeen<'a>,
    /// Its own address.
    pub destination: Destination<'a>,
    /// It may have another configuration: Envoy refuses the one with its policies.
    pub stale: bool,
}

/// Requests that take the same ways.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell<'a> {
    /// Which clients.
    pub clients: Condition,
    /// Which ports.
    pub ports: Ports,
    /// How they come to the target.
    pub via: Via,
    /// The ways that such a request may take: all points on a way must allow; where ways differ, it
    /// depends.
    pub chains: Vec<Vec<Point<'a>>>,
}

// === impl Ports ===

impl Ports {
    /// As a condition on the port asked.
    pub fn condition(&self) -> Condition {
        let is = |port: u16| Condition::Is(Field::Port, Values::Range(intervals::port(port)));
        match self {
            Ports::Only(port) => is(*port),
            Ports::AllBut(ports) => {
                lower::any(ports.iter().map(|port| is(*port)).collect()).negate()
            }
        }
    }
}

/// The cells of a target. Requests in none of them are denied: the Service has no such port.
pub fn cells<'a>(analysis: &'a Analysis, clients: &Clients, target: Target) -> Vec<Cell<'a>> {
    let mut finder = Finder {
        analysis,
        clients,
        cells: Vec::new(),
    };
    match target {
        Target::Workload(at) => finder.pods(&[at]),
        Target::Service(at) => finder.service(at),
    }
    finder.cells
}

struct Finder<'a, 'c> {
    analysis: &'a Analysis,
    clients: &'c Clients,
    cells: Vec<Cell<'a>>,
}

/// What a request looks like behind the point before.
#[derive(Clone)]
struct Hop<'a> {
    presented: Presented,
    peer: PeerSeen<'a>,
}

/// The name of a port that is not known.
static UNNAMED: TargetPort = TargetPort::Name(String::new());

const DIRECT: Hop<'_> = Hop {
    presented: Presented::Client,
    peer: PeerSeen::Client,
};
const PLAIN: Hop<'_> = Hop {
    presented: Presented::Nothing,
    peer: PeerSeen::Client,
};

impl<'a> Finder<'a, '_> {
    fn service(&mut self, at: usize) {
        let (mesh, points) = (&self.analysis.mesh, &self.analysis.points);
        let Some(service) = mesh.services.get(at) else {
            return;
        };
        let backends: Vec<usize> = points
            .backends
            .get(at)
            .map_or(&[] as &[u32], Vec::as_slice)
            .iter()
            .map(|workload| *workload as usize)
            .collect();
        if service.headless && !backends.is_empty() {
            // Headless Services resolve to pods.
            return self.pods(&backends);
        }
        let bound = match points.service_waypoints.get(at) {
            Some(Binding::To(gateway, doubts)) if !service.headless => Some((*gateway, *doubts)),
            _ => None,
        };
        let ingress = label(&service.labels, "istio.io/ingress-use-waypoint") == Some("true");
        let redirected = |sender| sender == Sender::Ambient || sender == Sender::Ingress && ingress;
        // The pods of a headless Service are asked on any port; what those of no description have
        // behind a port that the Service does not name is not known.
        let mut all = service_ports(service);
        if service.headless {
            let known: Vec<u16> = all
                .iter()
                .filter_map(|(ports, ..)| match ports {
                    Ports::Only(port) => Some(*port),
                    Ports::AllBut(_) => None,
                })
                .collect();
            if !known.is_empty() {
                all.push((Ports::AllBut(known), Some(&UNNAMED), false));
            }
        }
        for (ports, port, tcp) in all {
            let direct = |finder: &Self, hop: &Hop<'a>| -> Vec<Vec<Point<'a>>> {
                if backends.is_empty() {
                    return vec![finder.unknown_pod(service, hop, port, tcp)];
                }
                let pods = backends.iter();
                pods.map(|pod| finder.backend(*pod, hop, port, tcp))
                    .collect()
            };
            let via = if service.headless {
                Via::Pod
            } else {
                Via::Service
            };
            self.add(self.clients.outside(), &ports, via, direct(self, &PLAIN));
            let Some((gateway, doubts)) = bound else {
                self.add(
                    self.clients.inside(|_| true),
                    &ports,
                    via,
                    direct(self, &DIRECT),
                );
                continue;
            };
            let past = self.clients.inside(|sender| !redirected(sender));
            self.add(past, &ports, via, direct(self, &DIRECT));
            let attached = points
                .services
                .get(at)
                .map_or(&[] as &[Attached], Vec::as_slice);
            // A waypoint sees the Service's port.
            let first = Point {
                destination: self.destination((&service.namespace, &service.name), &service.ips),
                ..self.waypoint(gateway, attached, tcp, seen_port(&ports))
            };
            let hop = self.behind(gateway);
            let mut chains = direct(self, &hop);
            for chain in &mut chains {
                chain.insert(0, first.clone());
            }
            if !doubts.is_empty() {
                chains.extend(direct(self, &DIRECT));
            }
            let through = self.clients.inside(redirected);
            self.add(through, &ports, Via::Waypoint, chains);
        }
    }

    /// Requests to the addresses of pods, any of these.
    fn pods(&mut self, workloads: &[usize]) {
        let points = &self.analysis.points;
        let mut tcp: Vec<u16> = Vec::new();
        for at in workloads {
            tcp.extend(self.tcp_ports(*at));
        }
        crate::order::sort(&mut tcp);
        tcp.dedup();
        let mut all: Vec<Ports> = tcp.iter().map(|port| Ports::Only(*port)).collect();
        all.push(Ports::AllBut(tcp));
        let is_bound =
            |at: &usize| matches!(points.workload_waypoints.get(*at), Some(Binding::To(..)));
        let bound = workloads.iter().any(is_bound);
        for ports in all {
            let chains = |finder: &Self, hop: &Hop<'a>, redirected: bool| -> Vec<Vec<Point<'a>>> {
                let mut chains = Vec::new();
                for at in workloads {
                    let speaks_tcp =
                        matches!(ports, Ports::Only(port) if finder.tcp_ports(*at).contains(&port));
                    let port = seen_port(&ports);
                    let binding = points.workload_waypoints.get(*at);
                    if let Some(Binding::To(gateway, doubts)) = binding.filter(|_| redirected) {
                        let attached = points.gateways.get(*gateway);
                        let attached = attached.map_or(&[] as &[Attached], Vec::as_slice);
                        let mut chain = vec![finder.waypoint(*gateway, attached, false, port)];
                        let behind = finder.behind(*gateway);
                        chain.extend(finder.pod(*at, &behind, port, speaks_tcp));
                        chains.push(chain);
                        if doubts.is_empty() {
                            continue;
                        }
                    }
                    chains.push(finder.pod(*at, hop, port, speaks_tcp));
                }
                chains
            };
            self.add(
                self.clients.outside(),
                &ports,
                Via::Pod,
                chains(self, &PLAIN, false),
            );
            if bound {
                // With `workload` or `all`, requests to a pod's own address go through the waypoint
                // too.
                let past = self.clients.inside(|sender| sender != Sender::Ambient);
                self.add(past, &ports, Via::Pod, chains(self, &DIRECT, false));
                let through = self.clients.inside(|sender| sender == Sender::Ambient);
                self.add(through, &ports, Via::Waypoint, chains(self, &DIRECT, true));
            } else {
                let inside = self.clients.inside(|_| true);
                self.add(inside, &ports, Via::Pod, chains(self, &DIRECT, false));
            }
        }
    }

    fn add(&mut self, clients: Condition, ports: &Ports, via: Via, all: Vec<Vec<Point<'a>>>) {
        // Hundreds of pods behind a Service mostly meet the same policies: one way stands for all.
        let mut chains: Vec<Vec<Point<'a>>> = Vec::new();
        for chain in all {
            if !chains.iter().rev().take(ALIKE).any(|known| *known == chain) {
                chains.push(chain);
            }
        }
        if clients != Condition::Never {
            self.cells.push(Cell {
                clients,
                ports: ports.clone(),
                via,
                chains,
            });
        }
    }

    fn waypoint(
        &self,
        gateway: usize,
        attached: &'a [Attached],
        tcp: bool,
        port: PortSeen<'a>,
    ) -> Point<'a> {
        Point {
            layer: Layer::Waypoint,
            tcp,
            attached: Cow::Borrowed(attached),
            presented: Presented::Client,
            port,
            peer: PeerSeen::Client,
            destination: self.destination(self.gateway(gateway), &[]),
            stale: self.analysis.points.unloadable.get(gateway) == Some(&true),
        }
    }

    fn destination(&self, id: Id<'a>, ips: &'a [IpAddr]) -> Destination<'a> {
        match ips {
            _ if !self.clients.by_destination => Destination::Unasked,
            [ip] => Destination::Known(*ip),
            _ => Destination::Unknown(id, ips),
        }
    }

    fn gateway(&self, at: usize) -> Id<'a> {
        let found = self.analysis.mesh.gateways.get(at);
        found.map_or(("", ""), |one| (&one.namespace, &one.name))
    }

    /// The pod sees the waypoint's identity and address.
    fn behind(&self, gateway: usize) -> Hop<'a> {
        let mesh = &self.analysis.mesh;
        let found = mesh.gateways.get(gateway);
        let account =
            found.and_then(|one| Some((one.namespace.as_str(), one.service_accounts.first()?)));
        let ip = self.analysis.points.gateway_ips.get(gateway);
        let peer = match ip.copied().flatten() {
            Some(ip) => PeerSeen::Waypoint(ip),
            None => PeerSeen::Unknown(self.gateway(gateway)),
        };
        let Some((namespace, account)) = account else {
            let presented = Presented::Nothing;
            return Hop { presented, peer };
        };
        Hop {
            presented: Presented::Fixed(format!(
                "{}/ns/{namespace}/sa/{account}",
                mesh.settings.trust_domain
            )),
            peer,
        }
    }

    fn backend(
        &self,
        workload: usize,
        hop: &Hop<'a>,
        port: Option<&'a TargetPort>,
        tcp: bool,
    ) -> Vec<Point<'a>> {
        let seen = match port {
            None => PortSeen::Asked,
            Some(TargetPort::Number(number)) => PortSeen::Fixed(*number),
            Some(TargetPort::Name(name)) => {
                let Some(one) = self.analysis.mesh.workloads.get(workload) else {
                    return Vec::new();
                };
                match one.ports.iter().find(|(known, _)| known == name) {
                    Some((_, number)) => PortSeen::Fixed(*number),
                    None => PortSeen::Unknown((&one.namespace, &one.name), name),
                }
            }
        };
        self.pod(workload, hop, seen, tcp)
    }

    /// A destination outside the mesh enforces nothing.
    fn pod(&self, workload: usize, hop: &Hop<'a>, port: PortSeen<'a>, tcp: bool) -> Vec<Point<'a>> {
        let Some(described) = self.analysis.mesh.workloads.get(workload) else {
            return Vec::new();
        };
        let points = &self.analysis.points;
        let ingress = points.as_ingress(workload);
        let layer = points.layer(workload, described);
        let at = |layer, tcp| Point {
            destination: self.destination((&described.namespace, &described.name), &described.ips),
            ..self.before_pod(
                layer,
                tcp,
                Cow::Borrowed(points.at_workload(layer, workload).unwrap_or_default()),
                hop,
                port,
            )
        };
        let mut found: Vec<Point<'a>> = layer.map(|layer| at(layer, tcp)).into_iter().collect();
        if let Some(ingress) = ingress {
            let point = at(Layer::Gateway, false);
            found.push(Point {
                // No identity of the mesh reaches its listeners.
                presented: Presented::Nothing,
                stale: point.stale || ingress.opaque && !ingress.attached.is_empty(),
                ..point
            });
        }
        found
    }

    /// A pod's own enforcement point, its address aside.
    fn before_pod(
        &self,
        layer: Layer,
        tcp: bool,
        attached: Cow<'a, [Attached]>,
        hop: &Hop<'a>,
        port: PortSeen<'a>,
    ) -> Point<'a> {
        let points = &self.analysis.points;
        Point {
            layer,
            tcp,
            presented: hop.presented.clone(),
            port,
            peer: hop.peer,
            destination: Destination::Unasked,
            stale: points.unloadable_at(layer, &attached).is_some(),
            attached,
        }
    }

    /// Pods that the input does not describe.
    fn unknown_pod(
        &self,
        service: &'a Service,
        hop: &Hop<'a>,
        port: Option<&'a TargetPort>,
        tcp: bool,
    ) -> Vec<Point<'a>> {
        let mesh = &self.analysis.mesh;
        let layer = match mesh.settings.data_plane {
            Some(DataPlane::None) => return Vec::new(),
            _ if service.entry => return Vec::new(),
            Some(DataPlane::Sidecar) => Layer::Sidecar,
            _ => Layer::Ztunnel,
        };
        let id = (service.namespace.as_str(), service.name.as_str());
        let attached = self.analysis.points.unknown_workload(mesh, id.0);
        let port = match port {
            None => PortSeen::Asked,
            Some(TargetPort::Number(number)) => PortSeen::Fixed(*number),
            Some(TargetPort::Name(name)) => PortSeen::Unknown(id, name),
        };
        vec![Point {
            destination: self.destination(id, &[]),
            ..self.before_pod(layer, tcp, Cow::Owned(attached), hop, port)
        }]
    }

    /// The ports that speak TCP at pods with a sidecar, by the Services before them.
    fn tcp_ports(&self, workload: usize) -> Vec<u16> {
        let (mesh, points) = (&self.analysis.mesh, &self.analysis.points);
        let sidecar = mesh
            .workloads
            .get(workload)
            .is_some_and(|one| one.data_plane == Some(DataPlane::Sidecar));
        if !sidecar {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (_, service) in points.before(mesh, workload) {
            for port in service.ports.iter().flatten() {
                if let (Protocol::Tcp, TargetPort::Number(number)) = (port.protocol, &port.target) {
                    found.push(*number);
                }
            }
        }
        found
    }
}

/// The ports of a Service: for which port asked, which port of the pod, whether it speaks TCP.
fn service_ports(service: &Service) -> Vec<(Ports, Option<&TargetPort>, bool)> {
    let Some(ports) = &service.ports else {
        return vec![(Ports::AllBut(Vec::new()), None, false)];
    };
    let mut found: Vec<(Ports, Option<&TargetPort>, bool)> = Vec::new();
    for port in ports.iter().filter(|port| port.protocol != Protocol::Udp) {
        let only = Ports::Only(port.port);
        if found.iter().all(|(known, ..)| *known != only) {
            found.push((only, Some(&port.target), port.protocol == Protocol::Tcp));
        }
    }
    found
}

fn seen_port<'a>(ports: &Ports) -> PortSeen<'a> {
    match ports {
        Ports::Only(port) => PortSeen::Fixed(*port),
        Ports::AllBut(_) => PortSeen::Asked,
    }
}
