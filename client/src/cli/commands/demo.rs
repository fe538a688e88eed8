//! `demo`: the product on a job that it carries.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Parser as _};

use super::report::{beside, open_page};
use crate::cli::{Cli, CliError, ColorChoice, Env, GlobalOptions, Outcome};
use crate::failure::{FileError, UsageError};
use crate::recording;
use crate::store::Store;

/// Show what comes of a collection, without a host: a recorded job, analysed, charted and reported
///
/// The job was recorded on a simulated ESXi host. It gets a data directory of its own, so that nothing of it stands among
/// jobs of real hosts.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper demo
  vscsi-helper demo ~/try-it --open")]
pub struct DemoArgs {
    /// Data directory for the recorded job: a new one, an empty one, or that of a demonstration before
    #[arg(value_name = "DIRECTORY", default_value = "vscsi-helper-demo")]
    directory: PathBuf,
    /// Open the report in the browser afterwards
    #[arg(long)]
    open: bool,
}

const PROGRAM: &str = "vscsi-helper";
/// What is run on the job.
const SHOWN: &[&str] = &[
    "analyze",
    recording::NAME,
    "--visualize",
    "--format",
    "svg",
    "--csv",
    "--report",
];

/// What is left to the reader.
const TO_TRY: [&[&str]; 4] = [
    &["analyze", recording::NAME, "--explain-filters"],
    &["report", recording::NAME, "--filter", "cluster", "--open"],
    &["export", recording::NAME, "--format", "xlsx"],
    &["verify", recording::NAME, "--directory", "SCRATCH"],
];

pub(super) fn run(args: &DemoArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(unused(&args.directory)?)?;
    let job = recording::place(&store)?;
    if !job.job_file().exists() {
        recording::unpack(&store)?;
    }
    env.note(format_args!(
        "A recorded job: half an hour of a database VM on a simulated ESXi host, one sample a minute.\n\
         It lies in {}, a data directory of its own.\n\n$ {}\n",
        env.shown(&args.directory),
        command_line(&args.directory, SHOWN)
    ));
    let cli = parsed(SHOWN).map_err(|error| UsageError {
        message: error.to_string(),
        hint: None,
    })?;
    let (own, read) = options(&args.directory, env).environment();
    read?;
    let outcome = cli.command.run(&own)?;
    let page = beside(&job.analysis(), &job.reference().to_string());
    let to_try = TO_TRY.map(|words| format!("\n  {}", command_line(&args.directory, words)));
    env.note(format_args!(
        "\nThe report is {}. Other things to try:{}\n\nNothing else was written; remove the directory to be rid of it.",
        env.shown(&page),
        to_try.concat()
    ));
    if args.open {
        open_page(&page, env);
    }
    Ok(outcome)
}

fn parsed(words: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once(&PROGRAM).chain(words))
}

/// The directory, when there is nothing in it that is not of the demonstration.
fn unused(directory: &Path) -> Result<&Path, CliError> {
    let is_used = match fs::read_dir(directory) {
        Ok(mut entries) => entries.next().is_some() && !directory.join(recording::NAME).exists(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(FileError::new("list", directory)(error).into()),
    };
    if is_used {
        return Err(UsageError::new(
            format!("`{}` is not empty, and no demonstration", directory.display()),
            "name a directory that is not there yet: `vscsi-helper demo DIRECTORY`",
        )
        .into());
    }
    Ok(directory)
}

/// The options of this run for a command on the recorded job.
fn options(directory: &Path, env: &Env) -> GlobalOptions {
    GlobalOptions {
        data_dir: Some(directory.to_owned()),
        config: env.config_path.exists().then(|| env.config_path.clone()),
        verbose: env.verbose,
        json: env.json,
        color: if env.color {
            ColorChoice::Always
        } else {
            ColorChoice::Never
        },
    }
}

/// The command as a person types it.
fn command_line(directory: &Path, words: &[&str]) -> String {
    let directory = directory.to_string_lossy();
    let directory = shlex::try_quote(&directory).unwrap_or(directory.clone());
    format!("{PROGRAM} --data-dir {directory} {}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_is_run_or_told_of_can_be_typed() {
        for words in [SHOWN].iter().chain(&TO_TRY) {
            parsed(words).unwrap();
        }
    }

    #[test]
    fn a_command_is_shown_as_a_shell_takes_it() {
        let shown = command_line(Path::new("try it"), &["list"]);
        assert_eq!(shlex::split(&shown).unwrap(), [PROGRAM, "--data-dir", "try it", "list"]);
    }
}
