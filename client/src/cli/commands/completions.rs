//! `completions`: what a shell needs to complete our command lines.

use clap::Args;
use clap_complete::Shell;

use crate::cli::error::OutputError;
use crate::cli::{CliError, Env, Outcome, completion};

/// Print the script by which a shell completes commands, options, and the names of jobs, hosts, VMs and disks known here
///
/// The script asks this program, so it is best read anew by each shell that starts; no host is asked.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  echo 'source <(vscsi-helper completions bash)' >> ~/.bashrc
  echo 'source <(vscsi-helper completions zsh)' >> ~/.zshrc         # after compinit
  echo 'vscsi-helper completions fish | source' > ~/.config/fish/completions/vscsi-helper.fish
  vscsi-helper completions powershell | Out-String | Invoke-Expression")]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs, env: &Env) -> Result<Outcome, CliError> {
    // Into memory first, so that a script is printed whole or not at all.
    let script = completion::script(&args.shell.to_string()).map_err(OutputError)?;
    env.stdout().write_all(&script).map_err(OutputError)?;
    Ok(Outcome::Done)
}
