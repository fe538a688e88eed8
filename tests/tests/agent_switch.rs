//! The process that starts and stops collections, and the one that asks it: whichever dies, freezes or is replaced.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use vscsi_fixtures::{Fault, FaultKind};
use vscsi_shared::snapshot::SnapshotFlag;
use vscsi_tests::agent_host::{AgentHost, wait_long, wait_until};
use vscsi_tests::binaries::Binary;
use vscsi_tests::processes::signal;
use vscsi_tests::truth::{compare_with_truth, snapshots};

const FILTER: &str = env!("CARGO_BIN_EXE_esxi-filter");

/// The handle and the moment, in milliseconds of the host's clock, of each `-x` from `from_ms` on.
fn stops(agent: &AgentHost, from_ms: u64) -> Vec<(String, u64)> {
    let calls = agent.host.journal().unwrap().into_iter();
    calls
        .filter(|call| call.arguments.contains(&"-x".to_owned()) && call.clock_us / 1000 >= from_ms)
        .map(|call| (call.arguments.last().unwrap().clone(), call.clock_us / 1000))
        .collect()
}

#[test]
fn twenty_disks_are_stopped_at_once_though_one_stop_hangs_and_the_others_are_slow() {
    let mut agent = AgentHost::new("many-disks", FILTER);
    agent.start();
    let vms: Vec<String> = agent.get("inventory").json["vms"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|vm| vm["powered_on"] == true)
        .map(|vm| vm["name"].as_str().unwrap().to_owned())
        .collect();
    for vm in &vms {
        agent.begin(vm, vm, 1000, 60);
    }
    let collecting = agent.host.collecting().unwrap();
    assert!(collecting.len() >= 20, "{}", collecting.len());
    let hung = collecting[0].handle_id.to_string();
    let slow = Fault::of_vscsi_stats(FaultKind::Slow(600)).with_arguments("-x");
    agent
        .host
        .add_fault(
            Fault::of_vscsi_stats(FaultKind::Hang)
                .with_arguments(&format!("-i {hung}"))
                .times(1),
        )
        .unwrap();
    agent.host.add_fault(slow).unwrap();
    let before_ms = agent.host.now_us().unwrap() / 1000;
    agent.kill();
    wait_until("all but one are stopped", || {
        agent.host.collecting().unwrap().len() <= 1
    });
    let others = stops(&agent, before_ms);
    let last_ms = others
        .iter()
        .filter(|(handle, _)| *handle != hung)
        .map(|(_, at_ms)| at_ms - before_ms)
        .max();
    // Well before the hung one is given up, which takes ten seconds.
    assert!(last_ms.unwrap() < 9000, "{others:?}");
    agent.wait_until_nothing_collects();
}

#[test]
fn a_stop_that_hangs_delays_no_snapshot_of_another_job() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("stopped", "SQL-Server-01", 1000, 1);
    agent.begin("other", "Web-App-VM", 12, 1);
    agent.wait_for_snapshots("other", 2);
    let hangs = Fault::of_vscsi_stats(FaultKind::Hang).with_arguments("-x").times(2);
    agent.host.add_fault(hangs).unwrap();
    let asked = Instant::now();
    let answer = agent.post("jobs/stopped/stop", &json!({}));
    assert_eq!(answer.json["job"]["status"], "stopped");
    assert!(asked.elapsed() > Duration::from_secs(5), "nothing hung");
    agent.wait_for_job("other");
    let taken = snapshots(&agent.job_directory("other"));
    assert_eq!(taken.len(), 13);
    assert!(
        taken
            .iter()
            .all(|taken| taken.is_usable() && !taken.has(SnapshotFlag::Late))
    );
    compare_with_truth(&agent.host, &agent.job_directory("other"));
    agent.wait_until_nothing_collects();
}

#[test]
fn a_frozen_agent_collects_no_longer_and_goes_on_when_it_thaws() {
    let agent = AgentHost::with_job(FILTER, 1000);
    agent.signal(libc::SIGSTOP);
    wait_long("no collection runs", || agent.host.collecting().unwrap().is_empty());
    agent.signal(libc::SIGCONT);
    wait_until("it collects again", || agent.host.collecting().unwrap().len() == 2);
    // Those that passed meanwhile are written first, empty.
    wait_until("a snapshot says that its counters begin anew", || {
        let taken = snapshots(&agent.job_directory("job"));
        taken.iter().any(|taken| taken.has(SnapshotFlag::NewBaseline))
    });
    assert_eq!(agent.status("job"), "running");
    agent.post("jobs/job/stop", &json!({}));
    agent.wait_until_nothing_collects();
    compare_with_truth(&agent.host, &agent.job_directory("job"));
}

#[test]
fn a_frozen_switch_is_replaced_and_no_snapshot_is_lost() {
    let agent = AgentHost::with_job(FILTER, 16);
    let first = agent.switch().unwrap();
    signal(first, libc::SIGSTOP);
    wait_until("another switch runs", || {
        agent.switch().is_some_and(|switch| switch != first)
    });
    assert_eq!(agent.wait_for_job("job")["job"]["status"], "completed");
    let taken = snapshots(&agent.job_directory("job"));
    assert!(
        taken
            .iter()
            .all(|taken| taken.is_usable() && !taken.has(SnapshotFlag::NewBaseline))
    );
    assert_eq!(compare_with_truth(&agent.host, &agent.job_directory("job")), 32);
    agent.wait_until_nothing_collects();
}

#[test]
fn what_the_switch_hears_too_late_of_leaving_a_collection_running_is_not_left_running() {
    let mut agent = AgentHost::with_job(FILTER, 1000);
    let switch = agent.switch().unwrap();
    signal(switch, libc::SIGSTOP);
    let refused = agent.post("jobs/job/stop", &json!({"cleanup": false}));
    assert_ne!(refused.status, 200, "{}", refused.json);
    assert_eq!(agent.status("job"), "running");
    agent.kill();
    signal(switch, libc::SIGCONT);
    agent.wait_until_nothing_collects();
}

/// A host on which agent and switch have died and left a collection, and the switch that was just started in their place
/// and is told nothing.
fn with_a_switch_that_is_told_nothing() -> (AgentHost, Child) {
    let mut agent = AgentHost::with_job(FILTER, 1000);
    agent.kill_both();
    assert!(!agent.host.collecting().unwrap().is_empty());
    let mut command = agent.command(Binary::Agent, &[]);
    command.args(["switch", "--start", "00112233445566778899aabbccddeeff"]);
    agent.with_places(&mut command);
    let switch = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    (agent, switch)
}

#[test]
fn what_a_dead_switch_has_left_is_stopped_though_the_agent_freezes_before_it_tells_the_next_one_anything() {
    let (agent, mut switch) = with_a_switch_that_is_told_nothing();
    wait_long("nothing is collected", || agent.host.collecting().unwrap().is_empty());
    // It has ended by itself: an agent that thaws starts another one.
    wait_until("the switch ends", || switch.try_wait().unwrap().is_some());
}

#[test]
fn what_a_dead_switch_has_left_is_stopped_though_the_agent_dies_before_it_tells_the_next_one_anything() {
    let (agent, mut switch) = with_a_switch_that_is_told_nothing();
    drop(switch.stdin.take());
    agent.wait_until_nothing_collects();
    wait_until("the switch ends", || switch.try_wait().unwrap().is_some());
}

#[test]
fn without_a_switch_nothing_is_started_and_health_says_so() {
    let mut agent = AgentHost::new("demo", FILTER);
    fs::create_dir_all(agent.state()).unwrap();
    // No switch can have this lock.
    fs::create_dir(agent.state().join("switch.lock")).unwrap();
    agent.start();
    let health = agent.get("health").json;
    assert_eq!(health["ok"], false, "{health}");
    assert!(health.to_string().contains("starts and stops collections"), "{health}");
    let answer = agent.post("jobs", &agent.job_request("job", "Web-App-VM", 1, 1));
    assert_eq!(answer.status, 503, "{}", answer.json);
    let log = fs::read_to_string(agent.state().join("agent.log")).unwrap();
    let tried = log.lines().filter(|line| line.contains("starting another one")).count();
    assert!(tried < 10, "{tried} switches in a few seconds");
    fs::remove_dir(agent.state().join("switch.lock")).unwrap();
    wait_long("a switch is ready", || agent.get("health").json["ok"] == true);
    agent.begin("job", "Web-App-VM", 1, 1);
    assert_eq!(agent.wait_for_job("job")["job"]["status"], "completed");
}
