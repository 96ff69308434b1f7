//! Text as bytes: what is a character in UTF-8.

use super::universe::DEAD;

/// Between two characters.
pub(super) const BETWEEN: u32 = 1;
/// This state and those after it are inside a character.
pub(super) const INSIDE: u32 = 16;

// So many bytes more, any that may go on.
const ONE: u32 = INSIDE;
const TWO: u32 = INSIDE + 1;
const THREE: u32 = INSIDE + 2;
// Behind these first bytes not all may follow: some would be another way to write a character, or none.
const AFTER_E0: u32 = INSIDE + 3;
const AFTER_ED: u32 = INSIDE + 4;
const AFTER_F0: u32 = INSIDE + 5;
const AFTER_F4: u32 = INSIDE + 6;

/// Bytes of a kind lead to equal states, from every state; 0 is in no text. Those of ASCII are told apart
/// elsewhere.
pub(super) fn kind(c: u8) -> u8 {
    match c {
        0x80..=0x8f => 8,
        0x90..=0x9f => 9,
        0xa0..=0xbf => 10,
        0xc2..=0xdf => 11,
        0xe0 => 12,
        0xed => 13,
        0xe1..=0xef => 14,
        0xf0 => 15,
        0xf1..=0xf3 => 16,
        0xf4 => 17,
        _ => 0,
    }
}

/// The state after one more byte. Source: the Unicode Standard, table 3-7.
pub(super) fn step(state: u32, c: u8) -> u32 {
    match (state, c) {
        (ONE, 0x80..=0xbf) => BETWEEN,
        (TWO, 0x80..=0xbf) | (AFTER_E0, 0xa0..=0xbf) | (AFTER_ED, 0x80..=0x9f) => ONE,
        (THREE, 0x80..=0xbf) | (AFTER_F0, 0x90..=0xbf) | (AFTER_F4, 0x80..=0x8f) => TWO,
        (INSIDE.., _) => DEAD,
        (_, 0..=0x7f) => BETWEEN,
        (_, 0xc2..=0xdf) => ONE,
        (_, 0xe0) => AFTER_E0,
        (_, 0xed) => AFTER_ED,
        (_, 0xe1..=0xef) => TWO,
        (_, 0xf0) => AFTER_F0,
        (_, 0xf1..=0xf3) => THREE,
        (_, 0xf4) => AFTER_F4,
        _ => DEAD,
    }
}

#[cfg(test)]
mod tests {
    use super::{BETWEEN, DEAD, kind, step};

    /// Texts of up to four of the bytes at the ends of each range, against the standard library.
    #[test]
    fn is_what_the_standard_library_takes() {
        let bytes: Vec<u8> = (0..=255u8)
            .filter(|c| {
                *c == b'a'
                    || *c >= 0x7f
                        && (kind(*c) != kind(c - 1) || kind(*c) != kind(c.wrapping_add(1)))
            })
            .collect();
        let mut texts: Vec<(Vec<u8>, u32)> = vec![(Vec::new(), 0)];
        let mut from = 0;
        let mut legal = 0;
        for _ in 0..4 {
            let to = texts.len();
            for at in from..to {
                let Some((text, state)) = texts.get(at).cloned() else {
                    continue;
                };
                for c in &bytes {
                    let mut text = text.clone();
                    text.push(*c);
                    let next = step(state, *c);
                    let is_text = std::str::from_utf8(&text);
                    assert_eq!(next == BETWEEN, is_text.is_ok(), "{text:x?}");
                    legal += usize::from(next == BETWEEN);
                    // What more bytes could mend is no error yet.
                    let may_be = is_text.is_ok_and(|_| true)
                        || is_text.is_err_and(|error| error.error_len().is_none());
                    assert_eq!(next != DEAD, may_be, "{text:x?}");
                    if next != DEAD {
                        texts.push((text, next));
                    }
                }
            }
            from = to;
        }
        assert!(legal > 1000, "{legal}");
    }
}
