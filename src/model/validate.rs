//! Validation of a tree by a schema.

use super::PolicyTargetType;
use super::data::{Data, Record};
use super::integer;
use super::schema::{Absent, EnumType, Field, Rule, Schema, Type};
use crate::text::{Node, Position, Value};

/// The kind of error for an integer that Python would accept and 64 bits cannot hold.
pub const UNSUPPORTED_INTEGER: &str = "unsupported_integer";

/// One thing that is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationError {
    /// Pydantic's name for what is wrong, such as `missing`.
    pub kind: &'static str,
    /// The way to it from the value that was validated.
    pub loc: Vec<Loc>,
    /// What is wrong, as a sentence.
    pub message: String,
    /// Where it stands in the text; for a missing key, where its mapping begins.
    pub at: Position,
}

/// One step to a place in a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loc {
    /// A key of a mapping.
    Key(String),
    /// An index of a list.
    Index(usize),
}

impl std::fmt::Display for Loc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Loc::Key(key) => f.write_str(key),
            Loc::Index(index) => write!(f, "{index}"),
        }
    }
}

impl serde::Serialize for Loc {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Loc::Key(key) => serializer.serialize_str(key),
            Loc::Index(index) => index.serialize(serializer),
        }
    }
}

/// Validates a model; all errors are collected, in the order of the library.
pub fn validate(schema: &'static Schema, node: &Node<'_>) -> Result<Record, Vec<ValidationError>> {
    let mut validator = Validator::default();
    match validator.model(schema, node) {
        Some(record) if validator.errors.is_empty() => Ok(record),
        _ => Err(validator.errors),
    }
}

#[derive(Default)]
struct Validator {
    loc: Vec<Loc>,
    errors: Vec<ValidationError>,
}

impl Validator {
    fn error(&mut self, kind: &'static str, at: Position, message: impl Into<String>) {
        self.errors.push(ValidationError {
            kind,
            loc: self.loc.clone(),
            message: message.into(),
            at,
        });
    }

    fn at<T>(&mut self, step: Loc, run: impl FnOnce(&mut Self) -> T) -> T {
        self.loc.push(step);
        let result = run(self);
        self.loc.pop();
        result
    }

    fn value(&mut self, kind: &'static Type, node: &Node<'_>) -> Option<Data> {
        match kind {
            Type::Optional(_) if node.is_null() => Some(Data::Null),
            Type::Optional(kind) => self.value(kind, node),
            Type::Str => match &node.value {
                Value::String(text) => Some(Data::String(text.to_string())),
                _ => self.wanted("string_type", node, "a string"),
            },
            Type::Int => self.integer(node),
            Type::Map => self.map(node),
            Type::Enum(kind) => self.member(kind, node),
            Type::Model(schema) => self.model(schema, node).map(Data::Model),
            Type::List(kind) => {
                let Value::Array(nodes) = &node.value else {
                    return self.wanted("list_type", node, "a list");
                };
                let mut items = Vec::with_capacity(nodes.len());
                for (index, node) in nodes.iter().enumerate() {
                    items.extend(self.at(Loc::Index(index), |this| this.value(kind, node)));
                }
                Some(Data::List(items))
            }
        }
    }

    fn wanted(&mut self, kind: &'static str, node: &Node<'_>, what: &str) -> Option<Data> {
        self.error(
            kind,
            node.at,
            format!("must be {what}, not {}", node.kind()),
        );
        None
    }

    fn integer(&mut self, node: &Node<'_>) -> Option<Data> {
        let result = match &node.value {
            Value::Bool(value) => Ok(Data::Int(i64::from(*value))),
            Value::Int(value) => Ok(Data::Int(*value)),
            Value::BigInt(text) => Ok(integer::from_decimal(text)),
            Value::Float(value) => integer::from_float(*value),
            Value::String(text) => integer::from_str(text),
            _ => return self.wanted("int_type", node, "an integer"),
        };
        result
            .map_err(|kind| {
                let message = match kind {
                    "int_from_float" => "must be an integer, not a number with a fraction",
                    "finite_number" => "must be a finite number",
                    "int_parsing_size" => "must be an integer of a smaller size",
                    _ => "must be an integer; this text does not read as one",
                };
                self.error(kind, node.at, message);
            })
            .ok()
    }

    fn map(&mut self, node: &Node<'_>) -> Option<Data> {
        let Value::Object(object) = &node.value else {
            return self.wanted("dict_type", node, "a mapping");
        };
        let mut pairs = Vec::with_capacity(object.members.len());
        for member in object.iter() {
            match &member.value.value {
                Value::String(text) => pairs.push((member.key.to_string(), text.to_string())),
                _ => {
                    self.at(Loc::Key(member.key.to_string()), |this| {
                        this.wanted("string_type", &member.value, "a string")
                    });
                }
            }
        }
        Some(Data::Map(pairs))
    }

    fn member(&mut self, kind: &'static EnumType, node: &Node<'_>) -> Option<Data> {
        let member = node
            .as_str()
            .and_then(|text| kind.members.iter().find(|(_, value)| *value == text));
        if member.is_none() {
            let values: Vec<&str> = kind.members.iter().map(|(_, value)| *value).collect();
            self.error(
                "enum",
                node.at,
                format!("must be one of {}", values.join(", ")),
            );
        }
        member.map(|member| Data::Enum(kind, member))
    }

    fn model(&mut self, schema: &'static Schema, node: &Node<'_>) -> Option<Record> {
        let Value::Object(object) = &node.value else {
            self.wanted("model_type", node, "a mapping");
            return None;
        };
        let errors_before = self.errors.len();
        let mut fields = Vec::with_capacity(schema.fields.len());
        for field in schema.fields {
            let by_alias = field
                .alias
                .and_then(|alias| Some((alias, object.get(alias)?)));
            let found = by_alias.or_else(|| Some((field.name, object.get(field.name)?)));
            match found {
                Some((key, node)) => {
                    let value = self.at(Loc::Key(key.to_owned()), |this| {
                        this.value(&field.kind, node)
                    });
                    fields.extend(value.map(|value| (value, true)));
                }
                None => match default(field) {
                    Some(value) => fields.push((value, false)),
                    None => self.at(Loc::Key(field.name.to_owned()), |this| {
                        let message = format!("`{}` is missing", field.name);
                        this.error("missing", node.at, message);
                    }),
                },
            }
        }
        if self.errors.len() > errors_before {
            return None;
        }
        let record = Record { schema, fields };
        if let Err(message) = rule(&record) {
            self.error("value_error", node.at, message);
            return None;
        }
        Some(record)
    }
}

fn default(field: &Field) -> Option<Data> {
    Some(match field.absent {
        Absent::Missing => return None,
        Absent::Null => Data::Null,
        Absent::EmptyList => Data::List(Vec::new()),
        Absent::FirstMember => match &field.kind {
            Type::Enum(kind) => Data::Enum(kind, kind.members.first()?),
            _ => return None,
        },
    })
}

fn rule(record: &Record) -> Result<(), &'static str> {
    let get = |name: &str| {
        let at = record.schema.fields.iter().position(|f| f.name == name)?;
        record.fields.get(at).map(|(value, _)| value)
    };
    let is_filled = |name: &str| match get(name) {
        Some(Data::String(text)) => !text.is_empty(),
        Some(Data::Map(pairs)) => !pairs.is_empty(),
        _ => false,
    };
    let is_present = |name: &str| !matches!(get(name), None | Some(Data::Null));
    match record.schema.rule {
        Rule::None => Ok(()),
        Rule::MeshPolicy => {
            let target_type = match get("target_type") {
                Some(Data::Enum(_, ("unit", _))) => PolicyTargetType::Unit,
                _ => PolicyTargetType::App,
            };
            mesh_policy_rules(
                target_type,
                is_filled("target_app_name"),
                is_filled("target_selector_labels"),
                is_filled("target_service"),
            )
        }
        Rule::AuthorizationPolicySpec => {
            if is_present("targetRefs") && is_present("selector") {
                return Err("targetRefs and selector exclude one another");
            }
            if is_present("provider")
                && !matches!(get("action"), Some(Data::Enum(_, ("custom", _))))
            {
                return Err("a provider goes with the action CUSTOM only");
            }
            Ok(())
        }
    }
}

/// The rules between the fields of a mesh policy, of which each flag says whether one is filled.
pub(super) fn mesh_policy_rules(
    target_type: PolicyTargetType,
    app_name: bool,
    selector_labels: bool,
    service: bool,
) -> Result<(), &'static str> {
    match target_type {
        PolicyTargetType::App if !app_name && !service => {
            Err("a policy for an app needs target_app_name or target_service")
        }
        PolicyTargetType::App if selector_labels => {
            Err("a policy for an app cannot have target_selector_labels")
        }
        PolicyTargetType::Unit if app_name && selector_labels => {
            Err("a policy for units has target_app_name or target_selector_labels, not both")
        }
        PolicyTargetType::Unit if service => Err("a policy for units cannot have target_service"),
        _ => Ok(()),
    }
}
