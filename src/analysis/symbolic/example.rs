//! Requests of a class, and the classes of requests.

use super::axis::{Count, LIKELY_ADDRESSES, LIKELY_PORTS, Partition};
use super::condition::Field;
use super::intervals::Point;
use super::space::Space;

/// A request of a class: every field that conditions mention has a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Example {
    /// The client's identity; `Some(None)` is a client without one.
    pub client: Option<Option<String>>,
    /// The port.
    pub port: Option<u16>,
    /// The method.
    pub method: Option<String>,
    /// The path, normalised, with its query.
    pub path: Option<String>,
    /// `:authority`
    pub host: Option<String>,
    /// Where the connection comes from.
    pub source_ip: Option<Point>,
    /// The last entry of X-Forwarded-For, or the peer's address, where that alone matters.
    pub remote_ip: Option<Point>,
    /// X-Forwarded-For, where its text matters; `Some(None)`: it is not there.
    pub forwarded: Option<Option<String>>,
    /// The server name of TLS.
    pub server_name: Option<String>,
    /// Headers and their values.
    pub headers: Vec<(String, Vec<String>)>,
    /// Claims of the token and their values.
    pub claims: Vec<(String, Vec<String>)>,
}

/// The port that stands first in a witness where none is asked for.
pub const DEFAULT_PORT: u16 = 80;

impl Space {
    /// A text of each class of a field.
    pub fn texts(&self, field: &Field) -> Vec<String> {
        let list = self.axis(field).and_then(|axis| axis.list());
        list.map_or_else(Vec::new, |(_, list)| list.witnesses.clone())
    }

    /// The class of a text of a field.
    pub fn class(&self, field: &Field, text: &str) -> Option<u32> {
        self.axis(field)?.class_of(text)
    }

    /// A request of these classes, one a level.
    pub(super) fn spell(&self, classes: &[u32]) -> Example {
        let mut example = Example::default();
        for axis in &self.axes {
            let class = |level: u32| classes.get(level as usize).copied().unwrap_or(0);
            let at = class(axis.level);
            let list = axis
                .list()
                .map_or(&[] as &[String], |(_, list)| &list.witnesses);
            let text = || list.get(at as usize).cloned();
            let point = |likely: &[Point]| match &axis.partition {
                Partition::Intervals(intervals) => intervals.witness(at, likely),
                _ => None,
            };
            match &axis.field {
                Field::Client => example.client = Some(text()),
                Field::Port => {
                    example.port = point(LIKELY_PORTS).and_then(|(_, n)| u16::try_from(n).ok());
                }
                Field::Method => example.method = text(),
                Field::Path => example.path = text(),
                Field::Host => example.host = text(),
                Field::SourceIp => example.source_ip = point(LIKELY_ADDRESSES),
                Field::RemoteIp => example.remote_ip = point(LIKELY_ADDRESSES),
                Field::Forwarded => example.forwarded = Some(text()),
                Field::ServerName => example.server_name = text(),
                Field::Unsaid(_) => {}
                Field::Header(name) | Field::Claim(name) => {
                    let values: Vec<String> = if axis.count == Count::Many {
                        let there = (axis.level..).zip(list);
                        let there = there.filter(|(level, _)| class(*level) == 1);
                        there.map(|(_, value)| value.clone()).collect()
                    } else {
                        text().into_iter().collect()
                    };
                    if values.is_empty() {
                        continue;
                    }
                    match &axis.field {
                        Field::Claim(_) => example.claims.push((name.clone(), values)),
                        _ => example.headers.push((name.clone(), values)),
                    }
                }
            }
        }
        example
    }

    /// The classes that a request falls into; `None` where it is no legal request, or where a
    /// field that conditions mention is not given.
    pub fn locate(&self, request: &Example) -> Option<Vec<u32>> {
        let mut found = Vec::new();
        let headers = crate::analysis::headers::seen(&request.headers);
        for axis in &self.axes {
            let text = |text: &Option<String>| axis.class_of(text.as_deref()?);
            let optional = |one: &Option<Option<String>>| match one.as_ref()? {
                None => Some(axis.none()),
                Some(text) => axis.class_of(text),
            };
            match &axis.field {
                Field::Client => found.push(optional(&request.client)?),
                Field::Port => {
                    let port = request.port.map(|n| (0, u128::from(n)))?;
                    found.push(axis.class_at(port)?);
                }
                Field::Method => found.push(text(&request.method)?),
                Field::Path => {
                    let path = request.path.as_deref()?;
                    let seen = crate::analysis::path::without_query(path);
                    found.push(axis.class_of(if axis.raw { path } else { seen })?);
                }
                Field::Host => {
                    let host = request.host.as_deref()?;
                    let seen = host.to_ascii_lowercase();
                    found.push(axis.class_of(if axis.raw { host } else { &seen })?);
                }
                Field::SourceIp => found.push(axis.class_at(request.source_ip?)?),
                Field::RemoteIp => found.push(axis.class_at(request.remote_ip?)?),
                Field::Forwarded => found.push(optional(&request.forwarded)?),
                Field::ServerName => found.push(text(&request.server_name)?),
                Field::Unsaid(_) => return None,
                Field::Header(name) | Field::Claim(name) => {
                    let given = match &axis.field {
                        Field::Claim(_) => request.claims.as_slice(),
                        _ => &headers,
                    };
                    let (_, list) = axis.list()?;
                    let mut all: Vec<&str> = Vec::new();
                    for (_, values) in given.iter().filter(|(other, _)| other == name) {
                        all.extend(values.iter().map(String::as_str));
                    }
                    if axis.count != Count::Many {
                        found.push(if all.is_empty() {
                            axis.none()
                        } else {
                            axis.class_of(&all.join(","))?
                        });
                        continue;
                    }
                    let mut has = vec![0; list.witnesses.len()];
                    for value in all {
                        let class = axis.class_of(value)?;
                        *has.get_mut(class as usize)? = 1;
                    }
                    found.extend(has);
                }
            }
        }
        Some(found)
    }
}
