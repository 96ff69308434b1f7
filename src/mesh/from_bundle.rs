//! A mesh from Juju: what applications become in the cluster.
//!
//! Application X of model M is Service `M/X`, headless Service `M/X-endpoints`, pods `M/X-0` and so
//! on, service account `M/X`. Sources: Juju's Kubernetes operator model; istio-beacon-k8s
//! `src/charm.py` for the waypoint and for the labels that put applications and models on the mesh.

use super::INGRESS_CLASS;
use super::manifests::GATEWAY_NAME;
use super::{
    AllowedRoutes, DataPlane, Gateway, Labels, Mesh, Namespace, Protocol, Readiness, Service,
    ServicePort, TargetPort, WAYPOINT_CLASS, WaypointFor, Workload,
};
use crate::compile::{Compiled, Deployed};
use crate::istio::policy::read_policy;
use crate::juju::deployment::Beacon;
use crate::juju::when::Truth;
use crate::map::Index;
use crate::text::parse_json;
use std::sync::Arc;

/// The port of Juju's own operator in each model.
const MODEL_OPERATOR_PORT: u16 = 17071;

/// Adds what a compilation found to a mesh.
pub fn add(mesh: &mut Mesh, compiled: &Compiled) {
    // istio-k8s's defaults, which differ from Istio's, and its options where it is in the input.
    if !mesh.settings.given.contains(&"autoAllowWaypoint") {
        mesh.settings.auto_allow_waypoint = true;
    }
    for application in &compiled.applications {
        for (option, on) in &application.options {
            match *option {
                "hardened-mode" => {
                    mesh.settings.hardened_mode = *on;
                    mesh.settings.give("hardenedMode");
                    mesh.settings.root_namespace.clone_from(&application.model);
                    mesh.settings.give("rootNamespace");
                }
                "auto-allow-waypoint-policy" => {
                    mesh.settings.auto_allow_waypoint = *on;
                    mesh.settings.give("autoAllowWaypoint");
                }
                _ => {}
            }
        }
    }
    let mut models: Vec<&str> = Vec::new();
    let mut beacons: Vec<&Beacon> = Vec::new();
    let mut seen = Index::default();
    let mut known = Index::default();
    for application in &compiled.applications {
        if seen.add(application.model.as_str()) {
            models.push(&application.model);
        }
        if let Some(beacon) = &application.beacon {
            let name = [&beacon.model, "/", &beacon.application].concat();
            if known.add(name) {
                beacons.push(beacon);
            }
        }
    }
    for beacon in beacons {
        mesh.gateways.push(waypoint(beacon));
    }
    if !mesh.gateways.is_empty() {
        mesh.assumptions
            .push("the beacons' waypoints are taken to be ready".into());
    }
    mesh.assumptions
        .push("a Service's port is taken to lead to the same port of its pods".into());
    for model in models {
        let on_mesh = compiled.applications.iter().find(|application| {
            application.model == model && application.options.contains(&("model-on-mesh", true))
        });
        let labels = on_mesh.map_or_else(Vec::new, |beacon| {
            let beacon = Beacon {
                model: beacon.model.clone(),
                application: beacon.name.clone(),
            };
            mesh_labels(&beacon)
        });
        if let Some(beacon) = on_mesh {
            let beacon = Beacon {
                model: beacon.model.clone(),
                application: beacon.name.clone(),
            };
            let waypoint = waypoint(&beacon);
            if !mesh.gateways.contains(&waypoint) {
                mesh.gateways.push(waypoint);
            }
        }
        mesh.namespaces.push(Namespace {
            name: model.to_owned(),
            labels,
        });
        model_operator(mesh, model);
    }
    for application in &compiled.applications {
        add_application(mesh, application);
    }
    let file: Arc<str> = "".into();
    for (at, policy) in compiled.authorization_policies.iter().enumerate() {
        let json = crate::text::to_json(policy).unwrap_or_default();
        if let Ok(document) = parse_json(&json) {
            let mut read = read_policy(&file, &document.root, &policy.namespace);
            read.at = crate::text::Position::default();
            read.declared = compiled
                .origins
                .get(at)
                .and_then(|origin| origin.declared.clone().or_else(|| origin.related.clone()));
            mesh.policies.push(read);
        }
    }
}

/// The name of a beacon's waypoint.
fn waypoint_name(beacon: &Beacon) -> String {
    format!("{}-{}-waypoint", beacon.application, beacon.model)
}

fn waypoint(beacon: &Beacon) -> Gateway {
    Gateway {
        namespace: beacon.model.clone(),
        name: waypoint_name(beacon),
        class: WAYPOINT_CLASS.into(),
        waypoint_for: WaypointFor::Service,
        allowed: AllowedRoutes::All,
        ready: Readiness::Ready,
        opaque: false,
        service_accounts: vec![waypoint_name(beacon)],
    }
}

/// The labels that a beacon gives to what joins its mesh.
fn mesh_labels(beacon: &Beacon) -> Labels {
    vec![
        ("istio.io/dataplane-mode".into(), "ambient".into()),
        ("istio.io/use-waypoint".into(), waypoint_name(beacon)),
        (
            "istio.io/use-waypoint-namespace".into(),
            beacon.model.clone(),
        ),
    ]
}

fn add_application(mesh: &mut Mesh, application: &Deployed) {
    let name_label = (
        "app.kubernetes.io/name".to_owned(),
        application.name.clone(),
    );
    let mut labels = vec![name_label.clone()];
    let mut service_labels = vec![name_label.clone()];
    if let Some(coordinator) = &application.worker_of {
        labels.push(("app.kubernetes.io/part-of".into(), coordinator.clone()));
    }
    let mut plane = None;
    if application.beacon.is_some() && !application.declared {
        let name = (application.model.clone(), application.name.clone());
        mesh.undeclared.push(name);
    }
    if let Some(beacon) = &application.beacon {
        match application.joins {
            Truth::True => {
                labels.extend(mesh_labels(beacon));
                service_labels.extend(mesh_labels(beacon));
            }
            Truth::False => {}
            Truth::Unknown => {
                mesh.assumptions.push(format!(
                    "`{}/{}` is taken to have joined its mesh",
                    application.model, application.name
                ));
                labels.extend(mesh_labels(beacon));
                service_labels.extend(mesh_labels(beacon));
                plane = Some(DataPlane::Ambient);
            }
        }
    }
    mesh.workloads.push(Workload {
        namespace: application.model.clone(),
        name: application.name.clone(),
        template: true,
        labels,
        service_account: application.name.clone(),
        ips: Vec::new(),
        ports: Vec::new(),
        data_plane: plane,
        router: false,
    });
    for (name, headless) in [
        (application.name.clone(), false),
        (format!("{}-endpoints", application.name), true),
    ] {
        mesh.services.push(Service {
            namespace: application.model.clone(),
            name,
            labels: if headless {
                Vec::new()
            } else {
                service_labels.clone()
            },
            selector: Some(vec![name_label.clone()]),
            ports: None,
            headless,
            ips: Vec::new(),
            entry: false,
        });
    }
    if application.charm == "istio-ingress-k8s" {
        ingress(mesh, application);
    }
}

/// The ingress charm makes a Gateway of its own name, whose pods are Istio's.
fn ingress(mesh: &mut Mesh, application: &Deployed) {
    let account = format!("{}-istio", application.name);
    mesh.gateways.push(Gateway {
        namespace: application.model.clone(),
        name: application.name.clone(),
        class: INGRESS_CLASS.into(),
        waypoint_for: WaypointFor::None,
        allowed: AllowedRoutes::All,
        ready: Readiness::Ready,
        opaque: false,
        service_accounts: vec![account.clone()],
    });
    mesh.workloads.push(Workload {
        namespace: application.model.clone(),
        name: account.clone(),
        template: true,
        labels: vec![(GATEWAY_NAME.into(), application.name.clone())],
        service_account: account,
        ips: Vec::new(),
        ports: Vec::new(),
        data_plane: Some(DataPlane::Sidecar),
        router: false,
    });
}

/// Juju's own operator of a model.
fn model_operator(mesh: &mut Mesh, model: &str) {
    let name = "modeloperator";
    let own: Labels = vec![("juju-modeloperator".into(), name.into())];
    mesh.workloads.push(Workload {
        namespace: model.to_owned(),
        name: name.into(),
        template: true,
        labels: own.clone(),
        service_account: name.into(),
        ips: Vec::new(),
        ports: Vec::new(),
        data_plane: None,
        router: false,
    });
    mesh.services.push(Service {
        namespace: model.to_owned(),
        name: name.into(),
        labels: own.clone(),
        selector: Some(own),
        ports: Some(vec![ServicePort {
            port: MODEL_OPERATOR_PORT,
            target: TargetPort::Number(MODEL_OPERATOR_PORT),
            protocol: Protocol::Sniffed,
        }]),
        headless: false,
        ips: Vec::new(),
        entry: false,
    });
}
