//! The threshold control of a report in a real browser: what the page shows of other samples is what the analysis of the same
//! options says.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use vscsi_tests::browser::Browser;
use vscsi_tests::keys::{DOWN, RIGHT, TAB};
use vscsi_tests::written_report::{WrittenReport, prints};

/// Commands of each of thirty minutes: three levels, two minutes alike, and one of them without any.
fn levels() -> Vec<u64> {
    (0..30_u64)
        .map(|minute| match minute {
            4 => 0,
            8..=19 => 700 + 20 * (minute % 7),
            21 | 22 => 300,
            _ => 60 + minute,
        })
        .collect()
}

/// Chooses by the control, as a reader does who types or picks.
fn choose(browser: &Browser, method: &str, threshold: Option<&str>) {
    let pick = format!(
        "(() => {{ const filter = document.querySelector('.chooser select'); filter.value = '{method}'; \
         filter.dispatchEvent(new Event('change')); }})()"
    );
    browser.value_of(&pick).unwrap();
    if let Some(threshold) = threshold {
        let write = format!(
            "(() => {{ const field = document.querySelector('.chooser input'); field.value = '{threshold}'; \
             field.dispatchEvent(new Event('input')); }})()"
        );
        browser.value_of(&write).unwrap();
    }
}

fn said(browser: &Browser) -> String {
    text(browser, ".chooser [role=status]")
}

fn text(browser: &Browser, selector: &str) -> String {
    let text = browser
        .value_of(&format!("document.querySelector('{selector}').textContent"))
        .unwrap();
    text.as_str().unwrap().to_owned()
}

/// The summary of the same choice.
fn analyzed(written: &WrittenReport, method: &str, threshold: Option<&str>) -> Value {
    let threshold = threshold.map(|threshold| format!("--threshold={threshold}"));
    let mut arguments = vec!["--json", "analyze", "sql", "--filter", method];
    arguments.extend(threshold.as_deref());
    serde_json::from_str(&written.helper(&arguments).unwrap()).unwrap()
}

/// A rate as the page writes it: three digits, and from 100 on a whole number with commas.
fn rate(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if value >= 99.95 {
        return grouped(&format!("{value:.0}"));
    }
    let decimals = [(9.995, 1), (0.9995, 2), (0.09995, 3), (0.009_995, 4)];
    let decimals = decimals
        .into_iter()
        .find(|(from, _)| value >= *from)
        .map_or(5, |(_, decimals)| decimals);
    format!("{value:.decimals$}")
}

fn grouped(digits: &str) -> String {
    let groups: Vec<String> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| String::from_utf8(group.to_vec()).unwrap())
        .collect();
    groups.join(",")
}

/// The first figure of a row of the profile's table, in each of its columns.
fn row(browser: &Browser, name: &str) -> Vec<String> {
    let expression = format!(
        "Array.from(document.querySelectorAll('#profile tbody tr')).find(row => row.cells[0].textContent === '{name}')\
         .querySelectorAll('td b').values().map(cell => cell.textContent).toArray()"
    );
    let cells = browser.value_of(&expression).unwrap();
    cells
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| cell.as_str().unwrap().to_owned())
        .collect()
}

/// A time in milliseconds as the page writes it: in the unit that keeps it short, with at most one decimal.
fn time(milliseconds: f64) -> String {
    let (value, unit) = match milliseconds {
        ms if ms < 1.0 => (ms * 1000.0, "µs"),
        ms if ms < 1000.0 => (ms, "ms"),
        ms => (ms / 1000.0, "s"),
    };
    let tenths = format!("{value:.1}");
    let short = if value >= 99.95 { format!("{value:.0}") } else { tenths };
    format!("{}{unit}", short.trim_end_matches(".0"))
}

fn percent(value: f64) -> String {
    match value {
        value if value > 0.0 && value < 0.5 => "<1%".to_owned(),
        value if (99.5..100.0).contains(&value) => ">99%".to_owned(),
        value => format!("{value:.0}%"),
    }
}

/// Compares what the page shows with the summary of an analysis of the same options.
fn compare(browser: &Browser, summary: &Value, choice: &str) {
    let number = |path: &str| summary.pointer(path).and_then(Value::as_f64).unwrap();
    let filter = &summary["filter"];
    let kept = filter["samples_analyzed"].as_u64().unwrap();
    let total = kept + filter["samples_filtered"].as_u64().unwrap();
    let ios = percent(number("/filter/kept_percent/ios"));
    assert!(
        said(browser).ends_with(&format!(" keeps {kept} of {total} samples, {ios} of the I/Os.")),
        "{choice}: {}",
        said(browser)
    );
    let rates = |of: &str| ["total", "read", "write"].map(|class| number(&format!("/metrics/{of}/{class}")));
    assert_eq!(row(browser, "I/Os per second"), rates("iops").map(rate), "{choice}");
    assert_eq!(
        row(browser, "I/Os"),
        rates("ios").map(|number| grouped(&format!("{number:.0}"))),
        "{choice}"
    );
    let throughput = ["throughput_mbps", "throughput_read_mbps", "throughput_write_mbps"];
    assert_eq!(
        row(browser, "MB/s (of 1 000 000 bytes)"),
        throughput.map(|name| rate(number(&format!("/metrics/{name}")))),
        "{choice}"
    );
    let sequential = ["sequential_percent", "read_percent", "write_percent"];
    assert_eq!(
        row(browser, "in sequence"),
        sequential.map(|name| format!("{:.1}%", number(&format!("/metrics/sequential_random/{name}")))),
        "{choice}"
    );
    let latency =
        |of: &str| ["all", "read", "write"].map(|class| time(number(&format!("/metrics/latency_ms/{class}/{of}"))));
    assert_eq!(row(browser, "latency, mean"), latency("average"), "{choice}");
    assert_eq!(row(browser, "latency, p95"), latency("p95"), "{choice}");
    let tiles = browser
        .value_of("Array.from(document.querySelectorAll('.tiles dd')).map(tile => tile.textContent)")
        .unwrap();
    assert_eq!(tiles[0], rate(number("/metrics/iops/total")), "{choice}");
    let kept_rows = "Array.from(document.querySelectorAll('#time tbody tr')).filter(row => row.cells[3].textContent === \
                     'yes' && !row.classList.contains('out')).length";
    assert_eq!(browser.value_of(kept_rows).unwrap(), kept, "{choice}");
    let counts = browser
        .value_of(
            "Array.from(document.querySelectorAll('[data-part=latency] tbody tr')).map(row => \
             Number(row.cells[1].textContent.replaceAll(',', '')))",
        )
        .unwrap();
    assert_eq!(counts, summary["histograms"]["latency.all"]["counts"], "{choice}");
}

/// A fio job without the line that tells when it was made.
fn undated(job: &str) -> String {
    job.lines()
        .filter(|line| !line.starts_with("# Analyzed: "))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn whatever_the_filter_and_its_threshold_the_page_says_what_the_analysis_says() {
    let percentages = [
        "0.001", "1", "3.3", "5", "10", "12.5", "20", "25", "33.3", "40", "50", "60", "66.7", "70", "75", "80", "90",
        "96.6", "99.9", "100",
    ];
    let deviations = ["-2", "-1", "-0.5", "0", "0.25", "0.5", "1", "1.5", "2", "1e3"];
    let limits = [
        "0", "1e-7", "1", "1.02", "1.3", "1.45", "5", "11.9", "12.5", "13", "13.7", "1e9",
    ];
    let written = WrittenReport::of_prints("SQL-Server-01", &prints(&levels())).unwrap();
    let browser = written.shown(&[]).unwrap();
    let choices = (percentages.map(|threshold| ("percentile", Some(threshold))).into_iter())
        .chain(deviations.map(|threshold| ("statistical", Some(threshold))))
        .chain(limits.map(|threshold| ("absolute", Some(threshold))))
        .chain([("cluster", None), ("none", None)]);
    let (mut compared, mut empty, mut jobs) = (0, 0, 0);
    for (method, threshold) in choices {
        let choice = format!("{method} {threshold:?}");
        choose(&browser, method, threshold);
        if said(&browser).contains(" keeps none of the samples") {
            let option = format!("--threshold={}", threshold.unwrap());
            let refused = written
                .helper(&["analyze", "sql", "--filter", method, &option])
                .unwrap_err();
            assert!(refused.to_string().contains("leaves none of"), "{choice}: {refused}");
            empty += 1;
            continue;
        }
        compare(&browser, &analyzed(&written, method, threshold), &choice);
        compared += 1;
        let job = text(&browser, "#replay [data-part]");
        if browser
            .value_of("document.querySelectorAll('pre code').length")
            .unwrap()
            == 1
        {
            let file = written.path("data/sql/analysis/sql-workload.fio");
            let expected = std::fs::read_to_string(file).unwrap();
            assert_eq!(undated(&text(&browser, "pre code")), undated(&expected), "{choice}");
            jobs += 1;
        } else {
            let option = threshold.map_or_else(String::new, |_| " --threshold=".to_owned());
            let command = format!("vscsi-helper analyze sql --filter {method}{option}");
            assert!(job.contains(&command), "{choice}: {job}");
        }
    }
    assert!(compared >= 40, "{compared} choices were compared");
    assert!((1..=3).contains(&empty), "{empty} choices kept nothing");
    assert!(jobs >= 6, "{jobs} fio jobs were compared");
    assert_eq!(browser.console().unwrap(), [""; 0]);
    assert_eq!(browser.requests().unwrap(), [written.address()]);
}

#[test]
fn the_report_begins_with_its_own_filter_and_goes_back_to_it() {
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    let browser = written.shown(&[]).unwrap();
    let begun = said(&browser);
    assert!(begun.starts_with("percentile (75th) keeps 23 of 30 samples"), "{begun}");
    let page = |browser: &Browser| browser.value_of("document.querySelector('main').innerText").unwrap();
    let own = page(&browser);
    choose(&browser, "absolute", Some("10"));
    assert_ne!(page(&browser), own);
    browser
        .value_of("document.querySelector('.chooser button').click()")
        .unwrap();
    assert_eq!(page(&browser), own);
    assert_eq!(said(&browser), begun);
}

#[test]
fn the_keys_alone_choose_a_filter_and_a_threshold() {
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    let browser = written.shown(&[]).unwrap();
    browser
        .value_of("document.querySelector('.chooser select').focus()")
        .unwrap();
    browser.press(&DOWN.repeat(2)).unwrap();
    assert_eq!(
        browser
            .value_of("document.querySelector('.chooser select').value")
            .unwrap(),
        "absolute"
    );
    // The field is selected as a whole when it is reached, so what is typed takes its place.
    browser.press(&format!("{TAB}10")).unwrap();
    assert!(
        said(&browser).starts_with("absolute (>= 10 IOPS) keeps 12 of 30 samples"),
        "{}",
        said(&browser)
    );
    let before = said(&browser);
    browser.press(&format!("{TAB}{}", RIGHT.repeat(90))).unwrap();
    assert_ne!(said(&browser), before);
}

#[test]
fn a_threshold_that_means_nothing_is_answered_and_changes_nothing() {
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    let browser = written.shown(&[]).unwrap();
    let profile = || text(&browser, "#profile");
    let before = profile();
    let wrong = [
        ("percentile", "0"),
        ("percentile", "100.1"),
        ("percentile", "-5"),
        ("percentile", "75,5"),
        ("percentile", ""),
        ("statistical", "one"),
        ("statistical", "1e999"),
        ("absolute", "-1"),
        ("absolute", "0x10"),
        ("absolute", "Infinity"),
    ];
    for (method, threshold) in wrong {
        choose(&browser, "percentile", Some("75"));
        choose(&browser, method, Some(threshold));
        let answer = said(&browser);
        let reason = if threshold.is_empty() {
            "is missing"
        } else {
            "is no threshold"
        };
        assert!(
            answer.contains(reason) && answer.contains("it is "),
            "{method} {threshold}: {answer}"
        );
        let invalid = "document.querySelector('.chooser input').getAttribute('aria-invalid')";
        assert_eq!(browser.value_of(invalid).unwrap(), "true", "{method} {threshold}");
    }
    choose(&browser, "percentile", Some("75"));
    assert_eq!(profile(), before);
}

#[test]
fn a_job_of_one_sample_has_one_choice() {
    let written = WrittenReport::of_prints("SQL-Server-01", &prints(&[300])).unwrap();
    let browser = written.shown(&[]).unwrap();
    for (method, threshold) in [
        ("percentile", Some("1")),
        ("statistical", Some("0")),
        ("cluster", None),
        ("none", None),
    ] {
        choose(&browser, method, threshold);
        assert!(
            said(&browser).ends_with("keeps 1 of 1 sample, 100% of the I/Os."),
            "{}",
            said(&browser)
        );
    }
    assert_eq!(browser.console().unwrap(), [""; 0]);
}

#[test]
fn a_job_without_io_keeps_all_or_none() {
    let written = WrittenReport::of_prints("SQL-Server-01", &prints(&[0, 0, 0])).unwrap();
    let browser = written.shown(&[]).unwrap();
    choose(&browser, "absolute", Some("0"));
    assert!(said(&browser).contains("keeps 3 of 3 samples"), "{}", said(&browser));
    choose(&browser, "absolute", Some("1"));
    assert!(
        said(&browser).contains("keeps none of the samples"),
        "{}",
        said(&browser)
    );
    choose(&browser, "percentile", Some("50"));
    assert!(text(&browser, ".verdict").contains("issued no I/O"));
    assert_eq!(browser.console().unwrap(), [""; 0]);
}

#[test]
fn of_many_samples_the_nearest_choice_is_shown_and_named() {
    let commands: Vec<u64> = (0..300).map(|minute| 10 + minute * 7919 % 283).collect();
    let written = WrittenReport::of_prints("SQL-Server-01", &prints(&commands)).unwrap();
    let browser = written.shown(&[]).unwrap();
    // 200 choices of 300 samples: each second and third number of samples, and 75 % is one of them.
    choose(&browser, "percentile", Some("75"));
    compare(&browser, &analyzed(&written, "percentile", Some("75")), "percentile 75");
    let mut other = 0;
    for threshold in ["50", "50.2", "50.4", "51.2"] {
        choose(&browser, "percentile", Some(threshold));
        let answer = said(&browser);
        let asked = format!("percentile ({threshold}th) keeps ");
        assert!(answer.starts_with(&asked), "{answer}");
        let Some((_, nearest)) = answer.split_once("The page shows the nearest choice that it has, percentile (")
        else {
            compare(&browser, &analyzed(&written, "percentile", Some(threshold)), threshold);
            continue;
        };
        other += 1;
        let (nearest, told) = nearest.split_once("th): ").unwrap();
        let summary = analyzed(&written, "percentile", Some(nearest));
        let shown = summary["filter"]["samples_analyzed"].as_u64().unwrap();
        assert!(told.starts_with(&format!("{shown} of 300 samples")), "{answer}");
        let iops = summary["metrics"]["iops"]["total"].as_f64().unwrap();
        assert_eq!(row(&browser, "I/Os per second")[0], rate(iops), "{answer}");
    }
    assert!(other > 0, "every one of them is there");
    assert_eq!(browser.console().unwrap(), [""; 0]);
}

#[test]
fn without_a_jit_a_choice_is_the_same_and_print_shows_it_without_the_controls() {
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    let chosen = |switches: &[&str]| {
        let browser = written.shown(switches).unwrap();
        choose(&browser, "cluster", None);
        (browser.value_of("document.body.innerText").unwrap(), browser)
    };
    let (usual, browser) = chosen(&[]);
    let (without, _) = chosen(&["--js-flags=--jitless"]);
    assert_eq!(usual, without);
    browser.show_on("print", "light").unwrap();
    let height = |selector: &str| {
        let expression = format!("document.querySelector('{selector}').getBoundingClientRect().height");
        browser.value_of(&expression).unwrap().as_f64().unwrap()
    };
    assert!(height(".chooser select") < 1.0 && height(".chooser [role=status]") > 10.0);
    assert!(text(&browser, ".verdict").contains("12 busiest of its 30 samples"));
    assert!(said(&browser).starts_with("cluster (busy samples) keeps 12 of 30 samples"));
}
