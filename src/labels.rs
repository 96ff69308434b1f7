//! Names and labels that are made from the names of applications and models.

use sha1::{Digest, Sha1};
use std::fmt;

/// How a label is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelFormat<'a> {
    /// What it begins with.
    pub prefix: &'a str,
    /// What it ends with.
    pub suffix: &'a str,
    /// How many characters it should have at most.
    pub max_length: i64,
    /// What stands between its parts.
    pub separator: &'a str,
}

impl Default for LabelFormat<'_> {
    fn default() -> Self {
        LabelFormat {
            prefix: "",
            suffix: "",
            max_length: 63,
            separator: ".",
        }
    }
}

/// Why there is no label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelError {
    /// The model or the application has no name.
    EmptyName,
    /// Prefix and suffix leave no room for the names.
    NoRoom,
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LabelError::EmptyName => "the names of the model and the application must not be empty",
            LabelError::NoRoom => "prefix and suffix leave no room for the names in this length",
        })
    }
}

impl std::error::Error for LabelError {}

/// Characters of the hash in a label that was cut.
const HASH_LENGTH: usize = 6;

/// A label for a charm's application; where it would be too long, both names are cut in proportion
/// and a hash of them is added.
///
/// Each separator is counted as one character whatever it is, like the library does, so a longer
/// one can make the label longer than asked for.
pub fn charm_kubernetes_label(
    model_name: &str,
    app_name: &str,
    format: LabelFormat<'_>,
) -> Result<String, LabelError> {
    if model_name.is_empty() || app_name.is_empty() {
        return Err(LabelError::EmptyName);
    }
    let LabelFormat {
        prefix,
        suffix,
        max_length,
        separator,
    } = format;
    let text = [prefix, model_name, separator, app_name, suffix].concat();
    if length(&text) <= max_length {
        return Ok(text);
    }
    let fixed = fixed_length(prefix, suffix);
    let available = max_length.saturating_sub(fixed);
    if available < 2 {
        return Err(LabelError::NoRoom);
    }
    let (model_length, app_length) = (length(model_name), length(app_name));
    let model_length = share(available, model_length, model_length + app_length).max(1);
    let app_length = (available - model_length).max(1);
    let hash = hash(&[model_name, separator, app_name].concat());
    Ok([
        prefix,
        cut(model_name, model_length),
        separator,
        cut(app_name, app_length),
        separator,
        &hash,
        suffix,
    ]
    .concat())
}

/// What a cut label has besides the names.
pub(crate) fn fixed_length(prefix: &str, suffix: &str) -> i64 {
    length(prefix) + length(suffix) + i64::try_from(HASH_LENGTH).unwrap_or(0) + 2
}

fn length(text: &str) -> i64 {
    i64::try_from(text.chars().count()).unwrap_or(i64::MAX)
}

/// `int(available * part / whole)` in Python, where `/` is a division of floats.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn share(available: i64, part: i64, whole: i64) -> i64 {
    let product = i128::from(available) * i128::from(part);
    (product as f64 / whole as f64) as i64
}

fn cut(text: &str, length: i64) -> &str {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    match text.char_indices().nth(length) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

fn hash(text: &str) -> String {
    let digest = Sha1::digest(text.as_bytes());
    let mut hex: String = digest
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    hex.truncate(HASH_LENGTH);
    hex
}

/// `app.kubernetes.io/instance` of what a charm creates.
pub fn instance_label(application_name: &str, model_name: &str) -> Result<String, LabelError> {
    let format = LabelFormat {
        separator: "-",
        ..LabelFormat::default()
    };
    charm_kubernetes_label(model_name, application_name, format)
}

/// The labels of everything that a charm creates within a scope.
pub fn create_charm_default_labels(
    application_name: &str,
    model_name: &str,
    scope: &str,
) -> Result<Vec<(String, String)>, LabelError> {
    Ok(vec![
        (
            INSTANCE_KEY.to_owned(),
            instance_label(application_name, model_name)?,
        ),
        (SCOPE_KEY.to_owned(), scope.to_owned()),
    ])
}

pub(crate) const INSTANCE_KEY: &str = "app.kubernetes.io/instance";
pub(crate) const SCOPE_KEY: &str = "kubernetes-resource-handler-scope";

/// How the key of a telemetry label is put together.
pub(crate) const TELEMETRY_FORMAT: LabelFormat<'static> = LabelFormat {
    prefix: "charms.canonical.com/",
    suffix: ".telemetry",
    max_length: 63,
    separator: ".",
};

/// The label that lets an application be found by those who collect telemetry.
pub fn generate_telemetry_labels(
    app_name: &str,
    model_name: &str,
) -> Result<Vec<(String, String)>, LabelError> {
    let key = charm_kubernetes_label(model_name, app_name, TELEMETRY_FORMAT)?;
    Ok(vec![(key, "aggregated".to_owned())])
}

/// The ConfigMap in which an application's mesh labels are remembered.
pub fn label_configmap_name(app_name: &str) -> String {
    format!("juju-service-mesh-{app_name}-labels")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_in_proportion() {
        let (model, app) = ("m".repeat(40), "a".repeat(40));
        let label = charm_kubernetes_label(&model, &app, LabelFormat::default());
        let expected = format!("{}.{}.499dc0", "m".repeat(27), "a".repeat(28));
        assert_eq!(label, Ok(expected));
    }

    #[test]
    fn impossible_labels_are_refused() {
        let format = LabelFormat {
            max_length: 0,
            ..LabelFormat::default()
        };
        assert_eq!(
            charm_kubernetes_label("m", "a", format),
            Err(LabelError::NoRoom)
        );
        assert_eq!(
            charm_kubernetes_label("", "a", format),
            Err(LabelError::EmptyName)
        );
    }
}
