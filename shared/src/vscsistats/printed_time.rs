//! Times that stand beside prints, as hand loops put them there: `date; vscsiStats -p all -c`, or one before each line.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::{Offset, TimeZone};

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Longest line that can be a time, and longest text before a title that is looked at; no form of `date` comes near the
/// first.
const MOST_BYTES: usize = 64;
const MOST_BYTES_BEFORE: usize = 256;

/// What `date +%s` prints from 2001 to 2100.
const SECONDS_SINCE_1970: std::ops::RangeInclusive<i64> = 1_000_000_000..=4_102_444_800;

const DAY_MS: i128 = 86_400_000;

/// A time as it was printed: with or without a date, in a zone that it may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrintedTime {
    /// Not told where the year is missing too.
    date: Option<Date>,
    time: Time,
    zone: Zone,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Zone {
    Untold,
    /// UTC, or so far from it.
    Offset(Offset),
    /// A name such as `CEST`, which is an offset to people and not to us.
    Named(String),
}

impl PrintedTime {
    /// The moment, where date and offset are told.
    pub fn moment(&self) -> Option<Timestamp> {
        let Zone::Offset(offset) = self.zone else { return None };
        let there = self.date?.to_datetime(self.time);
        let moment = there.to_zoned(TimeZone::fixed(offset)).ok()?;
        Some(moment.timestamp())
    }

    /// Milliseconds since a time that was printed earlier, never 0; `None` where it is not later, or the two are told in
    /// different ways. Without dates they are less than a day apart.
    pub fn milliseconds_since(&self, earlier: &Self) -> Option<u64> {
        let zones_ms = match (&earlier.zone, &self.zone) {
            (Zone::Offset(then), Zone::Offset(now)) => i128::from(now.seconds() - then.seconds()) * 1000,
            (then, now) if then == now => 0,
            _ => return None,
        };
        let clocks_ms = of_day_ms(self.time) - of_day_ms(earlier.time) - zones_ms;
        let passed_ms = match (earlier.date, self.date) {
            (Some(then), Some(now)) => i128::from(now.duration_since(then).as_secs()) * 1000 + clocks_ms,
            (None, None) => clocks_ms.rem_euclid(DAY_MS),
            _ => return None,
        };
        u64::try_from(passed_ms).ok().filter(|passed_ms| *passed_ms > 0)
    }

    /// The time that a line is and nothing else: what `date` prints in the C locale and in English, ISO 8601, and the
    /// like with a space, with or without a zone. Between prints no row can stand, so there a time of day alone and the
    /// seconds since 1970 are times too.
    pub(super) fn of_line(line: &[u8], is_between: bool) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?.trim();
        if text.len() > MOST_BYTES {
            return None;
        }
        if let Some(time) = since_1970(text).filter(|_| is_between) {
            return Some(time);
        }
        let mut parts = Parts::default();
        let is_time = text.split_ascii_whitespace().all(|word| parts.take(word));
        let has_day = parts.date.is_some() || parts.month.is_some();
        if is_time && (has_day || (is_between && parts.is_clock_alone())) {
            parts.time()
        } else {
            None
        }
    }

    /// The first time in a text that stands before a title.
    pub(super) fn within(text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(text.get(..MOST_BYTES_BEFORE).unwrap_or(text));
        let mut parts = Parts::default();
        for word in text.split(|letter: char| letter.is_ascii_whitespace() || matches!(letter, ';' | '|' | '"')) {
            let word =
                word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '+' | '-'));
            // A word in capitals may be anything here.
            let is_name = is_zone_name(word) && offset_of(word).is_none() && meridiem(word).is_none();
            if !is_name && !parts.take(word) {
                for cell in word.split(',') {
                    parts.take(cell);
                }
            }
        }
        parts.time()
    }
}

/// What the words of a time say, each at most once.
#[derive(Debug, Default)]
struct Parts {
    clock: Option<Time>,
    date: Option<Date>,
    month: Option<i8>,
    day: Option<i8>,
    year: Option<i16>,
    is_afternoon: Option<bool>,
    zone: Option<Zone>,
}

impl Parts {
    /// Takes a word; false when it is no part of a time, or one that is known already.
    fn take(&mut self, word: &str) -> bool {
        if let Some((date, clock)) = word
            .split_once(['T', '_'])
            .and_then(|(date, clock)| Some((date_of(date)?, clock)))
        {
            return set(&mut self.date, date) && self.take_clock(clock);
        }
        if let Some(date) = date_of(word) {
            return set(&mut self.date, date);
        }
        if let Some(is_afternoon) = meridiem(word) {
            return set(&mut self.is_afternoon, is_afternoon);
        }
        if let Some(month) = index_of(word, &MONTHS) {
            return set(&mut self.month, month);
        }
        if let Some(number) = word.parse().ok().filter(|_| is_number(word)) {
            return match word.len() {
                1 | 2 => i8::try_from(number).is_ok_and(|day| set(&mut self.day, day)),
                4 => set(&mut self.year, number),
                _ => false,
            };
        }
        if let Some(offset) = offset_of(word) {
            return set(&mut self.zone, Zone::Offset(offset));
        }
        if is_zone_name(word) {
            return set(&mut self.zone, Zone::Named(word.to_owned()));
        }
        index_of(word.trim_end_matches(','), &WEEKDAYS).is_some() || self.take_clock(word)
    }

    /// `06:00:30`, with parts of a second and a zone behind it where there are some.
    fn take_clock(&mut self, word: &str) -> bool {
        let hours = word.find(':').unwrap_or_default();
        let Some((clock, rest)) = word.split_at_checked(hours + 6) else {
            return false;
        };
        if !["dd:dd:dd", "d:dd:dd"].iter().any(|form| has_form(clock, form)) {
            return false;
        }
        let (parts, zone) = match rest.strip_prefix(['.', ',']) {
            Some(rest) => rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("", rest),
        };
        let zone = match offset_of(zone) {
            Some(offset) => Some(Zone::Offset(offset)),
            None if zone.is_empty() => None,
            None => return false,
        };
        let mut numbers = clock.split(':').map(|number| number.parse().unwrap_or(-1));
        let mut next = || numbers.next().unwrap_or(-1);
        let nanoseconds = format!("{parts:0<9.9}").parse().unwrap_or(0);
        let Ok(time) = Time::new(next(), next(), next(), nanoseconds) else {
            return false;
        };
        set(&mut self.clock, time) && zone.is_none_or(|zone| set(&mut self.zone, zone))
    }

    fn is_clock_alone(&self) -> bool {
        self.clock.is_some() && (self.day, self.year) == (None, None)
    }

    fn time(self) -> Option<PrintedTime> {
        let time = self.clock?;
        let time = match self.is_afternoon {
            None => time,
            Some(_) if !(1..=12).contains(&time.hour()) => return None,
            Some(is_afternoon) => {
                let hour = time.hour() % 12 + if is_afternoon { 12 } else { 0 };
                time.with().hour(hour).build().ok()?
            }
        };
        let written = || Date::new(self.year?, self.month?, self.day?).ok();
        Some(PrintedTime {
            date: self.date.or_else(written),
            time,
            zone: self.zone.unwrap_or(Zone::Untold),
        })
    }
}

fn set<T>(slot: &mut Option<T>, value: T) -> bool {
    let is_free = slot.is_none();
    if is_free {
        *slot = Some(value);
    }
    is_free
}

fn since_1970(text: &str) -> Option<PrintedTime> {
    let (seconds, parts) = text.split_once(['.', ',']).unwrap_or((text, ""));
    if seconds.len() != 10 || !is_number(seconds) || !parts.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = seconds
        .parse()
        .ok()
        .filter(|seconds| SECONDS_SINCE_1970.contains(seconds))?;
    let nanoseconds = format!("{parts:0<9.9}").parse().unwrap_or(0);
    let moment = Timestamp::new(seconds, nanoseconds).ok()?;
    let there = moment.to_zoned(TimeZone::UTC).datetime();
    Some(PrintedTime {
        date: Some(there.date()),
        time: there.time(),
        zone: Zone::Offset(Offset::UTC),
    })
}

fn of_day_ms(time: Time) -> i128 {
    i128::from(time.hour()) * 3_600_000
        + i128::from(time.minute()) * 60_000
        + i128::from(time.second()) * 1000
        + i128::from(time.millisecond())
}

fn index_of(word: &str, names: &[&str]) -> Option<i8> {
    let word = word.to_ascii_lowercase();
    (1..)
        .zip(names)
        .find(|(_, name)| **name == word)
        .map(|(index, _)| index)
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// `2026-11-29`, `2026/11/29`, `2026.11.29` or `29.11.2026`.
fn date_of(word: &str) -> Option<Date> {
    let forms = [
        ("dddd-dd-dd", '-'),
        ("dddd/dd/dd", '/'),
        ("dddd.dd.dd", '.'),
        ("dd.dd.dddd", '.'),
    ];
    let (form, sign) = forms.into_iter().find(|(form, _)| has_form(word, form))?;
    let mut numbers: Vec<i16> = word.split(sign).filter_map(|number| number.parse().ok()).collect();
    if form.starts_with("dd.") {
        numbers.reverse();
    }
    let [year, month, day] = numbers[..] else { return None };
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn meridiem(word: &str) -> Option<bool> {
    match word {
        "AM" | "am" => Some(false),
        "PM" | "pm" => Some(true),
        _ => None,
    }
}

/// A name such as `UTC` or `CEST`.
fn is_zone_name(word: &str) -> bool {
    matches!(word.len(), 1..=5) && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// `UTC`, `Z`, `+02`, `+0200` or `+02:00`.
fn offset_of(word: &str) -> Option<Offset> {
    if matches!(word, "UTC" | "GMT" | "Z") {
        return Some(Offset::UTC);
    }
    let digits = word.strip_prefix(['+', '-'])?;
    if !["dd", "dddd", "dd:dd"].iter().any(|form| has_form(digits, form)) {
        return None;
    }
    let (hours, minutes) = digits.split_at(2);
    let minutes: i32 = minutes.trim_start_matches(':').parse().unwrap_or(0);
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes * 60;
    Offset::from_seconds(if word.starts_with('-') { -seconds } else { seconds }).ok()
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

    fn time(line: &str) -> PrintedTime {
        let read = PrintedTime::of_line(line.as_bytes(), true);
        read.unwrap_or_else(|| panic!("{line}"))
    }

    #[test]
    fn what_date_prints_is_a_time() {
        // 2026-11-29T06:00:00Z is 1795932000 s after 1970.
        for (line, moment) in [
            ("Sun Nov 29 06:00:00 UTC 2026", Some("2026-11-29T06:00:00Z")),
            ("Sun Nov  1 06:00:00 2026\r", None),
            ("Sun 29 Nov 2026 06:00:00 AM CET", None),
            ("Sun, 29 Nov 2026 06:00:00 +0100", Some("2026-11-29T05:00:00Z")),
            ("Sun Nov 29 06:00:00 PM UTC 2026", Some("2026-11-29T18:00:00Z")),
            ("2026-11-29T06:00:00Z", Some("2026-11-29T06:00:00Z")),
            ("2026-11-29T06:00:00.123-01:30", Some("2026-11-29T07:30:00.123Z")),
            ("2026-11-29 06:00:00", None),
            ("2026/11/29 6:00:00", None),
            ("29.11.2026 06:00:00 UTC", Some("2026-11-29T06:00:00Z")),
        ] {
            let read = PrintedTime::of_line(line.as_bytes(), false);
            let read = read.unwrap_or_else(|| panic!("{line}"));
            assert_eq!(read.moment(), moment.map(|moment| moment.parse().unwrap()), "{line}");
        }
    }

    #[test]
    fn rows_and_rests_of_rows_are_no_time() {
        for line in [
            "",
            "4096",
            "12,2026",
            "06:00:00",
            "1795932000",
            "2026-11-29",
            "Nov 29 2026",
            "4096,12 06:00:00",
            "Sun Nov 29 06:00:00 UTC 2026 4096,12",
            "mean,12",
            "[root@esx:~] date",
            "2026-11-29 25:00:00",
            "2026-11-31 06:00:00",
            "2026-11-29 13:00:00 PM",
        ] {
            assert_eq!(PrintedTime::of_line(line.as_bytes(), false), None, "{line}");
        }
    }

    #[test]
    fn between_prints_a_time_of_day_and_the_seconds_since_1970_are_times() {
        assert_eq!(
            time("1795932000").moment(),
            Some("2026-11-29T06:00:00Z".parse().unwrap())
        );
        assert_eq!(time("06:00:30").milliseconds_since(&time("06:00:00")), Some(30_000));
        for line in ["4096", "0123456789", "9999999999", "12 06:00:00", "06:00"] {
            assert_eq!(PrintedTime::of_line(line.as_bytes(), true), None, "{line}");
        }
    }

    #[test]
    fn the_time_between_two_is_that_of_the_clock_on_the_wall() {
        for (earlier, later, passed_ms) in [
            ("2026-11-29 06:00:00", "2026-11-29 06:00:30.250", Some(30_250)),
            ("2026-11-29 23:59:50", "2026-11-30 00:00:20", Some(30_000)),
            (
                "Sat Feb 28 23:59:50 UTC 2026",
                "Sun Mar 1 00:00:20 UTC 2026",
                Some(30_000),
            ),
            ("23:59:50", "00:00:20", Some(30_000)),
            // The same moment an hour later by the end of summer time.
            ("2026-10-25T02:59:50+02:00", "2026-10-25T02:00:20+01:00", Some(30_000)),
            ("2026-11-29T06:00:00Z", "2026-11-29T07:00:30+01:00", Some(30_000)),
            ("2026-11-29 06:00:30", "2026-11-29 06:00:00", None),
            ("2026-11-29 06:00:00", "2026-11-29 06:00:00", None),
            ("2026-11-29 06:00:00", "06:00:30", None),
            ("Sun Oct 25 02:59:50 CEST 2026", "Sun Oct 25 02:00:20 CET 2026", None),
        ] {
            assert_eq!(
                time(later).milliseconds_since(&time(earlier)),
                passed_ms,
                "{earlier} {later}"
            );
        }
    }

    #[test]
    fn a_time_is_found_in_the_text_before_a_title() {
        for text in [
            "2026-11-29T06:00:00Z ",
            "[2026-11-29 06:00:00] ",
            "[root@esx01:~] 2026-11-29 06:00:00: ",
            "esx01,2026-11-29 06:00:00,",
            "\"2026-11-29_06:00:00\",\"",
            "2026-11-29 06:00:00,123 INFO | ",
        ] {
            let read = PrintedTime::within(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(read.date, Some("2026-11-29".parse().unwrap()), "{text}");
            assert_eq!((read.time.hour(), read.time.second()), (6, 0), "{text}");
        }
        let logged = PrintedTime::within(b"Nov 29 06:00:00 esx01 sh[12]: ").unwrap();
        assert_eq!((logged.date, logged.time.hour()), (None, 6));
        for text in ["> ", "[root@esx01:~] ", "12:30 "] {
            assert_eq!(PrintedTime::within(text.as_bytes()), None, "{text}");
        }
    }
}
