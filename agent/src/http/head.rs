//! The little of HTTP/1.1 framing that the gate needs: where a head ends, and how long the body is.

use std::str;

use memchr::memmem;
use vscsi_shared::wire::v1::{ApiError, ErrorCode};

use crate::action::{Refusal, refuse};

/// Most header fields of a request.
const MAX_FIELDS: usize = 64;

/// The head of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head<'bytes> {
    /// The request target.
    pub url: &'bytes str,
    fields: Vec<(&'bytes str, &'bytes str)>,
    /// Bytes of the body.
    pub body_length: usize,
    /// The client sends no further request.
    pub is_last: bool,
}

/// The length of the head in `bytes`, with the empty line that ends it.
pub fn end_of_head(bytes: &[u8]) -> Option<usize> {
    memmem::find(bytes, b"\r\n\r\n").map(|position| position + 4)
}

fn malformed(what: &str) -> Refusal {
    refuse(ErrorCode::BadRequest, format!("the request is malformed: {what}"), "")
}

/// A name by RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_allowed)
}

/// A value by RFC 9110, section 5.5, without what is not ASCII. Another parser may take a lone carriage return or line
/// feed for the end of a line, and see other fields than this one.
fn is_field_value(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ' || byte == b'\t')
}

fn fields(text: &str) -> impl Iterator<Item = Option<(&str, &str)>> {
    text.split("\r\n").filter(|line| !line.is_empty()).map(|line| {
        let (name, value) = line.split_once(':')?;
        let value = value.trim_matches([' ', '\t']);
        (is_token(name) && is_field_value(value)).then_some((name, value))
    })
}

impl<'bytes> Head<'bytes> {
    /// Reads a head that [`end_of_head`] has found.
    ///
    /// # Errors
    /// A [`Refusal`] of a head that is malformed, asks for what this gate does not know, or has too many fields.
    pub fn parse(bytes: &'bytes [u8]) -> Result<Self, Refusal> {
        let text = str::from_utf8(bytes).ok().filter(|text| text.is_ascii());
        let text = text.ok_or_else(|| malformed("its head is not ASCII"))?;
        let (line, rest) = text
            .split_once("\r\n")
            .ok_or_else(|| malformed("it has no request line"))?;
        let mut words = line.split(' ');
        let (Some(method), Some(url), Some("HTTP/1.1"), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(malformed("its first line is not `METHOD URL HTTP/1.1`"));
        };
        if url.is_empty() || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(malformed("its URL has a character that no URL has"));
        }
        // An answer to HEAD has a length and no body, which is more than this gate knows; no route answers it.
        if !["GET", "POST", "PUT", "DELETE", "PATCH"].contains(&method) {
            return Err(refuse(
                ErrorCode::MethodNotAllowed,
                "only GET, POST and DELETE are supported",
                "",
            ));
        }
        let fields: Option<Vec<(&str, &str)>> = fields(rest).take(MAX_FIELDS + 1).collect();
        let fields = fields.ok_or_else(|| malformed("a header field is not `NAME: VALUE`"))?;
        if fields.len() > MAX_FIELDS {
            return Err(refuse(
                ErrorCode::TooLarge,
                format!("more than {MAX_FIELDS} header fields"),
                "",
            ));
        }
        let all = |wanted: &'static str| {
            let matching = fields.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted));
            matching.map(|(_, value)| *value)
        };
        for unwanted in ["Transfer-Encoding", "Expect", "Upgrade"] {
            if all(unwanted).next().is_some() {
                return Err(malformed(&format!(
                    "{unwanted} is not supported; send the body with its Content-Length"
                )));
            }
        }
        let mut lengths = all("Content-Length");
        let body_length = match (lengths.next(), lengths.next()) {
            (None, _) => 0,
            (Some(length), None) => {
                let digits = length.bytes().all(|byte| byte.is_ascii_digit());
                let length = length.parse().ok().filter(|_| digits);
                length.ok_or_else(|| malformed("its Content-Length is not a number"))?
            }
            (Some(_), Some(_)) => return Err(malformed("it has two Content-Length fields")),
        };
        let is_last = all("Connection").any(|value| value.eq_ignore_ascii_case("close"));
        Ok(Self {
            url,
            fields,
            body_length,
            is_last,
        })
    }

    /// Names and values of the header fields.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.fields.iter().copied()
    }
}

/// Bytes of the body of an answer, by its own head; an answer without a length, such as 204, has none.
pub fn answer_length(head: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(head);
    fields(&text)
        .flatten()
        .find(|(name, _)| name.eq_ignore_ascii_case("Content-Length"))
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0)
}

/// A whole answer that refuses and closes the connection.
pub(super) fn refusal(error: &ApiError) -> Vec<u8> {
    // No value of the error fails to become JSON.
    let body = serde_json::to_vec(error).unwrap_or_default();
    let mut answer = format!(
        "HTTP/1.1 {} Refused\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        error.code.status(),
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(&body);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Head<'_>, ErrorCode> {
        Head::parse(text.as_bytes()).map_err(|refusal| refusal.code)
    }

    #[test]
    fn a_plain_request_is_framed() {
        let head = parse("POST /v1/jobs HTTP/1.1\r\nHost: a\r\ncontent-length: 12\r\n\r\n").unwrap();
        assert_eq!((head.url, head.body_length, head.is_last), ("/v1/jobs", 12, false));
    }

    #[test]
    fn a_client_that_closes_says_so() {
        assert!(parse("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap().is_last);
    }

    #[test]
    fn ambiguous_framing_is_refused() {
        for fields in [
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: 1x\r\n",
            "Content-Length: 99999999999999999999999\r\n",
            "Content-Length : 1\r\n",
            ": 1\r\n",
            "no colon\r\n",
            "Expect: 100-continue\r\n",
            "A: 1\nContent-Length: 1\r\n",
            "A: 1\rContent-Length: 1\r\n",
            "A: \0\r\n",
            "A(b): 1\r\n",
        ] {
            let request = format!("POST /v1/jobs HTTP/1.1\r\n{fields}\r\n");
            assert_eq!(parse(&request), Err(ErrorCode::BadRequest), "{fields:?}");
        }
    }

    #[test]
    fn another_first_line_is_refused() {
        for line in [
            "GET /",
            "GET / HTTP/1.0",
            "GET / HTTP/2",
            "GET  / HTTP/1.1",
            "",
            "GET / HTTP/1.1 x",
            "GET /\n HTTP/1.1",
        ] {
            assert!(parse(&format!("{line}\r\n\r\n")).is_err(), "{line:?}");
        }
    }

    #[test]
    fn too_many_fields_are_refused() {
        let request = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MAX_FIELDS + 1));
        assert_eq!(parse(&request), Err(ErrorCode::TooLarge));
    }

    #[test]
    fn the_length_of_an_answer_is_found_and_204_has_none() {
        assert_eq!(
            answer_length(b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 77\r\n\r\n"),
            77
        );
        assert_eq!(answer_length(b"HTTP/1.1 204 No Content\r\n\r\n"), 0);
    }
}
