//! What agent and client say to each other: the greeting line of `vscsi-agent connect`, and the JSON of `/v1`.
//!
//! Compatibility: the agent refuses requests with unknown keys, and clients tolerate answers with them. What was asked
//! for is stored in the same form and may be read by an older agent after a downgrade, so it is the agent's door that
//! refuses, and not the types. A key added after the first release is optional
//! with a default; removing or renaming one, or a new mandatory key of an answer, needs `/v2`.

mod greeting;
pub mod v1;

pub use greeting::{ApiRange, Greeting};
