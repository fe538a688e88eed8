//! The main job through all layers: simulated disks, static agent, real sshd, client, analysis, fio file.

use std::process::{Command, Stdio};

use serde_json::Value;
use vscsi_fixtures::SimulatedHost;
use vscsi_tests::sshd::{Client, SshHost, Style};
use vscsi_tests::truth::{compare_with_truth, snapshots};

/// Collects four samples of a VM with two disks, and gives the summary of all of them.
fn collect(host: &SshHost, client: &Client) -> Value {
    client.install();
    client.collect(4, &["--name", "sql", "--filter", "none"]).expect(0);
    assert_eq!(host.sim(&["collecting"]).trim(), "", "a collection was left running");
    client
        .run(&["--json", "analyze", "sql", "--filter", "none"])
        .expect(0)
        .json()
}

#[test]
fn the_analysis_counts_what_the_disks_did_to_the_last_command() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    let summary = collect(&host, &client);

    let job = client.data().join("sql");
    let simulated = SimulatedHost::open(&host.root()).unwrap();
    // Four samples of two disks, each compared with what the simulated disks really did.
    assert_eq!(compare_with_truth(&simulated, &job), 8);

    let taken = snapshots(&job);
    let counted = |at: usize| {
        taken[at]
            .counted
            .values()
            .map(|(reads, writes)| reads + writes)
            .sum::<u64>()
    };
    let total = counted(taken.len() - 1) - counted(0);
    assert!(total > 0, "the disks were idle, so the comparison shows nothing");
    assert_eq!(summary["metrics"]["ios"]["total"], total);
}

#[test]
fn the_fio_file_of_a_collection_is_accepted_by_fio_and_names_no_target() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    collect(&host, &client);

    let file = client.data().join("sql/analysis/sql-workload.fio");
    let parse = |target: Option<&str>| {
        let mut fio = Command::new("fio");
        fio.arg("--parse-only")
            .arg(&file)
            .env_remove("FILENAME")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        fio.envs(target.map(|target| ("FILENAME", target)))
            .status()
            .unwrap()
            .success()
    };
    assert!(parse(Some("target")), "fio refuses the file");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.lines()
            .filter(|line| line.starts_with("filename="))
            .all(|line| line == "filename=${FILENAME}")
    );
}
