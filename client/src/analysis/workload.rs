//! The selected samples, merged: what profiles, fio jobs and captions are made from.

use jiff::Timestamp;
use rayon::prelude::*;
use vscsi_shared::histogram::IntervalSet;

use super::{AnalysisError, DiskKey, Sample, Series};

/// Where a number came from, printed into every output.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    /// The job.
    pub job: String,
    /// What the user noted about the job, in one or several lines.
    pub note: Option<String>,
    /// Display name of the VM.
    pub vm_name: String,
    /// Host name as the user knows it.
    pub host: String,
    /// The filter as text, such as `percentile (75th)`.
    pub filter: String,
    /// Samples before the filter.
    pub samples_total: usize,
    /// Samples the filter kept.
    pub samples_kept: usize,
    /// Share of all I/Os that the kept samples hold, 0 to 1.
    pub io_share_kept: f64,
    /// Wall clock at the beginning of the first sample and at the end of the last; `None` for an import, whose files
    /// do not say when they were taken.
    pub period: Option<(Timestamp, Timestamp)>,
    /// When the analysis was made.
    pub analyzed_at: Timestamp,
    /// Version of the method, which grows when a number changes its meaning.
    pub method_version: u32,
}

/// One disk's share of a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct DiskWorkload {
    /// The disk.
    pub disk: DiskKey,
    /// Its merged histograms.
    pub histograms: IntervalSet,
    /// Time it was observed, seconds.
    pub seconds: f64,
    /// I/Os at the edge of the observed time (see [`DiskSample::edge_ios`](super::DiskSample::edge_ios)).
    pub edge_ios: u64,
}

/// The selected samples of the selected disks, merged into one set of histograms.
///
/// Artefacts (the first interarrival and the first seek distance of a collection) are already removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Where it came from.
    pub provenance: Provenance,
    /// Merged over samples and disks.
    pub histograms: IntervalSet,
    /// Observed time, seconds: the sum of the samples' lengths.
    pub seconds: f64,
    /// I/Os at the edge of the observed time (see [`DiskSample::edge_ios`](super::DiskSample::edge_ios)).
    pub edge_ios: u64,
    /// The same per disk.
    pub disks: Vec<DiskWorkload>,
}

impl Workload {
    /// Merges the kept samples of a series.
    ///
    /// # Errors
    /// [`AnalysisError::LimitsChanged`] when samples have different bucket limits.
    pub fn of(series: &Series, kept: &[bool], provenance: Provenance) -> Result<Self, AnalysisError> {
        let disks: Vec<_> = series
            .disks
            .par_iter()
            .enumerate()
            .map(|(index, disk)| DiskWorkload::of(disk, index, series, kept))
            .collect();
        let mut workload = Self {
            provenance,
            histograms: IntervalSet::default(),
            seconds: kept_samples(series, kept).map(|sample| sample.seconds).sum(),
            edge_ios: 0,
            // Parallel work ends in any order; the error told is always that of the first disk which has one.
            disks: disks.into_iter().collect::<Result<_, _>>()?,
        };
        for disk in &workload.disks {
            let sequence = series.samples.first().map_or(0, |sample| sample.sequence);
            workload
                .histograms
                .merge(&disk.histograms)
                .map_err(|_| AnalysisError::LimitsChanged { sequence })?;
            workload.edge_ios += disk.edge_ios;
        }
        Ok(workload)
    }
}

impl Workload {
    /// The chosen samples of a series, each by itself.
    ///
    /// # Errors
    /// [`AnalysisError::LimitsChanged`] when the disks of a sample have different bucket limits.
    pub fn of_each(series: &Series, kept: &[bool], provenance: &Provenance) -> Result<Vec<Self>, AnalysisError> {
        let chosen: Vec<usize> = (0..series.samples.len())
            .filter(|index| kept.get(*index) == Some(&true))
            .collect();
        let samples = chosen.par_iter().filter_map(|&index| series.samples.get(index));
        samples
            .map(|sample| {
                let mut workload = Self {
                    provenance: provenance.clone(),
                    histograms: IntervalSet::default(),
                    seconds: sample.seconds,
                    edge_ios: sample.edge_ios(),
                    disks: Vec::new(),
                };
                for part in &sample.disks {
                    let Some(disk) = series.disks.get(part.disk) else {
                        continue;
                    };
                    workload
                        .histograms
                        .merge(&part.histograms)
                        .map_err(|_| AnalysisError::LimitsChanged {
                            sequence: sample.sequence,
                        })?;
                    workload.disks.push(DiskWorkload {
                        disk: disk.clone(),
                        histograms: part.histograms.clone(),
                        seconds: sample.seconds,
                        edge_ios: part.edge_ios,
                    });
                }
                Ok(workload)
            })
            .collect()
    }
}

impl DiskWorkload {
    /// Merges what the kept samples say about the disk at `index` of the series.
    fn of(disk: &DiskKey, index: usize, series: &Series, kept: &[bool]) -> Result<Self, AnalysisError> {
        let mut merged = Self {
            disk: disk.clone(),
            histograms: IntervalSet::default(),
            seconds: 0.0,
            edge_ios: 0,
        };
        let mut last_snapshot = None;
        for sample in kept_samples(series, kept) {
            for part in sample.disks.iter().filter(|part| part.disk == index) {
                if part.from_snapshot.is_none() || part.from_snapshot != last_snapshot {
                    merged.histograms.break_off();
                }
                last_snapshot = Some(part.to_snapshot);
                merged
                    .histograms
                    .extend(&part.histograms)
                    .map_err(|_| AnalysisError::LimitsChanged {
                        sequence: sample.sequence,
                    })?;
                merged.seconds += sample.seconds;
                merged.edge_ios += part.edge_ios;
            }
        }
        Ok(merged)
    }
}

fn kept_samples<'series>(series: &'series Series, kept: &'series [bool]) -> impl Iterator<Item = &'series Sample> {
    let samples = series.samples.iter().zip(kept);
    samples.filter_map(|(sample, kept)| kept.then_some(sample))
}
