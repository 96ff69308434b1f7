//! Classes of strings: which combinations of patterns a legal string can match.
//!
//! The product of a universe and the patterns at hand is explored from its start state. A state
//! holds the positions that are alive, so that its size follows what can still match and not
//! the number of patterns; breadth first, so that the first string to reach a class is one of
//! its shortest.

use super::glob::{CharSet, Glob, Piece};
use super::intern::Interner;
use super::universe::{Bytes, DEAD, Universe};
use crate::order::sort_numbers;

/// What makes an analysis give up instead of hanging: too many classes, states or steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooComplex;

/// Most classes of one field.
pub const MAX_CLASSES: usize = 20_000;
/// Most absent texts that may come up as witnesses.
const MAX_APART: usize = 200;

/// The partition of a universe by a list of patterns.
#[derive(Debug, Clone, Default)]
pub struct Classes {
    /// One legal string of each class, as short as can be where no better was proposed.
    pub witnesses: Vec<String>,
    /// For each pattern of the list, in ascending order, the classes that it matches.
    pub matched: Vec<Vec<u32>>,
}

/// Partitions `universe`, without the texts of `absent` (in ascending order), by `globs`. Each
/// class prefers its witness from `likely`, strings that a person would rather read, where they
/// are legal. Exploring takes no more than `work` steps.
pub fn classes(
    universe: &Universe,
    globs: &[&Glob],
    likely: &[&str],
    absent: &[String],
    work: usize,
) -> Result<Classes, TooComplex> {
    let (signatures, mut witnesses) = if globs.iter().all(|glob| is_simple(glob)) {
        exact_classes(universe, globs, likely, absent)
    } else {
        explore_present(universe, globs, absent, work)?
    };
    let mut matched = vec![Vec::new(); globs.len()];
    for class in 0..u32::try_from(signatures.count()).unwrap_or(u32::MAX) {
        for glob in signatures.get(class) {
            if let Some(list) = matched.get_mut(*glob as usize) {
                list.push(class);
            }
        }
    }
    // The likely ones last to first, so that the likeliest stays.
    for text in likely.iter().rev() {
        if !universe.contains(text) || is_absent(absent, text) {
            continue;
        }
        let mut signature = Vec::new();
        for (at, glob) in (0u32..).zip(globs) {
            if glob.matches(text) {
                signature.push(at);
            }
        }
        if let Some(class) = signatures.find(&signature)
            && let Some(witness) = witnesses.get_mut(class as usize)
        {
            *witness = (*text).to_owned();
        }
    }
    Ok(Classes { witnesses, matched })
}

/// Without wildcards, or matching everything: then no automaton is needed.
fn is_simple(glob: &Glob) -> bool {
    matches!(glob.0.as_slice(), [Piece::Star(set)] if *set == CharSet::Any)
        || glob.0.iter().all(|piece| matches!(piece, Piece::Char(_)))
}

/// The classes where every pattern is a plain text or matches everything: one for each text and
/// one for the rest, which no list of texts exhausts.
fn exact_classes(
    universe: &Universe,
    globs: &[&Glob],
    likely: &[&str],
    absent: &[String],
) -> (Interner, Vec<String>) {
    let mut everything = Vec::new();
    let mut texts: Vec<(String, u32)> = Vec::new();
    for (at, glob) in (0u32..).zip(globs) {
        match glob.as_exact() {
            None => everything.push(at),
            Some(text) if universe.contains(&text) && !is_absent(absent, &text) => {
                texts.push((text, at));
            }
            Some(_) => {}
        }
    }
    crate::order::sort(&mut texts);
    let mut signatures = Interner::new();
    let mut witnesses = Vec::new();
    let mut rest = texts.as_slice();
    while let Some((text, _)) = rest.first() {
        let many = rest.iter().take_while(|(other, _)| other == text).count();
        let (group, tail) = rest.split_at_checked(many).unwrap_or((rest, &[]));
        let mut signature = everything.clone();
        signature.extend(group.iter().map(|(_, at)| *at));
        sort_numbers(&mut signature);
        signatures.intern(&signature);
        witnesses.push(text.clone());
        rest = tail;
    }
    let free = |text: &str| {
        universe.contains(text)
            && !is_absent(absent, text)
            && texts
                .binary_search_by(|(other, _)| other.as_str().cmp(text))
                .is_err()
    };
    let other = likely
        .iter()
        .find(|text| free(text))
        .map(|text| (*text).to_owned())
        .or_else(|| {
            (0..=texts.len() + absent.len())
                .map(|n| universe.nth(n))
                .find(|text| free(text))
        });
    if let Some(text) = other {
        signatures.intern(&everything);
        witnesses.push(text);
    }
    (signatures, witnesses)
}

fn is_absent(absent: &[String], text: &str) -> bool {
    absent
        .binary_search_by(|other| other.as_str().cmp(text))
        .is_ok()
}

/// Explores, and again where an absent text came up as the witness of a class: with that text as
/// a pattern of its own, what else is in the class has another witness.
fn explore_present(
    universe: &Universe,
    globs: &[&Glob],
    absent: &[String],
    work: usize,
) -> Result<(Interner, Vec<String>), TooComplex> {
    let many = u32::try_from(globs.len()).unwrap_or(u32::MAX);
    let mut apart: Vec<Glob> = Vec::new();
    loop {
        let all: Vec<&Glob> = globs.iter().copied().chain(&apart).collect();
        let (found, witnesses) = explore(universe, &all, work)?;
        let mut signatures = Interner::new();
        let mut present = Vec::new();
        let before = apart.len();
        for (class, witness) in (0u32..).zip(witnesses) {
            let signature = found.get(class);
            let plain = signature.partition_point(|glob| *glob < many);
            if plain < signature.len() {
                continue;
            }
            if is_absent(absent, &witness) {
                apart.push(Glob::exact(&witness));
            } else {
                signatures.intern(signature);
                present.push(witness);
            }
        }
        if apart.len() == before {
            return Ok((signatures, present));
        }
        if apart.len() > MAX_APART {
            return Err(TooComplex);
        }
    }
}

/// The reachable signatures by exploration, each with a shortest string.
fn explore(
    universe: &Universe,
    globs: &[&Glob],
    work: usize,
) -> Result<(Interner, Vec<String>), TooComplex> {
    let product = Product::new(universe, globs);
    let mut states = Interner::new();
    // How each state was reached first: from which state, by which character.
    let mut from: Vec<(u32, u8)> = vec![(0, 0)];
    let mut first = vec![Universe::START];
    first.extend(product.closure_of_starts());
    states.intern(&first);
    let mut signatures = Interner::new();
    let mut witnesses = Vec::new();
    let mut next = Vec::new();
    let mut current = Vec::new();
    let mut moves = Vec::new();
    let mut at = 0u32;
    let mut steps = 0usize;
    while (at as usize) < states.count() {
        current.clear();
        current.extend_from_slice(states.get(at));
        let (here, live) = current.split_first().unwrap_or((&DEAD, &[]));
        if universe.accepts(*here) {
            let signature = product.accepted(live);
            if signatures.find(&signature).is_none() {
                let text = spell(&from, at);
                if universe.short_enough(&text) {
                    signatures.intern(&signature);
                    witnesses.push(text);
                }
            }
            if signatures.count() > MAX_CLASSES {
                return Err(TooComplex);
            }
        }
        moves.clear();
        match universe.required(*here) {
            Some(c) => moves.push(c),
            None => product.moves(live, &mut moves),
        }
        for c in moves.iter().copied() {
            let to = universe.step(*here, c);
            if to == DEAD {
                continue;
            }
            steps += 1 + live.len();
            if steps > work {
                return Err(TooComplex);
            }
            next.clear();
            next.push(to);
            product.advance(live, c, &mut next);
            let (_, new) = states.intern(&next);
            if new {
                from.push((at, c));
            }
        }
        at += 1;
    }
    Ok((signatures, witnesses))
}

fn spell(from: &[(u32, u8)], mut state: u32) -> String {
    let mut bytes = Vec::new();
    while state != 0 {
        let Some((before, c)) = from.get(state as usize) else {
            break;
        };
        bytes.push(*c);
        state = *before;
    }
    bytes.reverse();
    String::from_utf8(bytes).unwrap_or_default()
}

/// All pieces of all patterns in one list; an item is an index into it.
struct Product {
    /// `None` is the end of a pattern.
    pieces: Vec<Option<Piece>>,
    /// The pattern that each piece belongs to.
    owner: Vec<u32>,
    starts: Vec<u32>,
    /// Characters that must be tried where no live position asks for them: one of each kind,
    /// with the others of its kind to stand in.
    kinds: Vec<Vec<u8>>,
}

impl Product {
    fn new(universe: &Universe, globs: &[&Glob]) -> Self {
        let mut pieces = Vec::new();
        let mut owner = Vec::new();
        let mut starts = Vec::new();
        let mut mentioned = Bytes::default();
        for (at, glob) in (0u32..).zip(globs) {
            starts.push(u32::try_from(pieces.len()).unwrap_or(u32::MAX));
            for piece in &glob.0 {
                for c in named(*piece).into_iter().flatten() {
                    mentioned.add(c);
                }
                pieces.push(Some(*piece));
                owner.push(at);
            }
            pieces.push(None);
            owner.push(at);
        }
        // All sets hold characters of a kind alike: a slash is a kind of its own where it is legal.
        let mut keys: Vec<u8> = Vec::new();
        let mut kinds: Vec<Vec<u8>> = Vec::new();
        let mut done = Bytes::default();
        for c in PREFERRED.bytes().chain(0..=255) {
            let kind = universe.kind_given(c, &mentioned);
            if kind == 0 || done.has(c) {
                continue;
            }
            done.add(c);
            match keys.iter().position(|other| *other == kind) {
                Some(at) => {
                    if let Some(list) = kinds.get_mut(at) {
                        list.push(c);
                    }
                }
                None => {
                    keys.push(kind);
                    kinds.push(vec![c]);
                }
            }
        }
        Product {
            pieces,
            owner,
            starts,
            kinds,
        }
    }

    fn closure_of_starts(&self) -> Vec<u32> {
        let mut live = Vec::new();
        for start in &self.starts {
            self.enter(*start, &mut live);
        }
        sort_numbers(&mut live);
        live.dedup();
        live
    }

    fn piece(&self, item: u32) -> Option<Piece> {
        self.pieces.get(item as usize).copied().flatten()
    }

    fn enter(&self, mut item: u32, live: &mut Vec<u32>) {
        loop {
            match self.piece(item) {
                // Whatever follows, a pattern that ends in any text has matched; positions
                // before the end of it are of no use.
                Some(Piece::Star(set)) => {
                    live.push(item);
                    let last = matches!(self.pieces.get(item as usize + 1), Some(None));
                    if set == CharSet::Any && last {
                        return;
                    }
                    item += 1;
                }
                _ => {
                    live.push(item);
                    return;
                }
            }
        }
    }

    fn is_sticky(&self, item: u32) -> bool {
        matches!(self.piece(item), Some(Piece::Star(set)) if set == CharSet::Any)
            && matches!(self.pieces.get(item as usize + 1), Some(None))
    }

    /// The patterns that match if the string ends here.
    fn accepted(&self, live: &[u32]) -> Vec<u32> {
        let mut patterns: Vec<u32> = live
            .iter()
            .filter(|item| {
                let piece = self.pieces.get(**item as usize);
                matches!(piece, Some(None | Some(Piece::Query))) || self.is_sticky(**item)
            })
            .filter_map(|item| self.owner.get(*item as usize).copied())
            .collect();
        patterns.dedup();
        patterns
    }

    /// The characters worth trying: those that live positions ask for by name, and for each kind
    /// one that is not asked for.
    fn moves(&self, live: &[u32], moves: &mut Vec<u8>) {
        let mut special = Bytes::default();
        for item in live {
            for c in self.piece(*item).map(named).into_iter().flatten().flatten() {
                special.add(c);
            }
        }
        for kind in &self.kinds {
            moves.extend(kind.iter().find(|c| !special.has(**c)));
        }
        // Small letters read best.
        let all = (b'a'..=b'z').chain(0..b'a').chain(b'{'..=255);
        moves.extend(all.filter(|c| special.has(*c)));
    }

    fn advance(&self, live: &[u32], c: u8, next: &mut Vec<u32>) {
        let from = next.len();
        for item in live {
            match self.piece(*item) {
                Some(Piece::Char(wanted)) if wanted == c => self.enter(item + 1, next),
                Some(Piece::Letter(wanted)) if wanted == c.to_ascii_lowercase() => {
                    self.enter(item + 1, next);
                }
                Some(Piece::Query) if c == b'?' => self.enter(item + 1, next),
                Some(Piece::Star(set)) if set.has(c) => self.enter(*item, next),
                Some(Piece::Plus(set)) if set.has(c) => {
                    self.enter(*item, next);
                    self.enter(item + 1, next);
                }
                _ => {}
            }
        }
        if let Some(tail) = next.get_mut(from..) {
            sort_numbers(tail);
        }
        // Positions of a pattern that has matched for good say nothing more. They come before
        // its sticky one, which is the last of the pattern.
        let mut kept = from;
        let mut at = from;
        while let Some(item) = next.get(at).copied() {
            at += 1;
            if kept > from && next.get(kept - 1) == Some(&item) {
                continue;
            }
            if self.is_sticky(item) {
                let owner = self.owner.get(item as usize);
                while kept > from
                    && next
                        .get(kept - 1)
                        .is_some_and(|before| self.owner.get(*before as usize) == owner)
                {
                    kept -= 1;
                }
            }
            if let Some(slot) = next.get_mut(kept) {
                *slot = item;
            }
            kept += 1;
        }
        next.truncate(kept);
    }
}

/// The characters that a piece asks for by name.
fn named(piece: Piece) -> [Option<u8>; 2] {
    match piece {
        Piece::Char(c) => [Some(c), None],
        Piece::Letter(c) => [Some(c), Some(c.to_ascii_uppercase())],
        Piece::Query => [Some(b'?'), None],
        _ => [None, None],
    }
}

/// Characters that read well in a witness come first.
const PREFERRED: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

#[cfg(test)]
mod tests {
    use super::super::glob::{CharSet, Glob};
    use super::super::universe::{PathMode, Universe};
    use super::{Classes, classes};

    fn partition(universe: &Universe, globs: &[Glob]) -> Classes {
        let refs: Vec<&Glob> = globs.iter().collect();
        classes(universe, &refs, &[], &[], 4_000_000).expect("small")
    }

    /// Every class has a legal witness with that class's signature, and no two are equal.
    fn check(universe: &Universe, globs: &[Glob]) -> Classes {
        let found = partition(universe, globs);
        let mut seen = Vec::new();
        for (class, witness) in (0u32..).zip(&found.witnesses) {
            assert!(universe.contains(witness), "{universe:?} {witness}");
            let signature: Vec<bool> = globs.iter().map(|glob| glob.matches(witness)).collect();
            let listed: Vec<bool> = found
                .matched
                .iter()
                .map(|list| list.contains(&class))
                .collect();
            assert_eq!(signature, listed, "{witness}");
            assert!(!seen.contains(&signature), "{witness}");
            seen.push(signature);
        }
        found
    }

    #[test]
    fn overlaps_are_found() {
        let paths = Universe::Path(PathMode::Base);
        let found = check(
            &paths,
            &[Glob::prefix("/a"), Glob::suffix("/b"), Glob::exact("/a/b")],
        );
        // Neither, prefix, suffix, both, and the text itself.
        assert_eq!(found.witnesses, ["/", "/a", "/b", "/a/b", "/aa/b"]);
        let segment = CharSet::NotSlash;
        check(
            &paths,
            &[
                Glob::exact("/").plus(segment).text("/x"),
                Glob::exact("/a/").star(CharSet::Any),
                Glob::exact("/a").plus(segment),
                Glob::suffix("%2F"),
            ],
        );
    }

    #[test]
    fn what_no_request_holds_is_no_class() {
        let found = check(
            &Universe::Path(PathMode::Base),
            &[
                Glob::exact("/x/../a"),
                Glob::exact("/a?x=1"),
                Glob::prefix("b"),
            ],
        );
        assert_eq!(found.witnesses.len(), 1);
        let found = check(
            &Universe::Path(PathMode::MergeSlashes),
            &[Glob::exact("/a//").star(CharSet::Any), Glob::not_empty()],
        );
        assert_eq!(found.witnesses.len(), 1);
        // Of all strings the language has, none is longer than a service account may be.
        let identity = Universe::Identity {
            trust_domain: "td".to_owned(),
        };
        let found = check(
            &identity,
            &[Glob::prefix(&format!("td/ns/a/sa/{}", "x".repeat(254)))],
        );
        assert_eq!(found.witnesses.len(), 1);
    }

    #[test]
    fn a_namespace_written_as_a_regular_expression() {
        let identity = Universe::Identity {
            trust_domain: "td".to_owned(),
        };
        let any = CharSet::Any;
        let found = check(
            &identity,
            &[
                Glob::any().text("/ns/shop/").star(any),
                Glob::any().text("/ns/").star(any).text("a/").star(any),
                Glob::any().text("/ns/sa/").star(any),
                Glob::any().text("/ns/shop/sa/").star(any),
            ],
        );
        // `*a` matches every identity, and `sa` the clients of a namespace `ns`.
        assert!(
            found
                .matched
                .get(1)
                .is_some_and(|all| all.len() == found.witnesses.len())
        );
        assert!(found.matched.get(2).is_some_and(|some| !some.is_empty()));
    }

    /// Against all strings up to a length: the classes found are exactly those that exist.
    #[test]
    fn all_short_strings_fall_into_a_class() {
        let mut state = 0x2545_f491_4f6c_dd1du64;
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) % below
        };
        let alphabet = *b"/a.b%2";
        let mut strings = vec![String::from("/")];
        let mut from = 0;
        for _ in 0..5 {
            let to = strings.len();
            for at in from..to {
                for c in alphabet {
                    let mut longer = strings[at].clone();
                    longer.push(char::from(c));
                    strings.push(longer);
                }
            }
            from = to;
        }
        for round in 0..60 {
            let mode = [PathMode::None, PathMode::Base, PathMode::MergeSlashes][round % 3];
            let universe = Universe::Path(mode);
            let mut globs = Vec::new();
            for _ in 0..=random(4) {
                let mut glob = Glob::exact(if random(2) == 0 { "/" } else { "" });
                for _ in 0..=random(3) {
                    glob = match random(6) {
                        0 => glob.star(CharSet::Any),
                        1 => glob.plus(CharSet::NotSlash),
                        2 => glob.text("/"),
                        3 => glob.text("a"),
                        4 => glob.text("b"),
                        _ => glob.text("."),
                    };
                }
                globs.push(glob);
            }
            let found = check(&universe, &globs);
            let known: Vec<Vec<bool>> = found
                .witnesses
                .iter()
                .map(|w| globs.iter().map(|glob| glob.matches(w)).collect())
                .collect();
            for text in strings.iter().filter(|text| universe.contains(text)) {
                let signature: Vec<bool> = globs.iter().map(|glob| glob.matches(text)).collect();
                assert!(known.contains(&signature), "{mode:?} {globs:?} {text}");
            }
        }
    }
}
