//! The report of two jobs: before and after.

mod charts;
mod differences;
mod verdict;

use maud::{Markup, html};

use super::following::Choice;
use super::frame::{Frame, present};
use super::verdict::subject;
use super::{Replay, page, parts, profile, samples};
use crate::analysis::Analysis;
use crate::chart::{AlikeCharts, ChartInput, ChartKind, inline_charts, inline_charts_alike};
use crate::compare::{Comparison, JudgedLimit, Limit};

/// What the two jobs are called, in their order.
const WORDS: [&str; 2] = ["before", "after"];

/// What a report of two jobs shows.
#[derive(Debug)]
pub struct Pair<'analysis> {
    before: &'analysis Analysis,
    after: &'analysis Analysis,
    comparison: Comparison,
    /// The charts of both on the same axes, or why there are none.
    charts: Result<AlikeCharts, String>,
}

impl<'analysis> Pair<'analysis> {
    /// The report of a job before something and of one after it, which is held to limits. What cannot be made of them, such
    /// as charts where bucket limits changed within a job, is told in its place.
    pub(crate) fn of(before: &'analysis Analysis, after: &'analysis Analysis, limits: &[Limit]) -> Self {
        Self {
            before,
            after,
            comparison: Comparison::of(before, after, limits),
            charts: alike(before, after),
        }
    }

    /// How the limits of the second job came out.
    pub(crate) fn limits(&self) -> &[JudgedLimit] {
        &self.comparison.limits
    }

    /// The page. The same analyses give the same bytes, whenever they were made.
    pub fn to_html(&self) -> String {
        let sections = present([
            ("differences", "Differences", Some(differences::section(self))),
            ("time", "Over time", Some(self.over_time())),
            (
                "shapes",
                "Surfaces and heat maps",
                self.drawn(|charts| charts::surfaces(self, charts)),
            ),
            ("sizes", "Sizes and latencies", self.drawn(charts::distributions)),
            (
                "profile",
                "Profiles",
                Some(self.each(|job| profile::table(&job.profile))),
            ),
            ("quality", "Data quality", Some(self.each(parts::findings))),
            ("method", "Method and provenance", Some(self.method())),
        ]);
        let frame = Frame {
            title: self.subject(),
            header: self.header(),
            notice: self.notice(),
            sections,
            data: None,
        };
        frame.page()
    }

    /// The jobs with what they are called.
    fn jobs(&self) -> [(&'static str, &'analysis Analysis); 2] {
        let [before, after] = WORDS;
        [(before, self.before), (after, self.after)]
    }

    /// Whose I/O it is.
    fn subject(&self) -> String {
        let (before, after) = (subject(self.before), subject(self.after));
        if before == after {
            before
        } else {
            format!("{before} and {after}")
        }
    }

    fn header(&self) -> Markup {
        html! {
            p.kind { "Storage workload report, before and after" }
            h1 { (self.subject()) }
            @for ((word, job), selection) in self.jobs().into_iter().zip(&self.comparison.selections) {
                p.subject { b { (word) } ": " (page::origin(job)) " · " (selection.sentence()) }
                @if let Some(note) = &job.workload.provenance.note { p.user-note { (note) } }
            }
            p.verdict { (verdict::what(self)) }
            p.verdict.sure { (verdict::how_sure(self)) }
            p.verdict.sure { (verdict::latencies(&self.comparison)) }
            @if !self.comparison.limits.is_empty() { p.verdict.sure { (verdict::limits(&self.comparison)) } }
            (differences::tiles(self))
        }
    }

    fn notice(&self) -> Markup {
        html! {
            @match &self.charts {
                Ok(charts) => @for note in &charts.notes { p.missing { (note) "." } },
                Err(why) => p.missing { "There are no charts: " (why) "." },
            }
        }
    }

    /// A part of the page that is there when there are charts.
    fn drawn(&self, part: impl Fn(&AlikeCharts) -> Markup) -> Option<Markup> {
        self.charts.as_ref().ok().map(part)
    }

    /// A part of each job, under what the job is called.
    fn each(&self, part: impl Fn(&Analysis) -> Markup) -> Markup {
        html! {
            @for (word, job) in self.jobs() { h3 { (word) } (part(job)) }
        }
    }

    fn over_time(&self) -> Markup {
        html! {
            @if let Some(charts) = self.drawn(charts::over_time) { (charts) }
            (self.each(samples::table))
        }
    }

    fn method(&self) -> Markup {
        html! {
            (parts::how_it_is_measured())
            p {
                "A change is that of the estimates. Two values differ for certain when the ranges that hold them have nothing in "
                "common. The KS distance of two histograms is the largest difference of their cumulative shares; two samples of "
                "one workload differ by less than what stands under chance, in 95 of 100 cases, and so do their means. A limit is kept "
                "when every value that the ranges allow keeps it, missed when every one breaks it, and undecided when they allow "
                "both. Whether what lies between the two jobs is the reason of a difference, or the hour, no counter tells."
            }
            (self.each(|job| parts::provenance(&Choice::own(job, &Replay::Elsewhere))))
        }
    }
}

/// The charts that either job has, of both.
fn alike(before: &Analysis, after: &Analysis) -> Result<AlikeCharts, String> {
    let inputs = [ChartInput::from(before), ChartInput::from(after)];
    for (word, input) in WORDS.into_iter().zip(&inputs) {
        inline_charts(input, &[]).map_err(|error| format!("{word}, {error}"))?;
    }
    let of_each = inputs.map(|input| ChartKind::of(input.series));
    let kinds: Vec<ChartKind> = ChartKind::all()
        .filter(|kind| of_each.iter().any(|kinds| kinds.contains(kind)))
        .collect();
    let [before, after] = WORDS;
    let [first, second] = inputs;
    inline_charts_alike(&[(before, first), (after, second)], &kinds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
