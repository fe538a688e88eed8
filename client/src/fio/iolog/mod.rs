//! `--style iolog`: a timed replay log sampled from the histograms, or of the commands of a trace.
//!
//! A log is made command by command and never held in memory. It is a [`plan`] of disks and stretches of time. When each
//! command of a [`stretch`] is issued comes from [`arrivals`] and [`gaps`], its direction, place and size from
//! [`placement`], and the same seed gives the same log.

mod alignment;
mod arrivals;
mod balance;
mod format;
mod gaps;
mod place;
mod placement;
mod plan;
mod read_back;
mod sequential;
mod sizes;
mod stretch;
mod touched;
mod traced;

pub(super) use alignment::Alignment;
pub use format::UnreadableIolog;
pub(super) use plan::{DiskDemand, StretchDemand, reads_and_writes};
pub use plan::{IologPlan, LogEstimate};
pub(super) use read_back::{Contents, Parts, ReadBack};
pub(super) use sequential::SequentialBytes;
pub use traced::TracedLog;
