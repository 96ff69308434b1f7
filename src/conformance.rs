//! The protocol by which our answers are compared with those of the library: one JSON request a
//! line, one JSON answer a line. `tests/oracle/README.md` describes it.

mod build;
mod consumer;
pub mod fake_cluster;
mod hook;
mod istio;
mod labels;
mod provider;
mod reconcile;

use crate::model::{self, Data, UNSUPPORTED_INTEGER, ValidationError};
use crate::python;
use crate::text::{Node, NotJson, Object, TextError, Value, parse_json, to_json};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// The library tells no more validation errors than these.
const MAX_ERRORS: usize = 25;

/// Python reads no integer of more digits.
const MAX_DIGITS: usize = 4300;

/// Answers one request.
pub fn answer(line: &str) -> String {
    let failure = match respond(line) {
        Ok(ok) => return format!("{{\"ok\":{ok}}}"),
        Err(Failure::Whole(answer)) => return answer,
        Err(failure) => failure,
    };
    // Failures hold nothing but texts and small numbers.
    let error = to_json(&failure).unwrap_or_default();
    format!("{{\"error\":{error}}}")
}

/// Why a request has no answer.
#[derive(Debug)]
enum Failure {
    /// What the library would raise, or `BadRequest`.
    Error(&'static str, String),
    /// What is wrong with a value.
    Validation(Vec<ValidationError>),
    /// What the library could answer and we cannot.
    Refused(&'static str, String),
    /// The answer as it is to be written.
    Whole(String),
}

impl Failure {
    fn bad_request(message: impl Into<String>) -> Self {
        Failure::Error("BadRequest", message.into())
    }

    fn type_error(message: impl Into<String>) -> Self {
        Failure::Error("TypeError", message.into())
    }
}

impl From<Vec<ValidationError>> for Failure {
    fn from(errors: Vec<ValidationError>) -> Self {
        match errors.iter().find(|e| e.kind == UNSUPPORTED_INTEGER) {
            Some(error) => Failure::Refused("integer-too-large", error.message.clone()),
            None => Failure::Validation(errors),
        }
    }
}

impl From<NotJson> for Failure {
    fn from(error: NotJson) -> Self {
        // Only an integer that no format here can hold fails to be written.
        Failure::Refused("integer-too-large", error.to_string())
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Failure::Error(kind, message) => {
                map.serialize_entry("type", kind)?;
                map.serialize_entry("message", message)?;
            }
            Failure::Refused(code, message) => {
                map.serialize_entry("type", "Refused")?;
                map.serialize_entry("code", code)?;
                map.serialize_entry("message", message)?;
            }
            Failure::Whole(answer) => map.serialize_entry("message", answer)?,
            Failure::Validation(errors) => {
                map.serialize_entry("type", "ValidationError")?;
                map.serialize_entry("count", &errors.len())?;
                let first: Vec<_> = errors.iter().take(MAX_ERRORS).map(ErrorView).collect();
                map.serialize_entry("errors", &first)?;
            }
        }
        map.end()
    }
}

struct ErrorView<'a>(&'a ValidationError);

impl Serialize for ErrorView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("type", self.0.kind)?;
        map.serialize_entry("loc", &self.0.loc)?;
        map.serialize_entry("msg", &self.0.message)?;
        map.end()
    }
}

fn respond(line: &str) -> Result<String, Failure> {
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    let document = parse_json(line).map_err(|error| unreadable(error, "BadRequest"))?;
    if has_overlong_integer(&document.root) {
        let message = format!("an integer has more than {MAX_DIGITS} digits");
        return Err(Failure::bad_request(message));
    }
    let Value::Object(request) = &document.root.value else {
        return Err(Failure::bad_request("the request must be an object"));
    };
    match text_field(request, "op")? {
        "validate" => validate(request),
        "build_mesh_policies" => build::build_mesh_policies(request),
        "consumer_databag" => consumer::consumer_databag(request),
        "provider" => provider::provider(request),
        "istio_policies" => istio::istio_policies(request),
        "reconcile_policies" => reconcile::reconcile_policies(request),
        "reconcile_labels" => reconcile::reconcile_labels(request),
        "default_labels" => labels::default_labels(request),
        op => Err(Failure::bad_request(format!("there is no op `{op}`"))),
    }
}

/// Text that is no JSON is an error of type `kind`; what only we cannot read is refused.
fn unreadable(error: TextError, kind: &'static str) -> Failure {
    if error.code == "malformed-json" {
        Failure::Error(kind, error.to_string())
    } else {
        Failure::Refused(error.code, error.to_string())
    }
}

// The reader has bounded the depth.
fn has_overlong_integer(node: &Node<'_>) -> bool {
    match &node.value {
        Value::BigInt(text) => text.trim_start_matches('-').len() > MAX_DIGITS,
        Value::Array(nodes) => nodes.iter().any(has_overlong_integer),
        Value::Object(object) => object.iter().any(|m| has_overlong_integer(&m.value)),
        _ => false,
    }
}

// === fields of requests ===

fn field<'n, 'a>(object: &'n Object<'a>, name: &str) -> Result<&'n Node<'a>, Failure> {
    object
        .get(name)
        .ok_or_else(|| Failure::bad_request(format!("the field `{name}` is missing")))
}

fn text_field<'n>(object: &'n Object<'_>, name: &str) -> Result<&'n str, Failure> {
    field(object, name)?
        .as_str()
        .ok_or_else(|| Failure::bad_request(format!("the field `{name}` must be a string")))
}

fn list_field<'n, 'a>(object: &'n Object<'a>, name: &str) -> Result<&'n [Node<'a>], Failure> {
    field(object, name)?
        .as_array()
        .ok_or_else(|| Failure::bad_request(format!("the field `{name}` must be a list")))
}

fn object_field<'n, 'a>(object: &'n Object<'a>, name: &str) -> Result<&'n Object<'a>, Failure> {
    field(object, name)?
        .as_object()
        .ok_or_else(|| Failure::bad_request(format!("the field `{name}` must be an object")))
}

/// What Python iterates over as a list of objects: a list, or anything empty.
fn iterable<'n, 'a>(node: &'n Node<'a>, name: &str) -> Result<&'n [Node<'a>], Failure> {
    match &node.value {
        Value::Array(nodes) => Ok(nodes),
        Value::String(text) if text.is_empty() => Ok(&[]),
        Value::Object(object) if object.is_empty() => Ok(&[]),
        _ => Err(Failure::bad_request(format!("`{name}` must be a list"))),
    }
}

/// Python's truth.
fn is_truthy(value: &Value<'_>) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Int(value) => *value != 0,
        Value::BigInt(_) => true,
        Value::Float(value) => *value != 0.0,
        Value::String(text) => !text.is_empty(),
        Value::Array(nodes) => !nodes.is_empty(),
        Value::Object(object) => !object.is_empty(),
    }
}

// === validate ===

#[derive(Serialize)]
struct EnumAnswer<'a> {
    data: &'a str,
    name: &'a str,
    str: String,
    repr: String,
}

#[derive(Serialize)]
struct ModelAnswer<'a, T: Serialize> {
    data: &'a Data,
    json: String,
    str: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    spec: Option<T>,
}

fn validate(request: &Object<'_>) -> Result<String, Failure> {
    let name = text_field(request, "model")?;
    let data = field(request, "data")?;
    if let Some(kind) = model::enum_type(name) {
        let member = data
            .as_str()
            .and_then(|text| kind.members.iter().find(|(_, value)| *value == text));
        let Some((member, value)) = member else {
            let message = format!("this is not a valid {name}");
            return Err(Failure::Error("ValueError", message));
        };
        let mut repr = String::new();
        python::write_member(&mut repr, name, member, value);
        return Ok(to_json(&EnumAnswer {
            data: value,
            name: member,
            str: format!("{name}.{member}"),
            repr,
        })?);
    }
    let schema = model::schema(name)
        .ok_or_else(|| Failure::bad_request(format!("unknown model `{name}`")))?;
    let record = model::validate(schema, data)?;
    let str = python::record_str(&record);
    let data = Data::Model(record);
    Ok(to_json(&ModelAnswer {
        data: &data,
        json: python::json_dumps(&data)?,
        str,
        spec: schema.is_istio.then(|| data.as_spec()),
    })?)
}
