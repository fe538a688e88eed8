//! HTTP over one stream, by ureq with a connector of our own.
//!
//! A session has exactly one connection. When it breaks, the session is over: requests fail with the reason, and whoever
//! wants to go on opens another one, because an agent that was started anew has another token.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ureq::Agent;
use ureq::config::Config;
use ureq::http::{Response, Uri};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport as HttpTransport,
};
use ureq::{Body, Error};
use vscsi_shared::wire::Greeting;

use super::{Link, Opened, TransportError};

const BUFFER_BYTES: usize = 128 * 1024;

type Shared<T> = Arc<Mutex<Option<T>>>;

/// HTTP requests to one agent over one stream.
pub struct Session {
    agent: Agent,
    greeting: Greeting,
    broken: Shared<TransportError>,
}

impl Session {
    /// How long the agent may take for its next byte: it runs esxcli for an inventory, which a busy host does slowly.
    pub const ANSWER_TIMEOUT: Duration = Duration::from_mins(2);

    /// Takes over a stream whose greeting has been read.
    pub fn new(opened: Opened) -> Self {
        let broken = Shared::default();
        let connector = OneLink {
            link: Mutex::new(Some(opened.link)),
            broken: Arc::clone(&broken),
        };
        let config = Config::builder()
            // The environment's proxy is for the web; this stream leads to the agent already.
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_age(Duration::from_hours(24))
            .timeout_per_read(Some(Self::ANSWER_TIMEOUT))
            .user_agent(concat!("vscsi-helper/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: Agent::with_parts(config, connector, NoResolver),
            greeting: opened.greeting,
            broken,
        }
    }

    /// Sends a request without a body.
    ///
    /// # Errors
    /// When the stream broke or the answer is no HTTP. An error status is an answer.
    pub fn send(&self, method: Method, path: &str) -> Result<Response<Body>, Error> {
        let uri = self.uri(path);
        let token = self.bearer();
        match method {
            Method::Get => self.agent.get(uri).header("Authorization", token).call(),
            Method::Delete => self.agent.delete(uri).header("Authorization", token).call(),
            Method::Post => self.agent.post(uri).header("Authorization", token).send_empty(),
        }
    }

    /// Posts `body` as JSON.
    ///
    /// # Errors
    /// As [`Session::send`].
    pub fn post_json(&self, path: &str, body: &impl serde::Serialize) -> Result<Response<Body>, Error> {
        self.agent
            .post(self.uri(path))
            .header("Authorization", self.bearer())
            .send_json(body)
    }

    /// Why the stream broke, when it did; asked once.
    pub fn take_breakage(&self) -> Option<TransportError> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn uri(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.greeting.port)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.greeting.token)
    }
}

/// Without the token.
impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Session")
            .field("version", &self.greeting.version)
            .field("port", &self.greeting.port)
            .finish_non_exhaustive()
    }
}

/// Methods of requests without a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Acts.
    Post,
    /// Removes.
    Delete,
}

struct OneLink {
    link: Mutex<Option<Box<dyn Link>>>,
    broken: Shared<TransportError>,
}

impl Connector for OneLink {
    type Out = LinkTransport;

    fn connect(&self, _: &ConnectionDetails, _: Option<()>) -> Result<Option<LinkTransport>, Error> {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner).take();
        match link {
            Some(link) => Ok(Some(LinkTransport {
                link,
                open: true,
                buffers: LazyBuffers::new(BUFFER_BYTES, BUFFER_BYTES),
                broken: Arc::clone(&self.broken),
            })),
            None => Err(Error::Io(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl fmt::Debug for OneLink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OneLink").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct LinkTransport {
    link: Box<dyn Link>,
    open: bool,
    buffers: LazyBuffers,
    broken: Shared<TransportError>,
}

impl LinkTransport {
    fn broke(&mut self) {
        self.open = false;
        let reason = self.link.post_mortem();
        self.broken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(reason);
    }
}

impl HttpTransport for LinkTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        // Requests fit the pipe; a host that stalls is noticed when its answer does not come.
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        self.link.send(output).map_err(|error| {
            self.broke();
            Error::Io(error)
        })
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = timeout.for_read();
        let limit = timeout.not_zero().map(|limit| *limit);
        let received = self.link.receive(self.buffers.input_append_buf(), limit);
        match received {
            Ok(0) => {
                self.broke();
                Ok(false)
            }
            Ok(amount) => {
                self.buffers.input_appended(amount);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                self.open = false;
                Err(Error::Timeout(timeout.reason))
            }
            Err(error) => {
                self.broke();
                Err(Error::Io(error))
            }
        }
    }

    fn is_open(&mut self) -> bool {
        self.open
    }
}

/// The stream leads to the agent already, so no name is looked up.
#[derive(Debug)]
struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut addresses = self.empty();
        addresses.push(std::net::SocketAddr::from(([127, 0, 0, 1], 0)));
        Ok(addresses)
    }
}
