//! The runner that starts real processes.

use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::guard_line::{GuardLine, Watched};
use super::{CommandOutput, CommandRunner, CommandSpec, RunError};
use crate::sys;

/// Stack of a thread that only copies bytes: userworld memory on ESXi is reserved, not overcommitted.
const READER_STACK_BYTES: usize = 64 * 1024;

/// How long killed programs get to let go of their pipes before the readers are abandoned.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Starts processes through `posix_spawn` and reads their pipes with one blocking thread each.
///
/// ESXi: pipes refuse `FIONBIO`, on which the standard library's own collection of output panics
/// (rust-lang/rust#129654), and `SOCK_SEQPACKET` socket pairs are unproven, which the fork path needs. An absolute
/// path without `pre_exec` and without credentials stays on the spawn path.
#[derive(Debug, Clone, Default)]
pub struct ProcessRunner {
    /// Told of every process, so that none outlives the agent unnoticed.
    guard: GuardLine,
}

impl ProcessRunner {
    /// A runner that tells `guard` of its processes.
    pub fn watched_by(guard: GuardLine) -> Self {
        Self { guard }
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
                let _ = reap(child, watched, LAST_WORDS);
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
            collect(&streams, Instant::now() + LAST_WORDS, &mut output);
            let _ = reap(child, watched, LAST_WORDS);
        }
        Ok(output)
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

/// Waits for the end of a killed program; `false` when that takes longer than `patience`.
///
/// A program that waits for its storage ends only when the kernel lets go of it, which may be never. A thread of its
/// own then waits for it, and the guard still knows it as running.
fn reap(mut child: Child, watched: Watched, patience: Duration) -> bool {
    if wait_until(&mut child, Instant::now() + patience).is_some() {
        return true;
    }
    // Without a thread it stays until the agent ends, which is all that can be done.
    let _ = thread::Builder::new()
        .name("reaper".to_owned())
        .stack_size(READER_STACK_BYTES)
        .spawn(move || {
            let _ = child.wait();
            drop(watched);
        });
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_end_when_it_is_killed_holds_nobody_up() {
        // One that was not killed is the nearest thing to one that cannot be.
        let child = Command::new("/bin/sleep").arg("600").process_group(0).spawn().unwrap();
        let process = child.id();
        let watched = GuardLine::default().watch(process);
        assert!(!reap(child, watched, Duration::from_millis(20)));
        sys::signal_group(process, libc::SIGKILL).unwrap();
        while sys::signal_process(process, 0).is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    }
}
