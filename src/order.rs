//! Sorting. The standard library's sort is compiled anew for every type, eight kilobytes each; this
//! one sorts numbers of places, whatever lies there.

use std::cmp::Ordering;

/// Sorts; what is equal stays in its order.
pub fn sort<T: Ord>(items: &mut Vec<T>) {
    sort_by(items, T::cmp);
}

/// Sorts by a comparison; what is equal stays in its order.
pub fn sort_by<T>(items: &mut Vec<T>, compare: impl Fn(&T, &T) -> Ordering) {
    let order = order(items.len(), &|left, right| {
        match (items.get(left), items.get(right)) {
            (Some(left), Some(right)) => compare(left, right),
            // INVARIANT: places are below the length.
            _ => Ordering::Equal,
        }
    });
    let mut places: Vec<Option<T>> = items.drain(..).map(Some).collect();
    for at in order {
        items.extend(places.get_mut(at).and_then(Option::take));
    }
}

/// Sorts numbers.
#[inline(never)]
pub fn sort_numbers(items: &mut [u32]) {
    merge_sort(items, |left, right| left > right);
}

/// The places `0..length` in the order of what lies there.
#[inline(never)]
pub fn order(length: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..length).collect();
    merge_sort(&mut order, |left, right| compare(left, right).is_gt());
    order
}

/// Merges runs of 1, 2, 4, … items. Unlike the standard library's sort it is small.
fn merge_sort<T: Copy>(items: &mut [T], is_after: impl Fn(T, T) -> bool) {
    if items.is_sorted_by(|left, right| !is_after(*left, *right)) {
        return;
    }
    let mut merged = Vec::with_capacity(items.len());
    let mut run = 1;
    while run < items.len() {
        for runs in items.chunks(run * 2) {
            let (mut first, mut second) = runs.split_at_checked(run).unwrap_or((runs, &[]));
            while let ([left, rest @ ..], [right, others @ ..]) = (first, second) {
                if is_after(*left, *right) {
                    merged.push(*right);
                    second = others;
                } else {
                    merged.push(*left);
                    first = rest;
                }
            }
            merged.extend_from_slice(first);
            merged.extend_from_slice(second);
        }
        items.copy_from_slice(&merged);
        merged.clear();
        run *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::{sort, sort_by, sort_numbers};

    #[test]
    fn sorts_and_keeps_the_order_of_equals() {
        let mut words = vec!["pear", "fig", "apple", "kiwi", "date"];
        sort_by(&mut words, |left, right| left.len().cmp(&right.len()));
        assert_eq!(words, ["fig", "pear", "kiwi", "date", "apple"]);
        sort(&mut words);
        assert_eq!(words, ["apple", "date", "fig", "kiwi", "pear"]);
    }

    #[test]
    fn sorts_as_the_standard_library_does() {
        let mut state = 1u32;
        for length in 0..200 {
            let mut random = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state >> 26
            };
            let mut numbers: Vec<u32> = (0..length).map(|_| random()).collect();
            let mut pairs: Vec<(u32, usize)> = numbers.iter().copied().zip(0..).collect();
            let (mut wanted, mut wanted_pairs) = (numbers.clone(), pairs.clone());
            wanted.sort_unstable();
            wanted_pairs.sort_by_key(|(number, _)| number % 8);
            sort_numbers(&mut numbers);
            sort_by(&mut pairs, |left, right| (left.0 % 8).cmp(&(right.0 % 8)));
            assert_eq!(numbers, wanted);
            assert_eq!(pairs, wanted_pairs);
        }
    }
}
