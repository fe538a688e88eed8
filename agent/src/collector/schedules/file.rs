//! `schedules.json`: every schedule by itself, so that one that cannot be used costs no other.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vscsi_shared::cron::CronExpression;
use vscsi_shared::identifier::Name;
use vscsi_shared::job::overlay;
use vscsi_shared::wire::v1::CreateSchedule;

use crate::files;

/// Largest schedules.json that is read.
const SIZE_LIMIT: u64 = 4 * 1024 * 1024;

/// A schedule as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) schedule: CreateSchedule,
    /// The moment it waits for, by which an agent that was not there knows what it has missed.
    #[serde(default)]
    pub(super) next_run_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) last_run_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) last_job: Option<Name>,
    #[serde(default)]
    pub(super) last_error: Option<String>,
}

/// A schedule that can run.
#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) stored: Stored,
    pub(super) cron: CronExpression,
    /// As it was read, with the keys that this version does not know.
    original: Value,
}

impl Schedule {
    pub(super) fn new(stored: Stored, cron: CronExpression) -> Self {
        Self {
            stored,
            cron,
            original: Value::Null,
        }
    }

    fn read(original: &Value) -> Result<Self, String> {
        let stored = Stored::deserialize(original).map_err(|error| error.to_string())?;
        let cron = CronExpression::from_str(&stored.schedule.cron).map_err(|error| error.to_string())?;
        Ok(Self {
            stored,
            cron,
            original: original.clone(),
        })
    }

    fn to_value(&self) -> serde_json::Result<Value> {
        let mut value = self.original.clone();
        overlay(&mut value, serde_json::to_value(&self.stored)?);
        Ok(value)
    }
}

/// A schedule that cannot run, as one of a newer agent may be after a downgrade. It stays in the file as it is.
#[derive(Debug)]
pub(super) struct Unusable {
    original: Value,
    reason: String,
}

impl Unusable {
    /// Its name, whatever else is wrong with it.
    pub(super) fn name(&self) -> Option<&str> {
        self.original.get("schedule")?.get("name")?.as_str()
    }

    /// What is wrong with it, in words.
    pub(super) fn problem(&self) -> String {
        let name = self.name().unwrap_or("without a name");
        format!("the schedule {name} cannot be used and does not run: {}", self.reason)
    }
}

/// What the file held.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) schedules: Vec<Schedule>,
    pub(super) unusable: Vec<Unusable>,
    /// What is wrong with the file as a whole.
    pub(super) problem: Option<String>,
}

/// The file of the schedules.
#[derive(Debug)]
pub(super) struct ScheduleFile(PathBuf);

impl ScheduleFile {
    pub(super) fn below(state_directory: &Path) -> Self {
        Self(state_directory.join("schedules.json"))
    }

    /// Reads it; a file that is no list is set aside.
    pub(super) fn read(&self) -> io::Result<Found> {
        let mut found = Found::default();
        let Some(bytes) = files::read_if_there(&self.0, SIZE_LIMIT)? else {
            return Ok(found);
        };
        let values: Vec<Value> = match serde_json::from_slice(&bytes) {
            Ok(values) => values,
            Err(error) => {
                let aside = files::set_aside(&self.0)?;
                found.problem = Some(format!(
                    "the file of schedules was damaged and set aside as {}: {error}",
                    aside.display()
                ));
                return Ok(found);
            }
        };
        for original in values {
            match Schedule::read(&original) {
                Ok(schedule) => found.schedules.push(schedule),
                Err(reason) => found.unusable.push(Unusable { original, reason }),
            }
        }
        Ok(found)
    }

    /// Writes all schedules.
    pub(super) fn write<'list>(
        &self,
        schedules: impl Iterator<Item = &'list Schedule>,
        unusable: &[Unusable],
    ) -> io::Result<()> {
        let values: serde_json::Result<Vec<Value>> = schedules.map(Schedule::to_value).collect();
        let mut values = values?;
        values.extend(unusable.iter().map(|unusable| unusable.original.clone()));
        files::write_atomically(&self.0, &serde_json::to_vec_pretty(&values)?)
    }
}
