//! What ssh itself would do with a host's name, as `ssh -G` tells it: nothing is connected.

use std::process::{Command, Stdio};

/// The settings for `host`, one `key value` per line; `None` when ssh does not tell.
pub(super) fn ask(options: &[&str], host: &str) -> Option<String> {
    let output = Command::new("ssh")
        .arg("-G")
        .args(options)
        .args(["--", host])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The value of `key` in such settings.
pub(super) fn value<'a>(settings: &'a str, key: &str) -> Option<&'a str> {
    settings
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
}

/// The login name that the configuration names, given the settings `with` it and `without` it: a name that ssh fills in
/// by itself is the same in both.
pub(super) fn named_user(with: &str, without: &str) -> Option<String> {
    let user = value(with, "user")?;
    (user != value(without, "user")?).then(|| user.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_name_of_this_machine_is_not_taken_for_a_configured_one() {
        assert_eq!(named_user("host esx1\nuser alice\n", "host esx1\nuser alice\n"), None);
    }

    #[test]
    fn a_login_name_in_the_configuration_is_taken() {
        let named = named_user("host esx1\nuser admin\n", "host esx1\nuser alice\n");
        assert_eq!(named.as_deref(), Some("admin"));
    }

    #[test]
    fn a_login_name_is_not_read_from_a_longer_key() {
        assert_eq!(value("userknownhostsfile /x\nuser alice\n", "user"), Some("alice"));
    }
}
