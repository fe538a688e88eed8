//! The profile as a table: a row per quantity, a column per direction, each figure with its range.

use maud::{Markup, html};

use super::figure::{Figure, time};
use crate::analysis::DiskKey;
use crate::analysis::phases::Phase;
use crate::analysis::profile::{BlockSizes, ByOperation, Distribution, Profile};
use crate::number::{count, elapsed, percent, rate};

/// How many block sizes are named in a cell.
const SIZES_SHOWN: usize = 3;

/// A quantity of all commands, of reads and of writes.
struct Row {
    name: &'static str,
    figures: [Figure; 3],
}

impl Row {
    fn new(name: &'static str, figures: [Figure; 3]) -> Self {
        Self { name, figures }
    }

    /// One figure of each histogram that there is.
    fn of<T>(name: &'static str, values: &ByOperation<Option<T>>, figure: impl Fn(&T) -> Figure) -> Self {
        let figures = [&values.all, &values.read, &values.write];
        Self::new(name, figures.map(|value| Figure::known(value.as_ref(), &figure)))
    }
}

fn rows(profile: &Profile) -> Vec<Row> {
    let ios = profile.ios;
    let numbers = |values: [Option<f64>; 3], shown: fn(f64) -> String| {
        values.map(|value| Figure::known(value, |value| Figure::exact(shown(value))))
    };
    let mbps = profile.throughput_mbps;
    let sequential = &profile.sequentiality;
    let share = |value: f64| format!("{value:.1}%");
    let mut rows = vec![
        Row::new(
            "I/Os per second",
            numbers([profile.iops.total, profile.iops.read, profile.iops.write], rate),
        ),
        Row::new(
            "I/Os",
            numbers(
                [ios.total, ios.read, ios.write].map(|number| number.map(|number| number as f64)),
                count,
            ),
        ),
        Row::new(
            "MB/s (of 1 000 000 bytes)",
            [mbps.total, mbps.read, mbps.write].map(|range| Figure::known(range, |range| Figure::of(&range, rate))),
        ),
        Row::of("most frequent block sizes", &profile.block_sizes, sizes),
        Row::new(
            "in sequence",
            [sequential.strict, sequential.read, sequential.write]
                .map(|range| Figure::known(range, |range| Figure::of(&range, share))),
        ),
        Row::new(
            "in sequence with one of 16 before",
            [
                Figure::known(sequential.by_stream, |range| Figure::of(&range, share)),
                Figure::unknown(),
                Figure::unknown(),
            ],
        ),
    ];
    let (latency, depth) = (&profile.latency_ms, &profile.queue_depth);
    rows.extend([
        Row::of("latency, mean", latency, |of| Figure::of(&of.mean, time)),
        Row::of("latency, p50", latency, |of| {
            Figure::within(&of.p50, of.last_limit, time)
        }),
        Row::of("latency, p95", latency, |of| {
            Figure::within(&of.p95, of.last_limit, time)
        }),
        Row::of("latency, p99", latency, |of| {
            Figure::within(&of.p99, of.last_limit, time)
        }),
        Row::of("outstanding I/Os, mean", depth, |of| Figure::of(&of.mean, rate)),
        Row::of("outstanding I/Os, p95", depth, |of| {
            Figure::within(&of.p95, of.last_limit, rate)
        }),
    ]);
    rows.push(Row::new(
        "burst index (1 for independent arrivals)",
        [
            Figure::known(profile.burst_index, |index| Figure::of(&index, rate)),
            Figure::unknown(),
            Figure::unknown(),
        ],
    ));
    rows
}

/// The sizes with the largest shares, the largest first.
fn sizes(sizes: &BlockSizes) -> Figure {
    let named: Vec<String> = sizes
        .largest_first(|bucket| bucket.percent)
        .into_iter()
        .take(SIZES_SHOWN)
        .map(|bucket| format!("{} {}", bucket.label.to_uppercase(), percent(bucket.percent)))
        .collect();
    if named.is_empty() {
        return Figure::unknown();
    }
    Figure::exact(named.join(", "))
}

/// The whole profile.
pub(super) fn table(profile: &Profile) -> Markup {
    html! {
        div.wide { table.figures {
            thead { tr { th scope="col" {} th scope="col" { "all commands" } th scope="col" { "reads" } th scope="col" { "writes" } } }
            tbody {
                @for row in rows(profile) {
                    tr { th scope="row" { (row.name) } @for figure in &row.figures { td { (figure.markup()) } } }
                }
            }
        } }
    }
}

/// The figures that are asked for first.
pub(super) fn tiles(profile: &Profile) -> Markup {
    let p95 = |latency: &Option<Distribution>| {
        let of = |latency: &Distribution| Figure::within(&latency.p95, latency.last_limit, time).estimate;
        latency.as_ref().map(of)
    };
    let tiles = [
        ("I/Os per second", profile.iops.total.map(rate)),
        ("MB/s", profile.throughput_mbps.total.map(|total| rate(total.est))),
        ("reads", profile.ios.read_percent().map(percent)),
        (
            "in sequence",
            profile.sequentiality.strict.map(|strict| percent(strict.est)),
        ),
        (
            "outstanding I/Os",
            profile.queue_depth.all.as_ref().map(|depth| rate(depth.mean.est)),
        ),
        ("p95 of reads", p95(&profile.latency_ms.read)),
        ("p95 of writes", p95(&profile.latency_ms.write)),
    ];
    html! {
        dl.tiles {
            @for (name, value) in tiles {
                @if let Some(value) = value { div { dt { (name) } dd { (value) } } }
            }
        }
    }
}

/// What the figures of [`in_short`] are.
pub(super) const HEADINGS: [&str; 7] = [
    "IOPS",
    "MB/s",
    "reads",
    "in sequence",
    "outstanding",
    "p95 of reads",
    "p95 of writes",
];

/// The figures that stand in a row of a list of disks, phases or jobs.
pub(super) fn in_short(profile: &Profile) -> [Figure; 7] {
    let p95 = |latency: &Option<Distribution>| {
        Figure::known(latency.as_ref(), |latency| {
            Figure::within(&latency.p95, latency.last_limit, time)
        })
    };
    [
        Figure::known(profile.iops.total, |iops| Figure::exact(rate(iops))),
        Figure::known(profile.throughput_mbps.total, |total| Figure::of(&total, rate)),
        Figure::known(profile.ios.read_percent(), |read| Figure::exact(percent(read))),
        Figure::known(profile.sequentiality.strict, |strict| {
            Figure::exact(percent(strict.est))
        }),
        Figure::known(profile.queue_depth.all.as_ref(), |depth| {
            Figure::exact(rate(depth.mean.est))
        }),
        p95(&profile.latency_ms.read),
        p95(&profile.latency_ms.write),
    ]
}

/// A table of profiles, one a row, under a heading for what is in the row.
fn list(what: &[&str], rows: &[(Vec<String>, &Profile)]) -> Markup {
    html! {
        div.wide { table.figures {
            thead { tr { @for heading in what.iter().chain(&HEADINGS) { th scope="col" { (heading) } } } }
            tbody {
                @for (names, profile) in rows {
                    tr {
                        @for (index, name) in names.iter().enumerate() {
                            @if index == 0 { th scope="row" { (name) } } @else { td { (name) } }
                        }
                        @for figure in in_short(profile) { td { (figure.markup()) } }
                    }
                }
            }
        } }
    }
}

/// What each disk does.
pub(super) fn disks(disks: &[(DiskKey, Profile)]) -> Markup {
    let rows: Vec<_> = disks
        .iter()
        .map(|(disk, profile)| (vec![disk.to_string()], profile))
        .collect();
    list(&["disk"], &rows)
}

/// What is done in each phase.
pub(super) fn phases(phases: &[Phase]) -> Markup {
    let row = |phase: &'_ Phase| {
        vec![
            phase.name.clone(),
            format!("{} to {}", elapsed(phase.start_seconds), elapsed(phase.end_seconds)),
            count(phase.workload.provenance.samples_kept as f64),
        ]
    };
    let rows: Vec<_> = phases.iter().map(|phase| (row(phase), &phase.profile)).collect();
    list(&["phase", "since the first sample", "samples"], &rows)
}
