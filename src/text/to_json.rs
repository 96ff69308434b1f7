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

/// The newtype by which an integer beyond 64 bits reaches this serializer; another one sees text.
const BIG_INTEGER: &str = "$mesh-policy::BigInteger";

/// Writes an integer of any size, given in decimal.
pub(crate) fn serialize_big_integer<S: Serializer>(
    text: &str,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct(BIG_INTEGER, text)
}

/// Why a value cannot be written as JSON: a key that is no text, or a variant with several fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotJson;

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value has a key that is no text, or a variant with several fields")
    }
}

impl std::error::Error for NotJson {}

impl serde::ser::Error for NotJson {
    fn custom<T: fmt::Display>(_: T) -> Self {
        NotJson
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
    let mut writer = Writer {
        out: String::new(),
        is_python,
        is_raw: false,
    };
    value.serialize(&mut writer)?;
    Ok(writer.out)
}

struct Writer {
    out: String,
    is_python: bool,
    /// The next text is the digits of a number.
    is_raw: bool,
}

impl Writer {
    fn string(&mut self, text: &str) {
        if self.is_raw {
            self.is_raw = false;
            self.out.push_str(text);
            return;
        }
        self.out.push('"');
        let is_python = self.is_python;
        let is_plain =
            |byte: u8| byte >= b' ' && !matches!(byte, b'"' | b'\\') && !(is_python && byte > b'~');
        if text.bytes().all(is_plain) {
            self.out.push_str(text);
        } else {
            self.escaped(text);
        }
        self.out.push('"');
    }

    #[cold]
    fn escaped(&mut self, text: &str) {
        for character in text.chars() {
            let short = match character {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\u{8}' => "\\b",
                '\u{c}' => "\\f",
                ' '..='~' => {
                    self.out.push(character);
                    continue;
                }
                // Python escapes the delete character too.
                '\u{7f}'.. if !self.is_python => {
                    self.out.push(character);
                    continue;
                }
                _ => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        self.out.push_str("\\u");
                        for shift in [12, 8, 4, 0] {
                            let digit = u32::from(*unit >> shift) & 0xf;
                            self.out.extend(char::from_digit(digit, 16));
                        }
                    }
                    continue;
                }
            };
            self.out.push_str(short);
        }
    }

    fn open(&mut self, bracket: char, close: char) -> Collection<'_> {
        self.out.push(bracket);
        Collection {
            writer: self,
            is_empty: true,
            close,
        }
    }

    /// `{"variant": value}`
    fn variant<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), NotJson> {
        let mut map = self.open('{', '}');
        map.key(name)?;
        map.value(value)?;
        map.close()
    }
}

/// Appends an integer. The general formatter takes several times as long.
pub(crate) fn push_integer(out: &mut String, value: i64) {
    if value < 0 {
        out.push('-');
    }
    push_natural(out, value.unsigned_abs());
}

fn push_natural(out: &mut String, mut rest: u64) {
    let mut digits = [0; 20];
    let mut length = 0;
    for digit in digits.iter_mut().rev() {
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
    let digits = digits.iter().skip(digits.len() - length);
    out.extend(digits.map(|digit| char::from(*digit)));
}

/// An array or an object that is being written.
struct Collection<'w> {
    writer: &'w mut Writer,
    is_empty: bool,
    close: char,
}

impl Collection<'_> {
    fn separate(&mut self) {
        if !self.is_empty {
            self.writer.out.push(',');
            if self.writer.is_python {
                self.writer.out.push(' ');
            }
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
        if self.writer.out.as_bytes().get(start) != Some(&b'"') {
            return Err(NotJson);
        }
        self.writer.out.push(':');
        if self.writer.is_python {
            self.writer.out.push(' ');
        }
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
        self.out.push_str(if value { "true" } else { "false" });
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
        push_integer(&mut self.out, value);
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
        push_natural(&mut self.out, value);
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
        self.out.push_str(&float_text(value));
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
        self.out.push_str("null");
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
        name: &'static str,
        value: &T,
    ) -> Result<(), NotJson> {
        self.is_raw = name == BIG_INTEGER;
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
        Ok(self.open('[', ']'))
    }

    fn serialize_tuple(self, _: usize) -> Result<Collection<'w>, NotJson> {
        Ok(self.open('[', ']'))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Collection<'w>, NotJson> {
        Ok(self.open('[', ']'))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), NotJson>, NotJson> {
        Err(NotJson)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Collection<'w>, NotJson> {
        Ok(self.open('{', '}'))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Collection<'w>, NotJson> {
        Ok(self.open('{', '}'))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), NotJson>, NotJson> {
        Err(NotJson)
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
        self.writer.out.push(':');
        if self.writer.is_python {
            self.writer.out.push(' ');
        }
        self.value(value)
    }

    fn end(self) -> Result<(), NotJson> {
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use super::{to_json, to_python_json};
    use crate::text::parse_json;
    use std::collections::BTreeMap;

    #[test]
    fn writes_what_serde_json_writes() {
        let all: String = (0..0x3000).filter_map(char::from_u32).collect();
        let value = (
            [Some(true), None],
            [i64::MIN, -1, 0, 9, 10, i64::MAX],
            [u64::MAX, 1],
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
    fn writes_what_python_writes() {
        let text = r#"{"a":[1,"\u007f\u0001é😀/\b\f",{}],"b":{"c":null,"d":1e22,"e":-123456789012345678901234567890123456789012}}"#;
        let tree = parse_json(text).expect("is JSON").root;
        let wanted = r#"{"a": [1, "\u007f\u0001\u00e9\ud83d\ude00/\b\f", {}], "b": {"c": null, "d": 1e+22, "e": -123456789012345678901234567890123456789012}}"#;
        assert_eq!(to_python_json(&tree).as_deref(), Ok(wanted));
    }
}
