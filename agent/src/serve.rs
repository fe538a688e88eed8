//! The agent's life: one instance, its threads, its signals and its end.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use vscsi_shared::wire::ApiRange;

use crate::boot::BootId;
use crate::clock::{Clock, SystemClock};
use crate::collector::{Collector, Equipment, Views};
use crate::command::{GuardLine, ProcessRunner, Program, Programs};
use crate::files::DirectorySync;
use crate::guard::{self, Guard};
use crate::host::Host;
use crate::http::{self, Asked, Context};
use crate::journal::{HANDOVER_MS, Journal};
use crate::lock::lock;
use crate::log::Log;
use crate::options::Options;
use crate::running::RunningAgent;
use crate::spool::DirectorySpool;
use crate::{files, random, sys, wait};

/// Longest sleep of the collector, so that a signal is noticed soon; a flag is all a signal can safely set.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);

/// Stack of the thread that takes requests from `tiny_http`.
const SERVER_STACK_BYTES: usize = 256 * 1024;

/// How long the guard of a dead agent gets to stop its collections: it may first wait in vain for a successor.
const GUARD_TIMEOUT: Duration = Duration::from_millis(HANDOVER_MS).saturating_add(Duration::from_mins(1));

/// How long a detached agent waits for the one before it to end, which its caller has asked to.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);

/// How often it is looked whether the agent before and its guard have ended.
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
pub fn serve(options: &Options, detached: bool) -> Result<(), ServeError> {
    sys::private_files();
    if detached {
        // Fails only when this process leads a session already, which is what is wanted.
        let _ = sys::start_session();
    }
    let state_directory = options.state_directory.as_path();
    files::create_directory(state_directory).map_err(failed("create the state directory"))?;
    let timeout = if detached { LOCK_TIMEOUT } else { Duration::ZERO };
    let _instance = be_the_only_one(options, timeout)
        .map_err(failed("lock the state directory"))?
        .ok_or_else(|| ServeError::AlreadyRunning {
            state_directory: state_directory.display().to_string(),
        })?;
    RunningAgent::forget(options);
    let log = Log::open(state_directory, !detached);
    log.takes_panics();
    if let Ok(DirectorySync::NotSupported(error)) = files::try_sync_directory(state_directory) {
        log.line(&format!(
            "the file system of the state directory has no fsync for directories ({error}): \
             what was written just before a power failure may be lost"
        ));
    }
    let signals = Signals::register().map_err(failed("register signals"))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let boot = BootId::recognise(state_directory, &options.host_root, clock.as_ref())
        .map_err(failed("identify the boot of the host"))?;
    let line = GuardLine::default();
    let host = Host::new(
        Arc::new(ProcessRunner::watched_by(line.clone())),
        Programs::below(&options.host_root),
    );
    let spool = DirectorySpool::open(&state_directory.join("jobs"), options.spool_limit_bytes)
        .map_err(|error| failed("open the spool")(io::Error::other(error)))?;
    let journal = take_journal(state_directory, &boot, clock.as_ref(), &log).map_err(failed("read the journal"))?;
    let mut watch = Watch::begin(options, &line, &log).map_err(failed("start the guard"))?;
    tell(
        &log,
        &host,
        &format!("vscsi-agent {} starts", env!("CARGO_PKG_VERSION")),
    );
    let equipment = Equipment {
        clock: Arc::clone(&clock),
        host: host.clone(),
        spool: Arc::new(spool),
        log: log.clone(),
        views: Views::default(),
        boot,
        hostname: hostname(&host),
        state_directory: state_directory.to_path_buf(),
    };
    let mut collector = Collector::start(equipment.clone(), journal, std::process::id())
        .map_err(failed("take over from the agent before"))?;

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed("listen on the loopback"))?;
    let port = listener.local_addr().map_err(failed("listen on the loopback"))?.port();
    let token = random::hexadecimal(32).map_err(failed("generate a token"))?;
    let (actions, asked) = mpsc::channel();
    let context = Arc::new(Context {
        equipment,
        actions: Mutex::new(actions),
        token: token.clone(),
        last_request_ms: AtomicU64::new(clock.monotonic_ms()),
        esxi_version: esxi_version(&host),
        host_root: options.host_root.clone(),
    });
    let serving = Arc::clone(&context);
    thread::Builder::new()
        .name("gate".to_owned())
        .stack_size(SERVER_STACK_BYTES)
        .spawn(move || {
            if let Err(error) = http::serve(&listener, &serving) {
                serving.equipment.log.line(&format!("the HTTP server stopped: {error}"));
                serving.equipment.views.set_problem("http", Some(error.to_string()));
            }
        })
        .map_err(failed("start the HTTP thread"))?;
    let running = RunningAgent {
        process: std::process::id(),
        port,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: ApiRange::SUPPORTED,
        token,
    };
    let announced = running.announce(options).map_err(failed("write running.json"))?;
    let ending = work(
        &mut collector,
        &asked,
        &signals,
        &context,
        &mut watch,
        options.idle_exit,
    );
    announced.withdraw();
    http::close(&context);
    watch.end(ending);
    tell(&log, &host, "vscsi-agent ends");
    Ok(())
}

/// Takes the lock of the state directory, waiting for a predecessor that is about to end; `None` when one stays.
fn be_the_only_one(options: &Options, timeout: Duration) -> io::Result<Option<File>> {
    // An agent that ends removes what it is found by first, so one that can be found stays.
    let stays = || RunningAgent::load(options).is_some();
    let decided = wait::until(timeout, LOOK_EVERY, || {
        match lock(&options.state_directory, "agent.lock") {
            Ok(None) if !stays() => None,
            decided => Some(decided),
        }
    });
    decided.unwrap_or(Ok(None))
}

/// Says something to the agent's own log and to the host's.
fn tell(log: &Log, host: &Host, message: &str) {
    log.line(message);
    host.tell_syslog(message);
}

/// Reads the journal when nobody else is at work on it.
///
/// After a handover the predecessor's guard waits for us, so it is told first; after a crash it is stopping
/// collections, so it is waited for.
fn take_journal(state_directory: &Path, boot: &BootId, clock: &dyn Clock, log: &Log) -> io::Result<Journal> {
    let mut journal = Journal::load(state_directory)?;
    let handed_over = journal.was_handed_over(&boot.id, clock.monotonic_ms());
    // A guard that cannot be told stops what was handed over and ends.
    if handed_over && let Err(error) = journal.change_owner(std::process::id()) {
        log.line(&format!("cannot write the journal: {error}"));
    }
    let guard = wait::until(GUARD_TIMEOUT, LOOK_EVERY, || {
        lock(state_directory, guard::LOCK).transpose()
    });
    // Released at once: our own guard takes it next.
    drop(guard.ok_or_else(|| io::Error::other("the guard of the agent before is still running"))??);
    // What was set aside at the first reading is not there to be reported at the second.
    if journal.problem().is_some() {
        Ok(journal)
    } else {
        Journal::load(state_directory)
    }
}

/// The guard and what is needed to start another one.
struct Watch<'options> {
    options: &'options Options,
    line: GuardLine,
    log: Log,
    guard: Guard,
}

impl<'options> Watch<'options> {
    fn begin(options: &'options Options, line: &GuardLine, log: &Log) -> io::Result<Self> {
        Ok(Self {
            options,
            line: line.clone(),
            log: log.clone(),
            guard: Guard::start(options, line)?,
        })
    }

    /// Starts another guard when this one has died.
    fn renew(&mut self) {
        if self.guard.is_alive() {
            return;
        }
        self.log.line("the guard died; starting another one");
        match Guard::start(self.options, &self.line) {
            Ok(guard) => self.guard = guard,
            Err(error) => self.log.line(&format!("cannot start the guard: {error}")),
        }
    }

    fn end(self, ending: Ending) {
        match ending {
            Ending::InOrder => self.guard.dismiss(),
            Ending::HandedOver | Ending::Unfinished => self.guard.leave(),
        }
    }
}

/// How the agent ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    InOrder,
    HandedOver,
    /// Something could not be stopped.
    Unfinished,
}

/// The collector's loop: what is due, one thing at a time, then waiting for the next due moment or the next request.
fn work(
    collector: &mut Collector,
    asked: &Receiver<Asked>,
    signals: &Signals,
    context: &Context,
    watch: &mut Watch<'_>,
    idle_exit: Duration,
) -> Ending {
    let clock = context.equipment.clock.as_ref();
    loop {
        if signals.end.load(Ordering::SeqCst) {
            collector.end_all("the agent was told to end; its samples are kept");
            if collector.leaves_collections() {
                context
                    .equipment
                    .log
                    .line("not every collection was stopped: the guard goes on trying");
                return Ending::Unfinished;
            }
            return Ending::InOrder;
        }
        if signals.hand_over.swap(false, Ordering::SeqCst) {
            match collector.hand_over() {
                Ok(()) => return Ending::HandedOver,
                Err(error) => context.equipment.log.line(&format!("cannot hand over: {error}")),
            }
        }
        watch.renew();
        let wake = collector.step();
        let now = clock.monotonic_ms();
        let idle_ms = now.saturating_sub(context.last_request_ms.load(Ordering::SeqCst));
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
            Ok((action, answer)) => {
                // A client that has gone needs no answer.
                let _ = answer.send(collector.perform(action));
            }
            Err(RecvTimeoutError::Timeout) => {}
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
