//! Names that policies use and that are not there.

use super::{Linter, code, name};
use crate::istio::policy::{Attribute, List, Text};
use crate::juju::charm::clip;

use crate::mesh::{Labels, TargetPort};
use crate::names::{is_dns_label, is_dns_subdomain};

/// The label that Juju gives to every pod of an application.
const NAME_LABEL: &str = "app.kubernetes.io/name";

impl Linter<'_> {
    /// Looks up what the policy names.
    pub(super) fn names(&mut self) {
        self.selected();
        for rule in &self.policy.rules {
            for list in rule
                .from
                .iter()
                .chain(&rule.to)
                .flat_map(|one| one.lists.iter().flatten())
            {
                for value in &list.values {
                    match list.attribute {
                        Attribute::Namespaces => self.namespace_is_there(&value.text, value),
                        Attribute::Principals => self.account_of_principal(value),
                        Attribute::ServiceAccounts => {
                            let own = self.policy.namespace.clone();
                            let (space, account) =
                                value.text.split_once('/').unwrap_or((&own, &value.text));
                            self.account(space, account, value);
                        }
                        Attribute::Hosts => self.host_is_there(value),
                        Attribute::Ports => self.port(value),
                        _ => {}
                    }
                }
            }
            for condition in &rule.when {
                for value in condition.values.iter().chain(&condition.not_values) {
                    match condition.key.text.as_str() {
                        "source.namespace" => self.namespace_is_there(&value.text, value),
                        "source.principal" => self.account_of_principal(value),
                        _ => {}
                    }
                }
            }
            self.mutual_tls(rule.from.iter().flat_map(|one| one.lists.iter().flatten()));
        }
    }

    /// Pods that the policy selects.
    fn selected(&mut self) {
        let policy = self.policy;
        let Some(labels) = policy.selector.as_ref().filter(|labels| !labels.is_empty()) else {
            return;
        };
        if !self.known.has_workloads(self.mesh(), policy) {
            // Nothing is said of this namespace's workloads.
            self.note(
                code::CANNOT_VERIFY,
                policy.selector_at,
                format!("cannot verify that a pod of `{}` has the labels of the selector: the input has no workload there", clip(&policy.namespace)),
                "give the workloads' manifests as well",
            );
            return;
        }
        if !self.pods.is_empty() {
            return;
        }
        // A charm may give its pods labels while it runs; only the application's name is sure.
        if policy.declared.is_some() && labels.iter().any(|(key, _)| key != NAME_LABEL) {
            self.note(
                code::CANNOT_VERIFY,
                policy.selector_at,
                format!("cannot verify that a pod of `{}` has the labels {}: charms give their pods labels while they run", clip(&policy.namespace), display(labels)),
                "give the pods' manifests as well, or read the live cluster",
            );
        } else {
            self.warn(
                code::NO_WORKLOAD,
                policy.selector_at,
                format!(
                    "no workload of `{}` has the labels {}",
                    clip(&policy.namespace),
                    display(labels)
                ),
                "correct the labels; a policy that selects no pod does nothing",
            );
        }
    }

    fn namespace_is_there(&mut self, namespace: &str, value: &Text) {
        let fits =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-*/".contains(&byte);
        if !namespace.bytes().all(fits) {
            self.warn(
                code::UNKNOWN_NAMESPACE,
                value.at,
                format!("no namespace has a name like `{}`", clip(namespace)),
                "correct the name: it has lower-case letters, digits and hyphens",
            );
            return;
        }
        if namespace.contains(['*', '/']) || self.known.has_namespace(namespace) {
            return;
        }
        // Only input that describes namespaces can lack one.
        if self.mesh().namespaces.is_empty() {
            return;
        }
        self.warn(
            code::UNKNOWN_NAMESPACE,
            value.at,
            format!("the input has no namespace `{}`", clip(namespace)),
            "correct the name, or give the namespace's manifest as well",
        );
    }

    fn account_of_principal(&mut self, value: &Text) {
        let parts: Vec<&str> = value.text.split('/').collect();
        if let [_, "ns", space, "sa", account] = parts.as_slice()
            && !value.text.contains('*')
        {
            self.account(space, account, value);
        }
    }

    fn account(&mut self, namespace: &str, account: &str, value: &Text) {
        if !is_dns_label(namespace) || !is_dns_subdomain(account) {
            self.warn(
                code::UNKNOWN_SERVICE_ACCOUNT,
                value.at,
                format!(
                    "`{}` of `{}` is no service account that can be",
                    clip(account),
                    clip(namespace)
                ),
                "correct the name: it has lower-case letters, digits, hyphens and dots",
            );
            return;
        }
        if !self.known.lacks_account(namespace, account) {
            return;
        }
        self.warn(
            code::UNKNOWN_SERVICE_ACCOUNT,
            value.at,
            format!(
                "no workload of `{}` runs as `{}`",
                clip(namespace),
                clip(account)
            ),
            "correct the name; a Juju application's service account has the application's name",
        );
    }

    /// Hosts that read like a Service of the cluster.
    fn host_is_there(&mut self, value: &Text) {
        let text = value.text.split(':').next().unwrap_or_default();
        if text.contains('*') {
            return;
        }
        let parts: Vec<&str> = text.split('.').collect();
        let (service, namespace) = match parts.as_slice() {
            [service, namespace, "svc"] => (*service, *namespace),
            [service, namespace, "svc", "cluster", "local"] => (*service, *namespace),
            _ => return,
        };
        let has_services = self.known.has_services(namespace, "Service");
        if has_services && self.analysis.points.service(namespace, service).is_none() {
            self.warn(
                code::UNKNOWN_HOST,
                value.at,
                format!(
                    "`{}` names no Service: `{}` has none called `{}`",
                    clip(text),
                    clip(namespace),
                    clip(service)
                ),
                "correct the name",
            );
        }
    }

    /// A waypoint sees the Service's port, a pod its own.
    fn port(&mut self, value: &Text) {
        let Ok(port) = value.text.parse::<u16>() else {
            return;
        };
        let mesh = self.mesh();
        let policy = self.policy;
        if port == 0 {
            return;
        }
        if policy.targets().is_empty() {
            // Of a policy for whole namespaces nothing is said.
            if policy.selector.is_some() {
                self.pod_port(port, value);
            }
            return;
        }
        for target in policy
            .targets()
            .iter()
            .filter(|target| target.kind == "Service")
        {
            let service = self
                .analysis
                .points
                .service(&policy.namespace, &target.name);
            let ports = service.and_then(|at| mesh.services.get(at)?.ports.as_ref());
            if let Some(ports) = ports
                && !ports.iter().any(|one| one.port == port)
            {
                let listed: Vec<String> = ports.iter().map(|one| one.port.to_string()).collect();
                self.warn(
                    code::UNKNOWN_PORT,
                    value.at,
                    format!(
                        "the Service `{}` has no port `{port}`: it has {}",
                        clip(&target.name),
                        listed.join(", ")
                    ),
                    "a waypoint sees the Service's port, not the pod's: write that",
                );
            }
        }
    }

    /// A port that leads into the pods by another number.
    fn pod_port(&mut self, port: u16, value: &Text) {
        let (mesh, points) = (self.mesh(), &self.analysis.points);
        // Of the last Service: its place, its name, and where the port leads.
        let mut leads_elsewhere: Option<(usize, &str, u16)> = None;
        let mut listens = false;
        for (at, pod) in self.pods() {
            // A policy of the root namespace is for others too, whose Services are not looked at.
            if pod.namespace != self.policy.namespace {
                continue;
            }
            listens |= pod.ports.iter().any(|(_, own)| *own == port);
            for (service_at, service) in points.before(mesh, at) {
                for one in service.ports.iter().flatten() {
                    let target = match &one.target {
                        TargetPort::Number(number) => Some(*number),
                        TargetPort::Name(name) => pod
                            .ports
                            .iter()
                            .find(|(own, _)| own == name)
                            .map(|(_, port)| *port),
                    };
                    match target {
                        // Some way leads to the port, or could.
                        Some(target) if target == port => return,
                        None => return,
                        Some(target) if one.port == port => {
                            if leads_elsewhere.is_none_or(|(last, ..)| last <= service_at) {
                                leads_elsewhere = Some((service_at, &service.name, target));
                            }
                        }
                        Some(_) => {}
                    }
                }
            }
        }
        if let Some((_, service, target)) = leads_elsewhere
            && !listens
        {
            self.warn(
                code::UNKNOWN_PORT,
                value.at,
                format!(
                    "`{port}` is the port of the Service `{}`; its pods listen on `{target}`",
                    clip(service)
                ),
                &format!("at the pod its own port counts: write `{target}`"),
            );
        }
    }

    /// Identities need mutual TLS.
    fn mutual_tls<'l>(&mut self, lists: impl Iterator<Item = &'l List>) {
        let policy = self.policy;
        let off = self.known.plain(&policy.namespace);
        let Some(off) = off.and_then(|at| self.mesh().peer_authentications.get(at)) else {
            return;
        };
        let mut needing = lists.filter(|list| {
            matches!(
                list.attribute,
                Attribute::Principals | Attribute::Namespaces | Attribute::ServiceAccounts
            )
        });
        if let Some(list) = needing.next() {
            self.warn(
                code::NEEDS_MTLS,
                list.at,
                format!(
                    "`{}` of `{}` needs mutual TLS, which the PeerAuthentication `{}` switches off",
                    list.attribute.key(list.negated),
                    name(policy),
                    clip(&off.name)
                ),
                "clients with sidecars have no identity there: set its mode to PERMISSIVE or STRICT",
            );
        }
    }
}

fn display(labels: &Labels) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("`{}`", clip(&format!("{key}={value}"))))
        .collect();
    pairs.join(", ")
}
