//! The door to the exact engine: questions about all requests at once.

use super::analysis::MeshAnalysis;
use crate::analysis::diff::diff;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
impl MeshAnalysis {
    /// What a change from this mesh to another means, as JSON text: `{"equivalent", "granted",
    /// "revoked", "unknown", "notCompared"}`.
    #[wasm_bindgen(js_name = diffTo)]
    pub fn diff_to(&self, other: &MeshAnalysis) -> String {
        diff(&self.analysis, &other.analysis).json()
    }
}
