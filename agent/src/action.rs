//! What a client can ask for, free of any transport, and what it gets.

use vscsi_shared::identifier::Name;
use vscsi_shared::wire::v1::{
    Acknowledge, ApiError, CreateJob, CreateSchedule, ErrorCode, JobView, ScheduleView, StopJob,
};

/// A request that changes something; the collector performs them one after another.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Begin a job.
    Create(CreateJob),
    /// End a job.
    Stop(Name, StopJob),
    /// Stop the collection of a job that has ended without stopping it.
    Cleanup(Name),
    /// Remove a job from the spool.
    Delete(Name),
    /// Samples are safe on a client.
    Acknowledge(Name, Acknowledge),
    /// Begin a schedule.
    CreateSchedule(CreateSchedule),
    /// End a schedule.
    DeleteSchedule(Name),
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The job is new.
    Created(JobView),
    /// The job as it is now.
    Job(JobView),
    /// The schedule is new.
    ScheduleCreated(ScheduleView),
    /// The schedule as it is now.
    Schedule(ScheduleView),
    /// It is gone.
    Deleted,
}

/// An action that could not be performed.
pub type Refusal = ApiError;

/// Builds a refusal.
pub(crate) fn refuse(code: ErrorCode, message: impl Into<String>, hint: &str) -> Refusal {
    ApiError {
        code,
        message: message.into(),
        hint: (!hint.is_empty()).then(|| hint.to_owned()),
    }
}
