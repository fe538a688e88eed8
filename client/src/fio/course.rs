//! What a replay log follows in the course of time: each sample in its turn, or the average of all.

use vscsi_shared::histogram::{Interval, IntervalSet, Metric, Operation};

use super::error::FioError;
use super::iolog::{DiskDemand, StretchDemand, reads_and_writes};
use super::job::Phase;
use super::options::FioOptions;
use super::target::{Target, span};
use crate::analysis::{DiskKey, Workload};
use crate::fidelity::distance;
use crate::stream::Direction;

/// Share of the I/O in samples that are unlike the average, from which on the log follows each sample.
const UNLIKE_SHARE: f64 = 0.05;
/// Fewer commands say nothing about a sample.
const LEAST_COMMANDS: u64 = 100;
/// So many standard deviations of a random number of commands are no sampling noise.
const DEVIATIONS: f64 = 4.0;
/// A stream needs more room than its bytes, because it begins anywhere.
const ROOM: f64 = 2.0;
/// A command that goes no further than this from the one before it goes on with a stream, blocks.
const HOP_BLOCKS: i64 = 5000;
/// Largest region that is asked for without the user's word, bytes.
const LARGEST_SPAN: u64 = 4 << 40;

/// The stretches of a log.
#[derive(Debug, Clone)]
pub(super) struct Course<'a> {
    phase: &'a Phase<'a>,
    slots: Vec<Slot<'a>>,
    /// Whether they are the samples, in order.
    pub is_timeline: bool,
    /// How much shorter gaps are than measured.
    pub compression: f64,
    /// Length of the log, seconds.
    pub seconds: f64,
}

/// One stretch; times are seconds.
#[derive(Debug, Clone, Copy)]
struct Slot<'a> {
    workload: &'a Workload,
    start: f64,
    length: f64,
    longest_gap: f64,
}

impl<'a> Course<'a> {
    /// The samples where that was asked for, or where they differ and nothing was asked for; or `runtime` seconds of
    /// their average.
    pub(super) fn of(phase: &'a Phase<'a>, options: &FioOptions, runtime: u32) -> Self {
        let wanted = options.timeline();
        let is_timeline = !phase.samples.is_empty()
            && wanted.unwrap_or_else(|| phase.name.is_empty() && options.duration.is_none() && samples_differ(phase));
        let (speed, intensity) = (options.speed.factor(), options.intensity.factor());
        let mut course = Self {
            phase,
            slots: Vec::new(),
            is_timeline,
            compression: speed * intensity,
            seconds: 0.0,
        };
        if is_timeline {
            course.follow(speed, options.duration.map_or(f64::INFINITY, f64::from));
        } else {
            let samples = phase.workload.provenance.samples_kept.max(1) as f64;
            course.seconds = f64::from(runtime);
            course.slots.push(Slot {
                workload: phase.workload,
                start: 0.0,
                length: f64::from(runtime),
                longest_gap: phase.workload.seconds / samples,
            });
        }
        course
    }

    /// Sample after sample, and the time between them in which nothing was measured, up to `most_seconds`.
    fn follow(&mut self, speed: f64, most_seconds: f64) {
        for sample in self.phase.samples {
            let start = self.seconds + sample.gap_seconds / speed;
            let length = (sample.workload.seconds / speed).min(most_seconds - start);
            if length <= 0.0 {
                self.seconds = self.seconds.max(start.min(most_seconds));
                break;
            }
            self.slots.push(Slot {
                workload: &sample.workload,
                start,
                length,
                longest_gap: sample.workload.seconds,
            });
            self.seconds = start + length;
        }
    }

    /// Ends of the samples that are followed, seconds; none for an average.
    pub(super) fn ends(&self) -> Vec<f64> {
        let slots = self.slots.iter().filter(|_| self.is_timeline);
        slots.map(|slot| slot.start + slot.length).collect()
    }

    /// The samples that are followed, and how long each takes, seconds.
    pub(super) fn followed(&self) -> impl Iterator<Item = (&'a Workload, f64)> + '_ {
        let slots = self.slots.iter().filter(|_| self.is_timeline);
        slots.map(|slot| (slot.workload, slot.length))
    }

    /// What the disks of a target do, each in a region of its own, the `index`-th target being the disk of that number
    /// where there are several.
    ///
    /// # Errors
    /// [`FioError::SpanTooSmall`].
    pub(super) fn demands(
        &self,
        target: &Target<'a>,
        index: Option<usize>,
        options: &FioOptions,
    ) -> Result<Vec<DiskDemand<'a>>, FioError> {
        let all = &self.phase.workload.disks;
        let disks: Vec<(Option<&'a DiskKey>, &'a IntervalSet)> = match index {
            _ if all.len() < 2 => vec![(None, target.workload.histograms)],
            Some(index) => all
                .get(index)
                .map(|disk| (Some(&disk.disk), &disk.histograms))
                .into_iter()
                .collect(),
            None => all.iter().map(|disk| (Some(&disk.disk), &disk.histograms)).collect(),
        };
        let busy: Vec<_> = disks
            .into_iter()
            .filter(|(_, whole)| reads_and_writes(whole) > 0)
            .collect();
        let sharing = busy.len();
        busy.into_iter()
            .map(|(disk, whole)| self.demand(disk, whole, sharing, options))
            .collect()
    }

    fn demand(
        &self,
        disk: Option<&'a DiskKey>,
        whole: &'a IntervalSet,
        sharing: usize,
        options: &FioOptions,
    ) -> Result<DiskDemand<'a>, FioError> {
        let of_disk = |workload: &'a Workload| match disk {
            None => Some(&workload.histograms),
            Some(disk) => {
                let found = workload.disks.iter().find(|found| found.disk == *disk);
                found.map(|found| &found.histograms)
            }
        };
        let stretches = self.slots.iter().filter_map(|slot| {
            Some(StretchDemand {
                histograms: of_disk(slot.workload)?,
                measured_seconds: slot.workload.seconds,
                start: slot.start,
                length: slot.length,
                compression: self.compression,
                longest_gap: slot.longest_gap,
            })
        });
        let least = span(whole, options, sharing)?;
        let span_bytes = match options.span {
            Some(_) => least,
            None => least.max(self.bytes_of_streams(whole)),
        };
        Ok(DiskDemand {
            disk,
            whole,
            samples: self
                .phase
                .samples
                .iter()
                .filter_map(|sample| of_disk(&sample.workload))
                .collect(),
            stretches: stretches.collect(),
            span_bytes,
        })
    }

    /// Room for what is read and written in streams, forward or backward, which are not to come back to where they were:
    /// whole GiB.
    fn bytes_of_streams(&self, whole: &IntervalSet) -> u64 {
        let bytes: f64 = Direction::ALL
            .into_iter()
            .filter_map(|direction| {
                let sizes = whole.of(Metric::IoLength, direction.operation())?;
                let seeks = whole.of(Metric::SeekDistance, direction.operation())?;
                Some(sizes.sum_at_most as f64 * share_of_hops(seeks))
            })
            .sum();
        let measured = self.phase.workload.seconds;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the largest region"
        )]
        let needed = (bytes / measured * self.seconds * self.compression * ROOM).clamp(0.0, LARGEST_SPAN as f64) as u64;
        needed.next_multiple_of(1 << 30).min(LARGEST_SPAN)
    }
}

/// Share of the commands that go no further than a hop.
fn share_of_hops(seeks: &Interval) -> f64 {
    let buckets = seeks.buckets().zip(&seeks.counts);
    let hops = buckets.filter(|(bucket, _)| {
        let ends = bucket.above.zip(bucket.up_to);
        ends.is_some_and(|(above, up_to)| above >= -HOP_BLOCKS && up_to <= HOP_BLOCKS)
    });
    let hops: f64 = hops.map(|(_, count)| *count as f64).sum();
    hops / seeks.total().max(1) as f64
}

/// Whether the samples differ by more than sampling noise: those that hold a part of the I/O have another rate, other
/// sizes or other distances than all together.
fn samples_differ(phase: &Phase) -> bool {
    let whole = phase.workload;
    let total = reads_and_writes(&whole.histograms);
    let unlike: f64 = phase
        .samples
        .iter()
        .filter(|sample| is_unlike(&sample.workload, whole, total))
        .map(|sample| reads_and_writes(&sample.workload.histograms) as f64)
        .sum();
    // A quiet sample holds few commands, and a busy one that differs from it holds many.
    total > 0 && unlike > UNLIKE_SHARE * total as f64
}

fn is_unlike(sample: &Workload, whole: &Workload, total: u64) -> bool {
    let own = reads_and_writes(&sample.histograms);
    let expected = total as f64 * sample.seconds / whole.seconds;
    if (own as f64 - expected).abs() > DEVIATIONS * expected.max(1.0).sqrt() {
        return true;
    }
    let parts = [
        (Metric::IoLength, Operation::Read),
        (Metric::IoLength, Operation::Write),
        (Metric::SeekDistance, Operation::All),
    ];
    own >= LEAST_COMMANDS
        && parts.into_iter().any(|(metric, operation)| {
            let own = sample.histograms.of(metric, operation);
            let both = own.zip(whole.histograms.of(metric, operation));
            both.is_some_and(|(own, all)| distance(own, all).is_ok_and(|found| found.ks > found.sampling_floor))
        })
}
