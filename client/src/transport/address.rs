//! Where a host is and how to reach it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vscsi_shared::exit_code;

use crate::failure::Failure;

/// Everything needed to reach a host again; kept in `DATA/.hosts/HOST.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Name of the host as the user writes it.
    pub host: HostName,
    /// Login name; `None` leaves it to `ssh_config`, and else `root`.
    #[serde(default)]
    pub user: Option<String>,
    /// Port of its sshd; `None` leaves it to `ssh_config`.
    #[serde(default)]
    pub port: Option<u16>,
    /// Private key; `None` leaves it to ssh.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// Further options for `ssh -o`.
    #[serde(default)]
    pub ssh_options: Vec<String>,
    /// The way to the agent.
    #[serde(default)]
    pub tunnel: Tunnel,
}

impl Address {
    /// The address of `host` with everything left to ssh.
    pub fn new(host: HostName) -> Self {
        Self {
            host,
            user: None,
            port: None,
            key: None,
            ssh_options: Vec::new(),
            tunnel: Tunnel::default(),
        }
    }
}

/// A host name, an alias of `ssh_config`, or an IP address: never something ssh could take for an option.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

impl HostName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = InvalidAddress;

    /// Accepts what may stand in a host name, an IP address with a scope, or an alias.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |character: char| character.is_alphanumeric() || "._-:%".contains(character);
        if text.is_empty() || text.len() > 255 || text.starts_with('-') || !text.chars().all(plain) {
            return Err(InvalidAddress::Host(
                text.chars().take(80).flat_map(char::escape_debug).collect(),
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl Serialize for HostName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for HostName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The way to the agent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tunnel {
    /// One ssh exec channel that runs `vscsi-agent connect`.
    #[default]
    Exec,
    /// `ssh -N -L`: needs a host that allows forwarding.
    Forward,
    /// The agent of this machine, listening here; its token comes from the greeting in a file.
    Direct {
        /// Where the agent listens.
        address: SocketAddr,
        /// File that holds the greeting line.
        greeting: PathBuf,
    },
    /// A child process on this machine that runs an agent's `connect`, for demonstrations and tests.
    Local {
        /// The agent's binary.
        agent: PathBuf,
        /// Where the host's programs are, when not at `/`: a simulated host.
        host_root: Option<PathBuf>,
    },
}

impl FromStr for Tunnel {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidAddress::Tunnel(text.to_owned());
        match text.split_once(':') {
            None if text == "exec" => Ok(Self::Exec),
            None if text == "forward" => Ok(Self::Forward),
            Some(("local", rest)) if !rest.is_empty() => Ok(match rest.split_once(',') {
                None => Self::Local {
                    agent: rest.into(),
                    host_root: None,
                },
                Some((agent, root)) => Self::Local {
                    agent: agent.into(),
                    host_root: Some(root.into()),
                },
            }),
            Some(("direct", rest)) => {
                let (address, greeting) = rest.split_once(',').ok_or_else(invalid)?;
                Ok(Self::Direct {
                    address: address.parse().map_err(|_| invalid())?,
                    greeting: greeting.into(),
                })
            }
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Tunnel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exec => formatter.write_str("exec"),
            Self::Forward => formatter.write_str("forward"),
            Self::Direct { address, greeting } => write!(formatter, "direct:{address},{}", greeting.display()),
            Self::Local { agent, host_root: None } => write!(formatter, "local:{}", agent.display()),
            Self::Local {
                agent,
                host_root: Some(root),
            } => write!(formatter, "local:{},{}", agent.display(), root.display()),
        }
    }
}

impl Serialize for Tunnel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Tunnel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Not a host name.
    #[error("`{0}` is not a host name: use letters, digits, `.`, `-`, `_`, `:` or `%`, not beginning with `-`")]
    Host(String),
    /// Not a tunnel.
    #[error(
        "`{0}` is not a tunnel: use `exec`, `forward`, `direct:ADDRESS,GREETING_FILE` or `local:PATH_OF_AGENT[,HOST_ROOT]`"
    )]
    Tunnel(String),
}

impl Failure for InvalidAddress {
    fn exit_code(&self) -> u8 {
        exit_code::USAGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_addresses_and_aliases_are_hosts() {
        for text in [
            "esxi-host01.example.com",
            "192.0.2.7",
            "fe80::1%eth0",
            "lab_7",
            "münchen",
        ] {
            assert!(text.parse::<HostName>().is_ok(), "{text}");
        }
    }

    #[test]
    fn nothing_that_ssh_or_a_shell_could_misread_is_a_host() {
        for text in [
            "",
            "-oProxyCommand=x",
            "a b",
            "a;b",
            "$(id)",
            "a/b",
            "a\n",
            "user@host",
            "`id`",
        ] {
            assert!(text.parse::<HostName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_tunnel_is_read_back_from_its_text() {
        for text in [
            "exec",
            "forward",
            "direct:127.0.0.1:8080,/run/greeting",
            "local:/opt/my agent/vscsi-agent",
            "local:/a/vscsi-agent,/tmp/host",
        ] {
            assert_eq!(text.parse::<Tunnel>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_mistyped_tunnel_is_refused_with_what_there_is() {
        let error = "telnet".parse::<Tunnel>().unwrap_err().to_string();
        assert!(error.contains("`exec`, `forward`"), "{error}");
    }
}
