//! The system's own `ssh`, with the user's configuration, keys, agents and jump hosts.

mod askpass;
mod classify;
mod known_key;
mod resolve;
mod version;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use askpass::Asker;
pub use askpass::{Password, answer_as_helper};
pub(crate) use version::check_for_passwords;

use super::child::{ChildLink, Explain};
use super::greet::greet;
use super::process::{self, Output, Shell, ShellInput};
use super::{Address, GREETING_TIMEOUT, KnownAgent, Opened, Transport, TransportError, quote};

/// sshd of a hardened ESXi drops a silent client after 200 s times 3 (`ClientAliveInterval`), so we speak first.
const KEEP_ALIVE_SECONDS: u32 = 60;
/// ESXi's login shell is BusyBox ash, which gives these for a command it cannot run and one it cannot find.
const CANNOT_RUN: i32 = 126;
const CANNOT_FIND: i32 = 127;

/// Runs `ssh` to one host.
#[derive(Debug, Clone)]
pub struct Ssh {
    /// The host, and what the user said about reaching it.
    pub address: Address,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// Given by the user at the prompt; `None` for keys.
    pub password: Option<Arc<Password>>,
}

impl Ssh {
    /// The options that every invocation has, without user and host; ssh and scp call the port differently.
    fn options(&self, port_option: &str) -> Vec<String> {
        let mut options: Vec<String> = Vec::new();
        let mut set = |option: String| options.extend(["-o".to_owned(), option]);
        // What the user asked for stands first, because ssh takes the first value of each option.
        self.address.ssh_options.iter().cloned().for_each(&mut set);
        set(format!("ConnectTimeout={}", self.connect_timeout.as_secs().max(1)));
        set(format!("ServerAliveInterval={KEEP_ALIVE_SECONDS}"));
        set("ServerAliveCountMax=3".to_owned());
        // Errors tell us why a connection failed, banners do not; a configured RemoteCommand would collide with ours.
        set("LogLevel=ERROR".to_owned());
        set("RemoteCommand=none".to_owned());
        if self.password.is_some() {
            set("NumberOfPasswordPrompts=1".to_owned());
            set("PubkeyAuthentication=no".to_owned());
            set("PreferredAuthentications=keyboard-interactive,password".to_owned());
        } else {
            set("BatchMode=yes".to_owned());
        }
        if let Some(key) = &self.address.key {
            set("IdentitiesOnly=yes".to_owned());
            options.extend(["-i".to_owned(), key.to_string_lossy().into_owned()]);
        }
        if let Some(port) = self.address.port {
            options.extend([port_option.to_owned(), port.to_string()]);
        }
        options
    }

    /// The login name: what the user said, else the one `ssh_config` has for that host, else `root`.
    pub fn user(&self) -> String {
        self.address
            .user
            .clone()
            .or_else(|| self.configured_user())
            .unwrap_or_else(|| "root".to_owned())
    }

    /// The `User` of `ssh_config` for that host. ssh fills in the login name of this machine where there is none, which
    /// nobody means for an ESXi host.
    fn configured_user(&self) -> Option<String> {
        let host = self.address.host.as_str();
        // Asked without its files, ssh tells the name that it fills in; cron sets no `USER` that would.
        resolve::named_user(&resolve::ask(&[], host)?, resolve::ask(&["-F", "none"], host)?.as_str())
    }

    /// `ssh` that runs `line` on the host.
    fn exec(&self, line: &str) -> Result<Command, TransportError> {
        let mut command = Command::new("ssh");
        command
            .args(["-T", "-l", &self.user()])
            .args(self.options("-p"))
            .args(["-o", "ClearAllForwardings=yes", "--"])
            .arg(self.address.host.as_str())
            .arg(line);
        self.prepare(&mut command)?;
        Ok(command)
    }

    /// `ssh` that only forwards: `local` here to `remote` on the host's loopback.
    pub(super) fn forward(&self, local: u16, remote: u16) -> Result<Command, TransportError> {
        let mut command = Command::new("ssh");
        command
            // That the host refuses to forward is told at this level only.
            .args(["-N", "-T", "-o", "LogLevel=INFO"])
            .args(["-o", "ExitOnForwardFailure=yes", "-l", &self.user()])
            .args(self.options("-p"))
            .args(["-L", &format!("127.0.0.1:{local}:127.0.0.1:{remote}"), "--"])
            .arg(self.address.host.as_str());
        self.prepare(&mut command)?;
        Ok(command)
    }

    /// What ssh makes of the host's name and of what the user said about it.
    fn settings(&self) -> Option<String> {
        let mut options: Vec<String> = Vec::new();
        for option in &self.address.ssh_options {
            options.extend(["-o".to_owned(), option.clone()]);
        }
        if let Some(port) = self.address.port {
            options.extend(["-p".to_owned(), port.to_string()]);
        }
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        resolve::ask(&options, self.address.host.as_str())
    }

    /// The fingerprints of the keys that ssh accepts from the host, SHA-256, separated by blanks; `None` when it knows
    /// none.
    pub fn key_fingerprints(&self) -> Option<String> {
        known_key::fingerprints(&self.settings()?)
    }

    /// Whose prompts the password answers.
    fn asker(&self) -> Asker {
        let host = self.address.host.as_str();
        let settings = self.settings();
        Asker {
            name: resolve::prompted_as(settings.as_deref().unwrap_or_default(), &self.user(), host),
            // What is not known for sure gets no benefit of the doubt.
            only: settings.is_some_and(|settings| !resolve::goes_through_another(&settings)),
        }
    }

    fn prepare(&self, command: &mut Command) -> Result<(), TransportError> {
        log::debug!("running {}", shown(command));
        match &self.password {
            Some(password) => password.hand_to(command, &self.asker()),
            None => Ok(()),
        }
    }

    /// Why ssh ended like this.
    pub(super) fn explain(&self, status: Option<ExitStatus>, said: &str) -> TransportError {
        classify::classify(self, status, said)
    }

    /// `ssh` whose standard input is a shell of the host, and why it may end.
    pub(super) fn shell_command(&self) -> Result<(Command, Explain), TransportError> {
        let ssh = self.clone();
        let explain = move |status: Option<ExitStatus>, said: &str| ssh.explain(status, said);
        Ok((self.exec("/bin/sh")?, Box::new(explain)))
    }

    /// The shell of the host.
    pub fn shell(&self) -> SshShell {
        SshShell(self.clone())
    }
}

/// The command as `-v` shows it: on one line, which ends where a long script begins, and without the commands that a
/// user's options name, because people write passwords into those.
fn shown(command: &Command) -> String {
    const LENGTH: usize = 160;
    let word = |word: &OsStr| {
        let word = word.to_string_lossy();
        let named = word
            .split_once('=')
            .filter(|(name, _)| name.to_ascii_lowercase().ends_with("command"));
        match named {
            Some((name, value)) if !value.eq_ignore_ascii_case("none") => format!("{name}=..."),
            _ => match word.char_indices().nth(LENGTH) {
                Some((end, _)) => format!("{}...", quote(word.get(..end).unwrap_or_default())),
                None => quote(&word).into_owned(),
            },
        }
    };
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(word).collect::<Vec<_>>().join(" ")
}

/// Runs command lines on the host, each over its own connection, because a hardened host allows one session per
/// connection.
#[derive(Debug, Clone)]
pub struct SshShell(Ssh);

impl Shell for SshShell {
    fn run(&self, line: &str, input: ShellInput<'_>, timeout: Duration) -> Result<Output, TransportError> {
        let command = self.0.exec(line)?;
        let output = process::run(self.0.address.host.as_str(), command, input, timeout)?;
        // 255 is ssh's own failure; everything else is the command's.
        match output.status.code() {
            Some(255) | None => Err(self.0.explain(Some(output.status), &output.stderr)),
            Some(_) => Ok(output),
        }
    }

    /// By scp. A path that a shell would not take as it stands is not tried, because only some versions of scp quote
    /// it.
    fn copy(&self, file: &Path, path: &str, timeout: Duration) -> Result<bool, TransportError> {
        let ssh = &self.0;
        let host = ssh.address.host.as_str();
        if quote(path) != path {
            return Ok(false);
        }
        let target = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        let mut command = Command::new("scp");
        command
            .arg("-q")
            .args(ssh.options("-P"))
            .arg("--")
            .arg(file)
            .arg(format!("{}@{target}:{path}", ssh.user()));
        ssh.prepare(&mut command)?;
        let output = process::run(host, command, ShellInput::Empty, timeout)?;
        Ok(output.status.success())
    }
}

/// The default way: one exec channel that runs `vscsi-agent connect`.
#[derive(Debug, Clone)]
pub struct SshExec {
    /// The connection.
    pub ssh: Ssh,
    /// The agent on the host.
    pub agent: KnownAgent,
}

impl SshExec {
    pub(super) fn command(&self) -> Result<Command, TransportError> {
        self.ssh.exec(&self.agent.command_line(["connect"]))
    }
}

impl Transport for SshExec {
    fn open(&self) -> Result<Opened, TransportError> {
        let ssh = self.ssh.clone();
        let explain = move |status: Option<ExitStatus>, said: &str| ssh.explain(status, said);
        let link = ChildLink::spawn(self.command()?, Box::new(explain))?;
        let timeout = self.ssh.connect_timeout + GREETING_TIMEOUT;
        greet(self.ssh.address.host.as_str(), Box::new(link), timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ssh() -> Ssh {
        Ssh {
            address: Address {
                user: Some("root".into()),
                ..Address::new("esx1".parse().unwrap())
            },
            connect_timeout: Duration::from_secs(30),
            password: None,
        }
    }

    fn arguments(command: &Command) -> Vec<String> {
        command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn the_host_stands_after_the_end_of_options_and_the_command_is_one_word() {
        let arguments = arguments(&ssh().exec("'a b' connect").unwrap());
        assert_eq!(&arguments[arguments.len() - 3..], ["--", "esx1", "'a b' connect"]);
    }

    #[test]
    fn nothing_weakens_the_check_of_host_keys() {
        let all = arguments(&ssh().exec("true").unwrap()).join(" ");
        assert!(
            !all.contains("StrictHostKeyChecking") && !all.contains("KnownHosts"),
            "{all}"
        );
    }

    #[test]
    fn keep_alives_come_before_a_hardened_host_loses_patience() {
        const { assert!(KEEP_ALIVE_SECONDS < 200) };
        assert!(arguments(&ssh().exec("true").unwrap()).contains(&"ServerAliveInterval=60".to_owned()));
    }

    #[test]
    fn what_is_shown_of_a_command_is_one_line_without_the_commands_of_options() {
        let mut ssh = ssh();
        ssh.address.ssh_options = vec!["ProxyCommand=corkscrew proxy 80 %h %p user:hunter2".to_owned()];
        let shown = shown(&ssh.exec(&format!("first\n{}", "second ".repeat(1000))).unwrap());
        assert!(shown.starts_with("ssh -T -l root -o ProxyCommand=... "), "{shown}");
        assert!(shown.contains(" -- esx1 'first\n") && shown.ends_with("..."), "{shown}");
        assert!(!shown.contains("hunter2") && shown.len() < 600, "{shown}");
    }

    #[test]
    fn without_a_password_ssh_never_asks() {
        assert!(arguments(&ssh().exec("true").unwrap()).contains(&"BatchMode=yes".to_owned()));
    }
}
