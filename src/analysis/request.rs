//! Questions: may this client send this request to that target?

use super::points::Layer;
use crate::istio::address::parse_address;
use crate::juju::charm::clip;
use crate::text::{Node, Value, parse_json};
use std::net::IpAddr;

/// No name in Kubernetes is longer than 253; what a policy can name is bounded at 320.
const MAX_NAME: usize = 1024;

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
        let fits = |name: &str| !name.is_empty() && name.len() <= MAX_NAME && !name.contains('/');
        if !fits(namespace) || !fits(name) {
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
        read(root)
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
    if let Some(member) = object
        .iter()
        .find(|member| !known.contains(&member.key.as_ref()))
    {
        return Err(format!(
            "a request has no `{}`: its fields are {}",
            clip(&member.key),
            known.join(", ")
        ));
    }
    let get = |key: &str| object.get(key).filter(|node| !node.is_null());
    let text = |key: &str| match get(key) {
        None => Ok(None),
        Some(node) => match node.as_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(format!("`{key}` must be a string, not {}", node.kind())),
        },
    };
    let ip = |key: &str| match text(key)? {
        None => Ok(None),
        Some(text) => match parse_address(&text) {
            Some(ip) => Ok(Some(ip)),
            None => Err(format!("`{}` is no IP address", clip(&text))),
        },
    };
    let target = get("to").and_then(Node::as_object).and_then(|to| {
        let mut kinds = ["service", "pod"].into_iter().filter_map(|kind| {
            let id = to.get(kind)?.as_str()?;
            Target::of(kind, id)
        });
        kinds.next()
    });
    let Some(to) = target else {
        return Err(
            "`to` must be {\"service\": \"NAMESPACE/NAME\"} or {\"pod\": \"NAMESPACE/NAME\"}"
                .into(),
        );
    };
    let mut request = Request::to(to);
    if let Some(from) = get("from") {
        let part = |key: &str| {
            from.get(key)
                .and_then(Node::as_str)
                .filter(|text| !text.is_empty() && text.len() <= MAX_NAME)
                .map(str::to_owned)
        };
        let (Some(namespace), Some(account)) = (part("namespace"), part("serviceAccount")) else {
            return Err("`from` must be {\"namespace\", \"serviceAccount\"}, or null for a client outside the mesh".into());
        };
        request.from = Some((namespace, account));
    }
    request.source_ip = ip("sourceIp")?;
    request.destination_ip = ip("destinationIp")?;
    if let Some(node) = get("port") {
        request.port = match node.value {
            Value::Int(port) => u16::try_from(port).ok(),
            _ => None,
        };
        if request.port.is_none() {
            return Err("`port` must be a number from 0 to 65535".into());
        }
    }
    request.method = text("method")?;
    request.path = text("path")?;
    request.host = text("host")?;
    request.sni = text("sni")?.unwrap_or_default();
    request.headers = lists(get("headers"), "headers", true)?;
    request.claims = lists(get("claims"), "claims", false)?;
    request.layer = match text("layer")?.as_deref() {
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
