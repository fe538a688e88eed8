//! What `vscsiStats` prints: histograms (`-p`, as CSV or plain text), the listing (`-l`) and traces of commands (`-e`).
//!
//! Architecture invariant: the parser never fails as a whole and never panics. Whatever the bytes, it returns every
//! complete histogram and a located diagnostic for everything it could not use.

mod assembly;
mod block;
mod body;
mod cells;
mod command_table;
mod diagnostic;
mod encoding;
mod exact;
mod header;
mod lines;
mod listing;
mod notes;
mod number;
mod parser;
mod print;
mod printed_time;
mod trace;
mod write;

pub use command_table::{CommandTable, is_command_table, parse_command_table};
pub use diagnostic::{Diagnostic, DiagnosticKind, Findings};
pub use listing::{ListedDisk, ListedVm, Listing, parse_listing};
pub use parser::Parser;
pub use print::{DiskHistograms, Parsed, Print, parse};
pub use printed_time::PrintedTime;
pub use trace::{TraceParser, TracedCommand, is_trace, trace_heading};
