//! The samples an analysis looks at, before any filter.

use vscsi_shared::job::Job;

use super::finding::{Code, Severity};
use super::load::Loaded;
use super::options::Options;
use super::select::{self, Boundary, Moment, Period, Stretch};
use super::{AnalysisError, Finding, Partial, Series, concentration, coverage, finding, printed_times};

/// The samples of the selected disks and time.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    /// The job.
    pub job: Job,
    /// What was asked for.
    pub options: Options,
    /// The samples; never empty.
    pub series: Series,
    /// What was noticed about the data, the gravest first.
    pub findings: Vec<Finding>,
    /// What the job lacks; `None` when it is whole.
    pub partial: Option<Partial>,
}

impl Selected {
    /// Selects among the samples of a job.
    ///
    /// # Errors
    /// [`AnalysisError`] when there is no sample, none is left by disks or period, or the period is of a clock that the
    /// samples do not have.
    pub fn of(job: Job, loaded: Loaded, options: &Options) -> Result<Self, AnalysisError> {
        let partial = Partial::of(&job, &loaded);
        let Loaded {
            series, mut findings, ..
        } = loaded;
        if series.samples.is_empty() {
            return Err(no_samples(&job, &findings));
        }
        let stretch = settle(job.job_id.as_ref(), &series, &options.period)?;
        findings.extend(taken_for(&options.period, &stretch));
        let selected = select::disks(&series, &job, &options.disks)
            .map_err(|error| AnalysisError::unusable_disk(&job, &series, error))?;
        let nothing = AnalysisError::empty_period(&job, &series);
        let series = select::restrict(series, &selected, &stretch);
        if series.samples.is_empty() {
            return Err(nothing);
        }
        findings.extend(partial.and_then(|partial| partial.finding(&job)));
        findings.extend(printed_times::finding(&job, &series));
        findings.extend(concentration::finding(&series));
        findings.extend(coverage::findings(&series, &job, &options.disks));
        finding::sort(&mut findings);
        Ok(Self {
            job,
            options: options.clone(),
            series,
            findings,
            partial,
        })
    }
}

/// The stretch of time that a period is in these samples. Those that do not say when they were taken lie in no period of
/// the wall clock.
///
/// # Errors
/// [`AnalysisError::Undated`], and [`AnalysisError::SeveralDays`].
pub(super) fn settle(job: &str, series: &Series, period: &Period) -> Result<Stretch, AnalysisError> {
    if period.names_a_date() && !series.is_dated() {
        return Err(AnalysisError::Undated { job: job.to_owned() });
    }
    period
        .settle(series)
        .map_err(|select::SeveralDays { time, moments }| AnalysisError::SeveralDays { time, moments })
}

/// Says what a time of day was taken for, because it could be read as a duration.
fn taken_for(period: &Period, stretch: &Stretch) -> Option<Finding> {
    let ends = [(period.from, stretch.from), (period.to, stretch.to)];
    let taken: Vec<String> = ends
        .into_iter()
        .filter_map(|end| match end {
            (Some(Boundary::Daily(time)), Some(Moment::At(at))) => Some(format!("{time} as {at}")),
            _ => None,
        })
        .collect();
    (!taken.is_empty()).then(|| Finding {
        severity: Severity::Info,
        code: Code::TimeOfDay,
        message: format!(
            "a time of day is taken by the host's clock, which is in UTC: {}; a duration after the first sample is written \
             such as 1h30m",
            taken.join(" and ")
        ),
        sequence: None,
        disk: None,
        occurrences: 1,
    })
}

fn no_samples(job: &Job, findings: &[Finding]) -> AnalysisError {
    let worst = findings.first().map_or_else(
        || "fewer than two snapshots of it are here".to_owned(),
        |finding| finding.message.clone(),
    );
    AnalysisError::NoSamples {
        job: job.job_id.to_string(),
        reason: worst,
    }
}
