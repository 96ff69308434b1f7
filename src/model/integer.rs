//! Which strings and floats pydantic takes for an integer.

use super::data::Data;

/// Python reads no integer of more digits.
const MAX_DIGITS: usize = 4300;

/// A decimal integer in canonical form.
pub(super) fn from_decimal(text: &str) -> Data {
    match text.parse::<i64>() {
        Ok(value) => Data::Int(value),
        Err(_) => Data::BigInt(text.to_owned()),
    }
}

/// A float without a fraction is an integer, within 64 bits.
pub(super) fn from_float(value: f64) -> Result<Data, &'static str> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if !value.is_finite() {
        return Err("finite_number");
    }
    if value.fract() != 0.0 {
        return Err("int_from_float");
    }
    if value >= LIMIT || value <= -LIMIT {
        return Err("int_parsing_size");
    }
    // Within the limits and without a fraction, so nothing is lost.
    #[allow(clippy::cast_possible_truncation)]
    Ok(Data::Int(value as i64))
}

/// A string that reads as an integer. The order of the steps is pydantic's own, surprises included:
/// `"0-8"` is -8, `"0_0"` is 0 and `"0_"` an error.
pub(super) fn from_str(text: &str) -> Result<Data, &'static str> {
    const INVALID: &str = "int_parsing";
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if unsigned.starts_with(|first: char| ('1'..='9').contains(&first))
        && unsigned.bytes().take_while(u8::is_ascii_digit).count() > MAX_DIGITS
    {
        return Err("int_parsing_size");
    }
    if let Some(value) = strict(text) {
        return Ok(value);
    }
    let mut rest = text.trim();
    let mut negative = false;
    if let Some(after) = rest.strip_prefix('+') {
        if after.starts_with('-') {
            return Err(INVALID);
        }
        rest = after;
    } else if let Some(after) = rest.strip_prefix('-') {
        negative = true;
        rest = after;
    }
    rest = skip_leading_zeros(rest).ok_or(INVALID)?;
    rest = cut_zero_fraction(rest);
    let joined;
    if rest.contains('_') {
        if rest.starts_with('_') || rest.ends_with('_') || rest.contains("__") {
            return Err(INVALID);
        }
        joined = rest.replace('_', "");
        rest = &joined;
    }
    if negative {
        strict(&format!("-{rest}")).ok_or(INVALID)
    } else {
        strict(rest).ok_or(INVALID)
    }
}

fn skip_leading_zeros(text: &str) -> Option<&str> {
    let starts_number = |text: &str| text.starts_with(|c: char| matches!(c, '1'..='9' | '-'));
    if !text.starts_with('0') {
        return starts_number(text).then_some(text);
    }
    let rest = text.trim_start_matches(['0', '_']);
    let skipped = text.len() - rest.len();
    if rest.is_empty() || rest.starts_with('.') {
        // The last zero (or underscore, which fails later) belongs to what follows.
        return text.get(skipped.saturating_sub(1)..);
    }
    starts_number(rest).then_some(rest)
}

/// Cuts a final `.0`, `.00`, ….
fn cut_zero_fraction(text: &str) -> &str {
    let whole = text.trim_end_matches('0');
    match whole.strip_suffix('.') {
        Some(before) if whole.len() < text.len() => before,
        _ => text,
    }
}

/// `-?(0|[1-9][0-9]*)` of at most 4,300 digits.
fn strict(text: &str) -> Option<Data> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let fits = !digits.is_empty()
        && digits.len() <= MAX_DIGITS
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    fits.then(|| from_decimal(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_pydantic_reads() {
        for (text, value) in [
            (" 80", 80),
            ("\t443\n", 443),
            ("\u{a0}080", 80),
            ("+80", 80),
            ("-00", 0),
            ("8_080", 8080),
            ("00_1", 1),
            ("0_0", 0),
            ("80.00", 80),
            ("8_0.0", 80),
            ("1_0_0.000", 100),
            ("0-8", -8),
            ("0_-8", -8),
            ("-0_8", -8),
            ("0-0.0", 0),
            ("00.0", 0),
        ] {
            assert_eq!(from_str(text), Ok(Data::Int(value)), "{text:?}");
        }
        assert_eq!(
            from_str("9223372036854775808"),
            Ok(Data::BigInt("9223372036854775808".into()))
        );
    }

    #[test]
    fn refuses_what_pydantic_refuses() {
        for text in [
            "",
            " ",
            "http",
            "80.5",
            "80.",
            ".0",
            "1e3",
            "0x50",
            "8__0",
            "_80",
            "80_",
            "+_80",
            "1 2",
            "+ 1",
            "--1",
            "+-1",
            "80.0_0",
            "1.0_0",
            "\u{ff18}",
            "True",
            "80\u{200b}",
            "\u{1f}80",
            "0_",
            "0_.0",
            "0-08",
        ] {
            assert_eq!(from_str(text), Err("int_parsing"), "{text:?}");
        }
        let long = "1".repeat(4301);
        assert_eq!(from_str(&format!("{long}x")), Err("int_parsing_size"));
        assert_eq!(from_str(&format!(" {long}")), Err("int_parsing"));
    }
}
