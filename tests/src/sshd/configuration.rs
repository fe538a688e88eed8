//! sshd's configuration: what ESXi ships, less what needs a VMkernel.

use std::fmt::Write as _;
use std::path::Path;

/// Whose sshd it is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// ESXi 8.0.2 as shipped, with `MaxSessions 1` as hardening guides ask for.
    Esxi8,
    /// The same with forwarding allowed by its administrator.
    Esxi8Forwarding,
    /// The same for tests in which one sshd stands for many hosts, each of which would count its own connections.
    Esxi8ManyHosts,
    /// ESXi 6.7: passwords by the plain method, and more algorithms.
    Esxi67,
}

/// The text of `sshd_config`.
pub(super) fn text(directory: &Path, port: u16, style: Style) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        let _ = writeln!(text, "{words}");
    };
    line(format!(
        "Port {port}\nListenAddress 127.0.0.1\nPidFile none\nStrictModes no"
    ));
    for key in ["host_ecdsa", "host_rsa"] {
        line(format!("HostKey \"{}\"", directory.join(key).display()));
    }
    line(format!(
        "AuthorizedKeysFile \"{}\"",
        directory.join("authorized_keys").display()
    ));
    line(format!("ChrootDirectory \"{}\"", directory.join("root").display()));
    line("PermitRootLogin yes\nUsePAM yes\nPermitUserEnvironment no\nPermitTunnel no\nGatewayPorts no".to_owned());
    let startups = if style == Style::Esxi8ManyHosts {
        "500"
    } else {
        "10:30:100"
    };
    line(format!(
        "ClientAliveInterval 200\nClientAliveCountMax 3\nMaxStartups {startups}\nMaxSessions 1\nRekeyLimit 1G 1H"
    ));
    line("Subsystem sftp internal-sftp".to_owned());
    let forwarding = if style == Style::Esxi8Forwarding { "yes" } else { "no" };
    line(format!(
        "AllowTcpForwarding {forwarding}\nAllowStreamLocalForwarding no"
    ));
    // ESXi refuses Ed25519 keys in every version.
    line(
        "PubkeyAcceptedAlgorithms ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-256,rsa-sha2-512\n\
         HostKeyAlgorithms ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-256,rsa-sha2-512\n\
         Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr\n\
         MACs hmac-sha2-256,hmac-sha2-512\n\
         KexAlgorithms ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group16-sha512,diffie-hellman-group14-sha256"
            .to_owned(),
    );
    let banner = directory.join("root/etc/issue");
    line(format!("Banner \"{}\"", banner.display()));
    match style {
        Style::Esxi8 | Style::Esxi8Forwarding | Style::Esxi8ManyHosts => {
            line("PasswordAuthentication no\nKbdInteractiveAuthentication yes".to_owned());
        }
        Style::Esxi67 => line("PasswordAuthentication yes\nKbdInteractiveAuthentication no".to_owned()),
    }
    text
}
