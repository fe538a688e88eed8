//! Lines that tell the time, as a hand loop puts them between prints: `date; vscsiStats -p all -c`.

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Longest line that can be a time; no form of `date` comes near it.
const MOST_BYTES: usize = 64;

/// The line is nothing but a date with a time of day: what `date` prints in the C locale and in English, ISO 8601, and
/// the like with a space, with or without a zone.
pub(super) fn is_time_line(line: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(line) else {
        return false;
    };
    let text = text.trim();
    if text.len() > MOST_BYTES {
        return false;
    }
    let (mut clocks, mut days, mut numbers) = (0, 0, 0);
    for word in text.split_ascii_whitespace() {
        if let Some((_, clock)) = word.split_once('T').filter(|(date, _)| is_date(date)) {
            if !is_clock(clock) {
                return false;
            }
            clocks += 1;
            days += 1;
        } else if is_clock(word) {
            clocks += 1;
        } else if is_date(word) || is_one_of(word, &MONTHS) {
            days += 1;
        } else if is_number_of_a_date(word) {
            numbers += 1;
        } else if !(is_one_of(word.trim_end_matches(','), &WEEKDAYS) || is_zone(word)) {
            return false;
        }
    }
    (clocks, days) == (1, 1) && numbers <= 2
}

fn is_one_of(word: &str, names: &[&str]) -> bool {
    names.contains(&word.to_ascii_lowercase().as_str())
}

/// A day or a year.
fn is_number_of_a_date(word: &str) -> bool {
    matches!(word.len(), 1 | 2 | 4) && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// `2026-11-29` or `2026/11/29`.
fn is_date(word: &str) -> bool {
    has_form(word, "dddd-dd-dd") || has_form(word, "dddd/dd/dd")
}

/// `06:00:30`, with parts of a second and a zone behind it where there are some.
fn is_clock(word: &str) -> bool {
    let Some((_, rest)) = word
        .split_at_checked(8)
        .filter(|(clock, _)| has_form(clock, "dd:dd:dd"))
    else {
        return has_form(word, "d:dd:dd");
    };
    let rest = rest.strip_prefix(['.', ',']).map_or(rest, |parts| {
        parts.trim_start_matches(|letter: char| letter.is_ascii_digit())
    });
    rest.is_empty() || rest == "Z" || is_offset(rest)
}

/// `UTC`, `CEST`, `AM` or `+0200`.
fn is_zone(word: &str) -> bool {
    is_offset(word) || (matches!(word.len(), 1..=5) && word.bytes().all(|byte| byte.is_ascii_uppercase()))
}

fn is_offset(word: &str) -> bool {
    word.strip_prefix(['+', '-'])
        .is_some_and(|offset| ["dd", "dddd", "dd:dd"].iter().any(|form| has_form(offset, form)))
}

/// `d` stands for a digit, everything else for itself.
fn has_form(word: &str, form: &str) -> bool {
    let fits = |(byte, form): (u8, u8)| match form {
        b'd' => byte.is_ascii_digit(),
        other => byte == other,
    };
    word.len() == form.len() && word.bytes().zip(form.bytes()).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_date_prints_is_a_time() {
        for line in [
            "Sun Nov 29 06:00:00 UTC 2026",
            "Sun Nov  1 06:00:00 2026\r",
            "Sun 29 Nov 2026 06:00:00 AM CET",
            "Sun, 29 Nov 2026 06:00:00 +0100",
            "2026-11-29T06:00:00Z",
            "2026-11-29T06:00:00.123+01:00",
            "2026-11-29 06:00:00",
            "2026/11/29 6:00:00",
        ] {
            assert!(is_time_line(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn rows_and_rests_of_rows_are_no_time() {
        for line in [
            "",
            "4096",
            "12,2026",
            "06:00:00",
            "2026-11-29",
            "Nov 29 2026",
            "4096,12 06:00:00",
            "Sun Nov 29 06:00:00 UTC 2026 4096,12",
            "mean,12",
            "[root@esx:~] date",
        ] {
            assert!(!is_time_line(line.as_bytes()), "{line}");
        }
    }
}
