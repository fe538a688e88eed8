//! What a script of a page needs to draw the charts over time anew and to tell their values: the numbers, the words, and where
//! on the pictures they are.
//!
//! Lengths are units of the pictures ([`super::encode::inline`]), times are shares of the axis of time, 0 to 1.

use serde::Serialize;
use vscsi_shared::histogram::{Interval, Metric, Operation};

use super::alike::{Cut, HALF, timeline_sheet};
use super::caption;
use super::encode::inline::{UNITS_PER_POINT, css, units};
use super::field::Field;
use super::heatmap::HeatPanel;
use super::kind::{ChartKind, Surface};
use super::page::Page;
use super::palette::{FILTERED, INK, PAPER, SHADOW, hue};
use super::render::{parts, timelines};
use super::scene::{Area, Point};
use super::slices::{Slice, Slices};
use super::surface::{AZIMUTH_DEGREES, BOX, ELEVATION_DEGREES, Finish, LAMP, SurfacePanel, ticks as surface_ticks};
use super::time_axis::TimeAxis;
use super::{ChartError, ChartInput};

/// The charts of a job as a script takes them.
#[derive(Debug, Serialize)]
pub(crate) struct ChartNumbers {
    /// How surfaces are drawn.
    look: Look,
    /// The slices of surfaces and heat maps.
    pub(crate) moments: Vec<Moment>,
    /// Those of the timelines.
    #[serde(skip)]
    pub(crate) fine_moments: Vec<Moment>,
    /// What surfaces and heat maps show.
    pub(crate) histograms: Vec<HistogramNumbers>,
    /// The surfaces, each with its heat map.
    pub(crate) surfaces: Vec<SurfaceNumbers>,
    /// The timelines; their values become words where words are made.
    #[serde(skip)]
    pub(crate) timelines: Vec<TimelineNumbers>,
}

/// What all surfaces have in common, as [`super::surface`] and [`super::palette`] have it.
#[derive(Debug, Serialize)]
pub(crate) struct Look {
    azimuth: f64,
    elevation: f64,
    /// Lengths of the box along buckets, time and value.
    #[serde(rename = "box")]
    lengths: [f64; 3],
    lamp: [f64; 3],
    /// Heights up to this are drawn flat.
    flat: f64,
    /// Sides of the picture.
    sides: [i32; 2],
    /// What is free of margins: left, top, right, bottom.
    area: [i32; 4],
    /// A point at the scale of the picture.
    point: f64,
    /// Sizes of type of ticks and of titles.
    tick: i32,
    label: i32,
    /// Colours by direction: all, reads, writes.
    hues: [String; 3],
    filtered: String,
    ink: String,
    paper: String,
    shadow: String,
    /// The title of the axis of time, and its ticks.
    time_title: String,
    times: Vec<(f64, String)>,
}

/// A slice of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Moment {
    from: f64,
    to: f64,
    begins: String,
    ends: String,
    /// Which samples it is made of.
    name: String,
    /// What the filter did with them.
    judged: String,
    /// Time observed.
    seconds: f64,
    kept: bool,
    joined: bool,
}

/// The counts of one histogram in each slice.
#[derive(Debug, Serialize)]
pub(crate) struct HistogramNumbers {
    #[serde(skip)]
    metric: Metric,
    #[serde(skip)]
    operation: Operation,
    labels: Vec<String>,
    /// The buckets whose labels go before others.
    landmarks: Vec<usize>,
    /// A row for each slice, up to its last count that is not 0.
    counts: Vec<Vec<u64>>,
}

/// A surface and the heat map beside it.
#[derive(Debug, Serialize)]
pub(crate) struct SurfaceNumbers {
    /// The name of the chart.
    chart: &'static str,
    /// Which of the histograms it shows.
    histogram: usize,
    /// Which of the colours it has.
    hue: usize,
    /// Whether values are shares of the I/Os of a slice, percent, rather than I/Os per second.
    shares: bool,
    /// The value at the top of the box.
    top: f64,
    /// Shares of the height, and their labels.
    values: Vec<(f64, String)>,
    unit: &'static str,
    unit_at: [i32; 2],
    bucket_title: &'static str,
    /// Across and down: units for a unit of the box as it lies in the picture, and where its near left lower corner is.
    scale: [f64; 2],
    origin: [f64; 2],
    /// Where the cells of the heat map are: left, top, right, bottom.
    plot: [i32; 4],
}

/// A chart of lines over time.
#[derive(Debug)]
pub(crate) struct TimelineNumbers {
    /// Which chart.
    pub(crate) kind: ChartKind,
    /// Its parts, one above the other.
    pub(crate) parts: Vec<PartNumbers>,
}

/// Lines on the same axis.
#[derive(Debug)]
pub(crate) struct PartNumbers {
    /// What the values are.
    pub(crate) unit: &'static str,
    /// What bounds stand for that are not those of the value.
    pub(crate) band: Option<&'static str>,
    /// Where the lines are: left, top, right, bottom.
    pub(crate) plot: [i32; 4],
    /// The largest bucket limit, where there is one.
    pub(crate) last_limit: Option<i64>,
    /// The lines.
    pub(crate) lines: Vec<LineNumbers>,
}

/// A line over time.
#[derive(Debug)]
pub(crate) struct LineNumbers {
    /// What it shows.
    pub(crate) label: String,
    /// A value for each slice that has one.
    pub(crate) values: Vec<Option<f64>>,
    /// What the true values cannot leave; none for lines without.
    pub(crate) bounds: Vec<Option<(f64, f64)>>,
}

/// Gathers what a script needs for the charts over time among these.
///
/// # Errors
/// [`ChartError`] when there is nothing to draw, the mask does not fit, or bucket limits changed.
pub(crate) fn chart_numbers(input: &ChartInput<'_>, kinds: &[ChartKind]) -> Result<ChartNumbers, ChartError> {
    let slices = Cut::of("", input)?;
    let time = caption::time_axis(input, &slices.heat);
    let (sides, scale) = HALF;
    let page = Page::bare(sides, scale);
    let mut charts = ChartNumbers {
        look: Look::of(&page, &time),
        moments: moments(&slices.heat, &time),
        fine_moments: moments(&slices.time, &time),
        histograms: Vec::new(),
        surfaces: Vec::new(),
        timelines: Vec::new(),
    };
    for &kind in kinds {
        match kind {
            ChartKind::Surface(surface, operation) => {
                charts.add_surface(&slices.heat, &time, &page, (surface, operation));
            }
            ChartKind::BlockSizes | ChartKind::Latencies => {}
            _ => charts.timelines.push(timeline(input, kind, &slices.time)),
        }
    }
    Ok(charts)
}

impl ChartNumbers {
    fn add_surface(
        &mut self,
        slices: &Slices,
        time: &TimeAxis,
        page: &Page,
        (surface, operation): (Surface, Operation),
    ) {
        let field = Field::of(slices, surface, operation);
        let panel = SurfacePanel {
            field: &field,
            slices,
            time,
            hue: hue(operation),
            bucket_title: surface.bucket_title(),
            finish: Finish::LIGHT,
        };
        let frame = panel.frame(&page.body, page.scale);
        let heat = HeatPanel {
            field: &field,
            slices,
            time,
            bucket_title: surface.bucket_title(),
        };
        let values = frame.axis.ticks().zip(frame.values);
        let histogram = self.histogram(slices, surface.metric(), operation, &field);
        self.surfaces.push(SurfaceNumbers {
            chart: ChartKind::Surface(surface, operation).name(),
            histogram,
            hue: match operation {
                Operation::All => 0,
                Operation::Read => 1,
                Operation::Write => 2,
            },
            shares: surface == Surface::BlockSize,
            top: frame.axis.top,
            values: values
                .map(|(value, label)| (rounded(frame.axis.share(value)), label))
                .collect(),
            unit: field.unit,
            unit_at: place(frame.unit_at),
            bucket_title: surface.bucket_title(),
            scale: inline_lengths(frame.view.scale),
            origin: inline_lengths(frame.view.origin),
            plot: corners(&heat.plot(&page.body, page.scale)),
        });
    }

    /// The index of a histogram, which is added unless another surface shows it already.
    fn histogram(&mut self, slices: &Slices, metric: Metric, operation: Operation, field: &Field) -> usize {
        let is_it = |known: &HistogramNumbers| (known.metric, known.operation) == (metric, operation);
        if let Some(index) = self.histograms.iter().position(is_it) {
            return index;
        }
        let counts = |slice: &Slice| {
            let interval = slice.histograms().of(metric, operation);
            let mut counts = interval.map_or_else(Vec::new, |interval: &Interval| interval.counts.clone());
            counts.truncate(counts.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1));
            counts
        };
        self.histograms.push(HistogramNumbers {
            metric,
            operation,
            labels: field.labels.clone(),
            landmarks: field.landmarks.clone(),
            counts: slices.slices.iter().map(counts).collect(),
        });
        self.histograms.len() - 1
    }
}

impl Look {
    fn of(page: &Page, time: &TimeAxis) -> Self {
        let ticks = surface_ticks(time, &page.body, page.scale);
        Self {
            azimuth: AZIMUTH_DEGREES,
            elevation: ELEVATION_DEGREES,
            lengths: BOX,
            lamp: LAMP,
            flat: Finish::LIGHT.flat_up_to,
            sides: [units(page.scene.width), units(page.scene.height)],
            area: corners(&page.body),
            point: inline_lengths((page.scale, 0.0))[0],
            tick: units(Page::TICK * page.scale),
            label: units(Page::LABEL * page.scale),
            hues: [Operation::All, Operation::Read, Operation::Write].map(|operation| css(hue(operation))),
            filtered: css(FILTERED),
            ink: css(INK),
            paper: css(PAPER),
            shadow: css(SHADOW),
            time_title: time.title(&ticks),
            times: ticks
                .into_iter()
                .map(|tick| (rounded(time.share(tick.at)), tick.label))
                .collect(),
        }
    }
}

fn moments(slices: &Slices, time: &TimeAxis) -> Vec<Moment> {
    let moment = |slice: &Slice| {
        let (first, last) = slice.sequences;
        Moment {
            from: rounded(time.share(slice.start)),
            to: rounded(time.share(slice.end)),
            begins: time.told(slice.start),
            ends: time.told(slice.end),
            name: match slice.samples {
                1 => format!("sample {first}"),
                count => format!("{count} samples, {first} to {last}"),
            },
            judged: match slice.samples_kept {
                0 => "left out by the filter".to_owned(),
                kept if kept == slice.samples => "kept".to_owned(),
                kept => format!("{kept} of them kept"),
            },
            seconds: slice.seconds,
            kept: slice.kept,
            joined: slice.joined,
        }
    };
    slices.slices.iter().map(moment).collect()
}

fn timeline(input: &ChartInput<'_>, kind: ChartKind, slices: &Slices) -> TimelineNumbers {
    let (sides, scale) = timeline_sheet(kind);
    let page = Page::bare(sides, scale);
    let timelines: Vec<_> = timelines(&[(input, slices)], kind).into_iter().flatten().collect();
    let areas = parts(&page, timelines.len());
    let part = |(timeline, area): (super::timeline::Timeline, Area)| PartNumbers {
        unit: timeline.unit,
        band: timeline.band,
        plot: corners(&timeline.plot(&area, page.scale)),
        last_limit: timeline.buckets.as_ref().and_then(|limits| limits.last().copied()),
        lines: timeline
            .lines
            .into_iter()
            .map(|line| LineNumbers {
                label: line.label,
                values: line.values,
                bounds: line.bounds,
            })
            .collect(),
    };
    TimelineNumbers {
        kind,
        parts: timelines.into_iter().zip(areas).map(part).collect(),
    }
}

/// A share with as many digits as a picture shows.
fn rounded(share: f64) -> f64 {
    (share * 1e5).round() / 1e5
}

fn place((x, y): Point) -> [i32; 2] {
    [units(x), units(y)]
}

fn corners(area: &Area) -> [i32; 4] {
    [area.left, area.top, area.right, area.bottom].map(units)
}

/// Points as units, with what lies between two of them.
fn inline_lengths((x, y): (f64, f64)) -> [f64; 2] {
    [x, y].map(|points| (points * UNITS_PER_POINT * 1e3).round() / 1e3)
}

#[cfg(test)]
mod tests {
    use super::super::tests::chart_job::{Directions, Filtered, job};
    use super::*;

    fn numbers(job: &Filtered) -> ChartNumbers {
        let kinds: Vec<ChartKind> = ChartKind::all().collect();
        chart_numbers(&job.input(), &kinds).unwrap()
    }

    #[test]
    fn a_slice_of_one_sample_is_named_and_judged_as_that_sample() {
        let mut job = Filtered::of(job(3, 1, Directions::Both));
        job.kept = vec![true, false, true];
        let moments = numbers(&job).moments;
        let told: Vec<_> = moments
            .iter()
            .map(|moment| (moment.name.as_str(), moment.judged.as_str()))
            .collect();
        let sequences: Vec<String> = job
            .series
            .samples
            .iter()
            .map(|sample| format!("sample {}", sample.sequence))
            .collect();
        assert_eq!(
            told,
            [
                (sequences[0].as_str(), "kept"),
                (sequences[1].as_str(), "left out by the filter"),
                (sequences[2].as_str(), "kept"),
            ]
        );
        // The job runs from 08:30:30, one minute a sample.
        assert_eq!(
            (moments[1].begins.as_str(), moments[1].ends.as_str()),
            ("08:31:30", "08:32:30")
        );
    }

    #[test]
    fn a_slice_of_several_samples_names_the_first_and_the_last_and_how_many_were_kept() {
        // 240 samples are two for each of the 120 slices of a heat map.
        let mut job = Filtered::of(job(240, 1, Directions::Both));
        job.kept.fill(true);
        job.kept[1] = false;
        let charts = numbers(&job);
        assert_eq!((charts.moments.len(), charts.fine_moments.len()), (120, 240));
        let first = job.series.samples[0].sequence;
        assert_eq!(charts.moments[0].name, format!("2 samples, {first} to {}", first + 1));
        assert_eq!(charts.moments[0].judged, "1 of them kept");
        assert_eq!(charts.moments[1].judged, "kept");
    }

    #[test]
    fn counts_are_those_of_all_disks_and_end_with_the_last_that_is_not_0() {
        let job = Filtered::of(job(240, 2, Directions::Both));
        let charts = numbers(&job);
        let kind = vscsi_shared::histogram::HistogramKind::new(Metric::Latency, Operation::Read).unwrap();
        let disks = job.series.samples.iter().flat_map(|sample| &sample.disks);
        let expected: u64 = disks
            .filter_map(|disk| disk.histograms.get(kind))
            .map(Interval::total)
            .sum();
        let of_reads = |surface: &&SurfaceNumbers| surface.chart == "latency-3d-read";
        let surface = charts.surfaces.iter().find(of_reads).unwrap();
        let counts = &charts.histograms[surface.histogram].counts;
        assert_eq!(counts.iter().flatten().sum::<u64>(), expected);
        assert!(counts.iter().all(|row| row.last() != Some(&0)));
    }

    #[test]
    fn the_two_surfaces_of_block_sizes_show_the_same_counts() {
        let charts = numbers(&Filtered::of(job(5, 1, Directions::Both)));
        let histogram = |name: &str| {
            let named = |surface: &&SurfaceNumbers| surface.chart == name;
            charts.surfaces.iter().find(named).unwrap().histogram
        };
        assert_eq!(histogram("iops-3d-write"), histogram("blocksize-3d-write"));
        assert_ne!(histogram("iops-3d-write"), histogram("iops-3d-read"));
        // Five metrics in three directions.
        assert_eq!(charts.histograms.len(), 15);
    }
}
