//! Recurring collections.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::identifier::Name;
use crate::job::limits::{DISKS, OutOfRange};
use crate::job::{HostIdentity, Profile};

use super::{DiskSelector, JobOptions};

/// Request of `POST /v1/schedules`. Repeating it changes nothing; a different request under the same name is a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateSchedule {
    /// The schedule's name; its jobs are called `NAME-YYYYMMDD-HHMMSS`.
    pub name: Name,
    /// Five fields: minute, hour, day of month, month, day of week, in the host's UTC.
    pub cron: String,
    /// What each job collects.
    pub job: JobTemplate,
}

/// A job without its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobTemplate {
    /// The host as the client knows it.
    #[serde(default)]
    pub host: HostIdentity,
    /// Path of the VM's .vmx; its world group may be another each night.
    pub config_file: String,
    /// Display name of the VM, for people.
    #[serde(default)]
    pub vm_name: String,
    /// The disks, found again by node; empty means every disk the VM has then.
    #[serde(default)]
    pub disks: Vec<DiskSelector>,
    /// How often and how long.
    pub profile: Profile,
    /// How to collect.
    #[serde(default)]
    pub options: JobOptions,
}

impl JobTemplate {
    /// Refuses a template of jobs that would all be refused.
    ///
    /// # Errors
    /// [`OutOfRange`] for the first number outside its limit.
    pub fn check(&self) -> Result<(), OutOfRange> {
        self.profile.check()?;
        // No disk named means all that the VM has on that night.
        if !self.disks.is_empty() {
            DISKS.check(self.disks.len())?;
        }
        self.options.check()
    }
}

/// A schedule as the agent sees it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleView {
    /// What was asked for.
    pub schedule: CreateSchedule,
    /// When it runs next; `None` when the expression never matches again.
    #[serde(default)]
    pub next_run_at: Option<Timestamp>,
    /// Its last moment, whether it started a job or not.
    #[serde(default)]
    pub last_run_at: Option<Timestamp>,
    /// The job that it started last.
    #[serde(default)]
    pub last_job: Option<Name>,
    /// Why its last moment started no job.
    #[serde(default)]
    pub last_error: Option<String>,
}

/// Answer of `GET /v1/schedules`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScheduleList {
    /// By name.
    pub schedules: Vec<ScheduleView>,
}
