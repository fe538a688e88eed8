//! One connection: requests and answers in turn, until the client is done or refused.

use std::io::{self, BufWriter, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tiny_http::{HTTPVersion, Header, Response, StatusCode};
use vscsi_shared::wire::v1::{ApiError, ErrorCode};

use super::answers::Answer;
use super::context::Context;
use super::places::Place;
use super::request::{Arrived, Requests};
use crate::action::refuse;

/// How long a connection may take until its first request is there whole.
const FIRST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may rest between two requests, as that of a client that waits for its next sample.
const REST_TIMEOUT: Duration = Duration::from_mins(15);

/// How long an answer may wait for its reader.
const WRITE_TIMEOUT: Duration = Duration::from_mins(1);

/// How long a refused client is listened to, so that it reads the refusal before the connection breaks.
const LINGER_TIMEOUT: Duration = Duration::from_millis(500);

/// Answers in pieces of at most this many bytes.
const PIECE_BYTES: usize = 16 * 1024;

/// Answers the requests of the client at `place`.
///
/// # Errors
/// When the connection breaks.
pub(super) fn attend(place: &mut Place, context: &Context) -> io::Result<()> {
    let client = Arc::clone(&place.client);
    let client = client.as_ref();
    client.set_write_timeout(Some(WRITE_TIMEOUT))?;
    client.set_nodelay(true)?;
    let mut requests = Requests::of(client);
    let mut rest = FIRST_TIMEOUT;
    loop {
        let request = match requests.next(&context.token, rest)? {
            Arrived::Whole(request) => request,
            Arrived::Refused(refusal) => return refuse_and_linger(client, &refusal),
            Arrived::Nothing => return Ok(()),
        };
        if !place.befriend() {
            let busy = refuse(
                ErrorCode::Unavailable,
                "as many clients as there is room for are connected already",
                "try again in a moment",
            );
            return refuse_and_linger(client, &busy);
        }
        context.heard();
        respond(client, context.answer(&request))?;
        if request.is_last {
            return Ok(());
        }
        rest = REST_TIMEOUT;
    }
}

/// An answer whose length is known and that stops before it breaks the connection, by which the client knows that it is
/// not whole.
fn respond(client: &TcpStream, answer: Answer) -> io::Result<()> {
    let mut headers = Vec::new();
    headers.extend(Header::from_bytes("Content-Type", answer.content_type).ok());
    if let Some((first, total)) = answer.range {
        let value = format!("bytes {first}-{}/{total}", total.saturating_sub(1));
        headers.extend(Header::from_bytes("Content-Range", value).ok());
    }
    let length = answer
        .length
        .map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    let mut writer = BufWriter::with_capacity(PIECE_BYTES, client);
    Response::new(StatusCode(answer.status), headers, answer.body, length, None)
        .with_chunked_threshold(usize::MAX)
        .raw_print(&mut writer, HTTPVersion(1, 1), &[], false, None)?;
    writer.flush()
}

/// Sends the refusal and closes after a moment of reading on, a lingering close: closing over unread bytes would reset
/// the connection, and the client would not see why.
fn refuse_and_linger(mut client: &TcpStream, refusal: &ApiError) -> io::Result<()> {
    client.write_all(&last_answer(refusal))?;
    client.shutdown(Shutdown::Write)?;
    client.set_read_timeout(Some(LINGER_TIMEOUT))?;
    let until = Instant::now() + LINGER_TIMEOUT;
    let mut piece = [0; 4096];
    while Instant::now() < until && client.read(&mut piece)? > 0 {}
    Ok(())
}

/// A whole answer that refuses and closes the connection, which `tiny_http` lets no answer of its own say.
fn last_answer(refusal: &ApiError) -> Vec<u8> {
    // No value of the error fails to become JSON.
    let body = serde_json::to_vec(refusal).unwrap_or_default();
    let status = StatusCode(refusal.code.status());
    let mut answer = format!(
        "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        status.0,
        status.default_reason_phrase(),
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(&body);
    answer
}
