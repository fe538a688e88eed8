//! A simulated host with the real agent on it, under the ESXi-like filter, spoken to over its loopback port.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what supports tests fails as tests do")]

use std::ffi::OsString;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use vscsi_fixtures::{Scenario, SimulatedHost};

use crate::binaries::Binary;
use crate::processes::{self, command_line, is_alive, signal};

/// How long anything may take before a test gives up; generous, because the machine may be busy.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// A host, its agent, and the agent's state directory.
#[derive(Debug)]
pub struct AgentHost {
    directory: TempDir,
    /// The host; events and faults are made to happen here.
    pub host: SimulatedHost,
    filter: PathBuf,
    agent: Option<Child>,
}

/// How an agent is started.
#[derive(Debug, Clone, Default)]
pub struct Start<'words> {
    /// The agent, when it is not the one under test.
    pub program: Option<Binary>,
    /// Kill it at this fault point, as `VSCSI_AGENT_FAULT` names it.
    pub fault: Option<&'words str>,
    /// More words for its command line.
    pub arguments: &'words [&'words str],
    /// Switches of the filter.
    pub filter: &'words [&'words str],
}

/// An answer of the agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body as JSON; null when it is none.
    pub json: Value,
}

impl AgentHost {
    /// A host made from the scenario `name`; `filter` is the path of `esxi-filter`.
    ///
    /// # Panics
    /// When a program is missing, with the command that builds it.
    pub fn new(scenario: &str, filter: &str) -> Self {
        Self::with_scenario(&Scenario::load(scenario).unwrap(), filter)
    }

    /// The same, for a scenario of the test's own.
    ///
    /// # Panics
    /// When a program is missing, with the command that builds it.
    pub fn with_scenario(scenario: &Scenario, filter: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let simulator = Binary::Simulator.path().unwrap_or_else(|problem| panic!("{problem}"));
        let host = SimulatedHost::create(scenario, &directory.path().join("host"), &simulator).unwrap();
        Self {
            directory,
            host,
            filter: PathBuf::from(filter),
            agent: None,
        }
    }

    /// A host of the scenario `demo`, on which the job `job` runs over the two disks of `SQL-Server-01`, takes one sample a
    /// second, and has two snapshots.
    ///
    /// # Panics
    /// When it does not come to have them.
    pub fn with_job(filter: &str, samples: u32) -> Self {
        let mut agent = Self::new("demo", filter);
        agent.start();
        agent.begin("job", "SQL-Server-01", samples, 1);
        agent.wait_for_snapshots("job", 2);
        agent
    }

    /// The agent's state directory.
    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// The directory of a job in the spool.
    pub fn job_directory(&self, job: &str) -> PathBuf {
        self.state().join("jobs").join(job)
    }

    /// The command line of the agent under the filter, up to the name of its command.
    ///
    /// # Panics
    /// When a program is missing.
    pub fn command(&self, binary: Binary, filter: &[&str]) -> Command {
        let agent = binary.path().unwrap_or_else(|problem| panic!("{problem}"));
        let filter: Vec<OsString> = filter.iter().map(OsString::from).collect();
        self.command_of(&agent, &filter)
    }

    /// The same for another file of the agent, with switches of the filter.
    pub fn command_of(&self, agent: &Path, filter: &[OsString]) -> Command {
        let mut command = Command::new(&self.filter);
        command.args(filter).arg("--").arg(agent);
        command
    }

    /// Adds the options every command of the agent takes.
    pub fn with_places(&self, command: &mut Command) {
        command.arg("--state-dir").arg(self.state());
        command.arg("--host-root").arg(self.host.root());
    }

    /// Starts the agent and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn start(&mut self) {
        self.start_with(&Start::default());
        self.wait_for_answer();
    }

    /// Starts the agent without waiting.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_with(&mut self, how: &Start<'_>) {
        let under_test = if how.fault.is_some() {
            Binary::AgentWithFaultPoints
        } else {
            Binary::Agent
        };
        let binary = how.program.unwrap_or(under_test);
        let mut command = self.command(binary, how.filter);
        command.arg("serve");
        self.with_places(&mut command);
        command.args(how.arguments);
        if !how.arguments.contains(&"--idle-exit") {
            command.args(["--idle-exit", "0"]);
        }
        if let Some(fault) = how.fault {
            command.env("VSCSI_AGENT_FAULT", fault);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.agent = Some(child);
    }

    /// Waits until the agent answers at its port.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait_for_answer(&self) {
        let process = self.process();
        wait_until("the agent answers", || {
            let port = self
                .running("process")
                .filter(|found| found.as_u64() == Some(u64::from(process)));
            port.is_some() && TcpStream::connect(("127.0.0.1", self.port())).is_ok()
        });
    }

    /// Process number of the agent that was started last.
    ///
    /// # Panics
    /// When none was.
    pub fn process(&self) -> u32 {
        self.agent.as_ref().unwrap().id()
    }

    /// Process number of the agent that says it can be found.
    pub fn announced_process(&self) -> Option<u32> {
        u32::try_from(self.running("process")?.as_u64()?).ok()
    }

    fn running(&self, key: &str) -> Option<Value> {
        // On a full volume it can be found below /var/run.
        let run = std::fs::read_dir(self.host.root().join("var/run"))
            .into_iter()
            .flatten()
            .flatten();
        let elsewhere = run
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|it| it == "json"));
        let mut places = std::iter::once(self.state().join("running.json")).chain(elsewhere);
        let text = places.find_map(|place| std::fs::read(place).ok())?;
        let running: Value = serde_json::from_slice(&text).ok()?;
        running.get(key).cloned()
    }

    /// The agent's port; 0 when it runs not.
    pub fn port(&self) -> u16 {
        let port = self.running("port").and_then(|port| port.as_u64()).unwrap_or(0);
        u16::try_from(port).unwrap_or(0)
    }

    /// The agent's token; empty when it runs not.
    pub fn token(&self) -> String {
        let token = self
            .running("token")
            .and_then(|token| token.as_str().map(str::to_owned));
        token.unwrap_or_default()
    }

    /// Sends a signal to the agent.
    ///
    /// # Panics
    /// When there is none.
    pub fn signal(&self, number: i32) {
        signal(self.process(), number);
    }

    /// Waits for the end of the agent, whoever causes it; its exit code, or `None` when a signal ended it.
    ///
    /// # Panics
    /// When it does not end.
    pub fn wait_for_end(&mut self) -> Option<i32> {
        let mut child = self.agent.take().unwrap();
        let mut status = None;
        wait_until("the agent ends", || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
        status.and_then(|status| status.code())
    }

    /// Ends the agent in order and waits for it.
    pub fn terminate(&mut self) {
        self.signal(libc::SIGTERM);
        self.wait_for_end();
    }

    /// Has another agent take over, and waits until it answers and the one before has ended; gives its exit code.
    ///
    /// # Panics
    /// When that does not come about.
    pub fn hand_over(&mut self) -> Option<i32> {
        let mut before = self.agent.take().unwrap();
        self.start_with(&Start {
            arguments: &["--take-over"],
            ..Start::default()
        });
        let mut status = None;
        wait_until("the agent before ends", || {
            status = before.try_wait().unwrap();
            status.is_some()
        });
        self.wait_for_answer();
        status.and_then(|status| status.code())
    }

    /// Kills agent and switch at one moment.
    ///
    /// # Panics
    /// When there is no switch.
    pub fn kill_both(&mut self) {
        // A stopped agent replaces no switch.
        self.signal(libc::SIGSTOP);
        let switch = self.switch().unwrap();
        signal(switch, libc::SIGKILL);
        wait_until("the switch is gone", || self.switch() != Some(switch));
        self.kill();
    }

    /// Kills the agent and waits for it; its switch lives on.
    pub fn kill(&mut self) {
        self.signal(libc::SIGKILL);
        self.wait_for_end();
    }

    /// The process number of the switch.
    pub fn switch(&self) -> Option<u32> {
        self.switches().first().copied()
    }

    /// The process numbers of the switches: during a handover there are two.
    pub fn switches(&self) -> Vec<u32> {
        let state = self.state().display().to_string();
        let is_switch = |process: &u32| {
            let words = command_line(*process);
            words.iter().any(|word| word == "switch") && words.contains(&state) && is_alive(*process)
        };
        processes::all().into_iter().filter(is_switch).collect()
    }

    /// The host is switched off without warning and started again: what lies in RAM is lost.
    ///
    /// # Panics
    /// When the simulator refuses.
    pub fn reboot(&mut self) {
        self.kill_both();
        self.host.reboot().unwrap();
        let _ = std::fs::remove_dir_all(self.host.root().join("var/run"));
        // The monotonic clock of this machine goes on; that of a host begins anew at each boot.
        let note = self.state().join("boot.json");
        let mut noted: Value = serde_json::from_slice(&std::fs::read(&note).unwrap()).unwrap();
        let day_ms = 24 * 3_600_000;
        noted["monotonic_ms"] = (noted["monotonic_ms"].as_u64().unwrap() + day_ms).into();
        std::fs::write(&note, noted.to_string()).unwrap();
    }

    /// `GET /v1/PATH`.
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, "")
    }

    /// `POST /v1/PATH` with a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, &body.to_string())
    }

    /// Whoever can ask the agent that can be found now.
    pub fn asker(&self) -> Option<Asker> {
        let (port, token) = (self.port(), self.token());
        (port != 0).then_some(Asker { port, token })
    }

    /// A request with the agent's own token.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn request(&self, method: &str, path: &str, body: &str) -> Answer {
        let asker = self.asker().unwrap();
        asker.ask(method, path, body, TIMEOUT).unwrap()
    }

    /// A request for a job over all disks of `vm`, by its configuration file.
    ///
    /// # Panics
    /// When the host does not list the VM.
    pub fn job_request(&self, name: &str, vm: &str, samples: u32, interval_seconds: u32) -> Value {
        let inventory = self.get("inventory").json;
        let vms = inventory["vms"].as_array().unwrap();
        let found = vms.iter().find(|found| found["name"] == vm).unwrap();
        let disks: Vec<Value> = found["disks"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|disk| !disk["handle_id"].is_null())
            .map(|disk| serde_json::json!({"handle_id": disk["handle_id"], "node": disk["node"], "lun": disk["node"]}))
            .collect();
        serde_json::json!({
            "name": name,
            "vm": {"config_file": found["config_file"]},
            "disks": disks,
            "profile": {"name": "test", "samples": samples, "interval_seconds": interval_seconds},
        })
    }

    /// Begins a job over all disks of `vm`.
    ///
    /// # Panics
    /// When the agent refuses.
    pub fn begin(&self, name: &str, vm: &str, samples: u32, interval_seconds: u32) {
        let answer = self.post("jobs", &self.job_request(name, vm, samples, interval_seconds));
        assert_eq!(answer.status, 201, "{}", answer.json);
    }

    /// A job as the agent tells it.
    pub fn job(&self, name: &str) -> Value {
        self.get(&format!("jobs/{name}")).json
    }

    /// The status of a job; empty when there is none.
    pub fn status(&self, name: &str) -> String {
        self.job(name)["job"]["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a job has ended and gives its view.
    ///
    /// # Panics
    /// When it does not end.
    pub fn wait_for_job(&self, name: &str) -> Value {
        wait_until(&format!("job {name} ends"), || {
            ["completed", "failed", "stopped"].contains(&self.status(name).as_str())
        });
        self.job(name)
    }

    /// Waits until a job has `count` snapshots in the spool.
    ///
    /// # Panics
    /// When it does not come to have them.
    pub fn wait_for_snapshots(&self, name: &str, count: usize) {
        wait_until(&format!("job {name} has {count} snapshots"), || {
            self.get(&format!("jobs/{name}/samples")).json["samples"]
                .as_array()
                .is_some_and(|samples| samples.len() >= count)
        });
    }

    /// Waits until nothing on the host is being collected.
    ///
    /// # Panics
    /// When something stays.
    pub fn wait_until_nothing_collects(&self) {
        wait_until("no collection runs", || self.host.collecting().unwrap().is_empty());
    }
}

/// Port and token of an agent, for a thread that waits for its answer.
#[derive(Debug, Clone)]
pub struct Asker {
    port: u16,
    token: String,
}

impl Asker {
    /// The answer; `None` when none comes, because the agent is gone or does nothing.
    pub fn ask(&self, method: &str, path: &str, body: &str, timeout: Duration) -> Option<Answer> {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://127.0.0.1:{}/v1/{path}", self.port))
            .header("Authorization", format!("Bearer {}", self.token))
            .body(body.to_owned())
            .ok()?;
        let client: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(timeout))
            .build()
            .into();
        let mut response = client.run(request).ok()?;
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string().unwrap_or_default();
        Some(Answer {
            status,
            json: serde_json::from_str(&text).unwrap_or(Value::Null),
        })
    }
}

impl Drop for AgentHost {
    fn drop(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            let _ = agent.kill();
            let _ = agent.wait();
        }
        // The switch of a killed agent ends by itself, but not before the directory under it goes.
        let until = Instant::now() + Duration::from_secs(5);
        while self.switch().is_some() && Instant::now() < until {
            sleep(Duration::from_millis(50));
        }
        // One that cannot stop everything would go on trying for half an hour, on a host that is gone.
        if let Some(switch) = self.switch() {
            signal(switch, libc::SIGKILL);
        }
    }
}

/// Lets a process open no descriptor beyond those it has, until this is dropped.
#[derive(Debug)]
pub struct NoMoreDescriptors {
    process: i32,
    before: libc::rlimit,
}

impl NoMoreDescriptors {
    /// For `process`, which the test started.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn of(process: u32) -> Self {
        let open = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count();
        let process = i32::try_from(process).unwrap();
        let before = limit_descriptors(process, None);
        // The hard limit stays, because only a privileged user could raise it again.
        let short = libc::rlimit {
            rlim_cur: open as u64,
            ..before
        };
        limit_descriptors(process, Some(short));
        Self { process, before }
    }
}

impl Drop for NoMoreDescriptors {
    fn drop(&mut self) {
        limit_descriptors(self.process, Some(self.before));
    }
}

/// Sets the limit, when one is given, and gives the one before.
#[expect(unsafe_code, reason = "prlimit has no safe wrapper in std")]
fn limit_descriptors(process: i32, limit: Option<libc::rlimit>) -> libc::rlimit {
    let mut before = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the first pointer is null or valid for the duration of the call, the second for a write of one limit.
    let result = unsafe { libc::prlimit(process, libc::RLIMIT_NOFILE, limit, &raw mut before) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    before
}

/// Waits for something that must come to be.
///
/// # Panics
/// When it does not within [`TIMEOUT`].
pub fn wait_until(what: &str, is_so: impl FnMut() -> bool) {
    wait(TIMEOUT, what, is_so);
}

/// Waits for something that comes to be after a time of its own, up to a minute.
///
/// # Panics
/// When it does not within three times [`TIMEOUT`].
pub fn wait_long(what: &str, is_so: impl FnMut() -> bool) {
    wait(3 * TIMEOUT, what, is_so);
}

fn wait(timeout: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + timeout;
    while !is_so() {
        assert!(Instant::now() < until, "waited in vain until {what}");
        sleep(Duration::from_millis(20));
    }
}
