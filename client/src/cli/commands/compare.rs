//! `compare`: two jobs side by side, with a verdict.

use clap::Args;

use crate::cli::selection::{SelectionArgs, analyze};
use crate::cli::{CliError, Env, Outcome};
use crate::compare::{Comparison, Limit, Measure};
use crate::store::Store;
use crate::summary::{self, ComparisonJson};

/// Compare two jobs: a baseline, and a candidate that can be held to limits
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper compare before-migration after-migration
  vscsi-helper compare before after --limit iops=90% --limit read_p99=120%

A limit is in percent of the baseline: a floor for rates and shares, a ceiling
for latencies and queue depth. It is kept when every value that the histograms
allow keeps it, missed when every one breaks it, and undecided when they allow
both: a percentile is known by its bucket, a mean within microseconds. What was
not measured is not kept. The exit code is 4 when a limit is missed, and else 6
when one is undecided.

All histograms and the means of all latencies are judged without a limit too.")]
pub struct CompareArgs {
    /// The job to compare against
    #[arg(value_name = "BASELINE")]
    baseline: String,
    /// The job to compare
    #[arg(value_name = "CANDIDATE")]
    candidate: String,
    #[arg(long = "limit", value_name = "MEASURE=PERCENT%", help = limit_help("the candidate, in percent of the baseline"))]
    limits: Vec<Limit>,
    #[command(flatten)]
    selection: SelectionArgs,
}

/// What can be limited is told where it is asked for.
pub(super) fn limit_help(of_what: &str) -> String {
    format!(
        "Limit for {of_what}; may be repeated. Measures: {}",
        Measure::ALL.map(Measure::name).join(", ")
    )
}

pub(super) fn run(args: &CompareArgs, env: &Env) -> Result<Outcome, CliError> {
    let options = args.selection.options(env)?;
    let store = Store::open(&env.data_dir)?;
    let (_, baseline) = analyze(&args.baseline, &options, &store, env)?;
    let (_, candidate) = analyze(&args.candidate, &options, &store, env)?;
    let comparison = Comparison::of(&baseline, &candidate, &args.limits);
    if env.json {
        env.print_json(&ComparisonJson::of(&comparison, &args.baseline, &args.candidate))?;
    } else {
        env.print(summary::comparison(&comparison, &args.baseline, &args.candidate).trim_end())?;
    }
    let partial = baseline.is_partial() || candidate.is_partial();
    Ok(Outcome::judged(comparison.judgement(), partial))
}
