//! Surfaces show each bucket of each sample once, in its direction's colour.

use vscsi_shared::histogram::{HistogramKind, IntervalSet, Metric};

use super::chart_job::{Directions, Filtered, SECONDS, interval, job};
use super::*;
use crate::analysis::Series;

/// A job whose commands all are of 4096 bytes, so many per second in each sample.
fn exact_4k(rates: &[f64]) -> Filtered {
    let mut series = job(rates.len(), 1, Directions::Both);
    for (sample, rate) in series.samples.iter_mut().zip(rates) {
        let mut histograms = IntervalSet::default();
        let kind = HistogramKind::new(Metric::IoLength, Operation::All).unwrap();
        histograms.insert(kind, interval(Metric::IoLength, &[(4096, 1.0)], rate * SECONDS));
        sample.disks[0].histograms = histograms;
    }
    unfiltered(series)
}

fn unfiltered(series: Series) -> Filtered {
    let mut job = Filtered::of(series);
    job.kept.fill(true);
    job.cut_iops = None;
    job
}

/// 4096 is the fifth of the 18 buckets of block sizes.
const BUCKET: f64 = 4.0;
const LAST_BUCKET: f64 = 17.0;

fn lowest(points: &[Point]) -> Point {
    points
        .iter()
        .copied()
        .max_by(|one, two| one.1.total_cmp(&two.1))
        .unwrap()
}

#[test]
fn a_ridge_has_a_facet_on_either_side_for_every_half_sample_and_one_cut() {
    let layout = layout(&exact_4k(&[100.0]), surface(Surface::Iops));
    // One sample is two strips: to its middle and from it. In each, the buckets before, at and after the ridge make two
    // slopes, and the buckets left and right of them one flat piece each. The near end shows the cut through it.
    assert_eq!(polygons(layer(&layout, "surface")).len(), 2 * (2 + 2) + 1);
}

#[test]
fn a_surface_without_io_is_flat_and_not_absent() {
    let layout = layout(&exact_4k(&[0.0, 0.0]), surface(Surface::Iops));
    // Two samples: start, two middles, end make three strips of one piece, and the near end.
    assert_eq!(polygons(layer(&layout, "surface")).len(), 3 + 1);
}

#[test]
fn a_peak_is_as_high_as_its_value_on_the_axis() {
    let layout = layout(&exact_4k(&[75.0]), surface(Surface::Iops));
    let labels: Vec<&TextRun> = texts(&layout);
    let height_of = |label: &str| middle(labels.iter().find(|run| run.text == label).unwrap());
    let points_per_io = (height_of("20") - height_of("60")) / 40.0;
    // The cut at the near end is a polygon along the ground and back over the ridge.
    let cut = polygons(layer(&layout, "surface")).pop().unwrap();
    let (left, right) = (cut[0], *cut.last().unwrap());
    let peak = *cut.iter().min_by(|one, two| one.1.total_cmp(&two.1)).unwrap();
    let share = BUCKET / LAST_BUCKET;
    let ground = (left.0 + (right.0 - left.0) * share, left.1 + (right.1 - left.1) * share);
    let ridge = cut
        .iter()
        .find(|point| (point.0 - ground.0).abs() < 1e-6 && point.1 < ground.1 - 1.0)
        .unwrap();
    assert!((ground.1 - ridge.1 - 75.0 * points_per_io).abs() < 1e-6);
    assert!(peak.1 <= ridge.1);
}

#[test]
fn every_direction_has_its_own_colour() {
    let job = unfiltered(job(5, 1, Directions::Both));
    let strongest = |operation| {
        let layout = layout(&job, ChartKind::Surface(Surface::Latency, operation));
        let mut sums = [0_u64; 3];
        for item in &layer(&layout, "surface").items {
            if let Item::Polygon { fill, .. } = item {
                let (red, green, blue) = fill.rgb;
                for (sum, channel) in sums.iter_mut().zip([red, green, blue]) {
                    *sum += u64::from(channel);
                }
            }
        }
        (0..3).max_by_key(|&channel| sums[channel]).unwrap()
    };
    assert_eq!(
        [Operation::Write, Operation::Read, Operation::All].map(strongest),
        [0, 1, 2]
    );
}

#[test]
fn samples_left_out_by_the_filter_lose_their_colour() {
    let mut job = exact_4k(&[50.0, 50.0]);
    job.kept = vec![false, true];
    let layout = layout(&job, surface(Surface::Iops));
    // Slopes without a hue: neither blue, nor the near-white of buckets without I/O.
    let grey = layer(&layout, "surface").items.iter().filter(|item| match item {
        Item::Polygon { fill, .. } => {
            let (red, _, blue) = fill.rgb;
            blue.abs_diff(red) <= 28 && red < 215
        }
        _ => false,
    });
    // Two strips up to the border between the samples with two slopes each, and the cut at the near end.
    assert_eq!(grey.count(), 2 * 2 + 1);
    assert!(has_text(&layout, "left out by the filter"));
}

#[test]
fn a_gap_opens_the_surface_and_shows_a_second_cut() {
    let mut job = exact_4k(&[50.0, 60.0, 70.0]);
    job.series.samples.remove(1);
    job.kept.pop();
    let layout = layout(&job, surface(Surface::Iops));
    // Two runs of one sample each, of nine pieces as one sample has.
    assert_eq!(polygons(layer(&layout, "surface")).len(), 2 * 9);
    assert!(layout.notes.contains(&"hatched: one gap without samples".to_owned()));
}

#[test]
fn far_parts_are_painted_before_near_ones() {
    let layout = layout(&exact_4k(&[50.0, 50.0, 50.0, 50.0]), surface(Surface::Iops));
    let polygons = polygons(layer(&layout, "surface"));
    // The flat pieces at the left edge, one per strip, lie on the ground: the nearer, the lower on the page.
    let left = polygons.iter().map(|points| points[0].0).fold(f64::INFINITY, f64::min);
    let depths: Vec<f64> = polygons
        .iter()
        .filter(|points| points.len() == 4)
        .map(|points| lowest(points).1)
        .collect();
    let first = lowest(polygons[0]).1;
    assert!(left.is_finite());
    assert!(
        depths.iter().all(|depth| *depth >= first),
        "the first piece is the farthest"
    );
    let per_strip: Vec<f64> = depths.chunks(4).map(|strip| strip[0]).collect();
    assert!(per_strip.is_sorted(), "{per_strip:?}");
}

#[test]
fn a_heat_map_has_a_cell_for_every_bucket_with_io() {
    let layout = layout(&exact_4k(&[50.0, 0.0, 500.0]), surface(Surface::Iops));
    // One ground per sample, and a cell in the first and the last.
    assert_eq!(rectangles(layer(&layout, "heatmap")).len(), 3 + 2);
}

#[test]
fn a_cell_lies_in_the_row_of_its_bucket_and_the_column_of_its_time() {
    let layout = layout(&exact_4k(&[50.0, 0.0, 500.0]), surface(Surface::Iops));
    let rectangles = rectangles(layer(&layout, "heatmap"));
    let [first, cell, ..] = rectangles.as_slice() else {
        panic!("{rectangles:?}")
    };
    let (column, (cell, _)) = (first.0, *cell);
    assert_eq!((cell.left, cell.right), (column.left, column.right));
    let from_bottom = (column.bottom - cell.bottom) / column.height();
    assert!((from_bottom - 4.0 / 18.0).abs() < 1e-9);
    assert!((cell.height() / column.height() - 1.0 / 18.0).abs() < 1e-9);
}

#[test]
fn more_io_is_darker_on_the_heat_map() {
    let layout = layout(&exact_4k(&[1.0, 1000.0]), surface(Surface::Iops));
    let cells: Vec<(u8, u8, u8)> = rectangles(layer(&layout, "heatmap"))
        .into_iter()
        .map(|(_, color)| color)
        .filter(|(red, green, blue)| *red < 240 || *green < 240 || *blue < 240)
        .collect();
    let light = |(red, green, blue): (u8, u8, u8)| u32::from(red) + u32::from(green) + u32::from(blue);
    assert!(light(cells[0]) > light(cells[1]));
}

#[test]
fn values_below_the_colours_are_said_to_be_clipped() {
    let layout = layout(&exact_4k(&[0.5, 90_000.0]), surface(Surface::Iops));
    assert!(has_text(&layout, "≤10"));
    let note = "the heat map draws values below 10 in the colour of 10";
    assert!(layout.notes.iter().any(|text| text == note), "{:?}", layout.notes);
}

#[test]
fn a_direction_without_io_says_so() {
    let job = Filtered::of(job(5, 1, Directions::ReadsOnly));
    assert!(has_text(
        &layout(&job, ChartKind::Surface(Surface::Latency, Operation::Write)),
        "no I/O"
    ));
}

#[test]
fn a_histogram_that_the_capture_lacks_is_not_called_idle() {
    let mut series = job(5, 1, Directions::Both);
    for disk in series.samples.iter_mut().flat_map(|sample| &mut sample.disks) {
        let mut sizes_only = IntervalSet::default();
        for (kind, interval) in disk
            .histograms
            .iter()
            .filter(|(kind, _)| kind.metric() == Metric::IoLength)
        {
            sizes_only.insert(kind, interval.clone());
        }
        disk.histograms = sizes_only;
    }
    let job = Filtered::of(series);
    for kind in [
        surface(Surface::Latency),
        ChartKind::Latencies,
        ChartKind::LatencyTimeline,
        ChartKind::SequentialTimeline,
        ChartKind::OutstandingTimeline,
    ] {
        let layout = layout(&job, kind);
        assert!(has_text(&layout, "not in the capture"));
        assert!(!has_text(&layout, "no I/O"));
    }
    // It is of no direction, and no single bucket is picked out.
    let layout = layout(&job, ChartKind::LatencyTimeline);
    assert!(has_text(&layout, "latency") && !has_text(&layout, "latency of reads"));
    assert!(has_text(&layout, "1µs") && has_text(&layout, "100ms"));
}

#[test]
fn the_title_of_the_values_stands_clear_of_a_surface_that_is_high_in_its_first_bucket() {
    let job = Filtered::of(job(5, 1, Directions::Both));
    for kind in ChartKind::all().filter(|kind| matches!(kind, ChartKind::Surface(..))) {
        let layout = layout(&job, kind);
        // Its near and its far upper corner; nothing of the first bucket's row is drawn above the line between them.
        let [_, _, (far_x, far_y), (near_x, near_y)] = *polygons(layer(&layout, "surface-frame"))[1] else {
            panic!("the left wall has four corners");
        };
        let axes = layer(&layout, "surface-axes");
        let title = axes.items.iter().find_map(|item| match item {
            Item::Text(run) if run.text == "I/Os per second" || run.text == "% of I/Os" => Some(run.area()),
            _ => None,
        });
        let title = title.unwrap();
        let edge = near_y + (far_y - near_y) * (title.right - near_x).max(0.0) / (far_x - near_x);
        assert!(title.bottom <= edge, "{kind}: {title:?} reaches below {edge}");
    }
}
