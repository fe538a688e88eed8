//! An answer before it becomes bytes, so that an attack can change what it means or how it comes.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::Value;

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Further header lines, each ended by CR LF.
    pub header: String,
    /// What follows.
    pub body: Body,
    /// Told in `Content-Length` instead of the truth.
    pub told_length: Option<u64>,
}

/// What follows the header.
#[derive(Debug, Clone)]
pub enum Body {
    /// One JSON value.
    Json(Value),
    /// Files, each with its header line.
    Bundle(Vec<(Value, Vec<u8>)>),
    /// These bytes.
    Bytes(Vec<u8>),
    /// A beginning, a middle so many times, and an end, of which one piece at a time is in memory.
    Repeated {
        /// The beginning.
        before: Vec<u8>,
        /// The middle.
        middle: Vec<u8>,
        /// How often it comes.
        times: u64,
        /// The end.
        after: Vec<u8>,
    },
    /// These bytes, with a pause before each.
    Dripped(Vec<u8>, Duration),
    /// No HTTP answer of ours at all: these bytes so many times, and the connection stays open.
    Raw(Vec<u8>, u64),
}

impl Reply {
    /// A JSON answer.
    pub fn json(status: u16, value: Value) -> Self {
        Self::new(status, Body::Json(value))
    }

    /// An answer with this body.
    pub fn new(status: u16, body: Body) -> Self {
        Self {
            status,
            header: String::new(),
            body,
            told_length: None,
        }
    }

    /// The JSON of the answer, to be changed.
    pub fn value(&mut self) -> Option<&mut Value> {
        match &mut self.body {
            Body::Json(value) => Some(value),
            _ => None,
        }
    }

    /// The view of one job, to be changed.
    pub fn view(&mut self) -> Option<&mut Value> {
        self.value().filter(|value| value["job"].is_object())
    }

    /// The files of a bundle, to be changed.
    pub fn files(&mut self) -> Option<&mut Vec<(Value, Vec<u8>)>> {
        match &mut self.body {
            Body::Bundle(files) => Some(files),
            _ => None,
        }
    }

    /// Sends it.
    pub(super) fn send(&self, stream: &mut impl Write) -> io::Result<()> {
        let bytes = match &self.body {
            Body::Raw(bytes, times) => {
                for _ in 0..*times {
                    stream.write_all(bytes)?;
                }
                return Ok(());
            }
            Body::Repeated {
                before,
                middle,
                times,
                after,
            } => {
                let length = (before.len() + after.len()) as u64 + middle.len() as u64 * times;
                self.send_head(stream, length)?;
                stream.write_all(before)?;
                for _ in 0..*times {
                    stream.write_all(middle)?;
                }
                return stream.write_all(after);
            }
            Body::Dripped(bytes, pause) => {
                self.send_head(stream, bytes.len() as u64)?;
                for byte in bytes {
                    std::thread::sleep(*pause);
                    stream.write_all(&[*byte])?;
                    stream.flush()?;
                }
                return Ok(());
            }
            Body::Json(value) => value.to_string().into_bytes(),
            Body::Bytes(bytes) => bytes.clone(),
            Body::Bundle(files) => files.iter().fold(Vec::new(), |mut bytes, (header, file)| {
                bytes.extend_from_slice(header.to_string().as_bytes());
                bytes.push(b'\n');
                bytes.extend_from_slice(file);
                bytes
            }),
        };
        self.send_head(stream, bytes.len() as u64)?;
        stream.write_all(&bytes)
    }

    fn send_head(&self, stream: &mut impl Write, length: u64) -> io::Result<()> {
        let length = self.told_length.unwrap_or(length);
        let length = if self.status == 204 {
            String::new()
        } else {
            format!("Content-Length: {length}\r\n")
        };
        write!(stream, "HTTP/1.1 {} Answer\r\n{length}{}\r\n", self.status, self.header)
    }
}
