//! What beacons are asked for, and what they make of it.

use super::{Compiled, Deployed, Origin};
use crate::diagnostic::{Diagnostic, Place, code};
use crate::istio::build_policy_resources_istio;
use crate::juju::charm::clip;
use crate::juju::deployment::{Asked, Beacon};
use crate::juju::when::Truth;
use crate::labels::{INSTANCE_KEY, LabelFormat, SCOPE_KEY, charm_kubernetes_label};
use crate::managers::{Manager, WHEN_ANNOTATION};
use crate::map::Index;
use crate::model::MeshPolicy;
use crate::text::Position;
use std::sync::Arc;

/// The scope label that the beacon charm gives to the policies that it manages.
const BEACON_SCOPE: &str = "istio-authorization-policy";

/// Adds a beacon's MeshPolicies and the AuthorizationPolicies that it makes of them.
pub(super) fn add_beacon(
    compiled: &mut Compiled,
    beacon: &Beacon,
    asked: Vec<Asked<'_>>,
    managed: bool,
) {
    let (policies, rest): (Vec<MeshPolicy>, Vec<_>) = asked
        .into_iter()
        .map(|asked| {
            (
                asked.policy,
                (asked.condition, asked.declared, asked.related),
            )
        })
        .unzip();
    let labels = beacon_labels(&beacon.application, &beacon.model);
    let shared: Arc<[(String, String)]> = labels.as_slice().into();
    let start = compiled.authorization_policies.len();
    if managed {
        let built = build_policy_resources_istio(&beacon.application, &beacon.model, &policies);
        for ((policy, built), (condition, declared, related)) in
            policies.iter().zip(built).zip(rest)
        {
            match built {
                Some(mut resource) => {
                    resource.labels = Arc::clone(&shared);
                    resource.annotations.extend(annotation(condition));
                    compiled.authorization_policies.push(resource);
                    compiled.origins.push(Origin {
                        declared: declared.map(place),
                        related: related.map(place),
                    });
                }
                None => compiled.diagnostics.push(refused(policy)),
            }
        }
    }
    let made = start..compiled.authorization_policies.len();
    match compiled
        .managers
        .iter_mut()
        .find(|manager| manager.labels == labels)
    {
        Some(manager) => manager.policies.push(made),
        None => compiled.managers.push(Manager {
            application: beacon.application.clone(),
            model: beacon.model.clone(),
            labels,
            policies: vec![made],
        }),
    }
    compiled.mesh_policies.extend(policies);
}

pub(super) fn place((file, at): (&str, Position)) -> Place {
    Place {
        file: file.to_owned(),
        line: at.line,
        column: at.column,
    }
}

/// The labels by which the beacon charm knows its policies.
///
/// The published charm writes `APPLICATION-MODEL`, the library's `create_charm_default_labels` of
/// today `MODEL-APPLICATION`; what the beacon makes must be found by the beacon. Source: the
/// resource shown in canonical/service-mesh, docs/explanation/managed-mode.md.
pub(crate) fn beacon_labels(application: &str, model: &str) -> Vec<(String, String)> {
    let format = LabelFormat {
        separator: "-",
        ..LabelFormat::default()
    };
    // The names are DNS-1123 labels, so never empty: a label can always be made.
    let instance = charm_kubernetes_label(application, model, format).unwrap_or_default();
    vec![
        (INSTANCE_KEY.to_owned(), instance),
        (SCOPE_KEY.to_owned(), BEACON_SCOPE.to_owned()),
    ]
}

/// Notes the applications that a databag's policy speaks of: its target is a member of the mesh,
/// and its source is taken to be one.
pub(super) fn add_members(
    applications: &mut Vec<Deployed>,
    known: &mut Index<'static>,
    policy: &MeshPolicy,
    beacon: &Beacon,
) {
    let source = (&policy.source_namespace, Some(&policy.source_app_name));
    let target = (&policy.target_namespace, policy.target_app_name.as_ref());
    for (model, name) in [source, target] {
        let Some(name) = name else { continue };
        if known.add(full_name(model, name)) {
            applications.push(Deployed {
                model: model.clone(),
                name: name.clone(),
                charm: String::new(),
                beacon: Some(beacon.clone()),
                joins: Truth::True,
                worker_of: None,
                declared: true,
                options: Vec::new(),
            });
        }
    }
}

pub(super) fn annotation(condition: Option<&str>) -> Option<(String, String)> {
    condition.map(|condition| (WHEN_ANNOTATION.to_owned(), condition.to_owned()))
}

fn refused(policy: &MeshPolicy) -> Diagnostic {
    Diagnostic::error(
        code::L7_UNIT_POLICY,
        format!(
            "the unit policy from `{}` asks for methods, paths or hosts and is not made",
            clip(&policy.source_app_name)
        ),
    )
    .help("a unit policy is enforced by ztunnel, which sees ports only: use an app policy")
    .dropped()
}

/// What is asked of each beacon, in the order in which they are first asked.
#[derive(Default)]
pub(super) struct Beacons<'a> {
    index: Index<'static>,
    pub(super) beacons: Vec<(Beacon, Vec<Asked<'a>>)>,
}

impl<'a> Beacons<'a> {
    pub(super) fn add(&mut self, beacon: Beacon, policies: Vec<Asked<'a>>) {
        let name = full_name(&beacon.model, &beacon.application);
        let at = self.index.get_or_insert(name.into(), self.beacons.len());
        match self.beacons.get_mut(at) {
            Some((_, asked)) => asked.extend(policies),
            None => self.beacons.push((beacon, policies)),
        }
    }
}

/// An application in its model; neither name can hold a slash, which has been checked.
pub(super) fn full_name(model: &str, application: &str) -> String {
    [model, application].join("/")
}
