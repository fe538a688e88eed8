//! Surfaces that a reader of the report turns, in a real browser.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use vscsi_tests::browser::Browser;
use vscsi_tests::charts::{area, drawn, focus, settle, surface, within};
use vscsi_tests::keys::{DOWN, LEFT, RIGHT, UP};
use vscsi_tests::written_report::{WrittenReport, prints};

#[test]
fn keys_turn_a_surface_and_0_brings_the_usual_view_back() {
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    for switches in [&[][..], &["--disable-3d-apis"], &["--js-flags=--jitless"]] {
        let browser = written.shown(switches).unwrap();
        focus(&browser, &surface("latency-3d")).unwrap();
        let usual = drawn(&browser, "latency-3d").unwrap();
        let other = drawn(&browser, "iops-3d").unwrap();
        let mut seen = vec![usual.clone()];
        for key in [LEFT, UP, RIGHT, RIGHT, DOWN, DOWN, "+", "-", "-"] {
            browser.press(key).unwrap();
            let now = drawn(&browser, "latency-3d").unwrap();
            assert!(seen.last() != Some(&now), "{key:?} with {switches:?}");
            seen.push(now);
        }
        browser.press("0").unwrap();
        assert!(drawn(&browser, "latency-3d").unwrap() == usual, "{switches:?}");
        assert!(drawn(&browser, "iops-3d").unwrap() == other, "{switches:?}");
        assert_eq!(browser.console().unwrap(), [""; 0], "{switches:?}");
    }
}

#[test]
fn dragging_turns_a_surface_and_a_double_click_brings_the_usual_view_back() {
    let browser = WrittenReport::of("SQL-Server-01").unwrap().shown(&[]).unwrap();
    for (width, pointer) in [(1280, "mouse"), (360, "touch")] {
        browser.resize(width, 800).unwrap();
        let usual = drawn(&browser, "seek-3d").unwrap();
        let canvas = area(&browser, &surface("seek-3d")).unwrap();
        let [from, over, to] = [(0.3, 0.5), (0.4, 0.5), (0.7, 0.55)].map(|place| within(canvas, place));
        browser.drag(pointer, &[from, over, to]).unwrap();
        assert!(drawn(&browser, "seek-3d").unwrap() != usual, "{pointer}");
        browser.double_click(from).unwrap();
        assert!(drawn(&browser, "seek-3d").unwrap() == usual, "{pointer}");
    }
}

/// What the page shows of a figure's surface, as a PNG.
fn photograph(browser: &Browser, chart: &str) -> Value {
    settle(browser).unwrap();
    let place = format!("document.querySelector('[data-chart=\"{chart}\"] .beside div')");
    let [left, top, width, height] = area(browser, &place).unwrap();
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
    browser.open(&written.address()).unwrap();
    browser
        .value_of("new Promise(done => setInterval(() => document.body.classList.contains('improved') && done(1), 20))")
        .unwrap();
    assert_eq!(
        browser
            .value_of("document.querySelectorAll('canvas, #surface-keys').length")
            .unwrap(),
        0
    );
    // Of the direction that is shown first, six surfaces and six heat maps.
    let seen = "Array.from(document.querySelectorAll('.of-all .beside svg')).filter(svg => \
                svg.getBoundingClientRect().height > 100).length";
    assert_eq!(browser.value_of(seen).unwrap(), 12);
    assert_eq!(browser.console().unwrap(), [""; 0]);
}
