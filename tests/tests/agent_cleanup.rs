//! `vscsi-agent cleanup`: what dead, frozen and living agents have left.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;

use vscsi_fixtures::{Fault, FaultKind};
use vscsi_tests::agent_host::{AgentHost, wait_long, wait_until};
use vscsi_tests::binaries::Binary;
use vscsi_tests::processes::signal;

const FILTER: &str = env!("CARGO_BIN_EXE_esxi-filter");

/// `vscsi-agent cleanup`: its exit code and its words.
fn cleanup(agent: &AgentHost, words: &[&str]) -> (Option<i32>, String) {
    let mut command = agent.command(Binary::Agent, &[]);
    command.arg("cleanup").args(words);
    agent.with_places(&mut command);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn what_agent_and_switch_leave_behind_is_stopped_by_the_cleanup_command() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "SQL-Server-01", 1000, 1);
    agent.kill_both();
    let (status, said) = cleanup(&agent, &[]);
    assert_eq!(
        (status, said.as_str()),
        (Some(0), "stopped 2 collections that were left running\n")
    );
    assert!(agent.host.collecting().unwrap().is_empty());
}

#[test]
fn cleanup_leaves_a_living_agent_alone_unless_all_is_asked_for() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "Web-App-VM", 1000, 1);
    assert_eq!(cleanup(&agent, &[]).0, Some(0));
    assert_eq!(agent.status("job"), "running");
    assert_eq!(cleanup(&agent, &["--all"]).0, Some(0));
    assert_eq!(agent.wait_for_end(), Some(0));
    assert!(agent.host.collecting().unwrap().is_empty());
}

#[test]
fn cleaning_up_all_ends_a_frozen_agent_and_a_frozen_switch() {
    let mut agent = AgentHost::with_job(FILTER, 1000);
    agent.signal(libc::SIGSTOP);
    signal(agent.switch().unwrap(), libc::SIGSTOP);
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
