//! Policies that charms make themselves, written in a charm file as templates.

use crate::text::{Member, Node, Object, Value};
use std::borrow::Cow;

/// What placeholders stand for in one deployment.
#[derive(Debug, Clone, Copy)]
pub struct Names<'n> {
    /// `{app}` and `{coordinator}`.
    pub application: &'n str,
    /// `{model}`.
    pub model: &'n str,
    /// `{each worker app}`.
    pub worker: Option<&'n str>,
}

/// A template's text that holds a placeholder which this input cannot fill.
pub const UNFILLED: &str = "a placeholder is left";

impl Names<'_> {
    /// Fills the placeholders of a text; `None` where one is left.
    ///
    /// `{*}` and `{**}` are Istio's path templates, not placeholders.
    pub fn text(&self, template: &str) -> Option<String> {
        if !template.contains('{') {
            return Some(template.to_owned());
        }
        let mut filled = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let (name, after) = after.split_once('}')?;
            match name {
                "app" | "coordinator" => filled.push_str(self.application),
                "model" => filled.push_str(self.model),
                "each worker app" => filled.push_str(self.worker?),
                "*" | "**" => {
                    filled.push('{');
                    filled.push_str(name);
                    filled.push('}');
                }
                _ => return None,
            }
            rest = after;
        }
        filled.push_str(rest);
        Some(filled)
    }

    /// Fills the placeholders of a tree, keys included; `None` where one is left.
    // The recursion is bounded by the reader's limit on depth.
    pub fn fill(&self, node: &Node<'_>) -> Option<Node<'static>> {
        let value = match &node.value {
            Value::Null => Value::Null,
            Value::Bool(value) => Value::Bool(*value),
            Value::Int(value) => Value::Int(*value),
            Value::Float(value) => Value::Float(*value),
            Value::BigInt(text) => Value::BigInt(Cow::Owned(text.to_string())),
            Value::String(text) => Value::String(Cow::Owned(self.text(text)?)),
            Value::Array(nodes) => Value::Array(
                nodes
                    .iter()
                    .map(|node| self.fill(node))
                    .collect::<Option<_>>()?,
            ),
            Value::Object(object) => Value::Object(Object {
                members: object
                    .iter()
                    .map(|member| {
                        Some(Member {
                            key: Cow::Owned(self.text(&member.key)?),
                            at: member.at,
                            value: self.fill(&member.value)?,
                        })
                    })
                    .collect::<Option<_>>()?,
            }),
        };
        Some(Node { at: node.at, value })
    }
}

/// Whether a tree mentions a placeholder.
pub fn mentions(node: &Node<'_>, placeholder: &str) -> bool {
    match &node.value {
        Value::String(text) => text.contains(placeholder),
        Value::Array(nodes) => nodes.iter().any(|node| mentions(node, placeholder)),
        Value::Object(object) => object
            .iter()
            .any(|member| member.key.contains(placeholder) || mentions(&member.value, placeholder)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_what_it_knows() {
        let names = Names {
            application: "loki",
            model: "cos",
            worker: None,
        };
        assert_eq!(names.text("{app}-{model}-x").as_deref(), Some("loki-cos-x"));
        assert_eq!(
            names.text("/proxy/{*}/metrics").as_deref(),
            Some("/proxy/{*}/metrics")
        );
        assert_eq!(names.text("{backend}-x"), None);
        assert_eq!(names.text("{each worker app}"), None);
        assert_eq!(names.text("{open"), None);
    }
}
