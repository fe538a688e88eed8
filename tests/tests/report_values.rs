//! The values that the charts of the report tell in a real browser are those of the samples as `export` writes them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use vscsi_tests::browser::Browser;
use vscsi_tests::charts::{Told, area, focus, heat_map, sample_told, timeline, told, within};
use vscsi_tests::keys::{DOWN, HOME, RIGHT, UP};
use vscsi_tests::written_report::WrittenReport;

fn value<'a>(told: &'a [(String, String)], name: &str) -> &'a str {
    let found = told.iter().find(|(row, _)| row == name);
    assert!(found.is_some(), "{name} in {told:?}");
    &found.unwrap().1
}

/// A number as it is told, such as `1,234`, `42.0` or `465µs`, and the half of its last digit, both in thousandths of its
/// unit where that is a time.
fn number(text: &str) -> (f64, f64) {
    let end = text.find(|character: char| !matches!(character, '0'..='9' | '.' | ','));
    let (digits, unit) = text.split_at(end.unwrap_or(text.len()));
    let factor = match unit {
        "µs" => 0.001,
        "s" => 1000.0,
        _ => 1.0,
    };
    assert!(["µs", "ms", "s", "%", ""].contains(&unit), "{text}");
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let half = 0.5 * 10_f64.powi(-i32::try_from(decimals).unwrap());
    let number: f64 = digits.replace(',', "").parse().unwrap();
    (number * factor, half * factor)
}

fn assert_rounds(text: &str, exact: &Value) {
    let (shown, half) = number(text);
    let exact = exact.as_f64().unwrap();
    assert!((shown - exact).abs() <= half * 1.000_001, "{text} for {exact}");
}

/// The samples as `export` writes them.
struct Exported(Vec<Value>);

impl Exported {
    fn of(written: &WrittenReport, table: &str) -> Self {
        let file = written.path(&format!("{table}.json"));
        let file = file.to_string_lossy();
        written
            .helper(&["export", "sql", "--table", table, "-o", &file])
            .unwrap();
        Self(serde_json::from_str(&std::fs::read_to_string(&*file).unwrap()).unwrap())
    }

    fn row(&self, sample: u64, operation: &str) -> &Value {
        let is_it = |row: &&Value| row["sample"] == sample && row["operation"] == operation;
        self.0.iter().find(is_it).unwrap()
    }

    /// The count of a bucket by its upper limit, and that of all buckets.
    fn counts(&self, sample: u64, metric: &str, upper: i64) -> (u64, u64) {
        let rows = self.0.iter();
        let of_it: Vec<_> = rows
            .filter(|row| row["sample"] == sample && row["metric"] == metric && row["operation"] == "all")
            .map(|row| (row["upper"].as_i64(), row["count"].as_u64().unwrap()))
            .collect();
        let count = of_it.iter().find(|(limit, _)| *limit == Some(upper));
        (
            count.map_or(0, |(_, count)| *count),
            of_it.iter().map(|(_, count)| count).sum(),
        )
    }
}

/// The report of the usual job as a reader sees it, and a table of the same job.
fn shown_and_exported(table: &str) -> (Browser, Exported) {
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    (written.shown(&[]).unwrap(), Exported::of(&written, table))
}

#[test]
fn values_over_time_are_those_of_the_exported_samples() {
    let (browser, exported) = shown_and_exported("samples");
    let step_through = |chart: &str, check: &dyn Fn(u64, &Told)| {
        focus(&browser, &timeline(chart)).unwrap();
        browser.press(HOME).unwrap();
        for expected in 1..=30 {
            let told = told(&browser).unwrap();
            assert_eq!(sample_told(&told), Some(expected));
            check(expected, &told);
            browser.press(RIGHT).unwrap();
        }
    };
    step_through("iops-timeline", &|sample, told| {
        for (name, operation) in [("total", "all"), ("reads", "read"), ("writes", "write")] {
            assert_rounds(value(told, name), &exported.row(sample, operation)["iops"]);
        }
    });
    step_through("latency-timeline", &|sample, told| {
        for (part, operation) in [("latency of reads", "read"), ("latency of writes", "write")] {
            let from = told.iter().position(|(name, _)| name == part).unwrap();
            for (name, percentile) in [("p50", "p50"), ("p95", "p95"), ("p99", "p99")] {
                let row = exported.row(sample, operation);
                let (estimate, bounds) = value(&told[from..], name).split_once(" (").unwrap();
                let (lo, hi) = bounds.trim_end_matches(')').split_once(" to ").unwrap();
                assert_rounds(estimate, &row[format!("latency_{percentile}_ms")]);
                assert_rounds(lo, &row[format!("latency_{percentile}_ms_lo")]);
                assert_rounds(hi, &row[format!("latency_{percentile}_ms_hi")]);
            }
        }
    });
    step_through("throughput-timeline", &|sample, told| {
        let row = exported.row(sample, "all");
        let estimate = value(told, "total").split(" (").next().unwrap();
        assert_rounds(estimate, &row["mb_per_s"]);
    });
    assert_eq!(browser.console().unwrap(), [""; 0]);
}

#[test]
fn values_of_heat_maps_are_the_counts_of_the_exported_buckets() {
    let (browser, exported) = shown_and_exported("buckets");
    for (chart, metric, bucket_title, limits) in [
        (
            "iops-3d",
            "io_length",
            "block size (bytes)",
            [("4K", 4096), ("8K", 8192), ("64K", 65_536)],
        ),
        (
            "latency-3d",
            "latency",
            "latency",
            [("500µs", 500), ("1ms", 1000), ("15ms", 15_000)],
        ),
        (
            "seek-3d",
            "seek_distance",
            "seek distance (512 B blocks)",
            [("+1", 1), ("500k", 500_000), ("16", 16)],
        ),
    ] {
        focus(&browser, &heat_map(chart)).unwrap();
        browser.press(HOME).unwrap();
        for (label, upper) in limits {
            // To the lowest bucket, and up to the one that is looked for.
            browser.press(&DOWN.repeat(40)).unwrap();
            let mut steps = 0;
            while value(&told(&browser).unwrap(), bucket_title) != label {
                browser.press(UP).unwrap();
                steps += 1;
                assert!(steps < 40, "{label}");
            }
            browser.press(HOME).unwrap();
            for sample in 1..=30 {
                let told = told(&browser).unwrap();
                assert_eq!(sample_told(&told), Some(sample));
                let (count, all) = exported.counts(sample, metric, upper);
                // No minute has so many that their thousands would stand apart.
                assert!(all < 1000, "{all}");
                let expected = format!("{count} of {all}");
                assert_eq!(value(&told, "I/Os"), expected, "{chart}, {label}, sample {sample}");
                browser.press(RIGHT).unwrap();
            }
        }
    }
}

#[test]
fn the_mouse_is_told_the_sample_under_it_and_nothing_beside_the_chart() {
    let (browser, exported) = shown_and_exported("samples");
    browser.resize(1280, 900).unwrap();
    let chart = area(&browser, &timeline("iops-timeline")).unwrap();
    let mut samples = Vec::new();
    for across in [0.1, 0.3, 0.5, 0.7, 0.9] {
        browser.hover(within(chart, (across, 0.5))).unwrap();
        let told = told(&browser).unwrap();
        let sample = sample_told(&told).unwrap();
        // Samples of one minute each, from the beginning of the job.
        let begins = format!("0:{:02}:00 to 0:{:02}:00", sample - 1, sample);
        assert_eq!(told[0].0, begins);
        assert_rounds(value(&told, "total"), &exported.row(sample, "all")["iops"]);
        samples.push(sample);
    }
    assert!(samples.is_sorted() && samples[0] < 5 && samples[4] > 25, "{samples:?}");
    browser.hover((chart[0] + 5.0, chart[1] - 5.0)).unwrap();
    assert_eq!(told(&browser).unwrap(), []);
}

#[test]
fn the_filter_s_word_on_each_sample_is_told() {
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    let browser = written.shown(&[]).unwrap();
    focus(&browser, &timeline("iops-timeline")).unwrap();
    browser.press(HOME).unwrap();
    let mut judged = Vec::new();
    for _ in 0..30 {
        judged.push(told(&browser).unwrap()[1].0.split_once(", ").unwrap().1.to_owned());
        browser.press(RIGHT).unwrap();
    }
    let kept =
        "Array.from(document.querySelectorAll('#time table.figures tbody tr')).map(row => row.children[3].textContent)";
    let kept: Vec<String> = serde_json::from_value(browser.value_of(kept).unwrap()).unwrap();
    let expected: Vec<&str> = kept
        .iter()
        .map(|kept| {
            if kept == "yes" {
                "kept"
            } else {
                "left out by the filter"
            }
        })
        .collect();
    assert_eq!(judged, expected);
}
