//! Files of expectations: who shall, and who shall not, reach what.

use super::sendable;
use crate::diagnostic::{Diagnostic, bound, code, refuse_repeated_keys};
use crate::juju::charm::clip;
use crate::names::{is_dns_label, is_dns_subdomain};
use crate::text::{Node, Position, decode_utf8, parse_any};

/// Who a set of clients is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// `NAMESPACE/SERVICEACCOUNT`, or `NAMESPACE/*` for all of a namespace.
    Account {
        /// Its namespace.
        namespace: String,
        /// Its name; `None` for all.
        name: Option<String>,
    },
    /// Clients outside the mesh: they have no identity.
    Outside,
    /// Clients in the mesh, whoever they are.
    Inside,
    /// Everyone.
    Any,
}

/// What is to be reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum To {
    /// A Service, by namespace and name.
    Service(String, String),
    /// A pod, by namespace and name.
    Pod(String, String),
}

/// An expectation about a whole set of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The file it is from.
    pub file: String,
    /// Where it stands.
    pub at: Position,
    /// What it is called.
    pub name: String,
    /// All requests of the set are allowed; otherwise all are denied.
    pub allow: bool,
    /// The clients.
    pub from: Vec<Who>,
    /// The clients among them that are left out.
    pub except: Vec<Who>,
    /// The target.
    pub to: To,
    /// The port; `None`: every port.
    pub port: Option<u16>,
    /// The method; `None`: every method.
    pub method: Option<String>,
    /// The path, `PREFIX*` for all that begin so; `None`: every path.
    pub path: Option<String>,
}

const KEYS: &str = "name, expect, from, except, to, port, method, path";

/// Reads a file of expectations: a list of mappings. What is wrong with one is a diagnostic and
/// leaves that one out.
pub fn read_expectations(
    file: &str,
    bytes: &[u8],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Expectation> {
    let documents = match decode_utf8(bytes).and_then(parse_any) {
        Ok(documents) => documents,
        Err(error) => {
            diagnostics.push(Diagnostic::unreadable(file, &error));
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for document in &documents {
        if document.root.is_null() {
            continue;
        }
        refuse_repeated_keys(file, document, diagnostics);
        let Some(list) = document.root.as_array() else {
            let message = format!(
                "a file of expectations must be a list, not {}",
                document.root.kind()
            );
            diagnostics.push(wrong(file, document.root.at, message, EXAMPLE));
            continue;
        };
        for node in list {
            match expectation(file, node, found.len() + 1) {
                Ok(one) => found.push(one),
                Err(diagnostic) => diagnostics.push(*diagnostic),
            }
        }
    }
    bound(diagnostics);
    found
}

/// Whether a text is a file of expectations: a list whose first entry says what it expects.
pub fn is_expectations(bytes: &[u8]) -> bool {
    let Ok(text) = decode_utf8(bytes) else {
        return false;
    };
    let mut lines = text.lines().map(str::trim_start);
    let first = lines.find(|line| !(line.is_empty() || line.starts_with('#') || *line == "---"));
    // Manifests are long and no lists: they need not be read for this.
    if !first.is_some_and(|line| line.starts_with(['-', '['])) {
        return false;
    }
    let documents = parse_any(text).unwrap_or_default();
    let list = documents
        .first()
        .and_then(|document| document.root.as_array());
    list.and_then(|list| list.first())
        .is_some_and(|one| one.get("expect").is_some())
}

const EXAMPLE: &str =
    "write `- {name: …, expect: deny, from: [any], except: [cos/grafana], to: cos/prometheus}`";

fn wrong(file: &str, at: Position, message: String, help: &str) -> Diagnostic {
    Diagnostic::error(code::WRONG_SHAPE, message)
        .at(file, at)
        .help(help)
        .bad_input()
}

fn expectation(file: &str, node: &Node<'_>, number: usize) -> Result<Expectation, Box<Diagnostic>> {
    let fail =
        |at: Position, message: String, help: &str| Err(Box::new(wrong(file, at, message, help)));
    let Some(object) = node.as_object() else {
        let message = format!("an expectation must be a mapping, not {}", node.kind());
        return fail(node.at, message, EXAMPLE);
    };
    let mut one = Expectation {
        file: file.to_owned(),
        at: node.at,
        name: format!("expectation {number}"),
        allow: false,
        from: vec![Who::Any],
        except: Vec::new(),
        to: To::Service(String::new(), String::new()),
        port: None,
        method: None,
        path: None,
    };
    let (mut expects, mut has_to) = (false, false);
    for member in object.iter() {
        let value = &member.value;
        let shown = || {
            value.scalar_text().map_or_else(
                || value.kind().to_owned(),
                |text| format!("`{}`", clip(&text)),
            )
        };
        match member.key.as_ref() {
            "name" => match value.scalar_text() {
                Some(text) => one.name = text.into_owned(),
                None => return fail(value.at, "`name` must be text".into(), EXAMPLE),
            },
            "expect" => {
                expects = true;
                one.allow = match value.as_str() {
                    Some("allow") => true,
                    Some("deny") => false,
                    _ => {
                        let message = format!("`expect` cannot be {}", shown());
                        return fail(value.at, message, "write allow or deny");
                    }
                };
            }
            "from" => one.from = clients(file, value)?,
            "except" => one.except = clients(file, value)?,
            "to" => {
                has_to = true;
                match value.as_str().and_then(target) {
                    Some(to) => one.to = to,
                    None => {
                        let message = format!("`to` cannot be {}", shown());
                        let help = "write NAMESPACE/SERVICE, service:NAMESPACE/SERVICE or \
                                    pod:NAMESPACE/POD";
                        return fail(value.at, message, help);
                    }
                }
            }
            "port" => {
                let text = value.scalar_text();
                let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
                let port = text.filter(|text| digits(text));
                match port.and_then(|text| text.parse().ok()) {
                    Some(port) if port > 0 => one.port = Some(port),
                    _ => {
                        let message = format!("`port` cannot be {}", shown());
                        return fail(value.at, message, "write a number from 1 to 65535");
                    }
                }
            }
            "method" => match value.as_str() {
                Some(text) if sendable::method(text).is_ok() => one.method = Some(text.to_owned()),
                _ => {
                    let message = format!("`method` cannot be {}", shown());
                    return fail(value.at, message, "write a method such as GET");
                }
            },
            "path" => match value.as_str() {
                Some(text) if is_path(text) => one.path = Some(text.to_owned()),
                _ => {
                    let message = format!("`path` cannot be {}", shown());
                    return fail(value.at, message, PATH_HELP);
                }
            },
            key => {
                let message = format!("an expectation has no key `{}`", clip(key));
                return fail(member.at, message, &format!("the keys are {KEYS}"));
            }
        }
    }
    if !expects {
        return fail(
            node.at,
            "an expectation lacks `expect`".into(),
            "write allow or deny",
        );
    }
    if !has_to {
        return fail(node.at, "an expectation lacks `to`".into(), EXAMPLE);
    }
    Ok(one)
}

const PATH_HELP: &str =
    "write a path without query such as /metrics, or /api/* for all that begin with /api/";

/// Whether a text is a path as policies see one, with a `*` at its end or without. A template's `{*}` would
/// be taken for itself.
fn is_path(text: &str) -> bool {
    let start = text.strip_suffix('*').unwrap_or(text);
    let plain = !start.contains(['*', '?', '#']) && start.bytes().all(|c| c.is_ascii_graphic());
    start.starts_with('/') && plain
}

fn clients(file: &str, node: &Node<'_>) -> Result<Vec<Who>, Box<Diagnostic>> {
    let one = |node: &Node<'_>| {
        node.as_str().and_then(who).ok_or_else(|| {
            let shown = node.scalar_text().map_or_else(
                || node.kind().to_owned(),
                |text| format!("`{}`", clip(&text)),
            );
            Box::new(wrong(
                file,
                node.at,
                format!("{shown} names no client"),
                "write NAMESPACE/SERVICEACCOUNT, NAMESPACE/*, mesh, outside or any",
            ))
        })
    };
    match node.as_array() {
        Some([]) => Err(Box::new(wrong(
            file,
            node.at,
            "an empty list names no client".into(),
            "write [any], or leave the key out",
        ))),
        Some(list) => list.iter().map(one).collect(),
        None => Ok(vec![one(node)?]),
    }
}

fn who(text: &str) -> Option<Who> {
    match text {
        "outside" => return Some(Who::Outside),
        "mesh" => return Some(Who::Inside),
        "any" => return Some(Who::Any),
        _ => {}
    }
    let (namespace, name) = text.split_once('/')?;
    if !is_dns_label(namespace) || !(name == "*" || is_dns_subdomain(name)) {
        return None;
    }
    Some(Who::Account {
        namespace: namespace.to_owned(),
        name: (name != "*").then(|| name.to_owned()),
    })
}

/// `service:NS/NAME`, `pod:NS/NAME`, or `NS/NAME` for a Service.
pub fn target(text: &str) -> Option<To> {
    let (kind, name) = match text.split_once(':') {
        Some((kind, name)) => (kind, name),
        None => ("service", text),
    };
    let (namespace, name) = name.split_once('/')?;
    if !is_dns_label(namespace) || !is_dns_subdomain(name) {
        return None;
    }
    match kind {
        "service" => Some(To::Service(namespace.to_owned(), name.to_owned())),
        "pod" => Some(To::Pod(namespace.to_owned(), name.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{To, Who, is_expectations, read_expectations};

    #[test]
    fn reads_a_list() {
        let mut diagnostics = Vec::new();
        let text = "- name: nobody but grafana\n  expect: deny\n  from: [any]\n  except: [cos/grafana]\n  \
                    to: cos/prometheus\n  port: 9090\n- {expect: allow, from: cos/*, to: 'pod:cos/p-0', \
                    method: GET, path: /metrics}\n";
        assert!(is_expectations(text.as_bytes()));
        assert!(!is_expectations(b"kind: List"));
        let found = read_expectations("tests.yaml", text.as_bytes(), &mut diagnostics);
        assert_eq!(diagnostics, []);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].from, [Who::Any]);
        assert_eq!(found[0].port, Some(9090));
        assert_eq!(found[1].to, To::Pod("cos".into(), "p-0".into()));
        assert_eq!(found[1].name, "expectation 2");
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, part) in [
            ("a: 1", "must be a list"),
            ("- 1", "must be a mapping"),
            ("- {to: a/b}", "lacks `expect`"),
            ("- {expect: deny}", "lacks `to`"),
            ("- {expect: maybe, to: a/b}", "cannot be `maybe`"),
            ("- {expect: deny, to: a/b, port: 0}", "`port` cannot be `0`"),
            (
                "- {expect: deny, to: a/b, from: [x]}",
                "`x` names no client",
            ),
            ("- {expect: deny, to: a/b, form: [x]}", "no key `form`"),
            ("- {expect: deny, to: web}", "`to` cannot be `web`"),
            ("- {expect: deny, to: shop/*}", "`to` cannot be `shop/*`"),
            (
                "- {expect: deny, to: a/b, port: '+80'}",
                "`port` cannot be `+80`",
            ),
            (
                "- {expect: deny, to: a/b, method: ge t}",
                "`method` cannot be `ge t`",
            ),
            (
                "- {expect: deny, to: a/b, path: /a*b}",
                "`path` cannot be `/a*b`",
            ),
            (
                "- {expect: deny, to: a/b, path: '/{*}'}",
                "`path` cannot be `/{*}`",
            ),
            (
                "- {expect: deny, to: a/b, path: '/a?b'}",
                "`path` cannot be `/a?b`",
            ),
            ("- {expect: deny, to: a/b, from: []}", "names no client"),
            (
                "- {expect: deny, to: a/b, from: a/b*}",
                "`a/b*` names no client",
            ),
            (
                "- {expect: deny, to: a/b, from: a/B}",
                "`a/B` names no client",
            ),
        ] {
            let mut diagnostics = Vec::new();
            assert!(
                read_expectations("t", text.as_bytes(), &mut diagnostics).is_empty(),
                "{text}"
            );
            assert!(
                diagnostics[0].message.contains(part),
                "{}",
                diagnostics[0].message
            );
        }
    }
}
