//! Writing the tree by serde.

use super::tree::{Member, Node, Object, Value};
use serde::ser::Error;
use serde::{Serialize, Serializer};
use std::borrow::Cow;

/// Writes a decimal integer of any size that the format can hold.
pub(crate) fn serialize_big_integer<S: Serializer>(
    text: &str,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if let Ok(value) = text.parse::<u64>() {
        return serializer.serialize_u64(value);
    }
    match text.parse::<i128>() {
        Ok(value) => serializer.serialize_i128(value),
        Err(_) => Err(S::Error::custom("an integer is beyond 128 bits")),
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::BigInt(text) => serialize_big_integer(text, serializer),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(nodes) => serializer.collect_seq(nodes),
            Value::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|member| (&member.key, &member.value)))
    }
}

impl Value<'_> {
    /// The same value, independent of the text that it was read from.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(value) => Value::Bool(value),
            Value::Int(value) => Value::Int(value),
            Value::BigInt(text) => Value::BigInt(Cow::Owned(text.into_owned())),
            Value::Float(value) => Value::Float(value),
            Value::String(text) => Value::String(Cow::Owned(text.into_owned())),
            Value::Array(nodes) => Value::Array(nodes.into_iter().map(Node::into_owned).collect()),
            Value::Object(object) => Value::Object(object.into_owned()),
        }
    }
}

impl Node<'_> {
    /// The same node, independent of the text that it was read from.
    pub fn into_owned(self) -> Node<'static> {
        Node {
            at: self.at,
            value: self.value.into_owned(),
        }
    }
}

impl Object<'_> {
    /// The same mapping, independent of the text that it was read from.
    pub fn into_owned(self) -> Object<'static> {
        let own = |member: Member<'_>| Member {
            key: Cow::Owned(member.key.into_owned()),
            at: member.at,
            value: member.value.into_owned(),
        };
        Object {
            members: self.members.into_iter().map(own).collect(),
        }
    }
}
