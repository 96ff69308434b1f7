//! How a client's requests are carried, as far as the mesh knows it.

use crate::mesh::manifests::GATEWAY_NAME;
use crate::mesh::{DataPlane, Settings, Workload, label};

/// How a client is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    /// A pod of the ambient mesh.
    Ambient,
    /// A pod with a sidecar: it has an identity and goes past waypoints.
    Sidecar,
    /// An ingress gateway: as a sidecar, unless the Service asks for its waypoint.
    Ingress,
    /// Outside the mesh.
    Outside,
}

impl Sender {
    fn of(workload: &Workload) -> Sender {
        if workload.router || label(&workload.labels, GATEWAY_NAME).is_some() {
            return Sender::Ingress;
        }
        match workload.data_plane {
            Some(DataPlane::None) => Sender::Outside,
            Some(DataPlane::Sidecar) => Sender::Sidecar,
            Some(DataPlane::Ambient) | None => Sender::Ambient,
        }
    }

    /// The workloads of one service account: of several, the first one on the mesh tells what the client
    /// may be. `None` where there is none.
    pub(super) fn of_account<'w>(workloads: impl Iterator<Item = &'w Workload>) -> Option<Sender> {
        let mut found = None;
        for workload in workloads {
            if matches!(found, None | Some(Sender::Outside)) {
                found = Some(Sender::of(workload));
            }
        }
        found
    }

    /// A client of which nothing is known is taken to be on the mesh, where there is one.
    pub(super) fn unknown(settings: &Settings) -> Sender {
        match settings.data_plane {
            Some(DataPlane::None) => Sender::Outside,
            Some(DataPlane::Sidecar) => Sender::Sidecar,
            Some(DataPlane::Ambient) | None => Sender::Ambient,
        }
    }
}
