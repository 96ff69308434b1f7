//! The strings that a request can hold, and their classes, against plain definitions: every short string is legal where a
//! definition says so, and falls into a class that has just its patterns.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use mesh_policy::analysis::path::normalise;
use mesh_policy::analysis::symbolic::glob::{CharSet, Glob, Piece};
use mesh_policy::analysis::symbolic::strings::{Classes, TooComplex, classes};
use mesh_policy::analysis::symbolic::universe::{PathMode, Universe};
use mesh_policy::mesh::PathNormalization;

const MODES: [(PathMode, PathNormalization); 4] = [
    (PathMode::None, PathNormalization::None),
    (PathMode::Base, PathNormalization::Base),
    (PathMode::MergeSlashes, PathNormalization::MergeSlashes),
    (
        PathMode::DecodeAndMergeSlashes,
        PathNormalization::DecodeAndMergeSlashes,
    ),
];

fn identity(trust_domain: &str) -> Universe {
    Universe::Identity {
        trust_domain: trust_domain.to_owned(),
    }
}

/// All strings of these pieces, up to so many.
fn strings(pieces: &[&str], most: usize) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut from = 0;
    for _ in 0..most {
        let to = found.len();
        for at in from..to {
            for piece in pieces {
                found.push(format!("{}{piece}", found[at]));
            }
        }
        from = to;
    }
    found
}

#[track_caller]
fn are(universe: &Universe, texts: &[String], legal: impl Fn(&str) -> bool) {
    let (mut yes, mut no) = (0, 0);
    for text in texts {
        let expected = legal(text);
        assert_eq!(universe.contains(text), expected, "{universe:?} {text:?}");
        if expected { yes += 1 } else { no += 1 }
    }
    assert!(yes > 0 && no > 0, "{universe:?}: {yes} legal, {no} not");
}

/// Every character by itself, and between others.
fn each_character(around: &[(&str, &str)]) -> Vec<String> {
    let characters = (0..128u8).map(char::from);
    let beyond = "\u{80}\u{85}é\u{7ff}\u{800}\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}";
    characters
        .chain(beyond.chars())
        .flat_map(|c| {
            around
                .iter()
                .map(move |(left, right)| format!("{left}{c}{right}"))
        })
        .collect()
}

#[test]
fn paths() {
    let around = [
        ("", ""),
        ("/", ""),
        ("/a", "b"),
        ("/%", ""),
        ("/%4", ""),
        ("/%", "1"),
        ("/%2", "a"),
        ("/x/", "/y"),
    ];
    let mut texts = each_character(&around);
    let pieces = ["/", ".", "a", "%", "2", "f", "4", "\\", "é"];
    texts.extend(strings(&pieces, 5));
    for (mode, setting) in MODES {
        are(&Universe::Path(mode), &texts, |text| {
            let printable = text.bytes().all(|c| (0x21..0x7f).contains(&c));
            printable
                && text.starts_with('/')
                && !text.contains(['?', '#'])
                && normalise(text, setting).is_some_and(|path| path == text)
        });
    }
}

#[test]
fn paths_with_a_query() {
    let around = [("/", ""), ("/a?", "b"), ("/a", "?b"), ("", "/?")];
    let mut texts = each_character(&around);
    texts.extend(strings(&["/", ".", "a", "%", "61", "?", "{", "\\"], 5));
    for (mode, _) in MODES {
        let path = Universe::Path(mode);
        are(&Universe::Target(mode), &texts, |text| {
            let (before, query) = text.split_once('?').unwrap_or((text, ""));
            let printable = query.bytes().all(|c| (0x21..0x7f).contains(&c));
            printable && !query.contains('#') && path.contains(before)
        });
    }
}

#[test]
fn hosts_and_methods() {
    let mut texts = each_character(&[("", ""), ("a", ""), ("", "a"), ("a", "1")]);
    texts.push(String::new());
    let all = |text: &str, more: &str, letters: fn(&char) -> bool| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| letters(&c) || c.is_ascii_digit() || more.contains(c))
    };
    let host = "-._~:[]@%!$&'()*+,;=";
    are(&Universe::Host, &texts, |text| {
        all(text, host, char::is_ascii_lowercase)
    });
    are(&Universe::Authority, &texts, |text| {
        all(text, host, char::is_ascii_alphabetic)
    });
    // RFC 9110, section 5.6.2: a token.
    let token = "!#$%&'*+-.^_`|~";
    are(&Universe::Method, &texts, |text| {
        all(text, token, char::is_ascii_alphabetic)
    });
}

#[test]
fn values_of_headers_and_server_names() {
    let mut texts = each_character(&[("", ""), ("a", ""), ("", "a"), ("a", "a")]);
    texts.extend(strings(&[" ", "a", "/", "~"], 5));
    texts.extend(strings(&[" ", "a", "\t", "é"], 4));
    // RFC 9110, section 5.5, obsolete text included.
    are(&Universe::HeaderValue, &texts, |text| {
        text.bytes().all(|c| c == b'\t' || c >= 0x20 && c != 0x7f)
            && text.trim_matches([' ', '\t']) == text
    });
    // A claim is any text.
    assert!(texts.iter().all(|text| Universe::Text.contains(text)));
    texts.extend(strings(&["a", "B", "1", ".", "-", "_"], 5));
    texts.extend([255, 256].map(|many| "a".repeat(many)));
    are(&Universe::ServerName, &texts, |text| {
        let label = |label: &str| {
            let rest = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            label.starts_with(|c: char| c.is_ascii_alphanumeric()) && label.chars().all(rest)
        };
        text.is_empty() || text.len() <= 255 && text.split('.').all(label)
    });
}

#[test]
fn identities() {
    let label = |text: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !text.is_empty()
            && text.chars().all(inner)
            && !text.starts_with('-')
            && !text.ends_with('-')
    };
    for domain in ["td", "td-1.x", "ns", "Td_"] {
        let mut texts = Vec::new();
        for name in strings(&["a", "1", "-", ".", "/", "s", "A"], 4) {
            texts.push(format!("{domain}/ns/{name}/sa/x"));
            texts.push(format!("{domain}/ns/x/sa/{name}"));
            texts.push(format!("{domain}/{name}"));
            texts.push(name);
        }
        for (space, account) in [(63, 253), (64, 1), (1, 254)] {
            let (space, account) = ("a".repeat(space), "b".repeat(account));
            texts.push(format!("{domain}/ns/{space}/sa/{account}"));
        }
        texts.extend(each_character(&[
            ("", ""),
            (domain, "/ns/a/sa/b"),
            (domain, "ns/a/sa/b"),
            (
                "",
                &format!("{}/ns/a/sa/b", domain.get(1..).unwrap_or_default()),
            ),
            (&format!("{domain}/n"), "/a/sa/b"),
            (&format!("{domain}/ns/"), "/sa/b"),
            (&format!("{domain}/ns/a"), "/sa/b"),
            (&format!("{domain}/ns/a/sa/"), ""),
            (&format!("{domain}/ns/a/s"), "/b"),
        ]));
        are(&identity(domain), &texts, |text| {
            let rest = text
                .strip_prefix(domain)
                .and_then(|rest| rest.strip_prefix("/ns/"));
            let named = rest.and_then(|rest| rest.split_once("/sa/"));
            named.is_some_and(|(space, account)| {
                let fits = space.len() <= 63 && account.len() <= 253;
                // An account's labels may begin with digits, and a namespace is one label.
                fits && label(space) && account.split('.').all(label)
            })
        });
    }
}

#[test]
fn there_is_always_another() {
    let mut universes = vec![
        Universe::Host,
        Universe::Authority,
        Universe::Method,
        Universe::HeaderValue,
        Universe::Text,
        Universe::ServerName,
        identity("td"),
    ];
    for (mode, _) in MODES {
        universes.extend([Universe::Path(mode), Universe::Target(mode)]);
    }
    for universe in universes {
        let texts: Vec<String> = (0..5).map(|n| universe.nth(n)).collect();
        for (at, text) in texts.iter().enumerate() {
            assert!(universe.contains(text), "{universe:?} {text}");
            assert!(!texts[..at].contains(text), "{universe:?} {text}");
        }
        // Plain texts exhaust no language: beside each of them there is the rest.
        let globs: Vec<Glob> = texts.iter().map(|text| Glob::exact(text)).collect();
        let found = check(&universe, &globs, &[], &[]);
        assert_eq!(found.witnesses.len(), texts.len() + 1, "{universe:?}");
    }
}

fn find(
    universe: &Universe,
    globs: &[Glob],
    likely: &[&str],
    absent: &[String],
    work: usize,
) -> Result<Classes, TooComplex> {
    let globs: Vec<&Glob> = globs.iter().collect();
    classes(universe, &globs, likely, absent, work)
}

fn signature(globs: &[Glob], text: &str) -> Vec<bool> {
    globs.iter().map(|glob| glob.matches(text)).collect()
}

/// Every class has a legal text of its own that matches what the class does.
#[track_caller]
fn check(universe: &Universe, globs: &[Glob], likely: &[&str], absent: &[String]) -> Classes {
    let found = find(universe, globs, likely, absent, 4_000_000).expect("small");
    let mut seen = Vec::new();
    for (class, witness) in (0u32..).zip(&found.witnesses) {
        assert!(
            universe.contains(witness),
            "{universe:?} {globs:?} {witness}"
        );
        assert!(
            !absent.contains(witness),
            "{universe:?} {globs:?} {witness}"
        );
        let listed: Vec<bool> = found
            .matched
            .iter()
            .map(|list| list.contains(&class))
            .collect();
        assert_eq!(
            signature(globs, witness),
            listed,
            "{universe:?} {globs:?} {witness}"
        );
        assert!(!seen.contains(&listed), "{universe:?} {globs:?} {witness}");
        seen.push(listed);
    }
    found
}

/// And every legal text that is not absent is in one.
#[track_caller]
fn check_all(
    universe: &Universe,
    globs: &[Glob],
    likely: &[&str],
    absent: &[String],
    texts: &[String],
) {
    let found = check(universe, globs, likely, absent);
    let known: Vec<Vec<bool>> = found
        .witnesses
        .iter()
        .map(|text| signature(globs, text))
        .collect();
    let legal = texts
        .iter()
        .filter(|text| universe.contains(text) && !absent.contains(text));
    for text in legal {
        let mine = signature(globs, text);
        let at = known.iter().position(|other| *other == mine);
        let at = at.unwrap_or_else(|| unreachable!("{universe:?} {globs:?} {text} is in no class"));
        // The first likely text of a class is what stands for it.
        let best = likely.iter().find(|one| {
            universe.contains(one)
                && !absent.iter().any(|other| other == *one)
                && signature(globs, one) == mine
        });
        assert!(
            best.is_none_or(|best| found.witnesses[at] == *best),
            "{universe:?} {globs:?} {text}"
        );
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 16) % limit as u64) as usize
    }

    fn glob(&mut self, start: &str, texts: &[&str]) -> Glob {
        const SETS: [CharSet; 4] = [
            CharSet::Any,
            CharSet::NotSlash,
            CharSet::Segment,
            CharSet::Segments,
        ];
        let mut glob = Glob::exact(start);
        for _ in 0..=self.below(3) {
            let set = SETS[self.below(4)];
            glob = match self.below(8) {
                0 | 1 => glob.star(set),
                2 => glob.plus(set),
                _ => glob.text(texts[self.below(texts.len())]),
            };
        }
        glob
    }
}

#[test]
fn every_text_is_in_a_class() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let spaces = ["a", "b", "ab", "ns", "sa", "a-b"];
    let mut identities = Vec::new();
    for space in spaces {
        identities.extend(
            strings(&["a", "b", "-", "."], 3)
                .iter()
                .map(|name| format!("td/ns/{space}/sa/{name}")),
        );
    }
    let paths = strings(&["/", "a", "b", "?", "%", "["], 5);
    let hosts = strings(&["a", "B", "b", "1", "."], 4);
    let values = strings(&["a", "b", " ", ","], 4);
    let wide = strings(&["a", "é", "è", "\t", "\n", "\u{10000}", "x"], 4);
    let likely = [
        "/a",
        "ab",
        "td/ns/a/sa/a",
        "/",
        "b",
        "a b",
        " ",
        "é",
        "td/ns/b/sa/b",
    ];
    for round in 0..320 {
        let (mode, _) = MODES[round / 8 % 4];
        let (universe, starts, parts, texts): (_, &[&str], &[&str], _) = match round % 8 {
            0 => (
                Universe::Path(mode),
                &["/", ""],
                &["/", "a", "b", "%", "["],
                &paths,
            ),
            1 => (
                Universe::Target(mode),
                &["/", ""],
                &["/", "a", "b", "?"],
                &paths,
            ),
            2 => (
                Universe::Authority,
                &["", "a"],
                &["a", "b", "1", "."],
                &hosts,
            ),
            3 => (
                identity("td"),
                &["td/ns/a", "", "td/ns/"],
                &["/sa/", "a", "b", "-"],
                &identities,
            ),
            4 => (Universe::HeaderValue, &[""], &["a", "b", " ", ","], &values),
            5 => (Universe::HeaderValue, &[""], &["a", "é", "\t", "è"], &wide),
            6 => (Universe::Text, &[""], &["a", "é", "\n", "\u{10000}"], &wide),
            _ => (Universe::ServerName, &[""], &["a", ".", "B"], &hosts),
        };
        let many = 1 + random.below(3);
        let globs = (0..many).map(|_| {
            let start = starts[random.below(starts.len())];
            let glob = random.glob(start, parts);
            match universe {
                Universe::Authority => glob.in_any_case(),
                // Sets of characters are those of paths.
                Universe::Text | Universe::HeaderValue => Glob(
                    glob.0
                        .iter()
                        .map(|piece| match piece {
                            Piece::Star(_) => Piece::Star(CharSet::Any),
                            Piece::Plus(_) => Piece::Plus(CharSet::Any),
                            other => *other,
                        })
                        .collect(),
                ),
                Universe::Target(_) if random.below(2) == 0 => {
                    glob.with_any_query().unwrap_or(glob)
                }
                _ => glob,
            }
        });
        let mut globs: Vec<Glob> = globs.collect();
        globs.sort();
        globs.dedup();
        let mut absent: Vec<String> = Vec::new();
        if matches!(universe, Universe::Identity { .. }) {
            absent = (0..random.below(4))
                .map(|_| identities[random.below(identities.len())].clone())
                .collect();
            absent.push("td/ns/a/sa/a".into());
            absent.sort();
            absent.dedup();
        }
        check_all(&universe, &globs, &likely, &absent, texts);
    }
}

#[test]
fn plain_texts_and_what_is_beside_them() {
    let td = |name: &str| format!("td/ns/{name}");
    let absent = [td("a/sa/a"), td("other/sa/other-0")];
    let exact =
        |texts: &[&str]| -> Vec<Glob> { texts.iter().map(|text| Glob::exact(text)).collect() };
    let texts = ["a/sa/a", "a/sa/b", "b/sa/a", "b/sa/b", "c/sa/c"].map(td);
    // Likely texts that are not legal, that are absent, that a pattern names, and others.
    let likely = [
        "nobody",
        "td/ns/a/sa/a",
        "td/ns/a/sa/b",
        "td/ns/c/sa/c",
        "td/ns/b/sa/b",
    ];
    for (globs, beside) in [
        (exact(&["td/ns/a/sa/b"]), "td/ns/c/sa/c"),
        (
            exact(&["td/ns/a/sa/a", "td/ns/a/sa/b", "td/ns/c/sa/c"]),
            "td/ns/b/sa/b",
        ),
        (
            exact(&[
                "td/ns/a/sa/b",
                "td/ns/b/sa/b",
                "td/ns/c/sa/c",
                "td/ns/other/sa/other-1",
            ]),
            "td/ns/other/sa/other-2",
        ),
    ] {
        check_all(&identity("td"), &globs, &likely, &absent, &texts);
        let found = check(&identity("td"), &globs, &likely, &absent);
        let rest = found
            .witnesses
            .iter()
            .find(|text| !signature(&globs, text).contains(&true));
        assert_eq!(rest.map(String::as_str), Some(beside), "{globs:?}");
    }
    // Everything, and a text that no request holds.
    let globs = [Glob::any(), Glob::exact("/x/../a"), Glob::exact("/é")];
    assert_eq!(
        check(&Universe::Path(PathMode::Base), &globs, &[], &[])
            .witnesses
            .len(),
        1
    );
}

/// Bytes beyond ASCII are in no legal text, and do no harm in a pattern.
#[test]
fn patterns_beyond_ascii() {
    let universe = Universe::Authority;
    for text in ["é", "À", "a\u{80}", "日本"] {
        let globs = [
            Glob::prefix(text),
            Glob::suffix(text).in_any_case(),
            Glob(vec![
                Piece::Letter(0x80),
                Piece::Letter(0xc3),
                Piece::Star(CharSet::Any),
            ]),
            Glob::prefix("a"),
        ];
        assert_eq!(
            check(&universe, &globs, &[], &[]).witnesses.len(),
            2,
            "{text}"
        );
    }
}

/// Where patterns mention all other characters, an escape is the only way to write something else.
#[test]
fn an_escape_is_a_character_too() {
    let legal =
        "/.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_~!$&'()*+,;=:@[]";
    let universe = Universe::Path(PathMode::Base);
    let globs: Vec<Glob> = legal
        .chars()
        .map(|c| Glob::suffix(&c.to_string()))
        .collect();
    let found = check(&universe, &globs, &[], &[]);
    let other = found
        .witnesses
        .iter()
        .find(|text| !signature(&globs, text).contains(&true));
    assert_eq!(other.map(String::as_str), Some("/%"));
}

/// What would take more than it may is not solved in part.
#[test]
fn the_work_is_bounded() {
    let universe = Universe::Path(PathMode::Base);
    let globs = [
        Glob::suffix("/ab"),
        Glob::prefix("/b").text("a"),
        Glob::any().text("ba").star(CharSet::Any),
    ];
    let needed = (0..100_000).find(|work| find(&universe, &globs, &[], &[], *work).is_ok());
    let needed = needed.expect("enough");
    assert!(needed > 50, "{needed}");
    for more in 0..50 {
        assert!(find(&universe, &globs, &[], &[], needed + more).is_ok());
    }
}
