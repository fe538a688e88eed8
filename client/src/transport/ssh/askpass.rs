//! Handing a password to ssh without showing it to anybody else.
//!
//! ssh runs the program named by `SSH_ASKPASS` and reads the password from its output. That program is this one again. It
//! is told by an environment variable where its parent listens: a Unix socket in a directory that only the user can
//! enter. The password itself is never in an argument, an environment variable, a file or a log.

use std::fmt;
use std::process::Command;

use crate::transport::TransportError;

/// Names the socket to the helper; its presence makes this program the helper.
const SOCKET_VARIABLE: &str = "VSCSI_HELPER_ASKPASS";
/// Names `user@host` to the helper, as that ssh puts it into its prompts.
const NAME_VARIABLE: &str = "VSCSI_HELPER_ASKPASS_NAME";
/// Present when no other ssh asks, so that a prompt that names nobody is the host's too.
const ONLY_VARIABLE: &str = "VSCSI_HELPER_ASKPASS_ONLY";

/// Whose prompts a password answers. The ssh to a jump host has the same environment, and its prompts are another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asker {
    /// `user@host` as that ssh puts it into its prompts.
    pub name: String,
    /// No other ssh asks.
    pub only: bool,
}

impl Asker {
    /// Does this prompt ask for the password of that login?
    ///
    /// Text of a server stands behind the name that ssh itself begins its prompts with, so only the beginning counts.
    fn asks(&self, prompt: &str) -> bool {
        let named = |prompt: &str| {
            let name = plain(&self.name);
            prompt.starts_with(&format!("({name}) ")) || prompt.starts_with(&format!("{name}'s password"))
        };
        let prompt = plain(prompt);
        asks_for_password(&prompt) && (named(&prompt) || (self.only && !prompt.contains('@')))
    }
}

/// Letter case does not tell hosts apart, and ssh doubles the backslash of a domain's login name.
fn plain(text: &str) -> String {
    text.to_lowercase().replace("\\\\", "\\")
}

/// A password that a person typed, on offer to the ssh processes of this program alone.
pub struct Password {
    #[cfg(unix)]
    server: unix::Server,
}

impl Password {
    /// Puts `secret` on offer until the value is dropped.
    ///
    /// # Errors
    /// When no private socket can be made.
    #[cfg(unix)]
    pub fn new(secret: String) -> Result<Self, TransportError> {
        let server = unix::Server::start(secret).map_err(|error| TransportError::Password(error.to_string()))?;
        Ok(Self { server })
    }

    /// Puts `secret` on offer until the value is dropped.
    ///
    /// # Errors
    /// Always: this system has no private socket to hand it over.
    #[cfg(not(unix))]
    pub fn new(_secret: String) -> Result<Self, TransportError> {
        Err(TransportError::Password(
            "this system has no private socket for it".to_owned(),
        ))
    }

    /// Makes `ssh` ask this program for the password of `asker`.
    ///
    /// # Errors
    /// When the path of this program is unknown.
    pub(super) fn hand_to(&self, ssh: &mut Command, asker: &Asker) -> Result<(), TransportError> {
        let helper = std::env::current_exe().map_err(|error| TransportError::Password(error.to_string()))?;
        ssh.env("SSH_ASKPASS", helper).env("SSH_ASKPASS_REQUIRE", "force");
        #[cfg(unix)]
        ssh.env(SOCKET_VARIABLE, self.server.path())
            .env(NAME_VARIABLE, &asker.name);
        if asker.only {
            ssh.env(ONLY_VARIABLE, "1");
        } else {
            ssh.env_remove(ONLY_VARIABLE);
        }
        Ok(())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(hidden)")
    }
}

/// Does the helper's work when ssh started this program as its helper; `None` when it did not.
///
/// The answer goes to `output`. Questions other than for the host's password, such as whether to trust a host key or for
/// the password of a jump host, are refused.
pub fn answer_as_helper(prompt: Option<&str>, output: &mut dyn std::io::Write) -> Option<bool> {
    let socket = std::env::var_os(SOCKET_VARIABLE)?;
    let confirmation = std::env::var_os("SSH_ASKPASS_PROMPT").is_some();
    let asker = Asker {
        name: std::env::var(NAME_VARIABLE).unwrap_or_default(),
        only: std::env::var_os(ONLY_VARIABLE).is_some(),
    };
    if confirmation || !asker.asks(prompt.unwrap_or_default()) {
        return Some(false);
    }
    #[cfg(unix)]
    return Some(unix::fetch(std::path::Path::new(&socket)).is_ok_and(|secret| writeln!(output, "{secret}").is_ok()));
    #[cfg(not(unix))]
    {
        let _ = (socket, output);
        Some(false)
    }
}

fn asks_for_password(prompt: &str) -> bool {
    prompt.contains("password") && !prompt.contains("yes/no")
}

#[cfg(unix)]
mod unix {
    use std::fs::Permissions;
    use std::io::{self, Read as _, Write as _};
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use tempfile::TempDir;

    /// Nobody types more.
    const PASSWORD_LIMIT_BYTES: u64 = 4096;

    pub(super) struct Server {
        path: PathBuf,
        // Removed with the value.
        _directory: TempDir,
    }

    impl Server {
        pub(super) fn start(secret: String) -> io::Result<Self> {
            let directory = tempfile::Builder::new()
                .prefix("vscsi-helper-")
                .permissions(Permissions::from_mode(0o700))
                .tempdir()?;
            let path = directory.path().join("askpass");
            let listener = UnixListener::bind(&path)?;
            // The thread ends with the program; the socket becomes unreachable with the directory.
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    let Ok(mut stream) = stream else { return };
                    let _ = stream.write_all(secret.as_bytes());
                }
            });
            Ok(Self {
                path,
                _directory: directory,
            })
        }

        pub(super) fn path(&self) -> &Path {
            &self.path
        }
    }

    pub(super) fn fetch(socket: &Path) -> io::Result<String> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut secret = String::new();
        stream.take(PASSWORD_LIMIT_BYTES).read_to_string(&mut secret)?;
        Ok(secret)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_password_arrives_as_it_was_typed() {
            let server = Server::start("pä ss'$()\"".into()).unwrap();
            assert_eq!(fetch(server.path()).unwrap(), "pä ss'$()\"");
        }

        #[test]
        fn nobody_else_can_reach_the_socket() {
            let server = Server::start("secret".into()).unwrap();
            let directory = server.path().parent().unwrap();
            let mode = std::fs::metadata(directory).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{mode:o}");
        }

        #[test]
        fn nothing_is_left_behind() {
            let server = Server::start("secret".into()).unwrap();
            let directory = server.path().parent().unwrap().to_owned();
            drop(server);
            assert!(!directory.exists());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(name: &str, only: bool) -> Asker {
        let name = name.to_owned();
        Asker { name, only }
    }

    #[test]
    fn only_a_question_for_a_password_is_answered() {
        let asker = asker("root@esx1", true);
        assert!(asker.asks("(root@esx1) Password: "));
        assert!(asker.asks("root@esx1's password: "));
        assert!(asker.asks("Password: "));
        assert!(!asker.asks(
            "The authenticity of host 'password.example' can't be established.\nAre you sure (yes/no/[fingerprint])? "
        ));
        assert!(!asker.asks("Enter passphrase for key '/root/.ssh/id_rsa': "));
    }

    #[test]
    fn a_jump_host_does_not_get_the_password() {
        let asker = asker("root@esx1", false);
        for prompt in [
            "admin@jump's password: ",
            "(admin@jump) Password: ",
            "(admin@jump) root@esx1's password: ",
            "root@esx10's password: ",
            // Some versions of ssh name nobody.
            "Password: ",
        ] {
            assert!(!asker.asks(prompt), "{prompt}");
        }
        assert!(asker.asks("(root@esx1) Password: "));
    }

    #[test]
    fn a_login_name_of_a_domain_is_recognised() {
        let asker = asker("LAB\\svc@ESX1", false);
        assert!(asker.asks("(LAB\\svc@esx1) Password: "));
        assert!(asker.asks("(LAB\\\\svc@esx1) Password: "));
    }

    #[cfg(unix)]
    #[test]
    fn ssh_is_given_the_helper_and_not_the_secret() {
        let password = Password::new("hunter2".into()).unwrap();
        let mut command = Command::new("ssh");
        password.hand_to(&mut command, &asker("root@esx1", true)).unwrap();
        assert!(!format!("{command:?} {password:?}").contains("hunter2"));
        assert!(command.get_envs().any(|(key, _)| key == "SSH_ASKPASS"));
    }
}
