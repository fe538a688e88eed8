//! The spool: the agent's directory of jobs and snapshots.
//!
//! ```text
//! jobs/<job>/job.json                  the job, as the client copies it
//! jobs/<job>/agent.json                what the agent needs to go on with it after a restart
//! jobs/<job>/samples/sample_000.csv    immutable snapshots
//! jobs/<job>/samples/SHA256SUMS        their checksums, for `sha256sum -c`
//! jobs/<job>/set-aside/                torn or corrupt files
//! ```

mod directory;
mod index;
mod load;
mod space;
mod sums;

use std::io;

use serde::{Deserialize, Serialize};
use vscsi_shared::identifier::Name;
use vscsi_shared::job::JobDocument;
use vscsi_shared::wire::v1::{CreateJob, ManifestEntry};

pub use directory::DirectorySpool;

/// What the agent needs to go on with a job after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The request, by which a repeat is recognised.
    pub request: CreateJob,
    /// The boot in which the due times are counted.
    pub boot_id: String,
    /// Monotonic clock at which the baseline was due, milliseconds; `None` before the start.
    #[serde(default)]
    pub first_due_ms: Option<u64>,
    /// Highest sequence a client has acknowledged.
    #[serde(default)]
    pub acknowledged: Option<u32>,
}

/// A job as it was found in the spool.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The content of job.json.
    pub document: JobDocument,
    /// The content of agent.json.
    pub record: Record,
    /// Snapshots that hold usable output.
    pub usable: u32,
}

/// The spool could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The spool would grow beyond its limit.
    #[error("the spool would take {would_take} bytes, and its limit is {limit}")]
    Full {
        /// Bytes with what was to be written.
        would_take: u64,
        /// The limit, bytes.
        limit: u64,
    },
    /// The volume is so full that more would harm others on it.
    #[error("its volume has {free} bytes left, and the last {reserve} are reserved for others")]
    VolumeFull {
        /// Bytes left.
        free: u64,
        /// Bytes that stay free.
        reserve: u64,
    },
    /// The volume can take hardly any more files.
    #[error("its volume can take {free} more files, and the last {reserve} are reserved for others")]
    NoMoreFiles {
        /// Files that can still be made.
        free: u64,
        /// Files that others may still make.
        reserve: u64,
    },
    /// Something has the name of a new job.
    #[error("something with the name {0} is in the spool already and is not a job that can be read")]
    Exists(Name),
    /// The file system refused.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was to be done.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// No such job or snapshot.
    #[error("there is no {0}")]
    Missing(String),
    /// The content of a file is not what was written.
    #[error("{0} is corrupt and was set aside")]
    Corrupt(String),
}

/// Keeps jobs and snapshots.
pub trait Spool: Send + Sync {
    /// Everything in the spool; what cannot be used is set aside and reported in words.
    fn load(&self) -> Result<(Vec<Stored>, Vec<String>), SpoolError>;
    /// Writes a job that is not there yet.
    fn create(&self, document: &JobDocument, record: &Record) -> Result<(), SpoolError>;
    /// Rewrites job.json.
    fn save_job(&self, document: &JobDocument) -> Result<(), SpoolError>;
    /// Rewrites agent.json.
    fn save_record(&self, record: &Record) -> Result<(), SpoolError>;
    /// Writes a snapshot that is not there yet.
    fn write_snapshot(&self, job: &Name, sequence: u32, bytes: &[u8]) -> Result<(), SpoolError>;
    /// The snapshots of a job that can be read, from sequence `from` on and at most `count` of them.
    fn entries(&self, job: &Name, from: u32, count: usize) -> Vec<ManifestEntry>;
    /// Names of the files of a job that were set aside.
    fn set_aside(&self, job: &Name) -> Vec<String>;
    /// The highest sequence of a job that was ever written, whatever has become of it.
    fn last_sequence(&self, job: &Name) -> Option<u32>;
    /// The size of the largest snapshot of a job, bytes; 0 when it has none.
    fn largest_bytes(&self, job: &Name) -> u64;
    /// A snapshot whose checksum was verified.
    fn read_snapshot(&self, job: &Name, sequence: u32) -> Result<Vec<u8>, SpoolError>;
    /// Removes a job with everything it has.
    fn delete(&self, job: &Name) -> Result<(), SpoolError>;
    /// Space that all snapshots take, bytes: whole blocks of their file system.
    fn used_bytes(&self) -> u64;
    /// Space that a snapshot of `bytes` will take.
    fn takes(&self, bytes: u64) -> u64;
    /// Bytes the snapshots may take.
    fn limit_bytes(&self) -> u64;
    /// Bytes the volume can still give them; `None` when that is not known.
    fn free_bytes(&self) -> Option<u64>;
}
