//! Charm files: what a charm declares about its endpoints and its part in the mesh.

use super::bundle::is_bundle;
use super::keys;
use super::when::is_set_to;
pub use crate::diagnostic::clip;
use crate::diagnostic::{Diagnostic, code, repeated_keys};
use crate::map::Map;
use crate::model::{
    CharmPolicy, Loc, ValidationError, validate_app_policy, validate_policy, validate_unit_policy,
};
use crate::names::one_edit_apart;
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
    /// What stands in the charm file.
    pub node: &'a Node<'a>,
    /// Where that begins.
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
/// `relation_side` is for readers: the endpoint says which side it is.
const POLICY_KEYS: [&str; 7] = [
    "kind",
    "relation",
    "endpoints",
    "ports",
    "service",
    "when",
    "relation_side",
];
const MESH_KEYS: [&str; 2] = ["service_mesh_consumer", "arguments"];
const ARGUMENT_KEYS: [&str; 4] = [
    "mesh_relation_name",
    "cross_model_mesh_requires_name",
    "cross_model_mesh_provides_name",
    "auto_join",
];
/// `made_by` is for readers.
const RAW_KEYS: [&str; 5] = ["name", "namespace", "spec", "when", "made_by"];
const INTERNAL_KEYS: [&str; 11] = [
    "kind",
    "source_app",
    "source_app_name",
    "source_namespace",
    "target_app",
    "target_app_name",
    "target_namespace",
    "target_selector_labels",
    "target_service",
    "endpoints",
    "when",
];
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
    let text = name.value.as_str().filter(|text| !text.is_empty());
    let (Some(text), at) = (text, name.value.at) else {
        diagnostics.push(wrong(
            name.value.at,
            format!(
                "`{}` must be a name, not {}",
                name.key,
                empty_or(&name.value)
            ),
        ));
        return None;
    };
    repeated_keys(file, document, diagnostics);
    let mut reader = Reader { file, diagnostics };
    keys::misspelled(file, object, &KEYS, reader.diagnostics);
    let endpoints = reader.endpoints(object);
    let policies = reader.policies(object);
    let mesh = reader.mapping(object, "mesh");
    let arguments = mesh.and_then(|mesh| {
        keys::unknown(file, mesh, &MESH_KEYS, reader.diagnostics);
        reader.mapping(mesh, "arguments")
    });
    if let Some(arguments) = arguments {
        keys::unknown(file, arguments, &ARGUMENT_KEYS, reader.diagnostics);
    }
    // A file that says nothing of a consumer has one if it declares what only a consumer uses, however wrongly.
    let declares = object
        .get("policies")
        .and_then(Node::as_array)
        .is_some_and(|list| !list.is_empty());
    let consumer = mesh
        .and_then(|mesh| reader.flag(mesh, "service_mesh_consumer"))
        .unwrap_or(declares || mesh.is_some());
    let tells = [
        "charm",
        "mesh",
        "policies",
        "raw_policies",
        "internal_mesh_policies",
    ];
    let mut argument = |name: &str, default: &'a str| {
        let Some(text) = arguments.and_then(|arguments| reader.name(arguments, name)) else {
            return default;
        };
        // A file may leave out endpoints that nothing in a bundle uses.
        let meant = endpoints.keys().find(|name| one_edit_apart(text, name));
        if let (None, Some(meant)) = (endpoints.get(text), meant) {
            let at = arguments.and_then(|arguments| arguments.get(name));
            let message = format!(
                "`{name}` is `{}`, which the charm does not declare",
                clip(text)
            );
            reader.diagnostics.push(
                Diagnostic::warning(code::UNDECLARED_ENDPOINT, message)
                    .at(file, at.map_or(root.at, |node| node.at))
                    .help(format!("write `{meant}`")),
            );
        }
        text
    };
    Some(Charm {
        file,
        at,
        name: text,
        consumer,
        tells: tells.iter().any(|key| object.get(key).is_some()),
        mesh_relation_name: argument("mesh_relation_name", "service-mesh"),
        cmr_requires_name: argument("cross_model_mesh_requires_name", "require-cmr-mesh"),
        cmr_provides_name: argument("cross_model_mesh_provides_name", "provide-cmr-mesh"),
        auto_join: arguments.and_then(|arguments| reader.auto_join(arguments)),
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
    let path = path.join(".");
    match error.kind {
        _ if path.is_empty() => error.message.clone(),
        "missing" => format!("`{path}` is missing"),
        _ => format!("`{path}`: {}", error.message),
    }
}

/// What to write instead of a policy's wrong value, where that can be told.
fn remedy(policy: &Node<'_>, error: &ValidationError) -> Option<String> {
    let mut node = policy;
    for step in &error.loc {
        node = match step {
            Loc::Key(key) => node.get(key)?,
            Loc::Index(at) => node.as_array()?.get(*at)?,
        };
    }
    let text = node.scalar_text().filter(|_| !node.is_null());
    match (error.kind, text) {
        ("list_type", Some(text)) => Some(format!("write `[{}]`", clip(&text))),
        ("list_type", None) if node.as_object().is_some() => {
            Some("write it as an entry of a list, after a dash: `- …`".to_owned())
        }
        ("enum", Some(text)) => {
            let upper = text.to_ascii_uppercase();
            let mut known = error.message.split([' ', ',']);
            known
                .any(|one| one == upper)
                .then(|| format!("write `{upper}`"))
        }
        ("int_type" | "int_parsing" | "int_from_float", _) => {
            Some("write a number from 1 to 65535".to_owned())
        }
        _ => None,
    }
}

/// The ports that a policy names, in order.
pub fn ports<'n>(policy: &'n Node<'n>) -> impl Iterator<Item = &'n Node<'n>> {
    let endpoints = policy.get("endpoints").and_then(Node::as_array);
    let ports = endpoints.into_iter().flatten();
    let ports = ports.filter_map(|endpoint| endpoint.get("ports"));
    let ports = ports.chain(policy.get("ports"));
    ports.flat_map(|list| list.as_array().unwrap_or_default())
}

/// What a value is, for messages about one that must be a name.
fn empty_or(node: &Node<'_>) -> &'static str {
    match node.as_str() {
        Some("") => "an empty string",
        _ => node.kind(),
    }
}

struct Reader<'a, 'd> {
    file: &'a str,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl<'a> Reader<'a, '_> {
    fn wrong(&mut self, key: &str, node: &Node<'_>, expected: &str) {
        self.diagnostics.push(
            Diagnostic::error(
                code::WRONG_SHAPE,
                format!("`{}` must be {expected}, not {}", clip(key), empty_or(node)),
            )
            .at(self.file, node.at)
            .bad_input(),
        );
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

    fn flag(&mut self, object: &'a Object<'a>, key: &str) -> Option<bool> {
        let node = object.get(key).filter(|node| !node.is_null())?;
        let flag = node.as_bool();
        if flag.is_none() {
            self.wrong(key, node, "true or false");
            let meant = match node.as_str() {
                Some(text) if is_set_to(text, "true") => "write `true`",
                Some(text) if is_set_to(text, "false") => "write `false`",
                _ => return flag,
            };
            if let Some(told) = self.diagnostics.last_mut() {
                told.help = Some(meant.to_owned());
            }
        }
        flag
    }

    /// A text that is not empty.
    fn name(&mut self, object: &'a Object<'a>, key: &str) -> Option<&'a str> {
        let node = object.get(key).filter(|node| !node.is_null())?;
        let name = node.as_str().filter(|text| !text.is_empty());
        if name.is_none() {
            self.wrong(key, node, "text");
        }
        name
    }

    /// `true`, `false`, or on which option it depends.
    fn auto_join(&mut self, arguments: &'a Object<'a>) -> Option<String> {
        let node = arguments.get("auto_join").filter(|node| !node.is_null())?;
        if node.as_bool().is_none() && node.as_str().is_none() {
            self.wrong("auto_join", node, "true, false or `config KEY`");
        }
        node.scalar_text().map(std::borrow::Cow::into_owned)
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
                let name = member.key.as_ref();
                let interface = match &member.value.value {
                    // `endpoint: interface` is charmcraft's short form.
                    Value::String(interface) => Some(interface.as_ref()),
                    Value::Null => None,
                    Value::Object(fields) => self.name(fields, "interface"),
                    _ => {
                        self.wrong(name, &member.value, "a mapping with `interface`");
                        None
                    }
                };
                let interface = interface.map(str::to_owned);
                if endpoints.contains_key(name) {
                    let text = format!("the endpoint `{}` is declared twice", clip(name));
                    let error = Diagnostic::error(code::DUPLICATE_KEY, text)
                        .at(self.file, member.at)
                        .help(
                            "Juju takes a name for one of `provides`, `requires` and `peers` only",
                        );
                    self.diagnostics.push(error.bad_input());
                }
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
            keys::unknown(self.file, fields, &POLICY_KEYS, self.diagnostics);
            for endpoint in fields
                .get("endpoints")
                .and_then(Node::as_array)
                .unwrap_or_default()
            {
                if let Some(endpoint) = endpoint.as_object() {
                    keys::unknown(self.file, endpoint, &ENDPOINT_KEYS, self.diagnostics);
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
            if self.says_the_impossible(node) {
                continue;
            }
            match validated {
                Ok(policy) => policies.push(Declared {
                    policy,
                    node,
                    at: node.at,
                    when: self.name(fields, "when"),
                }),
                Err(errors) => self.diagnostics.extend(errors.iter().map(|error| {
                    let said = Diagnostic::error(code::INVALID_POLICY, describe(error));
                    let said = said.at(self.file, error.at).dropped();
                    match remedy(node, error) {
                        Some(help) => said.help(help),
                        None => said,
                    }
                })),
            }
        }
        policies
    }

    /// What the library takes and nobody can mean: `true` as port 1, a Service of a name that none has.
    fn says_the_impossible(&mut self, policy: &'a Node<'a>) -> bool {
        let mut ports = ports(policy);
        let service = policy.get("service");
        let named = |text: &str| !text.is_empty() && !crate::names::is_dns_label(text);
        let (code, message, at) = if let Some(port) = ports.find(|node| node.as_bool().is_some()) {
            let message = "a port must be a number, not a boolean".to_owned();
            (code::INVALID_POLICY, message, port.at)
        } else if let Some(node) = service
            && let Some(text) = node.as_str().filter(|text| named(text))
        {
            let message = format!("`{}` is no name of a Service", clip(text));
            (code::INVALID_NAME, message, node.at)
        } else {
            return false;
        };
        let error = Diagnostic::error(code, message).at(self.file, at);
        self.diagnostics.push(error.dropped());
        true
    }

    fn templates(&mut self, object: &'a Object<'a>, key: &str) -> Vec<Template<'a>> {
        let mut templates = Vec::new();
        for node in self.list(object, key) {
            let Some(fields) = node.as_object() else {
                self.wrong(key, node, "a list of mappings");
                continue;
            };
            let is_raw = key == "raw_policies";
            let known: &[&str] = if is_raw { &RAW_KEYS } else { &INTERNAL_KEYS };
            keys::unknown(self.file, fields, known, self.diagnostics);
            let when = self.name(fields, "when");
            let of = |key: &str| fields.get(key).filter(|node| !node.is_null());
            let wrong = of("name").is_some_and(|node| node.as_str().is_none())
                || of("spec").is_some_and(|node| node.as_object().is_none());
            if is_raw && wrong {
                let text = "the `name` of a raw policy must be text, and its `spec` a mapping";
                self.diagnostics.push(
                    Diagnostic::error(code::INVALID_POLICY, text)
                        .at(self.file, node.at)
                        .help("write `- {name: …, namespace: …, spec: {rules: […]}}`")
                        .dropped(),
                );
                continue;
            }
            templates.push(Template { node, when });
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
                let text = member.value.scalar_text();
                if text.is_none() && !member.value.is_null() {
                    self.wrong(&member.key, &member.value, "text, a number or a boolean");
                }
                Some((member.key.as_ref(), text?.into_owned()))
            })
            .collect()
    }
}
