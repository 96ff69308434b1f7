//! A table that gives equal sequences of numbers the same small number.
//!
//! Automaton states, nodes of a [`super::region`] and results of operations on them are all
//! sequences of `u32`; one table without type parameters serves all three.

/// Numbers sequences in the order of their first appearance.
#[derive(Debug, Clone, Default)]
pub struct Interner {
    items: Vec<u32>,
    /// Where each sequence ends in `items`; it begins where the one before it ends.
    ends: Vec<usize>,
    /// Open addressing: 0 is a free slot, else number + 1. The length is a power of two.
    slots: Vec<u32>,
}

impl Interner {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many sequences there are.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// The sequence with this number; empty for a number that was never given.
    pub fn get(&self, id: u32) -> &[u32] {
        let at = id as usize;
        let end = self.ends.get(at).copied().unwrap_or(0);
        let start = match at.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(end),
            None => 0,
        };
        self.items.get(start..end).unwrap_or_default()
    }

    /// Where the sequence with this number begins, for [`Interner::item`]; it stays there.
    pub fn start(&self, id: u32) -> usize {
        let before = (id as usize).checked_sub(1);
        let end = before.and_then(|before| self.ends.get(before));
        end.copied().unwrap_or(0)
    }

    /// The item at a place; 0 behind the last.
    pub fn item(&self, at: usize) -> u32 {
        self.items.get(at).copied().unwrap_or(0)
    }

    /// The number of a sequence that was met before.
    pub fn find(&self, sequence: &[u32]) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = hash(sequence) & mask;
        loop {
            match self.slots.get(at).copied().unwrap_or(0) {
                0 => return None,
                taken if self.get(taken - 1) == sequence => return Some(taken - 1),
                _ => at = (at + 1) & mask,
            }
        }
    }

    /// The number of a sequence, and whether it is new.
    pub fn intern(&mut self, sequence: &[u32]) -> (u32, bool) {
        if self.ends.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash(sequence) & mask;
        loop {
            match self.slots.get(at).copied().unwrap_or(0) {
                0 => break,
                taken if self.get(taken - 1) == sequence => return (taken - 1, false),
                _ => at = (at + 1) & mask,
            }
        }
        let id = u32::try_from(self.ends.len()).unwrap_or(u32::MAX - 1);
        self.items.extend_from_slice(sequence);
        self.ends.push(self.items.len());
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = id + 1;
        }
        (id, true)
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(16);
        let mut slots = vec![0u32; size];
        for id in 0..u32::try_from(self.ends.len()).unwrap_or(u32::MAX - 1) {
            let mut at = hash(self.get(id)) & (size - 1);
            while slots.get(at).is_some_and(|slot| *slot != 0) {
                at = (at + 1) & (size - 1);
            }
            if let Some(slot) = slots.get_mut(at) {
                *slot = id + 1;
            }
        }
        self.slots = slots;
    }
}

/// Multiply and fold, two items at a time.
fn hash(sequence: &[u32]) -> usize {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15 ^ sequence.len() as u64;
    let (pairs, last) = sequence.as_chunks::<2>();
    for [first, second] in pairs {
        let both = u64::from(*first) | u64::from(*second) << 32;
        state = (state ^ both).wrapping_mul(0xff51_afd7_ed55_8ccd);
        state ^= state >> 32;
    }
    for item in last {
        state = (state ^ u64::from(*item)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        state ^= state >> 32;
    }
    (state ^ (state >> 29)) as usize
}

#[cfg(test)]
mod tests {
    use super::Interner;

    #[test]
    fn equal_sequences_have_one_number() {
        let mut table = Interner::new();
        let ids: Vec<u32> = (0..1000u32)
            .map(|n| table.intern(&[n % 100, 7, n % 100]).0)
            .collect();
        assert_eq!(table.count(), 100);
        assert!(
            ids.iter()
                .enumerate()
                .all(|(n, id)| *id as usize == n % 100)
        );
        assert_eq!(table.get(42), [42, 7, 42]);
        assert_eq!(table.intern(&[]), (100, true));
        assert_eq!(table.get(100), [0u32; 0]);
    }
}
