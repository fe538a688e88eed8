//! One way to write a workload as fio jobs, and the text of its sections.
//!
//! A direction may need several processes: fio gives one process one position, so streams that interleave on the disk
//! are processes of their own, and sizes too rare for a whole percent get a process at their own small rate.

use std::fmt::Write as _;

use super::clusters::Clusters;
use super::demand::{Demand, Depth};
use super::order::Order;
use super::sizes::{SizeMix, size_mixes};
use crate::number::{self, rate};

/// Alignment of random commands, bytes: what guests' file systems use.
pub(super) const BLOCK_ALIGN: u64 = 4096;

/// A process that is told to be more sequential than the direction by more than this gets a comment.
const SHARE_WORTH_A_WORD: f64 = 0.05;

/// How a direction is divided among processes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Streams {
    /// One position.
    One,
    /// Two positions, the first with this share of the commands.
    Two(f64),
    /// Several equal ones.
    Equal(u32),
}

impl Streams {
    /// Each stream's share of the direction's commands.
    fn shares(self) -> Vec<f64> {
        match self {
            Self::One => vec![1.0],
            Self::Two(first) => vec![first, 1.0 - first],
            Self::Equal(count) => vec![1.0 / f64::from(count.max(1)); count as usize],
        }
    }

    /// Whether this depth can be divided by the shares: processes of one share can have equal parts of it, when there
    /// is at least one command in flight for each.
    pub(crate) fn fit_into(self, depth: Depth) -> bool {
        match self {
            Self::One => true,
            Self::Two(_) => false,
            Self::Equal(count) => depth.mean >= f64::from(count),
        }
    }
}

/// When a process issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrivals {
    /// At even distances, as fio's `rate` does.
    Even,
    /// At random, as fio's `rate_process=poisson` does; processes too slow for that stay even.
    Random,
}

/// How one direction is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct DirectionDraft {
    /// Rare sizes in a process of their own.
    pub split_rare: bool,
    /// Positions.
    pub streams: Streams,
    pub arrivals: Arrivals,
    pub order: Order,
    /// Instead of these arrivals, where a process can.
    pub clusters: Option<Clusters>,
    /// Share of sequential commands that each process is told, 0 to 1.
    pub sequential: f64,
}

impl DirectionDraft {
    /// Whether its share of sequential commands depends on how the clocks of processes meet: it has several, and not
    /// all of them can issue at random times.
    pub(crate) fn depends_on_clocks(&self, demand: &Demand) -> bool {
        let common = size_mixes(demand.sizes, self.split_rare)
            .first()
            .map_or(1.0, |mix| mix.share);
        let is_even =
            |share: f64| self.arrivals == Arrivals::Even || random_iops(demand.iops * share * common).is_none();
        // Clusters seldom meet.
        self.streams != Streams::One && self.clusters.is_none() && self.streams.shares().into_iter().any(is_even)
    }
}

/// A part of the region that random commands prefer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HotZone {
    /// Commands that go there, percent.
    pub percent: u32,
    /// Its size, bytes.
    pub bytes: u64,
}

/// The region all sections of a target share.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Region {
    /// fio's expression for the target, such as `${FILENAME}`.
    pub filename: String,
    /// Its size, bytes.
    pub span: u64,
    /// Where random commands go more often.
    pub hot_zone: Option<HotZone>,
}

/// What a section's text needs beside the demand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SectionContext<'a> {
    /// First part of the section names.
    pub name: &'a str,
    pub region: &'a Region,
    /// Whether the rate is held, or the queue is kept full.
    pub measured_pace: bool,
    /// Length of the run, seconds.
    pub seconds: f64,
    /// What an even rate is multiplied by, so that it does not keep step with another.
    pub detuning: f64,
}

/// The sections of one direction.
pub(crate) fn direction_sections(demand: &Demand, draft: DirectionDraft, context: SectionContext) -> String {
    let mixes = size_mixes(demand.sizes, draft.split_rare);
    let mut text = String::new();
    let stepped = draft.order.stepped_share();
    let shares = draft.streams.shares();
    let positions = shares.len() as u64;
    for (kind, mix) in mixes.iter().enumerate() {
        let is_rare = kind > 0;
        let mut write = |suffix: &str, share: f64, steps: bool, slot: (u64, u64)| {
            let share = share * mix.share;
            let iops = demand.iops * share;
            let is_random = draft.arrivals == Arrivals::Random && context.measured_pace;
            let clusters = draft.clusters.filter(|_| context.measured_pace && !is_rare);
            let process = Process {
                name: format!("{}-{}{suffix}", context.name, demand.direction.word()),
                share,
                sequential: if is_rare { 0.0 } else { draft.sequential },
                order: if is_rare { Order::Plain } else { draft.order },
                steps,
                slot,
                random_iops: is_random.then(|| random_iops(iops)).flatten(),
                clusters: clusters.and_then(|clusters| Some((clusters, clusters.pause_us(iops, context.seconds)?))),
            };
            process.write(&mut text, demand, mix, context);
        };
        if is_rare {
            // The rare sizes are too few for streams of their own; one process issues them all.
            write("-rare", 1.0, false, (0, positions));
            continue;
        }
        if stepped > 0.0 {
            write("-steps", stepped, true, (0, 1));
        }
        for (index, share) in shares.iter().enumerate().filter(|_| stepped < 1.0) {
            let suffix = if positions > 1 {
                format!("-{}", index + 1)
            } else {
                String::new()
            };
            write(&suffix, share * (1.0 - stepped), false, (index as u64, positions));
        }
    }
    text
}

struct Process {
    name: String,
    share: f64,
    sequential: f64,
    order: Order,
    /// It is the process that steps.
    steps: bool,
    /// Which of how many parts of the region it starts in.
    slot: (u64, u64),
    /// `rate_iops` when it issues at random times.
    random_iops: Option<u64>,
    /// Its clusters, and the pause after each, microseconds.
    clusters: Option<(Clusters, u32)>,
}

impl Process {
    fn write(&self, text: &mut String, demand: &Demand, mix: &SizeMix, context: SectionContext) {
        // Writing to a String cannot fail.
        let _ = self.try_write(text, demand, mix, context);
    }

    fn try_write(&self, out: &mut String, demand: &Demand, mix: &SizeMix, context: SectionContext) -> std::fmt::Result {
        let word = demand.direction.word();
        let random = percent(1.0 - self.sequential);
        writeln!(out, "\n[{}]", self.name)?;
        writeln!(
            out,
            "# {} {word}s/s of the {} {word}s/s measured, mean size {:.0} bytes",
            rate(demand.iops * self.share),
            rate(demand.iops),
            mix.mean_bytes()
        )?;
        self.write_order(out, word)?;
        writeln!(out, "# Block size distribution\n# {}", size_comment(mix))?;
        let smallest = mix.smallest().unwrap_or(4096);
        if self.random_iops.is_some() || self.clusters.is_some() {
            writeln!(
                out,
                "# fio before 3.29 takes the pace of random arrivals from this.\nbs={}",
                number::size(smallest)
            )?;
        }
        writeln!(out, "bssplit={}", mix.bssplit())?;
        if mix.sizes.iter().any(|size| size.bytes % smallest != 0) {
            writeln!(
                out,
                "# The sizes are no multiples of the smallest one; fio would round them down.\nbs_unaligned=1"
            )?;
        }
        writeln!(out, "blockalign={}", number::size(BLOCK_ALIGN))?;
        if !self.steps {
            self.write_sequential(out, demand, random)?;
        }
        self.write_region(out, smallest, random > 0 && !self.steps, context)?;
        self.write_pace(out, demand, mix, context)?;
        Ok(())
    }

    /// Whether places are drawn at all, and how often each is used.
    fn write_order(&self, out: &mut String, word: &str) -> std::fmt::Result {
        match self.order {
            Order::Stepped { bytes, .. } if self.steps => {
                let (sign, verb) = if bytes < 0 { ("-", "back") } else { ("", "further") };
                let step = number::size(bytes.unsigned_abs());
                writeln!(
                    out,
                    "# Each command begins {step} {verb} from where the one before it ended.\nrw={word}:{sign}{step}"
                )
            }
            Order::Repeated(times) => writeln!(
                out,
                "# Every place is used {times} times in a row.\nrw=rand{word}:{times}\nrw_sequencer=identical"
            ),
            Order::Plain | Order::Stepped { .. } => writeln!(out, "rw=rand{word}"),
        }
    }

    fn write_sequential(&self, out: &mut String, demand: &Demand, random: u64) -> std::fmt::Result {
        let word = demand.direction.word();
        writeln!(
            out,
            "# Sequential vs random\n# {}% sequential, {random}% random",
            100 - random
        )?;
        let told_more = self.sequential - demand.sequential_share;
        if told_more > SHARE_WORTH_A_WORD && matches!(self.order, Order::Plain) {
            writeln!(
                out,
                "# The {word}s measured are {}% sequential; commands of other processes come between those of this one, so\n\
                 # it is told more.",
                rate(demand.sequential_share * 100.0)
            )?;
        }
        writeln!(out, "percentage_random={random}")
    }

    fn write_region(
        &self,
        out: &mut String,
        smallest: u64,
        is_random: bool,
        context: SectionContext,
    ) -> std::fmt::Result {
        let region = context.region;
        let (slot, slots) = self.slot;
        let part = (region.span / slots.max(1)) >> 20 << 20;
        let usable = random_region_bytes(part, smallest, BLOCK_ALIGN);
        writeln!(out, "filename={}", region.filename)?;
        if slots > 1 {
            writeln!(out, "offset={}\nsize={}", number::size(part * slot), number::size(part))?;
        } else {
            writeln!(out, "size={}", number::size(region.span))?;
        }
        match region.hot_zone {
            Some(zone) if is_random && zone.bytes < usable => writeln!(
                out,
                "# Random commands prefer a part of the region, which brings back the short seeks that were measured.\n\
                 random_distribution=zoned_abs:{}/{}:{}/{}",
                zone.percent,
                number::size(zone.bytes),
                100 - zone.percent,
                number::size(usable - zone.bytes)
            ),
            _ => Ok(()),
        }
    }

    fn write_pace(
        &self,
        out: &mut String,
        demand: &Demand,
        mix: &SizeMix,
        context: SectionContext,
    ) -> std::fmt::Result {
        let depth = demand.depth;
        if let Some((clusters, pause_us)) = self.clusters {
            clusters.write(out, pause_us)?;
        } else if let Some(iops) = self.random_iops {
            writeln!(
                out,
                "# Arrivals at random, as many clients together make them.\nrate_iops={iops}\nrate_process=poisson"
            )?;
        } else if context.measured_pace {
            let bytes = demand.iops * self.share * mix.mean_bytes() * context.detuning;
            if context.detuning > 1.0 {
                writeln!(
                    out,
                    "# {:.1}% more than measured: fio starts all processes at once, and the even times of this one would keep\n\
                     # step with those of the other direction.",
                    100.0 * (context.detuning - 1.0)
                )?;
            }
            writeln!(
                out,
                "# Bytes per second: fio before 3.42 takes rate_iops for the smallest size of a bssplit.\nrate={}",
                whole(bytes).max(1)
            )?;
        }
        let value = if context.measured_pace {
            u64::from(depth.p95)
        } else {
            share_of_depth(depth.mean, self.share)
        };
        let summed = match depth.disks {
            0 | 1 => String::new(),
            disks => format!(", summed over {disks} disks"),
        };
        let reason = match (depth.disks, context.measured_pace) {
            (0, _) => "not measured, assumed".to_owned(),
            (_, true) if depth.limited => format!(
                "the most allowed, and more than 5% of the {}s found more in flight (mean {:.1}){summed}",
                demand.direction.word(),
                depth.mean
            ),
            (_, true) => format!(
                "95% of the {}s found at most this many in flight (mean {:.1}){summed}; a rate-limited job reaches \
                 less",
                demand.direction.word(),
                depth.mean
            ),
            (_, false) => format!(
                "this job's share of the mean of {:.1} in flight{summed}, kept full",
                depth.mean
            ),
        };
        writeln!(out, "# Queue depth: {reason}\niodepth={value}")
    }
}

/// A process that cannot come nearer than this to its rate with a whole number of commands per second keeps even times.
const LARGEST_ROUNDING: f64 = 0.005;

/// The `rate_iops` whose random arrivals come nearest to `iops` per second.
pub(super) fn random_iops(iops: f64) -> Option<u64> {
    let near = whole(iops);
    let candidates = near.saturating_sub(1).max(1)..=near.saturating_add(1);
    let error = |rate: &u64| (arrivals_per_second(*rate) / iops - 1.0).abs();
    candidates
        .min_by(|one, other| error(one).total_cmp(&error(other)))
        .filter(|rate| error(rate) <= LARGEST_ROUNDING)
}

/// Commands per second that fio issues at random times when told `rate_iops`.
///
/// fio takes the mean gap in whole microseconds, and rounds every gap it draws down to whole microseconds, which takes
/// half of one from the mean. [Source: `usec_for_io` in fio's `backend.c`, 3.33.]
pub(super) fn arrivals_per_second(rate_iops: u64) -> f64 {
    let gap_us = 1_000_000 / rate_iops.max(1);
    1e6 / (gap_us as f64 - 0.5).max(0.5)
}

/// The part of a region that fio draws random offsets from: the smallest command must fit behind the last of them.
///
/// Zones that reach further are an error to fio at the moment it draws from the last one. It then ends the round and,
/// in a run by time, begins the next with the same random numbers, so that a few commands are repeated for ever.
/// [Source: `last_block` and the absolute zones in fio's `io_u.c`, 3.33 to 3.42, and the log of such a run.]
pub(super) fn random_region_bytes(region: u64, smallest: u64, align: u64) -> u64 {
    region.saturating_sub(smallest.saturating_sub(align)) / align.max(1) * align
}

pub(super) fn size_comment(mix: &SizeMix) -> String {
    let mut by_weight = mix.sizes.clone();
    by_weight.sort_by_key(|size| std::cmp::Reverse(size.percent));
    let parts: Vec<String> = by_weight
        .iter()
        .map(|size| format!("{}: {}%", number::size(size.bytes), size.percent))
        .collect();
    parts.join(", ")
}

pub(super) fn percent(share: f64) -> u64 {
    whole((share * 100.0).clamp(0.0, 100.0))
}

fn share_of_depth(mean: f64, share: f64) -> u64 {
    whole(mean * share).max(1)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates, percentages and depths are not negative and far below 2^63"
)]
pub(super) fn whole(value: f64) -> u64 {
    value.round().max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_arrivals_are_told_a_rate_that_fio_rounds_to_the_one_wanted() {
        // 1 000 000 / 723 = 1383.1, so fio draws gaps of 1382.5 us on average: 723.3 a second.
        assert_eq!(random_iops(723.3), Some(723));
        // Between 30 and 31 a second nothing can be asked for: 30.5 is 1.6 % away from both.
        assert_eq!(random_iops(30.5), None);
        assert_eq!(random_iops(0.2), None);
    }
}
