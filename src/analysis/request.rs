//! Questions: may this client send this request to that target?

use super::points::Layer;
use super::sendable;
use crate::istio::address::parse_address;
use crate::juju::charm::clip;
use crate::names::{is_dns_label, is_dns_subdomain};
use crate::text::{Node, Object, Value, parse_json};
use std::net::IpAddr;

/// What a request is sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A Service, by its name or cluster address.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A pod's own address.
    Pod {
        /// Its namespace.
        namespace: String,
        /// Its name, or that of the StatefulSet, Deployment or Juju application it belongs to.
        name: String,
    },
}

/// A request, and who sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The asker's name for it, as JSON text.
    pub id: Option<String>,
    /// Namespace and service account of the client; `None`: outside the mesh.
    pub from: Option<(String, String)>,
    /// The client's address.
    pub source_ip: Option<IpAddr>,
    /// The address that is connected to, where it is not the target's own.
    pub destination_ip: Option<IpAddr>,
    /// What it is sent to.
    pub to: Target,
    /// The port that is connected to.
    pub port: Option<u16>,
    /// The method.
    pub method: Option<String>,
    /// The path, with its query, as the client writes it.
    pub path: Option<String>,
    /// The `Host` header.
    pub host: Option<String>,
    /// Other headers by lower-case name.
    pub headers: Vec<(String, Vec<String>)>,
    /// Claims of a valid token, by path joined with `.`.
    pub claims: Vec<(String, Vec<String>)>,
    /// The server name of the TLS handshake.
    pub sni: String,
    /// The one enforcement point to ask; `from` is then the identity that it is presented.
    pub layer: Option<Layer>,
}

impl Target {
    /// Reads `service:NAMESPACE/NAME` or `pod:NAMESPACE/NAME`.
    pub fn parse(text: &str) -> Option<Target> {
        let (kind, rest) = text.split_once(':')?;
        Target::of(kind, rest)
    }

    fn of(kind: &str, id: &str) -> Option<Target> {
        let (namespace, name) = id.split_once('/')?;
        if !is_dns_label(namespace) || !is_dns_subdomain(name) {
            return None;
        }
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        match kind {
            "service" => Some(Target::Service { namespace, name }),
            "pod" => Some(Target::Pod { namespace, name }),
            _ => None,
        }
    }
}

impl Request {
    /// A request with nothing known but where it goes.
    pub fn to(to: Target) -> Request {
        Request {
            id: None,
            from: None,
            source_ip: None,
            destination_ip: None,
            to,
            port: None,
            method: None,
            path: None,
            host: None,
            headers: Vec::new(),
            claims: Vec::new(),
            sni: String::new(),
            layer: None,
        }
    }

    /// Reads one line of the protocol of `explain --requests`. The error is one lower-case sentence.
    pub fn read(line: &str) -> Result<Request, (Option<String>, String)> {
        let document = parse_json(line).map_err(|error| (None, error.to_string()))?;
        let root = &document.root;
        let id = root
            .get("id")
            .map(|node| crate::text::to_json(node).unwrap_or_default());
        let once = match document.duplicates.first() {
            Some((_, key)) => Err(format!("the key `{}` stands twice", clip(key))),
            None => Ok(()),
        };
        once.and_then(|()| read(root))
            .map(|mut request| {
                request.id.clone_from(&id);
                request
            })
            .map_err(|message| (id, message))
    }
}

fn read(root: &Node<'_>) -> Result<Request, String> {
    let Some(object) = root.as_object() else {
        return Err(format!("a request must be an object, not {}", root.kind()));
    };
    let known = [
        "id",
        "from",
        "sourceIp",
        "destinationIp",
        "to",
        "port",
        "method",
        "path",
        "host",
        "headers",
        "claims",
        "sni",
        "layer",
    ];
    only(object, "a request", &known)?;
    let get = |key: &str| object.get(key).filter(|node| !node.is_null());
    let text = |key: &str, check: fn(&str) -> Result<(), String>| match get(key) {
        None => Ok(None),
        Some(node) => match node.as_str() {
            Some(text) => check(text).map(|()| Some(text.to_owned())),
            None => Err(format!("`{key}` must be a string, not {}", node.kind())),
        },
    };
    let any = |_: &str| Ok(());
    let ip = |key: &str| match text(key, any)? {
        None => Ok(None),
        Some(text) => match parse_address(&text) {
            Some(ip) => Ok(Some(ip)),
            None => Err(format!("`{}` is no IP address", clip(&text))),
        },
    };
    let mut request = Request::to(target(get("to"))?);
    if let Some(from) = get("from") {
        let shape = || {
            "`from` must be {\"namespace\", \"serviceAccount\"}, or null for a client outside the mesh"
                .to_owned()
        };
        let object = from.as_object().ok_or_else(shape)?;
        only(object, "`from`", &["namespace", "serviceAccount"])?;
        let part = |key: &str| object.get(key).and_then(Node::as_str).ok_or_else(shape);
        let (namespace, account) = (part("namespace")?, part("serviceAccount")?);
        sendable::namespace(namespace)?;
        sendable::name(account)?;
        request.from = Some((namespace.to_owned(), account.to_owned()));
    }
    request.source_ip = ip("sourceIp")?;
    request.destination_ip = ip("destinationIp")?;
    if let Some(node) = get("port") {
        request.port = match node.value {
            Value::Int(port) => u16::try_from(port).ok().filter(|port| *port > 0),
            _ => None,
        };
        if request.port.is_none() {
            return Err("`port` must be a number from 1 to 65535".into());
        }
    }
    request.method = text("method", sendable::method)?;
    request.path = text("path", sendable::path)?;
    request.host = text("host", sendable::host)?;
    request.sni = text("sni", sendable::server_name)?.unwrap_or_default();
    request.headers = lists(get("headers"), "headers", true)?;
    request.claims = lists(get("claims"), "claims", false)?;
    for (name, values) in &request.headers {
        sendable::header_name(name)?;
        if name == "host" {
            return Err("`headers` cannot have `host`: write it as the request's `host`".into());
        }
        for value in values {
            sendable::header_value(name, value)?;
        }
    }
    request.layer = match text("layer", any)?.as_deref() {
        None => None,
        Some("ztunnel") => Some(Layer::Ztunnel),
        Some("waypoint") => Some(Layer::Waypoint),
        Some("sidecar") => Some(Layer::Sidecar),
        Some(other) => {
            return Err(format!(
                "`{}` is no layer: write ztunnel, waypoint or sidecar",
                clip(other)
            ));
        }
    };
    Ok(request)
}

/// Says which key is not known, where one is not.
fn only(object: &Object<'_>, what: &str, known: &[&str]) -> Result<(), String> {
    let mut members = object.iter();
    match members.find(|member| !known.contains(&member.key.as_ref())) {
        None => Ok(()),
        Some(member) => Err(format!(
            "{what} has no `{}`: its fields are {}",
            clip(&member.key),
            known.join(", ")
        )),
    }
}

fn target(node: Option<&Node<'_>>) -> Result<Target, String> {
    let shape = || {
        "`to` must be {\"service\": \"NAMESPACE/NAME\"} or {\"pod\": \"NAMESPACE/NAME\"}".to_owned()
    };
    let object = node.and_then(Node::as_object).ok_or_else(shape)?;
    only(object, "`to`", &["service", "pod"])?;
    let [member] = object.members.as_slice() else {
        return Err(shape());
    };
    let id = member.value.as_str().ok_or_else(shape)?;
    let (namespace, name) = id.split_once('/').ok_or_else(shape)?;
    sendable::namespace(namespace)?;
    sendable::name(name)?;
    Target::of(&member.key, id).ok_or_else(shape)
}

fn lists(
    node: Option<&Node<'_>>,
    what: &str,
    lower: bool,
) -> Result<Vec<(String, Vec<String>)>, String> {
    let wrong = || format!("`{what}` must map names to lists of strings");
    let Some(node) = node else {
        return Ok(Vec::new());
    };
    let object = node.as_object().ok_or_else(wrong)?;
    let mut lists = Vec::with_capacity(object.members.len());
    for member in object.iter() {
        let values = match &member.value.value {
            Value::String(text) => vec![text.to_string()],
            _ => crate::mesh::settings::strings(&member.value).ok_or_else(wrong)?,
        };
        let name = if lower {
            member.key.to_ascii_lowercase()
        } else {
            member.key.to_string()
        };
        lists.push((name, values));
    }
    Ok(lists)
}
