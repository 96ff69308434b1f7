//! What a scalar of YAML stands for.
//!
//! Manifests are read by kubectl, bundles by Juju: both by Go's yaml.v2, which is neither YAML 1.1 nor 1.2. Its numbers
//! are taken, because `0120` cannot be 120 here and 80 in the cluster. Its words for booleans are text, which whoever
//! reads a manifest says: kubectl refuses them where text is wanted, Juju takes them for text there.
//! Source: gopkg.in/yaml.v2, resolve.go.

use super::float::parse_float;
use super::tree::Value;
use saphyr_parser::{ScalarStyle, Tag};
use std::borrow::Cow;

/// Whether Go's reader takes a text without quotes for a boolean, where YAML 1.2 has text. Of `y` and `n`, which are
/// names as well, that is not said.
pub(super) fn is_word(text: &str) -> bool {
    (2..=3).contains(&text.len()) && boolean(text).is_some()
}

/// What Go's reader makes of the words that are text in YAML 1.2.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// The value of a scalar. The error is one lower-case sentence.
pub(super) fn scalar<'a>(
    text: Cow<'a, str>,
    style: ScalarStyle,
    tag: Option<&Tag>,
) -> Result<Value<'a>, String> {
    let core = tag.filter(|tag| tag.is_yaml_core_schema());
    match core.map(|tag| tag.suffix.as_str()) {
        Some("str") => return Ok(Value::String(text)),
        Some("binary") => {
            let bytes =
                base64(&text).ok_or_else(|| format!("`{text}` is not of type `!!binary`"))?;
            let decoded = String::from_utf8_lossy(&bytes).into_owned();
            return Ok(Value::String(decoded.into()));
        }
        Some(name @ ("int" | "float" | "bool" | "null")) => {
            let value = match boolean(&text) {
                Some(value) => Value::Bool(value),
                None => plain(text.clone()),
            };
            let fits = match &value {
                Value::Int(_) | Value::BigInt(_) => name == "int" || name == "float",
                Value::Float(_) => name == "float",
                Value::Bool(_) => name == "bool",
                Value::Null => name == "null",
                _ => false,
            };
            if fits {
                return Ok(value);
            }
            return Err(format!("`{text}` is not of type `!!{name}`"));
        }
        _ => {}
    }
    // A tag of the document's own makes a plain scalar a string, as `!` does.
    if style == ScalarStyle::Plain && tag.is_none() {
        Ok(plain(text))
    } else {
        Ok(Value::String(text))
    }
}

/// Resolves a plain scalar.
fn plain(text: Cow<'_, str>) -> Value<'_> {
    match text.as_ref() {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(&text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Value::Float(if text.starts_with('-') {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        });
    }
    match unsigned.bytes().next() {
        Some(b'0'..=b'9') => {}
        // With a point first `_` is no part of a number.
        Some(b'.') if !unsigned.contains('_') => {}
        _ => return Value::String(text),
    }
    number(&text).unwrap_or(Value::String(text))
}

/// A number as Go's `ParseInt` reads it in base 0, else as a float.
fn number(written: &str) -> Option<Value<'static>> {
    let text = match written.contains('_') {
        true => Cow::Owned(written.replace('_', "")),
        false => Cow::Borrowed(written),
    };
    let sign = if text.starts_with('-') { "-" } else { "" };
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(&text);
    let (radix, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, unsigned.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, unsigned.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, unsigned.get(2..)?),
        [b'0', _, ..] => (8, unsigned.get(1..)?),
        _ => (10, unsigned),
    };
    if !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix)) {
        let signed = match radix {
            10 => text.parse(),
            _ => i64::from_str_radix(&[sign, digits].concat(), radix),
        };
        if let Ok(value) = signed {
            return Some(Value::Int(value));
        }
        if radix == 10 {
            return Some(Value::BigInt(Cow::Owned([sign, digits].concat())));
        }
        if let Ok(value) = u64::from_str_radix(digits, radix)
            && text == unsigned
        {
            return Some(Value::BigInt(Cow::Owned(value.to_string())));
        }
    }
    is_float(unsigned).then(|| Value::Float(parse_float(&text)))
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        None => digits(mantissa),
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
    };
    mantissa_fits
        && exponent
            .is_none_or(|exponent| digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)))
}

/// Base64 with padding, which lines may break.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held, mut letters, mut padding) = (0_u32, 0_u32, 0_usize, 0_usize);
    for letter in text.bytes().filter(|byte| !b"\r\n".contains(byte)) {
        letters += 1;
        if letter == b'=' {
            padding += 1;
            continue;
        }
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
        if padding > 0 {
            return None;
        }
    }
    (letters.is_multiple_of(4) && padding <= 2).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What kubectl makes of each, by `kubectl annotate --local -o json`.
    #[test]
    fn numbers_are_those_of_kubectl() {
        for (text, value) in [
            ("80", Value::Int(80)),
            ("+80", Value::Int(80)),
            ("-80", Value::Int(-80)),
            ("00", Value::Int(0)),
            ("0120", Value::Int(80)),
            ("-0120", Value::Int(-80)),
            ("08", Value::Float(8.0)),
            ("0o17", Value::Int(15)),
            ("0O17", Value::Int(15)),
            ("0b11", Value::Int(3)),
            ("-0b11", Value::Int(-3)),
            ("0x1F", Value::Int(31)),
            ("0X1f", Value::Int(31)),
            ("-0x1F", Value::Int(-31)),
            ("0x_1F", Value::Int(31)),
            ("0_x1F", Value::Int(31)),
            ("1_000", Value::Int(1000)),
            ("0_1", Value::Int(1)),
            ("1__0", Value::Int(10)),
            ("1_", Value::Int(1)),
            ("1_000.5", Value::Float(1000.5)),
            ("1_e3", Value::Float(1000.0)),
            ("1.5e3", Value::Float(1500.0)),
            ("1.e3", Value::Float(1000.0)),
            ("5.", Value::Float(5.0)),
            (".5", Value::Float(0.5)),
            ("-.5", Value::Float(-0.5)),
            (
                "9223372036854775808",
                Value::BigInt("9223372036854775808".into()),
            ),
            (
                "0x8000000000000000",
                Value::BigInt("9223372036854775808".into()),
            ),
            (
                "-99999999999999999999",
                Value::BigInt("-99999999999999999999".into()),
            ),
            ("-0099999999999999999999", Value::Float(-1e20)),
        ] {
            assert_eq!(plain(text.into()), value, "{text}");
        }
        for text in [
            "_1",
            "1:20",
            "1:20.5",
            ".e3",
            "._5",
            "1e",
            "--1",
            "1.2.3",
            "0x",
            "0b",
            "0o",
            "0o8",
            "0b2",
            "e3",
            "0xFFFFFFFFFFFFFFFFFF",
            "2020-01-01",
            "80-90",
            "/foo/*",
            "８０",
            "yes",
            "n",
            "tRue",
            "-",
        ] {
            assert_eq!(plain(text.into()), Value::String(text.into()), "{text}");
        }
    }

    #[test]
    fn words() {
        for (text, value) in [
            ("~", Value::Null),
            ("", Value::Null),
            ("True", Value::Bool(true)),
            ("On", Value::String("On".into())),
            ("tRUE", Value::String("tRUE".into())),
        ] {
            assert_eq!(plain(text.into()), value, "{text}");
        }
        for text in ["yes", "On", "NO", "off"] {
            assert!(is_word(text), "{text}");
        }
        for text in ["yEs", "true", "y", "N", "", "o", "one"] {
            assert!(!is_word(text), "{text}");
        }
    }

    #[test]
    fn tags() {
        let read = |tag: &str, text: &'static str, style| {
            let tag = Tag {
                handle: "tag:yaml.org,2002:".into(),
                suffix: tag.into(),
            };
            scalar(text.into(), style, Some(&tag))
        };
        use ScalarStyle::{DoubleQuoted, Plain};
        for (tag, text, value) in [
            ("str", "80", Value::String("80".into())),
            ("int", "0120", Value::Int(80)),
            ("float", "80", Value::Int(80)),
            ("bool", "yes", Value::Bool(true)),
            ("null", "", Value::Null),
            ("binary", "aGk=", Value::String("hi".into())),
            ("binary", "aGkh\nIQ==", Value::String("hi!!".into())),
            ("binary", "", Value::String("".into())),
        ] {
            assert_eq!(read(tag, text, Plain), Ok(value), "{tag} {text}");
        }
        assert_eq!(read("int", "80", DoubleQuoted), Ok(Value::Int(80)));
        for (tag, text) in [
            ("int", "yes"),
            ("bool", "1"),
            ("binary", "aGk"),
            ("binary", "a=Gk"),
            ("binary", "a==="),
            ("binary", "a Gk"),
            ("binary", "é"),
        ] {
            assert!(read(tag, text, Plain).is_err(), "{tag} {text}");
        }
    }
}
