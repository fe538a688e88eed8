//! Where a verification runs: a folder of its own with a scratch file, or a device the user gave up.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use super::error::VerifyError;
use super::leftovers::{FOLDER_PREFIX, mark};
use super::{Preparation, Request};
use crate::fio::{Section, Step, Style, Walk};
use crate::stream::Direction;
use crate::stream::fio_log::issue_log;

/// Space for logs and for the file system's own needs.
const SPARE_BYTES: u64 = 128 << 20;
/// Bytes fio writes down per command in its logs, generously.
const LOG_BYTES_PER_COMMAND: u64 = 200;
/// No process of fio issues more commands per second than this, whatever the device.
const MOST_IOPS: f64 = 200_000.0;

/// Where a run may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A scratch file in this directory.
    Directory(PathBuf),
    /// This device, whose content is destroyed.
    Device(PathBuf),
}

/// A prepared folder. Dropping it removes it with everything in it.
#[derive(Debug)]
pub(super) struct Site {
    folder: TempDir,
    /// Says that the folder is in use, to whoever inherits it too.
    pub mark: File,
    /// Length of each replay log, seconds.
    pub log_seconds: BTreeMap<String, f64>,
    /// Environment variables and the targets they name.
    pub variables: BTreeMap<String, PathBuf>,
    /// Bytes of each target that the job works on, by variable.
    spans: BTreeMap<String, u64>,
}

impl Place {
    /// A run there finds holes.
    pub(super) fn is_sparse(&self, preparation: Preparation) -> bool {
        matches!(self, Self::Directory(_)) && preparation == Preparation::AsItIs
    }

    /// The directory that a run makes its folder in.
    pub(super) fn parent(&self) -> PathBuf {
        match self {
            Self::Directory(directory) => directory.clone(),
            Self::Device(_) => std::env::temp_dir(),
        }
    }
}

/// What the sections of one target need of it.
#[derive(Debug, Clone, Copy, Default)]
struct Need {
    span: u64,
    written: u64,
    commands: u64,
}

impl Site {
    /// Makes the folder, brings the replay logs into it, checks the space and makes the scratch files.
    ///
    /// The scratch files are sparse: a read of a part never written costs the device nothing, which suits a check of
    /// what is issued and not of how fast it is served. What is to be filled needs the space of its whole region.
    ///
    /// `claimed` are the bytes that runs at the same time need there.
    pub(super) fn prepare(request: &Request, sections: &[Section], claimed: &AtomicU64) -> Result<Self, VerifyError> {
        let parent = request.place.parent();
        let folder = tempfile::Builder::new().prefix(FOLDER_PREFIX).tempdir_in(&parent);
        let folder = folder.map_err(VerifyError::file("create a folder in", &parent))?;
        let mark = mark(folder.path())?;
        let mut needs: BTreeMap<String, Need> = BTreeMap::new();
        let mut log_seconds = BTreeMap::new();
        for section in sections {
            let need = needs.entry(target_variable(section)?).or_default();
            match request.target.style {
                Style::Jobs => need_of_job(section, request.duration, need)?,
                Style::Iolog => {
                    let (name, seconds) = need_of_log(section, request.job_file, folder.path(), need)?;
                    log_seconds.insert(name, seconds);
                }
            }
        }
        if request.preparation != Preparation::AsItIs {
            for need in needs.values_mut() {
                need.written = need.span;
            }
        }
        let spans = needs
            .iter()
            .map(|(variable, need)| (variable.clone(), need.span))
            .collect();
        let variables = match request.place {
            Place::Device(device) => device_variables(&needs, device)?,
            Place::Directory(directory) => {
                check_space(directory, &needs, claimed)?;
                scratch_files(folder.path(), &needs)?
            }
        };
        Ok(Self {
            folder,
            mark,
            log_seconds,
            variables,
            spans,
        })
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The targets, with the bytes of each that the job works on.
    pub(super) fn targets(&self) -> impl Iterator<Item = (&Path, u64)> {
        let spans = self.spans.iter();
        spans.filter_map(|(variable, span)| Some((self.variables.get(variable)?.as_path(), *span)))
    }

    /// Stores a job file.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), VerifyError> {
        let path = self.path().join(name);
        fs::write(&path, text).map_err(VerifyError::file("write", &path))
    }
}

/// The environment variable that a section takes its target from.
pub(super) fn target_variable(section: &Section) -> Result<String, VerifyError> {
    let value = section
        .text("replay_redirect")
        .or(section.text("filename"))
        .unwrap_or_default();
    let name = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let is_ours = |name: &&str| {
        let rest = name.strip_prefix("FILENAME");
        rest.is_some_and(|rest| {
            let number = rest.strip_prefix('_').unwrap_or("0");
            (rest.is_empty() || rest.starts_with('_')) && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    name.filter(is_ours)
        .map(str::to_owned)
        .ok_or_else(|| VerifyError::NamesTarget {
            section: section.name.clone(),
            value: value.to_owned(),
        })
}

fn need_of_job(section: &Section, duration: Option<u32>, need: &mut Need) -> Result<(), VerifyError> {
    let size = section.number("size")?.unwrap_or(0);
    let end = section.number("offset")?.unwrap_or(0).saturating_add(size);
    let seconds = duration.map_or(section.number("runtime")?.unwrap_or(0), u64::from);
    let walk = Walk::of(section)?.map(|walk| walk.seconds_in_region(section));
    let step = Step::of(section)?.map(|step| step.seconds_in(size));
    if walk.transpose()?.or(step).is_some_and(|most| most < seconds as f64) {
        return Err(VerifyError::LeavesRegion {
            section: section.name.clone(),
            seconds,
        });
    }
    need.span = need.span.max(end);
    for direction in section.access()?.0 {
        let mean = section.mean_bytes(direction)?.max(512.0);
        // Without a rate, or with one that no device serves, as many commands as fio can issue.
        let iops = section
            .commands_per_second(direction)?
            .unwrap_or(MOST_IOPS)
            .min(MOST_IOPS);
        let commands = iops * seconds as f64;
        if direction == Direction::Write {
            need.written = need.written.saturating_add(whole(commands * mean).min(size));
        }
        need.commands = need.commands.saturating_add(whole(commands));
    }
    Ok(())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of bytes or commands, not negative; the largest one stands for all above"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

/// Brings the log into the folder, and reads what it needs of its target. Returns its name and its length in seconds.
fn need_of_log(
    section: &Section,
    job_file: &Path,
    folder: &Path,
    need: &mut Need,
) -> Result<(String, f64), VerifyError> {
    let name = section.text("read_iolog").unwrap_or_default();
    let mut parts = Path::new(name).components();
    let is_plain = matches!(
        (parts.next(), parts.next()),
        (Some(std::path::Component::Normal(_)), None)
    );
    if !is_plain {
        return Err(VerifyError::LogElsewhere {
            section: section.name.clone(),
            value: name.to_owned(),
        });
    }
    let source = job_file.with_file_name(name);
    let copy = folder.join(name);
    // A link costs nothing; where the folder is on another file system the log is copied.
    if fs::hard_link(&source, &copy).is_err() {
        fs::copy(&source, &copy).map_err(VerifyError::file("read", &source))?;
    }
    let file = File::open(&copy).map_err(VerifyError::file("read", &copy))?;
    let mut reader = BufReader::new(file);
    let mut line = String::new();
    let mut last_us = 0_u64;
    while reader.read_line(&mut line).map_err(VerifyError::file("read", &copy))? > 0 {
        for command in issue_log(line.as_bytes())? {
            let bytes = u64::from(command.bytes);
            need.span = need.span.max(command.offset.saturating_add(bytes));
            need.commands += 1;
            if command.direction == Direction::Write {
                need.written = need.written.saturating_add(bytes);
            }
        }
        let microseconds = line.split(' ').next().and_then(|first| first.parse().ok());
        last_us = microseconds.unwrap_or(last_us);
        line.clear();
    }
    Ok((name.to_owned(), last_us as f64 / 1e6))
}

/// Bytes that the run may write, data and logs.
fn space(needs: &BTreeMap<String, Need>) -> u64 {
    let of_target = |need: &Need| {
        let written = need.written.min(need.span);
        written.saturating_add(need.commands.saturating_mul(LOG_BYTES_PER_COMMAND))
    };
    needs.values().map(of_target).fold(SPARE_BYTES, u64::saturating_add)
}

fn check_space(directory: &Path, needs: &BTreeMap<String, Need>, claimed: &AtomicU64) -> Result<(), VerifyError> {
    let own = space(needs);
    let needed = claimed.fetch_add(own, Ordering::Relaxed).saturating_add(own);
    let available =
        fs4::available_space(directory).map_err(VerifyError::file("look at the free space of", directory))?;
    if available < needed {
        return Err(VerifyError::NoSpace {
            path: directory.to_owned(),
            available: available / 1_000_000,
            needed: needed / 1_000_000,
        });
    }
    Ok(())
}

fn scratch_files(folder: &Path, needs: &BTreeMap<String, Need>) -> Result<BTreeMap<String, PathBuf>, VerifyError> {
    let mut variables = BTreeMap::new();
    for (index, (variable, need)) in needs.iter().enumerate() {
        // fio runs in the folder, so that no character of its path can mean anything to fio.
        let name = PathBuf::from(format!("scratch-{index}"));
        let path = folder.join(&name);
        let file = File::create(&path).map_err(VerifyError::file("create", &path))?;
        file.set_len(need.span.next_multiple_of(1 << 20))
            .map_err(VerifyError::file("enlarge", &path))?;
        variables.insert(variable.clone(), name);
    }
    Ok(variables)
}

fn device_variables(needs: &BTreeMap<String, Need>, device: &Path) -> Result<BTreeMap<String, PathBuf>, VerifyError> {
    let [variable] = needs.keys().collect::<Vec<_>>()[..] else {
        return Err(VerifyError::OneDevice { targets: needs.len() });
    };
    // A link such as /dev/disk/by-path/… may hold colons, which separate names in fio; its target does not.
    let path = device.canonicalize().map_err(VerifyError::file("find", device))?;
    let is_plain = path.to_str().is_some_and(|text| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte))
    });
    if !is_plain {
        return Err(VerifyError::DevicePath { path });
    }
    Ok(BTreeMap::from([(variable.clone(), path)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fio::sections;

    fn space_of(text: &str, duration: u32) -> u64 {
        let mut need = Need::default();
        for section in sections(text).unwrap() {
            need_of_job(&section, Some(duration), &mut need).unwrap();
        }
        space(&BTreeMap::from([("FILENAME".to_owned(), need)]))
    }

    #[test]
    fn the_last_command_of_a_log_says_how_long_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (beside, site) = (folder.path().join("job.fio"), folder.path().join("site"));
        fs::create_dir(&site).unwrap();
        let log = "fio version 3 iolog\n1000 t add\n1000 t open\n1000 t read 0 4096\n3000000000 t write 8192 512\n";
        fs::write(folder.path().join("a.iolog"), log).unwrap();
        let mut need = Need::default();
        let section = &sections("[a]\nread_iolog=a.iolog\n").unwrap()[0];
        let (name, seconds) = need_of_log(section, &beside, &site, &mut need).unwrap();
        assert_eq!(name, "a.iolog");
        assert!((seconds - 3000.0).abs() < 1e-9, "{seconds}");
        assert_eq!((need.span, need.written, need.commands), (8704, 512, 2));
    }

    #[test]
    fn runs_at_the_same_time_need_their_room_together() {
        let folder = tempfile::tempdir().unwrap();
        let needs = BTreeMap::from([("FILENAME".to_owned(), Need::default())]);
        let claimed = AtomicU64::new(0);
        check_space(folder.path(), &needs, &claimed).unwrap();
        check_space(folder.path(), &needs, &claimed).unwrap();
        assert_eq!(claimed.load(Ordering::Relaxed), 2 * SPARE_BYTES);
        claimed.store(1 << 60, Ordering::Relaxed);
        let error = check_space(folder.path(), &needs, &claimed).unwrap_err();
        assert!(matches!(error, VerifyError::NoSpace { .. }), "{error}");
    }

    #[test]
    fn a_run_at_full_speed_needs_room_by_its_length() {
        let text = "[a]\nrw=randread\nbssplit=4k/100\nsize=100g\niodepth=1\n";
        // 200 000 commands a second of 200 bytes each, beside the spare 128 MiB.
        assert_eq!(space_of(text, 5), (128 << 20) + 5 * 40_000_000);
        assert_eq!(space_of(text, 50), (128 << 20) + 50 * 40_000_000);
    }

    #[test]
    fn a_run_at_a_rate_needs_room_for_what_it_writes_at_that_rate() {
        let text = "[a]\nrw=randwrite\nbssplit=4k/100\nsize=100g\nrate=4096000\n";
        // 1 000 commands a second for 10 s, each 4 KiB and 200 bytes of log.
        assert_eq!(space_of(text, 10), (128 << 20) + 10_000 * (4096 + 200));
    }
}
