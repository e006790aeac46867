//! One value: text, number or nothing. A number keeps its digits as they stand; none goes through a float.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::value::RawValue;

/// A value as text; `None` for null.
pub type Scalar<'a> = Option<Cow<'a, str>>;

/// Reads a [`Scalar`]; for `deserialize_with` beside `default`.
pub fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Scalar<'de>, D::Error> {
    let Some(raw) = Option::<&'de RawValue>::deserialize(deserializer)? else { return Ok(None) };
    match raw.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str(raw.get()).map(Some).map_err(D::Error::custom),
        Some(b'{' | b'[') | None => Err(D::Error::custom("neither text nor number")),
        Some(_) => Ok(Some(Cow::Borrowed(raw.get()))),
    }
}

/// A text that is there and not blank.
pub fn filled<'a>(value: &'a Scalar<'_>) -> Option<&'a str> {
    value.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

/// A whole number written with digits; `100.0` counts as one.
pub fn whole(text: &str) -> Option<u64> {
    let digits = match text.split_once('.') {
        Some((digits, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => digits,
        Some(_) => return None,
        None => text,
    };
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// Writes a number with an exponent, such as Java's `1.0E7`, as the decimal text that it exactly is.
/// `None` if there is no exponent, or one beyond any ledger.
pub fn without_exponent(text: &str) -> Option<String> {
    let (mantissa, exponent) = text.split_once(['e', 'E'])?;
    let exponent: i32 = exponent.parse().ok().filter(|e| (-30..=30).contains(e))?;
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{before}{after}");
    if digits.is_empty() || digits.len() > 40 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let point = before.len() as i32 + exponent;
    let (whole, fraction) = if point <= 0 {
        ("0".to_owned(), format!("{}{digits}", "0".repeat(point.unsigned_abs() as usize)))
    } else if point as usize >= digits.len() {
        (format!("{digits}{}", "0".repeat(point as usize - digits.len())), String::new())
    } else {
        let (whole, fraction) = digits.split_at(point as usize);
        (whole.to_owned(), fraction.to_owned())
    };
    let dot = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{dot}{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("0", Some(0))]
    #[case("100", Some(100))]
    #[case("100.0", Some(100))]
    #[case("007", Some(7))]
    #[case("100.5", None)]
    #[case("100.", None)]
    #[case("-1", None)]
    #[case("+1", None)]
    #[case("1e2", None)]
    #[case("", None)]
    #[case("１", None)]
    #[case("99999999999999999999", None)]
    fn whole_numbers_are_told_from_others(#[case] text: &str, #[case] number: Option<u64>) {
        assert_eq!(whole(text), number);
    }

    #[rstest::rstest]
    #[case("1.0E7", Some("10000000"))]
    #[case("-1.2345E2", Some("-123.45"))]
    #[case("12e-3", Some("0.012"))]
    #[case("1e+2", Some("100"))]
    #[case("1e0", Some("1"))]
    #[case("1e-31", None)]
    #[case("1e999999999999", None)]
    #[case("1e-2147483648", None)]
    #[case("e5", None)]
    #[case("500", None)]
    #[case("xe5", None)]
    fn an_exponent_is_written_out_exactly(#[case] text: &str, #[case] plain: Option<&str>) {
        assert_eq!(without_exponent(text).as_deref(), plain);
    }
}
