//! From what ssh and the host's shell say to what it means.

use std::process::ExitStatus;

use super::{CANNOT_FIND, CANNOT_RUN, Ssh};
use crate::transport::{HostKeyProblem, NOT_KNOWN, TransportError};

/// ssh's own exit status for everything that is not the remote command's.
const SSH_FAILED: i32 = 255;

/// Why ssh ended like this. `said` is the end of its standard error, which the remote command shares.
pub(super) fn classify(ssh: &Ssh, status: Option<ExitStatus>, said: &str) -> TransportError {
    let host = ssh.address.host.to_string();
    match status.and_then(|status| status.code()) {
        Some(SSH_FAILED) | None => own_failure(ssh, host, said),
        Some(code) => remote_failure(host, code, said),
    }
}

fn own_failure(ssh: &Ssh, host: String, said: &str) -> TransportError {
    let says = |text: &str| said.contains(text);
    let reason = last_line(said, "ssh ended without a message");
    if says("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        return TransportError::HostKey {
            host,
            port: ssh.address.port,
            problem: HostKeyProblem::Changed,
        };
    }
    if says("Host key verification failed") || says("host key is known for") {
        return TransportError::HostKey {
            host,
            port: ssh.address.port,
            problem: HostKeyProblem::Unknown,
        };
    }
    if says("Permission denied (") || says("Too many authentication failures") || says("Authentication failed") {
        return TransportError::Authentication {
            host,
            reason,
            only_ed25519: only_ed25519(ssh),
            by_password: ssh.password.is_some(),
        };
    }
    if says("Unable to negotiate") || says("no matching") {
        return TransportError::NoCommonAlgorithm { host, reason };
    }
    if says("administratively prohibited") || says("forwarding failed") || says("Could not request local forwarding") {
        return TransportError::ForwardingRefused { host };
    }
    if says("Session open refused by peer") || says("session request failed") {
        return TransportError::NoMoreSessions { host };
    }
    let names = [
        "Name or service not known",
        "nodename nor servname",
        "No such host is known",
        "not known",
    ];
    let unreachable = [
        "Could not resolve",
        "connect to host",
        "kex_exchange_identification",
        "Connection timed out during banner",
    ];
    if unreachable.iter().any(|text| says(text)) {
        return TransportError::Unreachable {
            host,
            reason,
            unknown_name: says("Could not resolve") && names.iter().any(|text| says(text)),
        };
    }
    TransportError::Lost { host, reason }
}

fn remote_failure(host: String, code: i32, said: &str) -> TransportError {
    let reason = last_line(said, &format!("the command ended with status {code}"));
    // ESXi answers EPERM to the execution of a file that no VIB installed; ash gives it either of its two codes.
    if said.contains("Operation not permitted") || said.contains("Permission denied") && code == CANNOT_RUN {
        return TransportError::NotPermitted { host, reason };
    }
    if code == NOT_KNOWN {
        return TransportError::NotKnown { host, reason };
    }
    if code == CANNOT_FIND {
        return TransportError::AgentMissing { host, reason };
    }
    if code == CANNOT_RUN {
        return TransportError::NotPermitted { host, reason };
    }
    TransportError::NoGreeting {
        host,
        reason: format!("{reason} (exit status {code})"),
    }
}

/// The last line that says something; banners and rules of `@` say nothing.
fn last_line(said: &str, otherwise: &str) -> String {
    said.lines()
        .map(str::trim)
        .rfind(|line| line.chars().any(char::is_alphanumeric))
        .unwrap_or(otherwise)
        .chars()
        .filter(|character| !character.is_control())
        .take(300)
        .collect()
}

/// The key that was named, or every key ssh would try by itself, is an Ed25519 key.
///
/// ESXi refuses those (`PubkeyAcceptedKeyTypes` of 6.7, FIPS mode of 8.0), and ssh's message does not say so.
fn only_ed25519(ssh: &Ssh) -> bool {
    if let Some(key) = &ssh.address.key {
        let mut public = key.clone().into_os_string();
        public.push(".pub");
        return std::fs::read_to_string(public).is_ok_and(|text| text.starts_with("ssh-ed25519"));
    }
    let Ok(home) = etcetera::home_dir() else { return false };
    let has = |name: &str| home.join(".ssh").join(name).exists();
    has("id_ed25519") && !has("id_rsa") && !has("id_ecdsa")
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::time::Duration;

    use super::*;
    use crate::failure::Failure as _;
    use crate::transport::Address;

    fn ssh() -> Ssh {
        Ssh {
            address: Address::new("esx1".parse().unwrap()),
            connect_timeout: Duration::from_secs(1),
            password: None,
        }
    }

    fn classified(code: i32, said: &str) -> TransportError {
        classify(&ssh(), Some(ExitStatus::from_raw(code << 8)), said)
    }

    /// Each text is what OpenSSH 9 prints in that situation.
    #[test]
    fn every_failure_of_ssh_has_its_documented_exit_code_and_is_retried_or_not() {
        let cases = [
            ("ssh: connect to host esx1 port 22: Connection refused", 10, true),
            ("ssh: connect to host esx1 port 22: Connection timed out", 10, true),
            ("ssh: connect to host esx1 port 22: No route to host", 10, true),
            (
                "kex_exchange_identification: Connection closed by remote host",
                10,
                true,
            ),
            (
                "ssh: Could not resolve hostname esx1: Name or service not known",
                10,
                false,
            ),
            (
                "ssh: Could not resolve hostname esx1: Temporary failure in name resolution",
                10,
                true,
            ),
            ("client_loop: send disconnect: Broken pipe", 10, true),
            ("Timeout, server esx1 not responding.", 10, true),
            (
                "root@esx1: Permission denied (publickey,keyboard-interactive).",
                11,
                false,
            ),
            (
                "Received disconnect from 192.0.2.1 port 22:2: Too many authentication failures",
                11,
                false,
            ),
            ("Host key verification failed.", 11, false),
            (
                "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.",
                11,
                false,
            ),
            (
                "Unable to negotiate with 192.0.2.1 port 22: no matching host key type found. Their offer: ssh-rsa",
                10,
                false,
            ),
            (
                "channel 0: open failed: administratively prohibited: open failed",
                10,
                false,
            ),
            (
                "mux_client_request_session: session request failed: Session open refused by peer",
                10,
                false,
            ),
        ];
        for (said, code, retried) in cases {
            let error = classified(255, said);
            assert_eq!(
                (error.exit_code(), error.is_worth_retrying()),
                (code, retried),
                "{said}\n{error}"
            );
            assert!(error.hint().is_some(), "{said}");
        }
    }

    #[test]
    fn a_changed_host_key_is_not_taken_for_an_unknown_one() {
        let changed = classified(
            255,
            "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!\nHost key verification failed.",
        );
        assert!(matches!(
            changed,
            TransportError::HostKey {
                problem: HostKeyProblem::Changed,
                ..
            }
        ));
        let unknown = classified(255, "Host key verification failed.");
        assert!(matches!(
            unknown,
            TransportError::HostKey {
                problem: HostKeyProblem::Unknown,
                ..
            }
        ));
    }

    #[test]
    fn what_to_do_about_a_host_key_names_the_port() {
        let hint = |said: &str| {
            let mut ssh = ssh();
            ssh.address.port = Some(22001);
            let error = classify(&ssh, Some(ExitStatus::from_raw(255 << 8)), said);
            error.hint().unwrap()
        };
        let unknown = hint("Host key verification failed.");
        assert!(unknown.contains("`ssh -p 22001 esx1`"), "{unknown}");
        let changed = hint("WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!");
        assert!(changed.contains("`ssh-keygen -R '[esx1]:22001'`"), "{changed}");
    }

    #[test]
    fn the_exec_policy_is_recognised_by_the_shell_s_words() {
        let error = classified(
            126,
            "-sh: /vmfs/volumes/ds1/vscsi-helper/vscsi-agent: Operation not permitted\n",
        );
        assert!(matches!(error, TransportError::NotPermitted { .. }), "{error}");
        assert!(error.hint().unwrap().contains("execInstalledOnly"));
    }

    #[test]
    fn a_program_in_the_agent_s_place_is_told_with_the_command_that_replaces_it() {
        let error = classified(
            125,
            "/vmfs/volumes/nfs/vscsi-helper-x/vscsi-agent is not run: its SHA-256 is 00\n",
        );
        assert!(matches!(error, TransportError::NotKnown { .. }), "{error}");
        assert_eq!((error.exit_code(), error.is_worth_retrying()), (12, false));
        assert!(error.hint().unwrap().contains("vscsi-helper install esx1"));
    }

    #[test]
    fn a_missing_agent_is_told_with_the_command_that_installs_it() {
        let error = classified(127, "-sh: /vmfs/volumes/ds1/vscsi-helper/vscsi-agent: not found\n");
        assert_eq!(error.exit_code(), 12);
        assert!(error.hint().unwrap().contains("vscsi-helper install esx1"));
    }

    #[test]
    fn a_denied_file_on_the_host_is_not_a_refused_login() {
        let error = classified(126, "-sh: /x/vscsi-agent: Permission denied");
        assert!(matches!(error, TransportError::NotPermitted { .. }), "{error}");
    }

    #[test]
    fn a_refused_login_with_an_ed25519_key_says_that_esxi_refuses_those() {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("esx key");
        std::fs::write(directory.path().join("esx key.pub"), "ssh-ed25519 AAAA me").unwrap();
        let mut ssh = ssh();
        ssh.address.key = Some(key);
        let status = Some(ExitStatus::from_raw(255 << 8));
        let error = classify(&ssh, status, "root@esx1: Permission denied (publickey).");
        assert!(error.hint().unwrap().contains("Ed25519"), "{error}");
    }
}
