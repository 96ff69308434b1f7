//! One request under way: what each enforcement point sees of it, and answers.

use super::decide::{Analysis, Outcome, Step, Why};
use super::headers::Header;
use super::matching::{Client, Identity, Seen};
use super::points::{Attached, Layer};
use super::request::Request;
use super::verdict::{Doubts, Verdict};
use super::ways::Caller;
use crate::mesh::{DataPlane, Protocol, Service, TargetPort};
use std::borrow::Cow;
use std::net::IpAddr;

/// What a Service's port is.
pub(super) struct Port {
    /// The pod's port.
    pub(super) target: Option<u16>,
    /// It speaks TCP.
    pub(super) tcp: bool,
}

/// One request under way.
pub(super) struct Asker<'a> {
    pub(super) analysis: &'a Analysis,
    pub(super) request: &'a Request,
    /// `Some(None)`: Envoy refuses the path.
    pub(super) path: Option<Option<Cow<'a, str>>>,
    /// As policies see them.
    pub(super) headers: Cow<'a, [Header]>,
    pub(super) identity: Option<Identity>,
    /// Who sends to the next step.
    pub(super) caller: Caller,
    pub(super) source_ip: Option<IpAddr>,
    /// Also those ways that were not asked for.
    pub(super) all_ways: bool,
}

impl Asker<'_> {
    pub(super) fn waypoint(
        &mut self,
        gateway: Option<usize>,
        service: Option<usize>,
        attached: &[Attached],
        tcp: bool,
    ) -> Step {
        let analysis = self.analysis;
        let ips = service
            .and_then(|at| analysis.mesh.services.get(at))
            .map_or(&[] as &[IpAddr], |service| &service.ips);
        // A waypoint sees the Service's port.
        let port = self.request.port;
        let stale = gateway
            .and_then(|at| analysis.points.unloadable.get(at))
            .is_some_and(|stale| *stale);
        let outcome = if stale {
            Outcome::doubtful(Doubts::UNLOADABLE)
        } else {
            self.ask(Layer::Waypoint, tcp, attached, port, ips)
        };
        Step {
            layer: Layer::Waypoint,
            gateway,
            service,
            workload: None,
            port,
            tcp,
            client: self.caller,
            source_ip: self.source_ip,
            outcome,
        }
    }

    pub(super) fn pod(
        &mut self,
        layer: Layer,
        namespace: &str,
        workload: Option<usize>,
        port: Option<u16>,
        tcp: bool,
    ) -> Step {
        let analysis = self.analysis;
        let described = workload.and_then(|at| analysis.mesh.workloads.get(at));
        let unknown;
        let attached = match workload.and_then(|at| analysis.points.at_workload(layer, at)) {
            Some(attached) => attached,
            None => {
                unknown = analysis.points.unknown_workload(&analysis.mesh, namespace);
                &unknown
            }
        };
        let ips = described.map_or(&[] as &[IpAddr], |workload| &workload.ips);
        let outcome = self.ask(layer, tcp, attached, port, ips);
        Step {
            layer,
            gateway: None,
            service: None,
            workload,
            port,
            tcp,
            client: self.caller,
            source_ip: self.source_ip,
            outcome,
        }
    }

    pub(super) fn ask(
        &self,
        layer: Layer,
        tcp: bool,
        attached: &[Attached],
        port: Option<u16>,
        destination: &[IpAddr],
    ) -> Outcome {
        if layer != Layer::Ztunnel && !tcp && matches!(self.path, Some(None)) {
            return Outcome::certain(Verdict::Denied, Why::BadRequest);
        }
        let seen = self.seen(layer, port, destination);
        self.analysis.evaluate(layer, tcp, attached, &seen)
    }

    pub(super) fn seen(&self, layer: Layer, port: Option<u16>, destination: &[IpAddr]) -> Seen<'_> {
        let client = match (self.presented(), layer) {
            (Some(identity), _) => Client::Known(identity),
            (None, Layer::Waypoint) => Client::Dash,
            (None, _) => Client::Unknown,
        };
        let destination_ip = match (self.request.destination_ip, destination) {
            (Some(ip), _) => Some(ip),
            (None, [ip]) => Some(*ip),
            (None, _) => None,
        };
        Seen {
            client,
            source_ip: self.source_ip,
            remote_ip: self.forwarded().or(self.source_ip),
            // Which proxies before a gateway are trusted is a setting of istiod's.
            forwarded_unknown: layer == Layer::Gateway,
            destination_ip,
            port,
            method: self.request.method.as_deref(),
            path: self.path.as_ref().and_then(|path| path.as_deref()),
            host: self.request.host.as_deref(),
            headers: &self.headers,
            claims: &self.request.claims,
            sni: &self.request.sni,
        }
    }

    /// `remoteIpBlocks` uses the last X-Forwarded-For entry, so a client may forge it.
    pub(super) fn forwarded(&self) -> Option<IpAddr> {
        let mut headers = self.headers.iter();
        let (_, values) = headers.find(|(name, _)| name == "x-forwarded-for")?;
        let last = values.last()?;
        last.rsplit(',').next()?.trim().parse().ok()
    }

    /// Who the next step takes the caller to be.
    fn presented(&self) -> Option<&Identity> {
        match self.caller {
            Caller::Client => self.identity.as_ref(),
            Caller::Nobody => None,
            Caller::Gateway(at) => self.analysis.points.identities.get(at)?.as_ref(),
        }
    }

    /// What the port asked is at a Service; `None`: it has no such port.
    pub(super) fn port(&self, service: &Service, workload: Option<usize>) -> Option<Port> {
        let Some(ports) = &service.ports else {
            return Some(Port {
                target: self.request.port,
                tcp: false,
            });
        };
        let Some(asked) = self.request.port else {
            return Some(Port {
                target: None,
                tcp: false,
            });
        };
        let found = ports
            .iter()
            .find(|port| port.port == asked && port.protocol != Protocol::Udp)?;
        Some(Port {
            target: match &found.target {
                TargetPort::Number(number) => Some(*number),
                TargetPort::Name(name) => workload
                    .and_then(|at| self.analysis.mesh.workloads.get(at))
                    .and_then(|workload| {
                        let mut ports = workload.ports.iter();
                        ports
                            .find(|(known, _)| known == name)
                            .map(|(_, number)| *number)
                    }),
            },
            tcp: found.protocol == Protocol::Tcp,
        })
    }

    /// Whether the port asked speaks TCP at a pod, by the Services before it.
    pub(super) fn pod_speaks_tcp(&self, workload: usize) -> bool {
        let (mesh, points) = (&self.analysis.mesh, &self.analysis.points);
        if mesh
            .workloads
            .get(workload)
            .is_none_or(|one| one.data_plane != Some(DataPlane::Sidecar))
        {
            return false;
        }
        points
            .before(mesh, workload)
            .flat_map(|(_, service)| service.ports.iter().flatten())
            .any(|port| {
                port.protocol == Protocol::Tcp
                    && matches!(port.target, TargetPort::Number(number) if Some(number) == self.request.port)
            })
    }
}
