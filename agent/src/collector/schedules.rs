//! Recurring collections: a cron expression and a template, kept in `schedules.json`.
//!
//! A run whose moment passed while no agent was there is not made up for: a collection meant for the night would
//! otherwise run at noon.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vscsi_shared::cron::CronExpression;
use vscsi_shared::identifier::Name;
use vscsi_shared::wire::v1::{CreateJob, CreateSchedule, DiskSelector, ErrorCode, ScheduleView};

use super::Collector;
use super::requests::{by_config_file, refuse_out_of_range};
use crate::action::{Outcome, Refusal, refuse};
use crate::files;
use crate::host::select;

/// Most schedules of a host.
const MAX_SCHEDULES: usize = 100;

/// Largest schedules.json that is read.
const SIZE_LIMIT: u64 = 4 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stored {
    schedule: CreateSchedule,
    #[serde(default)]
    last_run_at: Option<Timestamp>,
    #[serde(default)]
    last_job: Option<Name>,
    #[serde(default)]
    last_error: Option<String>,
}

#[derive(Debug)]
struct Schedule {
    stored: Stored,
    cron: CronExpression,
    next_run_at: Option<Timestamp>,
}

/// The schedules of this host.
#[derive(Debug)]
pub(super) struct Schedules {
    path: PathBuf,
    all: BTreeMap<Name, Schedule>,
}

impl Schedules {
    /// Reads the schedules; a damaged file is set aside, and the second value says so.
    pub(super) fn load(state_directory: &Path, now: Timestamp) -> io::Result<(Self, Option<String>)> {
        let path = state_directory.join("schedules.json");
        let mut problem = None;
        let stored: Vec<Stored> = match files::read_if_there(&path, SIZE_LIMIT)? {
            Some(bytes) => serde_json::from_slice(&bytes).or_else(|error| {
                let aside = files::set_aside(&path)?;
                let aside = aside.display();
                problem = Some(format!(
                    "the file of schedules was damaged and set aside as {aside}: {error}"
                ));
                Ok::<Vec<Stored>, io::Error>(Vec::new())
            })?,
            None => Vec::new(),
        };
        let mut all = BTreeMap::new();
        for stored in stored {
            let cron = CronExpression::from_str(&stored.schedule.cron).map_err(io::Error::other)?;
            let schedule = Schedule {
                next_run_at: cron.next_after(now),
                cron,
                stored,
            };
            all.insert(schedule.stored.schedule.name.clone(), schedule);
        }
        Ok((Self { path, all }, problem))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn save(&self) -> io::Result<()> {
        let stored: Vec<&Stored> = self.all.values().map(|schedule| &schedule.stored).collect();
        files::write_atomically(&self.path, &serde_json::to_vec_pretty(&stored)?)
    }

    fn view(&self, name: &Name) -> Option<ScheduleView> {
        self.all.get(name).map(|schedule| ScheduleView {
            schedule: schedule.stored.schedule.clone(),
            next_run_at: schedule.next_run_at,
            last_run_at: schedule.stored.last_run_at,
            last_job: schedule.stored.last_job.clone(),
            last_error: schedule.stored.last_error.clone(),
        })
    }
}

impl Collector {
    /// Starts the jobs whose moment has come; `true` when there was one.
    pub(super) fn run_schedules(&mut self) -> bool {
        let now = self.equipment.clock.wall();
        let mut due = Vec::new();
        for (name, schedule) in &mut self.schedules.all {
            match schedule.next_run_at {
                None => {}
                Some(next) if next <= now => {
                    due.push((name.clone(), next));
                    schedule.next_run_at = schedule.cron.next_after(now);
                }
                // A wall clock that was set back moves the next run back with it.
                Some(next) => schedule.next_run_at = schedule.cron.next_after(now).map(|sooner| sooner.min(next)),
            }
        }
        for (name, moment) in &due {
            self.run_schedule(name, *moment);
        }
        if !due.is_empty() {
            self.save_schedules();
        }
        !due.is_empty()
    }

    fn run_schedule(&mut self, name: &Name, moment: Timestamp) {
        let Some(schedule) = self.schedules.all.get(name) else {
            return;
        };
        let template = schedule.stored.schedule.job.clone();
        let job_name = format!("{name}-{}", moment.strftime("%Y%m%d-%H%M%S"));
        let outcome = Name::new(&job_name).map_err(|error| error.to_string()).and_then(|job| {
            let disks = self.disks_of_template(&template.config_file, template.disks)?;
            let request = CreateJob {
                name: job.clone(),
                host: template.host,
                vm: by_config_file(&template.config_file),
                disks,
                profile: template.profile,
                options: template.options,
            };
            self.create(request).map(|_| job).map_err(|refusal| refusal.message)
        });
        match &outcome {
            Ok(job) => self.log(&format!("schedule {name} started {job}")),
            Err(error) => self.log(&format!("schedule {name} started no job: {error}")),
        }
        if let Some(schedule) = self.schedules.all.get_mut(name) {
            schedule.stored.last_run_at = Some(moment);
            schedule.stored.last_error = outcome.as_ref().err().cloned();
            schedule.stored.last_job = outcome.ok();
        }
    }

    /// The template's disks; an empty list means every disk the VM has now.
    fn disks_of_template(&mut self, config_file: &str, disks: Vec<DiskSelector>) -> Result<Vec<DiskSelector>, String> {
        if !disks.is_empty() {
            return Ok(disks);
        }
        let listing = self.equipment.host.list().map_err(|error| error.to_string())?;
        let volumes = self.volumes().unwrap_or_default();
        let selected =
            select(&listing, &volumes, &by_config_file(config_file), &[]).map_err(|error| error.to_string())?;
        let found = selected.resolved.disks.into_iter().zip(selected.luns);
        Ok(found
            .map(|(disk, lun)| DiskSelector {
                handle_id: disk.handle_id,
                node: disk.node,
                lun,
            })
            .collect())
    }

    pub(super) fn create_schedule(&mut self, request: CreateSchedule) -> Result<Outcome, Refusal> {
        let name = request.name.clone();
        if let Some(existing) = self.schedules.all.get(&name) {
            return if existing.stored.schedule == request {
                self.schedules
                    .view(&name)
                    .map(Outcome::Schedule)
                    .ok_or_else(|| no_schedule(&name))
            } else {
                Err(refuse(
                    ErrorCode::Conflict,
                    format!("another schedule with the name {name} exists already"),
                    "choose another name, or remove the other schedule first",
                ))
            };
        }
        if self.schedules.all.len() >= MAX_SCHEDULES {
            let message = format!("this host has {MAX_SCHEDULES} schedules already");
            return Err(refuse(ErrorCode::Conflict, message, "remove one that is not needed"));
        }
        let longest_job = format!("{name}-YYYYMMDD-HHMMSS");
        Name::new(&longest_job).map_err(|_| {
            refuse(
                ErrorCode::Unacceptable,
                format!("{name} is too long for a schedule: its jobs are called {longest_job}"),
                "use at most 48 characters",
            )
        })?;
        let cron = CronExpression::from_str(&request.cron)
            .map_err(|error| refuse(ErrorCode::Unacceptable, error.to_string(), ""))?;
        request.job.check().map_err(refuse_out_of_range)?;
        let next_run_at = cron.next_after(self.equipment.clock.wall());
        if next_run_at.is_none() {
            let message = format!("the cron expression `{}` never matches", request.cron);
            return Err(refuse(ErrorCode::Unacceptable, message, ""));
        }
        let schedule = Schedule {
            stored: Stored {
                schedule: request,
                last_run_at: None,
                last_job: None,
                last_error: None,
            },
            cron,
            next_run_at,
        };
        self.schedules.all.insert(name.clone(), schedule);
        if let Err(error) = self.schedules.save() {
            self.schedules.all.remove(&name);
            let message = format!("cannot write the schedules: {error}");
            return Err(refuse(ErrorCode::Spool, message, ""));
        }
        self.publish_schedules();
        self.schedules
            .view(&name)
            .map(Outcome::ScheduleCreated)
            .ok_or_else(|| no_schedule(&name))
    }

    pub(super) fn delete_schedule(&mut self, name: &Name) -> Result<Outcome, Refusal> {
        self.schedules.all.remove(name).ok_or_else(|| no_schedule(name))?;
        self.save_schedules();
        Ok(Outcome::Deleted)
    }

    fn save_schedules(&self) {
        if let Err(error) = self.schedules.save() {
            self.log(&format!("cannot write the schedules: {error}"));
        }
        self.publish_schedules();
    }

    pub(super) fn publish_schedules(&self) {
        let views = self
            .schedules
            .all
            .keys()
            .filter_map(|name| Some((name.clone(), self.schedules.view(name)?)))
            .collect();
        self.equipment.views.set_schedules(views);
    }

    /// When the next schedule runs, monotonic milliseconds by the wall clock of now.
    pub(super) fn next_schedule_ms(&self) -> Option<u64> {
        let next = self
            .schedules
            .all
            .values()
            .filter_map(|schedule| schedule.next_run_at)
            .min()?;
        let ahead = next.as_millisecond() - self.equipment.clock.wall().as_millisecond();
        Some(self.now() + u64::try_from(ahead).unwrap_or(0))
    }
}

fn no_schedule(name: &Name) -> Refusal {
    refuse(
        ErrorCode::NotFound,
        format!("there is no schedule {name}"),
        "list the schedules with `vscsi-helper schedule list`",
    )
}
