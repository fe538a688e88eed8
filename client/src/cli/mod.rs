//! The command line: global options, one file per command, and what every command shares.
//!
//! A command is a file with `#[derive(Args)] struct XArgs` and `fn run(args: &XArgs, env: &Env) -> Result<Outcome,
//! CliError>`, and one line in each of [`Command`] and its `run`.

mod analyze;
mod chart;
mod cleanup;
mod collect;
mod compare;
mod completions;
mod config;
mod connect;
mod delete;
mod discover;
mod doctor;
mod env;
mod error;
mod export;
mod hosts;
mod import;
mod install;
mod job;
mod list;
mod man;
mod number;
mod options;
mod outcome;
mod phrase;
mod preflight;
mod pull;
mod reindex;
mod schedule;
mod selection;
mod start;
mod status;
mod stop;
mod uninstall;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use vscsi_shared::exit_code;

use crate::transport::ssh::answer_as_helper;

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

/// Every command, in the order of the help text.
#[derive(Debug, Subcommand)]
pub enum Command {
    Preflight(preflight::PreflightArgs),
    Install(install::InstallArgs),
    Uninstall(uninstall::UninstallArgs),
    Hosts(hosts::HostsArgs),
    Discover(discover::DiscoverArgs),
    Start(start::StartArgs),
    Status(status::StatusArgs),
    List(list::ListArgs),
    Stop(stop::StopArgs),
    Pull(pull::PullArgs),
    Import(import::ImportArgs),
    Analyze(analyze::AnalyzeArgs),
    Compare(compare::CompareArgs),
    Export(export::ExportArgs),
    Cleanup(cleanup::CleanupArgs),
    Delete(delete::DeleteArgs),
    Collect(collect::CollectCommandArgs),
    Schedule(schedule::ScheduleArgs),
    Chart(chart::ChartArgs),
    Verify(verify::VerifyArgs),
    Config(config::ConfigArgs),
    Reindex(reindex::ReindexArgs),
    Doctor(doctor::DoctorArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

impl Command {
    fn run(&self, env: &Env) -> Result<Outcome, CliError> {
        match self {
            Self::Preflight(args) => preflight::run(args, env),
            Self::Install(args) => install::run(args, env),
            Self::Uninstall(args) => uninstall::run(args, env),
            Self::Hosts(args) => hosts::run(args, env),
            Self::Discover(args) => discover::run(args, env),
            Self::Start(args) => start::run(args, env),
            Self::Status(args) => status::run(args, env),
            Self::List(args) => list::run(args, env),
            Self::Stop(args) => stop::run(args, env),
            Self::Pull(args) => pull::run(args, env),
            Self::Import(args) => import::run(args, env),
            Self::Analyze(args) => analyze::run(args, env),
            Self::Compare(args) => compare::run(args, env),
            Self::Export(args) => export::run(args, env),
            Self::Cleanup(args) => cleanup::run(args, env),
            Self::Delete(args) => delete::run(args, env),
            Self::Collect(args) => collect::run(args, env),
            Self::Schedule(args) => schedule::run(args, env),
            Self::Chart(args) => chart::run(args, env),
            Self::Verify(args) => verify::run(args, env),
            Self::Config(args) => config::run(args, env),
            Self::Reindex(args) => reindex::run(args, env),
            Self::Doctor(args) => doctor::run(args, env),
            Self::Completions(args) => completions::run(args, env),
            Self::Man(args) => man::run(args, env),
        }
    }
}

/// Runs the program with these arguments, the first of which is its own name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // ssh starts this program again to ask it for the password that the user typed.
    let prompt = arguments.get(1).map(|prompt| prompt.to_string_lossy());
    if let Some(answered) = answer_as_helper(prompt.as_deref(), &mut std::io::stdout()) {
        return ExitCode::from(if answered { exit_code::OK } else { exit_code::FAILED });
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
