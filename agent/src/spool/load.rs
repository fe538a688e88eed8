//! What is in the spool when an agent starts: every job that can be told, and every snapshot that can be read.
//!
//! What cannot be read now, or only by a newer version, is left where it is: it may be readable later.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use vscsi_shared::identifier::Name;
use vscsi_shared::job::{Job, JobDocument};
use vscsi_shared::snapshot::{self, SnapshotFlag, UnreadableSnapshot};
use vscsi_shared::wire::v1::{CreateJob, DiskSelector, JobOptions, VmSelector};

use super::directory::{DirectorySpool, SNAPSHOT_LIMIT, TEXT_LIMIT, failed};
use super::index::{Entry, Index};
use super::sums::{self, Sum};
use super::{Record, Spool as _, SpoolError, Stored, space};
use crate::files;

/// A snapshot that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whole {
    Usable,
    /// It is flagged as a gap or as failed.
    Empty,
    /// Its format is newer than this program.
    Newer,
}

impl DirectorySpool {
    /// Every job, and what is wrong, in words.
    pub(super) fn load_all(&self) -> Result<(Vec<Stored>, Vec<String>), SpoolError> {
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

    fn load_job(&self, job: &Name, notes: &mut Vec<String>) -> Result<Stored, String> {
        let directory = self.job_directory(job);
        files::remove_temporary(&directory);
        let text = |name: &str| {
            files::read_if_there(&directory.join(name), TEXT_LIMIT)
                .map_err(|error| format!("cannot read {name}: {error}"))?
                .ok_or_else(|| format!("{name} is missing"))
        };
        let document =
            JobDocument::from_json(&text("job.json")?).map_err(|error| format!("job.json is unusable: {error}"))?;
        if document.job.job_id != *job {
            return Err("job.json names another job".to_owned());
        }
        let record = text("agent.json").and_then(|bytes| {
            serde_json::from_slice(&bytes).map_err(|error| format!("agent.json is unusable: {error}"))
        });
        let record = record.unwrap_or_else(|problem| {
            notes.push(format!("{job} can be pulled and not be gone on with: {problem}"));
            record_of(&document.job)
        });
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

    /// The snapshots of a job, and how many of them hold usable output. `SHA256SUMS` then lists these and no others.
    fn index_samples(&self, job: &Name, notes: &mut Vec<String>) -> io::Result<(Index, u32)> {
        let directory = self.samples_directory(job);
        let (listed, is_listed) = match sums::read(&directory) {
            Ok(listed) => (listed, true),
            Err(error) => {
                notes.push(format!(
                    "{job}: its checksums cannot be read and were not touched: {error}"
                ));
                (sums::Listed::default(), false)
            }
        };
        let mut index = self.index_of_set_aside(job)?;
        let mut is_tidy = !listed.is_untidy;
        let (mut usable, mut newer) = (0, 0);
        let mut unreadable = Vec::new();
        let mut bytes = Vec::new();
        for sequence in sequences_in(&directory)? {
            let name = snapshot::file_name(sequence);
            let known = listed.sums.get(&sequence).copied();
            index.passed(sequence);
            let taken = match read_into(&directory.join(&name), &mut bytes) {
                Ok(taken) => taken,
                Err(error) => {
                    notes.push(format!("{job}: {name} cannot be read and was not touched: {error}"));
                    unreadable.extend(known.map(|sum| (sequence, sum)));
                    continue;
                }
            };
            let sum = Sum::of(&bytes);
            match examine(&bytes, sum, known) {
                Ok(whole) => {
                    usable += u32::from(whole != Whole::Empty);
                    newer += u32::from(whole == Whole::Newer);
                    is_tidy &= known.is_some();
                    let bytes = bytes.len() as u64;
                    index.insert(Entry { sequence, bytes, sum }, taken);
                }
                Err(problem) => {
                    let moved = self.move_aside(job, &name);
                    let outcome = moved.map_or_else(
                        |error| format!("could not be set aside: {error}"),
                        |()| "was set aside".to_owned(),
                    );
                    notes.push(format!("{job}: {name} {outcome}: {problem}"));
                    index.set_aside(name);
                    index.taken += taken;
                }
            }
        }
        if newer > 0 {
            notes.push(format!(
                "{job}: {newer} snapshots are of a newer format than this version reads and were not touched"
            ));
        }
        let kept = index.from(0);
        is_tidy &= listed.sums.len() == kept.len() + unreadable.len();
        if is_listed && !is_tidy {
            let sums = kept.iter().map(|entry| (entry.sequence, entry.sum));
            let written = sums::rewrite(&directory, sums.chain(unreadable));
            notes.extend(
                written
                    .err()
                    .map(|error| format!("{job}: its checksums cannot be written: {error}")),
            );
        }
        Ok((index, usable))
    }

    fn index_of_set_aside(&self, job: &Name) -> io::Result<Index> {
        let directory = self.job_directory(job).join("set-aside");
        let mut index = Index::default();
        for name in names_in(&directory)? {
            index.taken += fs::metadata(directory.join(&name)).map_or(0, |metadata| space::taken(&metadata));
            index.set_aside(name);
        }
        Ok(index)
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
}

/// What a file holds whose checksum should be `known`, or why it is damaged.
fn examine(bytes: &[u8], sum: Sum, known: Option<Sum>) -> Result<Whole, String> {
    if known.is_some_and(|known| known != sum) {
        return Err("its checksum is wrong".to_owned());
    }
    match snapshot::read(bytes) {
        Ok(snapshot) => {
            let flags = &snapshot.header.flags;
            let is_empty = flags.contains(&SnapshotFlag::Gap) || flags.contains(&SnapshotFlag::Failed);
            Ok(if is_empty { Whole::Empty } else { Whole::Usable })
        }
        Err(UnreadableSnapshot::TooNew { .. }) => Ok(Whole::Newer),
        Err(error) => Err(error.to_string()),
    }
}

/// What can be told of a job without its agent.json: enough to show and pull it, and not to go on with it.
fn record_of(job: &Job) -> Record {
    let disks = job.target.disks.iter();
    Record {
        request: CreateJob {
            name: job.job_id.clone(),
            host: job.host.clone(),
            vm: VmSelector::ConfigFile(job.target.config_file.clone()),
            disks: disks
                .map(|disk| DiskSelector {
                    handle_id: disk.handle_id,
                    node: disk.node.clone(),
                    lun: disk.lun.clone(),
                })
                .collect(),
            profile: job.profile.clone(),
            options: JobOptions {
                mode: job.collection.mode,
                max_misses: job.collection.max_misses,
            },
        },
        boot_id: String::new(),
        first_due_ms: None,
        acknowledged: None,
    }
}

/// Reads a file into `bytes` and gives the space that it takes.
fn read_into(path: &Path, bytes: &mut Vec<u8>) -> io::Result<u64> {
    bytes.clear();
    let file = File::open(path)?;
    let taken = space::taken(&file.metadata()?);
    file.take(SNAPSHOT_LIMIT).read_to_end(bytes)?;
    Ok(taken)
}

/// Sequences of the snapshots in `directory`, sorted. What an interrupted write has left is removed: its snapshot was
/// never there.
fn sequences_in(directory: &Path) -> io::Result<Vec<u32>> {
    let mut sequences = Vec::new();
    for_each_name(directory, |name| {
        if name.ends_with(files::TEMPORARY_SUFFIX) {
            let _ = fs::remove_file(directory.join(name));
        }
        sequences.extend(snapshot::sequence_of(name));
    })?;
    sequences.sort_unstable();
    Ok(sequences)
}

fn names_in(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for_each_name(directory, |name| names.push(name.to_owned()))?;
    names.sort();
    Ok(names)
}

/// The names in a directory, which may have many; none when it is not there.
fn for_each_name(directory: &Path, mut use_it: impl FnMut(&str)) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        if let Some(name) = entry?.file_name().to_str() {
            use_it(name);
        }
    }
    Ok(())
}
