//! The door to the analysis: a mesh is read once and asked often.

use super::{OwnedSource, borrow, only_known, sources, to_js};
use crate::analysis::{Analysis, Request};
use crate::compile::Input;
use crate::diagnostic::Diagnostic;
use crate::mesh::input::{MeshInput, read_mesh};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** All that a mesh is read from. */
export interface MeshInput extends CompileInput {
  /** Bundles or manifests: each file tells which it is. */
  files?: Source[];
  /** Kubernetes manifests. */
  manifests?: Source[];
  /** Settings, which win over what the other input says. */
  settings?: Source[];
}

interface MeshAnalysis {
  readonly diagnostics: Diagnostic[];
}
"#;

#[wasm_bindgen]
extern "C" {
    /// `MeshInput`
    #[wasm_bindgen(typescript_type = "MeshInput")]
    pub type JsMeshInput;
}

/// A mesh made ready to be asked. It lives outside of JavaScript's heap: call `free()` when done.
#[wasm_bindgen]
#[derive(Debug)]
pub struct MeshAnalysis {
    pub(super) analysis: Analysis,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Reads a mesh and makes it ready: bundles, charm files, databags, manifests, settings.
///
/// Throws a `TypeError` where the argument has another shape; whatever is wrong with the files
/// is a diagnostic.
#[wasm_bindgen(js_name = analyse)]
pub fn analyse(input: &JsMeshInput) -> Result<MeshAnalysis, JsValue> {
    let (mesh, mut diagnostics) = read_mesh(&OwnedInput::read(input)?.borrow());
    let analysis = Analysis::new(mesh);
    diagnostics.extend(analysis.refusals());
    Ok(MeshAnalysis {
        analysis,
        diagnostics,
    })
}

/// The files of a `MeshInput`, by what they are.
pub(super) struct OwnedInput {
    files: Vec<OwnedSource>,
    bundles: Vec<OwnedSource>,
    charms: Vec<OwnedSource>,
    databags: Vec<OwnedSource>,
    manifests: Vec<OwnedSource>,
    settings: Vec<OwnedSource>,
}

impl OwnedInput {
    pub(super) fn read(input: &JsValue) -> Result<OwnedInput, JsValue> {
        only_known(input)?;
        Ok(OwnedInput {
            files: sources(input, "files")?,
            bundles: sources(input, "bundles")?,
            charms: sources(input, "charms")?,
            databags: sources(input, "databags")?,
            manifests: sources(input, "manifests")?,
            settings: sources(input, "settings")?,
        })
    }

    pub(super) fn borrow(&self) -> MeshInput<'_> {
        MeshInput {
            files: borrow(&self.files),
            juju: Input {
                bundles: borrow(&self.bundles),
                charms: borrow(&self.charms),
                databags: borrow(&self.databags),
            },
            manifests: borrow(&self.manifests),
            settings: borrow(&self.settings),
        }
    }
}

#[wasm_bindgen]
impl MeshAnalysis {
    /// Answers requests, one JSON object a line, by one JSON object a line.
    pub fn ask(&self, lines: &str) -> String {
        self.analysis.ask(lines)
    }

    /// Answers one request, a JSON object, in sentences.
    pub fn explain(&self, request: &str) -> Result<String, JsValue> {
        Ok(self.analysis.explain(&read(request)?))
    }

    /// Answers one request, a JSON object, by a JSON object with all that was considered.
    pub fn trace(&self, request: &str) -> Result<String, JsValue> {
        Ok(self.analysis.trace_json(&read(request)?))
    }

    /// What is wrong, assumed or unknown.
    #[wasm_bindgen(getter, skip_typescript)]
    pub fn diagnostics(&self) -> Result<JsValue, JsValue> {
        to_js(&self.diagnostics)
    }

    /// The input could not be used.
    #[wasm_bindgen(getter, js_name = badInput)]
    pub fn bad_input(&self) -> bool {
        self.diagnostics.iter().any(|one| one.bad_input)
    }
}

pub(super) fn read(request: &str) -> Result<Request, JsValue> {
    Request::read(request).map_err(|(_, message)| js_sys::Error::new(&message).into())
}
