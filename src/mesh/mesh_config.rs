//! MeshConfig, as istiod's ConfigMap holds it.

use super::manifests::{name, namespace};
use super::repeated::LIVE;
use super::settings::{MOST_ALIASES, PathNormalization, Settings, is_trust_domain, strings};
use crate::diagnostic::{Diagnostic, clip, code};
use crate::names::{is_dns_label, one_edit_apart};
use crate::text::{Node, parse_any};

/// What MeshConfig says of a mesh.
pub(super) type Said = (String, String, Vec<String>, PathNormalization);

/// Reads a ConfigMap, in case it holds MeshConfig. Of several that differ the last one counts, which is told.
pub(super) fn read_one(
    settings: &mut Settings,
    last: &mut Option<(String, Said)>,
    root: &Node<'_>,
    file: &str,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if !read(settings, root, file, diagnostics) {
        return;
    }
    let said = (
        settings.root_namespace.clone(),
        settings.trust_domain.clone(),
        settings.trust_domain_aliases.clone(),
        settings.path_normalization,
    );
    let id = format!("{}/{}", namespace(root), name(root));
    if let Some((earlier, other)) = last
        && *other != said
        && file != LIVE
    {
        let text = format!(
            "`{}` and `{}` hold MeshConfigs that differ: the last one counts",
            clip(earlier),
            clip(&id)
        );
        let warning = Diagnostic::warning(code::OBJECT_GIVEN_TWICE, text).at(file, root.at);
        diagnostics.push(warning.help("give the one of the revision that is meant"));
    }
    *last = Some((id, said));
}

/// Reads a ConfigMap, in case it holds MeshConfig: text under `data.mesh`.
fn read(
    settings: &mut Settings,
    root: &Node<'_>,
    file: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> bool {
    if !name(root).starts_with("istio") {
        return false;
    }
    let Some(text) = root
        .get("data")
        .and_then(|data| data.get("mesh"))
        .and_then(Node::as_str)
    else {
        return false;
    };
    let mut doubt = |text: String| {
        let warning = Diagnostic::warning(code::WRONG_SHAPE, text).at(file, root.at);
        let help = "Istio's defaults are assumed instead; correct `data.mesh`";
        diagnostics.push(warning.help(help));
    };
    let documents = parse_any(text).unwrap_or_default();
    let config = documents.first().map(|document| &document.root);
    let null = config.is_some_and(Node::is_null) || text.trim().is_empty();
    if !null && config.and_then(Node::as_object).is_none() {
        doubt("this MeshConfig cannot be read".to_owned());
        return false;
    }
    for text in config.into_iter().flat_map(odd_mesh_config) {
        doubt(text);
    }
    let get = |key: &str| config.and_then(|config| config.get(key));
    settings.root_namespace = match get("rootNamespace").and_then(Node::as_str) {
        Some(name) if is_dns_label(name) => name.to_owned(),
        _ => namespace(root),
    };
    settings.give("rootNamespace");
    if let Some(domain) = get("trustDomain").and_then(Node::as_str)
        && is_trust_domain(domain)
    {
        settings.trust_domain = domain.to_owned();
    }
    settings.give("trustDomain");
    if let Some(aliases) = get("trustDomainAliases").and_then(strings) {
        if aliases.len() > MOST_ALIASES {
            diagnostics.push(
                Diagnostic::error(
                    code::WRONG_SHAPE,
                    format!(
                        "this MeshConfig has {} aliases of its trust domain",
                        aliases.len()
                    ),
                )
                .at(file, root.at)
                .help("give a MeshConfig with 1,000 `trustDomainAliases` at most")
                .bad_input(),
            );
            return false;
        }
        settings.trust_domain_aliases = aliases;
    }
    settings.give("trustDomainAliases");
    let mode = get("pathNormalization")
        .and_then(|node| node.get("normalization"))
        .and_then(Node::as_str);
    if let Some(mode) = mode.and_then(PathNormalization::by_name) {
        settings.path_normalization = mode;
    }
    settings.give("pathNormalization");
    true
}

/// What istiod would not take of a MeshConfig, or would not see.
fn odd_mesh_config(config: &Node<'_>) -> Vec<String> {
    const READ: [&str; 4] = [
        "rootNamespace",
        "trustDomain",
        "trustDomainAliases",
        "pathNormalization",
    ];
    let mut found = Vec::new();
    for member in config.as_object().into_iter().flat_map(|all| all.iter()) {
        let (key, value) = (member.key.as_ref(), &member.value);
        let text = value.as_str();
        let mode = value.get("normalization").filter(|node| !node.is_null());
        let fits = match key {
            "rootNamespace" => text.is_some_and(|text| text.is_empty() || is_dns_label(text)),
            "trustDomain" => text.is_some_and(|text| text.is_empty() || is_trust_domain(text)),
            "trustDomainAliases" => strings(value).is_some(),
            "pathNormalization" => {
                let known = |node: &Node<'_>| node.as_str().and_then(PathNormalization::by_name);
                value.as_object().is_some() && mode.is_none_or(|node| known(node).is_some())
            }
            _ => true,
        };
        if !fits && !value.is_null() {
            found.push(format!("`{key}` of this MeshConfig cannot be read"));
        }
        let meant = READ.into_iter().find(|name| one_edit_apart(key, name));
        if let Some(meant) = meant.filter(|meant| config.get(meant).is_none()) {
            let key = clip(key);
            found.push(format!("MeshConfig has no `{key}`: `{meant}` may be meant"));
        }
    }
    found
}
