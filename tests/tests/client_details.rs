//! What `-v` shows.

use std::fs;
use std::process::Command;

use vscsi_tests::sshd::{Client, SshHost, Style};

#[test]
fn details_tell_of_logins_requests_and_files_and_of_no_secret() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    let quiet = client.run_connected(&["install", "esxi"]).expect(0);
    assert!(quiet.stdout.contains("\nSelf-test: "), "{}", quiet.stdout);
    assert!(!quiet.stdout.contains("\n  ok"), "{}", quiet.stdout);
    let shown = client.run(&["-v", "install", "esxi"]).expect(0);
    assert!(shown.stderr.contains("running ssh -T -l "), "{}", shown.stderr);

    let collected = client.collect(2, &["--name", "sql", "-v"]).expect(0);
    for part in [
        "running ssh -T -l ",
        "esxi: by exec, agent 0.1.0 (binary) at /vmfs/volumes/",
        "esxi: agent 0.1.0 speaks versions 1 to 1 of the protocol",
        "POST /v1/jobs: 20",
        "GET /v1/jobs/sql: 200 after ",
        "/sql: read 2 samples of 3 snapshot files from ",
    ] {
        assert!(collected.stderr.contains(part), "no `{part}` in {}", collected.stderr);
    }
    client.run(&["analyze", "sql"]).expect(0);
    let analyzed = client.run(&["-v", "analyze", "sql"]).expect(0);
    assert!(analyzed.stderr.contains("from the cache in "), "{}", analyzed.stderr);
    let found = Command::new("find")
        .arg(host.root())
        .args(["-name", "running.json"])
        .output()
        .unwrap();
    let path = String::from_utf8(found.stdout).unwrap();
    let running = fs::read_to_string(path.lines().next().unwrap()).unwrap();
    let running: serde_json::Value = serde_json::from_str(&running).unwrap();
    let token = running["token"].as_str().unwrap();
    for text in [&shown.stderr, &collected.stderr] {
        assert!(!text.contains(token), "{text}");
    }
    assert_eq!(client.run(&["status", "sql"]).expect(0).stderr, "");
}
