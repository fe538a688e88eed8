//! The spool as a directory.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use vscsi_shared::identifier::Name;
use vscsi_shared::job::JobDocument;
use vscsi_shared::snapshot::{self, SnapshotFlag};
use vscsi_shared::wire::v1::{Manifest, ManifestEntry};

use super::{Record, Spool, SpoolError, Stored, sums};
use crate::fault::fault_point;
use crate::{files, sys};

/// Largest job.json, agent.json or SHA256SUMS that is read.
const TEXT_LIMIT: u64 = 16 * 1024 * 1024;

/// Space that stays free on the volume: virtual machines live on it, and stop when it is full.
const VOLUME_RESERVE: u64 = 64 * 1024 * 1024;

/// Largest snapshot that is read; a print of 64 disks takes less than half a megabyte.
const SNAPSHOT_LIMIT: u64 = 16 * 1024 * 1024;

/// The spool below a directory. Its index of snapshots is in memory and is rebuilt by [`Spool::load`].
#[derive(Debug)]
pub struct DirectorySpool {
    directory: PathBuf,
    limit_bytes: u64,
    index: Mutex<BTreeMap<Name, Index>>,
}

#[derive(Debug, Default)]
struct Index {
    samples: BTreeMap<u32, ManifestEntry>,
    set_aside: Vec<String>,
}

fn failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> SpoolError {
    let what = what.into();
    move |source| SpoolError::Io { what, source }
}

impl DirectorySpool {
    /// A spool in `directory`, which is created, holding at most `limit_bytes` of snapshots.
    ///
    /// # Errors
    /// When the directory cannot be created.
    pub fn open(directory: &Path, limit_bytes: u64) -> Result<Self, SpoolError> {
        files::create_directory(directory).map_err(failed("create the spool"))?;
        Ok(Self {
            directory: directory.to_path_buf(),
            limit_bytes,
            index: Mutex::default(),
        })
    }

    fn job_directory(&self, job: &Name) -> PathBuf {
        self.directory.join(job.as_str())
    }

    fn samples_directory(&self, job: &Name) -> PathBuf {
        self.job_directory(job).join("samples")
    }

    fn with_index<T>(&self, use_it: impl FnOnce(&mut BTreeMap<Name, Index>) -> T) -> T {
        // The index is a plain map: a panic elsewhere leaves it as consistent as it was.
        use_it(&mut self.index.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn load_job(&self, job: &Name, notes: &mut Vec<String>) -> Result<Stored, String> {
        let directory = self.job_directory(job);
        let text = |name: &str| {
            files::read_if_there(&directory.join(name), TEXT_LIMIT)
                .map_err(|error| format!("cannot read {name}: {error}"))?
                .ok_or_else(|| format!("{name} is missing"))
        };
        let document =
            JobDocument::from_json(&text("job.json")?).map_err(|error| format!("job.json is unusable: {error}"))?;
        let record =
            serde_json::from_slice(&text("agent.json")?).map_err(|error| format!("agent.json is unusable: {error}"))?;
        if document.job.job_id != *job {
            return Err("job.json names another job".to_owned());
        }
        let (index, usable) = self
            .index_samples(job, notes)
            .map_err(|error| format!("its samples cannot be listed: {error}"))?;
        self.with_index(|map| map.insert(job.clone(), index));
        Ok(Stored {
            document,
            record,
            usable,
        })
    }

    fn index_samples(&self, job: &Name, notes: &mut Vec<String>) -> io::Result<(Index, u32)> {
        let directory = self.samples_directory(job);
        let text = files::read_if_there(&directory.join("SHA256SUMS"), TEXT_LIMIT)?.unwrap_or_default();
        let known = sums::parse(&String::from_utf8_lossy(&text));
        let mut usable = 0;
        let mut index = Index {
            set_aside: names_in(&self.job_directory(job).join("set-aside"))?,
            ..Index::default()
        };
        for name in names_in(&directory)? {
            let path = directory.join(&name);
            if name.ends_with(files::TEMPORARY_SUFFIX) {
                // The rest of a write that a crash interrupted: its snapshot was never there.
                fs::remove_file(&path)?;
                continue;
            }
            let Some(sequence) = snapshot::sequence_of(&name) else {
                continue;
            };
            let bytes = files::read_if_there(&path, SNAPSHOT_LIMIT)?.unwrap_or_default();
            let sha256 = sums::sha256(&bytes);
            let problem = match (known.get(&sequence), snapshot::read(&bytes)) {
                (Some(sum), _) if *sum != sha256 => Some("its checksum is wrong".to_owned()),
                (_, Err(error)) => Some(error.to_string()),
                (_, Ok(snapshot)) => {
                    let flags = &snapshot.header.flags;
                    usable += u32::from(!flags.contains(&SnapshotFlag::Gap) && !flags.contains(&SnapshotFlag::Failed));
                    None
                }
            };
            if let Some(problem) = problem {
                notes.push(format!("{job}: {name} was set aside: {problem}"));
                self.set_aside(job, &name)?;
                index.set_aside.push(name);
                continue;
            }
            if !known.contains_key(&sequence) {
                append_sum(&directory, sequence, &sha256)?;
            }
            let bytes = bytes.len() as u64;
            index.samples.insert(
                sequence,
                ManifestEntry {
                    sequence,
                    bytes,
                    sha256,
                },
            );
        }
        index.set_aside.sort();
        index.set_aside.dedup();
        Ok((index, usable))
    }

    /// A crash interrupted the creation of this job, whose job.json is written last: nobody was told of it.
    fn is_unfinished(&self, job: &Name) -> bool {
        let directory = self.job_directory(job);
        let is_empty = |directory: &Path| names_in(directory).is_ok_and(|names| names.is_empty());
        let of_creation = |name: &String| {
            matches!(
                name.as_str(),
                "agent.json" | "agent.json.tmp" | "job.json.tmp" | "samples"
            )
        };
        directory.is_dir()
            && names_in(&directory).is_ok_and(|names| names.iter().all(of_creation))
            && is_empty(&self.samples_directory(job))
    }

    fn set_aside(&self, job: &Name, name: &str) -> io::Result<()> {
        let aside = self.job_directory(job).join("set-aside");
        files::create_directory(&aside)?;
        fs::rename(self.samples_directory(job).join(name), aside.join(name))?;
        files::sync_directory(&aside)
    }
}

fn names_in(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let names: io::Result<Vec<Option<String>>> =
        entries.map(|entry| Ok(entry?.file_name().into_string().ok())).collect();
    let mut names: Vec<String> = names?.into_iter().flatten().collect();
    names.sort();
    Ok(names)
}

fn append_sum(directory: &Path, sequence: u32, sha256: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(directory.join("SHA256SUMS"))?;
    file.write_all(sums::line(sequence, sha256).as_bytes())?;
    file.sync_all()
}

impl Spool for DirectorySpool {
    fn load(&self) -> Result<(Vec<Stored>, Vec<String>), SpoolError> {
        let mut notes = Vec::new();
        let mut jobs = Vec::new();
        for name in names_in(&self.directory).map_err(failed("list the spool"))? {
            let Ok(job) = Name::new(&name) else {
                notes.push(format!("{name} in the spool is not a job and was not touched"));
                continue;
            };
            if self.is_unfinished(&job) {
                let removed = self.delete(&job);
                notes.extend(removed.err().map(|error| error.to_string()));
                continue;
            }
            match self.load_job(&job, &mut notes) {
                Ok(stored) => jobs.push(stored),
                Err(problem) => notes.push(format!(
                    "{job} in the spool cannot be used and was not touched: {problem}"
                )),
            }
        }
        Ok((jobs, notes))
    }

    fn create(&self, document: &JobDocument, record: &Record) -> Result<(), SpoolError> {
        let job = &document.job.job_id;
        // What is there already may be samples of a job whose other files are damaged.
        files::create_new_directory(&self.job_directory(job)).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => SpoolError::Exists(job.clone()),
            _ => failed(format!("create job {job}"))(error),
        })?;
        files::create_directory(&self.samples_directory(job)).map_err(failed(format!("create job {job}")))?;
        self.with_index(|map| map.insert(job.clone(), Index::default()));
        self.save_record(record)?;
        fault_point("job-between-files");
        self.save_job(document)?;
        files::sync_directory(&self.directory).map_err(failed(format!("create job {job}")))
    }

    fn save_job(&self, document: &JobDocument) -> Result<(), SpoolError> {
        let job = &document.job.job_id;
        let what = || format!("write job.json of {job}");
        let bytes = document.to_json().map_err(|error| failed(what())(error.into()))?;
        files::write_atomically(&self.job_directory(job).join("job.json"), &bytes).map_err(failed(what()))
    }

    fn save_record(&self, record: &Record) -> Result<(), SpoolError> {
        let job = &record.request.name;
        let what = || format!("write agent.json of {job}");
        let bytes = serde_json::to_vec_pretty(record).map_err(|error| failed(what())(error.into()))?;
        files::write_atomically(&self.job_directory(job).join("agent.json"), &bytes).map_err(failed(what()))
    }

    fn write_snapshot(&self, job: &Name, sequence: u32, bytes: &[u8]) -> Result<(), SpoolError> {
        let would_hold = self.used_bytes().saturating_add(bytes.len() as u64);
        if would_hold > self.limit_bytes {
            return Err(SpoolError::Full {
                would_hold,
                limit: self.limit_bytes,
            });
        }
        if let Some(free) = sys::free_bytes(&self.directory).filter(|free| *free < VOLUME_RESERVE) {
            return Err(SpoolError::VolumeFull {
                free,
                reserve: VOLUME_RESERVE,
            });
        }
        let directory = self.samples_directory(job);
        let sha256 = sums::sha256(bytes);
        let what = || format!("write snapshot {sequence} of {job}");
        // The checksum comes first: a line without a file means nothing, a file without a line could not be checked.
        append_sum(&directory, sequence, &sha256).map_err(failed(what()))?;
        fault_point("snapshot-before-file");
        files::write_atomically(&directory.join(snapshot::file_name(sequence)), bytes).map_err(failed(what()))?;
        fault_point("snapshot-after-file");
        let entry = ManifestEntry {
            sequence,
            bytes: bytes.len() as u64,
            sha256,
        };
        self.with_index(|map| map.entry(job.clone()).or_default().samples.insert(sequence, entry));
        Ok(())
    }

    fn manifest(&self, job: &Name) -> Manifest {
        self.with_index(|map| {
            map.get(job).map_or_else(Manifest::default, |index| Manifest {
                samples: index.samples.values().cloned().collect(),
                set_aside: index.set_aside.clone(),
            })
        })
    }

    fn read_snapshot(&self, job: &Name, sequence: u32) -> Result<Vec<u8>, SpoolError> {
        let name = snapshot::file_name(sequence);
        let missing = || SpoolError::Missing(format!("{name} of {job}"));
        let entry = self
            .with_index(|map| map.get(job).and_then(|index| index.samples.get(&sequence)).cloned())
            .ok_or_else(missing)?;
        let bytes = files::read_if_there(&self.samples_directory(job).join(&name), SNAPSHOT_LIMIT)
            .map_err(failed(format!("read {name} of {job}")))?
            .ok_or_else(missing)?;
        if sums::sha256(&bytes) == entry.sha256 {
            return Ok(bytes);
        }
        self.set_aside(job, &name)
            .map_err(failed(format!("set {name} of {job} aside")))?;
        self.with_index(|map| {
            if let Some(index) = map.get_mut(job) {
                index.samples.remove(&sequence);
                index.set_aside.push(name.clone());
            }
        });
        Err(SpoolError::Corrupt(format!("{name} of {job}")))
    }

    fn delete(&self, job: &Name) -> Result<(), SpoolError> {
        self.with_index(|map| map.remove(job));
        match fs::remove_dir_all(self.job_directory(job)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(format!("delete job {job}"))(error)),
            _ => files::sync_directory(&self.directory).map_err(failed(format!("delete job {job}"))),
        }
    }

    fn used_bytes(&self) -> u64 {
        self.with_index(|map| {
            map.values()
                .flat_map(|index| index.samples.values())
                .map(|entry| entry.bytes)
                .sum()
        })
    }

    fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    fn free_bytes(&self) -> Option<u64> {
        sys::free_bytes(&self.directory).map(|free| free.saturating_sub(VOLUME_RESERVE))
    }
}
