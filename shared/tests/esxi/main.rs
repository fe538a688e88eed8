//! The parsers of esxcli and its neighbours, against the data of an invented host and against real captures.
#![expect(clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod files;
mod host;
mod laws;
mod samples;
mod storage;
mod support;
mod vms;
