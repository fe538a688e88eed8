//! Labels never overlap, whatever the names and the page.

use super::chart_job::{Directions, Filtered, job};
use super::*;

fn long_named(mut job: Filtered) -> Filtered {
    let provenance = &mut job.workload.provenance;
    provenance.vm_name =
        "a virtual machine with a name that somebody typed in full length because they could ".repeat(3);
    provenance.host = "a-host.with.a.rather.deep.domain.of.a.company.that.likes.subdomains.example.com".to_owned();
    provenance.filter = "statistical (mean - 1.25 sd)".to_owned();
    job
}

fn with_gap(samples: usize) -> Filtered {
    let mut series = job(samples, 3, Directions::Both);
    series.samples.drain(samples / 2..samples / 2 + samples / 6);
    Filtered::of(series)
}

/// Overlaps below a tenth of a point are rounding.
const TOLERANCE: f64 = -0.1;

fn assert_readable(job: &Filtered, sizes: &[(f64, f64)]) {
    assert_kinds_readable(job, sizes, ChartKind::all());
}

fn assert_kinds_readable(job: &Filtered, sizes: &[(f64, f64)], kinds: impl Iterator<Item = ChartKind>) {
    for kind in kinds {
        for &(width_inches, height_inches) in sizes {
            let style = Style {
                width_inches,
                height_inches,
                dpi: 300,
            };
            let layout = lay_out(&job.input(), kind, &style).unwrap();
            let page = Area {
                left: 0.0,
                top: 0.0,
                right: layout.scene.width,
                bottom: layout.scene.height,
            };
            let runs = texts(&layout);
            for (index, run) in runs.iter().enumerate() {
                let area = run.area();
                assert!(
                    area.left >= page.left
                        && area.right <= page.right
                        && area.top >= page.top
                        && area.bottom <= page.bottom,
                    "`{}` leaves the page of {kind} at {width_inches} x {height_inches}: {area:?}",
                    run.text
                );
                for other in runs.iter().skip(index + 1) {
                    assert!(
                        !area.grown(TOLERANCE, TOLERANCE).overlaps(&other.area()),
                        "`{}` and `{}` overlap on {kind} at {width_inches} x {height_inches}",
                        run.text,
                        other.text
                    );
                }
            }
        }
    }
}

const SIZES: [(f64, f64); 4] = [(10.0, 5.625), (4.0, 2.5), (5.0, 8.0), (20.0, 11.25)];

#[test]
fn no_label_touches_another_or_leaves_the_page_on_any_chart_of_any_size() {
    assert_readable(&with_gap(30), &SIZES);
}

#[test]
fn one_sample_is_readable() {
    assert_readable(&Filtered::of(job(1, 1, Directions::Both)), &SIZES);
}

#[test]
fn reads_alone_are_readable() {
    assert_readable(&Filtered::of(job(8, 1, Directions::ReadsOnly)), &SIZES[..2]);
}

#[test]
fn a_thousand_samples_are_readable() {
    // The directions' surfaces differ in nothing that a number of samples could change.
    let kinds =
        ChartKind::all().filter(|kind| !matches!(kind, ChartKind::Surface(_, Operation::Read | Operation::Write)));
    assert_kinds_readable(&with_gap(1000), &SIZES[..1], kinds);
}

#[test]
fn twenty_disks_and_long_names_are_readable() {
    assert_readable(&long_named(Filtered::of(job(6, 20, Directions::Both))), &SIZES);
}

#[test]
fn a_name_that_does_not_fit_ends_in_an_ellipsis_and_leaves_the_host_and_the_disks() {
    let layout = layout(
        &long_named(Filtered::of(job(6, 20, Directions::Both))),
        ChartKind::IopsTimeline,
    );
    let subject = text_beginning(&layout, "sql-peak");
    assert!(
        subject.text.contains("typed…") || subject.text.contains("… on a-host"),
        "{}",
        subject.text
    );
    assert!(subject.text.contains("20 disks: scsi0:0"), "{}", subject.text);
}

#[test]
fn every_bucket_is_named_beside_the_heat_map() {
    let job = Filtered::of(job(30, 2, Directions::Both));
    let layout = layout(&job, surface(Surface::Seek));
    let named = |name: &str| {
        let axes = layer(&layout, "heatmap-axes");
        axes.items
            .iter()
            .any(|item| matches!(item, Item::Text(run) if run.text == name))
    };
    for bucket in ["≤−500k", "−64", "−1", "0", "+1", "2", "64", "500k", ">500k"] {
        assert!(named(bucket), "{bucket}");
    }
}

#[test]
fn the_sequential_bucket_is_named_on_the_surface_at_every_size() {
    let job = Filtered::of(job(30, 2, Directions::Both));
    for (width_inches, height_inches) in SIZES {
        let style = Style {
            width_inches,
            height_inches,
            dpi: 300,
        };
        let layout = lay_out(&job.input(), surface(Surface::Seek), &style).unwrap();
        let axes = layer(&layout, "surface-axes");
        assert!(
            axes.items
                .iter()
                .any(|item| matches!(item, Item::Text(run) if run.text == "+1"))
        );
    }
}
