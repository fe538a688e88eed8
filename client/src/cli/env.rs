//! What a command gets from its surroundings: configuration, clock, and where output goes.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;

use super::details;
use super::error::{CliError, OutputError};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::visible;

type Writer = Box<dyn Write + Send>;

/// The surroundings of a command. Data goes to the standard output, everything else to the standard error.
///
/// Whatever is printed passes through here, and nothing of it commands the terminal but the colours put on here: hosts,
/// files and programs are called what others call them.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent properties of the command line and the terminal"
)]
pub struct Env {
    /// Defaults, configuration file and `--config`, merged.
    pub config: Config,
    /// Where jobs and the catalog are.
    pub data_dir: PathBuf,
    /// The configuration file that was read, or would be.
    pub config_path: PathBuf,
    /// Print data as JSON.
    pub json: bool,
    /// Print details of the work, as `-v` asks for.
    pub verbose: bool,
    /// Time.
    pub clock: Box<dyn Clock>,
    /// Standard error is a terminal, so progress bars and prompts make sense.
    pub interactive: bool,
    /// Standard output is a terminal, so that lists are tables.
    pub terminal: bool,
    /// Colour the standard error.
    pub color: bool,
    bars: MultiProgress,
    stdout: Mutex<Writer>,
    stderr: Mutex<Writer>,
}

impl Env {
    /// The real process's surroundings.
    pub fn of_process(config: Config, config_path: PathBuf, data_dir: PathBuf) -> Self {
        Self {
            interactive: std::io::stderr().is_terminal(),
            terminal: std::io::stdout().is_terminal(),
            ..Self::with_writers(
                config,
                config_path,
                data_dir,
                Box::new(std::io::stdout()),
                Box::new(std::io::stderr()),
            )
        }
    }

    /// Surroundings that write elsewhere.
    pub fn with_writers(
        config: Config,
        config_path: PathBuf,
        data_dir: PathBuf,
        stdout: Box<dyn Write + Send>,
        stderr: Box<dyn Write + Send>,
    ) -> Self {
        Self {
            config,
            data_dir,
            config_path,
            json: false,
            verbose: false,
            clock: Box::new(SystemClock),
            interactive: false,
            terminal: false,
            color: false,
            bars: MultiProgress::new(),
            stdout: Mutex::new(stdout),
            stderr: Mutex::new(stderr),
        }
    }

    /// The same for a thread beside a picture: it prints nothing, and what fails is told at once.
    pub(super) fn silent(&self) -> Self {
        let mut config = self.config.clone();
        config.ssh.retry_attempts = 0;
        let (path, data) = (self.config_path.clone(), self.data_dir.clone());
        Self::with_writers(config, path, data, Box::new(std::io::sink()), Box::new(std::io::sink()))
    }

    /// The standard output, for files that are written there as they are: tables, completions, manual pages.
    pub fn stdout(&self) -> MutexGuard<'_, Writer> {
        self.stdout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints `text` and a line feed on the standard output.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn print(&self, text: impl fmt::Display) -> Result<(), CliError> {
        self.print_safe(&visible::lines(&text.to_string()))
    }

    /// Prints `value` as indented JSON on the standard output.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn print_json(&self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value).map_err(|error| OutputError(error.into()))?;
        self.print_safe(&visible::json_as_it_is(&text))
    }

    /// Prints `value` as JSON on one line of the standard output.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn print_json_line(&self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string(value).map_err(|error| OutputError(error.into()))?;
        self.print_safe(&visible::json_as_it_is(&text))
    }

    fn print_safe(&self, text: &str) -> Result<(), CliError> {
        let mut stdout = self.stdout();
        writeln!(stdout, "{text}")
            .and_then(|()| stdout.flush())
            .map_err(|error| OutputError(error).into())
    }

    /// Tells the user something on the standard error. That it cannot be written is no reason to fail.
    pub fn note(&self, text: impl fmt::Display) {
        self.say("", &visible::lines(&text.to_string()));
    }

    /// Writes a word of ours, which may have a colour, and a text that commands nothing.
    fn say(&self, word: &str, text: &str) {
        let mut stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        let mut write = || {
            let _ = writeln!(stderr, "{word}{text}");
        };
        // Bars are taken off the terminal for the moment, so that they do not cut the text up.
        if self.interactive {
            self.bars.suspend(write);
        } else {
            write();
        }
    }

    /// Shows what the libraries tell of their work, as `-v` asks for.
    pub(super) fn show_details(&self) {
        details::show(self.bars.clone());
    }

    /// Warns the user on the standard error.
    pub fn warn(&self, text: impl fmt::Display) {
        let word = self.paint("\u{1b}[1;33m", "warning: ");
        self.say(&word, &visible::lines(&text.to_string()));
    }

    /// Prints a detail of the work on the standard error, when `-v` asked for it.
    pub fn detail(&self, text: impl fmt::Display) {
        if self.verbose {
            self.note(text);
        }
    }

    /// Shows why the command failed, and what to do about it.
    pub fn show_error(&self, error: &CliError) {
        let word = self.paint("\u{1b}[1;31m", "error: ");
        self.say(&word, &error.to_string());
        if let Some(hint) = error.hint() {
            self.say("\nhint: ", &visible::one_line(&hint));
        }
        if let Some(by_hand) = error.by_hand() {
            self.say("\n", &visible::lines(&by_hand));
        }
    }

    /// A progress bar on the standard error; nothing is drawn unless that is a terminal.
    pub fn bar(&self, length: u64, template: &str) -> ProgressBar {
        if !self.interactive || self.json {
            return ProgressBar::hidden();
        }
        // A template that indicatif cannot read is a mistake of ours that its default hides from the user.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        // One below the other, as many hosts may be pulled from at once.
        self.bars.add(ProgressBar::new(length).with_style(style))
    }

    /// `path` as users write it: below the home directory it begins with `~`.
    pub fn shown(&self, path: &Path) -> String {
        match etcetera::home_dir()
            .ok()
            .and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned))
        {
            Some(below) if below.as_os_str().is_empty() => "~".to_owned(),
            Some(below) => format!("~{}{}", std::path::MAIN_SEPARATOR, below.display()),
            None => path.display().to_string(),
        }
    }

    fn paint(&self, code: &str, word: &str) -> String {
        if self.color {
            format!("{code}{word}\u{1b}[0m")
        } else {
            word.to_owned()
        }
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Env")
            .field("data_dir", &self.data_dir)
            .field("config_path", &self.config_path)
            .field("json", &self.json)
            .finish_non_exhaustive()
    }
}
