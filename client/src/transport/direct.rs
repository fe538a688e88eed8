//! A TCP connection to an agent.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use super::greet::greeting_in;
use super::{Link, Opened, Transport, TransportError};

/// Connects to an agent that listens on `address`; its greeting stands in a file, as there is no login to print it.
#[derive(Debug, Clone)]
pub struct Direct {
    /// Name of the host in messages.
    pub host: String,
    /// Where the agent listens.
    pub address: SocketAddr,
    /// File that holds the greeting line.
    pub greeting: PathBuf,
}

impl Transport for Direct {
    fn open(&self) -> Result<Opened, TransportError> {
        let text = std::fs::read_to_string(&self.greeting).unwrap_or_default();
        let greeting = text
            .lines()
            .find_map(greeting_in)
            .ok_or_else(|| TransportError::NoGreeting {
                host: self.host.clone(),
                reason: format!("`{}` holds no greeting", self.greeting.display()),
            })?;
        let link = TcpLink::connect(&self.host, self.address)?;
        Ok(Opened {
            link: Box::new(link),
            greeting,
        })
    }
}

/// A TCP connection as a stream.
#[derive(Debug)]
pub(super) struct TcpLink {
    host: String,
    stream: TcpStream,
}

impl TcpLink {
    pub(super) fn connect(host: &str, address: SocketAddr) -> Result<Self, TransportError> {
        let stream = TcpStream::connect(address).map_err(|error| TransportError::Unreachable {
            host: host.to_owned(),
            reason: error.to_string(),
            unknown_name: false,
        })?;
        // Requests are small and wait for their answer; Nagle's algorithm would only hold them back.
        let _ = stream.set_nodelay(true);
        Ok(Self {
            host: host.to_owned(),
            stream,
        })
    }
}

impl Link for TcpLink {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    fn receive(&mut self, buffer: &mut [u8], timeout: Option<Duration>) -> io::Result<usize> {
        self.stream.set_read_timeout(timeout)?;
        self.stream.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
            _ => error,
        })
    }

    fn post_mortem(&mut self) -> TransportError {
        TransportError::Lost {
            host: self.host.clone(),
            reason: "the other end closed it".to_owned(),
        }
    }
}
