//! The programs of `src/kube/`, in JavaScript.

use crate::kube::{Program as Inner, ProgramKind};
use js_sys::JSON;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** A request to the API server. `contentType` and `body` come together; `path` is percent-encoded, `query` is not. */
export interface KubeRequest {
  id: number;
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  query: Record<string, string>;
  contentType?: string;
  /** JSON text */
  body?: string;
  /** Why it is sent. */
  why: string;
  /** Sent twice, it does what it does sent once. Never repeat after a 409. */
  retrySafe: boolean;
}

/** What became of a request. `not-sent` says that it cannot have taken effect. `retryAfter` is in seconds. */
export type KubeResponse =
  | { id: number; status: number; body: string; retryAfter?: number }
  | { id: number; error: "timeout" | "connection" | "not-sent"; message?: string };

/** One change of an object; `request` is there in a plan only. */
export interface KubeChange {
  action: "create" | "update" | "delete";
  kind: string;
  namespace: string;
  name: string;
  /** Those of a phase go out together, phases one after the other. */
  phase: string;
  why: string;
  request?: KubeRequest;
}

/** Something about an object, or about all of a kind where `name` is left out. */
export interface KubeRemark { kind: string; namespace?: string; name?: string; why: string }

/** What a program did or, in a plan, would do. */
export interface KubeOutcome {
  unchanged: number;
  changes: KubeChange[];
  /** Whose pods are restarted by it. */
  restarts: KubeRemark[];
  /** What could not be read and is therefore unknown. */
  unknown: KubeRemark[];
  /** `Program.readMesh`: the JSON text of a Kubernetes `List`. */
  manifests?: string;
  /** How many wanted policies were left out; the diagnostics say why. */
  dropped: number;
  diagnostics: Diagnostic[];
}

/** Why a program stopped, and how far it came. */
export interface KubeFailure {
  diagnostic: Diagnostic;
  changes: KubeChange[];
  /** Their requests were sent, and nobody knows whether they took effect. */
  unresolved: KubeChange[];
  dropped: number;
  diagnostics: Diagnostic[];
}

/** Where a program stands. `requests` may be empty: it then waits for answers to earlier ones. */
export type KubeStep =
  | { requests: KubeRequest[]; progress: { phase: string; done: number; total: number } }
  | { done: KubeOutcome }
  | { failed: KubeFailure };

/** What all programs that write take. */
export interface KubeWriteOptions {
  /** Ends after reading: `done.changes` are then what it would do, in order, with their requests. */
  plan?: boolean;
  /** The API server checks every write and keeps none (`dryRun=All`). */
  dryRun?: boolean;
  /** Names the writer in `metadata.managedFields`. */
  fieldManager?: string;
}

export interface PolicyManagerOptions extends KubeWriteOptions {
  /** The application that manages the policies, in names. */
  appName: string;
  /** Its model, in names; raw policies without a namespace go there. */
  modelName: string;
  /** Label selector of all managed policies, and what is added to each. A `null` asks for the key alone. */
  labels: Record<string, string | null> | null;
  /** Limits reading and writing to one namespace. */
  namespace?: string;
  /** Deleting what is gone is no error (true). */
  ignoreMissing?: boolean;
  /** Objects a page (500). */
  pageSize?: number;
}

export interface ReconcilePoliciesOptions extends PolicyManagerOptions {
  policies: Partial<MeshPolicy>[];
  meshType?: "istio";
  rawPolicies?: object[];
  /** Deletes what is managed and not wanted (true). */
  prune?: boolean;
  /** These stay as they are: they are neither made, nor changed, nor deleted. */
  keep?: { namespace: string; name: string }[];
  /** Takes over fields of managed policies that others changed (true). Foreign objects are never taken over. */
  force?: boolean;
  /** Writes nothing when any policy has to be left out, as the Python library does (false). */
  allOrNothing?: boolean;
  /** Server-side apply needs one. */
  fieldManager: string;
}

export interface CharmLabelsOptions extends KubeWriteOptions {
  /** The application, whose StatefulSet and Service get the labels. */
  appName: string;
  namespace: string;
  /** The ConfigMap that remembers them (`juju-service-mesh-APP-labels`). */
  labelConfigmapName?: string;
}

export interface ReconcileCharmLabelsOptions extends CharmLabelsOptions {
  /** Those set before and not among these are removed; `null` removes one in any case. */
  labels: Record<string, string | null>;
}

export interface ReadMeshOptions {
  /** Limits what is read to these namespaces and Istio's; all unless given. */
  namespaces?: string[];
  /** Where Istio's configuration is (`istio-system`). */
  rootNamespace?: string;
  pageSize?: number;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// `ReconcilePoliciesOptions`
    #[wasm_bindgen(typescript_type = "ReconcilePoliciesOptions")]
    pub type ReconcilePoliciesOptions;
    /// `PolicyManagerOptions`
    #[wasm_bindgen(typescript_type = "PolicyManagerOptions")]
    pub type PolicyManagerOptions;
    /// `ReconcileCharmLabelsOptions`
    #[wasm_bindgen(typescript_type = "ReconcileCharmLabelsOptions")]
    pub type ReconcileCharmLabelsOptions;
    /// `CharmLabelsOptions`
    #[wasm_bindgen(typescript_type = "CharmLabelsOptions")]
    pub type CharmLabelsOptions;
    /// `ReadMeshOptions`
    #[wasm_bindgen(typescript_type = "ReadMeshOptions")]
    pub type ReadMeshOptions;
}

/// A conversation with an API server. It sends nothing itself: send the requests of `step()`, and
/// hand the answers to `resume()`. Steps and answers are JSON text: `KubeStep` and `KubeResponse[]`.
/// It lives outside of JavaScript's heap: call `free()` when done.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Program {
    inner: Inner,
}

fn start(kind: ProgramKind, options: &JsValue) -> Result<Program, JsValue> {
    let text = JSON::stringify(options)
        .ok()
        .and_then(|text| text.as_string())
        .ok_or_else(|| js_sys::TypeError::new("the options must be an object"))?;
    Ok(Program {
        inner: Inner::start(kind, &text),
    })
}

#[wasm_bindgen]
impl Program {
    /// `PolicyResourceManager.reconcile`
    #[wasm_bindgen(js_name = reconcilePolicies)]
    pub fn reconcile_policies(options: &ReconcilePoliciesOptions) -> Result<Program, JsValue> {
        start(ProgramKind::ReconcilePolicies, options)
    }

    /// `PolicyResourceManager.delete`
    #[wasm_bindgen(js_name = deletePolicies)]
    pub fn delete_policies(options: &PolicyManagerOptions) -> Result<Program, JsValue> {
        start(ProgramKind::DeletePolicies, options)
    }

    /// `reconcile_charm_labels`
    #[wasm_bindgen(js_name = reconcileCharmLabels)]
    pub fn reconcile_charm_labels(
        options: &ReconcileCharmLabelsOptions,
    ) -> Result<Program, JsValue> {
        start(ProgramKind::ReconcileCharmLabels, options)
    }

    /// Takes all labels away again, then deletes the ConfigMap that remembers them.
    #[wasm_bindgen(js_name = removeCharmLabels)]
    pub fn remove_charm_labels(options: &CharmLabelsOptions) -> Result<Program, JsValue> {
        start(ProgramKind::RemoveCharmLabels, options)
    }

    /// Reads what decides about access: `done.manifests`.
    #[wasm_bindgen(js_name = readMesh)]
    pub fn read_mesh(options: &ReadMeshOptions) -> Result<Program, JsValue> {
        start(ProgramKind::ReadMesh, options)
    }

    /// Where it stands: the JSON text of a `KubeStep`.
    pub fn step(&self) -> String {
        self.inner.step_json()
    }

    /// Goes on with the JSON text of a `KubeResponse[]`: answers to some of the requests that are out.
    /// Returns the JSON text of the next `KubeStep`, with only the new requests.
    pub fn resume(&mut self, responses: &str) -> String {
        self.inner.resume_json(responses)
    }
}
