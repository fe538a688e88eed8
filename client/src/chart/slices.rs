//! Time cut into slices: one per sample, or fewer and wider ones when there are more samples than a picture can show.

use vscsi_shared::histogram::{HistogramKind, Interval, IntervalSet, Metric};

use super::{ChartError, ChartInput};
use crate::analysis::Sample;
use crate::analysis::profile::{Counts, Rates};

/// Two samples are neighbours when the pause between them is below this share of a sample's length.
const GAP_SHARE: f64 = 0.01;

/// What happened in one slice of time, over all disks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slice {
    /// Beginning of its first sample, seconds of the series.
    pub(super) start: f64,
    /// End of its last sample.
    pub(super) end: f64,
    /// Time observed, seconds; less than its extent where samples are missing.
    pub(super) seconds: f64,
    /// Whether the filter kept at least half of its samples.
    pub(super) kept: bool,
    /// Whether it begins where the slice before it ended.
    pub(super) joined: bool,
    /// Samples in it.
    pub(super) samples: usize,
    /// How many of them the filter kept.
    pub(super) samples_kept: usize,
    /// Sequences of its first and its last sample.
    pub(super) sequences: (u32, u32),
    histograms: IntervalSet,
    edge_ios: u64,
}

impl Slice {
    /// The merged histograms.
    pub(super) fn histograms(&self) -> &IntervalSet {
        &self.histograms
    }

    /// I/Os per second.
    pub(super) fn rates(&self) -> Rates {
        Rates::of(Counts::of(&self.histograms), self.seconds, self.edge_ios)
    }
}

/// A whole series in slices.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slices {
    /// In order of time; never empty.
    pub(super) slices: Vec<Slice>,
    /// Samples they were made from.
    pub(super) samples: usize,
}

impl Slices {
    /// Cuts the series into at most `limit` slices.
    ///
    /// # Errors
    /// When there is no sample, or bucket limits changed in mid-series.
    pub(super) fn cut(input: &ChartInput<'_>, limit: usize) -> Result<Self, ChartError> {
        let samples = &input.series.samples;
        let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
            return Err(ChartError::NoSamples);
        };
        let width = (last.start_seconds + last.seconds - first.start_seconds) / limit.max(1) as f64;
        let group_of = |index: usize, sample: &Sample| {
            if samples.len() <= limit {
                return index;
            }
            let middle = sample.start_seconds + sample.seconds / 2.0 - first.start_seconds;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a float cast saturates"
            )]
            let group = (middle / width) as usize;
            group.min(limit.saturating_sub(1))
        };
        let mut slices: Vec<Slice> = Vec::new();
        let mut seen = IntervalSet::default();
        let mut current = None;
        for (index, sample) in samples.iter().enumerate() {
            check_limits(&mut seen, sample)?;
            let group = group_of(index, sample);
            if current != Some(group) {
                current = Some(group);
                let joined = slices
                    .last()
                    .is_some_and(|before| sample.start_seconds - before.end <= GAP_SHARE * sample.seconds);
                slices.push(Slice::beginning(sample, joined));
            }
            if let Some(slice) = slices.last_mut() {
                slice.add(sample)?;
                slice.samples_kept += usize::from(input.kept.get(index).copied().unwrap_or(false));
                slice.kept = 2 * slice.samples_kept >= slice.samples;
            }
        }
        Ok(Self {
            slices,
            samples: samples.len(),
        })
    }

    /// The kinds' bucket limits, from the first slice that has them.
    pub(super) fn limits(&self, kind: HistogramKind) -> Option<&[i64]> {
        self.slices
            .iter()
            .find_map(|slice| Some(slice.histograms.get(kind)?.limits.as_slice()))
    }

    /// Whether any slice has a histogram of this metric.
    pub(super) fn have(&self, metric: Metric) -> bool {
        let mut kinds = HistogramKind::ALL.into_iter().filter(|kind| kind.metric() == metric);
        kinds.any(|kind| self.limits(kind).is_some())
    }

    /// Begin and end of the times without any sample, seconds of the series.
    pub(super) fn gaps(&self) -> impl Iterator<Item = (f64, f64)> {
        self.slices
            .iter()
            .zip(self.slices.iter().skip(1))
            .filter(|(_, after)| !after.joined)
            .map(|(before, after)| (before.end, after.start))
    }

    /// Whether slices hold several samples each.
    pub(super) fn binned(&self) -> bool {
        self.slices.len() < self.samples
    }
}

/// Whether a sample has the bucket limits of those before it, of which `seen` has empty histograms.
fn check_limits(seen: &mut IntervalSet, sample: &Sample) -> Result<(), ChartError> {
    for (kind, interval) in sample.disks.iter().flat_map(|disk| disk.histograms.iter()) {
        match seen.get(kind) {
            None => seen.insert(kind, Interval::empty(interval.limits.clone())),
            Some(before) if before.limits == interval.limits => {}
            Some(_) => {
                return Err(ChartError::MixedLimits {
                    sequence: sample.sequence,
                });
            }
        }
    }
    Ok(())
}

impl Slice {
    fn beginning(sample: &Sample, joined: bool) -> Self {
        Self {
            start: sample.start_seconds,
            end: sample.start_seconds,
            seconds: 0.0,
            kept: false,
            joined,
            samples: 0,
            samples_kept: 0,
            sequences: (sample.sequence, sample.sequence),
            histograms: IntervalSet::default(),
            edge_ios: 0,
        }
    }

    fn add(&mut self, sample: &Sample) -> Result<(), ChartError> {
        self.end = self.end.max(sample.start_seconds + sample.seconds);
        self.seconds += sample.seconds;
        self.samples += 1;
        self.sequences.1 = sample.sequence;
        for disk in &sample.disks {
            self.edge_ios += disk.edge_ios;
            self.histograms
                .merge(&disk.histograms)
                .map_err(|_| ChartError::MixedLimits {
                    sequence: sample.sequence,
                })?;
        }
        Ok(())
    }
}
