//! `compare`: two jobs side by side, with a verdict.

use clap::Args;

use super::selection::SelectionArgs;
use super::{CliError, Env, Outcome};
use crate::analysis::compare::{Comparison, Limit, Measure};
use crate::analysis::{self, Analysis, Options};
use crate::store::Store;
use crate::summary::{self, ComparisonJson};

/// Compare two jobs: a baseline, and a candidate that may have to keep limits
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper compare before-migration after-migration
  vscsi-helper compare before after --limit iops=90% --limit read_p99=120%

A limit is in percent of the baseline: a floor for rates and shares, a ceiling
for latencies and queue depth. When one is not kept, the exit code is 4.")]
pub struct CompareArgs {
    /// The job to compare with
    #[arg(value_name = "BASELINE")]
    baseline: String,
    /// The job that is compared
    #[arg(value_name = "CANDIDATE")]
    candidate: String,
    #[arg(long = "limit", value_name = "MEASURE=PERCENT%", help = limit_help())]
    limits: Vec<Limit>,
    #[command(flatten)]
    selection: SelectionArgs,
}

/// What can be limited is told where it is asked for.
fn limit_help() -> String {
    format!(
        "What the candidate has to keep, in percent of the baseline; may be repeated. Measures: {}",
        Measure::ALL.map(Measure::name).join(", ")
    )
}

pub(super) fn run(args: &CompareArgs, env: &Env) -> Result<Outcome, CliError> {
    let options = args.selection.options(env)?;
    let store = Store::open(&env.data_dir)?;
    let baseline = analyze(&args.baseline, &options, &store, env)?;
    let candidate = analyze(&args.candidate, &options, &store, env)?;
    let comparison = Comparison::of(&baseline, &candidate, &args.limits);
    if env.json {
        env.print_json(&ComparisonJson::of(&comparison, &args.baseline, &args.candidate))?;
    } else {
        env.print(summary::comparison(&comparison, &args.baseline, &args.candidate).trim_end())?;
    }
    let partial = baseline.is_partial() || candidate.is_partial();
    Ok(match (comparison.passes(), partial) {
        (false, _) => Outcome::GateMissed,
        (true, true) => Outcome::Partial,
        (true, false) => Outcome::Done,
    })
}

fn analyze(job: &str, options: &Options, store: &Store, env: &Env) -> Result<Analysis, CliError> {
    let (directory, _) = store.find(job)?;
    let analysis = analysis::analyze_job(directory.path(), options, env.clock.now())?;
    if let Some(partial) = analysis.partial {
        env.warn(summary::partial_warning(&analysis.job, partial));
    }
    Ok(analysis)
}
