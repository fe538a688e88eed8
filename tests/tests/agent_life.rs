//! The agent's ordinary life: jobs, ends, connection.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};

use serde_json::json;
use vscsi_tests::agent_host::{AgentHost, Start, wait_until};
use vscsi_tests::binaries::Binary;
use vscsi_tests::processes::signal;
use vscsi_tests::truth::{compare_with_truth, snapshots};

const FILTER: &str = env!("CARGO_BIN_EXE_esxi-filter");

#[test]
fn a_job_counts_what_the_host_did_and_leaves_nothing_running() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("first", "SQL-Server-01", 4, 1);
    let view = agent.wait_for_job("first");
    assert_eq!(view["job"]["status"], "completed");
    assert_eq!(view["job"]["collection"]["samples_collected"], 4);
    assert_eq!(view["job"]["cleanup"]["vscsiStats_stopped"], true);
    // Four samples of two disks.
    assert_eq!(compare_with_truth(&agent.host, &agent.job_directory("first")), 8);
    assert!(agent.host.collecting().unwrap().is_empty());
}

#[test]
fn a_job_works_under_every_variant_of_the_filter() {
    for filter in [
        &["--getrandom", "einval"][..],
        &["--getrandom", "eperm"],
        &[
            "--deny", "epoll", "--deny", "eventfd", "--deny", "accept4", "--deny", "pipe2",
        ],
        &[
            "--deny",
            "fdatasync",
            "--deny",
            "sigaltstack",
            "--deny",
            "sched_getaffinity",
            "--deny",
            "prlimit64",
        ],
    ] {
        let mut agent = AgentHost::new("demo", FILTER);
        agent.start_with(&Start {
            filter,
            ..Start::default()
        });
        agent.wait_for_answer();
        agent.begin("job", "Web-App-VM", 1, 1);
        assert_eq!(agent.wait_for_job("job")["job"]["status"], "completed", "{filter:?}");
    }
}

#[test]
fn a_stopped_job_leaves_nothing_running() {
    let agent = AgentHost::with_job(FILTER, 1000);
    let answer = agent.post("jobs/job/stop", &json!({}));
    assert_eq!(answer.json["job"]["status"], "stopped");
    assert_eq!(answer.json["job"]["cleanup"]["vscsiStats_stopped"], true);
    assert!(agent.host.collecting().unwrap().is_empty());
}

#[test]
fn a_job_stopped_without_cleanup_says_how_to_stop_by_hand_and_cleanup_does_it() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "Web-App-VM", 1000, 1);
    let stopped = agent.post("jobs/job/stop", &json!({"cleanup": false})).json;
    assert_eq!(stopped["job"]["cleanup"]["manual_cleanup_required"], true);
    let command = stopped["job"]["cleanup"]["manual_cleanup_command"].as_str().unwrap();
    assert!(command.starts_with("vscsiStats -x -w "), "{command}");
    assert_eq!(agent.host.collecting().unwrap().len(), 1);
    let cleaned = agent.post("jobs/job/cleanup", &json!({})).json;
    assert_eq!(cleaned["job"]["cleanup"]["vscsiStats_stopped"], true, "{cleaned}");
    assert!(agent.host.collecting().unwrap().is_empty());
}

#[test]
fn an_agent_that_is_told_to_end_ends_its_collections() {
    let mut agent = AgentHost::with_job(FILTER, 1000);
    agent.signal(libc::SIGTERM);
    assert_eq!(agent.wait_for_end(), Some(0));
    assert!(agent.host.collecting().unwrap().is_empty());
    assert!(agent.switch().is_none());
    agent.start();
    assert_eq!(agent.status("job"), "failed");
    assert!(snapshots(&agent.job_directory("job")).len() >= 2);
}

#[test]
fn an_agent_that_is_told_to_end_just_after_its_switch_died_ends_its_collections() {
    let mut agent = AgentHost::with_job(FILTER, 1000);
    agent.signal(libc::SIGSTOP);
    let switch = agent.switch().unwrap();
    signal(switch, libc::SIGKILL);
    wait_until("the switch is gone", || agent.switch() != Some(switch));
    agent.signal(libc::SIGTERM);
    agent.signal(libc::SIGCONT);
    assert_eq!(agent.wait_for_end(), Some(0));
    assert!(agent.host.collecting().unwrap().is_empty());
}

#[test]
fn a_detached_agent_waits_for_the_end_of_the_one_before_it() {
    let mut agent = AgentHost::new("demo", FILTER);
    fs::create_dir_all(agent.state()).unwrap();
    let lock = fs::File::create(agent.state().join("agent.lock")).unwrap();
    lock.lock().unwrap();
    agent.start_with(&Start {
        arguments: &["--detached"],
        ..Start::default()
    });
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(!agent.state().join("running.json").exists());
    drop(lock);
    agent.wait_for_answer();
    assert_eq!(agent.get("health").json["ok"], true);
}

#[test]
fn jobs_and_schedules_survive_a_restart() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "Web-App-VM", 1, 1);
    agent.wait_for_job("job");
    let schedule = json!({
        "name": "nightly",
        "cron": "0 2 * * *",
        "job": {"config_file": "/vmfs/volumes/datastore1/Web-App-VM/Web-App-VM.vmx",
                "profile": {"name": "quick", "samples": 1, "interval_seconds": 1}},
    });
    assert_eq!(agent.post("schedules", &schedule).status, 201);
    assert_eq!(agent.post("schedules", &schedule).status, 200);
    agent.terminate();
    agent.start();
    assert_eq!(agent.status("job"), "completed");
    let schedules = agent.get("schedules").json;
    assert_eq!(schedules["schedules"][0]["schedule"]["cron"], "0 2 * * *");
    let next = schedules["schedules"][0]["next_run_at"].as_str().unwrap();
    assert!(next.contains("T02:00:00"), "{next}");
}

#[test]
fn only_one_agent_runs_on_a_state_directory() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    let mut command = agent.command(Binary::Agent, &[]);
    command.arg("serve");
    agent.with_places(&mut command);
    let second = command.output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let words = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(words.contains("another agent runs"), "{words}");
    assert_eq!(agent.get("health").status, 200);
}

#[test]
fn an_agent_without_work_ends_by_itself() {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start_with(&Start {
        arguments: &["--idle-exit", "1"],
        ..Start::default()
    });
    assert_eq!(agent.wait_for_end(), Some(0));
    assert!(agent.switch().is_none());
}

#[test]
fn connect_starts_the_agent_greets_and_bridges() {
    let agent = AgentHost::new("demo", FILTER);
    let mut command = agent.command(Binary::Agent, &[]);
    command.arg("connect");
    agent.with_places(&mut command);
    command.args(["--idle-exit", "2"]);
    let mut bridge = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(bridge.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let greeting = vscsi_shared::wire::Greeting::from_line(&line).unwrap();
    assert_eq!(greeting.port, agent.port());

    let mut input = bridge.stdin.take().unwrap();
    let token = &greeting.token;
    let request = format!("GET /v1/info HTTP/1.1\r\nHost: vscsi-agent\r\nAuthorization: Bearer {token}\r\n\r\n");
    input.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    output.read_line(&mut answer).unwrap();
    assert_eq!(answer.trim_end(), "HTTP/1.1 200 OK");
    drop(input);
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("esx01.lab.example"), "{rest}");
    assert!(bridge.wait().unwrap().success());
    // Without a job it ends two seconds after the last request.
    wait_until("the agent that connect started ends", || agent.switch().is_none());
}

#[test]
fn a_standard_error_that_nobody_reads_costs_no_line_of_the_log() {
    let agent = AgentHost::new("demo", FILTER);
    let mut command = agent.command(Binary::Agent, &[]);
    command.arg("serve");
    agent.with_places(&mut command);
    let mut running = command.stderr(Stdio::piped()).spawn().unwrap();
    drop(running.stderr.take());
    let log = agent.state().join("agent.log");
    wait_until("the agent is found", || agent.state().join("running.json").exists());
    signal(running.id(), libc::SIGTERM);
    running.wait().unwrap();
    let text = fs::read_to_string(log).unwrap();
    assert!(text.contains("vscsi-agent ends"), "{text}");
}

#[test]
fn what_a_detached_agent_prints_is_bounded_by_its_next_start() {
    let agent = AgentHost::new("demo", FILTER);
    fs::create_dir_all(agent.state()).unwrap();
    let output = agent.state().join("agent.out");
    fs::write(&output, vec![b'x'; 1024 * 1024]).unwrap();
    let mut command = agent.command(Binary::Agent, &[]);
    command.arg("connect");
    agent.with_places(&mut command);
    command.args(["--idle-exit", "1"]);
    assert!(command.stdin(Stdio::null()).output().unwrap().status.success());
    assert_eq!(fs::metadata(&output).unwrap().len(), 0);
    wait_until("the agent that connect started ends", || agent.switch().is_none());
}

#[test]
fn connect_starts_an_agent_where_a_dead_one_left_a_living_process_and_a_foreign_port() {
    let agent = AgentHost::new("demo", FILTER);
    fs::create_dir_all(agent.state()).unwrap();
    let foreign = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = foreign.local_addr().unwrap().port();
    let stale = json!({
        "process": std::process::id(),
        "port": port,
        "version": vscsi_agent_version(),
        "api": {"min": 1, "max": 1},
        "token": "of the dead",
    });
    fs::write(agent.state().join("running.json"), stale.to_string()).unwrap();
    let mut command = agent.command(Binary::Agent, &[]);
    command.arg("connect");
    agent.with_places(&mut command);
    command.args(["--idle-exit", "1"]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let greeting = vscsi_shared::wire::Greeting::from_line(&line).unwrap();
    assert_ne!(greeting.port, port);
    assert_ne!(greeting.token, "of the dead");
    wait_until("the agent that connect started ends", || agent.switch().is_none());
}

/// The version of the agent under test.
fn vscsi_agent_version() -> String {
    let output = Command::new(Binary::Agent.path().unwrap())
        .arg("version")
        .output()
        .unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    words.trim().rsplit(' ').next().unwrap().to_owned()
}
