//! Policies that charms make themselves, written in a charm file as templates.

use super::bundle::Application;
use super::when::option;
use crate::map::Map;
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
    /// `{backend}` and `{backend_namespace}`: an application that the charm gives an ingress, and its model.
    pub backend: Option<(&'n str, &'n str)>,
    /// `{config OPTION}`: the application in its bundle, and its charm's defaults.
    pub options: Option<(&'n Application<'n>, &'n Map<'n, String>)>,
}

impl Names<'_> {
    /// Fills the placeholders of a text; one that is left is the error.
    ///
    /// `{*}` and `{**}` are Istio's path templates, not placeholders.
    pub fn text<'t>(&self, template: &'t str) -> Result<String, &'t str> {
        let mut filled = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let (name, after) = after.split_once('}').ok_or(template)?;
            match name {
                "*" | "**" => {
                    filled.push('{');
                    filled.push_str(name);
                    filled.push('}');
                }
                _ => filled.push_str(self.named(name).ok_or(name)?),
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn named(&self, name: &str) -> Option<&str> {
        match name {
            "app" | "coordinator" => Some(self.application),
            "model" => Some(self.model),
            "each worker app" => self.worker,
            "backend" => Some(self.backend?.0),
            "backend_namespace" => Some(self.backend?.1),
            _ => self.option(name.strip_prefix("config ")?),
        }
    }

    fn option(&self, key: &str) -> Option<&str> {
        let (application, defaults) = self.options?;
        option(key, Some(application), defaults)
    }

    /// Fills the placeholders of a tree, keys included; one that is left is the error.
    // The recursion is bounded by the reader's limit on depth.
    pub fn fill<'t>(&self, node: &'t Node<'_>) -> Result<Node<'static>, &'t str> {
        let value = match &node.value {
            Value::Null => Value::Null,
            Value::Bool(value) => Value::Bool(*value),
            Value::Int(value) => Value::Int(*value),
            Value::Float(value) => Value::Float(*value),
            Value::BigInt(text) => Value::BigInt(Cow::Owned(text.to_string())),
            Value::String(text) => Value::String(Cow::Owned(self.text(text)?)),
            Value::Array(nodes) => {
                let mut filled = Vec::with_capacity(nodes.len());
                for node in nodes {
                    match self.listed(node) {
                        Some(listed) => filled.extend(listed),
                        None => filled.push(self.fill(node)?),
                    }
                }
                Value::Array(filled)
            }
            Value::Object(object) => Value::Object(Object {
                members: object
                    .iter()
                    .map(|member| {
                        Ok(Member {
                            key: Cow::Owned(self.text(&member.key)?),
                            at: member.at,
                            value: self.fill(&member.value)?,
                        })
                    })
                    .collect::<Result<_, _>>()?,
            }),
        };
        Ok(Node { at: node.at, value })
    }

    /// An entry of a list that is an option and nothing else is as many entries as the option has, between commas.
    fn listed(&self, node: &Node<'_>) -> Option<Vec<Node<'static>>> {
        let placeholder = node.as_str()?.strip_prefix("{config ")?;
        let key = placeholder
            .strip_suffix('}')
            .filter(|key| !key.contains('}'))?;
        let entries = self.option(key)?.split(',').map(str::trim);
        let filled = entries.filter(|entry| !entry.is_empty());
        let filled = filled.map(|entry| Node {
            at: node.at,
            value: Value::String(Cow::Owned(entry.to_owned())),
        });
        Some(filled.collect())
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
        let application = Application {
            file: "",
            at: Default::default(),
            charm: "c",
            options: Map::from_iter([("cidrs", "10.0.0.0/8, 192.168.0.0/16,".to_owned())]),
            offers: Map::new(),
        };
        let defaults = Map::from_iter([("kind", "public".to_owned())]);
        let names = Names {
            application: "loki",
            model: "cos",
            worker: None,
            backend: Some(("web", "shop")),
            options: Some((&application, &defaults)),
        };
        for (template, filled) in [
            ("{app}-{model}-x", Ok("loki-cos-x")),
            ("{backend}.{backend_namespace}", Ok("web.shop")),
            ("/proxy/{*}/metrics", Ok("/proxy/{*}/metrics")),
            ("a-{config kind}", Ok("a-public")),
            ("{config other}", Err("config other")),
            ("{each worker app}", Err("each worker app")),
            ("{app}-{grafana}", Err("grafana")),
            ("{open", Err("{open")),
        ] {
            let found = names.text(template);
            assert_eq!(found.as_deref(), filled.as_deref(), "{template}");
        }
        let list = crate::text::parse_json("[\"a\", \"{config cidrs}\", \"{config kind}s\"]");
        let list = list.map(|document| {
            names
                .fill(&document.root)
                .map(|node| {
                    let texts = node.as_array().unwrap_or_default().iter();
                    texts
                        .filter_map(|node| node.as_str().map(str::to_owned))
                        .collect::<Vec<_>>()
                })
                .unwrap_or_default()
        });
        let expected = ["a", "10.0.0.0/8", "192.168.0.0/16", "publics"];
        assert_eq!(list.unwrap_or_default(), expected);
    }
}
