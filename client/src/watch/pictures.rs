//! Bars over time and a heat map.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use vscsi_shared::histogram::{Interval, Metric, Operation};

use super::Watched;
use super::bars::{bars, rows_of, shade};
use super::columns::Columns;
use super::view::{Timeline, View};
use super::watched::Moment;
use crate::analysis::profile::Profile;
use crate::chart::bucket_labels;
use crate::number::{counted, duration_ms, rate};

/// The rows of a picture over time, with its title.
const TIMELINE_ROWS: u16 = 5;

/// The fewest rows in which a heat map says something, with its title.
const HEAT_ROWS: u16 = 7;

/// The characters before a picture, for its numbers.
const MARGIN: u16 = 16;

/// As many pictures as have room, the heat map always among them where it has.
pub(super) fn draw_pictures(view: &View, job: &Watched, frame: &mut Frame<'_>, area: Rect) {
    let room = area.height.saturating_sub(HEAT_ROWS);
    let timelines = usize::from(room / TIMELINE_ROWS).clamp(usize::from(area.height >= 2), 3);
    let mut constraints = vec![Constraint::Length(TIMELINE_ROWS.min(area.height)); timelines];
    constraints.push(Constraint::Min(0));
    let areas = Layout::vertical(constraints).split(area);
    let columns = Columns::of(job.samples(), usize::from(area.width.saturating_sub(MARGIN + 1)));
    let moment = |sample: &Option<usize>| job.moment(job.samples().get((*sample)?)?, view.disk());
    let moments: Vec<Option<Moment>> = columns.samples.iter().map(moment).collect();
    let pictures = Pictures {
        view,
        job,
        columns: &columns,
        moments: &moments,
    };
    for (timeline, area) in view.timelines().take(timelines).zip(areas.iter()) {
        frame.render_widget(Paragraph::new(pictures.timeline(timeline, area.height)), *area);
    }
    if let Some(area) = areas.last() {
        frame.render_widget(Paragraph::new(pictures.heat_map(area.height)), *area);
    }
}

/// What the pictures of a job are drawn from.
struct Pictures<'a> {
    view: &'a View,
    job: &'a Watched,
    columns: &'a Columns,
    /// Of each column; `None` in a gap, and where the sample has nothing of the disk.
    moments: &'a [Option<Moment>],
}

impl Pictures<'_> {
    /// A title and bars below it, in so many rows.
    fn timeline(&self, timeline: Timeline, height: u16) -> Vec<Line<'static>> {
        let value = |moment: &Option<Moment>| timeline.value(&moment.as_ref()?.profile);
        let values: Vec<Option<f64>> = self.moments.iter().map(value).collect();
        let top = values.iter().flatten().copied().fold(0.0, f64::max);
        // The filter looks at the IOPS of all disks.
        let is_filtered = timeline == Timeline::Iops && self.view.disk().is_none();
        let cut = self.job.cut_iops().filter(|_| is_filtered);
        let mut lines = vec![self.title(timeline.title(), cut)];
        let rows = usize::from(height.saturating_sub(1));
        for (level, row) in bars(&values, top, rows, cut).into_iter().enumerate() {
            let label = match level {
                0 => timeline.shown(top),
                level if level + 1 == rows => "0".to_owned(),
                _ => String::new(),
            };
            let cells = row.into_iter().zip(&self.columns.samples).map(|(cell, sample)| {
                let is_kept = sample.is_none_or(|sample| self.job.is_kept(sample));
                let color = if is_filtered && !is_kept {
                    Color::DarkGray
                } else {
                    Color::Cyan
                };
                self.cell(cell, color)
            });
            lines.push(labelled(&label, cells));
        }
        lines
    }

    fn title(&self, title: &str, cut: Option<f64>) -> Line<'static> {
        let (total, visible) = (self.job.samples().len(), self.columns.shown());
        let of = if visible < total {
            format!(", the last {visible} of {}", counted(total, "sample"))
        } else {
            String::new()
        };
        let cut = cut.map_or_else(String::new, |cut| {
            format!("; ┄ {} keeps from {} IOPS on", self.job.filter(), rate(cut))
        });
        heading(format!(" {title}{of}{cut}"))
    }

    /// A title and a row for each bucket, or for several, in so many rows.
    fn heat_map(&self, height: u16) -> Vec<Line<'static>> {
        let (metric, operation) = self.view.histogram();
        let whose = match operation {
            Operation::All => "all I/Os",
            Operation::Read => "reads",
            Operation::Write => "writes",
        };
        let mut lines = vec![heading(format!(
            " {} of {whose}, each column a sample: ░ some  ▒ over 5%  ▓ over 20%  █ over half",
            name(metric)
        ))];
        let histogram = |moment: &Option<Moment>| moment.as_ref()?.histograms.of(metric, operation).cloned();
        let histograms: Vec<Option<Interval>> = self.moments.iter().map(histogram).collect();
        let Some(latest) = histograms.iter().flatten().last() else {
            lines.push(Line::from(" no sample has this histogram"));
            return lines;
        };
        let labels = bucket_labels(metric, latest.limits.as_slice());
        let rows = rows_of(labels.len(), usize::from(height.saturating_sub(1)));
        for bucket in rows.into_iter().rev() {
            let label = labels.get(bucket.1.saturating_sub(1)).cloned().unwrap_or_default();
            let cells = histograms.iter().map(|histogram| {
                let counts = histogram.as_ref().map(|histogram| histogram.counts.as_slice());
                self.cell(shade(counts, bucket), Color::Yellow)
            });
            lines.push(labelled(&label, cells));
        }
        lines
    }

    fn cell(&self, cell: char, color: Color) -> Span<'static> {
        let text: String = std::iter::repeat_n(cell, self.columns.wide).collect();
        Span::styled(text, Style::new().fg(color))
    }
}

impl Timeline {
    fn title(self) -> &'static str {
        match self {
            Self::Iops => "IOPS",
            Self::Throughput => "MB/s, estimated",
            Self::Latency => "p95 of latency, estimated",
        }
    }

    fn value(self, profile: &Profile) -> Option<f64> {
        match self {
            Self::Iops => profile.iops.total,
            Self::Throughput => Some(profile.throughput_mbps.total?.est),
            Self::Latency => Some(profile.latency_ms.all?.p95.est),
        }
    }

    fn shown(self, value: f64) -> String {
        match self {
            Self::Iops | Self::Throughput => rate(value),
            Self::Latency => duration_ms(value),
        }
    }
}

fn heading(text: String) -> Line<'static> {
    Line::from(Span::styled(text, Style::new().add_modifier(Modifier::BOLD)))
}

fn labelled(label: &str, cells: impl Iterator<Item = Span<'static>>) -> Line<'static> {
    let margin = usize::from(MARGIN) - 1;
    let mut spans = vec![Span::raw(format!("{label:>margin$} "))];
    spans.extend(cells);
    Line::from(spans)
}

fn name(metric: Metric) -> &'static str {
    match metric {
        Metric::IoLength => "block size",
        Metric::SeekDistance => "seek distance",
        Metric::SeekDistanceClosest16 => "seek distance to the closest of 16",
        Metric::Latency => "latency",
        Metric::OutstandingIos => "outstanding I/Os",
        Metric::Interarrival => "time between I/Os",
    }
}
