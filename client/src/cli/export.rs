//! `export`: a job's samples as a table for other programs.

use std::path::PathBuf;

use clap::Args;

use super::selection::SelectionArgs;
use super::{CliError, Env, Outcome};
use crate::analysis;
use crate::config::FilterMethod;
use crate::store::Store;
use crate::summary;
use crate::table::{self, Format};

/// Write a job's samples as a table: CSV, Parquet or JSON
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper export sql-peak --format parquet -o sql-peak.parquet
  vscsi-helper export sql-peak --format csv --filter cluster

One row per bucket that holds I/Os; METHODS.md describes the columns. Without --filter every sample is exported.")]
pub struct ExportArgs {
    /// The job, as NAME or NAME@HOST
    #[arg(value_name = "JOB")]
    job: String,
    /// Form of the table
    #[arg(long, value_name = "FORMAT", default_value = "csv")]
    format: Format,
    /// File to write [default: JOB.csv, .parquet or .json in the current directory]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    selection: SelectionArgs,
}

pub(super) fn run(args: &ExportArgs, env: &Env) -> Result<Outcome, CliError> {
    let options = args.selection.options_or(FilterMethod::None, env)?;
    let store = Store::open(&env.data_dir)?;
    let (directory, _) = store.find(&args.job)?;
    let analysis = analysis::analyze_job(directory.path(), &options, env.clock.now())?;
    if analysis.is_partial() {
        env.warn(summary::partial_warning(&analysis.job));
    }
    let extension = match args.format {
        Format::Csv => "csv",
        Format::Parquet => "parquet",
        Format::Json => "json",
    };
    let path = args
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}.{extension}", directory.reference())));
    let (series, kept) = (&analysis.series, &analysis.kept);
    match args.format {
        Format::Csv => table::write_csv(&path, series, kept)?,
        Format::Parquet => table::write_parquet(&path, series, kept)?,
        Format::Json => table::write_json(&path, series, kept)?,
    }
    let samples = analysis.workload.provenance.samples_kept;
    if env.json {
        env.print_json(&serde_json::json!({"path": path, "samples": samples}))?;
    } else {
        env.print(format_args!("Wrote {samples} samples to {}", env.shown(&path)))?;
    }
    Ok(if analysis.is_partial() {
        Outcome::Partial
    } else {
        Outcome::Done
    })
}
