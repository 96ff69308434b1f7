//! The two readers of YAML against each other, on random text.
//!
//! `MESH_POLICY_SEED` repeats a run, `MESH_POLICY_CASES` sets how many cases there are.

use super::block;
use super::yaml::{parse_events, parse_yaml};

/// Random numbers, and whether what is made of them may be odd.
struct Random(u64, bool);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of.get(self.below(of.len())).expect("below the length")
    }
}

/// An environment variable as a number.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn seed() -> u64 {
    let now = || {
        let since = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
        since.as_secs() * 1000 + u64::from(since.subsec_millis())
    };
    let seed = number("MESH_POLICY_SEED").unwrap_or_else(now);
    println!("MESH_POLICY_SEED={seed}");
    seed | 1
}

const SCALARS: &[&str] = &[
    "a",
    "name",
    "b c",
    "80",
    "-1",
    "1.5",
    "true",
    "~",
    "null",
    "/api/*",
    "a:b",
    "a#b",
    "x-y",
    "é",
    "日本 x",
    "\"q\"",
    "\"a: b\"",
    "\"\\n\\\"\\\\\\/\\t\"",
    "\"\\x41\"",
    "'s'",
    "'it''s'",
    "''",
    "\"\"",
    "'a # b'",
    "0x1F",
    "0o7",
    ".5",
    "1e3",
    "-",
    "--",
    "*",
    "a, b",
    "a]",
    "<<",
    "=",
    "(x)",
    "+1",
    "$x",
    "a\\b",
    "x;y",
    "a  b",
    "0099",
    "...",
    "---",
];
const ODD: &[&str] = &[
    "&a x",
    "*a",
    "!t x",
    "!!str 8",
    "|",
    ">",
    "|-",
    "@x",
    "`x",
    "%x",
    "? a",
    ": a",
    "?x",
    ":x",
    "\"",
    "'",
    "#x",
    "\t",
    "{",
    "]",
    "- a",
    "a: b",
    "\"a\": b",
    "\"a\" b",
    "'x'y",
    "[a: b]",
    "{a}",
    "[a,]",
    "{a: }",
    "[a\n]",
    "\"a\n b\"",
    "\u{7f}",
    "\u{85}",
    "[a, [b, {c: d}]] ",
    "{\"a\":1}",
];

fn scalar(random: &mut Random) -> &'static str {
    let usual = SCALARS.get(..20).expect("so many");
    random.one(if random.1 { SCALARS } else { usual })
}

/// A value that stands on one line.
fn line(random: &mut Random, depth: usize) -> String {
    match random.below(if depth > 2 { 12 } else { 16 }) {
        0 if random.1 => random.one(ODD).to_owned(),
        0..12 => scalar(random).to_owned(),
        12 | 13 => {
            let items: Vec<String> = (0..random.below(4))
                .map(|_| line(random, depth + 1))
                .collect();
            let gap = random.one(&["", " "]);
            format!(
                "[{gap}{}{gap}]",
                items.join(random.one(&[", ", ",", " , "]))
            )
        }
        _ => {
            let items: Vec<String> = (0..random.below(3))
                .map(|_| format!("{}: {}", scalar(random), line(random, depth + 1)))
                .collect();
            format!("{{{}}}", items.join(random.one(&[", ", ","])))
        }
    }
}

fn end(random: &mut Random, out: &mut String) {
    out.push_str(random.one(&[
        "\n",
        "\n",
        "\n",
        "\n",
        "\n",
        "\n",
        " \n",
        " # c\n",
        "\n\n",
        "\n  # c\n",
        "#\n",
        "\n# é\n",
    ]));
}

fn block_text(random: &mut Random, indent: usize, depth: usize, out: &mut String) {
    let count = 1 + random.below(4);
    let dashes = random.below(3) == 0;
    for at in 0..count {
        if at > 0 || !out.ends_with("- ") {
            // Now and then, the wrong indentation.
            let indent = if random.1 && random.below(60) == 0 {
                random.below(6)
            } else {
                indent
            };
            out.push_str(&" ".repeat(indent));
        }
        let inner = if dashes {
            let gap = if random.below(9) == 0 { 3 } else { 1 };
            out.push('-');
            out.push_str(&" ".repeat(gap));
            if random.below(2) == 0 && depth < 4 && gap == 1 {
                block_text(random, indent + 2, depth + 1, out);
                continue;
            }
            indent + gap + 1
        } else {
            out.push_str(scalar(random));
            out.push_str(random.one(&[
                ":",
                ":",
                ":",
                ":",
                ":",
                ":",
                ":",
                if random.1 { " :" } else { ":" },
            ]));
            indent + random.below(if random.1 { 4 } else { 2 }) + usize::from(!random.1)
        };
        if random.below(3) == 0 && depth < 4 {
            end(random, out);
            block_text(random, inner, depth + 1, out);
        } else {
            if random.below(8) > 0 {
                out.push(' ');
                out.push_str(&line(random, 0));
            }
            end(random, out);
        }
    }
}

fn text(random: &mut Random) -> String {
    random.1 = random.below(2) == 0;
    let mut out = String::new();
    for at in 0..1 + random.below(3) {
        if at > 0 || random.below(2) == 0 {
            out.push_str(random.one(&[
                "---\n",
                "---\n",
                "---\n",
                "--- # c\n",
                "--- a\n",
                "---\n---\n",
                "...\n",
                "%YAML 1.2\n---\n",
                "# c\n---\n",
            ]));
        }
        if random.below(12) == 0 {
            out.push_str(&line(random, 0));
            out.push('\n');
        } else {
            let indent = if random.below(9) == 0 { 2 } else { 0 };
            block_text(random, indent, 0, &mut out);
        }
    }
    // A random change.
    if random.1 && random.below(2) == 0 {
        let places: Vec<usize> = out.char_indices().map(|(at, _)| at).collect();
        let at = places
            .get(random.below(places.len()))
            .copied()
            .unwrap_or_default();
        let what = random.one(&[
            "\n", " ", ":", "-", "#", "\"", "'", "- ", ": ", "\n---\n", "\t", "\r", "\u{feff}",
            ",", "]", "{", "  ", "\0", "...",
        ]);
        out.insert_str(at, what);
    }
    if random.below(9) == 0 {
        out.truncate(out.trim_end().len());
    }
    out
}

#[test]
fn reads_the_same_tree_as_from_events() {
    let mut random = Random(seed(), true);
    let default = if cfg!(debug_assertions) {
        20_000
    } else {
        200_000
    };
    let cases = number("MESH_POLICY_CASES").unwrap_or(default);
    let (mut direct, mut good) = (0, 0);
    for _ in 0..cases {
        let text = text(&mut random);
        let expected = parse_events(&text);
        // As text, in which what is not a number equals itself.
        assert_eq!(
            format!("{:?}", parse_yaml(&text)),
            format!("{expected:?}"),
            "{text}\n{text:?}"
        );
        good += u64::from(expected.is_ok());
        direct += u64::from(block::read(&text, block::Start::default()).is_some());
    }
    println!(
        "{cases} texts, {good} without error, {direct} begin with a document that is read directly"
    );
    assert!(direct > cases / 20 && good > cases / 10);
}

#[test]
fn what_people_write_is_read_directly() {
    for text in [
        include_str!("../../examples/bookinfo/bundle.yaml"),
        "apiVersion: v1\nkind: Pod # a pod\nmetadata:\n  name: \"x\"\n  labels: {app: x, b: 'y'}\nspec:\n  ports:\n  - 8080\n  - name: http\n    port: 80\n  empty:\n  list: [1, [a], {}]\n",
    ] {
        assert!(
            block::read(text, block::Start::default()).is_some(),
            "{text}"
        );
    }
}
