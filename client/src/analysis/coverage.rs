//! Which disks of a job have less data than the others.

use vscsi_shared::job::Job;

use super::finding::{Code, Finding, Severity};
use super::select;
use super::{DiskKey, Series};

/// A disk that has data for less of the time than this makes the totals misleading.
const LEAST_SHARE: f64 = 0.99;

/// Says which of the job's disks lack data in a series, all of them where `names` is empty, and else the named ones.
pub(super) fn findings(series: &Series, job: &Job, names: &[String]) -> Vec<Finding> {
    let total: f64 = series.samples.iter().map(|sample| sample.seconds).sum();
    let mut findings = Vec::new();
    for (index, disk) in series.disks.iter().enumerate() {
        let samples = series.samples.iter();
        let own = samples.filter(|sample| sample.disks.iter().any(|part| part.disk == index));
        let seconds: f64 = own.map(|sample| sample.seconds).sum();
        if seconds < LEAST_SHARE * total {
            findings.push(no_data(
                disk,
                format!("the disk has data for {seconds:.1} s of {total:.1} s; the rates of all disks together are over all of it"),
            ));
        }
    }
    let without_any = job.target.disks.iter().filter_map(select::node);
    for disk in without_any.filter(|disk| names.is_empty() && !series.disks.contains(disk)) {
        let message = "no two snapshots hold usable counters of this disk; all numbers are without it";
        findings.push(no_data(&disk, message.to_owned()));
    }
    findings
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
