//! The tree that text is read into.

use crate::map::Index;
use std::borrow::Cow;

/// A place in a text: 1-based line and 1-based column, the column counted in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    /// 1-based line.
    pub line: u32,
    /// 1-based column in Unicode scalar values.
    pub column: u32,
}

impl Position {
    /// A position, saturating at `u32::MAX`.
    pub fn new(line: usize, column: usize) -> Self {
        Position {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }
}

/// One document of a text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document<'a> {
    /// The document's value.
    pub root: Node<'a>,
    /// Keys that were written more than once in a mapping, where they stand again. The last
    /// value won.
    pub duplicates: Vec<(Position, String)>,
    /// Where `yes`, `no`, `on` and `off` stand without quotes, in ascending order: they are text here and booleans to
    /// kubectl.
    pub words: Vec<Position>,
}

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node<'a> {
    /// Where the value begins.
    pub at: Position,
    /// The value.
    pub value: Value<'a>,
}

/// What JSON, and YAML's core schema, can say.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value<'a> {
    /// `null`
    #[default]
    Null,
    /// `true`, `false`
    Bool(bool),
    /// An integer of at most 64 bits.
    Int(i64),
    /// An integer beyond 64 bits, as written, without a `+`.
    BigInt(Cow<'a, str>),
    /// A number with a fraction or an exponent, an infinity or not-a-number.
    Float(f64),
    /// Text.
    String(Cow<'a, str>),
    /// A sequence.
    Array(Vec<Node<'a>>),
    /// A mapping.
    Object(Object<'a>),
}

/// A mapping in the order of its first mentions; keys are unique.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object<'a> {
    /// The entries.
    pub members: Vec<Member<'a>>,
}

/// One entry of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Member<'a> {
    /// The key's text.
    pub key: Cow<'a, str>,
    /// Where the key begins.
    pub at: Position,
    /// The value.
    pub value: Node<'a>,
}

// === impl Object ===

impl<'a> Object<'a> {
    /// The value under `key`. Linear: meant for records, not for large maps.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.member(key).map(|member| &member.value)
    }

    /// The entry under `key`.
    pub fn member(&self, key: &str) -> Option<&Member<'a>> {
        self.members.iter().find(|member| member.key == key)
    }

    /// The entries in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Member<'a>> {
        self.members.iter()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Builds a mapping in which the last value of a repeated key wins, in the place of the
    /// first, as Python's `dict` and `json` do. Repetitions are appended to `duplicates`.
    pub(super) fn from_entries(
        entries: Vec<Member<'a>>,
        duplicates: &mut Vec<(Position, String)>,
    ) -> Self {
        if !has_repeated_key(&entries) {
            return Object { members: entries };
        }
        let mut index = Index::default();
        let mut members: Vec<Member<'a>> = Vec::with_capacity(entries.len());
        for entry in entries {
            let at = index.get_or_insert(entry.key.clone(), members.len());
            match members.get_mut(at) {
                Some(earlier) => {
                    duplicates.push((entry.at, entry.key.into_owned()));
                    earlier.value = entry.value;
                }
                None => members.push(entry),
            }
        }
        Object { members }
    }
}

fn has_repeated_key(entries: &[Member<'_>]) -> bool {
    // Records are short; comparing all pairs beats building a set.
    if entries.len() <= 12 {
        return entries.iter().enumerate().any(|(at, entry)| {
            entries
                .iter()
                .take(at)
                .any(|earlier| earlier.key == entry.key)
        });
    }
    let mut seen = Index::default();
    !entries.iter().all(|entry| seen.add(entry.key.as_ref()))
}

// === impl Node ===

impl<'a> Node<'a> {
    /// The mapping, if it is one.
    pub fn as_object(&self) -> Option<&Object<'a>> {
        match &self.value {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The elements, if it is a sequence.
    pub fn as_array(&self) -> Option<&[Node<'a>]> {
        match &self.value {
            Value::Array(nodes) => Some(nodes),
            _ => None,
        }
    }

    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match &self.value {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The entry under `key`, if it is a mapping that has one.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.as_object().and_then(|object| object.get(key))
    }

    /// A scalar as text: a name written `8080` or `true` in YAML is still a name.
    pub fn scalar_text(&self) -> Option<Cow<'_, str>> {
        match &self.value {
            Value::String(text) | Value::BigInt(text) => Some(Cow::Borrowed(text)),
            Value::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
            Value::Int(value) => Some(Cow::Owned(value.to_string())),
            Value::Float(value) => Some(Cow::Owned(super::float_text(*value))),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// What kind of value it is, for error messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::BigInt(_) => "an integer",
            Value::Float(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "a mapping",
        }
    }
}
