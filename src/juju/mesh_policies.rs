//! Mesh policies from what charms declare and how they are related.

use crate::map::{Index, Map};
use crate::model::{
    CharmPolicy, CmrData, Endpoint, MeshPolicy, PolicyTargetType, validate_cmr_data,
};
use crate::text::{TextError, parse_json};
use std::sync::Arc;

/// An application on the other side of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelatedApp<'a> {
    /// Its name, as this model sees it.
    pub app: &'a str,
}

/// The other side of a cross-model relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CmrRelation<'a> {
    /// The application's name, as this model sees it.
    pub app: &'a str,
    /// `cmr_data` of its databag: JSON text.
    pub cmr_data: Option<&'a str>,
}

/// Why mesh policies could not be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildError {
    /// A policy names a relation that the charm does not have.
    UnknownRelation(String),
    /// A policy breaks the rules of mesh policies.
    Invalid(String),
}

/// Who the applications behind cross-model relations are, in the order of first mention; the last
/// valid word about an application counts. What is JSON but not valid is passed over.
pub fn get_data_from_cmr_relation<'a>(
    relations: impl IntoIterator<Item = CmrRelation<'a>>,
) -> Result<Vec<(String, CmrData)>, TextError> {
    let mut found: Vec<(String, CmrData)> = Vec::new();
    let mut index = Index::default();
    for relation in relations {
        let Some(text) = relation.cmr_data else {
            continue;
        };
        let document = parse_json(text)?;
        let Ok(data) = validate_cmr_data(&document.root) else {
            continue;
        };
        let at = index.get_or_insert(relation.app.into(), found.len());
        match found.get_mut(at) {
            Some((_, earlier)) => *earlier = data,
            None => found.push((relation.app.to_owned(), data)),
        }
    }
    Ok(found)
}

/// Builds one mesh policy for each policy and each application related over its relation.
///
/// `relations` gives the applications related over a relation of that name, or `None` where the
/// charm has no such relation.
pub fn build_mesh_policies<'a>(
    relations: impl Fn(&str) -> Option<&'a [RelatedApp<'a>]>,
    cmr: &[(String, CmrData)],
    policies: &[CharmPolicy],
    target_app_name: Option<&str>,
    target_namespace: &str,
) -> Result<Vec<MeshPolicy>, BuildError> {
    let cmr: Map<'_, &CmrData> = cmr.iter().map(|(app, data)| (app.as_str(), data)).collect();
    let mut built = Vec::new();
    for policy in policies {
        let name = policy.relation();
        let related =
            relations(name).ok_or_else(|| BuildError::UnknownRelation(name.to_owned()))?;
        let (target_type, target_service, endpoints) = match policy {
            CharmPolicy::App(policy) => (
                PolicyTargetType::App,
                &policy.service,
                Arc::clone(&policy.endpoints),
            ),
            CharmPolicy::Deprecated(policy) => (
                PolicyTargetType::App,
                &policy.service,
                Arc::clone(&policy.endpoints),
            ),
            CharmPolicy::Unit(policy) => (
                PolicyTargetType::Unit,
                &None,
                unit_endpoints(policy.ports.as_deref().unwrap_or_default()),
            ),
        };
        for related in related {
            let (source_app_name, source_namespace) = match cmr.get(related.app) {
                Some(data) => (data.app_name.as_str(), data.juju_model_name.as_str()),
                None => (related.app, target_namespace),
            };
            let mesh_policy = MeshPolicy {
                source_namespace: source_namespace.to_owned(),
                source_app_name: source_app_name.to_owned(),
                target_namespace: target_namespace.to_owned(),
                target_app_name: target_app_name.map(str::to_owned),
                target_selector_labels: None,
                target_service: target_service.clone(),
                target_type,
                endpoints: Arc::clone(&endpoints),
            };
            mesh_policy.validate().map_err(BuildError::Invalid)?;
            built.push(mesh_policy);
        }
    }
    Ok(built)
}

fn unit_endpoints(ports: &[i64]) -> Arc<[Endpoint]> {
    if ports.is_empty() {
        return Arc::new([]);
    }
    Arc::new([Endpoint {
        ports: Some(ports.to_vec()),
        ..Endpoint::default()
    }])
}

/// The policies as they are written into a databag: the text of Python's `json.dumps`.
pub fn databag(policies: &[MeshPolicy]) -> String {
    // Mesh policies hold nothing that JSON cannot.
    crate::python::json_dumps(policies).unwrap_or_default()
}
