//! Running one command on a host to its end.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::TransportError;
use super::child::keep_end;
use crate::number;

/// What a command of ours may print at most; the listings of a large host are far below.
const OUTPUT_LIMIT_BYTES: u64 = 8 * 1024 * 1024;

/// A shell on a host.
pub trait Shell: Send + Sync + std::fmt::Debug {
    /// Runs one command line of the host's POSIX shell to its end. Build `line` with [`super::command_line`] unless it is
    /// a fixed text.
    ///
    /// # Errors
    /// When the host cannot be reached or the command takes longer than `timeout`; that the command itself failed is
    /// told by [`Output::status`].
    fn run(&self, line: &str, input: ShellInput<'_>, timeout: Duration) -> Result<Output, TransportError>;

    /// Copies a file of this machine to `path` on the host. `Ok(false)` says that this way is closed, as on hosts without
    /// an SFTP server.
    ///
    /// # Errors
    /// When the program that copies cannot be run or takes longer than `timeout`.
    fn copy(&self, file: &Path, path: &str, timeout: Duration) -> Result<bool, TransportError>;
}

/// What a command reads on its standard input.
#[derive(Debug, Clone, Copy)]
pub enum ShellInput<'a> {
    /// Nothing.
    Empty,
    /// These bytes.
    Bytes(&'a [u8]),
}

/// What a command printed, and how it ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// The end of its standard error.
    pub stderr: String,
}

/// Runs `command` to its end, with both outputs read at once so that neither can block it.
pub(super) fn run(
    host: &str,
    mut command: Command,
    input: ShellInput<'_>,
    timeout: Duration,
) -> Result<Output, TransportError> {
    let program = command.get_program().to_owned();
    let failed = |source: io::Error| TransportError::Program {
        program: program.clone().into(),
        source,
    };
    let stdin = match input {
        ShellInput::Empty => Stdio::null(),
        ShellInput::Bytes(_) => Stdio::piped(),
    };
    let mut child = command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (stdout, stderr, stdin) = (child.stdout.take(), child.stderr.take(), child.stdin.take());
    std::thread::scope(|scope| {
        let stdout = scope.spawn(move || {
            let mut bytes = Vec::new();
            if let Some(pipe) = stdout {
                // A pipe that breaks ends the output; the exit status tells whether that was wrong.
                let _ = pipe.take(OUTPUT_LIMIT_BYTES).read_to_end(&mut bytes);
            }
            bytes
        });
        let stderr = scope.spawn(move || {
            let kept = Mutex::new(Vec::new());
            if let Some(pipe) = stderr {
                keep_end(pipe, &kept);
            }
            kept.into_inner().unwrap_or_default()
        });
        if let (Some(mut pipe), ShellInput::Bytes(bytes)) = (stdin, input) {
            scope.spawn(move || {
                let _ = pipe.write_all(bytes);
            });
        }
        let begun = Instant::now();
        let deadline = begun + timeout;
        let status = loop {
            match child.try_wait().map_err(failed)? {
                Some(status) => break Some(status),
                None if Instant::now() >= deadline => {
                    let _ = child.kill();
                    let _ = child.wait();
                    break None;
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let stdout = stdout.join().unwrap_or_default();
        let stderr = String::from_utf8_lossy(&stderr.join().unwrap_or_default()).into_owned();
        match status {
            Some(status) => {
                log::debug!(
                    "  {status} after {} ms, with {} of output",
                    begun.elapsed().as_millis(),
                    number::bytes(stdout.len() as u64)
                );
                Ok(Output { status, stdout, stderr })
            }
            None => Err(TransportError::Silent {
                host: host.to_owned(),
                seconds: timeout.as_secs(),
            }),
        }
    })
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn sh(line: &str, input: ShellInput<'_>, timeout: Duration) -> Result<Output, TransportError> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", line]);
        run("here", command, input, timeout)
    }

    #[test]
    fn output_error_and_status_of_a_command_are_told_apart() {
        let output = sh(
            "echo out; echo err >&2; exit 3",
            ShellInput::Empty,
            Duration::from_secs(30),
        )
        .unwrap();
        assert_eq!(
            (output.stdout.as_slice(), output.stderr.as_str(), output.status.code()),
            (b"out\n".as_slice(), "err\n", Some(3))
        );
    }

    #[test]
    fn a_command_that_reads_and_writes_much_does_not_block() {
        let bytes = vec![b'x'; 1_000_000];
        let output = sh("tee /dev/stderr", ShellInput::Bytes(&bytes), Duration::from_secs(30)).unwrap();
        assert_eq!(output.stdout.len(), bytes.len());
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended() {
        let result = sh("exec sleep 60", ShellInput::Empty, Duration::from_millis(50));
        assert!(matches!(result, Err(TransportError::Silent { .. })));
    }
}
