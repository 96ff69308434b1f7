//! Validated values as typed ones.

use super::data::{Data, Record};
use super::schema::{self, Schema};
use super::validate::{Loc, UNSUPPORTED_INTEGER, ValidationError, validate};
use super::{
    AppPolicy, CharmPolicy, CmrData, Endpoint, MeshPolicy, MeshType, Method, Policy,
    PolicyTargetType, ServiceMeshProviderAppData, UnitPolicy,
};
use crate::text::{Node, Position};
use std::sync::Arc;

type Errors = Vec<ValidationError>;

/// Validates an [`Endpoint`].
pub fn validate_endpoint(node: &Node<'_>) -> Result<Endpoint, Errors> {
    typed(&schema::ENDPOINT, node, Fields::endpoint)
}

/// Validates an [`AppPolicy`].
pub fn validate_app_policy(node: &Node<'_>) -> Result<AppPolicy, Errors> {
    typed(&schema::APP_POLICY, node, |fields| {
        let (relation, endpoints, service) = fields.policy();
        AppPolicy {
            relation,
            endpoints,
            service,
        }
    })
}

/// Validates a [`Policy`].
pub fn validate_policy(node: &Node<'_>) -> Result<Policy, Errors> {
    typed(&schema::POLICY, node, |fields| {
        let (relation, endpoints, service) = fields.policy();
        Policy {
            relation,
            endpoints,
            service,
        }
    })
}

/// Validates a [`UnitPolicy`].
pub fn validate_unit_policy(node: &Node<'_>) -> Result<UnitPolicy, Errors> {
    typed(&schema::UNIT_POLICY, node, |fields| UnitPolicy {
        relation: fields.text(),
        ports: fields.ports(),
    })
}

/// Validates the policy of a charm whose `kind` is `app`, `unit` or `policy`; `None` for another.
pub fn validate_charm_policy(kind: &str, node: &Node<'_>) -> Option<Result<CharmPolicy, Errors>> {
    Some(match kind {
        "app" => validate_app_policy(node).map(CharmPolicy::App),
        "unit" => validate_unit_policy(node).map(CharmPolicy::Unit),
        "policy" => validate_policy(node).map(CharmPolicy::Deprecated),
        _ => return None,
    })
}

/// Validates a [`MeshPolicy`].
pub fn validate_mesh_policy(node: &Node<'_>) -> Result<MeshPolicy, Errors> {
    typed(&schema::MESH_POLICY, node, |fields| MeshPolicy {
        source_namespace: fields.text(),
        source_app_name: fields.text(),
        target_namespace: fields.text(),
        target_app_name: fields.optional_text(),
        target_selector_labels: fields.pairs(),
        target_service: fields.optional_text(),
        target_type: match fields.next() {
            Data::Enum(_, ("unit", _)) => PolicyTargetType::Unit,
            _ => PolicyTargetType::App,
        },
        endpoints: fields.endpoints(),
    })
}

/// Validates a [`CmrData`].
pub fn validate_cmr_data(node: &Node<'_>) -> Result<CmrData, Errors> {
    typed(&schema::CMR_DATA, node, |fields| CmrData {
        app_name: fields.text(),
        juju_model_name: fields.text(),
    })
}

/// Validates a [`ServiceMeshProviderAppData`].
pub fn validate_service_mesh_provider_app_data(
    node: &Node<'_>,
) -> Result<ServiceMeshProviderAppData, Errors> {
    typed(&schema::SERVICE_MESH_PROVIDER_APP_DATA, node, |fields| {
        ServiceMeshProviderAppData {
            labels: fields.pairs().unwrap_or_default(),
            mesh_type: MeshType::Istio,
        }
    })
}

fn typed<T>(
    schema: &'static Schema,
    node: &Node<'_>,
    convert: impl FnOnce(&mut Fields) -> T,
) -> Result<T, Errors> {
    let mut fields = Fields::of(validate(schema, node)?, node.at);
    let value = convert(&mut fields);
    if fields.errors.is_empty() {
        Ok(value)
    } else {
        Err(fields.errors)
    }
}

/// Takes the fields of a valid record in their order. The schema has made sure of each one's type,
/// so another type than the one asked for cannot come up.
struct Fields {
    rest: std::vec::IntoIter<(Data, bool)>,
    at: Position,
    errors: Errors,
}

impl Fields {
    fn of(record: Record, at: Position) -> Self {
        Fields {
            rest: record.fields.into_iter(),
            at,
            errors: Vec::new(),
        }
    }

    fn next(&mut self) -> Data {
        self.rest.next().map_or(Data::Null, |(value, _)| value)
    }

    fn text(&mut self) -> String {
        self.optional_text().unwrap_or_default()
    }

    fn optional_text(&mut self) -> Option<String> {
        match self.next() {
            Data::String(text) => Some(text),
            _ => None,
        }
    }

    fn pairs(&mut self) -> Option<Vec<(String, String)>> {
        match self.next() {
            Data::Map(pairs) => Some(pairs),
            _ => None,
        }
    }

    fn texts(&mut self) -> Option<Vec<String>> {
        self.list(|_, item| match item {
            Data::String(text) => Some(text),
            _ => None,
        })
    }

    fn ports(&mut self) -> Option<Vec<i64>> {
        self.list(|this, item| match item {
            Data::Int(value) => Some(value),
            Data::BigInt(text) => {
                this.errors.push(ValidationError {
                    kind: UNSUPPORTED_INTEGER,
                    loc: vec![Loc::Key("ports".to_owned())],
                    message: format!("the port {text} is beyond 64 bits"),
                    at: this.at,
                });
                None
            }
            _ => None,
        })
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self, Data) -> Option<T>) -> Option<Vec<T>> {
        match self.next() {
            Data::List(items) => Some(items.into_iter().filter_map(|i| item(self, i)).collect()),
            _ => None,
        }
    }

    fn endpoint(&mut self) -> Endpoint {
        Endpoint {
            hosts: self.texts(),
            ports: self.ports(),
            methods: self.list(|_, item| match item {
                Data::Enum(_, (_, value)) => Method::ALL
                    .into_iter()
                    .find(|method| method.as_str() == *value),
                _ => None,
            }),
            paths: self.texts(),
        }
    }

    fn endpoints(&mut self) -> Arc<[Endpoint]> {
        self.list(|this, item| match item {
            Data::Model(record) => {
                let mut fields = Fields::of(record, this.at);
                let endpoint = fields.endpoint();
                this.errors.append(&mut fields.errors);
                Some(endpoint)
            }
            _ => None,
        })
        .unwrap_or_default()
        .into()
    }

    fn policy(&mut self) -> (String, Arc<[Endpoint]>, Option<String>) {
        (self.text(), self.endpoints(), self.optional_text())
    }
}
