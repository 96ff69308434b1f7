//! Juju bundles: applications, relations, offers and what other models offer, overlays merged.

use super::charm::clip;
use super::keys;
use super::kinds::misplaced;
use super::url::charm_name;
pub use super::url::parse_saas_url;
use crate::diagnostic::{Diagnostic, code, repeated_keys};
use crate::map::{Index, Map};
use crate::text::{Document, Node, Object, Position, Value};

/// One model's bundle with its overlays applied.
#[derive(Debug, Clone)]
pub struct Bundle<'a> {
    /// The file's name.
    pub file: &'a str,
    /// The bundle's `name`.
    pub name: Option<&'a str>,
    /// Applications by name.
    pub applications: Map<'a, Application<'a>>,
    /// What other models offer to this one, by local name.
    pub saas: Map<'a, Saas<'a>>,
    /// Applications of other models that use offers of this one, as `juju export-bundle` names them: `remote-…: {}`. Who
    /// they are stands in their own models' bundles alone. The file and the place of each.
    pub consumers: Map<'a, (&'a str, Position)>,
    /// Relations, in order, as written.
    pub relations: Vec<WrittenRelation<'a>>,
}

/// One application.
#[derive(Debug, Clone)]
pub struct Application<'a> {
    /// The file it was first named in: the bundle's or an overlay's.
    pub file: &'a str,
    /// Where its name stands.
    pub at: Position,
    /// Its charm's name, without store, series and revision.
    pub charm: &'a str,
    /// Its options, as text.
    pub options: Map<'a, String>,
    /// Its offers: endpoints by the offer's name, and where the offer stands.
    pub offers: Map<'a, (Position, Vec<&'a str>)>,
}

/// An application of another model.
#[derive(Debug, Clone, Copy)]
pub struct Saas<'a> {
    /// The file it stands in: the bundle's or an overlay's.
    pub file: &'a str,
    /// Where its name stands.
    pub at: Position,
    /// `[controller:][user/]model.offer`
    pub url: &'a str,
}

/// One end of a relation as written: `application` or `application:endpoint`.
#[derive(Debug, Clone, Copy)]
pub struct WrittenEnd<'a> {
    /// Where it stands.
    pub at: Position,
    /// The application's name.
    pub application: &'a str,
    /// The endpoint's name, where written.
    pub endpoint: Option<&'a str>,
}

/// A relation as written.
#[derive(Debug, Clone, Copy)]
pub struct WrittenRelation<'a> {
    /// The file it stands in: the bundle's or an overlay's.
    pub file: &'a str,
    /// Where it stands.
    pub at: Position,
    /// Its two ends.
    pub ends: [WrittenEnd<'a>; 2],
}

/// What Juju reads at the top of a bundle or an overlay, its old names among them.
const KEYS: [&str; 14] = [
    "applications",
    "services",
    "saas",
    "remote-applications",
    "relations",
    "machines",
    "variables",
    "series",
    "default-base",
    "bundle",
    "type",
    "name",
    "tags",
    "description",
];
/// Those of applications, offers and `saas` entries that mean something here. Juju has others.
const APPLICATION_KEYS: [&str; 3] = ["charm", "options", "offers"];
const OFFER_KEYS: [&str; 1] = ["endpoints"];
const SAAS_KEYS: [&str; 1] = ["url"];

/// Whether a document is a bundle rather than another kind of file.
pub fn is_bundle(root: &Node<'_>) -> bool {
    root.get("applications").is_some() || root.get("services").is_some()
}

/// Reads a bundle: the first document is the base, those after it are overlays, as
/// `juju export-bundle` prints them. `None` where there is no bundle, which a diagnostic says.
pub fn read_bundle<'a>(
    file: &'a str,
    documents: &'a [Document<'a>],
    overlays: &[(&'a str, &'a [Document<'a>])],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Bundle<'a>> {
    let mut bundle = Bundle {
        file,
        name: None,
        applications: Map::new(),
        saas: Map::new(),
        consumers: Map::new(),
        relations: Vec::new(),
    };
    let base = documents.first();
    if !base.is_some_and(|document| is_bundle(&document.root)) {
        let at = base.map_or(Position::new(1, 1), |document| document.root.at);
        let known = base.and_then(|document| misplaced(&document.root, "a bundle"));
        let (text, help) = known.unwrap_or_else(|| {
            let text = "this is no bundle: it has no `applications`".to_owned();
            (text, "give a bundle as `juju export-bundle` prints it")
        });
        diagnostics.push(
            Diagnostic::error(code::WRONG_SHAPE, text)
                .at(file, at)
                .help(help)
                .bad_input(),
        );
        return None;
    }
    if let Some(model) = base.and_then(|document| document.root.get("model"))
        && model.get("controller").is_some()
    {
        diagnostics.push(
            Diagnostic::error(
                code::WRONG_SHAPE,
                "this is what `juju status` prints: it has no relations as bundles have them",
            )
            .at(file, model.at)
            .help("give what `juju export-bundle` prints")
            .bad_input(),
        );
        return None;
    }
    let layers = documents.iter().map(|document| (file, document)).chain(
        overlays
            .iter()
            .flat_map(|(file, documents)| documents.iter().map(|document| (*file, document))),
    );
    for (at, (file, document)) in layers.enumerate() {
        let is_empty = document
            .root
            .as_object()
            .is_some_and(|object| object.iter().next().is_none());
        // Where a model has no offers, some versions of Juju print an empty overlay after the bundle.
        let is_nothing = is_empty && at > 0 && at < documents.len();
        if document.root.is_null() || is_nothing {
            continue;
        }
        repeated_keys(file, document, diagnostics);
        let mut reader = Reader {
            file,
            is_overlay: at > 0,
            diagnostics,
        };
        reader.layer(&mut bundle, &document.root);
    }
    verify(&bundle, diagnostics);
    Some(bundle)
}

/// What Juju refuses of a whole bundle, and which nothing else here notices.
fn verify(bundle: &Bundle<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for (name, application) in bundle.applications.iter() {
        if application.charm.is_empty() {
            let text = format!("the application `{}` has no `charm`", clip(name));
            let error = Diagnostic::error(code::WRONG_SHAPE, text).bad_input();
            diagnostics.push(error.at(application.file, application.at));
        }
        if let Some(saas) = bundle.saas.get(name) {
            let text = format!("`{}` is an application and a `saas` entry", clip(name));
            let error = Diagnostic::error(code::DUPLICATE_KEY, text).bad_input();
            let help = "give the `saas` entry another name, in `relations` too";
            diagnostics.push(error.at(saas.file, saas.at).help(help));
        }
    }
    let mut seen = Index::default();
    for relation in &bundle.relations {
        let [left, right] = &relation.ends;
        if left.application == right.application {
            let text = format!("`{}` is related to itself", clip(left.application));
            let error = Diagnostic::error(code::RELATION_TO_ITSELF, text).bad_input();
            let help = "take the relation out: Juju makes peer relations by itself";
            diagnostics.push(error.at(relation.file, relation.at).help(help));
        }
        let mut ends = [left, right].map(|end| {
            let endpoint = end.endpoint.unwrap_or_default();
            format!("{}:{endpoint}", end.application)
        });
        if ends.first() > ends.last() {
            ends.reverse();
        }
        if !seen.add(ends.join(" ")) {
            let text = "this relation is written twice";
            let warning = Diagnostic::warning(code::REPEATED_RELATION, text);
            diagnostics.push(warning.at(relation.file, relation.at).help("take one out"));
        }
    }
}

/// Reads one layer, as Juju merges it into those before.
/// Source: juju/charm `overlay.go`.
struct Reader<'a, 'd> {
    file: &'a str,
    is_overlay: bool,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl<'a> Reader<'a, '_> {
    fn wrong(&mut self, at: Position, message: String) {
        self.diagnostics.push(
            Diagnostic::error(code::WRONG_SHAPE, message)
                .at(self.file, at)
                .bad_input(),
        );
    }

    fn wrong_relation(&mut self, at: Position, message: String) {
        self.diagnostics.push(
            Diagnostic::error(code::WRONG_SHAPE, message)
                .at(self.file, at)
                .help("write `- [APPLICATION:ENDPOINT, APPLICATION:ENDPOINT]` for each")
                .bad_input(),
        );
    }

    fn mapping(&mut self, object: &'a Object<'a>, key: &str) -> Option<&'a Object<'a>> {
        let node = object.get(key).filter(|node| !node.is_null())?;
        let mapping = node.as_object();
        if mapping.is_none() {
            self.wrong(
                node.at,
                format!("`{key}` must be a mapping, not {}", node.kind()),
            );
        }
        mapping
    }

    fn layer(&mut self, bundle: &mut Bundle<'a>, root: &'a Node<'a>) {
        let Some(object) = root.as_object() else {
            self.wrong(
                root.at,
                format!("a bundle must be a mapping, not {}", root.kind()),
            );
            return;
        };
        if !object
            .iter()
            .any(|member| KEYS.contains(&member.key.as_ref()))
        {
            self.wrong(
                root.at,
                "this is no bundle and no overlay of one: it has nothing that a bundle has"
                    .to_owned(),
            );
        }
        keys::misspelled(self.file, object, &KEYS, self.diagnostics);
        if let Some(name) = object.get("name").and_then(Node::as_str) {
            bundle.name.get_or_insert(name);
        }
        if let Some(services) = object.member("services")
            && !is_empty(object, "applications")
            && object.get("applications").is_some()
            && !is_empty(object, "services")
        {
            let text = "a bundle has `applications` or `services`, not both";
            self.wrong(services.at, text.to_owned());
        }
        for key in ["applications", "services"] {
            let Some(applications) = self.mapping(object, key) else {
                continue;
            };
            for member in applications.iter() {
                self.application(bundle, member.key.as_ref(), member.at, &member.value);
            }
        }
        for key in ["saas", "remote-applications"] {
            let Some(saas) = self.mapping(object, key) else {
                continue;
            };
            for member in saas.iter() {
                let name = member.key.as_ref();
                // An overlay takes an entry out with `null`.
                if member.value.is_null() {
                    bundle.saas.remove(name);
                    bundle.consumers.remove(name);
                    remove_relations(bundle, name);
                    continue;
                }
                if let Some(fields) = member.value.as_object() {
                    keys::misspelled(self.file, fields, &SAAS_KEYS, self.diagnostics);
                }
                match member.value.get("url").and_then(Node::as_str) {
                    Some(url) => {
                        let (file, at) = (self.file, member.at);
                        bundle.saas.insert(name, Saas { file, at, url });
                    }
                    // An overlay may say something else of one that has it.
                    None if bundle.saas.get(name).is_some() => {}
                    None if is_consumer(name, &member.value) => {
                        bundle.consumers.insert(name, (self.file, member.at));
                    }
                    None => self.wrong(
                        member.value.at,
                        format!("the `saas` entry `{}` has no `url`", clip(name)),
                    ),
                }
            }
        }
        let Some(relations) = object.get("relations").filter(|node| !node.is_null()) else {
            return;
        };
        let Some(relations) = relations.as_array() else {
            let text = format!("`relations` must be a list, not {}", relations.kind());
            self.wrong_relation(relations.at, text);
            return;
        };
        bundle.relations.reserve(relations.len());
        for relation in relations {
            match self.relation(relation) {
                Some(ends) => bundle.relations.push(WrittenRelation {
                    file: self.file,
                    at: relation.at,
                    ends,
                }),
                None => self.wrong_relation(
                    relation.at,
                    "a relation must be a list of two `application:endpoint`".to_owned(),
                ),
            }
        }
    }

    fn application(
        &mut self,
        bundle: &mut Bundle<'a>,
        name: &'a str,
        at: Position,
        node: &'a Node<'a>,
    ) {
        // An overlay takes an application out, with its relations, by `null`, whether it is there or not.
        if node.is_null() && self.is_overlay {
            if bundle.applications.remove(name).is_none() {
                let text = format!("there is no application `{}` to take out", clip(name));
                let note = Diagnostic::note(code::UNKNOWN_APPLICATION, text).at(self.file, at);
                let help = "correct the name, if one of the bundle is meant";
                self.diagnostics.push(note.help(help));
            }
            remove_relations(bundle, name);
            return;
        }
        let Some(object) = node.as_object() else {
            self.wrong(
                node.at,
                format!(
                    "the application `{}` must be a mapping, not {}",
                    clip(name),
                    node.kind()
                ),
            );
            return;
        };
        let made = bundle
            .applications
            .get_or_insert_with(name, || Application {
                file: self.file,
                at,
                charm: "",
                options: Map::new(),
                offers: Map::new(),
            });
        let Some(application) = made else {
            return;
        };
        keys::misspelled(self.file, object, &APPLICATION_KEYS, self.diagnostics);
        for key in ["scale", "num_units"] {
            let node = object.get(key).filter(|node| !node.is_null());
            if let Some(node) = node.filter(|node| !is_count(node)) {
                let shown = node.scalar_text().unwrap_or(node.kind().into());
                let text = format!("`{key}` must be a number of units, not `{}`", clip(&shown));
                self.wrong(node.at, text);
            }
        }
        if let Some(node) = object.get("charm").filter(|node| !node.is_null()) {
            match node.as_str().filter(|text| !text.is_empty()) {
                Some(charm) => application.charm = charm_name(charm),
                None => self.wrong(node.at, "`charm` must be the name of a charm".to_owned()),
            }
        }
        // What is empty clears what is there, and `null` takes one entry out.
        if is_empty(object, "options") {
            application.options = Map::new();
        } else if let Some(options) = self.mapping(object, "options") {
            for member in options.iter() {
                let name = member.key.as_ref();
                match member.value.scalar_text() {
                    Some(text) => {
                        application.options.insert(name, text.into_owned());
                    }
                    None if member.value.is_null() => {
                        application.options.remove(name);
                    }
                    None => self.wrong(
                        member.value.at,
                        format!(
                            "the option `{}` must be text, a number or a boolean, not {}",
                            clip(&member.key),
                            member.value.kind()
                        ),
                    ),
                }
            }
        }
        if is_empty(object, "offers") {
            application.offers = Map::new();
        } else if let Some(offers) = self.mapping(object, "offers") {
            for member in offers.iter() {
                if member.value.is_null() {
                    application.offers.remove(member.key.as_ref());
                    continue;
                }
                let fields = member.value.as_object();
                if let Some(fields) = fields {
                    keys::misspelled(self.file, fields, &OFFER_KEYS, self.diagnostics);
                }
                let endpoints = fields.and_then(|fields| fields.get("endpoints"));
                // An overlay may say more of an offer, such as who may use it.
                let is_known = application.offers.get(&member.key).is_some();
                if fields.is_some() && endpoints.is_none() && is_known {
                    continue;
                }
                let endpoints = endpoints.and_then(Node::as_array);
                let texts = endpoints.and_then(|list| list.iter().map(Node::as_str).collect());
                let Some(endpoints) = texts else {
                    self.wrong(
                        member.value.at,
                        format!(
                            "the offer `{}` has no list of `endpoints`",
                            clip(&member.key)
                        ),
                    );
                    continue;
                };
                application
                    .offers
                    .insert(member.key.as_ref(), (member.at, endpoints));
            }
        }
    }

    fn relation(&self, node: &'a Node<'a>) -> Option<[WrittenEnd<'a>; 2]> {
        let [left, right] = node.as_array()? else {
            return None;
        };
        let end = |node: &'a Node<'a>| {
            let text = node.as_str()?;
            let (application, endpoint) = match text.split_once(':') {
                Some((application, endpoint)) => (application, Some(endpoint)),
                None => (text, None),
            };
            Some(WrittenEnd {
                at: node.at,
                application,
                endpoint,
            })
        };
        Some([end(left)?, end(right)?])
    }
}

/// How many units there are.
fn is_count(node: &Node<'_>) -> bool {
    match &node.value {
        Value::Int(number) => i32::try_from(*number).is_ok_and(|number| number >= 0),
        Value::String(text) => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

/// Juju makes up the names of those who use an offer and has no URL for them.
fn is_consumer(name: &str, entry: &Node<'_>) -> bool {
    name.starts_with("remote-") && entry.as_object().is_some()
}

/// Whether a mapping is there and has nothing in it.
fn is_empty(object: &Object<'_>, key: &str) -> bool {
    object.get(key).is_some_and(|node| {
        node.is_null()
            || node
                .as_object()
                .is_some_and(|map| map.iter().next().is_none())
    })
}

fn remove_relations(bundle: &mut Bundle<'_>, name: &str) {
    bundle
        .relations
        .retain(|relation| relation.ends.iter().all(|end| end.application != name));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::parse_yaml;

    #[test]
    fn overlays_clear() {
        let text = "applications:\n  a: {charm: x, options: {k: 1, l: 2}, offers: {o: {endpoints: [p]}, q: {endpoints: [p]}}}\n\
                    \x20 b: {charm: y, options: {k: 1}, offers: {o: {endpoints: [p]}}}\nsaas: {s: {url: m.s}}\n\
                    --- # overlay\n\
                    applications: {a: {options: {k: null}, offers: {o: null}}, b: {options: {}, offers: null}, gone: null}\n\
                    saas: {s: {}, t: null}\n";
        let documents = parse_yaml(text).expect("reads");
        let mut diagnostics = Vec::new();
        let bundle = read_bundle("b.yaml", &documents, &[], &mut diagnostics).expect("a bundle");
        let told: Vec<&str> = diagnostics.iter().map(|one| one.message.as_str()).collect();
        assert_eq!(told, ["there is no application `gone` to take out"]);
        diagnostics.clear();
        let kept = |name: &str| {
            let one = bundle.applications.get(name).expect("an application");
            let keys = one.options.keys().chain(one.offers.keys());
            keys.map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            (kept("a"), kept("b").len()),
            (vec!["l".into(), "q".into()], 0)
        );
        assert_eq!(bundle.saas.get("s").expect("s").url, "m.s");
        // In the bundle itself there is nothing to take out.
        let documents = parse_yaml("applications: {a: null}\n").expect("reads");
        read_bundle("b.yaml", &documents, &[], &mut diagnostics);
        assert_eq!(diagnostics.len(), 1);
    }

    #[test]
    fn overlays_add_change_and_remove() {
        let text = "applications: {a: {charm: x, options: {k: 1}}, b: {charm: y}, c: {charm: y}}\n\
                    relations: [[a:p, b:q], [a:p, c:q], [b:p, b:q]]\n\
                    --- # overlay\n\
                    applications: {a: {offers: {o: {endpoints: [p]}}, options: {m: true}}, b: null}\n";
        let documents = parse_yaml(text).expect("reads");
        let mut diagnostics = Vec::new();
        let bundle = read_bundle("b.yaml", &documents, &[], &mut diagnostics).expect("a bundle");
        assert_eq!(diagnostics, []);
        assert_eq!(bundle.applications.keys().collect::<Vec<_>>(), ["a", "c"]);
        let a = bundle.applications.get("a").expect("a");
        assert_eq!(
            (
                a.charm,
                a.options.len(),
                a.offers.get("o").expect("o").1.len()
            ),
            ("x", 2, 1)
        );
        let left: Vec<_> = bundle
            .relations
            .iter()
            .map(|one| one.ends[1].application)
            .collect();
        assert_eq!(left, ["c"]);
    }
}
