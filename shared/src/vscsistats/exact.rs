//! The rows of a CSV histogram read in one go, for the case that is almost every case: known limits and LF line ends.
//!
//! Limits and line ends are compared eight bytes at a time with what is expected, and only the frequencies are read as
//! numbers. Anything else makes the attempt fail without effect, and the rows are read line by line instead; both ways
//! give the same histogram.

use std::sync::LazyLock;

use crate::histogram::{Limits, Metric};

/// What follows the comma of a row: its limit and the line feed, at most eight bytes.
#[derive(Debug, Clone, Copy)]
struct Tail {
    bytes: u64,
    mask: u64,
    length: usize,
}

impl Tail {
    fn of(limit: i64) -> Option<Self> {
        let text = format!("{limit}\n");
        let mut bytes = [0; 8];
        let mut mask = [0; 8];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        mask.get_mut(..text.len())?.fill(0xff);
        Some(Self {
            bytes: u64::from_le_bytes(bytes),
            mask: u64::from_le_bytes(mask),
            length: text.len(),
        })
    }
}

/// The tails of all rows of a metric, the last limit twice; empty when a limit is too long for this way of reading.
fn tails(metric: Metric) -> Vec<Tail> {
    let limits = Limits::known(metric);
    let limits = limits.as_slice();
    let tails: Option<Vec<Tail>> = limits
        .iter()
        .chain(limits.last())
        .map(|&limit| Tail::of(limit))
        .collect();
    tails.unwrap_or_default()
}

static IO_LENGTH: LazyLock<Vec<Tail>> = LazyLock::new(|| tails(Metric::IoLength));
static SEEK_DISTANCE: LazyLock<Vec<Tail>> = LazyLock::new(|| tails(Metric::SeekDistance));
static MICROSECONDS: LazyLock<Vec<Tail>> = LazyLock::new(|| tails(Metric::Latency));
static OUTSTANDING: LazyLock<Vec<Tail>> = LazyLock::new(|| tails(Metric::OutstandingIos));

fn expected(metric: Metric) -> &'static [Tail] {
    match metric {
        Metric::IoLength => &IO_LENGTH,
        Metric::SeekDistance | Metric::SeekDistanceClosest16 => &SEEK_DISTANCE,
        Metric::Latency | Metric::Interarrival => &MICROSECONDS,
        Metric::OutstandingIos => &OUTSTANDING,
    }
}

/// The frequencies of all rows at the start of `input`, overflow last, and the bytes behind them.
pub(super) fn rows(metric: Metric, input: &[u8]) -> Option<(Vec<u64>, &[u8])> {
    let expected = expected(metric);
    let mut rest = input;
    // The first row tells most inputs of another shape, before anything is allocated.
    let first = row(expected.first()?, &mut rest)?;
    let mut counts = Vec::with_capacity(expected.len());
    counts.push(first);
    for tail in expected.iter().skip(1) {
        counts.push(row(tail, &mut rest)?);
    }
    Some((counts, rest))
}

#[inline]
fn row(tail: &Tail, rest: &mut &[u8]) -> Option<u64> {
    let (count, after_comma) = count(rest)?;
    if eight(after_comma)? & tail.mask != tail.bytes {
        return None;
    }
    *rest = after_comma.get(tail.length..)?;
    Some(count)
}

/// The frequency at the start of `text`, and what follows its comma.
#[inline]
fn count(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut value, mut length) = digits(text)?;
    let mut comma = length as usize;
    // Eight digits and no comma behind them: there may be more.
    while length == 8 {
        let (more, more_length) = digits(text.get(comma..)?)?;
        value = value.checked_mul(10_u64.pow(more_length))?.checked_add(more)?;
        comma += more_length as usize;
        length = more_length;
    }
    if comma == 0 {
        return None;
    }
    Some((value, text.get(comma + 1..)?))
}

/// The digits before the first comma of the next eight bytes, as a number, and how many they are.
#[inline]
fn digits(text: &[u8]) -> Option<(u64, u32)> {
    let word = eight(text)?;
    let differences = word ^ repeated(b',');
    let commas = differences.wrapping_sub(repeated(1)) & !differences & repeated(0x80);
    // Without a comma there are 64 zero bits to count, which are eight digits.
    let length = commas.trailing_zeros() / 8;
    if length == 0 {
        return Some((0, 0));
    }
    // The digits move to the end of the word; zeros take the place of what followed them and of nothing else.
    let digits = (word ^ repeated(b'0')) << (64 - 8 * length);
    if (digits | digits.wrapping_add(repeated(0x76))) & repeated(0x80) != 0 {
        return None;
    }
    Some((eight_digits(digits), length))
}

/// Eight values 0 to 9, most significant in the lowest byte, as one number: pairs, then fours, then all eight.
#[inline]
fn eight_digits(digits: u64) -> u64 {
    const PAIRS: u64 = 0x0000_00ff_0000_00ff;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let high = (pairs & PAIRS).wrapping_mul(100 + (1_000_000 << 32));
    let low = ((pairs >> 16) & PAIRS).wrapping_mul(1 + (10_000 << 32));
    high.wrapping_add(low) >> 32
}

const fn repeated(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

#[inline]
fn eight(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const METRICS: [Metric; 4] = [
        Metric::IoLength,
        Metric::SeekDistance,
        Metric::Latency,
        Metric::OutstandingIos,
    ];

    /// The rows as vscsiStats prints them.
    fn printed(metric: Metric, counts: &[u64]) -> String {
        let limits = Limits::known(metric);
        let limits = limits.as_slice();
        let rows = counts.iter().zip(limits.iter().chain(limits.last()));
        let lines: Vec<String> = rows.map(|(count, limit)| format!("{count},{limit}\n")).collect();
        lines.concat()
    }

    #[test]
    fn every_known_limit_fits_this_way_of_reading() {
        for metric in METRICS {
            assert_eq!(expected(metric).len(), Limits::known(metric).as_slice().len() + 1);
        }
    }

    proptest! {
        #[test]
        fn printed_rows_are_read_back(
            metric in prop::sample::select(&METRICS[..]),
            digits in prop::collection::vec((1_u32..=20, any::<u64>()), 34),
        ) {
            let buckets = Limits::known(metric).as_slice().len() + 1;
            let counts: Vec<u64> = digits
                .iter()
                .take(buckets)
                .map(|&(digits, value)| 10_u64.checked_pow(digits).map_or(value, |bound| value % bound))
                .collect();
            let text = printed(metric, &counts) + "Histogram: next";
            let (read, rest) = rows(metric, text.as_bytes()).unwrap();
            prop_assert_eq!(read, counts);
            prop_assert_eq!(rest, b"Histogram: next");
        }

        #[test]
        fn a_byte_that_is_no_digit_is_never_read_as_one(byte in any::<u8>(), position in 0_usize..5) {
            prop_assume!(!byte.is_ascii_digit() && byte != b',');
            let mut text = *b"12345,512\n42,1024\n";
            text[position] = byte;
            prop_assert_eq!(count(&text), None);
        }
    }
}
