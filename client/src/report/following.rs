//! What of the page follows the samples that are chosen, each part under the name of the place where it stands. The page
//! takes its own from here as well as the ladder those of every other choice, so that both say the same of the same samples.

use maud::{Markup, html};
use vscsi_shared::histogram::Metric;

use super::{Replay, charts, parts, profile, verdict};
use crate::analysis::{Analysis, Described, DiskKey, Profile, Shares, Workload};

/// Some of the samples of a job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice<'a> {
    pub(super) analysis: &'a Analysis,
    pub(super) workload: &'a Workload,
    pub(super) profile: &'a Profile,
    pub(super) disks: &'a [(DiskKey, Profile)],
    pub(super) shares: Shares,
    /// IOPS of the quietest of them, and of the busiest of the others.
    pub(super) border: (Option<f64>, Option<f64>),
    pub(super) replay: &'a Replay,
}

impl<'a> Choice<'a> {
    /// Those that the filter of the analysis kept.
    pub(super) fn own(analysis: &'a Analysis, replay: &'a Replay) -> Self {
        let of = |wanted: bool| {
            let samples = analysis.series.samples.iter().zip(&analysis.kept);
            samples
                .filter(move |(_, kept)| **kept == wanted)
                .map(|(sample, _)| sample.iops())
        };
        Self {
            analysis,
            workload: &analysis.workload,
            profile: &analysis.profile,
            disks: &analysis.disks,
            shares: analysis.shares,
            border: (of(true).min_by(f64::total_cmp), of(false).max_by(f64::total_cmp)),
            replay,
        }
    }

    /// Others, of which `described` tells what they do.
    pub(super) fn of(self, described: &'a Described, replay: &'a Replay) -> Self {
        Self {
            workload: &described.workload,
            profile: &described.profile,
            disks: &described.disks,
            replay,
            ..self
        }
    }
}

/// A part of the page that follows the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Verdict,
    Tiles,
    Profile,
    Disks,
    Replay,
    Kept,
    Border,
    /// The numbers of the histograms of a metric.
    Histogram(Metric),
}

impl Part {
    pub(super) const ALL: [Self; 12] = [
        Self::Verdict,
        Self::Tiles,
        Self::Profile,
        Self::Disks,
        Self::Replay,
        Self::Kept,
        Self::Border,
        Self::Histogram(Metric::IoLength),
        Self::Histogram(Metric::Latency),
        Self::Histogram(Metric::SeekDistance),
        Self::Histogram(Metric::OutstandingIos),
        Self::Histogram(Metric::Interarrival),
    ];

    /// The value of `data-part` of the element that holds it.
    pub(super) fn name(self) -> String {
        let name = match self {
            Self::Verdict => "verdict",
            Self::Tiles => "tiles",
            Self::Profile => "profile",
            Self::Disks => "disks",
            Self::Replay => "replay",
            Self::Kept => "kept",
            Self::Border => "border",
            Self::Histogram(metric) => return metric.to_string(),
        };
        name.to_owned()
    }

    /// What it says of a choice.
    pub(super) fn markup(self, choice: &Choice<'_>) -> Markup {
        match self {
            Self::Verdict => html! {
                p.verdict { (verdict::what(choice)) }
                p.verdict.sure { (verdict::how_sure(choice)) }
            },
            Self::Tiles => profile::tiles(choice.profile),
            Self::Profile => profile::table(choice.profile),
            Self::Disks => profile::disks(choice.disks),
            Self::Replay => parts::replay(choice),
            Self::Kept => parts::kept(choice),
            Self::Border => html! { (parts::border(choice)) },
            Self::Histogram(metric) => charts::histogram(choice, metric),
        }
    }

    /// The part in its place.
    pub(super) fn placed(self, choice: &Choice<'_>) -> Markup {
        html! { div data-part=(self.name()) { (self.markup(choice)) } }
    }
}
