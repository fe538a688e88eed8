//! The picture: a pure function of the [`View`] and the size of the terminal.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use vscsi_shared::histogram::{Metric, Operation};

use super::bars::{bars, rows_of, shade};
use super::columns::Columns;
use super::view::{HostState, Timeline, View};
use super::{Watched, line};
use crate::analysis::profile::Profile;
use crate::chart::bucket_labels;
use crate::number::{counted, duration_ms, rate};

/// The most jobs of which a row is shown; the selected one is always among them.
const JOBS_SHOWN: usize = 6;

/// The rows of a picture over time, with its title.
const TIMELINE_ROWS: u16 = 5;

/// The fewest rows in which a heat map says something, with its title.
const HEAT_ROWS: u16 = 7;

/// The characters before a picture, for its numbers.
const MARGIN: u16 = 16;

/// A host that has been silent for longer than this is said to be, seconds: longer than it rests between two samples of a
/// `quick` job.
const SILENT_SECONDS: i64 = 15;

const KEYS: &str = " arrows: job, disk  m metric  o r/w  t timeline  q leave";

/// Draws everything.
pub(super) fn draw(view: &View, frame: &mut Frame<'_>) {
    let jobs = u16::try_from(view.jobs.len().min(JOBS_SHOWN)).unwrap_or(0);
    let [head, table, title, numbers, pictures, notes, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(jobs + 1),
        Constraint::Length(2),
        Constraint::Length(3),
        Constraint::Min(0),
        Constraint::Length(2),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(hosts(view)), head);
    frame.render_widget(Paragraph::new(job_rows(view, table.width)), table);
    frame.render_widget(
        Paragraph::new(KEYS).style(Style::new().add_modifier(Modifier::DIM)),
        foot,
    );
    let Some(job) = view.selected() else {
        frame.render_widget(Paragraph::new("\nwaiting for the first answer"), title);
        return;
    };
    frame.render_widget(Paragraph::new(heading(view, job)), title);
    frame.render_widget(Paragraph::new(latest(view, job)), numbers);
    frame.render_widget(Paragraph::new(findings(job)), notes);
    draw_pictures(view, job, frame, pictures);
}

/// Each host and how long ago it answered.
fn hosts(view: &View) -> Line<'static> {
    let mut spans = vec![bold(" vscsi-helper watch")];
    for (name, state) in &view.hosts {
        let (text, style) = host(name, state, view);
        spans.push(Span::raw("   "));
        spans.push(Span::styled(text, style));
    }
    if view.is_over() {
        spans.push(bold("   every job has ended"));
    }
    Line::from(spans)
}

fn host(name: &str, state: &HostState, view: &View) -> (String, Style) {
    let bad = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
    let age = state.heard_at.map(|at| view.now.duration_since(at).as_secs().max(0));
    match (age, &state.trouble) {
        (None, None) => (format!("{name}: connecting"), Style::new()),
        (None, Some(trouble)) => (format!("{name}: no answer: {trouble}"), bad),
        (Some(age), Some(trouble)) => (format!("{name}: LOST for {}: {trouble}", ago(age)), bad),
        (Some(age), None) if age > SILENT_SECONDS => (
            format!("{name}: heard {} ago", ago(age)),
            Style::new().fg(Color::Yellow),
        ),
        (Some(_), None) => (format!("{name}: connected"), Style::new()),
    }
}

/// `42 s`, `3 min`, `2 h`.
fn ago(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

fn job_rows(view: &View, width: u16) -> Vec<Line<'static>> {
    let head = format!(
        "  {:<28} {:<14} {:<10} {:>11}  {:<13} {}",
        "JOB", "HOST", "STATUS", "SAMPLES", "NEXT", "FINDINGS"
    );
    let mut lines = vec![Line::from(Span::styled(head, Style::new().add_modifier(Modifier::DIM)))];
    let first = (view.place() + 1).saturating_sub(JOBS_SHOWN);
    let rows = view.jobs.iter().enumerate().skip(first).take(JOBS_SHOWN);
    lines.extend(rows.map(|(place, ((host, _), watched))| {
        let is_selected = place == view.place();
        let style = if is_selected {
            Style::new().add_modifier(Modifier::REVERSED)
        } else {
            Style::new()
        };
        let text = job_row(view, host, watched, is_selected);
        Line::from(Span::styled(
            format!("{text:<width$}", width = usize::from(width)),
            style,
        ))
    }));
    lines
}

fn job_row(view: &View, host: &str, watched: &Watched, is_selected: bool) -> String {
    let collection = &watched.job.collection;
    let next = match watched.due_at {
        _ if watched.job.status.is_final() => "ended".to_owned(),
        Some(due) if due > view.now => format!("in {}", ago(due.duration_since(view.now).as_secs() + 1)),
        Some(due) if view.now.duration_since(due).as_secs() < 2 => "now".to_owned(),
        Some(due) => format!("due for {}", ago(view.now.duration_since(due).as_secs())),
        None => String::new(),
    };
    let findings = watched.findings().count();
    format!(
        "{} {:<28} {:<14} {:<10} {:>11}  {next:<13} {}",
        if is_selected { '>' } else { ' ' },
        watched.name,
        host,
        watched.job.status.to_string(),
        format!("{}/{}", collection.samples_collected, collection.samples_expected),
        if findings == 0 {
            "none".to_owned()
        } else {
            findings.to_string()
        },
    )
}

fn heading(view: &View, job: &Watched) -> Vec<Line<'static>> {
    let disk = match view.disk().and_then(|disk| job.disks().get(disk)) {
        Some(disk) => format!("disk {disk}"),
        None => match job.disks().len() {
            0 => "no sample yet".to_owned(),
            1 => "its disk".to_owned(),
            disks => format!("all {disks} disks"),
        },
    };
    let name = format!(" {}", job.name);
    let text = format!("  VM {}, {disk}", job.job.target.vm_name);
    vec![Line::default(), Line::from(vec![bold(&name), Span::raw(text)])]
}

/// The latest sample in numbers.
fn latest(view: &View, job: &Watched) -> Vec<Line<'static>> {
    let Some(sample) = job.samples().last() else {
        return Vec::new();
    };
    let Some(profile) = job.profile(sample, view.disk()) else {
        return vec![Line::from(" the latest sample has nothing of this disk")];
    };
    let known = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), rate);
    let throughput = profile.throughput_mbps.total;
    let first = format!(
        " {} in {:.0} s to {}: {} IOPS ({} read, {} write), {} MB/s",
        sample.sequence,
        sample.seconds,
        sample.taken_at.strftime("%H:%M:%S UTC"),
        known(profile.iops.total),
        known(profile.iops.read),
        known(profile.iops.write),
        throughput.map_or_else(|| "?".to_owned(), |range| range.shown(f64::INFINITY, rate)),
    );
    let mut lines = vec![Line::from(format!(" sample{first}"))];
    for (word, latency) in [("reads", profile.latency_ms.read), ("writes", profile.latency_ms.write)] {
        let text = match latency {
            Some(latency) => line::latency(latency),
            None => "none".to_owned(),
        };
        lines.push(Line::from(format!(" {word:<7} {text}")));
    }
    lines
}

fn findings(job: &Watched) -> Vec<Line<'static>> {
    let mut findings = job.findings();
    let shown = findings.by_ref().take(2).map(|finding| {
        let disk = finding
            .disk
            .as_ref()
            .map_or_else(String::new, |disk| format!("{disk}: "));
        Line::from(format!(" ! {disk}{}", finding.message))
    });
    shown.collect()
}

/// As many pictures as have room, the heat map always among them where it has.
fn draw_pictures(view: &View, job: &Watched, frame: &mut Frame<'_>, area: Rect) {
    let room = area.height.saturating_sub(HEAT_ROWS);
    let timelines = usize::from(room / TIMELINE_ROWS).clamp(usize::from(area.height >= 2), 3);
    let mut constraints = vec![Constraint::Length(TIMELINE_ROWS.min(area.height)); timelines];
    constraints.push(Constraint::Min(0));
    let areas = Layout::vertical(constraints).split(area);
    let columns = Columns::of(job.samples(), usize::from(area.width.saturating_sub(MARGIN + 1)));
    for (timeline, area) in view.timelines().take(timelines).zip(areas.iter()) {
        frame.render_widget(
            Paragraph::new(timeline_rows(timeline, view, job, &columns, *area)),
            *area,
        );
    }
    if let Some(area) = areas.last() {
        frame.render_widget(Paragraph::new(heat_rows(view, job, &columns, *area)), *area);
    }
}

fn timeline_rows(timeline: Timeline, view: &View, job: &Watched, columns: &Columns, area: Rect) -> Vec<Line<'static>> {
    let values = values(timeline, view, job, columns);
    let top = values.iter().flatten().copied().fold(0.0, f64::max);
    // The filter looks at the IOPS of all disks.
    let cut = job
        .cut_iops()
        .filter(|_| timeline == Timeline::Iops && view.disk().is_none());
    let (title, shown): (String, fn(f64) -> String) = match timeline {
        Timeline::Iops => ("IOPS".to_owned(), rate),
        Timeline::Throughput => ("MB/s, estimated".to_owned(), rate),
        Timeline::Latency => ("p95 of latency, estimated".to_owned(), duration_ms),
    };
    let (total, visible) = (job.samples().len(), columns.shown());
    let of = if visible < total {
        format!(", the last {visible} of {}", counted(total, "sample"))
    } else {
        String::new()
    };
    let cut_text = cut.map_or_else(String::new, |cut| {
        format!("; bright: what {} keeps, from {} IOPS on", job.filter(), rate(cut))
    });
    let mut lines = vec![Line::from(Span::styled(
        format!(" {title}{of}{cut_text}"),
        Style::new().add_modifier(Modifier::BOLD),
    ))];
    let rows = usize::from(area.height.saturating_sub(1));
    for (level, row) in bars(&values, top, rows, cut).into_iter().enumerate() {
        let label = match level {
            0 => shown(top),
            level if level + 1 == rows => "0".to_owned(),
            _ => String::new(),
        };
        let cells = row.into_iter().zip(&columns.samples).map(|(cell, sample)| {
            let is_kept = sample.is_none_or(|sample| job.is_kept(sample));
            let style = match (timeline, is_kept) {
                (Timeline::Iops, false) => Style::new().fg(Color::DarkGray),
                _ => Style::new().fg(Color::Cyan),
            };
            Span::styled(repeated(cell, columns.wide), style)
        });
        lines.push(labelled(&label, cells));
    }
    lines
}

fn values(timeline: Timeline, view: &View, job: &Watched, columns: &Columns) -> Vec<Option<f64>> {
    let of = |profile: &Profile| match timeline {
        Timeline::Iops => profile.iops.total,
        Timeline::Throughput => profile.throughput_mbps.total.map(|range| range.est),
        Timeline::Latency => profile.latency_ms.all.map(|latency| latency.p95.est),
    };
    let value = |sample: &Option<usize>| {
        let sample = job.samples().get((*sample)?)?;
        of(&job.profile(sample, view.disk())?)
    };
    columns.samples.iter().map(value).collect()
}

fn heat_rows(view: &View, job: &Watched, columns: &Columns, area: Rect) -> Vec<Line<'static>> {
    let (metric, operation) = view.histogram();
    let title = format!(
        " {} of {}, each column a sample: {}",
        name(metric),
        match operation {
            Operation::All => "all I/Os",
            Operation::Read => "reads",
            Operation::Write => "writes",
        },
        "░ some  ▒ over 5%  ▓ over 20%  █ over half",
    );
    let mut lines = vec![Line::from(Span::styled(
        title,
        Style::new().add_modifier(Modifier::BOLD),
    ))];
    let counts: Vec<Option<Vec<u64>>> = columns
        .samples
        .iter()
        .map(|sample| {
            let sample = job.samples().get((*sample)?)?;
            let histograms = Watched::histograms(sample, view.disk())?;
            Some(histograms.of(metric, operation)?.counts.clone())
        })
        .collect();
    let limits = job.samples().iter().rev().find_map(|sample| {
        let histograms = Watched::histograms(sample, view.disk())?;
        Some(histograms.of(metric, operation)?.limits.as_slice().to_vec())
    });
    let Some(limits) = limits else {
        lines.push(Line::from(" no sample has this histogram"));
        return lines;
    };
    let labels = bucket_labels(metric, &limits);
    let rows = rows_of(labels.len(), usize::from(area.height.saturating_sub(1)));
    for bucket in rows.into_iter().rev() {
        let label = labels.get(bucket.1.saturating_sub(1)).cloned().unwrap_or_default();
        let cells = counts.iter().map(|counts| {
            let cell = shade(counts.as_deref(), bucket);
            Span::styled(repeated(cell, columns.wide), Style::new().fg(Color::Yellow))
        });
        lines.push(labelled(&label, cells));
    }
    lines
}

fn labelled(label: &str, cells: impl Iterator<Item = Span<'static>>) -> Line<'static> {
    let margin = usize::from(MARGIN) - 1;
    let mut spans = vec![Span::raw(format!("{label:>margin$} "))];
    spans.extend(cells);
    Line::from(spans)
}

fn repeated(cell: char, wide: usize) -> String {
    std::iter::repeat_n(cell, wide).collect()
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

fn bold(text: &str) -> Span<'static> {
    Span::styled(text.to_owned(), Style::new().add_modifier(Modifier::BOLD))
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::buffer::Buffer;
    use vscsi_shared::job::Status;

    use super::*;
    use crate::analysis::load::Loaded;
    use crate::analysis::{Filter, Options};
    use crate::chart::tests::chart_job::{Directions, job};
    use crate::store::tests::job as job_of;
    use crate::watch::view::{Key, News};

    const NOW: &str = "2025-11-06T09:00:32Z";

    fn watched(name: &str, samples: usize, disks: usize) -> Watched {
        let loaded = Loaded {
            series: job(samples, disks, Directions::Both),
            findings: Vec::new(),
            last_sequence: Some(30),
        };
        let options = Options {
            filter: Filter::Percentile(75.0),
            ..Options::default()
        };
        let mut job = job_of(name, "esx1");
        for disk in 1..disks {
            let mut another = job.target.disks[0].clone();
            another.handle_id = vscsi_shared::identifier::HandleId(8194 + disk as u64);
            another.node = format!("scsi0:{disk}");
            another.lun.clone_from(&another.node);
            job.target.disks.push(another);
        }
        Watched::new(name.to_owned(), job, loaded, &options).unwrap()
    }

    fn view(jobs: Vec<Watched>) -> View {
        let mut view = View::new(["esx1".to_owned()], NOW.parse().unwrap());
        view.hear("esx1", News::Heard(jobs));
        view
    }

    fn drawn(view: &View, width: u16, height: u16) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(view, frame)).unwrap();
        terminal.backend().buffer().clone()
    }

    fn rows(buffer: &Buffer) -> Vec<String> {
        let row = |row: &[ratatui::buffer::Cell]| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>();
        let width = usize::from(buffer.area.width);
        buffer.content.chunks(width).map(row).collect()
    }

    fn text(view: &View) -> String {
        rows(&drawn(view, 100, 30)).join("\n")
    }

    #[test]
    fn every_size_of_terminal_is_drawn_on_without_a_job_and_with_many() {
        let views = [
            view(Vec::new()),
            view(vec![watched("none", 0, 1)]),
            view((0..20).map(|number| watched(&format!("job-{number}"), 30, 2)).collect()),
        ];
        for view in &views {
            for width in [1, 2, 17, 80, 300] {
                for height in [1, 3, 9, 24, 80] {
                    drawn(view, width, height);
                }
            }
        }
    }

    #[test]
    fn a_small_terminal_shows_jobs_numbers_a_timeline_a_heat_map_and_the_keys() {
        let rows = rows(&drawn(&view(vec![watched("sql-peak", 30, 1)]), 80, 24));
        assert!(rows[0].contains("esx1: connected"), "{rows:#?}");
        assert!(
            rows[2].starts_with("> sql-peak") && rows[2].contains("18/30"),
            "{rows:#?}"
        );
        for part in ["IOPS", " reads ", " writes ", "latency of all I/Os"] {
            assert!(rows.iter().any(|row| row.contains(part)), "no {part} in {rows:#?}");
        }
        assert!(rows[23].contains("q leave"), "{rows:#?}");
    }

    #[test]
    fn the_axis_ends_at_the_busiest_sample() {
        let series = job(30, 1, Directions::Both);
        let busiest = series
            .samples
            .iter()
            .map(crate::analysis::Sample::iops)
            .fold(0.0, f64::max);
        let rows = rows(&drawn(&view(vec![watched("sql-peak", 30, 1)]), 80, 24));
        let title = rows.iter().position(|row| row.starts_with(" IOPS")).unwrap();
        let label = rows[title + 1].chars().take(15).collect::<String>();
        assert_eq!(label.trim(), rate(busiest));
    }

    #[test]
    fn what_the_filter_leaves_out_is_dark() {
        let buffer = drawn(&view(vec![watched("sql-peak", 30, 1)]), 80, 24);
        let bottom = rows(&buffer)
            .iter()
            .position(|row| row.starts_with("              0 "))
            .unwrap();
        let cells = buffer.content.chunks(80).nth(bottom).unwrap();
        let dark = cells.iter().skip(16).filter(|cell| cell.fg == Color::DarkGray).count();
        // Percentile 75 keeps 23 of 30 samples, each of which is two characters wide here.
        assert_eq!(dark, 7 * 2);
    }

    #[test]
    fn a_lost_host_shows_how_old_its_numbers_are() {
        let mut view = view(vec![watched("sql-peak", 30, 1)]);
        view.tick(NOW.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(200));
        view.hear("esx1", News::Lost("connection refused".to_owned()));
        assert!(
            text(&view).contains("esx1: LOST for 3 min: connection refused"),
            "{}",
            text(&view)
        );
        view.hear("esx1", News::Heard(Vec::new()));
        assert!(text(&view).contains("esx1: connected"), "{}", text(&view));
    }

    #[test]
    fn keys_step_through_jobs_disks_metrics_and_directions() {
        let mut view = view(vec![watched("one", 30, 2), watched("two", 30, 1)]);
        assert!(text(&view).contains("all 2 disks"));
        for (key, shown) in [
            (Key::NextDisk, "disk scsi0:0"),
            (Key::NextDisk, "disk scsi0:1"),
            (Key::NextDisk, "all 2 disks"),
            (Key::PreviousDisk, "disk scsi0:1"),
            (Key::NextMetric, "block size of all I/Os"),
            (Key::NextOperation, "block size of reads"),
            (Key::NextJob, "> two"),
            (Key::NextJob, "> one"),
            (Key::NextTimeline, "MB/s, estimated"),
        ] {
            assert!(view.press(key));
            assert!(text(&view).contains(shown), "{key:?}: no {shown} in\n{}", text(&view));
        }
        assert!(!view.press(Key::Quit));
    }

    #[test]
    fn the_end_of_every_job_is_said() {
        let mut ended = watched("sql-peak", 30, 1);
        ended.job.status = Status::Completed;
        assert!(text(&view(vec![ended])).contains("every job has ended"));
        assert!(!text(&view(vec![watched("sql-peak", 30, 1)])).contains("every job has ended"));
    }
}
