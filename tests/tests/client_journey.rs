//! The way of a new user, from a bare host to a bare host, over a real sshd that is configured like ESXi's.
#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::fs;

use serde_json::Value;
use vscsi_tests::agent_host::wait_until;
use vscsi_tests::sshd::{Client, SshHost, Style, sampling};

#[test]
fn a_host_is_checked_installed_collected_from_and_left_as_it_was() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);

    let preflight = client.run_connected(&["--json", "preflight", "esxi"]).expect(0).json();
    assert_eq!(preflight["recommended"], "binary", "{preflight}");

    let installed = client.install();
    assert!(installed.stdout.contains("verified on esxi"), "{}", installed.stdout);
    // The host was remembered with all that leads there.
    let inventory = client.run(&["--json", "discover", "esxi"]).expect(0).json();
    assert!(
        inventory["vms"]
            .as_array()
            .unwrap()
            .iter()
            .any(|vm| vm["name"] == "SQL-Server-01")
    );

    client.start("sql", "esxi", "SQL-Server-01", 3);
    let status = client.run(&["status", "sql", "--watch"]).expect(0);
    assert!(
        status.stdout.contains("Progress: 3/3 samples (100%)"),
        "{}",
        status.stdout
    );
    client.run(&["pull", "sql"]).expect(0);
    for sequence in 0..4 {
        assert!(
            client
                .data()
                .join(format!("sql/samples/sample_{sequence:03}.csv"))
                .is_file(),
            "{sequence}"
        );
    }

    let removed = client.run(&["uninstall", "esxi"]).expect(0);
    assert!(
        removed.stdout.contains("no process of the agent is running"),
        "{}",
        removed.stdout
    );
    assert_eq!(host.sim(&["collecting"]).trim(), "");
    let left: Vec<String> = host.processes().into_iter().map(|(_, command)| command).collect();
    assert!(!left.iter().any(|command| command.contains("vscsi-agent")), "{left:?}");
}

#[test]
fn a_cron_job_collects_pulls_and_analyses_in_one_command() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    let collected = client.collect(2, &["--json"]).expect(0).json();
    assert_eq!(
        (&collected["status"], &collected["samples_collected"]),
        (&"completed".into(), &2.into())
    );
    let directory = std::path::Path::new(collected["directory"].as_str().unwrap());
    assert!(directory.join("analysis/summary.json").is_file());
}

#[test]
fn the_name_of_a_job_that_has_ended_is_a_conflict() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    client.collect(1, &["--name", "nightly"]).expect(0);
    let words = sampling("start", "esxi", "SQL-Server-01", 1);
    let start: Vec<&str> = words.iter().map(String::as_str).chain(["--name", "nightly"]).collect();
    for refused in [client.run(&start), client.collect(1, &["--name", "nightly"])] {
        let refused = refused.expect(1);
        assert!(
            refused.stderr.contains("there is a job `nightly` on esxi already")
                && refused.stderr.contains("nightly-%Y%m%d-%H%M"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn a_second_collection_of_a_vm_does_not_begin_while_one_goes_on() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    let mut first = client
        .command(sampling("collect", "esxi", "SQL-Server-01", 4))
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let second = client.collect(4, &[]).expect(1);
    assert!(second.stderr.contains("is already running"), "{}", second.stderr);
    assert!(first.wait().unwrap().success());
}

#[test]
fn a_job_is_stopped_listed_cleaned_up_and_deleted() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    client.start("sql", "esxi", "SQL-Server-01", 500);
    // The same once more is no second job.
    client.start("sql", "esxi", "SQL-Server-01", 500);
    let running = client.run(&["--json", "list", "--status", "running"]).expect(0).json();
    assert_eq!(running.as_array().unwrap().len(), 1);
    assert!(
        client
            .run(&["delete", "sql", "--force"])
            .expect(1)
            .stderr
            .contains("is running")
    );

    let stopped = client.run(&["stop", "sql"]).expect(0);
    assert!(
        stopped.stdout.contains("Stopping vscsiStats on esxi... done."),
        "{}",
        stopped.stdout
    );
    assert_eq!(host.sim(&["collecting"]).trim(), "");
    client.run(&["cleanup", "sql"]).expect(0);
    client.run(&["status", "sql"]).expect(3);
    client.run(&["reindex"]).expect(0);
    assert!(client.run(&["list"]).expect(0).stdout.contains("sql"));

    let unasked = client.run(&["delete", "sql"]).expect(2);
    assert!(unasked.stderr.contains("--force"), "{}", unasked.stderr);
    client.run(&["delete", "sql", "--force"]).expect(0);
    assert!(!client.data().join("sql").exists());
    assert_eq!(
        client.run(&["--json", "pull", "--host", "esxi"]).expect(0).json(),
        serde_json::json!([])
    );
}

#[test]
fn a_schedule_is_added_listed_and_removed() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    let added = client.schedule("nightly", "0 22 * * 1-5").expect(0);
    for part in [
        "Next run: ",
        "until the next boot of esxi",
        "\n  17 * * * *  vscsi-helper pull --all",
    ] {
        assert!(added.stdout.contains(part), "{}", added.stdout);
    }
    let listed = client
        .run(&["--json", "schedule", "list", "--host", "esxi"])
        .expect(0)
        .json();
    assert_eq!(listed[0]["schedule"]["cron"], "0 22 * * 1-5");
    client
        .run(&["schedule", "remove", "nightly", "--host", "esxi"])
        .expect(0);
    assert_eq!(
        client.run(&["--json", "schedule", "list", "--host", "esxi"]).json(),
        serde_json::json!([])
    );
    // What only the agent knows is told in its words.
    let long_name = "n".repeat(60);
    let refused = client.schedule(&long_name, "0 22 * * 1-5").expect(2);
    assert!(
        refused.stderr.contains("is too long for a schedule") && refused.stderr.contains("use at most 48 characters"),
        "{}",
        refused.stderr
    );
    client.schedule("x", "whenever").expect(2);
}

/// Makes the host's schedules wait for a moment that has passed, as those of a host do that was down.
fn let_schedules_miss_a_run(host: &SshHost) {
    let file = host
        .datastores()
        .into_iter()
        .find(|path| path.ends_with("schedules.json"));
    let file = file.unwrap();
    let mut stored: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for schedule in stored.as_array_mut().unwrap() {
        schedule["next_run_at"] = "2025-11-06T22:00:00Z".into();
    }
    fs::write(&file, stored.to_string()).unwrap();
}

#[test]
fn a_run_that_was_missed_is_told_with_an_exit_code_by_whatever_shows_schedules() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    client.schedule("nightly", "0 22 * * *").expect(0);
    client.run(&["hosts"]).expect(0);
    client.run(&["doctor", "--host", "esxi"]).expect(0);
    host.kill_everything();
    let_schedules_miss_a_run(&host);
    let list = ["schedule", "list", "--host", "esxi"];
    // It listens before it has looked at its schedules.
    wait_until("the agent has looked at its schedules", || client.run(&list).code != 0);
    for words in [&list[..], &["hosts"], &["doctor", "--host", "esxi"]] {
        let told = client.run(words).expect(3);
        assert!(
            told.stdout.contains("no agent was running"),
            "{words:?}: {}",
            told.stdout
        );
    }
}

#[test]
fn doctor_tests_this_machine_and_the_agent() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    let checks = client.run(&["--json", "doctor", "--host", "esxi"]).json();
    let ok = |what: &str| {
        checks
            .as_array()
            .unwrap()
            .iter()
            .any(|check| check["what"] == what && check["ok"] == true)
    };
    for what in [
        "ssh client",
        "data directory",
        "catalog",
        "agent",
        "agent's health",
        "clocks",
    ] {
        assert!(ok(what), "{what}: {checks}");
    }
}

#[test]
fn many_hosts_are_pulled_at_once_and_one_that_fails_does_not_spoil_the_others() {
    let [first, second] = ["esxi", "other"].map(|_| SshHost::start("demo", Style::Esxi8));
    let client = Client::of(&first);
    client.install();
    // The second host has another name and port, and the key of its own sshd.
    let neighbour = Client::of(&second);
    client.run_with(&["install", "other"], neighbour.connection()).expect(0);
    for host in ["esxi", "other"] {
        client.start("sql", host, "SQL-Server-01", 1);
        client.run(&["status", &format!("sql@{host}"), "--watch"]).expect(0);
    }
    assert!(client.run(&["status", "sql"]).expect(2).stderr.contains("sql@other"));
    let pulled = client.run(&["--json", "pull", "--all"]).expect(0).json();
    assert_eq!(pulled.as_array().unwrap().len(), 2, "{pulled}");

    drop(second);
    let partial = client.run(&["--json", "pull", "--all"]).expect(3).json();
    let failed: Vec<bool> = partial
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["error"].is_string())
        .collect();
    assert_eq!(failed.iter().filter(|&&failed| failed).count(), 1, "{partial}");
}
