//! The analysis against an independent source: raw I/O whose every figure is known, and captures worked out by hand.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod cache;
mod disks;
mod errors;
mod failures;
mod import;
mod methods;
mod oracle;
mod partial;
mod period;
mod phases;
mod program;
mod restarts;
mod snapshots;
#[path = "../analysis_support/mod.rs"]
mod support;
mod unknown;
