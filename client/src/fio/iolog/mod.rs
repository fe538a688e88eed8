//! `--style iolog`: a timed replay log sampled from the histograms, or of the commands of a trace.
//!
//! A log is made command by command and never held in memory. When each command is issued comes from
//! [`arrivals`], its direction and place from [`placement`], and the same seed gives the same log.

mod arrivals;
mod balance;
mod format;
mod place;
mod placement;
mod plan;
mod sizes;
mod traced;

pub use format::{ReadBack, UnreadableIolog};
pub use plan::IologPlan;
pub use traced::TracedLog;
