//! How the places of one process follow each other, where that is neither at random nor each behind the last.
//!
//! `rw=randwrite:3` with `rw_sequencer=identical` draws a place for every third command and writes it three times;
//! `rw=write:600k` leaves 600 KiB out between two commands, and `rw=read:-128k` goes back by 128 KiB from the end of the
//! last. [Source: `get_next_block` and `get_next_seq_offset` in fio's `io_u.c`, and the logs of such runs with 3.33 and
//! 3.39.]

use vscsi_shared::histogram::Interval;

use super::demand::Demand;
use super::draft::whole;
use super::job_file::{Section, UnreadableJobFile, parse_number};
use super::sizes::size_mixes;
use super::walk::LARGEST_PART_OF_REGION;
use crate::stream::{BLOCK_BYTES, bucket_range};

/// A smaller share of the commands is not worth a process that steps.
const LEAST_STEPPED: f64 = 0.1;
/// A larger share needs no other process beside it.
const ALL_STEPPED: f64 = 0.97;
/// From this share of repeated commands on, a place is used twice or more.
const LEAST_REPEATED: f64 = 0.4;
const MOST_REPEATS: u32 = 16;
/// Steps are multiples of this, bytes, so that aligned commands stay aligned.
const STEP_ALIGN: i64 = 4096;

/// How the places of a direction follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) enum Order {
    /// At random or behind the last, by the sequential share.
    #[default]
    Plain,
    /// The same, with every place used this many times in a row.
    Repeated(u32),
    /// In steps: a process of this share of the commands goes `bytes` further, or back, from the end of each to the next.
    Stepped {
        /// From the end of a command to the beginning of the next.
        bytes: i64,
        /// Share of the direction's commands, 0 to 1.
        share: f64,
    },
}

impl Order {
    /// The orders that the distances of a direction suggest.
    pub(crate) fn suggested(demand: &Demand, own: &Interval) -> Vec<Self> {
        let mut orders = repeats(demand, own);
        orders.extend(steps(demand, own));
        orders
    }

    /// The steps that the distances of all commands to the closest of those before suggest.
    pub(crate) fn among_others(demand: &Demand, closest: &Interval) -> Vec<Self> {
        steps(demand, closest)
    }

    /// By how much more a process must be told to be sequential than its direction shall be. Of a place that is used
    /// several times only the first command can be; one behind a command that steps is not, nor that one, and where they
    /// come in clusters, one kind seldom stands between two of the other.
    pub(super) fn dilution(self, in_clusters: bool) -> f64 {
        match self {
            Self::Plain => 1.0,
            Self::Repeated(times) => f64::from(times),
            Self::Stepped { share, .. } => (1.0 - share).max(0.1).powi(if in_clusters { -1 } else { -2 }),
        }
    }

    /// The share of the direction's commands that a process of its own steps with; 0 when there is none.
    pub(super) fn stepped_share(self) -> f64 {
        match self {
            Self::Stepped { share, .. } if share >= ALL_STEPPED => 1.0,
            Self::Stepped { share, .. } => share,
            Self::Plain | Self::Repeated(_) => 0.0,
        }
    }
}

/// Places that come again show as distances back to the beginning of the last command.
fn repeats(demand: &Demand, seeks: &Interval) -> Vec<Order> {
    let sizes = size_mixes(demand.sizes, false).into_iter().flat_map(|mix| mix.sizes);
    let mut buckets: Vec<usize> = sizes
        .filter_map(|size| i64::try_from(size.bytes / BLOCK_BYTES).ok())
        .map(|blocks| seeks.limits.bucket_of(1 - blocks))
        .collect();
    buckets.sort_unstable();
    buckets.dedup();
    let counts = buckets.iter().filter_map(|bucket| seeks.counts.get(*bucket));
    let repeated = counts.copied().fold(0, u64::saturating_add) as f64 / seeks.total().max(1) as f64;
    if repeated < LEAST_REPEATED {
        return Vec::new();
    }
    let times = u32::try_from(whole(1.0 / (1.0 - repeated).max(0.01))).unwrap_or(MOST_REPEATS);
    vec![Order::Repeated(times.clamp(2, MOST_REPEATS))]
}

/// The commonest step forward and the commonest back, each with the share of its bucket.
fn steps(demand: &Demand, seeks: &Interval) -> Vec<Order> {
    let total = seeks.total().max(1) as f64;
    let buckets = seeks.buckets().enumerate().filter_map(|(index, bucket)| {
        let (low, high) = bucket_range(seeks, index);
        // The first bucket and the last have no end, so that nothing says how far they go.
        (bucket.up_to.is_some() && bucket.above.is_some()).then_some((low, high, bucket.count as f64 / total))
    });
    let buckets: Vec<(f64, f64, f64)> = buckets.collect();
    let commonest = |is_wanted: fn(f64, f64) -> bool| {
        let wanted = buckets.iter().filter(|(low, high, _)| is_wanted(*low, *high));
        wanted.copied().max_by(|one, other| one.2.total_cmp(&other.2))
    };
    let mean_blocks = demand.sizes.sum_at_least as f64 / demand.sizes.count.max(1) as f64 / BLOCK_BYTES as f64;
    let sizes = size_mixes(demand.sizes, false).into_iter();
    let smallest = sizes.filter_map(|mix| mix.smallest()).min().unwrap_or(0);
    let forward = commonest(|low, high| low >= 1.0 && high > 1.0);
    let back = commonest(|low, high| low < -1.0 && high < 0.0);
    let mut orders = Vec::new();
    for (low, high, share) in [forward, back].into_iter().flatten() {
        let distance = if high < 0.0 {
            // Right before the last command lies one command and its own length back.
            let contiguous = 1.0 - 2.0 * mean_blocks;
            if (low..=high).contains(&contiguous) {
                contiguous
            } else {
                -(low * high).sqrt()
            }
        } else {
            (low * high).sqrt()
        };
        #[expect(clippy::cast_possible_truncation, reason = "a distance inside a finite bucket")]
        let bytes = ((distance - 1.0) * BLOCK_BYTES as f64) as i64;
        let bytes = (bytes + bytes.signum() * STEP_ALIGN / 2) / STEP_ALIGN * STEP_ALIGN;
        let share = (share * demand_part(demand, seeks)).min(1.0);
        // A step that leads into the last command is a place that comes again.
        let leaves = bytes > 0 || bytes.unsigned_abs() > smallest;
        if share >= LEAST_STEPPED && bytes != 0 && leaves {
            orders.push(Order::Stepped { bytes, share });
        }
    }
    orders
}

/// What a share of all commands is of this direction's, when the histogram counts all of them.
fn demand_part(demand: &Demand, seeks: &Interval) -> f64 {
    (seeks.total() as f64 / demand.sizes.count.max(1) as f64).max(1.0)
}

/// A process that steps, as a job file holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    /// From the end of a command to the beginning of the next.
    pub bytes: i64,
    iops: f64,
    mean_bytes: f64,
}

impl Step {
    /// The step of a section, `None` when it makes none.
    ///
    /// # Errors
    /// [`UnreadableJobFile`] when an option is not of its form, or the steps leave the section's region before its run is
    /// over: fio would go on to the end of the target, or begin again and hurry to make up for the time before.
    pub(crate) fn of(section: &Section) -> Result<Option<Self>, UnreadableJobFile> {
        let (Some(step), false) = (suffix(section), section.access()?.1) else {
            return Ok(None);
        };
        let (sign, digits) = step.strip_prefix('-').map_or((1, step), |digits| (-1, digits));
        let bytes = parse_number(digits).and_then(|bytes| i64::try_from(bytes).ok());
        let rw = section.text("rw").unwrap_or_default();
        let bytes = sign * bytes.filter(|bytes| *bytes > 0).ok_or_else(|| section.bad("rw", rw))?;
        let mut step = Self {
            bytes,
            iops: 0.0,
            mean_bytes: 0.0,
        };
        for direction in section.access()?.0 {
            step.iops = section.commands_per_second(direction)?.unwrap_or(f64::INFINITY);
            step.mean_bytes = section.mean_bytes(direction)?;
        }
        let region_bytes = section.number("size")?.unwrap_or(0);
        let seconds = section.number("runtime")?.unwrap_or(0);
        if step.seconds_in(region_bytes) < seconds as f64 {
            return Err(UnreadableJobFile::LeavesRegion {
                section: section.name.clone(),
                region_bytes,
                seconds,
            });
        }
        Ok(Some(step))
    }

    /// How long it stays inside a region of these bytes, seconds.
    pub(crate) fn seconds_in(&self, region: u64) -> f64 {
        let each = (self.bytes as f64 + self.mean_bytes).abs().max(1.0);
        region as f64 * LARGEST_PART_OF_REGION / (each * self.iops)
    }
}

/// How many times in a row a section's process uses each place.
///
/// # Errors
/// [`UnreadableJobFile`] when the number is none, or its process would not repeat but go on.
pub(super) fn times(section: &Section) -> Result<u64, UnreadableJobFile> {
    let (Some(times), true) = (suffix(section), section.access()?.1) else {
        return Ok(1);
    };
    let is_identical = section.text("rw_sequencer") == Some("identical");
    let times = times.parse().ok().filter(|times| *times > 0 && is_identical);
    times.ok_or_else(|| section.bad("rw", section.text("rw").unwrap_or_default()))
}

/// What stands behind the colon of `rw`.
fn suffix(section: &Section) -> Option<&str> {
    Some(section.text("rw")?.split_once(':')?.1)
}

#[cfg(test)]
mod tests {
    use vscsi_shared::histogram::{HistogramKind, IntervalSet, Limits, Metric, Operation};

    use super::*;
    use crate::fio::demand::demands;
    use crate::fio::job_file::sections;
    use crate::fio::simulate::simulate;
    use crate::stream::{Observation, Observed};

    fn histogram(metric: Metric, values: &[(i64, u64)]) -> Interval {
        let mut interval = Interval::empty(Limits::known(metric));
        for &(value, count) in values {
            let bucket = interval.limits.bucket_of(value);
            interval.counts[bucket] += count;
            interval.count += count;
            interval.sum_at_least += i128::from(value) * i128::from(count);
        }
        interval.sum_at_most = interval.sum_at_least;
        interval
    }

    /// What 1 000 writes of 4 KiB in 10 s with these distances suggest.
    fn suggested(seeks: &[(i64, u64)]) -> Vec<Order> {
        let mut set = IntervalSet::default();
        let sizes = HistogramKind::new(Metric::IoLength, Operation::Write).unwrap();
        set.insert(sizes, histogram(Metric::IoLength, &[(4096, 1000)]));
        let target = Observation {
            histograms: &set,
            seconds: 10.0,
        };
        Order::suggested(&demands(target, &[])[0], &histogram(Metric::SeekDistance, seeks))
    }

    #[test]
    fn two_in_three_commands_at_the_place_of_the_last_suggest_three_times_each() {
        let orders = suggested(&[(-7, 667), (1, 233), (40_000_000, 100)]);
        assert_eq!(orders, [Order::Repeated(3)]);
    }

    #[test]
    fn a_common_distance_suggests_a_step_of_it() {
        // (1000, 5000]: the root of 1001 * 5000 blocks is 2237, less the one that follows the last: 1118 KiB, or 280 times
        // 4 KiB. Right before a command of 8 blocks begins one at -15: back by 8 KiB from its end.
        let orders = suggested(&[(2_000, 600), (-15, 300), (40_000_000, 100)]);
        let steps = orders.iter().filter_map(|order| match order {
            Order::Stepped { bytes, share } => Some((*bytes, *share)),
            _ => None,
        });
        assert_eq!(steps.collect::<Vec<_>>(), [(280 * 4096, 0.6), (-8192, 0.3)]);
    }

    #[test]
    fn commands_anywhere_suggest_nothing() {
        assert_eq!(suggested(&[(40_000_000, 500), (-40_000_000, 450), (90, 50)]), []);
    }

    fn played(text: &str) -> Result<Observed, UnreadableJobFile> {
        simulate(&sections(text)?, 1, 3_000)
    }

    fn share(observed: &Observed, operation: Operation, distance: i64) -> f64 {
        let seeks = observed.histograms.of(Metric::SeekDistance, operation).unwrap();
        seeks.counts[seeks.limits.bucket_of(distance)] as f64 / seeks.total() as f64
    }

    #[test]
    fn a_place_is_used_as_often_as_the_file_says() {
        let text = "[a]\nrw=randwrite:3\nrw_sequencer=identical\nbs=4k\nblockalign=4k\npercentage_random=30\nsize=1g\n\
                    rate=400k\n";
        let observed = played(text).unwrap();
        assert!((share(&observed, Operation::Write, -7) - 2.0 / 3.0).abs() < 0.01);
        // Seven in ten of the others go on behind the last.
        assert!((share(&observed, Operation::Write, 1) - 0.7 / 3.0).abs() < 0.03);
        // fio's own default goes on behind the last instead, which no file of ours asks for.
        let refused = played(&text.replace("rw_sequencer=identical\n", "")).unwrap_err();
        assert_eq!(refused.to_string(), "section [a]: `rw=randwrite:3` is not understood");
    }

    #[test]
    fn steps_lead_further_and_back() {
        let further = played("[a]\nrw=write:600k\nbs=4k\nsize=100g\nrate=400k\nruntime=60\n").unwrap();
        assert!(share(&further, Operation::Write, 1201) > 0.999);
        // The second command begins 128 KiB before the end of the region, the next 64 KiB before it: 255 blocks back.
        let back = played("[a]\nrw=read:-128k\nbs=64k\nsize=1g\nrate=1m\nruntime=60\n").unwrap();
        assert!(share(&back, Operation::Read, -255) > 0.999);
        let first = back.histograms.of(Metric::SeekDistance, Operation::Read).unwrap();
        assert_eq!(first.values_at_most, Some((1 << 30 >> 9) - 256 - 127));
    }

    #[test]
    fn steps_that_leave_their_region_before_its_time_are_refused() {
        // 604 KiB a hundred times a second reach the 90 GiB that may be taken of 100 GiB after 1562 s.
        let text = |seconds| format!("[a]\nrw=write:600k\nbs=4k\nsize=100g\nrate=400k\nruntime={seconds}\n");
        assert!(played(&text(1562)).is_ok());
        assert!(matches!(
            played(&text(1563)),
            Err(UnreadableJobFile::LeavesRegion { seconds: 1563, .. })
        ));
        let refused = played("[a]\nrw=write:lots\nsize=1g\nrate=4k\n").unwrap_err();
        assert_eq!(refused.to_string(), "section [a]: `rw=write:lots` is not understood");
    }
}
