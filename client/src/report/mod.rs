//! The report that people pass on: one page of HTML with everything an analysis says, whole by itself.
//!
//! Data flows one way: an analysis -> a [`Report`], which holds what is shown -> the bytes of the page. Two analyses make a
//! [`Pair`], and more of them [`Many`]. Markup comes from a template that escapes whatever is put into it; what goes in as it is are the charts, which
//! escape their own texts, and the data of the page's script, in which no markup can stand. The page has no clock: what it
//! tells of time is the job's, so the same job gives the same bytes.
//!
//! Architecture invariant: nothing here reads a clock or a file.

mod charts;
mod data;
mod figure;
mod following;
mod frame;
mod ladder;
mod many;
mod numbers;
mod page;
mod pair;
mod parts;
mod profile;
mod samples;
mod script;
mod style;
mod verdict;

pub use many::{Many, SortBy};
pub use pair::Pair;

use jiff::Timestamp;
use maud::Markup;

use crate::analysis::phases::{self, Phase};
use crate::analysis::{Analysis, AnalysisError, Provenance, Workload};
use crate::chart::{ChartInput, ChartKind, InlineChart, inline_charts};
use crate::fio::{self, FioJob, FioOptions, Tool};
use ladder::Ladder;

/// What a report shows.
#[derive(Debug)]
pub struct Report<'analysis> {
    analysis: &'analysis Analysis,
    /// The busy and quiet stretches of the job.
    phases: Vec<Phase>,
    charts: Charts,
    replay: Replay,
    /// What it says of other samples; `None` where nobody asks, or some of these cannot be merged.
    ladder: Option<Ladder>,
}

/// The charts of a job.
#[derive(Debug)]
enum Charts {
    Drawn(Vec<InlineChart>),
    /// There are none, for this reason.
    Missing(String),
}

/// The fio job that replays the workload.
#[derive(Debug)]
enum Replay {
    Written(Box<FioJob>),
    /// There is none, for this reason.
    Missing(String),
    /// It was not looked for: the search for a job takes longer than all else that a page says of some samples.
    Elsewhere,
}

impl<'analysis> Report<'analysis> {
    /// The report of one job. What cannot be made of it, such as charts where bucket limits changed, is told in its place.
    /// The fio job is one for fio itself without files beside it, whatever else the options say.
    ///
    /// # Errors
    /// [`AnalysisError`] when the samples of a phase cannot be merged.
    pub fn of(analysis: &'analysis Analysis, options: &FioOptions) -> Result<Self, AnalysisError> {
        let own = Self::of_its_own_samples(analysis, options)?;
        let ladder = Ladder::of(analysis, &dated_by_itself(analysis), options, &own.replay).ok();
        Ok(Self { ladder, ..own })
    }

    /// The same without what it says of other samples than its own, for a page that is made anew with each sample.
    ///
    /// # Errors
    /// As [`Report::of`].
    pub(crate) fn of_its_own_samples(
        analysis: &'analysis Analysis,
        options: &FioOptions,
    ) -> Result<Self, AnalysisError> {
        let provenance = dated_by_itself(analysis);
        let phases = phases::automatic(&analysis.series, &provenance, &analysis.options)?;
        let charts = match inline_charts(&ChartInput::from(analysis), &ChartKind::of(&analysis.series)) {
            Ok(charts) => Charts::Drawn(charts),
            Err(error) => Charts::Missing(error.to_string()),
        };
        Ok(Self {
            analysis,
            phases,
            charts,
            replay: Replay::own(analysis, &provenance, options),
            ladder: None,
        })
    }

    /// The page. The same analysis gives the same bytes, whenever it was made.
    pub fn to_html(&self) -> String {
        page::frame(self).page()
    }

    /// What stands in the page between its head and its foot, for a page that shows it as it comes to be.
    pub(crate) fn to_fragment(&self) -> String {
        page::frame(self).content().into_string()
    }
}

/// A page that asks the program that serves it for fragments of reports, with its body before any is there.
pub(crate) fn live_page(body: &Markup) -> String {
    frame::document(
        "vscsi-helper watch",
        body,
        Some(&script::live()),
        frame::Reach::ItsOrigin,
    )
}

/// The provenance with the end of the last sample as the time of the analysis.
fn dated_by_itself(analysis: &Analysis) -> Provenance {
    let last = analysis.series.samples.last();
    Provenance {
        analyzed_at: last.map_or(Timestamp::UNIX_EPOCH, |sample| sample.taken_at),
        ..analysis.workload.provenance.clone()
    }
}

impl Replay {
    /// The job that replays the samples that the filter of an analysis kept.
    fn own(analysis: &Analysis, provenance: &Provenance, options: &FioOptions) -> Self {
        let workload = Workload {
            provenance: provenance.clone(),
            ..analysis.workload.clone()
        };
        Self::of(&workload, options)
    }

    /// The job that replays a workload.
    fn of(workload: &Workload, options: &FioOptions) -> Self {
        let options = FioOptions {
            tool: Tool::Fio,
            ..options.for_jobs()
        };
        match fio::generate(workload, &options) {
            Ok(job) => Self::Written(Box::new(job)),
            Err(error) => Self::Missing(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
