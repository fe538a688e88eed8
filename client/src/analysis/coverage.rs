//! Which disks of a job have less data than the others, and which of their histograms cover less of the time.

use vscsi_shared::histogram::{HistogramKind, IntervalSet};
use vscsi_shared::job::Job;

use super::finding::{Code, Finding, Severity};
use super::profile::Counts;
use super::select;
use super::{DiskKey, Series};

/// A disk that has data for less of the time than this makes the totals misleading.
const LEAST_SHARE: f64 = 0.99;

/// The histograms that this disk lacks of commands that it had, or that nothing counts.
pub(super) fn missing(histograms: &IntervalSet) -> impl Iterator<Item = HistogramKind> {
    let absent = HistogramKind::ALL
        .into_iter()
        .filter(|kind| histograms.get(*kind).is_none());
    absent.filter(|kind| Counts::of(histograms).of_operation(kind.operation()) != Some(0))
}

/// Says which of the job's disks lack data in a series: of all disks where `names` is empty, and else of the named
/// ones.
pub(super) fn findings(series: &Series, job: &Job, names: &[String]) -> Vec<Finding> {
    let total: f64 = series.samples.iter().map(|sample| sample.seconds).sum();
    let mut findings = Vec::new();
    for (index, disk) in series.disks.iter().enumerate() {
        let samples = series.samples.iter();
        let own = samples.filter(|sample| sample.disks.iter().any(|part| part.disk == index));
        let seconds: f64 = own.map(|sample| sample.seconds).sum();
        if seconds < LEAST_SHARE * total {
            let message = format!(
                "the disk has data for {seconds:.1} s of {total:.1} s; the rates of all disks together are over all of it"
            );
            findings.push(no_data(disk, message));
        }
        findings.extend(partly_missing(series, index, disk));
    }
    let without_any = job.target.disks.iter().filter_map(select::node);
    for disk in without_any.filter(|disk| names.is_empty() && !series.disks.contains(disk)) {
        let message = "no two snapshots hold usable counters of this disk; all numbers are without it";
        findings.push(no_data(&disk, message.to_owned()));
    }
    findings
}

/// Says which histograms a disk lacks in some of its samples and has in others.
fn partly_missing(series: &Series, index: usize, disk: &DiskKey) -> Option<Finding> {
    let mut samples = 0;
    let mut without = [0_usize; HistogramKind::COUNT];
    for part in series.samples.iter().flat_map(|sample| &sample.disks) {
        if part.disk == index {
            samples += 1;
            for kind in missing(&part.histograms) {
                if let Some(slot) = without.get_mut(kind.index()) {
                    *slot += 1;
                }
            }
        }
    }
    let titles: Vec<String> = HistogramKind::ALL
        .into_iter()
        .zip(without)
        .filter(|(_, without)| (1..samples).contains(without))
        .map(|(kind, without)| format!("`{}` ({without} of {samples})", kind.title()))
        .collect();
    (!titles.is_empty()).then(|| Finding {
        severity: Severity::Warning,
        code: Code::MissingHistograms,
        message: format!(
            "some samples lack histograms that the others have; the numbers made of them are those of the others: {}",
            titles.join(", ")
        ),
        sequence: None,
        disk: Some(disk.clone()),
        occurrences: 1,
    })
}

fn no_data(disk: &DiskKey, message: String) -> Finding {
    Finding {
        severity: Severity::Warning,
        code: Code::NoDataForDisk,
        message,
        sequence: None,
        disk: Some(disk.clone()),
        occurrences: 1,
    }
}
