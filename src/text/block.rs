//! The YAML that is mostly written, read without a tokenizer: block mappings and sequences, scalars
//! on one line, flow collections on one line, comments.
//!
//! It reads one document at a time. What it does not know for sure (anchors, tags, block scalars,
//! scalars of several lines, tabs, whatever is wrong) it does not read at all, and
//! [`super::yaml`] does; so it need not know YAML, only what it reads. `block_test` holds the two
//! against each other.

use super::tree::{Member, Node, Object, Position, Value};
use super::yaml::{key_text, plain};
use std::borrow::Cow;

/// Deeper documents are left to the other reader, which knows the limit.
const MAX_DEPTH: usize = 64;
/// Longer keys are: YAML has a limit.
const MAX_KEY: usize = 1000;

/// Where a document begins in a text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Start {
    /// In bytes.
    pub(super) offset: usize,
    /// Lines before it.
    pub(super) lines: usize,
}

/// One document, and repeated keys in it.
pub(super) struct Read<'a> {
    pub(super) root: Node<'a>,
    pub(super) duplicates: Vec<(Position, String)>,
    /// Where the next document begins, if there is one.
    pub(super) next: Option<Start>,
}

/// Reads the document that begins at `start`: at the beginning of a line. `None` where it holds
/// anything that is not read here.
pub(super) fn read(text: &str, start: Start) -> Option<Read<'_>> {
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        offset: start.offset,
        lines: start.lines,
        line_start: start.offset,
        counted: start.offset,
        column: 0,
        duplicates: Vec::new(),
    };
    if reader.at_marker() {
        reader.offset += MARKER.len();
        reader.end_of_line()?;
    }
    let indent = reader.content()?;
    // Empty documents, and the many ways to write one.
    if reader.at_end() {
        return None;
    }
    let root = reader.block(indent, 0)?;
    if !reader.at_end() {
        return None;
    }
    let more = reader.offset < reader.bytes.len();
    Some(Read {
        root,
        duplicates: reader.duplicates,
        next: more.then_some(Start {
            offset: reader.offset,
            lines: reader.lines,
        }),
    })
}

/// The end of the document that begins at `start`: where the next one's marker is.
pub(super) fn skip(text: &str, start: Start) -> Option<Start> {
    let rest = text.get(start.offset..)?;
    let mut offset = start.offset;
    for (lines, line) in rest.split_inclusive('\n').enumerate() {
        if lines > 0 && is_marker(line.as_bytes()) {
            return Some(Start {
                offset,
                lines: start.lines + lines,
            });
        }
        offset += line.len();
    }
    None
}

/// `---` at the start of a line begins a document, whatever stands before it.
pub(super) const MARKER: &[u8] = b"---";

fn is_marker(line: &[u8]) -> bool {
    line.starts_with(MARKER)
        && matches!(
            line.get(MARKER.len()),
            None | Some(b' ' | b'\t' | b'\n' | b'\r')
        )
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    offset: usize,
    /// Lines before this one.
    lines: usize,
    line_start: usize,
    /// Up to where the characters of the line are counted, and how many they are.
    counted: usize,
    column: usize,
    duplicates: Vec<(Position, String)>,
}

/// A key and where it begins.
type Key<'a> = (Position, Cow<'a, str>);

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.offset).copied()
    }

    fn after(&self, offset: usize) -> Option<u8> {
        self.bytes.get(offset + 1).copied()
    }

    /// The next byte ends a word.
    fn ends_word(byte: Option<u8>) -> bool {
        matches!(byte, None | Some(b' ' | b'\n'))
    }

    fn position(&mut self) -> Position {
        let passed = self.bytes.get(self.counted..self.offset);
        // Columns are counted in characters.
        self.column += passed
            .unwrap_or_default()
            .iter()
            .filter(|byte| !(0x80..0xc0).contains(*byte))
            .count();
        self.counted = self.offset;
        Position::new(self.lines + 1, self.column + 1)
    }

    fn at_marker(&self) -> bool {
        self.offset == self.line_start
            && self.peek() == Some(b'-')
            && self.bytes.get(self.offset..).is_some_and(is_marker)
    }

    /// At the end of the document.
    fn at_end(&self) -> bool {
        self.offset >= self.bytes.len() || self.at_marker()
    }

    fn spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.offset += 1;
        }
    }

    /// Goes past the rest of a line, which holds no more than a comment, and its end.
    fn end_of_line(&mut self) -> Option<()> {
        self.comment()?;
        match self.peek() {
            None => {}
            Some(b'\n') => {
                self.offset += 1;
                self.lines += 1;
                self.line_start = self.offset;
                self.counted = self.offset;
                self.column = 0;
            }
            Some(_) => return None,
        }
        Some(())
    }

    /// Goes past spaces, and a comment behind them or at the start of a line.
    fn comment(&mut self) -> Option<()> {
        let before = self.offset;
        self.spaces();
        if self.peek() == Some(b'#') && (self.offset > before || self.offset == self.line_start) {
            while let Some(byte) = self.peek().filter(|byte| *byte != b'\n') {
                if byte < b' ' || byte == 0x7f {
                    return None;
                }
                self.offset += 1;
            }
        }
        Some(())
    }

    /// Goes to the next content, past empty lines and comments; how far it is indented. At the
    /// end of the document, or of the text, that is 0.
    fn content(&mut self) -> Option<usize> {
        loop {
            let start = self.offset;
            self.spaces();
            match self.peek() {
                None => return Some(0),
                Some(b'\n') => self.end_of_line()?,
                Some(b'#') => {
                    self.offset = start;
                    self.end_of_line()?;
                }
                // The end of a document, or a directive: rare enough.
                Some(b'.' | b'%') if self.offset == self.line_start => return None,
                Some(_) => return Some(self.offset - start),
            }
        }
    }

    /// A collection that begins here, all of whose entries are indented as far.
    fn block(&mut self, indent: usize, depth: usize) -> Option<Node<'a>> {
        if depth > MAX_DEPTH {
            return None;
        }
        let at = self.position();
        let value = if self.at_dash() {
            self.sequence(indent, depth)?.1
        } else {
            self.mapping_from(None, indent, depth)?
        };
        Some(Node { at, value })
    }

    /// At the dash of a sequence's entry.
    fn at_dash(&self) -> bool {
        self.peek() == Some(b'-') && Self::ends_word(self.after(self.offset))
    }

    /// A sequence, and where what stands behind its first dash begins.
    fn sequence(&mut self, indent: usize, depth: usize) -> Option<(Position, Value<'a>)> {
        let mut nodes = Vec::new();
        let mut first = None;
        loop {
            self.offset += 1;
            let dash = self.offset;
            self.comment()?;
            let at = self.position();
            first.get_or_insert(at);
            nodes.push(if matches!(self.peek(), None | Some(b'\n')) {
                self.end_of_line()?;
                let inner = self.content()?;
                if inner > indent && !self.at_end() {
                    self.block(inner, depth + 1)?
                } else {
                    Node {
                        at,
                        value: Value::Null,
                    }
                }
            } else {
                // What stands behind the dash is as far indented as it stands there.
                let inner = indent + 1 + (self.offset - dash);
                if self.at_dash() {
                    self.block(inner, depth + 1)?
                } else {
                    self.entry(inner, depth)?
                }
            });
            if !self.goes_on(indent)? || !self.at_dash() {
                return Some((first?, Value::Array(nodes)));
            }
        }
    }

    /// What stands behind a dash: a mapping that begins there, or a value.
    fn entry(&mut self, indent: usize, depth: usize) -> Option<Node<'a>> {
        let at = self.position();
        if matches!(self.peek(), Some(b'[' | b'{')) {
            let node = self.flow(depth + 1)?;
            self.end_of_line()?;
            return Some(node);
        }
        let start = self.offset;
        let value = self.scalar(false)?;
        if self.peek() == Some(b':') {
            let key = self.key_from(start, at, value)?;
            let value = self.mapping_from(Some(key), indent, depth + 1)?;
            return Some(Node { at, value });
        }
        self.end_of_line()?;
        Some(Node { at, value })
    }

    /// Goes to the next content; whether it is as far indented as this. Content that is indented
    /// further belongs to what was before, in a way that is not read here.
    fn goes_on(&mut self, indent: usize) -> Option<bool> {
        // Whoever read what is before may be here already.
        let next = if self.offset == self.line_start {
            self.content()?
        } else {
            self.offset - self.line_start
        };
        if self.at_end() {
            return Some(false);
        }
        (next <= indent).then_some(next == indent)
    }

    /// A mapping whose first key may have been read already.
    fn mapping_from(
        &mut self,
        mut first: Option<Key<'a>>,
        indent: usize,
        depth: usize,
    ) -> Option<Value<'a>> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut entries = Vec::new();
        loop {
            let (at, key) = match first.take() {
                Some(known) => known,
                None => self.key()?,
            };
            let colon = self.position();
            self.offset += 1;
            if !Self::ends_word(self.peek()) {
                return None;
            }
            let value = self.value(colon, indent, depth)?;
            entries.push(Member { key, at, value });
            if !self.goes_on(indent)? {
                break;
            }
            if self.at_dash() {
                return None;
            }
        }
        let object = Object::from_entries(entries, &mut self.duplicates);
        Some(Value::Object(object))
    }

    /// A key, up to its colon.
    fn key(&mut self) -> Option<Key<'a>> {
        let at = self.position();
        let start = self.offset;
        let value = self.scalar(false)?;
        if self.peek() != Some(b':') {
            return None;
        }
        self.key_from(start, at, value)
    }

    /// A scalar that began at `start` as a key.
    fn key_from(&self, start: usize, at: Position, value: Value<'a>) -> Option<Key<'a>> {
        let is_merge = matches!(&value, Value::String(text) if text == "<<");
        if is_merge || self.offset - start > MAX_KEY {
            return None;
        }
        Some((at, key_text(&Node { at, value }).ok()?))
    }

    /// The value behind a colon, in a mapping that is indented so far.
    fn value(&mut self, colon: Position, indent: usize, depth: usize) -> Option<Node<'a>> {
        let before = self.offset;
        self.spaces();
        match self.peek() {
            None | Some(b'\n' | b'#') => {
                self.offset = before;
                self.end_of_line()?;
                let inner = self.content()?;
                if !self.at_end() && inner > indent {
                    return self.block(inner, depth + 1);
                }
                if !self.at_end() && inner == indent && self.at_dash() {
                    let (at, value) = self.sequence(inner, depth + 1)?;
                    return Some(Node { at, value });
                }
                Some(Node {
                    at: colon,
                    value: Value::Null,
                })
            }
            Some(b'[' | b'{') => {
                let node = self.flow(depth + 1)?;
                self.end_of_line()?;
                Some(node)
            }
            Some(_) => {
                let at = self.position();
                let value = self.scalar(false)?;
                self.end_of_line()?;
                Some(Node { at, value })
            }
        }
    }

    /// A scalar on one line. In a flow collection, commas and brackets end a plain one too.
    fn scalar(&mut self, in_flow: bool) -> Option<Value<'a>> {
        match self.peek()? {
            b'"' => self.double_quoted(),
            b'\'' => self.single_quoted(),
            _ => self.plain(in_flow),
        }
    }

    fn plain(&mut self, in_flow: bool) -> Option<Value<'a>> {
        let start = self.offset;
        let first = self.peek()?;
        let is_start = match first {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'/'
            | b'.'
            | b'_'
            | b'$'
            | b'('
            | b'+'
            | b'~'
            | b'<'
            | b'='
            | b'^'
            | b'\\'
            | b';' => true,
            b'-' => !matches!(
                self.after(start),
                None | Some(b' ' | b'\n' | b',' | b'[' | b']' | b'{' | b'}')
            ),
            _ => false,
        };
        if !is_start {
            return None;
        }
        // Where the last byte that is no space ends.
        let mut end = start;
        loop {
            let byte = self.peek();
            match byte {
                None | Some(b'\n') => break,
                Some(b' ') => {
                    self.offset += 1;
                    continue;
                }
                Some(b':') => {
                    let next = self.after(self.offset);
                    if Self::ends_word(next) {
                        break;
                    }
                    if in_flow && matches!(next, Some(b',' | b'[' | b']' | b'{' | b'}')) {
                        return None;
                    }
                }
                Some(b'#') if self.offset > end => break,
                Some(b',' | b']' | b'}') if in_flow => break,
                Some(b'[' | b'{') if in_flow => return None,
                // The other reader takes none such where a bracket or comma follows.
                Some(b'-') if in_flow && self.offset > end => return None,
                // Tabs, carriage returns and what cannot be printed.
                Some(0..b' ' | 0x7f) => return None,
                Some(_) => {}
            }
            self.offset += 1;
            end = self.offset;
        }
        // Only a colon that follows at once is a key's for sure.
        if self.peek() == Some(b':') && self.offset > end {
            return None;
        }
        if self.peek() != Some(b':') {
            self.offset = end;
        }
        Some(plain(Cow::Borrowed(self.text.get(start..end)?)))
    }

    fn double_quoted(&mut self) -> Option<Value<'a>> {
        self.offset += 1;
        let start = self.offset;
        let mut owned: Option<String> = None;
        // Where what is not yet copied begins.
        let mut from = start;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    let text = owned.get_or_insert_default();
                    text.push_str(self.text.get(from..self.offset)?);
                    text.push(match self.after(self.offset)? {
                        b'"' => '"',
                        b'\\' => '\\',
                        b'/' => '/',
                        b'n' => '\n',
                        b't' => '\t',
                        _ => return None,
                    });
                    self.offset += 2;
                    from = self.offset;
                }
                0..b' ' | 0x7f => return None,
                _ => self.offset += 1,
            }
        }
        let rest = self.text.get(from..self.offset)?;
        self.offset += 1;
        Some(Value::String(match owned {
            None => Cow::Borrowed(rest),
            Some(mut text) => {
                text.push_str(rest);
                Cow::Owned(text)
            }
        }))
    }

    fn single_quoted(&mut self) -> Option<Value<'a>> {
        self.offset += 1;
        let start = self.offset;
        let mut doubled = false;
        loop {
            match self.peek()? {
                b'\'' if self.after(self.offset) == Some(b'\'') => {
                    doubled = true;
                    self.offset += 2;
                }
                b'\'' => break,
                0..b' ' | 0x7f => return None,
                _ => self.offset += 1,
            }
        }
        let text = self.text.get(start..self.offset)?;
        self.offset += 1;
        Some(Value::String(if doubled {
            Cow::Owned(text.replace("''", "'"))
        } else {
            Cow::Borrowed(text)
        }))
    }

    /// A collection in brackets, on one line.
    fn flow(&mut self, depth: usize) -> Option<Node<'a>> {
        if depth > MAX_DEPTH {
            return None;
        }
        let at = self.position();
        let value = match self.peek()? {
            b'[' => self.flow_sequence(depth)?,
            b'{' => self.flow_mapping(depth)?,
            _ => self.scalar(true)?,
        };
        Some(Node { at, value })
    }

    fn flow_sequence(&mut self, depth: usize) -> Option<Value<'a>> {
        let mut nodes = Vec::new();
        self.offset += 1;
        self.spaces();
        if self.peek() == Some(b']') {
            self.offset += 1;
            return Some(Value::Array(nodes));
        }
        loop {
            nodes.push(self.flow(depth + 1)?);
            if self.separator(b']')? {
                return Some(Value::Array(nodes));
            }
        }
    }

    fn flow_mapping(&mut self, depth: usize) -> Option<Value<'a>> {
        let mut entries = Vec::new();
        self.offset += 1;
        self.spaces();
        if self.peek() == Some(b'}') {
            self.offset += 1;
            return Some(Value::Object(Object::default()));
        }
        loop {
            let start = self.offset;
            let at = self.position();
            let value = self.scalar(true)?;
            if self.peek() != Some(b':') || self.after(self.offset) != Some(b' ') {
                return None;
            }
            let (_, key) = self.key_from(start, at, value)?;
            self.offset += 1;
            self.spaces();
            let value = self.flow(depth + 1)?;
            entries.push(Member { key, at, value });
            if self.separator(b'}')? {
                let object = Object::from_entries(entries, &mut self.duplicates);
                return Some(Value::Object(object));
            }
        }
    }

    /// Goes past a comma (`false`), or the bracket that closes (`true`).
    fn separator(&mut self, closing: u8) -> Option<bool> {
        self.spaces();
        let byte = self.peek()?;
        if byte != b',' && byte != closing {
            return None;
        }
        self.offset += 1;
        if byte == b',' {
            self.spaces();
        }
        Some(byte == closing)
    }
}
