//! `export`: a job's samples as a table for other programs.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum as _};

use crate::analysis::FilterMethod;
use crate::analysis::anonymous::Aliases;
use crate::cli::anonymise::AnonymiseArg;
use crate::cli::job::JobArg;
use crate::cli::selection::{SelectionArgs, analyze};
use crate::cli::{CliError, Env, Outcome, OutputError};
use crate::failure::{FileError, UsageError};
use crate::number::counted;
use crate::store::{Store, followed};
use crate::table::{self, Contents, Format, TableError, Texts};

/// Write a job's samples as a table: CSV, Parquet, JSON or an Excel workbook
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper export sql-peak -o sql-peak.parquet
  vscsi-helper export sql-peak --table samples -o sql-peak.xlsx
  vscsi-helper export sql-peak --format csv --filter cluster
  vscsi-helper export sql-peak --format json -o - | jq length
  vscsi-helper export sql-peak --anonymise -o to-the-vendor.parquet

A row is a bucket that holds I/Os; with --table samples it is a sample, disk and operation,
with IOPS, MB/s, latency, outstanding I/Os and sequential share. METHODS.md describes the columns.
Without --filter every sample is exported, whatever the configured filter.")]
pub struct ExportArgs {
    #[command(flatten)]
    job: JobArg,
    /// What a row is
    #[arg(long, value_name = "TABLE", default_value = "buckets")]
    table: Contents,
    /// Format of the table [default: by the ending of the file, csv without one]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write texts to CSV as they are, for programs; otherwise one that a spreadsheet would run as a formula gets an
    /// apostrophe before it
    #[arg(long)]
    raw: bool,
    /// File to write, `-` for the standard output [default: JOB, or job-1 with --anonymise, with the ending of
    /// the format, in the current directory]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    anonymise: AnonymiseArg,
    #[command(flatten)]
    selection: SelectionArgs,
}

impl ExportArgs {
    /// The form asked for: by name, else by the ending of the file.
    ///
    /// # Errors
    /// When the ending is none we know, so that no file says something else than it holds.
    fn format(&self) -> Result<Format, UsageError> {
        let file = self.output.as_deref().filter(|path| *path != Path::new("-"));
        let ending = file.and_then(Path::extension);
        let (Some(path), Some(ending), None) = (file, ending, self.format) else {
            return Ok(self.format.unwrap_or(Format::Csv));
        };
        let ending = ending.to_string_lossy().to_lowercase();
        let known = Format::value_variants();
        let named = known.iter().find(|format| format.extension() == ending);
        named.copied().ok_or_else(|| {
            let endings: Vec<String> = known.iter().map(|format| format!(".{}", format.extension())).collect();
            UsageError::new(
                format!("`{}` does not end like a format that can be written", path.display()),
                format!("use {}, or name the format with --format", endings.join(", ")),
            )
        })
    }
}

pub(super) fn run(args: &ExportArgs, env: &Env) -> Result<Outcome, CliError> {
    let format = args.format()?;
    let options = args.selection.options_or(FilterMethod::None, env)?;
    let store = Store::open(&env.data_dir)?;
    let (directory, analysis) = analyze(&args.job.reference, &options, &store, env)?;
    let analysis = args.anonymise.of(analysis, &mut Aliases::default());
    let write = |path: &Path| {
        let texts = if args.raw { Texts::Raw } else { Texts::Harmless };
        table::export(path, &analysis, args.table, format, texts)
    };
    if args.output.as_deref() == Some(Path::new("-")) {
        print(write, env)?;
    } else {
        let path = match args.output.as_deref() {
            Some(path) => followed(path)?,
            None => args
                .anonymise
                .usual_file(&[(directory.reference(), &analysis)], format.extension())?,
        };
        write(&path)?;
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

/// Prints the table on the standard output once it is whole.
fn print(write: impl FnOnce(&Path) -> Result<(), TableError>, env: &Env) -> Result<(), CliError> {
    let folder = std::env::temp_dir();
    let folder = tempfile::tempdir().map_err(FileError::new("create a temporary file in", &folder))?;
    let path = folder.path().join("table");
    write(&path)?;
    let mut file = File::open(&path).map_err(FileError::new("read", &path))?;
    let mut stdout = env.stdout();
    io::copy(&mut file, &mut *stdout)
        .and_then(|_| stdout.flush())
        .map_err(OutputError)?;
    Ok(())
}
