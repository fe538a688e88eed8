//! Generated fio files: what they say, what fio makes of them, and what it does with them.

mod accepts;
mod course;
mod files;
mod generate;
mod logs;
mod oracle;
#[cfg(unix)]
mod prepared;
mod real;
mod set;
mod shapes;

use vscsi_helper::stream::Command;

use crate::support::workloads::streams;

/// The stream of this name, of about `length` commands.
fn stream(name: &str, length: usize) -> Vec<Command> {
    let mut all = streams::all(length).into_iter();
    all.find(|stream| stream.name == name).unwrap().commands
}
