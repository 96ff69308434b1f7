//! What is assumed of an input that holds policies and says nowhere who enforces them.

use crate::mesh::{DataPlane, Labels, Mesh};

/// Labels that say whether pods are on a mesh.
const MESH_LABELS: &[&str] = &[
    "istio.io/dataplane-mode",
    "istio-injection",
    "istio.io/rev",
    "sidecar.istio.io/inject",
    "istio.io/use-waypoint",
];

/// Whether neither side says of any pod or namespace whether it is on a mesh. Then pods are taken to
/// have sidecars, as where pods and namespaces are described and silent.
pub(super) fn is_silent(old: &Mesh, new: &Mesh) -> bool {
    let policies = old.policies.len() + new.policies.len();
    policies > 0 && !says(old) && !says(new)
}

/// What is assumed, as a sentence.
pub(super) const TEXT: &str = "nothing in the input says what carries pods: they are taken to have sidecars, \
     as with `dataPlane: sidecar` in the settings";

/// The mesh with a sidecar in every pod.
pub(super) fn with_sidecars(mesh: &Mesh) -> Mesh {
    let mut mesh = mesh.clone();
    mesh.settings.data_plane = Some(DataPlane::Sidecar);
    for workload in &mut mesh.workloads {
        workload.data_plane = Some(DataPlane::Sidecar);
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
        || mesh.settings.hardened_mode
        || !mesh.gateways.is_empty()
        || mesh.services.iter().any(|one| labelled(&one.labels))
        || mesh.namespaces.iter().any(|one| labelled(&one.labels))
        || mesh
            .workloads
            .iter()
            .any(|one| on.contains(&one.data_plane) || labelled(&one.labels))
        || mesh.policies.iter().any(|one| !one.targets().is_empty())
}
