//! Time on the axis is real: gaps stay gaps, and many samples are merged.

use super::chart_job::{Directions, Filtered, SECONDS, job};
use super::*;
use crate::chart::slices::Slices;
use crate::chart::{ChartError, ChartFormat, render};

#[test]
fn a_thousand_samples_are_merged_and_the_caption_says_so() {
    let layout = layout(&Filtered::of(job(1000, 1, Directions::Both)), surface(Surface::Latency));
    let note = "1\u{a0}000 samples drawn as 160 slices of equal time, each the rate over its samples";
    assert!(layout.notes.iter().any(|text| text == note), "{:?}", layout.notes);
}

#[test]
fn few_samples_are_drawn_one_by_one() {
    let job = Filtered::of(job(100, 1, Directions::Both));
    assert_eq!(Slices::cut(&job.input(), 160).unwrap().slices.len(), 100);
}

#[test]
fn merging_loses_no_io_and_no_time() {
    let job = Filtered::of(job(1000, 2, Directions::Both));
    let slices = Slices::cut(&job.input(), 160).unwrap().slices;
    let ios: f64 = slices
        .iter()
        .map(|slice| slice.rates().total.unwrap() * slice.seconds)
        .sum();
    let expected: u64 = job.series.samples.iter().map(crate::analysis::Sample::ios).sum();
    assert!((ios - expected as f64).abs() < 1.0, "{ios} of {expected}");
    let seconds: f64 = slices.iter().map(|slice| slice.seconds).sum();
    assert!((seconds - 1000.0 * SECONDS).abs() < 1e-6);
}

#[test]
fn slices_are_never_more_than_asked_for_however_many_gaps_there_are() {
    let mut series = job(2000, 1, Directions::Both);
    series.samples.retain(|sample| sample.sequence % 2 == 0);
    assert!(Slices::cut(&Filtered::of(series).input(), 160).unwrap().slices.len() <= 160);
}

#[test]
fn a_gap_takes_the_room_of_its_length_on_the_time_axis() {
    let mut series = job(10, 1, Directions::Both);
    series.samples.drain(4..8);
    let mut job = Filtered::of(series);
    job.kept.fill(true);
    let layout = layout(&job, surface(Surface::Iops));
    let mut columns: Vec<(f64, f64)> = rectangles(layer(&layout, "heatmap"))
        .into_iter()
        .map(|(area, _)| (area.left, area.right))
        .collect();
    columns.dedup();
    let gap = columns.windows(2).map(|pair| pair[1].0 - pair[0].1).fold(0.0, f64::max);
    let column = columns[0].1 - columns[0].0;
    assert!((gap / column - 4.0).abs() < 1e-6, "{gap} / {column}");
}

#[test]
fn times_stand_evenly_up_to_the_end_of_the_axis() {
    let mut series = job(5, 1, Directions::Both);
    for sample in &mut series.samples {
        sample.flags.insert(vscsi_shared::snapshot::SnapshotFlag::Undated);
    }
    let job = Filtered::of(series);
    for kind in [ChartKind::IopsTimeline, surface(Surface::Iops)] {
        let layout = layout(&job, kind);
        let flat = layout.scene.layers.iter().filter(|layer| layer.name != "surface-axes");
        let places: Vec<f64> = flat
            .flat_map(|layer| &layer.items)
            .filter_map(|item| match item {
                Item::Text(run) if run.text.starts_with("0:0") => Some(run.at.0),
                _ => None,
            })
            .collect();
        let pitches: Vec<f64> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(pitches.len() > 1, "{places:?}");
        assert!(
            pitches.iter().all(|pitch| (pitch - pitches[0]).abs() < 1e-6),
            "{pitches:?}"
        );
    }
}

#[test]
fn lines_break_at_a_gap() {
    let mut series = job(10, 1, Directions::Both);
    let unbroken = {
        let mut job = Filtered::of(series.clone());
        job.kept.fill(true);
        paths(layer(&layout(&job, ChartKind::IopsTimeline), "line")).len()
    };
    series.samples.drain(4..8);
    let mut job = Filtered::of(series);
    job.kept.fill(true);
    assert_eq!(unbroken, 1);
    assert_eq!(paths(layer(&layout(&job, ChartKind::IopsTimeline), "line")).len(), 2);
}

#[test]
fn time_labels_stand_under_their_time() {
    let layout = layout(&Filtered::of(job(30, 1, Directions::Both)), ChartKind::IopsTimeline);
    let at = |label: &str| texts(&layout).iter().find(|run| run.text == label).unwrap().at.0;
    // The job runs from 08:30:30 to 09:00:30, and its line from edge to edge of the plot.
    let lines = paths(layer(&layout, "timeline-axes"));
    let (left, right) = (lines[0][0].0, lines[0][1].0);
    let minutes = |label: &str| (at(label) - left) / (right - left) * 30.0;
    assert!((minutes("08:35") - 4.5).abs() < 0.01);
    assert!((minutes("08:55") - 24.5).abs() < 0.01);
}

#[test]
fn undated_samples_are_counted_from_the_first() {
    let mut series = job(5, 1, Directions::Both);
    for sample in &mut series.samples {
        sample.flags.insert(vscsi_shared::snapshot::SnapshotFlag::Undated);
    }
    let layout = layout(&Filtered::of(series), ChartKind::IopsTimeline);
    // Of five minutes every half is labelled.
    assert!(has_text(&layout, "0:00:30") && has_text(&layout, "time since the first sample (h:mm:ss)"));
    assert!(!texts(&layout).iter().any(|run| run.text.contains("2025")));
}

#[test]
fn changed_bucket_limits_are_an_error_that_names_the_sample() {
    use vscsi_shared::histogram::{HistogramKind, Interval, Limits, Metric};
    let job = Filtered::of(job(3, 1, Directions::Both));
    let mut series = job.series.clone();
    let limits = Limits::from_input(Metric::Latency, &[10, 100]).unwrap();
    let kind = HistogramKind::new(Metric::Latency, Operation::All).unwrap();
    series.samples[2].disks[0]
        .histograms
        .insert(kind, Interval::empty(limits));
    // Slices of one sample each have nothing to merge with, but share one axis.
    let changed = Filtered { series, ..job };
    let result = render(
        &changed.input(),
        surface(Surface::Latency),
        ChartFormat::Svg,
        &Style::default(),
    );
    assert!(
        matches!(result, Err(ChartError::MixedLimits { sequence: 3 })),
        "{:?}",
        result.map(|bytes| bytes.len())
    );
}

#[test]
fn a_mask_of_another_series_is_refused() {
    let mut job = Filtered::of(job(3, 1, Directions::Both));
    job.kept.pop();
    let result = lay_out(&job.input(), ChartKind::IopsTimeline, &Style::default());
    assert!(matches!(result, Err(ChartError::Mask { mask: 2, samples: 3 })));
}

#[test]
fn a_page_too_small_for_labels_is_refused() {
    let job = Filtered::of(job(3, 1, Directions::Both));
    let style = Style {
        width_inches: 1.0,
        ..Style::default()
    };
    let result = lay_out(&job.input(), ChartKind::IopsTimeline, &style);
    assert!(matches!(result, Err(ChartError::Style(_))));
}
