//! The samples one by one: the numbers behind everything that is drawn over time.

use maud::{Markup, html};
use vscsi_shared::histogram::{IntervalSet, Metric, Operation};

use super::figure::{Figure, time};
use crate::analysis::estimate::{PerMille, percentile};
use crate::analysis::filter::order;
use crate::analysis::profile::{Counts, Rates, SequentialGap, Sequentiality, Throughput};
use crate::analysis::{Analysis, Sample};
use crate::number::{counted, elapsed, percent, rate};

/// A page with more rows is no page for people; the busiest are shown.
const MOST_ROWS: usize = 240;

/// Every sample, or the busiest of many, in order of time.
pub(super) fn table(analysis: &Analysis) -> Markup {
    let series = &analysis.series;
    let all = series.samples.len();
    let iops: Vec<f64> = series.samples.iter().map(Sample::iops).collect();
    let mut shown = order(&iops);
    shown.truncate(MOST_ROWS);
    shown.sort_unstable();
    let headings = [
        "sample",
        "begins",
        "length",
        "kept",
        "IOPS",
        "reads",
        "writes",
        "MB/s",
        "in sequence",
        "outstanding p95",
        "p95 of reads",
        "p95 of writes",
    ];
    html! {
        details {
            summary {
                "Numbers: "
                @if all > MOST_ROWS { "the " (MOST_ROWS) " busiest of " (counted(all, "sample")) }
                @else { "every sample" }
            }
            @if all > MOST_ROWS {
                p.note { code { "vscsi-helper export " (analysis.job.job_id) " --table samples" } " writes all of them." }
            }
            div.wide { table.figures {
                thead { tr { @for heading in headings { th scope="col" { (heading) } } } }
                tbody {
                    @for index in shown {
                        @if let (Some(sample), Some(kept)) = (series.samples.get(index), analysis.kept.get(index)) {
                            (row(sample, *kept, analysis.options.sequential_gap))
                        }
                    }
                }
            } }
        }
    }
}

fn row(sample: &Sample, kept: bool, gap: SequentialGap) -> Markup {
    let mut merged = IntervalSet::default();
    // Where limits differ between disks the charts say so; here the figures are of the disks that fit together.
    let fit = sample
        .disks
        .iter()
        .filter(|disk| merged.merge(&disk.histograms).is_ok())
        .count();
    let rates = Rates::of(Counts::of(&merged), sample.seconds, sample.edge_ios());
    let number = |value: Option<f64>| Figure::known(value, |value| Figure::exact(rate(value)));
    let p95 = |metric, operation, shown: &dyn Fn(f64) -> String| {
        let interval = merged.of(metric, operation);
        let last = interval.and_then(|interval| interval.limits.as_slice().last().copied());
        let range = interval.and_then(|interval| percentile(interval, metric, PerMille::P95));
        Figure::known(range, |range| {
            Figure::within(&range, last.map_or(f64::INFINITY, |limit| limit as f64), shown)
        })
    };
    let of_microseconds = |microseconds: f64| time(microseconds / 1000.0);
    let figures = [
        number(rates.total),
        number(rates.read),
        number(rates.write),
        Figure::known(Throughput::of(&merged, sample.seconds).total, |total| {
            Figure::of(&total, rate)
        }),
        Figure::known(Sequentiality::of(&merged, gap).strict, |share| {
            Figure::exact(percent(share.est))
        }),
        p95(Metric::OutstandingIos, Operation::All, &rate),
        p95(Metric::Latency, Operation::Read, &of_microseconds),
        p95(Metric::Latency, Operation::Write, &of_microseconds),
    ];
    html! {
        tr.out[!kept] {
            th scope="row" { (sample.sequence) @if fit < sample.disks.len() { " *" } }
            td { (elapsed(sample.start_seconds)) }
            td { (time(sample.seconds * 1000.0)) }
            td { @if kept { "yes" } @else { "no" } }
            @for figure in &figures { td { (figure.markup()) } }
        }
    }
}
