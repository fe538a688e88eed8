//! A fio that can replay timed logs (3.36 or newer), for the tests on systems whose own fio is older.
//!
//! Debian 13 ships one. Its packages are fetched with apt from the machine's own mirror, with the suite changed and
//! with apt's state in a private folder, unpacked there, and run with their own loader. Nothing is installed.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process;

/// The suite whose fio is new enough, and the first version that is.
const SUITE: &str = "trixie";
const LEAST_VERSION: (u32, u32) = (3, 36);

/// The path of a fio that replays timed logs: the one on PATH when it is new enough, else a wrapper script below
/// `target`, made when it is not there yet.
pub(crate) fn ensure(target: &Path) -> Result<PathBuf> {
    let installed = PathBuf::from("fio");
    if is_new_enough(&installed) {
        return Ok(installed);
    }
    let folder = target.join("newer-fio");
    let wrapper = folder.join("fio");
    if is_new_enough(&wrapper) {
        return Ok(wrapper);
    }
    process::say("fetching a newer fio (48 MB) into the target directory");
    fetch(&folder).with_context(|| {
        format!(
            "the tests of replay logs need fio {}.{} or newer; install one, or make apt's mirror reachable",
            LEAST_VERSION.0, LEAST_VERSION.1
        )
    })?;
    write_wrapper(&folder, &wrapper)?;
    if !is_new_enough(&wrapper) {
        bail!("the fio unpacked into {} does not start", folder.display());
    }
    Ok(wrapper)
}

fn is_new_enough(program: &Path) -> bool {
    let output = Command::new(program).arg("--version").stderr(Stdio::null()).output();
    let Ok(output) = output else { return false };
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text
        .trim()
        .trim_start_matches("fio-")
        .split(|letter: char| !letter.is_ascii_digit());
    let mut number = || numbers.next().and_then(|digits| digits.parse::<u32>().ok());
    matches!((number(), number()), (Some(major), Some(minor)) if (major, minor) >= LEAST_VERSION)
}

fn fetch(folder: &Path) -> Result<()> {
    for part in ["lists/partial", "archives/partial", "sources", "root"] {
        fs::create_dir_all(folder.join(part))?;
    }
    // An empty list of installed packages makes apt fetch every dependency, the C library included.
    fs::write(folder.join("status"), "")?;
    fs::write(folder.join("sources/newer.sources"), sources()?)?;
    process::run(apt(folder).arg("update"))?;
    process::run(apt(folder).args(["--yes", "--no-install-recommends", "--download-only", "install", "fio"]))?;
    for entry in fs::read_dir(folder.join("archives"))? {
        let package = entry?.path();
        if package.extension().is_some_and(|extension| extension == "deb") {
            process::run(
                Command::new("dpkg-deb")
                    .arg("--extract")
                    .arg(&package)
                    .arg(folder.join("root")),
            )?;
        }
    }
    Ok(())
}

/// apt-get with all of its state inside `folder`.
fn apt(folder: &Path) -> Command {
    let mut command = Command::new("apt-get");
    let places = [
        ("Dir::State", ""),
        ("Dir::State::status", "status"),
        ("Dir::State::lists", "lists"),
        ("Dir::Etc::sourceparts", "sources"),
        ("Dir::Cache", ""),
        ("Dir::Cache::archives", "archives"),
    ];
    for (option, place) in places {
        command.arg(format!("--option={option}={}", folder.join(place).display()));
    }
    let settings = [
        "Dir::Etc::sourcelist=/dev/null",
        "Dir::Cache::pkgcache=",
        "Dir::Cache::srcpkgcache=",
        "APT::Sandbox::User=",
        "Acquire::Languages=none",
        "Debug::NoLocking=1",
    ];
    command.args(settings.map(|setting| format!("--option={setting}")));
    command
}

/// The machine's own sources with the suite changed. Only the main archive of the running release is taken.
fn sources() -> Result<String> {
    let release = fs::read_to_string("/etc/os-release").context("this system does not say what it is")?;
    let codename = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .context("this is no Debian release; put a newer fio on PATH")?
        .trim_matches('"');
    let mut found = String::new();
    let folder = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
    for entry in folder {
        let path = entry.path();
        let text = fs::read_to_string(&path).unwrap_or_default();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("sources") => found.push_str(&of_stanzas(&text, codename)),
            Some("list") => found.push_str(&of_lines(&text, codename)),
            _ => {}
        }
    }
    found.push_str(&of_lines(
        &fs::read_to_string("/etc/apt/sources.list").unwrap_or_default(),
        codename,
    ));
    if found.is_empty() {
        bail!("apt has no source for `{codename}`");
    }
    Ok(found)
}

/// Sources of the deb822 form.
fn of_stanzas(text: &str, codename: &str) -> String {
    let mut out = String::new();
    for stanza in text.split("\n\n") {
        let field = |name: &str| {
            let mut lines = stanza.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
        };
        let suites = field("Suites").unwrap_or_default();
        let (Some(mirror), true) = (field("URIs"), suites.split_whitespace().any(|suite| suite == codename)) else {
            continue;
        };
        // Writing to a String cannot fail.
        let _ = write!(out, "Types: deb\nURIs: {mirror}\nSuites: {SUITE}\nComponents: main\n");
        if let Some(keyring) = field("Signed-By") {
            let _ = writeln!(out, "Signed-By: {keyring}");
        }
        out.push('\n');
    }
    out
}

/// Sources of the one-line form, as a stanza each.
fn of_lines(text: &str, codename: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().filter(|word| !word.starts_with('[')).collect();
        if let ["deb", mirror, suite, ..] = words[..]
            && suite == codename
        {
            let _ = write!(out, "Types: deb\nURIs: {mirror}\nSuites: {SUITE}\nComponents: main\n\n");
        }
    }
    out
}

/// A script that runs the unpacked fio with its own loader and libraries. fio forks by default and its children would
/// not find the loader's options again, so it uses threads.
fn write_wrapper(folder: &Path, wrapper: &Path) -> Result<()> {
    let folder = folder.canonicalize()?;
    let libraries = folder
        .join("root/usr/lib")
        .join(format!("{}-linux-gnu", std::env::consts::ARCH));
    let loader = fs::read_dir(&libraries)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("ld-linux"))
        })
        .context("the packages hold no loader")?;
    let script = format!(
        "#!/bin/sh\nexec '{}' --library-path '{libraries}:{libraries}/ceph' '{}' --thread \"$@\"\n",
        loader.display(),
        folder.join("root/usr/bin/fio").display(),
        libraries = libraries.display(),
    );
    fs::write(wrapper, script)?;
    make_executable(wrapper)
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<()> {
    bail!("the packages of Debian run on Linux only; put a newer fio on PATH")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_main_archive_of_the_running_release_is_taken() {
        let text = "Types: deb\nURIs: http://one.invalid/debian\nSuites: bookworm bookworm-updates\nComponents: main\n\n\
                    Types: deb\nURIs: http://two.invalid/security\nSuites: bookworm-security\nComponents: main\n";
        let found = of_stanzas(text, "bookworm");
        assert!(
            found.contains("one.invalid") && found.contains("Suites: trixie\n"),
            "{found}"
        );
        assert!(!found.contains("two.invalid"), "{found}");
    }

    #[test]
    fn one_line_sources_become_stanzas() {
        let text = "# note\ndeb [signed-by=/k] http://one.invalid/debian bookworm main\ndeb http://x.invalid y main\n";
        assert_eq!(
            of_lines(text, "bookworm"),
            "Types: deb\nURIs: http://one.invalid/debian\nSuites: trixie\nComponents: main\n\n"
        );
    }
}
