//! Where `tiny_http` listens: behind the gate, where only the gate goes.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tiny_http::Server;

/// A connection to the server behind the gate.
pub(super) trait Behind: Read + Write {
    /// Reading fails after this long without a byte.
    fn set_timeout(&self, timeout: Duration) -> io::Result<()>;
}

impl Behind for UnixStream {
    fn set_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(timeout))
    }
}

impl Behind for TcpStream {
    fn set_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(timeout))
    }
}

/// The listener behind the gate.
#[derive(Debug)]
pub(super) enum Inner {
    /// A socket in a directory that only its owner enters.
    Unix(UnixListener, PathBuf),
    /// A loopback port, where sockets in files do not work. Whoever finds it still needs the token.
    Tcp(TcpListener, SocketAddr),
}

impl Inner {
    /// Listens below `run_directory`, `/var/run` on a host, and on a loopback port where that does not work.
    pub(super) fn listen(run_directory: &Path) -> io::Result<Self> {
        let path = run_directory.join(format!("vscsi-agent.{}.sock", std::process::id()));
        // The file of a process that had our number and died.
        let _ = std::fs::remove_file(&path);
        if let Ok(listener) = UnixListener::bind(&path) {
            return Ok(Self::Unix(listener, path));
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        Ok(Self::Tcp(listener, address))
    }

    /// A server on this listener; another one can be built when it has failed.
    pub(super) fn server(&self) -> io::Result<Server> {
        match self {
            Self::Unix(listener, _) => Server::from_listener(listener.try_clone()?, None),
            Self::Tcp(listener, _) => Server::from_listener(listener.try_clone()?, None),
        }
        .map_err(io::Error::other)
    }

    /// A connection to the server.
    pub(super) fn connect(&self) -> io::Result<Box<dyn Behind>> {
        Ok(match self {
            Self::Unix(_, path) => Box::new(UnixStream::connect(path)?),
            Self::Tcp(_, address) => Box::new(TcpStream::connect(address)?),
        })
    }

    /// Removes the socket's file at the agent's end.
    pub(super) fn remove(run_directory: &Path) {
        let _ = std::fs::remove_file(run_directory.join(format!("vscsi-agent.{}.sock", std::process::id())));
    }
}
