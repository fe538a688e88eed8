//! Carries a plan out and gathers what was seen.

mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use serde_json::Value;
use vscsi_fixtures::{Fault, FaultKind, Scenario, fingerprint};

use super::check::{entries, files_of, folders, wrong_view};
use super::evidence::{Deadline, DiskKey, Evidence, Role, idle_when_looked_at, last_ended_in_order};
use super::plan::{Deed, Ending, HostEvent, Plan, Victim};
use super::stage::Stage;
use crate::agent_host::AgentHost;
use crate::processes::monotonic_ms;
use requests::Asking;

/// How often the stage is looked at.
const TICK: Duration = Duration::from_millis(10);

/// How long an agent may take to answer after its start: it waits for the one before it, which may be stopping disks.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(45);

/// An agent that ended at once is followed by another one after so long.
const START_AGAIN_MS: u64 = 300;

/// How long a job may take to be shown as stopped: a `-s` whose end nobody saw is waited for 15 s.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long an answer is waited for: a frozen agent, or one that waits for a hung command, gives none sooner.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How long it is waited until nothing is collected any more; what was owed sooner is judged by the journal.
const QUIET_TIMEOUT: Duration = Duration::from_mins(1);

/// How long the jobs may take to their own end: six samples, and what hung commands hold up.
const JOBS_TIMEOUT: Duration = Duration::from_mins(1);

/// How long the agent may take to end in order.
const END_TIMEOUT: Duration = Duration::from_secs(45);

/// What a run left, and where.
#[derive(Debug)]
pub struct Performed {
    /// What was seen.
    pub evidence: Evidence,
    /// The host, the state directory, and what is left of the processes.
    pub stage: Stage,
    /// The files of the host before the agent came.
    pub files_before: BTreeSet<String>,
    /// What the last agent says of each job that was accepted, or the `problem` with that.
    pub jobs: BTreeMap<String, Value>,
    /// Storage was full or failed for a while, so that damaged files may have been set aside.
    pub storage_failed: bool,
    /// A `-x` fails on this host where nothing is collected. The agent then cannot know that nothing runs: it says so, and
    /// goes on trying for its 31 minutes.
    pub stops_are_unsure: bool,
}

struct Performance<'plan> {
    plan: &'plan Plan,
    stage: Stage,
    evidence: Evidence,
    /// Running VMs: their names and configuration files.
    vms: Vec<(String, String)>,
    asking: Vec<Asking>,
    accepted: BTreeSet<String>,
    /// VMs that come back, and when.
    away: Vec<(Instant, String)>,
    foreign: BTreeSet<DiskKey>,
    /// When an agent was started last where none lived.
    started_ms: u64,
}

/// Runs a plan.
///
/// # Errors
/// When the run could not be made, or not be brought to its end; then `keep` is shown the stage first.
pub fn perform(plan: &Plan, keep: &dyn Fn(&Stage)) -> Result<Performed, String> {
    let host = make_host(plan)?;
    let files_before = files_of(host.host.root());
    let mut performance = Performance::begin(plan, host)?;
    let jobs = performance.go_through().inspect_err(|_| keep(&performance.stage))?;
    performance.finish(files_before, jobs)
}

fn make_host(plan: &Plan) -> Result<AgentHost, String> {
    let mut scenario = Scenario::load(plan.world.scenario).map_err(|error| error.to_string())?;
    scenario.variants = plan.world.variants.clone();
    scenario.clock.time_scale = plan.world.time_scale;
    let filter = crate::binaries::Binary::Filter.path()?;
    Ok(AgentHost::with_scenario(&scenario, &filter.display().to_string()))
}

impl<'plan> Performance<'plan> {
    fn begin(plan: &'plan Plan, host: AgentHost) -> Result<Self, String> {
        let mut foreign = BTreeSet::new();
        if plan.world.foreign {
            host.host.foreign_start().map_err(|error| error.to_string())?;
            let disks = host.host.collecting().map_err(|error| error.to_string())?;
            foreign.extend(disks.iter().map(|disk| (disk.world_group_id, disk.handle_id)));
        }
        let mut stage = Stage::set_up(host, &plan.world).map_err(|error| error.to_string())?;
        stage.serve(&[]).map_err(|error| error.to_string())?;
        let mut performance = Self {
            plan,
            stage,
            evidence: Evidence {
                time_scale: plan.world.time_scale,
                ..Evidence::default()
            },
            vms: Vec::new(),
            asking: Vec::new(),
            accepted: BTreeSet::new(),
            away: Vec::new(),
            foreign,
            started_ms: 0,
        };
        performance.wait_for_answer("the first agent")?;
        let inventory = performance.ask("GET", "inventory", "").unwrap_or(Value::Null);
        let vms = inventory["vms"].as_array().into_iter().flatten();
        let running = vms.filter(|vm| vm["powered_on"] == true);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        performance.vms = running
            .map(|vm| (text(&vm["name"]), text(&vm["config_file"])))
            .collect();
        // Without one every check of promise 1 would be empty.
        if !performance.wait(ANSWER_TIMEOUT, |performance| {
            !performance.stage.living(Role::Switch).is_empty()
        }) {
            return Err("the agent has no switch that can be seen".to_owned());
        }
        if performance.vms.is_empty() {
            return Err(format!("the agent lists no running VM: {inventory}"));
        }
        Ok(performance)
    }

    /// From the first step to the clean-up; what the last agent says of the jobs.
    fn go_through(&mut self) -> Result<BTreeMap<String, Value>, String> {
        self.play();
        self.end()?;
        self.wait_until_quiet();
        let jobs = self.revive()?;
        self.clean_up()?;
        Ok(jobs)
    }

    /// Does every step at its time.
    fn play(&mut self) {
        let start = Instant::now();
        for step in &self.plan.steps {
            let at = start + Duration::from_millis(step.at_ms);
            while Instant::now() < at {
                self.tick();
            }
            self.tick();
            if let Err(problem) = self.act(&step.deed) {
                self.evidence.complaints.push(format!("{:?}: {problem}", step.deed));
            }
        }
    }

    /// One look at everything, and a short rest.
    fn tick(&mut self) {
        self.stage.look();
        let now = Instant::now();
        let (back, away): (Vec<_>, Vec<_>) = std::mem::take(&mut self.away)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        self.away = away;
        for (_, vm) in back {
            // It may have been brought back by another step.
            let _ = self.stage.host.host.migrate_back(&vm);
        }
        self.take_answers();
        sleep(TICK);
    }

    fn act(&mut self, deed: &Deed) -> Result<(), String> {
        let stage = &mut self.stage;
        match deed {
            Deed::CreateJob(job) => self.create(job)?,
            Deed::StopJob { job, keep } => self.stop(*job, *keep)?,
            Deed::Start if stage.living(Role::Collector).is_empty() => {
                stage.serve(&[]).map_err(|error| error.to_string())?;
            }
            Deed::TakeOver if stage.living(Role::Collector).len() == 1 => {
                stage.serve(&["--take-over"]).map_err(|error| error.to_string())?;
            }
            // There is one already, or none to take over from.
            Deed::Start | Deed::TakeOver => {}
            Deed::Terminate => stage.tell_collector(libc::SIGTERM),
            Deed::CleanUp { all } => {
                let words: &[&str] = if *all { &["cleanup", "--all"] } else { &["cleanup"] };
                // Left to itself: it waits for the agent, which may be frozen.
                let mut command = stage.command(words);
                spawn(move || command.status());
            }
            Deed::Kill(victim) => {
                self.note_snapshots();
                self.stage.kill(*victim);
            }
            Deed::Freeze(victim, for_ms) => stage.freeze(*victim, Some(*for_ms)),
            Deed::Fault {
                kind,
                calls,
                after,
                times,
            } => {
                let fault = Fault::of_vscsi_stats(kind.clone()).with_arguments(calls);
                let armed = stage.host.host.add_fault(fault.after(*after).times(*times));
                armed.map_err(|error| error.to_string())?;
            }
            Deed::Host(event) => self.happen(*event),
            Deed::SetWallClock(seconds) => stage.set_wall_clock(*seconds).map_err(|error| error.to_string())?,
            Deed::FillVolume(for_ms) => stage.fill_volume(*for_ms),
            Deed::FailStorage(for_ms) => stage.fail_storage(*for_ms).map_err(|error| error.to_string())?,
            Deed::LimitFiles(files, for_ms) => stage.limit(Some(*files), None, *for_ms),
            Deed::LimitMemory(kib, for_ms) => stage.limit(None, Some(*kib), *for_ms),
        }
        Ok(())
    }

    fn happen(&mut self, event: HostEvent) {
        let vm = |position: usize| self.vms[position % self.vms.len()].0.clone();
        let host = &self.stage.host.host;
        let happened = match event {
            HostEvent::ForeignStop => host.foreign_stop(),
            HostEvent::Reset => host.reset_counters(),
            HostEvent::PowerCycle(position) => host.power_cycle(&vm(position)),
            HostEvent::Migrate(position, for_ms) => {
                let vm = vm(position);
                let moved = host.migrate_away(&vm);
                self.away.push((Instant::now() + Duration::from_millis(for_ms), vm));
                moved
            }
            // What the disks did meanwhile is computed when somebody looks at them: that is no time of the host's commands.
            HostEvent::Advance(minutes) => host
                .advance(Duration::from_mins(minutes))
                .and_then(|()| host.collecting().map(drop)),
        };
        // A VM that is away cannot be switched off.
        drop(happened);
    }

    /// Goes on with everything until something is so; gives whether it came about.
    fn wait(&mut self, timeout: Duration, mut is_so: impl FnMut(&mut Self) -> bool) -> bool {
        let until = Instant::now() + timeout;
        loop {
            self.tick();
            if is_so(self) {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
        }
    }

    /// The agent that can be found is one that lives, and answers.
    fn answers(&self) -> bool {
        let process = self.stage.host.announced_process();
        let mut living = self.stage.living(Role::Collector).into_iter();
        living.any(|life| Some(self.stage.lives[life].process) == process) && self.ask("GET", "health", "").is_ok()
    }

    fn wait_for_answer(&mut self, who: &str) -> Result<(), String> {
        let answers = self.wait(ANSWER_TIMEOUT, |performance| performance.answers());
        answers.then_some(()).ok_or_else(|| format!("{who} does not answer"))
    }

    /// Brings the run to the end of its plan.
    fn end(&mut self) -> Result<(), String> {
        self.note_snapshots();
        let host = self.stage.host.host.clone();
        host.clear_faults().map_err(|error| error.to_string())?;
        self.stage.repair();
        for (_, vm) in std::mem::take(&mut self.away) {
            let _ = host.migrate_back(&vm);
        }
        match self.plan.ending {
            Ending::KillCollector => self.stage.kill(Victim::Collector),
            Ending::KillAmongSlowStops => {
                let slow = Fault::of_vscsi_stats(FaultKind::Slow(600)).with_arguments("-x ");
                let hung = Fault::of_vscsi_stats(FaultKind::Hang).with_arguments("-x ").times(1);
                // Of two faults the first one counts.
                host.add_fault(hung)
                    .and_then(|()| host.add_fault(slow))
                    .map_err(|error| error.to_string())?;
                self.stage.kill(Victim::Collector);
            }
            Ending::FreezeCollector => self.stage.freeze(Victim::Collector, None),
            Ending::KillBothAndStart => {
                self.stage.kill(Victim::Both);
                self.start_again()?;
            }
            Ending::KillBothAndCleanUp => {
                self.stage.kill(Victim::Both);
                self.run_cleanup(&["cleanup"], false)?;
            }
            Ending::Terminate => self.terminate()?,
            Ending::JobsEnd => self.wait_for_jobs()?,
        }
        Ok(())
    }

    fn start_again(&mut self) -> Result<(), String> {
        // A clean-up of the plan may still hold the lock: then the first ones end at once.
        let started = self.wait(ANSWER_TIMEOUT, |performance| {
            let living = performance.stage.living(Role::Collector);
            let young = monotonic_ms().saturating_sub(performance.started_ms) < START_AGAIN_MS;
            if living.is_empty() && !young {
                performance.started_ms = monotonic_ms();
                return performance.stage.serve(&[]).is_err();
            }
            performance.answers()
        });
        let answers = started && self.answers();
        answers
            .then_some(())
            .ok_or_else(|| "an agent that was started again does not answer".to_owned())
    }

    fn terminate(&mut self) -> Result<(), String> {
        self.stage.tell_collector(libc::SIGTERM);
        let ended = self.wait(END_TIMEOUT, |performance| {
            // One that takes over is told when it is the only one.
            performance.stage.tell_collector(libc::SIGTERM);
            performance.stage.living(Role::Collector).is_empty()
        });
        if !ended {
            return Err("the agent does not end after SIGTERM".to_owned());
        }
        if last_ended_in_order(&self.stage.lives) {
            self.owe("the agent has ended in order;", 0, false);
        }
        Ok(())
    }

    fn wait_for_jobs(&mut self) -> Result<(), String> {
        if self.stage.living(Role::Collector).is_empty() {
            return Ok(());
        }
        let answered = self.wait_for_answer("the agent that is to finish its jobs");
        if self.stage.living(Role::Collector).is_empty() {
            // It was told to end by the plan.
            return Ok(());
        }
        answered?;
        let ended = self.wait(JOBS_TIMEOUT, |performance| {
            if performance.stage.living(Role::Collector).is_empty() {
                // A clean-up of the plan has ended it.
                return true;
            }
            let Ok(list) = performance.ask("GET", "jobs", "") else {
                return false;
            };
            performance.asking.is_empty() && list["jobs"].as_array().is_some_and(|jobs| jobs.iter().all(has_ended))
        });
        if !ended {
            return Err("the jobs do not end".to_owned());
        }
        if self.stage.living(Role::Collector).is_empty() {
            return Ok(());
        }
        // A second switch that dies is replaced after a second.
        let killed = self
            .stage
            .lives
            .iter()
            .filter(|life| life.role == Role::Switch && life.killed)
            .count();
        self.owe("every job has ended;", if killed > 1 { 4000 } else { 2000 }, false);
        Ok(())
    }

    /// What is in the spool now has to be there for ever.
    fn note_snapshots(&mut self) {
        for job in folders(&self.stage.host.state().join("jobs")) {
            for (file, path) in entries(&job.1.join("samples")) {
                let is_known = self.evidence.seen.contains_key(&(job.0.clone(), file.clone()));
                if is_known || vscsi_shared::snapshot::sequence_of(&file).is_none() {
                    continue;
                }
                if let Ok(bytes) = std::fs::read(path) {
                    self.evidence.seen.insert((job.0.clone(), file), fingerprint(&bytes));
                }
            }
        }
    }

    /// From now on nothing of ours may run.
    fn owe(&mut self, reason: &str, grace_ms: u64, with_kept: bool) {
        self.evidence.deadlines.push(Deadline {
            at_ms: monotonic_ms(),
            grace_ms,
            with_kept,
            reason: reason.to_owned(),
        });
    }

    /// Waits until only what is somebody else's or was kept is collected.
    fn wait_until_quiet(&mut self) {
        let (foreign, kept) = (self.foreign.clone(), self.evidence.kept.clone());
        self.wait(QUIET_TIMEOUT, |performance| {
            // The journal has no moment for what ends by itself between two calls.
            let collecting = performance.stage.host.host.collecting().unwrap_or_default();
            let keys = collecting.iter().map(|disk| (disk.world_group_id, disk.handle_id));
            let of_us = keys
                .filter(|disk| !foreign.contains(disk) && !kept.contains(disk))
                .count();
            let nobody_acts = performance.stage.living(Role::Switch).is_empty()
                && performance.stage.living(Role::Collector).is_empty();
            sleep(Duration::from_millis(40));
            of_us == 0 || nobody_acts
        });
    }

    /// The next agent finds everything that was accepted, ended and stopped.
    fn revive(&mut self) -> Result<BTreeMap<String, Value>, String> {
        self.stage.host.host.clear_faults().map_err(|error| error.to_string())?;
        self.note_snapshots();
        // During an upgrade there are two.
        self.stage.kill(Victim::Collector);
        self.stage.kill(Victim::Collector);
        self.wait(END_TIMEOUT, |performance| {
            performance.stage.living(Role::Switch).is_empty()
        });
        self.start_again()?;
        self.wait(REQUEST_TIMEOUT, |performance| performance.asking.is_empty());
        let unsure = self.plan.world.variants.stop_needs_collection;
        let mut jobs = BTreeMap::new();
        self.wait(SETTLE_TIMEOUT, |performance| {
            jobs = performance.views();
            jobs.iter().all(|(name, view)| wrong_view(name, view, unsure).is_none())
        });
        self.terminate()?;
        Ok(jobs)
    }

    fn clean_up(&mut self) -> Result<(), String> {
        self.run_cleanup(&["cleanup", "--all"], true)?;
        if self.plan.world.variants.stop_needs_collection {
            self.stage.end_switches_that_go_on_alone();
        }
        Ok(())
    }

    fn run_cleanup(&mut self, words: &[&str], with_kept: bool) -> Result<(), String> {
        let mut command = self.stage.command(words);
        let output = command
            .stderr(Stdio::piped())
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() && !self.plan.world.variants.stop_needs_collection {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            self.evidence
                .complaints
                .push(format!("{words:?} ended with {}: {said}", output.status));
        }
        // Beside an agent that lives `cleanup` has nothing to do; `--all` ends it.
        if with_kept || self.stage.living(Role::Collector).is_empty() {
            self.owe(&format!("{} has ended;", words.join(" ")), 0, with_kept);
        }
        Ok(())
    }

    fn finish(mut self, files_before: BTreeSet<String>, jobs: BTreeMap<String, Value>) -> Result<Performed, String> {
        self.stage.look();
        let host = &self.stage.host.host;
        let mut evidence = std::mem::take(&mut self.evidence);
        let text = |error: vscsi_fixtures::SimError| error.to_string();
        evidence.end = (monotonic_ms(), host.now_us().map_err(text)?);
        evidence.calls = host.journal().map_err(text)?;
        evidence.lives.clone_from(&self.stage.lives);
        evidence.limited.clone_from(&self.stage.limited);
        evidence.killed_commands.clone_from(&self.stage.killed_commands);
        evidence.idle_foreign = idle_when_looked_at(host, &evidence.calls, &self.foreign).map_err(text)?;
        Ok(Performed {
            evidence,
            files_before,
            jobs,
            storage_failed: self.plan.world.small_volume || self.plan.world.failing_storage,
            stops_are_unsure: self.plan.world.variants.stop_needs_collection,
            stage: self.stage,
        })
    }
}

fn has_ended(view: &Value) -> bool {
    let status = view["job"]["status"].as_str().unwrap_or_default();
    ["completed", "failed", "stopped"].contains(&status)
}
