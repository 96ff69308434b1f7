//! A map from names to values that keeps the order of insertion, and the index that it stands on.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// How many names are compared one after the other, before there is a table.
const FEW: usize = 8;

/// How many places of the table a name may be at.
const WINDOW: usize = 16;

/// Names, and a number for each.
///
/// All maps and sets of the core stand on it, so that the compiled module holds one search, not one
/// for each type. A hash without randomness can be made to collide: names that find no place near
/// their own go into a tree, so that no input makes a search long.
#[derive(Debug, Clone, Default)]
pub struct Index<'a> {
    names: Vec<Entry<'a>>,
    /// For each place 0, or the position in `names` plus one; none while names are few.
    table: Vec<usize>,
    /// Positions of the names for which the table had no place.
    crowded: BTreeMap<Cow<'a, str>, usize>,
}

#[derive(Debug, Clone)]
struct Entry<'a> {
    hash: u64,
    name: Cow<'a, str>,
    number: usize,
}

fn hash(name: &str) -> u64 {
    // An odd number without pattern: the fraction of the golden ratio.
    let mix =
        |hash: u64, part: u64| (hash.rotate_left(5) ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (words, rest) = name.as_bytes().as_chunks();
    let mut mixed = 0;
    for word in words {
        mixed = mix(mixed, u64::from_le_bytes(*word));
    }
    for byte in rest {
        mixed = mix(mixed, u64::from(*byte));
    }
    // Once more, for the last step has reached few of the bits.
    mix(mixed ^ mixed >> 32, 0)
}

impl<'a> Index<'a> {
    /// The number of a name.
    pub fn get(&self, name: &str) -> Option<usize> {
        let at = self.position(hash(name), name)?;
        self.names.get(at).map(|entry| entry.number)
    }

    /// Whether it has the name.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The number of a name, which becomes `number` where it had none.
    pub fn get_or_insert(&mut self, name: Cow<'a, str>, number: usize) -> usize {
        let at = self.insert(name, number);
        self.names.get(at).map_or(number, |entry| entry.number)
    }

    /// Adds a name; whether it is new.
    pub fn add(&mut self, name: impl Into<Cow<'a, str>>) -> bool {
        let number = self.names.len();
        self.get_or_insert(name.into(), number) == number
    }

    /// Where in `names` a name is.
    #[inline(never)]
    fn position(&self, hash: u64, name: &str) -> Option<usize> {
        let is_it = |entry: &Entry<'_>| entry.hash == hash && entry.name == name;
        if self.table.is_empty() {
            return self.names.iter().position(is_it);
        }
        let first = self.place(hash);
        for place in self.table.get(first..first + WINDOW).unwrap_or_default() {
            let at = place.checked_sub(1)?;
            if self.names.get(at).is_some_and(is_it) {
                return Some(at);
            }
        }
        self.crowded.get(name).copied()
    }

    /// The first place for a hash; the table's length without the last window is a power of two.
    fn place(&self, hash: u64) -> usize {
        let places = self.table.len().saturating_sub(WINDOW);
        // The highest bits depend on all of the name. No table has more than 2^32 places.
        #[allow(clippy::cast_possible_truncation)]
        let high = (hash >> 32) as usize;
        high & places.wrapping_sub(1)
    }

    /// Adds a name where it is not there; its position in `names`.
    #[inline(never)]
    fn insert(&mut self, name: Cow<'a, str>, number: usize) -> usize {
        let hash = hash(&name);
        if let Some(at) = self.position(hash, &name) {
            return at;
        }
        let at = self.names.len();
        self.names.push(Entry { hash, name, number });
        if self.names.len() <= FEW {
            return at;
        }
        if self.names.len() * 2 > self.table.len().saturating_sub(WINDOW) {
            let places = (self.names.len() * 4).next_power_of_two();
            self.table = vec![0; places + WINDOW];
            self.crowded.clear();
            for at in 0..self.names.len() {
                self.settle(at);
            }
        } else {
            self.settle(at);
        }
        at
    }

    /// Gives the name at a position a place.
    fn settle(&mut self, at: usize) {
        let Some(entry) = self.names.get(at) else {
            return;
        };
        let first = self.place(entry.hash);
        let mut window = self.table.iter_mut().skip(first).take(WINDOW);
        match window.find(|place| **place == 0) {
            Some(place) => *place = at + 1,
            None => {
                self.crowded.insert(entry.name.clone(), at);
            }
        }
    }
}

/// A map by name, in order of insertion: what is read in a document's order is written in it.
#[derive(Debug, Clone)]
pub struct Map<'a, V> {
    index: Index<'a>,
    /// Removed entries leave a gap.
    entries: Vec<Option<(&'a str, V)>>,
    len: usize,
}

impl<V> Default for Map<'_, V> {
    fn default() -> Self {
        Map {
            index: Index::default(),
            entries: Vec::new(),
            len: 0,
        }
    }
}

impl<'a, V> Map<'a, V> {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value under a name.
    pub fn get(&self, name: &str) -> Option<&V> {
        let entry = self.entries.get(self.index.get(name)?)?;
        entry.as_ref().map(|(_, value)| value)
    }

    /// Where the value under a name is, for [`Map::at`]; it stays there until it is removed.
    pub fn position(&self, name: &str) -> Option<usize> {
        let at = self.index.get(name)?;
        self.at(at).map(|_| at)
    }

    /// The value at a position.
    pub fn at(&self, position: usize) -> Option<&V> {
        let entry = self.entries.get(position)?;
        entry.as_ref().map(|(_, value)| value)
    }

    /// Whether there is a value under the name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Where the value under a name is; a name that had none gets a place at the end.
    fn place(&mut self, name: &'a str) -> usize {
        let end = self.entries.len();
        let position = self.index.insert(Cow::Borrowed(name), end);
        let Some(known) = self.index.names.get_mut(position) else {
            return end;
        };
        if self.entries.get(known.number).is_some_and(Option::is_some) {
            return known.number;
        }
        self.len += 1;
        known.number = end;
        end
    }

    /// Sets the value under a name, in the place of the one that was there, which is returned.
    pub fn insert(&mut self, name: &'a str, value: V) -> Option<V> {
        let at = self.place(name);
        match self.entries.get_mut(at) {
            Some(entry) => entry.replace((name, value)).map(|(_, value)| value),
            None => {
                self.entries.push(Some((name, value)));
                None
            }
        }
    }

    /// The value under a name, made where there is none; `None` cannot come back from a map that
    /// was not tampered with, but asking for it keeps callers free of panics.
    pub fn get_or_insert_with(
        &mut self,
        name: &'a str,
        make: impl FnOnce() -> V,
    ) -> Option<&mut V> {
        let at = self.place(name);
        if at == self.entries.len() {
            self.entries.push(Some((name, make())));
        }
        let entry = self.entries.get_mut(at)?;
        entry.as_mut().map(|(_, value)| value)
    }

    /// Takes the value under a name out.
    pub fn remove(&mut self, name: &str) -> Option<V> {
        let at = self.index.get(name)?;
        let (_, value) = self.entries.get_mut(at)?.take()?;
        self.len -= 1;
        Some(value)
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &V)> {
        self.entries
            .iter()
            .flatten()
            .map(|(name, value)| (*name, value))
    }

    /// The names in order.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.iter().map(|(name, _)| name)
    }

    /// The values in order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<'a, V> FromIterator<(&'a str, V)> for Map<'a, V> {
    fn from_iter<I: IntoIterator<Item = (&'a str, V)>>(entries: I) -> Self {
        let mut map = Map::new();
        for (name, value) in entries {
            map.insert(name, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::{Index, Map, WINDOW, hash};

    #[test]
    fn finds_every_name_and_no_other() {
        let mut index = Index::default();
        for number in 0..5000 {
            assert!(index.add(format!("name-{number}")));
            assert!(!index.add(format!("name-{}", number / 2)));
        }
        for number in 0..5000 {
            assert_eq!(index.get(&format!("name-{number}")), Some(number));
            assert_eq!(index.get(&format!("nome-{number}")), None);
        }
        assert!(index.crowded.len() < 50, "{}", index.crowded.len());
    }

    #[test]
    fn names_that_collide_are_found_in_the_tree() {
        // The first word decides the hash's first step; the second is chosen to undo it.
        let start = |word: u64| word.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(5);
        let is_text = |word: u64| {
            word.to_le_bytes()
                .iter()
                .all(|byte| (0x01..0x7f).contains(byte))
        };
        let text = |word: u64| String::from_utf8_lossy(&word.to_le_bytes()).into_owned();
        let target = start(0x4141_4141_4141_4141) ^ 0x4242_4242_4242_4242;
        let names: Vec<String> = (0..200_000_u64)
            .map(|n| {
                (0..5).fold(0x4141_4141_4141_4141, |word, at| {
                    word + (((n >> (4 * at)) & 15) << (8 * at))
                })
            })
            .map(|word| (word, start(word) ^ target))
            .filter(|(word, second)| is_text(*word) && is_text(*second))
            .map(|(word, second)| text(word) + &text(second))
            .collect();
        assert!(names.len() > 3 * WINDOW, "{}", names.len());
        let mut index = Index::default();
        for (number, name) in names.iter().enumerate() {
            assert_eq!(hash(name), hash(&names[0]));
            assert_eq!(index.get_or_insert(name.into(), number), number);
        }
        for (number, name) in names.iter().enumerate() {
            assert_eq!(index.get(name), Some(number));
        }
        assert!(!index.crowded.is_empty());
    }

    #[test]
    fn keeps_the_order_of_insertion() {
        let mut map: Map<'_, u8> = [("b", 1), ("a", 2), ("c", 3)].into_iter().collect();
        assert_eq!(map.insert("a", 4), Some(2));
        assert_eq!(map.remove("b"), Some(1));
        assert_eq!(map.remove("b"), None);
        assert_eq!(map.get_or_insert_with("b", || 5).copied(), Some(5));
        assert_eq!(
            map.iter().collect::<Vec<_>>(),
            [("a", &4), ("c", &3), ("b", &5)]
        );
        assert_eq!((map.len(), map.get("b"), map.get("x")), (3, Some(&5), None));
    }
}
