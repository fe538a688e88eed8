//! A home directory with the jobs of other hosts, on which the real client runs.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::agent::{HostileAgent, Request};
use super::laws::{self, Deadline, Files};
use super::reply::Reply;
use super::spool::Spool;
use crate::binaries::Binary;

/// The job that the hostile host is asked for.
const ASKED: &str = "evil";
/// Samples of each job.
const SAMPLES: u32 = 2;

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its words.
    pub words: Vec<String>,
    /// Its exit code; -1 when a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// Its largest resident memory.
    pub peak_bytes: u64,
    /// It did not end by itself.
    pub was_killed: bool,
}

/// A workstation that knows the honest host `esx01` with its jobs `good` and `prod`, and then the hostile host `h2`.
#[derive(Debug)]
pub struct Workstation {
    home: TempDir,
    /// The host that was taken over.
    pub agent: HostileAgent,
    /// Where the honest host would be contacted.
    trap: TcpListener,
    before: Files,
    /// Everything that broke a law so far.
    broken: Vec<String>,
    /// How long each command may take.
    pub deadline: Deadline,
}

impl Default for Workstation {
    fn default() -> Self {
        Self::new()
    }
}

impl Workstation {
    /// A workstation that has not met the hostile host yet.
    ///
    /// # Panics
    /// When it cannot be set up: this is for tests.
    pub fn new() -> Self {
        Self::with_agent(HostileAgent::start(Spool::new("h2", &[], SAMPLES)))
    }

    /// The same, where the hostile host has the job `evil` already.
    ///
    /// # Panics
    /// When it cannot be set up: this is for tests.
    pub fn with_job_there() -> Self {
        Self::with_agent(HostileAgent::start(Spool::new("h2", &[ASKED], SAMPLES)))
    }

    /// The same, where the disk of its VM is called `node`.
    ///
    /// # Panics
    /// When it cannot be set up: this is for tests.
    pub fn with_disk_there(node: &str) -> Self {
        Self::with_agent(HostileAgent::start(Spool::with_disk(node, "h2", &[ASKED], SAMPLES)))
    }

    /// The same, where it was also pulled while the host was honest.
    ///
    /// # Panics
    /// When it cannot be set up: this is for tests.
    pub fn with_job_here() -> Self {
        let mut workstation = Self::with_job_there();
        let ended = workstation.run(&["pull", ASKED, "--host", "h2"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        workstation.before = laws::files_below(workstation.home.path());
        workstation
    }

    fn with_agent(agent: HostileAgent) -> Self {
        let home = tempfile::tempdir().unwrap();
        copy(template(), home.path());
        let trap = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        trap.set_nonblocking(true).unwrap();
        let record = home.path().join("data/.hosts/esx01.json");
        let mut known: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
        known["address"]["tunnel"] = format!(
            "direct:{},{}",
            trap.local_addr().unwrap(),
            greeting(home.path()).display()
        )
        .into();
        fs::write(&record, known.to_string()).unwrap();
        fs::write(greeting(home.path()), agent.greeting().to_string()).unwrap();
        let before = laws::files_below(home.path());
        Self {
            home,
            agent,
            trap,
            before,
            broken: Vec::new(),
            deadline: Deadline::default(),
        }
    }

    /// From now on every answer of the hostile host passes through `change`.
    pub fn attack(&self, change: impl Fn(&Request, Reply) -> Reply + Send + Sync + 'static) {
        self.agent.attack(Arc::new(change));
    }

    /// From now on the JSON of the answers of `route` is changed.
    pub fn attack_route(&self, route: &'static str, change: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.attack(move |request, mut reply| {
            if request.route() == route
                && let Some(value) = reply.value()
            {
                change(value);
            }
            reply
        });
    }

    /// From now on every view of one job is changed.
    pub fn attack_views(&self, change: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.attack(move |_, mut reply| {
            if let Some(view) = reply.view() {
                change(view);
            }
            reply
        });
    }

    /// From now on the files of bundles are changed.
    pub fn attack_bundle(&self, change: impl Fn(&mut Vec<(Value, Vec<u8>)>) + Send + Sync + 'static) {
        self.attack(move |_, mut reply| {
            if let Some(files) = reply.files() {
                change(files);
            }
            reply
        });
    }

    /// The home directory.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Every file and folder below a folder of the home directory, and that folder.
    pub fn below(&self, folder: &str) -> Vec<PathBuf> {
        let mut found = vec![self.home.path().join(folder)];
        let mut next = 0;
        while let Some(path) = found.get(next).cloned() {
            found.extend(
                fs::read_dir(path)
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(|entry| entry.path()),
            );
            next += 1;
        }
        found
    }

    /// Writes a file of the home directory, as a test and not as the client.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn put(&mut self, name: &str, text: &str) {
        let path = self.home.path().join(name);
        fs::write(&path, text).unwrap();
        self.before.insert(path, text.as_bytes().to_vec());
    }

    /// Bytes below the directory of a job.
    pub fn stored_bytes(&self, job: &str) -> u64 {
        let files = laws::files_below(&self.data().join(job));
        files.values().map(|content| content.len() as u64).sum()
    }

    /// Writes another greeting for the hostile host.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn greet_with(&mut self, text: &str) {
        self.put("greeting.json", text);
    }

    /// Runs the client, and remembers which laws that broke. The way to the hostile host is added where a word is `h2`.
    ///
    /// # Panics
    /// When the client cannot be run.
    pub fn run(&mut self, words: &[&str]) -> Ended {
        let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        if words.iter().any(|word| word == "h2") {
            let address = format!("127.0.0.1:{}", self.agent.port());
            words.push(format!(
                "--tunnel=direct:{address},{}",
                greeting(self.home.path()).display()
            ));
        }
        let ended = run(self.home.path(), &words, self.deadline);
        let broken = laws::broken_by(&ended, self.deadline);
        let line = ended.words.join(" ");
        self.broken
            .extend(broken.into_iter().map(|what| format!("`{line}` {what}")));
        ended
    }

    /// Everything that broke a law until now; `others` are jobs that may be new or changed besides `evil`.
    pub fn broken_laws(&self, others: &[&str]) -> Vec<String> {
        let after = laws::files_below(self.home.path());
        let may_change = |path: &Path| {
            let mut parts = path.iter().filter_map(|part| part.to_str());
            let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let job = second.trim_end_matches("@h2");
            match first {
                "data" => {
                    job == ASKED
                        || others.contains(&second)
                        || second.starts_with("catalog.db")
                        || second == ".locks"
                        || path.ends_with(".hosts/h2.json")
                        || path.ends_with(".hosts/h3.json")
                }
                // What the tests themselves have the client write.
                "out" => true,
                _ => false,
            }
        };
        let mut broken = self.broken.clone();
        broken.extend(laws::changed(self.home.path(), &self.before, &after, may_change));
        broken.extend(laws::dangerous(&after));
        if self.trap.accept().is_ok() {
            broken.push("another host was contacted".to_owned());
        }
        if let Some(calls) = after.get(&self.home.path().join("ssh-calls")) {
            broken.push(format!("ssh was started: {}", String::from_utf8_lossy(calls).trim()));
        }
        broken
    }

    /// Fails the test if a law was broken.
    ///
    /// # Panics
    /// When one was.
    #[track_caller]
    pub fn expect_laws(&self) {
        let broken = self.broken_laws(&[]);
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }
}

fn greeting(home: &Path) -> PathBuf {
    home.join("greeting.json")
}

/// A home directory in which the client pulled two jobs of the honest host.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<TempDir> = OnceLock::new();
    TEMPLATE
        .get_or_init(|| {
            let home = tempfile::tempdir().unwrap();
            let folder = home.path();
            fs::create_dir(folder.join("out")).unwrap();
            fs::write(
                folder.join("config.yaml"),
                "ssh:\n  retry_attempts: 0\n  answer_timeout: 2\n",
            )
            .unwrap();
            // Nothing here is to be reached by ssh: whoever calls it is written down.
            let programs = folder.join("programs");
            fs::create_dir(&programs).unwrap();
            fs::write(
                programs.join("ssh"),
                "#!/bin/sh\n[ \"$*\" = -V ] || echo \"$*\" >> \"$HOME/ssh-calls\"\nexit 255\n",
            )
            .unwrap();
            fs::set_permissions(programs.join("ssh"), fs::Permissions::from_mode(0o755)).unwrap();
            let agent = HostileAgent::start(Spool::new("esx01", &["good", "prod"], SAMPLES));
            fs::write(greeting(folder), agent.greeting().to_string()).unwrap();
            let tunnel = format!(
                "--tunnel=direct:127.0.0.1:{},{}",
                agent.port(),
                greeting(folder).display()
            );
            let words = ["pull", "--host", "esx01", &tunnel].map(str::to_owned);
            let ended = run(folder, &words, Deadline::default());
            assert_eq!(ended.code, 0, "{}", ended.stderr);
            home
        })
        .path()
}

/// Copies everything below a folder with its rights.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&path, &target);
            fs::set_permissions(&target, path.metadata().unwrap().permissions()).unwrap();
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn run(home: &Path, words: &[String], deadline: Deadline) -> Ended {
    let outputs = tempfile::tempdir().unwrap();
    let (stdout, stderr) = (outputs.path().join("stdout"), outputs.path().join("stderr"));
    let mut path = home.join("programs").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut child = Command::new(Binary::Client.path().unwrap())
        .arg("--data-dir")
        .arg(home.join("data"))
        .arg("--config")
        .arg(home.join("config.yaml"))
        .args(words)
        .current_dir(home.join("out"))
        .env("HOME", home)
        .env("PATH", path)
        .env_remove("VSCSI_HELPER_AGENT")
        .env_remove("SSH_AUTH_SOCK")
        .stdin(Stdio::null())
        .stdout(File::create(&stdout).unwrap())
        .stderr(File::create(&stderr).unwrap())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let (mut was_killed, mut peak_bytes) = (false, 0);
    let status = loop {
        peak_bytes = peak_bytes.max(peak_memory(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if !was_killed && begun.elapsed() > deadline.0 {
            was_killed = true;
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let text = |path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    Ended {
        words: words.to_vec(),
        code: status.code().unwrap_or(-1),
        stdout: text(&stdout),
        stderr: text(&stderr),
        peak_bytes,
        was_killed,
    }
}

/// The largest resident memory of a process so far; 0 when it has ended. What the kernel adds up for a process that has
/// ended includes that of this one, from before the other's beginning.
fn peak_memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|text| text.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
