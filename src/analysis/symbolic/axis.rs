//! One field of requests and its classes.

use super::condition::{Field, Values, WHETHER};
use super::forwarded::Forwarded;
use super::glob::Glob;
use super::intervals::{ADDRESSES, Intervals, PORTS, Point, Range, SOURCES};
use super::space::Setting;
use super::strings::{Classes, TooComplex, classes};
use super::universe::Universe;
use crate::analysis::headers;
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

/// The classes of one field.
#[derive(Debug)]
pub(super) enum Partition {
    Strings(Rc<Strings>),
    Intervals(Intervals),
    Forwarded(Forwarded),
}

/// The classes of a field of texts.
#[derive(Debug)]
pub(super) struct Strings {
    universe: Universe,
    globs: Vec<Glob>,
    list: Classes,
}

/// Classes of texts that were found last: the policies of most targets mention the same methods and
/// paths. Of one mesh, whose clients do not change any more.
#[derive(Debug, Default)]
pub struct Partitions(RefCell<Vec<Rc<Strings>>>);

/// How many are kept.
const KEPT: usize = 16;

/// How many values of a field a request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    One,
    /// One or none; the class behind the last is that there is none.
    Optional,
    /// Any number, so that whether one of them lies in a class is a question of its own for each
    /// class: each is a level.
    Many,
}

/// One field and the level at which regions decide it.
#[derive(Debug)]
pub(super) struct Axis {
    pub(super) field: Field,
    pub(super) level: u32,
    pub(super) count: Count,
    /// Texts are whole: paths with their query, hosts in their own case.
    pub(super) raw: bool,
    pub(super) partition: Partition,
}

/// Addresses that stand for "some address" in a witness: one of a cluster, then those of
/// RFC 5737 and RFC 3849 that are kept for documentation.
pub(super) const LIKELY_ADDRESSES: &[Point] = &[
    (4, 0x0a00_0001),
    (4, 0xc000_0201),
    (4, 0xc633_6401),
    (6, 0x2001_0db8_0000_0000_0000_0000_0000_0001),
    (6, 0xfd00_0000_0000_0000_0000_0000_0000_0001),
];
pub(super) const LIKELY_PORTS: &[Point] = &[(0, 80), (0, 8080), (0, 443), (0, 8443), (0, 9090)];
/// A step through patterns costs about as much as so much work on regions.
const STEP: usize = 5;
const LIKELY_METHODS: &[&str] = &[
    "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE",
];
const LIKELY_PATHS: &[&str] = &["/", "/other"];

impl Axis {
    /// The axis of a field that these leaves mention.
    pub(super) fn new(
        setting: &Setting<'_>,
        field: &Field,
        level: u32,
        leaves: &[(&Field, &Values)],
    ) -> Result<Axis, TooComplex> {
        let count = match field {
            Field::Client | Field::Forwarded => Count::Optional,
            Field::Header(name) if headers::joined(name) => Count::Optional,
            // RFC 7519 has issuer and subject of a token as single strings.
            Field::Claim(name) if name == "iss" || name == "sub" => Count::Optional,
            Field::Header(_) | Field::Claim(_) => Count::Many,
            _ => Count::One,
        };
        let raw = leaves
            .iter()
            .any(|(_, values)| matches!(values, Values::Raw(_)));
        Ok(Axis {
            field: field.clone(),
            level,
            count,
            raw,
            partition: partition(setting, field, raw, leaves)?,
        })
    }

    /// How many classes each of its levels has.
    pub(super) fn sizes(&self) -> Vec<u32> {
        let many = match &self.partition {
            Partition::Intervals(intervals) => intervals.classes.len(),
            Partition::Strings(one) => one.list.witnesses.len(),
            Partition::Forwarded(one) => one.list.witnesses.len(),
        };
        match self.count {
            Count::Many => vec![2; many],
            _ => vec![number(many) + u32::from(self.count == Count::Optional)],
        }
    }

    /// The class behind the last.
    pub(super) fn none(&self) -> u32 {
        self.list()
            .map_or(0, |(_, list)| number(list.witnesses.len()))
    }

    /// The classes that a plain request would be in, for each level.
    pub(super) fn preferred(&self, setting: &Setting<'_>) -> Vec<Vec<u32>> {
        match (&self.partition, self.count) {
            (Partition::Strings(one), Count::Many) => vec![vec![0]; one.list.witnesses.len()],
            (Partition::Strings(one), _) if likely(setting, &self.field).is_some() => {
                vec![likely_classes(setting, &self.field, &one.list)]
            }
            (Partition::Strings(_) | Partition::Forwarded(_), _) => vec![vec![self.none()]],
            (Partition::Intervals(intervals), _) => {
                let likely = match self.field {
                    Field::Port => LIKELY_PORTS,
                    _ => LIKELY_ADDRESSES,
                };
                let classes = likely.iter().filter_map(|point| intervals.class_of(*point));
                vec![classes.collect()]
            }
        }
    }

    /// Of a field of texts: the patterns and the classes.
    pub(super) fn list(&self) -> Option<(&[Glob], &Classes)> {
        match &self.partition {
            Partition::Strings(one) => Some((&one.globs, &one.list)),
            Partition::Forwarded(one) => Some((&one.globs, &one.list)),
            Partition::Intervals(_) => None,
        }
    }

    /// The classes that a leaf is made of.
    pub(super) fn classes(&self, values: &Values) -> Vec<u32> {
        match (&self.partition, values) {
            (Partition::Intervals(intervals), Values::Range(range)) => {
                intervals.inside(range).collect()
            }
            (Partition::Forwarded(one), Values::Range(range)) => one.inside(range),
            (Partition::Forwarded(one), Values::NoAddress) => one.without_address(),
            (_, Values::NoIdentity) => vec![self.none()],
            (_, Values::Glob(_) | Values::Raw(_)) => {
                let Some((globs, list)) = self.list() else {
                    return Vec::new();
                };
                let at = pattern(&self.field, values, self.raw)
                    .and_then(|glob| globs.binary_search(&glob).ok());
                let matched = at.and_then(|at| list.matched.get(at));
                matched.cloned().unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// The class whose patterns are exactly those that a text matches.
    pub(super) fn class_of(&self, text: &str) -> Option<u32> {
        match &self.partition {
            Partition::Strings(one) => classes_of(&one.globs, &one.list, text).first().copied(),
            Partition::Forwarded(one) => one.class_of(text),
            Partition::Intervals(_) => None,
        }
    }

    /// The class of a port or an address.
    pub(super) fn class_at(&self, point: Point) -> Option<u32> {
        match &self.partition {
            Partition::Intervals(intervals) => intervals.class_of(point),
            _ => None,
        }
    }
}

pub(super) fn number(many: usize) -> u32 {
    u32::try_from(many).unwrap_or(u32::MAX - 1)
}

/// The pattern of a leaf over the texts of its axis; `None` where none of them matches.
fn pattern<'v>(field: &Field, values: &'v Values, raw: bool) -> Option<Cow<'v, Glob>> {
    match (values, field) {
        (Values::Glob(glob), Field::Path) if raw => glob.with_any_query().map(Cow::Owned),
        (Values::Glob(glob), Field::Host) if raw => Some(Cow::Owned(glob.in_any_case())),
        (Values::Glob(glob) | Values::Raw(glob), _) => Some(Cow::Borrowed(glob)),
        _ => None,
    }
}

/// The classes whose patterns are exactly those that a text matches: one, where they are told apart by
/// nothing else.
pub(super) fn classes_of(globs: &[Glob], list: &Classes, text: &str) -> Vec<u32> {
    let mut left: Option<Vec<u32>> = None;
    let mut without: Vec<&Vec<u32>> = Vec::new();
    for (glob, matched) in globs.iter().zip(&list.matched) {
        if !glob.matches(text) {
            without.push(matched);
            continue;
        }
        left = Some(match left {
            None => matched.clone(),
            Some(mut left) => {
                left.retain(|class| matched.binary_search(class).is_ok());
                left
            }
        });
    }
    let mut left = left.unwrap_or_else(|| (0..number(list.witnesses.len())).collect());
    left.retain(|class| without.iter().all(|set| set.binary_search(class).is_err()));
    left
}

fn universe(setting: &Setting<'_>, field: &Field, raw: bool) -> Option<Universe> {
    Some(match field {
        Field::Client => Universe::Identity {
            trust_domain: setting.trust_domain.to_owned(),
        },
        Field::Method => Universe::Method,
        Field::Path if raw => Universe::Target(setting.paths),
        Field::Path => Universe::Path(setting.paths),
        Field::Host if raw => Universe::Authority,
        Field::Host => Universe::Host,
        Field::ServerName => Universe::ServerName,
        Field::Header(_) | Field::Forwarded => Universe::HeaderValue,
        Field::Claim(_) => Universe::Text,
        Field::Port | Field::SourceIp | Field::RemoteIp | Field::Unsaid(_) => return None,
    })
}

fn likely<'a>(setting: &Setting<'a>, field: &Field) -> Option<&'a [&'a str]> {
    Some(match field {
        Field::Client => setting.clients,
        Field::Method => LIKELY_METHODS,
        Field::Path => LIKELY_PATHS,
        Field::Host => setting.hosts,
        Field::ServerName => &[""],
        _ => return None,
    })
}

/// The classes that the likely strings fall into, in their order.
fn likely_classes(setting: &Setting<'_>, field: &Field, classes: &Classes) -> Vec<u32> {
    let texts = likely(setting, field).unwrap_or_default();
    let class = |text: &&str| classes.witnesses.iter().position(|one| one == text);
    texts
        .iter()
        .take(16)
        .filter_map(class)
        .map(number)
        .collect()
}

fn partition(
    setting: &Setting<'_>,
    field: &Field,
    raw: bool,
    leaves: &[(&Field, &Values)],
) -> Result<Partition, TooComplex> {
    let mut ranges: Vec<Range> = Vec::new();
    for (_, values) in leaves {
        if let Values::Range(range) = values {
            ranges.push(*range);
        }
    }
    let Some(universe) = universe(setting, field, raw) else {
        let line = match field {
            Field::Port if setting.ports.is_empty() => PORTS,
            Field::Port => setting.ports,
            Field::SourceIp => SOURCES,
            Field::Unsaid(_) => WHETHER,
            _ => ADDRESSES,
        };
        return Ok(Partition::Intervals(Intervals::new(line, &ranges)));
    };
    let mut globs: Vec<Cow<'_, Glob>> = Vec::new();
    for (_, values) in leaves {
        globs.extend(pattern(field, values, raw));
    }
    crate::order::sort(&mut globs);
    globs.dedup();
    let work = setting.work / STEP;
    if *field == Field::Forwarded {
        let globs = globs.into_iter().map(Cow::into_owned).collect();
        return Forwarded::new(globs, &ranges, work).map(Partition::Forwarded);
    }
    let absent = match field {
        Field::Client => setting.absent,
        _ => &[],
    };
    // The hosts worth showing are others for each target.
    let known = setting.known.filter(|_| *field != Field::Host);
    if let Some(one) = known.and_then(|known| known.find(&universe, &globs)) {
        return Ok(Partition::Strings(one));
    }
    let refs: Vec<&Glob> = globs.iter().map(Cow::as_ref).collect();
    let likely = likely(setting, field).unwrap_or_default();
    let list = classes(&universe, &refs, likely, absent, work)?;
    let one = Rc::new(Strings {
        universe,
        globs: globs.into_iter().map(Cow::into_owned).collect(),
        list,
    });
    if let Some(known) = known {
        known.keep(&one);
    }
    Ok(Partition::Strings(one))
}

// === impl Partitions ===

impl Partitions {
    fn find(&self, universe: &Universe, globs: &[Cow<'_, Glob>]) -> Option<Rc<Strings>> {
        let known = self.0.try_borrow().ok()?;
        let found = known.iter().find(|one| {
            one.globs.len() == globs.len()
                && one.universe == *universe
                && one.globs.iter().zip(globs).all(|(a, b)| a == b.as_ref())
        });
        found.cloned()
    }

    fn keep(&self, one: &Rc<Strings>) {
        let Ok(mut known) = self.0.try_borrow_mut() else {
            return;
        };
        if known.len() >= KEPT {
            known.remove(0);
        }
        known.push(Rc::clone(one));
    }
}
