//! Which samples of a job are looked at: the same options for every command that analyses.

use clap::Args;

use super::job::note_of;
use super::{CliError, Env, number};
use crate::analysis::profile::SequentialGap;
use crate::analysis::select::{Boundary, Period};
use crate::analysis::{Analysis, AnalysisError, Filter, FilterMethod, Options};
use crate::failure::UsageError;
use crate::samples;
use crate::store::{JobDirectory, Store};
use crate::summary;

/// Which samples of a job are looked at.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(super) struct SelectionArgs {
    /// How samples are selected [default: the configured method, percentile; none for `export`]
    #[arg(long, value_name = "METHOD")]
    filter: Option<FilterMethod>,
    /// Percent of samples to keep (percentile), standard deviations below the mean (statistical), or IOPS (absolute)
    /// [default: 75 for percentile, 1 for statistical]
    #[arg(long, value_name = "X", allow_negative_numbers = true, value_parser = number::decimal)]
    threshold: Option<f64>,
    /// Select this disk only, by node, handle or the name it was started with; may be repeated
    #[arg(long = "disk", value_name = "DISK")]
    disks: Vec<String>,
    /// Leave out samples whose midpoint is earlier: a time, a time of day in UTC such as 08:30, or a duration after the
    /// first sample such as 15m
    #[arg(long, value_name = "TIME")]
    from: Option<Boundary>,
    /// Leave out samples whose midpoint is later
    #[arg(long, value_name = "TIME")]
    to: Option<Boundary>,
    /// 512-byte blocks that may lie between two I/Os that still count as sequential
    #[arg(long, value_name = "BLOCKS", default_value = "0")]
    sequential_gap: SequentialGap,
}

impl SelectionArgs {
    /// The options of the analysis, with the configured filter where none was given.
    pub(super) fn options(&self, env: &Env) -> Result<Options, CliError> {
        self.options_or(env.config.analysis.default_filter_method, env)
    }

    /// The options of the analysis, with the filter `otherwise` where none was given.
    pub(super) fn options_or(&self, otherwise: FilterMethod, env: &Env) -> Result<Options, CliError> {
        self.check_period()?;
        let configured = &env.config.analysis;
        let method = self.filter.unwrap_or(otherwise);
        let configured_threshold = configured
            .default_threshold
            .filter(|_| method == configured.default_filter_method);
        let filter = filter(method, self.threshold, configured_threshold)?;
        Ok(Options {
            filter: filter.checked().map_err(AnalysisError::from)?,
            disks: self.disks.clone(),
            period: Period {
                from: self.from,
                to: self.to,
            },
            sequential_gap: self.sequential_gap,
        })
    }
}

impl SelectionArgs {
    /// A period that ends before it begins is a slip that no data can make good.
    fn check_period(&self) -> Result<(), UsageError> {
        let reversed = match (self.from, self.to) {
            (Some(Boundary::At(from)), Some(Boundary::At(to))) => from >= to,
            (Some(Boundary::After(from)), Some(Boundary::After(to))) => from >= to,
            _ => false,
        };
        if reversed {
            return Err(UsageError::new(
                "the period ends before it begins: `--from` is not before `--to`",
                "swap the two",
            ));
        }
        Ok(())
    }
}

/// The job that `text` means, and the analysis of its selected samples. A job that did not complete is warned about.
pub(super) fn analyze(
    text: &str,
    options: &Options,
    store: &Store,
    env: &Env,
) -> Result<(JobDirectory, Analysis), CliError> {
    let (directory, _) = store.find(text)?;
    let mut analysis = samples::analyze_job(&directory, options, env.clock.now())?;
    analysis.workload.provenance.note = note_of(&directory, env);
    if let Some(partial) = analysis.partial {
        env.warn(summary::partial_warning(&analysis.job, partial));
    }
    Ok((directory, analysis))
}

/// The filter of a method: with the threshold given, else the configured one, else the method's own.
fn filter(method: FilterMethod, given: Option<f64>, configured: Option<f64>) -> Result<Filter, UsageError> {
    if given.is_some() && matches!(method, FilterMethod::Cluster | FilterMethod::None) {
        return Err(UsageError::new(
            "the cluster filter and the filter `none` have no threshold",
            "leave out `--threshold`",
        ));
    }
    method.with(given.or(configured)).ok_or_else(|| {
        UsageError::new(
            "the absolute filter needs a threshold: the IOPS from which samples are kept",
            "add `--threshold IOPS`; `analyze --explain-filters` shows what each filter keeps",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_has_its_own_default_threshold() {
        assert_eq!(
            filter(FilterMethod::Percentile, None, None),
            Ok(Filter::Percentile(75.0))
        );
        assert_eq!(
            filter(FilterMethod::Statistical, None, None),
            Ok(Filter::Statistical(1.0))
        );
        assert!(filter(FilterMethod::Absolute, None, None).is_err());
    }

    #[test]
    fn the_threshold_given_beats_the_configured_one() {
        assert_eq!(
            filter(FilterMethod::Absolute, Some(5.0), Some(9.0)),
            Ok(Filter::Absolute(5.0))
        );
        assert_eq!(
            filter(FilterMethod::Absolute, None, Some(9.0)),
            Ok(Filter::Absolute(9.0))
        );
    }

    #[test]
    fn a_threshold_that_nothing_reads_is_refused() {
        assert!(filter(FilterMethod::Cluster, Some(5.0), None).is_err());
        assert_eq!(filter(FilterMethod::Cluster, None, Some(75.0)), Ok(Filter::Cluster));
    }
}
