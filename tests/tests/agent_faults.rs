//! vscsiStats misbehaves, VMs come and go, others meddle: the job goes on and its numbers stay right.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use serde_json::json;
use vscsi_fixtures::{DiskSpec, Fault, FaultKind, Scenario};
use vscsi_shared::snapshot::SnapshotFlag;
use vscsi_tests::agent_host::{AgentHost, wait_until};
use vscsi_tests::truth::{Taken, compare_with_truth, snapshots};

const FILTER: &str = env!("CARGO_BIN_EXE_esxi-filter");

/// Runs a job of four samples whose second snapshot meets `kind` once, or as often as `times` says.
fn with_fault(kind: FaultKind, times: u64) -> (AgentHost, Vec<Taken>) {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    let fault = Fault::of_vscsi_stats(kind)
        .with_arguments("-p all")
        .after(1)
        .times(times);
    agent.host.add_fault(fault).unwrap();
    agent.begin("job", "SQL-Server-01", 4, 1);
    let view = agent.wait_for_job("job");
    assert_eq!(view["job"]["status"], "completed", "{view}");
    let taken = snapshots(&agent.job_directory("job"));
    assert_eq!(taken.len(), 5);
    compare_with_truth(&agent.host, &agent.job_directory("job"));
    agent.wait_until_nothing_collects();
    (agent, taken)
}

/// The command failed the first time and was repeated within the interval.
fn is_repeated(kind: &FaultKind) {
    let (_agent, taken) = with_fault(kind.clone(), 1);
    assert!(taken[1].has(SnapshotFlag::Retried), "{kind:?}");
    assert!(taken.iter().all(Taken::is_usable), "{kind:?}");
}

#[test]
fn a_print_that_fails_is_repeated() {
    is_repeated(&FaultKind::Fail);
}

#[test]
fn half_a_print_is_repeated() {
    is_repeated(&FaultKind::Half);
}

#[test]
fn a_print_of_garbage_is_repeated() {
    is_repeated(&FaultKind::Garbage(7));
}

#[test]
fn an_empty_print_is_repeated() {
    is_repeated(&FaultKind::Empty);
}

#[test]
fn garbage_that_stays_is_kept_as_evidence_and_the_job_goes_on() {
    let (agent, taken) = with_fault(FaultKind::Garbage(7), 2);
    assert!(taken[1].has(SnapshotFlag::Failed));
    assert!(taken.iter().filter(|taken| taken.is_usable()).count() >= 3);
    let kept = std::fs::metadata(agent.job_directory("job").join("samples/sample_001.csv")).unwrap();
    assert!(kept.len() > 1000, "the garbage itself is kept");
}

#[test]
fn good_output_with_a_bad_exit_status_is_used_and_reported() {
    let (agent, taken) = with_fault(FaultKind::Nonzero, 1);
    assert_eq!(taken[1].header.exit_status, Some(1));
    assert!(taken[1].is_usable());
    let errors = agent.job("job")["job"]["collection"]["errors"].to_string();
    assert!(errors.contains("exit status 1"), "{errors}");
}

#[test]
fn a_flood_on_standard_error_harms_nothing() {
    let (_agent, taken) = with_fault(FaultKind::StderrFlood, 1);
    assert!(taken.iter().all(Taken::is_usable));
}

#[test]
fn a_hung_print_is_killed_and_the_job_goes_on() {
    let (agent, taken) = with_fault(FaultKind::Hang, 1);
    assert!(taken[1].has(SnapshotFlag::Failed) || taken[1].has(SnapshotFlag::Retried));
    let errors = agent.job("job")["job"]["collection"]["errors"].to_string();
    let retried = taken[1].has(SnapshotFlag::Retried);
    assert!(retried || errors.contains("deadline"), "{errors}");
    // The counters ran on, so the sample after the gap covers its time.
    let last = taken.iter().rev().find(|taken| taken.is_usable()).unwrap();
    assert_eq!(last.header.sequence, 4);
}

#[test]
fn a_collection_that_does_not_start_fails_the_job_and_leaves_nothing_running() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent
        .host
        .add_fault(Fault::of_vscsi_stats(FaultKind::Nonzero).with_arguments("-s").times(1))
        .unwrap();
    // The work is done although the command fails: it has to be undone.
    agent.begin("job", "Web-App-VM", 3, 1);
    let view = agent.wait_for_job("job");
    assert_eq!(view["job"]["status"], "failed");
    assert_eq!(view["job"]["cleanup"]["vscsiStats_stopped"], true, "{view}");
    assert!(agent.host.collecting().unwrap().is_empty());
}

#[test]
fn a_stop_that_fails_is_told_with_the_command_for_hands_and_tried_again() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent
        .host
        .add_fault(Fault::of_vscsi_stats(FaultKind::Fail).with_arguments("-x").times(1))
        .unwrap();
    agent.begin("job", "Web-App-VM", 1, 1);
    let cleanup = agent.wait_for_job("job")["job"]["cleanup"].clone();
    assert_eq!(cleanup["vscsiStats_stopped"], false);
    assert_eq!(cleanup["manual_cleanup_required"], true);
    assert!(
        cleanup["manual_cleanup_command"]
            .as_str()
            .unwrap()
            .contains("vscsiStats -x"),
        "{cleanup}"
    );
    agent.wait_until_nothing_collects();
    let cleaned = agent.post("jobs/job/cleanup", &json!({})).json;
    assert_eq!(cleaned["job"]["cleanup"]["vscsiStats_stopped"], true, "{cleaned}");
    assert_eq!(cleaned["job"]["cleanup"]["manual_cleanup_required"], false);
}

#[test]
fn a_vm_that_never_comes_back_fails_the_job_after_its_misses_with_all_samples_kept() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    let mut request = agent.job_request("job", "SQL-Server-01", 100, 1);
    request["options"] = json!({"max_misses": 2});
    assert_eq!(agent.post("jobs", &request).status, 201);
    agent.wait_for_snapshots("job", 3);
    agent.host.migrate_away("SQL-Server-01").unwrap();
    let view = agent.wait_for_job("job");
    assert_eq!(view["job"]["status"], "failed");
    // The switch tells a moment later that the disks of a VM that is gone are gone too.
    wait_until("the clean-up is told", || {
        agent.wait_for_job("job")["job"]["cleanup"]["vscsiStats_stopped"] == true
    });
    let taken = snapshots(&agent.job_directory("job"));
    assert_eq!(taken.iter().filter(|taken| taken.has(SnapshotFlag::Gap)).count(), 2);
    compare_with_truth(&agent.host, &agent.job_directory("job"));
}

#[test]
fn a_vm_that_comes_back_goes_on_with_a_new_baseline() {
    let agent = AgentHost::with_job(FILTER, 8);
    agent.host.migrate_away("SQL-Server-01").unwrap();
    agent.wait_for_snapshots("job", 4);
    agent.host.migrate_back("SQL-Server-01").unwrap();
    assert_eq!(agent.wait_for_job("job")["job"]["status"], "completed");
    let taken = snapshots(&agent.job_directory("job"));
    assert!(taken.iter().any(|taken| taken.has(SnapshotFlag::Gap)));
    assert_eq!(
        taken
            .iter()
            .filter(|taken| taken.has(SnapshotFlag::NewBaseline))
            .count(),
        1
    );
    assert!(taken.last().unwrap().is_usable());
    assert!(compare_with_truth(&agent.host, &agent.job_directory("job")) >= 4);
    agent.wait_until_nothing_collects();
}

#[test]
fn a_power_cycle_between_two_snapshots_is_a_new_baseline() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "Web-App-VM", 5, 1);
    agent.wait_for_snapshots("job", 2);
    agent.host.power_cycle("Web-App-VM").unwrap();
    assert_eq!(agent.wait_for_job("job")["job"]["status"], "completed");
    let taken = snapshots(&agent.job_directory("job"));
    assert_eq!(
        taken
            .iter()
            .filter(|taken| taken.has(SnapshotFlag::NewBaseline))
            .count(),
        1
    );
    assert!(taken.iter().all(Taken::is_usable));
    compare_with_truth(&agent.host, &agent.job_directory("job"));
    agent.wait_until_nothing_collects();
}

#[test]
fn a_disk_that_is_removed_leaves_the_others_collected() {
    let agent = AgentHost::with_job(FILTER, 4);
    agent.host.remove_disk("SQL-Server-01", "scsi0:1").unwrap();
    assert_eq!(agent.wait_for_job("job")["job"]["status"], "completed");
    let taken = snapshots(&agent.job_directory("job"));
    assert_eq!(taken.first().unwrap().header.disks.len(), 2);
    assert_eq!(taken.last().unwrap().header.disks.len(), 1);
    assert!(
        taken
            .iter()
            .all(|taken| taken.is_usable() && !taken.has(SnapshotFlag::NewBaseline))
    );
    // All four samples of the disk that stayed.
    assert!(compare_with_truth(&agent.host, &agent.job_directory("job")) >= 4);
    agent.wait_until_nothing_collects();
}

#[test]
fn a_disk_that_is_added_changes_nothing() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "Web-App-VM", 3, 1);
    agent.wait_for_snapshots("job", 1);
    let mut disk: DiskSpec = Scenario::load("demo").unwrap().vms[0].disks[0].clone();
    disk.node = "scsi0:7".to_owned();
    agent.host.add_disk("Web-App-VM", disk).unwrap();
    assert_eq!(agent.wait_for_job("job")["job"]["status"], "completed");
    assert_eq!(compare_with_truth(&agent.host, &agent.job_directory("job")), 3);
    agent.wait_until_nothing_collects();
}

#[test]
fn counters_that_somebody_resets_do_not_end_the_job() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "SQL-Server-01", 4, 1);
    agent.wait_for_snapshots("job", 3);
    agent.host.reset_counters().unwrap();
    assert_eq!(agent.wait_for_job("job")["job"]["status"], "completed");
    let taken = snapshots(&agent.job_directory("job"));
    assert!(taken.iter().all(Taken::is_usable));
    let reads: Vec<u64> = taken
        .iter()
        .map(|taken| taken.counted.values().map(|counted| counted.0).sum())
        .collect();
    assert!(
        reads.windows(2).any(|pair| pair[1] < pair[0]),
        "the fall is there to be seen: {reads:?}"
    );
    agent.wait_until_nothing_collects();
}

#[test]
fn counters_that_somebody_zeroes_between_the_two_looks_are_nobody_s_collection() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("first", "SQL-Server-01", 1, 1);
    agent.wait_for_job("first");
    agent.wait_until_nothing_collects();
    agent.begin("second", "SQL-Server-01", 3, 1);
    // A second passes between the looks, and the first one has been made.
    agent.host.reset_counters().unwrap();
    let ended = agent.wait_for_job("second");
    assert_eq!(ended["job"]["collection"]["foreign"], false, "{ended}");
    assert_eq!(compare_with_truth(&agent.host, &agent.job_directory("second")), 6);
}

#[test]
fn a_foreign_collection_is_used_reported_and_left_running() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.host.foreign_start().unwrap();
    let before = agent.host.collecting().unwrap().len();
    std::thread::sleep(std::time::Duration::from_millis(500));
    agent.begin("job", "SQL-Server-01", 2, 1);
    let view = agent.wait_for_job("job");
    assert_eq!(view["job"]["status"], "completed");
    assert_eq!(view["job"]["collection"]["foreign"], true, "{view}");
    let taken = snapshots(&agent.job_directory("job"));
    assert!(taken.iter().all(|taken| taken.has(SnapshotFlag::Foreign)));
    compare_with_truth(&agent.host, &agent.job_directory("job"));
    assert_eq!(agent.host.collecting().unwrap().len(), before);
}

#[test]
fn a_disk_shared_by_jobs_is_collected_from_the_first_to_the_last() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("long", "SQL-Server-01", 4, 1);
    agent.begin("short", "SQL-Server-01", 1, 1);
    assert_eq!(
        agent.wait_for_job("short")["job"]["cleanup"]["vscsiStats_stopped"],
        true
    );
    assert_eq!(
        agent.host.collecting().unwrap().len(),
        2,
        "the other job still needs the disks"
    );
    assert_eq!(agent.wait_for_job("long")["job"]["status"], "completed");
    assert!(agent.host.collecting().unwrap().is_empty());
    assert_eq!(compare_with_truth(&agent.host, &agent.job_directory("long")), 8);
    assert_eq!(compare_with_truth(&agent.host, &agent.job_directory("short")), 2);
    let starts = agent
        .host
        .journal()
        .unwrap()
        .into_iter()
        .filter(|call| call.arguments.contains(&"-s".to_owned()));
    assert_eq!(starts.count(), 2, "each disk is started once");
}

#[test]
fn eight_jobs_at_once_over_twenty_disks_count_right() {
    let mut agent = AgentHost::new("many-disks", FILTER);
    agent.start();
    let vms: Vec<String> = agent.get("inventory").json["vms"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|vm| vm["powered_on"] == true)
        .map(|vm| vm["name"].as_str().unwrap().to_owned())
        .collect();
    for job in 0..8 {
        agent.begin(&format!("job-{job}"), &vms[job % vms.len()], 3, 2);
    }
    for job in 0..8 {
        let name = format!("job-{job}");
        assert_eq!(agent.wait_for_job(&name)["job"]["status"], "completed");
        assert!(compare_with_truth(&agent.host, &agent.job_directory(&name)) >= 3);
    }
    assert!(agent.host.collecting().unwrap().is_empty());
}
