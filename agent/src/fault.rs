//! Fault points: named places at which a test kills the agent.
//!
//! They exist only with the feature `fault-points`, which no shipped build has. `VSCSI_AGENT_FAULT=NAME` kills the
//! process with SIGKILL when it comes to that place first, `NAME:N` when it comes there for the N-th time.

/// The places, in the order in which a job meets them.
#[cfg(feature = "fault-points")]
pub const FAULT_POINTS: &[&str] = &[
    "take-over-before-signal",
    "take-over-after-signal",
    "take-over-after-lock",
    "job-between-files",
    "job-created",
    "order-before",
    "order-after",
    "switch-before-write",
    "switch-after-write",
    "switch-before-command",
    "switch-after-command",
    "running-after-record",
    "running-after-job",
    "snapshot-before-print",
    "snapshot-after-print",
    "snapshot-before-file",
    "snapshot-after-file",
    "snapshot-after-sum",
    "end-before-job",
    "end-after-job",
];

/// Kills the process here when a test asked for it.
#[cfg(feature = "fault-points")]
pub(crate) fn fault_point(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static PASSED: AtomicU32 = AtomicU32::new(0);

    debug_assert!(FAULT_POINTS.contains(&name), "{name} is not listed");
    let Ok(wanted) = std::env::var("VSCSI_AGENT_FAULT") else {
        return;
    };
    let (wanted, times) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    if wanted == name && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == times.parse().unwrap_or(1) {
        let _ = crate::sys::signal_process(std::process::id(), libc::SIGKILL);
    }
}

/// Lets a process that replaces one which died at its fault point live.
#[cfg(feature = "fault-points")]
pub(crate) fn spare(command: &mut std::process::Command, is_first: bool) {
    if !is_first {
        command.env_remove("VSCSI_AGENT_FAULT");
    }
}

/// Nothing, in every build that is shipped.
#[cfg(not(feature = "fault-points"))]
pub(crate) fn spare(_command: &mut std::process::Command, _is_first: bool) {}

/// Nothing, in every build that is shipped.
#[cfg(not(feature = "fault-points"))]
pub(crate) fn fault_point(_name: &str) {}
