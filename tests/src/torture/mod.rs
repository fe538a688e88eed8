//! Torture: real agents on simulated hosts, to which random things are done, and whose promises are checked afterwards.
//!
//! A run is [`plan::Plan`], drawn from a seed; [`perform()`] carries it out, and [`check()`] judges by what the simulated
//! host has noted, what lies in the spool, and what the agent answered, never by the agent's own log.

mod check;
mod clock;
mod draw;
mod evidence;
mod many;
mod perform;
mod plan;
mod stage;
mod timeline;

pub use check::{Ends, Findings, check};
pub use draw::draw;
pub use evidence::{Deadline, DiskKey, Evidence, Life, NEVER, Role};
pub use many::{Report, Torture, torture};
pub use perform::{Performed, perform};
pub use plan::Plan;
