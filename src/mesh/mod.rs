//! What there is: namespaces, workloads, services, waypoints, policies and settings of a mesh.
//!
//! Filled from Kubernetes objects ([`manifests`]), from Juju bundles ([`from_bundle`]), or both;
//! read by [`crate::analysis`].

mod conclude;
pub mod from_bundle;
mod gateways;
pub mod input;
mod kinds;
pub mod manifests;
mod mesh_config;
pub mod repeated;
mod services;
pub mod settings;
mod shape;
mod workloads;

pub use conclude::finish;
pub use settings::{DataPlane, PathNormalization, Settings};

use crate::diagnostic::Diagnostic;
use crate::istio::policy::AuthorizationPolicy;
use crate::text::Position;
use std::net::IpAddr;
use std::sync::Arc;

/// Labels, in the order in which they were read.
pub type Labels = Vec<(String, String)>;

/// The value of a label.
pub fn label<'a>(labels: &'a [(String, String)], key: &str) -> Option<&'a str> {
    labels
        .iter()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value.as_str())
}

/// Whether labels have all of a selector's.
pub fn selects(selector: &[(String, String)], labels: &[(String, String)]) -> bool {
    selector
        .iter()
        .all(|(key, value)| label(labels, key) == Some(value))
}

/// Everything that is known of a mesh.
#[derive(Debug, Clone, Default)]
pub struct Mesh {
    /// What is set for all of it.
    pub settings: Settings,
    /// Namespaces that the input describes; others may exist.
    pub namespaces: Vec<Namespace>,
    /// Pods, and the templates of pods.
    pub workloads: Vec<Workload>,
    /// Services and ServiceEntries.
    pub services: Vec<Service>,
    /// Gateways, waypoints among them.
    pub gateways: Vec<Gateway>,
    /// What Istio's own Gateways open.
    pub servers: Vec<Servers>,
    /// (namespace, name) of ServiceAccounts.
    pub service_accounts: Vec<(String, String)>,
    /// AuthorizationPolicies, refused ones included.
    pub policies: Vec<AuthorizationPolicy>,
    /// PeerAuthentications.
    pub peer_authentications: Vec<PeerAuthentication>,
    /// (namespace, name) of applications on the mesh whose policies the input does not tell: their charm files are missing.
    pub undeclared: Vec<(String, String)>,
    /// What looks wrong in what charms declare.
    pub lints: Vec<Diagnostic>,
    /// What was assumed and what cannot be known, each one sentence.
    pub assumptions: Vec<String>,
}

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
}

/// A pod, or the template of pods that a Deployment, StatefulSet or the like makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Its namespace.
    pub namespace: String,
    /// The pod's name, or the owner's.
    pub name: String,
    /// It stands for pods whose names begin with its name.
    pub template: bool,
    /// The labels of its pods.
    pub labels: Labels,
    /// Its service account.
    pub service_account: String,
    /// The addresses of a pod.
    pub ips: Vec<IpAddr>,
    /// Container ports by name.
    pub ports: Vec<(String, u16)>,
    /// Who carries its traffic; `None`: the input does not say.
    pub data_plane: Option<DataPlane>,
    /// Its Envoy is a gateway's (`proxy router`), such as Istio's ingress gateway, and no sidecar.
    pub router: bool,
}

/// Where a Service's port leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetPort {
    /// A port of the pod.
    Number(u16),
    /// The container port of this name.
    Name(String),
}

/// What a port speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP, HTTP/2 or gRPC.
    Http,
    /// TCP, or TLS that nobody in between opens.
    Tcp,
    /// Not declared: whatever comes is looked at.
    Sniffed,
    /// UDP, which the mesh does not carry.
    Udp,
}

/// A port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// The Service's port.
    pub port: u16,
    /// The pod's.
    pub target: TargetPort,
    /// What it speaks.
    pub protocol: Protocol,
}

/// A Service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Service {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// The pods behind it; `None`: it has no selector.
    pub selector: Option<Labels>,
    /// Its ports; `None`: they are not known, and each leads to the same port of the pod.
    pub ports: Option<Vec<ServicePort>>,
    /// Its name resolves to its pods' addresses.
    pub headless: bool,
    /// Its own addresses.
    pub ips: Vec<IpAddr>,
    /// It is a ServiceEntry.
    pub entry: bool,
}

/// What traffic a waypoint takes: `istio.io/waypoint-for`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WaypointFor {
    /// Requests to Services.
    #[default]
    Service,
    /// Requests to pods' own addresses.
    Workload,
    /// Both.
    All,
    /// Nothing.
    None,
}

/// Whose namespaces may use a gateway: `allowedRoutes.namespaces`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AllowedRoutes {
    /// The gateway's own.
    #[default]
    Same,
    /// All.
    All,
    /// Those with these labels.
    Selector(Labels),
    /// Those that a selector names by expressions, which are not evaluated.
    Expressions,
}

/// Whether a waypoint takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It has an address.
    Ready,
    /// It has none.
    NotReady,
    /// The input does not say.
    Unknown,
}

/// A Gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `spec.gatewayClassName`
    pub class: String,
    /// What it takes, if it is a waypoint.
    pub waypoint_for: WaypointFor,
    /// Whose namespaces may use it.
    pub allowed: AllowedRoutes,
    /// Whether it takes requests.
    pub ready: Readiness,
    /// A listener carries other than HTTP.
    pub opaque: bool,
    /// The service accounts of its pods; where no pod is known, the one named like it.
    pub service_accounts: Vec<String>,
}

/// A Gateway of `networking.istio.io`: servers at the gateways that it selects, in all namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers {
    /// Which pods serve; without labels, all gateways' do.
    pub selector: Labels,
    /// One carries other than HTTP, or takes clients' certificates.
    pub opaque: bool,
}

/// `mtls.mode` of a PeerAuthentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MutualTls {
    /// What the next wider one says.
    #[default]
    Unset,
    /// Not demanded, not offered.
    Disable,
    /// Offered.
    Permissive,
    /// Demanded.
    Strict,
}

/// A PeerAuthentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAuthentication {
    /// The file it was read from.
    pub file: Arc<str>,
    /// Where it stands.
    pub at: Position,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// When it was made, as written; the oldest of a kind counts.
    pub created: String,
    /// The pods that it is for; `None` for all.
    pub selector: Option<Labels>,
    /// Its mode.
    pub mode: MutualTls,
    /// Modes by port.
    pub ports: Vec<(u16, MutualTls)>,
}

/// The class of waypoints that Istio manages.
pub const WAYPOINT_CLASS: &str = "istio-waypoint";

/// The GatewayClass of ingress gateways that Istio runs.
pub const INGRESS_CLASS: &str = "istio";

// === impl Mesh ===

impl Mesh {
    /// A namespace that the input describes.
    pub fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces
            .iter()
            .find(|namespace| namespace.name == name)
    }
}

// === impl Workload ===

impl Workload {
    /// Whether a pod's name is its own or, for a template, one that it would give.
    pub fn is_named(&self, name: &str) -> bool {
        match name.strip_prefix(self.name.as_str()) {
            Some("") => true,
            Some(rest) => self.template && rest.starts_with('-') && rest.len() > 1,
            None => false,
        }
    }
}

impl Workload {
    /// The address of a pod that has one only.
    pub fn address(&self) -> Option<IpAddr> {
        match self.ips.as_slice() {
            [ip] if !self.template => Some(*ip),
            _ => None,
        }
    }
}

// === impl Gateway ===

impl Gateway {
    /// Whether it is a waypoint, by its class.
    pub fn is_waypoint(&self) -> bool {
        self.class == WAYPOINT_CLASS || self.class.ends_with("-waypoint")
    }

    /// Whether it is an ingress gateway that Istio runs, by its class.
    pub fn is_ingress(&self) -> bool {
        self.class == INGRESS_CLASS
    }
}
