//! Conditions on requests, the space that they span, and the regions that they are.

use super::glob::Glob;
use super::intervals::{ADDRESSES, Intervals, PORTS, Point, Range};
use super::region::{DEFAULT_WORK, Region, Regions};
use super::strings::{Classes, TooComplex, classes};
use super::universe::{PathMode, Universe};

/// What a condition can be about. The order is that of decisions and of descriptions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The client's identity, `TRUSTDOMAIN/ns/NAMESPACE/sa/SERVICEACCOUNT`, or that it has none.
    Client,
    /// The port that the request is sent to.
    Port,
    /// The method.
    Method,
    /// The path as policies see it.
    Path,
    /// `:authority` in lower case.
    Host,
    /// The address that the connection comes from.
    SourceIp,
    /// The last entry of X-Forwarded-For, or the address that the connection comes from.
    RemoteIp,
    /// The server name of TLS; empty where there is none.
    ServerName,
    /// A header by its name in lower case. Each of its values is matched by itself: a condition
    /// holds where one value does.
    Header(String),
    /// A claim of the token by its path, joined by dots. Values are as a header's.
    Claim(String),
}

/// Which values of a field meet a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// Strings that match; of a client, it has an identity that does.
    Glob(Glob),
    /// Ports or addresses between two.
    Range(Range),
    /// The client has no identity.
    NoIdentity,
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

/// What the strings and ports of requests look like in the mesh at hand.
#[derive(Debug, Clone)]
pub struct Setting<'a> {
    /// The mesh's trust domain.
    pub trust_domain: &'a str,
    /// How paths are normalised.
    pub paths: PathMode,
    /// The ports that a request can be sent to, in ascending order; all where empty.
    pub ports: &'a [Range],
    /// Identities worth showing in a witness, the best first.
    pub clients: &'a [&'a str],
    /// Identities that no client has, in ascending order: their workloads are outside the mesh.
    pub absent: &'a [String],
    /// Hosts worth showing, the best first.
    pub hosts: &'a [&'a str],
    /// Bound on the work.
    pub work: usize,
}

/// The classes of one field.
#[derive(Debug)]
pub(super) enum Partition {
    Strings(Vec<Glob>, Classes),
    Intervals(Intervals),
}

/// One field and the level at which regions decide it.
#[derive(Debug)]
pub(super) struct Axis {
    pub(super) field: Field,
    pub(super) level: u32,
    pub(super) partition: Partition,
}

/// The space that a list of conditions spans.
#[derive(Debug)]
pub struct Space {
    pub(super) axes: Vec<Axis>,
    /// The regions of this space.
    pub regions: Regions,
    preferred: Vec<Vec<u32>>,
}

/// A request of a class: every field that conditions mention has a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Example {
    /// The client's identity; `Some(None)` is a client without one.
    pub client: Option<Option<String>>,
    /// The port.
    pub port: Option<u16>,
    /// The method.
    pub method: Option<String>,
    /// The path, normalised.
    pub path: Option<String>,
    /// `:authority`
    pub host: Option<String>,
    /// Where the connection comes from.
    pub source_ip: Option<Point>,
    /// The last entry of X-Forwarded-For, where it matters.
    pub remote_ip: Option<Point>,
    /// The server name of TLS.
    pub server_name: Option<String>,
    /// Headers and their values.
    pub headers: Vec<(String, Vec<String>)>,
    /// Claims of the token and their values.
    pub claims: Vec<(String, Vec<String>)>,
}

/// Addresses that stand for "some address" in a witness: one of a cluster, then those of
/// RFC 5737 and RFC 3849 that are kept for documentation.
const LIKELY_ADDRESSES: &[Point] = &[
    (4, 0x0a00_0001),
    (4, 0xc000_0201),
    (4, 0xc633_6401),
    (6, 0x2001_0db8_0000_0000_0000_0000_0000_0001),
];
/// A step through patterns costs about as much as so much work on regions.
const STEP: usize = 5;
const LIKELY_PORTS: &[Point] = &[(0, 80), (0, 8080), (0, 443), (0, 8443), (0, 9090)];
const LIKELY_METHODS: &[&str] = &[
    "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE",
];
const LIKELY_PATHS: &[&str] = &["/", "/other"];

/// The port that stands first in a witness where none is asked for.
pub const DEFAULT_PORT: u16 = 80;

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

    fn visit<'c>(&'c self, leaf: &mut dyn FnMut(&'c Field, &'c Values)) {
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

// === impl Setting ===

impl<'a> Setting<'a> {
    /// The usual one: all ports, nothing preferred.
    pub fn new(trust_domain: &'a str, paths: PathMode) -> Self {
        Setting {
            trust_domain,
            paths,
            ports: &[],
            clients: &[],
            absent: &[],
            hosts: &[],
            work: DEFAULT_WORK,
        }
    }
}

// === impl Space ===

impl Space {
    /// The space of everything that some of the conditions mention.
    pub fn new(setting: &Setting<'_>, conditions: &[&Condition]) -> Result<Self, TooComplex> {
        let mut leaves: Vec<(&Field, &Values)> = Vec::new();
        for condition in conditions {
            condition.visit(&mut |field, values| leaves.push((field, values)));
        }
        crate::order::sort_by(&mut leaves, |a, b| a.0.cmp(b.0));
        let mut axes = Vec::new();
        let mut sizes = Vec::new();
        let mut preferred = Vec::new();
        let mut rest = leaves.as_slice();
        while let Some((field, _)) = rest.first() {
            let many = rest.partition_point(|(other, _)| other <= field);
            let (here, tail) = rest.split_at_checked(many).unwrap_or((rest, &[]));
            rest = tail;
            let level = u32::try_from(sizes.len()).unwrap_or(u32::MAX);
            let partition = partition(setting, field, here)?;
            match (&partition, field) {
                // A header may have any number of values, so whether one of them lies in a class
                // is a question of its own for each class.
                (Partition::Strings(_, classes), Field::Header(_) | Field::Claim(_)) => {
                    for _ in &classes.witnesses {
                        sizes.push(2);
                        preferred.push(vec![0]);
                    }
                }
                (Partition::Strings(_, classes), _) => {
                    let without = u32::from(**field == Field::Client);
                    let many = u32::try_from(classes.witnesses.len()).unwrap_or(u32::MAX - 1);
                    sizes.push(many + without);
                    preferred.push(likely_classes(setting, field, classes));
                }
                (Partition::Intervals(intervals), _) => {
                    sizes.push(u32::try_from(intervals.classes.len()).unwrap_or(u32::MAX));
                    let likely = match field {
                        Field::Port => LIKELY_PORTS,
                        _ => LIKELY_ADDRESSES,
                    };
                    preferred.push(
                        likely
                            .iter()
                            .filter_map(|point| intervals.class_of(*point))
                            .collect(),
                    );
                }
            }
            axes.push(Axis {
                field: (*field).clone(),
                level,
                partition,
            });
        }
        Ok(Space {
            axes,
            regions: Regions::new(sizes, setting.work)?,
            preferred,
        })
    }

    fn axis(&self, field: &Field) -> Option<&Axis> {
        let at = self
            .axes
            .binary_search_by(|axis| axis.field.cmp(field))
            .ok()?;
        self.axes.get(at)
    }

    /// The level of a field, where some condition mentions it.
    pub fn level(&self, field: &Field) -> Option<u32> {
        self.axis(field).map(|axis| axis.level)
    }

    /// The requests that meet a condition, one of those the space was made for or made of their
    /// parts.
    pub fn holds(&mut self, condition: &Condition) -> Result<Holds, TooComplex> {
        let sure = |region| Holds {
            surely: region,
            maybe: region,
        };
        Ok(match condition {
            Condition::Always => sure(Region::ALL),
            Condition::Never => sure(Region::NONE),
            Condition::Unknown => Holds {
                surely: Region::NONE,
                maybe: Region::ALL,
            },
            Condition::Is(field, values) => sure(self.values(field, values)?),
            Condition::Not(inner) => {
                let inner = self.holds(inner)?;
                Holds {
                    surely: self.regions.not(inner.maybe)?,
                    maybe: self.regions.not(inner.surely)?,
                }
            }
            Condition::All(parts) => {
                let mut all = sure(Region::ALL);
                for part in parts {
                    let part = self.holds(part)?;
                    all.surely = self.regions.and(all.surely, part.surely)?;
                    all.maybe = self.regions.and(all.maybe, part.maybe)?;
                    if all.maybe.is_none() {
                        break;
                    }
                }
                all
            }
            Condition::Any(parts) => {
                if let Some(any) = self.any_of_one_field(parts)? {
                    return Ok(sure(any));
                }
                let mut surely = Vec::with_capacity(parts.len());
                let mut maybe = Vec::with_capacity(parts.len());
                for part in parts {
                    let part = self.holds(part)?;
                    surely.push(part.surely);
                    maybe.push(part.maybe);
                }
                Holds {
                    surely: self.regions.any(&surely)?,
                    maybe: self.regions.any(&maybe)?,
                }
            }
        })
    }

    /// The requests that there can be: RFC 7519 has issuer and subject of a token as single strings.
    pub fn legal(&mut self) -> Result<Region, TooComplex> {
        let mut legal = Region::ALL;
        for axis in &self.axes {
            let (Field::Claim(name), Partition::Strings(_, list)) = (&axis.field, &axis.partition)
            else {
                continue;
            };
            if name != "iss" && name != "sub" {
                continue;
            }
            let (mut none, mut one_at_most) = (Region::ALL, Region::ALL);
            for class in (0..list.witnesses.len()).rev() {
                let level = axis
                    .level
                    .saturating_add(u32::try_from(class).unwrap_or(u32::MAX));
                let (has, has_not) = (
                    self.regions.set(level, &[1])?,
                    self.regions.set(level, &[0])?,
                );
                let this = self.regions.and(has, none)?;
                let other = self.regions.and(has_not, one_at_most)?;
                one_at_most = self.regions.or(this, other)?;
                none = self.regions.and(has_not, none)?;
            }
            legal = self.regions.and(legal, one_at_most)?;
        }
        Ok(legal)
    }

    /// A list of values of one field is one set of classes: no need to unite regions.
    fn any_of_one_field(&mut self, parts: &[Condition]) -> Result<Option<Region>, TooComplex> {
        let Some(Condition::Is(field, _)) = parts.first() else {
            return Ok(None);
        };
        if matches!(field, Field::Header(_) | Field::Claim(_)) {
            return Ok(None);
        }
        let mut all = Vec::new();
        for part in parts {
            match part {
                Condition::Is(other, values) if other == field => {
                    all.extend(self.classes(field, values));
                }
                _ => return Ok(None),
            }
        }
        let Some(level) = self.level(field) else {
            return Ok(None);
        };
        self.regions.set(level, &all).map(Some)
    }

    fn values(&mut self, field: &Field, values: &Values) -> Result<Region, TooComplex> {
        let classes = self.classes(field, values);
        let Some(level) = self.level(field) else {
            return Ok(Region::NONE);
        };
        if !matches!(field, Field::Header(_) | Field::Claim(_)) {
            return self.regions.set(level, &classes);
        }
        let mut some = Vec::with_capacity(classes.len());
        for class in classes {
            some.push(self.regions.set(level.saturating_add(class), &[1])?);
        }
        self.regions.any(&some)
    }

    /// The classes of a field that a leaf is made of.
    fn classes(&self, field: &Field, values: &Values) -> Vec<u32> {
        let Some(axis) = self.axis(field) else {
            return Vec::new();
        };
        match (&axis.partition, values) {
            (Partition::Strings(globs, classes), Values::Glob(glob)) => globs
                .binary_search(glob)
                .ok()
                .and_then(|at| classes.matched.get(at))
                .cloned()
                .unwrap_or_default(),
            (Partition::Strings(_, classes), Values::NoIdentity) => {
                vec![u32::try_from(classes.witnesses.len()).unwrap_or(u32::MAX)]
            }
            (Partition::Intervals(intervals), Values::Range(range)) => {
                intervals.inside(range).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A request of a region.
    pub fn example(&self, region: Region) -> Option<Example> {
        let classes = self.regions.witness(region, &self.preferred)?;
        Some(self.spell(&classes))
    }

    /// A request of these classes, one a level.
    fn spell(&self, classes: &[u32]) -> Example {
        let mut example = Example::default();
        for axis in &self.axes {
            let class = |level: u32| classes.get(level as usize).copied().unwrap_or(0);
            let at = class(axis.level);
            let text = || match &axis.partition {
                Partition::Strings(_, classes) => classes.witnesses.get(at as usize).cloned(),
                Partition::Intervals(_) => None,
            };
            let point = |likely: &[Point]| match &axis.partition {
                Partition::Intervals(intervals) => intervals.witness(at, likely),
                Partition::Strings(..) => None,
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
                Field::ServerName => example.server_name = text(),
                Field::Header(name) | Field::Claim(name) => {
                    let Partition::Strings(_, list) = &axis.partition else {
                        continue;
                    };
                    let values: Vec<String> = (axis.level..)
                        .zip(&list.witnesses)
                        .filter(|(level, _)| class(*level) == 1)
                        .map(|(_, value)| value.clone())
                        .collect();
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
        for axis in &self.axes {
            let text = |text: &Option<String>| match &axis.partition {
                Partition::Strings(globs, list) => class_of(globs, list, text.as_deref()?),
                Partition::Intervals(_) => None,
            };
            let point = |point: Option<Point>| match &axis.partition {
                Partition::Intervals(intervals) => intervals.class_of(point?),
                Partition::Strings(..) => None,
            };
            match &axis.field {
                Field::Client => found.push(match (request.client.as_ref()?, &axis.partition) {
                    (None, Partition::Strings(_, list)) => {
                        u32::try_from(list.witnesses.len()).ok()?
                    }
                    (some, _) => text(some)?,
                }),
                Field::Port => found.push(point(request.port.map(|n| (0, u128::from(n))))?),
                Field::Method => found.push(text(&request.method)?),
                Field::Path => found.push(text(&request.path)?),
                Field::Host => found.push(text(&request.host)?),
                Field::SourceIp => found.push(point(request.source_ip)?),
                Field::RemoteIp => found.push(point(request.remote_ip)?),
                Field::ServerName => found.push(text(&request.server_name)?),
                Field::Header(name) | Field::Claim(name) => {
                    let given = match &axis.field {
                        Field::Claim(_) => &request.claims,
                        _ => &request.headers,
                    };
                    let Partition::Strings(globs, list) = &axis.partition else {
                        return None;
                    };
                    let mut has = vec![0; list.witnesses.len()];
                    for (_, values) in given.iter().filter(|(other, _)| other == name) {
                        for value in values {
                            let class = class_of(globs, list, value)?;
                            *has.get_mut(class as usize)? = 1;
                        }
                    }
                    found.extend(has);
                }
            }
        }
        Some(found)
    }
}

/// The class whose patterns are exactly those that the text matches.
fn class_of(globs: &[Glob], list: &Classes, text: &str) -> Option<u32> {
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
    let many = u32::try_from(list.witnesses.len()).ok()?;
    let left = left.unwrap_or_else(|| (0..many).collect());
    left.into_iter()
        .find(|class| without.iter().all(|set| set.binary_search(class).is_err()))
}

fn universe(setting: &Setting<'_>, field: &Field) -> Option<Universe> {
    Some(match field {
        Field::Client => Universe::Identity {
            trust_domain: setting.trust_domain.to_owned(),
        },
        Field::Method => Universe::Method,
        Field::Path => Universe::Path(setting.paths),
        Field::Host => Universe::Host,
        Field::ServerName => Universe::ServerName,
        Field::Header(_) | Field::Claim(_) => Universe::HeaderValue,
        Field::Port | Field::SourceIp | Field::RemoteIp => return None,
    })
}

fn likely<'a>(setting: &Setting<'a>, field: &Field) -> &'a [&'a str] {
    match field {
        Field::Client => setting.clients,
        Field::Method => LIKELY_METHODS,
        Field::Path => LIKELY_PATHS,
        Field::Host => setting.hosts,
        Field::ServerName => &[""],
        _ => &[],
    }
}

/// The classes that the likely strings fall into, in their order.
fn likely_classes(setting: &Setting<'_>, field: &Field, classes: &Classes) -> Vec<u32> {
    likely(setting, field)
        .iter()
        .take(16)
        .filter_map(|text| {
            let at = classes
                .witnesses
                .iter()
                .position(|witness| witness == text)?;
            u32::try_from(at).ok()
        })
        .collect()
}

fn partition(
    setting: &Setting<'_>,
    field: &Field,
    leaves: &[(&Field, &Values)],
) -> Result<Partition, TooComplex> {
    if let Some(universe) = universe(setting, field) {
        let mut globs: Vec<&Glob> = Vec::new();
        for (_, values) in leaves {
            if let Values::Glob(glob) = values {
                globs.push(glob);
            }
        }
        crate::order::sort(&mut globs);
        globs.dedup();
        let absent = match field {
            Field::Client => setting.absent,
            _ => &[],
        };
        let found = classes(
            &universe,
            &globs,
            likely(setting, field),
            absent,
            setting.work / STEP,
        )?;
        let globs = globs.into_iter().cloned().collect();
        return Ok(Partition::Strings(globs, found));
    }
    let ranges: Vec<Range> = leaves
        .iter()
        .filter_map(|(_, values)| match values {
            Values::Range(range) => Some(*range),
            _ => None,
        })
        .collect();
    let line = match field {
        Field::Port if setting.ports.is_empty() => PORTS,
        Field::Port => setting.ports,
        _ => ADDRESSES,
    };
    Ok(Partition::Intervals(Intervals::new(line, &ranges)))
}
