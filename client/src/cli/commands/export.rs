//! `export`: a job's samples as a table for other programs.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum as _};

use crate::analysis::{Analysis, FilterMethod};
use crate::cli::job::JobArg;
use crate::cli::selection::{SelectionArgs, analyze};
use crate::cli::{CliError, Env, Outcome, OutputError};
use crate::failure::FileError;
use crate::number::counted;
use crate::store::Store;
use crate::table::{self, Format};

/// Write a job's samples as a table: CSV, Parquet or JSON
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper export sql-peak -o sql-peak.parquet
  vscsi-helper export sql-peak --format csv --filter cluster
  vscsi-helper export sql-peak --format json -o - | jq length

One row per bucket that holds I/Os; METHODS.md describes the columns.
Without --filter every sample is exported, whatever the configured filter.")]
pub struct ExportArgs {
    #[command(flatten)]
    job: JobArg,
    /// Format of the table [default: by the file's extension, else csv]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// File to write, `-` for the standard output [default: JOB.csv, .parquet or .json in the current directory]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    selection: SelectionArgs,
}

impl ExportArgs {
    /// The form asked for: by name, else by the extension of the file.
    fn format(&self) -> Format {
        let by_extension = || {
            let extension = self.output.as_deref()?.extension()?.to_str()?;
            Format::from_str(extension, true).ok()
        };
        self.format.or_else(by_extension).unwrap_or(Format::Csv)
    }
}

pub(super) fn run(args: &ExportArgs, env: &Env) -> Result<Outcome, CliError> {
    let options = args.selection.options_or(FilterMethod::None, env)?;
    let store = Store::open(&env.data_dir)?;
    let (directory, analysis) = analyze(&args.job.reference, &options, &store, env)?;
    let format = args.format();
    if args.output.as_deref() == Some(Path::new("-")) {
        print(format, &analysis, env)?;
    } else {
        let extension = match format {
            Format::Csv => "csv",
            Format::Parquet => "parquet",
            Format::Json => "json",
        };
        let usual = || PathBuf::from(format!("{}.{extension}", directory.reference()));
        let path = args.output.clone().unwrap_or_else(usual);
        write(&path, format, &analysis)?;
        let samples = analysis.workload.provenance.samples_kept;
        if env.json {
            env.print_json(&serde_json::json!({"path": path, "samples": samples}))?;
        } else {
            let samples = counted(samples, "sample");
            env.print(format_args!("Wrote {samples} to {}", env.shown(&path)))?;
        }
    }
    Ok(Outcome::of(&analysis))
}

fn write(path: &Path, format: Format, analysis: &Analysis) -> Result<(), CliError> {
    let (series, kept) = (&analysis.series, &analysis.kept);
    let written = match format {
        Format::Csv => table::write_csv(path, series, kept),
        Format::Parquet => table::write_parquet(path, series, kept),
        Format::Json => table::write_json(path, series, kept),
    };
    Ok(written?)
}

/// Prints the table on the standard output once it is whole.
fn print(format: Format, analysis: &Analysis, env: &Env) -> Result<(), CliError> {
    let folder = std::env::temp_dir();
    let folder = tempfile::tempdir().map_err(FileError::new("create a temporary file in", &folder))?;
    let path = folder.path().join("table");
    write(&path, format, analysis)?;
    let mut file = File::open(&path).map_err(FileError::new("read", &path))?;
    let mut stdout = env.stdout();
    io::copy(&mut file, &mut *stdout)
        .and_then(|_| stdout.flush())
        .map_err(OutputError)?;
    Ok(())
}
