//! Takes real documents apart: by bytes, by tokens, by lines.

use crate::random::Random;

/// What breaks readers.
pub const TOKENS: &[&str] = &[
    "null",
    "true",
    "~",
    "''",
    "\"\"",
    "[]",
    "{}",
    "[",
    "]",
    "{",
    "}",
    ":",
    ": ",
    "- ",
    ",",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "!!binary ",
    "---\n",
    "...\n",
    "|\n",
    ">-\n",
    "? ",
    "# ",
    "0",
    "-1",
    "65535",
    "65536",
    "9223372036854775808",
    "1e999",
    ".nan",
    "-0.0",
    "0x1f",
    "1_000",
    "99999999999999999999999999999999",
    "*",
    "a*",
    "*a",
    "{*}",
    "{**}",
    "/",
    "//",
    "/../",
    "%2F",
    "%00",
    "\\u0000",
    "\\ud800",
    "\u{feff}",
    "\u{202e}",
    "😀",
    "é",
    "\u{7f}",
    "\t",
    "\r\n",
    "\u{2028}",
    "cluster.local/ns/x/sa/y",
    "spiffe://",
    "10.0.0.0/8",
    "::/0",
    "::ffff:1.2.3.4",
    "999.1.1.1/99",
    "kind: List\nitems:\n",
    "apiVersion: v1\n",
    "__proto__",
    "-",
    "a-",
    "-a",
    "A",
    "a.b",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// An input made from one of the seeds, or of two.
pub fn input(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = random.pick(seeds).clone();
    // Small documents are fast and break as well as large ones.
    if bytes.len() > 3000 && !random.one_in(3) {
        let at = random.below(bytes.len() - 2000);
        let start = bytes[at..]
            .iter()
            .position(|&b| b == b'\n')
            .map_or(at, |n| at + n + 1);
        let length = 500 + random.below(2500);
        bytes = bytes[start.min(bytes.len())..(start + length).min(bytes.len())].to_vec();
    }
    let most = if random.one_in(4) { 30 } else { 4 };
    for _ in 0..1 + random.below(most) {
        step(random, &mut bytes, seeds);
    }
    bytes.truncate(400_000);
    bytes
}

fn range(random: &mut Random, bytes: &[u8]) -> (usize, usize) {
    let start = random.below(bytes.len() + 1);
    let most = if random.one_in(3) { 400 } else { 12 };
    let length = random.below(most);
    (start, (start + length).min(bytes.len()))
}

/// The range of one word or number, or of one line.
fn token(random: &mut Random, bytes: &[u8]) -> (usize, usize) {
    let at = random.below(bytes.len());
    let inside = |b: &u8| b.is_ascii_alphanumeric() || b"-_./*".contains(b);
    let start = bytes[..at]
        .iter()
        .rposition(|b| !inside(b))
        .map_or(0, |n| n + 1);
    let end = bytes[at..]
        .iter()
        .position(|b| !inside(b))
        .map_or(bytes.len(), |n| at + n);
    (start.min(end), end)
}

fn line(random: &mut Random, bytes: &[u8]) -> (usize, usize) {
    let at = random.below(bytes.len());
    let start = bytes[..at]
        .iter()
        .rposition(|&b| b == b'\n')
        .map_or(0, |n| n + 1);
    let end = bytes[at..]
        .iter()
        .position(|&b| b == b'\n')
        .map_or(bytes.len(), |n| at + n + 1);
    (start, end)
}

/// Takes one step.
pub fn step(random: &mut Random, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    if bytes.is_empty() {
        bytes.extend_from_slice(random.pick(TOKENS).as_bytes());
        return;
    }
    match random.below(13) {
        0 => {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        1 => {
            let (start, end) = range(random, bytes);
            bytes.drain(start..end);
        }
        2 => {
            let (start, end) = range(random, bytes);
            let copy = bytes[start..end].to_vec();
            let at = random.below(bytes.len() + 1);
            bytes.splice(at..at, copy);
        }
        3 | 4 => {
            let (start, end) = token(random, bytes);
            let value = random.pick(TOKENS).as_bytes().to_vec();
            bytes.splice(start..end, value);
        }
        5 => {
            let at = random.below(bytes.len() + 1);
            let value = random.pick(TOKENS).as_bytes().to_vec();
            bytes.splice(at..at, value);
        }
        6 => {
            let (start, end) = line(random, bytes);
            bytes.drain(start..end);
        }
        7 => {
            let (start, end) = line(random, bytes);
            let copy = bytes[start..end].to_vec();
            let (at, _) = line(random, bytes);
            bytes.splice(at..at, copy);
        }
        8 => {
            let (start, _) = line(random, bytes);
            if random.one_in(2) {
                bytes.splice(start..start, *b"  ");
            } else if bytes[start..].starts_with(b"  ") {
                bytes.drain(start..start + 2);
            }
        }
        9 => {
            // One token in place of another of the same document: names that meet.
            let (start, end) = token(random, bytes);
            let copy = bytes[start..end].to_vec();
            let (start, end) = token(random, bytes);
            bytes.splice(start..end, copy);
        }
        10 => {
            let other = random.pick(seeds);
            let (start, end) = range(random, other);
            let piece = other[start..end].to_vec();
            let at = random.below(bytes.len() + 1);
            bytes.splice(at..at, piece);
        }
        11 if random.one_in(20) => {
            // Depth and length.
            let (start, end) = range(random, bytes);
            let piece = bytes[start..end.min(start + 12)].to_vec();
            let times = 1 << random.below(12);
            let at = random.below(bytes.len() + 1);
            bytes.splice(at..at, piece.repeat(times));
        }
        _ => {
            let at = random.below(bytes.len());
            bytes[at] = random.draw() as u8;
        }
    }
}
