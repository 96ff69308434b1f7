//! Gateways from their manifests: waypoints and others of the Gateway API, and those of Istio's own.

use super::manifests::{labels, name, namespace, port_number};
use super::{AllowedRoutes, Gateway, Readiness, Servers, WaypointFor, label};
use crate::text::Node;

/// How a listener takes TLS, as Istio has it.
const TLS_MODE: &str = "gateway.istio.io/tls-terminate-mode";

/// Reads a Gateway of the Gateway API, and whether it says itself what it is for, if it is a waypoint.
pub(super) fn gateway(root: &Node<'_>) -> (Gateway, bool) {
    let metadata = root.get("metadata");
    let labels = labels(metadata.and_then(|node| node.get("labels")));
    let spec = root.get("spec");
    let written = label(&labels, "istio.io/waypoint-for");
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
    let get = |path: &[&str]| {
        let found = path.iter().try_fold(spec?, |node, key| node.get(key));
        found.filter(|node| !node.is_null())
    };
    // Who a client is by its certificate, policies may ask.
    let asks_clients = get(&["tls", "frontend"]).is_some();
    let is_http = |listener: &Node<'_>| {
        let text = |node: Option<&Node<'_>>| node.and_then(Node::as_str).map(str::to_owned);
        let tls = |key: &str| listener.get("tls").and_then(|tls| tls.get(key));
        let mode = tls("options").and_then(|options| options.get(TLS_MODE));
        let asks = asks_clients || tls("frontendValidation").or(mode).is_some();
        match text(listener.get("protocol")).as_deref() {
            Some("HTTP") => true,
            Some("HTTPS") => !asks && text(tls("mode")).as_deref() != Some("Passthrough"),
            _ => false,
        }
    };
    let listeners = get(&["listeners"]).and_then(Node::as_array);
    let listeners = listeners.unwrap_or_default();
    // ListenerSets, which are not read, add listeners where they are let.
    let from = get(&["allowedListeners", "namespaces", "from"]).and_then(Node::as_str);
    let has_more = listeners.is_empty() || from.is_some_and(|from| from != "None");
    let gateway = Gateway {
        opaque: has_more || !listeners.iter().all(is_http),
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
    };
    (gateway, written.is_some())
}

/// A Gateway of Istio's own. Source: Istio's API, `networking/v1alpha3/gateway.proto`.
pub(super) fn servers(spec: Option<&Node<'_>>) -> Servers {
    let servers = spec.and_then(|spec| spec.get("servers")?.as_array());
    let is_http = |server: &Node<'_>| {
        let text = |key, of| server.get(key).and_then(|node| node.get(of)?.as_str());
        let (protocol, mode) = (text("port", "protocol"), text("tls", "mode"));
        match protocol.unwrap_or_default().to_ascii_uppercase().as_str() {
            "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB" => true,
            "HTTPS" => mode == Some("SIMPLE"),
            _ => false,
        }
    };
    let servers = servers.unwrap_or_default();
    Servers {
        selector: labels(spec.and_then(|spec| spec.get("selector"))),
        opaque: servers.is_empty() || !servers.iter().all(is_http),
    }
}

/// `istio.io/waypoint-for`
pub(super) fn waypoint_for(text: &str) -> WaypointFor {
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
