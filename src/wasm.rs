//! The door to JavaScript: converts arguments and results, and decides nothing.

mod analysis;
mod exact;
mod juju;
mod kube;
mod library;
mod lint;
mod suggest;

use crate::compile::{Compiled, Input, Source, compile};
use crate::mesh::Settings;
use crate::output::{Format, Parts};
use crate::text::{MAX_INPUT, TextError, to_json};
use js_sys::{Array, JsString, Reflect, Uint8Array};
use serde::Serialize;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** One input file. */
export interface Source {
  /** Its name, for diagnostics. */
  file: string;
  /** Its content; bytes are read as UTF-8. */
  text: string | Uint8Array;
  /** The model that a bundle or databag is of. */
  model?: string;
  /** It is an overlay of the bundle before it. */
  overlay?: boolean;
}

/** All input of a compilation. */
export interface CompileInput {
  /** Juju bundles, one a model, each followed by its overlays. */
  bundles?: Source[];
  /** Charm files. */
  charms?: Source[];
  /** `juju show-unit` of beacons, or lists of MeshPolicies. */
  databags?: Source[];
  /** Settings of the mesh. They are checked, and change no policy. */
  settings?: Source[];
}

/** Something that is wrong, assumed or unknown. */
export interface Diagnostic {
  /** Stable identifier. */
  code: string;
  severity: "error" | "warning" | "note";
  /** One lower-case sentence. */
  message: string;
  /** What to write or do instead. */
  help?: string;
  /** Line and column count from 1. */
  place?: { file: string; line: number; column: number };
}

export type Method =
  | "CONNECT" | "DELETE" | "GET" | "HEAD" | "OPTIONS" | "PATCH" | "POST" | "PUT" | "TRACE";

/** What may be requested; `null` does not restrict. */
export interface Endpoint {
  hosts: string[] | null;
  ports: number[] | null;
  methods: Method[] | null;
  paths: string[] | null;
}

/** Who may reach whom, as charms tell their beacon. */
export interface MeshPolicy {
  source_namespace: string;
  source_app_name: string;
  target_namespace: string;
  target_app_name: string | null;
  target_selector_labels: Record<string, string> | null;
  target_service: string | null;
  target_type: "app" | "unit";
  endpoints: Endpoint[];
}

/** Istio's resource. */
export interface AuthorizationPolicy {
  apiVersion: "security.istio.io/v1";
  kind: "AuthorizationPolicy";
  metadata: {
    name: string;
    namespace: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  spec: Record<string, unknown>;
}

/** What one application applies, found again by `labels`. `conditional` may or may not exist. */
export interface ManagedPolicies {
  appName: string;
  modelName: string;
  labels: Record<string, string>;
  policies: AuthorizationPolicy[];
  conditional: AuthorizationPolicy[];
}

interface Compilation {
  /** The text of `json()` or `yaml()` in parts, for what no string can hold. */
  parts(format: "json" | "yaml"): CompilationParts;
  readonly diagnostics: Diagnostic[];
  readonly meshPolicies: MeshPolicy[];
  readonly authorizationPolicies: AuthorizationPolicy[];
  readonly origins: Origin[];
}

/** A place in an input file; line and column count from 1. */
export interface Place { file: string; line: number; column: number }

/** Where the input asks for an AuthorizationPolicy. */
export interface Origin {
  /** The policy in the charm file or databag. */
  declared?: Place;
  /** The relation in the bundle that names the policy's source. */
  related?: Place;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// `CompileInput`
    #[wasm_bindgen(typescript_type = "CompileInput")]
    pub type CompileInput;
}

/// The result of a compilation. It lives outside of JavaScript's heap: call `free()` when done.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Compilation {
    compiled: Rc<Compiled>,
}

/// The text of a compilation, handed out in parts. Call `free()` when done.
#[wasm_bindgen]
#[derive(Debug)]
pub struct CompilationParts {
    compiled: Rc<Compiled>,
    parts: Parts,
}

#[wasm_bindgen]
impl CompilationParts {
    /// The next part as UTF-8, some hundred kilobytes; `undefined` at the end.
    pub fn read(&mut self) -> Option<Uint8Array> {
        let part = self.parts.next(&self.compiled)?;
        Some(Uint8Array::from(part.as_bytes()))
    }
}

/// The longest text that a string of V8 holds, in UTF-16 code units.
const MAX_STRING: usize = (1 << 29) - 24;

/// Compiles bundles, charm files and databags.
///
/// Throws a `TypeError` where the argument has another shape; whatever is wrong with the files
/// is a diagnostic.
#[wasm_bindgen(js_name = compile)]
pub fn compile_js(input: &CompileInput) -> Result<Compilation, JsValue> {
    only_known(input)?;
    let bundles = sources(input, "bundles")?;
    let charms = sources(input, "charms")?;
    let databags = sources(input, "databags")?;
    let settings = sources(input, "settings")?;
    let mut compiled = compile(&Input {
        bundles: borrow(&bundles),
        charms: borrow(&charms),
        databags: borrow(&databags),
    });
    Settings::default().read_all(&borrow(&settings), &mut compiled.diagnostics);
    Ok(Compilation {
        compiled: Rc::new(compiled),
    })
}

/// Answers one request of the conformance protocol; see `tests/oracle/README.md`.
#[wasm_bindgen]
pub fn conformance(line: &str) -> String {
    crate::conformance::answer(line)
}

#[wasm_bindgen]
impl Compilation {
    /// `{"meshPolicies": […], "authorizationPolicies": […], "diagnostics": […]}` as JSON text.
    ///
    /// Throws an `Error` with `code` `output-too-large` where no string can hold it; see `parts`.
    pub fn json(&self) -> Result<JsString, JsValue> {
        text(&self.compiled, Format::Json)
    }

    /// The text of `json()` or `yaml()` in parts, for what no string can hold.
    #[wasm_bindgen(skip_typescript)]
    pub fn parts(&self, format: &str) -> Result<CompilationParts, JsValue> {
        let format = match format {
            "json" => Format::Json,
            "yaml" => Format::Yaml,
            _ => return Err(wrong("the format must be `json` or `yaml`")),
        };
        Ok(CompilationParts {
            compiled: Rc::clone(&self.compiled),
            parts: Parts::new(format),
        })
    }

    /// Who applies which policies: `{"managers": ManagedPolicies[], "unmanaged": AuthorizationPolicy[]}` as
    /// JSON text. A charm makes the unmanaged ones itself.
    pub fn managed(&self) -> String {
        crate::managers::managed_json(&self.compiled)
    }

    /// The AuthorizationPolicies as YAML documents, for `kubectl apply -f -`.
    ///
    /// Throws an `Error` with `code` `output-too-large` where no string can hold it; see `parts`.
    pub fn yaml(&self) -> Result<JsString, JsValue> {
        text(&self.compiled, Format::Yaml)
    }

    /// A diagnostic dropped a policy.
    #[wasm_bindgen(getter)]
    pub fn dropped(&self) -> bool {
        self.compiled.dropped()
    }

    /// The input could not be used.
    #[wasm_bindgen(getter, js_name = badInput)]
    pub fn bad_input(&self) -> bool {
        self.compiled.bad_input()
    }

    /// What is wrong, assumed or unknown.
    #[wasm_bindgen(getter, skip_typescript)]
    pub fn diagnostics(&self) -> Result<JsValue, JsValue> {
        serde_wasm_bindgen::to_value(&self.compiled.diagnostics).map_err(JsValue::from)
    }

    /// What the consumers send to their beacons.
    #[wasm_bindgen(getter, js_name = meshPolicies, skip_typescript)]
    pub fn mesh_policies(&self) -> Result<JsValue, JsValue> {
        to_js(&self.compiled.mesh_policies)
    }

    /// What the beacons apply.
    #[wasm_bindgen(getter, js_name = authorizationPolicies, skip_typescript)]
    pub fn authorization_policies(&self) -> Result<JsValue, JsValue> {
        to_js(&self.compiled.authorization_policies)
    }

    /// Where each of the AuthorizationPolicies comes from, in their order.
    #[wasm_bindgen(getter, skip_typescript)]
    pub fn origins(&self) -> Result<JsValue, JsValue> {
        to_js(&self.compiled.origins)
    }
}

/// All of a text. It is put together in JavaScript: here it would need its own length again, and memory here never shrinks.
fn text(compiled: &Compiled, format: Format) -> Result<JsString, JsValue> {
    let mut text = JsString::from("");
    for part in compiled.parts(format) {
        let part = JsString::from(part);
        if text.length() as usize + part.length() as usize > MAX_STRING {
            return Err(library::error(
                crate::diagnostic::code::OUTPUT_TOO_LARGE,
                "the text is longer than a string can be: take it in parts, by `parts`",
            ));
        }
        text = text.concat(&part);
    }
    Ok(text)
}

fn to_js(value: &impl Serialize) -> Result<JsValue, JsValue> {
    // A tree of objects is made several times as fast by the engine's own reader of text.
    let json = to_json(value).map_err(|error| JsValue::from_str(&error.to_string()))?;
    js_sys::JSON::parse(&json)
}

struct OwnedSource {
    file: String,
    bytes: Vec<u8>,
    model: Option<String>,
    overlay: bool,
}

fn borrow(sources: &[OwnedSource]) -> Vec<Source<'_>> {
    sources
        .iter()
        .map(|source| Source {
            file: &source.file,
            bytes: &source.bytes,
            model: source.model.as_deref(),
            overlay: source.overlay,
        })
        .collect()
}

fn wrong(message: &str) -> JsValue {
    js_sys::TypeError::new(message).into()
}

fn bytes(text: JsValue) -> Result<Vec<u8>, JsValue> {
    let array: Uint8Array = text
        .dyn_into()
        .map_err(|_| wrong("a source's `text` must be a string or a Uint8Array"))?;
    // More has no room here, and is refused before it is copied.
    if array.length() as usize >= MAX_INPUT {
        let error = TextError::too_large();
        return Err(library::error(error.code, &error.message));
    }
    Ok(array.to_vec())
}

/// One input may be given to `compile`, `analyse` and `test` alike; what none of them reads is a mistake.
fn only_known(input: &JsValue) -> Result<(), JsValue> {
    const KEYS: [&str; 7] = [
        "files",
        "bundles",
        "charms",
        "databags",
        "manifests",
        "settings",
        "expectations",
    ];
    only_keys(input, "there is no input", &KEYS)
}

fn only_keys(object: &JsValue, none: &str, keys: &[&str]) -> Result<(), JsValue> {
    if !object.is_object() {
        return Ok(());
    }
    let names = Reflect::own_keys(object)?;
    let mut names = names.iter().filter_map(|name| name.as_string());
    match names.find(|name| !keys.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(wrong(&format!(
            "{none} `{}`: there are {}",
            crate::diagnostic::clip(&name),
            keys.join(", ")
        ))),
    }
}

fn sources(input: &JsValue, key: &str) -> Result<Vec<OwnedSource>, JsValue> {
    let field = |object: &JsValue, key: &str| {
        if object.is_object() {
            Reflect::get(object, &JsValue::from_str(key))
        } else {
            Err(wrong(&format!("expected an object with `{key}`")))
        }
    };
    let list = field(input, key)?;
    if list.is_undefined() || list.is_null() {
        return Ok(Vec::new());
    }
    let list: Array = list
        .dyn_into()
        .map_err(|_| wrong(&format!("`{key}` must be an array of sources")))?;
    let source = |source: JsValue| {
        let file = field(&source, "file")?;
        only_keys(
            &source,
            "a source has no",
            &["file", "text", "model", "overlay"],
        )?;
        let text = field(&source, "text")?;
        let bytes = match text.as_string() {
            Some(text) => text.into_bytes(),
            None => bytes(text)?,
        };
        let model = field(&source, "model")?;
        if !(model.is_string() || model.is_undefined() || model.is_null()) {
            return Err(wrong("a source's `model` must be a string"));
        }
        let overlay = field(&source, "overlay")?;
        if !(overlay.as_bool().is_some() || overlay.is_undefined() || overlay.is_null()) {
            return Err(wrong("a source's `overlay` must be true or false"));
        }
        Ok(OwnedSource {
            file: file
                .as_string()
                .ok_or_else(|| wrong("a source's `file` must be a string"))?,
            bytes,
            model: model.as_string(),
            overlay: overlay.is_truthy(),
        })
    };
    list.iter().map(source).collect()
}
