//! The lines of a histogram below its title.

use super::number::{NotANumber, signed, unsigned};

/// A number of the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Min(i64),
    Max(i64),
    Mean(i64),
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

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body<'line> {
    Field(Field),
    Row(Row),
    /// Column titles and braces, which say nothing.
    Decoration,
    /// Shaped like a field or a row, but for this number.
    BadNumber(&'line [u8]),
    Other,
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
        b"min" => signed(value).map(Field::Min),
        b"max" => signed(value).map(Field::Max),
        b"mean" => signed(value).map(Field::Mean),
        b"count" => unsigned(value).map(Field::Count),
        _ => return None,
    };
    Some(field.map_or(Body::BadNumber(value), Body::Field))
}

/// `<count>,<limit>` or `<count> (<= <limit>)` or `<count> (> <limit>)`.
fn row(line: &[u8]) -> Option<Body<'_>> {
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
        Err(NotANumber::Shape) => return None,
    };
    Some(match unsigned(count_text) {
        Ok(count) => Body::Row(Row { count, limit, edge }),
        Err(_) => Body::BadNumber(count_text),
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
        assert_eq!(classify(b"mean,-7"), Body::Field(Field::Mean(-7)));
        assert_eq!(classify(b"mean : -7"), Body::Field(Field::Mean(-7)));
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
