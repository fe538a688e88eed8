//! `analyze`: from a job's samples to its workload profile, and the files made of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use super::report::write_beside;
use crate::analysis::phases::{self, NamedPeriod, Phase};
use crate::analysis::{Analysis, Selected, explain};
use crate::chart::{self, ChartFormat, ChartInput, ChartKind, Style};
use crate::cli::job::{JobArg, note_of};
use crate::cli::selection::SelectionArgs;
use crate::cli::{CliError, Env, Outcome};
use crate::failure::UsageError;
use crate::fio::{self, FioError, FioOptions, PhaseFidelity, TimedWorkload, Tool, TracedLog, WriteError};
use crate::number::{bytes, counted, elapsed};
use crate::samples;
use crate::store::{self, JobDirectory, LockKind, Store, followed, write_json};
use crate::summary::{self, FilterRow, Summary};
use crate::table::{self, Contents, Format, Texts};

/// Turn a job's samples into a workload profile
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
#[command(after_help = "Examples:
  vscsi-helper analyze sql-peak
  vscsi-helper analyze sql-peak --filter cluster --csv --visualize --report
  vscsi-helper analyze sql-peak --from 15m --to 45m --disk scsi0:1
  vscsi-helper analyze sql-peak --phases
  vscsi-helper analyze sql-peak --phase day=0h-8h --phase night=8h-16h

A percentile is an estimate; the range behind it contains the true value.")]
pub struct AnalyzeArgs {
    #[command(flatten)]
    job: JobArg,
    /// The fio job to write [default: JOB/analysis/JOB-workload.fio in the data directory]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Draw charts
    #[arg(long, overrides_with = "no_visualize")]
    visualize: bool,
    /// Draw no charts (the default)
    #[arg(long)]
    no_visualize: bool,
    /// Format of the charts [default: png]
    #[arg(long, value_name = "FORMAT")]
    format: Option<ChartFormat>,
    /// Write the kept samples as CSV
    #[arg(long, overrides_with = "no_csv")]
    csv: bool,
    /// Write no CSV (the default)
    #[arg(long)]
    no_csv: bool,
    /// Write the report, one page to be passed on
    #[arg(long)]
    report: bool,
    /// Show what each filter would keep, and write nothing
    #[arg(long, conflicts_with_all = ["visualize", "csv", "report", "output", "compress"])]
    explain_filters: bool,
    /// Compress the job's raw snapshots in place afterwards; everything that reads them reads both forms
    #[arg(long)]
    compress: bool,
    /// Split the job into its busy and quiet periods, with a profile each
    #[arg(long)]
    phases: bool,
    /// Give this period a profile of its own; may be repeated
    #[arg(long = "phase", value_name = "NAME=FROM-TO", conflicts_with = "phases")]
    named_phases: Vec<NamedPeriod>,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten, next_help_heading = "fio job")]
    fio: FioOptions,
}

/// A log that takes longer to make is announced, seconds.
const NOTED_SECONDS: u64 = 20;

/// A file that was written, and what it is.
type Written = (&'static str, PathBuf);

/// What an analysis left behind.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// The files.
    pub(super) files: Vec<Written>,
    /// Those that belong to the job and not to the user: the next analysis removes or replaces them.
    of_the_job: Vec<PathBuf>,
    /// How near the fio file comes to the workload, by our own reading of it.
    pub(super) static_fidelity: Vec<PhaseFidelity>,
}

pub(super) fn run(args: &AnalyzeArgs, env: &Env) -> Result<Outcome, CliError> {
    if args.output.as_deref() == Some(Path::new("-")) {
        return Err(UsageError::new(
            "the fio job has files beside it, so it cannot go to the standard output",
            "name a file with `-o FILE`, or leave out `-o`; `--json` prints the profile",
        )
        .into());
    }
    args.check_phases()?;
    let options = args.selection.options(env)?;
    let store = Store::open(&env.data_dir)?;
    let (directory, document) = args.job.find(&store)?;
    let samples = samples::load(&directory)?;
    if let Err(error) = samples::keep(&directory, &samples) {
        env.detail(format_args!("the next run will read the snapshots again: {error}"));
    }
    let selected = Selected::of(document.job, samples.loaded, &options)?;
    let outcome = match selected.partial {
        Some(partial) => {
            env.warn(summary::partial_warning(&selected.job, partial));
            Outcome::Partial
        }
        None => Outcome::Done,
    };
    if args.explain_filters {
        explain_filters(&selected, env)?;
        return Ok(outcome);
    }
    let mut analysis = selected.analyze(env.clock.now())?;
    analysis.workload.provenance.note = note_of(&directory, env);
    let phases = args.split(&analysis)?;
    let written = match write_files(args, &directory, &analysis, &phases, env) {
        Err(error) if error.is_about_the_place() => {
            // A disk that is full or may not be written costs the files, and not what can be read without them.
            print_profile(&directory, &analysis, &phases, &[], env)?;
            return Err(error);
        }
        written => written?,
    };
    if args.compress {
        compress(&store, &directory, &analysis, env)?;
    }
    print_profile(&directory, &analysis, &phases, &written.static_fidelity, env)?;
    if env.json {
        return Ok(outcome);
    }
    env.print("Output files:")?;
    for (what, path) in &written.files {
        env.print(format_args!("  {:<16} {}", format!("{what}:"), env.shown(path)))?;
    }
    for phase in &written.static_fidelity {
        let of = phase
            .phase
            .as_deref()
            .map_or_else(String::new, |name| format!(" of {name}"));
        env.print(format_args!("\nStatic fidelity{of}: {}", phase.fidelity.summary()))?;
        if let Some(samples) = &phase.samples {
            env.print(format_args!("  {samples}"))?;
        }
    }
    let missed = |phase: &PhaseFidelity| !phase.fidelity.passed && phase.fidelity.score.is_some();
    if args.fio.style == fio::Style::Jobs && written.static_fidelity.iter().any(missed) {
        env.print(format_args!(
            "Next: fio's options cannot express this workload; `vscsi-helper analyze {} --style iolog` issues its commands \
             one by one",
            directory.reference()
        ))?;
    }
    Ok(outcome)
}

/// Prints what the analysis says.
fn print_profile(
    directory: &JobDirectory,
    analysis: &Analysis,
    phases: &[Phase],
    static_fidelity: &[PhaseFidelity],
    env: &Env,
) -> Result<(), CliError> {
    if env.json {
        return env.print_json(&Summary::of(analysis, phases, static_fidelity));
    }
    let note = analysis.workload.provenance.note.as_deref();
    env.print(format_args!(
        "Analyzing job: {}\nData directory: {}\n{}",
        directory.reference(),
        env.shown(directory.path()),
        note.map_or_else(String::new, |note| format!(
            "Note: {}\n",
            note.replace('\n', "\n      ")
        ))
    ))?;
    env.print(summary::report(analysis))?;
    if !phases.is_empty() {
        env.print(summary::phases(phases).trim_end())?;
        env.print("")?;
    }
    Ok(())
}

impl AnalyzeArgs {
    /// Results are told apart by the names of their phases.
    fn check_phases(&self) -> Result<(), UsageError> {
        let mut names = BTreeSet::new();
        match self.named_phases.iter().find(|phase| !names.insert(&phase.name)) {
            Some(phase) => Err(UsageError::new(
                format!("two phases are called `{}`", phase.name),
                "give each phase a name of its own",
            )),
            None => Ok(()),
        }
    }

    fn split(&self, analysis: &Analysis) -> Result<Vec<Phase>, CliError> {
        let (series, provenance) = (&analysis.series, &analysis.workload.provenance);
        Ok(if self.phases {
            phases::automatic(series, provenance, &analysis.options)?
        } else {
            phases::named(series, &self.named_phases, provenance, &analysis.options)?
        })
    }
}

/// Shows what each filter keeps, also where the chosen one keeps nothing: then it is needed most.
fn explain_filters(selected: &Selected, env: &Env) -> Result<(), CliError> {
    let explained = explain::explain(&selected.series, selected.options.filter);
    if env.json {
        let rows: Vec<FilterRow> = explained.iter().map(FilterRow::from).collect();
        env.print_json(&rows)
    } else {
        env.print(summary::filters(&explained, selected.series.samples.len()).trim_end())
    }
}

fn write_files(
    args: &AnalyzeArgs,
    directory: &JobDirectory,
    analysis: &Analysis,
    phases: &[Phase],
    env: &Env,
) -> Result<Output, CliError> {
    let mut written = write_profile(args.output.as_deref(), &args.fio, directory, analysis, phases, env)?;
    if args.csv {
        let path = directory.analysis().join("filtered_data.csv");
        table::export(&path, analysis, Contents::Buckets, Format::Csv, Texts::Harmless)?;
        written.add("CSV data", path);
    }
    if args.visualize {
        let style = Style {
            dpi: env.config.analysis.visualization_dpi,
            ..Style::default()
        };
        let format = args.format.unwrap_or(env.config.analysis.visualization_format);
        let kinds: Vec<ChartKind> = ChartKind::of(&analysis.series);
        let input = ChartInput::from(analysis);
        let folder = directory.visualizations();
        directory.make(&folder)?;
        for path in chart::write_all(&folder, &input, &kinds, format, &style)? {
            written.add("Chart", path);
        }
    }
    if args.report {
        written.add_report(directory, analysis, &args.fio)?;
    }
    written.replace_the_last(directory, env)?;
    Ok(written)
}

/// Writes what every analysis leaves behind: the fio job and `summary.json`.
pub(super) fn write_profile(
    output: Option<&Path>,
    options: &FioOptions,
    directory: &JobDirectory,
    analysis: &Analysis,
    phases: &[Phase],
    env: &Env,
) -> Result<Output, CliError> {
    let folder = directory.analysis();
    let made = directory.make(&folder);
    if output.is_none() {
        // A file that the user named may be elsewhere, where there is room.
        made?;
    }
    let mut written = write_fio(output, options, directory, analysis, phases, env)?;
    directory.make(&folder)?;
    let path = folder.join("summary.json");
    write_json(&path, &Summary::of(analysis, phases, &written.static_fidelity))?;
    written.add("Summary JSON", path);
    Ok(written)
}

impl Output {
    /// Adds a file that belongs to the job.
    fn add(&mut self, what: &'static str, path: PathBuf) {
        self.of_the_job.push(path.clone());
        self.files.push((what, path));
    }

    /// Writes the report beside the other files of the job.
    pub(super) fn add_report(
        &mut self,
        directory: &JobDirectory,
        analysis: &Analysis,
        options: &FioOptions,
    ) -> Result<(), CliError> {
        let path = write_beside(&directory.analysis(), analysis, options)?;
        self.add("Report", path);
        Ok(())
    }

    /// Removes what the analysis before left and this one did not write, so that all that is there belongs together.
    pub(super) fn replace_the_last(&self, directory: &JobDirectory, env: &Env) -> Result<(), CliError> {
        let removed = directory.leave_only(&self.of_the_job)?;
        if !removed.is_empty() {
            env.note(format_args!(
                "Removed {} of the analysis before.",
                counted(removed.len(), "file")
            ));
        }
        Ok(())
    }
}

/// Compresses the snapshots of a job that has ended, while no pull writes to it, and brings the cache up to date.
fn compress(store: &Store, directory: &JobDirectory, analysis: &Analysis, env: &Env) -> Result<(), CliError> {
    if !analysis.job.status.is_final() {
        return Err(UsageError::new(
            format!(
                "job `{}` is {}; its snapshots are still coming in",
                directory.reference(),
                analysis.job.status
            ),
            "compress it when it has ended and is pulled",
        )
        .into());
    }
    let _lock = store.lock(directory.reference(), LockKind::Exclusive)?;
    let compressed = store::compress(directory)?;
    samples::keep(directory, &samples::load(directory)?)?;
    env.note(format_args!(
        "Compressed {}: {} became {}",
        counted(compressed.files, "snapshot"),
        bytes(compressed.before_bytes),
        bytes(compressed.after_bytes)
    ));
    Ok(())
}

/// Writes the fio job, of the phases where there are some. A job without I/O has nothing to replay, which is said.
pub(super) fn write_fio(
    output: Option<&Path>,
    options: &FioOptions,
    directory: &JobDirectory,
    analysis: &Analysis,
    phases: &[Phase],
    env: &Env,
) -> Result<Output, CliError> {
    let provenance = &analysis.workload.provenance;
    let samples = samples_of(options, analysis, phases)?;
    let whole = [("", &analysis.workload)];
    let named = phases.iter().map(|phase| (phase.name.as_str(), &phase.workload));
    let chosen: Vec<_> = if phases.is_empty() {
        whole.to_vec()
    } else {
        named.collect()
    };
    let parts: Vec<fio::Phase> = chosen
        .into_iter()
        .zip(&samples)
        .map(|((name, workload), samples)| fio::Phase {
            name,
            workload,
            samples,
        })
        .collect();
    let usual = || {
        directory
            .analysis()
            .join(format!("{}-workload.{}", analysis.job.job_id, options.tool.extension()))
    };
    let path = output.map(followed).transpose()?.unwrap_or_else(usual);
    let has_trace = options.style == fio::Style::Iolog && directory.trace().path().exists();
    if has_trace && !phases.is_empty() {
        env.warn(
            "the commands of the job's trace are not replayed with phases: each phase's log is sampled from its histograms",
        );
    }
    let trace = if has_trace && phases.is_empty() {
        Some(traced_log(directory, analysis)?)
    } else {
        None
    };
    let estimate = fio::log_estimate(&parts, options)?;
    if let Some(estimate) = estimate.filter(|estimate| estimate.seconds >= NOTED_SECONDS && trace.is_none()) {
        env.note(format_args!(
            "The replay log will hold {} commands: about {}, made in about {}.",
            estimate.commands,
            bytes(estimate.bytes),
            elapsed(estimate.seconds as f64)
        ));
    }
    let written = match fio::write_files(provenance, &parts, options, trace.as_ref(), &path) {
        Err(WriteError::Generate(FioError::NoCommands)) => {
            env.warn("there is no I/O in the selected samples, so no fio job was written");
            return Ok(Output::default());
        }
        written => written?,
    };
    let mut files = vec![(options.tool.file_title(), path.clone())];
    let beside = written.files.into_iter().filter(|file| *file != path);
    files.extend(beside.map(|file| ("for the fio job", file)));
    // What the user named is the user's, and the files of other tools say themselves what they were made from.
    let of_the_job = if output.is_none() && options.tool == Tool::Fio {
        let result = path.with_extension("verify.json");
        files.iter().map(|(_, path)| path.clone()).chain([result]).collect()
    } else {
        Vec::new()
    };
    Ok(Output {
        files,
        of_the_job,
        static_fidelity: written.fidelity,
    })
}

/// The samples of each phase, or of the whole job, for a replay log; none for jobs.
fn samples_of(
    options: &FioOptions,
    analysis: &Analysis,
    phases: &[Phase],
) -> Result<Vec<Vec<TimedWorkload>>, CliError> {
    if options.style != fio::Style::Iolog {
        return Ok(vec![Vec::new(); phases.len().max(1)]);
    }
    let (series, provenance) = (&analysis.series, &analysis.workload.provenance);
    if phases.is_empty() {
        return Ok(vec![TimedWorkload::of(series, &analysis.kept, provenance)?]);
    }
    let of_phase = |phase: &Phase| {
        let inside = |start: f64| phase.start_seconds <= start && start < phase.end_seconds;
        let kept: Vec<bool> = series
            .samples
            .iter()
            .map(|sample| inside(sample.start_seconds))
            .collect();
        TimedWorkload::of(series, &kept, provenance)
    };
    Ok(phases.iter().map(of_phase).collect::<Result<_, _>>()?)
}

/// The commands of the kept samples, which are counted on the way: the whole trace is read.
fn traced_log(directory: &JobDirectory, analysis: &Analysis) -> Result<TracedLog, CliError> {
    let samples = analysis.series.samples.iter().zip(&analysis.kept);
    let kept = samples.filter(|(_, kept)| **kept);
    let stretches = kept.map(|(sample, _)| (sample.start_seconds, sample.seconds));
    Ok(TracedLog::of(directory.trace(), stretches).map_err(FioError::Trace)?)
}
