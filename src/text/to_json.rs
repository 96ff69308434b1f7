//! Values as JSON text: as short as it gets, or as Python's `json.dumps` writes it.
//!
//! One formatter for both, so that the compiled module holds the code of each type once.

use super::float::float_text;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::fmt::Write as _;
use std::io;

/// Why a value cannot be written as JSON.
pub type NotJson = serde_json::Error;

/// The text of `JSON.stringify`: no spaces, and as few escapes as JSON allows, but for characters that nobody sees and
/// that steer terminals ([`is_unseen`]).
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

/// Where bytes go. JSON is written in many parts of one byte, for which a general copy takes longer
/// than all else.
#[derive(Debug, Default)]
pub(crate) struct Out(pub(crate) Vec<u8>);

impl Out {
    /// Appends a value.
    fn add<T: Serialize + ?Sized>(&mut self, value: &T, is_python: bool) -> Result<(), NotJson> {
        let notation = Notation { is_python };
        value.serialize(&mut Serializer::with_formatter(self, notation))
    }

    /// Appends a value that JSON can write: every key is a string and no number is NaN.
    pub(crate) fn json<T: Serialize + ?Sized>(&mut self, value: &T) {
        let _ = self.add(value, false);
    }

    /// Appends text as it is.
    pub(crate) fn text(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// What was appended, which is looked through once more.
    pub(crate) fn into_text(self) -> Result<String, NotJson> {
        String::from_utf8(self.0).map_err(serde::ser::Error::custom)
    }
}

impl io::Write for Out {
    #[inline]
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        match part {
            [byte] => self.0.push(*byte),
            _ => self.0.extend_from_slice(part),
        }
        Ok(part.len())
    }

    #[inline]
    fn write_all(&mut self, part: &[u8]) -> io::Result<()> {
        self.write(part).map(|_| ())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Appends an integer. The general formatter takes several times as long.
pub(crate) fn push_integer(out: &mut String, value: i64) {
    let mut digits = [0; 20];
    let mut rest = value.unsigned_abs();
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
    if value < 0 {
        out.push('-');
    }
    let digits = digits.iter().skip(digits.len() - length);
    out.extend(digits.map(|digit| char::from(*digit)));
}

/// Appends a JSON string to JSON that is written by hand.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\u{0}'..='\u{1f}' => push_escape(out, character),
            _ if is_unseen(character) => push_escape(out, character),
            _ => out.push(character),
        }
    }
    out.push('"');
}

fn push_escape(out: &mut String, character: char) {
    let _ = write!(out, "\\u{:04x}", u32::from(character));
}

/// Whether a character has no form of its own and changes how others are shown, or is none in XML and YAML: further
/// controls, zero widths, directions, what is no character. All are of the first plane.
pub(super) fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{fffe}'..='\u{ffff}'
    )
}

struct Notation {
    is_python: bool,
}

impl Notation {
    fn separate<W: ?Sized + io::Write>(&self, writer: &mut W, first: bool) -> io::Result<()> {
        match (first, self.is_python) {
            (true, _) => Ok(()),
            (false, false) => writer.write_all(b","),
            (false, true) => writer.write_all(b", "),
        }
    }
}

impl Formatter for Notation {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.separate(writer, first)
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.separate(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(if self.is_python { b": " } else { b":" })
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(float_text(value).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // The delete character is ASCII, but Python escapes it all the same.
        let is_plain = |byte: u8| byte.is_ascii() && (byte != 0x7f || !self.is_python);
        if fragment.bytes().all(is_plain) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut escaped = String::with_capacity(fragment.len() * 2);
        for character in fragment.chars() {
            let is_raw = match self.is_python {
                true => character.is_ascii() && character != '\u{7f}',
                false => !is_unseen(character),
            };
            if is_raw {
                escaped.push(character);
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                escaped.push_str("\\u");
                for shift in [12, 8, 4, 0] {
                    escaped.extend(char::from_digit(u32::from(*unit >> shift) & 0xf, 16));
                }
            }
        }
        writer.write_all(escaped.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::{push_integer, push_string, to_json, to_python_json};
    use crate::text::parse_json;

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
    fn nothing_unseen_is_written() {
        let unseen = "\u{9b}\u{202e}\u{200b}\u{2028}\u{2066}\u{feff}\u{fffe}é😀\u{a0}";
        let wanted = r#""\u009b\u202e\u200b\u2028\u2066\ufeff\ufffeé😀"#.to_owned() + "\u{a0}\"";
        assert_eq!(to_json(unseen).expect("can be written"), wanted);
        let mut pushed = String::new();
        push_string(&mut pushed, unseen);
        assert_eq!(pushed, wanted);
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
