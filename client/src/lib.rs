//! The workstation's side: from an ESXi host's spool to profiles, fio jobs and charts.

// Unit tests and integration tests share test data, which names this crate from outside.
#[cfg(test)]
extern crate self as vscsi_helper;

use mimalloc::MiMalloc;

/// A large job is hundreds of thousands of histograms, made by every core and dropped by one. With the system's
/// allocator the analysis of a cached job takes half as long again (`cargo xtask bench analysis`).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

pub mod analysis;
mod catalog;
pub mod chart;
pub mod cli;
mod clock;
pub mod compare;
mod config;
pub mod failure;
pub mod fidelity;
pub mod fio;
pub mod host;
pub mod import;
mod install;
mod interrupt;
mod number;
mod preflight;
mod pull;
mod recording;
pub mod report;
pub mod samples;
mod sha256;
pub mod store;
pub mod stream;
mod suggest;
mod summary;
mod table;
pub mod transport;
pub mod verify;
mod visible;
mod watch;
