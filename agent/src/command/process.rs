//! The runner that starts real processes.

use std::fmt;
use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::process::Child as OsChild;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Child, CommandOutput, CommandRunner, CommandSpec, RunError, Watcher};
use crate::{sys, threads};

/// How long killed programs get to let go of their pipes before the readers are abandoned.
const REAP_TIMEOUT: Duration = Duration::from_millis(200);

/// So many killed programs may linger in the kernel before no other is started: each holds memory of the host.
const LINGERING_AT_MOST: usize = 8;

/// A killed program that has not been seen to end.
///
/// A program that waits for its storage ends only when that answers, which may be never.
#[derive(Debug)]
pub(crate) struct Left {
    child: OsChild,
    /// The other process knows it as running until it has ended.
    _watched: Watched,
}

impl Left {
    /// It has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it has.
    pub(crate) fn wait(mut self) {
        let _ = self.child.wait();
    }
}

/// Says that a program runs, until it is dropped.
struct Watched {
    process: u32,
    watcher: Option<Watcher>,
}

impl Watched {
    fn new(process: u32, watcher: Option<&Watcher>) -> Self {
        if let Some(watcher) = watcher {
            watcher(Child::Runs(process));
        }
        Self {
            process,
            watcher: watcher.cloned(),
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(watcher) = &self.watcher {
            watcher(Child::Done(self.process));
        }
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Watched").field(&self.process).finish()
    }
}

/// One stream at its end, or broken off.
struct Stream {
    is_stdout: bool,
    bytes: Vec<u8>,
    truncated: bool,
}

/// A program that runs.
///
/// ESXi: pipes refuse `FIONBIO`, on which the standard library's own collection of output panics
/// (rust-lang/rust#129654), and `SOCK_SEQPACKET` socket pairs are unproven, which the fork path needs. An absolute
/// path without `pre_exec` and without credentials stays on the spawn path, and each pipe has a blocking thread.
#[derive(Debug)]
pub(crate) struct Running {
    child: OsChild,
    streams: Receiver<Stream>,
    ends_by: Instant,
    watched: Watched,
}

impl Running {
    /// Starts `spec` in a process group of its own.
    pub(crate) fn start(spec: &CommandSpec, watcher: Option<&Watcher>) -> Result<Self, RunError> {
        let refused = |source| RunError::Refused {
            program: spec.program.clone(),
            source,
        };
        let ends_by = Instant::now() + spec.deadline;
        let mut child = Command::new(&spec.program)
            .args(&spec.arguments)
            .env_clear()
            // Only for what the program itself starts: ours is found by its absolute path.
            .env("PATH", "/bin:/sbin:/usr/bin:/usr/sbin")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(refused)?;
        let watched = Watched::new(child.id(), watcher);
        match read_streams(&mut child, spec.output_limit) {
            Ok(streams) => Ok(Self {
                child,
                streams,
                ends_by,
                watched,
            }),
            Err(error) => {
                kill_group(child.id());
                // Killed before it can have printed much; where it does not end, nobody can do more.
                wait_until(&mut child, Instant::now() + REAP_TIMEOUT);
                Err(refused(error))
            }
        }
    }

    /// Its process, which leads its group.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, or kills it at its deadline; what has not ended then is left.
    pub(crate) fn finish(mut self) -> (CommandOutput, Option<Left>) {
        let mut output = CommandOutput::default();
        let both_ended = collect(&self.streams, self.ends_by, &mut output);
        let status = if both_ended {
            wait_until(&mut self.child, self.ends_by)
        } else {
            None
        };
        if let Some(status) = status {
            output.status = status.code();
            return (output, None);
        }
        output.timed_out = true;
        kill_group(self.child.id());
        collect(&self.streams, Instant::now() + REAP_TIMEOUT, &mut output);
        let ended = wait_until(&mut self.child, Instant::now() + REAP_TIMEOUT).is_some();
        let left = (!ended).then_some(Left {
            child: self.child,
            _watched: self.watched,
        });
        (output, left)
    }
}

/// Runs programs one for each call, in the thread of its caller.
#[derive(Clone, Default)]
pub struct ProcessRunner {
    /// Told of every process, so that none outlives the agent unnoticed.
    watcher: Option<Watcher>,
    lingering: Arc<Mutex<Vec<Left>>>,
}

impl fmt::Debug for ProcessRunner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ProcessRunner").finish_non_exhaustive()
    }
}

impl ProcessRunner {
    /// A runner that tells `watcher` of its processes.
    pub fn watched_by(watcher: Watcher) -> Self {
        Self {
            watcher: Some(watcher),
            ..Self::default()
        }
    }

    /// Uses the list of those that linger still.
    fn with_lingering<T>(&self, use_it: impl FnOnce(&mut Vec<Left>) -> T) -> T {
        let mut lingering = self.lingering.lock().unwrap_or_else(PoisonError::into_inner);
        lingering.retain_mut(|left| !left.has_ended());
        use_it(&mut lingering)
    }
}

impl CommandRunner for ProcessRunner {
    fn run(&self, spec: &CommandSpec) -> Result<CommandOutput, RunError> {
        let count = self.with_lingering(|lingering| lingering.len());
        if count >= LINGERING_AT_MOST {
            let reason = format!("{count} programs that were killed have not ended; the host's storage may not answer");
            return Err(RunError::Refused {
                program: spec.program.clone(),
                source: io::Error::other(reason),
            });
        }
        let (output, left) = Running::start(spec, self.watcher.as_ref())?.finish();
        if let Some(left) = left {
            self.with_lingering(|lingering| lingering.push(left));
        }
        Ok(output)
    }
}

fn read_streams(child: &mut OsChild, limit: usize) -> io::Result<Receiver<Stream>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(pipe) = child.stdout.take() {
        read_stream(pipe, true, limit, sender.clone())?;
    }
    if let Some(pipe) = child.stderr.take() {
        read_stream(pipe, false, limit, sender)?;
    }
    Ok(receiver)
}

fn read_stream(
    mut pipe: impl Read + Send + 'static,
    is_stdout: bool,
    limit: usize,
    done: Sender<Stream>,
) -> io::Result<()> {
    threads::start("output", move || {
        let mut stream = Stream {
            is_stdout,
            bytes: Vec::new(),
            truncated: false,
        };
        let mut chunk = vec![0; 16 * 1024];
        loop {
            match pipe.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => {
                    let room = limit - stream.bytes.len();
                    stream.truncated |= length > room;
                    stream
                        .bytes
                        .extend_from_slice(chunk.get(..length.min(room)).unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        // Nobody listens any more when the reader was abandoned.
        let _ = done.send(stream);
    })
}

/// Takes streams until both have ended; `false` when `until` came first.
fn collect(streams: &Receiver<Stream>, until: Instant, output: &mut CommandOutput) -> bool {
    loop {
        match streams.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(stream) => {
                output.truncated |= stream.truncated;
                if stream.is_stdout {
                    output.stdout = stream.bytes;
                } else {
                    output.stderr = stream.bytes;
                }
            }
            Err(RecvTimeoutError::Disconnected) => return true,
            Err(RecvTimeoutError::Timeout) => return false,
        }
    }
}

/// Waits for the end of a program that has closed its output, which it normally does by ending.
fn wait_until(child: &mut OsChild, until: Instant) -> Option<ExitStatus> {
    let mut pause = Duration::from_micros(100);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < until => {
                thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(10));
            }
            Ok(None) | Err(_) => return None,
        }
    }
}

/// Kills a program and whatever it has started.
pub(crate) fn kill_group(process: u32) {
    // The group is gone when the program has ended in the meantime, which is just as well.
    let _ = sys::signal_group(process, libc::SIGKILL);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleep() -> CommandSpec {
        CommandSpec {
            program: "/bin/sleep".into(),
            arguments: vec!["600".to_owned()],
            deadline: Duration::from_secs(5),
            output_limit: 1024,
        }
    }

    /// Has a program linger: one that was not killed is the nearest thing to one that cannot be.
    fn linger(runner: &ProcessRunner) -> u32 {
        let running = Running::start(&sleep(), None).unwrap();
        let process = running.process();
        let left = Left {
            child: running.child,
            _watched: running.watched,
        };
        runner.with_lingering(|lingering| lingering.push(left));
        process
    }

    #[test]
    fn a_program_lingers_until_it_has_ended() {
        let runner = ProcessRunner::default();
        let process = linger(&runner);
        assert_eq!(runner.with_lingering(|lingering| lingering.len()), 1);
        kill_group(process);
        let until = Instant::now() + Duration::from_secs(30);
        while runner.with_lingering(|lingering| lingering.len()) > 0 {
            assert!(Instant::now() < until, "it was killed and lingers");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn programs_that_cannot_be_killed_do_not_pile_up() {
        let runner = ProcessRunner::default();
        let processes: Vec<u32> = (0..LINGERING_AT_MOST).map(|_| linger(&runner)).collect();
        let one_more = CommandSpec {
            arguments: vec!["0".to_owned()],
            ..sleep()
        };
        let refused = runner.run(&one_more);
        for process in processes {
            kill_group(process);
        }
        assert!(matches!(refused, Err(RunError::Refused { .. })), "{refused:?}");
    }

    #[test]
    fn a_program_is_known_from_its_start_to_its_end() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let runner = ProcessRunner::watched_by(Arc::new(move |child| noted.lock().unwrap().push(child)));
        let spec = CommandSpec {
            arguments: vec!["0".to_owned()],
            ..sleep()
        };
        runner.run(&spec).unwrap();
        let seen = seen.lock().unwrap();
        let [Child::Runs(first), Child::Done(second)] = seen.as_slice() else {
            panic!("{seen:?}");
        };
        assert_eq!(first, second);
    }
}
