//! The client where its own disk is full or may not be written: what only looks works, a host is left collecting by
//! nothing, and what cannot be kept is named.

use std::process::Command;

use vscsi_tests::sshd::{Client, SshHost, Style, sampling};
use vscsi_tests::volume::Volume;

/// A workstation whose data directory is a small volume of its own.
fn workstation(host: &SshHost) -> (Client, Volume) {
    let client = Client::of(host);
    // More than a pull leaves to others.
    let volume = Volume::mount(client.data(), "size=160m,mode=0700");
    (client, volume)
}

#[track_caller]
fn looks(client: &Client, why: &str) {
    let listed = client.run(&["list"]).expect(0);
    assert!(listed.stdout.contains("sql"), "{}", listed.stdout);
    client.run(&["status", "sql"]).expect(0);
    client.run(&["hosts"]).expect(0);
    client.run(&["config", "show"]).expect(0);
    client.run(&["discover", "esxi"]).expect(0);
    let exported = client.run(&["export", "sql", "-o", "-"]).expect(0);
    assert!(exported.stdout.lines().count() > 10, "{}", exported.stdout);

    let analyzed = client.run(&["analyze", "sql"]).expect(1);
    assert!(analyzed.stdout.contains("IOPS"), "{}", analyzed.stdout);
    for part in ["cannot write", "/sql/analysis/", why] {
        assert!(analyzed.stderr.contains(part), "no `{part}` in {}", analyzed.stderr);
    }
    let json = client.run(&["--json", "analyze", "sql"]).expect(1).json();
    assert!(json["metrics"].is_object(), "{json}");
}

#[test]
fn a_full_disk_costs_neither_a_look_nor_the_profile_and_the_room_is_told() {
    let host = SshHost::start("demo", Style::Esxi8);
    let (client, volume) = workstation(&host);
    client.install();
    client.collect(2, &["--name", "sql"]).expect(0);
    let filling = volume.fill();
    looks(&client, "; it needs ");
    let analyzed = client.run(&["analyze", "sql"]).expect(1);
    assert!(
        analyzed.stderr.contains("free some space there (0 B are free)"),
        "{}",
        analyzed.stderr
    );

    // Nobody knows the size of a table before it is written.
    for table in ["table.csv", "table.json"] {
        let path = client.data().join(table).display().to_string();
        let exported = client.run(&["export", "sql", "-o", &path]).expect(1);
        for part in [table, "; it needs more than ", "free some space there"] {
            assert!(exported.stderr.contains(part), "no `{part}` in {}", exported.stderr);
        }
    }

    // What the user puts elsewhere has room.
    let elsewhere = client.home().join("elsewhere.fio");
    client
        .run(&["analyze", "sql", "-o", &elsewhere.display().to_string()])
        .expect(1);
    assert!(elsewhere.is_file());

    std::fs::remove_file(filling).unwrap();
    client.run(&["analyze", "sql"]).expect(0);
}

#[test]
fn a_disk_that_may_not_be_written_costs_neither_a_look_nor_the_profile() {
    let host = SshHost::start("demo", Style::Esxi8);
    let (client, volume) = workstation(&host);
    client.install();
    client.collect(2, &["--name", "sql"]).expect(0);
    volume.refuse_writing();
    looks(&client, "Read-only file system");
}

#[test]
fn where_no_data_directory_can_be_made_there_are_no_jobs_and_no_hosts() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    let volume = Volume::mount(client.home().join("closed"), "size=1m,mode=0700");
    volume.refuse_writing();
    let data = client.home().join("closed/data").display().to_string();
    let program = client.command([""; 0]).get_program().to_owned();
    let run = |words: &[&str]| {
        let mut command = Command::new(&program);
        command
            .args(["--data-dir", &data])
            .args(words)
            .env("HOME", client.home());
        let ended = command.output().unwrap();
        let [stdout, stderr] = [ended.stdout, ended.stderr].map(|text| String::from_utf8(text).unwrap());
        (ended.status.code(), stdout, stderr)
    };
    for (command, said) in [("list", "No jobs in "), ("hosts", "No hosts are known yet")] {
        let (code, stdout, stderr) = run(&[command]);
        assert_eq!((code, stdout.as_str()), (Some(0), ""), "{command}: {stderr}");
        assert!(stderr.contains(said), "{command}: {stderr}");
        let (code, stdout, stderr) = run(&["--json", command]);
        assert_eq!((code, stdout.as_str()), (Some(0), "[]\n"), "{command}: {stderr}");
    }
    // What writes says where it cannot.
    let (code, _, stderr) = run(&["import", "/dev/null"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("cannot create") && stderr.contains("closed/data"),
        "{stderr}"
    );
}

#[test]
fn a_job_is_stopped_from_a_workstation_whose_disk_is_full() {
    let host = SshHost::start("demo", Style::Esxi8);
    let (client, volume) = workstation(&host);
    client.install();
    client.start("sql", "esxi", "SQL-Server-01", 1000);
    let _filling = volume.fill();
    let stopped = client.run(&["stop", "sql"]).expect(0);
    assert!(
        stopped.stderr.contains("what esxi says was not kept") && stopped.stderr.contains("0 B are free"),
        "{}",
        stopped.stderr
    );
    assert_eq!(host.sim(&["collecting"]).trim(), "");
}

#[test]
fn a_job_that_could_not_be_recorded_is_told_with_how_to_get_at_it() {
    let host = SshHost::start("demo", Style::Esxi8);
    let (client, volume) = workstation(&host);
    client.install();
    let filling = volume.fill();
    let words = sampling("start", "esxi", "SQL-Server-01", 2);
    let words: Vec<&str> = words.iter().map(String::as_str).chain(["--name", "sql"]).collect();
    let started = client.run(&words).expect(1);
    for part in [
        "job `sql` was started on esxi, and could not be recorded here",
        "vscsi-helper pull sql --host esxi",
    ] {
        assert!(started.stderr.contains(part), "no `{part}` in {}", started.stderr);
    }
    std::fs::remove_file(filling).unwrap();
    client.run(&["pull", "sql", "--host", "esxi"]).expect(0);
    client.run(&["status", "sql", "--watch"]).expect(0);
}
