//! What `doctor` says of a host, and what it leaves there: nothing.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use serde_json::Value;
use vscsi_tests::agent_host::AgentHost;
use vscsi_tests::binaries::Binary;

const FILTER: &str = env!("CARGO_BIN_EXE_esxi-filter");

/// The findings of `doctor`, by name.
fn findings(agent: &AgentHost) -> Vec<Value> {
    let mut command = agent.command(Binary::Agent, &[]);
    command.args(["doctor", "--json"]);
    agent.with_places(&mut command);
    let output = command.output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn finding<'list>(findings: &'list [Value], name: &str) -> &'list Value {
    findings.iter().find(|finding| finding["name"] == name).unwrap()
}

#[test]
fn it_leaves_no_state_directory_where_there_was_none() {
    let agent = AgentHost::new("demo", FILTER);
    let found = findings(&agent);
    assert_eq!(finding(&found, "state directory")["works"], true);
    assert!(!agent.state().exists());
    let run = agent.host.root().join("var/run");
    let left: Vec<_> = std::fs::read_dir(run)
        .map(|entries| entries.flatten().collect())
        .unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn it_keeps_a_state_directory_that_was_there() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    findings(&agent);
    assert_eq!(agent.get("health").json["ok"], true);
}

#[test]
fn it_compares_the_monotonic_clock_of_two_processes() {
    let agent = AgentHost::new("demo", FILTER);
    let found = findings(&agent);
    let clock = finding(&found, "clock of processes");
    assert_eq!(clock["works"], true, "{clock}");
    assert_eq!(clock["need"], "needed");
}

#[test]
fn it_records_whether_a_directory_can_be_synced() {
    let agent = AgentHost::new("demo", FILTER);
    let found = findings(&agent);
    let sync = finding(&found, "fsync of a directory");
    assert_eq!(
        (&sync["works"], &sync["need"]),
        (&Value::from(true), &Value::from("interesting"))
    );
}
