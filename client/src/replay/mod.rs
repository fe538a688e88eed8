//! What a replayed workload really did: a stream of commands, and the histograms vscsiStats would have kept of it.

mod command;
mod histogrammer;
pub mod log;
mod program;
mod totals;
pub mod verify;

pub use command::{BLOCK_BYTES, Command, Direction};
pub use histogrammer::Histogrammer;
pub use program::{FioProgram, FioVersion, NoFio};
pub use totals::{bucket_range, sequential_share};
