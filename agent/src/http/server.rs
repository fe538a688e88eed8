//! The server loop and the answers.

use std::io::{self, Read as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use tiny_http::{Header, Request, Response, StatusCode};
use vscsi_shared::wire::ApiRange;
use vscsi_shared::wire::v1::{
    ApiError, ClockReading, ErrorCode, Health, Info, JobList, Manifest, ManifestEntry, ScheduleList,
};

use super::admission::{BODY_LIMIT, admit};
use super::bundle::Bundle;
use super::gate;
use super::inner::Inner;
use super::routes::{Route, route};
use crate::action::{Action, Outcome, Refusal, refuse};
use crate::collector::Equipment;
use crate::host::inventory;
use crate::spool::SpoolError;

/// Requests answered at one time; each takes a small thread while it lasts.
const MAX_REQUESTS: usize = 16;

/// Stack of a thread that answers a request: JSON of a job is the deepest it gets.
const ANSWER_STACK_BYTES: usize = 256 * 1024;

/// How long a request waits for the collector, which may be waiting for vscsiStats.
const PATIENCE: Duration = Duration::from_mins(1);

/// An action on its way to the collector.
pub type Asked = (Action, Sender<Result<Outcome, Refusal>>);

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

struct Answer {
    status: u16,
    content_type: &'static str,
    body: Box<dyn io::Read + Send>,
    length: u64,
    /// First byte and total length of a partial answer.
    range: Option<(u64, u64)>,
}

impl Answer {
    fn bytes(status: u16, content_type: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            status,
            content_type,
            length: bytes.len() as u64,
            body: Box::new(io::Cursor::new(bytes)),
            range: None,
        }
    }

    fn json(status: u16, value: &impl Serialize) -> Result<Self, Refusal> {
        let bytes = serde_json::to_vec(value).map_err(|error| {
            refuse(
                ErrorCode::Internal,
                format!("the answer could not be written as JSON: {error}"),
                "",
            )
        })?;
        Ok(Self::bytes(status, "application/json", bytes))
    }

    fn refusal(refusal: &ApiError) -> Self {
        let bytes = serde_json::to_vec(refusal).unwrap_or_default();
        Self::bytes(refusal.code.status(), "application/json", bytes)
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
        read => answer_from_views(context, read),
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
        .map_err(|error| refuse(ErrorCode::BadRequest, format!("the body broke off: {error}"), ""))?;
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
        .send((action, sender))
        .map_err(|_| unavailable())?;
    match receiver.recv_timeout(PATIENCE).map_err(|_| unavailable())?? {
        Outcome::Created(view) => Answer::json(201, &view),
        Outcome::Job(view) => Answer::json(200, &view),
        Outcome::ScheduleCreated(view) => Answer::json(201, &view),
        Outcome::Schedule(view) => Answer::json(200, &view),
        Outcome::Deleted => Ok(Answer::bytes(204, "application/json", Vec::new())),
    }
}

fn answer_from_views(context: &Arc<Context>, route: Route) -> Result<Answer, Refusal> {
    let equipment = &context.equipment;
    let clock = equipment.clock.as_ref();
    match route {
        Route::Act(action) => act(context, action),
        Route::Info => Answer::json(200, &info(context)),
        Route::Health => Answer::json(200, &health(equipment)),
        Route::Inventory => Answer::json(200, &inventory::inventory(&equipment.host, &context.host_root)),
        Route::Jobs => Answer::json(
            200,
            &JobList {
                jobs: equipment.views.jobs(clock),
            },
        ),
        Route::Job(job) => match equipment.views.job(&job, clock) {
            Some(view) => Answer::json(200, &view),
            None => Err(no_job(&job)),
        },
        Route::Manifest { job, from } => Answer::json(200, &manifest(equipment, &job, from)?),
        Route::Sample { job, sequence, skip } => sample(equipment, &job, sequence, skip),
        Route::Bundle { job, from, skip } => {
            let entries = manifest(equipment, &job, from)?.samples;
            bundle(equipment, job, entries, skip)
        }
        Route::Schedules => Answer::json(
            200,
            &ScheduleList {
                schedules: equipment.views.schedules(),
            },
        ),
        Route::Log { lines } => {
            let tail = equipment
                .log
                .tail(lines)
                .map_err(|error| refuse(ErrorCode::Internal, format!("the log cannot be read: {error}"), ""))?;
            Ok(Answer::bytes(200, "text/plain; charset=utf-8", tail.into_bytes()))
        }
    }
}

fn no_job(job: &vscsi_shared::identifier::Name) -> Refusal {
    refuse(ErrorCode::NotFound, format!("there is no job {job} in the spool"), "")
}

fn info(context: &Context) -> Info {
    let equipment = &context.equipment;
    Info {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: ApiRange::SUPPORTED,
        capabilities: ["bundle", "schedules", "restart_mode"].map(str::to_owned).to_vec(),
        boot_id: equipment.boot.id.clone(),
        hostname: equipment.hostname.clone(),
        esxi_version: context.esxi_version.clone(),
        clock: ClockReading {
            wall: equipment.clock.wall(),
            monotonic_ms: equipment.clock.monotonic_ms(),
        },
    }
}

fn health(equipment: &Equipment) -> Health {
    let problems = equipment.views.problems();
    let jobs = equipment.views.jobs(equipment.clock.as_ref());
    let running = jobs.iter().filter(|view| !view.job.status.is_final()).count();
    Health {
        ok: problems.is_empty(),
        problems,
        running_jobs: u32::try_from(running).unwrap_or(u32::MAX),
        spool_bytes: equipment.spool.used_bytes(),
        spool_limit_bytes: equipment.spool.limit_bytes(),
    }
}

fn manifest(equipment: &Equipment, job: &vscsi_shared::identifier::Name, from: u32) -> Result<Manifest, Refusal> {
    if equipment.views.job(job, equipment.clock.as_ref()).is_none() {
        return Err(no_job(job));
    }
    let mut manifest = equipment.spool.manifest(job);
    manifest.samples.retain(|entry| entry.sequence >= from);
    Ok(manifest)
}

fn refuse_read(error: &SpoolError) -> Refusal {
    match error {
        SpoolError::Missing(_) => refuse(ErrorCode::NotFound, error.to_string(), ""),
        _ => refuse(ErrorCode::Spool, error.to_string(), "ask for the manifest again"),
    }
}

fn sample(
    equipment: &Equipment,
    job: &vscsi_shared::identifier::Name,
    sequence: u32,
    skip: Option<u64>,
) -> Result<Answer, Refusal> {
    let bytes = equipment
        .spool
        .read_snapshot(job, sequence)
        .map_err(|error| refuse_read(&error))?;
    let Some(skip) = skip else {
        return Ok(Answer::bytes(200, "text/csv", bytes));
    };
    let total = bytes.len() as u64;
    let rest = usize::try_from(skip).ok().and_then(|skip| bytes.get(skip..));
    let rest = rest.filter(|rest| !rest.is_empty()).ok_or_else(|| {
        let message = format!("the snapshot has {total} bytes, none of them after {skip}");
        refuse(ErrorCode::BadRequest, message, "")
    })?;
    let mut answer = Answer::bytes(206, "text/csv", rest.to_vec());
    answer.range = Some((skip, total));
    Ok(answer)
}

fn bundle(
    equipment: &Equipment,
    job: vscsi_shared::identifier::Name,
    entries: Vec<ManifestEntry>,
    skip: u64,
) -> Result<Answer, Refusal> {
    let length = Bundle::length(&entries, skip).map_err(|error| {
        refuse(
            ErrorCode::Internal,
            format!("the bundle could not be measured: {error}"),
            "",
        )
    })?;
    let body = Bundle::new(Arc::clone(&equipment.spool), job, entries, skip);
    Ok(Answer {
        status: 200,
        content_type: "application/vnd.vscsi-bundle",
        body: Box::new(body),
        length,
        range: None,
    })
}
