//! Pulling over a real sshd: whatever breaks, no sample is lost, torn or doubled.
#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use vscsi_tests::sshd::{Client, Proxy, SshHost, Style};

/// Starts a job of 40 disks, waits for its end, and returns the files on the host by name.
fn collect(host: &SshHost, client: &Client, name: &str, samples: u32) -> BTreeMap<String, Vec<u8>> {
    client.start(name, "esxi", &first_vm(client), samples);
    client.run(&["status", name, "--watch"]).expect(0);
    let spooled = spooled(host, name);
    assert_eq!(spooled.len(), usize::try_from(samples).unwrap() + 1);
    spooled
}

fn first_vm(client: &Client) -> String {
    let inventory = client.run(&["--json", "discover", "esxi"]).json();
    inventory["vms"][0]["name"].as_str().unwrap().to_owned()
}

/// The snapshot files of a job in the host's spool.
fn spooled(host: &SshHost, name: &str) -> BTreeMap<String, Vec<u8>> {
    let of_the_job = |path: &PathBuf| is_snapshot(path) && path.components().any(|part| part.as_os_str() == name);
    by_name(host.datastores().into_iter().filter(of_the_job))
}

fn is_snapshot(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("sample_") && name.ends_with(".csv")
}

/// The snapshot files of a job here.
fn pulled(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(directory.join("samples")).into_iter().flatten().flatten();
    by_name(files.map(|entry| entry.path()).filter(|path| is_snapshot(path)))
}

/// What these files hold.
fn by_name(files: impl Iterator<Item = PathBuf>) -> BTreeMap<String, Vec<u8>> {
    files
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read(&path).unwrap(),
            )
        })
        .collect()
}

/// Every visible file is one of the host's, with all its bytes.
#[track_caller]
fn assert_nothing_torn(directory: &Path, spooled: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in pulled(directory) {
        assert!(spooled[&name] == bytes, "{name} differs from the host's");
    }
}

/// What is there beside snapshots and their checksums.
fn partial_files(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory.join("samples")).into_iter().flatten().flatten();
    files
        .map(|entry| entry.path())
        .filter(|path| !is_snapshot(path) && !path.ends_with("SHA256SUMS"))
        .collect()
}

#[test]
fn a_pull_cut_at_any_byte_is_taken_up_again_at_that_byte() {
    let host = SshHost::start("many-disks", Style::Esxi8);
    let proxy = Proxy::start(host.address());
    let client = Client::through(&host, proxy.port());
    client.install();
    let spooled = collect(&host, &client, "big", 5);
    let total: u64 = spooled.values().map(|bytes| bytes.len() as u64).sum();
    let directory = client.data().join("big");

    // Where the cuts fall is arbitrary and the same in every run; most lie inside a file, some inside a login.
    let mut seed: u64 = 20_251_106;
    let mut cuts = 0;
    let last = loop {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        proxy.break_each_after(3_000 + (seed >> 33) % (total / 3));
        let received = received(&directory);
        let finished = client.run(&["--json", "pull", "big"]);
        assert_nothing_torn(&directory, &spooled);
        if finished.code == 0 {
            // Nothing came twice.
            break (finished.json()[0]["bytes"].as_u64().unwrap(), total - received);
        }
        finished.expect(10);
        cuts += 1;
        assert!(cuts < 200, "the pull does not come to an end");
    };
    assert!(cuts >= 3, "only {cuts} cuts");
    assert_eq!(last.0, last.1);
    assert_eq!(pulled(&directory), spooled);
    assert_eq!(partial_files(&directory), Vec::<PathBuf>::new());
}

/// Bytes of snapshots that are here, whole files and the beginning of the next.
fn received(directory: &Path) -> u64 {
    let whole = pulled(directory).into_values().map(|bytes| bytes.len() as u64);
    let partial = partial_files(directory)
        .into_iter()
        .map(|path| path.metadata().unwrap().len());
    whole.chain(partial).sum()
}

#[test]
fn all_jobs_of_a_host_are_pulled_by_one_login() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    for name in ["one", "two", "three"] {
        client.start(name, "esxi", "Web-App-VM", 1);
        client.run(&["status", name, "--watch"]).expect(0);
    }
    let pulled = client.run(&["-v", "pull", "--host", "esxi"]).expect(0);
    assert_eq!(pulled.stdout.lines().count(), 3, "{}", pulled.stdout);
    assert_eq!(pulled.stderr.matches("running ssh ").count(), 1, "{}", pulled.stderr);
}

#[test]
fn a_lost_connection_is_tried_again_by_itself() {
    let host = SshHost::start("many-disks", Style::Esxi8);
    let proxy = Proxy::start(host.address());
    let client = Client::through(&host, proxy.port());
    client.install();
    let spooled = collect(&host, &client, "big", 2);
    fs::write(client.configuration(), "ssh:\n  retry_attempts: 1\n").unwrap();
    let total: usize = spooled.values().map(Vec::len).sum();
    // ssh does not hand on all that it has received when its connection breaks, so nothing is known of what the first one
    // brings: the second has to be able to bring everything.
    proxy.break_next_after(total as u64 * 2 / 3);
    let finished = client.run(&["pull", "big"]).expect(0);
    assert_eq!(
        finished.stderr.matches("trying again in 5 s").count(),
        1,
        "{}",
        finished.stderr
    );
    assert_eq!(pulled(&client.data().join("big")), spooled);
}

#[test]
fn a_host_behind_a_slow_link_is_collected_and_pulled_from() {
    let host = SshHost::start("many-disks", Style::Esxi8);
    let proxy = Proxy::start(host.address());
    let client = Client::through(&host, proxy.port());
    client.install();
    proxy.limit_each_to(40 * 1024);
    let spooled = collect(&host, &client, "big", 2);
    client.run(&["pull", "big"]).expect(0);
    assert_eq!(pulled(&client.data().join("big")), spooled);
}

#[test]
fn a_client_killed_in_the_middle_leaves_nothing_false_behind() {
    let host = SshHost::start("many-disks", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    let spooled = collect(&host, &client, "big", 4);
    let directory = client.data().join("big");
    for delay in [40, 120, 200, 260, 320] {
        let mut child = client
            .command(["pull", "big"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_nothing_torn(&directory, &spooled);
    }
    client.run(&["pull", "big"]).expect(0);
    assert_eq!(pulled(&directory), spooled);
}

#[test]
fn two_pulls_of_one_job_at_once_end_with_one_copy() {
    let host = SshHost::start("many-disks", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    let spooled = collect(&host, &client, "big", 2);
    let children: Vec<_> = (0..3)
        .map(|_| client.command(["pull", "big"]).spawn().unwrap())
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(pulled(&client.data().join("big")), spooled);
    assert_eq!(partial_files(&client.data().join("big")), Vec::<PathBuf>::new());
}

#[test]
fn a_second_pull_fetches_nothing_again() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    collect(&host, &client, "sql", 1);
    let first = client.run(&["--json", "pull", "sql"]).expect(0).json();
    let second = client.run(&["--json", "pull", "sql"]).expect(0).json();
    assert_eq!(
        (&first[0]["snapshots"], &second[0]["snapshots"]),
        (&2.into(), &0.into())
    );
}
