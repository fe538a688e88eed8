//! Decimal numbers in ASCII bytes, without a detour over text.

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
    fn anything_but_digits_has_the_wrong_shape() {
        for text in [&b""[..], b"-", b"+1", b"1 ", b"1.5", b"--1", b"99999999999999999999x"] {
            assert_eq!(signed(text), Err(NotANumber::Shape), "{text:?}");
        }
    }
}
