//! What a deployment asks for: its consumers, its coordinators' workers, and charms that make policies themselves.

use super::beacons::{Beacons, add_beacon, annotation, full_name, place};
use super::{Compiled, Deployed, MESH_OPTIONS, Origin};
use crate::diagnostic::{Diagnostic, code};
use crate::istio::{AuthorizationPolicy, Spec, build_policy_resources_istio};
use crate::juju::bundle::Application;
use crate::juju::charm::{Charm, Role, clip};
use crate::juju::deployment::{Beacon, Deployment};
use crate::juju::lint::lint;
use crate::juju::relations::{Charms, Model};
use crate::juju::template::{Names, mentions};
use crate::juju::when::{Truth, evaluate, is_set_to, known};
use crate::map::Index;
use crate::model::MeshPolicy;
use crate::text::{Node, Position};
use std::sync::Arc;

pub(super) struct Compiler<'c, 'm, 'a> {
    pub(super) models: &'m [Model<'a>],
    pub(super) charms: &'m Charms<'a>,
    pub(super) compiled: &'c mut Compiled,
    /// `model/application` that joined a mesh.
    pub(super) on_mesh: Index<'static>,
}

impl<'a> Compiler<'_, '_, 'a> {
    pub(super) fn deployment(&mut self) {
        let deployment = Deployment::new(self.models, self.charms);
        self.applications(&deployment);
        self.compiled.lints = lint(self.models, self.charms, &deployment);
        let consumers = deployment.consumers(&mut self.compiled.diagnostics);
        // Beacons in the order in which they are first asked.
        let mut asked = Beacons::default();
        for consumer in consumers {
            self.on_mesh
                .add(full_name(&consumer.model, consumer.application));
            asked.add(consumer.beacon, consumer.policies);
        }
        // A beacon without consumers still guards itself.
        for (index, model) in self.models.iter().enumerate() {
            for (name, application) in model.bundle.applications.iter() {
                let charm = self.charms.get(application.charm);
                let Some(charm) = charm.filter(|charm| provides_mesh(charm)) else {
                    continue;
                };
                let own =
                    deployment.policies(index, name, charm, true, &mut self.compiled.diagnostics);
                let beacon = Beacon {
                    model: model.name.clone(),
                    application: (*name).to_owned(),
                };
                asked.add(beacon, own);
            }
        }
        // A beacon to which nothing can be related guards itself alone.
        let none_related = self
            .models
            .iter()
            .all(|one| one.bundle.relations.is_empty());
        if asked.beacons.is_empty() || none_related {
            for model in self.models {
                // Those whose charm files are missing are related to one, and said to be unknown.
                let mut all = self.compiled.applications.iter();
                if all.any(|one| one.model == model.name && one.beacon.is_some()) {
                    continue;
                }
                self.compiled.diagnostics.push(
                    Diagnostic::note(
                        code::NO_MESH,
                        format!("no application of the model `{}` is related to a mesh", clip(&model.name)),
                    )
                    .at(model.bundle.file, Position::new(1, 1))
                    .help("relate applications to a beacon: `[APPLICATION:service-mesh, istio-beacon-k8s:service-mesh]`"),
                );
            }
        }
        for (beacon, policies) in asked.beacons {
            let managed = self.is_managed(&beacon);
            add_beacon(self.compiled, &beacon, policies, managed);
        }
        for (index, model) in self.models.iter().enumerate() {
            for (name, application) in model.bundle.applications.iter() {
                self.own_policies(&deployment, (index, model), name, application);
            }
        }
        self.check_offers();
    }

    /// Notes every application and its part in a mesh.
    fn applications(&mut self, deployment: &Deployment<'_, 'a>) {
        // They come in the order of the models.
        let mut all = deployment.members().into_iter().peekable();
        for model in self.models {
            let mut index = Index::default();
            let mut members = Vec::new();
            while let Some((_, name, beacon)) = all.next_if(|(of, ..)| *of == model.name) {
                index.add(name);
                members.push(Some(beacon));
            }
            for (name, application) in model.bundle.applications.iter() {
                let charm = self.charms.get(application.charm);
                let empty = crate::map::Map::new();
                let defaults = charm.map_or(&empty, |charm| &charm.config_defaults);
                let unknown = |_: &str| Truth::Unknown;
                let on = |setting: &str| {
                    evaluate(Some(setting), Some(application), defaults, &unknown) == Truth::True
                };
                let joins = match charm.and_then(|charm| charm.auto_join.as_deref()) {
                    None | Some("true") => Truth::True,
                    Some("false") => Truth::False,
                    // `config KEY (default true)`
                    Some(text) => match text
                        .strip_prefix("config ")
                        .map(|key| key.split(' ').next().unwrap_or_default())
                    {
                        Some(key) => evaluate(
                            Some(&format!("config {key}=true")),
                            Some(application),
                            defaults,
                            &unknown,
                        ),
                        None => Truth::Unknown,
                    },
                };
                self.compiled.applications.push(Deployed {
                    model: model.name.clone(),
                    name: name.to_owned(),
                    charm: application.charm.to_owned(),
                    beacon: index.get(name).and_then(|at| members.get_mut(at)?.take()),
                    joins,
                    worker_of: None,
                    declared: charm.is_some_and(|charm| charm.tells),
                    options: MESH_OPTIONS
                        .iter()
                        .filter(|(charm, _)| *charm == application.charm)
                        .map(|(_, option)| (*option, on(&format!("config {option}=true"))))
                        .collect(),
                });
            }
        }
        self.join_workers();
    }

    /// Workers have no mesh relation of their own: a coordinator that is on a mesh gives them its
    /// labels over the cluster relation.
    /// Source: canonical/cos-coordinated-workers `src/coordinated_workers/service_mesh.py`.
    fn join_workers(&mut self) {
        if self
            .charms
            .values()
            .all(|charm| charm.internal_mesh_policies.is_empty())
        {
            return;
        }
        let mut places = Index::default();
        for (at, one) in self.compiled.applications.iter().enumerate() {
            places.get_or_insert(full_name(&one.model, &one.name).into(), at);
        }
        for model in self.models {
            for (name, application) in model.bundle.applications.iter() {
                let Some(charm) = self
                    .charms
                    .get(application.charm)
                    .filter(|charm| !charm.internal_mesh_policies.is_empty())
                else {
                    continue;
                };
                let coordinator = places
                    .get(&full_name(&model.name, name))
                    .and_then(|at| self.compiled.applications.get(at))
                    .cloned();
                let Some(coordinator) = coordinator.filter(|one| one.beacon.is_some()) else {
                    continue;
                };
                for worker in workers(model, charm, name) {
                    let worker = places
                        .get(&full_name(&model.name, worker))
                        .and_then(|at| self.compiled.applications.get_mut(at));
                    if let Some(worker) = worker.filter(|one| one.beacon.is_none()) {
                        worker.beacon.clone_from(&coordinator.beacon);
                        worker.joins = coordinator.joins;
                        worker.worker_of = Some(coordinator.name.clone());
                    }
                }
            }
        }
    }

    fn is_managed(&mut self, beacon: &Beacon) -> bool {
        let Some(model) = self.models.iter().find(|model| model.name == beacon.model) else {
            return true;
        };
        let Some(application) = model.bundle.applications.get(beacon.application.as_str()) else {
            return true;
        };
        let key = "manage-authorization-policies";
        if application
            .options
            .get(key)
            .is_none_or(|value| !is_set_to(value, "false"))
        {
            return true;
        }
        self.compiled.diagnostics.push(
            Diagnostic::note(
                code::UNMANAGED,
                format!(
                    "`{}` is configured not to make AuthorizationPolicies",
                    clip(&beacon.application)
                ),
            )
            .at(application.file, application.at)
            .help(format!("set its option `{key}` to true")),
        );
        false
    }

    /// AuthorizationPolicies that a charm makes itself.
    fn own_policies(
        &mut self,
        deployment: &Deployment<'_, 'a>,
        (index, model): (usize, &Model<'a>),
        name: &'a str,
        application: &Application<'a>,
    ) {
        let charm = self.charms.get(application.charm);
        let Some(charm) = charm
            .filter(|one| !one.internal_mesh_policies.is_empty() || !one.raw_policies.is_empty())
        else {
            return;
        };
        let on_mesh = self.on_mesh.contains(&full_name(&model.name, name));
        let related = |endpoint: &str| match endpoint {
            "service-mesh" => known(on_mesh),
            _ => deployment.is_related(index, name, charm, endpoint),
        };
        let names = Names {
            application: name,
            model: &model.name,
            worker: None,
            backend: None,
            options: Some((application, &charm.config_defaults)),
        };
        for (templates, is_raw) in [
            (&charm.internal_mesh_policies, false),
            (&charm.raw_policies, true),
        ] {
            if !is_raw && !on_mesh {
                // A coordinator makes them while it is related to a mesh.
                continue;
            }
            for template in templates {
                let condition = match evaluate(
                    template.when,
                    Some(application),
                    &charm.config_defaults,
                    &related,
                ) {
                    Truth::True => None,
                    Truth::False => continue,
                    Truth::Unknown => template.when,
                };
                let each: Vec<Names<'_>> = if mentions(template.node, "{each worker app}") {
                    let workers = workers(model, charm, name).into_iter();
                    let worker = |worker| Names {
                        worker: Some(worker),
                        ..names
                    };
                    workers.map(worker).collect()
                } else if mentions(template.node, "{backend}") {
                    let backend = |backend| Names {
                        backend: Some(backend),
                        ..names
                    };
                    let backends = backends(deployment, index, charm, name).into_iter();
                    backends.map(backend).collect()
                } else {
                    vec![names]
                };
                // What is to be said of a template is said once.
                let mut noted = false;
                let mut note = |code, message: String| {
                    if !std::mem::replace(&mut noted, true) {
                        let note = Diagnostic::note(code, message);
                        let note = note.at(charm.file, template.node.at);
                        self.compiled.diagnostics.push(match code {
                            code::UNFILLED_TEMPLATE => note
                                .help("write the policy itself here, or give it by `--manifests`"),
                            _ => note,
                        });
                    }
                };
                for names in each {
                    let made = names
                        .fill(template.node)
                        .map_err(|left| {
                            format!("the input does not say what `{}` stands for", clip(left))
                        })
                        .and_then(|filled| {
                            let (policy, wrong) = if is_raw {
                                (raw_policy(&filled, &model.name), "it has no `name`")
                            } else {
                                let policy = internal_policy(&filled, names);
                                (policy, "its fields make no policy")
                            };
                            policy.ok_or_else(|| wrong.to_owned())
                        });
                    match made {
                        Ok(mut policy) => {
                            policy.annotations.extend(annotation(condition));
                            self.compiled.authorization_policies.push(policy);
                            self.compiled.origins.push(Origin {
                                declared: Some(place((charm.file, template.node.at))),
                                related: None,
                            });
                            if let Some(condition) = condition {
                                note(
                                    code::CONDITIONAL_POLICY,
                                    format!(
                                        "this policy of `{}` exists only if: `{}`",
                                        clip(name),
                                        clip(condition)
                                    ),
                                );
                            }
                        }
                        Err(why) => note(
                            code::UNFILLED_TEMPLATE,
                            format!("this policy of `{}` is left out: {why}", clip(name)),
                        ),
                    }
                }
            }
        }
    }

    /// Offers through which a consumer cannot say who it is.
    fn check_offers(&mut self) {
        for model in self.models {
            for (name, application) in model.bundle.applications.iter() {
                if application.offers.is_empty() {
                    continue;
                }
                let Some(charm) = self.charms.get(application.charm) else {
                    continue;
                };
                for (offer, (at, endpoints)) in application.offers.iter() {
                    // Every application provides this one.
                    let mut undeclared = endpoints.iter().filter(|endpoint| {
                        !charm.endpoints.contains_key(endpoint) && **endpoint != "juju-info"
                    });
                    if let Some(endpoint) = undeclared.next() {
                        let text = format!(
                            "the offer `{}` has `{}`, which the charm `{}` does not declare",
                            clip(offer),
                            clip(endpoint),
                            clip(charm.name)
                        );
                        let warning = Diagnostic::warning(code::UNDECLARED_ENDPOINT, text);
                        self.compiled.diagnostics.push(
                            warning.at(application.file, *at).help(format!(
                                "name an endpoint of the charm, or bring `{}` up to date with the charm",
                                charm.file
                            )),
                        );
                    }
                }
                if !self.on_mesh.contains(&full_name(&model.name, name)) {
                    continue;
                }
                let told = application
                    .offers
                    .values()
                    .any(|(_, endpoints)| endpoints.contains(&charm.cmr_provides_name));
                for (offer, (at, endpoints)) in application.offers.iter() {
                    let with_policy = endpoints.iter().find(|endpoint| {
                        charm
                            .policies
                            .iter()
                            .any(|declared| declared.policy.relation() == **endpoint)
                    });
                    let Some(endpoint) = with_policy.filter(|_| !told) else {
                        continue;
                    };
                    self.compiled.diagnostics.push(
                        Diagnostic::warning(
                            code::OFFER_WITHOUT_CMR,
                            format!(
                                "the offer `{}` has `{endpoint}`, which has a policy, and no consumer can say through it who it is",
                                clip(offer)
                            ),
                        )
                        .at(application.file, *at)
                        .help(format!("add `{}` to the offer's endpoints", charm.cmr_provides_name)),
                    );
                }
            }
        }
    }
}

fn provides_mesh(charm: &Charm<'_>) -> bool {
    !charm.consumer
        && charm
            .endpoints
            .values()
            .any(|endpoint| endpoint.role == Role::Provider && endpoint.is_of_mesh() == Some(true))
}

/// The worker applications of a coordinator: those related to an endpoint that it provides with
/// an interface named `…_cluster`.
fn workers<'a>(model: &Model<'a>, charm: &Charm<'a>, name: &str) -> Vec<&'a str> {
    let mut workers = Vec::new();
    for relation in model.relations_of(name) {
        for (near, far) in relation.sides(name) {
            let is_cluster = near
                .endpoint
                .and_then(|endpoint| charm.endpoints.get(endpoint))
                .is_some_and(|endpoint| {
                    endpoint.role == Role::Provider
                        && endpoint
                            .interface
                            .as_deref()
                            .is_some_and(|interface| interface.ends_with("_cluster"))
                });
            if is_cluster && !far.is_saas && !workers.contains(&far.name) {
                workers.push(far.name);
            }
        }
    }
    workers
}

/// The applications to which a charm gives an ingress, and their models.
/// Source: canonical/service-mesh `charms/istio-ingress-k8s/src/charm.py`.
fn backends<'s>(
    deployment: &'s Deployment<'_, '_>,
    index: usize,
    charm: &'s Charm<'_>,
    name: &'s str,
) -> Vec<(&'s str, &'s str)> {
    let mut found = Vec::new();
    let mut seen = Index::default();
    for (endpoint, declared) in charm.endpoints.iter() {
        let gives = matches!(
            declared.interface.as_deref(),
            Some("ingress" | "istio_ingress_route")
        );
        if gives && declared.role == Role::Provider {
            for (backend, model) in deployment.far_applications(index, name, endpoint) {
                if seen.add(full_name(model, backend)) {
                    found.push((backend, model));
                }
            }
        }
    }
    found
}

fn raw_policy(filled: &Node<'static>, model: &str) -> Option<AuthorizationPolicy> {
    Some(AuthorizationPolicy {
        name: filled.get("name")?.as_str()?.to_owned(),
        namespace: filled
            .get("namespace")
            .and_then(Node::as_str)
            .unwrap_or(model)
            .to_owned(),
        labels: Arc::default(),
        annotations: Vec::new(),
        spec: Spec::Raw(filled.get("spec").cloned().unwrap_or_default().value),
    })
}

/// A MeshPolicy that a charm applies itself; its fields are the library's, `source_app` and
/// `target_app` in short.
fn internal_policy(filled: &Node<'static>, names: Names<'_>) -> Option<AuthorizationPolicy> {
    let text = |key: &str| filled.get(key).and_then(Node::as_str).map(str::to_owned);
    let selector = filled
        .get("target_selector_labels")
        .and_then(Node::as_object)
        .map(|labels| {
            labels
                .iter()
                .filter_map(|member| {
                    Some((member.key.to_string(), member.value.as_str()?.to_owned()))
                })
                .collect()
        });
    let endpoints = match filled.get("endpoints").and_then(Node::as_array) {
        Some(nodes) => nodes
            .iter()
            .map(|node| crate::model::validate_endpoint(node).ok())
            .collect::<Option<Vec<_>>>()?,
        None => Vec::new(),
    };
    let policy = MeshPolicy {
        source_namespace: text("source_namespace").unwrap_or_else(|| names.model.to_owned()),
        source_app_name: text("source_app").or_else(|| text("source_app_name"))?,
        target_namespace: text("target_namespace").unwrap_or_else(|| names.model.to_owned()),
        target_app_name: text("target_app").or_else(|| text("target_app_name")),
        target_selector_labels: selector,
        target_service: text("target_service"),
        target_type: match text("kind").as_deref() {
            Some("unit") => crate::model::PolicyTargetType::Unit,
            Some("app") => crate::model::PolicyTargetType::App,
            _ => return None,
        },
        endpoints: endpoints.into(),
    };
    policy.validate().ok()?;
    build_policy_resources_istio(names.application, names.model, &[policy])
        .pop()
        .flatten()
}
