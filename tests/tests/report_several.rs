//! The reports of several jobs in a real browser.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use vscsi_tests::browser::pages;
use vscsi_tests::layout::{ground, misfits, unreadable_on_paper};
use vscsi_tests::written_report::{LONG_NAME, MARKUP_NAME, WrittenReport};

/// Whatever holds for the page of some jobs.
fn is_fit_to_be_passed_on(jobs: &WrittenReport) {
    let browser = jobs.shown_without_scripts(&[]).unwrap();
    assert_eq!(misfits(&browser).unwrap(), [""; 0]);
    for (medium, scheme, color) in [
        ("screen", "light", "rgb(255, 255, 255)"),
        ("screen", "dark", "rgb(21, 27, 34)"),
        ("print", "dark", "rgb(255, 255, 255)"),
    ] {
        browser.show_on(medium, scheme).unwrap();
        assert_eq!(ground(&browser).unwrap(), color, "{medium}, {scheme}");
    }
    for selector in ["svg[role=img]", "table"] {
        assert_eq!(unreadable_on_paper(&browser, selector).unwrap(), 0, "{selector}");
    }
    browser.show_on("", "light").unwrap();
    let printed = pages(&browser.print().unwrap());
    assert!((3..=40).contains(&printed), "{printed} pages");
    // Every part that the page leads to is there.
    let lost = "Array.from(document.querySelectorAll('a[href^=\"#\"]')).filter(link => \
                !document.getElementById(link.getAttribute('href').slice(1))).length";
    assert_eq!(browser.value_of(lost).unwrap(), 0);
    assert_eq!(browser.console().unwrap(), [""; 0]);
    assert_eq!(browser.requests().unwrap(), [jobs.address()]);
}

/// The page of jobs of VMs with [`MARKUP_NAME`] shows the name, and no more.
fn shows_a_name_that_is_markup(jobs: &WrittenReport) {
    let browser = jobs.shown_without_scripts(&[]).unwrap();
    let found = browser.value_of("document.body.innerText").unwrap();
    assert!(found.as_str().unwrap().contains(MARKUP_NAME));
    let made = "document.querySelectorAll('img').length";
    assert_eq!(browser.value_of(made).unwrap(), 0);
    assert_eq!(browser.console().unwrap(), [""; 0]);
}

#[test]
fn two_jobs_make_a_page_that_is_fit_to_be_passed_on() {
    is_fit_to_be_passed_on(&WrittenReport::of_several(&[LONG_NAME; 2]).unwrap());
}

#[test]
fn names_that_are_markup_are_text_on_the_page_of_two_jobs() {
    shows_a_name_that_is_markup(&WrittenReport::of_several(&[MARKUP_NAME, "SQL-Server-01"]).unwrap());
}

#[test]
fn many_jobs_make_a_page_that_is_fit_to_be_passed_on() {
    is_fit_to_be_passed_on(&WrittenReport::of_several(&[LONG_NAME; 12]).unwrap());
}

#[test]
fn names_that_are_markup_are_text_on_the_page_of_many_jobs() {
    let written = WrittenReport::of_several(&[MARKUP_NAME, "SQL-Server-01", MARKUP_NAME]).unwrap();
    shows_a_name_that_is_markup(&written);
}

#[test]
fn the_charts_of_two_jobs_stand_beside_each_other_and_on_a_telephone_below() {
    let written = WrittenReport::of_several(&["SQL-Server-01", "SQL-Server-01"]).unwrap();
    let browser = written.shown_without_scripts(&[]).unwrap();
    let tops = "Array.from(document.querySelector('.pair .beside').children).map(place => \
                Math.round(place.getBoundingClientRect().top))";
    for (width, are_beside) in [(1280, true), (360, false)] {
        browser.resize(width, 800).unwrap();
        let tops = browser.value_of(tops).unwrap();
        assert_eq!(tops[0] == tops[1], are_beside, "{width} px: {tops}");
    }
}
