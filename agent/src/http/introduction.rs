//! The other side of the gate: how `vscsi-agent connect` gets a place in the agent at once.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// How long an agent gets to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Longest answer that is read, bytes.
const ANSWER_LIMIT: u64 = 64 * 1024;

/// Shows the token on a connection that is to be passed on to a client.
///
/// The client's own first request comes a journey later, and a crowd of others at the port of the agent would by then
/// have taken the place of a connection that has said nothing.
///
/// # Errors
/// When what listens there does not answer as our agent does.
pub(crate) fn introduce(stream: &TcpStream, token: &str) -> io::Result<()> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    let request = format!("GET /v1/info HTTP/1.1\r\nHost: vscsi-agent\r\nAuthorization: Bearer {token}\r\n\r\n");
    { stream }.write_all(request.as_bytes())?;
    // Nothing follows the answer before the next request, so nothing is lost in this buffer.
    let mut answer = BufReader::new(stream.take(ANSWER_LIMIT));
    let mut line = String::new();
    answer.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 200 ") {
        return Err(io::Error::other(format!(
            "the agent answered {}",
            line.trim_end().escape_debug()
        )));
    }
    let mut length = 0;
    while !line.trim_end().is_empty() {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("Content-Length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        line.clear();
        answer.read_line(&mut line)?;
    }
    let mut body = vec![0; usize::try_from(ANSWER_LIMIT.min(length)).unwrap_or(0)];
    answer.read_exact(&mut body)?;
    stream.set_read_timeout(None)
}
