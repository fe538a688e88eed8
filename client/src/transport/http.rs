//! HTTP over one stream, by ureq with a connector of our own.
//!
//! A session has exactly one connection. When it breaks, the session is over: requests fail with the reason, and whoever
//! wants to go on opens another one, because an agent that was started anew has another token.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::config::Config;
use ureq::http::{Response, Uri};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport as HttpTransport,
};
use ureq::{Body, Error};
use vscsi_shared::wire::Greeting;

use super::pace::{Pace, Reading};
use super::{Link, Opened, TransportError};
use crate::number;

const BUFFER_BYTES: usize = 128 * 1024;

/// What a session and its stream both look at.
#[derive(Debug)]
struct State {
    pace: Pace,
    /// Why the stream broke.
    broken: Option<TransportError>,
}

type Shared = Arc<Mutex<State>>;

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// HTTP requests to one agent over one stream.
pub struct Session {
    agent: Agent,
    greeting: Greeting,
    state: Shared,
}

impl Session {
    /// Takes over a stream to `host` whose greeting has been read. Within every `patience` an answer has to begin, to
    /// end, or to bring 2 KiB for each second of it.
    pub fn new(host: impl Into<String>, opened: Opened, patience: Duration) -> Self {
        let state = Arc::new(Mutex::new(State {
            pace: Pace::new(host.into(), patience, Instant::now()),
            broken: None,
        }));
        let connector = OneLink {
            link: Mutex::new(Some(opened.link)),
            state: Arc::clone(&state),
        };
        let config = Config::builder()
            // The environment's proxy is for the web; this stream leads to the agent already.
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_age(Duration::from_hours(24))
            .user_agent(concat!("vscsi-helper/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: Agent::with_parts(config, connector, NoResolver),
            greeting: opened.greeting,
            state,
        }
    }

    /// Sends a request without a body, whose answer has at most `limit_bytes`.
    ///
    /// # Errors
    /// When the stream broke or the answer is no HTTP. An error status is an answer.
    pub fn send(&self, method: Method, path: &str, limit_bytes: u64) -> Result<Response<Body>, Error> {
        let uri = self.uri(path);
        self.begin(limit_bytes, Reading::Whole);
        let token = self.bearer();
        let begun = Instant::now();
        let (word, answer) = match method {
            Method::Get => ("GET", self.agent.get(uri).header("Authorization", token).call()),
            Method::Delete => ("DELETE", self.agent.delete(uri).header("Authorization", token).call()),
            Method::Post => ("POST", self.agent.post(uri).header("Authorization", token).send_empty()),
        };
        tell(word, path, begun, answer)
    }

    /// Asks for an answer of at most `limit_bytes` that is read piece by piece, for as long as it keeps its pace.
    ///
    /// # Errors
    /// As [`Session::send`].
    pub fn stream(&self, path: &str, limit_bytes: u64) -> Result<Response<Body>, Error> {
        self.begin(limit_bytes, Reading::Stream);
        let begun = Instant::now();
        let request = self.agent.get(self.uri(path)).header("Authorization", self.bearer());
        tell("GET", path, begun, request.call())
    }

    /// Posts `body` as JSON; the answer has at most `limit_bytes`.
    ///
    /// # Errors
    /// As [`Session::send`].
    pub fn post_json(
        &self,
        path: &str,
        body: &impl serde::Serialize,
        limit_bytes: u64,
    ) -> Result<Response<Body>, Error> {
        self.begin(limit_bytes, Reading::Whole);
        let begun = Instant::now();
        let request = self.agent.post(self.uri(path)).header("Authorization", self.bearer());
        tell("POST", path, begun, request.send_json(body))
    }

    /// Why the stream broke, when it did; asked once.
    pub fn take_breakage(&self) -> Option<TransportError> {
        locked(&self.state).broken.take()
    }

    fn begin(&self, limit_bytes: u64, reading: Reading) {
        locked(&self.state).pace.begin(limit_bytes, reading, Instant::now());
    }

    fn uri(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.greeting.port)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.greeting.token)
    }
}

/// Passes on the answer to a request, and tells of both.
fn tell(
    method: &str,
    path: &str,
    begun: Instant,
    answer: Result<Response<Body>, Error>,
) -> Result<Response<Body>, Error> {
    let took = begun.elapsed().as_millis();
    match &answer {
        Ok(answer) => {
            let length = answer.body().content_length();
            let size = length.map_or_else(|| "a stream".to_owned(), number::bytes);
            log::debug!("{method} {path}: {} after {took} ms, {size}", answer.status().as_u16());
        }
        Err(error) => log::debug!("{method} {path}: failed after {took} ms: {error}"),
    }
    answer
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
    state: Shared,
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
                state: Arc::clone(&self.state),
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
    state: Shared,
}

impl LinkTransport {
    /// Notes why the stream is over.
    fn broke(&mut self, reason: TransportError) {
        self.open = false;
        locked(&self.state).broken.get_or_insert(reason);
    }

    /// Notes what the link says about its end.
    fn ended(&mut self) {
        let reason = self.link.post_mortem();
        self.broke(reason);
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
            self.ended();
            Error::Io(error)
        })
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        let left = locked(&self.state).pace.time_left(Instant::now());
        let received = if left.is_zero() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            self.link.receive(self.buffers.input_append_buf(), Some(left))
        };
        match received {
            Ok(0) => {
                self.ended();
                Ok(false)
            }
            Ok(amount) => {
                let allowed = locked(&self.state).pace.received(amount, Instant::now());
                if let Err(reason) = allowed {
                    self.broke(reason);
                    return Err(Error::Io(io::ErrorKind::FileTooLarge.into()));
                }
                self.buffers.input_appended(amount);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                let reason = locked(&self.state).pace.too_slow(Instant::now());
                let told = io::Error::new(io::ErrorKind::TimedOut, reason.to_string());
                self.broke(reason);
                Err(Error::Io(told))
            }
            Err(error) => {
                self.ended();
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
