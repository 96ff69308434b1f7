//! A JSON reader that accepts what Python's `json.loads` accepts, and keeps positions.
//!
//! Databags are written and read by Python charms, so its extensions count: `NaN`, `Infinity`,
//! integers of any size, and repeated keys of which the last wins. The one thing it cannot take is
//! an unpaired surrogate, which UTF-8 cannot hold.

use super::float::parse_float;
use super::tree::{Document, Member, Node, Object, Position, Value};
use super::{MAX_DEPTH, MAX_INPUT, TextError};
use std::borrow::Cow;

pub(super) const MALFORMED: &str = "malformed-json";

/// Reads one JSON text.
pub fn parse_json(text: &str) -> Result<Document<'_>, TextError> {
    if text.len() > MAX_INPUT {
        return Err(TextError::too_large());
    }
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        offset: 0,
        line: 1,
        line_start: 0,
        continuation_bytes: 0,
        duplicates: Vec::new(),
    };
    reader.skip_whitespace();
    let root = reader.value(0)?;
    reader.skip_whitespace();
    if reader.offset < reader.bytes.len() {
        return Err(reader.malformed("there is more text after the JSON value"));
    }
    Ok(Document {
        root,
        duplicates: reader.duplicates,
        words: Vec::new(),
    })
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    offset: usize,
    line: usize,
    line_start: usize,
    /// UTF-8 continuation bytes since `line_start`: what a column in bytes is too large by.
    continuation_bytes: usize,
    duplicates: Vec<(Position, String)>,
}

impl<'a> Reader<'a> {
    fn position(&self) -> Position {
        let bytes = self.offset.saturating_sub(self.line_start);
        Position::new(self.line, bytes.saturating_sub(self.continuation_bytes) + 1)
    }

    fn malformed(&self, message: impl Into<String>) -> TextError {
        TextError::new(MALFORMED, message, self.position())
    }

    // Called for every byte: where the compiler optimises for size, only this makes it part of the loops.
    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.offset).copied()
    }

    fn skip_whitespace(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' => self.offset += 1,
                b'\n' => {
                    self.offset += 1;
                    self.line += 1;
                    self.line_start = self.offset;
                    self.continuation_bytes = 0;
                }
                _ => return,
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, TextError> {
        let at = self.position();
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            Some(b'N') => self.word("NaN", Value::Float(f64::NAN))?,
            Some(b'I') => self.word("Infinity", Value::Float(f64::INFINITY))?,
            Some(_) => return Err(self.malformed("expected a JSON value")),
            None => return Err(self.malformed("the text ends where a JSON value should be")),
        };
        Ok(Node { at, value })
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, TextError> {
        let end = self.offset + word.len();
        if self.bytes.get(self.offset..end) != Some(word.as_bytes()) {
            return Err(self.malformed("expected a JSON value"));
        }
        self.offset = end;
        Ok(value)
    }

    fn enter(&mut self, depth: usize) -> Result<(), TextError> {
        if depth >= MAX_DEPTH {
            return Err(TextError::new(
                "nested-too-deeply",
                format!("the text nests more than {MAX_DEPTH} collections"),
                self.position(),
            ));
        }
        self.offset += 1;
        self.skip_whitespace();
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, TextError> {
        self.enter(depth)?;
        if self.peek() == Some(b']') {
            self.offset += 1;
            return Ok(Value::Array(Vec::new()));
        }
        // Most are short and there may be millions: left to itself, a list begins with room for four.
        let mut nodes = Vec::with_capacity(2);
        loop {
            nodes.push(self.value(depth + 1)?);
            self.skip_whitespace();
            match self.peek() {
                Some(b',') => self.offset += 1,
                Some(b']') => break,
                _ => return Err(self.malformed("expected `,` or `]`")),
            }
            self.skip_whitespace();
        }
        self.offset += 1;
        Ok(Value::Array(nodes))
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, TextError> {
        self.enter(depth)?;
        if self.peek() == Some(b'}') {
            self.offset += 1;
            return Ok(Value::Object(Object::default()));
        }
        let mut entries = Vec::with_capacity(1);
        loop {
            let at = self.position();
            if self.peek() != Some(b'"') {
                return Err(self.malformed("expected a key in double quotes"));
            }
            let key = self.string()?;
            self.skip_whitespace();
            if self.peek() != Some(b':') {
                return Err(self.malformed("expected `:` after the key"));
            }
            self.offset += 1;
            self.skip_whitespace();
            let value = self.value(depth + 1)?;
            entries.push(Member { key, at, value });
            self.skip_whitespace();
            match self.peek() {
                Some(b',') => self.offset += 1,
                Some(b'}') => break,
                _ => return Err(self.malformed("expected `,` or `}`")),
            }
            self.skip_whitespace();
        }
        self.offset += 1;
        Ok(Value::Object(Object::from_entries(
            entries,
            &mut self.duplicates,
        )))
    }

    /// Reads a string; borrows it where it holds no escape.
    fn string(&mut self) -> Result<Cow<'a, str>, TextError> {
        self.offset += 1;
        let start = self.offset;
        let end = self.plain_run()?;
        let plain = self.text.get(start..end).unwrap_or_default();
        if self.peek() == Some(b'"') {
            self.offset += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = String::from(plain);
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.offset += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => {
                    let start = self.offset;
                    let end = self.plain_run()?;
                    text.push_str(self.text.get(start..end).unwrap_or_default());
                }
            }
        }
    }

    /// Moves to the next quote or backslash and returns its offset.
    fn plain_run(&mut self) -> Result<usize, TextError> {
        loop {
            match self.peek() {
                Some(b'"' | b'\\') => return Ok(self.offset),
                Some(0x00..=0x1f) => {
                    return Err(self.malformed("a control character in a string must be escaped"));
                }
                Some(byte) => {
                    self.offset += 1;
                    if (0x80..0xc0).contains(&byte) {
                        self.continuation_bytes += 1;
                    }
                }
                None => return Err(self.malformed("the text ends inside a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, TextError> {
        let at = self.position();
        self.offset += 1;
        let letter = self.peek();
        self.offset += 1;
        Ok(match letter {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => self.unicode_escape(at)?,
            _ => return Err(TextError::new(MALFORMED, "this escape is not JSON", at)),
        })
    }

    fn unicode_escape(&mut self, at: Position) -> Result<char, TextError> {
        let surrogate = || {
            TextError::new(
                "lone-surrogate",
                "an unpaired surrogate cannot be read: it is no character",
                at,
            )
        };
        let first = self.hex4(at)?;
        let code = if (0xd800..0xdc00).contains(&first) {
            if self.bytes.get(self.offset..self.offset + 2) != Some(b"\\u") {
                return Err(surrogate());
            }
            self.offset += 2;
            let second = self.hex4(at)?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(surrogate());
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(surrogate)
    }

    fn hex4(&mut self, at: Position) -> Result<u32, TextError> {
        let digits = self.bytes.get(self.offset..self.offset + 4);
        self.offset += 4;
        digits
            .and_then(|digits| {
                digits.iter().try_fold(0, |code, digit| {
                    Some(code * 16 + char::from(*digit).to_digit(16)?)
                })
            })
            .ok_or_else(|| TextError::new(MALFORMED, "`\\u` needs four hexadecimal digits", at))
    }

    fn number(&mut self) -> Result<Value<'a>, TextError> {
        let start = self.offset;
        if self.peek() == Some(b'-') {
            self.offset += 1;
            if self.peek() == Some(b'I') {
                return self.word("Infinity", Value::Float(f64::NEG_INFINITY));
            }
        }
        match self.peek() {
            Some(b'0') => self.offset += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.malformed("expected a digit")),
        }
        let mut is_float = false;
        if self.peek() == Some(b'.') {
            is_float = true;
            self.offset += 1;
            self.some_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            is_float = true;
            self.offset += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.offset += 1;
            }
            self.some_digits()?;
        }
        let text = self.text.get(start..self.offset).unwrap_or_default();
        if is_float {
            return Ok(Value::Float(parse_float(text)));
        }
        Ok(match text.parse::<i64>() {
            Ok(value) => Value::Int(value),
            Err(_) => Value::BigInt(Cow::Borrowed(text)),
        })
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.offset += 1;
        }
    }

    fn some_digits(&mut self) -> Result<(), TextError> {
        let start = self.offset;
        self.digits();
        if self.offset == start {
            return Err(self.malformed("expected a digit"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> Value<'_> {
        match parse_json(text) {
            Ok(document) => document.root.value,
            Err(error) => Value::String(error.to_string().into()),
        }
    }

    #[test]
    fn reads_what_python_reads() {
        assert_eq!(root(" 12 "), Value::Int(12));
        assert_eq!(root("-0"), Value::Int(0));
        assert_eq!(root("1E2"), Value::Float(100.0));
        assert_eq!(root("-Infinity"), Value::Float(f64::NEG_INFINITY));
        assert_eq!(
            root("18446744073709551616"),
            Value::BigInt("18446744073709551616".into())
        );
        assert_eq!(
            root(r#""\ud83d\ude00\u007f/""#),
            Value::String("😀\u{7f}/".into())
        );
    }

    #[test]
    fn refuses_with_a_place() {
        for (text, line, column) in [
            ("", 1, 1),
            ("[1,]", 1, 4),
            ("{\"é\": 1,\n 2}", 2, 2),
            ("\"\\ud800\"", 1, 2),
            ("[\"é\" x", 1, 6),
            ("01", 1, 2),
            ("\"a\nb\"", 1, 3),
            ("nul", 1, 1),
        ] {
            let error = parse_json(text).expect_err(text);
            assert_eq!(error.at, Position::new(line, column), "{text}: {error}");
        }
    }

    #[test]
    fn last_of_a_repeated_key_wins_in_the_place_of_the_first() {
        let document = parse_json(r#"{"a": 1, "b": 2, "a": 3}"#).expect("is JSON");
        let object = document.root.as_object().expect("is an object");
        let keys: Vec<_> = object.iter().map(|member| member.key.as_ref()).collect();
        assert_eq!(keys, ["a", "b"]);
        assert_eq!(
            object.get("a").map(|node| &node.value),
            Some(&Value::Int(3))
        );
        assert_eq!(
            document.duplicates,
            [(Position::new(1, 18), "a".to_owned())]
        );
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "[".repeat(100_000);
        assert_eq!(
            parse_json(&deep).expect_err("too deep").code,
            "nested-too-deeply"
        );
    }
}
