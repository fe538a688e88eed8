//! `watch`: lines for programs and logs, and the picture on a real terminal.
#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;
use vscsi_fixtures::SimulatedHost;
use vscsi_tests::agent_host::wait_until;
use vscsi_tests::processes::{self, command_line, is_alive, signal};
use vscsi_tests::sshd::{Client, Proxy, SshHost, Style};
use vscsi_tests::truth::compare_with_truth;

/// A terminal of 100 columns and 30 rows in which a shell runs.
struct Tmux(tempfile::TempDir);

impl Tmux {
    fn start() -> Self {
        let tmux = Self(tempfile::tempdir().unwrap());
        tmux.run(&["new-session", "-d", "-x", "100", "-y", "30", "sh"]);
        tmux
    }

    fn run(&self, words: &[&str]) -> String {
        let output = Command::new("tmux")
            .arg("-S")
            .arg(self.0.path().join("socket"))
            .args(["-f", "/dev/null"])
            .args(words)
            .env_remove("TMUX")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn keys(&self, keys: &[&str]) {
        self.run(&[&["send-keys"], keys].concat());
    }

    fn screen(&self) -> String {
        self.run(&["capture-pane", "-p"])
    }

    #[track_caller]
    fn wait_for(&self, part: &str) {
        wait_until(&format!("{part} is shown"), || self.screen().contains(part));
    }

    fn is_whole(&self) -> bool {
        self.run(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"])
            .trim()
            == "0 1"
    }

    /// Types the command of the client, whose exit code is shown at its end.
    fn watch(&self, client: &Client, words: &[&str]) {
        let command = client.command(words);
        let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_str().unwrap());
        let mut line = format!(
            "HOME={} {}",
            quoted(client.home().as_os_str()),
            quoted(command.get_program())
        );
        for word in command.get_args() {
            line.push(' ');
            line.push_str(&quoted(word));
        }
        let script = self.0.path().join("watch.sh");
        fs::write(&script, format!("{line}\necho ended with $?\n")).unwrap();
        self.keys(&[&format!("sh {}", script.display()), "Enter"]);
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

#[test]
fn each_sample_is_one_line_and_what_they_count_is_what_the_disks_did() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    client.start("sql", "esxi", "SQL-Server-01", 4);
    let watched = client.run(&["-v", "watch", "--json", "sql"]).expect(0);
    // One connection serves all of it.
    assert_eq!(watched.stderr.matches("running ssh ").count(), 1, "{}", watched.stderr);
    let lines: Vec<Value> = watched
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let sequences: Vec<u64> = lines.iter().map(|line| line["sample"].as_u64().unwrap()).collect();
    assert_eq!(sequences, [1, 2, 3, 4]);

    // The samples that were pulled are the truth, and the lines count what they count.
    let job = client.data().join("sql");
    assert_eq!(compare_with_truth(&SimulatedHost::open(&host.root()).unwrap(), &job), 8);
    let summary = client
        .run(&["--json", "analyze", "sql", "--filter", "none"])
        .expect(0)
        .json();
    let counted = |line: &Value| line["iops"].as_f64().unwrap() * line["seconds"].as_f64().unwrap();
    let total: f64 = lines.iter().map(counted).sum();
    assert!(
        (total - summary["metrics"]["ios"]["total"].as_f64().unwrap()).abs() < 0.01,
        "{total} {summary}"
    );

    let again = client.run(&["watch", "--plain", "sql"]).expect(0);
    assert_eq!(again.stdout.lines().count(), 4, "{}", again.stdout);
    assert!(
        again
            .stdout
            .lines()
            .all(|line| line.contains(" sql ") && line.contains(" IOPS ")),
        "{}",
        again.stdout
    );
}

#[test]
fn nothing_to_watch_and_nobody_there_are_told_with_what_to_do() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    let nothing = client.run(&["watch"]).expect(2);
    assert!(nothing.stderr.contains("vscsi-helper start"), "{}", nothing.stderr);
    client.run(&["watch", "no-such-job"]).expect(2);
    client.install();
    client.start("sql", "esxi", "SQL-Server-01", 1000);
    let refused = client.run(&["watch", "--plain", "sql", "--disk", "scsi9:9"]).expect(13);
    assert!(refused.stderr.contains("it has scsi0:0, scsi0:1"), "{}", refused.stderr);
    // Nobody listens at the lowest port.
    client.run(&["watch", "sql", "--port", "1"]).expect(10);
}

#[test]
fn a_host_that_is_lost_shows_how_old_its_numbers_are() {
    let host = SshHost::start("demo", Style::Esxi8);
    let proxy = Proxy::start(host.address());
    let client = Client::through(&host, proxy.port());
    client.install();
    client.start("sql", "esxi", "SQL-Server-01", 1000);
    let tmux = Tmux::start();
    tmux.watch(&client, &["watch", "sql"]);
    tmux.wait_for("all 2 disks");
    proxy.break_each_after(1);
    host.kill_everything();
    tmux.wait_for("esxi: STALE for ");
    tmux.wait_for("all 2 disks");
    tmux.keys(&["q"]);
    tmux.wait_for("ended with 0");
}

#[test]
fn the_picture_follows_keys_and_size_and_gives_the_terminal_back() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    client.start("sql", "esxi", "SQL-Server-01", 1000);
    let tmux = Tmux::start();
    tmux.watch(&client, &["watch"]);
    tmux.wait_for("esxi: connected");
    tmux.wait_for("all 2 disks");
    tmux.wait_for("latency of all I/Os");
    tmux.keys(&["Right"]);
    tmux.wait_for("disk scsi0:0");
    tmux.keys(&["m", "o"]);
    tmux.wait_for("block size of reads");
    tmux.run(&["resize-window", "-x", "60", "-y", "16"]);
    tmux.wait_for("q leave");
    wait_until("it fits", || {
        tmux.screen().lines().all(|line| line.chars().count() <= 60)
    });
    tmux.run(&["resize-window", "-x", "100", "-y", "30"]);
    tmux.keys(&["q"]);
    tmux.wait_for("ended with 0");
    assert!(tmux.is_whole());
    assert_eq!(
        client.run(&["--json", "status", "sql"]).expect(0).json()["job"]["status"],
        "running"
    );

    tmux.keys(&["clear", "Enter"]);
    tmux.watch(&client, &["watch", "--host", "esxi"]);
    tmux.wait_for("all 2 disks");
    tmux.keys(&["C-c"]);
    tmux.wait_for("ended with 0");
    assert!(tmux.is_whole());
}

/// The process that watches `sql`, and not the shell that has started it.
fn watching(client: &Client) -> u32 {
    let is_it = |process: &u32| {
        let words = command_line(*process);
        words.ends_with(&["watch".to_owned(), "sql".to_owned()])
            && words.contains(&client.data().display().to_string())
            && is_alive(*process)
    };
    processes::all().into_iter().find(is_it).unwrap()
}

#[test]
fn a_signal_ends_the_picture_and_gives_the_terminal_back() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    client.start("sql", "esxi", "SQL-Server-01", 1000);
    let tmux = Tmux::start();
    for (number, code) in [(libc::SIGTERM, 143), (libc::SIGHUP, 129)] {
        tmux.keys(&["clear", "Enter"]);
        tmux.watch(&client, &["watch", "sql"]);
        tmux.wait_for("all 2 disks");
        signal(watching(&client), number);
        tmux.wait_for(&format!("ended with {code}"));
        assert!(tmux.is_whole());
        tmux.keys(&["echo typed", "Enter"]);
        tmux.wait_for("\ntyped");
    }
}

#[test]
fn a_terminal_that_is_gone_ends_the_view_and_leaves_the_job_running() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    client.start("sql", "esxi", "SQL-Server-01", 1000);
    let tmux = Tmux::start();
    tmux.watch(&client, &["watch", "sql"]);
    tmux.wait_for("all 2 disks");
    let process = watching(&client);
    // Another window, so that the server stays.
    tmux.run(&["new-window", "sh"]);
    tmux.run(&["kill-window", "-t", ":0"]);
    wait_until("it has ended", || !is_alive(process));
    let status = client.run(&["--json", "status", "sql"]).expect(0).json();
    assert_eq!(status["job"]["status"], "running", "{status}");
}
