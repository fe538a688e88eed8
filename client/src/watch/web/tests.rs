//! What is answered at the door, without a browser.

use serde_json::Value;

use super::{Answer, Asked, Door, answer};
use crate::watch::View;
use crate::watch::tests::watched;

const PORT: u16 = 4711;

fn view(jobs: &[(&str, usize)]) -> View {
    let mut view = View::new(["esx1".to_owned()], "2025-11-06T09:00:32Z".parse().unwrap());
    let jobs = jobs.iter().map(|(name, samples)| watched(name, *samples, 1)).collect();
    view.hear("esx1", jobs, None);
    view
}

fn door() -> Door {
    Door::new(PORT, &[7; 32])
}

/// What whoever has the key is answered.
fn told(view: &View, path: &str) -> Answer {
    let door = door();
    let address = door.address();
    let (_, key) = address.split_once('#').unwrap();
    let asked = Asked {
        is_get: true,
        path,
        host: Some("127.0.0.1:4711"),
        authorization: Some(&format!("Bearer {key}")),
    };
    answer(&door, view, &asked)
}

/// The status of what somebody without the key is answered.
fn refused(host: Option<&str>, path: &str, authorization: Option<&str>) -> u16 {
    let asked = Asked {
        is_get: true,
        path,
        host,
        authorization,
    };
    answer(&door(), &view(&[("sql-peak", 3)]), &asked).status
}

#[test]
fn only_the_page_which_knows_nothing_is_told_without_the_key() {
    let host = Some("localhost:4711");
    assert_eq!(refused(host, "/", None), 200);
    let wrong = format!("Bearer {}", "0".repeat(64));
    for path in ["/jobs", "/jobs/sql-peak", "/jobs/sql-peak/report", "/nothing"] {
        for authorization in [None, Some(""), Some("Bearer "), Some("Basic x"), Some(wrong.as_str())] {
            assert_eq!(refused(host, path, authorization), 401, "{path} {authorization:?}");
        }
    }
    let page = told(&view(&[("sql-peak", 3)]), "/").body;
    assert!(!page.contains("sql-peak") && !page.contains("esx1"), "{page}");
}

#[test]
fn a_browser_that_was_led_here_under_another_name_or_port_is_told_nothing() {
    for host in [
        None,
        Some("evil.example:4711"),
        Some("127.0.0.1.evil.example:4711"),
        Some("127.0.0.1"),
        Some("127.0.0.1:80"),
        Some("127.0.0.1:4711:4711"),
    ] {
        assert_eq!(refused(host, "/", None), 421, "{host:?}");
    }
}

#[test]
fn nothing_can_be_sent_here() {
    let asked = Asked {
        is_get: false,
        path: "/",
        host: Some("127.0.0.1:4711"),
        authorization: None,
    };
    assert_eq!(answer(&door(), &view(&[]), &asked).status, 405);
}

#[test]
fn the_state_of_a_job_changes_with_each_sample_and_with_its_end() {
    let state = |samples| {
        let jobs: Value = serde_json::from_str(&told(&view(&[("sql-peak", samples)]), "/jobs").body).unwrap();
        jobs["jobs"][0]["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(3), state(3));
    assert_ne!(state(3), state(4));
    let mut ended = view(&[("sql-peak", 3)]);
    let mut job = watched("sql-peak", 3, 1);
    job.job.status = vscsi_shared::job::Status::Stopped;
    ended.hear("esx1", vec![job], None);
    let jobs: Value = serde_json::from_str(&told(&ended, "/jobs").body).unwrap();
    assert_ne!(jobs["jobs"][0]["state"], state(3));
}

#[test]
fn a_lost_host_shows_its_age_and_what_it_said_is_still_there() {
    let mut view = view(&[("sql-peak", 3)]);
    view.tick("2025-11-06T09:05:32Z".parse().unwrap());
    view.hear("esx1", Vec::new(), Some("<b>gone</b>".to_owned()));
    let jobs: Value = serde_json::from_str(&told(&view, "/jobs").body).unwrap();
    let html = jobs["html"].as_str().unwrap();
    assert!(
        html.contains("esx1: STALE for 5 min: &lt;b&gt;gone&lt;/b&gt;"),
        "{html}"
    );
    assert!(html.contains("sql-peak"));
}

#[test]
fn a_job_is_told_as_its_report_and_before_its_first_sample_as_one_that_has_none() {
    let view = view(&[("empty", 0), ("sql-peak", 30)]);
    let body: Value = serde_json::from_str(&told(&view, "/jobs/sql-peak").body).unwrap();
    let report = told(&view, "/jobs/sql-peak/report");
    assert_eq!(report.status, 200);
    let html = body["html"].as_str().unwrap();
    let parts = |page: &str| {
        let begin = page.find("<main>").unwrap();
        page[begin..page.find("</main>").unwrap()].to_owned()
    };
    assert_eq!(parts(html), parts(&report.body));
    assert_eq!(told(&view, "/jobs/empty/report").status, 404);
    let body: Value = serde_json::from_str(&told(&view, "/jobs/empty").body).unwrap();
    assert!(
        body["html"]
            .as_str()
            .unwrap()
            .contains("No sample of empty has come yet")
    );
    assert_eq!(told(&view, "/jobs/other").status, 404);
    assert_eq!(told(&view, "/jobs/sql-peak/other").status, 404);
}
