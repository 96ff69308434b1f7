//! Pods, and templates of pods, from their manifests.

use super::manifests::{GATEWAY_NAME, labels, name, namespace, port_number};
use super::{DataPlane, Workload, label, shape};
use crate::text::Node;

/// A pod (`root` is `described`), or an owner and its template.
#[inline(never)]
pub(super) fn workload(
    root: &Node<'_>,
    described: &Node<'_>,
    spec: Option<&Node<'_>>,
    template: bool,
) -> Workload {
    let metadata = described.get("metadata");
    let annotations = labels(metadata.and_then(|node| node.get("annotations")));
    let get = |key: &str| spec.and_then(|spec| spec.get(key));
    let containers = || {
        ["containers", "initContainers"]
            .into_iter()
            .filter_map(get)
            .flat_map(|list| list.as_array().unwrap_or_default())
    };
    let mut ports = Vec::new();
    for port in containers().flat_map(|container| {
        let ports = container.get("ports").and_then(Node::as_array);
        ports.unwrap_or_default()
    }) {
        if let (Some(name), Some(number)) = (
            port.get("name").and_then(Node::as_str),
            port_number(port.get("containerPort")),
        ) {
            ports.push((name.to_owned(), number));
        }
    }
    let has_proxy = containers().any(is_proxy);
    let of_gateway = metadata
        .and_then(|node| node.get("labels"))
        .is_some_and(|labels| labels.get(GATEWAY_NAME).is_some());
    let router = is_router(containers().filter(|one| is_proxy(one)), &annotations);
    let data_plane = if label(&annotations, "ambient.istio.io/redirection") == Some("enabled") {
        Some(DataPlane::Ambient)
    } else if router && !of_gateway {
        // Nobody else carries what comes to its Envoy.
        Some(DataPlane::None)
    } else if (has_proxy || label(&annotations, "sidecar.istio.io/status").is_some()) && !of_gateway
    {
        Some(DataPlane::Sidecar)
    } else if get("hostNetwork").and_then(shape::flag) == Some(true) {
        // Pods on the node's own network cannot be redirected.
        Some(DataPlane::None)
    } else {
        None
    };
    let account = get("serviceAccountName").or(get("serviceAccount"));
    Workload {
        namespace: namespace(root),
        // Of `web-x7k2p`, where the API server makes up what follows `web-`.
        name: name(root).trim_end_matches('-').to_owned(),
        template,
        labels: labels(metadata.and_then(|node| node.get("labels"))),
        service_account: account
            .and_then(Node::as_str)
            .unwrap_or("default")
            .to_owned(),
        ips: Vec::new(),
        ports,
        data_plane,
        router,
    }
}

fn is_proxy(container: &Node<'_>) -> bool {
    container.get("name").and_then(Node::as_str) == Some("istio-proxy")
}

/// Whether a proxy is told to be a gateway's, or will be by what is injected.
fn is_router<'n>(
    mut proxies: impl Iterator<Item = &'n Node<'n>>,
    annotations: &[(String, String)],
) -> bool {
    let templates = label(annotations, "inject.istio.io/templates").unwrap_or_default();
    let mut templates = templates.split(',').map(str::trim);
    templates.any(|one| one == "gateway")
        || proxies.any(|proxy| {
            let args = proxy.get("args").and_then(Node::as_array);
            let mut args = args.unwrap_or_default().iter().map(Node::as_str);
            args.any(|one| one == Some("router"))
        })
}
