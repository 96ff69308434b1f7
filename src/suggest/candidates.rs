//! Changes that might allow a request, the smallest first.

use super::Edit;
use crate::analysis::path::normalise;
use crate::analysis::request::Request;
use crate::compile::{Parsed, Source};
use crate::juju::charm::{Charm, CharmEndpoint, Declared, Role, clip};
use crate::juju::relations::{Charms, Model, charm_of};
use crate::mesh::PathNormalization;
use crate::model::CharmPolicy;
use crate::order::sort_by;
use crate::text::insert::{Insertion, Item, add_list, append};
use crate::text::{Document, Node, decode_utf8};

/// No more pairs of endpoints are tried for a relation.
const MAX_PAIRS: usize = 8;
/// No more pairs are looked at.
const MAX_FOUND: usize = 64;
/// No more endpoints that are related already are tried.
const MAX_ENDPOINTS: usize = 4;
/// No more policies about one endpoint are tried.
const MAX_POLICIES: usize = 2;
/// Methods that a declaration can name. Source: the Python library's `Method`.
const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

/// An application of the bundles.
#[derive(Clone, Copy)]
pub(super) struct Party<'p, 'a> {
    /// Its model.
    pub(super) model: &'p Model<'a>,
    /// Its name.
    pub(super) name: &'a str,
    /// Its charm, where the file is given.
    pub(super) charm: Option<&'p Charm<'a>>,
}

/// What a request needs a policy to name.
pub(super) struct Wanted {
    port: Option<u16>,
    method: Option<String>,
    path: Option<String>,
}

// === impl Wanted ===

impl Wanted {
    pub(super) fn of(request: &Request, mode: PathNormalization) -> Wanted {
        let path = request
            .path
            .as_deref()
            .and_then(|path| normalise(path, mode));
        Wanted {
            port: request.port,
            method: request
                .method
                .clone()
                .filter(|method| METHODS.contains(&method.as_str())),
            // Policies are matched without the query.
            path: path.map(|path| path.split('?').next().unwrap_or_default().to_owned()),
        }
    }

    fn ports(&self) -> Vec<Item> {
        self.port
            .map(|port| Item::Number(port.into()))
            .into_iter()
            .collect()
    }

    /// An endpoint for exactly this request.
    fn endpoint(&self) -> Item {
        let text = |text: &Option<String>| text.clone().map(Item::Text).into_iter().collect();
        let members = [
            ("ports", self.ports()),
            ("methods", text(&self.method)),
            ("paths", text(&self.path)),
        ];
        let given = members.into_iter().filter(|(_, items)| !items.is_empty());
        Item::Map(given.map(|(key, items)| (key, Item::List(items))).collect())
    }

    /// A policy for exactly this request.
    fn policy(&self, kind: &str, relation: &str) -> Item {
        let mut members = vec![
            ("kind", Item::Text(kind.to_owned())),
            ("relation", Item::Text(relation.to_owned())),
        ];
        match kind {
            "app" => members.push(("endpoints", Item::List(vec![self.endpoint()]))),
            _ if self.port.is_some() => members.push(("ports", Item::List(self.ports()))),
            _ => {}
        }
        Item::Map(members)
    }

    fn text(&self, kind: &str) -> String {
        let mut text = String::new();
        if kind == "app" {
            for part in [&self.method, &self.path].into_iter().flatten() {
                text.push_str(&clip(part));
                text.push(' ');
            }
        }
        match self.port {
            Some(port) => text + &format!("on port {port}"),
            None if text.is_empty() => "on any port".to_owned(),
            None => text.trim_end().to_owned(),
        }
    }
}

/// Finds and writes candidates.
pub(super) struct Writer<'p, 'a> {
    /// All charms.
    pub(super) charms: &'p Charms<'a>,
    /// The bundles' files.
    pub(super) bundles: &'p Parsed<'a>,
    /// The charm files.
    pub(super) files: &'p Parsed<'a>,
    /// Who asks.
    pub(super) client: Party<'p, 'a>,
    /// Who is asked.
    pub(super) to: Party<'p, 'a>,
    /// The charm of who is asked.
    pub(super) charm: &'p Charm<'a>,
    /// What the policy must name.
    pub(super) wanted: Wanted,
    /// Kinds of policies, the more fitting first.
    pub(super) kinds: [&'static str; 2],
    /// The client is not on the mesh.
    pub(super) client_outside: bool,
}

// === impl Writer ===

impl<'p, 'a> Writer<'p, 'a> {
    /// All candidates, the smallest first.
    pub(super) fn candidates(&self) -> Vec<Vec<Edit>> {
        let (base, relations) = match (self.client_outside, self.join()) {
            (false, _) => (Vec::new(), Vec::new()),
            (true, None) => return Vec::new(),
            (true, Some(item)) => (
                self.relate(std::slice::from_ref(&item))
                    .into_iter()
                    .collect(),
                vec![item],
            ),
        };
        let mut found: Vec<Vec<Edit>> = Vec::new();
        if !base.is_empty() {
            found.push(base.clone());
        }
        let mut add = |first: &[Edit], more: Option<Edit>| {
            if let Some(edit) = more {
                let mut edits = first.to_vec();
                edits.push(edit);
                found.push(edits);
            }
        };
        let endpoints = self.related();
        let (with, without): (Vec<&'a str>, Vec<&'a str>) = endpoints
            .iter()
            .partition(|name| self.declared(name).next().is_some());
        for endpoint in with {
            for kind in self.kinds {
                for declared in self.declared(endpoint).take(MAX_POLICIES) {
                    add(&base, self.extend(declared, kind, endpoint));
                }
                add(&base, self.declare(kind, endpoint));
            }
        }
        let pairs = self.pairs(&endpoints);
        for (relation, _) in &pairs {
            let mut items = relations.clone();
            items.push(relation.clone());
            add(&[], self.relate(&items));
        }
        for endpoint in without {
            for kind in self.kinds {
                add(&base, self.declare(kind, endpoint));
            }
        }
        for (relation, endpoint) in &pairs {
            let mut items = relations.clone();
            items.push(relation.clone());
            let Some(first) = self.relate(&items) else {
                continue;
            };
            for kind in self.kinds {
                add(std::slice::from_ref(&first), self.declare(kind, endpoint));
            }
        }
        found
    }

    /// Why there is no candidate.
    pub(super) fn nothing(&self) -> String {
        let (client, to) = (clip(self.client.name), clip(self.to.name));
        if self.client_outside {
            return format!(
                "`{client}` is not on the mesh, and its charm has no endpoint that could join it"
            );
        }
        if self.client.name == self.to.name && self.same_model() {
            return format!(
                "the charm of `{to}` has no peer relation that a policy could be about"
            );
        }
        if !self.same_model() {
            return format!(
                "`{client}` and `{to}` are of different models and not related: first relate them through an offer, with `cross_model_mesh` beside it"
            );
        }
        if self.client.charm.is_none() {
            return format!(
                "`{client}` is not related to `{to}`, and without its charm file nothing is known of its endpoints"
            );
        }
        format!(
            "a policy needs a relation, and the charms of `{client}` and `{to}` have no endpoints that fit each other"
        )
    }

    fn same_model(&self) -> bool {
        self.client.model.name == self.to.model.name
    }

    /// The target's endpoints over which the client is related.
    fn related(&self) -> Vec<&'a str> {
        let mut found: Vec<&'a str> = Vec::new();
        let mut add = |endpoint: Option<&'a str>| {
            let own = [
                self.charm.mesh_relation_name,
                self.charm.cmr_requires_name,
                self.charm.cmr_provides_name,
            ];
            if let Some(endpoint) = endpoint
                && found.len() < MAX_ENDPOINTS
                && !found.contains(&endpoint)
                && !own.contains(&endpoint)
            {
                found.push(endpoint);
            }
        };
        let sides = |party: Party<'p, 'a>| {
            let relations = party.model.relations_of(party.name);
            relations.flat_map(move |relation| relation.sides(party.name))
        };
        if self.same_model() && self.client.name == self.to.name {
            let peers = self.charm.endpoints.iter();
            for (name, _) in peers.filter(|(_, endpoint)| endpoint.role == Role::Peer) {
                add(Some(name));
            }
        }
        for (near, far) in sides(self.to) {
            let is_client = if far.is_saas {
                self.is_behind(self.to.model, far.name, self.client)
            } else {
                self.same_model() && far.name == self.client.name
            };
            if is_client {
                add(near.endpoint);
            }
        }
        for (_, far) in sides(self.client) {
            if far.is_saas && self.is_behind(self.client.model, far.name, self.to) {
                add(far.endpoint);
            }
        }
        found
    }

    /// Whether an application is behind a `saas` entry.
    fn is_behind(&self, model: &Model<'a>, name: &str, party: Party<'p, 'a>) -> bool {
        let Some(saas) = model.bundle.saas.get(name) else {
            return false;
        };
        // Only the given models' offers matter, so that the bundles need not be copied.
        let Some((far, offer)) = crate::juju::bundle::parse_saas_url(saas.url) else {
            return false;
        };
        far == party.model.name
            && party
                .model
                .bundle
                .applications
                .get(party.name)
                .is_some_and(|application| application.offers.contains_key(offer))
    }

    /// Policies about an endpoint that always exist.
    fn declared(&self, endpoint: &str) -> impl Iterator<Item = &'p Declared<'a>> {
        let policies = self.charm.policies.iter();
        policies.filter(move |one| one.policy.relation() == endpoint && one.when.is_none())
    }

    /// Endpoints that could be related and are not: the relation, and the target's end.
    fn pairs(&self, related: &[&str]) -> Vec<(Item, &'a str)> {
        let Some(client) = self.client.charm.filter(|_| self.same_model()) else {
            return Vec::new();
        };
        if self.client.name == self.to.name {
            return Vec::new();
        }
        let usable = |charm: &Charm<'_>, name: &str, endpoint: &CharmEndpoint| {
            let own = [
                charm.mesh_relation_name,
                charm.cmr_requires_name,
                charm.cmr_provides_name,
            ];
            endpoint.role != Role::Peer && !own.contains(&name)
        };
        let mut others: Vec<(&str, &str, &CharmEndpoint)> = Vec::new();
        for (name, endpoint) in client.endpoints.iter() {
            if let Some(interface) = &endpoint.interface
                && usable(client, name, endpoint)
            {
                others.push((interface, name, endpoint));
            }
        }
        sort_by(&mut others, |left, right| left.0.cmp(right.0));
        let mut found = Vec::new();
        for (name, endpoint) in self.charm.endpoints.iter() {
            let Some(interface) = endpoint.interface.as_deref() else {
                continue;
            };
            if found.len() >= MAX_FOUND
                || related.contains(&name)
                || !usable(self.charm, name, endpoint)
            {
                continue;
            }
            let from = others.partition_point(|(one, ..)| *one < interface);
            let alike = others.iter().skip(from);
            for (_, other, far) in alike
                .take_while(|(one, ..)| *one == interface)
                .take(MAX_PAIRS)
            {
                if far.role != endpoint.role {
                    let item = relation((self.client.name, other), (self.to.name, name));
                    found.push((item, name));
                }
            }
        }
        // Those whose policies are there already come first.
        let bare = |name: &str| self.declared(name).next().is_none();
        sort_by(&mut found, |left, right| bare(left.1).cmp(&bare(right.1)));
        found.truncate(MAX_PAIRS);
        found
    }

    /// A relation that joins the client to the mesh of the target, or of another application beside it.
    fn join(&self) -> Option<Item> {
        let charm = self.client.charm?;
        charm.endpoints.get(charm.mesh_relation_name)?;
        let model = self.client.model;
        let first = self.same_model().then_some(self.to.name);
        for name in first.into_iter().chain(model.bundle.applications.keys()) {
            let mesh = charm_of(&model.bundle, self.charms, name).map(|one| one.mesh_relation_name);
            for relation_at in model.relations_of(name) {
                for (near, far) in relation_at.sides(name) {
                    if let (true, Some(endpoint)) =
                        (mesh.is_some() && near.endpoint == mesh, far.endpoint)
                    {
                        let near = (self.client.name, charm.mesh_relation_name);
                        return Some(relation(near, (far.name, endpoint)));
                    }
                }
            }
        }
        None
    }

    /// Adds relations to the client's bundle.
    fn relate(&self, items: &[Item]) -> Option<Edit> {
        let (source, document) = self.bundle(&self.client)?;
        let insertion = add_list(text(source)?, &document.root, "relations", items)?;
        let names: Vec<String> = items.iter().map(relation_text).collect();
        let noun = if items.len() == 1 {
            "the relation"
        } else {
            "the relations"
        };
        Some(Edit {
            file: source.file.to_owned(),
            what: format!("add {noun} {} to the bundle", names.join(" and ")),
            insertion,
        })
    }

    fn bundle(&self, party: &Party<'p, 'a>) -> Option<(&'p Source<'a>, &'p Document<'a>)> {
        let file = party.model.bundle.file;
        let mut files = self.bundles.iter();
        let (source, documents) =
            files.find(|(source, _)| source.file == file && !source.overlay)?;
        Some((source, documents.first()?))
    }

    fn file(&self) -> Option<(&'p Source<'a>, &'p Document<'a>)> {
        let of_name = self
            .files
            .iter()
            .filter(|(source, _)| source.file == self.charm.file);
        for (source, documents) in of_name {
            for document in documents {
                let root = &document.root;
                let name = root.get("charm").or_else(|| root.get("name"));
                if name.is_some_and(|name| name.at == self.charm.at) {
                    return Some((source, document));
                }
            }
        }
        None
    }

    /// Adds a policy to the target's charm.
    fn declare(&self, kind: &str, endpoint: &str) -> Option<Edit> {
        let (source, document) = self.file()?;
        let item = self.wanted.policy(kind, endpoint);
        let insertion = add_list(text(source)?, &document.root, "policies", &[item])?;
        Some(self.edit(
            source,
            insertion,
            format!("declare `kind: {kind}` for `{}`", clip(endpoint)),
            kind,
        ))
    }

    /// Adds an endpoint to a policy of the target's charm.
    fn extend(&self, declared: &Declared<'a>, kind: &str, endpoint: &str) -> Option<Edit> {
        let (source, document) = self.file()?;
        let policies = document.root.get("policies").and_then(Node::as_array)?;
        let node = policies.iter().find(|node| node.at == declared.at)?;
        let (list, item) = match (&declared.policy, kind) {
            (CharmPolicy::App(_), "app") => (node.get("endpoints")?, self.wanted.endpoint()),
            (CharmPolicy::Unit(_), "unit") => {
                (node.get("ports")?, Item::Number(self.wanted.port?.into()))
            }
            _ => return None,
        };
        let insertion = append(text(source)?, list, &[item])?;
        let what = if kind == "app" {
            "add an endpoint to"
        } else {
            "add a port to"
        };
        Some(self.edit(
            source,
            insertion,
            format!("{what} the `{kind}` policy for `{}`", clip(endpoint)),
            kind,
        ))
    }

    fn edit(&self, source: &Source<'_>, insertion: Insertion, what: String, kind: &str) -> Edit {
        Edit {
            file: source.file.to_owned(),
            what: format!(
                "{what} in the charm `{}`: {}",
                clip(self.charm.name),
                self.wanted.text(kind)
            ),
            insertion,
        }
    }
}

fn text<'s>(source: &Source<'s>) -> Option<&'s str> {
    decode_utf8(source.bytes).ok()
}

fn relation(left: (&str, &str), right: (&str, &str)) -> Item {
    let end = |(name, endpoint): (&str, &str)| Item::Text(format!("{name}:{endpoint}"));
    Item::List(vec![end(left), end(right)])
}

fn relation_text(item: &Item) -> String {
    match item {
        Item::List(ends) => {
            let ends: Vec<String> = ends.iter().map(relation_text).collect();
            ends.join(" – ")
        }
        Item::Text(text) => format!("`{}`", clip(text)),
        _ => String::new(),
    }
}
