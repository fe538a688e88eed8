//! What is known here of jobs: asked anew of their hosts, and deleted when it is old.

use std::time::{Duration, Instant};

use serde_json::Value;
use vscsi_tests::sshd::{Client, SshHost, Style};

fn listed(client: &Client, words: &[&str], code: i32) -> Value {
    let mut all = vec!["--json", "list"];
    all.extend(words);
    client.run(&all).expect(code).json()[0].clone()
}

/// Lists with `--refresh` until the job has ended.
#[track_caller]
fn refreshed_until_it_ends(client: &Client) -> Value {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let job = listed(client, &["--refresh"], 0);
        if job["status"] == "completed" {
            return job;
        }
        assert!(Instant::now() < deadline, "{job}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_refreshed_list_has_the_state_that_the_host_tells_and_pulls_nothing() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    client.start("sql", "esxi", "SQL-Server-01", 2);
    assert_eq!(listed(&client, &[], 0)["status"], "running");
    let told = client.run(&["list"]).expect(0);
    assert!(told.stderr.contains("`vscsi-helper list --refresh`"), "{}", told.stderr);

    let job = refreshed_until_it_ends(&client);
    assert_eq!(
        (&job["samples_collected"], &job["snapshots_here"]),
        (&2.into(), &0.into())
    );
    assert_eq!(listed(&client, &[], 0)["status"], "completed");
    assert!(!client.data().join("sql/samples/sample_000.csv").exists());
}

#[test]
fn a_host_that_does_not_answer_costs_a_warning_and_not_the_list() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    client.start("sql", "esxi", "SQL-Server-01", 1000);
    let job = listed(&client, &["--refresh", "--port", "1"], 3);
    assert_eq!((&job["job"], &job["status"]), (&"sql".into(), &"running".into()));
    let told = client.run(&["list", "--refresh", "--port", "1"]).expect(3);
    assert!(
        told.stdout.contains("sql") && told.stderr.contains("warning: "),
        "{}",
        told.stderr
    );
    // The way that led nowhere was not remembered, and a host that has no part in the list is not asked.
    listed(&client, &["--refresh"], 0);
    let others = client
        .run(&["list", "--refresh", "--port", "1", "--host", "another"])
        .expect(0);
    assert_eq!(others.stdout, "");

    client.run(&["uninstall", "esxi", "--force"]).expect(0);
    let told = client.run_connected(&["list", "--refresh"]).expect(3);
    assert!(told.stdout.contains("sql"), "{}", told.stdout);
    assert!(told.stderr.contains("not on esxi any more"), "{}", told.stderr);
}

#[test]
fn a_job_is_pruned_when_all_of_it_is_here_and_its_copy_on_the_host_stays() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    let prune = ["prune", "--older-than", "1s", "--yes"];
    client.start("sql", "esxi", "SQL-Server-01", 2);
    std::thread::sleep(Duration::from_millis(1200));
    let kept = client.run(&prune).expect(0);
    assert!(kept.stderr.contains("Kept sql: it is running"), "{}", kept.stderr);

    refreshed_until_it_ends(&client);
    std::thread::sleep(Duration::from_millis(1200));
    let kept = client.run(&prune).expect(0);
    assert!(
        kept.stderr.contains("Kept sql: its host may hold samples"),
        "{}",
        kept.stderr
    );

    client.run(&["pull", "sql"]).expect(0);
    let pruned = client.run(&prune).expect(0);
    assert!(pruned.stdout.contains("Deleted 1 job with "), "{}", pruned.stdout);
    assert!(!client.data().join("sql").exists());
    client.run(&["pull", "--host", "esxi"]).expect(0);
    assert!(client.data().join("sql/samples/sample_002.csv").exists());
}

#[test]
fn neither_a_pull_nor_a_stop_touches_a_note() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    client.start("sql", "esxi", "SQL-Server-01", 1000);
    client.run(&["note", "sql", "before the new array"]).expect(0);
    client.run(&["pull", "sql"]).expect(0);
    client.run(&["stop", "sql"]).expect(0);
    client.run(&["pull", "--all"]).expect(0);
    assert_eq!(client.run(&["note", "sql"]).expect(0).stdout, "before the new array\n");
    assert_eq!(listed(&client, &[], 0)["note"], "before the new array");
}
