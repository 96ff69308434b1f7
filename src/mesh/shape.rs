//! The shape of the objects that are read, as the API server validates it: what it refuses is in no
//! cluster, and a value of another type must not be taken for one that is missing.
//!
//! Of each object only what is read is described. Other fields are passed by, but for names that
//! look like a misspelling of one that is read.

use crate::diagnostic::clip;
use crate::names::one_edit_apart;
use crate::text::{Node, Position, Value};

/// What a field may hold. `null` is as good as no field, as in Kubernetes.
enum Shape {
    /// Whatever it is: others judge it.
    Any,
    /// Text.
    Text,
    /// A list of texts.
    Texts,
    /// A mapping of names to texts.
    Map,
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

use Shape::{Any, ByPort, Flag, Map, Object, Objects, Port, PortOrName, Text, Texts, Word};

// What stands beside what is read and looks like it, such as `port` beside `ports`, is a misspelling:
// no kind has both.

const METADATA: (&str, Shape) = (
    "metadata",
    Object(&[
        ("labels", Map),
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
            ("selector", Map),
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
const POLICY_OBJECT: Fields = &[METADATA, ("spec", Any)];

/// What is wrong with an object, and what looks misspelled.
#[derive(Default)]
pub(super) struct Report {
    /// The first thing that the API server refuses.
    pub(super) wrong: Option<(Position, String)>,
    /// Names of fields, each beside the one that is meant.
    pub(super) misspelled: Vec<(Position, String, &'static str)>,
}

/// Looks at an object of a kind that is read.
pub(super) fn examine(root: &Node<'_>, group: &str, kind: &str) -> Report {
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
    let mut report = Report::default();
    object(root, fields, None, &mut report);
    report
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

fn object(node: &Node<'_>, fields: Fields, before: Option<&Path<'_>>, report: &mut Report) {
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

fn check(node: &Node<'_>, shape: &Shape, path: &Path<'_>, report: &mut Report) {
    if node.is_null() || report.wrong.is_some() || matches!(shape, Any) {
        return;
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
        Map | Object(_) | ByPort(_) if node.as_object().is_none() => "a mapping",
        Texts | Objects(_) if node.as_array().is_none() => "a list",
        _ => return inside(node, shape, path, report),
    };
    wrong(node, path, expected, report);
}

/// What a collection holds.
fn inside(node: &Node<'_>, shape: &Shape, path: &Path<'_>, report: &mut Report) {
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
                report.wrong.get_or_insert((member.at, text));
            }
            ByPort(fields) => check(&member.value, &Object(fields), &path, report),
            _ => check(&member.value, &Text, &path, report),
        }
    }
}

#[inline(never)]
fn wrong(node: &Node<'_>, path: &Path<'_>, expected: &str, report: &mut Report) {
    let found = node.scalar_text().map_or_else(
        || node.kind().to_owned(),
        |text| format!("{} (`{}`)", node.kind(), clip(&text)),
    );
    let text = format!("`{}` must be {expected}, not {found}", clip(&path.text()));
    report.wrong = Some((node.at, text));
}

/// A boolean. kubectl reads YAML 1.1, where `yes` and `on` are as good.
pub(super) fn flag(node: &Node<'_>) -> Option<bool> {
    if let Some(text) = node.as_str() {
        return match text {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
            _ => None,
        };
    }
    node.as_bool()
}

/// A port. YAML's `80.0` is 80 on its way to the API server, and so is YAML 1.1's `8_0`.
pub(super) fn port(node: &Node<'_>) -> Option<u16> {
    let number = match node.value {
        Value::Int(number) => u16::try_from(number).ok(),
        Value::Float(number) if number.fract() == 0.0 && (1.0..65_536.0).contains(&number) => {
            Some(number as u16)
        }
        Value::String(ref text) if text.contains('_') && !text.starts_with(['_', '+', '0']) => {
            text.replace('_', "").parse().ok()
        }
        _ => None,
    };
    number.filter(|number| *number > 0)
}
