//! Commands of one process that come close together, and then a pause.
//!
//! fio sleeps `thinktime` after `thinktime_blocks` commands. With `rate_ignore_thinktime` it does not catch up afterwards,
//! so that a rate holds inside a cluster alone, and the pause makes the rate of the whole. [Source: `handle_thinktime` in
//! fio's `backend.c`, 3.26 to 3.42, and the logs of such runs with 3.33 and 3.39.]

use std::fmt::Write as _;

use vscsi_shared::histogram::{Interval, Metric};

use super::draft::{arrivals_per_second, whole};
use super::job_file::{Section, UnreadableJobFile};
use crate::analysis::estimate;

/// Fewer commands than this on average between two long gaps are no cluster.
const LEAST_COMMANDS: f64 = 2.0;
/// A run holds at least this many clusters.
const LEAST_CLUSTERS: f64 = 20.0;
/// Part of the time from cluster to cluster that may pass inside it.
const LARGEST_INSIDE: f64 = 0.25;
/// A command inside a cluster may be late by this, microseconds, of which the pause knows nothing.
const LATE_US: f64 = 50.0;
/// What lateness may take from the rate.
const LARGEST_LOSS: f64 = 0.01;

/// How the commands of a process come in clusters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Clusters {
    /// Commands of one.
    commands: u32,
    /// `rate_iops` of the random arrivals inside it.
    inside_iops: u64,
}

impl Clusters {
    /// Clusters of as many commands as came between two gaps longer than the mean one, which come at the rate whose random
    /// gaps are most like the others. `None` where commands came evenly or at random.
    pub(crate) fn measured(gaps: &Interval) -> Option<Self> {
        let total = gaps.total();
        let mean_us = estimate::mean(gaps, Metric::Interarrival)?.est;
        let limits = gaps.limits.as_slice();
        let mean_bucket = limits.partition_point(|limit| (*limit as f64) < mean_us);
        // Gaps beyond the last limit are all alike, and long ones where the mean is among them.
        let mean_bucket = mean_bucket.min(limits.len().checked_sub(1)?);
        let longer = gaps.counts.iter().skip(mean_bucket + 1);
        let pauses = longer.copied().fold(0, u64::saturating_add);
        let commands = total as f64 / pauses as f64;
        if pauses == 0 || commands < LEAST_COMMANDS {
            return None;
        }
        // The gap behind the first command is that of two, because fio draws one during the pause.
        let draws_per_gap = commands / (commands - 1.0);
        Some(Self {
            commands: u32::try_from(whole(commands)).ok()?,
            inside_iops: whole(nearest_rate(gaps, mean_bucket) * draws_per_gap),
        })
    }

    /// The pause that makes a process of `iops` of them, microseconds; `None` where the time inside a cluster is no small
    /// part of it, or a run of `seconds` holds too few clusters.
    pub(super) fn pause_us(self, iops: f64, seconds: f64) -> Option<u32> {
        let commands = f64::from(self.commands);
        let every_us = commands * 1e6 / iops;
        let inside_us = commands * 1e6 / arrivals_per_second(self.inside_iops);
        let fits = inside_us <= LARGEST_INSIDE * every_us
            && commands * LATE_US <= LARGEST_LOSS * every_us
            && every_us * LEAST_CLUSTERS <= seconds * 1e6;
        // fio holds it in 32 bits.
        fits.then(|| u32::try_from(whole(every_us - inside_us)).ok())?
    }

    /// The options of a process with this pause.
    pub(super) fn write(self, out: &mut String, pause_us: u32) -> std::fmt::Result {
        writeln!(
            out,
            "# Clusters of {commands} commands, then a pause. The rate is that inside a cluster; with the pause it is the one\n\
             # above.\n\
             rate_iops={}\nrate_process=poisson\nrate_ignore_thinktime=1\n\
             thinktime={pause_us}\nthinktime_blocks={commands}\nthinktime_blocks_type=issue",
            self.inside_iops,
            commands = self.commands,
        )
    }
}

/// The rate, commands per second, whose random gaps differ least from those up to the bucket `last`; ten to a decade are
/// tried.
fn nearest_rate(gaps: &Interval, last: usize) -> f64 {
    let counts = || gaps.counts.iter().take(last + 1).enumerate();
    let total = counts().map(|(_, count)| *count).fold(0, u64::saturating_add) as f64;
    let limits = gaps.limits.as_slice();
    let difference = |rate: &f64| -> f64 {
        let beyond = |limit: Option<&i64>| limit.map_or(0.0, |us| (-(*us as f64) * rate / 1e6).exp());
        let expected = |index: usize| {
            let above = index.checked_sub(1).map_or(1.0, |below| beyond(limits.get(below)));
            above - beyond(limits.get(index).filter(|_| index < last))
        };
        counts()
            .map(|(index, count)| (*count as f64 / total - expected(index)).abs())
            .sum()
    };
    let rates = (16..=52).map(|step| 10_f64.powf(f64::from(step) / 10.0));
    rates
        .min_by(|one, other| difference(one).total_cmp(&difference(other)))
        .unwrap_or(1_000.0)
}

/// The pause of a section, as fio makes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pause {
    /// Commands from one to the next.
    pub commands: u64,
    /// Its length, seconds.
    pub seconds: f64,
    /// The rate does not make up for it.
    pub is_apart: bool,
}

impl Pause {
    /// The pause of a section, `None` when it makes none.
    ///
    /// # Errors
    /// [`UnreadableJobFile`] when an option is not of its form.
    pub(super) fn of(section: &Section) -> Result<Option<Self>, UnreadableJobFile> {
        let Some(microseconds) = section.number("thinktime")? else {
            return Ok(None);
        };
        Ok(Some(Self {
            commands: section.number("thinktime_blocks")?.unwrap_or(1).max(1),
            seconds: microseconds as f64 / 1e6,
            is_apart: section.number("rate_ignore_thinktime")?.unwrap_or(0) > 0,
        }))
    }

    /// Commands per second of a process that issues `iops` between its pauses.
    pub(super) fn commands_per_second(&self, iops: f64) -> f64 {
        let commands = self.commands as f64;
        commands / (commands / iops + self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use vscsi_shared::histogram::{Limits, Operation};

    use super::*;
    use crate::fio::job_file::sections;
    use crate::fio::simulate::simulate;
    use crate::stream::Direction;

    fn gaps(values: &[(i64, u64)]) -> Interval {
        let mut interval = Interval::empty(Limits::known(Metric::Interarrival));
        for &(value, count) in values {
            let bucket = interval.limits.bucket_of(value);
            interval.counts[bucket] += count;
            interval.count += count;
            interval.sum_at_least += i128::from(value) * i128::from(count);
        }
        interval.sum_at_most = interval.sum_at_least;
        interval
    }

    #[test]
    fn commands_between_two_long_gaps_are_a_cluster_and_random_ones_are_none() {
        // 600 short gaps and 100 of 1 s: a cluster of 7. Of gaps of 100 us on average 9.5 % are up to 10 us, 53.7 % up to
        // 100 us, and 36.1 % up to 500 us.
        let found = Clusters::measured(&gaps(&[(5, 57), (50, 322), (300, 221), (1_000_000, 100)])).unwrap();
        assert_eq!(found.commands, 7);
        // Six gaps of seven draws.
        assert_eq!(found.inside_iops, 11_667);
        // Independent arrivals at 10 ms: what comes between two gaps above the mean one takes too long to be a cluster.
        let random = Clusters::measured(&gaps(&[(2_000, 400), (10_000, 200), (20_000, 400)]));
        assert_eq!(random.and_then(|clusters| clusters.pause_us(100.0, 300.0)), None);
        assert_eq!(Clusters::measured(&gaps(&[(30, 400), (200_000, 600)])), None);
    }

    #[test]
    fn the_pause_and_the_cluster_make_the_rate() {
        let clusters = Clusters {
            commands: 10,
            inside_iops: 10_000,
        };
        // 10 at 20 a second take half a second, ten gaps of 99.5 us of which are the cluster's: fio rounds each down.
        assert_eq!(clusters.pause_us(20.0, 300.0), Some(499_005));
        // Too few clusters; too little pause.
        assert_eq!(clusters.pause_us(0.5, 300.0), None);
        assert_eq!(clusters.pause_us(2_000.0, 300.0), None);
    }

    #[test]
    fn after_each_cluster_a_process_pauses_and_both_make_its_rate() {
        let text = "[a]\nrw=randwrite\nbs=4k\nsize=1g\nrate_iops=10000\nrate_process=poisson\nrate_ignore_thinktime=1\n\
                    thinktime=349300\nthinktime_blocks=7\nthinktime_blocks_type=issue\n";
        let sections = sections(text).unwrap();
        let observed = simulate(&sections, 1, 7_000).unwrap();
        let gaps = observed.histograms.of(Metric::Interarrival, Operation::All).unwrap();
        // 1 000 clusters have 999 pauses between them.
        assert_eq!(gaps.counts.last(), Some(&999));
        // Seven in 350 ms.
        assert!(
            (7_000.0 / observed.seconds / 20.0 - 1.0).abs() < 0.01,
            "{}",
            observed.seconds
        );
        let told = sections[0].commands_per_second(Direction::Write).unwrap().unwrap();
        assert!((told / 20.0 - 1.0).abs() < 0.001, "{told}");
    }
}
