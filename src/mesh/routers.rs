//! Gateways of Istio's own API: pods whose Envoy is no sidecar, and the Gateways of `networking.istio.io` that say what
//! it listens to.

use super::manifests::labels;
use super::{Labels, Mesh, Routed, label, selects};
use crate::text::Node;

/// The Gateways of `networking.istio.io` that were read: which pods they are for, and whether all their servers carry
/// HTTP that the gateway itself sees.
#[derive(Debug, Default)]
pub(super) struct Routers(Vec<(Labels, bool)>);

impl Routers {
    /// Reads a Gateway.
    pub(super) fn read(&mut self, root: &Node<'_>) {
        let spec = root.get("spec");
        let servers = spec.and_then(|spec| spec.get("servers"));
        let servers = servers.and_then(Node::as_array).unwrap_or_default();
        let selector = labels(spec.and_then(|spec| spec.get("selector")));
        self.0.push((selector, servers.iter().all(is_http)));
    }

    /// Says of each gateway's pods what they listen to. Without a Gateway that is for them it stays unknown.
    pub(super) fn apply(&self, mesh: &mut Mesh) {
        for workload in &mut mesh.workloads {
            if workload.routed.is_none() {
                continue;
            }
            let mut own = self
                .0
                .iter()
                .filter(|(selector, _)| selects(selector, &workload.labels))
                .peekable();
            if own.peek().is_some() && own.all(|(_, is_http)| *is_http) {
                workload.routed = Some(Routed::Http);
            }
        }
    }
}

/// Plain HTTP, or TLS that ends here and asks nobody for an identity.
/// Source: istio.io/api `networking/v1/gateway.proto`, `Port.protocol` and `ServerTLSSettings.TLSmode`.
fn is_http(server: &Node<'_>) -> bool {
    let text = |part: &str, key: &str| server.get(part)?.get(key)?.as_str();
    let protocol = text("port", "protocol").unwrap_or_default();
    if protocol.eq_ignore_ascii_case("HTTPS") {
        return matches!(text("tls", "mode"), None | Some("SIMPLE"));
    }
    ["HTTP", "HTTP2", "GRPC", "GRPC-WEB"]
        .iter()
        .any(|known| protocol.eq_ignore_ascii_case(known))
}

/// Whether a pod's Envoy is a gateway: injected as one, or told so by its arguments.
pub(super) fn is_router<'n, 'a: 'n>(
    annotations: &Labels,
    mut containers: impl Iterator<Item = &'n Node<'a>>,
) -> bool {
    let templates = label(annotations, "inject.istio.io/templates").unwrap_or_default();
    templates.split(',').any(|one| one.trim() == "gateway")
        || containers.any(|container| {
            let args = container.get("args").and_then(Node::as_array);
            let mut args = args.unwrap_or_default().iter().map(Node::as_str);
            container.get("name").and_then(Node::as_str) == Some("istio-proxy")
                && args.any(|one| one == Some("router"))
        })
}
