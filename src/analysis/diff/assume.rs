//! What is assumed of an input that holds policies and says nowhere who enforces them.

use crate::istio::policy::{Attribute, AuthorizationPolicy};
use crate::mesh::{DataPlane, Labels, Mesh};

/// Labels that say whether pods are on a mesh.
const MESH_LABELS: &[&str] = &[
    "istio.io/dataplane-mode",
    "istio-injection",
    "istio.io/rev",
    "sidecar.istio.io/inject",
    "security.istio.io/tlsMode",
];

/// The data plane to assume, where neither side says of any pod or namespace whether it is on a mesh:
/// policies that look at HTTP without naming a Service or waypoint are meant for sidecars.
pub(super) fn data_plane(old: &Mesh, new: &Mesh) -> Option<DataPlane> {
    let mut policies = old.policies.iter().chain(&new.policies).peekable();
    policies.peek()?;
    if says(old) || says(new) {
        return None;
    }
    if policies.any(is_http) {
        return Some(DataPlane::Sidecar);
    }
    // Pods of namespaces that are not described count as ambient anyway.
    let is_off = |mesh: &Mesh| mesh.workloads.iter().any(|one| one.data_plane.is_some());
    (is_off(old) || is_off(new)).then_some(DataPlane::Ambient)
}

/// As a sentence.
pub(super) fn text(plane: DataPlane) -> String {
    let (what, name) = match plane {
        DataPlane::Sidecar => ("have sidecars", "sidecar"),
        _ => ("are in ambient mode", "ambient"),
    };
    format!(
        "nothing in the input says that a pod is on the mesh: pods are taken to {what}, as with \
         `dataPlane: {name}` in the settings"
    )
}

/// The mesh with all pods on it.
pub(super) fn on_the_mesh(mesh: &Mesh, plane: DataPlane) -> Mesh {
    let mut mesh = mesh.clone();
    mesh.settings.data_plane = Some(plane);
    for workload in &mut mesh.workloads {
        workload.data_plane = Some(plane);
    }
    mesh
}

/// Whether a mesh says who enforces what.
fn says(mesh: &Mesh) -> bool {
    let labelled = |labels: &Labels| {
        labels
            .iter()
            .any(|(key, _)| MESH_LABELS.contains(&key.as_str()))
    };
    let on = [Some(DataPlane::Ambient), Some(DataPlane::Sidecar)];
    mesh.settings.data_plane.is_some()
        || !mesh.gateways.is_empty()
        || mesh.namespaces.iter().any(|one| labelled(&one.labels))
        || mesh
            .workloads
            .iter()
            .any(|one| on.contains(&one.data_plane) || labelled(&one.labels))
        || mesh.policies.iter().any(|one| !one.targets().is_empty())
}

fn is_http(policy: &AuthorizationPolicy) -> bool {
    let http = |attribute: Attribute| {
        matches!(
            attribute,
            Attribute::Hosts
                | Attribute::Methods
                | Attribute::Paths
                | Attribute::RequestPrincipals
                | Attribute::RemoteIpBlocks
        )
    };
    policy.rules.iter().any(|rule| {
        let entries = rule.from.iter().chain(&rule.to);
        let mut lists = entries.flat_map(|entry| entry.lists.iter().flatten());
        let mut keys = rule.when.iter().map(|one| one.key.text.as_str());
        lists.any(|list| http(list.attribute)) || keys.any(|key| key.starts_with("request."))
    })
}
