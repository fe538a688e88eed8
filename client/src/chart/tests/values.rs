//! Values stand where the axis says they do.

use super::chart_job::{Directions, Filtered, SECONDS, job};
use super::*;
use vscsi_shared::histogram::Metric;

use crate::analysis::Sample;

/// The place of a value on a vertical axis, from the labels of two others.
fn place_of(layout: &Layout, value: f64, labels: [(&str, f64); 2]) -> f64 {
    let height = |label: &str| {
        let run = texts(layout).into_iter().find(|run| run.text == label).unwrap();
        middle(run)
    };
    let [(low_label, low), (high_label, high)] = labels;
    let per_unit = (height(high_label) - height(low_label)) / (high - low);
    height(low_label) + (value - low) * per_unit
}

#[test]
fn the_iops_line_is_at_the_rate_of_each_sample() {
    let job = Filtered::of(job(30, 1, Directions::Both));
    let layout = layout(&job, ChartKind::IopsTimeline);
    let busiest = job.series.samples.iter().map(Sample::iops).fold(0.0, f64::max);
    let top = layout
        .scene
        .layers_named("line")
        .flat_map(paths)
        .flatten()
        .map(|point| point.1)
        .fold(f64::INFINITY, f64::min);
    assert!((top - place_of(&layout, busiest, [("0", 0.0), ("1000", 1000.0)])).abs() < 1e-6);
}

#[test]
fn the_cut_is_drawn_at_the_least_iops_kept() {
    let job = Filtered::of(job(30, 1, Directions::Both));
    let kept = job.series.samples.iter().zip(&job.kept).filter(|(_, kept)| **kept);
    let least = kept.map(|(sample, _)| sample.iops()).fold(f64::INFINITY, f64::min);
    let layout = layout(&job, ChartKind::IopsTimeline);
    let expected = place_of(&layout, least, [("0", 0.0), ("1000", 1000.0)]);
    let axes = layer(&layout, "timeline-axes");
    let dashes = paths(axes)
        .into_iter()
        .filter(|points| (points[0].1 - expected).abs() < 1e-6);
    assert!(dashes.count() > 20);
    assert!(texts(&layout).iter().any(|run| run.text.starts_with("cut at ")));
}

#[test]
fn samples_left_out_lie_on_grey() {
    let job = Filtered::of(job(32, 1, Directions::Both));
    let layout = layout(&job, ChartKind::IopsTimeline);
    assert_eq!(rectangles(layer(&layout, "timeline-ground")).len(), 8);
}

#[test]
fn throughput_is_bytes_over_time() {
    let job = Filtered::of(job(1, 1, Directions::ReadsOnly));
    let layout = layout(&job, ChartKind::ThroughputTimeline);
    // Every value of the test job is its bucket's limit, so the bytes are exact: 60 % of 4096 and 40 % of 8192.
    let ios = job.series.samples[0].ios() as f64;
    let mb_per_second = ios * (0.6 * 4096.0 + 0.4 * 8192.0) / SECONDS / 1e6;
    let line = layout.scene.layers_named("line").next().unwrap();
    let y = paths(line)[0][0].1;
    let labels: Vec<(&str, f64)> = texts(&layout)
        .iter()
        .filter_map(|run| Some((run.text.as_str(), run.text.parse().ok()?)))
        .collect();
    let (low, high) = (labels[0], *labels.last().unwrap());
    assert!((y - place_of(&layout, mb_per_second, [low, high])).abs() < 0.05);
}

#[test]
fn bars_are_as_long_as_their_share() {
    let job = Filtered::of(job(1, 1, Directions::ReadsOnly));
    let layout = layout(&job, ChartKind::BlockSizes);
    let panel = layer(&layout, "bars");
    let green = (0x2c, 0xa3, 0x6f);
    let bars: Vec<Area> = rectangles(panel)
        .into_iter()
        .filter(|(_, color)| *color == green)
        .map(|(area, _)| area)
        .collect();
    // 60 % of the reads are of 4096 bytes and 40 % of 8192.
    assert_eq!(bars.len(), 2);
    assert!((bars[0].width() / bars[1].width() - 1.5).abs() < 0.02);
    let axis_end = panel
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Text(run) => Some((run.text.parse::<f64>().ok()?, run.at.0)),
            _ => None,
        })
        .filter(|(_, x)| *x > bars[0].right - 0.1)
        .max_by(|one, two| one.0.total_cmp(&two.0))
        .unwrap();
    let percent = bars[0].width() / (axis_end.1 - bars[0].left) * axis_end.0;
    assert!((percent - 60.0).abs() < 1.0, "{percent}");
}

#[test]
fn bytes_move_the_weight_to_large_blocks() {
    let job = Filtered::of(job(1, 1, Directions::ReadsOnly));
    let layout = layout(&job, ChartKind::BlockSizes);
    // 0.6 * 4096 : 0.4 * 8192 bytes are 42.9 % : 57.1 %.
    assert!(has_text(&layout, "42.9 %") && has_text(&layout, "57.1 %"));
    assert!(has_text(&layout, "60 %") && has_text(&layout, "40 %"));
}

#[test]
fn percentiles_cover_the_bucket_that_holds_them() {
    let job = Filtered::of(job(1, 1, Directions::ReadsOnly));
    let layout = layout(&job, ChartKind::Latencies);
    // 5 % of the reads take up to 100 µs and 55 % more up to 500 µs, so the median is in (100 µs, 500 µs].
    let range = rectangles(layer(&layout, "percentiles"))[0].0;
    let row = |label: &str| {
        let run = texts(&layout).into_iter().find(|run| run.text == label).unwrap();
        middle(run)
    };
    let pitch = row("100µs") - row("500µs");
    assert!((range.bottom - (row("500µs") + pitch / 2.0)).abs() < 0.5);
    assert!((range.top - (row("500µs") - pitch / 2.0)).abs() < 0.5);
}

#[test]
fn the_caption_tells_period_filter_samples_and_version() {
    let layout = layout(&Filtered::of(job(30, 2, Directions::Both)), ChartKind::IopsTimeline);
    let caption = text_beginning(&layout, "2025-11-06 08:30:30 to 09:00:30 UTC");
    for part in [
        "filter percentile (75th)",
        "23 of 30 samples kept, 98.7 % of I/Os",
        "vscsi-helper",
        "method 1",
    ] {
        assert!(caption.text.contains(part), "{}", caption.text);
    }
    assert!(has_text(
        &layout,
        "sql-peak  ·  SQL-Server-01 on esxi-host01.example.com  ·  2 disks: scsi0:0, scsi0:1"
    ));
}

#[test]
fn a_percentile_of_latency_is_a_band_over_its_whole_bucket_with_the_estimate_inside() {
    let job = Filtered::of(job(1, 1, Directions::ReadsOnly));
    let layout = layout(&job, ChartKind::LatencyTimeline);
    let lines: Vec<&Layer> = layout.scene.layers_named("line").collect();
    assert_eq!(lines.len(), 3, "reads alone take the whole page");
    let reads = job.series.samples[0].disks[0]
        .histograms
        .of(Metric::Latency, Operation::Read)
        .unwrap();
    let total: u64 = reads.counts.iter().sum();
    let mut seen = 0;
    let bucket = reads.counts.iter().position(|count| {
        seen += count;
        2 * seen >= total
    });
    // Edges of the bucket that the median lies in, by the labels that vscsiStats' limits have.
    let labels = [
        "1µs", "10µs", "100µs", "500µs", "1ms", "5ms", "15ms", "30ms", "50ms", "100ms",
    ];
    let height = |label: &str| middle(texts(&layout).into_iter().find(|run| run.text == label).unwrap());
    let (band, _) = rectangles(lines[0])[0];
    let bucket = bucket.unwrap();
    assert!((band.bottom - height(labels[bucket - 1])).abs() < 1e-6);
    assert!((band.top - height(labels[bucket])).abs() < 1e-6);
    let estimate = paths(lines[0])[0][0].1;
    assert!(band.top <= estimate && estimate <= band.bottom);
}

#[test]
fn each_timeline_of_latency_names_its_lines_in_their_colours() {
    for (directions, timelines) in [(Directions::Both, 2), (Directions::ReadsOnly, 1)] {
        let layout = layout(&Filtered::of(job(3, 1, directions)), ChartKind::LatencyTimeline);
        let named = texts(&layout).iter().filter(|run| run.text == "p95").count();
        assert_eq!(named, timelines);
        let legends = layout.scene.layers.iter().filter(|layer| layer.name != "line");
        let swatches: Vec<_> = legends.flat_map(rectangles).map(|(_, color)| color).collect();
        for line in layout.scene.layers_named("line") {
            let color = line.items.iter().find_map(|item| match item {
                Item::Path { color, .. } => Some(color.rgb),
                _ => None,
            });
            assert!(swatches.contains(&color.unwrap()), "{color:?} is not in {swatches:?}");
        }
    }
}

#[test]
fn the_label_of_the_cut_hides_nothing_of_the_plot() {
    let layout = layout(&Filtered::of(job(30, 1, Directions::Both)), ChartKind::IopsTimeline);
    let label = text_beginning(&layout, "cut at ");
    let top = place_of(&layout, 1000.0, [("0", 0.0), ("500", 500.0)]);
    assert!(label.area().bottom < top, "{:?} reaches below {top}", label.area());
}

#[test]
fn a_job_that_was_imported_is_not_called_unknown_on_imported() {
    let mut job = Filtered::of(job(2, 1, Directions::Both));
    job.workload.provenance.vm_name = "unknown".to_owned();
    job.workload.provenance.host = "imported".to_owned();
    let layout = layout(&job, ChartKind::IopsTimeline);
    let subject = text_beginning(&layout, "sql-peak");
    assert!(
        subject.text.contains("imported") && !subject.text.contains("unknown"),
        "{}",
        subject.text
    );
}
