//! One form for every string pattern that a policy can hold.

/// A set of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CharSet {
    /// Every character.
    Any,
    /// Every character but `/`.
    NotSlash,
    /// What Envoy lets `{*}` of a path template stand for.
    Segment,
    /// What it lets `{**}` stand for: the same and `/`.
    Segments,
    /// Every character but `?`.
    NotQuery,
}

impl CharSet {
    /// Whether the character is in the set.
    pub const fn has(self, c: u8) -> bool {
        match self {
            CharSet::Any => true,
            CharSet::NotSlash => c != b'/',
            CharSet::Segment => in_template(c),
            CharSet::Segments => c == b'/' || in_template(c),
            CharSet::NotQuery => c != b'?',
        }
    }
}

/// The characters that a path template's operators stand for; see
/// [`crate::analysis::matching`].
pub const fn in_template(c: u8) -> bool {
    matches!(
        c,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'%' | b'!' | b'$'
            | b'&' | b'\'' | b'(' | b')' | b'+' | b',' | b';' | b':' | b'@' | b'=' | b'*'
    )
}

/// A part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Piece {
    /// This character.
    Char(u8),
    /// This letter, a small one, or its capital.
    Letter(u8),
    /// Any number of characters of the set, none included.
    Star(CharSet),
    /// One character or more of the set.
    Plus(CharSet),
    /// Nothing, or `?` and what follows; the one piece behind it is any text.
    Query,
}

/// A pattern: the concatenation of its pieces, matched against the whole string.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Glob(pub Vec<Piece>);

impl Glob {
    /// The pattern that matches every string.
    pub fn any() -> Self {
        Glob(vec![Piece::Star(CharSet::Any)])
    }

    /// The pattern that matches every string but the empty one.
    pub fn not_empty() -> Self {
        Glob(vec![Piece::Plus(CharSet::Any)])
    }

    /// Exactly this text.
    pub fn exact(text: &str) -> Self {
        Glob::default().text(text)
    }

    /// Whatever begins with this text.
    pub fn prefix(text: &str) -> Self {
        Glob::exact(text).star(CharSet::Any)
    }

    /// Whatever ends with this text.
    pub fn suffix(text: &str) -> Self {
        Glob::default().star(CharSet::Any).text(text)
    }

    /// Adds a literal text.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.0.extend(text.bytes().map(Piece::Char));
        self
    }

    /// Adds any number of characters of a set. Two runs of the same set are one.
    #[must_use]
    pub fn star(mut self, set: CharSet) -> Self {
        if self.0.last() != Some(&Piece::Star(set)) {
            self.0.push(Piece::Star(set));
        }
        self
    }

    /// Adds one character or more of a set.
    #[must_use]
    pub fn plus(mut self, set: CharSet) -> Self {
        self.0.push(Piece::Plus(set));
        self
    }

    /// The same for a path that may have a query; `None` where no path matches.
    pub fn with_any_query(&self) -> Option<Glob> {
        let mut glob = Glob::default();
        let any = Piece::Star(CharSet::Any);
        for (at, piece) in self.0.iter().enumerate() {
            glob.0.push(match piece {
                Piece::Char(b'?') => return None,
                // Whatever follows may be query as well.
                last if *last == any && at + 1 == self.0.len() => {
                    glob.0.push(any);
                    return Some(glob);
                }
                Piece::Star(CharSet::Any) => Piece::Star(CharSet::NotQuery),
                Piece::Plus(CharSet::Any) => Piece::Plus(CharSet::NotQuery),
                other => *other,
            });
        }
        glob.0.extend([Piece::Query, any]);
        Some(glob)
    }

    /// The same, capitals for small letters allowed.
    #[must_use]
    pub fn in_any_case(&self) -> Glob {
        let letter = |piece: &Piece| match piece {
            Piece::Char(c) if c.is_ascii_lowercase() => Piece::Letter(*c),
            other => *other,
        };
        Glob(self.0.iter().map(letter).collect())
    }

    /// The one text that it matches, if it has no wildcard.
    pub fn as_exact(&self) -> Option<String> {
        let mut bytes = Vec::with_capacity(self.0.len());
        for piece in &self.0 {
            match piece {
                Piece::Char(c) => bytes.push(*c),
                _ => return None,
            }
        }
        String::from_utf8(bytes).ok()
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        // The characters before the first wildcard are all that most texts need to be told apart.
        let mut literal = 0;
        for (piece, c) in self.0.iter().zip(text.bytes()) {
            match piece {
                Piece::Char(wanted) if *wanted == c => literal += 1,
                Piece::Char(_) => return false,
                _ => break,
            }
        }
        match (self.0.get(literal), text.len() > literal) {
            (None, more) => return !more,
            (Some(Piece::Char(_)), _) => return false,
            (Some(Piece::Star(CharSet::Any)), _) if literal + 1 == self.0.len() => return true,
            _ => {}
        }
        let mut live = vec![false; self.0.len() + 1];
        let mut next = live.clone();
        self.enter(&mut live, literal);
        for c in text.bytes().skip(literal) {
            self.step(&live, c, &mut next);
            std::mem::swap(&mut live, &mut next);
        }
        let before = |back: usize| live.len().checked_sub(back).and_then(|at| live.get(at));
        let last = self.0.len().checked_sub(2).and_then(|at| self.0.get(at));
        before(1) == Some(&true) || last == Some(&Piece::Query) && before(3) == Some(&true)
    }

    /// Of the texts that it matches, those that begin with `from`, with `to` in its place: together what
    /// these patterns match.
    pub fn with_start(&self, from: &str, to: &str) -> Vec<Glob> {
        let mut live = vec![false; self.0.len() + 1];
        let mut next = live.clone();
        self.enter(&mut live, 0);
        for c in from.bytes() {
            self.step(&live, c, &mut next);
            std::mem::swap(&mut live, &mut next);
        }
        let live = live.iter().enumerate().filter(|(_, live)| **live);
        let rest = |at: usize| self.0.get(at..).unwrap_or_default();
        let glob = |at: usize| {
            let mut glob = Glob::exact(to);
            glob.0.extend_from_slice(rest(at));
            glob
        };
        live.map(|(at, _)| glob(at)).collect()
    }

    /// Marks the positions after one more character.
    fn step(&self, live: &[bool], c: u8, next: &mut [bool]) {
        next.fill(false);
        for (at, piece) in self.0.iter().enumerate() {
            if live.get(at) != Some(&true) {
                continue;
            }
            match piece {
                Piece::Char(wanted) if *wanted == c => self.enter(next, at + 1),
                Piece::Letter(wanted) if *wanted == c.to_ascii_lowercase() => {
                    self.enter(next, at + 1);
                }
                Piece::Query if c == b'?' => self.enter(next, at + 1),
                Piece::Star(set) if set.has(c) => self.enter(next, at),
                Piece::Plus(set) if set.has(c) => {
                    self.enter(next, at);
                    self.enter(next, at + 1);
                }
                _ => {}
            }
        }
    }

    /// Marks a position and those that follow without a character.
    fn enter(&self, live: &mut [bool], mut at: usize) {
        loop {
            match live.get_mut(at) {
                Some(flag) => *flag = true,
                None => return,
            }
            match self.0.get(at) {
                Some(Piece::Star(_)) => at += 1,
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CharSet, Glob};

    #[test]
    fn matches_the_whole_text() {
        let template = Glob::exact("/a/")
            .plus(CharSet::NotSlash)
            .text("/c")
            .star(CharSet::Any);
        for (glob, yes, no) in [
            (Glob::exact("ab"), "ab", "abc"),
            (Glob::exact("ab"), "ab", "a"),
            (Glob::prefix("ab").text("c"), "abc", "ab"),
            (Glob::prefix("ab"), "abé", "é"),
            (Glob::prefix("ab"), "ab", "a"),
            (Glob::suffix("ab"), "aab", "aba"),
            (Glob::not_empty(), "x", ""),
            (Glob::any(), "", "never"),
            (template, "/a/bb/c/d", "/a//c"),
        ] {
            assert!(glob.matches(yes), "{glob:?} {yes}");
            assert!(no == "never" || !glob.matches(no), "{glob:?} {no}");
        }
        let query = |glob: Glob| glob.with_any_query().expect("a path");
        for (glob, yes, no) in [
            (query(Glob::exact("/a")), "/a?b", "/ab"),
            (query(Glob::exact("/a")), "/a", "/?/a"),
            (query(Glob::suffix("b")), "/b?c", "/c?b"),
            (query(Glob::prefix("/a")), "/a/b?c", "/?/a"),
            (Glob::exact("ab-1").in_any_case(), "aB-1", "ab_1"),
            (Glob::exact("ab").in_any_case(), "AB", "Ax"),
        ] {
            assert!(glob.matches(yes), "{glob:?} {yes}");
            assert!(!glob.matches(no), "{glob:?} {no}");
        }
        assert_eq!(Glob::exact("/a?b").with_any_query(), None);
        for (glob, yes, no) in [
            (Glob::exact("old/ns/a"), "new/ns/a", "old/ns/a"),
            (Glob::suffix("/a"), "new/b/a", "new/b"),
            (Glob::prefix("o"), "new/x", "old/x"),
            (
                Glob::exact("old").plus(CharSet::Any).text("x"),
                "new/x",
                "new/y",
            ),
        ] {
            let moved = glob.with_start("old/", "new/");
            assert!(moved.iter().any(|one| one.matches(yes)), "{glob:?} {yes}");
            assert!(!moved.iter().any(|one| one.matches(no)), "{glob:?} {no}");
        }
        assert!(Glob::exact("x/ns/a").with_start("old/", "new/").is_empty());
        assert_eq!(Glob::exact("ab").as_exact().as_deref(), Some("ab"));
        assert_eq!(Glob::prefix("ab").as_exact(), None);
    }
}
