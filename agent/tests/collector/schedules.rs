//! Recurring collections: when a run begins, and when it does not.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;

use serde_json::{Value, json};

use crate::harness::Harness;

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// A host with a schedule, at its first moment less `before_ms`.
fn shortly_before(cron: &str, before_ms: u64) -> Harness {
    let mut harness = Harness::new();
    harness.schedule("nightly", cron, "Web-App-VM");
    let wait = harness.next_run("nightly").unwrap().as_millisecond() - harness.wall().as_millisecond();
    harness.pass(u64::try_from(wait).unwrap() - before_ms);
    harness
}

#[test]
fn a_schedule_starts_its_job_at_its_time_in_utc() {
    let mut harness = Harness::new();
    harness.schedule("nightly", "30 2 * * *", "Web-App-VM");
    let next = harness.next_run("nightly").unwrap();
    assert_eq!(next.strftime("%H:%M:%S").to_string(), "02:30:00");
    let wait_ms = u64::try_from(next.as_millisecond() - harness.wall().as_millisecond()).unwrap();
    harness.pass(wait_ms - 1);
    assert!(harness.jobs().is_empty());
    harness.pass(1);
    let jobs = harness.jobs();
    assert_eq!(jobs.len(), 1);
    assert_eq!(
        jobs[0].job.job_id.as_str(),
        format!("nightly-{}", next.strftime("%Y%m%d-%H%M%S"))
    );
    let again = harness.next_run("nightly").unwrap();
    assert_eq!(again.as_second() - next.as_second(), 86_400);
}

#[test]
fn a_run_that_passed_while_no_agent_was_there_is_not_made_up_for() {
    let mut harness = Harness::new();
    harness.schedule("nightly", "30 2 * * *", "Web-App-VM");
    let first = harness.next_run("nightly").unwrap();
    harness.crash_and_restart_after(3 * 24 * 3_600_000);
    harness.pass(1000);
    assert!(harness.jobs().is_empty());
    assert!(harness.next_run("nightly").unwrap() > first);
}

#[test]
fn a_run_whose_moment_passed_while_the_agent_stood_still_is_not_begun_late() {
    let mut harness = shortly_before("30 2 * * *", 1000);
    harness.stand_still(9 * 60 * MINUTE_MS);
    assert!(harness.jobs().is_empty());
    let view = harness.schedule_view("nightly");
    assert!(view.last_error.unwrap().contains("stood still"));
    assert!(view.next_run_at.unwrap() > harness.wall());
}

#[test]
fn a_run_begins_within_a_minute_of_its_moment() {
    let mut harness = shortly_before("30 2 * * *", 1000);
    harness.stand_still(50_000);
    assert_eq!(harness.jobs().len(), 1);
    assert_eq!(harness.schedule_view("nightly").last_error, None);
}

#[test]
fn a_run_that_an_agent_has_missed_is_told_by_the_next_one() {
    let mut harness = shortly_before("30 2 * * *", 1000);
    harness.crash_and_restart_after(3 * 60 * MINUTE_MS);
    assert!(harness.jobs().is_empty());
    let view = harness.schedule_view("nightly");
    assert!(view.last_error.unwrap().contains("no agent was running"));
}

#[test]
fn a_run_whose_moment_came_while_an_agent_took_over_is_begun() {
    let mut harness = shortly_before("30 2 * * *", 1000);
    harness.crash_and_restart_after(5000);
    assert_eq!(harness.jobs().len(), 1);
}

#[test]
fn a_clock_that_is_set_back_over_a_run_starts_no_second_one_and_says_so() {
    let mut harness = shortly_before("30 2 * * *", 1000);
    harness.pass(5 * MINUTE_MS);
    let job = harness.jobs()[0].job.clone();
    harness.set_wall_forward(-3600);
    harness.pass(60 * MINUTE_MS);
    assert_eq!(harness.jobs().len(), 1);
    let view = harness.schedule_view("nightly");
    let error = view.last_error.unwrap();
    assert!(
        error.contains(job.job_id.as_str()) && error.contains("set back"),
        "{error}"
    );
    assert_eq!(
        harness.logged("schedule nightly started"),
        1 + harness.logged("schedule nightly started no job")
    );
}

#[test]
fn a_run_waits_for_the_end_of_the_one_before_it() {
    // Each takes two minutes, and every minute there is a moment.
    let mut harness = shortly_before("* * * * *", 1000);
    for _ in 0..10 {
        harness.pass(MINUTE_MS);
        let active = harness.jobs().iter().filter(|view| !view.job.status.is_final()).count();
        assert!(active <= 1, "{active} runs at one time");
    }
    let jobs = harness.jobs().len();
    assert!((3..=5).contains(&jobs), "{jobs}");
}

/// Writes schedules.json as another version might, and starts the agent again.
fn with_file(harness: &mut Harness, change: impl FnOnce(&mut Vec<Value>)) {
    let path = harness.schedules_file();
    let mut stored: Vec<Value> = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut stored);
    fs::write(&path, serde_json::to_vec(&stored).unwrap()).unwrap();
    harness.crash_and_restart();
}

#[test]
fn a_schedule_with_a_key_of_a_newer_version_runs_and_keeps_the_key() {
    let mut harness = Harness::new();
    harness.schedule("nightly", "30 2 * * *", "Web-App-VM");
    with_file(&mut harness, |stored| {
        stored[0]["colour"] = json!("red");
        stored[0]["schedule"]["job"]["options"]["speed"] = json!(7);
    });
    assert!(harness.problems().is_empty(), "{:?}", harness.problems());
    harness.pass(2 * DAY_MS);
    assert!(!harness.jobs().is_empty());
    let text = fs::read_to_string(harness.schedules_file()).unwrap();
    assert!(text.contains("colour") && text.contains("speed"), "{text}");
}

#[test]
fn a_cron_text_of_a_newer_version_costs_no_other_schedule_and_no_start() {
    let mut harness = Harness::new();
    harness.schedule("nightly", "30 2 * * *", "Web-App-VM");
    with_file(&mut harness, |stored| {
        let mut newer = stored[0].clone();
        newer["schedule"]["name"] = json!("newer");
        newer["schedule"]["cron"] = json!("@sunrise");
        stored.push(newer);
        stored.push(json!({"from": "the future"}));
    });
    assert!(harness.next_run("nightly").is_some());
    let problems = harness.problems().join("\n");
    assert!(
        problems.contains("newer") && problems.contains("@sunrise"),
        "{problems}"
    );
    harness.pass(2 * DAY_MS);
    let text = fs::read_to_string(harness.schedules_file()).unwrap();
    assert!(
        text.contains("@sunrise") && text.contains("the future"),
        "nothing is dropped: {text}"
    );
}

#[test]
fn a_schedule_that_cannot_be_used_can_be_removed() {
    let mut harness = Harness::new();
    harness.schedule("nightly", "30 2 * * *", "Web-App-VM");
    with_file(&mut harness, |stored| stored[0]["schedule"]["cron"] = json!("@sunrise"));
    assert!(!harness.problems().is_empty());
    harness.unschedule("nightly");
    assert!(harness.problems().is_empty(), "{:?}", harness.problems());
    let text = fs::read_to_string(harness.schedules_file()).unwrap();
    assert!(!text.contains("@sunrise"), "{text}");
}
