//! An AuthorizationPolicy as a manifest writes it: every field, each with its place.
//!
//! Reading never fails as a whole: what Istio could not decode is kept as a [`Problem`], which
//! [`super::validation`] turns into a refusal.

use crate::diagnostic::Place;
use crate::text::{Node, Object, Position};
use std::borrow::Cow;
use std::sync::Arc;

/// Marks a policy that exists only under a condition; see [`crate::compile`].
pub const WHEN_ANNOTATION: &str = "mesh-policy/when";
/// Istio's annotation that switches enforcement off.
pub const DRY_RUN_ANNOTATION: &str = "istio.io/dry-run";

/// Text from a manifest and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// The text.
    pub text: String,
    /// Where it stands; line 0 for what no file says.
    pub at: Position,
}

/// `spec.action`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Action {
    /// `ALLOW`, also where nothing is written.
    #[default]
    Allow,
    /// `DENY`
    Deny,
    /// `AUDIT`
    Audit,
    /// `CUSTOM`
    Custom,
}

/// What a list in `from.source` or `to.operation` is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attribute {
    /// `principals`
    Principals,
    /// `requestPrincipals`
    RequestPrincipals,
    /// `namespaces`
    Namespaces,
    /// `serviceAccounts`
    ServiceAccounts,
    /// `trustDomains`
    TrustDomains,
    /// `ipBlocks`
    IpBlocks,
    /// `remoteIpBlocks`
    RemoteIpBlocks,
    /// `hosts`
    Hosts,
    /// `ports`
    Ports,
    /// `methods`
    Methods,
    /// `paths`
    Paths,
}

/// One list of a source or an operation, such as `notPaths: [/admin/*]`. Never empty: Istio's
/// decoder makes no difference between an empty list and none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// What it is about.
    pub attribute: Attribute,
    /// Its key begins with `not`.
    pub negated: bool,
    /// Where its key stands.
    pub at: Position,
    /// Its values.
    pub values: Vec<Text>,
}

/// One entry of `from` or `to`: all its lists must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub at: Position,
    /// The lists of its `source` or `operation`; `None` where that key is missing.
    pub lists: Option<Vec<List>>,
}

/// One entry of `when`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Where it stands.
    pub at: Position,
    /// `key`
    pub key: Text,
    /// `values`
    pub values: Vec<Text>,
    /// `notValues`
    pub not_values: Vec<Text>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rule {
    /// Where it stands.
    pub at: Position,
    /// `from`; empty where missing.
    pub from: Vec<Entry>,
    /// `to`; empty where missing.
    pub to: Vec<Entry>,
    /// `when`; empty where missing.
    pub when: Vec<Condition>,
}

/// One of `targetRefs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRef {
    /// Where it stands.
    pub at: Position,
    /// `group`, as written.
    pub group: String,
    /// `kind`
    pub kind: String,
    /// `name`
    pub name: String,
    /// `namespace`, which Istio refuses.
    pub namespace: String,
}

/// Something that Istio's decoder does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub at: Position,
    /// One lower-case sentence.
    pub message: String,
    /// What to write instead.
    pub help: &'static str,
}

/// An AuthorizationPolicy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthorizationPolicy {
    /// The file it was read from; empty for what no file says.
    pub file: Arc<str>,
    /// Where it stands.
    pub at: Position,
    /// `metadata.name`
    pub name: String,
    /// `metadata.namespace`
    pub namespace: String,
    /// `metadata.creationTimestamp`, as written.
    pub created: Option<String>,
    /// The annotation `istio.io/dry-run`.
    pub dry_run: Option<Text>,
    /// The condition under which it exists, where the input cannot decide it.
    pub when: Option<String>,
    /// `spec.action`
    pub action: Action,
    /// Where `spec.action` stands, or the policy.
    pub action_at: Position,
    /// `spec.provider` is there.
    pub has_provider: bool,
    /// `spec.provider.name`
    pub provider: Option<String>,
    /// `spec.selector.matchLabels`; `None` without a selector.
    pub selector: Option<Vec<(String, String)>>,
    /// The selector has `matchLabels`, and it is empty: `{matchLabels: {}}`, not `{}`.
    pub empty_match_labels: bool,
    /// Where `spec.selector` stands, or the policy.
    pub selector_at: Position,
    /// `spec.targetRefs`
    pub target_refs: Vec<TargetRef>,
    /// `spec.targetRef`, the older single form.
    pub target_ref: Option<TargetRef>,
    /// `spec.rules`
    pub rules: Vec<Rule>,
    /// What Istio's decoder does not take.
    pub problems: Vec<Problem>,
    /// Fields that Istio does not know and drops.
    pub unknown_fields: Vec<Problem>,
    /// Where the input asks for it, where that is not a manifest.
    pub declared: Option<Place>,
}

// === impl Action ===

impl Action {
    /// As written in a manifest.
    pub fn name(self) -> &'static str {
        match self {
            Action::Allow => "ALLOW",
            Action::Deny => "DENY",
            Action::Audit => "AUDIT",
            Action::Custom => "CUSTOM",
        }
    }
}

// === impl Attribute ===

/// Keys of `source` and whether they are negated.
const SOURCE: [(&str, Attribute, bool); 14] = [
    ("principals", Attribute::Principals, false),
    ("notPrincipals", Attribute::Principals, true),
    ("requestPrincipals", Attribute::RequestPrincipals, false),
    ("notRequestPrincipals", Attribute::RequestPrincipals, true),
    ("namespaces", Attribute::Namespaces, false),
    ("notNamespaces", Attribute::Namespaces, true),
    ("serviceAccounts", Attribute::ServiceAccounts, false),
    ("notServiceAccounts", Attribute::ServiceAccounts, true),
    ("trustDomains", Attribute::TrustDomains, false),
    ("notTrustDomains", Attribute::TrustDomains, true),
    ("ipBlocks", Attribute::IpBlocks, false),
    ("notIpBlocks", Attribute::IpBlocks, true),
    ("remoteIpBlocks", Attribute::RemoteIpBlocks, false),
    ("notRemoteIpBlocks", Attribute::RemoteIpBlocks, true),
];

/// Keys of `operation`.
const OPERATION: [(&str, Attribute, bool); 8] = [
    ("hosts", Attribute::Hosts, false),
    ("notHosts", Attribute::Hosts, true),
    ("ports", Attribute::Ports, false),
    ("notPorts", Attribute::Ports, true),
    ("methods", Attribute::Methods, false),
    ("notMethods", Attribute::Methods, true),
    ("paths", Attribute::Paths, false),
    ("notPaths", Attribute::Paths, true),
];

impl Attribute {
    /// Its key in a manifest.
    pub fn key(self, negated: bool) -> &'static str {
        SOURCE
            .iter()
            .chain(&OPERATION)
            .find(|(_, attribute, not)| *attribute == self && *not == negated)
            .map_or("", |(key, _, _)| key)
    }
}

// === impl AuthorizationPolicy ===

impl AuthorizationPolicy {
    /// `NAMESPACE/NAME`
    pub fn id(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The references that count: the single `targetRef` where the list is empty.
    pub fn targets(&self) -> &[TargetRef] {
        match &self.target_ref {
            Some(one) if self.target_refs.is_empty() => std::slice::from_ref(one),
            _ => &self.target_refs,
        }
    }

    /// Whether the dry-run annotation switches it off. Go's `ParseBool`.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
            .as_ref()
            .is_some_and(|text| parse_bool(&text.text) == Some(true))
    }
}

/// Go's `strconv.ParseBool`.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Reads an object of kind AuthorizationPolicy. `namespace` is that of an object without one.
pub fn read_policy(file: &Arc<str>, root: &Node<'_>, namespace: &str) -> AuthorizationPolicy {
    let metadata = root.get("metadata");
    let text = |key: &str| {
        metadata
            .and_then(|metadata| metadata.get(key))
            .and_then(Node::as_str)
    };
    let annotation = |key: &str| {
        metadata
            .and_then(|metadata| metadata.get("annotations"))
            .and_then(|annotations| annotations.get(key))
    };
    let mut policy = AuthorizationPolicy {
        file: Arc::clone(file),
        at: root.at,
        name: text("name").unwrap_or_default().to_owned(),
        namespace: text("namespace")
            .filter(|text| !text.is_empty())
            .unwrap_or(namespace)
            .to_owned(),
        created: text("creationTimestamp").map(str::to_owned),
        dry_run: annotation(DRY_RUN_ANNOTATION).and_then(|node| {
            Some(Text {
                text: node.as_str()?.to_owned(),
                at: node.at,
            })
        }),
        when: annotation(WHEN_ANNOTATION)
            .and_then(Node::as_str)
            .map(str::to_owned),
        action_at: root.at,
        selector_at: root.at,
        ..AuthorizationPolicy::default()
    };
    let Some(spec) = root.get("spec").filter(|node| !node.is_null()) else {
        return policy;
    };
    let mut reader = Reader::default();
    reader.spec(&mut policy, spec);
    policy.problems = reader.problems;
    policy.unknown_fields = reader.unknown_fields;
    policy
}

#[derive(Default)]
struct Reader {
    problems: Vec<Problem>,
    unknown_fields: Vec<Problem>,
}

impl Reader {
    #[inline(never)]
    fn wrong(&mut self, at: Position, message: String, help: &'static str) {
        self.problems.push(Problem { at, message, help });
    }

    /// A field that Istio's decoder drops without a word.
    #[inline(never)]
    fn unknown(&mut self, at: Position, key: &str, of: &str) {
        self.unknown_fields.push(Problem {
            at,
            message: format!("{of} has no field `{}`", clipped(key)),
            help: "correct the name: what is dropped restricts nothing",
        });
    }

    /// A mapping; `None`, with a problem, for anything else. In a list, `null` is an empty one.
    fn object<'n>(&mut self, node: &'n Node<'_>, what: &str) -> Option<&'n Object<'n>> {
        const EMPTY: &Object<'_> = &Object {
            members: Vec::new(),
        };
        if node.is_null() {
            return Some(EMPTY);
        }
        let object = node.as_object();
        if object.is_none() {
            self.wrong(
                node.at,
                format!("{what} must be a mapping, not {}", node.kind()),
                "write its fields under it, one to a line",
            );
        }
        object
    }

    #[inline(never)]
    fn items<'n>(&mut self, node: &'n Node<'_>, what: &str) -> &'n [Node<'n>] {
        if node.is_null() {
            return &[];
        }
        node.as_array().unwrap_or_else(|| {
            self.wrong(
                node.at,
                format!("{what} must be a list, not {}", node.kind()),
                "begin each entry with `- `",
            );
            &[]
        })
    }

    #[inline(never)]
    fn string(&mut self, node: &Node<'_>, what: &str) -> String {
        if node.is_null() {
            return String::new();
        }
        node.as_str().map(str::to_owned).unwrap_or_else(|| {
            self.wrong(
                node.at,
                format!("{what} must be a string, not {}", node.kind()),
                "put it in quotes",
            );
            String::new()
        })
    }

    #[inline(never)]
    fn texts(&mut self, node: &Node<'_>, what: &str) -> Vec<Text> {
        let mut texts = Vec::new();
        // What is of the wrong type is there all the same, so that nobody is told that it is missing.
        let mut add = |item: &Node<'_>| {
            let text = item.scalar_text().map(Cow::into_owned);
            texts.extend(text.map(|text| Text { text, at: item.at }));
        };
        if node.scalar_text().is_some() {
            add(node);
        }
        for item in self.items(node, what) {
            add(item);
            if item.as_str().is_none() {
                self.wrong(
                    item.at,
                    format!("{what} must be a list of strings, not of {}", plural(item)),
                    "put each value in quotes",
                );
            }
        }
        texts
    }

    fn spec(&mut self, policy: &mut AuthorizationPolicy, node: &Node<'_>) {
        let Some(spec) = self.object(node, "`spec`") else {
            return;
        };
        for member in spec.iter() {
            let value = &member.value;
            match member.key.as_ref() {
                "action" => {
                    policy.action_at = value.at;
                    match value.as_str() {
                        Some("ALLOW") => policy.action = Action::Allow,
                        Some("DENY") => policy.action = Action::Deny,
                        Some("AUDIT") => policy.action = Action::Audit,
                        Some("CUSTOM") => policy.action = Action::Custom,
                        _ if value.is_null() => {}
                        _ => self.wrong(
                            value.at,
                            format!(
                                "`{}` is no action",
                                value.scalar_text().map_or(Cow::Borrowed(""), |text| {
                                    Cow::Owned(clipped(&text).into_owned())
                                })
                            ),
                            "write ALLOW, DENY, AUDIT or CUSTOM",
                        ),
                    }
                }
                "provider" if !value.is_null() => {
                    policy.has_provider = true;
                    if let Some(provider) = self.object(value, "`provider`") {
                        for member in provider.iter() {
                            if member.key == "name" {
                                policy.provider = Some(self.string(&member.value, "`name`"));
                            } else {
                                self.unknown(member.at, &member.key, "`provider`");
                            }
                        }
                    }
                }
                "selector" if !value.is_null() => {
                    policy.selector_at = value.at;
                    let labels = self.selector(value);
                    policy.empty_match_labels = labels.is_empty()
                        && value.get("matchLabels").is_some_and(|node| !node.is_null());
                    policy.selector = Some(labels);
                }
                "targetRef" if !value.is_null() => policy.target_ref = self.target(value),
                "targetRefs" => {
                    for item in self.items(value, "`targetRefs`") {
                        let target = self.target(item);
                        policy.target_refs.extend(target);
                    }
                }
                "rules" => {
                    for item in self.items(value, "`rules`") {
                        if let Some(rule) = self.rule(item) {
                            policy.rules.push(rule);
                        }
                    }
                }
                "provider" | "selector" | "targetRef" => {}
                key => self.unknown(member.at, key, "an AuthorizationPolicy"),
            }
        }
    }

    fn selector(&mut self, node: &Node<'_>) -> Vec<(String, String)> {
        let mut labels = Vec::new();
        let Some(selector) = self.object(node, "`selector`") else {
            return labels;
        };
        for member in selector.iter() {
            if member.key != "matchLabels" {
                self.unknown(member.at, &member.key, "`selector`");
            } else if !member.value.is_null()
                && let Some(map) = self.object(&member.value, "`matchLabels`")
            {
                for label in map.iter() {
                    let value = self.string(&label.value, "a label");
                    labels.push((label.key.to_string(), value));
                }
            }
        }
        labels
    }

    #[inline(never)]
    fn target(&mut self, node: &Node<'_>) -> Option<TargetRef> {
        let object = self.object(node, "a target reference")?;
        let mut target = TargetRef {
            at: node.at,
            group: String::new(),
            kind: String::new(),
            name: String::new(),
            namespace: String::new(),
        };
        for member in object.iter() {
            let slot = match member.key.as_ref() {
                "group" => &mut target.group,
                "kind" => &mut target.kind,
                "name" => &mut target.name,
                "namespace" => &mut target.namespace,
                key => {
                    self.unknown(member.at, key, "a target reference");
                    continue;
                }
            };
            *slot = self.string(&member.value, "a target reference's field");
        }
        Some(target)
    }

    fn rule(&mut self, node: &Node<'_>) -> Option<Rule> {
        let mut rule = Rule {
            at: node.at,
            ..Rule::default()
        };
        // An empty rule, which matches everything.
        if node.is_null() {
            return Some(rule);
        }
        let object = self.object(node, "a rule")?;
        for member in object.iter() {
            let value = &member.value;
            match member.key.as_ref() {
                "from" => {
                    for item in self.items(value, "`from`") {
                        let entry = self.entry(item, "source", &SOURCE);
                        rule.from.extend(entry);
                    }
                }
                "to" => {
                    for item in self.items(value, "`to`") {
                        let entry = self.entry(item, "operation", &OPERATION);
                        rule.to.extend(entry);
                    }
                }
                "when" => {
                    for item in self.items(value, "`when`") {
                        let condition = self.condition(item);
                        rule.when.extend(condition);
                    }
                }
                key => self.unknown(member.at, key, "a rule"),
            }
        }
        Some(rule)
    }

    #[inline(never)]
    fn entry(
        &mut self,
        node: &Node<'_>,
        inner: &str,
        keys: &[(&str, Attribute, bool)],
    ) -> Option<Entry> {
        let object = self.object(node, "an entry of a rule")?;
        let mut entry = Entry {
            at: node.at,
            lists: None,
        };
        for member in object.iter() {
            if member.key != inner {
                self.unknown(member.at, &member.key, "an entry of a rule");
                continue;
            }
            if member.value.is_null() {
                continue;
            }
            let Some(fields) = self.object(&member.value, "an entry of a rule") else {
                continue;
            };
            let mut lists = Vec::new();
            for field in fields.iter() {
                let Some((key, attribute, negated)) =
                    keys.iter().find(|(key, _, _)| *key == field.key)
                else {
                    self.unknown(field.at, &field.key, &format!("`{inner}`"));
                    continue;
                };
                let values = self.texts(&field.value, &format!("`{key}`"));
                if !values.is_empty() {
                    lists.push(List {
                        attribute: *attribute,
                        negated: *negated,
                        at: field.at,
                        values,
                    });
                }
            }
            entry.lists = Some(lists);
        }
        Some(entry)
    }

    #[inline(never)]
    fn condition(&mut self, node: &Node<'_>) -> Option<Condition> {
        let object = self.object(node, "a condition")?;
        let mut condition = Condition {
            at: node.at,
            key: Text {
                text: String::new(),
                at: node.at,
            },
            values: Vec::new(),
            not_values: Vec::new(),
        };
        for member in object.iter() {
            match member.key.as_ref() {
                "key" => {
                    condition.key = Text {
                        text: self.string(&member.value, "`key`"),
                        at: member.value.at,
                    };
                }
                "values" => condition.values = self.texts(&member.value, "`values`"),
                "notValues" => condition.not_values = self.texts(&member.value, "`notValues`"),
                key => self.unknown(member.at, key, "a condition"),
            }
        }
        Some(condition)
    }
}

fn plural(node: &Node<'_>) -> &'static str {
    match node.kind() {
        "null" => "nulls",
        "a boolean" => "booleans",
        "an integer" => "integers",
        "a number" => "numbers",
        "a list" => "lists",
        _ => "mappings",
    }
}

fn clipped(text: &str) -> Cow<'_, str> {
    Cow::Owned(crate::diagnostic::clip(text))
}
