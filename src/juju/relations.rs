//! Relations as Juju resolves them: which endpoint of which application, and who is behind a
//! `saas` name.

use super::bundle::{Bundle, Saas, WrittenEnd, WrittenRelation, parse_saas_url};
use super::charm::{Charm, CharmEndpoint, Role, clip};
use crate::diagnostic::{Diagnostic, code};
use crate::map::{Index, Map};
use crate::text::Position;
use std::ops::Range;

/// Charms by name.
pub type Charms<'a> = Map<'a, Charm<'a>>;

/// A model: its name, its bundle, and its relations with their endpoints known.
#[derive(Debug)]
pub struct Model<'a> {
    /// The model's name, which is its namespace.
    pub name: String,
    /// Its bundle.
    pub bundle: Bundle<'a>,
    /// Its relations.
    pub relations: Vec<Relation<'a>>,
    /// Which relations each application takes part in.
    taken: Taken,
}

/// For each application, by its position in the bundle, which relations it takes part in, in order: one list for all of
/// them, and where the part of each begins.
#[derive(Debug)]
struct Taken {
    starts: Vec<u32>,
    relations: Vec<u32>,
}

/// One end of a relation.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// Where it stands.
    pub at: Position,
    /// The application's or the `saas` entry's name.
    pub name: &'a str,
    /// The endpoint; `None` where it cannot be known.
    pub endpoint: Option<&'a str>,
    /// Whether the name is a `saas` entry.
    pub is_saas: bool,
    /// Where the application is in its bundle; nowhere for a `saas` entry.
    place: Option<u32>,
}

/// A relation.
#[derive(Debug, Clone, Copy)]
pub struct Relation<'a> {
    /// The file it stands in.
    pub file: &'a str,
    /// Where it stands.
    pub at: Position,
    /// Its ends.
    pub ends: [End<'a>; 2],
}

/// Who is behind a `saas` name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered<'a> {
    /// The offering model.
    pub model: &'a str,
    /// The offering application; where it is assumed, the offer's name.
    pub application: &'a str,
    /// Index of the model, where its bundle was given.
    pub given: Option<usize>,
}

impl<'a> Relation<'a> {
    /// The ends as (this, other), for each end that has this name.
    pub fn sides(&self, name: &str) -> impl Iterator<Item = (End<'a>, End<'a>)> + use<'a> {
        let [left, right] = self.ends;
        let left_fits = left.name == name;
        let right_fits = right.name == name;
        [
            left_fits.then_some((left, right)),
            right_fits.then_some((right, left)),
        ]
        .into_iter()
        .flatten()
    }
}

/// The charm of an application, if its file was given.
pub fn charm_of<'c, 'a>(
    bundle: &Bundle<'a>,
    charms: &'c Charms<'a>,
    application: &str,
) -> Option<&'c Charm<'a>> {
    let application = bundle.applications.get(application)?;
    charms.get(application.charm)
}

/// The charm of the application at an end, if its file was given.
pub fn charm_at<'c, 'a>(
    bundle: &Bundle<'a>,
    charms: &'c Charms<'a>,
    end: &End<'a>,
) -> Option<&'c Charm<'a>> {
    let application = bundle.applications.at(end.place? as usize)?;
    charms.get(application.charm)
}

// === impl Model ===

impl<'a> Model<'a> {
    /// The relations that an application takes part in, in order.
    pub fn relations_of(&self, application: &str) -> impl Iterator<Item = &Relation<'a>> {
        let place = self.bundle.applications.position(application);
        let taken = place.map_or(&[][..], |place| self.taken.of(place));
        taken
            .iter()
            .filter_map(|at| self.relations.get(*at as usize))
    }
}

// === impl Taken ===

impl Taken {
    fn new(relations: &[Relation<'_>]) -> Self {
        // How many each application has, one place further; then where the part of each begins.
        let mut starts = vec![0];
        each_end(relations, |place, _| {
            if starts.len() < place + 2 {
                starts.resize(place + 2, 0);
            }
            if let Some(count) = starts.get_mut(place + 1) {
                *count += 1;
            }
        });
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut next = starts.clone();
        let mut taken = vec![0; sum as usize];
        each_end(relations, |place, relation| {
            let Some(at) = next.get_mut(place) else {
                return;
            };
            if let Some(slot) = taken.get_mut(*at as usize) {
                *slot = relation;
            }
            *at += 1;
        });
        Taken {
            starts,
            relations: taken,
        }
    }

    fn of(&self, place: usize) -> &[u32] {
        let start = |place: usize| self.starts.get(place).map(|at| *at as usize);
        let range = || {
            Some(Range {
                start: start(place)?,
                end: start(place + 1)?,
            })
        };
        range()
            .and_then(|range| self.relations.get(range))
            .unwrap_or_default()
    }
}

/// Tells of each application at an end of a relation its place, and that of the relation.
fn each_end(relations: &[Relation<'_>], mut tell: impl FnMut(usize, u32)) {
    for (relation, at) in relations.iter().zip(0..) {
        let [left, right] = relation.ends;
        // Both ends of a relation may be one application.
        let right = right.place.filter(|_| right.name != left.name);
        for place in [left.place, right].into_iter().flatten() {
            tell(place as usize, at);
        }
    }
}

/// Of a number of things that are named in a text, whose length has 32 bits.
fn as_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What the given models offer.
#[derive(Default)]
pub struct Offers<'a> {
    models: Index<'static>,
    /// For each model the application of an offer.
    applications: Vec<Map<'a, &'a str>>,
}

impl<'a> Offers<'a> {
    /// Looks through models for their offers: their names and bundles.
    pub fn of<'b>(models: impl Iterator<Item = (&'b str, &'b Bundle<'a>)>) -> Self
    where
        'a: 'b,
    {
        let mut offers = Offers::default();
        for (at, (name, bundle)) in models.enumerate() {
            offers.models.get_or_insert(name.to_owned().into(), at);
            let mut of_model = Map::new();
            for (application, found) in bundle.applications.iter() {
                for offer in found.offers.keys() {
                    of_model.get_or_insert_with(offer, || application);
                }
            }
            offers.applications.push(of_model);
        }
        offers
    }

    /// Finds the application behind a `saas` entry.
    pub fn offered(&self, saas: Saas<'a>) -> Option<Offered<'a>> {
        let (model, offer) = parse_saas_url(saas.url)?;
        let given = self.models.get(model);
        let of_model = given.and_then(|at| self.applications.get(at));
        let application = of_model.and_then(|offers| offers.get(offer)).copied();
        Some(Offered {
            model,
            application: application.unwrap_or(offer),
            given: given.filter(|_| application.is_some()),
        })
    }
}

/// Resolves the relations of all bundles.
pub fn resolve<'a>(
    names: &[String],
    bundles: Vec<Bundle<'a>>,
    charms: &Charms<'a>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Model<'a>> {
    let offers = Offers::of(names.iter().map(String::as_str).zip(&bundles));
    let resolved: Vec<Vec<Relation<'a>>> = bundles
        .iter()
        .map(|bundle| {
            let mut resolver = Resolver {
                offers: &offers,
                bundles: &bundles,
                bundle,
                charms,
                diagnostics,
            };
            bundle
                .relations
                .iter()
                .filter(|relation| {
                    let consumers = &bundle.consumers;
                    !relation
                        .ends
                        .iter()
                        .any(|end| consumers.contains_key(end.application))
                })
                .filter_map(|relation| resolver.relation(relation))
                .collect()
        })
        .collect();
    names
        .iter()
        .zip(bundles)
        .zip(resolved)
        .map(|((name, bundle), relations)| Model {
            name: name.clone(),
            bundle,
            taken: Taken::new(&relations),
            relations,
        })
        .collect()
}

struct Resolver<'r, 'a> {
    offers: &'r Offers<'a>,
    bundles: &'r [Bundle<'a>],
    bundle: &'r Bundle<'a>,
    charms: &'r Charms<'a>,
    diagnostics: &'r mut Vec<Diagnostic>,
}

/// What may stand at an end: its name, and what its charm file says of it.
type Candidates<'r, 'a> = Vec<(&'a str, &'r CharmEndpoint)>;

impl<'r, 'a> Resolver<'r, 'a> {
    fn relation(&mut self, written: &WrittenRelation<'a>) -> Option<Relation<'a>> {
        let [left, right] = written.ends;
        let ends = [self.end(written, left), self.end(written, right)];
        let [Some(mut left), Some(mut right)] = ends else {
            return None;
        };
        if left.endpoint.is_some() && right.endpoint.is_some() {
            self.check(written, [left, right]);
        } else {
            [left.endpoint, right.endpoint] = self.infer(written)?;
        }
        Some(Relation {
            file: written.file,
            at: written.at,
            ends: [left, right],
        })
    }

    /// The end as written, if there is such a name.
    fn end(&mut self, relation: &WrittenRelation<'a>, end: WrittenEnd<'a>) -> Option<End<'a>> {
        let name = end.application;
        let place = self.bundle.applications.position(name);
        if place.is_some() || self.bundle.saas.contains_key(name) {
            return Some(End {
                at: end.at,
                name,
                endpoint: end.endpoint,
                is_saas: place.is_none(),
                place: place.map(as_u32),
            });
        }
        self.diagnostics.push(
            Diagnostic::error(
                code::UNKNOWN_APPLICATION,
                format!("the bundle has no application `{}`", clip(name)),
            )
            .at(relation.file, end.at)
            .help("name one under `applications` or `saas`, or take the relation out")
            .dropped(),
        );
        None
    }

    /// The charm at an end and, for a `saas` end, the endpoints that its offer has.
    fn charm_at(&self, name: &str) -> Option<(&'r Charm<'a>, Option<&'r [&'a str]>)> {
        if let Some(charm) = charm_of(self.bundle, self.charms, name) {
            return Some((charm, None));
        }
        let saas = self.bundle.saas.get(name)?;
        let offered = self.offers.offered(*saas)?;
        let bundle = self.bundles.get(offered.given?)?;
        let charm = charm_of(bundle, self.charms, offered.application)?;
        let (_, offer) = parse_saas_url(saas.url)?;
        let application = bundle.applications.get(offered.application)?;
        let (_, endpoints) = application.offers.get(offer)?;
        Some((charm, Some(endpoints)))
    }

    /// Checks a relation whose endpoints are written.
    fn check(&mut self, relation: &WrittenRelation<'a>, ends: [End<'a>; 2]) {
        let mut interfaces = [None, None];
        for (end, found) in ends.iter().zip(&mut interfaces) {
            let charm = match end.place {
                Some(_) => charm_at(self.bundle, self.charms, end),
                None => self.charm_at(end.name).map(|(charm, _)| charm),
            };
            let (Some(endpoint), Some(charm)) = (end.endpoint, charm) else {
                continue;
            };
            match charm.endpoints.get(endpoint) {
                Some(CharmEndpoint { interface, .. }) => *found = interface.as_deref(),
                // Every application has it without declaring it.
                None if endpoint == "juju-info" => {}
                None => self.diagnostics.push(
                    Diagnostic::warning(
                        code::UNDECLARED_ENDPOINT,
                        format!(
                            "the charm `{}` declares no endpoint `{}`",
                            clip(charm.name),
                            clip(endpoint)
                        ),
                    )
                    .at(relation.file, end.at)
                    .help(format!(
                        "name an endpoint of the charm, or bring `{}` up to date with the charm",
                        charm.file
                    )),
                ),
            }
        }
        if let [Some(left), Some(right)] = interfaces
            && left != right
        {
            self.diagnostics.push(
                Diagnostic::error(
                    code::UNLIKE_INTERFACES,
                    format!(
                        "`{}` and `{}` cannot be related: their interfaces are `{}` and `{}`",
                        written_text(relation.ends, 0),
                        written_text(relation.ends, 1),
                        clip(left),
                        clip(right)
                    ),
                )
                .at(relation.file, relation.at)
                .help("relate endpoints of one interface, or bring the charm files up to date"),
            );
        }
    }

    /// Infers endpoints as Juju does: the one pair of a provider and a requirer with the same
    /// interface; the implicit `juju-info` counts only where nothing else fits.
    fn infer(&mut self, relation: &WrittenRelation<'a>) -> Option<[Option<&'a str>; 2]> {
        let [left, right] = relation.ends;
        let (left_candidates, right_candidates) = (self.candidates(left), self.candidates(right));
        let (Some(left_candidates), Some(right_candidates)) = (left_candidates, right_candidates)
        else {
            // A policy needs the endpoint of its own side only. An unwritten endpoint may stay
            // unknown where its charm is unknown as well.
            let may_stay = |end: WrittenEnd<'_>| {
                end.endpoint.is_some() || self.charm_at(end.application).is_none()
            };
            let some_written = left.endpoint.is_some() || right.endpoint.is_some();
            let stays = may_stay(left) && may_stay(right);
            if some_written && stays {
                return Some([left.endpoint, right.endpoint]);
            }
            let message =
                "the endpoints of this relation cannot be inferred: a charm file is missing";
            let help = "write the relation as `application:endpoint` on both sides, or give both charm files";
            if stays {
                // Neither charm declares anything here that could get lost, and Juju can tell.
                self.diagnostics.push(
                    Diagnostic::warning(code::UNRESOLVED_RELATION, message)
                        .at(relation.file, relation.at)
                        .help(help),
                );
                return None;
            }
            self.unresolved(relation, message, help.to_owned());
            return None;
        };
        let (pairs, many) = pairs(&left_candidates, &right_candidates);
        if let ([(left_name, right_name)], 1) = (pairs.as_slice(), many) {
            return Some([Some(*left_name), Some(*right_name)]);
        }
        let possible: Vec<String> = pairs
            .iter()
            .map(|(left_name, right_name)| {
                format!(
                    "`{}:{left_name}` – `{}:{right_name}`",
                    left.application, right.application
                )
            })
            .collect();
        if pairs.is_empty() {
            if let Some(endpoints) = implicit(&left_candidates, &right_candidates) {
                return Some(endpoints);
            }
            let list = |candidates: &Candidates<'_, '_>| {
                let names: Vec<&str> = candidates.iter().take(12).map(|(name, _)| *name).collect();
                names.join(", ")
            };
            self.unresolved(
                relation,
                "no endpoints of these applications fit each other",
                format!(
                    "`{}` has: {}; `{}` has: {}",
                    clip(left.application),
                    list(&left_candidates),
                    clip(right.application),
                    list(&right_candidates)
                ),
            );
        } else {
            self.diagnostics.push(
                Diagnostic::error(
                    code::AMBIGUOUS_RELATION,
                    format!(
                        "`{}` and `{}` can be related in {} ways",
                        written_text(relation.ends, 0),
                        written_text(relation.ends, 1),
                        many
                    ),
                )
                .at(relation.file, relation.at)
                .help(format!("write one of {}", possible.join(", ")))
                .dropped(),
            );
        }
        None
    }

    fn unresolved(&mut self, relation: &WrittenRelation<'a>, message: &str, help: String) {
        self.diagnostics.push(
            Diagnostic::error(code::UNRESOLVED_RELATION, message)
                .at(relation.file, relation.at)
                .help(help)
                .dropped(),
        );
    }

    /// What may stand at this end; `None` where that cannot be known.
    fn candidates(&self, end: WrittenEnd<'a>) -> Option<Candidates<'r, 'a>> {
        let (charm, offered) = self.charm_at(end.application)?;
        let is_candidate = |name: &str, endpoint: &CharmEndpoint| {
            endpoint.role != Role::Peer && offered.is_none_or(|offered| offered.contains(&name))
        };
        let endpoints = &charm.endpoints;
        if let Some(written) = end.endpoint {
            let one = endpoints.get(written).map(|endpoint| (written, endpoint));
            return Some(
                one.filter(|(name, one)| is_candidate(name, one))
                    .into_iter()
                    .collect(),
            );
        }
        Some(
            endpoints
                .iter()
                .filter(|(name, endpoint)| is_candidate(name, endpoint))
                .collect(),
        )
    }
}

/// How many of the possible pairs are named.
const PAIRS_SHOWN: usize = 8;

/// The first pairs of a provider and a requirer with the same interface, and how many there are.
fn pairs<'a>(
    left: &Candidates<'_, 'a>,
    right: &Candidates<'_, 'a>,
) -> (Vec<(&'a str, &'a str)>, usize) {
    // By interface and role, and in the order of the file where these are the same.
    let mut sorted: Vec<(&str, bool, usize)> = Vec::with_capacity(right.len());
    for (at, (_, endpoint)) in right.iter().enumerate() {
        let interface = endpoint.interface.as_deref();
        sorted.extend(interface.map(|name| (name, endpoint.role == Role::Provider, at)));
    }
    crate::order::sort(&mut sorted);
    let (mut found, mut many) = (Vec::new(), 0);
    for (left_name, endpoint) in left {
        let Some(interface) = endpoint.interface.as_deref() else {
            continue;
        };
        let wanted = (interface, endpoint.role != Role::Provider);
        let from = sorted.partition_point(|(name, provides, _)| (*name, *provides) < wanted);
        let to = sorted.partition_point(|(name, provides, _)| (*name, *provides) <= wanted);
        many += to.saturating_sub(from);
        let fitting = sorted.iter().take(to).skip(from);
        let names =
            fitting.filter_map(|(.., at)| right.get(*at).map(|(name, _)| (*left_name, *name)));
        found.extend(names.take(PAIRS_SHOWN.saturating_sub(found.len())));
    }
    (found, many)
}

/// The one requirer of `juju-info`, which every application provides without declaring it.
fn implicit<'a>(
    left: &Candidates<'_, 'a>,
    right: &Candidates<'_, 'a>,
) -> Option<[Option<&'a str>; 2]> {
    let requirers = |candidates: &Candidates<'_, 'a>| {
        let mut names = candidates.iter().filter(|(_, endpoint)| {
            endpoint.role == Role::Requirer && endpoint.interface.as_deref() == Some("juju-info")
        });
        let first = names.next().map(|(name, _)| *name);
        first.filter(|_| names.next().is_none())
    };
    match (requirers(left), requirers(right)) {
        (Some(name), None) => Some([Some(name), Some("juju-info")]),
        (None, Some(name)) => Some([Some("juju-info"), Some(name)]),
        _ => None,
    }
}

fn written_text(ends: [WrittenEnd<'_>; 2], which: usize) -> String {
    ends.get(which)
        .map_or_else(String::new, |end| match end.endpoint {
            Some(endpoint) => format!("{}:{}", clip(end.application), clip(endpoint)),
            None => clip(end.application),
        })
}
