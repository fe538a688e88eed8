//! What the script of the report makes of its charts, in a real browser: surfaces that turn, values that are told, and a
//! stretch of time that all charts show.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use vscsi_fixtures::{Direction, DiskLabel, DiskStatistics, HistogramType, IoEvent};
use vscsi_tests::browser::Browser;
use vscsi_tests::written_report::{WrittenReport, prints};

const LEFT: &str = "\u{e012}";
const UP: &str = "\u{e013}";
const RIGHT: &str = "\u{e014}";
const DOWN: &str = "\u{e015}";
const HOME: &str = "\u{e011}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const SHIFT: char = '\u{e008}';

fn surface(chart: &str) -> String {
    format!("document.querySelector('[data-chart=\"{chart}\"] canvas')")
}

fn heat_map(chart: &str) -> String {
    format!("document.querySelector('[data-chart=\"{chart}\"] .beside div:last-child svg')")
}

fn timeline(chart: &str) -> String {
    format!("document.querySelector('[data-chart=\"{chart}\"] .wide svg')")
}

/// Waits until the page has drawn what it was about to draw.
fn settle(browser: &Browser) {
    let frames = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))";
    browser.value_of(frames).unwrap();
}

/// What a surface shows.
fn drawn(browser: &Browser, chart: &str) -> Value {
    settle(browser);
    browser.value_of(&format!("{}.toDataURL()", surface(chart))).unwrap()
}

/// Brings an element into the middle of the window: its left, top, width and height there.
fn area(browser: &Browser, element: &str) -> [f64; 4] {
    let expression = format!(
        "(element => {{ element.scrollIntoView({{block: 'center', behavior: 'instant'}}); \
         const area = element.getBoundingClientRect(); return [area.left, area.top, area.width, area.height]; }})({element})"
    );
    serde_json::from_value(browser.value_of(&expression).unwrap()).unwrap()
}

/// A place in an element by its shares of width and height.
fn within([left, top, width, height]: [f64; 4], (across, down): (f64, f64)) -> (f64, f64) {
    (left + across * width, top + down * height)
}

fn focus(browser: &Browser, element: &str) {
    browser.value_of(&format!("{element}.focus()")).unwrap();
}

/// The lines of the box that tells values: names and values, which are empty where there is none.
type Told = Vec<(String, String)>;

/// What the box tells; nothing while it is hidden.
fn told(browser: &Browser) -> Told {
    let rows = "document.querySelector('.tip').hidden ? [] : Array.from(document.querySelectorAll('.tip > *')) \
                .map(row => row.children.length == 2 ? [row.children[0].textContent, row.children[1].textContent] : \
                [row.textContent, ''])";
    serde_json::from_value(browser.value_of(rows).unwrap()).unwrap()
}

/// The number of the sample that is told of.
fn sample_of(told: &[(String, String)]) -> u64 {
    let (name, _) = told[1].0.split_once(',').unwrap();
    name.strip_prefix("sample ").unwrap().parse().unwrap()
}

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

#[test]
fn keys_turn_a_surface_and_0_brings_the_usual_view_back() {
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    for switches in [&[][..], &["--disable-3d-apis"], &["--js-flags=--jitless"]] {
        let browser = written.shown(switches).unwrap();
        focus(&browser, &surface("latency-3d"));
        let usual = drawn(&browser, "latency-3d");
        let other = drawn(&browser, "iops-3d");
        let mut seen = vec![usual.clone()];
        for key in [LEFT, UP, RIGHT, RIGHT, DOWN, DOWN, "+", "-", "-"] {
            browser.press(key).unwrap();
            let now = drawn(&browser, "latency-3d");
            assert!(seen.last() != Some(&now), "{key:?} with {switches:?}");
            seen.push(now);
        }
        browser.press("0").unwrap();
        assert!(drawn(&browser, "latency-3d") == usual, "{switches:?}");
        assert!(drawn(&browser, "iops-3d") == other, "{switches:?}");
        assert_eq!(browser.console().unwrap(), [""; 0], "{switches:?}");
    }
}

#[test]
fn dragging_turns_a_surface_and_a_double_click_brings_the_usual_view_back() {
    let browser = WrittenReport::of("SQL-Server-01").unwrap().shown(&[]).unwrap();
    for (width, pointer) in [(1280, "mouse"), (360, "touch")] {
        browser.resize(width, 800).unwrap();
        let usual = drawn(&browser, "seek-3d");
        let canvas = area(&browser, &surface("seek-3d"));
        let [from, over, to] = [(0.3, 0.5), (0.4, 0.5), (0.7, 0.55)].map(|place| within(canvas, place));
        browser.drag(pointer, &[from, over, to]).unwrap();
        assert!(drawn(&browser, "seek-3d") != usual, "{pointer}");
        browser.double_click(from).unwrap();
        assert!(drawn(&browser, "seek-3d") == usual, "{pointer}");
    }
}

/// What the page shows of a figure's surface, as a PNG.
fn photograph(browser: &Browser, chart: &str) -> Value {
    settle(browser);
    let place = format!("document.querySelector('[data-chart=\"{chart}\"] .beside div')");
    let [left, top, width, height] = area(browser, &place);
    let scrolled = browser.value_of("scrollY").unwrap().as_f64().unwrap();
    let clip = json!({"x": left, "y": top + scrolled, "width": width, "height": height, "scale": 1});
    let taken = browser
        .command(
            "Page.captureScreenshot",
            &json!({"clip": clip, "captureBeyondViewport": true}),
        )
        .unwrap();
    taken["data"].clone()
}

#[test]
fn the_usual_view_looks_like_the_picture_that_it_replaces() {
    // Of so few samples the picture, too, has a ridge each.
    let minutes = [90, 300, 700, 900, 900, 640, 500, 90, 90, 400];
    let written = WrittenReport::of_prints("SQL-Server-01", &prints(&minutes)).unwrap();
    let browser = written.shown(&[]).unwrap();
    browser.resize(1280, 900).unwrap();
    for scheme in ["light", "dark"] {
        browser.show_on("screen", scheme).unwrap();
        for chart in ["iops-3d", "latency-3d", "seek-3d", "blocksize-3d", "outstanding-3d"] {
            let turned = photograph(&browser, chart);
            // The style sheet shows a picture that has no canvas beside it.
            let aside = format!(
                "(canvas => (window.aside = [canvas, canvas.parentElement], canvas.remove()))({})",
                surface(chart)
            );
            browser.value_of(&aside).unwrap();
            let picture = photograph(&browser, chart);
            browser.value_of("aside[1].append(aside[0])").unwrap();
            // The share of pixels that look different to an eye: by more than a fifth of the range.
            let differing = format!(
                "(async () => {{ const pixels = async text => {{ \
                 const bytes = Uint8Array.from(atob(text), character => character.charCodeAt(0)); \
                 const image = await createImageBitmap(new Blob([bytes])); \
                 const pen = new OffscreenCanvas(image.width, image.height).getContext('2d'); pen.drawImage(image, 0, 0); \
                 return pen.getImageData(0, 0, image.width, image.height).data; }}; \
                 const [one, two] = [await pixels({turned}), await pixels({picture})]; \
                 if (one.length !== two.length) return 1; \
                 return one.filter((part, index) => Math.abs(part - two[index]) > 51).length / one.length; }})()"
            );
            let differing = browser.value_of(&differing).unwrap().as_f64().unwrap();
            assert!(
                differing < 0.01,
                "{chart} on {scheme}: {differing} of the picture differs"
            );
        }
    }
}

#[test]
fn without_a_canvas_the_pictures_stay() {
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    let browser = Browser::start(&[]).unwrap();
    browser
        .command(
            "Page.addScriptToEvaluateOnNewDocument",
            &json!({"source": "HTMLCanvasElement.prototype.getContext = () => null;"}),
        )
        .unwrap();
    browser.open(&written.page()).unwrap();
    browser
        .value_of("new Promise(done => setInterval(() => document.body.classList.contains('improved') && done(1), 20))")
        .unwrap();
    assert_eq!(
        browser
            .value_of("document.querySelectorAll('canvas, #surface-keys').length")
            .unwrap(),
        0
    );
    let seen = "Array.from(document.querySelectorAll('.of-all .beside svg')).every(svg => svg.getBoundingClientRect().height > 100)";
    assert_eq!(browser.value_of(seen).unwrap(), true);
    assert_eq!(browser.console().unwrap(), [""; 0]);
}

#[test]
fn values_over_time_are_those_of_the_exported_samples() {
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    let exported = Exported::of(&written, "samples");
    let browser = written.shown(&[]).unwrap();
    let step_through = |chart: &str, check: &dyn Fn(u64, &Told)| {
        focus(&browser, &timeline(chart));
        browser.press(HOME).unwrap();
        for expected in 1..=30 {
            let told = told(&browser);
            assert_eq!(sample_of(&told), expected);
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
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    let exported = Exported::of(&written, "buckets");
    let browser = written.shown(&[]).unwrap();
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
        focus(&browser, &heat_map(chart));
        browser.press(HOME).unwrap();
        for (label, upper) in limits {
            // To the lowest bucket, and up to the one that is looked for.
            browser.press(&DOWN.repeat(40)).unwrap();
            let mut steps = 0;
            while value(&told(&browser), bucket_title) != label {
                browser.press(UP).unwrap();
                steps += 1;
                assert!(steps < 40, "{label}");
            }
            browser.press(HOME).unwrap();
            for sample in 1..=30 {
                let told = told(&browser);
                assert_eq!(sample_of(&told), sample);
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
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    let exported = Exported::of(&written, "samples");
    let browser = written.shown(&[]).unwrap();
    browser.resize(1280, 900).unwrap();
    let chart = area(&browser, &timeline("iops-timeline"));
    let mut samples = Vec::new();
    for across in [0.1, 0.3, 0.5, 0.7, 0.9] {
        browser.hover(within(chart, (across, 0.5))).unwrap();
        let told = told(&browser);
        let sample = sample_of(&told);
        // Samples of one minute each, from the beginning of the job.
        let begins = format!("0:{:02}:00 to 0:{:02}:00", sample - 1, sample);
        assert_eq!(told[0].0, begins);
        assert_rounds(value(&told, "total"), &exported.row(sample, "all")["iops"]);
        samples.push(sample);
    }
    assert!(samples.is_sorted() && samples[0] < 5 && samples[4] > 25, "{samples:?}");
    browser.hover((chart[0] + 5.0, chart[1] - 5.0)).unwrap();
    assert_eq!(told(&browser), []);
}

#[test]
fn the_filter_s_word_on_each_sample_is_told() {
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    let browser = written.shown(&[]).unwrap();
    focus(&browser, &timeline("iops-timeline"));
    browser.press(HOME).unwrap();
    let mut judged = Vec::new();
    for _ in 0..30 {
        judged.push(told(&browser)[1].0.split_once(", ").unwrap().1.to_owned());
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

/// The part of its plot that each picture over time shows: the box that the window of its layers has.
const WINDOWS: &str = "Array.from(document.querySelectorAll('svg svg')).map(window => { \
    const whole = window.width.baseVal.value, box = window.viewBox.baseVal; \
    return [(box.x - window.x.baseVal.value) / whole, box.width / whole].map(part => part.toFixed(3)).join(); })";

#[test]
fn a_stretch_marked_on_one_chart_is_shown_by_all_until_escape() {
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    let browser = written.shown(&[]).unwrap();
    browser.resize(1280, 900).unwrap();
    let surface_before = drawn(&browser, "iops-3d");
    for element in [timeline("throughput-timeline"), heat_map("latency-3d")] {
        let chart = area(&browser, &element);
        let places = [(0.4, 0.5), (0.45, 0.5), (0.7, 0.5)].map(|place| within(chart, place));
        browser.hover(places[0]).unwrap();
        let first = sample_of(&told(&browser));
        browser.hover(places[2]).unwrap();
        let last = sample_of(&told(&browser));
        browser.drag("mouse", &places).unwrap();
        let said = browser
            .value_of("document.querySelector('.stretch [role=status]').textContent")
            .unwrap();
        assert_eq!(said, format!("0:{:02}:00 to 0:{last:02}:00", first - 1));
        let windows: Vec<String> = serde_json::from_value(browser.value_of(WINDOWS).unwrap()).unwrap();
        // Five timelines, one of them in two parts, and a heat map for each of six quantities and three directions.
        assert!(windows.len() >= 5 + 18, "{}", windows.len());
        let expected = format!(
            "{:.3},{:.3}",
            (first - 1) as f64 / 30.0,
            (last - first + 1) as f64 / 30.0
        );
        assert!(
            windows.iter().all(|window| *window == expected),
            "{expected}: {windows:?}"
        );
        assert!(drawn(&browser, "iops-3d") != surface_before);
        // What the mouse is told are the samples that are there now.
        let other = area(&browser, &timeline("iops-timeline"));
        browser.hover(within(other, (0.1, 0.5))).unwrap();
        assert_eq!(sample_of(&told(&browser)), first);
        browser.press(ESCAPE).unwrap();
        let windows: Vec<String> = serde_json::from_value(browser.value_of(WINDOWS).unwrap()).unwrap();
        assert!(windows.iter().all(|window| window == "0.000,1.000"), "{windows:?}");
        assert!(drawn(&browser, "iops-3d") == surface_before);
        assert_eq!(
            browser.value_of("document.querySelector('.stretch').hidden").unwrap(),
            true
        );
    }
    assert_eq!(browser.console().unwrap(), [""; 0]);
    let page = format!("file://{}", written.page().display());
    assert_eq!(browser.requests().unwrap(), [page]);
}

#[test]
fn the_keys_alone_mark_a_stretch_and_end_it() {
    let browser = WrittenReport::of("SQL-Server-01").unwrap().shown(&[]).unwrap();
    focus(&browser, &timeline("latency-timeline"));
    browser.press(HOME).unwrap();
    browser.press(&RIGHT.repeat(4)).unwrap();
    for _ in 0..6 {
        browser.press_holding(SHIFT, '\u{e014}').unwrap();
    }
    browser.press(ENTER).unwrap();
    let said =
        "document.querySelector('.stretch').hidden ? '' : document.querySelector('.stretch [role=status]').textContent";
    assert_eq!(browser.value_of(said).unwrap(), "0:04:00 to 0:11:00");
    // The arrows stay within the stretch.
    browser.press(&RIGHT.repeat(9)).unwrap();
    assert_eq!(sample_of(&told(&browser)), 11);
    let labels = "Array.from(document.querySelectorAll('[data-chart=iops-timeline] svg text')).map(text => \
                  text.textContent).filter(text => text.startsWith('0:') && text.length > 4).join()";
    let labels = browser.value_of(labels).unwrap();
    assert!(labels.as_str().unwrap().starts_with("0:04:00,0:05:00"), "{labels}");
    browser.press(ESCAPE).unwrap();
    assert_eq!(browser.value_of(said).unwrap(), "");
}

#[test]
fn paper_has_the_pictures_and_the_whole_time() {
    let browser = WrittenReport::of("SQL-Server-01").unwrap().shown(&[]).unwrap();
    let chart = area(&browser, &timeline("iops-timeline"));
    browser
        .drag(
            "mouse",
            &[(0.4, 0.5), (0.45, 0.5), (0.7, 0.5)].map(|place| within(chart, place)),
        )
        .unwrap();
    browser.print().unwrap();
    let windows: Vec<String> = serde_json::from_value(browser.value_of(WINDOWS).unwrap()).unwrap();
    assert!(windows.iter().all(|window| window == "0.000,1.000"), "{windows:?}");
    browser.show_on("print", "light").unwrap();
    let shown = |selector: &str| {
        let expression = format!(
            "Array.from(document.querySelectorAll('{selector}')).filter(element => \
             element.getBoundingClientRect().height > 20).length"
        );
        browser.value_of(&expression).unwrap()
    };
    assert_eq!(shown(".beside div:first-child svg"), 18);
    assert_eq!(shown("canvas, .tip, .stretch"), 0);
}

/// Prints of 20 disks, three minutes apart, each of which does less than the one before.
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
        focus(&browser, &surface("iops-3d"));
        let usual = drawn(&browser, "iops-3d");
        browser.press(&RIGHT.repeat(30)).unwrap();
        assert!(drawn(&browser, "iops-3d") != usual, "{name}");
        browser.press("0").unwrap();
        assert!(drawn(&browser, "iops-3d") == usual, "{name}");
        for chart in [timeline("iops-timeline"), heat_map("iops-3d")] {
            focus(&browser, &chart);
            browser.press(&RIGHT.repeat(5)).unwrap();
            assert_eq!(sample_of(&told(&browser)), samples, "{name}");
        }
        browser.press_holding(SHIFT, '\u{e012}').unwrap();
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
        focus(&browser, &chart);
        for keys in [HOME, "\u{e010}"] {
            browser.press(keys).unwrap();
            assert_eq!(browser.value_of(sideways).unwrap(), 0, "{chart}");
            let tip = "(({left, right}) => left >= 0 && right <= innerWidth)(document.querySelector('.tip').getBoundingClientRect())";
            assert_eq!(browser.value_of(tip).unwrap(), true, "{chart}");
        }
    }
    browser.press_holding(SHIFT, '\u{e012}').unwrap();
    browser.press(ENTER).unwrap();
    assert_eq!(browser.value_of(sideways).unwrap(), 0);
}
