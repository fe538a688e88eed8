//! Restart mode: each interval is counted alone, whoever dies or meddles.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use serde_json::json;
use vscsi_fixtures::{Fault, FaultKind, Scenario};
use vscsi_shared::snapshot::SnapshotFlag;
use vscsi_tests::agent_host::{AgentHost, Start, wait_long, wait_until};
use vscsi_tests::truth::{Taken, snapshots};

const FILTER: &str = env!("CARGO_BIN_EXE_esxi-filter");

#[test]
fn restart_mode_counts_each_interval_alone() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    let mut request = agent.job_request("job", "Web-App-VM", 3, 1);
    request["options"] = json!({"mode": "restart"});
    assert_eq!(agent.post("jobs", &request).status, 201);
    assert_eq!(agent.wait_for_job("job")["job"]["status"], "completed");
    let taken = snapshots(&agent.job_directory("job"));
    assert!(taken.iter().all(Taken::is_usable));
    // The first snapshot only says where the first interval begins.
    let restarted: Vec<bool> = taken.iter().map(|taken| taken.has(SnapshotFlag::Restarted)).collect();
    assert_eq!(restarted, [false, true, true, true]);
    agent.wait_until_nothing_collects();
}

/// An agent whose job has a snapshot, and restarts its two collections with a `-x` that takes so long. The next sample,
/// which would restart them once more, is far away.
fn restarting(slow_ms: u64) -> AgentHost {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    let slow = Fault::of_vscsi_stats(FaultKind::Slow(slow_ms)).with_arguments("-x ");
    agent.host.add_fault(slow.times(2)).unwrap();
    let mut request = agent.job_request("job", "SQL-Server-01", 2, 90);
    request["options"] = json!({"mode": "restart"});
    assert_eq!(agent.post("jobs", &request).status, 201);
    wait_until("the first snapshot is taken", || {
        agent.job_directory("job").join("samples/sample_000.csv").is_file()
    });
    agent
}

#[test]
fn a_restart_that_is_handed_over_half_done_is_finished_by_the_successor() {
    let mut agent = restarting(2000);
    agent.hand_over();
    wait_until("what was stopped has been started", || {
        agent.host.collecting().unwrap().len() == 2
    });
    let stopped = agent.post("jobs/job/stop", &json!({}));
    assert_eq!(stopped.status, 200, "{}", stopped.json);
    agent.wait_until_nothing_collects();
}

#[test]
fn what_a_switch_has_stopped_for_a_restart_when_it_dies_is_started_by_the_next_one() {
    let mut scenario = Scenario::load("demo").unwrap();
    // There the next restart, which begins with a `-x`, would fail as well, and each one after it.
    scenario.variants.stop_needs_collection = true;
    let mut agent = AgentHost::with_scenario(&scenario, FILTER);
    agent.start_with(&Start {
        // The second command is the `-x` of the first restart.
        fault: Some("switch-after-command:2"),
        ..Start::default()
    });
    agent.wait_for_answer();
    let first = agent.switch().unwrap();
    let mut request = agent.job_request("job", "SQL-Server-01", 6, 1);
    request["options"] = json!({"mode": "restart"});
    request["disks"].as_array_mut().unwrap().truncate(1);
    assert_eq!(agent.post("jobs", &request).status, 201);
    wait_until("another switch runs", || {
        agent.switch().is_some_and(|switch| switch != first)
    });
    let job = agent.wait_for_job("job");
    assert_eq!(job["job"]["status"], "completed", "{job}");
    let taken = snapshots(&agent.job_directory("job"));
    let restarted = |taken: &Taken| taken.has(SnapshotFlag::Restarted);
    assert!(taken.iter().filter(|taken| restarted(taken)).count() >= 3, "{taken:?}");
    agent.wait_until_nothing_collects();
}

#[test]
fn what_is_just_being_restarted_is_kept_once_it_runs_and_not_before() {
    let agent = restarting(6000);
    let stop = || agent.post("jobs/job/stop", &json!({"cleanup": false}));
    let refused = stop();
    assert_eq!(refused.status, 503, "{}", refused.json);
    assert_eq!(agent.status("job"), "running");
    let mut kept = refused;
    wait_until("the job is stopped", || {
        kept = stop();
        kept.status == 200
    });
    assert_eq!(kept.json["job"]["cleanup"]["manual_cleanup_required"], true);
    assert_eq!(agent.host.collecting().unwrap().len(), 2);
    let cleaned = agent.post("jobs/job/cleanup", &json!({})).json;
    assert_eq!(cleaned["job"]["cleanup"]["vscsiStats_stopped"], true, "{cleaned}");
    agent.wait_until_nothing_collects();
}

/// A job in restart mode over one disk, on a host where `-x` fails when nothing is collected. Somebody else has stopped its
/// collection a second after a restart, so that no other restart succeeds.
fn stopped_by_somebody_else_in_restart_mode(samples: u32, interval_seconds: u32) -> AgentHost {
    let mut scenario = Scenario::load("demo").unwrap();
    scenario.variants.stop_needs_collection = true;
    let mut agent = AgentHost::with_scenario(&scenario, FILTER);
    agent.start();
    let mut request = agent.job_request("job", "Web-App-VM", samples, interval_seconds);
    request["options"] = json!({"mode": "restart"});
    assert_eq!(agent.post("jobs", &request).status, 201);
    let third_start_us = || {
        let calls = agent.host.journal().unwrap().into_iter();
        let mut starts = calls.filter(|call| call.arguments.contains(&"-s".to_owned()));
        starts.nth(2).map(|call| call.clock_us)
    };
    // By then something is counted: counters that stand at zero cannot fall when the collection is started once more.
    wait_until("the second restart is done, and a second has passed", || {
        third_start_us().is_some_and(|start_us| agent.host.now_us().unwrap() > start_us + 1_000_000)
    });
    agent.host.foreign_stop().unwrap();
    agent
}

#[test]
fn in_restart_mode_a_collection_that_somebody_else_stopped_is_told_at_the_end() {
    let agent = stopped_by_somebody_else_in_restart_mode(4, 3);
    let job = agent.wait_for_job("job");
    assert_eq!(job["job"]["status"], "completed", "{job}");
    let errors = job["job"]["collection"]["errors"].to_string();
    assert!(errors.contains("had not moved for"), "{errors}");
}

#[test]
fn in_restart_mode_a_collection_that_somebody_else_stopped_is_started_after_a_minute() {
    let agent = stopped_by_somebody_else_in_restart_mode(1000, 3);
    let anew = || {
        let taken = snapshots(&agent.job_directory("job"));
        taken.into_iter().find(|taken| taken.has(SnapshotFlag::NewBaseline))
    };
    wait_long("it counts again", || anew().is_some());
    let next = usize::try_from(anew().unwrap().header.sequence).unwrap() + 1;
    agent.wait_for_snapshots("job", next + 1);
    let taken = snapshots(&agent.job_directory("job"));
    assert!(taken[next].has(SnapshotFlag::Restarted), "{taken:?}");
    agent.post("jobs/job/stop", &json!({}));
    agent.wait_until_nothing_collects();
}
