//! Which walks come near a workload.

use vscsi_shared::histogram::{Interval, Metric, Operation};

use super::Walk;
use crate::fio::demand::Demand;
use crate::fio::draft::{BLOCK_ALIGN, random_region_bytes, whole};
use crate::fio::sizes::size_mixes;
use crate::stream::{BLOCK_BYTES, Observation, bucket_range};

/// A bucket of distances or sizes with a smaller share of the commands is not worth a walk in its steps.
const LEAST_SHARE: f64 = 0.2;
/// Distances beyond this many steps are no part of the walk.
const FAR_STEPS: u64 = 16;
/// A larger share of the commands apart from the walk makes it none.
const LARGEST_APART: f64 = 0.5;
/// A direction of the commands that stand apart from the walk has at least this many per second: fio takes whole ones.
const LEAST_APART_IOPS: f64 = 2.0;
/// Shorter series of commands than this are no bursts.
const LEAST_BURST_COMMANDS: f64 = 8.0;
/// A run holds at least this many bursts.
const LEAST_BURSTS: f64 = 10.0;
/// Part of the time from burst to burst that is pause; the rest is for the burst itself, and to catch up after a pause
/// that was too long, since fio issues no more than one burst between two pauses.
const PAUSE_PART: f64 = 0.85;

/// The bursts of a walk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bursts {
    /// Commands of one.
    pub(super) commands: u32,
    /// Pause after it, microseconds.
    pub(super) pause_us: u32,
}

impl Bursts {
    /// Bursts of as many commands as came between two pauses; `None` where they came evenly or at random, or where a
    /// run of `seconds` would hold too few bursts to keep its rate.
    pub(crate) fn measured(target: Observation, seconds: f64) -> Option<Self> {
        let gaps = target.histograms.of(Metric::Interarrival, Operation::All)?;
        let total = gaps.total();
        let mean_us = target.seconds * 1e6 / total as f64;
        // Where most gaps are far below the mean, those above it are the pauses.
        let mean_bucket = gaps
            .limits
            .as_slice()
            .partition_point(|limit| (*limit as f64) < mean_us);
        let longer = gaps.counts.iter().skip(mean_bucket + 1);
        let pauses = longer.copied().fold(0, u64::saturating_add);
        let commands = (total as f64 / pauses as f64).round();
        let every_us = commands * mean_us;
        let is_burst = commands >= LEAST_BURST_COMMANDS && every_us * LEAST_BURSTS <= seconds * 1e6;
        // fio holds both in 32 bits.
        is_burst.then_some(Self {
            commands: u32::try_from(whole(commands)).ok()?,
            pause_us: u32::try_from(whole(every_us * PAUSE_PART)).ok()?,
        })
    }
}

/// One way to write a workload as a walk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WalkDraft {
    pub walk: Walk,
    /// Share of the commands that go anywhere in the region, in a process of their own.
    pub apart: f64,
    pub bursts: Option<Bursts>,
}

impl WalkDraft {
    /// The walks that the histograms suggest and the region has room for: in the steps of the commonest sizes, which
    /// makes a command begin where the one before it ended, and of the commonest ways forward.
    pub(crate) fn suggested(target: Observation, demands: &[Demand], span: u64, seconds: f64) -> Vec<Self> {
        let (Some(seeks), [_, _]) = (target.histograms.of(Metric::SeekDistance, Operation::All), demands) else {
            return Vec::new();
        };
        let iops: f64 = demands.iter().map(|demand| demand.iops).sum();
        // Rates are written in whole numbers, which may be above these; the finished file must fit too.
        let most_iops = iops * 1.01 + 0.01;
        let mut drafts: Vec<Self> = Vec::new();
        for stride in strides(target, seeks) {
            let far = share_beyond(seeks, stride.saturating_mul(FAR_STEPS));
            // A command apart makes two long ways, there and back.
            let apart = 1.0 - (1.0 - far).sqrt();
            for range in [stride / 4, stride / 2, stride].map(aligned) {
                let walk = Walk { stride, range };
                let smallest = demands.iter().filter_map(|demand| walk.mix(demand).smallest()).max();
                let holds_a_command = random_region_bytes(range, smallest.unwrap_or(0), BLOCK_ALIGN) > 0;
                if range > stride || !holds_a_command || walk.seconds_in(span, most_iops) < seconds {
                    continue;
                }
                let shares = [0.0, apart / 2.0, apart, apart * 1.5];
                for apart in shares.into_iter().filter(|apart| *apart <= LARGEST_APART) {
                    let draft = Self {
                        walk,
                        apart: if apart < least_apart(demands) { 0.0 } else { apart },
                        bursts: None,
                    };
                    if !drafts.contains(&draft) {
                        drafts.push(draft);
                    }
                }
            }
        }
        drafts
    }

    /// The share of sequential commands to begin with: the one that makes the measured share when both this command
    /// and the one before it stand at the beginning of their zones, and the one before it is as long as a step.
    pub(crate) fn sequential(&self, demand: &Demand, demands: &[Demand]) -> f64 {
        let total: f64 = demands.iter().map(|demand| demand.iops).sum();
        let mix = self.walk.mix(demand);
        let of_a_step = mix.sizes.iter().filter(|size| size.bytes == self.walk.stride);
        let of_a_step: f64 = of_a_step.map(|size| f64::from(size.percent) / 100.0).sum();
        let most = demand.iops / total * (1.0 - self.apart).powi(2) * of_a_step;
        if most > 0.0 {
            (demand.sequential_share / most).sqrt().min(1.0)
        } else {
            0.0
        }
    }
}

/// Steps of a walk, bytes. Places are drawn on the alignment of commands, so no step is below it.
fn strides(target: Observation, seeks: &Interval) -> Vec<u64> {
    let sizes = target.histograms.of(Metric::IoLength, Operation::All);
    let sizes = sizes
        .into_iter()
        .flat_map(|sizes| size_mixes(sizes, false))
        .flat_map(|mix| mix.sizes);
    let common = sizes.filter(|size| f64::from(size.percent) / 100.0 >= LEAST_SHARE);
    let mut strides: Vec<u64> = common.map(|size| size.bytes).collect();
    let total = seeks.total();
    for (index, bucket) in seeks.buckets().enumerate() {
        let (low, high) = bucket_range(seeks, index);
        let is_forward = low >= 1.0 && high > 1.0 && bucket.up_to.is_some();
        if is_forward && bucket.count as f64 >= LEAST_SHARE * total as f64 {
            strides.push(aligned(whole((low * high).sqrt()).saturating_mul(BLOCK_BYTES)));
        }
    }
    strides.retain(|stride| *stride >= BLOCK_ALIGN);
    strides.sort_unstable();
    strides.dedup();
    strides
}

/// Share of distances longer than this many bytes, by whole buckets.
fn share_beyond(seeks: &Interval, bytes: u64) -> f64 {
    let blocks = (bytes / BLOCK_BYTES) as f64;
    // A bucket lies beyond with its nearer edge: the upper one on the way back, the lower one on the way forward.
    let beyond = seeks.buckets().filter(|bucket| {
        bucket.up_to.is_some_and(|upper| upper as f64 <= -blocks)
            || bucket.above.is_some_and(|lower| lower as f64 >= blocks)
    });
    let beyond = beyond.map(|bucket| bucket.count).fold(0, u64::saturating_add);
    beyond as f64 / seeks.total().max(1) as f64
}

/// Below this share the slower direction would have too few commands apart.
fn least_apart(demands: &[Demand]) -> f64 {
    let slowest = demands.iter().map(|demand| demand.iops).fold(f64::INFINITY, f64::min);
    LEAST_APART_IOPS / slowest
}

fn aligned(bytes: u64) -> u64 {
    (bytes / BLOCK_ALIGN * BLOCK_ALIGN).max(BLOCK_ALIGN)
}

#[cfg(test)]
mod tests {
    use vscsi_shared::histogram::{HistogramKind, IntervalSet, Limits};

    use super::*;
    use crate::fio::demand::demands;

    /// A histogram by values and how often each was counted.
    type Part<'a> = (Metric, Operation, &'a [(i64, u64)]);

    fn histograms(parts: &[Part]) -> IntervalSet {
        let mut set = IntervalSet::default();
        for &(metric, operation, values) in parts {
            let mut interval = Interval::empty(Limits::known(metric));
            for &(value, count) in values {
                let bucket = interval.limits.bucket_of(value);
                interval.counts[bucket] += count;
                interval.count += count;
                interval.sum_at_least += i128::from(value) * i128::from(count);
            }
            interval.sum_at_most = interval.sum_at_least;
            set.insert(HistogramKind::new(metric, operation).unwrap(), interval);
        }
        set
    }

    /// Four in five commands write; all of 4 KiB, most of them 2 000 blocks behind the last.
    fn forward() -> IntervalSet {
        let far = (400_000_000, 10);
        histograms(&[
            (Metric::IoLength, Operation::All, &[(4096, 1000)]),
            (Metric::IoLength, Operation::Read, &[(4096, 200)]),
            (Metric::IoLength, Operation::Write, &[(4096, 800)]),
            (Metric::SeekDistance, Operation::All, &[(2000, 990), far]),
        ])
    }

    fn suggested(set: &IntervalSet, span: u64, seconds: f64) -> Vec<WalkDraft> {
        let target = Observation {
            histograms: set,
            seconds: 10.0,
        };
        WalkDraft::suggested(target, &demands(target, &[set]), span, seconds)
    }

    #[test]
    fn a_step_is_the_middle_of_the_bucket_that_most_commands_go_forward_by() {
        let drafts = suggested(&forward(), 1 << 40, 300.0);
        // The root of 1001 * 5000 blocks is 2237: 279 times 4 KiB.
        assert!(drafts.iter().any(|draft| draft.walk.stride == 279 * 4096), "{drafts:?}");
        for draft in drafts {
            assert!(draft.walk.range <= draft.walk.stride && draft.walk.range >= 4096);
        }
    }

    #[test]
    fn a_walk_that_leaves_its_span_is_not_suggested() {
        // 100 commands a second in steps of 1116 KiB are 31.9 GiB in 300 s: nine tenths of 35.5 GiB.
        let long = |span| {
            let drafts = suggested(&forward(), span, 300.0);
            drafts.iter().any(|draft| draft.walk.stride > 4096)
        };
        assert!(long(37 << 30) && !long(35 << 30));
    }

    #[test]
    fn most_commands_of_a_walk_take_its_steps() {
        let set = histograms(&[
            (Metric::IoLength, Operation::All, &[(4096, 1000)]),
            (Metric::IoLength, Operation::Read, &[(4096, 500)]),
            (Metric::IoLength, Operation::Write, &[(4096, 500)]),
            (
                Metric::SeekDistance,
                Operation::All,
                &[(1, 200), (400_000_000, 400), (-400_000_000, 400)],
            ),
        ]);
        for draft in suggested(&set, 1 << 40, 1.0) {
            // Four in five are far away: more than half of the commands would have to stand apart.
            assert!(draft.apart <= 0.5, "{draft:?}");
        }
    }

    #[test]
    fn one_direction_alone_makes_no_walk() {
        let set = histograms(&[
            (Metric::IoLength, Operation::All, &[(4096, 1000)]),
            (Metric::IoLength, Operation::Write, &[(4096, 1000)]),
            (Metric::SeekDistance, Operation::All, &[(2000, 1000)]),
        ]);
        assert_eq!(suggested(&set, 1 << 40, 1.0), []);
    }

    #[test]
    fn commands_between_two_pauses_are_a_burst_and_random_ones_are_none() {
        let bursts = |gaps: &[(i64, u64)], seconds| {
            let set = histograms(&[(Metric::Interarrival, Operation::All, gaps)]);
            let target = Observation {
                histograms: &set,
                seconds: 10.0,
            };
            Bursts::measured(target, seconds)
        };
        // 1 000 commands in 10 s, 20 to a burst every 200 ms, of which 85 % are pause.
        let found = bursts(&[(50, 950), (180_000, 50)], 300.0);
        let expected = Bursts {
            commands: 20,
            pause_us: 170_000,
        };
        assert_eq!(found, Some(expected));
        // Ten of them take two seconds.
        assert_eq!(bursts(&[(50, 950), (180_000, 50)], 1.9), None);
        // Independent arrivals at 10 ms: a quarter of the gaps is above 15 ms.
        assert_eq!(bursts(&[(2_000, 400), (10_000, 370), (20_000, 230)], 300.0), None);
    }
}
