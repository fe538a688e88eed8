//! The collector's clock and programs, on the simulated host and in this process.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use vscsi_agent::clock::Clock;
use vscsi_agent::command::{CommandOutput, CommandRunner, CommandSpec, RunError};
use vscsi_fixtures::SimulatedHost;

use super::switch::Fuse;

/// Wall clock at the beginning: 2026-01-05 12:00:00 UTC.
const BEGINNING_S: i64 = 1_767_614_400;

/// Both clocks follow the simulated host's own: the monotonic one begins anew at a boot, and the test may set the
/// wall clock.
pub(super) struct SimulatedClock {
    pub(super) host: Arc<SimulatedHost>,
    pub(super) beginning_ms: u64,
    pub(super) booted_ms: AtomicU64,
    pub(super) wall_ahead_ms: AtomicI64,
}

impl SimulatedClock {
    pub(super) fn host_ms(&self) -> u64 {
        self.host.now_us().unwrap() / 1000
    }
}

impl Clock for SimulatedClock {
    fn wall(&self) -> Timestamp {
        let passed = i64::try_from(self.host_ms() - self.beginning_ms).unwrap();
        Timestamp::from_millisecond(BEGINNING_S * 1000 + passed + self.wall_ahead_ms.load(Ordering::SeqCst)).unwrap()
    }

    fn monotonic_ms(&self) -> u64 {
        self.host_ms() - self.booted_ms.load(Ordering::SeqCst)
    }

    fn sleep(&self, duration: Duration) {
        self.host.advance(duration).unwrap();
    }
}

/// Runs the simulated host's programs in this process; they take no time unless a test wants it.
pub(super) struct InProcess {
    pub(super) host: Arc<SimulatedHost>,
    pub(super) one_at_a_time: Mutex<()>,
    /// How long one look at counters takes.
    pub(super) look_takes_ms: Arc<AtomicU64>,
    /// A disk that listings lack.
    pub(super) unlisted: Arc<Mutex<Option<u64>>>,
    /// Burns with each program of the collector.
    pub(super) fuse: Arc<Fuse>,
}

/// Programs that hung and were killed.
#[derive(Default)]
pub(super) struct Killed {
    /// The kernel does not let go of them.
    pub(super) linger: AtomicBool,
}

impl CommandRunner for InProcess {
    fn run(&self, spec: &CommandSpec) -> Result<CommandOutput, RunError> {
        super::burn(&self.fuse);
        let _one_at_a_time = self.one_at_a_time.lock().unwrap();
        let program = spec.program.file_name().unwrap().to_str().unwrap();
        let outcome = self.host.call(program, &spec.arguments).unwrap();
        if spec.arguments.iter().any(|word| word == "ioLength") {
            let takes = Duration::from_millis(self.look_takes_ms.load(Ordering::SeqCst));
            self.host.advance(takes).unwrap();
        }
        match outcome {
            vscsi_fixtures::Outcome::Ended(output) => Ok(CommandOutput {
                status: Some(i32::from(output.exit_code)),
                stdout: match *self.unlisted.lock().unwrap() {
                    Some(handle) if spec.arguments == ["-l"] => without_lines_of(handle, &output.stdout),
                    _ => output.stdout,
                },
                stderr: output.stderr,
                ..CommandOutput::default()
            }),
            vscsi_fixtures::Outcome::Hangs => Ok(CommandOutput {
                timed_out: true,
                ..CommandOutput::default()
            }),
        }
    }
}

pub(super) fn without_lines_of(handle: u64, listing: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(listing).unwrap();
    let lines = text
        .split_inclusive('\n')
        .filter(|line| !line.contains(&handle.to_string()));
    lines.collect::<String>().into_bytes()
}
