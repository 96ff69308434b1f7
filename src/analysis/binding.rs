//! What a pod or a Service is bound to beside policies: its waypoint, and mutual TLS.

use super::index::Index;
use super::verdict::Doubts;
use crate::mesh::{
    AllowedRoutes, Labels, Mesh, MutualTls, PeerAuthentication, Readiness, WaypointFor, Workload,
    label, selects,
};

/// How a Service or a pod is bound to a waypoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// It names none, or opts out.
    None,
    /// To a Gateway, by its place in the mesh, with what is in doubt about it.
    To(usize, Doubts),
    /// It names one that does not take its requests: why, and what would help.
    Unusable(String, &'static str),
}

/// The namespace and the name of the waypoint that labels name.
fn named(labels: &Labels, namespace: &str) -> Option<(String, String)> {
    let name = label(labels, "istio.io/use-waypoint")?;
    let space = label(labels, "istio.io/use-waypoint-namespace").unwrap_or(namespace);
    Some((space.to_owned(), name.to_owned()))
}

/// What would have to be in the input to know a binding: the namespace whose labels may name a waypoint, or the one that
/// the waypoint is in. `None` where it is known: `has_gateways` tells of which namespaces the input has some.
pub(super) fn unsaid(
    index: &Index,
    mesh: &Mesh,
    labels: &Labels,
    namespace: &str,
    has_gateways: impl Fn(&str) -> bool,
) -> Option<String> {
    let described = index.spaces.find(&[namespace]).next();
    let own = named(labels, namespace);
    if own.is_none() && described.is_none() {
        return Some(format!(
            "the input has no Namespace `{namespace}`, whose labels may name one"
        ));
    }
    let of_namespace = || named(&mesh.namespaces.get(described?)?.labels, namespace);
    let (space, name) = own.or_else(of_namespace)?;
    (name != "none" && !has_gateways(&space))
        .then(|| format!("the input has no Gateway in `{space}`, not even `{name}`"))
}

/// The waypoint that a Service's or a pod's labels name, else those of its namespace.
/// Source: istio.io/istio `pilot/pkg/serviceregistry/ambient/waypoints.go`.
pub(super) fn binding(
    index: &Index,
    mesh: &Mesh,
    labels: &Labels,
    namespace: &str,
    service: bool,
) -> Binding {
    let of_namespace = || {
        let at = index.spaces.find(&[namespace]).next()?;
        mesh.namespaces.get(at).map(|one| &one.labels)
    };
    let (own, named) = match named(labels, namespace) {
        Some(found) => (true, Some(found)),
        None => (
            false,
            of_namespace().and_then(|labels| named(labels, namespace)),
        ),
    };
    // `none` opts out.
    let Some((space, name)) = named.filter(|(_, name)| name != "none") else {
        return Binding::None;
    };
    let found = index.gateways.find(&[&space, &name]).next();
    let Some((at, gateway)) = found.and_then(|at| Some((at, mesh.gateways.get(at)?))) else {
        return Binding::Unusable(
            format!("the waypoint `{space}/{name}` is not there"),
            "make the Gateway, or name one that is there",
        );
    };
    let mut doubts = Doubts::NONE;
    match gateway.ready {
        Readiness::Ready => {}
        Readiness::NotReady => {
            return Binding::Unusable(
                format!("the waypoint `{space}/{name}` is not ready"),
                "see in the Gateway's status why it is not",
            );
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
        return Binding::Unusable(
            format!("the waypoint `{space}/{name}` does not admit the namespace `{namespace}`"),
            "let `allowedRoutes` of the Gateway's listener admit it",
        );
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
        let (what, help) = if service {
            (
                "Services",
                "set the label `istio.io/waypoint-for: service` on the Gateway",
            )
        } else {
            (
                "pods",
                "set the label `istio.io/waypoint-for: workload` on the Gateway",
            )
        };
        Binding::Unusable(
            format!("the waypoint `{space}/{name}` takes no requests to {what}"),
            help,
        )
    } else {
        Binding::None
    }
}

/// Whether PeerAuthentications demand mutual TLS at a workload: `None` if not, else what is in doubt
/// about it, and which of them sets modes by port. Workload over namespace over mesh, the oldest of a kind.
/// Source: istio.io/istio `pilot/pkg/serviceregistry/ambient/authorization.go`.
pub(super) fn strict<'p>(
    root: &str,
    of_namespace: &dyn Fn(&str) -> Vec<&'p PeerAuthentication>,
    workload: &Workload,
) -> Option<(Doubts, Option<&'p PeerAuthentication>)> {
    let oldest = |name: &str, of_workload: bool| {
        let mut found: Option<&'p PeerAuthentication> = None;
        for peer in of_namespace(name) {
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
        (true, _) => Some((Doubts::PORT_LEVEL, for_workload)),
        (false, true) => Some((Doubts::NONE, None)),
        (false, false) => None,
    }
}
