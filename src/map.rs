//! A map from names to values that keeps the order of insertion, and the index that it stands on.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Names, and a number for each.
///
/// All maps and sets of the core stand on it, so that the compiled module holds one search tree,
/// not one for each type. It is ordered by hash first, because comparing texts is what takes time.
/// It is a tree all the same, for a hash without randomness can be made to collide.
#[derive(Debug, Clone, Default)]
pub struct Index<'a> {
    tree: BTreeMap<Key<'a>, usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    hash: u64,
    name: Cow<'a, str>,
}

impl<'a> Key<'a> {
    fn of(name: Cow<'a, str>) -> Self {
        // An odd number without pattern: the fraction of the golden ratio.
        let mix =
            |hash: u64, part: u64| (hash.rotate_left(5) ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (words, rest) = name.as_bytes().as_chunks();
        let words = words.iter().map(|word| u64::from_le_bytes(*word));
        let rest = rest.iter().map(|byte| u64::from(*byte));
        let hash = words.chain(rest).fold(0, mix);
        Key { hash, name }
    }
}

impl<'a> Index<'a> {
    /// The number of a name.
    #[inline(never)]
    pub fn get(&self, name: &str) -> Option<usize> {
        let tree: &BTreeMap<Key<'_>, usize> = &self.tree;
        tree.get(&Key::of(Cow::Borrowed(name))).copied()
    }

    /// Whether it has the name.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The number of a name, which becomes `number` where it had none.
    pub fn get_or_insert(&mut self, name: Cow<'a, str>, number: usize) -> usize {
        *self.number(name, number)
    }

    #[inline(never)]
    fn number(&mut self, name: Cow<'a, str>, number: usize) -> &mut usize {
        self.tree.entry(Key::of(name)).or_insert(number)
    }

    /// Adds a name; whether it is new.
    pub fn add(&mut self, name: impl Into<Cow<'a, str>>) -> bool {
        let number = self.tree.len();
        self.get_or_insert(name.into(), number) == number
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

    /// Whether there is a value under the name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Where the value under a name is; a name that had none gets a place at the end.
    fn place(&mut self, name: &'a str) -> usize {
        let end = self.entries.len();
        let at = self.index.number(Cow::Borrowed(name), end);
        if self.entries.get(*at).is_some_and(Option::is_some) {
            return *at;
        }
        self.len += 1;
        *at = end;
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
    use super::Map;

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
