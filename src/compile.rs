//! The compiler: bundles, charm files and databags in; MeshPolicies, AuthorizationPolicies and
//! diagnostics out.

pub(crate) mod beacons;
mod deploy;
mod read;

use beacons::{add_beacon, add_members, full_name};
use deploy::Compiler;
pub(crate) use read::{Parsed, parse, read_bundles, read_charms};
use read::{check_names, check_saas};

use crate::diagnostic::{Diagnostic, Place, bound};
use crate::istio::AuthorizationPolicy;
use crate::juju::databags::read_databags;
use crate::juju::deployment::Beacon;
use crate::juju::lint::check_charm;
use crate::juju::relations::resolve;
use crate::juju::when::Truth;
use crate::managers::Manager;
use crate::map::Index;
use crate::model::MeshPolicy;
use serde::Serialize;

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

impl<'a> Source<'a> {
    /// A file, text or bytes, that is no overlay and names no model.
    pub fn new(file: &'a str, content: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Source {
            file,
            bytes: content.as_ref(),
            model: None,
            overlay: false,
        }
    }
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
    /// Whether the input tells which policies it asks for: it has the charm's file, or a databag.
    pub declared: bool,
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
/// let bundle = Source::new("bundle.yaml", "
/// applications: {web: {charm: web}, api: {charm: api}, beacon: {charm: istio-beacon-k8s}}
/// relations: [[web:api, api:api], [api:service-mesh, beacon:service-mesh]]
/// ");
/// let charm = Source::new("api.yaml", "
/// charm: api
/// provides: {api: {interface: http}}
/// requires: {service-mesh: {interface: service_mesh}}
/// policies: [{kind: unit, relation: api, ports: [8080]}]
/// ");
/// let input = Input {
///     bundles: vec![Source { model: Some("shop"), ..bundle }],
///     charms: vec![charm],
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
