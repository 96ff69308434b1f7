//! Text as Python writes it. Names of policies are hashes of such text and databags are compared as
//! text, so it must agree to the last byte.

mod unicode;

pub use unicode::is_printable;

use crate::model::{Data, Endpoint, MeshPolicy, PolicyTargetType, Record};
use crate::text::{Value, float_text, push_integer};

pub use crate::text::to_python_json as json_dumps;
use std::fmt::Write as _;

// Writing to a `String` cannot fail; `let _ = write!(…)` below relies on it.

/// `repr` of a string.
pub fn write_repr(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push('\'');
        out.push_str(text);
        out.push('\'');
        return;
    }
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for character in text.chars() {
        write_repr_char(out, character, quote);
    }
    out.push(quote);
}

// A loop, for where the compiler optimises for size a closure would be called for every byte.
fn is_plain(text: &str) -> bool {
    for byte in text.as_bytes() {
        if !matches!(byte, b' '..=b'~') || matches!(byte, b'\'' | b'"' | b'\\') {
            return false;
        }
    }
    true
}

fn write_repr_char(out: &mut String, character: char, quote: char) {
    match character {
        '\\' => out.push_str("\\\\"),
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        _ if character == quote => {
            out.push('\\');
            out.push(quote);
        }
        _ if is_printable(character) => out.push(character),
        _ => {
            let code = u32::from(character);
            let _ = match code {
                0..=0xff => write!(out, "\\x{code:02x}"),
                0x100..=0xffff => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\U{code:08x}"),
            };
        }
    }
}

/// `repr` of a string.
pub fn repr(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_repr(&mut out, text);
    out
}

/// `str` of what `json.loads` gives for the value.
pub fn value_str(value: &Value<'_>) -> String {
    if let Value::String(text) = value {
        return text.to_string();
    }
    let mut out = String::new();
    write_value_repr(&mut out, value);
    out
}

fn write_value_repr(out: &mut String, value: &Value<'_>) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(value) => out.push_str(if *value { "True" } else { "False" }),
        Value::Int(value) => push_integer(out, *value),
        Value::BigInt(text) => out.push_str(text),
        Value::Float(value) => out.push_str(&float_text(*value)),
        Value::String(text) => write_repr(out, text),
        Value::Array(nodes) => write_list(out, nodes, |out, n| write_value_repr(out, &n.value)),
        Value::Object(object) => write_joined(out, ['{', '}'], object.iter(), |out, member| {
            write_repr(out, &member.key);
            out.push_str(": ");
            write_value_repr(out, &member.value.value);
        }),
    }
}

fn write_joined<T>(
    out: &mut String,
    brackets: [char; 2],
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    let [open, close] = brackets;
    out.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write(out, item);
    }
    out.push(close);
}

fn write_list<'a, T>(
    out: &mut String,
    items: impl IntoIterator<Item = &'a T>,
    write: impl FnMut(&mut String, &'a T),
) where
    T: 'a,
{
    write_joined(out, ['[', ']'], items, write);
}

fn write_pairs(out: &mut String, pairs: &[(String, String)]) {
    write_joined(out, ['{', '}'], pairs, |out, (key, value)| {
        write_repr(out, key);
        out.push_str(": ");
        write_repr(out, value);
    });
}

// === models by schema ===

/// `str` of a model.
pub fn record_str(record: &Record) -> String {
    let mut out = String::new();
    write_fields(&mut out, record, " ");
    out
}

fn write_fields(out: &mut String, record: &Record, separator: &str) {
    for (index, (field, (value, _))) in record.schema.fields.iter().zip(&record.fields).enumerate()
    {
        if index > 0 {
            out.push_str(separator);
        }
        out.push_str(field.name);
        out.push('=');
        write_data(out, value);
    }
}

fn write_data(out: &mut String, value: &Data) {
    match value {
        Data::Null => out.push_str("None"),
        Data::Int(value) => push_integer(out, *value),
        Data::BigInt(text) => out.push_str(text),
        Data::String(text) => write_repr(out, text),
        Data::List(items) => write_list(out, items, write_data),
        Data::Map(pairs) => write_pairs(out, pairs),
        Data::Enum(kind, (name, value)) => write_member(out, kind.name, name, value),
        Data::Model(record) => {
            out.push_str(record.schema.name);
            out.push('(');
            write_fields(out, record, ", ");
            out.push(')');
        }
    }
}

/// `repr` of a member of an enumeration.
pub fn write_member(out: &mut String, class: &str, name: &str, value: &str) {
    for part in ["<", class, ".", name, ": "] {
        out.push_str(part);
    }
    write_repr(out, value);
    out.push('>');
}

// === mesh policies ===

/// `str` of a mesh policy, which names are hashes of.
pub fn write_mesh_policy(out: &mut String, policy: &MeshPolicy) {
    write_mesh_policy_head(out, policy);
    write_endpoints(out, &policy.endpoints);
}

/// What comes before the endpoints in `str` of a mesh policy.
pub fn write_mesh_policy_head(out: &mut String, policy: &MeshPolicy) {
    out.push_str("source_namespace=");
    write_repr(out, &policy.source_namespace);
    out.push_str(" source_app_name=");
    write_repr(out, &policy.source_app_name);
    out.push_str(" target_namespace=");
    write_repr(out, &policy.target_namespace);
    out.push_str(" target_app_name=");
    write_optional(out, policy.target_app_name.as_deref(), write_repr);
    out.push_str(" target_selector_labels=");
    write_optional(out, policy.target_selector_labels.as_deref(), write_pairs);
    out.push_str(" target_service=");
    write_optional(out, policy.target_service.as_deref(), write_repr);
    out.push_str(match policy.target_type {
        PolicyTargetType::App => " target_type=<PolicyTargetType.app: 'app'> endpoints=",
        PolicyTargetType::Unit => " target_type=<PolicyTargetType.unit: 'unit'> endpoints=",
    });
}

/// `repr` of a mesh policy's endpoints.
pub fn write_endpoints(out: &mut String, endpoints: &[Endpoint]) {
    write_list(out, endpoints, write_endpoint);
}

fn write_optional<T: ?Sized>(
    out: &mut String,
    value: Option<&T>,
    write: impl FnOnce(&mut String, &T),
) {
    match value {
        Some(value) => write(out, value),
        None => out.push_str("None"),
    }
}

fn write_endpoint(out: &mut String, endpoint: &Endpoint) {
    let texts = |out: &mut String, texts: &[String]| {
        write_list(out, texts, |out, text| write_repr(out, text));
    };
    out.push_str("Endpoint(hosts=");
    write_optional(out, endpoint.hosts.as_deref(), texts);
    out.push_str(", ports=");
    write_optional(out, endpoint.ports.as_deref(), |out, ports| {
        write_list(out, ports, |out, port| push_integer(out, *port));
    });
    out.push_str(", methods=");
    write_optional(out, endpoint.methods.as_deref(), |out, methods| {
        write_list(out, methods, |out, method| {
            write_member(out, "Method", method.member_name(), method.as_str());
        });
    });
    out.push_str(", paths=");
    write_optional(out, endpoint.paths.as_deref(), texts);
    out.push(')');
}
