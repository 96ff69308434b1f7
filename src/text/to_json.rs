//! Values as JSON text: as short as it gets, or as Python's `json.dumps` writes it.
//!
//! One serializer for all that the project writes, so that the compiled module holds the code of
//! each type once.

use super::float::float_text;
use serde::ser::{
    Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple,
    SerializeTupleStruct, Serializer,
};
use std::fmt;

/// Why a value cannot be written as JSON, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotJson(String);

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotJson {}

impl serde::ser::Error for NotJson {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        NotJson(reason.to_string())
    }
}

/// The text of `JSON.stringify`: no spaces, and as few escapes as JSON allows.
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, NotJson> {
    write(value, false)
}

/// The text of Python's `json.dumps`: ASCII only, a space after each comma and colon.
pub fn to_python_json<T: Serialize + ?Sized>(value: &T) -> Result<String, NotJson> {
    write(value, true)
}

fn write<T: Serialize + ?Sized>(value: &T, is_python: bool) -> Result<String, NotJson> {
    let mut out = Out::default();
    out.add(value, is_python)?;
    out.into_text()
}

/// JSON text that grows.
#[derive(Default)]
pub(crate) struct Out(pub(crate) Vec<u8>);

impl Out {
    /// Appends a value.
    pub(crate) fn add<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        is_python: bool,
    ) -> Result<(), NotJson> {
        let mut writer = Writer {
            out: std::mem::take(&mut self.0),
            is_python,
        };
        let written = value.serialize(&mut writer);
        self.0 = writer.out;
        written
    }

    /// What was appended, which is looked through once more.
    pub(crate) fn into_text(self) -> Result<String, NotJson> {
        String::from_utf8(self.0).map_err(serde::ser::Error::custom)
    }
}

struct Writer {
    /// UTF-8. A string takes characters, which must be encoded, where this takes bytes.
    out: Vec<u8>,
    is_python: bool,
}

impl Writer {
    fn string(&mut self, text: &str) {
        self.out.push(b'"');
        if is_plain(text, self.is_python) {
            self.out.extend_from_slice(text.as_bytes());
        } else {
            let escaped = escaped(text, self.is_python);
            self.out.extend_from_slice(escaped.as_bytes());
        }
        self.out.push(b'"');
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn open(&mut self, bracket: u8, close: u8) -> Collection<'_> {
        self.out.push(bracket);
        Collection {
            writer: self,
            is_empty: true,
            close,
        }
    }

    /// A comma or a colon.
    #[inline]
    fn separate(&mut self, separator: u8) {
        self.out.push(separator);
        if self.is_python {
            self.out.push(b' ');
        }
    }

    /// `{"variant": value}`
    fn variant<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), NotJson> {
        let mut map = self.open(b'{', b'}');
        map.key(name)?;
        map.value(value)?;
        map.close()
    }
}

/// Whether nothing in a text must be escaped. Most of the output goes through this loop: it stays one where the compiler
/// optimises for size and would call a closure for each byte.
#[inline]
pub(crate) fn is_plain(text: &str, is_python: bool) -> bool {
    let last = if is_python { b'~' } else { u8::MAX };
    for byte in text.as_bytes() {
        if *byte < b' ' || *byte == b'"' || *byte == b'\\' || *byte > last {
            return false;
        }
    }
    true
}

#[cold]
fn escaped(text: &str, is_python: bool) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            // Python escapes the delete character too.
            '\u{7f}'.. if !is_python => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.push_str("\\u");
                    for shift in [12, 8, 4, 0] {
                        out.extend(char::from_digit(u32::from(*unit >> shift) & 0xf, 16));
                    }
                }
            }
        }
    }
    out
}

/// Appends an integer. The general formatter takes several times as long.
pub(crate) fn push_integer(out: &mut String, value: i64) {
    if value < 0 {
        out.push('-');
    }
    for digit in digits(value.unsigned_abs(), &mut [0; 20]) {
        out.push(char::from(*digit));
    }
}

/// The digits of a number, at the end of a buffer that holds any.
fn digits(mut rest: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut length = 0;
    for digit in buffer.iter_mut().rev() {
        // A remainder by ten fits.
        #[allow(clippy::cast_possible_truncation)]
        let last = (rest % 10) as u8;
        *digit = b'0' + last;
        length += 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    buffer.get(buffer.len() - length..).unwrap_or_default()
}

fn several_fields() -> NotJson {
    NotJson("a variant has several fields".to_owned())
}

/// An array or an object that is being written.
struct Collection<'w> {
    writer: &'w mut Writer,
    is_empty: bool,
    close: u8,
}

impl Collection<'_> {
    fn separate(&mut self) {
        if !self.is_empty {
            self.writer.separate(b',');
        }
        self.is_empty = false;
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotJson> {
        self.separate();
        value.serialize(&mut *self.writer)
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NotJson> {
        self.separate();
        let start = self.writer.out.len();
        key.serialize(&mut *self.writer)?;
        if self.writer.out.get(start) != Some(&b'"') {
            return Err(NotJson("a key is not text".to_owned()));
        }
        self.writer.separate(b':');
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotJson> {
        value.serialize(&mut *self.writer)
    }

    fn close(self) -> Result<(), NotJson> {
        self.writer.out.push(self.close);
        Ok(())
    }
}

impl<'w> Serializer for &'w mut Writer {
    type Ok = ();
    type Error = NotJson;
    type SerializeSeq = Collection<'w>;
    type SerializeTuple = Collection<'w>;
    type SerializeTupleStruct = Collection<'w>;
    type SerializeTupleVariant = Impossible<(), NotJson>;
    type SerializeMap = Collection<'w>;
    type SerializeStruct = Collection<'w>;
    type SerializeStructVariant = Impossible<(), NotJson>;

    fn serialize_bool(self, value: bool) -> Result<(), NotJson> {
        self.text(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), NotJson> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i16(self, value: i16) -> Result<(), NotJson> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i32(self, value: i32) -> Result<(), NotJson> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i64(self, value: i64) -> Result<(), NotJson> {
        if value < 0 {
            self.out.push(b'-');
        }
        self.serialize_u64(value.unsigned_abs())
    }

    fn serialize_i128(self, value: i128) -> Result<(), NotJson> {
        self.text(&value.to_string());
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), NotJson> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_u16(self, value: u16) -> Result<(), NotJson> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_u32(self, value: u32) -> Result<(), NotJson> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_u64(self, value: u64) -> Result<(), NotJson> {
        self.out.extend_from_slice(digits(value, &mut [0; 20]));
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), NotJson> {
        self.serialize_f64(f64::from(value))
    }

    /// JSON has no word for what is not finite: `null`.
    fn serialize_f64(self, value: f64) -> Result<(), NotJson> {
        if !value.is_finite() {
            return self.serialize_unit();
        }
        self.text(&float_text(value));
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), NotJson> {
        self.string(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), NotJson> {
        self.string(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), NotJson> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<(), NotJson> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), NotJson> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), NotJson> {
        self.text("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), NotJson> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), NotJson> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), NotJson> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), NotJson> {
        self.variant(variant, value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Collection<'w>, NotJson> {
        Ok(self.open(b'[', b']'))
    }

    fn serialize_tuple(self, _: usize) -> Result<Collection<'w>, NotJson> {
        Ok(self.open(b'[', b']'))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Collection<'w>, NotJson> {
        Ok(self.open(b'[', b']'))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), NotJson>, NotJson> {
        Err(several_fields())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Collection<'w>, NotJson> {
        Ok(self.open(b'{', b'}'))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Collection<'w>, NotJson> {
        Ok(self.open(b'{', b'}'))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), NotJson>, NotJson> {
        Err(several_fields())
    }
}

impl SerializeSeq for Collection<'_> {
    type Ok = ();
    type Error = NotJson;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotJson> {
        self.element(value)
    }

    fn end(self) -> Result<(), NotJson> {
        self.close()
    }
}

impl SerializeTuple for Collection<'_> {
    type Ok = ();
    type Error = NotJson;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotJson> {
        self.element(value)
    }

    fn end(self) -> Result<(), NotJson> {
        self.close()
    }
}

impl SerializeTupleStruct for Collection<'_> {
    type Ok = ();
    type Error = NotJson;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotJson> {
        self.element(value)
    }

    fn end(self) -> Result<(), NotJson> {
        self.close()
    }
}

impl SerializeMap for Collection<'_> {
    type Ok = ();
    type Error = NotJson;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NotJson> {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotJson> {
        self.value(value)
    }

    fn end(self) -> Result<(), NotJson> {
        self.close()
    }
}

impl SerializeStruct for Collection<'_> {
    type Ok = ();
    type Error = NotJson;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), NotJson> {
        self.separate();
        self.writer.string(key);
        self.writer.separate(b':');
        self.value(value)
    }

    fn end(self) -> Result<(), NotJson> {
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use super::{push_integer, to_json, to_python_json};
    use crate::text::parse_json;
    use std::collections::BTreeMap;

    #[test]
    fn writes_what_serde_json_writes() {
        let all: String = (0..0x3000).filter_map(char::from_u32).collect();
        let value = (
            [Some(true), None],
            [i64::MIN, -1, 0, 9, 10, i64::MAX],
            [u64::MAX, 1],
            [i128::MIN, i128::MAX],
            [0.5, -1e-7, 1e300, f64::NAN],
            ("é\u{1f600}\"\\\u{7f}\u{2028}", all, 'x'),
            BTreeMap::from([("a", ()), ("", ())]),
        );
        let wanted = serde_json::to_string(&value).expect("can be written");
        // An exponent's sign is written, as in Python and JavaScript.
        let wanted = wanted.replace("1e300", "1e+300").replace("1e-7", "1e-07");
        assert_eq!(to_json(&value).as_ref(), Ok(&wanted));
        assert!(to_json(&BTreeMap::from([(1, 2)])).is_err());
    }

    #[test]
    fn writes_what_javascript_writes() {
        let text =
            r#"{"a":[1,"\u007f\u0001é😀/\b\f\n",{}],"b":{"c":null,"d":1.5},"e":-9007199254740993}"#;
        let tree = parse_json(text).expect("is JSON").root;
        assert_eq!(
            to_json(&tree).expect("can be written"),
            text.replace("\\u007f", "\u{7f}")
        );
    }

    #[test]
    fn writes_what_python_writes() {
        let text = r#"{"a":[1,"\u007f\u0001é😀/\b\f",{}],"b":{"c":null,"d":1e22}}"#;
        let tree = parse_json(text).expect("is JSON").root;
        let wanted = r#"{"a": [1, "\u007f\u0001\u00e9\ud83d\ude00/\b\f", {}], "b": {"c": null, "d": 1e+22}}"#;
        assert_eq!(to_python_json(&tree).expect("can be written"), wanted);
    }

    #[test]
    fn integers() {
        for value in [i64::MIN, -10, -1, 0, 9, 10, i64::MAX] {
            let mut text = String::new();
            push_integer(&mut text, value);
            assert_eq!(text, value.to_string());
        }
    }
}
