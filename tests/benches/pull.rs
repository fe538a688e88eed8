//! How fast samples come home, beside `ssh HOST cat` of the same bytes over the same link, and fifty hosts at once.
//!
//! `cat` throws away what arrives; `pull` checks it, and has each sample on disk before it counts. So beside them stands
//! what the disk takes for the same bytes in one file, with one fsync. Over loopback both ends of both commands share
//! the processors of one machine. The other link is as fast as gigabit Ethernet.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints and may fail"
)]

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use vscsi_shared::identifier::Name;
use vscsi_shared::job::JobDocument;
use vscsi_shared::snapshot;
use vscsi_tests::sshd::{Client, Proxy, SshHost, Style};

/// Hosts that are pulled from at once: agents of their own behind one sshd.
const HOSTS: usize = 50;

/// What gigabit Ethernet carries of TCP, bytes per second, by frames of 1538 bytes with 1448 of them ours.
const GIGABIT: u64 = 125_000_000 * 1448 / 1538;

fn main() {
    println!(
        "{:40} {:>9} {:>10} {:>10} {:>7} {:>10}",
        "what", "MB", "pull s", "ssh cat s", "share", "disk s"
    );
    // Nothing is removed before the end: file systems are slow to create files while they forget others.
    let _kept = [
        one_host("1 000 samples of 2 disks", "demo", 1000),
        one_host("1 000 samples of 20 disks", "many-disks", 1000),
        one_host("10 000 samples of 20 disks", "many-disks", 10_000),
    ];
    fifty_hosts();
}

/// Pulls one job and reads the same files with `ssh cat`, over each link.
fn one_host(what: &str, scenario: &str, samples: u32) -> (SshHost, Vec<Client>) {
    let host = SshHost::start(scenario, Style::Esxi8);
    let link = Proxy::start(host.address());
    link.limit_each_to(GIGABIT);
    let clients = vec![Client::of(&host), Client::through(&host, link.port())];
    for client in &clients {
        client.install();
    }
    let spool = seed(&host, &clients[0], "esxi");
    host.kill_everything();
    let job = grow(&spool, samples);
    for (client, link) in clients.iter().zip(["loopback", "1 Gbit/s"]) {
        // The first contact starts the agent, which sums the files up; neither belongs to the copying that is measured.
        client.run(&["discover", "esxi"]).expect(0);
        let began = Instant::now();
        client.run(&["pull", "many", "--host", "esxi"]).expect(0);
        let pull = began.elapsed();
        let (cat, bytes) = ssh_cat(&host, client, &job.join("samples"));
        let disk = write_once(&client.data().join("once"), bytes);
        row(&format!("{what}, {link}"), bytes, pull, cat, disk);
    }
    (host, clients)
}

/// Fifty agents, each with a job of a hundred samples, pulled with one command.
fn fifty_hosts() {
    let host = SshHost::start("demo", Style::Esxi8ManyHosts);
    let client = Client::of(&host);
    let names: Vec<String> = (0..HOSTS).map(|number| format!("host{number:02}")).collect();
    let mut bytes = 0;
    for name in &names {
        let folder = format!("/vmfs/volumes/datastore1/{name}");
        client.run_connected(&["install", name, "--folder", &folder]).expect(0);
        let spool = seed(&host, &client, name);
        host.kill_everything();
        let job = grow(&spool, 100);
        bytes += size(&job.join("samples"));
    }
    let parallel = HOSTS.to_string();
    let began = Instant::now();
    client.run(&["pull", "--all", "--parallel", &parallel]).expect(0);
    let took = began.elapsed();
    println!(
        "{:40} {:9.1} {:10.2}",
        format!("{HOSTS} hosts x 100 samples at once"),
        megabytes(bytes),
        took.as_secs_f64()
    );
}

/// Runs a job of one sample and returns its directory in the spool.
fn seed(host: &SshHost, client: &Client, name: &str) -> PathBuf {
    let inventory = client.run(&["--json", "discover", name]).expect(0).json();
    let vm = inventory["vms"][0]["name"].as_str().unwrap().to_owned();
    let job = format!("seed-{name}");
    client.start(&job, name, &vm, 1);
    client.run(&["status", &job, "--watch"]).expect(0);
    find(&host.root().join("vmfs/volumes"), &job).unwrap()
}

/// The directory called `name` below `folder`.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    fs::read_dir(folder)
        .ok()?
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .find_map(|entry| {
            if entry.file_name() == name {
                Some(entry.path())
            } else {
                find(&entry.path(), name)
            }
        })
}

/// Makes the job `many` beside the seed, with its last snapshot over and over.
fn grow(seed: &Path, samples: u32) -> PathBuf {
    let job = seed.with_file_name("many");
    fs::create_dir_all(job.join("samples")).unwrap();
    let last = fs::read(seed.join("samples").join(snapshot::file_name(1))).unwrap();
    let read = snapshot::read(&last).unwrap();
    let mut header = read.header;
    header.job = Name::new("many").unwrap();
    for sequence in 0..=samples {
        header.sequence = sequence;
        header.monotonic_ms += 1000;
        let file = job.join("samples").join(snapshot::file_name(sequence));
        fs::write(file, header.with_output(read.output)).unwrap();
    }
    let mut document = JobDocument::from_json(&fs::read(seed.join("job.json")).unwrap()).unwrap();
    document.job.job_id = Name::new("many").unwrap();
    document.job.profile.samples = samples;
    document.job.collection.samples_collected = samples;
    document.job.collection.samples_expected = samples;
    fs::write(job.join("job.json"), document.to_json().unwrap()).unwrap();
    // What the agent keeps for itself, without which it leaves a folder alone.
    let own = fs::read(seed.join("agent.json")).unwrap();
    let mut own: serde_json::Value = serde_json::from_slice(&own).unwrap();
    own["request"]["name"] = "many".into();
    own["request"]["profile"]["samples"] = samples.into();
    fs::write(job.join("agent.json"), own.to_string()).unwrap();
    job
}

/// Seconds that `ssh esxi cat` takes for the same files, and their bytes.
fn ssh_cat(host: &SshHost, client: &Client, samples: &Path) -> (Duration, u64) {
    let inside = Path::new("/").join(samples.strip_prefix(host.root()).unwrap());
    let mut ssh = Command::new("ssh");
    ssh.args(["-T", "-F", "none", "-o", "BatchMode=yes", "-o", "User=root"]);
    let mut words = client.connection().iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--port" => ssh.arg("-p").arg(words.next().unwrap()),
            "--key" => ssh.arg("-i").arg(words.next().unwrap()),
            _ => ssh.arg("-o").arg(word.trim_start_matches("--ssh-option=")),
        };
    }
    ssh.arg("esxi").arg(format!("cat {}/*", inside.display()));
    let began = Instant::now();
    let output = ssh.stdin(Stdio::null()).output().unwrap();
    let took = began.elapsed();
    let bytes = size(samples);
    assert_eq!(
        output.stdout.len() as u64,
        bytes,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (took, bytes)
}

fn size(folder: &Path) -> u64 {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum()
}

/// Writes so many bytes to a file and on to the disk.
fn write_once(path: &Path, bytes: u64) -> Duration {
    let mut random = File::open("/dev/urandom").unwrap();
    let mut content = vec![0; usize::try_from(bytes).unwrap()];
    random.read_exact(&mut content).unwrap();
    let began = Instant::now();
    let mut file = File::create(path).unwrap();
    file.write_all(&content).unwrap();
    file.sync_all().unwrap();
    began.elapsed()
}

fn row(what: &str, bytes: u64, pull: Duration, cat: Duration, disk: Duration) {
    let share = 100.0 * cat.as_secs_f64() / pull.as_secs_f64();
    println!(
        "{what:40} {:9.1} {:10.2} {:10.2} {share:6.0}% {:10.2}",
        megabytes(bytes),
        pull.as_secs_f64(),
        cat.as_secs_f64(),
        disk.as_secs_f64()
    );
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
