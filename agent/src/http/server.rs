//! The server loop: requests in, each answered in a thread of its own.

use std::io::{self, Read as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tiny_http::{Header, Request, Response, StatusCode};
use vscsi_shared::wire::v1::ErrorCode;

use super::admission::{BODY_LIMIT, admit};
use super::answers::{Answer, answer_read};
use super::gate;
use super::inner::Inner;
use super::routes::{Route, route};
use crate::action::{Action, Outcome, Refusal, refuse};
use crate::collector::Equipment;

/// Requests answered at one time; each takes a small thread while it lasts.
const MAX_REQUESTS: usize = 16;

/// Stack of a thread that answers a request: JSON of a job is the deepest it gets.
const ANSWER_STACK_BYTES: usize = 256 * 1024;

/// How long a request waits for the collector, which may be waiting for vscsiStats.
const COLLECTOR_TIMEOUT: Duration = Duration::from_mins(1);

/// Something for the collector to attend to.
#[derive(Debug)]
pub enum Asked {
    /// An action, and where its answer goes.
    Action(Box<Action>, Sender<Result<Outcome, Refusal>>),
    /// The switch may have said something.
    Report,
}

/// What the answers are made of.
#[derive(Debug)]
pub struct Context {
    /// The spool, the clocks, the views and the host.
    pub equipment: Equipment,
    /// The collector's door.
    pub actions: Mutex<Sender<Asked>>,
    /// Bearer token of this run.
    pub token: String,
    /// Monotonic clock at the last admitted request, milliseconds.
    pub last_request_ms: AtomicU64,
    /// First line of `vmware -v`.
    pub esxi_version: String,
    /// Below which the files of the VMs are.
    pub host_root: PathBuf,
}

/// Answers requests on `listener` for as long as the process lives.
///
/// # Errors
/// When the listener behind the gate cannot be made.
pub fn serve(listener: &TcpListener, context: &Arc<Context>) -> io::Result<()> {
    let inner = Arc::new(Inner::listen(&context.run_directory())?);
    let (behind, context_behind) = (Arc::clone(&inner), Arc::clone(context));
    thread::Builder::new()
        .name("http".to_owned())
        .stack_size(ANSWER_STACK_BYTES)
        .spawn(move || {
            loop {
                // It returns only when it has failed; requests wait in the listener meanwhile.
                if let Err(error) = answer_all(&behind, &context_behind) {
                    context_behind
                        .equipment
                        .log
                        .line(&format!("the HTTP server failed: {error}; starting it again"));
                }
                thread::sleep(Duration::from_millis(100));
            }
        })?;
    gate::open(listener, &inner, context);
    Ok(())
}

/// Removes what [`serve`] has left in the file system.
pub fn close(context: &Context) {
    Inner::remove(&context.run_directory());
}

impl Context {
    fn run_directory(&self) -> PathBuf {
        self.host_root.join("var/run")
    }
}

fn answer_all(inner: &Inner, context: &Arc<Context>) -> io::Result<()> {
    let running = Arc::new(AtomicUsize::new(0));
    let server = inner.server()?;
    loop {
        answer_in_thread(server.recv()?, context, &running);
    }
}

fn answer_in_thread(request: Request, context: &Arc<Context>, running: &Arc<AtomicUsize>) {
    if running.fetch_add(1, Ordering::SeqCst) >= MAX_REQUESTS {
        running.fetch_sub(1, Ordering::SeqCst);
        let busy = refuse(
            ErrorCode::Unavailable,
            format!("{MAX_REQUESTS} requests are being answered already"),
            "try again in a moment",
        );
        respond(request, Answer::refusal(&busy));
        return;
    }
    let (context, running_too) = (Arc::clone(context), Arc::clone(running));
    let spawned = thread::Builder::new()
        .name("answer".to_owned())
        .stack_size(ANSWER_STACK_BYTES)
        .spawn(move || {
            let _running = Running(running_too);
            let mut request = request;
            let answer = answer(&mut request, &context).unwrap_or_else(|refusal| Answer::refusal(&refusal));
            respond(request, answer);
        });
    if spawned.is_err() {
        running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Counts down even when answering panics.
struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn respond(request: Request, answer: Answer) {
    let length = usize::try_from(answer.length).unwrap_or(usize::MAX);
    let mut headers = Vec::new();
    headers.extend(Header::from_bytes("Content-Type", answer.content_type).ok());
    if let Some((first, total)) = answer.range {
        let value = format!("bytes {first}-{}/{total}", total.saturating_sub(1));
        headers.extend(Header::from_bytes("Content-Range", value).ok());
    }
    let response = Response::new(StatusCode(answer.status), headers, answer.body, Some(length), None)
        // The length is known, so that a broken answer is seen as one.
        .with_chunked_threshold(usize::MAX);
    // A client that has gone needs no answer.
    let _ = request.respond(response);
}

fn answer(request: &mut Request, context: &Arc<Context>) -> Result<Answer, Refusal> {
    let fields = request
        .headers()
        .iter()
        .map(|header| (header.field.as_str().as_str(), header.value.as_str()));
    admit(&fields, request.url(), &context.token)?;
    let now_ms = context.equipment.clock.monotonic_ms();
    context.last_request_ms.store(now_ms, Ordering::SeqCst);
    let body = read_body(request)?;
    let range = request
        .headers()
        .iter()
        .find(|header| header.field.equiv("Range"))
        .map(|header| header.value.as_str());
    match route(request.method().as_str(), request.url(), range, &body)? {
        Route::Act(action) => act(context, action),
        Route::Read(read) => answer_read(context, read),
    }
}

fn read_body(request: &mut Request) -> Result<Vec<u8>, Refusal> {
    let too_large = || {
        let message = format!("the body is larger than {BODY_LIMIT} bytes");
        refuse(ErrorCode::TooLarge, message, "")
    };
    if request.body_length().is_some_and(|length| length > BODY_LIMIT) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    request
        .as_reader()
        .take(BODY_LIMIT as u64 + 1)
        .read_to_end(&mut body)
        .map_err(|error| refuse(ErrorCode::BadRequest, format!("the body ended early: {error}"), ""))?;
    if body.len() > BODY_LIMIT {
        Err(too_large())
    } else {
        Ok(body)
    }
}

fn act(context: &Context, action: Action) -> Result<Answer, Refusal> {
    let unavailable = || {
        refuse(
            ErrorCode::Unavailable,
            "the agent is shutting down or busy",
            "try again in a moment",
        )
    };
    let (sender, receiver) = mpsc::channel();
    context
        .actions
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send(Asked::Action(Box::new(action), sender))
        .map_err(|_| unavailable())?;
    match receiver.recv_timeout(COLLECTOR_TIMEOUT).map_err(|_| unavailable())?? {
        Outcome::Created(view) => Answer::json(201, &view),
        Outcome::Job(view) => Answer::json(200, &view),
        Outcome::ScheduleCreated(view) => Answer::json(201, &view),
        Outcome::Schedule(view) => Answer::json(200, &view),
        Outcome::Deleted => Ok(Answer::bytes(204, "application/json", Vec::new())),
    }
}
