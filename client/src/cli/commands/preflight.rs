//! `preflight`: what a host allows.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;
use vscsi_shared::exit_code;

use crate::cli::connect::{ConnectArgs, HostArg};
use crate::cli::phrase::duration;
use crate::cli::{CliError, Env, Outcome};
use crate::failure::Failure;
use crate::number::bytes;
use crate::preflight::{self, COLLECT_BY_HAND, Findings, Mode, NAME_THE_HOST, Verdict};
use crate::store::Store;

/// Clocks further apart than this confuse people who compare times; rates do not depend on them.
const CLOCK_TOLERANCE_SECONDS: u64 = 60;

/// Show what a host allows and which mode fits; changes nothing
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vscsi-helper preflight esxi-host01.example.com")]
pub struct PreflightArgs {
    #[command(flatten)]
    host: HostArg,
    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(Serialize)]
struct Report<'a> {
    host: String,
    #[serde(flatten)]
    findings: &'a Findings,
    modes: [Verdict; 3],
    recommended: Option<Mode>,
}

pub(super) fn run(args: &PreflightArgs, env: &Env) -> Result<Outcome, CliError> {
    let store = Store::open_to_look(&env.data_dir)?;
    let target = args.connect.target(&args.host.name, &store, env)?;
    let findings = preflight::ask(&*target.shell()?, env.clock.now())?;
    let recommended = findings.recommended();
    if env.json {
        env.print_json(&Report {
            host: target.name().to_string(),
            findings: &findings,
            modes: findings.verdicts(),
            recommended,
        })?;
    } else {
        env.print(render(&findings, target.name().as_str()).trim_end())?;
    }
    match recommended {
        Some(_) => Ok(Outcome::Done),
        None => Err(NoModeFits::of(&findings, target.name().as_str()).into()),
    }
}

/// The host was asked, and nothing can be installed on it.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
struct NoModeFits {
    reason: String,
    hint: Option<String>,
    by_hand: Option<String>,
    exit_code: u8,
}

impl NoModeFits {
    fn of(findings: &Findings, host: &str) -> Self {
        if !findings.is_esxi {
            return Self {
                reason: format!("{host} is not an ESXi host"),
                hint: Some(NAME_THE_HOST.to_owned()),
                by_hand: None,
                exit_code: exit_code::VSCSISTATS_UNAVAILABLE,
            };
        }
        if findings.is_root == Some(false) {
            return Self {
                reason: format!("the login on {host} is not root's, and vscsiStats is for root alone"),
                hint: Some(format!(
                    "log in as root: `vscsi-helper preflight root@{host}`, or `--user root`"
                )),
                by_hand: None,
                exit_code: exit_code::AUTHENTICATION,
            };
        }
        Self {
            reason: format!("no mode of this version fits {host}"),
            hint: findings.by_hand().map(|_| COLLECT_BY_HAND.to_owned()),
            by_hand: findings.by_hand(),
            exit_code: exit_code::VSCSISTATS_UNAVAILABLE,
        }
    }
}

impl Failure for NoModeFits {
    fn exit_code(&self) -> u8 {
        self.exit_code
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }

    fn by_hand(&self) -> Option<String> {
        self.by_hand.clone()
    }
}

// Writing to a string cannot fail, so the results are dropped.
pub(super) fn render(findings: &Findings, host: &str) -> String {
    let on_off = |state: Option<bool>| match state {
        Some(true) => "on",
        Some(false) => "off",
        None => "unknown",
    };
    let mut text = String::new();
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "  {key:<18} {value}");
    };
    line("ESXi version", findings.version.as_deref().unwrap_or("unknown"));
    line("Exec policy", on_off(findings.exec_policy));
    line("Secure Boot", on_off(findings.secure_boot));
    line(
        "Acceptance level",
        findings.acceptance_level.as_deref().unwrap_or("unknown"),
    );
    line("vscsiStats", findings.vscsistats.as_deref().unwrap_or("not found"));
    let python = findings.python.as_ref();
    line(
        "Python",
        &python.map_or_else(
            || "not found".to_owned(),
            |python| format!("{} at {}", python.version, python.path),
        ),
    );
    if findings.is_root == Some(false) {
        line("Login", "not root's");
    }
    line("Clock", &clock(findings.clock_difference_seconds));
    line(
        "Agent",
        &if findings.agents.is_empty() {
            "none".to_owned()
        } else {
            findings.agents.join(", ")
        },
    );
    let mut text = format!("Host: {host}\n{text}\nDatastores:\n");
    for datastore in &findings.datastores {
        let note = datastore
            .unsuitable
            .map_or_else(String::new, |reason| format!("  ({reason})"));
        let _ = writeln!(
            text,
            "  {:<24} {:<8} {:>10} free{note}",
            datastore.name,
            datastore.kind,
            bytes(datastore.free_bytes)
        );
    }
    text.push_str("\nModes:\n");
    for verdict in findings.verdicts() {
        let mark = if verdict.fits { "yes" } else { "no" };
        let version = if verdict.in_this_version {
            ""
        } else {
            "; not in this version"
        };
        let _ = writeln!(
            text,
            "  {:<8} {mark:<4} {}{version}",
            verdict.mode.as_str(),
            verdict.reason
        );
    }
    let _ = match findings.recommended() {
        Some(mode) => writeln!(text, "\nMode that fits: {}", mode.as_str()),
        None => writeln!(text, "\nNo mode fits this host."),
    };
    for warning in &findings.warnings {
        let _ = writeln!(text, "Note: {warning}");
    }
    text
}

fn clock(difference_seconds: Option<i64>) -> String {
    match difference_seconds {
        None => "unknown".to_owned(),
        Some(seconds) if seconds.unsigned_abs() <= CLOCK_TOLERANCE_SECONDS => "agrees with this machine's".to_owned(),
        Some(seconds) => {
            let direction = if seconds < 0 { "behind" } else { "ahead of" };
            format!(
                "{} {direction} this machine's; rates do not depend on it",
                duration(seconds.unsigned_abs())
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::findings_for_tests;

    #[test]
    fn the_mode_that_fits_is_shown_and_what_this_version_has_not() {
        let open = render(&findings_for_tests(Some(false), Some(true)), "esx1");
        assert!(open.contains("\nMode that fits: binary\n"), "{open}");
        let hardened = render(&findings_for_tests(Some(true), Some(true)), "esx1");
        assert!(hardened.contains("\nMode that fits: script\n"), "{hardened}");
        let line_of = |mode: &str| {
            hardened
                .lines()
                .find(|line| line.trim_start().starts_with(mode))
                .unwrap()
        };
        assert!(line_of("vib").ends_with("; not in this version"), "{hardened}");
        assert!(
            line_of("script").contains("yes  the host's own Python 3.8.16"),
            "{hardened}"
        );
    }

    #[test]
    fn a_host_on_which_nothing_fits_says_why_and_what_to_do() {
        let of = |change: fn(&mut Findings)| {
            let mut findings = findings_for_tests(Some(true), Some(true));
            change(&mut findings);
            let error = NoModeFits::of(&findings, "esx1");
            let told = format!(
                "{} {}",
                error.hint().unwrap_or_default(),
                error.by_hand().unwrap_or_default()
            );
            (error.exit_code(), error.to_string(), told)
        };
        let (code, _, hint) = of(|findings| findings.python = None);
        assert!(
            code == 12 && hint.contains("\n  /usr/sbin/vscsiStats -s -w"),
            "{code} {hint}"
        );
        let (code, message, hint) = of(|findings| findings.is_root = Some(false));
        assert!(
            code == 11 && message.contains("not root's") && hint.contains("root@esx1"),
            "{message}: {hint}"
        );
        let (code, message, _) = of(|findings| findings.is_esxi = false);
        assert!(code == 12 && message == "esx1 is not an ESXi host", "{message}");
    }

    #[test]
    fn a_clock_that_is_a_day_off_is_told_with_its_direction() {
        assert_eq!(
            clock(Some(-86_400)),
            "1 day behind this machine's; rates do not depend on it"
        );
        assert_eq!(clock(Some(3)), "agrees with this machine's");
    }
}
