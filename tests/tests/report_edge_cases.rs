//! Charts of jobs that are unlike the usual one, and in a window as narrow as a telephone, in a real browser.

use vscsi_fixtures::{Direction, DiskLabel, DiskStatistics, HistogramType, IoEvent};
use vscsi_tests::charts::{drawn, focus, heat_map, sample_told, surface, timeline, told};
use vscsi_tests::keys::{END, ENTER, ESCAPE, HOME, LEFT, RIGHT, SHIFT};
use vscsi_tests::written_report::{WrittenReport, prints};

/// Prints of 20 disks over three minutes, each of which does less than the one before.
fn prints_of_20_disks() -> String {
    const MINUTE_US: u64 = 60_000_000;
    let nodes: Vec<String> = (0..20).map(|disk| format!("scsi{}:{}", disk / 15, disk % 15)).collect();
    let mut disks: Vec<(DiskLabel<'_>, DiskStatistics)> = (8192_u64..)
        .zip(&nodes)
        .map(|(handle_id, node)| {
            let label = DiskLabel {
                world_group_id: 12345,
                handle_id,
                node,
            };
            (label, DiskStatistics::new())
        })
        .collect();
    let mut text = String::new();
    for minute in 0..4 {
        for (index, (label, statistics)) in (0_u64..).zip(&mut disks) {
            for command in 0..if minute == 0 { 0 } else { 200 - 9 * index } {
                statistics.record(&IoEvent {
                    issue_us: MINUTE_US * minute + command * (MINUTE_US / 300),
                    latency_us: 300 + 50 * index,
                    lbn: 16 * command,
                    bytes: 8192,
                    direction: Direction::Write,
                });
            }
            statistics.advance_to(MINUTE_US * (minute + 1));
            text.push_str(&statistics.print_csv(*label, HistogramType::All));
        }
    }
    text
}

#[test]
fn jobs_of_one_sample_of_20_disks_and_without_any_io_turn_and_tell_too() {
    for (name, prints, samples) in [
        ("one sample", prints(&[500]), 1),
        ("20 disks", prints_of_20_disks(), 3),
        ("no I/O", prints(&[0, 0, 0]), 3),
    ] {
        let written = WrittenReport::of_prints("SQL-Server-01", &prints).unwrap();
        let browser = written.shown(&[]).unwrap();
        focus(&browser, &surface("iops-3d")).unwrap();
        let usual = drawn(&browser, "iops-3d").unwrap();
        browser.press(&RIGHT.repeat(30)).unwrap();
        assert!(drawn(&browser, "iops-3d").unwrap() != usual, "{name}");
        browser.press("0").unwrap();
        assert!(drawn(&browser, "iops-3d").unwrap() == usual, "{name}");
        for chart in [timeline("iops-timeline"), heat_map("iops-3d")] {
            focus(&browser, &chart).unwrap();
            browser.press(&RIGHT.repeat(5)).unwrap();
            assert_eq!(sample_told(&told(&browser).unwrap()), Some(samples), "{name}");
        }
        browser.press_holding(SHIFT, LEFT).unwrap();
        browser.press(ENTER).unwrap();
        browser.press(ESCAPE).unwrap();
        assert_eq!(browser.console().unwrap(), [""; 0], "{name}");
    }
}

#[test]
fn no_control_makes_a_narrow_page_scroll_sideways() {
    let browser = WrittenReport::of("SQL-Server-01").unwrap().shown(&[]).unwrap();
    browser.resize(360, 800).unwrap();
    let sideways = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    for chart in [
        timeline("latency-timeline"),
        heat_map("seek-3d"),
        timeline("iops-timeline"),
    ] {
        focus(&browser, &chart).unwrap();
        for keys in [HOME, END] {
            browser.press(keys).unwrap();
            assert_eq!(browser.value_of(sideways).unwrap(), 0, "{chart}");
            let tip = "(({left, right}) => left >= 0 && right <= innerWidth)(document.querySelector('.tip').getBoundingClientRect())";
            assert_eq!(browser.value_of(tip).unwrap(), true, "{chart}");
        }
    }
    browser.press_holding(SHIFT, LEFT).unwrap();
    browser.press(ENTER).unwrap();
    assert_eq!(browser.value_of(sideways).unwrap(), 0);
}
