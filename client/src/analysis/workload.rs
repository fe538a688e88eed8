//! The selected samples, merged: what profiles, fio jobs and captions are made from.

use jiff::Timestamp;
use vscsi_shared::histogram::IntervalSet;

use super::DiskKey;

/// Where a number came from, printed into every output.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    /// The job.
    pub job: String,
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
    /// Wall clock at the beginning of the first sample and at the end of the last.
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
