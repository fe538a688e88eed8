//! The runner that starts real processes.

use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::guard_line::{GuardLine, Watched};
use super::{CommandOutput, CommandRunner, CommandSpec, RunError};
use crate::sys;

/// Stack of a thread that only copies bytes: userworld memory on ESXi is reserved, not overcommitted.
const READER_STACK_BYTES: usize = 64 * 1024;

/// How long killed programs get to let go of their pipes before the readers are abandoned.
const REAP_TIMEOUT: Duration = Duration::from_millis(200);

/// So many killed programs may linger in the kernel before no other is started: each holds memory of the host.
const LINGERING_AT_MOST: usize = 8;

/// A killed program that the kernel has not let go of.
///
/// A program that waits for its storage ends only when that answers, which may be never.
#[derive(Debug)]
struct Lingering {
    spec: CommandSpec,
    child: Child,
    /// The guard knows it as running until it has ended.
    _watched: Watched,
}

/// Starts processes through `posix_spawn` and reads their pipes with one blocking thread each.
///
/// ESXi: pipes refuse `FIONBIO`, on which the standard library's own collection of output panics
/// (rust-lang/rust#129654), and `SOCK_SEQPACKET` socket pairs are unproven, which the fork path needs. An absolute
/// path without `pre_exec` and without credentials stays on the spawn path.
#[derive(Debug, Clone, Default)]
pub struct ProcessRunner {
    /// Told of every process, so that none outlives the agent unnoticed.
    guard: GuardLine,
    lingering: Arc<Mutex<Vec<Lingering>>>,
}

impl ProcessRunner {
    /// A runner that tells `guard` of its processes.
    pub fn watched_by(guard: GuardLine) -> Self {
        Self {
            guard,
            ..Self::default()
        }
    }

    /// Waits for the end of a killed program, and remembers it when that takes longer than `timeout`.
    fn reap(&self, spec: &CommandSpec, mut child: Child, watched: Watched, timeout: Duration) {
        if wait_until(&mut child, Instant::now() + timeout).is_none() {
            self.with_lingering(|lingering| {
                lingering.push(Lingering {
                    spec: spec.clone(),
                    child,
                    _watched: watched,
                });
            });
        }
    }

    /// Uses the list of those that linger still.
    fn with_lingering<T>(&self, use_it: impl FnOnce(&mut Vec<Lingering>) -> T) -> T {
        let mut lingering = self.lingering.lock().unwrap_or_else(PoisonError::into_inner);
        lingering.retain_mut(|killed| matches!(killed.child.try_wait(), Ok(None)));
        use_it(&mut lingering)
    }
}

/// One stream at its end, or broken off.
struct Stream {
    is_stdout: bool,
    bytes: Vec<u8>,
    truncated: bool,
}

impl CommandRunner for ProcessRunner {
    fn run(&self, spec: &CommandSpec) -> Result<CommandOutput, RunError> {
        let refused = |source| RunError::Refused {
            program: spec.program.clone(),
            source,
        };
        let count = self.with_lingering(|lingering| lingering.len());
        if count >= LINGERING_AT_MOST {
            let reason = format!("{count} programs that were killed have not ended; the host's storage may not answer");
            return Err(refused(io::Error::other(reason)));
        }
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
        let watched = self.guard.watch(child.id());
        let streams = match read_streams(&mut child, spec.output_limit) {
            Ok(streams) => streams,
            Err(error) => {
                kill_group(&child);
                self.reap(spec, child, watched, REAP_TIMEOUT);
                return Err(refused(error));
            }
        };
        let mut output = CommandOutput::default();
        let both_ended = collect(&streams, ends_by, &mut output);
        let status = if both_ended {
            wait_until(&mut child, ends_by)
        } else {
            None
        };
        if let Some(status) = status {
            output.status = status.code();
        } else {
            output.timed_out = true;
            kill_group(&child);
            collect(&streams, Instant::now() + REAP_TIMEOUT, &mut output);
            self.reap(spec, child, watched, REAP_TIMEOUT);
        }
        Ok(output)
    }

    fn lingering(&self) -> Vec<CommandSpec> {
        self.with_lingering(|lingering| lingering.iter().map(|killed| killed.spec.clone()).collect())
    }
}

fn read_streams(child: &mut Child, limit: usize) -> io::Result<Receiver<Stream>> {
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
    thread::Builder::new()
        .name("output".to_owned())
        .stack_size(READER_STACK_BYTES)
        .spawn(move || {
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
        .map(drop)
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
fn wait_until(child: &mut Child, until: Instant) -> Option<ExitStatus> {
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

fn kill_group(child: &Child) {
    // The group is gone when the program has ended in the meantime, which is just as well.
    let _ = sys::signal_group(child.id(), libc::SIGKILL);
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
        let spec = sleep();
        let child = Command::new(&spec.program)
            .args(&spec.arguments)
            .process_group(0)
            .spawn()
            .unwrap();
        let process = child.id();
        runner.reap(&spec, child, GuardLine::default().watch(process), Duration::ZERO);
        process
    }

    fn end(process: u32) {
        sys::signal_group(process, libc::SIGKILL).unwrap();
    }

    #[test]
    fn a_program_lingers_until_it_has_ended() {
        let runner = ProcessRunner::default();
        let process = linger(&runner);
        assert_eq!(runner.lingering(), [sleep()]);
        end(process);
        let until = Instant::now() + Duration::from_secs(30);
        while !runner.lingering().is_empty() {
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
            end(process);
        }
        assert!(matches!(refused, Err(RunError::Refused { .. })), "{refused:?}");
    }
}
