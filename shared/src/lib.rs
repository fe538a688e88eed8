//! What agent and client agree on: the formats of `vscsiStats` and its neighbours, histogram arithmetic, the job
//! model, the snapshot file and the wire types.
//!
//! Architecture invariant: this crate does no I/O. It reads bytes it is given and returns values; clocks, files,
//! commands and sockets belong to the agent and the client.
#![warn(clippy::indexing_slicing)]

mod bounded;
pub mod cron;
mod diagnostic;
pub mod esxi;
pub mod exit_code;
pub mod histogram;
pub mod identifier;
pub mod inventory;
pub mod job;
pub mod snapshot;
pub mod vscsistats;
pub mod wire;
