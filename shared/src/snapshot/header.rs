//! The header: what a snapshot says about itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::Timestamp;

use crate::identifier::{HandleId, Name, WorldGroupId};
use crate::job::FormatVersion;

/// The version of the snapshot file this program writes.
pub(super) const VERSION: FormatVersion = FormatVersion { major: 1, minor: 0 };

/// Something a reader of the snapshot has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SnapshotFlag {
    /// Taken more than half an interval after it was due.
    Late,
    /// The VM was not running on this host: there is no output.
    Gap,
    /// vscsiStats failed, hung or printed nothing usable; whatever it printed is kept as evidence.
    Failed,
    /// An earlier attempt at this snapshot failed.
    Retried,
    /// Handles or world group changed, or collection had to be started anew: counters begin again here.
    NewBaseline,
    /// The agent was started again since the snapshot before.
    Resumed,
    /// Collection is stopped and started each interval: the counters are those of this interval alone.
    Restarted,
    /// The counters belong to a collection that somebody else started.
    Foreign,
    /// Imported from a file without a time stamp: `taken_at` is not a time of measurement.
    Undated,
    /// Counted from a trace of commands that an import read.
    Traced,
    /// Imported, and its moment is the time that was printed beside it.
    Timed,
}

impl SnapshotFlag {
    /// Every flag.
    pub const ALL: [Self; 11] = [
        Self::Late,
        Self::Gap,
        Self::Failed,
        Self::Retried,
        Self::NewBaseline,
        Self::Resumed,
        Self::Restarted,
        Self::Foreign,
        Self::Undated,
        Self::Traced,
        Self::Timed,
    ];

    /// The word in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Gap => "gap",
            Self::Failed => "failed",
            Self::Retried => "retried",
            Self::NewBaseline => "new_baseline",
            Self::Resumed => "resumed",
            Self::Restarted => "restarted",
            Self::Foreign => "foreign",
            Self::Undated => "undated",
            Self::Traced => "traced",
            Self::Timed => "timed",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flag| flag.as_str() == word)
    }
}

/// A disk the snapshot was taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotDisk {
    /// Its handle at that moment.
    pub handle_id: HandleId,
    /// Its virtual device node; empty on hosts that print none.
    pub node: String,
}

/// The header lines of a snapshot file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// The job it belongs to.
    pub job: Name,
    /// 0 for the baseline, then 1, 2, …
    pub sequence: u32,
    /// Wall clock just before vscsiStats was run.
    pub taken_at: Timestamp,
    /// Monotonic clock at the same moment, milliseconds; comparable within one `boot_id`.
    pub monotonic_ms: u64,
    /// How long vscsiStats took, milliseconds: the uncertainty of the moment the counters were read.
    pub duration_ms: u64,
    /// Identity of the host's boot.
    pub boot_id: String,
    /// The host's own name.
    pub host: String,
    /// Display name of the VM.
    pub vm_name: String,
    /// Path of the .vmx.
    pub config_file: String,
    /// World group of the VM at that moment.
    pub world_group_id: WorldGroupId,
    /// The disks of the job at that moment; the output may hold more.
    pub disks: Vec<SnapshotDisk>,
    /// What a reader has to know.
    pub flags: BTreeSet<SnapshotFlag>,
    /// Exit status of vscsiStats; `None` when it was killed or not run.
    pub exit_status: Option<i32>,
}

impl SnapshotHeader {
    /// The whole file: this header and then `output` unchanged.
    pub fn with_output(&self, output: &[u8]) -> Vec<u8> {
        let mut header = String::with_capacity(512);
        let mut line = |key: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(header, "# {key}: {}", escape(value));
        };
        line("vscsi-snapshot", &VERSION.to_string());
        line("job", self.job.as_str());
        line("sequence", &self.sequence.to_string());
        line("taken_at", &self.taken_at.to_string());
        line("monotonic_ms", &self.monotonic_ms.to_string());
        line("duration_ms", &self.duration_ms.to_string());
        line("boot_id", &self.boot_id);
        line("host", &self.host);
        line("vm", &self.vm_name);
        line("config_file", &self.config_file);
        line("world_group_id", &self.world_group_id.to_string());
        for disk in &self.disks {
            // Only the blank before a node that is not there goes, and not one at the end of a node.
            let separator = if disk.node.is_empty() { "" } else { " " };
            line("disk", &format!("{}{separator}{}", disk.handle_id, disk.node));
        }
        let flags: Vec<&str> = self.flags.iter().map(|flag| flag.as_str()).collect();
        line("flags", &flags.join(" "));
        line(
            "exit_status",
            &self
                .exit_status
                .map_or_else(|| "none".to_owned(), |status| status.to_string()),
        );
        line("output_bytes", &output.len().to_string());
        let mut file = header.into_bytes();
        file.extend_from_slice(output);
        file
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some(other) => plain.push(other),
            None => plain.push('\\'),
        }
    }
    plain
}
