//! Running fio, with a deadline.

use std::fs::{self, File};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::Request;
use super::error::VerifyError;
use super::scratch::Site;

/// How often a running fio is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Seconds that fio may take beyond the length of the run: a slow device holds a replay back.
const GRACE_SECONDS: u64 = 120;

/// Runs the prepared job to its end.
pub(super) fn run(request: &Request, site: &Site, progress: &mut dyn FnMut(f64, f64)) -> Result<(), VerifyError> {
    let expected = u64::from(request.duration.unwrap_or(request.target.duration_seconds));
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
    let also_said = said.try_clone().map_err(VerifyError::file("open", &said_path))?;
    let mut child = Command::new(&program)
        .args(["--eta=never", "job.fio"])
        .current_dir(site.path())
        .envs(&site.variables)
        .stdin(Stdio::null())
        .stdout(said)
        .stderr(also_said)
        .spawn()
        .map_err(VerifyError::file("run", &program))?;
    let deadline = Duration::from_secs(expected.saturating_mul(2).saturating_add(GRACE_SECONDS));
    let status = wait(&mut child, deadline, |elapsed| {
        progress(elapsed.as_secs_f64(), expected as f64);
    });
    let status = status.map_err(VerifyError::file("wait for", &program))?;
    let Some(status) = status else {
        return Err(VerifyError::FioHung {
            seconds: deadline.as_secs(),
        });
    };
    if status.success() {
        return Ok(());
    }
    let said = fs::read_to_string(&said_path).unwrap_or_default();
    Err(VerifyError::FioFailed {
        status: status.to_string(),
        message: complaint(&said),
    })
}

/// Waits for the child; `None` when it had to be stopped.
fn wait(child: &mut Child, deadline: Duration, mut tick: impl FnMut(Duration)) -> std::io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        tick(start.elapsed());
        std::thread::sleep(LOOK_EVERY);
    }
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
