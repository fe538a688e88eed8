//! The agent dies at every step, and neither a sample is lost nor a collection left running.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::process::Command;

use vscsi_fixtures::{Fault, FaultKind};
use vscsi_tests::agent_host::{AgentHost, Start, wait_until};
use vscsi_tests::binaries::Binary;
use vscsi_tests::processes::signal;
use vscsi_tests::truth::{Taken, compare_with_truth, snapshots};

const FILTER: &str = env!("CARGO_BIN_EXE_esxi-filter");

fn fault_points() -> Vec<String> {
    let agent = Binary::AgentWithFaultPoints.path().unwrap();
    let output = Command::new(agent)
        .arg("fault-points")
        .arg("--state-dir")
        .arg("unused")
        .output()
        .unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// A job of two disks runs into `fault`; afterwards the promises hold.
fn survives(fault: &str) {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start_with(&Start {
        fault: Some(fault),
        ..Start::default()
    });
    agent.wait_for_answer();
    let request = agent.job_request("job", "SQL-Server-01", 2, 1);
    let (port, token) = (agent.port(), agent.token());
    // The agent may die before it answers, so nobody waits for the answer here.
    let asking = std::thread::spawn(move || {
        let _ = ureq::post(format!("http://127.0.0.1:{port}/v1/jobs"))
            .header("Authorization", format!("Bearer {token}"))
            .send(request.to_string());
    });
    assert_eq!(agent.wait_for_end(), None, "{fault}: the fault point was not met");
    asking.join().unwrap();
    agent.wait_until_nothing_collects();

    let before = spooled(&agent);
    assert_sums_are_clean(&agent, fault);
    agent.start();
    assert_sums_are_clean(&agent, fault);
    let view = agent.job("job");
    let status = view["job"]["status"].as_str().unwrap_or("absent").to_owned();
    assert!(
        ["absent", "failed", "completed"].contains(&status.as_str()),
        "{fault}: {status}"
    );
    if status != "absent" {
        assert_eq!(view["job"]["cleanup"]["vscsiStats_stopped"], true, "{fault}: {view}");
        let after = snapshots(&agent.job_directory("job"));
        assert_eq!(after.len(), before, "{fault}: snapshots were lost or invented");
        let usable = after.iter().filter(|taken| taken.is_usable()).count();
        assert_eq!(
            view["job"]["collection"]["samples_collected"].as_u64().unwrap(),
            usable.saturating_sub(1) as u64,
            "{fault}"
        );
        let pairs = after
            .iter()
            .filter(|taken: &&Taken| taken.is_usable())
            .count()
            .saturating_sub(1);
        assert_eq!(
            compare_with_truth(&agent.host, &agent.job_directory("job")),
            2 * pairs,
            "{fault}"
        );
    }
    assert!(
        agent.host.collecting().unwrap().is_empty(),
        "{fault}: something was started again"
    );

    // The host is as good as new: the same VM can be collected.
    agent.begin("again", "SQL-Server-01", 1, 1);
    assert_eq!(agent.wait_for_job("again")["job"]["status"], "completed", "{fault}");
}

/// `sha256sum -c` has nothing to say about the job's samples.
fn assert_sums_are_clean(agent: &AgentHost, fault: &str) {
    let samples = agent.job_directory("job").join("samples");
    if samples.join("SHA256SUMS").exists() {
        let mut check = Command::new("sha256sum");
        check.args(["--check", "--strict", "--quiet", "SHA256SUMS"]);
        let output = check.current_dir(samples).output().unwrap();
        assert!(
            output.status.success(),
            "{fault}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

fn spooled(agent: &AgentHost) -> usize {
    let samples = agent.job_directory("job").join("samples");
    let names = std::fs::read_dir(samples).into_iter().flatten();
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names
        .filter(|name| vscsi_shared::snapshot::sequence_of(name).is_some())
        .count()
}

fn survive_all(choose: impl Fn(&str) -> bool) {
    let chosen: Vec<String> = fault_points().into_iter().filter(|point| choose(point)).collect();
    assert!(!chosen.is_empty());
    for point in chosen {
        survives(&point);
    }
}

#[test]
fn death_while_a_job_begins_is_survived() {
    survive_all(|point| point.starts_with("job-") || point.starts_with("order-") || point.starts_with("running-"));
    survives("order-before:2");
}

#[test]
fn death_while_a_snapshot_is_taken_is_survived() {
    survive_all(|point| point.starts_with("snapshot-"));
    for point in [
        "snapshot-after-print:2",
        "snapshot-before-file:3",
        "snapshot-after-file:2",
    ] {
        survives(point);
    }
}

#[test]
fn death_while_a_job_ends_is_survived() {
    survive_all(|point| point.starts_with("end-"));
    // Two disks were wanted, and are dropped now.
    for point in ["order-before:3", "order-after:3", "order-after:4"] {
        survives(point);
    }
}

#[test]
fn death_while_a_collection_is_started_again_is_survived() {
    for point in ["order-before:3", "order-after:3"] {
        let mut agent = AgentHost::new("demo", FILTER);
        agent.start_with(&Start {
            fault: Some(point),
            ..Start::default()
        });
        agent.wait_for_answer();
        let mut request = agent.job_request("job", "Web-App-VM", 1000, 1);
        request["options"] = serde_json::json!({"max_misses": 100});
        assert_eq!(agent.post("jobs", &request).status, 201);
        agent.wait_for_snapshots("job", 3);
        // The start that follows a power cycle fails, and is tried again ten seconds later.
        let fails = Fault::of_vscsi_stats(FaultKind::Fail).with_arguments("-s");
        agent.host.add_fault(fails.times(1)).unwrap();
        agent.host.power_cycle("Web-App-VM").unwrap();
        assert_eq!(agent.wait_for_end(), None, "{point}: the fault point was not met");
        agent.wait_until_nothing_collects();
        let before = spooled(&agent);
        agent.start();
        let view = agent.job("job");
        assert_eq!(view["job"]["status"], "failed", "{point}");
        assert_eq!(view["job"]["cleanup"]["vscsiStats_stopped"], true, "{point}: {view}");
        assert_eq!(snapshots(&agent.job_directory("job")).len(), before, "{point}");
        assert!(
            compare_with_truth(&agent.host, &agent.job_directory("job")) >= 2,
            "{point}"
        );
        assert!(agent.host.collecting().unwrap().is_empty(), "{point}");
    }
}

#[test]
fn a_switch_that_dies_at_any_step_is_replaced_and_the_job_loses_nothing() {
    let points = fault_points().into_iter().filter(|point| point.starts_with("switch-"));
    // At the first write or command, and in the middle of the stopping.
    for point in points.flat_map(|point| [point.clone(), format!("{point}:2"), format!("{point}:4")]) {
        let mut agent = AgentHost::new("demo", FILTER);
        agent.start_with(&Start {
            fault: Some(&point),
            ..Start::default()
        });
        agent.wait_for_answer();
        // Nothing is started where the one that dies takes the order with it; then it can be asked for again.
        let request = agent.job_request("job", "SQL-Server-01", 3, 1);
        wait_until("the job is accepted", || agent.post("jobs", &request).status < 300);
        let view = agent.wait_for_job("job");
        let status = view["job"]["status"].as_str().unwrap();
        assert!(["completed", "failed"].contains(&status), "{point}: {view}");
        agent.wait_until_nothing_collects();
        compare_with_truth(&agent.host, &agent.job_directory("job"));
        wait_until("a switch is ready", || agent.get("health").json["ok"] == true);
        agent.begin("again", "SQL-Server-01", 1, 1);
        assert_eq!(agent.wait_for_job("again")["job"]["status"], "completed", "{point}");
        assert!(agent.host.collecting().unwrap().is_empty(), "{point}");
    }
}

#[test]
fn what_agent_and_switch_leave_behind_is_stopped_by_the_next_agent() {
    let mut agent = AgentHost::with_job(FILTER, 1000);
    agent.kill_both();
    assert_eq!(agent.host.collecting().unwrap().len(), 2);
    agent.start();
    assert!(agent.host.collecting().unwrap().is_empty());
    assert_eq!(agent.status("job"), "failed");
    compare_with_truth(&agent.host, &agent.job_directory("job"));
}

#[test]
fn a_job_that_ended_just_before_both_died_tells_that_it_cannot_be_stopped() {
    let mut agent = AgentHost::new("demo", FILTER);
    let fails = Fault::of_vscsi_stats(FaultKind::Fail).with_arguments("-x ").times(1000);
    agent.host.add_fault(fails).unwrap();
    agent.start_with(&Start {
        fault: Some("end-after-job"),
        ..Start::default()
    });
    agent.wait_for_answer();
    agent.begin("long", "Web-App-VM", 1000, 1);
    agent.begin("short", "SQL-Server-01", 1, 1);
    let switch = agent.switch().unwrap();
    agent.wait_for_end();
    signal(switch, libc::SIGKILL);
    wait_until("the switch is gone", || agent.switch().is_none());
    agent.start();
    for job in ["short", "long"] {
        wait_until("the job tells", || {
            let cleanup = &agent.job(job)["job"]["cleanup"];
            cleanup["manual_cleanup_required"] == true && cleanup["cleanup_error"].is_string()
        });
    }
    agent.host.clear_faults().unwrap();
    agent.wait_until_nothing_collects();
}

#[test]
fn a_program_on_its_way_does_not_outlive_the_agent() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    // The start of the collection would take effect three seconds after the agent has died.
    let slow = Fault::of_vscsi_stats(FaultKind::Slow(3000)).with_arguments("-s");
    agent.host.add_fault(slow).unwrap();
    let request = agent.job_request("job", "SQL-Server-01", 10, 1);
    let (port, token) = (agent.port(), agent.token());
    let asking = std::thread::spawn(move || {
        let _ = ureq::post(format!("http://127.0.0.1:{port}/v1/jobs"))
            .header("Authorization", format!("Bearer {token}"))
            .send(request.to_string());
    });
    wait_until("the collection is being started", || {
        std::fs::read_to_string(agent.state().join("journal.json")).is_ok_and(|text| text.contains("handle_id"))
    });
    std::thread::sleep(std::time::Duration::from_millis(500));
    agent.kill();
    asking.join().unwrap();
    wait_until("the switch has done its work", || agent.switch().is_none());
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert!(agent.host.collecting().unwrap().is_empty());
}

#[test]
fn a_dead_switch_is_replaced() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    let first = agent.switch().unwrap();
    signal(first, libc::SIGKILL);
    wait_until("another switch runs", || {
        agent.switch().is_some_and(|switch| switch != first)
    });
    // It runs before it has told the agent that it is ready.
    wait_until("a switch is ready", || agent.get("health").json["ok"] == true);
    agent.begin("job", "Web-App-VM", 1000, 1);
    agent.kill();
    agent.wait_until_nothing_collects();
}

#[test]
fn a_reboot_fails_the_job_and_keeps_its_samples() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "SQL-Server-01", 1000, 1);
    agent.wait_for_snapshots("job", 3);
    agent.reboot();
    let kept = snapshots(&agent.job_directory("job")).len();
    agent.start();
    let view = agent.job("job");
    assert_eq!(view["job"]["status"], "failed");
    let reason = view["job"]["collection"]["errors"][0]["message"].as_str().unwrap();
    assert!(reason.contains("host was rebooted"), "{reason}");
    assert_eq!(snapshots(&agent.job_directory("job")).len(), kept);
    assert_eq!(view["job"]["cleanup"]["vscsiStats_stopped"], true);
    // Handles of the boot before are nobody's: nothing was stopped by them.
    let stops = agent
        .host
        .journal()
        .unwrap()
        .into_iter()
        .filter(|call| call.arguments.contains(&"-x".to_owned()));
    assert_eq!(stops.count(), 0);
}
