//! What the answers are made of, and how a request becomes one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use vscsi_shared::wire::v1::ErrorCode;

use super::answers::{Answer, answer_read};
use super::head::values;
use super::request::Request;
use super::routes::{Route, route};
use crate::action::{Action, Outcome, Refusal, refuse};
use crate::collector::Equipment;

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
    /// Held while the host is asked for its inventory, which costs it several commands.
    pub inventory: Mutex<()>,
}

impl Context {
    /// A request of somebody who may make it has come.
    pub(super) fn heard(&self) {
        let now_ms = self.equipment.clock.monotonic_ms();
        self.last_request_ms.store(now_ms, Ordering::SeqCst);
    }

    pub(super) fn answer(&self, request: &Request) -> Answer {
        let range = values(&request.fields, "Range").next();
        let answer = match route(request.method.as_str(), &request.url, range, &request.body) {
            Ok(Route::Act(action)) => self.act(action),
            Ok(Route::Read(read)) => answer_read(self, read),
            Err(refusal) => Err(refusal),
        };
        answer.unwrap_or_else(|refusal| Answer::refusal(&refusal))
    }

    fn act(&self, action: Action) -> Result<Answer, Refusal> {
        let unavailable = || {
            refuse(
                ErrorCode::Unavailable,
                "the agent is shutting down or busy",
                "try again in a moment",
            )
        };
        let (sender, receiver) = mpsc::channel();
        self.actions
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
}
