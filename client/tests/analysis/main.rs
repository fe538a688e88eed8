//! The analysis against an independent source: raw I/O whose every figure is known, and captures worked out by hand.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod errors;
mod import;
mod oracle;
mod phases;
mod snapshots;
#[path = "../analysis_support/mod.rs"]
mod support;
