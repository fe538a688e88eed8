//! The names that are known here, for the command line that is being written.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Arg, ArgMatches, Command, CommandFactory as _, FromArgMatches as _};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _};
use vscsi_shared::job::JobDocument;

use crate::cli::{Cli, GlobalOptions};
use crate::store::{JobReference, Origin, Store};

/// What a command line names, by what its help calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Job,
    JobOrFile,
    Host,
    Vm,
    Disk,
}

impl Kind {
    fn of(argument: &Arg) -> Option<Self> {
        match argument.get_value_names()?.first()?.as_str() {
            "JOB" | "BASELINE" | "CANDIDATE" => Some(Self::Job),
            "JOB|CAPTURE" => Some(Self::JobOrFile),
            "HOST" => Some(Self::Host),
            "VM" => Some(Self::Vm),
            "DISK" => Some(Self::Disk),
            _ => None,
        }
    }
}

/// What is known here, and what the command line says already.
#[derive(Debug, Default)]
pub(super) struct Known {
    data_dir: PathBuf,
    job: Option<String>,
    host: Option<String>,
    vm: Option<String>,
}

impl Known {
    /// What is known to a command line of these words. Where they make none, nothing is.
    pub(super) fn to(words: Vec<OsString>) -> Arc<Self> {
        Arc::new(Self::read(words).unwrap_or_default())
    }

    fn read(words: Vec<OsString>) -> Option<Self> {
        let matches = Cli::command().ignore_errors(true).try_get_matches_from(words).ok()?;
        let options = GlobalOptions::from_arg_matches(&matches).ok()?;
        let mut command = &matches;
        while let Some((_, inner)) = command.subcommand() {
            command = inner;
        }
        Some(Self {
            data_dir: options.data_dir(),
            job: said(command, "job"),
            host: said(command, "host").map(|host| host.rsplit('@').next().unwrap_or_default().to_owned()),
            vm: said(command, "vm"),
        })
    }

    /// Lets the arguments of a command be completed with what is known.
    pub(super) fn complete(self: &Arc<Self>, command: Command) -> Command {
        let complete = |argument: Arg| match Kind::of(&argument) {
            Some(kind) => {
                let known = Arc::clone(self);
                argument.add(ArgValueCompleter::new(move |begun: &OsStr| {
                    known.candidates(kind, begun)
                }))
            }
            None => argument,
        };
        command
            .mut_args(complete)
            .mut_subcommands(|subcommand| self.complete(subcommand))
    }

    fn candidates(&self, kind: Kind, begun: &OsStr) -> Vec<CompletionCandidate> {
        let names = self.names(kind).unwrap_or_default();
        let begun_text = begun.to_string_lossy();
        let fitting = names
            .into_iter()
            .filter(|name| is_plain(name) && name.starts_with(&*begun_text));
        let mut candidates: Vec<CompletionCandidate> = fitting.map(CompletionCandidate::new).collect();
        if kind == Kind::JobOrFile {
            candidates.extend(PathCompleter::any().complete(begun));
        }
        candidates
    }

    fn names(&self, kind: Kind) -> Option<BTreeSet<String>> {
        // A directory that is not there is not made by asking.
        if !self.data_dir.is_dir() {
            return None;
        }
        let store = Store::open(&self.data_dir).ok()?;
        if kind == Kind::Host {
            let hosts = store.hosts().ok()?.into_iter();
            return Some(hosts.map(|record| record.address.host.to_string()).collect());
        }
        let jobs: Vec<JobDocument> = store
            .jobs()
            .ok()?
            .jobs
            .into_iter()
            .map(|(_, document)| document)
            .collect();
        Some(match kind {
            Kind::Job | Kind::JobOrFile => jobs.iter().map(|job| reference(job, &jobs)).collect(),
            Kind::Vm => {
                let vms = self
                    .of_the_host(&jobs)
                    .map(|document| document.job.target.vm_name.clone());
                vms.collect()
            }
            Kind::Disk => self.disks(&jobs),
            Kind::Host => BTreeSet::new(),
        })
    }

    fn of_the_host<'jobs>(&self, jobs: &'jobs [JobDocument]) -> impl Iterator<Item = &'jobs JobDocument> {
        let is_there = |document: &&JobDocument| {
            self.host
                .as_ref()
                .is_none_or(|host| host == Origin::of(document).name())
        };
        jobs.iter().filter(is_there)
    }

    /// Those of the job; before there is one, those of the jobs of the VM.
    fn disks(&self, jobs: &[JobDocument]) -> BTreeSet<String> {
        let job = self.job.as_ref().and_then(|job| job.parse::<JobReference>().ok());
        let is_meant = |document: &&JobDocument| match &job {
            Some(job) => job.matches(document),
            None => self.vm.as_ref().is_none_or(|vm| *vm == document.job.target.vm_name),
        };
        let meant = self.of_the_host(jobs).filter(is_meant);
        let disks = meant.flat_map(|document| &document.job.target.disks);
        let names = disks.flat_map(|disk| [disk.node.clone(), disk.lun.clone()]);
        names.filter(|name| !name.is_empty()).collect()
    }
}

/// What the user writes for a job: its name, with its host where another job has the same name.
fn reference(document: &JobDocument, jobs: &[JobDocument]) -> String {
    let name = &document.job.job_id;
    let same = jobs.iter().filter(|other| other.job.job_id == *name).count();
    if same > 1 {
        JobReference::of(document).to_string()
    } else {
        name.to_string()
    }
}

/// The value of an argument that is there already; the first where there are several.
fn said(command: &ArgMatches, id: &str) -> Option<String> {
    let mut values = command.try_get_raw(id).ok()??;
    let value = values.next()?.to_string_lossy().into_owned();
    (!value.is_empty()).then_some(value)
}

/// Every shell takes the name as it is. Others gave the names of VMs and disks, and a shell would obey some.
fn is_plain(name: &str) -> bool {
    let plain = |character: char| character.is_alphanumeric() || "._-:@/+,%".contains(character);
    name.starts_with(|first: char| first.is_alphanumeric() || first == '/') && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{job, keep};

    fn offered(store: &Store, line: &[&str]) -> Vec<String> {
        let mut words: Vec<OsString> = vec!["vscsi-helper".into(), "--data-dir".into(), store.root().into()];
        words.extend(line.iter().map(OsString::from));
        let mut command = Known::to(words.clone()).complete(Cli::command());
        let last = words.len() - 1;
        let candidates = clap_complete::engine::complete(&mut command, words, last, None).unwrap();
        let values = candidates
            .iter()
            .map(|candidate| candidate.get_value().to_string_lossy().into_owned());
        values.filter(|value| !value.starts_with('-')).collect()
    }

    fn store() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        for (name, host) in [("sql-peak", "esx1"), ("web", "esx1"), ("web", "esx2")] {
            let mut job = job(name, host);
            if host == "esx2" {
                job.target.vm_name = "Web-Server-01".to_owned();
                job.target.disks[0].node = "nvme0:3".to_owned();
                job.target.disks[0].lun = "$(reboot)".to_owned();
            }
            keep(&store, &job);
        }
        (directory, store)
    }

    #[test]
    fn jobs_are_offered_as_they_have_to_be_written() {
        let (_directory, store) = store();
        for command in [
            &["status"][..],
            &["analyze"],
            &["pull"],
            &["compare", "sql-peak"],
            &["verify"],
        ] {
            let line = [command, &[""]].concat();
            assert_eq!(
                offered(&store, &line),
                ["sql-peak", "web@esx1", "web@esx2"],
                "{command:?}"
            );
        }
        assert_eq!(offered(&store, &["status", "sq"]), ["sql-peak"]);
    }

    #[test]
    fn vms_and_disks_are_those_of_what_the_line_says_already_and_a_shell_obeys_none() {
        let (_directory, store) = store();
        assert_eq!(offered(&store, &["analyze", "sql-peak", "--disk", ""]), ["scsi0:0"]);
        assert_eq!(offered(&store, &["analyze", "web@esx2", "--disk", ""]), ["nvme0:3"]);
        assert_eq!(
            offered(&store, &["start", "--host", "esx2", "--vm", ""]),
            ["Web-Server-01"]
        );
        assert_eq!(
            offered(
                &store,
                &["start", "--host", "root@esx2", "--vm", "Web-Server-01", "--lun", ""]
            ),
            ["nvme0:3"]
        );
    }

    #[test]
    fn a_data_directory_that_is_not_there_is_not_made() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("data")).unwrap();
        std::fs::remove_dir_all(store.root()).unwrap();
        assert_eq!(offered(&store, &["status", ""]), [""; 0]);
        assert!(!store.root().exists());
    }
}
