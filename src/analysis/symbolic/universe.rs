//! The strings that a request can hold, field by field, as small automata.

use super::utf8;

/// What the data plane makes of a request's path before policies see it; MeshConfig's
/// `pathNormalization`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum PathMode {
    /// `NONE`
    None,
    /// `BASE`, Istio's default: dot segments resolved, unreserved characters decoded, `\` is `/`.
    #[default]
    Base,
    /// `MERGE_SLASHES`: and `//` is `/`.
    MergeSlashes,
    /// `DECODE_AND_MERGE_SLASHES`: and `%2F` and `%5C` are `/`, before the rest.
    DecodeAndMergeSlashes,
}

/// A language of strings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Universe {
    /// Paths as policies see them: what normalisation leaves as it is, without query and fragment.
    Path(PathMode),
    /// The same with any query behind it.
    Target(PathMode),
    /// `:authority`, in lower case: whatever Envoy takes, names and ports that cannot be included.
    Host,
    /// The same in any case.
    Authority,
    /// Methods: tokens of RFC 9110.
    Method,
    /// `TRUSTDOMAIN/ns/NAMESPACE/sa/SERVICEACCOUNT` of the mesh's own trust domain.
    Identity {
        /// The mesh's trust domain.
        trust_domain: String,
    },
    /// Values of headers: any text on one line, without blanks at either end; may be empty.
    HeaderValue,
    /// Any text, as claims of a token may be.
    Text,
    /// Server names of TLS; empty where there is none.
    ServerName,
}

/// No way on from here.
pub const DEAD: u32 = u32::MAX;

/// A set of bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bytes([u128; 2]);

const HEX: &str = "0123456789abcdefABCDEF";

// Path states. A percent sign is followed by two states: after the sign, and one for each first
// digit.
const SEGMENT: u32 = 1;
const DOT: u32 = 2;
const DOTS: u32 = 3;
const INSIDE: u32 = 4;
const PERCENT: u32 = 5;
const ROOT: u32 = 6;
const SLASHES: u32 = 7;
const QUERY: u32 = 8;
const FIRST_DIGIT: u32 = 16;

impl Bytes {
    /// Adds one.
    pub fn add(&mut self, c: u8) {
        if let Some(half) = self.0.get_mut(usize::from(c >> 7)) {
            *half |= 1 << (c & 0x7f);
        }
    }

    /// Whether it has one.
    pub fn has(&self, c: u8) -> bool {
        let half = self.0.get(usize::from(c >> 7));
        half.is_some_and(|half| half >> (c & 0x7f) & 1 == 1)
    }

    fn has_beyond_ascii(&self) -> bool {
        self.0.last().is_some_and(|half| *half != 0)
    }

    fn count(&self) -> u32 {
        self.0.iter().map(|half| half.count_ones()).sum()
    }
}

impl Universe {
    /// The state before the first character.
    pub const START: u32 = 0;

    /// Characters of equal kind lead to equal states, from every state that has not one
    /// character to go on with ([`Universe::required`]); 0 stands in no string.
    fn kind(&self, c: u8) -> u8 {
        match self {
            Universe::Path(mode) => match c {
                b'/' => 1,
                b'.' => 2,
                b'%' => 3,
                b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' => 4 + hex(c),
                b'g'..=b'z' | b'G'..=b'Z' => 20,
                b'-' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+'
                | b',' | b';' | b'=' | b':' | b'@' => 20,
                // Templates' operators do not stand for these.
                b'[' | b']' => 21,
                b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}'
                    if *mode == PathMode::None =>
                {
                    21
                }
                _ => 0,
            },
            Universe::Target(mode) => match c {
                b'?' => 22,
                b'#' => 0,
                b'!'..=b'~' => match Universe::Path(*mode).kind(c) {
                    0 => 23,
                    kind => kind,
                },
                _ => 0,
            },
            Universe::Authority => Universe::Host.kind(c.to_ascii_lowercase()),
            Universe::Host => match c {
                b'a'..=b'z' | b'0'..=b'9' => 1,
                b'-' | b'.' | b'_' | b'~' | b':' | b'[' | b']' | b'@' | b'%' | b'!' | b'$'
                | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => 2,
                _ => 0,
            },
            Universe::Method => match c {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => 1,
                b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'
                | b'_' | b'`' | b'|' | b'~' => 1,
                _ => 0,
            },
            Universe::Identity { trust_domain } => match c {
                b'-' => 1,
                b'.' => 2,
                b'/' => 3,
                b'a'..=b'z' | b'0'..=b'9' => 4,
                _ if trust_domain.as_bytes().contains(&c) => 5,
                _ => 0,
            },
            Universe::HeaderValue => match c {
                b' ' | b'\t' => 1,
                b'/' => 3,
                0x21..=0x7e => 2,
                _ => utf8::kind(c),
            },
            Universe::Text => match c {
                b'/' => 3,
                0..=0x7f => 2,
                _ => utf8::kind(c),
            },
            Universe::ServerName => match c {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => 1,
                b'-' | b'_' => 2,
                b'.' => 3,
                _ => 0,
            },
        }
    }

    /// As `kind`, where patterns mention only the characters of a set. Escapes, and what is no
    /// printable character of ASCII, are left out where no pattern mentions the like: every string with
    /// them has a like one without.
    pub fn kind_given(&self, c: u8, mentioned: &Bytes) -> u8 {
        // With so many mentioned, an escape may be the only way to write something else.
        let many = mentioned.count() > 50;
        match (self, self.kind(c)) {
            (Universe::Path(_) | Universe::Target(_), kind) if many || mentioned.has(b'%') => kind,
            (Universe::Path(_) | Universe::Target(_), 3) => 0,
            (Universe::Path(_) | Universe::Target(_), 4..=19) => 20,
            (Universe::HeaderValue | Universe::Text, kind) => match c {
                _ if many => kind,
                0x80.. if !mentioned.has_beyond_ascii() => 0,
                0..b' ' | 0x7f if !mentioned.has(c) => 0,
                _ => kind,
            },
            (_, kind) => kind,
        }
    }

    /// The only character that a string can go on with.
    pub fn required(&self, state: u32) -> Option<u8> {
        match self {
            Universe::Path(_) | Universe::Target(_) if state == Self::START => Some(b'/'),
            Universe::Identity { trust_domain } => match state {
                NS => Some(b'n'),
                SA => Some(b's'),
                _ if state == NS + 1 => Some(b's'),
                _ if state == NS + 2 || state == SA + 2 => Some(b'/'),
                _ if state == SA + 1 => Some(b'a'),
                at if at < NS => Some(
                    trust_domain
                        .as_bytes()
                        .get(at as usize)
                        .copied()
                        .unwrap_or(b'/'),
                ),
                _ => None,
            },
            _ => None,
        }
    }

    /// The state after one more character.
    pub fn step(&self, state: u32, c: u8) -> u32 {
        if self.kind(c) == 0 {
            return DEAD;
        }
        match self {
            Universe::Path(mode) => path_step(*mode, state, c),
            Universe::Target(_) if state == QUERY => QUERY,
            Universe::Target(mode) => {
                let path = Universe::Path(*mode);
                match c {
                    b'?' if path.accepts(state) => QUERY,
                    _ => path.step(state, c),
                }
            }
            Universe::Host | Universe::Authority | Universe::Method => 1,
            Universe::Identity { trust_domain } => identity_step(trust_domain, state, c),
            Universe::HeaderValue => match (state, c) {
                (utf8::INSIDE.., _) | (_, 0x80..) => utf8::step(state, c),
                (0, b' ' | b'\t') => DEAD,
                (_, b' ' | b'\t') => 2,
                _ => utf8::BETWEEN,
            },
            Universe::Text => utf8::step(state, c),
            Universe::ServerName => match (state, c) {
                (0, b'.' | b'-' | b'_') => DEAD,
                (2, b'.' | b'-' | b'_') => DEAD,
                (_, b'.') => 2,
                _ => 1,
            },
        }
    }

    /// Whether a string may end here.
    pub fn accepts(&self, state: u32) -> bool {
        match self {
            Universe::Target(_) if state == QUERY => true,
            Universe::Path(_) | Universe::Target(_) => matches!(
                state,
                SEGMENT | INSIDE | PERCENT | ROOT | SLASHES | FIRST_DIGIT..
            ),
            Universe::Host | Universe::Authority | Universe::Method => state == 1,
            Universe::ServerName => state <= 1,
            Universe::HeaderValue | Universe::Text => matches!(state, 0 | utf8::BETWEEN),
            Universe::Identity { .. } => state == SA_INSIDE,
        }
    }

    /// Whether the string is in the language.
    pub fn contains(&self, text: &str) -> bool {
        let mut state = Self::START;
        for c in text.bytes() {
            state = self.step(state, c);
            if state == DEAD {
                return false;
            }
        }
        self.accepts(state) && self.short_enough(text)
    }

    /// One of infinitely many different strings of the language, readable for small `n`.
    pub fn nth(&self, n: usize) -> String {
        match self {
            Universe::Path(_) | Universe::Target(_) => format!("/other-{n}"),
            Universe::Host | Universe::Authority => format!("other-{n}.example"),
            Universe::Method => format!("OTHER-{n}"),
            Universe::Identity { trust_domain } => {
                format!("{trust_domain}/ns/other/sa/other-{n}")
            }
            Universe::HeaderValue | Universe::Text => format!("other-{n}"),
            Universe::ServerName => format!("other-{n}.example"),
        }
    }

    /// The limits of length that Kubernetes sets, which the automaton does not count.
    pub fn short_enough(&self, text: &str) -> bool {
        match self {
            Universe::Identity { .. } => {
                let mut parts = text.rsplit('/');
                let account = parts.next().unwrap_or_default();
                let namespace = parts.nth(1).unwrap_or_default();
                account.len() <= 253 && namespace.len() <= 63
            }
            Universe::ServerName => text.len() <= 255,
            _ => true,
        }
    }
}

fn hex(c: u8) -> u8 {
    char::from(c).to_digit(16).map_or(0, |digit| digit as u8)
}

/// What normalisation leaves as it is: no segment `.` or `..`, no escape that need not be one.
/// A percent sign without two digits behind it is a character like any other.
fn path_step(mode: PathMode, state: u32, c: u8) -> u32 {
    let is_hex = HEX.as_bytes().contains(&c);
    let plain = mode == PathMode::None;
    let merges = matches!(
        mode,
        PathMode::MergeSlashes | PathMode::DecodeAndMergeSlashes
    );
    match (state, c) {
        (0, b'/') => ROOT,
        // Slashes alone are merged to two; see [`crate::analysis::path`].
        (ROOT, b'/') if merges => SLASHES,
        (SLASHES, _) => DEAD,
        (0, _) => DEAD,
        (PERCENT, _) if is_hex => FIRST_DIGIT + u32::from(hex(c)),
        (FIRST_DIGIT.., _) if is_hex => {
            let first = u8::try_from(state - FIRST_DIGIT).unwrap_or(0);
            let byte = first << 4 | hex(c);
            let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            let slash = byte == b'/' || byte == b'\\';
            let changed = unreserved || byte == 0 || merges_escapes(mode) && slash;
            if changed && !plain { DEAD } else { INSIDE }
        }
        (_, b'%') => PERCENT,
        (DOT | DOTS, b'/') => DEAD,
        (SEGMENT, b'/') if merges => DEAD,
        (_, b'/') => SEGMENT,
        (ROOT | SEGMENT, b'.') if !plain => DOT,
        (DOT, b'.') => DOTS,
        _ => INSIDE,
    }
}

fn merges_escapes(mode: PathMode) -> bool {
    mode == PathMode::DecodeAndMergeSlashes
}

// Identity states behind the trust domain and its slash; those before are positions.
const NS: u32 = 1 << 16;
const NS_INSIDE: u32 = NS + 3;
const NS_DASH: u32 = NS + 4;
const SA: u32 = NS + 5;
const SA_START: u32 = NS + 8;
const SA_INSIDE: u32 = NS + 9;
const SA_DASH: u32 = NS + 10;

fn identity_step(trust_domain: &str, state: u32, c: u8) -> u32 {
    let name = c.is_ascii_lowercase() || c.is_ascii_digit();
    if state < NS {
        let at = state as usize;
        return match trust_domain.as_bytes().get(at) {
            Some(wanted) if *wanted == c => state + 1,
            None if at == trust_domain.len() && c == b'/' => NS,
            _ => DEAD,
        };
    }
    match (state, c) {
        (NS, b'n') => NS + 1,
        (n, b's') if n == NS + 1 => NS + 2,
        (n, b'/') if n == NS + 2 => NS_DASH,
        // Behind `ns/` a name begins as it goes on behind a dash: with a letter or digit.
        (NS_INSIDE | NS_DASH, _) if name => NS_INSIDE,
        (NS_INSIDE, b'-') => NS_DASH + 16,
        (NS_INSIDE, b'/') => SA,
        (SA, b's') => SA + 1,
        (n, b'a') if n == SA + 1 => SA + 2,
        (n, b'/') if n == SA + 2 => SA_START,
        (SA_START | SA_INSIDE | SA_DASH, _) if name => SA_INSIDE,
        (SA_INSIDE, b'.') => SA_START,
        (SA_INSIDE | SA_DASH, b'-') => SA_DASH,
        (n, _) if n == NS_DASH + 16 && name => NS_INSIDE,
        (n, b'-') if n == NS_DASH + 16 => n,
        _ => DEAD,
    }
}

#[cfg(test)]
mod tests {
    use super::{DEAD, PathMode, Universe};

    #[test]
    fn knows_what_is_legal() {
        let identity = Universe::Identity {
            trust_domain: "cluster.local".to_owned(),
        };
        for (universe, yes, no) in [
            (Universe::Path(PathMode::Base), "/a//b%2F.x", "/a/./b"),
            (Universe::Path(PathMode::Base), "/...", "/a/.."),
            (Universe::Path(PathMode::Base), "/%20", "/%61"),
            (Universe::Path(PathMode::Base), "/%zz%4", "/%%41"),
            (Universe::Path(PathMode::None), "/%61/../", "a"),
            (Universe::Path(PathMode::MergeSlashes), "/a/", "/a//"),
            (
                Universe::Path(PathMode::DecodeAndMergeSlashes),
                "/a%20",
                "/a%2Fb",
            ),
            (Universe::Target(PathMode::Base), "/a?b?/../%41{", "/a/..?b"),
            (Universe::Target(PathMode::Base), "/?", "?b"),
            (Universe::Target(PathMode::Base), "/a?", "/a?b#c"),
            (Universe::Authority, "Web.shop:80", "WEB/shop"),
            (Universe::Host, "web.shop:8080", "web shop"),
            (Universe::Host, "[::1]:80", "WEB"),
            (Universe::Host, "web..shop:", ""),
            (Universe::Method, "GET", "G T"),
            (Universe::HeaderValue, "", " a"),
            (Universe::HeaderValue, "a\tb c", "a\t"),
            (
                Universe::HeaderValue,
                "é\u{85}\u{800}\u{d7ff}\u{e000}\u{10000}\u{10ffff}",
                "\u{7f}",
            ),
            (Universe::HeaderValue, "a é", "é "),
            (Universe::Text, " \0\u{7f}é\n", "never"),
            (
                identity.clone(),
                "cluster.local/ns/a--b/sa/c.d-e",
                "cluster.local/ns/a-/sa/b",
            ),
            (
                identity.clone(),
                "cluster.local/ns/a/sa/b",
                "other/ns/a/sa/b",
            ),
            (
                identity,
                "cluster.local/ns/sa/sa/ns",
                "cluster.local/ns/a/sa/b.",
            ),
            (Universe::ServerName, "a.b-c", "a..b"),
        ] {
            assert!(universe.contains(yes), "{universe:?} {yes}");
            assert!(no == "never" || !universe.contains(no), "{universe:?} {no}");
        }
    }

    /// What [`Universe::kind`] promises, in every state that can be reached.
    #[test]
    fn characters_of_a_kind_lead_to_the_same_state() {
        let identity = Universe::Identity {
            trust_domain: "td-1.x".to_owned(),
        };
        let mut universes = vec![
            Universe::Host,
            Universe::Authority,
            Universe::Method,
            identity,
            Universe::HeaderValue,
            Universe::Text,
            Universe::ServerName,
        ];
        for mode in [
            PathMode::None,
            PathMode::Base,
            PathMode::MergeSlashes,
            PathMode::DecodeAndMergeSlashes,
        ] {
            universes.extend([Universe::Path(mode), Universe::Target(mode)]);
        }
        for universe in universes {
            let mut states = vec![Universe::START];
            let mut at = 0;
            while let Some(state) = states.get(at).copied() {
                at += 1;
                let mut of_kind = [None; 256];
                for c in 0..=255u8 {
                    let next = universe.step(state, c);
                    if next != DEAD && !states.contains(&next) {
                        states.push(next);
                    }
                    let kind = universe.kind(c);
                    if kind == 0 || universe.required(state).is_some() {
                        continue;
                    }
                    let first = of_kind[kind as usize].get_or_insert(next);
                    assert_eq!(*first, next, "{universe:?} {state} {:?}", char::from(c));
                }
            }
        }
    }
}
