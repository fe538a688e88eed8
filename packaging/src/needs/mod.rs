//! What a task needs beside cargo, made sure of before anything is built.
//!
//! [`need`] says what is needed, [`machine`] looks at what is there, [`remedy`] decides what to do about the rest, and
//! this module does it. Whatever cannot be installed from here is named, with the command that installs it.

mod machine;
mod need;
mod remedy;

use anyhow::{Result, bail};

use crate::process;
use machine::Machine;

pub(crate) use need::{BROWSING, BUILDING, CHECKING, FUZZING, MUSL, Need, OPENING, READING, REPLAYING, TESTING};

/// Makes sure that everything in these lists is there, and installs what is not.
///
/// # Errors
/// When something is missing and cannot be installed from here; the message says what to install and how.
pub(crate) fn ensure(lists: &[&[Need]]) -> Result<()> {
    let machine = Machine::look()?;
    let missing = machine.missing(lists.concat());
    if missing.is_empty() {
        return Ok(());
    }
    for step in remedy::steps(&missing, machine.means()) {
        for mut command in step.commands() {
            // What is missing afterwards is the error, and it says more than a failed command does.
            if let Err(error) = process::run(&mut command) {
                process::say(&format!("{error:#}"));
            }
        }
    }
    let still_missing = machine.missing(missing);
    if still_missing.is_empty() {
        return Ok(());
    }
    bail!(remedy::advice(&still_missing, machine.means()))
}
