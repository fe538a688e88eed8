//! What a command needs from a host, whatever runs there.
//!
//! Architecture invariant: commands see a host only through [`Host`]. The agent over HTTP is one implementation.

mod agent;
mod error;
mod record;
mod retrying;
mod select;
#[cfg(test)]
pub(crate) mod tests;
mod unaided;

use std::io::Read;

use vscsi_shared::identifier::Name;
use vscsi_shared::wire::v1::{CreateJob, CreateSchedule, Health, Info, Inventory, JobView, Manifest, ScheduleView};

pub use agent::AgentHost;
pub use error::HostError;
pub use record::{HostRecord, InstalledAgent, KnownSchedule, Program, esxi_version};
pub(crate) use retrying::retried;
pub use retrying::{Connect, Retrying};
pub use select::{SelectError, select_disks, select_vm};
pub(crate) use unaided::inventory_without_agent;

/// Which files of a job are asked for as one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundlePart {
    /// Those with a sequence above this one; all of them without.
    pub after: Option<u32>,
    /// Without so many bytes at the beginning of the first.
    pub skip: u64,
    /// The most bytes that the stream may have.
    pub limit_bytes: u64,
}

/// A host that collects. Every operation may be repeated: creating and stopping twice is the same as once.
pub trait Host: Send {
    /// Who collects there, and the host's clocks.
    fn info(&self) -> Result<Info, HostError>;
    /// Whether something is wrong with the collector.
    fn health(&self) -> Result<Health, HostError>;
    /// VMs and disks.
    fn inventory(&self) -> Result<Inventory, HostError>;
    /// Creates a job and starts it. Whatever tells of a job here tells of the one that was asked about.
    fn create_job(&self, request: &CreateJob) -> Result<JobView, HostError>;
    /// Jobs in the spool, oldest first.
    fn jobs(&self) -> Result<Vec<JobView>, HostError>;
    /// One job.
    fn job(&self, name: &Name) -> Result<JobView, HostError>;
    /// Ends a job, and with `cleanup` its collection.
    fn stop_job(&self, name: &Name, cleanup: bool) -> Result<JobView, HostError>;
    /// Ends whatever collection the job left.
    fn clean_up_job(&self, name: &Name) -> Result<JobView, HostError>;
    /// Removes a job that has ended from the spool.
    fn delete_job(&self, name: &Name) -> Result<(), HostError>;
    /// Every snapshot file of a job.
    fn manifest(&self, name: &Name) -> Result<Manifest, HostError>;
    /// The same files as one stream (see [`vscsi_shared::wire::v1::BundleEntry`]).
    fn bundle(&self, name: &Name, part: &BundlePart) -> Result<Box<dyn Read + Send>, HostError>;
    /// Tells the host that everything up to `through` is safe here.
    fn acknowledge(&self, name: &Name, through: u32) -> Result<JobView, HostError>;
    /// Recurring collections.
    fn schedules(&self) -> Result<Vec<ScheduleView>, HostError>;
    /// Creates a recurring collection.
    fn create_schedule(&self, request: &CreateSchedule) -> Result<ScheduleView, HostError>;
    /// Removes a recurring collection; jobs it started stay.
    fn delete_schedule(&self, name: &Name) -> Result<(), HostError>;
    /// The last lines of the collector's log.
    fn log(&self, lines: u32) -> Result<String, HostError>;
}
