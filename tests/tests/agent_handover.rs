//! A successor takes over: nothing is lost, whichever of the two agents dies, freezes or cannot write on the way.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use vscsi_shared::snapshot::SnapshotFlag;
use vscsi_tests::agent_host::{AgentHost, Start, wait_long, wait_until};
use vscsi_tests::binaries::Binary;
use vscsi_tests::processes::{is_alive, signal};
use vscsi_tests::truth::{Taken, compare_with_truth, snapshots};

const FILTER: &str = env!("CARGO_BIN_EXE_esxi-filter");

fn journal(agent: &AgentHost) -> Value {
    serde_json::from_slice(&fs::read(agent.state().join("journal.json")).unwrap()).unwrap()
}

/// The start of the switch that has written the journal.
fn holder(agent: &AgentHost) -> Value {
    journal(agent)["switch"]["start"].clone()
}

/// A switch of this host beside `than`.
fn another_switch(agent: &AgentHost, than: u32) -> Option<u32> {
    agent.switches().into_iter().find(|switch| *switch != than)
}

#[test]
fn a_job_goes_on_under_a_successor_and_loses_no_command() {
    let mut agent = AgentHost::with_job(FILTER, 6);
    assert_eq!(agent.hand_over(), Some(0));
    let view = agent.wait_for_job("job");
    assert_eq!(view["job"]["status"], "completed", "{view}");
    let taken = snapshots(&agent.job_directory("job"));
    assert_eq!(taken.len(), 7);
    assert_eq!(taken.iter().filter(|taken| taken.has(SnapshotFlag::Resumed)).count(), 1);
    assert!(!taken.iter().any(|taken| taken.has(SnapshotFlag::NewBaseline)));
    assert!(compare_with_truth(&agent.host, &agent.job_directory("job")) >= 4);
    agent.wait_until_nothing_collects();
}

#[test]
fn a_job_goes_on_under_another_program_and_connect_finds_that() {
    let mut agent = AgentHost::with_job(FILTER, 8);
    let before = agent.process();
    // The same agent to the kernel, another file to everybody else.
    let places = tempfile::tempdir().unwrap();
    let successor = places.path().join("vscsi-agent");
    fs::copy(Binary::Agent.path().unwrap(), &successor).unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(&successor).unwrap();
    file.write_all(b"the next version").unwrap();
    drop(file);

    let mut command = Command::new(FILTER);
    command
        .arg("--")
        .arg(&successor)
        .args(["serve", "--detached", "--take-over", "--idle-exit", "0"]);
    agent.with_places(&mut command);
    let mut started = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(agent.wait_for_end(), Some(0));
    wait_until("the successor can be found", || {
        agent.announced_process().is_some_and(|process| process != before)
    });
    // Whoever connects finds it.
    let mut command = Command::new(FILTER);
    command.arg("--").arg(&successor).arg("connect");
    agent.with_places(&mut command);
    let bridge = command.stdin(Stdio::null()).output().unwrap();
    let greeting = String::from_utf8_lossy(&bridge.stdout).into_owned();
    assert!(greeting.contains("vscsi-agent"), "{greeting}");
    let process = agent.announced_process().unwrap();
    assert_ne!(process, before);
    assert_eq!(agent.wait_for_job("job")["job"]["status"], "completed");
    let taken = snapshots(&agent.job_directory("job"));
    assert_eq!(taken.len(), 9);
    assert_eq!(taken.iter().filter(|taken| taken.has(SnapshotFlag::Resumed)).count(), 1);
    assert!(compare_with_truth(&agent.host, &agent.job_directory("job")) >= 12);
    agent.wait_until_nothing_collects();
    signal(process, libc::SIGTERM);
    wait_until("the successor ends", || started.try_wait().unwrap().is_some());
    assert_eq!(agent.switch(), None);
}

#[test]
fn what_is_printed_when_a_successor_has_the_disks_is_in_no_sample() {
    let mut agent = AgentHost::with_job(FILTER, 1000);
    let (before, switch, first) = (agent.process(), agent.switch().unwrap(), holder(&agent));
    signal(before, libc::SIGSTOP);
    agent.start_with(&Start {
        arguments: &["--take-over"],
        ..Start::default()
    });
    wait_until("the successor waits", || agent.state().join("successor.json").exists());
    let next = another_switch(&agent, switch).unwrap();
    // The lock is let go and not taken, so that the switch that let it go can be frozen before it hears who has it.
    signal(next, libc::SIGSTOP);
    signal(before, libc::SIGCONT);
    wait_until("the switch lets the lock go", || {
        journal(&agent)["handover"].is_object()
    });
    signal(switch, libc::SIGSTOP);
    signal(next, libc::SIGCONT);
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
    signal(switch, libc::SIGCONT);
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
    let mut agent = AgentHost::with_job(FILTER, 8);
    assert!(!failed_upgrade(&mut agent, "take-over-before-signal"));
    assert_eq!(agent.wait_for_job("job")["job"]["status"], "completed");
    let taken = snapshots(&agent.job_directory("job"));
    assert!(taken.iter().all(Taken::is_usable));
    assert_eq!(compare_with_truth(&agent.host, &agent.job_directory("job")), 16);
    agent.wait_until_nothing_collects();
}

#[test]
fn an_agent_that_is_told_to_end_when_it_has_passed_everything_on_leaves_the_stopping_to_its_successor() {
    let mut agent = AgentHost::with_job(FILTER, 1000);
    let (before, switch) = (agent.process(), agent.switch().unwrap());
    let first = holder(&agent);
    let state = agent.state();
    let log = || fs::read_to_string(state.join("agent.log")).unwrap();
    signal(switch, libc::SIGSTOP);
    agent.start_with(&Start {
        arguments: &["--take-over"],
        ..Start::default()
    });
    wait_until("it is handed over", || log().contains("handing over"));
    // The order itself is written a moment after the line, by another thread.
    std::thread::sleep(Duration::from_secs(1));
    // It does not hear that its switch has done so before it hears that it is to end.
    signal(before, libc::SIGSTOP);
    signal(switch, libc::SIGCONT);
    wait_until("the switch has passed everything on", || holder(&agent) != first);
    signal(before, libc::SIGTERM);
    signal(before, libc::SIGCONT);
    agent.wait_for_answer();
    agent.wait_until_nothing_collects();
    assert!(!log().contains("not every collection was stopped"), "{}", log());
}

#[test]
fn a_successor_that_cannot_write_the_journal_gives_the_lock_back_and_the_job_goes_on() {
    let agent = AgentHost::with_job(FILTER, 1000);
    let switch = agent.switch().unwrap();
    // The lock is let go only when the successor's storage is one that can be made to fail.
    signal(switch, libc::SIGSTOP);
    let fails = agent.state().with_file_name("storage-fails");
    let mut successor = agent.command(Binary::Agent, &["--failing-storage", fails.to_str().unwrap()]);
    successor.args(["serve", "--detached", "--take-over", "--idle-exit", "0"]);
    agent.with_places(&mut successor);
    let mut successor = successor.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    wait_until("the successor waits", || agent.state().join("successor.json").exists());
    let next = another_switch(&agent, switch).unwrap();
    signal(next, libc::SIGSTOP);
    signal(switch, libc::SIGCONT);
    wait_until("the switch lets the lock go", || {
        journal(&agent)["handover"].is_object()
    });
    fs::write(&fails, agent.host.root().display().to_string()).unwrap();
    signal(next, libc::SIGCONT);
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
        let mut agent = AgentHost::with_job(FILTER, 4);
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
    let mut agent = AgentHost::with_job(FILTER, 8);
    assert_eq!(agent.hand_over(), Some(0));
    let switch = agent.switch().unwrap();
    signal(switch, libc::SIGKILL);
    assert_eq!(agent.wait_for_job("job")["job"]["status"], "completed");
    assert!(compare_with_truth(&agent.host, &agent.job_directory("job")) >= 12);
    agent.wait_until_nothing_collects();
}
