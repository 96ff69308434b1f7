//! What requests find: pods that are open past their waypoint, and pods that shut it out.

use super::{code, new, placed};
use crate::analysis::decide::Analysis;
use crate::analysis::matching::{Client, Identity, Seen};
use crate::analysis::points::{Attached, Binding, Layer, Origin};
use crate::analysis::rules::Effect;
use crate::analysis::verdict::{Doubts, Verdict};
use crate::diagnostic::{Diagnostic, Severity};
use crate::istio::policy::AuthorizationPolicy;
use crate::juju::charm::clip;
use crate::mesh::DataPlane;

/// Findings about Services with a waypoint, one a Service and kind.
pub(super) fn lint(analysis: &Analysis, found: &mut Vec<Diagnostic>) {
    for at in 0..analysis.mesh.services.len() {
        service(analysis, at, found);
    }
}

fn service(analysis: &Analysis, at: usize, found: &mut Vec<Diagnostic>) {
    let (mesh, points) = (&analysis.mesh, &analysis.points);
    let (Some(service), Some(Binding::To(gateway, doubts))) =
        (mesh.services.get(at), points.service_waypoints.get(at))
    else {
        return;
    };
    let Some(gateway) = mesh
        .gateways
        .get(*gateway)
        .filter(|_| *doubts == Doubts::NONE)
    else {
        return;
    };
    let id = clip(&format!("{}/{}", service.namespace, service.name));
    let own = points.services.get(at).map_or(&[][..], Vec::as_slice);
    let guard = own.iter().find_map(|one| written(analysis, one));
    for workload in points.backends.get(at).into_iter().flatten() {
        let workload_at = *workload as usize;
        let Some(workload) = mesh.workloads.get(workload_at) else {
            continue;
        };
        if workload.data_plane != Some(DataPlane::Ambient) {
            continue;
        }
        let at_pod = points
            .workloads
            .get(workload_at)
            .map_or(&[][..], Vec::as_slice);
        let allows = |one: &Attached| {
            let held = points.held.get(one.policy as usize);
            held.and_then(|held| held.ztunnel.as_ref())
                .is_some_and(|policy| policy.effect == Effect::Allow)
        };
        if let Some(guard) = guard
            && !at_pod.iter().any(allows)
            && !has_direct_waypoint(analysis, workload_at)
        {
            let finding = new(
                Severity::Warning,
                code::POD_ADDRESS_OPEN,
                format!(
                    "whoever asks the pods of `{id}` by their own address is not held by `{}`: no ALLOW policy guards the pods",
                    clip(&guard.id())
                ),
            )
            .help("allow the pods' traffic from their waypoint alone: set `autoAllowWaypoint`, or add a policy with a `selector`");
            found.push(placed(finding, guard, guard.at));
            return;
        }
        if !at_pod.iter().any(allows) {
            continue;
        }
        let refused = gateway.service_accounts.iter().all(|account| {
            let identity = Identity::new(&mesh.settings.trust_domain, &gateway.namespace, account);
            let outcome = analysis.evaluate(Layer::Ztunnel, false, at_pod, &anything(&identity));
            outcome.verdict == Verdict::Denied && !gateway.service_accounts.is_empty()
        });
        if let Some(policy) = at_pod.iter().find_map(|one| written(analysis, one))
            && refused
        {
            let finding = new(
                Severity::Error,
                code::WAYPOINT_SHUT_OUT,
                format!(
                    "the pods of `{id}` refuse their own waypoint, so every request to the Service fails: `{}` and what else is attached to them do not allow `{}/{}`",
                    clip(&policy.id()),
                    clip(&gateway.namespace),
                    clip(gateway.service_accounts.first().map_or("", String::as_str))
                ),
            )
            .help("allow the waypoint's service account at the pods, or set `autoAllowWaypoint`");
            found.push(placed(finding, policy, policy.at));
            return;
        }
    }
}

/// Whether requests to the pod's own address go through a waypoint as well.
fn has_direct_waypoint(analysis: &Analysis, workload: usize) -> bool {
    matches!(
        analysis.points.workload_waypoints.get(workload),
        Some(Binding::To(..))
    )
}

/// The AuthorizationPolicy behind an attached one that is surely there.
fn written<'a>(analysis: &'a Analysis, attached: &Attached) -> Option<&'a AuthorizationPolicy> {
    let held = analysis.points.held.get(attached.policy as usize)?;
    match held.origin {
        Origin::Written(at) if attached.doubts == Doubts::NONE => analysis.mesh.policies.get(at),
        _ => None,
    }
}

/// A connection of which only the client is known.
fn anything(identity: &Identity) -> Seen<'_> {
    Seen {
        client: Client::Known(identity),
        source_ip: None,
        remote_ip: None,
        destination_ip: None,
        port: None,
        method: None,
        path: None,
        host: None,
        headers: &[],
        claims: &[],
        sni: "",
        forwarded_unknown: false,
    }
}
