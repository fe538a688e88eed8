//! The command line: global options, the commands, and what they share.

mod anonymise;
mod columns;
mod commands;
mod completion;
mod confirm;
mod connect;
mod details;
mod env;
mod error;
mod job;
mod job_name;
mod number;
mod options;
mod outcome;
mod phrase;
mod refresh;
mod selection;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use vscsi_shared::exit_code;

use crate::transport::ssh::answer_as_helper;

pub use commands::Command;
pub use env::Env;
pub use error::{CliError, OutputError};
pub use options::{ColorChoice, GlobalOptions};
pub use outcome::Outcome;

/// From what a VM does on its disks to a workload that can be replayed.
#[derive(Debug, Parser)]
#[command(name = "vscsi-helper", version, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub options: GlobalOptions,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Runs the program with these arguments, the first of which is its own name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // ssh starts this program again to ask it for the password that the user typed.
    let prompt = arguments.get(1).map(|prompt| prompt.to_string_lossy());
    if let Some(answered) = answer_as_helper(prompt.as_deref(), &mut std::io::stdout()) {
        return ExitCode::from(if answered { exit_code::OK } else { exit_code::FAILED });
    }
    if let Some(answer) = completion::answer(&arguments) {
        // A shell shows nobody why there is nothing to complete.
        let written = answer.and_then(|answer| std::io::stdout().write_all(&answer));
        return ExitCode::from(if written.is_ok() {
            exit_code::OK
        } else {
            exit_code::FAILED
        });
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; clap knows which stream each belongs to.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() {
                exit_code::USAGE
            } else {
                exit_code::OK
            });
        }
    };
    let (env, read) = cli.options.environment();
    match read.and_then(|()| cli.command.run(&env)) {
        Ok(outcome) => ExitCode::from(outcome.exit_code()),
        Err(error) if error.is_broken_pipe() => ExitCode::from(exit_code::OK),
        Err(error) => {
            env.show_error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_definition_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example_in_its_help() {
        use clap::CommandFactory;
        let mut command = Cli::command();
        for subcommand in command.get_subcommands_mut() {
            let help = subcommand.render_long_help().to_string();
            assert!(help.contains("Example"), "{}", subcommand.get_name());
        }
    }
}
