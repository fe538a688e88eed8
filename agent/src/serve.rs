//! The agent's life: one instance, its threads, its signals and its end.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use vscsi_shared::wire::ApiRange;

use crate::action::{Outcome, Refusal};
use crate::boot::BootId;
use crate::clock::{Clock, SystemClock};
use crate::collector::{Collector, Equipment, Performed, Ticket, Views};
use crate::command::{ProcessRunner, Program, Programs};
use crate::fault::fault_point;
use crate::files::DirectorySync;
use crate::host::Host;
use crate::http::{self, Asked, Context};
use crate::journal::Journal;
use crate::lock::lock;
use crate::log::Log;
use crate::options::Options;
use crate::running::{RunningAgent, this_program};
use crate::spool::DirectorySpool;
use crate::switch::{Link, Order, Successor, Switching, draw_start, stop_what_is_left};
use crate::{files, random, sys, threads, wait};

/// Longest sleep of the collector, so that a signal is noticed soon; a flag is all a signal can safely set.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);

/// How long a detached agent waits for the one before it to end, which its caller has asked to.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);

/// How long the agent before gets to pass everything on and end.
const HANDOVER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the switch gets to stop everything at the end: a command and its deadline.
const END_TIMEOUT: Duration = Duration::from_secs(12);

/// How long reading the spool may take before the switch takes this process for one that hangs.
const READING_TIMEOUT: Duration = Duration::from_mins(5);

/// How often it is looked whether the agent before has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The agent could not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another one does.
    #[error("another agent runs on {state_directory}: reach it with `vscsi-agent connect`")]
    AlreadyRunning {
        /// Its state directory.
        state_directory: String,
    },
    /// The one that runs did not pass its jobs on.
    #[error("the agent on {state_directory} did not hand over and goes on; its log says why")]
    NotHandedOver {
        /// Its state directory.
        state_directory: String,
    },
    /// Something it needs from the system.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
}

fn failed(what: &'static str) -> impl FnOnce(io::Error) -> ServeError {
    move |source| ServeError::Io { what, source }
}

/// What the signals ask for.
#[derive(Debug, Clone, Default)]
struct Signals {
    end: Arc<AtomicBool>,
    hand_over: Arc<AtomicBool>,
}

impl Signals {
    fn register() -> io::Result<Self> {
        let signals = Self::default();
        signal_hook::flag::register(SIGTERM, Arc::clone(&signals.end))?;
        signal_hook::flag::register(SIGINT, Arc::clone(&signals.end))?;
        signal_hook::flag::register(SIGHUP, Arc::clone(&signals.hand_over))?;
        Ok(signals)
    }
}

/// Runs the agent until it is told to end or has nothing to do.
///
/// # Errors
/// [`ServeError`] when it cannot begin; once it runs, problems are logged, reported and survived.
pub fn serve(options: &Options, detached: bool, take_over: bool) -> Result<(), ServeError> {
    sys::private_files();
    if detached {
        // Fails only when this process leads a session already, which is what is wanted.
        let _ = sys::start_session();
    }
    // First: an agent that is told to end while it starts ends in order as well, with what the one before it has left.
    let signals = Signals::register().map_err(failed("register signals"))?;
    let state_directory = options.state_directory.as_path();
    files::create_directory(state_directory).map_err(failed("create the state directory"))?;
    let log = Log::open(state_directory, !detached);
    log.takes_panics();
    if let Ok(DirectorySync::NotSupported(error)) = files::try_sync_directory(state_directory) {
        log.line(&format!(
            "the file system of the state directory has no fsync for directories ({error}): \
             what was written just before a power failure may be lost"
        ));
    }
    let (actions, asked) = mpsc::channel();
    let connect_switch = |start: Option<&str>| {
        let wake = actions.clone();
        // Nobody is there to be woken at the end of the process.
        let wake = Arc::new(move || drop(wake.send(Asked::Report)));
        Link::new(options, &log, wake, start)
    };
    let (_instance, link) = be_the_only_one(options, detached, take_over, connect_switch)?;
    RunningAgent::forget(options);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let boot = BootId::recognise(state_directory, &options.host_root, clock.as_ref())
        .map_err(failed("identify the boot of the host"))?;
    link.take(Order::Take {
        boot: boot.id.clone(),
        over: boot.over().map(str::to_owned),
    });
    let told = link.clone();
    let host = Host::new(
        Arc::new(ProcessRunner::watched_by(Arc::new(move |child| told.note(child)))),
        Programs::below(&options.host_root),
    );
    let spool = DirectorySpool::open(&state_directory.join("jobs"), options.spool_limit_bytes)
        .map_err(|error| failed("open the spool")(io::Error::other(error)))?;
    tell(
        &log,
        &host,
        &format!("vscsi-agent {} starts", env!("CARGO_PKG_VERSION")),
    );
    let equipment = Equipment {
        clock: Arc::clone(&clock),
        host: host.clone(),
        switch: Arc::new(link.clone()),
        spool: Arc::new(spool),
        log: log.clone(),
        views: Views::default(),
        boot,
        hostname: hostname(&host),
        state_directory: state_directory.to_path_buf(),
    };
    let reading = keep_alive(&link).map_err(failed("start a thread"))?;
    let mut collector = Collector::start(equipment.clone()).map_err(failed("take over from the agent before"))?;
    drop(reading);

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed("listen on the loopback"))?;
    let port = listener.local_addr().map_err(failed("listen on the loopback"))?.port();
    let token = random::hexadecimal(32).map_err(failed("generate a token"))?;
    let context = Arc::new(Context {
        equipment,
        actions: Mutex::new(actions),
        token: token.clone(),
        last_request_ms: AtomicU64::new(clock.monotonic_ms()),
        esxi_version: esxi_version(&host),
        host_root: options.host_root.clone(),
        inventory: Mutex::default(),
    });
    http::serve(listener, Arc::clone(&context)).map_err(failed("start the HTTP thread"))?;
    let running = RunningAgent {
        process: std::process::id(),
        port,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: ApiRange::SUPPORTED,
        token,
        program: this_program(),
    };
    let announced = running.announce(options).map_err(failed("write running.json"))?;
    let ending = work(&mut collector, &asked, &signals, &context, options);
    if ending == Ending::InOrder && !stop_everything(&mut collector, &link, options) {
        log.line("not every collection was stopped: the switch goes on trying");
    }
    announced.withdraw();
    tell(&log, &host, "vscsi-agent ends");
    Ok(())
}

/// Takes the lock of the state directory, and starts the switch. With `take_over` a running agent is asked to pass its
/// jobs on first; otherwise only one that is about to end is waited for.
fn be_the_only_one(
    options: &Options,
    detached: bool,
    take_over: bool,
    connect_switch: impl Fn(Option<&str>) -> Link,
) -> Result<(File, Link), ServeError> {
    let state_directory = options.state_directory.as_path();
    let try_lock = || lock(state_directory, "agent.lock");
    let refused = failed("lock the state directory");
    // An agent that ends removes what it is found by first, so one that can be found stays.
    let running = || RunningAgent::load(options);
    if take_over && let Some(before) = running() {
        let start = draw_start().map_err(failed("generate a name for the switch"))?;
        let link = connect_switch(Some(&start));
        let successor = Successor {
            process: std::process::id(),
            start,
        };
        successor
            .save(state_directory)
            .map_err(failed("write successor.json"))?;
        fault_point("take-over-before-signal");
        sys::signal_process(before.process, SIGHUP).map_err(failed("signal the agent before"))?;
        fault_point("take-over-after-signal");
        let instance = wait::until(HANDOVER_TIMEOUT, LOOK_EVERY, || {
            link.beat();
            try_lock().transpose()
        });
        fault_point("take-over-after-lock");
        successor.remove(state_directory);
        return match instance.transpose().map_err(refused)? {
            Some(instance) => Ok((instance, link)),
            None => Err(ServeError::NotHandedOver {
                state_directory: state_directory.display().to_string(),
            }),
        };
    }
    let timeout = if detached { LOCK_TIMEOUT } else { Duration::ZERO };
    let decided = wait::until(timeout, LOOK_EVERY, || match try_lock() {
        Ok(None) if running().is_none() => None,
        decided => Some(decided),
    });
    match decided.unwrap_or(Ok(None)).map_err(refused)? {
        Some(instance) => Ok((instance, connect_switch(None))),
        None => Err(ServeError::AlreadyRunning {
            state_directory: state_directory.display().to_string(),
        }),
    }
}

/// Says that this process is alive while it reads the spool, which is one long step; until the result is dropped, and
/// not for ever.
fn keep_alive(link: &Link) -> io::Result<impl Drop> {
    struct Reading(Arc<AtomicBool>);
    impl Drop for Reading {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let done = Arc::new(AtomicBool::new(false));
    let (link, over) = (link.clone(), Arc::clone(&done));
    threads::start("reading", move || {
        wait::until(READING_TIMEOUT, LONGEST_SLEEP, || {
            link.beat();
            over.load(Ordering::SeqCst).then_some(())
        });
    })?;
    Ok(Reading(done))
}

/// Has the switch stop everything and end; `false` when it could not in time, and goes on by itself.
///
/// One that has just died, or that never had the lock, stops nothing: then this process does it, from the journal.
fn stop_everything(collector: &mut Collector, link: &Link, options: &Options) -> bool {
    link.say(Order::End);
    let ended = wait::until(END_TIMEOUT, LOOK_EVERY, || {
        collector.attend();
        link.has_ended().then_some(())
    });
    if collector.has_passed() {
        // The successor, which waits for this process to go, stops what no job needs.
        return true;
    }
    let is_left = |journal: Journal| journal.armed.iter().any(|armed| !armed.kept);
    if ended.is_none() || !Journal::peek(&options.state_directory).is_some_and(is_left) {
        return ended.is_some();
    }
    let boot = BootId::look(&options.state_directory, &options.host_root, &SystemClock).ok();
    let stopped = stop_what_is_left(options, boot.as_ref(), false, END_TIMEOUT);
    collector.attend();
    matches!(stopped, Ok(Some(stopped)) if stopped.left.is_empty())
}

/// Says something to the agent's own log and to the host's.
fn tell(log: &Log, host: &Host, message: &str) {
    log.line(message);
    host.tell_syslog(message);
}

/// How the agent ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    InOrder,
    HandedOver,
}

/// The collector's loop: what is due, one thing at a time, then waiting for the next due moment, the next request or the
/// switch.
fn work(
    collector: &mut Collector,
    asked: &Receiver<Asked>,
    signals: &Signals,
    context: &Context,
    options: &Options,
) -> Ending {
    let clock = context.equipment.clock.as_ref();
    let mut waiting: Vec<(Ticket, Sender<Result<Outcome, Refusal>>)> = Vec::new();
    let mut successor: Option<String> = None;
    let mut is_asked = true;
    loop {
        if signals.end.load(Ordering::SeqCst) {
            collector.end_all("the agent was told to end; its samples are kept");
            return Ending::InOrder;
        }
        if signals.hand_over.swap(false, Ordering::SeqCst) {
            match Successor::load(&options.state_directory).filter(Successor::lives) {
                Some(found) => {
                    successor = Some(found.start);
                    is_asked = false;
                }
                None => context
                    .equipment
                    .log
                    .line("SIGHUP, but no successor waits: nothing is done"),
            }
        }
        // A switch that is just being replaced is asked as soon as the next one is ready.
        if let Some(start) = &successor
            && !is_asked
        {
            is_asked = collector.pass_on(start);
        }
        let wake = collector.step();
        waiting.retain(|(ticket, answer)| match collector.answer(ticket) {
            Some(done) => {
                // A client that has gone needs no answer.
                let _ = answer.send(done);
                false
            }
            None => true,
        });
        if collector.has_passed() {
            collector.save_for_successor();
            return Ending::HandedOver;
        }
        let now = clock.monotonic_ms();
        let idle_ms = now.saturating_sub(context.last_request_ms.load(Ordering::SeqCst));
        let idle_exit = options.idle_exit;
        if !idle_exit.is_zero() && !collector.is_busy() && u128::from(idle_ms) >= idle_exit.as_millis() {
            context
                .equipment
                .log
                .line("no job, schedule or request for a while: exiting");
            return Ending::InOrder;
        }
        let sleep = wake.map_or(LONGEST_SLEEP, |wake| {
            Duration::from_millis(wake.saturating_sub(now)).min(LONGEST_SLEEP)
        });
        match asked.recv_timeout(sleep) {
            Ok(Asked::Action(action, answer)) => match collector.perform(*action) {
                Performed::Done(done) => drop(answer.send(*done)),
                Performed::Waits(ticket) => waiting.push((ticket, answer)),
            },
            Ok(Asked::Report) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => thread::sleep(sleep),
        }
    }
}

fn esxi_version(host: &Host) -> String {
    let output = host.run_well(Program::Vmware, &["-v"]).unwrap_or_default();
    let text = String::from_utf8_lossy(&output);
    text.lines()
        .next()
        .unwrap_or_default()
        .trim()
        .chars()
        .take(200)
        .collect()
}

/// The host's full name by its own tools; the kernel's name where those are missing.
fn hostname(host: &Host) -> String {
    let output = host
        .run_well(Program::Esxcli, &["system", "hostname", "get"])
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&output);
    let full = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == "Fully Qualified Domain Name")
        .map(|(_, value)| value.trim().to_owned());
    full.filter(|name| !name.is_empty()).unwrap_or_else(sys::hostname)
}
