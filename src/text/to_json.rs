//! Values as JSON text: as short as it gets, or as Python's `json.dumps` writes it.

use super::float::float_text;
use serde::Serialize;
use std::io;

/// Why a value cannot be written as JSON.
pub type NotJson = serde_json::Error;

/// The text of `JSON.stringify`: no spaces, and as few escapes as JSON allows.
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, NotJson> {
    serde_json::to_string(value)
}

/// The text of Python's `json.dumps`: ASCII only, a space after each comma and colon.
pub fn to_python_json<T: Serialize + ?Sized>(value: &T) -> Result<String, NotJson> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, PythonFormatter);
    value.serialize(&mut serializer)?;
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
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

struct PythonFormatter;

impl serde_json::ser::Formatter for PythonFormatter {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
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
        let is_plain = |character: char| character.is_ascii() && character != '\u{7f}';
        if fragment.chars().all(is_plain) {
            return writer.write_all(fragment.as_bytes());
        }
        for character in fragment.chars() {
            if is_plain(character) {
                write!(writer, "{character}")?;
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}
