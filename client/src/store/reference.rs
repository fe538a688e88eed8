//! What a user writes for a job, which is also the name of its directory.

use std::fmt;
use std::str::FromStr;

use vscsi_shared::identifier::Name;
use vscsi_shared::job::Job;

use super::StoreError;

/// `NAME`, or `NAME@HOST` where two hosts have a job of that name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobReference {
    /// The job's name on its host.
    pub name: Name,
    /// The host, in the form that may stand in a path.
    pub host: Option<String>,
}

impl JobReference {
    /// A name alone.
    pub fn named(name: Name) -> Self {
        Self { name, host: None }
    }

    /// The full reference of a job.
    pub fn of(job: &Job) -> Self {
        Self {
            name: job.job_id.clone(),
            host: Some(path_form(&job.host.hostname)),
        }
    }

    /// The user may mean this job.
    pub fn matches(&self, job: &Job) -> bool {
        self.name == job.job_id
            && self
                .host
                .as_ref()
                .is_none_or(|host| *host == path_form(&job.host.hostname))
    }
}

/// `host` with everything replaced that a file name may not hold on some system.
fn path_form(host: &str) -> String {
    let allowed = |character: char| character.is_alphanumeric() || "._-".contains(character);
    host.chars()
        .take(128)
        .map(|character| if allowed(character) { character } else { '_' })
        .collect()
}

impl FromStr for JobReference {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('@') {
            Some((name, host)) if host == path_form(host) && !host.is_empty() => Ok(Self {
                name: Name::new(name)?,
                host: Some(host.to_owned()),
            }),
            // A host that would not survive its path form is refused with the whole text, which is no name either.
            _ => Ok(Self::named(Name::new(text)?)),
        }
    }
}

impl fmt::Display for JobReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            None => formatter.pad(self.name.as_str()),
            Some(host) => formatter.pad(&format!("{}@{host}", self.name)),
        }
    }
}
