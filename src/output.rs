//! What a compilation says, as text: all of it at once, or in parts where no string could hold it.

use crate::compile::Compiled;
use crate::istio::{AuthorizationPolicy, Operations, Pairs, Spec, Target, write_built};
use crate::managers::WHEN_ANNOTATION;
use crate::model::{Endpoint, MeshPolicy};
use crate::text::{Out, emit_yaml, parse_json, to_json};
use std::sync::Arc;

/// How long a part is at least, in bytes; only the last one is shorter. Longer than that by less than one policy.
const PART: usize = 1 << 18;

/// A notation of what was compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `{"meshPolicies": […], "authorizationPolicies": […], "diagnostics": […]}`, without spaces.
    Json,
    /// The AuthorizationPolicies as YAML documents, for `kubectl apply -f -`. One that exists only under
    /// a condition is commented out: to apply it unasked could close a mesh.
    Yaml,
}

/// How far the text of a compilation has been handed out.
#[derive(Debug)]
pub struct Parts {
    format: Format,
    list: List,
    /// What comes next in the list.
    at: usize,
    /// The text of the endpoints of the policy before.
    endpoints: Shared,
}

/// Text of endpoints that policies share: those that one declaration makes have the same, and it is most of what is written.
#[derive(Debug, Default)]
struct Shared {
    /// Whose text it is, and whether it is of ports only.
    of: Option<(Arc<[Endpoint]>, bool)>,
    text: Out,
}

/// The lists of a compilation, in the order in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    MeshPolicies,
    AuthorizationPolicies,
    Diagnostics,
    End,
}

impl Compiled {
    /// The text in one notation, part by part.
    pub fn parts(&self, format: Format) -> impl Iterator<Item = String> + '_ {
        let mut parts = Parts::new(format);
        std::iter::from_fn(move || parts.next(self))
    }

    /// All of it as JSON, see [`Format::Json`].
    pub fn json(&self) -> String {
        self.parts(Format::Json).collect()
    }

    /// The AuthorizationPolicies as YAML, see [`Format::Yaml`].
    pub fn yaml(&self) -> String {
        self.parts(Format::Yaml).collect()
    }
}

impl Parts {
    /// At the beginning.
    pub fn new(format: Format) -> Self {
        let list = match format {
            Format::Json => List::MeshPolicies,
            Format::Yaml => List::AuthorizationPolicies,
        };
        Parts {
            format,
            list,
            at: 0,
            endpoints: Shared::default(),
        }
    }

    /// The next part, which is never empty; `None` at the end. It has to be asked of one and the same compilation.
    pub fn next(&mut self, compiled: &Compiled) -> Option<String> {
        let mut out = Out(Vec::with_capacity(PART + (PART >> 4)));
        while out.0.len() < PART && self.list != List::End {
            match self.format {
                Format::Json => self.json(compiled, &mut out),
                Format::Yaml => self.yaml(compiled, &mut out),
            }
        }
        // INVARIANT: what is built of text is UTF-8.
        let text = out.into_text().unwrap_or_default();
        (!text.is_empty()).then_some(text)
    }

    /// Writes the next thing of the list, or ends the list.
    fn json(&mut self, compiled: &Compiled, out: &mut Out) {
        let name = match self.list {
            List::MeshPolicies => "{\"meshPolicies\":[",
            List::AuthorizationPolicies => "],\"authorizationPolicies\":[",
            List::Diagnostics => "],\"diagnostics\":[",
            List::End => return,
        };
        if self.at == 0 {
            out.text(name);
        }
        let before = out.0.len();
        if self.at > 0 {
            out.text(",");
        }
        let written = match self.list {
            List::MeshPolicies => compiled
                .mesh_policies
                .get(self.at)
                .map(|policy| self.endpoints.mesh_policy(policy, out)),
            List::AuthorizationPolicies => compiled
                .authorization_policies
                .get(self.at)
                .map(|policy| self.endpoints.authorization_policy(policy, out)),
            List::Diagnostics | List::End => {
                let diagnostic = compiled.diagnostics.get(self.at);
                diagnostic.map(|diagnostic| out.json(diagnostic))
            }
        };
        if written.is_some() {
            self.at += 1;
            return;
        }
        // The comma has nothing after it.
        out.0.truncate(before);
        self.at = 0;
        self.endpoints = Shared::default();
        self.list = match self.list {
            List::MeshPolicies => List::AuthorizationPolicies,
            List::AuthorizationPolicies => List::Diagnostics,
            List::Diagnostics | List::End => {
                out.text("]}");
                List::End
            }
        };
    }

    fn yaml(&mut self, compiled: &Compiled, out: &mut Out) {
        match compiled.authorization_policies.get(self.at) {
            Some(policy) => {
                out.text(&document(policy));
                self.at += 1;
            }
            None => self.list = List::End,
        }
    }
}

impl Shared {
    fn is_of(&self, endpoints: &Arc<[Endpoint]>, ports_only: bool) -> bool {
        self.of
            .as_ref()
            .is_some_and(|(of, ports)| Arc::ptr_eq(of, endpoints) && *ports == ports_only)
    }

    /// Writes a policy like its `Serialize`.
    fn mesh_policy(&mut self, policy: &MeshPolicy, out: &mut Out) {
        if !self.is_of(&policy.endpoints, false) {
            self.of = Some((Arc::clone(&policy.endpoints), false));
            self.text.0.clear();
            self.text.json(&*policy.endpoints);
        }
        for (key, value) in [
            ("{\"source_namespace\":", Some(&policy.source_namespace)),
            (",\"source_app_name\":", Some(&policy.source_app_name)),
            (",\"target_namespace\":", Some(&policy.target_namespace)),
            (",\"target_app_name\":", policy.target_app_name.as_ref()),
        ] {
            out.text(key);
            out.json(&value);
        }
        out.text(",\"target_selector_labels\":");
        match &policy.target_selector_labels {
            Some(labels) => out.json(&Pairs(labels)),
            None => out.text("null"),
        }
        out.text(",\"target_service\":");
        out.json(&policy.target_service);
        out.text(",\"target_type\":");
        out.json(&policy.target_type);
        out.text(",\"endpoints\":");
        out.0.extend_from_slice(&self.text.0);
        out.text("}");
    }

    fn authorization_policy(&mut self, policy: &AuthorizationPolicy, out: &mut Out) {
        let Spec::Built(spec) = &policy.spec else {
            out.json(policy);
            return;
        };
        let ports_only = !matches!(spec.target, Target::Service(_));
        if !self.is_of(&spec.endpoints, ports_only) {
            self.of = Some((Arc::clone(&spec.endpoints), ports_only));
            self.text.0.clear();
            self.text.json(&Operations(spec));
        }
        write_built(policy, spec, &self.text.0, out);
    }
}

fn document(policy: &AuthorizationPolicy) -> String {
    let json = to_json(policy).unwrap_or_default();
    let Ok(document) = parse_json(&json) else {
        return String::new();
    };
    let is_certain = policy
        .annotations
        .iter()
        .all(|(key, _)| key != WHEN_ANNOTATION);
    if is_certain {
        let mut text = String::from("---\n");
        emit_yaml(&document.root, &mut text);
        return text;
    }
    let mut text = String::from("# Only under the condition that its annotation names:\n");
    let mut commented = String::new();
    emit_yaml(&document.root, &mut commented);
    for line in commented.lines() {
        text.push_str("# ");
        text.push_str(line);
        text.push('\n');
    }
    text
}
