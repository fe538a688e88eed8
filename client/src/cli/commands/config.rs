//! `config show` and `config path`.

use clap::{Args, Subcommand};

use crate::cli::{CliError, Env, Outcome};

/// Show the effective configuration, or the path of its file
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper config show
  vscsi-helper config show > new-config.yaml

Check a new file with `vscsi-helper --config new-config.yaml config show`, then
move it to where `vscsi-helper config path` says.")]
pub struct ConfigArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the effective configuration: the defaults, overridden by the file
    Show,
    /// Print the path of the configuration file
    Path,
}

pub(super) fn run(args: &ConfigArgs, env: &Env) -> Result<Outcome, CliError> {
    match args.action {
        Action::Show => {
            // A `--data-dir` or its variable is in force as well.
            let mut config = env.config.clone();
            config.data_directory.clone_from(&env.data_dir);
            if env.json {
                env.print_json(&config)?;
            } else {
                env.print(config.to_yaml()?.trim_end())?;
            }
        }
        Action::Path if env.json => env.print_json(&env.config_path)?,
        Action::Path => env.print(env.config_path.display())?,
    }
    Ok(Outcome::Done)
}
