//! Services and ServiceEntries from their manifests.

use super::manifests::{address, labels, name, namespace, port_number};
use super::{Protocol, Service, ServicePort, TargetPort};
use crate::text::Node;

/// Reads a Service.
pub(super) fn service(root: &Node<'_>) -> Service {
    let spec = root.get("spec");
    let get = |key: &str| spec.and_then(|spec| spec.get(key));
    let mut service = Service {
        namespace: namespace(root),
        name: name(root),
        labels: labels(root.get("metadata").and_then(|node| node.get("labels"))),
        selector: get("selector")
            .map(|node| labels(Some(node)))
            .filter(|labels| !labels.is_empty()),
        ports: Some(Vec::new()),
        headless: get("clusterIP").and_then(Node::as_str) == Some("None"),
        ips: Vec::new(),
        entry: false,
    };
    let one = std::iter::once(get("clusterIP")).flatten();
    let all = get("clusterIPs").and_then(Node::as_array);
    for ip in all.unwrap_or_default().iter().chain(one) {
        if let Some(ip) = address(Some(ip))
            && !service.ips.contains(&ip)
        {
            service.ips.push(ip);
        }
    }
    let mut ports = Vec::new();
    for node in get("ports").and_then(Node::as_array).unwrap_or_default() {
        let Some(port) = port_number(node.get("port")) else {
            continue;
        };
        let text = |key: &str| {
            let text = node.get(key).and_then(Node::as_str);
            text.filter(|text| !text.is_empty())
        };
        let target = match (port_number(node.get("targetPort")), text("targetPort")) {
            (Some(number), _) => TargetPort::Number(number),
            (None, Some(name)) => match name.parse() {
                Ok(number) => TargetPort::Number(number),
                Err(_) => TargetPort::Name(name.to_owned()),
            },
            (None, None) => TargetPort::Number(port),
        };
        ports.push(ServicePort {
            port,
            target,
            protocol: protocol(port, text("name"), text("protocol"), text("appProtocol")),
        });
    }
    service.ports = Some(ports);
    service
}

/// Reads a ServiceEntry.
pub(super) fn service_entry(root: &Node<'_>) -> Service {
    let spec = root.get("spec");
    let get = |key: &str| spec.and_then(|spec| spec.get(key));
    let mut ports = Vec::new();
    for node in get("ports").and_then(Node::as_array).unwrap_or_default() {
        let Some(port) = port_number(node.get("number")) else {
            continue;
        };
        let protocol_name = node.get("protocol").and_then(Node::as_str);
        ports.push(ServicePort {
            port,
            target: TargetPort::Number(port_number(node.get("targetPort")).unwrap_or(port)),
            protocol: protocol(port, protocol_name, protocol_name, None),
        });
    }
    let addresses = get("addresses").and_then(Node::as_array);
    Service {
        namespace: namespace(root),
        name: name(root),
        labels: labels(root.get("metadata").and_then(|node| node.get("labels"))),
        selector: get("workloadSelector").map(|node| labels(node.get("labels"))),
        ports: Some(ports),
        headless: false,
        // With a block among them, nobody can say which address is meant.
        ips: addresses
            .unwrap_or_default()
            .iter()
            .map(|node| address(Some(node)))
            .collect::<Option<_>>()
            .unwrap_or_default(),
        entry: true,
    }
}

/// What a Service's port speaks: `appProtocol`, else the port name's first word; a few well-known
/// ports are TCP. Source: istio.io/istio `pkg/config/kube/conversion.go`.
fn protocol(port: u16, name: Option<&str>, transport: Option<&str>, app: Option<&str>) -> Protocol {
    if transport.is_some_and(|transport| transport.eq_ignore_ascii_case("udp")) {
        return Protocol::Udp;
    }
    match app {
        Some("kubernetes.io/h2c" | "kubernetes.io/ws") => return Protocol::Http,
        Some("kubernetes.io/wss") => return Protocol::Tcp,
        _ => {}
    }
    let text = app.or(name).unwrap_or_default().to_ascii_lowercase();
    let word = text.split('-').next().unwrap_or_default();
    match word {
        "http" | "http2" | "grpc" | "http_proxy" => Protocol::Http,
        "tcp" | "https" | "tls" | "mongo" | "redis" | "mysql" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ if matches!(port, 25 | 53 | 3306 | 27017) => Protocol::Tcp,
        _ => Protocol::Sniffed,
    }
}
