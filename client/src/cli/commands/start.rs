//! `start`: begins a collection.

use std::fmt::Write as _;

use clap::Args;
use jiff::Timestamp;
use vscsi_shared::identifier::Name;
use vscsi_shared::job::{CollectionMode, HostIdentity, Job, Profile, Status, limits};
use vscsi_shared::wire::v1::{CreateJob, ErrorCode, JobOptions, JobView, Vm, VmSelector};

use crate::cli::connect::{ConnectArgs, HostOption, Target};
use crate::cli::job_name::JobName;
use crate::cli::phrase::{disk_names, duration, time};
use crate::cli::{CliError, Env, Outcome, number};
use crate::failure::{Failure, UsageError};
use crate::host::{Host as _, HostError, select_disks, select_vm};
use crate::number::counted;
use crate::store::{JobReference, Store, StoreError};

/// Jobs of one host that may be started without a name in the same second.
const LAST_NUMBER: u32 = 99;

/// Start collecting on a VM's disks
///
/// The agent on the host collects by itself from here on: you can switch this workstation off.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper start --host esxi-host01 --vm SQL-Server-01 --name sql-peak
  vscsi-helper start --host esxi-host01 --vm SQL-Server-01 \\
      --lun vmhba1:C0:T0:L0 --profile deep --name sql-night
  vscsi-helper start --host esxi-host01 --vm 12345 --lun scsi0:0 \\
      --lun scsi0:1 --samples 60 --interval 20")]
pub struct StartArgs {
    #[command(flatten)]
    host: HostOption,
    #[command(flatten)]
    what: CollectArgs,
    /// Name of the job; the time may stand in it, as in `sql-%Y%m%d-%H%M` (UTC) [default: job-YYYYMMDD-HHMMSS]
    #[arg(short, long)]
    name: Option<JobName>,
    /// Say what would be collected, as the host's own commands list it, and start nothing, not even the agent
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// What is collected, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Collection")]
pub(super) struct CollectArgs {
    /// VM by name, world group ID, or path of its .vmx
    #[arg(long)]
    vm: String,
    /// Disk by node, handle ID, vmdk, datastore, device or runtime path; may be repeated
    #[arg(long, value_name = "DISK", default_value = "all")]
    lun: Vec<String>,
    /// Profile: quick (10 x 30 s), standard (30 x 60 s), deep (100 x 120 s) or one from the configuration
    #[arg(short, long, default_value = "standard")]
    profile: String,
    /// Number of samples, instead of the profile's
    #[arg(long, value_name = "NUMBER", value_parser = number::within(limits::SAMPLES.range()))]
    samples: Option<u32>,
    /// Seconds between two snapshots, instead of the profile's
    #[arg(long, value_name = "SECONDS", value_parser = number::within(limits::INTERVAL_SECONDS.range()))]
    interval: Option<u32>,
    /// Stop and start vscsiStats each interval, for hosts where cumulative counters do not work
    #[arg(long)]
    restart: bool,
    /// Consecutive snapshots that may fail, such as while the VM is away, before the job ends
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = vscsi_shared::job::DEFAULT_MAX_MISSES,
        value_parser = number::within(limits::MAX_MISSES.range())
    )]
    max_misses: u32,
}

impl CollectArgs {
    /// The profile with what the command line changes of it.
    pub(super) fn profile(&self, env: &Env) -> Result<Profile, UsageError> {
        let profile = env.config.profile(&self.profile)?;
        let changed = self.samples.is_some() || self.interval.is_some();
        Ok(Profile {
            name: if changed { "custom".to_owned() } else { profile.name },
            samples: self.samples.unwrap_or(profile.samples),
            interval_seconds: self.interval.unwrap_or(profile.interval_seconds),
        })
    }

    /// The VM as the user wrote it.
    pub(super) fn vm(&self) -> &str {
        &self.vm
    }

    /// The disks as the user wrote them.
    pub(super) fn luns(&self) -> &[String] {
        &self.lun
    }

    /// How to collect.
    pub(super) fn options(&self) -> JobOptions {
        JobOptions {
            mode: if self.restart {
                CollectionMode::Restart
            } else {
                CollectionMode::Cumulative
            },
            max_misses: self.max_misses,
        }
    }
}

pub(super) fn run(args: &StartArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open(&env.data_dir)?;
    let target = args.connect.target(&args.host.name, &store, env)?;
    if args.dry_run {
        env.print(plan(args, &target, env)?)?;
        return Ok(Outcome::Done);
    }
    let started = start(&args.what, args.name.as_ref(), &target, &store, env)?;
    if env.json {
        env.print_json(&started.view)?;
    } else {
        let reference = match store.find(started.view.job.job_id.as_str()) {
            Err(StoreError::Ambiguous { .. }) => {
                JobReference::on(started.view.job.job_id.clone(), target.name().as_str()).to_string()
            }
            _ => started.view.job.job_id.to_string(),
        };
        env.print(render(&started, target.name().as_str(), &reference))?;
    }
    Ok(Outcome::Done)
}

/// What `--dry-run` prints.
fn plan(args: &StartArgs, target: &Target<'_>, env: &Env) -> Result<String, CliError> {
    // Refused where the host is reached without ssh: its agent would have to be started to be asked.
    target.shell()?;
    let profile = args.what.profile(env)?;
    let now = env.clock.now();
    let name = match &args.name {
        Some(name) => name.at(now)?,
        None => default_name(now)?,
    };
    let inventory = target.inventory_without_agent()?;
    let vm = select_vm(&inventory, &args.what.vm)?;
    let disks = select_disks(vm, &args.what.lun)?;
    let mut text = format!("Would start job '{name}' on {}:\n  VM: {}", target.name(), vm.name);
    for disk in &disks {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  Disk: {} (handle {})", disk.lun, disk.handle_id);
    }
    let seconds = u64::from(profile.samples) * u64::from(profile.interval_seconds);
    let _ = write!(
        text,
        "\n  Profile: {} ({} @ {}s intervals), {}\nNothing was started.",
        profile.name,
        counted(profile.samples, "sample"),
        profile.interval_seconds,
        duration(seconds)
    );
    Ok(text)
}

/// A job that `start` asked for.
pub(super) struct Started {
    /// The job as the host sees it.
    pub(super) view: JobView,
    /// It was there before.
    repeated: bool,
}

/// Starts a job and records it here, so that `status` and `pull` know where it is. Without a name it is called after
/// the time.
pub(super) fn start(
    what: &CollectArgs,
    name: Option<&JobName>,
    target: &Target<'_>,
    store: &Store,
    env: &Env,
) -> Result<Started, CliError> {
    let profile = what.profile(env)?;
    let name = name.map(|name| name.at(env.clock.now())).transpose()?;
    let host = target.host();
    let inventory = host.inventory()?;
    let vm = select_vm(&inventory, &what.vm)?;
    let disks = select_disks(vm, &what.lun)?;
    let identity = HostIdentity {
        fingerprint: target.key_fingerprints(),
        ..target.identity()
    };
    let request = |name: Name| CreateJob {
        name,
        host: identity.clone(),
        vm: vm_selector(vm),
        disks: disks.clone(),
        profile: profile.clone(),
        options: what.options(),
    };
    let known = name.as_ref().and_then(|name| host.job(name).ok());
    if let Some(known) = known.as_ref().filter(|known| known.job.status.is_final()) {
        return Err(Taken::by(&known.job, target.name().as_str()).into());
    }
    let view = match name {
        Some(name) => host.create_job(&request(name))?,
        None => under_free_name(
            &default_name(env.clock.now())?,
            |name| host.create_job(&request(name)),
            |name| host.job(name).is_ok(),
        )?,
    };
    let keep = || -> Result<Job, StoreError> {
        target.remember(store)?;
        let directory = store.place_for::<StoreError>(&identity.hostname, &view.job, |_| Ok(false))?;
        Ok(directory.record(&identity, &view.job)?.job)
    };
    let job = keep().map_err(|source| NotKept {
        name: view.job.job_id.clone(),
        host: target.name().to_string(),
        source,
    })?;
    let view = JobView { job, ..view };
    Ok(Started {
        view,
        repeated: known.is_some(),
    })
}

/// The job runs, and this workstation has no record of it.
#[derive(Debug, thiserror::Error)]
#[error("job `{name}` was started on {host}, and could not be recorded here")]
struct NotKept {
    name: Name,
    host: String,
    #[source]
    source: StoreError,
}

impl Failure for NotKept {
    fn exit_code(&self) -> u8 {
        self.source.exit_code()
    }

    fn hint(&self) -> Option<String> {
        let Self { name, host, source } = self;
        let first = source.hint().map_or_else(String::new, |hint| format!("{hint}. "));
        Some(format!(
            "{first}The job collects all the same, and ends by itself: `vscsi-helper pull {name} --host {host}` records and \
             fetches it"
        ))
    }
}

/// A job of that name has ended: its samples are another time's.
#[derive(Debug, thiserror::Error)]
#[error("there is a job `{name}` on {host} already, and it is {status} since {since}")]
struct Taken {
    name: Name,
    host: String,
    status: Status,
    since: String,
}

impl Taken {
    fn by(job: &Job, host: &str) -> Self {
        Self {
            name: job.job_id.clone(),
            host: host.to_owned(),
            status: job.status,
            since: time(job.collection.completed_at.unwrap_or(job.updated_at)),
        }
    }
}

impl Failure for Taken {
    fn exit_code(&self) -> u8 {
        vscsi_shared::exit_code::FAILED
    }

    fn hint(&self) -> Option<String> {
        let name = &self.name;
        Some(format!(
            "take another name; in cron one with the time in it, such as `--name '{name}-%Y%m%d-%H%M'` (a crontab wants \
             each `%` as `\\%`)"
        ))
    }
}

/// Cron starts many jobs in the same second, and those on one host would take the same name from it: the later ones are
/// numbered.
fn under_free_name<T>(
    name: &Name,
    mut create: impl FnMut(Name) -> Result<T, HostError>,
    is_taken: impl Fn(&Name) -> bool,
) -> Result<T, HostError> {
    let mut tried = name.clone();
    for number in 2..=LAST_NUMBER {
        let refused = match create(tried.clone()) {
            Err(error) if error.code() == Some(ErrorCode::Conflict) && is_taken(&tried) => error,
            result => return result,
        };
        tried = Name::new(&format!("{name}-{number}")).map_err(|_| refused)?;
    }
    create(tried)
}

fn vm_selector(vm: &Vm) -> VmSelector {
    match vm.world_group_id {
        Some(world_group) if vm.config_file.is_empty() => VmSelector::WorldGroupId(world_group),
        _ => VmSelector::ConfigFile(vm.config_file.clone()),
    }
}

/// `job-20251106-083022`.
pub(super) fn default_name(now: Timestamp) -> Result<Name, CliError> {
    let text = now.strftime("job-%Y%m%d-%H%M%S").to_string();
    Name::new(&text).map_err(|error| UsageError::new(error.to_string(), "give a name with `--name`").into())
}

fn render(started: &Started, host: &str, reference: &str) -> String {
    let view = &started.view;
    let job = &view.job;
    let Profile {
        name,
        samples,
        interval_seconds,
    } = &job.profile;
    let luns = disk_names(&job.target.disks);
    let seconds = u64::from(*samples) * u64::from(*interval_seconds);
    // The host tells the end once the first snapshot is taken; until then it is counted from now.
    let end = view.expected_completion_at.or_else(|| {
        let waiting = !job.status.is_final();
        view.now
            .checked_add(std::time::Duration::from_secs(seconds))
            .ok()
            .filter(|_| waiting)
    });
    let ends = end.map_or_else(String::new, |end| format!("\nEnds: {}", time(end)));
    let done = if started.repeated {
        format!("was already started and is {}; nothing was changed.", job.status)
    } else {
        "started successfully.".to_owned()
    };
    format!(
        "Job '{id}' {done}\n\n\
         Target: {vm} on {host}\n\
         LUN: {luns}\n\
         Profile: {name} ({samples} @ {interval_seconds}s intervals)\n\
         Expected duration: {duration}{ends}\n\n\
         Check status: vscsi-helper status {reference}",
        id = job.job_id,
        vm = job.target.vm_name,
        samples = counted(samples, "sample"),
        duration = duration(seconds),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_without_a_name_is_called_after_its_time() {
        let name = default_name("2025-11-06T08:30:22.9Z".parse().unwrap()).unwrap();
        assert_eq!(name.as_str(), "job-20251106-083022");
    }

    fn refusal(code: ErrorCode) -> HostError {
        HostError::Refused {
            host: "esx1".into(),
            error: vscsi_shared::wire::v1::ApiError {
                code,
                message: "no".into(),
                hint: None,
            },
        }
    }

    #[test]
    fn jobs_of_the_same_second_are_numbered() {
        let taken = ["job-1", "job-1-2"];
        let create = |name: Name| {
            if taken.contains(&name.as_str()) {
                Err(refusal(ErrorCode::Conflict))
            } else {
                Ok(name)
            }
        };
        let is_taken = |name: &Name| taken.contains(&name.as_str());
        let created = under_free_name(&"job-1".parse().unwrap(), create, is_taken);
        assert_eq!(created.unwrap().as_str(), "job-1-3");
    }

    #[test]
    fn another_refusal_is_final() {
        // A conflict about something else than the name is one of these.
        for code in [ErrorCode::NoSuchTarget, ErrorCode::Conflict] {
            let mut times = 0;
            let create = |_| {
                times += 1;
                Err::<(), _>(refusal(code))
            };
            let created = under_free_name(&"job-1".parse().unwrap(), create, |_| false);
            assert_eq!((created.unwrap_err().code(), times), (Some(code), 1));
        }
    }

    fn started() -> Started {
        let view = JobView {
            job: crate::store::tests::job("sql-peak", "esx1"),
            next_due_at: None,
            expected_completion_at: Some("2025-11-06T09:00:22Z".parse().unwrap()),
            now: "2025-11-06T08:30:22Z".parse().unwrap(),
            last_sequence: None,
            acknowledged_sequence: None,
        };
        Started { view, repeated: false }
    }

    #[test]
    fn the_answer_says_what_was_started_and_when_it_ends() {
        assert_eq!(
            render(&started(), "esx1", "sql-peak@esx1"),
            "Job 'sql-peak' started successfully.\n\n\
             Target: SQL-Server-01 on esx1\n\
             LUN: scsi0:0\n\
             Profile: standard (30 samples @ 60s intervals)\n\
             Expected duration: 30 minutes\n\
             Ends: 2025-11-06 09:00:22 UTC\n\n\
             Check status: vscsi-helper status sql-peak@esx1"
        );
    }

    #[test]
    fn the_end_of_a_job_that_has_not_begun_is_counted_from_now() {
        let mut started = started();
        started.view.expected_completion_at = None;
        started.view.job.status = Status::Pending;
        let text = render(&started, "esx1", "sql-peak");
        assert!(text.contains("Ends: 2025-11-06 09:00:22 UTC"), "{text}");
    }

    #[test]
    fn a_job_that_was_there_before_is_not_said_to_be_started() {
        let started = Started {
            repeated: true,
            ..started()
        };
        let text = render(&started, "esx1", "sql-peak");
        assert!(
            text.starts_with("Job 'sql-peak' was already started and is running; nothing was changed."),
            "{text}"
        );
    }
}
