//! Quantities over time, one step per slice.

use vscsi_shared::histogram::{HistogramKind, Limits, Metric, Operation};

use super::axes::{ValueAxis, gaps, time_axis};
use super::extent::Extent;
use super::font::{self, Weight};
use super::labels::{NO_IO, NOT_MEASURED, short};
use super::lettering::{colored, label_at, widest};
use super::page::{Key, Page};
use super::palette::{AXIS, INK, LEFT_OUT, PAPER, STREAM, hue};
use super::scale::{BucketRows, Linear};
use super::scene::{Anchor, Area, Color, Layer, Point};
use super::slices::{Slice, Slices};
use super::time_axis::TimeAxis;
use crate::analysis::estimate::{self, PerMille, Range};
use crate::analysis::profile::{SequentialGap, Sequentiality, Throughput};

const BAND_OPACITY: f64 = 0.2;

/// One quantity: a value per slice, or none where there is none, such as a share of nothing.
pub(super) struct Line {
    pub(super) label: String,
    pub(super) color: Color,
    pub(super) values: Vec<Option<f64>>,
    /// What the true value cannot leave, where that is known and worth seeing.
    pub(super) bounds: Vec<Option<(f64, f64)>>,
    /// Whether the area below is tinted.
    pub(super) filled: bool,
}

/// A chart of lines over time.
pub(super) struct Timeline {
    /// What the lines are made from.
    pub(super) metric: Metric,
    pub(super) unit: &'static str,
    /// What the axis has to hold as well: the values of the same timeline of another job.
    pub(super) also: Option<Extent>,
    /// The axis ends here although no value may reach it, such as at 100 %.
    pub(super) fixed_top: Option<f64>,
    pub(super) lines: Vec<Line>,
    /// The limits of the buckets that the axis is made of, where it is no axis of numbers.
    pub(super) buckets: Option<Vec<i64>>,
    /// What the bands stand for.
    pub(super) band: Option<&'static str>,
    /// The value from which samples were kept.
    pub(super) cut: Option<f64>,
    pub(super) notes: Vec<String>,
}

/// All commands, reads and writes.
fn directions(value: impl Fn(Operation) -> (Vec<Option<f64>>, Vec<Option<(f64, f64)>>)) -> Vec<Line> {
    [
        (Operation::All, "total"),
        (Operation::Read, "reads"),
        (Operation::Write, "writes"),
    ]
    .into_iter()
    .map(|(operation, label)| {
        let (values, bounds) = value(operation);
        Line {
            label: label.to_owned(),
            color: hue(operation),
            values,
            bounds,
            filled: operation == Operation::All,
        }
    })
    .collect()
}

/// I/Os per second.
pub(super) fn iops(slices: &Slices, cut: Option<f64>) -> Timeline {
    let rate = |slice: &Slice, operation| {
        let rates = slice.rates();
        match operation {
            Operation::All => rates.total,
            Operation::Read => rates.read,
            Operation::Write => rates.write,
        }
    };
    Timeline {
        metric: Metric::IoLength,
        unit: "I/Os per second",
        also: None,
        fixed_top: None,
        lines: directions(|operation| {
            let values = slices.slices.iter().map(|slice| rate(slice, operation));
            (values.collect(), Vec::new())
        }),
        buckets: None,
        band: None,
        cut,
        notes: Vec::new(),
    }
}

/// Megabytes per second, with what block size buckets and means allow.
pub(super) fn throughput(slices: &Slices) -> Timeline {
    let rate = |slice: &Slice, operation| {
        let throughput = Throughput::of(slice.histograms(), slice.seconds);
        match operation {
            Operation::All => throughput.total,
            Operation::Read => throughput.read,
            Operation::Write => throughput.write,
        }
    };
    let lines = directions(|operation| {
        let ranges: Vec<Option<Range>> = slices.slices.iter().map(|slice| rate(slice, operation)).collect();
        let values = ranges.iter().map(|range| range.map(|range| range.est)).collect();
        let bounds = ranges
            .iter()
            .map(|range| {
                let (lo, hi) = range.and_then(|range| Some((range.lo, range.hi?)))?;
                (hi > lo).then_some((lo, hi))
            })
            .collect();
        (values, bounds)
    });
    let widest = lines
        .iter()
        .flat_map(|line| line.bounds.iter().flatten())
        .map(|(lo, hi)| hi - lo)
        .fold(0.0, f64::max);
    let mut notes = vec!["MB = 1 000 000 bytes".to_owned()];
    if widest >= 0.05 {
        notes.push(format!(
            "sizes are known by bucket and mean, which leaves at most {} MB/s of doubt in a slice",
            short(widest)
        ));
    }
    Timeline {
        metric: Metric::IoLength,
        unit: "MB/s",
        also: None,
        fixed_top: None,
        lines,
        buckets: None,
        band: (widest >= 0.05).then_some("possible range"),
        cut: None,
        notes,
    }
}

/// Share of the I/Os that follow right on the one before.
pub(super) fn sequential(slices: &Slices) -> Timeline {
    let measured: Vec<Sequentiality> = slices
        .slices
        .iter()
        .map(|slice| Sequentiality::of(slice.histograms(), SequentialGap::default()))
        .collect();
    let line = |label: &str, color, share: fn(&Sequentiality) -> Option<Range>| Line {
        label: label.to_owned(),
        color,
        values: measured
            .iter()
            .map(|shares| share(shares).map(|range| range.est))
            .collect(),
        bounds: Vec::new(),
        filled: false,
    };
    Timeline {
        metric: Metric::SeekDistance,
        unit: "% of I/Os at seek distance +1",
        also: None,
        fixed_top: Some(100.0),
        lines: vec![
            line("total, closest of previous 16", STREAM, |shares| shares.by_stream),
            line("total", hue(Operation::All), |shares| shares.strict),
            line("reads", hue(Operation::Read), |shares| shares.read),
            line("writes", hue(Operation::Write), |shares| shares.write),
        ],
        buckets: None,
        band: None,
        cut: None,
        notes: vec!["reads and writes are each measured against the one before of their own kind".to_owned()],
    }
}

/// Commands in flight as a new one arrives, itself included.
pub(super) fn outstanding(slices: &Slices) -> Timeline {
    let mut lines = directions(|operation| {
        let intervals = slices
            .slices
            .iter()
            .map(|slice| slice.histograms().of(Metric::OutstandingIos, operation));
        let values = intervals
            .clone()
            .map(|interval| estimate::mean(interval?, Metric::OutstandingIos).map(|mean| mean.est))
            .collect();
        let bounds = intervals
            .map(|interval| {
                let p95 = estimate::percentile(interval?, Metric::OutstandingIos, PerMille::P95)?;
                Some((p95.lo, p95.hi?)).filter(|_| operation == Operation::All)
            })
            .collect();
        (values, bounds)
    });
    for line in &mut lines {
        line.filled = false;
        line.label = format!("{}, mean", line.label);
    }
    Timeline {
        metric: Metric::OutstandingIos,
        unit: "outstanding I/Os as a new one arrives, itself included",
        also: None,
        fixed_top: None,
        lines,
        buckets: None,
        band: Some("total, 95th percentile"),
        cut: None,
        notes: vec!["the 95th percentile is known by its bucket, which the band shows".to_owned()],
    }
}

/// Percentiles over time, and how deep the colour of each is: below 1 lighter than the direction's, above it darker.
const PERCENTILES: [(PerMille, f64); 3] = [(PerMille::P50, 0.5), (PerMille::P95, 1.0), (PerMille::P99, 1.65)];

fn shade(hue: Color, depth: f64) -> Color {
    PAPER.toward(hue, depth.min(1.0)).toward(INK, (depth - 1.0).max(0.0))
}

/// Percentiles of the latency of reads above those of writes, each with the range that holds the true value, for each of
/// some jobs.
pub(super) fn latencies(jobs: &[&Slices]) -> Vec<Vec<Timeline>> {
    let directions = [
        (Operation::Read, "latency of reads"),
        (Operation::Write, "latency of writes"),
    ];
    let mut timelines: Vec<Vec<Timeline>> = jobs.iter().map(|_| Vec::new()).collect();
    let mut add = |of_jobs: Vec<Timeline>| {
        for (timelines, timeline) in timelines.iter_mut().zip(of_jobs) {
            timelines.push(timeline);
        }
    };
    let of_jobs = |(operation, unit)| -> Vec<Timeline> {
        let of_job = |slices: &&Slices| latency(slices, operation, unit);
        jobs.iter().map(of_job).collect()
    };
    // A direction without commands leaves its room to the other one.
    let shown: Vec<_> = directions
        .map(of_jobs)
        .into_iter()
        .filter(|timelines| timelines.iter().any(Timeline::has_values))
        .collect();
    if shown.is_empty() {
        add(of_jobs((Operation::All, "latency")));
    }
    shown.into_iter().for_each(add);
    timelines
}

fn latency(slices: &Slices, operation: Operation, unit: &'static str) -> Timeline {
    let lines = PERCENTILES.into_iter().map(|(per_mille, depth)| {
        let ranges = slices.slices.iter().map(|slice| {
            let interval = slice.histograms().of(Metric::Latency, operation)?;
            estimate::percentile(interval, Metric::Latency, per_mille)
        });
        let ends = |range: Range| (range.lo, range.hi.unwrap_or(f64::INFINITY));
        Line {
            label: per_mille.to_string(),
            color: shade(hue(operation), depth),
            values: ranges.clone().map(|range| Some(range?.est)).collect(),
            bounds: ranges.map(|range| range.map(ends)).collect(),
            filled: false,
        }
    });
    let known = Limits::known(Metric::Latency);
    let limits = HistogramKind::new(Metric::Latency, operation).and_then(|kind| slices.limits(kind));
    Timeline {
        metric: Metric::Latency,
        unit,
        also: None,
        fixed_top: None,
        lines: lines.collect(),
        buckets: Some(limits.unwrap_or(known.as_slice()).to_vec()),
        band: None,
        cut: None,
        notes: vec!["bands: the range that holds the true percentile; lines: the estimate".to_owned()],
    }
}

/// The line above the plot on which the unit stands, and what else is said of the timeline alone.
pub(super) fn unit_baseline(area: &Area, scale: f64) -> f64 {
    area.top + font::CAP_HEIGHT * Page::LABEL * scale
}

impl Timeline {
    /// The legend: lines, and what a band around or above the first one means.
    pub(super) fn legend(&self) -> Vec<Key> {
        let lines = self.lines.iter().map(|line| Key {
            color: line.color,
            label: line.label.clone(),
        });
        let band = self.band.zip(self.lines.first()).map(|(label, line)| Key {
            color: PAPER.toward(line.color, BAND_OPACITY),
            label: label.to_owned(),
        });
        lines.chain(band).collect()
    }

    fn has_values(&self) -> bool {
        self.lines.iter().any(|line| line.values.iter().any(Option::is_some))
    }

    /// The extent of its own values, as far as its axis has to hold them.
    pub(super) fn extent(&self) -> Option<Extent> {
        let bounds = self.lines.iter().flat_map(|line| line.bounds.iter().flatten());
        if self.buckets.is_some() {
            // A range begins above its lower end.
            return Extent::of(bounds.flat_map(|(lo, hi)| [lo + 0.5, *hi]));
        }
        let values = self.lines.iter().flat_map(|line| line.values.iter().flatten().copied());
        Extent::of(values.chain(bounds.map(|(_, hi)| *hi)).chain(self.cut))
    }

    fn axis(&self) -> ValueAxis {
        let ends = Extent::ends(Extent::around([self.extent(), self.also].into_iter()));
        match &self.buckets {
            Some(limits) => ValueAxis::Buckets(BucketRows::around(limits, ends)),
            None => ValueAxis::Numbers(Linear::up_to(self.fixed_top.unwrap_or(ends.fold(0.0, f64::max)), 6)),
        }
    }

    /// Where in an area of the page its lines are.
    pub(super) fn plot(&self, area: &Area, scale: f64) -> Area {
        let tick = Page::TICK * scale;
        let ticks = self.axis().ticks();
        Area {
            left: area.left + widest(ticks.iter().map(|(_, label)| label.as_str()), tick) + 7.0 * scale,
            top: area.top + 2.6 * tick,
            right: area.right,
            bottom: area.bottom - 3.6 * tick,
        }
    }

    /// Draws the chart into an area of the page.
    pub(super) fn draw(&self, page: &mut Page, slices: &Slices, time: &TimeAxis, area: &Area) {
        let scale = page.scale;
        let label = Page::LABEL * scale;
        let axis = self.axis();
        let plot = self.plot(area, scale);
        let mut ground = Layer::new("timeline-ground");
        for slice in slices.slices.iter().filter(|slice| !slice.kept) {
            ground.rectangle(
                Area {
                    left: plot.left + plot.width() * time.share(slice.start),
                    right: plot.left + plot.width() * time.share(slice.end),
                    ..plot
                },
                LEFT_OUT,
            );
        }
        gaps(&mut ground, slices, time, &plot);
        let mut grid = Layer::new("timeline-grid");
        axis.draw(&mut grid, &plot, scale);
        let unit_at = (area.left, unit_baseline(area, scale));
        grid.text(label_at(self.unit, unit_at, label, Anchor::Start));
        page.scene.layers.extend([ground, grid]);

        let place = |second: f64, value: f64| -> Point {
            (
                plot.left + plot.width() * time.share(second),
                plot.bottom - plot.height() * axis.share(value),
            )
        };
        for line in &self.lines {
            let mut layer = Layer::new("line");
            line.draw(&mut layer, slices, place);
            page.scene.layers.push(layer);
        }
        let mut front = Layer::new("timeline-axes");
        if !self.has_values() {
            let middle = (
                f64::midpoint(plot.left, plot.right),
                f64::midpoint(plot.top, plot.bottom),
            );
            let reason = if slices.have(self.metric) { NO_IO } else { NOT_MEASURED };
            front.text(label_at(reason, middle, 1.3 * label, Anchor::Middle));
        }
        front.line((plot.left, plot.bottom), (plot.right, plot.bottom), AXIS, 0.8);
        let ticks = time_axis(&mut front, time, &plot, scale, area);
        if let Some(cut) = self.cut {
            let (_, y) = place(time.start, cut);
            front.dashed((plot.left, y), (plot.right, y), 4.0 * scale, INK, 0.8);
            // Above the plot, where it hides nothing.
            let text = format!("cut at {} IOPS", short(cut));
            let (_, text_y) = unit_at;
            front.text(colored(&text, (plot.right, text_y), label, Anchor::End, INK));
            let end = plot.right - font::width(&text, label, Weight::Regular) - 5.0 * scale;
            let sample_y = text_y - font::CAP_HEIGHT * label / 2.0;
            front.dashed((end - 18.0 * scale, sample_y), (end, sample_y), 4.0 * scale, INK, 0.8);
        }
        page.scene.layers.extend([front, ticks]);
    }
}

impl Line {
    /// Draws the line where `place` puts a second and a value.
    pub(super) fn draw(&self, layer: &mut Layer, slices: &Slices, place: impl Fn(f64, f64) -> Point) {
        let slices = &slices.slices;
        for (slice, bounds) in slices.iter().zip(&self.bounds) {
            if let Some((lo, hi)) = *bounds {
                let ((left, top), (right, bottom)) = (place(slice.start, hi), place(slice.end, lo));
                // Bounds that meet are still drawn, as thin as can be seen.
                layer.rectangle(
                    Area {
                        left,
                        top,
                        right,
                        bottom: bottom.max(top + 0.8),
                    },
                    self.color.with_alpha(BAND_OPACITY),
                );
            }
        }
        if self.filled {
            for (slice, value) in slices.iter().zip(&self.values) {
                let Some(value) = *value else { continue };
                let ((left, top), (right, bottom)) = (place(slice.start, value), place(slice.end, 0.0));
                let alpha = if slice.kept { 0.14 } else { 0.05 };
                layer.rectangle(
                    Area {
                        left,
                        top,
                        right,
                        bottom,
                    },
                    self.color.with_alpha(alpha),
                );
            }
        }
        let width = if slices.len() > 200 { 0.8 } else { 1.1 };
        let mut path: Vec<Point> = Vec::new();
        let mut path_kept = true;
        let mut flush = |path: &mut Vec<Point>, kept: bool| {
            let color = if kept {
                self.color
            } else {
                PAPER.toward(self.color, 0.45)
            };
            if path.len() > 1 {
                layer.path(std::mem::take(path), color, width);
            }
            path.clear();
        };
        for (slice, value) in slices.iter().zip(&self.values) {
            let Some(value) = *value else {
                flush(&mut path, path_kept);
                continue;
            };
            let (begin, end) = (place(slice.start, value), place(slice.end, value));
            if !slice.joined {
                flush(&mut path, path_kept);
            } else if slice.kept != path_kept && !path.is_empty() {
                // The step between two samples belongs to the later one.
                let last = path.last().copied();
                flush(&mut path, path_kept);
                path.extend(last);
            }
            path_kept = slice.kept;
            path.extend([begin, end]);
        }
        flush(&mut path, path_kept);
    }
}
