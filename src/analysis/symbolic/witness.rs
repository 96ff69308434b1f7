//! Examples as requests that [`crate::analysis::decide`] answers.

use super::example::Example;
use super::intervals::Point;
use crate::analysis::request::{Request, Target};
use serde::Serialize;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// As the type of the standard library.
pub(super) fn address((family, bits): Point) -> IpAddr {
    match (family, u32::try_from(bits)) {
        (4, Ok(bits)) => IpAddr::V4(Ipv4Addr::from(bits)),
        _ => IpAddr::V6(Ipv6Addr::from(bits)),
    }
}

/// `TRUSTDOMAIN/ns/NAMESPACE/sa/SERVICEACCOUNT` as namespace and service account.
pub fn account(trust_domain: &str, identity: &str) -> Option<(String, String)> {
    let rest = identity.strip_prefix(trust_domain)?.strip_prefix("/ns/")?;
    let (namespace, account) = rest.split_once("/sa/")?;
    Some((namespace.to_owned(), account.to_owned()))
}

/// An example as a request. What no condition mentions is what a plain request would have: it
/// makes no difference.
pub fn request(trust_domain: &str, to: &Target, example: &Example) -> Request {
    let mut request = Request::to(to.clone());
    request.from = match &example.client {
        Some(Some(identity)) => account(trust_domain, identity),
        _ => None,
    };
    request.port = Some(example.port.unwrap_or(super::example::DEFAULT_PORT));
    request.method = Some(example.method.clone().unwrap_or_else(|| "GET".to_owned()));
    request.path = Some(example.path.clone().unwrap_or_else(|| "/".to_owned()));
    let (Target::Service { namespace, name } | Target::Pod { namespace, name }) = to;
    request.host = Some(match &example.host {
        Some(host) => host.clone(),
        None => format!("{name}.{namespace}"),
    });
    request.source_ip = example.source_ip.map(address);
    request.sni = example.server_name.clone().unwrap_or_default();
    request.headers.clone_from(&example.headers);
    request.claims.clone_from(&example.claims);
    let forwarded = match (&example.forwarded, example.remote_ip) {
        (Some(text), _) => text.clone(),
        (None, remote) => remote.map(|remote| address(remote).to_string()),
    };
    if let Some(text) = forwarded {
        let header = ("x-forwarded-for".to_owned(), vec![text]);
        request.headers.push(header);
    }
    request
}

/// A request as `explain` reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestJson {
    from: Option<FromJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_ip: Option<String>,
    to: ToJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Lists::is_empty")]
    headers: Lists,
    #[serde(skip_serializing_if = "Lists::is_empty")]
    claims: Lists,
    #[serde(skip_serializing_if = "String::is_empty")]
    sni: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct FromJson {
    namespace: String,
    service_account: String,
}

/// A target as requests write it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ToJson {
    /// `{"service": "NAMESPACE/NAME"}`
    Service(String),
    /// `{"pod": "NAMESPACE/NAME"}`
    Pod(String),
}

/// Names and lists of values, as an object.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Lists(Vec<(String, Vec<String>)>);

impl Lists {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Lists {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, values)| (name, values)))
    }
}

impl From<&Target> for ToJson {
    fn from(target: &Target) -> ToJson {
        match target {
            Target::Service { namespace, name } => ToJson::Service(format!("{namespace}/{name}")),
            Target::Pod { namespace, name } => ToJson::Pod(format!("{namespace}/{name}")),
        }
    }
}

impl RequestJson {
    /// The port that it is sent to.
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

impl From<&Request> for RequestJson {
    fn from(request: &Request) -> RequestJson {
        RequestJson {
            from: request.from.as_ref().map(|(namespace, account)| FromJson {
                namespace: namespace.clone(),
                service_account: account.clone(),
            }),
            source_ip: request.source_ip.map(|ip| ip.to_string()),
            to: ToJson::from(&request.to),
            port: request.port,
            method: request.method.clone(),
            path: request.path.clone(),
            host: request.host.clone(),
            headers: Lists(request.headers.clone()),
            claims: Lists(request.claims.clone()),
            sni: request.sni.clone(),
        }
    }
}
