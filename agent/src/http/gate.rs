//! The gate before `tiny_http`: it lets through whole, modest, admitted requests, one at a time for each connection.
//!
//! `tiny_http` reads header fields without a limit and has no timeouts, ends its accept thread at the first error, and
//! when it drops a request it allocates as many bytes as its `Content-Length` promises. All four are out of reach
//! behind the gate: it holds the only public listener and frames every request and every answer itself.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use vscsi_shared::wire::v1::ErrorCode;

use super::admission::{BODY_LIMIT, HEADER_LIMIT, admit};
use super::head::{self, Head};
use super::inner::{Behind, Inner};
use super::server::Context;
use crate::action::{Refusal, refuse};

/// Connections at one time; each has a thread with a small stack.
const MAX_CONNECTIONS: usize = 48;

/// Stack of a connection's thread: it only frames bytes.
const STACK_BYTES: usize = 128 * 1024;

/// How long a connection may rest between two requests, as that of a client that waits for its next sample.
const IDLE_TIMEOUT: Duration = Duration::from_mins(15);

/// How long a request may take to arrive once it has begun.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an answer may wait for its reader.
const WRITE_TIMEOUT: Duration = Duration::from_mins(1);

/// How long an answer may take to begin: longer than a request waits for the collector.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);

/// How long an answer that has begun may pause.
const STALL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a refused client is listened to, so that it reads the refusal before the connection breaks.
const LINGER_TIMEOUT: Duration = Duration::from_millis(500);

/// The connections that are open.
#[derive(Debug, Default)]
struct Connections {
    next: u64,
    open: BTreeMap<u64, Open>,
}

#[derive(Debug)]
struct Open {
    client: TcpStream,
    /// A request of it was admitted.
    admitted: bool,
}

/// Accepts connections for as long as the process lives.
pub(super) fn open(listener: &TcpListener, inner: &Arc<Inner>, context: &Arc<Context>) {
    let connections = Arc::new(Mutex::new(Connections::default()));
    loop {
        match listener.accept() {
            Ok((client, _)) => {
                // A client that was gone before it was let in is none.
                let _ = let_in(client, &connections, inner, context);
            }
            Err(error) => {
                context.equipment.log.line(&format!(
                    "accepting a connection failed: {error}; the agent goes on listening"
                ));
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

fn with<T>(connections: &Mutex<Connections>, use_it: impl FnOnce(&mut Connections) -> T) -> T {
    use_it(&mut connections.lock().unwrap_or_else(PoisonError::into_inner))
}

fn let_in(
    mut client: TcpStream,
    connections: &Arc<Mutex<Connections>>,
    inner: &Arc<Inner>,
    context: &Arc<Context>,
) -> io::Result<()> {
    client.set_write_timeout(Some(WRITE_TIMEOUT))?;
    client.set_nodelay(true)?;
    let known = client.try_clone()?;
    let number = with(connections, |connections| {
        if connections.open.len() >= MAX_CONNECTIONS {
            // Whoever holds a connection without having shown the token makes room for who may have it.
            let idle = connections
                .open
                .iter()
                .find(|(_, open)| !open.admitted)
                .map(|(number, _)| *number);
            let evicted = connections.open.remove(&idle?)?;
            let _ = evicted.client.shutdown(Shutdown::Both);
        }
        connections.next += 1;
        let number = connections.next;
        let open = Open {
            client: known,
            admitted: false,
        };
        connections.open.insert(number, open);
        Some(number)
    });
    let Some(number) = number else {
        let busy = refuse(
            ErrorCode::Unavailable,
            format!("{MAX_CONNECTIONS} clients are connected already"),
            "try again in a moment",
        );
        return client.write_all(&head::refusal(&busy));
    };
    let (connections_too, inner, context) = (Arc::clone(connections), Arc::clone(inner), Arc::clone(context));
    let spawned = thread::Builder::new()
        .name("connection".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            // Whatever broke the connection, there is nobody left to tell.
            let _ = attend(&mut client, &connections_too, number, &inner, &context);
            let _ = client.shutdown(Shutdown::Both);
            with(&connections_too, |connections| connections.open.remove(&number));
        });
    if spawned.is_err() {
        with(connections, |connections| connections.open.remove(&number));
    }
    Ok(())
}

/// Passes requests and answers one after another until the client is done or refused.
fn attend(
    client: &mut TcpStream,
    connections: &Mutex<Connections>,
    number: u64,
    inner: &Inner,
    context: &Context,
) -> io::Result<()> {
    let mut behind: Option<Box<dyn Behind>> = None;
    let mut arrived = Vec::new();
    loop {
        let request = match read_request(client, &mut arrived, &context.token)? {
            Arrived::Whole(request) => request,
            Arrived::Refused(refusal) => return refuse_and_linger(client, &refusal),
            Arrived::Nothing => return Ok(()),
        };
        with(connections, |connections| {
            if let Some(open) = connections.open.get_mut(&number) {
                open.admitted = true;
            }
        });
        if behind.is_none() {
            behind = Some(inner.connect()?);
        }
        let Some(server) = behind.as_mut() else { return Ok(()) };
        server.write_all(&request.bytes)?;
        server.flush()?;
        relay(server.as_mut(), client)?;
        if request.is_last {
            return Ok(());
        }
    }
}

struct Request {
    bytes: Vec<u8>,
    is_last: bool,
}

enum Arrived {
    Whole(Request),
    Refused(Refusal),
    Nothing,
}

/// Reads the next request whole; `arrived` keeps what came after it.
fn read_request(client: &mut TcpStream, arrived: &mut Vec<u8>, token: &str) -> io::Result<Arrived> {
    let mut until: Option<Instant> = (!arrived.is_empty()).then(|| Instant::now() + REQUEST_TIMEOUT);
    loop {
        if let Some(end) = head::end_of_head(arrived) {
            let head = match Head::parse(arrived.get(..end).unwrap_or_default()) {
                Ok(head) => head,
                Err(refusal) => return Ok(Arrived::Refused(refusal)),
            };
            // Before the body: who is not admitted need not send it.
            if let Err(refusal) = admit(&head.fields(), head.url, token) {
                return Ok(Arrived::Refused(refusal));
            }
            if head.body_length > BODY_LIMIT {
                let message = format!(
                    "the body has {} bytes, and at most {BODY_LIMIT} are read",
                    head.body_length
                );
                return Ok(Arrived::Refused(refuse(ErrorCode::TooLarge, message, "")));
            }
            let (length, is_last) = (end + head.body_length, head.is_last);
            if arrived.len() >= length {
                let rest = arrived.split_off(length);
                let bytes = std::mem::replace(arrived, rest);
                return Ok(Arrived::Whole(Request { bytes, is_last }));
            }
        } else if arrived.len() > HEADER_LIMIT {
            let message = format!("the header has more than {HEADER_LIMIT} bytes");
            return Ok(Arrived::Refused(refuse(ErrorCode::TooLarge, message, "")));
        }
        let timeout = until.map_or(IDLE_TIMEOUT, |until| until.saturating_duration_since(Instant::now()));
        if timeout.is_zero() {
            let message = format!("the request did not arrive within {} s", REQUEST_TIMEOUT.as_secs());
            return Ok(Arrived::Refused(refuse(ErrorCode::BadRequest, message, "")));
        }
        client.set_read_timeout(Some(timeout))?;
        let mut chunk = [0; 4096];
        match client.read(&mut chunk) {
            Ok(0) => return Ok(Arrived::Nothing),
            Ok(length) => {
                until.get_or_insert_with(|| Instant::now() + REQUEST_TIMEOUT);
                arrived.extend_from_slice(chunk.get(..length).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The time is over; what there is to say about it is said above.
            Err(error) if is_timeout(&error) && until.is_some() => {}
            Err(error) if is_timeout(&error) => return Ok(Arrived::Nothing),
            Err(error) => return Err(error),
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Passes one answer on. `tiny_http` gives every answer of ours its length.
///
/// An answer that stops in its middle, as a bundle does at a corrupt file, breaks the connection, by which the client
/// knows that it is not whole.
fn relay(server: &mut dyn Behind, client: &mut impl Write) -> io::Result<()> {
    server.set_timeout(ANSWER_TIMEOUT)?;
    let mut buffer = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    let mut left: Option<u64> = None;
    loop {
        let length = server.read(&mut chunk)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let bytes = chunk.get(..length).unwrap_or_default();
        if let Some(left) = &mut left {
            client.write_all(bytes)?;
            *left = left.saturating_sub(length as u64);
        } else {
            buffer.extend_from_slice(bytes);
            let Some(end) = head::end_of_head(&buffer) else {
                continue;
            };
            client.write_all(&buffer)?;
            let body = head::answer_length(buffer.get(..end).unwrap_or_default());
            server.set_timeout(STALL_TIMEOUT)?;
            left = Some(body.saturating_sub((buffer.len() - end) as u64));
        }
        if left == Some(0) {
            return client.flush();
        }
    }
}

/// Sends the refusal and closes after a moment of reading on, a lingering close: closing over unread bytes would reset
/// the connection, and the client would not see why.
fn refuse_and_linger(client: &mut TcpStream, refusal: &Refusal) -> io::Result<()> {
    client.write_all(&head::refusal(refusal))?;
    client.shutdown(Shutdown::Write)?;
    client.set_read_timeout(Some(LINGER_TIMEOUT))?;
    let until = Instant::now() + LINGER_TIMEOUT;
    let mut chunk = vec![0; 16 * 1024];
    while Instant::now() < until && client.read(&mut chunk)? > 0 {}
    Ok(())
}
