//! Which kinds of objects are read, and which are written so that nobody would read them.

use crate::diagnostic::clip;
use crate::names::one_edit_apart;

/// The kinds that are read, with their groups and the versions that API servers have or had.
const READ: [(&str, &str, &[&str]); 23] = [
    ("", "Namespace", CORE),
    ("", "Pod", CORE),
    ("", "Service", CORE),
    ("", "ServiceAccount", CORE),
    ("", "ConfigMap", CORE),
    ("apps", "Deployment", APPS),
    ("apps", "StatefulSet", APPS),
    ("apps", "DaemonSet", APPS),
    ("apps", "ReplicaSet", APPS),
    ("batch", "Job", BATCH),
    ("batch", "CronJob", BATCH),
    ("", "ReplicationController", CORE),
    ("apps.openshift.io", "DeploymentConfig", ANY),
    ("argoproj.io", "Rollout", ANY),
    ("apps.kruise.io", "CloneSet", ANY),
    ("apps.kruise.io", "StatefulSet", ANY),
    ("apps.kruise.io", "DaemonSet", ANY),
    ("gateway.networking.k8s.io", "Gateway", GATEWAY),
    ("gateway.networking.k8s.io", "GatewayClass", GATEWAY),
    ("networking.istio.io", "Gateway", NETWORKING),
    ("networking.istio.io", "ServiceEntry", NETWORKING),
    ("security.istio.io", "AuthorizationPolicy", SECURITY),
    ("security.istio.io", "PeerAuthentication", SECURITY),
];
const CORE: &[&str] = &["v1"];
const APPS: &[&str] = &["v1", "v1beta2", "v1beta1"];
const BATCH: &[&str] = &["v1", "v1beta1", "v2alpha1"];
const GATEWAY: &[&str] = &["v1", "v1beta1", "v1alpha2", "v1alpha1"];
const NETWORKING: &[&str] = &["v1", "v1beta1", "v1alpha3"];
/// Whatever others serve.
const ANY: &[&str] = &[];
const SECURITY: &[&str] = &["v1", "v1beta1"];

/// What an object's `apiVersion` and `kind` say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// It is read.
    Read,
    /// It is of another kind.
    Other,
    /// An API server knows no such kind: what is wrong, and what to write.
    Unknown(String, String),
}

/// The group of an `apiVersion`, and its version.
pub(super) fn split(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// Judges an object by its `apiVersion` and `kind`.
pub(super) fn judge(api_version: Option<&str>, kind: &str) -> Judged {
    let api_version = api_version.unwrap_or_default();
    let (group, version) = split(api_version);
    let is_read = READ.iter().any(|(known, name, versions)| {
        (*known, *name) == (group, kind) && (versions.is_empty() || versions.contains(&version))
    });
    if is_read {
        return Judged::Read;
    }
    // Only of these is it known what there is beside.
    let ours = || READ.iter().filter(|(_, _, versions)| !versions.is_empty());
    let of_group = |name: &str| ours().any(|(group, _, _)| *group == name);
    let meant = ours().find(|(known, name, versions)| {
        let same_kind = *name == kind;
        if *known == group {
            // A version that nobody serves, or a kind that is nearly one of this group.
            return if same_kind {
                !versions.contains(&version)
            } else {
                one_edit_apart(kind, name)
            };
        }
        // Istio has a Gateway of its own.
        let elsewhere = of_group(group) && kind != "Gateway";
        same_kind && (elsewhere || one_edit_apart(group, known))
    });
    match meant {
        Some((group, name, versions)) => {
            let text = if version.is_empty() {
                format!("this {name} has no `apiVersion`")
            } else {
                let (kind, version) = (clip(kind), clip(api_version));
                format!("Kubernetes knows no kind `{kind}` in `{version}`")
            };
            let slash = if group.is_empty() { "" } else { "/" };
            let version = versions.first().copied().unwrap_or_default();
            let help = format!("write `apiVersion: {group}{slash}{version}` and `kind: {name}`");
            Judged::Unknown(text, help)
        }
        None => Judged::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_nobody_would_read() {
        for (version, kind) in [
            ("v1", "Service"),
            ("apps/v1", "Deployment"),
            ("security.istio.io/v1beta1", "AuthorizationPolicy"),
            ("networking.istio.io/v1alpha3", "ServiceEntry"),
            ("gateway.networking.k8s.io/v1", "Gateway"),
            ("networking.istio.io/v1", "Gateway"),
            ("apps.kruise.io/v9", "StatefulSet"),
        ] {
            assert_eq!(judge(Some(version), kind), Judged::Read, "{version} {kind}");
        }
        for (version, kind) in [
            ("apps.kruise.io/v1alpha1", "BroadcastJob"),
            ("argoproj.io/v1alpha1", "Workflow"),
            ("networking.istio.io/v1", "VirtualService"),
            ("security.istio.io/v1", "RequestAuthentication"),
            ("policy.linkerd.io/v1alpha1", "AuthorizationPolicy"),
            ("serving.knative.dev/v1", "Service"),
            ("networking.k8s.io/v1", "NetworkPolicy"),
            ("extensions/v1beta1", "Deployment"),
            ("v1", "Secret"),
            ("", "Kustomization"),
        ] {
            assert_eq!(
                judge(Some(version), kind),
                Judged::Other,
                "{version} {kind}"
            );
        }
        for (version, kind) in [
            ("", "AuthorizationPolicy"),
            ("v1", "AuthorizationPolicy"),
            ("security.istio.io", "AuthorizationPolicy"),
            ("security.istio.io/v9", "AuthorizationPolicy"),
            ("security.istio.oi/v1", "AuthorizationPolicy"),
            ("security.istio.io/v1", "authorizationpolicy"),
            ("security.istio.io/v1", "AuthorisationPolicy"),
            ("v2", "Service"),
            ("apps/v1", "Pod"),
            ("v1", "service"),
        ] {
            let judged = judge(Some(version), kind);
            assert!(matches!(judged, Judged::Unknown(..)), "{version} {kind}");
        }
        assert!(matches!(judge(None, "Pod"), Judged::Unknown(..)));
    }
}
