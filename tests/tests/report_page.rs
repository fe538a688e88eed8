//! The report in a real browser: what its readers see, and what their browser does for it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;
use vscsi_fixtures::{Direction, DiskLabel, DiskStatistics, HistogramType, IoEvent};
use vscsi_tests::binaries::Binary;
use vscsi_tests::browser::{Browser, pages};

/// Prints of a disk in one file, the first of them the baseline: 30 minutes, in which a log is written all the time and
/// a table is read now and then.
fn capture() -> String {
    const MINUTE_US: u64 = 60_000_000;
    let mut statistics = DiskStatistics::new();
    let label = DiskLabel {
        world_group_id: 12345,
        handle_id: 8194,
        node: "scsi0:0",
    };
    let mut prints = statistics.print_csv(label, HistogramType::All);
    for minute in 0..30 {
        let commands = if (8..20).contains(&minute) { 900 } else { 90 };
        for index in 0..commands {
            let is_write = index % 3 == 0;
            statistics.record(&IoEvent {
                issue_us: MINUTE_US * (minute + 1) + index * (MINUTE_US / 1000),
                latency_us: 200 + 37 * (index * 7919 % 400),
                lbn: if is_write {
                    16 * index
                } else {
                    index * 104_729 % 9_000_000
                },
                bytes: [4096, 8192, 8192, 65_536][usize::try_from(index % 4).unwrap()],
                direction: if is_write { Direction::Write } else { Direction::Read },
            });
        }
        statistics.advance_to(MINUTE_US * (minute + 2));
        prints.push_str(&statistics.print_csv(label, HistogramType::All));
    }
    prints
}

/// A report on this machine.
struct Written {
    folder: TempDir,
}

impl Written {
    /// Of a VM with this name.
    fn of(vm: &str) -> Self {
        let written = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let prints = written.folder.path().join("prints.csv");
        std::fs::write(&prints, capture()).unwrap();
        let prints = prints.to_str().unwrap();
        let import = [
            "import",
            prints,
            "--interval",
            "60",
            "--first-print",
            "baseline",
            "--name",
            "sql",
            "--vm",
            vm,
        ];
        written.helper(&import);
        written.helper(&["report", "sql", "-o", written.page().to_str().unwrap()]);
        written
    }

    fn page(&self) -> PathBuf {
        self.folder.path().join("sql.html")
    }

    fn helper(&self, arguments: &[&str]) {
        let run = Command::new(Binary::Client.path().unwrap())
            .arg("--data-dir")
            .arg(self.folder.path().join("data"))
            .args(arguments)
            .env("HOME", self.folder.path())
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }

    /// Shows it.
    fn shown(&self, switches: &[&str]) -> Browser {
        let browser = Browser::start(switches).unwrap();
        browser.open(&self.page()).unwrap();
        browser
    }
}

#[test]
fn nothing_stands_in_the_console_and_no_request_leaves() {
    let written = Written::of("SQL-Server-01");
    let browser = written.shown(&[]);
    assert_eq!(
        browser
            .value_of("document.querySelectorAll('svg[role=img]').length")
            .unwrap(),
        43
    );
    assert_eq!(browser.console().unwrap(), [""; 0]);
    let page = format!("file://{}", written.page().display());
    assert_eq!(browser.requests().unwrap(), [page]);
}

#[test]
fn a_name_that_is_markup_is_shown_as_it_is_and_runs_nothing() {
    let name = "</script><img src=x onerror=alert(1)>";
    let browser = Written::of(name).shown(&[]);
    assert_eq!(
        browser.value_of("document.querySelector('h1').textContent").unwrap(),
        name
    );
    assert_eq!(
        browser
            .value_of("document.querySelectorAll('img, script').length")
            .unwrap(),
        0
    );
    assert_eq!(browser.console().unwrap(), [""; 0]);
}

#[test]
fn no_width_makes_the_page_scroll_sideways_or_a_chart_leave_its_place() {
    let browser =
        Written::of("a-virtual-machine-whose-name-is-longer-than-any-telephone-is-wide-in-one-word").shown(&[]);
    for width in [320, 360, 768, 1280, 1920] {
        browser.resize(width, 800).unwrap();
        let sideways = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.value_of(sideways).unwrap(), 0, "{width} px");
        let beyond = "Array.from(document.querySelectorAll('.beside svg, .legend svg')).filter(svg => \
                      svg.getBoundingClientRect().right > innerWidth + 1).length";
        assert_eq!(browser.value_of(beyond).unwrap(), 0, "{width} px");
    }
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
    let browser = Written::of("SQL-Server-01").shown(&[]);
    let ground = "getComputedStyle(document.body).backgroundColor";
    for (scheme, expected) in [("light", "rgb(255, 255, 255)"), ("dark", "rgb(21, 27, 34)")] {
        browser.show_on("screen", scheme).unwrap();
        assert_eq!(browser.value_of(ground).unwrap(), expected);
        for selector in ["h1", ".sure", ".note", "nav a", "summary", ".range", "td", "pre"] {
            let contrast = browser.value_of(&format!("{CONTRAST}('{selector}')")).unwrap();
            // AA for small texts.
            assert!(contrast.as_f64().unwrap() >= 4.5, "{selector} in {scheme}: {contrast}");
        }
        browser.show_on("print", scheme).unwrap();
        assert_eq!(
            browser.value_of(ground).unwrap(),
            "rgb(255, 255, 255)",
            "printed from {scheme}"
        );
    }
}

#[test]
fn print_has_every_table_and_every_direction_and_cuts_no_chart_off() {
    let browser = Written::of("SQL-Server-01").shown(&[]);
    // As wide as A4 less its margins.
    browser.resize(695, 1000).unwrap();
    browser.show_on("print", "light").unwrap();
    let hidden = |selector: &str| {
        let expression = format!(
            "Array.from(document.querySelectorAll('{selector}')).filter(element => \
             element.getBoundingClientRect().height < 20 || element.getBoundingClientRect().right > innerWidth + 1).length"
        );
        browser.value_of(&expression).unwrap()
    };
    assert_eq!(hidden("svg[role=img]"), 0);
    assert_eq!(hidden("table"), 0);
    browser.show_on("", "light").unwrap();
    let pdf = browser.print().unwrap();
    let pages = pages(&pdf);
    assert!((8..=30).contains(&pages), "{pages} pages");
}

#[test]
fn directions_are_chosen_with_the_keys_alone() {
    let browser = Written::of("SQL-Server-01").shown(&[]);
    let visible = "['all', 'read', 'write'].filter(word => \
                   document.querySelector('.pair.of-' + word).getBoundingClientRect().height > 0).join()";
    assert_eq!(browser.value_of(visible).unwrap(), "all");
    browser.value_of("document.querySelector('#show-all').focus()").unwrap();
    // The arrow to the right.
    browser.press("\u{e014}").unwrap();
    assert_eq!(browser.value_of(visible).unwrap(), "read");
    browser.press("\u{e014}").unwrap();
    assert_eq!(browser.value_of(visible).unwrap(), "write");
}

#[test]
fn the_page_is_the_same_without_scripts_without_3d_and_without_a_jit() {
    let written = Written::of("SQL-Server-01");
    let text = |switches: &[&str]| written.shown(switches).value_of("document.body.innerText").unwrap();
    let usual = text(&[]);
    assert_ne!(usual, json!(""));
    for switches in [
        &["--blink-settings=scriptEnabled=false"][..],
        &["--disable-3d-apis"],
        &["--js-flags=--jitless"],
    ] {
        assert_eq!(text(switches), usual, "{switches:?}");
    }
}
