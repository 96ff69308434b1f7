//! Building AuthorizationPolicies from mesh policies.

use super::{AuthorizationPolicy, BuiltSpec, Spec, Target};
use crate::model::{Endpoint, MeshPolicy, PolicyTargetType};
use crate::python;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Kubernetes takes no longer name.
const MAX_NAME_LENGTH: usize = 253;

/// What each variable part of a name is cut to when the whole would be too long.
const CUT_LENGTH: usize = 30;

/// The identity of an application's pods: Juju names their service account like the application.
pub fn peer_identity_for_juju_application(app: &str, namespace: &str) -> String {
    peer_identity_for_service_account(app, namespace)
}

/// The identity of pods that run as a service account.
pub fn peer_identity_for_service_account(service_account: &str, namespace: &str) -> String {
    let mut identity = String::with_capacity(21 + service_account.len() + namespace.len());
    for part in ["cluster.local/ns/", namespace, "/sa/", service_account] {
        identity.push_str(part);
    }
    identity
}

/// The AuthorizationPolicy of each mesh policy. `None` stands for one that is refused: pods are
/// guarded at layer 4, where methods, paths and hosts cannot be seen.
pub fn build_policy_resources_istio(
    app_name: &str,
    model_name: &str,
    policies: &[MeshPolicy],
) -> Vec<Option<AuthorizationPolicy>> {
    let mut names = Names::new(app_name, model_name);
    policies
        .iter()
        .map(|policy| {
            let target = target(policy)?;
            Some(AuthorizationPolicy {
                name: names.name(policy),
                namespace: policy.target_namespace.clone(),
                labels: Arc::default(),
                annotations: Vec::new(),
                spec: Spec::Built(BuiltSpec {
                    target,
                    principal: peer_identity_for_juju_application(
                        &policy.source_app_name,
                        &policy.source_namespace,
                    ),
                    endpoints: Arc::clone(&policy.endpoints),
                }),
            })
        })
        .collect()
}

fn target(policy: &MeshPolicy) -> Option<Target> {
    let app_name = filled(policy.target_app_name.as_deref());
    match policy.target_type {
        PolicyTargetType::App => {
            let service = filled(policy.target_service.as_deref()).or(app_name);
            Some(Target::Service(service.unwrap_or_default().to_owned()))
        }
        PolicyTargetType::Unit if policy.endpoints.iter().any(needs_layer_7) => None,
        PolicyTargetType::Unit => {
            let labels = policy.target_selector_labels.as_ref();
            Some(
                match (labels.filter(|labels| !labels.is_empty()), app_name) {
                    (Some(labels), _) => Target::Selector(labels.clone()),
                    (None, Some(app_name)) => Target::Selector(vec![(
                        "app.kubernetes.io/name".to_owned(),
                        app_name.to_owned(),
                    )]),
                    (None, None) => Target::Namespace,
                },
            )
        }
    }
}

fn needs_layer_7(endpoint: &Endpoint) -> bool {
    endpoint
        .methods
        .as_ref()
        .is_some_and(|list| !list.is_empty())
        || endpoint.paths.as_ref().is_some_and(|list| !list.is_empty())
        || endpoint.hosts.as_ref().is_some_and(|list| !list.is_empty())
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// The name of the AuthorizationPolicy for a mesh policy. It ends in a hash of the policy's text in
/// Python, so that names stay the same when a charm moves from the library to this program.
pub fn policy_name(app_name: &str, model_name: &str, policy: &MeshPolicy) -> String {
    Names::new(app_name, model_name).name(policy)
}

/// The names of one manager's policies, made one after the other.
struct Names<'a> {
    app_name: &'a str,
    model_name: &'a str,
    /// What is hashed.
    text: String,
    /// The endpoints of the policy before and their text: those that one declaration makes share them.
    endpoints: Option<&'a Arc<[Endpoint]>>,
    endpoints_text: String,
}

impl<'a> Names<'a> {
    fn new(app_name: &'a str, model_name: &'a str) -> Self {
        Names {
            app_name,
            model_name,
            text: String::new(),
            endpoints: None,
            endpoints_text: String::new(),
        }
    }

    fn name(&mut self, policy: &'a MeshPolicy) -> String {
        let endpoints = &policy.endpoints;
        if !self
            .endpoints
            .is_some_and(|last| Arc::ptr_eq(last, endpoints))
        {
            self.endpoints = Some(endpoints);
            self.endpoints_text.clear();
            python::write_endpoints(&mut self.endpoints_text, endpoints);
        }
        self.text.clear();
        python::write_mesh_policy_head(&mut self.text, policy);
        self.text.push_str(&self.endpoints_text);
        let digest = Sha256::digest(self.text.as_bytes());
        let target = filled(policy.target_app_name.as_deref())
            .or(filled(policy.target_service.as_deref()))
            .unwrap_or("custom-selector");
        let variable = [
            policy.source_app_name.as_str(),
            policy.source_namespace.as_str(),
            target,
        ];
        let name = joined(self.app_name, self.model_name, variable, &digest);
        // Bytes are never fewer than characters, so most names need no count.
        if name.len() <= MAX_NAME_LENGTH || name.chars().count() <= MAX_NAME_LENGTH {
            return name;
        }
        joined(self.app_name, self.model_name, variable.map(cut), &digest)
    }
}

fn cut(text: &str) -> &str {
    match text.char_indices().nth(CUT_LENGTH) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

fn joined(app_name: &str, model_name: &str, variable: [&str; 3], digest: &[u8]) -> String {
    let lengths: usize = variable.iter().map(|part| part.len() + 1).sum();
    let mut name = String::with_capacity(app_name.len() + model_name.len() + lengths + 17);
    for part in [app_name, model_name, "policy"].iter().chain(&variable) {
        name.push_str(part);
        name.push('-');
    }
    for byte in digest.iter().take(4) {
        let digits = [byte >> 4, byte & 0xf].map(|digit| char::from_digit(digit.into(), 16));
        name.extend(digits.into_iter().flatten());
    }
    name
}
