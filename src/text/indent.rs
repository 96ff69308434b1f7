//! Line breaks that YAML 1.2 wants indented and nobody else does.
//!
//! Lines within `[…]`, `{…}` and quotes must be indented deeper than what they belong to, says the specification
//! (section 6.1). Kubernetes, Juju and Python read them wherever they begin, and people and generators of CRDs write
//! them so. Here such lines are found and indented; what they say does not change by it.

use super::tree::Position;
use saphyr_parser::{Event, Tag};
use std::borrow::Cow;

/// A text that is indented as YAML 1.2 wants it.
pub(super) struct Indented {
    /// The text with spaces added.
    pub text: String,
    /// How many spaces were added in which line, in order.
    added: Vec<(u32, u32)>,
    /// From where to where what was indented goes, in order: the opening and the closing bracket or quote.
    regions: Vec<(Position, Position)>,
    /// How many regions the parser has seen where they were taken to be.
    seen: usize,
    /// Where the last of these ends.
    end: Position,
    /// The parser has seen something in a region after it had seen its end.
    is_refuted: bool,
}

/// A parent that is indented deeper than this is nobody's.
const DEEPEST: usize = 1_000;

impl Indented {
    /// Indents what needs it; `None` where nothing does, or where it cannot be told what belongs to what.
    pub fn new(text: &str) -> Option<Self> {
        let mut scan = Scan::new(text);
        scan.all()?;
        let Scan { added, regions, .. } = scan;
        let spaces = added.iter().fold(0_usize, |sum, (_, many)| {
            sum.saturating_add(usize::try_from(*many).unwrap_or(usize::MAX))
        });
        // A small text must not become a large one.
        if added.is_empty() || spaces > text.len().saturating_add(DEEPEST) {
            return None;
        }
        let mut padded = String::with_capacity(text.len().saturating_add(spaces));
        let mut rest = added.iter().peekable();
        for (number, line) in (1_u32..).zip(text.split_inclusive('\n')) {
            if let Some((_, many)) = rest.next_if(|(at, _)| *at == number) {
                padded.extend((0..*many).map(|_| ' '));
            }
            padded.push_str(line);
        }
        Some(Indented {
            text: padded,
            added,
            regions,
            seen: 0,
            end: Position::default(),
            is_refuted: false,
        })
    }

    /// Where a place of the indented text is in the original.
    pub fn original(&self, at: Position) -> Position {
        let added = self.added.binary_search_by_key(&at.line, |(line, _)| *line);
        let many = added.ok().and_then(|at| self.added.get(at));
        Position {
            line: at.line,
            column: at
                .column
                .saturating_sub(many.map_or(0, |(_, many)| *many))
                .max(1),
        }
    }

    /// The parser begins something at this place, or ends it.
    pub fn pass(&mut self, at: Position) {
        self.is_refuted |= at <= self.end;
    }

    /// The parser takes what begins here for a quoted text or a collection, and has read it up to this place or, for it
    /// is not exact about ends, up to something that follows on the line.
    pub fn saw(&mut self, from: Position, until: Position) {
        let found = self.regions.binary_search_by_key(&from, |(from, _)| *from);
        let Some((_, end)) = found.ok().and_then(|at| self.regions.get(at)) else {
            return;
        };
        if until.line <= end.line {
            self.seen += 1;
            self.end = self.end.max(*end);
        }
    }

    /// Whether the parser takes for quoted or a collection whatever was taken for it here. Only then nothing else was
    /// indented.
    pub fn is_confirmed(&self) -> bool {
        !self.is_refuted && self.seen == self.regions.len()
    }
}

/// An event that needs its text no longer.
pub(super) fn owned<'a>(event: Event<'_>) -> Event<'a> {
    let kept = |tag: Option<Cow<'_, Tag>>| tag.map(|tag| Cow::Owned(tag.into_owned()));
    match event {
        Event::Scalar(text, style, anchor, tag) => {
            Event::Scalar(Cow::Owned(text.into_owned()), style, anchor, kept(tag))
        }
        Event::SequenceStart(anchor, tag) => Event::SequenceStart(anchor, kept(tag)),
        Event::MappingStart(anchor, tag) => Event::MappingStart(anchor, kept(tag)),
        Event::SequenceEnd => Event::SequenceEnd,
        Event::MappingEnd => Event::MappingEnd,
        Event::Nothing => Event::Nothing,
        Event::StreamStart => Event::StreamStart,
        Event::StreamEnd => Event::StreamEnd,
        Event::DocumentStart(is_explicit) => Event::DocumentStart(is_explicit),
        Event::DocumentEnd => Event::DocumentEnd,
        Event::Alias(anchor) => Event::Alias(anchor),
    }
}

/// A reader of lines that knows enough of YAML to tell where brackets and quotes begin and end.
struct Scan<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    line_start: usize,
    added: Vec<(u32, u32)>,
    regions: Vec<(Position, Position)>,
}

/// A place in the text.
#[derive(Clone, Copy)]
struct Mark {
    at: usize,
    line: usize,
    line_start: usize,
}

fn is_blank(byte: Option<u8>) -> bool {
    matches!(byte, Some(b' ' | b'\t'))
}

fn ends_line(byte: Option<u8>) -> bool {
    matches!(byte, None | Some(b'\n' | b'\r'))
}

impl<'t> Scan<'t> {
    fn new(text: &'t str) -> Self {
        Scan {
            text,
            at: 0,
            line: 1,
            line_start: 0,
            added: Vec::new(),
            regions: Vec::new(),
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn previous(&self) -> Option<u8> {
        let before = self.at.checked_sub(1)?;
        self.text.as_bytes().get(before).copied()
    }

    fn is_spaced(&self, ahead: usize) -> bool {
        let byte = self.peek(ahead);
        is_blank(byte) || ends_line(byte)
    }

    /// How many bytes of its line stand before the next byte.
    fn column(&self) -> usize {
        self.at.saturating_sub(self.line_start)
    }

    fn mark(&self) -> Mark {
        Mark {
            at: self.at,
            line: self.line,
            line_start: self.line_start,
        }
    }

    /// Takes time for all of the line that stands before, so it is asked for once in a line at most.
    fn position(&self, mark: Mark) -> Position {
        let before = self.text.get(mark.line_start..mark.at);
        Position::new(mark.line, before.unwrap_or_default().chars().count() + 1)
    }

    fn skip_blanks(&mut self) {
        while is_blank(self.peek(0)) {
            self.at += 1;
        }
    }

    /// Goes to the end of the line, and not beyond.
    fn skip_line(&mut self) {
        while !matches!(self.peek(0), None | Some(b'\n')) {
            self.at += 1;
        }
    }

    /// Goes over the end of a line.
    fn break_line(&mut self) {
        if self.peek(0) == Some(b'\n') {
            self.at += 1;
            self.line += 1;
            self.line_start = self.at;
        }
    }

    /// How far the line that begins here is indented; `None` where nothing stands in it.
    fn indentation(&self) -> Option<usize> {
        let spaces = (0..)
            .take_while(|ahead| self.peek(*ahead) == Some(b' '))
            .count();
        (!ends_line(self.peek(spaces))).then_some(spaces)
    }

    /// Whether `---` or `...` stands at the beginning of this line.
    fn is_marker(&self) -> bool {
        let three = self.text.get(self.at..self.at.saturating_add(3));
        matches!(three, Some("---" | "...")) && self.is_spaced(3)
    }

    fn all(&mut self) -> Option<()> {
        while self.peek(0).is_some() {
            let Some(indentation) = self.indentation() else {
                self.skip_line();
                self.break_line();
                continue;
            };
            if self.is_marker() {
                self.at += 3;
                self.line(0)?;
            } else if self.peek(0) == Some(b'%') {
                self.skip_line();
            } else {
                self.at += indentation;
                self.line(indentation)?;
            }
            self.break_line();
        }
        Some(())
    }

    /// Reads what begins at this place of a line outside of brackets and quotes, up to the end of the last line that
    /// belongs to it. What belongs to it is indented at least as `inner` says.
    fn line(&mut self, mut inner: usize) -> Option<()> {
        // Where an anchor or a tag stands before what it belongs to.
        let mut property = None;
        loop {
            self.skip_blanks();
            let column = self.column();
            let from = property.take().unwrap_or_else(|| self.mark());
            match self.peek(0) {
                None | Some(b'\n' | b'\r') => {
                    self.skip_line();
                    return Some(());
                }
                Some(b'#') => {
                    self.skip_line();
                    return Some(());
                }
                Some(b'-' | b'?' | b':') if self.is_spaced(1) => {
                    inner = column + 1;
                    self.at += 1;
                }
                Some(b'[' | b'{') => self.brackets(from, inner)?,
                Some(quote @ (b'"' | b'\'')) => {
                    self.region(from, inner, |scan| scan.quoted(quote, inner + 1))?;
                    if self.peek(0) == Some(b':') && self.is_spaced(1) {
                        inner = column + 1;
                        self.at += 1;
                    }
                }
                Some(b'|' | b'>') => {
                    self.skip_line();
                    self.skip_deeper(inner);
                    return Some(());
                }
                Some(first @ (b'&' | b'!' | b'*')) => {
                    while !self.is_spaced(0) {
                        self.at += 1;
                    }
                    property = (first != b'*').then_some(from);
                }
                Some(_) => {
                    if !self.plain() {
                        self.skip_line();
                        self.skip_deeper(inner);
                        return Some(());
                    }
                    inner = column + 1;
                }
            }
        }
    }

    /// Reads a plain scalar in this line. Whether it is a key, whose colon is read as well.
    fn plain(&mut self) -> bool {
        loop {
            match self.peek(0) {
                None | Some(b'\n' | b'\r') => return false,
                Some(b'#') if is_blank(self.previous()) => return false,
                Some(b':') if self.is_spaced(1) => {
                    self.at += 1;
                    return true;
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// Skips the lines after this one that are indented at least so deeply, or empty: the rest of a scalar.
    fn skip_deeper(&mut self, inner: usize) {
        while self.peek(0) == Some(b'\n') {
            let before = self.mark();
            self.break_line();
            let ends = match self.indentation() {
                None => self.peek(0).is_none(),
                Some(indentation) => indentation < inner || self.is_marker(),
            };
            if ends {
                (self.at, self.line, self.line_start) = (before.at, before.line, before.line_start);
                return;
            }
            self.skip_line();
        }
    }

    /// Reads what brackets or quotes hold, and remembers from where to where it goes where something was indented.
    fn region(
        &mut self,
        from: Mark,
        inner: usize,
        read: impl FnOnce(&mut Self) -> Option<()>,
    ) -> Option<()> {
        if inner > DEEPEST {
            return None;
        }
        let before = self.added.len();
        read(self)?;
        if self.added.len() > before {
            let mut to = self.position(self.mark());
            to.column = to.column.saturating_sub(1);
            self.regions.push((self.position(from), to));
        }
        Some(())
    }

    fn brackets(&mut self, from: Mark, inner: usize) -> Option<()> {
        self.region(from, inner, |scan| {
            let mut depth = 0_usize;
            loop {
                let before = scan.previous();
                let begins = matches!(
                    before,
                    Some(b' ' | b'\t' | b'\n' | b'[' | b'{' | b',' | b':')
                );
                match scan.peek(0)? {
                    b'[' | b'{' => depth += 1,
                    b']' | b'}' => {
                        depth = depth.saturating_sub(1);
                        if depth == 0 {
                            scan.at += 1;
                            return Some(());
                        }
                    }
                    quote @ (b'"' | b'\'') if begins => {
                        scan.quoted(quote, inner + 1)?;
                        continue;
                    }
                    b'#' if is_blank(before) || before == Some(b'\n') => {
                        scan.skip_line();
                        continue;
                    }
                    b'\n' => {
                        scan.inner_line(inner + 1)?;
                        continue;
                    }
                    _ => {}
                }
                scan.at += 1;
            }
        })
    }

    /// Reads a quoted scalar, whose further lines shall be indented so.
    fn quoted(&mut self, quote: u8, wanted: usize) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek(0)? {
                b'\n' => {
                    self.inner_line(wanted)?;
                    continue;
                }
                b'\\' if quote == b'"' && self.peek(1) != Some(b'\n') => self.at += 1,
                b'\'' if quote == b'\'' && self.peek(1) == Some(b'\'') => self.at += 1,
                byte if byte == quote => {
                    self.at += 1;
                    return Some(());
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Begins a line within brackets or quotes; `None` where a marker ends the document in their midst.
    fn inner_line(&mut self, wanted: usize) -> Option<()> {
        self.break_line();
        if self.is_marker() {
            return None;
        }
        if let Some(indentation) = self.indentation()
            && indentation < wanted
        {
            self.added.push((
                u32::try_from(self.line).ok()?,
                u32::try_from(wanted - indentation).ok()?,
            ));
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use crate::text::{Node, Position, TextError, parse_yaml, to_json};

    fn json(text: &str) -> Result<String, TextError> {
        let values: Vec<_> = parse_yaml(text)?
            .iter()
            .map(|document| to_json(&document.root).expect("JSON"))
            .collect();
        Ok(values.join("\n"))
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "a:\n  b: &x [\n\"é\", {c:\n\"d\",\n}, e\n  ]\n  f: 'g\nh' # i [\n  j: k\n";
        let document = parse_yaml(text).expect("reads").remove(0);
        let a = document.root.get("a").expect("a");
        let b = a.get("b").and_then(Node::as_array).expect("b");
        let places: Vec<_> = b
            .iter()
            .map(|node| (node.at.line, node.at.column))
            .collect();
        assert_eq!(places, [(3, 1), (3, 6), (5, 4)]);
        assert_eq!(b[1].get("c").expect("c").at, Position::new(4, 1));
        assert_eq!(a.get("f").and_then(Node::as_str), Some("g h"));
        assert_eq!(a.get("j").expect("j").at, Position::new(9, 6));
    }

    #[test]
    fn nothing_else_becomes_readable() {
        for text in [
            // Not closed, or ended by a marker.
            "a:\n  b: [\n\"c\"\n",
            "a:\n  b: [\n\"c\"\n---\n]\n",
            "a:\n  b: 'c\n",
            // The indentation is right within the brackets and wrong after them.
            "a:\n  b: [\n\"c\"\n  ]\n d: e\n",
        ] {
            assert!(json(text).is_err(), "{text}");
        }
        // Where it is wrong is said of the text as it is.
        let error = json("a:\n  b: [\n\"c\"\n  ]\n  d: e: f\n").expect_err("refused");
        assert_eq!(error.at, Position::new(5, 7), "{error}");
    }

    /// Random values with line breaks in them: how far the lines are indented changes nothing.
    #[test]
    fn indentation_within_brackets_and_quotes_means_nothing() {
        struct Dice(u64);
        impl Dice {
            fn roll(&mut self, sides: usize) -> usize {
                self.0 = self
                    .0
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                usize::try_from(self.0 >> 33).expect("fits") % sides
            }
        }
        // `\0` is where a line may break.
        fn value(dice: &mut Dice, depth: usize) -> String {
            const SCALARS: [&str; 9] = [
                "a",
                "'it''s\0[b'",
                "\"{c\\\"\0# d\"",
                "'\0- e:\0f'",
                "/g/*",
                "it's",
                "\"\"",
                "\"h \\\\\"",
                "'---\0i'",
            ];
            match dice.roll(if depth > 2 { 1 } else { 3 }) {
                0 => SCALARS[dice.roll(SCALARS.len())].to_owned(),
                1 => {
                    let mut text = "[\0".to_owned();
                    for _ in 0..dice.roll(4) {
                        text.push_str(&value(dice, depth + 1));
                        text.push_str("\0,\0 ");
                    }
                    text + "]"
                }
                _ => {
                    let mut text = "{\0 ".to_owned();
                    for key in 0..dice.roll(3) {
                        text.push_str(&format!("k{key}: {}\0,\0", value(dice, depth + 1)));
                    }
                    text + "}"
                }
            }
        }
        for seed in 0..2_000 {
            let mut dice = Dice(seed);
            let mut template = String::new();
            for at in 0..3 {
                let lines = match dice.roll(6) {
                    0 => "|\n    [text\n    \"it's".to_owned(),
                    1 => "plain [it's\n    \"more {".to_owned(),
                    2 => format!(
                        "\n    - {}\n    - l: {}",
                        value(&mut dice, 0),
                        value(&mut dice, 0)
                    ),
                    _ => format!("{} # [ '", value(&mut dice, 0)),
                };
                template.push_str(&format!("é{at}:\n  m: {lines}\n"));
            }
            let mut loose = String::new();
            for part in template.split_inclusive('\0') {
                let (text, breaks) = part
                    .strip_suffix('\0')
                    .map_or((part, false), |text| (text, true));
                loose.push_str(text);
                match dice.roll(3) {
                    0 if breaks => loose.push_str(&format!("\n{}", " ".repeat(dice.roll(8)))),
                    _ if breaks => loose.push(' '),
                    _ => {}
                }
            }
            let strict = template.replace('\0', " ");
            assert_eq!(json(&loose), json(&strict), "seed {seed}:\n{loose}");
        }
    }
}
