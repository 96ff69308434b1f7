//! Classes of X-Forwarded-For: what its text matches, and which address its last entry is.
//!
//! A text that a pattern leaves open at its end can end in any address: it goes on with a comma. A
//! text that a pattern fixes as a whole, or from a comma on, has the one address that it has. So the
//! two kinds of conditions meet without an automaton for addresses. A pattern that fixes the end of
//! the last entry and not all of it is the exception; beside conditions on the address it is not
//! solved.

use super::axis::{classes_of, number};
use super::condition::{Condition, Field, Values};
use super::glob::{Glob, Piece};
use super::intervals::{ADDRESSES, Intervals, Point, Range};
use super::strings::{Classes, MAX_CLASSES, TooComplex, classes};
use super::universe::Universe;
use super::witness::address;
use std::net::IpAddr;

/// The classes of the header's texts; that it is not there is one more.
#[derive(Debug)]
pub(super) struct Forwarded {
    pub(super) globs: Vec<Glob>,
    pub(super) list: Classes,
    /// The class of the address of each.
    addresses: Vec<Option<u32>>,
    pub(super) intervals: Intervals,
}

/// The address that the header's text names.
pub fn address_in(text: &str) -> Option<Point> {
    let ip: IpAddr = text.rsplit(',').next()?.trim().parse().ok()?;
    Some(match ip {
        IpAddr::V4(ip) => (4, u128::from(u32::from(ip))),
        IpAddr::V6(ip) => (6, u128::from(ip)),
    })
}

/// What a pattern says of the end of a text.
enum End {
    Open,
    /// The last entry is given.
    Fixed,
    /// A part of it is.
    Partly,
}

fn end(glob: &Glob) -> End {
    let mut fixed = false;
    for piece in glob.0.iter().rev() {
        match piece {
            Piece::Char(c) => fixed |= *c == b',',
            _ if fixed => return End::Fixed,
            _ if glob.0.last() == Some(piece) => return End::Open,
            _ => return End::Partly,
        }
    }
    End::Fixed
}

/// Why there is no exact answer where [`is_mixed`].
pub const MIXED: &str = "patterns of X-Forwarded-For that begin with `*` and hold no comma are not solved exactly \
     beside conditions on forwarded addresses";

/// Whether conditions ask for a part of the header's last entry, and for the address in it as well.
pub fn is_mixed(conditions: &[&Condition]) -> bool {
    let (mut partly, mut addresses) = (false, false);
    for condition in conditions {
        condition.visit(&mut |field, values| match (field, values) {
            (Field::Forwarded, Values::Glob(glob)) => partly |= matches!(end(glob), End::Partly),
            (Field::Forwarded | Field::RemoteIp, Values::Range(_)) => addresses = true,
            _ => {}
        });
    }
    partly && addresses
}

/// Characters to go on with, where a text must not become a longer one that patterns know.
const FILLERS: &str =
    "xyzqjkvw0-~_!$&'()*+;=:@ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghilmnoprstu123456789";

impl Forwarded {
    pub(super) fn new(
        globs: Vec<Glob>,
        ranges: &[Range],
        work: usize,
    ) -> Result<Forwarded, TooComplex> {
        let refs: Vec<&Glob> = globs.iter().collect();
        let list = classes(&Universe::HeaderValue, &refs, &["10.0.0.1"], &[], work)?;
        let mut found = Forwarded {
            addresses: vec![None; list.witnesses.len()],
            intervals: Intervals::default(),
            list,
            globs,
        };
        if !ranges.is_empty() {
            found.intervals = Intervals::new(ADDRESSES, ranges);
            found.split()?;
        }
        Ok(found)
    }

    /// Splits the classes of texts by their addresses.
    fn split(&mut self) -> Result<(), TooComplex> {
        if self
            .globs
            .iter()
            .any(|glob| matches!(end(glob), End::Partly))
        {
            return Err(TooComplex);
        }
        let many = number(self.intervals.classes.len());
        if self.list.witnesses.len().saturating_mul(many as usize) > MAX_CLASSES {
            return Err(TooComplex);
        }
        let texts = std::mem::take(&mut self.list.witnesses);
        let matched = std::mem::take(&mut self.list.matched);
        self.list.matched = vec![Vec::new(); matched.len()];
        self.addresses.clear();
        for (class, text) in (0u32..).zip(&texts) {
            let has = |list: &Vec<u32>| list.binary_search(&class).is_ok();
            let signature: Vec<bool> = matched.iter().map(has).collect();
            let mut fixed = self.globs.iter().zip(&signature);
            if fixed.any(|(glob, holds)| *holds && matches!(end(glob), End::Fixed)) {
                let at = self.address_class(text);
                self.add(&signature, text.clone(), at);
                continue;
            }
            for wanted in (0..many).map(Some).chain([None]) {
                let text = self.spell(&signature, text, wanted).ok_or(TooComplex)?;
                self.add(&signature, text, wanted);
            }
        }
        Ok(())
    }

    fn add(&mut self, signature: &[bool], text: String, address: Option<u32>) {
        let class = number(self.list.witnesses.len());
        for (list, _) in self
            .list
            .matched
            .iter_mut()
            .zip(signature)
            .filter(|(_, holds)| **holds)
        {
            list.push(class);
        }
        self.list.witnesses.push(text);
        self.addresses.push(address);
    }

    /// A text like another that names an address of a class, or none.
    fn spell(&self, signature: &[bool], like: &str, wanted: Option<u32>) -> Option<String> {
        let ending = match wanted {
            Some(class) => {
                let likely = super::axis::LIKELY_ADDRESSES;
                address(self.intervals.witness(class, likely)?).to_string()
            }
            None => "unknown".to_owned(),
        };
        let fits = |text: &str| {
            let mut globs = self.globs.iter().zip(signature);
            self.address_class(text) == wanted
                && globs.all(|(glob, holds)| glob.matches(text) == *holds)
        };
        if fits(like) {
            return Some(like.to_owned());
        }
        if fits(&ending) {
            return Some(ending);
        }
        let mut filler = [0; 4];
        let fillers = FILLERS.chars().map(Some);
        for filled in [None].into_iter().chain(fillers) {
            let filled = filled.map_or("", |c| c.encode_utf8(&mut filler));
            // Patterns may know texts that end so; none knows every number of spaces.
            for spaces in 0..=self.globs.len() {
                let text = format!("{like}{filled},{:spaces$}{ending}", "");
                if fits(&text) {
                    return Some(text);
                }
            }
        }
        None
    }

    fn address_class(&self, text: &str) -> Option<u32> {
        self.intervals.class_of(address_in(text)?)
    }

    pub(super) fn class_of(&self, text: &str) -> Option<u32> {
        let address = self.address_class(text);
        let mut alike = classes_of(&self.globs, &self.list, text).into_iter();
        alike.find(|class| self.addresses.get(*class as usize) == Some(&address))
    }

    /// The classes whose address is in a range.
    pub(super) fn inside(&self, range: &Range) -> Vec<u32> {
        let wanted = self.intervals.inside(range);
        self.of(|address| address.is_some_and(|class| wanted.contains(&class)))
    }

    /// The classes without address, that there is no header among them.
    pub(super) fn without_address(&self) -> Vec<u32> {
        let mut found = self.of(|address| address.is_none());
        found.push(number(self.list.witnesses.len()));
        found
    }

    fn of(&self, fits: impl Fn(Option<u32>) -> bool) -> Vec<u32> {
        let all = (0u32..).zip(&self.addresses);
        all.filter(|(_, address)| fits(**address))
            .map(|(class, _)| class)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Forwarded, address_in};
    use crate::analysis::symbolic::glob::Glob;

    #[test]
    fn texts_and_addresses_meet() {
        let ten = ((4, 0x0a00_0000), (4, 0x0aff_ffff));
        let globs = vec![
            Glob::exact("10.0.0.1"),
            Glob::prefix("10."),
            Glob::prefix("unknown"),
            Glob::suffix(", 8.8.8.8"),
            Glob::any(),
        ];
        let found = Forwarded::new(globs.clone(), &[ten], 1_000_000).expect("small");
        let mut seen = Vec::new();
        for (class, text) in (0u32..).zip(&found.list.witnesses) {
            let signature: Vec<bool> = globs.iter().map(|glob| glob.matches(text)).collect();
            let listed: Vec<bool> = found
                .list
                .matched
                .iter()
                .map(|list| list.contains(&class))
                .collect();
            assert_eq!(signature, listed, "{text}");
            let inside = found.inside(&ten).contains(&class);
            let address = address_in(text);
            assert_eq!(
                inside,
                address.is_some_and(|point| ten.0 <= point && point <= ten.1)
            );
            assert_eq!(found.class_of(text), Some(class), "{text}");
            let key = (signature, found.addresses[class as usize]);
            assert!(!seen.contains(&key), "{text}");
            seen.push(key);
        }
        // A text that is unlike any witness has a class all the same.
        for text in [
            "10.9.9.9",
            "10.9, 8.8.8.8",
            "",
            "::1",
            "unknown,10.0.0.1",
            "x, 8.8.8.8",
        ] {
            assert!(found.class_of(text).is_some(), "{text}");
        }
        // What ends somewhere in an address is not told apart.
        assert!(Forwarded::new(vec![Glob::suffix("1")], &[ten], 1_000_000).is_err());
        assert!(Forwarded::new(vec![Glob::suffix("1")], &[], 1_000_000).is_ok());
    }
}
