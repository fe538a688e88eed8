//! `analyze`: from a job's samples to its workload profile.

use std::fs;

use clap::Args;

use super::{CliError, Env, Outcome};
use crate::analysis::profile::SequentialGap;
use crate::analysis::select::{Boundary, Period};
use crate::analysis::{self, Analysis, Filter, Options};
use crate::config::FilterMethod;
use crate::failure::FileError;
use crate::store::{JobDirectory, Store, StoreError, write_atomic};
use crate::summary::{self, Summary};

/// Standard deviations below the mean that the statistical filter keeps unless told otherwise.
const DEFAULT_DEVIATIONS: f64 = 1.0;

/// Turn a job's samples into a workload profile
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper analyze sql-peak
  vscsi-helper analyze sql-peak --filter cluster --csv
  vscsi-helper analyze sql-peak --from 15m --to 45m --disk scsi0:1

Percentiles are given as an estimate with the range that contains the true value.")]
pub struct AnalyzeArgs {
    /// The job, as NAME or NAME@HOST
    job: String,
    #[command(flatten)]
    selection: SelectionArgs,
}

/// Which samples of a job are looked at; the same for every command that analyses.
#[derive(Debug, Args)]
pub(super) struct SelectionArgs {
    /// How samples are selected [default: percentile]
    #[arg(long, value_name = "METHOD")]
    filter: Option<FilterMethod>,
    /// Threshold of the filter: percent of samples to keep, standard deviations below the mean, or IOPS
    /// [default: 75 for percentile, 1 for statistical]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    threshold: Option<f64>,
    /// Look at this disk only, by node, handle or the name it was started with; may be repeated
    #[arg(long = "disk", value_name = "DISK")]
    disks: Vec<String>,
    /// Leave out samples that begin earlier: a time, or a duration since the first sample such as 15m
    #[arg(long, value_name = "TIME")]
    from: Option<Boundary>,
    /// Leave out samples that end later
    #[arg(long, value_name = "TIME")]
    to: Option<Boundary>,
    /// 512-byte blocks that may lie between two I/Os that still count as sequential
    #[arg(long, value_name = "BLOCKS", default_value = "0")]
    sequential_gap: SequentialGap,
}

impl SelectionArgs {
    /// The options of the analysis, with the configured filter where none was given.
    pub(super) fn options(&self, env: &Env) -> Result<Options, CliError> {
        let configured = &env.config.analysis;
        let method = self.filter.unwrap_or(configured.default_filter_method);
        let configured_threshold = (method == configured.default_filter_method).then_some(configured.default_threshold);
        let threshold = self.threshold.or(configured_threshold);
        Ok(Options {
            filter: filter(method, threshold)?
                .checked()
                .map_err(analysis::AnalysisError::from)?,
            disks: self.disks.clone(),
            period: Period {
                from: self.from,
                to: self.to,
            },
            sequential_gap: self.sequential_gap,
        })
    }
}

fn filter(method: FilterMethod, threshold: Option<f64>) -> Result<Filter, CliError> {
    Ok(match method {
        FilterMethod::Percentile => Filter::Percentile(threshold.unwrap_or(75.0)),
        FilterMethod::Statistical => Filter::Statistical(threshold.unwrap_or(DEFAULT_DEVIATIONS)),
        FilterMethod::Absolute => Filter::Absolute(threshold.ok_or_else(|| {
            crate::failure::UsageError::new(
                "the absolute filter needs to know from how many IOPS samples are kept",
                "add `--threshold IOPS`; `--explain-filters` shows what each filter keeps",
            )
        })?),
        FilterMethod::Cluster => Filter::Cluster,
        FilterMethod::None => Filter::None,
    })
}

pub(super) fn run(args: &AnalyzeArgs, env: &Env) -> Result<Outcome, CliError> {
    let options = args.selection.options(env)?;
    let store = Store::open(&env.data_dir)?;
    let (directory, _) = store.find(&args.job)?;
    let analysis = analysis::analyze_job(directory.path(), &options, env.clock.now())?;
    if analysis.is_partial() {
        env.warn(summary::partial_warning(&analysis.job));
    }
    let path = write_summary(&directory, &analysis)?;
    if env.json {
        env.print_json(&Summary::of(&analysis))?;
    } else {
        env.print(format_args!(
            "Analyzing job: {}\nData directory: {}\n",
            directory.reference(),
            env.shown(directory.path())
        ))?;
        env.print(summary::report(&analysis))?;
        env.print(format_args!("Output files:\n  Summary JSON:  {}", env.shown(&path)))?;
    }
    Ok(if analysis.is_partial() {
        Outcome::Partial
    } else {
        Outcome::Done
    })
}

pub(super) fn write_summary(directory: &JobDirectory, analysis: &Analysis) -> Result<std::path::PathBuf, CliError> {
    let folder = directory.analysis();
    fs::create_dir_all(&folder).map_err(FileError::new("create", &folder))?;
    let path = folder.join("summary.json");
    let mut json = serde_json::to_vec_pretty(&Summary::of(analysis))
        .map_err(|error| FileError::new("write", &path)(error.into()))?;
    json.push(b'\n');
    write_atomic(&path, &json).map_err(StoreError::from)?;
    Ok(path)
}
