//! How the client reaches an agent: a duplex stream of bytes that carries HTTP once the agent has greeted.
//!
//! Four ways lead there: one ssh exec channel (the default, because ESXi forbids forwarding), `ssh -N -L`, an address,
//! and a child process on this machine, which speaks exactly as ssh's remote end does.

mod address;
mod child;
mod conversation;
mod direct;
mod error;
mod forward;
mod greet;
mod http;
mod known_agent;
mod link;
mod local;
mod pace;
mod process;
mod quote;
pub mod ssh;

pub use address::{Address, HostName, InvalidAddress, Tunnel};
pub(crate) use conversation::Conversation;
pub use direct::Direct;
pub(crate) use error::not_an_agent;
pub use error::{HostKeyProblem, TransportError};
pub use forward::Forward;
pub use http::{Method, Session};
pub use known_agent::KnownAgent;
pub(crate) use known_agent::{NOT_KNOWN, SUMS_OF_A_FOLDER};
pub use link::Link;
pub use local::Local;
pub use process::{Output, Shell, ShellInput};
pub use quote::{command_line, quote};

use std::time::Duration;

/// Where `install` puts the binary of the agent of the host whose shell expands this, and beside it the script.
///
/// A datastore may be shared by all hosts of a cluster, and an agent looks after one host: so each has a folder of its
/// own, called after the name that its kernel has.
pub(crate) const AGENTS_OF_THIS_HOST: &str = r#"/vmfs/volumes/*/vscsi-helper-"$(/bin/uname -n)"/vscsi-agent"#;
/// What the script's folder is called where the binary would be [`AGENTS_OF_THIS_HOST`].
pub(crate) const SCRIPT_SUFFIX: &str = "-script";

/// A way to an agent.
pub trait Transport: Send + Sync + std::fmt::Debug {
    /// Reaches the agent, starting it if need be, and reads its greeting.
    ///
    /// # Errors
    /// When the host or the agent cannot be reached; [`TransportError::is_worth_retrying`] tells whether to try again.
    fn open(&self) -> Result<Opened, TransportError>;
}

/// A stream whose greeting has been read: what follows is HTTP.
#[derive(Debug)]
pub struct Opened {
    /// The stream.
    pub link: Box<dyn Link>,
    /// Who is at the other end.
    pub greeting: vscsi_shared::wire::Greeting,
}

/// How long a login, the start of an agent and its greeting may take beyond the time to connect.
const GREETING_TIMEOUT: Duration = Duration::from_mins(1);
