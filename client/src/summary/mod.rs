//! What an analysis looks like: the text on the terminal and `summary.json`.

mod json;
mod tables;
mod text;

pub(crate) use json::{ComparisonJson, FilterRow, Summary};
pub(crate) use tables::{comparison, filters, phases};
pub(crate) use text::{data_quality, noted, partial_warning, profile_lines, report, severity_word};
