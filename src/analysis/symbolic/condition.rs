//! Conditions on requests.

use super::glob::Glob;
use super::intervals::Range;
use super::region::Region;
use crate::analysis::rules;

/// What a condition can be about. The order is that of decisions and of descriptions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Something that the input does not say: it is so, [`SO`], or it is not. It comes first, because
    /// regions forget what comes first at no cost.
    Unsaid(Box<Unsaid>),
    /// The client's identity, `TRUSTDOMAIN/ns/NAMESPACE/sa/SERVICEACCOUNT`, or that it has none.
    Client,
    /// The port that the request is sent to.
    Port,
    /// The method.
    Method,
    /// The path as policies see it, with its query.
    Path,
    /// `:authority`.
    Host,
    /// The address that the connection comes from.
    SourceIp,
    /// The last entry of X-Forwarded-For, or the address that the connection comes from.
    RemoteIp,
    /// X-Forwarded-For as a whole, or that it is not there: where conditions ask for its text, or for
    /// the address in it apart from the peer's.
    Forwarded,
    /// The server name of TLS; empty where there is none.
    ServerName,
    /// A header by its name in lower case. Each of its values is matched by itself: a condition
    /// holds where one value does. Of those that
    /// [`crate::analysis::headers::joined`] names there is one value at most.
    Header(String),
    /// A claim of the token by its path, joined by dots. Values are as a header's.
    Claim(String),
}

/// A question that neither the fields of a request answer nor the input. The same one has the same
/// answer before and after a change, whatever that is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unsaid {
    /// What is asked.
    pub what: Question,
    /// Of what: of something else it is another question.
    pub of: String,
}

/// What the input does not say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// Whether what a policy looks at is what it looks for.
    Matches(rules::Field, rules::Pattern),
    /// Whether a policy is there.
    Exists,
    /// Whether an external service refuses the request.
    Refuses,
}

/// What there is of [`Field::Unsaid`].
pub const WHETHER: &[Range] = &[((0, 0), (0, 1))];
/// That it is so.
pub const SO: Range = ((0, 1), (0, 1));

/// Which values of a field meet a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// Strings that match; of a client, it has an identity that does; of a path, without its query;
    /// of a host, in lower case.
    Glob(Glob),
    /// Strings that match as they are: a path with its query, a host in its own case.
    Raw(Glob),
    /// Ports or addresses between two.
    Range(Range),
    /// The client has no identity.
    NoIdentity,
    /// X-Forwarded-For names no address.
    NoAddress,
}

/// A condition on requests, in three values: what it asks about may be unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Holds for every request.
    Always,
    /// Holds for no request.
    Never,
    /// Cannot be known.
    Unknown,
    /// A field has one of these values.
    Is(Field, Values),
    /// All hold.
    All(Vec<Condition>),
    /// One of them holds.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
}

/// The requests for which a condition certainly holds, and those for which it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holds {
    /// It holds.
    pub surely: Region,
    /// It holds or cannot be known; contains `surely`.
    pub maybe: Region,
}

// === impl Condition ===

impl Condition {
    /// The opposite.
    pub fn negate(self) -> Condition {
        match self {
            Condition::Always => Condition::Never,
            Condition::Never => Condition::Always,
            Condition::Unknown => Condition::Unknown,
            Condition::Not(inner) => *inner,
            other => Condition::Not(Box::new(other)),
        }
    }

    /// Whether a part cannot be known.
    pub fn has_unknown(&self) -> bool {
        match self {
            Condition::Unknown => true,
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().any(Condition::has_unknown)
            }
            Condition::Not(inner) => inner.has_unknown(),
            Condition::Always | Condition::Never | Condition::Is(..) => false,
        }
    }

    /// Shows every leaf.
    pub fn visit<'c>(&'c self, leaf: &mut dyn FnMut(&'c Field, &'c Values)) {
        match self {
            Condition::Is(field, values) => leaf(field, values),
            Condition::All(parts) | Condition::Any(parts) => {
                for part in parts {
                    part.visit(leaf);
                }
            }
            Condition::Not(inner) => inner.visit(leaf),
            Condition::Always | Condition::Never | Condition::Unknown => {}
        }
    }
}
