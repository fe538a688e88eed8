//! The vscsiStats parsers against captures, hand-made damage and generated input.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod capture;
mod command_table;
mod corpus;
mod damage;
mod laws;
mod passed_through;
mod support;
