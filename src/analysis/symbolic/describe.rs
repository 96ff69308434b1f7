//! Regions described as a person would: who, on which ports, which methods and paths.

use super::axis::{Axis, Count, Partition};
use super::glob::{CharSet, Glob, Piece};
use super::intervals::{Point, Range};
use super::region::{Cube, Region};
use super::space::{Field, Space};
use crate::order::sort_by;
use serde::Serialize;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

impl Space {
    /// A region as products of sets of values, at most `limit`, and whether that is all.
    pub fn describe(&self, region: Region, limit: usize) -> (Vec<(Cube, Access)>, bool) {
        let (cubes, complete) = self.regions.cubes(region, limit);
        let described = cubes.into_iter().map(|cube| {
            let access = Access::of(&self.parts(&cube));
            (cube, access)
        });
        (described.collect(), complete)
    }

    fn parts(&self, cube: &Cube) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        for (level, classes) in cube {
            let at = self.axes.partition_point(|axis| axis.level <= *level);
            let Some(axis) = at.checked_sub(1).and_then(|at| self.axes.get(at)) else {
                continue;
            };
            parts.push(Part {
                axis,
                level: *level,
                classes: classes.clone(),
            });
        }
        parts
    }
}

/// One factor of a product: a field and a set of its classes.
#[derive(Debug)]
pub struct Part<'s> {
    axis: &'s Axis,
    level: u32,
    classes: Vec<u32>,
}

impl<'s> Part<'s> {
    /// The field.
    pub fn field(&self) -> &'s Field {
        &self.axis.field
    }

    /// For a field of ports or addresses: the ranges, neighbours joined.
    pub fn ranges(&self) -> Vec<Range> {
        let Partition::Intervals(intervals) = &self.axis.partition else {
            return Vec::new();
        };
        let mut ranges: Vec<Range> = Vec::new();
        for class in &self.classes {
            let Some((low, high)) = intervals.classes.get(*class as usize) else {
                continue;
            };
            match ranges.last_mut() {
                Some((_, end)) if end.0 == low.0 && end.1.checked_add(1) == Some(low.1) => {
                    *end = *high;
                }
                _ => ranges.push((*low, *high)),
            }
        }
        ranges
    }

    /// For a client: whether those without identity are among them.
    pub fn without_identity(&self) -> bool {
        self.axis.field == Field::Client && self.classes.contains(&self.axis.none())
    }

    /// For a field of texts: the classes to describe, and for a header whether one of their values is
    /// there, or none.
    fn wanted(&self) -> (Vec<u32>, bool) {
        let none = self.axis.none();
        let given = || self.classes.iter().copied().filter(|class| *class != none);
        match (self.axis.count, &self.axis.field) {
            (Count::Many, _) => {
                let class = self.level - self.axis.level;
                (vec![class], self.classes.contains(&1))
            }
            (Count::One, _) => (self.classes.clone(), true),
            (Count::Optional, Field::Client) => (given().collect(), true),
            (Count::Optional, _) if self.classes.contains(&none) => {
                let is_left = |class: &u32| self.classes.binary_search(class).is_err();
                ((0..none).filter(is_left).collect(), false)
            }
            (Count::Optional, _) => (given().collect(), true),
        }
    }

    /// Which patterns a set is the union of, and which it is without. With `(vec![], not)` it is
    /// everything but `not`. `None` where the set is no such combination; then examples say what can
    /// be said.
    fn patterns(&self, wanted: &[u32]) -> Option<(Vec<Label<'s>>, Vec<Label<'s>>)> {
        let (globs, list) = self.axis.list()?;
        let many = self.axis.none();
        let rest: Vec<u32> = (0..many)
            .filter(|class| wanted.binary_search(class).is_err())
            .collect();
        if rest.is_empty() {
            return Some((Vec::new(), Vec::new()));
        }
        let mut all: Vec<(Label<'s>, Cow<'s, [u32]>)> = Vec::new();
        for (glob, matched) in globs.iter().zip(&list.matched) {
            all.push((Label::Glob(glob), Cow::Borrowed(matched)));
        }
        if let Partition::Forwarded(one) = &self.axis.partition {
            for range in &one.intervals.classes {
                all.push((Label::Addresses(*range), Cow::Owned(one.inside(range))));
            }
            let mut without = one.without_address();
            without.pop();
            all.push((Label::NoAddress, Cow::Owned(without)));
        }
        if let Some(union) = cover(&all, wanted, &rest) {
            return Some((union, Vec::new()));
        }
        if let Some(but) = cover(&all, &rest, wanted) {
            return Some((Vec::new(), but));
        }
        // A union without another: first all patterns that the set needs, then what is too much.
        let mut union = Vec::new();
        let mut covered = Vec::new();
        for class in wanted {
            if covered.contains(class) {
                continue;
            }
            let (label, matched) = all
                .iter()
                .filter(|(_, matched)| matched.binary_search(class).is_ok())
                .min_by_key(|(_, matched)| {
                    matched
                        .iter()
                        .filter(|c| wanted.binary_search(c).is_err())
                        .count()
                })?;
            union.push(*label);
            covered.extend_from_slice(matched);
        }
        let excess: Vec<u32> = rest
            .iter()
            .copied()
            .filter(|class| covered.contains(class))
            .collect();
        let but = cover(&all, &excess, wanted)?;
        Some((union, but))
    }

    /// A set of classes as text.
    fn texts(&self) -> Texts {
        let (wanted, _) = self.wanted();
        let text = |labels: Vec<Label<'_>>| -> Vec<String> {
            labels.iter().map(|label| label.text(self.axis)).collect()
        };
        if let Some((any, except)) = self.patterns(&wanted) {
            return Texts {
                any: text(any),
                except: text(except),
                examples: Vec::new(),
            };
        }
        let witness = |class: &u32| {
            let (_, list) = self.axis.list()?;
            list.witnesses.get(*class as usize).cloned()
        };
        let mut examples: Vec<String> = wanted.iter().filter_map(witness).collect();
        sort_by(&mut examples, |left, right| left.len().cmp(&right.len()));
        examples.truncate(3);
        Texts {
            examples,
            ..Texts::default()
        }
    }

    fn range_texts(&self) -> Vec<String> {
        self.ranges().iter().map(range_text).collect()
    }

    /// For a client: whether some with an identity are among them.
    fn has_strings(&self) -> bool {
        let none = self.axis.none();
        self.classes.iter().any(|class| *class < none)
    }

    fn header(&self, name: &str) -> HeaderValues {
        HeaderValues {
            name: name.to_owned(),
            present: self.wanted().1,
            values: self.texts(),
        }
    }
}

/// What a set of texts is called by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Label<'s> {
    /// They match this.
    Glob(&'s Glob),
    /// Their last entry is one of these addresses.
    Addresses(Range),
    /// It is none.
    NoAddress,
}

impl Label<'_> {
    fn text(&self, axis: &Axis) -> String {
        let glob = match self {
            Label::Addresses(range) => return format!("last entry {}", range_text(range)),
            Label::NoAddress => return "no address".to_owned(),
            Label::Glob(glob) => *glob,
        };
        let mut text = glob_text(glob);
        if !axis.raw {
            return text;
        }
        let has_letter = |piece: &Piece| matches!(piece, Piece::Char(c) if c.is_ascii_alphabetic());
        let open = glob.0.last() == Some(&Piece::Star(CharSet::Any));
        if axis.field == Field::Host && glob.0.iter().any(has_letter) {
            text.push_str(" (in this case)");
        } else if axis.field == Field::Path && !open {
            text.push_str(" (query included)");
        }
        text
    }
}

/// Labels whose union holds all of `wanted` and nothing of `rest`.
fn cover<'s>(
    all: &[(Label<'s>, Cow<'s, [u32]>)],
    wanted: &[u32],
    rest: &[u32],
) -> Option<Vec<Label<'s>>> {
    let is_rest = |class: &u32| rest.binary_search(class).is_ok();
    let mut candidates: Vec<&(Label<'s>, Cow<'s, [u32]>)> = all
        .iter()
        .filter(|(_, matched)| !matched.is_empty() && !matched.iter().any(is_rest))
        .collect();
    // The widest first, so that narrower ones inside them are not named.
    sort_by(&mut candidates, |left, right| {
        right.1.len().cmp(&left.1.len())
    });
    let mut covered: Vec<u32> = Vec::new();
    let mut union = Vec::new();
    for (label, matched) in candidates {
        if matched.iter().all(|class| covered.contains(class)) {
            continue;
        }
        covered.extend_from_slice(matched);
        union.push(*label);
    }
    crate::order::sort(&mut union);
    wanted
        .iter()
        .all(|class| covered.contains(class))
        .then_some(union)
}

/// A set of texts: those that match one of `any`, or every one where that is empty, without those
/// that match one of `except`. `*` stands for any text, `{*}` for a part of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
pub struct Texts {
    /// One must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub any: Vec<String>,
    /// None may match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// The set has no such description; these are some of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

/// A set of clients.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Clients {
    /// Those with an identity; `None`: none of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<Texts>,
    /// Those without.
    pub outside: bool,
}

/// A header of a request: some value is in a set, or none is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct HeaderValues {
    /// The header's name.
    pub name: String,
    /// Whether a value in the set is there, or none.
    pub present: bool,
    /// The set.
    pub values: Texts,
}

/// A product of sets; a field that is left out is not restricted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// Who; `None`: anyone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clients: Option<Clients>,
    /// Ports and ranges of ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<String>>,
    /// Methods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub methods: Option<Texts>,
    /// Paths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paths: Option<Texts>,
    /// Hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Texts>,
    /// Addresses that the connection comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ips: Option<Vec<String>>,
    /// Forwarded addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ips: Option<Vec<String>>,
    /// Server names of TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_names: Option<Texts>,
    /// Headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderValues>,
    /// Claims of the token.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<HeaderValues>,
}

// === impl Access ===

impl Access {
    pub(super) fn of(parts: &[Part<'_>]) -> Access {
        let mut access = Access::default();
        for part in parts {
            match part.field() {
                Field::Client => {
                    access.clients = Some(Clients {
                        inside: part.has_strings().then(|| part.texts()),
                        outside: part.without_identity(),
                    });
                }
                Field::Port => access.ports = Some(part.range_texts()),
                Field::Method => access.methods = Some(part.texts()),
                Field::Path => access.paths = Some(part.texts()),
                Field::Host => access.hosts = Some(part.texts()),
                Field::SourceIp => {
                    let whole = part.ranges().into_iter().map(from_zero);
                    access.source_ips = Some(whole.map(|range| range_text(&range)).collect());
                }
                Field::RemoteIp => access.remote_ips = Some(part.range_texts()),
                Field::ServerName => access.server_names = Some(part.texts()),
                Field::Forwarded => access.headers.push(part.header("x-forwarded-for")),
                Field::Header(name) => access.headers.push(part.header(name)),
                Field::Claim(name) => access.claims.push(part.header(name)),
                // Nothing that a request carries.
                Field::Unsaid(_) => {}
            }
        }
        access
    }

    /// The request as the end of "… may ": `GET /metrics on port 9090`.
    pub fn request_text(&self) -> String {
        let mut text = match (&self.methods, &self.paths) {
            (None, None) => String::from("connect"),
            (Some(methods), None) => format!("send {}", methods.text(" or ")),
            (None, Some(paths)) => format!("request {}", paths.text(" or ")),
            (Some(methods), Some(paths)) => {
                let (methods, paths, named) = (
                    methods.text(" or "),
                    paths.text(" or "),
                    !methods.any.is_empty(),
                );
                if named {
                    format!("{methods} {paths}")
                } else {
                    format!("send {methods} with path {paths}")
                }
            }
        };
        if let Some(ports) = &self.ports {
            let noun = match ports.as_slice() {
                [one] if !one.contains('-') => "port",
                _ => "ports",
            };
            text.push_str(&format!(" on {noun} {}", ports.join(", ")));
        }
        for (label, set) in [("host", &self.hosts), ("server name", &self.server_names)] {
            if let Some(set) = set {
                text.push_str(&format!(", {label} {}", set.text(" or ")));
            }
        }
        for (label, list) in [
            ("from", &self.source_ips),
            ("forwarded for", &self.remote_ips),
        ] {
            if let Some(list) = list {
                text.push_str(&format!(", {label} {}", list.join(", ")));
            }
        }
        let headers = self.headers.iter().map(|one| ("header", one));
        for (noun, header) in headers.chain(self.claims.iter().map(|one| ("claim", one))) {
            let verb = if header.present { "with" } else { "without" };
            text.push_str(&format!(", {verb} {noun} {}", header.name));
            let values = &header.values;
            if !(values.any.is_empty() && values.except.is_empty() && values.examples.is_empty()) {
                text.push_str(&format!(": {}", values.text(" or ")));
            }
        }
        text
    }

    /// Who, as the subject of a sentence.
    pub fn clients_text(&self) -> String {
        let Some(clients) = &self.clients else {
            return "anyone in or outside the mesh".to_owned();
        };
        let inside = clients.inside.as_ref().map(|set| {
            let name = |texts: &[String], last: &str| {
                let names: Vec<String> = texts.iter().map(|text| client_name(text)).collect();
                join(&names, last)
            };
            let mut text = if set.any.is_empty() {
                "anyone in the mesh".to_owned()
            } else {
                name(&set.any, " and ")
            };
            if !set.except.is_empty() {
                text.push_str(&format!(" except {}", name(&set.except, " and ")));
            }
            if !set.examples.is_empty() {
                text = format!("some clients, such as {},", name(&set.examples, " and "));
            }
            text
        });
        match (inside, clients.outside) {
            (Some(inside), true) => format!("{inside} and anyone outside the mesh"),
            (Some(inside), false) => inside,
            (None, _) => "anyone outside the mesh".to_owned(),
        }
    }
}

// === impl Texts ===

impl Texts {
    fn text(&self, last: &str) -> String {
        if !self.examples.is_empty() {
            return format!("some, such as {}", join(&self.examples, last));
        }
        match (self.any.is_empty(), self.except.is_empty()) {
            (true, true) => "anything".to_owned(),
            (true, false) => format!("anything but {}", join(&self.except, last)),
            (false, true) => join(&self.any, last),
            (false, false) => {
                format!(
                    "{} but not {}",
                    join(&self.any, last),
                    join(&self.except, last)
                )
            }
        }
    }
}

/// `TRUSTDOMAIN/ns/NAMESPACE/sa/NAME` as `NAMESPACE/NAME`; a whole namespace by its name.
pub fn client_name(identity: &str) -> String {
    // A namespace at Envoy; `sa` is in the identities of a namespace `ns` as well.
    let namespace = identity
        .strip_prefix("*/ns/")
        .and_then(|rest| rest.strip_suffix("/*"))
        .filter(|name| !name.contains(['*', '/']) && *name != "sa");
    if let Some(namespace) = namespace {
        return format!("anyone in namespace {namespace}");
    }
    let named = identity
        .split_once("/ns/")
        .and_then(|(_, rest)| rest.split_once("/sa/"));
    match named {
        Some((namespace, "*")) if !namespace.contains('*') => {
            format!("anyone in namespace {namespace}")
        }
        Some((namespace, name)) if !namespace.contains('*') && !name.contains('*') => {
            format!("{namespace}/{name}")
        }
        _ => format!("clients like {identity}"),
    }
}

fn join(texts: &[String], last: &str) -> String {
    match texts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., end] => format!("{}{last}{end}", most.join(", ")),
    }
}

/// A pattern as a policy would write it.
pub fn glob_text(glob: &Glob) -> String {
    let mut text = String::with_capacity(glob.0.len());
    for piece in &glob.0 {
        match piece {
            Piece::Char(c) | Piece::Letter(c) => text.push(char::from(*c)),
            Piece::Query => break,
            Piece::Star(CharSet::Segments) => text.push_str("{**}"),
            Piece::Star(_) => text.push('*'),
            Piece::Plus(set) if *set == CharSet::Any => text.push('*'),
            Piece::Plus(_) => text.push_str("{*}"),
        }
    }
    text
}

/// A port or an address.
pub fn point_text(point: Point) -> String {
    match point {
        (4, bits) => u32::try_from(bits).map_or_else(
            |_| bits.to_string(),
            |bits| Ipv4Addr::from(bits).to_string(),
        ),
        (6, bits) => IpAddr::V6(Ipv6Addr::from(bits)).to_string(),
        (_, number) => number.to_string(),
    }
}

/// A range of addresses that a connection can come from, with the one before it, which none comes from, where that makes
/// it a block: `0.0.0.0/0` for `0.0.0.1-255.255.255.255`.
fn from_zero((low, high): Range) -> Range {
    let is_block = high.1 & high.1.wrapping_add(1) == 0;
    if low.1 == 1 && high.1 > 1 && is_block {
        return ((low.0, 0), high);
    }
    (low, high)
}

/// `80`, `1-79`, `10.0.0.0/8`, or `10.0.0.1-10.0.0.9`.
fn range_text((low, high): &Range) -> String {
    if low == high {
        return point_text(*low);
    }
    let size = high.1 - low.1;
    let bits = if low.0 == 4 { 32 } else { 128 };
    // A block: as many addresses as a power of two, the first a multiple of it.
    if low.0 != 0 && size & size.wrapping_add(1) == 0 && low.1 & size == 0 {
        return format!("{}/{}", point_text(*low), bits - size.count_ones());
    }
    format!("{}-{}", point_text(*low), point_text(*high))
}
