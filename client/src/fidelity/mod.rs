//! How near a replay comes to the workload it was made from, and whether that is near enough.
//!
//! Both sides are histograms on vscsiStats' own edges, so no interpolation enters. See `FIDELITY.md` for the measure.

mod distance;
mod gates;
mod measure;
mod samples;
mod table;

pub use distance::{Distance, distance};
pub use gates::{Gates, Verdict};
pub use measure::{DeviceNumber, Fidelity, HistogramRow, LeftOut, RateRow, Reported, compare};
pub(crate) use measure::{coefficient_of_variation, part_name};
pub use samples::SampleFidelity;
