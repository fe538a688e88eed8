//! The same charts of one job or of several, on the same axes: what differs to the eye then differs in the data.

use vscsi_shared::histogram::{HistogramKind, Metric, Operation};

use super::encode::inline;
use super::extent::Extent;
use super::inline::{InlineChart, swatches};
use super::kind::{ChartKind, Surface};
use super::page::Page;
use super::render::{Layout, Sheet, SurfaceParts, check_mask, distribution_page, timeline_page, timelines};
use super::scene::Area;
use super::slices::Slices;
use super::surface::Finish;
use super::time_axis::TimeAxis;
use super::{ChartError, ChartInput, caption, distribution};

/// Slices of a surface that does not turn: each costs some hundred bytes on paper, and a script draws those of the heat map.
const SURFACE_SLICES: usize = 12;
/// Slices of a heat map.
const HEAT_SLICES: usize = 120;
/// Slices of a timeline.
const TIMELINE_SLICES: usize = 400;

/// Jobs share an axis of time as long as the longest of them is no more than so many times as long as the shortest.
const LENGTHS_ON_ONE_AXIS: f64 = 3.0;

/// The metrics that charts have axes of.
const METRICS: [Metric; 5] = [
    Metric::IoLength,
    Metric::Latency,
    Metric::SeekDistance,
    Metric::OutstandingIos,
    Metric::Interarrival,
];

/// Sides in points and scale of type: a chart as wide as the page, and one of two beside each other.
const WIDE: ((f64, f64), f64) = ((720.0, 200.0), 1.2);
const TALL: ((f64, f64), f64) = ((720.0, 300.0), 1.2);
pub(super) const HALF: ((f64, f64), f64) = ((340.0, 235.0), 1.12);

/// The same charts of several jobs, on the same axes wherever they can have them.
#[derive(Debug, Clone, PartialEq)]
pub struct AlikeCharts {
    /// A row for each chart, in the order asked for, with the chart of each job in the order of the jobs.
    pub rows: Vec<Vec<InlineChart>>,
    /// Which axes are not the same, and why.
    pub notes: Vec<String>,
}

/// Draws charts for a web page.
///
/// # Errors
/// [`ChartError`] when there is nothing to draw, the mask does not fit, or bucket limits changed.
pub fn inline_charts(input: &ChartInput<'_>, kinds: &[ChartKind]) -> Result<Vec<InlineChart>, ChartError> {
    let alike = inline_charts_alike(&[("", *input)], kinds)?;
    Ok(alike.rows.into_iter().flatten().collect())
}

/// Draws the same charts of several jobs, each with what the job is called, on axes that are the same in all of them: those
/// of values always, those of time unless one job is much longer than another, those of buckets unless limits differ.
///
/// # Errors
/// [`ChartError`] as of [`inline_charts`], for the first job that has one.
pub fn inline_charts_alike(jobs: &[(&str, ChartInput<'_>)], kinds: &[ChartKind]) -> Result<AlikeCharts, ChartError> {
    use rayon::prelude::*;
    let cuts: Vec<_> = jobs.par_iter().map(|(name, input)| Cut::of(name, input)).collect();
    let jobs = Cuts::of(cuts.into_iter().collect::<Result<_, _>>()?);
    Ok(AlikeCharts {
        rows: kinds.par_iter().map(|&kind| jobs.draw(kind)).collect(),
        notes: jobs.notes(),
    })
}

/// A job whose time is cut as finely as each kind of chart shows it.
pub(super) struct Cut<'a> {
    name: &'a str,
    input: &'a ChartInput<'a>,
    surface: Slices,
    pub(super) heat: Slices,
    pub(super) time: Slices,
}

impl<'a> Cut<'a> {
    pub(super) fn of(name: &'a str, input: &'a ChartInput<'a>) -> Result<Self, ChartError> {
        check_mask(input)?;
        let cut = |limit: usize| Slices::cut(input, limit);
        // As many samples in each ridge as in any other.
        let samples = input.series.samples.len();
        let ridges = samples.div_ceil(samples.div_ceil(SURFACE_SLICES).max(1));
        let (surface, (heat, time)) = rayon::join(
            || cut(ridges),
            || rayon::join(|| cut(HEAT_SLICES), || cut(TIMELINE_SLICES)),
        );
        Ok(Self {
            name,
            input,
            surface: surface?,
            heat: heat?,
            time: time?,
        })
    }

    /// How long it is.
    fn seconds(&self) -> f64 {
        let axis = caption::time_axis(self.input, &self.time);
        axis.end - axis.start
    }

    /// What a picture of it shows, for readers without eyes.
    fn label(&self, what: &str) -> String {
        if self.name.is_empty() {
            what.to_owned()
        } else {
            format!("{}: {what}", self.name)
        }
    }
}

/// One of the ways in which the time of a job is cut.
type SlicesOf<'a> = for<'cut> fn(&'cut Cut<'a>) -> &'cut Slices;

/// Jobs that are drawn on the same axes.
struct Cuts<'a> {
    jobs: Vec<Cut<'a>>,
    /// Length of every axis of time; `None` where each is as long as its job.
    seconds: Option<f64>,
}

impl<'a> Cuts<'a> {
    fn of(jobs: Vec<Cut<'a>>) -> Self {
        let lengths = || jobs.iter().map(Cut::seconds);
        let longest = lengths().fold(0.0, f64::max);
        let shortest = lengths().fold(f64::INFINITY, f64::min);
        let seconds = (longest <= LENGTHS_ON_ONE_AXIS * shortest).then_some(longest);
        Self { jobs, seconds }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.seconds.is_none() {
            notes.push("one job is much longer than another, so each has a scale of time of its own".to_owned());
        }
        let differing: Vec<String> = METRICS
            .into_iter()
            .filter(|metric| !self.have_the_same_buckets(*metric))
            .map(|metric| metric.to_string())
            .collect();
        if !differing.is_empty() {
            notes.push(format!(
                "the bucket limits of the jobs differ, so charts of buckets have scales of their own ({})",
                differing.join(", ")
            ));
        }
        notes
    }

    fn have_the_same_buckets(&self, metric: Metric) -> bool {
        let mut kinds = HistogramKind::ALL.into_iter().filter(|kind| kind.metric() == metric);
        kinds.all(|kind| {
            let mut limits = self.jobs.iter().filter_map(|job| job.time.limits(kind));
            let first = limits.next();
            limits.all(|other| Some(other) == first)
        })
    }

    fn time(&self, job: &Cut<'_>, slices: &Slices) -> TimeAxis {
        let axis = caption::time_axis(job.input, slices);
        TimeAxis {
            end: self.seconds.map_or(axis.end, |seconds| axis.start + seconds),
            ..axis
        }
    }

    fn draw(&self, kind: ChartKind) -> Vec<InlineChart> {
        match kind {
            ChartKind::Surface(surface, operation) => self.surfaces(surface, operation),
            ChartKind::BlockSizes | ChartKind::Latencies => self.distributions(kind),
            _ => self.timelines(kind),
        }
    }

    fn timelines(&self, kind: ChartKind) -> Vec<InlineChart> {
        let of_jobs: Vec<_> = self.jobs.iter().map(|job| (job.input, &job.time)).collect();
        let mut timelines = timelines(&of_jobs, kind);
        let on_buckets = kind == ChartKind::LatencyTimeline;
        if !on_buckets || self.have_the_same_buckets(Metric::Latency) {
            // The first timeline of every job, the second, and so on.
            for index in 0..timelines.first().map_or(0, Vec::len) {
                let extents = timelines.iter().map(|of_job| of_job.get(index)?.extent());
                let also = Extent::around(extents);
                for timeline in timelines.iter_mut().filter_map(|of_job| of_job.get_mut(index)) {
                    timeline.also = also;
                }
            }
        }
        let charts = self.jobs.iter().zip(&timelines).map(|(job, timelines)| {
            let time = self.time(job, &job.time);
            let layout = timeline_page(
                job.input,
                kind,
                (&job.time, &time),
                timelines,
                part(timeline_sheet(kind)),
            );
            whole(kind, &layout, &job.label(&kind.title()))
        });
        charts.collect()
    }

    fn distributions(&self, kind: ChartKind) -> Vec<InlineChart> {
        let metric = match kind {
            ChartKind::BlockSizes => Metric::IoLength,
            _ => Metric::Latency,
        };
        let mut also = [None; 2];
        if self.have_the_same_buckets(metric) {
            for job in &self.jobs {
                let own = distribution::extents(job.input, kind);
                for (also, own) in also.iter_mut().zip(own) {
                    *also = Extent::around([*also, own].into_iter());
                }
            }
        }
        let charts = self.jobs.iter().map(|job| {
            let layout = distribution_page(job.input, kind, part(TALL), also);
            whole(kind, &layout, &job.label(&kind.title()))
        });
        charts.collect()
    }

    /// What the surface, or the heat map, of each job is drawn from.
    fn parts(&self, slices: SlicesOf<'a>, surface: Surface, operation: Operation) -> Vec<SurfaceParts<'_>> {
        let mut of_jobs = Vec::new();
        for job in &self.jobs {
            let mut parts = SurfaceParts::of(job.input, slices(job), surface, operation);
            parts.time = self.time(job, slices(job));
            of_jobs.push(parts);
        }
        if self.have_the_same_buckets(surface.metric()) {
            let also = Extent::around(of_jobs.iter().map(|parts| parts.field.extent()));
            for parts in &mut of_jobs {
                parts.field.also = also;
            }
        }
        of_jobs
    }

    fn surfaces(&self, surface: Surface, operation: Operation) -> Vec<InlineChart> {
        let kind = ChartKind::Surface(surface, operation);
        let parts = |slices: SlicesOf<'a>| self.parts(slices, surface, operation);
        let (reliefs, maps) = (parts(|job| &job.surface), parts(|job| &job.heat));
        let jobs = self.jobs.iter().zip(reliefs.iter().zip(&maps));
        let charts = jobs.map(|(job, (relief, map))| {
            let picture = |what: &str, draw: &dyn Fn(&mut Page, &Area)| {
                let (sides, scale) = HALF;
                let mut page = Page::bare(sides, scale);
                let body = page.body;
                draw(&mut page, &body);
                inline::encode(&page.scene, &job.label(&format!("{}, {what}", kind.title())))
            };
            InlineChart {
                kind,
                pictures: vec![
                    picture("surface", &|page, area| relief.draw_surface(page, area, Finish::LIGHT)),
                    picture("heat map", &|page, area| map.draw_heat_map(page, area)),
                ],
                legend: swatches(&map.legend),
                notes: map.notes(),
            }
        });
        charts.collect()
    }
}

/// Sides and scale of type of a timeline.
pub(super) fn timeline_sheet(kind: ChartKind) -> ((f64, f64), f64) {
    match kind {
        ChartKind::LatencyTimeline => TALL,
        _ => WIDE,
    }
}

fn part<'a>((sides, scale): ((f64, f64), f64)) -> Sheet<'a> {
    Sheet::Part(sides, scale)
}

fn whole(kind: ChartKind, layout: &Layout, label: &str) -> InlineChart {
    InlineChart {
        kind,
        pictures: vec![inline::encode(&layout.scene, label)],
        legend: swatches(&layout.legend),
        notes: layout.notes.clone(),
    }
}
