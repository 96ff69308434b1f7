//! Natural numbers of any size, as much of them as floats need.

use std::cmp::Ordering;

/// A natural number: 32 bits a limb, the least first, no zero at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Big {
    limbs: Vec<u32>,
}

// The casts below cut a sum or product into its low limb and the carry.
#[allow(clippy::cast_possible_truncation)]
impl Big {
    pub(super) fn from_u64(value: u64) -> Self {
        let mut big = Big {
            limbs: vec![value as u32, (value >> 32) as u32],
        };
        big.trim();
        big
    }

    fn trim(&mut self) {
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// How many bits it takes; none for 0.
    pub(super) fn bits(&self) -> i32 {
        let top = self.limbs.last().map_or(0, |limb| limb.leading_zeros());
        // Numbers here have a few thousand bits.
        self.limbs.len() as i32 * 32 - top as i32
    }

    pub(super) fn multiply_add(&mut self, factor: u32, summand: u32) {
        let mut carry = u64::from(summand);
        for limb in &mut self.limbs {
            carry += u64::from(*limb) * u64::from(factor);
            *limb = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.limbs.push(carry as u32);
        }
    }

    pub(super) fn multiply_by_power_of_ten(&mut self, exponent: u32) {
        for _ in 0..exponent / 9 {
            self.multiply_add(1_000_000_000, 0);
        }
        self.multiply_add(10_u32.pow(exponent % 9), 0);
    }

    pub(super) fn shift_left(&mut self, bits: u32) {
        if self.is_zero() {
            return;
        }
        self.multiply_add(1 << (bits % 32), 0);
        let zeros = std::iter::repeat_n(0, bits as usize / 32);
        self.limbs.splice(..0, zeros);
    }

    pub(super) fn plus(&self, other: &Big) -> Big {
        let (long, short) = if self.limbs.len() < other.limbs.len() {
            (other, self)
        } else {
            (self, other)
        };
        let mut sum = long.clone();
        let mut carry = 0;
        let others = short.limbs.iter().copied().chain(std::iter::repeat(0));
        for (limb, other) in sum.limbs.iter_mut().zip(others) {
            carry += u64::from(*limb) + u64::from(other);
            *limb = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            sum.limbs.push(carry as u32);
        }
        sum
    }

    pub(super) fn compare(&self, other: &Big) -> Ordering {
        let by_length = self.limbs.len().cmp(&other.limbs.len());
        by_length.then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
    }

    /// Takes `factor` times a number away from the limbs from `at` on; whether that went below 0,
    /// and so wrapped around.
    fn subtract_at(&mut self, at: usize, factor: u32, other: &Big) -> bool {
        let mut carry = 0;
        let others = other.limbs.iter().copied().chain(std::iter::repeat(0));
        for (limb, other) in self.limbs.iter_mut().skip(at).zip(others) {
            carry += u64::from(other) * u64::from(factor);
            let (difference, borrowed) = limb.overflowing_sub(carry as u32);
            *limb = difference;
            carry = (carry >> 32) + u64::from(borrowed);
        }
        carry > 0
    }

    fn add_at(&mut self, at: usize, other: &Big) -> bool {
        let mut carry = 0;
        let others = other.limbs.iter().copied().chain(std::iter::repeat(0));
        for (limb, other) in self.limbs.iter_mut().skip(at).zip(others) {
            carry += u64::from(*limb) + u64::from(other);
            *limb = carry as u32;
            carry >>= 32;
        }
        carry > 0
    }

    /// Divides in place: what remains stays, and the quotient is returned, of which the caller has
    /// made sure that it fits: 64 bits, and the divisor's highest bit is set.
    ///
    /// Source: Knuth, The Art of Computer Programming, volume 2, 4.3.1, algorithm D.
    pub(super) fn divide(&mut self, divisor: &Big) -> u64 {
        let length = divisor.limbs.len();
        let top = u64::from(divisor.limbs.last().copied().unwrap_or(u32::MAX));
        self.limbs.resize(length + 2, 0);
        let mut quotient = 0;
        for at in [1, 0] {
            let limb = |at: usize| u64::from(self.limbs.get(at).copied().unwrap_or_default());
            let head = limb(at + length) << 32 | limb((at + length).saturating_sub(1));
            // At most 2 too large, because the divisor's highest bit is set.
            let mut digit = (head / top).min(u64::from(u32::MAX)) as u32;
            let mut is_negative = self.subtract_at(at, digit, divisor);
            while is_negative {
                digit -= 1;
                is_negative = !self.add_at(at, divisor);
            }
            quotient = quotient << 32 | u64::from(digit);
        }
        self.trim();
        quotient
    }

    /// Takes a smaller number away.
    pub(super) fn subtract(&mut self, other: &Big) {
        self.subtract_at(0, 1, other);
        self.trim();
    }
}
