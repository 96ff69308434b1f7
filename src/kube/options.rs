//! The options of programs, and the paths that are made of them.

use super::code;
use crate::diagnostic::{Diagnostic, clip};
use crate::text::{Document, Node, Object, Value, parse_json};
use std::fmt::Write;

/// Objects a page of a list, unless told otherwise; what kubectl asks for.
const PAGE_SIZE: i64 = 500;

/// Reads the text of options.
pub(super) fn read(text: &str) -> Result<Document<'_>, Diagnostic> {
    parse_json(text).map_err(|error| {
        Diagnostic::error(
            code::WRONG_OPTION,
            format!("the options are no JSON: {error}"),
        )
    })
}

/// What a program is started with.
pub(super) struct Options<'n> {
    object: &'n Object<'n>,
}

impl<'n> Options<'n> {
    pub(super) fn of(root: &'n Node<'n>) -> Result<Self, Diagnostic> {
        match root.as_object() {
            Some(object) => Ok(Options { object }),
            None => Err(Diagnostic::error(
                code::WRONG_OPTION,
                "the options must be an object",
            )),
        }
    }

    /// Refuses what no program of the kind knows: a misspelled `namespace` would widen a run to the whole cluster.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Diagnostic> {
        let mut members = self.object.iter();
        match members.find(|member| !known.contains(&member.key.as_ref())) {
            None => Ok(()),
            Some(member) => {
                let message = format!("there is no option `{}`", clip(&member.key));
                let help = format!("the options are {}", known.join(", "));
                Err(Diagnostic::error(code::WRONG_OPTION, message).help(help))
            }
        }
    }

    fn get(&self, key: &str) -> Option<&'n Node<'n>> {
        self.object.get(key).filter(|node| !node.is_null())
    }

    /// Text that is not empty.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'n str>, Diagnostic> {
        match self.get(key) {
            None => Ok(None),
            Some(node) => match node.as_str() {
                Some(text) if !text.is_empty() => Ok(Some(text)),
                _ => Err(wrong(key, "must be text that is not empty")),
            },
        }
    }

    pub(super) fn required_text(&self, key: &str) -> Result<&'n str, Diagnostic> {
        self.text(key)?.ok_or_else(|| wrong(key, "is missing"))
    }

    /// A name that goes into a path.
    pub(super) fn name(&self, key: &str) -> Result<Option<&'n str>, Diagnostic> {
        match self.text(key)? {
            Some(name) if !is_addressable(name) => Err(wrong(key, "is no name of an object")),
            name => Ok(name),
        }
    }

    pub(super) fn required_name(&self, key: &str) -> Result<&'n str, Diagnostic> {
        self.name(key)?.ok_or_else(|| wrong(key, "is missing"))
    }

    pub(super) fn flag(&self, key: &str, otherwise: bool) -> Result<bool, Diagnostic> {
        match self.get(key) {
            None => Ok(otherwise),
            Some(node) => node
                .as_bool()
                .ok_or_else(|| wrong(key, "must be true or false")),
        }
    }

    pub(super) fn list(&self, key: &str) -> Result<&'n [Node<'n>], Diagnostic> {
        match self.get(key) {
            None => Ok(&[]),
            Some(node) => node.as_array().ok_or_else(|| wrong(key, "must be a list")),
        }
    }

    /// Objects by namespace and name, sorted.
    pub(super) fn objects(&self, key: &str) -> Result<Vec<(String, String)>, Diagnostic> {
        let mut objects = Vec::new();
        for node in self.list(key)? {
            let text = |field| node.get(field).and_then(Node::as_str).map(str::to_owned);
            let (Some(namespace), Some(name)) = (text("namespace"), text("name")) else {
                return Err(wrong(
                    key,
                    "must be a list of objects with `namespace` and `name`",
                ));
            };
            objects.push((namespace, name));
        }
        crate::order::sort(&mut objects);
        Ok(objects)
    }

    pub(super) fn page_size(&self) -> Result<String, Diagnostic> {
        match self.get("pageSize").map(|node| &node.value) {
            None => Ok(PAGE_SIZE.to_string()),
            Some(Value::Int(size)) if *size > 0 => Ok(size.to_string()),
            Some(_) => Err(wrong("pageSize", "must be a positive integer")),
        }
    }

    /// Labels with their values; a `null` is there as `None`.
    pub(super) fn labels(&self, key: &str) -> Result<Option<Labels>, Diagnostic> {
        let Some(node) = self.get(key) else {
            return Ok(None);
        };
        let object = node
            .as_object()
            .ok_or_else(|| wrong(key, "must be an object"))?;
        let mut labels = Vec::with_capacity(object.members.len());
        for member in object.iter() {
            let value = match &member.value.value {
                Value::Null => None,
                Value::String(text) => Some(text.to_string()),
                _ => return Err(wrong(key, "must have texts as values")),
            };
            labels.push((member.key.to_string(), value));
        }
        Ok(Some(labels))
    }
}

/// Labels in the order in which they were given.
pub(super) type Labels = Vec<(String, Option<String>)>;

fn wrong(key: &str, what: &str) -> Diagnostic {
    Diagnostic::error(code::WRONG_OPTION, format!("the option `{key}` {what}"))
}

/// Whether a name can be part of a path. Kubernetes asks for more, and says so itself; what must not
/// happen is that a name leads to another object.
pub(super) fn is_addressable(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(|c: char| c == '/' || c.is_ascii_control())
}

/// A path of parts, each percent-encoded.
pub(super) fn path(root: &str, parts: &[&str]) -> String {
    let mut path = root.to_owned();
    for part in parts {
        path.push('/');
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                path.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(path, "%{byte:02X}");
            }
        }
    }
    path
}

/// The selector of objects that have all the labels.
pub(super) fn selector(labels: &Labels) -> Result<String, Diagnostic> {
    let fits = |text: &str, more: &[u8]| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
    };
    let mut selector = String::new();
    for (key, value) in labels {
        let value_text = value.as_deref().unwrap_or_default();
        if key.is_empty() || !fits(key, b"-_./") || !fits(value_text, b"-_.") {
            let message = format!("`{key}={value_text}` is no label");
            return Err(Diagnostic::error(code::INVALID_LABEL, message)
                .help("letters, digits, `-`, `_` and `.`, and a `/` after the prefix of a key"));
        }
        if !selector.is_empty() {
            selector.push(',');
        }
        selector.push_str(key);
        if value.is_some() {
            selector.push('=');
            selector.push_str(value_text);
        }
    }
    Ok(selector)
}
