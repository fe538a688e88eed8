//! Durations, times and sizes as people read them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use vscsi_shared::job::TargetDisk;

use crate::number::{counted, natural_order};

/// A duration in its two largest units: `45 seconds`, `30 minutes`, `3 hours 20 minutes`.
pub(super) fn duration(seconds: u64) -> String {
    let parts = [
        (seconds / 86_400, "day"),
        (seconds / 3600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
    ];
    let largest = parts.iter().position(|(number, _)| *number > 0).unwrap_or(3);
    parts
        .iter()
        .skip(largest)
        .take(2)
        .filter(|(number, _)| *number > 0 || seconds == 0)
        .map(|(number, noun)| counted(number, noun))
        .collect::<Vec<_>>()
        .join(" ")
}

/// `2025-11-06 08:30:22 UTC`.
pub(super) fn time(timestamp: Timestamp) -> String {
    timestamp.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The disks of a job, in the order of their nodes: `scsi0:2` before `scsi0:10`.
pub(super) fn in_order(disks: &[TargetDisk]) -> Vec<&TargetDisk> {
    let mut sorted: Vec<&TargetDisk> = disks.iter().collect();
    sorted.sort_by(|one, other| natural_order(&one.node, &other.node).then(one.handle_id.cmp(&other.handle_id)));
    sorted
}

/// The disks of a job by the names that the user gave them; where one name stands for several, as `all` and a datastore
/// do, each by its node.
pub(super) fn disk_names(disks: &[TargetDisk]) -> String {
    let mut names = BTreeSet::new();
    let are_names = disks.iter().all(|disk| names.insert(disk.lun.as_str()));
    let name = |disk: &&TargetDisk| {
        if are_names {
            disk.lun.clone()
        } else if disk.node.is_empty() {
            format!("handle {}", disk.handle_id)
        } else {
            disk.node.clone()
        }
    };
    in_order(disks).iter().map(name).collect::<Vec<_>>().join(", ")
}

/// How a collection is ended by hand.
pub(super) fn manual_cleanup(host: &str, command: &str) -> String {
    format!("Manual cleanup required:\n  1. SSH to {host}\n  2. Run: {command}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_their_two_largest_units() {
        let cases = [
            (0, "0 seconds"),
            (1, "1 second"),
            (42, "42 seconds"),
            (1800, "30 minutes"),
            (90, "1 minute 30 seconds"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text);
        }
        assert_eq!(duration(12_000), "3 hours 20 minutes");
        assert_eq!(duration(2 * 86_400 + 61), "2 days");
    }

    #[test]
    fn disks_are_named_by_what_tells_them_apart_and_in_their_order() {
        let disk = |handle: &str, node: &str, lun: &str| TargetDisk {
            handle_id: handle.parse().unwrap(),
            node: node.to_owned(),
            lun: lun.to_owned(),
        };
        let same = [("8196", "scsi0:10"), ("8195", "scsi0:2"), ("8194", "")];
        let same = same.map(|(handle, node)| disk(handle, node, "naa.6000"));
        assert_eq!(disk_names(&same), "handle 8194, scsi0:2, scsi0:10");
        let own = [
            disk("8195", "scsi0:1", "vmhba1:C0:T1:L0"),
            disk("8194", "scsi0:0", "SQL.vmdk"),
        ];
        assert_eq!(disk_names(&own), "SQL.vmdk, vmhba1:C0:T1:L0");
    }
}
