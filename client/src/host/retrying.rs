//! Trying again, on a connection opened anew, as long as that may help.

use std::io::Read;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use vscsi_shared::identifier::Name;
use vscsi_shared::wire::v1::{CreateJob, CreateSchedule, Health, Info, Inventory, JobView, Manifest, ScheduleView};

use super::{BundlePart, Host, HostError};
use crate::clock::Clock;

/// Opens a connection to a host.
pub type Connect<'a> = dyn Fn() -> Result<Box<dyn Host>, HostError> + Send + Sync + 'a;

/// A host whose operations are tried again after each of `delays`, each time on a new connection.
pub struct Retrying<'a> {
    connect: Box<Connect<'a>>,
    delays: Vec<Duration>,
    clock: &'a dyn Clock,
    notice: Box<Notice<'a>>,
    connection: Mutex<Option<Box<dyn Host>>>,
}

/// Hears of a failure, and of the wait that follows it.
type Notice<'a> = dyn Fn(&HostError, Duration) + Send + Sync + 'a;

/// What `attempt` gives, which is made again after each of `delays` as long as that may help.
///
/// # Errors
/// The last attempt's.
pub(crate) fn retried<T>(
    attempt: impl Fn() -> Result<T, HostError>,
    delays: &[Duration],
    clock: &dyn Clock,
    notice: impl Fn(&HostError, Duration),
) -> Result<T, HostError> {
    let mut delays = delays.iter();
    loop {
        let error = match attempt() {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        match delays.next() {
            Some(delay) if error.is_worth_retrying() => {
                notice(&error, *delay);
                clock.sleep(*delay);
            }
            _ => return Err(error),
        }
    }
}

impl<'a> Retrying<'a> {
    /// A host that is reached by `connect`; `notice` hears of each failure and of the wait that follows it.
    pub fn new(
        connect: Box<Connect<'a>>,
        delays: Vec<Duration>,
        clock: &'a dyn Clock,
        notice: impl Fn(&HostError, Duration) + Send + Sync + 'a,
    ) -> Self {
        Self {
            connect,
            delays,
            clock,
            notice: Box::new(notice),
            connection: Mutex::new(None),
        }
    }

    fn perform<T>(&self, operation: impl Fn(&dyn Host) -> Result<T, HostError>) -> Result<T, HostError> {
        retried(|| self.once(&operation), &self.delays, self.clock, &self.notice)
    }

    fn once<T>(&self, operation: impl Fn(&dyn Host) -> Result<T, HostError>) -> Result<T, HostError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = connection.take() {
            let result = operation(&*host);
            if !result.as_ref().is_err_and(HostError::is_worth_retrying) {
                *connection = Some(host);
                return result;
            }
            // A connection kept from an earlier operation may have ended since; that is no failure of this one yet.
        }
        let host = (self.connect)()?;
        let result = operation(&*host);
        if !result.as_ref().is_err_and(HostError::is_worth_retrying) {
            *connection = Some(host);
        }
        result
    }
}

impl std::fmt::Debug for Retrying<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Retrying")
            .field("delays", &self.delays)
            .finish_non_exhaustive()
    }
}

impl Host for Retrying<'_> {
    fn info(&self) -> Result<Info, HostError> {
        self.perform(|host| host.info())
    }

    fn health(&self) -> Result<Health, HostError> {
        self.perform(|host| host.health())
    }

    fn inventory(&self) -> Result<Inventory, HostError> {
        self.perform(|host| host.inventory())
    }

    fn create_job(&self, request: &CreateJob) -> Result<JobView, HostError> {
        self.perform(|host| host.create_job(request))
    }

    fn jobs(&self) -> Result<Vec<JobView>, HostError> {
        self.perform(|host| host.jobs())
    }

    fn job(&self, name: &Name) -> Result<JobView, HostError> {
        self.perform(|host| host.job(name))
    }

    fn stop_job(&self, name: &Name, cleanup: bool) -> Result<JobView, HostError> {
        self.perform(|host| host.stop_job(name, cleanup))
    }

    fn clean_up_job(&self, name: &Name) -> Result<JobView, HostError> {
        self.perform(|host| host.clean_up_job(name))
    }

    fn delete_job(&self, name: &Name) -> Result<(), HostError> {
        self.perform(|host| host.delete_job(name))
    }

    fn manifest(&self, name: &Name) -> Result<Manifest, HostError> {
        self.perform(|host| host.manifest(name))
    }

    fn bundle(&self, name: &Name, part: &BundlePart) -> Result<Box<dyn Read + Send>, HostError> {
        self.perform(|host| host.bundle(name, part))
    }

    fn acknowledge(&self, name: &Name, through: u32) -> Result<JobView, HostError> {
        self.perform(|host| host.acknowledge(name, through))
    }

    fn schedules(&self) -> Result<Vec<ScheduleView>, HostError> {
        self.perform(|host| host.schedules())
    }

    fn create_schedule(&self, request: &CreateSchedule) -> Result<ScheduleView, HostError> {
        self.perform(|host| host.create_schedule(request))
    }

    fn delete_schedule(&self, name: &Name) -> Result<(), HostError> {
        self.perform(|host| host.delete_schedule(name))
    }

    fn log(&self, lines: u32) -> Result<String, HostError> {
        self.perform(|host| host.log(lines))
    }
}
