//! The HTTP API on the loopback: `tiny_http`, fenced.

mod admission;
mod bundle;
mod routes;
mod server;

pub use server::{Asked, Context, serve};
