//! What is on the terminal: a pure function of the [`View`] and of the size.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::pictures::draw_pictures;
use super::told::{self, Standing};
use super::view::View;
use super::{Watched, line};
use crate::number::rate;

/// The most jobs of which a row is shown; the selected one is always among them.
const JOBS_SHOWN: usize = 6;

/// The findings that are shown, the gravest ones.
const FINDINGS_SHOWN: u16 = 2;

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
        Constraint::Length(FINDINGS_SHOWN),
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
        let (text, standing) = told::host(name, state, view.now);
        let style = match standing {
            Standing::Well => Style::new(),
            Standing::Silent => Style::new().fg(Color::Yellow),
            Standing::Lost => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        };
        spans.push(Span::raw("   "));
        spans.push(Span::styled(text, style));
    }
    if view.is_over() {
        spans.push(bold("   every job has ended"));
    }
    Line::from(spans)
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
    format!(
        "{} {:<28} {:<14} {:<10} {:>11}  {:<13} {}",
        if is_selected { '>' } else { ' ' },
        watched.name,
        host,
        watched.job.status.to_string(),
        told::progress(watched),
        told::next(watched, view.now),
        told::findings(watched),
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
    let Some(moment) = job.moment(sample, view.disk()) else {
        return vec![Line::from(" the latest sample has nothing of this disk")];
    };
    let profile = moment.profile;
    let known = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), rate);
    let throughput = profile.throughput_mbps.total;
    let first = format!(
        " sample {} in {:.0} s to {}: {} IOPS ({} read, {} write), {} MB/s",
        sample.sequence,
        sample.seconds,
        sample.taken_at.strftime("%H:%M:%S UTC"),
        known(profile.iops.total),
        known(profile.iops.read),
        known(profile.iops.write),
        throughput.map_or_else(|| "?".to_owned(), |range| range.shown(f64::INFINITY, rate)),
    );
    let mut lines = vec![Line::from(first)];
    for (word, latency) in [("reads", profile.latency_ms.read), ("writes", profile.latency_ms.write)] {
        let text = latency.map_or_else(|| "none".to_owned(), line::latency);
        lines.push(Line::from(format!(" {word:<7} {text}")));
    }
    lines
}

fn findings(job: &Watched) -> Vec<Line<'static>> {
    let shown = job.findings().take(FINDINGS_SHOWN.into()).map(|finding| {
        let disk = finding
            .disk
            .as_ref()
            .map_or_else(String::new, |disk| format!("{disk}: "));
        Line::from(format!(" ! {disk}{}", finding.message))
    });
    shown.collect()
}

fn bold(text: &str) -> Span<'static> {
    Span::styled(text.to_owned(), Style::new().add_modifier(Modifier::BOLD))
}
