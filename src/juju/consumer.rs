//! The side of a charm that joins a mesh: what the library's `ServiceMeshConsumer` does.
//!
//! [`Consumer::app_data`] and [`Consumer::mesh_policies`] are faithful: they answer what the
//! library answers and fail where it raises. [`Consumer::run`] is what a hook needs: it sets aside
//! what cannot be used, says so, and goes on.

use super::charm::{clip, describe};
use super::hook::{Action, Relation, Unit};
use super::mesh_policies::{
    BuildError, CmrRelation, RelatedApp, build_mesh_policies, databag, get_data_from_cmr_relation,
};
use crate::diagnostic::{Diagnostic, code};
use crate::labels::label_configmap_name;
use crate::map::Map;
use crate::model::{
    CharmPolicy, CmrData, MeshPolicy, ServiceMeshProviderAppData, ValidationError,
    validate_cmr_data, validate_service_mesh_provider_app_data,
};
use crate::names::is_dns_label;
use crate::python::json_dumps;
use crate::text::{Member, Node, Object, Position, TextError, Value, parse_json};
use std::borrow::Cow;

/// What a charm says when it joins a mesh; the library's constructor arguments.
#[derive(Debug, Clone)]
pub struct Consumer<'a> {
    /// The endpoint of the mesh.
    pub mesh_relation_name: &'a str,
    /// The endpoint that tells applications of other models who this one is.
    pub cross_model_mesh_requires_name: &'a str,
    /// The endpoint over which applications of other models tell who they are.
    pub cross_model_mesh_provides_name: &'a str,
    /// Who may reach this application.
    pub policies: &'a [CharmPolicy],
    /// Whether pods join the mesh by themselves, by labels.
    pub auto_join: bool,
}

/// Something to do in a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Put the mesh's labels onto pods and Service.
    UpdateLabels,
    /// Take the labels off again, and forget them.
    RemoveLabels,
    /// Write the policies into the mesh's databag.
    UpdateServiceMesh,
    /// Tell the application behind the event's relation who this one is.
    SendCmrData,
}

/// Where the library raises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raised {
    /// The charm is related to more than one mesh.
    TooManyRelatedApps,
    /// A databag holds what is no JSON.
    Json(TextError),
    /// A databag holds JSON of the wrong shape.
    Validation(Vec<ValidationError>),
    /// The policies cannot be built.
    Build(BuildError),
}

/// What a hook leads to.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What to do, in order.
    pub actions: Vec<Action>,
    /// What was set aside, and why.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether there is a mesh.
    pub enabled: bool,
    /// What the mesh says; `None` as long as it says nothing, or nothing that can be used.
    pub app_data: Option<ServiceMeshProviderAppData>,
}

impl Default for Consumer<'_> {
    fn default() -> Self {
        Consumer {
            mesh_relation_name: "service-mesh",
            cross_model_mesh_requires_name: "require-cmr-mesh",
            cross_model_mesh_provides_name: "provide-cmr-mesh",
            policies: &[],
            auto_join: true,
        }
    }
}

// === faithful ===

impl Consumer<'_> {
    /// What the library does on the unit's event.
    pub fn steps(&self, unit: &Unit<'_>) -> Vec<Step> {
        let mut steps = Vec::new();
        let endpoint = unit.event_endpoint();
        let on = |name: &str| endpoint == Some(name);
        let mesh = on(self.mesh_relation_name);
        let by_policy = self.policies.iter().any(|policy| on(policy.relation()));
        let policies_change = match unit.event.name {
            "upgrade_charm" => true,
            "relation_created" => mesh || by_policy,
            "relation_changed" => on(self.cross_model_mesh_provides_name),
            "relation_broken" => by_policy,
            _ => false,
        };
        if mesh && self.auto_join {
            match unit.event.name {
                "relation_changed" => steps.push(Step::UpdateLabels),
                "relation_broken" if unit.leader => steps.push(Step::RemoveLabels),
                _ => {}
            }
        }
        if unit.event.name == "relation_created"
            && unit.leader
            && on(self.cross_model_mesh_requires_name)
        {
            steps.push(Step::SendCmrData);
        }
        if policies_change && unit.leader {
            steps.push(Step::UpdateServiceMesh);
        }
        steps
    }

    /// The relation to the mesh, if there is one.
    pub fn relation<'s, 'u>(
        &'s self,
        unit: &'s Unit<'u>,
    ) -> Result<Option<&'s Relation<'u>>, Raised> {
        let mut relations = unit.related(self.mesh_relation_name);
        let first = relations.next();
        match relations.next() {
            None => Ok(first),
            Some(_) => Err(Raised::TooManyRelatedApps),
        }
    }

    /// `enabled`: whether there is a mesh.
    pub fn enabled(&self, unit: &Unit<'_>) -> Result<bool, Raised> {
        Ok(self
            .relation(unit)?
            .is_some_and(|relation| relation.app.is_some()))
    }

    /// What the mesh says in its databag: `labels()` and `mesh_type()`.
    pub fn app_data(&self, unit: &Unit<'_>) -> Result<Option<ServiceMeshProviderAppData>, Raised> {
        let Some(relation) = self.relation(unit)? else {
            return Ok(None);
        };
        if relation.app.is_none() || relation.remote.is_empty() {
            return Ok(None);
        }
        let mut members = Vec::new();
        for (key, text) in &relation.remote {
            let document = parse_json(text).map_err(Raised::Json)?;
            members.push(member(key, document.root));
        }
        validate_service_mesh_provider_app_data(&mapping(members))
            .map(Some)
            .map_err(Raised::Validation)
    }

    /// The first endpoint with a policy that the charm does not declare, at which the library
    /// raises.
    pub fn undeclared<'s>(&'s self, declared: &[&str]) -> Option<&'s str> {
        let mut named = self.policies.iter().map(CharmPolicy::relation);
        named.find(|name| !declared.contains(name))
    }

    /// What `update_service_mesh` writes; `None` without a mesh.
    pub fn mesh_policies(&self, unit: &Unit<'_>) -> Result<Option<Vec<MeshPolicy>>, Raised> {
        if self.relation(unit)?.is_none() {
            return Ok(None);
        }
        let cmr = unit
            .related(self.cross_model_mesh_provides_name)
            .map(|relation| CmrRelation {
                app: relation.app.unwrap_or_default(),
                cmr_data: relation.get("cmr_data"),
            });
        let cmr = get_data_from_cmr_relation(cmr).map_err(Raised::Json)?;
        self.build(unit, &cmr, |_, _| true)
            .map(Some)
            .map_err(Raised::Build)
    }

    /// Builds the policies for the related applications that `wanted` keeps.
    fn build(
        &self,
        unit: &Unit<'_>,
        cmr: &[(String, CmrData)],
        mut wanted: impl FnMut(&Relation<'_>, &str) -> bool,
    ) -> Result<Vec<MeshPolicy>, BuildError> {
        let mut related: Map<'_, Vec<RelatedApp<'_>>> = Map::new();
        for policy in self.policies {
            if related.contains_key(policy.relation()) {
                continue;
            }
            let apps = unit
                .related(policy.relation())
                .filter_map(|relation| Some((relation, relation.app?)))
                .filter(|(relation, app)| wanted(relation, app))
                .map(|(_, app)| RelatedApp { app })
                .collect();
            related.insert(policy.relation(), apps);
        }
        build_mesh_policies(
            |name| related.get(name).map(Vec::as_slice),
            cmr,
            self.policies,
            Some(unit.app),
            unit.model,
        )
    }
}

/// The text of `cmr_data` that names an application and its model.
pub fn cmr_data(unit: &Unit<'_>) -> String {
    let data = CmrData {
        app_name: unit.app.to_owned(),
        juju_model_name: unit.model.to_owned(),
    };
    // Two texts can always be written.
    json_dumps(&data).unwrap_or_default()
}

fn member<'a>(key: &'a str, value: Node<'a>) -> Member<'a> {
    Member {
        key: Cow::Borrowed(key),
        at: Position::new(1, 1),
        value,
    }
}

fn mapping(members: Vec<Member<'_>>) -> Node<'_> {
    Node {
        at: Position::new(1, 1),
        value: Value::Object(Object { members }),
    }
}

// === checked ===

impl Consumer<'_> {
    /// What a hook leads to: what the library does, without what makes it fail as a whole, and
    /// policies made anew also when an application of another model is gone.
    pub fn run(&self, unit: &Unit<'_>) -> Outcome {
        let mut steps = self.steps(unit);
        if unit.leader
            && unit.event.name == "relation_broken"
            && unit.event_endpoint() == Some(self.cross_model_mesh_provides_name)
            && !steps.contains(&Step::UpdateServiceMesh)
        {
            steps.push(Step::UpdateServiceMesh);
        }
        self.outcome(unit, &steps)
    }

    /// The actions of `update_service_mesh`, called by the charm itself.
    pub fn update_service_mesh(&self, unit: &Unit<'_>) -> Outcome {
        let steps: &[Step] = if unit.leader {
            &[Step::UpdateServiceMesh]
        } else {
            &[]
        };
        self.outcome(unit, steps)
    }

    /// What the mesh says, and nothing to do.
    pub fn inspect(&self, unit: &Unit<'_>) -> Outcome {
        self.outcome(unit, &[])
    }

    fn outcome(&self, unit: &Unit<'_>, steps: &[Step]) -> Outcome {
        let mut outcome = Outcome::default();
        let relation = match self.relation(unit) {
            Ok(relation) => relation,
            Err(_) => {
                let message = format!(
                    "`{}` is related to more than one mesh over `{}`; nothing is changed",
                    unit.app, self.mesh_relation_name
                );
                outcome.diagnostics.push(
                    Diagnostic::error(code::SEVERAL_MESHES, message)
                        .help("remove all of these relations but one")
                        .dropped(),
                );
                return outcome;
            }
        };
        outcome.enabled = relation.is_some_and(|relation| relation.app.is_some());
        let told = match relation {
            Some(relation) if relation.app.is_some() => {
                checked_app_data(relation, &mut outcome.diagnostics)
            }
            _ => Ok(None),
        };
        outcome.app_data = told.clone().unwrap_or_default();
        for step in steps {
            match step {
                Step::UpdateLabels => {
                    // Labels stay as they are while the mesh says nothing that can be used.
                    if let Ok(data) = &told {
                        let labels = data.as_ref().map(|data| data.labels.clone());
                        let labels = labels.unwrap_or_default();
                        outcome.actions.push(reconcile_labels(unit, labels));
                    }
                }
                Step::RemoveLabels => {
                    outcome.actions.push(Action::RemoveLabels {
                        app_name: unit.app.to_owned(),
                        namespace: unit.model.to_owned(),
                        label_configmap_name: label_configmap_name(unit.app),
                    });
                }
                Step::SendCmrData => {
                    outcome
                        .actions
                        .extend(unit.event.relation_id.map(|id| Action::SetAppData {
                            relation_id: id,
                            data: vec![("cmr_data".to_owned(), cmr_data(unit))],
                        }))
                }
                Step::UpdateServiceMesh => {
                    let Some(relation) = relation else { continue };
                    if let Some(policies) =
                        self.checked_mesh_policies(unit, &mut outcome.diagnostics)
                    {
                        outcome.actions.push(Action::SetAppData {
                            relation_id: relation.id,
                            data: vec![("policies".to_owned(), databag(&policies))],
                        });
                    }
                }
            }
        }
        outcome
    }

    /// The policies, without those for applications of other models that do not say, or not
    /// rightly say, who they are. `None` where the charm itself is wrong.
    fn checked_mesh_policies(
        &self,
        unit: &Unit<'_>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Vec<MeshPolicy>> {
        let mut told: Map<'_, Option<CmrData>> = Map::new();
        for relation in unit.related(self.cross_model_mesh_provides_name) {
            let Some(app) = relation.app else { continue };
            match checked_cmr_data(relation, diagnostics) {
                Ok(None) => {}
                Ok(Some(data)) => {
                    told.insert(app, Some(data));
                }
                Err(refusal) => {
                    diagnostics.push(refusal);
                    if !told.contains_key(app) {
                        told.insert(app, None);
                    }
                }
            }
        }
        let cmr: Vec<(String, CmrData)> = told
            .iter()
            .filter_map(|(app, data)| Some((app.to_owned(), data.clone()?)))
            .collect();
        let mut unnamed: Vec<String> = Vec::new();
        let wanted = |relation: &Relation<'_>, app: &str| match told.get(app) {
            Some(data) => data.is_some(),
            None if relation.is_cross_model() || !is_dns_label(app) => {
                unnamed.push(app.to_owned());
                false
            }
            None => true,
        };
        let built = self.build(unit, &cmr, wanted);
        crate::order::sort(&mut unnamed);
        unnamed.dedup();
        for app in &unnamed {
            let message = format!(
                "`{}` lives in another model and does not say who it is; it gets no access yet",
                clip(app)
            );
            diagnostics.push(
                Diagnostic::warning(code::CROSS_MODEL_WITHOUT_CMR, message)
                    .help(format!(
                        "relate it to `{}` as well",
                        self.cross_model_mesh_provides_name
                    ))
                    .dropped(),
            );
        }
        match built {
            Ok(policies) => Some(policies),
            Err(error) => {
                let message = match error {
                    BuildError::Invalid(message) => message,
                    BuildError::UnknownRelation(name) => format!("there is no endpoint `{name}`"),
                };
                diagnostics.push(Diagnostic::error(code::INVALID_POLICY, message).dropped());
                None
            }
        }
    }
}

fn reconcile_labels(unit: &Unit<'_>, labels: Vec<(String, String)>) -> Action {
    Action::ReconcileLabels {
        app_name: unit.app.to_owned(),
        namespace: unit.model.to_owned(),
        label_configmap_name: label_configmap_name(unit.app),
        labels,
    }
}

/// What the mesh says. `Err` where it says something that cannot be used, which a diagnostic
/// tells.
fn checked_app_data(
    relation: &Relation<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Option<ServiceMeshProviderAppData>, ()> {
    if relation.remote.is_empty() && relation.unreadable.is_none() {
        return Ok(None);
    }
    let mut members = Vec::new();
    // What else a mesh writes is not ours to judge.
    for key in ["labels", "mesh_type"] {
        match relation.read(key, diagnostics) {
            Ok(Some(document)) => members.push(member(key, document.root)),
            Ok(None) => {}
            Err(refusal) => {
                diagnostics.push(refusal);
                return Err(());
            }
        }
    }
    validate_service_mesh_provider_app_data(&mapping(members))
        .map(Some)
        .map_err(|errors| {
            let why = errors.first().map(describe).unwrap_or_default();
            let refusal = relation.set_aside("labels", Position::new(1, 1), &why);
            diagnostics.push(refusal);
        })
}

fn checked_cmr_data(
    relation: &Relation<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Option<CmrData>, Diagnostic> {
    let key = "cmr_data";
    let Some(document) = relation.read(key, warnings)? else {
        return Ok(None);
    };
    let data = validate_cmr_data(&document.root).map_err(|errors| {
        let why = errors.first().map(describe).unwrap_or_default();
        relation.set_aside(key, document.root.at, &why)
    })?;
    let invalid = [&data.app_name, &data.juju_model_name]
        .into_iter()
        .find(|name| !is_dns_label(name));
    let Some(name) = invalid else {
        return Ok(Some(data));
    };
    let message = format!(
        "`{}` calls itself `{}`, which cannot be part of an identity; it gets no access",
        clip(relation.app.unwrap_or_default()),
        clip(name)
    );
    let refusal = Diagnostic::error(code::INVALID_NAME, message)
        .help(
            "names are lower-case letters, digits and hyphens, at most 63, no hyphen at either end",
        )
        .dropped();
    Err(relation.place(refusal, key, document.root.at))
}
