//! `completions`: what a shell needs to complete our command lines.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::error::OutputError;
use crate::cli::{Cli, CliError, Env, Outcome};

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vscsi-helper completions bash > /etc/bash_completion.d/vscsi-helper")]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs, env: &Env) -> Result<Outcome, CliError> {
    // Into memory first: the generator panics when its output cannot be written.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "vscsi-helper", &mut script);
    env.stdout().write_all(&script).map_err(OutputError)?;
    Ok(Outcome::Done)
}
