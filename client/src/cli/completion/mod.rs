//! What a shell completes: commands, options and values as the command line is defined, and the names of jobs, hosts, VMs
//! and disks that are known here. No host is asked, and nothing is written.
//!
//! The script of a shell runs this program with [`VARIABLE`] and the words behind `--`.

mod bash;
mod known;

use std::ffi::OsString;
use std::io;
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::env::{Elvish, EnvCompleter as _, Fish, Powershell, Shells, Zsh};

use super::Cli;
use bash::Bash;
use known::Known;

/// Holds the name of the shell that asks.
const VARIABLE: &str = "VSCSI_HELPER_COMPLETE";
/// What the shells call this program.
const PROGRAM: &str = "vscsi-helper";

const SHELLS: Shells<'static> = Shells(&[&Bash, &Elvish, &Fish, &Powershell, &Zsh]);

/// The script by which a shell of that name asks.
///
/// # Errors
/// When there is no such shell.
pub(super) fn script(shell: &str) -> io::Result<Vec<u8>> {
    let mut script = Vec::new();
    completer(shell)?.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
    Ok(script)
}

/// The answer to a shell; `None` when it is no shell that asks.
pub(super) fn answer(arguments: &[OsString]) -> Option<io::Result<Vec<u8>>> {
    let shell = std::env::var(VARIABLE).ok()?;
    let begin = arguments.iter().position(|word| word == "--")? + 1;
    Some(complete(&shell, arguments.get(begin..)?.to_vec()))
}

fn complete(shell: &str, words: Vec<OsString>) -> io::Result<Vec<u8>> {
    let known = Known::to(if shell == Bash.name() {
        bash::words(&words)
    } else {
        words.clone()
    });
    let mut command = known.complete(Cli::command());
    command.build();
    let directory = std::env::current_dir().ok();
    let mut answer = Vec::new();
    completer(shell)?.write_complete(&mut command, words, directory.as_deref(), &mut answer)?;
    Ok(answer)
}

fn completer(shell: &str) -> io::Result<&'static dyn clap_complete::env::EnvCompleter> {
    let name = Path::new(shell).file_stem().unwrap_or_default().to_string_lossy();
    let unknown = || io::Error::other(format!("no shell `{shell}` is known"));
    SHELLS
        .0
        .iter()
        .copied()
        .find(|known| known.is(&name))
        .ok_or_else(unknown)
}
