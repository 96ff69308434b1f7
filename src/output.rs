//! What a compilation says, as text: all of it at once, or in parts where no string could hold it.

use crate::compile::Compiled;
use crate::istio::AuthorizationPolicy;
use crate::managers::WHEN_ANNOTATION;
use crate::text::{Out, emit_yaml, parse_json, to_json};
use serde::Serialize;

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
            out.0.extend_from_slice(name.as_bytes());
        }
        let was_there = match self.list {
            List::MeshPolicies => self.item(compiled.mesh_policies.get(self.at), out),
            List::AuthorizationPolicies => {
                self.item(compiled.authorization_policies.get(self.at), out)
            }
            List::Diagnostics | List::End => self.item(compiled.diagnostics.get(self.at), out),
        };
        if was_there {
            self.at += 1;
            return;
        }
        self.at = 0;
        self.list = match self.list {
            List::MeshPolicies => List::AuthorizationPolicies,
            List::AuthorizationPolicies => List::Diagnostics,
            List::Diagnostics | List::End => {
                out.0.extend_from_slice(b"]}");
                List::End
            }
        };
    }

    fn item<T: Serialize>(&self, item: Option<&T>, out: &mut Out) -> bool {
        if let Some(item) = item {
            if self.at > 0 {
                out.0.push(b',');
            }
            // INVARIANT: every key is a string and no number is NaN in what is built here.
            let _ = out.add(item, false);
        }
        item.is_some()
    }

    fn yaml(&mut self, compiled: &Compiled, out: &mut Out) {
        match compiled.authorization_policies.get(self.at) {
            Some(policy) => {
                out.0.extend_from_slice(document(policy).as_bytes());
                self.at += 1;
            }
            None => self.list = List::End,
        }
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
