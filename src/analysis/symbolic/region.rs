//! Sets of requests as decision diagrams.
//!
//! A request falls into one class of each field. A region is a diagram with one level a field;
//! a node has one child for each class of its field, equal nodes are one node, and a node whose
//! children are all the same is that child. So a region has exactly one diagram: two are equal
//! when their numbers are, and union, intersection and difference cost at most the product of
//! the two sizes, where lists of products of sets can double with every operation.

use super::intern::Interner;
use super::strings::TooComplex;
use crate::order::sort_numbers;

/// A set of requests; meaningful to the [`Regions`] that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(u32);

impl Region {
    /// No request.
    pub const NONE: Region = Region(0);
    /// Every request.
    pub const ALL: Region = Region(1);

    /// Whether no request is in it.
    pub fn is_none(self) -> bool {
        self == Region::NONE
    }
}

/// A product of sets of classes: for each level, in ascending order, the classes; a level that
/// is left out is not restricted.
pub type Cube = Vec<(u32, Vec<u32>)>;

/// How much one set of regions may grow: children of nodes made, and children visited.
pub const DEFAULT_WORK: usize = 20_000_000;

/// More levels than any policy set should have; each is a level of recursion as well.
pub const MAX_LEVELS: usize = 200;

const TERMINAL: u32 = u32::MAX;
/// In the place of a child that is not known yet.
const OPEN: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Minus,
}

/// The regions over one list of fields.
#[derive(Debug)]
pub struct Regions {
    /// How many classes each level has.
    sizes: Vec<u32>,
    /// A node is its level and its children.
    nodes: Interner,
    /// Operation and operands ...
    asked: Interner,
    /// ... and the result of each.
    answers: Vec<u32>,
    /// Room for nodes in the making, to be used again.
    spare: Vec<Vec<u32>>,
    /// By node: the last search that came by.
    seen: Vec<u32>,
    searches: u32,
    work: usize,
    /// Some answers were never computed: there are no more.
    gave_up: bool,
}

impl Regions {
    /// Regions over fields with so many classes each, the level that is decided first in front.
    pub fn new(sizes: Vec<u32>, work: usize) -> Result<Self, TooComplex> {
        if sizes.len() > MAX_LEVELS {
            return Err(TooComplex);
        }
        let mut nodes = Interner::new();
        nodes.intern(&[TERMINAL, 0]);
        nodes.intern(&[TERMINAL, 1]);
        Ok(Regions {
            sizes,
            nodes,
            asked: Interner::new(),
            answers: Vec::new(),
            spare: Vec::new(),
            seen: Vec::new(),
            searches: 0,
            work,
            gave_up: false,
        })
    }

    /// Requests that fall, at each level mentioned, into one of the classes mentioned.
    pub fn cube(&mut self, cube: &[(u32, &[u32])]) -> Result<Region, TooComplex> {
        let mut levels: Vec<&(u32, &[u32])> = cube.iter().collect();
        crate::order::sort_by(&mut levels, |left, right| left.0.cmp(&right.0));
        let mut region = Region::ALL;
        let mut lower = None;
        for (level, classes) in levels.into_iter().rev() {
            let set = self.set(*level, classes)?;
            // Twice the same level, or nothing below yet: the general way is right.
            region = if lower == Some(*level) || region == Region::ALL {
                self.and(set, region)?
            } else {
                self.graft(set, region)?
            };
            lower = Some(*level);
        }
        Ok(region)
    }

    /// Requests that fall into one of the classes at a level.
    pub fn set(&mut self, level: u32, classes: &[u32]) -> Result<Region, TooComplex> {
        let size = self.size(level);
        let mut node = self.spare.pop().unwrap_or_default();
        node.clear();
        node.push(level);
        node.resize(size + 1, Region::NONE.0);
        for class in classes {
            if let Some(child) = node.get_mut(*class as usize + 1) {
                *child = Region::ALL.0;
            }
        }
        let made = self.node(&node).map(Region);
        self.spare.push(node);
        made
    }

    /// Which of these regions have a request of a cube, none of whose sets is empty.
    pub fn meeting(&mut self, cube: &Cube, regions: &[Region]) -> Result<Vec<bool>, TooComplex> {
        self.seen.resize(self.nodes.count(), 0);
        let mut found = Vec::with_capacity(regions.len());
        let mut open = Vec::new();
        for region in regions {
            self.searches += 1;
            open.clear();
            open.push(region.0);
            let mut meets = false;
            while let Some(at) = open.pop() {
                meets = at == Region::ALL.0;
                if meets {
                    break;
                }
                // INVARIANT: there is a place for every node.
                let Some(seen) = self.seen.get_mut(at as usize) else {
                    continue;
                };
                if at == Region::NONE.0 || std::mem::replace(seen, self.searches) == self.searches {
                    continue;
                }
                let Some((level, children)) = self.nodes.get(at).split_first() else {
                    continue;
                };
                let before = open.len();
                match cube.binary_search_by(|(other, _)| other.cmp(level)) {
                    Ok(factor) => {
                        let classes = cube.get(factor).map_or(&[][..], |(_, classes)| classes);
                        open.extend(classes.iter().filter_map(|at| children.get(*at as usize)));
                    }
                    Err(_) => open.extend_from_slice(children),
                }
                self.spend(open.len() - before)?;
            }
            found.push(meets);
        }
        Ok(found)
    }

    /// In both.
    pub fn and(&mut self, a: Region, b: Region) -> Result<Region, TooComplex> {
        self.apply(Operation::And, a.0, b.0).map(Region)
    }

    /// In either.
    pub fn or(&mut self, a: Region, b: Region) -> Result<Region, TooComplex> {
        self.apply(Operation::Or, a.0, b.0).map(Region)
    }

    /// In the first and not in the second.
    pub fn minus(&mut self, a: Region, b: Region) -> Result<Region, TooComplex> {
        self.apply(Operation::Minus, a.0, b.0).map(Region)
    }

    /// Not in it.
    pub fn not(&mut self, a: Region) -> Result<Region, TooComplex> {
        self.minus(Region::ALL, a)
    }

    /// In any of them. Halves are united first, so that small regions meet small ones.
    pub fn any(&mut self, regions: &[Region]) -> Result<Region, TooComplex> {
        let mut layer = regions.to_vec();
        while layer.len() > 1 {
            let mut next = Vec::with_capacity(layer.len().div_ceil(2));
            for pair in layer.chunks(2) {
                next.push(match pair {
                    [a, b] => self.or(*a, *b)?,
                    _ => pair.first().copied().unwrap_or(Region::NONE),
                });
            }
            layer = next;
        }
        Ok(layer.first().copied().unwrap_or(Region::NONE))
    }

    /// Whether every request of the first is in the second.
    pub fn within(&mut self, a: Region, b: Region) -> Result<bool, TooComplex> {
        Ok(self.minus(a, b)?.is_none())
    }

    /// Whether the request with these classes, one a level, is in the region.
    pub fn contains(&self, region: Region, classes: &[u32]) -> bool {
        let mut at = region.0;
        while let [level, children @ ..] = self.nodes.get(at)
            && *level != TERMINAL
        {
            let class = classes.get(*level as usize).copied().unwrap_or(0);
            at = children.get(class as usize).copied().unwrap_or(0);
        }
        at == Region::ALL.0
    }

    /// What is left of a region once the class at a level is known.
    pub fn given(&mut self, region: Region, level: u32, class: u32) -> Result<Region, TooComplex> {
        let slice = self.set(level, &[class])?;
        let inside = self.and(region, slice)?;
        self.forget(inside, level)
    }

    /// Whether some class at a level puts the request into the region.
    pub fn forget(&mut self, region: Region, level: u32) -> Result<Region, TooComplex> {
        let node = self.nodes.get(region.0).to_vec();
        let Some((here, children)) = node.split_first() else {
            return Ok(Region::NONE);
        };
        if *here == TERMINAL || *here > level {
            return Ok(region);
        }
        let distinct = distinct(children);
        if *here == level {
            let distinct: Vec<Region> = distinct.into_iter().map(Region).collect();
            return self.any(&distinct);
        }
        let mut mapped = Vec::with_capacity(distinct.len());
        for child in &distinct {
            mapped.push(self.forget(Region(*child), level)?.0);
        }
        let mut next = vec![*here];
        for child in children {
            let at = distinct.binary_search(child).unwrap_or(0);
            next.push(mapped.get(at).copied().unwrap_or(0));
        }
        self.node(&next).map(Region)
    }

    /// A request of the region: one class a level. `order` says at each level which classes to
    /// prefer; a class is taken in order of its number otherwise.
    pub fn witness(&self, region: Region, preferred: &[Vec<u32>]) -> Option<Vec<u32>> {
        if region.is_none() {
            return None;
        }
        let first = |level: usize| preferred.get(level).and_then(|list| list.first());
        let mut classes: Vec<u32> = (0..self.sizes.len())
            .map(|level| first(level).copied().unwrap_or(0))
            .collect();
        let mut at = region.0;
        while let [level, children @ ..] = self.nodes.get(at)
            && *level != TERMINAL
        {
            let open = |class: &u32| {
                children
                    .get(*class as usize)
                    .is_some_and(|child| *child != 0)
            };
            let wanted = preferred
                .get(*level as usize)
                .map_or(&[][..], Vec::as_slice);
            let class = wanted.iter().copied().find(open).or_else(|| {
                let at = children.iter().position(|child| *child != 0)?;
                u32::try_from(at).ok()
            })?;
            if let Some(slot) = classes.get_mut(*level as usize) {
                *slot = class;
            }
            at = children.get(class as usize).copied()?;
        }
        Some(classes)
    }

    /// The region as products of sets without overlap, at most `limit` of them, and whether that
    /// is all.
    pub fn cubes(&self, region: Region, limit: usize) -> (Vec<Cube>, bool) {
        let mut found = Vec::new();
        let complete = self.collect(region.0, &mut Vec::new(), &mut found, limit);
        (found, complete)
    }

    fn collect(&self, at: u32, path: &mut Cube, found: &mut Vec<Cube>, limit: usize) -> bool {
        if at == Region::NONE.0 {
            return true;
        }
        if at == Region::ALL.0 {
            if found.len() == limit {
                return false;
            }
            found.push(path.clone());
            return true;
        }
        let Some((level, children)) = self.nodes.get(at).split_first() else {
            return true;
        };
        // Children in the order of the first class that leads to them.
        let mut seen = Vec::new();
        for child in children {
            if *child == 0 || seen.contains(child) {
                continue;
            }
            seen.push(*child);
            let classes = (0u32..)
                .zip(children)
                .filter(|(_, other)| *other == child)
                .map(|(class, _)| class)
                .collect();
            path.push((*level, classes));
            let complete = self.collect(*child, path, found, limit);
            path.pop();
            if !complete {
                return false;
            }
        }
        true
    }

    fn size(&self, level: u32) -> usize {
        self.sizes.get(level as usize).copied().unwrap_or(0) as usize
    }

    fn spend(&mut self, amount: usize) -> Result<(), TooComplex> {
        match self.work.checked_sub(amount) {
            Some(left) => {
                self.work = left;
                Ok(())
            }
            None => {
                self.gave_up = true;
                Err(TooComplex)
            }
        }
    }

    /// The number of a node; of its child where all are the same.
    fn node(&mut self, node: &[u32]) -> Result<u32, TooComplex> {
        if let Some((_, children)) = node.split_first() {
            let first = children.first().copied().unwrap_or(0);
            if children.iter().all(|child| *child == first) {
                return Ok(first);
            }
        }
        self.spend(node.len())?;
        Ok(self.nodes.intern(node).0)
    }

    /// Puts `region`, which decides lower levels only, in the place of "every request" in `set`.
    fn graft(&mut self, set: Region, region: Region) -> Result<Region, TooComplex> {
        let mut node = self.nodes.get(set.0).to_vec();
        if node.first() == Some(&TERMINAL) {
            return Ok(if set.is_none() { set } else { region });
        }
        for child in node.iter_mut().skip(1) {
            if *child == Region::ALL.0 {
                *child = region.0;
            }
        }
        self.node(&node).map(Region)
    }

    fn apply(&mut self, operation: Operation, a: u32, b: u32) -> Result<u32, TooComplex> {
        if self.gave_up {
            return Err(TooComplex);
        }
        if let Some(answer) = at_once(operation, a, b) {
            return Ok(answer);
        }
        // Both orders of a union or an intersection are one question.
        let question = match operation {
            Operation::Minus => [2, a, b],
            _ => [operation as u32, a.min(b), a.max(b)],
        };
        let (asked, new) = self.asked.intern(&question);
        if !new && let Some(answer) = self.answers.get(asked as usize) {
            return Ok(*answer);
        }
        // The answer's place is taken now; nothing below can ask the same: it asks about lower
        // levels.
        self.answers.push(Region::NONE.0);
        let (left, right) = (self.nodes.start(a), self.nodes.start(b));
        let (left_level, right_level) = (self.nodes.item(left), self.nodes.item(right));
        let level = left_level.min(right_level);
        let size = self.size(level);
        self.spend(size)?;
        let mut node = self.spare.pop().unwrap_or_default();
        node.clear();
        node.push(level);
        let below = |node: u32, is_here: bool| -> &[u32] {
            let children = self.nodes.get(node).get(1..).filter(|_| is_here);
            children.unwrap_or_default()
        };
        // Most children are none or all: what they come to is told at once.
        let (lefts, rights) = (
            below(a, left_level == level),
            below(b, right_level == level),
        );
        let told = |left: u32, right: u32| at_once(operation, left, right).unwrap_or(OPEN);
        match (lefts, rights) {
            (lefts, []) => node.extend(lefts.iter().map(|left| told(*left, b))),
            ([], rights) => node.extend(rights.iter().map(|right| told(a, *right))),
            (lefts, rights) => {
                let pairs = lefts.iter().zip(rights);
                node.extend(pairs.map(|(left, right)| told(*left, *right)));
            }
        }
        // Neighbours are often alike; asking the table again costs more than comparing. Before the
        // first there is a pair that no children are.
        let mut before = (a, b);
        let mut result = Region::NONE.0;
        for (class, slot) in node.iter_mut().enumerate().skip(1) {
            if *slot != OPEN {
                continue;
            }
            let child = |start: usize, own: u32, other: u32| match other == level {
                true => self.nodes.item(start + class),
                false => own,
            };
            let pair = (child(left, a, left_level), child(right, b, right_level));
            if pair != before {
                result = self.apply(operation, pair.0, pair.1)?;
                before = pair;
            }
            *slot = result;
        }
        let result = self.node(&node)?;
        self.spare.push(node);
        if let Some(answer) = self.answers.get_mut(asked as usize) {
            *answer = result;
        }
        Ok(result)
    }
}

/// The answer where the operands alone tell it.
fn at_once(operation: Operation, a: u32, b: u32) -> Option<u32> {
    let (none, all) = (Region::NONE.0, Region::ALL.0);
    match operation {
        Operation::And if a == none || b == none => Some(none),
        Operation::And if a == all || a == b => Some(b),
        Operation::And if b == all => Some(a),
        Operation::Or if a == all || b == all => Some(all),
        Operation::Or if a == none || a == b => Some(b),
        Operation::Or if b == none => Some(a),
        Operation::Minus if a == none || b == all || a == b => Some(none),
        Operation::Minus if b == none => Some(a),
        _ => None,
    }
}

fn distinct(children: &[u32]) -> Vec<u32> {
    let mut distinct = children.to_vec();
    sort_numbers(&mut distinct);
    distinct.dedup();
    distinct
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT_WORK, Region, Regions};

    /// All requests over three small fields.
    fn everything() -> Vec<Vec<u32>> {
        let mut all = Vec::new();
        for a in 0..3 {
            for b in 0..2 {
                for c in 0..4 {
                    all.push(vec![a, b, c]);
                }
            }
        }
        all
    }

    #[test]
    fn operations_are_those_of_sets() {
        let mut regions = Regions::new(vec![3, 2, 4], DEFAULT_WORK).expect("small");
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state >> 20
        };
        let all = everything();
        let members = |regions: &Regions, region: Region| -> Vec<bool> {
            all.iter()
                .map(|request| regions.contains(region, request))
                .collect()
        };
        let mut known = vec![Region::NONE, Region::ALL];
        for _ in 0..300 {
            let classes: Vec<u32> = (0..4).filter(|_| random() % 2 == 0).collect();
            let more: Vec<u32> = (0..3).filter(|_| random() % 2 == 0).collect();
            let cube = regions.cube(&[(2, &classes), (0, &more)]).expect("small");
            let other = known[random() as usize % known.len()];
            for (operation, region) in [
                regions.and(cube, other),
                regions.or(cube, other),
                regions.minus(other, cube),
            ]
            .into_iter()
            .enumerate()
            {
                let region = region.expect("small");
                let expected: Vec<bool> = members(&regions, cube)
                    .into_iter()
                    .zip(members(&regions, other))
                    .map(|(a, b)| match operation {
                        0 => a && b,
                        1 => a || b,
                        _ => b && !a,
                    })
                    .collect();
                assert_eq!(members(&regions, region), expected);
                // Equal sets are equal numbers.
                let again = known
                    .iter()
                    .find(|known| members(&regions, **known) == expected);
                assert!(again.is_none_or(|again| *again == region));
                known.push(region);
                if let Some(witness) = regions.witness(region, &[]) {
                    assert!(regions.contains(region, &witness));
                } else {
                    assert!(region.is_none());
                }
                let (cubes, complete) = regions.cubes(region, 1000);
                assert!(complete);
                let mut total = Region::NONE;
                for cube in &cubes {
                    let parts: Vec<(u32, &[u32])> = cube
                        .iter()
                        .map(|(level, set)| (*level, set.as_slice()))
                        .collect();
                    let cube = regions.cube(&parts).expect("small");
                    assert!(regions.and(total, cube).expect("small").is_none());
                    total = regions.or(total, cube).expect("small");
                }
                assert_eq!(total, region);
            }
            let sets = vec![(0, more), (2, classes)];
            let meeting = regions.meeting(&sets, &known).expect("small");
            for (one, meets) in known.clone().into_iter().zip(meeting) {
                let both = regions.and(one, cube).expect("small");
                assert!(cube.is_none() || meets != both.is_none());
            }
            let given = regions.given(other, 1, 0).expect("small");
            for request in &all {
                let fixed = [request[0], 0, request[2]];
                assert_eq!(
                    regions.contains(given, request),
                    regions.contains(other, &fixed)
                );
            }
        }
    }

    #[test]
    fn gives_up_instead_of_hanging() {
        let mut regions = Regions::new(vec![200, 200], 1000).expect("few levels");
        let squares: Result<Vec<Region>, _> = (0..200)
            .map(|n| regions.cube(&[(0, &[n]), (1, &[n])]))
            .collect();
        assert!(squares.is_err());
    }
}
