//! Who enforces a policy, and what is left of it there.

use super::{Linter, Planes, code, known, name};
use crate::analysis::points::Binding;
use crate::analysis::rules::{self, Effect};
use crate::istio::policy::{Action, TargetRef};
use crate::juju::charm::clip;
use crate::mesh::{DataPlane, Gateway, WAYPOINT_CLASS};
use crate::text::Position;

impl Linter<'_> {
    /// Looks at each enforcement point of the policy, which stands at `at` in the mesh.
    pub(super) fn enforcement(&mut self, at: usize) {
        let policy = self.policy;
        let targets = policy.targets();
        if policy.is_dry_run() || policy.action == Action::Audit {
            // It enforces nothing, and is part of Envoy's configuration all the same.
            if !targets.is_empty() || self.planes().sidecar {
                self.loadable(at);
            }
            return;
        }
        if targets.is_empty() {
            self.at_pods(at);
        }
        for target in targets {
            self.at_target(target);
        }
        if !targets.is_empty() {
            self.at_envoy(at);
        }
    }

    fn at_pods(&mut self, at: usize) {
        let policy = self.policy;
        // `matchLabels: {}` selects the whole namespace in every data plane.
        if policy.selector.as_ref().is_some_and(Vec::is_empty) && !policy.empty_match_labels {
            self.warn(
                code::EMPTY_SELECTOR,
                policy.selector_at,
                format!(
                    "the selector of `{}` has no labels: in ambient mode it selects nothing, with sidecars the whole namespace",
                    name(policy)
                ),
                "leave the selector out, or give it labels",
            );
            return;
        }
        let planes = self.planes();
        if planes.sidecar {
            self.at_envoy(at);
        }
        let held = self.analysis.points.held.get(at);
        let converted = held.and_then(|held| held.ztunnel.as_ref());
        if planes.ambient {
            match converted {
                Some(converted) => self.at_ztunnel(converted),
                None => self.error(
                    code::ACTION_NOT_ENFORCED,
                    policy.action_at,
                    format!(
                        "ztunnel does not enforce {}: `{}` does nothing",
                        policy.action.name(),
                        name(policy)
                    ),
                    "attach it by `targetRefs` to a Service with a waypoint",
                ),
            }
        } else if !planes.sidecar && (planes.unknown || !planes.any) {
            let lossy = converted.is_none_or(|converted| {
                !converted.dropped.is_empty()
                    || converted.rules.iter().any(|rule| !rule.ignored.is_empty())
            });
            if lossy {
                self.note(
                    code::CANNOT_VERIFY,
                    policy.selector_at,
                    format!(
                        "cannot verify who enforces `{}`: ztunnel sees no methods, paths, hosts or headers, a sidecar does",
                        name(policy)
                    ),
                    "give the namespaces and workloads as manifests, or `dataPlane` in the settings",
                );
            }
        }
    }

    /// Who carries the traffic of the pods that the policy selects.
    fn planes(&self) -> Planes {
        let points = &self.analysis.points;
        Planes::of(self.pods().map(|(at, one)| match points.as_ingress(at) {
            // Its Envoy is there as a sidecar is.
            Some(_) => Some(DataPlane::Sidecar),
            None => one.data_plane,
        }))
    }

    /// Whether nothing but ingress gateways enforces the policy, as far as is known, and one does.
    pub(super) fn only_at_ingress(&self) -> bool {
        let points = &self.analysis.points;
        let targets = self.policy.targets();
        if targets.is_empty() {
            let mut pods = self.pods().peekable();
            return pods.peek().is_some() && pods.all(|(at, _)| points.as_ingress(at).is_some());
        }
        let gateway = |target: &TargetRef| {
            let at = points.gateway(&self.policy.namespace, &target.name)?;
            self.mesh()
                .gateways
                .get(at)
                .filter(|_| target.kind == "Gateway")
        };
        targets
            .iter()
            .all(|one| gateway(one).is_some_and(Gateway::is_ingress))
    }

    fn rule_at(&self, index: usize) -> Position {
        let rule = self.policy.rules.get(index);
        rule.map_or(self.policy.at, |rule| rule.at)
    }

    fn at_ztunnel(&mut self, converted: &rules::Policy) {
        let policy = self.policy;
        let help = "attach the policy by `targetRefs` to a Service with a waypoint, or restrict ports and identities only";
        match converted.effect {
            Effect::Allow => {
                let nothing_left = converted.rules.iter().all(rules::Rule::is_never);
                if nothing_left && !policy.rules.is_empty() {
                    let why = converted.dropped.first().map_or_else(
                        || "its rules match nothing there".to_owned(),
                        |dropped| dropped.why.clone(),
                    );
                    self.error(
                        code::ALLOW_DENIES_ALL,
                        policy.rules.first().map_or(policy.at, |rule| rule.at),
                        format!(
                            "`{}` allows nothing and so denies everything at ztunnel: {why}",
                            name(policy)
                        ),
                        help,
                    );
                    return;
                }
                for dropped in &converted.dropped {
                    self.warn(
                        code::RULE_DROPPED,
                        self.rule_at(dropped.index),
                        format!(
                            "ztunnel has not got this rule of `{}`: {}",
                            name(policy),
                            dropped.why
                        ),
                        help,
                    );
                }
                for rule in converted.rules.iter().filter(|rule| rule.is_never()) {
                    self.warn(
                        code::NEVER_MATCHES,
                        self.rule_at(rule.index),
                        format!(
                            "this rule of `{}` never matches at ztunnel: an entry is left empty",
                            name(policy)
                        ),
                        help,
                    );
                }
            }
            Effect::Deny => {
                for rule in &converted.rules {
                    let at = self.rule_at(rule.index);
                    let fields: Vec<String> =
                        rule.ignored.iter().map(|f| format!("`{f}`")).collect();
                    let fields = fields.join(", ");
                    if rule.is_never() {
                        self.error(
                            code::DENY_NEVER_FIRES,
                            at,
                            format!("this rule of `{}` never denies anything at ztunnel, which cannot see {fields}", name(policy)),
                            help,
                        );
                    } else if !rule.ignored.is_empty() {
                        self.warn(
                            code::DENY_WIDER,
                            at,
                            format!("ztunnel cannot see {fields}: this rule of `{}` denies without regard to it", name(policy)),
                            help,
                        );
                    }
                }
            }
            Effect::Custom => {}
        }
    }

    fn at_envoy(&mut self, at: usize) {
        self.loadable(at);
        let held = self.analysis.points.held.get(at);
        let converted = held.and_then(|held| held.http.as_ref());
        for dropped in converted.iter().flat_map(|converted| &converted.dropped) {
            self.warn(
                code::RULE_DROPPED,
                self.rule_at(dropped.index),
                format!(
                    "istiod leaves this rule of `{}` out: {}",
                    name(self.policy),
                    dropped.why
                ),
                "correct the value; until then the rule allows nothing",
            );
        }
    }

    /// Whether Envoy takes the configuration that the policy becomes.
    fn loadable(&mut self, at: usize) {
        let held = self.analysis.points.held.get(at);
        let Some(why) = held.and_then(|held| held.unloadable.as_ref()) else {
            return;
        };
        self.error(
            code::ENVOY_REFUSES,
            self.rule_at(0),
            format!(
                "Istio accepts `{}` and Envoy does not, so the proxy keeps the configuration that it had: {why}",
                name(self.policy)
            ),
            "write a template that Envoy takes: operators are whole segments between `/`, with text beside them",
        );
    }

    fn at_target(&mut self, target: &TargetRef) {
        match target.kind.as_str() {
            "Service" | "ServiceEntry" => self.at_service(target),
            "Gateway" => self.at_gateway(target),
            "GatewayClass" => {
                let root = self.mesh().settings.root_namespace.clone();
                if self.policy.namespace == root || target.name != WAYPOINT_CLASS {
                    return;
                }
                let message = format!(
                    "nobody enforces `{}`: a policy on the class of waypoints counts only in the root namespace, `{}`",
                    name(self.policy),
                    clip(&root)
                );
                if self.mesh().settings.given.contains(&"rootNamespace") {
                    self.error(
                        code::NOT_ENFORCED,
                        target.at,
                        message,
                        "move it to the root namespace",
                    );
                } else {
                    self.note(
                        code::CANNOT_VERIFY,
                        target.at,
                        format!("cannot verify that `{}` is in the root namespace, where alone it counts", name(self.policy)),
                        "give `rootNamespace` in the settings",
                    );
                }
            }
            _ => {}
        }
    }

    fn at_service(&mut self, target: &TargetRef) {
        let namespace = self.policy.namespace.as_str();
        let mesh = self.mesh();
        let Some(at) = self
            .analysis
            .points
            .service(namespace, &target.name)
            .filter(|at| {
                mesh.services
                    .get(*at)
                    .is_some_and(|one| known::kind(one) == target.kind)
            })
        else {
            let known = self.known.has_services(namespace, &target.kind);
            self.missing(target, known);
            return;
        };
        let planes = Planes::of(
            self.analysis
                .points
                .backends
                .get(at)
                .into_iter()
                .flatten()
                .filter_map(|workload| mesh.workloads.get(*workload as usize))
                .map(|workload| workload.data_plane),
        );
        if planes.sidecar && !planes.ambient && !planes.unknown {
            self.error(
                code::NOT_ENFORCED,
                target.at,
                format!("nobody enforces `{}`: the pods of `{}` have sidecars, which know no `targetRefs` to a Service", name(self.policy), clip(&target.name)),
                "select the pods by `selector`",
            );
            return;
        }
        let none = "label the Service or its namespace with `istio.io/use-waypoint`, or select the pods by `selector`";
        let points = &self.analysis.points;
        let (why, help) = match points.service_waypoints.get(at) {
            Some(Binding::None) => ("the Service uses no waypoint", none),
            Some(Binding::Unusable(why, help)) => (why.as_str(), *help),
            _ => return,
        };
        let has_gateways = |space: &str| self.known.has_gateways(space);
        if let Some(unsaid) = points.unsaid_waypoint(mesh, at, has_gateways) {
            self.note(
                code::CANNOT_VERIFY,
                target.at,
                format!(
                    "cannot verify that `{}` uses a waypoint, which alone enforces `{}`: {unsaid}",
                    clip(&target.name),
                    name(self.policy)
                ),
                "give its manifest as well",
            );
            return;
        }
        self.error(
            code::NOT_ENFORCED,
            target.at,
            format!(
                "nobody enforces `{}` for `{}`: {why}",
                name(self.policy),
                clip(&target.name)
            ),
            help,
        );
    }

    fn at_gateway(&mut self, target: &TargetRef) {
        let namespace = self.policy.namespace.as_str();
        let points = &self.analysis.points;
        if points.gateway(namespace, &target.name).is_some() {
            return;
        }
        let other = self.known.gateway(&target.name);
        if let Some(other) = other.and_then(|at| self.mesh().gateways.get(at)) {
            self.error(
                code::NOT_ENFORCED,
                target.at,
                format!(
                    "nobody enforces `{}`: the Gateway `{}` is in `{}`, and a reference counts only in the same namespace",
                    name(self.policy),
                    clip(&target.name),
                    clip(&other.namespace)
                ),
                "move the policy into the Gateway's namespace",
            );
            return;
        }
        self.missing(target, self.known.has_gateways(namespace));
    }

    /// A target that the input does not have. `known`: it has others of the kind in the namespace.
    fn missing(&mut self, target: &TargetRef, known: bool) {
        let namespace = clip(&self.policy.namespace);
        let (kind, target_name) = (clip(&target.kind), clip(&target.name));
        if known {
            self.warn(
                code::TARGET_NOT_FOUND,
                target.at,
                format!("there is no {kind} `{target_name}` in `{namespace}`"),
                "correct the name; a policy without target does nothing",
            );
        } else {
            self.note(
                code::CANNOT_VERIFY,
                target.at,
                format!("cannot verify that `{namespace}` has a {kind} `{target_name}`: the input has none of its kind there"),
                "give the namespace's objects as well",
            );
        }
    }
}
