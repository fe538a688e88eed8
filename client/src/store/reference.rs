//! What a user writes for a job, which is also the name of its directory.

use std::fmt;
use std::str::FromStr;

use vscsi_shared::identifier::Name;
use vscsi_shared::job::JobDocument;

use super::{Origin, StoreError};

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

    /// A name on a host.
    pub fn on(name: Name, host: &str) -> Self {
        let host = Some(path_form(host));
        Self { name, host }
    }

    /// The full reference of a job.
    pub fn of(document: &JobDocument) -> Self {
        Self::on(document.job.job_id.clone(), Origin::of(document).name())
    }

    /// The user may mean this job.
    pub fn matches(&self, document: &JobDocument) -> bool {
        let full = Self::of(document);
        self.name == full.name && (self.host.is_none() || self.host == full.host)
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
