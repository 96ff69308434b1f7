//! Pods and Services that policies are for and that the input does not describe.
//!
//! A policy that applies to nothing known still means something: for a pod with its selector's labels,
//! for a Service of its name behind a waypoint. Such objects are put beside those of the input, the same
//! on both sides, and compared like any others. Where several policies of a namespace have selectors,
//! every set of labels that some of them can have together is a pod of its own.

use super::NotCompared;
use crate::analysis::decide::Analysis;
use crate::analysis::points::{Binding, Origin};
use crate::analysis::request::Target;
use crate::analysis::symbolic::witness::ToJson;
use crate::compile::Source;
use crate::istio::fingerprint::fingerprint;
use crate::istio::policy::{Action, AuthorizationPolicy};
use crate::map::{Index, Map};
use crate::mesh::manifests::{GATEWAY_NAME, read_manifests};
use crate::mesh::{DataPlane, Gateway, Labels, Mesh, Settings, finish, label, selects};
use crate::text::to_json;
use serde::{Serialize, Serializer};

/// No more pods than this are made up for one namespace.
const MAX_SETS: usize = 64;
/// No more pods and Services than this are made up at all.
const MAX_LIKES: usize = 400;
const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";
/// What the pods of an ingress gateway have, so that none of a mesh's proxies is before theirs.
const OUTSIDE: (&str, &str) = ("istio.io/dataplane-mode", "none");
/// A label that no selector asks for.
const NOBODYS_LABEL: (&str, &str) = ("mesh-policy/pod", "other");
/// Stands for the namespaces that nothing mentions.
const ANY_NAMESPACE: &str = "any-other-namespace";

/// A Kubernetes object, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// A text.
    Text(String),
    /// A number.
    Number(u16),
    /// A list.
    List(Vec<Object>),
    /// A mapping.
    Map(Vec<(String, Object)>),
}

/// A pod or a Service like those that policies are for.
#[derive(Debug)]
pub(super) struct Like {
    /// What it is in the meshes that [`with`] makes.
    pub(super) target: Target,
    /// What it is called in a sentence.
    pub(super) text: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// With these labels; of a gateway that the input does not have.
    Pod(Labels, Option<String>),
    /// Behind the waypoint of a name; whether the input does not have that.
    Service { waypoint: String, made: bool },
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Object::Text(text) => serializer.serialize_str(text),
            Object::Number(number) => serializer.serialize_u16(*number),
            Object::List(list) => serializer.collect_seq(list),
            Object::Map(map) => serializer.collect_map(map.iter().map(|(key, value)| (key, value))),
        }
    }
}

impl Object {
    fn text(text: &str) -> Object {
        Object::Text(text.to_owned())
    }

    fn map<const N: usize>(members: [(&str, Object); N]) -> Object {
        let members = members.into_iter();
        Object::Map(
            members
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    }

    fn labels(labels: &[(String, String)]) -> Object {
        let members = labels.iter();
        let members = members.map(|(key, value)| (key.clone(), Object::text(value)));
        Object::Map(members.collect())
    }

    fn of(version: &str, kind: &str, id: (&str, &str), labels: Object, spec: Object) -> Object {
        Object::map([
            ("apiVersion", Object::text(version)),
            ("kind", Object::text(kind)),
            (
                "metadata",
                Object::map([
                    ("namespace", Object::text(id.0)),
                    ("name", Object::text(id.1)),
                    ("labels", labels),
                ]),
            ),
            ("spec", spec),
        ])
    }
}

impl Like {
    /// The objects that a mesh needs to have it. A Service has one port, which its clients ask for.
    pub(super) fn objects(&self, port: Option<u16>) -> Vec<Object> {
        let (Target::Service { namespace, name } | Target::Pod { namespace, name }) = &self.target;
        let empty = || Object::Map(Vec::new());
        let (waypoint, made) = match &self.kind {
            Kind::Pod(labels, gateway) => {
                let labels = Object::labels(labels);
                let mut found = vec![Object::of("v1", "Pod", (namespace, name), labels, empty())];
                found.extend(gateway.iter().map(|gateway| ingress(namespace, gateway)));
                return found;
            }
            Kind::Service { waypoint, made } => (waypoint, *made),
        };
        // Behind it is a pod that enforces nothing, so that the waypoint alone answers.
        let owner = Object::map([(NOBODYS_LABEL.0, Object::text(name))]);
        let outside = Object::map([
            (NOBODYS_LABEL.0, Object::text(name)),
            (OUTSIDE.0, Object::text(OUTSIDE.1)),
        ]);
        let port = Object::map([
            ("name", Object::text("http")),
            ("port", Object::Number(port.unwrap_or(80))),
        ]);
        let spec = Object::map([("selector", owner), ("ports", Object::List(vec![port]))]);
        let label = Object::map([("istio.io/use-waypoint", Object::text(waypoint))]);
        let mut found = vec![
            Object::of("v1", "Service", (namespace, name), label, spec),
            Object::of("v1", "Pod", (namespace, name), outside, empty()),
        ];
        if made {
            let class = Object::text(crate::mesh::WAYPOINT_CLASS);
            let spec = Object::map([("gatewayClassName", class)]);
            let id = (namespace.as_str(), waypoint.as_str());
            let mut gateway = Object::of(GATEWAY_API, "Gateway", id, empty(), spec);
            if let Object::Map(members) = &mut gateway {
                let address = Object::map([("value", Object::text("10.255.255.254"))]);
                let status = Object::map([("addresses", Object::List(vec![address]))]);
                members.push(("status".to_owned(), status));
            }
            found.push(gateway);
        }
        found
    }
}

/// An ingress gateway that listens for HTTP.
fn ingress(namespace: &str, name: &str) -> Object {
    let listener = Object::map([
        ("name", Object::text("http")),
        ("port", Object::Number(80)),
        ("protocol", Object::text("HTTP")),
    ]);
    let spec = Object::map([
        ("gatewayClassName", Object::text("istio")),
        ("listeners", Object::List(vec![listener])),
    ]);
    let labels = Object::Map(Vec::new());
    Object::of(GATEWAY_API, "Gateway", (namespace, name), labels, spec)
}

/// A mesh with objects beside its own.
pub(super) fn with(mesh: &Mesh, likes: &[Like]) -> Mesh {
    let mut mesh = mesh.clone();
    let described = mesh.services.len();
    let items: Vec<Object> = likes.iter().flat_map(|like| like.objects(None)).collect();
    let list = Object::map([
        ("apiVersion", Object::text("v1")),
        ("kind", Object::text("List")),
        ("items", Object::List(items)),
    ]);
    let text = to_json(&list).unwrap_or_default();
    let source = Source::new("", &text);
    read_manifests(&mut mesh, &[source], &mut Vec::new());
    finish(&mut mesh);
    for service in mesh.services.iter_mut().skip(described) {
        // Whatever port is asked for.
        service.ports = None;
    }
    mesh
}

/// What policies that differ and apply to nothing known are for; and what there is no room for.
pub(super) fn likes(old: &Analysis, new: &Analysis) -> (Vec<Like>, Vec<NotCompared>) {
    let mut finder = Finder {
        old,
        new,
        likes: Vec::new(),
        seen: Vec::new(),
        left_out: Vec::new(),
    };
    let changed = changed_nowhere(old, new);
    for policy in &changed {
        if policy.targets().is_empty() {
            continue;
        }
        for target in policy.targets() {
            finder.behind_waypoint(&policy.namespace, &target.kind, &target.name);
        }
    }
    let selecting: Vec<&AuthorizationPolicy> = changed
        .into_iter()
        .filter(|policy| policy.targets().is_empty())
        .collect();
    finder.pods(&selecting);
    (finder.likes, finder.left_out)
}

struct Finder<'a> {
    old: &'a Analysis,
    new: &'a Analysis,
    likes: Vec<Like>,
    /// Targets of policies that were met.
    seen: Vec<(String, String, String)>,
    left_out: Vec<NotCompared>,
}

impl<'a> Finder<'a> {
    fn meshes(&self) -> [&'a Mesh; 2] {
        [&self.old.mesh, &self.new.mesh]
    }

    fn behind_waypoint(&mut self, namespace: &str, kind: &str, name: &str) {
        let key = (namespace.to_owned(), kind.to_owned(), name.to_owned());
        if self.seen.contains(&key) {
            return;
        }
        self.seen.push(key);
        let meshes = self.meshes();
        let gateway = || {
            let mut all = meshes.iter().flat_map(|mesh| &mesh.gateways);
            all.find(|one| one.namespace == namespace && one.name == name)
        };
        let has_service = |name: &str| {
            let mut all = meshes.iter().flat_map(|mesh| &mesh.services);
            all.any(|one| one.namespace == namespace && one.name == name)
        };
        // A name that is made up is not that of something else, which policies may be for.
        let is_meant = |kind: &str, name: &str| {
            let mut all = meshes.iter().flat_map(|mesh| &mesh.policies);
            all.any(|policy| {
                let mut targets = policy.targets().iter();
                policy.namespace == namespace
                    && targets.any(|one| one.kind == kind && one.name == name)
            })
        };
        let is_made = |name: &str| {
            let mut all = self.likes.iter().map(|like| &like.target);
            all.any(|target| matches!(target, Target::Service { namespace: n, name: m } if n == namespace && m == name))
        };
        let gateway_taken = |name: &str| {
            let mut all = meshes.iter().flat_map(|mesh| &mesh.gateways);
            all.any(|one| one.namespace == namespace && one.name == name)
                || is_meant("Gateway", name)
        };
        let service_taken =
            |name: &str| has_service(name) || is_made(name) || is_meant("Service", name);
        let made = self.likes.len().max(1);
        let fresh = |wish: &str, taken: &dyn Fn(&str) -> bool| {
            let mut found = wish.to_owned();
            let mut number = made;
            while taken(&found) {
                found = format!("{wish}-{number}");
                number += 1;
            }
            found
        };
        let id = format!("{namespace}/{name}");
        let (service, waypoint, made, text) = match kind {
            // A Service that is described and has no waypoint: the policy is not applied.
            "Service" if has_service(name) => return,
            "Service" => (
                name.to_owned(),
                fresh("waypoint", &gateway_taken),
                true,
                format!("service {id}"),
            ),
            "Gateway" if gateway().is_some_and(Gateway::is_ingress) => {
                let labels = [(GATEWAY_NAME, name), OUTSIDE];
                let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
                let target = Target::Pod {
                    namespace: namespace.to_owned(),
                    name: self.unused_pod(namespace, name),
                };
                let kind = Kind::Pod(labels.into(), None);
                self.push(target, format!("gateway {id}"), kind);
                return;
            }
            "Gateway" if gateway().is_some_and(|one| !one.is_waypoint()) => {
                self.of_unknown_class(id);
                return;
            }
            "Gateway" => (
                fresh("any-service", &service_taken),
                name.to_owned(),
                gateway().is_none(),
                format!("any service behind gateway {id}"),
            ),
            "GatewayClass" => (
                fresh("any-service", &service_taken),
                fresh("waypoint", &gateway_taken),
                true,
                "any service with a waypoint".to_owned(),
            ),
            _ => {
                self.left_out.push(NotCompared {
                    to: ToJson::Service(id),
                    why: format!(
                        "the input does not describe this {}",
                        crate::juju::charm::clip(kind)
                    ),
                    help: "give it by `--manifests`",
                });
                return;
            }
        };
        self.push(
            Target::Service {
                namespace: namespace.to_owned(),
                name: service,
            },
            text,
            Kind::Service { waypoint, made },
        );
    }

    fn push(&mut self, target: Target, text: String, kind: Kind) {
        if self.likes.len() < MAX_LIKES {
            self.likes.push(Like { target, text, kind });
            return;
        }
        self.leave_out(ToJson::from(&target));
    }

    fn of_unknown_class(&mut self, gateway: String) {
        self.left_out.push(NotCompared {
            to: ToJson::Pod(gateway),
            why: "the input does not say whether Istio runs gateways of this class, and has no pods of \
                  this one"
                .to_owned(),
            help: "give its pods by `--manifests`",
        });
    }

    fn leave_out(&mut self, to: ToJson) {
        self.left_out.push(NotCompared {
            to,
            why: "too many pods and Services that the input does not describe could meet these \
                  policies"
                .to_owned(),
            help: "give the namespaces, workloads and Services by `--manifests`",
        });
    }

    /// Pods that policies select, or all of a namespace.
    fn pods(&mut self, changed: &[&'a AuthorizationPolicy]) {
        if changed.is_empty() {
            return;
        }
        let meshes = self.meshes();
        let roots = meshes.map(|mesh| mesh.settings.root_namespace.as_str());
        let is_root = |namespace: &str| roots.contains(&namespace);
        let same_root = roots.first() == roots.last();
        // Selectors of each namespace, of both sides; those of the root namespace count everywhere.
        let mut selectors: Map<'_, Vec<&'a Labels>> = Map::new();
        let mut names: Vec<&str> = vec![ANY_NAMESPACE];
        let mut known = Index::default();
        for policy in meshes.iter().flat_map(|mesh| &mesh.policies) {
            if known.add(policy.namespace.as_str()) {
                names.push(&policy.namespace);
            }
            let Some(selector) = &policy.selector else {
                continue;
            };
            let mut list = selectors
                .get(&policy.namespace)
                .cloned()
                .unwrap_or_default();
            if !selector.is_empty() && !list.contains(&selector) {
                list.push(selector);
                selectors.insert(&policy.namespace, list);
            }
        }
        let of = |namespace: &str| selectors.get(namespace).cloned().unwrap_or_default();
        let mut everywhere: Vec<&AuthorizationPolicy> = Vec::new();
        let mut by_namespace: Map<'_, Vec<&AuthorizationPolicy>> = Map::new();
        for policy in changed.iter().copied() {
            if is_root(&policy.namespace) {
                everywhere.push(policy);
            } else if let Some(list) = by_namespace.get_or_insert_with(&policy.namespace, Vec::new)
            {
                list.push(policy);
            }
        }
        for namespace in names {
            let mut here = everywhere.clone();
            here.extend(by_namespace.get(namespace).into_iter().flatten());
            if here.is_empty()
                || same_root && is_root(namespace) && here.iter().all(|one| one.selector.is_none())
            {
                continue;
            }
            if self.likes.len() == MAX_LIKES {
                self.leave_out(ToJson::Pod(format!("{namespace}/*")));
                continue;
            }
            let mut all = of(namespace);
            for root in roots {
                if root != namespace {
                    let more: Vec<&Labels> = of(root);
                    all.extend(more);
                }
            }
            all.dedup();
            let (sets, complete) = label_sets(&all);
            let any = all.is_empty();
            for set in sets {
                let applies = |policy: &&AuthorizationPolicy| {
                    let selector = policy.selector.as_deref().unwrap_or_default();
                    selects(selector, &set)
                };
                if here.iter().any(applies) {
                    self.pod(namespace, set, any);
                }
            }
            if !complete {
                self.leave_out(ToJson::Pod(format!("{namespace}/*")));
            }
        }
    }

    fn pod(&mut self, namespace: &str, mut labels: Labels, any: bool) {
        let mut name = String::new();
        let mut shown: Vec<String> = Vec::new();
        for (key, value) in &labels {
            shown.push(format!("{key}={value}"));
            if !name.is_empty() {
                name.push('-');
            }
            let legal = |c: char| {
                let c = c.to_ascii_lowercase();
                if c.is_ascii_lowercase() || c.is_ascii_digit() {
                    c
                } else {
                    '-'
                }
            };
            name.extend(value.chars().take(40).map(legal));
        }
        let place = match namespace {
            ANY_NAMESPACE => "namespaces without policies of their own",
            other => other,
        };
        let text = match (labels.is_empty(), any) {
            (false, _) => format!("pods of {place} with {}", shown.join(", ")),
            (true, true) => format!("pods of {place}"),
            (true, false) => format!("other pods of {place}"),
        };
        if labels.is_empty() {
            name.push_str("any");
            labels.push((NOBODYS_LABEL.0.to_owned(), NOBODYS_LABEL.1.to_owned()));
        }
        // Where the settings say that there are sidecars, the pod says so as well: alone it means the
        // same.
        let planes = self.meshes().map(|mesh| mesh.settings.data_plane);
        if planes
            .iter()
            .all(|plane| *plane == Some(DataPlane::Sidecar))
        {
            labels.push(("sidecar.istio.io/inject".to_owned(), "true".to_owned()));
        }
        let target = Target::Pod {
            namespace: namespace.to_owned(),
            name: self.unused_pod(namespace, &name),
        };
        let mut made = None;
        if let Some(gateway) = label(&labels, GATEWAY_NAME).map(str::to_owned) {
            let mut gateways = self.meshes().into_iter().flat_map(|mesh| &mesh.gateways);
            let known = gateways.find(|one| one.namespace == namespace && one.name == gateway);
            // No selector counts at a waypoint.
            if known.is_some_and(Gateway::is_waypoint) {
                return;
            }
            if known.is_some_and(|one| !one.is_ingress()) {
                self.of_unknown_class(format!("{namespace}/{gateway}"));
                return;
            }
            let key = (namespace.to_owned(), "Gateway".to_owned(), gateway.clone());
            if known.is_none() && self.seen.contains(&key) {
                // Made up already, as a waypoint.
                self.leave_out(ToJson::from(&target));
                return;
            }
            made = known.is_none().then_some(gateway);
            if label(&labels, OUTSIDE.0).is_none() {
                labels.push((OUTSIDE.0.to_owned(), OUTSIDE.1.to_owned()));
            }
        }
        self.push(target, text, Kind::Pod(labels, made));
    }

    /// A name for a pod that no other has.
    fn unused_pod(&self, namespace: &str, name: &str) -> String {
        let taken = |name: &str| {
            let mut known = self.meshes().into_iter().flat_map(|mesh| &mesh.workloads);
            let is = |target: &Target| matches!(target, Target::Pod { namespace: n, name: m } if n == namespace && m == name);
            known.any(|one| one.namespace == namespace && one.is_named(name))
                || self.likes.iter().any(|like| is(&like.target))
        };
        let mut unused = format!("pod-{name}");
        let mut number = 1;
        while taken(&unused) {
            unused = format!("pod-{name}-{number}");
            number += 1;
        }
        unused
    }
}

/// All sets of labels that have those of some selectors, the empty one among them, and whether these
/// are all.
fn label_sets(selectors: &[&Labels]) -> (Vec<Labels>, bool) {
    let mut sets: Vec<Labels> = vec![Labels::new()];
    for selector in selectors {
        for at in 0..sets.len() {
            let Some(mut both) = sets.get(at).cloned() else {
                continue;
            };
            let clash = |(key, value): &(String, String)| {
                both.iter()
                    .any(|(known, other)| known == key && other != value)
            };
            if selector.iter().any(clash) {
                continue;
            }
            for one in selector.iter() {
                if !both.contains(one) {
                    both.push(one.clone());
                }
            }
            crate::order::sort(&mut both);
            if sets.contains(&both) {
                continue;
            }
            if sets.len() == MAX_SETS {
                return (sets, false);
            }
            sets.push(both);
        }
    }
    (sets, true)
}

/// Policies that differ and apply to nothing that the input describes.
fn changed_nowhere<'a>(old: &'a Analysis, new: &'a Analysis) -> Vec<&'a AuthorizationPolicy> {
    let mut texts: Vec<(String, bool, usize)> = Vec::new();
    for (is_new, analysis) in [(false, old), (true, new)] {
        for (at, policy) in analysis.mesh.policies.iter().enumerate() {
            texts.push((fingerprint(policy), is_new, at));
        }
    }
    crate::order::sort(&mut texts);
    // With other settings, the same policy may mean something else.
    let settings = |analysis: &Analysis| Settings {
        given: Vec::new(),
        ..analysis.mesh.settings.clone()
    };
    let alike = settings(old) == settings(new);
    let (attached_old, attached_new) = (attached(old), attached(new));
    let mut found = Vec::new();
    for same in texts.chunk_by(|left, right| left.0 == right.0) {
        let is_in = |side: bool| same.iter().any(|(_, is_new, _)| *is_new == side);
        if alike && is_in(false) && is_in(true) {
            continue;
        }
        for (_, is_new, at) in same {
            let (analysis, attached) = if *is_new {
                (new, &attached_new)
            } else {
                (old, &attached_old)
            };
            let refused = analysis.points.refused.get(*at);
            let is_refused = refused.is_some_and(|why| !why.is_empty());
            let is_attached = attached.get(*at).copied().unwrap_or_default();
            let Some(policy) = analysis.mesh.policies.get(*at) else {
                continue;
            };
            let enforces = !policy.is_dry_run() && policy.action != Action::Audit;
            if enforces && !is_refused && !is_attached {
                found.push(policy);
                break;
            }
        }
    }
    found
}

/// For each policy of a mesh, whether it is attached to anything that is compared.
fn attached(analysis: &Analysis) -> Vec<bool> {
    let points = &analysis.points;
    let mut found = vec![false; analysis.mesh.policies.len()];
    let bindings = points.service_waypoints.iter();
    let mut used = vec![false; points.gateways.len()];
    for binding in bindings.chain(&points.workload_waypoints) {
        if let Binding::To(at, _) = binding
            && let Some(flag) = used.get_mut(*at)
        {
            *flag = true;
        }
    }
    let gateways = points.gateways.iter().zip(&used);
    let gateways = gateways.filter(|(_, used)| **used).map(|(list, _)| list);
    let ingress = points.ingress.iter().flatten().map(|one| &one.attached);
    let all = points.workloads.iter().chain(&points.services);
    for one in all.chain(ingress).chain(gateways).flatten() {
        let origin = points.held.get(one.policy as usize).map(|held| held.origin);
        if let Some(Origin::Written(at)) = origin
            && let Some(flag) = found.get_mut(at)
        {
            *flag = true;
        }
    }
    found
}
