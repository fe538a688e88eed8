//! Reports that the client writes of an imported job, and what a browser makes of them.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vscsi_fixtures::{Direction, DiskLabel, DiskStatistics, HistogramType, IoEvent};

use crate::binaries::Binary;
use crate::browser::{Browser, Trouble};

/// Longer than the script of any page takes.
const DEADLINE: Duration = Duration::from_mins(1);
const MINUTE_US: u64 = 60_000_000;

/// A name of a VM that no telephone is wide enough for.
pub const LONG_NAME: &str = "a-virtual-machine-whose-name-is-longer-than-any-telephone-is-wide-in-one-word";
/// A name of a VM that is markup, and would run a script.
pub const MARKUP_NAME: &str = "</script><img src=x onerror=alert(1)>";

/// Prints of a disk in one file, the first of them the baseline, with so many commands in each of the minutes between them:
/// a log is written all the time and a table is read here and there.
pub fn prints(commands: &[u64]) -> String {
    let mut statistics = DiskStatistics::new();
    let label = DiskLabel {
        world_group_id: 12345,
        handle_id: 8194,
        node: "scsi0:0",
    };
    let mut prints = statistics.print_csv(label, HistogramType::All);
    for (minute, &commands) in (1..).zip(commands) {
        for index in 0..commands {
            let is_write = index % 3 == 0;
            statistics.record(&IoEvent {
                issue_us: MINUTE_US * minute + index * (MINUTE_US / 1000),
                latency_us: 200 + 37 * (index * 7919 % 400),
                lbn: if is_write {
                    16 * index
                } else {
                    index * 104_729 % 9_000_000
                },
                bytes: match index % 4 {
                    0 => 4096,
                    3 => 65_536,
                    _ => 8192,
                },
                direction: if is_write { Direction::Write } else { Direction::Read },
            });
        }
        statistics.advance_to(MINUTE_US * (minute + 1));
        prints.push_str(&statistics.print_csv(label, HistogramType::All));
    }
    prints
}

/// A report on this machine, of the job `sql`.
#[derive(Debug)]
pub struct WrittenReport {
    folder: TempDir,
}

impl WrittenReport {
    /// Of a VM with this name, half an hour long and busy in its middle.
    ///
    /// # Errors
    /// When the client refuses to import the job or to write its report.
    pub fn of(vm: &str) -> Result<Self, Trouble> {
        let commands: Vec<u64> = (0..30)
            .map(|minute| if (8..20).contains(&minute) { 900 } else { 90 })
            .collect();
        Self::of_prints(vm, &prints(&commands))
    }

    /// Of prints one minute apart.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn of_prints(vm: &str, prints: &str) -> Result<Self, Trouble> {
        let written = Self {
            folder: tempfile::tempdir()?,
        };
        written.import("sql", vm, prints)?;
        written.report(&["sql"])?;
        Ok(written)
    }

    /// Of several jobs, `job-0`, `job-1` and so on, of VMs with these names: the later, the busier.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn of_several(vms: &[&str]) -> Result<Self, Trouble> {
        let written = Self {
            folder: tempfile::tempdir()?,
        };
        let mut names = Vec::new();
        for (busy, vm) in (600..).step_by(20).zip(vms) {
            let commands = (0..30).map(|minute| if (8..20).contains(&minute) { busy } else { busy / 10 });
            let name = format!("job-{}", names.len());
            written.import(&name, vm, &prints(&commands.collect::<Vec<u64>>()))?;
            names.push(name);
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        written.report(&names)?;
        Ok(written)
    }

    fn import(&self, name: &str, vm: &str, prints: &str) -> Result<(), Trouble> {
        let file = self.path("prints.csv");
        std::fs::write(&file, prints)?;
        let what = ["import", &file.to_string_lossy(), "--name", name, "--vm", vm];
        let how = ["--interval", "60", "--first-print", "baseline"];
        self.helper(&[&what[..], &how[..]].concat())?;
        Ok(())
    }

    fn report(&self, names: &[&str]) -> Result<(), Trouble> {
        let page = self.page();
        self.helper(&[&["report", "-o", &page.to_string_lossy()], names].concat())?;
        Ok(())
    }

    /// The page.
    pub fn page(&self) -> PathBuf {
        self.path("sql.html")
    }

    /// Where a browser finds it.
    pub fn address(&self) -> String {
        format!("file://{}", self.page().display())
    }

    /// A file or folder beside it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the client prints, on the data of this job.
    ///
    /// # Errors
    /// When it does not end well, with what it says.
    pub fn helper(&self, arguments: &[&str]) -> Result<String, Trouble> {
        let run = Command::new(Binary::Client.path()?)
            .arg("--data-dir")
            .arg(self.path("data"))
            .args(arguments)
            .env("HOME", self.folder.path())
            .output()?;
        if run.status.success() {
            Ok(String::from_utf8(run.stdout)?)
        } else {
            Err(String::from_utf8_lossy(&run.stderr).into_owned().into())
        }
    }

    /// Shows it to a reader, whose browser has run its script.
    ///
    /// # Errors
    /// When there is no browser, or its script has not ended after a minute.
    pub fn shown(&self, switches: &[&str]) -> Result<Browser, Trouble> {
        let browser = self.shown_without_scripts(switches)?;
        let begun = Instant::now();
        while browser.value_of("document.body.classList.contains('improved')")? != true {
            if begun.elapsed() > DEADLINE {
                return Err(format!("the script has not ended: {:?}", browser.console()?).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(browser)
    }

    /// Shows it to a reader, and does not wait for any script.
    ///
    /// # Errors
    /// When there is no browser.
    pub fn shown_without_scripts(&self, switches: &[&str]) -> Result<Browser, Trouble> {
        let browser = Browser::start(switches)?;
        browser.open(&self.address())?;
        Ok(browser)
    }
}
