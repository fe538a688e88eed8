//! The head of a request: its first line and its header fields, which `tiny_http`'s types read.

use std::str::{self, FromStr as _};

use memchr::memmem;
use tiny_http::{Header, Method};
use vscsi_shared::wire::v1::ErrorCode;

use crate::action::{Refusal, refuse};

/// Most header fields of a request.
const MAX_FIELDS: usize = 64;

/// A request without its body.
#[derive(Debug)]
pub struct Head {
    /// GET, POST or DELETE.
    pub method: Method,
    /// The request target: path and query.
    pub url: String,
    /// The header fields, in their order.
    pub fields: Vec<Header>,
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

impl Head {
    /// Reads a head that [`end_of_head`] has found.
    ///
    /// # Errors
    /// A [`Refusal`] of a head that is malformed, asks for what this agent does not know, or has too many fields.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let text = str::from_utf8(bytes).ok().filter(|text| text.is_ascii());
        let mut lines = text.ok_or_else(|| malformed("its head is not ASCII"))?.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(url), Some("HTTP/1.1"), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(malformed("its first line is not `METHOD URL HTTP/1.1`"));
        };
        if url.is_empty() || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(malformed("its URL has a character that no URL has"));
        }
        let method = Method::from_str(method).map_err(|()| malformed("its method is not ASCII"))?;
        // An answer to HEAD has a length and no body; no route answers it.
        if !matches!(method, Method::Get | Method::Post | Method::Delete) {
            let message = "only GET, POST and DELETE are supported";
            return Err(refuse(ErrorCode::MethodNotAllowed, message, ""));
        }
        let fields: Result<Vec<Header>, Refusal> = lines
            .filter(|line| !line.is_empty())
            .take(MAX_FIELDS + 1)
            .map(field)
            .collect();
        let fields = fields?;
        if fields.len() > MAX_FIELDS {
            let message = format!("more than {MAX_FIELDS} header fields");
            return Err(refuse(ErrorCode::TooLarge, message, ""));
        }
        for unwanted in ["Transfer-Encoding", "Expect", "Upgrade"] {
            if values(&fields, unwanted).next().is_some() {
                let what = format!("{unwanted} is not supported; send the body with its Content-Length");
                return Err(malformed(&what));
            }
        }
        let is_last = values(&fields, "Connection").any(|value| value.eq_ignore_ascii_case("close"));
        Ok(Self {
            method,
            url: url.to_owned(),
            body_length: body_length(&fields)?,
            is_last,
            fields,
        })
    }
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

fn field(line: &str) -> Result<Header, Refusal> {
    let plain = line
        .split_once(':')
        .filter(|(name, value)| is_token(name) && is_field_value(value));
    let header = plain.and_then(|_| Header::from_str(line).ok());
    header.ok_or_else(|| malformed("a header field is not `NAME: VALUE`"))
}

fn body_length(fields: &[Header]) -> Result<usize, Refusal> {
    let mut lengths = values(fields, "Content-Length");
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(0),
        (Some(length), None) => {
            let digits = length.bytes().all(|byte| byte.is_ascii_digit());
            let length = length.parse().ok().filter(|_| digits);
            length.ok_or_else(|| malformed("its Content-Length is not a number"))
        }
        (Some(_), Some(_)) => Err(malformed("it has two Content-Length fields")),
    }
}

/// Values of the fields called `name`.
pub(super) fn values<'head>(fields: &'head [Header], name: &'static str) -> impl Iterator<Item = &'head str> {
    let called = fields.iter().filter(move |header| header.field.equiv(name));
    called.map(|header| header.value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Head, ErrorCode> {
        Head::parse(text.as_bytes()).map_err(|refusal| refusal.code)
    }

    #[test]
    fn a_plain_request_is_read() {
        let head = parse("POST /v1/jobs HTTP/1.1\r\nHost: a\r\ncontent-length: 12").unwrap();
        assert_eq!((head.method, head.url.as_str()), (Method::Post, "/v1/jobs"));
        assert_eq!((head.body_length, head.is_last), (12, false));
    }

    #[test]
    fn a_client_that_closes_says_so() {
        assert!(parse("GET / HTTP/1.1\r\nConnection: close").unwrap().is_last);
    }

    #[test]
    fn ambiguous_framing_is_refused() {
        for fields in [
            "Content-Length: 1\r\nContent-Length: 1",
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            "Content-Length: +1",
            "Content-Length: 1x",
            "Content-Length: 99999999999999999999999",
            "Content-Length : 1",
            ": 1",
            "no colon",
            " folded: 1",
            "Expect: 100-continue",
            "A: 1\nContent-Length: 1",
            "A: 1\rContent-Length: 1",
            "A: \0",
            "A(b): 1",
        ] {
            let request = format!("POST /v1/jobs HTTP/1.1\r\n{fields}");
            assert_eq!(parse(&request).unwrap_err(), ErrorCode::BadRequest, "{fields:?}");
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
            assert!(parse(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn another_method_is_refused() {
        for method in ["HEAD", "PUT", "OPTIONS", "CONNECT", "get", "X"] {
            let code = parse(&format!("{method} / HTTP/1.1")).unwrap_err();
            assert_eq!(code, ErrorCode::MethodNotAllowed, "{method}");
        }
    }

    #[test]
    fn too_many_fields_are_refused() {
        let request = format!("GET / HTTP/1.1{}", "\r\na: b".repeat(MAX_FIELDS + 1));
        assert_eq!(parse(&request).unwrap_err(), ErrorCode::TooLarge);
    }
}
