//! `cargo xtask bench`: the benchmarks, each of which measures the product beside what a user would do instead.

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::{binaries, newer_fio, process, system_packages};

/// Options of `cargo xtask bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Run only these; without a name, all.
    benchmarks: Vec<Benchmark>,
}

/// One benchmark program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Benchmark {
    /// Megabytes a second through the parser.
    Parser,
    /// Ten thousand samples of four disks, beside the same work in pandas.
    Analysis,
    /// All charts of a short and of a long job.
    Charts,
    /// What the agent costs its host, how late it is, and that it loses nothing; half an hour at full length.
    Agent,
    /// How near the generated fio jobs come to workloads they have never seen.
    Fidelity,
}

impl Benchmark {
    fn package(self) -> &'static str {
        match self {
            Self::Parser => "vscsi-shared",
            Self::Analysis | Self::Charts => "vscsi-helper",
            Self::Agent | Self::Fidelity => "vscsi-tests",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Parser => "parser",
            Self::Analysis => "analysis",
            Self::Charts => "charts",
            Self::Agent => "agent",
            Self::Fidelity => "fidelity",
        }
    }
}

/// Runs the benchmarks that are named, or all of them.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let chosen = if args.benchmarks.is_empty() {
        Benchmark::value_variants()
    } else {
        &args.benchmarks
    };
    for benchmark in chosen {
        let arguments = [
            "bench",
            "--locked",
            "--package",
            benchmark.package(),
            "--bench",
            benchmark.name(),
        ];
        let mut command = process::cargo(arguments)?;
        match benchmark {
            Benchmark::Agent => {
                command
                    .env("VSCSI_AGENT_MUSL", binaries::agent()?)
                    .env("ESXI_SIM", binaries::simulator()?);
            }
            Benchmark::Fidelity => {
                system_packages::ensure(system_packages::FOR_TESTS)?;
                command.env("FIO_WITH_IOLOG", newer_fio::ensure(&process::target_directory()?)?);
            }
            Benchmark::Parser | Benchmark::Analysis | Benchmark::Charts => {}
        }
        process::run(&mut command)?;
    }
    Ok(())
}
