//! A collector on a simulated host whose clock only the test moves.
#![expect(clippy::unwrap_used, reason = "what supports tests fails as tests do")]

mod effects;
mod results;
mod schedules;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;
use vscsi_agent::action::{Action, Outcome};
use vscsi_agent::boot::BootId;
use vscsi_agent::clock::Clock;
use vscsi_agent::collector::{Collector, Equipment, Views};
use vscsi_agent::command::Programs;
use vscsi_agent::guard::stop_journaled;
use vscsi_agent::host::{DiskKey, Host};
use vscsi_agent::journal::Journal;
use vscsi_agent::log::Log;
use vscsi_agent::spool::DirectorySpool;
use vscsi_fixtures::{ClockMode, Fault, FaultKind, Scenario, SimulatedHost};
use vscsi_shared::identifier::Name;
use vscsi_shared::job::{CollectionMode, HostIdentity, Profile};
use vscsi_shared::wire::v1::{ApiError, CreateJob, DiskSelector, JobOptions, StopJob, VmSelector};

use effects::{InProcess, Killed, SimulatedClock};

pub(crate) struct Harness {
    directory: TempDir,
    pub(crate) host: Arc<SimulatedHost>,
    clock: Arc<SimulatedClock>,
    killed: Arc<Killed>,
    look_takes_ms: Arc<AtomicU64>,
    unlisted: Arc<Mutex<Option<u64>>>,
    collector: Option<Collector>,
    views: Views,
    left_on_request: bool,
    spool_limit_bytes: u64,
    /// The boot as the guard of the agent knows it from its own beginning.
    boot_of_guard: Option<BootId>,
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self::on(|_| ())
    }

    pub(crate) fn with_unwritable_run_directory() -> Self {
        Self::on(|root| {
            let _ = fs::remove_dir_all(root.join("var"));
            fs::write(root.join("var"), "not a directory").unwrap();
        })
    }

    fn on(prepare: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut scenario = Scenario::load("demo").unwrap();
        scenario.clock.mode = ClockMode::Manual;
        let root = directory.path().join("host");
        let host = Arc::new(SimulatedHost::create_without_programs(&scenario, &root).unwrap());
        for program in ["usr/sbin/vscsiStats", "bin/esxcli"] {
            fs::create_dir_all(root.join(program).parent().unwrap()).unwrap();
            fs::write(root.join(program), "played in this process").unwrap();
        }
        prepare(&root);
        fs::create_dir(directory.path().join("state")).unwrap();
        let clock = SimulatedClock {
            beginning_ms: host.now_us().unwrap() / 1000,
            host: Arc::clone(&host),
            booted_ms: AtomicU64::new(0),
            wall_ahead_ms: AtomicI64::new(0),
        };
        let mut harness = Self {
            directory,
            host,
            clock: Arc::new(clock),
            killed: Arc::default(),
            look_takes_ms: Arc::default(),
            unlisted: Arc::default(),
            collector: None,
            views: Views::default(),
            left_on_request: false,
            spool_limit_bytes: 1 << 30,
            boot_of_guard: None,
        };
        harness.start();
        harness
    }

    fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    fn tools(&self) -> Host {
        let runner = InProcess {
            host: Arc::clone(&self.host),
            one_at_a_time: Mutex::new(()),
            killed: Arc::clone(&self.killed),
            look_takes_ms: Arc::clone(&self.look_takes_ms),
            unlisted: Arc::clone(&self.unlisted),
        };
        Host::new(Arc::new(runner), Programs::below(self.host.root()))
    }

    /// The next agent may keep so many bytes of snapshots.
    pub(crate) fn limit_spool(&mut self, bytes: u64) {
        self.spool_limit_bytes = bytes;
    }

    fn start(&mut self) {
        self.views = Views::default();
        let state = self.state();
        let equipment = Equipment {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            host: self.tools(),
            spool: Arc::new(DirectorySpool::open(&state.join("jobs"), self.spool_limit_bytes).unwrap()),
            log: Log::open(&state, false),
            views: self.views.clone(),
            boot: BootId::recognise(&state, self.host.root(), self.clock.as_ref()).unwrap(),
            hostname: "esx01".to_owned(),
            state_directory: state.clone(),
        };
        self.boot_of_guard = BootId::look(&state, self.host.root(), self.clock.as_ref()).ok();
        let journal = Journal::load(&state).unwrap();
        let collector = Collector::start(equipment, journal, std::process::id()).unwrap();
        self.collector = Some(collector);
        self.do_what_is_due();
    }

    fn collector(&mut self) -> &mut Collector {
        self.collector.as_mut().unwrap()
    }

    /// Everything that is due now; gives the next due moment.
    fn do_what_is_due(&mut self) -> Option<u64> {
        loop {
            let wake = self.collector().step();
            if wake.is_none_or(|wake| wake > self.clock.monotonic_ms()) {
                return wake;
            }
        }
    }

    /// Time passes and the agent does what is due, when it is due.
    pub(crate) fn pass(&mut self, milliseconds: u64) {
        let until = self.clock.monotonic_ms() + milliseconds;
        loop {
            let wake = self.do_what_is_due();
            let now = self.clock.monotonic_ms();
            if now >= until {
                return;
            }
            let next = wake.unwrap_or(until).clamp(now + 1, until);
            self.host.advance(Duration::from_millis(next - now)).unwrap();
        }
    }

    /// Time passes in which the agent does not run, as while a host is suspended.
    pub(crate) fn stand_still(&mut self, milliseconds: u64) {
        self.host.advance(Duration::from_millis(milliseconds)).unwrap();
        self.do_what_is_due();
    }

    pub(crate) fn wall(&self) -> Timestamp {
        self.clock.wall()
    }

    pub(crate) fn set_wall_forward(&mut self, seconds: i64) {
        self.clock.wall_ahead_ms.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// The agent dies; its guard stops what the journal says; another agent starts.
    pub(crate) fn crash_and_restart(&mut self) {
        self.crash_and_restart_after(0);
    }

    /// The agent has died; its guard does its work.
    pub(crate) fn guard_stops(&mut self) {
        self.collector = None;
        let boot = self.boot_of_guard.take();
        self.stop_all_in_journal(boot.as_ref(), Journal::to_stop);
    }

    /// As `cleanup --all` does after the agent has ended.
    pub(crate) fn clean_up_all(&mut self) {
        self.collector = None;
        let now_ms = self.clock.monotonic_ms();
        self.stop_all_in_journal(None, |journal| journal.may_run(now_ms));
    }

    fn stop_all_in_journal(&self, boot: Option<&BootId>, disks: impl Fn(&Journal) -> Vec<DiskKey>) {
        let log = Log::open(&self.state(), false);
        stop_journaled(&self.state(), boot, self.clock.as_ref(), disks, &self.tools(), &log).unwrap();
    }

    pub(crate) fn crash_and_restart_after(&mut self, milliseconds: u64) {
        self.guard_stops();
        self.host.advance(Duration::from_millis(milliseconds)).unwrap();
        self.start();
    }

    /// The agent hands over; after `away_ms` its successor starts. The guard gives up after a minute.
    pub(crate) fn hand_over_and_restart(&mut self, away_ms: u64) {
        self.collector().hand_over().unwrap();
        self.collector = None;
        self.host.advance(Duration::from_millis(away_ms)).unwrap();
        if away_ms > 60_000 {
            self.guard_stops();
        }
        self.start();
    }

    /// Agent and guard are killed.
    pub(crate) fn die_with_guard(&mut self) {
        self.collector = None;
    }

    /// Another agent starts.
    pub(crate) fn begin_again(&mut self) {
        self.start();
    }

    /// The monotonic clock.
    pub(crate) fn uptime_ms(&self) -> u64 {
        self.clock.monotonic_ms()
    }

    /// The host is started again: its monotonic clock begins anew, and the wall clock does not.
    pub(crate) fn reboot(&mut self) {
        self.collector = None;
        self.boot_of_guard = None;
        self.host.reboot().unwrap();
        self.clock.booted_ms.store(self.clock.host_ms(), Ordering::SeqCst);
    }

    /// As a boot does where the run directory is in memory.
    pub(crate) fn lose_boot_marker(&self) {
        fs::remove_file(self.host.root().join("var/run/vscsi-agent.boot")).unwrap();
    }

    /// How often vscsiStats was called with `argument`.
    pub(crate) fn calls_with(&self, argument: &str) -> usize {
        let calls = self.host.journal().unwrap();
        let with = |call: &&vscsi_fixtures::Call| call.arguments.iter().any(|word| word == argument);
        calls.iter().filter(with).count()
    }

    /// As on a full volume: the file can be read and not written.
    pub(crate) fn refuse_to_write(&self, file: &str) {
        // The temporary file beside it cannot be opened.
        fs::create_dir(self.state().join(format!("{file}.tmp"))).unwrap();
    }

    pub(crate) fn allow_to_write(&self, file: &str) {
        fs::remove_dir(self.state().join(format!("{file}.tmp"))).unwrap();
    }

    /// The next `times` calls of vscsiStats with `argument` fail and do nothing.
    pub(crate) fn fail(&self, argument: &str, times: u64) {
        let fault = Fault::of_vscsi_stats(FaultKind::Fail).with_arguments(argument);
        self.host.add_fault(fault.times(times)).unwrap();
    }

    /// The `number`-th call of vscsiStats with `argument` from now on, counted from 0, goes wrong in this way.
    pub(crate) fn go_wrong(&self, kind: FaultKind, argument: &str, number: u64) {
        let fault = Fault::of_vscsi_stats(kind).with_arguments(argument);
        self.host.add_fault(fault.after(number).times(1)).unwrap();
    }

    /// Whether the kernel keeps programs that were killed from ending.
    pub(crate) fn killed_programs_linger(&self, linger: bool) {
        self.killed.linger.store(linger, Ordering::SeqCst);
    }

    /// Each look at counters takes so long from now on.
    pub(crate) fn looks_take(&self, milliseconds: u64) {
        self.look_takes_ms.store(milliseconds, Ordering::SeqCst);
    }

    /// Listings lack this disk from now on, or lack none.
    pub(crate) fn unlist(&self, handle: Option<u64>) {
        *self.unlisted.lock().unwrap() = handle;
    }

    /// When vscsiStats was asked for the counters of the disk `handle`, milliseconds.
    pub(crate) fn looks_at(&self, handle: u64) -> Vec<u64> {
        let calls = self.host.journal().unwrap();
        let looks = calls.iter().filter(|call| {
            call.arguments.iter().any(|word| word == "ioLength") && call.arguments.last() == Some(&handle.to_string())
        });
        looks.map(|call| call.clock_us / 1000).collect()
    }

    /// Calls of vscsiStats in their order, each by its first argument.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = self.host.journal().unwrap().into_iter();
        calls.filter_map(|call| call.arguments.into_iter().next()).collect()
    }

    /// How often the log of the agent has `words`.
    pub(crate) fn logged(&self, words: &str) -> usize {
        let log = fs::read_to_string(self.state().join("agent.log")).unwrap();
        log.lines().filter(|line| line.contains(words)).count()
    }

    /// The loop of the agent goes round every 500 ms, whatever is due.
    pub(crate) fn pass_in_rounds(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds / 500 {
            self.stand_still(500);
        }
    }

    /// Time passes and nothing is done.
    pub(crate) fn let_time_pass(&self, milliseconds: u64) {
        self.host.advance(Duration::from_millis(milliseconds)).unwrap();
    }

    /// One thing that is due.
    pub(crate) fn step_once(&mut self) {
        self.collector().step();
    }

    /// The agent is told to end; whether it leaves something to its guard.
    pub(crate) fn end_leaves_collections(&mut self) -> bool {
        self.collector().end_all("told to end");
        self.collector().leaves_collections()
    }

    /// The agent is told to end.
    pub(crate) fn end(&mut self) {
        self.collector().end_all("told to end");
        self.collector = None;
    }

    /// Handles the journal names on disk, where a guard would read them.
    pub(crate) fn journaled(&self) -> BTreeSet<u64> {
        let journal = Journal::load(&self.state()).unwrap();
        journal.armed().keys().map(|disk| disk.handle_id.0).collect()
    }

    pub(crate) fn something_was_left_on_request(&self) -> bool {
        self.left_on_request
    }

    pub(crate) fn move_back(&mut self, vm: &str) {
        if !self.host.disks().unwrap().iter().any(|disk| disk.vm == vm) {
            drop(self.host.migrate_back(vm));
        }
    }

    pub(crate) fn create(&mut self, name: &str, vm: &str, samples: u32, interval_seconds: u32) {
        let action = self.creation(name, vm, samples, interval_seconds);
        let outcome = self.collector().perform(action).unwrap();
        assert!(matches!(outcome, Outcome::Created(_)));
        self.do_what_is_due();
    }

    /// Asks for a job and does nothing more yet.
    pub(crate) fn ask_for(&mut self, name: &str, vm: &str, samples: u32) {
        let action = self.creation(name, vm, samples, 60);
        self.collector().perform(action).unwrap();
    }

    pub(crate) fn create_restarting(&mut self, name: &str, vm: &str, samples: u32) {
        let Action::Create(mut request) = self.creation(name, vm, samples, 60) else {
            return;
        };
        request.options.mode = CollectionMode::Restart;
        self.collector().perform(Action::Create(request)).unwrap();
        self.do_what_is_due();
    }

    /// The refusal of a job.
    pub(crate) fn refusal(&mut self, name: &str, vm: &str, samples: u32) -> ApiError {
        let action = self.creation(name, vm, samples, 60);
        self.collector().perform(action).unwrap_err()
    }

    pub(crate) fn job_directory(&self, name: &str) -> PathBuf {
        self.state().join("jobs").join(name)
    }

    pub(crate) fn try_create(&mut self, name: &str, vm: &str, samples: u32, interval_seconds: u32) {
        let action = self.creation(name, vm, samples, interval_seconds);
        let _ = self.collector().perform(action);
        self.do_what_is_due();
    }

    fn creation(&self, name: &str, vm: &str, samples: u32, interval_seconds: u32) -> Action {
        Action::Create(CreateJob {
            name: Name::new(name).unwrap(),
            host: HostIdentity::default(),
            vm: VmSelector::ConfigFile(format!("/vmfs/volumes/datastore1/{vm}/{vm}.vmx")),
            disks: self.selectors(vm),
            profile: profile(samples, interval_seconds),
            options: JobOptions::default(),
        })
    }

    fn selectors(&self, vm: &str) -> Vec<DiskSelector> {
        let disks = self.host.disks().unwrap().into_iter().filter(|disk| disk.vm == vm);
        let mut selectors: Vec<DiskSelector> = disks
            .map(|disk| DiskSelector {
                handle_id: vscsi_shared::identifier::HandleId(disk.handle_id),
                node: disk.node,
                lun: String::new(),
            })
            .collect();
        if selectors.is_empty() {
            // The VM is away; the request is then refused for that reason.
            selectors.push(DiskSelector {
                handle_id: vscsi_shared::identifier::HandleId(1),
                node: "scsi0:0".to_owned(),
                lun: String::new(),
            });
        }
        selectors
    }

    pub(crate) fn try_stop(&mut self, name: &str, cleanup: bool) {
        self.left_on_request |= !cleanup;
        let _ = self
            .collector()
            .perform(Action::Stop(Name::new(name).unwrap(), StopJob { cleanup }));
        self.do_what_is_due();
    }

    /// The refusal of a stop.
    pub(crate) fn refused_stop(&mut self, name: &str, cleanup: bool) -> ApiError {
        let stop = Action::Stop(Name::new(name).unwrap(), StopJob { cleanup });
        self.collector().perform(stop).unwrap_err()
    }

    /// The agent cannot hand over.
    pub(crate) fn handover_fails(&mut self) {
        self.collector().hand_over().unwrap_err();
    }

    /// The journal on disk says that its agent handed over.
    pub(crate) fn handover_is_journaled(&self) -> bool {
        Journal::load(&self.state()).unwrap().handover().is_some()
    }

    pub(crate) fn try_delete(&mut self, name: &str) {
        let _ = self.collector().perform(Action::Delete(Name::new(name).unwrap()));
    }
}

fn profile(samples: u32, interval_seconds: u32) -> Profile {
    Profile {
        name: "test".to_owned(),
        samples,
        interval_seconds,
    }
}
