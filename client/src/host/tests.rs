//! The agent's side of a connection, played from a script.

use std::collections::VecDeque;
use std::io::{self, Read as _};
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use vscsi_shared::wire::{ApiRange, Greeting};

use super::{AgentHost, Host, HostError, Retrying};
use crate::clock::Clock;
use crate::failure::Failure as _;
use crate::transport::{Link, Opened, Session, TransportError};

/// Answers each request with the next text of the script, and breaks when there is none.
#[derive(Debug)]
struct Script {
    answers: VecDeque<String>,
    waiting: io::Cursor<Vec<u8>>,
    requests: std::sync::Arc<Mutex<Vec<String>>>,
}

impl Link for Script {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.requests
            .lock()
            .unwrap()
            .push(String::from_utf8_lossy(bytes).into_owned());
        if let Some(answer) = self.answers.pop_front() {
            self.waiting = io::Cursor::new(answer.into_bytes());
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8], _: Option<Duration>) -> io::Result<usize> {
        self.waiting.read(buffer)
    }

    fn post_mortem(&mut self) -> TransportError {
        TransportError::Lost {
            host: "esx1".into(),
            reason: "the script is over".into(),
        }
    }
}

/// An answer of the agent.
pub(crate) fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// What was sent.
pub(crate) type Requests = std::sync::Arc<Mutex<Vec<String>>>;

/// A host that gives these answers, one after the other.
pub(crate) fn host(answers: &[String]) -> (AgentHost, Requests) {
    let requests = Requests::default();
    let link = Script {
        answers: answers.iter().cloned().collect(),
        waiting: io::Cursor::default(),
        requests: std::sync::Arc::clone(&requests),
    };
    let greeting = Greeting {
        program: Greeting::PROGRAM.into(),
        version: "0.1.0".into(),
        api: ApiRange::SUPPORTED,
        token: "s3cret".into(),
        port: 4711,
    };
    let opened = Opened {
        link: Box::new(link),
        greeting,
    };
    let session = Session::new("esx1", opened, Duration::from_mins(2));
    (AgentHost::new("esx1", session), requests)
}

const NO_JOBS: &str = r#"{"jobs":[]}"#;

#[test]
fn every_request_carries_the_token_and_the_agent_s_own_host_name() {
    let (host, requests) = host(&[answer("200 OK", NO_JOBS)]);
    assert_eq!(host.jobs().unwrap().len(), 0);
    let request = requests.lock().unwrap().concat().to_lowercase();
    assert!(request.starts_with("get /v1/jobs http/1.1\r\n"), "{request}");
    for line in ["authorization: bearer s3cret\r\n", "host: 127.0.0.1:4711\r\n"] {
        assert!(request.contains(line), "{request}");
    }
}

#[test]
fn many_requests_share_one_connection() {
    let (host, requests) = host(&[answer("200 OK", NO_JOBS), answer("200 OK", NO_JOBS)]);
    host.jobs().unwrap();
    host.jobs().unwrap();
    assert_eq!(requests.lock().unwrap().concat().matches("GET /v1/jobs").count(), 2);
}

#[test]
fn a_refusal_keeps_the_agent_s_message_and_hint() {
    let body = r#"{"code":"no_such_target","message":"no VM 7 runs here","hint":"look at discover"}"#;
    let (host, _) = host(&[answer("422 Unprocessable", body)]);
    let error = host.inventory().unwrap_err();
    assert_eq!(
        (error.exit_code(), error.hint().as_deref()),
        (13, Some("look at discover"))
    );
    assert_eq!(error.to_string(), "esx1: no VM 7 runs here");
}

#[test]
fn a_connection_that_ends_is_told_with_its_own_reason() {
    let (host, _) = host(&[]);
    let error = host.jobs().unwrap_err();
    assert_eq!(error.to_string(), "the connection to esx1 broke: the script is over");
    assert!(error.is_worth_retrying());
}

#[test]
fn an_answer_that_makes_no_sense_is_not_retried() {
    let (host, _) = host(&[answer("200 OK", "<html>")]);
    let error = host.jobs().unwrap_err();
    assert!(matches!(error, HostError::Nonsense { .. }), "{error}");
    assert!(!error.is_worth_retrying());
}

#[test]
fn a_truncated_answer_is_an_error_and_no_short_list() {
    let whole = answer("200 OK", NO_JOBS);
    let (host, _) = host(&[whole[..whole.len() - 2].to_owned()]);
    assert!(host.jobs().is_err());
}

#[test]
fn the_token_does_not_show_in_debug_output() {
    let (host, _) = host(&[]);
    assert!(!format!("{host:?}").contains("s3cret"));
}

/// A clock that only notes how long it was asked to wait.
#[derive(Debug, Default)]
struct Noted(Mutex<Vec<u64>>);

impl Clock for Noted {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn sleep(&self, duration: Duration) {
        self.0.lock().unwrap().push(duration.as_secs());
    }
}

fn delays() -> Vec<Duration> {
    [5, 10, 20].map(Duration::from_secs).to_vec()
}

/// A host of which each connection in turn plays one of these scripts.
fn retrying(scripts: Vec<Vec<String>>, clock: &Noted) -> Retrying<'_> {
    let scripts = Mutex::new(VecDeque::from(scripts));
    let connect = move || {
        let script = scripts.lock().unwrap().pop_front().unwrap_or_default();
        Ok::<Box<dyn Host>, HostError>(Box::new(host(&script).0))
    };
    Retrying::new(Box::new(connect), delays(), clock, |_, _| {})
}

#[test]
fn a_lost_connection_is_opened_again_after_the_configured_waits() {
    let clock = Noted::default();
    let host = retrying(vec![vec![], vec![], vec![answer("200 OK", NO_JOBS)]], &clock);
    host.jobs().unwrap();
    assert_eq!(*clock.0.lock().unwrap(), [5, 10]);
}

#[test]
fn when_nothing_helps_the_last_error_is_told_after_the_last_wait() {
    let clock = Noted::default();
    let error = retrying(vec![], &clock).jobs().unwrap_err();
    assert_eq!(
        (error.exit_code(), clock.0.lock().unwrap().as_slice()),
        (10, [5, 10, 20].as_slice())
    );
}

#[test]
fn a_refusal_is_not_tried_again() {
    let clock = Noted::default();
    let refusal = answer("404 Not Found", r#"{"code":"not_found","message":"no such job"}"#);
    let host = retrying(vec![vec![refusal]], &clock);
    assert!(host.jobs().is_err());
    assert!(clock.0.lock().unwrap().is_empty());
}

#[test]
fn a_kept_connection_that_has_ended_since_is_replaced_without_a_wait() {
    let clock = Noted::default();
    let host = retrying(
        vec![vec![answer("200 OK", NO_JOBS)], vec![answer("200 OK", NO_JOBS)]],
        &clock,
    );
    host.jobs().unwrap();
    host.jobs().unwrap();
    assert!(clock.0.lock().unwrap().is_empty());
}
