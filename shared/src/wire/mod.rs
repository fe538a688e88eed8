//! What agent and client say to each other: the greeting line of `vscsi-agent connect`, and the JSON of `/v1`.
//!
//! Compatibility: requests refuse unknown keys, answers tolerate them. A key added after the first release is optional
//! with a default; removing or renaming one, or a new mandatory key of an answer, needs `/v2`.

mod greeting;
pub mod v1;

pub use greeting::{ApiRange, Greeting};
