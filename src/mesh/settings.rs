//! Settings of a mesh that decide what a policy does.

use crate::compile::Source;
use crate::diagnostic::{Diagnostic, code, refuse_repeated_keys};
use crate::juju::charm::clip;
use crate::names::is_dns_label;
use crate::text::{Node, Position, decode_utf8, parse_any};
use serde::Serialize;

/// How a proxy changes a request's path before policies see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PathNormalization {
    /// Not at all.
    None,
    /// Dots are resolved, unreserved characters decoded, `\` turned to `/`.
    #[default]
    Base,
    /// And runs of slashes become one.
    MergeSlashes,
    /// And `%2F` and `%5C` are decoded first.
    DecodeAndMergeSlashes,
}

/// Who carries a workload's traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DataPlane {
    /// ztunnel on the node, and waypoints.
    #[default]
    Ambient,
    /// An Envoy in the pod.
    Sidecar,
    /// Nobody: the workload is outside the mesh.
    None,
}

/// What is set for the whole mesh. The defaults are Istio's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Policies in this namespace hold for the whole mesh.
    pub root_namespace: String,
    /// The trust domain of identities.
    pub trust_domain: String,
    /// Trust domains that are as good.
    pub trust_domain_aliases: Vec<String>,
    /// istiod's `PILOT_AUTO_ALLOW_WAYPOINT_POLICY`: every workload behind a waypoint has an ALLOW
    /// policy for it.
    pub auto_allow_waypoint: bool,
    /// istio-k8s's `hardened-mode`: nothing is allowed without a policy.
    pub hardened_mode: bool,
    /// How paths are normalised.
    pub path_normalization: PathNormalization,
    /// The data plane of workloads of which the input says nothing; `None`: what is assumed is
    /// ambient, and the trace says so.
    pub data_plane: Option<DataPlane>,
    /// Names of the settings that the input gave; the others are assumed.
    #[serde(skip)]
    pub given: Vec<&'static str>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            root_namespace: "istio-system".into(),
            trust_domain: "cluster.local".into(),
            trust_domain_aliases: Vec::new(),
            auto_allow_waypoint: false,
            hardened_mode: false,
            path_normalization: PathNormalization::Base,
            data_plane: None,
            given: Vec::new(),
        }
    }
}

/// The names of the settings in a file.
const KEYS: [&str; 7] = [
    "rootNamespace",
    "trustDomain",
    "trustDomainAliases",
    "autoAllowWaypoint",
    "hardenedMode",
    "pathNormalization",
    "dataPlane",
];

impl PathNormalization {
    /// By its name in MeshConfig.
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "NONE" => Some(PathNormalization::None),
            "BASE" | "DEFAULT" => Some(PathNormalization::Base),
            "MERGE_SLASHES" => Some(PathNormalization::MergeSlashes),
            "DECODE_AND_MERGE_SLASHES" => Some(PathNormalization::DecodeAndMergeSlashes),
            _ => None,
        }
    }
}

impl Settings {
    /// Notes that the input gave a setting.
    pub(super) fn give(&mut self, key: &'static str) {
        if !self.given.contains(&key) {
            self.given.push(key);
        }
    }

    /// Takes settings files, as [`Settings::read`] does.
    pub fn read_all(&mut self, sources: &[Source<'_>], diagnostics: &mut Vec<Diagnostic>) {
        for source in sources {
            match decode_utf8(source.bytes) {
                Ok(text) => self.read(source.file, text, diagnostics),
                Err(error) => diagnostics.push(Diagnostic::unreadable(source.file, &error)),
            }
        }
    }

    /// Takes a settings file: a mapping of setting names, JSON or YAML.
    pub fn read(&mut self, file: &str, text: &str, diagnostics: &mut Vec<Diagnostic>) {
        let documents = match parse_any(text) {
            Ok(documents) => documents,
            Err(error) => {
                diagnostics.push(Diagnostic::unreadable(file, &error));
                return;
            }
        };
        if documents.iter().all(|document| document.root.is_null()) {
            let note = Diagnostic::note(code::NOTHING_TO_READ, "this file holds no setting");
            diagnostics.push(note.at(file, Position::new(1, 1)));
        }
        for document in documents.iter().filter(|document| !document.root.is_null()) {
            refuse_repeated_keys(file, document, diagnostics);
            self.take(file, &document.root, diagnostics);
        }
    }

    /// Takes a mapping of setting names.
    pub fn take(&mut self, file: &str, root: &Node<'_>, diagnostics: &mut Vec<Diagnostic>) {
        let Some(object) = root.as_object() else {
            diagnostics.push(
                Diagnostic::error(
                    code::WRONG_SHAPE,
                    format!("settings must be a mapping, not {}", root.kind()),
                )
                .at(file, root.at)
                .bad_input(),
            );
            return;
        };
        for member in object.iter() {
            let node = &member.value;
            let known = KEYS.into_iter().find(|key| *key == member.key);
            let text = node.as_str().filter(|text| !text.is_empty());
            let taken = match known {
                Some("rootNamespace") => text
                    .filter(|text| is_dns_label(text))
                    .map(|text| self.root_namespace = text.to_owned()),
                Some("trustDomain") => text
                    .filter(|text| is_trust_domain(text))
                    .map(|text| self.trust_domain = text.to_owned()),
                Some("trustDomainAliases") => strings(node)
                    .filter(|list| list.len() <= MOST_ALIASES)
                    .filter(|list| {
                        list.iter()
                            .all(|text| is_trust_domain(&text.replace('*', "x")))
                    })
                    .map(|list| self.trust_domain_aliases = list),
                Some("autoAllowWaypoint") => node.as_bool().map(|on| self.auto_allow_waypoint = on),
                Some("hardenedMode") => node.as_bool().map(|on| self.hardened_mode = on),
                Some("pathNormalization") => text
                    .and_then(PathNormalization::by_name)
                    .map(|mode| self.path_normalization = mode),
                Some("dataPlane") => match text {
                    Some("ambient") => Some(DataPlane::Ambient),
                    Some("sidecar") => Some(DataPlane::Sidecar),
                    Some("none") => Some(DataPlane::None),
                    _ => None,
                }
                .map(|plane| self.data_plane = Some(plane)),
                _ => {
                    diagnostics.push(
                        Diagnostic::error(
                            code::WRONG_SHAPE,
                            format!("there is no setting `{}`", clip(&member.key)),
                        )
                        .at(file, member.at)
                        .help(format!("the settings are {}", KEYS.join(", ")))
                        .bad_input(),
                    );
                    continue;
                }
            };
            match (known, taken) {
                (Some(key), Some(())) => self.give(key),
                _ => diagnostics.push(
                    Diagnostic::error(
                        code::WRONG_SHAPE,
                        format!(
                            "the setting `{}` cannot be {}",
                            clip(&member.key),
                            shown(node)
                        ),
                    )
                    .at(file, node.at)
                    .help(match known {
                        Some("pathNormalization") => {
                            "write NONE, BASE, MERGE_SLASHES or DECODE_AND_MERGE_SLASHES"
                        }
                        Some("dataPlane") => "write ambient, sidecar or none",
                        Some("autoAllowWaypoint" | "hardenedMode") => "write true or false",
                        Some("trustDomainAliases") => {
                            "write a list of trust domains, 1,000 at most"
                        }
                        Some("trustDomain") => {
                            "write one such as cluster.local, without `spiffe://`"
                        }
                        _ => "write a namespace's name",
                    })
                    .bad_input(),
                ),
            }
        }
    }
}

fn shown(node: &Node<'_>) -> String {
    node.scalar_text().map_or_else(
        || node.kind().to_owned(),
        |text| format!("`{}`", clip(&text)),
    )
}

/// Whether a text can be a trust domain: it is the first part of a principal, up to the first slash.
/// SPIFFE has lower case alone; Istio passes others on. Google's may have a colon, after a domain.
pub(super) fn is_trust_domain(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

/// Most aliases of a trust domain: each principal of each policy is read once for each.
pub(crate) const MOST_ALIASES: usize = 1000;

/// A list of strings; `None` for anything else.
pub(crate) fn strings(node: &Node<'_>) -> Option<Vec<String>> {
    node.as_array()?
        .iter()
        .map(|item| item.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_refuses() {
        let mut settings = Settings::default();
        let mut diagnostics = Vec::new();
        settings.read(
            "s.yaml",
            "rootNamespace: mesh\ntrustDomainAliases: [old]\nautoAllowWaypoint: true\npathNormalization: MERGE_SLASHES\ndataPlane: sidecar\n",
            &mut diagnostics,
        );
        assert_eq!(diagnostics, []);
        assert_eq!(settings.root_namespace, "mesh");
        assert_eq!(settings.trust_domain_aliases, ["old"]);
        assert!(settings.auto_allow_waypoint);
        assert_eq!(settings.path_normalization, PathNormalization::MergeSlashes);
        assert_eq!(settings.data_plane, Some(DataPlane::Sidecar));
        assert_eq!(settings.given.len(), 5);
        let many = format!("trustDomainAliases: [{}]", "a,".repeat(MOST_ALIASES + 1));
        for text in [
            "[]",
            "x: 1",
            "hardenedMode: 1",
            "dataPlane: none of it",
            "rootNamespace: Mesh System",
            "trustDomain: spiffe://cluster.local",
            "trustDomain: '*'",
            "trustDomainAliases: ['']",
            "hardenedMode: false\nhardenedMode: true",
            &many,
        ] {
            let mut diagnostics = Vec::new();
            Settings::default().read("s.yaml", text, &mut diagnostics);
            assert_eq!(diagnostics.len(), 1, "{text}");
            assert!(diagnostics[0].bad_input, "{text}");
        }
    }
}
