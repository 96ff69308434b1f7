//! Istio's AuthorizationPolicy: building it from mesh policies, and writing it.

pub mod address;
mod build;
pub mod fingerprint;
pub mod manifest;
pub mod policy;
mod serialize;
pub mod validation;

pub(crate) use serialize::{Metadata, Operations, Pairs, write_built};

pub use build::{
    build_policy_resources_istio, peer_identity_for_juju_application,
    peer_identity_for_service_account, policy_name,
};

use crate::model::Endpoint;
use crate::text::Value;
use std::sync::Arc;

/// `apiVersion` of an AuthorizationPolicy.
pub const API_VERSION: &str = "security.istio.io/v1";
/// `kind` of an AuthorizationPolicy.
pub const KIND: &str = "AuthorizationPolicy";

/// An AuthorizationPolicy. Serialises as the whole manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthorizationPolicy {
    /// `metadata.name`
    pub name: String,
    /// `metadata.namespace`
    pub namespace: String,
    /// `metadata.labels`; left out when empty. Those of one manager share them.
    pub labels: Arc<[(String, String)]>,
    /// `metadata.annotations`; left out when empty.
    pub annotations: Vec<(String, String)>,
    /// `spec`
    pub spec: Spec,
}

/// The spec of an AuthorizationPolicy.
#[derive(Debug, Clone, PartialEq)]
pub enum Spec {
    /// Built from a mesh policy.
    Built(BuiltSpec),
    /// Given by the user.
    Raw(Value<'static>),
}

/// A spec with one rule: one principal may do any of a list of operations.
#[derive(Debug, Clone, PartialEq)]
pub struct BuiltSpec {
    /// What the policy is attached to.
    pub target: Target,
    /// The rule's only source: `cluster.local/ns/…/sa/…`.
    pub principal: String,
    /// The rule's operations. For pods only the ports count and are written.
    pub endpoints: Arc<[Endpoint]>,
}

/// What an AuthorizationPolicy is attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A service, through `targetRefs`; enforced by the waypoint.
    Service(String),
    /// Pods with these labels, through `selector`; enforced by ztunnel.
    Selector(Vec<(String, String)>),
    /// All pods of the namespace.
    Namespace,
}
