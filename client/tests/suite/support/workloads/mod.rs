//! Command streams with known habits, written without any knowledge of how replays are made, and workloads of them.

pub(crate) mod samples;
pub(crate) mod streams;
pub(crate) mod truth;

use jiff::Timestamp;
use vscsi_helper::analysis::{DiskKey, DiskWorkload, Provenance, Workload};
use vscsi_helper::stream::{Command, Histogrammer};

/// A provenance with this job name and nothing worth mentioning.
pub(crate) fn provenance(job: &str) -> Provenance {
    Provenance {
        job: job.to_owned(),
        vm_name: "vm".to_owned(),
        host: "esxi-01".to_owned(),
        filter: "none".to_owned(),
        samples_total: 1,
        samples_kept: 1,
        io_share_kept: 1.0,
        period: None,
        analyzed_at: Timestamp::UNIX_EPOCH,
        note: None,
        method_version: 1,
    }
}

/// The workload of disks that each served one stream of commands.
pub(crate) fn workload(job: &str, disks: &[&[Command]]) -> Workload {
    let disks: Vec<DiskWorkload> = disks
        .iter()
        .enumerate()
        .map(|(index, commands)| {
            let mut histogrammer = Histogrammer::default();
            for command in *commands {
                histogrammer.record(command);
            }
            DiskWorkload {
                disk: DiskKey(format!("scsi0:{index}")),
                histograms: histogrammer.finish(),
                seconds: commands.last().map_or(0.0, |last| last.issued_ns as f64 / 1e9),
                edge_ios: 0,
            }
        })
        .collect();
    let mut histograms = vscsi_shared::histogram::IntervalSet::default();
    for disk in &disks {
        assert!(
            histograms.merge(&disk.histograms).is_ok(),
            "one histogrammer has one row of limits"
        );
    }
    let seconds = disks.iter().map(|disk| disk.seconds).fold(0.0, f64::max);
    Workload {
        provenance: provenance(job),
        histograms,
        seconds,
        disks,
        edge_ios: 0,
    }
}
