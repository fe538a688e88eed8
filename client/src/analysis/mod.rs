//! From snapshots to numbers. Data flows one way:
//! snapshot files -> [`Series`] (samples in time) -> filter -> [`Workload`] (merged histograms) -> [`Profile`].
//!
//! Architecture invariant: nothing here reads a clock, prints, or talks to a host.

pub mod anonymous;
#[cfg(test)]
#[path = "../../tests/suite/support/chart_job.rs"]
pub(crate) mod chart_job;
mod concentration;
mod coverage;
mod error;
pub mod estimate;
pub mod explain;
pub mod filter;
mod finding;
pub mod load;
mod options;
mod partial;
pub mod phases;
mod printed_times;
pub mod profile;
mod run;
pub mod select;
mod selected;
mod series;
mod telescope;
pub mod together;
mod workload;

pub use error::AnalysisError;
pub use filter::{Filter, FilterMethod};
pub use finding::{Code, Finding, Severity};
pub use options::Options;
pub use partial::Partial;
pub use profile::Profile;
pub use run::{Amounts, Analysis, Described, METHOD_VERSION, Shares, analyze};
pub use selected::Selected;
pub use series::{DiskKey, DiskSample, Sample, Series};
pub use workload::{DiskWorkload, Provenance, Workload};
