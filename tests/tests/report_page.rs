//! The report in a real browser: what its readers see, and what their browser does for it.

use std::time::{Duration, Instant};

use serde_json::json;
use vscsi_tests::browser::pages;
use vscsi_tests::keys::{RIGHT, TAB};
use vscsi_tests::layout::{ground, misfits, unreadable_on_paper};
use vscsi_tests::written_report::{LONG_NAME, MARKUP_NAME, WrittenReport};

#[test]
fn nothing_stands_in_the_console_and_no_request_leaves() {
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    let browser = written.shown(&[]).unwrap();
    // Five charts over time and two distributions; six quantities in three directions, each a surface and a heat map.
    assert_eq!(
        browser
            .value_of("document.querySelectorAll('svg[role=img]').length")
            .unwrap(),
        5 + 2 + 6 * 3 * 2
    );
    assert_eq!(browser.console().unwrap(), [""; 0]);
    assert_eq!(browser.requests().unwrap(), [written.address()]);
}

#[test]
fn a_name_that_is_markup_is_shown_as_it_is_and_runs_nothing() {
    let browser = WrittenReport::of(MARKUP_NAME).unwrap().shown(&[]).unwrap();
    assert_eq!(
        browser.value_of("document.querySelector('h1').textContent").unwrap(),
        MARKUP_NAME
    );
    assert_eq!(browser.value_of("document.querySelectorAll('img').length").unwrap(), 0);
    // Its data, and what works with them.
    let scripts = "Array.from(document.scripts).map(script => script.type).join()";
    assert_eq!(browser.value_of(scripts).unwrap(), "application/json,");
    assert_eq!(browser.console().unwrap(), [""; 0]);
}

#[test]
fn no_width_makes_the_page_scroll_sideways_or_a_chart_leave_its_place() {
    let browser = WrittenReport::of(LONG_NAME).unwrap().shown(&[]).unwrap();
    assert_eq!(misfits(&browser).unwrap(), [""; 0]);
}

/// The contrast of the colours of an element's text and of the page, by the formula of WCAG 2.
const CONTRAST: &str = "(selector => { \
    const luminance = text => text.match(/[0-9.]+/g).slice(0, 3).map(Number).map(part => part / 255) \
        .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4) \
        .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0); \
    const ground = luminance(getComputedStyle(document.body).backgroundColor); \
    const ink = luminance(getComputedStyle(document.querySelector(selector)).color); \
    return (Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05); })";

#[test]
fn texts_stand_out_in_light_and_in_dark_and_paper_is_white_for_both() {
    let browser = WrittenReport::of("SQL-Server-01").unwrap().shown(&[]).unwrap();
    for (scheme, expected) in [("light", "rgb(255, 255, 255)"), ("dark", "rgb(21, 27, 34)")] {
        browser.show_on("screen", scheme).unwrap();
        assert_eq!(ground(&browser).unwrap(), expected);
        for selector in ["h1", ".sure", ".note", "nav a", "summary", ".range", "td", "pre"] {
            let contrast = browser.value_of(&format!("{CONTRAST}('{selector}')")).unwrap();
            // AA for small texts.
            assert!(contrast.as_f64().unwrap() >= 4.5, "{selector} in {scheme}: {contrast}");
        }
        browser.show_on("print", scheme).unwrap();
        assert_eq!(ground(&browser).unwrap(), "rgb(255, 255, 255)", "printed from {scheme}");
    }
}

#[test]
fn print_has_every_table_and_every_direction_and_cuts_no_chart_off() {
    let browser = WrittenReport::of("SQL-Server-01").unwrap().shown(&[]).unwrap();
    browser.show_on("print", "light").unwrap();
    for selector in ["svg[role=img]", "table"] {
        assert_eq!(unreadable_on_paper(&browser, selector).unwrap(), 0, "{selector}");
    }
    browser.show_on("", "light").unwrap();
    let pdf = browser.print().unwrap();
    let pages = pages(&pdf);
    assert!((8..=30).contains(&pages), "{pages} pages");
}

#[test]
fn directions_are_chosen_with_the_keys_alone() {
    let browser = WrittenReport::of("SQL-Server-01").unwrap().shown(&[]).unwrap();
    let visible = "['all', 'read', 'write'].filter(word => \
                   document.querySelector('.pair.of-' + word).getBoundingClientRect().height > 0).join()";
    assert_eq!(browser.value_of(visible).unwrap(), "all");
    browser.value_of("document.querySelector('#show-all').focus()").unwrap();
    browser.press(RIGHT).unwrap();
    assert_eq!(browser.value_of(visible).unwrap(), "read");
    browser.press(RIGHT).unwrap();
    assert_eq!(browser.value_of(visible).unwrap(), "write");
}

/// The text of the page without what only its script makes.
const TEXT_OF_ALL_READERS: &str =
    "(document.querySelectorAll('.tools').forEach(tool => tool.remove()), document.body.innerText)";

#[test]
fn without_scripts_nothing_is_missing_but_the_controls() {
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    let usual = written.shown(&[]).unwrap();
    assert_ne!(
        usual
            .value_of("document.querySelectorAll('.tools button').length")
            .unwrap(),
        0
    );
    let without = written
        .shown_without_scripts(&["--blink-settings=scriptEnabled=false"])
        .unwrap();
    assert_eq!(
        without
            .value_of("document.querySelectorAll('.tools, .improved').length")
            .unwrap(),
        0
    );
    let text = without.value_of("document.body.innerText").unwrap();
    assert_ne!(text, json!(""));
    assert_eq!(usual.value_of(TEXT_OF_ALL_READERS).unwrap(), text);
}

#[test]
fn the_page_is_the_same_without_3d_and_without_a_jit() {
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    let text = |switches: &[&str]| {
        let browser = written.shown(switches).unwrap();
        assert_eq!(browser.console().unwrap(), [""; 0], "{switches:?}");
        browser.value_of("document.body.innerText").unwrap()
    };
    let usual = text(&[]);
    for switches in [&["--disable-3d-apis"], &["--js-flags=--jitless"]] {
        assert_eq!(text(switches), usual, "{switches:?}");
    }
}

#[test]
fn the_fio_job_is_copied_and_saved_with_the_keys_alone() {
    let written = WrittenReport::of("SQL-Server-01").unwrap();
    let browser = written.shown(&[]).unwrap();
    browser
        .command(
            "Browser.grantPermissions",
            &json!({"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}),
        )
        .unwrap();
    let folder = written.path("saved");
    browser
        .command(
            "Browser.setDownloadBehavior",
            &json!({"behavior": "allow", "downloadPath": folder}),
        )
        .unwrap();
    let job = browser
        .value_of("document.querySelector('pre code').textContent")
        .unwrap();
    assert!(job.as_str().unwrap().starts_with("# Generated from vscsiStats data"));
    browser
        .value_of("document.querySelector('#replay .tools button').focus()")
        .unwrap();
    let said = "document.querySelector('#replay [role=status]').textContent";
    let wait_until_said = |expected: &str| {
        let begun = Instant::now();
        while browser.value_of(said).unwrap() != expected {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "{}",
                browser.value_of(said).unwrap()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    browser.press(" ").unwrap();
    wait_until_said("copied");
    assert_eq!(browser.value_of("navigator.clipboard.readText()").unwrap(), job);
    // The next control, and the key that presses it.
    browser.press(&format!("{TAB} ")).unwrap();
    wait_until_said("saved as sql-workload.fio");
    let begun = Instant::now();
    let saved = folder.join("sql-workload.fio");
    while !saved.exists() && begun.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(json!(std::fs::read_to_string(saved).unwrap()), job);
    assert_eq!(browser.console().unwrap(), [""; 0]);
}
