//! The job: one collection of one VM, as `job.json` holds it.

mod document;
pub mod limits;
mod status;

pub use document::{
    FORMAT_VERSION, FormatVersion, InvalidFormatVersion, JobDocument, PulledFrom, UnreadableJob, overlay,
};
pub use status::{IllegalTransition, Status};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bounded::at_most;
use crate::identifier::{HandleId, Name, WorldGroupId};

/// One collection. Its JSON form is the content of `job.json` (see [`JobDocument`] for reading and writing it).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Version of this file's format.
    pub format_version: FormatVersion,
    /// The job's name, which is also its directory.
    pub job_id: Name,
    /// When the job was asked for, by the host's wall clock.
    pub created_at: Timestamp,
    /// When this file was last written.
    pub updated_at: Timestamp,
    /// Where the job stands.
    pub status: Status,
    /// The host it runs on, as the client knows it.
    pub host: HostIdentity,
    /// What is collected.
    pub target: Target,
    /// How often and how long.
    pub profile: Profile,
    /// How the collection went.
    pub collection: Collection,
    /// Whether vscsiStats was stopped afterwards.
    pub cleanup: Cleanup,
}

/// The ESXi host of a job.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostIdentity {
    /// Host name as the user wrote it, or as the host calls itself.
    pub hostname: String,
    /// Login name of the ssh connection.
    #[serde(default)]
    pub username: Option<String>,
    /// Fingerprint of the ssh host key.
    #[serde(default)]
    pub fingerprint: Option<String>,
}

/// The VM and the disks a job collects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Display name of the VM.
    pub vm_name: String,
    /// World group of the VM when the job was last resolved.
    pub world_group_id: WorldGroupId,
    /// Path of the .vmx: the VM's identity across power cycles.
    #[serde(default)]
    pub config_file: String,
    /// The disks collected.
    #[serde(deserialize_with = "at_most::<1024, _, _>")]
    pub disks: Vec<TargetDisk>,
}

/// A disk of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetDisk {
    /// Handle when the job was last resolved.
    pub handle_id: HandleId,
    /// Virtual device node such as `scsi0:0`: the disk's identity across power cycles. Empty on hosts that print none.
    #[serde(default)]
    pub node: String,
    /// The name the user selected it by.
    #[serde(default)]
    pub lun: String,
}

/// Number of samples and the time between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Name of the profile.
    pub name: String,
    /// Number of samples; the job takes one snapshot more, the baseline.
    pub samples: u32,
    /// Time between two snapshots, seconds.
    pub interval_seconds: u32,
}

/// How the collection is done and how it went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Collection {
    /// When the baseline was due.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When the job ended, however it ended.
    #[serde(default)]
    pub completed_at: Option<Timestamp>,
    /// Usable samples so far: snapshots with output, less the baseline.
    pub samples_collected: u32,
    /// Samples asked for.
    pub samples_expected: u32,
    /// What went wrong, in order.
    #[serde(default)]
    pub errors: Vec<CollectionError>,
    /// How samples are separated.
    #[serde(default)]
    pub mode: CollectionMode,
    /// Consecutive misses after which the job fails.
    #[serde(default = "default_max_misses")]
    pub max_misses: u32,
    /// Somebody else's collection was running when the job began; it is used and left running.
    #[serde(default)]
    pub foreign: bool,
}

/// Consecutive misses after which a job fails unless asked otherwise: ten minutes of the standard profile, long
/// enough for a power cycle or a vMotion there and back.
pub const DEFAULT_MAX_MISSES: u32 = 10;

fn default_max_misses() -> u32 {
    DEFAULT_MAX_MISSES
}

/// How samples are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectionMode {
    /// Counters run on; a sample is the difference of two snapshots, and no I/O falls between samples.
    #[default]
    Cumulative,
    /// Collection is stopped and started each interval, for hosts on which cumulative counters do not work.
    Restart,
}

/// Something that went wrong during a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionError {
    /// When, by the host's wall clock.
    pub at: Timestamp,
    /// The snapshot it concerns.
    #[serde(default)]
    pub sequence: Option<u32>,
    /// What happened, why, and what was done about it.
    pub message: String,
}

/// Whether the collection on the host was ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cleanup {
    /// vscsiStats was stopped for every disk that this job had started, or there was nothing to stop.
    #[serde(rename = "vscsiStats_stopped")]
    pub vscsi_stats_stopped: bool,
    /// When it was stopped.
    #[serde(default)]
    pub stopped_at: Option<Timestamp>,
    /// Why stopping failed.
    #[serde(default)]
    pub cleanup_error: Option<String>,
    /// Somebody has to stop it by hand, or with `vscsi-helper cleanup`.
    #[serde(default)]
    pub manual_cleanup_required: bool,
    /// The command to run on the host.
    #[serde(default)]
    pub manual_cleanup_command: Option<String>,
}
