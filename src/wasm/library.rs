//! The published library's functions, in JavaScript's spelling. Options are camelCase, one object
//! a call; what is declared or goes into databags keeps snake_case.

use crate::istio::{
    build_policy_resources_istio, peer_identity_for_juju_application,
    peer_identity_for_service_account,
};
use crate::juju::charm::describe;
use crate::juju::mesh_policies::{self as library, BuildError, CmrRelation, RelatedApp};
use crate::labels::{self, LabelError, LabelFormat};
use crate::map::Map;
use crate::model::{self, CharmPolicy, CmrData, Data, MeshPolicy, ValidationError};
use crate::text::{Document, Node, Value, parse_json};
use js_sys::{Array, Error, JSON, Object, Reflect};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** An endpoint as a charm declares it: what is left out does not restrict. */
export type EndpointInput = Partial<Endpoint>;

/** Access to an application through its Service, for those related over an endpoint. */
export interface AppPolicy { kind: "app"; relation: string; endpoints: EndpointInput[]; service?: string | null }
/** Access to an application's pods, for those related over an endpoint. */
export interface UnitPolicy { kind: "unit"; relation: string; ports?: number[] | null }
/** @deprecated means what AppPolicy means */
export interface Policy { kind: "policy"; relation: string; endpoints: EndpointInput[]; service?: string | null }
export type CharmPolicy = AppPolicy | UnitPolicy | Policy;

/** What a charm tells an application of another model about itself. */
export interface CmrData { app_name: string; juju_model_name: string }

/** What is thrown where the library raises. */
export interface MeshPolicyError extends Error { code: string; diagnostics: Diagnostic[] }

/** One MeshPolicy for each policy and each application related over its endpoint. */
export function buildMeshPolicies(options: {
  relationMapping: Record<string, { id?: number; app: string }[]>;
  targetAppName: string;
  targetNamespace: string;
  policies: CharmPolicy[];
  cmrApplicationData?: Record<string, CmrData>;
}): MeshPolicy[];

/** Reads `cmr_data` of the far applications' databags; data that does not validate is left out. */
export function getDataFromCmrRelation(
  relations: { app: string; data: Record<string, string> }[],
): Record<string, CmrData>;

/** The text that a consumer writes under `policies` of its databag. */
export function meshPoliciesDatabag(policies: Partial<MeshPolicy>[]): string;

/** The AuthorizationPolicy of each MeshPolicy; `null` for a unit policy that asks for HTTP. */
export function buildPolicyResources(options: {
  appName: string;
  modelName: string;
  policies: Partial<MeshPolicy>[];
}): (AuthorizationPolicy | null)[];

/** Validates as the library does, coercions included, and returns the value with all its fields. */
export function validate(model: "Endpoint", data: unknown): Endpoint;
export function validate(model: "AppPolicy", data: unknown): Omit<AppPolicy, "kind">;
export function validate(model: "UnitPolicy", data: unknown): Omit<UnitPolicy, "kind">;
export function validate(model: "Policy", data: unknown): Omit<Policy, "kind">;
export function validate(model: "MeshPolicy", data: unknown): MeshPolicy;
export function validate(model: "CMRData", data: unknown): CmrData;
export function validate(model: "ServiceMeshProviderAppData", data: unknown): { labels: Record<string, string>; mesh_type: "istio" };

/** A label of model and application, cut with a hash where it would be too long. */
export function charmKubernetesLabel(options: {
  modelName: string;
  appName: string;
  prefix?: string;
  suffix?: string;
  separator?: string;
  maxLength?: number;
}): string;
export function createCharmDefaultLabels(options: { applicationName: string; modelName: string; scope: string }): Record<string, string>;
/** The labels by which the published beacon charm knows the policies that it manages. */
export function beaconLabels(options: { appName: string; modelName: string }): Record<string, string>;
export function generateTelemetryLabels(options: { appName: string; modelName: string }): Record<string, string>;
export function labelConfigmapName(appName: string): string;
export function peerIdentityForJujuApplication(appName: string, namespace: string): string;
export function peerIdentityForServiceAccount(serviceAccount: string, namespace: string): string;
"#;

pub(super) fn error(code: &str, message: &str) -> JsValue {
    failure(code, message, &Array::new())
}

fn failure(code: &str, message: &str, diagnostics: &Array) -> JsValue {
    let error = Error::new(message);
    // Setting a property of a plain object does not fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    let _ = Reflect::set(&error, &"diagnostics".into(), diagnostics);
    error.into()
}

fn invalid(errors: &[ValidationError]) -> JsValue {
    let diagnostics = Array::new();
    let messages: Vec<String> = errors.iter().map(describe).collect();
    for message in &messages {
        let diagnostic = Object::new();
        for (key, value) in [
            ("code", crate::diagnostic::code::INVALID_POLICY),
            ("severity", "error"),
            ("message", message),
        ] {
            let _ = Reflect::set(&diagnostic, &key.into(), &value.into());
        }
        diagnostics.push(&diagnostic);
    }
    failure(
        crate::diagnostic::code::INVALID_POLICY,
        &messages.join("; "),
        &diagnostics,
    )
}

fn no_label(reason: LabelError) -> JsValue {
    error("invalid-name", &reason.to_string())
}

/// A JavaScript value as JSON text; what JSON cannot say, such as a function, becomes `null`.
fn text_of(value: &JsValue) -> Result<String, JsValue> {
    let text = JSON::stringify(value)
        .map_err(|_| error("wrong-shape", "the value cannot be written as JSON"))?;
    Ok(text.as_string().unwrap_or_else(|| "null".to_owned()))
}

fn read(text: &str) -> Result<Document<'_>, JsValue> {
    parse_json(text).map_err(|reason| error(reason.code, &reason.to_string()))
}

fn text<'n>(node: &'n Node<'_>, key: &str) -> Result<&'n str, JsValue> {
    node.get(key)
        .and_then(Node::as_str)
        .ok_or_else(|| error("wrong-shape", &format!("`{key}` must be text")))
}

fn list<'n, 'a>(node: &'n Node<'a>, key: &str) -> Result<&'n [Node<'a>], JsValue> {
    node.get(key)
        .and_then(Node::as_array)
        .ok_or_else(|| error("wrong-shape", &format!("`{key}` must be an array")))
}

fn mesh_policies(nodes: &[Node<'_>]) -> Result<Vec<MeshPolicy>, JsValue> {
    let validated = nodes.iter().map(model::validate_mesh_policy);
    validated
        .collect::<Result<_, _>>()
        .map_err(|errors| invalid(&errors))
}

/// `build_mesh_policies`
#[wasm_bindgen(js_name = buildMeshPolicies, skip_typescript)]
pub fn build_mesh_policies(options: &JsValue) -> Result<JsValue, JsValue> {
    let json = text_of(options)?;
    let root = read(&json)?.root;
    let mut policies = Vec::new();
    for node in list(&root, "policies")? {
        let policy = model::validate_charm_policy(text(node, "kind")?, node)
            .ok_or_else(|| error("wrong-shape", "`kind` must be `app`, `unit` or `policy`"))?
            .map_err(|errors| invalid(&errors))?;
        policies.push(policy);
    }
    let mut relations: Map<'_, Vec<RelatedApp<'_>>> = Map::new();
    let mapping = root
        .get("relationMapping")
        .and_then(Node::as_object)
        .ok_or_else(|| error("wrong-shape", "`relationMapping` must be an object"))?;
    for member in mapping.iter() {
        let related = member.value.as_array().unwrap_or_default();
        let related = related
            .iter()
            .map(|relation| {
                Ok(RelatedApp {
                    app: text(relation, "app")?,
                })
            })
            .collect::<Result<_, JsValue>>()?;
        relations.insert(&member.key, related);
    }
    let mut cmr: Vec<(String, CmrData)> = Vec::new();
    let data = root.get("cmrApplicationData").and_then(Node::as_object);
    for member in data.into_iter().flat_map(|data| data.iter()) {
        let data = model::validate_cmr_data(&member.value).map_err(|errors| invalid(&errors))?;
        cmr.push((member.key.to_string(), data));
    }
    let built = library::build_mesh_policies(
        |endpoint| relations.get(endpoint).map(Vec::as_slice),
        &cmr,
        &policies as &[CharmPolicy],
        Some(text(&root, "targetAppName")?),
        text(&root, "targetNamespace")?,
    );
    match built {
        Ok(policies) => super::to_js(&policies),
        Err(BuildError::UnknownRelation(name)) => Err(error(
            crate::diagnostic::code::POLICY_ON_UNDECLARED,
            &format!("a policy is on `{name}`, which `relationMapping` does not have"),
        )),
        Err(BuildError::Invalid(message)) => {
            Err(error(crate::diagnostic::code::INVALID_POLICY, &message))
        }
    }
}

/// `get_data_from_cmr_relation`
#[wasm_bindgen(js_name = getDataFromCmrRelation, skip_typescript)]
pub fn get_data_from_cmr_relation(relations: &JsValue) -> Result<JsValue, JsValue> {
    let json = text_of(relations)?;
    let root = read(&json)?.root;
    let mut databags = Vec::new();
    for relation in root.as_array().unwrap_or_default() {
        databags.push(CmrRelation {
            app: text(relation, "app")?,
            cmr_data: relation
                .get("data")
                .and_then(|data| data.get("cmr_data"))
                .and_then(Node::as_str),
        });
    }
    let found = library::get_data_from_cmr_relation(databags)
        .map_err(|reason| error(reason.code, &reason.to_string()))?;
    pairs(
        found
            .iter()
            .map(|(app, data)| Ok((app.as_str(), super::to_js(data)?))),
    )
}

fn pairs<'k>(
    entries: impl Iterator<Item = Result<(&'k str, JsValue), JsValue>>,
) -> Result<JsValue, JsValue> {
    let list = Array::new();
    for entry in entries {
        let (key, value) = entry?;
        list.push(&Array::of2(&key.into(), &value));
    }
    // `fromEntries` defines properties, so that a key such as `__proto__` is one like any other.
    Ok(Object::from_entries(&list)?.into())
}

/// The consumer's databag text.
#[wasm_bindgen(js_name = meshPoliciesDatabag, skip_typescript)]
pub fn mesh_policies_databag(policies: &JsValue) -> Result<String, JsValue> {
    let json = text_of(policies)?;
    let root = read(&json)?.root;
    let nodes = root
        .as_array()
        .ok_or_else(|| error("wrong-shape", "expected an array of MeshPolicies"))?;
    Ok(library::databag(&mesh_policies(nodes)?))
}

/// `build_policy_resources_istio`
#[wasm_bindgen(js_name = buildPolicyResources, skip_typescript)]
pub fn build_policy_resources(options: &JsValue) -> Result<JsValue, JsValue> {
    let json = text_of(options)?;
    let root = read(&json)?.root;
    let policies = mesh_policies(list(&root, "policies")?)?;
    let built = build_policy_resources_istio(
        text(&root, "appName")?,
        text(&root, "modelName")?,
        &policies,
    );
    super::to_js(&built)
}

/// `Model.model_validate`
#[wasm_bindgen(skip_typescript)]
pub fn validate(model: &str, data: &JsValue) -> Result<JsValue, JsValue> {
    let schema = model::schema(model)
        .ok_or_else(|| error("wrong-shape", &format!("there is no model `{model}`")))?;
    let json = text_of(data)?;
    let record = model::validate(schema, &read(&json)?.root).map_err(|errors| invalid(&errors))?;
    super::to_js(&Data::Model(record))
}

/// `charm_kubernetes_label`
#[wasm_bindgen(js_name = charmKubernetesLabel, skip_typescript)]
pub fn charm_kubernetes_label(options: &JsValue) -> Result<String, JsValue> {
    let json = text_of(options)?;
    let root = read(&json)?.root;
    let field = |key: &str, otherwise| root.get(key).and_then(Node::as_str).unwrap_or(otherwise);
    let default = LabelFormat::default();
    let format = LabelFormat {
        prefix: field("prefix", default.prefix),
        suffix: field("suffix", default.suffix),
        separator: field("separator", default.separator),
        max_length: match root.get("maxLength").map(|node| &node.value) {
            Some(Value::Int(length)) => *length,
            // A float-to-integer cast saturates.
            Some(Value::Float(length)) => *length as _,
            _ => default.max_length,
        },
    };
    labels::charm_kubernetes_label(field("modelName", ""), field("appName", ""), format)
        .map_err(no_label)
}

fn label_object(labels: &[(String, String)]) -> Result<JsValue, JsValue> {
    pairs(
        labels
            .iter()
            .map(|(key, value)| Ok((key.as_str(), value.into()))),
    )
}

/// `create_charm_default_labels`
#[wasm_bindgen(js_name = createCharmDefaultLabels, skip_typescript)]
pub fn create_charm_default_labels(options: &JsValue) -> Result<JsValue, JsValue> {
    let json = text_of(options)?;
    let root = read(&json)?.root;
    let labels = labels::create_charm_default_labels(
        text(&root, "applicationName")?,
        text(&root, "modelName")?,
        text(&root, "scope")?,
    );
    label_object(&labels.map_err(no_label)?)
}

/// The labels by which the published beacon charm knows the policies that it manages.
#[wasm_bindgen(js_name = beaconLabels, skip_typescript)]
pub fn beacon_labels(options: &JsValue) -> Result<JsValue, JsValue> {
    let json = text_of(options)?;
    let root = read(&json)?.root;
    label_object(&crate::compile::beacons::beacon_labels(
        text(&root, "appName")?,
        text(&root, "modelName")?,
    ))
}

/// `generate_telemetry_labels`
#[wasm_bindgen(js_name = generateTelemetryLabels, skip_typescript)]
pub fn generate_telemetry_labels(options: &JsValue) -> Result<JsValue, JsValue> {
    let json = text_of(options)?;
    let root = read(&json)?.root;
    let labels =
        labels::generate_telemetry_labels(text(&root, "appName")?, text(&root, "modelName")?);
    label_object(&labels.map_err(no_label)?)
}

/// The name of the ConfigMap that remembers a charm's mesh labels.
#[wasm_bindgen(js_name = labelConfigmapName, skip_typescript)]
pub fn label_configmap_name(app_name: &str) -> String {
    labels::label_configmap_name(app_name)
}

/// `get_peer_identity_for_juju_application`
#[wasm_bindgen(js_name = peerIdentityForJujuApplication, skip_typescript)]
pub fn peer_identity_for_juju_application_js(app_name: &str, namespace: &str) -> String {
    peer_identity_for_juju_application(app_name, namespace)
}

/// `get_peer_identity_for_service_account`
#[wasm_bindgen(js_name = peerIdentityForServiceAccount, skip_typescript)]
pub fn peer_identity_for_service_account_js(service_account: &str, namespace: &str) -> String {
    peer_identity_for_service_account(service_account, namespace)
}
