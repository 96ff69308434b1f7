//! Policies as enforcement points hold them, turned into conditions.

use super::condition::{Question, SO, Unsaid};
use super::glob::{CharSet, Glob};
use super::intervals::Range;
use super::space::{Condition, Field, Values};
use crate::analysis::headers;
use crate::analysis::rules::{self, Match, Pattern, Policy, Rule, Segment};
use crate::istio::address::Cidr;
use std::net::IpAddr;

const SEGMENT: CharSet = CharSet::NotSlash;

/// The identity that an enforcement point is presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presented {
    /// The client's own.
    Client,
    /// Always this one: the request came through a waypoint.
    Fixed(String),
    /// None: the request came as plain text.
    Nothing,
}

/// Namespace and name of an object.
pub type Id<'a> = (&'a str, &'a str);

/// The port that an enforcement point sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortSeen<'a> {
    /// The one that the request is sent to.
    Asked,
    /// Always this one.
    Fixed(u16),
    /// The one that has this name at these pods, which cannot be told.
    Unknown(Id<'a>, &'a str),
}

/// The address of the peer that an enforcement point sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerSeen<'a> {
    /// The client's.
    Client,
    /// A waypoint's.
    Waypoint(IpAddr),
    /// That of this waypoint, which cannot be told.
    Unknown(Id<'a>),
}

/// The address that was connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination<'a> {
    /// This one.
    Known(IpAddr),
    /// One of these addresses of an object; of none, which cannot be told.
    Unknown(Id<'a>, &'a [IpAddr]),
    /// No policy asks.
    Unasked,
}

/// What an enforcement point sees of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View<'a> {
    /// The mesh's trust domain.
    pub trust_domain: &'a str,
    /// The one that clients are written with.
    pub domain: &'a str,
    /// The identity.
    pub presented: Presented,
    /// The port.
    pub port: PortSeen<'a>,
    /// The peer.
    pub peer: PeerSeen<'a>,
    /// The address that was connected to.
    pub destination: Destination<'a>,
    /// Who looks: what one proxy makes of a header, another need not.
    pub looker: &'a str,
    /// X-Forwarded-For may be another than was sent, and so the forwarded address is not known.
    pub forwarded_unknown: bool,
    /// What is unknown is a field of its own.
    pub unsaid: bool,
}

/// A policy matches if any rule does.
pub fn policy(view: &View<'_>, policy: &Policy) -> Condition {
    let mut rules = Vec::with_capacity(policy.rules.len());
    for one in &policy.rules {
        rules.push(rule(view, one));
    }
    any(rules)
}

/// A rule matches if all its clauses do, a clause if any entry does, an entry if all its matches
/// do.
pub fn rule(view: &View<'_>, rule: &Rule) -> Condition {
    let mut clauses = Vec::with_capacity(rule.clauses.len());
    for clause in &rule.clauses {
        let mut entries = Vec::with_capacity(clause.entries.len());
        for entry in &clause.entries {
            let mut matches = Vec::with_capacity(entry.matches.len());
            for one in &entry.matches {
                matches.push(test(view, one));
            }
            entries.push(all(matches));
        }
        clauses.push(any(entries));
    }
    all(clauses)
}

/// A match holds if any value matches and no negated one does.
fn test(view: &View<'_>, one: &Match) -> Condition {
    let list = |patterns: &[Pattern]| {
        let mut conditions = Vec::with_capacity(patterns.len());
        for pattern in patterns {
            conditions.push(value(view, &one.field, pattern));
        }
        any(conditions)
    };
    if one.not_values.is_empty() {
        return match one.values.as_slice() {
            [] => Condition::Always,
            [only] => value(view, &one.field, only),
            values => list(values),
        };
    }
    let negative = list(&one.not_values).negate();
    if one.values.is_empty() {
        return negative;
    }
    all(vec![list(&one.values), negative])
}

/// One value of a field.
fn value(view: &View<'_>, field: &rules::Field, pattern: &Pattern) -> Condition {
    use rules::Field as Of;
    let text = |field: Field, pattern: &Pattern| match text(pattern) {
        Some(glob) => Condition::Is(field, Values::Glob(glob)),
        None => Condition::Never,
    };
    let raw = |field: Field, pattern: &Pattern| match self::text(pattern) {
        Some(glob) => Condition::Is(field, Values::Raw(glob)),
        None => Condition::Never,
    };
    match field {
        Of::Principal | Of::Namespace | Of::ServiceAccount | Of::TrustDomain => {
            identity(view, field, pattern)
        }
        Of::SourceIp => match view.peer {
            PeerSeen::Client => address(Field::SourceIp, pattern),
            PeerSeen::Waypoint(ip) => known_address(ip, pattern),
            PeerSeen::Unknown(id) => unknown(view, field, pattern, || name(id)),
        },
        Of::RemoteIp if view.forwarded_unknown => seen_otherwise(view, field, pattern),
        Of::RemoteIp => match (view.peer, pattern) {
            (PeerSeen::Client, _) => address(Field::RemoteIp, pattern),
            // With X-Forwarded-For it is the client's own word, without it the waypoint's.
            (peer, Pattern::Cidr(cidr)) => any(vec![
                Condition::Is(Field::Forwarded, Values::Range(block(cidr))),
                all(vec![
                    Condition::Is(Field::Forwarded, Values::NoAddress),
                    match peer {
                        PeerSeen::Waypoint(ip) => known_address(ip, pattern),
                        PeerSeen::Unknown(id) => unknown(view, &Of::SourceIp, pattern, || name(id)),
                        PeerSeen::Client => Condition::Never,
                    },
                ]),
            ]),
            _ => Condition::Never,
        },
        Of::DestinationIp => match view.destination {
            Destination::Known(ip) => known_address(ip, pattern),
            Destination::Unknown(id, ips) => {
                unknown(view, field, pattern, || format!("{} {ips:?}", name(id)))
            }
            Destination::Unasked => unknown(view, field, pattern, String::new),
        },
        Of::Port => port(view, pattern),
        Of::Host => match text_lower(pattern) {
            Some(glob) => Condition::Is(Field::Host, Values::Glob(glob)),
            None => Condition::Never,
        },
        Of::Method => text(Field::Method, pattern),
        Of::Path => text(Field::Path, pattern),
        Of::Header(name) => match name.as_str() {
            ":method" => text(Field::Method, pattern),
            ":scheme" => seen_otherwise(view, field, pattern),
            // Other views of fields that have classes of their own.
            ":path" => raw(Field::Path, pattern),
            ":authority" | "host" => raw(Field::Host, pattern),
            "x-forwarded-for" if view.forwarded_unknown => seen_otherwise(view, field, pattern),
            "x-forwarded-for" => text(Field::Forwarded, pattern),
            name if headers::managed(name) => seen_otherwise(view, field, pattern),
            name if !name.starts_with(':') && !headers::is_name(name) => Condition::Never,
            _ => text(Field::Header(name.clone()), pattern),
        },
        Of::Sni => text(Field::ServerName, pattern),
        Of::RequestPrincipal => match pattern {
            Pattern::Token { issuer, subject } => all(vec![
                text(Field::Claim("iss".into()), issuer),
                text(Field::Claim("sub".into()), subject),
            ]),
            _ => Condition::Never,
        },
        Of::Claim(path) => text(Field::Claim(path.join(".")), pattern),
        // Nothing that a request carries.
        Of::Metadata(_) => Condition::Never,
    }
}

/// Patterns of plain text.
fn text(pattern: &Pattern) -> Option<Glob> {
    Some(match pattern {
        Pattern::Exact(text) => Glob::exact(text),
        Pattern::Prefix(text) => Glob::prefix(text),
        Pattern::Suffix(text) => Glob::suffix(text),
        Pattern::NotEmpty => Glob::not_empty(),
        Pattern::Present => Glob::any(),
        Pattern::Template(segments) => {
            let mut glob = Glob::default();
            for segment in segments {
                glob = glob.text("/");
                glob = match segment {
                    Segment::Literal(text) => glob.text(text),
                    Segment::One => glob.plus(CharSet::Segment),
                    Segment::Rest => glob.star(CharSet::Segments),
                };
            }
            glob
        }
        _ => return None,
    })
}

fn text_lower(pattern: &Pattern) -> Option<Glob> {
    let lower = |text: &str| text.to_ascii_lowercase();
    match pattern {
        Pattern::Exact(text) => Some(Glob::exact(&lower(text))),
        Pattern::Prefix(text) => Some(Glob::prefix(&lower(text))),
        Pattern::Suffix(text) => Some(Glob::suffix(&lower(text))),
        other => text(other),
    }
}

/// Conditions on parts of the identity are patterns on the whole of it.
fn identity(view: &View<'_>, field: &rules::Field, pattern: &Pattern) -> Condition {
    if view.presented == Presented::Nothing {
        return Condition::Never;
    }
    let domain = view.trust_domain;
    let mut globs = Vec::new();
    match (field, pattern) {
        (rules::Field::Namespace, Pattern::Namespace(parts)) => {
            // `.*/ns/VALUE/.*` over `spiffe://TRUSTDOMAIN/ns/…`: the slash before `ns` may be that
            // before a trust domain called `ns`.
            let mut tails = vec![Glob::any().text("/ns/")];
            if domain == "ns" {
                tails.push(Glob::exact("ns/"));
            }
            for mut glob in tails {
                for (at, part) in parts.iter().enumerate() {
                    if at > 0 {
                        glob = glob.star(CharSet::Any);
                    }
                    glob = glob.text(part);
                }
                globs.push(glob.text("/").star(CharSet::Any));
            }
        }
        (rules::Field::Namespace, pattern) => {
            let start = Glob::exact(domain).text("/ns/");
            let middle = match pattern {
                Pattern::Exact(text) => start.text(text),
                Pattern::Prefix(text) => start.text(text).star(SEGMENT),
                Pattern::Suffix(text) => start.star(SEGMENT).text(text),
                _ => start.plus(SEGMENT),
            };
            globs.push(middle.text("/sa/").star(CharSet::Any));
        }
        (_, Pattern::ServiceAccount { namespace, name }) => {
            globs.push(Glob::exact(&format!("{domain}/ns/{namespace}/sa/{name}")));
        }
        (_, Pattern::TrustDomain { start, end }) => {
            let glob = Glob::exact(start);
            let glob = match end {
                Some(end) => glob.star(SEGMENT).text(end),
                None => glob,
            };
            globs.push(glob.text("/").star(CharSet::Any));
        }
        (_, pattern) => globs.extend(text(pattern)),
    }
    match &view.presented {
        Presented::Nothing => Condition::Never,
        Presented::Fixed(identity) if globs.iter().any(|glob| glob.matches(identity)) => {
            Condition::Always
        }
        Presented::Fixed(_) => Condition::Never,
        Presented::Client => {
            if view.domain != domain {
                let (from, to) = (format!("{domain}/"), format!("{}/", view.domain));
                globs = globs
                    .iter()
                    .flat_map(|glob| glob.with_start(&from, &to))
                    .collect();
            }
            any(globs
                .into_iter()
                .map(|glob| Condition::Is(Field::Client, Values::Glob(glob)))
                .collect())
        }
    }
}

/// The addresses of a block.
pub fn block(cidr: &Cidr) -> Range {
    match cidr.base {
        IpAddr::V4(base) => {
            let host = u32::MAX.checked_shr(u32::from(cidr.bits)).unwrap_or(0);
            let low = u32::from(base) & !host;
            ((4, u128::from(low)), (4, u128::from(low | host)))
        }
        IpAddr::V6(base) => {
            let host = u128::MAX.checked_shr(u32::from(cidr.bits)).unwrap_or(0);
            let low = u128::from(base) & !host;
            ((6, low), (6, low | host))
        }
    }
}

fn address(field: Field, pattern: &Pattern) -> Condition {
    match pattern {
        Pattern::Cidr(cidr) => Condition::Is(field, Values::Range(block(cidr))),
        _ => Condition::Never,
    }
}

/// What a policy looks for where the input does not say what is there.
fn unknown(
    view: &View<'_>,
    field: &rules::Field,
    pattern: &Pattern,
    of: impl FnOnce() -> String,
) -> Condition {
    if !view.unsaid {
        return Condition::Unknown;
    }
    unsaid(Question::Matches(field.clone(), pattern.clone()), of())
}

/// That something is so which the input does not say.
pub fn unsaid(what: Question, of: String) -> Condition {
    let unsaid = Box::new(Unsaid { what, of });
    Condition::Is(Field::Unsaid(unsaid), Values::Range(SO))
}

/// What a proxy may see otherwise than it was sent.
fn seen_otherwise(view: &View<'_>, field: &rules::Field, pattern: &Pattern) -> Condition {
    unknown(view, field, pattern, || view.looker.to_owned())
}

fn name((namespace, name): Id<'_>) -> String {
    format!("{namespace}/{name}")
}

fn known_address(ip: IpAddr, pattern: &Pattern) -> Condition {
    match pattern {
        Pattern::Cidr(cidr) if cidr.contains(ip) => Condition::Always,
        _ => Condition::Never,
    }
}

fn port(view: &View<'_>, pattern: &Pattern) -> Condition {
    match (pattern, view.port) {
        (_, PortSeen::Unknown(id, port)) => {
            let of = || format!("{} {port}", name(id));
            unknown(view, &rules::Field::Port, pattern, of)
        }
        (Pattern::Port(number), PortSeen::Asked) => {
            Condition::Is(Field::Port, Values::Range(super::intervals::port(*number)))
        }
        (Pattern::Port(number), PortSeen::Fixed(seen)) if *number == seen => Condition::Always,
        _ => Condition::Never,
    }
}

/// One of the conditions; of one, that one.
pub fn any(mut conditions: Vec<Condition>) -> Condition {
    if conditions
        .iter()
        .any(|one| matches!(one, Condition::Always))
    {
        return Condition::Always;
    }
    conditions.retain(|one| !matches!(one, Condition::Never));
    match conditions.len() {
        0 => Condition::Never,
        1 => conditions.pop().unwrap_or(Condition::Never),
        _ => Condition::Any(conditions),
    }
}

/// All of the conditions; of one, that one.
pub fn all(mut conditions: Vec<Condition>) -> Condition {
    if conditions.iter().any(|one| matches!(one, Condition::Never)) {
        return Condition::Never;
    }
    conditions.retain(|one| !matches!(one, Condition::Always));
    match conditions.len() {
        0 => Condition::Always,
        1 => conditions.pop().unwrap_or(Condition::Always),
        _ => Condition::All(conditions),
    }
}
