//! The values that charms and the mesh exchange, and the rules that they must keep.
//!
//! The rules are those of the published Python library (pydantic, lax mode): what it accepts is
//! accepted, what it coerces is coerced to the same, and errors have its types and places.

mod data;
mod integer;
mod schema;
mod typed;
mod validate;

pub use data::{Data, Record};
pub use schema::{Absent, EnumType, Field, Rule, Schema, Type, enum_type, schema};
pub use typed::{
    validate_app_policy, validate_charm_policy, validate_cmr_data, validate_endpoint,
    validate_mesh_policy, validate_policy, validate_service_mesh_provider_app_data,
    validate_unit_policy,
};
pub use validate::{Loc, UNSUPPORTED_INTEGER, ValidationError, validate};

use serde::{Serialize, Serializer};
use std::sync::Arc;

/// An HTTP method that a policy can allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `CONNECT`
    Connect,
    /// `DELETE`
    Delete,
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `OPTIONS`
    Options,
    /// `PATCH`
    Patch,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `TRACE`
    Trace,
}

impl Method {
    /// All methods, in the order of their names.
    pub const ALL: [Method; 9] = [
        Method::Connect,
        Method::Delete,
        Method::Get,
        Method::Head,
        Method::Options,
        Method::Patch,
        Method::Post,
        Method::Put,
        Method::Trace,
    ];

    /// The method as HTTP writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Connect => "CONNECT",
            Method::Delete => "DELETE",
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Options => "OPTIONS",
            Method::Patch => "PATCH",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Trace => "TRACE",
        }
    }

    /// The name of the Python member, which is the method in lower case.
    pub fn member_name(self) -> &'static str {
        match self {
            Method::Connect => "connect",
            Method::Delete => "delete",
            Method::Get => "get",
            Method::Head => "head",
            Method::Options => "options",
            Method::Patch => "patch",
            Method::Post => "post",
            Method::Put => "put",
            Method::Trace => "trace",
        }
    }
}

/// What a mesh policy guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyTargetType {
    /// The application's service, at the waypoint (layer 7).
    #[default]
    App,
    /// The application's pods (layer 4).
    Unit,
}

impl PolicyTargetType {
    /// The value as written in a databag.
    pub fn as_str(self) -> &'static str {
        match self {
            PolicyTargetType::App => "app",
            PolicyTargetType::Unit => "unit",
        }
    }
}

/// The kind of a service mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MeshType {
    /// Istio.
    #[default]
    Istio,
}

impl MeshType {
    /// The value as written in a databag.
    pub fn as_str(self) -> &'static str {
        match self {
            MeshType::Istio => "istio",
        }
    }
}

/// What requests a policy allows. An absent part allows anything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Endpoint {
    /// Host names.
    pub hosts: Option<Vec<String>>,
    /// Ports.
    pub ports: Option<Vec<i64>>,
    /// HTTP methods.
    pub methods: Option<Vec<Method>>,
    /// Paths.
    pub paths: Option<Vec<String>>,
}

/// A charm's wish: applications related over `relation` may reach its service at `endpoints`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppPolicy {
    /// The charm's relation (endpoint) name.
    pub relation: String,
    /// What may be requested.
    #[serde(serialize_with = "serialize_endpoints")]
    pub endpoints: Arc<[Endpoint]>,
    /// A service other than the application's own.
    pub service: Option<String>,
}

/// A charm's wish: applications related over `relation` may reach its units at `ports`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnitPolicy {
    /// The charm's relation (endpoint) name.
    pub relation: String,
    /// Ports; none means all.
    pub ports: Option<Vec<i64>>,
}

/// The deprecated name of [`AppPolicy`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// The charm's relation (endpoint) name.
    pub relation: String,
    /// What may be requested.
    #[serde(serialize_with = "serialize_endpoints")]
    pub endpoints: Arc<[Endpoint]>,
    /// A service other than the application's own.
    pub service: Option<String>,
}

/// One of the policies that a charm declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum CharmPolicy {
    /// An [`AppPolicy`].
    App(AppPolicy),
    /// A [`UnitPolicy`].
    Unit(UnitPolicy),
    /// A [`Policy`].
    Deprecated(Policy),
}

impl CharmPolicy {
    /// The relation that the policy is about.
    pub fn relation(&self) -> &str {
        match self {
            CharmPolicy::App(policy) => &policy.relation,
            CharmPolicy::Unit(policy) => &policy.relation,
            CharmPolicy::Deprecated(policy) => &policy.relation,
        }
    }
}

/// A policy as charms send it to the mesh: who may reach whom, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MeshPolicy {
    /// The namespace (Juju model) that requests come from.
    pub source_namespace: String,
    /// The application that requests come from.
    pub source_app_name: String,
    /// The namespace (Juju model) of the target.
    pub target_namespace: String,
    /// The application that is the target.
    pub target_app_name: Option<String>,
    /// Labels of the target's pods, instead of an application.
    #[serde(serialize_with = "serialize_optional_pairs")]
    pub target_selector_labels: Option<Vec<(String, String)>>,
    /// The target's service, if it is not named like the application.
    pub target_service: Option<String>,
    /// What is guarded.
    pub target_type: PolicyTargetType,
    /// What may be requested.
    #[serde(serialize_with = "serialize_endpoints")]
    pub endpoints: Arc<[Endpoint]>,
}

impl MeshPolicy {
    /// The rules between fields. The error is a sentence that says which one is broken.
    pub fn validate(&self) -> Result<(), String> {
        let filled = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let labelled = self
            .target_selector_labels
            .as_ref()
            .is_some_and(|labels| !labels.is_empty());
        validate::mesh_policy_rules(
            self.target_type,
            filled(&self.target_app_name),
            labelled,
            filled(&self.target_service),
        )
        .map_err(str::to_owned)
    }
}

/// What a cross-model relation says of the application behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CmrData {
    /// The application's name in its own model.
    pub app_name: String,
    /// The model that it lives in.
    pub juju_model_name: String,
}

/// What a beacon tells the charms that joined its mesh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceMeshProviderAppData {
    /// Labels that put a pod or service on the mesh.
    #[serde(serialize_with = "serialize_pairs")]
    pub labels: Vec<(String, String)>,
    /// The mesh's kind.
    pub mesh_type: MeshType,
}

fn serialize_endpoints<S: Serializer>(
    endpoints: &Arc<[Endpoint]>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(endpoints.iter())
}

/// Writes pairs as a mapping in their order.
pub(crate) fn serialize_pairs<S: Serializer>(
    pairs: &[(String, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(key, value)| (key, value)))
}

fn serialize_optional_pairs<S: Serializer>(
    pairs: &Option<Vec<(String, String)>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match pairs {
        Some(pairs) => serialize_pairs(pairs, serializer),
        None => serializer.serialize_none(),
    }
}
