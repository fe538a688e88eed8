//! The analysis against an independent source: raw I/O whose every figure is known, and captures worked out by hand.

mod import;
mod oracle;
mod snapshots;
#[path = "../analysis_support/mod.rs"]
mod support;
