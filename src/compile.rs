//! The compiler: bundles, charm files and databags in; MeshPolicies, AuthorizationPolicies and
//! diagnostics out.

use crate::diagnostic::{Diagnostic, Place, bound, code};
use crate::istio::{AuthorizationPolicy, Spec, build_policy_resources_istio};
use crate::juju::bundle::{Application, Bundle, parse_saas_url, read_bundle};
use crate::juju::charm::{Charm, Role, Template, clip, read_charm};
use crate::juju::databags::read_databags;
use crate::juju::deployment::{Asked, Beacon, Deployment, check_charm};
use crate::juju::lint::lint;
use crate::juju::relations::{Charms, Model, resolve};
use crate::juju::template::{Names, mentions};
use crate::juju::when::{Truth, evaluate};
use crate::labels::{INSTANCE_KEY, LabelFormat, SCOPE_KEY, charm_kubernetes_label};
use crate::managers::{Manager, WHEN_ANNOTATION};
use crate::map::Index;
use crate::model::MeshPolicy;
use crate::names::is_dns_label;
use crate::text::{Document, Node, Position, decode_utf8, parse_any};
use serde::Serialize;
use std::sync::Arc;

/// The scope label that the beacon charm gives to the policies that it manages.
const BEACON_SCOPE: &str = "istio-authorization-policy";

/// One input file.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Its name, for diagnostics.
    pub file: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
    /// The model that a bundle or databag is of.
    pub model: Option<&'a str>,
    /// It is an overlay of the bundle before it.
    pub overlay: bool,
}

/// All input of a compilation.
#[derive(Debug, Clone, Default)]
pub struct Input<'a> {
    /// Juju bundles, one a model, each followed by its overlays.
    pub bundles: Vec<Source<'a>>,
    /// Charm files; each may hold several documents.
    pub charms: Vec<Source<'a>>,
    /// `juju show-unit` of beacons, or lists of MeshPolicies.
    pub databags: Vec<Source<'a>>,
}

/// What came out; as text by [`crate::output`].
#[derive(Debug, Clone, Default)]
pub struct Compiled {
    /// What the consumers send to their beacons, in order.
    pub mesh_policies: Vec<MeshPolicy>,
    /// What the beacons, and charms that make their own, apply.
    pub authorization_policies: Vec<AuthorizationPolicy>,
    /// What is wrong, assumed or unknown.
    pub diagnostics: Vec<Diagnostic>,
    /// Where each of the AuthorizationPolicies comes from, in their order.
    pub origins: Vec<Origin>,
    /// Who applies which of the policies.
    pub managers: Vec<Manager>,
    /// What looks wrong in what charms declare, for [`crate::analysis::lint`].
    pub lints: Vec<Diagnostic>,
    /// The applications that were found, for [`crate::mesh::from_bundle`].
    pub applications: Vec<Deployed>,
}

/// Where the input asks for an AuthorizationPolicy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The policy in the charm file or databag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared: Option<Place>,
    /// The relation in the bundle that names the policy's source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub related: Option<Place>,
}

/// An application and its part in a mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// Its model.
    pub model: String,
    /// Its name.
    pub name: String,
    /// Its charm; empty where only a databag speaks of it.
    pub charm: String,
    /// The mesh that it is related to.
    pub beacon: Option<Beacon>,
    /// Whether it joins that mesh by itself, or only with its whole model.
    pub joins: Truth,
    /// The coordinator that labels it over their cluster relation.
    pub worker_of: Option<String>,
    /// Options that matter to a mesh and whether they are on.
    pub options: Vec<(&'static str, bool)>,
}

/// Options of published charms that change what a mesh does, and their charms.
/// Source: charmcraft.yaml of istio-beacon-k8s and istio-k8s.
const MESH_OPTIONS: [(&str, &str); 3] = [
    ("istio-beacon-k8s", "model-on-mesh"),
    ("istio-k8s", "hardened-mode"),
    ("istio-k8s", "auto-allow-waypoint-policy"),
];

impl Compiled {
    /// Whether a diagnostic dropped a policy.
    pub fn dropped(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.dropped)
    }

    /// Whether the input could not be used.
    pub fn bad_input(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|diagnostic| diagnostic.bad_input)
    }
}

/// Compiles.
///
/// ```
/// use mesh_policy::compile::{Input, Source, compile};
/// let source = |file, text: &'static str, model| Source { file, bytes: text.as_bytes(), model, overlay: false };
/// let input = Input {
///     bundles: vec![source("bundle.yaml", "
/// applications: {web: {charm: web}, api: {charm: api}, beacon: {charm: istio-beacon-k8s}}
/// relations: [[web:api, api:api], [api:service-mesh, beacon:service-mesh]]
/// ", Some("shop"))],
///     charms: vec![source("api.yaml", "
/// charm: api
/// provides: {api: {interface: http}}
/// requires: {service-mesh: {interface: service_mesh}}
/// policies: [{kind: unit, relation: api, ports: [8080]}]
/// ", None)],
///     databags: vec![],
/// };
/// let compiled = compile(&input);
/// assert_eq!(compiled.mesh_policies.len(), 1);
/// assert!(compiled.yaml().contains("cluster.local/ns/shop/sa/web"));
/// ```
pub fn compile(input: &Input<'_>) -> Compiled {
    let mut compiled = compile_all(input);
    bound(&mut compiled.diagnostics);
    compiled
}

fn compile_all(input: &Input<'_>) -> Compiled {
    let mut diagnostics = Vec::new();
    let bundle_documents = parse(&input.bundles, &mut diagnostics);
    let charm_documents = parse(&input.charms, &mut diagnostics);
    let databag_documents = parse(&input.databags, &mut diagnostics);
    if !diagnostics.is_empty() {
        return Compiled {
            diagnostics,
            ..Compiled::default()
        };
    }
    let charms = read_charms(&charm_documents, &mut diagnostics);
    let (names, bundles) = read_bundles(&bundle_documents, &mut diagnostics);
    for charm in charms.values() {
        check_charm(charm, &mut diagnostics);
    }
    check_names(&names, &bundles, &mut diagnostics);
    let models = resolve(&names, bundles, &charms, &mut diagnostics);
    let mut compiled = Compiled {
        diagnostics,
        ..Compiled::default()
    };
    if compiled.bad_input() {
        return compiled;
    }
    check_saas(&models, &mut compiled.diagnostics);
    let mut compiler = Compiler {
        models: &models,
        charms: &charms,
        compiled: &mut compiled,
        on_mesh: Index::default(),
    };
    compiler.deployment();
    let mut known = Index::default();
    if !databag_documents.is_empty() {
        for one in &compiled.applications {
            known.add(full_name(&one.model, &one.name));
        }
    }
    for (source, documents) in &databag_documents {
        let databags = read_databags(
            source.file,
            source.model,
            documents,
            &mut compiled.diagnostics,
        );
        for databag in databags {
            for asked in &databag.policies {
                let applications = &mut compiled.applications;
                add_members(applications, &mut known, &asked.policy, &databag.beacon);
            }
            add_beacon(&mut compiled, &databag.beacon, databag.policies, true);
        }
    }
    compiled
}

/// Files and their documents.
pub(crate) type Parsed<'a> = Vec<(Source<'a>, Vec<Document<'a>>)>;

pub(crate) fn parse<'a>(sources: &[Source<'a>], diagnostics: &mut Vec<Diagnostic>) -> Parsed<'a> {
    let mut parsed = Vec::with_capacity(sources.len());
    for source in sources {
        match decode_utf8(source.bytes).and_then(parse_any) {
            Ok(documents) => parsed.push((*source, documents)),
            Err(error) => diagnostics.push(Diagnostic::unreadable(source.file, &error)),
        }
    }
    parsed
}

pub(crate) fn read_charms<'a>(
    parsed: &'a Parsed<'a>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Charms<'a> {
    let mut charms = Charms::new();
    for (source, documents) in parsed {
        for document in documents.iter().filter(|document| !document.root.is_null()) {
            let Some(charm) = read_charm(source.file, document, diagnostics) else {
                continue;
            };
            let (name, at) = (charm.name, charm.at);
            if let Some(earlier) = charms.insert(name, charm) {
                diagnostics.push(
                    Diagnostic::warning(
                        code::CHARM_GIVEN_TWICE,
                        format!(
                            "the charm `{}` is described twice; this one counts",
                            clip(name)
                        ),
                    )
                    .at(source.file, at)
                    .help(format!("take it out here or in `{}`", earlier.file)),
                );
            }
        }
    }
    charms
}

pub(crate) fn read_bundles<'a>(
    parsed: &'a Parsed<'a>,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<String>, Vec<Bundle<'a>>) {
    let mut names = Vec::new();
    let mut bundles: Vec<Bundle<'a>> = Vec::new();
    let bases = parsed.iter().filter(|(source, _)| !source.overlay).count();
    let mut rest = parsed.as_slice();
    while let Some(((source, documents), after)) = rest.split_first() {
        let overlays: Vec<(&str, &[Document<'_>])> = after
            .iter()
            .take_while(|(source, _)| source.overlay)
            .map(|(source, documents)| (source.file, documents.as_slice()))
            .collect();
        rest = after.get(overlays.len()..).unwrap_or_default();
        let Some(bundle) = read_bundle(source.file, documents, &overlays, diagnostics) else {
            continue;
        };
        let name = source.model.map_or_else(
            || infer_name(source.file, &bundle, bases, diagnostics),
            |model| Some(model.to_owned()),
        );
        let Some(name) = name else {
            continue;
        };
        if names.contains(&name) {
            diagnostics.push(
                Diagnostic::error(
                    code::MODEL_GIVEN_TWICE,
                    format!("two bundles are given for the model `{}`", clip(&name)),
                )
                .at(source.file, Position::new(1, 1))
                .help("give a bundle's overlays by `--overlay`")
                .bad_input(),
            );
            continue;
        }
        names.push(name);
        bundles.push(bundle);
    }
    (names, bundles)
}

/// One bundle without `saas` takes its own name, else the file's.
fn infer_name(
    file: &str,
    bundle: &Bundle<'_>,
    bases: usize,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<String> {
    let place = Position::new(1, 1);
    if bases > 1 || !bundle.saas.is_empty() {
        let why = if bases > 1 {
            "with several bundles, each needs the name of its model"
        } else {
            "a bundle with `saas` needs the name of its model"
        };
        diagnostics.push(
            Diagnostic::error(code::MODEL_NAME_REQUIRED, why)
                .at(file, place)
                .help(format!("write `MODEL={file}`"))
                .bad_input(),
        );
        return None;
    }
    let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = base.split_once('.').map_or(base, |(stem, _)| stem);
    let name = bundle.name.unwrap_or(stem);
    diagnostics.push(
        Diagnostic::warning(
            code::MODEL_NAME_ASSUMED,
            format!("the model is taken to be `{}`", clip(name)),
        )
        .at(file, place)
        .help(format!("write `MODEL={file}` to say which it is")),
    );
    Some(name.to_owned())
}

fn check_names(names: &[String], bundles: &[Bundle<'_>], diagnostics: &mut Vec<Diagnostic>) {
    let mut check = |file: &str, at: Position, what: &str, name: &str| {
        if !is_dns_label(name) {
            diagnostics.push(
                Diagnostic::error(
                    code::INVALID_NAME,
                    format!("the {what} `{}` cannot be part of an identity", clip(name)),
                )
                .at(file, at)
                .help("use lower-case letters, digits and hyphens, at most 63, no hyphen at either end")
                .bad_input(),
            );
        }
    };
    for (name, bundle) in names.iter().zip(bundles) {
        check(bundle.file, Position::new(1, 1), "model's name", name);
        for (name, application) in bundle.applications.iter() {
            check(application.file, application.at, "application's name", name);
        }
        for saas in bundle.saas.values() {
            if let Some((model, offer)) = parse_saas_url(saas.url) {
                check(saas.file, saas.at, "offering model", model);
                check(saas.file, saas.at, "offer's name", offer);
            }
        }
    }
}

fn check_saas(models: &[Model<'_>], diagnostics: &mut Vec<Diagnostic>) {
    for model in models {
        for (name, saas) in model.bundle.saas.iter() {
            let diagnostic = match parse_saas_url(saas.url) {
                None => Diagnostic::error(
                    code::INVALID_SAAS_URL,
                    format!("`{}` is no offer's URL", clip(saas.url)),
                )
                .help("write `user/model.offer`"),
                Some((far, offer)) => match models.iter().find(|model| model.name == far) {
                    None => Diagnostic::note(
                        code::ASSUMED_PRINCIPAL,
                        format!(
                            "the model `{}` behind `{}` was not given: its application is assumed to be `{}`",
                            clip(far),
                            clip(name),
                            clip(offer)
                        ),
                    )
                    .help(format!("give its bundle too: `{}=FILE`", clip(far))),
                    Some(far_model)
                        if far_model
                            .bundle
                            .applications
                            .values()
                            .all(|application| !application.offers.contains_key(offer)) =>
                    {
                        Diagnostic::warning(
                            code::UNKNOWN_OFFER,
                            format!("the model `{}` has no offer `{}`", clip(far), clip(offer)),
                        )
                        .help(format!("add the offer to `{}`, or correct the URL", far_model.bundle.file))
                    }
                    Some(_) => continue,
                },
            };
            diagnostics.push(diagnostic.at(saas.file, saas.at));
        }
    }
}

/// Adds a beacon's MeshPolicies and the AuthorizationPolicies that it makes of them.
fn add_beacon(compiled: &mut Compiled, beacon: &Beacon, asked: Vec<Asked<'_>>, managed: bool) {
    let (policies, rest): (Vec<MeshPolicy>, Vec<_>) = asked
        .into_iter()
        .map(|asked| {
            (
                asked.policy,
                (asked.condition, asked.declared, asked.related),
            )
        })
        .unzip();
    let labels = beacon_labels(&beacon.application, &beacon.model);
    let shared: Arc<[(String, String)]> = labels.as_slice().into();
    let start = compiled.authorization_policies.len();
    if managed {
        let built = build_policy_resources_istio(&beacon.application, &beacon.model, &policies);
        for ((policy, built), (condition, declared, related)) in
            policies.iter().zip(built).zip(rest)
        {
            match built {
                Some(mut resource) => {
                    resource.labels = Arc::clone(&shared);
                    resource.annotations.extend(annotation(condition));
                    compiled.authorization_policies.push(resource);
                    compiled.origins.push(Origin {
                        declared: declared.map(place),
                        related: related.map(place),
                    });
                }
                None => compiled.diagnostics.push(refused(policy)),
            }
        }
    }
    let made = start..compiled.authorization_policies.len();
    match compiled
        .managers
        .iter_mut()
        .find(|manager| manager.labels == labels)
    {
        Some(manager) => manager.policies.push(made),
        None => compiled.managers.push(Manager {
            application: beacon.application.clone(),
            model: beacon.model.clone(),
            labels,
            policies: vec![made],
        }),
    }
    compiled.mesh_policies.extend(policies);
}

fn place((file, at): (&str, Position)) -> Place {
    Place {
        file: file.to_owned(),
        line: at.line,
        column: at.column,
    }
}

/// The labels by which the beacon charm knows its policies.
///
/// The published charm writes `APPLICATION-MODEL`, the library's `create_charm_default_labels` of
/// today `MODEL-APPLICATION`; what the beacon makes must be found by the beacon. Source: the
/// resource shown in canonical/service-mesh, docs/explanation/managed-mode.md.
pub(crate) fn beacon_labels(application: &str, model: &str) -> Vec<(String, String)> {
    let format = LabelFormat {
        separator: "-",
        ..LabelFormat::default()
    };
    // The names are DNS-1123 labels, so never empty: a label can always be made.
    let instance = charm_kubernetes_label(application, model, format).unwrap_or_default();
    vec![
        (INSTANCE_KEY.to_owned(), instance),
        (SCOPE_KEY.to_owned(), BEACON_SCOPE.to_owned()),
    ]
}

/// Notes the applications that a databag's policy speaks of: its target is a member of the mesh,
/// and its source is taken to be one.
fn add_members(
    applications: &mut Vec<Deployed>,
    known: &mut Index<'static>,
    policy: &MeshPolicy,
    beacon: &Beacon,
) {
    let source = (&policy.source_namespace, Some(&policy.source_app_name));
    let target = (&policy.target_namespace, policy.target_app_name.as_ref());
    for (model, name) in [source, target] {
        let Some(name) = name else { continue };
        if known.add(full_name(model, name)) {
            applications.push(Deployed {
                model: model.clone(),
                name: name.clone(),
                charm: String::new(),
                beacon: Some(beacon.clone()),
                joins: Truth::True,
                worker_of: None,
                options: Vec::new(),
            });
        }
    }
}

fn annotation(condition: Option<&str>) -> Option<(String, String)> {
    condition.map(|condition| (WHEN_ANNOTATION.to_owned(), condition.to_owned()))
}

fn refused(policy: &MeshPolicy) -> Diagnostic {
    Diagnostic::error(
        code::L7_UNIT_POLICY,
        format!(
            "the unit policy from `{}` asks for methods, paths or hosts and is not made",
            clip(&policy.source_app_name)
        ),
    )
    .help("a unit policy is enforced by ztunnel, which sees ports only: use an app policy")
    .dropped()
}

/// What is asked of each beacon, in the order in which they are first asked.
#[derive(Default)]
struct Beacons<'a> {
    index: Index<'static>,
    beacons: Vec<(Beacon, Vec<Asked<'a>>)>,
}

impl<'a> Beacons<'a> {
    fn add(&mut self, beacon: Beacon, policies: Vec<Asked<'a>>) {
        let name = full_name(&beacon.model, &beacon.application);
        let at = self.index.get_or_insert(name.into(), self.beacons.len());
        match self.beacons.get_mut(at) {
            Some((_, asked)) => asked.extend(policies),
            None => self.beacons.push((beacon, policies)),
        }
    }
}

/// An application in its model; neither name can hold a slash, which has been checked.
fn full_name(model: &str, application: &str) -> String {
    [model, application].join("/")
}

struct Compiler<'c, 'm, 'a> {
    models: &'m [Model<'a>],
    charms: &'m Charms<'a>,
    compiled: &'c mut Compiled,
    /// `model/application` that joined a mesh.
    on_mesh: Index<'static>,
}

impl<'a> Compiler<'_, '_, 'a> {
    fn deployment(&mut self) {
        let deployment = Deployment::new(self.models, self.charms);
        self.applications(&deployment);
        self.compiled.lints = lint(self.models, self.charms, &deployment);
        let consumers = deployment.consumers(&mut self.compiled.diagnostics);
        // Beacons in the order in which they are first asked.
        let mut asked = Beacons::default();
        for consumer in consumers {
            self.on_mesh
                .add(full_name(&consumer.model, consumer.application));
            asked.add(consumer.beacon, consumer.policies);
        }
        // A beacon without consumers still guards itself.
        for (index, model) in self.models.iter().enumerate() {
            for (name, application) in model.bundle.applications.iter() {
                let charm = self.charms.get(application.charm);
                let Some(charm) = charm.filter(|charm| provides_mesh(charm)) else {
                    continue;
                };
                let own =
                    deployment.policies(index, name, charm, true, &mut self.compiled.diagnostics);
                let beacon = Beacon {
                    model: model.name.clone(),
                    application: (*name).to_owned(),
                };
                asked.add(beacon, own);
            }
        }
        if asked.beacons.is_empty() {
            for model in self.models {
                self.compiled.diagnostics.push(
                    Diagnostic::note(
                        code::NO_MESH,
                        format!("no application of the model `{}` is related to a mesh", clip(&model.name)),
                    )
                    .at(model.bundle.file, Position::new(1, 1))
                    .help("relate applications to a beacon: `[APPLICATION:service-mesh, istio-beacon-k8s:service-mesh]`"),
                );
            }
        }
        for (beacon, policies) in asked.beacons {
            let managed = self.is_managed(&beacon);
            add_beacon(self.compiled, &beacon, policies, managed);
        }
        for model in self.models {
            for (name, application) in model.bundle.applications.iter() {
                self.own_policies(model, name, application);
            }
        }
        self.check_offers();
    }

    /// Notes every application and its part in a mesh.
    fn applications(&mut self, deployment: &Deployment<'_, 'a>) {
        // They come in the order of the models.
        let mut all = deployment.members().into_iter().peekable();
        for model in self.models {
            let mut index = Index::default();
            let mut members = Vec::new();
            while let Some((_, name, beacon)) = all.next_if(|(of, ..)| *of == model.name) {
                index.add(name);
                members.push(Some(beacon));
            }
            for (name, application) in model.bundle.applications.iter() {
                let charm = self.charms.get(application.charm);
                let empty = crate::map::Map::new();
                let defaults = charm.map_or(&empty, |charm| &charm.config_defaults);
                let on = |setting: &str| {
                    evaluate(Some(setting), Some(application), defaults, true) == Truth::True
                };
                let joins = match charm.and_then(|charm| charm.auto_join.as_deref()) {
                    None | Some("true") => Truth::True,
                    Some("false") => Truth::False,
                    // `config KEY (default true)`
                    Some(text) => match text
                        .strip_prefix("config ")
                        .map(|key| key.split(' ').next().unwrap_or_default())
                    {
                        Some(key) => evaluate(
                            Some(&format!("config {key}=true")),
                            Some(application),
                            defaults,
                            true,
                        ),
                        None => Truth::Unknown,
                    },
                };
                self.compiled.applications.push(Deployed {
                    model: model.name.clone(),
                    name: name.to_owned(),
                    charm: application.charm.to_owned(),
                    beacon: index.get(name).and_then(|at| members.get_mut(at)?.take()),
                    joins,
                    worker_of: None,
                    options: MESH_OPTIONS
                        .iter()
                        .filter(|(charm, _)| *charm == application.charm)
                        .map(|(_, option)| (*option, on(&format!("config {option}=true"))))
                        .collect(),
                });
            }
        }
        self.join_workers();
    }

    /// Workers have no mesh relation of their own: a coordinator that is on a mesh gives them its
    /// labels over the cluster relation.
    /// Source: canonical/cos-coordinated-workers `src/coordinated_workers/service_mesh.py`.
    fn join_workers(&mut self) {
        if self
            .charms
            .values()
            .all(|charm| charm.internal_mesh_policies.is_empty())
        {
            return;
        }
        let mut places = Index::default();
        for (at, one) in self.compiled.applications.iter().enumerate() {
            places.get_or_insert(full_name(&one.model, &one.name).into(), at);
        }
        for model in self.models {
            for (name, application) in model.bundle.applications.iter() {
                let Some(charm) = self
                    .charms
                    .get(application.charm)
                    .filter(|charm| !charm.internal_mesh_policies.is_empty())
                else {
                    continue;
                };
                let coordinator = places
                    .get(&full_name(&model.name, name))
                    .and_then(|at| self.compiled.applications.get(at))
                    .cloned();
                let Some(coordinator) = coordinator.filter(|one| one.beacon.is_some()) else {
                    continue;
                };
                for worker in workers(model, charm, name) {
                    let worker = places
                        .get(&full_name(&model.name, worker))
                        .and_then(|at| self.compiled.applications.get_mut(at));
                    if let Some(worker) = worker.filter(|one| one.beacon.is_none()) {
                        worker.beacon.clone_from(&coordinator.beacon);
                        worker.joins = coordinator.joins;
                        worker.worker_of = Some(coordinator.name.clone());
                    }
                }
            }
        }
    }

    fn is_managed(&mut self, beacon: &Beacon) -> bool {
        let Some(model) = self.models.iter().find(|model| model.name == beacon.model) else {
            return true;
        };
        let Some(application) = model.bundle.applications.get(beacon.application.as_str()) else {
            return true;
        };
        let key = "manage-authorization-policies";
        if application
            .options
            .get(key)
            .is_none_or(|value| value != "false")
        {
            return true;
        }
        self.compiled.diagnostics.push(
            Diagnostic::note(
                code::UNMANAGED,
                format!(
                    "`{}` is configured not to make AuthorizationPolicies",
                    clip(&beacon.application)
                ),
            )
            .at(application.file, application.at)
            .help(format!("set its option `{key}` to true")),
        );
        false
    }

    /// AuthorizationPolicies that a charm makes itself.
    fn own_policies(&mut self, model: &Model<'a>, name: &'a str, application: &Application<'a>) {
        let charm = self.charms.get(application.charm);
        let Some(charm) = charm
            .filter(|one| !one.internal_mesh_policies.is_empty() || !one.raw_policies.is_empty())
        else {
            return;
        };
        let related = self.on_mesh.contains(&full_name(&model.name, name));
        let workers = workers(model, charm, name);
        for (templates, is_raw) in [
            (&charm.internal_mesh_policies, false),
            (&charm.raw_policies, true),
        ] {
            if !is_raw && !related {
                // A coordinator makes them while it is related to a mesh.
                continue;
            }
            for template in templates {
                let condition = match evaluate(
                    template.when,
                    Some(application),
                    &charm.config_defaults,
                    related,
                ) {
                    Truth::True => None,
                    Truth::False => continue,
                    Truth::Unknown => template.when,
                };
                let each: Vec<Option<&str>> = if mentions(template.node, "{each worker app}") {
                    workers.iter().map(|worker| Some(*worker)).collect()
                } else {
                    vec![None]
                };
                for worker in each {
                    let names = Names {
                        application: name,
                        model: &model.name,
                        worker,
                    };
                    let made = names.fill(template.node).and_then(|filled| {
                        if is_raw {
                            raw_policy(&filled, &model.name)
                        } else {
                            internal_policy(&filled, names)
                        }
                    });
                    match made {
                        Some(mut policy) => {
                            policy.annotations.extend(annotation(condition));
                            self.compiled.authorization_policies.push(policy);
                            self.compiled.origins.push(Origin {
                                declared: Some(place((charm.file, template.node.at))),
                                related: None,
                            });
                            if let Some(condition) = condition {
                                self.note(charm, template, code::CONDITIONAL_POLICY, format!(
                                    "this policy of `{}` exists only if: `{}`", clip(name), clip(condition)));
                            }
                        }
                        None => self.note(charm, template, code::UNFILLED_TEMPLATE, format!(
                            "this policy of `{}` is left out: it depends on what the input does not say", clip(name))),
                    }
                }
            }
        }
    }

    fn note(
        &mut self,
        charm: &Charm<'_>,
        template: &Template<'_>,
        code: &'static str,
        message: String,
    ) {
        self.compiled
            .diagnostics
            .push(Diagnostic::note(code, message).at(charm.file, template.node.at));
    }

    /// Offers through which a consumer cannot say who it is.
    fn check_offers(&mut self) {
        for model in self.models {
            for (name, application) in model.bundle.applications.iter() {
                if application.offers.is_empty()
                    || !self.on_mesh.contains(&full_name(&model.name, name))
                {
                    continue;
                }
                let Some(charm) = self.charms.get(application.charm) else {
                    continue;
                };
                let told = application
                    .offers
                    .values()
                    .any(|(_, endpoints)| endpoints.contains(&charm.cmr_provides_name));
                for (offer, (at, endpoints)) in application.offers.iter() {
                    let with_policy = endpoints.iter().find(|endpoint| {
                        charm
                            .policies
                            .iter()
                            .any(|declared| declared.policy.relation() == **endpoint)
                    });
                    let Some(endpoint) = with_policy.filter(|_| !told) else {
                        continue;
                    };
                    self.compiled.diagnostics.push(
                        Diagnostic::warning(
                            code::OFFER_WITHOUT_CMR,
                            format!(
                                "the offer `{}` has `{endpoint}`, which has a policy, and no consumer can say through it who it is",
                                clip(offer)
                            ),
                        )
                        .at(application.file, *at)
                        .help(format!("add `{}` to the offer's endpoints", charm.cmr_provides_name)),
                    );
                }
            }
        }
    }
}

fn provides_mesh(charm: &Charm<'_>) -> bool {
    !charm.consumer
        && charm.endpoints.values().any(|endpoint| {
            endpoint.role == Role::Provider && endpoint.interface.as_deref() == Some("service_mesh")
        })
}

/// The worker applications of a coordinator: those related to an endpoint that it provides with
/// an interface named `…_cluster`.
fn workers<'a>(model: &Model<'a>, charm: &Charm<'a>, name: &str) -> Vec<&'a str> {
    let mut workers = Vec::new();
    for relation in model.relations_of(name) {
        for (near, far) in relation.sides(name) {
            let is_cluster = near
                .endpoint
                .and_then(|endpoint| charm.endpoints.get(endpoint))
                .is_some_and(|endpoint| {
                    endpoint.role == Role::Provider
                        && endpoint
                            .interface
                            .as_deref()
                            .is_some_and(|interface| interface.ends_with("_cluster"))
                });
            if is_cluster && !far.is_saas && !workers.contains(&far.name) {
                workers.push(far.name);
            }
        }
    }
    workers
}

fn raw_policy(filled: &Node<'static>, model: &str) -> Option<AuthorizationPolicy> {
    Some(AuthorizationPolicy {
        name: filled.get("name")?.as_str()?.to_owned(),
        namespace: filled
            .get("namespace")
            .and_then(Node::as_str)
            .unwrap_or(model)
            .to_owned(),
        labels: Arc::default(),
        annotations: Vec::new(),
        spec: Spec::Raw(filled.get("spec").cloned().unwrap_or_default().value),
    })
}

/// A MeshPolicy that a charm applies itself; its fields are the library's, `source_app` and
/// `target_app` in short.
fn internal_policy(filled: &Node<'static>, names: Names<'_>) -> Option<AuthorizationPolicy> {
    let text = |key: &str| filled.get(key).and_then(Node::as_str).map(str::to_owned);
    let selector = filled
        .get("target_selector_labels")
        .and_then(Node::as_object)
        .map(|labels| {
            labels
                .iter()
                .filter_map(|member| {
                    Some((member.key.to_string(), member.value.as_str()?.to_owned()))
                })
                .collect()
        });
    let endpoints = match filled.get("endpoints").and_then(Node::as_array) {
        Some(nodes) => nodes
            .iter()
            .map(|node| crate::model::validate_endpoint(node).ok())
            .collect::<Option<Vec<_>>>()?,
        None => Vec::new(),
    };
    let policy = MeshPolicy {
        source_namespace: text("source_namespace").unwrap_or_else(|| names.model.to_owned()),
        source_app_name: text("source_app").or_else(|| text("source_app_name"))?,
        target_namespace: text("target_namespace").unwrap_or_else(|| names.model.to_owned()),
        target_app_name: text("target_app").or_else(|| text("target_app_name")),
        target_selector_labels: selector,
        target_service: text("target_service"),
        target_type: match text("kind").as_deref() {
            Some("unit") => crate::model::PolicyTargetType::Unit,
            Some("app") => crate::model::PolicyTargetType::App,
            _ => return None,
        },
        endpoints: endpoints.into(),
    };
    policy.validate().ok()?;
    build_policy_resources_istio(names.application, names.model, &[policy])
        .pop()
        .flatten()
}
