//! A collector on a simulated host whose clock only the test moves.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what supports tests fails as tests do")]

mod effects;
mod host;
mod results;
mod schedules;
mod switch;

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
use vscsi_agent::collector::{Collector, Equipment, Performed, Views};
use vscsi_agent::command::Programs;
use vscsi_agent::host::Host;
use vscsi_agent::journal::Journal;
use vscsi_agent::log::Log;
use vscsi_agent::spool::DirectorySpool;
use vscsi_agent::switch::Switching;
use vscsi_fixtures::{ClockMode, Scenario, SimulatedHost};
use vscsi_shared::identifier::Name;
use vscsi_shared::job::{CollectionMode, HostIdentity, Profile};
use vscsi_shared::wire::v1::{ApiError, CreateJob, DiskSelector, JobOptions, StopJob, VmSelector};

use effects::{InProcess, Killed, SimulatedClock};
use switch::{Fuse, InProcessSwitch};

/// How long a switch without a collector is watched, milliseconds.
const ALONE_MS: u64 = 10_000;

/// What a process that is killed leaves its stack with.
struct BurntDown;

fn burn(fuse: &Fuse) {
    if fuse.burns_down() {
        std::panic::panic_any(BurntDown);
    }
}

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
    switch: Arc<InProcessSwitch>,
    /// What the collector does burns the first, what the switch does the second.
    pub(crate) fuses: [Arc<Fuse>; 2],
    handovers: u32,
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self::on(|_| (), |_| ())
    }

    /// On a host of another kind.
    pub(crate) fn in_a_world(choose: impl FnOnce(&mut Scenario)) -> Self {
        Self::on(|_| (), choose)
    }

    pub(crate) fn with_unwritable_run_directory() -> Self {
        Self::on(
            |root| {
                let _ = fs::remove_dir_all(root.join("var"));
                fs::write(root.join("var"), "not a directory").unwrap();
            },
            |_| (),
        )
    }

    fn on(prepare: impl FnOnce(&Path), choose: impl FnOnce(&mut Scenario)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut scenario = Scenario::load("demo").unwrap();
        scenario.clock.mode = ClockMode::Manual;
        choose(&mut scenario);
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
        let clock = Arc::new(clock);
        let (killed, unlisted) = (Arc::default(), Arc::default());
        let fuses: [Arc<Fuse>; 2] = [Arc::default(), Arc::default()];
        let switch = InProcessSwitch::new(
            &clock,
            &killed,
            &unlisted,
            [&fuses[0], &fuses[1]],
            directory.path().join("state"),
        );
        let mut harness = Self {
            directory,
            host,
            clock,
            killed,
            look_takes_ms: Arc::default(),
            unlisted,
            switch: Arc::new(switch),
            fuses,
            handovers: 0,
            collector: None,
            views: Views::default(),
            left_on_request: false,
            spool_limit_bytes: 1 << 30,
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
            fuse: Arc::clone(&self.fuses[0]),
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
        self.start_as("first", false);
    }

    /// An agent starts; its switch is `start`, and holds the lock already where it was handed over to.
    fn start_as(&mut self, start: &str, has_lock: bool) {
        self.views = Views::default();
        let state = self.state();
        let boot = BootId::recognise(&state, self.host.root(), self.clock.as_ref()).unwrap();
        if !has_lock {
            self.switch = Arc::new(self.another_switch());
            self.switch.begin(start, &boot.id, boot.over());
        }
        let equipment = Equipment {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            host: self.tools(),
            switch: Arc::clone(&self.switch) as Arc<dyn Switching>,
            spool: Arc::new(DirectorySpool::open(&state.join("jobs"), self.spool_limit_bytes).unwrap()),
            log: Log::open(&state, false),
            views: self.views.clone(),
            boot,
            hostname: "esx01".to_owned(),
            state_directory: state,
        };
        self.collector = Some(Collector::start(equipment).unwrap());
        self.do_what_is_due();
    }

    fn another_switch(&self) -> InProcessSwitch {
        InProcessSwitch::new(
            &self.clock,
            &self.killed,
            &self.unlisted,
            [&self.fuses[0], &self.fuses[1]],
            self.state(),
        )
    }

    /// Does something to the agent, which may be killed at it.
    pub(crate) fn unless_killed(&mut self, act: impl FnOnce(&mut Self)) {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| act(self)));
        for fuse in &self.fuses {
            fuse.put_out();
        }
        if let Err(panic) = outcome {
            if panic.downcast_ref::<BurntDown>().is_none() {
                std::panic::resume_unwind(panic);
            }
            self.guard_stops();
            self.start();
        }
        self.do_what_is_due();
    }

    fn collector(&mut self) -> &mut Collector {
        self.collector.as_mut().unwrap()
    }

    /// Everything that is due now; gives the next due moment.
    fn do_what_is_due(&mut self) -> Option<u64> {
        loop {
            let switch = self.switch.go_on();
            let wake = self.collector().step();
            let wake = [wake, switch].into_iter().flatten().min();
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

    /// The agent has died; its switch stops everything.
    pub(crate) fn guard_stops(&mut self) {
        self.collector = None;
        self.switch.collector_gone();
        self.let_switch_work();
    }

    fn let_switch_work(&self) {
        self.watch_switch(ALONE_MS);
    }

    /// Time passes until a switch without a collector has done its work.
    pub(crate) fn watch_switch(&self, milliseconds: u64) {
        let until = self.clock.monotonic_ms() + milliseconds;
        while self.switch.has_work() && self.clock.monotonic_ms() < until {
            let now = self.clock.monotonic_ms();
            let wake = self.switch.go_on().unwrap_or(until).clamp(now + 1, until);
            self.host.advance(Duration::from_millis(wake - now)).unwrap();
            self.switch.go_on();
        }
    }

    /// As `cleanup --all` does after the agent has ended.
    pub(crate) fn clean_up_all(&mut self) {
        self.guard_stops();
        let boot = BootId::look(&self.state(), self.host.root(), self.clock.as_ref()).unwrap();
        self.switch = Arc::new(self.another_switch());
        self.switch.begin("cleanup", &boot.id, boot.over());
        self.switch.release_kept();
        self.switch.collector_gone();
        self.let_switch_work();
    }

    pub(crate) fn crash_and_restart_after(&mut self, milliseconds: u64) {
        self.guard_stops();
        self.host.advance(Duration::from_millis(milliseconds)).unwrap();
        self.start();
    }

    /// Everything is passed on to another agent.
    pub(crate) fn hand_over_and_restart(&mut self) {
        let start = self.offer_to_successor();
        let successor = self.another_switch();
        let boot = BootId::look(&self.state(), self.host.root(), self.clock.as_ref()).unwrap();
        successor.begin(&start, &boot.id, boot.over());
        self.switch.passed();
        self.collector().step();
        assert!(self.collector().has_passed());
        self.collector().save_for_successor();
        self.collector = None;
        self.switch = Arc::new(successor);
        self.start_as(&start, true);
    }

    /// A successor is there, and dies before it has taken the lock.
    pub(crate) fn successor_dies(&mut self) {
        self.offer_to_successor();
        self.switch.took_back();
        self.do_what_is_due();
    }

    /// The agent dies when its switch has released the lock, and the successor dies as well.
    pub(crate) fn both_agents_die_in_a_handover(&mut self) {
        self.offer_to_successor();
        self.collector = None;
        self.switch.collector_gone();
        self.switch.took_back();
        self.let_switch_work();
    }

    fn offer_to_successor(&mut self) -> String {
        self.handovers += 1;
        let start = format!("successor{}", self.handovers);
        while !self.collector().pass_on(&start) {
            self.pass(1000);
        }
        self.collector().step();
        assert_eq!(self.switch.released(), Some(start.clone()));
        start
    }

    /// Only the switch is killed.
    pub(crate) fn kill_switch(&mut self) {
        self.switch.kill();
        self.do_what_is_due();
    }

    /// Agent and switch are killed.
    pub(crate) fn die_with_guard(&mut self) {
        self.collector = None;
        self.switch.kill();
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
        self.switch.kill();
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

    /// The agent is told to end.
    pub(crate) fn end(&mut self) {
        self.collector().end_all("told to end");
        self.switch.say(vscsi_agent::switch::Order::End);
        self.let_switch_work();
        self.collector = None;
    }

    /// Handles the journal names on disk, where a guard would read them.
    pub(crate) fn journaled(&self) -> BTreeSet<u64> {
        let (journal, _) = Journal::load(&self.state()).unwrap();
        journal.armed.iter().map(|armed| armed.disk.handle_id.0).collect()
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
        let outcome = self.perform(action).unwrap();
        assert!(matches!(outcome, Outcome::Created(_)));
        self.do_what_is_due();
    }

    /// What comes of an action.
    fn perform(&mut self, action: Action) -> Result<Outcome, ApiError> {
        match self.collector().perform(action) {
            Performed::Done(outcome) => *outcome,
            Performed::Waits(ticket) => loop {
                if let Some(outcome) = self.collector().answer(&ticket) {
                    return outcome;
                }
                self.pass(500);
            },
        }
    }

    /// Asks for a job and does nothing more yet.
    pub(crate) fn ask_for(&mut self, name: &str, vm: &str, samples: u32) {
        let action = self.creation(name, vm, samples, 60);
        drop(self.collector().perform(action));
    }

    pub(crate) fn create_restarting(&mut self, name: &str, vm: &str, samples: u32) {
        let Action::Create(mut request) = self.creation(name, vm, samples, 60) else {
            return;
        };
        request.options.mode = CollectionMode::Restart;
        self.perform(Action::Create(request)).unwrap();
        self.do_what_is_due();
    }

    /// The refusal of a job.
    pub(crate) fn refusal(&mut self, name: &str, vm: &str, samples: u32) -> ApiError {
        let action = self.creation(name, vm, samples, 60);
        self.perform(action).unwrap_err()
    }

    pub(crate) fn job_directory(&self, name: &str) -> PathBuf {
        self.state().join("jobs").join(name)
    }

    pub(crate) fn try_create(&mut self, name: &str, vm: &str, samples: u32, interval_seconds: u32) {
        let action = self.creation(name, vm, samples, interval_seconds);
        let _ = self.perform(action);
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
        let _ = self.perform(Action::Stop(Name::new(name).unwrap(), StopJob { cleanup }));
        self.do_what_is_due();
    }

    /// The refusal of a stop.
    pub(crate) fn refused_stop(&mut self, name: &str, cleanup: bool) -> ApiError {
        let stop = Action::Stop(Name::new(name).unwrap(), StopJob { cleanup });
        self.perform(stop).unwrap_err()
    }

    /// The agent cannot hand over.
    pub(crate) fn handover_fails(&mut self) {
        self.collector().pass_on("successor");
        self.do_what_is_due();
        assert_eq!(self.switch.released(), None);
        assert!(!self.collector().has_passed());
    }

    /// The journal on disk says that its agent handed over.
    pub(crate) fn handover_is_journaled(&self) -> bool {
        Journal::peek(&self.state()).unwrap().handover.is_some()
    }

    pub(crate) fn try_delete(&mut self, name: &str) {
        let _ = self.perform(Action::Delete(Name::new(name).unwrap()));
    }
}

fn profile(samples: u32, interval_seconds: u32) -> Profile {
    Profile {
        name: "test".to_owned(),
        samples,
        interval_seconds,
    }
}
