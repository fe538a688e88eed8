//! From a host's name on the command line to a connection.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use vscsi_shared::job::HostIdentity;
use vscsi_shared::wire::v1::{Inventory, ScheduleView};

use super::{CliError, Env};
use crate::config::expand_home;
use crate::failure::UsageError;
use crate::host::{AgentHost, Host, HostError, HostRecord, KnownSchedule, Retrying, inventory_without_agent, retried};
use crate::install::{Package, find_agent};
use crate::store::{Store, StoreError};
use crate::transport::ssh::{Password, Ssh, SshExec, check_for_passwords};
use crate::transport::{
    Address, Conversation, Direct, Forward, HostName, KnownAgent, Local, Session, Shell, Transport, Tunnel,
};

/// What the host of a command may be.
const HOST_HELP: &str = "ESXi host: a name, an address, or an alias of `ssh_config`; USER@HOST works too";

/// The host that a command is about.
#[derive(Debug, Args)]
pub(super) struct HostArg {
    #[arg(id = "host", value_name = "HOST", help = HOST_HELP)]
    pub(super) name: String,
}

/// The host that a command is about, where the command has a subject of its own.
#[derive(Debug, Args)]
pub(super) struct HostOption {
    #[arg(id = "host", long = "host", value_name = "HOST", help = HOST_HELP)]
    pub(super) name: String,
}

/// Under which heading the help shows how to reach a host.
pub(super) const CONNECTION: &str = "Connection";

/// How to reach a host. What is left out is taken from the last time, then from the configuration, then from ssh
/// itself.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = CONNECTION)]
pub(super) struct ConnectArgs {
    /// Login name [default: that of `ssh_config`, else root]
    #[arg(short, long, value_name = "NAME")]
    pub user: Option<String>,
    /// Private key; ESXi accepts ECDSA and RSA keys, but not Ed25519 [default: whatever ssh tries]
    #[arg(short, long, value_name = "PATH")]
    pub key: Option<PathBuf>,
    /// Port of the host's ssh service [default: that of `ssh_config`, else 22]
    #[arg(long, value_name = "NUMBER")]
    pub port: Option<u16>,
    /// Ask once for a password for all hosts of this command; read from standard input when that is not a
    /// terminal, and never stored
    #[arg(long)]
    pub password: bool,
    /// Additional ssh option, as for `ssh -o`; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub ssh_option: Vec<String>,
    /// How to reach the agent: `exec`, `forward`, `direct:ADDRESS,GREETING_FILE` or `local:PATH_OF_AGENT[,HOST_ROOT]`
    /// [default: exec]
    #[arg(long, value_name = "WAY")]
    pub tunnel: Option<Tunnel>,
    #[arg(skip)]
    asked: AskedOnce,
}

/// A password that is asked for when first needed. Whoever needs it meanwhile, such as the threads of a pull, waits.
#[derive(Debug, Default)]
struct AskedOnce(Mutex<Option<Arc<Password>>>);

impl AskedOnce {
    fn get(&self, ask: impl FnOnce() -> Result<Password, CliError>) -> Result<Arc<Password>, CliError> {
        let mut password = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*password {
            Some(password) => Ok(Arc::clone(password)),
            None => Ok(Arc::clone(password.insert(Arc::new(ask()?)))),
        }
    }
}

/// One host, and everything needed to open connections to it.
#[derive(Debug)]
pub(super) struct Target<'env> {
    /// What is known of it.
    pub record: HostRecord,
    env: &'env Env,
    password: Option<Arc<Password>>,
}

impl ConnectArgs {
    /// The host that the user calls `name`, or `USER@NAME`.
    ///
    /// # Errors
    /// When that is no host's name, or the password cannot be read.
    pub(super) fn target<'env>(&self, name: &str, store: &Store, env: &'env Env) -> Result<Target<'env>, CliError> {
        let (user, name) = match name.split_once('@') {
            Some((user, name)) => (Some(user.to_owned()), name),
            None => (None, name),
        };
        self.target_as(user, name.parse()?, store, env)
    }

    /// A host by the name under which it was recorded, which holds no login.
    ///
    /// # Errors
    /// When the password cannot be read.
    pub(super) fn recorded<'env>(
        &self,
        host: HostName,
        store: &Store,
        env: &'env Env,
    ) -> Result<Target<'env>, CliError> {
        self.target_as(None, host, store, env)
    }

    fn target_as<'env>(
        &self,
        user: Option<String>,
        host: HostName,
        store: &Store,
        env: &'env Env,
    ) -> Result<Target<'env>, CliError> {
        let mut record = match store.host(&host)? {
            Some(record) => record,
            None => HostRecord::new(Address::new(host)),
        };
        let ssh = &env.config.ssh;
        let address = &mut record.address;
        address.user = user
            .or(self.user.clone())
            .or(address.user.take())
            .or(ssh.default_user.clone());
        if let Some(user) = &address.user {
            check_user(user)?;
        }
        address.key = match &self.key {
            Some(key) => Some(std::path::absolute(expand_home(key)).unwrap_or_else(|_| key.clone())),
            None => address.key.take().or(ssh.default_key.clone()),
        };
        address.port = self.port.or(address.port);
        for option in &self.ssh_option {
            check_option(option)?;
        }
        if !self.ssh_option.is_empty() {
            address.ssh_options.clone_from(&self.ssh_option);
        }
        if let Some(tunnel) = &self.tunnel {
            address.tunnel = tunnel.clone();
        }
        check_key(address)?;
        let password = if self.password {
            check_for_passwords()?;
            Some(self.asked.get(|| ask_password(&record.address))?)
        } else {
            None
        };
        Ok(Target { record, env, password })
    }
}

/// A host and how it is reached, for a thread that opens the connection itself.
#[derive(Debug)]
pub(super) struct Reach {
    record: HostRecord,
    password: Option<Arc<Password>>,
}

impl Reach {
    /// The host's name as the user writes it.
    pub(super) fn name(&self) -> &HostName {
        &self.record.address.host
    }

    /// The host.
    pub(super) fn target<'env>(&self, env: &'env Env) -> Target<'env> {
        Target {
            record: self.record.clone(),
            env,
            password: self.password.clone(),
        }
    }
}

impl Target<'_> {
    /// The same without what it was found in.
    pub(super) fn reach(self) -> Reach {
        Reach {
            record: self.record,
            password: self.password,
        }
    }

    /// Its name as the user writes it.
    pub(super) fn name(&self) -> &HostName {
        &self.record.address.host
    }

    /// The host as it is recorded in the jobs that come from it, without asking ssh for its key.
    pub(super) fn identity(&self) -> HostIdentity {
        HostIdentity {
            hostname: self.name().to_string(),
            username: self.record.address.user.clone(),
            fingerprint: None,
        }
    }

    /// Records that the host answered, and how it was reached.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub(super) fn remember(&self, store: &Store) -> Result<(), StoreError> {
        self.remember_as(self.record.clone(), store)
    }

    /// The same for a command that only looks, which a full disk keeps from nothing.
    pub(super) fn remember_seen(&self, store: &Store) {
        self.warn_of(self.remember(store));
    }

    fn remember_as(&self, mut record: HostRecord, store: &Store) -> Result<(), StoreError> {
        record.last_seen = Some(self.env.clock.now());
        store.remember_host(&record)
    }

    /// Records that the host answered, and which version of ESXi it has; where it cannot be, that is a warning.
    pub(super) fn remember_version(&self, esxi_version: String, store: &Store) {
        let record = HostRecord {
            esxi_version,
            ..self.record.clone()
        };
        self.warn_of(self.remember_as(record, store));
    }

    /// Warns where what the host says could not be recorded, which a full disk keeps from nothing else.
    pub(super) fn warn_of(&self, kept: Result<(), StoreError>) {
        if let Err(error) = kept {
            let told = CliError::told(&error);
            self.env
                .warn(format_args!("what {} says was not kept: {told}", self.name()));
        }
    }

    /// Records that the host answered, and what it says of its schedules; where it cannot be, that is a warning.
    pub(super) fn remember_schedules(&self, schedules: &[ScheduleView], store: &Store) {
        let mut record = self.record.clone();
        record.schedules = schedules.iter().map(KnownSchedule::of).collect();
        self.warn_of(self.remember_as(record, store));
    }

    /// The host, reached when first needed, and again after the configured waits when a connection fails.
    pub(super) fn host(&self) -> Retrying<'_> {
        let env = self.env;
        let address = &self.record.address;
        let agent = self.record.agent.as_ref().map_or_else(
            || "an agent that was not installed from here".to_owned(),
            |agent| format!("agent {} ({}) at {}", agent.version, agent.program.word(), agent.path),
        );
        log::debug!("{}: by {}, {agent}", self.name(), address.tunnel);
        let transport = self.transport();
        let name = self.name().to_string();
        let patience = env.config.ssh.answer_timeout();
        let connect = move || {
            let session = Session::new(name.clone(), transport.open()?, patience);
            Ok::<Box<dyn Host>, HostError>(Box::new(AgentHost::new(name.clone(), session)))
        };
        Retrying::new(
            Box::new(connect),
            env.config.ssh.retry_delays(),
            &*env.clock,
            move |error, delay| tell_of_retry(env, error, delay),
        )
    }

    /// The way to the agent.
    pub(super) fn transport(&self) -> Box<dyn Transport> {
        let host = self.name().to_string();
        let exec = || SshExec {
            ssh: self.ssh(),
            agent: self.known_agent(),
        };
        match &self.record.address.tunnel {
            Tunnel::Exec => Box::new(exec()),
            Tunnel::Forward => Box::new(Forward(exec())),
            Tunnel::Direct { address, greeting } => Box::new(Direct {
                host,
                address: *address,
                greeting: greeting.clone(),
            }),
            Tunnel::Local { agent, host_root } => Box::new(Local {
                host,
                agent: agent.clone(),
                host_root: host_root.clone(),
            }),
        }
    }

    /// The agent that may be run on the host: the one that was installed from here, else one like those inside this
    /// program where `install` puts it.
    pub(super) fn known_agent(&self) -> KnownAgent {
        match &self.record.agent {
            Some(agent) => agent.known(),
            None => KnownAgent {
                path: None,
                binary: find_agent(None).ok().map(|binary| binary.sha256),
                script: Some(Package::sha256()),
                python: None,
            },
        }
    }

    /// The host's shell.
    ///
    /// # Errors
    /// When the host is no ssh host.
    pub(super) fn shell(&self) -> Result<Box<dyn Shell>, UsageError> {
        match self.record.address.tunnel {
            Tunnel::Exec | Tunnel::Forward => Ok(Box::new(self.ssh().shell())),
            Tunnel::Direct { .. } | Tunnel::Local { .. } => Err(UsageError::new(
                format!("this command needs ssh, and {} is reached without it", self.name()),
                "leave out `--tunnel`, or give `--tunnel exec`",
            )),
        }
    }

    /// The VMs and disks of a host that is reached by ssh, without an agent; tried again like everything else.
    ///
    /// # Errors
    /// When the host cannot be reached.
    pub(super) fn inventory_without_agent(&self) -> Result<Inventory, HostError> {
        let ssh = self.ssh();
        let attempt = || inventory_without_agent(&mut Conversation::open(&ssh)?);
        let env = self.env;
        let notice = |error: &HostError, delay: Duration| tell_of_retry(env, error, delay);
        retried(attempt, &env.config.ssh.retry_delays(), &*env.clock, notice)
    }

    /// The keys by which ssh knows the host; `None` when it is not reached by ssh.
    pub(super) fn key_fingerprints(&self) -> Option<String> {
        match self.record.address.tunnel {
            Tunnel::Exec | Tunnel::Forward => self.ssh().key_fingerprints(),
            Tunnel::Direct { .. } | Tunnel::Local { .. } => None,
        }
    }

    /// The ssh connection.
    pub(super) fn ssh(&self) -> Ssh {
        Ssh {
            address: self.record.address.clone(),
            connect_timeout: Duration::from_secs(self.env.config.ssh.connection_timeout_seconds.into()),
            password: self.password.clone(),
        }
    }
}

fn tell_of_retry(env: &Env, error: &HostError, delay: Duration) {
    env.note(format_args!("{error}; trying again in {} s", delay.as_secs()));
}

/// ssh takes a login name as an argument of `-l`, and hands it to programs of the user's configuration.
fn check_user(user: &str) -> Result<(), UsageError> {
    let plain = |character: char| character.is_alphanumeric() || "._-\\+".contains(character);
    if user.is_empty() || user.starts_with('-') || !user.chars().all(plain) {
        let message = format!("`{}` is not a login name", user.escape_debug());
        return Err(UsageError::new(
            message,
            "use letters, digits, `.`, `_`, `-`, `+` or `\\`, not beginning with `-`",
        ));
    }
    Ok(())
}

/// ssh goes on without a key that is not there, and logs in with another one. The public half alone is enough where the
/// private one is in an agent.
fn check_key(address: &Address) -> Result<(), UsageError> {
    let Some(key) = &address.key else { return Ok(()) };
    let mut public = key.clone().into_os_string();
    public.push(".pub");
    if key.exists() || PathBuf::from(public).exists() {
        return Ok(());
    }
    Err(UsageError::new(
        format!("there is no key `{}`", key.display()),
        "name another one with `--key`; it is remembered for this host",
    ))
}

/// Options are remembered, so one that accepts any host key would do so for ever.
fn check_option(option: &str) -> Result<(), UsageError> {
    let Some((key, value)) = option.trim().split_once(['=', ' ', '\t']) else {
        return Ok(());
    };
    let value = value
        .trim_matches(|character: char| "= \t\"".contains(character))
        .to_lowercase();
    if !key.trim().eq_ignore_ascii_case("StrictHostKeyChecking") || ["yes", "ask"].contains(&value.as_str()) {
        return Ok(());
    }
    Err(UsageError::new(
        format!(
            "`--ssh-option {}` would accept any machine as the host, now and in every later connection",
            option.escape_debug()
        ),
        "connect once with `ssh HOST`, compare the fingerprint with the one that the host's console shows, and accept \
         it there",
    ))
}

fn ask_password(address: &Address) -> Result<Password, CliError> {
    let read = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(format!("Password for {}: ", address.host))
    } else {
        let mut line = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut line)
            .map(|_| line.trim_end_matches(['\r', '\n']).to_owned())
    };
    match read {
        Ok(password) if !password.is_empty() => Ok(Password::new(password)?),
        Ok(_) => Err(UsageError::new(
            "no password was given",
            "type it at the prompt, or pipe it into the command",
        )
        .into()),
        Err(error) => {
            let message = format!("the password cannot be read: {error}");
            Err(UsageError::new(message, "run the command on a terminal, or pipe the password into it").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_password_is_asked_for_once() {
        let asked = AskedOnce::default();
        let questions = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    asked.get(|| {
                        questions.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        Ok(Password::new("secret".to_owned())?)
                    })
                });
            }
        });
        assert_eq!(questions.into_inner(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_question_without_an_answer_is_asked_again() {
        let asked = AskedOnce::default();
        let nothing = || Err(UsageError::new("no password was given", "type it").into());
        assert!(asked.get(nothing).is_err());
        assert!(asked.get(|| Ok(Password::new("secret".to_owned())?)).is_ok());
    }

    #[test]
    fn a_key_that_is_not_there_is_told_and_one_of_an_agent_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let mut address = Address::new("esx1".parse().unwrap());
        assert!(check_key(&address).is_ok());
        address.key = Some(folder.path().join("id_ecdsa"));
        assert!(check_key(&address).is_err());
        std::fs::write(folder.path().join("id_ecdsa.pub"), "ecdsa-sha2-nistp256 AAAA me").unwrap();
        assert!(check_key(&address).is_ok());
    }

    #[test]
    fn a_login_name_that_ssh_could_take_for_an_option_is_refused() {
        for user in ["-oProxyCommand=x", "", "a b", "root;id", "$(id)"] {
            assert!(check_user(user).is_err(), "{user:?}");
        }
        for user in ["root", "DOMAIN\\admin", "svc.vscsi-1"] {
            assert!(check_user(user).is_ok(), "{user:?}");
        }
    }

    #[test]
    fn an_option_that_accepts_any_host_key_is_refused() {
        for option in [
            "StrictHostKeyChecking=no",
            "stricthostkeychecking=OFF",
            "StrictHostKeyChecking accept-new",
            "StrictHostKeyChecking = \"no\"",
            " StrictHostKeyChecking=false",
            "StrictHostKeyChecking\t=\tno",
        ] {
            assert!(check_option(option).is_err(), "{option:?}");
        }
        for option in [
            "StrictHostKeyChecking=yes",
            "StrictHostKeyChecking=ask",
            "UserKnownHostsFile=/tmp/known",
            "ProxyJump=jump",
        ] {
            assert!(check_option(option).is_ok(), "{option:?}");
        }
    }
}
