//! How old this machine's ssh is.

use std::process::{Command, Stdio};

use crate::transport::TransportError;

/// The first OpenSSH that asks the program it is told to ask (`SSH_ASKPASS_REQUIRE`), whether or not there is a
/// terminal.
const ASKS_A_PROGRAM: (u32, u32) = (8, 4);

/// Whether this machine's ssh can be given a password.
///
/// # Errors
/// When it is too old for that: it would ask on the terminal again, or nobody. Another ssh than OpenSSH, or none, fails
/// when it is used.
pub(crate) fn check_for_passwords() -> Result<(), TransportError> {
    let Ok(output) = Command::new("ssh").arg("-V").stdin(Stdio::null()).output() else {
        return Ok(());
    };
    check(&String::from_utf8_lossy(&output.stderr))
}

fn check(said: &str) -> Result<(), TransportError> {
    match openssh_version(said) {
        Some(version @ (major, minor)) if version < ASKS_A_PROGRAM => Err(TransportError::OldSsh {
            version: format!("{major}.{minor}"),
        }),
        _ => Ok(()),
    }
}

/// Major and minor version in what `ssh -V` says, such as `OpenSSH_8.2p1 Ubuntu-4ubuntu0.11, OpenSSL 1.1.1f` or
/// `OpenSSH_for_Windows_8.1p1, LibreSSL 3.0.2`.
fn openssh_version(said: &str) -> Option<(u32, u32)> {
    let name = said.split([' ', ',']).next()?.strip_prefix("OpenSSH_")?;
    let version = name.rsplit('_').next()?;
    let (major, rest) = version.split_once('.')?;
    let minor = rest.split(|character: char| !character.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_ssh_says_on_each_system() {
        for (said, version) in [
            (
                "OpenSSH_8.2p1 Ubuntu-4ubuntu0.11, OpenSSL 1.1.1f  31 Mar 2020",
                Some((8, 2)),
            ),
            ("OpenSSH_8.0p1, OpenSSL 1.1.1k  FIPS 25 Mar 2021", Some((8, 0))),
            ("OpenSSH_for_Windows_8.1p1, LibreSSL 3.0.2", Some((8, 1))),
            (
                "OpenSSH_9.2p1 Debian-2+deb12u3, OpenSSL 3.0.15 3 Sep 2024",
                Some((9, 2)),
            ),
            ("OpenSSH_10.0p2, OpenSSL 3.5.1", Some((10, 0))),
            ("Sun_SSH_1.1.4, SSH protocols 1.5/2.0", None),
            ("", None),
        ] {
            assert_eq!(openssh_version(said), version, "{said}");
        }
    }

    #[test]
    fn only_an_openssh_that_is_known_to_be_too_old_is_refused() {
        assert!(matches!(check("OpenSSH_8.3p1"), Err(TransportError::OldSsh { version }) if version == "8.3"));
        for said in ["OpenSSH_8.4p1", "OpenSSH_10.0p1", "dropbear"] {
            assert!(check(said).is_ok(), "{said}");
        }
    }
}
