//! `vscsi-helper report`, on the job of a simulated host.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::support::desk::Desk;

/// What a VM may be called by somebody who hopes that a page takes it for more than a name.
pub(crate) const HOSTILE: &str = "</script></style></title><img src=x onerror=alert(1)>\"' onload=\"alert(2)";

/// The page of the job `raw-stream`.
fn report(desk: &Desk, arguments: &[&str]) -> String {
    let ended = desk.run(&[&["report", "raw-stream", "-o", "-"], arguments].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout
}

/// A start tag: its name, and its attributes with their values.
type Tag = (String, Vec<(String, String)>);

/// The start tags of a page, outside its style sheet and its script. Values may be quoted or not, as in HTML.
fn tags(page: &str) -> Vec<Tag> {
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    let mut tags = Vec::new();
    let mut texts = vec![head, rest];
    // A page of several jobs has none.
    if let Some((body, rest)) = rest.split_once("<script>") {
        let (_, end) = rest.split_once("</script>").unwrap();
        tags.push(("script".to_owned(), Vec::new()));
        texts = vec![head, body, end];
    }
    for text in texts {
        for begin in text
            .split('<')
            .skip(1)
            .filter(|begin| begin.starts_with(|first: char| first.is_ascii_alphabetic()))
        {
            let mut rest = begin.trim_start_matches(|character: char| character.is_ascii_alphanumeric());
            let name = begin[..begin.len() - rest.len()].to_owned();
            let mut attributes = Vec::new();
            loop {
                rest = rest.trim_start();
                let end = rest
                    .find(|character: char| "=>/ ".contains(character))
                    .unwrap_or(rest.len());
                let (attribute, after) = rest.split_at(end);
                if let Some(value) = after.strip_prefix('=') {
                    let (value, after) = match value.strip_prefix('"') {
                        Some(quoted) => quoted.split_once('"').unwrap(),
                        None => value.split_at(value.find([' ', '>']).unwrap()),
                    };
                    attributes.push((attribute.to_owned(), value.to_owned()));
                    rest = after;
                } else {
                    if !attribute.is_empty() {
                        attributes.push((attribute.to_owned(), String::new()));
                    }
                    rest = after.strip_prefix('/').unwrap_or(after);
                    if rest.starts_with('>') || rest.is_empty() {
                        break;
                    }
                }
            }
            tags.push((name, attributes));
        }
    }
    tags
}

/// Which elements a page has.
pub(crate) fn element_names(page: &str) -> BTreeSet<String> {
    tags(page).into_iter().map(|(name, _)| name).collect()
}

/// Gives the VM of a job another name, and its host one that is [`HOSTILE`].
pub(crate) fn rename(desk: &Desk, job: &str, vm: &str) {
    let path = desk.job(job).join("job.json");
    let mut document: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    document["target"]["vm_name"] = vm.into();
    document["host"]["hostname"] = HOSTILE.into();
    std::fs::write(&path, document.to_string()).unwrap();
}

#[test]
fn the_page_loads_nothing_and_runs_and_styles_nothing_by_the_way() {
    let page = report(&Desk::with_reads_and_writes(), &[]);
    let tags = tags(&page);
    assert!(tags.len() > 500, "{} tags were found", tags.len());
    for (name, attributes) in tags {
        let forbidden = [
            "img", "image", "link", "iframe", "object", "embed", "base", "form", "use", "style",
        ];
        assert!(!forbidden.contains(&name.as_str()), "{name}");
        for (attribute, value) in attributes {
            assert!(
                !attribute.starts_with("on") && attribute != "style" && attribute != "src",
                "{name} {attribute}"
            );
            assert!(
                attribute != "href" || value.starts_with('#'),
                "{name} {attribute}={value}"
            );
        }
    }
    assert!(!page.contains("url(") && !page.contains("@import"));
}

#[test]
fn the_policy_allows_the_style_sheet_and_the_script_of_the_page_and_nothing_else() {
    let page = report(&Desk::with_reads_and_writes(), &[]);
    let hash = |element: &str| {
        let (_, text) = page.split_once(&format!("<{element}>")).unwrap();
        let (text, _) = text.split_once(&format!("</{element}>")).unwrap();
        STANDARD.encode(Sha256::digest(text))
    };
    let policy = format!(
        "content=\"default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'\"",
        hash("script"),
        hash("style")
    );
    assert!(page.contains(&policy), "no {policy}");
}

#[test]
fn one_script_runs_and_one_element_holds_its_data() {
    let page = report(&Desk::with_reads_and_writes(), &[]);
    let scripts: Vec<_> = tags(&page).into_iter().filter(|(name, _)| name == "script").collect();
    let kinds: Vec<_> = scripts.into_iter().map(|(_, attributes)| attributes).collect();
    let data = [("type", "application/json"), ("id", "data")];
    assert_eq!(
        kinds,
        [
            Vec::new(),
            data.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
        ]
    );
}

#[test]
fn names_of_others_are_text_wherever_they_stand() {
    let desk = Desk::with_reads_and_writes();
    let usual = report(&desk, &[]);
    rename(&desk, "raw-stream", HOSTILE);
    let page = report(&desk, &[]);
    assert_eq!(element_names(&usual), element_names(&page));
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
    assert!(!page.contains("<img") && !page.contains("\" onload"));
    // The page is whole.
    assert_eq!(page.matches("</html>").count(), 1);
}

#[test]
fn the_same_job_gives_the_same_bytes() {
    let desk = Desk::with_reads_and_writes();
    assert_eq!(report(&desk, &[]), report(&desk, &[]));
}

#[test]
fn the_figures_are_those_of_the_analysis() {
    let desk = Desk::with_reads_and_writes();
    let page = report(&desk, &["--filter", "none"]);
    let summary = desk
        .run(&["--json", "analyze", "raw-stream", "--filter", "none"])
        .json();
    let metrics = &summary["metrics"];
    let ios = metrics["ios"]["total"].as_u64().unwrap();
    let [read, write] = ["read", "write"].map(|direction| metrics["ios"][direction].as_u64().unwrap());
    let row = format!("<th scope=\"row\">I/Os</th><td><b>{ios}</b></td><td><b>{read}</b></td><td><b>{write}</b></td>");
    assert!(page.contains(&row), "no {row}");
    // Every command takes 700 us.
    assert!(page.contains("<b>700µs</b>"));
}

#[test]
fn the_users_note_stands_in_the_page_as_text() {
    let desk = Desk::with_reads_and_writes();
    let noted = desk.run(&["note", "raw-stream", "before <b>the</b> migration"]);
    assert_eq!(noted.code, Some(0), "{}", noted.stderr);
    assert!(report(&desk, &[]).contains("<p class=\"user-note\">before &lt;b&gt;the&lt;/b&gt; migration</p>"));
}

#[test]
fn the_filter_asked_for_is_told() {
    let page = report(
        &Desk::with_reads_and_writes(),
        &["--filter", "absolute", "--threshold", "1"],
    );
    assert!(page.contains("absolute (&gt;= 1 IOPS)"));
}

#[test]
fn the_page_is_written_beside_the_reader_unless_it_is_told_where() {
    let desk = Desk::with_reads_and_writes();
    let ended = desk.run(&["--json", "report", "raw-stream"]);
    let written = std::fs::read(desk.path("raw-stream.html")).unwrap();
    assert_eq!(ended.json()["bytes"], written.len());
    desk.run(&["report", "raw-stream", "-o", "elsewhere.html"]);
    assert_eq!(std::fs::read(desk.path("elsewhere.html")).unwrap(), written);
}

#[test]
fn analyze_writes_the_page_as_a_file_of_the_job_which_the_next_analysis_takes_away() {
    let desk = Desk::with_reads_and_writes();
    let ended = desk.run(&["analyze", "raw-stream", "--report"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let path = desk.job("raw-stream").join("analysis/raw-stream-report.html");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), report(&desk, &[]));
    assert!(ended.stdout.contains("raw-stream-report.html"), "{}", ended.stdout);
    desk.run(&["analyze", "raw-stream"]);
    assert!(!path.exists());
}

#[test]
fn the_page_beside_a_replay_log_holds_jobs_whatever_was_chosen_for_the_log() {
    let desk = Desk::with_reads_and_writes();
    let ended = desk.run(&[
        "analyze",
        "raw-stream",
        "--style",
        "iolog",
        "--speed",
        "2",
        "--duration",
        "2",
        "--report",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let page = std::fs::read_to_string(desk.job("raw-stream").join("analysis/raw-stream-report.html")).unwrap();
    assert!(
        page.contains("Fidelity, from the file read back"),
        "the page holds no fio job"
    );
}

#[test]
fn a_page_on_the_standard_output_cannot_be_opened() {
    let desk = Desk::with_reads_and_writes();
    desk.refuses(
        &["report", "raw-stream", "-o", "-", "--open"],
        2,
        &["cannot be opened", "-o FILE"],
    );
}

#[test]
fn a_job_that_is_not_there_a_filter_that_leaves_nothing_and_a_place_that_cannot_be_written_are_told() {
    let desk = Desk::with_reads_and_writes();
    desk.refuses(&["report", "nothing"], 2, &["nothing", "vscsi-helper list"]);
    desk.refuses(
        &["report", "raw-stream", "--filter", "absolute", "--threshold", "1e9"],
        5,
        &["--threshold"],
    );
    desk.refuses(
        &["report", "raw-stream", "-o", "missing/page.html"],
        1,
        &["missing/page.html", "check the path"],
    );
}

/// Without a browser, which the desk has none of, the page is there all the same.
#[cfg(target_os = "linux")]
#[test]
fn a_browser_that_cannot_be_started_costs_a_warning_and_not_the_page() {
    let desk = Desk::with_reads_and_writes();
    let ended = desk.run(&["report", "raw-stream", "--open"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("no browser could be started"), "{}", ended.stderr);
    assert!(desk.path("raw-stream.html").is_file());
}

#[test]
fn an_imported_capture_is_called_one() {
    let desk = Desk::with_the_capture();
    let ended = desk.run(&["report", "captured", "-o", "-"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("imported from a capture"));
}
