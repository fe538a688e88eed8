//! How long an answer may take, and how large it may be.
//!
//! A host that answers a byte a minute, or for ever, would hold whoever asked for as long as it likes. So an answer has
//! to be over, or to bring a least amount, in each stretch of time; and it has an end, because every route has a size
//! that no honest answer exceeds. One that is read whole before anybody looks at it has a deadline besides.

use std::time::{Duration, Instant};

use super::TransportError;

/// The slowest link that counts as one, bytes a second: 16 kbit/s, a quarter of what a single ISDN channel carried.
const LEAST_BYTES_PER_SECOND: u64 = 2 * 1024;
/// How long an answer may take that is read whole. At the slowest rate that is more than the largest view of a job takes.
const LONGEST_ANSWER: Duration = Duration::from_mins(10);
/// What header lines and interim answers may add to an answer.
const HEADER_LIMIT_BYTES: u64 = 64 * 1024;

/// Looks after one answer at a time.
#[derive(Debug)]
pub(super) struct Pace {
    host: String,
    /// The stretch of time in which an answer has to begin, to end, or to bring its least amount.
    patience: Duration,
    since: Instant,
    bytes_since: u64,
    bytes_left: u64,
    limit_bytes: u64,
    /// When the whole answer has to be there.
    until: Option<Instant>,
}

/// How an answer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// To its end, and then it is looked at.
    Whole,
    /// Piece by piece, by somebody who ends it when it takes too long.
    Stream,
}

impl Pace {
    pub(super) fn new(host: String, patience: Duration, now: Instant) -> Self {
        Self {
            host,
            patience,
            since: now,
            bytes_since: 0,
            bytes_left: 0,
            limit_bytes: 0,
            until: None,
        }
    }

    /// A request is sent whose answer has at most this body.
    pub(super) fn begin(&mut self, limit_bytes: u64, reading: Reading, now: Instant) {
        self.until = (reading == Reading::Whole).then_some(now + LONGEST_ANSWER.max(self.patience));
        self.since = now;
        self.bytes_since = 0;
        self.limit_bytes = limit_bytes;
        self.bytes_left = limit_bytes.saturating_add(HEADER_LIMIT_BYTES);
    }

    /// How long the next byte may take; zero when it has taken too long.
    pub(super) fn time_left(&self, now: Instant) -> Duration {
        let next = self.since + self.patience;
        let end = self.until.map_or(next, |until| until.min(next));
        end.saturating_duration_since(now)
    }

    /// So many bytes came.
    ///
    /// # Errors
    /// When they are more than any honest answer has.
    pub(super) fn received(&mut self, bytes: usize, now: Instant) -> Result<(), TransportError> {
        let bytes = bytes as u64;
        self.bytes_left = self
            .bytes_left
            .checked_sub(bytes)
            .ok_or_else(|| TransportError::TooMuch {
                host: self.host.clone(),
                limit_bytes: self.limit_bytes,
            })?;
        self.bytes_since += bytes;
        if self.bytes_since >= self.least_bytes() {
            self.since = now;
            self.bytes_since = 0;
        }
        Ok(())
    }

    /// Why the answer is given up now.
    pub(super) fn too_slow(&self, now: Instant) -> TransportError {
        let host = self.host.clone();
        if self.until.is_some_and(|until| until <= now) {
            return TransportError::TooSlow {
                host,
                bytes: self.limit_bytes.saturating_add(HEADER_LIMIT_BYTES) - self.bytes_left,
                seconds: LONGEST_ANSWER.max(self.patience).as_secs(),
            };
        }
        let seconds = self.patience.as_secs();
        match self.bytes_since {
            0 => TransportError::Silent { host, seconds },
            bytes => TransportError::TooSlow { host, bytes, seconds },
        }
    }

    fn least_bytes(&self) -> u64 {
        LEAST_BYTES_PER_SECOND * self.patience.as_secs().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_mins(2);
    const MANY: u64 = 1 << 40;

    /// Feeds an answer that brings `bytes` each `every`, and gives how long it was borne, up to a day.
    fn borne(bytes: usize, every: Duration, reading: Reading) -> Duration {
        let begin = Instant::now();
        let mut now = begin;
        let mut pace = Pace::new("esx1".into(), PATIENCE, begin);
        pace.begin(MANY, reading, begin);
        while now - begin < Duration::from_hours(24) {
            let left = pace.time_left(now);
            if left < every {
                return now + left - begin;
            }
            now += every;
            pace.received(bytes, now).unwrap();
        }
        now - begin
    }

    #[test]
    fn a_link_of_16_kilobits_a_second_is_waited_for() {
        let day = Duration::from_hours(24);
        assert_eq!(borne(2048, Duration::from_secs(1), Reading::Stream), day);
        assert!(borne(245_760, Duration::from_secs(119), Reading::Stream) >= day);
    }

    #[test]
    fn a_byte_a_second_is_borne_for_two_minutes() {
        assert_eq!(borne(1, Duration::from_secs(1), Reading::Stream), PATIENCE);
    }

    #[test]
    fn an_answer_that_is_read_whole_is_given_up_after_ten_minutes_whatever_its_rate() {
        for bytes in [2048, 1 << 20] {
            assert_eq!(
                borne(bytes, Duration::from_secs(1), Reading::Whole),
                Duration::from_mins(10)
            );
        }
    }

    #[test]
    fn what_came_fast_gives_no_credit_for_later() {
        let begin = Instant::now();
        let mut pace = Pace::new("esx1".into(), PATIENCE, begin);
        pace.begin(MANY, Reading::Whole, begin);
        pace.received(1 << 30, begin).unwrap();
        assert_eq!(pace.time_left(begin + Duration::from_secs(1)), Duration::from_secs(119));
        let given_up = begin + Duration::from_mins(2);
        assert!(matches!(
            pace.too_slow(given_up),
            TransportError::Silent { seconds: 120, .. }
        ));
    }

    #[test]
    fn more_than_the_limit_and_its_header_is_refused() {
        let begin = Instant::now();
        let mut pace = Pace::new("esx1".into(), PATIENCE, begin);
        pace.begin(1000, Reading::Whole, begin);
        pace.received(1000 + 64 * 1024, begin).unwrap();
        assert!(matches!(
            pace.received(1, begin),
            Err(TransportError::TooMuch { limit_bytes: 1000, .. })
        ));
    }
}
