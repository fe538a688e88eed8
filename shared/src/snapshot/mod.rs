//! The snapshot file: a few header lines, and then what vscsiStats printed, byte for byte.
//!
//! ```text
//! # vscsi-snapshot: 1.0
//! # job: sql-peak
//! # sequence: 0
//! # taken_at: 2025-11-06T08:30:30.123Z
//! # monotonic_ms: 86400000
//! # duration_ms: 14
//! # boot_id: 5f1c…
//! # host: esxi-host01
//! # vm: SQL-Server-01
//! # config_file: /vmfs/volumes/…/SQL-Server-01.vmx
//! # world_group_id: 12345
//! # disk: 8194 scsi0:0
//! # flags: late new_baseline
//! # exit_status: 0
//! # output_bytes: 5362
//! Histogram: IO lengths of commands,…
//! ```
//!
//! `output_bytes` is always the last header line and tells where the output ends, so a torn file is recognised without
//! its checksum. In texts a backslash, a line feed and a carriage return are written `\\`, `\n` and `\r`. Unknown keys
//! are skipped by readers of the same major version.

mod header;
mod read;

pub use header::{SnapshotDisk, SnapshotFlag, SnapshotHeader};
pub use read::{Snapshot, UnreadableSnapshot, read};

/// File name of a snapshot: `sample_000.csv`, with more digits from 1000 on.
pub fn file_name(sequence: u32) -> String {
    format!("sample_{sequence:03}.csv")
}

/// The sequence of a file name that [`file_name`] made; `None` for any other name.
pub fn sequence_of(file_name_: &str) -> Option<u32> {
    let digits = file_name_.strip_prefix("sample_")?.strip_suffix(".csv")?;
    let sequence = digits.parse().ok()?;
    (file_name(sequence) == file_name_).then_some(sequence)
}
