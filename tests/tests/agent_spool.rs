//! The spool is full, cannot be written, or holds a damaged file.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::process::Stdio;

use serde_json::json;
use vscsi_tests::agent_host::{AgentHost, Start, wait_until};
use vscsi_tests::binaries::Binary;
use vscsi_tests::truth::{compare_with_truth, snapshots};
use vscsi_tests::volume::Volume;

const FILTER: &str = env!("CARGO_BIN_EXE_esxi-filter");

#[test]
fn a_disk_that_is_full_ends_the_job_cleanly_and_leaves_older_samples_intact() {
    let agent = AgentHost::with_job(FILTER, 1000);
    // Every write to /dev/full fails for want of space, as on a full datastore.
    let sums = agent.job_directory("job").join("samples/SHA256SUMS");
    fs::remove_file(&sums).unwrap();
    symlink("/dev/full", &sums).unwrap();
    let view = agent.wait_for_job("job");
    assert_eq!(view["job"]["status"], "failed");
    let reason = view["job"]["collection"]["errors"][0]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        reason.contains("No space left") && reason.contains("intact"),
        "{reason}"
    );
    assert_eq!(view["job"]["cleanup"]["vscsiStats_stopped"], true);
    assert!(agent.host.collecting().unwrap().is_empty());
    assert_eq!(agent.get("health").json["ok"], false);
    assert!(snapshots(&agent.job_directory("job")).len() >= 2);
}

#[test]
fn a_full_volume_ends_job_and_collection_and_costs_no_sample_and_gets_over_it() {
    let mut agent = AgentHost::new("demo", FILTER);
    // More than the 64 MiB that the agent leaves to others.
    let volume = Volume::mount(agent.state(), "size=72m");
    agent.start();
    agent.begin("job", "SQL-Server-01", 100, 1);
    agent.wait_for_snapshots("job", 3);
    assert_eq!(agent.post("jobs/job/ack", &json!({"through": 1})).status, 200);
    let filling = volume.fill();
    let view = agent.wait_for_job("job");
    assert_eq!(view["job"]["status"], "failed");
    let errors = view["job"]["collection"]["errors"].to_string();
    assert!(errors.contains("intact"), "{errors}");
    agent.wait_until_nothing_collects();
    let taken = usize::try_from(view["last_sequence"].as_u64().unwrap()).unwrap() + 1;
    assert!(taken >= 3);
    assert_eq!(snapshots(&agent.job_directory("job")).len(), taken);
    assert_eq!(
        compare_with_truth(&agent.host, &agent.job_directory("job")),
        2 * (taken - 1)
    );
    let health = agent.get("health").json;
    assert_eq!(health["ok"], false, "{health}");
    let refused = agent.post("jobs", &agent.job_request("more", "SQL-Server-01", 1, 1));
    assert_eq!((refused.status, &refused.json["code"]), (507, &json!("spool")));

    // With the journal as it was when the volume filled up, the next agent has nothing left to stop, and says so.
    agent.terminate();
    agent.start();
    assert!(agent.host.collecting().unwrap().is_empty());
    assert_eq!(agent.status("job"), "failed");
    assert_eq!(snapshots(&agent.job_directory("job")).len(), taken);

    fs::remove_file(filling).unwrap();
    agent.begin("again", "SQL-Server-01", 1, 1);
    assert_eq!(agent.wait_for_job("again")["job"]["status"], "completed");
    wait_until("the agent is well again", || agent.get("health").json["ok"] == true);
    agent.terminate();
}

#[test]
fn a_volume_that_can_take_hardly_any_more_files_ends_the_job_and_keeps_what_was_taken() {
    let mut agent = AgentHost::new("demo", FILTER);
    // A few dozen more than the 256 files that are left to others.
    let _volume = Volume::mount(agent.state(), "size=100m,nr_inodes=300");
    agent.start();
    agent.begin("job", "Web-App-VM", 1000, 1);
    agent.wait_for_snapshots("job", 2);
    for number in 0..40 {
        fs::write(agent.state().join(format!("of somebody else {number}")), b"").unwrap();
    }
    let view = agent.wait_for_job("job");
    assert_eq!(view["job"]["status"], "failed");
    let reason = view["job"]["collection"]["errors"].to_string();
    assert!(reason.contains("more files") && reason.contains("intact"), "{reason}");
    agent.wait_until_nothing_collects();
    assert!(snapshots(&agent.job_directory("job")).len() >= 2);
    agent.terminate();
}

#[test]
fn samples_on_a_volume_that_filled_up_after_the_agent_ended_can_still_be_pulled() {
    let mut agent = AgentHost::new("demo", FILTER);
    let volume = Volume::mount(agent.state(), "size=72m");
    agent.start();
    agent.begin("job", "Web-App-VM", 1, 1);
    agent.wait_for_job("job");
    agent.terminate();
    volume.fill();

    let mut command = agent.command(Binary::Agent, &[]);
    command.arg("connect");
    agent.with_places(&mut command);
    command.args(["--idle-exit", "1"]);
    let mut bridge = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(bridge.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let token = vscsi_shared::wire::Greeting::from_line(&line).unwrap().token;
    let request = format!(
        "GET /v1/jobs/job/bundle HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    let mut input = bridge.stdin.take().unwrap();
    input.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    output.read_to_end(&mut answer).unwrap();
    drop(input);
    let samples = agent.job_directory("job").join("samples");
    let last = fs::read(samples.join("sample_001.csv")).unwrap();
    assert!(answer.ends_with(&last), "{}", String::from_utf8_lossy(&answer));
    assert!(bridge.wait().unwrap().success());
    wait_until("the agent that connect started ends", || agent.switch().is_none());
    let run = agent.host.root().join("var/run");
    wait_until("it leaves nothing but the marker of the boot", || {
        let left = fs::read_dir(&run).unwrap().flatten().map(|entry| entry.file_name());
        left.filter(|name| name != "vscsi-agent.boot").count() == 0
    });
}

#[test]
fn a_samples_directory_that_cannot_be_written_ends_the_job_cleanly() {
    let agent = AgentHost::with_job(FILTER, 1000);
    let samples = agent.job_directory("job").join("samples");
    fs::rename(&samples, agent.job_directory("job").join("moved")).unwrap();
    fs::write(&samples, b"not a directory").unwrap();
    assert_eq!(agent.wait_for_job("job")["job"]["status"], "failed");
    assert!(agent.host.collecting().unwrap().is_empty());
}

#[test]
fn a_job_that_would_not_fit_is_refused_before_it_begins() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start_with(&Start {
        arguments: &["--spool-limit", "1"],
        ..Start::default()
    });
    agent.wait_for_answer();
    let refused = agent.post("jobs", &agent.job_request("job", "SQL-Server-01", 1000, 60));
    assert_eq!((refused.status, &refused.json["code"]), (507, &json!("spool")));
    assert!(refused.json["hint"].as_str().unwrap().contains("--spool-limit"));
    assert!(agent.host.collecting().unwrap().is_empty());
}

#[test]
fn acknowledged_jobs_make_room_and_others_do_not() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start_with(&Start {
        arguments: &["--spool-limit", "1"],
        ..Start::default()
    });
    agent.wait_for_answer();
    // One disk takes at most 12 KiB a snapshot: 85 of them just fit into 1 MiB of an empty spool.
    for name in ["pulled", "kept"] {
        agent.begin(name, "Web-App-VM", 1, 1);
        agent.wait_for_job(name);
    }
    assert_eq!(agent.post("jobs/pulled/ack", &json!({"through": 1})).status, 200);
    let large = agent.job_request("large", "Web-App-VM", 84, 60);
    assert_eq!(
        agent.post("jobs", &large).status,
        507,
        "what was not pulled is in the way"
    );
    assert_eq!(agent.get("jobs/pulled").status, 404, "what was pulled has gone");
    assert_eq!(agent.status("kept"), "completed");
}

#[test]
fn a_damaged_snapshot_is_set_aside_and_reported_when_it_is_asked_for() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "Web-App-VM", 2, 1);
    agent.wait_for_job("job");
    let path = agent.job_directory("job").join("samples/sample_001.csv");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(agent.get("jobs/job/samples/1").status, 507);
    let manifest = agent.get("jobs/job/samples").json;
    assert_eq!(manifest["set_aside"], json!(["sample_001.csv"]));
    assert_eq!(manifest["samples"].as_array().unwrap().len(), 2);
    assert_eq!(
        fs::read(agent.job_directory("job").join("set-aside/sample_001.csv")).unwrap(),
        bytes
    );
}

#[test]
fn damaged_and_torn_files_are_set_aside_at_the_start_and_the_rest_is_served() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "Web-App-VM", 3, 1);
    agent.wait_for_job("job");
    agent.begin("lost", "Web-App-VM", 1, 1);
    agent.wait_for_job("lost");
    agent.terminate();
    let samples = agent.job_directory("job").join("samples");
    let whole = fs::read(samples.join("sample_002.csv")).unwrap();
    fs::write(samples.join("sample_002.csv"), &whole[..whole.len() - 10]).unwrap();
    fs::write(samples.join("sample_004.csv.tmp"), b"half a write").unwrap();
    fs::write(agent.job_directory("lost").join("job.json"), b"{ torn").unwrap();
    agent.start();
    let manifest = agent.get("jobs/job/samples").json;
    assert_eq!(manifest["set_aside"], json!(["sample_002.csv"]));
    assert_eq!(manifest["samples"].as_array().unwrap().len(), 3);
    assert!(!samples.join("sample_004.csv.tmp").exists());
    let problems = agent.get("health").json["problems"].to_string();
    assert!(
        problems.contains("sample_002.csv") && problems.contains("lost"),
        "{problems}"
    );
    assert!(
        agent.job_directory("lost").join("samples/sample_000.csv").exists(),
        "nothing is deleted"
    );
}

#[test]
fn a_damaged_journal_and_damaged_schedules_are_set_aside_and_reported() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.terminate();
    fs::write(agent.state().join("journal.json"), b"\0\0\0").unwrap();
    fs::write(agent.state().join("schedules.json"), b"[{]").unwrap();
    agent.start();
    let health = agent.get("health").json;
    assert_eq!(health["ok"], false);
    let problems = health["problems"].to_string();
    assert!(
        problems.contains("journal.json.damaged") && problems.contains("schedules.json.damaged"),
        "{problems}"
    );
    agent.begin("job", "Web-App-VM", 1, 1);
    assert_eq!(agent.wait_for_job("job")["job"]["status"], "completed");
}

#[test]
fn secrets_and_samples_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "Web-App-VM", 1, 1);
    agent.wait_for_job("job");
    let mut directories = vec![agent.state()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", entry.path().display());
            if entry.file_type().unwrap().is_dir() {
                directories.push(entry.path());
            }
        }
    }
    let token = agent.token();
    let log = fs::read_to_string(agent.state().join("agent.log")).unwrap();
    assert!(!log.contains(&token));
}
