//! The picture on a terminal that is kept in memory.

use jiff::{SignedDuration, Timestamp};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use vscsi_shared::job::Status;

use super::Watched;
use super::draw::draw;
use super::view::{Key, View};
use crate::analysis::load::Loaded;
use crate::analysis::{Filter, Options};
use crate::chart::tests::chart_job::{Directions, job};
use crate::store::tests::job as job_of;

const NOW: &str = "2025-11-06T09:00:32Z";

pub(super) fn watched(name: &str, samples: usize, disks: usize) -> Watched {
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
    Watched::new(name.to_owned(), job, None, loaded, &options).unwrap()
}

fn view(jobs: Vec<Watched>) -> View {
    let mut view = View::new(["esx1".to_owned()], NOW.parse().unwrap());
    view.hear("esx1", jobs, None);
    view
}

pub(crate) fn view_of_a_job() -> View {
    view(vec![watched("sql", 12, 2)])
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
    assert_eq!(label.trim(), crate::number::rate(busiest));
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
    view.hear("esx1", Vec::new(), Some("connection refused".to_owned()));
    assert!(
        text(&view).contains("esx1: STALE for 3 min: connection refused"),
        "{}",
        text(&view)
    );
    view.hear("esx1", Vec::new(), None);
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

#[test]
fn the_chosen_job_stays_when_another_one_is_found_before_it() {
    let mut view = view(vec![watched("b", 30, 1), watched("c", 30, 1)]);
    view.press(Key::NextJob);
    view.hear("esx1", vec![watched("a", 30, 1)], None);
    assert!(text(&view).contains("> c"), "{}", text(&view));
}

#[test]
fn what_one_job_lacks_hides_no_news_of_the_others() {
    let mut view = view(vec![watched("one", 30, 1)]);
    view.tick(NOW.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(200));
    view.hear(
        "esx1",
        vec![watched("one", 30, 1)],
        Some("there is no job two".to_owned()),
    );
    assert!(
        text(&view).contains("esx1: STALE for 0 s: there is no job two"),
        "{}",
        text(&view)
    );
}
