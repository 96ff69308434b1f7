//! The tree as YAML text, in the block style that `kubectl` prints.

use super::float::float_text;
use super::to_json::{is_unseen, push_integer};
use super::tree::{Node, Value};

/// Appends a document to `out`, without a `---` line.
pub fn emit_yaml(node: &Node<'_>, out: &mut String) {
    block(&node.value, 0, out);
    if !out.ends_with('\n') {
        out.push('\n');
    }
}

/// Writes a value after a key or a dash; collections go to lines of their own.
// The recursion is bounded by the reader's limit on depth.
fn block(value: &Value<'_>, indent: usize, out: &mut String) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            for (at, member) in object.iter().enumerate() {
                if at > 0 {
                    newline(indent, out);
                }
                string(&member.key, out);
                out.push(':');
                match &member.value.value {
                    Value::Object(inner) if !inner.is_empty() => {
                        newline(indent + 2, out);
                        block(&member.value.value, indent + 2, out);
                    }
                    Value::Array(inner) if !inner.is_empty() => {
                        newline(indent, out);
                        block(&member.value.value, indent, out);
                    }
                    scalar => {
                        out.push(' ');
                        block(scalar, indent, out);
                    }
                }
            }
        }
        Value::Array(nodes) if !nodes.is_empty() => {
            for (at, node) in nodes.iter().enumerate() {
                if at > 0 {
                    newline(indent, out);
                }
                out.push_str("- ");
                block(&node.value, indent + 2, out);
            }
        }
        Value::Object(_) => out.push_str("{}"),
        Value::Array(_) => out.push_str("[]"),
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => push_integer(out, *value),
        Value::BigInt(text) => out.push_str(text),
        Value::Float(value) if value.is_nan() => out.push_str(".nan"),
        Value::Float(value) if value.is_infinite() => {
            out.push_str(if *value > 0.0 { ".inf" } else { "-.inf" });
        }
        Value::Float(value) => out.push_str(&float_text(*value)),
        Value::String(text) => string(text, out),
    }
}

fn newline(indent: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Writes a string plainly where every YAML reader, of 1.1 or 1.2, takes it for that string.
fn string(text: &str, out: &mut String) {
    if is_plain(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // What some readers take for line breaks or byte order marks is among the unseen.
            c if c.is_control() || is_unseen(c) => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn is_plain(text: &str) -> bool {
    let mut bytes = text.bytes();
    let Some(first) = bytes.next() else {
        return false;
    };
    let starts = first.is_ascii_alphabetic() || first == b'/' || first == b'_';
    let goes_on = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte);
    let is_word = matches!(
        text.to_ascii_lowercase().as_str(),
        "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    starts && bytes.all(goes_on) && !is_word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{parse_json, parse_yaml};

    #[test]
    fn reads_back_as_it_was() {
        let json = r##"{"a": {"b": [1, "80", "x: y", {"c": [], "d": {}}, [null, true]], "e": ""},
            "yes": "no", "s": "a\nb\"\u0007é\u2028", "f": 1.5, "*": ["{*}", "- x", "#", "~"]}"##;
        let before = parse_json(json).expect("is JSON").root;
        let mut yaml = String::new();
        emit_yaml(&before, &mut yaml);
        let after = &parse_yaml(&yaml).expect(&yaml)[0].root;
        fn same(left: &Node<'_>, right: &Node<'_>) -> bool {
            match (&left.value, &right.value) {
                (Value::Array(l), Value::Array(r)) => {
                    l.len() == r.len() && l.iter().zip(r).all(|(l, r)| same(l, r))
                }
                (Value::Object(l), Value::Object(r)) => {
                    l.members.len() == r.members.len()
                        && l.iter()
                            .zip(r.iter())
                            .all(|(l, r)| l.key == r.key && same(&l.value, &r.value))
                }
                (l, r) => l == r,
            }
        }
        assert!(same(&before, after), "{yaml}");
    }
}
