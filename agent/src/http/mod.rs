//! The HTTP API on the loopback: a gate, and `tiny_http` behind it.

mod admission;
mod answers;
mod bundle;
mod gate;
mod head;
mod inner;
mod routes;
mod server;

pub use head::{Head, answer_length, end_of_head};
pub use server::{Asked, Context, close, serve};
