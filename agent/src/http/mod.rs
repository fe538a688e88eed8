//! The HTTP API on the loopback.
//!
//! ```text
//! listener ─> gate ─> connection: request ─> routes ─> answers, or an action for the collector ─> answer
//! ```
//!
//! One listener, one `gate` before everything else, and one thread with a small stack for each connection that the
//! gate has let in. The thread reads one `request` after another, whole, within limits of size and time, and with our
//! Host and our token, before anything else is done about it; `routes` names what it asks for, and `answers` says it.
//!
//! `tiny_http` is the HTTP in this: its types read method and header fields, and its `Response` writes every answer. Its
//! `Server` is left out. It takes any number of connections and header fields of any length, waits for each for ever,
//! allocates what a `Content-Length` promises, starts threads with stacks of 2 MiB, and its accepting thread panics when
//! descriptors are short for a moment. None of that can be bounded from outside: it takes connections from a listener
//! only, so that a gate before it has to read every request first and pass it on through a second socket.

mod admission;
mod answers;
mod bundle;
mod connection;
mod context;
mod gate;
mod head;
mod introduction;
mod manifest;
mod places;
mod request;
mod routes;

pub use context::{Asked, Context};
pub use gate::serve;
pub use head::{Head, end_of_head};
pub(crate) use introduction::introduce;
