//! Running fio, with a deadline.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use super::Request;
use super::error::VerifyError;
use super::scratch::Site;
use crate::interrupt::{Deferred, Interruption};

/// How often a running fio is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long fio may take to end its jobs.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// Seconds that fio may take beyond the length of the run: a slow device holds a replay back.
const GRACE_SECONDS: u64 = 120;

/// Runs fio with these arguments in the site's folder, which takes about `expected_seconds`, to its end.
pub(super) fn run(
    request: &Request,
    site: &Site,
    arguments: &[&str],
    expected_seconds: f64,
    deferred: &Deferred,
    progress: &mut dyn FnMut(f64, f64),
) -> Result<(), VerifyError> {
    let said_path = site.path().join("said.txt");
    let said = File::create(&said_path).map_err(VerifyError::file("create", &said_path))?;
    let program = if request.fio.path.components().count() > 1 {
        request
            .fio
            .path
            .canonicalize()
            .map_err(VerifyError::file("find", &request.fio.path))?
    } else {
        request.fio.path.clone()
    };
    // fio's processes hold the mark too, so that the folder is theirs when this program is killed and they are not.
    let mark = site
        .mark
        .try_clone()
        .map_err(VerifyError::file("open the mark of", site.path()))?;
    let also_said = said.try_clone().map_err(VerifyError::file("open", &said_path))?;
    let mut child = Command::new(&program)
        .arg("--eta=never")
        .args(arguments)
        .current_dir(site.path())
        .envs(&site.variables)
        .stdin(mark)
        .stdout(said)
        .stderr(also_said)
        .spawn()
        .map_err(VerifyError::file("run", &program))?;
    let deadline = deadline(expected_seconds);
    let status = wait(&mut child, &program, deadline, |elapsed| {
        progress(elapsed.as_secs_f64(), expected_seconds);
        deferred.check()
    })?;
    if status.success() {
        return Ok(());
    }
    let said = fs::read_to_string(&said_path).unwrap_or_default();
    Err(VerifyError::FioFailed {
        status: status.to_string(),
        message: complaint(&said),
    })
}

/// How long fio may take for a run of this length.
fn deadline(expected_seconds: f64) -> Duration {
    let twice = Duration::try_from_secs_f64(expected_seconds * 2.0).unwrap_or(Duration::MAX);
    twice.saturating_add(Duration::from_secs(GRACE_SECONDS))
}

/// Waits for fio, which is ended when it takes too long or `tick` says so.
fn wait(
    child: &mut Child,
    program: &Path,
    deadline: Duration,
    mut tick: impl FnMut(Duration) -> Result<(), Interruption>,
) -> Result<ExitStatus, VerifyError> {
    let failed = || VerifyError::file("wait for", program);
    let start = Instant::now();
    let reason = loop {
        if let Some(status) = child.try_wait().map_err(failed())? {
            return Ok(status);
        }
        if start.elapsed() > deadline {
            break VerifyError::FioHung {
                seconds: deadline.as_secs(),
            };
        }
        if let Err(interruption) = tick(start.elapsed()) {
            break interruption.into();
        }
        std::thread::sleep(LOOK_EVERY);
    };
    end(child).map_err(failed())?;
    Err(reason)
}

/// Asks fio to end, because its jobs are processes of their own that only it knows, and insists after a while.
fn end(child: &mut Child) -> std::io::Result<()> {
    let asked = Instant::now();
    if ask_to_end(child) {
        while asked.elapsed() < LAST_WORDS {
            if child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
    child.kill()?;
    child.wait().map(drop)
}

#[cfg(unix)]
fn ask_to_end(child: &Child) -> bool {
    rustix::process::kill_process(rustix::process::Pid::from_child(child), rustix::process::Signal::TERM).is_ok()
}

#[cfg(not(unix))]
fn ask_to_end(_child: &Child) -> bool {
    false
}

/// What fio complained about: its lines of error, or its last ones.
fn complaint(said: &str) -> String {
    let errors: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("fio:") || line.contains("error"))
        .collect();
    let lines: Vec<&str> = if errors.is_empty() {
        said.lines().collect()
    } else {
        errors
    };
    let last = lines.len().saturating_sub(3);
    lines
        .get(last..)
        .unwrap_or_default()
        .join("; ")
        .chars()
        .take(400)
        .collect()
}
