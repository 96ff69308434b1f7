//! Sorting. The standard library's sort is compiled anew for every type, three kilobytes each; this
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

#[inline(never)]
fn order(length: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..length).collect();
    order.sort_by(|left, right| compare(*left, *right));
    order
}

#[cfg(test)]
mod tests {
    use super::{sort, sort_by};

    #[test]
    fn sorts_and_keeps_the_order_of_equals() {
        let mut words = vec!["pear", "fig", "apple", "kiwi", "date"];
        sort_by(&mut words, |left, right| left.len().cmp(&right.len()));
        assert_eq!(words, ["fig", "pear", "kiwi", "date", "apple"]);
        sort(&mut words);
        assert_eq!(words, ["apple", "date", "fig", "kiwi", "pear"]);
    }
}
