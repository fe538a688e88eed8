//! The lines of a histogram below its title.

use super::cells::{Separator, plain};
use super::number::{NotANumber, figure, is_rounded, signed, unsigned};
use crate::histogram::Figure;

/// A number of the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Min(Figure),
    Max(Figure),
    Mean(Figure),
    Count(u64),
}

/// How a row says which bucket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// CSV: a bare limit; the overflow repeats the one before.
    Bare,
    /// Plain text, `<=`.
    UpTo,
    /// Plain text, `>`: the overflow.
    Above,
}

/// A bucket: frequency first, then its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) count: u64,
    pub(super) limit: i64,
    pub(super) edge: Edge,
}

impl Field {
    /// Its number as text, when it is a rounded one.
    pub(super) fn rounded(self) -> Option<String> {
        match self {
            Self::Min(figure) | Self::Max(figure) | Self::Mean(figure) if !figure.is_exact() => {
                Some(figure.to_string())
            }
            Self::Min(_) | Self::Max(_) | Self::Mean(_) | Self::Count(_) => None,
        }
    }
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body<'line> {
    Field(Field),
    Row(Row),
    /// Column titles and braces, which say nothing.
    Decoration,
    /// Shaped like a field or a row, but for this number.
    BadNumber(&'line [u8]),
    /// A row, or the count, with a number that a spreadsheet rounded.
    Rounded(&'line [u8]),
    Other,
}

impl Body<'_> {
    /// It is a line that a histogram has.
    pub(super) fn is_usable(&self) -> bool {
        match self {
            Self::Field(_) | Self::Row(_) | Self::Decoration => true,
            Self::BadNumber(_) | Self::Rounded(_) | Self::Other => false,
        }
    }
}

/// Tells what a line is; blanks at both ends are removed already.
pub(super) fn classify(line: &[u8]) -> Body<'_> {
    let body = match line.first() {
        Some(b'm' | b'c') => field(line),
        Some(b'0'..=b'9') => row(line),
        Some(b'F') if line == b"Frequency,Histogram Bucket Limit" => Some(Body::Decoration),
        Some(b'{' | b'}') if line.len() == 1 => Some(Body::Decoration),
        _ => None,
    };
    body.unwrap_or(Body::Other)
}

fn field(line: &[u8]) -> Option<Body<'_>> {
    let at = line.iter().position(|&byte| byte == b',' || byte == b':')?;
    let (key, value) = line.split_at_checked(at)?;
    let value = value.get(1..)?.trim_ascii_start();
    let field = match key.trim_ascii_end() {
        b"min" => figure(value).map(Field::Min),
        b"max" => figure(value).map(Field::Max),
        b"mean" => figure(value).map(Field::Mean),
        b"count" => unsigned(value).map(Field::Count),
        _ => return None,
    };
    Some(field.map_or_else(|_| not_exact(value), Body::Field))
}

fn not_exact(number: &[u8]) -> Body<'_> {
    if is_rounded(number) {
        Body::Rounded(number)
    } else {
        Body::BadNumber(number)
    }
}

/// `<count>,<limit>` or `<count> (<= <limit>)` or `<count> (> <limit>)`.
fn row(line: &[u8]) -> Option<Body<'_>> {
    exact_row(line).or_else(|| {
        let comma = line.iter().position(|&byte| byte == b',')?;
        let count = line.get(..comma)?;
        is_rounded(count).then_some(Body::Rounded(count))
    })
}

fn exact_row(line: &[u8]) -> Option<Body<'_>> {
    let length = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (count_text, rest) = line.split_at_checked(length)?;
    let rest = rest.trim_ascii_start();
    let (edge, limit_text) = if let Some(limit) = rest.strip_prefix(b",") {
        (Edge::Bare, limit)
    } else {
        let inside = rest.strip_prefix(b"(")?.strip_suffix(b")")?;
        match inside.strip_prefix(b"<=") {
            Some(limit) => (Edge::UpTo, limit),
            None => (Edge::Above, inside.strip_prefix(b">")?),
        }
    };
    let limit_text = limit_text.trim_ascii_start();
    let limit = match signed(limit_text) {
        Ok(limit) => limit,
        Err(NotANumber::Size) => return Some(Body::BadNumber(limit_text)),
        Err(NotANumber::Shape) => return is_rounded(limit_text).then_some(Body::Rounded(limit_text)),
    };
    Some(match unsigned(count_text) {
        Ok(count) => Body::Row(Row { count, limit, edge }),
        Err(_) => Body::BadNumber(count_text),
    })
}

/// How far into a line text is looked for that does not belong to it.
const LONGEST_PREFIX: usize = 256;

/// Other text can end here: at a blank, or at a sign that sets it apart.
pub(super) fn ends_other_text(text: &[u8]) -> bool {
    let sets_apart = |byte: &u8| byte.is_ascii_whitespace() || b">|'\"`]#$);,:".contains(byte);
    text.last().is_some_and(sets_apart)
}

/// A line behind other text, such as a time stamp, a quote mark or a shell prompt: what stands before it, and what it
/// is. The first place that gives a line which `expected` accepts counts.
pub(super) fn behind_other_text(
    line: &[u8],
    separator: Separator,
    expected: impl Fn(Body<'_>) -> bool,
) -> Option<(&[u8], Body<'static>)> {
    let places = (1..line.len().min(LONGEST_PREFIX)).filter_map(|end| line.split_at_checked(end));
    let mut ends = places.filter(|(before, _)| ends_other_text(before));
    ends.find_map(|(before, rest)| {
        let plain = plain(rest, separator);
        let body = classify(plain.as_ref().map_or(rest, |plain| &plain.line));
        let body = match body {
            Body::Field(field) => Body::Field(field),
            Body::Row(row) => Body::Row(row),
            Body::Decoration => Body::Decoration,
            Body::BadNumber(_) | Body::Rounded(_) | Body::Other => return None,
        };
        expected(body).then_some((before, body))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_both_forms_are_read() {
        let row = |edge| {
            Body::Row(Row {
                count: 92,
                limit: -512,
                edge,
            })
        };
        assert_eq!(classify(b"92,-512"), row(Edge::Bare));
        assert_eq!(classify(b"92               (<=                -512)"), row(Edge::UpTo));
        assert_eq!(classify(b"92 (> -512)"), row(Edge::Above));
    }

    #[test]
    fn fields_of_both_forms_are_read() {
        assert_eq!(classify(b"mean,-7"), Body::Field(Field::Mean(Figure::exact(-7))));
        assert_eq!(classify(b"mean : -7"), Body::Field(Field::Mean(Figure::exact(-7))));
        assert_eq!(
            classify(b"count,18446744073709551615"),
            Body::Field(Field::Count(u64::MAX))
        );
    }

    #[test]
    fn a_number_beyond_64_bits_is_named() {
        assert_eq!(
            classify(b"0,99999999999999999999"),
            Body::BadNumber(b"99999999999999999999")
        );
        assert_eq!(classify(b"min,1.5"), Body::BadNumber(b"1.5"));
        assert_eq!(classify(b"count,-1"), Body::BadNumber(b"-1"));
    }

    #[test]
    fn a_row_without_its_closing_parenthesis_is_no_row() {
        assert_eq!(classify(b"92 (<= 512"), Body::Other);
    }
}
