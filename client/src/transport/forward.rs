//! `ssh -N -L`: for hosts whose sshd allows forwarding.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use super::child::ChildLink;
use super::direct::TcpLink;
use super::ssh::SshExec;
use super::{Link, Opened, Transport, TransportError};

/// Asks `vscsi-agent connect` where the agent listens and for its token, and then forwards a local port there.
#[derive(Debug, Clone)]
pub struct Forward(pub SshExec);

impl Transport for Forward {
    fn open(&self) -> Result<Opened, TransportError> {
        // The exec channel starts the agent, and closes once the greeting has been read.
        let greeting = self.0.open()?.greeting;
        let ssh = self.0.ssh.clone();
        let host = ssh.address.host.to_string();
        let local = free_port().map_err(|error| TransportError::Lost {
            host: host.clone(),
            reason: error.to_string(),
        })?;
        let command = ssh.forward(local, greeting.port)?;
        let timeout = ssh.connect_timeout;
        let explain = move |status: Option<ExitStatus>, said: &str| ssh.explain(status, said);
        let mut tunnel = ChildLink::spawn(command, Box::new(explain))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, local));
        let deadline = Instant::now() + timeout;
        loop {
            if let Ok(stream) = TcpLink::connect(&host, address) {
                let link = Box::new(Forwarded { stream, tunnel });
                return Ok(Opened { link, greeting });
            }
            if tunnel.has_ended() || Instant::now() >= deadline {
                return Err(tunnel.post_mortem());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A port that was free a moment ago; ssh says so when it is not any more.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A TCP connection that lives as long as the ssh that carries it.
#[derive(Debug)]
struct Forwarded {
    stream: TcpLink,
    tunnel: ChildLink,
}

impl Link for Forwarded {
    fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.send(bytes)
    }

    fn receive(&mut self, buffer: &mut [u8], timeout: Option<Duration>) -> std::io::Result<usize> {
        self.stream.receive(buffer, timeout)
    }

    fn post_mortem(&mut self) -> TransportError {
        // ssh itself goes on when the host refuses to forward one connection, so it is ended to hear what it said.
        self.tunnel.kill();
        self.tunnel.post_mortem()
    }
}
