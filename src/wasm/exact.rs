//! The door to the exact engine: questions about all requests at once.

use super::analysis::MeshAnalysis;
use super::{borrow, only_known, sources, to_js};
use crate::analysis::diff::{Among, diff_among};
use crate::analysis::expect::{Report, check};
use crate::analysis::expectation::{is_expectations, read_expectations};
use crate::analysis::lint::expectations as doubtful;
use crate::analysis::plan::read_plan;
use crate::analysis::reach::reach;
use crate::analysis::safety::prove;
use crate::diagnostic::{Diagnostic, bound};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Files of expectations. */
export interface ExpectationInput {
  expectations: Source[];
}

interface Checked {
  readonly diagnostics: Diagnostic[];
}
"#;

#[wasm_bindgen]
extern "C" {
    /// `ExpectationInput`
    #[wasm_bindgen(typescript_type = "ExpectationInput")]
    pub type ExpectationInput;
}

#[wasm_bindgen]
impl MeshAnalysis {
    /// What a change from this mesh to another means, as JSON text: `{"equivalent", "granted",
    /// "revoked", "unknown", "notCompared"}`. With `described`, requests of clients that the input
    /// describes, or without identity, with methods in common use; else all that there may be.
    #[wasm_bindgen(js_name = diffTo)]
    pub fn diff_to(&self, other: &MeshAnalysis, described: Option<bool>) -> String {
        let among = match described {
            Some(true) => Among::Described,
            _ => Among::All,
        };
        diff_among(&self.analysis, &other.analysis, among).json()
    }

    /// Whether the states that a plan goes through are safe, as JSON text: `{"safe", "moments"}`. The mesh has the policies
    /// as they are now; `changes` is the JSON text of a plan's changes.
    pub fn prove(&self, changes: &str) -> Result<String, JsValue> {
        let phases = read_plan(changes).map_err(|error| js_sys::Error::new(&error.to_string()))?;
        Ok(prove(&self.analysis.mesh, &phases).json())
    }

    /// Who may reach whom, as JSON text: `{"rows", "notSolved"}`.
    pub fn reach(&self) -> String {
        reach(&self.analysis).json()
    }

    /// Checks files of expectations.
    ///
    /// Throws a `TypeError` where the argument has another shape; whatever is wrong with the files
    /// is a diagnostic.
    pub fn test(&self, input: &ExpectationInput) -> Result<Checked, JsValue> {
        only_known(input)?;
        let files = sources(input, "expectations")?;
        let mut expectations = Vec::new();
        let mut diagnostics = Vec::new();
        for source in borrow(&files) {
            let found = read_expectations(source.file, source.bytes, &mut diagnostics);
            expectations.extend(found);
        }
        let report = check(&self.analysis, &expectations);
        diagnostics.extend(doubtful(&self.analysis, &expectations));
        bound(&mut diagnostics);
        Ok(Checked {
            report,
            diagnostics,
        })
    }
}

/// How expectations fared. Call `free()` when done.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Checked {
    report: Report,
    diagnostics: Vec<Diagnostic>,
}

/// Whether a file is one of expectations.
#[wasm_bindgen(js_name = isExpectations)]
pub fn is_expectations_js(bytes: &[u8]) -> bool {
    is_expectations(bytes)
}

#[wasm_bindgen]
impl Checked {
    /// `{"passed", "failed", "results", "untouched"}` as JSON text.
    pub fn json(&self) -> String {
        self.report.json()
    }

    /// What is wrong with the files of expectations, or doubtful.
    #[wasm_bindgen(getter, skip_typescript)]
    pub fn diagnostics(&self) -> Result<JsValue, JsValue> {
        to_js(&self.diagnostics)
    }

    /// A file could not be used.
    #[wasm_bindgen(getter, js_name = badInput)]
    pub fn bad_input(&self) -> bool {
        self.diagnostics.iter().any(|one| one.bad_input)
    }
}
