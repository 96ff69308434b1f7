//! Floats from decimal text and back, exactly, without the tables of powers that make the standard
//! library's conversions fast: few floats pass through here, and the module is a third smaller.

use super::big::Big;
use std::cmp::Ordering;

/// More significant digits than these cannot move a float, only break a tie.
const MAX_DIGITS: usize = 800;

/// The bits of a float's fraction, without the one before them.
const FRACTION_BITS: u32 = 52;

/// The exponent of the smallest float, a one in its last bit.
const MIN_EXPONENT: i32 = -1074;

/// The float nearest to a decimal text, ties to even: `-?[0-9]*(\.[0-9]*)?([eE][-+]?[0-9]+)?`, of
/// which the caller has made sure. A float too large is infinite.
pub(super) fn parse_float(text: &str) -> f64 {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut exponent = saturating(exponent).saturating_sub(length(fraction));
    let mut digits = Big::default();
    let mut count = 0;
    let mut is_cut = false;
    for digit in whole.bytes().chain(fraction.bytes()) {
        let digit = u32::from(digit.wrapping_sub(b'0'));
        if count == 0 && digit == 0 {
            continue;
        }
        if count < MAX_DIGITS {
            digits.multiply_add(10, digit);
            count += 1;
        } else {
            is_cut |= digit > 0;
            exponent = exponent.saturating_add(1);
        }
    }
    if is_cut {
        digits.multiply_add(10, 1);
        count += 1;
        exponent = exponent.saturating_sub(1);
    }
    let magnitude = exponent.saturating_add(i32::try_from(count).unwrap_or(i32::MAX));
    let value = if count == 0 || magnitude < -330 {
        0.0
    } else if magnitude > 310 {
        f64::INFINITY
    } else {
        scaled(digits, exponent)
    };
    if text.starts_with('-') { -value } else { value }
}

fn length(text: &str) -> i32 {
    i32::try_from(text.len()).unwrap_or(i32::MAX)
}

/// An integer, within the limits of its type.
fn saturating(text: &str) -> i32 {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let value = digits.bytes().fold(0_i32, |value, digit| {
        let digit = i32::from(digit.wrapping_sub(b'0'));
        value.saturating_mul(10).saturating_add(digit)
    });
    if text.starts_with('-') { -value } else { value }
}

/// `digits` times ten to the power of `exponent`.
fn scaled(mut dividend: Big, exponent: i32) -> f64 {
    let mut divisor = Big::from_u64(1);
    if exponent < 0 {
        divisor.multiply_by_power_of_ten(exponent.unsigned_abs());
    } else {
        dividend.multiply_by_power_of_ten(exponent.unsigned_abs());
    }
    // Both are shifted until the divisor's highest bit is that of a limb, and the quotient has 63
    // or 64 bits.
    let mut shifted = 0;
    let normal = (-divisor.bits()).rem_euclid(32).unsigned_abs();
    let excess = dividend.bits() - 63 - divisor.bits();
    for by in [normal, excess.max(0).unsigned_abs().next_multiple_of(32)] {
        divisor.shift_left(by);
        shifted += by.cast_signed();
    }
    let by = 63 + divisor.bits() - dividend.bits();
    dividend.shift_left(by.unsigned_abs());
    let quotient = dividend.divide(&divisor);
    rounded(quotient, shifted - by, !dividend.is_zero())
}

/// `value`, and a little more if `has_rest`, times two to the power of `exponent`.
fn rounded(value: u64, exponent: i32, has_rest: bool) -> f64 {
    let bits = 64 - value.leading_zeros().cast_signed();
    let last = (exponent + bits - 53).max(MIN_EXPONENT);
    let cut = (last - exponent).unsigned_abs();
    if cut > 64 {
        return 0.0;
    }
    let kept = value.checked_shr(cut).unwrap_or_default();
    let half = 1 << (cut - 1);
    let rest = value & (half | (half - 1));
    let is_up = rest > half || (rest == half && (has_rest || kept % 2 == 1));
    let kept = kept + u64::from(is_up);
    // The bit before the fraction counts as one in the exponent, and so does a carry.
    let bits = (u64::from((last - MIN_EXPONENT).unsigned_abs()) << FRACTION_BITS) + kept;
    f64::from_bits(bits.min(f64::INFINITY.to_bits()))
}

/// The text that Python's `repr` has for a float: the shortest that reads back as the same.
pub fn float_text(value: f64) -> String {
    let mut text = String::new();
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_sign_negative() {
        text.push('-');
    }
    if value.is_infinite() {
        text.push_str("inf");
        return text;
    }
    if value == 0.0 {
        text.push_str("0.0");
        return text;
    }
    let (digits, point) = shortest(value.abs());
    let count = length(&digits);
    let zeros = |text: &mut String, count: i32| text.extend((0..count).map(|_| '0'));
    if !(-3..=16).contains(&point) {
        let (first, rest) = digits.split_at_checked(1).unwrap_or((&digits, ""));
        text.push_str(first);
        if !rest.is_empty() {
            text.push('.');
            text.push_str(rest);
        }
        text.push_str(if point > 0 { "e+" } else { "e-" });
        let exponent = (point - 1).unsigned_abs();
        zeros(&mut text, i32::from(exponent < 10));
        text.push_str(&exponent.to_string());
    } else if point <= 0 {
        text.push_str("0.");
        zeros(&mut text, -point);
        text.push_str(&digits);
    } else if let Some((whole, fraction)) = digits.split_at_checked(point.unsigned_abs() as usize)
        && !fraction.is_empty()
    {
        for part in [whole, ".", fraction] {
            text.push_str(part);
        }
    } else {
        text.push_str(&digits);
        zeros(&mut text, point - count);
        text.push_str(".0");
    }
    text
}

/// The fewest digits that only this positive number is nearest to, and where the decimal point
/// stands, counted from before the first.
///
/// Source: Steele and White, How to Print Floating-Point Numbers Accurately.
fn shortest(value: f64) -> (String, i32) {
    let fraction = value.to_bits() & ((1 << FRACTION_BITS) - 1);
    // A positive float's exponent has 11 bits.
    #[allow(clippy::cast_possible_truncation)]
    let biased = (value.to_bits() >> FRACTION_BITS) as i32;
    let (mantissa, exponent) = match biased {
        0 => (fraction, MIN_EXPONENT),
        _ => (fraction | 1 << FRACTION_BITS, biased - 1 + MIN_EXPONENT),
    };
    // The value is rest / scale; what is less than above / scale over it, or below / scale under
    // it, reads as the same float.
    let mut rest = Big::from_u64(mantissa);
    let [mut scale, mut above, mut below] = [1; 3].map(Big::from_u64);
    let is_narrow = fraction == 0 && biased > 1;
    let (up, down) = (exponent.max(0), (-exponent).max(0));
    rest.shift_left(up.unsigned_abs() + 1 + u32::from(is_narrow));
    scale.shift_left(down.unsigned_abs() + 1 + u32::from(is_narrow));
    above.shift_left(up.unsigned_abs() + u32::from(is_narrow));
    below.shift_left(up.unsigned_abs());
    // 1233 / 4096 is a little less than the logarithm of two.
    let highest = exponent + 63 - mantissa.leading_zeros().cast_signed();
    let mut point = (highest * 1233) >> 12;
    if point >= 0 {
        scale.multiply_by_power_of_ten(point.unsigned_abs());
    } else {
        for number in [&mut rest, &mut above, &mut below] {
            number.multiply_by_power_of_ten(point.unsigned_abs());
        }
    }
    // An even mantissa wins the ties on both sides.
    let is_even = mantissa % 2 == 0;
    let reaches = |left: &Big, right: &Big| match left.compare(right) {
        Ordering::Greater => true,
        Ordering::Equal => is_even,
        Ordering::Less => false,
    };
    while reaches(&rest.plus(&above), &scale) {
        scale.multiply_add(10, 0);
        point += 1;
    }
    let mut digits = String::new();
    loop {
        for number in [&mut rest, &mut above, &mut below] {
            number.multiply_add(10, 0);
        }
        let mut digit = b'0';
        while rest.compare(&scale).is_ge() {
            rest.subtract(&scale);
            digit += 1;
        }
        let is_low = reaches(&below, &rest);
        let is_high = reaches(&rest.plus(&above), &scale);
        if is_low || is_high {
            let is_up = match rest.plus(&rest).compare(&scale) {
                Ordering::Greater => true,
                Ordering::Equal => digit % 2 == 1,
                Ordering::Less => false,
            };
            digit += u8::from(is_high && (!is_low || is_up));
            digits.push(char::from(digit));
            return (digits, point);
        }
        digits.push(char::from(digit));
    }
}

#[cfg(test)]
mod tests {
    use super::{float_text, parse_float};

    /// The standard library is the judge.
    #[track_caller]
    fn agrees(text: &str) {
        let wanted: f64 = text.parse().expect("is a float");
        let given = parse_float(text);
        assert_eq!(given.to_bits(), wanted.to_bits(), "{text}: {given:e}");
    }

    #[test]
    fn reads_what_is_hard_to_read() {
        for text in [
            "0",
            "-0.0",
            "1",
            "0.1",
            ".5",
            "5.",
            "1e0",
            "1E+2",
            "1e-2",
            "123456789012345678901234567890",
            "9007199254740992.5",
            "9007199254740993",
            "9007199254740993.0000000001",
            "9007199254740995",
            "1.7976931348623157e308",
            "1.7976931348623158e308",
            "1.7976931348623159e308",
            "1e309",
            "2.2250738585072011e-308",
            "2.2250738585072014e-308",
            "4.9e-324",
            "2.4703282292062327e-324",
            "2.4703282292062328e-324",
            "2e-324",
            "1e-400",
            "1e99999999999999",
            "1e-99999999999999",
            "0.000000000000000000000000000000000000001e40",
            "0e99999999999",
            "1e23",
            "8.5e22",
            "6.631236846766476e-316",
            "3.2378839133029012895883e-319",
        ] {
            agrees(text);
        }
        // Half-way, and a tail that only breaks the tie.
        let half = format!("{:.1100}", f64::from_bits(1) / 2.0 + f64::from_bits(3));
        for text in [
            half.clone(),
            format!("{half}1"),
            "7".repeat(2000),
            format!("1{}e-3000", "0".repeat(3000)),
        ] {
            agrees(&text);
        }
        let tie = format!("9007199254740993.{}", "0".repeat(900));
        agrees(&tie);
        agrees(&format!("{tie}1"));
    }

    #[test]
    fn reads_and_writes_random_floats_as_the_standard_library_does() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for round in 0..5_000 {
            let bits = match round % 4 {
                0 => next() >> 1,
                1 => next() >> 13,
                // Powers of two have neighbours at unlike distances.
                2 => (next() % 2047) << 52,
                _ => (next() % 1_000_000).wrapping_mul(next() % 100) as f64 as u64,
            };
            let value = f64::from_bits(bits);
            if !value.is_finite() {
                continue;
            }
            let text = float_text(value);
            agrees(&text);
            assert_eq!(parse_float(&text).to_bits(), bits, "{text}");
            let wanted = format!("{value:?}");
            let given = text.replace("e+", "e").replace("e-0", "e-");
            // Of two shortest texts that are as near, Python takes the even one.
            assert!(
                given == wanted || given.len() == wanted.len() && is_tie(value, &given, &wanted),
                "{text}"
            );
            agrees(&format!("{}e{}", next(), (next() % 680) as i64 - 350));
            agrees(&format!("{}{}.{}", next(), next(), next()));
            agrees(&format!("{value:.20e}"));
        }
    }

    /// Whether the two texts differ in the last digit of the mantissa, by one, and it is even in the first.
    fn is_tie(value: f64, even: &str, odd: &str) -> bool {
        let digits = |text: &str| -> u64 {
            let mantissa = text.split('e').next().unwrap_or_default();
            let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
            digits.parse().expect("is a number")
        };
        let exact = format!("{value:.1100}");
        exact.trim_end_matches('0').ends_with('5')
            && digits(even) % 2 == 0
            && digits(even).abs_diff(digits(odd)) == 1
    }

    #[test]
    fn writes_as_python_does() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e16, "1.5e+16"),
            (123456.789, "123456.789"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (1e22, "1e+22"),
            (1e23, "1e+23"),
            (9007199254740993.0, "9007199254740992.0"),
            (0.3, "0.3"),
            (2.5e-5, "2.5e-05"),
            (2140351218838545.25, "2140351218838545.2"),
            (2.0_f64.powi(-25), "2.9802322387695312e-08"),
        ] {
            assert_eq!(float_text(value), text);
        }
    }
}
