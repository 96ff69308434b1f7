//! A map from names to values that keeps the order of insertion.

use std::collections::BTreeMap;

/// A map by name, in order of insertion: what is read in a document's order is written in it.
///
/// One index serves all value types, so that the compiled module holds one search tree, not one
/// for each type.
#[derive(Debug, Clone)]
pub struct Map<'a, V> {
    index: BTreeMap<&'a str, usize>,
    /// Removed entries leave a gap.
    entries: Vec<Option<(&'a str, V)>>,
}

impl<V> Default for Map<'_, V> {
    fn default() -> Self {
        Map {
            index: BTreeMap::new(),
            entries: Vec::new(),
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
        let entry = self.entries.get(*self.index.get(name)?)?;
        entry.as_ref().map(|(_, value)| value)
    }

    /// Whether there is a value under the name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.index.contains_key(name)
    }

    /// Sets the value under a name, in the place of the one that was there, which is returned.
    pub fn insert(&mut self, name: &'a str, value: V) -> Option<V> {
        let at = *self.index.entry(name).or_insert(self.entries.len());
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
        let at = *self.index.entry(name).or_insert(self.entries.len());
        if at == self.entries.len() {
            self.entries.push(Some((name, make())));
        }
        let entry = self.entries.get_mut(at)?;
        entry.as_mut().map(|(_, value)| value)
    }

    /// Takes the value under a name out.
    pub fn remove(&mut self, name: &str) -> Option<V> {
        let at = self.index.remove(name)?;
        let entry = self.entries.get_mut(at)?;
        entry.take().map(|(_, value)| value)
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
        self.index.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
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
