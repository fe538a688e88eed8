//! The same charts of two jobs have the same axes.

use crate::chart::alike::inline_charts_alike;
use crate::chart::tests::chart_job::{Directions, Filtered, job};
use crate::chart::{AlikeCharts, ChartKind, InlineChart, Surface, inline_charts};
use vscsi_shared::histogram::{Limits, Metric, Operation};

/// The texts of a chart's pictures, but for those of the data itself: figures at bars and percentiles, and the cut.
fn lettering(chart: &InlineChart) -> Vec<&str> {
    let texts = chart
        .pictures
        .iter()
        .flat_map(|picture| picture.split("<text ").skip(1))
        .filter_map(|text| text.split_once('>')?.1.split_once('<'));
    let is_of_the_data = |text: &str| text.starts_with("cut at ") || text.contains(" %") || text.contains('≈');
    texts
        .map(|(text, _)| text)
        .filter(|text| !is_of_the_data(text))
        .collect()
}

fn alike(one: &Filtered, other: &Filtered, kinds: &[ChartKind]) -> AlikeCharts {
    inline_charts_alike(&[("one", one.input()), ("other", other.input())], kinds).unwrap()
}

#[test]
fn jobs_of_different_loads_are_drawn_on_the_same_axes() {
    let quiet = Filtered::of(job(30, 1, Directions::Both));
    let busy = Filtered::of(job(30, 4, Directions::Both));
    let kinds: Vec<ChartKind> = ChartKind::all().collect();
    let drawn = alike(&quiet, &busy, &kinds);
    assert_eq!(drawn.rows.len(), kinds.len());
    for (kind, row) in kinds.iter().zip(&drawn.rows) {
        let [one, other] = row.as_slice() else {
            panic!("{kind}: {} charts", row.len())
        };
        assert_eq!(lettering(one), lettering(other), "{kind}");
    }
    assert_eq!(drawn.notes, [""; 0]);
    // Each for itself they are drawn on axes of their own.
    let kinds = [
        ChartKind::IopsTimeline,
        ChartKind::ThroughputTimeline,
        ChartKind::Surface(Surface::Iops, Operation::All),
    ];
    let (quiet, busy) = (
        inline_charts(&quiet.input(), &kinds).unwrap(),
        inline_charts(&busy.input(), &kinds).unwrap(),
    );
    for (one, other) in quiet.iter().zip(&busy) {
        assert_ne!(lettering(one), lettering(other), "{}", one.kind);
    }
}

#[test]
fn a_direction_that_one_job_lacks_has_its_room_in_both() {
    let both = Filtered::of(job(12, 1, Directions::Both));
    let reads = Filtered::of(job(12, 1, Directions::ReadsOnly));
    let drawn = alike(&both, &reads, &[ChartKind::LatencyTimeline]);
    for chart in &drawn.rows[0] {
        assert!(
            chart.pictures[0].contains(">latency of writes<"),
            "{}",
            chart.pictures[0]
        );
    }
    let [alone] = <[_; 1]>::try_from(inline_charts(&reads.input(), &[ChartKind::LatencyTimeline]).unwrap()).unwrap();
    assert!(!alone.pictures[0].contains(">latency of writes<"));
}

/// The last label of the axis of time: the last of a timeline's times of day.
fn last_time(chart: &InlineChart) -> String {
    let texts = lettering(chart);
    let mut times = texts.into_iter().filter(|text| text.matches(':').count() == 1);
    times.next_back().unwrap().to_owned()
}

#[test]
fn axes_of_time_have_one_length_unless_one_job_is_much_longer() {
    let long = Filtered::of(job(30, 1, Directions::Both));
    // Up to three times as long they share one.
    for (samples, is_shared) in [(10, true), (9, false)] {
        let short = Filtered::of(job(samples, 1, Directions::Both));
        let drawn = alike(&long, &short, &[ChartKind::IopsTimeline]);
        let [one, other] = [0, 1].map(|index| last_time(&drawn.rows[0][index]));
        assert_eq!(one == other, is_shared, "{samples}: {one} and {other}");
        assert_eq!(drawn.notes.is_empty(), is_shared, "{samples}");
    }
}

#[test]
fn buckets_of_other_limits_have_scales_of_their_own_and_the_page_is_told() {
    let one = Filtered::of(job(6, 1, Directions::Both));
    let mut series = job(6, 1, Directions::Both);
    for disk in series.samples.iter_mut().flat_map(|sample| &mut sample.disks) {
        let latencies: Vec<_> = disk
            .histograms
            .iter()
            .filter(|(kind, _)| kind.metric() == Metric::Latency)
            .map(|(kind, interval)| (kind, interval.clone()))
            .collect();
        for (kind, mut interval) in latencies {
            let mut limits = Limits::known(Metric::Latency).as_slice().to_vec();
            *limits.last_mut().unwrap() *= 2;
            interval.limits = Limits::from_input(Metric::Latency, &limits).unwrap();
            disk.histograms.insert(kind, interval);
        }
    }
    let other = Filtered::of(series);
    let kinds = [
        ChartKind::LatencyTimeline,
        ChartKind::Latencies,
        ChartKind::Surface(Surface::Latency, Operation::All),
    ];
    let drawn = alike(&one, &other, &kinds);
    assert_eq!(drawn.notes.len(), 1);
    assert!(drawn.notes[0].contains("(latency)"), "{}", drawn.notes[0]);
    assert!(drawn.rows.iter().all(|row| row.len() == 2));
}

#[test]
fn an_idle_job_beside_a_busy_one_is_told_to_be_idle() {
    let busy = Filtered::of(job(6, 1, Directions::Both));
    let reads = Filtered::of(job(6, 1, Directions::ReadsOnly));
    let kind = ChartKind::Surface(Surface::Latency, Operation::Write);
    let drawn = alike(&busy, &reads, &[kind]);
    assert!(!drawn.rows[0][0].pictures[1].contains("no I/O"));
    assert!(drawn.rows[0][1].pictures[1].contains("no I/O"));
}
