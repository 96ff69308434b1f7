//! The door to suggestions, and to what a page draws.

use super::analysis::{JsMeshInput, MeshAnalysis, input_lists, mesh_input, read};
use crate::analysis::overview::Overview;
use crate::suggest::suggest;
use wasm_bindgen::prelude::*;

/// What to declare so that a request, a JSON object, would be allowed, as JSON text: `{"possible", "text", "edits"}`, an edit
/// being `{"file", "what", "line", "column", "insert"}`; `undefined` for a request that is not denied.
///
/// Throws a `TypeError` where the input has another shape, and an `Error` where the request has.
#[wasm_bindgen(js_name = suggest)]
pub fn suggest_js(input: &JsMeshInput, request: &str) -> Result<Option<String>, JsValue> {
    let lists = input_lists(input)?;
    let request = read(request)?;
    Ok(suggest(&mesh_input(&lists), &request).map(|found| found.json()))
}

/// The same in sentences, as the command line prints it.
#[wasm_bindgen(js_name = suggestText)]
pub fn suggest_text(input: &JsMeshInput, request: &str) -> Result<Option<String>, JsValue> {
    let lists = input_lists(input)?;
    let request = read(request)?;
    Ok(suggest(&mesh_input(&lists), &request).map(|found| found.sentences()))
}

#[wasm_bindgen]
impl MeshAnalysis {
    /// What there is to draw, as JSON text: `{"applications", "refused", "policies", "rows", "notSolved"}`.
    pub fn overview(&self) -> String {
        Overview::of(&self.analysis).json()
    }
}
