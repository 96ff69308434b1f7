//! The door to lint.

use super::analysis::MeshAnalysis;
use super::to_js;
use crate::analysis::lint::report;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
interface MeshAnalysis {
  /** All findings: about the input, and about the policies. */
  lint(): Diagnostic[];
}
"#;

#[wasm_bindgen]
impl MeshAnalysis {
    /// All findings: about the input, and about the policies.
    #[wasm_bindgen(skip_typescript)]
    pub fn lint(&self) -> Result<JsValue, JsValue> {
        to_js(&report(&self.analysis, &self.diagnostics))
    }
}
