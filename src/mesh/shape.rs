//! The shape of the objects that are read, as the API server validates it: what it refuses is in no
//! cluster, and a value of another type must not be taken for one that is missing.
//!
//! Of each object only what is read is described. Other fields are passed by, but for names that
//! look like a misspelling of one that is read.

use crate::diagnostic::clip;
use crate::names::{is_label_key, is_label_value, one_edit_apart};
use crate::text::{Member, Node, Position, Value, boolean};

/// What a field may hold. `null` is as good as no field, as in Kubernetes.
enum Shape {
    /// Whatever it is: others judge it.
    Any,
    /// The same, where every value is a text.
    Spec,
    /// Text.
    Text,
    /// A list of texts.
    Texts,
    /// A mapping of names to texts.
    Map,
    /// A mapping of names to texts, each as a label may have it.
    Labels,
    /// `true` or `false`.
    Flag,
    /// A port.
    Port,
    /// A port's number or its name.
    PortOrName,
    /// One of a few words.
    Word(&'static [&'static str]),
    /// A mapping with these fields.
    Object(Fields),
    /// A list of such mappings.
    Objects(Fields),
    /// A mapping of ports to such mappings.
    ByPort(Fields),
}

type Fields = &'static [(&'static str, Shape)];

use Shape::{
    Any, ByPort, Flag, Labels, Map, Object, Objects, Port, PortOrName, Spec, Text, Texts, Word,
};

// What stands beside what is read and looks like it, such as `port` beside `ports`, is a misspelling:
// no kind has both.

const METADATA: (&str, Shape) = (
    "metadata",
    Object(&[
        ("name", Text),
        ("namespace", Text),
        ("labels", Labels),
        ("annotations", Map),
        ("creationTimestamp", Text),
        ("ownerReferences", Objects(&[])),
    ]),
);
const CONTAINER: Fields = &[
    ("name", Text),
    ("args", Texts),
    ("ports", Objects(&[("name", Text), ("containerPort", Port)])),
    ("env", Objects(&[("name", Text), ("value", Text)])),
];
const POD: Fields = &[
    ("serviceAccountName", Text),
    ("serviceAccount", Text),
    ("hostNetwork", Flag),
    ("containers", Objects(CONTAINER)),
    ("initContainers", Objects(CONTAINER)),
];
const TEMPLATE: (&str, Shape) = ("template", Object(&[METADATA, ("spec", Object(POD))]));
const SELECTOR: (&str, Shape) = ("selector", Object(&[("matchLabels", Map)]));
const MUTUAL_TLS: Fields = &[("mode", Word(&["UNSET", "DISABLE", "PERMISSIVE", "STRICT"]))];

const PLAIN_OBJECT: Fields = &[METADATA];
const POD_OBJECT: Fields = &[
    METADATA,
    ("spec", Object(POD)),
    (
        "status",
        Object(&[
            ("podIPs", Objects(&[("ip", Text)])),
            ("podIP", Text),
            ("phase", Text),
        ]),
    ),
];
const OWNER_OBJECT: Fields = &[METADATA, ("spec", Object(&[TEMPLATE]))];
const CRON_OBJECT: Fields = &[
    METADATA,
    (
        "spec",
        Object(&[("jobTemplate", Object(&[("spec", Object(&[TEMPLATE]))]))]),
    ),
];
const CONFIG_MAP_OBJECT: Fields = &[METADATA, ("data", Map)];
const SERVICE_OBJECT: Fields = &[
    METADATA,
    (
        "spec",
        Object(&[
            ("selector", Labels),
            ("clusterIP", Text),
            ("clusterIPs", Texts),
            (
                "ports",
                Objects(&[
                    ("name", Text),
                    ("port", Port),
                    ("targetPort", PortOrName),
                    // Nothing written is TCP.
                    ("protocol", Word(&["TCP", "UDP", "SCTP", ""])),
                    ("appProtocol", Text),
                ]),
            ),
        ]),
    ),
];
const SERVICE_ENTRY_OBJECT: Fields = &[
    METADATA,
    (
        "spec",
        Object(&[
            // `[2001:db8::]` is one to Go's reader and a mapping to YAML 1.2; what is no address is unknown.
            ("addresses", Any),
            ("workloadSelector", Object(&[("labels", Map)])),
            (
                "ports",
                Objects(&[
                    ("name", Text),
                    ("number", Port),
                    ("targetPort", Port),
                    ("protocol", Text),
                ]),
            ),
        ]),
    ),
];
const GATEWAY_OBJECT: Fields = &[
    METADATA,
    (
        "spec",
        Object(&[
            ("gatewayClassName", Text),
            (
                "listeners",
                Objects(&[
                    ("port", Port),
                    ("protocol", Text),
                    (
                        "allowedRoutes",
                        Object(&[(
                            "namespaces",
                            Object(&[
                                ("from", Word(&["All", "Selector", "Same", "None"])),
                                SELECTOR,
                            ]),
                        )]),
                    ),
                ]),
            ),
        ]),
    ),
    ("status", Object(&[("addresses", Objects(&[]))])),
];
const PEER_AUTHENTICATION_OBJECT: Fields = &[
    METADATA,
    (
        "spec",
        Object(&[
            SELECTOR,
            ("mtls", Object(MUTUAL_TLS)),
            ("portLevelMtls", ByPort(MUTUAL_TLS)),
        ]),
    ),
];
/// A Gateway of Istio's own.
const SERVERS_OBJECT: Fields = &[
    METADATA,
    (
        "spec",
        Object(&[
            ("selector", Map),
            (
                "servers",
                Objects(&[
                    ("port", Object(&[("protocol", Text)])),
                    ("tls", Object(&[("mode", Text)])),
                ]),
            ),
        ]),
    ),
];
/// What its `spec` may hold is read and judged as Istio does: [`crate::istio::policy`].
const POLICY_OBJECT: Fields = &[METADATA, ("spec", Spec)];

const LABELS: &str =
    "write letters, digits, `-`, `_` and `.`, 63 at most, with a letter or digit at both ends";
const OTHERWISE: &str = "Kubernetes does not take it otherwise";
/// Of `yes`, `on` and `1_0` nothing else tells that they are no text.
pub(super) const QUOTES: &str = "put it in quotes: without them it is no text";

/// What is wrong with an object, and what looks misspelled.
pub(super) struct Report<'w> {
    /// The first thing that the API server refuses, and what to do about it.
    pub(super) wrong: Option<(Position, String, &'static str)>,
    /// Names of fields, each beside the one that is meant.
    pub(super) misspelled: Vec<(Position, String, &'static str)>,
    /// Texts that are booleans to kubectl.
    pub(super) unquoted: Vec<(Position, String)>,
    /// Where such words are ([`crate::text::Document`]).
    words: &'w [Position],
}

/// Looks at an object of a kind that is read.
pub(super) fn examine<'w>(
    root: &Node<'_>,
    group: &str,
    kind: &str,
    words: &'w [Position],
) -> Report<'w> {
    let fields = match kind {
        "Gateway" if group == "networking.istio.io" => SERVERS_OBJECT,
        "Pod" => POD_OBJECT,
        "Service" => SERVICE_OBJECT,
        "ConfigMap" => CONFIG_MAP_OBJECT,
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => OWNER_OBJECT,
        "CronJob" => CRON_OBJECT,
        "Gateway" => GATEWAY_OBJECT,
        "ServiceEntry" => SERVICE_ENTRY_OBJECT,
        "PeerAuthentication" => PEER_AUTHENTICATION_OBJECT,
        "AuthorizationPolicy" => POLICY_OBJECT,
        _ => PLAIN_OBJECT,
    };
    let mut report = Report {
        wrong: None,
        misspelled: Vec::new(),
        unquoted: Vec::new(),
        words,
    };
    object(root, fields, None, &mut report);
    report
}

/// Notes a text that is none to kubectl.
fn quoted(node: &Node<'_>, report: &mut Report<'_>) {
    if report.words.binary_search(&node.at).is_ok()
        && let Some(text) = node.as_str()
    {
        report.unquoted.push((node.at, text.to_owned()));
    }
}

/// The same of all that a node holds.
// The recursion is bounded by the reader's limit on depth.
fn all_quoted(node: &Node<'_>, report: &mut Report<'_>) {
    match &node.value {
        Value::Array(nodes) => nodes.iter().for_each(|node| all_quoted(node, report)),
        Value::Object(object) => object
            .iter()
            .for_each(|member| all_quoted(&member.value, report)),
        _ => quoted(node, report),
    }
}

/// Where a value stands in its object; written out only where something is wrong.
struct Path<'p> {
    before: Option<&'p Path<'p>>,
    step: Step<'p>,
}

enum Step<'p> {
    Key(&'p str),
    At(usize),
}

impl Path<'_> {
    fn text(&self) -> String {
        let before = self.before.map(Path::text);
        match (before, &self.step) {
            (None, Step::Key(key)) => (*key).to_owned(),
            (Some(before), Step::Key(key)) => format!("{before}.{key}"),
            (before, Step::At(at)) => format!("{}[{at}]", before.unwrap_or_default()),
        }
    }
}

fn object(node: &Node<'_>, fields: Fields, before: Option<&Path<'_>>, report: &mut Report<'_>) {
    let members = node.as_object().into_iter().flat_map(|all| all.iter());
    for member in members {
        let key = member.key.as_ref();
        if let Some((name, shape)) = fields.iter().find(|(name, _)| *name == key) {
            let step = Step::Key(name);
            check(&member.value, shape, &Path { before, step }, report);
            continue;
        }
        let mut names = fields.iter().map(|(name, _)| *name);
        let meant = names.find(|name| one_edit_apart(key, name));
        if let Some(meant) = meant.filter(|meant| node.get(meant).is_none()) {
            report.misspelled.push((member.at, key.to_owned(), meant));
        }
    }
}

fn check(node: &Node<'_>, shape: &Shape, path: &Path<'_>, report: &mut Report<'_>) {
    if node.is_null() || report.wrong.is_some() || matches!(shape, Any) {
        return;
    }
    if matches!(shape, Spec) {
        if !report.words.is_empty() {
            all_quoted(node, report);
        }
        return;
    }
    if !matches!(shape, Flag) {
        quoted(node, report);
    }
    let expected = match shape {
        Text if node.as_str().is_none() => "text",
        Flag if flag(node).is_none() => "true or false",
        Port if port(node).is_none() => "a number from 1 to 65535",
        // 0 and an empty name are as good as none.
        PortOrName
            if port(node).is_none()
                && node.as_str().is_none()
                && !matches!(node.value, Value::Int(0)) =>
        {
            "a port's number or name"
        }
        Word(words) if !node.as_str().is_some_and(|text| words.contains(&text)) => {
            let named: Vec<&str> = words
                .iter()
                .copied()
                .filter(|word| !word.is_empty())
                .collect();
            return wrong(node, path, &named.join(" or "), report);
        }
        Map | Labels | Object(_) | ByPort(_) if node.as_object().is_none() => "a mapping",
        Texts | Objects(_) if node.as_array().is_none() => "a list",
        _ => return inside(node, shape, path, report),
    };
    wrong(node, path, expected, report);
}

/// What a collection holds.
fn inside(node: &Node<'_>, shape: &Shape, path: &Path<'_>, report: &mut Report<'_>) {
    let before = Some(path);
    for (at, item) in node.as_array().unwrap_or_default().iter().enumerate() {
        let step = Step::At(at);
        let path = Path { before, step };
        match shape {
            Objects(fields) => check(item, &Object(fields), &path, report),
            _ => check(item, &Text, &path, report),
        }
    }
    if let Object(fields) = shape {
        return object(node, fields, before, report);
    }
    for member in node.as_object().into_iter().flat_map(|all| all.iter()) {
        let step = Step::Key(&member.key);
        let path = Path { before, step };
        match shape {
            ByPort(_) if !member.key.parse::<u16>().is_ok_and(|port| port > 0) => {
                let text = format!("`{}` names no port", clip(&path.text()));
                report.wrong.get_or_insert((member.at, text, OTHERWISE));
            }
            ByPort(fields) => check(&member.value, &Object(fields), &path, report),
            Labels => label(member, &path, report),
            _ => check(&member.value, &Text, &path, report),
        }
    }
}

/// One label.
fn label(member: &Member<'_>, path: &Path<'_>, report: &mut Report<'_>) {
    check(&member.value, &Text, path, report);
    let value = member.value.as_str().unwrap_or_default();
    let (at, text, what) = if !is_label_key(&member.key) {
        (member.at, member.key.as_ref(), "name")
    } else if !is_label_value(value) {
        (member.value.at, value, "value")
    } else {
        return;
    };
    let text = format!("`{}` is no {what} of a label", clip(text));
    report.wrong.get_or_insert((at, text, LABELS));
}

#[inline(never)]
fn wrong(node: &Node<'_>, path: &Path<'_>, expected: &str, report: &mut Report<'_>) {
    let found = node.scalar_text().map_or_else(
        || node.kind().to_owned(),
        |text| format!("{} (`{}`)", node.kind(), clip(&text)),
    );
    let text = format!("`{}` must be {expected}, not {found}", clip(&path.text()));
    let help = match expected {
        "text" if node.scalar_text().is_some() => QUOTES,
        _ => OTHERWISE,
    };
    report.wrong = Some((node.at, text, help));
}

/// A boolean. kubectl reads YAML 1.1, where `yes` and `on` are as good.
pub(super) fn flag(node: &Node<'_>) -> Option<bool> {
    match node.as_str() {
        Some(text) => boolean(text),
        None => node.as_bool(),
    }
}

/// A port. YAML's `80.0` is 80 on its way to the API server.
pub(super) fn port(node: &Node<'_>) -> Option<u16> {
    let number = match node.value {
        Value::Int(number) => u16::try_from(number).ok(),
        Value::Float(number) if number.fract() == 0.0 && (1.0..65_536.0).contains(&number) => {
            Some(number as u16)
        }
        _ => None,
    };
    number.filter(|number| *number > 0)
}
