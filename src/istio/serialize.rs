//! Writing AuthorizationPolicies, straight from the structures they are built of.

use super::{API_VERSION, AuthorizationPolicy, BuiltSpec, KIND, Spec, Target};
use crate::model::{Endpoint, serialize_pairs};
use crate::text::Out;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

/// A mapping of one entry.
struct Single<'a, T>(&'a str, T);

impl<T: Serialize> Serialize for Single<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.0, &self.1)?;
        map.end()
    }
}

pub(crate) struct Pairs<'a>(pub(crate) &'a [(String, String)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_pairs(self.0, serializer)
    }
}

impl Serialize for AuthorizationPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("apiVersion", API_VERSION)?;
        map.serialize_entry("kind", KIND)?;
        map.serialize_entry("metadata", &Metadata(self))?;
        map.serialize_entry("spec", &self.spec)?;
        map.end()
    }
}

/// `metadata` of a policy.
pub(crate) struct Metadata<'a>(pub(crate) &'a AuthorizationPolicy);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let policy = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &policy.name)?;
        map.serialize_entry("namespace", &policy.namespace)?;
        for (key, pairs) in [
            ("labels", &*policy.labels),
            ("annotations", policy.annotations.as_slice()),
        ] {
            if !pairs.is_empty() {
                map.serialize_entry(key, &Pairs(pairs))?;
            }
        }
        map.end()
    }
}

/// Writes a policy like its `Serialize`, with the text of its operations given: thousands of policies
/// may have the same, and they are most of it.
pub(crate) fn write_built(
    policy: &AuthorizationPolicy,
    spec: &BuiltSpec,
    operations: &[u8],
    out: &mut Out,
) {
    out.text("{\"apiVersion\":");
    out.json(API_VERSION);
    out.text(",\"kind\":");
    out.json(KIND);
    out.text(",\"metadata\":");
    out.json(&Metadata(policy));
    out.text(",\"spec\":{");
    match &spec.target {
        Target::Service(name) => {
            out.text("\"targetRefs\":[");
            out.json(&ServiceReference(name));
            out.text("],");
        }
        Target::Selector(labels) => {
            out.text("\"selector\":{\"matchLabels\":");
            out.json(&Pairs(labels));
            out.text("},");
        }
        Target::Namespace => {}
    }
    out.text("\"rules\":[{\"from\":[{\"source\":{\"principals\":[");
    out.json(&spec.principal);
    out.text("]}}],\"to\":");
    out.0.extend_from_slice(operations);
    out.text("}]}}");
}

impl Serialize for Spec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Spec::Built(spec) => spec.serialize(serializer),
            Spec::Raw(value) => value.serialize(serializer),
        }
    }
}

impl Serialize for BuiltSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.target {
            Target::Service(name) => {
                map.serialize_entry("targetRefs", &[ServiceReference(name)])?
            }
            Target::Selector(labels) => {
                map.serialize_entry("selector", &Single("matchLabels", Pairs(labels)))?;
            }
            Target::Namespace => {}
        }
        map.serialize_entry("rules", &[BuiltRule(self)])?;
        map.end()
    }
}

struct ServiceReference<'a>(&'a str);

impl Serialize for ServiceReference<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("group", "")?;
        map.serialize_entry("kind", "Service")?;
        map.serialize_entry("name", self.0)?;
        map.end()
    }
}

struct BuiltRule<'a>(&'a BuiltSpec);

impl Serialize for BuiltRule<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        let source = Single("principals", [&self.0.principal]);
        map.serialize_entry("from", &[Single("source", source)])?;
        map.serialize_entry("to", &Operations(self.0))?;
        map.end()
    }
}

/// The operations of a built spec, as a list.
pub(crate) struct Operations<'a>(pub(crate) &'a BuiltSpec);

impl Serialize for Operations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ports_only = !matches!(self.0.target, Target::Service(_));
        let mut seq = serializer.serialize_seq(Some(self.0.endpoints.len()))?;
        for endpoint in self.0.endpoints.iter() {
            let operation = Operation {
                endpoint,
                ports_only,
            };
            seq.serialize_element(&Single("operation", operation))?;
        }
        seq.end()
    }
}

struct Operation<'a> {
    endpoint: &'a Endpoint,
    ports_only: bool,
}

impl Serialize for Operation<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Endpoint {
            hosts,
            ports,
            methods,
            paths,
        } = self.endpoint;
        let ports = Ports(ports.as_deref().unwrap_or_default());
        let mut map = serializer.serialize_map(None)?;
        if self.ports_only {
            map.serialize_entry("ports", &ports)?;
            return map.end();
        }
        if let Some(hosts) = hosts {
            map.serialize_entry("hosts", hosts)?;
        }
        map.serialize_entry("ports", &ports)?;
        if let Some(methods) = methods {
            map.serialize_entry("methods", methods)?;
        }
        if let Some(paths) = paths {
            map.serialize_entry("paths", paths)?;
        }
        map.end()
    }
}

/// Istio takes ports as strings.
struct Ports<'a>(&'a [i64]);

impl Serialize for Ports<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Port))
    }
}

struct Port<'a>(&'a i64);

impl Serialize for Port<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}
