//! The collector's end of the pipe: starts the switch, speaks to it, hears it, and replaces it when it dies or freezes.
//!
//! Nothing here waits for the switch: a thread writes, a thread reads, and between them and the collector are queues.

use std::fmt;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{self, Stdio};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::draw_start;
use super::run::{for_each_line, speak};
use super::words::{Order, Report};
use crate::command::{Child, kill_group};
use crate::fault::spare;
use crate::log::Log;
use crate::options::Options;
use crate::threads;

/// A switch that has said nothing for so long is given up.
const SILENT_AT_MOST: Duration = Duration::from_secs(10);

/// What may pass between two looks while this process runs: more was a suspended host, or a long command.
const LONGEST_STEP: Duration = Duration::from_secs(2);

/// How often the heartbeat goes out.
const ALIVE_EVERY: Duration = Duration::from_secs(1);

/// Longest rest before a switch is started again.
const LONGEST_REST: Duration = Duration::from_mins(1);

/// A switch that has lived for so long is no failure when it dies.
const LIVED: Duration = Duration::from_mins(1);

/// How long a killed switch gets to end.
const REAP_TIMEOUT: Duration = Duration::from_millis(200);

/// Wakes the collector.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// What the collector hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The switch says so.
    Report(Report),
    /// There is no switch any more, for this reason; another one will say that it is ready.
    Lost(String),
}

/// The switch as the collector knows it. Nothing here blocks but [`Self::wait`].
pub trait Switching: Send + Sync {
    /// Asks for something. Where no switch is, words go nowhere.
    fn say(&self, order: Order);
    /// What was said since.
    fn hear(&self) -> Vec<Said>;
    /// Waits until something may have been said, or `timeout` is over.
    fn wait(&self, timeout: Duration);
    /// Says that the collector is alive; not more often than once a second, however often it is called.
    fn beat(&self);
}

/// A switch in a process of its own.
#[derive(Clone)]
pub struct Link {
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    log: Log,
    wake: Wake,
    /// The lines of the switch, each with the number of the process it comes from.
    inbox: Mutex<Receiver<(u64, Option<Report>)>>,
    lines: Sender<(u64, Option<Report>)>,
    inner: Mutex<Inner>,
}

struct Inner {
    running: Option<Running>,
    /// Counts the processes.
    number: u64,
    /// Said to each new one.
    take: Option<Order>,
    own_children: Vec<u32>,
    failures: u32,
    start_at: Instant,
    /// Heard while somebody waited.
    heard: Vec<(u64, Option<Report>)>,
    /// Said once more when it is next asked.
    lost: Option<String>,
    /// It was asked to end, or has passed everything on: no other one is wanted.
    finished: bool,
    /// Killed and not seen to end.
    dying: Vec<process::Child>,
}

struct Running {
    process: process::Child,
    mouth: SyncSender<String>,
    born: Instant,
    looked: Instant,
    silent: Duration,
    beaten: Option<Instant>,
    its_children: Vec<u32>,
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Link").finish_non_exhaustive()
    }
}

impl Link {
    /// Starts a switch; `start` is the name it is to have. It takes no lock before [`Self::take`].
    pub fn new(options: &Options, log: &Log, wake: Wake, start: Option<&str>) -> Self {
        let (lines, inbox) = mpsc::channel();
        let link = Self {
            shared: Arc::new(Shared {
                options: options.clone(),
                log: log.clone(),
                wake,
                inbox: Mutex::new(inbox),
                lines,
                inner: Mutex::new(Inner {
                    running: None,
                    number: 0,
                    take: None,
                    own_children: Vec::new(),
                    failures: 0,
                    start_at: Instant::now(),
                    heard: Vec::new(),
                    lost: None,
                    finished: false,
                    dying: Vec::new(),
                }),
            }),
        };
        link.with(|shared, inner| inner.start(shared, start));
        link
    }

    fn with<T>(&self, use_it: impl FnOnce(&Shared, &mut Inner) -> T) -> T {
        let mut inner = self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner);
        use_it(&self.shared, &mut inner)
    }

    /// The agent before is gone: this switch, and each that replaces it, takes the lock as soon as it is free.
    pub fn take(&self, order: Order) {
        self.with(|_, inner| inner.take = Some(order.clone()));
        self.say(order);
    }

    /// Tells the switch of a program of the collector.
    pub fn note(&self, child: Child) {
        self.with(|_, inner| match child {
            Child::Runs(process) => inner.own_children.push(process),
            Child::Done(process) => inner.own_children.retain(|running| *running != process),
        });
        self.say(Order::Child(child));
    }

    /// The switch has ended by itself, as it does after `end` and after it has passed everything on.
    pub fn has_ended(&self) -> bool {
        self.with(|_, inner| match &mut inner.running {
            Some(running) => !matches!(running.process.try_wait(), Ok(None)),
            None => inner.finished,
        })
    }

    /// Closes the pipe: whatever is left is the switch's.
    pub fn leave(&self) {
        self.with(|_, inner| inner.running = None);
    }
}

impl Switching for Link {
    fn say(&self, order: Order) {
        self.with(|shared, inner| inner.say(shared, &order));
    }

    fn hear(&self) -> Vec<Said> {
        self.with(|shared, inner| {
            let mut said = Vec::new();
            let mut lines = std::mem::take(&mut inner.heard);
            lines.extend(shared.inbox.lock().unwrap_or_else(PoisonError::into_inner).try_iter());
            for (number, report) in lines {
                if number == inner.number && inner.running.is_some() {
                    said.extend(inner.take_in(shared, report).map(Said::Report));
                }
            }
            inner.look_after(shared);
            said.extend(inner.lost.take().map(Said::Lost));
            if inner.running.is_none() && !inner.finished && Instant::now() >= inner.start_at {
                inner.start(shared, None);
                said.extend(inner.lost.take().map(Said::Lost));
            }
            said
        })
    }

    fn wait(&self, timeout: Duration) {
        let heard = {
            let inbox = self.shared.inbox.lock().unwrap_or_else(PoisonError::into_inner);
            inbox.recv_timeout(timeout).ok()
        };
        self.with(|_, inner| inner.heard.extend(heard));
    }

    fn beat(&self) {
        let due = self.with(|_, inner| {
            let running = inner.running.as_mut()?;
            let due = running.beaten.is_none_or(|beaten| beaten.elapsed() >= ALIVE_EVERY);
            due.then(|| running.beaten = Some(Instant::now()))
        });
        if due.is_some() {
            self.say(Order::Alive);
        }
    }
}

impl Inner {
    fn start(&mut self, shared: &Shared, start: Option<&str>) {
        self.number += 1;
        match self.spawn(shared, start) {
            Ok(running) => {
                self.running = Some(running);
                let children = self
                    .own_children
                    .iter()
                    .map(|process| Order::Child(Child::Runs(*process)));
                let first: Vec<Order> = self.take.clone().into_iter().chain(children).collect();
                for order in first {
                    self.say(shared, &order);
                }
            }
            Err(error) => self.rest(shared, &format!("it could not be started: {error}")),
        }
    }

    fn spawn(&self, shared: &Shared, start: Option<&str>) -> io::Result<Running> {
        let options = &shared.options;
        let start = start.map_or_else(draw_start, |start| Ok(start.to_owned()))?;
        let mut command = process::Command::new(&options.program);
        spare(&mut command, self.number == 1);
        let mut process = command
            .args(["switch", "--start", &start, "--state-dir"])
            .arg(&options.state_directory)
            .arg("--host-root")
            .arg(&options.host_root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Not in the group of the agent: a signal to that group must not end both.
            .process_group(0)
            .spawn()?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let spoken = match pipes {
            Some((input, output)) => self.listen(shared, output).and_then(|()| speak(input)),
            None => Err(io::Error::other("no pipe")),
        };
        let now = Instant::now();
        match spoken {
            Ok(mouth) => Ok(Running {
                process,
                mouth,
                born: now,
                looked: now,
                silent: Duration::ZERO,
                beaten: None,
                its_children: Vec::new(),
            }),
            Err(error) => {
                kill_group(process.id());
                let _ = process.wait();
                Err(error)
            }
        }
    }

    fn listen(&self, shared: &Shared, output: process::ChildStdout) -> io::Result<()> {
        let (number, lines, wake) = (self.number, shared.lines.clone(), Arc::clone(&shared.wake));
        threads::start("ear", move || {
            for_each_line(output, |line| {
                let sent = Report::parse(&line).is_none_or(|report| lines.send((number, Some(report))).is_ok());
                wake();
                sent
            });
            // Nobody listens any more at the end of the process.
            let _ = lines.send((number, None));
            wake();
        })
    }

    fn say(&mut self, shared: &Shared, order: &Order) {
        self.finished |= *order == Order::End;
        let Some(running) = &self.running else { return };
        // A full queue is a switch that does not read; one that has gone is seen by its reader.
        if let Err(mpsc::TrySendError::Full(_)) = running.mouth.try_send(order.to_string()) {
            self.give_up(shared, "it does not read what it is told");
        }
    }

    /// What is left for the collector of a line; the end of the lines is the end of the switch.
    fn take_in(&mut self, shared: &Shared, report: Option<Report>) -> Option<Report> {
        let Some(running) = &mut self.running else { return None };
        running.silent = Duration::ZERO;
        match report {
            None => {
                self.give_up(shared, "it died");
                None
            }
            Some(Report::Child(Child::Runs(process))) => {
                running.its_children.push(process);
                None
            }
            Some(Report::Child(Child::Done(process))) => {
                running.its_children.retain(|child| *child != process);
                None
            }
            Some(Report::Hello { .. } | Report::Alive) => None,
            report => {
                self.finished |= matches!(report, Some(Report::Passed(_)));
                report
            }
        }
    }

    fn look_after(&mut self, shared: &Shared) {
        self.dying.retain_mut(|process| matches!(process.try_wait(), Ok(None)));
        let Some(running) = &mut self.running else { return };
        let passed = running.looked.elapsed().min(LONGEST_STEP);
        running.looked = Instant::now();
        running.silent += passed;
        if running.silent >= SILENT_AT_MOST {
            self.give_up(shared, "it does not answer");
        }
    }

    /// Ends a switch that is of no use, with all it has running: a `-s` on its way would outlive it.
    fn give_up(&mut self, shared: &Shared, reason: &str) {
        let Some(mut running) = self.running.take() else { return };
        let _ = running.process.kill();
        for process in running.its_children {
            kill_group(process);
        }
        let until = Instant::now() + REAP_TIMEOUT;
        while matches!(running.process.try_wait(), Ok(None)) && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
        self.dying.push(running.process);
        if running.born.elapsed() >= LIVED {
            self.failures = 0;
        }
        self.rest(shared, reason);
    }

    /// The first failure costs no time, the others more and more.
    fn rest(&mut self, shared: &Shared, reason: &str) {
        if self.finished {
            return;
        }
        let rest = match self.failures {
            0 => Duration::ZERO,
            failures => Duration::from_secs(1 << (failures - 1).min(6)).min(LONGEST_REST),
        };
        self.failures = self.failures.saturating_add(1);
        self.start_at = Instant::now() + rest;
        let problem = format!("the process that starts and stops collections does not run: {reason}");
        shared.log.line(&format!("{problem}; starting another one"));
        self.lost = Some(problem);
    }
}
