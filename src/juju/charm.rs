//! Charm files: what a charm declares about its endpoints and its part in the mesh.

use super::bundle::is_bundle;
pub use crate::diagnostic::clip;
use crate::diagnostic::{Diagnostic, code};
use crate::map::Map;
use crate::model::{
    CharmPolicy, ValidationError, validate_app_policy, validate_policy, validate_unit_policy,
};
use crate::text::{Document, Node, Object, Position, Value};

/// Which side of a relation an endpoint is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Listed under `provides`.
    Provider,
    /// Listed under `requires`.
    Requirer,
    /// Listed under `peers`.
    Peer,
}

/// An endpoint of a charm, as in `charmcraft.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CharmEndpoint {
    /// Its side.
    pub role: Role,
    /// Its interface; `None` where the charm file leaves it unknown (`null`).
    pub interface: Option<String>,
}

/// The interface of the relations by which charms join a mesh.
const SERVICE_MESH: &str = "service_mesh";

impl CharmEndpoint {
    /// Whether it speaks the interface of a mesh; `None` where that is unknown.
    pub fn is_of_mesh(&self) -> Option<bool> {
        let interface = self.interface.as_deref();
        interface.map(|interface| interface == SERVICE_MESH)
    }
}

/// A policy that a charm declares, and where.
#[derive(Debug, Clone)]
pub struct Declared<'a> {
    /// The policy.
    pub policy: CharmPolicy,
    /// Where it stands in the charm file.
    pub at: Position,
    /// Its `when`, if it has one.
    pub when: Option<&'a str>,
}

/// A policy that a charm makes itself: an AuthorizationPolicy or the template of one, or the
/// template of a MeshPolicy.
#[derive(Debug, Clone, Copy)]
pub struct Template<'a> {
    /// The mapping in the charm file.
    pub node: &'a Node<'a>,
    /// Its `when`, if it has one.
    pub when: Option<&'a str>,
}

/// What a charm file says.
#[derive(Debug, Clone)]
pub struct Charm<'a> {
    /// The file's name.
    pub file: &'a str,
    /// Where its `charm` stands.
    pub at: Position,
    /// The charm's name, as a bundle's `charm` gives it.
    pub name: &'a str,
    /// Whether it uses a `ServiceMeshConsumer`.
    pub consumer: bool,
    /// Whether the file tells what the charm does on a mesh. A charm's own `charmcraft.yaml` or `metadata.yaml` names its
    /// endpoints alone.
    pub tells: bool,
    /// Name of the endpoint that joins a mesh.
    pub mesh_relation_name: &'a str,
    /// Name of the `cross_model_mesh` requirer.
    pub cmr_requires_name: &'a str,
    /// Name of the `cross_model_mesh` provider.
    pub cmr_provides_name: &'a str,
    /// Whether it joins its mesh by itself, as the charm file says it; `None` where it says nothing.
    pub auto_join: Option<String>,
    /// Endpoints by name.
    pub endpoints: Map<'a, CharmEndpoint>,
    /// Declared policies, in order.
    pub policies: Vec<Declared<'a>>,
    /// AuthorizationPolicies that the charm makes itself.
    pub raw_policies: Vec<Template<'a>>,
    /// MeshPolicies that the charm applies itself, without the beacon.
    pub internal_mesh_policies: Vec<Template<'a>>,
    /// Defaults of configuration options, as text.
    pub config_defaults: Map<'a, String>,
}

/// Keys of a charm file that mean something here.
const KEYS: [&str; 9] = [
    "charm",
    "provides",
    "requires",
    "peers",
    "mesh",
    "policies",
    "raw_policies",
    "internal_mesh_policies",
    "config_defaults",
];
const POLICY_KEYS: [&str; 6] = ["kind", "relation", "endpoints", "ports", "service", "when"];
const ENDPOINT_KEYS: [&str; 4] = ["hosts", "ports", "methods", "paths"];

/// Reads one charm file; `None` where it is none, which a diagnostic says.
pub fn read_charm<'a>(
    file: &'a str,
    document: &'a Document<'a>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Charm<'a>> {
    let root = &document.root;
    let wrong = |at, message: String| {
        Diagnostic::error(code::WRONG_SHAPE, message)
            .at(file, at)
            .bad_input()
            .help("a charm file is a mapping with `charm`, `provides`, `requires`, `peers`, `mesh` and `policies`")
    };
    let Some(object) = root.as_object() else {
        diagnostics.push(wrong(
            root.at,
            format!("a charm file must be a mapping, not {}", root.kind()),
        ));
        return None;
    };
    if is_bundle(root) {
        diagnostics.push(wrong(
            root.at,
            "this is a bundle, not a charm file".to_owned(),
        ));
        return None;
    }
    let Some(name) = object.member("charm").or_else(|| object.member("name")) else {
        diagnostics.push(wrong(
            root.at,
            "a charm file must name its `charm`".to_owned(),
        ));
        return None;
    };
    let (Some(text), at) = (name.value.as_str(), name.value.at) else {
        diagnostics.push(wrong(
            name.value.at,
            format!("`charm` must be a name, not {}", name.value.kind()),
        ));
        return None;
    };
    let mut reader = Reader { file, diagnostics };
    for (at, key) in &document.duplicates {
        reader.warn(
            code::DUPLICATE_KEY,
            *at,
            format!("the key `{key}` stands twice; the last one counts"),
        );
    }
    reader.misspelled(object, &KEYS);
    let endpoints = reader.endpoints(object);
    let policies = reader.policies(object);
    let mesh = object.get("mesh");
    let argument = |name: &str, default: &'a str| {
        mesh.and_then(|mesh| mesh.get("arguments"))
            .and_then(|arguments| arguments.get(name))
            .and_then(Node::as_str)
            .unwrap_or(default)
    };
    // A file that says nothing of a consumer has one if it declares what only a consumer uses, however wrongly.
    let declares = object
        .get("policies")
        .and_then(Node::as_array)
        .is_some_and(|list| !list.is_empty());
    let consumer = mesh
        .and_then(|mesh| mesh.get("service_mesh_consumer"))
        .and_then(Node::as_bool)
        .unwrap_or(declares || mesh.is_some());
    let tells = [
        "charm",
        "mesh",
        "policies",
        "raw_policies",
        "internal_mesh_policies",
    ];
    Some(Charm {
        file,
        at,
        name: text,
        consumer,
        tells: tells.iter().any(|key| object.get(key).is_some()),
        mesh_relation_name: argument("mesh_relation_name", "service-mesh"),
        cmr_requires_name: argument("cross_model_mesh_requires_name", "require-cmr-mesh"),
        cmr_provides_name: argument("cross_model_mesh_provides_name", "provide-cmr-mesh"),
        auto_join: mesh
            .and_then(|mesh| mesh.get("arguments"))
            .and_then(|arguments| arguments.get("auto_join"))
            .and_then(Node::scalar_text)
            .map(std::borrow::Cow::into_owned),
        endpoints,
        policies,
        raw_policies: reader.templates(object, "raw_policies"),
        internal_mesh_policies: reader.templates(object, "internal_mesh_policies"),
        config_defaults: reader.defaults(object),
    })
}

/// One sentence for a validation error, with the field's path.
pub fn describe(error: &ValidationError) -> String {
    let path: Vec<String> = error.loc.iter().map(ToString::to_string).collect();
    if path.is_empty() {
        return error.message.clone();
    }
    format!("`{}`: {}", path.join("."), error.message)
}

struct Reader<'a, 'd> {
    file: &'a str,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl<'a> Reader<'a, '_> {
    fn warn(&mut self, code: &'static str, at: Position, message: String) {
        self.diagnostics
            .push(Diagnostic::warning(code, message).at(self.file, at));
    }

    fn wrong(&mut self, key: &str, node: &Node<'_>, expected: &str) {
        self.diagnostics.push(
            Diagnostic::error(
                code::WRONG_SHAPE,
                format!("`{key}` must be {expected}, not {}", node.kind()),
            )
            .at(self.file, node.at)
            .bad_input(),
        );
    }

    fn misspelled(&mut self, object: &Object<'_>, known: &[&str]) {
        for member in object.iter() {
            let key = member.key.as_ref();
            if known.contains(&key) {
                continue;
            }
            if let Some(meant) = known.iter().find(|name| one_edit_apart(key, name)) {
                self.diagnostics.push(
                    Diagnostic::warning(
                        code::MISSPELLED_KEY,
                        format!("the key `{}` is not known and is ignored", clip(key)),
                    )
                    .at(self.file, member.at)
                    .help(format!("write `{meant}`")),
                );
            }
        }
    }

    /// The mapping under `key`; nothing where it is absent or `null`.
    fn mapping(&mut self, object: &'a Object<'a>, key: &str) -> Option<&'a Object<'a>> {
        let node = object.get(key).filter(|node| !node.is_null())?;
        let mapping = node.as_object();
        if mapping.is_none() {
            self.wrong(key, node, "a mapping");
        }
        mapping
    }

    fn list(&mut self, object: &'a Object<'a>, key: &str) -> &'a [Node<'a>] {
        let Some(node) = object.get(key).filter(|node| !node.is_null()) else {
            return &[];
        };
        node.as_array().unwrap_or_else(|| {
            self.wrong(key, node, "a list");
            &[]
        })
    }

    fn endpoints(&mut self, object: &'a Object<'a>) -> Map<'a, CharmEndpoint> {
        let mut endpoints = Map::new();
        for (key, role) in [
            ("provides", Role::Provider),
            ("requires", Role::Requirer),
            ("peers", Role::Peer),
        ] {
            let Some(declared) = self.mapping(object, key) else {
                continue;
            };
            for member in declared.iter() {
                let interface = match &member.value.value {
                    // `endpoint: interface` is charmcraft's short form.
                    Value::String(interface) => Some(interface.to_string()),
                    _ => member
                        .value
                        .get("interface")
                        .and_then(Node::as_str)
                        .map(str::to_owned),
                };
                endpoints.insert(member.key.as_ref(), CharmEndpoint { role, interface });
            }
        }
        endpoints
    }

    fn policies(&mut self, object: &'a Object<'a>) -> Vec<Declared<'a>> {
        let mut policies = Vec::new();
        for node in self.list(object, "policies") {
            let Some(fields) = node.as_object() else {
                self.wrong("policies", node, "a list of mappings");
                continue;
            };
            self.misspelled(fields, &POLICY_KEYS);
            for endpoint in fields
                .get("endpoints")
                .and_then(Node::as_array)
                .unwrap_or_default()
            {
                if let Some(endpoint) = endpoint.as_object() {
                    self.misspelled(endpoint, &ENDPOINT_KEYS);
                }
            }
            let validated = match fields.get("kind").and_then(Node::as_str) {
                Some("app") => validate_app_policy(node).map(CharmPolicy::App),
                Some("unit") => validate_unit_policy(node).map(CharmPolicy::Unit),
                Some("policy") => {
                    self.diagnostics.push(
                        Diagnostic::warning(
                            code::DEPRECATED_POLICY,
                            "the kind `policy` is deprecated",
                        )
                        .at(self.file, node.at)
                        .help("write `kind: app`, which means the same"),
                    );
                    validate_policy(node).map(CharmPolicy::Deprecated)
                }
                _ => {
                    let at = fields.get("kind").map_or(node.at, |kind| kind.at);
                    self.diagnostics.push(
                        Diagnostic::error(code::INVALID_POLICY, "a policy's `kind` must be `app`, `unit` or `policy`")
                            .at(self.file, at)
                            .help("write `kind: app` for access to the Service, `kind: unit` for access to the pods")
                            .dropped(),
                    );
                    continue;
                }
            };
            match validated {
                Ok(policy) => policies.push(Declared {
                    policy,
                    at: node.at,
                    when: fields.get("when").and_then(Node::as_str),
                }),
                Err(errors) => self.diagnostics.extend(errors.iter().map(|error| {
                    Diagnostic::error(code::INVALID_POLICY, describe(error))
                        .at(self.file, error.at)
                        .dropped()
                })),
            }
        }
        policies
    }

    fn templates(&mut self, object: &'a Object<'a>, key: &str) -> Vec<Template<'a>> {
        let mut templates = Vec::new();
        for node in self.list(object, key) {
            if node.as_object().is_none() {
                self.wrong(key, node, "a list of mappings");
                continue;
            }
            templates.push(Template {
                node,
                when: node.get("when").and_then(Node::as_str),
            });
        }
        templates
    }

    fn defaults(&mut self, object: &'a Object<'a>) -> Map<'a, String> {
        let Some(defaults) = self.mapping(object, "config_defaults") else {
            return Map::new();
        };
        defaults
            .iter()
            .filter_map(|member| {
                let text = member.value.scalar_text()?;
                Some((member.key.as_ref(), text.into_owned()))
            })
            .collect()
    }
}

/// Whether two keys differ by one inserted, missing, changed or swapped character, or only by
/// case, hyphens and underscores. Long keys are told apart at once.
fn one_edit_apart(left: &str, right: &str) -> bool {
    if left.len().abs_diff(right.len()) > 2 {
        return false;
    }
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
    let (left, right) = (plain(left), plain(right));
    if left == right {
        return true;
    }
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let prefix = left.iter().zip(&right).take_while(|(a, b)| a == b).count();
    let rest = |text: &[char]| text.get(prefix..).unwrap_or_default().to_vec();
    let (left, right) = (rest(&left), rest(&right));
    let tail = |text: &[char], from: usize| text.get(from..).unwrap_or_default().to_vec();
    let swapped = left.first() == right.get(1)
        && left.get(1) == right.first()
        && tail(&left, 2) == tail(&right, 2);
    tail(&left, 1) == right
        || left == tail(&right, 1)
        || tail(&left, 1) == tail(&right, 1)
        || swapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_misspelled_keys_and_leaves_others_alone() {
        for (key, known) in [
            ("provide", "provides"),
            ("polices", "policies"),
            ("raw-policies", "raw_policies"),
            ("methdos", "methods"),
            ("Peers", "peers"),
            ("pers", "peers"),
            ("peerss", "peers"),
            ("pears", "peers"),
            ("peer", "peers"),
            ("epers", "peers"),
            ("p_eer-s", "peers"),
        ] {
            assert!(one_edit_apart(key, known), "{key}");
        }
        for (key, known) in [
            ("notes", "peers"),
            ("source", "service"),
            ("relation_side", "relation"),
            ("p-e-e-r-s", "peers"),
            ("p", "peers"),
            ("peers", "p"),
            ("xab", "xca"),
            ("xab", "xbc"),
            ("xabc", "xbad"),
            ("xabcd", "xbadd"),
        ] {
            assert!(!one_edit_apart(key, known), "{key}");
        }
    }
}
