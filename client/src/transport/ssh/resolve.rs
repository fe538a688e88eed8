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

/// `user@host` as ssh's own prompts have it: the resolved name of the host, or its alias among the host keys.
pub(super) fn prompted_as(settings: &str, user: &str, host: &str) -> String {
    let shown = value(settings, "hostkeyalias").or_else(|| value(settings, "hostname"));
    format!("{user}@{}", shown.unwrap_or(host))
}

/// Does another ssh or program stand between here and the host? It may ask for a password of its own.
pub(super) fn goes_through_another(settings: &str) -> bool {
    ["proxyjump", "proxycommand"]
        .iter()
        .any(|key| value(settings, key).is_some_and(|way| way != "none"))
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

    #[test]
    fn a_prompt_names_the_resolved_host_and_its_alias_before_it() {
        let settings = "user alice\nhostname 192.0.2.7\n";
        assert_eq!(prompted_as(settings, "root", "esx1"), "root@192.0.2.7");
        let settings = format!("{settings}hostkeyalias rack-4\n");
        assert_eq!(prompted_as(&settings, "root", "esx1"), "root@rack-4");
        assert_eq!(prompted_as("", "root", "esx1"), "root@esx1");
    }

    #[test]
    fn a_jump_host_and_a_proxy_stand_in_between() {
        assert!(goes_through_another("proxyjump admin@jump\n"));
        assert!(goes_through_another("proxycommand nc %h %p\n"));
        assert!(!goes_through_another("hostname esx1\nproxycommand none\n"));
    }
}
