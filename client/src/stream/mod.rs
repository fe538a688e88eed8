//! A stream of commands, and the histograms that vscsiStats would have kept of it.

mod command;
pub mod fio_log;
mod histogrammer;
mod observed;
mod totals;

pub use command::{BLOCK_BYTES, Command, Direction, command_of};
pub use histogrammer::Histogrammer;
pub use observed::{Observation, Observed, merged};
pub use totals::{bucket_range, sequential_share};
