//! Values that were validated by a [`Schema`](super::Schema), and what they are written as.

use super::schema::{EnumType, Schema};
use crate::text::serialize_big_integer;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// A validated value. Serialises like pydantic's `model_dump(mode="json")`.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// `None`
    Null,
    /// An integer of at most 64 bits.
    Int(i64),
    /// An integer beyond 64 bits, in canonical decimal.
    BigInt(String),
    /// Text.
    String(String),
    /// A list.
    List(Vec<Data>),
    /// A mapping of text to text, in input order.
    Map(Vec<(String, String)>),
    /// A member of an enumeration: its name and its value.
    Enum(&'static EnumType, &'static (&'static str, &'static str)),
    /// A model.
    Model(Record),
}

/// A validated model.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its class.
    pub schema: &'static Schema,
    /// Its fields in the order of the schema, each with whether the input had it.
    pub fields: Vec<(Data, bool)>,
}

impl Data {
    /// Serialises only what the input said: no defaults, no nulls, names by alias.
    pub fn as_spec(&self) -> impl Serialize + '_ {
        SpecView(self)
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Data::Null => serializer.serialize_unit(),
            Data::Int(value) => serializer.serialize_i64(*value),
            Data::BigInt(text) => serialize_big_integer(text, serializer),
            Data::String(text) => serializer.serialize_str(text),
            Data::List(items) => serializer.collect_seq(items),
            Data::Map(pairs) => super::serialize_pairs(pairs, serializer),
            Data::Enum(_, member) => serializer.serialize_str(member.1),
            Data::Model(record) => {
                let mut map = serializer.serialize_map(Some(record.fields.len()))?;
                for (field, (value, _)) in record.schema.fields.iter().zip(&record.fields) {
                    map.serialize_entry(field.name, value)?;
                }
                map.end()
            }
        }
    }
}

struct SpecView<'a>(&'a Data);

impl Serialize for SpecView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Data::List(items) => serializer.collect_seq(items.iter().map(SpecView)),
            Data::Model(record) => {
                let mut map = serializer.serialize_map(None)?;
                for (field, (value, set)) in record.schema.fields.iter().zip(&record.fields) {
                    if *set && *value != Data::Null {
                        map.serialize_entry(field.alias.unwrap_or(field.name), &SpecView(value))?;
                    }
                }
                map.end()
            }
            other => other.serialize(serializer),
        }
    }
}
