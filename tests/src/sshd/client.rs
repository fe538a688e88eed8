//! `vscsi-helper` as a user of one workstation runs it.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{SshHost, program};
use crate::binaries::Binary;

/// A workstation: a home directory with a known host key and a configuration, and nothing of this machine's user.
#[derive(Debug)]
pub struct Client {
    home: TempDir,
    connection: Vec<String>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Its exit code; -1 when a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Client {
    /// A workstation that knows the host's key and has one it accepts.
    ///
    /// # Panics
    /// When it cannot be set up: this is for tests.
    pub fn of(host: &SshHost) -> Self {
        Self::through(host, host.address().port())
    }

    /// The same, with another port than the host's, such as a proxy's.
    ///
    /// # Panics
    /// When it cannot be set up: this is for tests.
    pub fn through(host: &SshHost, port: u16) -> Self {
        let home = tempfile::tempdir().unwrap();
        // Retries wait 5 s and more; where they are not the subject, there are none.
        let configuration = "ssh:\n  retry_attempts: 0\n  connection_timeout: 20\n";
        fs::write(home.path().join("config.yaml"), configuration).unwrap();
        let known_hosts = home.path().join("known_hosts");
        let key = fs::read_to_string(host.directory().join("host_ecdsa.pub")).unwrap();
        fs::write(&known_hosts, format!("esxi {key}")).unwrap();
        let connection = vec![
            "--port".to_owned(),
            port.to_string(),
            "--key".to_owned(),
            host.directory().join("client_key").display().to_string(),
            "--ssh-option=HostName=127.0.0.1".to_owned(),
            "--ssh-option=HostKeyAlias=esxi".to_owned(),
            format!("--ssh-option=UserKnownHostsFile={}", known_hosts.display()),
            "--ssh-option=GlobalKnownHostsFile=/dev/null".to_owned(),
        ];
        Self { home, connection }
    }

    /// The options that lead to the host.
    pub fn connection(&self) -> &[String] {
        &self.connection
    }

    /// The options that lead to the host, without those that begin with `prefix` (and its value, for `--key` and such).
    pub fn connection_without(&self, option: &str) -> Vec<String> {
        let mut kept = Vec::new();
        let mut words = self.connection.iter();
        while let Some(word) = words.next() {
            if word == option {
                words.next();
            } else if !word.starts_with(&format!("{option}=")) {
                kept.push(word.clone());
            }
        }
        kept
    }

    /// The file of known host keys.
    pub fn known_hosts(&self) -> PathBuf {
        self.home.path().join("known_hosts")
    }

    /// The configuration file.
    pub fn configuration(&self) -> PathBuf {
        self.home.path().join("config.yaml")
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// The home directory.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The command, not started yet.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(program(Binary::Client));
        command
            .arg("--data-dir")
            .arg(self.data())
            .arg("--config")
            .arg(self.configuration())
            .args(arguments)
            .env("HOME", self.home.path())
            .env_remove("VSCSI_HELPER_AGENT")
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        finish(self.command(arguments), None)
    }

    /// Runs a command that reaches the host for the first time, with all that leads there.
    pub fn run_connected(&self, arguments: &[&str]) -> Finished {
        self.run_with(arguments, &self.connection)
    }

    /// Runs a command with these further options.
    pub fn run_with(&self, arguments: &[&str], further: &[String]) -> Finished {
        let words = arguments
            .iter()
            .map(|word| (*word).to_owned())
            .chain(further.iter().cloned());
        finish(self.command(words), None)
    }

    /// Runs a command with these further options and this standard input.
    pub fn run_with_input(&self, arguments: &[&str], further: &[String], input: &str) -> Finished {
        let words = arguments
            .iter()
            .map(|word| (*word).to_owned())
            .chain(further.iter().cloned());
        finish(self.command(words), Some(input))
    }

    /// Installs the agent on the host: the one in Python where `VSCSI_AGENT_MODE` says `script`.
    ///
    /// # Panics
    /// When that fails.
    #[track_caller]
    pub fn install(&self) -> Finished {
        let mut words = vec!["install", "esxi"];
        let mode = std::env::var("VSCSI_AGENT_MODE").ok();
        words.extend(mode.iter().flat_map(|mode| ["--mode", mode]));
        self.run_connected(&words).expect(0)
    }

    /// Starts the job `name`.
    ///
    /// # Panics
    /// When that fails.
    #[track_caller]
    pub fn start(&self, name: &str, host: &str, vm: &str, samples: u32) {
        let words = sampling("start", host, vm, samples);
        let words: Vec<&str> = words.iter().map(String::as_str).chain(["--name", name]).collect();
        self.run(&words).expect(0);
    }

    /// Adds the schedule `name` of the VM "SQL-Server-01".
    pub fn schedule(&self, name: &str, cron: &str) -> Finished {
        let words = [
            "schedule",
            "add",
            name,
            "--cron",
            cron,
            "--host",
            "esxi",
            "--vm",
            "SQL-Server-01",
        ];
        self.run(&words)
    }

    /// Collects `samples` of the VM "SQL-Server-01" with these further options.
    pub fn collect(&self, samples: u32, further: &[&str]) -> Finished {
        let further: Vec<String> = further.iter().map(|&word| word.to_owned()).collect();
        let words = sampling("collect", "esxi", "SQL-Server-01", samples);
        finish(self.command(words.iter().chain(&further)), None)
    }
}

/// The words of a `start` or `collect` with a sample each second.
pub fn sampling(command: &str, host: &str, vm: &str, samples: u32) -> [String; 9] {
    let samples = samples.to_string();
    [
        command,
        "--host",
        host,
        "--vm",
        vm,
        "--samples",
        &samples,
        "--interval",
        "1",
    ]
    .map(str::to_owned)
}

/// Runs a command to its end.
pub(super) fn finish(mut command: Command, input: Option<&str>) -> Finished {
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().unwrap();
    if let (Some(mut pipe), Some(text)) = (child.stdin.take(), input) {
        pipe.write_all(text.as_bytes()).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    Finished {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Finished {
    /// Returns the output of a command that ended with `code`.
    ///
    /// # Panics
    /// When it ended otherwise.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "often only the exit code matters")]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The output as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}
