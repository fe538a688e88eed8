//! A stretch of time that a reader of the report marks on one chart, in a real browser: all charts show it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use vscsi_tests::browser::Browser;
use vscsi_tests::charts::{area, drawn, focus, heat_map, sample_told, timeline, told, within};
use vscsi_tests::keys::{ENTER, ESCAPE, HOME, RIGHT, SHIFT};
use vscsi_tests::written_report::WrittenReport;

/// The part of its plot that each picture over time shows: the box that the window of its layers has.
const WINDOWS: &str = "Array.from(document.querySelectorAll('svg svg')).map(window => { \
    const whole = window.width.baseVal.value, box = window.viewBox.baseVal; \
    return [(box.x - window.x.baseVal.value) / whole, box.width / whole].map(part => part.toFixed(3)).join(); })";
/// That of a picture of the whole time.
const WHOLE: &str = "0.000,1.000";

fn windows(browser: &Browser) -> Vec<String> {
    serde_json::from_value(browser.value_of(WINDOWS).unwrap()).unwrap()
}

#[test]
fn a_stretch_marked_on_one_chart_is_shown_by_all_until_escape() {
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    let browser = written.shown(&[]).unwrap();
    browser.resize(1280, 900).unwrap();
    let surface_before = drawn(&browser, "iops-3d").unwrap();
    for element in [timeline("throughput-timeline"), heat_map("latency-3d")] {
        let chart = area(&browser, &element).unwrap();
        let places = [(0.4, 0.5), (0.45, 0.5), (0.7, 0.5)].map(|place| within(chart, place));
        browser.hover(places[0]).unwrap();
        let first = sample_told(&told(&browser).unwrap()).unwrap();
        browser.hover(places[2]).unwrap();
        let last = sample_told(&told(&browser).unwrap()).unwrap();
        browser.drag("mouse", &places).unwrap();
        let said = browser
            .value_of("document.querySelector('.stretch [role=status]').textContent")
            .unwrap();
        assert_eq!(said, format!("0:{:02}:00 to 0:{last:02}:00", first - 1));
        let shown = windows(&browser);
        // Five timelines, one of them in two parts, and a heat map for each of six quantities and three directions.
        assert!(shown.len() >= 5 + 18, "{}", shown.len());
        let expected = format!(
            "{:.3},{:.3}",
            (first - 1) as f64 / 30.0,
            (last - first + 1) as f64 / 30.0
        );
        assert!(shown.iter().all(|window| *window == expected), "{expected}: {shown:?}");
        assert!(drawn(&browser, "iops-3d").unwrap() != surface_before);
        // What the mouse is told are the samples that are there now.
        let other = area(&browser, &timeline("iops-timeline")).unwrap();
        browser.hover(within(other, (0.1, 0.5))).unwrap();
        assert_eq!(sample_told(&told(&browser).unwrap()), Some(first));
        browser.press(ESCAPE).unwrap();
        let shown = windows(&browser);
        assert!(shown.iter().all(|window| window == WHOLE), "{shown:?}");
        assert!(drawn(&browser, "iops-3d").unwrap() == surface_before);
        assert_eq!(
            browser.value_of("document.querySelector('.stretch').hidden").unwrap(),
            true
        );
    }
    assert_eq!(browser.console().unwrap(), [""; 0]);
    assert_eq!(browser.requests().unwrap(), [written.address()]);
}

#[test]
fn the_keys_alone_mark_a_stretch_and_end_it() {
    let browser = WrittenReport::of("SQL-Server-01").unwrap().shown(&[]).unwrap();
    focus(&browser, &timeline("latency-timeline")).unwrap();
    browser.press(HOME).unwrap();
    browser.press(&RIGHT.repeat(4)).unwrap();
    for _ in 0..6 {
        browser.press_holding(SHIFT, RIGHT).unwrap();
    }
    browser.press(ENTER).unwrap();
    let said =
        "document.querySelector('.stretch').hidden ? '' : document.querySelector('.stretch [role=status]').textContent";
    assert_eq!(browser.value_of(said).unwrap(), "0:04:00 to 0:11:00");
    // The arrows stay within the stretch.
    browser.press(&RIGHT.repeat(9)).unwrap();
    assert_eq!(sample_told(&told(&browser).unwrap()), Some(11));
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
    let chart = area(&browser, &timeline("iops-timeline")).unwrap();
    browser
        .drag(
            "mouse",
            &[(0.4, 0.5), (0.45, 0.5), (0.7, 0.5)].map(|place| within(chart, place)),
        )
        .unwrap();
    let marked = windows(&browser);
    assert!(
        !marked.is_empty() && !marked.iter().any(|window| window == WHOLE),
        "{marked:?}"
    );
    browser.print().unwrap();
    let printed = windows(&browser);
    assert!(
        printed.len() == marked.len() && printed.iter().all(|window| window == WHOLE),
        "{printed:?}"
    );
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
