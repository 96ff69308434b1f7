//! The ways from a client to its target, and what a request meets on each.

use super::asker::Asker;
use super::decide::{Analysis, Outcome};
use super::headers;
use super::matching::{Identity, Seen};
use super::path::normalise;
use super::points::{Attached, Binding, Layer};
use super::request::{Request, Target};
use super::sender::Sender;
use super::verdict::{Doubts, Verdict};
use crate::mesh::{DataPlane, Service, Workload, label};
use std::borrow::Cow;
use std::net::IpAddr;

/// How a request comes to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// Through a waypoint.
    Waypoint,
    /// To the Service's address and from there to a pod, past any waypoint.
    Service,
    /// To the pod's own address.
    Pod,
    /// To one enforcement point, as asked.
    Layer,
}

impl Via {
    /// As written in answers.
    pub fn name(self) -> &'static str {
        match self {
            Via::Waypoint => "waypoint",
            Via::Service => "service",
            Via::Pod => "pod",
            Via::Layer => "layer",
        }
    }
}

/// Who sends a request to an enforcement point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The request's own client.
    Client,
    /// Somebody without identity.
    Nobody,
    /// A waypoint, by its Gateway's place in the mesh.
    Gateway(usize),
}

/// One enforcement point on a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Who enforces.
    pub layer: Layer,
    /// The waypoint's Gateway, by its place in the mesh.
    pub gateway: Option<usize>,
    /// The Service whose policies the waypoint applies, by its place in the mesh.
    pub service: Option<usize>,
    /// The pods, by their workload's place in the mesh.
    pub workload: Option<usize>,
    /// The port that it sees.
    pub port: Option<u16>,
    /// The port speaks TCP there.
    pub tcp: bool,
    /// Who it takes the client to be.
    pub client: Caller,
    /// The address that the client comes from, where it is known.
    pub source_ip: Option<IpAddr>,
    /// Its answer.
    pub outcome: Outcome,
}

/// A way to the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Which.
    pub via: Via,
    /// It is one of those that a request to the address asked may take.
    pub asked: bool,
    /// All steps must allow.
    pub verdict: Verdict,
    /// What the verdict depends on.
    pub doubts: Doubts,
    /// The enforcement points, in order; none: nobody enforces anything.
    pub steps: Vec<Step>,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// For the address asked.
    pub verdict: Verdict,
    /// What it depends on.
    pub doubts: Doubts,
    /// The ways; those to the address asked first.
    pub ways: Vec<Way>,
    /// The client is known to be outside the mesh, although `from` names it.
    pub client_outside: bool,
}

impl Analysis {
    fn asker<'a>(&'a self, request: &'a Request) -> Asker<'a> {
        Asker {
            analysis: self,
            request,
            path: request
                .path
                .as_deref()
                .map(|path| normalise(path, self.mesh.settings.path_normalization)),
            headers: headers::seen(&request.headers),
            identity: request.from.as_ref().map(|(namespace, account)| {
                Identity::new(&self.mesh.settings.trust_domain, namespace, account)
            }),
            caller: if request.from.is_some() {
                Caller::Client
            } else {
                Caller::Nobody
            },
            source_ip: request.source_ip,
            all_ways: true,
        }
    }

    /// Shows what an enforcement point on a way saw of a request.
    pub fn with_seen<T>(
        &self,
        request: &Request,
        step: &Step,
        show: impl FnOnce(&Seen<'_>) -> T,
    ) -> T {
        let mut asker = self.asker(request);
        asker.caller = step.client;
        asker.source_ip = step.source_ip;
        let ips = match (step.service, step.workload) {
            (Some(at), _) => self.mesh.services.get(at).map(|service| &service.ips),
            (None, Some(at)) => self.mesh.workloads.get(at).map(|workload| &workload.ips),
            (None, None) => None,
        };
        show(&asker.seen(step.layer, step.port, ips.map_or(&[], Vec::as_slice)))
    }

    /// What is attached at an enforcement point on a way.
    pub fn attached(&self, request: &Request, step: &Step) -> std::borrow::Cow<'_, [Attached]> {
        let points = &self.points;
        let (Target::Service { namespace, name } | Target::Pod { namespace, name }) = &request.to;
        let found = match (step.layer, step.service, step.workload, step.gateway) {
            (Layer::Waypoint, Some(at), ..) => points.services.get(at),
            (Layer::Waypoint, None, _, Some(at)) => points.gateways.get(at),
            (Layer::Waypoint, ..) => {
                return Cow::Owned(points.unknown_service(&self.mesh, namespace, name));
            }
            (layer, _, Some(at), _) => {
                return Cow::Borrowed(points.at_workload(layer, at).unwrap_or_default());
            }
            _ => return Cow::Owned(points.unknown_workload(&self.mesh, namespace)),
        };
        Cow::Borrowed(found.map_or(&[], Vec::as_slice))
    }

    /// Answers a request.
    pub fn decide(&self, request: &Request) -> Answer {
        let mut asker = self.asker(request);
        match request.layer {
            Some(layer) => asker.layer(layer),
            None => asker.ways(),
        }
    }

    /// The verdicts of a batch, without what led to them.
    pub fn verdicts(&self, requests: &[Request]) -> Vec<Verdict> {
        requests
            .iter()
            .map(|request| {
                let mut asker = self.asker(request);
                asker.all_ways = false;
                let answer = match request.layer {
                    Some(layer) => asker.layer(layer),
                    None => asker.ways(),
                };
                answer.verdict
            })
            .collect()
    }

    /// How a request's client is carried, and its address where it has one pod only.
    fn sender(&self, from: Option<&(String, String)>) -> (Sender, Option<IpAddr>) {
        let Some((namespace, account)) = from else {
            return (Sender::Outside, None);
        };
        let accounts = self.points.of_account(namespace, account);
        let mut workloads = accounts.filter_map(|at| self.mesh.workloads.get(at));
        let first = workloads.next();
        let second = workloads.next();
        let address = first
            .filter(|_| second.is_none())
            .and_then(Workload::address);
        let all = first.into_iter().chain(second).chain(workloads);
        let sender =
            Sender::of_account(all).unwrap_or_else(|| Sender::unknown(&self.mesh.settings));
        (sender, address)
    }
}

impl Asker<'_> {
    /// Asks one enforcement point.
    fn layer(&mut self, layer: Layer) -> Answer {
        let points = &self.analysis.points;
        let mesh = &self.analysis.mesh;
        let mut steps = Vec::new();
        match (&self.request.to, layer) {
            (Target::Service { namespace, name }, Layer::Waypoint) => {
                let at = points.service(namespace, name);
                let service = at.and_then(|at| mesh.services.get(at));
                let port = service.map(|service| self.port(service, None));
                let unknown;
                let attached = match at.and_then(|at| points.services.get(at)) {
                    Some(attached) => attached.as_slice(),
                    None => {
                        unknown = points.unknown_service(mesh, namespace, name);
                        &unknown
                    }
                };
                let gateway = at.and_then(|at| match points.service_waypoints.get(at) {
                    Some(Binding::To(gateway, _)) => Some(*gateway),
                    _ => None,
                });
                let tcp = port.flatten().is_some_and(|port| port.tcp);
                steps.push(self.waypoint(gateway, at, attached, tcp));
            }
            (Target::Pod { namespace, name }, Layer::Waypoint) => {
                let at = points.workload(mesh, namespace, name);
                let gateway = match at.and_then(|at| points.workload_waypoints.get(at)) {
                    Some(Binding::To(gateway, _)) => Some(*gateway),
                    _ => None,
                };
                let attached = gateway.and_then(|at| points.gateways.get(at));
                let attached = attached.map_or(&[] as &[Attached], Vec::as_slice);
                steps.push(self.waypoint(gateway, None, attached, false));
            }
            (Target::Pod { namespace, name }, layer) => {
                let at = points.workload(mesh, namespace, name);
                let tcp = at.is_some_and(|at| self.pod_speaks_tcp(at));
                let port = self.request.port;
                steps.push(self.pod(layer, namespace, at, port, tcp));
            }
            (Target::Service { namespace, name }, layer) => {
                let at = points.service(namespace, name);
                let service = at.and_then(|at| mesh.services.get(at));
                let backends = at.and_then(|at| points.backends.get(at));
                let backends = backends.map_or(&[] as &[u32], Vec::as_slice);
                for workload in backends {
                    let workload = *workload as usize;
                    let port = service.and_then(|service| self.port(service, Some(workload)));
                    let target = port.as_ref().map_or(self.request.port, |port| port.target);
                    let tcp = port.is_some_and(|port| port.tcp);
                    let step = self.pod(layer, namespace, Some(workload), target, tcp);
                    if steps
                        .iter()
                        .all(|known: &Step| known.outcome != step.outcome)
                    {
                        steps.push(step);
                    }
                }
                if backends.is_empty() {
                    let port = service.and_then(|service| self.port(service, None));
                    let target = port.as_ref().map_or(self.request.port, |port| port.target);
                    let tcp = port.is_some_and(|port| port.tcp);
                    steps.push(self.pod(layer, namespace, None, target, tcp));
                }
            }
        }
        let (verdict, doubts) = alternatives(
            steps
                .iter()
                .map(|step| (step.outcome.verdict, step.outcome.doubts)),
            Doubts::PODS,
        );
        Answer {
            verdict,
            doubts,
            ways: vec![Way {
                via: Via::Layer,
                asked: true,
                verdict,
                doubts,
                steps,
            }],
            client_outside: false,
        }
    }

    /// Asks every enforcement point on every way to the target.
    fn ways(&mut self) -> Answer {
        let analysis = self.analysis;
        let (mesh, points) = (&analysis.mesh, &analysis.points);
        let (sender, address) = analysis.sender(self.request.from.as_ref());
        let client_outside = matches!(sender, Sender::Outside) && self.request.from.is_some();
        if client_outside {
            self.caller = Caller::Nobody;
        }
        self.source_ip = self.source_ip.or(address);
        let port = self.request.port;
        let mut ways = Vec::new();
        match &self.request.to {
            Target::Service { namespace, name } => {
                let Some(at) = points.service(namespace, name) else {
                    return unknown_target();
                };
                let Some(service) = mesh.services.get(at) else {
                    return unknown_target();
                };
                let backends = points.backends.get(at).map_or(&[] as &[u32], Vec::as_slice);
                if service.headless {
                    // Headless Services resolve to pods.
                    for workload in backends {
                        self.towards_pod(*workload as usize, (sender, port), true, &mut ways);
                    }
                    if backends.is_empty() {
                        let step = self.towards_unknown_pod(service);
                        ways.push(way(Via::Pod, true, step, Doubts::NONE));
                    }
                } else {
                    self.towards_service(at, service, sender, &mut ways);
                    let besides = backends.iter().filter(|_| self.all_ways);
                    for workload in besides.copied().collect::<Vec<u32>>() {
                        let at = workload as usize;
                        // The pod listens where the Service's port leads.
                        let port = self.port(service, Some(at)).and_then(|port| port.target);
                        let port = port.or(self.request.port);
                        self.towards_pod(at, (sender, port), false, &mut ways);
                    }
                }
            }
            Target::Pod { namespace, name } => {
                let Some(at) = points.workload(mesh, namespace, name) else {
                    return unknown_target();
                };
                self.towards_pod(at, (sender, port), true, &mut ways);
            }
        }
        let asked = ways.iter().filter(|way| way.asked);
        let mut why = Doubts::NONE;
        for way in asked.clone() {
            why |= way.doubts;
        }
        let differing = if why.has(Doubts::READY) || why.has(Doubts::ADMITTED) {
            Doubts::NONE
        } else {
            Doubts::PODS
        };
        let (verdict, doubts) = alternatives(asked.map(|way| (way.verdict, way.doubts)), differing);
        Answer {
            verdict,
            doubts,
            ways,
            client_outside,
        }
    }

    fn towards_service(
        &mut self,
        at: usize,
        service: &Service,
        sender: Sender,
        ways: &mut Vec<Way>,
    ) {
        let points = &self.analysis.points;
        let Some(_) = self.port(service, None) else {
            ways.push(Way {
                via: Via::Service,
                asked: true,
                verdict: Verdict::Denied,
                doubts: Doubts::NONE,
                steps: Vec::new(),
            });
            return;
        };
        let takes_waypoint = match sender {
            Sender::Ambient => true,
            // Ingress gateways pass waypoints by unless the Service says otherwise.
            Sender::Ingress => {
                label(&service.labels, "istio.io/ingress-use-waypoint") == Some("true")
            }
            // A client outside the mesh is not redirected to a waypoint.
            Sender::Sidecar | Sender::Outside => false,
        };
        let bound = match points.service_waypoints.get(at) {
            Some(Binding::To(gateway, doubts)) if takes_waypoint => Some((*gateway, *doubts)),
            _ => None,
        };
        if let Some((gateway, doubts)) = bound {
            self.through_waypoint(gateway, Some(at), doubts, ways);
            if doubts.is_empty() {
                return;
            }
        }
        let doubts = bound.map_or(Doubts::NONE, |(_, doubts)| doubts);
        let backends = points.backends.get(at).map_or(&[] as &[u32], Vec::as_slice);
        let first = ways.len();
        for workload in backends {
            let steps = self.at_backend(service, *workload as usize);
            let one = way(Via::Service, true, steps, doubts);
            push_unlike(ways, first, one);
        }
        if backends.is_empty() {
            let steps = self.towards_unknown_pod(service);
            ways.push(way(Via::Service, true, steps, doubts));
        }
    }

    /// client → waypoint → pod: both must allow it.
    fn through_waypoint(
        &mut self,
        gateway: usize,
        service: Option<usize>,
        doubts: Doubts,
        ways: &mut Vec<Way>,
    ) {
        let analysis = self.analysis;
        let (mesh, points) = (&analysis.mesh, &analysis.points);
        let described = service.and_then(|at| mesh.services.get(at));
        let attached = match service {
            Some(at) => points.services.get(at),
            None => points.gateways.get(gateway),
        };
        let attached = attached.map_or(&[] as &[Attached], Vec::as_slice);
        let tcp = described
            .and_then(|service| self.port(service, None))
            .is_some_and(|port| port.tcp);
        let step = self.waypoint(Some(gateway), service, attached, tcp);
        let before = self.go_behind(gateway);
        let first = ways.len();
        let backends = service
            .and_then(|at| points.backends.get(at))
            .map_or(&[] as &[u32], Vec::as_slice);
        if let Some(service) = described {
            for workload in backends {
                let mut steps = vec![step.clone()];
                steps.extend(self.at_backend(service, *workload as usize));
                push_unlike(ways, first, way(Via::Waypoint, true, steps, doubts));
            }
            if backends.is_empty() {
                let mut steps = vec![step];
                steps.extend(self.towards_unknown_pod(service));
                ways.push(way(Via::Waypoint, true, steps, doubts));
            }
        } else {
            ways.push(way(Via::Waypoint, true, vec![step], doubts));
        }
        (self.caller, self.source_ip) = before;
    }

    /// The pod sees the waypoint's identity and address. Returns what it saw before.
    fn go_behind(&mut self, gateway: usize) -> (Caller, Option<IpAddr>) {
        let before = (self.caller, self.source_ip);
        self.caller = Caller::Gateway(gateway);
        let addresses = &self.analysis.points.gateway_ips;
        self.source_ip = addresses.get(gateway).copied().flatten();
        before
    }

    /// To a pod's own address.
    fn towards_pod(
        &mut self,
        at: usize,
        (sender, port): (Sender, Option<u16>),
        asked: bool,
        ways: &mut Vec<Way>,
    ) {
        let points = &self.analysis.points;
        let binding = points.workload_waypoints.get(at);
        let bound = match (binding, sender) {
            // With `workload` or `all`, requests to a pod's own address go through the waypoint too.
            (Some(Binding::To(gateway, doubts)), Sender::Ambient) => Some((*gateway, *doubts)),
            _ => None,
        };
        if let Some((gateway, doubts)) = bound {
            let first = ways.len();
            self.through_waypoint(gateway, None, doubts, ways);
            if let Some(made) = ways.get_mut(first) {
                made.asked = asked;
                // The pod itself, seen from the waypoint.
                let before = self.go_behind(gateway);
                let port = self.request.port;
                made.steps
                    .extend(self.at_workload(at, port, self.pod_speaks_tcp(at)));
                (self.caller, self.source_ip) = before;
                let steps = std::mem::take(&mut made.steps);
                *made = way(Via::Waypoint, asked, steps, doubts);
            }
            if doubts.is_empty() {
                return;
            }
        }
        let doubts = bound.map_or(Doubts::NONE, |(_, doubts)| doubts);
        let tcp = self.pod_speaks_tcp(at);
        let steps = self.at_workload(at, port, tcp);
        let first = ways.iter().position(|way| way.via == Via::Pod);
        let one = way(Via::Pod, asked, steps, doubts);
        push_unlike(ways, first.unwrap_or(ways.len()), one);
    }

    /// A pod behind a Service, by the Service's port.
    fn at_backend(&mut self, service: &Service, workload: usize) -> Vec<Step> {
        let port = self.port(service, Some(workload));
        let target = port.as_ref().and_then(|port| port.target);
        let tcp = port.is_some_and(|port| port.tcp);
        self.at_workload(workload, target, tcp)
    }

    /// A destination outside the mesh enforces nothing.
    fn at_workload(&mut self, workload: usize, port: Option<u16>, tcp: bool) -> Vec<Step> {
        let Some(described) = self.analysis.mesh.workloads.get(workload) else {
            return Vec::new();
        };
        let namespace = described.namespace.as_str();
        let ingress = self.analysis.points.as_ingress(workload);
        let mut steps = Vec::new();
        if let Some(layer) = self.analysis.points.layer(workload, described) {
            steps.push(self.pod(layer, namespace, Some(workload), port, tcp));
        }
        if let Some(ingress) = ingress {
            // No identity of the mesh reaches its listeners.
            let caller = std::mem::replace(&mut self.caller, Caller::Nobody);
            let mut step = self.pod(Layer::Gateway, namespace, Some(workload), port, false);
            self.caller = caller;
            if ingress.opaque && !ingress.attached.is_empty() {
                step.outcome = Outcome::doubtful(Doubts::LISTENER);
            }
            steps.push(step);
        }
        steps
    }

    /// Pods that the input does not describe.
    fn towards_unknown_pod(&mut self, service: &Service) -> Vec<Step> {
        if service.entry || self.analysis.mesh.settings.data_plane == Some(DataPlane::None) {
            return Vec::new();
        }
        let port = self.port(service, None);
        let target = port.as_ref().and_then(|port| port.target);
        let tcp = port.is_some_and(|port| port.tcp);
        let layer = match self.analysis.mesh.settings.data_plane {
            Some(DataPlane::Sidecar) => Layer::Sidecar,
            _ => Layer::Ztunnel,
        };
        vec![self.pod(layer, &service.namespace, None, target, tcp)]
    }
}

fn unknown_target() -> Answer {
    Answer {
        verdict: Verdict::Depends,
        doubts: Doubts::TARGET,
        ways: Vec::new(),
        client_outside: false,
    }
}

/// All steps of a way must allow; the first that refuses decides.
fn way(via: Via, asked: bool, steps: Vec<Step>, doubts: Doubts) -> Way {
    let mut verdict = Verdict::Allowed;
    let mut found = Doubts::NONE;
    for step in &steps {
        match step.outcome.verdict {
            Verdict::Denied => {
                verdict = Verdict::Denied;
                break;
            }
            Verdict::Depends => {
                verdict = Verdict::Depends;
                found |= step.outcome.doubts;
            }
            Verdict::Allowed => {}
        }
    }
    // What is in doubt about the way itself counts only against other ways.
    Way {
        via,
        asked,
        verdict,
        doubts: if verdict == Verdict::Depends {
            found | doubts
        } else {
            doubts
        },
        steps,
    }
}

/// Adds a way unless one with the same steps' answers is among those from `first` on.
fn push_unlike(ways: &mut Vec<Way>, first: usize, one: Way) {
    let alike = ways.iter().skip(first).any(|known| {
        known.via == one.via
            && known.asked == one.asked
            && known.steps.len() == one.steps.len()
            && known
                .steps
                .iter()
                .zip(&one.steps)
                .all(|(left, right)| left.outcome == right.outcome && left.layer == right.layer)
    });
    if !alike {
        ways.push(one);
    }
}

/// One answer of several that a request may get: that of all if they agree.
fn alternatives(
    answers: impl Iterator<Item = (Verdict, Doubts)>,
    differing: Doubts,
) -> (Verdict, Doubts) {
    let mut found: Option<Verdict> = None;
    let mut differ = false;
    let mut doubts = Doubts::NONE;
    for (verdict, why) in answers {
        doubts |= why;
        differ |= found.is_some_and(|found| found != verdict);
        found.get_or_insert(verdict);
    }
    match found {
        _ if differ => (Verdict::Depends, doubts | differing),
        Some(Verdict::Depends) => (Verdict::Depends, doubts),
        Some(verdict) => (verdict, Doubts::NONE),
        None => (Verdict::Depends, Doubts::TARGET),
    }
}
