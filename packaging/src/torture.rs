//! `cargo xtask torture`: the shipped agent on simulated hosts, to which random things are done.

use anyhow::Result;
use clap::Args;

use crate::{binaries, needs, process, script};

/// Options of `cargo xtask torture`.
#[derive(Debug, Args)]
pub(crate) struct TortureArgs {
    /// How many runs.
    #[arg(long, default_value_t = 100)]
    runs: u64,
    /// What the runs are drawn from: the same number draws the same plans.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The first run; with `--runs 1`, the only one, as a failure names it.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// How many at a time; mostly they wait.
    #[arg(long, default_value_t = 6)]
    at_a_time: usize,
    /// Let the agent be the one in Python.
    #[arg(long)]
    script: bool,
}

/// Builds what is run, and runs it.
pub(crate) fn run(args: &TortureArgs) -> Result<()> {
    needs::ensure(&[needs::BUILDING, needs::TESTING])?;
    let (agent, simulator) = if args.script {
        let [shipped, _] = script::programs()?;
        (shipped, binaries::simulator()?)
    } else {
        (binaries::agent()?, binaries::simulator()?)
    };
    // Cargo builds one program with `run`, and this one starts another of its package.
    process::run(&mut process::cargo([
        "build",
        "--locked",
        "--package",
        "vscsi-tests",
        "--bins",
    ])?)?;
    let target = process::target_directory()?;
    let mut torture = std::process::Command::new(target.join("debug").join("torture"));
    for (option, number) in [
        ("--runs", args.runs),
        ("--seed", args.seed),
        ("--first", args.first),
        ("--at-a-time", args.at_a_time as u64),
    ] {
        torture.arg(option).arg(number.to_string());
    }
    torture.arg("--keep").arg(target.join("torture"));
    process::run(torture.env("VSCSI_AGENT_MUSL", agent).env("ESXI_SIM", simulator))
}
