//! The process that starts and stops collections, and the one that asks it: whichever dies, freezes or is replaced.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vscsi_fixtures::{Fault, FaultKind, Scenario};
use vscsi_shared::snapshot::SnapshotFlag;
use vscsi_tests::agent_host::{AgentHost, Start, signal_process, wait_until};
use vscsi_tests::binaries::Binary;
use vscsi_tests::processes::{self, command_line, is_alive};
use vscsi_tests::truth::{Taken, compare_with_truth, snapshots};

const FILTER: &str = env!("CARGO_BIN_EXE_esxi-filter");

/// Longer than a silent collector is waited for, with room for a busy machine.
const LATE: Duration = Duration::from_secs(90);

fn wait_long(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + LATE;
    while !is_so() {
        assert!(Instant::now() < until, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// `vscsi-agent cleanup`: its exit code and its words.
fn cleanup(agent: &AgentHost, words: &[&str]) -> (Option<i32>, String) {
    let mut command = agent.command(Binary::Agent, &[]);
    command.arg("cleanup").args(words);
    agent.with_places(&mut command);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

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
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "SQL-Server-01", 1000, 1);
    agent.wait_for_snapshots("job", 2);
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
fn cleaning_up_all_ends_a_frozen_agent_and_a_frozen_switch() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "SQL-Server-01", 1000, 1);
    agent.wait_for_snapshots("job", 1);
    agent.signal(libc::SIGSTOP);
    signal_process(agent.switch().unwrap(), libc::SIGSTOP);
    let (status, said) = cleanup(&agent, &["--all"]);
    assert_eq!(status, Some(0), "{said}");
    // Either this command stops them, or the switch on its way to its end has.
    let words = [
        "stopped 2 collections that were left running\n",
        "nothing was left running\n",
    ];
    assert!(words.contains(&said.as_str()), "{said}");
    assert!(agent.host.collecting().unwrap().is_empty());
    assert_eq!(agent.wait_for_end(), None);
    assert_eq!(agent.switch(), None);
}

#[test]
fn cleaning_up_never_runs_beside_a_switch_that_holds_the_lock() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "SQL-Server-01", 1000, 1);
    agent.kill_both();
    // As a switch holds it that is at work, or hangs.
    let lock = fs::File::create(agent.state().join("switch.lock")).unwrap();
    lock.lock().unwrap();
    let calls = agent.host.journal().unwrap().len();
    let (status, said) = cleanup(&agent, &[]);
    assert_eq!(status, Some(1), "{said}");
    assert_eq!(agent.host.journal().unwrap().len(), calls);
    drop(lock);
    let (status, said) = cleanup(&agent, &[]);
    assert_eq!(status, Some(0), "{said}");
    assert!(agent.host.collecting().unwrap().is_empty());
}

#[test]
fn what_cleaning_up_cannot_stop_is_tried_further() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "Web-App-VM", 1000, 1);
    agent.kill_both();
    let fails = Fault::of_vscsi_stats(FaultKind::Fail).with_arguments("-x").times(6);
    agent.host.add_fault(fails).unwrap();
    let (status, said) = cleanup(&agent, &[]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("vscsiStats -x -w"), "{said}");
    wait_long("no collection runs", || agent.host.collecting().unwrap().is_empty());
    wait_until("the switch has ended", || agent.switch().is_none());
}

#[test]
fn a_frozen_switch_is_replaced_and_no_snapshot_is_lost() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "SQL-Server-01", 16, 1);
    agent.wait_for_snapshots("job", 2);
    let first = agent.switch().unwrap();
    signal_process(first, libc::SIGSTOP);
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

/// A host on which agent and switch have died and left a collection, and the switch that was just started in their place
/// and is told nothing.
fn with_a_switch_that_is_told_nothing() -> (AgentHost, Child) {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "SQL-Server-01", 1000, 1);
    agent.wait_for_snapshots("job", 1);
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

fn journal(agent: &AgentHost) -> Value {
    serde_json::from_slice(&fs::read(agent.state().join("journal.json")).unwrap()).unwrap()
}

/// The start of the switch that has written the journal.
fn holder(agent: &AgentHost) -> Value {
    journal(agent)["switch"]["start"].clone()
}

/// A switch of this host beside `than`.
fn another_switch(agent: &AgentHost, than: u32) -> Option<u32> {
    let state = agent.state().display().to_string();
    let is_switch = |process: &u32| {
        let words = command_line(*process);
        words.contains(&"switch".to_owned()) && words.contains(&state)
    };
    let mut others = processes::all().into_iter().filter(|process| *process != than);
    others.find(|process| is_switch(process) && is_alive(*process))
}

#[test]
fn what_is_printed_when_a_successor_has_the_disks_is_in_no_sample() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "SQL-Server-01", 1000, 1);
    agent.wait_for_snapshots("job", 2);
    let (before, switch, first) = (agent.process(), agent.switch().unwrap(), holder(&agent));
    signal_process(before, libc::SIGSTOP);
    agent.start_with(&Start {
        arguments: &["--take-over"],
        ..Start::default()
    });
    wait_until("the successor waits", || agent.state().join("successor.json").exists());
    let next = another_switch(&agent, switch).unwrap();
    // The lock is let go and not taken, so that the switch that let it go can be frozen before it hears who has it.
    signal_process(next, libc::SIGSTOP);
    signal_process(before, libc::SIGCONT);
    wait_until("the switch lets the lock go", || {
        journal(&agent)["handover"].is_object()
    });
    signal_process(switch, libc::SIGSTOP);
    signal_process(next, libc::SIGCONT);
    wait_until("the successor's switch holds it", || holder(&agent) != first);
    agent.kill();
    wait_until("it stops what its agent cannot use any more", || {
        agent.host.collecting().unwrap().is_empty()
    });
    let stopped_us = agent.host.now_us().unwrap();
    let printed = || -> Vec<u64> {
        let calls = agent.host.journal().unwrap().into_iter();
        let later =
            calls.filter(|call| call.clock_us > stopped_us && call.arguments.first().is_some_and(|it| it == "-p"));
        later.filter_map(|call| call.output).collect()
    };
    wait_until("the agent before has printed, or has left", || {
        !printed().is_empty() || !is_alive(before)
    });
    signal_process(switch, libc::SIGCONT);
    // On a machine so busy that ten seconds have passed by now it has replaced its switch, and goes on from a new baseline.
    let is_replaced = || another_switch(&agent, switch).is_some_and(|other| other != next);
    wait_until("it has left, or goes on", || !is_alive(before) || is_replaced());
    let (taken, printed) = (snapshots(&agent.job_directory("job")), printed());
    let before_it_goes_on = taken.iter().take_while(|taken| !taken.has(SnapshotFlag::NewBaseline));
    let kept: Vec<u64> = before_it_goes_on.map(|taken| taken.output).collect();
    assert!(
        kept.len() >= 2 && kept.iter().all(|output| !printed.contains(output)),
        "{taken:?}"
    );
}

/// A successor that runs into `fault`; whether the agent before it has ended then.
fn failed_upgrade(agent: &mut AgentHost, fault: &str) -> bool {
    let mut successor = agent.command(Binary::AgentWithFaultPoints, &[]);
    successor.args(["serve", "--detached", "--take-over", "--idle-exit", "0"]);
    agent.with_places(&mut successor);
    let mut successor = successor.env("VSCSI_AGENT_FAULT", fault).spawn().unwrap();
    let mut died = None;
    wait_until("the successor dies", || {
        died = successor.try_wait().unwrap();
        died.is_some()
    });
    assert_eq!(died.and_then(|status| status.signal()), Some(libc::SIGKILL), "{fault}");
    fs::metadata(format!("/proc/{}", agent.process())).is_err()
}

#[test]
fn a_successor_that_dies_before_it_is_handed_to_changes_nothing() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "SQL-Server-01", 8, 1);
    agent.wait_for_snapshots("job", 2);
    assert!(!failed_upgrade(&mut agent, "take-over-before-signal"));
    assert_eq!(agent.wait_for_job("job")["job"]["status"], "completed");
    let taken = snapshots(&agent.job_directory("job"));
    assert!(taken.iter().all(Taken::is_usable));
    assert_eq!(compare_with_truth(&agent.host, &agent.job_directory("job")), 16);
    agent.wait_until_nothing_collects();
}

#[test]
fn an_agent_that_is_told_to_end_when_it_has_passed_everything_on_leaves_the_stopping_to_its_successor() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "SQL-Server-01", 1000, 1);
    agent.wait_for_snapshots("job", 2);
    let (before, switch) = (agent.process(), agent.switch().unwrap());
    let first = holder(&agent);
    let state = agent.state();
    let log = || fs::read_to_string(state.join("agent.log")).unwrap();
    signal_process(switch, libc::SIGSTOP);
    agent.start_with(&Start {
        arguments: &["--take-over"],
        ..Start::default()
    });
    wait_until("it is handed over", || log().contains("handing over"));
    // The order itself is written a moment after the line, by another thread.
    std::thread::sleep(Duration::from_secs(1));
    // It does not hear that its switch has done so before it hears that it is to end.
    signal_process(before, libc::SIGSTOP);
    signal_process(switch, libc::SIGCONT);
    wait_until("the switch has passed everything on", || holder(&agent) != first);
    signal_process(before, libc::SIGTERM);
    signal_process(before, libc::SIGCONT);
    agent.wait_for_answer();
    agent.wait_until_nothing_collects();
    assert!(!log().contains("not every collection was stopped"), "{}", log());
}

#[test]
fn a_successor_that_cannot_write_the_journal_gives_the_lock_back_and_the_job_goes_on() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "SQL-Server-01", 1000, 1);
    agent.wait_for_snapshots("job", 2);
    let switch = agent.switch().unwrap();
    // The lock is let go only when the successor's storage is one that can be made to fail.
    signal_process(switch, libc::SIGSTOP);
    let fails = agent.state().with_file_name("storage-fails");
    let mut successor = agent.command(Binary::Agent, &["--failing-storage", fails.to_str().unwrap()]);
    successor.args(["serve", "--detached", "--take-over", "--idle-exit", "0"]);
    agent.with_places(&mut successor);
    let mut successor = successor.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    wait_until("the successor waits", || agent.state().join("successor.json").exists());
    let next = another_switch(&agent, switch).unwrap();
    signal_process(next, libc::SIGSTOP);
    signal_process(switch, libc::SIGCONT);
    wait_until("the switch lets the lock go", || {
        journal(&agent)["handover"].is_object()
    });
    fs::write(&fails, agent.host.root().display().to_string()).unwrap();
    signal_process(next, libc::SIGCONT);
    let log = || fs::read_to_string(agent.state().join("agent.log")).unwrap();
    wait_until("it is given back", || log().contains("the successor did not take over"));
    fs::remove_file(&fails).unwrap();
    wait_long("the successor gives up", || successor.try_wait().unwrap().is_some());
    assert_eq!(agent.status("job"), "running");
    agent.post("jobs/job/stop", &json!({}));
    agent.wait_until_nothing_collects();
    let taken = snapshots(&agent.job_directory("job"));
    assert!(
        taken
            .iter()
            .all(|taken| taken.is_usable() && !taken.has(SnapshotFlag::NewBaseline)),
        "{taken:?}"
    );
}

#[test]
fn a_successor_that_dies_in_a_handover_leaves_nothing_running() {
    for fault in ["take-over-after-signal", "take-over-after-lock"] {
        let mut agent = AgentHost::new("demo", FILTER);
        agent.start();
        agent.begin("job", "SQL-Server-01", 4, 1);
        agent.wait_for_snapshots("job", 2);
        let gone = failed_upgrade(&mut agent, fault);
        // Either the old agent goes on with its job, or everything is stopped.
        if gone {
            agent.wait_until_nothing_collects();
        } else {
            wait_until("the job has ended or its agent has", || {
                agent.host.collecting().unwrap().is_empty()
            });
        }
        wait_until("no switch is left", || {
            agent.switch().is_none() || agent.host.collecting().unwrap().is_empty()
        });
    }
}

#[test]
fn a_successor_whose_switch_dies_goes_on_with_another_one() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "SQL-Server-01", 8, 1);
    agent.wait_for_snapshots("job", 2);
    assert_eq!(agent.hand_over(), Some(0));
    let switch = agent.switch().unwrap();
    signal_process(switch, libc::SIGKILL);
    assert_eq!(agent.wait_for_job("job")["job"]["status"], "completed");
    assert!(compare_with_truth(&agent.host, &agent.job_directory("job")) >= 12);
    agent.wait_until_nothing_collects();
}

#[test]
fn a_start_under_way_when_the_agent_dies_does_not_outlive_it() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start_with(&Start::default());
    agent.wait_for_answer();
    let slow = Fault::of_vscsi_stats(FaultKind::Slow(3000)).with_arguments("-s");
    agent.host.add_fault(slow).unwrap();
    let request = agent.job_request("job", "SQL-Server-01", 5, 1);
    let (port, token) = (agent.port(), agent.token());
    let asking = std::thread::spawn(move || {
        let _ = ureq::post(format!("http://127.0.0.1:{port}/v1/jobs"))
            .header("Authorization", format!("Bearer {token}"))
            .send(request.to_string());
    });
    wait_until("the collection is being started", || {
        fs::read_to_string(agent.state().join("journal.json")).is_ok_and(|text| text.contains("handle_id"))
    });
    agent.kill();
    asking.join().unwrap();
    wait_until("the switch has done its work", || agent.switch().is_none());
    std::thread::sleep(Duration::from_secs(4));
    assert!(agent.host.collecting().unwrap().is_empty());
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
