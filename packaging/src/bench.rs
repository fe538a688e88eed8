//! `cargo xtask bench`: the benchmarks, each of which measures the product beside what a user would do instead.

use anyhow::Result;
use clap::Args;

use crate::process;

/// Options of `cargo xtask bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Run only the benchmark of this name.
    name: Option<String>,
}

/// Runs one benchmark or all of them.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let mut command = process::cargo(["bench", "--locked", "--workspace"])?;
    if let Some(name) = &args.name {
        command.args(["--bench", name]);
    }
    process::run(&mut command)
}
