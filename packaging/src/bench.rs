//! `cargo xtask bench`: the benchmarks, each of which measures the product beside what a user would do instead.

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::{binaries, needs, newer_fio, process, python, script};

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
    /// Bytes and seconds of reports, beside pages made with plotly and matplotlib.
    Report,
    /// What the agent costs its host, how late it is, and that it loses nothing; three quarters of an hour at full length.
    Agent,
    /// Pulling beside `ssh cat` of the same bytes, and fifty hosts at once.
    Pull,
    /// How near the generated fio jobs come to workloads they have never seen.
    Fidelity,
}

impl Benchmark {
    fn package(self) -> &'static str {
        match self {
            Self::Parser => "vscsi-shared",
            Self::Analysis | Self::Charts | Self::Report => "vscsi-helper",
            Self::Agent | Self::Pull | Self::Fidelity => "vscsi-tests",
        }
    }

    fn needs(self) -> &'static [&'static [needs::Need]] {
        match self {
            Self::Parser | Self::Charts => &[needs::BUILDING],
            Self::Analysis | Self::Report => &[needs::BUILDING, needs::READING],
            Self::Agent | Self::Pull => &[needs::BUILDING, needs::TESTING],
            Self::Fidelity => &[needs::BUILDING, needs::REPLAYING],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Parser => "parser",
            Self::Analysis => "analysis",
            Self::Charts => "charts",
            Self::Report => "report",
            Self::Agent => "agent",
            Self::Pull => "pull",
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
        needs::ensure(benchmark.needs())?;
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
                let [script, _] = script::programs()?;
                command
                    .env("VSCSI_AGENT_SCRIPT", script)
                    .env("VSCSI_AGENT_MUSL", binaries::agent()?)
                    .env("ESXI_SIM", binaries::simulator()?);
            }
            Benchmark::Pull => {
                let agent = binaries::agent()?;
                command
                    .env("ESXI_SIM", binaries::simulator()?)
                    .env("VSCSI_HELPER", binaries::optimised_client(&agent)?)
                    .env("VSCSI_AGENT_MUSL", agent);
            }
            Benchmark::Fidelity => {
                command.env("FIO_WITH_IOLOG", newer_fio::ensure(&process::target_directory()?)?);
            }
            Benchmark::Analysis => {
                command.env("VSCSI_BENCH_PYTHON", python::environment("bench", &["pandas==3.1.1"])?);
            }
            Benchmark::Report => {
                let packages = ["plotly==6.5.0", "matplotlib==3.10.7", "numpy==2.3.5"];
                command.env("VSCSI_BENCH_PYTHON", python::environment("bench-report", &packages)?);
            }
            Benchmark::Parser | Benchmark::Charts => {}
        }
        process::run(&mut command)?;
    }
    Ok(())
}
