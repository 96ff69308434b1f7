//! JSON and YAML text into one bounded tree that keeps positions.
//!
//! Everything the project reads passes through here, so that a diagnostic can name the line and
//! column of what it talks about, and so that no document can overflow the stack or exhaust
//! memory: depth, alias expansion and length are bounded before anything is built.

mod emit;
mod float;
mod indent;
pub mod insert;
mod json;
mod scalar;
mod serialize;
mod to_json;
mod tree;
mod yaml;

pub use emit::emit_yaml;
pub use float::float_text;
pub use json::parse_json;
pub(crate) use scalar::boolean;
pub(crate) use serialize::serialize_big_integer;
pub use to_json::{NotJson, to_json, to_python_json};
pub(crate) use to_json::{Out, push_integer, push_string};
pub use tree::{Document, Member, Node, Object, Position, Value};
pub use yaml::parse_yaml;

use std::fmt;

/// How deeply collections may nest. Real bundles, databags and manifests stay below 20.
pub const MAX_DEPTH: usize = 200;

/// How many tree nodes YAML aliases and merge keys may add to a document.
pub const MAX_ALIAS_NODES: usize = 1_000_000;

/// Longest input in bytes that positions can address; hosts refuse far earlier (`--max-input`).
pub const MAX_INPUT: usize = 1 << 31;

/// Why text could not be read. `code` is stable, `message` is one lower-case sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextError {
    /// Stable identifier, for example `malformed-json`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where reading stopped.
    pub at: Position,
    /// What to give instead, where that can be told.
    pub help: Option<&'static str>,
}

impl TextError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>, at: Position) -> Self {
        TextError {
            code,
            message: message.into(),
            at,
            help: None,
        }
    }

    /// Of a text beyond [`MAX_INPUT`].
    pub(crate) fn too_large() -> Self {
        let message = "the text is longer than 2 GiB";
        TextError::new("input-too-large", message, Position::new(1, 1))
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at line {} column {}",
            self.message, self.at.line, self.at.column
        )
    }
}

impl std::error::Error for TextError {}

/// Reads JSON or YAML, whichever the text is. A JSON text is one document; YAML may hold several.
///
/// JSON is tried first where the text begins like it, because it is many times faster to read.
pub fn parse_any(text: &str) -> Result<Vec<Document<'_>>, TextError> {
    let looks_like_json = text
        .trim_start_matches([' ', '\t', '\n', '\r'])
        .starts_with(['{', '[']);
    if !looks_like_json {
        return parse_yaml(text);
    }
    match parse_json(text) {
        Ok(document) => Ok(vec![document]),
        // A limit is a limit in both notations.
        Err(error) if error.code != json::MALFORMED => Err(error),
        // Flow-style YAML begins the same way. Where neither reads, the reader that came further
        // understood more of the text.
        Err(error) => parse_yaml(text).map_err(|other| {
            if other.code == yaml::MALFORMED && other.at < error.at {
                error
            } else {
                other
            }
        }),
    }
}

/// Decodes bytes as UTF-8, naming the line and column of the first byte that is not.
pub fn decode_utf8(bytes: &[u8]) -> Result<&str, TextError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line_start = valid
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let newlines = valid.iter().filter(|byte| **byte == b'\n').count();
        let column = String::from_utf8_lossy(valid.get(line_start..).unwrap_or_default())
            .chars()
            .count();
        let help = match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "this is UTF-16: save it as UTF-8",
            _ => "save it as UTF-8",
        };
        TextError {
            help: Some(help),
            ..TextError::new(
                "invalid-utf-8",
                "the text is not UTF-8",
                Position::new(newlines + 1, column + 1),
            )
        }
    })
}
