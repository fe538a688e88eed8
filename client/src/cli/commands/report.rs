//! `report`: one page with everything a job says, to be passed on.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::analysis::anonymous::Aliases;
use crate::analysis::{Analysis, Options};
use crate::cli::anonymise::AnonymiseArg;
use crate::cli::selection::{SelectionArgs, analyze};
use crate::cli::{CliError, Env, Outcome, OutputError};
use crate::compare::{JudgedLimit, Judgement, Limit, Verdict};
use crate::failure::{Failure, UsageError};
use crate::fio::FioOptions;
use crate::number::{bytes, counted};
use crate::report::{Many, Pair, Report, SortBy};
use crate::store::{JobDirectory, Store, followed, write_atomic};

/// Write one page with all that a job says, to be passed on: verdict, profile, charts, fio job; of two jobs, before and after;
/// of more, a table of VMs
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper report sql-peak
  vscsi-helper report sql-peak --filter cluster -o sql-peak.html --open
  vscsi-helper report sql-peak -o - | gzip > sql-peak.html.gz
  vscsi-helper report sql-peak --anonymise -o to-the-vendor.html
  vscsi-helper report before after --limit iops=90% --limit read_p99=120%
  vscsi-helper report sql web mail backup --sort p95 -o cluster.html

The page is one file of HTML that asks for nothing else, so it can be mailed and read
offline. It needs no scripts, follows the reader's light or dark setting, and prints well.
The same jobs and options give the same bytes. With --anonymise it names nobody and no date;
METHODS.md says what is replaced and what stays.

Of two jobs the first is before and the second after: what changed and how sure that
is, with the charts of both on the same scales. Limits are those of `compare`; the page
is written whatever they say, and the exit code is 4 when one is missed, and else 6
when one is undecided.

Of three jobs and more: a table of VMs and hosts, the most of what it is sorted by
first, the merged profile of all, what they did together if they ran at the same time,
and each in short.")]
pub struct ReportArgs {
    /// The job: NAME, or NAME@HOST where two hosts have a job of that name; two are before and after, more make a table
    #[arg(id = "job", value_name = "JOB", required = true)]
    jobs: Vec<String>,
    /// File to write, `-` for the standard output [default: JOB.html, BEFORE-and-AFTER.html or N-jobs.html in the current
    /// directory, job-1.html and so on with --anonymise]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Open the page in the browser afterwards
    #[arg(long)]
    open: bool,
    /// Limit for the second of two jobs, in percent of the first, as in `compare`; may be repeated
    #[arg(long = "limit", value_name = "MEASURE=PERCENT%")]
    limits: Vec<Limit>,
    /// What three jobs and more are sorted by, the most first; p95 is the latency of all commands [default: iops]
    #[arg(long, value_name = "WHAT")]
    sort: Option<SortBy>,
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
    args.check()?;
    let options = args.selection.options(env)?;
    let store = Store::open(&env.data_dir)?;
    let jobs = analyses(args, &options, &store, env)?;
    let (page, limits) = page(&jobs, args)?;
    let partial = jobs.iter().any(|(_, analysis)| analysis.is_partial());
    let outcome = Outcome::judged(Judgement::of(limits.iter().map(|limit| limit.verdict)), partial);
    if to_stdout {
        let mut stdout = env.stdout();
        stdout
            .write_all(page.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(OutputError)?;
    } else {
        write(&page, &jobs, args, env)?;
    }
    for limit in limits.iter().filter(|limit| limit.verdict != Verdict::Kept) {
        env.warn(format_args!("limit {limit}"));
    }
    Ok(outcome)
}

impl ReportArgs {
    /// What can be wrong with the arguments whatever the jobs are.
    fn check(&self) -> Result<(), UsageError> {
        let named = counted(self.jobs.len(), "job");
        let were = if self.jobs.len() == 1 { "was" } else { "were" };
        if self.sort.is_some() && self.jobs.len() < 3 {
            return Err(UsageError::new(
                format!("`--sort` orders the table of three jobs and more, and {named} {were} named"),
                "name more jobs, or leave out `--sort`",
            ));
        }
        if !self.limits.is_empty() && self.jobs.len() != 2 {
            return Err(UsageError::new(
                format!("a limit holds one job to another, and {named} {were} named"),
                "name two: `vscsi-helper report BEFORE AFTER --limit ...`",
            ));
        }
        Ok(())
    }
}

/// A job, and what its samples say.
type Analyzed = (JobDirectory, Analysis);

/// The analyses of all jobs as they are to be written, in the order in which they were named.
fn analyses(args: &ReportArgs, options: &Options, store: &Store, env: &Env) -> Result<Vec<Analyzed>, CliError> {
    let mut jobs: Vec<Analyzed> = Vec::new();
    let mut aliases = Aliases::default();
    for name in &args.jobs {
        let (directory, analysis) = analyze(name, options, store, env).map_err(|error| match args.jobs.as_slice() {
            [_] => error,
            _ => NotUsable::new(name, &error).into(),
        })?;
        if jobs.iter().any(|(known, _)| known.reference() == directory.reference()) {
            return Err(UsageError::new(
                format!("job `{}` is named twice", directory.reference()),
                "name each job once",
            )
            .into());
        }
        jobs.push((directory, args.anonymise.of(analysis, &mut aliases)));
    }
    Ok(jobs)
}

/// One of several jobs cannot be reported on.
#[derive(Debug, thiserror::Error)]
#[error("the report cannot have job `{job}`: {why}")]
struct NotUsable {
    job: String,
    why: String,
    exit_code: u8,
    hint: Option<String>,
}

impl NotUsable {
    fn new(job: &str, error: &CliError) -> Self {
        Self {
            job: job.to_owned(),
            why: error.to_string(),
            exit_code: error.exit_code(),
            hint: error.hint(),
        }
    }
}

impl Failure for NotUsable {
    fn exit_code(&self) -> u8 {
        self.exit_code
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

/// The page of the jobs, and how the limits came out.
fn page(jobs: &[Analyzed], args: &ReportArgs) -> Result<(String, Vec<JudgedLimit>), CliError> {
    let analyses: Vec<&Analysis> = jobs.iter().map(|(_, analysis)| analysis).collect();
    Ok(match analyses.as_slice() {
        [only] => (Report::of(only, &FioOptions::default())?.to_html(), Vec::new()),
        [before, after] => {
            let pair = Pair::of(before, after, &args.limits);
            (pair.to_html(), pair.limits().to_vec())
        }
        several => (Many::of(several, args.sort.unwrap_or_default()).to_html(), Vec::new()),
    })
}

/// Writes the page to its file, tells where that is, and opens it where that was asked for.
fn write(page: &str, jobs: &[Analyzed], args: &ReportArgs, env: &Env) -> Result<(), CliError> {
    let path = if let Some(path) = args.output.as_deref() {
        followed(path)?
    } else {
        let written: Vec<_> = jobs.iter().map(|(job, written)| (job.reference(), written)).collect();
        args.anonymise.usual_file(&written, "html")?
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
    if args.open {
        open_page(&path, env);
    }
    Ok(())
}

/// Opens a page in the browser. Where there is none, the page is there all the same.
pub(super) fn open_page(path: &Path, env: &Env) {
    if let Err(error) = open::that_detached(path) {
        env.warn(format_args!(
            "no browser could be started ({error}); open {} in one",
            path.display()
        ));
    }
}

/// Where the report of a job lies in the folder of its analysis.
pub(super) fn beside(folder: &Path, job: &str) -> PathBuf {
    folder.join(format!("{job}-report.html"))
}

/// Writes the report of an analysis as a file of its job, and returns its path.
pub(super) fn write_beside(folder: &Path, analysis: &Analysis, options: &FioOptions) -> Result<PathBuf, CliError> {
    let path = beside(folder, analysis.job.job_id.as_str());
    write_atomic(&path, Report::of(analysis, options)?.to_html().as_bytes())?;
    Ok(path)
}
