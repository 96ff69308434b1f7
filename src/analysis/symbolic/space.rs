//! The space that conditions on requests span, and the regions that they are.

use super::axis::{Axis, Count, Partitions, number};
use super::intervals::Range;
use super::region::{DEFAULT_WORK, Region, Regions};
use super::strings::TooComplex;
use super::universe::PathMode;

pub use super::condition::{Condition, Field, Holds, Values};
pub use super::example::{DEFAULT_PORT, Example};

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
    /// Classes that were found before.
    pub known: Option<&'a Partitions>,
    /// Bound on the work.
    pub work: usize,
}

/// The space that a list of conditions spans.
#[derive(Debug)]
pub struct Space {
    pub(super) axes: Vec<Axis>,
    /// The forwarded address is that of X-Forwarded-For or the peer's, which are fields of their own.
    joint: bool,
    /// The regions of this space.
    pub regions: Regions,
    preferred: Vec<Vec<u32>>,
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
            known: None,
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
        // Where conditions ask for the text of X-Forwarded-For, or tell its address from the peer's, the
        // forwarded address is one of the two.
        let joint = leaves.iter().any(|(field, _)| **field == Field::Forwarded);
        if joint {
            let split = leaves.len();
            for at in 0..split {
                if let Some((Field::RemoteIp, values)) = leaves.get(at).copied() {
                    leaves.push((&Field::Forwarded, values));
                    leaves.push((&Field::SourceIp, values));
                }
            }
            leaves.retain(|(field, _)| **field != Field::RemoteIp);
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
            let axis = Axis::new(setting, field, number(sizes.len()), here)?;
            sizes.extend(axis.sizes());
            preferred.extend(axis.preferred(setting));
            axes.push(axis);
        }
        Ok(Space {
            axes,
            joint,
            regions: Regions::new(sizes, setting.work)?,
            preferred,
        })
    }

    pub(super) fn axis(&self, field: &Field) -> Option<&Axis> {
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

    /// A list of values of one field is one set of classes: no need to unite regions.
    fn any_of_one_field(&mut self, parts: &[Condition]) -> Result<Option<Region>, TooComplex> {
        let Some(Condition::Is(field, _)) = parts.first() else {
            return Ok(None);
        };
        let Some(axis) = self.axis(field).filter(|axis| axis.count != Count::Many) else {
            return Ok(None);
        };
        let level = axis.level;
        let mut all = Vec::new();
        for part in parts {
            match part {
                Condition::Is(other, values) if other == field => {
                    all.extend(axis.classes(values));
                }
                _ => return Ok(None),
            }
        }
        self.regions.set(level, &all).map(Some)
    }

    fn values(&mut self, field: &Field, values: &Values) -> Result<Region, TooComplex> {
        if self.joint && *field == Field::RemoteIp {
            let named = self.values(&Field::Forwarded, values)?;
            let unnamed = self.values(&Field::Forwarded, &Values::NoAddress)?;
            let peer = self.values(&Field::SourceIp, values)?;
            let peer = self.regions.and(unnamed, peer)?;
            return self.regions.or(named, peer);
        }
        let Some(axis) = self.axis(field) else {
            return Ok(Region::NONE);
        };
        let (level, count) = (axis.level, axis.count);
        let classes = axis.classes(values);
        if count != Count::Many {
            return self.regions.set(level, &classes);
        }
        let mut some = Vec::with_capacity(classes.len());
        for class in classes {
            some.push(self.regions.set(level.saturating_add(class), &[1])?);
        }
        self.regions.any(&some)
    }

    /// A request of a region.
    pub fn example(&self, region: Region) -> Option<Example> {
        let classes = self.regions.witness(region, &self.preferred)?;
        Some(self.spell(&classes))
    }
}
