//! Decimal numbers in ASCII bytes, without a detour over text.

use crate::histogram::Figure;

/// Why bytes are not the number asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotANumber {
    /// Something other than digits, or nothing.
    Shape,
    /// Digits whose value does not fit.
    Size,
}

/// Reads digits; no sign, no blanks.
pub(super) fn unsigned(digits: &[u8]) -> Result<u64, NotANumber> {
    let (&first, rest) = digits.split_first().ok_or(NotANumber::Shape)?;
    let mut value = Some(digit(first)?);
    for &byte in rest {
        let digit = digit(byte)?;
        // The shape is checked to the end even when the value no longer fits.
        value = value
            .and_then(|value| value.checked_mul(10))
            .and_then(|value| value.checked_add(digit));
    }
    value.ok_or(NotANumber::Size)
}

/// Reads digits with an optional minus sign; no plus sign, no blanks.
pub(super) fn signed(text: &[u8]) -> Result<i64, NotANumber> {
    match text.strip_prefix(b"-") {
        Some(digits) => 0_i64.checked_sub_unsigned(unsigned(digits)?).ok_or(NotANumber::Size),
        None => i64::try_from(unsigned(text)?).map_err(|_| NotANumber::Size),
    }
}

/// Reads a number as vscsiStats prints it, or as spreadsheets round large ones: `5.81014E+11`, also with a decimal
/// comma.
pub(super) fn figure(text: &[u8]) -> Result<Figure, NotANumber> {
    match signed(text) {
        Err(NotANumber::Shape) => scientific(text),
        exact => exact.map(Figure::exact),
    }
}

/// A number in the scientific notation of spreadsheets. One that the digits shown give exactly is exact.
fn scientific(text: &[u8]) -> Result<Figure, NotANumber> {
    let at = text.iter().position(|&byte| matches!(byte, b'E' | b'e'));
    let (mantissa, exponent) = text
        .split_at_checked(at.ok_or(NotANumber::Shape)?)
        .ok_or(NotANumber::Shape)?;
    let exponent = exponent.get(1..).unwrap_or_default();
    let exponent = unsigned(exponent.strip_prefix(b"+").unwrap_or(exponent))?;
    let point = mantissa.iter().position(|&byte| matches!(byte, b'.' | b','));
    let decimals = point.map_or(&[][..], |point| mantissa.get(point + 1..).unwrap_or_default());
    let whole = mantissa.get(..point.unwrap_or(mantissa.len())).unwrap_or_default();
    let significand = signed(&[whole, decimals].concat())?;
    let unknown = exponent.checked_sub(decimals.len() as u64).ok_or(NotANumber::Shape)?;
    let unknown = u8::try_from(unknown).map_err(|_| NotANumber::Size)?;
    Figure::rounded(significand, unknown).ok_or(NotANumber::Size)
}

/// The text is a number that a spreadsheet rounded.
pub(super) fn is_rounded(text: &[u8]) -> bool {
    scientific(text).is_ok_and(|figure| !figure.is_exact())
}

fn digit(byte: u8) -> Result<u64, NotANumber> {
    if byte.is_ascii_digit() {
        Ok(u64::from(byte - b'0'))
    } else {
        Err(NotANumber::Shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extremes_of_64_bits_are_read() {
        assert_eq!(unsigned(b"18446744073709551615"), Ok(u64::MAX));
        assert_eq!(signed(b"9223372036854775807"), Ok(i64::MAX));
        assert_eq!(signed(b"-9223372036854775808"), Ok(i64::MIN));
    }

    #[test]
    fn one_beyond_the_extremes_does_not_fit() {
        assert_eq!(unsigned(b"18446744073709551616"), Err(NotANumber::Size));
        assert_eq!(signed(b"9223372036854775808"), Err(NotANumber::Size));
        assert_eq!(signed(b"-9223372036854775809"), Err(NotANumber::Size));
    }

    #[test]
    fn what_a_spreadsheet_rounded_is_read_as_the_range_that_its_digits_leave() {
        for text in [&b"5.81014E+11"[..], b"5,81014E+11", b"5.81014e11", b"58.1014E+10"] {
            let read = figure(text).unwrap();
            assert_eq!(
                (read.at_least(), read.at_most()),
                (581_013_500_000, 581_014_500_000),
                "{text:?}"
            );
        }
        assert_eq!(figure(b"-1.5E+3"), Ok(Figure::rounded(-15, 2).unwrap()));
        // All of its digits are there.
        assert_eq!(figure(b"1.25E+2"), Ok(Figure::exact(125)));
        assert_eq!(figure(b"581013626718"), Ok(Figure::exact(581_013_626_718)));
    }

    #[test]
    fn a_fraction_and_half_a_scientific_number_are_none() {
        for text in [
            &b"1.25E+1"[..],
            b"E+11",
            b"5.8E",
            b"5.8E+",
            b"5.8E-3",
            b"5..8E+11",
            b"5.8",
            b".E+3",
        ] {
            assert_eq!(figure(text), Err(NotANumber::Shape), "{text:?}");
        }
        assert_eq!(figure(b"5.81014E+99"), Err(NotANumber::Size));
    }

    #[test]
    fn anything_but_digits_has_the_wrong_shape() {
        for text in [&b""[..], b"-", b"+1", b"1 ", b"1.5", b"--1", b"99999999999999999999x"] {
            assert_eq!(signed(text), Err(NotANumber::Shape), "{text:?}");
        }
    }
}
