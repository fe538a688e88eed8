//! Real time along an axis.

use jiff::{SignedDuration, Timestamp, Unit};

/// Steps between two ticks, seconds: what a clock face and a calendar suggest.
const STEPS: [i64; 22] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
    1_209_600, 2_592_000,
];
const DAY_SECONDS: i64 = 86_400;

/// Maps the seconds of a series to the wall clock of the host, which is UTC on every ESXi host.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TimeAxis {
    /// Wall clock at second 0; `None` when the samples have no date, and then labels count from the beginning.
    pub(super) origin: Option<Timestamp>,
    /// First second shown.
    pub(super) start: f64,
    /// Last second shown, above `start`.
    pub(super) end: f64,
}

/// A labelled place on the axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    /// Seconds of the series.
    pub(super) at: f64,
    pub(super) label: String,
}

impl TimeAxis {
    /// Where a second is between the ends, 0 to 1.
    pub(super) fn share(&self, second: f64) -> f64 {
        ((second - self.start) / (self.end - self.start)).clamp(0.0, 1.0)
    }

    /// At most `most` round times, labelled.
    pub(super) fn ticks(&self, most: usize) -> Vec<Tick> {
        let span = self.end - self.start;
        let most = most.max(1) as f64;
        let step = STEPS
            .into_iter()
            .find(|&step| span / step as f64 <= most)
            .unwrap_or_else(|| {
                let months = (span / most / 2_592_000.0).ceil().max(1.0);
                #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
                let months = months as i64;
                months.saturating_mul(2_592_000)
            });
        // Ticks are round on the wall clock, so counting begins at the last round time before the axis.
        let origin = self
            .origin
            .map_or(0.0, |origin| origin.as_millisecond() as f64 / 1000.0);
        let first = ((origin + self.start) / step as f64 - 1e-9).ceil();
        (0_u32..)
            .map(|index| (first + f64::from(index)) * step as f64)
            .take_while(|wall| wall - origin <= self.end + 1e-6)
            .take(1000)
            .map(|wall| Tick {
                at: wall - origin,
                label: self.label(wall, step),
            })
            .collect()
    }

    fn label(&self, wall: f64, step: i64) -> String {
        #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
        let second = wall.round() as i64;
        if self.origin.is_none() {
            let (hours, minutes, seconds) = (second / 3600, second / 60 % 60, second % 60);
            return if step < 60 {
                format!("{hours}:{minutes:02}:{seconds:02}")
            } else {
                format!("{hours}:{minutes:02}")
            };
        }
        let Ok(time) = Timestamp::from_second(second) else {
            return String::new();
        };
        let format = if second.rem_euclid(DAY_SECONDS) == 0 {
            "%b %-d"
        } else if step < 60 {
            "%H:%M:%S"
        } else {
            "%H:%M"
        };
        time.strftime(format).to_string()
    }

    /// A second as it is told: with its day where the axis has several.
    pub(super) fn told(&self, second: f64) -> String {
        let at = |second| self.wall(second)?.round(Unit::Second).ok();
        let (Some(begin), Some(end), Some(time)) = (at(self.start), at(self.end), at(second)) else {
            return self.label(second, 1);
        };
        let days = |time: Timestamp| time.as_second().div_euclid(DAY_SECONDS);
        let format = if days(begin) == days(end) {
            "%H:%M:%S"
        } else {
            "%b %-d %H:%M:%S"
        };
        time.strftime(format).to_string()
    }

    /// What the axis with these ticks shows.
    pub(super) fn title(&self, ticks: &[Tick]) -> String {
        let (Some(begin), Some(end)) = (self.wall(self.start), self.wall(self.end)) else {
            let has_seconds = ticks.iter().any(|tick| tick.label.matches(':').count() > 1);
            let form = if has_seconds { "h:mm:ss" } else { "h:mm" };
            return format!("time since the first sample ({form})");
        };
        let day = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
        if day(begin) == day(end) {
            format!("time (UTC), {}", day(begin))
        } else {
            format!("time (UTC), {} to {}", day(begin), day(end))
        }
    }

    fn wall(&self, second: f64) -> Option<Timestamp> {
        let offset = SignedDuration::try_from_secs_f64(second).ok()?;
        self.origin?.checked_add(offset).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(start: f64, end: f64) -> TimeAxis {
        TimeAxis {
            origin: Some("2025-11-06T08:25:00Z".parse().unwrap()),
            start,
            end,
        }
    }

    fn labels(axis: TimeAxis, most: usize) -> Vec<String> {
        axis.ticks(most).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_stand_at_round_times_of_the_wall_clock() {
        assert_eq!(labels(axis(0.0, 1800.0), 4), ["08:30", "08:40", "08:50"]);
    }

    #[test]
    fn a_tick_is_as_far_from_the_start_as_its_label_says() {
        // 08:30 is five minutes after 08:25.
        assert!((axis(0.0, 1800.0).ticks(4)[0].at - 300.0).abs() < 1e-6);
    }

    /// Of 08:25 + 50 000 s = 22:18:20 to 08:25 + 70 000 s = 03:51:40, two-hour steps hold midnight and two o'clock.
    #[test]
    fn midnight_is_labelled_with_its_date() {
        assert_eq!(labels(axis(50_000.0, 70_000.0), 3), ["Nov 7", "02:00"]);
    }

    #[test]
    fn short_jobs_show_seconds() {
        assert_eq!(
            labels(axis(0.0, 20.0), 4),
            ["08:25:00", "08:25:05", "08:25:10", "08:25:15", "08:25:20"]
        );
    }

    #[test]
    fn without_a_date_the_axis_counts_from_the_first_sample() {
        let axis = TimeAxis {
            origin: None,
            start: 0.0,
            end: 5400.0,
        };
        assert_eq!(labels(axis, 3), ["0:00", "0:30", "1:00", "1:30"]);
        assert_eq!(axis.title(&axis.ticks(3)), "time since the first sample (h:mm)");
        let short = TimeAxis { end: 20.0, ..axis };
        assert_eq!(labels(short, 2), ["0:00:00", "0:00:10", "0:00:20"]);
        assert_eq!(short.title(&short.ticks(2)), "time since the first sample (h:mm:ss)");
    }

    #[test]
    fn the_title_names_both_days_when_midnight_lies_between() {
        assert_eq!(axis(0.0, 1800.0).title(&[]), "time (UTC), 2025-11-06");
        assert_eq!(axis(0.0, 86_400.0).title(&[]), "time (UTC), 2025-11-06 to 2025-11-07");
    }

    #[test]
    fn a_second_is_told_with_its_day_where_there_are_several() {
        assert_eq!(axis(0.0, 1800.0).told(299.6), "08:30:00");
        assert_eq!(axis(0.0, 86_400.0).told(86_400.0), "Nov 7 08:25:00");
        let undated = TimeAxis {
            origin: None,
            ..axis(0.0, 9000.0)
        };
        assert_eq!(undated.told(7325.0), "2:02:05");
    }

    #[test]
    fn years_are_still_labelled() {
        let count = axis(0.0, 400_000_000.0).ticks(8).len();
        assert!((2..=9).contains(&count), "{count}");
    }
}
