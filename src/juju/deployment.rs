//! A deployment: which applications joined which mesh, and the MeshPolicies that each would send
//! to its beacon.

use super::charm::{Charm, Declared, Role, clip};
use super::mesh_policies::{BuildError, RelatedApp, build_mesh_policies};
use super::relations::{Charms, End, Model, Offered, Offers, Relation, charm_at, charm_of};
use super::when::{Truth, evaluate, known};
use crate::diagnostic::{Diagnostic, code};
use crate::map::{Index, Map};
use crate::model::{CmrData, MeshPolicy};
use crate::text::Position;
use std::borrow::Cow;

/// The provider of a mesh.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Beacon {
    /// Its model.
    pub model: String,
    /// Its application.
    pub application: String,
}

/// What one application asks of its beacon.
#[derive(Debug, Clone)]
pub struct ConsumerPolicies<'a> {
    /// The application's model.
    pub model: String,
    /// The application.
    pub application: &'a str,
    /// Who it asks.
    pub beacon: Beacon,
    /// Its policies, in the order of its databag.
    pub policies: Vec<Asked<'a>>,
}

/// A MeshPolicy that a beacon is asked for.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The policy.
    pub policy: MeshPolicy,
    /// The condition under which it exists, where that cannot be decided.
    pub condition: Option<&'a str>,
    /// Where the charm file declares it.
    pub declared: Option<(&'a str, Position)>,
    /// The relation that names its source.
    pub related: Option<(&'a str, Position)>,
}

/// A consumer of another given model that is related to an application of this one.
struct Incoming<'a> {
    endpoint: &'a str,
    source: CmrData,
    /// The name of the far application here, as Juju makes one: unique to (model, application).
    local_name: String,
    has_cmr: bool,
    file: &'a str,
    at: Position,
}

/// A name for an application of a model that tells another who it is.
fn sender_name(model: &str, application: &str, to: &Offered<'_>) -> String {
    [model, application, to.model, to.application].join("\0")
}

/// A related application, by the name that this model has for it, and the relation's place.
type Source<'s, 'a> = (Cow<'s, str>, Option<(&'a str, Position)>);

/// All that the models' consumers ask of their beacons.
pub struct Deployment<'m, 'a> {
    models: &'m [Model<'a>],
    charms: &'m Charms<'a>,
    offers: Offers<'a>,
    /// For each model, by application.
    incoming: Vec<Map<'a, Vec<Incoming<'a>>>>,
}

impl<'m, 'a> Deployment<'m, 'a> {
    /// Looks at the models together, so that cross-model relations are seen from both sides.
    pub fn new(models: &'m [Model<'a>], charms: &'m Charms<'a>) -> Self {
        let has_saas = models.iter().any(|model| !model.bundle.saas.is_empty());
        let mut deployment = Deployment {
            models,
            charms,
            offers: if has_saas {
                Offers::of(
                    models
                        .iter()
                        .map(|model| (model.name.as_str(), &model.bundle)),
                )
            } else {
                Offers::default()
            },
            incoming: Vec::new(),
        };
        deployment.find_incoming();
        deployment
    }

    fn offered(&self, model: &Model<'a>, name: &str) -> Option<Offered<'a>> {
        let saas = model.bundle.saas.get(name)?;
        self.offers.offered(*saas)
    }

    fn find_incoming(&mut self) {
        let senders = self.find_senders();
        let mut found: Vec<Map<'a, Vec<Incoming<'a>>>> = Vec::new();
        found.resize_with(self.models.len(), Map::new);
        for model in self.models {
            for relation in &model.relations {
                let [left, right] = relation.ends;
                let (near, far) = match (left.is_saas, right.is_saas) {
                    (false, true) => (left, right),
                    (true, false) => (right, left),
                    _ => continue,
                };
                let (Some(endpoint), Some(offered)) = (far.endpoint, self.offered(model, far.name))
                else {
                    continue;
                };
                let Some(given) = offered.given else {
                    continue;
                };
                let incoming = Incoming {
                    endpoint,
                    source: CmrData {
                        app_name: near.name.to_owned(),
                        juju_model_name: model.name.clone(),
                    },
                    local_name: format!("remote-{}/{}", model.name, near.name),
                    has_cmr: senders.contains(&sender_name(&model.name, near.name, &offered)),
                    file: relation.file,
                    at: relation.at,
                };
                let of_application = found
                    .get_mut(given)
                    .and_then(|map| map.get_or_insert_with(offered.application, Vec::new));
                if let Some(of_application) = of_application {
                    of_application.push(incoming);
                }
            }
        }
        self.incoming = found;
    }

    /// Who tells which offered application who it is: a `cross_model_mesh` requirer is related to it, through
    /// whichever offer.
    fn find_senders(&self) -> Index<'static> {
        let mut senders = Index::default();
        for model in self.models {
            for relation in &model.relations {
                let [left, right] = relation.ends;
                for (near, far) in [(left, right), (right, left)] {
                    let requires = charm_of(&model.bundle, self.charms, near.name)
                        .map_or("require-cmr-mesh", |charm| charm.cmr_requires_name);
                    if far.is_saas
                        && near.endpoint == Some(requires)
                        && let Some(to) = self.offered(model, far.name)
                    {
                        senders.add(sender_name(&model.name, near.name, &to));
                    }
                }
            }
        }
        senders
    }

    /// The far ends of an application's relations on an endpoint.
    fn related<'s>(
        &'s self,
        model: &'s Model<'a>,
        application: &'s str,
        endpoint: &'s str,
    ) -> impl Iterator<Item = (&'s Relation<'a>, End<'a>)> + 's {
        model.relations_of(application).flat_map(move |relation| {
            relation
                .sides(application)
                .filter(move |(near, _)| near.endpoint == Some(endpoint))
                .map(move |(_, far)| (relation, far))
        })
    }

    /// Whether an application is related on an endpoint of its charm.
    pub fn is_related(&self, index: usize, name: &str, charm: &Charm<'_>, endpoint: &str) -> Truth {
        let Some(model) = self.models.get(index) else {
            return Truth::Unknown;
        };
        let mut unsure = !charm.endpoints.contains_key(endpoint);
        for relation in model.relations_of(name) {
            for (near, _) in relation.sides(name) {
                match near.endpoint {
                    Some(near) if near == endpoint => return Truth::True,
                    Some(_) => {}
                    None => unsure = true,
                }
            }
        }
        if self.incoming(index, name, endpoint).next().is_some() {
            return Truth::True;
        }
        // Another model may use what is offered.
        let offered = model.bundle.applications.get(name).is_some_and(|one| {
            let mut offers = one.offers.values();
            offers.any(|(_, endpoints)| endpoints.contains(&endpoint))
        });
        if unsure || offered {
            return Truth::Unknown;
        }
        Truth::False
    }

    /// The applications that are related to one on an endpoint, and their models, as far as these are given.
    pub fn far_applications<'s>(
        &'s self,
        index: usize,
        name: &'s str,
        endpoint: &'s str,
    ) -> Vec<(&'s str, &'s str)> {
        let model = self.models.get(index);
        let here = model.into_iter().flat_map(|model| {
            self.related(model, name, endpoint)
                .filter(|(_, far)| !far.is_saas)
                .map(|(_, far)| (far.name, model.name.as_str()))
        });
        let there = self.incoming(index, name, endpoint).map(|one| {
            let source = &one.source;
            (source.app_name.as_str(), source.juju_model_name.as_str())
        });
        here.chain(there).collect()
    }

    /// The consumers of other given models that are related to an application on an endpoint.
    fn incoming<'s>(
        &'s self,
        index: usize,
        name: &str,
        endpoint: &'s str,
    ) -> impl Iterator<Item = &'s Incoming<'a>> + use<'s, 'm, 'a> {
        let of_application = self.incoming.get(index).and_then(|map| map.get(name));
        let all = of_application.into_iter().flatten();
        all.filter(move |one| one.endpoint == endpoint)
    }

    /// The consumer's and the beacon's end, if a relation joins an application to a mesh.
    fn mesh_ends(&self, model: &Model<'a>, relation: &Relation<'a>) -> Option<(End<'a>, End<'a>)> {
        let [left, right] = relation.ends;
        [(left, right), (right, left)]
            .into_iter()
            .find(|(near, far)| {
                !near.is_saas && self.may_join(model, near) && self.may_provide(model, far)
            })
    }

    fn may_join(&self, model: &Model<'a>, end: &End<'a>) -> bool {
        let Some(charm) = charm_at(&model.bundle, self.charms, end) else {
            let may = end
                .endpoint
                .is_none_or(|endpoint| endpoint == "service-mesh");
            let application = || model.bundle.applications.get(end.name);
            return may && application().is_none_or(|one| one.charm != "istio-beacon-k8s");
        };
        match end
            .endpoint
            .and_then(|endpoint| charm.endpoints.get(endpoint))
        {
            Some(endpoint) => {
                endpoint.role == Role::Requirer
                    && endpoint
                        .is_of_mesh()
                        .unwrap_or(end.endpoint == Some(charm.mesh_relation_name))
            }
            None => end.endpoint == Some(charm.mesh_relation_name),
        }
    }

    fn may_provide(&self, model: &Model<'a>, end: &End<'a>) -> bool {
        let Some(charm) = charm_at(&model.bundle, self.charms, end) else {
            return end
                .endpoint
                .is_none_or(|endpoint| endpoint == "service-mesh");
        };
        end.endpoint
            .and_then(|endpoint| charm.endpoints.get(endpoint))
            .is_some_and(|endpoint| {
                endpoint.role == Role::Provider && endpoint.is_of_mesh() != Some(false)
            })
    }

    /// Every application that is related to a mesh, by its model, and the mesh's provider; those of
    /// whose charm nothing is known included.
    pub fn members(&self) -> Vec<(&'m str, &'a str, Beacon)> {
        let mut members: Vec<(&'m str, &'a str, Beacon)> = Vec::new();
        for model in self.models {
            let mut joined = Index::default();
            for relation in &model.relations {
                if let Some((near, far)) = self.mesh_ends(model, relation)
                    && joined.add(near.name)
                {
                    members.push((&model.name, near.name, self.beacon(model, &far)));
                }
            }
        }
        members
    }

    /// What every consumer asks, in the order of the models' mesh relations.
    pub fn consumers(&self, diagnostics: &mut Vec<Diagnostic>) -> Vec<ConsumerPolicies<'a>> {
        let mut consumers = Vec::new();
        for (index, model) in self.models.iter().enumerate() {
            let mut joined = Index::default();
            for relation in &model.relations {
                let Some((near, far)) = self.mesh_ends(model, relation) else {
                    continue;
                };
                if !joined.add(near.name) {
                    diagnostics.push(
                        Diagnostic::error(
                            code::SEVERAL_MESHES,
                            format!("`{}` is related to more than one mesh", clip(near.name)),
                        )
                        .at(relation.file, relation.at)
                        .help("keep one relation to a beacon: Juju allows one, and the charm fails with more"),
                    );
                    continue;
                }
                let Some(application) = model.bundle.applications.get(near.name) else {
                    continue;
                };
                let Some(charm) = charm_at(&model.bundle, self.charms, &near) else {
                    diagnostics.push(
                        Diagnostic::warning(
                            code::CHARM_FILE_MISSING,
                            format!(
                                "the policies of `{}` are unknown: there is no file for its charm `{}`",
                                clip(near.name),
                                clip(application.charm)
                            ),
                        )
                        .at(application.file, application.at)
                        .help(format!("give a file with `charm: {}` by `--charms`", clip(application.charm))),
                    );
                    continue;
                };
                if !charm.tells {
                    diagnostics.push(
                        Diagnostic::warning(
                            code::CHARM_FILE_MISSING,
                            format!(
                                "the policies of `{}` are unknown: the file of its charm `{}` says nothing of a mesh",
                                clip(near.name),
                                clip(charm.name)
                            ),
                        )
                        .at(charm.file, charm.at)
                        .help("write the charm's `policies` into a charm file, or `mesh: {service_mesh_consumer: false}` where it has none"),
                    );
                    continue;
                }
                if !charm.consumer {
                    diagnostics.push(
                        Diagnostic::error(
                            code::NO_CONSUMER,
                            format!(
                                "`{}` is related to a mesh, but its charm `{}` has no ServiceMeshConsumer",
                                clip(near.name),
                                clip(charm.name)
                            ),
                        )
                        .at(relation.file, relation.at)
                        .help("take the relation out, or set `service_mesh_consumer: true` under `mesh` in the charm file"),
                    );
                    continue;
                }
                consumers.push(ConsumerPolicies {
                    model: model.name.clone(),
                    application: near.name,
                    beacon: self.beacon(model, &far),
                    policies: self.policies(index, near.name, charm, true, diagnostics),
                });
            }
        }
        consumers
    }

    fn beacon(&self, model: &Model<'a>, end: &End<'a>) -> Beacon {
        match self.offered(model, end.name).filter(|_| end.is_saas) {
            Some(offered) => Beacon {
                model: offered.model.to_owned(),
                application: offered.application.to_owned(),
            },
            None => Beacon {
                model: model.name.clone(),
                application: end.name.to_owned(),
            },
        }
    }

    /// The MeshPolicies of one application, as its charm builds them.
    pub fn policies(
        &self,
        index: usize,
        application: &'a str,
        charm: &Charm<'a>,
        mesh_related: bool,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Vec<Asked<'a>> {
        let Some(model) = self.models.get(index) else {
            return Vec::new();
        };
        let mut built = Vec::new();
        let settings = model.bundle.applications.get(application);
        let is_related = |endpoint: &str| match endpoint {
            "service-mesh" => known(mesh_related),
            _ => self.is_related(index, application, charm, endpoint),
        };
        for declared in &charm.policies {
            let endpoint = declared.policy.relation();
            let Some(found) = charm.endpoints.get(endpoint) else {
                diagnostics.push(undeclared(charm, declared));
                continue;
            };
            let condition =
                match evaluate(declared.when, settings, &charm.config_defaults, &is_related) {
                    Truth::True => None,
                    Truth::False => continue,
                    Truth::Unknown => declared.when,
                };
            let mut sources: Vec<Source<'_, 'a>> = Vec::new();
            let mut cmr: Vec<(String, CmrData)> = Vec::new();
            if found.role == Role::Peer {
                // The far side of a peer relation is the application itself.
                sources.push((application.into(), None));
            } else {
                self.sources(
                    index,
                    model,
                    application,
                    charm,
                    endpoint,
                    &mut sources,
                    &mut cmr,
                    diagnostics,
                );
            }
            let related: Vec<RelatedApp<'_>> =
                sources.iter().map(|(app, _)| RelatedApp { app }).collect();
            let policies = match build_mesh_policies(
                |_| Some(related.as_slice()),
                &cmr,
                std::slice::from_ref(&declared.policy),
                Some(application),
                &model.name,
            ) {
                Ok(policies) => policies,
                Err(BuildError::Invalid(message) | BuildError::UnknownRelation(message)) => {
                    diagnostics.push(
                        Diagnostic::error(code::INVALID_POLICY, message)
                            .at(charm.file, declared.at)
                            .dropped(),
                    );
                    continue;
                }
            };
            if let Some(condition) = condition.filter(|_| !policies.is_empty()) {
                diagnostics.push(
                    Diagnostic::note(
                        code::CONDITIONAL_POLICY,
                        format!(
                            "this policy of `{}` exists only if: `{}`",
                            clip(application),
                            clip(condition)
                        ),
                    )
                    .at(charm.file, declared.at),
                );
            }
            // `build_mesh_policies` makes one policy of each source, in their order.
            built.extend(
                policies
                    .into_iter()
                    .zip(&sources)
                    .map(|(policy, (_, related))| Asked {
                        policy,
                        condition,
                        declared: Some((charm.file, declared.at)),
                        related: *related,
                    }),
            );
        }
        built
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one step of `policies`, split for reading"
    )]
    fn sources<'s>(
        &'s self,
        index: usize,
        model: &Model<'a>,
        application: &'a str,
        charm: &Charm<'a>,
        endpoint: &'s str,
        sources: &mut Vec<Source<'s, 'a>>,
        cmr: &mut Vec<(String, CmrData)>,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let without_cmr = |file: &str, at, far: &str| {
            Diagnostic::error(
                code::CROSS_MODEL_WITHOUT_CMR,
                format!(
                    "`{}` has a policy for `{endpoint}`, but does not learn who is behind `{}`: no `cross_model_mesh` relation joins them",
                    clip(application),
                    clip(far)
                ),
            )
            .at(file, at)
            .help("relate `require-cmr-mesh` of the consuming application to `provide-cmr-mesh` of the offering one, and put that endpoint into the offer")
            .dropped()
        };
        for (relation, far) in self.related(model, application, endpoint) {
            if far.is_saas {
                let told = self
                    .related(model, application, charm.cmr_provides_name)
                    .any(|(_, other)| other.name == far.name);
                let Some(offered) = self.offered(model, far.name).filter(|_| told) else {
                    diagnostics.push(without_cmr(relation.file, relation.at, far.name));
                    continue;
                };
                cmr.push((
                    far.name.to_owned(),
                    CmrData {
                        app_name: offered.application.to_owned(),
                        juju_model_name: offered.model.to_owned(),
                    },
                ));
            }
            sources.push((far.name.into(), Some((relation.file, relation.at))));
        }
        for incoming in self.incoming(index, application, endpoint) {
            if !incoming.has_cmr {
                diagnostics.push(without_cmr(
                    incoming.file,
                    incoming.at,
                    &format!(
                        "{}.{}",
                        incoming.source.juju_model_name, incoming.source.app_name
                    ),
                ));
                continue;
            }
            let place = (incoming.file, incoming.at);
            sources.push((incoming.local_name.as_str().into(), Some(place)));
            cmr.push((incoming.local_name.clone(), incoming.source.clone()));
        }
    }
}

fn undeclared(charm: &Charm<'_>, declared: &Declared<'_>) -> Diagnostic {
    let endpoint = declared.policy.relation();
    let is_like = |name: &&str| name.contains(endpoint) || endpoint.contains(name);
    let mut names: Vec<&str> = charm.endpoints.keys().filter(is_like).collect();
    names.extend(charm.endpoints.keys().filter(|name| !is_like(name)));
    names.truncate(8);
    Diagnostic::error(
        code::POLICY_ON_UNDECLARED,
        format!(
            "the charm `{}` has a policy on `{}`, which it does not declare",
            clip(charm.name),
            clip(endpoint)
        ),
    )
    .at(charm.file, declared.at)
    .help(if names.is_empty() {
        "declare the endpoint under `provides`, `requires` or `peers`".to_owned()
    } else {
        format!("name one that it declares, such as {}", names.join(", "))
    })
    .dropped()
}
