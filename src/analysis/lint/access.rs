//! What requests find: pods that are open past their waypoint, Services that are open through it, and pods that shut it out.

use super::{code, new, placed};
use crate::analysis::decide::{Analysis, Why};
use crate::analysis::matching::{Client, Identity, Seen, Truth, policy_matches};
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
        let identity = |account: &String| {
            Identity::new(&mesh.settings.trust_domain, &gateway.namespace, account)
        };
        let waypoints: Vec<Identity> = gateway.service_accounts.iter().map(identity).collect();
        let all = |verdict: Verdict| {
            let mut each = waypoints.iter().map(|one| {
                let outcome = analysis.evaluate(Layer::Ztunnel, false, at_pod, &anything(one));
                outcome.verdict
            });
            !waypoints.is_empty() && each.all(|one| one == verdict)
        };
        let refused = all(Verdict::Denied);
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
        if let Some(policy) = guard_of_pods(analysis, at_pod, &waypoints)
            && is_open(analysis, own)
            && all(Verdict::Allowed)
        {
            let finding = new(
                Severity::Note,
                code::SERVICE_OPEN,
                format!(
                    "whoever in the mesh asks the Service `{id}` is not held by `{}`: no policy guards it at its waypoint, which the pods let in",
                    clip(&policy.id())
                ),
            )
            .help("add an ALLOW policy with `targetRefs` for the Service; in a charm, one of `kind: app`");
            found.push(placed(finding, policy, policy.at));
            return;
        }
    }
}

/// A written ALLOW policy at pods that says who may come, and means clients: their waypoint is not among them.
fn guard_of_pods<'a>(
    analysis: &'a Analysis,
    at_pod: &[Attached],
    waypoints: &[Identity],
) -> Option<&'a AuthorizationPolicy> {
    at_pod.iter().find_map(|one| {
        let held = analysis.points.held.get(one.policy as usize)?;
        let policy = held.ztunnel.as_ref()?;
        let misses = |one: &Identity| policy_matches(policy, &anything(one)).0 == Truth::No;
        let guards = policy.effect == Effect::Allow && !policy.rules.is_empty();
        (guards && waypoints.iter().all(misses)).then(|| written(analysis, one))?
    })
}

/// Whether a waypoint lets anyone with an identity through, whatever is asked, because no ALLOW policy is attached.
fn is_open(analysis: &Analysis, own: &[Attached]) -> bool {
    // Of a namespace that no object can have.
    let nobody = Identity::new(&analysis.mesh.settings.trust_domain, "", "");
    let outcome = analysis.evaluate(Layer::Waypoint, false, own, &anything(&nobody));
    outcome.verdict == Verdict::Allowed && outcome.why == Why::NothingAttached
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
