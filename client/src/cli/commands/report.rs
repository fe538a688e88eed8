//! `report`: one page with everything a job says, to be passed on.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::analysis::Analysis;
use crate::analysis::anonymous::Aliases;
use crate::cli::anonymise::AnonymiseArg;
use crate::cli::job::JobArg;
use crate::cli::selection::{SelectionArgs, analyze};
use crate::cli::{CliError, Env, Outcome, OutputError};
use crate::failure::UsageError;
use crate::fio::FioOptions;
use crate::number::bytes;
use crate::report::Report;
use crate::store::{Store, followed, write_atomic};

/// Write one page with all that a job says, to be passed on: verdict, profile, charts, fio job
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper report sql-peak
  vscsi-helper report sql-peak --filter cluster -o sql-peak.html --open
  vscsi-helper report sql-peak -o - | gzip > sql-peak.html.gz
  vscsi-helper report sql-peak --anonymise -o to-the-vendor.html

The page is one file of HTML that asks for nothing else, so it can be mailed and read
offline. It needs no scripts, follows the reader's light or dark setting, and prints well.
The same job and options give the same bytes. With --anonymise it names nobody and no date;
METHODS.md says what is replaced and what stays.")]
pub struct ReportArgs {
    #[command(flatten)]
    job: JobArg,
    /// File to write, `-` for the standard output [default: JOB.html in the current directory, job-1.html with --anonymise]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Open the page in the browser afterwards
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    anonymise: AnonymiseArg,
    #[command(flatten)]
    selection: SelectionArgs,
}

pub(super) fn run(args: &ReportArgs, env: &Env) -> Result<Outcome, CliError> {
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    if to_stdout && args.open {
        return Err(UsageError::new(
            "a page on the standard output cannot be opened",
            "name a file with `-o FILE`, or leave out `--open`",
        )
        .into());
    }
    let options = args.selection.options(env)?;
    let store = Store::open(&env.data_dir)?;
    let (directory, analysis) = analyze(&args.job.reference, &options, &store, env)?;
    let analysis = args.anonymise.of(analysis, &mut Aliases::default());
    let page = Report::of(&analysis, &FioOptions::default())?.to_html();
    if to_stdout {
        let mut stdout = env.stdout();
        stdout
            .write_all(page.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(OutputError)?;
        return Ok(Outcome::of(&analysis));
    }
    let path = match args.output.as_deref() {
        Some(path) => followed(path)?,
        None => args
            .anonymise
            .usual_file(&[(directory.reference(), &analysis)], "html")?,
    };
    write_atomic(&path, page.as_bytes())?;
    if env.json {
        env.print_json(&serde_json::json!({"path": path, "bytes": page.len()}))?;
    } else {
        env.print(format_args!(
            "Wrote the report to {} ({})",
            env.shown(&path),
            bytes(page.len() as u64)
        ))?;
    }
    if args.open
        && let Err(error) = open::that_detached(&path)
    {
        // The page is there, whoever shows it.
        env.warn(format_args!(
            "no browser could be started ({error}); open {} in one",
            path.display()
        ));
    }
    Ok(Outcome::of(&analysis))
}

/// Writes the report of an analysis as a file of its job, and returns its path.
pub(super) fn write_beside(folder: &Path, analysis: &Analysis, options: &FioOptions) -> Result<PathBuf, CliError> {
    let path = folder.join(format!("{}-report.html", analysis.job.job_id));
    write_atomic(&path, Report::of(analysis, options)?.to_html().as_bytes())?;
    Ok(path)
}
