//! Several jobs taken together: what all their I/O is like, and how much of it there was at once.
//!
//! The formulas stand in `METHODS.md`, section "Several jobs together".

use jiff::Timestamp;

use super::estimate::{Method, Range};
use super::profile::{Profile, Throughput};
use super::{Analysis, Sample, Series};

/// A job whose bucket limits differ from those of the jobs before it, so that its histograms cannot be added to theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherLimits {
    /// Its place among the jobs.
    pub job: usize,
}

/// The profile of the kept samples of all jobs. Its rates are all I/Os and bytes over the observed time of all jobs, which is
/// what a job does on average while it is observed.
///
/// # Errors
/// [`OtherLimits`] of the first job that does not fit.
pub fn merged(first: &Analysis, others: &[&Analysis]) -> Result<Profile, OtherLimits> {
    let mut workload = first.workload.clone();
    for (index, other) in others.iter().enumerate() {
        let other = &other.workload;
        workload
            .histograms
            .merge(&other.histograms)
            .map_err(|_| OtherLimits { job: index + 1 })?;
        workload.seconds += other.seconds;
        workload.edge_ios += other.edge_ios;
        workload.disks.extend(other.disks.iter().cloned());
    }
    Ok(Profile::of(&workload, first.options.sequential_gap))
}

/// The time that jobs have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Common {
    /// When a job ran is not known, because it was imported.
    Undated {
        /// Its place among the jobs.
        job: usize,
    },
    /// There is no moment at which all of them ran.
    None {
        /// Some of them ran at the same time.
        some_overlap: bool,
    },
    /// All of them ran at the same time.
    Time(Load),
}

/// What several jobs did at the same time, by all of their samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Since when all of them ran.
    pub from: Timestamp,
    /// Until when all of them ran.
    pub to: Timestamp,
    /// The sum of their I/Os per second in that time; `None` where a job has no known I/Os in it.
    pub iops: Option<Range>,
    /// The sum of their MB/s of 10^6 bytes.
    pub mbps: Option<Range>,
}

impl Common {
    /// What jobs have in common.
    pub fn of(jobs: &[&Analysis]) -> Self {
        let mut spans: Vec<Span<'_>> = Vec::new();
        for (job, analysis) in jobs.iter().enumerate() {
            match Span::of(&analysis.series) {
                Some(span) => spans.push(span),
                None => return Self::Undated { job },
            }
        }
        let from = spans.iter().map(|span| span.from).fold(f64::NEG_INFINITY, f64::max);
        let to = spans.iter().map(|span| span.to).fold(f64::INFINITY, f64::min);
        match moment(from).zip(moment(to)).filter(|_| from < to) {
            None => Self::None {
                some_overlap: spans.iter().enumerate().any(|(index, one)| {
                    let mut others = spans.iter().skip(index + 1);
                    others.any(|other| one.from < other.to && other.from < one.to)
                }),
            },
            Some((begin, end)) => {
                let sum = |amount: Amount| {
                    let rates = spans.iter().map(|span| span.rate(from, to, amount));
                    rates.reduce(|one, other| Some(one?.plus(other?))).flatten()
                };
                Self::Time(Load {
                    from: begin,
                    to: end,
                    iops: sum(ios),
                    mbps: sum(megabytes),
                })
            }
        }
    }
}

/// Something that a sample has so much of; `None` where that is not known.
type Amount = fn(&Sample) -> Option<Range>;

fn ios(sample: &Sample) -> Option<Range> {
    let inside = sample.known_ios()?.saturating_sub(sample.edge_ios());
    Some(Range::exact(inside as f64))
}

fn megabytes(sample: &Sample) -> Option<Range> {
    // The rate over one second is the amount.
    let of_disks = sample.disks.iter().map(|disk| Throughput::of(&disk.histograms, 1.0));
    of_disks.reduce(Throughput::plus)?.total
}

/// A job on the wall clock, in seconds since 1970. The clock is that of the end of its last sample, so that a clock that was
/// set in mid-job bends nothing.
struct Span<'job> {
    series: &'job Series,
    /// The wall clock at second 0 of the series.
    origin: f64,
    from: f64,
    to: f64,
}

impl<'job> Span<'job> {
    fn of(series: &'job Series) -> Option<Self> {
        let (first, last) = series.samples.first().zip(series.samples.last())?;
        if !series.is_dated() {
            return None;
        }
        let to = last.taken_at.as_millisecond() as f64 / 1000.0;
        let origin = to - last.start_seconds - last.seconds;
        Some(Self {
            series,
            origin,
            from: origin + first.start_seconds,
            to,
        })
    }

    /// How much there is of something in each second that was observed between two moments. The estimate spreads what a
    /// sample has evenly over its time; the bounds put what a sample has that reaches beyond a moment outside, or inside.
    fn rate(&self, from: f64, to: f64, amount: Amount) -> Option<Range> {
        let mut seconds = 0.0;
        let (mut lo, mut est, mut hi) = (0.0, 0.0, Some(0.0));
        for sample in &self.series.samples {
            let begin = self.origin + sample.start_seconds;
            let inside = (begin + sample.seconds).min(to) - begin.max(from);
            if inside <= 0.0 {
                continue;
            }
            let share = inside / sample.seconds;
            let amount = amount(sample)?;
            seconds += inside;
            est += share * amount.est;
            hi = hi.zip(amount.hi).map(|(sum, more)| sum + more);
            // Moments are known to a millisecond.
            if inside > sample.seconds - 0.002 {
                lo += amount.lo;
            }
        }
        if seconds <= 0.0 {
            return None;
        }
        let bounded = hi.map(|hi| Range::between(lo, hi, est, Method::Linear));
        Some(bounded.unwrap_or_else(|| Range::at_least(lo)).times(1.0 / seconds))
    }
}

fn moment(seconds: f64) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
    let milliseconds = (seconds * 1000.0).round() as i64;
    Timestamp::from_millisecond(milliseconds).ok()
}

#[cfg(test)]
mod tests {
    use vscsi_shared::job::Job;

    use super::*;
    use crate::analysis::chart_job::{Directions, SECONDS, job};
    use crate::analysis::load::Loaded;
    use crate::analysis::{Filter, Options, analyze};

    /// A job of so many samples that begins so many seconds after the usual one.
    fn after(seconds: f64, samples: usize) -> Analysis {
        let mut series = job(samples, 1, Directions::Both);
        for sample in &mut series.samples {
            let later = jiff::SignedDuration::from_secs_f64(seconds);
            sample.taken_at = sample.taken_at.checked_add(later).unwrap();
        }
        of_series(series)
    }

    fn of_series(series: Series) -> Analysis {
        let loaded = Loaded {
            last_sequence: None,
            series,
            findings: Vec::new(),
        };
        let document: Job = serde_json::from_value(serde_json::json!({
            "format_version": "1.0", "job_id": "sql-peak",
            "created_at": "2025-11-06T08:30:22Z", "updated_at": "2025-11-06T09:00:45Z", "status": "completed",
            "host": {"hostname": "esxi-host01.example.com", "username": "root", "fingerprint": null},
            "target": {"vm_name": "SQL-Server-01", "world_group_id": "12345", "config_file": "", "disks": []},
            "profile": {"name": "test", "samples": 1, "interval_seconds": 60},
            "collection": {"samples_collected": 1, "samples_expected": 1},
            "cleanup": {"vscsiStats_stopped": true}
        }))
        .unwrap();
        let options = Options {
            filter: Filter::None,
            ..Options::default()
        };
        analyze(document, loaded, &options, Timestamp::UNIX_EPOCH).unwrap()
    }

    fn load(jobs: &[&Analysis]) -> Load {
        match Common::of(jobs) {
            Common::Time(load) => load,
            other => panic!("{other:?}"),
        }
    }

    /// I/Os per second over some samples.
    fn iops(job: &Analysis, samples: std::ops::Range<usize>) -> f64 {
        let ios: u64 = job.series.samples[samples.clone()].iter().map(Sample::ios).sum();
        ios as f64 / (SECONDS * samples.len() as f64)
    }

    #[test]
    fn jobs_of_the_same_time_add_up_exactly() {
        let (one, other) = (after(0.0, 10), after(0.0, 10));
        let load = load(&[&one, &other]);
        let sum = load.iops.unwrap();
        let expected = 2.0 * iops(&one, 0..10);
        assert!((sum.est - expected).abs() < 1e-6 * expected, "{sum:?}");
        assert_eq!(sum.hi, Some(sum.lo));
        assert_eq!(load.to.as_second() - load.from.as_second(), 600);
        let mbps = 2.0 * one.profile.throughput_mbps.total.unwrap().est;
        assert!((load.mbps.unwrap().est - mbps).abs() < 1e-6 * mbps);
    }

    #[test]
    fn only_the_time_that_all_have_in_common_counts_whole_samples_of_it_exactly() {
        let (one, other) = (after(0.0, 10), after(4.0 * SECONDS, 10));
        let sum = load(&[&one, &other]).iops.unwrap();
        let expected = iops(&one, 4..10) + iops(&other, 0..6);
        assert!((sum.est - expected).abs() < 1e-6 * expected, "{sum:?}");
        assert_eq!(sum.hi, Some(sum.lo));
    }

    #[test]
    fn samples_that_reach_beyond_the_common_time_leave_a_range() {
        let (one, other) = (after(0.0, 10), after(4.5 * SECONDS, 10));
        let load = load(&[&one, &other]);
        let (sum, seconds) = (load.iops.unwrap(), 5.5 * SECONDS);
        let halved = |job: &Analysis, sample: usize| job.series.samples[sample].ios() as f64;
        let inside = 5.0 * SECONDS * (iops(&one, 5..10) + iops(&other, 0..5));
        let beyond = halved(&one, 4) + halved(&other, 5);
        for (found, expected) in [
            (sum.lo, inside / seconds),
            (sum.est, (inside + beyond / 2.0) / seconds),
            (sum.hi.unwrap(), (inside + beyond) / seconds),
        ] {
            assert!((found - expected).abs() < 1e-6 * expected, "{found}, not {expected}");
        }
    }

    #[test]
    fn a_gap_is_no_time_without_io() {
        let whole = after(0.0, 10);
        let mut series = job(10, 1, Directions::Both);
        series.samples.retain(|sample| !(3..7).contains(&sample.sequence));
        let sum = load(&[&whole, &of_series(series)]).iops.unwrap();
        let observed = [0..2, 6..10].map(|samples| iops(&whole, samples.clone()) * samples.len() as f64);
        let expected = iops(&whole, 0..10) + observed.iter().sum::<f64>() / 6.0;
        assert!((sum.est - expected).abs() < 1e-6 * expected, "{sum:?}, not {expected}");
    }

    #[test]
    fn jobs_of_different_times_have_no_sum() {
        let none = |some_overlap| Common::None { some_overlap };
        let (one, next) = (after(0.0, 10), after(10.0 * SECONDS, 10));
        assert_eq!(Common::of(&[&one, &next]), none(false));
        let between = after(5.0 * SECONDS, 10);
        assert_eq!(Common::of(&[&one, &next, &between]), none(true));
    }

    #[test]
    fn a_job_without_dates_is_named() {
        let mut series = job(3, 1, Directions::Both);
        for sample in &mut series.samples {
            sample.flags.insert(vscsi_shared::snapshot::SnapshotFlag::Undated);
        }
        let undated = of_series(series);
        assert_eq!(Common::of(&[&after(0.0, 3), &undated]), Common::Undated { job: 1 });
    }

    #[test]
    fn the_rates_of_the_merged_profile_are_those_of_a_job_on_average() {
        let (long, short) = (after(0.0, 30), after(0.0, 10));
        let merged = merged(&long, &[&short]).unwrap();
        let ios: u64 = [&long, &short].iter().map(|job| job.profile.ios.total.unwrap()).sum();
        assert_eq!(merged.ios.total, Some(ios));
        let expected = ios as f64 / (40.0 * SECONDS);
        assert!((merged.iops.total.unwrap() - expected).abs() < 1e-6 * expected);
    }
}
