//! The commands, one file each.
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
mod delete;
mod demo;
mod discover;
mod doctor;
mod export;
mod hosts;
mod import;
mod install;
mod licenses;
mod list;
mod man;
mod note;
mod preflight;
mod prune;
mod pull;
mod reindex;
mod report;
mod schedule;
mod start;
mod status;
mod stop;
mod suite;
mod uninstall;
mod verify;
mod watch;

use clap::Subcommand;

use super::{CliError, Env, Outcome};

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
    Watch(watch::WatchArgs),
    List(list::ListArgs),
    Stop(stop::StopArgs),
    Pull(pull::PullArgs),
    Import(import::ImportArgs),
    Analyze(analyze::AnalyzeArgs),
    Compare(compare::CompareArgs),
    Export(export::ExportArgs),
    Cleanup(cleanup::CleanupArgs),
    Delete(delete::DeleteArgs),
    Prune(prune::PruneArgs),
    Note(note::NoteArgs),
    Collect(collect::CollectCommandArgs),
    Schedule(schedule::ScheduleArgs),
    Chart(chart::ChartArgs),
    Report(report::ReportArgs),
    Verify(verify::VerifyArgs),
    Suite(suite::SuiteArgs),
    Config(config::ConfigArgs),
    Demo(demo::DemoArgs),
    Reindex(reindex::ReindexArgs),
    Doctor(doctor::DoctorArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    Licenses(licenses::LicensesArgs),
}

impl Command {
    pub(super) fn run(&self, env: &Env) -> Result<Outcome, CliError> {
        match self {
            Self::Preflight(args) => preflight::run(args, env),
            Self::Install(args) => install::run(args, env),
            Self::Uninstall(args) => uninstall::run(args, env),
            Self::Hosts(args) => hosts::run(args, env),
            Self::Discover(args) => discover::run(args, env),
            Self::Start(args) => start::run(args, env),
            Self::Status(args) => status::run(args, env),
            Self::Watch(args) => watch::run(args, env),
            Self::List(args) => list::run(args, env),
            Self::Stop(args) => stop::run(args, env),
            Self::Pull(args) => pull::run(args, env),
            Self::Import(args) => import::run(args, env),
            Self::Analyze(args) => analyze::run(args, env),
            Self::Compare(args) => compare::run(args, env),
            Self::Export(args) => export::run(args, env),
            Self::Cleanup(args) => cleanup::run(args, env),
            Self::Delete(args) => delete::run(args, env),
            Self::Prune(args) => prune::run(args, env),
            Self::Note(args) => note::run(args, env),
            Self::Collect(args) => collect::run(args, env),
            Self::Schedule(args) => schedule::run(args, env),
            Self::Chart(args) => chart::run(args, env),
            Self::Report(args) => report::run(args, env),
            Self::Verify(args) => verify::run(args, env),
            Self::Suite(args) => suite::run(args, env),
            Self::Config(args) => config::run(args, env),
            Self::Demo(args) => demo::run(args, env),
            Self::Reindex(args) => reindex::run(args, env),
            Self::Doctor(args) => doctor::run(args, env),
            Self::Completions(args) => completions::run(args, env),
            Self::Man(args) => man::run(args, env),
            Self::Licenses(_) => licenses::run(env),
        }
    }
}
