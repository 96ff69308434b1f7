//! The door to suggestions, and to what a page draws.

use super::analysis::{JsMeshInput, MeshAnalysis, OwnedInput, read};
use crate::analysis::overview::Overview;
use crate::suggest::{Suggestion, suggest};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
impl MeshAnalysis {
    /// What to declare so that a request, a JSON object, would be allowed, as JSON text: `{"possible", "text", "edits"}`, an
    /// edit being `{"file", "what", "line", "column", "insert"}`; `undefined` for a request that is not denied. The input is
    /// the one that this was made of.
    ///
    /// Throws a `TypeError` where the input has another shape, and an `Error` where the request has.
    pub fn suggest(&self, input: &JsMeshInput, request: &str) -> Result<Option<String>, JsValue> {
        Ok(self.suggested(input, request)?.map(|found| found.json()))
    }

    /// The same in sentences, as the command line prints it.
    #[wasm_bindgen(js_name = suggestText)]
    pub fn suggest_text(
        &self,
        input: &JsMeshInput,
        request: &str,
    ) -> Result<Option<String>, JsValue> {
        Ok(self
            .suggested(input, request)?
            .map(|found| found.sentences()))
    }

    /// What there is to draw, as JSON text: `{"applications", "refused", "policies", "rows", "notSolved"}`.
    pub fn overview(&self) -> String {
        Overview::of(&self.analysis).json()
    }
}

impl MeshAnalysis {
    fn suggested(&self, input: &JsMeshInput, request: &str) -> Result<Option<Suggestion>, JsValue> {
        let input = OwnedInput::read(input)?;
        let request = read(request)?;
        Ok(suggest(&self.analysis, &input.borrow(), &request))
    }
}
