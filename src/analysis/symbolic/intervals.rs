//! Classes of ports and addresses: a line cut where ranges begin and end.

/// A place on a line. Ports are of family 0, addresses of family 4 or 6: `::ffff:1.2.3.4` is not
/// `1.2.3.4`.
pub type Point = (u8, u128);
/// All places between two of one family, both included.
pub type Range = (Point, Point);

/// Every port that a request can have.
pub const PORTS: &[Range] = &[((0, 1), (0, 65_535))];
/// Every address, IPv4 and IPv6.
pub const ADDRESSES: &[Range] = &[((4, 0), (4, 0xffff_ffff)), ((6, 0), (6, u128::MAX))];

/// Every address that a connection can come from: not the unspecified ones.
pub const SOURCES: &[Range] = &[((4, 1), (4, 0xffff_ffff)), ((6, 1), (6, u128::MAX))];

/// The range of one port.
pub const fn port(number: u16) -> Range {
    ((0, number as u128), (0, number as u128))
}

/// The partition of a line by a list of ranges.
#[derive(Debug, Clone, Default)]
pub struct Intervals {
    /// The classes in ascending order.
    pub classes: Vec<Range>,
}

impl Intervals {
    /// Cuts `line`, whose ranges are in ascending order, wherever one of `ranges` begins or ends.
    pub fn new(line: &[Range], ranges: &[Range]) -> Self {
        // A class begins where a range begins and behind the end of one.
        let mut begins: Vec<Point> = Vec::with_capacity(ranges.len() * 2);
        for ((family, low), (_, high)) in ranges {
            begins.push((*family, *low));
            if let Some(behind) = high.checked_add(1) {
                begins.push((*family, behind));
            }
        }
        crate::order::sort(&mut begins);
        begins.dedup();
        let mut classes = Vec::new();
        for (low, high) in line {
            let mut from = *low;
            let inside = begins.partition_point(|begin| begin <= low);
            for begin in begins.iter().skip(inside) {
                if begin > high {
                    break;
                }
                classes.push((from, (begin.0, begin.1 - 1)));
                from = *begin;
            }
            classes.push((from, *high));
        }
        Intervals { classes }
    }

    /// The classes inside a range, which must be one of those that the line was cut by.
    pub fn inside(&self, range: &Range) -> std::ops::Range<u32> {
        let from = self.classes.partition_point(|class| class.0 < range.0);
        let to = self.classes.partition_point(|class| class.1 <= range.1);
        let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        number(from)..number(to.max(from))
    }

    /// The class of a point.
    pub fn class_of(&self, point: Point) -> Option<u32> {
        let at = self.classes.partition_point(|class| class.1 < point);
        let class = self.classes.get(at)?;
        (class.0 <= point).then(|| u32::try_from(at).unwrap_or(u32::MAX))
    }

    /// A point of a class: the first of `likely` that is in it, else its first.
    pub fn witness(&self, class: u32, likely: &[Point]) -> Option<Point> {
        let (low, high) = self.classes.get(class as usize)?;
        let within = |point: &&Point| *low <= **point && **point <= *high;
        Some(*likely.iter().find(within).unwrap_or(low))
    }
}

#[cfg(test)]
mod tests {
    use super::{ADDRESSES, Intervals, PORTS, port};

    #[test]
    fn cuts_where_ranges_begin_and_end() {
        let found = Intervals::new(
            PORTS,
            &[port(80), port(80), ((0, 1), (0, 10)), port(65_535)],
        );
        let bounds: Vec<(u128, u128)> = found.classes.iter().map(|c| (c.0.1, c.1.1)).collect();
        assert_eq!(
            bounds,
            [(1, 10), (11, 79), (80, 80), (81, 65_534), (65_535, 65_535)]
        );
        assert_eq!(found.inside(&port(80)), 2..3);
        assert_eq!(found.inside(&((0, 1), (0, 10))), 0..1);
        // Port 0 is on no line.
        assert!(found.inside(&port(0)).is_empty());
        assert_eq!(found.class_of((0, 12)), Some(1));
        assert_eq!(found.class_of((0, 0)), None);
        assert_eq!(found.witness(1, &[(0, 80), (0, 50)]), Some((0, 50)));
    }

    #[test]
    fn families_are_apart() {
        let all6 = ((6, 0), (6, u128::MAX));
        let found = Intervals::new(ADDRESSES, &[all6, ((4, 10), (4, 20))]);
        assert_eq!(found.classes.len(), 4);
        assert_eq!(found.inside(&all6), 3..4);
        assert_eq!(found.class_of((4, 15)), Some(1));
    }
}
