//! The job's state machine.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Job;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Asked for, not begun.
    Pending,
    /// Collecting.
    Running,
    /// All samples were taken.
    Completed,
    /// It ended early for a reason that stands in the errors; its samples are kept.
    Failed,
    /// A user ended it; its samples are kept.
    Stopped,
}

/// A job was asked to go where its state machine has no way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {from} job cannot become {to}")]
pub struct IllegalTransition {
    /// Where it stands.
    pub from: Status,
    /// Where it was asked to go.
    pub to: Status,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Stopped,
    ];

    /// The job has ended and its samples do not change any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Stopped)
    }

    /// The state machine: pending may begin, fail or be stopped; running may complete, fail or be stopped.
    pub fn can_become(self, to: Self) -> bool {
        match self {
            Self::Pending => matches!(to, Self::Running | Self::Failed | Self::Stopped),
            Self::Running => to.is_final(),
            Self::Completed | Self::Failed | Self::Stopped => false,
        }
    }

    /// The word used in files, on the wire and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl Job {
    /// Moves the job to `to` and dates the move; the times of beginning and end are filled in.
    ///
    /// # Errors
    /// [`IllegalTransition`] when the state machine has no such way; the job is then unchanged.
    pub fn transition(&mut self, to: Status, now: Timestamp) -> Result<(), IllegalTransition> {
        if !self.status.can_become(to) {
            return Err(IllegalTransition { from: self.status, to });
        }
        self.status = to;
        self.updated_at = now;
        if to == Status::Running {
            self.collection.started_at = Some(now);
        }
        if to.is_final() {
            self.collection.completed_at = Some(now);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_final_status_can_be_left() {
        for from in Status::ALL.into_iter().filter(|status| status.is_final()) {
            for to in Status::ALL {
                assert!(!from.can_become(to), "{from} became {to}");
            }
        }
    }

    #[test]
    fn nothing_becomes_pending_again() {
        for from in Status::ALL {
            assert!(!from.can_become(Status::Pending));
        }
    }

    #[test]
    fn a_pending_job_cannot_complete_without_running() {
        assert!(!Status::Pending.can_become(Status::Completed));
    }
}
