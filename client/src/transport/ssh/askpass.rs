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
            "this system needs a key; load it into ssh-agent".to_owned(),
        ))
    }

    /// Makes `ssh` ask this program for the password.
    ///
    /// # Errors
    /// When the path of this program is unknown.
    pub(super) fn hand_to(&self, ssh: &mut Command) -> Result<(), TransportError> {
        let helper = std::env::current_exe().map_err(|error| TransportError::Password(error.to_string()))?;
        ssh.env("SSH_ASKPASS", helper).env("SSH_ASKPASS_REQUIRE", "force");
        #[cfg(unix)]
        ssh.env(SOCKET_VARIABLE, self.server.path());
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
/// The answer goes to `output`. Questions other than for a password, such as whether to trust a host key, are refused.
pub fn answer_as_helper(prompt: Option<&str>, output: &mut dyn std::io::Write) -> Option<bool> {
    let socket = std::env::var_os(SOCKET_VARIABLE)?;
    let confirmation = std::env::var_os("SSH_ASKPASS_PROMPT").is_some();
    if confirmation || !asks_for_password(prompt.unwrap_or_default()) {
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
    let prompt = prompt.to_lowercase();
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

    #[test]
    fn only_a_question_for_a_password_is_answered() {
        assert!(asks_for_password("(root@esx1) Password: "));
        assert!(asks_for_password("root@esx1's password: "));
        assert!(!asks_for_password(
            "The authenticity of host 'password.example' can't be established.\nAre you sure (yes/no/[fingerprint])? "
        ));
        assert!(!asks_for_password("Enter passphrase for key '/root/.ssh/id_rsa': "));
    }

    #[cfg(unix)]
    #[test]
    fn ssh_is_given_the_helper_and_not_the_secret() {
        let password = Password::new("hunter2".into()).unwrap();
        let mut command = Command::new("ssh");
        password.hand_to(&mut command).unwrap();
        assert!(!format!("{command:?} {password:?}").contains("hunter2"));
        assert!(command.get_envs().any(|(key, _)| key == "SSH_ASKPASS"));
    }
}
