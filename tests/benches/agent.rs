//! What the agent costs a host, and what it loses: size, memory, own CPU, lateness, and I/O between samples, beside
//! the loop in a shell that people use instead. With 20 disks, both programs.
//!
//! `VSCSI_BENCH_SNAPSHOTS` sets the number of snapshots at 1 s (default 1000, so a run takes three quarters of an hour).
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints and may fail"
)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use vscsi_fixtures::{SimulatedHost, TruthQuery};
use vscsi_shared::snapshot;
use vscsi_tests::agent_host::{AgentHost, Start};
use vscsi_tests::binaries::Binary;
use vscsi_tests::truth::{Taken, compare_with_truth, snapshots};

const FILTER: &str = env!("CARGO_BIN_EXE_esxi-filter");

/// Clock ticks of a second in `/proc/PID/stat`, on every Linux of today.
const TICKS_PER_SECOND: f64 = 100.0;

fn main() {
    let wanted = std::env::var("VSCSI_BENCH_SNAPSHOTS").ok();
    let snapshots: u32 = wanted.and_then(|text| text.parse().ok()).unwrap_or(1000);
    let size = fs::metadata(Binary::Agent.path().unwrap()).unwrap().len();
    println!("size of the agent                       {size} bytes (limit 2000000)");
    memory_with_a_large_spool(60_000);
    costs_of_twenty_disks(snapshots);
    loss_with_two_restarts(snapshots / 5);
    loss_of_a_shell_loop(snapshots / 20);
}

/// The body of an answer in chunks, none of which holds a line end.
fn unchunked(answer: &str) -> String {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    body.split("\r\n").skip(1).step_by(2).collect()
}

/// Memory at the start with a large spool, with twelve clients that take its manifest at one time, and with as many
/// connections as the agent lets in.
fn memory_with_a_large_spool(snapshots: u32) {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "Web-App-VM", 1, 1);
    agent.wait_for_job("job");
    agent.terminate();
    let samples = agent.job_directory("job").join("samples");
    let whole = fs::read(samples.join("sample_001.csv")).unwrap();
    let mut header = snapshot::read(&whole).unwrap().header;
    for sequence in 2..snapshots {
        header.sequence = sequence;
        fs::write(
            samples.join(snapshot::file_name(sequence)),
            header.with_output(b"small"),
        )
        .unwrap();
    }
    let began = Instant::now();
    agent.start();
    let started = began.elapsed();
    let process = agent.process();
    let (resident, _) = memory_kib(process);
    println!(
        "resident memory, {snapshots} snapshots       {resident} KiB after a start of {:.1} s (limit 20480)",
        started.as_secs_f64()
    );
    let request = format!(
        "GET /v1/jobs/job/samples HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        agent.token()
    );
    let connect = |_| TcpStream::connect(("127.0.0.1", agent.port())).unwrap();
    let mut clients: Vec<TcpStream> = (0..12).map(connect).collect();
    for client in &mut clients {
        client.write_all(request.as_bytes()).unwrap();
        client.read_exact(&mut [0; 1]).unwrap();
    }
    let (in_flight, _) = memory_kib(process);
    // At the same time: a client that takes nothing for long is given up.
    let readers = clients.into_iter().map(|mut client| {
        std::thread::spawn(move || {
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            unchunked(&answer).matches("\"sha256\"").count()
        })
    });
    let readers: Vec<_> = readers.collect();
    let listed: usize = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
    let (_, peak) = memory_kib(process);
    assert_eq!(listed, 12 * snapshots as usize);
    println!("  with 12 manifests asked at once       {in_flight} KiB, at most {peak} KiB (limit 20480)");
    let before = memory_field(process, "VmSize:");
    let request = request
        .replace("jobs/job/samples", "health")
        .replace("Connection: close\r\n", "");
    let mut clients: Vec<TcpStream> = (0..40).map(connect).collect();
    for client in &mut clients {
        client.write_all(request.as_bytes()).unwrap();
        let mut status = [0; 12];
        client.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
    }
    let mapped = memory_field(process, "VmSize:");
    println!("mapped memory, 40 connections           {mapped} KiB, without them {before} KiB");
    drop(clients);
    agent.terminate();
}

/// What jobs over all 20 disks of a host at 1 s cost.
struct Cost {
    /// Resident memory of the agent now and at most, and of its switch at most, KiB.
    resident: u64,
    peak: u64,
    switch_peak: u64,
    /// Own CPU time of the agent for each snapshot, milliseconds.
    cpu_ms: f64,
    /// How late each snapshot was, milliseconds, in order.
    lateness: Vec<u64>,
}

/// Both programs, one after the other.
fn costs_of_twenty_disks(samples: u32) {
    let costs = [Binary::Agent, Binary::AgentInPython].map(|program| cost_of_twenty_disks(program, samples));
    let row = |what: &str, figure: &dyn Fn(&Cost) -> String| {
        let [binary, script] = costs.each_ref().map(figure);
        println!("{what:<40}{binary:>12}{script:>12}");
    };
    let late = |percent: usize| {
        move |cost: &Cost| {
            let at = cost.lateness.len().saturating_sub(1) * percent / 100;
            cost.lateness.get(at).copied().unwrap_or(0).to_string()
        }
    };
    println!("20 disks at 1 s                               binary      script");
    row("resident memory, KiB", &|cost| cost.resident.to_string());
    row("  at most (limit of the binary 8192)", &|cost| cost.peak.to_string());
    row("  switch, at most", &|cost| cost.switch_peak.to_string());
    row("own CPU per snapshot, ms (limit 2)", &|cost| {
        format!("{:.2}", cost.cpu_ms)
    });
    row("snapshots of 5 jobs", &|cost| cost.lateness.len().to_string());
    row("lateness, ms: median", &late(50));
    row("  99 %", &late(99));
    row("  largest", &late(100));
}

fn cost_of_twenty_disks(program: Binary, samples: u32) -> Cost {
    let mut agent = AgentHost::new("many-disks", FILTER);
    agent.start_with(&Start {
        program: Some(program),
        ..Start::default()
    });
    agent.wait_for_answer();
    let inventory = agent.get("inventory").json;
    let running = inventory["vms"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|vm| vm["powered_on"] == true);
    let vms: Vec<String> = running.map(|vm| vm["name"].as_str().unwrap().to_owned()).collect();
    for (number, vm) in vms.iter().enumerate() {
        agent.begin(&format!("job-{number}"), vm, samples, 1);
    }
    let process = agent.process();
    let before = own_cpu_seconds(process);
    let began = Instant::now();
    // Asking costs the agent too, so it is asked seldom.
    while agent.status("job-0") != "completed" && began.elapsed() < Duration::from_secs(u64::from(samples) + 30) {
        sleep(Duration::from_secs(10));
    }
    for number in 0..vms.len() {
        agent.wait_for_job(&format!("job-{number}"));
    }
    let cpu = own_cpu_seconds(process) - before;
    let (resident, peak) = memory_kib(process);
    let (_, switch_peak) = agent.switch().map_or((0, 0), memory_kib);
    let jobs: Vec<Vec<Taken>> = (0..vms.len())
        .map(|number| snapshots(&agent.job_directory(&format!("job-{number}"))))
        .collect();
    let taken: usize = jobs.iter().map(Vec::len).sum();
    let mut lateness: Vec<u64> = Vec::new();
    for (number, job) in jobs.iter().enumerate() {
        let first = first_due_ms(&agent.job_directory(&format!("job-{number}")));
        lateness.extend(job.iter().map(|taken| {
            taken
                .header
                .monotonic_ms
                .saturating_sub(first + u64::from(taken.header.sequence) * 1000)
        }));
    }
    lateness.sort_unstable();
    Cost {
        resident,
        peak,
        switch_peak,
        cpu_ms: cpu * 1000.0 / taken as f64,
        lateness,
    }
}

/// A job with two restarts of the agent in it, against the truth.
fn loss_with_two_restarts(samples: u32) {
    let mut agent = AgentHost::new("demo", FILTER);
    agent.start();
    agent.begin("job", "SQL-Server-01", samples, 1);
    for part in 1..=2 {
        while collected(&agent, "job") < samples * part / 3 {
            sleep(Duration::from_secs(1));
        }
        agent.hand_over();
    }
    while agent.status("job") == "running" {
        sleep(Duration::from_secs(1));
    }
    let compared = compare_with_truth(&agent.host, &agent.job_directory("job"));
    println!("I/O lost, {samples} samples with 2 restarts     0: {compared} differences of 2 disks equal the truth");
}

fn collected(agent: &AgentHost, job: &str) -> u32 {
    let collected = &agent.job(job)["job"]["collection"]["samples_collected"];
    collected.as_u64().unwrap().try_into().unwrap()
}

/// What people do instead: print, reset, sleep.
fn loss_of_a_shell_loop(samples: u32) {
    let agent = AgentHost::new("demo", FILTER);
    let program = agent.host.root().join("usr/sbin/vscsiStats");
    let disk = agent.host.disks().unwrap().remove(0);
    let (vm, handle) = (disk.world_group_id.to_string(), disk.handle_id.to_string());
    let script = "p=$1 w=$2 i=$3 n=$4; $p -s -w $w -i $i >/dev/null
        k=0; while [ $k -lt $n ]; do $p -r -w $w -i $i >/dev/null; sleep 1; $p -p ioLength -c -w $w -i $i; k=$((k+1)); done
        $p -x -w $w -i $i >/dev/null";
    let began = agent.host.now_us().unwrap();
    let count = samples.to_string();
    let output = Command::new("/bin/sh")
        .args(["-c", script, "sh"])
        .arg(&program)
        .args([&vm, &handle, &count])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let counted: u64 = text
        .split("Histogram: ")
        .filter(|part| part.starts_with("IO lengths of commands"))
        .filter_map(|part| {
            part.lines()
                .find_map(|line| line.strip_prefix("count,")?.parse::<u64>().ok())
        })
        .sum();
    let query = TruthQuery {
        vm: Some(disk.vm),
        node: Some(disk.node),
        from_us: Some(began),
        to_us: None,
    };
    let truth = total(&agent.host, &query);
    let took = (agent.host.now_us().unwrap() - began) as f64 / 1e6;
    println!(
        "a loop of -r, sleep 1, -p instead       counts {counted} of {truth} I/Os ({:.1} % lost), {samples} samples take {took:.1} s",
        100.0 * (1.0 - counted as f64 / truth as f64)
    );
}

fn total(host: &SimulatedHost, query: &TruthQuery) -> u64 {
    let truth = host.truth(query).unwrap().remove(0);
    truth.reads.commands + truth.writes.commands
}

fn first_due_ms(job_directory: &Path) -> u64 {
    let text = fs::read(job_directory.join("agent.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&text).unwrap();
    record["first_due_ms"].as_u64().unwrap()
}

/// User and system time of the process alone, without its children.
fn own_cpu_seconds(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    // proc(5): utime and stime are fields 14 and 15, the 12th and 13th after the name.
    let ticks: f64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<f64>().unwrap())
        .sum();
    ticks / TICKS_PER_SECOND
}

/// Resident memory now and at most, KiB.
fn memory_kib(process: u32) -> (u64, u64) {
    (memory_field(process, "VmRSS:"), memory_field(process, "VmHWM:"))
}

fn memory_field(process: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
