//! What there is to draw: applications, who may really reach whom, and which policies do not count.

use super::decide::Analysis;
use super::points::Binding;
use super::reach::{Reach, reach};
use crate::istio::manifest::Manifest;
use crate::mesh::manifests::GATEWAY_NAME;
use crate::mesh::{DataPlane, label};
use crate::text::{Position, emit_yaml, parse_json, to_json};
use serde::Serialize;

/// The label of Juju's own operator in each model.
const OPERATOR: &str = "juju-modeloperator";

/// What there is to draw.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// Workloads, waypoints without pods of their own in the input, and Services that are not one workload's.
    pub applications: Vec<Application>,
    /// Policies that Istio refuses, by `NAMESPACE/NAME`.
    pub refused: Vec<String>,
    /// What policies of few applications are attached to.
    pub attached: Vec<AttachedTo>,
    /// Policies of manifests; those of bundles are the compiler's to give.
    pub policies: Vec<Written>,
    /// Who may reach whom.
    #[serde(flatten)]
    pub reach: Reach,
}

/// Something that may reach, or be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `application`, `gateway` (pods of an ingress gateway), `waypoint`, `operator` (Juju's own), or `service` (one
    /// with no, or with several, workloads behind it).
    pub kind: &'static str,
    /// `ambient`, `sidecar` or `none`; missing where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plane: Option<&'static str>,
    /// Service accounts that its pods run as.
    pub accounts: Vec<String>,
    /// Names of its Services.
    pub services: Vec<String>,
    /// Its waypoint, as `NAMESPACE/NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waypoint: Option<String>,
    /// Why the waypoint that it names does not take its requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_waypoint: Option<String>,
}

/// What a policy is attached to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttachedTo {
    /// The policy, as `NAMESPACE/NAME`.
    pub policy: String,
    /// Places among [`Overview::applications`].
    pub to: Vec<usize>,
}

/// A policy of more applications than this is one of a whole namespace, a waypoint, or the mesh.
const FEW: usize = 8;

/// An AuthorizationPolicy of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    /// The file.
    pub file: String,
    /// Where it stands in it.
    pub line: u32,
    /// Where it stands in its line.
    pub column: u32,
    /// The object as JSON text.
    pub json: String,
    /// The same as YAML.
    pub yaml: String,
}

// === impl Overview ===

impl Overview {
    /// Looks at a mesh.
    pub fn of(analysis: &Analysis) -> Overview {
        let mesh = &analysis.mesh;
        let refused = mesh.policies.iter().zip(&analysis.points.refused);
        let (applications, of_service) = applications(analysis);
        Overview {
            applications,
            attached: attached(analysis, &of_service),
            refused: refused
                .filter(|(_, why)| !why.is_empty())
                .map(|(policy, _)| policy.id())
                .collect(),
            policies: mesh
                .policies
                .iter()
                .filter(|policy| !policy.file.is_empty())
                .map(|policy| {
                    let json = to_json(&Manifest(policy)).unwrap_or_default();
                    let mut yaml = String::new();
                    if let Ok(document) = parse_json(&json) {
                        emit_yaml(&document.root, &mut yaml);
                    }
                    let Position { line, column } = policy.at;
                    Written {
                        file: policy.file.to_string(),
                        line,
                        column,
                        json,
                        yaml,
                    }
                })
                .collect(),
            reach: reach(analysis),
        }
    }

    /// As JSON text.
    pub fn json(&self) -> String {
        to_json(self).unwrap_or_default()
    }
}

/// What each policy is attached to, where that is little.
fn attached(analysis: &Analysis, of_service: &[usize]) -> Vec<AttachedTo> {
    let points = &analysis.points;
    let mut to: Vec<Vec<usize>> = vec![Vec::new(); analysis.mesh.policies.len()];
    let services = of_service.iter().copied().zip(&points.services);
    for (application, attached) in points.workloads.iter().enumerate().chain(services) {
        for one in attached {
            if let Some(list) = to.get_mut(one.policy as usize)
                && list.len() <= FEW
                && !list.contains(&application)
            {
                list.push(application);
            }
        }
    }
    let policies = analysis.mesh.policies.iter().zip(to);
    policies
        .filter(|(_, to)| (1..=FEW).contains(&to.len()))
        .map(|(policy, to)| AttachedTo {
            policy: policy.id(),
            to,
        })
        .collect()
}

/// All applications, those of the workloads first, and the application of each Service.
fn applications(analysis: &Analysis) -> (Vec<Application>, Vec<usize>) {
    let mesh = &analysis.mesh;
    let mut found: Vec<Application> = mesh
        .workloads
        .iter()
        .map(|workload| {
            let gateway = label(&workload.labels, GATEWAY_NAME);
            let is_waypoint = gateway.is_some_and(|name| {
                let mut gateways = mesh.gateways.iter();
                gateways.any(|one| {
                    one.is_waypoint() && one.name == name && one.namespace == workload.namespace
                })
            });
            Application {
                namespace: workload.namespace.clone(),
                name: workload.name.clone(),
                kind: if is_waypoint {
                    "waypoint"
                } else if gateway.is_some() {
                    "gateway"
                } else if label(&workload.labels, OPERATOR).is_some() {
                    "operator"
                } else {
                    "application"
                },
                plane: workload.data_plane.map(|plane| match plane {
                    DataPlane::Ambient => "ambient",
                    DataPlane::Sidecar => "sidecar",
                    DataPlane::None => "none",
                }),
                accounts: vec![workload.service_account.clone()],
                ..Application::default()
            }
        })
        .collect();
    let mut of_service = Vec::with_capacity(mesh.services.len());
    for (at, service) in mesh.services.iter().enumerate() {
        let backends = analysis.points.backends.get(at);
        let of = match backends.map(Vec::as_slice) {
            Some([one]) => *one as usize,
            _ => {
                found.push(Application {
                    namespace: service.namespace.clone(),
                    name: service.name.clone(),
                    kind: "service",
                    ..Application::default()
                });
                found.len() - 1
            }
        };
        of_service.push(of);
        let Some(application) = found.get_mut(of) else {
            continue;
        };
        application.services.push(service.name.clone());
        match analysis.points.service_waypoints.get(at) {
            Some(Binding::To(gateway, _)) if !service.headless => {
                let gateway = mesh.gateways.get(*gateway);
                application.waypoint = gateway.map(|one| [&one.namespace, "/", &one.name].concat());
            }
            Some(Binding::Unusable(why, _)) => application.no_waypoint = Some(why.clone()),
            _ => {}
        }
    }
    for gateway in &mesh.gateways {
        let pods = |account: &String| {
            analysis
                .points
                .of_account(&gateway.namespace, account)
                .next()
        };
        if gateway.is_waypoint()
            && gateway
                .service_accounts
                .iter()
                .all(|one| pods(one).is_none())
        {
            found.push(Application {
                namespace: gateway.namespace.clone(),
                name: gateway.name.clone(),
                kind: "waypoint",
                accounts: gateway.service_accounts.clone(),
                ..Application::default()
            });
        }
    }
    (found, of_service)
}

#[cfg(test)]
mod tests {
    use super::Overview;
    use crate::analysis::Analysis;
    use crate::compile::Source;
    use crate::mesh::input::{MeshInput, read_mesh};

    const MESH: &str = r#"
{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: web}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: plain, namespace: shop}
spec: {template: {metadata: {labels: {app: plain, istio.io/dataplane-mode: none}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: front, namespace: shop, labels: {istio.io/use-waypoint: gone}}, spec: {selector: {app: web}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: nothing, namespace: shop}, spec: {selector: {app: none}, ports: [{port: 80}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: way, namespace: shop}
spec: {gatewayClassName: istio-waypoint}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: good, namespace: shop}
spec: {selector: {matchLabels: {app: web}}, rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/other]}}]}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: bad, namespace: shop}
spec: {selector: {matchLabels: {app: web}}, rules: [{from: [{source: {}}]}]}
"#;

    #[test]
    fn shows_applications_reach_and_what_does_not_count() {
        let source = Source::new("mesh.yaml", MESH);
        let (mesh, _) = read_mesh(&MeshInput {
            manifests: vec![source],
            ..MeshInput::default()
        });
        let found = Overview::of(&Analysis::new(mesh));
        let seen: Vec<String> = found
            .applications
            .iter()
            .map(|one| format!("{} {} {}", one.kind, one.name, one.plane.unwrap_or("-")))
            .collect();
        assert_eq!(
            seen,
            [
                "application web ambient",
                "application plain none",
                "service nothing -",
                "waypoint way -"
            ]
        );
        let web = found.applications.first().unwrap();
        assert_eq!(web.services, ["front"]);
        assert_eq!(
            web.no_waypoint.as_deref(),
            Some("the waypoint `shop/gone` is not there")
        );
        assert_eq!(found.refused, ["shop/bad"]);
        let attached: Vec<_> = found
            .attached
            .iter()
            .map(|one| (one.policy.as_str(), one.to.as_slice()))
            .collect();
        assert_eq!(attached, [("shop/good", [0].as_slice())]);
        let lines: Vec<u32> = found.policies.iter().map(|one| one.line).collect();
        assert_eq!(
            (
                lines.as_slice(),
                found
                    .policies
                    .first()
                    .unwrap()
                    .yaml
                    .starts_with("apiVersion")
            ),
            ([23, 28].as_slice(), true)
        );
        assert!(
            found
                .reach
                .rows
                .iter()
                .any(|row| row.policies == ["shop/good"] && row.who == "shop/other")
        );
        assert!(found.json().contains(r#""noWaypoint""#));
    }
}
