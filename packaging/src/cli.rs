//! The command line of `cargo xtask`.

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The project's own tasks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run the main job on a simulated ESXi host: discover, start, status, pull, analyze.
    Demo(crate::demo::DemoArgs),
    /// Run every check, after installing what they need.
    Test(crate::test::TestArgs),
    /// Run the benchmarks, each beside what a user would do instead.
    Bench(crate::bench::BenchArgs),
    /// Kill, freeze and starve agents on simulated hosts, and check what they promise.
    Torture(crate::torture::TortureArgs),
    /// Feed a reader of foreign bytes with what libFuzzer makes up.
    Fuzz(crate::fuzz::FuzzArgs),
    /// Write the notices of everything that is linked in, which `vscsi-helper licenses` prints.
    Notices,
}

/// Runs the task that the command line names.
pub(crate) fn run() -> Result<()> {
    match Cli::parse().task {
        Task::Demo(args) => crate::demo::run(&args),
        Task::Test(args) => crate::test::run(&args),
        Task::Bench(args) => crate::bench::run(&args),
        Task::Torture(args) => crate::torture::run(&args),
        Task::Fuzz(args) => crate::fuzz::run(&args),
        Task::Notices => crate::notices::write(),
    }
}
