//! A host that has been taken over, and the workstation that it attacks.
//!
//! [`HostileAgent`] speaks the greeting and `/v1` as the agent does, and gives every answer through an [`Attack`] first.
//! [`Workstation`] is a home directory with jobs of other hosts in it, on which the real client runs; after each command
//! it looks at the laws that hold whatever a host answers:
//!
//! - nothing outside the asked job has changed, and no snapshot that was stored is another one now,
//! - no other host was contacted, and no program started,
//! - the client ended in time, with little memory, with a documented exit code, and said why,
//! - nothing that it printed can command a terminal, or pass for a line of its own.

#![expect(
    clippy::unwrap_used,
    reason = "a set-up that fails must fail the test that asked for it"
)]

mod agent;
mod change;
mod laws;
mod reply;
mod spool;
mod workstation;

pub use agent::{Attack, HostileAgent, Request, honest};
pub use change::{Change, changes_of};
pub use laws::{Deadline, MEMORY_LIMIT_BYTES};
pub use reply::{Body, Reply};
pub use spool::Spool;
pub use workstation::{Ended, Workstation};

/// A text that no line of the client's output may begin with: a host put it behind a line end.
pub const INJECTED: &str = "INJECTED";

/// A text with everything that a terminal obeys: a title, colours, line ends, C1 controls, and marks that turn the
/// direction of writing.
pub const TERMINAL_COMMANDS: &str = "a\u{1b}]0;owned\u{7}\u{1b}[31mb\r\nINJECTED\u{8}\u{7f}\u{9b}31m\u{202e}gpj.exe\u{2066}\u{200f}\u{2028}INJECTED\u{0}";
