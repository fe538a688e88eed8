//! The client shows itself without a host, on the job that it carries.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use vscsi_fixtures::{ClockMode, Scenario, SimulatedHost, TruthQuery};
use vscsi_tests::binaries::Binary;

/// A machine on which nothing is but the client.
struct Machine {
    home: TempDir,
}

impl Machine {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(Binary::Client.path().unwrap())
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .current_dir(self.home.path())
            .output()
            .unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let run = self.run(arguments);
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        serde_json::from_slice(&run.stdout).unwrap()
    }

    fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }
}

const PAGE: &str = "vscsi-helper-demo/sql-peak/analysis/sql-peak-report.html";

#[test]
fn it_analyses_charts_and_reports_its_job_and_leaves_the_data_directory_of_real_jobs_alone() {
    let machine = Machine::new();
    let told = machine.json(&["--json", "demo"]);
    // The usual filter drops floor(30 * 25 / 100) of the 30 samples.
    assert_eq!(told["filter"]["samples_analyzed"], 23);
    let page = std::fs::read_to_string(machine.path(PAGE)).unwrap();
    assert!(page.contains("SQL-Server-01"));
    let charts = machine.path("vscsi-helper-demo/sql-peak/visualizations");
    // Six surfaces for all commands, reads and writes, five timelines, sizes and latencies.
    assert_eq!(std::fs::read_dir(charts).unwrap().count(), 6 * 3 + 5 + 2);
    assert!(!machine.path(".vscsiStats-helper/data").exists());
}

#[test]
fn the_job_that_it_carries_counts_what_the_simulated_disks_did() {
    let machine = Machine::new();
    machine.run(&["demo"]);
    let rows = machine.json(&[
        "--data-dir",
        "vscsi-helper-demo",
        "export",
        "sql-peak",
        "--table",
        "samples",
        "--format",
        "json",
        "-o",
        "-",
    ]);
    let mut counted: BTreeMap<(String, String), u64> = BTreeMap::new();
    for row in rows.as_array().unwrap() {
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        *counted.entry((text("disk"), text("operation"))).or_default() += row["ios"].as_u64().unwrap_or(0);
    }

    let folder = tempfile::tempdir().unwrap();
    let mut scenario = Scenario::load("demo").unwrap();
    scenario.clock.mode = ClockMode::Manual;
    let host = SimulatedHost::create_without_programs(&scenario, &folder.path().join("host")).unwrap();
    host.advance(Duration::from_mins(30)).unwrap();
    let query = TruthQuery {
        vm: Some("SQL-Server-01".to_owned()),
        ..TruthQuery::default()
    };
    let truth = host.truth(&query).unwrap();
    assert_eq!(truth.len(), 2);
    for disk in truth {
        let counts = ["read", "write"].map(|operation| counted[&(disk.node.clone(), operation.to_owned())]);
        assert_eq!(counts, [disk.reads.commands, disk.writes.commands], "{}", disk.node);
    }
}

#[test]
fn a_second_demonstration_goes_on_with_the_job_of_the_first() {
    let machine = Machine::new();
    machine.run(&["demo", "here"]);
    let noted = machine.run(&["--data-dir", "here", "note", "sql-peak", "mine"]);
    assert!(noted.status.success(), "{}", String::from_utf8_lossy(&noted.stderr));
    let again = machine.run(&["demo", "here"]);
    assert!(again.status.success());
    assert!(String::from_utf8_lossy(&again.stdout).contains("Note: mine"));
}

#[test]
fn a_directory_that_holds_something_else_is_not_touched() {
    let machine = Machine::new();
    std::fs::create_dir(machine.path("work")).unwrap();
    std::fs::write(machine.path("work/thesis.txt"), "all of it").unwrap();
    let refused = machine.run(&["demo", "work"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("hint: name a directory that is not there yet"));
    assert_eq!(std::fs::read_dir(machine.path("work")).unwrap().count(), 1);
}
