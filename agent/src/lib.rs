//! The agent on the ESXi host: drives vscsiStats, spools its output, serves it on the loopback, and sees to it that
//! collection ends.
//!
//! Architecture invariants:
//! - One process, the [`switch`], starts and stops collections and writes the journal; it outlives the one that asks.
//! - One thread, the collector's, decides what is collected, takes snapshots, and owns all state of jobs. HTTP threads
//!   pass actions to it, read what it has published, and list the inventory.
//! - Only [`host`] knows the command lines of vscsiStats, and only [`command`] runs programs of the host.
//! - A collection is in the journal before it is started, and leaves it after its end is certain.
//! - A snapshot is immutable once it is in the spool.
//! - No async runtime, no `/proc`, no shell, no search path, no nonblocking descriptor: see `clippy.toml` beside this
//!   crate for what an ESXi host does not have.
#![warn(clippy::indexing_slicing)]

pub mod action;
pub mod boot;
pub mod cleanup;
pub mod clock;
pub mod collector;
pub mod command;
pub mod connect;
pub mod doctor;
pub mod fault;
mod files;
pub mod host;
pub mod http;
pub mod journal;
mod lock;
pub mod log;
pub mod options;
mod random;
pub mod running;
pub mod serve;
pub mod spool;
pub mod switch;
mod sys;
mod threads;
mod wait;

use std::ffi::OsString;
use std::io::Write as _;

use vscsi_shared::exit_code;

use options::{HELP, Invocation, Options};

/// Does what the command line says and gives the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(error) => {
            say(&format!("vscsi-agent: {error}; see `vscsi-agent help`\n"));
            return exit_code::USAGE;
        }
    };
    let done = match &options.invocation {
        Invocation::Serve { detached, take_over } => {
            serve::serve(&options, *detached, *take_over).map_err(|error| error.to_string())
        }
        Invocation::Connect => connect::connect(&options).map_err(|error| error.to_string()),
        Invocation::Clock => {
            print(&format!("{}\n", sys::monotonic_ms()));
            Ok(())
        }
        Invocation::Version => {
            print(&format!("vscsi-agent {}\n", env!("CARGO_PKG_VERSION")));
            Ok(())
        }
        Invocation::Help => {
            print(HELP);
            Ok(())
        }
        #[cfg(feature = "fault-points")]
        Invocation::FaultPoints => {
            print(&(fault::FAULT_POINTS.join("\n") + "\n"));
            Ok(())
        }
        Invocation::Switch(begin) => switch::switch(&options, begin).map_err(|error| error.to_string()),
        Invocation::Cleanup { all } => cleanup::cleanup(&options, *all)
            .map(|did| print(&(did + "\n")))
            .map_err(|error| error.to_string()),
        Invocation::Doctor { json } => {
            let (text, code) = doctor::doctor(&options, *json);
            print(&text);
            return code;
        }
    };
    match done {
        Ok(()) => exit_code::OK,
        Err(error) => {
            say(&format!("vscsi-agent: {error}\n"));
            exit_code::FAILED
        }
    }
}

fn print(text: &str) {
    // Whoever closed standard output does not want the text.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
