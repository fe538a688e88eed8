//! The options that every command has.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{CliError, Env};
use crate::config::{self, Config};

/// Options that every command has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalOptions {
    /// Directory of jobs and catalog [default: `$VSCSI_HELPER_DATA_DIR`, else ~/.vscsiStats-helper/data]
    // The variables are read below: clap would take them for options given, and show them in each usage line.
    #[arg(long, global = true, value_name = "PATH")]
    pub data_dir: Option<PathBuf>,
    /// Configuration file [default: `$VSCSI_HELPER_CONFIG`, else ~/.vscsiStats-helper/config.yaml]
    #[arg(long, global = true, value_name = "PATH")]
    pub config: Option<PathBuf>,
    /// Print details of the work to standard error
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Print data as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// The decision, given whether the stream is a terminal and the value of `NO_COLOR` (<https://no-color.org>).
    fn decide(self, terminal: bool, no_color: Option<&std::ffi::OsStr>) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => terminal && no_color.is_none_or(std::ffi::OsStr::is_empty),
        }
    }
}

/// A path from the environment; an empty one is as good as none.
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

impl GlobalOptions {
    fn data_dir_of(&self, config: &Config) -> PathBuf {
        let named = self.data_dir.clone().or_else(|| variable("VSCSI_HELPER_DATA_DIR"));
        named.unwrap_or_else(|| config.data_directory.clone())
    }

    /// The directory of jobs and catalog; that of the default configuration where the one there is cannot be used.
    pub(super) fn data_dir(&self) -> PathBuf {
        let (path, must_exist) = self.config_file();
        self.data_dir_of(&config::load(&path, must_exist).unwrap_or_default())
    }

    /// The configuration file, and whether it has to be there.
    fn config_file(&self) -> (PathBuf, bool) {
        let named = self.config.clone().or_else(|| variable("VSCSI_HELPER_CONFIG"));
        let must_exist = named.is_some();
        (named.unwrap_or_else(config::default_path), must_exist)
    }

    /// Reads the configuration and makes the surroundings of a command. When the configuration cannot be used, the
    /// surroundings are there all the same, to show the error in.
    pub(super) fn environment(&self) -> (Env, Result<(), CliError>) {
        let (path, must_exist) = self.config_file();
        let (config, read) = match config::load(&path, must_exist) {
            Ok(config) => (config, Ok(())),
            Err(error) => (Config::default(), Err(error.into())),
        };
        let data_dir = self.data_dir_of(&config);
        let mut env = Env::of_process(config, path, data_dir);
        env.json = self.json;
        env.verbose = self.verbose;
        if self.verbose {
            env.show_details();
        }
        env.color = self
            .color
            .decide(std::io::stderr().is_terminal(), std::env::var_os("NO_COLOR").as_deref());
        (env, read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_follows_the_terminal_unless_no_color_is_set_to_something() {
        assert!(ColorChoice::Auto.decide(true, None));
        assert!(ColorChoice::Auto.decide(true, Some("".as_ref())));
        assert!(!ColorChoice::Auto.decide(true, Some("1".as_ref())));
        assert!(!ColorChoice::Auto.decide(false, None));
    }

    #[test]
    fn asking_for_colour_beats_no_color() {
        assert!(ColorChoice::Always.decide(false, Some("1".as_ref())));
    }
}
