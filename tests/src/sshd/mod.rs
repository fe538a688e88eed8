//! A simulated ESXi host behind a real sshd on loopback.
//!
//! The host is a chroot: the simulator's programs at their ESXi paths, BusyBox ash as the shell, the datastores below
//! `/vmfs/volumes`, and nothing of `/proc`. sshd is OpenSSH's own, configured like the stock one of ESXi 8 (or 6.7): no
//! forwarding, restricted algorithms, keyboard-interactive for passwords, one session per connection as hardened hosts
//! have it. It needs root, for the chroot.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a set-up that fails must fail the test that asked for it, and say why"
)]

mod busybox;
mod client;
mod configuration;
mod proxy;
mod python;
mod root;
mod user;

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vscsi_fixtures::Scenario;

use crate::binaries::Binary;

pub use client::{Client, Finished, sampling};
pub use configuration::Style;
pub use proxy::Proxy;
pub use user::PasswordUser;

/// How long sshd may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// The path of a program under test.
///
/// # Panics
/// When it is unknown, with the command that makes it known.
pub(crate) fn program(binary: Binary) -> PathBuf {
    binary.path().unwrap_or_else(|message| panic!("{message}"))
}

/// A simulated host behind sshd. Dropping it ends every process of it.
#[derive(Debug)]
pub struct SshHost {
    directory: TempDir,
    port: u16,
    sshd: Child,
}

impl SshHost {
    /// A host of this scenario of the simulator, reached by key.
    ///
    /// # Panics
    /// When it cannot be set up: this is for tests.
    pub fn start(scenario: &str, style: Style) -> Self {
        Self::with_scenario(&Scenario::load(scenario).unwrap(), style)
    }

    /// The same, for a scenario of the test's own.
    ///
    /// # Panics
    /// When it cannot be set up: this is for tests.
    pub fn with_scenario(scenario: &Scenario, style: Style) -> Self {
        // sshd insists that nobody but root can write to any directory above a chroot, which rules out /tmp and,
        // depending on where the repository lies, the target directory.
        let directory = tempfile::Builder::new()
            .prefix("vscsi-tests-esxi-")
            .tempdir_in("/var/lib")
            .expect("these tests need root, for sshd and its chroot");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        root::create(&directory.path().join("root"), scenario);
        for name in ["host_ecdsa", "host_rsa", "client_key"] {
            make_key(
                &directory.path().join(name),
                if name == "host_rsa" { "rsa" } else { "ecdsa" },
            );
        }
        fs::copy(
            directory.path().join("client_key.pub"),
            directory.path().join("authorized_keys"),
        )
        .unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let sshd = start_sshd(directory.path(), port, style, scenario.host.exec_policy);
        Self { directory, port, sshd }
    }

    /// What is `/` on the host.
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// Lets every user run the host's programs, as on a real one: what the simulator keeps is root's otherwise.
    ///
    /// # Panics
    /// When that fails.
    pub fn let_everybody_run_programs(&self) {
        let kept = self.root().join(".esxi-sim");
        let status = Command::new("chmod").args(["-R", "a+rwX"]).arg(kept).status();
        assert!(status.unwrap().success(), "the simulator's files stay root's");
    }

    /// What the host keeps when it is switched off: every file and folder of its datastores.
    ///
    /// # Panics
    /// When they cannot be listed.
    pub fn datastores(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.root().join("vmfs/volumes")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                }
                found.push(entry.path());
            }
        }
        found.sort();
        found
    }

    /// Files around the host: keys, and sshd's configuration and log.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Where its sshd listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// What sshd wrote to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("sshd.log")).unwrap_or_default()
    }

    /// Runs `esxi-sim` on the host and returns what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn sim(&self, arguments: &[&str]) -> String {
        let output = Command::new(self.root().join("usr/bin/esxi-sim"))
            .arg("--root")
            .arg(self.root())
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "esxi-sim {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command line in the host's shell, as a person with ssh would.
    ///
    /// # Panics
    /// When ssh cannot be started.
    pub fn shell(&self, line: &str) -> Finished {
        let known_hosts = self.directory.path().join("known_hosts_of_shell");
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"])
            .args(["-o", "StrictHostKeyChecking=accept-new", "-o"])
            .arg(format!("UserKnownHostsFile={}", known_hosts.display()))
            .arg("-i")
            .arg(self.directory.path().join("client_key"))
            .args(["-p", &self.port.to_string(), "127.0.0.1", line])
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        client::finish(ssh, None)
    }

    /// From now on no session can make a file larger than this, as on a datastore that is full.
    ///
    /// # Panics
    /// When the limit cannot be set.
    pub fn limit_file_size(&self, bytes: u64) {
        let status = Command::new("prlimit")
            .args(["--pid", &self.sshd.id().to_string(), &format!("--fsize={bytes}")])
            .status();
        assert!(status.unwrap().success());
    }

    /// Processes that live in the host.
    pub fn processes(&self) -> Vec<(i32, String)> {
        root::processes(&self.root())
    }

    /// Ends every process in the host with SIGKILL.
    pub fn kill_everything(&self) {
        for (pid, _) in self.processes() {
            // It may have ended by itself.
            let _ = Command::new("kill")
                .args(["-9", &pid.to_string()])
                .stderr(Stdio::null())
                .status();
        }
    }
}

impl Drop for SshHost {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
        let deadline = Instant::now() + Duration::from_secs(5);
        while !self.processes().is_empty() && Instant::now() < deadline {
            self.kill_everything();
            std::thread::sleep(Duration::from_millis(20));
        }
        if std::thread::panicking() {
            eprintln!("--- sshd ---\n{}", self.log());
        }
    }
}

/// Makes an ssh key without a passphrase.
pub(crate) fn make_key(path: &Path, kind: &str) {
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", "", "-f"])
        .arg(path)
        .stdin(Stdio::null())
        .status()
        .expect("ssh-keygen is needed: run `cargo xtask test`, which installs openssh-client");
    assert!(status.success());
}

fn start_sshd(directory: &Path, port: u16, style: Style, exec_policy: bool) -> Child {
    assert!(
        Path::new("/usr/sbin/sshd").exists(),
        "/usr/sbin/sshd is needed: run `cargo xtask test`, which installs openssh-server"
    );
    // The directory of privilege separation, which the distribution's start script would make.
    fs::create_dir_all("/run/sshd").expect("these tests need root, for sshd and its chroot");
    let configuration = directory.join("sshd_config");
    fs::write(&configuration, configuration::text(directory, port, style)).unwrap();
    let log = File::create(directory.join("sshd.log")).unwrap();
    let mut command = Command::new(program(Binary::Filter));
    // Without it sshd has no random numbers; what runs on the host meets the lack of it in other tests.
    command.args(["--getrandom", "allow"]);
    if exec_policy {
        // This machine's own programs, of which sshd runs some, and what came with the host.
        let folders = [
            Path::new("/usr").to_owned(),
            directory.join("root/bin"),
            directory.join("root/usr"),
        ];
        for folder in folders {
            command.arg("--installed").arg(folder);
        }
    }
    // With the signal ignored, a file that grows beyond its limit gives an error to its writer, as a full datastore does.
    let mut sshd = command
        .args([
            "--",
            "/bin/sh",
            "-c",
            "trap '' XFSZ; exec /usr/sbin/sshd -D -e -f \"$0\"",
        ])
        .arg(&configuration)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("a POSIX shell is needed to start sshd");
    let deadline = Instant::now() + START_TIMEOUT;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        let log = || fs::read_to_string(directory.join("sshd.log")).unwrap_or_default();
        assert!(sshd.try_wait().unwrap().is_none(), "sshd ended: {}", log());
        assert!(Instant::now() < deadline, "sshd does not listen: {}", log());
        std::thread::sleep(Duration::from_millis(10));
    }
    sshd
}
