//! Reading requests: whole, modest, and only of those who may make them.

use std::io::{self, Read as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tiny_http::{Header, Method};
use vscsi_shared::wire::v1::ErrorCode;

use super::admission::admit;
use super::head::{Head, end_of_head};
use crate::action::{Refusal, refuse};

/// Most bytes of a request before its body.
const HEAD_LIMIT: usize = 16 * 1024;

/// Largest body, bytes; a job with 64 disks takes about 8 KiB.
const BODY_LIMIT: usize = 64 * 1024;

/// How long a request may take to arrive once it has begun.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A request that was read whole.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Path and query.
    pub(super) url: String,
    pub(super) fields: Vec<Header>,
    pub(super) body: Vec<u8>,
    /// The client sends no further request.
    pub(super) is_last: bool,
}

/// What came of waiting for a request.
#[derive(Debug)]
pub(super) enum Arrived {
    Whole(Request),
    /// The connection has to be closed: where the next request begins may not be known.
    Refused(Refusal),
    Nothing,
}

/// The requests of one client.
#[derive(Debug)]
pub(super) struct Requests<'client> {
    client: &'client TcpStream,
    /// Bytes that belong to no request yet.
    arrived: Vec<u8>,
}

/// Why a request is not there.
enum Trouble {
    Refused(Refusal),
    Nothing,
    Broken(io::Error),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<'client> Requests<'client> {
    pub(super) fn of(client: &'client TcpStream) -> Self {
        Self {
            client,
            arrived: Vec::new(),
        }
    }

    /// Reads the next request, whose first byte may be `rest` in coming.
    ///
    /// # Errors
    /// When the connection breaks.
    pub(super) fn next(&mut self, token: &str, rest: Duration) -> io::Result<Arrived> {
        match self.read(token, rest) {
            Ok(request) => Ok(Arrived::Whole(request)),
            Err(Trouble::Refused(refusal)) => Ok(Arrived::Refused(refusal)),
            Err(Trouble::Nothing) => Ok(Arrived::Nothing),
            Err(Trouble::Broken(error)) => Err(error),
        }
    }

    fn read(&mut self, token: &str, rest: Duration) -> Result<Request, Trouble> {
        if self.arrived.is_empty() {
            self.receive(rest)?;
        }
        let until = Instant::now() + REQUEST_TIMEOUT;
        let end = loop {
            if let Some(end) = end_of_head(&self.arrived).filter(|end| *end <= HEAD_LIMIT) {
                break end;
            }
            if self.arrived.len() > HEAD_LIMIT {
                let message = format!("the header has more than {HEAD_LIMIT} bytes");
                return Err(refuse(ErrorCode::TooLarge, message, "").into());
            }
            self.receive_until(until)?;
        };
        let head = Head::parse(self.arrived.get(..end).unwrap_or_default())?;
        // Before the body: who is not admitted need not send it.
        admit(&head.fields, token)?;
        if head.body_length > BODY_LIMIT {
            let message = format!(
                "the body has {} bytes, and at most {BODY_LIMIT} are read",
                head.body_length
            );
            return Err(refuse(ErrorCode::TooLarge, message, "").into());
        }
        while self.arrived.len() < end + head.body_length {
            self.receive_until(until)?;
        }
        let rest = self.arrived.split_off(end + head.body_length);
        let mut body = std::mem::replace(&mut self.arrived, rest);
        body.drain(..end);
        Ok(Request {
            method: head.method,
            url: head.url,
            fields: head.fields,
            body,
            is_last: head.is_last,
        })
    }

    fn receive_until(&mut self, until: Instant) -> Result<(), Trouble> {
        let left = until.saturating_duration_since(Instant::now());
        let outcome = if left.is_zero() {
            Err(Trouble::Nothing)
        } else {
            self.receive(left)
        };
        match outcome {
            Err(Trouble::Nothing) if until <= Instant::now() => {
                let message = format!("the request did not arrive within {} s", REQUEST_TIMEOUT.as_secs());
                Err(refuse(ErrorCode::BadRequest, message, "").into())
            }
            outcome => outcome,
        }
    }

    /// Takes in what comes next; nothing when nothing comes within `timeout`, or when the client has closed.
    fn receive(&mut self, timeout: Duration) -> Result<(), Trouble> {
        let mut client = self.client;
        client.set_read_timeout(Some(timeout)).map_err(Trouble::Broken)?;
        let mut piece = [0; 4096];
        loop {
            match client.read(&mut piece) {
                Ok(0) => return Err(Trouble::Nothing),
                Ok(length) => {
                    self.arrived.extend_from_slice(piece.get(..length).unwrap_or_default());
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => return Err(Trouble::Nothing),
                Err(error) => return Err(Trouble::Broken(error)),
            }
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
