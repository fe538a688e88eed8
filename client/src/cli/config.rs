//! `config show` and `config path`.

use clap::{Args, Subcommand};

use super::{CliError, Env, Outcome};

/// Show the configuration in force, or where its file is
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vscsi-helper config show > ~/.vscsiStats-helper/config.yaml")]
pub struct ConfigArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the configuration in force: defaults with the file's values over them
    Show,
    /// Print the path of the configuration file
    Path,
}

pub(super) fn run(args: &ConfigArgs, env: &Env) -> Result<Outcome, CliError> {
    match args.action {
        Action::Show if env.json => env.print_json(&env.config)?,
        Action::Show => env.print(env.config.to_yaml()?.trim_end())?,
        Action::Path => env.print(env.config_path.display())?,
    }
    Ok(Outcome::Done)
}
