//! What one print counts several times: every metric counts the same commands, and reads and writes make up all of them.
//!
//! A command is counted when it is issued, except its latency, which is counted when it completes, and a print does not
//! read all counters in the same instant. So counts may differ by the commands in flight and by those of a tenth of a
//! second; beyond that one of them is wrong.

use vscsi_shared::histogram::{Histogram, HistogramKind, Metric, Operation};
use vscsi_shared::vscsistats::DiskHistograms;

use super::chain;
use super::duration::seconds_by_interarrival;

/// Commands in flight where the print does not tell: the queue of one virtual disk, unless somebody changed it.
const USUAL_QUEUE: u64 = 64;

/// No virtual controller holds more commands of a disk; a larger figure is itself damaged.
const LONGEST_QUEUE: u64 = 1024;

/// Longest time between reading the first counter of a disk and the last, seconds.
const READING_SECONDS: f64 = 0.1;

/// The commands of that time are no larger a part of all, whatever a damaged figure says about the rate.
const LARGEST_PART: f64 = 0.01;

/// Contradictions of a print name so many histograms, the others are counted.
const NAMED: usize = 3;

/// What contradicts itself in a disk's print, in words; `None` when all counts agree.
pub(super) fn contradiction(disk: &DiskHistograms) -> Option<String> {
    let in_flight = in_flight(disk);
    let mut found = contradictions(disk, in_flight);
    if found.is_empty() {
        return None;
    }
    let allowed = in_flight.saturating_add(while_reading(disk));
    found = contradictions(disk, allowed);
    let others = found.len().saturating_sub(NAMED);
    found.truncate(NAMED);
    if others > 0 {
        found.push(format!("and {others} more"));
    }
    (!found.is_empty()).then(|| {
        format!(
            "counts that have to agree do not, beyond the {allowed} I/Os that may be in flight: {}",
            found.join("; ")
        )
    })
}

fn contradictions(disk: &DiskHistograms, allowed: u64) -> Vec<String> {
    let mut found = Vec::new();
    for (kind, histogram) in disk.iter().filter(|(kind, _)| kind.metric() != Metric::IoLength) {
        let sizes =
            HistogramKind::new(Metric::IoLength, kind.operation()).and_then(|kind| Some((kind, disk.get(kind)?)));
        let Some((sizes_kind, sizes)) = sizes else { continue };
        let (counted, commands) = (histogram.total(), sizes.total());
        if counted.abs_diff(commands) > allowed {
            found.push(format!(
                "`{}` holds {counted}, and `{}` {commands}",
                kind.title(),
                sizes_kind.title()
            ));
        }
    }
    for metric in [
        Metric::IoLength,
        Metric::SeekDistance,
        Metric::Latency,
        Metric::OutstandingIos,
        Metric::Interarrival,
    ] {
        let of = |operation| HistogramKind::new(metric, operation).and_then(|kind| Some((kind, disk.get(kind)?)));
        let (Some((kind, all)), Some((_, read)), Some((_, write))) =
            (of(Operation::All), of(Operation::Read), of(Operation::Write))
        else {
            continue;
        };
        let excess = excess(metric, all, read, write);
        if excess > allowed {
            found.push(format!("reads and writes exceed `{}` by {excess}", kind.title()));
        }
    }
    found
}

/// How many values of reads and writes are not among those of all commands. A command has one size and one latency, so
/// these agree in each bucket; a distance or a depth depends on what it is measured against, so only the sums agree.
fn excess(metric: Metric, all: &Histogram, read: &Histogram, write: &Histogram) -> u64 {
    let same_limits = all.limits() == read.limits() && all.limits() == write.limits();
    if !matches!(metric, Metric::IoLength | Metric::Latency) || !same_limits {
        return read.total().saturating_add(write.total()).saturating_sub(all.total());
    }
    let directions = read.counts().iter().zip(write.counts());
    directions
        .zip(all.counts())
        .map(|((read, write), all)| read.saturating_add(*write).saturating_sub(*all))
        .fold(0, u64::saturating_add)
}

fn in_flight(disk: &DiskHistograms) -> u64 {
    let largest = HistogramKind::new(Metric::OutstandingIos, Operation::All)
        .and_then(|kind| disk.get(kind)?.summary().max)
        .and_then(|most| u64::try_from(most.at_most()).ok());
    largest.map_or(USUAL_QUEUE, |most| most.clamp(1, LONGEST_QUEUE))
}

/// Commands that may be issued while the counters are read.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of a count is a count"
)]
fn while_reading(disk: &DiskHistograms) -> u64 {
    let (set, _) = chain::whole(disk, None);
    let commands = HistogramKind::new(Metric::IoLength, Operation::All)
        .and_then(|kind| disk.get(kind))
        .map_or(0, Histogram::total) as f64;
    let part = seconds_by_interarrival(&set).map_or(0.0, |seconds| READING_SECONDS / seconds.est);
    (commands * part.min(LARGEST_PART)).ceil() as u64
}

#[cfg(test)]
mod tests {
    use vscsi_shared::histogram::{Limits, Summary};
    use vscsi_shared::identifier::{HandleId, WorldGroupId};

    use super::*;

    /// A disk that counted this many reads and writes in one bucket of each histogram; `lag` of them are in flight.
    fn disk(reads: u64, writes: u64, lag: u64) -> DiskHistograms {
        let mut disk = DiskHistograms::new(WorldGroupId(1), HandleId(8192), None);
        for kind in HistogramKind::ALL {
            let commands = match kind.operation() {
                Operation::All => reads + writes,
                Operation::Read => reads,
                Operation::Write => writes,
            };
            let count = commands.saturating_sub(if kind.metric() == Metric::Latency { lag } else { 0 });
            let limits = Limits::known(kind.metric());
            let mut counts = vec![0; limits.as_slice().len() + 1];
            counts[3] = count;
            let value = limits.as_slice()[3];
            let summary = Summary::exact(value, value, value, count);
            disk.insert(kind, Histogram::new(limits, counts, summary).unwrap());
        }
        disk
    }

    #[test]
    fn latencies_may_lag_behind_by_the_commands_in_flight() {
        // Bucket 3 of the depths is 6.
        assert_eq!(contradiction(&disk(100, 50, 6)), None);
        let said = contradiction(&disk(1000, 500, 60)).unwrap();
        assert!(said.contains("holds 1440, and `IO lengths of commands` 1500"), "{said}");
    }

    #[test]
    fn sizes_and_latencies_agree_in_each_bucket() {
        let mut disk = disk(1000, 500, 0);
        let kind = HistogramKind::new(Metric::Latency, Operation::Read).unwrap();
        let moved = disk.get(kind).unwrap();
        let mut counts = moved.counts().to_vec();
        counts.swap(3, 7);
        let moved = Histogram::new(moved.limits().clone(), counts, moved.summary()).unwrap();
        disk.insert(kind, moved);
        let said = contradiction(&disk).unwrap();
        assert!(
            said.contains("exceed `latency of IOs in Microseconds (us)` by 1000"),
            "{said}"
        );
    }

    #[test]
    fn commands_of_neither_direction_contradict_nothing() {
        let mut disk = disk(1000, 500, 0);
        for kind in HistogramKind::ALL
            .into_iter()
            .filter(|kind| kind.operation() == Operation::Read)
        {
            let of = disk.get(kind).unwrap();
            let mut counts = of.counts().to_vec();
            counts[3] -= 200;
            let fewer = Histogram::new(of.limits().clone(), counts, of.summary()).unwrap();
            disk.insert(kind, fewer);
        }
        assert_eq!(contradiction(&disk), None);
    }
}
