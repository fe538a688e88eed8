//! What an analysis looks like: the text on the terminal and `summary.json`.

mod json;
mod number;
mod tables;
mod text;

pub use json::{ComparisonJson, FilterRow, SCHEMA_VERSION, Summary};
pub use number::duration_ms;
pub use tables::{comparison, filters, phases};
pub(crate) use text::data_quality;
pub use text::{PARTIAL_ADVICE, partial_warning, profile_lines, report};
