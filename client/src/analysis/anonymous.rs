//! An analysis without names and dates, to be passed on.
//!
//! It is one transformation of what an analysis holds, before anything is made of it, so that no output has a name to hide.
//! Everything is taken apart field by field: one that is added does not compile until somebody decides what becomes of it.
//! The numbers stay as they are, and so do the nodes of disks (`scsi0:0`), which tell nothing of anybody.

use jiff::{SignedDuration, Timestamp};
use vscsi_shared::identifier::{HandleId, Name, WorldGroupId};
use vscsi_shared::job::{Cleanup, Collection, HostIdentity, Job, Profile, Target, TargetDisk};

use super::select::{self, Period};
use super::{Analysis, DiskKey, DiskWorkload, Finding, Options, Provenance, Sample, Series, Workload};
use crate::store::{IMPORT_PROFILE, UNKNOWN_HOST, UNKNOWN_VM};

/// When the first sample of an anonymous job begins: 2000-01-01T00:00:00Z.
pub const BEGINNING: Timestamp = Timestamp::constant(946_684_800, 0);

/// What stands in place of the user's note.
const NOTE: &str = "Names and dates were replaced: vm-1 stands for a VM, host-1 for its host, and time counts from the \
                    beginning of the first sample, which is called 2000-01-01 00:00:00.";

/// Controllers by the names that hosts give them.
const CONTROLLERS: [&str; 5] = ["ide", "nvdimm", "nvme", "sata", "scsi"];

/// What stands for the names of some jobs. The same name has the same alias in all of them, and the time between two dated
/// jobs is kept.
#[derive(Debug, Default)]
pub struct Aliases {
    /// By name and host: two hosts may have a job of the same name.
    jobs: Numbered,
    hosts: Numbered,
    vms: Numbered,
    disks: Numbered,
    /// What is added to the moments of every job that has any.
    shift: Option<SignedDuration>,
}

/// Names in order of appearance.
#[derive(Debug, Default)]
struct Numbered(Vec<String>);

impl Numbered {
    /// The number of a name, from 1.
    fn of(&mut self, name: &str) -> usize {
        let known = self.0.iter().position(|known| known == name);
        let index = known.unwrap_or_else(|| {
            self.0.push(name.to_owned());
            self.0.len() - 1
        });
        index + 1
    }
}

impl Aliases {
    /// The analysis with aliases in place of names, and with its first sample at [`BEGINNING`]. An import, whose samples
    /// have no dates, begins there too.
    pub fn anonymise(&mut self, analysis: Analysis) -> Analysis {
        let Analysis {
            job,
            options,
            series,
            kept,
            cut_iops,
            shares,
            workload,
            profile,
            disks,
            findings,
            partial,
        } = analysis;
        let shift = self.shift(&series);
        // This one names the job in a command to run.
        let advice = partial.and_then(|partial| partial.finding(&job));
        let job = self.job(job);
        let findings = findings.into_iter().map(|finding| {
            let own = partial.filter(|_| Some(&finding) == advice.as_ref());
            let renamed = own.and_then(|partial| partial.finding(&job));
            renamed.unwrap_or_else(|| self.finding(finding))
        });
        let findings = findings.collect();
        Analysis {
            findings,
            options: options_of(&options),
            workload: self.workload(workload, &job, shift),
            disks: disks
                .into_iter()
                .map(|(disk, profile)| (self.disk(&disk), profile))
                .collect(),
            series: self.series(series, shift),
            job,
            kept,
            cut_iops,
            shares,
            profile,
            partial,
        }
    }

    /// What is added to the moments of a job with these samples. Jobs without dates have no time between them.
    fn shift(&mut self, series: &Series) -> SignedDuration {
        let first = series.samples.first().map_or(BEGINNING, select::begin);
        let own = BEGINNING.duration_since(first);
        if series.is_dated() {
            *self.shift.get_or_insert(own)
        } else {
            own
        }
    }

    fn vm(&mut self, name: &str) -> String {
        match name {
            UNKNOWN_VM => name.to_owned(),
            name => format!("vm-{}", self.vms.of(name)),
        }
    }

    fn host(&mut self, name: &str) -> String {
        match name {
            UNKNOWN_HOST => name.to_owned(),
            name => format!("host-{}", self.hosts.of(name)),
        }
    }

    fn disk(&mut self, disk: &DiskKey) -> DiskKey {
        if is_node(&disk.0) {
            disk.clone()
        } else {
            DiskKey(format!("disk-{}", self.disks.of(&disk.0)))
        }
    }

    /// The job. Of its own times, and of what its host said went wrong, nothing is told.
    fn job(&mut self, job: Job) -> Job {
        let Job {
            format_version,
            job_id,
            created_at: _,
            updated_at: _,
            status,
            host,
            target,
            profile,
            collection,
            cleanup,
        } = job;
        Job {
            format_version,
            job_id: Name::anonymous(self.jobs.of(&format!("{job_id}@{}", host.hostname))),
            created_at: BEGINNING,
            updated_at: BEGINNING,
            status,
            host: HostIdentity {
                hostname: self.host(&host.hostname),
                username: None,
                fingerprint: None,
            },
            target: self.target(target),
            profile: Profile {
                name: match profile.name.as_str() {
                    IMPORT_PROFILE => profile.name,
                    _ => "profile".to_owned(),
                },
                samples: profile.samples,
                interval_seconds: profile.interval_seconds,
            },
            collection: Collection {
                started_at: collection.started_at.map(|_| BEGINNING),
                completed_at: collection.completed_at.map(|_| BEGINNING),
                samples_collected: collection.samples_collected,
                samples_expected: collection.samples_expected,
                errors: Vec::new(),
                mode: collection.mode,
                max_misses: collection.max_misses,
                foreign: collection.foreign,
            },
            cleanup: Cleanup {
                vscsi_stats_stopped: cleanup.vscsi_stats_stopped,
                stopped_at: None,
                cleanup_error: None,
                manual_cleanup_required: cleanup.manual_cleanup_required,
                manual_cleanup_command: None,
            },
        }
    }

    /// The VM and its disks. Paths, and the datastores in them, are left out.
    fn target(&mut self, target: Target) -> Target {
        let Target {
            vm_name,
            world_group_id: _,
            config_file: _,
            disks,
        } = target;
        let disks = (1..).zip(disks).map(|(number, disk)| TargetDisk {
            handle_id: HandleId(number),
            lun: String::new(),
            // The disks of a host that prints no node have none.
            node: select::node(&disk).map_or_else(String::new, |node| self.disk(&node).0),
        });
        let disks = disks.collect();
        Target {
            vm_name: self.vm(&vm_name),
            world_group_id: WorldGroupId(0),
            config_file: String::new(),
            disks,
        }
    }

    fn series(&mut self, series: Series, shift: SignedDuration) -> Series {
        let Series { disks, samples } = series;
        let samples = samples.into_iter().map(|sample| Sample {
            taken_at: moved(sample.taken_at, shift),
            ..sample
        });
        Series {
            disks: disks.iter().map(|disk| self.disk(disk)).collect(),
            samples: samples.collect(),
        }
    }

    fn workload(&mut self, workload: Workload, job: &Job, shift: SignedDuration) -> Workload {
        let Workload {
            provenance,
            histograms,
            seconds,
            edge_ios,
            disks,
        } = workload;
        let disks = disks.into_iter().map(|disk| DiskWorkload {
            disk: self.disk(&disk.disk),
            ..disk
        });
        Workload {
            disks: disks.collect(),
            provenance: provenance_of(job, provenance, shift),
            histograms,
            seconds,
            edge_ios,
        }
    }

    fn finding(&mut self, finding: Finding) -> Finding {
        let own_words = finding.in_own_words().map(str::to_owned);
        let Finding {
            severity,
            code,
            message,
            sequence,
            disk,
            occurrences,
        } = finding;
        Finding {
            severity,
            code,
            message: own_words.unwrap_or(message),
            sequence,
            disk: disk.map(|disk| self.disk(&disk)),
            occurrences,
        }
    }
}

/// What was asked for. Disks by name and a period of the wall clock are none any more: the samples are those that they
/// selected.
fn options_of(options: &Options) -> Options {
    let Options {
        filter,
        disks: _,
        period,
        sequential_gap,
    } = *options;
    Options {
        filter,
        disks: Vec::new(),
        period: if period.names_a_date() {
            Period::default()
        } else {
            period
        },
        sequential_gap,
    }
}

/// The provenance of a job that is anonymous already. When it was analysed, counted from its beginning, would tell when
/// that was.
fn provenance_of(job: &Job, provenance: Provenance, shift: SignedDuration) -> Provenance {
    let Provenance {
        job: _,
        note: _,
        vm_name: _,
        host: _,
        filter,
        samples_total,
        samples_kept,
        io_share_kept,
        period,
        analyzed_at: _,
        method_version,
    } = provenance;
    let period = period.map(|(from, to)| (moved(from, shift), moved(to, shift)));
    Provenance {
        job: job.job_id.to_string(),
        note: Some(NOTE.to_owned()),
        vm_name: job.target.vm_name.clone(),
        host: job.host.hostname.clone(),
        filter,
        samples_total,
        samples_kept,
        io_share_kept,
        period,
        analyzed_at: period.map_or(BEGINNING, |(_, to)| to),
        method_version,
    }
}

/// A moment so much later; one that no calendar holds, as of a damaged file, is the beginning.
fn moved(at: Timestamp, shift: SignedDuration) -> Timestamp {
    at.checked_add(shift).unwrap_or(BEGINNING)
}

/// The name is that of a place on a virtual controller, such as `scsi0:0`.
fn is_node(name: &str) -> bool {
    let is_number = |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    name.split_once(':').is_some_and(|(controller, unit)| {
        let number = CONTROLLERS.iter().find_map(|kind| controller.strip_prefix(kind));
        number.is_some_and(is_number) && is_number(unit)
    })
}
