//! What an analysis looks like: the text on the terminal and `summary.json`.

mod comparison;
mod json;
mod tables;
mod text;

pub(crate) use comparison::{ComparisonJson, comparison};
pub(crate) use json::{FilterRow, Summary};
pub(crate) use tables::{filters, phases};
pub(crate) use text::{data_quality, noted, partial_warning, profile_lines, report, severity_word};
