//! Conclusions that need all of a mesh's input: which data plane carries a pod, which templates say
//! nothing new, what hardened mode adds.

use super::manifests::GATEWAY_NAME;
use super::{DataPlane, Labels, Mesh, Namespace, label, selects};
use crate::istio::policy::{parse_bool, read_policy};
use crate::map::Index;
use crate::text::parse_json;

/// The label that joins pods to the ambient mesh.
const DATA_PLANE_MODE: &str = "istio.io/dataplane-mode";

/// Draws the conclusions that need all of the input.
pub fn finish(mesh: &mut Mesh) {
    // A template whose pods are there says nothing new.
    let mut spaces = Index::default();
    let mut pods: Vec<Vec<&Labels>> = Vec::new();
    for pod in mesh.workloads.iter().filter(|one| !one.template) {
        let at = spaces.get_or_insert(pod.namespace.as_str().into(), pods.len());
        if at == pods.len() {
            pods.push(Vec::new());
        }
        pods.get_mut(at)
            .into_iter()
            .for_each(|list| list.push(&pod.labels));
    }
    let keep: Vec<bool> = mesh
        .workloads
        .iter()
        .map(|one| {
            let beside = || spaces.get(&one.namespace).and_then(|at| pods.get(at));
            let mut same = beside().into_iter().flatten();
            !one.template
                || one.labels.is_empty()
                || !same.any(|labels| selects(&one.labels, labels))
        })
        .collect();
    let mut kept = keep.into_iter();
    mesh.workloads.retain(|_| kept.next().unwrap_or(true));

    if says_nothing(mesh) {
        mesh.settings.data_plane = Some(DataPlane::Sidecar);
        mesh.assumptions
            .push("pods have sidecars: nothing in the input says what carries them".into());
    }
    let namespaces = std::mem::take(&mut mesh.namespaces);
    let mut by_name = Index::default();
    for (at, namespace) in namespaces.iter().enumerate() {
        by_name.get_or_insert(namespace.name.as_str().into(), at);
    }
    for workload in &mut mesh.workloads {
        if workload.data_plane.is_none() {
            let at = by_name.get(&workload.namespace);
            let namespace: Option<&Namespace> = at.and_then(|at| namespaces.get(at));
            workload.data_plane = data_plane(
                &workload.labels,
                namespace.map(|namespace| namespace.labels.as_slice()),
                mesh.settings.data_plane,
            );
        }
    }
    mesh.namespaces = namespaces;
    harden(mesh);
    for gateway in &mut mesh.gateways {
        for workload in &mesh.workloads {
            let is_instance = workload.namespace == gateway.namespace
                && label(&workload.labels, GATEWAY_NAME) == Some(&gateway.name);
            if is_instance && !gateway.service_accounts.contains(&workload.service_account) {
                gateway
                    .service_accounts
                    .push(workload.service_account.clone());
            }
        }
        if gateway.service_accounts.is_empty() {
            // istiod names the service account of a Gateway's pods like the Gateway where the class
            // is a waypoint's, with the class added elsewhere.
            gateway.service_accounts.push(if gateway.is_waypoint() {
                gateway.name.clone()
            } else {
                format!("{}-{}", gateway.name, gateway.class)
            });
        }
    }
}

/// Whether pods and their namespaces are described, as other tools for policies are content with,
/// and nothing speaks of any data plane. Then policies with selectors can only be meant for
/// sidecars; that nothing enforces them would be no answer to who asks what they mean.
fn says_nothing(mesh: &Mesh) -> bool {
    const SIGNS: [&str; 6] = [
        DATA_PLANE_MODE,
        GATEWAY_NAME,
        "istio-injection",
        "istio.io/rev",
        "istio.io/use-waypoint",
        "sidecar.istio.io/inject",
    ];
    let is_silent = |labels: &Labels| SIGNS.iter().all(|key| label(labels, key).is_none());
    let settings = &mesh.settings;
    settings.data_plane.is_none()
        && !settings.hardened_mode
        && mesh.gateways.is_empty()
        && !mesh.namespaces.is_empty()
        && !mesh.workloads.is_empty()
        && mesh.namespaces.iter().all(|one| is_silent(&one.labels))
        && mesh.services.iter().all(|one| is_silent(&one.labels))
        && mesh.workloads.iter().all(|one| {
            is_silent(&one.labels)
                && !one.router
                && matches!(one.data_plane, None | Some(DataPlane::None))
        })
}

/// istio-k8s's `hardened-mode` is two policies that allow nothing, in the root namespace; they are
/// added where the input says the mode is on and does not have them.
/// Source: canonical/service-mesh, docs/explanation/hardened-mode.md.
fn harden(mesh: &mut Mesh) {
    if !mesh.settings.hardened_mode {
        return;
    }
    let root = mesh.settings.root_namespace.clone();
    for (end, spec) in [
        ("policy-global-allow-nothing-ztunnel", "{}"),
        (
            "policy-global-allow-nothing-waypoint",
            r#"{"targetRefs":[{"kind":"GatewayClass","group":"gateway.networking.k8s.io","name":"istio-waypoint"}]}"#,
        ),
    ] {
        let there = mesh
            .policies
            .iter()
            .any(|policy| policy.namespace == root && policy.name.ends_with(end));
        let text = format!(r#"{{"spec":{spec}}}"#);
        if let (false, Ok(document)) = (there, parse_json(&text)) {
            let mut policy = read_policy(&"".into(), &document.root, &root);
            policy.name = format!("istio-k8s-{root}-{end}");
            mesh.policies.push(policy);
        }
    }
}

/// Who carries the traffic of a pod, by its labels and its namespace's. `None`: the input does not
/// say.
fn data_plane(
    labels: &[(String, String)],
    namespace: Option<&[(String, String)]>,
    default: Option<DataPlane>,
) -> Option<DataPlane> {
    let own = |key| label(labels, key);
    let of_namespace = |key| namespace.and_then(|labels| label(labels, key));
    // Injection: the pod's own label is stronger than its namespace's.
    let injected = match own("sidecar.istio.io/inject").and_then(parse_bool) {
        Some(wanted) => wanted,
        None => {
            of_namespace("istio-injection") == Some("enabled")
                || (of_namespace("istio-injection").is_none()
                    && of_namespace(DATA_PLANE_MODE) != Some("ambient")
                    && (own("istio.io/rev").is_some() || of_namespace("istio.io/rev").is_some()))
        }
    };
    if injected {
        return Some(DataPlane::Sidecar);
    }
    match own(DATA_PLANE_MODE).or(of_namespace(DATA_PLANE_MODE)) {
        Some("ambient") => Some(DataPlane::Ambient),
        Some(_) => Some(DataPlane::None),
        None if default.is_some() => default,
        // The namespace is there and does not join the mesh.
        None if namespace.is_some() => Some(DataPlane::None),
        None => None,
    }
}
