//! Policies as an enforcement point holds them: what is left after istiod's conversions, in one
//! form for ztunnel, waypoints and sidecars.
//!
//! The meaning is that of plain Boolean logic: a policy matches if any rule does, a rule if all
//! its clauses do, a clause if any entry does, an entry if all its matches do, a match if any of
//! its values does and none of its negated ones. No clauses is *always*; a clause without entries
//! is *never*. Everything that differs between enforcement points (what is dropped, emptied,
//! widened, read as a regular expression) has happened before, in [`super::ztunnel`] and
//! [`super::envoy`], so that whatever reads this form, evaluator or solver, reads the same thing.

use crate::istio::address::Cidr;

/// What a policy does at an enforcement point. AUDIT and dry-run policies do nothing and are not
/// converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// An external service decides.
    Custom,
    /// A match denies.
    Deny,
    /// A match allows; without one, everything is denied.
    Allow,
}

/// A policy after conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What it does.
    pub effect: Effect,
    /// Whose service a CUSTOM policy asks.
    pub asks: Option<String>,
    /// The rules that are enforced.
    pub rules: Vec<Rule>,
    /// The rules that are not: the conversion dropped them.
    pub dropped: Vec<Dropped>,
    /// Why Envoy refuses the configuration that this policy becomes, if it does: then the proxy
    /// keeps the configuration that it had.
    pub unloadable: Option<String>,
}

/// A rule that the conversion dropped whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Its place in `spec.rules`, from 0.
    pub index: usize,
    /// Why: the field that the enforcement point cannot see or istiod cannot express.
    pub why: String,
}

/// A rule after conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its place in `spec.rules`, from 0.
    pub index: usize,
    /// All must match; none is *always*.
    pub clauses: Vec<Clause>,
    /// Keys that were taken out, so that the rule matches more than it says, or nothing at all.
    pub ignored: Vec<String>,
}

/// Which part of a rule a clause comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `from`
    From,
    /// `to`
    To,
    /// One entry of `when`, by its place.
    When(usize),
}

/// A part of a rule: one of its entries must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Where it comes from.
    pub part: Part,
    /// One must match; none is *never*.
    pub entries: Vec<Entry>,
}

/// All matches must hold; none is *always*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in `from` or `to`, from 0.
    pub index: usize,
    /// The matches.
    pub matches: Vec<Match>,
}

/// A test of one field of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The field.
    pub field: Field,
    /// One must match, where there are any.
    pub values: Vec<Pattern>,
    /// None may match.
    pub not_values: Vec<Pattern>,
}

/// What a match looks at. The first four are views of one thing, the client's identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// `TRUSTDOMAIN/ns/NAMESPACE/sa/SERVICEACCOUNT`. Without identity no value matches.
    Principal,
    /// The namespace of the identity: plain text at ztunnel, [`Pattern::Namespace`] at Envoy.
    Namespace,
    /// [`Pattern::ServiceAccount`]
    ServiceAccount,
    /// [`Pattern::TrustDomain`]
    TrustDomain,
    /// The address of the peer.
    SourceIp,
    /// The address that was forwarded, else the peer's.
    RemoteIp,
    /// The address that was connected to.
    DestinationIp,
    /// The port that was connected to.
    Port,
    /// The `Host` header; ASCII case does not count.
    Host,
    /// The method.
    Method,
    /// The path, normalised, without query and fragment.
    Path,
    /// A header by its name in lower case; `:path` has the query.
    Header(String),
    /// The server name of the TLS handshake.
    Sni,
    /// Issuer and subject of a token: [`Pattern::Token`].
    RequestPrincipal,
    /// A claim of a token, by its path.
    Claim(Vec<String>),
    /// Envoy's dynamic metadata, by its key as written.
    Metadata(String),
}

/// A test of text, an address or a number. Text is compared byte by byte, for [`Field::Host`]
/// without regard to ASCII case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// The text itself.
    Exact(String),
    /// `TEXT*`
    Prefix(String),
    /// `*TEXT`
    Suffix(String),
    /// `*` where the field must be there and not empty.
    NotEmpty,
    /// `*` where the field must be there.
    Present,
    /// `.*/ns/VALUE/.*` over the whole URI; the literal texts between the stars of VALUE, at least one.
    Namespace(Vec<String>),
    /// A service account by name and namespace.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The text before the first `/` of the identity.
    TrustDomain {
        /// What it starts with.
        start: String,
        /// What it ends with after any text without `/`; `None`: it is `start` exactly. An exact
        /// value may itself hold a `/` and then reaches into the rest of the identity.
        end: Option<String>,
    },
    /// A path template.
    Template(Vec<Segment>),
    /// An address in a block.
    Cidr(Cidr),
    /// A port.
    Port(u16),
    /// A token whose issuer and subject both match.
    Token {
        /// The issuer.
        issuer: Box<Pattern>,
        /// The subject.
        subject: Box<Pattern>,
    },
}

/// A part of a path template, after the `/` before it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// The text itself; empty for a `/` at the end.
    Literal(String),
    /// `{*}`: at least one character of `A-Za-z0-9-._~%!$&'()+,;:@=*`.
    One,
    /// `{**}`: any text of those characters and `/`, also none.
    Rest,
}

// === impl Field ===

impl Field {
    /// What a newcomer calls it.
    pub fn name(&self) -> String {
        match self {
            Field::Principal => "client identity".into(),
            Field::Namespace => "client namespace".into(),
            Field::ServiceAccount => "client service account".into(),
            Field::TrustDomain => "client trust domain".into(),
            Field::SourceIp => "source address".into(),
            Field::RemoteIp => "forwarded address".into(),
            Field::DestinationIp => "destination address".into(),
            Field::Port => "port".into(),
            Field::Host => "host".into(),
            Field::Method => "method".into(),
            Field::Path => "path".into(),
            Field::Header(name) => format!("header {name}"),
            Field::Sni => "TLS server name".into(),
            Field::RequestPrincipal => "token's principal".into(),
            Field::Claim(path) => format!("token's claim {}", path.join(".")),
            Field::Metadata(key) => key.clone(),
        }
    }
}

// === impl Pattern ===

impl Pattern {
    /// Reads `*`, `TEXT*`, `*TEXT` or `TEXT`; `star` is what `*` alone means. A star elsewhere is
    /// literal.
    pub fn text(value: &str, star: Pattern) -> Pattern {
        if value == "*" {
            star
        } else if let Some(rest) = value.strip_prefix('*') {
            Pattern::Suffix(rest.to_owned())
        } else if let Some(rest) = value.strip_suffix('*') {
            Pattern::Prefix(rest.to_owned())
        } else {
            Pattern::Exact(value.to_owned())
        }
    }

    /// As a policy would write it.
    pub fn display(&self) -> String {
        match self {
            Pattern::Exact(text) => text.clone(),
            Pattern::Prefix(text) => format!("{text}*"),
            Pattern::Suffix(text) => format!("*{text}"),
            Pattern::NotEmpty | Pattern::Present => "*".into(),
            Pattern::Namespace(parts) => parts.join("*"),
            Pattern::ServiceAccount { namespace, name } => format!("{namespace}/{name}"),
            Pattern::TrustDomain { start, end: None } => start.clone(),
            Pattern::TrustDomain {
                start,
                end: Some(end),
            } => format!("{start}*{end}"),
            Pattern::Template(segments) => {
                let mut text = String::new();
                for segment in segments {
                    text.push('/');
                    text.push_str(match segment {
                        Segment::Literal(literal) => literal,
                        Segment::One => "{*}",
                        Segment::Rest => "{**}",
                    });
                }
                text
            }
            Pattern::Cidr(cidr) => format!("{}/{}", cidr.base, cidr.bits),
            Pattern::Port(port) => port.to_string(),
            Pattern::Token { issuer, subject } => {
                format!("{}/{}", issuer.display(), subject.display())
            }
        }
    }
}

// === impl Rule ===

impl Rule {
    /// Whether it matches none: a clause has no entry left.
    pub fn is_never(&self) -> bool {
        self.clauses.iter().any(|clause| clause.entries.is_empty())
    }
}
