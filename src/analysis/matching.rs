//! Whether a converted policy matches what an enforcement point sees. Plain and slow to misread:
//! it is the judge of everything else.

use super::headers::Header;
use super::rules::{Clause, Entry, Field, Match, Pattern, Policy, Rule, Segment};
use super::verdict::Doubts;
use std::net::IpAddr;

/// A client's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `spiffe://TRUSTDOMAIN/ns/NAMESPACE/sa/SERVICEACCOUNT`
    pub uri: String,
    /// Where the namespace ends and the service account begins in it; both are between slashes.
    namespace: (usize, usize),
    service_account: usize,
}

/// The scheme of an identity's URI.
const SCHEME: &str = "spiffe://";

impl Identity {
    /// Puts an identity together.
    pub fn new(trust_domain: &str, namespace: &str, service_account: &str) -> Self {
        let parts = [
            SCHEME,
            trust_domain,
            "/ns/",
            namespace,
            "/sa/",
            service_account,
        ];
        let uri = parts.concat();
        let account_at = uri.len() - service_account.len();
        let namespace_end = account_at - "/sa/".len();
        Identity {
            uri,
            namespace: (namespace_end - namespace.len(), namespace_end),
            service_account: account_at,
        }
    }

    /// As policies write it: without the scheme.
    pub fn principal(&self) -> &str {
        self.uri.strip_prefix(SCHEME).unwrap_or(&self.uri)
    }

    /// The namespace in it.
    pub fn namespace(&self) -> &str {
        let (from, to) = self.namespace;
        self.uri.get(from..to).unwrap_or_default()
    }

    /// The service account in it.
    pub fn service_account(&self) -> &str {
        self.uri.get(self.service_account..).unwrap_or_default()
    }
}

/// Who a client is to an enforcement point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client<'a> {
    /// It proved who it is.
    Known(&'a Identity),
    /// It did not.
    Unknown,
    /// It did not, at a waypoint: Istio's configuration then has the principal `-`.
    Dash,
}

/// What an enforcement point sees of a request. `None` is *not known*, except for headers and
/// token: those that are not there are not there.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The client.
    pub client: Client<'a>,
    /// The peer's address.
    pub source_ip: Option<IpAddr>,
    /// The forwarded address, else the peer's.
    pub remote_ip: Option<IpAddr>,
    /// The address that was connected to.
    pub destination_ip: Option<IpAddr>,
    /// The port that was connected to.
    pub port: Option<u16>,
    /// The method.
    pub method: Option<&'a str>,
    /// The normalised path with its query.
    pub path: Option<&'a str>,
    /// The `Host` header.
    pub host: Option<&'a str>,
    /// Headers by lower-case name.
    pub headers: &'a [Header],
    /// Claims of the token by path, joined by `.`.
    pub claims: &'a [(String, Vec<String>)],
    /// The server name of the TLS handshake.
    pub sni: &'a str,
    /// X-Forwarded-For may be another than was sent, and so the forwarded address is not known.
    pub forwarded_unknown: bool,
}

/// Yes, no, or what is missing to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It does not match.
    No,
    /// It depends.
    Unknown(Doubts),
    /// It matches.
    Yes,
}

impl Truth {
    /// Both.
    #[must_use]
    pub fn and(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::No, _) | (_, Truth::No) => Truth::No,
            (Truth::Unknown(a), Truth::Unknown(b)) => Truth::Unknown(a | b),
            (Truth::Unknown(a), _) | (_, Truth::Unknown(a)) => Truth::Unknown(a),
            _ => Truth::Yes,
        }
    }

    /// Either.
    #[must_use]
    pub fn or(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::Yes, _) | (_, Truth::Yes) => Truth::Yes,
            (Truth::Unknown(a), Truth::Unknown(b)) => Truth::Unknown(a | b),
            (Truth::Unknown(a), _) | (_, Truth::Unknown(a)) => Truth::Unknown(a),
            _ => Truth::No,
        }
    }

    /// Not.
    #[must_use]
    pub fn negated(self) -> Truth {
        match self {
            Truth::No => Truth::Yes,
            Truth::Yes => Truth::No,
            unknown => unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Truth {
        if holds { Truth::Yes } else { Truth::No }
    }
}

/// A policy matches if any rule does; also which one, if one does for certain.
pub fn policy_matches(policy: &Policy, seen: &Seen<'_>) -> (Truth, Option<usize>) {
    let mut truth = Truth::No;
    for rule in &policy.rules {
        let one = rule_matches(rule, seen);
        if one == Truth::Yes {
            return (one, Some(rule.index));
        }
        truth = truth.or(one);
    }
    (truth, None)
}

/// A rule matches if `from` (any entry), `to` (any entry) and `when` (all entries) do.
pub fn rule_matches(rule: &Rule, seen: &Seen<'_>) -> Truth {
    let mut truth = Truth::Yes;
    for clause in &rule.clauses {
        truth = truth.and(clause_matches(clause, seen));
        if truth == Truth::No {
            break;
        }
    }
    truth
}

/// Any entry.
pub fn clause_matches(clause: &Clause, seen: &Seen<'_>) -> Truth {
    let mut truth = Truth::No;
    for entry in &clause.entries {
        truth = truth.or(entry_matches(entry, seen));
        if truth == Truth::Yes {
            break;
        }
    }
    truth
}

/// Within an entry all fields.
fn entry_matches(entry: &Entry, seen: &Seen<'_>) -> Truth {
    let mut truth = Truth::Yes;
    for one in &entry.matches {
        truth = truth.and(field_matches(one, seen));
        if truth == Truth::No {
            break;
        }
    }
    truth
}

/// Within a field any positive value and no `not…` value.
pub fn field_matches(one: &Match, seen: &Seen<'_>) -> Truth {
    let any = |patterns: &[Pattern]| {
        let mut truth = Truth::No;
        for pattern in patterns {
            truth = truth.or(value_matches(&one.field, pattern, seen));
            if truth == Truth::Yes {
                break;
            }
        }
        truth
    };
    let positive = if one.values.is_empty() {
        Truth::Yes
    } else {
        any(&one.values)
    };
    if one.not_values.is_empty() || positive == Truth::No {
        return positive;
    }
    positive.and(any(&one.not_values).negated())
}

fn value_matches(field: &Field, pattern: &Pattern, seen: &Seen<'_>) -> Truth {
    match field {
        Field::Principal | Field::Namespace | Field::ServiceAccount | Field::TrustDomain => {
            identity_matches(field, pattern, seen.client).into()
        }
        Field::SourceIp => address(pattern, seen.source_ip, Doubts::SOURCE_ADDRESS),
        Field::RemoteIp if seen.forwarded_unknown => Truth::Unknown(Doubts::TRUSTED_PROXIES),
        Field::RemoteIp => address(pattern, seen.remote_ip, Doubts::SOURCE_ADDRESS),
        Field::DestinationIp => address(pattern, seen.destination_ip, Doubts::DESTINATION_ADDRESS),
        Field::Port => match (pattern, seen.port) {
            (_, None) => Truth::Unknown(Doubts::PORT),
            (Pattern::Port(port), Some(seen)) => (*port == seen).into(),
            _ => Truth::No,
        },
        Field::Host => match seen.host {
            None => Truth::Unknown(Doubts::HOST),
            Some(host) => text_matches(pattern, host, true).into(),
        },
        Field::Method => match seen.method {
            None => Truth::Unknown(Doubts::METHOD),
            Some(method) => text_matches(pattern, method, false).into(),
        },
        Field::Path => match seen.path {
            None => Truth::Unknown(Doubts::PATH),
            Some(path) => text_matches(pattern, super::path::without_query(path), false).into(),
        },
        Field::Header(name) => header_matches(name, pattern, seen),
        Field::Sni => text_matches(pattern, seen.sni, false).into(),
        Field::RequestPrincipal => match pattern {
            Pattern::Token { issuer, subject } => {
                (claim_matches("iss", issuer, seen) && claim_matches("sub", subject, seen)).into()
            }
            _ => Truth::No,
        },
        Field::Claim(path) => match path.as_slice() {
            [name] => claim_matches(name, pattern, seen).into(),
            names => claim_matches(&names.join("."), pattern, seen).into(),
        },
        // Nothing that a request carries; filters of other kinds may set it.
        Field::Metadata(_) => Truth::No,
    }
}

fn address(pattern: &Pattern, seen: Option<IpAddr>, missing: Doubts) -> Truth {
    match (pattern, seen) {
        (_, None) => Truth::Unknown(missing),
        (Pattern::Cidr(cidr), Some(seen)) => cidr.contains(seen).into(),
        _ => Truth::No,
    }
}

/// Namespace, service account and trust domain come out of the same identity.
fn identity_matches(field: &Field, pattern: &Pattern, client: Client<'_>) -> bool {
    let identity = match client {
        Client::Known(identity) => identity,
        Client::Unknown => return false,
        // The one value that matches `-` is `*` in principals.
        Client::Dash => return *field == Field::Principal && *pattern == Pattern::NotEmpty,
    };
    match pattern {
        Pattern::ServiceAccount { namespace, name } => {
            identity.namespace() == namespace && identity.service_account() == name
        }
        Pattern::Namespace(parts) => namespace_matches(parts, &identity.uri),
        Pattern::TrustDomain { start, end } => {
            trust_domain_matches(start, end.as_deref(), identity.principal())
        }
        text if *field == Field::Namespace => text_matches(text, identity.namespace(), false),
        text => text_matches(text, identity.principal(), false),
    }
}

/// `.*/ns/VALUE/.*` over the whole URI, a star in VALUE being `.*` too.
fn namespace_matches(parts: &[String], uri: &str) -> bool {
    let Some((first, rest)) = parts.split_first() else {
        return false;
    };
    // With one part the literal is `/ns/VALUE/`; with more, `/` closes the last.
    let mut from = 0;
    loop {
        let Some(found) = uri.get(from..).and_then(|text| text.find("/ns/")) else {
            return false;
        };
        let after = from + found + "/ns/".len();
        let fits = uri
            .get(after..)
            .and_then(|text| text.strip_prefix(first.as_str()))
            .is_some_and(|mut text| {
                for (at, part) in rest.iter().enumerate() {
                    let last = at + 1 == rest.len();
                    // The last literal ends in the closing slash, so it is looked for with it.
                    let found = if last {
                        find_closed(text, part)
                    } else {
                        text.find(part.as_str()).map(|found| found + part.len())
                    };
                    match found.and_then(|end| text.get(end..)) {
                        Some(after) => text = after,
                        None => return false,
                    }
                }
                !rest.is_empty() || text.starts_with('/')
            });
        if fits {
            return true;
        }
        // `/ns/` may begin with the slash that ended the last.
        from += found + 1;
    }
}

/// Where `PART/` ends in a text, if it is there.
fn find_closed(text: &str, part: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let found = from + text.get(from..)?.find(part)?;
        let end = found + part.len();
        if text.get(end..)?.starts_with('/') {
            return Some(end + 1);
        }
        // Advances by one whole character.
        from = found + text.get(found..)?.chars().next().map_or(1, char::len_utf8);
    }
}

fn trust_domain_matches(start: &str, end: Option<&str>, principal: &str) -> bool {
    let Some(rest) = principal.strip_prefix(start) else {
        return false;
    };
    let Some(end) = end else {
        return rest.starts_with('/');
    };
    if start.is_empty() && end.is_empty() {
        return true;
    }
    // Any text without a slash, then `END/`.
    rest.char_indices()
        .map(|(at, _)| at)
        .take_while(|at| rest.get(..*at).is_some_and(|text| !text.contains('/')))
        .filter_map(|at| rest.get(at..)?.strip_prefix(end))
        .any(|rest| rest.starts_with('/'))
}

/// Each value of a repeated header is matched by itself, but for those that `headers` joins; a comma
/// does not split.
fn header_matches(name: &str, pattern: &Pattern, seen: &Seen<'_>) -> Truth {
    let known = |value: Option<&str>, missing| match value {
        None => Truth::Unknown(missing),
        Some(value) => text_matches(pattern, value, false).into(),
    };
    match name {
        ":method" => return known(seen.method, Doubts::METHOD),
        ":path" => return known(seen.path, Doubts::PATH),
        // Envoy keeps `Host` under HTTP/2's name.
        ":authority" | "host" => return known(seen.host, Doubts::HOST),
        ":scheme" => return Truth::Unknown(Doubts::SCHEME),
        "x-forwarded-for" if seen.forwarded_unknown => {
            return Truth::Unknown(Doubts::MANAGED_HEADER);
        }
        _ if super::headers::managed(name) => return Truth::Unknown(Doubts::MANAGED_HEADER),
        _ => {}
    }
    seen.headers
        .iter()
        .filter(|(key, _)| key == name)
        .flat_map(|(_, values)| values)
        .any(|value| text_matches(pattern, value, false))
        .into()
}

fn claim_matches(name: &str, pattern: &Pattern, seen: &Seen<'_>) -> bool {
    seen.claims
        .iter()
        .filter(|(key, _)| key == name)
        .flat_map(|(_, values)| values)
        .any(|value| text_matches(pattern, value, false))
}

/// Whether a text fits a pattern; without regard to ASCII case if asked.
pub fn text_matches(pattern: &Pattern, text: &str, ignore_case: bool) -> bool {
    let bytes = text.as_bytes();
    let same = |left: &[u8], right: &[u8]| {
        left == right || (ignore_case && left.eq_ignore_ascii_case(right))
    };
    match pattern {
        Pattern::Exact(exact) => same(exact.as_bytes(), bytes),
        Pattern::Prefix(prefix) => bytes
            .get(..prefix.len())
            .is_some_and(|start| same(prefix.as_bytes(), start)),
        Pattern::Suffix(suffix) => bytes
            .len()
            .checked_sub(suffix.len())
            .and_then(|at| bytes.get(at..))
            .is_some_and(|end| same(suffix.as_bytes(), end)),
        Pattern::NotEmpty => !text.is_empty(),
        Pattern::Present => true,
        Pattern::Template(segments) => template_matches(segments, text),
        _ => false,
    }
}

/// Whether a path fits a template: `{*}` is one segment of at least one character, `{**}` the rest.
fn template_matches(segments: &[Segment], path: &str) -> bool {
    let Some(mut rest) = path.strip_prefix('/') else {
        return false;
    };
    for (at, segment) in segments.iter().enumerate() {
        if at > 0 {
            match rest.strip_prefix('/') {
                Some(after) => rest = after,
                None => return false,
            }
        }
        match segment {
            Segment::Literal(literal) => match rest.strip_prefix(literal.as_str()) {
                Some(after) => rest = after,
                None => return false,
            },
            Segment::One => {
                let end = rest.find('/').unwrap_or(rest.len());
                let (one, after) = rest.split_at(end);
                if one.is_empty() || !one.bytes().all(in_template) {
                    return false;
                }
                rest = after;
            }
            Segment::Rest => {
                // Nothing but literals may follow, so they are the end of the path.
                let mut tail = String::new();
                for literal in segments.iter().skip(at + 1) {
                    tail.push('/');
                    if let Segment::Literal(literal) = literal {
                        tail.push_str(literal);
                    }
                }
                let any = |byte| byte == b'/' || in_template(byte);
                return rest
                    .strip_suffix(tail.as_str())
                    .is_some_and(|text| text.bytes().all(any));
            }
        }
    }
    rest.is_empty()
}

/// What Envoy lets a template's operators stand for; the canonicaliser encodes most of the rest.
fn in_template(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()+,;:@=*".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::envoy::template;

    #[test]
    fn namespaces_at_envoy_are_regular_expressions() {
        let fits = |value: &str, namespace: &str, account: &str| {
            let identity = Identity::new("cluster.local", namespace, account);
            let parts: Vec<String> = value.split('*').map(str::to_owned).collect();
            namespace_matches(&parts, &identity.uri)
        };
        for (value, namespace, account, expected) in [
            ("shop", "shop", "web", true),
            ("sho", "shop", "web", false),
            ("*a", "pay", "web", true),
            ("s*", "shop", "web", true),
            ("s*", "ns", "shop", true),
            ("s*", "pay", "web", false),
            ("sa", "ns", "shop", true),
            ("sa", "shop", "ns", false),
            ("shop/sa", "shop", "web", true),
            ("shop/sa", "pay", "web", false),
            ("*", "x", "y", true),
            ("s*p", "shop", "web", true),
            ("s*v", "shop", "web", false),
            ("*hop", "shop", "web", true),
        ] {
            assert_eq!(
                fits(value, namespace, account),
                expected,
                "{value} {namespace}"
            );
        }
    }

    #[test]
    fn trust_domains() {
        for (start, end, expected) in [
            ("cluster.local", None, true),
            ("cluster", None, false),
            ("cluster.local/ns", None, true),
            ("", Some(""), true),
            ("cluster", Some(""), true),
            ("", Some(".local"), true),
            ("c", Some("l"), true),
            ("", Some("shop"), false),
        ] {
            let found = trust_domain_matches(start, end, "cluster.local/ns/shop/sa/web");
            assert_eq!(found, expected, "{start} {end:?}");
        }
    }

    #[test]
    fn templates() {
        for (pattern, path, expected) in [
            ("/a/{*}/b", "/a/x/b", true),
            ("/a/{*}/b", "/a//b", false),
            ("/a/{*}/b", "/a/x/y/b", false),
            ("/a/{*}/b", "/a/x/b/", false),
            ("/a/{*}/b", "/a/x/bc", false),
            ("/a/{**}", "/a", false),
            ("/a/{**}", "/a/", true),
            ("/a/{**}", "/a//x", true),
            ("/a/{**}/b", "/a/b", false),
            ("/a/{**}/b", "/a//b", true),
            ("/a/{**}/b", "/a/x/y/b", true),
            ("/a/{**}/b", "/a/x/c", false),
            ("/{**}", "/", true),
            ("/{*}", "/", false),
            ("/x/{*}/", "/x/a/", true),
            ("/x/{*}/", "/x/a", false),
            ("/a/{*}", "/a/x|y", false),
            ("/a/{**}", "/a/x/[y]", false),
            ("/a/{**}", "/a/x*/y", true),
        ] {
            let segments = template(pattern).expect(pattern);
            assert_eq!(
                template_matches(&segments, path),
                expected,
                "{pattern} {path}"
            );
        }
    }
}
