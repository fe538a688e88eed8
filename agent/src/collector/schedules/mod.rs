//! Recurring collections: a cron expression and a template.
//!
//! A run begins at its moment, or within a minute of it where the agent was waiting for a slow host, or not at all: a
//! collection meant for the night would otherwise run at noon. One run of a schedule is active at a time, and each
//! moment starts one job at most, however often a clock that is set back comes by it.

mod file;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::str::FromStr as _;

use jiff::Timestamp;
use vscsi_shared::cron::CronExpression;
use vscsi_shared::identifier::Name;
use vscsi_shared::wire::v1::{CreateJob, CreateSchedule, DiskSelector, ErrorCode, ScheduleView};

use super::Collector;
use super::job::JobState;
use super::requests::{by_config_file, refuse_out_of_range};
use crate::action::{Outcome, Refusal, refuse};
use crate::host::select;

use file::{Schedule, ScheduleFile, Stored, Unusable};

/// Most schedules of a host.
const MAX_SCHEDULES: usize = 100;

/// How late a run may begin, milliseconds.
const LATEST_MS: i64 = 60_000;

/// What a schedule does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// Nothing, until this moment.
    Waits(Option<Timestamp>),
    /// It runs for this moment.
    Runs(Timestamp),
    /// It does not run for this moment, which is over.
    Missed(Timestamp),
}

/// Decides at `now` over a schedule that waits for `next`. A wall clock that `went_back` moves the next run back with it.
fn due(cron: &CronExpression, next: Option<Timestamp>, now: Timestamp, went_back: bool) -> Due {
    match next {
        None if went_back => Due::Waits(cron.next_after(now)),
        None => Due::Waits(None),
        Some(next) if next > now && went_back => Due::Waits(cron.next_after(now).map(|sooner| sooner.min(next))),
        Some(next) if next > now => Due::Waits(Some(next)),
        Some(next) if now.as_millisecond() - next.as_millisecond() > LATEST_MS => Due::Missed(next),
        Some(next) => Due::Runs(next),
    }
}

/// The schedules of this host.
#[derive(Debug)]
pub(super) struct Schedules {
    file: ScheduleFile,
    all: BTreeMap<Name, Schedule>,
    unusable: Vec<Unusable>,
    /// The wall clock when they were looked at last; `None` before the first look.
    looked_at: Option<Timestamp>,
}

impl Schedules {
    /// Reads the schedules; the second value says what is wrong with their file.
    pub(super) fn load(state_directory: &Path) -> io::Result<(Self, Option<String>)> {
        let file = ScheduleFile::below(state_directory);
        let found = file.read()?;
        let all = found.schedules.into_iter();
        let schedules = Self {
            file,
            all: all
                .map(|schedule| (schedule.stored.schedule.name.clone(), schedule))
                .collect(),
            unusable: found.unusable,
            looked_at: None,
        };
        let problem = found.problem.or_else(|| schedules.problem());
        Ok((schedules, problem))
    }

    /// What is wrong with some of them.
    fn problem(&self) -> Option<String> {
        let problems: Vec<String> = self.unusable.iter().map(Unusable::problem).collect();
        (!problems.is_empty()).then(|| problems.join("; "))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn save(&self) -> io::Result<()> {
        self.file.write(self.all.values(), &self.unusable)
    }

    fn view(&self, name: &Name) -> Option<ScheduleView> {
        self.all.get(name).map(|schedule| ScheduleView {
            schedule: schedule.stored.schedule.clone(),
            next_run_at: schedule.stored.next_run_at,
            last_run_at: schedule.stored.last_run_at,
            last_job: schedule.stored.last_job.clone(),
            last_error: schedule.stored.last_error.clone(),
        })
    }

    /// Takes one out, also one that cannot be used; `false` when there is none of this name.
    fn remove(&mut self, name: &Name) -> bool {
        let known = self.all.len() + self.unusable.len();
        self.all.remove(name);
        self.unusable.retain(|unusable| unusable.name() != Some(name.as_str()));
        self.all.len() + self.unusable.len() < known
    }
}

impl Collector {
    /// Starts the jobs whose moment has come; `true` when a moment has passed.
    pub(super) fn run_schedules(&mut self) -> bool {
        let now = self.equipment.clock.wall();
        let went_back = self.schedules.looked_at.replace(now).is_none_or(|before| now < before);
        let mut passed = Vec::new();
        for (name, schedule) in &mut self.schedules.all {
            let due = due(&schedule.cron, schedule.stored.next_run_at, now, went_back);
            schedule.stored.next_run_at = match due {
                Due::Waits(next) => next,
                Due::Runs(_) | Due::Missed(_) => schedule.cron.next_after(now),
            };
            match due {
                Due::Waits(_) => {}
                Due::Runs(moment) | Due::Missed(moment) => passed.push((name.clone(), moment, due)),
            }
        }
        for (name, moment, due) in &passed {
            let outcome = match due {
                Due::Missed(_) => {
                    Err("its moment passed while no agent was running, or while the host stood still".to_owned())
                }
                _ => self.run_schedule(name, *moment),
            };
            self.note_run(name, *moment, outcome);
        }
        if !passed.is_empty() {
            self.save_schedules();
        }
        !passed.is_empty()
    }

    /// Starts the job of this moment and gives its name.
    fn run_schedule(&mut self, name: &Name, moment: Timestamp) -> Result<Name, String> {
        let Some(schedule) = self.schedules.all.get(name) else {
            return Err("it was removed".to_owned());
        };
        let job =
            Name::new(&format!("{name}-{}", moment.strftime("%Y%m%d-%H%M%S"))).map_err(|error| error.to_string())?;
        let last = schedule.stored.last_job.as_ref();
        if last == Some(&job) || self.jobs.contains_key(&job) {
            return Err(format!(
                "{job} ran at this moment already: the host's clock was set back"
            ));
        }
        if let Some(last) = last.filter(|last| self.jobs.get(*last).is_some_and(JobState::is_active)) {
            return Err(format!("the run before it, {last}, has not ended"));
        }
        let template = schedule.stored.schedule.job.clone();
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
    }

    fn note_run(&mut self, name: &Name, moment: Timestamp, outcome: Result<Name, String>) {
        match &outcome {
            Ok(job) => self.log(&format!("schedule {name} started {job}")),
            Err(error) => self.log(&format!("schedule {name} started no job at {moment}: {error}")),
        }
        if let Some(schedule) = self.schedules.all.get_mut(name) {
            schedule.stored.last_run_at = Some(moment);
            schedule.stored.last_error = outcome.as_ref().err().cloned();
            if let Ok(job) = outcome {
                schedule.stored.last_job = Some(job);
            }
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
        if let Some(unusable) = self
            .schedules
            .unusable
            .iter()
            .find(|other| other.name() == Some(name.as_str()))
        {
            return Err(refuse(
                ErrorCode::Conflict,
                unusable.problem(),
                "choose another name, or remove the other schedule first",
            ));
        }
        if self.schedules.all.len() + self.schedules.unusable.len() >= MAX_SCHEDULES {
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
        let stored = Stored {
            schedule: request,
            next_run_at,
            last_run_at: None,
            last_job: None,
            last_error: None,
        };
        self.schedules.all.insert(name.clone(), Schedule::new(stored, cron));
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
        if !self.schedules.remove(name) {
            return Err(no_schedule(name));
        }
        self.equipment.views.set_problem("schedules", self.schedules.problem());
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
            .filter_map(|schedule| schedule.stored.next_run_at)
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
