//! `man`: manual pages.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use crate::cli::error::OutputError;
use crate::cli::{Cli, CliError, Env, Outcome};
use crate::failure::FileError;

/// Print the manual page, or write one for every command into a directory
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vscsi-helper man | man -l -\n  vscsi-helper man --output /usr/local/share/man/man1"
)]
pub struct ManArgs {
    /// Directory for the pages of all commands
    #[arg(short, long, value_name = "DIRECTORY")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &ManArgs, env: &Env) -> Result<Outcome, CliError> {
    let Some(directory) = &args.output else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command())
            .render(&mut page)
            .map_err(OutputError)?;
        env.stdout().write_all(&page).map_err(OutputError)?;
        return Ok(Outcome::Done);
    };
    fs::create_dir_all(directory).map_err(FileError::new("create", directory))?;
    clap_mangen::generate_to(Cli::command(), directory).map_err(FileError::new("write to", directory))?;
    env.note(format_args!("Manual pages are in {}.", env.shown(directory)));
    Ok(Outcome::Done)
}
