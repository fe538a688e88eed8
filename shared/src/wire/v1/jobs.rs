//! Jobs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::identifier::{HandleId, Name, WorldGroupId};
use crate::job::limits::{DISKS, MAX_MISSES, OutOfRange};
use crate::job::{CollectionMode, DEFAULT_MAX_MISSES, HostIdentity, Job, Profile};

/// Request of `POST /v1/jobs`. Repeating it changes nothing; a different request under the same name is a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateJob {
    /// The job's name.
    pub name: Name,
    /// The host as the client knows it, recorded in `job.json`.
    #[serde(default)]
    pub host: HostIdentity,
    /// The VM.
    pub vm: VmSelector,
    /// The disks; at least one.
    pub disks: Vec<DiskSelector>,
    /// How often and how long.
    pub profile: Profile,
    /// How to collect.
    #[serde(default)]
    pub options: JobOptions,
}

impl CreateJob {
    /// Refuses a request for what no job may have.
    ///
    /// # Errors
    /// [`OutOfRange`] for the first number outside its limit.
    pub fn check(&self) -> Result<(), OutOfRange> {
        self.profile.check()?;
        DISKS.check(self.disks.len())?;
        self.options.check()
    }
}

/// How to collect; everything has a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobOptions {
    /// How samples are separated.
    pub mode: CollectionMode,
    /// Consecutive misses after which the job fails.
    pub max_misses: u32,
}

impl Default for JobOptions {
    fn default() -> Self {
        Self {
            mode: CollectionMode::default(),
            max_misses: DEFAULT_MAX_MISSES,
        }
    }
}

impl JobOptions {
    /// Refuses options that no job may have.
    ///
    /// # Errors
    /// [`OutOfRange`] when the number of misses is outside its limit.
    pub fn check(&self) -> Result<(), OutOfRange> {
        MAX_MISSES.check(self.max_misses)
    }
}

/// A running VM, by the configuration file that identifies it or by its world group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VmSelector {
    /// Path of the .vmx, by volume UUID or label.
    ConfigFile(String),
    /// World group ID.
    WorldGroupId(WorldGroupId),
}

/// A disk of the VM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSelector {
    /// Its handle.
    pub handle_id: HandleId,
    /// Its virtual device node; empty on hosts that print none.
    #[serde(default)]
    pub node: String,
    /// The name the user selected it by, recorded in `job.json`.
    #[serde(default)]
    pub lun: String,
}

/// A job as the agent sees it now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobView {
    /// The content of `job.json`.
    pub job: Job,
    /// When the next snapshot is due; `None` when none is.
    #[serde(default)]
    pub next_due_at: Option<Timestamp>,
    /// When the last snapshot will be taken if nothing happens; `None` when the job has ended.
    #[serde(default)]
    pub expected_completion_at: Option<Timestamp>,
    /// The host's wall clock when this was said, so that a client with another clock can count down.
    pub now: Timestamp,
    /// Highest sequence spooled; `None` before the baseline.
    #[serde(default)]
    pub last_sequence: Option<u32>,
    /// Highest sequence a client has acknowledged.
    #[serde(default)]
    pub acknowledged_sequence: Option<u32>,
}

/// Answer of `GET /v1/jobs`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct JobList {
    /// Jobs in the spool, oldest first.
    pub jobs: Vec<JobView>,
}

/// Request of `POST /v1/jobs/{name}/stop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StopJob {
    /// Also end the collection on the host, unless another job uses it.
    pub cleanup: bool,
}

impl Default for StopJob {
    fn default() -> Self {
        Self { cleanup: true }
    }
}

/// Request of `POST /v1/jobs/{name}/ack`: everything up to this sequence is safe on the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledge {
    /// Highest sequence pulled and verified, with all before it.
    pub through: u32,
}
