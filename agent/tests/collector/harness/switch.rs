//! The switch on the simulated host, in this process: its decisions are the real ones, its commands take no time.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use vscsi_agent::clock::Clock;
use vscsi_agent::journal::{Journal, SwitchId};
use vscsi_agent::log::Log;
use vscsi_agent::switch::{Command, Core, Effect, Order, RunId, Said, Switching};
use vscsi_fixtures::Outcome;
use vscsi_shared::vscsistats::parse_listing;

use super::effects::{Killed, SimulatedClock, without_lines_of};

/// Burns at each effect; whoever it belongs to dies when it is spent.
#[derive(Debug, Default)]
pub(crate) struct Fuse(AtomicI64);

impl Fuse {
    /// Dies at the `effects`-th effect from now on, counted from 1.
    pub(crate) fn light(&self, effects: i64) {
        self.0.store(effects, Ordering::SeqCst);
    }

    pub(crate) fn put_out(&self) {
        self.light(0);
    }

    /// It is spent with this effect.
    pub(super) fn burns_down(&self) -> bool {
        self.0.fetch_sub(1, Ordering::SeqCst) == 1
    }
}

/// A switch whose process a test can kill.
pub(crate) struct InProcessSwitch {
    pub(super) clock: Arc<SimulatedClock>,
    pub(super) killed: Arc<Killed>,
    pub(super) unlisted: Arc<Mutex<Option<u64>>>,
    pub(super) state: PathBuf,
    pub(super) collector_fuse: Arc<Fuse>,
    pub(super) fuse: Arc<Fuse>,
    inner: Mutex<Inner>,
}

struct Inner {
    core: Option<Core>,
    said: Vec<Said>,
    lingering: Vec<RunId>,
    released: Option<String>,
    log: Log,
    starts: u32,
    boot: String,
    over: Option<String>,
}

impl InProcessSwitch {
    pub(super) fn new(
        clock: &Arc<SimulatedClock>,
        killed: &Arc<Killed>,
        unlisted: &Arc<Mutex<Option<u64>>>,
        fuses: [&Arc<Fuse>; 2],
        state: PathBuf,
    ) -> Self {
        let [collector_fuse, fuse] = fuses.map(Arc::clone);
        let log = Log::open(&state, false);
        Self {
            clock: Arc::clone(clock),
            killed: Arc::clone(killed),
            unlisted: Arc::clone(unlisted),
            state,
            collector_fuse,
            fuse,
            inner: Mutex::new(Inner {
                core: None,
                said: Vec::new(),
                lingering: Vec::new(),
                released: None,
                log,
                starts: 0,
                boot: String::new(),
                over: None,
            }),
        }
    }

    /// A process that holds the lock now.
    pub(super) fn begin(&self, start: &str, boot: &str, over: Option<&str>) {
        let mut inner = self.inner.lock().unwrap();
        boot.clone_into(&mut inner.boot);
        inner.over = over.map(str::to_owned);
        self.start(&mut inner, start);
    }

    fn start(&self, inner: &mut Inner, start: &str) {
        let now_ms = self.clock.monotonic_ms();
        let (journal, _) = Journal::load(&self.state).unwrap();
        let id = SwitchId {
            process: 1,
            start: start.to_owned(),
        };
        let mut core = Core::new(id, now_ms);
        core.locked(journal, inner.over.as_deref(), now_ms);
        let boot = inner.boot.clone();
        core.hear(Order::Take { boot, over: None }, now_ms);
        inner.core = Some(core);
        self.perform(inner);
    }

    /// The switch is killed; what it has running lives on, and ends.
    pub(super) fn kill(&self) {
        let mut inner = self.inner.lock().unwrap();
        Self::die(&mut inner);
    }

    fn die(inner: &mut Inner) {
        if inner.core.take().is_some() {
            inner.said.clear();
            inner.said.push(Said::Lost("it was killed".to_owned()));
        }
    }

    pub(super) fn collector_gone(&self) {
        let mut inner = self.inner.lock().unwrap();
        let now_ms = self.clock.monotonic_ms();
        if let Some(core) = &mut inner.core {
            core.collector_gone(now_ms);
        }
        self.perform(&mut inner);
    }

    pub(super) fn release_kept(&self) {
        let mut inner = self.inner.lock().unwrap();
        let now_ms = self.clock.monotonic_ms();
        if let Some(core) = &mut inner.core {
            core.release_kept(now_ms);
        }
        self.perform(&mut inner);
    }

    /// Time has passed; when more of it makes something due.
    pub(super) fn go_on(&self) -> Option<u64> {
        let mut inner = self.inner.lock().unwrap();
        self.tick(&mut inner);
        let now_ms = self.clock.monotonic_ms();
        inner.core.as_ref().and_then(|core| core.wake_ms(now_ms))
    }

    /// It runs, and has something to stop.
    pub(super) fn has_work(&self) -> bool {
        let inner = self.inner.lock().unwrap();
        inner.core.as_ref().is_some_and(|core| !core.to_stop().is_empty())
    }

    /// The start of the switch for which it has released the lock.
    pub(super) fn released(&self) -> Option<String> {
        self.inner.lock().unwrap().released.clone()
    }

    pub(super) fn passed(&self) {
        let mut inner = self.inner.lock().unwrap();
        if let Some(core) = &mut inner.core {
            core.passed();
        }
        self.perform(&mut inner);
    }

    pub(super) fn took_back(&self) {
        let mut inner = self.inner.lock().unwrap();
        inner.released = None;
        let now_ms = self.clock.monotonic_ms();
        if let Some(core) = &mut inner.core {
            core.took_back("the successor died".to_owned(), now_ms);
        }
        self.perform(&mut inner);
    }

    fn tick(&self, inner: &mut Inner) {
        let now_ms = self.clock.monotonic_ms();
        let ended = if self.killed.linger.load(Ordering::SeqCst) {
            Vec::new()
        } else {
            std::mem::take(&mut inner.lingering)
        };
        if let Some(core) = &mut inner.core {
            for run in ended {
                core.ended(run, Err("killed".to_owned()), now_ms);
            }
            core.tick(now_ms);
        }
        self.perform(inner);
    }

    fn perform(&self, inner: &mut Inner) {
        while let Some(core) = &mut inner.core {
            let effects = core.take_effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                if matches!(effect, Effect::Run(..) | Effect::Write(_)) && self.fuse.burns_down() {
                    return Self::die(inner);
                }
                self.carry_out(inner, effect);
            }
        }
    }

    fn carry_out(&self, inner: &mut Inner, effect: Effect) {
        match effect {
            Effect::Run(run, command) => {
                let words = words(command);
                let outcome = self.clock.host.call("vscsiStats", &words).unwrap();
                if self.fuse.burns_down() {
                    // It was done, and nobody is there to know.
                    return Self::die(inner);
                }
                let now_ms = self.clock.monotonic_ms();
                let Some(core) = &mut inner.core else { return };
                match (outcome, command) {
                    (Outcome::Ended(output), Command::List) if output.exit_code != 0 => core.listed(run, None, now_ms),
                    (Outcome::Ended(output), Command::List) => {
                        let output = match *self.unlisted.lock().unwrap() {
                            Some(handle) => without_lines_of(handle, &output.stdout),
                            None => output.stdout,
                        };
                        core.listed(run, Some(&parse_listing(&output)), now_ms);
                    }
                    (Outcome::Ended(output), _) if output.exit_code == 0 => core.ended(run, Ok(()), now_ms),
                    (Outcome::Ended(_), _) => core.ended(run, Err("it failed".to_owned()), now_ms),
                    (Outcome::Hangs, Command::List) => core.listed(run, None, now_ms),
                    (Outcome::Hangs, _) => {
                        core.overdue(run, "it hung and was killed".to_owned(), now_ms);
                        inner.lingering.push(run);
                    }
                }
            }
            Effect::Write(journal) => {
                let written = journal.save(&self.state).map_err(|error| error.to_string());
                if self.fuse.burns_down() {
                    return Self::die(inner);
                }
                let now_ms = self.clock.monotonic_ms();
                if let Some(core) = &mut inner.core {
                    core.written(written, now_ms);
                }
            }
            Effect::Release(to) => inner.released = Some(to),
            Effect::Say(report) => inner.said.push(Said::Report(report)),
            Effect::Log(message) | Effect::Tell(message) => inner.log.line(&message),
            Effect::Exit => inner.core = None,
            Effect::Kill(_) | Effect::KillGroup(_) => {}
        }
    }
}

fn words(command: Command) -> Vec<String> {
    let (how, disk) = match command {
        Command::Start(disk) => ("-s", disk),
        Command::Stop(disk) => ("-x", disk),
        Command::List => return vec!["-l".to_owned()],
    };
    let (group, handle) = (disk.world_group_id.to_string(), disk.handle_id.to_string());
    [how, "-w", &group, "-i", &handle].map(str::to_owned).to_vec()
}

impl Switching for InProcessSwitch {
    fn say(&self, order: Order) {
        super::burn(&self.collector_fuse);
        let mut inner = self.inner.lock().unwrap();
        let now_ms = self.clock.monotonic_ms();
        if let Some(core) = &mut inner.core {
            core.hear(order, now_ms);
        }
        self.perform(&mut inner);
    }

    fn hear(&self) -> Vec<Said> {
        let mut inner = self.inner.lock().unwrap();
        self.tick(&mut inner);
        let said = std::mem::take(&mut inner.said);
        let lost = said.iter().any(|said| matches!(said, Said::Lost(_)));
        if inner.core.is_none() && lost {
            // Another one takes its place.
            inner.starts += 1;
            let start = format!("again{}", inner.starts);
            self.start(&mut inner, &start);
        }
        said
    }

    fn wait(&self, timeout: Duration) {
        self.clock.host.advance(timeout).unwrap();
    }

    fn beat(&self) {
        let mut inner = self.inner.lock().unwrap();
        let now_ms = self.clock.monotonic_ms();
        if let Some(core) = &mut inner.core {
            core.hear(Order::Alive, now_ms);
        }
        self.perform(&mut inner);
    }
}
