//! Reading and writing `job.json` without losing what a newer version put there.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Job;

/// The version this program writes.
///
/// 1.0: first version.
pub const FORMAT_VERSION: FormatVersion = FormatVersion { major: 1, minor: 0 };

/// `major.minor` of a file format: a newer minor version is readable, a newer major version is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FormatVersion {
    /// Grows when old programs must not read the file.
    pub major: u32,
    /// Grows when keys are added.
    pub minor: u32,
}

/// Not of the form `major.minor`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a format version: expected `major.minor`")]
pub struct InvalidFormatVersion(String);

impl fmt::Display for FormatVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for FormatVersion {
    type Err = InvalidFormatVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidFormatVersion(text.chars().take(40).collect());
        let (major, minor) = text.split_once('.').ok_or_else(invalid)?;
        Ok(Self {
            major: major.parse().map_err(|_| invalid())?,
            minor: minor.parse().map_err(|_| invalid())?,
        })
    }
}

impl Serialize for FormatVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FormatVersion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Why a `job.json` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableJob {
    /// Written by a program that uses a newer major version.
    #[error("it has format version {found}, and this program reads up to {}.x: use vscsi-helper {found} or newer", FORMAT_VERSION.major)]
    TooNew {
        /// The version found.
        found: FormatVersion,
    },
    /// Not JSON, or keys are missing or of the wrong type.
    #[error("it is not a valid job description: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// Where a workstation got a job from. The workstation records it when it connects; no host has a word in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PulledFrom {
    /// The host that it was connected to, by the name that its user gave.
    pub host: String,
}

/// A [`Job`] together with the keys of its file that this version does not know.
///
/// Writing gives the unknown keys back, so that an older program does not strip what a newer one recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct JobDocument {
    /// The job; change it freely.
    pub job: Job,
    /// Where it lives, as the workstation knows it; `None` on the host itself, for a job that was imported, and for one
    /// that was pulled before this was recorded. It is no part of [`Job`], so it never comes over the wire.
    pub pulled_from: Option<PulledFrom>,
    original: Value,
}

/// The key of [`JobDocument::pulled_from`].
const PULLED_FROM: &str = "pulled_from";

impl JobDocument {
    /// A document for a job that has no file yet.
    pub fn new(job: Job) -> Self {
        Self {
            job,
            pulled_from: None,
            original: Value::Object(Map::new()),
        }
    }

    /// Reads the content of a `job.json`.
    ///
    /// # Errors
    /// [`UnreadableJob`] when it is malformed or of a newer major version.
    pub fn from_json(bytes: &[u8]) -> Result<Self, UnreadableJob> {
        let original: Value = serde_json::from_slice(bytes)?;
        let version = original
            .get("format_version")
            .and_then(Value::as_str)
            .and_then(|text| text.parse().ok());
        if let Some(found) = version.filter(|found: &FormatVersion| found.major > FORMAT_VERSION.major) {
            return Err(UnreadableJob::TooNew { found });
        }
        let job = Job::deserialize(&original)?;
        let pulled_from = original.get(PULLED_FROM).map(PulledFrom::deserialize).transpose()?;
        Ok(Self {
            job,
            pulled_from,
            original,
        })
    }

    /// The content to write: the job's keys over whatever else the file held.
    ///
    /// # Errors
    /// Only when serialisation itself fails, which no value of [`Job`] causes.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut merged = self.original.clone();
        overlay(&mut merged, serde_json::to_value(&self.job)?);
        if let (Value::Object(keys), Some(pulled_from)) = (&mut merged, &self.pulled_from) {
            overlay(
                keys.entry(PULLED_FROM).or_insert(Value::Null),
                serde_json::to_value(pulled_from)?,
            );
        }
        let mut bytes = serde_json::to_vec_pretty(&merged)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// Puts `new` over `old`: objects are merged key by key, everything else is replaced. What a newer version recorded under
/// keys of its own stays.
pub fn overlay(old: &mut Value, new: Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in new {
                overlay(old.entry(key).or_insert(Value::Null), value);
            }
        }
        (old, new) => *old = new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = r#"{
        "format_version": "1.0", "job_id": "sql-peak",
        "created_at": "2025-11-06T08:30:22Z", "updated_at": "2025-11-06T08:30:22Z", "status": "pending",
        "host": {"hostname": "esxi-host01.example.com", "username": "root", "fingerprint": "SHA256:x"},
        "target": {"vm_name": "SQL-Server-01", "world_group_id": "12345",
                   "disks": [{"handle_id": "67890", "node": "scsi0:0", "lun": "scsi0:0", "colour": "red"}]},
        "profile": {"name": "standard", "samples": 30, "interval_seconds": 60},
        "collection": {"samples_collected": 0, "samples_expected": 30, "weather": "fine"},
        "cleanup": {"vscsiStats_stopped": false}
    }"#;

    #[test]
    fn unknown_keys_are_written_back() {
        let document = JobDocument::from_json(JOB.as_bytes()).unwrap();
        let written: Value = serde_json::from_slice(&document.to_json().unwrap()).unwrap();
        assert_eq!(written["collection"]["weather"], "fine");
    }

    #[test]
    fn a_changed_key_replaces_the_old_one() {
        let mut document = JobDocument::from_json(JOB.as_bytes()).unwrap();
        document.job.collection.samples_collected = 7;
        let written: Value = serde_json::from_slice(&document.to_json().unwrap()).unwrap();
        assert_eq!(written["collection"]["samples_collected"], 7);
    }

    #[test]
    fn what_was_written_is_read_back_equal() {
        let mut document = JobDocument::from_json(JOB.as_bytes()).unwrap();
        document.pulled_from = Some(PulledFrom { host: "esx1".into() });
        let again = JobDocument::from_json(&document.to_json().unwrap()).unwrap();
        assert_eq!((again.job, again.pulled_from), (document.job, document.pulled_from));
    }

    #[test]
    fn where_a_job_was_pulled_from_is_no_part_of_what_a_host_tells() {
        let told = JOB.replacen('{', r#"{"pulled_from": {"host": "other"},"#, 1);
        let job: Job = serde_json::from_str(&told).unwrap();
        let written = JobDocument::new(job).to_json().unwrap();
        assert_eq!(JobDocument::from_json(&written).unwrap().pulled_from, None);
    }

    #[test]
    fn a_newer_major_version_is_refused_with_the_version_that_reads_it() {
        let newer = JOB.replace("\"1.0\"", "\"2.3\"");
        let error = JobDocument::from_json(newer.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("vscsi-helper 2.3 or newer"), "{error}");
    }

    #[test]
    fn a_newer_minor_version_is_read() {
        let newer = JOB.replace("\"1.0\"", "\"1.9\"");
        assert!(JobDocument::from_json(newer.as_bytes()).is_ok());
    }
}
