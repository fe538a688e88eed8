//! From snapshots to numbers. Data flows one way:
//! snapshot files -> [`Series`] (samples in time) -> filter -> [`Workload`] (merged histograms) -> metrics.
//!
//! Architecture invariant: nothing here reads a clock, prints, or talks to a host.

mod series;
mod workload;

pub use series::{DiskKey, DiskSample, Sample, Series};
pub use workload::{DiskWorkload, Provenance, Workload};
