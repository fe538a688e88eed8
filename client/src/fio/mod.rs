//! From a workload to files that replay it, with the fidelity they reach.
//!
//! Architecture invariant: nothing here runs a program, reads a clock or names a device.

mod clusters;
mod course;
mod demand;
mod diskspd;
mod draft;
mod error;
mod generate;
mod header;
mod iolog;
mod job;
mod job_file;
mod jobs;
mod needs;
mod options;
mod order;
mod pace;
mod phase;
mod replay;
mod simulate;
mod sizes;
mod target;
mod target_file;
mod text;
mod vdbench;
mod walk;
mod write;

pub use diskspd::diskspd_commands;
pub use error::FioError;
pub use generate::{generate, generate_phases};
pub use iolog::{IologPlan, LogEstimate, TracedLog, UnreadableIolog};
pub use job::{Companion, FioJob, LogCourse, Phase, PhaseFidelity, ReplayLog, TimedWorkload};
pub(crate) use job_file::begins_job;
pub use job_file::{Section, UnreadableJobFile, sections};
pub use needs::{FioNeed, FioVersion};
pub use options::{ByteSize, FioOptions, InvalidSize, Layout, Pace, Style, Tool};
pub(crate) use order::Step;
pub use pace::{Intensity, InvalidPace, Speed};
pub(crate) use phase::expectations;
pub use replay::log_estimate;
pub(crate) use sizes::bssplit;
pub use target_file::{TargetFile, TargetHistogram, TargetPhase, UnreadableTarget};
pub use vdbench::vdbench_parameters;
pub(crate) use walk::Walk;
pub use write::{WriteError, WrittenFiles, write_files};
